//! What clients do to a stream that runs: half-close it, reset it, send into it, leave it.

use std::io::{ErrorKind, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::refusal;
use crate::common::gauge::Gauge;
use crate::common::witness::Scene;
use crate::common::{Client, Origin, eventually};

/// How soon a hang-up must be in the log, though no event is due for an hour. It takes a millisecond; the rest is for a
/// busy machine.
const AT_ONCE: Duration = Duration::from_secs(2);

/// A stream with an id of its own, its head and hello read.
fn open(origin: &Origin, id: &str, parameters: &str) -> Client {
    let (mut client, _) = origin.open(&format!("/events?id={id}-0123456789abcdef&{parameters}"));
    client.read_event();
    client
}

/// Waits until the stream is closed; returns the log line.
fn closed(origin: &Origin, id: &str) -> String {
    let since = Instant::now();
    let line = origin.wait_log(&["stream closed", &format!("id={id}-")]);
    let after = since.elapsed();
    assert!(after < AT_ONCE, "the hang-up was noticed after {after:?}");
    line
}

#[test]
fn a_half_closed_client_gets_its_events_without_spinning() {
    const EVENTS: u32 = 20;
    let origin = Origin::start();
    let gauge = Gauge(origin.pid());
    let mut client = open(&origin, "half", "interval=100ms&heartbeat=0");
    let before = gauge.cpu();
    client.half_close();
    for seq in 1..=EVENTS {
        assert_eq!(client.read_event().json()["seq"], seq);
    }
    let used = gauge.cpu() - before;
    assert!(used < Duration::from_millis(200), "{used:?} for {EVENTS} events");
    drop(client);
    let line = closed(&origin, "half");
    assert!(line.contains("by=client") && line.contains("closed the connection"), "{line}");
    Scene::of(origin).check();
}

#[test]
fn a_request_that_is_half_closed_at_once_is_served() {
    let mut scene = Scene::new();
    for n in 0..200 {
        let (framing, end) = [("chunked", "\r\n0\r\n\r\n"), ("close", "\n\n")][n % 2];
        let mut client = scene.origin.connect();
        client.ask(&format!("/events?count=2&interval=2ms&framing={framing}"));
        client.half_close();
        let answer = String::from_utf8(client.read_to_end()).unwrap();
        assert!(answer.contains("\"seq\":2") && answer.ends_with(end), "{framing}, time {n}: {answer:?}");
    }
    scene.check();
}

#[test]
fn a_reset_is_noticed_at_once() {
    let mut scene = Scene::new();
    let clients: Vec<_> =
        ["chunked", "close", "length&count=9", "chunked&encoding=gzip"].into_iter().enumerate().collect();
    for (n, framing) in clients {
        let id = format!("reset{n}");
        let (mut client, _) =
            scene.origin.open(&format!("/events?id={id}-0123456789abcdef&interval=1h&framing={framing}"));
        client.read_until(if framing.ends_with("gzip") { b"\x1f\x8b" } else { b"event: hello" });
        client.reset();
        let line = closed(&scene.origin, &id);
        assert!(line.contains("by=client") && line.contains("reason=\"reset the connection\""), "{line}");
    }
    scene.check();
}

#[test]
fn a_reset_during_a_delay_is_noticed_at_once() {
    let mut scene = Scene::new();
    for (n, delay) in ["delay=5m", "head_delay=5m"].into_iter().enumerate() {
        let id = format!("delay{n}");
        let client = scene.origin.get(&format!("/events?id={id}-0123456789abcdef&{delay}"));
        scene.origin.wait_log(&["stream opened", &id]);
        client.reset();
        assert!(closed(&scene.origin, &id).contains("by=client"));
    }
    scene.check();
}

#[test]
fn what_comes_behind_a_request_waits_until_its_stream_ended() {
    let mut scene = Scene::new();
    let mut client = open(&scene.origin, "behind", "count=5&interval=20ms");
    client.send("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n\0garbage");
    for seq in 1..=5 {
        assert_eq!(client.read_event().json()["seq"], seq);
    }
    assert!(client.read_chunk().is_none());
    assert_eq!(client.read_response().1, "ok\n");
    assert_eq!(refusal(&mut client).0, 400);
    scene.check();
}

/// Sends garbage until nothing more is taken; returns how much that was.
fn flood(stream: &TcpStream) -> usize {
    let garbage = [b'x'; 65_536];
    let mut sent = 0;
    stream.set_nonblocking(true).unwrap();
    loop {
        match (&*stream).write(&garbage) {
            Ok(taken) => sent += taken,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => panic!("after {sent} bytes: {error}"),
        }
    }
    stream.set_nonblocking(false).unwrap();
    sent
}

#[test]
fn a_flood_behind_a_request_neither_disturbs_its_stream_nor_takes_memory() {
    let mut scene = Scene::new();
    let mut client = open(&scene.origin, "flood", "interval=20ms&heartbeat=100ms");
    let before = scene.gauge().peak_memory();
    assert!(flood(&client.stream) > 100_000);
    for seq in 1..=20 {
        assert_eq!(client.read_event().json()["seq"], seq);
    }
    let more = scene.gauge().peak_memory() - before;
    assert!(more < 1024, "{more} KiB more");
    // Its FIN can't pass what the server does not read, but the next event is answered with a reset.
    drop(client);
    assert!(closed(&scene.origin, "flood").contains("by=client"));
    scene.check();
}

#[test]
fn hundreds_of_clients_that_leave_at_once_are_noticed_at_once() {
    let mut scene = Scene::new();
    let before = scene.gauge().holdings();
    let clients: Vec<_> = (0..300).map(|_| scene.origin.open("/events?interval=1h").0).collect();
    drop(clients);
    let since = Instant::now();
    eventually(|| {
        let closed = scene.origin.log_lines().iter().filter(|line| line.contains("stream closed")).count();
        (closed == 300).then_some(())
    });
    assert!(since.elapsed() < AT_ONCE, "{:?}", since.elapsed());
    scene.gauge().wait_for(before);
    scene.check();
}
