//! One route.

use tiny_http::Request;

use super::paths;
use crate::server::service::{Action, Exchange};

/// Something that is served on a path.
#[derive(Debug)]
pub(crate) struct Route {
    /// Below the base path.
    pub(crate) path: &'static str,
    /// The methods it takes, as in the field `Allow`.
    pub(crate) methods: &'static str,
    /// Answers a request with one of the methods but OPTIONS.
    pub(crate) handler: fn(&Request, Exchange) -> Action,
}

impl Route {
    /// Answers a request for its path.
    pub(crate) fn answer(&self, request: &Request, exchange: Exchange) -> Action {
        let method = request.method().as_str();
        if !self.methods.split(", ").any(|allowed| allowed == method) {
            return Action::Respond(paths::not_allowed(self.methods));
        }
        if method == "OPTIONS" {
            return Action::Respond(paths::preflight(self.methods));
        }
        (self.handler)(request, exchange)
    }
}
