//! SIGINT and SIGTERM: every stream ends as its framing asks, the program ends soon, and leaves nothing behind.

use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::time::{Duration, Instant};

use flate2::read::MultiGzDecoder;
use rustix::process::Signal;

use super::{id, never_reading, value};
use crate::common::{Origin, eventually};

/// How soon the program must be gone, whatever its clients do.
const SOON: Duration = Duration::from_secs(2);

/// Sends the signal, and waits for the end; returns how long that took.
fn stop(origin: &mut Origin, signal: Signal) -> Duration {
    let since = Instant::now();
    origin.signal(signal);
    let status = origin.wait();
    let after = since.elapsed();
    assert_eq!(status.code(), Some(0), "{status:?}; log: {:#?}", origin.log_lines());
    after
}

#[test]
fn streams_end_as_their_framing_asks() {
    for signal in [Signal::INT, Signal::TERM] {
        let mut origin = Origin::start();
        let open =
            |name: &str, parameters: &str| origin.open(&format!("/events?id={}&interval=1h{parameters}", id(name))).0;
        let mut chunked = open("chunked", "");
        let mut gzip = open("gzip", "&encoding=gzip");
        let mut named = open("named", "&stream=s");
        let mut closing = open("closing", "&framing=close");
        let mut length = open("length", "&framing=length&count=2");
        let mut silent = open("silent", "&silent_after=0");
        let mut abort = open("abort", "&end=abort");
        let mut delayed = open("delayed", "&delay=5m");
        let mut headless = origin.get(&format!("/events?id={}&head_delay=5m", id("headless")));
        origin.wait_log(&["stream opened", "headless"]);

        assert!(stop(&mut origin, signal) < SOON);
        for client in [&mut chunked, &mut named, &mut silent, &mut abort] {
            assert_eq!(client.read_event().field("event"), Some("hello"));
            assert!(client.read_chunk().is_none(), "the last chunk");
            assert!(client.is_at_end());
        }
        assert!(delayed.read_chunk().is_none(), "a body without a byte is complete");
        let compressed: Vec<u8> = gzip.read_chunks().into_iter().flat_map(|chunk| chunk.bytes).collect();
        let mut text = String::new();
        MultiGzDecoder::new(compressed.as_slice()).read_to_string(&mut text).expect("the trailer is there");
        assert!(text.starts_with("event: hello\n"), "{text}");
        assert!(closing.read_to_end().ends_with(b"}\n\n"));
        assert!(length.read_to_end().ends_with(b"}\n\n"), "cut: no length is filled up with something else");
        assert!(headless.is_at_end());
        for name in ["chunked", "gzip", "named", "closing", "length", "silent", "abort", "delayed", "headless"] {
            let line = origin.wait_log(&["stream closed", &format!("id={}", id(name))]);
            assert_eq!(value(&line, "by"), "shutdown", "{line}");
        }
    }
}

#[test]
fn a_hundred_streams_all_end_at_once() {
    let mut origin = Origin::start();
    let mut clients: Vec<_> = (0..100).map(|_| origin.open("/events?interval=10ms").0).collect();
    let after = stop(&mut origin, Signal::TERM);
    assert!(after < SOON, "{after:?}");
    for client in &mut clients {
        for (seq, event) in client.read_chunks().into_iter().skip(1).enumerate() {
            assert_eq!(event.json()["seq"], seq + 1);
        }
        assert!(client.is_at_end());
    }
    let ended = origin.whole_log().iter().filter(|line| line.contains("by=shutdown")).count();
    assert_eq!(ended, 100);
}

