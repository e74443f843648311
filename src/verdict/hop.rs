//! Who is in between, as far as it says so itself. It picks words, never the verdict.

use serde::Serialize;

/// A part of the path that shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hop {
    /// The product's name, such as `nginx`.
    pub name: String,
    /// What says so: header fields as they came, or as the origin saw them.
    pub evidence: Vec<String>,
}

impl Hop {
    /// Who is in between.
    pub fn of(_: &[(String, String)], _: Option<&serde_json::Value>) -> Option<Hop> {
        None
    }
}
