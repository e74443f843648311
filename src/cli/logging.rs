//! The log: on standard error, and in a file if asked for.

use std::fs::OpenOptions;
use std::io::{self, IsTerminal};
use std::path::Path;

use log::LevelFilter;
use simplelog::{
    ColorChoice, CombinedLogger, Config, ConfigBuilder, SharedLogger, TermLogger, TerminalMode, WriteLogger,
};

/// Starts logging, and makes panics of threads a matter of the log.
///
/// # Errors
/// A text for the user when the file can't be opened.
pub(super) fn start(level: LevelFilter, file: Option<&Path>) -> Result<(), String> {
    let colors = if io::stderr().is_terminal() { ColorChoice::Auto } else { ColorChoice::Never };
    let mut loggers: Vec<Box<dyn SharedLogger>> = vec![TermLogger::new(level, config(), TerminalMode::Stderr, colors)];
    if let Some(path) = file {
        let opened = OpenOptions::new().create(true).append(true).open(path);
        let file = opened.map_err(|error| format!("open the log file {}: {error}", path.display()))?;
        loggers.push(WriteLogger::new(level, config(), file));
    }
    // It fails only if this process has a logger already, which is then as good.
    let _ = CombinedLogger::init(loggers);
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
