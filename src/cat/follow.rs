//! One stream over all its connections.

use std::io::{self, ErrorKind, Read, Write};
use std::thread;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crossbeam_channel::{Receiver, bounded};

use super::config::{AtEnd, Comments, Config};
use super::outcome::{CatError, How, Outcome};
use super::print::{End, Printer};
use crate::client::content::Content;
use crate::client::event_reader::{EventReader, StreamEnd};
use crate::client::in_flight::{InFlight, NoHead, excerpt};
use crate::client::origin;
use crate::client::request::LAST_EVENT_ID;
use crate::client::retry;
use crate::client::{Arrival, Client, Ending, Request};
use crate::shutdown::{Deadline, WaitEnd};
use crate::sse::decoder::Item;

/// What a connection came to.
enum Part {
    /// Its stream ended; how, and what is known of the reason.
    Over(How, String),
    /// There will be no more.
    NoMore,
    /// Everything ends.
    Out(Outcome),
}

/// A stream, and what it has left behind so far.
pub(super) struct Cat<'a> {
    config: &'a Config,
    deadline: &'a Deadline,
    printer: Printer<'a>,
    last_event_id: String,
    retry_ms: Option<u64>,
    /// How the newest connection ended; none before the first stream.
    last: Option<How>,
}

impl<'a> Cat<'a> {
    pub(super) fn new(config: &'a Config, deadline: &'a Deadline, out: &'a mut dyn Write) -> Cat<'a> {
        let printer = Printer::new(out, config.format);
        Cat { config, deadline, printer, last_event_id: String::new(), retry_ms: None, last: None }
    }

    /// How the newest connection ended.
    pub(super) fn last(&self) -> Option<How> {
        self.last
    }

    /// Prints the last line.
    pub(super) fn end(&mut self, how: How) -> Result<(), CatError> {
        let end = End { last_event_id: &self.last_event_id, retry: self.retry_ms, how };
        self.printer.end(end, unix_us(Instant::now())).map_err(CatError::Output)
    }

    /// Prints what standard input holds.
    pub(super) fn standard_input(&mut self) -> Result<Outcome, CatError> {
        let arrivals = read_standard_input().map_err(CatError::Thread)?;
        let lost = || Arrival::End(Instant::now(), Ending::Failed("the thread that reads was lost".to_owned()));
        let next = |deadline: &Deadline| Ok(deadline.recv(&arrivals)?.unwrap_or_else(lost));
        Ok(match self.body(next, Content::Identity)? {
            Part::Over(how, reason) => {
                if how != How::Clean {
                    log::warn!("standard input: {reason}");
                }
                Outcome::Ended(how)
            }
            Part::NoMore => Outcome::Ended(How::Clean),
            Part::Out(outcome) => outcome,
        })
    }

    /// Follows the stream that answers `request`, over all its connections.
    pub(super) fn follow(&mut self, client: &Client, mut request: Request) -> Result<Outcome, CatError> {
        self.last_event_id = request.take_header(LAST_EVENT_ID).unwrap_or_default();
        let is_ours =
            || origin::ask(client, &request, self.deadline).map_err(CatError::Client).map(|time| time.is_some());
        if request.url.is_root() && is_ours()? {
            request.url = request.url.beside("events").with_query(request.url.query());
            log::debug!("the origin is ours: its events are at {}", request.url);
        }
        let mut failures = 0;
        loop {
            match self.connection(client, &request) {
                Ok(Part::Out(outcome)) => return Ok(outcome),
                Ok(Part::NoMore) => return Ok(Outcome::Ended(How::Clean)),
                Ok(Part::Over(how, reason)) => {
                    failures = 0;
                    tell(how, &reason);
                    if self.config.at_end == AtEnd::Stop {
                        return Ok(Outcome::Ended(how));
                    }
                }
                Err(CatError::Client(error)) if self.last.is_some() && retry::is_passing(&error) => {
                    failures += 1;
                    log::warn!("{error}");
                }
                Err(error) => return Err(error),
            }
            if let Some(outcome) = self.wait(failures) {
                return Ok(outcome);
            }
        }
    }

    /// Waits before a reconnection; returns what comes of it if there is to be none.
    fn wait(&self, failures: u32) -> Option<Outcome> {
        let time = retry::wait_time(self.retry_ms, failures);
        log::info!("{}", retry::announcement(time, &self.last_event_id));
        self.deadline.sleep(time).err().map(Outcome::from)
    }

    /// Sends the request, and prints what its response brings.
    fn connection(&mut self, client: &Client, request: &Request) -> Result<Part, CatError> {
        let in_flight = InFlight::start(client, self.resuming(request)).map_err(CatError::Thread)?;
        let head = match in_flight.head(self.deadline) {
            Ok(head) => head,
            Err(NoHead::Failed(error)) => return Err(CatError::Client(error)),
            Err(NoHead::WaitEnded(WaitEnd::TimeUp)) if self.last.is_none() => {
                return Err(CatError::NoAnswer(request.url.to_string()));
            }
            Err(NoHead::WaitEnded(end)) => return Ok(Part::Out(end.into())),
        };
        log::debug!("{} {} answers {} {}", request.method, request.url, head.version, head.status);
        // "Clients will reconnect if the connection is closed; a client can be told to stop reconnecting using the HTTP
        // 204 No Content response code" (WHATWG HTML, section 9.2.1).
        if head.status == 204 {
            return Ok(Part::NoMore);
        }
        let is_stream = head.reply("").is_event_stream();
        let excerpt = if is_stream { String::new() } else { excerpt(&head, &in_flight, self.deadline) };
        if let Some(problem) = head.reply(&excerpt).problem() {
            return Err(CatError::NoStream(problem));
        }
        let content = Content::of(&head).map_err(|error| CatError::NoStream(error.finding()))?;
        self.body(|deadline| in_flight.read(deadline), content)
    }

    /// The request, with how far its stream has come.
    fn resuming(&self, request: &Request) -> Request {
        let mut request = request.clone();
        if let Some(id) = retry::field_value(&self.last_event_id) {
            request.headers.push((LAST_EVENT_ID.to_owned(), id.to_owned()));
        }
        request
    }

    /// Prints the events of a body until its end.
    fn body(
        &mut self,
        next: impl Fn(&Deadline) -> Result<Arrival, WaitEnd>,
        content: Content,
    ) -> Result<Part, CatError> {
        let mut reader = EventReader::resuming(content, &self.last_event_id);
        // Whatever becomes of it from now on, there was a stream.
        self.last = Some(How::Ours);
        loop {
            let arrival = match next(self.deadline) {
                Ok(arrival) => arrival,
                Err(end) => return Ok(Part::Out(end.into())),
            };
            if let Some(end) = self.print(&mut reader, arrival)? {
                let (how, reason) = ended(end);
                self.last = Some(how);
                return Ok(Part::Over(how, reason));
            }
        }
    }

    /// Prints what a read completes. Returns how the stream ended, if it did.
    fn print(&mut self, reader: &mut EventReader, arrival: Arrival) -> Result<Option<StreamEnd>, CatError> {
        let mut read = reader.read(arrival);
        let at_us = unix_us(read.at);
        let printed = read.by_ref().try_for_each(|decoded| self.item(decoded.item, at_us));
        let end = read.end();
        reader.last_event_id().clone_into(&mut self.last_event_id);
        printed.map_err(CatError::Output)?;
        Ok(end)
    }

    fn item(&mut self, item: Item, at_us: u64) -> io::Result<()> {
        match item {
            Item::Event(message) => self.printer.event(&message, at_us),
            Item::Comment(text) if self.config.comments == Comments::Show => self.printer.comment(&text, at_us),
            Item::Comment(_) => Ok(()),
            Item::Retry(retry_ms) => {
                self.retry_ms = Some(retry_ms);
                Ok(())
            }
        }
    }
}

/// Tells of an end on standard error; the output tells of the last one alone.
fn tell(how: How, reason: &str) {
    if how == How::Clean {
        log::debug!("{reason}");
    } else {
        log::warn!("{reason}");
    }
}

/// How a stream ended, and the reason.
fn ended(end: StreamEnd) -> (How, String) {
    let ending = match end {
        StreamEnd::Body(ending) => ending,
        StreamEnd::Incomplete(error) => return (How::Truncated, error.to_string()),
        StreamEnd::Undecodable(error) => return (How::Corrupt, error.to_string()),
    };
    let how = match ending {
        Ending::Clean => How::Clean,
        Ending::Truncated | Ending::Failed(_) => How::Truncated,
        Ending::Reset => How::Reset,
        Ending::Stopped => How::Ours,
    };
    (how, retry::sentence(&ending))
}

/// Standard input as it comes, read by a thread: nothing else can wait for it and for the user's wish at once on every
/// kind of file.
fn read_standard_input() -> io::Result<Receiver<Arrival>> {
    let (sender, arrivals) = bounded(1);
    let work = move || {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let read = io::stdin().read(&mut buffer);
            let now = Instant::now();
            let (arrival, last) = match read {
                Ok(0) => (Arrival::End(now, Ending::Clean), true),
                Ok(read) => (Arrival::Bytes(now, buffer[..read].to_vec()), false),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => (Arrival::End(now, Ending::Failed(error.to_string())), true),
            };
            if sender.send(arrival).is_err() || last {
                return;
            }
        }
    };
    thread::Builder::new().name("stdin".to_owned()).spawn(work)?;
    Ok(arrivals)
}

/// The wall clock's time of an instant, in Unix microseconds.
fn unix_us(at: Instant) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.saturating_sub(at.elapsed()).as_micros() as u64
}
