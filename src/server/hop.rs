//! The hop: every request that may be routed goes through tiny_http, by a pool of persistent inner connections.
//!
//! Each carries one request at a time: tiny_http hangs where requests are pipelined. It may also hang where several
//! connections are opened at once, so that they are opened one after the other, each once the one before has carried
//! a request.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, TryRecvError, bounded};

use super::inner_server::InnerServer;
use super::router::Router;
use super::service::{Action, Exchange};
use super::tickets::{Pending, Ticket, Tickets};
use crate::http::request::forwardable;
use crate::lock::lock;

/// How long a connection waits for its place in the hop, and then for its answer. Routing takes far less than a
/// millisecond; tiny_http may refuse a request without a word.
const PATIENCE: Duration = Duration::from_secs(5);
/// After this time a request that the router has not seen is sent again, on a new inner connection.
const RESEND: Duration = Duration::from_secs(1);
/// How often a request is sent at most.
const TRIES: usize = 3;
/// An inner connection that was not used for so long may be closed.
const IDLE: Duration = Duration::from_secs(1);
/// How often a connection that waits looks whether its request was dropped.
const LOOK: Duration = Duration::from_millis(20);

/// Why there is no action.
#[derive(Debug)]
pub(crate) enum HopError {
    /// The hop is busy, and was so for all of the connection's patience.
    Busy,
    /// The inner server can't be reached.
    Failed(io::Error),
    /// tiny_http or the router dropped the request, or said nothing.
    Silent,
}

impl fmt::Display for HopError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HopError::Busy => f.write_str("too many requests are on their way"),
            HopError::Failed(error) => write!(f, "reach the inner server: {error}"),
            HopError::Silent => f.write_str("the inner server does not answer"),
        }
    }
}

/// What came of sending a request.
enum Sent {
    Answered(Action),
    /// The router has not seen it.
    Unseen(Exchange),
    /// The router has it, or had it.
    Lost,
}

/// The way from connections to the router.
#[derive(Debug)]
pub(crate) struct Hop {
    server: InnerServer,
    tickets: Arc<Tickets>,
    /// The places that are free. The one that was used last is used first, so that no more inner connections are open
    /// than there are requests at a time.
    free: Mutex<Vec<Place>>,
    freed: Condvar,
    /// Held while an inner connection is opened and carries its first request.
    opening: Mutex<()>,
}

/// One request's place in the hop.
#[derive(Debug)]
struct Place {
    ticket: Ticket,
    connection: Option<InnerConnection>,
}

#[derive(Debug)]
struct InnerConnection {
    socket: UnixStream,
    /// The number of its server.
    server: u64,
    used: Instant,
}

impl InnerConnection {
    /// Whether tiny_http has closed it.
    fn is_closed(&self) -> bool {
        !matches!((&self.socket).read(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock)
    }
}

impl Hop {
    /// A hop for requests with these tickets, with `router` at its end.
    pub(crate) fn start(places: usize, router: Router) -> io::Result<Hop> {
        let tickets = Arc::clone(&router.tickets);
        let server = InnerServer::start(router)?;
        let place = |number| Place { ticket: Ticket::first(number), connection: None };
        let free = Mutex::new((0..places).rev().map(place).collect());
        Ok(Hop { server, tickets, free, freed: Condvar::new(), opening: Mutex::default() })
    }

    /// Ends the router. A further hop fails.
    pub(crate) fn stop(&self) {
        self.server.stop();
    }

    /// Sends a request through, and waits for what the router makes of it.
    pub(crate) fn route(&self, exchange: Exchange) -> Result<Action, HopError> {
        let mut place = self.take_place().ok_or(HopError::Busy)?;
        let action = self.route_in(&mut place, exchange);
        lock(&self.free).push(place);
        self.freed.notify_one();
        action
    }

    /// Closes inner connections that nobody has used for a moment.
    pub(crate) fn close_idle(&self) {
        let now = Instant::now();
        for place in lock(&self.free).iter_mut() {
            place.connection.take_if(|connection| now.saturating_duration_since(connection.used) >= IDLE);
        }
    }

    fn take_place(&self) -> Option<Place> {
        let free = lock(&self.free);
        let waited = self.freed.wait_timeout_while(free, PATIENCE, |free| free.is_empty());
        waited.unwrap_or_else(PoisonError::into_inner).0.pop()
    }

