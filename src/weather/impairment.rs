//! The impairments: their specs, limits and meaning.

use std::fmt;
use std::time::Duration;

use super::Ending;
use super::hold::HELD_MAX;
use super::spec::{self, Entry, Kind, SpecError};
use crate::units::format_duration;

/// Shortest time of a hold or a delay.
pub(super) const TIME_MIN: Duration = Duration::from_millis(1);
/// Longest time of anything.
pub(super) const TIME_MAX: Duration = Duration::from_secs(24 * 3600);
/// Largest number of events between two that are treated.
pub(super) const NTH_MAX: usize = 1_000_000;
/// Longest name of a header field.
pub(super) const FIELD_MAX: usize = 64;

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
    CutAfter(Duration, Ending),
    /// Ends the response when nothing came for this time.
    IdleCut(Duration, Ending),
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
    Spares(Spares),
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
pub enum Spares {
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

impl Spares {
    const ALL: [Spares; 5] = [Spares::AccelNo, Spares::NoTransform, Spares::Chunked, Spares::Unchunked, Spares::NoGzip];

    /// The word of a spec.
    pub fn as_str(self) -> &'static str {
        match self {
            Spares::AccelNo => "accel-no",
            Spares::NoTransform => "no-transform",
            Spares::Chunked => "chunked",
            Spares::Unchunked => "unchunked",
            Spares::NoGzip => "no-gzip",
        }
    }
}

const BYTES: &str = "N: 1 to 64m bytes";
const TIME: &str = "D: 1ms to 24h";
const CUT: &str = "D: 0 to 24h; truncated if not given";
const NTH: &str = "N: 1 to 1000000";

const fn entry(name: &'static str, form: &'static str, takes: &'static str, text: &'static str) -> Entry {
    Entry { name, form, takes, text }
}

/// What there is.
pub(super) const ENTRIES: [Entry; 22] = [
    entry("hold-bytes", "hold-bytes=N[:whole]", BYTES, "releases every N bytes exactly; whole: all once N are there"),
    entry("hold-time", "hold-time=D", TIME, "releases what came, every D"),
    entry("cork", "cork=D", TIME, "releases what came, D after the first byte of it"),
    entry("hold-start-bytes", "hold-start-bytes=N", BYTES, "holds the first N bytes"),
    entry("hold-start-time", "hold-start-time=D", TIME, "holds what comes within D of the first byte"),
    entry("hold-until-close", "hold-until-close", "", "releases nothing before the response ends"),
    entry("hold-head", "hold-head", "", "sends the response head with the first bytes of the body only"),
    entry("lag", "lag=D", TIME, "everything is late by D"),
    entry("one-event", "one-event", "", "releases each event when the next one is complete"),
    entry("cut-after", "cut-after=D[:truncated|reset|clean]", CUT, "ends the response D after its head"),
    entry("idle-cut", "idle-cut=D[:truncated|reset|clean]", TIME, "ends the response when nothing came for D"),
    entry("gzip-noflush", "gzip-noflush", "", "compresses if the client accepts gzip, and never flushes"),
    entry("drop", "drop=N", NTH, "loses every N-th event that has an id"),
    entry("duplicate", "duplicate=N", NTH, "repeats every N-th event that has an id"),
    entry("reorder", "reorder=N", NTH, "sends every N-th event that has an id behind the next one"),
    entry("corrupt", "corrupt=N", NTH, "changes a byte of every N-th event that has an id"),
    entry("silent", "silent", "", "passes the head, and then nothing, not even the end"),
    entry("hang", "hang=D", "D: 0 to 24h", "passes nothing from D on, not even the end"),
    entry(
        "strip-header",
        "strip-header=NAME",
        "NAME: a field name of up to 64 characters",
        "swallows a response header",
    ),
    entry("only", "only=GET|POST", "GET or POST", "limits all impairments to one method"),
    entry("keep-origin-open", "keep-origin-open", "", "does not tell the origin that the client has gone"),
    entry(
        "spares",
        "spares=WHAT",
        "WHAT: accel-no, no-transform, chunked, unchunked or no-gzip",
        "holds or compresses no response with X-Accel-Buffering: no, with Cache-Control: no-transform, with chunks, \
         without chunks, or to clients that accept no gzip",
    ),
];

