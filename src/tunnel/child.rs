//! One run of a program: its process, the group that it is alone in, and its output.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, PipeReader, Read, pipe};
use std::os::unix::process::CommandExt;
use std::process::{Child as Process, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use super::line::readable;
use super::problem::{Diary, Found};
use crate::escape::shortened;
use crate::lock::lock;

/// Bytes of a line; what is longer counts as several.
const LINE_MAX: u64 = 16 * 1024;
/// Letters of a line that are shown.
const SHOWN_MAX: usize = 400;
/// Lines that are kept for whoever asks why it ended.
const LAST_MAX: usize = 5;
/// How long to wait for the last lines of a process that has ended. Only if it left another one behind, out of its
/// group, is there no end of them.
const LAST_WAIT: Duration = Duration::from_millis(500);

/// What its output has told.
#[derive(Debug, Default)]
pub(super) struct Notes {
    diary: Diary,
    last: VecDeque<String>,
}

impl Notes {
    /// The problem that names the cause, if one is known, and the newest lines, fit for a terminal.
    pub(super) fn told(&self) -> (Option<Found>, Vec<String>) {
        (self.diary.cause().cloned(), self.last.iter().cloned().collect())
    }

    fn read(&mut self, line: String) -> Option<Found> {
        if self.last.len() == LAST_MAX {
            self.last.pop_front();
        }
        let found = self.diary.read(&line);
        self.last.push_back(line);
        found
    }
}

/// A process that runs, or has ended and still has its id.
#[derive(Debug)]
pub(super) struct Child {
    process: Process,
    group: Pid,
    notes: Arc<Mutex<Notes>>,
    output_ended: Receiver<()>,
}

impl Child {
    /// Starts `command`. Its output goes into the log; `on_problem` hears of what it tells.
    ///
    /// # Errors
    /// When there is no process, pipe or thread left for it.
    pub(super) fn start(mut command: Command, on_problem: impl Fn(Found) + Send + 'static) -> io::Result<Child> {
        let (output, input) = pipe()?;
        // Help that is not asked for goes to standard output.
        command.stdin(Stdio::null()).stdout(input.try_clone()?).stderr(input).process_group(0);
        let process = command.spawn()?;
        // Its ends of the pipe: while they are open here, there is no end of the output.
        drop(command);
        let group = Pid::from_child(&process);
        let notes = Arc::<Mutex<Notes>>::default();
        let (ended, output_ended) = bounded(0);
        let read = {
            let notes = Arc::clone(&notes);
            move || follow(output, &notes, &on_problem, ended)
        };
        let child = Child { process, group, notes, output_ended };
        match thread::Builder::new().name("cloudflared-log".to_owned()).spawn(read) {
            Ok(_) => Ok(child),
            Err(error) => {
                signal(child.group, Signal::KILL);
                child.wait();
                let _ = child.reap();
                Err(error)
            }
        }
    }

    /// The group of the process, for [`signal`]. It is valid until [`Child::reap`].
    pub(super) fn group(&self) -> Pid {
        self.group
    }

    /// What its output tells, as it does so.
    pub(super) fn notes(&self) -> Arc<Mutex<Notes>> {
        Arc::clone(&self.notes)
    }

    /// Waits for its end, and ends whatever it left behind in its group. Its id stays its own.
    pub(super) fn wait(&self) {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        // It fails when a signal interrupts it.
        while waitid(WaitId::Pid(self.group), options).is_err_and(|error| error == rustix::io::Errno::INTR) {}
        signal(self.group, Signal::KILL);
    }

    /// Gives the id of a process that has ended back, and waits for its last lines.
    pub(super) fn reap(mut self) -> io::Result<ExitStatus> {
        let status = self.process.wait();
        let _ = self.output_ended.recv_timeout(LAST_WAIT);
        status
    }
}

/// Sends a signal to all of a group. If nobody is left in it, there is nothing to do.
pub(super) fn signal(group: Pid, name: Signal) {
    let _ = kill_process_group(group, name);
}

/// Takes note of what `output` says, to its end.
fn follow(output: PipeReader, notes: &Mutex<Notes>, on_problem: &impl Fn(Found), _ended: Sender<()>) {
    let mut output = BufReader::new(output);
    let mut bytes = Vec::new();
    // An error is an end, too: nothing more can be read.
    while output.by_ref().take(LINE_MAX).read_until(b'\n', &mut bytes).is_ok_and(|read| read > 0) {
        let line = shortened(&readable(&String::from_utf8_lossy(&bytes)), SHOWN_MAX);
        bytes.clear();
        if line.is_empty() {
            continue;
        }
        log::debug!("cloudflared: {line}");
        let found = lock(notes).read(line);
        if let Some(found) = found {
            on_problem(found);
        }
    }
}
