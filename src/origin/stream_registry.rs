//! Which streams run, and which ended lately.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::lock::lock;
use crate::site::time::unix_us;

/// Ended streams that are remembered.
const ENDED_MAX: usize = 4096;

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
pub(crate) struct StreamEnd {
    pub(crate) by: EndedBy,
    pub(crate) reason: String,
}

/// A running stream. Its thread alone counts.
#[derive(Debug)]
pub(crate) struct OpenStream {
    pub(crate) id: Box<str>,
    opened_us: u64,
    opened: Instant,
    events: AtomicU64,
    bytes: AtomicU64,
}

impl OpenStream {
    pub(crate) fn new(id: &str) -> OpenStream {
        OpenStream {
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
    open: HashMap<Box<str>, Arc<OpenStream>>,
    ended: VecDeque<StreamReport>,
    totals: Totals,
}

/// All streams.
#[derive(Debug, Default)]
pub(crate) struct StreamRegistry(Mutex<Streams>);

impl StreamRegistry {
    /// Opens a stream, if its id is free and not more than `max` are open with it.
    pub(crate) fn open(&self, stream: &Arc<OpenStream>, max: usize) -> Result<(), Denied> {
        let mut streams = lock(&self.0);
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
    pub(crate) fn forget(&self, stream: &OpenStream) {
        lock(&self.0).open.remove(&stream.id);
    }

    /// Closes a stream, and remembers how it ended. It hides an older one of the same id.
    pub(crate) fn close(&self, stream: &OpenStream, end: &StreamEnd) {
        let mut report = stream.report();
        report.state = "ended";
        report.ended_by = Some(end.by);
        report.reason = Some(end.reason.clone());
        report.ended_us = Some(unix_us());
        let mut streams = lock(&self.0);
        streams.open.remove(&stream.id);
        streams.totals.ended[EndedBy::ALL.iter().position(|by| *by == end.by).unwrap_or_default()] += 1;
        streams.totals.events += report.events;
        streams.totals.bytes += report.bytes;
        if streams.ended.len() == ENDED_MAX {
            streams.ended.pop_front();
        }
        streams.ended.push_back(report);
    }

    /// One stream, open or ended lately.
    pub(crate) fn report(&self, id: &str) -> Option<StreamReport> {
        let streams = lock(&self.0);
        let ended = || streams.ended.iter().rev().find(|report| &*report.id == id).cloned();
        streams.open.get(id).map(|stream| stream.report()).or_else(ended)
    }

    /// All streams that are open, the oldest first.
    pub(crate) fn reports(&self) -> Vec<StreamReport> {
        let mut reports: Vec<_> = lock(&self.0).open.values().map(|stream| stream.report()).collect();
        reports.sort_by_key(|report| report.opened_us);
        reports
    }

    /// Counts over all streams, those that are open included.
    pub(crate) fn totals(&self) -> Totals {
        let streams = lock(&self.0);
        let mut totals = streams.totals.clone();
        totals.open = streams.open.len() as u64;
        totals.opened = totals.open + totals.ended.iter().sum::<u64>();
        totals.events += streams.open.values().map(|stream| stream.events()).sum::<u64>();
        totals.bytes += streams.open.values().map(|stream| stream.bytes()).sum::<u64>();
        totals
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(by: EndedBy) -> StreamEnd {
        StreamEnd { by, reason: "because".to_owned() }
    }

    #[test]
    fn an_id_is_free_again_when_its_stream_ended() {
        let registry = StreamRegistry::default();
        let stream = Arc::new(OpenStream::new("a"));
        assert_eq!(registry.open(&stream, 2), Ok(()));
        assert_eq!(registry.open(&Arc::new(OpenStream::new("a")), 2), Err(Denied::InUse));
        stream.count(3, 100);
        registry.close(&stream, &ended(EndedBy::Count));
        assert_eq!(registry.report("a").unwrap().state, "ended");
        assert_eq!(registry.open(&Arc::new(OpenStream::new("a")), 2), Ok(()));
        assert_eq!(registry.report("a").unwrap().state, "open");
    }

    #[test]
    fn no_more_streams_than_allowed() {
        let registry = StreamRegistry::default();
        assert_eq!(registry.open(&Arc::new(OpenStream::new("a")), 1), Ok(()));
        assert_eq!(registry.open(&Arc::new(OpenStream::new("b")), 1), Err(Denied::Full));
    }

    #[test]
    fn only_so_many_ended_streams_are_remembered() {
        let registry = StreamRegistry::default();
        for n in 0..=ENDED_MAX {
            let stream = Arc::new(OpenStream::new(&n.to_string()));
            registry.open(&stream, 1).unwrap();
            registry.close(&stream, &ended(EndedBy::Client));
        }
        assert!(registry.report("0").is_none());
        assert!(registry.report("1").is_some());
        let totals = registry.totals();
        assert_eq!((totals.open, totals.opened, totals.ended[0]), (0, ENDED_MAX as u64 + 1, ENDED_MAX as u64 + 1));
    }
}