    fn route_in(&self, place: &mut Place, mut exchange: Exchange) -> Result<Action, HopError> {
        for _ in 0..TRIES {
            let is_usable = |connection: &InnerConnection| {
                connection.server == self.server.newest() && !self.server.is_gone(connection.server)
            };
            place.connection.take_if(|connection| !is_usable(connection));
            let opening = place.connection.is_none().then(|| lock(&self.opening));
            let connection = match place.connection.take() {
                Some(connection) => InnerConnection { used: Instant::now(), ..connection },
                None => self.open().map_err(HopError::Failed)?,
            };
            place.ticket = place.ticket.next();
            match self.send(place.ticket, &connection, exchange) {
                Sent::Answered(action) => {
                    place.connection = Some(connection);
                    return Ok(action);
                }
                Sent::Lost => return Err(HopError::Silent),
                // What tiny_http refuses on a new connection, it refuses on any.
                Sent::Unseen(_) if opening.is_some() && connection.is_closed() => return Err(HopError::Silent),
                Sent::Unseen(unseen) => exchange = unseen,
            }
        }
        Err(HopError::Silent)
    }

    /// Opens an inner connection; to a new server, if the one that is to be there is gone.
    fn open(&self) -> io::Result<InnerConnection> {
        let server = self.server.newest();
        let connected = match self.server.is_gone(server) {
            true => Err(io::Error::other("its router has ended")),
            false => self.server.connect(server),
        };
        let error = match connected {
            Ok(socket) => return Ok(InnerConnection { socket, server, used: Instant::now() }),
            Err(error) if is_absent(&error) => error,
            Err(error) => return Err(error),
        };
        log::error!("reach the inner server: {error}; starting another");
        self.server.replace(server)?;
        let server = self.server.newest();
        Ok(InnerConnection { socket: self.server.connect(server)?, server, used: Instant::now() })
    }

    fn send(&self, ticket: Ticket, connection: &InnerConnection, exchange: Exchange) -> Sent {
        let request = forwardable(&exchange.head, &format!("/{}{}", ticket.number(), exchange.target));
        let (reply, action) = bounded(1);
        self.tickets.leave(ticket, Pending::new(exchange, reply));
        if (&connection.socket).write_all(&request).is_err() {
            return self.tickets.take(ticket).map_or(Sent::Lost, |pending| Sent::Unseen(pending.exchange));
        }
        self.wait(ticket, &action, connection)
    }

    /// Waits for the action, as long as somebody can still send it.
    fn wait(&self, ticket: Ticket, action: &Receiver<Action>, connection: &InnerConnection) -> Sent {
        let sent = Instant::now();
        let mut look = sent + LOOK;
        loop {
            match action.try_recv() {
                Ok(action) => return Sent::Answered(action),
                Err(TryRecvError::Disconnected) => return Sent::Lost,
                Err(TryRecvError::Empty) => {}
            }
            // Unlike the channel's own wait, this one does not spin and yield first.
            thread::park_timeout(look.saturating_duration_since(Instant::now()));
            let now = Instant::now();
            if now < look {
                continue;
            }
            look = now + LOOK;
            let is_unseen = now > sent + RESEND || connection.is_closed() || self.server.is_gone(connection.server);
            if let Some(pending) = is_unseen.then(|| self.tickets.take(ticket)).flatten() {
                return Sent::Unseen(pending.exchange);
            }
            if now > sent + PATIENCE {
                return Sent::Lost;
            }
        }
    }
}

/// Whether a server is not there, for whatever reason.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::NotFound | ErrorKind::Other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Response;
    use crate::server::http_server::tests::{ask, get, start, stop};
    use std::fs;
    use std::net::SocketAddr;
    use std::os::unix::fs::PermissionsExt;

    impl Hop {
        /// The inner connections that are open and wait for a request.
        fn idle_connections(&self) -> usize {
            lock(&self.free).iter().filter(|place| place.connection.is_some()).count()
        }

        fn break_connections(&self) {
            for connection in lock(&self.free).iter().filter_map(|place| place.connection.as_ref()) {
                connection.socket.shutdown(std::net::Shutdown::Both).unwrap();
            }
        }
    }

