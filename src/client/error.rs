//! Why a request brought no response.

use std::fmt;
use std::io::ErrorKind;

use ureq::{Error, Timeout};

use super::wire::Events;

/// Why a request brought no response: the step that failed, its target and the cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientError {
    /// The proxy's URL is malformed.
    Proxy(String),
    /// The certificates to trust can't be read.
    Certificates(String),
    /// The request is malformed: its URL, and what is wrong.
    Request(String, String),
    /// The host's name has no address.
    Resolve(String, String),
    /// There is no connection.
    Connect(String, String),
    /// TLS failed.
    Tls(String, String),
    /// The connection was closed, or broke, before there was a response head.
    NoHead(String, String),
    /// What came is no HTTP response.
    NotHttp(String, String),
    /// There were more redirects than are followed.
    RedirectLoop(String),
    /// A redirect that can't be followed, because the request has a body.
    Redirect(String),
}

impl ClientError {
    /// The error of a request to `url`, from what ureq says and what happened on the socket.
    pub(super) fn of(error: Error, url: &str, events: &Events) -> ClientError {
        let target = events.remote.map_or_else(|| url.to_owned(), |remote| remote.to_string());
        match error {
            Error::HostNotFound => ClientError::Resolve(host(url), "no address for this name".to_owned()),
            Error::Timeout(Timeout::Resolve) => ClientError::Resolve(host(url), "no answer in time".to_owned()),
            Error::Timeout(Timeout::Connect) if events.connected.is_none() => {
                ClientError::Connect(host(url), "no answer in time".to_owned())
            }
            Error::Timeout(Timeout::Connect) => ClientError::Tls(target, "no answer in time".to_owned()),
            Error::Timeout(_) => ClientError::NoHead(target, "no answer in time".to_owned()),
            Error::TooManyRedirects => ClientError::RedirectLoop(url.to_owned()),
            Error::RedirectFailed => ClientError::Redirect(url.to_owned()),
            Error::Tls(text) => ClientError::Tls(target, text.to_owned()),
            Error::Rustls(error) => ClientError::Tls(target, error.to_string()),
            Error::Pem(error) => ClientError::Certificates(error.to_string()),
            Error::BadUri(text) => ClientError::Request(url.to_owned(), text),
            Error::Http(error) => ClientError::Request(url.to_owned(), error.to_string()),
            Error::Protocol(error) if events.written.is_some() => ClientError::NotHttp(target, error.to_string()),
            Error::Io(error) => ClientError::of_io(&error, url, target, events),
            other => ClientError::NoHead(target, other.to_string()),
        }
    }

    fn of_io(error: &std::io::Error, url: &str, target: String, events: &Events) -> ClientError {
        let secure = url.starts_with("https:");
        let text = match error.kind() {
            ErrorKind::UnexpectedEof => "closed without an answer".to_owned(),
            _ => error.to_string(),
        };
        match events {
            Events { resolved: None, .. } => ClientError::Resolve(host(url), text),
            Events { connected: None, .. } => ClientError::Connect(host(url), text),
            Events { secured: None, .. } if secure => ClientError::Tls(target, text),
            _ => ClientError::NoHead(target, text),
        }
    }
}

impl ClientError {
    /// What the user may try.
    pub fn advice(&self) -> &'static str {
        match self {
            ClientError::Proxy(_) | ClientError::Request(..) => "a URL is [http[s]://]HOST[:PORT][/PATH][?QUERY]",
            ClientError::Certificates(_) => "a PEM file has lines such as -----BEGIN CERTIFICATE-----",
            ClientError::Resolve(..) => "is the name right? --resolve HOST:PORT:ADDR does without name servers",
            ClientError::Connect(..) => "is it running, and are address and port right?",
            ClientError::Tls(..) => "is it https? -k accepts any certificate, --cacert FILE those that you trust",
            ClientError::NoHead(..) => "is it http or https, and does a server's or a proxy's log tell why?",
            ClientError::NotHttp(..) => "is the port right?",
            ClientError::RedirectLoop(_) => "does it want to set a cookie, or a login?",
            ClientError::Redirect(_) => "try the URL that it redirects to",
        }
    }
}

/// Host and port of a URL, as far as they are there.
fn host(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?']).next().unwrap_or(rest).to_owned()
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClientError::Proxy(url) => write!(f, "\"{url}\" is no proxy's URL, such as http://127.0.0.1:3128"),
            ClientError::Certificates(text) => write!(f, "read the certificates to trust: {text}"),
            ClientError::Request(url, text) => write!(f, "make a request for {url}: {text}"),
            ClientError::Resolve(host, text) => write!(f, "resolve {host}: {text}"),
            ClientError::Connect(host, text) => write!(f, "connect to {host}: {text}"),
            ClientError::Tls(target, text) => write!(f, "set up TLS with {target}: {text}"),
            ClientError::NoHead(target, text) => write!(f, "wait for the response head of {target}: {text}"),
            ClientError::NotHttp(target, text) => {
                write!(f, "read the response of {target}: {text}; it is not HTTP/1.1")
            }
            ClientError::RedirectLoop(url) => write!(f, "follow the redirects of {url}: there are more than 10"),
            ClientError::Redirect(url) => {
                write!(f, "follow a redirect of {url}: a request with a body can't be sent again")
            }
        }
    }
}

impl std::error::Error for ClientError {}
