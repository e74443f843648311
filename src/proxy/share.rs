//! One connection to the target for all clients of the same URL.
//!
//! The first client's thread asks the target. If a stream answers, a reader on a thread of its own takes it over, cuts it
//! into blocks, keeps the newest ones and wakes the clients; each client's thread writes them at its own pace. Who falls
//! behind what is kept is dropped: a slow client delays nobody. The target is read no faster than the fastest client
//! reads, so that one alone is never outrun. With the last client the target's connection goes, too, at once.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;

use super::blocks::BlockSplitter;
use super::outcome::{BROKE_OFF, ENDED, EndedBy, RESET};
use super::poller::RelayPoller;
use super::request::{Fields, values};
use super::resume::{BodySource, last_event_id};
use super::target::Target;
use super::upstream_body::ending_of;
use super::upstream_conn::UpstreamConn;
use crate::broadcast::{BATCH_ENTRIES, Bounds, Broadcast, Entry, Next};
use crate::client::{self, Arrival};
use crate::escape::escaped;
use crate::http::Url;
use crate::http::chunk::Piece;
use crate::impair::BodyEnd;
use crate::lock::lock;
use crate::server::connection::Connection;
use crate::shutdown::Stop;

/// Stack of a reader. TLS needs it.
const STACK: usize = super::config::STACK;

/// What is kept of a stream.
const BOUNDS: Bounds = Bounds { entries: 1024, bytes: 1024 * 1024 };

/// Why nothing more of a stream will come.
#[derive(Debug, Clone)]
pub(super) enum Over {
    /// The target's response has ended, with what went wrong.
    Ended(BodyEnd, Option<String>),
    /// There is no stream: each asks by itself.
    Alone,
    /// The client that asked is gone: another one asks.
    Again,
}

/// Whether a request may share its stream: nothing in it is for one client alone.
pub(super) fn may_share(method: &str, has_body: bool, fields: &Fields) -> bool {
    let is_private = |name| values(fields, name).next().is_some();
    method == "GET" && !has_body && !["authorization", "cookie"].into_iter().any(is_private)
}

/// Which requests share a stream: those for the same URL, from pages of the same origin, which the target may name in
/// `Access-Control-Allow-Origin`.
pub(super) fn key(url: &Url, fields: &Fields) -> String {
    let origin = values(fields, "origin").next().map(String::from_utf8_lossy).unwrap_or_default();
    format!("{} {origin}", url.as_str())
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
    streams: Mutex<HashMap<String, Arc<SharedStream>>>,
}

/// One shared stream.
#[derive(Debug)]
struct SharedStream {
    key: String,
    /// Ends its reader.
    stop: Stop,
    answer: OnceLock<Answer>,
    /// The last event ID that the target was asked to go on after.
    asked_after: String,
    broadcast: Broadcast<Over>,
}

/// A client's subscription to a shared stream, which ends when this is dropped.
#[derive(Debug)]
pub(super) struct ShareSubscription {
    shares: Arc<Shares>,
    stream: Arc<SharedStream>,
    connection: Arc<Connection>,
    next: u64,
    /// This client is the one that asks the target.
    asks: bool,
}

impl Shares {
    /// Makes `connection` a follower of the stream of `key`, behind the event with the id that it names, if that is
    /// kept, else with what comes next. The first one is to ask the target.
    pub(super) fn join(
        self: &Arc<Shares>,
        key: &str,
        id: &str,
        connection: &Arc<Connection>,
    ) -> io::Result<ShareSubscription> {
        let mut streams = lock(&self.streams);
        let (stream, asks) = match streams.get(key) {
            Some(stream) => (Arc::clone(stream), false),
            None => (Arc::new(SharedStream::new(key, id)?), true),
        };
        if asks {
            streams.insert(key.to_owned(), Arc::clone(&stream));
        }
        let next = stream.begin(id).unwrap_or_else(|next| {
            log::info!(
                "the event with id {} is not kept of the stream that {} shares, which begins with what comes next",
                escaped(id),
                connection.peer
            );
            next
        });
        stream.broadcast.subscribe(connection);
        stream.broadcast.begin_at(next);
        Ok(ShareSubscription { shares: Arc::clone(self), stream, connection: Arc::clone(connection), next, asks })
    }

