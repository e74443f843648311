//! A stream over time: how late its events came, or how many came together.

use super::page::{Page, Span, Tone, left, right, width};
use super::timing::LABEL;
use super::words::{self, since, time};
use crate::stats::{Origin, Summary};
use crate::verdict::WITHIN_US;

/// Lines of a chart, of one that stays in its lower half, and of one without a bar.
const HEIGHTS: [usize; 3] = [4, 2, 1];
/// A column of a chart with few values is at most so wide.
const COLUMN_MOST: usize = 8;
/// Lags are drawn on a scale that goes up to this at least, so that noise looks small.
const LAG_LEAST_US: i64 = WITHIN_US;
/// Counts of events that came together are drawn on a scale that goes up to this at least, so that one looks small.
const TOGETHER_LEAST: u64 = 8;
/// Less after the request is a delay of the path.
const AT_ONCE_US: u64 = 100_000;
/// Eighths of a line.
const EIGHTHS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// What is drawn in one column.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Column {
    /// A bar, as a share of the scale.
    Bar(f64),
    /// Events of this time are lost: later ones came.
    Lost,
    /// Nothing came.
    Nothing,
}

/// A chart without its place on a page.
#[derive(Debug)]
struct Chart {
    title: String,
    columns: Vec<Column>,
    /// The scale's upper end; the lower one is 0.
    top: String,
    bottom: &'static str,
    /// The ends of the axis of time.
    from: String,
    to: String,
}

/// Draws lags if they are known, else arrivals. `whose` path it is stands in front of the title.
pub(super) fn draw(page: &mut Page, whose: &str, stream: &Summary, tone: Tone) {
    let most = page.columns() - LABEL;
    let is_stamped = stream.origin == Origin::Ours && (!stream.samples.is_empty() || stream.counts.received == 0);
    let chart = if is_stamped { lags(stream, most) } else { arrivals(stream, most) };
    let Some(chart) = chart else { return };
    page.gap();
    page.paragraph(&format!("{whose}{}", chart.title), Tone::Dim);
    chart.put(page, tone);
}

/// The longest lag of the events that were sent at each time. Nothing to draw if nobody knows how many were to come.
fn lags(stream: &Summary, most: usize) -> Option<Chart> {
    let samples = &stream.samples;
    let last_seq = samples.iter().map(|sample| sample.seq).max();
    let events = stream.spec.count.or(last_seq)?.saturating_add(1);
    let slots = usize::try_from(events).map_or(most, |events| events.min(most));
    let slot = |seq: u64| (u128::from(seq.min(events - 1)) * slots as u128 / u128::from(events)) as usize;
    let mut longest: Vec<Option<i64>> = vec![None; slots];
    for sample in samples {
        let longest = &mut longest[slot(sample.seq)];
        *longest = (*longest).max(Some(sample.lag_us));
    }
    let top_us = longest.iter().flatten().copied().fold(LAG_LEAST_US, i64::max);
    let last_slot = last_seq.map(slot);
    let columns = longest.iter().enumerate().map(|(n, lag_us)| match lag_us {
        Some(lag_us) => Column::Bar(*lag_us as f64 / top_us as f64),
        None if last_slot.is_some_and(|last| n < last) => Column::Lost,
        None => Column::Nothing,
    });
    let what = if stream.lag.is_some() || samples.is_empty() { "lag of" } else { "lag behind the fastest of" };
    let first_us = samples.iter().map(|sample| sample.sent_us).min().unwrap_or(stream.requested_us);
    let last_us = samples.iter().map(|sample| sample.sent_us).max().unwrap_or(first_us);
    Some(Chart {
        title: format!("{what} {}, by when they were sent", words::stream(stream)),
        columns: widened(columns, slots, most),
        top: time(top_us as f64 / 1e3),
        bottom: "0 ms",
        from: start(stream, first_us),
        to: since(stream, stream.spec.planned_us().map_or(last_us, |planned| first_us.saturating_add(planned))),
    })
}

