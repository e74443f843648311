//! Cures and impairments: what a client gets, byte for byte, and what its target notices.

use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use rustix::process::Signal;

use super::{Scene, proxy_with};
use crate::common::program::Program;
use crate::common::raw::{CHUNKED, CLOSED, LAST, chunk, field, response};
use crate::common::{Client, Origin, PATIENCE};

const MS: Duration = Duration::from_millis(1);

/// An event of nine bytes.
const EVENT: &str = "data: a\n\n";

/// Nothing comes for so long, and the connection stays open.
fn assert_quiet(client: &mut Client, time: Duration) {
    assert_eq!(client.take_buffered(1), b"");
    client.stream.set_read_timeout(Some(time)).unwrap();
    let read = client.stream.read(&mut [0; 1]);
    assert!(matches!(&read, Err(error) if error.kind() == ErrorKind::WouldBlock), "{read:?}");
    client.stream.set_read_timeout(Some(PATIENCE)).unwrap();
}

/// The next chunk's bytes, as text.
fn text(client: &mut Client) -> String {
    client.read_chunk().expect("a chunk").text().to_owned()
}

/// So many bytes of comments and blank lines alone, in however many chunks.
fn assert_comments(client: &mut Client, size: usize) {
    let mut bytes = String::new();
    while bytes.len() < size {
        bytes += &text(client);
    }
    assert!(bytes.ends_with("\n\n") && bytes.len() == size, "{bytes:?}");
    assert!(bytes.lines().all(|line| line.is_empty() || line.starts_with(':')), "{bytes:?}");
}

#[test]
fn heartbeats_come_when_nothing_else_does_and_never_inside_an_event() {
    let scene = Scene::with(&["--heartbeat", "100ms"]);
    let since = Instant::now();
    let (mut client, mut target) = scene.streaming();
    assert_eq!(text(&mut client), ": heartbeat\n\n");
    assert!(since.elapsed() >= 100 * MS);
    target.send(chunk("data: a\n"));
    while text(&mut client) != "data: a\n" {}
    assert_quiet(&mut client, 300 * MS);
    target.send(chunk("\n"));
    assert_eq!((text(&mut client).as_str(), text(&mut client).as_str()), ("\n", ": heartbeat\n\n"));
    target.send([chunk(EVENT), LAST.into()].concat());
    let rest: String = client.read_chunks().iter().map(|chunk| chunk.text().replace(": heartbeat\n\n", "")).collect();
    assert_eq!(rest, EVENT);
}

#[test]
fn padding_is_exact() {
    let scene = Scene::with(&["--pad", "1000"]);
    let (mut client, mut target) = scene.streaming();
    assert_comments(&mut client, 1000);
    target.send(chunk(EVENT));
    assert_eq!(text(&mut client), EVENT);

    let scene = Scene::with(&["--pad-to", "200"]);
    let (mut client, mut target) = scene.streaming();
    for _ in 0..2 {
        target.send(chunk(EVENT));
        let padded = text(&mut client);
        assert!(padded.starts_with("data: a\n\n:") && padded.ends_with("\n\n"), "{padded:?}");
        assert_eq!(padded.len(), 200);
    }

    let scene = Scene::with(&["--pad-every", "100ms:64"]);
    let since = Instant::now();
    let (mut client, _target) = scene.streaming();
    (0..3).for_each(|_| assert_comments(&mut client, 64));
    assert!(since.elapsed() >= 300 * MS);
}

#[test]
fn a_length_goes_where_comments_come() {
    let scene = Scene::with(&["--pad", "10"]);
    let (mut client, head, _target) = scene.answered(response("200 OK", "text/event-stream", EVENT));
    assert_eq!((head.get("Content-Length"), head.get("Transfer-Encoding")), (None, Some("chunked")));
    assert_comments(&mut client, 10);
    assert_eq!(text(&mut client), EVENT);
    assert!(client.read_chunk().is_none());
    let (mut client, head, _target) = scene.answered(response("200 OK", "application/json", "{}"));
    assert_eq!((head.get("Content-Length"), head.get("X-Accel-Buffering")), (Some("2"), None));
    assert_eq!(client.read_exact(2), b"{}");
}

