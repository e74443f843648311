//! What is asked for, and of whom.

use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};

use super::{cures, diagnose};
use crate::common::Origin;
use crate::common::program::Program;
use crate::common::raw::{CHUNKED, Raw, chunk, response};
use crate::common::relay::{Impairment, Relay};

fn variant<'a>(report: &'a Value, id: &str) -> &'a Value {
    let variants = report["variants"].as_array().unwrap();
    variants.iter().find(|variant| variant["id"] == id).unwrap_or_else(|| panic!("no {id}: {report}"))
}

fn notes(report: &Value) -> String {
    report["notes"].to_string()
}

#[test]
fn variants_change_what_they_say_and_nothing_else() {
    let origin = Origin::start();
    let url = format!("http://{}/events?framing=close&id=0123456789abcdef", origin.address);
    let report = diagnose(&url, &["--quick"]).end();
    assert_eq!((report["verdict"].as_str(), &report["url"]), (Some("real-time"), &json!(url)));
    let query = |id: &str| variant(&report, id)["query"].as_str().unwrap().to_owned();
    assert_eq!(query("plain"), "framing=close&accel=none&cache=none");
    assert_eq!(query("accel-no"), "framing=close&accel=no&cache=none");
    assert_eq!(query("no-transform"), "framing=close&cache=no-transform&accel=none");
    assert_eq!(query("chunked"), "framing=chunked&accel=none&cache=none");
    assert_eq!(query("big-events"), "framing=close&size=32k&accel=none&cache=none");
    assert_eq!(query("close-framing"), query("plain"), "it asks for that already");
    assert_eq!(variant(&report, "identity")["request_headers"], json!([["Accept-Encoding", "identity"]]));
    assert_eq!(variant(&report, "post")["method"], "POST");
    assert_eq!(variant(&report, "plain")["method"], "GET");
}

#[test]
fn a_quick_one_takes_twelve_seconds_at_most() {
    let origin = Origin::start();
    let target = format!("http://{}/events", origin.address);
    for (weather, cause) in [("hold-until-close,only=GET", json!("method")), ("silent", json!("silent"))] {
        let proxy = Origin::proxy(&target, &["--impair", weather]);
        let begun = Instant::now();
        let report = diagnose(&format!("http://{}/events", proxy.address), &["--quick"]).end();
        let taken = begun.elapsed();
        assert!(taken < Duration::from_secs(13), "{taken:?}");
        assert_eq!(report["cause"]["id"], cause, "{report}");
    }
}

#[test]
fn a_pair_of_cures_is_found() {
    let origin = Origin::start();
    let inner = Origin::proxy(&format!("http://{}/events", origin.address), &["--impair", "hold-until-close,only=GET"]);
    let outer =
        Origin::proxy(&format!("http://{}/events", inner.address), &["--impair", "hold-bytes=4k,spares=accel-no"]);
    let report = diagnose(&format!("http://{}/events", outer.address), &[]).end();
    assert_eq!(report["smallest_cure"], "accel-no+post", "{report}");
    assert_eq!(cures(&report, true), ["accel-no+post"]);
    let pair = report["cures"].as_array().unwrap().iter().find(|cure| cure["id"] == "accel-no+post").unwrap();
    assert_eq!(pair["where"], "client", "the hardest of both");
}

#[test]
fn where_few_streams_pass_at_a_time_the_rest_is_asked_for_again() {
    let origin = Origin::with(&["--max-streams", "9"]);
    let proxy = Origin::proxy(&format!("http://{}/events", origin.address), &["--like", "nginx-default"]);
    let report = diagnose(&format!("http://{}/events", proxy.address), &[]).end();
    assert_eq!((&report["cause"]["id"], &report["smallest_cure"]), (&json!("buffer"), &json!("accel-no")), "{report}");
    // For all of them there may be no time; then they are named.
    let unknown = cures(&report, Value::Null).into_iter().filter(|id| *id != "proxy-config");
    let notes = notes(&report);
    assert!(unknown.into_iter().all(|id| notes.contains(id)), "{report}");
    assert!(cures(&report, false).len() > 5, "{report}");
}

#[test]
fn streams_that_have_to_wait_for_others_are_no_cause() {
    let origin = Origin::start();
    let relay = Relay::start(origin.address, Impairment::Abreast(6));
    let report = diagnose(&relay.url("/events"), &[]).end();
    assert_eq!((report["verdict"].as_str(), &report["cause"]), (Some("real-time"), &Value::Null), "{report}");
}

