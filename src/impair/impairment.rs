//! The impairments and their meaning.

use std::fmt;
use std::time::Duration;

use super::piece::BodyEnd;
use crate::units::format_duration;

/// What a path does to event streams. Times are from the response's head on, bytes are those of the body without chunk
/// framing. Whatever is held comes out when the body ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Impairment {
    /// Releases every n bytes exactly.
    HoldBytes(usize),
    /// Waits for n bytes or more, and releases all of them.
    HoldBytesWhole(usize),
    /// Releases what came, at every multiple of this time.
    HoldTime(Duration),
    /// Releases what came, this time after the first byte of it.
    Cork(Duration),
    /// Holds the first n bytes or more.
    HoldStartBytes(usize),
    /// Holds what comes within this time of the first byte.
    HoldStartTime(Duration),
    /// Releases nothing before the origin ends the response.
    HoldUntilClose,
    /// Sends the head with the first byte of the body only.
    HoldHead,
    /// Every read is late by this time, the end of the response as well.
    Lag(Duration),
    /// Releases each event when the next one is complete.
    OneEvent,
    /// Ends the response.
    CutAfter(Duration, BodyEnd),
    /// Ends the response when nothing came for this time.
    IdleCut(Duration, BodyEnd),
    /// Compresses the body, if the client accepts that, without ever flushing.
    GzipNoFlush,
    /// Loses every n-th numbered event.
    Drop(usize),
    /// Repeats every n-th numbered event.
    Duplicate(usize),
    /// Sends every n-th numbered event behind the one that follows it.
    Reorder(usize),
    /// Changes a byte of the data of every n-th numbered event.
    Corrupt(usize),
    /// Passes the head, and nothing else; the connection stays open.
    Silent,
    /// Passes nothing from this time on, not even the end; the connection stays open.
    Hang(Duration),
    /// Swallows a header field of responses.
    StripHeader(String),
    /// All impairments apply to this method only.
    Only(Only),
    /// The origin is not told that the client has gone.
    KeepOriginOpen,
    /// Nothing is held or compressed of exchanges that have this about them.
    Unless(Unless),
}

/// The method that impairments are limited to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Only {
    /// GET.
    Get,
    /// POST.
    Post,
}

impl Only {
    /// The method.
    pub fn as_str(self) -> &'static str {
        match self {
            Only::Get => "GET",
            Only::Post => "POST",
        }
    }
}

/// What a path that holds streams, or compresses them, takes for a reason not to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unless {
    /// The response has `X-Accel-Buffering: no`.
    AccelNo,
    /// The response has `Cache-Control: no-transform`.
    NoTransform,
    /// The origin sends chunks.
    Chunked,
    /// The origin sends no chunks.
    Unchunked,
    /// The client accepts no gzip.
    NoGzip,
}

impl Unless {
    pub(super) const ALL: [Unless; 5] =
        [Unless::AccelNo, Unless::NoTransform, Unless::Chunked, Unless::Unchunked, Unless::NoGzip];

    /// The word of a spec.
    pub fn as_str(self) -> &'static str {
        match self {
            Unless::AccelNo => "accel-no",
            Unless::NoTransform => "no-transform",
            Unless::Chunked => "chunked",
            Unless::Unchunked => "unchunked",
            Unless::NoGzip => "no-gzip",
        }
    }
}

impl Impairment {
    /// The name of its spec.
    pub fn name(&self) -> &'static str {
        match self {
            Impairment::HoldBytes(_) | Impairment::HoldBytesWhole(_) => "hold-bytes",
            Impairment::HoldTime(_) => "hold-time",
            Impairment::Cork(_) => "cork",
            Impairment::HoldStartBytes(_) => "hold-start-bytes",
            Impairment::HoldStartTime(_) => "hold-start-time",
            Impairment::HoldUntilClose => "hold-until-close",
            Impairment::HoldHead => "hold-head",
            Impairment::Lag(_) => "lag",
            Impairment::OneEvent => "one-event",
            Impairment::CutAfter(..) => "cut-after",
            Impairment::IdleCut(..) => "idle-cut",
            Impairment::GzipNoFlush => "gzip-noflush",
            Impairment::Drop(_) => "drop",
            Impairment::Duplicate(_) => "duplicate",
            Impairment::Reorder(_) => "reorder",
            Impairment::Corrupt(_) => "corrupt",
            Impairment::Silent => "silent",
            Impairment::Hang(_) => "hang",
            Impairment::StripHeader(_) => "strip-header",
            Impairment::Only(_) => "only",
            Impairment::KeepOriginOpen => "keep-origin-open",
            Impairment::Unless(_) => "spares",
        }
    }

    /// Whether a second one stands beside the first rather than in its place.
    pub(super) fn is_repeatable(&self) -> bool {
        matches!(self, Impairment::StripHeader(_) | Impairment::Unless(_))
    }

    /// Whether it deals with events rather than with bytes.
    pub(super) fn reads_events(&self) -> bool {
        self.changes_events() || matches!(self, Impairment::OneEvent)
    }

    /// Whether it changes what the events are.
    pub(super) fn changes_events(&self) -> bool {
        use Impairment::{Corrupt, Drop, Duplicate, Reorder};
        matches!(self, Drop(_) | Duplicate(_) | Reorder(_) | Corrupt(_))
    }

    /// Whether [`Impairment::Unless`] is about it.
    pub(super) fn is_conditional(&self) -> bool {
        let is_other = matches!(self, Impairment::Cork(_) | Impairment::OneEvent | Impairment::GzipNoFlush);
        is_other || self.name().starts_with("hold-")
    }
}

/// As its spec.
impl fmt::Display for Impairment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name();
        match self {
            Impairment::HoldBytesWhole(bytes) => write!(f, "{name}={bytes}:whole"),
            Impairment::HoldBytes(number)
            | Impairment::HoldStartBytes(number)
            | Impairment::Drop(number)
            | Impairment::Duplicate(number)
            | Impairment::Reorder(number)
            | Impairment::Corrupt(number) => write!(f, "{name}={number}"),
            Impairment::HoldTime(time)
            | Impairment::Cork(time)
            | Impairment::HoldStartTime(time)
            | Impairment::Lag(time)
            | Impairment::Hang(time) => write!(f, "{name}={}", format_duration(*time)),
            Impairment::CutAfter(time, ending) | Impairment::IdleCut(time, ending) => {
                write!(f, "{name}={}:{}", format_duration(*time), ending.as_str())
            }
            Impairment::StripHeader(field) => write!(f, "{name}={field}"),
            Impairment::Only(only) => write!(f, "{name}={}", only.as_str()),
            Impairment::Unless(condition) => write!(f, "{name}={}", condition.as_str()),
            _ => f.write_str(name),
        }
    }
}
