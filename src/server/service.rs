//! What a ring serves: the seam between connections and what is done about their requests.
//!
//! The ring reads requests, screens them and sends them through tiny_http. A [`Service`] says what to do about each, and
//! the connection's own thread does it.

use std::any::Any;
use std::fmt::{Debug, Write as _};
use std::sync::Arc;

use tiny_http::Request;

use super::registry::Connection;
use super::ring::Shared;
use crate::http::request::{fields, printable};
use crate::http::response::Persistence;
use crate::http::{Response, Version};

/// Longest value of a header field, and longest target, in a log line.
pub(crate) const LOGGED_MAX: usize = 200;

/// Stack of a connection's thread, unless its service needs more. Only the pages that are touched count, two as a rule;
/// unoptimised builds and the gzip encoder need more.
const STACK: usize = 128 * 1024;

/// A request that passed the screening.
#[derive(Debug)]
pub(crate) struct Exchange {
    /// The head as the client sent it.
    pub(crate) head: Vec<u8>,
    /// The target in origin-form.
    pub(crate) target: String,
    pub(crate) version: Version,
    pub(crate) body: Vec<u8>,
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

/// What a connection is told to do.
#[derive(Debug)]
pub(crate) enum Action {
    /// Send a complete response.
    Respond(Response),
    /// Send a response head alone, to a HEAD request for a stream.
    RespondHead(Vec<u8>, Persistence),
    /// Carry out a response that takes its time.
    Run(Box<dyn Task>),
}

/// Answers requests.
pub(crate) trait Service: Debug + Send + Sync {
    /// Says what to do about a request; `request` is what tiny_http made of it, and `target` its target. The router's
    /// only thread is at work here, so nothing may wait.
    fn route(&self, shared: &Shared, request: &Request, target: &str, exchange: Exchange) -> Action;

    /// Ends threads of its own, because the ring stops.
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
    /// Carries it out, to its end.
    fn run(self: Box<Self>, line: Line<'_>) -> After;
}

/// What a task works with.
#[derive(Debug)]
pub(crate) struct Line<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) connection: &'a Arc<Connection>,
    /// What a task leaves for the next one on the same connection. It goes when the connection ends.
    pub(crate) kept: &'a mut Kept,
}

/// What is kept between two tasks of a connection.
pub(crate) type Kept = Option<Box<dyn Any + Send>>;

/// What the connection is good for behind a task.
#[derive(Debug)]
pub(crate) enum After {
    /// The response is complete, and says itself where it ends.
    Complete,
    /// The response is complete, and the end of the connection is its end.
    Last,
    /// Nothing was sent, and this is to be.
    Unsent(Response),
    /// Nothing more can be said on it.
    Broken,
}