#[test]
fn a_slow_targets_response_is_begun_early() {
    let scene = Scene::with(&["--early", "--heartbeat", "100ms"]);
    let since = Instant::now();
    let mut client = scene.proxy.get("/events");
    let (mut target, _) = scene.target.request();
    let head = client.read_head();
    assert!(since.elapsed() >= Duration::from_secs(1));
    assert_eq!((head.status, head.get("Content-Type")), (200, Some("text/event-stream")));
    assert_eq!(
        (head.get("Cache-Control"), head.get("X-Accel-Buffering")),
        (Some("no-store, no-transform"), Some("no"))
    );
    assert_comments(&mut client, 16);
    assert_eq!(text(&mut client), ": heartbeat\n\n");
    // "One leading U+FEFF BYTE ORDER MARK" leads no more.
    target.send([CHUNKED.as_bytes(), &chunk(format!("\u{feff}{EVENT}")), LAST.as_bytes()].concat());
    let rest: String = client.read_chunks().iter().map(|chunk| chunk.text().replace(": heartbeat\n\n", "")).collect();
    assert_eq!(rest, EVENT);
    client.ask("/healthz");
    assert_eq!(client.read_response().0.status, 200, "the connection goes on");
}

#[test]
fn an_early_response_breaks_off_when_the_target_has_no_stream() {
    let answers = [
        (response("404 Not Found", "text/plain", "no"), "answered with status 404"),
        (response("200 OK", "text/plain", "no"), "is no event stream"),
        (CHUNKED.replace("\r\n\r\n", "\r\nContent-Encoding: br\r\n\r\n"), "content encoding is \"br\""),
        (String::new(), "closed"),
    ];
    let scene = Scene::with(&["--early"]);
    let mut waiting: Vec<_> = answers
        .map(|(answer, why)| {
            let client = scene.proxy.get("/events");
            (client, scene.target.request().0, answer, why)
        })
        .into();
    for (client, target, answer, why) in &mut waiting {
        assert_eq!(client.read_head().status, 200);
        assert_comments(client, 16);
        target.send(&*answer);
        target.half_close();
        assert!(client.is_at_end(), "{why}: no last chunk");
        scene.proxy.wait_log(&["relay closed", "by=target", "begun early, but ", why]);
    }
}

#[test]
fn a_quick_target_answers_for_itself() {
    let scene = Scene::with(&["--early"]);
    let (mut client, head, _target) = scene.answered(response("404 Not Found", "text/plain", "no"));
    assert_eq!((head.status, client.read_exact(2).as_slice()), (404, b"no".as_slice()));
    let (mut client, mut target) = scene.streaming();
    target.send(chunk(EVENT));
    assert_eq!(text(&mut client), EVENT);
}

#[test]
fn what_is_begun_early_is_impaired_as_everything() {
    let scene = Scene::with(&["--early", "--impair", "hold-head,hold-start-bytes=20,cut-after=2s:clean"]);
    let since = Instant::now();
    let mut client = scene.proxy.get("/events");
    let (mut target, _) = scene.target.request();
    assert_quiet(&mut client, 1300 * MS);
    target.send([CHUNKED.into(), chunk(EVENT)].concat());
    assert_eq!(client.read_head().status, 200);
    assert!(text(&mut client).ends_with(EVENT));
    assert!(client.read_chunk().is_none());
    assert!(since.elapsed() >= 2900 * MS, "a second without a head, two with it");
}

#[test]
fn an_early_response_may_end_before_the_target_answers() {
    let scene = Scene::with(&["--early", "--impair", "cut-after=200ms:clean"]);
    let mut client = scene.proxy.get("/events");
    let (mut target, _) = scene.target.request();
    assert_eq!(client.read_head().status, 200);
    assert_comments(&mut client, 16);
    assert!(client.read_chunk().is_none() && target.is_at_end());
    scene.proxy.wait_log(&["relay closed id=1", "by=proxy", "status=200 bytes=16"]);
    let (mut client, mut target) = scene.streaming();
    target.send(chunk(EVENT));
    assert_eq!(text(&mut client), EVENT, "a later one goes its own way");
}

#[test]
fn a_large_lump_comes_whole() {
    let scene = Scene::with(&["--impair", "hold-until-close"]);
    let (mut client, mut target) = scene.streaming();
    let body: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    target.send([chunk(&body), LAST.into()].concat());
    let bytes: Vec<u8> = client.read_chunks().into_iter().flat_map(|chunk| chunk.bytes).collect();
    assert!(bytes == body, "{} bytes", bytes.len());
}

#[test]
fn a_cured_stream_has_the_best_headers_and_no_coding() {
    let scene = Scene::with(&["--cure"]);
    let mut client = scene.proxy.connect();
    client.send("GET /events HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n");
    let (mut target, asked) = scene.target.request();
    assert_eq!(field(&asked, "accept-encoding"), None);
    let fields = "Content-Encoding: gzip\r\nCache-Control: public\r\nX-Accel-Buffering: yes";
    target.send(CHUNKED.replace("\r\n\r\n", &format!("\r\n{fields}\r\n\r\n")));
    let head = client.read_head();
    assert_eq!(head.get("Content-Encoding"), None);
    assert_eq!(
        (head.get("Cache-Control"), head.get("X-Accel-Buffering")),
        (Some("no-store, no-transform"), Some("no"))
    );
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    for _ in 0..2 {
        encoder.write_all(EVENT.as_bytes()).unwrap();
        encoder.flush().unwrap();
        target.send(chunk(std::mem::take(encoder.get_mut())));
        assert_eq!(text(&mut client), EVENT);
    }
    // The checksum is missing.
    target.send(LAST);
    assert!(client.is_at_end());
    scene.proxy.wait_log(&["relay closed", "broke the response off: the gzip data are incomplete"]);
}

