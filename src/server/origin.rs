//! The instrumented origin as a service: where its paths lead.

use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;
use tiny_http::Request;

use super::admin;
use super::budget::Budget;
use super::config::Config;
use super::hub::Hub;
use super::ledger::Ledger;
use super::registry::{Role, unix_us};
use super::ring::Shared;
use super::router::{ALLOW, PUBLIC_METHODS, field};
use super::service::{Action, Exchange, Service};
use super::streams::{self, StreamRequest};
use crate::SERVER_NAME;
use crate::http::Response;

pub(crate) const NO_STORE: (&str, &str) = ("Cache-Control", "no-store");
pub(crate) const PAGE: &str = include_str!("../../index.html");

/// What all streams of an origin share.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) config: Config,
    pub(crate) ledger: Ledger,
    pub(crate) hub: Arc<Hub>,
    pub(crate) budget: Arc<Budget>,
}

/// The service.
#[derive(Debug)]
pub(crate) struct Origin(Arc<State>);

impl Origin {
    /// An origin without streams.
    pub(crate) fn new(config: Config) -> Origin {
        let budget = Budget::new(config.max_rate, Instant::now());
        Origin(Arc::new(State { config, ledger: Ledger::default(), hub: Arc::default(), budget }))
    }
}

impl Service for Origin {
    fn route(&self, shared: &Shared, request: &Request, target: &str, exchange: Exchange) -> Action {
        match exchange.connection.role {
            Role::Public => public(&self.0, request, target, &exchange),
            Role::Admin => Action::Respond(admin::answer(&self.0, shared, request, target)),
        }
    }

    fn stop(&self) {
        self.0.hub.stop_all();
    }
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

fn public(state: &Arc<State>, request: &Request, target: &str, exchange: &Exchange) -> Action {
    let response = match find(state, target) {
        Ok((place, query)) => match (request.method().as_str(), &place) {
            ("OPTIONS", _) => preflight(&place),
            (method @ ("GET" | "HEAD" | "POST"), Place::Events) => {
                let last_event_id = field(request, "Last-Event-ID");
                match streams::open(state, &StreamRequest { exchange, method, query, last_event_id }) {
                    Ok(action) => return action,
                    Err(response) => response,
                }
            }
            ("GET" | "HEAD", _) => look_up(state, &place),
            _ => Response::text(405, &format!("method not allowed here; allowed: {}", place.methods()))
                .with(ALLOW, place.methods()),
        },
        Err(response) => response,
    };
    Action::Respond(response)
}

/// The place behind the base path, and the query.
fn find<'a>(state: &State, target: &'a str) -> Result<(Place<'a>, &'a str), Response> {
    let base = state.config.base_path.as_str();
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

fn look_up(state: &State, place: &Place<'_>) -> Response {
    match place {
        Place::Page => {
            Response::new(200, "text/html; charset=utf-8", PAGE.as_bytes()).with("Cache-Control", "no-cache")
        }
        Place::Time => json(&Time { server: SERVER_NAME, now_us: unix_us() }),
        Place::Stream(id) => match state.ledger.report(id) {
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
