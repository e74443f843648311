//! Recordings: all that was observed of streams, to be judged elsewhere or later.
//!
//! Every time is in microseconds on the recorder's clock, whose zero is the recorder's choice. Times of the origin's clock
//! are written less [`Recording::unix_us`], so that they are small. Reads and events are arrays, because there are many.

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use super::entries::{EventRecord, ReadRecord};
use super::stream::{Ending, Origin};

/// The version of the schema.
pub const SCHEMA: u32 = 1;

/// The tolerance of recordings that name none, in milliseconds.
const WITHIN_MS: i64 = 100;

/// What was observed of one path.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recording {
    /// The version of the schema: [`SCHEMA`].
    pub schema: u32,
    /// What it is a recording of.
    pub kind: Kind,
    /// The program that recorded it.
    #[serde(default)]
    pub program: String,
    /// The request for the streams.
    pub request: RequestRecord,
    /// Whose origin it is; none if that is to be found out from the recording.
    #[serde(default)]
    pub origin: Option<Origin>,
    /// Maximum lag that counts as real time.
    #[serde(default = "within_ms")]
    pub within_ms: i64,
    /// The recorder's Unix time at its zero.
    pub unix_us: i64,
    /// What is known of the origin's clock.
    #[serde(default)]
    pub clock: ClockRecord,
    /// Times in which the recorder itself was late: from, to.
    #[serde(default)]
    pub stalls: Vec<(i64, i64)>,
    /// Times in which a page was hidden: from, to; it still is if there is no end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hidden: Vec<(i64, Option<i64>)>,
    /// Times in which a device was offline or slept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub away: Vec<(i64, Option<i64>)>,
    /// When the recording was written.
    pub elapsed_us: i64,
    /// The streams, in the order in which they were asked for.
    pub streams: Vec<StreamRecord>,
    /// The state of a stream that is watched; probes only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<LiveRecord>,
    /// What the observer can do; diagnoses only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observer: Option<Observer>,
    /// When the diagnosis began.
    #[serde(default, skip_serializing_if = "is_default")]
    pub begun_us: i64,
    /// The user has cancelled the diagnosis.
    #[serde(default, skip_serializing_if = "is_default")]
    pub is_cancelled: bool,
}

fn within_ms() -> i64 {
    WITHIN_MS
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// What a recording is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Streams of one request.
    Probe,
    /// Variants of one request.
    Diagnose,
}

/// A request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestRecord {
    /// The absolute URL.
    pub url: String,
    /// The method.
    pub method: String,
    /// The header fields that the observer sets.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
}

/// What is known of the origin's clock.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClockRecord {
    /// How long the TCP handshake took.
    #[serde(default)]
    pub connect_us: Option<i64>,
    /// Exchanges: t0, t1 (the origin's clock), t3.
    #[serde(default)]
    pub exchanges: Vec<(i64, i64, i64)>,
    /// Exchanges on a near way to the same origin.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub near: Vec<(i64, i64, i64)>,
    /// The origin was asked for its time and told none.
    #[serde(default, skip_serializing_if = "is_default")]
    pub has_failed: bool,
}