#[test]
fn no_client_holds_the_program_up() {
    let mut origin = Origin::start();
    // The server's write to it is stuck.
    let _stuck = never_reading(&origin, &id("stuck"), "size=256k&interval=20ms");
    let mut kept = origin.connect();
    kept.ask("/healthz");
    kept.read_response();
    let mut new = origin.connect();
    let mut slow_head = origin.connect();
    slow_head.send("GET / HT");
    let mut slow_body = origin.connect();
    slow_body.send("POST /events HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx");
    let mut lingering = origin.connect();
    lingering.send("nonsense\r\n\r\n");
    assert_eq!(lingering.read_response().0.status, 400);
    let mut flooding = origin.get("/events?interval=1h");
    flooding.read_head();
    flooding.send("x".repeat(100_000));
    stuck_for_sure(&origin);

    let after = stop(&mut origin, Signal::TERM);
    assert!(after < SOON, "{after:?}");
    for (client, name) in [(&mut kept, "kept"), (&mut new, "new"), (&mut lingering, "lingering")] {
        let rest = client.read_to_end();
        assert!(rest.is_empty(), "{name} gets {}", rest.escape_ascii());
    }
    for client in [&mut slow_head, &mut slow_body] {
        let answer = String::from_utf8(client.read_to_end()).unwrap();
        assert!(!answer.contains("ends early"), "the client is told that it is to blame: {answer}");
    }
    let line = origin.wait_log(&["stream closed", "id=stuck"]);
    assert_eq!(value(&line, "by"), "shutdown", "{line}");
}

/// Waits until the stream of the client that does not read makes no progress.
fn stuck_for_sure(origin: &Origin) {
    let path = format!("/streams/{}", id("stuck"));
    let mut before = (String::new(), Instant::now());
    eventually(|| {
        let state = origin.fetch(&path).1;
        if state != before.0 {
            before = (state, Instant::now());
        }
        (before.1.elapsed() > Duration::from_millis(300) && !before.0.contains(r#""events":0"#)).then_some(())
    });
}

#[test]
fn new_connections_are_refused_at_once_and_the_port_is_free_again() {
    let mut origin = Origin::start();
    let mut stream = origin.open("/events?interval=1h").0;
    stop(&mut origin, Signal::INT);
    let error = TcpStream::connect(origin.address).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    // The server closed first, so its end of the connection waits in the kernel for a minute.
    stream.read_to_end();
    let mut command = Command::new(env!("CARGO_BIN_EXE_sse-argo-tester"));
    command.args(["--listen", &origin.address.to_string()]);
    assert_eq!(Origin::spawn(command).fetch("/healthz").1, "ok\n");
}

#[test]
fn a_second_signal_ends_the_program_at_once() {
    for (first, second) in [(Signal::INT, Signal::INT), (Signal::TERM, Signal::INT), (Signal::INT, Signal::TERM)] {
        let mut origin = Origin::start();
        let _stuck = never_reading(&origin, &id("stuck"), "size=256k&interval=20ms");
        stuck_for_sure(&origin);
        origin.signal(first);
        // The first alone would end it with 0, later. Again and again, because two of a kind may be seen as one.
        let status = eventually(|| {
            origin.signal(second);
            origin.status()
        });
        assert_eq!((status.code(), status.signal()), (Some(130), None));
        assert_eq!(origin.place().read_dir().unwrap().count(), 0, "the private folder is gone");
    }
}

#[test]
fn the_private_folder_is_nobody_elses_and_goes_with_the_program() {
    for signal in [Signal::INT, Signal::TERM] {
        let mut origin = Origin::start();
        let folders: Vec<_> = origin.place().read_dir().unwrap().map(|entry| entry.unwrap()).collect();
        assert_eq!(folders.len(), 1);
        assert!(folders[0].file_name().to_str().unwrap().starts_with("sse-argo-tester-"));
        assert_eq!(folders[0].metadata().unwrap().permissions().mode() & 0o7777, 0o700);
        stop(&mut origin, signal);
        assert_eq!(origin.place().read_dir().unwrap().count(), 0);
    }
}

#[test]
fn a_program_without_clients_ends_at_once() {
    let mut origin = Origin::start();
    let after = stop(&mut origin, Signal::TERM);
    assert!(after < Duration::from_millis(1000), "{after:?}");
}
