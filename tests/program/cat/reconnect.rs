//! Coming back as an `EventSource` does.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::common::Origin;
use crate::common::program::Program;
use crate::common::raw::{CHUNKED, CLOSED, LAST, Raw, chunk, field};

const GONE: &str = "HTTP/1.1 204 No Content\r\n\r\n";

#[test]
fn it_comes_back_behind_the_last_event_after_the_servers_time() {
    let raw = Raw::new();
    let program = Program::start(&[&raw.url(), "--json"]);
    let mut stream = raw.stream();
    stream.send(chunk("retry: 300\nid: \u{e4} 7\ndata: a\n\nid: 8\ndata: incomplete"));
    assert_eq!(program.json()["id"], "\u{e4} 7");
    let cut = Instant::now();
    drop(stream);
    let (mut stream, head) = raw.request();
    assert!(cut.elapsed() >= Duration::from_millis(300));
    assert_eq!(field(&head, "last-event-id"), Some("\u{e4} 7"));
    // The id holds on; another time counts from now on.
    stream.send([CHUNKED.as_bytes(), &chunk("retry: 100\ndata: b\n\n"), LAST.as_bytes()].concat());
    assert_eq!(program.json()["id"], "\u{e4} 7");
    assert_eq!(field(&raw.answer(GONE), "last-event-id"), Some("\u{e4} 7"));
    let finished = program.finish();
    let end = r#"{"kind":"end","last_event_id":"ä 7","retry":100,"how":"clean"}"#;
    assert_eq!((finished.code, finished.out), (Some(0), vec![end.to_owned()]));
    let without_time = |line: &String| {
        let words: Vec<&str> = line.splitn(3, ' ').collect();
        format!("{} {}", words[0], words[2])
    };
    let log = finished.err.iter().map(without_time).collect::<Vec<_>>();
    let expected = [
        "[WARN] the stream was cut: it ended in the middle of its framing",
        "[INFO] reconnecting in 300ms behind the event with id \u{e4} 7",
        "[INFO] reconnecting in 100ms behind the event with id \u{e4} 7",
    ];
    assert_eq!(log, expected);
}

#[test]
fn an_origin_of_ours_ends_it_with_204() {
    let origin = Origin::start();
    let url = format!("http://{}/events?count=3&interval=10ms&retry=100", origin.address);
    let finished = Program::run(&[&url, "--json"]);
    let end = r#"{"kind":"end","last_event_id":"3","retry":100,"how":"clean"}"#;
    assert_eq!((finished.code, finished.out.len(), finished.out[4].as_str()), (Some(0), 5, end));
}

#[test]
fn an_id_can_be_given_and_reset_and_may_be_impossible_to_send() {
    let raw = Raw::new();
    let program = Program::start(&[&raw.url(), "-H", "last-event-id: 5", "--json"]);
    let head = raw.answer(format!("{CLOSED}retry: 100\ndata: a\n\n"));
    assert_eq!(field(&head, "last-event-id"), Some("5"));
    assert_eq!(program.json()["id"], "5");
    let head = raw.answer(format!("{CLOSED}id\n\n"));
    assert_eq!(field(&head, "last-event-id"), Some("5"));
    let head = raw.answer(format!("{CLOSED}id: \u{1}\n\n"));
    assert_eq!(field(&head, "last-event-id"), None);
    assert_eq!(field(&raw.answer(GONE), "last-event-id"), None);
    let finished = program.finish();
    assert!(finished.said().contains("the last event ID \\u{1} can't be sent"), "{}", finished.said());
    assert_eq!((finished.code, &finished.end()["last_event_id"]), (Some(0), &"\u{1}".into()));
}

#[test]
fn the_standard_time_is_three_seconds_and_a_signal_ends_any() {
    for (retry, said) in [("", "reconnecting in 3s"), ("retry: 3600000\n", "reconnecting in 1h")] {
        let raw = Raw::new();
        let program = Program::start(&[&raw.url(), "--json"]);
        raw.answer(format!("{CLOSED}{retry}data: a\n\n"));
        program.log_line(said);
        program.signal(Signal::INT);
        let finished = program.finish();
        assert_eq!((finished.code, &finished.end()["how"]), (Some(130), &"ours".into()));
    }
}

#[test]
fn time_up_ends_a_wait() {
    let raw = Raw::new();
    let program = Program::start(&[&raw.url(), "--json", "--max-time", "3s"]);
    raw.answer(format!("{CLOSED}retry: 3600000\ndata: a\n\n"));
    let finished = program.finish();
    assert_eq!((finished.code, &finished.end()["how"]), (Some(0), &"ours".into()), "{}", finished.said());
}

#[test]
fn a_server_that_is_gone_is_waited_for() {
    let raw = Raw::new();
    let program = Program::start(&[&raw.url(), "--json"]);
    let (mut stream, _) = raw.request();
    drop(raw);
    stream.send(format!("{CLOSED}retry: 100\ndata: a\n\n"));
    drop(stream);
    program.log_line("reconnecting in 100ms");
    program.log_line("Connection refused");
    program.log_line("reconnecting in 100ms");
    program.log_line("reconnecting in 200ms");
    program.signal(Signal::INT);
    let finished = program.finish();
    assert_eq!((finished.code, &finished.end()["how"]), (Some(130), &"ours".into()));
}

#[test]
fn an_answer_that_is_no_stream_ends_it() {
    let raw = Raw::new();
    let program = Program::start(&[&raw.url(), "--json"]);
    let mut stream = raw.stream();
    stream.send(chunk("retry: 100\ndata: a\n\n"));
    drop(stream);
    raw.answer(crate::common::raw::response("502 Bad Gateway", "text/html", "<title>Bad</title>"));
    let finished = program.finish();
    assert_eq!((finished.code, &finished.end()["how"]), (Some(4), &"truncated".into()));
    assert!(
        finished.said().contains("502, something in between got no usable answer from the origin (text/html): \"Bad\""),
        "{}",
        finished.said()
    );
}

#[test]
fn once_is_once() {
    let raw = Raw::new();
    let program = Program::start(&["--once", &raw.url()]);
    raw.answer(format!("{CLOSED}retry: 0\ndata: a\n\n"));
    let finished = program.finish();
    assert_eq!((finished.code, finished.untimed()), (Some(0), vec!["event=message", "  a", "end=clean retry=0ms"]));
}
