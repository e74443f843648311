//! Tables: of the streams, and of two paths side by side.

use super::text_builder::{Span, TextBuilder, Tone, left, right, shortened, width};
use super::words::{self, since, time};
use super::{Report, Timing};
use crate::stats::{Counts, Ending, Origin, Summary};
use crate::verdict;

/// Between two columns.
const GUTTER: usize = 2;
/// The same where it is narrow: numbers rarely fill their columns.
const NARROW_GUTTER: usize = 1;
/// Stands for what is not known.
pub(super) const UNKNOWN: &str = "–";
/// Columns for the names of what is compared.
const NAMES: usize = 13;

/// A line for each stream.
pub(super) fn streams(page: &mut TextBuilder, streams: &[Summary]) {
    if !streams.is_empty() {
        page.gap();
        put(page, &cells(streams));
    }
}

/// What stands in that table, its head first.
pub(super) fn cells(streams: &[Summary]) -> Vec<[String; 7]> {
    let is_quiet = |stream: &Summary| stream.counts.received == 0 && stream.origin == Origin::Ours;
    let is_stamped = streams.iter().any(|stream| stream.lag.is_some()) || streams.iter().all(is_quiet);
    let times = if is_stamped { ["lag p50", "p99", "max"] } else { ["gap p50", "p99", "max"] };
    let mut rows = vec![["stream", "events", times[0], times[1], times[2], "burst", "end"].map(str::to_owned)];
    rows.extend(streams.iter().map(|stream| row(stream, is_stamped)));
    rows
}

fn row(stream: &Summary, is_stamped: bool) -> [String; 7] {
    let gap = Some(stream.gap).filter(|_| stream.counts.received > 1).map(|gap| [gap.p50, gap.p99, gap.max]);
    let lag = stream.lag.map(|lag| [lag.p50, lag.p99, lag.max]);
    let times = if is_stamped { lag } else { gap };
    let [p50, p99, max] = times.map_or([UNKNOWN; 3].map(str::to_owned), |times| times.map(time));
    let burst = stream.bursts.largest.max(u64::from(stream.counts.received > 0)).to_string();
    let events = words::share(stream.counts.received, stream.spec.count);
    [words::stream(stream), events, p50, p99, max, burst, end(stream)]
}

/// How a stream ended, and when.
pub(super) fn end(stream: &Summary) -> String {
    match (stream.end, stream.end_us) {
        (Ending::None, _) => UNKNOWN.to_owned(),
        (how, None) => words::end(how).to_owned(),
        (how, Some(at_us)) => format!("{} {}", words::end(how), since(stream, at_us)),
    }
}

/// Names on the left, numbers on the right of their columns, the first row as head. Where that is too wide, names get a
/// line of their own.
fn put<const N: usize>(page: &mut TextBuilder, rows: &[[String; N]]) {
    let mut widths = [0; N];
    for row in rows {
        for (most, cell) in widths.iter_mut().zip(row) {
            *most = width(cell).max(*most);
        }
    }
    let columns = |gutter| widths.iter().sum::<usize>() + gutter * (N - 1);
    let is_narrow = columns(NARROW_GUTTER) > page.columns();
    let gutter = if !is_narrow && columns(GUTTER) > page.columns() { NARROW_GUTTER } else { GUTTER };
    let gutter = " ".repeat(gutter);
    for (n, row) in rows.iter().enumerate() {
        let tone = if n == 0 { Tone::Dim } else { Tone::Plain };
        let mut line = if is_narrow { String::new() } else { left(&row[0], widths[0]) };
        if is_narrow {
            page.line(&[Span::new(&row[0], tone)]);
        }
        for (cell, columns) in row.iter().zip(widths).take(N - 1).skip(1) {
            line += &gutter;
            line += &right(cell, columns);
        }
        line += &gutter;
        line += &row[N - 1];
        page.line(&[Span::new(&line, tone)]);
    }
}

/// A column for each path.
pub(super) fn side_by_side(page: &mut TextBuilder, this: &Report, other: &Report) {
    let columns = (page.columns() - NAMES - GUTTER) / 2;
    let mut line = |name: &str, cells: [String; 2], tones: [Tone; 2]| {
        let [this, other] = cells.map(|cell| shortened(&cell, columns));
        let name = Span::new(&format!("{name:NAMES$}"), Tone::Dim);
        page.line(&[name, Span::new(&left(&this, columns + GUTTER), tones[0]), Span::new(&other, tones[1])]);
    };
    line("", ["this path", "the other path"].map(str::to_owned), [Tone::Bold; 2]);
    let both = [this, other];
    line("", both.map(|report| report.url.clone()), [Tone::Plain; 2]);
    let marks = both.map(|report| words::mark(report.verdict.verdict));
    let verdicts = both.map(|report| report.verdict.verdict.as_str());
    let verdicts = [0, 1].map(|n| format!("{} {}", marks[n].0, verdicts[n]));
    line("verdict", verdicts, marks.map(|(_, tone)| tone));
    for (name, cells) in compared(this, other) {
        line(name, cells, [Tone::Plain; 2]);
    }
}

/// What is known of two paths beyond their verdicts: names, and the values of both.
pub(super) fn compared(this: &Report, other: &Report) -> Vec<(&'static str, [String; 2])> {
    let both = [this, other];
    let mut rows = vec![("hold", both.map(|report| words::hold(&report.verdict.hold)))];
    let lags = both.map(|report| verdict::representative(&report.streams).and_then(|stream| stream.lag));
    let ms = |ms: Option<f64>| ms.map_or(UNKNOWN.to_owned(), time);
    rows.push(("lag p50", lags.map(|lag| ms(lag.map(|lag| lag.p50)))));
    rows.push(("lag p99", lags.map(|lag| ms(lag.map(|lag| lag.p99)))));
    rows.push(("lag max", lags.map(|lag| ms(lag.map(|lag| lag.max)))));
    rows.push(("first event", both.map(|Report { timing: Timing { first_event, .. }, .. }| ms(*first_event))));
    rows.push(("events", both.map(|report| events(&report.streams))));
    rows.push(("end", both.map(|report| words::end(verdict::ending(&report.streams).0).to_owned())));
    rows.retain(|(_, cells)| cells.iter().any(|cell| cell != UNKNOWN));
    rows
}

fn events(streams: &[Summary]) -> String {
    let counts = counts(streams);
    words::share(counts.received, counts.expected)
}

/// Of all streams; without any, how many were expected is unknown.
pub(super) fn counts(streams: &[Summary]) -> Counts {
    let counts = Counts::total(streams.iter().map(|stream| &stream.counts));
    Counts { expected: counts.expected.filter(|_| !streams.is_empty()), ..counts }
}
