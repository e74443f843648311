//! One relay on its client's thread: ask the target, pass its response on, and end as it ended.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use socket2::SockRef;
use ureq::http::StatusCode;

use super::Target;
use super::chain::{Chain, Ending, Piece};
use super::lookout::{Lookout, Sight};
use super::request::{Fields, Hop};
use super::response::{self, Asked, Framing};
use crate::client::{self, Arrival, Body, ClientError, Session};
use crate::escape::escaped;
use crate::http::chunk::{self, LAST_CHUNK};
use crate::http::{Response, Version};
use crate::server::outlet;
use crate::server::registry::Connection;
use crate::server::service::{After, Kept, Line, Task};
use crate::units::format_duration;

/// A request that is to be relayed.
#[derive(Debug)]
pub(super) struct Relay {
    pub(super) target: Arc<Target>,
    pub(super) id: u64,
    pub(super) method: String,
    pub(super) url: String,
    pub(super) fields: Fields,
    pub(super) body: Vec<u8>,
    pub(super) asked: Asked,
    /// The log tells of it at info, as of a stream.
    pub(super) is_stream: bool,
    /// What the log tells of the request's way.
    pub(super) trace: String,
}

/// The connection to the target, which one client's requests use one after another.
struct Way {
    session: Session,
    lookout: Arc<Lookout>,
}

/// What the target did.
const ENDED: &str = "ended the response";
const BROKE_OFF: &str = "broke the response off";
const RESET: &str = "reset the connection";

/// Who ended a relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Client,
    Target,
    Shutdown,
}

impl By {
    fn as_str(self) -> &'static str {
        match self {
            By::Client => "client",
            By::Target => "target",
            By::Shutdown => "shutdown",
        }
    }
}

/// How a relay ended.
#[derive(Debug)]
struct Outcome {
    by: By,
    reason: String,
    after: After,
}

impl Outcome {
    fn broken(by: By, reason: impl Into<String>) -> Outcome {
        Outcome { by, reason: reason.into(), after: After::Broken }
    }

    /// What a wait came upon, if that is an end.
    fn of(sight: Sight, connection: &Connection) -> Option<Outcome> {
        match sight {
            Sight::Due => None,
            Sight::Stopped => Some(Outcome::broken(By::Shutdown, "the proxy stops")),
            Sight::ClientGone => {
                let error = outlet::pending_error(&connection.stream);
                let reason = error.map_or_else(|| outlet::CLOSED.to_owned(), |error| outlet::reason(&error));
                Some(Outcome::broken(By::Client, reason))
            }
        }
    }

    /// Nobody answered for the target, so that we do.
    fn instead(status: u16, reason: String) -> Outcome {
        let after = After::Unsent(Response::text(status, &reason));
        Outcome { by: By::Target, reason, after }
    }
}

impl Task for Relay {
    fn run(self: Box<Relay>, line: Line<'_>) -> After {
        let level = if self.is_stream { log::Level::Info } else { log::Level::Debug };
        let begun = Instant::now();
        let Relay { id, method, trace, .. } = &*self;
        let url = escaped(&self.url);
        log::log!(level, "relay opened id={id} peer={} method={method} target={url}{trace}", line.connection.peer);
        let mut sent = Sent::default();
        let outcome = self.carry_out(line, &mut sent);
        let Sent { status, bytes } = sent;
        let status = status.map(|status| format!(" status={status}")).unwrap_or_default();
        let (by, reason, after) = (outcome.by.as_str(), escaped(&outcome.reason), begun.elapsed().as_secs_f64());
        log::log!(
            level,
            "relay closed id={id} by={by} reason=\"{reason}\"{status} bytes={bytes} after={after:.3}s{trace}"
        );
        outcome.after
    }
}

/// What of a response went to the client.
#[derive(Debug, Default)]
struct Sent {
    status: Option<u16>,
    /// Bytes of the body, before chunk framing.
    bytes: u64,
}

impl Relay {
    fn carry_out(&self, line: Line<'_>, sent: &mut Sent) -> Outcome {
        let Line { shared, connection, kept } = line;
        let mut way = self.way(kept, || Way::new(&self.target, connection, &shared.stop));
        let mut answer = self.ask(&way);
        if answer.is_err() && self.may_repeat() && way.lookout.seen().is_none() && way.session.was_left_behind() {
            way = Way::new(&self.target, connection, &shared.stop);
            answer = self.ask(&way);
        }
        let response = match answer {
            Ok(response) => response,
            Err(error) => return self.unanswered(&error, &way.lookout, connection),
        };
        let outcome = self.pass_on(response, &way.lookout, connection, sent);
        if matches!(outcome.after, After::Complete) {
            *kept = Some(Box::new(way));
        }
        outcome
    }

