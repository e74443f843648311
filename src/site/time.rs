//! This machine's clock, by which a client measures the difference to its own.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

use super::document::json;
use super::paths::LOOK_UP;
use super::route::Route;
use crate::SERVER_NAME;
use crate::server::service::Action;

#[derive(Serialize)]
struct Time {
    server: &'static str,
    now_us: u64,
}

/// Of the origin alone: a relay passes on what its target says.
pub(crate) const ROUTE: Route = Route {
    path: "/time",
    methods: LOOK_UP,
    handler: |_, _| Action::Respond(json(&Time { server: SERVER_NAME, now_us: unix_us() })),
};

/// Microseconds since 1970-01-01T00:00:00Z by the system's clock; 0 before.
pub(crate) fn unix_us() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as u64)
}
