//! The log: on standard error, and in a file if asked for.
//!
//! Each of both is written by a thread of its own, so that a pipe or a terminal that nobody reads holds nobody up: what
//! does not fit into its queue then is dropped, and counted. The time of a line is that of what it tells.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, IsTerminal};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crossbeam_channel::{Receiver, Sender, bounded};
use log::{Level, LevelFilter, Log, Metadata, Record};
use simplelog::{ColorChoice, Config, ConfigBuilder, SharedLogger, TermLogger, TerminalMode, WriteLogger};

use crate::timestamp::{RFC3339_LEN, write_rfc3339};

/// Lines that wait to be written.
const QUEUE_MAX: usize = 4096;
/// How long the end of the program waits for the last lines.
const FLUSH_MAX: Duration = Duration::from_millis(150);

/// Modules that are not heard.
const HIDDEN: [&str; 2] = [
    // What it has to say stands in the error that it returns.
    "rustls_platform_verifier",
    // It logs every byte of the heads that are sent and received: credentials, for one.
    "ureq_proto::util",
];

/// Whether the origin's own lines about its streams are left out.
static QUIET: AtomicBool = AtomicBool::new(false);
/// Where those lines come from.
const ORIGIN: &str = "sse_argo_tester::origin";

/// While this is there, what the origin says of each stream is left out of a log at level info: it is a diagnosis that
/// asks for them, dozens at a time.
#[derive(Debug)]
pub(super) struct Quiet(());

impl Quiet {
    pub(super) fn new() -> Quiet {
        QUIET.store(true, Ordering::Relaxed);
        Quiet(())
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        QUIET.store(false, Ordering::Relaxed);
    }
}

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
    let sinks = loggers.into_iter().map(|logger| Sink::start(logger.as_log())).collect::<io::Result<Vec<Sink>>>();
    let sinks = sinks.map_err(|error| format!("start the log: {error}"))?;
    // It fails only if this process has a logger already, which is then as good.
    if log::set_boxed_logger(Box::new(Queue { level, sinks })).is_ok() {
        log::set_max_level(level);
    }
    std::panic::set_hook(Box::new(|panic| log::error!("a thread panicked: {panic}")));
    Ok(())
}

fn config() -> Config {
    ConfigBuilder::new()
        .set_time_level(LevelFilter::Off)
        .set_thread_level(LevelFilter::Off)
        .set_target_level(LevelFilter::Off)
        .set_location_level(LevelFilter::Off)
        .build()
}

/// What a writer is asked for.
enum Line {
    Text(Level, Arc<str>),
    /// To say that everything before is written.
    Flush(Sender<()>),
}

/// A queue with its writer.
struct Sink {
    lines: Sender<Line>,
    dropped: Arc<AtomicU64>,
}

impl Sink {
    fn start(writer: Box<dyn Log>) -> io::Result<Sink> {
        let (lines, queued) = bounded(QUEUE_MAX);
        let dropped = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&dropped);
        thread::Builder::new().name("log".to_owned()).spawn(move || write(&*writer, &queued, &counted))?;
        Ok(Sink { lines, dropped })
    }
}

/// What everybody logs into.
struct Queue {
    level: LevelFilter,
    sinks: Vec<Sink>,
}

impl Log for Queue {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let is_left_out = self.level == LevelFilter::Info
            && metadata.level() == Level::Info
            && metadata.target().starts_with(ORIGIN)
            && QUIET.load(Ordering::Relaxed);
        let is_hidden = HIDDEN.iter().any(|module| metadata.target().starts_with(module));
        metadata.level() <= self.level && !is_hidden && !is_left_out
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let text: Arc<str> = timed(record.args()).into();
        for sink in &self.sinks {
            if sink.lines.try_send(Line::Text(record.level(), Arc::clone(&text))).is_err() {
                sink.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn flush(&self) {
        let deadline = Instant::now() + FLUSH_MAX;
        for sink in &self.sinks {
            let (done, wait) = bounded(1);
            if sink.lines.send_deadline(Line::Flush(done), deadline).is_ok() {
                // Nobody is left to tell if it takes longer.
                let _ = wait.recv_deadline(deadline);
            }
        }
    }
}

/// A line with the time of now in front.
fn timed(text: &fmt::Arguments<'_>) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut time = [0; RFC3339_LEN];
    write_rfc3339(&mut time, now.as_micros() as u64);
    format!("{} {text}", String::from_utf8_lossy(&time))
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
                &timed(&format_args!("{lost} lines were dropped: the log could not be written in time")),
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
