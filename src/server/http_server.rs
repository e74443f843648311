//! A running server: acceptor, connection threads, tiny_http and router, around a service.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::acceptor::Acceptor;
use super::admission::Admissions;
use super::connection::{ConnectionTable, Role};
use super::counters::Counters;
use super::descriptors::{DESCRIPTORS_RESERVED, raise_descriptor_limit};
use super::handler::Handler;
use super::hop::Hop;
use super::listener::{ListenAddr, Listener};
use super::router::Router;
use super::service::Service;
use super::threads::Threads;
use super::tickets::Tickets;
use super::timeouts::Timeouts;
use super::watcher::Watcher;
use crate::shutdown::Stop;

/// Most connections at a time, unless told otherwise; further ones get 503.
pub const MAX_CONNECTIONS: usize = 4096;
/// Descriptors that one request in the inner hop needs.
const DESCRIPTORS_PER_HOP: u64 = 3;
/// Requests in the inner hop at a time.
const HOPS: u64 = 16;
/// Fewer descriptors than these are few.
const DESCRIPTORS_FEW: u64 = 256;
/// Requests in the inner hop at a time where descriptors are few.
const HOPS_FEW: u64 = 2;
/// How often the wait for connections looks whether it is to hurry.
const STOP_STEP: Duration = Duration::from_millis(20);
/// How long closed connections' threads get to end.
const LAST_MOMENT: Duration = Duration::from_millis(200);

/// Why a server can't start.
#[derive(Debug)]
pub enum StartError {
    /// An address can't be listened on.
    Bind {
        /// The address, as typed.
        listen: ListenAddr,
        /// The cause.
        error: io::Error,
    },
    /// The system refuses something else.
    System {
        /// What was to be done.
        operation: &'static str,
        /// The cause.
        error: io::Error,
    },
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Bind { listen, error } => {
                write!(f, "listen on {listen}: {error}")?;
                match error.kind() {
                    io::ErrorKind::AddrInUse => f.write_str(
                        "; another program has the port: stop it, or choose another with --listen ADDR:PORT",
                    ),
                    io::ErrorKind::PermissionDenied => {
                        f.write_str("; ports below 1024 need a privilege: choose a higher one")
                    }
                    io::ErrorKind::AddrNotAvailable => {
                        f.write_str("; no such address on this machine: try localhost:3000")
                    }
                    _ => Ok(()),
                }
            }
            StartError::System { operation, error } => write!(f, "{operation}: {error}"),
        }
    }
}

impl std::error::Error for StartError {}

fn system<T>(operation: &'static str, result: io::Result<T>) -> Result<T, StartError> {
    result.map_err(|error| StartError::System { operation, error })
}

/// What a server may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Most public connections at a time.
    pub(crate) max_connections: usize,
    pub(crate) timeouts: Timeouts,
}

/// A running server. Dropping it without [`HttpServer::stop`] leaves its threads behind until the process ends.
#[derive(Debug)]
pub(crate) struct HttpServer {
    handler: Arc<Handler>,
    connections: Arc<ConnectionTable>,
    threads: Arc<Threads>,
    service: Arc<dyn Service>,
    addresses: Vec<(Role, SocketAddr)>,
    acceptor: Option<JoinHandle<()>>,
}

