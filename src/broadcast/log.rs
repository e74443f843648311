//! The newest entries of a broadcast, within bounds, and who has yet to take them.

use std::collections::VecDeque;
use std::iter::Peekable;
use std::sync::Arc;

use crate::http::chunk::Piece;

/// Most entries, and bytes, that are handed over at once, but for a larger entry.
pub(crate) const BATCH_ENTRIES: usize = 256;
const BATCH_BYTES: usize = 32 * 1024;

/// How much a log keeps, for subscribers that come back and for slow ones. The newest entry stays in any case. A
/// publisher that is paced is ahead of the fastest subscriber by half of it at most.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) entries: usize,
    pub(crate) bytes: usize,
}

/// One event, or another block of an event stream.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) piece: Arc<Piece>,
    /// The last event ID, if this entry has set it.
    pub(crate) id: Option<String>,
}

impl Entry {
    /// Bytes of its payload.
    pub(crate) fn len(&self) -> usize {
        self.piece.payload().len()
    }
}

/// What a subscriber finds at its place in the log.
#[derive(Debug)]
pub(crate) enum Next<E> {
    Entries(Vec<Arc<Piece>>),
    /// Nothing yet.
    Nothing,
    /// The entry is no longer kept.
    Behind,
    /// There will be no more.
    Ended(E),
}

/// The newest entries, numbered one after another.
#[derive(Debug)]
pub(crate) struct Log<E> {
    bounds: Bounds,
    entries: VecDeque<Entry>,
    bytes: usize,
    /// The number of the next entry.
    next: u64,
    /// The number of the next entry that no subscriber has taken yet, and the bytes from there on.
    foremost: u64,
    ahead: usize,
    /// The publisher waits for room.
    pub(super) publisher_waits: bool,
    pub(super) end: Option<E>,
}

impl<E: Clone> Log<E> {
    pub(super) fn new(bounds: Bounds, first: u64) -> Log<E> {
        Log {
            bounds,
            entries: VecDeque::new(),
            bytes: 0,
            next: first,
            foremost: first,
            ahead: 0,
            publisher_waits: false,
            end: None,
        }
    }

    /// The number of the next entry.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// The number of the oldest entry that is kept.
    pub(crate) fn oldest(&self) -> u64 {
        self.next - self.entries.len() as u64
    }

    /// The number nearest to `number` of an entry that is kept, or of the next one.
    pub(crate) fn nearest(&self, number: u64) -> u64 {
        number.clamp(self.oldest(), self.next)
    }

    /// The number after that of the newest entry with this id, if one is kept.
    pub(crate) fn after(&self, id: &str) -> Option<u64> {
        let at = self.entries.iter().rposition(|entry| entry.id.as_deref() == Some(id))?;
        Some(self.oldest() + at as u64 + 1)
    }

    /// Whether so much more is not too much for the fastest subscriber. What is too much in any case waits for its turn.
    pub(super) fn has_room(&self, entries: usize, bytes: usize) -> bool {
        let ahead = (self.next - self.foremost) as usize;
        ahead == 0 || (ahead + entries <= self.bounds.entries / 2 && self.ahead + bytes <= self.bounds.bytes / 2)
    }

    /// A subscriber has taken all entries before `number`.
    pub(super) fn advance(&mut self, number: u64) {
        let oldest = self.oldest();
        while self.foremost < number {
            let at = self.foremost.checked_sub(oldest).map(|at| at as usize);
            let len = at.and_then(|at| self.entries.get(at)).map_or(0, Entry::len);
            self.ahead -= len;
            self.foremost += 1;
        }
    }

    /// Appends an entry; old ones go.
    pub(super) fn push(&mut self, entry: Entry) {
        self.bytes += entry.len();
        self.ahead += entry.len();
        self.next += 1;
        self.entries.push_back(entry);
        let Bounds { entries, bytes } = self.bounds;
        while self.entries.len() > entries || (self.bytes > bytes && self.entries.len() > 1) {
            // What goes now can't be taken any more.
            self.advance(self.oldest() + 1);
            self.bytes -= self.entries.pop_front().map_or(0, |oldest| oldest.len());
        }
    }

    /// What a subscriber finds that has taken all before `number`, at most `most` entries.
    pub(super) fn get(&self, number: u64, most: usize) -> Next<E> {
        let age = (self.next - number) as usize;
        match (age, &self.end) {
            (0, None) => Next::Nothing,
            (0, Some(end)) => Next::Ended(end.clone()),
            _ if age > self.entries.len() => Next::Behind,
            _ => Next::Entries(self.batch(self.entries.len() - age, most)),
        }
    }

