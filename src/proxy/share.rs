//! One connection to the target for all clients of the same URL.
//!
//! The first client's thread asks the target. If a stream answers, a reader on a thread of its own takes it over, cuts it
//! into blocks, keeps the newest ones and wakes the clients; each client's thread writes them at its own pace. Who falls
//! behind what is kept is dropped: a slow client delays nobody. The target is read no faster than the fastest client
//! reads, so that one alone is never outrun. With the last client the target's connection goes, too, at once.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;

use super::Target;
use super::blocks::Blocks;
use super::chain::Ending;
use super::lookout::Lookout;
use super::outcome::{BROKE_OFF, By, ENDED, RESET};
use super::relay::{Way, ending_of};
use super::request::{Fields, values};
use super::resume::{Source, last_event_id};
use crate::client::{self, Arrival};
use crate::escape::escaped;
use crate::http::chunk::Piece;
use crate::server::registry::{Connection, lock};
use crate::server::wake::NEWS;
use crate::shutdown::Stop;

/// Most blocks that are kept of a stream, for clients that come back and for slow ones.
pub(super) const KEPT_BLOCKS: usize = 1024;
/// Most bytes of them; the newest block stays in any case.
pub(super) const KEPT_BYTES: usize = 1024 * 1024;
/// Most blocks, and bytes, that even the fastest client has yet to take; the target waits.
const AHEAD_BLOCKS: usize = KEPT_BLOCKS / 2;
const AHEAD_BYTES: usize = KEPT_BYTES / 2;
/// Most blocks, and bytes, that are handed over at once, but for a larger block.
const BATCH_BLOCKS: usize = 256;
const BATCH: usize = 32 * 1024;
/// Stack of a reader. TLS needs it.
const STACK: usize = super::STACK;

/// Whether a request may share its stream: nothing in it is for one client alone.
pub(super) fn may_share(method: &str, body: &[u8], fields: &Fields) -> bool {
    let is_private = |name| values(fields, name).next().is_some();
    method == "GET" && body.is_empty() && !["authorization", "cookie"].into_iter().any(is_private)
}

/// Which requests share a stream: those for the same URL, from pages of the same origin, which the target may name in
/// `Access-Control-Allow-Origin`.
pub(super) fn key(url: &str, fields: &Fields) -> String {
    let origin = values(fields, "origin").next().map(String::from_utf8_lossy).unwrap_or_default();
    format!("{url} {origin}")
}

/// What of the target's response all clients get.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) head: client::Head,
    pub(super) fields: Fields,
}

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
    Over(Ending, Option<String>),
    /// There is no stream: each asks by itself.
    Alone,
    /// The client that asked is gone: another one asks.
    Again,
}

/// All shared streams.
#[derive(Debug, Default)]
pub(super) struct Shares {
    streams: Mutex<HashMap<String, Arc<Stream>>>,
}

/// One shared stream.
#[derive(Debug)]
pub(super) struct Stream {
    key: String,
    /// Ends its reader.
    stop: Stop,
    answer: OnceLock<Answer>,
    log: Mutex<Log>,
    /// Tells the reader that it may go on.
    room: Condvar,
    followers: Mutex<Vec<Arc<Connection>>>,
}

#[derive(Debug)]
struct Log {
    blocks: VecDeque<Block>,
    bytes: usize,
    /// The number of the next block.
    next: u64,
    /// The number of the next block that nobody has taken yet, and the bytes from there on.
    foremost: u64,
    ahead: usize,
    /// The reader waits for room.
    waits: bool,
    /// The last event ID that the target was asked with.
    origin: String,
    over: Option<Over>,
}

#[derive(Debug)]
struct Block {
    piece: Arc<Piece>,
    /// The last event ID, if this block has set it.
    id: Option<String>,
}

impl Block {
    fn len(&self) -> usize {
        self.piece.payload().len()
    }
}

/// Why there will be no more blocks.
#[derive(Debug, Clone)]
enum Over {
    Ended(Ending, Option<String>),
    Alone,
    Again,
}

/// A client's place in a stream. Dropped, it is free.
#[derive(Debug)]
pub(super) struct Place {
    shares: Arc<Shares>,
    stream: Arc<Stream>,
    connection: Arc<Connection>,
    next: u64,
    /// This client is the one that asks the target.
    asks: bool,
}

impl Shares {
    /// Makes `connection` a follower of the stream of `key`, behind the event with the id that it names, if that is
    /// kept, else with what comes next. The first one is to ask the target.
    pub(super) fn join(self: &Arc<Shares>, key: &str, id: &str, connection: &Arc<Connection>) -> io::Result<Place> {
        let mut streams = lock(&self.streams);
        let (stream, asks) = match streams.get(key) {
            Some(stream) => (Arc::clone(stream), false),
            None => (Arc::new(Stream::new(key, id)?), true),
        };
        if asks {
            streams.insert(key.to_owned(), Arc::clone(&stream));
        }
        let next = lock(&stream.log).begin(id).unwrap_or_else(|next| {
            log::info!(
                "the event with id {} is not kept of the stream that {} shares, which begins with what comes next",
                escaped(id),
                connection.peer
            );
            next
        });
        lock(&stream.followers).push(Arc::clone(connection));
        stream.begin_at(next);
        Ok(Place { shares: Arc::clone(self), stream, connection: Arc::clone(connection), next, asks })
    }

