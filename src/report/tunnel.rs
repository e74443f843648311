//! What the way from the world to an origin does, beside the direct one: as text and as JSON.

use serde::Serialize;
use serde_json::Value;

use super::diagnosis::text::{body, head, labelled, last_line};
use super::diagnosis::{self, Diagnosed};
use super::json::SCHEMA;
use super::table::UNKNOWN;
use super::text_builder::{Span, TextBuilder, Tone, cut, left};
use super::words::{mark, rounded, time};
use super::{Report, Style, json as probe_json};
use crate::verdict::{CureId, Judgement, representative};

/// Between two columns of the table.
const GUTTER: usize = 2;
/// Columns for the names of what is compared.
const NAMES: usize = 13;
/// The name of the hop that quick tunnels are.
const QUICK: &str = "cloudflare quick tunnel";

/// The experiment: a tunnel diagnosed with one protocol, or with several one after the other.
#[derive(Debug, Clone, Default)]
pub struct Tunnelled {
    /// The runs that led to a diagnosis.
    pub runs: Vec<Run>,
    /// Those in which there was no tunnel, if there was one in another.
    pub failed: Vec<Failed>,
}

/// One tunnel, diagnosed beside the direct way, which is `diagnosed.against`.
#[derive(Debug, Clone)]
pub struct Run {
    /// The protocol that cloudflared was asked for; none if it isn't ours.
    pub protocol: Option<&'static str>,
    /// The public URL.
    pub public_url: String,
    /// What came of it.
    pub diagnosed: Diagnosed,
    /// What happened to cloudflared meanwhile, each a sentence.
    pub incidents: Vec<String>,
}

/// A protocol with which there was no tunnel.
#[derive(Debug, Clone)]
pub struct Failed {
    /// The protocol, if one was asked for.
    pub protocol: Option<&'static str>,
    /// Why, a sentence.
    pub error: String,
    /// What may be tried; it may be empty.
    pub advice: String,
}

impl Tunnelled {
    /// The run that names the verdict: the first one that doesn't stream, else the first one.
    pub fn naming(&self) -> Option<&Run> {
        self.runs.iter().find(|run| run.verdict() != Judgement::RealTime).or(self.runs.first())
    }

    /// What the tunnel does: of several protocols, each has to stream.
    pub fn verdict(&self) -> Judgement {
        let verdict = self.naming().map_or(Judgement::Unreachable, Run::verdict);
        if verdict == Judgement::RealTime && !self.failed.is_empty() { Judgement::Unreachable } else { verdict }
    }
}

impl Run {
    fn verdict(&self) -> Judgement {
        self.diagnosed.plain().map_or(Judgement::Inconclusive, |plain| plain.report.verdict.verdict)
    }

    fn name(&self) -> &'static str {
        self.protocol.filter(|protocol| *protocol != "auto").unwrap_or("tunnel")
    }

    fn plain(&self) -> Option<&Report> {
        self.diagnosed.plain().map(|row| &row.report)
    }

    /// That it is Cloudflare's edge which holds answers to GET, if that is proven: quick tunnels are known for it.
    fn edge(&self) -> Option<String> {
        let plain = self.plain()?;
        let is_quick = plain.hop.as_ref()?.names().any(|name| name == QUICK);
        let works = |id: CureId| {
            let remedies = &self.diagnosed.diagnosis.remedies;
            remedies.iter().any(|remedy| remedy.changes == [id] && remedy.works == Some(true))
        };
        let direct = self.diagnosed.against.as_ref()?.verdict.verdict;
        let is_held = plain.method == "GET" && self.verdict() != Judgement::RealTime;
        if !is_quick || !is_held || direct != Judgement::RealTime || !works(CureId::Post) {
            return None;
        }
        let paddings = [CureId::Pad4k, CureId::Pad16k, CureId::Pad64k].into_iter().filter(|id| works(*id));
        let paddings: String = paddings.map(|id| format!(", {} ({})", id.as_str(), id.line())).collect();
        Some(format!(
            "Cloudflare's edge holds what a quick tunnel answers to GET; it is neither the origin, which streams on the \
             direct way, nor the tunnel itself, through which POST streams, and cloudflared treats both alike; seen to \
             work: POST{paddings}; said to work, and not tried here: a named tunnel (--hostname)"
        ))
    }
}

