//! A diagnosis as one page to be passed on: everything in one file, no script, nothing fetched.

use super::markup::Markup;
use super::parts::{ITEMS_MOST, badge, labelled, tone};
use super::sections::{self, Whose};
use super::{matrix, shell};
use crate::report::diagnosis::text::{measured, proof, telling};
use crate::report::diagnosis::{Diagnosed, Row};
use crate::report::text::difference;
use crate::report::words;
use crate::verdict::diagnosis::{Advice, Explanation, Note, Remedy};

/// The diagnosis as a page: HTML that is well-formed XML too, with everything that it needs inside.
///
/// Whatever a server said is text in it. What may be a secret is left out: credentials in URLs, values of cookies and of
/// fields that carry tokens. It takes less than 1 MB.
pub fn html(diagnosed: &Diagnosed) -> String {
    let verdict = diagnosed.plain().map_or("", |row| row.report.verdict.verdict.as_str());
    shell::page(&format!("{verdict}: {}", diagnosed.url), |page| body(page, diagnosed))
}

fn body(page: &mut Markup, diagnosed: &Diagnosed) {
    shell::header(page, &diagnosed.url, |page| {
        let Some(plain) = diagnosed.plain() else { return };
        let took = words::time(diagnosed.took.as_secs_f64() * 1e3);
        let variants = diagnosed.variants.iter().filter(|row| !row.is_plain).count();
        let plural = if variants == 1 { "" } else { "s" };
        shell::measured(page, &plain.report, &format!(" in {took}, {variants} variant{plural}"));
    });
    page.element("main", &[], |page| {
        let Some(plain) = diagnosed.plain() else { return };
        what_and_why(page, diagnosed, plain);
        cure(page, diagnosed);
        notes(page, &diagnosed.diagnosis.notes);
        charts(page, diagnosed, plain);
        sections::who(page, &plain.report);
        if let Some(other) = &diagnosed.against {
            sections::against(page, &diagnosed.url, &plain.report, other);
        }
        matrix::table(page, &diagnosed.variants);
        matrix::small_multiples(page, &diagnosed.variants);
        sections::streams(page, &plain.report, Whose::PlainVariant);
        sections::response(page, &plain.report, Whose::PlainVariant);
        sections::origin_saw(page, &plain.report, Whose::PlainVariant);
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
    let again = cured.and_then(|row| Some((format!("{}, the second time", row.id), row.again.as_ref()?)));
    let other = diagnosed.against.as_ref().map(|report| ("the other path".to_owned(), report));
    let all = [Some(("plain".to_owned(), &plain.report)), other, again];
    sections::charts(page, &all.into_iter().flatten().collect::<Vec<_>>());
}
