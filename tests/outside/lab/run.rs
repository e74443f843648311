//! A probe through a proxy, and what is to come of it.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{bounded, unbounded};
use serde_json::{Map, Value, json};
use sse_argo_tester::report::Report;
use sse_argo_tester::stats::Summary;
use sse_argo_tester::stats::recording::Recording;

use super::proxy::{Proxy, Software};
use crate::common::{Origin, machine};
use crate::story::{self, Story, folder, numbers};

/// Probes at a time.
const ABREAST: usize = 10;
/// Seconds after which a probe is given up; none should take as long.
const PROBE_MOST: &str = "40";

/// Verdicts with the kinds of their holds.
pub(crate) const BATCHED: (&str, &str) = ("batched", "bytes");
pub(crate) const CLOSE: (&str, &str) = ("held-until-close", "close");
pub(crate) const CUT: (&str, &str) = ("cut", "none");
pub(crate) const ONE_EVENT: (&str, &str) = ("lagging", "one-event");
pub(crate) const NOT_SSE: (&str, &str) = ("not-sse", "unknown");
pub(crate) const SILENT: (&str, &str) = ("silent", "unknown");
pub(crate) const CORRUPT: (&str, &str) = ("corrupt", "none");

/// One slow stream: nothing comes for longer than a proxy's patience.
pub(crate) const IDLE: &str = "/events?interval=6s&count=3";

/// What happens beside the probe.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Event {
    Nothing,
    /// Somebody else was there before, and asked for the same.
    Repeat,
    /// The proxy is killed so long after the probe's start.
    Kill(Duration),
}

/// A configuration, a probe, and what is to be said about it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) software: Software,
    /// What stands in the configuration.
    pub(crate) config: &'static str,
    /// Behind the proxy's address.
    pub(crate) target: &'static str,
    pub(crate) args: &'static [&'static str],
    pub(crate) event: Event,
    /// The verdict, and the kind of its hold.
    pub(crate) verdict: (&'static str, &'static str),
    /// What the configuration says; the hold may differ by a quarter.
    pub(crate) bytes: Option<u64>,
    /// The same; it may differ by a tenth and what timers add.
    pub(crate) ms: Option<u64>,
    pub(crate) end: &'static str,
    /// Findings that are there.
    pub(crate) findings: &'static [&'static str],
}

/// A case of nginx to start from.
pub(crate) const CASE: Case = Case {
    name: "",
    software: Software::Nginx,
    config: "",
    target: "/",
    args: &["--plain"],
    event: Event::Nothing,
    verdict: ("real-time", "none"),
    bytes: None,
    ms: None,
    end: "clean",
    findings: &[],
};

/// What else the machine does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Machine {
    Idle,
    /// Every processor has something else to do.
    Busy,
}

/// Keeps the processors busy until it is dropped.
struct Load(Arc<AtomicBool>);

