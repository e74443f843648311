//! What the path does to a stream: summaries in; verdict, hold and findings out.
//!
//! Pure. Our own origin's streams are judged by their stamps, several streams of different pace at once: the same wait
//! at different paces means that time releases, the same bytes that bytes do, its own interval that the next event does.
//! A slow stream of small events names the verdict; the others explain it. Another origin's streams are judged by
//! arrivals alone.
//!
//! `src/page/core.js` says the same in JavaScript, under the same names: change both.

mod answer;
mod classify;
mod cure;
pub mod cures;
mod damage;
mod decide;
pub mod diagnosis;
pub mod endurance;
mod findings;
mod foreign;
mod hop;
mod products;
pub mod reason;
mod shape;

pub use answer::Reply;
pub use cure::{CureId, Place};
pub use findings::{Finding, Id, Severity};
pub use hop::Hop;
pub use products::products;
pub use reason::{Detail, Reason};

use serde::{Deserialize, Serialize};

use crate::stats::{Clock, Ending, Origin, Summary};

/// Most an event may lag and still be in real time, unless another is asked for.
pub const WITHIN_US: i64 = 100_000;

/// One of the words for a path. Their meaning is fixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Judgement {
    /// At least 95 % of events are within the tolerance.
    RealTime,
    /// Held at first until N bytes or a time, then real time.
    LateStart,
    /// Lumps throughout, released every N bytes or every T.
    Batched,
    /// Each event alone but late.
    Lagging,
    /// Nothing until the origin ends the response, then all of it.
    HeldUntilClose,
    /// Connected, and not one event, not even at the origin's end.
    Silent,
    /// The path ended it while the origin was still streaming.
    Cut,
    /// Events lost, repeated, out of order, or changed.
    Corrupt,
    /// The answer is no event stream.
    NotSse,
    /// There was no answer.
    Unreachable,
    /// What was seen doesn't tell.
    Inconclusive,
}

impl Judgement {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Judgement::RealTime => "real-time",
            Judgement::LateStart => "late-start",
            Judgement::Batched => "batched",
            Judgement::Lagging => "lagging",
            Judgement::HeldUntilClose => "held-until-close",
            Judgement::Silent => "silent",
            Judgement::Cut => "cut",
            Judgement::Corrupt => "corrupt",
            Judgement::NotSse => "not-sse",
            Judgement::Unreachable => "unreachable",
            Judgement::Inconclusive => "inconclusive",
        }
    }

    /// The exit code that says it.
    pub fn exit_code(self) -> u8 {
        match self {
            Judgement::RealTime => 0,
            Judgement::LateStart
            | Judgement::Batched
            | Judgement::Lagging
            | Judgement::HeldUntilClose
            | Judgement::Silent => 1,
            Judgement::Unreachable => 3,
            Judgement::NotSse => 4,
            Judgement::Cut | Judgement::Corrupt => 5,
            Judgement::Inconclusive => 6,
        }
    }
}

/// What releases what is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HoldKind {
    /// Nothing is held.
    None,
    /// The first N bytes.
    StartBytes,
    /// The first T.
    StartTime,
    /// Every N bytes.
    Bytes,
    /// Every T.
    Time,
    /// A fixed time for each event.
    Constant,
    /// The next event.
    OneEvent,
    /// The end of the response.
    Close,
    /// Nothing can be said.
    Unknown,
}

/// What is held, and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Hold {
    /// What releases it.
    pub kind: HoldKind,
    /// N: bytes of the body, transfer coding removed, content coding not.
    pub bytes: Option<u64>,
    /// T in milliseconds.
    pub ms: Option<u64>,
}

impl Hold {
    /// A hold without a number.
    pub fn of(kind: HoldKind) -> Hold {
        Hold { kind, bytes: None, ms: None }
    }
}

/// The judgement with its reasons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The judgement.
    pub verdict: Judgement,
    /// What is held.
    pub hold: Hold,
    /// Why.
    pub reason: Reason,
    /// What else there is to say, the worst first.
    pub findings: Vec<Finding>,
}

/// Whether there were streams at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// There were.
    Stream,
    /// There was a response that is no event stream; what it is.
    NotSse(Finding),
    /// There was no response head; why.
    Unreachable(Finding),
}

/// All there is to judge by.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// Whether there were streams at all.
    pub answer: &'a Answer,
    /// What was seen of them: one or more.
    pub streams: &'a [Summary],
    /// The clock that their summaries were made with.
    pub clock: Option<&'a Clock>,
    /// Most an event may lag and still be in real time.
    pub within_us: i64,
}

impl Verdict {
    fn new(verdict: Judgement, hold: Hold, reason: Reason) -> Verdict {
        Verdict { verdict, hold, reason, findings: Vec::new() }
    }

    fn unknown(verdict: Judgement, reason: Reason) -> Verdict {
        Verdict::new(verdict, Hold::of(HoldKind::Unknown), reason)
    }

    /// Adds findings, and keeps the worst first.
    pub fn add(&mut self, findings: Vec<Finding>) {
        self.findings.extend(findings);
        self.findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity()));
    }

    /// What one finding says is all there is to say.
    fn found(verdict: Judgement, finding: &Finding) -> Verdict {
        let reason = Reason::Found(finding.detail.clone());
        Verdict { findings: vec![finding.clone()], ..Verdict::unknown(verdict, reason) }
    }

    fn with(mut self, id: Id, detail: impl Into<Detail>) -> Verdict {
        self.findings.push(Finding::new(id, detail));
        self
    }
}

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
