//! Which stream is printed, and how.

use super::print::Format;
use crate::client::{Client, Request};

/// Where events come from.
#[derive(Debug)]
pub enum Source {
    /// Standard input.
    Stdin,
    /// The response to a request.
    Url(Box<Client>, Request),
}

/// What to do about comments.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Comments {
    /// They are passed over.
    #[default]
    Hide,
    /// They are printed.
    Show,
}

/// What to do when a stream has ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AtEnd {
    /// Reconnect with `Last-Event-ID`, until the origin answers with 204.
    #[default]
    Reconnect,
    /// End.
    Stop,
}

/// How to print a stream.
#[derive(Debug)]
pub struct Config {
    /// Where its events come from.
    pub source: Source,
    /// What is printed.
    pub format: Format,
    /// What to do about comments.
    pub comments: Comments,
    /// What to do when the stream has ended.
    pub at_end: AtEnd,
}
