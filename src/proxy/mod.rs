//! A relay for event streams: each client's request goes to one target, and the response comes back byte for byte, as it
//! comes; or cured or impaired, if that is [asked for](Treatment).
//!
//! It stands in the same [ring](crate::server) as the origin. The one thread of a client's connection asks the target
//! too, and waits for both at once. A relay holds two descriptors, two buffers that are small until more comes at once and
//! have [`BUFFER`] bytes at most (over TLS two more, and those of rustls), and the pages of its stack that asking the
//! target has touched: about 55 KiB in plain HTTP.
//!
//! If streams are [shared](Sharing::SameUrl), all clients of a URL have one connection to the target, and a thread reads
//! it for all. A further client then holds one descriptor, and about 15 KiB.

mod blocks;
mod early;
mod follow;
mod kept;
mod lookout;
mod outcome;
mod relay;
mod request;
mod response;
mod resume;
mod share;
mod sink;
mod source;
mod treatment;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tiny_http::Request;

use crate::client::origin::{absolute, beside};
use crate::client::{self, Client, ClientError, Redirects, Settings};
use crate::http::Response;
use crate::http::request::fields;
use crate::impair::accepts_gzip;
use crate::nonce::nonce;
use crate::server::StartError;
use crate::server::config::{MAX_CONNECTIONS, Timeouts};
use crate::server::listen::ListenAddr;
use crate::server::places::{self, Place};
use crate::server::registry::Role;
use crate::server::ring::{Bounds, Ring, Shared};
use crate::server::service::{Action, Exchange, Service};
use crate::shutdown::Stop;
use relay::Relay;
use request::{Hop, accept_encoding, has_passed, relayed, with_query};
use response::Asked;
use resume::ask_for_identity;
use share::{Shares, may_share};
pub use treatment::{EARLY, Headers, Treatment};

/// The target, unless another is named.
pub const TARGET: &str = "http://localhost:8080/sse";
/// How long the target may take for the head of its response, from the request on.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(60);
/// Descriptors of a connection: the client's and the target's.
pub const DESCRIPTORS: usize = 2;
/// Most bytes in a relay's buffers for what comes, and in the head of a target's response.
pub const BUFFER: usize = 16 * 1024;
/// How long a target may be silent before TCP asks it whether it is still there. One that is gone without a word would
/// leave its clients waiting.
const KEEPALIVE: Duration = Duration::from_secs(30);
/// Stack of a connection's thread. TLS needs it while the connection is made, most of all in unoptimised builds.
const STACK: usize = 512 * 1024;
/// Longest id in the path of a stream's state.
const ID_MAX: usize = 64;

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

/// What the proxy is told at its start.
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
    /// How the target is asked. Redirects, buffers and keepalive are those of a proxy, whatever this says.
    pub settings: Settings,
    /// How long the target may take for the head of its response.
    pub head_timeout: Duration,
    /// How long a client may take.
    pub timeouts: Timeouts,
    /// What is done to streams.
    pub treatment: Treatment,
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
            treatment: Treatment::default(),
            at_end: AtEnd::default(),
            sharing: Sharing::default(),
        }
    }
}

/// Why the proxy can't start.
#[derive(Debug)]
pub enum ProxyError {
    /// The target is no URL that can be asked.
    Target(String),
    /// The settings for asking it are wrong.
    Client(ClientError),
    /// There is no server.
    Start(StartError),
    /// The system has no random numbers for a name of its own.
    Name(io::Error),
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProxyError::Target(url) => {
                write!(f, "\"{}\" is no target's URL, such as {TARGET}", crate::escape::escaped(url))
            }
            ProxyError::Client(error) => error.fmt(f),
            ProxyError::Start(error) => error.fmt(f),
            ProxyError::Name(error) => write!(f, "choose a name for Via: {error}"),
        }
    }
}

impl std::error::Error for ProxyError {}

/// Where requests go, and as whose.
#[derive(Debug)]
struct Target {
    client: Client,
    /// The URL of the stream, without credentials.
    url: String,
    /// The same, fit for a log and a terminal.
    shown: String,
    /// The value of `Authorization`, from the URL's credentials.
    authorization: Option<String>,
    head_timeout: Duration,
    /// This proxy's name in `Via`: "a recipient MAY [...] use a pseudonym" (RFC 9110, section 7.6.3).
    pseudonym: String,
}

impl Target {
    fn new(config: &Config) -> Result<Target, ProxyError> {
        let mut request = client::Request::event_stream(&absolute(&config.target), None, &[], None);
        let uri = request.url.parse::<ureq::http::Uri>().ok();
        let fits = |uri: &ureq::http::Uri| {
            matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !host.is_empty())
        };
        if !uri.as_ref().is_some_and(fits) {
            return Err(ProxyError::Target(request.url));
        }
        let settings = Settings {
            redirects: Redirects::Return,
            buffer: Some(BUFFER),
            keepalive: Some(KEEPALIVE),
            ..config.settings.clone()
        };
        Ok(Target {
            client: Client::new(&settings).map_err(ProxyError::Client)?,
            shown: crate::escape::escaped(&request.url),
            authorization: request.take_header("Authorization"),
            url: request.url,
            head_timeout: config.head_timeout,
            pseudonym: format!("sse-argo-tester-{:.12}", nonce().map_err(ProxyError::Name)?),
        })
    }
}

