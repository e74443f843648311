//! The thread that starts a program, waits for its end, and starts it again.
//!
//! It is the program's parent for the kernel, which sends a signal to the program when it ends: so it stays as long.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::fd::AsFd;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded, never, select, unbounded};
use rustix::process::{Pid, Signal};

use crate::lock::lock;
use crate::shutdown::{Stop, wait_readable};
use crate::tunnel::child::{Child, Notes, signal};
use crate::tunnel::problem::Found;
use crate::units::format_duration;

/// How long a program that is told to end may take.
const GRACE: Duration = Duration::from_secs(2);
/// The same of one that was of no use yet.
const SHORT_GRACE: Duration = Duration::from_millis(500);
/// The wait before it is started again, the first time; it doubles each time.
const BACKOFF_MIN: Duration = Duration::from_secs(1);
/// The longest such wait.
const BACKOFF_MAX: Duration = Duration::from_secs(60);
/// A program that ran for so long ran well.
const WELL: Duration = Duration::from_secs(60);

/// What happens to a program that is watched.
#[derive(Debug, Clone)]
pub enum Event {
    /// Its log tells of a problem. It runs on, and may overcome it; each one is told once until it is connected again.
    Problem(Found),
    /// It ended by itself.
    Ended(Box<Ended>),
}

/// How a program ended by itself.
#[derive(Debug, Clone)]
pub struct Ended {
    /// Its exit code or signal, or why there was no process.
    pub status: String,
    /// How long it ran.
    pub after: Duration,
    /// What its log tells of the reason.
    pub found: Option<Found>,
    /// The newest lines of its log, fit for a terminal.
    pub last: Vec<String>,
    /// When it is started again, from now; never, if that is of no use.
    pub retry: Option<Duration>,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Problem(found) => write!(f, "cloudflared has a problem: {found}"),
            Event::Ended(ended) => ended.fmt(f),
        }
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cloudflared ended after {:.1} s ({})", self.after.as_secs_f64(), self.status)?;
        match (&self.found, self.last.last()) {
            (Some(found), _) => write!(f, ": {found}")?,
            (None, Some(line)) => write!(f, "; the last that it said: {line}")?,
            (None, None) => f.write_str(", and said nothing")?,
        }
        match self.retry {
            Some(retry) => write!(f, "; it is started again in {}", format_duration(retry)),
            None => Ok(()),
        }
    }
}

/// What is known of the run that goes on.
#[derive(Debug)]
struct Running {
    group: Pid,
    metrics: SocketAddr,
    run: u64,
}

/// What the thread shares with whoever asks.
#[derive(Debug)]
struct Shared {
    /// None between two runs. It is locked while a process is made and while its id is given back, so that a signal
    /// meets it and nobody else.
    running: Mutex<Option<Running>>,
    /// What the newest run has told.
    notes: Mutex<Arc<Mutex<Notes>>>,
    was_ready: AtomicBool,
    ending: Stop,
}

/// A program that is kept running, until this is dropped.
#[derive(Debug)]
pub(super) struct Supervisor {
    shared: Arc<Shared>,
    over: Receiver<()>,
    thread: Option<JoinHandle<()>>,
}

impl Supervisor {
    /// Starts what `command` makes, each time with a free port for the metrics server, until `stop` is triggered.
    pub(super) fn start(
        command: impl Fn(SocketAddr) -> Command + Send + 'static,
        stop: &Stop,
    ) -> io::Result<(Supervisor, Receiver<Event>)> {
        let shared = Arc::new(Shared {
            running: Mutex::default(),
            notes: Mutex::default(),
            was_ready: AtomicBool::new(false),
            ending: Stop::new()?,
        });
        let ((events, receiver), (done, over)) = (unbounded(), bounded(0));
        let keeper = Keeper { command, shared: Arc::clone(&shared), stop: stop.clone(), events, _done: done };
        let thread = thread::Builder::new().name("cloudflared".to_owned()).spawn(move || keeper.keep())?;
        Ok((Supervisor { shared, over, thread: Some(thread) }, receiver))
    }

    /// The number of the run that goes on, and where its metrics server is.
    pub(super) fn running(&self) -> Option<(u64, SocketAddr)> {
        lock(&self.shared.running).as_ref().map(|running| (running.run, running.metrics))
    }

