//! The plan of a stream: what the query parameters of `/events` ask for, within documented limits.

use std::fmt;
use std::time::Duration;

use crate::http::request::printable;
use crate::sse::Name;
use crate::stamp::Shape;
use crate::units::{parse_duration, parse_size};

/// Longest time between two events.
pub const INTERVAL_MAX: Duration = Duration::from_secs(3600);
/// Shortest time between two events.
pub const INTERVAL_MIN: Duration = Duration::from_millis(1);
/// Longest a stream may be asked to last.
pub const DURATION_MAX: Duration = Duration::from_secs(24 * 3600);
/// Longest delay before the head or the body.
pub const DELAY_MAX: Duration = Duration::from_secs(300);
/// Most data in one event.
pub const SIZE_MAX: u64 = 256 * 1024;
/// Most padding before the first event.
pub const PAD_MAX: u64 = 1024 * 1024;
/// Most padding in one heartbeat.
pub const HEARTBEAT_PAD_MAX: u64 = 64 * 1024;
/// Most events that can be counted.
pub const COUNT_MAX: u64 = 1_000_000;
/// The idle time after which a comment is sent, unless another is asked for.
pub const HEARTBEAT: Duration = Duration::from_secs(15);

/// Every parameter with the text that says what it takes, in the order of the documentation.
pub const PARAMETERS: [(&str, &str); 20] = [
    ("interval", "a duration from 1ms to 1h"),
    ("count", "a number of events from 0 to 1000000"),
    ("duration", "a duration from 1ms to 24h"),
    ("size", "a size from 0 to 256k"),
    ("pad", "a size from 0 to 1m"),
    ("event", "a name of 1 to 64 letters, digits, '_', '.' or '-'"),
    ("stream", "a name of 1 to 64 letters, digits, '_', '.' or '-'"),
    ("id", "16 to 64 letters, digits, '_' or '-'"),
    ("retry", "a duration from 0 to 1h"),
    ("heartbeat", "a duration from 100ms to 10m, or 0 for none"),
    ("heartbeat_pad", "a size from 0 to 64k"),
    ("silent_after", "a number of events from 0 to 1000000"),
    ("delay", "a duration from 0 to 5m"),
    ("head_delay", "a duration from 0 to 5m"),
    ("framing", "chunked, close or length"),
    ("encoding", "none, identity or gzip"),
    ("type", "event-stream, event-stream-utf8, plain or ndjson"),
    ("accel", "no or none"),
    ("cache", "best, no-store, no-transform or none"),
    ("end", "clean or abort"),
];

/// How the body is delimited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Framing {
    /// Chunked; close-delimited towards an HTTP/1.0 client, which knows no chunks.
    #[default]
    Chunked,
    /// Delimited by the end of the connection.
    Close,
    /// With a Content-Length.
    Length,
}

impl Framing {
    /// The parameter's value.
    pub fn as_str(self) -> &'static str {
        match self {
            Framing::Chunked => "chunked",
            Framing::Close => "close",
            Framing::Length => "length",
        }
    }
}

/// The Content-Encoding of the response.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Encoding {
    /// No such field.
    #[default]
    None,
    /// The field says `identity`.
    Identity,
    /// Compressed, and flushed behind every event.
    Gzip,
}

/// How the stream ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum End {
    /// With what the framing asks for.
    #[default]
    Clean,
    /// With a reset of the connection.
    Abort,
}

