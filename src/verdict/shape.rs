//! One stream as the decision sees it, given the tolerance.

use crate::stats::{Ending, Lump, Sample, Summary};

/// What was held comes within such a time when it is released, on a busy machine, too.
const RELEASE_US: i64 = 50_000;

/// A share of late events up to this is noise.
pub(super) const NOISE: f64 = 0.05;

/// One release of what was held, or the median one of several.
#[derive(Debug, Clone, Copy)]
pub(super) struct Release {
    /// How long the oldest byte was held.
    pub(super) wait_us: i64,
    /// How long after the one before; none of a single one.
    pub(super) every_us: Option<i64>,
    /// How many bytes came.
    pub(super) bytes: u64,
    /// How many those are without their content coding.
    pub(super) content_bytes: u64,
    /// The threshold in bytes is less than so many below: events are released whole.
    pub(super) slack: u64,
}

/// One stream.
#[derive(Debug, Clone)]
pub(super) struct Shape<'a> {
    pub(super) stream: &'a Summary,
    /// Late events.
    pub(super) late: usize,
    /// The median lag.
    pub(super) lag_us: i64,
    /// Nothing but the hello event came before the origin had sent all.
    pub(super) is_closed: bool,
    /// The first lump, if it is late and came before the end.
    pub(super) first: Option<Release>,
    /// Late events, and all, of those sent after the first lump came.
    pub(super) after: (usize, usize),
    /// The median late lump behind the first, before the end.
    pub(super) lasting: Option<Release>,
    /// Most lumps behind the first are late, as a hold makes them, not just some.
    pub(super) is_steady: bool,
    /// Events that the median lump behind the first completes.
    pub(super) events: u64,
    /// It comes more slowly than it is sent, so that each event is later than the one before.
    pub(super) falls_behind: bool,
}

/// More than one is late, and too many.
fn is_trouble(late: usize, all: usize) -> bool {
    late >= 2 && late as f64 > NOISE * all as f64
}

