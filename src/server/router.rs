//! The router receives every routed request from tiny_http and turns it into an action for the connection's thread.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use serde::Serialize;
use tiny_http::Request;

use super::inner::{Action, Exchange};
use super::registry::{Role, unix_us};
use super::streams::{self, StreamRequest};
use super::{Shared, admin};
use crate::SERVER_NAME;
use crate::http::Response;

/// Scripts of any page may read what the public part answers; it asks for no credentials.
pub(crate) const CORS: (&str, &str) = ("Access-Control-Allow-Origin", "*");
/// When to come back after a 503, in seconds.
pub(crate) const RETRY_AFTER: (&str, &str) = ("Retry-After", "5");
pub(crate) const ALLOW: &str = "Allow";
/// All that the public part as a whole allows.
pub(crate) const PUBLIC_METHODS: &str = "GET, HEAD, POST, OPTIONS";

const NO_STORE: (&str, &str) = ("Cache-Control", "no-store");
const PAGE: &str = include_str!("../../index.html");

/// Routes requests until the server is told to unblock, or its listener fails. In the latter case the next connection
/// finds it gone, and starts another.
pub(crate) fn run(shared: &Arc<Shared>, server: &tiny_http::Server) {
    while let Ok(request) = server.recv() {
        // A panic ends one request, not the router.
        if catch_unwind(AssertUnwindSafe(|| route(shared, request))).is_err() {
            log::error!("routing a request panicked");
        }
    }
}

/// Answers one request through the channel of its connection. tiny_http itself answers nothing.
fn route(shared: &Arc<Shared>, request: Request) {
    shared.count_routed();
    if let Some((pending, target)) = shared.inner.claim(request.url()) {
        let action = match pending.exchange.connection.role {
            Role::Public => public(shared, &request, target, &pending.exchange),
            Role::Admin => Action::Respond(admin::answer(shared, &request, target)),
        };
        // If the connection has lost its patience, dropping the action undoes it.
        let _ = pending.reply.send(action);
    }
    drop(request.into_writer());
}

/// The value of a header field that tiny_http has read.
pub(crate) fn field<'a>(request: &'a Request, name: &'static str) -> Option<&'a str> {
    request.headers().iter().find(|header| header.field.equiv(name)).map(|header| header.value.as_str())
}

/// A JSON document that no cache keeps.
pub(crate) fn json(value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(text) => Response::new(200, "application/json", text).with(NO_STORE.0, NO_STORE.1),
        Err(error) => Response::text(500, &format!("write the answer as JSON: {error}")),
    }
}

/// What a path of the public part leads to.
enum Place<'a> {
    Page,
    Events,
    Time,
    Health,
    Stream(&'a str),
}

impl Place<'_> {
    fn find(path: &str) -> Option<Place<'_>> {
        match path {
            "/" | "/index.html" => Some(Place::Page),
            "/events" => Some(Place::Events),
            "/time" => Some(Place::Time),
            "/healthz" => Some(Place::Health),
            _ => path.strip_prefix("/streams/").filter(|id| !id.is_empty()).map(Place::Stream),
        }
    }

    fn methods(&self) -> &'static str {
        match self {
            Place::Events => PUBLIC_METHODS,
            _ => "GET, HEAD, OPTIONS",
        }
    }
}

/// The origin's clock, by which a client measures the difference to its own.
#[derive(Serialize)]
struct Time {
    server: &'static str,
    now_us: u64,
}

fn public(shared: &Arc<Shared>, request: &Request, target: &str, exchange: &Exchange) -> Action {
    let response = match find(shared, target) {
        Ok((place, query)) => match (request.method().as_str(), &place) {
            ("OPTIONS", _) => preflight(&place),
            (method @ ("GET" | "HEAD" | "POST"), Place::Events) => {
                let last_event_id = field(request, "Last-Event-ID");
                match streams::open(shared, &StreamRequest { exchange, method, query, last_event_id }) {
                    Ok(action) => return action,
                    Err(response) => response,
                }
            }
            ("GET" | "HEAD", _) => look_up(shared, &place),
            _ => Response::text(405, &format!("method not allowed here; allowed: {}", place.methods()))
                .with(ALLOW, place.methods()),
        },
        Err(response) => response,
    };
    Action::Respond(response)
}

/// The place behind the base path, and the query.
fn find<'a>(shared: &Shared, target: &'a str) -> Result<(Place<'a>, &'a str), Response> {
    let base = shared.config.base_path.as_str();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    if !base.is_empty() && path == base {
        return Err(Response::text(308, "the page is one level down").with("Location", format!("{base}/")));
    }
    let place = path.strip_prefix(base).and_then(Place::find);
    place.map(|place| (place, query)).ok_or_else(|| {
        let text =
            format!("nothing here; there are {base}/ {base}/events {base}/time {base}/healthz {base}/streams/ID");
        Response::text(404, &text)
    })
}

fn look_up(shared: &Shared, place: &Place<'_>) -> Response {
    match place {
        Place::Page => {
            Response::new(200, "text/html; charset=utf-8", PAGE.as_bytes()).with("Cache-Control", "no-cache")
        }
        Place::Time => json(&Time { server: SERVER_NAME, now_us: unix_us() }),
        Place::Stream(id) => match shared.registry.report(id) {
            Some(report) => json(&report),
            None => Response::text(404, "no stream with this id is open or ended lately").with(NO_STORE.0, NO_STORE.1),
        },
        Place::Health => Response::text(200, "ok").with(NO_STORE.0, NO_STORE.1),
        Place::Events => Response::text(405, "method not allowed here").with(ALLOW, place.methods()),
    }
}

/// The answer to a CORS preflight, which serves any OPTIONS request. Nothing of the request is repeated in it.
fn preflight(place: &Place<'_>) -> Response {
    Response::empty(204)
        .with(ALLOW, place.methods())
        .with("Access-Control-Allow-Methods", place.methods())
        .with("Access-Control-Allow-Headers", "*, Authorization")
        .with("Access-Control-Max-Age", "600")
}
