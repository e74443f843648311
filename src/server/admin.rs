//! The admin address: all streams, and metrics in the text format of Prometheus.

use std::fmt::Write as _;
use std::net::IpAddr;

use tiny_http::Request;

use super::ledger::EndedBy;
use super::origin::{State, json};
use super::ring::Shared;
use super::router::{ALLOW, field};
use crate::http::Response;

const METHODS: &str = "GET, HEAD";

/// Answers a request to the admin address.
pub(crate) fn answer(state: &State, shared: &Shared, request: &Request, target: &str) -> Response {
    let host = field(request, "Host").unwrap_or_default();
    if !is_trusted(host, state) {
        return Response::text(403, "unknown Host; use the admin address by its IP address or as localhost");
    }
    let path = target.split_once('?').map_or(target, |(path, _)| path);
    if !matches!(path, "/streams" | "/metrics" | "/healthz") {
        return Response::text(404, "nothing here; there are /streams /metrics /healthz");
    }
    if !matches!(request.method().as_str(), "GET" | "HEAD") {
        return Response::text(405, "method not allowed here; allowed: GET, HEAD").with(ALLOW, METHODS);
    }
    match path {
        "/streams" => json(&serde_json::json!({ "streams": state.ledger.reports() })),
        "/metrics" => {
            Response::new(200, "text/plain; version=0.0.4; charset=utf-8", metrics(state, shared).into_bytes())
        }
        _ => Response::text(200, "ok"),
    }
}

/// Whether a Host is one that no web page can make a browser send here: a page on a name that resolves to this address
/// (DNS rebinding) sends that name.
fn is_trusted(host: &str, state: &State) -> bool {
    let bracketed = host.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let name = bracketed.map_or_else(|| host.split(':').next().unwrap_or_default(), |(ip, _)| ip);
    let configured = state.config.admin.as_ref().and_then(|admin| admin.host_name());
    name.parse::<IpAddr>().is_ok()
        || name.eq_ignore_ascii_case("localhost")
        || configured.is_some_and(|configured| name.eq_ignore_ascii_case(configured))
}

fn metrics(state: &State, shared: &Shared) -> String {
    let totals = state.ledger.totals();
    let mut text = String::new();
    let mut metric = |name: &str, kind: &str, help: &str, value: u64| {
        let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n");
    };
    metric("sse_streams_open", "gauge", "Streams that are open.", totals.open);
    metric("sse_streams_opened_total", "counter", "Streams that were opened.", totals.opened);
    metric("sse_events_sent_total", "counter", "Numbered events that were sent.", totals.events);
    metric("sse_body_bytes_sent_total", "counter", "Bytes of stream bodies, before chunk framing.", totals.bytes);
    metric("sse_connections_open", "gauge", "Connections that are open.", shared.registry.connections() as u64);
    metric("sse_connections_accepted_total", "counter", "Connections that were accepted.", shared.registry.accepted());
    metric("sse_requests_routed_total", "counter", "Requests that tiny_http received.", shared.routed());
    metric("sse_requests_refused_total", "counter", "Requests that were malformed or late.", shared.refusals());
    metric("process_start_time_seconds", "gauge", "Start time in Unix seconds.", shared.started_us / 1_000_000);
    let name = "sse_streams_ended_total";
    let _ = write!(text, "# HELP {name} Streams that ended, by what ended them.\n# TYPE {name} counter\n");
    for (by, count) in EndedBy::ALL.iter().zip(totals.ended) {
        let _ = writeln!(text, "{name}{{by=\"{}\"}} {count}", by.as_str());
    }
    text
}
