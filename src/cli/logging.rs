//! The log: on standard error, and in a file if asked for.
//!
//! A thread of its own writes it, so that a pipe or a terminal that nobody reads holds nobody up: what does not fit into
//! its queue then is dropped, and counted.

use std::fs::OpenOptions;
use std::io::{self, IsTerminal};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use log::{Level, LevelFilter, Log, Metadata, Record};
use simplelog::{
    ColorChoice, CombinedLogger, Config, ConfigBuilder, SharedLogger, TermLogger, TerminalMode, WriteLogger,
};

/// Lines that wait to be written.
const QUEUE_MAX: usize = 4096;
/// How long the end of the program waits for the last lines.
const FLUSH_MAX: Duration = Duration::from_millis(500);

/// Starts logging, and makes panics of threads a matter of the log.
///
/// # Errors
/// A text for the user when the file can't be opened, or the writer not be started.
pub(super) fn start(level: LevelFilter, file: Option<&Path>) -> Result<(), String> {
    let colors = if io::stderr().is_terminal() { ColorChoice::Auto } else { ColorChoice::Never };
    let mut loggers: Vec<Box<dyn SharedLogger>> = vec![TermLogger::new(level, config(), TerminalMode::Stderr, colors)];
    if let Some(path) = file {
        let opened = OpenOptions::new().create(true).append(true).open(path);
        let file = opened.map_err(|error| format!("open the log file {}: {error}", path.display()))?;
        loggers.push(WriteLogger::new(level, config(), file));
    }
    let (lines, queued) = bounded(QUEUE_MAX);
    let dropped = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&dropped);
    let writer: Box<dyn Log> = CombinedLogger::new(loggers);
    let thread = thread::Builder::new().name("log".to_owned()).spawn(move || write(&*writer, &queued, &counted));
    thread.map_err(|error| format!("start the log: {error}"))?;
    // It fails only if this process has a logger already, which is then as good.
    if log::set_boxed_logger(Box::new(Queue { level, lines, dropped })).is_ok() {
        log::set_max_level(level);
    }
    std::panic::set_hook(Box::new(|panic| log::error!("a thread panicked, its connection is lost: {panic}")));
    Ok(())
}

fn config() -> Config {
    ConfigBuilder::new()
        .set_time_format_rfc3339()
        .set_thread_level(LevelFilter::Off)
        .set_target_level(LevelFilter::Off)
        .set_location_level(LevelFilter::Off)
        .build()
}

/// What the writer is asked for.
enum Line {
    Text(Level, String),
    /// To say that everything before is written.
    Flush(Sender<()>),
}

/// The end of the queue that everybody logs into.
struct Queue {
    level: LevelFilter,
    lines: Sender<Line>,
    dropped: Arc<AtomicU64>,
}

impl Log for Queue {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= self.level
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata())
            && self.lines.try_send(Line::Text(record.level(), record.args().to_string())).is_err()
        {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn flush(&self) {
        let (done, wait) = bounded(1);
        if self.lines.send_timeout(Line::Flush(done), FLUSH_MAX).is_ok() {
            // Nobody is left to tell if it takes longer.
            let _ = wait.recv_timeout(FLUSH_MAX);
        }
    }
}

fn write(writer: &dyn Log, queued: &Receiver<Line>, dropped: &AtomicU64) {
    let write = |level, text: &str| {
        let metadata = Metadata::builder().level(level).build();
        writer.log(&Record::builder().metadata(metadata).args(format_args!("{text}")).build());
    };
    for line in queued {
        let lost = dropped.swap(0, Ordering::Relaxed);
        if lost > 0 {
            write(
                Level::Warn,
                &format!("{lost} lines of the log were dropped, because it could not be written in time"),
            );
        }
        match line {
            Line::Text(level, text) => write(level, &text),
            Line::Flush(done) => {
                let _ = done.send(());
            }
        }
    }
}
