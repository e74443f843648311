//! The configuration of a proxy, and its defaults.

use std::time::Duration;

use super::policy::RelayPolicy;
use crate::client::Settings;
use crate::server::MAX_CONNECTIONS;
use crate::server::listener::ListenAddr;
use crate::server::timeouts::Timeouts;

/// The target, unless another is named.
pub const TARGET: &str = "http://localhost:8080/sse";
/// How long the target may take for the head of its response, from the request on.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(60);
/// Descriptors of a connection: the client's and the target's.
pub const DESCRIPTORS: usize = 2;
/// Most bytes in a relay's buffers for what comes, and in the head of a target's response.
pub const BUFFER: usize = 16 * 1024;
/// Stack of a connection's thread. TLS needs it while the connection is made, most of all in unoptimised builds.
pub(super) const STACK: usize = 512 * 1024;

/// What becomes of a client's response when the target's stream ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AtEnd {
    /// It ends likewise.
    #[default]
    PassOn,
    /// The target is asked to go on behind the last complete event, as browsers do, and the response goes on. For GET
    /// requests, and event streams without a content coding, for which they ask.
    Resume,
}

/// How many connections to the target there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sharing {
    /// Each client has one of its own.
    #[default]
    Never,
    /// All clients of the same URL have one: those of GET requests without Authorization and Cookie, from pages of the
    /// same origin. The target gets the first one's request.
    SameUrl,
}

impl Sharing {
    /// Most descriptors of a connection: the client's, the target's, and one to end a shared stream of one client.
    pub fn descriptors(self) -> usize {
        match self {
            Sharing::Never => DESCRIPTORS,
            Sharing::SameUrl => DESCRIPTORS + 1,
        }
    }
}

/// The configuration of a proxy.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where clients are served.
    pub listen: ListenAddr,
    /// The path that everything is mounted under: empty, or `/` and at least one segment without a `/` at the end.
    pub base_path: String,
    /// Most connections at a time.
    pub max_connections: usize,
    /// The URL whose stream is relayed. Its credentials, if it has some, are sent for clients that have none.
    pub target: String,
    /// How the target is context. Redirects, buffers and keepalive are those of a proxy, whatever this says.
    pub settings: Settings,
    /// How long the target may take for the head of its response.
    pub head_timeout: Duration,
    /// How long a client may take.
    pub timeouts: Timeouts,
    /// What is done to streams.
    pub policy: RelayPolicy,
    /// What becomes of a client's response when the target's stream ends.
    pub at_end: AtEnd,
    /// How many connections to the target there are.
    pub sharing: Sharing,
}

impl Config {
    /// The defaults, on `listen`.
    pub fn new(listen: ListenAddr) -> Config {
        Config {
            listen,
            base_path: String::new(),
            max_connections: MAX_CONNECTIONS,
            target: TARGET.to_owned(),
            settings: Settings::default(),
            head_timeout: HEAD_TIMEOUT,
            timeouts: Timeouts::default(),
            policy: RelayPolicy::default(),
            at_end: AtEnd::default(),
            sharing: Sharing::default(),
        }
    }
}