    /// The entries from this index on, as many as are taken at once.
    fn batch(&self, from: usize, most: usize) -> Vec<Arc<Piece>> {
        let mut room = BATCH_BYTES;
        let fits = |entry: &&Entry| {
            let fits = room == BATCH_BYTES || entry.len() <= room;
            room = room.saturating_sub(entry.len());
            fits
        };
        self.entries.range(from..).take(most).take_while(fits).map(|entry| Arc::clone(&entry.piece)).collect()
    }
}

/// The next entries that are appended at once, if there are some.
pub(super) fn portion(entries: &mut Peekable<impl Iterator<Item = Entry>>) -> Option<Vec<Entry>> {
    let first = entries.next()?;
    let mut bytes = first.len();
    let mut portion = vec![first];
    while let Some(next) = entries.next_if(|next| bytes + next.len() <= BATCH_BYTES && portion.len() < BATCH_ENTRIES) {
        bytes += next.len();
        portion.push(next);
    }
    Some(portion)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { entries: 1024, bytes: 1024 * 1024 };

    fn log() -> Log<&'static str> {
        Log::new(BOUNDS, 0)
    }

    fn entry(len: usize, id: Option<&str>) -> Entry {
        Entry { piece: Arc::new(Piece::of(|out| out.resize(out.len() + len, b'x'))), id: id.map(str::to_owned) }
    }

    #[test]
    fn entries_are_found_by_id_and_by_number() {
        let mut log = log();
        assert_eq!((log.after("1"), log.nearest(7), log.oldest()), (None, 0, 0));
        for id in [Some("1"), None, Some("2"), Some("1"), None] {
            log.push(entry(1, id));
        }
        assert_eq!([log.after("1"), log.after("2"), log.after("3")], [Some(4), Some(3), None], "the newest counts");
        assert_eq!([log.nearest(0), log.nearest(3), log.nearest(9)], [0, 3, 5]);
        for _ in 0..BOUNDS.entries {
            log.push(entry(1, None));
        }
        assert_eq!((log.after("1"), log.nearest(0), log.oldest()), (None, 5, 5));
    }

    #[test]
    fn numbers_begin_where_they_are_told_to() {
        let mut log: Log<()> = Log::new(BOUNDS, 41);
        assert_eq!((log.nearest(7), log.nearest(99)), (41, 41));
        log.push(entry(1, None));
        assert!(matches!(log.get(41, 1), Next::Entries(_)) && matches!(log.get(42, 1), Next::Nothing));
    }

    #[test]
    fn what_is_kept_has_bounds_and_the_newest_stays() {
        let mut log = log();
        for _ in 0..BOUNDS.entries + 2 {
            log.push(entry(1, None));
        }
        assert!(
            matches!(log.get(1, BATCH_ENTRIES), Next::Behind) && matches!(log.get(2, BATCH_ENTRIES), Next::Entries(_))
        );
        log.push(entry(BOUNDS.bytes + 1, None));
        assert_eq!((log.entries.len(), log.bytes), (1, BOUNDS.bytes + 1));
        let next = log.next;
        assert!(
            matches!(log.get(next - 1, BATCH_ENTRIES), Next::Entries(_))
                && matches!(log.get(next, BATCH_ENTRIES), Next::Nothing)
        );
        log.end = Some("over");
        assert!(matches!(log.get(next - 1, BATCH_ENTRIES), Next::Entries(_)), "what is there comes before the end");
        assert!(matches!(log.get(next, BATCH_ENTRIES), Next::Ended("over")));
    }

    #[test]
    fn the_fastest_subscriber_sets_the_pace() {
        let mut log = log();
        assert!(log.has_room(BOUNDS.entries, BOUNDS.bytes), "whoever has all gets it, however much it is");
        for _ in 0..BOUNDS.entries / 2 {
            assert!(log.has_room(1, 1) && !log.has_room(BOUNDS.entries / 2 + 1, 0) || log.next == 0);
            log.push(entry(1, None));
        }
        assert!(!log.has_room(1, 1));
        log.advance(1);
        assert!(log.has_room(1, 1) && !log.has_room(1, BOUNDS.bytes / 2));
        log.advance(log.next);
        assert_eq!(log.ahead, 0);
        // What nobody has taken in time does not count any more.
        log.push(entry(BOUNDS.bytes, None));
        log.push(entry(5, None));
        assert_eq!((log.entries.len(), log.ahead), (1, 5));
    }

    #[test]
    fn many_small_entries_are_taken_at_once() {
        let mut log = log();
        for len in [10, BATCH_BYTES - 10, 1, BATCH_BYTES + 1, 1] {
            log.push(entry(len, None));
        }
        let taken = |seq| match log.get(seq, BATCH_ENTRIES) {
            Next::Entries(pieces) => pieces.len(),
            _ => 0,
        };
        assert_eq!([0, 2, 3, 4].map(taken), [2, 1, 1, 1]);
    }
}
