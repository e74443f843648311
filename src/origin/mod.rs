//! The instrumented SSE origin: a service that stamps events just before they are written, and its page.
//!
//! | file | job |
//! |---|---|
//! | `service` | where the paths lead |
//! | `open`, `hello` | from a request to a stream that is ready to be sent |
//! | `stream` | one stream on its connection's thread, from its head to its end |
//! | `named` | named streams: one ticker, many subscribers |
//! | `guard`, `stream_registry`, `budget` | which streams run, and how much all may send |
//! | `admin` | lists of all streams, metrics |

mod admin;
mod budget;
mod guard;
mod hello;
mod named;
mod open;
mod service;
mod stream;
mod stream_registry;

pub mod config;

use std::net::SocketAddr;
use std::sync::Arc;

use crate::server::StartError;
use crate::server::connection::Role;
use crate::server::counters::Counters;
use crate::server::http_server::{Bounds, HttpServer};
use crate::server::listener::ListenAddr;
use crate::shutdown::Stop;
use config::Config;
use service::OriginService;

/// A running origin. Dropping it without [`Origin::stop`] leaves its threads behind until the process ends.
#[derive(Debug)]
pub struct Origin {
    server: HttpServer,
    addresses: Vec<SocketAddr>,
    admin_addresses: Vec<SocketAddr>,
}

impl Origin {
    /// Starts the origin: when this returns, its addresses accept connections.
    ///
    /// # Errors
    /// A [`StartError`] when an address can't be listened on, or threads, descriptors or a private folder are not to be
    /// had.
    pub fn start(config: Config) -> Result<Origin, StartError> {
        let public = Some((Role::Public, config.listen.clone()));
        let admin = config.admin.clone().map(|admin| (Role::Admin, admin));
        let listen: Vec<(Role, ListenAddr)> = public.into_iter().chain(admin).collect();
        let listen: Vec<_> = listen.iter().map(|(role, listen)| (*role, listen)).collect();
        let bounds = Bounds { max_connections: config.max_connections, timeouts: config.timeouts };
        let counters = Arc::new(Counters::default());
        let service = Arc::new(OriginService::new(&config, &counters));
        let server = HttpServer::start(&listen, bounds, counters, service)?;
        let (addresses, admin_addresses) = (server.addresses(Role::Public), server.addresses(Role::Admin));
        Ok(Origin { server, addresses, admin_addresses })
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
        self.server.stop(hurry);
    }
}
