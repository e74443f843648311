//! Costs of the pure parts that run for every event or every request: `cargo bench --bench pure`.

// The macro of divan makes functions that this crate does not see called.
#![allow(missing_docs)]

use std::time::{Duration, Instant};

use divan::{Bencher, black_box};
use sse_argo_tester::http::request::{forwardable, screen};
use sse_argo_tester::http::scan::HeadScanner;
use sse_argo_tester::schedule::plan::Plan;
use sse_argo_tester::schedule::{Clock, Due, Schedule, Terms};
use sse_argo_tester::stamp::{Shape, Stamped};

fn main() {
    divan::main();
}

/// A request of a browser behind a proxy.
const HEAD: &[u8] = b"GET /events?interval=250ms HTTP/1.1\r\nHost: sse.example.com\r\nUser-Agent: Mozilla/5.0\r\n\
    Accept: text/event-stream\r\nAccept-Encoding: gzip, br\r\nAccept-Language: en\r\nCache-Control: no-cache\r\n\
    Cf-Ray: 8f0e0f0a0b0c0d0e-FRA\r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\nConnection: keep-alive\r\n\r\n";

/// Preparing an event: all of it but the stamps, between two ticks.
#[divan::bench(args = [0, 2048, 65_536])]
fn prepare_event(bencher: Bencher<'_, '_>, size: usize) {
    let shape = Shape { event: None, size };
    let mut filler = fastrand::Rng::with_seed(1);
    let mut event = Stamped::numbered(1, &shape, &mut filler);
    let mut seq = 0;
    bencher.bench_local(|| {
        seq += 1;
        event.renumber(black_box(seq), &shape, &mut filler);
    });
}

/// Stamping it: all that stands between the tick and the write.
#[divan::bench]
fn stamp_event(bencher: Bencher<'_, '_>) {
    let mut event = Stamped::numbered(1, &Shape { event: None, size: 0 }, &mut fastrand::Rng::with_seed(1));
    bencher.bench_local(|| event.stamp(black_box(1_763_724_597_123_456)));
}

#[divan::bench]
fn next_due(bencher: Bencher<'_, '_>) {
    let second = Duration::from_secs(1);
    let terms = Terms {
        clock: Clock::Own { interval: second },
        base: 0,
        last: None,
        silent_after: None,
        lifetime: second * 3600,
        heartbeat: Some(second * 15),
    };
    let mut schedule = Schedule::new(terms, Instant::now());
    bencher.bench_local(|| {
        if let (at, Due::Event(seq)) = schedule.next() {
            schedule.sent(seq, at);
        }
    });
}

#[divan::bench]
fn scan_head() -> bool {
    HeadScanner::default().scan(black_box(HEAD)).is_ok()
}

#[divan::bench]
fn screen_head() -> bool {
    screen(black_box(HEAD)).is_ok()
}

#[divan::bench]
fn forward_head() -> Vec<u8> {
    forwardable(black_box(HEAD), "/1/events?interval=250ms")
}

#[divan::bench]
fn parse_query() -> bool {
    Plan::parse(black_box("interval=250ms&count=60&size=2k&id=0123456789abcdef&accel=none&cache=none")).is_ok()
}
