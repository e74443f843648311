//! A probe as a page.

use super::markup::Markup;
use super::parts::{badge, facts, labelled, tone};
use super::sections::{self, Whose};
use super::shell;
use crate::report::text::difference;
use crate::report::words::{self, time};
use crate::report::{Report, Timing};

/// The report as a page.
pub fn html(report: &Report) -> String {
    let title = format!("{}: {}", report.verdict.verdict.as_str(), report.url);
    shell::page(&title, |page| body(page, report))
}

fn body(page: &mut Markup, report: &Report) {
    shell::header(page, &report.url, |page| {
        let streams = report.streams.len();
        let plural = if streams == 1 { "" } else { "s" };
        shell::measured(page, report, &format!(", {} with {streams} stream{plural}", report.method));
    });
    page.element("main", &[], |page| {
        verdict(page, report);
        charts(page, report);
        sections::streams(page, report, Whose::Probe);
        times(page, report);
        sections::who(page, report);
        if let Some(other) = &report.against {
            sections::against(page, &report.url, report, other);
        }
        sections::response(page, report, Whose::Probe);
        sections::origin_saw(page, report, Whose::Probe);
    });
}

fn verdict(page: &mut Markup, report: &Report) {
    let verdict = &report.verdict;
    page.element("section", &[("class", &format!("card verdict {}", tone(verdict.verdict)))], |page| {
        page.element("h2", &[], |page| {
            badge(page, verdict.verdict);
            page.text(" ");
            page.leaf("span", &[], &verdict.summary());
        });
        labelled(page, "Hold", &words::hold(&verdict.hold));
        if let Some(finding) = verdict.findings.first() {
            labelled(page, "Try", finding.advice());
        }
        if let Some(other) = &report.against {
            labelled(page, "Against", &format!("{}: {}", other.url, difference(verdict, &other.verdict)));
        }
    });
}

fn charts(page: &mut Markup, report: &Report) {
    let other = report.against.as_deref();
    let own = if other.is_some() { "this path" } else { "the stream of small events" };
    let all = [Some((own.to_owned(), report)), other.map(|other| ("the other path".to_owned(), other))];
    sections::charts(page, &all.into_iter().flatten().collect::<Vec<_>>());
}

/// When what happened to the request, from its start.
fn times(page: &mut Markup, report: &Report) {
    let Timing { dns, connect, tls, head, first_byte, first_event } = report.timing;
    let steps = [
        ("name resolved", dns),
        ("connected", connect),
        ("TLS set up", tls),
        ("head of the response", head),
        ("first byte of the body", first_byte),
        ("first event", first_event),
    ];
    let known: Vec<(&str, String)> = steps.into_iter().filter_map(|(name, ms)| Some((name, time(ms?)))).collect();
    if known.is_empty() {
        return;
    }
    page.element("section", &[("class", "card")], |page| {
        page.leaf("h2", &[], "From the start of the request");
        facts(page, known.into_iter());
    });
}
