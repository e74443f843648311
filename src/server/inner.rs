//! The inner hop: every request that may be routed goes through tiny_http, on a socket that only this process reaches.
//!
//! A connection's thread leaves what tiny_http must not see (the body, the peer, the head as it came) under a ticket,
//! sends the clean head with the ticket as first path segment, and waits for the router's [`Action`].

use std::collections::HashMap;
use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use tempfile::TempDir;

use super::registry::{Connection, lock};
use super::streams::Opened;
use crate::http::request::forwardable;
use crate::http::{Response, Version};

/// How long a connection waits for its place in the hop, and then for its answer. Routing takes far less than a
/// millisecond; tiny_http may refuse a request without a word.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a connection is told to do.
#[derive(Debug)]
pub(crate) enum Action {
    /// Send a complete response.
    Respond(Response),
    /// Send a response head alone, to a HEAD request for a stream.
    RespondHead(Vec<u8>),
    /// Send a stream.
    Stream(Box<Opened>),
}

/// A request on its way through the hop.
#[derive(Debug)]
pub(crate) struct Exchange {
    /// The head as the client sent it.
    pub(crate) head: Vec<u8>,
    /// The target in origin-form.
    pub(crate) target: String,
    pub(crate) version: Version,
    pub(crate) body: Vec<u8>,
    pub(crate) connection: Arc<Connection>,
}

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
    /// The inner socket can't be reached.
    Unreachable(io::Error),
    /// tiny_http or the router said nothing.
    Silent,
}

/// The way from connections to the router.
#[derive(Debug)]
pub(crate) struct Inner {
    /// The folder that only this user may enter; removed when dropped.
    folder: TempDir,
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
            pending: Mutex::default(),
            next_ticket: AtomicU64::new(0),
            places: (give, take),
        })
    }

    /// A tiny_http server at the inner end, in place of an earlier one.
    pub(crate) fn listen(&self) -> io::Result<tiny_http::Server> {
        let path = self.socket_path();
        let _ = std::fs::remove_file(&path);
        tiny_http::Server::http_unix(&path).map_err(|error| io::Error::other(error.to_string()))
    }

    /// Removes the folder with the socket. A further hop fails.
    pub(crate) fn remove_folder(&self) {
        // A folder that is already gone is what is wanted.
        let _ = std::fs::remove_dir_all(self.folder.path());
    }

    fn socket_path(&self) -> PathBuf {
        self.folder.path().join("inner")
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
        let (reply, action) = bounded(1);
        lock(&self.pending).insert(ticket, Pending { exchange, reply });
        let sent = UnixStream::connect(self.socket_path()).and_then(|mut hop| hop.write_all(&request).map(|()| hop));
        let result = match &sent {
            Ok(_) => action.recv_timeout(PATIENCE).map_err(|_| HopError::Silent),
            Err(_) => Err(HopError::Silent),
        };
        lock(&self.pending).remove(&ticket);
        sent.map_err(HopError::Unreachable)?;
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

/// A folder that only this user may enter, in the first place that can hold one. A container without any file system
/// of its own still has /dev/shm.
fn private_folder() -> io::Result<TempDir> {
    let named = ["RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR"].into_iter().filter_map(std::env::var_os).map(PathBuf::from);
    let common = [std::env::temp_dir(), PathBuf::from("/dev/shm"), PathBuf::from("/run")];
    let mut refused = String::new();
    for place in named.chain(common) {
        let folder = tempfile::Builder::new().prefix("sse-argo-tester-").tempdir_in(&place);
        match folder {
            // sockaddr_un holds 108 bytes, its NUL included.
            Ok(folder) if folder.path().as_os_str().len() > 100 => {
                refused += &format!(" {}: path too long;", place.display());
            }
            Ok(folder) => return Ok(folder),
            Err(error) => refused += &format!(" {}: {error};", place.display()),
        }
    }
    Err(io::Error::other(format!("no place for a private folder:{refused} set TMPDIR to one that is writable")))
}
