//! Whether the server is well.

use super::document::NO_STORE;
use super::paths::LOOK_UP;
use super::route::Route;
use crate::http::Response;
use crate::server::service::Action;

/// The line that is the answer of a server that is well.
pub(crate) const HEALTHY: &str = "ok";

pub(super) const ROUTE: Route = Route {
    path: "/healthz",
    methods: LOOK_UP,
    handler: |_, _| Action::Respond(Response::text(200, HEALTHY).with(NO_STORE.0, NO_STORE.1)),
};
