//! From what streams and what doesn't, to what the path looks at and what it does.

use std::time::Duration;

use super::cause::{Behaviour, Cause, Comments, Condition, Explanation};
use super::evidence::{self, Evidence, Tried, find};
use super::variant::Variant;
use crate::stats::Ending;
use crate::verdict::endurance::{Cut, Patience};
use crate::verdict::{CureId, Hold, HoldKind, Id, Judgement, Reason};

/// A head that takes so long, in milliseconds, waited for something.
const HEAD_LATE_MS: f64 = 1000.0;

/// A first byte that takes so long is held.
pub(super) const LONG: Duration = Duration::from_secs(5);

/// What the path was seen to look at.
struct Conditions<'a> {
    evidence: &'a Evidence<'a>,
    plain: &'a Tried,
    /// What works, each with all that it takes.
    works: &'a [&'a [CureId]],
}

/// The cause, given the changes that are known to work.
pub(super) fn of(evidence: &Evidence<'_>, plain: &Tried, works: &[&[CureId]]) -> Option<Explanation> {
    if evidence::is_unsteady(evidence, plain) {
        return Some(Explanation::of(Cause::Unsteady, Behaviour::Unsteady));
    }
    if plain.streams() {
        return limit(evidence);
    }
    Conditions { evidence, plain, works }.explanation()
}

/// The path streams, but doesn't let a stream be quiet, or be for long.
pub(super) fn limit(evidence: &Evidence<'_>) -> Option<Explanation> {
    let patience = evidence.endurance.map(|endurance| endurance.patience).unwrap_or_default();
    let us = |cut: Option<Cut>| cut.map(|cut| i64::try_from(cut.after.as_micros()).unwrap_or(i64::MAX));
    if let Some(us) = us(patience.lifetime_cut).or(evidence::age_cut_us(evidence.tried)) {
        return Some(Explanation::of(Cause::LifetimeLimit, Behaviour::CutAtAge { us }));
    }
    let quiet = find(evidence.tried, &Variant::quiet()).filter(|_| evidence::is_idle_cut(evidence.tried));
    let us = us(patience.idle_cut).or(quiet.and_then(|quiet| quiet.quiet_us))?;
    let comments = match patience {
        Patience { comments_cure: Some(false), padded_comments_cure: Some(true), .. } => Comments::OnlyLargeHelp,
        Patience { comments_cure: Some(false), .. } => Comments::DontHelp,
        _ => Comments::Help,
    };
    Some(Explanation::of(Cause::IdleLimit, Behaviour::CutWhenIdle { us, comments }))
}

