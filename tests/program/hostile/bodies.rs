//! Request bodies that are malformed, too large, endless or slow to decode.

use std::io::Write;

use super::refusal;
use crate::common::Client;
use crate::common::witness::Scene;

const CHUNKED: &str = "POST /events?count=0 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

fn with_length(len: usize) -> String {
    format!("POST /events?count=0 HTTP/1.1\r\nHost: a\r\nContent-Length: {len}\r\n\r\n")
}

/// How many bytes of body the origin says it saw; its stream must be complete, and the connection fit for another.
fn body_seen(client: &mut Client) -> u64 {
    let head = client.read_head();
    assert_eq!(head.status, 200, "{}", head.text);
    let hello = client.read_event().json();
    assert!(client.read_chunk().is_none());
    client.ask("/healthz");
    assert_eq!(client.read_response().1, "ok\n");
    hello["body_bytes"].as_u64().unwrap()
}

#[test]
fn chunked_bodies_that_are_malformed_are_refused() {
    let mut scene = Scene::new();
    let line_of = |byte: &str| format!("1{}", byte.repeat(2000));
    for (body, status, part) in [
        ("x\r\n", 400, "chunked"),
        ("-1\r\n", 400, "chunked"),
        ("+1\r\n", 400, "chunked"),
        ("0x1\r\n", 400, "chunked"),
        (" 1\r\n", 400, "chunked"),
        ("\r\n", 400, "chunked"),
        (";ext\r\n", 400, "chunked"),
        ("5\nhello\r\n0\r\n\r\n", 400, "chunked"),
        ("5\r\nhelloXX", 400, "chunked"),
        ("5\r\nhello\nX", 400, "chunked"),
        ("5\r\nhello!\r\n", 400, "chunked"),
        ("1\r\na\n0\r\n\r\n", 400, "chunked"),
        ("1;a\rb\r\n", 400, "chunked"),
        ("fffffffffffffffff\r\n", 400, "chunked"),
        ("ffffffffffffffff\r\n", 413, "65536"),
        ("fffffffe\r\n", 413, "65536"),
        ("10001\r\n", 413, "65536"),
        ("ffff\r\n", 400, "ends early"),
        ("5\r\nhel", 400, "ends early"),
        ("0\r\n", 400, "ends early"),
        ("0\r\nTrailer: x\r\n", 400, "ends early"),
        (&line_of(";"), 400, "chunked"),
        (&line_of(" "), 400, "chunked"),
        (&line_of("0"), 400, "chunked"),
        (&format!("0\r\nX: {}", "y".repeat(2000)), 400, "chunked"),
        (&format!("0\r\n{}", "X: y\r\n".repeat(2000)), 400, "chunked"),
    ] {
        let mut client = scene.origin.connect();
        client.send(CHUNKED);
        let _ = client.stream.write_all(body.as_bytes());
        let _ = client.stream.shutdown(std::net::Shutdown::Write);
        let (got, reason) = refusal(&mut client);
        assert!(got == status && reason.contains(part), "{got} {reason:?} for {body:.60?}");
    }
    scene.check();
}

#[test]
fn what_no_head_may_hold_no_trailer_or_extension_may_hold() {
    let mut scene = Scene::new();
    for body in [
        "1;a\0b\r\nx\r\n0\r\n\r\n",
        "1;a\nb\r\nx\r\n0\r\n\r\n",
        "0;\x1b\r\n\r\n",
        "0\r\nX: \0\r\n\r\n",
        "0\r\nX: y\nZ: y\r\n\r\n",
        "0\r\n\nGET /healthz HTTP/1.1\r\n\r\n",
        "0\r\nX: y\rZ: y\r\n\r\n",
        "0\r\nno colon\r\n\r\n",
    ] {
        let mut client = scene.origin.connect();
        client.send(format!("{CHUNKED}{body}"));
        let head = client.read_head();
        assert_eq!(head.status, 400, "{body:?}");
    }
    scene.check();
}

#[test]
fn a_length_that_is_not_kept_is_refused() {
    let mut scene = Scene::new();
    for (len, sent) in [(1, 0), (100, 99), (65_536, 1)] {
        let mut client = scene.origin.connect();
        client.send(with_length(len) + &"x".repeat(sent));
        client.half_close();
        let (status, reason) = refusal(&mut client);
        assert!(status == 400 && reason.contains("ends early"), "{status} {reason:?}");
    }
    scene.check();
}

