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
mod explain;
mod note;
mod variant;

pub use advice::{Advice, ConfigHint};
pub use cause::{Cause, Explanation};
pub use note::Note;
pub use variant::{LATE_MS, Variant};

use super::endurance::{Cut, Endurance};
use super::{CureId, Hop, Id, Judgement, Place, Verdict};
use crate::stats::Ending;

/// What came of a variant.
#[derive(Debug, Clone)]
pub struct Tried {
    /// The variant.
    pub variant: Variant,
    /// What the path does to it.
    pub verdict: Verdict,
    /// When the response's head came, after the request, in milliseconds.
    pub head_ms: Option<f64>,
    /// The response shows `X-Accel-Buffering`.
    pub shows_accel: bool,
    /// The response's content coding.
    pub coding: Option<String>,
    /// How it ended, and after how long, in microseconds since the request.
    pub end: (Ending, Option<i64>),
    /// How long nothing had come when it ended, in microseconds.
    pub quiet_us: Option<i64>,
    /// Which share of the events that came was late.
    pub late: f64,
}

/// Streams cut by a limit on their age end at the same, give or take this, in microseconds.
const SAME_LIFE_US: u64 = 500_000;

/// So few late events may be a moment's doing.
const FEW: f64 = 0.3;

/// All there is to reason from.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// What came of the variants, the plain one first.
    pub tried: &'a [Tried],
    /// What came of some of them the second time, the plain one first.
    pub again: &'a [Tried],
    /// What came of the plain variant at the pace that the others had.
    pub control: Option<&'a Tried>,
    /// Whether the origin is one of ours.
    pub is_ours: bool,
    /// Who is in between.
    pub hop: Option<&'a Hop>,
    /// The HTTP version with which our origin was asked.
    pub origin_http: Option<&'a str>,
    /// What takes longer to find out, if it was wanted.
    pub endurance: Option<&'a Endurance>,
    /// Nothing of the origin answers any more.
    pub is_gone: bool,
    /// The time was up, or the user had enough, before all was seen.
    pub is_cut_short: bool,
}

/// Something that may make the path stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remedy {
    /// Its id: that of a cure, of several with `+` between them.
    pub id: String,
    /// What it consists of.
    pub changes: Vec<CureId>,
    /// Who can apply it: of several, whoever is the hardest to reach.
    pub place: Place,
    /// Whether it works; none if that isn't known.
    pub works: Option<bool>,
    /// Of a change of a configuration, what to look for if the cure book knows no product.
    pub hint: Option<ConfigHint>,
}

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

impl Remedy {
    /// Whether it is a change of a configuration.
    pub fn is_configuration(&self) -> bool {
        self.changes == [CureId::ProxyConfig]
    }
}

impl Tried {
    /// It streams in real time.
    pub fn streams(&self) -> bool {
        self.verdict.verdict == Judgement::RealTime
    }

    /// There was no answer, or there were too many at once.
    pub fn is_refused(&self) -> bool {
        let refusals = [Id::TooManyRequests, Id::Unavailable, Id::SomeRefused];
        match self.verdict.verdict {
            Judgement::Unreachable => true,
            Judgement::NotSse | Judgement::Silent => {
                self.verdict.findings.iter().any(|finding| refusals.contains(&finding.id))
            }
            _ => false,
        }
    }

    /// It tells nothing.
    pub fn is_void(&self) -> bool {
        self.is_refused() || self.verdict.verdict == Judgement::Inconclusive
    }

    /// It is held in the same way, and for about as long, as far as that is known.
    pub fn is_like(&self, other: &Tried) -> bool {
        let (one, other) = (&self.verdict, &other.verdict);
        let is_near = one.hold.ms.zip(other.hold.ms).is_none_or(|(a, b)| a.max(b) < 2 * a.min(b));
        (one.verdict, one.hold.kind) == (other.verdict, other.hold.kind) && is_near
    }

    /// It doesn't stream, but hardly so, or can't be told: another look may show something else.
    pub fn is_doubtful(&self) -> bool {
        use Judgement::{Batched, Inconclusive, Lagging, LateStart};
        let is_few = self.late <= FEW;
        let Verdict { verdict, .. } = self.verdict;
        verdict == Inconclusive || (matches!(verdict, Batched | Lagging | LateStart) && is_few)
    }

    fn is_cut(&self) -> bool {
        self.verdict.verdict == Judgement::Cut
    }

    /// There was a stream, and it was not cut.
    fn was_let_be(&self) -> bool {
        !self.is_cut() && !self.is_refused() && !matches!(self.verdict.verdict, Judgement::NotSse | Judgement::Silent)
    }
}

/// The variant with these changes.
fn find<'a>(tried: &'a [Tried], variant: &Variant) -> Option<&'a Tried> {
    tried.iter().find(|tried| tried.variant == *variant)
}

