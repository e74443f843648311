//! A diagnosis as one page to be passed on: everything in one file, no script, nothing fetched.

mod details;
mod figure;
mod markup;
mod matrix;
mod secrets;

use super::text::{mark, measured, outcome, proof, telling};
use super::{Diagnosed, Row};
use crate::SERVER_NAME;
use crate::report::Report;
use crate::report::text::difference;
use crate::report::text_builder::Tone;
use crate::report::words;
use crate::stats::Summary;
use crate::timestamp::{RFC3339_LEN, write_rfc3339};
use crate::verdict::diagnosis::{Advice, Explanation, Note, Remedy};
use crate::verdict::{Finding, Judgement, Severity, representative};
use figure::{Scale, Size};
use markup::Markup;

/// How the page looks.
const STYLE: &str = include_str!("html/style.css");
/// The SHA-256 of that, in base64: a browser applies this style and no other. A test tells what it has to be.
const STYLE_SHA256: &str = "OO8vJcQjm6dGMdQZXxKwwDsgfOoiHhleZDhCjlk7YY4=";

/// Of a list that a server may make long, so many are shown.
const ITEMS_MOST: usize = 30;
/// More characters of the URL are not shown.
const URL_MOST: usize = 2000;

/// The diagnosis as a page: HTML that is well-formed XML too, with everything that it needs inside.
///
/// Whatever a server said is text in it. What may be a secret is left out: credentials in URLs, values of cookies and of
/// fields that carry tokens. It takes less than 1 MB.
pub fn html(diagnosed: &Diagnosed) -> String {
    let mut page = Markup::default();
    page.verbatim("<!DOCTYPE html>");
    page.element("html", &[("lang", "en")], |page| {
        head(page, diagnosed);
        page.element("body", &[], |page| body(page, diagnosed));
    });
    page.into_text() + "\n"
}

fn head(page: &mut Markup, diagnosed: &Diagnosed) {
    page.element("head", &[], |page| {
        let policy =
            format!("default-src 'none'; style-src 'sha256-{STYLE_SHA256}'; base-uri 'none'; form-action 'none'");
        page.void("meta", &[("charset", "utf-8")]);
        page.void("meta", &[("http-equiv", "Content-Security-Policy"), ("content", &policy)]);
        page.void("meta", &[("name", "viewport"), ("content", "width=device-width, initial-scale=1")]);
        page.void("meta", &[("name", "color-scheme"), ("content", "light dark")]);
        page.void("meta", &[("name", "referrer"), ("content", "no-referrer")]);
        let verdict = diagnosed.plain().map_or("", |row| row.report.verdict.verdict.as_str());
        page.leaf("title", &[], &format!("{verdict}: {}", diagnosed.url));
        page.element("style", &[], |page| page.verbatim(STYLE));
    });
}

fn body(page: &mut Markup, diagnosed: &Diagnosed) {
    page.element("header", &[], |page| {
        page.leaf("p", &[("class", "muted")], "Do Server-Sent Events arrive in real time?");
        page.element("h1", &[], |page| page.text_up_to(URL_MOST, &diagnosed.url));
        if let Some(plain) = diagnosed.plain() {
            measured_when(page, &plain.report, diagnosed);
        }
    });
    page.element("main", &[], |page| {
        let Some(plain) = diagnosed.plain() else { return };
        what_and_why(page, diagnosed, plain);
        cure(page, diagnosed);
        notes(page, &diagnosed.diagnosis.notes);
        charts(page, diagnosed, plain);
        details::who(page, plain);
        if let Some(other) = &diagnosed.against {
            details::against(page, &diagnosed.url, &plain.report, other);
        }
        matrix::table(page, &diagnosed.variants);
        matrix::small_multiples(page, &diagnosed.variants);
        details::streams(page, plain);
        details::response(page, plain);
        details::origin_saw(page, plain);
    });
}

