//! The report for people.

use std::fmt::Write;

use super::text_builder::{Span, Style, TextBuilder, Tone, shortened, width};
use super::timing::{bar, label};
use super::words::{self, time};
use super::words::{clock_ms, rounded};
use super::{Report, chart, table};
use crate::escape::is_obeyed;
use crate::verdict::{Finding, Hold, Judgement, Severity, Verdict, ending, representative};

/// Columns for a method.
const METHOD_MOST: usize = 20;
/// So many redirects are shown.
const REDIRECTS_MOST: usize = 5;
/// Holds are the same if the larger is at most so many times the smaller.
const SAME_HOLD: f64 = 1.5;

/// The report as text. Its last line is for grep, and whole however long it is:
/// `VERDICT <verdict> hold=<kind> [hold_bytes=N] [hold_ms=N] [lag_p50_ms=N lag_p99_ms=N lag_max_ms=N] events=R[/E]
/// end=<how> url=<url>`. Its numbers are those of the JSON; what is unknown is left out; no value has a space in it.
pub fn text(report: &Report, style: Style) -> String {
    let mut page = TextBuilder::new(style);
    head(&mut page, report);
    times(&mut page, report);
    charts(&mut page, report);
    table::streams(&mut page, &report.streams);
    verdict(&mut page, &report.verdict);
    if let Some(other) = &report.against {
        page.gap();
        table::side_by_side(&mut page, report, other);
        page.gap();
        page.wrapped(Span::new("→ ", Tone::Bold), 2, &difference(&report.verdict, &other.verdict), Tone::Bold);
    }
    page.gap();
    page.whole_line(&last_line(report));
    page.into_text()
}

/// What was asked for, and what answered.
fn head(page: &mut TextBuilder, report: &Report) {
    let method = shortened(&report.method, METHOD_MOST);
    let url = shortened(&report.url, page.columns() - width(&method) - 1);
    page.line(&[Span::new(&format!("{method} {url}"), Tone::Bold)]);
    if let Some(response) = &report.response {
        for url in response.redirects.iter().take(REDIRECTS_MOST) {
            page.line(&[Span::new(&format!("redirected by {}", shortened(url, page.columns() - 14)), Tone::Plain)]);
        }
        let more = response.redirects.len().saturating_sub(REDIRECTS_MOST);
        if more > 0 {
            page.line(&[Span::new(&format!("and by {more} more"), Tone::Plain)]);
        }
        let kind = response.header("content-type").unwrap_or("no content type");
        let mut line = format!("{} · {} · {kind}", response.status, response.http);
        if let Some(coding) = response.header("content-encoding") {
            let _ = write!(line, " · {coding}");
        }
        page.paragraph(&shortened(&line, 2 * page.columns()), Tone::Plain);
    }
    if let Some(hop) = &report.hop {
        let evidence = hop.evidence.join("; ");
        let line = shortened(&format!("through {} ({evidence})", hop.name), 2 * page.columns());
        page.paragraph(&line, Tone::Plain);
    }
}

fn times(page: &mut TextBuilder, report: &Report) {
    page.gap();
    bar(page, &report.timing);
    if let Some(clock) = report.clock.filter(|clock| clock.is_measured) {
        let (offset_ms, error_ms) = clock_ms(&clock, report.started_unix_us);
        let side = if offset_ms < 0.0 { "behind" } else { "ahead" };
        let line = format!("the origin's is {} {side}, known to {}", time(offset_ms.abs()), time(error_ms));
        page.line(&[label("clock"), Span::new(&line, Tone::Plain)]);
    }
}

fn charts(page: &mut TextBuilder, report: &Report) {
    let whose = if report.against.is_some() { "this path: " } else { "" };
    if let Some(stream) = representative(&report.streams) {
        chart::draw(page, whose, stream, words::mark(report.verdict.verdict).1);
    }
    let Some(other) = &report.against else { return };
    if let Some(stream) = representative(&other.streams) {
        chart::draw(page, "the other path: ", stream, words::mark(other.verdict.verdict).1);
    }
}

fn verdict(page: &mut TextBuilder, verdict: &Verdict) {
    page.gap();
    let (mark, tone) = words::mark(verdict.verdict);
    let word = Span::new(&format!("{mark} {}: ", verdict.verdict.as_str()), tone);
    let summary = verdict.summary();
    page.wrapped(word, 2, &summary, Tone::Bold);
    for finding in &verdict.findings {
        page.gap();
        // Of what is no stream, the finding is all there is to say, and said already.
        let text = finding.text();
        if text != summary {
            page.wrapped(severity(finding), 4, &text, Tone::Plain);
        }
        page.wrapped(Span::new("    → ", Tone::Dim), 6, finding.advice(), Tone::Plain);
    }
}

