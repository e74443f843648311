//! What is kept of a shared stream: its newest blocks, and who has yet to take them.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::http::chunk::Piece;
use crate::impair::BodyEnd;

/// Most blocks that are kept of a stream, for clients that come back and for slow ones.
const KEPT_BLOCKS: usize = 1024;
/// Most bytes of them; the newest block stays in any case.
const KEPT_BYTES: usize = 1024 * 1024;
/// Most blocks, and bytes, that even the fastest client has yet to take; the target waits.
const AHEAD_BLOCKS: usize = KEPT_BLOCKS / 2;
const AHEAD_BYTES: usize = KEPT_BYTES / 2;
/// Most blocks, and bytes, that are handed over at once, but for a larger block.
pub(super) const BATCH_BLOCKS: usize = 256;
pub(super) const BATCH: usize = 32 * 1024;

/// What a follower finds at its place.
#[derive(Debug)]
pub(super) enum Next {
    /// Blocks.
    Blocks(Vec<Arc<Piece>>),
    /// Nothing yet.
    Nothing,
    /// The block is no longer kept.
    Behind,
    /// The end, with what went wrong.
    Over(BodyEnd, Option<String>),
    /// There is no stream: each asks by itself.
    Alone,
    /// The client that asked is gone: another one asks.
    Again,
}

/// The newest blocks of a stream.
#[derive(Debug)]
pub(super) struct Log {
    blocks: VecDeque<Block>,
    bytes: usize,
    /// The number of the next block.
    next: u64,
    /// The number of the next block that nobody has taken yet, and the bytes from there on.
    foremost: u64,
    ahead: usize,
    /// The reader waits for room.
    pub(super) waits: bool,
    /// The last event ID that the target was asked with.
    origin: String,
    pub(super) over: Option<Over>,
}

/// A block of a stream.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) piece: Arc<Piece>,
    /// The last event ID, if this block has set it.
    pub(super) id: Option<String>,
}

impl Block {
    /// Bytes of its payload.
    pub(super) fn len(&self) -> usize {
        self.piece.payload().len()
    }
}

/// Why there will be no more blocks.
#[derive(Debug, Clone)]
pub(super) enum Over {
    Ended(BodyEnd, Option<String>),
    Alone,
    Again,
}

impl Log {
    /// That of a stream for which the target is asked behind the event with id `origin`.
    pub(super) fn new(origin: &str) -> Log {
        Log {
            blocks: VecDeque::new(),
            bytes: 0,
            next: 0,
            foremost: 0,
            ahead: 0,
            waits: false,
            origin: origin.to_owned(),
            over: None,
        }
    }

    /// Whether so much more is not too much for the fastest client. What is too much in any case waits for its turn.
    pub(super) fn has_room(&self, blocks: usize, bytes: usize) -> bool {
        let ahead = (self.next - self.foremost) as usize;
        ahead == 0 || (ahead + blocks <= AHEAD_BLOCKS && self.ahead + bytes <= AHEAD_BYTES)
    }

    /// Somebody has taken all blocks before `seq`.
    pub(super) fn advance(&mut self, seq: u64) {
        let oldest = self.next - self.blocks.len() as u64;
        while self.foremost < seq {
            let at = self.foremost.checked_sub(oldest).map(|at| at as usize);
            let len = at.and_then(|at| self.blocks.get(at)).map_or(0, |block| block.len());
            self.ahead -= len;
            self.foremost += 1;
        }
    }

    /// Where a follower begins; an error if that is not behind the event that it names.
    pub(super) fn begin(&self, id: &str) -> Result<u64, u64> {
        let oldest = self.next - self.blocks.len() as u64;
        if id.is_empty() {
            return Ok(self.next);
        }
        match self.blocks.iter().rposition(|block| block.id.as_deref() == Some(id)) {
            Some(at) => Ok(oldest + at as u64 + 1),
            None if oldest == 0 && id == self.origin => Ok(0),
            None => Err(self.next),
        }
    }

    /// Appends a block; old ones go.
    pub(super) fn push(&mut self, block: Block) {
        self.bytes += block.len();
        self.ahead += block.len();
        self.next += 1;
        self.blocks.push_back(block);
        while self.blocks.len() > KEPT_BLOCKS || (self.bytes > KEPT_BYTES && self.blocks.len() > 1) {
            // What goes now can't be taken any more.
            self.advance(self.next - self.blocks.len() as u64 + 1);
            let oldest = self.blocks.pop_front().map_or(0, |oldest| oldest.len());
            self.bytes -= oldest;
        }
    }

