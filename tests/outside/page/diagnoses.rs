//! The page's core reasons as the Rust core does about variants of a path.

use std::cell::RefCell;

use fastrand::Rng;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use sse_argo_tester::stats::Ending;
use sse_argo_tester::verdict::diagnosis::{
    Diagnosis, Evidence, Note, Tried, Variant, diagnose, pairs, to_confirm, working,
};
use sse_argo_tester::verdict::{CureId, Finding, Hold, HoldKind, Hop, Id, Judgement, Reason, Verdict, cures};

use super::stories::{core, difference, verdict_json};

const CASES: u32 = 300;

/// Everything that a verdict may be, and its hold.
const VERDICTS: [(Judgement, HoldKind); 15] = [
    (Judgement::RealTime, HoldKind::None),
    (Judgement::LateStart, HoldKind::StartBytes),
    (Judgement::LateStart, HoldKind::StartTime),
    (Judgement::Batched, HoldKind::Bytes),
    (Judgement::Batched, HoldKind::Time),
    (Judgement::Lagging, HoldKind::Constant),
    (Judgement::Lagging, HoldKind::OneEvent),
    (Judgement::Lagging, HoldKind::Unknown),
    (Judgement::HeldUntilClose, HoldKind::Close),
    (Judgement::Silent, HoldKind::Unknown),
    (Judgement::Cut, HoldKind::None),
    (Judgement::Corrupt, HoldKind::None),
    (Judgement::NotSse, HoldKind::Unknown),
    (Judgement::Unreachable, HoldKind::Unknown),
    (Judgement::Inconclusive, HoldKind::Unknown),
];
const FINDINGS: [Id; 6] = [Id::Cork, Id::Replay, Id::Lost, Id::TooManyRequests, Id::BadGateway, Id::SomeRefused];
const ENDS: [Ending; 4] = [Ending::Clean, Ending::IdleCut, Ending::LifetimeCut, Ending::Ours];

/// A path: what it does to a plain request, which changes cure that, and how often it does something else.
struct Path {
    plain: Verdict,
    cures: Vec<CureId>,
    /// It takes all of them.
    needs_all: bool,
    whims: f64,
}

fn one<T: Copy>(rng: &mut Rng, of: &[T]) -> T {
    of[rng.usize(..of.len())]
}

fn maybe<T>(rng: &mut Rng, value: T) -> Option<T> {
    rng.bool().then_some(value)
}

fn verdict(rng: &mut Rng) -> Verdict {
    let (verdict, kind) = one(rng, &VERDICTS);
    let (bytes, ms) = (rng.u64(0..100_000), rng.u64(0..4_000));
    let hold = Hold { kind, bytes: maybe(rng, bytes), ms: maybe(rng, ms) };
    let findings = (0..rng.usize(0..3)).map(|_| Finding::new(one(rng, &FINDINGS), "it does that")).collect();
    Verdict { verdict, hold, reason: Reason::Found("it does that".into()), findings }
}

fn plain_verdict(verdict: Judgement) -> Verdict {
    Verdict { verdict, hold: Hold::of(HoldKind::None), reason: Reason::Found("it does".into()), findings: Vec::new() }
}

impl Path {
    fn new(rng: &mut Rng) -> Path {
        let cures = (0..rng.usize(0..3)).map(|_| one(rng, CureId::ALL)).collect();
        let plain = if rng.u8(..4) == 0 { plain_verdict(Judgement::RealTime) } else { verdict(rng) };
        Path { plain, cures, needs_all: rng.bool(), whims: one(rng, &[0.0, 0.05, 0.3]) }
    }

    fn of(&self, variant: Variant, rng: &mut Rng) -> Tried {
        let has = |id: &CureId| variant.changes().contains(id);
        let is_cured = if self.needs_all {
            !self.cures.is_empty() && self.cures.iter().all(has)
        } else {
            self.cures.iter().any(has)
        };
        let verdict = match () {
            () if rng.f64() < self.whims => verdict(rng),
            () if !variant.is_steady() => plain_verdict(one(rng, &[Judgement::RealTime, Judgement::Cut])),
            () if is_cured => plain_verdict(Judgement::RealTime),
            () => self.plain.clone(),
        };
        let (head_ms, us) = (f64::from(rng.u32(0..3_000)), rng.i64(0..20_000_000));
        let end_us = maybe(rng, us);
        Tried {
            variant,
            verdict,
            head_ms: maybe(rng, head_ms),
            shows_accel: rng.bool(),
            coding: maybe(rng, "gzip".to_owned()),
            end: (one(rng, &ENDS), end_us),
            quiet_us: maybe(rng, us),
            late: rng.f64(),
        }
    }

    /// What comes of everything that is tried, and of what is tried again.
    fn tried(&self, rng: &mut Rng) -> (Vec<Tried>, Vec<Tried>) {
        let all = std::iter::once(Variant::plain()).chain(Variant::singles()).chain(Variant::everything());
        let all = all.chain([Variant::late_byte(), Variant::quiet(), Variant::heartbeat()]);
        let mut tried: Vec<Tried> = all.map(|variant| self.of(variant, rng)).collect();
        tried.extend(pairs(&tried).into_iter().map(|variant| self.of(variant, rng)).collect::<Vec<_>>());
        let again = std::iter::once(Variant::plain()).chain(to_confirm(&tried));
        let mut again: Vec<Tried> = again.map(|variant| self.of(variant, rng)).collect();
        match rng.u8(..8) {
            0 => again.clear(),
            1 => again[0].verdict = plain_verdict(Judgement::RealTime),
            _ => {}
        }
        (tried, again)
    }
}

