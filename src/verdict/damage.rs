//! What is worse than late: nothing at all, bytes changed, the stream cut.

use super::detail::Damage;
use super::shape::{median, waited_in_vain};
use super::{Evidence, Finding, Hold, HoldKind, Id, Judgement, Reason, Verdict};
use crate::stats::{Counts, Ending, Summary};

/// First stamps may be older than their request by so much: the clock's own error isn't all that can be wrong.
const STALE_LEAST_US: i64 = 50_000;
/// Two streams may have one event stamped at the same time, but not several.
const SHARED_LEAST: usize = 3;
/// Streams cut by a limit end at the same age, give or take this.
const SAME_AGE_US: i64 = 150_000;
/// No limit is less.
const AGE_LEAST_US: i64 = 1_500_000;
/// Streams that begin further apart don't end at the same age by chance.
const APART_LEAST_US: i64 = 2 * SAME_AGE_US;

/// A verdict, if something is worse than late.
pub(super) fn judge(evidence: &Evidence<'_>) -> Option<Verdict> {
    let streams = evidence.streams;
    // What can't be read isn't nothing, and somebody else's stream is no cut one.
    corrupt(evidence).or_else(|| silent(streams)).or_else(|| cut(streams))
}

/// Not one numbered event in the whole window, nor at the origin's end.
fn silent(streams: &[Summary]) -> Option<Verdict> {
    if !streams.iter().all(waited_in_vain) {
        return None;
    }
    let us = streams.iter().map(Summary::lasted_us).max().unwrap_or(0);
    let with_hello = streams.iter().any(|stream| !stream.samples.is_empty());
    let verdict = Verdict::unknown(Judgement::Silent, Reason::Silent { us, with_hello });
    let verdict = verdict.with(Id::Silent, Damage::Silent { us });
    let is_ended = streams.iter().all(|stream| stream.end.is_theirs());
    Some(if is_ended { verdict } else { verdict.with(Id::SilentOrLonger, Damage::NoEnd) })
}

fn corrupt(evidence: &Evidence<'_>) -> Option<Verdict> {
    let findings = damages(evidence);
    let reason = match findings.first()?.id {
        Id::Replay => Reason::Replayed,
        _ => Reason::Damaged(findings.iter().map(|finding| finding.id).collect()),
    };
    let verdict = Verdict::new(Judgement::Corrupt, Hold::of(HoldKind::None), reason);
    Some(Verdict { findings, ..verdict })
}

fn damages(evidence: &Evidence<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let measured = evidence.clock.filter(|clock| clock.is_measured);
    let error_us = measured.map_or(0, |clock| clock.error_us + clock.contradiction_us);
    let stale_us = evidence.streams.iter().filter_map(|stream| stream.stale_us).max().unwrap_or(0);
    if stale_us > error_us + STALE_LEAST_US {
        findings.push(Finding::new(Id::Replay, Damage::Stale { us: stale_us }));
    }
    let shared = shared(evidence.streams);
    if shared > 0 {
        findings.push(Finding::new(Id::Replay, Damage::Shared { shared, all: evidence.streams.len() }));
    }
    let Counts { missing, duplicated, reordered, corrupt, .. } =
        Counts::total(evidence.streams.iter().map(|stream| &stream.counts));
    let counted = [
        (missing, Id::Lost, Damage::Lost(missing)),
        (duplicated, Id::Repeated, Damage::Repeated(duplicated)),
        (reordered, Id::Reordered, Damage::Reordered(reordered)),
        (corrupt, Id::Changed, Damage::Changed(corrupt)),
    ];
    let counted = counted.into_iter().filter(|(count, ..)| *count > 0);
    findings.extend(counted.map(|(_, id, detail)| Finding::new(id, detail)));
    findings
}

/// How many streams are those of others: their numbered events have the same stamps, to the microsecond.
fn shared(streams: &[Summary]) -> usize {
    let stamps = |stream: &Summary| -> Vec<(u64, i64)> {
        let numbered = stream.samples.iter().filter(|sample| sample.seq > 0);
        numbered.map(|sample| (sample.seq, sample.sent_us)).take(SHARED_LEAST).collect()
    };
    let stamps: Vec<_> = streams.iter().map(stamps).filter(|stamps| stamps.len() == SHARED_LEAST).collect();
    stamps.iter().enumerate().filter(|(n, own)| stamps[..*n].contains(own)).count()
}

