//! What a probe found, as text, as JSON, as a page, and as JUnit's XML.
//!
//! Pure: no clock, no terminal; the width and whether to use colours are told.

mod chart;
pub mod diagnosis;
mod html;
mod json;
mod junit;
mod prose;
mod table;
mod text;
mod text_builder;
mod timing;
pub mod tunnel;
mod words;

use serde_json::Value;

pub use html::html;
pub use json::{Json, json};
pub use junit::junit;
pub use text::text;
pub use text_builder::Style;

use crate::stats::recording::Recording;
use crate::stats::{Clock, Summary};
use crate::verdict::{Hop, Verdict};

/// All that a probe found out about a path.
#[derive(Debug, Clone)]
pub struct Report {
    /// The URL that was measured, absolute, as the user gave it.
    pub url: String,
    /// The request's method.
    pub method: String,
    /// What the path does.
    pub verdict: Verdict,
    /// When what happened to the request of the stream that names the verdict.
    pub timing: Timing,
    /// The origin's clock; none of an origin that isn't ours.
    pub clock: Option<Clock>,
    /// The probe's own Unix time when its clock was 0.
    pub started_unix_us: i64,
    /// The streams, in the order in which they were asked for; none if there was no answer.
    pub streams: Vec<Summary>,
    /// The head of the response.
    pub response: Option<Response>,
    /// What our origin says it saw of the request.
    pub origin_saw: Option<Value>,
    /// What is known of whatever lies between.
    pub hop: Option<Hop>,
    /// All that was seen, to be judged again, if it was wanted.
    pub recording: Option<Box<Recording>>,
    /// Another path, measured at the same time.
    pub against: Option<Box<Report>>,
}

/// Milliseconds from the start of the request, each including those before it, as curl has them. What did not happen is
/// none: no TLS, a connection that was there already.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Timing {
    /// The name was resolved.
    pub dns: Option<f64>,
    /// The connection was there.
    pub connect: Option<f64>,
    /// TLS was there.
    pub tls: Option<f64>,
    /// The head of the response was there.
    pub head: Option<f64>,
    /// The first byte of the body came.
    pub first_byte: Option<f64>,
    /// The first event was complete.
    pub first_event: Option<f64>,
}

/// The head of a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The HTTP version, such as `HTTP/1.1`.
    pub http: String,
    /// The header fields, in order.
    pub headers: Vec<(String, String)>,
    /// The URLs that redirected here, in order.
    pub redirects: Vec<String>,
}

impl Response {
    /// The first value of a field.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}
