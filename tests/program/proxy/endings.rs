//! The end of a response: what it was, never something better.

use super::Scene;
use crate::common::raw::{CHUNKED, CLOSED, LAST, chunk};

const LENGTH: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 100\r\n\r\n";

#[test]
fn a_clean_end_is_clean_whatever_the_framing() {
    let scene = Scene::new();
    let (mut client, mut target) = scene.streaming();
    target.send([chunk("data: a\n\n"), LAST.into()].concat());
    assert_eq!(client.read_chunks().len(), 1);
    scene.proxy.wait_log(&["relay closed id=1", "by=target", "ended the response", "status=200", "bytes=9 "]);
    let (mut client, _, mut target) = scene.answered(CLOSED);
    target.send("data: a\n\n");
    assert_eq!(client.read_chunk().unwrap().bytes, b"data: a\n\n");
    drop(target);
    assert!(client.read_chunk().is_none());
}

#[test]
fn a_response_that_breaks_off_has_no_end() {
    let scene = Scene::new();
    for (head, tail) in [(CHUNKED, ""), (CHUNKED, "9\r\ndat"), (LENGTH, "data")] {
        let (mut client, _, mut target) = scene.answered(head);
        let first = if head == CHUNKED { chunk("data: a\n\n") } else { b"data: a\n\n".to_vec() };
        target.send(&first);
        assert_eq!(client.read_exact(first.len()), first);
        target.send(tail);
        drop(target);
        let rest = client.read_to_end();
        assert!(!rest.ends_with(LAST.as_bytes()), "{:?}", String::from_utf8_lossy(&rest));
        assert!(rest.len() < 20, "{:?}", String::from_utf8_lossy(&rest));
    }
    scene.proxy.wait_log(&["relay closed id=3", "by=target", "broke the response off"]);
}

#[test]
fn a_chunk_that_is_none_breaks_the_response_off() {
    let scene = Scene::new();
    let (mut client, mut target) = scene.streaming();
    target.send(chunk("data: a\n\n"));
    assert_eq!(client.read_chunk().unwrap().bytes, b"data: a\n\n");
    target.send("xyz\r\n");
    assert!(client.is_at_end());
}

#[test]
fn a_reset_is_a_reset() {
    let scene = Scene::new();
    for head in [CHUNKED, CLOSED, LENGTH] {
        let (mut client, _, mut target) = scene.answered(head);
        target.send(if head == CHUNKED { chunk("data: a\n\n") } else { b"data: a\n\n".to_vec() });
        client.read_until(b"data: a\n\n");
        target.reset();
        client.read_to_reset();
    }
    scene.proxy.wait_log(&["relay closed id=3", "by=target", "reset the connection"]);
}

#[test]
fn an_old_client_sees_that_it_is_too_early() {
    let scene = Scene::new();
    let mut client = scene.proxy.connect();
    client.send("GET /events HTTP/1.0\r\n\r\n");
    let (mut target, _) = scene.target.request();
    target.send([CHUNKED.into(), chunk("data: a\n\n")].concat());
    client.read_until(b"data: a\n\n");
    drop(target);
    // Where the end of the connection is that of the body, a regular one would hide it.
    client.read_to_reset();
}
