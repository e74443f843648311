//! Why a proxy can't start.

use std::fmt;
use std::io;

use super::config::TARGET;
use crate::client::ClientError;
use crate::server::StartError;

/// Why the proxy can't start.
#[derive(Debug)]
pub enum ProxyError {
    /// The target is no URL that can be context.
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