/// What was observed of one stream.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamRecord {
    /// The name of its pace.
    pub name: String,
    /// Time from one event to the next.
    pub interval_us: i64,
    /// Bytes of data asked for in each event.
    #[serde(default)]
    pub size: u64,
    /// Number of events asked for.
    #[serde(default)]
    pub count: Option<u64>,
    /// Another content type than that of event streams was asked for.
    #[serde(default, skip_serializing_if = "is_default")]
    pub any_type: bool,
    /// The id that the observer asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its own URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The round of a diagnosis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round: Option<String>,
    /// The id of the variant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// What the variant is looked at for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// When the request was begun, if that was earlier than its writing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begun_us: Option<i64>,
    /// When the request was written.
    pub requested_us: i64,
    /// The head of the response.
    #[serde(default)]
    pub head: Option<HeadRecord>,
    /// The start of an answer that is not an event stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beginning: Option<String>,
    /// Why there was no stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<FailureRecord>,
    /// What our origin says it saw of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hello: Option<Value>,
    /// What our origin says about the stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<StatusRecord>,
    /// The reads; none where events arrive without.
    #[serde(default)]
    pub reads: Option<Vec<ReadRecord>>,
    /// The events.
    #[serde(default)]
    pub events: Vec<EventRecord>,
    /// Where comments end in the content.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub comments: Vec<u64>,
    /// The body was not an event stream after all.
    #[serde(default, skip_serializing_if = "is_default")]
    pub is_undecodable: bool,
    /// How it ended; none if it goes on.
    #[serde(default)]
    pub end: Option<EndRecord>,
    /// The body's bytes, transfer coding removed, in base64; the reads are its boundaries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

/// The head of a response. An `EventSource` tells its time alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeadRecord {
    /// When it was complete.
    pub at_us: i64,
    /// The status code.
    #[serde(default, skip_serializing_if = "is_default")]
    pub status: Option<u16>,
    /// The HTTP version, such as `HTTP/1.1`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub http: String,
    /// The URL that answered.
    #[serde(default, skip_serializing_if = "is_default")]
    pub url: String,
    /// The header fields, in order.
    #[serde(default, skip_serializing_if = "is_default")]
    pub headers: Vec<(String, String)>,
    /// The URLs that redirected here, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redirects: Vec<String>,
    /// When the name was resolved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved_us: Option<i64>,
    /// When the connection was there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connected_us: Option<i64>,
    /// When TLS was there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secured_us: Option<i64>,
}

/// Why there was no stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailureRecord {
    /// Which sort of failure.
    pub answer: FailureKind,
    /// The id of the finding.
    pub id: String,
    /// What happened.
    pub text: String,
}

/// Sorts of failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// There was no response head.
    Unreachable,
    /// The response is not an event stream.
    NotSse,
}

/// What our origin says about a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatusRecord {
    /// Its state.
    pub state: StreamState,
    /// Who ended it.
    #[serde(default)]
    pub ended_by: Option<String>,
    /// When it began; the origin's clock.
    #[serde(default)]
    pub opened_us: Option<i64>,
}

/// States of a stream at its origin.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StreamState {
    /// The origin has had no stream of this id.
    #[default]
    Unknown,
    /// It sends.
    Open,
    /// It has ended.
    Ended,
}

/// How a stream ended, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndRecord {
    /// How.
    pub how: Ending,
    /// When.
    pub at_us: i64,
}

/// What a page knows of the stream that it watches, whose connections are the recording's streams, the last one the current.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LiveRecord {
    /// What the page is doing.
    pub phase: Phase,
    /// Since when.
    pub since_us: i64,
    /// Attempts that failed since the last stream.
    pub failures: u64,
    /// Events of all connections.
    pub received: u64,
    /// When the last of them came.
    #[serde(default)]
    pub last_us: Option<i64>,
    /// The record begins in the middle of the current stream.
    #[serde(default)]
    pub is_continued: bool,
    /// What was answered last.
    #[serde(default)]
    pub previous: Option<Value>,
}

/// What a page that watches a stream is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// It waits for a response head.
    Opening,
    /// The head is there.
    Open,
    /// Events come.
    Receiving,
    /// The stream was lost, and is asked for again.
    Reconnecting,
    /// It will be asked for again.
    Waiting,
    /// It can't be asked for again.
    Closed,
    /// The origin has ended it.
    Ended,
    /// The user has stopped it.
    Stopped,
}

/// What the observer of a diagnosis can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Observer {
    /// A page in a browser, which can't choose what it accepts.
    #[serde(default)]
    pub is_browser: bool,
    /// Most streams at a time.
    pub at_once: usize,
}
