//! Story files: what was seen of a path, and what is to be said about it. The same files try the page's JavaScript.
//!
//! Every time is in microseconds since the probe's start; times of the origin's clock are less `unix_us`, which is that
//! clock at the probe's start as far as anyone knows.
//! ```text
//! {"source": "model" or "recorded: <program, version, configuration>", "about": one sentence,
//!  "answer": ["stream"] or ["not-sse", why, id] or ["unreachable", why, id] (of the finding that says why),
//!  "ours": bool, "within_ms": N, "unix_us": N,
//!  "connect_us": N or null (the TCP handshake), "exchanges": [[t0, t1 (origin), t3], …] (none: no clock),
//!  "stalls": [[from, to], …] (the probe itself was late),
//!  "streams": [{"name", "interval_us", "size", "count": N or null, "requested_us",
//!    "events": [[seq, sent (origin), start, end, 0 if its check is wrong], …] in order of `end`; start and end are
//!       offsets in the content; 0 is the hello event; another origin's: [id or null, null, start, end],
//!    "comments": [end, …],
//!    "reads": [[at, bytes of the body so far, bytes of the content so far if other], …],
//!    "end": [how, at]}, …],
//!  "expect": {"verdict", "hold": {"kind", "bytes": [least, most] or null, "ms": [least, most] or null},
//!    "findings": [ids that are there], "streams": {name: {"lag_ms", "gap_ms", "bursts", "events", "end"}, …}}}
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Value, json};
use sse_argo_tester::stats::{Clock, Ending, Exchange, Origin, Recorder, Stall, StreamSpec, Summary, What};
use sse_argo_tester::verdict::{Answer, Evidence, Finding, Id, Judgement, judge};

