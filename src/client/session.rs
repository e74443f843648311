//! Requests, one after another, on one connection where that is kept alive.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ureq::config::{AutoHeaderValue, Config, IpFamily, RedirectAuthHeaders};
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{ConnectProxyConnector, Connector, RustlsConnector};
use ureq::{Agent, Proxy, ResponseExt};

use super::body::Body;
use super::dial::{Dial, Names};
use super::error::ClientError;
use super::head::{Head, Timing};
use super::request::Request;
use super::settings::{Family, REDIRECTS_MAX, Redirects, Settings};
use super::wait::{SocketOnly, Waiter};
use super::wire::{self, FIRST, Resets, Secure, Trace};
use crate::http::Url;

/// Most bytes that a read of a body brings, unless the settings say otherwise.
const BUFFER: usize = 64 * 1024;

/// Least room for what is sent: ureq writes each line of a request's head in one piece, and one that is relayed may be
/// as long as a head, with an address more.
const LINE_MAX: usize = 33 * 1024;

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

/// Makes sessions with the same settings.
#[derive(Debug, Clone)]
pub struct Client {
    config: Config,
    given: Arc<HashMap<(String, u16), IpAddr>>,
    tls: Arc<RustlsConnector>,
    /// Bytes of a connection's buffers, at first and at most.
    sizes: (usize, usize),
    keepalive: Option<Duration>,
}

/// Requests one after another, on one connection where that is kept alive.
#[derive(Debug)]
pub struct Session {
    agent: Agent,
    trace: Trace,
    resets: Resets,
    /// Bytes of a body's buffer, at first and at most.
    sizes: (usize, usize),
}

impl Client {
    /// A client with `settings`.
    ///
    /// # Errors
    /// When the certificates or the proxy's URL are malformed.
    pub fn new(settings: &Settings) -> Result<Client, ClientError> {
        let proxy = match &settings.proxy {
            Some(url) => Some(Proxy::new(url).map_err(|_| ClientError::Proxy(Url::of(url).to_string()))?),
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
        let most = settings.buffer.unwrap_or(BUFFER);
        let first = settings.buffer.map_or(BUFFER, |most| FIRST.min(most));
        Ok(Client {
            config,
            given: Arc::new(settings.resolve.clone()),
            tls: Arc::default(),
            sizes: (first, most),
            keepalive: settings.keepalive,
        })
    }

    /// A session of its own connections, on which nothing but the sockets is waited for.
    pub fn session(&self) -> Session {
        self.session_with(Arc::new(SocketOnly))
    }

    /// A session of its own connections, on which `waiter` does all the waiting except that for names.
    pub fn session_with(&self, waiter: Arc<dyn Waiter>) -> Session {
        let (trace, resets) = (Trace::default(), Resets::default());
        let names = Names { trace: trace.clone(), given: Arc::clone(&self.given), system: DefaultResolver::default() };
        let dial = Dial {
            trace: trace.clone(),
            waiter,
            resets: resets.clone(),
            keepalive: self.keepalive,
            first: self.sizes.0,
        };
        let chain = ().chain(ConnectProxyConnector::default()).chain(dial);
        let chain = chain.chain(Secure { trace: trace.clone(), tls: Arc::clone(&self.tls) });
        Session { agent: Agent::with_parts(self.config.clone(), chain, names), trace, resets, sizes: self.sizes }
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

    /// Whether its connections end with a reset.
    pub(super) fn resets(&self) -> Resets {
        self.resets.clone()
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
        url: &Url,
        fields: impl Iterator<Item = (&'a str, &'a [u8])>,
        body: Option<&[u8]>,
    ) -> Result<Response, ClientError> {
        let begun = Instant::now();
        *self.trace.events() = wire::Events::default();
        let builder = ureq::http::Request::builder().method(method).uri(url.as_str());
        let builder = fields.fold(builder, |builder, (name, value)| builder.header(name, value));
        let bodiless = body.is_none() && !matches!(method, "POST" | "PUT" | "PATCH");
        let malformed = |error: ureq::http::Error| ClientError::Request(url.to_string(), error.to_string());
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
        let redirects = redirects.map(|url| Url::of(&url).to_string()).collect();
        let fields: Vec<(String, Vec<u8>)> =
            response.headers().iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect();
        let headers = fields.iter().map(|(name, value)| (name.clone(), String::from_utf8_lossy(value).into_owned()));
        let head = Head {
            status: response.status().as_u16(),
            version: format!("{:?}", response.version()),
            headers: headers.collect(),
            redirects,
            url: Url::of(&here).to_string(),
            timing,
            remote: events.remote,
        };
        let body = Body {
            reader: response.into_body().into_with_config().limit(u64::MAX).reader(),
            trace: self.trace.clone(),
            buffer: vec![0; self.sizes.0],
            most: self.sizes.1,
        };
        Ok(Response { head, fields, body })
    }
}
