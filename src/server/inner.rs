//! The inner hop: every request that may be routed goes through tiny_http, on a socket that only this process reaches.
//!
//! A connection's thread leaves what tiny_http must not see (the body, the peer, the head as it came) under a ticket,
//! sends the clean head with the ticket as first path segment, and waits for the router's [`Action`].

use std::collections::HashMap;
use std::fmt;
use std::fs::{self, Permissions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use tempfile::TempDir;

use super::service::{Action, Exchange};
use crate::http::request::forwardable;
use crate::lock::lock;

/// How long a connection waits for its place in the hop, and then for its answer. Routing takes far less than a
/// millisecond; tiny_http may refuse a request without a word.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often a connection that waits looks whether its request was dropped.
const LOOK: Duration = Duration::from_millis(20);

/// An exchange, and where its action goes.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) exchange: Exchange,
    pub(crate) reply: Sender<Action>,
}

/// Why there is no action.
#[derive(Debug)]
pub(crate) enum HopError {
    /// The hop is busy, and was so for all of the connection's patience.
    Busy,
    /// The inner server of this number is gone. Nobody has seen the exchange.
    Gone { server: u64, exchange: Box<Exchange>, error: io::Error },
    /// The hop can't be made.
    Failed(io::Error),
    /// tiny_http or the router dropped the request, or said nothing.
    Silent,
}

impl fmt::Display for HopError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HopError::Busy => f.write_str("too many requests are on their way"),
            HopError::Gone { error, .. } | HopError::Failed(error) => write!(f, "reach the inner server: {error}"),
            HopError::Silent => f.write_str("the inner server does not answer"),
        }
    }
}

/// The way from connections to the router.
#[derive(Debug)]
pub(crate) struct Inner {
    /// The folder that only this user may enter; removed when dropped.
    folder: TempDir,
    /// How many servers there were at the inner end; the newest counts.
    servers: AtomicU64,
    pending: Mutex<HashMap<u64, Pending>>,
    next_ticket: AtomicU64,
    /// As many tokens as requests may be in the hop: each costs three descriptors for a moment.
    places: (Sender<()>, Receiver<()>),
}

impl Inner {
    /// A hop for `places` requests at a time, in a private folder.
    pub(crate) fn new(places: usize) -> io::Result<Inner> {
        let (give, take) = bounded(places);
        for _ in 0..places {
            let _ = give.send(());
        }
        Ok(Inner {
            folder: private_folder()?,
            servers: AtomicU64::new(0),
            pending: Mutex::default(),
            next_ticket: AtomicU64::new(0),
            places: (give, take),
        })
    }

    /// A tiny_http server at the inner end, in place of an earlier one.
    ///
    /// Each has a path of its own, because an earlier server removes its path whenever it is dropped.
    pub(crate) fn listen(&self) -> io::Result<tiny_http::Server> {
        let folder = self.folder.path();
        if !folder.exists() {
            // Somebody has cleaned up behind us.
            fs::DirBuilder::new().mode(0o700).create(folder)?;
        }
        let server = self.current() + 1;
        let listening = tiny_http::Server::http_unix(&self.socket_path(server));
        let listening = listening.map_err(|error| io::Error::other(error.to_string()))?;
        self.servers.store(server, Ordering::Relaxed);
        Ok(listening)
    }

    /// The number of the inner server that requests are sent to.
    pub(crate) fn current(&self) -> u64 {
        self.servers.load(Ordering::Relaxed)
    }

    /// Removes the folder with the socket. A further hop fails.
    pub(crate) fn remove_folder(&self) {
        // A folder that is already gone is what is wanted.
        let _ = std::fs::remove_dir_all(self.folder.path());
    }

    fn socket_path(&self, server: u64) -> PathBuf {
        self.folder.path().join(server.to_string())
    }

    /// Sends a request through, and waits for what the router makes of it.
    pub(crate) fn route(&self, exchange: Exchange) -> Result<Action, HopError> {
        self.places.1.recv_timeout(PATIENCE).map_err(|_| HopError::Busy)?;
        let action = self.route_in_place(exchange);
        let _ = self.places.0.send(());
        action
    }

