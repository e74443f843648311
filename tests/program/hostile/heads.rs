//! Request heads that are malformed, ambiguous, too large or not HTTP at all; and odd ones that are right.

use super::{assert_is_one_line, refusal};
use crate::common::Client;
use crate::common::witness::Scene;

/// What is sent, the status it gets, and a part of the reason.
type Refused = (&'static [u8], u16, &'static str);

const NOT_HTTP: [Refused; 8] = [
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, "TLS"),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "HTTP/1.1"),
    (b"\x05\x01\x00", 400, "control character"),
    (b"\0\0\0\x05hello", 400, "control character"),
    (b"\n", 400, "CRLF"),
    (b"\rGET / HTTP/1.1", 400, "CR"),
    (b"\xff\xfe\xfd", 400, "above 127"),
    (b"*1\r\n$4\r\nPING\r\n\r\n", 400, "request line"),
];

const REQUEST_LINES: [Refused; 28] = [
    (b"GET / HTTP/2.0", 505, "HTTP/1.1"),
    (b"GET / HTTP/2", 505, "HTTP/1.1"),
    (b"GET / HTTP/3.0", 505, "HTTP/1.1"),
    (b"GET / HTTP/1.2", 505, "HTTP/1.1"),
    (b"GET / HTTP/0.9", 505, "HTTP/1.1"),
    (b"GET / http/1.1", 400, "request line"),
    (b"GET /", 400, "request line"),
    (b"GET", 400, "request line"),
    (b"GET  / HTTP/1.1", 400, "request line"),
    (b"GET /  HTTP/1.1", 400, "request line"),
    (b"GET / HTTP/1.1 ", 400, "request line"),
    (b" GET / HTTP/1.1", 400, "request line"),
    (b"GET /a b HTTP/1.1", 400, "request line"),
    (b"GET\t/\tHTTP/1.1", 400, "request line"),
    (b"G(T / HTTP/1.1", 400, "request line"),
    (b"GET /\0 HTTP/1.1", 400, "control character"),
    (b"GET /\x1b[31m HTTP/1.1", 400, "control character"),
    (b"GET /\x7f HTTP/1.1", 400, "control character"),
    (b"GET /caf\xc3\xa9 HTTP/1.1", 400, "above 127"),
    (b"GET /#top HTTP/1.1", 400, "fragment"),
    (b"GET * HTTP/1.1", 400, "path"),
    (b"GET events HTTP/1.1", 400, "path"),
    (b"GET localhost:80 HTTP/1.1", 400, "path"),
    (b"GET ftp://localhost/ HTTP/1.1", 400, "path"),
    (b"GET http:/// HTTP/1.1", 400, "path"),
    (b"CONNECT localhost:443 HTTP/1.1", 501, "method"),
    (b"TRACE / HTTP/1.1", 501, "method"),
    (b"get / HTTP/1.1", 501, "method"),
];

