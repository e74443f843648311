//! Why a request brought no response.

use std::fmt;
use std::io::ErrorKind;

use ureq::{Error, Timeout};

use super::tls_error::TlsError;
use super::wire::Events;
use crate::escape::escaped;
use crate::http::Url;
use crate::verdict::{Answer, Finding, Id};

/// What ureq says of a head that is HTTP, but not one to be read, in plain words. The first row that fits counts.
const HEADS: [(&str, &str); 4] = [
    ("too many headers", "its head has more than 128 fields"),
    ("header is too big", "its head is too long"),
    ("invalid header name", "its head has a line that is no field"),
    ("invalid header value", "its head has a field with control characters"),
];
const BROKEN_HEAD: &str =
    "it speaks HTTP, but browsers may refuse this head, too: which part of the path adds such fields?";

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
    Tls(String, TlsError),
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
    pub(super) fn of(error: Error, url: &Url, events: &Events) -> ClientError {
        let target = events.remote.map_or_else(|| url.to_string(), |remote| remote.to_string());
        match error {
            Error::HostNotFound => {
                ClientError::Resolve(url.authority().to_owned(), "no address for this name".to_owned())
            }
            Error::Timeout(Timeout::Resolve) => {
                ClientError::Resolve(url.authority().to_owned(), "no answer in time".to_owned())
            }
            Error::Timeout(Timeout::Connect) if events.connected.is_none() => {
                ClientError::Connect(url.authority().to_owned(), "no answer in time".to_owned())
            }
            Error::Timeout(Timeout::Connect) => ClientError::Tls(target, TlsError::other("no answer in time")),
            Error::Timeout(_) => ClientError::NoHead(target, "no answer in time".to_owned()),
            Error::TooManyRedirects => ClientError::RedirectLoop(url.to_string()),
            Error::RedirectFailed => ClientError::Redirect(url.to_string()),
            Error::Tls(text) => ClientError::Tls(target, TlsError::other(text)),
            Error::Rustls(error) => ClientError::Tls(target, TlsError::from(&error)),
            Error::Pem(error) => ClientError::Certificates(error.to_string()),
            Error::BadUri(text) => ClientError::Request(url.to_string(), text),
            Error::Http(error) => ClientError::Request(url.to_string(), error.to_string()),
            Error::Protocol(error) if events.written.is_some() => ClientError::NotHttp(target, error.to_string()),
            error @ Error::LargeResponseHeader(..) => ClientError::NotHttp(target, error.to_string()),
            Error::Io(error) => ClientError::of_io(&error, url, target, events),
            other => ClientError::NoHead(target, other.to_string()),
        }
    }

    fn of_io(error: &std::io::Error, url: &Url, target: String, events: &Events) -> ClientError {
        let secure = url.is_secure();
        let text = match error.kind() {
            ErrorKind::UnexpectedEof => "closed without an answer".to_owned(),
            ErrorKind::ConnectionReset if events.connected.is_some() => {
                format!("closed by a reset, without an answer ({error})")
            }
            _ => error.to_string(),
        };
        match events {
            Events { resolved: None, .. } => ClientError::Resolve(url.authority().to_owned(), text),
            Events { connected: None, .. } => ClientError::Connect(url.authority().to_owned(), text),
            Events { secured: None, .. } if secure => ClientError::Tls(target, TlsError::of_io(error, text)),
            _ => ClientError::NoHead(target, text),
        }
    }
}

