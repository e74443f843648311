//! All that a recorder was told, so that it can be judged again elsewhere, by other rules, or by somebody else.

use serde_json::{Value, json};

use super::{Ending, StreamSpec, What};

/// Reads, and events, that are kept at most: minutes of a busy stream.
const ENTRIES_MAX: usize = 100_000;

/// The calls of a recorder, in order of each kind.
#[derive(Debug, Clone, Default)]
pub(super) struct Journal {
    reads: Vec<(i64, u64, u64)>,
    events: Vec<(What, u64, u64)>,
    comments: Vec<u64>,
}

impl Journal {
    pub(super) fn read(&mut self, at_us: i64, body_end: u64, content_end: u64) {
        if self.reads.len() < ENTRIES_MAX {
            self.reads.push((at_us, body_end, content_end));
        }
    }

    pub(super) fn event(&mut self, what: What, start: u64, end: u64) {
        if self.events.len() < ENTRIES_MAX {
            self.events.push((what, start, end));
        }
    }

    pub(super) fn comment(&mut self, end: u64) {
        if self.comments.len() < ENTRIES_MAX {
            self.comments.push(end);
        }
    }

    /// The journal as an object. Times of the origin's clock are written less `unix_us`.
    pub(super) fn json(&self, spec: &StreamSpec, requested_us: i64, end: (Ending, Option<i64>), unix_us: i64) -> Value {
        let event = |(what, start, end): &(What, u64, u64)| match *what {
            What::Hello { sent_us } => json!([0, sent_us - unix_us, start, end]),
            What::Numbered { seq, sent_us, intact: true } => json!([seq, sent_us - unix_us, start, end]),
            What::Numbered { seq, sent_us, intact: false } => json!([seq, sent_us - unix_us, start, end, 0]),
            What::Unreadable => json!([null, null, start, end, 0]),
            What::Foreign { id } => json!([id, null, start, end]),
        };
        let read = |(at, body, content): &(i64, u64, u64)| {
            if body == content { json!([at, body]) } else { json!([at, body, content]) }
        };
        json!({
            "name": spec.name, "interval_us": spec.interval_us, "size": spec.size, "count": spec.count,
            "requested_us": requested_us,
            "events": self.events.iter().map(event).collect::<Vec<_>>(),
            "comments": self.comments,
            "reads": self.reads.iter().map(read).collect::<Vec<_>>(),
            "end": end,
        })
    }
}
