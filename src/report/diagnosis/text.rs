//! A diagnosis for people: on one screen.

use std::fmt::Write;

use super::{Diagnosed, Row};
use crate::report::Report;
use crate::report::Style;
use crate::report::text::{difference, one_word};
use crate::report::text_builder::{Span, TextBuilder, Tone, cut, left, shortened, width};
use crate::report::words;
use crate::verdict::diagnosis::{Advice, Explanation};
use crate::verdict::{Finding, Judgement, Severity, representative};

/// Between the two columns of the matrix.
const GUTTER: usize = 2;
/// More findings are not told.
const FINDINGS_MOST: usize = 2;
/// Columns of the words at the left of sentences.
const LABEL: usize = 8;

/// The diagnosis as text. Its last line is for grep, and whole however long it is:
/// `VERDICT <verdict> hold=<kind> cause=<id|none> cure=<id|none> [idle_cut_s=N] [lifetime_cut_s=N] url=<url>`.
pub fn text(diagnosed: &Diagnosed, style: Style) -> String {
    let mut page = TextBuilder::new(style);
    head(&mut page, diagnosed);
    body(&mut page, diagnosed);
    page.gap();
    page.whole_line(&last_line(diagnosed));
    page.into_text()
}

/// What came of the variants, and what follows from it.
pub(in crate::report) fn body(page: &mut TextBuilder, diagnosed: &Diagnosed) {
    matrix(page, diagnosed);
    page.gap();
    what_and_why(page, diagnosed);
    cure(page, diagnosed);
    for note in &diagnosed.diagnosis.notes {
        labelled(page, "note", Tone::Bold, &note.text(), Tone::Plain);
    }
}

/// What was asked, and who is in between.
pub(in crate::report) fn head(page: &mut TextBuilder, diagnosed: &Diagnosed) {
    let url = shortened(&diagnosed.url, page.columns());
    page.line(&[Span::new(&url, Tone::Bold)]);
    if let Some(hop) = diagnosed.plain().and_then(|row| row.report.hop.as_ref()) {
        let evidence = hop.evidence.join("; ");
        let line = shortened(&format!("through {} ({evidence})", hop.name), 2 * page.columns());
        page.paragraph(&line, Tone::Plain);
    }
}

/// A mark for each variant, in two columns.
fn matrix(page: &mut TextBuilder, diagnosed: &Diagnosed) {
    page.gap();
    let rows: Vec<&Row> = diagnosed.variants.iter().filter(|row| !row.is_plain && !row.is_useless_pair()).collect();
    let names = rows.iter().map(|row| width(&row.id)).max().unwrap_or(0).min(page.columns() / 4);
    let columns = (page.columns() - GUTTER) / 2;
    let half = rows.len().div_ceil(2);
    for n in 0..half {
        let mut spans = Vec::new();
        for row in [Some(rows[n]), rows.get(half + n).copied()].into_iter().flatten() {
            if !spans.is_empty() {
                spans.push(Span::new(&" ".repeat(GUTTER), Tone::Plain));
            }
            let (mark, tone) = mark(row);
            let name = left(&cut(&row.id, names), names);
            let outcome = cut(&outcome(row), columns - names - 3);
            let outcome = if spans.is_empty() { left(&outcome, columns - names - 3) } else { outcome };
            spans.push(Span::new(&format!("{mark} "), tone));
            spans.push(Span::new(&format!("{name} "), Tone::Bold));
            spans.push(Span::new(&outcome, Tone::Plain));
        }
        page.line(&spans);
    }
}

/// What a variant looks like: a mark, and a colour that says the same.
pub(in crate::report) fn mark(row: &Row) -> (&'static str, Tone) {
    match row.report.verdict.verdict {
        _ if row.was_let_be() => words::mark(Judgement::RealTime),
        _ if row.is_refused => words::mark(Judgement::Inconclusive),
        verdict => words::mark(verdict),
    }
}

