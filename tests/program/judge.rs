//! Recordings that are posted, over raw TCP.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::common::{Client, Head, Origin};

/// The recording of a story.
fn recording(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/stories/{name}.json"));
    let mut story: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    story["recording"].take()
}

fn post(origin: &Origin, fields: &str, body: &str) -> (Head, String) {
    let mut client = origin.connect();
    send(&mut client, fields, body);
    client.read_response()
}

fn send(client: &mut Client, fields: &str, body: &str) {
    let length = body.len();
    client.send(format!("POST /judge HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n{fields}\r\n{body}"));
}

const JSON: &str = "Content-Type: application/json\r\n";

fn judged(origin: &Origin, recording: &Value) -> Value {
    let (head, body) = post(origin, JSON, &recording.to_string());
    assert_eq!((head.status, head.get("content-type")), (200, Some("application/json")), "{body}");
    assert_eq!(head.get("access-control-allow-origin"), None, "no other page may read it");
    assert_eq!(head.get("cache-control"), Some("no-store"));
    serde_json::from_str(&body).unwrap()
}

#[test]
fn origin_and_relay_judge_recordings_of_probes() {
    let origin = Origin::start();
    let relay = Origin::proxy(&format!("http://{}/events", origin.address), &[]);
    for server in [&origin, &relay] {
        for (name, verdict, kind) in [
            ("batched-3s", "batched", "time"),
            ("recorded-nginx-504", "not-sse", "unknown"),
            ("silent", "silent", "unknown"),
        ] {
            let judged = judged(server, &recording(name));
            assert_eq!((&judged["verdict"], &judged["hold"]["kind"]), (&json!(verdict), &json!(kind)), "{name}");
            assert_eq!(judged["schema"], 1);
        }
    }
    assert!(origin.log_lines().iter().all(|line| !line.contains("judge")), "nothing is logged");
}

#[test]
fn an_answer_has_the_form_that_is_accepted() {
    let origin = Origin::start();
    let recording = recording("until-close").to_string();
    let (head, text) = post(&origin, &format!("{JSON}Accept: text/plain\r\n"), &recording);
    assert_eq!(head.get("content-type"), Some("text/plain; charset=utf-8"));
    assert!(text.lines().last().unwrap().starts_with("VERDICT held-until-close "), "{text}");
    let (head, page) = post(&origin, &format!("{JSON}Accept: text/html, */*\r\n"), &recording);
    assert_eq!(head.get("content-security-policy"), Some("sandbox"));
    assert!(head.get("content-disposition").unwrap().starts_with("attachment"));
    assert!(page.starts_with("<!DOCTYPE html>") && page.contains("held-until-close"));
    let (head, _) = post(&origin, &format!("{JSON}Accept: image/png\r\n"), &recording);
    assert_eq!(head.status, 406);
}

