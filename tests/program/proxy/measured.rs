//! The program measures itself: what a probe says of a path that the proxy is on.

use std::time::{Duration, Instant};

use super::{Scene, proxy_with};
use crate::common::program::Program;
use crate::common::raw::chunk;
use crate::common::{Client, Origin};

/// The longest time that half of all events may take through the proxy. It is a twentieth of a millisecond; the rest is
/// for a busy machine.
const LATENCY: Duration = Duration::from_millis(5);

#[test]
fn events_are_passed_on_at_once_on_one_stream_and_on_many() {
    let scene = Scene::new();
    for streams in [1, 200] {
        let mut pairs: Vec<(Client, Client)> = (0..streams).map(|_| scene.streaming()).collect();
        let mut times: Vec<Duration> = Vec::new();
        for _ in 0..600 / streams {
            for (client, target) in &mut pairs {
                let since = Instant::now();
                target.send(chunk("data: a\n\n"));
                let arrived = client.read_chunk().unwrap();
                times.push(arrived.at - since);
            }
        }
        times.sort();
        let median = times[times.len() / 2];
        assert!(median < LATENCY, "{median:?} with {streams} streams");
    }
}

#[test]
fn a_probe_through_the_proxy_is_real_time() {
    probe_through(&[]);
}

#[test]
fn a_probe_of_a_shared_stream_is_real_time() {
    probe_through(&["--share"]);
}

fn probe_through(args: &[&str]) {
    let origin = Origin::start();
    let proxy = proxy_with(&format!("http://{}/events", origin.address), args);
    let finished = Program::probe(&[&format!("http://{}/events", proxy.address), "--json"]).finish();
    let found = finished.end();
    assert_eq!((found["verdict"].as_str(), finished.code), (Some("real-time"), Some(0)), "{found}");
    assert_eq!(found["end"]["how"], "clean", "{found}");
    assert!(found["clock"].is_object(), "the origin's clock is asked through the proxy: {found}");
    assert_eq!(found["events"]["missing"], 0, "{found}");
}
