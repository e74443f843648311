//! The instrumented origin as a service: where its paths lead.

use std::sync::Arc;

use tiny_http::Request;

use super::admin::Admin;
use super::config::Config;
use super::open::{PostedStream, StreamRequest, Streams};
use crate::http::Response;
use crate::http::request::BodyLength;
use crate::server::connection::Role;
use crate::server::counters::Counters;
use crate::server::service::{Action, Exchange, PUBLIC_METHODS, Service, field};
use crate::site::document::{NO_STORE, json};
use crate::site::{self, paths, time};

/// The service.
#[derive(Debug)]
pub(crate) struct OriginService {
    base_path: String,
    streams: Arc<Streams>,
    admin: Admin,
}

impl OriginService {
    /// An origin without streams, on a server that counts into `counters`.
    pub(crate) fn new(config: &Config, counters: &Arc<Counters>) -> OriginService {
        let streams = Arc::new(Streams::new(config));
        let host = config.admin.as_ref().and_then(|admin| admin.host_name()).map(str::to_owned);
        let admin = Admin::new(host, &streams.registry, counters);
        OriginService { base_path: config.base_path.clone(), streams, admin }
    }

    fn public(&self, request: &Request, target: &str, exchange: Exchange) -> Action {
        let (path, query) = match paths::below(&self.base_path, target) {
            Ok(found) => found,
            Err(response) => return Action::Respond(response),
        };
        let method = request.method().as_str();
        let response = match (method, path, paths::stream_id(path)) {
            ("GET" | "HEAD" | "POST", "/events", _) => return self.events(request, query, exchange),
            ("OPTIONS", "/events", _) => paths::preflight(PUBLIC_METHODS),
            (_, "/events", _) => paths::not_allowed(PUBLIC_METHODS),
            ("GET" | "HEAD", _, Some(id)) => self.stream(id),
            ("OPTIONS", _, Some(_)) => paths::preflight(paths::LOOK_UP),
            (_, _, Some(_)) => paths::not_allowed(paths::LOOK_UP),
            (_, "/time", _) => return time::ROUTE.answer(request, exchange),
            _ => match site::find(path) {
                Some(route) => return route.answer(request, exchange),
                None => paths::not_found(&self.base_path),
            },
        };
        Action::Respond(response)
    }

    fn events(&self, request: &Request, query: &str, exchange: Exchange) -> Action {
        let has_body = exchange.body != BodyLength::Bytes(0);
        let request = StreamRequest {
            method: request.method().as_str().to_owned(),
            query: query.to_owned(),
            last_event_id: field(request, "Last-Event-ID").map(str::to_owned),
            exchange,
            body_bytes: 0,
        };
        if request.method == "HEAD" {
            return self.streams.head(&request).unwrap_or_else(Action::Respond);
        }
        if has_body {
            return Action::Run(Box::new(PostedStream { streams: Arc::clone(&self.streams), request }));
        }
        match self.streams.open(&request) {
            Ok(opened) => Action::Run(Box::new(opened)),
            Err(response) => Action::Respond(response),
        }
    }

    fn stream(&self, id: &str) -> Response {
        match self.streams.registry.report(id) {
            Some(report) => json(&report),
            None => Response::text(404, "no stream with this id is open or ended lately").with(NO_STORE.0, NO_STORE.1),
        }
    }
}

impl Service for OriginService {
    fn route(&self, request: &Request, target: &str, exchange: Exchange) -> Action {
        match exchange.connection.role {
            Role::Public => self.public(request, target, exchange),
            Role::Admin => Action::Respond(self.admin.answer(request, target)),
        }
    }

    fn stop(&self) {
        self.streams.named.stop_all();
    }
}
