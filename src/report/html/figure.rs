//! Charts: how late the events of a stream were, and when each was sent and came.
//!
//! Each is a picture of its own: text and lines keep their size, whatever the width; only what is measured is stretched.

use std::fmt::Write;

use super::markup::Markup;
use crate::report::words;
use crate::stats::{Ending, Origin, Summary};
use crate::verdict::WITHIN_US;

/// Units of the plane on which data are drawn, in either direction. It is stretched to whatever space there is.
const UNITS: f64 = 1000.0;
/// A mark's text behind this would not fit if the mark were in its middle.
const LAST: f64 = 970.0;
/// Bars are so narrow that this many fit.
const BARS_LEAST: f64 = 12.0;
/// Something came, be it without any lag: it shows.
const BAR_LEAST: f64 = 0.02;
/// A linear scale of lags goes up to this at least, so that noise looks small, in milliseconds.
const TOP_LEAST_MS: f64 = WITHIN_US as f64 / 1e3;
/// A logarithmic scale of lags begins here and goes up to the other at least, in milliseconds.
const DECADES_MS: (f64, f64) = (1.0, 1000.0);
/// A scale of events that came together goes up to this at least, so that one looks small.
const TOGETHER_LEAST: f64 = 8.0;
/// The time of a stream that ended too early is drawn up to so many times what was seen of it.
const UNSEEN_MOST: f64 = 3.0;

/// How large a chart is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Size {
    /// One of many: what is drawn is comparable from chart to chart, over four orders of magnitude.
    Small,
    /// To look closely: twice as late is twice as high.
    Large,
}

/// A scale of lags, the same for several charts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    top_ms: f64,
    is_log: bool,
    /// How long the axis of time is at least.
    until_ms: f64,
}

/// What there is to draw of a stream. Times are milliseconds since the request.
struct Plot {
    /// When, and how much: the lag in milliseconds of an event by when it was sent, or how many came together then.
    bars: Vec<(f64, f64)>,
    /// When each event was sent and when it came, if that is known.
    ways: Vec<(f64, f64)>,
    /// Time from one event to the next, as it was asked for.
    interval_ms: f64,
    until_ms: f64,
    is_stamped: bool,
    /// Somebody ended it too early.
    cut: Option<(Ending, f64)>,
}

/// Round numbers along an axis.
struct Axis {
    step_ms: f64,
    steps: usize,
    /// The axis ends there, be it between two of them.
    end_ms: f64,
}

impl Size {
    /// Bars and lines of one chart, at most.
    fn most(self) -> usize {
        match self {
            Size::Small => 80,
            Size::Large => 300,
        }
    }

    /// Marks along the axes, at most: of time, of lags.
    fn marks(self) -> (usize, usize) {
        match self {
            Size::Small => (2, 2),
            Size::Large => (5, 4),
        }
    }

    fn class(self) -> &'static str {
        match self {
            Size::Small => "small",
            Size::Large => "large",
        }
    }
}

impl Scale {
    /// Twice the lag is twice as high: for one chart, or a few, with one axis of time.
    pub(super) fn linear(streams: &[&Summary]) -> Scale {
        let axis = Axis::round(longest_ms(streams).max(TOP_LEAST_MS), Size::Large.marks().1);
        let until_ms = streams.iter().map(|stream| Plot::of(stream).until_ms).fold(0.0, f64::max);
        Scale { top_ms: axis.end_ms, is_log: false, until_ms }
    }

    /// Ten times the lag is one step higher: for many.
    pub(super) fn logarithmic(streams: &[&Summary]) -> Scale {
        let decade = longest_ms(streams).max(DECADES_MS.1).log10().ceil();
        Scale { top_ms: 10_f64.powf(decade), is_log: true, until_ms: 0.0 }
    }

    /// How high a lag stands, from 0 to 1.
    fn share(self, ms: f64) -> f64 {
        let share = if self.is_log {
            (ms.max(DECADES_MS.0) / DECADES_MS.0).log10() / (self.top_ms / DECADES_MS.0).log10()
        } else {
            ms / self.top_ms
        };
        share.clamp(0.0, 1.0)
    }

    /// Where marks are.
    fn marks(self, most: usize) -> Vec<f64> {
        if self.is_log {
            return vec![DECADES_MS.0, TOP_LEAST_MS, self.top_ms];
        }
        Axis::round(self.top_ms, most).marks().collect()
    }
}