    /// Takes a stream out, so that whoever comes asks anew.
    fn retire(&self, stream: &Arc<Stream>) {
        let mut streams = lock(&self.streams);
        if streams.get(&stream.key).is_some_and(|other| Arc::ptr_eq(other, stream)) {
            streams.remove(&stream.key);
        }
    }

    /// Ends a stream for its followers.
    fn end(&self, stream: &Arc<Stream>, over: Over) {
        self.retire(stream);
        lock(&stream.log).over.get_or_insert(over);
        stream.wake_followers();
    }

    /// Ends all readers.
    pub(super) fn stop_all(&self) {
        for stream in lock(&self.streams).values() {
            stream.end_reader();
        }
    }
}

impl Stream {
    fn new(key: &str, id: &str) -> io::Result<Stream> {
        let log = Log::new(id);
        Ok(Stream {
            key: key.to_owned(),
            stop: Stop::new()?,
            answer: OnceLock::new(),
            log: Mutex::new(log),
            room: Condvar::new(),
            followers: Mutex::default(),
        })
    }

    fn wake_followers(&self) {
        for follower in lock(&self.followers).iter() {
            follower.wake.set(NEWS);
        }
    }

    /// Appends blocks, in portions for which the fastest follower has room.
    fn publish(&self, blocks: Vec<Block>) {
        let mut blocks = blocks.into_iter().peekable();
        while let Some(first) = blocks.peek() {
            let mut bytes = first.len();
            let mut portion: Vec<Block> = blocks.next().into_iter().collect();
            while let Some(next) = blocks.next_if(|next| bytes + next.len() <= BATCH && portion.len() < BATCH_BLOCKS) {
                bytes += next.len();
                portion.push(next);
            }
            let mut log = self.wait_for_room(portion.len(), bytes);
            for block in portion {
                log.push(block);
            }
            drop(log);
            self.wake_followers();
        }
    }

    /// Waits until somebody has room for so much more, or the reader is to end.
    fn wait_for_room(&self, blocks: usize, bytes: usize) -> MutexGuard<'_, Log> {
        let is_full = |log: &mut Log| {
            log.waits = !log.has_room(blocks, bytes) && !self.stop.is_triggered();
            log.waits
        };
        self.room.wait_while(lock(&self.log), is_full).unwrap_or_else(PoisonError::into_inner)
    }

    /// A follower begins here.
    fn begin_at(&self, next: u64) {
        let mut log = lock(&self.log);
        log.advance(next);
        self.room.notify_all();
    }

    fn end_reader(&self) {
        // Under the lock, so that it is not missed between a look and a wait.
        let log = lock(&self.log);
        self.stop.trigger();
        self.room.notify_all();
        drop(log);
    }
}

