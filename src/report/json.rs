//! The report as a JSON object. Other programs rely on its names.

use serde::Serialize;
use serde_json::Value;

use super::words::{self, rounded};
use super::{Report, Response, table};
use crate::stats::{Bursts, Counts, Ending, Gap, Lag, Summary};
use crate::verdict::{self, Finding, Hold, Hop, Id, Judgement, Severity};

/// The version of the schema.
pub(super) const SCHEMA: u32 = 1;

/// A report with the names that its JSON has, in their order.
///
/// Times are milliseconds, rounded to microseconds; `lag_ms`, `gap_ms` and `bursts` are those of the stream that names
/// the verdict; events and bytes are all streams' together. What is unknown or didn't happen is null, with two
/// exceptions: without a stream, or with fewer than two events, `gap_ms` is 0; and `end.how` is `none` until it ends.
#[derive(Debug, Serialize)]
pub struct Json<'a> {
    schema: u32,
    url: &'a str,
    method: &'a str,
    verdict: Judgement,
    ok: bool,
    summary: String,
    hold: Hold,
    timing_ms: TimingMs,
    lag_ms: Option<Lag>,
    clock: Option<ClockMs>,
    gap_ms: Gap,
    bursts: Bursts,
    events: Counts,
    bytes: u64,
    end: End,
    response: Option<Head<'a>>,
    origin_saw: Option<&'a Value>,
    hop: Option<&'a Hop>,
    against: Option<Box<Json<'a>>>,
    findings: Vec<FindingJson>,
    streams: Vec<Stream<'a>>,
}

#[derive(Debug, Serialize)]
struct TimingMs {
    dns: Option<f64>,
    connect: Option<f64>,
    tls: Option<f64>,
    head: Option<f64>,
    first_byte: Option<f64>,
    first_event: Option<f64>,
}

#[derive(Debug, Serialize)]
struct ClockMs {
    offset_ms: f64,
    error_ms: f64,
}

#[derive(Debug, Serialize)]
struct End {
    how: Ending,
    after_s: Option<f64>,
}

#[derive(Debug, Serialize)]
struct Head<'a> {
    status: u16,
    http: &'a str,
    content_type: Option<&'a str>,
    content_encoding: Option<&'a str>,
    headers: &'a [(String, String)],
    redirects: &'a [String],
}

#[derive(Debug, Serialize)]
struct FindingJson {
    id: Id,
    severity: Severity,
    text: String,
    advice: &'static str,
}

#[derive(Debug, Serialize)]
struct Stream<'a> {
    name: &'a str,
    interval_ms: f64,
    size: u64,
    events: Counts,
    bytes: u64,
    lag_ms: Option<Lag>,
    gap_ms: Gap,
    bursts: Bursts,
    end: End,
}

/// The report as one object, to be serialised.
pub fn json(report: &Report) -> Json<'_> {
    Json { against: report.against.as_deref().map(|other| Box::new(alone(other))), ..alone(report) }
}

/// The report without another path beside it.
fn alone(report: &Report) -> Json<'_> {
    let stream = verdict::representative(&report.streams);
    let (how, after_us) = verdict::ending(&report.streams);
    Json {
        schema: SCHEMA,
        url: &report.url,
        method: &report.method,
        verdict: report.verdict.verdict,
        ok: report.verdict.verdict == Judgement::RealTime,
        summary: report.verdict.summary(),
        hold: report.verdict.hold,
        timing_ms: timing_ms(report),
        lag_ms: stream.and_then(|stream| stream.lag).map(lag_ms),
        clock: clock_ms(report),
        gap_ms: gap_ms(stream.map(|stream| stream.gap).unwrap_or_default()),
        bursts: stream.map(|stream| stream.bursts).unwrap_or_default(),
        events: table::counts(&report.streams),
        bytes: report.streams.iter().fold(0, |sum, stream| stream.bytes.saturating_add(sum)),
        end: end(how, after_us),
        response: report.response.as_ref().map(head),
        origin_saw: report.origin_saw.as_ref(),
        hop: report.hop.as_ref(),
        against: None,
        findings: report.verdict.findings.iter().map(finding).collect(),
        streams: report.streams.iter().map(one_stream).collect(),
    }
}

fn timing_ms(report: &Report) -> TimingMs {
    let timing = report.timing;
    TimingMs {
        dns: timing.dns.map(rounded),
        connect: timing.connect.map(rounded),
        tls: timing.tls.map(rounded),
        head: timing.head.map(rounded),
        first_byte: timing.first_byte.map(rounded),
        first_event: timing.first_event.map(rounded),
    }
}

fn clock_ms(report: &Report) -> Option<ClockMs> {
    let clock = report.clock.filter(|clock| clock.is_measured)?;
    let (offset_ms, error_ms) = words::clock_ms(&clock, report.started_unix_us);
    Some(ClockMs { offset_ms: rounded(offset_ms), error_ms: rounded(error_ms) })
}

fn head(response: &Response) -> Head<'_> {
    Head {
        status: response.status,
        http: &response.http,
        content_type: response.header("content-type"),
        content_encoding: response.header("content-encoding"),
        headers: &response.headers,
        redirects: &response.redirects,
    }
}

fn finding(finding: &Finding) -> FindingJson {
    FindingJson { id: finding.id, severity: finding.severity(), text: finding.text(), advice: finding.advice() }
}

fn one_stream(stream: &Summary) -> Stream<'_> {
    let after_us = stream.end_us.map(|end_us| end_us.saturating_sub(stream.requested_us));
    Stream {
        name: &stream.spec.name,
        interval_ms: rounded(stream.spec.interval_us as f64 / 1e3),
        size: stream.spec.size,
        events: stream.counts,
        bytes: stream.bytes,
        lag_ms: stream.lag.map(lag_ms),
        gap_ms: gap_ms(stream.gap),
        bursts: stream.bursts,
        end: end(stream.end, after_us),
    }
}

fn end(how: Ending, after_us: Option<i64>) -> End {
    End { how, after_s: after_us.filter(|_| how != Ending::None).map(|us| rounded(us as f64 / 1e6)) }
}

pub(super) fn lag_ms(lag: Lag) -> Lag {
    Lag { p50: rounded(lag.p50), p90: rounded(lag.p90), p99: rounded(lag.p99), max: rounded(lag.max) }
}

fn gap_ms(gap: Gap) -> Gap {
    Gap { p50: rounded(gap.p50), p99: rounded(gap.p99), max: rounded(gap.max) }
}
