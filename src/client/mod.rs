//! An HTTP client for one thing: to know exactly when each byte of a response came, and how the response ended.
//!
//! It stands on ureq with rustls and the platform's trust store; the sockets at the bottom are our own.

mod buffers;
pub mod content;
mod dial;
mod error;
pub mod live;
pub mod origin;
pub mod request;
pub mod retry;
mod tls_error;
pub mod wait;
mod wire;

use std::collections::HashMap;
use std::io::{ErrorKind, Read};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

pub use error::ClientError;
pub use request::Request;
pub use tls_error::TlsError;

use crate::http::MediaType;
use crate::verdict::Reply;
use ureq::config::{AutoHeaderValue, Config, IpFamily, RedirectAuthHeaders};
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{ConnectProxyConnector, Connector, RustlsConnector};
use ureq::{Agent, BodyReader, Proxy, ResponseExt};

use dial::{Dial, Names};
use wait::Waiter;
use wire::{FIRST, Secure, Trace};

/// Most bytes that a read of a body brings, unless the settings say otherwise.
const BUFFER: usize = 64 * 1024;

/// Least room for what is sent: ureq writes each line of a request's head in one piece, and one that is relayed may be
/// as long as a head, with an address more.
const LINE_MAX: usize = 33 * 1024;

/// Redirects that are followed.
pub const REDIRECTS_MAX: u32 = 10;

/// Which addresses of a host are used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Family {
    /// All.
    #[default]
    Any,
    /// IPv4 alone.
    V4,
    /// IPv6 alone.
    V6,
}

/// What becomes of a response that is a redirect.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Redirects {
    /// It is followed, up to [`REDIRECTS_MAX`] times.
    #[default]
    Follow,
    /// It is a response as any other.
    Return,
}

/// How requests are made, with curl's names.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Accept any certificate.
    pub insecure: bool,
    /// Trust these certificates, in PEM, and no others.
    pub ca_certificates: Option<Vec<u8>>,
    /// Addresses for hosts and ports, instead of those that the resolver gives.
    pub resolve: HashMap<(String, u16), IpAddr>,
    /// Longest time from the start until the connection, TLS included, is there.
    pub connect_timeout: Option<Duration>,
    /// Which addresses of a host are used.
    pub family: Family,
    /// An HTTP proxy, asked to CONNECT.
    pub proxy: Option<String>,
    /// What becomes of redirects.
    pub redirects: Redirects,
    /// Bytes in the buffer for what comes on a connection, and most of a response's head, instead of as many as are of use to
    /// whoever has few connections.
    pub buffer: Option<usize>,
    /// How long a connection may be silent before TCP asks its other end whether it is still there, if it ever does.
    pub keepalive: Option<Duration>,
}

/// When what happened to a request.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// The request was begun.
    pub begun: Instant,
    /// The name was resolved.
    pub resolved: Option<Instant>,
    /// The connection was there; none if an earlier one was used.
    pub connected: Option<Instant>,
    /// TLS was there.
    pub secured: Option<Instant>,
    /// The writing of the request's last part was begun.
    pub written: Instant,
    /// The first byte of the response came.
    pub answered: Instant,
    /// The head was complete.
    pub head: Instant,
}

/// How a response's body ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// As its framing says. A close-delimited body has no other end than that of the connection; over TLS, that end is
    /// one only with a closing alert.
    Clean,
    /// Before its framing says.
    Truncated,
    /// By a reset.
    Reset,
    /// By us.
    Stopped,
    /// By another failure.
    Failed(String),
}

/// What a read of the body brings.
#[derive(Debug)]
pub enum Arrival {
    /// Bytes of the body, with the time when the read from the socket that brought the last of them returned.
    Bytes(Instant, Vec<u8>),
    /// The end, with the time when it was noticed.
    End(Instant, Ending),
}

