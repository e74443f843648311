//! Random combinations of good parameters: whatever stream comes of it, its framing is exact to the last byte.

use std::io::Read;
use std::net::Shutdown;
use std::thread;

use flate2::read::MultiGzDecoder;

use crate::common::gauge::Gauge;
use crate::common::witness::Scene;
use crate::common::{Client, Head, Origin};

/// The same plans in every run.
const SEED: u64 = 0x504c_414e;
const THREADS: u64 = 8;
const PLANS: usize = 30;

/// Parameters with values that go together, at least for the most part. An empty value leaves the parameter out.
const CHOICES: [(&str, &[&str]); 19] = [
    ("interval", &["1ms", "7ms", "20ms", "500us0"]),
    ("count", &["0", "1", "2", "12", ""]),
    ("duration", &["", "", "1ms", "40ms"]),
    ("size", &["", "0", "1", "17", "1000", "256k"]),
    ("pad", &["", "0", "1", "2", "3", "100", "16383", "16384", "16385", "16386", "40000", "1m"]),
    ("event", &["", "", "tick", "-", "."]),
    ("stream", &["", "", "", "a", "b", "c"]),
    ("retry", &["", "0", "1s", "1h"]),
    ("heartbeat", &["", "0", "100ms"]),
    ("heartbeat_pad", &["", "", "0", "1", "1000", "64k"]),
    ("silent_after", &["", "", "", "0", "2"]),
    ("delay", &["", "", "3ms"]),
    ("head_delay", &["", "", "3ms"]),
    ("framing", &["", "chunked", "close", "length"]),
    ("encoding", &["", "none", "identity", "gzip"]),
    ("type", &["", "event-stream-utf8", "plain", "ndjson"]),
    ("accel", &["", "none"]),
    ("cache", &["", "none", "no-store"]),
    ("end", &["", "", "", "abort"]),
];

struct Plan {
    request: String,
    aborts: bool,
    gzip: bool,
    head_only: bool,
}

impl Plan {
    fn random(random: &mut fastrand::Rng) -> Plan {
        let mut query = Vec::new();
        for (name, values) in CHOICES {
            let value = values[random.usize(..values.len())];
            // The one bad value among the intervals is rare.
            let value = if value == "500us0" && random.u8(..8) > 0 { "1ms" } else { value };
            if !value.is_empty() {
                query.push(format!("{name}={value}"));
            }
        }
        // Who falls behind a named stream is dropped. Of small events, the log holds all that there can be.
        if query.iter().any(|parameter| parameter.starts_with("stream=")) {
            query.retain(|parameter| parameter != "size=256k");
        }
        random.shuffle(&mut query);
        let query = query.join("&");
        let method = ["GET", "GET", "GET", "POST", "HEAD"][random.usize(..5)];
        let version = ["1.1", "1.1", "1.0"][random.usize(..3)];
        let mut fields = String::from("Host: a\r\n");
        if random.u8(..4) == 0 {
            fields += &format!("Last-Event-ID: {}\r\n", random.u64(..12));
        }
        if random.u8(..4) == 0 {
            fields += "Connection: close\r\n";
        }
        Plan {
            request: format!("{method} /events?{query} HTTP/{version}\r\n{fields}\r\n"),
            aborts: query.contains("end=abort"),
            gzip: query.contains("encoding=gzip"),
            head_only: method == "HEAD",
        }
    }
}

/// Reads as many bytes as there are up to `len`.
fn read_up_to(client: &mut Client, len: usize) -> Vec<u8> {
    let mut bytes = client.take_buffered(len);
    let left = (len - bytes.len()) as u64;
    let _ = (&client.stream).take(left).read_to_end(&mut bytes);
    bytes
}

/// Reads the body as it is framed; none if it is cut, which must not look like an end.
fn body(client: &mut Client, head: &Head) -> Option<Vec<u8>> {
    if head.get("Transfer-Encoding") == Some("chunked") {
        assert!(head.get("Content-Length").is_none());
        return Some(client.read_chunks().into_iter().flat_map(|chunk| chunk.bytes).collect());
    }
    let Some(len) = head.get("Content-Length") else { return Some(client.read_to_end()) };
    let len = len.parse().unwrap();
    let body = read_up_to(client, len);
    (body.len() == len).then_some(body)
}

fn assert_is_exact(origin: &Origin, plan: &Plan) {
    let mut client = origin.connect();
    client.send(&plan.request);
    if plan.aborts {
        // So that it ends, too, where there is nothing to abort.
        let _ = client.stream.shutdown(Shutdown::Write);
        client.read_to_end();
        return;
    }
    let head = client.read_head();
    assert!(matches!(head.status, 200 | 204 | 400 | 409 | 503), "{} {}", plan.request, head.text);
    if !plan.head_only && head.status != 204 {
        let Some(body) = body(&mut client, &head) else { return };
        let mut text = String::new();
        if plan.gzip && head.status == 200 {
            MultiGzDecoder::new(body.as_slice()).read_to_string(&mut text).unwrap();
        } else {
            text = String::from_utf8(body).unwrap();
        }
        assert!(text.ends_with('\n'), "{}: {:?}", plan.request, &text[text.len().saturating_sub(100)..]);
    }
    if head.get("Connection") == Some("close") || plan.request.contains("HTTP/1.0") {
        assert!(client.is_at_end(), "{}", plan.request);
    } else {
        client.ask("/healthz");
        assert_eq!(client.read_response().1, "ok\n", "{}", plan.request);
    }
}

#[test]
fn random_plans_are_framed_exactly() {
    let origin = Origin::with(&["--max-duration", "200ms", "--max-rate", "1000m"]);
    origin.fetch("/healthz");
    let before = Gauge(origin.pid()).descriptors();
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let origin = &origin;
            scope.spawn(move || {
                let mut random = fastrand::Rng::with_seed(SEED + thread);
                for _ in 0..PLANS {
                    assert_is_exact(origin, &Plan::random(&mut random));
                }
            });
        }
    });
    crate::common::eventually(|| (Gauge(origin.pid()).descriptors() <= before).then_some(()));
    Scene::of(Origin::start()).check();
    for line in origin.log_lines() {
        assert!(!line.contains("panicked") && !line.contains("[ERROR]") && !line.contains("by=error"), "{line}");
    }
}