impl<'a> Shape<'a> {
    pub(super) fn new(stream: &'a Summary, within_us: i64) -> Shape<'a> {
        let lumps: Vec<&Lump> = stream.lumps.iter().filter(|lump| lump.wait_us.is_some()).collect();
        let is_late = |lump: &&&Lump| lump.wait_us.is_some_and(|wait| wait > within_us);
        let (opening, behind) = lumps.split_at(pieces(&lumps, within_us));
        let behind: Vec<&Lump> = behind.iter().filter(|lump| !lump.is_closing).copied().collect();
        let held: Vec<&Lump> = behind.iter().filter(is_late).copied().collect();
        let first = joined(opening).filter(|lump| is_late(&&lump)).filter(|lump| !lump.is_closing);
        let event_bytes = stream.event_bytes();
        let release_at = opening.last().map_or(i64::MAX, |lump| lump.at_us);
        let later = || stream.samples.iter().filter(move |sample| sample.sent_us > release_at);
        let late = |sample: &&Sample| sample.lag_us > within_us;
        Shape {
            stream,
            late: stream.samples.iter().filter(late).count(),
            lag_us: median(stream.samples.iter().map(|sample| sample.lag_us)).unwrap_or(0),
            is_closed: is_closed(stream, within_us),
            first: first.and_then(|lump| release(&[&lump], event_bytes)),
            after: (later().filter(late).count(), later().count()),
            lasting: release(&held, event_bytes),
            is_steady: held.len() * 5 >= behind.len() * 3,
            events: median(behind.iter().map(|lump| lump.events)).unwrap_or(1),
            falls_behind: falls_behind(stream, within_us),
        }
    }

    /// Too many events are late, or don't come.
    pub(super) fn is_troubled(&self) -> bool {
        self.is_closed || is_trouble(self.late, self.stream.samples.len())
    }

    /// It begins with a lump that is late by far.
    pub(super) fn starts_late(&self, within_us: i64) -> bool {
        self.first.is_some_and(|first| first.wait_us > 2 * within_us.max(0))
    }

    /// Events are late that were sent when the first lump had come.
    pub(super) fn is_held_again(&self) -> bool {
        !self.is_closed && is_trouble(self.after.0, self.after.1)
    }

    /// Hardly any event is on time.
    pub(super) fn is_always_late(&self) -> bool {
        self.late * 5 >= self.stream.samples.len() * 4
    }

    pub(super) fn interval_us(&self) -> i64 {
        self.stream.spec.interval_us
    }

    /// Bytes a second, as sent: those of the body that came, over the time that sending takes.
    pub(super) fn pace(&self) -> f64 {
        self.stream.event_bytes() as f64 / self.interval_us().max(1) as f64
    }

    /// How long a closed stream was held: until it came, or as long as it was waited for.
    pub(super) fn closed_us(&self) -> i64 {
        let lags = self.stream.samples.iter().map(|sample| sample.lag_us);
        let received = self.stream.counts.received > 0;
        lags.max().filter(|_| received).unwrap_or_else(|| self.stream.lasted_us())
    }

    /// How many bytes of a closed stream were held.
    pub(super) fn closed_bytes(&self) -> u64 {
        let asked = self.stream.spec.size.saturating_mul(self.stream.spec.count.unwrap_or(0));
        if self.stream.bytes > 0 { self.stream.bytes } else { asked }
    }
}

/// How many lumps the first release came in: a large one takes longer than the reads of one lump are apart. What had been
/// sent when it began was held with it, if it was held for long.
fn pieces(lumps: &[&Lump], within_us: i64) -> usize {
    let Some(first) = lumps.first() else { return 0 };
    let belongs = |lump: &&&Lump| {
        let sent_us = lump.wait_us.map(|wait| lump.at_us - wait);
        lump.at_us - first.at_us <= RELEASE_US && sent_us.is_some_and(|sent_us| sent_us < first.at_us)
    };
    let is_late = first.wait_us.is_some_and(|wait| wait > within_us);
    if is_late { 1 + lumps[1..].iter().take_while(belongs).count() } else { 1 }
}

/// Pieces of one release as one lump: its time is that of the first, its end that of the last.
fn joined(pieces: &[&Lump]) -> Option<Lump> {
    let (first, last) = (pieces.first()?, pieces.last()?);
    let sum = |of: fn(&Lump) -> u64| pieces.iter().map(|lump| of(lump)).sum();
    Some(Lump {
        bytes: sum(|lump| lump.bytes),
        content_bytes: sum(|lump| lump.content_bytes),
        events: sum(|lump| lump.events),
        is_whole: last.is_whole,
        ..**first
    })
}

/// Whether a stream was waited for until the origin had sent it all, and nothing but the hello event came before that.
fn is_closed(stream: &Summary, within_us: i64) -> bool {
    let mut numbered = stream.samples.iter().filter(|sample| sample.seq > 0).peekable();
    let Some(first) = numbered.peek().copied() else { return waited_in_vain(stream) };
    let Some(all_sent_us) = stream.all_sent_us else { return false };
    let (sent, came) = numbered
        .fold((first.sent_us, first.at_us), |(sent, came), sample| (sent.max(sample.sent_us), came.max(sample.at_us)));
    // What lags by as long as the stream lasts comes after the end, too, but not at once.
    let at_once = (came - first.at_us) * 4 <= sent - first.sent_us;
    first.lag_us > within_us && first.at_us >= all_sent_us && at_once
}

/// Whether even the least late events become later and later. Of a hold, however long, each release brings some that
/// were sent just before.
fn falls_behind(stream: &Summary, within_us: i64) -> bool {
    let lags: Vec<i64> = stream.samples.iter().filter(|sample| sample.seq > 0).map(|sample| sample.lag_us).collect();
    let least = |quarter: &[i64]| quarter.iter().copied().min().unwrap_or(0);
    let quarters: Vec<i64> = lags.chunks_exact((lags.len() / 4).max(2)).map(least).take(4).collect();
    let step_us = within_us.max(0) / 2;
    quarters.len() == 4 && quarters.windows(2).all(|pair| pair[1] > pair[0] + step_us)
}

/// No numbered event came, not even a damaged one, though there was time for all.
pub(super) fn waited_in_vain(stream: &Summary) -> bool {
    let planned_us = stream.spec.planned_us().unwrap_or(stream.spec.interval_us * 5);
    stream.counts.received == 0
        && stream.counts.corrupt == 0
        && stream.end_us.is_some()
        && stream.lasted_us() >= planned_us
}

/// Events stopped coming, though there was time for all, and nobody ended the stream.
pub(super) fn is_hanging(stream: &Summary) -> bool {
    let Some(planned_us) = stream.spec.planned_us() else { return false };
    let end_us = stream.end_us.unwrap_or(stream.requested_us);
    let waited = end_us - stream.requested_us > planned_us + HANGING_US;
    // One that began late, or is slower than it was asked to be, was still going on when its time was up.
    let last_us = stream.last_event_us.unwrap_or(stream.requested_us);
    let longest_gap_us = (stream.gap.max * 1000.0) as i64;
    let is_quiet = end_us - last_us > HANGING_US + longest_gap_us.max(2 * stream.spec.interval_us);
    matches!(stream.end, Ending::Ours | Ending::None) && waited && is_quiet && !stream.is_complete()
}

/// So much later than planned, a stream that goes on isn't merely slow.
const HANGING_US: i64 = 1_000_000;

fn release(lumps: &[&Lump], event_bytes: u64) -> Option<Release> {
    let whole = lumps.iter().filter(|lump| lump.is_whole).count();
    Some(Release {
        wait_us: median(lumps.iter().filter_map(|lump| lump.wait_us))?,
        every_us: median(lumps.windows(2).map(|pair| pair[1].at_us - pair[0].at_us)),
        bytes: median(lumps.iter().map(|lump| lump.bytes))?,
        content_bytes: median(lumps.iter().map(|lump| lump.content_bytes))?,
        slack: if whole * 2 > lumps.len() { event_bytes } else { 0 },
    })
}

pub(super) fn median<T: Ord + Copy>(values: impl Iterator<Item = T>) -> Option<T> {
    let mut values: Vec<T> = values.collect();
    values.sort_unstable();
    values.get(values.len() / 2).copied()
}