/// The head of a response.
#[derive(Debug, Clone)]
pub struct Head {
    /// The status code.
    pub status: u16,
    /// The HTTP version.
    pub version: String,
    /// The header fields.
    pub headers: Vec<(String, String)>,
    /// The URLs that redirected here, in order.
    pub redirects: Vec<String>,
    /// The URL that answered.
    pub url: String,
    /// When what happened.
    pub timing: Timing,
    /// The peer that answered, a proxy perhaps.
    pub remote: Option<SocketAddr>,
}

impl Head {
    /// The first value of a field.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The media type of the body.
    pub fn media_type(&self) -> MediaType {
        MediaType::of(self.header("content-type").unwrap_or_default())
    }

    /// The head with the start of its body, to be judged.
    pub fn reply<'a>(&'a self, excerpt: &'a str) -> Reply<'a> {
        let Head { status, headers, redirects, url, .. } = self;
        Reply { status: *status, headers, redirects, url, excerpt }
    }
}

/// A response, its body still to come.
#[derive(Debug)]
pub struct Response {
    /// What came before the body.
    pub head: Head,
    /// The header fields of the head with their values as they came: they may be no UTF-8.
    pub fields: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Body,
}

/// A body that is read as it comes.
pub struct Body {
    reader: BodyReader<'static>,
    trace: Trace,
    stopped: Arc<AtomicBool>,
    buffer: Vec<u8>,
    /// How large the buffer may become.
    most: usize,
}

/// Makes sessions with the same settings.
#[derive(Debug, Clone)]
pub struct Client {
    config: Config,
    given: Arc<HashMap<(String, u16), IpAddr>>,
    tls: Arc<RustlsConnector>,
    buffer: usize,
    keepalive: Option<Duration>,
}

/// Requests one after another, on one connection where that is kept alive.
#[derive(Debug)]
pub struct Session {
    agent: Agent,
    trace: Trace,
    stopped: Arc<AtomicBool>,
    resets: Arc<AtomicBool>,
    /// Bytes of a body's buffer, at first and at most.
    first: usize,
    buffer: usize,
}

/// Ends a session's request from another thread.
#[derive(Debug, Clone)]
pub struct Stopper {
    agent: Agent,
    stopped: Arc<AtomicBool>,
    resets: Arc<AtomicBool>,
}

impl Stopper {
    /// Ends it: whoever reads finds [`Ending::Stopped`].
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        self.agent.clone().shutdown();
    }

    /// The same, but the other end of the connection finds a reset (RST) instead of a close (FIN), as soon as whoever
    /// reads the body has let go of it.
    pub fn reset(&self) {
        self.resets.store(true, Ordering::SeqCst);
        self.stop();
    }
}

impl Client {
    /// A client with `settings`.
    ///
    /// # Errors
    /// When the certificates or the proxy's URL are malformed.
    pub fn new(settings: &Settings) -> Result<Client, ClientError> {
        let proxy = match &settings.proxy {
            Some(url) => Some(Proxy::new(url).map_err(|_| ClientError::Proxy(request::without_credentials(url)))?),
            None => None,
        };
        let family = match settings.family {
            Family::Any => IpFamily::Any,
            Family::V4 => IpFamily::Ipv4Only,
            Family::V6 => IpFamily::Ipv6Only,
        };
        let redirects = match settings.redirects {
            Redirects::Follow => REDIRECTS_MAX,
            Redirects::Return => 0,
        };
        let mut builder = Agent::config_builder();
        if let Some(size) = settings.buffer {
            // A head that fills the buffer is refused before there is no room to read more.
            let head = size.saturating_sub(1);
            let output = size.max(LINE_MAX);
            builder = builder.input_buffer_size(size).output_buffer_size(output).max_response_header_size(head);
        }
        let config = builder
            .http_status_as_error(false)
            .max_redirects(redirects)
            .redirect_auth_headers(RedirectAuthHeaders::SameHost)
            .save_redirect_history(true)
            .allow_non_standard_methods(true)
            .user_agent(AutoHeaderValue::None)
            .accept(AutoHeaderValue::None)
            .accept_encoding(AutoHeaderValue::None)
            .ip_family(family)
            .proxy(proxy)
            .timeout_connect(settings.connect_timeout)
            .timeout_resolve(settings.connect_timeout)
            .tls_config(tls_config(settings)?)
            .build();
        let buffer = settings.buffer.unwrap_or(BUFFER);
        Ok(Client {
            config,
            given: Arc::new(settings.resolve.clone()),
            tls: Arc::default(),
            buffer,
            keepalive: settings.keepalive,
        })
    }

