//! The instrumented SSE origin: a ring of gate, connection threads, tiny_http and router.
//!
//! ```text
//!  client --TCP--> gate --> connection's thread --clean request--> tiny_http --Request--> router
//!     ^                           |      ^                                                  |
//!     +--- head, events, ends ----+      +---------------- Action (crossbeam channel) ------+
//! ```
//!
//! The gate owns the public sockets. Each connection has one thread for its whole life, which reads and screens the
//! head, sends the clean request through [tiny_http], and carries out the action that the router makes of it on its
//! own socket. A watcher notices hang-ups; a registry knows all connections and streams.

mod admin;
mod budget;
mod connection;
mod gate;
mod hub;
mod inner;
mod registry;
mod router;
mod stream;
mod streams;
mod wake;
mod watcher;

pub mod config;
pub mod listen;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::shutdown::Stop;
use budget::Budget;
use config::Config;
use gate::{Counts, Door};
use hub::Hub;
use inner::Inner;
use listen::ListenAddr;
use registry::{Registry, Role, lock, unix_us};
use watcher::Watcher;

/// Descriptors that are kept for everything but public connections: standard streams, listeners, signals, log,
/// watcher, admin connections, and connections that are turned away.
const DESCRIPTORS_RESERVED: u64 = 40;
/// Descriptors that one request in the inner hop needs.
const DESCRIPTORS_PER_HOP: u64 = 3;
/// Requests in the inner hop at a time.
const HOPS: u64 = 16;
/// Fewer descriptors than these are few.
const DESCRIPTORS_FEW: u64 = 256;
/// Requests in the inner hop at a time where descriptors are few.
const HOPS_FEW: u64 = 2;
/// The number of the inner server before the first.
const NO_ROUTER: u64 = 0;
/// How often the wait for connections looks whether it is to hurry.
const STOP_STEP: Duration = Duration::from_millis(20);
/// How long closed connections' threads get to end.
const LAST_MOMENT: Duration = Duration::from_millis(200);

/// Why the origin can't start.
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

/// What all threads of the origin share.
struct Shared {
    config: Config,
    /// The cap on public connections, after the limit on descriptors.
    max_connections: usize,
    stop: Stop,
    registry: Registry,
    counts: Counts,
    hub: Arc<Hub>,
    budget: Arc<Budget>,
    watcher: Watcher,
    inner: Inner,
    /// The inner server that the router receives from.
    tiny: Mutex<Option<Arc<tiny_http::Server>>>,
    routed: AtomicU64,
    refusals: AtomicU64,
    started_us: u64,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Shared {
    /// Whether so many connections are open that idle ones should go.
    fn is_crowded(&self) -> bool {
        self.counts.public().saturating_mul(4) > self.max_connections.saturating_mul(3)
    }

    /// Starts a router on a new inner server, if `failed` is still the one that requests are sent to.
    fn start_router(self: &Arc<Shared>, failed: u64) -> io::Result<()> {
        let mut tiny = lock(&self.tiny);
        if self.inner.current() != failed {
            return Ok(());
        }
        let server = Arc::new(self.inner.listen()?);
        let (shared, receiving) = (Arc::clone(self), Arc::clone(&server));
        thread::Builder::new().name("router".to_owned()).spawn(move || router::run(&shared, &receiving))?;
        if let Some(before) = tiny.replace(server) {
            before.unblock();
        }
        Ok(())
    }

    fn stop_router(&self) {
        if let Some(server) = lock(&self.tiny).take() {
            server.unblock();
        }
    }

    fn count_routed(&self) {
        self.routed.fetch_add(1, Ordering::Relaxed);
    }

    fn routed(&self) -> u64 {
        self.routed.load(Ordering::Relaxed)
    }

    fn count_refusal(&self) {
        self.refusals.fetch_add(1, Ordering::Relaxed);
    }

    fn refusals(&self) -> u64 {
        self.refusals.load(Ordering::Relaxed)
    }
}

/// A running origin. Dropping it without [`Server::stop`] leaves its threads behind until the process ends.
#[derive(Debug)]
pub struct Server {
    shared: Arc<Shared>,
    addresses: Vec<SocketAddr>,
    admin_addresses: Vec<SocketAddr>,
    gate: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts the origin: when this returns, its addresses accept connections.
    ///
    /// # Errors
    /// A [`StartError`] when an address can't be listened on, or threads, descriptors or a private folder are not to be
    /// had.
    pub fn start(config: Config) -> Result<Server, StartError> {
        let descriptors = raise_descriptor_limit();
        let hops = if descriptors < DESCRIPTORS_FEW { HOPS_FEW } else { HOPS };
        let spare = descriptors.saturating_sub(DESCRIPTORS_RESERVED + hops * DESCRIPTORS_PER_HOP).max(1);
        let max_connections = config.max_connections.min(usize::try_from(spare).unwrap_or(usize::MAX));
        if max_connections < config.max_connections {
            log::warn!("at most {max_connections} connections at a time: the limit on descriptors is {descriptors}");
        }
        let (doors, addresses) = open_doors(&config.listen, Role::Public, &config)?;
        let (admin_doors, admin_addresses) = match &config.admin {
            Some(admin) => open_doors(admin, Role::Admin, &config)?,
            None => Default::default(),
        };
        let shared = Arc::new(Shared {
            max_connections,
            stop: system("create an eventfd", Stop::new())?,
            registry: Registry::default(),
            counts: Counts::default(),
            hub: Arc::default(),
            budget: Budget::new(config.max_rate, Instant::now()),
            watcher: system("create an epoll set", Watcher::new())?,
            inner: system("prepare the inner socket", Inner::new(hops as usize))?,
            tiny: Mutex::default(),
            routed: AtomicU64::new(0),
            refusals: AtomicU64::new(0),
            started_us: unix_us(),
            config,
        });
        system("start the router", shared.start_router(NO_ROUTER))?;
        let watching = Arc::clone(&shared);
        spawn("watcher", move || watching.watcher.run(&watching.registry, &watching.stop))?;
        let gating = Arc::clone(&shared);
        let doors: Vec<Door> = doors.into_iter().chain(admin_doors).collect();
        let gate = spawn("gate", move || gate::run(&gating, &doors))?;
        Ok(Server { shared, addresses, admin_addresses, gate: Some(gate) })
    }

