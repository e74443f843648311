//! One connection's life on its own thread: read a head under a deadline, refuse or route it, carry out the action,
//! and go on while the connection is kept alive.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::admission::Admissions;
use super::body::{BODY_LIMIT, BodyError, RequestBody, Unread};
use super::connection::{Connection, Role};
use super::counters::Counters;
use super::hop::Hop;
use super::inbox::{Inbox, NoHead};
use super::service::{
    ALLOW, Action, CORS, ConnectionState, Exchange, Kept, PUBLIC_METHODS, RETRY_AFTER, Task, TaskContext,
};
use super::timeouts::Timeouts;
use super::watcher::Watcher;
use crate::http::request::{Screened, Target, screen};
use crate::http::response::{Body, Persistence};
use crate::http::{Refusal, Response};
use crate::shutdown::Stop;

/// How long, and how much, a client may go on sending after its last response, so that a reset does not destroy the
/// response on its way.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 1024 * 1024;

/// Serves connections, each on the calling thread: what all of these threads share.
#[derive(Debug)]
pub(crate) struct Handler {
    pub(crate) timeouts: Timeouts,
    pub(crate) stop: Stop,
    pub(crate) admissions: Arc<Admissions>,
    pub(crate) watcher: Arc<Watcher>,
    pub(crate) hop: Arc<Hop>,
    pub(crate) counters: Arc<Counters>,
}

impl Handler {
    /// Serves a connection until it ends.
    pub(crate) fn serve(&self, connection: &Arc<Connection>) {
        connection.wake.adopt();
        let mut client = Client::new(self, connection);
        let mut patience = self.timeouts.head;
        loop {
            let next = match client.next_request(patience) {
                Ok(request) => client.answer(request),
                Err(NoHead::Silence) => Next::Drop,
                Err(NoHead::Refused(refusal)) => client.refuse(&refusal),
            };
            match next {
                Next::Request => patience = self.timeouts.idle,
                Next::Close => return client.linger(),
                Next::Drop => return,
            }
        }
    }

    /// Tells a connection that is one too many so, whatever it asks for.
    pub(crate) fn turn_away(&self, connection: &Arc<Connection>) {
        let text = format!("{} connections are open, and no more are served; try again later", self.admissions.max);
        let mut client = Client::new(self, connection);
        let response = Response::text(503, &text).with(RETRY_AFTER.0, RETRY_AFTER.1);
        if client.respond(response, Persistence::Close, Body::Send).is_ok() {
            client.linger();
        }
    }
}

/// What becomes of the connection.
enum Next {
    /// It serves the next request.
    Request,
    /// It is closed, after the client has had time to read.
    Close,
    /// It is closed at once.
    Drop,
}

/// A request head that passed the screening.
struct Request {
    head: Vec<u8>,
    screened: Screened,
}

struct Client<'a> {
    handler: &'a Handler,
    connection: &'a Arc<Connection>,
    inbox: Inbox,
    /// The body of the request, as long as it is not read.
    unread: Option<Unread>,
    /// The request that is refused, if it is, was one for a head.
    head_only: bool,
    kept: Kept,
}

