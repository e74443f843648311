//! Clients that leave, clients that stop reading, crowds, and the order to stop.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::Scene;
use crate::common::gauge::Gauge;
use crate::common::raw::{CHUNKED, CLOSED, LAST, chunk};
use crate::common::{Client, PATIENCE};

/// How soon the target must know that a client is gone. It takes a millisecond; the rest is for a busy machine.
const AT_ONCE: Duration = Duration::from_secs(2);
/// How soon the program must be gone, whatever its clients and the target do.
const SOON: Duration = Duration::from_secs(2);

/// Drops a client; returns when its target's connection has ended.
fn leave(client: Client, target: &mut Client) -> Duration {
    let since = Instant::now();
    drop(client);
    assert!(target.is_at_end());
    since.elapsed()
}

#[test]
fn the_target_knows_at_once_that_a_client_is_gone() {
    let scene = Scene::new();
    let mut least = Duration::MAX;
    for round in 0..5 {
        let (client, _, mut target) = scene.answered(if round % 2 == 0 { CHUNKED } else { CLOSED });
        let after = leave(client, &mut target);
        assert!(after < AT_ONCE, "{after:?}");
        least = least.min(after);
    }
    assert!(least < Duration::from_millis(100), "{least:?}");
    scene.proxy.wait_log(&["relay closed id=5", "by=client", "closed the connection"]);
}

#[test]
fn the_target_knows_it_before_it_has_answered() {
    let scene = Scene::new();
    let client = scene.proxy.get("/events");
    let (mut target, _) = scene.target.request();
    assert!(leave(client, &mut target) < AT_ONCE);
}

#[test]
fn a_client_that_resets_and_one_that_half_closes_are_gone() {
    let scene = Scene::new();
    let (client, mut target) = scene.streaming();
    client.reset();
    assert!(target.is_at_end());
    scene.proxy.wait_log(&["relay closed id=1", "by=client", "reset the connection"]);
    let (client, mut target) = scene.streaming();
    client.half_close();
    assert!(target.is_at_end());
}

#[test]
fn what_a_client_sends_behind_its_request_is_the_next_one() {
    let scene = Scene::new();
    let (mut client, mut target) = scene.streaming();
    client.ask("/healthz");
    target.send(chunk("data: a\n\n"));
    assert_eq!(client.read_chunk().unwrap().bytes, b"data: a\n\n");
    target.send(LAST);
    assert!(client.read_chunk().is_none());
    assert_eq!(client.read_response().1, "ok\n");
}

#[test]
fn a_client_that_never_reads_is_dropped_and_the_target_told() {
    let scene = Scene::new();
    let mut client = Client::lazy(scene.proxy.address);
    client.ask("/events");
    let mut target = scene.target.stream();
    let (mut witness, mut other) = scene.streaming();
    let since = Instant::now();
    let piece = chunk(vec![b'x'; 64 * 1024]);
    target.stream.set_write_timeout(Some(2 * PATIENCE)).unwrap();
    // Sent until nobody takes it any more.
    while std::io::Write::write_all(&mut target.stream, &piece).is_ok() {}
    let line = scene.proxy.wait_log_for(&["relay closed id=1", "by=client"], Duration::from_secs(30));
    let after = since.elapsed();
    assert!(line.contains("reading"), "{line}");
    assert!((Duration::from_secs(5)..Duration::from_secs(30)).contains(&after), "{after:?}");
    other.send(chunk("data: a\n\n"));
    assert_eq!(witness.read_chunk().unwrap().bytes, b"data: a\n\n", "nobody else is held up");
    assert!(Gauge(scene.proxy.pid()).memory() < 64 * 1024);
}

#[test]
fn a_stop_breaks_all_relays_off() {
    for signal in [Signal::INT, Signal::TERM] {
        let mut scene = Scene::new();
        let (mut open, mut target) = scene.streaming();
        let mut headless = scene.proxy.get("/events");
        let (mut silent, _) = scene.target.request();
        let (mut stuck, mut flooding) = {
            let mut client = Client::lazy(scene.proxy.address);
            client.ask("/events");
            (client, scene.target.stream())
        };
        flooding.stream.set_nonblocking(true).unwrap();
        let piece = chunk(vec![b'x'; 64 * 1024]);
        while std::io::Write::write(&mut flooding.stream, &piece).is_ok() {}
        let idle = scene.proxy.connect();

        let since = Instant::now();
        scene.proxy.signal(signal);
        let status = scene.proxy.wait();
        let after = since.elapsed();
        assert_eq!(status.code(), Some(0), "{:#?}", scene.proxy.log_lines());
        assert!(after < SOON, "{after:?}");
        // The target has not ended, so that there is no end.
        assert!(open.is_at_end() && headless.is_at_end());
        assert!(target.is_at_end() && silent.is_at_end());
        drop((stuck.take_buffered(1), idle));
        let log = scene.proxy.whole_log().join("\n");
        assert!(log.contains("by=shutdown reason=\"the proxy stops\""), "{log}");
        assert!(!log.contains("panicked"), "{log}");
    }
}

#[test]
fn a_client_that_never_reads_is_seen_off_as_such() {
    let scene = Scene::with(&["--early", "--pad-every", "100ms:1m", "--impair", "keep-origin-open"]);
    let mut client = Client::lazy(scene.proxy.address);
    client.ask("/events");
    let (mut target, _) = scene.target.request();
    let line = scene.proxy.wait_log_for(&["is gone", "the target is not told"], Duration::from_secs(30));
    assert!(line.contains("stopped reading"), "{line}");
    target.send([CHUNKED.into(), chunk("data: a\n\n"), LAST.into()].concat());
    scene.proxy.wait_log(&["relay closed id=1", "by=client", "stopped reading"]);
}
