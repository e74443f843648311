//! Who is connected, which streams run, and which ended lately.

use std::collections::{HashMap, VecDeque};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::Serialize;

use super::wake::{STOP, Wake};

/// Ended streams that are remembered.
const ENDED_MAX: usize = 4096;

/// A connection's number, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ConnectionId(pub(crate) u64);

/// Which listener a connection came in by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// The page, the streams, and what a probe asks for.
    Public,
    /// Lists of all streams and metrics.
    Admin,
}

/// A connection, owned by its thread and known to whoever has to wake it.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) id: ConnectionId,
    pub(crate) role: Role,
    pub(crate) peer: SocketAddr,
    pub(crate) stream: TcpStream,
    pub(crate) wake: Wake,
}

/// Why a stream ended, as the contract names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum EndedBy {
    Client,
    Count,
    Duration,
    Abort,
    Shutdown,
    Error,
}

impl EndedBy {
    /// All of them, for the metrics.
    pub(crate) const ALL: [EndedBy; 6] =
        [EndedBy::Client, EndedBy::Count, EndedBy::Duration, EndedBy::Abort, EndedBy::Shutdown, EndedBy::Error];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            EndedBy::Client => "client",
            EndedBy::Count => "count",
            EndedBy::Duration => "duration",
            EndedBy::Abort => "abort",
            EndedBy::Shutdown => "shutdown",
            EndedBy::Error => "error",
        }
    }
}

/// How a stream ended.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    pub(crate) by: EndedBy,
    pub(crate) reason: String,
}

/// A running stream. Its thread alone counts.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) id: Box<str>,
    opened_us: u64,
    opened: Instant,
    events: AtomicU64,
    bytes: AtomicU64,
}

impl Stream {
    pub(crate) fn new(id: &str) -> Stream {
        Stream {
            id: id.into(),
            opened_us: unix_us(),
            opened: Instant::now(),
            events: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
        }
    }

    /// Counts what the stream's own thread, the only one that writes, has written: numbered events, and bytes of the
    /// body before transfer coding.
    pub(crate) fn count(&self, events: u64, bytes: u64) {
        self.events.store(self.events() + events, Ordering::Relaxed);
        self.bytes.store(self.bytes() + bytes, Ordering::Relaxed);
    }

    pub(crate) fn events(&self) -> u64 {
        self.events.load(Ordering::Relaxed)
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn age(&self) -> Duration {
        self.opened.elapsed()
    }

    fn report(&self) -> StreamReport {
        StreamReport {
            id: self.id.clone(),
            state: "open",
            ended_by: None,
            reason: None,
            events: self.events(),
            bytes: self.bytes(),
            opened_us: self.opened_us,
            ended_us: None,
        }
    }
}

/// One stream's state, as `/streams/ID` tells it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct StreamReport {
    id: Box<str>,
    state: &'static str,
    ended_by: Option<EndedBy>,
    reason: Option<String>,
    events: u64,
    bytes: u64,
    opened_us: u64,
    ended_us: Option<u64>,
}

/// Why a stream can't be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Denied {
    /// As many streams as allowed are open.
    Full,
    /// The id is that of an open stream.
    InUse,
}

/// What is counted over all streams that ended.
#[derive(Debug, Clone, Default)]
pub(crate) struct Totals {
    pub(crate) open: u64,
    pub(crate) opened: u64,
    pub(crate) ended: [u64; EndedBy::ALL.len()],
    pub(crate) events: u64,
    pub(crate) bytes: u64,
}

#[derive(Debug, Default)]
struct Streams {
    open: HashMap<Box<str>, Arc<Stream>>,
    ended: VecDeque<StreamReport>,
    totals: Totals,
}

/// All connections and streams.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    connections: Mutex<HashMap<ConnectionId, Arc<Connection>>>,
    none_left: Condvar,
    accepted: AtomicU64,
    streams: Mutex<Streams>,
}

impl Registry {
    /// Takes a connection in. It is in until it is removed.
    pub(crate) fn insert(&self, stream: TcpStream, peer: SocketAddr, role: Role) -> Arc<Connection> {
        let id = ConnectionId(self.accepted.fetch_add(1, Ordering::Relaxed) + 1);
        let connection = Arc::new(Connection { id, role, peer, stream, wake: Wake::default() });
        lock(&self.connections).insert(id, Arc::clone(&connection));
        connection
    }

    pub(crate) fn remove(&self, id: ConnectionId) {
        let mut connections = lock(&self.connections);
        connections.remove(&id);
        if connections.is_empty() {
            self.none_left.notify_all();
        }
    }

    /// Connections that are open now.
    pub(crate) fn connections(&self) -> usize {
        lock(&self.connections).len()
    }

    /// Connections that were ever accepted.
    pub(crate) fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Wakes connections, those that are still there, with what happened to each.
    pub(crate) fn wake(&self, happened: impl Iterator<Item = (ConnectionId, u8)>) {
        let find = |(id, flags)| Some((Arc::clone(lock(&self.connections).get(&id)?), flags));
        // Woken outside the lock, which is the first thing that a thread at its end takes.
        for (connection, flags) in happened.filter_map(find) {
            connection.wake.set(flags);
        }
    }