/// What a request for a stream asks for. An absent parameter is none, or its default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Time between two events; the server's default if none.
    pub interval: Option<Duration>,
    /// Number of events.
    pub count: Option<u64>,
    /// How long the stream lasts.
    pub duration: Option<Duration>,
    /// Bytes of data in each event.
    pub size: Option<usize>,
    /// Bytes of comment before the first event.
    pub pad: usize,
    /// The `event` field of numbered events.
    pub event: Option<Name>,
    /// The named stream to follow.
    pub stream: Option<Name>,
    /// The id of the stream.
    pub id: Option<String>,
    /// The client's reconnection time in milliseconds, to be sent with the hello event.
    pub retry_ms: Option<u64>,
    /// Idle time before a comment; none for never.
    pub heartbeat: Option<Duration>,
    /// Bytes of comment in each heartbeat, beside its own.
    pub heartbeat_pad: usize,
    /// Number of events before silence.
    pub silent_after: Option<u64>,
    /// Time between head and body.
    pub delay: Duration,
    /// Time before the head.
    pub head_delay: Duration,
    /// How the body is delimited.
    pub framing: Framing,
    /// The Content-Encoding.
    pub encoding: Encoding,
    /// The Content-Type.
    pub content_type: &'static str,
    /// Whether `X-Accel-Buffering: no` is sent.
    pub accel_no: bool,
    /// The Cache-Control, if any.
    pub cache_control: Option<&'static str>,
    /// How the stream ends.
    pub end: End,
}

impl Default for Plan {
    fn default() -> Plan {
        Plan {
            interval: None,
            count: None,
            duration: None,
            size: None,
            pad: 0,
            event: None,
            stream: None,
            id: None,
            retry_ms: None,
            heartbeat: Some(HEARTBEAT),
            heartbeat_pad: 0,
            silent_after: None,
            delay: Duration::ZERO,
            head_delay: Duration::ZERO,
            framing: Framing::default(),
            encoding: Encoding::default(),
            content_type: "text/event-stream",
            accel_no: true,
            cache_control: Some("no-store, no-transform"),
            end: End::default(),
        }
    }
}

/// Why a query is no plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlanError {
    /// There is no such parameter.
    Unknown(String),
    /// The parameter came twice.
    Repeated(&'static str, &'static str),
    /// The parameter's value is not one that it takes.
    Bad(&'static str, String, &'static str),
    /// Parameters that don't go together.
    Conflict(&'static str),
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PlanError::Unknown(name) => {
                write!(f, "unknown parameter \"{name}\"; there are")?;
                PARAMETERS.iter().try_for_each(|(name, _)| write!(f, " {name}"))
            }
            PlanError::Repeated(name, allowed) => {
                write!(f, "parameter \"{name}\" was given more than once; it takes {allowed}")
            }
            PlanError::Bad(name, value, allowed) => {
                write!(f, "parameter \"{name}\" can't be \"{value}\"; it takes {allowed}")
            }
            PlanError::Conflict(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for PlanError {}

/// Longest piece of the request that an error text repeats.
const ECHO_MAX: usize = 40;

impl Plan {
    /// Reads the plan out of a query string, without its `?`.
    ///
    /// # Errors
    /// A [`PlanError`] for the first parameter that is unknown, repeated or out of its limits, and for parameters that
    /// contradict each other.
    pub fn parse(query: &str) -> Result<Plan, PlanError> {
        let mut plan = Plan::default();
        let mut seen = [false; PARAMETERS.len()];
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let Some(index) = PARAMETERS.iter().position(|(known, _)| *known == name) else {
                return Err(PlanError::Unknown(printable(name.as_bytes(), ECHO_MAX)));
            };
            let (name, allowed) = PARAMETERS[index];
            if std::mem::replace(&mut seen[index], true) {
                return Err(PlanError::Repeated(name, allowed));
            }
            let bad = || PlanError::Bad(name, printable(value.as_bytes(), ECHO_MAX), allowed);
            plan.set(name, &value).ok_or_else(bad)?;
        }
        plan.check()
    }

    /// What the events that it asks for have in common.
    pub fn shape(&self) -> Shape {
        Shape { event: self.event.clone(), size: self.size.unwrap_or(0) }
    }

    fn set(&mut self, name: &str, value: &str) -> Option<()> {
        match name {
            "interval" => self.interval = Some(duration(value, INTERVAL_MIN, INTERVAL_MAX)?),
            "count" => self.count = Some(number(value, COUNT_MAX)?),
            "duration" => self.duration = Some(duration(value, INTERVAL_MIN, DURATION_MAX)?),
            "size" => self.size = Some(size(value, SIZE_MAX)?),
            "pad" => self.pad = size(value, PAD_MAX)?,
            "event" => self.event = Some(Name::new(value)?),
            "stream" => self.stream = Some(Name::new(value)?),
            "id" => self.id = Some(stream_id(value)?),
            "retry" => self.retry_ms = Some(duration(value, Duration::ZERO, INTERVAL_MAX)?.as_millis() as u64),
            "heartbeat" => self.heartbeat = heartbeat(value)?,
            "heartbeat_pad" => self.heartbeat_pad = size(value, HEARTBEAT_PAD_MAX)?,
            "silent_after" => self.silent_after = Some(number(value, COUNT_MAX)?),
            "delay" => self.delay = duration(value, Duration::ZERO, DELAY_MAX)?,
            "head_delay" => self.head_delay = duration(value, Duration::ZERO, DELAY_MAX)?,
            "framing" => self.framing = framing(value)?,
            "encoding" => self.encoding = encoding(value)?,
            "type" => self.content_type = content_type(value)?,
            "accel" => self.accel_no = choice(value, [("no", true), ("none", false)])?,
            "cache" => self.cache_control = cache_control(value)?,
            "end" => self.end = choice(value, [("clean", End::Clean), ("abort", End::Abort)])?,
            _ => return None,
        }
        Some(())
    }

    fn check(self) -> Result<Plan, PlanError> {
        if self.framing != Framing::Length {
            return Ok(self);
        }
        if self.count.is_none() {
            return Err(PlanError::Conflict("framing=length needs count, from which the length follows"));
        }
        if self.encoding == Encoding::Gzip || self.duration.is_some() || self.silent_after.is_some() {
            return Err(PlanError::Conflict(
                "framing=length goes with none of encoding=gzip, duration and silent_after: the length must be known",
            ));
        }
        Ok(self)
    }
}

fn choice<T: Copy, const N: usize>(value: &str, choices: [(&str, T); N]) -> Option<T> {
    choices.iter().find(|(name, _)| *name == value).map(|(_, choice)| *choice)
}

fn framing(value: &str) -> Option<Framing> {
    choice(value, [Framing::Chunked, Framing::Close, Framing::Length].map(|framing| (framing.as_str(), framing)))
}

fn encoding(value: &str) -> Option<Encoding> {
    choice(value, [("none", Encoding::None), ("identity", Encoding::Identity), ("gzip", Encoding::Gzip)])
}

fn content_type(value: &str) -> Option<&'static str> {
    choice(
        value,
        [
            ("event-stream", "text/event-stream"),
            ("event-stream-utf8", "text/event-stream; charset=utf-8"),
            ("plain", "text/plain; charset=utf-8"),
            ("ndjson", "application/x-ndjson"),
        ],
    )
}

