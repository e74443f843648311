//! The report as a JSON object. Other programs rely on its names.

use super::Report;
use serde_json::{Value, json};

/// The report as one object.
pub fn json(report: &Report) -> Value {
    json!({ "schema": 1, "url": report.url })
}
