//! Each impairment has its own verdict, and no other.

use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::common::Origin;
use crate::common::program::{Finished, Program};
use crate::common::relay::{Ending, Impairment, Relay};

/// What is expected of a run.
struct Case {
    impairment: Impairment,
    /// Of the URL.
    query: &'static str,
    exit: i32,
    verdict: &'static str,
    hold: &'static str,
    /// The threshold, in bytes or milliseconds.
    amount: Option<(&'static str, u64)>,
    end: &'static str,
}

fn case(impairment: Impairment, exit: i32, verdict: &'static str, hold: &'static str) -> Case {
    Case { impairment, query: "", exit, verdict, hold, amount: None, end: "clean" }
}

fn bytes(impairment: Impairment, verdict: &'static str, hold: &'static str, amount: u64) -> Case {
    Case { amount: Some(("bytes", amount)), ..case(impairment, 1, verdict, hold) }
}

fn ms(impairment: Impairment, verdict: &'static str, hold: &'static str, amount: u64) -> Case {
    Case { amount: Some(("ms", amount)), ..case(impairment, 1, verdict, hold) }
}

fn cut(impairment: Impairment, end: &'static str) -> Case {
    Case { end, ..case(impairment, 5, "cut", "none") }
}

fn holds() -> Vec<Case> {
    let time = Duration::from_millis;
    vec![
        case(Impairment::Clean, 0, "real-time", "none"),
        bytes(Impairment::HoldBytes(512), "batched", "bytes", 512),
        bytes(Impairment::HoldBytes(4096), "batched", "bytes", 4096),
        bytes(Impairment::HoldBytesWhole(16_384), "batched", "bytes", 16_384),
        bytes(Impairment::HoldBytes(65_536), "batched", "bytes", 65_536),
        ms(Impairment::HoldTime(time(500)), "batched", "time", 500),
        ms(Impairment::HoldTime(time(2000)), "batched", "time", 2000),
        bytes(Impairment::HoldStartBytes(1024), "late-start", "start-bytes", 1024),
        bytes(Impairment::HoldStartBytes(16_384), "late-start", "start-bytes", 16_384),
        bytes(Impairment::HoldStartBytes(262_144), "late-start", "start-bytes", 262_144),
        ms(Impairment::HoldStartTime(time(2000)), "late-start", "start-time", 2000),
    ]
}

fn others() -> Vec<Case> {
    let time = Duration::from_millis;
    vec![
        case(Impairment::HoldUntilClose, 1, "held-until-close", "close"),
        ms(Impairment::Lag(time(200)), "lagging", "constant", 200),
        ms(Impairment::Lag(time(1500)), "lagging", "constant", 1500),
        case(Impairment::OneEvent, 1, "lagging", "one-event"),
        case(Impairment::LateHead, 0, "real-time", "none"),
        case(Impairment::GzipNoFlush, 1, "batched", "bytes"),
        cut(Impairment::CutAfter(time(2500), Ending::Truncated), "lifetime-cut"),
        cut(Impairment::IdleCut(time(700), Ending::Truncated), "truncated"),
        cut(Impairment::IdleCut(time(700), Ending::Clean), "clean"),
        cut(Impairment::IdleCut(time(700), Ending::Reset), "reset"),
        Case { query: "?interval=5s&count=2", ..cut(Impairment::IdleCut(time(2500), Ending::Truncated), "idle-cut") },
        cut(Impairment::Hang(time(2500)), "ours"),
        case(Impairment::Drop(7), 5, "corrupt", "none"),
        case(Impairment::Duplicate(7), 5, "corrupt", "none"),
        case(Impairment::Reorder(7), 5, "corrupt", "none"),
        case(Impairment::Corrupt(7), 5, "corrupt", "none"),
        Case { end: "ours", ..case(Impairment::Silent, 1, "silent", "unknown") },
    ]
}

/// Runs all cases at once; what is wrong with them.
fn wrong(cases: Vec<Case>) -> Vec<String> {
    let origin = Origin::start();
    let address = origin.address;
    let check = |case: Case| {
        let relay = Relay::start(address, case.impairment.clone());
        let url = relay.url("/events") + case.query;
        let finished = Program::probe(&[&url, "--json"]).finish();
        let problem = problem(&case, &finished)?;
        Some(format!("{:?} {}: {problem}\n{}", case.impairment, case.query, finished.out.join("\n")))
    };
    thread::scope(|scope| {
        let runs: Vec<_> = cases.into_iter().map(|case| scope.spawn(|| check(case))).collect();
        runs.into_iter().filter_map(|run| run.join().unwrap()).collect()
    })
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
fn what_is_late_cut_or_damaged_is_told() {
    let wrong = wrong(others());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_cure_headers_are_left_out_if_asked_for() {
    let origin = Origin::start();
    let relay = Relay::start(origin.address, Impairment::Clean);
    let url = relay.url("/events");
    let cache_control = |arguments: &[&str]| {
        let json = Program::probe(&[&[url.as_str(), "--json", "--duration", "1s"], arguments].concat()).finish().end();
        let headers = json["response"]["headers"].as_array().unwrap().clone();
        let value = |name: &str| headers.iter().find(|header| header[0] == name).map(|header| header[1].clone());
        (value("cache-control"), value("x-accel-buffering"))
    };
    assert_eq!(cache_control(&[]), (Some("no-store, no-transform".into()), Some("no".into())));
    assert_eq!(cache_control(&["--plain"]), (None, None));
}
