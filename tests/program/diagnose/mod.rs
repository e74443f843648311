//! `diagnose`: the real program against the real origin, through the real proxy that does what paths of the world do.

mod paths;
mod report;
mod requests;

use crate::common::program::{Finished, Program};
use serde_json::Value;

/// Diagnoses, with JSON as its output.
fn diagnose(url: &str, arguments: &[&str]) -> Finished {
    Program::of("diagnose", &[&[url, "--json"], arguments].concat()).finish()
}

/// The ids of the cures that were seen to work, or not to, or of which that isn't known.
fn cures(report: &Value, works: impl Into<Value>) -> Vec<&str> {
    let works = works.into();
    let cures = report["cures"].as_array().unwrap().iter().filter(|cure| cure["works"] == works);
    cures.map(|cure| cure["id"].as_str().unwrap()).collect()
}
