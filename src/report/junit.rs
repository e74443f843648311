//! The report as JUnit's XML, for CI.

use std::fmt::Write;

use super::{Report, Style, text};
use crate::verdict::Judgement;

/// How the text in it looks.
const PLAIN: Style = Style { columns: 80, colours: false };

/// What a test case may be instead of passed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trouble {
    /// It was measured, and the path doesn't stream in real time.
    Failure,
    /// It could not be measured.
    Error,
}

/// The report as a document with one test case, or two with another path beside it. A path that does not stream in real
/// time is a failure; one that can't be reached, that answers with something else, or that can't be told is an error.
pub fn junit(report: &Report) -> String {
    let cases: Vec<&Report> = std::iter::once(report).chain(report.against.as_deref()).collect();
    let count = |trouble| cases.iter().filter(|case| trouble_of(case) == Some(trouble)).count();
    let (failures, errors) = (count(Trouble::Failure), count(Trouble::Error));
    let time: f64 = cases.iter().map(|case| seconds(case)).sum();
    let totals = format!("tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\" time=\"{time:.3}\"", cases.len());
    let cases: String = cases.iter().map(|case| test_case(case)).collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <testsuites {totals}>\n  \
         <testsuite name=\"sse-argo-tester\" {totals}>\n\
         {cases}  </testsuite>\n\
         </testsuites>\n"
    )
}

fn test_case(report: &Report) -> String {
    let name = escaped(&format!("{} {}", report.method, report.url));
    let mut out = String::new();
    let seconds = seconds(report);
    let _ = writeln!(out, "    <testcase classname=\"sse-argo-tester\" name=\"{name}\" time=\"{seconds:.3}\">");
    if let Some(trouble) = trouble_of(report) {
        let element = if trouble == Trouble::Failure { "failure" } else { "error" };
        let verdict = &report.verdict;
        let (message, kind) = (escaped(&verdict.summary()), verdict.verdict.as_str());
        let details: Vec<String> =
            verdict.findings.iter().map(|finding| format!("{}\n{}\n", finding.text(), finding.advice())).collect();
        let details = escaped_lines(&details.join("\n"));
        let _ = writeln!(out, "      <{element} message=\"{message}\" type=\"{kind}\">{details}</{element}>");
    }
    let _ = writeln!(out, "      <system-out>{}</system-out>", escaped_lines(&text(report, PLAIN)));
    out += "    </testcase>\n";
    out
}

fn trouble_of(report: &Report) -> Option<Trouble> {
    match report.verdict.verdict {
        Judgement::RealTime => None,
        Judgement::Unreachable | Judgement::NotSse | Judgement::Inconclusive => Some(Trouble::Error),
        _ => Some(Trouble::Failure),
    }
}

/// How long it took: until the last stream's end, or as far as the request went.
fn seconds(report: &Report) -> f64 {
    let streams = report.streams.iter();
    let from_us = streams.clone().map(|stream| stream.requested_us).min();
    let until_us = streams.map(|stream| stream.requested_us.saturating_add(stream.lasted_us())).max();
    let streamed_ms = from_us.zip(until_us).map(|(from, until)| until.saturating_sub(from) as f64 / 1e3);
    let timing = report.timing;
    let steps =
        [timing.dns, timing.connect, timing.tls, timing.head, timing.first_byte, timing.first_event, streamed_ms];
    steps.into_iter().flatten().filter(|ms| ms.is_finite()).fold(0.0, f64::max) / 1e3
}

/// Character data on one line.
fn escaped(text: &str) -> String {
    escaped_lines(&text.replace('\n', "\\n"))
}

/// Character data. What XML 1.0 forbids (section 2.2, <https://www.w3.org/TR/xml/#charsets>) is spelled out, and so is
/// what a reader would change: carriage returns, and tabs in attributes.
fn escaped_lines(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\n' => out.push(c),
            '\u{fffe}' | '\u{ffff}' => out.extend(c.escape_unicode()),
            c if c.is_control() => out.extend(c.escape_default()),
            c => out.push(c),
        }
    }
    out
}