impl<'a> Client<'a> {
    fn new(handler: &'a Handler, connection: &'a Arc<Connection>) -> Client<'a> {
        let inbox = Inbox::new(connection, &handler.stop, handler.timeouts.head);
        Client { handler, connection, inbox, unread: None, head_only: false, kept: None }
    }

    /// Reads a request's head, waiting `patience` for its first byte.
    ///
    /// Neither this nor [`Client::route`] is inlined: their frames would lie under each stream for as long as it lasts,
    /// and a page of stack more in each thread is a third of a stream's memory.
    #[inline(never)]
    fn next_request(&mut self, patience: Duration) -> Result<Request, NoHead> {
        self.head_only = false;
        let head = self.inbox.read_head(patience, self.handler.timeouts.head)?;
        self.head_only = head.starts_with(b"HEAD ");
        let screened = screen(&head)?;
        self.unread = Unread::of(&screened);
        Ok(Request { head, screened })
    }

    fn answer(&mut self, Request { head, screened }: Request) -> Next {
        match self.route(head, &screened) {
            Action::Respond(response) => self.deliver(response, &screened),
            Action::RespondHead(head, persistence) => self.deliver_head(&head, persistence),
            Action::Run(task) => self.run(task, &screened),
        }
    }

    #[inline(never)]
    fn route(&self, head: Vec<u8>, screened: &Screened) -> Action {
        let Target::Path(target) = &screened.target else {
            return Action::Respond(Response::empty(204).with(ALLOW, PUBLIC_METHODS));
        };
        let exchange = Exchange {
            head,
            target: target.clone(),
            version: screened.version,
            body: screened.body,
            keep_alive: screened.keep_alive,
            connection: Arc::clone(self.connection),
        };
        self.handler.hop.route(exchange).unwrap_or_else(|error| {
            log::warn!("route a request of {}: {error}", self.connection.peer);
            let response = Response::text(503, "the server can't route this request now; try again later");
            Action::Respond(response.with(RETRY_AFTER.0, RETRY_AFTER.1))
        })
    }

    fn run(&mut self, task: Box<dyn Task>, screened: &Screened) -> Next {
        // A stream may last for days: what was read of the next request stays, the room for more does not.
        self.inbox.shrink();
        let limit = task.body_limit();
        let Handler { watcher, stop, timeouts, .. } = self.handler;
        let body = RequestBody { inbox: &mut self.inbox, unread: &mut self.unread, limit, timeout: timeouts.body };
        let context = TaskContext { connection: self.connection, watcher, stop, body, kept: &mut self.kept };
        match task.run(context) {
            ConnectionState::Complete if screened.keep_alive && !stop.is_triggered() => {
                self.discard_body(limit).map_or(Next::Close, |()| Next::Request)
            }
            ConnectionState::Complete | ConnectionState::Last => Next::Close,
            ConnectionState::Unsent(response) => self.deliver(response, screened),
            ConnectionState::BodyFailed(error) => self.give_up(&error),
            ConnectionState::Broken => Next::Drop,
        }
    }

    /// Reads what is left of the request's body, so that the next request can be read.
    fn discard_body(&mut self, limit: usize) -> Result<(), BodyError> {
        let timeout = self.handler.timeouts.body;
        let mut body = RequestBody { inbox: &mut self.inbox, unread: &mut self.unread, limit, timeout };
        body.read_to_end().map(drop)
    }

    fn give_up(&mut self, error: &BodyError) -> Next {
        match error {
            BodyError::Silence => Next::Drop,
            BodyError::Refused(refusal) => self.refuse(refusal),
        }
    }

    /// Sends a complete response, and keeps the connection alive if the request and the load allow it.
    fn deliver(&mut self, response: Response, screened: &Screened) -> Next {
        if let Err(error) = self.discard_body(BODY_LIMIT) {
            return self.give_up(&error);
        }
        let Handler { admissions, stop, .. } = self.handler;
        let keep = screened.keep_alive && !admissions.is_crowded() && !stop.is_triggered();
        let persistence = if keep { Persistence::KeepAlive } else { Persistence::Close };
        let body = if screened.head_only { Body::Omit } else { Body::Send };
        next(&self.respond(response, persistence, body), persistence)
    }

    fn deliver_head(&mut self, head: &[u8], persistence: Persistence) -> Next {
        match self.discard_body(BODY_LIMIT) {
            Ok(()) => next(&self.inbox.write(head), persistence),
            Err(error) => self.give_up(&error),
        }
    }

    fn refuse(&mut self, refusal: &Refusal) -> Next {
        let Refusal { status, reason } = refusal;
        log::info!("request refused peer={} status={status} reason=\"{reason}\"", self.connection.peer);
        self.handler.counters.refused.increment();
        let body = if self.head_only { Body::Omit } else { Body::Send };
        let response = Response::text(*status, reason);
        next(&self.respond(response, Persistence::Close, body), Persistence::Close)
    }

    fn respond(&mut self, response: Response, persistence: Persistence, body: Body) -> io::Result<()> {
        let is_open = self.connection.role == Role::Public && !response.has("Cross-Origin-Resource-Policy");
        let response = if is_open { response.with(CORS.0, CORS.1) } else { response };
        self.inbox.write(&response.encode(SystemTime::now(), persistence, body))
    }

    /// Ends our side, and lets the client finish: "the server [...] continues to read from the connection until it
    /// receives a corresponding close by the client, or until the server is reasonably certain that its own TCP stack
    /// has received the client's acknowledgement" (RFC 9112, section 9.6).
    fn linger(&mut self) {
        let deadline = Instant::now() + LINGER;
        self.kept = None;
        if self.inbox.shut_down_writing().is_ok() {
            self.inbox.drain(LINGER_BYTES, deadline);
        }
    }
}

/// What becomes of a connection after a response was written, or could not be.
fn next(written: &io::Result<()>, persistence: Persistence) -> Next {
    match (written, persistence) {
        (Ok(()), Persistence::KeepAlive) => Next::Request,
        (Ok(()), Persistence::Close) => Next::Close,
        (Err(_), _) => Next::Drop,
    }
}
