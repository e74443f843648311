//! Numbers and enums as people read them.

use super::text_builder::Tone;
use crate::stats::{Clock, Ending, Origin, Summary};
use crate::verdict::{Hold, HoldKind, Judgement};

/// A time: `0.4 ms`, `204 ms`, `2.9 s`, `142 s`.
pub(super) fn time(ms: f64) -> String {
    match ms.abs() {
        abs if abs < 0.05 => "0 ms".to_owned(),
        abs if abs < 9.95 => format!("{ms:.1} ms"),
        abs if abs < 999.5 => format!("{ms:.0} ms"),
        abs if abs < 99_950.0 => format!("{:.1} s", ms / 1e3),
        _ => format!("{:.0} s", ms / 1e3),
    }
}

/// A time since the request.
pub(super) fn since(stream: &Summary, at_us: i64) -> String {
    time(at_us.saturating_sub(stream.requested_us) as f64 / 1e3)
}

/// What a stream consists of.
pub(super) fn stream(stream: &Summary) -> String {
    if stream.origin == Origin::Foreign {
        return "the origin's own events".to_owned();
    }
    let spec = &stream.spec;
    let what = if spec.size == 0 { "small events".to_owned() } else { format!("{} B", spec.size) };
    format!("{what} every {}", interval(spec.interval_us))
}

/// Intervals are round numbers: `1 s` rather than `1.0 s`.
fn interval(us: i64) -> String {
    if us > 0 && us % 1_000_000 == 0 { format!("{} s", us / 1_000_000) } else { time(us as f64 / 1e3) }
}

/// How many came, of how many if that is known.
pub(super) fn share(received: u64, expected: Option<u64>) -> String {
    expected.map_or_else(|| received.to_string(), |expected| format!("{received}/{expected}"))
}

/// How a stream ended.
pub(super) fn end(how: Ending) -> &'static str {
    match how {
        Ending::Ours => "by us",
        other => ending(other),
    }
}

/// The name of an ending.
pub(super) fn ending(how: Ending) -> &'static str {
    match how {
        Ending::Ours => "ours",
        Ending::Clean => "clean",
        Ending::Truncated => "truncated",
        Ending::Reset => "reset",
        Ending::IdleCut => "idle-cut",
        Ending::LifetimeCut => "lifetime-cut",
        Ending::None => "none",
    }
}

/// The name of a kind of hold.
pub(super) fn kind(kind: HoldKind) -> &'static str {
    match kind {
        HoldKind::None => "none",
        HoldKind::StartBytes => "start-bytes",
        HoldKind::StartTime => "start-time",
        HoldKind::Bytes => "bytes",
        HoldKind::Time => "time",
        HoldKind::Constant => "constant",
        HoldKind::OneEvent => "one-event",
        HoldKind::Close => "close",
        HoldKind::Unknown => "unknown",
    }
}

/// A hold with its numbers.
pub(super) fn hold(hold: &Hold) -> String {
    let bytes = hold.bytes.map(|bytes| format!(", {bytes} B")).unwrap_or_default();
    let ms = hold.ms.map(|ms| format!(", {}", time(ms as f64))).unwrap_or_default();
    format!("{}{bytes}{ms}", kind(hold.kind))
}

/// To three decimals.
pub(super) fn rounded(number: f64) -> f64 {
    (number * 1e3).round() / 1e3
}

/// How far the origin's clock is ahead of the probe's machine's, and by how much that may be wrong, in milliseconds.
pub(super) fn clock_ms(clock: &Clock, started_unix_us: i64) -> (f64, f64) {
    (clock.offset_us.saturating_sub(started_unix_us) as f64 / 1e3, clock.error_us as f64 / 1e3)
}

/// What a verdict looks like: a mark, and a colour that says the same.
pub(super) fn mark(judgement: Judgement) -> (&'static str, Tone) {
    match judgement {
        Judgement::RealTime => ("✓", Tone::Good),
        Judgement::Inconclusive => ("?", Tone::Doubt),
        _ => ("✗", Tone::Bad),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short() {
        let times = [0.0, -0.04, 0.4, -1.26, 204.4, 999.6, 2_940.0, 142_000.0].map(time);
        assert_eq!(times, ["0 ms", "0 ms", "0.4 ms", "-1.3 ms", "204 ms", "1.0 s", "2.9 s", "142 s"]);
        assert_eq!([20_000, 1_000_000, 1_500_000].map(interval), ["20 ms", "1 s", "1.5 s"]);
    }

    #[test]
    fn names_are_those_of_the_json() {
        use Ending::{Clean, IdleCut, LifetimeCut, None, Ours, Reset, Truncated};
        for how in [Ours, Clean, Truncated, Reset, IdleCut, LifetimeCut, None] {
            assert_eq!(serde_json::to_value(how).unwrap(), ending(how));
        }
        let kinds = [HoldKind::None, HoldKind::StartBytes, HoldKind::StartTime, HoldKind::Bytes, HoldKind::Time];
        let others = [HoldKind::Constant, HoldKind::OneEvent, HoldKind::Close, HoldKind::Unknown];
        for held in kinds.into_iter().chain(others) {
            assert_eq!(serde_json::to_value(held).unwrap(), kind(held));
        }
    }
}
