//! What can be said of a path, and what it is said by.

use serde::{Deserialize, Serialize};

use super::detail::Detail;
use super::finding_id::Id;
use super::findings::Finding;
use super::reason::Reason;
use crate::stats::{Clock, Summary};

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
    pub(super) fn new(verdict: Judgement, hold: Hold, reason: Reason) -> Verdict {
        Verdict { verdict, hold, reason, findings: Vec::new() }
    }

    pub(crate) fn unknown(verdict: Judgement, reason: Reason) -> Verdict {
        Verdict::new(verdict, Hold::of(HoldKind::Unknown), reason)
    }

    /// Adds findings, and keeps the worst first.
    pub fn add(&mut self, findings: Vec<Finding>) {
        self.findings.extend(findings);
        self.findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity()));
    }

    /// What one finding says is all there is to say.
    pub(super) fn found(verdict: Judgement, finding: &Finding) -> Verdict {
        let reason = Reason::Found(finding.detail.clone());
        Verdict { findings: vec![finding.clone()], ..Verdict::unknown(verdict, reason) }
    }

    pub(super) fn with(mut self, id: Id, detail: impl Into<Detail>) -> Verdict {
        self.findings.push(Finding::new(id, detail));
        self
    }
}
