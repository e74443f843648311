//! The user's wish to end a client.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::exit::Exit;
use crate::shutdown::{Deadline, Interrupts, Stop, wait_hung_up};

/// How long a client that was told to end may take for its last words.
const GRACE: Duration = Duration::from_secs(2);

/// A token for the user's wish to end: a signal, or nobody reading the output any more.
#[derive(Debug)]
pub(super) struct Wish {
    stop: Stop,
    hurry: Stop,
    unread: Arc<AtomicBool>,
}

impl Wish {
    /// Takes over the signals. After a second one, or when the output takes nothing, the process ends without the
    /// command's help.
    pub(super) fn install() -> io::Result<Wish> {
        Wish::within(GRACE, Duration::ZERO)
    }

    /// The same for a command that has something to clean up: it may take so long after the first signal, and so long
    /// after a second one.
    pub(super) fn within(grace: Duration, hurried: Duration) -> io::Result<Wish> {
        let Interrupts { stop, hurry } = Interrupts::install()?;
        let (triggered, forced) = (stop.clone(), hurry.clone());
        let force = move || {
            triggered.wait_forever();
            if forced.wait(Some(grace)) {
                thread::sleep(hurried);
            }
            std::process::exit(Exit::Interrupted.code().into());
        };
        thread::Builder::new().name("force".to_owned()).spawn(force)?;
        Ok(Wish { stop, hurry, unread: Arc::default() })
    }

    /// Triggered by the first signal.
    pub(super) fn stop(&self) -> &Stop {
        &self.stop
    }

    /// Triggered by the second one.
    pub(super) fn hurry(&self) -> &Stop {
        &self.hurry
    }

    /// Ends, too, when nobody reads the output any more, even if there is nothing to write.
    pub(super) fn or_unread(self) -> io::Result<Wish> {
        let (stop, unread) = (self.stop.clone(), Arc::clone(&self.unread));
        let watch = move || {
            wait_hung_up(io::stdout());
            unread.store(true, Ordering::SeqCst);
            stop.trigger();
        };
        thread::Builder::new().name("stdout".to_owned()).spawn(watch)?;
        Ok(self)
    }

    /// Ends as if the user wished it: there is nothing left to do.
    pub(super) fn give_up(&self) {
        self.stop.trigger();
    }

    /// What ends waits: the wish, or the time being over.
    pub(super) fn deadline(&self, max_time: Option<Duration>) -> Deadline {
        Deadline::new(&self.stop, max_time)
    }

    /// The exit code of a command that would end with `exit` if it was not interrupted. A closed pipe is success.
    pub(super) fn exit(&self, exit: Exit) -> Exit {
        match (self.unread.load(Ordering::SeqCst), self.stop.is_triggered()) {
            (true, _) => Exit::Ok,
            (false, true) => Exit::Interrupted,
            (false, false) => exit,
        }
    }
}
