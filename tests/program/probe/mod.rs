//! `probe`: the real program against the real origin, through a relay that impairs streams as real paths do, and
//! against servers that do exactly what a test says.

mod answers;
mod crowded;
mod foreign;
mod origin;
mod output;
mod verdicts;

use crate::common::program::Finished;
use serde_json::Value;

/// The ids of a report's findings.
fn findings(report: &Value) -> Vec<&str> {
    report["findings"].as_array().unwrap().iter().map(|finding| finding["id"].as_str().unwrap()).collect()
}

/// Exit code, verdict, and what the report's findings are.
fn outcome(finished: &Finished) -> (Option<i32>, String, Vec<String>) {
    let report = finished.end();
    let findings = findings(&report).into_iter().map(str::to_owned).collect();
    (finished.code, report["verdict"].as_str().unwrap().to_owned(), findings)
}