fn cache_control(value: &str) -> Option<Option<&'static str>> {
    choice(
        value,
        [
            ("best", Some("no-store, no-transform")),
            ("no-store", Some("no-store")),
            ("no-transform", Some("no-transform")),
            ("none", None),
        ],
    )
}

fn duration(value: &str, min: Duration, max: Duration) -> Option<Duration> {
    parse_duration(value).ok().filter(|duration| (min..=max).contains(duration))
}

fn heartbeat(value: &str) -> Option<Option<Duration>> {
    const MIN: Duration = Duration::from_millis(100);
    const MAX: Duration = Duration::from_secs(600);
    let heartbeat = duration(value, Duration::ZERO, MAX)?;
    (heartbeat.is_zero() || heartbeat >= MIN).then_some(Some(heartbeat).filter(|heartbeat| !heartbeat.is_zero()))
}

fn number(value: &str, max: u64) -> Option<u64> {
    let plain = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
    value.parse().ok().filter(|number| plain && *number <= max)
}

fn size(value: &str, max: u64) -> Option<usize> {
    parse_size(value).ok().filter(|size| *size <= max).map(|size| size as usize)
}

fn stream_id(value: &str) -> Option<String> {
    let fits = (16..=64).contains(&value.len());
    let clean = value.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
    (fits && clean).then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_query_is_best_practice() {
        let plan = Plan::parse("").unwrap();
        assert_eq!(plan, Plan::default());
        assert_eq!(plan.cache_control, Some("no-store, no-transform"));
        assert!(plan.accel_no);
    }

    #[test]
    fn every_parameter_is_read() {
        let query = "interval=250ms&count=3&duration=1m&size=4k&pad=2k&event=tick&stream=s.1&id=0123456789abcdef&retry=2s\
                     &heartbeat=5s&heartbeat_pad=1k&silent_after=2&delay=1s&head_delay=2s&framing=close&encoding=gzip&type=ndjson&accel=none\
                     &cache=no-transform&end=abort";
        let second = Duration::from_secs(1);
        let expected = Plan {
            interval: Some(second / 4),
            count: Some(3),
            duration: Some(second * 60),
            size: Some(4096),
            pad: 2048,
            event: Name::new("tick"),
            stream: Name::new("s.1"),
            id: Some("0123456789abcdef".to_owned()),
            retry_ms: Some(2000),
            heartbeat: Some(second * 5),
            heartbeat_pad: 1024,
            silent_after: Some(2),
            delay: second,
            head_delay: second * 2,
            framing: Framing::Close,
            encoding: Encoding::Gzip,
            content_type: "application/x-ndjson",
            accel_no: false,
            cache_control: Some("no-transform"),
            end: End::Abort,
        };
        assert_eq!(Plan::parse(query), Ok(expected));
        assert_eq!(PARAMETERS.len(), query.split('&').count(), "each parameter is in the query above");
    }

    #[test]
    fn limits_are_inclusive() {
        for good in [
            "interval=1ms",
            "interval=1h",
            "count=0",
            "count=1000000",
            "size=0",
            "size=256k",
            "pad=1m",
            "retry=0",
            "heartbeat=0",
            "heartbeat=100ms",
            "heartbeat=10m",
            "heartbeat_pad=64k",
            "delay=5m",
            "duration=24h",
            "interval=%31s",
        ] {
            assert!(Plan::parse(good).is_ok(), "{good}");
        }
        assert_eq!(Plan::parse("heartbeat=0").unwrap().heartbeat, None);
    }

    #[test]
    fn what_is_out_of_limits_is_refused_and_explained() {
        for (name, allowed) in PARAMETERS {
            for value in ["", "a b", "\0", "%FF", "ü", "a%0d%0aSet-Cookie:x", &"9".repeat(70)] {
                let error = Plan::parse(&format!("{name}={value}")).unwrap_err().to_string();
                assert!(error.contains(allowed) && error.contains(name), "{name}={value}: {error}");
                assert!(error.is_ascii() && !error.contains(char::is_control), "{error}");
            }
        }
        for name in ["interval", "count", "duration", "size", "pad", "retry", "heartbeat", "silent_after", "delay"] {
            for value in ["-1", "%2B1", "99999999999999999999999999", "NaN", "1e9", "0x10", "1d"] {
                assert!(matches!(Plan::parse(&format!("{name}={value}")), Err(PlanError::Bad(..))), "{name}={value}");
            }
        }
        for bad in [
            "interval=0",
            "interval=3601s",
            "size=262145",
            "pad=1025k",
            "heartbeat=99ms",
            "heartbeat_pad=65537",
            "delay=301s",
        ] {
            assert!(matches!(Plan::parse(bad), Err(PlanError::Bad(..))), "{bad}");
        }
    }

    #[test]
    fn unknown_and_repeated_parameters_are_refused() {
        let unknown = Plan::parse("intervall=1s").unwrap_err().to_string();
        assert!(unknown.starts_with("unknown parameter \"intervall\"; there are interval count"), "{unknown}");
        assert_eq!(Plan::parse("size=1&size=1"), Err(PlanError::Repeated("size", "a size from 0 to 256k")));
        let long = Plan::parse(&"x".repeat(5000)).unwrap_err().to_string();
        assert!(long.len() < 300, "{long}");
    }

    #[test]
    fn a_length_must_be_known_beforehand() {
        assert!(Plan::parse("framing=length&count=3").is_ok());
        for bad in ["", "&count=3&encoding=gzip", "&count=3&duration=1s", "&count=3&silent_after=1"] {
            assert!(matches!(Plan::parse(&format!("framing=length{bad}")), Err(PlanError::Conflict(_))), "{bad}");
        }
    }
}
