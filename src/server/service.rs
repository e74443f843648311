//! The seam between the engine and a service: what is served.
//!
//! The engine reads and screens the head of a request and sends it through tiny_http. On the router's thread, the
//! [`Service`] makes an [`Action`] of it. The connection's own thread carries that out: it sends a response, or runs a
//! [`Task`], which may read the request's body, take its time, and write to the socket itself.

use std::any::Any;
use std::fmt::{Debug, Write as _};
use std::sync::Arc;

use tiny_http::Request;

use super::body::{BODY_LIMIT, BodyError, RequestBody};
use super::connection::Connection;
use super::watcher::Watcher;
use crate::http::request::{BodyLength, fields, printable};
use crate::http::response::Persistence;
use crate::http::{Response, Version};
use crate::shutdown::Stop;

/// Scripts of any page may read what the public part answers; it asks for no credentials. A response that says
/// `Cross-Origin-Resource-Policy` itself does not get this field.
pub(crate) const CORS: (&str, &str) = ("Access-Control-Allow-Origin", "*");
/// When to come back after a 503, in seconds.
pub(crate) const RETRY_AFTER: (&str, &str) = ("Retry-After", "5");
pub(crate) const ALLOW: &str = "Allow";
/// All that the public part as a whole allows.
pub(crate) const PUBLIC_METHODS: &str = "GET, HEAD, POST, OPTIONS";
/// Longest value of a header field, and longest target, in a log line.
pub(crate) const LOGGED_MAX: usize = 200;

/// Stack of a connection's thread, unless its service needs more. Only the pages that are touched count, two as a rule;
/// unoptimised builds and the gzip encoder need more.
const STACK: usize = 128 * 1024;

/// A request head that passed the screening.
#[derive(Debug)]
pub(crate) struct Exchange {
    /// The head as the client sent it.
    pub(crate) head: Vec<u8>,
    /// The target in origin-form.
    pub(crate) target: String,
    pub(crate) version: Version,
    /// How the body is delimited, which the connection's thread has yet to read.
    pub(crate) body: BodyLength,
    /// The client lets the connection serve another request.
    pub(crate) keep_alive: bool,
    pub(crate) connection: Arc<Connection>,
}

impl Exchange {
    /// What the log says of the way that the request took, where it is known.
    pub(crate) fn trace(&self) -> String {
        let fields = fields(&self.head);
        let mut trace = String::new();
        for (label, field) in [("cf-ray", "cf-ray"), ("forwarded-for", "x-forwarded-for")] {
            if let Some((_, value)) = fields.iter().find(|(name, _)| name.eq_ignore_ascii_case(field)) {
                let _ = write!(trace, " {label}=\"{}\"", printable(value, LOGGED_MAX));
            }
        }
        trace
    }
}

/// The value of a header field that tiny_http has read.
pub(crate) fn field<'a>(request: &'a Request, name: &'static str) -> Option<&'a str> {
    request.headers().iter().find(|header| header.field.equiv(name)).map(|header| header.value.as_str())
}

/// What a connection's thread does about a request. Except for a task, it reads and discards the request's body first.
#[derive(Debug)]
pub(crate) enum Action {
    /// Send a complete response.
    Respond(Response),
    /// Send a response head alone, to a HEAD request for a stream.
    RespondHead(Vec<u8>, Persistence),
    /// Carry out a response that takes its time, or that needs the request's body.
    Run(Box<dyn Task>),
}

/// Answers requests.
pub(crate) trait Service: Debug + Send + Sync {
    /// Says what to do about a request. `request` is what tiny_http made of its head, and `target` its target. The
    /// router's only thread calls this, so nothing may wait.
    fn route(&self, request: &Request, target: &str, exchange: Exchange) -> Action;

    /// Ends threads of its own, because the server stops.
    fn stop(&self) {}

    /// How many descriptors a connection takes.
    fn descriptors(&self) -> u64 {
        1
    }

    /// How much stack a connection's thread needs, in bytes.
    fn stack(&self) -> usize {
        STACK
    }
}

/// A response that is carried out on its connection's thread. Dropped before it ran, it undoes what was prepared for it.
pub(crate) trait Task: Debug + Send {
    /// Longest body that its route takes, in bytes; beyond it 413.
    fn body_limit(&self) -> usize {
        BODY_LIMIT
    }

    /// Carries it out, to its end. What it has not read of the body is read and discarded afterwards, if the connection
    /// is to serve another request.
    fn run(self: Box<Self>, context: TaskContext<'_>) -> ConnectionState;
}

/// What a task works with.
#[derive(Debug)]
pub(crate) struct TaskContext<'a> {
    pub(crate) connection: &'a Arc<Connection>,
    pub(crate) watcher: &'a Watcher,
    /// The server's order to stop.
    pub(crate) stop: &'a Stop,
    /// The request's body.
    pub(crate) body: RequestBody<'a>,
    /// What a task leaves for the next one on the same connection. It is dropped when the connection ends.
    pub(crate) kept: &'a mut Kept,
}

/// What is kept between two tasks of a connection.
pub(crate) type Kept = Option<Box<dyn Any + Send>>;

/// The state of the connection after a task.
#[derive(Debug)]
pub(crate) enum ConnectionState {
    /// The response is complete, and says itself where it ends.
    Complete,
    /// The response is complete, and the end of the connection is its end.
    Last,
    /// Nothing was sent, and this response is to be.
    Unsent(Response),
    /// Nothing was sent, because the body can't be read.
    BodyFailed(BodyError),
    /// Nothing more can be said on it.
    Broken,
}
