//! What the origin tells of the request: in the hello event and in its log.

use crate::common::{Client, Origin};
use serde_json::{Value, json};
use sse_argo_tester::verdict::Hop;

/// Sends a request for a stream that ends at once, and returns the hello event's data.
fn hello(client: &mut Client, request: &[u8]) -> Value {
    client.send(request);
    assert_eq!(client.read_head().status, 200);
    let hello = client.read_event();
    assert_eq!(hello.field("event"), Some("hello"));
    assert!(client.read_chunk().is_none());
    hello.json()
}

#[test]
fn hello_tells_what_the_origin_saw() {
    let origin = Origin::with(&["--interval", "1500ms"]);
    let mut client = origin.connect();
    let target = "/events?count=0&id=0123456789abcdef&event=%74ick";
    let hello = hello(&mut client, format!("GET {target} HTTP/1.1\r\nHost: test:80\r\n\r\n").as_bytes());
    let keys: Vec<_> = hello.as_object().unwrap().keys().map(String::as_str).collect();
    let mut expected = [
        "sent_us",
        "time",
        "server",
        "id",
        "http",
        "method",
        "target",
        "peer",
        "headers",
        "body_bytes",
        "interval_ms",
        "framing",
        "last_event_id",
    ];
    expected.sort_unstable();
    assert_eq!(keys, expected);
    let mut hello = hello;
    for stamp in ["sent_us", "time"] {
        hello.as_object_mut().unwrap().remove(stamp);
    }
    let expected = json!({
        "server": concat!("sse-argo-tester/", env!("CARGO_PKG_VERSION")),
        "id": "0123456789abcdef",
        "http": "HTTP/1.1",
        "method": "GET",
        "target": target,
        "peer": client.local().to_string(),
        "headers": [["Host", "test:80"]],
        "body_bytes": 0,
        "interval_ms": 1500.0,
        "framing": "chunked",
        "last_event_id": null,
    });
    assert_eq!(hello, expected);
}

#[test]
fn hello_shows_all_headers_in_order_and_no_secrets() {
    let origin = Origin::start();
    let request =
        b"GET /events?count=0 HTTP/1.1\r\nHOST: a\r\nAuthorization: Bearer s3cret-a\r\naccept: text/event-stream\r\n\
        Cookie: s3cret-b=1\r\nX-Api-Key: s3cret-c\r\nCF-Ray: 8f00-FRA\r\nX-Forwarded-For: 192.0.2.1\r\n\
        X-Forwarded-For:   192.0.2.2  \r\nReferer: http://s3cret-d/\r\nUser-Agent: \xc3\xbcber\xff\r\nX-Empty:\r\n\
        Last-Event-ID: seven\r\n\r\n";
    let hello = hello(&mut origin.connect(), request);
    let expected = json!([
        ["HOST", "a"],
        ["Authorization", "<15 bytes>"],
        ["accept", "text/event-stream"],
        ["Cookie", "<10 bytes>"],
        ["X-Api-Key", "<8 bytes>"],
        ["CF-Ray", "8f00-FRA"],
        ["X-Forwarded-For", "192.0.2.1"],
        ["X-Forwarded-For", "192.0.2.2"],
        ["Referer", "<16 bytes>"],
        ["User-Agent", "\u{fc}ber\u{fffd}"],
        ["X-Empty", "<0 bytes>"],
        ["Last-Event-ID", "seven"],
    ]);
    assert_eq!(hello["headers"], expected);
    assert!(hello["last_event_id"].is_null());
    origin.wait_log(&["stream closed"]);
    let everything = format!("{hello} {:?}", origin.log_lines());
    assert!(!everything.contains("s3cret"), "{everything}");
}