fn severity(finding: &Finding) -> Span {
    match finding.severity() {
        Severity::Info => Span::new("  i ", Tone::Bold),
        Severity::Warn => Span::new("  ! ", Tone::Doubt),
        Severity::Fail => Span::new("  ✗ ", Tone::Bad),
    }
}

/// What two verdicts mean together.
pub(super) fn difference(this: &Verdict, other: &Verdict) -> String {
    use Judgement::{Inconclusive, NotSse, RealTime, Unreachable};
    let (here, there) = (this.verdict, other.verdict);
    match (here, there) {
        (RealTime, RealTime) => "both stream in real time".to_owned(),
        (Unreachable, Unreachable) => "neither path can be reached: is the origin there at all?".to_owned(),
        (NotSse, NotSse) => {
            "both answer with something else than an event stream: it is the origin, or the URL".to_owned()
        }
        (_, Inconclusive | Unreachable | NotSse) => {
            format!("the other path is {}: there is nothing to compare with", there.as_str())
        }
        (Inconclusive, _) => format!("the other path is {}; what this one does can't be told", there.as_str()),
        (_, RealTime) => "the other path streams in real time: the fault lies on this one".to_owned(),
        (RealTime, _) => "this path streams in real time: the fault lies on the other one".to_owned(),
        _ if here == there && is_same(&this.hold, &other.hold) => {
            "both do the same: the origin, or what both share, does it".to_owned()
        }
        _ => format!(
            "neither streams in real time, each in its own way ({} here, {} there): cure what both share first",
            here.as_str(),
            there.as_str()
        ),
    }
}

fn is_same(this: &Hold, other: &Hold) -> bool {
    let close = |numbers: (Option<u64>, Option<u64>)| match numbers {
        (Some(a), Some(b)) => a.max(b) as f64 <= SAME_HOLD * a.min(b) as f64,
        (a, b) => a == b,
    };
    this.kind == other.kind && close((this.bytes, other.bytes)) && close((this.ms, other.ms))
}

fn last_line(report: &Report) -> String {
    let Hold { kind, bytes, ms } = report.verdict.hold;
    let mut line = format!("VERDICT {} hold={}", report.verdict.verdict.as_str(), words::kind(kind));
    if let Some(bytes) = bytes {
        let _ = write!(line, " hold_bytes={bytes}");
    }
    if let Some(ms) = ms {
        let _ = write!(line, " hold_ms={ms}");
    }
    if let Some(lag) = representative(&report.streams).and_then(|stream| stream.lag) {
        let [p50, p99, max] = [lag.p50, lag.p99, lag.max].map(rounded);
        let _ = write!(line, " lag_p50_ms={p50} lag_p99_ms={p99} lag_max_ms={max}");
    }
    let counts = table::counts(&report.streams);
    let end = words::ending(ending(&report.streams).0);
    let _ = write!(line, " events={} end={end}", words::share(counts.received, counts.expected));
    let _ = write!(line, " url={}", one_word(&report.url));
    line
}

/// A URL with everything percent-encoded that would end it or not show.
pub(super) fn one_word(url: &str) -> String {
    let mut out = String::with_capacity(url.len());
    let mut utf8 = [0; 4];
    for c in url.chars() {
        if c.is_whitespace() || is_obeyed(c) {
            for byte in c.encode_utf8(&mut utf8).bytes() {
                let _ = write!(out, "%{byte:02X}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::{HoldKind, Reason};

    fn verdict(verdict: Judgement, kind: HoldKind, bytes: Option<u64>) -> Verdict {
        let hold = Hold { bytes, ..Hold::of(kind) };
        Verdict { verdict, hold, reason: Reason::NoStream, findings: Vec::new() }
    }

    #[test]
    fn the_difference_says_where_the_fault_lies() {
        let fine = verdict(Judgement::RealTime, HoldKind::None, None);
        let held = |bytes| verdict(Judgement::Batched, HoldKind::Bytes, Some(bytes));
        let away = verdict(Judgement::Unreachable, HoldKind::Unknown, None);
        assert!(difference(&held(4096), &fine).ends_with("lies on this one"));
        assert!(difference(&fine, &held(4096)).ends_with("lies on the other one"));
        assert!(difference(&held(4096), &held(4500)).starts_with("both do the same"));
        assert!(difference(&held(4096), &held(65_536)).contains("each in its own way"));
        assert!(difference(&held(4096), &away).ends_with("nothing to compare with"));
        assert!(difference(&away, &away).starts_with("neither"));
    }

    #[test]
    fn a_url_is_one_word() {
        assert_eq!(one_word("http://a/b c\n\u{202e}é"), "http://a/b%20c%0A%E2%80%AEé");
    }
}
