//! Everything that is no stream: the page, the clock, errors, and how connections are kept.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::common::{Client, Head, Origin};
use serde_json::Value;

const PLAIN: &str = "text/plain; charset=utf-8";

/// Sends a request with further header fields, and reads its response. A response to HEAD has no body.
fn request(client: &mut Client, method: &str, target: &str, fields: &str) -> (Head, String) {
    client.send(format!("{method} {target} HTTP/1.1\r\nHost: test\r\n{fields}\r\n"));
    if method == "HEAD" { (client.read_head(), String::new()) } else { client.read_response() }
}

#[test]
fn the_page_is_html() {
    let origin = Origin::start();
    let mut client = origin.connect();
    for target in ["/", "/index.html", "/?x=1"] {
        let (head, body) = request(&mut client, "GET", target, "");
        assert_eq!((head.status, head.get("Content-Type")), (200, Some("text/html; charset=utf-8")), "{target}");
        assert_eq!(head.get("X-Content-Type-Options"), Some("nosniff"));
        let (of_head, _) = request(&mut client, "HEAD", target, "");
        assert_eq!(of_head.status, 200, "{target}");
        for field in ["Content-Type", "Content-Length", "X-Content-Type-Options"] {
            assert_eq!(of_head.get(field), head.get(field), "{target}");
        }
        assert!(body.len() > 100, "{target}");
    }
}

#[test]
fn the_page_may_do_what_it_does_and_no_more() {
    let (head, page) = Origin::start().fetch("/");
    let policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
                  base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    assert_eq!(head.get("Content-Security-Policy"), Some(policy));
    for inline in ["<style", " style=", " onclick=", "<script>", " src=\"/", " href=\"/"] {
        assert!(!page.contains(inline), "{inline}");
    }
}

#[test]
fn the_parts_of_the_page_are_asked_for_again_only_when_they_have_changed() {
    let origin = Origin::with(&["--base-path", "/deep"]);
    let mut client = origin.connect();
    for (target, content_type) in [
        ("/deep/", "text/html; charset=utf-8"),
        ("/deep/page/style.css", "text/css; charset=utf-8"),
        ("/deep/page/main.js", "text/javascript; charset=utf-8"),
    ] {
        let (head, body) = request(&mut client, "GET", target, "");
        assert_eq!((head.status, head.get("Content-Type")), (200, Some(content_type)), "{target}");
        assert_eq!(head.get("Cache-Control"), Some("no-cache, no-transform"), "{target}");
        let tag = head.get("ETag").unwrap().to_owned();
        assert!(!body.is_empty() && tag.starts_with('"') && tag.ends_with('"'), "{target}: {tag}");
        let (head, body) = request(&mut client, "GET", target, &format!("If-None-Match: W/{tag}\r\n"));
        assert_eq!((head.status, head.get("ETag"), body.as_str()), (304, Some(&*tag), ""), "{target}");
        assert_eq!(request(&mut client, "GET", target, "If-None-Match: \"other\"\r\n").0.status, 200, "{target}");
    }
    for target in ["/deep/page/", "/deep/page/none.js", "/deep/page/../index.html", "/page/main.js"] {
        assert_eq!(request(&mut client, "GET", target, "").0.status, 404, "{target}");
    }
    assert_eq!(request(&mut client, "POST", "/deep/page/main.js", "Content-Length: 0\r\n").0.status, 405);
}

#[test]
fn the_clock_tells_the_time_of_the_system() {
    let origin = Origin::start();
    let unix_us = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as u64;
    let before = unix_us();
    let (head, body) = origin.fetch("/time");
    let after = unix_us();
    assert_eq!((head.status, head.get("Content-Type")), (200, Some("application/json")));
    assert_eq!(head.get("Cache-Control"), Some("no-store"));
    let time: Value = serde_json::from_str(&body).unwrap();
    let now_us = time["now_us"].as_u64().unwrap();
    assert!((before..=after).contains(&now_us), "{before} <= {now_us} <= {after}");
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(body.trim_end(), format!("{{\"server\":\"sse-argo-tester/{version}\",\"now_us\":{now_us}}}"));
}

#[test]
fn health_is_ok() {
    let (head, body) = Origin::start().fetch("/healthz");
    assert_eq!((head.status, head.get("Content-Type"), body.as_str()), (200, Some(PLAIN), "ok\n"));
}

