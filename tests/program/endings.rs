//! How a stream ends, and what its id tells of it while it runs and afterwards.

use std::time::{Duration, Instant};

use crate::common::{Client, Head, Origin, PATIENCE, eventually};
use flate2::read::GzDecoder;
use serde_json::{Value, json};
use sse_argo_tester::origin::config::Config;
use sse_argo_tester::server::timeouts::Timeouts;
use sse_argo_tester::shutdown::Stop;

/// The body of a stream to its end, before transfer coding.
fn body(client: &mut Client, head: &Head) -> Vec<u8> {
    match (head.get("Transfer-Encoding"), head.get("Content-Length")) {
        (Some(_), _) => client.read_chunks().into_iter().flat_map(|chunk| chunk.bytes).collect(),
        (None, Some(length)) => client.read_exact(length.parse().unwrap()),
        (None, None) => client.read_to_end(),
    }
}

#[test]
fn abort_resets_the_connection_without_a_terminator() {
    let origin = Origin::start();
    for query in
        ["count=2", "count=2&framing=close", "count=2&framing=length", "duration=80ms", "count=2&encoding=gzip"]
    {
        let (mut client, head) = origin.open(&format!("/events?end=abort&interval=30ms&{query}"));
        let received = client.read_to_reset();
        assert!(!received.ends_with(b"0\r\n\r\n"), "{query}");
        assert!(received.len() > 300, "{query}: what was sent before arrives");
        if head.get("Content-Encoding").is_none() {
            assert!(String::from_utf8_lossy(&received).contains("id: 2\n"), "{query}");
        }
        origin.wait_log(&["stream closed", " by=abort ", " events=2 "]);
    }
}

#[test]
fn clean_ends_are_those_of_the_framing() {
    let origin = Origin::start();
    for query in ["", "&end=clean"] {
        let (mut client, _) = origin.open(&format!("/events?interval=10ms&count=1{query}"));
        let all = client.read_until(b"0\r\n\r\n");
        assert!(all.text().ends_with("}\n\n\r\n0\r\n\r\n"), "{}", all.text());
        let (mut client, _) = origin.open(&format!("/events?interval=10ms&count=1&framing=close{query}"));
        assert!(client.read_to_end().ends_with(b"}\n\n"));
    }
}

#[test]
fn an_open_stream_can_be_asked_about_by_its_id() {
    let origin = Origin::start();
    let (mut client, _) = origin.open("/events?interval=10ms");
    let id = client.read_event().json()["id"].as_str().unwrap().to_owned();
    assert!((16..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric()), "{id}");
    client.read_event();
    client.read_event();
    let (head, body) = origin.fetch(&format!("/streams/{id}"));
    assert_eq!((head.status, head.get("Content-Type")), (200, Some("application/json")));
    assert_eq!(head.get("Cache-Control"), Some("no-store"));
    let report: Value = serde_json::from_str(&body).unwrap();
    assert!(report["events"].as_u64().unwrap() >= 1 && report["bytes"].as_u64().unwrap() > 300, "{body}");
    let expected = format!(
        "{{\"id\":\"{id}\",\"state\":\"open\",\"ended_by\":null,\"reason\":null,\"events\":{},\"bytes\":{},\
         \"opened_us\":{},\"ended_us\":null}}",
        report["events"], report["bytes"], report["opened_us"]
    );
    assert_eq!(body.trim_end(), expected);
}

#[test]
fn an_ended_stream_tells_how_it_ended() {
    let origin = Origin::start();
    let cases = [
        ("count=2", "count", "all events that were asked for are sent"),
        ("duration=50ms", "duration", "its time is over"),
        ("count=2&end=abort", "abort", "reset as asked for"),
    ];
    for (query, by, reason) in cases {
        let id = format!("ended-by-{by}-123");
        let (mut client, _) = origin.open(&format!("/events?interval=20ms&id={id}&{query}"));
        let hello = client.read_event().json();
        assert_eq!(hello["id"], id);
        client.read_event();
        client.read_event();
        let report = origin.ended(&id);
        assert_eq!(report["state"], "ended");
        assert_eq!((&report["ended_by"], &report["reason"]), (&json!(by), &json!(reason)));
        assert_eq!(report["events"], 2);
        let us = |value: &Value| value.as_u64().unwrap();
        let (opened, ended) = (us(&report["opened_us"]), us(&report["ended_us"]));
        assert!(opened <= us(&hello["sent_us"]) && opened + 40_000 <= ended, "{report}");
    }
    let (client, _) = origin.open("/events?interval=1h&id=ended-by-client-123");
    drop(client);
    let report = origin.ended("ended-by-client-123");
    assert_eq!((&report["ended_by"], &report["events"]), (&json!("client"), &json!(0)));
}