#[test]
fn bodies_of_any_framing_are_counted_and_not_repeated() {
    let origin = Origin::start();
    let mut client = origin.connect();
    let line = |method: &str| format!("{method} /events?count=0 HTTP/1.1\r\nHost: a\r\n");
    let large = "x".repeat(65_536);
    let cases = [
        ("POST", String::from("\r\n"), 0),
        ("POST", "Content-Length: 0\r\n\r\n".to_owned(), 0),
        ("POST", "Content-Type: text/plain\r\nContent-Length: 6\r\n\r\ns3cret".to_owned(), 6),
        ("POST", format!("Content-Length: 65536\r\n\r\n{large}"), 65_536),
        ("POST", "Transfer-Encoding: chunked\r\n\r\n6;x=y\r\ns3cret\r\n2\r\n!!\r\n0\r\nA: b\r\n\r\n".to_owned(), 8),
        ("POST", format!("Transfer-Encoding: chunked\r\n\r\n10000\r\n{large}\r\n0\r\n\r\n"), 65_536),
        ("GET", "Content-Length: 3\r\n\r\nabc".to_owned(), 3),
    ];
    for (method, rest, body_bytes) in cases {
        let hello = hello(&mut client, (line(method) + &rest).as_bytes());
        let head = &rest[..rest.len().min(60)];
        assert_eq!(hello["method"], method, "{head}");
        assert_eq!(hello["body_bytes"], body_bytes, "{head}");
        assert!(!hello.to_string().contains("s3cret"), "{head}");
    }
}

#[test]
fn a_client_that_expects_continue_is_told_to_go_on() {
    let origin = Origin::start();
    let mut client = origin.connect();
    for (framing, body) in [("Content-Length: 5", "hello"), ("Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n")] {
        client.send(format!("POST /events?count=0 HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n{framing}\r\n\r\n"));
        assert_eq!(client.read_head().text, "HTTP/1.1 100 Continue\r\n\r\n");
        assert_eq!(hello(&mut client, body.as_bytes())["body_bytes"], 5);
    }
}

#[test]
fn the_log_tells_of_a_stream_what_its_operator_needs() {
    let origin = Origin::start();
    let mut client = origin.connect();
    let target = "/events?count=2&interval=10ms&id=0123456789abcdef";
    client.send(
        [
            format!("POST {target} HTTP/1.1\r\nHost: a\r\nCF-Ray: 8f00-FRA\r\n").as_bytes(),
            b"X-Forwarded-For: 192.0.2.1, \"\\\x09\xff\x1b".split_last().unwrap().1,
            b"\r\n\r\n",
        ]
        .concat(),
    );
    assert_eq!(client.read_head().status, 200);
    let bytes: usize = client.read_chunks().iter().map(|chunk| chunk.bytes.len()).sum();
    let peer = client.local();
    let trace = r#"cf-ray="8f00-FRA" forwarded-for="192.0.2.1, \"\\\x09\xff""#;
    let opened = origin.wait_log(&["stream opened"]);
    let expected =
        format!("stream opened id=0123456789abcdef peer={peer} method=POST http=HTTP/1.1 path={target} {trace}");
    assert!(opened.ends_with(&expected), "{opened}\n{expected}");
    let closed = origin.wait_log(&["stream closed"]);
    let (before, after) = closed.split_once(" after=").unwrap();
    let reason = r#"reason="all events that were asked for are sent""#;
    let expected = format!("stream closed id=0123456789abcdef by=count {reason} events=2 bytes={bytes}");
    assert!(before.ends_with(&expected), "{closed}\n{expected}");
    let (seconds, rest) = after.split_once(' ').unwrap();
    let seconds: f64 = seconds.strip_suffix('s').unwrap().parse().unwrap();
    assert!((0.02..20.0).contains(&seconds), "{closed}");
    assert_eq!(rest, trace);
}

#[test]
fn nobody_shows_on_a_direct_way_and_a_proxy_does() {
    let origin = Origin::start();
    let hop = |fields: &str| {
        let mut client = origin.connect();
        client.send(format!("GET /events?count=0 HTTP/1.1\r\nHost: a\r\n{fields}\r\n"));
        let head = client.read_head();
        let answer = head.text.lines().filter_map(|line| line.split_once(": "));
        let answer: Vec<_> = answer.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        assert!(answer.iter().any(|(name, _)| name == "Server"), "{answer:?}");
        Hop::of(&answer, Some(&client.read_event().json()))
    };
    assert_eq!(hop("Accept: text/event-stream\r\nAccept-Encoding: gzip\r\n"), None);
    let found = hop("Cf-Ray: 8f00\r\nX-Forwarded-For: 192.0.2.1\r\nX-Varnish: 7\r\n").unwrap();
    assert_eq!(found.name, "cloudflare, varnish");
    assert_eq!(found.evidence, ["the origin saw cf-ray: 8f00", "the origin saw x-varnish: <1 bytes>"]);
}