/// Nobody, or up to two products that the cure book has.
fn hop(rng: &mut Rng) -> Option<Hop> {
    let known: Vec<&str> = cures::book().iter().flat_map(|entry| &entry.hops).map(String::as_str).collect();
    let names: Vec<&str> = (0..rng.usize(0..3)).map(|_| one(rng, &known)).collect();
    (!names.is_empty()).then(|| Hop { name: names.join(", "), evidence: Vec::new() })
}

fn one_json(tried: &Tried) -> Value {
    json!({
        "variant": tried.variant.id(), "verdict": verdict_json(&tried.verdict), "headMs": tried.head_ms,
        "showsAccel": tried.shows_accel, "coding": tried.coding, "end": tried.end, "quietUs": tried.quiet_us,
        "late": tried.late,
    })
}

fn tried_json(tried: &[Tried]) -> Value {
    tried.iter().map(one_json).collect()
}

fn diagnosis_json(diagnosis: &Diagnosis) -> Value {
    let remedies = diagnosis.remedies.iter().map(|remedy| {
        json!({
            "id": remedy.id, "changes": remedy.changes, "place": remedy.place, "works": remedy.works,
            "text": remedy.text(&diagnosis.advice),
        })
    });
    json!({
        "cause": diagnosis.cause.as_ref().map(|why| json!({"id": why.cause.id(), "text": why.text()})), "remedies": remedies.collect::<Vec<_>>(), "smallest": diagnosis.smallest,
        "advice": diagnosis.advice, "notes": diagnosis.notes.iter().map(Note::text).collect::<Vec<_>>(), "idleCutS": diagnosis.idle_cut_s, "lifetimeCutS": diagnosis.lifetime_cut_s,
    })
}

fn ids<'a>(variants: impl IntoIterator<Item = &'a Variant>) -> Vec<String> {
    variants.into_iter().map(Variant::id).collect()
}

#[test]
#[ignore = "needs chromium"]
fn diagnoses_are_alike() {
    let browser = RefCell::new(core());
    let mut runner = TestRunner::new(Config { cases: CASES, failure_persistence: None, ..Config::default() });
    let result = runner.run(&any::<u64>(), |seed| {
        let rng = &mut Rng::with_seed(seed);
        let path = Path::new(rng);
        let (tried, again) = path.tried(rng);
        let (is_ours, origin_http) = (rng.bool(), one(rng, &[None, Some("HTTP/1.0"), Some("HTTP/1.1")]));
        let (is_gone, is_cut_short) = (rng.u8(..8) == 0, rng.u8(..8) == 0);
        let control = if rng.u8(..4) == 0 { Some(path.of(Variant::plain(), rng)) } else { None };
        let hop = hop(rng);
        let diagnosis = diagnose(&Evidence {
            tried: &tried,
            again: &again,
            control: control.as_ref(),
            is_ours,
            hop: hop.as_ref(),
            origin_http,
            endurance: None,
            is_gone,
            is_cut_short,
        });
        let rust = json!({
            "working": ids(working(&tried).into_iter().map(|tried| &tried.variant)), "pairs": ids(&pairs(&tried)),
            "toConfirm": ids(&to_confirm(&tried)), "diagnosis": diagnosis_json(&diagnosis),
            "doubtful": ids(tried.iter().filter(|tried| tried.is_doubtful()).map(|tried| &tried.variant)),
        });
        let evidence = json!({
            "tried": tried_json(&tried), "again": tried_json(&again), "control": control.as_ref().map(one_json),
            "isOurs": is_ours, "originHttp": origin_http, "isGone": is_gone, "isCutShort": is_cut_short, "hop": hop,
        });
        let page = browser.borrow_mut().evaluate(&format!("diagnosed({evidence})"));
        prop_assert_eq!(difference(&page, &rust, ""), None, "{}", evidence);
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
#[ignore = "needs chromium"]
fn variants_ask_for_the_same() {
    let queries =
        ["", "cache=best&size=1k", "interval=5ms&token=x", "a=1&&b", "?accel=no", "%64elay=1s&=x", "type=%ff+%zz&pad"];
    let mut browser = core();
    let all = std::iter::once(Variant::plain()).chain(Variant::singles()).chain(Variant::everything());
    let all = all.chain([Variant::late_byte(), Variant::quiet(), Variant::heartbeat()]).chain(Variant::pairs());
    for variant in all {
        for query in queries {
            let page = browser.evaluate(&format!("asked({})", json!([variant.id(), query])));
            let (method, accepted) = (variant.method(), variant.accept_encoding());
            let rust = json!([variant.id(), variant.query(query), method, accepted, variant.is_steady()]);
            assert_eq!(page, rust, "{query}");
        }
    }
    let ids = |name: &str| format!("Core.Variant.{name}().map((variant) => variant.id())");
    let singles: Vec<String> = Variant::singles().map(|variant| variant.id()).collect();
    assert_eq!(browser.evaluate(&ids("singles")), json!(singles));
    let pairs: Vec<String> = Variant::pairs().map(|variant| variant.id()).collect();
    assert_eq!(browser.evaluate(&ids("pairs")), json!(pairs));
}
