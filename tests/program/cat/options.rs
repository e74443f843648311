//! The options of a client.

use std::fs;
use std::io::Write;

use crate::common::program::Program;
use crate::common::raw::{CLOSED, Raw, field};

/// The request, body included, that `cat` sends with `args`.
fn sent(args: &[&str], body: usize) -> (String, String) {
    let raw = Raw::new();
    let program = Program::start(&[&["--once", &raw.url()], args].concat());
    let (mut stream, head) = raw.request();
    let body = String::from_utf8(stream.read_exact(body)).unwrap();
    stream.send(format!("{CLOSED}data: a\n\n"));
    drop(stream);
    let finished = program.finish();
    assert_eq!((finished.code, finished.out.len()), (Some(0), 3), "{}", finished.said());
    (head.replace(&format!(":{}", raw.port()), ":PORT"), body)
}

#[test]
fn a_request_looks_like_a_browsers() {
    let (head, _) = sent(&[], 0);
    let mut lines: Vec<_> = head.trim_end().lines().collect();
    assert_eq!(lines.remove(0), "GET /stream HTTP/1.1");
    lines.sort_unstable();
    let expected = [
        "accept-encoding: gzip".to_owned(),
        "accept: text/event-stream".to_owned(),
        "cache-control: no-cache".to_owned(),
        "host: 127.0.0.1:PORT".to_owned(),
        format!("user-agent: {}", sse_argo_tester::SERVER_NAME),
    ];
    assert_eq!(lines, expected);
}

#[test]
fn fields_replace_ours_keep_them_out_and_come_twice() {
    let args =
        ["-H", "accept: */*", "-HUser-Agent:", "--header=X-A: 1", "-H", "X-A: 2", "-H", "Host: other", "-H", "X-B;"];
    let (head, _) = sent(&args, 0);
    assert_eq!((field(&head, "accept"), field(&head, "user-agent")), (Some("*/*"), None));
    assert_eq!((field(&head, "host"), field(&head, "x-b")), (Some("other"), Some("")));
    assert!(head.contains("x-a: 1\r\n") && head.contains("x-a: 2\r\n"), "{head}");
}

#[test]
fn bodies_and_methods() {
    let typed = "application/x-www-form-urlencoded";
    let (head, body) = sent(&["-d", "a=1", "--data", "b"], 5);
    assert!(head.starts_with("POST /stream "), "{head}");
    assert_eq!((field(&head, "content-type"), field(&head, "content-length")), (Some(typed), Some("5")));
    assert_eq!(body, "a=1&b");
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("body");
    fs::write(&path, "{\n}\r\n").unwrap();
    let from_file = format!("-d@{}", path.display());
    let (head, body) = sent(&[&from_file, "-XPUT", "-H", "Content-Type: application/json"], 2);
    assert!(head.starts_with("PUT /stream "), "{head}");
    assert_eq!((field(&head, "content-type"), body.as_str()), (Some("application/json"), "{}"));
    let (head, _) = sent(&["-X", "POST"], 0);
    assert!(head.starts_with("POST /stream ") && field(&head, "content-length") == Some("0"), "{head}");
    let (head, body) = sent(&["-X", "GET", "-d", "q", "--request", "QUERY"], 1);
    assert!(head.starts_with("QUERY /stream ") && body == "q", "{head}");
}

#[test]
fn a_body_comes_from_standard_input() {
    let raw = Raw::new();
    let (program, mut input) = Program::fed(&["--once", &raw.url(), "-d", "@-"]);
    input.write_all(b"a\nb").unwrap();
    drop(input);
    let (mut stream, head) = raw.request();
    assert_eq!(field(&head, "content-length"), Some("2"));
    assert_eq!(stream.read_exact(2), b"ab");
    stream.send(format!("{CLOSED}data: a\n\n"));
    drop(stream);
    assert_eq!(program.finish().code, Some(0));
}

#[test]
fn addresses_can_be_given_and_chosen() {
    let raw = Raw::new();
    let port = raw.port();
    let resolve = format!("--resolve=sse.example:{port}:127.0.0.1");
    let url = format!("sse.example:{port}/stream");
    let program = Program::start(&["--once", &resolve, &url, "--connect-timeout", "10", "-4"]);
    let head = raw.answer(format!("{CLOSED}data: a\n\n"));
    assert_eq!(field(&head, "host"), Some(format!("sse.example:{port}").as_str()));
    assert_eq!(program.finish().code, Some(0));
    let finished = Program::run(&["-6", &raw.url()]);
    assert_eq!(finished.code, Some(3), "{}", finished.said());
}

#[test]
fn a_proxy_is_asked_to_connect() {
    let raw = Raw::new();
    let proxy = format!("127.0.0.1:{}", raw.port());
    let program = Program::start(&["--once", "http://sse.example/stream", "-x", &proxy]);
    let (mut stream, head) = raw.request();
    assert!(head.starts_with("CONNECT sse.example:80 HTTP/1.1\r\n"), "{head}");
    stream.send("HTTP/1.1 200 OK\r\n\r\n");
    let head = stream.read_until(b"\r\n\r\n");
    assert!(head.text().starts_with("GET /stream HTTP/1.1\r\n"), "{}", head.text());
    stream.send(format!("{CLOSED}data: a\n\n"));
    drop(stream);
    let finished = program.finish();
    assert_eq!((finished.code, finished.out.len()), (Some(0), 3), "{}", finished.said());
}

#[test]
fn wrong_options_are_explained() {
    for (args, said) in [
        (&["http://h/", "-H", "nonsense"][..], "'Name: value'"),
        (&["http://h/", "--max-time", "soon"], "seconds"),
        (&["http://h/", "--resolve", "h:80"], "HOST:PORT:ADDR"),
        (&["http://h/", "-4", "-6"], "-4 and -6 exclude each other"),
        (&["http://h/", "--cacert", "/no/such/file"], "read /no/such/file: No such file"),
        (&["http://h/", "--cacert", "/dev/null"], "no certificate"),
        (&["http://h/", "-d", "@/no/such/file"], "read /no/such/file: No such file"),
        (&["http://h/", "-x", "::"], "is no proxy's URL"),
        (&["ftp://h/x"], "ftp"),
        (&["http://h h/x"], "http://h h/x"),
        (&["http://h/x", "-X", "A B"], "http://h/x"),
        (&[], "url"),
        (&["http://h/", "http://i/"], "http://i/"),
    ] {
        let finished = Program::run(args);
        assert_eq!(finished.code, Some(2), "{args:?}: {}", finished.said());
        assert!(finished.said().contains(said), "{args:?}: {}", finished.said());
    }
}
