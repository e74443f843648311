//! What else was seen of the plain variant, and of the path beside it.

use serde_json::Value;

use super::markup::Markup;
use super::matrix::{head, scrolling};
use super::secrets::{shown, without_query};
use super::{ITEMS_MOST, Row, badge, severity};
use crate::report::{Report, table};

/// More characters of a field's name, and of its value, are not shown.
const NAME_MOST: usize = 60;
const VALUE_MOST: usize = 300;

/// Who is in between, and what says so.
pub(super) fn who(page: &mut Markup, plain: &Row) {
    let Some(hop) = &plain.report.hop else { return };
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

/// The streams of the plain variant, and what there is to say about them.
pub(super) fn streams(page: &mut Markup, plain: &Row) {
    let Report { streams, verdict, .. } = &plain.report;
    if streams.is_empty() && verdict.findings.is_empty() {
        return;
    }
    page.element("section", &[("class", "card")], |page| {
        page.leaf("h2", &[], "What was found with the plain variant");
        let cells = table::cells(streams);
        if let Some((names, rows)) = cells.split_first().filter(|(_, rows)| !rows.is_empty()) {
            let caption = match rows {
                [_] => "Its stream.",
                _ => "Streams of different pace at the same time: what they have in common tells bytes from time.",
            };
            scrolling(page, "The plain variant's streams", caption, |page| {
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

/// The head of the plain variant's response.
pub(super) fn response(page: &mut Markup, plain: &Row) {
    let Some(response) = &plain.report.response else { return };
    page.element("section", &[("class", "card")], |page| {
        page.leaf("h2", &[], "The plain variant's response");
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

/// What our origin saw of the plain variant's request. It hides what may be a secret itself.
pub(super) fn origin_saw(page: &mut Markup, plain: &Row) {
    let Some(Value::Object(saw)) = &plain.report.origin_saw else { return };
    page.element("section", &[("class", "card")], |page| {
        page.leaf("h2", &[], "What the origin saw of the plain variant's request");
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

/// Names and values.
fn facts<'a>(page: &mut Markup, facts: impl Iterator<Item = (&'a str, String)>) {
    let mut facts = facts.take(ITEMS_MOST).peekable();
    if facts.peek().is_none() {
        return;
    }
    page.element("dl", &[], |page| {
        for (name, value) in facts {
            page.element("dt", &[], |page| page.text_up_to(NAME_MOST, name));
            page.element("dd", &[], |page| page.text_up_to(VALUE_MOST, &value));
        }
    });
}