#[test]
fn of_another_origin_only_what_a_client_changes_is_tried() {
    let raw = Raw::new();
    let url = raw.url();
    let report = thread::scope(|scope| {
        scope.spawn(|| {
            raw.answer(response("404 Not Found", "text/plain", "no"));
            let streams: Vec<_> = (0..2).map(|_| raw.request()).collect();
            for (mut client, head) in streams {
                assert!(head.starts_with("GET "), "{head}");
                client.send(CHUNKED);
                client.send(chunk("data: 1\n\n"));
                client.read_to_end();
            }
        });
        diagnose(&url, &["--quick"]).end()
    });
    let ids: Vec<&str> =
        report["variants"].as_array().unwrap().iter().map(|variant| variant["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["plain", "identity", "gzip"], "gzip is what plain asks for: {report}");
    assert!(notes(&report).contains("isn't one of ours"), "{report}");
}

#[test]
fn a_fault_of_the_origin_is_not_the_paths() {
    let origin = Origin::start();
    let held = Origin::proxy(&format!("http://{}/events", origin.address), &["--impair", "hold-bytes=4k"]);
    let clear = Origin::proxy(&format!("http://{}/events", held.address), &[]);
    let (url, direct) = (format!("http://{}/events", clear.address), format!("http://{}/events", held.address));
    let finished = Program::of("diagnose", &[&url, "--quick", "--against", &direct]).finish();
    let words: Vec<&str> = finished.out.iter().flat_map(|line| line.split_whitespace()).collect();
    let text = words.join(" ");
    assert!(text.contains("both do the same: the origin, or what both share, does it"), "{text}");
    let report = diagnose(&url, &["--quick", "--against", &direct]).end();
    assert_eq!((&report["against"]["url"], &report["against"]["verdict"]), (&json!(direct), &report["verdict"]));
    assert!(report["difference"].as_str().unwrap().starts_with("both do the same"), "{report}");
}

#[test]
fn nobody_there_is_unreachable() {
    let finished = diagnose("http://127.0.0.1:1/events", &[]);
    let report = finished.end();
    assert_eq!((finished.code, report["verdict"].as_str()), (Some(3), Some("unreachable")));
    assert_eq!((&report["cause"], report["notes"].as_array().map(Vec::len)), (&Value::Null, Some(0)), "{report}");
}

#[test]
fn an_interrupted_one_tells_what_is_known() {
    let origin = Origin::start();
    let url = format!("http://{}/events", origin.address);
    let program = Program::of("diagnose", &[&url, "--json"]);
    origin.wait_log(&["stream opened"]);
    program.signal(Signal::INT);
    let finished = program.finish();
    assert_eq!(finished.code, Some(130));
    assert_eq!(finished.end()["url"], json!(url));
}

#[test]
fn bad_input_is_told() {
    for (arguments, part) in [
        (&["-X", "HEAD", "http://127.0.0.1:1"][..], "-X HEAD asks for no events"),
        (&["http://127.0.0.1:1", "--within", "0"], "--within"),
        (&[], "url"),
        (&["http://127.0.0.1:1", "--quick", "--thorough"], "exclude each other"),
        (&["http://127.0.0.1:1", "--idle-max", "5s"], "--idle-max is for --thorough"),
        (&["http://127.0.0.1:1", "--thorough", "--idle-max", "2h"], "1s to 1h"),
        (&["http://127.0.0.1:1", "-4", "-6"], "-4 and -6 exclude each other"),
    ] {
        let finished = Program::of("diagnose", arguments).finish();
        assert_eq!(finished.code, Some(2), "{arguments:?}");
        assert!(finished.err.join("\n").contains(part), "{arguments:?}: {:?}", finished.err);
    }
}

#[test]
fn there_are_24_streams_at_most_at_a_time() {
    let origin = Origin::with(&["--max-streams", "24", "--log-level", "warn"]);
    let url = format!("http://{}/events", origin.address);
    let report = diagnose(&url, &["--against", &url]).end();
    let variants = report["variants"].as_array().unwrap().iter();
    let mut steady = variants.filter(|variant| !["quiet", "heartbeat"].map(Value::from).contains(&variant["id"]));
    assert!(steady.all(|variant| variant["verdict"] == "real-time"), "{report}");
    assert_eq!(report["against"]["verdict"], "real-time", "{report}");
    assert!(!notes(&report).contains("refused"), "{report}");
}

#[test]
fn a_thorough_one_tells_of_silences_ages_and_clients_that_leave() {
    let origin = Origin::start();
    let proxy = Origin::proxy(&format!("http://{}/events", origin.address), &["--impair", "idle-cut=3s"]);
    let url = format!("http://{}/events", proxy.address);
    let report = diagnose(&url, &["--thorough", "--idle-max", "8s"]).end();
    assert_eq!(
        (&report["cause"]["id"], &report["smallest_cure"]),
        (&json!("idle-limit"), &json!("heartbeat")),
        "{report}"
    );
    let idle_cut_s = report["idle_cut_s"].as_f64().unwrap();
    assert!((2.9..3.5).contains(&idle_cut_s), "{report}");
    assert!(report["lifetime_cut_s"].is_null(), "{report}");
    assert!(report["disconnect_ms"].as_f64().unwrap() < 1000.0, "{report}");
    let endurance = &report["endurance"];
    assert_eq!(endurance["patience"]["comments_cure"], true, "{report}");
    assert_eq!((&endurance["crowd"]["asked"], &endurance["crowd"]["at_once"]), (&json!(24), &json!(24)), "{report}");
}

#[test]
fn a_thorough_one_tells_an_age_from_a_silence() {
    let origin = Origin::start();
    let proxy = Origin::proxy(&format!("http://{}/events", origin.address), &["--impair", "cut-after=14s"]);
    let url = format!("http://{}/events", proxy.address);
    let report = diagnose(&url, &["--thorough", "--idle-max", "16s"]).end();
    assert_eq!(
        (&report["verdict"], &report["cause"]["id"]),
        (&json!("real-time"), &json!("lifetime-limit")),
        "{report}"
    );
    assert!((13.5..15.0).contains(&report["lifetime_cut_s"].as_f64().unwrap()), "{report}");
    assert!(report["idle_cut_s"].is_null(), "{report}");
}
