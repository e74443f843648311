//! Prose: the only place where reasons, findings and causes become sentences.

mod advice;
mod cause;
mod detail;
mod note;
mod reason;
mod remedy;
mod watched;

use std::time::Duration;

use crate::stats::Ending;
use crate::verdict::detail::Pace;

/// A time as people read it: `204 ms`, `2.9 s`.
fn time(us: i64) -> String {
    if us < 1_000_000 { format!("{} ms", (us + 500) / 1000) } else { format!("{:.1} s", us as f64 / 1e6) }
}

/// The same of a duration.
fn span(span: Duration) -> String {
    time(i64::try_from(span.as_micros()).unwrap_or(i64::MAX))
}

/// A number of events as people read it.
fn events(count: u64) -> String {
    if count == 1 { "1 event".to_owned() } else { format!("{count} events") }
}

/// Streams as they were asked for.
fn streams(paces: &[Pace]) -> String {
    let of = |Pace { size, interval_us }: &Pace| {
        let data = if *size == 0 { "small events".to_owned() } else { format!("events of {size} bytes") };
        format!("{data} every {}", time(*interval_us))
    };
    paces.iter().map(of).collect::<Vec<_>>().join(" and ")
}

/// How a stream ended too early.
fn broke_off(how: Ending) -> &'static str {
    if how == Ending::Reset { "the connection was reset" } else { "the body broke off" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short() {
        assert_eq!([time(204_400), time(999_000), time(2_940_000)], ["204 ms", "999 ms", "2.9 s"]);
        assert_eq!(span(Duration::from_millis(2_940)), "2.9 s");
    }
}
