//! Each impairment and each path with a name has its own verdict, and no other: the real probe, through the real proxy,
//! against the real origin.

use serde_json::Value;
use sse_argo_tester::impair;

use crate::common::program::{Finished, Program};
use crate::common::{Origin, machine, wrong_of};

/// What is expected of a run.
#[derive(Clone, Copy)]
struct Case {
    /// The proxy's option, and its value.
    impairment: (&'static str, &'static str),
    /// Of the URL.
    query: &'static str,
    /// Further arguments of the probe.
    probe: &'static [&'static str],
    exit: i32,
    verdict: &'static str,
    hold: &'static str,
    /// The threshold, in bytes or milliseconds.
    amount: Option<(&'static str, u64)>,
    end: &'static str,
}

const CLEAR: Case = Case {
    impairment: ("--impair", ""),
    query: "",
    probe: &[],
    exit: 0,
    verdict: "real-time",
    hold: "none",
    amount: None,
    end: "clean",
};

const HELD: Case = Case { exit: 1, verdict: "held-until-close", hold: "close", ..CLEAR };
const BEHIND: Case = Case { exit: 1, verdict: "lagging", hold: "one-event", ..CLEAR };
const LUMPS: Case = Case { exit: 1, verdict: "batched", hold: "bytes", ..CLEAR };
const CORRUPT: Case = Case { exit: 5, verdict: "corrupt", ..CLEAR };
const OLD: Case = Case { exit: 5, verdict: "cut", end: "lifetime-cut", ..CLEAR };

fn batched(bytes: u64) -> Case {
    Case { amount: Some(("bytes", bytes)), ..LUMPS }
}

fn ticks(ms: u64) -> Case {
    Case { hold: "time", amount: Some(("ms", ms)), ..LUMPS }
}

fn late(bytes: u64) -> Case {
    Case { verdict: "late-start", hold: "start-bytes", ..batched(bytes) }
}

fn late_by(ms: u64) -> Case {
    Case { verdict: "late-start", hold: "start-time", ..ticks(ms) }
}

fn lagging(ms: u64) -> Case {
    Case { verdict: "lagging", hold: "constant", ..ticks(ms) }
}

fn cut(end: &'static str) -> Case {
    Case { end, ..OLD }
}

/// As it is seen by a probe whose events are further apart than the path allows.
fn idle() -> Case {
    Case { query: "?interval=5s&count=2", ..cut("idle-cut") }
}

/// For an origin that doesn't ask for it to be otherwise.
fn plain(case: Case) -> Case {
    Case { probe: &["--plain"], ..case }
}

fn impaired(spec: &'static str, case: Case) -> Case {
    Case { impairment: ("--impair", spec), ..case }
}

fn like(specs: &'static str, case: Case) -> Case {
    Case { impairment: ("--like", specs), ..case }
}

fn holds() -> Vec<Case> {
    vec![
        impaired("hold-bytes=512", batched(512)),
        impaired("hold-bytes=4k", batched(4096)),
        impaired("hold-bytes=16k:whole", batched(16_384)),
        impaired("hold-bytes=64k", batched(65_536)),
        impaired("hold-time=500ms", ticks(500)),
        impaired("hold-time=2s", ticks(2000)),
        impaired("cork=205ms", ticks(205)),
        impaired("hold-start-bytes=1k", late(1024)),
        impaired("hold-start-bytes=16k", late(16_384)),
        impaired("hold-start-bytes=256k", late(262_144)),
        impaired("hold-start-time=2s", late_by(2000)),
        impaired("hold-until-close", HELD),
        impaired("hold-head", CLEAR),
        impaired("hold-head,hold-until-close", HELD),
        impaired("lag=200ms", lagging(200)),
        impaired("lag=1500ms", lagging(1500)),
        impaired("one-event", BEHIND),
        impaired("gzip-noflush", LUMPS),
        impaired("hold-bytes=4k,spares=chunked", CLEAR),
        impaired("hold-bytes=4k,spares=unchunked", batched(4096)),
        impaired("hold-until-close,only=POST", CLEAR),
        Case { probe: &["-X", "POST"], ..impaired("hold-until-close,only=POST", HELD) },
    ]
}

fn others() -> Vec<Case> {
    vec![
        impaired("cut-after=3s", OLD),
        impaired("idle-cut=700ms", cut("truncated")),
        impaired("idle-cut=700ms:clean", cut("clean")),
        impaired("idle-cut=700ms:reset", cut("reset")),
        impaired("idle-cut=2500ms", idle()),
        impaired("hang=2500ms", cut("ours")),
        impaired("drop=7", CORRUPT),
        impaired("duplicate=7", CORRUPT),
        impaired("reorder=7", CORRUPT),
        impaired("corrupt=7", CORRUPT),
        impaired("silent", Case { exit: 1, verdict: "silent", hold: "unknown", end: "ours", ..CLEAR }),
        impaired("strip-header=X-Accel-Buffering", CLEAR),
        impaired("strip-header=Content-Type", Case { exit: 4, verdict: "not-sse", hold: "unknown", ..cut("none") }),
        impaired("keep-origin-open", CLEAR),
    ]
}