/// Largest difference between numbers that are the same: of milliseconds, from rounding.
const SAME: f64 = 0.001;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Story {
    source: String,
    about: String,
    answer: Vec<String>,
    ours: bool,
    within_ms: i64,
    unix_us: i64,
    connect_us: Option<i64>,
    exchanges: Vec<[i64; 3]>,
    stalls: Vec<[i64; 2]>,
    streams: Vec<Stream>,
    expect: Expect,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stream {
    name: String,
    interval_us: i64,
    size: u64,
    count: Option<u64>,
    requested_us: i64,
    events: Vec<Vec<Option<i64>>>,
    comments: Vec<u64>,
    reads: Vec<Vec<i64>>,
    end: (Ending, Option<i64>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    verdict: String,
    hold: HoldRange,
    findings: Vec<String>,
    streams: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HoldRange {
    kind: String,
    bytes: Option<[u64; 2]>,
    ms: Option<[u64; 2]>,
}

fn named(id: &str) -> Id {
    *Id::ALL.iter().find(|known| known.as_str() == id).unwrap_or_else(|| panic!("there is no finding {id}"))
}

impl Story {
    fn origin(&self) -> Origin {
        if self.ours { Origin::Ours } else { Origin::Foreign }
    }

    fn answer(&self) -> Answer {
        match self.answer.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["stream"] => Answer::Stream,
            ["not-sse", why, id] => Answer::NotSse(Finding::new(named(id), why)),
            ["unreachable", why, id] => Answer::Unreachable(Finding::new(named(id), why)),
            _ => panic!("no answer: {:?}", self.answer),
        }
    }

    fn clock(&self, recorders: &[Recorder]) -> Option<Clock> {
        let exchanges: Vec<Exchange> = self
            .exchanges
            .iter()
            .map(|[t0_us, t1_us, t3_us]| Exchange { t0_us: *t0_us, t1_us: t1_us + self.unix_us, t3_us: *t3_us })
            .collect();
        let least = recorders.iter().filter_map(Recorder::least_transit_us).min();
        Clock::from_exchanges(&exchanges, self.connect_us).or_else(|| least.map(Clock::from_least_transit))
    }

    fn record(&self, stream: &Stream) -> Recorder {
        let Stream { name, interval_us, size, count, requested_us, .. } = stream;
        let spec = StreamSpec { name: name.clone(), interval_us: *interval_us, size: *size, count: *count };
        let mut recorder = Recorder::new(spec, self.origin(), *requested_us);
        let mut events = stream.events.iter().peekable();
        let mut comments = stream.comments.iter().peekable();
        for read in &stream.reads {
            let (body_end, content_end) = (read[1] as u64, *read.last().unwrap() as u64);
            recorder.read(read[0], body_end, content_end);
            while let Some(end) = comments.next_if(|end| **end <= content_end) {
                recorder.comment(*end);
            }
            while let Some(event) = events.next_if(|event| event[3].unwrap() as u64 <= content_end) {
                let (what, start, end) = self.event(event);
                recorder.event(what, start, end);
            }
        }
        if let (how, Some(at_us)) = stream.end {
            recorder.end(how, at_us);
        }
        recorder
    }

    fn event(&self, event: &[Option<i64>]) -> (What, u64, u64) {
        let [start, end] = [2, 3].map(|n| event[n].unwrap() as u64);
        let seq = event[0].map(|seq| seq as u64);
        let what = match (event[1].map(|sent| sent + self.unix_us), seq) {
            (None, id) => What::Foreign { id },
            (Some(sent_us), Some(0)) => What::Hello { sent_us },
            (Some(sent_us), seq) => {
                What::Numbered { seq: seq.unwrap(), sent_us, intact: event.get(4) != Some(&Some(0)) }
            }
        };
        (what, start, end)
    }
}

/// The numbers of a stream that a story may tell.
fn numbers(summary: &Summary) -> Value {
    json!({
        "lag_ms": summary.lag, "gap_ms": summary.gap, "bursts": summary.bursts, "events": summary.counts,
        "end": summary.end,
    })
}

/// Whether `found` has all that `expected` has.
fn agrees(found: &Value, expected: &Value) -> bool {
    match (found, expected) {
        (Value::Object(found), Value::Object(expected)) => {
            expected.iter().all(|(key, value)| found.get(key).is_some_and(|found| agrees(found, value)))
        }
        (Value::Number(found), Value::Number(expected)) => {
            (found.as_f64().unwrap() - expected.as_f64().unwrap()).abs() < SAME
        }
        _ => found == expected,
    }
}

fn within(found: Option<u64>, range: Option<[u64; 2]>) -> bool {
    found.zip(range).map_or(found.is_none() && range.is_none(), |(n, [least, most])| (least..=most).contains(&n))
}

/// Tells a story; returns the judgement.
fn tell(name: &str, story: &Story) -> Judgement {
    let recorders: Vec<Recorder> = story.streams.iter().map(|stream| story.record(stream)).collect();
    let clock = story.clock(&recorders);
    let stalls: Vec<Stall> =
        story.stalls.iter().map(|[from_us, to_us]| Stall { from_us: *from_us, to_us: *to_us }).collect();
    let streams: Vec<Summary> = recorders.iter().map(|recorder| recorder.summary(clock.as_ref(), &stalls)).collect();
    let answer = story.answer();
    let within_us = story.within_ms * 1000;
    let verdict = judge(&Evidence { answer: &answer, streams: &streams, clock: clock.as_ref(), within_us });
    let about = format!("{name}: {}\n{verdict:#?}", story.about);
    assert_eq!(verdict.verdict.as_str(), story.expect.verdict, "{about}");
    assert_eq!(json!(verdict.hold.kind), json!(story.expect.hold.kind), "{about}");
    assert!(within(verdict.hold.bytes, story.expect.hold.bytes), "{about}");
    assert!(within(verdict.hold.ms, story.expect.hold.ms), "{about}");
    for id in &story.expect.findings {
        assert!(verdict.findings.iter().any(|finding| finding.id.as_str() == id), "no {id} in {about}");
    }
    for stream in &streams {
        let found = numbers(stream);
        let expected = story.expect.streams.get(&stream.spec.name).unwrap_or(&Value::Null);
        assert!(expected.is_null() || agrees(&found, expected), "{name} {}: {found}", stream.spec.name);
    }
    verdict.verdict
}

#[test]
fn every_story_ends_as_it_should() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stories");
    let mut told: BTreeMap<&str, usize> = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.len() < 60_000, "{name} is too long");
        let story: Story = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(story.source == "model" || story.source.starts_with("recorded: "), "{name}: {}", story.source);
        *told.entry(tell(name, &story).as_str()).or_default() += 1;
    }
    let rows = [
        "real-time",
        "late-start",
        "batched",
        "lagging",
        "held-until-close",
        "silent",
        "cut",
        "corrupt",
        "inconclusive",
    ];
    for row in rows {
        assert!(told.get(row).is_some_and(|count| *count >= 3), "too few stories of {row}: {told:?}");
    }
}
