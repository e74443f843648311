//! One connection's life on its own thread: read a head under a deadline, refuse or route it, carry out the action,
//! and go on while the connection is kept alive.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::inner::HopError;
use super::registry::{Connection, Role};
use super::ring::Shared;
use super::router::{ALLOW, CORS, PUBLIC_METHODS, RETRY_AFTER};
use super::service::{Action, After, Exchange, Kept, Line, Task};
use crate::http::chunk::{ChunkError, Decoder};
use crate::http::request::{BODY_MAX, BODY_TOO_LARGE, BodyLength, HEAD_MAX, Screened, Target, screen};
use crate::http::response::{Body, Persistence};
use crate::http::scan::HeadScanner;
use crate::http::{Refusal, Response};

/// Bytes read at once.
const READ_SIZE: usize = 4096;
/// How long, and how much, a client may go on sending after its last response, so that a reset does not destroy the
/// response on its way.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 1024 * 1024;

/// What becomes of the connection.
enum Fate {
    /// It serves the next request.
    Next,
    /// It is closed, after the client has had time to read.
    Close,
    /// It is closed at once.
    Drop,
}

/// Why no request came.
enum NoRequest {
    /// There is nobody to answer.
    Silence,
    /// What came is answered with a refusal.
    Refused(Refusal),
}

impl From<Refusal> for NoRequest {
    fn from(refusal: Refusal) -> NoRequest {
        NoRequest::Refused(refusal)
    }
}

/// Serves a connection until it ends.
pub(crate) fn serve(shared: &Arc<Shared>, connection: &Arc<Connection>) {
    connection.wake.adopt();
    let mut client = Client { shared, connection, inbox: Vec::new(), head_only: false, kept: None };
    let mut patience = shared.timeouts.head;
    loop {
        let fate = match client.next_request(patience) {
            Ok(request) => client.answer(request),
            Err(NoRequest::Silence) => Fate::Drop,
            Err(NoRequest::Refused(refusal)) => client.refuse(refusal),
        };
        match fate {
            Fate::Next => patience = shared.timeouts.idle,
            Fate::Close => return client.linger(),
            Fate::Drop => return,
        }
    }
}

/// Tells a connection that is one too many so, whatever it asks for.
pub(crate) fn turn_away(shared: &Arc<Shared>, connection: &Arc<Connection>) {
    let text = format!("{} connections are open, and no more are served; try again later", shared.max_connections);
    let mut client = Client { shared, connection, inbox: Vec::new(), head_only: false, kept: None };
    let response = Response::text(503, &text).with(RETRY_AFTER.0, RETRY_AFTER.1);
    if client.respond(response, Persistence::Close, Body::Send).is_ok() {
        client.linger();
    }
}

/// A request that passed the screening.
struct Request {
    head: Vec<u8>,
    screened: Screened,
    target: String,
    body: Vec<u8>,
}

struct Client<'a> {
    shared: &'a Arc<Shared>,
    connection: &'a Arc<Connection>,
    /// What was read and not yet used.
    inbox: Vec<u8>,
    /// The request that is refused, if it is, was one for a head.
    head_only: bool,
    kept: Kept,
}