impl Load {
    fn start() -> Load {
        let over = Arc::new(AtomicBool::new(false));
        for _ in 0..thread::available_parallelism().map_or(2, usize::from) {
            let over = over.clone();
            thread::spawn(move || while !over.load(Ordering::Relaxed) {});
        }
        Load(over)
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs cases, several at a time; fails with all that went wrong.
pub(crate) fn run_all(cases: &[Case], machine: Machine) {
    let _load = (machine == Machine::Busy).then(|| (machine::alone(), Load::start()));
    let origin = Origin::start();
    try_all(cases, ABREAST, |case| {
        let _turn = (machine == Machine::Idle).then(|| machine::take(1));
        run(case, &origin, machine)
    });
}

/// Tries all, so many at a time; fails with all that went wrong.
pub(crate) fn try_all<T: Sync>(all: &[T], abreast: usize, attempt: impl Fn(&T) -> Result<(), String> + Sync) {
    let (queue, next) = unbounded();
    all.iter().for_each(|one| queue.send(one).unwrap());
    drop(queue);
    let failures = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..abreast.min(all.len()) {
            scope.spawn(|| {
                while let Ok(one) = next.try_recv() {
                    if let Err(failure) = attempt(one) {
                        failures.lock().unwrap().push(failure);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{} of {} fail:\n{}", failures.len(), all.len(), failures.join("\n\n"));
}

/// How the program is to end with a verdict.
pub(crate) fn exit_code(verdict: &str) -> i32 {
    match verdict {
        "real-time" => 0,
        "unreachable" => 3,
        "not-sse" => 4,
        "cut" | "corrupt" => 5,
        "inconclusive" => 6,
        _ => 1,
    }
}

fn run(case: &Case, origin: &Origin, machine: Machine) -> Result<(), String> {
    let mut proxy = Proxy::start(case.software, case.config, origin.address);
    let place = tempfile::tempdir().unwrap();
    let record = place.path().join("story");
    let url = format!("http://{}{}", proxy.address, case.target);
    if case.event == Event::Repeat {
        probe(&mut command(&url, case.args, &record));
    }
    let output = match case.event {
        Event::Kill(after) => while_killed(&mut proxy, after, &mut command(&url, case.args, &record)),
        _ => probe(&mut command(&url, case.args, &record)),
    };

    let stderr = String::from_utf8_lossy(&output.stderr);
    let failed = |why: String| format!("{}: {why}\n{stderr}{}", case.name, proxy.log());
    let report: Value = serde_json::from_slice(&output.stdout).map_err(|error| failed(error.to_string()))?;
    case.check(&report, &output).map_err(|why| failed(format!("{why}\n{report:#}")))?;
    let story = case.story(&fs::read(&record).unwrap(), machine);
    let told = story.told();
    let (verdict, judged) = (&report["verdict"], told.verdict.verdict.as_str());
    if verdict != judged {
        return Err(failed(format!("{verdict}, but {judged} when the recording is judged")));
    }
    if std::env::var_os("RECORD_STORIES").is_some() {
        case.write(&story, &told, machine);
    }
    Ok(())
}

fn command(url: &str, args: &[&str], record: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sse-argo-tester"));
    command.args(["probe", "--json", "--max-time", PROBE_MOST, "--record"]).arg(record).args(args).arg(url);
    command
}

fn probe(command: &mut Command) -> Output {
    command.output().expect("run the program")
}

/// Kills the proxy while the probe runs.
fn while_killed(proxy: &mut Proxy, after: Duration, command: &mut Command) -> Output {
    thread::scope(|scope| {
        let (done, is_done) = bounded::<()>(0);
        scope.spawn(move || {
            let _ = is_done.recv_timeout(after);
            proxy.kill();
        });
        let output = probe(command);
        drop(done);
        output
    })
}

pub(crate) fn is_near(found: Option<u64>, right: Option<u64>, most_off: impl Fn(u64) -> u64) -> bool {
    match (found, right) {
        (Some(found), Some(right)) => found.abs_diff(right) <= most_off(right),
        (found, right) => found == right,
    }
}

pub(crate) fn bytes_off(right: u64) -> u64 {
    right / 4
}

pub(crate) fn ms_off(right: u64) -> u64 {
    right / 10 + 45
}

fn range(right: Option<u64>, most_off: impl Fn(u64) -> u64) -> Option<[u64; 2]> {
    right.map(|right| [right - most_off(right), right + most_off(right)])
}

impl Case {
    fn check(&self, report: &Value, output: &Output) -> Result<(), String> {
        let found = (&report["verdict"], &report["hold"]["kind"]);
        if found != (&json!(self.verdict.0), &json!(self.verdict.1)) {
            return Err(format!("{found:?} instead of {:?}", self.verdict));
        }
        let (bytes, ms) = (report["hold"]["bytes"].as_u64(), report["hold"]["ms"].as_u64());
        if !is_near(bytes, self.bytes, bytes_off) || !is_near(ms, self.ms, ms_off) {
            return Err(format!("{bytes:?} bytes, {ms:?} ms instead of {:?}, {:?}", self.bytes, self.ms));
        }
        let end = &report["end"]["how"];
        if end != self.end {
            return Err(format!("end {end} instead of {}", self.end));
        }
        let ids: Vec<&Value> = report["findings"].as_array().unwrap().iter().map(|finding| &finding["id"]).collect();
        if let Some(id) = self.findings.iter().find(|id| !ids.contains(&&json!(id))) {
            return Err(format!("no {id}"));
        }
        let code = exit_code(self.verdict.0);
        if output.status.code() == Some(code) { Ok(()) } else { Err(format!("{} instead of {code}", output.status)) }
    }

    /// The run as a story, but for the numbers that it expects.
    fn story(&self, recording: &[u8], machine: Machine) -> Story {
        let mut recording: Recording = serde_json::from_slice(recording).expect("a recording");
        recording.streams.iter_mut().for_each(|stream| stream.body = None);
        let config = self.config.split_whitespace().collect::<Vec<_>>().join(" ");
        let config = if config.is_empty() { "as it is" } else { &config };
        let weather = if machine == Machine::Busy { ", every processor busy" } else { "" };
        let expect = json!({
            "verdict": self.verdict.0,
            "hold": {"kind": self.verdict.1, "bytes": range(self.bytes, bytes_off), "ms": range(self.ms, ms_off)},
            "findings": [], "streams": {},
        });
        Story {
            source: format!("recorded: {}, {config}", self.software.version()),
            about: format!("probe {} {}{weather}", self.args.join(" "), self.target),
            recording,
            expect: serde_json::from_value(expect).unwrap(),
        }
    }

    /// Writes the run as a story file, a line a stream.
    fn write(&self, story: &Story, told: &Report, machine: Machine) {
        let ids: Vec<&str> = told.verdict.findings.iter().map(|finding| finding.id.as_str()).collect();
        let of_streams = |stream: &Summary| (stream.spec.name.clone(), numbers(stream));
        let streams: Map<String, Value> = told.streams.iter().map(of_streams).collect();
        let expect = json!({
            "verdict": story.expect.verdict,
            "hold": {"kind": story.expect.hold.kind, "bytes": story.expect.hold.bytes, "ms": story.expect.hold.ms},
            "findings": self.findings.iter().filter(|id| ids.contains(id)).collect::<Vec<_>>(),
            "streams": streams,
        });
        let text = story::text(&story.source, &story.about, &story.recording, &expect);
        let suffix = if machine == Machine::Busy { "-busy" } else { "" };
        fs::write(folder().join(format!("recorded-{}{suffix}.json", self.name)), text).unwrap();
    }
}
