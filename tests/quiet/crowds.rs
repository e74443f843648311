//! Many connections: at once, one after the other, and gone before they are accepted.

use std::net::TcpStream;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use crate::common::gauge::raise_descriptor_limit;
use crate::common::machine;
use crate::common::witness::Scene;
use crate::common::{Client, Origin, PATIENCE, eventually};

const CLOSING: &str = "GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

#[test]
fn connections_that_come_at_once_to_a_fresh_server_are_all_served() {
    let _alone = machine::alone();
    raise_descriptor_limit();
    for count in [6, 50, 200, 1000] {
        let origin = Origin::start();
        let mut clients: Vec<_> = (0..count).map(|_| origin.connect()).collect();
        for client in &mut clients {
            client.send(CLOSING);
        }
        for (n, client) in clients.iter_mut().enumerate() {
            assert_eq!(client.read_response().0.status, 200, "client {n} of {count}");
            assert!(client.is_at_end());
        }
        Scene::of(origin).check();
    }
}

#[test]
fn streams_that_are_opened_at_once_all_run() {
    let _alone = machine::alone();
    let origin = Origin::start();
    let gate = Barrier::new(50);
    thread::scope(|scope| {
        for _ in 0..50 {
            scope.spawn(|| {
                let mut client = origin.connect();
                gate.wait();
                client.ask("/events?count=3&interval=10ms");
                client.read_head();
                assert_eq!(client.read_chunks().len(), 4);
            });
        }
    });
    Scene::of(origin).check();
}

#[test]
fn connections_that_are_reset_before_they_are_accepted_harm_nobody() {
    let _alone = machine::alone();
    let mut scene = Scene::new();
    let before = scene.gauge().holdings();
    for n in 0..1000 {
        let mut client = scene.origin.connect();
        match n % 4 {
            0 => {}
            1 => client.send("GET / HT"),
            2 => client.send(CLOSING),
            _ => client.send("GET /events HTTP/1.1\r\nHost: a\r\n\r\n"),
        }
        client.reset();
    }
    scene.check();
    scene.gauge().wait_for(before);
}

/// Sends `count` requests, in turns on a connection of their own and on one that is kept alive.
fn short_requests(origin: &Origin, count: usize) {
    let mut kept = origin.connect();
    for n in 0..count / 2 {
        kept.ask("/healthz");
        assert_eq!(kept.read_response().0.status, 200, "request {n}");
        let mut own = origin.connect();
        if n % 2 == 0 {
            own.ask("/events?count=0");
            own.read_head();
            own.read_chunks();
            // A port whose connection was reset can be used again at once.
            own.reset();
        } else {
            own.send(CLOSING);
            own.read_to_end();
        }
    }
}

#[test]
fn twenty_thousand_short_requests_leave_nothing_behind() {
    let _alone = machine::alone();
    const REQUESTS: usize = 20_000;
    const CLIENTS: usize = 4;
    const TIME_MAX: Duration = Duration::from_secs(60);
    const MORE_KIB_MAX: u64 = 8 * 1024;
    let mut scene = Scene::new();
    // What is remembered of ended streams is part of the measure from the start.
    short_requests(&scene.origin, 200);
    let gauge = scene.gauge();
    let (before, memory) = (gauge.holdings(), gauge.memory());
    let since = Instant::now();
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| short_requests(&scene.origin, REQUESTS / CLIENTS));
        }
    });
    assert!(since.elapsed() < TIME_MAX, "{:?}", since.elapsed());
    scene.check();
    gauge.wait_for(before);
    let more = gauge.memory().saturating_sub(memory);
    assert!(more < MORE_KIB_MAX, "{more} KiB more");
}

/// The answer to a connection that is one too many: 503 with a reason, or a close without a word.
fn is_turned_away(mut client: Client) -> bool {
    let answer = String::from_utf8(client.read_to_end()).unwrap();
    assert!(answer.is_empty() || answer.contains("\r\nRetry-After: "), "{answer}");
    answer.is_empty() || answer.starts_with("HTTP/1.1 503 ")
}

#[test]
fn connections_beyond_the_cap_are_turned_away_until_there_is_room() {
    let _alone = machine::alone();
    let mut scene = Scene::of(Origin::with(&["--max-connections", "20"]));
    let streams: Vec<_> = (0..19).map(|_| scene.origin.open("/events?interval=1h").0).collect();
    let many: Vec<_> = (0..100).map(|_| scene.origin.connect()).collect();
    for client in many {
        assert!(is_turned_away(client));
    }
    scene.origin.wait_log(&["[WARN]", "further ones get 503"]);
    let warnings = |origin: &Origin| origin.log_lines().iter().filter(|line| line.contains("[WARN]")).count();
    assert_eq!(warnings(&scene.origin), 1, "{:?}", scene.origin.log_lines());
    drop(streams);
    eventually(|| {
        let mut client = scene.origin.connect();
        client.send(CLOSING);
        client.read_to_end().starts_with(b"HTTP/1.1 200").then_some(())
    });
    scene.check();
}

#[test]
fn a_client_that_never_reads_its_answers_is_given_up_alone() {
    let _alone = machine::alone();
    let mut scene = Scene::new();
    let stuck = TcpStream::connect(scene.origin.address).unwrap();
    stuck.set_nonblocking(true).unwrap();
    let page = "GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(100);
    let since = Instant::now();
    // Until neither side takes any more.
    let mut refused = 0;
    while refused < 1000 && since.elapsed() < PATIENCE {
        match std::io::Write::write(&mut &stuck, page.as_bytes()) {
            Ok(_) => refused = 0,
            Err(_) => {
                refused += 1;
                thread::yield_now();
            }
        }
    }
    let before = scene.gauge().cpu();
    scene.check();
    assert!(scene.gauge().cpu() - before < Duration::from_millis(200));
}