    /// Takes a stream out, so that whoever comes asks anew.
    fn retire(&self, stream: &Arc<SharedStream>) {
        let mut streams = lock(&self.streams);
        if streams.get(&stream.key).is_some_and(|other| Arc::ptr_eq(other, stream)) {
            streams.remove(&stream.key);
        }
    }

    /// Ends a stream for its followers.
    fn end(&self, stream: &Arc<SharedStream>, over: Over) {
        self.retire(stream);
        stream.broadcast.end(over);
    }

    /// Ends all readers.
    pub(super) fn stop_all(&self) {
        for stream in lock(&self.streams).values() {
            stream.end_reader();
        }
    }
}

impl SharedStream {
    fn new(key: &str, id: &str) -> io::Result<SharedStream> {
        Ok(SharedStream {
            key: key.to_owned(),
            stop: Stop::new()?,
            answer: OnceLock::new(),
            asked_after: id.to_owned(),
            broadcast: Broadcast::new(BOUNDS, 0),
        })
    }

    /// Where a subscriber begins; an error if that is not after the event that it names.
    fn begin(&self, id: &str) -> Result<u64, u64> {
        let log = self.broadcast.log();
        match log.after(id) {
            _ if id.is_empty() => Ok(log.next()),
            Some(next) => Ok(next),
            None if log.oldest() == 0 && id == self.asked_after => Ok(0),
            None => Err(log.next()),
        }
    }

    fn end_reader(&self) {
        self.broadcast.stop_publisher(&self.stop);
    }
}

impl ShareSubscription {
    /// Whether this client is to ask the target.
    pub(super) fn asks(&self) -> bool {
        self.asks
    }

    /// The target's answer, as soon as it is there.
    pub(super) fn answer(&self) -> Option<&Answer> {
        self.stream.answer.get()
    }

    /// What comes next. Entries that are taken are not the next ones any more.
    pub(super) fn next(&mut self) -> Next<Over> {
        let next = self.stream.broadcast.take(self.next, BATCH_ENTRIES);
        if let Next::Entries(pieces) = &next {
            self.next += pieces.len() as u64;
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
        self.stream.broadcast.wake();
        let reader = Reader { shares: Arc::clone(&self.shares), stream: Arc::clone(&self.stream), reading };
        // It waits for nothing else.
        let _ = sender.send(reader);
        Ok(())
    }
}

impl Drop for ShareSubscription {
    fn drop(&mut self) {
        // Only a client that is gone, or a thread that failed, leaves it open.
        self.settle(Over::Again);
        let mut streams = lock(&self.shares.streams);
        if self.stream.broadcast.unsubscribe(self.connection.id) {
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
    stream: Arc<SharedStream>,
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
                        whole.push(Entry { piece, id: is_new.then(|| last.to_owned()) });
                    });
                    self.stream.broadcast.publish_paced(whole, &self.stream.stop);
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
    fn subscribers_begin_after_what_they_have() {
        let stream = SharedStream::new("key", "origin").unwrap();
        assert_eq!([stream.begin(""), stream.begin("origin"), stream.begin("1")], [Ok(0), Ok(0), Err(0)]);
        let publish = |id: Option<&str>| {
            let piece = Arc::new(Piece::of(|out| out.push(b'x')));
            stream.broadcast.publish(Entry { piece, id: id.map(str::to_owned) });
        };
        [Some("1"), None, Some("2")].into_iter().for_each(publish);
        assert_eq!([stream.begin(""), stream.begin("1"), stream.begin("2")], [Ok(3), Ok(1), Ok(3)]);
        assert_eq!([stream.begin("origin"), stream.begin("3")], [Ok(0), Err(3)]);
        (0..BOUNDS.entries).for_each(|_| publish(None));
        let next = BOUNDS.entries as u64 + 3;
        assert_eq!([stream.begin("origin"), stream.begin("1")], [Err(next); 2]);
    }

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
        let url = Url::of("u");
        assert_ne!(key(&url, &field("Origin")), key(&url, &vec![]));
    }
}