#[test]
fn head_of_events_is_the_head_alone_and_opens_nothing() {
    let origin = Origin::with(&["--admin", "127.0.0.1:0"]);
    let target = "/events?count=0&type=plain&cache=none";
    let (mut client, of_get) = origin.open(target);
    client.read_chunks();
    let (of_head, _) = request(&mut client, "HEAD", target, "");
    let undated = |head: &Head| head.text.replace(head.get("Date").unwrap(), "");
    assert_eq!(undated(&of_head), undated(&of_get), "it is that of GET");
    let (head, _) = request(&mut client, "HEAD", "/events?stream=s&id=0123456789abcdef", "Last-Event-ID: 5\r\n");
    assert_eq!(head.status, 200);
    assert_eq!(request(&mut client, "HEAD", "/events?interval=0", "").0.status, 400);
    assert_eq!(request(&mut client, "GET", "/streams/0123456789abcdef", "").0.status, 404);

    origin.wait_log(&["stream closed"]);
    let opened = origin.log_lines().iter().filter(|line| line.contains("stream opened")).count();
    assert_eq!(opened, 1, "only the GET has opened a stream");
    let mut admin = Client::connect(origin.admin.unwrap());
    admin.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(admin.read_response().1.contains("\nsse_streams_opened_total 1\n"));
}

