//! What the origin is told at its start, with every default and limit.

use std::time::Duration;

use super::listen::ListenAddr;

/// Time between two events, unless the request names another.
pub const INTERVAL: Duration = Duration::from_secs(1);
/// Most connections at a time; further ones get 503.
pub const MAX_CONNECTIONS: usize = 4096;
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

/// How long a client may take, before it is given up.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// From a request's first byte to the end of its head (408), and until a new connection's first byte.
    pub head: Duration,
    /// From the end of a request's head to the end of its body (408).
    pub body: Duration,
    /// Between two requests on one connection.
    pub idle: Duration,
    /// For the client to make room for one event in the send buffer.
    pub write: Duration,
    /// Without an acknowledgement of what was sent, because the client is gone without a word (TCP_USER_TIMEOUT).
    pub unacknowledged: Duration,
    /// From the order to stop until connections that did not end by themselves are closed hard.
    pub stop: Duration,
}

impl Default for Timeouts {
    fn default() -> Timeouts {
        Timeouts {
            head: Duration::from_secs(10),
            body: Duration::from_secs(10),
            // Longer than the 90 s for which cloudflared keeps idle connections to an origin, so that it is not us who
            // close one while a request is on its way.
            idle: Duration::from_secs(120),
            write: Duration::from_secs(10),
            unacknowledged: Duration::from_secs(20),
            stop: Duration::from_millis(1400),
        }
    }
}