/// How long events take from one end to the other, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
struct OneWay {
    p50: f64,
    p99: f64,
    max: f64,
}

impl OneWay {
    /// Exactly, where both ends have one clock: what the path takes, and by how much events exceed it.
    fn of(report: &Report) -> Option<OneWay> {
        let path_ms = report.clock.filter(|clock| clock.is_measured)?.path_us as f64 / 1e3;
        let lag = representative(&report.streams)?.lag?;
        let [p50, p99, max] = [lag.p50, lag.p99, lag.max].map(|ms| rounded(path_ms + ms));
        Some(OneWay { p50, p99, max })
    }
}

/// The experiment as text. Its last lines are for grep, one for each run, as those of a diagnosis are, and with
/// `protocol=` if cloudflared was started for it.
pub fn text(tunnelled: &Tunnelled, style: Style) -> String {
    let mut page = TextBuilder::new(style);
    if let [run] = tunnelled.runs.as_slice() {
        head(&mut page, &run.diagnosed);
        page.gap();
    }
    table(&mut page, &tunnelled.runs);
    for Failed { protocol, error, advice } in &tunnelled.failed {
        page.gap();
        page.wrapped(Span::new(&format!("✗ {}: ", protocol.unwrap_or("tunnel")), Tone::Bad), 2, error, Tone::Bold);
        if !advice.is_empty() {
            labelled(&mut page, "try", Tone::Bold, advice, Tone::Plain);
        }
    }
    for run in &tunnelled.runs {
        if tunnelled.runs.len() > 1 {
            page.gap();
            page.line(&[Span::new(run.name(), Tone::Bold)]);
            head(&mut page, &run.diagnosed);
        }
        for incident in &run.incidents {
            page.gap();
            page.wrapped(Span::new("! ", Tone::Doubt), 2, &meanwhile(incident), Tone::Bold);
        }
        body(&mut page, &run.diagnosed);
        if let Some(edge) = run.edge() {
            labelled(&mut page, "edge", Tone::Bold, &edge, Tone::Plain);
        }
    }
    page.gap();
    for run in &tunnelled.runs {
        let protocol = run.protocol.map(|protocol| format!(" protocol={protocol}")).unwrap_or_default();
        page.whole_line(&(last_line(&run.diagnosed) + &protocol));
    }
    page.into_text()
}

fn meanwhile(incident: &str) -> String {
    format!("{incident}; that was during the diagnosis, whose results are those of a tunnel in trouble")
}

