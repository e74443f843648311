//! Why a path does what it does, and the least that makes it stream: what came of variants of one request in; cause and
//! cures out.
//!
//! ```text
//!  variants ──► which of them stream ──► pairs, if none alone ──► the same again ──► cause, cures
//! ```
//!
//! Reasoning, not a lookup: from which variants stream follows what the path looks at, and from how the plain one is held,
//! what it does. Who is in between picks words, never the verdict. A cure works when it was seen to, twice.

mod advice;
pub mod cause;
mod evidence;
mod explain;
mod note;
mod plan;
mod remedy;
mod variant;

pub use advice::Advice;
pub use cause::{Cause, Explanation};
pub use evidence::{Evidence, Tried, working};
pub use note::Note;
pub use plan::{pairs, to_confirm};
pub use remedy::{ConfigHint, Remedy};
pub use variant::{LATE_MS, Variant};

use super::endurance::Cut;
use super::{CureId, Judgement};
use crate::stats::Ending;
use evidence::{age_cut_us, cost, find, is_idle_cut, is_unsteady};

/// What is wrong, and what helps.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Diagnosis {
    /// Why the plain variant doesn't stream; none if it does.
    pub cause: Option<Explanation>,
    /// What was tried, what costs least first; and what the cure book knows.
    pub remedies: Vec<Remedy>,
    /// The id of the least that was seen to work, twice.
    pub smallest: Option<String>,
    /// The lines to put where, as the cure book has them for who is in between.
    pub advice: Vec<Advice>,
    /// What else there is to say.
    pub notes: Vec<Note>,
    /// After how long a silence a stream is cut, in seconds.
    pub idle_cut_s: Option<f64>,
    /// At which age a stream is cut, in seconds.
    pub lifetime_cut_s: Option<f64>,
}

/// Reasons. There is a plain variant.
pub fn diagnose(evidence: &Evidence<'_>) -> Diagnosis {
    let Some(plain) = evidence.tried.first() else { return Diagnosis::default() };
    let remedies = remedies(evidence, plain);
    let smallest = remedies.iter().find(|remedy| remedy.works == Some(true));
    let smallest = smallest.map(|remedy| remedy.id.clone());
    // What was seen once is no cure to be trusted, but it says something about the path.
    let once: Vec<&Tried> = if evidence.again.is_empty() { working(evidence.tried) } else { Vec::new() };
    let streamed = |remedy: &&Remedy| {
        remedy.works == Some(true) || once.iter().any(|tried| tried.variant.changes() == remedy.changes)
    };
    let works: Vec<&[CureId]> = remedies.iter().filter(streamed).map(|remedy| remedy.changes.as_slice()).collect();
    let cause = explain::of(evidence, plain, &works);
    let advice = cause.as_ref().map(|why| advice::of(evidence, plain, why)).unwrap_or_default();
    let remedies = remedies.into_iter().chain(advice::remedy(&advice, cause.as_ref().map(|why| why.cause))).collect();
    let quiet = find(evidence.tried, &Variant::quiet()).filter(|_| is_idle_cut(evidence.tried));
    let idle_cut_s = quiet.and_then(|quiet| quiet.quiet_us).map(|us| us as f64 / 1e6);
    let is_limit = plain.is_cut() && plain.end.0 == Ending::LifetimeCut;
    let age_us = plain.end.1.filter(|_| is_limit).or(age_cut_us(evidence.tried));
    let lifetime_cut_s = age_us.map(|us| us as f64 / 1e6);
    let patience = evidence.endurance.map(|endurance| endurance.patience).unwrap_or_default();
    let seconds = |cut: Option<Cut>| cut.map(|cut| cut.after.as_secs_f64());
    Diagnosis {
        notes: note::notes(evidence, plain),
        cause,
        remedies,
        smallest,
        advice,
        idle_cut_s: seconds(patience.idle_cut).or(idle_cut_s),
        lifetime_cut_s: seconds(patience.lifetime_cut).or(lifetime_cut_s),
    }
}

/// What was tried as a cure, what costs least first.
fn remedies(evidence: &Evidence<'_>, plain: &Tried) -> Vec<Remedy> {
    let Evidence { tried, again, .. } = *evidence;
    if plain.verdict.verdict == Judgement::Unreachable {
        return Vec::new();
    }
    if plain.streams() {
        let beating = find(again, &Variant::heartbeat()).filter(|_| is_idle_cut(tried)).map(Tried::was_let_be);
        let patience = evidence.endurance.map(|endurance| endurance.patience).unwrap_or_default();
        let works = patience.idle_cut.map_or(beating, |_| patience.comments_cure);
        return works.map(|works| Remedy::of(&Variant::heartbeat(), Some(works))).into_iter().collect();
    }
    let is_unsteady = is_unsteady(evidence, plain);
    let works = working(tried);
    let mut tried: Vec<&Tried> = tried
        .iter()
        .filter(|tried| tried.variant.is_steady())
        .filter(|tried| tried.variant.changes().len() == 1 || works.iter().any(|other| other.variant == tried.variant))
        .collect();
    tried.sort_by_key(|tried| cost(&tried.variant));
    let works = |tried: &Tried| match find(again, &tried.variant) {
        _ if tried.is_void() => None,
        _ if !tried.streams() => Some(false),
        Some(again) if again.streams() && !is_unsteady => Some(true),
        _ => None,
    };
    tried.into_iter().map(|tried| Remedy::of(&tried.variant, works(tried))).collect()
}

#[cfg(test)]
mod tests;
