//! Small recordings of random paths are judged alike.

use std::cell::RefCell;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;
use sse_argo_tester::stats::{Ending, Origin, StreamSpec};

use super::stories::{core, differs};
use crate::model::{Fate, Hold, MS, Path, Run, Seen, run, spec};

const CASES: u32 = 1000;

/// A few streams of a few events over any path.
fn recording() -> impl Strategy<Value = Run> {
    let times = (1..2_500_i64).prop_map(|ms| ms * MS);
    let bytes = (7..15_u32).prop_flat_map(|bits| 1..1_u64 << bits);
    let hold = (0..17_usize, times.clone(), bytes, any::<bool>())
        .prop_map(|(n, t, bytes, exactly)| hold(n, t, bytes, exactly));
    let fate = (0..30_usize, 1..6_u64, times).prop_map(|(n, seq, at)| fate(n, seq, at));
    let path = (hold, fate, (0..100_i64, 0..120_i64, 0..30_i64, 0..60_i64, any::<u64>()));
    let interval_ms = prop::sample::select(&[20, 50, 90, 100, 250, 500, 1000][..]);
    let pace = (interval_ms, prop::sample::select(&[0, 0, 0, 300, 2048][..]), 8..45_u64);
    (path, prop::collection::vec(pace, 1..5), 0..8_u8).prop_map(|((hold, fate, weather), specs, whose)| {
        let (latency, jitter, asymmetry, slow_time, seed) = weather;
        let [latency, jitter, asymmetry, slow_time] = [latency, jitter, asymmetry, slow_time].map(|ms| ms * MS);
        let path = Path { hold, fate, latency, jitter, asymmetry, slow_time, coalesce: 0, seed };
        let specs: Vec<StreamSpec> = specs
            .iter()
            .zip(["S", "M", "L", "W"])
            .map(|((ms, size, count), name)| spec(name, *ms, *size, *count))
            .collect();
        let mut run = run(&specs, &path);
        if whose == 0 {
            run.exchanges.clear();
            for seen in &mut run.streams {
                seen.origin = Origin::Foreign;
                seen.spec.count = None;
            }
        }
        run
    })
}

fn hold(n: usize, t: i64, bytes: u64, exactly: bool) -> Hold {
    let all = [
        Hold::None,
        Hold::Bytes { n: bytes, exactly },
        Hold::Compressor { n: bytes },
        Hold::StartBytes { n: bytes },
        Hold::Timer { t },
        Hold::Ticks { t, phase: t / 3 },
        Hold::StartTime { t },
        Hold::StartThenBytes { start: 4 * bytes, n: bytes },
        Hold::Close,
        Hold::CloseAfterHello,
        Hold::Constant { t },
        Hold::OneEvent,
        Hold::OneEventThenTimer { t },
        Hold::Cork,
        Hold::Rate { n: bytes },
        Hold::Silent,
        Hold::Pause { from: t, t: t / 3 },
    ];
    all[n]
}

/// Nothing, most of the time.
fn fate(n: usize, seq: u64, at: i64) -> Fate {
    let how = [Ending::Clean, Ending::Truncated, Ending::Reset][at as usize % 3];
    let all = [
        Fate::Cut { at, how },
        Fate::Cut { at: 2 * at, how },
        Fate::Hangs { at },
        Fate::Lost(seq),
        Fate::Twice(seq),
        Fate::Swapped(seq),
        Fate::Changed(seq),
        Fate::Replayed { age: at },
        Fate::Restarted(seq),
    ];
    all.get(n).copied().unwrap_or(Fate::Sound)
}

#[test]
#[ignore = "needs chromium"]
fn recordings_are_judged_alike() {
    let browser = RefCell::new(core());
    let mut runner = TestRunner::new(Config { cases: CASES, failure_persistence: None, ..Config::default() });
    let result = runner.run(&recording(), |run| {
        let mut story = run.json("");
        story["streams"] = run.streams.iter().map(Seen::json).collect();
        story["expect"] =
            json!({"verdict": "", "hold": {"kind": "", "bytes": null, "ms": null}, "findings": [], "streams": {}});
        prop_assert_eq!(differs(&mut browser.borrow_mut(), &story), None, "{}", story);
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}