    /// A session of its own connections.
    pub fn session(&self) -> Session {
        self.session_with(None)
    }

    /// A session of its own connections, on which `waiter` does all the waiting but that for names.
    pub fn session_beside(&self, waiter: Arc<dyn Waiter>) -> Session {
        self.session_with(Some(waiter))
    }

    fn session_with(&self, waiter: Option<Arc<dyn Waiter>>) -> Session {
        let trace = Trace::default();
        let resets = Arc::new(AtomicBool::new(false));
        let first = if waiter.is_some() { FIRST.min(self.buffer) } else { self.buffer };
        let names = Names { trace: trace.clone(), given: Arc::clone(&self.given), system: DefaultResolver::default() };
        let chain =
            ().chain(ConnectProxyConnector::default())
                .chain(Dial { trace: trace.clone(), waiter, resets: Arc::clone(&resets), keepalive: self.keepalive })
                .chain(Secure { trace: trace.clone(), tls: Arc::clone(&self.tls) });
        Session {
            agent: Agent::with_parts(self.config.clone(), chain, names),
            trace,
            stopped: Arc::default(),
            resets,
            first,
            buffer: self.buffer,
        }
    }
}

fn tls_config(settings: &Settings) -> Result<TlsConfig, ClientError> {
    let roots = match &settings.ca_certificates {
        None if rustls_native_certs::load_native_certs().certs.is_empty() => RootCerts::WebPki,
        None => RootCerts::PlatformVerifier,
        Some(pem) => {
            let parsed = ureq::tls::parse_pem(pem).filter_map(|item| match item {
                Ok(ureq::tls::PemItem::Certificate(certificate)) => Some(Ok(certificate)),
                Ok(_) => None,
                Err(error) => Some(Err(ClientError::Certificates(error.to_string()))),
            });
            let certificates: Vec<Certificate<'static>> = parsed.collect::<Result<_, _>>()?;
            if certificates.is_empty() {
                return Err(ClientError::Certificates("there is no certificate in PEM form".to_owned()));
            }
            RootCerts::new_with_certs(&certificates)
        }
    };
    let builder = TlsConfig::builder().provider(TlsProvider::Rustls).root_certs(roots);
    Ok(builder.disable_verification(settings.insecure).build())
}

impl Session {
    /// Whether the newest request went over a connection that an earlier one had left, and got no byte in answer: it may
    /// have been closed in the same moment.
    pub fn was_left_behind(&self) -> bool {
        let events = self.trace.events();
        events.connected.is_none() && events.written.is_some() && events.answered.is_none()
    }

    /// What stops this session.
    pub fn stopper(&self) -> Stopper {
        Stopper { agent: self.agent.clone(), stopped: Arc::clone(&self.stopped), resets: Arc::clone(&self.resets) }
    }

    /// Sends a request, and waits for the head of its response, following redirects.
    ///
    /// # Errors
    /// A [`ClientError`] that names the step that failed, and its target.
    pub fn open(&self, request: &Request) -> Result<Response, ClientError> {
        let Request { url, method, headers, body } = request;
        // As bytes: a value may hold more than ASCII, a last event ID for one.
        let fields = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        self.send(method, url, fields, body.as_deref())
    }

