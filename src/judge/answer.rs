//! A recording that was posted, answered as JSON, text or HTML.

use std::time::Duration;

use serde::Serialize;

use super::check::{self, Refusal};
use super::diagnose::{self, Posted};
use super::next::{self, Progress};
use super::replay;
use super::verdict::judge;
use crate::report::diagnosis::{self, Diagnosed, Row};
use crate::report::{self, Report, Style};
use crate::stats::Origin;
use crate::stats::recording::{Kind, Recording, SCHEMA};
use crate::verdict::diagnosis::{Diagnosis, Variant};

/// How the text report is laid out.
const STYLE: Style = Style { columns: 80, colours: false };

/// How far apart streams are begun: what a busy device has to do to begin with many would make the first events of each
/// late.
const APART_MS: u64 = 50;

/// Forms of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The object of `--json`.
    Json,
    /// The report as text.
    Text,
    /// The report as a page.
    Html,
}

impl Format {
    /// Every form with its media type.
    const ALL: [(&'static str, Format); 3] =
        [("application/json", Format::Json), ("text/plain", Format::Text), ("text/html", Format::Html)];

    /// The form that a field `Accept` asks for first; none if it takes none.
    pub fn accepted(accept: &str) -> Option<Format> {
        let mut types = accept.split(',').map(|part| part.split(';').next().unwrap_or("").trim());
        let known = |kind: &str| match kind {
            "" | "*/*" | "application/*" => Some(Format::Json),
            kind => Format::ALL.iter().find(|(name, _)| kind.eq_ignore_ascii_case(name)).map(|(_, format)| *format),
        };
        types.find_map(known)
    }
}

/// Answers a recording.
///
/// # Errors
/// When it is too large, isn't a recording, or makes no sense.
pub fn answer(text: &[u8], format: Format) -> Result<Vec<u8>, Refusal> {
    let recording = check::recording(text)?;
    match recording.kind {
        Kind::Probe => {
            let report = judge(&recording)?;
            match format {
                Format::Json => written(&report::json(&report)),
                Format::Text => Ok(report::text(&report, STYLE).into_bytes()),
                Format::Html => Ok(diagnosis::html(&alone(report, &recording)).into_bytes()),
            }
        }
        Kind::Diagnose => diagnosed(&recording, format),
    }
}

/// A diagnosis that isn't finished: what to do next.
#[derive(Debug, Serialize)]
struct Unfinished {
    schema: u32,
    kind: Kind,
    next: Vec<next::Look>,
    at_once: usize,
    apart_ms: u64,
    progress: Progress,
}

/// One that is.
#[derive(Debug, Serialize)]
struct Finished<'a> {
    #[serde(flatten)]
    diagnosed: diagnosis::Json<'a>,
    next: [(); 0],
    progress: Progress,
}

fn diagnosed(recording: &Recording, format: Format) -> Result<Vec<u8>, Refusal> {
    let Posted { next, progress, diagnosed } = diagnose::posted(recording)?;
    let at_once = recording.observer.map_or(1, |observer| observer.at_once.clamp(1, check::STREAMS_MAX));
    if format == Format::Json && !next.is_empty() {
        let kind = Kind::Diagnose;
        return written(&Unfinished { schema: SCHEMA, kind, next, at_once, apart_ms: APART_MS, progress });
    }
    let diagnosed =
        diagnosed.ok_or_else(|| Refusal::Invalid("nothing is known of the plain variant yet".to_owned()))?;
    match format {
        Format::Json => written(&Finished { diagnosed: diagnosis::json(&diagnosed), next: [], progress }),
        Format::Text => Ok(diagnosis::text(&diagnosed, STYLE).into_bytes()),
        Format::Html => Ok(diagnosis::html(&diagnosed).into_bytes()),
    }
}

fn written(answer: &impl Serialize) -> Result<Vec<u8>, Refusal> {
    serde_json::to_vec(answer).map_err(|error| Refusal::Invalid(format!("write the answer as JSON: {error}")))
}

/// A probe's report as a diagnosis that tried nothing.
fn alone(report: Report, recording: &Recording) -> Diagnosed {
    let (_, query) = report.url.split_once('?').unwrap_or((&report.url, ""));
    let row = Row {
        id: Variant::plain().id(),
        method: report.method.clone(),
        query: query.to_owned(),
        request_headers: Vec::new(),
        again: None,
        is_plain: false,
        is_refused: false,
        report: report.clone(),
    };
    Diagnosed {
        url: report.url,
        is_ours: replay::origin(recording) == Origin::Ours,
        variants: vec![row],
        diagnosis: Diagnosis::default(),
        endurance: None,
        against: None,
        took: Duration::from_micros(u64::try_from(recording.elapsed_us).unwrap_or(0)),
    }
}
