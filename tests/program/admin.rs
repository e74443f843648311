//! The admin address: lists and metrics for the operator, and for nobody's web page.

use std::collections::BTreeMap;

use crate::common::{Client, Head, Origin, eventually};
use serde_json::Value;

fn origin() -> Origin {
    Origin::with(&["--admin", "127.0.0.1:0"])
}

fn admin(origin: &Origin, request: &str) -> (Head, String) {
    let mut client = Client::connect(origin.admin.unwrap());
    client.send(request);
    client.read_response()
}

fn get(origin: &Origin, target: &str) -> (Head, String) {
    admin(origin, &format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n"))
}

fn streams(origin: &Origin) -> Vec<Value> {
    let (head, body) = get(origin, "/streams");
    assert_eq!((head.status, head.get("Content-Type")), (200, Some("application/json")));
    let mut list: Value = serde_json::from_str(&body).unwrap();
    serde_json::from_value(list["streams"].take()).unwrap()
}

/// All samples by name and labels, after a check of every line against the text format of Prometheus, version 0.0.4.
fn metrics(origin: &Origin) -> BTreeMap<String, f64> {
    let (head, body) = get(origin, "/metrics");
    assert_eq!((head.status, head.get("Content-Type")), (200, Some("text/plain; version=0.0.4; charset=utf-8")));
    assert!(body.ends_with('\n'));
    let (mut help, mut kind) = (String::new(), (String::new(), String::new()));
    let mut samples = BTreeMap::new();
    for line in body.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, text) = rest.split_once(' ').unwrap();
            assert!(!text.is_empty(), "{line}");
            name.clone_into(&mut help);
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, of) = rest.split_once(' ').unwrap();
            assert_eq!(name, help, "{line}");
            assert!(matches!(of, "counter" | "gauge"), "{line}");
            assert_eq!(of == "counter", name.ends_with("_total"), "{line}");
            kind = (name.to_owned(), of.to_owned());
        } else {
            let (sample, value) = line.rsplit_once(' ').unwrap();
            let name = sample.split('{').next().unwrap();
            assert_eq!(name, kind.0, "{line}");
            assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{line}");
            let labels = &sample[name.len()..];
            assert!(labels.is_empty() || (labels.starts_with("{by=\"") && labels.ends_with("\"}")), "{line}");
            let value: f64 = value.parse().unwrap();
            assert!(value.is_finite() && value >= 0.0, "{line}");
            assert_eq!(samples.insert(sample.to_owned(), value), None, "{line} comes twice");
        }
    }
    samples
}

#[test]
fn metrics_count_the_traffic() {
    let origin = origin();
    let before = metrics(&origin);
    let body = |client: &mut Client| client.read_chunks().iter().map(|chunk| chunk.bytes.len()).sum::<usize>();
    let mut client = origin.connect();
    let mut bytes = 0;
    for query in ["count=3", "count=0&pad=5000", "duration=30ms"] {
        client.ask(&format!("/events?interval=20ms&{query}"));
        assert_eq!(client.read_head().status, 200);
        bytes += body(&mut client);
    }
    let (left, _) = origin.open("/events?interval=1h&id=0123456789abcdef");
    drop(left);
    let ended = origin.ended("0123456789abcdef");
    let (_open, _) = origin.open("/events?interval=1h&id=fedcba9876543210");
    let mut malformed = origin.connect();
    malformed.send("nonsense\r\n\r\n");
    assert_eq!(malformed.read_response().0.status, 400);
    // Bytes are counted behind the write that a client may already have read.
    let open_bytes = eventually(|| {
        let report: Value = serde_json::from_str(&origin.fetch("/streams/fedcba9876543210").1).unwrap();
        report["bytes"].as_u64().filter(|bytes| *bytes > 0)
    });

    let after = metrics(&origin);
    let grown = |name: &str| after[name] - before[name];
    assert_eq!(after["sse_streams_open"], 1.0);
    assert_eq!(grown("sse_streams_opened_total"), 5.0);
    for (by, count) in [("client", 1), ("count", 2), ("duration", 1), ("abort", 0), ("shutdown", 0), ("error", 0)] {
        assert_eq!(grown(&format!("sse_streams_ended_total{{by=\"{by}\"}}")), f64::from(count), "{by}");
    }
    assert_eq!(grown("sse_events_sent_total"), 4.0);
    let bytes = bytes as f64 + ended["bytes"].as_f64().unwrap() + open_bytes as f64;
    assert_eq!(grown("sse_body_bytes_sent_total"), bytes);
    assert_eq!(grown("sse_requests_refused_total"), 1.0);
    assert!(grown("sse_connections_accepted_total") >= 5.0 && grown("sse_requests_routed_total") >= 7.0);
    assert!(after["sse_connections_open"] >= 2.0, "the stream's and this one");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
    assert!((now - 600.0..now + 1.0).contains(&after["process_start_time_seconds"]));
}

