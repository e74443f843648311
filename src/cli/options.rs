//! The options as typed, and what they mean.

use std::path::PathBuf;
use std::time::Duration;

use argh::{ArgsInfo, FromArgs};
use log::LevelFilter;

use super::cat::Cat;
use super::diagnose::Diagnose;
use super::healthcheck::Healthcheck;
use super::normalize::Spec;
use super::probe::Probe;
use super::proxy::Proxy;
use super::tunnel::Tunnel;
use crate::schedule::plan::{DURATION_MAX, INTERVAL_MAX, INTERVAL_MIN};
use crate::server::config::{self, Config};
use crate::server::listen::ListenAddr;
use crate::units::{format_duration, parse_duration, parse_size};

/// The port of the origin, unless another is asked for.
pub(super) const PORT: u16 = 3000;

/// Find out whether Server-Sent Events arrive in real time through a tunnel, proxy, CDN or platform.
///
/// Without a command it does what 'serve' does, and takes its options.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(help_triggers("-h", "--help"))]
pub(super) struct Args {
    /// off, error, warn, info (default), debug or trace
    #[argh(option, default = "LevelFilter::Info", from_str_fn(log_level), arg_name = "level")]
    pub(super) log_level: LevelFilter,
    /// also append the log to this file
    #[argh(option, arg_name = "file")]
    pub(super) log_file: Option<PathBuf>,
    /// print the version
    #[argh(switch)]
    pub(super) version: bool,
    #[argh(subcommand)]
    pub(super) command: Command,
}

#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand)]
pub(super) enum Command {
    Serve(Serve),
    Probe(Probe),
    Diagnose(Diagnose),
    Cat(Cat),
    Tunnel(Tunnel),
    Proxy(Proxy),
    Healthcheck(Healthcheck),
}

/// Serve the instrumented SSE origin and its page.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand, name = "serve", help_triggers("-h", "--help"))]
pub(super) struct Serve {
    /// where to serve: ADDR:PORT, or :PORT for every address (default localhost:3000)
    #[argh(option, default = "ListenAddr::localhost(PORT)", arg_name = "addr:port")]
    listen: ListenAddr,
    /// where to serve lists of all streams and metrics (off)
    #[argh(option, arg_name = "addr:port")]
    admin: Option<ListenAddr>,
    /// time between two events, 1ms to 1h (default 1s)
    #[argh(option, default = "config::INTERVAL", from_str_fn(interval), arg_name = "duration")]
    interval: Duration,
    /// path to mount everything under, such as /sse
    #[argh(option, default = "String::new()", from_str_fn(base_path), arg_name = "path")]
    base_path: String,
    /// most connections at a time (default 4096)
    #[argh(option, default = "config::MAX_CONNECTIONS", from_str_fn(at_least_one), arg_name = "n")]
    max_connections: usize,
    /// most streams at a time (default 2048)
    #[argh(option, default = "config::MAX_STREAMS", from_str_fn(at_least_one), arg_name = "n")]
    max_streams: usize,
    /// most bytes a second for all streams together (default 32m)
    #[argh(option, default = "config::MAX_RATE", from_str_fn(rate), arg_name = "size")]
    max_rate: u64,
    /// longest life of a stream, 1ms to 24h (default 24h)
    #[argh(option, default = "config::MAX_DURATION", from_str_fn(max_duration), arg_name = "duration")]
    max_duration: Duration,
}

impl Serve {
    pub(super) fn into_config(self) -> Config {
        Config {
            admin: self.admin,
            interval: self.interval,
            base_path: self.base_path,
            max_connections: self.max_connections,
            max_streams: self.max_streams,
            max_rate: self.max_rate,
            max_duration: self.max_duration,
            ..Config::new(self.listen)
        }
    }
}

/// Every option and command that there is, from what argh knows of them.
pub(super) fn spec() -> Spec {
    Spec::of(&Args::get_args_info(), "serve")
}

fn log_level(text: &str) -> Result<LevelFilter, String> {
    text.parse().map_err(|_| "it is one of off, error, warn, info, debug and trace".to_owned())
}

fn within(text: &str, min: Duration, max: Duration) -> Result<Duration, String> {
    let duration = parse_duration(text).map_err(|error| error.to_string())?;
    let range = || format!("it must be from {} to {}", format_duration(min), format_duration(max));
    Some(duration).filter(|duration| (min..=max).contains(duration)).ok_or_else(range)
}

fn interval(text: &str) -> Result<Duration, String> {
    within(text, INTERVAL_MIN, INTERVAL_MAX)
}

fn max_duration(text: &str) -> Result<Duration, String> {
    within(text, INTERVAL_MIN, DURATION_MAX)
}

pub(super) fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|number| *number > 0).ok_or_else(|| "it must be a number, at least 1".to_owned())
}

fn rate(text: &str) -> Result<u64, String> {
    let rate = parse_size(text).map_err(|error| error.to_string())?;
    Some(rate).filter(|rate| *rate > 0).ok_or_else(|| "it must be at least 1".to_owned())
}

/// A path without `/` at its end; the root is the empty path.
pub(super) fn base_path(text: &str) -> Result<String, String> {
    let path = text.trim_end_matches('/');
    let plain = path.bytes().all(|b| b.is_ascii_alphanumeric() || b"/-._~".contains(&b));
    let fits = path.is_empty() || (path.starts_with('/') && !path.contains("//"));
    if plain && fits && text.starts_with('/') {
        Ok(path.to_owned())
    } else {
        Err("it must be a path of plain letters, digits, '-', '.', '_' and '~', such as /sse".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_paths() {
        for (text, path) in [("/", ""), ("/sse", "/sse"), ("/sse/", "/sse"), ("/a/b.c", "/a/b.c")] {
            assert_eq!(base_path(text).as_deref(), Ok(path));
        }
        for bad in ["", "sse", "/a b", "/a//b", "/a?b", "/a\n", "http://h/"] {
            assert!(base_path(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn values_say_what_they_take() {
        assert_eq!(interval("0"), Err("it must be from 1ms to 1h".to_owned()));
        assert!(interval("x").is_err() && interval("250ms").is_ok());
        assert!(at_least_one("0").is_err() && at_least_one("-1").is_err() && at_least_one("1").is_ok());
        assert!(rate("0").is_err() && rate("4k").is_ok());
        assert!(log_level("loud").is_err() && log_level("debug").is_ok());
    }
}
