//! What a server counts, for its service to report.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts of connections and requests.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Connections that were ever accepted.
    pub(crate) accepted: Counter,
    /// Connections that are open.
    pub(crate) open: Counter,
    /// Requests that the router received from tiny_http.
    pub(crate) routed: Counter,
    /// Requests that were malformed or late.
    pub(crate) refused: Counter,
}

/// A count that any thread may change.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Adds one, and returns the new count.
    pub(crate) fn increment(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(crate) fn decrement(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