/// A running proxy. Dropping it without [`Proxy::stop`] leaves its threads behind until the process ends.
#[derive(Debug)]
pub struct Proxy {
    ring: Ring,
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
        let (treatments, opened) = ([Treatment::default(), config.treatment].map(Arc::new), AtomicU64::new(0));
        let shares = (config.sharing == Sharing::SameUrl).then(Arc::default);
        let (base_path, at_end) = (config.base_path, config.at_end);
        let service = Relays { target, base_path, treatments, opened, at_end, shares };
        let ring = Ring::start(&[(Role::Public, &config.listen)], bounds, Box::new(service));
        let ring = ring.map_err(ProxyError::Start)?;
        let addresses = ring.addresses(Role::Public);
        Ok(Proxy { ring, addresses })
    }

    /// The addresses that clients are served on.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Stops accepting, breaks all relays off, and waits until all connections are gone, within 2 s; at once when
    /// `hurry` is triggered.
    pub fn stop(self, hurry: &Stop) {
        self.ring.stop(hurry);
    }
}

/// The service: relays to one target.
#[derive(Debug)]
struct Relays {
    target: Arc<Target>,
    base_path: String,
    /// That of other responses, and that of streams.
    treatments: [Arc<Treatment>; 2],
    opened: AtomicU64,
    at_end: AtEnd,
    shares: Option<Arc<Shares>>,
}

impl Service for Relays {
    fn route(&self, _shared: &Shared, request: &Request, target: &str, exchange: Exchange) -> Action {
        let (place, query) = match Place::find(&self.base_path, target) {
            Ok(found) => found,
            Err(response) => return Action::Respond(response),
        };
        let url = &self.target.url;
        let relayed_to = match (request.method().as_str(), place) {
            ("GET" | "HEAD", Place::Page) => return Action::Respond(places::page()),
            ("GET" | "HEAD", Place::Products) => return Action::Respond(places::products()),
            ("GET" | "HEAD", Place::Health) => return Action::Respond(places::healthy()),
            ("OPTIONS", Place::Page | Place::Products | Place::Health) => return Action::Respond(place.preflight()),
            ("GET" | "HEAD" | "POST" | "OPTIONS", Place::Events) => url.clone(),
            ("GET" | "HEAD" | "OPTIONS", Place::Time) => beside(url, "time", false),
            ("GET" | "HEAD" | "OPTIONS", Place::Stream(id)) if is_id(id) => {
                beside(url, &format!("streams/{id}"), false)
            }
            (_, Place::Stream(id)) if !is_id(id) => {
                return Action::Respond(Response::text(404, "no stream has such an id"));
            }
            _ => return Action::Respond(place.not_allowed()),
        };
        self.relay(request.method().as_str(), &with_query(&relayed_to, query), place == Place::Events, exchange)
    }

    fn stop(&self) {
        if let Some(shares) = &self.shares {
            shares.stop_all();
        }
    }

    fn descriptors(&self) -> u64 {
        let sharing = if self.shares.is_some() { Sharing::SameUrl } else { Sharing::Never };
        sharing.descriptors() as u64
    }

    fn stack(&self) -> usize {
        STACK
    }
}

impl Relays {
    fn relay(&self, method: &str, url: &str, is_stream: bool, exchange: Exchange) -> Action {
        let fields = fields(&exchange.head);
        if has_passed(&fields, &self.target.pseudonym) {
            let text = "relay the request: it has come by here before, so that the target leads back to this proxy; \
                        name another target";
            return Action::Respond(Response::text(508, text));
        }
        let hop =
            Hop { peer: exchange.connection.peer.ip(), version: exchange.version, pseudonym: &self.target.pseudonym };
        let at_end = if is_stream && method == "GET" { self.at_end } else { AtEnd::PassOn };
        let shares = self.shares.as_ref().filter(|_| is_stream && may_share(method, &exchange.body, &fields));
        let accepts_gzip = accepts_gzip(&accept_encoding(&fields));
        let treatment = Arc::clone(&self.treatments[usize::from(is_stream)]);
        let mut relayed = treatment.request(method, relayed(fields, &hop, self.target.authorization.as_deref()));
        if at_end == AtEnd::Resume || shares.is_some() {
            ask_for_identity(&mut relayed);
        }
        let asked = Asked { version: exchange.version, head_only: method == "HEAD", keep_alive: exchange.keep_alive };
        Action::Run(Box::new(Relay {
            target: Arc::clone(&self.target),
            id: self.opened.fetch_add(1, Ordering::Relaxed) + 1,
            method: method.to_owned(),
            url: url.to_owned(),
            accepts_gzip,
            fields: relayed,
            treatment,
            asked,
            is_stream,
            trace: exchange.trace(),
            body: exchange.body,
            at_end,
            shares: shares.cloned(),
        }))
    }
}

/// Whether a path segment can be the id of a stream, and nothing that leads elsewhere.
fn is_id(id: &str) -> bool {
    id.len() <= ID_MAX && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
}
