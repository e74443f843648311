//! What came of the variants of a request, and what of it is plain to see.

use super::variant::Variant;
use crate::stats::Ending;
use crate::verdict::endurance::Endurance;
use crate::verdict::{CureId, Hop, Id, Judgement, Verdict};

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

    pub(super) fn is_cut(&self) -> bool {
        self.verdict.verdict == Judgement::Cut
    }

    /// There was a stream, and it was not cut.
    pub(super) fn was_let_be(&self) -> bool {
        !self.is_cut() && !self.is_refused() && !matches!(self.verdict.verdict, Judgement::NotSse | Judgement::Silent)
    }
}

/// The variant with these changes.
pub(super) fn find<'a>(tried: &'a [Tried], variant: &Variant) -> Option<&'a Tried> {
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
pub(super) fn cost(variant: &Variant) -> (usize, usize, Vec<CureId>) {
    let places = variant.changes().iter().map(|id| *id as usize);
    (variant.changes().len(), places.max().unwrap_or(0), variant.changes().to_vec())
}

/// A silence is cut, and comments keep it from being cut.
pub(super) fn is_idle_cut(tried: &[Tried]) -> bool {
    let (quiet, beating) = (find(tried, &Variant::quiet()), find(tried, &Variant::heartbeat()));
    quiet.is_some_and(Tried::is_cut) && beating.is_some_and(Tried::was_let_be)
}

/// The age at which the streams that run for the longest were cut, comments or not, in microseconds.
pub(super) fn age_cut_us(tried: &[Tried]) -> Option<i64> {
    let cut = |variant| find(tried, &variant).filter(|tried| tried.is_cut()).and_then(|tried| tried.end.1);
    let (quiet, beating) = (cut(Variant::quiet())?, cut(Variant::heartbeat())?);
    (quiet.abs_diff(beating) < SAME_LIFE_US).then_some(quiet.min(beating))
}

/// The plain variant streams and doesn't, by turns.
pub(super) fn is_unsteady(evidence: &Evidence<'_>, plain: &Tried) -> bool {
    // Without so much as a head it may have been kept back.
    let tells = |other: &&Tried| !other.is_void() && (other.head_ms.is_some() || plain.head_ms.is_none());
    let others = evidence.again.first().into_iter().chain(evidence.control).filter(tells);
    !plain.is_void() && others.into_iter().any(|other| other.streams() != plain.streams())
}
