//! How a connection's thread waits: for its next deadline, or for whatever happens to its stream before.
//!
//! A parked thread sleeps on a futex with an absolute timeout, which the kernel keeps to the thread's timer slack; poll and epoll
//! round a timeout of a second up by about a millisecond.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread::{self, Thread};
use std::time::Instant;

/// The client sent FIN: it is gone, or it only half-closed and goes on reading.
pub(crate) const PEER_FIN: u8 = 1;
/// The connection is broken.
pub(crate) const PEER_GONE: u8 = 2;
/// The server stops.
pub(crate) const STOP: u8 = 4;
/// The broadcast that is subscribed to has a new event.
pub(crate) const EVENT_READY: u8 = 8;

/// What others leave for a thread to find when it wakes up.
#[derive(Debug, Default)]
pub(crate) struct Wake {
    thread: OnceLock<Thread>,
    flags: AtomicU8,
}

impl Wake {
    /// Makes the calling thread the one that waits.
    pub(crate) fn adopt(&self) {
        let _ = self.thread.set(thread::current());
    }

    /// Leaves `flags`, and wakes the thread.
    pub(crate) fn set(&self, flags: u8) {
        self.flags.fetch_or(flags, Ordering::Release);
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }

    /// Takes what was left, without waiting.
    pub(crate) fn take(&self) -> u8 {
        self.flags.swap(0, Ordering::Acquire)
    }

    /// Waits until `deadline`, or until something is left. Returns what was left; nothing means the deadline is over.
    ///
    /// What was left before counts, so that nothing is lost between two waits.
    pub(crate) fn wait_until(&self, deadline: Instant) -> u8 {
        loop {
            let flags = self.take();
            if flags != 0 {
                return flags;
            }
            let now = Instant::now();
            if now >= deadline {
                return 0;
            }
            thread::park_timeout(deadline - now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::time::Duration;

    #[test]
    fn a_wait_ends_with_what_was_left_or_at_its_deadline() {
        let wake = Arc::new(Wake::default());
        wake.adopt();
        wake.set(EVENT_READY);
        wake.set(STOP);
        let far = Instant::now() + Duration::from_secs(60);
        assert_eq!(wake.wait_until(far), EVENT_READY | STOP);
        let other = Arc::clone(&wake);
        let setter = thread::spawn(move || other.set(PEER_FIN));
        assert_eq!(wake.wait_until(far), PEER_FIN);
        setter.join().unwrap();
        assert_eq!(wake.wait_until(Instant::now()), 0);
    }
}