    fn route_in_place(&self, exchange: Exchange) -> Result<Action, HopError> {
        let ticket = self.next_ticket.fetch_add(1, Ordering::Relaxed);
        let request = forwardable(&exchange.head, &format!("/{ticket}{}", exchange.target));
        let server = self.current();
        let mut hop = match UnixStream::connect(self.socket_path(server)) {
            Ok(hop) => hop,
            Err(error) if matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::NotFound) => {
                return Err(HopError::Gone { server, exchange: Box::new(exchange), error });
            }
            Err(error) => return Err(HopError::Failed(error)),
        };
        let (reply, action) = bounded(1);
        lock(&self.pending).insert(ticket, Pending { exchange, reply });
        let sent = hop.write_all(&request).and_then(|()| hop.set_nonblocking(true));
        let result = sent.map_err(HopError::Failed).and_then(|()| wait(&action, &hop));
        lock(&self.pending).remove(&ticket);
        result
    }

    /// The exchange that a request from tiny_http belongs to, with the target behind the ticket.
    pub(crate) fn claim<'a>(&self, url: &'a str) -> Option<(Pending, &'a str)> {
        let rest = url.strip_prefix('/')?;
        let (ticket, _) = rest.split_once('/')?;
        let pending = lock(&self.pending).remove(&ticket.parse().ok()?)?;
        Some((pending, &rest[ticket.len()..]))
    }
}

/// Waits for the action, as long as somebody can still send it.
fn wait(action: &Receiver<Action>, hop: &UnixStream) -> Result<Action, HopError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match action.recv_timeout(LOOK) {
            Ok(action) => return Ok(action),
            Err(RecvTimeoutError::Timeout) if Instant::now() < deadline && !is_closed(hop) => {}
            // The router replies before it drops the request, so that a reply may have come just now.
            Err(_) => return action.try_recv().map_err(|_| HopError::Silent),
        }
    }
}

/// Whether tiny_http has dropped a request, which it never answers.
fn is_closed(mut hop: &UnixStream) -> bool {
    !matches!(hop.read(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock)
}

/// A folder that only this user may enter, in the first place that can hold one. A container without any file system
/// of its own still has /dev/shm.
fn private_folder() -> io::Result<TempDir> {
    let named = ["RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR"].into_iter().filter_map(std::env::var_os).map(PathBuf::from);
    let common = [std::env::temp_dir(), PathBuf::from("/dev/shm"), PathBuf::from("/run")];
    let mut refused = Vec::new();
    for place in named.chain(common) {
        let mut builder = tempfile::Builder::new();
        let folder = builder.prefix("sse-argo-tester-").permissions(Permissions::from_mode(0o700)).tempdir_in(&place);
        match folder {
            // sockaddr_un holds 108 bytes, its NUL included.
            Ok(folder) if folder.path().as_os_str().len() > 100 => {
                refused.push(format!("{} is too long", place.display()));
            }
            Ok(folder) => return Ok(folder),
            Err(error) => refused.push(error.to_string()),
        }
    }
    let refused = refused.join("; ");
    Err(io::Error::other(format!("no place for a private folder: {refused}; set TMPDIR to a folder that is writable")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Response;
    use crate::server::Server;
    use crate::server::config::Config;
    use crate::shutdown::Stop;
    use std::net::{SocketAddr, TcpStream};
    use std::sync::Arc;
    use std::thread;

    fn ask(address: SocketAddr, request: &str) -> String {
        let mut client = TcpStream::connect(address).unwrap();
        client.write_all(request.as_bytes()).unwrap();
        let mut response = String::new();
        client.read_to_string(&mut response).unwrap();
        response
    }

    fn get(address: SocketAddr, path: &str) -> String {
        ask(address, &format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"))
    }

    fn start() -> (Server, SocketAddr) {
        let server = Server::start(Config::new("127.0.0.1:0".parse().unwrap())).unwrap();
        let address = server.addresses()[0];
        (server, address)
    }

    /// The test takes the router's place at tiny_http's `recv`: it sees every request that is routed, what it answers is
    /// what the client gets, and what the gate refuses never comes.
    #[test]
    fn every_routed_request_passes_through_tiny_http() {
        let (server, address) = start();
        server.ring.shared.stop_router();
        let tiny = server.ring.shared.inner.listen().unwrap();
        let shared = Arc::clone(&server.ring.shared);
        let router = thread::spawn(move || {
            let mut seen = Vec::new();
            while let Ok(request) = tiny.recv() {
                let (pending, target) = shared.inner.claim(request.url()).unwrap();
                seen.push(format!("{} {target}", request.method()));
                pending
                    .reply
                    .send(Action::Respond(Response::text(200, &format!("the test answers {target}"))))
                    .unwrap();
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
        server.stop(&Stop::new().unwrap());
    }

    #[test]
    fn a_router_that_is_gone_is_replaced() {
        let (server, address) = start();
        server.ring.shared.stop_router();
        // The inner server that ends removes it, too.
        let _ = std::fs::remove_file(server.ring.shared.inner.socket_path(1));
        assert!(get(address, "/healthz").ends_with("ok\n"));
        server.stop(&Stop::new().unwrap());
    }

    #[test]
    fn the_inner_socket_is_nobody_elses() {
        let inner = Inner::new(1).unwrap();
        let folder = inner.folder.path().to_owned();
        assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
        inner.remove_folder();
        assert!(!folder.exists());
    }
}
