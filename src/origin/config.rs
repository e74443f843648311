//! What the origin is told at its start, with every default and limit.

use std::time::Duration;

use crate::server::MAX_CONNECTIONS;
use crate::server::listener::ListenAddr;
use crate::server::timeouts::Timeouts;

/// Time between two events, unless the request names another.
pub const INTERVAL: Duration = Duration::from_secs(1);
/// Most streams at a time; further ones get 503.
pub const MAX_STREAMS: usize = 2048;
/// Most bytes a second that all streams together may ask for; further ones get 503.
pub const MAX_RATE: u64 = 32 * 1024 * 1024;
/// Longest life of a stream, whatever it asks for.
pub const MAX_DURATION: Duration = Duration::from_secs(24 * 3600);

/// Where and within which bounds the origin serves.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the public is served.
    pub listen: ListenAddr,
    /// Where lists of all streams and metrics are served, if anywhere.
    pub admin: Option<ListenAddr>,
    /// Time between two events, unless the request names another.
    pub interval: Duration,
    /// The path that everything is mounted under: empty, or `/` and at least one segment without a `/` at the end.
    pub base_path: String,
    /// Most connections at a time.
    pub max_connections: usize,
    /// Most streams at a time.
    pub max_streams: usize,
    /// Most bytes a second that all streams together may ask for.
    pub max_rate: u64,
    /// Longest life of a stream.
    pub max_duration: Duration,
    /// How long a client may take.
    pub timeouts: Timeouts,
}

impl Config {
    /// The defaults, on `listen`.
    pub fn new(listen: ListenAddr) -> Config {
        Config {
            listen,
            admin: None,
            interval: INTERVAL,
            base_path: String::new(),
            max_connections: MAX_CONNECTIONS,
            max_streams: MAX_STREAMS,
            max_rate: MAX_RATE,
            max_duration: MAX_DURATION,
            timeouts: Timeouts::default(),
        }
    }
}
