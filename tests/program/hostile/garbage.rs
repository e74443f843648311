//! Random bytes and requests with random damage: an answer or a close, whatever it is.

use std::io::Write;

use crate::common::gauge::Gauge;
use crate::common::witness::Scene;
use crate::common::{Client, Origin};

/// The same garbage in every run.
const SEED: u64 = 0x5353_4521;
/// What can be the answer to garbage. Not 500: that would be a request that passed the gate and was lost behind it.
const ANSWERS: [u16; 14] = [200, 204, 308, 400, 404, 405, 409, 411, 413, 414, 417, 431, 501, 505];

const REQUESTS: [&str; 6] = [
    "GET /events?count=1&interval=1ms HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\nLast-Event-ID: 7\r\n\r\n",
    "POST /events?count=1&size=10&interval=1ms HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
    "POST /events?count=0 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nT: x\r\n\r\n",
    "GET http://a:1/time HTTP/1.1\r\nHost: a\r\nConnection: close, x\r\nX: \u{fc}\r\n\r\n",
    "OPTIONS /events HTTP/1.1\r\nHost: a\r\nOrigin: http://b\r\nAccess-Control-Request-Method: POST\r\n\r\n",
    "HEAD /streams/0123456789abcdef HTTP/1.0\r\nExpect: 100-continue\r\nUpgrade: h2c\r\n\r\n\r\nGET / HTTP/1.1\r\n",
];

/// Bytes that matter to HTTP, more often than others.
fn byte(random: &mut fastrand::Rng) -> u8 {
    const SPECIAL: &[u8] = b"\r\n\r\n: \t/?&=%#*;,.\0\x7f\x80\xff019aAxHTTP\"\\[]@";
    if random.bool() { SPECIAL[random.usize(..SPECIAL.len())] } else { random.u8(..) }
}

fn damage(request: &[u8], random: &mut fastrand::Rng) -> Vec<u8> {
    let mut bytes = request.to_vec();
    for _ in 0..random.usize(1..4) {
        let at = random.usize(..bytes.len());
        let until = (at + random.usize(1..12)).min(bytes.len());
        match random.u8(..6) {
            0 => bytes[at] = byte(random),
            1 => bytes.insert(at, byte(random)),
            2 => drop(bytes.drain(at..until)),
            3 => bytes.extend_from_within(at..until),
            4 => bytes.truncate(at.max(1)),
            _ => drop(bytes.splice(at..at, request[..at.min(request.len())].to_vec()).count()),
        }
        if bytes.is_empty() {
            bytes.push(b'\r');
        }
    }
    bytes
}

/// Sends it in pieces of random size, and says that no more comes. Returns all that is answered.
fn answer_to(origin: &Origin, bytes: &[u8], random: &mut fastrand::Rng) -> Vec<u8> {
    let mut client: Client = origin.connect();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at(random.usize(1..=rest.len()));
        if client.stream.write_all(piece).is_err() {
            break;
        }
        rest = behind;
    }
    let _ = client.stream.shutdown(std::net::Shutdown::Write);
    client.read_to_end()
}

fn assert_is_an_answer(answer: &[u8], bytes: &[u8]) {
    let text = String::from_utf8_lossy(answer);
    let mut words = text.split(' ');
    let status = words.next().filter(|version| *version == "HTTP/1.1").and_then(|_| words.next()?.parse().ok());
    let expected =
        answer.is_empty() || answer.starts_with(b"HTTP/1.1 100 ") || status.is_some_and(|s| ANSWERS.contains(&s));
    assert!(expected, "{text:.300} for {}", bytes.escape_ascii());
}

fn assert_survives(make: impl Fn(&mut fastrand::Rng) -> Vec<u8>, count: usize) {
    let mut scene = Scene::new();
    // Whatever stream results from it ends soon.
    let origin = Origin::with(&["--max-duration", "300ms"]);
    let gauge = Gauge(origin.pid());
    let mut random = fastrand::Rng::with_seed(SEED);
    origin.fetch("/healthz");
    let before = gauge.holdings();
    for _ in 0..count {
        let bytes = make(&mut random);
        assert_is_an_answer(&answer_to(&origin, &bytes, &mut random), &bytes);
        // The same, without waiting for what comes of it; the witness is on this server.
        let mut fleeting = scene.origin.connect();
        let _ = fleeting.stream.write_all(&bytes);
    }
    assert!(origin.log_lines().iter().all(|line| !line.contains("panicked") && !line.contains("[ERROR]")));
    assert_eq!(origin.fetch("/healthz").1, "ok\n");
    gauge.wait_for(before);
    scene.check();
}

#[test]
fn random_bytes_are_answered_or_dropped() {
    let random_bytes = |random: &mut fastrand::Rng| {
        let len = random.usize(1..400);
        (0..len).map(|_| byte(random)).collect()
    };
    assert_survives(random_bytes, 300);
}

#[test]
fn damaged_requests_are_answered_or_dropped() {
    let damaged = |random: &mut fastrand::Rng| damage(REQUESTS[random.usize(..REQUESTS.len())].as_bytes(), random);
    assert_survives(damaged, 1000);
}
