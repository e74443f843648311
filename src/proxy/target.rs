//! The target of a proxy: where requests go, and with which credentials.

use std::time::Duration;

use super::config::{BUFFER, Config};
use super::error::ProxyError;
use crate::client::{self, Client, Redirects, Settings};
use crate::http::Url;
use crate::nonce::nonce;

/// How long a target may be silent before TCP asks it whether it is still there. One that is gone without a word would
/// leave its clients waiting.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// Where requests go, and as whose.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) client: Client,
    /// The URL of the stream, without credentials.
    pub(super) url: Url,
    /// The same, fit for a log and a terminal.
    pub(super) shown: String,
    /// The value of `Authorization`, from the URL's credentials.
    pub(super) authorization: Option<String>,
    pub(super) head_timeout: Duration,
    /// This proxy's name in `Via`: "a recipient MAY [...] use a pseudonym" (RFC 9110, section 7.6.3).
    pub(super) pseudonym: String,
}

impl Target {
    pub(super) fn new(config: &Config) -> Result<Target, ProxyError> {
        let mut request = client::Request::event_stream(&config.target, None, &[], None);
        if !request.url.is_http() {
            return Err(ProxyError::Target(request.url.to_string()));
        }
        let settings = Settings {
            redirects: Redirects::Return,
            buffer: Some(BUFFER),
            keepalive: Some(KEEPALIVE),
            ..config.settings.clone()
        };
        Ok(Target {
            client: Client::new(&settings).map_err(ProxyError::Client)?,
            shown: crate::escape::escaped(&request.url.to_string()),
            authorization: request.take_header("Authorization"),
            url: request.url,
            head_timeout: config.head_timeout,
            pseudonym: format!("sse-argo-tester-{:.12}", nonce().map_err(ProxyError::Name)?),
        })
    }
}
