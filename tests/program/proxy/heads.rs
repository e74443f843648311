//! The heads: what goes to the target, what comes back, and where requests lead.

use super::{Scene, proxy_with};
use crate::common::raw::{LAST, chunk, field, response};
use crate::common::{Origin, eventually};

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

#[test]
fn what_a_client_says_of_itself_goes_to_the_target() {
    let scene = Scene::new();
    let head = text(scene.relayed(
        "GET /events?a=1&b=%20 HTTP/1.1\r\nHost: us:1\r\nAccept: text/event-stream\r\nLast-Event-ID: 41\r\n\
         Authorization: Bearer x\r\nCookie: a=1\r\nCookie: b=2\r\nAccept-Encoding: br\r\nX-Own: y\r\n\r\n",
    ));
    assert!(head.starts_with("GET /stream?a=1&b=%20 HTTP/1.1\r\n"), "{head}");
    for (name, value) in [
        ("Host", format!("127.0.0.1:{}", scene.target.port()).as_str()),
        ("Accept", "text/event-stream"),
        ("Last-Event-ID", "41"),
        ("Authorization", "Bearer x"),
        ("Accept-Encoding", "br"),
        ("X-Own", "y"),
        ("X-Forwarded-For", "127.0.0.1"),
        ("X-Forwarded-Proto", "http"),
        ("X-Forwarded-Host", "us:1"),
    ] {
        assert_eq!(field(&head, name), Some(value), "{name} in {head}");
    }
    assert!(field(&head, "Via").unwrap().starts_with("1.1 sse-argo-tester-"), "{head}");
    let cookies: Vec<&str> = head.lines().filter(|line| line.to_ascii_lowercase().starts_with("cookie: ")).collect();
    assert_eq!(cookies.len(), 2, "{head}");
}

#[test]
fn nothing_is_added_that_the_client_did_not_say() {
    let scene = Scene::new();
    let head = text(scene.relayed("GET /events HTTP/1.1\r\nHost: a\r\n\r\n"));
    for name in ["Accept", "Accept-Encoding", "User-Agent", "Cache-Control", "Authorization", "Content-Length"] {
        assert_eq!(field(&head, name), None, "{head}");
    }
}

#[test]
fn fields_of_one_connection_end_there() {
    let scene = Scene::new();
    let head = text(scene.relayed(
        "GET /events HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\n\
         TE: trailers\r\nUpgrade: h2c\r\nProxy-Authorization: Basic eA==\r\nVia: 1.1 edge\r\n\
         X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: outer\r\n\r\n",
    ));
    for name in ["X-Hop", "Keep-Alive", "TE", "Upgrade", "Proxy-Authorization", "Connection"] {
        assert_eq!(field(&head, name), None, "{head}");
    }
    assert_eq!(field(&head, "X-Forwarded-For"), Some("1.2.3.4, 127.0.0.1"));
    assert_eq!(field(&head, "X-Forwarded-Proto"), Some("https"));
    assert_eq!(field(&head, "X-Forwarded-Host"), Some("outer"));
    assert!(head.to_ascii_lowercase().contains("via: 1.1 edge\r\nvia: 1.1 sse-argo-tester-"), "{head}");
}

#[test]
fn values_that_are_no_text_pass_as_bytes_both_ways() {
    let scene = Scene::new();
    let head = scene.relayed(b"GET /events HTTP/1.1\r\nHost: a\r\nCf-Ipcity: Z\xfcrich \xff\r\n\r\n");
    let value = b": Z\xfcrich \xff\r\n";
    assert!(head.windows(value.len()).any(|part| part == value), "{}", head.escape_ascii());
    let mut client = scene.proxy.get("/events");
    let (mut target, _) = scene.target.request();
    target.send(b"HTTP/1.1 200 OK\r\nX-City: Z\xfcrich\r\nContent-Length: 0\r\n\r\n");
    let head = client.read_until(b"\r\n\r\n").bytes;
    let value = b": Z\xfcrich\r\n";
    assert!(head.windows(value.len()).any(|part| part == value), "{}", head.escape_ascii());
}