impl Conditions<'_> {
    /// It is part of what works.
    fn has(&self, id: CureId) -> bool {
        self.works.iter().any(|changes| changes.contains(&id))
    }

    /// It is part of what works, and not just because whatever holds plain streams lets more than one kind pass.
    fn tells(&self, id: CureId) -> bool {
        self.has(id) && !self.works.contains(&&[CureId::AccelNo][..])
    }

    fn explanation(&self) -> Option<Explanation> {
        let Tried { verdict, .. } = self.plain;
        let found = verdict.findings.first();
        match verdict.verdict {
            // Nothing came, so there is nothing to reason from, but for what it says itself.
            Judgement::Unreachable => None,
            Judgement::Inconclusive if self.works.is_empty() => None,
            Judgement::NotSse if self.works.is_empty() => found.map(|finding| {
                let answer = Behaviour::Judged(Reason::Found(finding.detail.clone()));
                Explanation::of(Cause::NotSse(finding.id), answer)
            }),
            Judgement::Corrupt => found.map(|finding| {
                let cause = if finding.id == Id::Replay { Cause::Replay } else { Cause::Damage };
                self.explained(cause, Behaviour::Judged(verdict.reason.clone()))
            }),
            _ => Some(self.explained(self.cause(), self.behaviour())),
        }
    }

    /// The cause, with all that is known of what it depends on.
    fn explained(&self, cause: Cause, behaviour: Behaviour) -> Explanation {
        let conditions =
            [self.coding(), self.framing(), self.kind(), self.method(), self.header(), self.old_http(), self.head()];
        Explanation { cause, behaviour, conditions: conditions.into_iter().flatten().collect() }
    }

    fn cause(&self) -> Cause {
        let Hold { kind, .. } = self.plain.verdict.hold;
        match kind {
            _ if self.plain.is_cut() => match self.plain.end.0 {
                Ending::LifetimeCut => Cause::LifetimeLimit,
                Ending::IdleCut => Cause::IdleLimit,
                _ => Cause::Cut,
            },
            _ if self.plain.verdict.verdict == Judgement::Silent && self.works.is_empty() => Cause::Silent,
            _ if self.long_start().is_some() => Cause::StartTimer,
            _ if self.falls_behind() => Cause::RateLimit,
            _ if self.is_compressor() => Cause::Compressor,
            _ if self.is_cork() => Cause::Cork,
            _ if self.depends_on_framing() => Cause::Framing,
            _ if self.tells(CureId::PlainType) => Cause::ContentType,
            _ if self.tells(CureId::Post) => Cause::Method,
            HoldKind::Constant => Cause::Delay,
            HoldKind::Time => Cause::Timer,
            HoldKind::StartTime => Cause::StartTimer,
            _ if self.is_eaten() => Cause::HeaderEaten,
            HoldKind::OneEvent => Cause::OneBehind,
            HoldKind::Bytes => Cause::Buffer,
            HoldKind::StartBytes => Cause::StartBuffer,
            _ => Cause::UntilClose,
        }
    }

    /// How long the start is held, if that is longer than the streams of the variants ran.
    fn long_start(&self) -> Option<Duration> {
        let first_byte = self.evidence.endurance?.patience.first_byte?;
        let is_held = matches!(self.plain.verdict.verdict, Judgement::HeldUntilClose | Judgement::Silent);
        Some(first_byte).filter(|first_byte| is_held && self.works.is_empty() && *first_byte >= LONG)
    }

    fn falls_behind(&self) -> bool {
        let is_held = self.plain.verdict.hold.kind != HoldKind::Unknown;
        self.plain.verdict.verdict == Judgement::Lagging && !is_held
    }

    fn is_compressor(&self) -> bool {
        let cures = [CureId::Identity, CureId::NoTransform, CureId::EncodingIdentity];
        // Without it, something else holds.
        let is_another = |identity: &Tried| !identity.streams() && self.is_unusual(identity);
        let is_behind = self.plain.verdict.hold.kind == HoldKind::OneEvent;
        let is_uncovered = is_behind && self.tried(CureId::Identity).is_some_and(is_another);
        is_uncovered || cures.iter().any(|id| self.has(*id))
    }

    fn is_cork(&self) -> bool {
        self.plain.verdict.findings.iter().any(|finding| finding.id == Id::Cork)
    }

    fn depends_on_framing(&self) -> bool {
        self.has(CureId::CloseFraming) || self.has(CureId::Chunked)
    }

    fn tried(&self, id: CureId) -> Option<&Tried> {
        find(self.evidence.tried, &Variant::of(&[id])).filter(|tried| !tried.is_void())
    }

    /// Our origin sent the field, and it didn't arrive, and yet it didn't help.
    fn is_eaten(&self) -> bool {
        let tried = self.tried(CureId::AccelNo).filter(|tried| tried.head_ms.is_some() && !tried.shows_accel);
        self.evidence.is_ours && self.works.is_empty() && tried.is_some() && self.left_by_accel().is_none()
    }

    /// What the path does where `X-Accel-Buffering: no` changes something, and yet doesn't make it stream.
    fn left_by_accel(&self) -> Option<&Tried> {
        self.tried(CureId::AccelNo).filter(|tried| !tried.streams() && self.is_unusual(tried))
    }

    /// The change changes how streams are held. What brings fewer bytes is held until the end where more are not.
    fn is_unusual(&self, tried: &Tried) -> bool {
        tried.verdict.hold.kind != HoldKind::Close && !tried.is_like(self.plain)
    }

    /// What is held, and until when.
    fn behaviour(&self) -> Behaviour {
        let verdict = &self.plain.verdict;
        let Hold { kind, ms, .. } = verdict.hold;
        if let Some(first_byte) = self.long_start() {
            return Behaviour::StartHeld(first_byte);
        }
        match kind {
            HoldKind::Time | HoldKind::Constant if self.is_cork() => Behaviour::Corked { ms },
            HoldKind::None | HoldKind::Unknown if verdict.verdict == Judgement::Silent => Behaviour::Silent,
            HoldKind::None | HoldKind::Unknown => Behaviour::Judged(verdict.reason.clone()),
            _ => Behaviour::Held(verdict.hold),
        }
    }

    fn coding(&self) -> Option<Condition> {
        const FIELDS: [CureId; 3] = [CureId::NoTransform, CureId::EncodingIdentity, CureId::Identity];
        let obeyed: Vec<CureId> = FIELDS.into_iter().filter(|id| self.works.contains(&&[*id][..])).collect();
        if !obeyed.is_empty() {
            let is_ignored = |id: &CureId| self.tried(*id).is_some_and(|tried| !tried.streams());
            return Some(Condition::Compressor { obeyed, ignored: FIELDS.into_iter().filter(is_ignored).collect() });
        }
        let identity = self.tried(CureId::Identity)?;
        let was_coded = self.plain.coding.is_some() || self.plain.verdict.verdict == Judgement::Silent;
        let is_compressor = self.is_unusual(identity) && was_coded && identity.coding.is_none();
        is_compressor.then_some(Condition::CompressorToo { without_gzip: identity.verdict.verdict })
    }

    fn framing(&self) -> Option<Condition> {
        match (self.has(CureId::CloseFraming), self.has(CureId::Chunked)) {
            (true, _) => Some(Condition::HoldsChunked),
            (_, true) => Some(Condition::HoldsUnchunked),
            _ => None,
        }
    }

    fn kind(&self) -> Option<Condition> {
        (self.tells(CureId::PlainType) && !self.is_compressor()).then_some(Condition::ContentType)
    }

    fn method(&self) -> Option<Condition> {
        (self.tells(CureId::Post) && !self.is_compressor()).then_some(Condition::Method)
    }

    fn header(&self) -> Option<Condition> {
        if self.has(CureId::AccelNo) {
            return Some(Condition::ObeysAccel);
        }
        if let Some(left) = self.left_by_accel() {
            return Some(Condition::ObeysAccelInPart { left: left.verdict.reason.clone() });
        }
        (self.cause() == Cause::HeaderEaten).then_some(Condition::AccelTakenOut)
    }

    fn old_http(&self) -> Option<Condition> {
        let is_old = self.evidence.origin_http == Some("HTTP/1.0");
        (is_old && self.plain.verdict.hold.kind != HoldKind::None).then_some(Condition::AsksWithHttp10)
    }

    fn head(&self) -> Option<Condition> {
        let is_held = self.plain.verdict.hold.kind != HoldKind::None;
        let waits = self.plain.head_ms.is_none_or(|ms| ms >= HEAD_LATE_MS);
        (is_held && waits).then_some(Condition::HeadHeld)
    }
}
