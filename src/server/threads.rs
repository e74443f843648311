//! Threads for connections. One whose connection has ended waits a moment for the next: to start and end a thread costs
//! more than to serve a short connection.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use crate::lock::lock;

/// How long a thread waits for the next connection.
const IDLE: Duration = Duration::from_secs(1);
/// Most threads that wait; each holds the pages of its stack that it has touched.
const IDLE_MAX: usize = 64;

type Work = Box<dyn FnOnce() + Send>;

/// Runs work, each piece on a thread of its own.
pub(crate) struct Threads {
    stack: usize,
    /// The threads that wait. The newest gets the next work, so that the others can end.
    idle: Mutex<Vec<Arc<Worker>>>,
    stopped: AtomicBool,
    /// Called when a thread ends because there was no work for it.
    on_idle: Box<dyn Fn() + Send + Sync>,
}

/// What a thread that waits does next.
enum Next {
    Work(Work),
    End,
}

/// A thread between two pieces of work.
struct Worker {
    thread: Thread,
    next: Mutex<Option<Next>>,
}

impl Worker {
    fn wake(&self, next: Next) {
        *lock(&self.next) = Some(next);
        self.thread.unpark();
    }
}

impl fmt::Debug for Threads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Threads").field("stack", &self.stack).finish_non_exhaustive()
    }
}

impl Threads {
    /// Threads with so much stack. `on_idle` is called when a thread ends because there was no work for it.
    pub(crate) fn new(stack: usize, on_idle: impl Fn() + Send + Sync + 'static) -> Threads {
        Threads { stack, idle: Mutex::default(), stopped: AtomicBool::new(false), on_idle: Box::new(on_idle) }
    }

    /// Runs `work` on a thread that waits, or on a new one. What the work holds is dropped before its thread waits.
    ///
    /// # Errors
    /// When no thread is to be had; the work is dropped.
    pub(crate) fn run(self: &Arc<Threads>, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let idle = lock(&self.idle).pop();
        if let Some(worker) = idle {
            worker.wake(Next::Work(Box::new(work)));
            return Ok(());
        }
        let threads = Arc::clone(self);
        thread::Builder::new().stack_size(self.stack).spawn(move || {
            work();
            threads.wait_for_more();
        })?;
        Ok(())
    }

    /// Ends the threads that wait, and each other one as soon as its work is done.
    pub(crate) fn stop(&self) {
        let mut idle = lock(&self.idle);
        self.stopped.store(true, Ordering::Relaxed);
        idle.drain(..).for_each(|worker| worker.wake(Next::End));
    }

    /// On a thread whose work is done: does more, as long as there is some.
    fn wait_for_more(&self) {
        let worker = Arc::new(Worker { thread: thread::current(), next: Mutex::default() });
        while let Next::Work(work) = self.next(&worker) {
            work();
        }
        (self.on_idle)();
    }

    /// Waits for the next piece of work.
    fn next(&self, worker: &Arc<Worker>) -> Next {
        let mut idle = lock(&self.idle);
        if self.stopped.load(Ordering::Relaxed) {
            return Next::End;
        }
        if idle.len() >= IDLE_MAX {
            // The one that has waited longest.
            idle.remove(0).wake(Next::End);
        }
        idle.push(Arc::clone(worker));
        drop(idle);
        let end = Instant::now() + IDLE;
        loop {
            if let Some(next) = lock(&worker.next).take() {
                return next;
            }
            let left = end.saturating_duration_since(Instant::now());
            if !left.is_zero() {
                thread::park_timeout(left);
            } else if self.take_out(worker) {
                return Next::End;
            } else {
                // Somebody else has taken it out, and is about to say what is next.
                thread::park();
            }
        }
    }

    /// Takes a thread out of those that wait; false if it is not among them.
    fn take_out(&self, worker: &Arc<Worker>) -> bool {
        let mut idle = lock(&self.idle);
        let at = idle.iter().position(|other| Arc::ptr_eq(other, worker));
        at.is_some_and(|at| {
            idle.remove(at);
            true
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::thread::ThreadId;

    /// Runs a piece of work, and returns its thread and when it was done.
    fn run(threads: &Arc<Threads>) -> (ThreadId, Instant) {
        let (sender, receiver) = mpsc::channel();
        threads.run(move || sender.send((thread::current().id(), Instant::now())).unwrap()).unwrap();
        receiver.recv().unwrap()
    }

    fn wait_until_idle(threads: &Threads, count: usize) {
        let end = Instant::now() + Duration::from_secs(30);
        while lock(&threads.idle).len() != count {
            assert!(Instant::now() < end, "{} threads wait, not {count}", lock(&threads.idle).len());
            thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn a_thread_is_used_again_and_ends_after_a_second() {
        let threads = Arc::new(Threads::new(128 * 1024, || {}));
        let (first, _) = run(&threads);
        wait_until_idle(&threads, 1);
        let (second, done) = run(&threads);
        assert_eq!(first, second);
        wait_until_idle(&threads, 1);
        wait_until_idle(&threads, 0);
        assert!(done.elapsed() >= IDLE);
        assert_ne!(run(&threads).0, first);
    }

    #[test]
    fn no_more_threads_wait_than_are_allowed() {
        let threads = Arc::new(Threads::new(128 * 1024, || {}));
        let (sender, receiver) = mpsc::channel::<()>();
        let receiver = Arc::new(Mutex::new(receiver));
        for _ in 0..IDLE_MAX + 10 {
            let receiver = Arc::clone(&receiver);
            threads.run(move || while lock(&receiver).recv().is_ok() {}).unwrap();
        }
        assert_eq!(lock(&threads.idle).len(), 0);
        drop(sender);
        wait_until_idle(&threads, IDLE_MAX);
        threads.stop();
        wait_until_idle(&threads, 0);
    }

    #[test]
    fn a_panic_ends_one_thread_and_nothing_else() {
        let threads = Arc::new(Threads::new(128 * 1024, || {}));
        let (first, _) = run(&threads);
        wait_until_idle(&threads, 1);
        threads.run(|| panic!("this is the test's")).unwrap();
        assert_ne!(run(&threads).0, first);
    }

    #[test]
    fn the_order_to_stop_ends_threads_at_once() {
        let threads = Arc::new(Threads::new(128 * 1024, || {}));
        run(&threads);
        wait_until_idle(&threads, 1);
        let stopped = Instant::now();
        threads.stop();
        wait_until_idle(&threads, 0);
        assert!(stopped.elapsed() < IDLE / 2);
    }
}