#[test]
fn bodies_are_sent_on_however_they_came() {
    let scene = Scene::new();
    let sized = text(
        scene.relayed("POST /events HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"),
    );
    assert!(sized.starts_with("POST /stream HTTP/1.1\r\n") && sized.ends_with("\r\n\r\nhello"), "{sized}");
    assert_eq!((field(&sized, "Content-Type"), field(&sized, "Content-Length")), (Some("text/plain"), Some("5")));
    let chunked = [
        b"POST /events?x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec(),
        chunk("he"),
        chunk("llo"),
        LAST.into(),
    ];
    let chunked = text(scene.relayed(chunked.concat()));
    assert!(chunked.ends_with("\r\n\r\nhello"), "{chunked}");
    assert_eq!((field(&chunked, "Transfer-Encoding"), field(&chunked, "Content-Length")), (None, Some("5")));
    let get = text(scene.relayed("GET /events HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi"));
    assert!(get.starts_with("GET ") && get.ends_with("\r\n\r\nhi"), "{get}");
    let empty = text(scene.relayed("POST /events HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert_eq!(field(&empty, "Content-Length"), Some("0"), "{empty}");
    let large = "x".repeat(60_000);
    let large =
        text(scene.relayed(format!("POST /events HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{large}", 60_000)));
    assert!(large.ends_with(&"x".repeat(60_000)));
}

#[test]
fn who_expects_to_be_told_to_go_on_is_told_so_here() {
    let scene = Scene::new();
    let mut client = scene.proxy.connect();
    client.send("POST /events HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(client.read_head().status, 100);
    client.send("hi");
    let (mut target, head) = scene.target.request();
    assert_eq!(field(&head, "Expect"), None);
    assert_eq!(target.read_exact(2), b"hi");
}

#[test]
fn queries_are_joined_and_credentials_are_those_of_the_target() {
    let target = crate::common::raw::Raw::new();
    let url = format!("http://me:secret@127.0.0.1:{}/a/stream?key=1", target.port());
    let scene = Scene { proxy: super::proxy(&url), target };
    let head = text(scene.relayed("GET /events?b=2 HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert!(head.starts_with("GET /a/stream?key=1&b=2 HTTP/1.1\r\n"), "{head}");
    assert_eq!(field(&head, "Authorization"), Some("Basic bWU6c2VjcmV0"));
    let own = text(scene.relayed("GET /events HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer x\r\n\r\n"));
    assert_eq!(field(&own, "Authorization"), Some("Bearer x"));
    let time = text(scene.relayed("GET /time?x HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert!(time.starts_with("GET /a/time?x HTTP/1.1\r\n"), "{time}");
    let state = text(scene.relayed("GET /streams/abc-1_Z HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert!(state.starts_with("GET /a/streams/abc-1_Z HTTP/1.1\r\n"), "{state}");
    let log = scene.proxy.log_lines().join("\n");
    assert!(log.contains("relay opened") && !log.contains("secret"), "{log}");
}

#[test]
fn nothing_else_of_the_target_can_be_reached() {
    let scene = Scene::new();
    for path in ["/stream", "/other", "/events/x", "/streams/", "/streams/../x", "/streams/%2e%2e%2fx", "/time/x"] {
        assert_eq!(scene.proxy.fetch(path).0.status, 404, "{path}");
    }
    let mut absolute = scene.proxy.connect();
    absolute.ask("http://example.com/other");
    assert_eq!(absolute.read_head().status, 404);
    for (method, path) in [("PUT", "/events"), ("DELETE", "/events"), ("POST", "/time"), ("POST", "/")] {
        let mut client = scene.proxy.connect();
        client.send(format!("{method} {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
        let (head, _) = client.read_response();
        assert!(head.status == 405 && head.get("Allow").unwrap().contains("GET"), "{}", head.text);
    }
    let (head, page) = scene.proxy.fetch("/");
    assert!(head.get("Content-Type").unwrap().starts_with("text/html") && page.contains("<html"), "{}", head.text);
    assert_eq!(scene.proxy.fetch("/healthz").1, "ok\n");
}

#[test]
fn everything_is_under_the_base_path() {
    let scene = Scene::with(&["--base-path", "/p"]);
    assert_eq!(scene.proxy.fetch("/events").0.status, 404);
    assert_eq!(scene.proxy.fetch("/p").0.get("Location"), Some("/p/"));
    assert_eq!(scene.proxy.fetch("/p/healthz").0.status, 200);
    let head = text(scene.relayed("GET /p/events HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert!(head.starts_with("GET /stream HTTP/1.1\r\n"), "{head}");
}

#[test]
fn status_fields_and_body_come_back_whatever_they_are() {
    let scene = Scene::new();
    for (status, kind, body) in [
        ("200 OK", "application/json", "{}"),
        ("401 Unauthorized", "text/html", "<p>who?"),
        ("429 Too Many Requests", "text/plain", "later"),
        ("500 Internal Server Error", "text/event-stream", "data: no\n\n"),
    ] {
        let (mut client, head, _) = scene.answered(response(status, kind, body));
        assert!(head.text.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{}", head.text);
        assert_eq!(head.get("Content-Type"), Some(kind));
        assert_eq!(client.read_exact(body.len()), body.as_bytes());
    }
    let (_, head, _) = scene.answered(
        "HTTP/1.1 200 OK\r\nServer: theirs\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nSet-Cookie: a=1\r\n\
         Set-Cookie: b=2\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nContent-Length: 0\r\n\r\n",
    );
    assert_eq!((head.get("Server"), head.all("Set-Cookie")), (Some("theirs"), vec!["a=1", "b=2"]));
    assert_eq!(head.get("Date"), Some("Thu, 01 Jan 1970 00:00:00 GMT"));
    assert!(head.get("Via").unwrap().starts_with("1.1 sse-argo-tester-"));
    for name in ["Connection", "X-Hop", "Keep-Alive", "X-Content-Type-Options", "Access-Control-Allow-Origin"] {
        assert_eq!(head.get(name), None, "{}", head.text);
    }
}

#[test]
fn informational_responses_do_not_stand_for_the_real_one() {
    let scene = Scene::new();
    let early = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    let (_, head, _) = scene.answered(format!("{early}{}", response("200 OK", "text/plain", "")));
    assert_eq!((head.status, head.get("Link")), (200, None));
}

#[test]
fn redirects_are_the_clients_matter() {
    let scene = Scene::new();
    for status in ["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let answer =
            format!("HTTP/1.1 {status}\r\nLocation: http://elsewhere.example/x\r\nContent-Length: 2\r\n\r\nno");
        let (mut client, head, _) = scene.answered(answer);
        assert!(head.text.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{}", head.text);
        assert_eq!(head.get("Location"), Some("http://elsewhere.example/x"));
        assert_eq!(client.read_exact(2), b"no");
    }
}

#[test]
fn head_and_options_are_the_targets() {
    let scene = Scene::new();
    let mut client = scene.proxy.connect();
    client.send("HEAD /events HTTP/1.1\r\nHost: a\r\n\r\n");
    let (mut target, head) = scene.target.request();
    assert!(head.starts_with("HEAD /stream "), "{head}");
    target.send("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n");
    assert_eq!(client.read_head().get("Content-Length"), Some("12"));
    client.send("OPTIONS /events HTTP/1.1\r\nHost: a\r\nOrigin: http://b\r\n\r\n");
    // Perhaps on the connection of the request before.
    let head = text(target.read_until(b"\r\n\r\n").bytes);
    assert!(head.starts_with("OPTIONS /stream ") && field(&head, "Origin") == Some("http://b"), "{head}");
    target.send("HTTP/1.1 204 No Content\r\nAccess-Control-Allow-Origin: http://b\r\n\r\n");
    let head = client.read_head();
    assert_eq!((head.status, head.get("Access-Control-Allow-Origin")), (204, Some("http://b")));
    client.ask("/healthz");
    assert_eq!(client.read_head().status, 200, "nothing is left of a body");
}

#[test]
fn one_client_uses_one_connection_to_the_target() {
    let scene = Scene::new();
    let mut client = scene.proxy.connect();
    client.ask("/time");
    let (mut target, _) = scene.target.request();
    for _ in 0..3 {
        target.send(response("200 OK", "application/json", "{}"));
        assert_eq!(client.read_response().1, "{}");
        client.ask("/time");
        target.read_until(b"\r\n\r\n");
    }
    // The target closes it without an answer, as it may with an old one: the request is repeated on a new one.
    drop(target);
    assert!(scene.target.answer(response("200 OK", "application/json", "[]")).starts_with("GET /time "));
    assert_eq!(client.read_response().1, "[]");
}

#[test]
fn a_request_that_was_here_before_is_a_loop() {
    let scene = Scene::new();
    let head = text(scene.relayed("GET /events HTTP/1.1\r\nHost: a\r\n\r\n"));
    let via = field(&head, "Via").unwrap();
    let mut client = scene.proxy.connect();
    client.send(format!("GET /events HTTP/1.1\r\nHost: a\r\nVia: 1.0 x\r\nVia: 1.1 y, {via}\r\n\r\n"));
    let (head, body) = client.read_response();
    assert!(head.status == 508 && body.contains("target"), "{body}");
}

#[test]
fn a_proxy_of_itself_answers() {
    // The port is known only when it listens, so another proxy leads back to the first.
    let first_port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let listen = format!("127.0.0.1:{first_port}");
    let second = super::proxy(&format!("http://{listen}/events"));
    let first = proxy_with(&format!("http://{}/events", second.address), &["--listen", &listen]);
    let (head, _) = first.fetch("/events");
    assert_eq!(head.status, 508);
    assert!(head.all("Via").len() >= 2, "{}", head.text);
}

#[test]
fn two_proxies_of_an_origin_are_no_loop() {
    let origin = Origin::start();
    let first = super::proxy(&format!("http://{}/events", origin.address));
    let second = super::proxy(&format!("http://{}/events", first.address));
    let chunks = second.open("/events?count=2&interval=1ms").0.read_chunks();
    // Events that came together may be passed on together.
    let text = text(chunks.into_iter().flat_map(|chunk| chunk.bytes).collect());
    let hello = text.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
    let hello: serde_json::Value = serde_json::from_str(hello).unwrap();
    let via = hello["headers"].as_array().unwrap().iter().filter(|field| field[0] == "via").count();
    assert_eq!((via, &hello["target"]), (2, &"/events?count=2&interval=1ms".into()));
    assert!(text.contains("\nid: 2\n") && !text.contains("\nid: 3\n"), "{text}");
    let id = hello["id"].as_str().unwrap();
    let state = eventually(|| Some(second.fetch(&format!("/streams/{id}")).1).filter(|state| state.contains("ended")));
    assert!(state.contains("\"count\""), "{state}");
}

#[test]
fn a_long_field_reaches_the_target() {
    let scene = Scene::new();
    for len in [17_000, 32_000] {
        let value = "y".repeat(len);
        for name in ["X-Long", "X-Forwarded-For"] {
            let head = scene.relayed(format!("GET /events HTTP/1.1\r\nHost: test\r\n{name}: {value}\r\n\r\n"));
            let head = String::from_utf8(head).unwrap();
            assert!(field(&head, name).is_some_and(|found| found.starts_with(&value)), "{name} {len}");
        }
    }
}

#[test]
fn a_head_that_is_too_long_is_told_as_such() {
    let scene = Scene::new();
    let mut client = scene.proxy.get("/events");
    scene.target.answer(format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "y".repeat(17_000)));
    let (head, text) = client.read_response();
    assert_eq!(head.status, 502);
    assert!(text.contains("its head is too long") && text.contains("16383") && !text.contains("https"), "{text}");
}
