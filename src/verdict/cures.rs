//! The cure book: what each product does to a stream, what helps, and where that is known from.
//!
//! The book is `cures.json` beside this file: a list of entries, one a product, in plain words. To add to it, copy an
//! entry and edit it; the tests below say what is missing. The same text serves the page.
//!
//! Every claim names one of its entry's sources, and every source says when it was read or measured.

mod schema;

pub use schema::{Basis, Cure, Limit, LimitKind, Mechanism, MechanismTag, Note, Source, Symptom};

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::{HoldKind, Hop, Judgement};

/// The book as it is written: a JSON list of entries.
pub const JSON: &str = include_str!("cures.json");

static BOOK: LazyLock<Vec<Entry>> = LazyLock::new(|| serde_json::from_str(JSON).expect("a test reads the book"));

/// What is known of one product, or of one way to use it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its id, such as `aws-alb`.
    pub id: String,
    /// Its name, as people say it.
    pub name: String,
    /// The names that a [`Hop`] has for it. Several entries may share one; one without leaves no mark.
    pub hops: Vec<String>,
    /// Where the entry's claims are known from, by a word that they use in `from`.
    pub sources: BTreeMap<String, Source>,
    /// How it holds or breaks streams.
    #[serde(default)]
    pub mechanisms: Vec<Mechanism>,
    /// How long it lets a stream be.
    #[serde(default)]
    pub limits: Vec<Limit>,
    /// What else is worth knowing.
    #[serde(default)]
    pub notes: Vec<Note>,
}

/// All entries.
pub fn book() -> &'static [Entry] {
    &BOOK
}

/// The entry with this id.
pub fn entry(id: &str) -> Option<&'static Entry> {
    book().iter().find(|entry| entry.id == id)
}

/// The entries that may be meant where the path shows `hop`, in the book's order.
pub fn entries_for(hop: &Hop) -> impl Iterator<Item = &'static Entry> + '_ {
    book().iter().filter(|entry| hop.names().any(|name| entry.hops.iter().any(|known| known == name)))
}

impl Entry {
    /// The mechanisms that may be behind this judgement.
    pub fn behind(&self, verdict: Judgement, hold: HoldKind) -> impl Iterator<Item = &Mechanism> {
        self.mechanisms
            .iter()
            .filter(move |mechanism| mechanism.makes.iter().any(|symptom| symptom.fits(verdict, hold)))
    }
}

#[cfg(test)]
mod tests;