fn longest_ms(streams: &[&Summary]) -> f64 {
    let samples = streams.iter().flat_map(|stream| &stream.samples);
    samples.map(|sample| sample.lag_us as f64 / 1e3).fold(0.0, f64::max)
}

impl Axis {
    /// With at most so many steps.
    fn upto(end_ms: f64, most: usize) -> Axis {
        let end_ms = end_ms.clamp(1.0, 1e18);
        let decade = 10_f64.powf((end_ms / most as f64).log10().floor());
        let steps = |step: f64| (end_ms / step + 1e-9).floor() as usize;
        let step_ms = [1.0, 2.0, 5.0, 10.0, 20.0].map(|times| times * decade);
        let step_ms = step_ms.into_iter().find(|step| steps(*step) <= most).unwrap_or(end_ms);
        Axis { step_ms, steps: steps(step_ms), end_ms }
    }

    /// With at most so many steps, ending at one of them.
    fn round(end_ms: f64, most: usize) -> Axis {
        let axis = Axis::upto(end_ms, most);
        let steps = (axis.end_ms / axis.step_ms - 1e-9).ceil().max(1.0);
        Axis { steps: steps as usize, end_ms: steps * axis.step_ms, ..axis }
    }

    fn marks(&self) -> impl Iterator<Item = f64> + '_ {
        (0..=self.steps).map(|n| n as f64 * self.step_ms)
    }

    fn x(&self, ms: f64) -> f64 {
        (ms / self.end_ms).clamp(0.0, 1.0) * UNITS
    }
}

impl Plot {
    fn of(stream: &Summary) -> Plot {
        let ms = |at_us: i64| at_us.saturating_sub(stream.requested_us) as f64 / 1e3;
        let is_stamped = is_stamped(stream);
        let (bars, ways): (Vec<_>, Vec<_>) = if is_stamped {
            let samples = stream.samples.iter();
            let both = samples.map(|sample| {
                let sent_ms = ms(sample.sent_us).max(0.0);
                ((sent_ms, sample.lag_us as f64 / 1e3), (sent_ms, ms(sample.at_us).max(0.0)))
            });
            both.unzip()
        } else {
            let lumps = stream.lumps.iter().filter(|lump| lump.events > 0);
            (lumps.map(|lump| (ms(lump.at_us), lump.events as f64)).collect(), Vec::new())
        };
        let is_early = stream.end.is_theirs() && stream.end != Ending::Clean;
        let cut = stream.end_us.filter(|_| is_early).map(|at_us| (stream.end, ms(at_us)));
        let interval_ms = if is_stamped { stream.spec.interval_us as f64 / 1e3 } else { stream.gap.p50 };
        let interval_ms = if interval_ms.is_finite() { interval_ms.max(0.0) } else { 0.0 };
        let came_ms = ways.iter().map(|(_, at_ms)| *at_ms).chain(stream.end_us.map(ms)).fold(0.0, f64::max);
        // The last bar has as much space as the others.
        let bar_ms = interval_ms.min(came_ms / BARS_LEAST);
        let seen_ms = bars.iter().map(|(at_ms, _)| at_ms + bar_ms).fold(came_ms, f64::max);
        let planned_ms = stream.spec.planned_us().filter(|_| is_stamped).map_or(0.0, |us| us as f64 / 1e3);
        let until_ms = if bars.is_empty() { planned_ms } else { planned_ms.min(seen_ms * UNSEEN_MOST) };
        Plot { bars, ways, interval_ms, until_ms: until_ms.max(seen_ms), is_stamped, cut }
    }