/// The most events that came together at each time.
fn arrivals(stream: &Summary, most: usize) -> Option<Chart> {
    let lumps = || stream.lumps.iter().filter(|lump| lump.events > 0);
    let until_us = lumps().map(|lump| lump.at_us).max().max(stream.end_us)?;
    let from_us = stream.requested_us;
    let span_us = until_us.saturating_sub(from_us).max(1);
    // So long that events which come evenly leave none empty.
    let slot_us = (span_us as f64 / most as f64).max(2.0 * stream.gap.p50 * 1e3);
    let slots = ((span_us as f64 / slot_us).ceil() as usize).clamp(1, most);
    let mut largest = vec![0; slots];
    for lump in lumps() {
        let slot = (lump.at_us.saturating_sub(from_us) as f64 / slot_us) as usize;
        let largest = &mut largest[slot.min(slots - 1)];
        *largest = lump.events.max(*largest);
    }
    let top = largest.iter().copied().fold(TOGETHER_LEAST, u64::max);
    let columns = largest.iter().map(|events| match events {
        0 => Column::Nothing,
        events => Column::Bar(*events as f64 / top as f64),
    });
    Some(Chart {
        title: "events that came together, by when they came".to_owned(),
        columns: widened(columns, slots, most),
        top: top.to_string(),
        bottom: "0",
        from: start(stream, from_us),
        to: since(stream, from_us.saturating_add(span_us)),
    })
}

/// The left end of the axis: what is sent at once is sent at 0.
fn start(stream: &Summary, at_us: i64) -> String {
    let is_at_once = at_us.abs_diff(stream.requested_us) < AT_ONCE_US;
    if is_at_once { "0 s".to_owned() } else { since(stream, at_us) }
}

/// Few columns are drawn wider.
fn widened(columns: impl Iterator<Item = Column>, slots: usize, most: usize) -> Vec<Column> {
    let wide = (most / slots.max(1)).clamp(1, COLUMN_MOST);
    columns.flat_map(|column| std::iter::repeat_n(column, wide)).collect()
}

impl Chart {
    fn put(&self, page: &mut Page, tone: Tone) {
        let height = self.height();
        for line in (0..height).rev() {
            let label = match line {
                0 if height > 1 => self.bottom,
                line if height > 1 && line + 1 == height => &self.top,
                _ => "",
            };
            let mut spans = vec![Span::new(&format!("{} │", right(label, LABEL - 2)), Tone::Dim)];
            spans.extend(self.line(line, height, tone));
            page.line(&spans);
        }
        let between = self.columns.len().saturating_sub(width(&self.to));
        let axis = format!("{}{}{}", " ".repeat(LABEL), left(&self.from, between.max(width(&self.from) + 1)), self.to);
        page.line(&[Span::new(&axis, Tone::Dim)]);
        let marks = [(Column::Lost, "× lost"), (Column::Nothing, "· nothing came")];
        let marks = marks.into_iter().filter(|(column, _)| self.columns.contains(column)).map(|(_, text)| text);
        let marks = marks.collect::<Vec<_>>().join("   ");
        if !marks.is_empty() {
            page.line(&[Span::new(&format!("{}{marks}", " ".repeat(LABEL)), Tone::Dim)]);
        }
    }

    fn height(&self) -> usize {
        let shares = self.columns.iter().filter_map(|column| match column {
            Column::Bar(share) => Some(*share),
            Column::Lost | Column::Nothing => None,
        });
        let [high, low, none] = HEIGHTS;
        shares.reduce(f64::max).map_or(none, |most| if most > 0.5 { high } else { low })
    }

    /// One line of it, counted from the bottom, in pieces of one tone.
    fn line(&self, line: usize, height: usize, tone: Tone) -> Vec<Span> {
        let mut pieces: Vec<(String, Tone)> = Vec::new();
        for column in &self.columns {
            let (c, tone) = match column {
                Column::Bar(share) => (eighths(*share, line, height), tone),
                Column::Lost if line == 0 => ('×', Tone::Bad),
                Column::Nothing if line == 0 => ('·', Tone::Dim),
                Column::Lost | Column::Nothing => (' ', tone),
            };
            match pieces.last_mut() {
                Some((text, last)) if *last == tone => text.push(c),
                _ => pieces.push((c.to_string(), tone)),
            }
        }
        if let Some((text, _)) = pieces.last_mut() {
            text.truncate(text.trim_end().len());
        }
        pieces.iter().map(|(text, tone)| Span::new(text, *tone)).collect()
    }
}

/// What a bar fills of a line. Something came, be it without any lag: it shows.
fn eighths(share: f64, line: usize, height: usize) -> char {
    let filled = ((share * (8 * height) as f64).round() as usize).max(1);
    EIGHTHS[filled.saturating_sub(8 * line).min(8)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_fill_lines_from_below() {
        let column = |share| [3, 2, 1, 0].map(|line| eighths(share, line, 4)).iter().collect::<String>();
        assert_eq!(column(0.0), "   ▁");
        assert_eq!(column(-1.0), "   ▁");
        assert_eq!(column(0.5), "  ██");
        assert_eq!(column(0.53), " ▁██");
        assert_eq!(column(1.0), "████");
    }
}
