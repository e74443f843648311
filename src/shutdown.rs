//! One stop token for every wait, and the signals that trigger it.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, bounded};
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// A token that is triggered once and stays so. Its descriptor becomes readable then, and can be waited for beside
/// sockets.
#[derive(Debug, Clone)]
pub struct Stop {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    triggered: AtomicBool,
    eventfd: OwnedFd,
}

impl Stop {
    /// A token that is not triggered.
    ///
    /// # Errors
    /// When no descriptor is left.
    pub fn new() -> io::Result<Stop> {
        let eventfd = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Stop { inner: Arc::new(Inner { triggered: AtomicBool::new(false), eventfd }) })
    }

    /// Triggers it. Every wait on it ends, now and from now on.
    pub fn trigger(&self) {
        self.inner.triggered.store(true, Ordering::SeqCst);
        // The counter is never read back, so that the descriptor stays readable; a second write can only be refused
        // after 2^64 - 2 others.
        let _ = rustix::io::write(&self.inner.eventfd, &1_u64.to_ne_bytes());
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
}

impl Stop {
    /// A channel that is disconnected once it is triggered, to wait for it beside other channels.
    ///
    /// # Errors
    /// When no thread is left for it.
    pub fn channel(&self) -> io::Result<Receiver<()>> {
        let (stop, (sender, receiver)) = (self.clone(), bounded::<()>(0));
        let watch = move || {
            stop.wait_forever();
            drop(sender);
        };
        thread::Builder::new().name("stop".to_owned()).spawn(watch)?;
        Ok(receiver)
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

/// The user's wish to end the program.
#[derive(Debug)]
pub struct Interrupts {
    /// Triggered by the first of the signals: end cleanly.
    pub stop: Stop,
    /// Triggered by the second: end at once.
    pub hurry: Stop,
}

impl Interrupts {
    /// Takes over SIGINT, SIGTERM, and SIGHUP unless it is ignored, for the rest of the process's life.
    ///
    /// # Errors
    /// When no descriptor or thread is left for it.
    pub fn install() -> io::Result<Interrupts> {
        let interrupts = Interrupts { stop: Stop::new()?, hurry: Stop::new()? };
        let (stop, hurry) = (interrupts.stop.clone(), interrupts.hurry.clone());
        let hangup = Some(SIGHUP).filter(|_| !is_hangup_ignored());
        let mut signals = Signals::new([SIGINT, SIGTERM].into_iter().chain(hangup))?;
        thread::Builder::new().name("signals".to_owned()).spawn(move || {
            for _ in signals.forever() {
                if stop.is_triggered() { hurry.trigger() } else { stop.trigger() }
            }
        })?;
        Ok(interrupts)
    }
}

/// Whether whoever started the process wants it to outlive its terminal, as nohup does.
fn is_hangup_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & (1 << (SIGHUP - 1)) != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

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
    }
}
