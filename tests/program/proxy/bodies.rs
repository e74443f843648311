//! The body: the bytes that came, when they came, however they are cut and framed.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use sse_argo_tester::sse::decoder::{Decoder, Item};

use super::Scene;
use crate::common::raw::{CHUNKED, CLOSED, LAST, chunk};

/// Every field, every line ending, comments, a byte order mark, characters of every length, and what is no field at all.
const STREAM: &str = "\u{feff}: comment\n\nevent: a\rdata: 1\r\rid: 7\r\ndata\r\ndata:2\r\n\r\nretry: 10\ndata:  ä€\u{1f600}\n\n\
                      nonsense: x\n\ndata: \u{0}\n:\nid\ndata: last\r\n\r\n";

#[test]
fn every_cut_arrives_as_it_was_sent() {
    let scene = Scene::new();
    let (mut client, mut target) = scene.streaming();
    for at in 0..=STREAM.len() {
        let (first, second) = STREAM.as_bytes().split_at(at);
        for part in [first, second] {
            if !part.is_empty() {
                target.send(chunk(part));
                assert_eq!(client.read_chunk().unwrap().bytes, part, "cut at {at}");
            }
        }
    }
    target.send(LAST);
    assert!(client.read_chunk().is_none());
}

#[test]
fn a_byte_at_a_time_arrives_a_byte_at_a_time() {
    let scene = Scene::new();
    let (mut client, _, mut target) = scene.answered(CLOSED);
    for byte in STREAM.bytes() {
        target.send([byte]);
        assert_eq!(client.read_chunk().unwrap().bytes, [byte]);
    }
    drop(target);
    assert!(client.read_chunk().is_none());
}

#[test]
fn chunks_that_are_cut_anywhere_are_put_together() {
    let wire = [chunk("data: \u{e4}\n"), chunk("\n"), LAST.into()].concat();
    let scene = Scene::new();
    for at in 1..wire.len() {
        let (mut client, mut target) = scene.streaming();
        target.send(&wire[..at]);
        target.send(&wire[at..]);
        let bytes: Vec<u8> = client.read_chunks().into_iter().flat_map(|chunk| chunk.bytes).collect();
        assert_eq!(bytes, "data: \u{e4}\n\n".as_bytes(), "cut at {at}");
    }
}

#[test]
fn the_events_are_those_that_were_sent() {
    let scene = Scene::new();
    let (mut client, mut target) = scene.streaming();
    for part in STREAM.as_bytes().chunks(3) {
        target.send(chunk(part));
    }
    target.send(LAST);
    let bytes: Vec<u8> = client.read_chunks().into_iter().flat_map(|chunk| chunk.bytes).collect();
    let events = |bytes: &[u8]| {
        let items: Vec<Item> = Decoder::default().feed(bytes).map(|decoded| decoded.unwrap().item).collect();
        format!("{items:?}")
    };
    assert_eq!(bytes, STREAM.as_bytes());
    assert_eq!(events(&bytes), events(STREAM.as_bytes()));
}

#[test]
fn a_length_stays_a_length() {
    let scene = Scene::new();
    let mut client = scene.proxy.connect();
    for round in 0..2 {
        client.ask("/events");
        let (mut target, _) = scene.target.request();
        target.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", STREAM.len()));
        let head = client.read_head();
        assert_eq!(head.get("Content-Length"), Some(STREAM.len().to_string().as_str()), "{round}");
        assert_eq!(head.get("Transfer-Encoding"), None);
        let (first, second) = STREAM.as_bytes().split_at(20);
        for part in [first, second] {
            target.send(part);
            assert_eq!(client.read_exact(part.len()), part);
        }
    }
}

#[test]
fn compressed_bytes_are_not_touched_and_flushes_not_held() {
    let scene = Scene::new();
    let head = CHUNKED.replace("\r\n\r\n", "\r\nContent-Encoding: gzip\r\n\r\n");
    let (mut client, head, mut target) = scene.answered(head);
    assert_eq!(head.get("Content-Encoding"), Some("gzip"));
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    for _ in 0..3 {
        encoder.write_all(b"data: x\n\n").unwrap();
        encoder.flush().unwrap();
        let bytes = std::mem::take(encoder.get_mut());
        target.send(chunk(&bytes));
        assert_eq!(client.read_chunk().unwrap().bytes, bytes);
    }
    let end = encoder.finish().unwrap();
    target.send([chunk(&end), LAST.into()].concat());
    assert_eq!(client.read_chunk().unwrap().bytes, end);
    assert!(client.read_chunk().is_none());
}

#[test]
fn an_old_client_gets_no_chunks() {
    let scene = Scene::new();
    let mut client = scene.proxy.connect();
    client.send("GET /events HTTP/1.0\r\nHost: a\r\n\r\n");
    let (mut target, head) = scene.target.request();
    assert!(head.starts_with("GET /stream HTTP/1.1\r\n"), "{head}");
    target.send(CHUNKED);
    let head = client.read_head();
    assert_eq!((head.get("Transfer-Encoding"), head.get("Connection")), (None, Some("close")));
    target.send(chunk("data: a\n\n"));
    assert_eq!(client.read_exact(9), b"data: a\n\n");
    target.send([chunk("data: b\n\n"), LAST.into()].concat());
    assert_eq!(client.read_to_end(), b"data: b\n\n");
}

#[test]
fn large_bodies_pass_whole() {
    let scene = Scene::new();
    let (mut client, mut target) = scene.streaming();
    let body: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    let sent = body.clone();
    let sending = std::thread::spawn(move || {
        for part in sent.chunks(100_000) {
            target.send(chunk(part));
        }
        target.send(LAST);
    });
    let bytes: Vec<u8> = client.read_chunks().into_iter().flat_map(|chunk| chunk.bytes).collect();
    assert!(bytes == body, "{} bytes of {}", bytes.len(), body.len());
    sending.join().unwrap();
}