    /// Tells all connections to end: streams wake up, and whoever waits for a request reads its end.
    pub(crate) fn stop_all(&self) {
        for connection in lock(&self.connections).values() {
            connection.wake.set(STOP);
            let _ = connection.stream.shutdown(Shutdown::Read);
        }
    }

    /// Closes all connections hard: whoever is stuck in a write gets an error.
    pub(crate) fn close_all(&self) {
        for connection in lock(&self.connections).values() {
            let _ = connection.stream.shutdown(Shutdown::Both);
        }
    }

    /// Waits until no connection is left, at most `timeout`; returns how many are.
    pub(crate) fn wait_until_empty(&self, timeout: Duration) -> usize {
        let connections = lock(&self.connections);
        let waited = self.none_left.wait_timeout_while(connections, timeout, |connections| !connections.is_empty());
        waited.unwrap_or_else(PoisonError::into_inner).0.len()
    }

    /// Opens a stream, if its id is free and not more than `max` are open with it.
    pub(crate) fn open(&self, stream: &Arc<Stream>, max: usize) -> Result<(), Denied> {
        let mut streams = lock(&self.streams);
        if streams.open.contains_key(&stream.id) {
            return Err(Denied::InUse);
        }
        if streams.open.len() >= max {
            return Err(Denied::Full);
        }
        streams.open.insert(stream.id.clone(), Arc::clone(stream));
        Ok(())
    }

    /// Takes back that a stream was opened.
    pub(crate) fn forget(&self, stream: &Stream) {
        lock(&self.streams).open.remove(&stream.id);
    }

    /// Closes a stream, and remembers how it ended. It hides an older one of the same id.
    pub(crate) fn close(&self, stream: &Stream, outcome: &Outcome) {
        let mut report = stream.report();
        report.state = "ended";
        report.ended_by = Some(outcome.by);
        report.reason = Some(outcome.reason.clone());
        report.ended_us = Some(unix_us());
        let mut streams = lock(&self.streams);
        streams.open.remove(&stream.id);
        streams.totals.ended[EndedBy::ALL.iter().position(|by| *by == outcome.by).unwrap_or_default()] += 1;
        streams.totals.events += report.events;
        streams.totals.bytes += report.bytes;
        if streams.ended.len() == ENDED_MAX {
            streams.ended.pop_front();
        }
        streams.ended.push_back(report);
    }

    /// One stream, open or ended lately.
    pub(crate) fn report(&self, id: &str) -> Option<StreamReport> {
        let streams = lock(&self.streams);
        let ended = || streams.ended.iter().rev().find(|report| &*report.id == id).cloned();
        streams.open.get(id).map(|stream| stream.report()).or_else(ended)
    }

    /// All streams that are open, the oldest first.
    pub(crate) fn reports(&self) -> Vec<StreamReport> {
        let mut reports: Vec<_> = lock(&self.streams).open.values().map(|stream| stream.report()).collect();
        reports.sort_by_key(|report| report.opened_us);
        reports
    }

    /// Counts over all streams, those that are open included.
    pub(crate) fn totals(&self) -> Totals {
        let streams = lock(&self.streams);
        let mut totals = streams.totals.clone();
        totals.open = streams.open.len() as u64;
        totals.opened = totals.open + totals.ended.iter().sum::<u64>();
        totals.events += streams.open.values().map(|stream| stream.events()).sum::<u64>();
        totals.bytes += streams.open.values().map(|stream| stream.bytes()).sum::<u64>();
        totals
    }
}

/// A panic of one connection's thread must not end another: what is locked here is consistent between statements.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Microseconds since 1970-01-01T00:00:00Z by the system's clock; 0 before.
pub(crate) fn unix_us() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(by: EndedBy) -> Outcome {
        Outcome { by, reason: "because".to_owned() }
    }

    #[test]
    fn an_id_is_free_again_when_its_stream_ended() {
        let registry = Registry::default();
        let stream = Arc::new(Stream::new("a"));
        assert_eq!(registry.open(&stream, 2), Ok(()));
        assert_eq!(registry.open(&Arc::new(Stream::new("a")), 2), Err(Denied::InUse));
        stream.count(3, 100);
        registry.close(&stream, &ended(EndedBy::Count));
        assert_eq!(registry.report("a").unwrap().state, "ended");
        assert_eq!(registry.open(&Arc::new(Stream::new("a")), 2), Ok(()));
        assert_eq!(registry.report("a").unwrap().state, "open");
    }

    #[test]
    fn no_more_streams_than_allowed() {
        let registry = Registry::default();
        assert_eq!(registry.open(&Arc::new(Stream::new("a")), 1), Ok(()));
        assert_eq!(registry.open(&Arc::new(Stream::new("b")), 1), Err(Denied::Full));
    }

    #[test]
    fn only_so_many_ended_streams_are_remembered() {
        let registry = Registry::default();
        for n in 0..=ENDED_MAX {
            let stream = Arc::new(Stream::new(&n.to_string()));
            registry.open(&stream, 1).unwrap();
            registry.close(&stream, &ended(EndedBy::Client));
        }
        assert!(registry.report("0").is_none());
        assert!(registry.report("1").is_some());
        let totals = registry.totals();
        assert_eq!((totals.open, totals.opened, totals.ended[0]), (0, ENDED_MAX as u64 + 1, ENDED_MAX as u64 + 1));
    }
}
