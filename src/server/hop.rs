//! The hop: every request that may be routed goes through tiny_http, on a socket that only this process reaches.

use std::fmt;
use std::fs::{self, Permissions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use tempfile::TempDir;

use super::router::Router;
use super::service::{Action, Exchange};
use super::tickets::Pending;
use crate::http::request::forwardable;
use crate::lock::lock;

/// How long a connection waits for its place in the hop, and then for its answer. Routing takes far less than a
/// millisecond; tiny_http may refuse a request without a word.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often a connection that waits looks whether its request was dropped.
const LOOK: Duration = Duration::from_millis(20);
/// The number of the inner server before the first.
const NO_SERVER: u64 = 0;

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
pub(crate) struct Hop {
    /// The folder that only this user may enter; removed when dropped.
    folder: TempDir,
    /// How many servers there were at the inner end; the newest counts.
    servers: AtomicU64,
    /// The inner server that the router receives from.
    tiny: Mutex<Option<Arc<tiny_http::Server>>>,
    router: Router,
    /// As many tokens as requests may be in the hop: each costs three descriptors for a moment.
    places: (Sender<()>, Receiver<()>),
}

impl fmt::Debug for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hop").field("router", &self.router).finish_non_exhaustive()
    }
}

impl Hop {
    /// A hop for `places` requests at a time, in a private folder, with a router at its end.
    pub(crate) fn start(places: usize, router: Router) -> io::Result<Hop> {
        let (give, take) = bounded(places);
        for _ in 0..places {
            let _ = give.send(());
        }
        let servers = AtomicU64::new(NO_SERVER);
        let hop = Hop { folder: private_folder()?, servers, tiny: Mutex::default(), router, places: (give, take) };
        hop.start_router(NO_SERVER)?;
        Ok(hop)
    }

    /// Starts a router on a new inner server, if `failed` is still the one that requests are sent to.
    fn start_router(&self, failed: u64) -> io::Result<()> {
        let mut tiny = lock(&self.tiny);
        if self.current() != failed {
            return Ok(());
        }
        let server = Arc::new(self.listen()?);
        let (router, receiving) = (self.router.clone(), Arc::clone(&server));
        thread::Builder::new().name("router".to_owned()).spawn(move || router.run(&receiving))?;
        if let Some(before) = tiny.replace(server) {
            before.unblock();
        }
        Ok(())
    }

    /// Ends the router and removes the folder with the socket. A further hop fails.
    pub(crate) fn stop(&self) {
        self.stop_router();
        // A folder that is already gone is what is wanted.
        let _ = fs::remove_dir_all(self.folder.path());
    }

    fn stop_router(&self) {
        if let Some(server) = lock(&self.tiny).take() {
            server.unblock();
        }
    }

    /// A tiny_http server at the inner end, in place of an earlier one.
    ///
    /// Each has a path of its own, because an earlier server removes its path whenever it is dropped.
    fn listen(&self) -> io::Result<tiny_http::Server> {
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
    fn current(&self) -> u64 {
        self.servers.load(Ordering::Relaxed)
    }

    fn socket_path(&self, server: u64) -> PathBuf {
        self.folder.path().join(server.to_string())
    }

    /// Sends a request through, and waits for what the router makes of it; once more if the inner server turns out to
    /// be gone.
    pub(crate) fn route(&self, exchange: Exchange) -> Result<Action, HopError> {
        self.places.1.recv_timeout(PATIENCE).map_err(|_| HopError::Busy)?;
        let action = match self.route_in_place(exchange) {
            Err(HopError::Gone { server, exchange, error }) => {
                log::error!("reach the inner server: {error}; starting another");
                if let Err(error) = self.start_router(server) {
                    log::error!("start the router again: {error}");
                }
                self.route_in_place(*exchange)
            }
            result => result,
        };
        let _ = self.places.0.send(());
        action
    }

    fn route_in_place(&self, exchange: Exchange) -> Result<Action, HopError> {
        let tickets = &self.router.tickets;
        let ticket = tickets.draw();
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
        tickets.leave(ticket, Pending { exchange, reply });
        let sent = hop.write_all(&request).and_then(|()| hop.set_nonblocking(true));
        let result = sent.map_err(HopError::Failed).and_then(|()| wait(&action, &hop));
        tickets.take_back(ticket);
        result
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
    use crate::server::http_server::tests::{ask, get, start, stop};

    /// The test takes the router's place at tiny_http's `recv`: it sees every request that is routed, what it answers is
    /// what the client gets, and what is refused before never comes.
    #[test]
    fn every_routed_request_passes_through_tiny_http() {
        let (server, address) = start();
        server.hop().stop_router();
        let tiny = server.hop().listen().unwrap();
        let hop = Arc::clone(server.hop());
        let router = thread::spawn(move || {
            let mut seen = Vec::new();
            while let Ok(request) = tiny.recv() {
                let (pending, target) = hop.router.tickets.claim(request.url()).unwrap();
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
        stop(server);
    }

    #[test]
    fn a_router_that_is_gone_is_replaced() {
        let (server, address) = start();
        server.hop().stop_router();
        // The inner server that ends removes it, too.
        let _ = fs::remove_file(server.hop().socket_path(1));
        assert!(get(address, "/healthz").ends_with("GET /healthz\n"));
        stop(server);
    }

    #[test]
    fn the_inner_socket_is_nobody_elses() {
        let (server, _) = start();
        let folder = server.hop().folder.path().to_owned();
        assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
        stop(server);
        assert!(!folder.exists());
    }
}