    /// How late each event was, or how many came together.
    fn heights(&self, page: &mut Markup, axis: &Axis, scale: Scale, size: Size) {
        let together = self.bars.iter().map(|(_, events)| *events).fold(TOGETHER_LEAST, f64::max);
        if self.is_stamped {
            let marks = scale.marks(size.marks().1);
            marks.into_iter().for_each(|ms| across(page, scale.share(ms), &mark_text(ms)));
        } else {
            across(page, 0.0, "0");
            across(page, 1.0, &together.to_string());
        }
        upright(page, axis);
        plane(page, |page| {
            let share = |value: f64| if self.is_stamped { scale.share(value) } else { value / together };
            page.void("path", &[("class", "bars"), ("d", &self.bars(axis, size, share))]);
            if let Some((_, at_ms)) = self.cut {
                page.void("path", &[("class", "cut"), ("d", &format!("M{:.1} 0V1000", axis.x(at_ms)))]);
            }
        });
        if let Some((how, at_ms)) = self.cut.filter(|_| size == Size::Large) {
            let x = axis.x(at_ms) / UNITS * 100.0;
            let (dx, class) = if x > 50.0 { ("-6", "left") } else { ("6", "") };
            let attributes = [("x", &*format!("{x:.1}%")), ("y", "0"), ("dx", dx), ("dy", "1.2em"), ("class", class)];
            page.leaf("text", &attributes, words::end(how));
        }
        if self.bars.is_empty() {
            page.leaf("text", &[("x", "50%"), ("y", "50%"), ("class", "middle")], "no event came");
        }
    }

    /// Bars, of those that would stand in one place the highest.
    fn bars(&self, axis: &Axis, size: Size, share: impl Fn(f64) -> f64) -> String {
        let slot = UNITS / size.most() as f64;
        let least = if self.is_stamped { slot * 0.8 } else { UNITS / 120.0 };
        let width = (self.interval_ms / axis.end_ms * UNITS * 0.7).clamp(least, UNITS / BARS_LEAST);
        let mut highest: Vec<Option<(f64, f64)>> = vec![None; size.most()];
        for (at_ms, value) in &self.bars {
            let (x, share) = (axis.x(*at_ms), share(*value));
            let place = ((x / slot) as usize).min(highest.len() - 1);
            highest[place] = Some(highest[place].map_or((x, share), |(x, other)| (x, share.max(other))));
        }
        let mut path = String::new();
        for (x, share) in highest.into_iter().flatten() {
            let x = x.min(UNITS - width);
            let height = (share.max(BAR_LEAST) * UNITS).round();
            let _ = write!(path, "M{x:.1} 1000v-{height}h{width:.1}v{height}z");
        }
        path
    }

    /// A line from when each event was sent to when it came, and a mark there.
    fn ways(&self, axis: &Axis, size: Size) -> (String, String) {
        let (mut lines, mut marks) = (String::new(), String::new());
        let every = self.ways.len().div_ceil(size.most()).max(1);
        let mut last = None;
        for (n, (sent_ms, at_ms)) in self.ways.iter().enumerate() {
            let at = axis.x(*at_ms);
            if n % every == 0 {
                let _ = write!(lines, "M{:.1} 0L{at:.1} 800", axis.x(*sent_ms));
            }
            let place = (at / UNITS * 4.0 * size.most() as f64) as usize;
            if last.replace(place) != Some(place) && marks.len() < size.most() * 64 {
                let _ = write!(marks, "M{at:.1} 800V1000");
            }
        }
        (lines, marks)
    }
}

/// A round time at an axis: `0 s`, `500 ms`, `2 s`.
fn mark_text(ms: f64) -> String {
    let rounded = |number: f64| (number * 1e3).round() / 1e3;
    if ms > 0.0 && ms < 1000.0 { format!("{} ms", rounded(ms)) } else { format!("{} s", rounded(ms / 1e3)) }
}

/// Whether it is known when events were sent.
pub(super) fn is_stamped(stream: &Summary) -> bool {
    stream.origin == Origin::Ours && (!stream.samples.is_empty() || stream.counts.received == 0)
}

/// What a chart shows, for its title.
pub(super) fn title(stream: &Summary) -> String {
    if is_stamped(stream) {
        format!("lag of {}, by when they were sent", words::stream(stream))
    } else {
        "events that came together, by when they came".to_owned()
    }
}

/// What a chart shows, in words.
pub(super) fn description(stream: &Summary) -> String {
    let counts = words::share(stream.counts.received, stream.spec.count);
    let mut text = format!("{counts} events");
    if let Some(lag) = stream.lag {
        let [p50, p99, max] = [lag.p50, lag.p99, lag.max].map(words::time);
        let _ = write!(text, "; median lag {p50}, 99 % within {p99}, longest {max}");
    }
    if stream.bursts.largest > 1 {
        let _ = write!(text, "; at most {} came together", stream.bursts.largest);
    }
    if let Some((how, at_ms)) = Plot::of(stream).cut {
        let _ = write!(text, "; {} after {}", words::end(how), words::time(at_ms));
    }
    text
}

