//! The tables.

use std::fmt::Write;

use crate::figures::{Figures, METRICS, Metric, median};
use crate::markdown::{number, ratio, table as markdown};
use crate::server::Kind;

/// The rounds of one server with one number of streams.
pub(crate) struct Results {
    pub(crate) kind: Kind,
    pub(crate) streams: usize,
    pub(crate) rounds: Vec<Figures>,
}

impl Results {
    fn value(&self, metric: &Metric) -> f64 {
        median(self.rounds.iter().map(metric.value).collect())
    }
}

/// All figures of one number of streams, the servers side by side. With two of them, the last column is the first
/// one's share of the second.
pub(crate) fn table(results: &[Results]) -> String {
    let mut header = vec!["figure".to_owned()];
    header.extend(results.iter().map(|result| result.kind.to_string()));
    if let [first, second] = results {
        header.push(format!("{}/{}", first.kind, second.kind));
    }
    let mut rows = vec![header];
    for metric in METRICS {
        let values: Vec<f64> = results.iter().map(|result| result.value(metric)).collect();
        let mut row = vec![metric.name.to_owned()];
        row.extend(values.iter().map(|&value| number(value, metric.decimals)));
        if let [first, second] = values[..] {
            row.push(ratio(first, second));
        }
        rows.push(row);
    }
    markdown(&rows)
}

/// The main figures of all numbers of streams, one server a line, in `results`' order, and a line of ratios where
/// there are two.
pub(crate) fn combined(results: &[Results]) -> String {
    let shown = || METRICS.iter().filter_map(|metric| Some((metric, metric.short?)));
    let mut header = vec!["streams".to_owned(), "server".to_owned()];
    header.extend(shown().map(|(_, short)| short.to_owned()));
    let mut rows = vec![header];
    for group in results.chunk_by(|one, next| one.streams == next.streams) {
        for result in group {
            let mut row = vec![result.streams.to_string(), result.kind.to_string()];
            row.extend(shown().map(|(metric, _)| number(result.value(metric), metric.decimals)));
            rows.push(row);
        }
        if let [first, second] = group {
            let mut row = vec![first.streams.to_string(), format!("{}/{}", first.kind, second.kind)];
            row.extend(shown().map(|(metric, _)| ratio(first.value(metric), second.value(metric))));
            rows.push(row);
        }
    }
    markdown(&rows)
}

/// Everything that went wrong, loudly; empty if nothing did.
pub(crate) fn faults(results: &[Results]) -> String {
    let mut text = String::new();
    for result in results {
        for fault in result.rounds.iter().flat_map(|figures| &figures.faults) {
            writeln!(text, "*** FAULT: {} with {} streams: {fault}", result.kind, result.streams)
                .expect("a String takes all");
        }
    }
    text
}