impl Log {
    fn new(origin: &str) -> Log {
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
    fn has_room(&self, blocks: usize, bytes: usize) -> bool {
        let ahead = (self.next - self.foremost) as usize;
        ahead == 0 || (ahead + blocks <= AHEAD_BLOCKS && self.ahead + bytes <= AHEAD_BYTES)
    }

    /// Somebody has taken all blocks before `seq`.
    fn advance(&mut self, seq: u64) {
        let oldest = self.next - self.blocks.len() as u64;
        while self.foremost < seq {
            let at = self.foremost.checked_sub(oldest).map(|at| at as usize);
            let len = at.and_then(|at| self.blocks.get(at)).map_or(0, |block| block.len());
            self.ahead -= len;
            self.foremost += 1;
        }
    }

    /// Where a follower begins; an error if that is not behind the event that it names.
    fn begin(&self, id: &str) -> Result<u64, u64> {
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

    fn push(&mut self, block: Block) {
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

    fn get(&self, seq: u64) -> Next {
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

impl Place {
    /// Whether this client is to ask the target.
    pub(super) fn asks(&self) -> bool {
        self.asks
    }

    /// The target's answer, as soon as it is there.
    pub(super) fn answer(&self) -> Option<&Answer> {
        self.stream.answer.get()
    }

    /// What comes next. Blocks that are taken are not the next ones any more.
    pub(super) fn next(&mut self) -> Next {
        let mut log = lock(&self.stream.log);
        let next = log.get(self.next);
        if let Next::Blocks(blocks) = &next {
            self.next += blocks.len() as u64;
            log.advance(self.next);
            if log.waits {
                self.stream.room.notify_all();
            }
        }
        next
    }

    /// There is nothing to share: the others ask by themselves.
    pub(super) fn give_up(&mut self) {
        self.settle(Over::Alone);
    }

    fn settle(&mut self, over: Over) {
        if std::mem::take(&mut self.asks) {
            self.shares.end(&self.stream, over);
        }
    }

    /// Starts the reader of the stream that has answered.
    ///
    /// # Errors
    /// When no thread is left for it.
    pub(super) fn open(&mut self, answer: Answer, reading: Reading) -> io::Result<()> {
        let (sender, receiver) = bounded::<Reader>(1);
        let work = move || receiver.recv().map_or((), Reader::run);
        thread::Builder::new().name("reader".to_owned()).stack_size(STACK).spawn(work)?;
        self.asks = false;
        reading.way.lookout.hand_over(&self.stream.stop);
        let _ = self.stream.answer.set(answer);
        let reader = Reader { shares: Arc::clone(&self.shares), stream: Arc::clone(&self.stream), reading };
        // It waits for nothing else.
        let _ = sender.send(reader);
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Only a client that is gone, or a thread that failed, leaves it open.
        self.settle(Over::Again);
        let mut streams = lock(&self.shares.streams);
        let mut followers = lock(&self.stream.followers);
        followers.retain(|follower| follower.id != self.connection.id);
        if followers.is_empty() {
            if streams.get(&self.stream.key).is_some_and(|other| Arc::ptr_eq(other, &self.stream)) {
                streams.remove(&self.stream.key);
            }
            self.stream.end_reader();
        }
    }
}

/// What a reader reads.
pub(super) struct Reading {
    pub(super) target: Arc<Target>,
    /// The number of the client that asked, by which the log knows the stream.
    pub(super) id: u64,
    pub(super) fields: Fields,
    pub(super) way: Way,
    pub(super) source: Source,
}

struct Reader {
    shares: Arc<Shares>,
    stream: Arc<Stream>,
    reading: Reading,
}

impl Reader {
    fn run(mut self) {
        let (id, begun) = (self.reading.id, Instant::now());
        log::info!("share opened id={id} target={}", self.reading.target.shown);
        let mut count = (0, 0);
        let (by, ending, failure) = self.read(&mut count);
        let said = match ending {
            _ if by == By::Client => "the last client is gone",
            _ if by == By::Shutdown => "the proxy stops",
            Ending::Clean => ENDED,
            Ending::Truncated => BROKE_OFF,
            Ending::Reset => RESET,
        };
        let because = failure.as_ref().map(|failure| format!(": {}", escaped(failure))).unwrap_or_default();
        let (by, after, (blocks, bytes)) = (by.as_str(), begun.elapsed().as_secs_f64(), count);
        log::info!(
            "share closed id={id} by={by} reason=\"{said}{because}\" blocks={blocks} bytes={bytes} after={after:.3}s"
        );
        self.shares.end(&self.stream, Over::Ended(ending, failure));
    }

    fn read(&mut self, count: &mut (u64, u64)) -> (By, Ending, Option<String>) {
        let mut id = last_event_id(&self.reading.fields);
        let mut blocks = Blocks::behind(&id);
        loop {
            self.lookout().set_deadline(None);
            match self.reading.source.read_or_leave() {
                Some(Arrival::Bytes(_, bytes)) => {
                    let mut whole = Vec::new();
                    let taken = blocks.take(&bytes, |block, last| {
                        let is_new = last != id;
                        if is_new {
                            last.clone_into(&mut id);
                        }
                        *count = (count.0 + 1, count.1 + block.len() as u64);
                        let piece = Arc::new(Piece::of(|out| out.extend_from_slice(&block)));
                        whole.push(Block { piece, id: is_new.then(|| last.to_owned()) });
                    });
                    self.stream.publish(whole);
                    if let Err(text) = taken {
                        return (By::Target, Ending::Truncated, Some(text));
                    }
                }
                Some(Arrival::End(_, ending)) => {
                    let failure = match &ending {
                        client::Ending::Failed(text) => Some(text.clone()),
                        _ => None,
                    };
                    return (By::Target, ending_of(&ending), failure);
                }
                None if self.lookout().is_stopping() => {
                    let by = if lock(&self.stream.followers).is_empty() { By::Client } else { By::Shutdown };
                    return (by, Ending::Truncated, None);
                }
                None => {}
            }
        }
    }

    fn lookout(&self) -> &Lookout {
        &self.reading.way.lookout
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // It is over already, unless the reader failed.
        self.shares.end(&self.stream, Over::Ended(Ending::Truncated, Some("its reader failed".to_owned())));
    }
}

/// Longest wait of a follower, which then only looks around.
pub(super) const LOOK_AROUND: Duration = Duration::from_secs(3600);

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
        log.over = Some(Over::Ended(Ending::Reset, None));
        assert!(matches!(log.get(next - 1), Next::Blocks(_)), "what is there comes before the end");
        assert!(matches!(log.get(next), Next::Over(Ending::Reset, None)));
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

    #[test]
    fn private_requests_share_nothing() {
        let field = |name: &str| vec![(name.to_owned(), b"x".to_vec())];
        assert!(may_share("GET", b"", &field("Accept")));
        assert!(!may_share("GET", b"", &field("COOKIE")) && !may_share("GET", b"", &field("authorization")));
        assert!(
            !may_share("POST", b"", &vec![]) && !may_share("HEAD", b"", &vec![]) && !may_share("GET", b"x", &vec![])
        );
        assert_ne!(key("u", &field("Origin")), key("u", &vec![]));
    }
}
