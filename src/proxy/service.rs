//! The proxy's service: relays to one target.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tiny_http::Request;

use super::config::{AtEnd, STACK, Sharing};
use super::policy::RelayPolicy;
use super::relay::RelayTask;
use super::request::{Forwarding, accept_encoding, has_passed, relayed};
use super::response::ResponseContext;
use super::resume::ask_for_identity;
use super::share::{Shares, may_share};
use super::target::Target;
use crate::http::request::{BodyLength, fields};
use crate::http::{Response, Url};
use crate::impair::accepts_gzip;
use crate::server::service::{Action, Exchange, PUBLIC_METHODS, Service};
use crate::site::{self, paths};

/// Longest id in the path of a stream's state.
const ID_MAX: usize = 64;

/// The service: relays to one target.
#[derive(Debug)]
pub(super) struct RelayService {
    pub(super) target: Arc<Target>,
    pub(super) base_path: String,
    /// That of other responses, and that of streams.
    pub(super) policies: [Arc<RelayPolicy>; 2],
    pub(super) opened: AtomicU64,
    pub(super) at_end: AtEnd,
    pub(super) shares: Option<Arc<Shares>>,
}

impl Service for RelayService {
    fn route(&self, request: &Request, target: &str, exchange: Exchange) -> Action {
        let (path, query) = match paths::below(&self.base_path, target) {
            Ok(found) => found,
            Err(response) => return Action::Respond(response),
        };
        let (url, method, id) = (&self.target.url, request.method().as_str(), paths::stream_id(path));
        let relayed_to = match (method, path, id) {
            ("GET" | "HEAD" | "POST" | "OPTIONS", "/events", _) => url.clone(),
            (_, "/events", _) => return Action::Respond(paths::not_allowed(PUBLIC_METHODS)),
            (_, _, Some(id)) if !is_id(id) => {
                return Action::Respond(Response::text(404, "no stream has such an id"));
            }
            ("GET" | "HEAD" | "OPTIONS", "/time", _) => url.beside("time"),
            ("GET" | "HEAD" | "OPTIONS", _, Some(id)) => url.beside(&format!("streams/{id}")),
            (_, "/time", _) | (_, _, Some(_)) => return Action::Respond(paths::not_allowed(paths::LOOK_UP)),
            _ => {
                let found = site::find(path).map(|route| route.answer(request, exchange));
                return found.unwrap_or_else(|| Action::Respond(paths::not_found(&self.base_path)));
            }
        };
        self.relay(method, relayed_to.with_parameters(query), path == "/events", exchange)
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

impl RelayService {
    fn relay(&self, method: &str, url: Url, is_stream: bool, exchange: Exchange) -> Action {
        let fields = fields(&exchange.head);
        if has_passed(&fields, &self.target.pseudonym) {
            let text = "relay the request: it has come by here before, so that the target leads back to this proxy; \
                        name another target";
            return Action::Respond(Response::text(508, text));
        }
        let forwarding = Forwarding {
            peer: exchange.connection.peer.ip(),
            version: exchange.version,
            pseudonym: &self.target.pseudonym,
        };
        let at_end = if is_stream && method == "GET" { self.at_end } else { AtEnd::PassOn };
        let has_body = exchange.body != BodyLength::Bytes(0);
        let shares = self.shares.as_ref().filter(|_| is_stream && may_share(method, has_body, &fields));
        let accepts_gzip = accepts_gzip(&accept_encoding(&fields));
        let policy = Arc::clone(&self.policies[usize::from(is_stream)]);
        let mut relayed = policy.request(method, relayed(fields, &forwarding, self.target.authorization.as_deref()));
        if at_end == AtEnd::Resume || shares.is_some() {
            ask_for_identity(&mut relayed);
        }
        let context =
            ResponseContext { version: exchange.version, head_only: method == "HEAD", keep_alive: exchange.keep_alive };
        Action::Run(Box::new(RelayTask {
            target: Arc::clone(&self.target),
            id: self.opened.fetch_add(1, Ordering::Relaxed) + 1,
            method: method.to_owned(),
            url,
            accepts_gzip,
            fields: relayed,
            policy,
            context,
            is_stream,
            trace: exchange.trace(),
            body: Vec::new(),
            at_end,
            shares: shares.cloned(),
        }))
    }
}

/// Whether a path segment can be the id of a stream, and nothing that leads elsewhere.
fn is_id(id: &str) -> bool {
    id.len() <= ID_MAX && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
}
