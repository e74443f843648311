//! An origin that is not ours: events come when they come, and nothing tells when they were sent.

use super::findings::time;
use super::shape::{NOISE, median};
use super::{Finding, Hold, HoldKind, Id, Judgement, Verdict};
use crate::stats::{Ending, Lump, Summary};

/// Fewer events make no pattern.
const EVENTS_LEAST: u64 = 5;
/// A response that comes whole sooner may have been there whole.
const HELD_LEAST_US: i64 = 1_000_000;
/// What comes so close to the end came with it.
const WITH_END_US: i64 = 100_000;

/// What to do about a body without a single event in it.
const NO_STREAM: &str = "it says that it is an event stream, and is none: is the URL the stream's? the log on standard error tells what is wrong with its bytes";

/// Judges by arrivals: by the stream with the most events.
pub(super) fn judge(streams: &[Summary], within_us: i64) -> Verdict {
    let Some(stream) = streams.iter().max_by_key(|stream| stream.counts.received) else {
        return Verdict::unknown(Judgement::Inconclusive, "there was no stream to judge by");
    };
    let mut verdict = undecodable(stream).or_else(|| ended(stream)).unwrap_or_else(|| pattern(stream, within_us));
    if stream.counts.reordered > 0 {
        let text = format!("{} times an id was less than the one before", stream.counts.reordered);
        verdict = verdict.with(Id::IdsGoBack, text);
    }
    if stream.first_byte_us.is_none() {
        let finding = Finding::new(Id::NoStamps, "nothing came, not even the origin's time: whose it is is unknown");
        let advice = "does the server take requests at all? only of an origin of this program's more can be told";
        verdict.findings.push(finding.advising(advice));
        return verdict;
    }
    verdict.with(Id::NoStamps, "what was judged is how events arrive, not how late they are")
}

/// Whatever changed it, an event stream it is no more.
fn undecodable(stream: &Summary) -> Option<Verdict> {
    if stream.counts.corrupt == 0 {
        return None;
    }
    let after = time(stream.lasted_us());
    let summary = format!("what came after {after} can't be decoded");
    let verdict = Verdict::new(Judgement::Corrupt, Hold::of(HoldKind::None), summary);
    let finding = match stream.counts.received {
        0 => Finding::new(Id::Changed, "not one event came before that").advising(NO_STREAM),
        1 => Finding::new(Id::Changed, "1 event came before that"),
        events => Finding::new(Id::Changed, format!("{events} events came before that")),
    };
    Some(Verdict { findings: vec![finding], ..verdict })
}

/// An end that no origin makes on purpose.
fn ended(stream: &Summary) -> Option<Verdict> {
    let (id, how) = match stream.end {
        Ending::Truncated | Ending::IdleCut | Ending::LifetimeCut => (Id::CutTruncated, "the body broke off"),
        Ending::Reset => (Id::CutReset, "the connection was reset"),
        Ending::Ours | Ending::Clean | Ending::None => return None,
    };
    let after = time(stream.lasted_us());
    let summary = format!("{how} after {after}, by the path or by the origin");
    let verdict = Verdict::new(Judgement::Cut, Hold::of(HoldKind::None), summary);
    Some(verdict.with(id, format!("{how} after {after}, {} events in", stream.counts.received)))
}

fn pattern(stream: &Summary, within_us: i64) -> Verdict {
    let groups: Vec<&Lump> = stream.lumps.iter().filter(|lump| lump.events > 0).collect();
    let events = stream.counts.received;
    if events == 0 {
        return quiet(stream);
    }
    if let Some(verdict) = with_the_end(stream, &groups) {
        return verdict;
    }
    if events < EVENTS_LEAST {
        let summary = format!("{events} events arrived: too few to judge by");
        return Verdict::unknown(Judgement::Inconclusive, summary).with(Id::TooShort, "the run ended before more came");
    }
    if let Some(verdict) = parts(stream, within_us) {
        return verdict;
    }
    let alone: u64 = groups.iter().filter(|lump| lump.events == 1).count() as u64;
    if alone as f64 >= (1.0 - NOISE) * events as f64 {
        let summary = format!("{alone} of {events} events arrived alone, as a path without buffers would pass them");
        return Verdict::new(Judgement::RealTime, Hold::of(HoldKind::None), summary);
    }
    let largest = stream.bursts.largest;
    let summary = "events arrive several at once: the origin may send them so, or the path may hold them";
    let text = format!("{} of {events} events came with others, up to {largest} at once", events - alone);
    Verdict::unknown(Judgement::Inconclusive, summary).with(Id::Bursty, text)
}

fn quiet(stream: &Summary) -> Verdict {
    let waited = time(stream.lasted_us());
    let (summary, what) = match stream.heartbeats {
        0 => (format!("no event arrived in {waited}, nor anything else"), "not even a comment came".to_owned()),
        1 => (
            format!("no event arrived in {waited}, but a comment did: the path passes something on"),
            "1 comment came".to_owned(),
        ),
        n => (
            format!("no event arrived in {waited}, but comments did: the path passes something on"),
            format!("{n} comments came"),
        ),
    };
    Verdict::unknown(Judgement::Inconclusive, summary).with(Id::Quiet, what)
}

/// All events came at once, right before the end, and late.
fn with_the_end(stream: &Summary, groups: &[&Lump]) -> Option<Verdict> {
    let (first, end_us) = (stream.first_event_us?, stream.end_us?);
    let waited_us = first - stream.requested_us;
    let at_once = groups.len() <= 2 && end_us - first <= WITH_END_US && stream.counts.received >= 3;
    if stream.end != Ending::Clean || !at_once || waited_us < HELD_LEAST_US {
        return None;
    }
    let count = stream.counts.received;
    let summary = format!("{count} events arrived together after {}, with the end of the response", time(waited_us));
    let verdict = Verdict::new(Judgement::HeldUntilClose, Hold::of(HoldKind::Close), summary);
    Some(verdict.with(Id::HeldUntilClose, "nothing came before the end; the origin itself may have waited"))
}

/// Lumps that end amid an event, the rest of which comes much later: no origin writes so, a buffer does.
fn parts(stream: &Summary, within_us: i64) -> Option<Verdict> {
    let pauses = stream.lumps.windows(2);
    let cut_off: Vec<&Lump> = pauses
        .filter(|pair| !pair[0].is_whole && pair[1].at_us - pair[0].at_us > within_us)
        .map(|pair| &pair[0])
        .collect();
    if cut_off.len() < 3 || cut_off.len() * 3 < stream.lumps.len() * 2 {
        return None;
    }
    // The first may hold less, and what was there before.
    let bytes = median(cut_off.iter().skip(1).map(|lump| lump.bytes))?;
    let hold = Hold { bytes: Some(bytes), ..Hold::of(HoldKind::Bytes) };
    let summary = format!("events arrive in lumps of about {bytes} bytes that end amid an event");
    let verdict = Verdict::new(Judgement::Batched, hold, summary);
    let text =
        format!("{} of {} lumps end amid an event, {bytes} bytes the median one", cut_off.len(), stream.lumps.len());
    Some(verdict.with(Id::BatchedBytes, text))
}