/// How events were sent, if that is not the pace that was asked for.
pub(super) fn other_pace(streams: &[Summary]) -> Option<Damage> {
    let pace = |stream: &Summary| {
        // A named stream has its own pace, and no count.
        stream.spec.count?;
        let numbered: Vec<_> = stream.samples.iter().filter(|sample| sample.seq > 0).collect();
        let next_to_each_other = numbered.windows(2).filter(|pair| pair[1].seq == pair[0].seq + 1);
        let found_us = median(next_to_each_other.map(|pair| pair[1].sent_us - pair[0].sent_us))?;
        let asked_us = stream.spec.interval_us;
        let is_other = numbered.len() > SHARED_LEAST && (found_us * 2 < asked_us || found_us > asked_us * 2);
        is_other.then_some(Damage::OtherPace { asked_us, found_us })
    };
    streams.iter().find_map(pace)
}

/// Somebody else ended it before all events had come.
pub(super) fn is_cut(stream: &Summary) -> bool {
    stream.end.is_theirs() && stream.spec.count.is_some_and(|count| stream.counts.received < count)
}

/// Several streams were cut at the same age, however busy they were. A limit counts from the request on or from the
/// response on; between the two, a busy machine makes streams wait for different times.
pub(super) fn is_lifetime_cut(streams: &[Summary]) -> bool {
    let cut: Vec<&Summary> = streams.iter().filter(|stream| is_cut(stream)).collect();
    let requested: Vec<i64> = cut.iter().map(|stream| stream.requested_us).collect();
    let answered: Option<Vec<i64>> = cut.iter().map(|stream| stream.first_byte_us).collect();
    let is_idle = streams.iter().any(|stream| stream.end == Ending::IdleCut);
    cut.len() > 1 && !is_idle && [Some(requested), answered].iter().flatten().any(|begun| are_of_an_age(&cut, begun))
}

/// Whether streams that began then ended at the same age, which is no chance.
fn are_of_an_age(cut: &[&Summary], begun_us: &[i64]) -> bool {
    let ended_us = cut.iter().map(|stream| stream.requested_us + stream.lasted_us());
    let (least, spread) = range(ended_us.zip(begun_us).map(|(ended, begun)| ended - begun));
    let (_, apart) = range(begun_us.iter().copied());
    // Streams that began together end together at a restart, too: then only a limit that people would set is one, a
    // whole number of seconds.
    let is_told = apart > APART_LEAST_US || (least + SAME_AGE_US) % 1_000_000 <= 2 * SAME_AGE_US;
    least > AGE_LEAST_US && spread <= SAME_AGE_US && is_told
}

/// Whether streams that were cut had begun at so different times that a restart would have ended them at different ages.
fn began_apart(streams: &[Summary]) -> bool {
    let cut = streams.iter().filter(|stream| is_cut(stream));
    let (_, apart) = range(cut.map(|stream| stream.requested_us));
    apart > APART_LEAST_US
}

/// The least of some values, and by how much the greatest is more.
fn range(values: impl Iterator<Item = i64>) -> (i64, i64) {
    let (least, most) = values.fold((i64::MAX, i64::MIN), |(least, most), value| (least.min(value), most.max(value)));
    (least, most.saturating_sub(least))
}

fn cut(streams: &[Summary]) -> Option<Verdict> {
    let first = streams.iter().filter(|stream| is_cut(stream)).min_by_key(|stream| stream.end_us)?;
    let (after_us, received, count) = (first.lasted_us(), first.counts.received, first.spec.count.unwrap_or(0));
    let reason = Reason::CutByPath { after_us, received, count };
    let verdict = Verdict::new(Judgement::Cut, Hold::of(HoldKind::None), reason);
    let cut = Damage::Cut { how: first.end, after_us };
    let verdict = match first.end {
        Ending::Truncated => verdict.with(Id::CutTruncated, cut),
        Ending::Reset => verdict.with(Id::CutReset, cut),
        Ending::IdleCut => verdict.with(Id::IdleCut, Damage::IdleCut { us: idle_us(first) }),
        _ => verdict.with(Id::CutClean, cut),
    };
    if !is_lifetime_cut(streams) {
        return Some(verdict);
    }
    Some(verdict.with(Id::LifetimeCut, Damage::SameAge { us: after_us, began_apart: began_apart(streams) }))
}

/// How long nothing had come when the stream ended.
fn idle_us(stream: &Summary) -> i64 {
    let last_us = stream.last_event_us.unwrap_or(stream.requested_us);
    stream.end_us.map_or(0, |end| end - last_us)
}
