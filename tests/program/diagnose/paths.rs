//! Each path with a name, and each way to hold a stream, has its cause and its least cure.

use serde_json::Value;
use sse_argo_tester::impair;

use super::{cures, diagnose};
use crate::common::{Origin, machine, wrong_of};

/// What is expected of a diagnosis.
#[derive(Clone, Copy)]
struct Case {
    /// The proxy's option, and its value.
    impairment: (&'static str, &'static str),
    /// Of the URL.
    query: &'static str,
    verdict: &'static str,
    cause: Option<&'static str>,
    /// All that works.
    works: &'static [&'static str],
    /// The one that costs least.
    cure: Option<&'static str>,
}

const FINE: Case =
    Case { impairment: ("--impair", ""), query: "", verdict: "real-time", cause: None, works: &[], cure: None };

fn like(name: &'static str, verdict: &'static str, cause: &'static str, works: &'static [&'static str]) -> Case {
    let cure = works.first().copied();
    Case { impairment: ("--like", name), query: "", verdict, cause: Some(cause), works, cure }
}

fn impaired(spec: &'static str, verdict: &'static str, cause: &'static str, works: &'static [&'static str]) -> Case {
    Case { impairment: ("--impair", spec), ..like("", verdict, cause, works) }
}

/// The paths with names; those that end streams, sooner than they do.
fn paths() -> Vec<Case> {
    vec![
        like("argo-2024,hold-start-time=3s", "late-start", "start-timer", &[]),
        like("quick-tunnel-get", "held-until-close", "method", &["post"]),
        like("cloudflare-idle,idle-cut=8s", "real-time", "idle-limit", &["heartbeat"]),
        like("nginx-default", "batched", "buffer", &["accel-no"]),
        Case { impairment: ("--like", "nginx-http11"), ..FINE },
        Case { query: "?framing=close", ..like("nginx-http11", "batched", "framing", &["accel-no", "chunked"]) },
        like("nginx-64k", "batched", "buffer", &["accel-no"]),
        like("nginx-gzip", "batched", "buffer", &["accel-no"]),
        like("nginx-idle,idle-cut=8s", "real-time", "idle-limit", &["heartbeat"]),
        like("haproxy-default", "batched", "cork", &["close-framing"]),
        like("haproxy-compression", "lagging", "compressor", &["no-transform", "identity", "plain-type"]),
        like("apache-modsecurity", "late-start", "start-buffer", &[]),
        like("lighttpd-default", "held-until-close", "until-close", &[]),
        like("envoy-15s,cut-after=5s", "cut", "lifetime-limit", &[]),
        like("compression-middleware", "batched", "compressor", &["no-transform", "identity"]),
        // The proxy holds whole events back, and so nothing of what it can't read as such.
        like("one-behind", "lagging", "content-type", &["plain-type"]),
        like("heroku-idle,idle-cut=8s", "real-time", "idle-limit", &["heartbeat"]),
        like("aws-elb-idle,idle-cut=8s", "real-time", "idle-limit", &["heartbeat"]),
        like("google-lb-30s,cut-after=5s", "cut", "lifetime-limit", &[]),
    ]
}

/// What paths without a name do.
fn others() -> Vec<Case> {
    vec![
        impaired("hold-bytes=4k", "batched", "buffer", &[]),
        impaired("hold-bytes=4k,strip-header=X-Accel-Buffering", "batched", "header-eaten", &[]),
        impaired("hold-bytes=16k,spares=unchunked", "batched", "framing", &["close-framing"]),
        impaired("hold-time=500ms", "batched", "timer", &[]),
        impaired("hold-start-bytes=1k", "late-start", "start-buffer", &["pad-4k", "big-events"]),
        impaired("hold-start-bytes=40k", "late-start", "start-buffer", &["pad-64k"]),
        impaired("lag=700ms", "lagging", "delay", &[]),
        impaired("cork=205ms", "batched", "cork", &[]),
        impaired("silent", "silent", "silent", &[]),
        impaired("strip-header=Content-Type", "not-sse", "wrong-type", &[]),
        impaired("hang=3s", "cut", "cut", &[]),
        Case { impairment: ("--impair", "hold-head"), ..FINE },
    ]
}

/// How many cases of a test run at a time.
const ABREAST: usize = 6;

/// Runs all cases; what is wrong with them.
fn wrong(cases: Vec<Case>) -> Vec<String> {
    let origin = Origin::start();
    let target = format!("http://{}/events", origin.address);
    wrong_of(cases, ABREAST, |case| check(&target, case))
}

/// What is wrong with a case.
fn check(target: &str, case: &Case) -> Option<String> {
    let (option, specs) = case.impairment;
    let _turn = machine::take(machine::DIAGNOSIS);
    let proxy = Origin::proxy(target, &[option, specs]);
    let finished = diagnose(&format!("http://{}/events{}", proxy.address, case.query), &[]);
    let report: Value = finished.end();
    let cause = report["cause"]["id"].as_str();
    let found = (report["verdict"].as_str().unwrap(), cause, cures(&report, true), report["smallest_cure"].as_str());
    let expected = (case.verdict, case.cause, case.works.to_vec(), case.cure);
    (found != expected).then(|| format!("{option} {specs} {}: {found:?} instead of {expected:?}\n{report}", case.query))
}

#[test]
fn paths_of_the_world_have_their_causes_and_cures() {
    let wrong = wrong(paths());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_way_to_hold_has_its_cause() {
    let wrong = wrong(others());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_path_is_missing() {
    for profile in impair::profiles() {
        let is_it = |case: &Case| case.impairment.1.split(',').next() == Some(profile.name);
        assert!(paths().iter().any(is_it), "{}", profile.name);
    }
}
