//! Story files: a recording of a path, and what is to be said about it.
//! ```text
//! {"source": "model" or "recorded: <program, version, configuration>", "about": one sentence,
//!  "recording": as `probe --record` writes it,
//!  "expect": {"verdict", "hold": {"kind", "bytes": [least, most] or null, "ms": [least, most] or null},
//!    "findings": [ids that are there], "streams": {name: {"lag_ms", "gap_ms", "bursts", "events", "end"}, …}}}
//! ```

// Each test program uses a part of it.
#![allow(dead_code, unreachable_pub)]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Value, json};
use sse_argo_tester::judge;
use sse_argo_tester::report::Report;
use sse_argo_tester::stats::Summary;
use sse_argo_tester::stats::recording::Recording;

/// Longest file.
const LENGTH_MOST: usize = 60_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Story {
    pub source: String,
    pub about: String,
    pub recording: Recording,
    pub expect: Expect,
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

/// The text of a story file: a line a stream.
pub fn text(source: &str, about: &str, recording: &Recording, expect: &Value) -> String {
    let mut recording = json!(recording);
    let streams = recording.as_object_mut().unwrap().remove("streams").unwrap();
    let streams: Vec<String> = streams.as_array().unwrap().iter().map(Value::to_string).collect();
    let open = |value: Value| value.to_string().strip_suffix('}').unwrap().to_owned();
    let mut text = String::new();
    let head = open(json!({ "source": source, "about": about }));
    writeln!(text, "{head},\n\"recording\":{},\"streams\":[", open(recording)).unwrap();
    write!(text, "{}\n]}},\n\"expect\":{expect}}}\n", streams.join(",\n")).unwrap();
    text
}

impl Story {
    /// The story in a file.
    pub fn read(path: &Path) -> Story {
        let text = fs::read_to_string(path).unwrap();
        assert!(text.len() < LENGTH_MOST, "{path:?} is too long");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path:?}: {error}"))
    }

    /// What the judge says.
    pub fn told(&self) -> Report {
        told(&self.recording)
    }
}

/// What the judge says of a recording.
pub fn told(recording: &Recording) -> Report {
    judge::judge(recording).unwrap()
}
