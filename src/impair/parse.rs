//! The specs of impairments, and their limits.

use std::time::Duration;

use super::hold::HELD_MAX;
use super::impairment::{Impairment, Only, Unless};
use super::piece::BodyEnd;
use super::spec::{self, SpecEntry, SpecError, SpecKind};

/// Shortest time of a hold or a delay.
pub(super) const TIME_MIN: Duration = Duration::from_millis(1);
/// Longest time of anything.
pub(super) const TIME_MAX: Duration = Duration::from_secs(24 * 3600);
/// Largest number of events between two that are treated.
pub(super) const NTH_MAX: usize = 1_000_000;
/// Longest name of a header field.
pub(super) const FIELD_MAX: usize = 64;

const BYTES: &str = "N: 1 to 64m bytes";
const TIME: &str = "D: 1ms to 24h";
const CUT: &str = "D: 0 to 24h; truncated if not given";
const NTH: &str = "N: 1 to 1000000";

const fn entry(name: &'static str, form: &'static str, takes: &'static str, text: &'static str) -> SpecEntry {
    SpecEntry { name, form, takes, text }
}

/// What there is.
pub(super) const ENTRIES: [SpecEntry; 22] = [
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
        let (entry, value) = spec::entry(SpecKind::Impairment, &ENTRIES, spec)?;
        Impairment::of(entry.name, value).ok_or_else(|| SpecError::value(SpecKind::Impairment, spec, entry))
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
            "spares" => {
                Impairment::Unless(Unless::ALL.into_iter().find(|condition| is_word(condition.as_str(), value))?)
            }
            _ => return None,
        })
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

fn cut(value: &str) -> Option<(&str, BodyEnd)> {
    let Some((time, word)) = value.split_once(':') else {
        return Some((value, BodyEnd::Truncated));
    };
    let endings = [BodyEnd::Truncated, BodyEnd::Reset, BodyEnd::Clean];
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