    /// What the newest run has told: the problem that names the cause, and its newest lines.
    pub(super) fn told(&self) -> (Option<Found>, Vec<String>) {
        let notes = Arc::clone(&lock(&self.shared.notes));
        lock(&notes).told()
    }

    /// Whether it ever was connected.
    pub(super) fn was_ready(&self) -> bool {
        self.shared.was_ready.load(Ordering::SeqCst)
    }

    /// From now on, it is started again whatever it ends of.
    pub(super) fn note_ready(&self) {
        self.shared.was_ready.store(true, Ordering::SeqCst);
    }

    fn signal(&self, name: Signal) {
        if let Some(running) = &*lock(&self.shared.running) {
            signal(running.group, name);
        }
    }
}

impl Supervisor {
    /// Ends it for good, at once when `hurry` has something to say.
    pub(super) fn end(&mut self, hurry: &Receiver<()>) {
        self.end_within(GRACE, hurry);
    }

    fn end_within(&mut self, grace: Duration, hurry: &Receiver<()>) {
        let Some(thread) = self.thread.take() else { return };
        self.shared.ending.trigger();
        self.signal(Signal::TERM);
        select! {
            recv(self.over) -> _ => {}
            recv(hurry) -> _ => self.signal(Signal::KILL),
            default(grace) => {
                log::warn!("cloudflared does not end within {}, and is killed", format_duration(grace));
                self.signal(Signal::KILL);
            }
        }
        // It can only have panicked, which is in the log.
        let _ = thread.join();
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.end_within(SHORT_GRACE, &never());
    }
}

struct Keeper<C> {
    command: C,
    shared: Arc<Shared>,
    stop: Stop,
    events: Sender<Event>,
    _done: Sender<()>,
}

impl<C: Fn(SocketAddr) -> Command> Keeper<C> {
    fn keep(&self) {
        let mut failures = 0;
        for run in 1.. {
            let begun = Instant::now();
            let status = match self.started(run) {
                Ok(None) => return,
                Ok(Some(child)) => self.ended(child),
                Err(error) => error.to_string(),
            };
            if self.is_over() {
                return;
            }
            let after = begun.elapsed();
            failures = if after >= WELL { 1 } else { failures + 1 };
            let retry = self.tell(status, after, backoff(failures));
            let Some(retry) = retry else { return };
            wait_readable(&[self.shared.ending.as_fd(), self.stop.as_fd()], Some(retry));
            if self.is_over() {
                return;
            }
        }
    }

    fn is_over(&self) -> bool {
        self.shared.ending.is_triggered() || self.stop.is_triggered()
    }

    /// A new run; none if there is to be none any more.
    fn started(&self, run: u64) -> io::Result<Option<Child>> {
        let mut running = lock(&self.shared.running);
        if self.is_over() {
            return Ok(None);
        }
        *lock(&self.shared.notes) = Arc::default();
        let metrics = free_address()?;
        let events = self.events.clone();
        let child = Child::start((self.command)(metrics), move |found| drop(events.send(Event::Problem(found))))?;
        *lock(&self.shared.notes) = child.notes();
        *running = Some(Running { group: child.group(), metrics, run });
        Ok(Some(child))
    }

    /// Waits for the end of a run, and returns its exit status.
    fn ended(&self, child: Child) -> String {
        child.wait();
        *lock(&self.shared.running) = None;
        child.reap().map_or_else(|error| error.to_string(), |status| status.to_string())
    }

    /// Tells of an end. Returns when it is to be started again, if it is.
    fn tell(&self, status: String, after: Duration, backoff: Duration) -> Option<Duration> {
        let notes = Arc::clone(&lock(&self.shared.notes));
        let (found, last) = lock(&notes).told();
        let is_hopeless = found.as_ref().is_some_and(|found| found.problem.is_lasting());
        let retry = (!is_hopeless || self.shared.was_ready.load(Ordering::SeqCst)).then_some(backoff);
        let ended = Ended { status, after, found, last, retry };
        log::debug!("{ended}");
        // Nobody may be listening.
        let _ = self.events.send(Event::Ended(Box::new(ended)));
        retry
    }
}

/// How long to wait after so many ends in a row.
fn backoff(failures: u32) -> Duration {
    BACKOFF_MIN.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1))).min(BACKOFF_MAX)
}

/// A port of 127.0.0.1 that was free a moment ago.
fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_minute() {
        let waits: Vec<u64> = (1..9).map(|failures| backoff(failures).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(backoff(u32::MAX), BACKOFF_MAX);
    }
}
