//! What the terminal can show, and a line on it that tells how far things are.

use std::io::{IsTerminal, Write};
use std::os::fd::AsFd;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam_channel::{Sender, bounded};
use rustix::termios::tcgetwinsize;

use crate::report::Style;

/// The width of what is no terminal.
const COLUMNS: usize = 80;
/// Between two states of the line.
const TICK: Duration = Duration::from_millis(200);

/// The style of what goes to `out`. Colours are for terminals, and for those who did not refuse them
/// (<https://no-color.org>).
pub(super) fn style(out: &(impl AsFd + IsTerminal)) -> Style {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    Style { columns: columns(out), colours: out.is_terminal() && !refused && !is_dumb() }
}

/// Whether the terminal understands no control sequences.
fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

fn columns(out: &impl AsFd) -> usize {
    tcgetwinsize(out).ok().map(|size| usize::from(size.ws_col)).filter(|columns| *columns > 0).unwrap_or(COLUMNS)
}

/// A line on standard error that is written anew now and then, if that is a terminal.
#[derive(Debug)]
pub(super) struct Progress {
    ticking: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Progress {
    /// Shows what `line` says, until it is dropped.
    pub(super) fn start(mut line: impl FnMut() -> String + Send + 'static) -> Progress {
        let stderr = std::io::stderr();
        if !stderr.is_terminal() || is_dumb() {
            return Progress { ticking: None };
        }
        let (done, is_done) = bounded::<()>(0);
        let show = move || {
            while is_done.recv_timeout(TICK) == Err(crossbeam_channel::RecvTimeoutError::Timeout) {
                let line: String = line().chars().take(columns(&stderr).saturating_sub(1)).collect();
                write(&format!("\r{line}\x1b[K"));
            }
            write("\r\x1b[K");
        };
        let thread = thread::Builder::new().name("progress".to_owned()).spawn(show);
        Progress { ticking: thread.ok().map(|thread| (done, thread)) }
    }
}

impl Progress {
    /// Whether there is a terminal that shows it.
    pub(super) fn is_shown(&self) -> bool {
        self.ticking.is_some()
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((done, thread)) = self.ticking.take() {
            drop(done);
            let _ = thread.join();
        }
    }
}

fn write(text: &str) {
    let mut stderr = std::io::stderr();
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}
