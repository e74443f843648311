//! A diagnosis of a path, three times, and what is to come of each.

use std::process::{Command, Output};

use serde_json::{Value, json};

use super::proxy::{Hop, Proxy};
use super::run::{bytes_off, exit_code, is_near, ms_off, try_all};
use crate::common::{Origin, machine};

/// Diagnoses at a time. Each has up to 24 streams.
const ABREAST: usize = 6;
/// What a path is said to do must not hang on one measurement.
const TIMES: usize = 3;
/// Seconds after which a diagnosis is given up; none should take as long.
const DIAGNOSIS_MOST: &str = "90";
/// A limit in seconds may be off by so much.
const LIMIT_OFF_S: f64 = 1.0;

/// A path, and what is to be said about it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// The proxies, the one that the client sees first.
    pub(crate) hops: &'static [Hop],
    /// Behind the path's address.
    pub(crate) target: &'static str,
    pub(crate) args: &'static [&'static str],
    /// The verdict on the plain variant, and the kind of its hold.
    pub(crate) verdict: (&'static str, &'static str),
    /// What the configuration says; the hold may differ by a quarter.
    pub(crate) bytes: Option<u64>,
    /// The same; it may differ by a tenth and what timers add.
    pub(crate) ms: Option<u64>,
    pub(crate) cause: Option<&'static str>,
    pub(crate) smallest_cure: Option<&'static str>,
    /// Cures that work; there may be more.
    pub(crate) works: &'static [&'static str],
    /// Cures that must not be said to work.
    pub(crate) useless: &'static [&'static str],
    /// How long the path lets a stream be idle.
    pub(crate) idle_cut_s: Option<f64>,
}

/// Diagnoses all rows; fails with all that differs.
pub(crate) fn diagnose_all(rows: &[Row]) {
    let origin = Origin::start();
    try_all(rows, ABREAST, |row| {
        let _turn = machine::take(machine::DIAGNOSIS);
        row.run(&origin)
    });
}

impl Row {
    fn run(&self, origin: &Origin) -> Result<(), String> {
        let proxies = Proxy::chain(self.hops, origin.address);
        let address = proxies.first().map_or(origin.address, |proxy| proxy.address);
        let failures: Vec<String> = (1..=TIMES)
            .filter_map(|time| {
                let output = self.diagnose(&format!("http://{address}{}", self.target));
                let what = self.differences(&output).err()?;
                Some(format!("{}, {time} of {TIMES}: {what}", self.name))
            })
            .collect();
        let logs: String = proxies.iter().map(Proxy::log).collect();
        if failures.is_empty() { Ok(()) } else { Err(format!("{}\n{logs}", failures.join("\n"))) }
    }

    fn diagnose(&self, url: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sse-argo-tester"));
        command.args(["diagnose", "--json", "--max-time", DIAGNOSIS_MOST]).args(self.args).arg(url);
        command.output().expect("run the program")
    }

    /// All that is otherwise than it should be, with what was said.
    fn differences(&self, output: &Output) -> Result<(), String> {
        let stderr = String::from_utf8_lossy(&output.stderr);
        let found: Value =
            serde_json::from_slice(&output.stdout).map_err(|error| format!("{error}, {}\n{stderr}", output.status))?;
        let mut wrong = Vec::new();
        let mut expect = |what: &str, found: &Value, right: Value| {
            if *found != right {
                wrong.push(format!("{what} {found} instead of {right}"));
            }
        };
        expect("verdict", &found["verdict"], json!(self.verdict.0));
        expect("hold", &found["hold"]["kind"], json!(self.verdict.1));
        expect("cause", &found["cause"]["id"], json!(self.cause));
        expect("smallest cure", &found["smallest_cure"], json!(self.smallest_cure));
        expect("exit code", &json!(output.status.code()), json!(exit_code(self.verdict.0)));
        for (cures, right) in [(self.works, true), (self.useless, false)] {
            for id in cures {
                expect(id, &json!(works(&found, id)), json!(right));
            }
        }
        let (bytes, ms) = (found["hold"]["bytes"].as_u64(), found["hold"]["ms"].as_u64());
        if !is_near(bytes, self.bytes, bytes_off) || !is_near(ms, self.ms, ms_off) {
            wrong.push(format!("{bytes:?} bytes, {ms:?} ms instead of {:?}, {:?}", self.bytes, self.ms));
        }
        let idle_cut_s = found["idle_cut_s"].as_f64();
        let off_s = idle_cut_s.zip(self.idle_cut_s).map(|(found, right)| (found - right).abs());
        if idle_cut_s.is_some() != self.idle_cut_s.is_some() || off_s.is_some_and(|off| off > LIMIT_OFF_S) {
            wrong.push(format!("idle cut {idle_cut_s:?} s instead of {:?}", self.idle_cut_s));
        }
        if wrong.is_empty() { Ok(()) } else { Err(format!("{}\n{found:#}\n{stderr}", wrong.join("; "))) }
    }
}

/// Whether a diagnosis says that a cure works.
fn works(found: &Value, id: &str) -> bool {
    found["cures"].as_array().is_some_and(|cures| cures.iter().any(|cure| cure["id"] == id && cure["works"] == true))
}
