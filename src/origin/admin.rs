//! The admin address: all streams, and metrics in the text format of Prometheus.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;

use tiny_http::Request;

use super::stream_registry::{EndedBy, StreamRegistry};
use crate::http::Response;
use crate::server::counters::Counters;
use crate::server::service::{ALLOW, field};
use crate::site::document::json;
use crate::site::time::unix_us;

const METHODS: &str = "GET, HEAD";

/// What the admin address serves.
#[derive(Debug)]
pub(crate) struct Admin {
    /// The host that it is configured as, if that is a name other than `localhost`.
    host: Option<String>,
    registry: Arc<StreamRegistry>,
    counters: Arc<Counters>,
    started_us: u64,
}

impl Admin {
    /// Reports of streams and of the server's counts, both from now on.
    pub(crate) fn new(host: Option<String>, registry: &Arc<StreamRegistry>, counters: &Arc<Counters>) -> Admin {
        Admin { host, registry: Arc::clone(registry), counters: Arc::clone(counters), started_us: unix_us() }
    }

    /// Answers a request.
    pub(crate) fn answer(&self, request: &Request, target: &str) -> Response {
        if !self.is_trusted(field(request, "Host").unwrap_or_default()) {
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
            "/streams" => json(&serde_json::json!({ "streams": self.registry.reports() })),
            "/metrics" => Response::new(200, "text/plain; version=0.0.4; charset=utf-8", self.metrics().into_bytes()),
            _ => Response::text(200, "ok"),
        }
    }

    /// Whether a Host is one that no web page can make a browser send here: a page on a name that resolves to this
    /// address (DNS rebinding) sends that name.
    fn is_trusted(&self, host: &str) -> bool {
        let bracketed = host.strip_prefix('[').and_then(|rest| rest.split_once(']'));
        let name = bracketed.map_or_else(|| host.split(':').next().unwrap_or_default(), |(ip, _)| ip);
        name.parse::<IpAddr>().is_ok()
            || name.eq_ignore_ascii_case("localhost")
            || self.host.as_ref().is_some_and(|host| name.eq_ignore_ascii_case(host))
    }

    fn metrics(&self) -> String {
        let (totals, counters) = (self.registry.totals(), &self.counters);
        let mut text = String::new();
        let mut metric = |name: &str, kind: &str, help: &str, value: u64| {
            let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n");
        };
        metric("sse_streams_open", "gauge", "Streams that are open.", totals.open);
        metric("sse_streams_opened_total", "counter", "Streams that were opened.", totals.opened);
        metric("sse_events_sent_total", "counter", "Numbered events that were sent.", totals.events);
        metric("sse_body_bytes_sent_total", "counter", "Bytes of stream bodies, before chunk framing.", totals.bytes);
        metric("sse_connections_open", "gauge", "Connections that are open.", counters.open.get());
        metric("sse_connections_accepted_total", "counter", "Connections that were accepted.", counters.accepted.get());
        metric("sse_requests_routed_total", "counter", "Requests that tiny_http received.", counters.routed.get());
        metric(
            "sse_requests_refused_total",
            "counter",
            "Requests that were malformed or late.",
            counters.refused.get(),
        );
        metric("process_start_time_seconds", "gauge", "Start time in Unix seconds.", self.started_us / 1_000_000);
        let name = "sse_streams_ended_total";
        let _ = write!(text, "# HELP {name} Streams that ended, by what ended them.\n# TYPE {name} counter\n");
        for (by, count) in EndedBy::ALL.iter().zip(totals.ended) {
            let _ = writeln!(text, "{name}{{by=\"{}\"}} {count}", by.as_str());
        }
        text
    }
}