fn measured_when(page: &mut Markup, report: &Report, diagnosed: &Diagnosed) {
    let first_us = report.streams.iter().map(|stream| stream.requested_us).min().unwrap_or(0);
    let unix_us = u64::try_from(report.started_unix_us.saturating_add(first_us)).unwrap_or(0);
    let mut time = [0; RFC3339_LEN];
    write_rfc3339(&mut time, unix_us);
    let time = String::from_utf8_lossy(&time).into_owned();
    page.element("p", &[("class", "muted")], |page| {
        page.text("Measured on ");
        let shown = format!("{} at {} UTC", &time[..10], &time[11..19]);
        page.leaf("time", &[("datetime", &time)], &shown);
        let took = words::time(diagnosed.took.as_secs_f64() * 1e3);
        let variants = diagnosed.variants.iter().filter(|row| !row.is_plain).count();
        let plural = if variants == 1 { "" } else { "s" };
        page.text(&format!(" in {took}, {variants} variant{plural}, with {SERVER_NAME}"));
    });
}

fn what_and_why(page: &mut Markup, diagnosed: &Diagnosed, plain: &Row) {
    let verdict = &plain.report.verdict;
    let summary = verdict.summary();
    page.element("section", &[("class", &format!("card verdict {}", tone(verdict.verdict)))], |page| {
        page.element("h2", &[], |page| {
            badge(page, verdict.verdict);
            page.text(" ");
            page.leaf("span", &[], &summary);
        });
        let why = diagnosed.diagnosis.cause.as_ref().map(Explanation::text);
        if let Some(why) = why.filter(|why| *why != summary) {
            labelled(page, "Why", &why);
        }
        for finding in telling(diagnosed) {
            let text = finding.text();
            if text != summary {
                page.leaf("p", &[], &text);
            }
            labelled(page, "Try", finding.advice());
        }
        if let Some(other) = &diagnosed.against {
            labelled(page, "Against", &format!("{}: {}", other.url, difference(verdict, &other.verdict)));
        }
    });
}

/// What a verdict looks like: a mark and a word on the colour that says the same.
fn badge(page: &mut Markup, judgement: Judgement) {
    marked(page, words::mark(judgement), judgement.as_str());
}

/// The same with another word.
fn marked(page: &mut Markup, (mark, tone): (&str, Tone), word: &str) {
    page.leaf("strong", &[("class", &format!("badge {}", class(tone)))], &format!("{mark} {word}"));
}

/// The class of what has a verdict.
fn tone(judgement: Judgement) -> &'static str {
    class(words::mark(judgement).1)
}

fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "good",
        Tone::Doubt => "doubt",
        _ => "bad",
    }
}

fn labelled(page: &mut Markup, label: &str, text: &str) {
    page.element("p", &[], |page| {
        page.leaf("b", &[], label);
        page.text(": ");
        page.text(text);
    });
}

/// What helps: the least, what else works, and what the cure book knows.
fn cure(page: &mut Markup, diagnosed: &Diagnosed) {
    let diagnosis = &diagnosed.diagnosis;
    let is_smallest = |remedy: &&Remedy| Some(&remedy.id) == diagnosis.smallest.as_ref();
    let smallest = diagnosis.remedies.iter().find(is_smallest);
    let works = diagnosis.remedies.iter().filter(|remedy| remedy.works == Some(true) && !is_smallest(remedy));
    let others: Vec<&Remedy> = works.collect();
    let in_general = diagnosis.remedies.iter().find(|remedy| remedy.works.is_none() && remedy.is_configuration());
    if smallest.is_none() && others.is_empty() && in_general.is_none() {
        return;
    }
    page.element("section", &[("class", "card")], |page| {
        page.leaf("h2", &[], "What helps");
        if let Some(smallest) = smallest {
            page.element("h3", &[], |page| {
                page.text("The smallest cure: ");
                page.leaf("code", &[], &smallest.id);
            });
            for change in &smallest.changes {
                page.leaf("pre", &[("class", "line")], change.line());
                page.leaf("p", &[("class", "muted")], change.text());
            }
            let proof = proof(diagnosed, &smallest.id);
            if let Some(proof) = proof.strip_prefix(" — ") {
                page.leaf("p", &[("class", "good")], &format!("✓ {proof}"));
            }
        }
        also(page, &others);
        if let Some(in_general) = in_general {
            configured(page, &diagnosis.advice, in_general, smallest.is_some());
        }
    });
}

fn also(page: &mut Markup, others: &[&Remedy]) {
    if others.is_empty() {
        return;
    }
    page.leaf("h3", &[], "Works too, and was seen twice");
    page.element("ul", &[], |page| {
        for other in others {
            page.element("li", &[], |page| {
                page.leaf("code", &[], &other.id);
                page.text(" ");
                page.leaf("small", &[], &other.text(&[]));
            });
        }
    });
}