    /// The addresses that the public is served on.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The addresses that lists and metrics are served on.
    pub fn admin_addresses(&self) -> &[SocketAddr] {
        &self.admin_addresses
    }

    /// Stops accepting, ends all streams cleanly, and waits until all connections are gone, within 2 s; at once when
    /// `hurry` is triggered.
    pub fn stop(mut self, hurry: &Stop) {
        let shared = &self.shared;
        log::info!("stopping: {} connections are open", shared.registry.connections());
        shared.stop.trigger();
        shared.registry.stop_all();
        shared.hub.stop_all();
        if let Some(gate) = self.gate.take() {
            let _ = gate.join();
        }
        self.wait_for_connections(hurry);
        self.shared.stop_router();
        self.shared.inner.remove_folder();
    }

    fn wait_for_connections(&self, hurry: &Stop) {
        let registry = &self.shared.registry;
        let deadline = Instant::now() + self.shared.config.timeouts.stop;
        while registry.wait_until_empty(STOP_STEP) > 0 && !hurry.is_triggered() {
            if Instant::now() >= deadline {
                registry.close_all();
                let left = registry.wait_until_empty(LAST_MOMENT);
                log::warn!("connections that did not end in time were closed hard; {left} are left");
                return;
            }
        }
    }
}

fn open_doors(listen: &ListenAddr, role: Role, config: &Config) -> Result<(Vec<Door>, Vec<SocketAddr>), StartError> {
    let bind = |error| StartError::Bind { listen: listen.clone(), error };
    let listeners = listen.bind(&config.timeouts).map_err(bind)?;
    let addresses: Result<Vec<_>, _> = listeners.iter().map(|listener| listener.local_addr()).collect();
    let addresses = addresses.map_err(bind)?;
    if addresses.iter().any(|address| !address.ip().is_loopback()) {
        log::warn!(
            "{listen} is reachable from other machines, in plain HTTP: whoever is on the way can read and change it"
        );
    }
    Ok((listeners.into_iter().map(|listener| Door { listener, role }).collect(), addresses))
}

fn spawn(name: &'static str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StartError> {
    system("start a thread", thread::Builder::new().name(name.to_owned()).spawn(work))
}

/// Makes room for the descriptors of an origin with `config` now, while the process has one thread. Later, each
/// doubling of the table makes accept stand still for 8 to 20 ms, because the kernel waits until no thread looks at the
/// old one.
///
/// To be called first, if at all.
pub fn grow_descriptor_table(config: &Config) {
    let wanted = (config.max_connections as u64).saturating_add(DESCRIPTORS_RESERVED);
    let highest = wanted.min(raise_descriptor_limit().saturating_sub(1));
    let Ok(highest) = i32::try_from(highest) else { return };
    // Where this fails, connections are accepted more slowly for a moment.
    let _ = rustix::io::fcntl_dupfd_cloexec(std::io::stderr(), highest);
}

/// Raises the soft limit on descriptors to the hard one; returns what it is then.
fn raise_descriptor_limit() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    let now = if raised.is_ok() { limit.maximum } else { limit.current };
    now.unwrap_or(u64::MAX)
}
