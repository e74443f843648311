//! What was observed of one path: its streams, recorded, and the origin's clock.

use serde_json::Value;

use crate::stats::recording::StreamState;
use crate::stats::{Clock, Exchange, Recorder, Stall, StreamSpec};
use crate::verdict::{Answer, Finding, Reply};

/// Streams that are asked for at once are begun at once, unless something keeps them back.
const BEGUN_LATE_US: i64 = 1_000_000;

/// What was observed of one path. Times are on the recorder's clock.
#[derive(Debug)]
pub struct Observation {
    /// The URL.
    pub url: String,
    /// The method.
    pub method: String,
    /// The header fields that the observer set.
    pub headers: Vec<(String, String)>,
    /// The URLs that redirected the request for the origin's time, and so those for the streams as well.
    pub redirects: Vec<String>,
    /// Exchanges of the origin's time.
    pub exchanges: Vec<Exchange>,
    /// Those on a near way to the same origin, if there is one.
    pub near: Vec<Exchange>,
    /// How long the TCP handshake took, if the heads don't tell.
    pub connect_us: Option<i64>,
    /// Times in which the recorder itself was late.
    pub stalls: Vec<Stall>,
    /// Maximum lag that counts as real time.
    pub within_us: i64,
    /// The recorder's Unix time when its clock was 0.
    pub unix_us: i64,
    /// When the observation ended.
    pub elapsed_us: i64,
    /// The streams, in the order in which they were asked for.
    pub streams: Vec<StreamObservation>,
}

/// What was observed of one stream.
#[derive(Debug)]
pub struct StreamObservation {
    /// What was asked for.
    pub asked: StreamSpec,
    /// Whether another content type than that of event streams was asked for.
    pub any_type: bool,
    /// When its request was begun.
    pub begun_us: i64,
    /// The head of its response.
    pub head: Option<Head>,
    /// The start of an answer that is not an event stream.
    pub beginning: Option<String>,
    /// What our origin saw of the request.
    pub hello: Option<Value>,
    /// The id that was asked for, if it was the observer's to choose.
    pub id: Option<String>,
    /// What our origin says about it.
    pub status: Option<Status>,
    /// What there is of it.
    pub result: Outcome,
}

/// What there is of a stream.
#[derive(Debug)]
pub enum Outcome {
    /// Its record.
    Stream(Box<Recorder>),
    /// Why there is none.
    Failed(Answer),
}

/// The head of a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// When the name was resolved.
    pub resolved_us: Option<i64>,
    /// When the connection was there.
    pub connected_us: Option<i64>,
    /// When TLS was there.
    pub secured_us: Option<i64>,
    /// When it was complete.
    pub at_us: i64,
    /// The status; none if the observer wasn't told.
    pub status: Option<u16>,
    /// The HTTP version.
    pub http: String,
    /// The URL that answered.
    pub url: String,
    /// The header fields, in order.
    pub headers: Vec<(String, String)>,
    /// The URLs that redirected here, in order.
    pub redirects: Vec<String>,
}

/// What our origin says about a stream; its own clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Its state.
    pub state: StreamState,
    /// Who ended it.
    pub ended_by: Option<String>,
    /// When it began.
    pub opened_us: Option<i64>,
}

impl Head {
    /// How long the TCP handshake took.
    pub(super) fn connect_us(&self) -> Option<i64> {
        Some(self.connected_us? - self.resolved_us?).filter(|us| *us >= 0)
    }

    /// Why the response is not a stream, if it isn't; `beginning` is the start of its body.
    pub fn refusal(&self, beginning: &str, any_type: bool) -> Option<Finding> {
        let status = self.status?;
        let Head { headers, redirects, url, .. } = self;
        let reply = Reply { status, headers, redirects, url, excerpt: beginning };
        if status == 200 && any_type { None } else { reply.problem() }
    }
}

impl StreamObservation {
    /// A stream that brought nothing but a failure.
    pub fn failed(asked: StreamSpec, begun_us: i64, answer: Answer) -> StreamObservation {
        StreamObservation {
            asked,
            any_type: false,
            begun_us,
            head: None,
            beginning: None,
            hello: None,
            id: None,
            status: None,
            result: Outcome::Failed(answer),
        }
    }

    /// The origin never began it, or so late that something must have kept the request back, and there was no head: what is
    /// kept back says nothing about events.
    pub(super) fn never_began(&self, exchanges: &[Exchange]) -> bool {
        let Some(status) = self.status.as_ref().filter(|_| self.head.is_none()) else { return false };
        let opened_us = || Some(Clock::from_exchanges(exchanges, None)?.to_probe(status.opened_us?));
        match status.state {
            StreamState::Unknown => true,
            StreamState::Open | StreamState::Ended => {
                opened_us().is_some_and(|opened_us| opened_us - self.begun_us > BEGUN_LATE_US)
            }
        }
    }
}

/// How many streams the origin began later than others that were asked for at the same time, and by how much at most;
/// `stale_us` is by how much each was begun before it was asked for.
pub(super) fn begun_late(stale_us: impl Iterator<Item = i64> + Clone) -> Option<(usize, i64)> {
    let waits = || stale_us.clone().map(|stale_us| (-stale_us).max(0));
    let least = waits().min()?;
    let late = || waits().map(|wait| wait - least).filter(|later| *later > BEGUN_LATE_US);
    Some((late().count(), late().max()?))
}

/// Whether the origin began a stream later than it was asked for.
pub(super) fn is_begun_late(stale_us: Option<i64>) -> bool {
    stale_us.is_some_and(|stale_us| -stale_us > BEGUN_LATE_US)
}