#[test]
fn what_is_no_recording_is_refused_in_plain_words() {
    let origin = Origin::start();
    let with = |key: &str, value: Value| {
        let mut recording = recording("silent");
        recording[key] = value;
        recording.to_string()
    };
    let stream = |key: &str, value: Value| {
        let mut recording = recording("real-time-near");
        recording["streams"][0][key] = value;
        recording.to_string()
    };
    let nested = format!("{}1{}", "[".repeat(17), "]".repeat(17));
    let many = Value::Array(vec![recording("silent")["streams"][0].clone(); 65]);
    let cases = [
        (400, "{}".to_owned(), "missing field"),
        (400, String::new(), "can't be read"),
        (400, with("schema", json!(2)), "schema 2"),
        (400, with("unix_us", json!(-1)), "unix_us"),
        (400, with("within_ms", json!(-1)), "within_ms"),
        (400, with("colour", json!(1)), "colour"),
        (400, with("live", json!({"phase": "sleeping"})), "sleeping"),
        (413, with("program", serde_json::from_str(&nested).unwrap()), "levels of nesting"),
        (413, with("streams", many), "65 streams"),
        (413, with("stalls", json!(vec![[0, 1]; 4001])), "4001 stalls"),
        (413, stream("comments", json!(vec![1; 20_001])), "20001 comments"),
        (400, stream("body", json!("aGVsbG8=")), "leave it out"),
        (400, stream("interval_us", json!(0)), "interval_us"),
        (400, stream("reads", json!([[5, 0, 10], [4, 10, 10]])), "read 1"),
        (400, stream("events", json!([[5, 0, 1_000_000_000, 1, 1]])), "after the last read"),
        (413, format!("\"{}\"", "x".repeat(1024 * 1024)), ""),
    ];
    for (status, body, part) in cases {
        let (head, text) = post(&origin, JSON, &body);
        assert_eq!(head.status, status, "{part}: {text}");
        assert!(text.contains(part) && text.lines().count() == 1, "{part}: {text}");
    }
    let types = ["", "Content-Type: text/plain\r\n", "Content-Type: application/x-www-form-urlencoded\r\n"];
    for fields in types {
        let (head, text) = post(&origin, fields, &recording("silent").to_string());
        assert_eq!((head.status, head.get("access-control-allow-origin")), (415, None), "{text}");
    }
    let mut client = origin.connect();
    client.send("GET /judge HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(client.read_response().0.status, 405);
}

#[test]
fn eight_recordings_are_judged_at_a_time() {
    let origin = Origin::start();
    let recording = recording("silent").to_string();
    let length = recording.len();
    let mut waiting: Vec<Client> = (0..8).map(|_| origin.connect()).collect();
    for client in &mut waiting {
        let head = format!("POST /judge HTTP/1.1\r\nHost: localhost\r\n{JSON}Content-Length: {length}\r\n");
        client.send(format!("{head}Expect: 100-continue\r\n\r\n"));
        client.read_until(b"100 Continue\r\n\r\n");
    }
    let (head, text) = post(&origin, JSON, &recording);
    assert_eq!((head.status, head.get("retry-after")), (429, Some("5")), "{text}");
    for mut client in waiting {
        client.send(&recording);
        assert_eq!(client.read_response().0.status, 200);
    }
    let (head, text) = post(&origin, JSON, &recording);
    assert_eq!(head.status, 200, "and again: {text}");
}

#[test]
fn a_diagnosis_is_told_what_to_look_at_until_it_is_finished() {
    let origin = Origin::start();
    let relay = Origin::proxy(&format!("http://{}/events", origin.address), &[]);
    for server in [&origin, &relay] {
        let mut diagnosis = json!({
            "schema": 1, "kind": "diagnose", "request": {"url": "http://localhost:3000/events", "method": "GET"},
            "unix_us": 1_763_724_597_000_000_i64, "elapsed_us": 0, "observer": {"is_browser": true, "at_once": 5},
            "clock": {"exchanges": [[0, 500, 1000]]}, "streams": [],
        });
        let first = judged(server, &diagnosis);
        assert_eq!((&first["kind"], &first["at_once"]), (&json!("diagnose"), &json!(5)));
        let looks = first["next"].as_array().unwrap();
        assert_eq!((&looks[0]["variant"], &looks[0]["query"]), (&json!("plain"), &json!("accel=none&cache=none")));
        let streams = looks.iter().flat_map(|look| {
            let of_look = |stream: &Value| {
                json!({
                    "name": stream["name"], "interval_us": stream["interval_us"], "size": stream["size"],
                    "count": stream["count"], "round": look["round"], "variant": look["variant"], "role": look["role"],
                    "requested_us": 2000, "head": {"at_us": 3000, "status": 404},
                })
            };
            look["streams"].as_array().unwrap().iter().map(of_look).collect::<Vec<_>>()
        });
        diagnosis["streams"] = streams.collect();
        diagnosis["elapsed_us"] = json!(1_000_000);
        let last = judged(server, &diagnosis);
        assert_eq!((&last["next"], &last["verdict"]), (&json!([]), &json!("not-sse")), "{last:#}");
        assert_eq!(last["progress"]["left_ms"], 119_000);
        assert!(last["notes"].to_string().contains("identity or gzip"));
        diagnosis["streams"][3]["variant"] = json!("miracle");
        let (head, text) = post(server, JSON, &diagnosis.to_string());
        assert!(head.status == 400 && text.contains("its variant"), "{text}");
    }
}
