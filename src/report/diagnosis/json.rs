//! A diagnosis as a JSON object. Other programs rely on its names.

use serde::Serialize;

use super::{Diagnosed, Row};
use crate::report::json as probe_json;
use crate::report::json::{SCHEMA, lag_ms};
use crate::report::text::difference;
use crate::report::words::rounded;
use crate::stats::Lag;
use crate::verdict;
use crate::verdict::diagnosis::{Advice, Note, Remedy};
use crate::verdict::endurance::Endurance;
use crate::verdict::{Hold, Hop, Judgement, Place};

/// A diagnosis with the names that its JSON has, in their order. What is unknown or didn't happen is null.
#[derive(Debug, Serialize)]
pub struct Json<'a> {
    schema: u32,
    url: &'a str,
    verdict: Judgement,
    ok: bool,
    summary: String,
    hold: Hold,
    cause: Option<CauseJson>,
    variants: Vec<Variant<'a>>,
    cures: Vec<Cure<'a>>,
    smallest_cure: Option<&'a str>,
    idle_cut_s: Option<f64>,
    lifetime_cut_s: Option<f64>,
    disconnect_ms: Option<f64>,
    hop: Option<&'a Hop>,
    advice: &'a [Advice],
    notes: Vec<String>,
    endurance: Option<&'a Endurance>,
    against: Option<probe_json::Json<'a>>,
    difference: Option<String>,
    took_s: f64,
}

#[derive(Debug, Serialize)]
struct CauseJson {
    id: &'static str,
    text: String,
}

#[derive(Debug, Serialize)]
struct Variant<'a> {
    id: &'a str,
    query: &'a str,
    request_headers: &'a [(String, String)],
    method: &'a str,
    verdict: Judgement,
    hold: Hold,
    summary: String,
    /// What the second run came to, if there was one.
    again: Option<Judgement>,
    first_event_ms: Option<f64>,
    /// That of the stream that names the verdict.
    lag_ms: Option<Lag>,
}

#[derive(Debug, Serialize)]
struct Cure<'a> {
    id: &'a str,
    #[serde(rename = "where")]
    place: Place,
    works: Option<bool>,
    text: String,
}

/// The diagnosis as one object, to be serialised.
pub fn json(diagnosed: &Diagnosed) -> Json<'_> {
    let Diagnosed { diagnosis, variants, .. } = diagnosed;
    let plain = &variants[0].report;
    Json {
        schema: SCHEMA,
        url: &diagnosed.url,
        verdict: plain.verdict.verdict,
        ok: plain.verdict.verdict == Judgement::RealTime,
        summary: plain.verdict.summary(),
        hold: plain.verdict.hold,
        cause: diagnosis.cause.as_ref().map(|why| CauseJson { id: why.cause.id(), text: why.text() }),
        variants: variants.iter().map(variant).collect(),
        cures: diagnosis.remedies.iter().map(|remedy| cure(remedy, &diagnosis.advice)).collect(),
        smallest_cure: diagnosis.smallest.as_deref(),
        idle_cut_s: diagnosis.idle_cut_s.map(rounded),
        lifetime_cut_s: diagnosis.lifetime_cut_s.map(rounded),
        disconnect_ms: diagnosed.endurance.as_ref().and_then(|all| all.leaving.disconnect_ms()).map(rounded),
        hop: plain.hop.as_ref(),
        advice: &diagnosis.advice,
        notes: diagnosis.notes.iter().map(Note::text).collect(),
        endurance: diagnosed.endurance.as_ref(),
        against: diagnosed.against.as_ref().map(probe_json::json),
        difference: diagnosed.against.as_ref().map(|other| difference(&plain.verdict, &other.verdict)),
        took_s: rounded(diagnosed.took.as_secs_f64()),
    }
}

fn variant(row: &Row) -> Variant<'_> {
    let verdict = &row.report.verdict;
    Variant {
        id: &row.id,
        query: &row.query,
        request_headers: &row.request_headers,
        method: &row.method,
        verdict: verdict.verdict,
        hold: verdict.hold,
        summary: verdict.summary(),
        again: row.again.as_ref().map(|report| report.verdict.verdict),
        first_event_ms: row.report.timing.first_event.map(rounded),
        lag_ms: verdict::representative(&row.report.streams).and_then(|stream| stream.lag).map(lag_ms),
    }
}

fn cure<'a>(remedy: &'a Remedy, advice: &[Advice]) -> Cure<'a> {
    Cure { id: &remedy.id, place: remedy.place, works: remedy.works, text: remedy.text(advice) }
}
