//! How a stream ends, and what becomes of the program.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use rustix::process::Signal;

use crate::common::Origin;
use crate::common::program::Program;
use crate::common::raw::{CHUNKED, CLOSED, LAST, Raw, chunk};

#[test]
fn endings_are_told_apart() {
    let cases: [(&str, &[u8], bool, &str, i32); 7] = [
        (CHUNKED, LAST.as_bytes(), false, "clean", 0),
        (CHUNKED, b"", false, "truncated", 5),
        (CHUNKED, b"20\r\ndata: b", false, "truncated", 5),
        (CHUNKED, b"", true, "reset", 5),
        (CHUNKED, b"nonsense\r\n", false, "truncated", 5),
        (CLOSED, b"", false, "clean", 0),
        (CLOSED, b"", true, "reset", 5),
    ];
    for (head, tail, resets, how, code) in cases {
        let raw = Raw::new();
        let program = Program::start(&[&raw.url(), "--json", "--once"]);
        let (mut stream, _) = raw.request();
        stream.send(head);
        let event = "id: 1\ndata: a\n\n";
        stream.send(if head == CHUNKED { chunk(event) } else { event.into() });
        assert_eq!(program.json()["data"], "a");
        stream.send(tail);
        if resets {
            stream.reset();
        } else {
            drop(stream);
        }
        let finished = program.finish();
        let end = format!(r#"{{"kind":"end","last_event_id":"1","retry":null,"how":"{how}"}}"#);
        assert_eq!((finished.code, &finished.out), (Some(code), &vec![end]), "{} {resets}", tail.escape_ascii());
        assert_eq!(finished.said().contains("the stream was cut"), code == 5, "{}", finished.said());
    }
}

#[test]
fn an_aborting_origin_of_ours() {
    let origin = Origin::start();
    let url = format!("http://{}/events?count=1&interval=10ms&end=abort", origin.address);
    let finished = Program::run(&[&url, "--json", "--once"]);
    assert_eq!((finished.code, &finished.end()["how"]), (Some(5), &"reset".into()));
}

#[test]
fn gzip_that_is_cut_or_none_is_no_clean_end() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(b"data: a\n\n").unwrap();
    let whole = encoder.finish().unwrap();
    let corrupt = [&whole[..whole.len() - 8], &whole[..], &b"no gzip at all"[..]].concat();
    for (body, how, code) in [
        (&whole[..], "clean", 0),
        (&whole[..whole.len() - 1], "truncated", 5),
        (&corrupt[..], "corrupt", 5),
        (b"data: not compressed\n\n", "corrupt", 5),
        (b"", "clean", 0),
    ] {
        let raw = Raw::new();
        let program = Program::start(&[&raw.url(), "--json", "--once"]);
        let head = CLOSED.replace("\r\n\r\n", "\r\nContent-Encoding: gzip\r\n\r\n");
        raw.answer([head.as_bytes(), body].concat());
        let finished = program.finish();
        assert_eq!((finished.code, &finished.end()["how"]), (Some(code), &how.into()), "{}", finished.said());
    }
}

#[test]
fn a_signal_ends_it_with_its_last_line() {
    let raw = Raw::new();
    for signal in [Signal::INT, Signal::TERM] {
        let program = Program::start(&[&raw.url(), "--json"]);
        let mut stream = raw.stream();
        stream.send(chunk("id: 1\ndata: a\n\n"));
        assert_eq!(program.json()["data"], "a");
        program.signal(signal);
        let finished = program.finish();
        let end = r#"{"kind":"end","last_event_id":"1","retry":null,"how":"ours"}"#;
        assert_eq!((finished.code, finished.out), (Some(130), vec![end.to_owned()]));
        assert!(stream.is_at_end(), "the server sees it go");
    }
}

#[test]
fn a_signal_ends_it_before_there_is_an_answer_and_on_standard_input() {
    let raw = Raw::new();
    let program = Program::start(&[&raw.url(), "--json"]);
    let _waits = raw.request();
    program.signal(Signal::INT);
    let finished = program.finish();
    assert_eq!((finished.code, &finished.end()["how"]), (Some(130), &"ours".into()));

    let (program, mut input) = Program::fed(&["-", "--json"]);
    input.write_all(b"data: a\n\n").unwrap();
    assert_eq!(program.json()["data"], "a");
    program.signal(Signal::INT);
    let finished = program.finish();
    assert_eq!((finished.code, &finished.end()["how"]), (Some(130), &"ours".into()));
}

#[test]
fn the_time_given_ends_it() {
    let raw = Raw::new();
    let program = Program::start(&[&raw.url(), "--json", "--max-time=3"]);
    let mut stream = raw.stream();
    stream.send(chunk("data: a\n\n"));
    let finished = program.finish();
    assert_eq!((finished.code, finished.out.len(), &finished.end()["how"]), (Some(0), 2, &"ours".into()));
    assert!(stream.is_at_end());
}

#[test]
fn the_time_given_without_an_answer_is_none() {
    let raw = Raw::new();
    for path in ["stream", ""] {
        let url = raw.url().replace("stream", path);
        let program = Program::start(&[&url, "--max-time", "250ms"]);
        let finished = program.finish();
        let said =
            format!("sse-argo-tester: wait for the response head of {url}: no answer in the time given by --max-time");
        assert_eq!((finished.code, finished.said(), finished.out.len()), (Some(3), said, 0));
    }
}
