//! The tiny_http server that the router receives from, on a socket that only this process reaches.

use std::fmt;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use tempfile::TempDir;

use super::router::Router;
use crate::lock::lock;

/// The number of the server before the first.
const NO_SERVER: u64 = 0;

/// A tiny_http server with its router; a new one takes the place of one that fails.
pub(crate) struct InnerServer {
    /// The folder that only this user may enter; removed when dropped.
    folder: TempDir,
    /// How many servers there were; the newest counts.
    newest: AtomicU64,
    /// The number of the newest server whose router has ended.
    ended: Arc<AtomicU64>,
    tiny: Mutex<Option<Arc<tiny_http::Server>>>,
    router: Router,
}

impl fmt::Debug for InnerServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InnerServer").field("router", &self.router).finish_non_exhaustive()
    }
}

impl InnerServer {
    /// Starts a server, in a private folder.
    pub(crate) fn start(router: Router) -> io::Result<InnerServer> {
        let server = InnerServer {
            folder: private_folder()?,
            newest: AtomicU64::new(NO_SERVER),
            ended: Arc::new(AtomicU64::new(NO_SERVER)),
            tiny: Mutex::default(),
            router,
        };
        server.replace(NO_SERVER)?;
        Ok(server)
    }

    /// Starts a new server, if the one with the number `failed` is still the newest.
    pub(crate) fn replace(&self, failed: u64) -> io::Result<()> {
        let mut tiny = lock(&self.tiny);
        if self.newest() != failed {
            return Ok(());
        }
        let server = Arc::new(self.listen()?);
        let (router, receiving, number) = (self.router.clone(), Arc::clone(&server), self.newest());
        let ended = Arc::clone(&self.ended);
        let work = move || {
            router.run(&receiving);
            ended.fetch_max(number, Ordering::Relaxed);
        };
        thread::Builder::new().name("router".to_owned()).spawn(work)?;
        if let Some(before) = tiny.replace(server) {
            before.unblock();
        }
        Ok(())
    }

    /// Ends the router and removes the folder with the socket.
    pub(crate) fn stop(&self) {
        self.stop_router();
        // A folder that is already gone is what is wanted.
        let _ = fs::remove_dir_all(self.folder.path());
    }

    pub(super) fn stop_router(&self) {
        if let Some(server) = lock(&self.tiny).take() {
            server.unblock();
        }
    }

    /// A tiny_http server in place of an earlier one.
    ///
    /// Each has a path of its own, because an earlier server removes its path whenever it is dropped.
    pub(super) fn listen(&self) -> io::Result<tiny_http::Server> {
        let folder = self.folder.path();
        if !folder.exists() {
            // Somebody has cleaned up behind us.
            fs::DirBuilder::new().mode(0o700).create(folder)?;
        }
        let number = self.newest() + 1;
        let listening = tiny_http::Server::http_unix(&self.socket_path(number));
        let listening = listening.map_err(|error| io::Error::other(error.to_string()))?;
        self.newest.store(number, Ordering::Relaxed);
        Ok(listening)
    }

    /// The number of the newest server.
    pub(crate) fn newest(&self) -> u64 {
        self.newest.load(Ordering::Relaxed)
    }

    /// Whether nobody receives what is sent to this server.
    pub(crate) fn is_gone(&self, number: u64) -> bool {
        self.ended.load(Ordering::Relaxed) >= number
    }

    pub(crate) fn connect(&self, number: u64) -> io::Result<UnixStream> {
        let socket = UnixStream::connect(self.socket_path(number))?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    }

    pub(super) fn socket_path(&self, number: u64) -> PathBuf {
        self.folder.path().join(number.to_string())
    }
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
