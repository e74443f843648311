//! What a record amounts to.

use serde::Serialize;

use super::clock::Clock;
use super::recorder::{RawLump, RawSample, Recorder};
use super::stream::{Ending, LUMP_GAP_US, Origin, Stall, StreamSpec};
use super::thinned::quantile;

/// An event with its lag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Its number; 0 is the hello event.
    pub seq: u64,
    /// When it was sent; the probe's clock.
    pub sent_us: i64,
    /// When it came.
    pub at_us: i64,
    /// How much longer it took than the path needs, the probe's own lateness taken off.
    pub lag_us: i64,
}

/// Reads that came together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lump {
    /// The first read.
    pub at_us: i64,
    /// How much longer its oldest byte took than the path needs; none if that is not known.
    pub wait_us: Option<i64>,
    /// Bytes of the body: transfer coding removed, content coding not.
    pub bytes: u64,
    /// Bytes of the content: content coding removed.
    pub content_bytes: u64,
    /// Events that it completed.
    pub events: u64,
    /// It ends where an event ends.
    pub is_whole: bool,
    /// It came when the origin may have sent all events.
    pub is_closing: bool,
}

/// How many events, of how many. Those of a stream that was cut are not missing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Different numbered events that came; of a foreign origin, all.
    pub received: u64,
    /// Asked for; none if no number was.
    pub expected: Option<u64>,
    /// Never came although later ones did.
    pub missing: u64,
    /// Came again.
    pub duplicated: u64,
    /// Came behind a later one.
    pub reordered: u64,
    /// Came with other bytes than were sent.
    pub corrupt: u64,
}

impl Counts {
    /// All streams' together.
    pub fn total<'a>(all: impl IntoIterator<Item = &'a Counts>) -> Counts {
        let zero = Counts { expected: Some(0), ..Counts::default() };
        all.into_iter().fold(zero, |sum, one| Counts {
            received: sum.received + one.received,
            expected: sum.expected.zip(one.expected).map(|(a, b)| a + b),
            missing: sum.missing.saturating_add(one.missing),
            duplicated: sum.duplicated + one.duplicated,
            reordered: sum.reordered + one.reordered,
            corrupt: sum.corrupt + one.corrupt,
        })
    }
}

/// Lags in milliseconds beyond what the path needs, the probe's own lateness taken off.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Lag {
    /// The median.
    pub p50: f64,
    /// Nine of ten are at most this.
    pub p90: f64,
    /// 99 of 100 are at most this.
    pub p99: f64,
    /// The longest.
    pub max: f64,
}

/// Milliseconds between the arrivals of two events.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Gap {
    /// The median.
    pub p50: f64,
    /// 99 of 100 are at most this.
    pub p99: f64,
    /// The longest.
    pub max: f64,
}

/// Lumps that completed more than one event.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Bursts {
    /// How many there were.
    pub count: u64,
    /// The most events that a lump completed.
    pub largest: u64,
}

/// What was seen of one stream. Its size is bounded.
#[derive(Debug, Clone)]
pub struct Summary {
    /// What was asked for.
    pub spec: StreamSpec,
    /// Whose stream it is.
    pub origin: Origin,
    /// When the request was written.
    pub requested_us: i64,
    /// When the first byte of the body came.
    pub first_byte_us: Option<i64>,
    /// When the first event came.
    pub first_event_us: Option<i64>,
    /// When the last event came.
    pub last_event_us: Option<i64>,
    /// How many events.
    pub counts: Counts,
    /// Comment lines.
    pub heartbeats: u64,
    /// Bytes of the body: transfer coding removed, content coding not.
    pub bytes: u64,
    /// Bytes of the content: content coding removed.
    pub content_bytes: u64,
    /// Lags; none without stamps or without the origin's clock.
    pub lag: Option<Lag>,
    /// Time from event to event.
    pub gap: Gap,
    /// Events that came together.
    pub bursts: Bursts,
    /// The events with their lags, the hello event among them: all of a few thousand, else every so many-th.
    pub samples: Vec<Sample>,
    /// Events that came when the probe itself was late.
    pub excused: u64,
    /// The lumps that brought content.
    pub lumps: Vec<Lump>,
    /// When the origin may have sent all of it: the last stamp, less the clock's error; the probe's clock. Known only
    /// of a stream that came to its end.
    pub all_sent_us: Option<i64>,
    /// The first event was sent so much before the request; negative if it was sent after.
    pub stale_us: Option<i64>,
    /// How it ended, before the count or not.
    pub end: Ending,
    /// When.
    pub end_us: Option<i64>,
}