#[test]
fn the_bytes_of_a_stream_are_those_of_its_body() {
    let origin = Origin::start();
    let cases = [
        "count=3",
        "count=3&framing=close",
        "count=3&framing=length",
        "count=12&size=5000&event=tick",
        "count=1&pad=70000",
        "interval=1h&heartbeat=100ms&duration=250ms",
        "count=3&encoding=gzip",
    ];
    let mut wrong = Vec::new();
    for (n, query) in cases.iter().enumerate() {
        let id = format!("bytes-of-a-stream-{n}");
        let interval = if query.contains("interval") { "" } else { "interval=10ms&" };
        let (mut client, head) = origin.open(&format!("/events?{interval}id={id}&{query}"));
        let received = body(&mut client, &head).len();
        let told = origin.ended(&id)["bytes"].as_u64().unwrap();
        if told != received as u64 {
            wrong.push(format!("{query}: received {received}, told {told}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_gzip_body_is_whole_whatever_frames_it() {
    let origin = Origin::start();
    for framing in ["chunked", "close"] {
        let query = format!("interval=10ms&count=2&encoding=gzip&framing={framing}");
        let (mut client, head) = origin.open(&format!("/events?{query}"));
        let body = body(&mut client, &head);
        let text = std::io::read_to_string(GzDecoder::new(body.as_slice())).unwrap();
        assert_eq!(text.matches("\n\n").count(), 3, "{framing}: {text}");
    }
}

#[test]
fn an_id_is_taken_while_its_stream_is_open() {
    let origin = Origin::start();
    for id in ["0123456789-_aZ56".to_owned(), "x".repeat(64)] {
        let target = format!("/events?interval=20ms&id={id}");
        let (mut first, _) = origin.open(&target);
        assert_eq!(first.read_event().json()["id"], id);
        let (head, text) = origin.fetch(&target);
        assert_eq!(head.status, 409);
        assert!(text.contains("id is open") && !text.contains(&id), "{text}");
        let state = |origin: &Origin| origin.fetch(&format!("/streams/{id}")).1;
        assert!(state(&origin).contains("\"state\":\"open\""));
        assert_eq!(first.read_event().field("id"), Some("1"), "the first stream goes on");

        drop(first);
        origin.wait_log(&["stream closed", &id]);
        let (mut second, _) = origin.open(&format!("{target}&count=1"));
        assert_eq!(second.read_event().json()["id"], id);
        second.read_chunks();
    }
}

#[test]
fn an_id_is_free_at_once_for_a_client_that_has_seen_the_end() {
    let origin = Origin::start();
    for _ in 0..200 {
        let (mut client, _) = origin.open("/events?interval=1ms&count=1&id=again-and-again-1");
        client.read_chunks();
    }
}

#[test]
fn ids_that_no_stream_has_are_not_found() {
    let origin = Origin::start();
    for id in ["0123456789abcdef", "x", "..%2f", "0123456789abcdef/x", "%00"] {
        let (head, text) = origin.fetch(&format!("/streams/{id}"));
        assert_eq!((head.status, head.get("Cache-Control")), (404, Some("no-store")), "{id}");
        assert_eq!(text, "no stream with this id is open or ended lately\n");
    }
}

#[test]
fn a_client_that_never_reads_is_dropped_after_the_write_timeout() {
    let config = Config::new("127.0.0.1:0".parse().unwrap());
    let timeouts = Timeouts { write: Duration::from_millis(300), ..config.timeouts };
    let server = sse_argo_tester::origin::Origin::start(Config { timeouts, ..config }).unwrap();
    let address = server.addresses()[0];
    let start = Instant::now();
    let mut deaf = Client::lazy(address);
    deaf.ask("/events?interval=5ms&size=64k&id=the-deaf-client-01");
    assert_eq!(deaf.read_head().status, 200);
    let report = eventually(|| {
        let mut client = Client::connect(address);
        client.ask("/streams/the-deaf-client-01");
        let report: Value = serde_json::from_str(&client.read_response().1).unwrap();
        (report["state"] == "ended").then_some(report)
    });
    assert!(start.elapsed() >= timeouts.write && start.elapsed() < PATIENCE);
    assert_eq!(report["ended_by"], "client");
    assert!(report["reason"].as_str().unwrap().starts_with("stopped reading"), "{report}");
    let hurry = Stop::new().unwrap();
    hurry.trigger();
    server.stop(&hurry);
}
