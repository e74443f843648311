//! Clients that take their time. What they wait for takes ten seconds, so they all wait together.

use std::io::{ErrorKind, Read};
use std::ops::Range;
use std::thread;
use std::time::{Duration, Instant};

use crate::common::gauge::raise_descriptor_limit;
use crate::common::witness::Scene;
use crate::common::{Client, eventually};

/// When a client that is slow must be given up. The server waits for ten seconds; the rest is for a busy machine.
const GIVEN_UP: Range<Duration> = Duration::from_millis(9_800)..Duration::from_secs(17);
/// Time between two bytes of a client that dribbles.
const DRIBBLE: Duration = Duration::from_millis(500);
/// Connections that ask for nothing.
const IDLE: usize = 1000;

const BODY: &str = "POST /events HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n";
const CHUNKS: &str = "POST /events HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
const EXPECTING: &str = "POST /events HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n";

/// What a client sends at once, what it then sends byte by byte, over and over, and a part of the answer.
const CASES: [(&str, &str, &str); 12] = [
    ("", "", ""),
    ("G", "", "the request head took too long"),
    ("\r\n", "", "the request head took too long"),
    ("GET / HTTP/1.1\r\nHost: a\r\n", "", "the request head took too long"),
    ("", "GET / HTTP/1.1\r\n", "the request head took too long"),
    ("", "\r\n", "the request head took too long"),
    ("GET / HTTP/1.1\r\n", "X: y\r\n", "the request head took too long"),
    (BODY, "", "the request body took too long"),
    (BODY, "x", "the request body took too long"),
    (CHUNKS, "1\r\nx\r\n", "the request body took too long"),
    (CHUNKS, ";", "malformed chunked request body"),
    (EXPECTING, "", "the request body took too long"),
];

/// Sends a byte of `bytes`, over and over, whenever nothing has come for a while. Returns all that came to the end.
fn dribble(client: &mut Client, bytes: &str) -> String {
    client.stream.set_read_timeout(Some(DRIBBLE)).unwrap();
    let mut bytes = bytes.bytes().cycle();
    let mut answer = Vec::new();
    loop {
        match client.stream.read_to_end(&mut answer) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                if let Some(byte) = bytes.next() {
                    let _ = std::io::Write::write_all(&mut client.stream, &[byte]);
                }
            }
            _ => return String::from_utf8(answer).unwrap(),
        }
    }
}

fn assert_is_given_up(mut client: Client, since: Instant, case: &(&str, &str, &str)) {
    let (start, more, reason) = case;
    client.send(start);
    let answer = dribble(&mut client, more);
    let after = since.elapsed();
    assert!(
        answer.ends_with(&format!("{reason}\n")) || (answer.is_empty() && reason.is_empty()),
        "{answer} for {case:?}"
    );
    if reason.contains("too long") {
        let head = if *start == EXPECTING { "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 408 " } else { "HTTP/1.1 408 " };
        assert!(answer.starts_with(head), "{answer} for {case:?}");
    }
    let soon = reason.starts_with("malformed");
    assert!(GIVEN_UP.contains(&after) || soon, "after {after:?} for {case:?}");
}

#[test]
fn clients_that_take_too_long_are_told_so_and_idle_ones_are_closed() {
    raise_descriptor_limit();
    let mut scene = Scene::new();
    let gauge = scene.gauge();
    let (before, threads) = (gauge.holdings(), gauge.threads());
    let since = Instant::now();
    let idle: Vec<_> = (0..IDLE).map(|_| scene.origin.connect()).collect();
    eventually(|| (gauge.threads() >= threads + IDLE).then_some(()));
    // Nobody is in the way of a normal request.
    let asked = Instant::now();
    scene.check();
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());

    let kept = scene.origin.connect();
    thread::scope(|scope| {
        for case in &CASES {
            let client = scene.origin.connect();
            let since = Instant::now();
            scope.spawn(move || assert_is_given_up(client, since, case));
        }
        // The second request on a connection has no more time than the first.
        scope.spawn(move || {
            let mut client = kept;
            client.ask("/healthz");
            client.read_response();
            assert_is_given_up(client, Instant::now(), &("G", "E", "the request head took too long"));
        });
    });
    for mut client in idle {
        assert!(client.is_at_end());
    }
    assert!(GIVEN_UP.contains(&since.elapsed()), "{:?}", since.elapsed());
    scene.check();
    gauge.wait_for(before);
}