/// Those of one change, or of several if that is what it takes, that stream; what costs least first. Of paddings, the
/// least.
pub fn working(tried: &[Tried]) -> Vec<&Tried> {
    let mut works: Vec<&Tried> = tried
        .iter()
        .filter(|tried| tried.variant.is_steady() && !tried.variant.changes().is_empty() && tried.streams())
        .collect();
    // Where the type is what is wrong, another one is no cure.
    let is_mistyped = tried.first().is_some_and(|plain| plain.verdict.verdict == Judgement::NotSse);
    works.retain(|tried| !is_mistyped || !tried.variant.changes().contains(&CureId::PlainType));
    works.sort_by_key(|tried| cost(&tried.variant));
    let fewest = works.first().map_or(0, |tried| tried.variant.changes().len());
    works.retain(|tried| tried.variant.changes().len() == fewest);
    let is_padding =
        |tried: &&Tried| matches!(tried.variant.changes(), [CureId::Pad4k | CureId::Pad16k | CureId::Pad64k]);
    let least = works.iter().copied().find(is_padding).map(|tried| tried.variant.clone());
    works.retain(|tried| !is_padding(tried) || least.as_ref() == Some(&tried.variant));
    works
}

/// How much a variant costs: one change less than two, and each as much as its place among all.
fn cost(variant: &Variant) -> (usize, usize, Vec<CureId>) {
    let places = variant.changes().iter().map(|id| *id as usize);
    (variant.changes().len(), places.max().unwrap_or(0), variant.changes().to_vec())
}

/// The pairs to try: those whose parts were tried, if no change alone makes the path stream, but all of them together do.
pub fn pairs(tried: &[Tried]) -> Vec<Variant> {
    let is_single = |tried: &&&Tried| tried.variant.changes().len() == 1;
    let works = working(tried);
    let streams = tried.first().is_none_or(Tried::streams);
    if streams || works.is_empty() || works.iter().any(|tried| is_single(&tried)) {
        return Vec::new();
    }
    let was_tried = |id: &CureId| find(tried, &Variant::of(&[*id])).is_some();
    let pairs = Variant::pairs().filter(|pair| pair.changes().iter().all(was_tried));
    // What streams with everything has a pair of its framing, if any.
    let closes = |variant: &Variant| variant.changes().contains(&CureId::CloseFraming);
    pairs.filter(|pair| works.iter().any(|all| closes(&all.variant) || !closes(pair))).collect()
}

/// The variants to be measured once more before they are called working, what costs least first.
pub fn to_confirm(tried: &[Tried]) -> Vec<Variant> {
    let is_held = tried.first().is_some_and(|plain| !plain.streams());
    let cures = working(tried).into_iter().filter(|_| is_held).map(|tried| tried.variant.clone());
    let idle = [Variant::heartbeat(), Variant::quiet()];
    let idle = idle.into_iter().filter(|_| is_idle_cut(tried));
    cures.chain(idle).collect()
}

/// A silence is cut, and comments keep it from being cut.
fn is_idle_cut(tried: &[Tried]) -> bool {
    let (quiet, beating) = (find(tried, &Variant::quiet()), find(tried, &Variant::heartbeat()));
    quiet.is_some_and(Tried::is_cut) && beating.is_some_and(Tried::was_let_be)
}

/// The age at which the streams that run for the longest were cut, comments or not, in microseconds.
fn age_cut_us(tried: &[Tried]) -> Option<i64> {
    let cut = |variant| find(tried, &variant).filter(|tried| tried.is_cut()).and_then(|tried| tried.end.1);
    let (quiet, beating) = (cut(Variant::quiet())?, cut(Variant::heartbeat())?);
    (quiet.abs_diff(beating) < SAME_LIFE_US).then_some(quiet.min(beating))
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

/// The plain variant streams and doesn't, by turns.
fn is_unsteady(evidence: &Evidence<'_>, plain: &Tried) -> bool {
    // Without so much as a head it may have been kept back.
    let tells = |other: &&Tried| !other.is_void() && (other.head_ms.is_some() || plain.head_ms.is_none());
    let others = evidence.again.first().into_iter().chain(evidence.control).filter(tells);
    !plain.is_void() && others.into_iter().any(|other| other.streams() != plain.streams())
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
        return works.map(|works| remedy(&Variant::heartbeat(), Some(works))).into_iter().collect();
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
    tried.into_iter().map(|tried| remedy(&tried.variant, works(tried))).collect()
}

fn remedy(variant: &Variant, works: Option<bool>) -> Remedy {
    let changes = variant.changes().to_vec();
    let place = changes.iter().map(|id| id.place()).max().unwrap_or(Place::Origin);
    Remedy { id: variant.id(), changes, place, works, hint: None }
}

#[cfg(test)]
mod tests;
