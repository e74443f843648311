//! A stream over time: how late its events came, or how many came together.

use super::text_builder::{Span, TextBuilder, Tone, left, right, width};
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
    /// Events of this time are lost: later ones came. Others may have come, with a bar.
    Lost(f64),
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
pub(super) fn draw(page: &mut TextBuilder, whose: &str, stream: &Summary, tone: Tone) {
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
    let lost = lost(stream, last_seq.unwrap_or(0), slots, slot);
    let columns = longest.iter().zip(lost).map(|(lag_us, is_lost)| match lag_us {
        lag_us if is_lost => Column::Lost(lag_us.unwrap_or(0) as f64 / top_us as f64),
        Some(lag_us) => Column::Bar(*lag_us as f64 / top_us as f64),
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

/// For each slot whether an event of it never came though one of a later slot did.
fn lost(stream: &Summary, last_seq: u64, slots: usize, slot: impl Fn(u64) -> usize) -> Vec<bool> {
    let mut seqs: Vec<u64> = stream.samples.iter().map(|sample| sample.seq).collect();
    seqs.sort_unstable();
    seqs.dedup();
    let mut is_lost = vec![false; slots];
    // Of a long stream not all events are known.
    let is_whole = stream.samples.len() as u64 >= stream.counts.received;
    let before = std::iter::once(None).chain(seqs.iter().map(|seq| Some(*seq)));
    for (before, seq) in before.zip(&seqs).filter(|_| is_whole) {
        let first = before.map_or(0, |before| before + 1);
        if first < *seq {
            is_lost[slot(first)..=slot(seq - 1)].fill(true);
        }
    }
    is_lost[slot(last_seq)..].fill(false);
    is_lost
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
    fn put(&self, page: &mut TextBuilder, tone: Tone) {
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
        let is_lost = self.columns.iter().any(|column| matches!(column, Column::Lost(_)));
        let is_nothing = self.columns.contains(&Column::Nothing);
        let marks = [(is_lost, "× lost"), (is_nothing, "· nothing came")].into_iter().filter(|(is_there, _)| *is_there);
        let marks = marks.map(|(_, text)| text).collect::<Vec<_>>().join("   ");
        if !marks.is_empty() {
            page.line(&[Span::new(&format!("{}{marks}", " ".repeat(LABEL)), Tone::Dim)]);
        }
    }

    fn height(&self) -> usize {
        let shares = self.columns.iter().filter_map(|column| match column {
            Column::Bar(share) | Column::Lost(share) => Some(*share),
            Column::Nothing => None,
        });
        let [high, low, none] = HEIGHTS;
        shares.reduce(f64::max).map_or(none, |most| if most > 0.5 { high } else { low })
    }

    /// One line of it, counted from the bottom, in pieces of one tone.
    fn line(&self, line: usize, height: usize, tone: Tone) -> Vec<Span> {
        let mut pieces: Vec<(String, Tone)> = Vec::new();
        for column in &self.columns {
            let (c, tone) = match column {
                Column::Lost(_) if line == 0 => ('×', Tone::Bad),
                Column::Bar(share) | Column::Lost(share) => (eighths(*share, line, height), tone),
                Column::Nothing if line == 0 => ('·', Tone::Dim),
                Column::Nothing => (' ', tone),
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

/// What a bar fills of a line. Something came, be it without any lag: it shows in the lowest one.
fn eighths(share: f64, line: usize, height: usize) -> char {
    let filled = ((share * (8 * height) as f64).round() as usize).max(1);
    EIGHTHS[filled.saturating_sub(8 * line).min(8)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::{Clock, Recorder, StreamSpec, What};

    #[test]
    fn bars_fill_lines_from_below() {
        let column = |share| [3, 2, 1, 0].map(|line| eighths(share, line, 4)).iter().collect::<String>();
        assert_eq!(column(0.0), "   ▁");
        assert_eq!(column(-1.0), "   ▁");
        assert_eq!(column(0.5), "  ██");
        assert_eq!(column(0.53), " ▁██");
        assert_eq!(column(1.0), "████");
    }

    #[test]
    fn lost_events_show_even_among_others() {
        let spec = StreamSpec { name: "S".to_owned(), interval_us: 10_000, size: 0, count: Some(99) };
        let mut recorder = Recorder::new(spec, Origin::Ours, 0);
        for seq in (1..=80).filter(|seq| ![20, 40, 41, 42].contains(seq)) {
            let at_us = seq as i64 * 10_000;
            recorder.read(at_us, seq * 100, seq * 100);
            recorder.event(What::Numbered { seq, sent_us: at_us, intact: true }, seq * 100 - 100, seq * 100);
        }
        let chart = lags(&recorder.summary(Some(&Clock::from_least_transit(0)), &[]), 50).unwrap();
        let letter = |column: &Column| match column {
            Column::Bar(_) => 'b',
            Column::Lost(_) => 'x',
            Column::Nothing => '.',
        };
        let line: String = chart.columns.iter().map(letter).collect();
        assert_eq!(line, format!("x{}x{}xx{}{}", "b".repeat(9), "b".repeat(9), "b".repeat(19), ".".repeat(9)));
    }
}
