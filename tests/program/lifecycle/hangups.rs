//! Clients that leave, and clients that stop reading.

use std::time::{Duration, Instant};

use super::{id, never_reading, value};
use crate::common::Origin;
use crate::common::gauge::Gauge;

/// How soon a hang-up must be known, though no event is due for an hour. It takes a millisecond; the rest is for a busy
/// machine.
const AT_ONCE: Duration = Duration::from_secs(2);

#[test]
fn a_client_that_closes_is_noticed_at_once() {
    let origin = Origin::start();
    for framing in ["chunked", "close", "chunked&encoding=gzip", "chunked&stream=common"] {
        let id = id(&framing.replace(['&', '='], "-"));
        let (mut client, _) = origin.open(&format!("/events?id={id}&interval=1h&heartbeat=0&framing={framing}"));
        client.read_until(if framing.contains("gzip") { b"\x1f\x8b" } else { b"}\n\n" });
        let state = origin.fetch(&format!("/streams/{id}")).1;
        assert!(state.contains(r#""state":"open""#), "{state}");
        let since = Instant::now();
        drop(client);
        let line = origin.wait_log(&["stream closed", &id]);
        assert!(since.elapsed() < AT_ONCE, "{framing}: {:?}", since.elapsed());
        assert_eq!(value(&line, "by"), "client");
        assert!(line.contains("closed the connection") || line.contains("reset the connection"), "{line}");
        let ended = origin.ended(&id);
        assert_eq!((&ended["state"], &ended["ended_by"]), (&"ended".into(), &"client".into()), "{ended}");
        assert!(line.contains(&format!("reason={}", ended["reason"])), "{line} {ended}");
        assert_eq!(ended["events"], 0);
        assert!(ended["ended_us"].as_u64() > ended["opened_us"].as_u64());
    }
}

#[test]
fn a_client_that_closes_where_nothing_may_be_written_is_noticed_at_once() {
    let origin = Origin::start();
    for (name, query) in [("body", "delay=5m"), ("head", "head_delay=5m"), ("length", "framing=length&count=1")] {
        let id = id(name);
        let client = origin.get(&format!("/events?id={id}&interval=1h&{query}"));
        origin.wait_log(&["stream opened", &id]);
        let since = Instant::now();
        drop(client);
        assert_eq!(value(&origin.wait_log(&["stream closed", &id]), "by"), "client");
        assert!(since.elapsed() < AT_ONCE, "{query}: {:?}", since.elapsed());
    }
}

#[test]
fn a_client_that_stops_reading_a_slow_stream_is_dropped_for_that_reason() {
    let origin = Origin::start();
    let id = id("paused");
    // The send buffer has room for minutes, but the client has none.
    let _paused = never_reading(&origin, &id, "size=1k&interval=100ms");
    let line = origin.wait_log_for(&["stream closed", &id], Duration::from_secs(40));
    assert_eq!(value(&line, "by"), "client");
    assert!(line.contains("read"), "its machine answers, so that it did not vanish: {line}");
}

#[test]
fn a_client_that_stops_reading_is_dropped_after_the_write_timeout_alone() {
    let origin = Origin::start();
    let (mut witness, _) = origin.open("/events?interval=100ms");
    let since = Instant::now();
    let id = id("stuck");
    // Events that fill the send buffer soon.
    let _stuck = never_reading(&origin, &id, "size=256k&interval=20ms");
    let line = origin.wait_log_for(&["stream closed", &id], Duration::from_secs(30));
    let after = since.elapsed();
    assert_eq!(value(&line, "by"), "client");
    assert!(line.contains("reading"), "{line}");
    assert!((Duration::from_secs(5)..Duration::from_secs(17)).contains(&after), "{after:?}");
    assert!(origin.ended(&id)["reason"].as_str().unwrap().contains("reading"));
    witness.read_event();
    for seq in 1..after.as_millis() as u64 / 100 {
        assert_eq!(witness.read_event().json()["seq"], seq);
    }
    assert!(Gauge(origin.pid()).memory() < 64 * 1024);
}
