//! The record of one stream, while it runs.

use std::collections::VecDeque;

use flate2::Crc;

use super::event::What;
use super::journal::Journal;
use super::recording::{EndRecord, StreamRecord};
use super::sequence::{Fit, Sequence};
use super::stream::{Ending, LUMP_GAP_US, Origin, StreamSpec};
use super::thinned::Thinned;
use crate::sse::decoder::{Decoded, Item, Message};

/// Most lumps that are kept: the first one, and the newest.
const LUMPS_MAX: usize = 4096;

/// An event as it was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RawSample {
    pub(super) seq: u64,
    /// The origin's clock.
    pub(super) sent_us: i64,
    /// The probe's clock.
    pub(super) at_us: i64,
}

/// Reads that came together.
#[derive(Debug, Clone)]
pub(super) struct RawLump {
    /// The first read, and the last.
    pub(super) at_us: i64,
    pub(super) until_us: i64,
    /// Where it ends in the body as transferred.
    pub(super) body_end: u64,
    /// What it covers of the decoded content.
    pub(super) content_start: u64,
    pub(super) content_end: u64,
    /// Where the last complete event or comment in it ends.
    pub(super) boundary: u64,
    /// Events that it completes.
    pub(super) events: u64,
    /// The stamp of the event that its oldest byte belongs to; the origin's clock.
    pub(super) oldest_us: Option<i64>,
}

/// The record of one stream.
#[derive(Debug, Clone)]
pub struct Recorder {
    pub(super) spec: StreamSpec,
    pub(super) origin: Origin,
    pub(super) requested_us: i64,
    pub(super) sequence: Sequence,
    pub(super) received: u64,
    pub(super) duplicated: u64,
    pub(super) reordered: u64,
    pub(super) corrupt: u64,
    pub(super) heartbeats: u64,
    pub(super) samples: Thinned<RawSample>,
    /// The one with the longest transit.
    pub(super) worst: Option<RawSample>,
    pub(super) least_transit_us: Option<i64>,
    pub(super) first_sent_us: Option<i64>,
    pub(super) last_sent_us: Option<i64>,
    pub(super) gaps: Thinned<i64>,
    pub(super) longest_gap_us: i64,
    pub(super) first_event_us: Option<i64>,
    pub(super) last_event_us: Option<i64>,
    pub(super) lumps: VecDeque<RawLump>,
    /// Lumps that completed more than one event, and the most that one did.
    pub(super) bursts: (u64, u64),
    pub(super) content_bytes: u64,
    pub(super) first_read_us: Option<i64>,
    /// Between two reads before the last.
    pub(super) longest_pause_us: i64,
    pub(super) end: (Ending, Option<i64>),
    foreign_id: Option<u64>,
    journal: Option<Journal>,
}

impl Recorder {
    /// The record of a stream that was requested at `requested_us`. One without a count, which may resume another,
    /// may begin with any number.
    pub fn new(spec: StreamSpec, origin: Origin, requested_us: i64) -> Recorder {
        let first = spec.count.map(|_| 1);
        Recorder {
            spec,
            origin,
            requested_us,
            sequence: Sequence::new(first),
            received: 0,
            duplicated: 0,
            reordered: 0,
            corrupt: 0,
            heartbeats: 0,
            samples: Thinned::default(),
            worst: None,
            least_transit_us: None,
            first_sent_us: None,
            last_sent_us: None,
            gaps: Thinned::default(),
            longest_gap_us: 0,
            first_event_us: None,
            last_event_us: None,
            lumps: VecDeque::new(),
            bursts: (0, 0),
            content_bytes: 0,
            first_read_us: None,
            longest_pause_us: 0,
            end: (Ending::None, None),
            foreign_id: None,
            journal: None,
        }
    }

    /// Keeps all that it is told from now on, for [`Recorder::journal`].
    pub fn keep_journal(&mut self) {
        self.journal = Some(Journal::default());
    }

    /// The record of all that it was told: reads, events, comments, and the end. None if nothing was kept.
    pub fn journal(&self, unix_us: i64) -> Option<StreamRecord> {
        let (how, at_us) = self.end;
        let end = at_us.map(|at_us| EndRecord { how, at_us });
        Some(StreamRecord { requested_us: self.requested_us, end, ..self.journal.as_ref()?.record(unix_us) })
    }

    /// Bytes of the body, transfer coding removed, for the journal.
    pub fn body(&mut self, bytes: &[u8]) {
        if let Some(journal) = &mut self.journal {
            journal.body(bytes);
        }
    }

    /// A read returned at `at_us`. With it the body has `body_end` bytes, transfer coding removed, and the content,
    /// which is the body with its content coding removed, `content_end` bytes.
    ///
    /// Call it before the items that the read completes.
    pub fn read(&mut self, at_us: i64, body_end: u64, content_end: u64) {
        if let Some(journal) = &mut self.journal {
            journal.read(at_us, body_end, content_end);
        }
        self.first_read_us.get_or_insert(at_us);
        let content_start = std::mem::replace(&mut self.content_bytes, content_end);
        let together = LUMP_GAP_US.min(self.spec.interval_us * 3 / 4);
        let last_read_us = self.lumps.back().map(|lump| lump.until_us);
        if let Some(last) = last_read_us {
            self.longest_pause_us = self.longest_pause_us.max(at_us - last);
        }
        match self.lumps.back_mut() {
            Some(lump) if at_us - lump.until_us < together => {
                lump.until_us = at_us;
                lump.body_end = body_end;
                lump.content_end = content_end;
            }
            _ => self.begin_lump(at_us, body_end, content_start, content_end),
        }
    }

