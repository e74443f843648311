//! One stream over all its connections.

use std::io::{self, ErrorKind, Read, Write};
use std::thread;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crossbeam_channel::{Receiver, bounded};

use super::print::{End, Printer};
use super::{AtEnd, CatError, Comments, Config, How, Outcome};
use crate::client::content::Content;
use crate::client::live::{Limits, Live, News, Next, excerpt};
use crate::client::origin;
use crate::client::request::LAST_EVENT_ID;
use crate::client::retry;
use crate::client::{Client, Ending, Request};
use crate::sse::Decoder;
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
    limits: &'a Limits,
    printer: Printer<'a>,
    last_event_id: String,
    retry_ms: Option<u64>,
    /// How the newest connection ended; none before the first stream.
    last: Option<How>,
}

impl<'a> Cat<'a> {
    pub(super) fn new(config: &'a Config, limits: &'a Limits, out: &'a mut dyn Write) -> Cat<'a> {
        let printer = Printer::new(out, config.format);
        Cat { config, limits, printer, last_event_id: String::new(), retry_ms: None, last: None }
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
        let news = read_standard_input().map_err(CatError::Thread)?;
        Ok(match self.body(&news, Content::Identity)? {
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
            || origin::ask(client, &request, self.limits).map_err(CatError::Client).map(|time| time.is_some());
        if origin::is_root(&request.url) && is_ours()? {
            request.url = origin::beside(&request.url, "events", true);
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
        match self.limits.pause(time)? {
            Next::Stopped => Some(Outcome::Interrupted),
            _ => Some(Outcome::TimeUp),
        }
    }

    /// Sends the request, and prints what its response brings.
    fn connection(&mut self, client: &Client, request: &Request) -> Result<Part, CatError> {
        let live = Live::start(client, self.resuming(request)).map_err(CatError::Thread)?;
        let head = match self.limits.next(live.news()) {
            Next::News(News::Head(head)) => head,
            Next::News(News::Failed(error)) => return Err(CatError::Client(error)),
            Next::News(News::Bytes(..)) => unreachable!("bytes come behind the head"),
            Next::News(News::End(_, ending)) => return Ok(over(ending)),
            Next::Stopped => return Ok(Part::Out(Outcome::Interrupted)),
            Next::TimeUp if self.last.is_none() => return Err(CatError::NoAnswer(request.url.clone())),
            Next::TimeUp => return Ok(Part::Out(Outcome::TimeUp)),
        };
        log::debug!("{} {} answers {} {}", request.method, request.url, head.version, head.status);
        // "Clients will reconnect if the connection is closed; a client can be told to stop reconnecting using the HTTP
        // 204 No Content response code" (WHATWG HTML, section 9.2.1).
        if head.status == 204 {
            return Ok(Part::NoMore);
        }
        let excerpt = if head.reply("").is_event_stream() { String::new() } else { excerpt(&head, &live, self.limits) };
        if let Some(problem) = head.reply(&excerpt).problem() {
            return Err(CatError::NoStream(problem));
        }
        let content = Content::of(&head).map_err(|error| CatError::NoStream(error.finding()))?;
        self.body(live.news(), content)
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
    fn body(&mut self, news: &Receiver<News>, mut content: Content) -> Result<Part, CatError> {
        let mut decoder = Decoder::resuming(&self.last_event_id);
        // Whatever becomes of it from now on, there was a stream.
        self.last = Some(How::Ours);
        let part = loop {
            match self.limits.next(news) {
                Next::News(News::Bytes(at, bytes)) => {
                    let (bytes, coded) = content.decode(bytes);
                    let fed = self.feed(&mut decoder, &bytes, at)?;
                    if let Some(reason) = fed.err().or(coded.err().map(|error| error.to_string())) {
                        break Part::Over(How::Corrupt, reason);
                    }
                }
                Next::News(News::End(_, Ending::Clean)) => {
                    let whole = content.finish();
                    break whole
                        .map_or_else(|error| Part::Over(How::Truncated, error.to_string()), |()| over(Ending::Clean));
                }
                Next::News(News::End(_, ending)) => break over(ending),
                Next::News(News::Head(_) | News::Failed(_)) => unreachable!("they come before the body"),
                Next::Stopped => break Part::Out(Outcome::Interrupted),
                Next::TimeUp => break Part::Out(Outcome::TimeUp),
            }
        };
        if let Part::Over(how, _) = part {
            self.last = Some(how);
        }
        Ok(part)
    }

    /// Prints what some bytes complete. The inner error says why they are no event stream.
    fn feed(&mut self, decoder: &mut Decoder, bytes: &[u8], at: Instant) -> Result<Result<(), String>, CatError> {
        let mut items = Vec::new();
        let fed = decoder.feed(bytes, |decoded| items.push(decoded.item));
        decoder.last_event_id().clone_into(&mut self.last_event_id);
        let at_us = unix_us(at);
        for item in items {
            self.item(item, at_us).map_err(CatError::Output)?;
        }
        Ok(fed.map_err(|error| error.to_string()))
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

fn over(ending: Ending) -> Part {
    let how = match ending {
        Ending::Clean => How::Clean,
        Ending::Truncated | Ending::Failed(_) => How::Truncated,
        Ending::Reset => How::Reset,
        Ending::Stopped => How::Ours,
    };
    Part::Over(how, retry::sentence(&ending))
}

/// Standard input as it comes, read by a thread: nothing else can wait for it and for the user's wish at once on every
/// kind of file.
fn read_standard_input() -> io::Result<Receiver<News>> {
    let (sender, news) = bounded(1);
    let work = move || {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let read = io::stdin().read(&mut buffer);
            let now = Instant::now();
            let (news, last) = match read {
                Ok(0) => (News::End(now, Ending::Clean), true),
                Ok(read) => (News::Bytes(now, buffer[..read].to_vec()), false),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => (News::End(now, Ending::Failed(error.to_string())), true),
            };
            if sender.send(news).is_err() || last {
                return;
            }
        }
    };
    thread::Builder::new().name("stdin".to_owned()).spawn(work)?;
    Ok(news)
}

/// The wall clock's time of an instant, in Unix microseconds.
fn unix_us(at: Instant) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.saturating_sub(at.elapsed()).as_micros() as u64
}
