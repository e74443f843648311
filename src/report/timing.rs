//! When what happened to a request, as a bar.

use super::Timing;
use super::text_builder::{Span, TextBuilder, Tone, width};
use super::words::time;

/// Columns left of the bar.
pub(super) const LABEL: usize = 10;
/// Between two numbers.
const GUTTER: &str = "  ";

/// A step of a request, up to a time.
struct Step {
    name: &'static str,
    /// What the bar is filled with: higher from step to step.
    fill: char,
    tone: Tone,
    until_ms: f64,
}

/// The steps that were taken, as far as it went.
fn steps(timing: &Timing) -> Vec<Step> {
    let all = [
        ("dns", '▁', Tone::Dim, timing.dns),
        ("tcp", '▂', Tone::Plain, timing.connect),
        ("tls", '▃', Tone::Dim, timing.tls),
        ("head", '▄', Tone::Plain, timing.head),
        ("first byte", '▆', Tone::Bold, timing.first_byte),
        ("first event", '█', Tone::Plain, timing.first_event),
    ];
    let taken = all.into_iter().filter_map(|(name, fill, tone, until)| {
        let until_ms = until.filter(|ms| ms.is_finite() && *ms >= 0.0)?;
        Some(Step { name, fill, tone, until_ms })
    });
    taken.collect()
}

/// A bar in which each step is as long as it took, and below it when each was done.
pub(super) fn bar(page: &mut TextBuilder, timing: &Timing) {
    let steps = steps(timing);
    if steps.is_empty() {
        return;
    }
    let columns = page.columns() - LABEL;
    let bar = steps.iter().zip(lengths(&steps, columns));
    let bar = bar.map(|(step, length)| Span::new(&step.fill.to_string().repeat(length), step.tone));
    page.line(&std::iter::once(label("timing")).chain(bar).collect::<Vec<_>>());
    let (mut line, mut used) = (vec![label("")], 0);
    for step in &steps {
        let item = format!("{} {} {}", step.fill, step.name, time(step.until_ms));
        if used > 0 && used + GUTTER.len() + width(&item) > columns {
            page.line(&std::mem::replace(&mut line, vec![label("")]));
            used = 0;
        }
        let item = if used > 0 { format!("{GUTTER}{item}") } else { item };
        used += width(&item);
        line.push(Span::new(&item, step.tone));
    }
    page.line(&line);
}

/// What stands left of a line.
pub(super) fn label(text: &str) -> Span {
    Span::new(&format!("{text:LABEL$}"), Tone::Dim)
}

/// How many columns each step takes.
fn lengths(steps: &[Step], columns: usize) -> Vec<usize> {
    let total_ms = steps.iter().map(|step| step.until_ms).fold(f64::MIN_POSITIVE, f64::max);
    let mut done = 0;
    let length = |(n, step): (usize, &Step)| {
        // Every step shows, be it ever so short.
        let rest = steps.len() - n - 1;
        let until = (step.until_ms / total_ms * columns as f64).round() as usize;
        let until = until.max(done + 1).min(columns - rest);
        until - std::mem::replace(&mut done, until)
    };
    steps.iter().enumerate().map(length).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_as_long_as_they_took() {
        let timing = Timing { connect: Some(10.0), head: Some(50.0), first_byte: Some(100.0), ..Timing::default() };
        assert_eq!(lengths(&steps(&timing), 10), [1, 4, 5]);
        let timing = Timing { connect: Some(0.0), head: Some(100.0), first_byte: Some(100.0), ..timing };
        assert_eq!(lengths(&steps(&timing), 10), [1, 8, 1]);
    }

    #[test]
    fn a_request_without_any_time_fills_nothing() {
        let timing = Timing { dns: Some(0.0), connect: Some(0.0), tls: Some(f64::NAN), ..Timing::default() };
        assert_eq!(lengths(&steps(&timing), 10), [1, 1]);
        assert!(steps(&Timing::default()).is_empty());
    }
}