impl ClientError {
    /// What the user may try.
    pub fn advice(&self) -> &'static str {
        self.finding().advice()
    }

    /// The same as a finding, fit for a terminal.
    pub fn finding(&self) -> Finding {
        let (id, advice) = match self {
            ClientError::Proxy(_) | ClientError::Request(..) => (Id::Unusable, ""),
            ClientError::Certificates(_) => (Id::Unusable, "a PEM file has lines such as -----BEGIN CERTIFICATE-----"),
            ClientError::Resolve(..) => (Id::UnreachableDns, ""),
            ClientError::Connect(..) => (Id::UnreachableTcp, ""),
            ClientError::Tls(_, error) => (Id::UnreachableTls, error.advice()),
            ClientError::NoHead(..) => (Id::NoAnswer, ""),
            ClientError::NotHttp(_, text) => (Id::NotHttp, not_http(text).map_or("", |_| BROKEN_HEAD)),
            ClientError::RedirectLoop(_) => (Id::RedirectLoop, ""),
            ClientError::Redirect(_) => (Id::RedirectOfBody, ""),
        };
        Finding::new(id, self.to_string()).advising(advice)
    }

    /// What it means for a path: somebody redirected, or nobody answered.
    pub fn answer(&self) -> Answer {
        match self {
            ClientError::RedirectLoop(_) | ClientError::Redirect(_) => Answer::NotSse(self.finding()),
            _ => Answer::Unreachable(self.finding()),
        }
    }

    fn sentence(&self) -> String {
        match self {
            ClientError::Proxy(url) => format!("\"{url}\" is no proxy's URL, such as http://127.0.0.1:3128"),
            ClientError::Certificates(text) => format!("read the certificates to trust: {text}"),
            ClientError::Request(url, text) => format!("make a request for {url}: {text}"),
            ClientError::Resolve(host, text) => format!("resolve {host}: {text}"),
            ClientError::Connect(host, text) => format!("connect to {host}: {text}"),
            ClientError::Tls(target, error) => format!("set up TLS with {target}: {error}"),
            ClientError::NoHead(target, text) => format!("wait for the response head of {target}: {text}"),
            ClientError::NotHttp(target, text) => match not_http(text) {
                Some((_, plain)) => format!("read the response of {target}: {plain} ({text})"),
                None => format!("read the response of {target}: {text}; it is not HTTP/1.1"),
            },
            ClientError::RedirectLoop(url) => format!("follow the redirects of {url}: there are more than 10"),
            ClientError::Redirect(url) => {
                format!("follow a redirect of {url}: a request with a body can't be sent again")
            }
        }
    }
}

fn not_http(text: &str) -> Option<&'static (&'static str, &'static str)> {
    HEADS.iter().find(|(part, _)| text.contains(part))
}

impl fmt::Display for ClientError {
    /// On one line, with nothing in it that a terminal obeys: a certificate, for one, may hold any text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&escaped(&self.sentence()))
    }
}

impl std::error::Error for ClientError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_findings_that_name_the_step() {
        let of = |error: ClientError| (error.answer(), error.to_string());
        let two = |make: fn(String, String) -> ClientError| of(make("h:1".to_owned(), "x\u{1b}".to_owned()));
        let one = |make: fn(String) -> ClientError| of(make("h:1".to_owned()));
        for ((answer, text), id) in [
            (two(ClientError::Resolve), Id::UnreachableDns),
            (two(ClientError::Connect), Id::UnreachableTcp),
            (two(|host, text| ClientError::Tls(host, TlsError::other(&text))), Id::UnreachableTls),
            (two(ClientError::NoHead), Id::NoAnswer),
            (two(ClientError::NotHttp), Id::NotHttp),
            (two(ClientError::Request), Id::Unusable),
            (one(ClientError::Proxy), Id::Unusable),
        ] {
            let Answer::Unreachable(finding) = answer else { panic!("{answer:?}") };
            assert_eq!((finding.id, finding.text()), (id, text.clone()));
            assert!(text.contains("h:1") && !text.contains('\u{1b}') && !finding.advice().is_empty());
        }
        for ((answer, text), id) in
            [(one(ClientError::RedirectLoop), Id::RedirectLoop), (one(ClientError::Redirect), Id::RedirectOfBody)]
        {
            assert_eq!(answer, Answer::NotSse(Finding::new(id, text)));
        }
    }
}