/// Field lines behind a good request line and Host.
const FIELDS: [Refused; 30] = [
    (b"Host: other", 400, "more than one Host"),
    (b"X : y", 400, "field name"),
    (b": y", 400, "field name"),
    (b"no colon", 400, "field name"),
    (b"X: y\r\n folded", 400, "field"),
    (b"X: y\r\n\tfolded", 400, "field"),
    (b"X: \0", 400, "control character"),
    (b"X: \x08", 400, "control character"),
    (b"X: \x7f", 400, "control character"),
    (b"X: a\rY: b", 400, "CR"),
    (b"X: a\nY: b", 400, "LF"),
    (b"X: a\n", 400, "LF"),
    ("\u{fc}: y".as_bytes(), 400, "field name"),
    (b"Expect: 200-ok", 417, "100-continue"),
    (b"Expect: 100-continue, 200-ok", 417, "100-continue"),
    (b"Transfer-Encoding: gzip", 501, "chunked"),
    (b"Transfer-Encoding: gzip, chunked", 501, "chunked"),
    (b"Transfer-Encoding: chunked, identity", 501, "chunked"),
    (b"Transfer-Encoding: identity", 501, "chunked"),
    (b"Transfer-Encoding: xchunked", 501, "chunked"),
    (b"Transfer-Encoding:", 501, "chunked"),
    (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", 400, "more than one"),
    (b"Transfer-Encoding: chunked\r\nContent-Length: 5", 400, "both"),
    (b"Content-Length: 5\r\nTransfer-Encoding: chunked", 400, "both"),
    (b"Content-Length: 5\r\nTransfer-Encoding: gzip", 400, "both"),
    (b"Content-Length: 5\r\nContent-Length: 6", 400, "more than one"),
    (b"Content-Length: 5\r\nContent-Length: 5", 400, "more than one"),
    (b"Content-Length: 5, 5", 400, "Content-Length"),
    (b"Content-Length: 107374182400", 413, "65536"),
    (b"Content-Length: 99999999999999999999999999", 413, "65536"),
];

const BAD_LENGTHS: [&str; 8] = ["", "-1", "+1", "0x10", "1e3", "1 2", "five", "\u{661}"];

/// Sends `bytes` whole, and once more byte by byte.
fn assert_refused(scene: &Scene, bytes: &[u8], status: u16, part: &str) {
    for piece in [bytes.len(), 1] {
        let mut client = scene.origin.connect();
        for bytes in bytes.chunks(piece) {
            // The server may refuse, and close, before the last byte.
            let _ = std::io::Write::write_all(&mut client.stream, bytes);
        }
        let (got, reason) = refusal(&mut client);
        let sent = bytes.escape_ascii().to_string();
        assert!(got == status && reason.contains(part), "{got} {reason:?} for {sent:.200}");
    }
}

#[test]
fn what_is_no_http_1_is_refused_at_once() {
    let mut scene = Scene::new();
    for (bytes, status, part) in NOT_HTTP {
        assert_refused(&scene, bytes, status, part);
    }
    scene.check();
}

#[test]
fn request_lines_that_are_wrong_are_refused() {
    let mut scene = Scene::new();
    for (line, status, part) in REQUEST_LINES {
        assert_refused(&scene, &[line, b"\r\nHost: a\r\n\r\n"].concat(), status, part);
    }
    scene.check();
}

#[test]
fn fields_that_are_wrong_are_refused() {
    let mut scene = Scene::new();
    let lengths = BAD_LENGTHS.map(|length| format!("Content-Length: {length}"));
    let lengths = lengths.iter().map(|field| (field.as_bytes(), 400, "Content-Length"));
    for (field, status, part) in FIELDS.into_iter().chain(lengths) {
        assert_refused(&scene, &[b"POST /events HTTP/1.1\r\nHost: a\r\n", field, b"\r\n\r\n"].concat(), status, part);
    }
    scene.check();
}

#[test]
fn a_request_has_one_host() {
    let mut scene = Scene::new();
    for fields in ["", "Host: a\r\nHost: a\r\n", "Host: a b\r\n", "Host: a/b\r\n", "Host: a@b\r\n"] {
        assert_refused(&scene, format!("GET / HTTP/1.1\r\n{fields}\r\n").as_bytes(), 400, "Host");
    }
    assert_refused(&scene, b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "HTTP/1.0");
    scene.check();
}

#[test]
fn heads_have_limits() {
    let mut scene = Scene::new();
    let with_target = |len: usize| format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(len - 1));
    let with_fields = |fields: &str| format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
    let head_of = |len: usize| with_fields(&format!("X: {}\r\n", "a".repeat(len - with_fields("X: \r\n").len())));
    for (head, status, part) in [
        (with_target(8193), 414, "8192"),
        (with_target(9000), 414, "8192"),
        (format!("{} / HTTP/1.1\r\nHost: a\r\n\r\n", "A".repeat(9000)), 414, "8192"),
        (with_fields(&"X: y\r\n".repeat(100)), 431, "100"),
        (with_fields(&format!("{}: y\r\n", "X".repeat(40_000))), 431, "32768"),
        (head_of(32_769), 431, "32768"),
        ("\r\n".repeat(20_000), 431, "32768"),
    ] {
        let mut client = scene.origin.connect();
        let _ = std::io::Write::write_all(&mut client.stream, head.as_bytes());
        let (got, reason) = refusal(&mut client);
        assert!(got == status && reason.contains(part), "{got} {reason:?} for {head:.60}");
    }
    for (head, status) in [(with_target(8192), 404), (with_fields(&"X: y\r\n".repeat(99)), 200), (head_of(32_768), 200)]
    {
        let mut client = scene.origin.connect();
        client.send(&head);
        assert_eq!(client.read_response().0.status, status, "{head:.60}");
    }
    scene.check();
}

#[test]
fn a_head_without_end_is_refused_early_and_takes_no_memory() {
    const SENT: usize = 64 * 1024 * 1024;
    const MORE_KIB_MAX: u64 = 4 * 1024;
    let mut scene = Scene::new();
    scene.check();
    for start in ["GET /", "GET / HTTP/1.1\r\nHost: a\r\nX: ", "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n", ""] {
        let before = scene.gauge().peak_memory();
        let mut client = scene.origin.connect();
        let piece = if start.ends_with('\n') { "X: y\r\n" } else { "aaaaaa" }.repeat(10_000);
        let mut sent = 0;
        client.send(start);
        while sent < SENT && std::io::Write::write_all(&mut client.stream, piece.as_bytes()).is_ok() {
            sent += piece.len();
        }
        assert!(sent < SENT / 2, "the server took {sent} bytes");
        let answer = client.read_head();
        assert!(matches!(answer.status, 414 | 431), "{}", answer.text);
        let more = scene.gauge().peak_memory() - before;
        assert!(more < MORE_KIB_MAX, "{more} KiB more");
        scene.check();
    }
}