    /// The way that the client's last request left, or a new one. A request that can't be repeated gets a new one: the
    /// target may close an old one in the moment in which it is used.
    fn way(&self, kept: &mut Kept, make: impl FnOnce() -> Way) -> Way {
        let way = kept.take().and_then(|kept| kept.downcast::<Way>().ok());
        way.filter(|_| self.may_repeat()).map_or_else(make, |way| *way)
    }

    /// "A proxy MUST NOT automatically retry non-idempotent requests" (RFC 9110, section 9.2.2).
    fn may_repeat(&self) -> bool {
        matches!(self.method.as_str(), "GET" | "HEAD" | "OPTIONS") && self.body.is_empty()
    }

    fn ask(&self, way: &Way) -> Result<client::Response, ClientError> {
        way.lookout.set_deadline(Instant::now().checked_add(self.target.head_timeout));
        let fields = self.fields.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
        // A HEAD request has no use for one, and the client refuses to send it.
        let body = Some(self.body.as_slice()).filter(|body| !body.is_empty() && !self.asked.head_only);
        way.session.send(&self.method, &self.url, fields, body)
    }

    fn unanswered(&self, error: &ClientError, lookout: &Lookout, connection: &Connection) -> Outcome {
        let seen = lookout.seen();
        if let Some(outcome) = seen.and_then(|seen| Outcome::of(seen, connection)) {
            return outcome;
        }
        let limit = format_duration(self.target.head_timeout);
        match error {
            _ if seen == Some(Sight::Due) => Outcome::instead(
                504,
                format!(
                    "wait for the response head of {}: none came within {limit}; does the target answer at all? \
                     --head-timeout gives it more time",
                    self.target.shown
                ),
            ),
            ClientError::Request(..) => Outcome::instead(400, error.to_string()),
            _ => Outcome::instead(502, format!("relay to {}: {error}; {}", self.target.shown, advice(error))),
        }
    }

    /// What happens to the body on its way.
    fn chain(&self) -> Chain {
        Chain
    }

    fn pass_on(
        &self,
        response: client::Response,
        lookout: &Lookout,
        connection: &Connection,
        sent: &mut Sent,
    ) -> Outcome {
        let client::Response { head, fields, mut body } = response;
        let version = if head.version == Version::Http10.as_str() { Version::Http10 } else { Version::Http11 };
        let hop = Hop { peer: connection.peer.ip(), version, pseudonym: &self.target.pseudonym };
        let phrase = StatusCode::from_u16(head.status).ok().and_then(|status| status.canonical_reason());
        let framing = response::framing(head.status, &fields, self.asked);
        let head_bytes = response::head(head.status, phrase.unwrap_or_default(), fields, framing, self.asked, &hop);
        sent.status = Some(head.status);
        let mut outlet = Outlet { connection, framing, pending: head_bytes, bytes: &mut sent.bytes };
        let result = outlet.flush().and_then(|()| match framing {
            Framing::None => Ok(Outcome { by: By::Target, reason: ENDED.to_owned(), after: After::Complete }),
            _ => pump(&mut body, lookout, &mut outlet, &mut self.chain()),
        });
        result.unwrap_or_else(|error| lost(&error, lookout.is_stopping()))
    }
}

/// A write to the client failed.
fn lost(error: &io::Error, stopping: bool) -> Outcome {
    match error.kind() {
        // A write that would not end by itself was ended by the stop.
        io::ErrorKind::BrokenPipe | io::ErrorKind::WouldBlock if stopping => {
            Outcome::broken(By::Shutdown, "the proxy stops")
        }
        _ => Outcome::broken(By::Client, outlet::reason(error)),
    }
}

/// What may be tried about a target that gave no answer.
fn advice(error: &ClientError) -> &'static str {
    match error {
        ClientError::Tls(..) if !error.advice().is_empty() => error.advice(),
        ClientError::Tls(..) => "does the target speak TLS on this port? -k accepts any certificate",
        ClientError::Resolve(..) => "is the host right? --resolve HOST:PORT:ADDR gives it an address",
        ClientError::Connect(..) => "is the target running, and are its host and port right?",
        ClientError::NotHttp(..) => "does the target speak HTTP/1.1 on this port? perhaps it is https",
        _ => "look into the target's log",
    }
}