#[test]
fn bodies_up_to_the_limit_are_read_and_counted() {
    let mut scene = Scene::new();
    for len in [0, 1, 65_535, 65_536] {
        let mut client = scene.origin.connect();
        client.send(with_length(len) + &"x".repeat(len));
        assert_eq!(body_seen(&mut client), len as u64);
        // As one chunk, in which case zero would be the last, and in chunks of 1000.
        let whole = format!("{len:x}\r\n{}\r\n", "x".repeat(len)).repeat(usize::from(len > 0));
        let pieces = format!("3e8;a=\"b\"\r\n{}\r\n", "x".repeat(1000)).repeat(len / 1000);
        for (body, seen) in [(whole, len), (pieces, len / 1000 * 1000)] {
            client.send(format!("{CHUNKED}{body}000\r\nTrailer: x\r\n\r\n"));
            assert_eq!(body_seen(&mut client), seen as u64);
        }
    }
    scene.check();
}

#[test]
fn a_body_without_end_is_refused_and_takes_no_memory() {
    const SENT: usize = 64 * 1024 * 1024;
    const MORE_KIB_MAX: u64 = 4 * 1024;
    let mut scene = Scene::new();
    scene.check();
    let chunk = format!("400\r\n{}\r\n", "x".repeat(1024));
    let tiny = "1\r\nx\r\n".repeat(200);
    for piece in [chunk.as_str(), &tiny, "1;", "0\r\nX: y\r\n"] {
        let before = scene.gauge().peak_memory();
        let mut client = scene.origin.connect();
        client.send(CHUNKED);
        let mut sent = 0;
        while sent < SENT && client.stream.write_all(piece.as_bytes()).is_ok() {
            sent += piece.len();
        }
        assert!(sent < SENT / 2, "the server took {sent} bytes of {piece:.20?}");
        assert!(matches!(client.read_head().status, 400 | 413));
        let more = scene.gauge().peak_memory() - before;
        assert!(more < MORE_KIB_MAX, "{more} KiB more for {piece:.20?}");
        scene.check();
    }
}

#[test]
fn a_body_that_is_announced_needs_a_length() {
    let mut scene = Scene::new();
    for fields in ["Content-Type: text/plain\r\n", "Content-Encoding: gzip\r\n", "Expect: 100-continue\r\n"] {
        let mut client = scene.origin.connect();
        client.send(format!("POST /events HTTP/1.1\r\nHost: a\r\n{fields}\r\n"));
        assert_eq!(refusal(&mut client).0, 411, "{fields}");
    }
    let mut client = scene.origin.connect();
    client.send("POST /events?count=0 HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(body_seen(&mut client), 0);
    scene.check();
}

#[test]
fn who_expects_100_continue_gets_it_before_the_body() {
    let mut scene = Scene::new();
    for (length, body) in [("Content-Length: 5", "hello"), ("Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n")] {
        let mut client = scene.origin.connect();
        let head = format!("POST /events?count=0 HTTP/1.1\r\nHost: a\r\n{length}\r\nExpect: 100-continue\r\n\r\n");
        client.send(&head);
        assert_eq!(client.read_head().text, "HTTP/1.1 100 Continue\r\n\r\n");
        client.send(body);
        assert_eq!(body_seen(&mut client), 5);
        // "A server MAY omit sending a 100 (Continue) response if it has already received some or all of the content"
        // (RFC 9110, section 10.1.1).
        client.send(head + body);
        assert_eq!(body_seen(&mut client), 5);
    }
    let mut too_large = scene.origin.connect();
    too_large.send("POST /events HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(refusal(&mut too_large).0, 413, "the final answer comes instead of 100");
    let mut none = scene.origin.connect();
    none.send("GET /healthz HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(none.read_head().status, 200, "without a body there is nothing to continue with");
    let mut old = scene.origin.connect();
    old.send("POST /events?count=0 HTTP/1.0\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\nx");
    assert_eq!(old.read_head().status, 200, "HTTP/1.0 knows no 100");
    scene.check();
}