fn status(row: &Row) -> String {
    row.report.response.as_ref().map(|response| format!(" {}", response.status)).unwrap_or_default()
}

/// What came of a variant, in a few words.
pub(in crate::report) fn outcome(row: &Row) -> String {
    let verdict = &row.report.verdict;
    let streams = |report: &Report| report.verdict.verdict == Judgement::RealTime;
    let word = verdict.verdict.as_str();
    if row.was_let_be() {
        return "not cut".to_owned();
    }
    if row.is_refused {
        return format!("refused{}", status(row));
    }
    let number = match verdict.verdict {
        Judgement::RealTime => {
            representative(&row.report.streams).and_then(|stream| stream.lag).map(|lag| words::time(lag.p99.max(0.0)))
        }
        Judgement::NotSse => return word.to_owned() + &status(row),
        _ => {
            let bytes = verdict.hold.bytes.map(|bytes| format!("{bytes} B"));
            bytes.or(verdict.hold.ms.map(|ms| words::time(ms as f64)))
        }
    };
    let number = number.map(|number| format!(" {number}")).unwrap_or_default();
    match &row.again {
        Some(again) if streams(again) != streams(&row.report) => {
            format!("{word}, then {}", again.verdict.verdict.as_str())
        }
        Some(_) if streams(&row.report) => format!("{word}, twice"),
        _ => word.to_owned() + &number,
    }
}

/// Sentences behind a word.
pub(in crate::report) fn labelled(page: &mut TextBuilder, label: &str, tone: Tone, text: &str, text_tone: Tone) {
    page.wrapped(Span::new(&format!("{label:LABEL$}"), tone), LABEL, text, text_tone);
}

fn what_and_why(page: &mut TextBuilder, diagnosed: &Diagnosed) {
    let Some(plain) = diagnosed.plain() else { return };
    let verdict = &plain.report.verdict;
    let (mark, tone) = words::mark(verdict.verdict);
    let word = Span::new(&format!("{mark} {}: ", verdict.verdict.as_str()), tone);
    let summary = verdict.summary();
    page.wrapped(word, 2, &summary, Tone::Bold);
    if let Some(other) = &diagnosed.against {
        let text = format!("{}: {}", shortened(&other.url, page.columns() / 2), difference(verdict, &other.verdict));
        labelled(page, "against", Tone::Bold, &text, Tone::Plain);
    }
    let why = diagnosed.diagnosis.cause.as_ref().map(Explanation::text);
    if let Some(why) = why.as_ref().filter(|why| **why != summary) {
        labelled(page, "why", Tone::Bold, why, Tone::Plain);
    }
    for finding in telling(diagnosed) {
        let text = finding.text();
        if text != summary && why.as_ref() != Some(&text) {
            labelled(page, "", Tone::Plain, &text, Tone::Plain);
        }
        labelled(page, "try", Tone::Bold, finding.advice(), Tone::Plain);
    }
}

/// What is no event stream, or was cut, has no cures to be tried: then the findings say what to do.
pub(in crate::report) fn telling(diagnosed: &Diagnosed) -> impl Iterator<Item = &Finding> {
    let has_cure = diagnosed.diagnosis.remedies.iter().any(|remedy| remedy.works != Some(false));
    let findings = diagnosed.plain().into_iter().flat_map(|plain| &plain.report.verdict.findings);
    let findings = findings.filter(|finding| finding.severity() != Severity::Info);
    findings.take(if has_cure { 0 } else { FINDINGS_MOST })
}

