//! One log of events for many connections: a publisher appends, each subscriber reads at its own pace.
//!
//! The log is bounded. A subscriber that falls behind it gets no more: a slow reader delays nobody. The origin's named
//! streams publish on their clock; a relay's shared streams publish no faster than the fastest subscriber reads.

mod log;

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::lock::lock;
use crate::server::connection::{Connection, ConnectionId};
use crate::server::wake::EVENT_READY;
use crate::shutdown::Stop;
pub(crate) use log::{BATCH_ENTRIES, Bounds, Entry, Log, Next};

/// A log, and the connections that are woken for what is new in it. `E` is how it ends.
#[derive(Debug)]
pub(crate) struct Broadcast<E> {
    log: Mutex<Log<E>>,
    /// Tells the publisher that there is room.
    room: Condvar,
    subscribers: Mutex<Vec<Arc<Connection>>>,
}

impl<E: Clone> Broadcast<E> {
    /// An empty log whose first entry has the number `first`.
    pub(crate) fn new(bounds: Bounds, first: u64) -> Broadcast<E> {
        Broadcast { log: Mutex::new(Log::new(bounds, first)), room: Condvar::new(), subscribers: Mutex::default() }
    }

    /// The log, as long as nothing is appended to it.
    pub(crate) fn log(&self) -> MutexGuard<'_, Log<E>> {
        lock(&self.log)
    }

    /// Makes `connection` a subscriber, which is woken for all that is new.
    pub(crate) fn subscribe(&self, connection: &Arc<Connection>) {
        lock(&self.subscribers).push(Arc::clone(connection));
    }

    /// Ends a subscription; whether it was the last.
    pub(crate) fn unsubscribe(&self, id: ConnectionId) -> bool {
        let mut subscribers = lock(&self.subscribers);
        subscribers.retain(|subscriber| subscriber.id != id);
        subscribers.is_empty()
    }

    pub(crate) fn has_subscribers(&self) -> bool {
        !lock(&self.subscribers).is_empty()
    }

    /// Appends an entry.
    pub(crate) fn publish(&self, entry: Entry) {
        self.log().push(entry);
        self.wake();
    }

    /// Appends entries, in portions for which the fastest subscriber has room, or at once when `stop` is triggered.
    pub(crate) fn publish_paced(&self, entries: Vec<Entry>, stop: &Stop) {
        let mut entries = entries.into_iter().peekable();
        while let Some(portion) = log::portion(&mut entries) {
            let bytes = portion.iter().map(Entry::len).sum();
            let is_full = |log: &mut Log<E>| {
                log.publisher_waits = !log.has_room(portion.len(), bytes) && !stop.is_triggered();
                log.publisher_waits
            };
            let mut log = self.room.wait_while(self.log(), is_full).unwrap_or_else(PoisonError::into_inner);
            portion.into_iter().for_each(|entry| log.push(entry));
            drop(log);
            self.wake();
        }
    }

    /// Triggers `stop`, so that a publisher that waits for room with it goes on.
    pub(crate) fn stop_publisher(&self, stop: &Stop) {
        // Under the lock, so that it is not missed between a look and a wait.
        let log = self.log();
        stop.trigger();
        self.room.notify_all();
        drop(log);
    }

    /// Nothing more will come. The first end counts.
    pub(crate) fn end(&self, end: E) {
        self.log().end.get_or_insert(end);
        self.wake();
    }

    /// What a subscriber finds that has taken all before `next`, at most `most` entries.
    pub(crate) fn take(&self, next: u64, most: usize) -> Next<E> {
        let mut log = self.log();
        let taken = log.get(next, most);
        if let Next::Entries(pieces) = &taken {
            self.advance(&mut log, next + pieces.len() as u64);
        }
        taken
    }

    /// A subscriber needs nothing before `next`.
    pub(crate) fn begin_at(&self, next: u64) {
        self.advance(&mut self.log(), next);
    }

    fn advance(&self, log: &mut Log<E>, next: u64) {
        log.advance(next);
        if log.publisher_waits {
            self.room.notify_all();
        }
    }

    /// Wakes all subscribers.
    pub(crate) fn wake(&self) {
        for subscriber in lock(&self.subscribers).iter() {
            subscriber.wake.set(EVENT_READY);
        }
    }
}