/// The direct way, each run, and with one run the difference.
fn table(page: &mut TextBuilder, runs: &[Run]) {
    let Some(direct) = runs.first().and_then(|run| run.diagnosed.against.as_ref()) else { return };
    let reports: Vec<&Report> = std::iter::once(direct).chain(runs.iter().filter_map(Run::plain)).collect();
    let names = std::iter::once("direct").chain(runs.iter().map(Run::name));
    let names: Vec<String> = names.chain((runs.len() == 1).then_some("difference")).map(str::to_owned).collect();
    let columns = (page.columns() - NAMES) / names.len() - GUTTER;
    let mut line = |name: &str, cells: &[String], tones: &[Tone]| {
        let mut spans = vec![Span::new(&format!("{name:NAMES$}"), Tone::Dim)];
        for (n, cell) in cells.iter().enumerate() {
            let cell = cut(cell, columns);
            let cell = if n + 1 < cells.len() { left(&cell, columns + GUTTER) } else { cell };
            spans.push(Span::new(&cell, tones.get(n).copied().unwrap_or(Tone::Plain)));
        }
        page.line(&spans);
    };
    line("", &names, &vec![Tone::Bold; names.len()]);
    let marks: Vec<_> = reports.iter().map(|report| mark(report.verdict.verdict)).collect();
    let verdicts =
        reports.iter().zip(&marks).map(|(report, (mark, _))| format!("{mark} {}", report.verdict.verdict.as_str()));
    line("verdict", &verdicts.collect::<Vec<_>>(), &marks.iter().map(|(_, tone)| *tone).collect::<Vec<_>>());
    let one_way: Vec<Option<OneWay>> = reports.iter().map(|report| OneWay::of(report)).collect();
    let rows: [(&str, Vec<Option<f64>>); 4] = [
        ("one way p50", one_way.iter().map(|way| Some((*way)?.p50)).collect()),
        ("one way p99", one_way.iter().map(|way| Some((*way)?.p99)).collect()),
        ("one way max", one_way.iter().map(|way| Some((*way)?.max)).collect()),
        ("first event", reports.iter().map(|report| report.timing.first_event).collect()),
    ];
    for (name, values) in rows {
        let cell = |value: &Option<f64>| value.map_or(UNKNOWN.to_owned(), time);
        let mut cells: Vec<String> = values.iter().map(cell).collect();
        if let [direct, tunnel] = values.as_slice() {
            let more = direct.zip(*tunnel).map(|(direct, tunnel)| tunnel - direct);
            let sign = if more.is_some_and(|ms| ms >= 0.05) { "+" } else { "" };
            cells.push(more.map_or(UNKNOWN.to_owned(), |ms| format!("{sign}{}", time(ms))));
        }
        line(name, &cells, &[]);
    }
    if let Some(clock) = direct.clock.filter(|_| one_way.iter().any(Option::is_some)) {
        let error = time(clock.error_us as f64 / 1e3);
        let text = format!("both ends are on this machine: times are right within {error}");
        page.wrapped(Span::new(&" ".repeat(NAMES), Tone::Plain), NAMES, &text, Tone::Dim);
    }
}

/// The experiment with the names that its JSON has, in their order. Those of a run are the first one's, but for `runs`.
#[derive(Debug, Serialize)]
pub struct Json<'a> {
    #[serde(flatten)]
    first: Option<JsonRun<'a>>,
    /// All of them, if several were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    runs: Option<Vec<Outcome<'a>>>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Outcome<'a> {
    Run(Box<JsonRun<'a>>),
    Failed { protocol: Option<&'a str>, error: &'a str, advice: &'a str },
}

#[derive(Debug, Serialize)]
struct JsonRun<'a> {
    schema: u32,
    public_url: &'a str,
    protocol: Option<&'a str>,
    direct: Option<probe_json::Json<'a>>,
    tunnel: diagnosis::Json<'a>,
    one_way_ms: Sides,
    edge: Option<String>,
    incidents: &'a [String],
}

#[derive(Debug, Serialize)]
struct Sides {
    direct: Option<OneWay>,
    tunnel: Option<OneWay>,
}

/// The experiment as one object, to be serialised.
pub fn json(tunnelled: &Tunnelled) -> Json<'_> {
    let Tunnelled { runs, failed } = tunnelled;
    let all = runs.iter().map(|run| Outcome::Run(Box::new(json_run(run))));
    let failed =
        failed.iter().map(|Failed { protocol, error, advice }| Outcome::Failed { protocol: *protocol, error, advice });
    let all: Vec<Outcome<'_>> = all.chain(failed).collect();
    Json { first: runs.first().map(json_run), runs: (all.len() > 1).then_some(all) }
}

/// That there was no tunnel to measure, and why, with the names that [`json`] has.
pub fn failed_json(error: &str) -> Value {
    let unknown = Value::Null;
    serde_json::json!({
        "schema": SCHEMA, "public_url": unknown, "protocol": unknown, "direct": unknown, "tunnel": unknown, "error": error,
    })
}

fn json_run(run: &Run) -> JsonRun<'_> {
    let direct = run.diagnosed.against.as_ref();
    JsonRun {
        schema: SCHEMA,
        public_url: &run.public_url,
        protocol: run.protocol,
        direct: direct.map(probe_json::json),
        tunnel: diagnosis::json(&run.diagnosed),
        one_way_ms: Sides { direct: direct.and_then(OneWay::of), tunnel: run.plain().and_then(OneWay::of) },
        edge: run.edge(),
        incidents: &run.incidents,
    }
}
