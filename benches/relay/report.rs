//! The table.

use crate::markdown::{self, number, ratio};
use crate::measure::{Figures, Rounds};
use crate::path::Path;

/// One column: its heading, decimals, and what it shows of a path's rounds.
type Column = (&'static str, usize, fn(&Rounds) -> f64);

const LATENCIES: [Column; 4] = [
    ("latency p50 ms", 3, |rounds| rounds.of(|f| f.lag_ms.p50)),
    ("p99", 3, |rounds| rounds.of(|f| f.lag_ms.p99)),
    ("added p50 ms", 3, |rounds| rounds.added(|f| f.lag_ms.p50)),
    ("added p99 ms", 3, |rounds| rounds.added(|f| f.lag_ms.p99)),
];
const COSTS: [Column; 3] = [
    ("CPU ms / 1000 events", 1, |rounds| of_relay(rounds, |f| f.cpu_ms_per_1000)),
    ("PSS KiB / stream", 1, |rounds| of_relay(rounds, |f| f.pss_kib_per_stream)),
    ("idle PSS MiB", 1, |rounds| of_relay(rounds, |f| f.idle_pss_mib)),
];
const LEAVING: [Column; 2] = [
    ("client gone p50 ms", 2, |rounds| rounds.of(|f| f.left_ms.p50)),
    ("max", 2, |rounds| rounds.of(|f| f.left_ms.max)),
];

/// The rounds of each number of streams, a path a line, and behind them what ours is of each other relay.
pub(crate) fn table(all: &[(usize, Vec<Rounds>)]) -> String {
    let columns: Vec<Column> = LATENCIES.into_iter().chain(COSTS).chain(LEAVING).collect();
    let mut header = vec!["streams".to_owned(), "path".to_owned()];
    header.extend(columns.iter().map(|(heading, ..)| (*heading).to_owned()));
    let mut rows = vec![header];
    for (streams, results) in all {
        for rounds in results {
            let mut row = vec![streams.to_string(), rounds.path.to_string()];
            row.extend(columns.iter().map(|(_, decimals, value)| shown(rounds, value(rounds), *decimals)));
            rows.push(row);
        }
        let Some(ours) = results.iter().find(|rounds| rounds.path == Path::Ours) else { continue };
        for other in results.iter().filter(|rounds| matches!(rounds.path, Path::Nginx | Path::Haproxy)) {
            let mut row = vec![streams.to_string(), format!("ours/{}", other.path)];
            row.extend(columns.iter().map(|(_, _, value)| ratio(value(ours), value(other))));
            rows.push(row);
        }
    }
    markdown::table(&rows)
}

fn shown(rounds: &Rounds, value: f64, decimals: usize) -> String {
    // The direct path adds nothing to itself, by definition.
    if rounds.path == Path::Direct && value == 0.0 { "-".to_owned() } else { number(value, decimals) }
}

/// Without a relay there is none to cost anything.
fn of_relay(rounds: &Rounds, value: fn(&Figures) -> f64) -> f64 {
    if rounds.path == Path::Direct { f64::NAN } else { rounds.of(value) }
}
