//! An origin that is not ours: events come when they come, and nothing tells when they were sent.

use super::detail::Arrivals;
use super::shape::{NOISE, median};
use super::{Hold, HoldKind, Id, Judgement, Reason, Verdict};
use crate::stats::{Ending, Lump, Summary};

/// Fewer events make no pattern.
const EVENTS_LEAST: u64 = 5;
/// A response that comes whole sooner may have been there whole.
const HELD_LEAST_US: i64 = 1_000_000;
/// What comes so close to the end came with it.
const WITH_END_US: i64 = 100_000;

/// Judges by arrivals: by the stream with the most events.
pub(super) fn judge(streams: &[Summary], within_us: i64) -> Verdict {
    let Some(stream) = streams.iter().max_by_key(|stream| stream.counts.received) else {
        return Verdict::unknown(Judgement::Inconclusive, Reason::NoStream);
    };
    let mut verdict = undecodable(stream).or_else(|| ended(stream)).unwrap_or_else(|| pattern(stream, within_us));
    if stream.counts.reordered > 0 {
        verdict = verdict.with(Id::IdsGoBack, Arrivals::IdsGoBack { times: stream.counts.reordered });
    }
    if stream.first_byte_us.is_none() {
        return verdict.with(Id::NoStamps, Arrivals::NothingCame);
    }
    verdict.with(Id::NoStamps, Arrivals::ArrivalsOnly)
}

/// Whatever changed it, an event stream it is no more.
fn undecodable(stream: &Summary) -> Option<Verdict> {
    if stream.counts.corrupt == 0 {
        return None;
    }
    let reason = Reason::Undecodable { after_us: stream.lasted_us() };
    let verdict = Verdict::new(Judgement::Corrupt, Hold::of(HoldKind::None), reason);
    Some(verdict.with(Id::Changed, Arrivals::BeforeUndecodable { events: stream.counts.received }))
}

/// An end that no origin makes on purpose.
fn ended(stream: &Summary) -> Option<Verdict> {
    let (id, how) = match stream.end {
        Ending::Truncated | Ending::IdleCut | Ending::LifetimeCut => (Id::CutTruncated, Ending::Truncated),
        Ending::Reset => (Id::CutReset, Ending::Reset),
        Ending::Ours | Ending::Clean | Ending::None => return None,
    };
    let (after_us, received) = (stream.lasted_us(), stream.counts.received);
    let verdict = Verdict::new(Judgement::Cut, Hold::of(HoldKind::None), Reason::BrokeOff { how, after_us });
    Some(verdict.with(id, Arrivals::BrokeOff { how, after_us, received }))
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
        let verdict = Verdict::unknown(Judgement::Inconclusive, Reason::FewEvents { events });
        return verdict.with(Id::TooShort, Arrivals::RunEnded);
    }
    if let Some(verdict) = parts(stream, within_us) {
        return verdict;
    }
    let alone: u64 = groups.iter().filter(|lump| lump.events == 1).count() as u64;
    if alone as f64 >= (1.0 - NOISE) * events as f64 {
        return Verdict::new(Judgement::RealTime, Hold::of(HoldKind::None), Reason::Alone { alone, events });
    }
    let detail = Arrivals::Together { together: events - alone, events, largest: stream.bursts.largest };
    Verdict::unknown(Judgement::Inconclusive, Reason::Together).with(Id::Bursty, detail)
}

fn quiet(stream: &Summary) -> Verdict {
    let comments = stream.heartbeats;
    let reason = Reason::Quiet { us: stream.lasted_us(), comments };
    Verdict::unknown(Judgement::Inconclusive, reason).with(Id::Quiet, Arrivals::Comments(comments))
}

/// All events came at once, right before the end, and late.
fn with_the_end(stream: &Summary, groups: &[&Lump]) -> Option<Verdict> {
    let (first, end_us) = (stream.first_event_us?, stream.end_us?);
    let waited_us = first - stream.requested_us;
    let at_once = groups.len() <= 2 && end_us - first <= WITH_END_US && stream.counts.received >= 3;
    if stream.end != Ending::Clean || !at_once || waited_us < HELD_LEAST_US {
        return None;
    }
    let reason = Reason::WithTheEnd { events: stream.counts.received, after_us: waited_us };
    let verdict = Verdict::new(Judgement::HeldUntilClose, Hold::of(HoldKind::Close), reason);
    Some(verdict.with(Id::HeldUntilClose, Arrivals::NothingBeforeEnd))
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
    let verdict = Verdict::new(Judgement::Batched, hold, Reason::AmidEvents { bytes });
    let detail = Arrivals::AmidEvents { cut: cut_off.len(), all: stream.lumps.len(), bytes };
    Some(verdict.with(Id::BatchedBytes, detail))
}