#[test]
fn header_fields_are_swallowed() {
    let scene = Scene::with(&["--impair", "strip-header=X-Accel-Buffering,strip-header=cache-control"]);
    let fields = "X-Accel-Buffering: no\r\nCache-Control: no-store\r\nX-Other: 1";
    let (_client, head, _target) = scene.answered(CHUNKED.replace("\r\n\r\n", &format!("\r\n{fields}\r\n\r\n")));
    assert_eq!((head.get("X-Accel-Buffering"), head.get("Cache-Control")), (None, None));
    assert_eq!((head.get("X-Other"), head.get("Transfer-Encoding")), (Some("1"), Some("chunked")));
}

#[test]
fn a_held_head_comes_with_the_first_bytes() {
    let scene = Scene::with(&["--impair", "hold-head,hold-bytes=8"]);
    let mut client = scene.proxy.get("/events");
    let (mut target, _) = scene.target.request();
    target.send([CHUNKED.into(), chunk("data: a")].concat());
    assert_quiet(&mut client, 200 * MS);
    target.send(chunk("b\n\ndata: c\n\n"));
    assert_eq!(client.read_head().status, 200);
    assert_eq!((text(&mut client).as_str(), text(&mut client).as_str()), ("data: ab", "\n\ndata: "));
    target.send(LAST);
    assert_eq!(text(&mut client), "c\n\n");
    assert!(client.read_chunk().is_none());
    let (mut client, head, _target) = scene.answered(response("200 OK", "text/event-stream", ""));
    assert_eq!((head.get("Content-Length"), client.take_buffered(1).len()), (Some("0"), 0));
}