#[test]
fn open_streams_are_listed_oldest_first() {
    let origin = origin();
    assert!(streams(&origin).is_empty());
    let ids = ["first-stream-0123", "second-stream-012", "third-stream-0123"];
    let mut clients: Vec<_> = ids.iter().map(|id| origin.open(&format!("/events?interval=1h&id={id}")).0).collect();
    let listed = || streams(&origin).iter().map(|stream| stream["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(listed(), ids);
    for stream in streams(&origin) {
        assert_eq!((&stream["state"], &stream["ended_us"]), (&"open".into(), &Value::Null));
        assert!(stream["opened_us"].as_u64().unwrap() > 0);
    }
    drop(clients.remove(0));
    origin.wait_log(&["stream closed", ids[0]]);
    assert_eq!(listed(), ids[1..]);
}

#[test]
fn a_host_that_a_web_page_could_send_is_refused() {
    let origin = origin();
    let port = origin.admin.unwrap().port();
    let own = format!("127.0.0.1:{port}");
    for host in [own.as_str(), "127.0.0.1", "localhost", "LocalHost:1", "[::1]", "[::1]:80", "192.0.2.1"] {
        for target in ["/streams", "/metrics", "/healthz"] {
            let (head, _) = admin(&origin, &format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
            assert_eq!(head.status, 200, "{host}");
        }
    }
    let foreign = [
        "",
        "evil.example",
        "evil.example:80",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evil-localhost",
        "1.localhost.example:80",
        "localhost.",
    ];
    for host in foreign {
        for target in ["/streams", "/metrics", "/healthz", "/"] {
            let (head, body) = admin(&origin, &format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
            assert_eq!(head.status, 403, "{host:?}");
            assert!(!body.contains("sse_") && !body.contains("streams"), "{body}");
        }
    }
    assert_eq!(admin(&origin, "GET /metrics HTTP/1.0\r\n\r\n").0.status, 403, "no Host at all");
    let absolute = "GET http://localhost/metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n";
    assert_eq!(admin(&origin, absolute).0.status, 403);
}

#[test]
fn admin_serves_lists_and_nothing_else() {
    let origin = origin();
    for target in ["/", "/events", "/time", "/streams/0123456789abcdef", "/streams/", "/x"] {
        let (head, text) = get(&origin, target);
        assert_eq!(head.status, 404, "{target}");
        assert_eq!(text, "nothing here; there are /streams /metrics /healthz\n");
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let (head, _) = admin(&origin, &format!("{method} /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        assert_eq!((head.status, head.get("Allow")), (405, Some("GET, HEAD")), "{method}");
    }
    let mut client = Client::connect(origin.admin.unwrap());
    client.send("HEAD /metrics HTTP/1.1\r\nHost: localhost\r\n\r\nGET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(client.read_head().status, 200);
    let (head, body) = client.read_response();
    assert_eq!((head.status, body.as_str()), (200, "ok\n"));
    for target in ["/streams", "/metrics"] {
        let (head, _) = get(&origin, target);
        assert_eq!(head.get("Access-Control-Allow-Origin"), None, "no page's script may read it");
        assert_eq!(head.get("X-Content-Type-Options"), Some("nosniff"));
    }
}

#[test]
fn lists_and_metrics_are_not_public() {
    let origin = origin();
    let (_client, _) = origin.open("/events?interval=1h&id=0123456789abcdef");
    for host in ["test", "localhost", "127.0.0.1"] {
        for target in ["/metrics", "/streams", "/streams/", "/streams?x"] {
            let mut client = origin.connect();
            client.send(format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
            let (head, body) = client.read_response();
            assert_eq!(head.status, 404, "{target}");
            assert!(!body.contains("0123456789abcdef") && !body.contains("sse_"), "{body}");
        }
    }
}

#[test]
fn admin_is_reachable_when_all_public_connections_are_taken() {
    let origin = Origin::with(&["--admin", "127.0.0.1:0", "--max-connections", "1"]);
    let (_client, _) = origin.open("/events?interval=1h");
    assert_eq!(origin.connect().read_response().0.status, 503);
    assert_eq!(streams(&origin).len(), 1);
    assert_eq!(metrics(&origin)["sse_streams_open"], 1.0);
}
