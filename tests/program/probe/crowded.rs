//! Paths that don't pass all that the probe asks for: so many requests at a time, none for a while, or none of a query.

use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::common::Origin;
use crate::common::program::Program;
use crate::common::relay::{Impairment, Relay, Scope};

fn probe(impairment: Impairment, arguments: &[&str]) -> (Option<i32>, Value) {
    let origin = Origin::start();
    let relay = Relay::start(origin.address, impairment);
    let finished = Program::probe(&[&[relay.url("/events").as_str(), "--json"], arguments].concat()).finish();
    (finished.code, finished.end())
}

#[test]
fn streams_that_have_to_wait_for_others_are_no_hold_and_no_cut() {
    let check = |abreast| {
        let (code, report) = probe(Impairment::Abreast(abreast), &[]);
        assert_eq!((code, report["verdict"].as_str()), (Some(0), Some("real-time")), "{abreast} abreast: {report}");
        assert!(super::findings(&report).contains(&"streams-refused"), "{abreast} abreast: {report}");
    };
    thread::scope(|scope| (1..=3).for_each(|abreast| drop(scope.spawn(move || check(abreast)))));
}

#[test]
fn a_hold_shows_when_streams_have_to_wait() {
    let origin = Origin::start();
    let target = format!("http://{}/events", origin.address);
    let proxy = Origin::proxy(&target, &["--impair", "hold-until-close"]);
    let relay = Relay::start(proxy.address, Impairment::Abreast(2));
    let report = Program::probe(&[&relay.url("/events"), "--json", "--duration", "4s"]).finish().end();
    assert_eq!(report["verdict"], "held-until-close", "{report}");
}

#[test]
fn an_origin_that_wakes_up_slowly_is_ours_all_the_same() {
    let (code, report) = probe(Impairment::ColdStart(Duration::from_secs(7)), &["--duration", "1s"]);
    assert_eq!((code, report["verdict"].as_str()), (Some(0), Some("real-time")), "{report}");
    assert!(report["lag_ms"].is_object(), "{report}");
}

#[test]
fn a_query_that_gets_lost_is_told_and_the_streams_are_judged_as_they_are() {
    let (code, report) = probe(Impairment::NoQuery, &["--duration", "6s"]);
    assert_eq!((code, report["verdict"].as_str()), (Some(0), Some("real-time")), "{report}");
    assert!(super::findings(&report).contains(&"query-lost"), "{report}");
    assert!(report["streams"].as_array().unwrap().iter().all(|stream| stream["interval_ms"] == 1000.0), "{report}");
}

#[test]
fn without_a_head_that_is_told() {
    let (code, report) = probe(Impairment::NoHead(Scope::Streams), &["--duration", "1s"]);
    assert_eq!((code, report["verdict"].as_str()), (Some(1), Some("silent")), "{report}");
    assert!(super::findings(&report).contains(&"no-head"), "{report}");
}
