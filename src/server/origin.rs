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
use super::places::{self, NO_STORE, Place};
use super::registry::{Role, unix_us};
use super::ring::Shared;
use super::router::field;
use super::service::{Action, Exchange, Service};
use super::streams::{self, StreamRequest};
use crate::SERVER_NAME;
use crate::http::Response;

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

/// The origin's clock, by which a client measures the difference to its own.
#[derive(Serialize)]
struct Time {
    server: &'static str,
    now_us: u64,
}

fn public(state: &Arc<State>, request: &Request, target: &str, exchange: &Exchange) -> Action {
    let response = match Place::find(&state.config.base_path, target) {
        Ok((place, query)) => match (request.method().as_str(), &place) {
            ("OPTIONS", _) => place.preflight(),
            (method @ ("GET" | "HEAD" | "POST"), Place::Events) => {
                let last_event_id = field(request, "Last-Event-ID");
                match streams::open(state, &StreamRequest { exchange, method, query, last_event_id }) {
                    Ok(action) => return action,
                    Err(response) => response,
                }
            }
            ("GET" | "HEAD", _) => look_up(state, &place),
            _ => place.not_allowed(),
        },
        Err(response) => response,
    };
    Action::Respond(response)
}

fn look_up(state: &State, place: &Place<'_>) -> Response {
    match place {
        Place::Page => places::page(),
        Place::Time => json(&Time { server: SERVER_NAME, now_us: unix_us() }),
        Place::Stream(id) => match state.ledger.report(id) {
            Some(report) => json(&report),
            None => Response::text(404, "no stream with this id is open or ended lately").with(NO_STORE.0, NO_STORE.1),
        },
        Place::Products => places::products(),
        Place::Health => places::healthy(),
        Place::Events => place.not_allowed(),
    }
}
