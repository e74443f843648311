//! What a recording may be: its bounds, and that its numbers make sense.

use std::fmt;

use crate::stats::TIME_MAX_US;
use crate::stats::recording::{EventRecord, Kind, ReadRecord, Recording, SCHEMA, StreamRecord};

/// Bytes of a recording that is posted.
pub const LENGTH_MAX: usize = 1024 * 1024;
/// Streams.
pub const STREAMS_MAX: usize = 64;
/// Events of all streams, and as many reads and comments.
pub const EVENTS_MAX: usize = 20_000;
/// Stalls, and times in which a page was hidden or away.
const STALLS_MAX: usize = 4000;
/// Exchanges of the origin's time, on either way.
const EXCHANGES_MAX: usize = 1024;
/// How deep values are nested.
const DEPTH_MAX: usize = 16;
/// Numbers, strings and so on in all: each takes memory.
const VALUES_MAX: usize = 400_000;

/// The latest time on a recorder's clock, and the longest interval: nine years.
const CLOCK_MAX_US: i64 = 1 << 48;
/// The largest size, offset or number.
const SIZE_MAX: u64 = 1 << 53;
/// The largest tolerance: an hour.
const WITHIN_MAX_MS: i64 = 3_600_000;

/// Why a recording isn't judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It is larger than a bound.
    TooLarge(String),
    /// It isn't a recording, or its numbers make no sense.
    Invalid(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Refusal::TooLarge(text) | Refusal::Invalid(text)) = self;
        f.write_str(text)
    }
}

impl std::error::Error for Refusal {}

fn invalid(text: impl Into<String>) -> Refusal {
    Refusal::Invalid(text.into())
}

/// Reads a recording that was posted, and checks it.
///
/// # Errors
/// When it is too large, isn't a recording, or makes no sense.
pub fn recording(text: &[u8]) -> Result<Recording, Refusal> {
    at_most("bytes", text.len(), LENGTH_MAX)?;
    shape(text)?;
    let recording: Recording =
        serde_json::from_slice(text).map_err(|error| invalid(format!("the recording can't be read: {error}")))?;
    check(&recording)?;
    Ok(recording)
}

fn at_most(what: &str, count: usize, most: usize) -> Result<(), Refusal> {
    let refusal = || Refusal::TooLarge(format!("the recording has {count} {what}, and {most} are allowed"));
    if count <= most { Ok(()) } else { Err(refusal()) }
}

/// How deep its values are nested, and how many there are, before memory is taken for them.
fn shape(text: &[u8]) -> Result<(), Refusal> {
    let (mut depth, mut values, mut in_string, mut is_escaped) = (0_usize, 1, false, false);
    for byte in text {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_string => is_escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'[' | b'{' => (depth, values) = (depth + 1, values + 1),
            b']' | b'}' => depth = depth.saturating_sub(1),
            b',' | b':' => values += 1,
            _ => {}
        }
        at_most("levels of nesting", depth, DEPTH_MAX)?;
    }
    at_most("values", values, VALUES_MAX)
}

/// Checks that the numbers of a recording make sense, and that there are not too many.
///
/// # Errors
/// When they don't, or there are.
pub fn check(recording: &Recording) -> Result<(), Refusal> {
    if recording.schema != SCHEMA {
        return Err(invalid(format!("the recording has schema {}, and this program reads {SCHEMA}", recording.schema)));
    }
    if recording.live.is_some() && recording.kind == Kind::Diagnose {
        return Err(invalid("\"live\" can't be combined with kind \"diagnose\""));
    }
    if !(0..=WITHIN_MAX_MS).contains(&recording.within_ms) {
        return Err(invalid(format!("within_ms is not from 0 to {WITHIN_MAX_MS}")));
    }
    if !(0..=TIME_MAX_US).contains(&recording.unix_us) {
        return Err(invalid("unix_us is not a Unix time in microseconds"));
    }
    let streams = &recording.streams;
    at_most("streams", streams.len(), STREAMS_MAX)?;
    at_most("events", streams.iter().map(|stream| stream.events.len()).sum(), EVENTS_MAX)?;
    at_most("reads", streams.iter().map(|stream| stream.reads.as_ref().map_or(0, Vec::len)).sum(), EVENTS_MAX)?;
    at_most("comments", streams.iter().map(|stream| stream.comments.len()).sum(), EVENTS_MAX)?;
    at_most("stalls", recording.stalls.len() + recording.hidden.len() + recording.away.len(), STALLS_MAX)?;
    at_most("exchanges", recording.clock.exchanges.len() + recording.clock.near.len(), EXCHANGES_MAX)?;
    check_clock(recording)?;
    check_live(recording)?;
    streams.iter().enumerate().try_for_each(|(n, stream)| {
        stream_makes_sense(stream)
            .map_err(|text| invalid(format!("stream {n} ({}): {text}", stream.name.escape_debug())))
    })
}

