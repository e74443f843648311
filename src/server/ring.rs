//! The ring: gate, connection threads, tiny_http and router, around a service.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::config::Timeouts;
use super::gate::{self, Counts, Door};
use super::inner::Inner;
use super::listen::ListenAddr;
use super::registry::{Registry, Role, unix_us};
use super::router;
use super::service::Service;
use super::watcher::Watcher;
use crate::lock::lock;
use crate::shutdown::Stop;

/// Descriptors that are kept for everything but public connections: standard streams, listeners, signals, log,
/// watcher, admin connections, and connections that are turned away.
pub(crate) const DESCRIPTORS_RESERVED: u64 = 40;
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

/// What all threads of a ring share.
pub(crate) struct Shared {
    pub(crate) timeouts: Timeouts,
    /// The cap on public connections, after the limit on descriptors.
    pub(crate) max_connections: usize,
    pub(crate) stop: Stop,
    pub(crate) registry: Registry,
    pub(crate) counts: Counts,
    pub(crate) watcher: Watcher,
    pub(crate) inner: Inner,
    pub(crate) service: Box<dyn Service>,
    /// The inner server that the router receives from.
    tiny: Mutex<Option<Arc<tiny_http::Server>>>,
    routed: AtomicU64,
    refusals: AtomicU64,
    pub(crate) started_us: u64,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("service", &self.service).finish_non_exhaustive()
    }
}

impl Shared {
    /// Whether so many connections are open that idle ones should go.
    pub(crate) fn is_crowded(&self) -> bool {
        self.counts.public().saturating_mul(4) > self.max_connections.saturating_mul(3)
    }

    /// Starts a router on a new inner server, if `failed` is still the one that requests are sent to.
    pub(crate) fn start_router(self: &Arc<Shared>, failed: u64) -> io::Result<()> {
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

    pub(crate) fn stop_router(&self) {
        if let Some(server) = lock(&self.tiny).take() {
            server.unblock();
        }
    }

    pub(crate) fn count_routed(&self) {
        self.routed.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn routed(&self) -> u64 {
        self.routed.load(Ordering::Relaxed)
    }

    pub(crate) fn count_refusal(&self) {
        self.refusals.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn refusals(&self) -> u64 {
        self.refusals.load(Ordering::Relaxed)
    }
}

/// What a ring may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Most public connections at a time.
    pub(crate) max_connections: usize,
    pub(crate) timeouts: Timeouts,
}

/// A running ring. Dropping it without [`Ring::stop`] leaves its threads behind until the process ends.
#[derive(Debug)]
pub(crate) struct Ring {
    pub(crate) shared: Arc<Shared>,
    addresses: Vec<(Role, SocketAddr)>,
    gate: Option<JoinHandle<()>>,
}

impl Ring {
    /// Starts to serve: when this returns, its addresses accept connections.
    ///
    /// # Errors
    /// A [`StartError`] when an address can't be listened on, or threads, descriptors or a private folder are not to be
    /// had.
    pub(crate) fn start(
        listen: &[(Role, &ListenAddr)],
        bounds: Bounds,
        service: Box<dyn Service>,
    ) -> Result<Ring, StartError> {
        let descriptors = raise_descriptor_limit();
        let hops = if descriptors < DESCRIPTORS_FEW { HOPS_FEW } else { HOPS };
        let spare = descriptors.saturating_sub(DESCRIPTORS_RESERVED + hops * DESCRIPTORS_PER_HOP).max(1);
        let spare = spare / service.descriptors().max(1);
        let max_connections = bounds.max_connections.min(usize::try_from(spare).unwrap_or(usize::MAX)).max(1);
        if max_connections < bounds.max_connections {
            log::warn!("at most {max_connections} connections at a time: the limit on descriptors is {descriptors}");
        }
        let mut doors = Vec::new();
        for (role, listen) in listen {
            doors.extend(open_doors(listen, *role, &bounds.timeouts)?);
        }
        let addresses = doors.iter().map(|(door, address)| (door.role, *address)).collect();
        let shared = Arc::new(Shared {
            max_connections,
            timeouts: bounds.timeouts,
            stop: system("create an eventfd", Stop::new())?,
            registry: Registry::default(),
            counts: Counts::default(),
            watcher: system("create an epoll set", Watcher::new())?,
            inner: system("prepare the inner socket", Inner::new(hops as usize))?,
            service,
            tiny: Mutex::default(),
            routed: AtomicU64::new(0),
            refusals: AtomicU64::new(0),
            started_us: unix_us(),
        });
        system("start the router", shared.start_router(NO_ROUTER))?;
        let watching = Arc::clone(&shared);
        spawn("watcher", move || watching.watcher.run(&watching.registry, &watching.stop))?;
        let gating = Arc::clone(&shared);
        let doors: Vec<Door> = doors.into_iter().map(|(door, _)| door).collect();
        let gate = spawn("gate", move || gate::run(&gating, &doors))?;
        Ok(Ring { shared, addresses, gate: Some(gate) })
    }

    /// The addresses that are served for `role`.
    pub(crate) fn addresses(&self, role: Role) -> Vec<SocketAddr> {
        self.addresses.iter().filter(|(other, _)| *other == role).map(|(_, address)| *address).collect()
    }

    /// Stops accepting, tells all connections to end, and waits until they have, within 2 s; at once when `hurry` is
    /// triggered.
    pub(crate) fn stop(mut self, hurry: &Stop) {
        let shared = &self.shared;
        log::info!("stopping: {} connections are open", shared.registry.connections());
        shared.stop.trigger();
        shared.registry.stop_all();
        shared.service.stop();
        if let Some(gate) = self.gate.take() {
            let _ = gate.join();
        }
        self.wait_for_connections(hurry);
        self.shared.stop_router();
        self.shared.inner.remove_folder();
    }

    fn wait_for_connections(&self, hurry: &Stop) {
        let registry = &self.shared.registry;
        let deadline = Instant::now() + self.shared.timeouts.stop;
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

fn open_doors(listen: &ListenAddr, role: Role, timeouts: &Timeouts) -> Result<Vec<(Door, SocketAddr)>, StartError> {
    let bind = |error| StartError::Bind { listen: listen.clone(), error };
    let listeners = listen.bind(timeouts).map_err(bind)?;
    let door = |listener: TcpListener| listener.local_addr().map(|address| (Door { listener, role }, address));
    let doors = listeners.into_iter().map(door).collect::<Result<Vec<_>, _>>().map_err(bind)?;
    if doors.iter().any(|(_, address)| !address.ip().is_loopback()) {
        log::warn!(
            "{listen} is reachable from other machines, in plain HTTP: whoever is on the way can read and change it"
        );
    }
    Ok(doors)
}

fn spawn(name: &'static str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StartError> {
    system("start a thread", thread::Builder::new().name(name.to_owned()).spawn(work))
}

/// Raises the soft limit on descriptors to the hard one; returns what it is then.
pub(crate) fn raise_descriptor_limit() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    let now = if raised.is_ok() { limit.maximum } else { limit.current };
    now.unwrap_or(u64::MAX)
}
