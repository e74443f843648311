//! Reports to print: the stories, with what a probe knows besides.

use std::path::Path;
use std::time::Duration;

use serde_json::json;
use sse_argo_tester::report::diagnosis::{Diagnosed, Row};
use sse_argo_tester::report::{Report, Response, Style, Timing};
use sse_argo_tester::stats::Summary;
use sse_argo_tester::verdict::diagnosis::{Evidence, Tried, Variant, diagnose};
use sse_argo_tester::verdict::{CureId, Hop, Judgement, ending, representative};

use crate::story::Story;

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
    let Report { streams, clock, verdict, .. } = story.told();
    let stream = representative(&streams);
    Report {
        url: "http://localhost:3000/events".to_owned(),
        method: "GET".to_owned(),
        timing: stream.map_or(Timing { dns: Some(0.31), ..Timing::default() }, timing),
        clock,
        started_unix_us: story.recording.unix_us - 12_345,
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

/// A diagnosis of variants, each with its story, and that of its second run.
fn diagnosed(variants: &[(Variant, &str, Option<&str>)], is_ours: bool, hop: Option<&Hop>) -> Diagnosed {
    let report = |name: &str| Report { hop: hop.cloned(), ..tunnel(name) };
    let tried = |variant: &Variant, report: &Report| Tried {
        variant: variant.clone(),
        verdict: report.verdict.clone(),
        head_ms: report.timing.head,
        shows_accel: false,
        coding: None,
        end: ending(&report.streams),
        quiet_us: None,
        late: if report.verdict.verdict == Judgement::RealTime { 0.0 } else { 1.0 },
    };
    let first: Vec<Tried> = variants.iter().map(|(variant, name, _)| tried(variant, &report(name))).collect();
    let second = variants.iter().filter_map(|(variant, _, again)| Some(tried(variant, &report((*again)?))));
    let second: Vec<Tried> = second.collect();
    let origin_http = is_ours.then_some("HTTP/1.1");
    let evidence = Evidence {
        tried: &first,
        again: &second,
        control: None,
        is_ours,
        hop,
        origin_http,
        endurance: None,
        is_gone: false,
        is_cut_short: false,
    };
    let row = |(variant, name, again): &(Variant, &str, Option<&str>)| Row {
        id: variant.id(),
        method: variant.method().unwrap_or("GET").to_owned(),
        query: variant.query(""),
        request_headers: Vec::new(),
        report: report(name),
        again: again.map(report),
        is_plain: false,
        is_refused: false,
    };
    Diagnosed {
        url: "https://user:hush@app.example/events?a=1&b=<2>".to_owned(),
        is_ours,
        variants: variants.iter().map(row).collect(),
        diagnosis: diagnose(&evidence),
        endurance: None,
        against: None,
        took: Duration::from_millis(21_340),
    }
}

/// A buffer that obeys the origin, and that the direct way doesn't have.
pub(crate) fn buffered() -> Diagnosed {
    let (held, fine) = ("batched-4k-cut-anywhere", "real-time-near");
    let mut variants = vec![(Variant::plain(), held, Some(held)), (Variant::of(&[CureId::AccelNo]), fine, Some(fine))];
    let others = [CureId::NoTransform, CureId::Identity, CureId::Pad4k].map(|id| (Variant::of(&[id]), held, None));
    variants.extend(others);
    variants.push((Variant::of(&[CureId::Post]), "cut-reset", None));
    variants.push((Variant::everything()[0].clone(), fine, None));
    let hop = Hop { name: "nginx".to_owned(), evidence: vec!["server: nginx/1.22.1".to_owned()] };
    let mut diagnosed = diagnosed(&variants, true, Some(&hop));
    diagnosed.variants[3].is_plain = true;
    diagnosed.against = Some(direct("real-time-near"));
    let plain = &mut diagnosed.variants[0].report;
    let secrets =
        [("Set-Cookie", "sid=hush; Path=/"), ("X-Auth-Token", "hush"), ("Location", "http://u:hush@h/?t=hush")];
    let secrets = secrets.map(|(name, value)| (name.to_owned(), value.to_owned()));
    plain.response.as_mut().unwrap().headers.extend(secrets);
    let headers = json!([["Host", "app.example"], ["Cookie", "<14 bytes>"], ["Via", "1.1 nginx"]]);
    plain.origin_saw = Some(json!({
        "http": "HTTP/1.1", "method": "GET", "target": "/events?a=1", "peer": "127.0.0.1:40000", "headers": headers,
    }));
    diagnosed
}

/// Another origin's events.
pub(crate) fn foreign() -> Diagnosed {
    let variants =
        [(Variant::plain(), "foreign-bursts", None), (Variant::of(&[CureId::Identity]), "foreign-quiet", None)];
    diagnosed(&variants, false, None)
}

/// No answer.
pub(crate) fn refused() -> Diagnosed {
    diagnosed(&[(Variant::plain(), "unreachable-refused", None)], false, None)
}
