//! The instrumented SSE origin: a service in a ring of gate, connection threads, tiny_http and router.
//!
//! ```text
//!  client --TCP--> gate --> connection's thread --clean request--> tiny_http --Request--> router
//!     ^                           |      ^                                                  |
//!     +--- head, events, ends ----+      +---------------- Action (crossbeam channel) ------+
//! ```
//!
//! The gate owns the public sockets. Each connection has one thread for its whole life, which reads and screens the
//! head, sends the clean request through [tiny_http], and carries out the action that the service makes of it on its
//! own socket. A watcher notices hang-ups; a registry knows all connections. The origin, the service here, keeps a
//! ledger of its streams; other services may stand in the same ring.

mod admin;
mod budget;
mod connection;
mod gate;
mod hub;
mod inner;
mod ledger;
mod origin;
mod stream;
mod streams;
pub(crate) mod wake;
mod watcher;

pub(crate) mod outlet;
pub(crate) mod places;
pub(crate) mod registry;
pub(crate) mod ring;
pub(crate) mod router;
pub(crate) mod service;

pub mod config;
pub mod listen;

use std::net::SocketAddr;

use crate::shutdown::Stop;
use config::Config;
use listen::ListenAddr;
use origin::Origin;
use registry::Role;
use ring::{Bounds, DESCRIPTORS_RESERVED, Ring, raise_descriptor_limit};

pub use ring::StartError;

/// A running origin. Dropping it without [`Server::stop`] leaves its threads behind until the process ends.
#[derive(Debug)]
pub struct Server {
    ring: Ring,
    addresses: Vec<SocketAddr>,
    admin_addresses: Vec<SocketAddr>,
}

impl Server {
    /// Starts the origin: when this returns, its addresses accept connections.
    ///
    /// # Errors
    /// A [`StartError`] when an address can't be listened on, or threads, descriptors or a private folder are not to be
    /// had.
    pub fn start(config: Config) -> Result<Server, StartError> {
        let public = Some((Role::Public, config.listen.clone()));
        let admin = config.admin.clone().map(|admin| (Role::Admin, admin));
        let listen: Vec<(Role, ListenAddr)> = public.into_iter().chain(admin).collect();
        let listen: Vec<_> = listen.iter().map(|(role, listen)| (*role, listen)).collect();
        let bounds = Bounds { max_connections: config.max_connections, timeouts: config.timeouts };
        let ring = Ring::start(&listen, bounds, Box::new(Origin::new(config)))?;
        let (addresses, admin_addresses) = (ring.addresses(Role::Public), ring.addresses(Role::Admin));
        Ok(Server { ring, addresses, admin_addresses })
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
    pub fn stop(self, hurry: &Stop) {
        self.ring.stop(hurry);
    }
}

/// Makes room for the descriptors of so many connections now, while the process has one thread. Later, each
/// doubling of the table makes accept stand still for 8 to 20 ms, because the kernel waits until no thread looks at the
/// old one.
///
/// To be called first, if at all.
pub fn grow_descriptor_table(connections: usize) {
    let wanted = (connections as u64).saturating_add(DESCRIPTORS_RESERVED);
    let highest = wanted.min(raise_descriptor_limit().saturating_sub(1));
    let Ok(highest) = i32::try_from(highest) else { return };
    // Where this fails, connections are accepted more slowly for a moment.
    let _ = rustix::io::fcntl_dupfd_cloexec(std::io::stderr(), highest);
}
