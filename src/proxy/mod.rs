//! A relay for event streams: each client's request goes to one target, and the response comes back byte for byte, as it
//! comes; or cured or impaired, if that is [asked for](RelayPolicy).
//!
//! It is a service of the same [HTTP server](crate::server) as the origin. The one thread of a client's connection asks the target
//! too, and waits for both at once. A relay holds two descriptors, two buffers that are small until more comes at once and
//! have [`BUFFER`] bytes at most (over TLS two more, and those of rustls), and the pages of its stack that asking the
//! target has touched: about 55 KiB in plain HTTP.
//!
//! If streams are [shared](Sharing::SameUrl), all clients of a URL have one connection to the target, and a thread reads
//! it for all. A further client then holds one descriptor, and about 15 KiB.

mod blocks;
mod config;
mod early_response;
mod error;
mod follow;
mod outcome;
mod policy;
mod poller;
mod relay;
mod request;
mod response;
mod response_writer;
mod resume;
mod service;
mod share;
mod target;
mod upstream_body;
mod upstream_conn;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crate::server::connection::Role;
use crate::server::http_server::{Bounds, HttpServer};
use crate::shutdown::Stop;
pub use config::{AtEnd, BUFFER, Config, DESCRIPTORS, HEAD_TIMEOUT, Sharing, TARGET};
pub use error::ProxyError;
pub use policy::{EARLY, HeaderPolicy, RelayPolicy};
use service::RelayService;
use target::Target;

/// A running proxy. Dropping it without [`Proxy::stop`] leaves its threads behind until the process ends.
#[derive(Debug)]
pub struct Proxy {
    server: HttpServer,
    addresses: Vec<SocketAddr>,
}

impl Proxy {
    /// Starts the proxy: when this returns, its addresses accept connections. The target is not asked before a client
    /// wants it.
    ///
    /// # Errors
    /// A [`ProxyError`] that says what is wrong.
    pub fn start(config: Config) -> Result<Proxy, ProxyError> {
        let target = Arc::new(Target::new(&config)?);
        let bounds = Bounds { max_connections: config.max_connections, timeouts: config.timeouts };
        let (policies, opened) = ([RelayPolicy::default(), config.policy].map(Arc::new), AtomicU64::new(0));
        let shares = (config.sharing == Sharing::SameUrl).then(Arc::default);
        let (base_path, at_end) = (config.base_path, config.at_end);
        let service = RelayService { target, base_path, policies, opened, at_end, shares };
        let (listen, counters) = ([(Role::Public, &config.listen)], Arc::default());
        let server = HttpServer::start(&listen, bounds, counters, Arc::new(service)).map_err(ProxyError::Start)?;
        let addresses = server.addresses(Role::Public);
        Ok(Proxy { server, addresses })
    }

    /// The addresses that clients are served on.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Stops accepting, breaks all relays off, and waits until all connections are gone, within 2 s; at once when
    /// `hurry` is triggered.
    pub fn stop(self, hurry: &Stop) {
        self.server.stop(hurry);
    }
}
