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
//!       offsets in the content; 0 is the hello event; another origin's: [id or null, null, start, end];
//!       one that can't be read: [null, null, start, end, 0],
//!    "comments": [end, …],
//!    "reads": [[at, bytes of the body so far, bytes of the content so far if other], …],
//!    "end": [how, at]}, …],
//!  "expect": {"verdict", "hold": {"kind", "bytes": [least, most] or null, "ms": [least, most] or null},
//!    "findings": [ids that are there], "streams": {name: {"lag_ms", "gap_ms", "bursts", "events", "end"}, …}}}
//! ```

// Each test program uses a part of it.
#![allow(dead_code, unreachable_pub)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Value, json};
use sse_argo_tester::stats::{Clock, Ending, Exchange, Origin, Recorder, Stall, StreamSpec, Summary, What};
use sse_argo_tester::verdict::{Answer, Evidence, Finding, Id, Verdict, judge};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Story {
    pub source: String,
    pub about: String,
    answer: Vec<String>,
    ours: bool,
    within_ms: i64,
    pub unix_us: i64,
    connect_us: Option<i64>,
    exchanges: Vec<[i64; 3]>,
    stalls: Vec<[i64; 2]>,
    streams: Vec<Stream>,
    pub expect: Expect,
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
pub struct Expect {
    pub verdict: String,
    pub hold: HoldRange,
    pub findings: Vec<String>,
    pub streams: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HoldRange {
    pub kind: String,
    pub bytes: Option<[u64; 2]>,
    pub ms: Option<[u64; 2]>,
}

/// What comes of a story.
pub struct Told {
    pub streams: Vec<Summary>,
    pub clock: Option<Clock>,
    pub verdict: Verdict,
}

/// Where the stories are.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stories")
}

/// The files of all stories.
pub fn files() -> Vec<PathBuf> {
    fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// The numbers of a stream that a story may tell.
pub fn numbers(summary: &Summary) -> Value {
    json!({
        "lag_ms": summary.lag, "gap_ms": summary.gap, "bursts": summary.bursts, "events": summary.counts,
        "end": summary.end,
    })
}

fn named(id: &str) -> Id {
    *Id::ALL.iter().find(|known| known.as_str() == id).unwrap_or_else(|| panic!("there is no finding {id}"))
}

impl Story {
    /// The story in a file.
    pub fn read(path: &Path) -> Story {
        let text = fs::read_to_string(path).unwrap();
        assert!(text.len() < 60_000, "{path:?} is too long");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path:?}: {error}"))
    }

    /// Has it summed up and judged.
    pub fn told(&self) -> Told {
        let recorders: Vec<Recorder> = self.streams.iter().map(|stream| self.record(stream)).collect();
        let clock = self.clock(&recorders);
        let stalls: Vec<Stall> =
            self.stalls.iter().map(|[from_us, to_us]| Stall { from_us: *from_us, to_us: *to_us }).collect();
        let streams: Vec<Summary> =
            recorders.iter().map(|recorder| recorder.summary(clock.as_ref(), &stalls)).collect();
        let answer = self.answer();
        let within_us = self.within_ms * 1000;
        let verdict = judge(&Evidence { answer: &answer, streams: &streams, clock: clock.as_ref(), within_us });
        Told { streams, clock, verdict }
    }

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
        let intact = event.get(4) != Some(&Some(0));
        let what = match (event[1].map(|sent| sent + self.unix_us), seq) {
            (None, None) if !intact => What::Unreadable,
            (None, id) => What::Foreign { id },
            (Some(sent_us), Some(0)) => What::Hello { sent_us },
            (Some(sent_us), Some(seq)) => What::Numbered { seq, sent_us, intact },
            (Some(_), None) => panic!("a stamp without a number: {event:?}"),
        };
        (what, start, end)
    }
}
