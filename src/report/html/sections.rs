//! Sections of a report: what was seen of one measurement, and of the path beside it.

use serde_json::Value;

use super::figure::{self, Scale, Size};
use super::markup::Markup;
use super::parts::{ITEMS_MOST, VALUE_MOST, badge, facts, head, scrolling, severity, tone};
use super::secrets::{shown, without_query};
use crate::report::{Report, table};
use crate::stats::Summary;
use crate::verdict::{Judgement, representative};

/// Whose measurement it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// That of a probe.
    Probe,
    /// That of a diagnosis' plain variant.
    PlainVariant,
}

impl Whose {
    fn says(self, probe: &'static str, plain: &'static str) -> &'static str {
        if self == Whose::Probe { probe } else { plain }
    }
}

/// Who is in between, and what says so.
pub(super) fn who(page: &mut Markup, report: &Report) {
    let Some(hop) = &report.hop else { return };
    page.element("section", &[("class", "card")], |page| {
        page.leaf("h2", &[], "Who is in between");
        page.leaf("p", &[], &hop.name);
        page.element("ul", &[], |page| {
            for evidence in hop.evidence.iter().take(ITEMS_MOST) {
                page.element("li", &[], |page| {
                    page.element("code", &[], |page| page.text_up_to(VALUE_MOST, evidence));
                });
            }
        });
    });
}

/// This path and the other one, side by side.
pub(super) fn against(page: &mut Markup, url: &str, this: &Report, other: &Report) {
    page.element("section", &[("class", "card")], |page| {
        page.leaf("h2", &[], "The two paths");
        scrolling(page, "The two paths", "Measured at the same time.", |page| {
            head(page, &["", "this path", "the other path"]);
            page.element("tbody", &[], |page| {
                let named = |page: &mut Markup, name: &str, cells: &dyn Fn(&mut Markup)| {
                    page.element("tr", &[], |page| {
                        page.leaf("th", &[("scope", "row")], name);
                        cells(page);
                    });
                };
                named(page, "URL", &|page| {
                    [url, &other.url].iter().for_each(|url| page.leaf("td", &[("class", "url")], url));
                });
                named(page, "verdict", &|page| {
                    for report in [this, other] {
                        page.element("td", &[], |page| badge(page, report.verdict.verdict));
                    }
                });
                for (name, cells) in table::compared(this, other) {
                    named(page, name, &|page| cells.iter().for_each(|cell| page.leaf("td", &[], cell)));
                }
            });
        });
    });
}

/// The streams, and what there is to say about them.
pub(super) fn streams(page: &mut Markup, report: &Report, whose: Whose) {
    let Report { streams, verdict, .. } = report;
    if streams.is_empty() && verdict.findings.is_empty() {
        return;
    }
    page.element("section", &[("class", "card")], |page| {
        page.leaf("h2", &[], whose.says("What was found", "What was found with the plain variant"));
        let cells = table::cells(streams);
        if let Some((names, rows)) = cells.split_first().filter(|(_, rows)| !rows.is_empty()) {
            let caption = match rows {
                [_] => whose.says("The stream.", "Its stream."),
                _ => "Streams of different pace at the same time: what they have in common tells bytes from time.",
            };
            scrolling(page, whose.says("The streams", "The plain variant's streams"), caption, |page| {
                head(page, &names.each_ref().map(String::as_str));
                page.element("tbody", &[], |page| rows.iter().for_each(|row| stream(page, row)));
            });
        }
        page.element("ul", &[("class", "findings")], |page| {
            for finding in verdict.findings.iter().take(ITEMS_MOST) {
                let (mark, class) = severity(finding);
                page.element("li", &[], |page| {
                    page.leaf("b", &[("class", class)], mark);
                    page.text(" ");
                    page.text(&finding.text());
                    page.leaf("small", &[("class", "muted")], &format!("→ {}", finding.advice()));
                });
            }
        });
    });
}

fn stream(page: &mut Markup, [name, numbers @ .., end]: &[String; 7]) {
    page.element("tr", &[], |page| {
        page.leaf("th", &[("scope", "row")], name);
        numbers.iter().for_each(|number| page.leaf("td", &[], number));
        page.leaf("td", &[], end);
    });
}

/// The head of the response.
pub(super) fn response(page: &mut Markup, report: &Report, whose: Whose) {
    let Some(response) = &report.response else { return };
    page.element("section", &[("class", "card")], |page| {
        page.leaf("h2", &[], whose.says("The response", "The plain variant's response"));
        for url in response.redirects.iter().take(ITEMS_MOST / 3) {
            page.element("p", &[], |page| {
                page.text("redirected by ");
                page.text_up_to(VALUE_MOST, without_query(url));
            });
        }
        page.leaf("p", &[], &format!("{} · {}", response.status, response.http));
        let headers = response.headers.iter().map(|(name, value)| (name.as_str(), shown(name, value)));
        facts(page, headers);
    });
}

/// What our origin saw of the request. It hides what may be a secret itself.
pub(super) fn origin_saw(page: &mut Markup, report: &Report, whose: Whose) {
    let Some(Value::Object(saw)) = &report.origin_saw else { return };
    page.element("section", &[("class", "card")], |page| {
        let heading =
            whose.says("What the origin saw of the request", "What the origin saw of the plain variant's request");
        page.leaf("h2", &[], heading);
        let known = ["method", "target", "http", "peer"].into_iter();
        facts(page, known.filter_map(|name| Some((name, saw.get(name)?.as_str()?.to_owned()))));
        let headers = saw.get("headers").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let pairs = headers.iter().filter_map(|pair| Some((pair.get(0)?.as_str()?, pair.get(1)?.as_str()?)));
        let mut pairs = pairs.map(|(name, value)| (name, shown(name, value))).peekable();
        if pairs.peek().is_some() {
            page.leaf("h3", &[], "Header fields, in order");
            facts(page, pairs);
        }
    });
}

/// Reports, each by its name, on one scale.
pub(super) fn charts(page: &mut Markup, reports: &[(String, &Report)]) {
    let streams = reports
        .iter()
        .filter_map(|(whose, report)| Some((whose, report.verdict.verdict, representative(&report.streams)?)));
    let streams: Vec<(&String, Judgement, &Summary)> = streams.collect();
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
