//! How a stream travels: its head, its framing, and what becomes of the connection behind it.

use std::time::{Duration, Instant, SystemTime};

use crate::common::{Client, Head, Origin};

/// A head with the date replaced, which must be that of the last minute.
fn dateless(head: &Head) -> String {
    let date = head.get("Date").unwrap();
    let age = SystemTime::now().duration_since(httpdate::parse_http_date(date).unwrap()).unwrap();
    assert!(age < Duration::from_secs(60), "{date}");
    head.text.replace(date, "DATE")
}

/// The ids of the numbered events of an event stream, which must be nothing but complete events and comments.
fn ids(stream: &[u8]) -> Vec<u64> {
    let stream = std::str::from_utf8(stream).unwrap();
    assert!(stream.is_empty() || stream.ends_with("\n\n"), "{stream:?} ends in the middle of an event");
    stream.lines().filter_map(|line| line.strip_prefix("id: ")).map(|id| id.parse().unwrap()).collect()
}

/// Whether the connection serves another request, whose response begins with the very next byte.
fn assert_alive(client: &mut Client) {
    client.ask("/time");
    let (head, body) = client.read_response();
    assert_eq!(head.status, 200);
    assert!(body.contains("now_us"), "{body}");
}

#[test]
fn the_response_head_is_best_practice() {
    let origin = Origin::start();
    let (_client, head) = origin.open("/events");
    let version = env!("CARGO_PKG_VERSION");
    let expected = format!(
        "HTTP/1.1 200 OK\r\nDate: DATE\r\nServer: sse-argo-tester/{version}\r\nX-Content-Type-Options: nosniff\r\n\
         Content-Type: text/event-stream\r\nCache-Control: no-store, no-transform\r\nX-Accel-Buffering: no\r\n\
         Access-Control-Allow-Origin: *\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    assert_eq!(dateless(&head), expected);
}

#[test]
fn parameters_change_one_field_of_the_head_each() {
    let origin = Origin::start();
    let cases = [
        ("type=event-stream", "Content-Type", Some("text/event-stream")),
        ("type=event-stream-utf8", "Content-Type", Some("text/event-stream; charset=utf-8")),
        ("type=plain", "Content-Type", Some("text/plain; charset=utf-8")),
        ("type=ndjson", "Content-Type", Some("application/x-ndjson")),
        ("accel=no", "X-Accel-Buffering", Some("no")),
        ("accel=none", "X-Accel-Buffering", None),
        ("cache=best", "Cache-Control", Some("no-store, no-transform")),
        ("cache=no-store", "Cache-Control", Some("no-store")),
        ("cache=no-transform", "Cache-Control", Some("no-transform")),
        ("cache=none", "Cache-Control", None),
        ("encoding=none", "Content-Encoding", None),
        ("encoding=identity", "Content-Encoding", Some("identity")),
        ("encoding=gzip", "Content-Encoding", Some("gzip")),
        ("framing=chunked", "Transfer-Encoding", Some("chunked")),
    ];
    let without = |head: &Head, field: &str| {
        let kept = |line: &&str| !line.starts_with(field);
        dateless(head).lines().filter(kept).map(str::to_owned).collect::<Vec<_>>()
    };
    let (_, default) = origin.open("/events");
    for (query, field, value) in cases {
        let (_, head) = origin.open(&format!("/events?{query}"));
        assert_eq!(head.get(field), value, "{query}");
        assert_eq!(without(&head, field), without(&default, field), "{query} changes nothing else");
    }
}

#[test]
fn hello_comes_at_once_and_every_event_is_one_chunk() {
    let origin = Origin::start();
    let before = Instant::now();
    let (mut client, _) = origin.open("/events?interval=1h");
    let hello = client.read_chunk().unwrap();
    assert!(hello.text().starts_with("event: hello\n"), "{}", hello.text());
    assert!(hello.at - before < Duration::from_secs(5), "hello does not wait for the first interval");

    let (mut client, _) = origin.open("/events?interval=10ms&count=12&size=3000");
    let chunks = client.read_chunks();
    assert_eq!(chunks.len(), 13);
    assert_eq!(chunks[0].field("event"), Some("hello"));
    for (seq, chunk) in (1_u64..).zip(&chunks[1..]) {
        assert_eq!(chunk.text().matches("\n\n").count(), 1, "{}", chunk.text());
        assert_eq!(ids(&chunk.bytes), [seq]);
    }
    assert_alive(&mut client);
}

#[test]
fn close_framing_ends_with_the_connection() {
    let origin = Origin::start();
    let (mut client, head) = origin.open("/events?framing=close&interval=50ms&count=3");
    assert_eq!(head.get("Connection"), Some("close"));
    assert_eq!((head.get("Transfer-Encoding"), head.get("Content-Length")), (None, None));
    let hello = client.read_until(b"\n\n");
    assert_eq!(hello.json()["framing"], "close");
    let first = client.read_until(b"\n\n");
    assert!(first.text().starts_with("id: 1\ndata: {"), "nothing stands between events: {}", first.text());
    assert_eq!(ids(&client.read_to_end()), [2, 3]);
}

#[test]
fn length_framing_announces_exactly_the_bytes_that_follow() {
    let origin = Origin::start();
    let cases = [
        ("count=0", None),
        ("count=1", None),
        ("count=12", None),
        ("count=101", None),
        ("count=12&size=95", None),
        ("count=12&size=96", None),
        ("count=12&size=97", None),
        ("count=12&size=98", None),
        ("count=12&size=99", None),
        ("count=12&size=4k", None),
        ("count=3&pad=1", None),
        ("count=3&pad=1025", None),
        ("count=3&pad=40000&size=1000", None),
        ("count=12&event=tick", None),
        ("count=12&event=tick&retry=1500&encoding=identity", None),
        ("count=12", Some(8)),
        ("count=12&size=500", Some(11)),
        ("count=102&event=tick", Some(97)),
        ("count=1000000", Some(999_998)),
    ];
    for (query, resume) in cases {
        let mut client = origin.connect();
        let resumption = resume.map_or(String::new(), |id: u64| format!("Last-Event-ID: {id}\r\n"));
        let target = format!("/events?framing=length&interval=1ms&{query}");
        client.send(format!("GET {target} HTTP/1.1\r\nHost: a\r\n{resumption}\r\n"));
        let head = client.read_head();
        assert_eq!((head.get("Transfer-Encoding"), head.get("Connection")), (None, None), "{query}");
        let length = head.get("Content-Length").unwrap_or_else(|| panic!("no length: {query}")).parse().unwrap();
        let ids = ids(&client.read_exact(length));
        let last = query.split('&').find_map(|pair| pair.strip_prefix("count=")).unwrap().parse().unwrap();
        assert!(ids.iter().copied().eq(resume.unwrap_or(0) + 1..=last), "{query}, {resume:?}: {ids:?}");
        assert_alive(&mut client);
    }
}

#[test]
fn nothing_slips_into_a_body_of_fixed_length() {
    let origin = Origin::start();
    let mut client = origin.connect();
    let target = "/events?framing=length&interval=350ms&count=2&heartbeat=100ms";
    client.send(format!("GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    let head = client.read_head();
    let body = client.read_to_end();
    assert_eq!(head.get("Content-Length"), Some(body.len().to_string().as_str()));
    assert_eq!(ids(&body), [1, 2]);
    assert!(!body.starts_with(b":") && !body.windows(2).any(|pair| pair == b"\n:"), "no comments");
}

#[test]
fn http_1_0_clients_get_a_body_that_ends_with_the_connection() {
    let origin = Origin::start();
    for framing in ["", "&framing=chunked", "&framing=close"] {
        let mut client = origin.connect();
        client.send(format!("GET /events?interval=10ms&count=2{framing} HTTP/1.0\r\n\r\n"));
        let head = client.read_head();
        assert!(head.text.starts_with("HTTP/1.1 200 OK\r\n"), "{}", head.text);
        assert_eq!(head.get("Connection"), Some("close"));
        assert_eq!((head.get("Transfer-Encoding"), head.get("Content-Length")), (None, None));
        let hello = client.read_until(b"\n\n").json();
        assert_eq!((&hello["http"], &hello["framing"]), (&"HTTP/1.0".into(), &"close".into()));
        assert_eq!(ids(&client.read_to_end()), [1, 2]);
    }
    let mut client = origin.connect();
    client.send("GET /events?interval=10ms&count=2&framing=length HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    let head = client.read_head();
    let body = client.read_to_end();
    assert_eq!(head.get("Content-Length"), Some(body.len().to_string().as_str()));
    assert_eq!(ids(&body), [1, 2]);
}

#[test]
fn the_connection_serves_further_requests_behind_a_stream() {
    let origin = Origin::start();
    let mut client = origin.connect();
    for framing in ["chunked", "length", "chunked"] {
        client.ask(&format!("/events?interval=10ms&count=2&framing={framing}"));
        let head = client.read_head();
        match head.get("Content-Length") {
            Some(length) => assert_eq!(ids(&client.read_exact(length.parse().unwrap())), [1, 2]),
            None => assert_eq!(client.read_chunks().len(), 3),
        }
        assert_alive(&mut client);
    }
}

#[test]
fn a_client_that_asks_for_close_gets_it_behind_the_stream() {
    let origin = Origin::start();
    let mut client = origin.connect();
    client.send("GET /events?interval=10ms&count=1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let head = client.read_head();
    assert_eq!((head.get("Transfer-Encoding"), head.get("Connection")), (Some("chunked"), Some("close")));
    assert_eq!(client.read_chunks().len(), 2);
    assert!(client.is_at_end());
}

#[test]
fn requests_sent_behind_a_stream_wait_for_its_end() {
    let origin = Origin::start();
    let stream = "GET /events?interval=20ms&count=4 HTTP/1.1\r\nHost: a\r\n\r\n";
    let post = "POST /events?interval=10ms&count=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
    let time = "GET /time HTTP/1.1\r\nHost: a\r\n\r\n";

    let mut client = origin.connect();
    client.send([stream, post, time].concat());
    assert_eq!(client.read_head().status, 200);
    assert_eq!(client.read_chunks().len(), 5);
    assert_eq!(client.read_head().status, 200);
    assert_eq!(client.read_event().json()["body_bytes"], 3);
    assert_eq!(client.read_chunks().len(), 1);
    assert!(client.read_response().1.contains("now_us"));

    let (mut client, _) = origin.open("/events?interval=20ms&count=4");
    client.read_event();
    for part in [&time[..9], &time[9..]] {
        client.send(part);
        assert_eq!(client.read_chunk().unwrap().text().matches("data: ").count(), 1);
    }
    assert_eq!(client.read_chunks().len(), 2);
    assert!(client.read_response().1.contains("now_us"));
}
