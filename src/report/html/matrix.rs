//! The variants: a table, and a chart of each.

use super::figure::{self, Scale, Size};
use super::markup::Markup;
use super::parts::{badge, head, marked, scrolling, tone};
use crate::report::diagnosis::Row;
use crate::report::diagnosis::text::{mark, outcome};
use crate::report::table::{self, UNKNOWN};
use crate::report::words::{self, time};
use crate::stats::Summary;
use crate::verdict::diagnosis::LATE_MS;
use crate::verdict::{CureId, HoldKind, representative};

/// More variants are not shown. There are about half as many.
const ROWS_MOST: usize = 64;

/// A line for each variant.
pub(super) fn table(page: &mut Markup, rows: &[Row]) {
    page.element("section", &[("class", "card")], |page| {
        page.leaf("h2", &[], "What was tried");
        let caption = "The same stream with one thing changed each time, or several: does it stream then?";
        scrolling(page, "What was tried", caption, |page| {
            let names = ["variant", "verdict", "hold", "lag p50", "p99", "max", "events", "end", "second time"];
            head(page, &names);
            page.element("tbody", &[], |page| rows.iter().take(ROWS_MOST).for_each(|row| line(page, row)));
        });
    });
}

fn line(page: &mut Markup, row: &Row) {
    let verdict = &row.report.verdict;
    page.element("tr", &[], |page| {
        page.element("th", &[("scope", "row"), ("class", "variant")], |page| {
            id(page, &row.id);
            page.leaf("small", &[("class", "muted")], &changes(&row.id));
        });
        if row.is_plain {
            page.leaf("td", &[("colspan", "8"), ("class", "muted")], "asks for the same as plain");
            return;
        }
        page.element("td", &[], |page| match () {
            () if row.was_let_be() || row.is_refused => marked(page, mark(row), &outcome(row)),
            () => badge(page, verdict.verdict),
        });
        let hold = &verdict.hold;
        let is_held = !matches!(hold.kind, HoldKind::None | HoldKind::Unknown);
        page.leaf("td", &[], &if is_held { words::hold(hold) } else { UNKNOWN.to_owned() });
        let stream = representative(&row.report.streams);
        let lag = stream.and_then(|stream| stream.lag).map(|lag| [lag.p50, lag.p99, lag.max].map(time));
        for lag in lag.unwrap_or([UNKNOWN; 3].map(str::to_owned)) {
            page.leaf("td", &[], &lag);
        }
        let events = stream.map(|stream| words::share(stream.counts.received, stream.spec.count));
        page.leaf("td", &[], &events.unwrap_or(UNKNOWN.to_owned()));
        page.leaf("td", &[], &stream.map_or(UNKNOWN.to_owned(), table::end));
        page.element("td", &[], |page| match &row.again {
            Some(again) => badge(page, again.verdict.verdict),
            None => page.text(UNKNOWN),
        });
    });
}

/// An id, which may be broken between the changes that it consists of.
fn id(page: &mut Markup, id: &str) {
    page.element("code", &[], |page| {
        for (n, part) in id.split('+').enumerate() {
            if n > 0 {
                page.text("+");
                page.void("wbr", &[]);
            }
            page.text(part);
        }
    });
}

/// What a variant changes, in a few words.
fn changes(id: &str) -> String {
    match id {
        "plain" => return "as it is".to_owned(),
        "late-byte" => return format!("a first byte {} late", time(f64::from(LATE_MS))),
        "early-byte" => return "a comment at once".to_owned(),
        "everything" => return "what helps on some paths, all at once".to_owned(),
        "everything-close" => return "the same, ended by the connection's end".to_owned(),
        "quiet" => return "nothing sent for a while".to_owned(),
        "heartbeat" => return "nothing sent for a while but comments".to_owned(),
        _ => {}
    }
    let change = |name: &str| CureId::ALL.iter().find(|id| id.as_str() == name).map(|id| id.line());
    id.split('+').filter_map(change).collect::<Vec<_>>().join(" + ")
}

/// A chart of each variant that was measured by itself, on one scale.
pub(super) fn small_multiples(page: &mut Markup, rows: &[Row]) {
    let measured = rows.iter().take(ROWS_MOST).filter(|row| !row.is_plain);
    let charted: Vec<(&Row, &Summary)> =
        measured.filter_map(|row| Some((row, representative(&row.report.streams)?))).collect();
    if charted.is_empty() {
        return;
    }
    let scale = Scale::logarithmic(&charted.iter().map(|(_, stream)| *stream).collect::<Vec<_>>());
    page.element("section", &[("class", "card")], |page| {
        page.leaf("h2", &[], "Each variant over time");
        let how = if charted.iter().any(|(_, stream)| figure::is_stamped(stream)) {
            "Lag of each event by when it was sent, on a logarithmic scale that all share; below, when each event was sent \
             and when it came."
        } else {
            "Events that came together, by when they came."
        };
        page.leaf("p", &[("class", "muted")], how);
        page.element("div", &[("class", "multiples")], |page| {
            for (row, stream) in &charted {
                let judgement = row.report.verdict.verdict;
                page.element("figure", &[("class", tone(judgement))], |page| {
                    page.element("figcaption", &[], |page| {
                        id(page, &row.id);
                        let mark = words::mark(judgement).0;
                        page.leaf("small", &[("class", "tone")], &format!("{mark} {}", outcome(row)));
                    });
                    figure::draw(page, &row.id, stream, scale, Size::Small);
                });
            }
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variant_says_what_it_changes() {
        use crate::verdict::diagnosis::Variant;
        let odd = [Variant::plain(), Variant::late_byte(), Variant::quiet(), Variant::heartbeat()];
        for variant in odd.into_iter().chain(Variant::singles()).chain(Variant::pairs()).chain(Variant::everything()) {
            assert!(!changes(&variant.id()).is_empty(), "{}", variant.id());
        }
        assert_eq!(changes("accel-no+post"), "X-Accel-Buffering: no + POST");
    }
}