    /// The test takes the router's place at tiny_http's `recv`: it sees every request that is routed, what it answers is
    /// what the client gets, and what is refused before never comes.
    #[test]
    fn every_routed_request_passes_through_tiny_http() {
        let (server, address) = start();
        server.hop().server.stop_router();
        let tiny = server.hop().server.listen().unwrap();
        let hop = Arc::clone(server.hop());
        let router = thread::spawn(move || {
            let mut seen = Vec::new();
            while let Ok(request) = tiny.recv() {
                let (pending, target) = hop.tickets.claim(request.url()).unwrap();
                seen.push(format!("{} {target}", request.method()));
                let answer = format!("the test answers {target}");
                pending.into_parts().1.send(Action::Respond(Response::text(200, &answer)));
                if target == "/last" {
                    break;
                }
            }
            seen
        });
        let paths = ["/", "/events?count=1", "/time", "/healthz", "/streams/x", "/nowhere", "/last"];
        assert!(ask(address, "GET /refused HTTP/2.0\r\n\r\n").starts_with("HTTP/1.1 505"));
        for path in paths {
            assert!(get(address, path).ends_with(&format!("the test answers {path}\n")), "{path}");
        }
        assert_eq!(router.join().unwrap(), paths.map(|path| format!("GET {path}")));
        stop(server);
    }

    fn assert_answers(address: SocketAddr) {
        assert!(get(address, "/healthz").ends_with("GET /healthz\n"));
    }

    #[test]
    fn a_router_that_is_gone_is_replaced() {
        let (server, address) = start();
        let inner = &server.hop().server;
        for number in 1..4 {
            // The first time, there is no inner connection yet; later there is one to the router that goes.
            inner.stop_router();
            // The inner server that ends removes it, too.
            let _ = fs::remove_file(inner.socket_path(number));
            assert_answers(address);
            assert_eq!(inner.newest(), number + 1);
        }
        stop(server);
    }

    #[test]
    fn requests_one_after_another_use_one_inner_connection() {
        let (server, address) = start();
        for _ in 0..20 {
            assert_answers(address);
        }
        assert_eq!(server.hop().idle_connections(), 1);
        stop(server);
    }

    #[test]
    fn an_inner_connection_that_breaks_is_replaced() {
        let (server, address) = start();
        for _ in 0..3 {
            assert_answers(address);
            server.hop().break_connections();
        }
        assert_answers(address);
        assert_eq!(server.hop().server.newest(), 1, "by the same server");
        stop(server);
    }

    /// tiny_http forgets connections that are opened at once, and requests that are pipelined.
    #[test]
    fn many_quick_requests_are_all_answered_and_none_is_stuck() {
        let (server, address) = start();
        for _ in 0..3 {
            let clients: Vec<_> = (0..70).map(|_| thread::spawn(move || assert_answers(address))).collect();
            let begun = Instant::now();
            clients.into_iter().for_each(|client| client.join().unwrap());
            assert!(begun.elapsed() < RESEND, "nobody had to send again: {:?}", begun.elapsed());
        }
        assert!(server.hop().idle_connections() <= 16);
        stop(server);
    }

    #[test]
    fn idle_inner_connections_are_closed() {
        let (server, address) = start();
        let hop = server.hop();
        let crowd = || {
            let clients: Vec<_> = (0..50).map(|_| thread::spawn(move || assert_answers(address))).collect();
            clients.into_iter().for_each(|client| client.join().unwrap());
        };
        (0..100).take_while(|_| hop.idle_connections() < 2).for_each(|_| crowd());
        assert!(hop.idle_connections() >= 2);
        let begun = Instant::now();
        while hop.idle_connections() > 0 {
            assert!(begun.elapsed() < Duration::from_secs(30));
            thread::sleep(LOOK);
        }
        assert!(begun.elapsed() >= IDLE / 2, "not while they may be needed again");
        assert_answers(address);
        stop(server);
    }

    #[test]
    fn the_inner_socket_is_nobody_elses() {
        let (server, _) = start();
        let folder = server.hop().server.socket_path(1).parent().unwrap().to_owned();
        assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
        stop(server);
        assert!(!folder.exists());
    }
}