/// What helps: the least, what else works, and what the cure book knows.
fn cure(page: &mut TextBuilder, diagnosed: &Diagnosed) {
    let diagnosis = &diagnosed.diagnosis;
    let remedies = &diagnosis.remedies;
    let smallest = remedies.iter().find(|remedy| Some(&remedy.id) == diagnosis.smallest.as_ref());
    if let Some(smallest) = smallest {
        labelled(page, "cure", Tone::Good, &format!("{}{}", smallest.id, proof(diagnosed, &smallest.id)), Tone::Bold);
        for id in &smallest.changes {
            line(page, id.line());
            labelled(page, "", Tone::Plain, id.text(), Tone::Plain);
        }
    }
    let others =
        remedies.iter().filter(|remedy| remedy.works == Some(true) && Some(&remedy.id) != diagnosis.smallest.as_ref());
    let others: Vec<&str> = others.map(|remedy| remedy.id.as_str()).collect();
    if !others.is_empty() {
        labelled(page, "also", Tone::Bold, &others.join(", "), Tone::Plain);
    }
    let Some(configured) = remedies.iter().find(|remedy| remedy.works.is_none() && remedy.is_configuration()) else {
        return;
    };
    let word = match smallest {
        // It may take one change for each part.
        Some(smallest) if smallest.changes.len() > 1 => "partly",
        Some(_) => "or",
        None => "try",
    };
    match diagnosis.advice.as_slice() {
        [] => labelled(page, word, Tone::Bold, &configured.text(&[]), Tone::Plain),
        several => several.iter().for_each(|advice| advised(page, word, advice)),
    }
}

/// How a cure was proven.
pub(in crate::report) fn proof(diagnosed: &Diagnosed, id: &str) -> String {
    let Some(again) = diagnosed.variants.iter().find(|row| row.id == id).and_then(|row| row.again.as_ref()) else {
        return String::new();
    };
    let events: u64 = again.streams.iter().map(|stream| stream.counts.received).sum();
    let lag = representative(&again.streams).and_then(|stream| stream.lag);
    let lag = lag.map(|lag| format!(", 99 % within {}", words::time(lag.p99))).unwrap_or_default();
    format!(" — proven: streamed twice, the second time {events} events{lag}")
}

fn advised(page: &mut TextBuilder, word: &str, advice: &Advice) {
    let seems = if advice.is_seen { "" } else { " (what else does just this)" };
    labelled(page, word, Tone::Bold, &format!("{}{seems}, {}:", advice.product, advice.place), Tone::Plain);
    for text in advice.lines {
        line(page, text);
    }
    if let Some(text) = advice.text {
        labelled(page, "", Tone::Plain, text, Tone::Plain);
    }
    let source = advice.source;
    let from = measured(advice).or_else(|| source.url.clone()).unwrap_or_default();
    labelled(page, "", Tone::Plain, &format!("({}; {from}, {})", advice.why, source.checked), Tone::Dim);
}

/// What the book's words for a product were measured with, if they were.
pub(in crate::report) fn measured(advice: &Advice) -> Option<String> {
    advice.source.versions.as_deref().map(|versions| format!("measured with {versions}"))
}

/// A line to be typed.
fn line(page: &mut TextBuilder, text: &str) {
    page.wrapped(Span::new(&" ".repeat(LABEL + 2), Tone::Plain), LABEL + 4, text, Tone::Good);
}

/// The line for grep.
pub(in crate::report) fn last_line(diagnosed: &Diagnosed) -> String {
    let diagnosis = &diagnosed.diagnosis;
    let Some(plain) = diagnosed.plain() else { return String::new() };
    let verdict = &plain.report.verdict;
    let cause = diagnosis.cause.as_ref().map_or("none", |why| why.cause.id());
    let cure = diagnosis.smallest.as_deref().unwrap_or("none");
    let mut line = format!(
        "VERDICT {} hold={} cause={cause} cure={cure}",
        verdict.verdict.as_str(),
        words::kind(verdict.hold.kind)
    );
    for (name, seconds) in [("idle_cut_s", diagnosis.idle_cut_s), ("lifetime_cut_s", diagnosis.lifetime_cut_s)] {
        if let Some(seconds) = seconds {
            let _ = write!(line, " {name}={seconds:.1}");
        }
    }
    let _ = write!(line, " url={}", one_word(&diagnosed.url));
    line
}
