//! Parts that sections of a report consist of.

use super::markup::Markup;
use crate::report::text_builder::Tone;
use crate::report::words;
use crate::verdict::{Finding, Judgement, Severity};

/// Of a list that a server may make long, so many are shown.
pub(super) const ITEMS_MOST: usize = 30;
/// More characters of a field's name, and of its value, are not shown.
const NAME_MOST: usize = 60;
pub(super) const VALUE_MOST: usize = 300;

/// What a verdict looks like: a mark and a word on the colour that says the same.
pub(super) fn badge(page: &mut Markup, judgement: Judgement) {
    marked(page, words::mark(judgement), judgement.as_str());
}

/// The same with another word.
pub(super) fn marked(page: &mut Markup, (mark, tone): (&str, Tone), word: &str) {
    page.leaf("strong", &[("class", &format!("badge {}", class(tone)))], &format!("{mark} {word}"));
}

/// The class of what has a verdict.
pub(super) fn tone(judgement: Judgement) -> &'static str {
    class(words::mark(judgement).1)
}

pub(super) fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "good",
        Tone::Doubt => "doubt",
        _ => "bad",
    }
}

pub(super) fn labelled(page: &mut Markup, label: &str, text: &str) {
    page.element("p", &[], |page| {
        page.leaf("b", &[], label);
        page.text(": ");
        page.text(text);
    });
}

/// How bad a finding is.
pub(super) fn severity(finding: &Finding) -> (&'static str, &'static str) {
    match finding.severity() {
        Severity::Info => ("i", "muted"),
        Severity::Warn => ("!", "doubt"),
        Severity::Fail => ("✗", "bad"),
    }
}

/// A table that may be wider than a phone.
pub(super) fn scrolling(page: &mut Markup, name: &str, caption: &str, inside: impl FnOnce(&mut Markup)) {
    let attributes = [("class", "scroll"), ("role", "region"), ("aria-label", name), ("tabindex", "0")];
    page.element("div", &attributes, |page| {
        page.element("table", &[], |page| {
            page.element("caption", &[], |page| page.leaf("span", &[], caption));
            inside(page);
        });
    });
}

/// The names of a table's columns.
pub(super) fn head(page: &mut Markup, names: &[&str]) {
    page.element("thead", &[], |page| {
        page.element("tr", &[], |page| {
            names.iter().for_each(|name| page.leaf("th", &[("scope", "col")], name));
        });
    });
}

/// Names and values.
pub(super) fn facts<'a>(page: &mut Markup, facts: impl Iterator<Item = (&'a str, String)>) {
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