impl HttpServer {
    /// Starts to serve: when this returns, its addresses accept connections. What it counts goes into `counters`.
    ///
    /// # Errors
    /// A [`StartError`] when an address can't be listened on, or threads, descriptors or a private folder are not to be
    /// had.
    pub(crate) fn start(
        listen: &[(Role, &ListenAddr)],
        bounds: Bounds,
        counters: Arc<Counters>,
        service: Arc<dyn Service>,
    ) -> Result<HttpServer, StartError> {
        let (hops, max_connections) = within_descriptors(&bounds, &*service);
        let mut opened = Vec::new();
        for (role, listen) in listen {
            opened.extend(open(listen, *role, &bounds.timeouts)?);
        }
        let (listeners, addresses): (Vec<_>, Vec<_>) = opened.into_iter().unzip();
        let addresses = listeners.iter().map(|listener: &Listener| listener.role).zip(addresses).collect();
        let router = Router {
            service: Arc::clone(&service),
            tickets: Arc::new(Tickets::new(hops)),
            counters: Arc::clone(&counters),
        };
        let connections = Arc::new(ConnectionTable::new(Arc::clone(&counters)));
        let handler = Arc::new(Handler {
            timeouts: bounds.timeouts,
            stop: system("create an eventfd", Stop::new())?,
            admissions: Arc::new(Admissions::new(max_connections)),
            watcher: Arc::new(system("create an epoll set", Watcher::new())?),
            hop: Arc::new(system("start the router", Hop::start(hops, router))?),
            counters,
        });
        let (watching, watched) = (Arc::clone(&handler), Arc::clone(&connections));
        spawn("watcher", move || watching.watcher.run(&watched, &watching.stop))?;
        let hop = Arc::clone(&handler.hop);
        let threads = Arc::new(Threads::new(service.stack(), move || hop.close_idle()));
        let acceptor = Acceptor {
            listeners,
            handler: Arc::clone(&handler),
            connections: Arc::clone(&connections),
            threads: Arc::clone(&threads),
            threadless: false,
        };
        let acceptor = Some(spawn("acceptor", move || acceptor.run())?);
        Ok(HttpServer { handler, connections, threads, service, addresses, acceptor })
    }

    /// The addresses that are served for `role`.
    pub(crate) fn addresses(&self, role: Role) -> Vec<SocketAddr> {
        self.addresses.iter().filter(|(other, _)| *other == role).map(|(_, address)| *address).collect()
    }

    /// Stops accepting, tells all connections to end, and waits until they have, within 2 s; at once when `hurry` is
    /// triggered.
    pub(crate) fn stop(mut self, hurry: &Stop) {
        log::info!("stopping: {} connections are open", self.connections.len());
        self.handler.stop.trigger();
        self.connections.stop_all();
        self.service.stop();
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
        self.threads.stop();
        self.wait_for_connections(hurry);
        self.handler.hop.stop();
    }

    fn wait_for_connections(&self, hurry: &Stop) {
        let connections = &self.connections;
        let deadline = Instant::now() + self.handler.timeouts.stop;
        while connections.wait_until_empty(STOP_STEP) > 0 && !hurry.is_triggered() {
            if Instant::now() >= deadline {
                connections.close_all();
                let left = connections.wait_until_empty(LAST_MOMENT);
                log::warn!("connections that did not end in time were closed hard; {left} are left");
                return;
            }
        }
    }
}

/// How many requests may be in the hop, and how many connections may be open, after the limit on descriptors.
fn within_descriptors(bounds: &Bounds, service: &dyn Service) -> (usize, usize) {
    let descriptors = raise_descriptor_limit();
    let hops = if descriptors < DESCRIPTORS_FEW { HOPS_FEW } else { HOPS };
    let spare = descriptors.saturating_sub(DESCRIPTORS_RESERVED + hops * DESCRIPTORS_PER_HOP).max(1);
    let spare = spare / service.descriptors().max(1);
    let max_connections = bounds.max_connections.min(usize::try_from(spare).unwrap_or(usize::MAX)).max(1);
    if max_connections < bounds.max_connections {
        log::warn!("at most {max_connections} connections at a time: the limit on descriptors is {descriptors}");
    }
    (hops as usize, max_connections)
}

fn open(listen: &ListenAddr, role: Role, timeouts: &Timeouts) -> Result<Vec<(Listener, SocketAddr)>, StartError> {
    let bind = |error| StartError::Bind { listen: listen.clone(), error };
    let sockets = listen.bind(timeouts).map_err(bind)?;
    let opened = sockets.into_iter().map(|socket| {
        let address = socket.local_addr()?;
        Ok((Listener { socket, role }, address))
    });
    let opened: Vec<(Listener, SocketAddr)> = opened.collect::<io::Result<_>>().map_err(bind)?;
    if opened.iter().any(|(_, address)| !address.ip().is_loopback()) {
        log::warn!(
            "{listen} is reachable from other machines, in plain HTTP: whoever is on the way can read and change it"
        );
    }
    Ok(opened)
}