#[test]
fn one_method_alone_is_impaired() {
    let scene = Scene::with(&["--impair", "hold-until-close", "--impair", "only=POST"]);
    let (mut client, mut target) = scene.streaming();
    target.send(chunk(EVENT));
    assert_eq!(text(&mut client), EVENT);
    let mut client = scene.proxy.connect();
    client.send("POST /events HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    let mut target = scene.target.stream();
    assert_eq!(client.read_head().status, 200);
    target.send(chunk(EVENT));
    assert_quiet(&mut client, 200 * MS);
    target.send(LAST);
    assert_eq!(text(&mut client), EVENT);
    let log = scene.proxy.wait_log(&["relay opened id=2", "method=POST"]);
    assert!(log.contains(" impaired=\"hold-until-close,only=POST\""), "{log}");
    assert!(!scene.proxy.wait_log(&["relay opened id=1"]).contains("impaired"));
}

#[test]
fn a_target_need_not_know_that_its_client_has_gone() {
    let mut scene = Scene::with(&["--impair", "keep-origin-open"]);
    let (client, mut target) = scene.streaming();
    drop(client);
    scene.proxy.wait_log(&["is gone: closed the connection; the target is not told"]);
    for _ in 0..100 {
        target.send(chunk(vec![b'x'; 10_000]));
    }
    assert_quiet(&mut target, 100 * MS);
    target.send(LAST);
    scene.proxy.wait_log(&["relay closed id=1", "by=client", "closed the connection", "bytes=0"]);

    // One that goes before the head, and the order to stop.
    let client = scene.proxy.get("/events");
    let (mut early, _) = scene.target.request();
    drop(client);
    assert_quiet(&mut early, 100 * MS);
    early.send([CHUNKED.into(), chunk(EVENT)].concat());
    assert_quiet(&mut early, 100 * MS);
    let since = Instant::now();
    scene.proxy.signal(Signal::TERM);
    assert_eq!(scene.proxy.wait().code(), Some(0));
    assert!(since.elapsed() < Duration::from_secs(2) && early.is_at_end());
}

#[test]
fn a_compressor_that_nobody_flushes_is_whole_at_the_end() {
    let scene = Scene::with(&["--impair", "gzip-noflush"]);
    let mut client = scene.proxy.connect();
    client.send("GET /events HTTP/1.1\r\nHost: a\r\nAccept-Encoding: br, gzip\r\n\r\n");
    let mut target = scene.target.stream();
    assert_eq!(client.read_head().get("Content-Encoding"), Some("gzip"));
    (0..9).for_each(|_| target.send(chunk(EVENT)));
    assert_quiet(&mut client, 200 * MS);
    target.send(LAST);
    let bytes: Vec<u8> = client.read_chunks().into_iter().flat_map(|chunk| chunk.bytes).collect();
    let mut decoded = String::new();
    GzDecoder::new(bytes.as_slice()).read_to_string(&mut decoded).unwrap();
    assert_eq!(decoded, EVENT.repeat(9));
    let (mut client, mut target) = scene.streaming();
    target.send(chunk(EVENT));
    assert_eq!(text(&mut client), EVENT, "to a client that accepts no gzip");
}

#[test]
fn cuts_end_the_response_in_their_way_and_the_target_is_told_at_once() {
    for (kind, end) in [("cut-after", "truncated"), ("cut-after", "reset"), ("idle-cut", "clean")] {
        let scene = Scene::with(&["--impair", &format!("{kind}=150ms:{end}")]);
        for head in [CHUNKED, CLOSED] {
            let since = Instant::now();
            let (mut client, _, mut target) = scene.answered(head);
            target.send(if head == CHUNKED { chunk(EVENT) } else { EVENT.into() });
            assert_eq!(text(&mut client), EVENT);
            match end {
                "truncated" => assert!(client.is_at_end()),
                "reset" => assert_eq!(client.read_to_reset(), b""),
                _ => assert!(client.read_chunk().is_none()),
            }
            let after = since.elapsed();
            assert!(after >= 150 * MS && after < 2000 * MS, "{kind} {end}: {after:?}");
            assert!(target.is_at_end());
        }
        scene.proxy.wait_log(&["relay closed id=2", "by=proxy", "an impairment "]);
    }
}

#[test]
fn the_end_of_an_old_clients_connection_is_no_clean_end() {
    let scene = Scene::with(&["--impair", "cut-after=100ms"]);
    let mut client = scene.proxy.connect();
    client.send("GET /events HTTP/1.0\r\nHost: a\r\n\r\n");
    let _target = scene.target.stream();
    client.read_head();
    assert_eq!(client.read_to_reset(), b"");
}

#[test]
fn the_clock_and_the_state_of_streams_are_not_impaired() {
    let origin = Origin::start();
    let target = format!("http://{}/events", origin.address);
    let proxy = proxy_with(&target, &["--impair", "hold-head,silent,strip-header=Content-Type", "--pad", "100"]);
    let (head, body) = proxy.fetch("/time");
    assert_eq!((head.status, head.get("Content-Type")), (200, Some("application/json")), "{body}");
    assert_eq!(proxy.fetch("/streams/no-such-stream-at-all").0.status, 404);
}

#[test]
fn cures_come_before_impairments() {
    let scene = Scene::with(&["--cure", "--like", "nginx-default"]);
    let (mut client, head, mut target) = scene.answered(CHUNKED);
    assert_eq!((head.get("X-Accel-Buffering"), head.get("Cache-Control")), (None, Some("no-store, no-transform")));
    target.send(chunk(EVENT));
    assert_eq!(text(&mut client), EVENT);
    scene.proxy.wait_log(&[" cured=\"headers\" impaired=\"hold-head,hold-bytes=4096,", "spares=accel-no\""]);
}

#[test]
fn what_is_no_spec_is_told_with_what_is_allowed() {
    for (args, said) in [
        (["--heartbeat", "1"], "cure 'heartbeat=1': it must be heartbeat=D (D: 100ms to 1h)"),
        (["--pad", "4k,heartbeat=1s"], "--pad 4k,heartbeat=1s: it takes one value"),
        (["--pad-every", "1s:1"], "pad-every=D[:N]"),
        (["--like", "nginx"], "there is no profile 'nginx'; allowed are: argo-2024, quick-tunnel-get"),
        (["--like", "envoy-15s,cut-after=x"], "cut-after=D[:truncated|reset|clean]"),
        (["--impair", "hold"], "there is no impairment 'hold'; allowed are: hold-bytes=N[:whole]"),
    ] {
        let finished = Program::of("proxy", &args).finish();
        assert_eq!(finished.code, Some(2), "{args:?}");
        assert!(finished.said().contains(said), "{args:?}: {}", finished.said());
    }
    let finished = Program::of("proxy", &["--list-profiles"]).finish();
    let text = finished.out.join("\n");
    assert_eq!(finished.code, Some(0));
    let parts =
        ["  envoy-15s", "= cut-after=15s:truncated", "measured with nginx 1.22 (2026-11)", "hold-bytes=N[:whole]"];
    assert!(parts.iter().all(|part| text.contains(part)) && text.contains("pad-every=D[:N]"), "{text}");
}
