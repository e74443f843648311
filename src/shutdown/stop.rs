//! The token that orders a stop.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};

use crate::lock::lock;

/// A token that is triggered once and stays so. Its descriptor becomes readable then, to be waited for beside sockets,
/// and its channel is disconnected, to be waited for beside channels.
#[derive(Debug, Clone)]
pub struct Stop {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    triggered: AtomicBool,
    eventfd: OwnedFd,
    /// Dropped when it is triggered, which disconnects the channel.
    sender: Mutex<Option<Sender<()>>>,
    receiver: Receiver<()>,
}

impl Stop {
    /// A token that is not triggered.
    ///
    /// # Errors
    /// When no descriptor is left.
    pub fn new() -> io::Result<Stop> {
        let eventfd = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let (sender, receiver) = bounded(0);
        let sender = Mutex::new(Some(sender));
        Ok(Stop { inner: Arc::new(Inner { triggered: AtomicBool::new(false), eventfd, sender, receiver }) })
    }

    /// Triggers it. Every wait on it ends, now and from now on.
    pub fn trigger(&self) {
        self.inner.triggered.store(true, Ordering::SeqCst);
        // The counter is never read back, so that the descriptor stays readable; a second write can only be refused
        // after 2^64 - 2 others.
        let _ = rustix::io::write(&self.inner.eventfd, &1_u64.to_ne_bytes());
        drop(lock(&self.inner.sender).take());
    }

    /// Whether it was triggered.
    pub fn is_triggered(&self) -> bool {
        self.inner.triggered.load(Ordering::SeqCst)
    }

    /// Waits until it is triggered.
    pub fn wait_forever(&self) {
        while !self.wait(None) {}
    }

    /// Waits until it is triggered, at most `timeout`; returns whether it is.
    pub fn wait(&self, timeout: Option<Duration>) -> bool {
        wait_readable(&[self.as_fd()], timeout);
        self.is_triggered()
    }

    /// A channel that is disconnected once it is triggered, to wait for it beside other channels.
    pub fn channel(&self) -> &Receiver<()> {
        &self.inner.receiver
    }
}

impl AsFd for Stop {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inner.eventfd.as_fd()
    }
}

/// Waits until one of `descriptors` is readable, at most `timeout`, or a signal comes in between.
pub fn wait_readable(descriptors: &[BorrowedFd<'_>], timeout: Option<Duration>) {
    let mut polled: Vec<_> = descriptors.iter().map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN)).collect();
    let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
    // An error can only be an interruption or a lack of memory: the caller looks at what it waits for, and comes back.
    let _ = poll(&mut polled, timeout.as_ref());
}

/// Waits until whoever reads what is written to `output` is gone, which may be never.
pub fn wait_hung_up(output: impl AsFd) {
    // Asked for nothing, poll still tells of errors and hang-ups.
    let mut polled = [PollFd::from_borrowed_fd(output.as_fd(), PollFlags::empty())];
    while poll(&mut polled, None).is_err() || polled[0].revents().is_empty() {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn a_triggered_token_stays_triggered() {
        let stop = Stop::new().unwrap();
        assert!(!stop.wait(Some(Duration::ZERO)));
        let other = stop.clone();
        let waiter = thread::spawn(move || other.wait(Some(Duration::from_secs(60))));
        stop.trigger();
        stop.trigger();
        assert!(waiter.join().unwrap());
        assert!(stop.wait(None));
        assert!(stop.channel().recv().is_err());
    }
}