fn check_clock(recording: &Recording) -> Result<(), Refusal> {
    let clock = &recording.clock;
    let exchanges = clock.exchanges.iter().chain(&clock.near);
    let is_right = |(t0, t1, t3): &(i64, i64, i64)| is_time(*t0) && is_origin_time(*t1) && is_time(*t3);
    if !exchanges.clone().all(is_right) || !clock.connect_us.is_none_or(is_time) {
        return Err(invalid("an exchange of the origin's time has an absurd time"));
    }
    let open = recording.hidden.iter().chain(&recording.away);
    let open = open.map(|(from, to)| (*from, to.unwrap_or((*from).max(recording.elapsed_us))));
    let is_span = |(from, to): (i64, i64)| is_time(from) && is_time(to) && from <= to;
    if !recording.stalls.iter().copied().chain(open).all(is_span) {
        return Err(invalid("a stall, or a time in which the page was hidden or away, ends before it begins"));
    }
    if !is_time(recording.elapsed_us) || !is_time(recording.begun_us) {
        return Err(invalid("elapsed_us or begun_us is absurd"));
    }
    Ok(())
}

fn check_live(recording: &Recording) -> Result<(), Refusal> {
    let Some(live) = &recording.live else { return Ok(()) };
    if is_time(live.since_us) && live.last_us.is_none_or(is_time) && live.received <= SIZE_MAX {
        return Ok(());
    }
    Err(invalid("live has an absurd time or number"))
}

fn is_time(us: i64) -> bool {
    (-CLOCK_MAX_US..=CLOCK_MAX_US).contains(&us)
}

fn is_origin_time(us: i64) -> bool {
    (-TIME_MAX_US..=TIME_MAX_US).contains(&us)
}

/// What doesn't make sense about a stream.
fn stream_makes_sense(stream: &StreamRecord) -> Result<(), String> {
    if stream.body.is_some() {
        return Err("its \"body\" is for replaying: leave it out to have the stream judged".to_owned());
    }
    if !(1..=CLOCK_MAX_US).contains(&stream.interval_us) {
        return Err("interval_us is not an interval".to_owned());
    }
    if stream.size > SIZE_MAX || stream.count.is_some_and(|count| count > SIZE_MAX) {
        return Err("size or count is absurd".to_owned());
    }
    times(stream)?;
    if stream.head.as_ref().is_some_and(|head| head.status.is_some_and(|status| !(100..1000).contains(&status))) {
        return Err("the head's status is not from 100 to 999".to_owned());
    }
    let content_end = match &stream.reads {
        Some(reads) => Some(reads_make_sense(reads)?),
        None => None,
    };
    events_make_sense(&stream.events, content_end)?;
    let is_ascending = stream.comments.is_sorted() && stream.comments.iter().all(|end| *end <= SIZE_MAX);
    let is_read = stream.comments.last().is_none_or(|last| content_end.is_none_or(|end| *last <= end));
    if is_ascending && is_read {
        Ok(())
    } else {
        Err("a comment ends after the last read, or before another".to_owned())
    }
}

fn times(stream: &StreamRecord) -> Result<(), String> {
    let head = stream.head.as_ref();
    let of_head = head.map(|head| [Some(head.at_us), head.resolved_us, head.connected_us, head.secured_us]);
    let own = [Some(stream.requested_us), stream.begun_us, stream.end.map(|end| end.at_us)];
    if !own.into_iter().chain(of_head.into_iter().flatten()).flatten().all(is_time) {
        return Err("a time of the request, its head, or its end is absurd".to_owned());
    }
    let opened_us = stream.status.as_ref().and_then(|status| status.opened_us);
    if opened_us.is_none_or(is_origin_time) { Ok(()) } else { Err("opened_us is absurd".to_owned()) }
}

/// Where the last read ends in the content.
fn reads_make_sense(reads: &[ReadRecord]) -> Result<u64, String> {
    let (mut at_us, mut end, mut content_end) = (-CLOCK_MAX_US, 0, 0);
    for (n, read) in reads.iter().enumerate() {
        let is_in_order = read.at_us >= at_us && read.offset >= end && read.content_offset >= content_end;
        let is_sized =
            [read.offset, read.length, read.content_offset, read.content_length].iter().all(|n| *n <= SIZE_MAX);
        if !is_in_order || !is_sized || !is_time(read.at_us) {
            return Err(format!("read {n} is before the one before it, or absurd"));
        }
        (at_us, end, content_end) = (read.at_us, read.offset + read.length, read.content_offset + read.content_length);
    }
    Ok(content_end)
}

fn events_make_sense(events: &[EventRecord], content_end: Option<u64>) -> Result<(), String> {
    let (mut at_us, mut end) = (-CLOCK_MAX_US, 0);
    for (n, event) in events.iter().enumerate() {
        let is_sized =
            event.offset <= SIZE_MAX && event.length <= SIZE_MAX && event.number.is_none_or(|n| n <= SIZE_MAX);
        let is_in_order = event.at_us >= at_us && event.offset >= end;
        if !is_in_order || !is_sized || !is_time(event.at_us) || !event.sent_us.is_none_or(is_origin_time) {
            return Err(format!("event {n} is before the one before it, or absurd"));
        }
        (at_us, end) = (event.at_us, event.offset + event.length);
    }
    if content_end.is_none_or(|content_end| end <= content_end) {
        return Ok(());
    }
    Err("an event ends after the last read".to_owned())
}