impl Impairment {
    /// The impairment of one spec.
    pub(super) fn parse(spec: &str) -> Result<Impairment, SpecError> {
        let (entry, value) = spec::entry(Kind::Impairment, &ENTRIES, spec)?;
        Impairment::of(entry.name, value).ok_or_else(|| SpecError::value(Kind::Impairment, spec, entry))
    }

    fn of(name: &str, value: &str) -> Option<Impairment> {
        Some(match name {
            "hold-bytes" => match value.split_once(':') {
                None => Impairment::HoldBytes(bytes(value)?),
                Some((value, "whole")) => Impairment::HoldBytesWhole(bytes(value)?),
                Some(_) => return None,
            },
            "hold-time" => Impairment::HoldTime(time(value)?),
            "cork" => Impairment::Cork(time(value)?),
            "hold-start-bytes" => Impairment::HoldStartBytes(bytes(value)?),
            "hold-start-time" => Impairment::HoldStartTime(time(value)?),
            "hold-until-close" => Impairment::HoldUntilClose,
            "hold-head" => Impairment::HoldHead,
            "lag" => Impairment::Lag(time(value)?),
            "one-event" => Impairment::OneEvent,
            "cut-after" => {
                let (value, ending) = cut(value)?;
                Impairment::CutAfter(from_zero(value)?, ending)
            }
            "idle-cut" => {
                let (value, ending) = cut(value)?;
                Impairment::IdleCut(time(value)?, ending)
            }
            "gzip-noflush" => Impairment::GzipNoFlush,
            "drop" => Impairment::Drop(nth(value)?),
            "duplicate" => Impairment::Duplicate(nth(value)?),
            "reorder" => Impairment::Reorder(nth(value)?),
            "corrupt" => Impairment::Corrupt(nth(value)?),
            "silent" => Impairment::Silent,
            "hang" => Impairment::Hang(from_zero(value)?),
            "strip-header" => Impairment::StripHeader(field_name(value)?),
            "only" => Impairment::Only([Only::Get, Only::Post].into_iter().find(|only| is_word(only.as_str(), value))?),
            "keep-origin-open" => Impairment::KeepOriginOpen,
            "spares" => Impairment::Spares(Spares::ALL.into_iter().find(|spares| is_word(spares.as_str(), value))?),
            _ => return None,
        })
    }

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
            Impairment::Spares(_) => "spares",
        }
    }

    /// Whether a second one stands beside the first rather than in its place.
    pub(super) fn adds_up(&self) -> bool {
        matches!(self, Impairment::StripHeader(_) | Impairment::Spares(_))
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

    /// Whether [`Impairment::Spares`] is about it.
    pub(super) fn can_spare(&self) -> bool {
        use Impairment::{Cork, GzipNoFlush, HoldHead, OneEvent};
        use Impairment::{HoldBytes, HoldBytesWhole, HoldStartBytes, HoldStartTime, HoldTime, HoldUntilClose};
        match self {
            HoldBytes(_) | HoldBytesWhole(_) | HoldTime(_) | HoldStartBytes(_) | HoldStartTime(_) => true,
            Cork(_) | HoldUntilClose | HoldHead | OneEvent | GzipNoFlush => true,
            _ => false,
        }
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
            Impairment::Spares(spares) => write!(f, "{name}={}", spares.as_str()),
            _ => f.write_str(name),
        }
    }
}

fn bytes(value: &str) -> Option<usize> {
    spec::size(value, 1..=HELD_MAX)
}

fn nth(value: &str) -> Option<usize> {
    value.parse().ok().filter(|number| (1..=NTH_MAX).contains(number) && !value.starts_with('+'))
}

fn time(value: &str) -> Option<Duration> {
    spec::duration(value, TIME_MIN..=TIME_MAX)
}

fn from_zero(value: &str) -> Option<Duration> {
    spec::duration(value, Duration::ZERO..=TIME_MAX)
}

fn cut(value: &str) -> Option<(&str, Ending)> {
    let Some((time, word)) = value.split_once(':') else {
        return Some((value, Ending::Truncated));
    };
    let endings = [Ending::Truncated, Ending::Reset, Ending::Clean];
    Some((time, endings.into_iter().find(|ending| is_word(ending.as_str(), word))?))
}

fn is_word(word: &str, value: &str) -> bool {
    word.eq_ignore_ascii_case(value)
}

/// A token of RFC 9110, section 5.6.2.
fn field_name(value: &str) -> Option<String> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    ((1..=FIELD_MAX).contains(&value.len()) && value.bytes().all(is_token)).then(|| value.to_owned())
}
