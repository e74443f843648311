//! The cure book's words for a diagnosis.

use serde::Serialize;

use super::cause::{Cause, Explanation};
use super::evidence::{Evidence, Tried, find, working};
use super::remedy::{ConfigHint, Remedy};
use super::variant::Variant;
use crate::verdict::cures::{self, Basis, Cure, Entry, Limit, LimitKind, Mechanism, MechanismTag, Source};
use crate::verdict::{CureId, Place};

/// More products are not named.
const PRODUCTS_MOST: usize = 2;

/// What the book has for a product: what it does, and the lines that change it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Advice {
    /// The product.
    pub product: &'static str,
    /// Whether it shows itself. If not, it is what is known to behave so.
    pub is_seen: bool,
    /// What it does, one sentence.
    pub why: &'static str,
    /// Where the lines go, or where to look.
    #[serde(rename = "where")]
    pub place: &'static str,
    /// The lines, as they are typed.
    pub lines: &'static [String],
    /// What the lines don't say.
    pub text: Option<&'static str>,
    /// Where that is known from.
    pub source: &'static Source,
}

/// What the book has for what was seen: of each product that shows, the mechanism that fits best; if none does, of one
/// that leaves no mark and was measured to do just that.
pub(super) fn of(evidence: &Evidence<'_>, plain: &Tried, why: &Explanation) -> Vec<Advice> {
    let mut seen: Vec<&'static Entry> = evidence.hop.into_iter().flat_map(cures::entries_for).collect();
    // Of several entries for one product, the first is the most general.
    seen.dedup_by(|later, first| later.hops.iter().any(|hop| first.hops.contains(hop)));
    let limit = match why.cause {
        Cause::IdleLimit => Some(LimitKind::Idle),
        Cause::LifetimeLimit => Some(LimitKind::Total),
        _ => None,
    };
    if let Some(kind) = limit {
        return seen.iter().filter_map(|entry| limited(entry, kind)).take(PRODUCTS_MOST).collect();
    }
    let mut found: Vec<(i32, Advice)> =
        seen.iter().filter_map(|entry| best(entry, evidence, plain, why, true)).collect();
    if found.is_empty() {
        let others = cures::book().iter().filter(|entry| seen.iter().all(|other| other.id != entry.id));
        let others = others.filter_map(|entry| best(entry, evidence, plain, why, false));
        found = others.filter(|(fits, advice)| *fits >= 4 && advice.source.basis == Basis::Measured).collect();
    }
    found.sort_by_key(|(fits, _)| -fits);
    let most = found.first().map_or(0, |(fits, _)| *fits);
    found.into_iter().filter(|(fits, _)| *fits == most).map(|(_, advice)| advice).take(PRODUCTS_MOST).collect()
}

/// The mechanism of a product that fits best, and how well.
fn best(
    entry: &'static Entry,
    evidence: &Evidence<'_>,
    plain: &Tried,
    why: &Explanation,
    is_seen: bool,
) -> Option<(i32, Advice)> {
    let behind = entry.behind(plain.verdict.verdict, plain.verdict.hold.kind);
    let fitting = behind.filter_map(|mechanism| {
        let configured = mechanism.cures.iter().find(|cure| cure.id == CureId::ProxyConfig)?;
        Some((fit(mechanism, evidence, why), mechanism, configured))
    });
    // Of those that fit alike, the one that comes first.
    let (fits, mechanism, cure) = fitting.reduce(|best, next| if next.0 > best.0 { next } else { best })?;
    Some((fits, advice(entry, (&mechanism.why, &mechanism.from), cure, is_seen)?))
}

/// The limit of this kind that a product which shows has.
fn limited(entry: &'static Entry, kind: LimitKind) -> Option<Advice> {
    let limits = entry.limits.iter().filter(|limit| limit.kind == kind);
    let configured = |limit: &'static Limit| limit.cures.iter().find(|cure| cure.id == CureId::ProxyConfig);
    let (limit, cure) = limits.filter_map(|limit| Some((limit, configured(limit)?))).next()?;
    advice(entry, (&limit.what, &limit.from), cure, true)
}

/// How many of a mechanism's cures do here what they do there, less those that don't; and whether it is a compressor, and
/// about the HTTP version, as here.
fn fit(mechanism: &Mechanism, evidence: &Evidence<'_>, why: &Explanation) -> i32 {
    let works = working(evidence.tried);
    let agrees = |cure: &Cure| {
        match find(evidence.tried, &Variant::of(&[cure.id])) {
            Some(tried) if tried.is_void() => 0,
            Some(tried) if works.iter().any(|other| other.variant == tried.variant) => 1,
            Some(_) => -1,
            // The plain variant has it, and yet it is held.
            None if matches!(cure.id, CureId::Chunked | CureId::CloseFraming | CureId::Identity) => -1,
            None => 0,
        }
    };
    let is = |tag| mechanism.tags.contains(&tag);
    let of_coding = i32::from(is(MechanismTag::Compression) == why.has_compressor());
    let of_version = i32::from(is(MechanismTag::Http10) == (evidence.origin_http == Some("HTTP/1.0")));
    mechanism.cures.iter().map(agrees).sum::<i32>() * 4 + of_coding * 2 + of_version
}

/// `claim` is what the product does, and the word for its source.
fn advice(entry: &'static Entry, claim: (&'static str, &str), cure: &'static Cure, is_seen: bool) -> Option<Advice> {
    let (why, from) = claim;
    Some(Advice {
        product: &entry.name,
        is_seen,
        why,
        place: cure.place.as_deref()?,
        lines: &cure.lines,
        text: cure.text.as_deref(),
        source: entry.sources.get(cure.from.as_deref().unwrap_or(from))?,
    })
}

/// The change of a configuration, as one of the things that may help. It can't be tried from here.
pub(super) fn remedy(advice: &[Advice], cause: Option<Cause>) -> Option<Remedy> {
    let hint = if advice.is_empty() { Some(hint(cause?)?) } else { None };
    let (id, changes) = (CureId::ProxyConfig.as_str().to_owned(), vec![CureId::ProxyConfig]);
    Some(Remedy { id, changes, place: Place::ProxyConfig, works: None, hint })
}

fn hint(cause: Cause) -> Option<ConfigHint> {
    Some(match cause {
        Cause::Buffer | Cause::StartBuffer | Cause::UntilClose | Cause::OneBehind | Cause::Framing | Cause::Silent => {
            ConfigHint::Buffering
        }
        Cause::HeaderEaten => ConfigHint::BufferingOfEach,
        Cause::Compressor => ConfigHint::Compression,
        Cause::ContentType => ConfigHint::Inspection,
        Cause::Cork => ConfigHint::Cork,
        Cause::Timer | Cause::StartTimer | Cause::Delay => ConfigHint::Timer,
        Cause::Method => ConfigHint::GetRequests,
        Cause::RateLimit => ConfigHint::Rate,
        Cause::LifetimeLimit => ConfigHint::TotalTime,
        Cause::IdleLimit => ConfigHint::IdleTime,
        Cause::Replay => ConfigHint::Cache,
        Cause::Unsteady | Cause::Cut | Cause::Damage | Cause::NotSse(_) => return None,
    })
}
