//! From summaries to a verdict.

use super::damage;
use super::decide;
use super::detail::Detail;
use super::finding_id::Id;
use super::foreign;
use super::judgement::{Answer, Evidence, Judgement, Verdict};
use super::reason::Reason;
use crate::stats::{Clock, Ending, Origin, Summary};

/// Judges.
pub fn judge(evidence: &Evidence<'_>) -> Verdict {
    let mut verdict = match evidence.answer {
        Answer::Unreachable(why) => Verdict::found(Judgement::Unreachable, why),
        Answer::NotSse(why) => Verdict::found(Judgement::NotSse, why),
        Answer::Stream if evidence.streams.is_empty() => Verdict::unknown(Judgement::Inconclusive, Reason::NoStream),
        Answer::Stream if evidence.streams.iter().any(|stream| stream.origin == Origin::Foreign) => {
            foreign::judge(evidence.streams, evidence.within_us)
        }
        Answer::Stream => ours(evidence),
    };
    verdict.add(Vec::new());
    verdict
}

/// The stream that names the verdict, and whose numbers represent the path: the slowest in bytes a second that has
/// enough events for numbers, of the smallest events.
pub fn representative(streams: &[Summary]) -> Option<&Summary> {
    let smallest = streams.iter().map(|stream| stream.spec.size).min()?;
    let naming = streams.iter().filter(|stream| stream.spec.size == smallest);
    naming.max_by_key(|stream| stream.spec.count.unwrap_or(stream.counts.received))
}

/// How the run ended, and how many microseconds after its request: as the first stream did that somebody else ended too
/// early, else as the representative one.
pub fn ending(streams: &[Summary]) -> (Ending, Option<i64>) {
    let early = streams.iter().filter(|stream| damage::is_cut(stream)).min_by_key(|stream| stream.end_us);
    early.or_else(|| representative(streams)).map_or((Ending::None, None), |stream| {
        let how = if damage::is_lifetime_cut(streams) { Ending::LifetimeCut } else { stream.end };
        (how, stream.end_us.map(|end_us| end_us.saturating_sub(stream.requested_us)))
    })
}

/// Exchanges that contradict each other by less may differ by a drift.
const CONTRADICTION_US: i64 = 50_000;

fn ours(evidence: &Evidence<'_>) -> Verdict {
    if evidence.streams.iter().all(|stream| stream.spec.count == Some(0)) {
        return nothing_wanted();
    }
    let contradiction_us = evidence.clock.map_or(0, |clock| clock.contradiction_us);
    let verdict = damage::judge(evidence).unwrap_or_else(|| match contradiction_us {
        CONTRADICTION_US.. => contradictory(contradiction_us),
        _ => certain(evidence),
    });
    let verdict = match damage::other_pace(evidence.streams) {
        Some(detail) => verdict.with(Id::OtherPace, detail),
        None => verdict,
    };
    let excused: u64 = evidence.streams.iter().map(|stream| stream.excused).sum();
    if excused == 0 {
        return verdict;
    }
    verdict.with(Id::OwnStalls, Detail::OwnStalls { excused })
}

/// The decision, unless it would be another one within the clock's error.
fn certain(evidence: &Evidence<'_>) -> Verdict {
    let Evidence { streams, within_us, .. } = *evidence;
    let doubt_us = evidence.clock.map_or(0, |clock| clock.doubt_us);
    let verdict = decide::decide(streams, within_us, doubt_us);
    // Whatever the clock is wrong by, no event came before it was sent: lags may be less than they seem by as much as
    // the least of them, and no more.
    let lags = streams.iter().flat_map(|stream| &stream.samples).map(|sample| sample.lag_us);
    let most_too_long = lags.min().unwrap_or(0).clamp(0, doubt_us);
    let is_real_time = |within_us| decide::decide(streams, within_us, doubt_us).verdict == Judgement::RealTime;
    let is_late_if_less = is_real_time(within_us + most_too_long) == is_real_time(within_us);
    let is_late_if_more = is_real_time(within_us - doubt_us) == is_real_time(within_us);
    if verdict.verdict == Judgement::Inconclusive || is_late_if_less && is_late_if_more {
        return verdict;
    }
    doubtful(evidence.clock, within_us, doubt_us)
}

fn nothing_wanted() -> Verdict {
    Verdict::unknown(Judgement::Inconclusive, Reason::NoEventsWanted).with(Id::TooShort, Detail::NoEventsWanted)
}

fn contradictory(contradiction_us: i64) -> Verdict {
    let verdict = Verdict::unknown(Judgement::Inconclusive, Reason::ClocksDisagree);
    verdict.with(Id::ClockError, Detail::ClockAnswersDiffer { us: contradiction_us })
}

fn doubtful(clock: Option<&Clock>, within_us: i64, doubt_us: i64) -> Verdict {
    let verdict = Verdict::unknown(Judgement::Inconclusive, Reason::LagUncertain);
    if clock.is_some_and(|clock| clock.is_measured) {
        return verdict.with(Id::ClockError, Detail::ClockError { error_us: doubt_us, within_us });
    }
    verdict.with(Id::NoClock, Detail::NoClock { within_us })
}
