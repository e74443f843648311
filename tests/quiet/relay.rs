//! What the relay adds, to one stream and to many, and what many of them take.

use std::time::{Duration, Instant};

use crate::common::gauge::{Gauge, raise_descriptor_limit};
use crate::common::machine;
use crate::common::program::Program;
use crate::common::proxy::{Scene, assert_next, join, proxy_with};
use crate::common::raw::LAST;
use crate::common::raw::chunk;
use crate::common::{Client, Origin};

/// The longest time that half of all events may take through the proxy. It is a twentieth of a millisecond; the rest is
/// for a busy machine.
const LATENCY: Duration = Duration::from_millis(5);

/// How long an event may take to a thousand clients. It is some tens of milliseconds; the rest is for a busy machine.
const SLOWEST: Duration = Duration::from_secs(2);
/// The most memory of the proxy that one of many clients of a stream may take, in KiB. It is about 15, and 22 in unoptimised builds.
const MEMORY: u64 = 48;

#[test]
fn events_are_passed_on_at_once_on_one_stream_and_on_many() {
    let _alone = machine::alone();
    let scene = Scene::new();
    for streams in [1, 200] {
        let mut pairs: Vec<(Client, Client)> = (0..streams).map(|_| scene.streaming()).collect();
        let mut times: Vec<Duration> = Vec::new();
        for _ in 0..600 / streams {
            for (client, target) in &mut pairs {
                let since = Instant::now();
                target.send(chunk("data: a\n\n"));
                let arrived = client.read_chunk().unwrap();
                times.push(arrived.at - since);
            }
        }
        times.sort();
        let median = times[times.len() / 2];
        assert!(median < LATENCY, "{median:?} with {streams} streams");
    }
}

#[test]
fn a_probe_through_the_proxy_is_real_time() {
    let _alone = machine::alone();
    probe_through(&[]);
}

#[test]
fn a_probe_of_a_shared_stream_is_real_time() {
    let _alone = machine::alone();
    probe_through(&["--share"]);
}

fn probe_through(args: &[&str]) {
    let origin = Origin::start();
    let proxy = proxy_with(&format!("http://{}/events", origin.address), args);
    let finished = Program::probe(&[&format!("http://{}/events", proxy.address), "--json"]).finish();
    let found = finished.end();
    assert_eq!((found["verdict"].as_str(), finished.code), (Some("real-time"), Some(0)), "{found}");
    assert_eq!(found["end"]["how"], "clean", "{found}");
    assert!(found["clock"].is_object(), "the origin's clock is asked through the proxy: {found}");
    assert_eq!(found["events"]["missing"], 0, "{found}");
}

#[test]
fn crowds_come_and_go_and_leave_nothing() {
    let _alone = machine::alone();
    let scene = Scene::new();
    let gauge = Gauge(scene.proxy.pid());
    drop(scene.streaming());
    scene.proxy.wait_log(&["relay closed id=1"]);
    let before = gauge.holdings();
    for round in 0..3 {
        let mut pairs: Vec<(Client, Client)> = (0..200).map(|_| scene.streaming()).collect();
        for (client, target) in &mut pairs {
            target.send(chunk("data: a\n\n"));
            assert_eq!(client.read_chunk().unwrap().bytes, b"data: a\n\n");
        }
        for (n, (client, target)) in pairs.iter_mut().enumerate() {
            match (n + round) % 3 {
                0 => target.send(LAST),
                1 => target.half_close(),
                _ => client.half_close(),
            }
        }
        drop(pairs);
        gauge.wait_for(before);
    }
    assert_eq!(scene.proxy.fetch("/healthz").0.status, 200);
}

#[test]
fn crowds_of_a_shared_stream_come_and_go_and_leave_nothing() {
    let _alone = machine::alone();
    let scene = Scene::with(&["--share"]);
    let gauge = Gauge(scene.proxy.pid());
    drop(scene.streaming());
    scene.proxy.wait_log(&["share closed id=1"]);
    let before = gauge.holdings();
    for round in 0..6 {
        let (first, mut target) = scene.streaming();
        let mut clients = vec![first];
        clients.extend((0..100).map(|_| join(&scene.proxy, "")));
        target.send(chunk("data: a\n\n"));
        assert_next(&mut clients, "data: a\n\n");
        // The first one, which asked, and others on their way leave, and new ones come meanwhile.
        clients.drain(..50);
        clients.extend((0..20).map(|_| join(&scene.proxy, "")));
        target.send(chunk("data: b\n\n"));
        assert_next(&mut clients, "data: b\n\n");
        match round % 3 {
            0 => target.send(LAST),
            1 => target.reset(),
            _ => {}
        }
        drop(clients);
        gauge.wait_for(before);
    }
    assert!(scene.target.is_idle());
}

#[test]
fn a_thousand_clients_take_a_thread_and_a_descriptor_each() {
    let _alone = machine::alone();
    const CLIENTS: usize = 1000;
    raise_descriptor_limit();
    let scene = Scene::with(&["--share"]);
    let gauge = Gauge(scene.proxy.pid());
    let (first, mut target) = scene.streaming();
    let mut clients = vec![first];
    target.send(chunk("data: a\n\n"));
    assert_next(&mut clients, "data: a\n\n");
    let (threads, descriptors, memory) = (gauge.threads(), gauge.descriptors(), gauge.memory());
    clients.extend((0..CLIENTS).map(|_| join(&scene.proxy, "")));
    let mut slowest = Duration::ZERO;
    for n in 0..20 {
        let event = format!("id: {n}\ndata: {}\n\n", "x".repeat(100));
        let since = Instant::now();
        target.send(chunk(&event));
        assert_next(&mut clients, &event);
        slowest = slowest.max(since.elapsed());
    }
    let each = (gauge.memory() - memory) / CLIENTS as u64;
    assert!(scene.target.is_idle());
    assert!(gauge.threads() <= threads + CLIENTS + 4, "{} threads", gauge.threads());
    assert!(gauge.descriptors() <= descriptors + CLIENTS + 4, "{} descriptors", gauge.descriptors());
    assert!(each <= MEMORY, "{each} KiB");
    assert!(slowest < SLOWEST, "{slowest:?}");
    drop(clients);
    assert!(target.is_at_end());
}
