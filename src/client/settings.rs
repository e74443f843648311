//! How requests are made.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

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