/// Passes a body on through the chain, as it comes, until an end is released.
fn pump(body: &mut Body, lookout: &Lookout, outlet: &mut Outlet<'_>, chain: &mut Chain) -> io::Result<Outcome> {
    let mut released = Vec::new();
    let mut open = true;
    loop {
        lookout.set_deadline(chain.due());
        let arrival = if open { body.read_or_leave() } else { lookout.pause() };
        let now = Instant::now();
        match arrival {
            Some(Arrival::Bytes(_, bytes)) => chain.take(Piece::Bytes(bytes), now, &mut released),
            Some(Arrival::End(_, ending)) => {
                open = false;
                chain.take(Piece::End(ending_of(&ending)), now, &mut released);
            }
            None => match lookout.seen().and_then(|seen| Outcome::of(seen, outlet.connection)) {
                Some(outcome) => return Ok(outcome),
                None => chain.fire(now, &mut released),
            },
        }
        for piece in released.drain(..) {
            match piece {
                Piece::Bytes(bytes) => outlet.send(&bytes)?,
                Piece::End(ending) => return outlet.end(ending),
            }
        }
    }
}

/// A body that can't be read on, by whatever failure, is not complete.
fn ending_of(ending: &client::Ending) -> Ending {
    match ending {
        client::Ending::Clean => Ending::Clean,
        client::Ending::Reset => Ending::Reset,
        client::Ending::Truncated | client::Ending::Stopped | client::Ending::Failed(_) => Ending::Truncated,
    }
}

impl Way {
    fn new(target: &Target, connection: &Arc<Connection>, stop: &crate::shutdown::Stop) -> Way {
        let lookout = Arc::new(Lookout::new(connection, stop));
        Way { session: target.client.session_beside(Arc::clone(&lookout) as Arc<_>), lookout }
    }
}

/// Writes a response to the client.
struct Outlet<'a> {
    connection: &'a Connection,
    framing: Framing,
    /// The head, until it is sent with whatever is sent first.
    pending: Vec<u8>,
    /// Where the bytes of the body are counted.
    bytes: &'a mut u64,
}

impl Outlet<'_> {
    /// Sends the head by itself.
    fn flush(&mut self) -> io::Result<()> {
        self.write(&[])
    }

    /// Sends a part of the body, in one write and one chunk.
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        match self.framing {
            Framing::Chunked => self.write(chunk::Piece::of(|out| out.extend_from_slice(bytes)).chunk())?,
            _ => self.write(bytes)?,
        }
        *self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Ends the response as the target's ended, as far as the framing can say so.
    fn end(&mut self, ending: Ending) -> io::Result<Outcome> {
        let complete = match self.framing {
            Framing::Length(length) => *self.bytes == length,
            _ => true,
        };
        let (reason, after) = match (ending, self.framing) {
            (Ending::Clean, Framing::Chunked) => {
                self.write(LAST_CHUNK)?;
                (ENDED, After::Complete)
            }
            (Ending::Clean, Framing::Close) => {
                self.flush()?;
                (ENDED, After::Last)
            }
            (Ending::Clean, _) if complete => (ENDED, After::Complete),
            // Where the end of the connection is that of the body, nothing but a reset says that it is too early.
            (Ending::Truncated, Framing::Close) => (BROKE_OFF, self.reset()),
            (Ending::Clean | Ending::Truncated, _) => {
                self.flush()?;
                (BROKE_OFF, After::Broken)
            }
            (Ending::Reset, _) => (RESET, self.reset()),
        };
        Ok(Outcome { by: By::Target, reason: reason.to_owned(), after })
    }

    /// Makes the close of the connection a reset.
    fn reset(&self) -> After {
        if let Err(error) = SockRef::from(&self.connection.stream).set_linger(Some(Duration::ZERO)) {
            log::warn!("reset the connection of {}: {error}", self.connection.peer);
        }
        After::Broken
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.pending.is_empty() {
            return if bytes.is_empty() { Ok(()) } else { outlet::write(&self.connection.stream, bytes) };
        }
        let mut pending = std::mem::take(&mut self.pending);
        pending.extend_from_slice(bytes);
        outlet::write(&self.connection.stream, &pending)
    }
}