    fn begin_lump(&mut self, at_us: i64, body_end: u64, content_start: u64, content_end: u64) {
        if self.lumps.len() == LUMPS_MAX {
            self.lumps.remove(1);
        }
        self.lumps.push_back(RawLump {
            at_us,
            until_us: at_us,
            body_end,
            content_start,
            content_end,
            boundary: 0,
            events: 0,
            oldest_us: None,
        });
    }

    /// The last read completed this item.
    pub fn item(&mut self, decoded: &Decoded) {
        match &decoded.item {
            Item::Event(message) => {
                let what = What::of(self.origin, &message.data, &message.last_event_id);
                let hash = self.journal.is_some().then(|| hash(message));
                self.event_with_hash(what, decoded.start, decoded.end, hash);
            }
            Item::Comment(_) => self.comment(decoded.end),
            Item::Retry(_) => {}
        }
    }

    /// The last read completed a comment that ends at `end` in the content.
    pub fn comment(&mut self, end: u64) {
        if let Some(journal) = &mut self.journal {
            journal.comment(end);
        }
        self.heartbeats += 1;
        if let Some(lump) = self.lumps.back_mut() {
            lump.boundary = end;
        }
    }

    /// The last read completed an event that spans `start..end` in the content.
    pub fn event(&mut self, what: What, start: u64, end: u64) {
        self.event_with_hash(what, start, end, None);
    }

    fn event_with_hash(&mut self, what: What, start: u64, end: u64, hash: Option<u32>) {
        if let Some(journal) = &mut self.journal {
            journal.event(what, start, end, hash);
        }
        let Some(lump) = self.lumps.back_mut() else { return };
        let at_us = lump.until_us;
        lump.boundary = end;
        lump.events += 1;
        let events = lump.events;
        self.bursts.0 += u64::from(events == 2);
        self.bursts.1 = self.bursts.1.max(events);
        let previous = self.last_event_us.replace(at_us);
        self.first_event_us.get_or_insert(at_us);
        if let Some(previous) = previous {
            self.gaps.push(at_us - previous);
            self.longest_gap_us = self.longest_gap_us.max(at_us - previous);
        }
        match what {
            What::Hello { sent_us } => self.sample(RawSample { seq: 0, sent_us, at_us }, start, end),
            What::Numbered { seq, sent_us, intact } => {
                self.corrupt += u64::from(!intact);
                if self.count(seq) {
                    self.sample(RawSample { seq, sent_us, at_us }, start, end);
                }
            }
            What::Unreadable => self.corrupt += 1,
            What::Foreign { id } => self.foreign(id),
        }
    }

    /// Counts a number; whether it is new.
    fn count(&mut self, seq: u64) -> bool {
        let fit = self.sequence.see(seq);
        self.received += u64::from(fit != Fit::Repeated);
        self.reordered += u64::from(fit == Fit::Reordered);
        self.duplicated += u64::from(fit == Fit::Repeated);
        fit != Fit::Repeated
    }

    fn sample(&mut self, sample: RawSample, start: u64, end: u64) {
        let transit = sample.at_us - sample.sent_us;
        if self.worst.is_none_or(|worst| transit > worst.at_us - worst.sent_us) {
            self.worst = Some(sample);
        }
        self.least_transit_us = Some(self.least_transit_us.map_or(transit, |least| least.min(transit)));
        self.first_sent_us.get_or_insert(sample.sent_us);
        self.last_sent_us = Some(self.last_sent_us.map_or(sample.sent_us, |last| last.max(sample.sent_us)));
        self.samples.push(sample);
        // Lumps may have brought parts of the event; its stamp is known only now.
        for lump in self.lumps.iter_mut().rev() {
            if lump.content_end <= start {
                break;
            }
            if lump.oldest_us.is_none() && lump.content_start < end {
                lump.oldest_us = Some(sample.sent_us);
            }
        }
    }

    fn foreign(&mut self, id: Option<u64>) {
        self.received += 1;
        if let Some(id) = id {
            // The last event ID stays when an event has none: the same one again tells nothing.
            self.reordered += u64::from(self.foreign_id.is_some_and(|last| id < last));
            self.foreign_id = Some(id);
        }
    }

    /// What came is no event stream any more.
    pub fn undecodable(&mut self) {
        if let Some(journal) = &mut self.journal {
            journal.undecodable();
        }
        self.corrupt += 1;
    }

    /// The stream ended, or was ended, at `at_us`.
    pub fn end(&mut self, how: Ending, at_us: i64) {
        self.end = (how, Some(at_us));
    }

    /// The origin sends what it likes instead of what was asked for: small events at this interval, without end.
    pub fn is_of_other_pace(&mut self, interval_us: i64) {
        self.spec = StreamSpec { name: self.spec.name.clone(), interval_us: interval_us.max(1), size: 0, count: None };
    }

    /// The stamp of the first event; the origin's clock.
    pub fn first_sent_us(&self) -> Option<i64> {
        self.first_sent_us
    }

    /// When the first read returned.
    pub fn first_read_us(&self) -> Option<i64> {
        self.first_read_us
    }

    /// Whose stream it is.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// What was asked for.
    pub fn spec(&self) -> &StreamSpec {
        &self.spec
    }

    /// The least `arrival − sent` of all events, for [`Clock::from_least_transit`](super::Clock::from_least_transit).
    pub fn least_transit_us(&self) -> Option<i64> {
        self.least_transit_us
    }
}

/// What tells an event from another one.
fn hash(message: &Message) -> u32 {
    let mut crc = Crc::new();
    [message.last_event_id.as_bytes(), b"\n", message.data.as_bytes()].iter().for_each(|part| crc.update(part));
    crc.sum()
}