#[test]
fn head_of_a_close_delimited_stream_closes_as_it_says() {
    let origin = Origin::start();
    let mut client = origin.connect();
    let (head, _) = request(&mut client, "HEAD", "/events?framing=close", "");
    assert_eq!(head.get("Connection"), Some("close"));
    client.send("GET /time HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(client.is_at_end(), "nothing is served behind Connection: close");
}

#[test]
fn options_tells_what_is_allowed_and_repeats_nothing() {
    let origin = Origin::start();
    let mut client = origin.connect();
    let asking = "Origin: https://marker.example\r\nAccess-Control-Request-Method: POST\r\n\
                  Access-Control-Request-Headers: X-Marker, Authorization\r\nAccess-Control-Request-Private-Network: true\r\n";
    let all = "GET, HEAD, POST, OPTIONS";
    let some = "GET, HEAD, OPTIONS";
    for (target, allowed) in [
        ("/events", all),
        ("/events?marker=1", all),
        ("/", some),
        ("/time", some),
        ("/healthz", some),
        ("/streams/marker", some),
    ] {
        let (head, body) = request(&mut client, "OPTIONS", target, asking);
        assert_eq!((head.status, body.as_str(), head.get("Content-Length")), (204, "", None), "{target}");
        assert_eq!(head.get("Allow"), Some(allowed), "{target}");
        assert_eq!(head.get("Access-Control-Allow-Origin"), Some("*"));
        assert_eq!(head.get("Access-Control-Allow-Methods"), Some(allowed), "{target}");
        assert_eq!(head.get("Access-Control-Allow-Headers"), Some("*, Authorization"));
        assert_eq!(head.get("Access-Control-Allow-Credentials"), None);
        assert!(head.get("Access-Control-Max-Age").unwrap().parse::<u32>().is_ok());
        assert!(!head.text.to_ascii_lowercase().contains("marker"), "{}", head.text);
    }
    let (head, body) = request(&mut client, "OPTIONS", "*", asking);
    assert_eq!((head.status, head.get("Allow"), body.as_str()), (204, Some(all), ""));
    assert!(!head.text.to_ascii_lowercase().contains("marker"), "{}", head.text);
}

#[test]
fn nothing_of_a_request_comes_back_in_a_head() {
    let origin = Origin::start();
    let mut client = origin.connect();
    let fields = "Origin: https://marker.example\r\nReferer: http://marker/\r\nCookie: marker=1\r\nX-Marker: 1\r\n\
                  X-Forwarded-Host: marker\r\nX-Request-Id: marker\r\n";
    for (method, target) in [
        ("GET", "/?marker"),
        ("GET", "/marker"),
        ("GET", "/events?marker=1"),
        ("GET", "/events?event=marker%0d%0aX-Marker:1"),
        ("GET", "/streams/marker"),
        ("GET", "/time?marker"),
        ("PUT", "/events?marker"),
        ("HEAD", "/events?event=marker&stream=marker&id=marker-marker-marker"),
        ("OPTIONS", "/marker"),
    ] {
        let (head, _) = request(&mut client, method, target, fields);
        assert!(!head.text.to_ascii_lowercase().contains("marker"), "{method} {target}: {}", head.text);
    }
}

#[test]
fn what_is_not_there_is_not_found() {
    let origin = Origin::start();
    let mut client = origin.connect();
    for target in
        ["/nothing", "/events/", "/Events", "/streams", "/streams/", "/metrics", "/favicon.ico", "//", "/../time"]
    {
        let (head, body) = request(&mut client, "GET", target, "");
        assert_eq!((head.status, head.get("Content-Type")), (404, Some(PLAIN)), "{target}");
        assert_eq!(body, "nothing here; there are / /events /time /healthz /judge /streams/ID\n");
    }
}

#[test]
fn methods_that_are_not_allowed_are_told_which_are() {
    let origin = Origin::start();
    let mut client = origin.connect();
    let all = "GET, HEAD, POST, OPTIONS";
    let some = "GET, HEAD, OPTIONS";
    for (method, target, allowed) in [
        ("PUT", "/events", all),
        ("DELETE", "/events", all),
        ("PATCH", "/events", all),
        ("POST", "/", some),
        ("POST", "/time", some),
        ("PUT", "/healthz", some),
        ("DELETE", "/streams/0123456789abcdef", some),
    ] {
        let (head, body) = request(&mut client, method, target, "Content-Length: 0\r\n");
        assert_eq!((head.status, head.get("Allow")), (405, Some(allowed)), "{method} {target}");
        assert_eq!(body, format!("method not allowed here; allowed: {allowed}\n"));
    }
}

#[test]
fn scripts_of_any_page_may_read_every_answer_and_none_is_sniffed() {
    let origin = Origin::start();
    let requests = [
        (200, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        (200, "GET /events?count=0 HTTP/1.1\r\nHost: a\r\n\r\n"),
        (200, "HEAD /events HTTP/1.1\r\nHost: a\r\n\r\n"),
        (200, "GET /time HTTP/1.1\r\nHost: a\r\n\r\n"),
        (200, "GET /healthz HTTP/1.0\r\n\r\n"),
        (204, "OPTIONS /events HTTP/1.1\r\nHost: a\r\n\r\n"),
        (204, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"),
        (204, "GET /events?count=1 HTTP/1.1\r\nHost: a\r\nLast-Event-ID: 1\r\n\r\n"),
        (400, "GET /events?x HTTP/1.1\r\nHost: a\r\n\r\n"),
        (400, "GET / HTTP/1.1\r\n\r\n"),
        (404, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n"),
        (405, "PUT / HTTP/1.1\r\nHost: a\r\n\r\n"),
        (413, "POST /events HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\n\r\n"),
        (417, "GET / HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n"),
        (501, "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n"),
        (505, "GET / HTTP/3.0\r\nHost: a\r\n\r\n"),
    ];
    let mut wrong = Vec::new();
    let mut check = |what: &str, status: u16, head: &Head| {
        assert_eq!(head.status, status, "{what}");
        let fields = (head.get("Access-Control-Allow-Origin"), head.get("X-Content-Type-Options"));
        if fields != (Some("*"), Some("nosniff")) {
            wrong.push(format!("{status} to {what}: {fields:?}"));
        }
    };
    for (status, request) in requests {
        let mut client = origin.connect();
        client.send(request);
        check(request.lines().next().unwrap(), status, &client.read_head());
    }
    let origin = Origin::with(&["--max-connections", "1"]);
    let _one = origin.open("/events");
    check("one connection too many", 503, &origin.connect().read_head());
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_connection_serves_many_requests_in_order() {
    let origin = Origin::start();
    let mut client = origin.connect();
    let cases = [
        ("GET", "/time", 200, "now_us"),
        ("GET", "/healthz", 200, "ok\n"),
        ("HEAD", "/healthz", 200, ""),
        ("OPTIONS", "/", 204, ""),
        ("GET", "/x", 404, "nothing here"),
        ("OPTIONS", "*", 204, ""),
        ("PUT", "/time", 405, "not allowed"),
        ("HEAD", "/events", 200, ""),
        ("GET", "/events?x", 400, "unknown parameter"),
        ("GET", "/streams/x", 404, "no stream"),
    ];
    for (method, target, status, text) in cases {
        let (head, body) = request(&mut client, method, target, "");
        assert_eq!((head.status, head.get("Connection")), (status, None), "{method} {target}");
        assert!(body.contains(text), "{method} {target}: {body}");
    }
    let pipelined =
        |(method, target, ..): &(&str, &str, u16, &str)| format!("{method} {target} HTTP/1.1\r\nHost: a\r\n\r\n");
    client.send(cases.iter().map(pipelined).collect::<String>());
    for (method, target, status, text) in cases {
        let head = client.read_head();
        let len = head.get("Content-Length").filter(|_| method != "HEAD").map_or(0, |len| len.parse().unwrap());
        let body = client.read_exact(len);
        assert_eq!(head.status, status, "{method} {target}");
        assert!(String::from_utf8_lossy(&body).contains(text), "{method} {target}");
    }
}

#[test]
fn a_client_that_asks_for_close_gets_it() {
    let origin = Origin::start();
    for (version, fields) in [
        ("1.1", "Connection: close\r\n"),
        ("1.1", "Connection: keep-alive, Close\r\n"),
        ("1.0", ""),
        ("1.0", "Connection: keep-alive\r\n"),
    ] {
        for target in ["/time", "/x"] {
            let mut client = origin.connect();
            client.send(format!("GET {target} HTTP/{version}\r\nHost: a\r\n{fields}\r\n"));
            let (head, _) = client.read_response();
            assert_eq!(head.get("Connection"), Some("close"), "{version} {fields}");
            assert!(client.is_at_end(), "{version} {fields}");
        }
    }
}

#[test]
fn everything_is_mounted_under_the_base_path() {
    for base_path in ["/sse/x", "/sse/x/"] {
        let origin = Origin::with(&["--base-path", base_path]);
        let mut client = origin.connect();
        for (target, content_type) in
            [("/sse/x/", "text/html; charset=utf-8"), ("/sse/x/time", "application/json"), ("/sse/x/healthz", PLAIN)]
        {
            let (head, _) = request(&mut client, "GET", target, "");
            assert_eq!((head.status, head.get("Content-Type")), (200, Some(content_type)), "{target}");
        }
        for target in ["/sse/x", "/sse/x?y=z"] {
            let (head, _) = request(&mut client, "GET", target, "");
            assert_eq!((head.status, head.get("Location")), (308, Some("/sse/x/")), "{target}");
        }
        for target in ["/", "/events", "/time", "/sse", "/sse/", "/sse/xy/time", "/sse/xevents", "/sse/x//time"] {
            let (head, text) = request(&mut client, "GET", target, "");
            assert_eq!(head.status, 404, "{target}");
            assert!(text.contains("/sse/x/events"), "{text}");
        }
        client.ask("/sse/x/events?count=0&id=0123456789abcdef");
        assert_eq!(client.read_head().status, 200);
        assert_eq!(client.read_event().json()["target"], "/sse/x/events?count=0&id=0123456789abcdef");
        assert!(client.read_chunk().is_none());
        assert_eq!(request(&mut client, "GET", "/sse/x/streams/0123456789abcdef", "").0.status, 200);
    }
}

#[test]
fn an_absolute_target_is_that_of_its_path() {
    let origin = Origin::start();
    let mut client = origin.connect();
    for target in ["http://elsewhere:99/time", "HTTPS://elsewhere/time?x"] {
        assert!(request(&mut client, "GET", target, "").1.contains("now_us"), "{target}");
    }
    assert_eq!(
        request(&mut client, "GET", "http://elsewhere", "").0.get("Content-Type"),
        Some("text/html; charset=utf-8")
    );
}

#[test]
fn the_default_interval_can_be_set() {
    let origin = Origin::with(&["--interval", "30ms"]);
    let (mut client, _) = origin.open("/events?count=2");
    let hello = client.read_event();
    assert_eq!(hello.json()["interval_ms"], 30.0);
    let sent = |event: &crate::common::Arrived| Duration::from_micros(event.json()["sent_us"].as_u64().unwrap());
    client.read_event();
    let second = client.read_event();
    let apart = sent(&second) - sent(&hello);
    assert!(apart > Duration::from_millis(55) && apart < Duration::from_millis(1900), "{apart:?}");
    let (mut client, _) = origin.open("/events?count=0&interval=7ms");
    assert_eq!(client.read_event().json()["interval_ms"], 7.0, "unless the request names another");
}