/// What somebody can do who configures what is in between.
fn configured(page: &mut Markup, advice: &[Advice], in_general: &Remedy, is_cured: bool) {
    page.leaf("h3", &[], if is_cured { "Or in what is in between" } else { "To try, in what is in between" });
    if advice.is_empty() {
        page.leaf("p", &[], &in_general.text(&[]));
    }
    for advice in advice {
        let seems = if advice.is_seen { "" } else { " (what else does just this)" };
        page.leaf("p", &[], &format!("{}{seems}, {}:", advice.product, advice.place));
        if !advice.lines.is_empty() {
            page.element("pre", &[("class", "line")], |page| lines(page, advice.lines));
        }
        if let Some(text) = advice.text {
            page.leaf("p", &[], text);
        }
        page.element("p", &[("class", "muted")], |page| source(page, advice));
    }
}

fn lines(page: &mut Markup, lines: &[String]) {
    for (n, line) in lines.iter().enumerate() {
        if n > 0 {
            page.verbatim("\n");
        }
        page.text(line);
    }
}

fn source(page: &mut Markup, advice: &Advice) {
    page.text(&format!("{}; ", advice.why));
    if let Some(measured) = measured(advice) {
        page.text(&measured);
    }
    if let Some(url) = &advice.source.url {
        page.text(if advice.source.versions.is_some() { ", see " } else { "see " });
        page.leaf("a", &[("href", url), ("rel", "noreferrer")], url);
    }
    if let Some(section) = &advice.source.section {
        page.text(&format!(" ({section})"));
    }
    page.text(&format!(", {}", advice.source.checked));
}

fn notes(page: &mut Markup, notes: &[Note]) {
    if notes.is_empty() {
        return;
    }
    page.element("section", &[("class", "card")], |page| {
        page.leaf("h2", &[], "Notes");
        page.element("ul", &[], |page| {
            notes.iter().take(ITEMS_MOST).for_each(|note| page.leaf("li", &[], &note.text()));
        });
    });
}

/// The plain variant, the other path, and the smallest cure, on one scale.
fn charts(page: &mut Markup, diagnosed: &Diagnosed, plain: &Row) {
    let cured = diagnosed.variants.iter().find(|row| Some(&row.id) == diagnosed.diagnosis.smallest.as_ref());
    let again = cured.and_then(|row| Some((row.id.as_str(), row.again.as_ref()?)));
    let again = again.map(|(id, report)| (format!("{id}, the second time"), report));
    let other = diagnosed.against.as_ref().map(|report| ("the other path".to_owned(), report));
    let all = [Some(("plain".to_owned(), &plain.report)), other, again];
    let streams = all
        .into_iter()
        .flatten()
        .filter_map(|(whose, report)| Some((whose, report.verdict.verdict, representative(&report.streams)?)));
    let streams: Vec<(String, Judgement, &Summary)> = streams.collect();
    if streams.is_empty() {
        return;
    }
    let scale = Scale::linear(&streams.iter().map(|(_, _, stream)| *stream).collect::<Vec<_>>());
    page.element("section", &[("class", "card")], |page| {
        page.leaf("h2", &[], "Events over time");
        for (whose, judgement, stream) in &streams {
            page.element("figure", &[("class", tone(*judgement))], |page| {
                page.element("figcaption", &[], |page| {
                    page.leaf("b", &[], whose);
                    page.text(" ");
                    badge(page, *judgement);
                    page.text(" ");
                    page.leaf("span", &[], &figure::title(stream));
                    page.leaf("small", &[("class", "muted")], &figure::description(stream));
                });
                figure::draw(page, whose, stream, scale, Size::Large);
            });
        }
        if streams.iter().any(|(_, _, stream)| figure::is_stamped(stream)) {
            let how = "Below each chart, a line leads from when an event was sent to when it came: upright lines are events \
                       in real time, lines that meet are events that came together.";
            page.leaf("p", &[("class", "muted")], how);
        }
    });
}

/// How bad a finding is.
fn severity(finding: &Finding) -> (&'static str, &'static str) {
    match finding.severity() {
        Severity::Info => ("i", "muted"),
        Severity::Warn => ("!", "doubt"),
        Severity::Fail => ("✗", "bad"),
    }
}