#[test]
fn a_head_that_ends_early_is_refused() {
    let mut scene = Scene::new();
    for part in ["G", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: a\r\n", "\r\n"] {
        let mut client = scene.origin.connect();
        client.send(part);
        client.half_close();
        let (status, reason) = refusal(&mut client);
        assert!(status == 400 && reason.contains("ends early"), "{status} {reason:?} for {part:?}");
    }
    let mut silent = scene.origin.connect();
    silent.half_close();
    assert!(silent.is_at_end(), "who asks for nothing gets nothing");
    scene.check();
}

/// Odd, but right: what is sent, the status, and a part of the answer.
const SERVED: [(&[u8], u16, &str); 19] = [
    (b"GET http://elsewhere:81/healthz HTTP/1.1\r\nHost: a\r\n\r\n", 200, "ok"),
    (b"GET HTTPS://[::1]/healthz HTTP/1.1\r\nHost: a\r\n\r\n", 200, "ok"),
    (b"GET http://a/healthz?x HTTP/1.1\r\nHost: b\r\n\r\n", 200, "ok"),
    (b"GET http://a HTTP/1.1\r\nHost: b\r\n\r\n", 200, "<html"),
    (b"GET http://a?q HTTP/1.1\r\nHost: b\r\n\r\n", 200, "<html"),
    (b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 204, "Allow: GET, HEAD, POST, OPTIONS\r\n"),
    (b"\r\n\r\nGET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", 200, "ok"),
    (b"GET /healthz HTTP/1.0\r\n\r\n", 200, "ok"),
    (b"GET /healthz HTTP/1.1\r\nhOsT:a\r\n\r\n", 200, "ok"),
    (b"GET /healthz HTTP/1.1\r\nHost:\r\n\r\n", 200, "ok"),
    (b"GET /healthz HTTP/1.1\r\nHost: a\r\nX:\r\nX-Tab: a\tb\r\n\r\n", 200, "ok"),
    (b"GET /healthz HTTP/1.1\r\nHost: a\r\nCf-Ipcity: Z\xc3\xbcrich\r\n\r\n", 200, "ok"),
    (b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: \xff\xfe\x80\r\n\r\n", 200, "ok"),
    (
        b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n",
        200,
        "ok",
    ),
    (b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: host, x, ,\r\n\r\n", 200, "ok"),
    (b"GET /healthz HTTP/1.1\r\nHost: a\r\n!#$%&'*+-.^_`|~: y\r\n\r\n", 200, "ok"),
    (b"PUT /events HTTP/1.1\r\nHost: a\r\n\r\n", 405, "Allow: GET, HEAD, POST, OPTIONS\r\n"),
    (b"DELETE /healthz HTTP/1.1\r\nHost: a\r\n\r\n", 405, "Allow: GET, HEAD, OPTIONS\r\n"),
    (b"GET /../../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n", 404, "nothing here"),
];

#[test]
fn what_is_odd_but_right_is_served() {
    let mut scene = Scene::new();
    for (bytes, status, part) in SERVED {
        let mut client = scene.origin.connect();
        client.send(bytes);
        client.half_close();
        let answer = String::from_utf8(client.read_to_end()).unwrap();
        let right = answer.starts_with(&format!("HTTP/1.1 {status} ")) && answer.contains(part);
        assert!(right, "{answer:.400} for {}", bytes.escape_ascii());
    }
    scene.check();
}

#[test]
fn paths_that_are_not_there_are_not_found() {
    let mut scene = Scene::new();
    for path in ["/events/", "//events", "/EVENTS", "/%65vents", "/streams/", "/streams/..", "/metrics", "/\"<>|`{}\\^"]
    {
        let (head, body) = scene.origin.fetch(path);
        assert_eq!(head.status, 404, "{path}: {body}");
        assert_is_one_line(&body);
    }
    scene.check();
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let mut scene = Scene::new();
    let mut client = scene.origin.connect();
    let ask = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    client.send([ask("/healthz"), ask("/nowhere"), ask("/events?count=0"), ask("/time"), "x\r\n\r\n".into()].concat());
    assert_eq!(client.read_response().0.status, 200);
    assert_eq!(client.read_response().0.status, 404);
    assert_eq!(client.read_head().status, 200);
    assert_eq!(client.read_chunks().len(), 1);
    assert!(client.read_response().1.contains("now_us"));
    assert_eq!(refusal(&mut client).0, 400);

    let mut many: Client = scene.origin.connect();
    many.send(ask("/healthz").repeat(500));
    for n in 0..500 {
        assert_eq!(many.read_response().1, "ok\n", "answer {n}");
    }
    scene.check();
}
