//! Whatever recording is posted, it is judged soon, or refused; and every diagnosis comes to its end.

use std::fs;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use serde_json::{Value, json};
use sse_argo_tester::judge::check::{EVENTS_MAX, LENGTH_MAX, STREAMS_MAX};
use sse_argo_tester::judge::{Format, answer};

use crate::story;

/// How long the worst recording may take: a second as released, more without optimisation and on a busy machine.
const WORST: Duration = Duration::from_secs(if cfg!(debug_assertions) { 30 } else { 1 });

fn recording(name: &str) -> Value {
    let path = story::folder().join(format!("{name}.json"));
    let mut story: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    story["recording"].take()
}

/// A stream of many events, each of which leaves a gap in the numbers.
fn gaps(events: usize) -> Value {
    let at = |n: usize| 1000 * n;
    let events: Vec<_> = (0..events).map(|n| json!([at(n), 9 * n, 9, 4096 * n + 1, at(n)])).collect();
    json!({"name": "S", "interval_us": 1, "requested_us": 0, "head": {"at_us": 1}, "events": events})
}

#[test]
fn the_worst_recording_is_judged_soon() {
    let mut worst = recording("silent");
    worst["stalls"] = json!((0..4000).map(|n| [5000 * n, 5000 * n + 4000]).collect::<Vec<_>>());
    worst["streams"] = json!([gaps(EVENTS_MAX)]);
    let text = worst.to_string();
    assert!(text.len() > LENGTH_MAX / 2 && text.len() <= LENGTH_MAX, "{}", text.len());
    for format in [Format::Json, Format::Text, Format::Html] {
        let begun = Instant::now();
        answer(text.as_bytes(), format).unwrap();
        assert!(begun.elapsed() < WORST, "{format:?}: {:?}", begun.elapsed());
    }
}

/// Replaces the number with this index, of all numbers there are.
fn replace(value: &mut Value, index: &mut usize, number: i64) {
    match value {
        Value::Number(_) if *index == 0 => *value = json!(number),
        Value::Number(_) => {}
        Value::Array(all) => return all.iter_mut().for_each(|value| replace(value, index, number)),
        Value::Object(all) => return all.values_mut().for_each(|value| replace(value, index, number)),
        _ => return,
    }
    *index = index.wrapping_sub(1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn no_number_makes_the_judge_panic(
        name in prop::sample::select(&["cut-idle", "silent-one-stream", "foreign-cut", "one-event-at-one-pace"][..]),
        index in 0..600_usize,
        bits in 0..63_u32,
        off in -1..2_i64,
        sign in prop::sample::select(&[-1, 1][..]),
        is_live in any::<bool>(),
    ) {
        let mut recording = recording(name);
        if is_live {
            recording["live"] = json!({
                "phase": "receiving", "since_us": 5000, "failures": 0, "received": 9, "last_us": 9000, "is_continued": true,
            });
        }
        replace(&mut recording, &mut index.clone(), sign * ((1_i64 << bits) + off));
        for format in [Format::Json, Format::Text, Format::Html] {
            let _ = answer(recording.to_string().as_bytes(), format);
        }
    }

    #[test]
    fn every_diagnosis_ends_within_its_bounds(seed in any::<u64>(), is_ours in any::<bool>(), likely in 0..4_u8) {
        let mut rng = fastrand::Rng::with_seed(seed);
        let exchanges = if is_ours { json!([[0, 500, 1000]]) } else { json!([]) };
        let mut diagnosis = json!({
            "schema": 1, "kind": "diagnose", "request": {"url": "http://localhost:3000/events", "method": "GET"},
            "unix_us": 0, "elapsed_us": 0, "observer": {"is_browser": true, "at_once": 5},
            "clock": {"exchanges": exchanges}, "streams": [],
        });
        for round in 0.. {
            let said: Value = serde_json::from_slice(&answer(diagnosis.to_string().as_bytes(), Format::Json).unwrap()).unwrap();
            let looks = said["next"].as_array().unwrap();
            if looks.is_empty() {
                prop_assert!(said["verdict"].is_string());
                break;
            }
            prop_assert!(round < 15, "it goes on and on");
            for look in looks {
                prop_assert_eq!(&look["headers"], &json!([]), "a page can't say what it accepts");
                for stream in look["streams"].as_array().unwrap() {
                    let how = if rng.u8(0..4) < likely { 0 } else { rng.u8(0..4) };
                    diagnosis["streams"].as_array_mut().unwrap().push(observed(look, stream, round, how));
                }
            }
            prop_assert!(diagnosis["streams"].as_array().unwrap().len() <= STREAMS_MAX);
            diagnosis["elapsed_us"] = json!(10_000_000 * (round + 1));
        }
    }
}

/// A stream that was asked for: held until its end, in real time, refused, or silent.
fn observed(look: &Value, stream: &Value, round: i64, how: u8) -> Value {
    let begun = 10_000_000 * round + 2000;
    let (count, interval) = (stream["count"].as_i64().unwrap_or(20), stream["interval_us"].as_i64().unwrap());
    let sent = |n: i64| begun + 1000 + n * interval.min(400_000);
    let at = |n: i64| if how == 0 { sent(count) + 1000 } else { sent(n) + 1000 };
    let events =
        if how < 2 { (0..=count).map(|n| json!([at(n), 100 * n, 100, n, sent(n)])).collect() } else { Vec::new() };
    let reads: Vec<_> = (0..events.len() as i64).map(|n| json!([at(n), 100 * n, 100])).collect();
    json!({
        "name": stream["name"], "interval_us": stream["interval_us"], "size": stream["size"], "count": stream["count"],
        "round": look["round"], "variant": look["variant"], "role": look["role"], "requested_us": begun,
        "head": {
            "at_us": begun + 1500, "status": if how == 2 { 503 } else { 200 },
            "headers": [["content-type", "text/event-stream"]],
        },
        "reads": reads, "events": events,
        "end": {"how": if how == 3 { "ours" } else { "clean" }, "at_us": begun + 9_000_000},
    })
}
