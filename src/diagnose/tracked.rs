//! Streams of our origin that run side by side. One thread waits for all of them, and keeps of each what came and when.

use std::io;
use std::time::{Duration, Instant};

use crossbeam_channel::TryRecvError;

use crate::client::event_reader::{EventReader, StreamEnd};
use crate::client::in_flight::{InFlight, ResponseEvent};
use crate::client::request::LAST_EVENT_ID;
use crate::client::{Arrival, Client, Ending, Request};
use crate::http::Url;
use crate::nonce::nonce;
use crate::shutdown::Deadline;
use crate::sse::decoder::Item;
use crate::stamp::Stamp;
use crate::stats::time_of;

/// The parameters of a stream that say what comes when, and for how long. The others, which may be what gets it through
/// the path, are the user's.
const PACE: [&str; 11] = [
    "interval",
    "count",
    "duration",
    "stream",
    "id",
    "heartbeat",
    "heartbeat_pad",
    "silent_after",
    "delay",
    "head_delay",
    "end",
];

/// A stream, and what came of it.
#[derive(Debug)]
pub(super) struct TrackedStream {
    /// The id that it was asked for with.
    pub(super) id: String,
    pub(super) seen: Seen,
    in_flight: InFlight,
    /// None before the head.
    reader: Option<EventReader>,
}

/// What was seen of a stream so far.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    /// When its request was begun.
    pub(super) begun: Instant,
    /// The status of its response, and when its head was complete.
    pub(super) head: Option<(u16, Instant)>,
    /// When the first byte of its body came.
    pub(super) first_byte: Option<Instant>,
    /// When the last byte of its body came.
    pub(super) last_byte: Option<Instant>,
    /// The longest time between two reads of the body, or between the head and the first.
    pub(super) longest_gap: Duration,
    /// When the hello event was sent; the origin's clock.
    pub(super) hello_us: Option<i64>,
    /// Numbered events that came.
    pub(super) events: u64,
    /// When the newest of them was sent; the origin's clock.
    pub(super) newest_us: Option<i64>,
    /// When and how it ended; without a head, there was no response.
    pub(super) end: Option<(Instant, Ending)>,
}

impl TrackedStream {
    /// Asks for a stream of this pace, on a connection of its own; `request` is the user's one for a stream.
    ///
    /// # Errors
    /// When no thread, or no random number, is left.
    pub(super) fn start(client: &Client, request: &Request, pace: &str) -> io::Result<TrackedStream> {
        let id = nonce()?;
        let mut request = request.clone();
        request.take_header(LAST_EVENT_ID);
        request.url = paced(&request.url, &format!("{pace}&id={id}"));
        let seen = Seen {
            begun: Instant::now(),
            head: None,
            first_byte: None,
            last_byte: None,
            longest_gap: Duration::ZERO,
            hello_us: None,
            events: 0,
            newest_us: None,
            end: None,
        };
        Ok(TrackedStream { id, seen, in_flight: InFlight::start(client, request)?, reader: None })
    }

    /// Takes what has come.
    fn take_all(&mut self) {
        while self.seen.end.is_none() {
            match self.in_flight.events().try_recv() {
                Ok(event) => self.take(event),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => self.end(Instant::now(), "the thread that reads was lost"),
            }
        }
    }

    /// Leaves it with a reset of its connection, where a drop closes that.
    pub(super) fn reset(self) {
        self.in_flight.reset();
    }

    fn take(&mut self, event: ResponseEvent) {
        match event {
            ResponseEvent::Head(head) => {
                self.seen.head = Some((head.status, head.timing.head));
                match EventReader::of(&head) {
                    Ok(reader) => self.reader = Some(reader),
                    Err(error) => self.end(head.timing.head, &error.to_string()),
                }
            }
            ResponseEvent::Failed(error) => self.end(Instant::now(), &error.to_string()),
            ResponseEvent::Body(arrival) => self.read(arrival),
        }
    }

    fn end(&mut self, at: Instant, reason: &str) {
        log::debug!("stream {}: {reason}", self.id);
        self.seen.end = Some((at, Ending::Failed(reason.to_owned())));
    }

    fn read(&mut self, arrival: Arrival) {
        let Some(reader) = &mut self.reader else { return };
        let mut read = reader.read(arrival);
        let at = read.at;
        let Seen { head, first_byte, last_byte, longest_gap, hello_us, events, newest_us, .. } = &mut self.seen;
        if read.len > 0 {
            let before = last_byte.or(head.map(|(_, at)| at)).unwrap_or(at);
            *longest_gap = at.saturating_duration_since(before).max(*longest_gap);
            first_byte.get_or_insert(at);
            *last_byte = Some(at);
        }
        for decoded in read.by_ref() {
            let Item::Event(message) = &decoded.item else { continue };
            let Some(stamp) = Stamp::parse(&message.data) else { continue };
            match stamp.seq {
                None => *hello_us = time_of(&stamp),
                Some(_) => (*events, *newest_us) = (*events + 1, time_of(&stamp)),
            }
        }
        match read.end() {
            None => {}
            Some(StreamEnd::Body(ending)) => self.seen.end = Some((at, ending)),
            Some(StreamEnd::Incomplete(_)) => self.seen.end = Some((at, Ending::Clean)),
            Some(StreamEnd::Undecodable(reason)) => self.end(at, &reason.to_string()),
        }
    }
}

/// Waits until something comes on one of these streams, or until `due`, and takes all that has come. False when `limits`
/// have ended the wait.
pub(super) fn wait<'a>(
    streams: impl IntoIterator<Item = &'a mut TrackedStream>,
    due: Option<Instant>,
    limits: &Deadline,
) -> bool {
    let mut running: Vec<_> = streams.into_iter().filter(|stream| stream.seen.end.is_none()).collect();
    let goes_on = limits.wait_for_any(running.iter().map(|stream| stream.in_flight.events()), due);
    running.iter_mut().for_each(|stream| stream.take_all());
    goes_on
}

/// A stream's URL with another pace.
fn paced(url: &Url, pace: &str) -> Url {
    let is_kept = |parameter: &&str| {
        let pair = form_urlencoded::parse(parameter.as_bytes()).next();
        // A length can't be promised without a count.
        pair.is_some_and(|(name, value)| !PACE.contains(&&*name) && (&*name, &*value) != ("framing", "length"))
    };
    let parameters: Vec<&str> = url.query().split('&').filter(is_kept).chain([pace]).collect();
    url.with_query(&parameters.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_is_ours_and_the_rest_the_users() {
        for (url, expected) in [
            ("http://h/events", "http://h/events?interval=1s"),
            ("http://h/events?", "http://h/events?interval=1s"),
            ("http://h/e?accel=none&interval=5s&&cache=none", "http://h/e?accel=none&cache=none&interval=1s"),
            ("http://h/e?%69d=0123456789abcdef&framing=close&a=%26", "http://h/e?framing=close&a=%26&interval=1s"),
            ("http://h/e?framing=length&count=3", "http://h/e?interval=1s"),
        ] {
            assert_eq!(paced(&Url::of(url), "interval=1s").as_str(), expected);
        }
    }
}