    /// The same with fields of any bytes.
    ///
    /// # Errors
    /// As [`Session::open`].
    pub fn send<'a>(
        &self,
        method: &str,
        url: &str,
        fields: impl Iterator<Item = (&'a str, &'a [u8])>,
        body: Option<&[u8]>,
    ) -> Result<Response, ClientError> {
        let begun = Instant::now();
        *self.trace.events() = wire::Events::default();
        let builder = ureq::http::Request::builder().method(method).uri(url);
        let builder = fields.fold(builder, |builder, (name, value)| builder.header(name, value));
        let bodiless = body.is_none() && !matches!(method, "POST" | "PUT" | "PATCH");
        let malformed =
            |error: ureq::http::Error| ClientError::Request(request::without_credentials(url), error.to_string());
        let result = if bodiless {
            self.agent.run(builder.body(()).map_err(malformed)?)
        } else {
            self.agent.run(builder.body(body.unwrap_or_default()).map_err(malformed)?)
        };
        let events = self.trace.events().clone();
        let response = result.map_err(|error| ClientError::of(error, url, &events))?;
        let complete = events.last_read.unwrap_or(begun);
        let timing = Timing {
            begun,
            resolved: events.resolved,
            connected: events.connected,
            secured: events.secured,
            written: events.written.unwrap_or(begun),
            answered: events.answered.unwrap_or(complete),
            head: complete,
        };
        let here = response.get_uri().to_string();
        let history = response.get_redirect_history().unwrap_or_default();
        let redirects = history.iter().map(ToString::to_string).filter(|url| *url != here);
        let redirects = redirects.map(|url| request::without_credentials(&url)).collect();
        let fields: Vec<(String, Vec<u8>)> =
            response.headers().iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect();
        let headers = fields.iter().map(|(name, value)| (name.clone(), String::from_utf8_lossy(value).into_owned()));
        let head = Head {
            status: response.status().as_u16(),
            version: format!("{:?}", response.version()),
            headers: headers.collect(),
            redirects,
            url: request::without_credentials(&here),
            timing,
            remote: events.remote,
        };
        let body = Body {
            reader: response.into_body().into_with_config().limit(u64::MAX).reader(),
            trace: self.trace.clone(),
            stopped: Arc::clone(&self.stopped),
            buffer: vec![0; self.first],
            most: self.buffer,
        };
        Ok(Response { head, fields, body })
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Body").finish_non_exhaustive()
    }
}

impl Body {
    /// Waits for more of the body, or its end.
    pub fn read(&mut self) -> Arrival {
        loop {
            if let Some(arrival) = self.read_or_leave() {
                return arrival;
            }
        }
    }

    /// The same, for a session with a waiter: none if that has left the wait. The next read goes on from there.
    pub fn read_or_leave(&mut self) -> Option<Arrival> {
        self.trace.events().left = false;
        let result = self.reader.read(&mut self.buffer);
        let now = Instant::now();
        let events = self.trace.events();
        let at = events.last_read.unwrap_or(now);
        match result {
            Ok(read) if read > 0 => {
                let bytes = self.buffer[..read].to_vec();
                if read == self.buffer.len() {
                    self.buffer.resize(self.most.min(2 * read), 0);
                }
                Some(Arrival::Bytes(at, bytes))
            }
            Err(_) if events.left => None,
            result => Some(Arrival::End(at, self.ending(result.err(), events.broken.as_ref()))),
        }
    }

    /// How it ended, by what ureq says of it and what was seen on the socket.
    fn ending(&self, error: Option<std::io::Error>, broken: Option<&(ErrorKind, String)>) -> Ending {
        if self.stopped.load(Ordering::SeqCst) {
            return Ending::Stopped;
        }
        match (broken, error) {
            (Some((ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted, _)), _) => Ending::Reset,
            (Some((ErrorKind::UnexpectedEof, _)), _) => Ending::Truncated,
            (Some((_, text)), _) => Ending::Failed(text.clone()),
            (None, None) => Ending::Clean,
            (None, Some(error)) if error.kind() == ErrorKind::UnexpectedEof => Ending::Truncated,
            (None, Some(error)) => Ending::Failed(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests;
