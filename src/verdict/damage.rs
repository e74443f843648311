//! What is worse than late: nothing at all, bytes changed, the stream cut.

use super::findings::{events, time};
use super::shape::{median, waited_in_vain};
use super::{Evidence, Finding, Hold, HoldKind, Id, Judgement, Verdict};
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
    let waited = time(streams.iter().map(Summary::lasted_us).max().unwrap_or(0));
    let hello = if streams.iter().any(|stream| !stream.samples.is_empty()) { " but the first" } else { "" };
    let verdict = Verdict::unknown(Judgement::Silent, format!("not one event arrived{hello} in {waited}"));
    let verdict =
        verdict.with(Id::Silent, format!("nothing came in {waited}, and by then the origin had time for all of it"));
    let is_ended = streams.iter().all(|stream| stream.end.is_theirs());
    Some(if is_ended {
        verdict
    } else {
        verdict.with(Id::SilentOrLonger, "the end of the response didn't come either")
    })
}

fn corrupt(evidence: &Evidence<'_>) -> Option<Verdict> {
    let findings = damages(evidence);
    let words: Vec<&str> = findings.iter().map(|finding| finding.id.as_str()).collect();
    let summary = match findings.first()?.id {
        Id::Replay => "a stored stream was replayed instead of a new one".to_owned(),
        _ => format!("events don't arrive as they were sent: {}", words.join(", ")),
    };
    let verdict = Verdict::new(Judgement::Corrupt, Hold::of(HoldKind::None), summary);
    Some(Verdict { findings, ..verdict })
}

fn damages(evidence: &Evidence<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let measured = evidence.clock.filter(|clock| clock.is_measured);
    let error_us = measured.map_or(0, |clock| clock.error_us + clock.contradiction_us);
    let stale_us = evidence.streams.iter().filter_map(|stream| stream.stale_us).max().unwrap_or(0);
    if stale_us > error_us + STALE_LEAST_US {
        let text = format!("the first event had been sent {} before it was asked for", time(stale_us));
        findings.push(Finding::new(Id::Replay, text));
    }
    let shared = shared(evidence.streams);
    if shared > 0 {
        let text = format!("{shared} of {} requests were answered with the stream of another", evidence.streams.len());
        findings.push(Finding::new(Id::Replay, text));
    }
    let Counts { missing, duplicated, reordered, corrupt, .. } =
        Counts::total(evidence.streams.iter().map(|stream| &stream.counts));
    let counted = [
        (Id::Lost, missing, "never came, though later ones did"),
        (Id::Repeated, duplicated, "came more than once"),
        (Id::Reordered, reordered, "came behind a later one"),
        (Id::Changed, corrupt, "came with other bytes than were sent"),
    ];
    let counted = counted.into_iter().filter(|(_, count, _)| *count > 0);
    findings.extend(counted.map(|(id, count, what)| Finding::new(id, format!("{} {what}", events(count)))));
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

/// What to say if events weren't sent at the pace that was asked for.
pub(super) fn other_pace(streams: &[Summary]) -> Option<String> {
    let pace = |stream: &Summary| {
        // A named stream has its own pace, and no count.
        stream.spec.count?;
        let numbered: Vec<_> = stream.samples.iter().filter(|sample| sample.seq > 0).collect();
        let next_to_each_other = numbered.windows(2).filter(|pair| pair[1].seq == pair[0].seq + 1);
        let found_us = median(next_to_each_other.map(|pair| pair[1].sent_us - pair[0].sent_us))?;
        let asked_us = stream.spec.interval_us;
        (numbered.len() > SHARED_LEAST && (found_us * 2 < asked_us || found_us > asked_us * 2)).then(|| {
            format!("asked for an event every {}, the origin sent one every {}", time(asked_us), time(found_us))
        })
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
    let after = time(first.lasted_us());
    let count = first.spec.count.unwrap_or(0);
    let received = first.counts.received;
    let summary = format!("the path ended the stream after {after}, {received} of {count} events in");
    let verdict = Verdict::new(Judgement::Cut, Hold::of(HoldKind::None), summary);
    let verdict = match first.end {
        Ending::Truncated => verdict.with(Id::CutTruncated, format!("the body broke off after {after}")),
        Ending::Reset => verdict.with(Id::CutReset, format!("the connection was reset after {after}")),
        Ending::IdleCut => verdict.with(Id::IdleCut, idle(first)),
        _ => verdict.with(Id::CutClean, format!("the body ended after {after} as if it were complete")),
    };
    if !is_lifetime_cut(streams) {
        return Some(verdict);
    }
    let text = if began_apart(streams) {
        format!("streams that began at different times end at the age of {after}, busy or not")
    } else {
        format!("streams end at the age of {after}, busy or not; a restart looks the same")
    };
    Some(verdict.with(Id::LifetimeCut, text))
}

fn idle(stream: &Summary) -> String {
    let last_us = stream.last_event_us.unwrap_or(stream.requested_us);
    let idle_us = stream.end_us.map_or(0, |end| end - last_us);
    format!("the stream was cut when nothing had come for {}", time(idle_us))
}