impl Summary {
    /// All events came.
    pub fn is_complete(&self) -> bool {
        self.spec.count.is_some_and(|count| self.counts.received >= count)
    }

    /// How long after the request it ended, or ran until the last event.
    pub fn lasted_us(&self) -> i64 {
        self.end_us.or(self.last_event_us).unwrap_or(self.requested_us) - self.requested_us
    }

    /// Bytes of the body per event, on average.
    pub fn event_bytes(&self) -> u64 {
        self.bytes / self.counts.received.max(1)
    }
}

fn ms(us: i64) -> f64 {
    us as f64 / 1000.0
}

impl Recorder {
    /// What the record amounts to. Without a clock there are no lags and no waits. `stalls` are the times in which the
    /// probe itself was late, in any order.
    pub fn summary(&self, clock: Option<&Clock>, stalls: &[Stall]) -> Summary {
        let samples: Vec<Sample> = clock.map_or(Vec::new(), |clock| {
            self.samples.kept().iter().map(|sample| fair(*sample, clock, stalls)).collect()
        });
        let is_over = self.end.0 == Ending::Clean || self.spec.count.is_some_and(|count| self.received >= count);
        let all_sent_us = clock.zip(self.last_sent_us).filter(|_| is_over);
        let all_sent_us = all_sent_us.map(|(clock, sent_us)| clock.to_probe(sent_us) - slack_us(clock));
        let stale_us = clock.zip(self.first_sent_us).map(|(c, sent)| self.requested_us - c.to_probe(sent));
        let measured = clock.filter(|clock| clock.is_measured);
        Summary {
            spec: self.spec.clone(),
            origin: self.origin,
            requested_us: self.requested_us,
            first_byte_us: self.first_read_us,
            first_event_us: self.first_event_us,
            last_event_us: self.last_event_us,
            counts: self.counts(),
            heartbeats: self.heartbeats,
            bytes: self.lumps.back().map_or(0, |lump| lump.body_end),
            content_bytes: self.content_bytes,
            lag: measured.and_then(|clock| self.lag(&samples, clock, stalls)),
            gap: self.gap(),
            bursts: Bursts { count: self.bursts.0, largest: self.bursts.1 },
            excused: samples.iter().filter(|sample| stall_at(sample.at_us, stalls).is_some()).count() as u64,
            samples,
            lumps: self.seen_lumps(clock, stalls, all_sent_us),
            all_sent_us,
            stale_us,
            end: self.ending(),
            end_us: self.end.1,
        }
    }

    fn counts(&self) -> Counts {
        Counts {
            received: self.received,
            expected: self.spec.count,
            missing: self.sequence.missing(),
            duplicated: self.duplicated,
            reordered: self.reordered,
            corrupt: self.corrupt,
        }
    }

    fn lag(&self, samples: &[Sample], clock: &Clock, stalls: &[Stall]) -> Option<Lag> {
        let mut lags: Vec<i64> = samples.iter().map(|sample| sample.lag_us).collect();
        lags.sort_unstable();
        let at = |share| quantile(&lags, share).map(ms);
        let worst = self.worst.map(|worst| fair(worst, clock, stalls).lag_us);
        let max = lags.last().copied().max(worst).map(ms);
        Some(Lag { p50: at(0.5)?, p90: at(0.9)?, p99: at(0.99)?, max: max? })
    }