/// The paths with names, those that take long made shorter.
fn paths() -> Vec<Case> {
    vec![
        like("argo-2024,hold-start-time=2s", late_by(2000)),
        like("quick-tunnel-get", HELD),
        like("quick-tunnel-get", Case { probe: &["-X", "POST"], ..CLEAR }),
        like("cloudflare-idle,idle-cut=2500ms", idle()),
        like("nginx-default", plain(batched(4096))),
        like("nginx-default", CLEAR),
        like("nginx-http11", plain(CLEAR)),
        like("nginx-http11", Case { query: "?framing=close", ..plain(batched(4096)) }),
        like("nginx-64k", plain(batched(65_536))),
        like("nginx-64k", CLEAR),
        like("nginx-gzip", plain(LUMPS)),
        like("nginx-gzip", CLEAR),
        like("nginx-idle,idle-cut=2500ms", idle()),
        like("haproxy-default", ticks(205)),
        like("haproxy-compression", plain(BEHIND)),
        like("haproxy-compression", CLEAR),
        like("apache-modsecurity,hold-start-bytes=64k", late(65_536)),
        like("lighttpd-default", HELD),
        like("envoy-15s,cut-after=3s", OLD),
        like("compression-middleware", plain(LUMPS)),
        like("compression-middleware", CLEAR),
        like("one-behind", BEHIND),
        like("heroku-idle,idle-cut=2500ms", idle()),
        like("aws-elb-idle,idle-cut=2500ms", idle()),
        like("google-lb-30s,cut-after=3s", OLD),
    ]
}

/// How many cases of a test run at a time.
const ABREAST: usize = 10;

/// Runs all cases; what is wrong with them.
fn wrong(cases: Vec<Case>) -> Vec<String> {
    let origin = Origin::start();
    let target = format!("http://{}/events", origin.address);
    wrong_of(cases, ABREAST, |case| check(&target, case))
}

/// What is wrong with a case.
fn check(target: &str, case: &Case) -> Option<String> {
    let Case { impairment: (option, specs), query, probe, .. } = *case;
    let _turn = machine::take(machine::PROBE);
    let proxy = Origin::proxy(target, &[option, specs]);
    let url = format!("http://{}/events{query}", proxy.address);
    let finished = Program::probe(&[&[&*url, "--json"], probe].concat()).finish();
    let problem = problem(case, &finished)?;
    Some(format!("{option} {specs} {query} {probe:?}: {problem}\n{}", finished.out.join("\n")))
}

fn problem(case: &Case, finished: &Finished) -> Option<String> {
    let json: Value = finished.end();
    let found =
        (finished.code, json["verdict"].as_str()?, json["hold"]["kind"].as_str()?, json["end"]["how"].as_str()?);
    let expected = (Some(case.exit), case.verdict, case.hold, case.end);
    if found != expected {
        return Some(format!("{found:?} instead of {expected:?}"));
    }
    let (unit, amount) = case.amount?;
    let told = json["hold"][unit].as_u64().unwrap_or(0);
    let quarter = amount / 4;
    (told.abs_diff(amount) > quarter).then(|| format!("{told} {unit} instead of {amount}"))
}

#[test]
fn what_is_held_is_told_with_its_threshold() {
    let wrong = wrong(holds());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_cut_or_damaged_is_told() {
    let wrong = wrong(others());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn paths_of_the_world_are_told() {
    let wrong = wrong(paths());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_impairment_and_no_path_is_missing() {
    let is_in = |cases: &[Case], name: &str| {
        let names = |case: &Case| case.impairment.1.split(',').any(|spec| spec.split('=').next() == Some(name));
        assert!(cases.iter().any(names), "{name}");
    };
    let impairments = [holds(), others()].concat();
    impair::impairments().iter().for_each(|entry| is_in(&impairments, entry.name));
    impair::profiles().iter().for_each(|profile| is_in(&paths(), profile.name));
}

#[test]
fn the_cure_headers_are_left_out_if_asked_for() {
    let origin = Origin::start();
    let url = format!("http://{}/events", origin.address);
    let cache_control = |arguments: &[&str]| {
        let json = Program::probe(&[&[url.as_str(), "--json", "--duration", "1s"], arguments].concat()).finish().end();
        let headers = json["response"]["headers"].as_array().unwrap().clone();
        let value = |name: &str| headers.iter().find(|header| header[0] == name).map(|header| header[1].clone());
        (value("cache-control"), value("x-accel-buffering"))
    };
    assert_eq!(cache_control(&[]), (Some("no-store, no-transform".into()), Some("no".into())));
    assert_eq!(cache_control(&["--plain"]), (None, None));
}
