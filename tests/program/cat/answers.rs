//! Answers that are no event stream, and none at all.

use std::io::Write;
use std::net::TcpListener;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::common::program::{Finished, Program};
use crate::common::raw::{CLOSED, Raw, response};

/// What `cat` makes of an answer.
fn cat(answer: impl AsRef<[u8]>) -> Finished {
    let raw = Raw::new();
    let program = Program::start(&[&raw.url(), "--json"]);
    raw.answer(answer);
    program.finish()
}

/// Whether it ended with a code and a sentence, and printed nothing else.
fn ended(finished: &Finished, code: i32, sentence: &str) {
    assert_eq!(finished.code, Some(code), "{finished:?}");
    assert_eq!(finished.said(), format!("sse-argo-tester: {sentence}"));
    assert_eq!(finished.out, [""; 0]);
}

#[test]
fn what_is_no_event_stream_is_named() {
    let lead = "the answer is no event stream but";
    let missing = cat(response("404 Not Found", "text/plain; charset=utf-8", "\nno such page\nmore"));
    let advice = "is the path right, and does the proxy pass it on unchanged?";
    ended(&missing, 4, &format!("{lead} 404, not found (text/plain): \"no such page\"\n{advice}"));
    let empty = cat("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=a\r\nContent-Length: 0\r\n\r\n");
    let sentence = "401, credentials are wanted (no content type; www-authenticate: Basic)";
    assert_eq!(empty.err[0], format!("sse-argo-tester: {lead} {sentence}"));
    assert!(empty.code == Some(4) && empty.said().contains("try -H 'Authorization: ...'"), "{}", empty.said());
    let login = cat(response("200 OK", "text/html", "<!doctype html>\n<html><title>\nSign in\x07</title>"));
    assert_eq!(login.err[0], format!("sse-argo-tester: {lead} 200, a page (text/html): \"Sign in\\u{{7}}\""));
    let json = cat(response("200 OK", "application/json", "{\"a\":1}"));
    assert_eq!(json.err[0], format!("sse-argo-tester: {lead} 200, JSON (application/json): \"{{\"a\":1}}\""));
    let failed = cat(response("500 Oops", "text/event-stream", "data: no\n\n"));
    assert_eq!(failed.code, Some(4));
}

#[test]
fn logins_and_challenges_are_known_however_they_are_packed() {
    let moved = "HTTP/1.1 302 Found\r\nLocation: /oauth2/start\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let raw = Raw::new();
    let program = Program::start(&[&raw.url()]);
    raw.answer(moved);
    raw.answer(response("200 OK", "text/html", "<title>Who are you?</title>"));
    let sentence = "200, a login, to judge by its URL (text/html), after a redirect to 127.0.0.1: \"Who are you?\"";
    let finished = program.finish();
    assert!(finished.code == Some(4) && finished.said().contains(sentence), "{}", finished.said());
    // Compressed, and in the second piece.
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(b"<html><title>Just a moment...</title>").unwrap();
    let page = gzip.finish().unwrap();
    let (first, second) = page.split_at(20);
    let program = Program::start(&[&raw.url()]);
    let (mut stream, _) = raw.request();
    let head = "HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\n";
    stream.send(format!("{head}Content-Length: {}\r\n\r\n", page.len()));
    stream.send(first);
    stream.send(second);
    let finished = program.finish();
    let sentence = "403, Cloudflare's bot challenge (text/html): \"Just a moment...\"";
    assert!(finished.code == Some(4) && finished.said().contains(sentence), "{}", finished.said());
}

#[test]
fn an_answer_that_never_ends_is_named_too() {
    let raw = Raw::new();
    let program = Program::start(&[&raw.url()]);
    let (mut stream, _) = raw.request();
    stream.send("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nand so on");
    let finished = program.finish();
    assert_eq!(finished.code, Some(4));
    assert!(finished.said().contains("200, plain text (text/plain): \"and so on\""), "{}", finished.said());
}

#[test]
fn the_content_type_may_have_parameters_in_any_case() {
    let raw = Raw::new();
    let program = Program::start(&[&raw.url(), "--once"]);
    raw.answer(CLOSED.replace("text/event-stream", "Text/Event-Stream ;charset=UTF-8") + "data: a\n\n");
    assert_eq!(program.finish().untimed(), ["event=message", "  a", "end=clean"]);
}

#[test]
fn a_coding_that_was_not_asked_for_is_named() {
    let finished = cat(CLOSED.replace("\r\n\r\n", "\r\nContent-Encoding: br\r\n\r\n"));
    let advice = "something compresses without being asked: try -H 'Accept-Encoding: identity'";
    ended(&finished, 4, &format!("the content encoding is \"br\", not gzip\n{advice}"));
}

#[test]
fn no_content_is_the_end_for_good() {
    let finished = cat("HTTP/1.1 204 No Content\r\n\r\n");
    let end = r#"{"kind":"end","last_event_id":"","retry":null,"how":"clean"}"#;
    assert_eq!((finished.code, finished.out), (Some(0), vec![end.to_owned()]));
}

#[test]
fn who_is_not_there_is_not_waited_for() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for path in ["", "/", "/stream"] {
        let finished = Program::run(&[&format!("{free}{path}"), "--json"]);
        let refused = format!("connect to {free}: Connection refused (os error 111)");
        ended(&finished, 3, &format!("{refused}\nis it running, and are address and port right?"));
    }
    let finished = Program::run(&["nowhere.invalid/stream"]);
    assert_eq!(finished.code, Some(3));
    assert!(finished.said().contains("resolve nowhere.invalid"), "{}", finished.said());
    let silent = cat("");
    assert_eq!(silent.code, Some(3));
    assert!(silent.said().contains("closed without an answer"), "{}", silent.said());
    let secure = Raw::new();
    let program = Program::start(&[&secure.url().replace("http:", "https:")]);
    secure.accept().send("HTTP/1.1 400 Bad Request\r\n\r\n");
    let finished = program.finish();
    assert_eq!(finished.code, Some(3));
    assert!(finished.said().contains("set up TLS with 127.0.0.1:"), "{}", finished.said());
}

#[test]
fn redirects_are_followed_if_they_lead_somewhere() {
    let moved = "HTTP/1.1 307 Moved\r\nLocation: /there\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let raw = Raw::new();
    let program = Program::start(&[&raw.url(), "--once"]);
    raw.answer(moved);
    let head = raw.answer(format!("{CLOSED}data: a\n\n"));
    assert!(head.starts_with("GET /there ") && head.contains("text/event-stream"), "{head}");
    assert_eq!(program.finish().code, Some(0));
    let program = Program::start(&[&raw.url(), "--once"]);
    for _ in 0..11 {
        raw.answer(moved);
    }
    let finished = program.finish();
    assert_eq!(finished.code, Some(4));
    assert!(finished.said().contains("there are more than 10"), "{}", finished.said());
}