    fn gap(&self) -> Gap {
        let mut gaps = self.gaps.kept().to_vec();
        gaps.sort_unstable();
        let at = |share| ms(quantile(&gaps, share).unwrap_or(0));
        Gap { p50: at(0.5), p99: at(0.99), max: ms(self.longest_gap_us) }
    }

    /// The lumps that brought content. Bytes that brought none, such as the head of a compressed body, count for the
    /// next that does.
    fn seen_lumps(&self, clock: Option<&Clock>, stalls: &[Stall], all_sent_us: Option<i64>) -> Vec<Lump> {
        let mut body_start = 0;
        let with_content = self.lumps.iter().filter(|lump| lump.content_end > lump.content_start);
        with_content
            .map(|lump| {
                let bytes = lump.body_end - std::mem::replace(&mut body_start, lump.body_end);
                let wait_us = clock.zip(lump.oldest_us).map(|(clock, sent_us)| {
                    let sample = RawSample { seq: 0, sent_us, at_us: lump.at_us };
                    fair(sample, clock, stalls).lag_us
                });
                let is_closing = all_sent_us.is_some_and(|all_sent| lump.at_us >= all_sent);
                Lump {
                    at_us: lump.at_us,
                    wait_us,
                    bytes,
                    content_bytes: lump.content_end - lump.content_start,
                    events: lump.events,
                    is_whole: lump.is_whole(),
                    is_closing,
                }
            })
            .collect()
    }

    /// How it ended. A path that cuts what is idle shows by a last pause longer than any that it let pass.
    fn ending(&self) -> Ending {
        let (how, at_us) = self.end;
        let is_early = self.spec.count.is_some_and(|count| self.received < count);
        let last_read_us = self.lumps.back().map_or(self.requested_us, |lump| lump.until_us);
        let pause = at_us.map_or(0, |end| end - last_read_us);
        let is_longest = pause > self.longest_pause_us + self.longest_pause_us / 4;
        // If nothing came at all, something may be held: then it is idle only if nothing was sent meanwhile.
        let is_idle = if self.lumps.is_empty() { pause <= self.spec.interval_us } else { is_longest };
        if how.is_theirs() && is_early && pause >= IDLE_LEAST_US && is_idle { Ending::IdleCut } else { how }
    }
}

/// A clock that may be wrong by more is not believed to be.
const SLACK_MOST_US: i64 = 200_000;

/// By how much the end may come earlier than it seems.
fn slack_us(clock: &Clock) -> i64 {
    if clock.is_measured { clock.error_us.min(SLACK_MOST_US) } else { 0 }
}

/// No path cuts a stream that was idle for less.
const IDLE_LEAST_US: i64 = 2_000_000;

impl RawLump {
    fn is_whole(&self) -> bool {
        // The line feed of a CR LF may be left over.
        self.content_end.saturating_sub(self.boundary) <= 1
    }
}

/// The event with its lag, less the time for which it may have lain ready while the probe was late.
fn fair(raw: RawSample, clock: &Clock, stalls: &[Stall]) -> Sample {
    let mut lag_us = clock.excess_us(raw.sent_us, raw.at_us);
    if let Some(stall) = stall_at(raw.at_us, stalls) {
        lag_us = (lag_us - (raw.at_us - stall.from_us)).max(lag_us.min(0));
    }
    Sample { seq: raw.seq, sent_us: clock.to_probe(raw.sent_us), at_us: raw.at_us, lag_us }
}

/// The stall in which something that was seen at `at_us` may have come. What has piled up is read right behind it.
fn stall_at(at_us: i64, stalls: &[Stall]) -> Option<&Stall> {
    stalls.iter().find(|stall| (stall.from_us..=stall.to_us + LUMP_GAP_US).contains(&at_us))
}
