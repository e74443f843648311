//! Reports to print: the stories, with what a probe knows besides.

use std::path::Path;

use serde_json::json;
use sse_argo_tester::report::{Report, Response, Style, Timing};
use sse_argo_tester::stats::Summary;
use sse_argo_tester::verdict::{Hop, representative};

use crate::story::{Story, Told};

pub(crate) const PLAIN: Style = Style { columns: 80, colours: false };

/// A tunnel's report of a story.
pub(crate) fn tunnel(name: &str) -> Report {
    let mut report = direct(name);
    report.url = "https://quick-brown-fox.trycloudflare.com/events".to_owned();
    if report.response.is_some() {
        (report.timing.dns, report.timing.connect, report.timing.tls) = (Some(12.041), Some(31.5), Some(74.25));
        report.hop = Some(Hop {
            name: "Cloudflare".to_owned(),
            evidence: vec!["server: cloudflare".to_owned(), "cf-ray: 9a1f3b2c4d5e6f70-FRA".to_owned()],
        });
    }
    report
}

/// A report of a story without anything in between.
pub(crate) fn direct(name: &str) -> Report {
    let story = Story::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/stories/{name}.json")));
    let Told { streams, clock, verdict } = story.told();
    let stream = representative(&streams);
    Report {
        url: "http://localhost:3000/events".to_owned(),
        method: "GET".to_owned(),
        timing: stream.map_or(Timing { dns: Some(0.31), ..Timing::default() }, timing),
        clock,
        started_unix_us: story.unix_us - 12_345,
        response: stream.map(|_| response(200, "text/event-stream")),
        origin_saw: stream.map(|_| json!({ "http": "HTTP/1.1", "method": "GET" })),
        hop: None,
        recording: None,
        against: None,
        streams,
        verdict,
    }
}

fn timing(stream: &Summary) -> Timing {
    let since = |at_us: i64| 80.0 + (at_us - stream.requested_us) as f64 / 1e3;
    Timing {
        connect: Some(0.4),
        head: Some(82.062_5),
        first_byte: stream.first_byte_us.map(since),
        first_event: stream.first_event_us.map(since),
        ..Timing::default()
    }
}

pub(crate) fn response(status: u16, content_type: &str) -> Response {
    let headers = [("Content-Type", content_type), ("Cache-Control", "no-store, no-transform")];
    Response {
        status,
        http: "HTTP/1.1".to_owned(),
        headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        redirects: Vec::new(),
    }
}

/// The tunnel holds, the origin doesn't.
pub(crate) fn compared(this: &str, other: &str) -> Report {
    Report { against: Some(Box::new(direct(other))), ..tunnel(this) }
}

/// A page that asks for a login, two redirects away.
pub(crate) fn login() -> Report {
    let redirects = vec!["https://app.example/events".to_owned(), "https://app.example/events/".to_owned()];
    let response = Response { redirects, ..response(200, "text/html; charset=utf-8") };
    let timing = Timing { connect: Some(21.0), tls: Some(44.5), head: Some(61.2), ..Timing::default() };
    Report { url: "https://app.example/events".to_owned(), response: Some(response), timing, ..direct("not-sse-login") }
}
