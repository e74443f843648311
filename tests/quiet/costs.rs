//! Requests that are small to send and must not be expensive to serve.

use std::time::Duration;

use crate::common::machine;
use crate::common::witness::Scene;

const CHUNKED: &str = "POST /events?count=0 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
const PLAIN: &str = "POST /events?count=0 HTTP/1.1\r\nHost: a\r\nContent-Length: 65536\r\n\r\n";

/// The processor time that the server takes for a body that comes in, behind `start`, one byte at a time.
fn cost_of_dribbling(scene: &Scene, start: &str, dribbled: &str) -> Duration {
    let (mut slow, mut pace) = (scene.origin.connect(), scene.origin.connect());
    slow.send(start);
    let before = scene.gauge().cpu();
    for byte in dribbled.bytes() {
        slow.send([byte]);
        // A round trip between two bytes, so that each is read by itself.
        pace.ask("/healthz");
        pace.read_response();
    }
    scene.gauge().cpu() - before
}

#[test]
fn a_chunked_body_that_dribbles_costs_about_what_a_plain_one_does() {
    let _alone = machine::alone();
    let mut scene = Scene::new();
    let dribbled = "1\r\nx\r\n".repeat(150);
    let plain = cost_of_dribbling(&scene, &format!("{PLAIN}{}", "x".repeat(60_000)), &dribbled);
    let chunked = cost_of_dribbling(&scene, &format!("{CHUNKED}{}", "1\r\nx\r\n".repeat(14_000)), &dribbled);
    assert!(chunked < plain * 2 + Duration::from_millis(200), "{chunked:?} instead of {plain:?}");
    scene.check();
}

/// What one of these requests may cost, unoptimised and on a slow machine.
const EACH_MAX: Duration = Duration::from_millis(30);
const TIMES: u32 = 20;

#[test]
fn no_request_is_expensive() {
    let _alone = machine::alone();
    let mut scene = Scene::new();
    let get = |target: &str, fields: &str| format!("GET {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
    for request in [
        get("/events?framing=length&count=1000000&interval=1h", ""),
        get("/events?framing=length&count=1000000&interval=1h&stream=s", ""),
        get("/healthz", &format!("Connection: {}\r\n{}", "a,".repeat(15_500), "X: y\r\n".repeat(95))),
        get("/healthz", &format!("{}X: y\r\n", "Connection: a,b,c,d,e,f,g\r\n".repeat(90))),
        get("/events?count=0", &format!("Accept: {}\r\n", "\"".repeat(30_000))),
        get("/events?count=0", &format!("Accept: {}\r\n", "\u{fc}".repeat(15_000))),
        get("/events?count=0", &format!("Cf-Ray: {}\r\n", "\u{fc}".repeat(15_000))),
        get(&format!("/events?{}", "&".repeat(8000)), ""),
        get(&format!("/events?count=0{}", "&count=0".repeat(1000)), ""),
        get(&format!("/events?{}", "%61".repeat(2700)), ""),
        get(&format!("/streams/{}", "a".repeat(8000)), ""),
        get(&format!("/events?id={}", "a".repeat(8000)), ""),
    ] {
        let before = scene.gauge().cpu();
        for _ in 0..TIMES {
            let mut client = scene.origin.connect();
            client.send(&request);
            client.read_head();
        }
        let each = (scene.gauge().cpu() - before) / TIMES;
        assert!(each < EACH_MAX, "{each:?} for {request:.80}");
    }
    scene.check();
}
