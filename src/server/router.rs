//! The router receives every routed request from tiny_http, and sends what the service makes of it, an action, to the
//! connection's thread.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tiny_http::Request;

use super::ring::Shared;

/// Scripts of any page may read what the public part answers; it asks for no credentials.
pub(crate) const CORS: (&str, &str) = ("Access-Control-Allow-Origin", "*");
/// When to come back after a 503, in seconds.
pub(crate) const RETRY_AFTER: (&str, &str) = ("Retry-After", "5");
pub(crate) const ALLOW: &str = "Allow";
/// All that the public part as a whole allows.
pub(crate) const PUBLIC_METHODS: &str = "GET, HEAD, POST, OPTIONS";

/// Routes requests until the server is told to unblock, or its listener fails. In the latter case the next connection
/// finds it gone, and starts another.
pub(crate) fn run(shared: &Shared, server: &tiny_http::Server) {
    while let Ok(request) = server.recv() {
        // A panic ends one request, not the router.
        if catch_unwind(AssertUnwindSafe(|| route(shared, request))).is_err() {
            log::error!("routing a request panicked");
        }
    }
}

/// Answers one request through the channel of its connection. tiny_http itself answers nothing.
fn route(shared: &Shared, request: Request) {
    shared.count_routed();
    if let Some((pending, target)) = shared.inner.claim(request.url()) {
        let action = shared.service.route(shared, &request, target, pending.exchange);
        // If the connection has lost its patience, dropping the action undoes it.
        let _ = pending.reply.send(action);
    }
    drop(request.into_writer());
}

/// The value of a header field that tiny_http has read.
pub(crate) fn field<'a>(request: &'a Request, name: &'static str) -> Option<&'a str> {
    request.headers().iter().find(|header| header.field.equiv(name)).map(|header| header.value.as_str())
}
