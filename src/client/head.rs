//! Heads of responses, and when they came.

use std::net::SocketAddr;
use std::time::Instant;

use crate::http::MediaType;
use crate::verdict::Reply;

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