    /// What a follower finds that has taken all before `seq`.
    pub(super) fn get(&self, seq: u64) -> Next {
        let age = (self.next - seq) as usize;
        match (age, &self.over) {
            (0, None) => Next::Nothing,
            (0, Some(Over::Ended(ending, failure))) => Next::Over(*ending, failure.clone()),
            (0, Some(Over::Alone)) => Next::Alone,
            (0, Some(Over::Again)) => Next::Again,
            _ if age > self.blocks.len() => Next::Behind,
            _ => Next::Blocks(self.batch(self.blocks.len() - age)),
        }
    }

    /// The blocks from this index on, as many as are taken at once.
    fn batch(&self, from: usize) -> Vec<Arc<Piece>> {
        let mut room = BATCH;
        let fits = |block: &&Block| {
            let fits = room == BATCH || block.len() <= room;
            room = room.saturating_sub(block.len());
            fits
        };
        self.blocks.range(from..).take(BATCH_BLOCKS).take_while(fits).map(|block| Arc::clone(&block.piece)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log() -> Log {
        Log::new("origin")
    }

    fn block(len: usize, id: Option<&str>) -> Block {
        Block { piece: Arc::new(Piece::of(|out| out.resize(out.len() + len, b'x'))), id: id.map(str::to_owned) }
    }

    #[test]
    fn followers_begin_behind_what_they_have() {
        let mut log = log();
        assert_eq!([log.begin(""), log.begin("origin"), log.begin("1")], [Ok(0), Ok(0), Err(0)]);
        for id in [Some("1"), None, Some("2"), Some("1"), None] {
            log.push(block(1, id));
        }
        assert_eq!([log.begin(""), log.begin("1"), log.begin("2")], [Ok(5), Ok(4), Ok(3)]);
        assert_eq!([log.begin("origin"), log.begin("3")], [Ok(0), Err(5)]);
        for _ in 0..KEPT_BLOCKS {
            log.push(block(1, None));
        }
        assert_eq!([log.begin("origin"), log.begin("1")], [Err(log.next); 2]);
    }

    #[test]
    fn what_is_kept_has_bounds_and_the_newest_stays() {
        let mut log = log();
        for _ in 0..KEPT_BLOCKS + 2 {
            log.push(block(1, None));
        }
        assert!(matches!(log.get(1), Next::Behind) && matches!(log.get(2), Next::Blocks(_)));
        log.push(block(KEPT_BYTES + 1, None));
        assert_eq!((log.blocks.len(), log.bytes), (1, KEPT_BYTES + 1));
        let next = log.next;
        assert!(matches!(log.get(next - 1), Next::Blocks(_)) && matches!(log.get(next), Next::Nothing));
        log.over = Some(Over::Ended(BodyEnd::Reset, None));
        assert!(matches!(log.get(next - 1), Next::Blocks(_)), "what is there comes before the end");
        assert!(matches!(log.get(next), Next::Over(BodyEnd::Reset, None)));
    }

    #[test]
    fn the_fastest_client_sets_the_pace() {
        let mut log = log();
        assert!(log.has_room(KEPT_BLOCKS, KEPT_BYTES), "whoever has all gets it, however much it is");
        for _ in 0..AHEAD_BLOCKS {
            assert!(log.has_room(1, 1) && !log.has_room(AHEAD_BLOCKS + 1, 0) || log.next == 0);
            log.push(block(1, None));
        }
        assert!(!log.has_room(1, 1));
        log.advance(1);
        assert!(log.has_room(1, 1) && !log.has_room(1, AHEAD_BYTES));
        log.advance(log.next);
        assert_eq!(log.ahead, 0);
        // What nobody has taken in time does not count any more.
        log.push(block(KEPT_BYTES, None));
        log.push(block(5, None));
        assert_eq!((log.blocks.len(), log.ahead), (1, 5));
    }

    #[test]
    fn many_small_blocks_are_taken_at_once() {
        let mut log = log();
        for len in [10, BATCH - 10, 1, BATCH + 1, 1] {
            log.push(block(len, None));
        }
        let taken = |seq| match log.get(seq) {
            Next::Blocks(blocks) => blocks.len(),
            _ => 0,
        };
        assert_eq!([0, 2, 3, 4].map(taken), [2, 1, 1, 1]);
    }
}
