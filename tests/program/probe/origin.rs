//! Where our origin is, and what is asked of it.

use std::time::Duration;

use crossbeam_channel::never;
use rustix::process::Signal;

use crate::common::Origin;
use crate::common::program::Program;
use crate::common::relay::{Answer, Impairment, Relay, Scope};

const SHORT: [&str; 3] = ["--json", "--duration", "1s"];

#[test]
fn a_root_means_the_events_and_a_base_path_is_found() {
    let origin = Origin::with(&["--base-path", "/sse"]);
    for path in ["/sse/", "/sse/events"] {
        let url = format!("http://{}{path}", origin.address);
        let report = Program::probe(&[&[url.as_str()], &SHORT[..]].concat()).finish().end();
        assert_eq!((report["verdict"].as_str(), report["url"].as_str()), (Some("real-time"), Some(url.as_str())));
        assert!(report["origin_saw"]["target"].as_str().unwrap().starts_with("/sse/events?interval="), "{report}");
    }
}

#[test]
fn a_redirect_is_followed_and_told() {
    let origin = Origin::start();
    let target = format!("http://{}/time", origin.address);
    let relay = Relay::start(
        origin.address,
        Impairment::Answer(Scope::Everything, Answer::new(301, &[("Location", &target)], "")),
    );
    let report = Program::probe(&[&[relay.url("/events").as_str()], &SHORT[..]].concat()).finish().end();
    assert_eq!(report["verdict"], "real-time");
    assert!(report["lag_ms"].is_object(), "the origin behind the redirect is known: {report}");
    assert_eq!(report["response"]["redirects"], serde_json::json!([relay.url("/events")]));
    let told = report["findings"].as_array().unwrap().iter().find(|finding| finding["id"] == "redirected").unwrap();
    assert!(
        told["text"].as_str().unwrap().ends_with(&format!("redirects to http://{}/events", origin.address)),
        "{told}"
    );
}

#[test]
fn posts_bodies_and_parameters_are_kept() {
    let origin = Origin::start();
    let url = format!("http://{}/events?interval=50ms&heartbeat=0", origin.address);
    let report =
        Program::probe(&[&[url.as_str(), "-d", "a=b", "-H", "Last-Event-ID: 5"], &SHORT[..]].concat()).finish().end();
    assert_eq!((report["verdict"].as_str(), report["method"].as_str()), (Some("real-time"), Some("POST")), "{report}");
    assert_eq!((&report["origin_saw"]["body_bytes"], &report["origin_saw"]["method"]), (&3.into(), &"POST".into()));
    let streams = report["streams"].as_array().unwrap();
    assert!(streams.iter().all(|stream| stream["interval_ms"] == 50.0), "{report}");
}

#[test]
fn events_that_were_not_asked_for_are_not_missed() {
    let origin = Origin::start();
    for (query, code, verdict) in
        [("count=0", 6, "inconclusive"), ("silent_after=0", 6, "inconclusive"), ("silent_after=5", 0, "real-time")]
    {
        let url = format!("http://{}/events?{query}", origin.address);
        let finished = Program::probe(&[&[url.as_str()], &SHORT[..]].concat()).finish();
        let report = finished.end();
        assert_eq!((finished.code, report["verdict"].as_str()), (Some(code), Some(verdict)), "{query}: {report}");
    }
    let head = Program::probe(&[&format!("http://{}/events", origin.address), "-X", "HEAD"]).finish();
    assert!(head.code == Some(2) && head.said().contains("no events"), "{head:?}");
}

#[test]
fn following_prints_a_line_an_event_and_ends_with_the_user() {
    let origin = Origin::start();
    let url = format!("http://{}", origin.address);
    let program = Program::probe(&[&url, "--follow", "--interval", "100ms"]);
    assert!(program.line().contains("hello"));
    for n in 1..=5 {
        let line = program.line();
        assert!(line.contains(&format!("event {n} ")) && line.contains("lag") && line.contains("gap"), "{line}");
    }
    program.signal(Signal::INT);
    let finished = program.finish();
    assert_eq!(finished.code, Some(130), "{}", finished.said());
    let last = finished.out.last().unwrap();
    assert!(last.starts_with("VERDICT real-time ") && last.contains("end=ours"), "{last}");
}

#[test]
fn who_interrupts_is_told_what_is_known() {
    let origin = Origin::start();
    let url = format!("http://{}", origin.address);
    let program = Program::probe(&[&url, "--json"]);
    origin.wait_log(&["stream opened"]);
    program.signal(Signal::TERM);
    let finished = program.finish();
    assert_eq!(finished.code, Some(130), "{}", finished.said());
    assert_eq!(finished.end()["schema"], 1);
    origin.wait_log(&["stream closed", "by=client"]);
}

#[test]
fn a_probe_that_was_stopped_for_a_while_does_not_blame_the_path() {
    let origin = Origin::start();
    let program = Program::probe(&[&format!("http://{}", origin.address), "--json"]);
    origin.wait_log(&["stream opened"]);
    let pause = |ms| {
        let _ = never::<()>().recv_timeout(Duration::from_millis(ms));
    };
    pause(2000);
    program.signal(Signal::STOP);
    pause(1500);
    program.signal(Signal::CONT);
    let (code, verdict, findings) = super::outcome(&program.finish());
    assert_eq!((code, verdict.as_str()), (Some(0), "real-time"), "{findings:?}");
    assert!(findings.contains(&"own-stalls".to_owned()), "{findings:?}");
}