/// Draws a stream: how late its events were, and below it when each was sent and came; of those of another origin, how
/// many came together.
pub(super) fn draw(page: &mut Markup, whose: &str, stream: &Summary, scale: Scale, size: Size) {
    let plot = Plot::of(stream);
    let axis = Axis::upto(plot.until_ms.max(scale.until_ms), size.marks().0);
    let class = format!("{} {}", if plot.is_stamped { "lags" } else { "lags alone" }, size.class());
    picture(page, &class, &format!("{whose}: {}", title(stream)), &description(stream), |page| {
        plot.heights(page, &axis, scale, size);
        if !plot.is_stamped {
            times(page, &axis);
        }
    });
    if plot.is_stamped {
        let class = format!("ways {}", size.class());
        let title = format!("{whose}: when each event was sent, and when it came");
        picture(page, &class, &title, "a line for each event; lumps show as lines that meet", |page| {
            page.leaf("text", &[("x", "-6"), ("y", "0"), ("dy", ".8em"), ("class", "left")], "sent");
            page.leaf("text", &[("x", "-6"), ("y", "100%"), ("dy", "-.1em"), ("class", "left")], "came");
            upright(page, &axis);
            plane(page, |page| {
                let (lines, marks) = plot.ways(&axis, size);
                page.void("path", &[("class", "way"), ("d", &lines)]);
                page.void("path", &[("class", "mark"), ("d", &marks)]);
            });
            times(page, &axis);
        });
    }
}

fn picture(page: &mut Markup, class: &str, title: &str, description: &str, inside: impl FnOnce(&mut Markup)) {
    page.element("svg", &[("role", "img"), ("class", class)], |page| {
        page.leaf("title", &[], title);
        page.leaf("desc", &[], description);
        inside(page);
    });
}

/// What is inside is stretched over the whole picture.
fn plane(page: &mut Markup, inside: impl FnOnce(&mut Markup)) {
    let attributes =
        [("width", "100%"), ("height", "100%"), ("viewBox", "0 0 1000 1000"), ("preserveAspectRatio", "none")];
    page.element("svg", &attributes, inside);
}

/// A line at a height, and what it stands for.
fn across(page: &mut Markup, share: f64, text: &str) {
    let y = format!("{:.1}%", (1.0 - share) * 100.0);
    page.void("line", &[("x1", "0"), ("x2", "100%"), ("y1", &y), ("y2", &y)]);
    page.leaf("text", &[("x", "-6"), ("y", &y), ("dy", ".3em"), ("class", "left")], text);
}

/// A line at each round time.
fn upright(page: &mut Markup, axis: &Axis) {
    for ms in axis.marks() {
        let x = format!("{:.1}%", axis.x(ms) / UNITS * 100.0);
        page.void("line", &[("x1", &x), ("x2", &x), ("y1", "0"), ("y2", "100%")]);
    }
}

/// The round times, below the picture.
fn times(page: &mut Markup, axis: &Axis) {
    for ms in axis.marks() {
        let x = format!("{:.1}%", axis.x(ms) / UNITS * 100.0);
        let class = if axis.x(ms) > LAST { "right" } else { "middle" };
        page.leaf("text", &[("x", &x), ("y", "100%"), ("dy", "1.25em"), ("class", class)], &mark_text(ms));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_end_at_round_numbers() {
        let axis = |end_ms: f64| {
            let axis = Axis::round(end_ms, 5);
            (axis.end_ms, axis.steps)
        };
        assert_eq!(
            [0.0, 100.0, 101.0, 6000.0, 8130.0, 12_001.0].map(axis),
            [(1.0, 5), (100.0, 5), (120.0, 6), (6000.0, 3), (10_000.0, 5), (15_000.0, 3)]
        );
        assert!(Axis::upto(f64::MAX, 2).steps <= 2);
    }

    #[test]
    fn marks_have_units() {
        assert_eq!([0.0, 0.2, 50.0, 1000.0, 2500.0].map(mark_text), ["0 s", "0.2 ms", "50 ms", "1 s", "2.5 s"]);
    }
}
