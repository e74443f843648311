//! What an origin that the world can reach does not exceed.

use std::time::{Duration, Instant};

use crate::common::{Client, Head, Origin, eventually};

/// A response that must be 503, and say when to come back and why.
fn assert_unavailable((head, text): (Head, String), why: &str) {
    assert_eq!((head.status, head.get("Retry-After")), (503, Some("5")), "{}", head.text);
    assert!(text.contains(why) && text.contains("later"), "{text}");
}

/// Waits until a request is no longer answered with 503, and returns its head and the client.
fn until_served(origin: &Origin, target: &str) -> (Head, Client) {
    eventually(|| {
        let mut client = origin.get(target);
        let head = client.read_head();
        (head.status != 503).then_some((head, client))
    })
}

#[test]
fn no_more_streams_than_allowed_are_open() {
    let origin = Origin::with(&["--max-streams", "1"]);
    let (mut first, _) = origin.open("/events?interval=1h");
    first.read_event();
    let mut second = origin.connect();
    for query in ["", "?stream=named"] {
        second.ask(&format!("/events{query}"));
        assert_unavailable(second.read_response(), "1 streams are open");
    }
    second.ask("/time");
    assert_eq!(second.read_response().0.status, 200, "the rest is served");
    drop(first);
    origin.wait_log(&["stream closed"]);
    second.ask("/events?count=0");
    assert_eq!(second.read_head().status, 200, "its place is free again");
    assert_eq!(second.read_chunks().len(), 1);
    second.ask("/events?count=0");
    assert_eq!(second.read_head().status, 200, "and once more on the same connection");
}

#[test]
fn no_more_connections_than_allowed_are_open() {
    let origin = Origin::with(&["--max-connections", "2"]);
    let (first, _) = origin.open("/events?interval=1h");
    let (_second, _) = origin.open("/events?interval=1h");
    let mut third = origin.connect();
    assert_unavailable(third.read_response(), "2 connections are open");
    assert!(third.is_at_end());
    origin.wait_log(&["WARN", "2 connections are open"]);
    let mut asking = origin.get("/time");
    let (head, text) = asking.read_response();
    assert_eq!(head.get("Connection"), Some("close"));
    assert_unavailable((head, text), "2 connections are open");
    drop(first);
    let (head, mut client) = until_served(&origin, "/events?count=0");
    assert_eq!(head.status, 200);
    assert_eq!(client.read_chunks().len(), 1);
}

#[test]
fn connections_are_not_kept_when_more_than_three_quarters_are_taken() {
    for (max, streams, kept) in [(2, 0, true), (2, 1, false), (3, 1, true), (4, 2, true), (4, 3, false)] {
        let origin = Origin::with(&["--max-connections", &max.to_string()]);
        let _streams: Vec<_> = (0..streams).map(|_| origin.open("/events?interval=1h")).collect();
        let (head, _) = origin.fetch("/time");
        assert_eq!(head.status, 200);
        assert_eq!(head.get("Connection").is_none(), kept, "{} of {max} are taken", streams + 1);
    }
}

#[test]
fn all_streams_together_take_no_more_than_the_rate() {
    let origin = Origin::with(&["--max-rate", "100k"]);
    for query in [
        "size=110k",
        "size=1k&interval=5ms",
        "encoding=gzip",
        "interval=1h&size=128k",
        "heartbeat=500ms&heartbeat_pad=50k",
    ] {
        assert_unavailable(origin.fetch(&format!("/events?{query}")), "bytes a second");
    }
    let (first, _) = origin.open("/events?size=60k");
    assert_unavailable(origin.fetch("/events?size=60k"), "bytes a second");
    let (_small, _) = origin.open("/events?size=30k");
    drop(first);
    let (head, _client) = until_served(&origin, "/events?size=60k");
    assert_eq!(head.status, 200, "what a stream took is free again");
    assert_unavailable(origin.fetch("/events?size=30k"), "bytes a second");
}

#[test]
fn small_and_slow_streams_count_as_1_kib_a_second() {
    let origin = Origin::with(&["--max-rate", "4k"]);
    let _streams: Vec<_> = (0..4).map(|_| origin.open("/events?interval=1h")).collect();
    assert_unavailable(origin.fetch("/events?interval=1h"), "1024 bytes a second of the 4096");
}

#[test]
fn padding_is_within_the_rate_too() {
    let origin = Origin::with(&["--max-rate", "100k"]);
    let (_first, _) = origin.open("/events?pad=90k&interval=1h");
    assert_unavailable(origin.fetch("/events?pad=90k"), "that all streams share");
    assert_unavailable(origin.fetch("/events?pad=200k"), "that all streams share");
}

#[test]
fn no_stream_lasts_longer_than_allowed() {
    let origin = Origin::with(&["--max-duration", "200ms"]);
    for query in ["interval=1h", "interval=1h&duration=24h", "interval=20ms&stream=named", "interval=1h&silent_after=0"]
    {
        let before = Instant::now();
        let (mut client, _) = origin.open(&format!("/events?{query}"));
        let hello = client.read_event();
        client.read_chunks();
        assert!(before.elapsed() >= Duration::from_millis(200), "{query}");
        let id = hello.json()["id"].as_str().unwrap().to_owned();
        assert_eq!(origin.ended(&id)["ended_by"], "duration", "{query}");
    }
    let (mut client, _) = origin.open("/events?interval=10ms&duration=50ms");
    assert!(client.read_chunks().len() < 8, "shorter ones are as short as asked for");
}

#[test]
fn a_body_that_is_cut_short_of_its_length_ends_its_connection() {
    let origin = Origin::with(&["--max-duration", "200ms"]);
    let (mut client, head) = origin.open("/events?framing=length&count=100&interval=50ms&id=cut-short-of-length");
    client.ask("/time");
    let length: usize = head.get("Content-Length").unwrap().parse().unwrap();
    let body = client.read_to_end();
    assert!(body.len() < length);
    let text = String::from_utf8(body).unwrap();
    assert!(
        text.ends_with("}\n\n") && !text.contains("HTTP/1.1 "),
        "no response may pass for the missing body: {text}"
    );
    assert_eq!(origin.ended("cut-short-of-length")["ended_by"], "duration");
}
