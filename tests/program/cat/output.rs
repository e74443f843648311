//! What is printed, and when.

use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::common::Origin;
use crate::common::program::{Program, untimed};
use crate::common::raw::{CHUNKED, CLOSED, LAST, Raw, chunk, response};

#[test]
fn an_event_is_printed_as_soon_as_it_is_complete() {
    let raw = Raw::new();
    let program = Program::start(&["--once", &raw.url()]);
    let mut stream = raw.stream();
    stream.send(chunk("id: 1\ndata: a\n\nevent: tick\nda"));
    assert_eq!(untimed(&program.line()), "event=message id=1");
    assert_eq!(program.line(), "  a");
    stream.send(chunk("ta: b\rdata: c\r\r"));
    assert_eq!(untimed(&program.line()), "event=tick id=1");
    assert_eq!([program.line(), program.line()], ["  b", "  c"]);
    stream.send(chunk("data: incomplete\n"));
    stream.send(LAST);
    let finished = program.finish();
    assert_eq!((finished.code, finished.untimed()), (Some(0), vec!["end=clean id=1"]));
    assert_eq!(finished.err, [""; 0]);
}

#[test]
fn json_lines_are_as_promised() {
    let raw = Raw::new();
    let now_ms = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
    let before = now_ms();
    let program = Program::start(&[&raw.url(), "--json", "--comments", "--once"]);
    let mut stream = raw.stream();
    stream
        .send(chunk("retry: 250\nevent: a \"b\"\nid: \u{e4}\ndata: x\ndata:\ndata: \u{1f600}\u{1}\n\n: c\n\ndata\n\n"));
    let first = program.line();
    let at_ms = serde_json::from_str::<serde_json::Value>(&first).unwrap()["at_ms"].as_u64().unwrap();
    assert!((before..=now_ms()).contains(&at_ms), "{at_ms}");
    let rest = format!(r#""id":"ä","at_ms":{at_ms}}}"#);
    assert_eq!(first, format!(r#"{{"kind":"event","event":"a \"b\"","data":"x\n\n😀\u0001",{rest}"#));
    assert_eq!(program.line(), r#"{"kind":"comment","text":" c"}"#);
    assert_eq!(program.line(), format!(r#"{{"kind":"event","event":"message","data":"",{rest}"#));
    stream.send(LAST);
    let finished = program.finish();
    assert_eq!(finished.out, [r#"{"kind":"end","last_event_id":"ä","retry":250,"how":"clean"}"#]);
    assert_eq!(finished.code, Some(0));
}

#[test]
fn comments_are_printed_if_wanted() {
    let input = b":\n: still here\ndata: a\n\n";
    let quiet = Program::run_on(&["-"], input);
    assert_eq!(quiet.untimed(), ["event=message", "  a", "end=clean"]);
    let told = Program::run_on(&["-", "--comments"], input);
    assert_eq!(told.untimed(), [":", ": still here", "event=message", "  a", "end=clean"]);
}

#[test]
fn nothing_that_a_terminal_obeys_is_printed() {
    let input = b"event: e\x1b]0;t\x07\nid: \x9b\xc2\x9b\ndata: \xff\xe2\x82 \x1b[2J\x08\t\x00\n: \x7f\n\n";
    let finished = Program::run_on(&["-", "--comments"], input);
    let expected = [
        ": \\u{7f}",
        "event=e\\u{1b}]0;t\\u{7} id=\u{fffd}\\u{9b}",
        "  \u{fffd}\u{fffd} \\u{1b}[2J\\u{8}\\t\\u{0}",
        "end=clean id=\u{fffd}\\u{9b}",
    ];
    assert_eq!(finished.untimed(), expected);
}

#[test]
fn standard_input_is_printed_as_it_comes() {
    let (program, mut input) = Program::fed(&["--json", "-"]);
    input.write_all(b"\xef\xbb\xbfdata: a\r\n\r").unwrap();
    assert_eq!(program.json()["data"], "a");
    input.write_all(b"\nid: 7\nretry: 9\n\ndata: b\n\ndata: never\n").unwrap();
    assert_eq!(program.json()["data"], "b");
    drop(input);
    let finished = program.finish();
    assert_eq!(finished.out, [r#"{"kind":"end","last_event_id":"7","retry":9,"how":"clean"}"#]);
    assert_eq!(finished.code, Some(0));
}

#[test]
fn the_events_of_our_origin() {
    let origin = Origin::with(&["--base-path", "/sse"]);
    let root = format!("{}/sse/?interval=10ms&count=2&", origin.address);
    for encoding in ["encoding=none", "encoding=gzip", "encoding=gzip&framing=close", "framing=length"] {
        let program = Program::start(&[&format!("{root}{encoding}"), "--json", "--once"]);
        let hello: serde_json::Value = serde_json::from_str(program.json()["data"].as_str().unwrap()).unwrap();
        assert_eq!(hello["target"], format!("/sse/events?interval=10ms&count=2&{encoding}"));
        let finished = program.finish();
        assert_eq!((finished.code, finished.out.len()), (Some(0), 3), "{}", finished.said());
        let end = finished.end();
        assert_eq!((&end["last_event_id"], &end["how"]), (&"2".into(), &"clean".into()));
    }
}

#[test]
fn a_gzip_stream_of_our_origin_is_printed_while_it_goes_on() {
    let origin = Origin::start();
    let program = Program::start(&[&format!("http://{}?encoding=gzip&interval=20ms", origin.address), "--json"]);
    for id in ["", "1", "2", "3"] {
        assert_eq!(program.json()["id"], id);
    }
}

#[test]
fn the_root_of_a_stranger_is_used_as_given() {
    let answers = [
        response("404 Not Found", "text/plain", "no"),
        response("200 OK", "application/json", "{\"server\":\"nginx\"}"),
        // An application that answers everything with its page, and one that streams whatever it is asked for.
        response("200 OK", "text/html", &"<p>".repeat(10_000)),
        format!("{CHUNKED}{}", "400\r\n".to_owned() + &"x".repeat(1024) + "\r\n400\r\n" + &"x".repeat(1024)),
        String::new(),
    ];
    for answer in answers {
        let raw = Raw::new();
        let program = Program::start(&[&format!("127.0.0.1:{}", raw.port()), "--once", "-HCookie: a=b"]);
        let (mut asked, head) = raw.request();
        assert!(head.starts_with("GET /time HTTP/1.1\r\n") && head.contains("a=b"), "{head}");
        asked.send(&answer);
        if answer.is_empty() {
            drop(asked);
        }
        let head = raw.answer(format!("{CLOSED}data: a\n\n"));
        assert!(head.starts_with("GET / HTTP/1.1\r\n"), "{head}");
        assert_eq!(program.finish().untimed(), ["event=message", "  a", "end=clean"]);
    }
}

#[test]
fn gzip_is_printed_as_far_as_it_came_wherever_it_is_cut() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let mut flushed = |text: &str| {
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.flush().unwrap();
        std::mem::take(encoder.get_mut())
    };
    let parts = [flushed("data: 1\n\n"), flushed("data: 2\n\n")];
    let rest = encoder.finish().unwrap();
    let raw = Raw::new();
    let program = Program::start(&[&raw.url(), "--json", "--once"]);
    let (mut stream, _) = raw.request();
    stream.send(CHUNKED.replace("\r\n\r\n", "\r\nContent-Encoding: gzip\r\n\r\n"));
    for (part, data) in parts.iter().zip(["1", "2"]) {
        for byte in part {
            stream.send(chunk([*byte]));
        }
        assert_eq!(program.json()["data"], data);
    }
    stream.send(chunk(rest));
    // A second member, as `cat a.gz b.gz` makes.
    stream.send(chunk([&parts[0][..], &[3, 0]].concat()));
    assert_eq!(program.json()["data"], "1");
    stream.send(LAST);
    let finished = program.finish();
    assert_eq!((finished.code, &finished.end()["how"]), (Some(5), &"truncated".into()), "{}", finished.said());
}

#[test]
fn a_closed_pipe_is_success_at_once() {
    let raw = Raw::new();
    for talks in [false, true] {
        let (program, out) = Program::unread(&[&raw.url(), "--json"]);
        let mut stream = raw.stream();
        drop(out);
        if talks {
            // It may be gone already.
            let _ = std::io::Write::write_all(&mut stream.stream, &chunk("data: a\n\n"));
        }
        let finished = program.finish();
        assert_eq!((finished.code, finished.said().as_str()), (Some(0), ""));
    }
}

#[test]
fn a_stream_that_waits_is_not_ended_by_a_reader_that_waits() {
    let raw = Raw::new();
    let (program, _out) = Program::unread(&[&raw.url(), "--json"]);
    let mut stream = raw.stream();
    // More than the pipe holds: it stands still in the middle of a line, until it is told to end.
    let event = format!("data: {}\n\n", "x".repeat(200_000));
    stream.send(chunk(event));
    program.signal(rustix::process::Signal::INT);
    program.signal(rustix::process::Signal::INT);
    assert_eq!(program.finish().code, Some(130));
}
