//! All that a recorder was told, so that it can be judged again elsewhere, by other rules, or by somebody else.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::entries::{EventRecord, ReadRecord};
use super::event::What;
use super::recording::StreamRecord;

/// Reads, and events, that are kept at most: minutes of a busy stream.
const ENTRIES_MAX: usize = 100_000;

/// Bytes of the body that are kept at most.
const BODY_MAX: usize = 16 * 1024 * 1024;

/// The calls of a recorder, in order of each kind.
#[derive(Debug, Clone, Default)]
pub(super) struct Journal {
    reads: Vec<ReadRecord>,
    events: Vec<(i64, What, u64, u64, Option<u32>)>,
    comments: Vec<u64>,
    body: Vec<u8>,
    is_undecodable: bool,
}

impl Journal {
    pub(super) fn read(&mut self, at_us: i64, body_end: u64, content_end: u64) {
        let (offset, content_offset) = self
            .reads
            .last()
            .map_or((0, 0), |last| (last.offset + last.length, last.content_offset + last.content_length));
        if self.reads.len() < ENTRIES_MAX {
            let (length, content_length) =
                (body_end.saturating_sub(offset), content_end.saturating_sub(content_offset));
            self.reads.push(ReadRecord { at_us, offset, length, content_offset, content_length });
        }
    }

    pub(super) fn event(&mut self, what: What, start: u64, end: u64, hash: Option<u32>) {
        let at_us = self.reads.last().map_or(0, |read| read.at_us);
        if self.events.len() < ENTRIES_MAX && self.reads.len() < ENTRIES_MAX {
            self.events.push((at_us, what, start, end, hash));
        }
    }

    pub(super) fn comment(&mut self, end: u64) {
        if self.comments.len() < ENTRIES_MAX && self.reads.len() < ENTRIES_MAX {
            self.comments.push(end);
        }
    }

    /// Keeps bytes of the body, all of them or none.
    pub(super) fn body(&mut self, bytes: &[u8]) {
        if self.body.len() + bytes.len() <= BODY_MAX {
            self.body.extend_from_slice(bytes);
        }
    }

    pub(super) fn undecodable(&mut self) {
        self.is_undecodable = true;
    }

    /// The journal's part of the record of a stream. Times of the origin's clock are written less `unix_us`.
    pub(super) fn record(&self, unix_us: i64) -> StreamRecord {
        let event = |&(at_us, what, start, end, hash): &(i64, What, u64, u64, Option<u32>)| {
            let (number, sent_us, is_intact) = match what {
                What::Hello { sent_us } => (Some(0), Some(sent_us - unix_us), true),
                What::Numbered { seq, sent_us, intact } => (Some(seq), Some(sent_us - unix_us), intact),
                What::Unreadable => (None, None, false),
                What::Foreign { id } => (id, None, true),
            };
            EventRecord { at_us, offset: start, length: end.saturating_sub(start), number, sent_us, is_intact, hash }
        };
        let length: u64 = self.reads.iter().map(|read| read.length).sum();
        let is_whole = length > 0 && length == self.body.len() as u64;
        StreamRecord {
            reads: Some(self.reads.clone()),
            events: self.events.iter().map(event).collect(),
            comments: self.comments.clone(),
            is_undecodable: self.is_undecodable,
            body: is_whole.then(|| STANDARD.encode(&self.body)),
            ..StreamRecord::default()
        }
    }
}