fn spawn(name: &'static str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StartError> {
    system("start a thread", thread::Builder::new().name(name.to_owned()).spawn(work))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::http::Response;
    use crate::server::service::{Action, ConnectionState, Exchange, Task, TaskContext};
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use tiny_http::Request;

    /// Answers with the method and the target; to a path with a number, with the length of the body, of which it takes
    /// so many bytes.
    #[derive(Debug)]
    struct Echo;

    impl Service for Echo {
        fn route(&self, request: &Request, target: &str, _exchange: Exchange) -> Action {
            match target.trim_start_matches('/').parse() {
                Ok(limit) => Action::Run(Box::new(Measure(limit))),
                Err(_) => Action::Respond(Response::text(200, &format!("{} {target}", request.method()))),
            }
        }
    }

    #[derive(Debug)]
    struct Measure(usize);

    impl Task for Measure {
        fn body_limit(&self) -> usize {
            self.0
        }

        fn run(self: Box<Measure>, mut context: TaskContext<'_>) -> ConnectionState {
            match context.body.read_to_end() {
                Ok(body) => ConnectionState::Unsent(Response::text(200, &format!("{} bytes", body.len()))),
                Err(error) => ConnectionState::BodyFailed(error),
            }
        }
    }

    pub(crate) fn start() -> (HttpServer, SocketAddr) {
        let bounds = Bounds { max_connections: 100, timeouts: Timeouts::default() };
        let listen = "127.0.0.1:0".parse().unwrap();
        let server = HttpServer::start(&[(Role::Public, &listen)], bounds, Arc::default(), Arc::new(Echo)).unwrap();
        let address = server.addresses(Role::Public)[0];
        (server, address)
    }

    impl HttpServer {
        pub(crate) fn hop(&self) -> &Arc<Hop> {
            &self.handler.hop
        }
    }

    pub(crate) fn stop(server: HttpServer) {
        server.stop(&Stop::new().unwrap());
    }

    pub(crate) fn ask(address: SocketAddr, request: &str) -> String {
        let mut client = TcpStream::connect(address).unwrap();
        client.write_all(request.as_bytes()).unwrap();
        let mut response = String::new();
        client.read_to_string(&mut response).unwrap();
        response
    }

    pub(crate) fn get(address: SocketAddr, path: &str) -> String {
        ask(address, &format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"))
    }

    fn post(address: SocketAddr, path: &str, framing: &str, body: &str) -> String {
        ask(address, &format!("POST {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{framing}\r\n\r\n{body}"))
    }

    #[test]
    fn each_route_has_its_own_limit_for_bodies() {
        let (server, address) = start();
        let sized = |path: &str, len: usize| post(address, path, &format!("Content-Length: {len}"), &"x".repeat(len));
        let chunked = |path: &str, len: usize| {
            let body = format!("{len:x}\r\n{}\r\n0\r\n\r\n", "x".repeat(len));
            post(address, path, "Transfer-Encoding: chunked", &body)
        };
        for (path, limit) in [("/10", 10), ("/1048576", 1_048_576)] {
            for response in [sized(path, limit), chunked(path, limit)] {
                assert!(response.ends_with(&format!("\r\n\r\n{limit} bytes\n")), "{path}: {response}");
            }
            for response in [sized(path, limit + 1), chunked(path, limit + 1)] {
                assert!(response.starts_with("HTTP/1.1 413 "), "{path}: {response}");
                assert!(response.ends_with(&format!("request body larger than {limit} bytes\n")), "{path}: {response}");
            }
        }
        assert!(sized("/other", 65_536).ends_with("POST /other\n"));
        assert!(sized("/other", 65_537).starts_with("HTTP/1.1 413 "));
        stop(server);
    }

    #[test]
    fn a_body_that_nobody_reads_is_not_the_next_request() {
        let (server, address) = start();
        let first = "POST /first HTTP/1.1\r\nHost: a\r\nContent-Length: 14\r\n\r\nGET /not HTTP/";
        let second = "GET /second HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        let responses = ask(address, &[first, second].concat());
        assert!(responses.contains("POST /first\n") && responses.ends_with("GET /second\n"), "{responses}");
        assert!(!responses.contains("/not"), "{responses}");
        stop(server);
    }
}