impl Client<'_> {
    /// Reads a request, waiting `patience` for its first byte.
    fn next_request(&mut self, patience: Duration) -> Result<Request, NoRequest> {
        self.head_only = false;
        let head = self.read_head(patience)?;
        self.head_only = head.starts_with(b"HEAD ");
        let screened = screen(&head)?;
        let target = match &screened.target {
            Target::Path(path) => path.clone(),
            Target::Asterisk => "*".to_owned(),
        };
        let body = self.read_body(&screened)?;
        Ok(Request { head, screened, target, body })
    }

    fn read_head(&mut self, patience: Duration) -> Result<Vec<u8>, NoRequest> {
        let mut scanner = HeadScanner::default();
        let mut deadline = Instant::now() + if self.inbox.is_empty() { patience } else { self.shared.timeouts.head };
        loop {
            if let Some(len) = scanner.scan(&self.inbox)? {
                let rest = self.inbox.split_off(len);
                return Ok(std::mem::replace(&mut self.inbox, rest));
            }
            let first = self.inbox.is_empty();
            match self.read(deadline) {
                Ok(0) if first => return Err(NoRequest::Silence),
                Ok(0) => return Err(Refusal { status: 400, reason: "the request head ends early" }.into()),
                Ok(_) if first => deadline = Instant::now() + self.shared.timeouts.head,
                Ok(_) => {}
                Err(error) if is_timeout(&error) && !first => {
                    return Err(Refusal { status: 408, reason: "the request head took too long" }.into());
                }
                Err(_) => return Err(NoRequest::Silence),
            }
        }
    }

    fn read_body(&mut self, screened: &Screened) -> Result<Vec<u8>, NoRequest> {
        if screened.body == BodyLength::Bytes(0) {
            return Ok(Vec::new());
        }
        if screened.expects_continue && self.inbox.is_empty() {
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n").map_err(|_| NoRequest::Silence)?;
        }
        let deadline = Instant::now() + self.shared.timeouts.body;
        let mut chunks = Decoder::default();
        loop {
            let used = match screened.body {
                BodyLength::Bytes(length) => Some(length).filter(|length| *length <= self.inbox.len()),
                BodyLength::Chunked => decode(&mut chunks, &self.inbox)?,
            };
            if let Some(used) = used {
                let rest = self.inbox.split_off(used);
                let wire = std::mem::replace(&mut self.inbox, rest);
                return Ok(if screened.body == BodyLength::Chunked { chunks.body } else { wire });
            }
            match self.read(deadline) {
                Ok(0) => return Err(Refusal { status: 400, reason: "the request body ends early" }.into()),
                Ok(_) => {}
                Err(error) if is_timeout(&error) => {
                    return Err(Refusal { status: 408, reason: "the request body took too long" }.into());
                }
                Err(_) => return Err(NoRequest::Silence),
            }
        }
    }

    /// Reads once into the inbox, waiting until `deadline`. When the server stops, it is as if the client had closed.
    fn read(&mut self, deadline: Instant) -> io::Result<usize> {
        if self.shared.stop.is_triggered() {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.connection.stream.set_read_timeout(Some(left))?;
        let used = self.inbox.len();
        self.inbox.resize(used + READ_SIZE, 0);
        let result = loop {
            match (&self.connection.stream).read(&mut self.inbox[used..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result,
            }
        };
        self.inbox.truncate(used + result.as_ref().copied().unwrap_or(0));
        // The order to stop ends reads, too.
        if matches!(result, Ok(0)) && self.shared.stop.is_triggered() {
            Err(io::ErrorKind::ConnectionAborted.into())
        } else {
            result
        }
    }

    fn answer(&mut self, request: Request) -> Fate {
        let Request { head, screened, target, body } = request;
        if screened.target == Target::Asterisk {
            let response = Response::empty(204).with(ALLOW, PUBLIC_METHODS);
            return self.deliver(response, &screened);
        }
        let exchange = Exchange {
            head,
            target,
            version: screened.version,
            body,
            keep_alive: screened.keep_alive,
            connection: Arc::clone(self.connection),
        };
        match self.route(exchange) {
            Ok(Action::Respond(response)) => self.deliver(response, &screened),
            Ok(Action::RespondHead(head, persistence)) => match self.write(&head) {
                Ok(()) if persistence == Persistence::KeepAlive => Fate::Next,
                Ok(()) => Fate::Close,
                Err(_) => Fate::Drop,
            },
            Ok(Action::Run(task)) => self.run(task, &screened),
            Err(error) => {
                log::warn!("route a request of {}: {error}", self.connection.peer);
                let response = Response::text(503, "the server can't route this request now; try again later");
                self.deliver(response.with(RETRY_AFTER.0, RETRY_AFTER.1), &screened)
            }
        }
    }

    /// Sends a request through the inner hop; once more if its server turns out to be gone.
    fn route(&self, exchange: Exchange) -> Result<Action, HopError> {
        match self.shared.inner.route(exchange) {
            Err(HopError::Gone { server, exchange, error }) => {
                log::error!("reach the inner server: {error}; starting another");
                if let Err(error) = self.shared.start_router(server) {
                    log::error!("start the router again: {error}");
                }
                self.shared.inner.route(*exchange)
            }
            result => result,
        }
    }

    fn run(&mut self, task: Box<dyn Task>, screened: &Screened) -> Fate {
        // A stream may last for days: what was read of the next request stays, the room for more does not.
        self.inbox.shrink_to_fit();
        let line = Line { shared: self.shared, connection: self.connection, kept: &mut self.kept };
        match task.run(line) {
            After::Complete if screened.keep_alive && !self.shared.stop.is_triggered() => Fate::Next,
            After::Complete | After::Last => Fate::Close,
            After::Unsent(response) => self.deliver(response, screened),
            After::Broken => Fate::Drop,
        }
    }

    /// Sends a complete response, and keeps the connection alive if the request and the load allow it.
    fn deliver(&mut self, response: Response, screened: &Screened) -> Fate {
        let keep = screened.keep_alive && !self.shared.is_crowded() && !self.shared.stop.is_triggered();
        let persistence = if keep { Persistence::KeepAlive } else { Persistence::Close };
        let body = if screened.head_only { Body::Omit } else { Body::Send };
        match self.respond(response, persistence, body) {
            Ok(()) if keep => Fate::Next,
            Ok(()) => Fate::Close,
            Err(_) => Fate::Drop,
        }
    }

    fn refuse(&mut self, refusal: Refusal) -> Fate {
        log::info!(
            "request refused peer={} status={} reason=\"{}\"",
            self.connection.peer,
            refusal.status,
            refusal.reason
        );
        self.shared.count_refusal();
        let response = Response::text(refusal.status, refusal.reason);
        let body = if self.head_only { Body::Omit } else { Body::Send };
        match self.respond(response, Persistence::Close, body) {
            Ok(()) => Fate::Close,
            Err(_) => Fate::Drop,
        }
    }

    fn respond(&mut self, response: Response, persistence: Persistence, body: Body) -> io::Result<()> {
        let response = match self.connection.role {
            Role::Public => response.with(CORS.0, CORS.1),
            Role::Admin => response,
        };
        self.write(&response.encode(SystemTime::now(), persistence, body))
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        (&self.connection.stream).write_all(bytes)
    }

    /// Ends our side, and lets the client finish: "the server [...] continues to read from the connection until it
    /// receives a corresponding close by the client, or until the server is reasonably certain that its own TCP stack
    /// has received the client's acknowledgement" (RFC 9112, section 9.6).
    fn linger(&mut self) {
        let deadline = Instant::now() + LINGER;
        let mut drained = 0;
        self.kept = None;
        if self.connection.stream.shutdown(Shutdown::Write).is_err() {
            return;
        }
        while drained < LINGER_BYTES {
            self.inbox.clear();
            match self.read(deadline) {
                Ok(read) if read > 0 => drained += read,
                _ => return,
            }
        }
    }
}

/// The length of a chunked body, once it is complete.
fn decode(chunks: &mut Decoder, inbox: &[u8]) -> Result<Option<usize>, Refusal> {
    /// What framing may take beside the payload.
    const FRAMING_MAX: usize = HEAD_MAX;
    match chunks.decode(inbox, BODY_MAX) {
        Ok(None) if inbox.len() >= BODY_MAX + FRAMING_MAX => Err(Refusal {
            status: 413,
            reason: "the chunks of the request body are too small: send fewer, larger ones",
        }),
        Ok(used) => Ok(used),
        Err(ChunkError::TooLarge) => Err(BODY_TOO_LARGE),
        Err(ChunkError::Malformed) => Err(Refusal { status: 400, reason: "malformed chunked request body" }),
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}
