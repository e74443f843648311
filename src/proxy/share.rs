//! One connection to the target for all clients of the same URL.
//!
//! The first client's thread asks the target. If a stream answers, a reader on a thread of its own takes it over, cuts it
//! into blocks, keeps the newest ones and wakes the clients; each client's thread writes them at its own pace. Who falls
//! behind what is kept is dropped: a slow client delays nobody. The target is read no faster than the fastest client
//! reads, so that one alone is never outrun. With the last client the target's connection goes, too, at once.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;

use super::blocks::BlockSplitter;
use super::kept::{BATCH, BATCH_BLOCKS, Block, Log, Next, Over};
use super::outcome::{BROKE_OFF, ENDED, EndedBy, RESET};
use super::poller::RelayPoller;
use super::request::{Fields, values};
use super::resume::{BodySource, last_event_id};
use super::target::Target;
use super::upstream_body::ending_of;
use super::upstream_conn::UpstreamConn;
use crate::client::{self, Arrival};
use crate::escape::escaped;
use crate::http::chunk::Piece;
use crate::impair::BodyEnd;
use crate::lock::lock;
use crate::server::connection::Connection;
use crate::server::wake::EVENT_READY;
use crate::shutdown::Stop;

/// Stack of a reader. TLS needs it.
const STACK: usize = super::config::STACK;

/// Whether a request may share its stream: nothing in it is for one client alone.
pub(super) fn may_share(method: &str, has_body: bool, fields: &Fields) -> bool {
    let is_private = |name| values(fields, name).next().is_some();
    method == "GET" && !has_body && !["authorization", "cookie"].into_iter().any(is_private)
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
            follower.wake.set(EVENT_READY);
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
        reading.upstream.poller.detach_client(&self.stream.stop);
        let _ = self.stream.answer.set(answer);
        // The head is there for all, whenever the first block comes.
        self.stream.wake_followers();
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
    pub(super) upstream: UpstreamConn,
    pub(super) feed: BodySource,
    /// The server's order to stop.
    pub(super) stop: Stop,
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
            _ if by == EndedBy::Client => "the last client is gone",
            _ if by == EndedBy::Shutdown => "the proxy stops",
            BodyEnd::Clean => ENDED,
            BodyEnd::Truncated => BROKE_OFF,
            BodyEnd::Reset => RESET,
        };
        let because = failure.as_ref().map(|failure| format!(": {}", escaped(failure))).unwrap_or_default();
        let (by, after, (blocks, bytes)) = (by.as_str(), begun.elapsed().as_secs_f64(), count);
        log::info!(
            "share closed id={id} by={by} reason=\"{said}{because}\" blocks={blocks} bytes={bytes} after={after:.3}s"
        );
        self.shares.end(&self.stream, Over::Ended(ending, failure));
    }

    fn read(&mut self, count: &mut (u64, u64)) -> (EndedBy, BodyEnd, Option<String>) {
        let mut id = last_event_id(&self.reading.fields);
        let mut blocks = BlockSplitter::after(&id);
        loop {
            self.poller().set_deadline(None);
            match self.reading.feed.read_or_leave() {
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
                        return (EndedBy::Target, BodyEnd::Truncated, Some(text));
                    }
                }
                Some(Arrival::End(_, ending)) => {
                    let failure = match &ending {
                        client::Ending::Failed(text) => Some(text.clone()),
                        _ => None,
                    };
                    return (EndedBy::Target, ending_of(&ending), failure);
                }
                None if self.poller().is_stopping() => {
                    let by = if self.reading.stop.is_triggered() { EndedBy::Shutdown } else { EndedBy::Client };
                    return (by, BodyEnd::Truncated, None);
                }
                None => {}
            }
        }
    }

    fn poller(&self) -> &RelayPoller {
        &self.reading.upstream.poller
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // It is over already, unless the reader failed.
        self.shares.end(&self.stream, Over::Ended(BodyEnd::Truncated, Some("its reader failed".to_owned())));
    }
}

/// Longest wait of a follower, which then only looks around.
pub(super) const LOOK_AROUND: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_requests_share_nothing() {
        let field = |name: &str| vec![(name.to_owned(), b"x".to_vec())];
        assert!(may_share("GET", false, &field("Accept")));
        assert!(!may_share("GET", false, &field("COOKIE")) && !may_share("GET", false, &field("authorization")));
        assert!(
            !may_share("POST", false, &vec![])
                && !may_share("HEAD", false, &vec![])
                && !may_share("GET", true, &vec![])
        );
        assert_ne!(key("u", &field("Origin")), key("u", &vec![]));
    }
}
