//! The target of a proxy: where requests go, and with which credentials.

use std::time::Duration;

use super::config::{BUFFER, Config};
use super::error::ProxyError;
use crate::client::origin::absolute;
use crate::client::{self, Client, Redirects, Settings};
use crate::nonce::nonce;

/// How long a target may be silent before TCP asks it whether it is still there. One that is gone without a word would
/// leave its clients waiting.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// Where requests go, and as whose.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) client: Client,
    /// The URL of the stream, without credentials.
    pub(super) url: String,
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
