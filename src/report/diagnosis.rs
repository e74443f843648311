//! What a diagnosis found, as text, as JSON, and as a page.

mod json;
pub(super) mod text;

use std::time::Duration;

pub use super::html::diagnosis::html;
pub use json::{Json, json};
pub use text::text;

use super::Report;
use crate::stats::Summary;
use crate::verdict::Judgement;
use crate::verdict::diagnosis::{Diagnosis, Variant};
use crate::verdict::endurance::Endurance;

/// All that a diagnosis found out about a path.
#[derive(Debug, Clone)]
pub struct Diagnosed {
    /// The URL that was measured, absolute, as the user gave it.
    pub url: String,
    /// Whether the origin is one of ours.
    pub is_ours: bool,
    /// What came of the variants, the plain one first.
    pub variants: Vec<Row>,
    /// What follows from it.
    pub diagnosis: Diagnosis,
    /// What takes longer to find out, if it was wanted.
    pub endurance: Option<Endurance>,
    /// Another path, measured at the same time.
    pub against: Option<Report>,
    /// How long all of it took.
    pub took: Duration,
}

/// A variant, and what came of it.
#[derive(Debug, Clone)]
pub struct Row {
    /// The variant's id.
    pub id: String,
    /// The method.
    pub method: String,
    /// The URL's query, but for what each stream adds.
    pub query: String,
    /// The header fields of the request that the variant sets.
    pub request_headers: Vec<(String, String)>,
    /// What was measured.
    pub report: Report,
    /// What was measured the second time, of those that were to be confirmed.
    pub again: Option<Report>,
    /// It asks for the same as the plain one, and wasn't measured by itself.
    pub is_plain: bool,
    /// It tells nothing: there was no answer, or there were too many streams at once.
    pub is_refused: bool,
}

impl Row {
    /// It asks whether silences are cut, which tells nothing about whether events are in time; and it was not cut.
    pub(super) fn was_let_be(&self) -> bool {
        let is_of_silence = [Variant::quiet(), Variant::heartbeat()].iter().any(|variant| variant.id() == self.id);
        let is_over = self.report.streams.iter().all(Summary::is_complete);
        is_of_silence && is_over && self.report.verdict.verdict == Judgement::Inconclusive
    }

    /// One of the many pairs of changes that don't help.
    pub(super) fn is_useless_pair(&self) -> bool {
        self.id.contains('+') && self.report.verdict.verdict != Judgement::RealTime
    }
}

impl Diagnosed {
    /// The plain variant.
    pub fn plain(&self) -> Option<&Row> {
        self.variants.first()
    }
}
