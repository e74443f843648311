//! Values of options: each parser says what the option takes.

use std::time::Duration;

use log::LevelFilter;

use crate::schedule::plan::{DURATION_MAX, INTERVAL_MAX, INTERVAL_MIN};
use crate::units::{format_duration, parse_duration, parse_size};
use crate::verdict::WITHIN_US;

const HOUR: Duration = Duration::from_secs(3600);

/// The default of `--within`.
pub(super) const WITHIN: Duration = Duration::from_micros(WITHIN_US as u64);

pub(super) fn log_level(text: &str) -> Result<LevelFilter, String> {
    text.parse().map_err(|_| "it is one of off, error, warn, info, debug and trace".to_owned())
}

/// The time between two events of the origin.
pub(super) fn interval(text: &str) -> Result<Duration, String> {
    duration(text, INTERVAL_MIN, INTERVAL_MAX)
}

/// The longest life of a stream.
pub(super) fn max_duration(text: &str) -> Result<Duration, String> {
    duration(text, INTERVAL_MIN, DURATION_MAX)
}

/// The time of a measurement, or a tolerance in it.
pub(super) fn run_time(text: &str) -> Result<Duration, String> {
    duration(text, Duration::from_millis(1), HOUR)
}

/// The time between two events of a measurement.
pub(super) fn pace(text: &str) -> Result<Duration, String> {
    duration(text, Duration::from_millis(10), Duration::from_secs(60))
}

/// A time that a person can wait for, such as a silence or the start of a tunnel.
pub(super) fn long_wait(text: &str) -> Result<Duration, String> {
    duration(text, Duration::from_secs(1), HOUR)
}

fn duration(text: &str, min: Duration, max: Duration) -> Result<Duration, String> {
    let duration = parse_duration(text).map_err(|error| error.to_string())?;
    let range = || format!("it must be from {} to {}, with its unit", format_duration(min), format_duration(max));
    Some(duration).filter(|duration| (min..=max).contains(duration)).ok_or_else(range)
}

pub(super) fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|number| *number > 0).ok_or_else(|| "it must be a number, at least 1".to_owned())
}

pub(super) fn rate(text: &str) -> Result<u64, String> {
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
        assert_eq!(interval("0"), Err("it must be from 1ms to 1h, with its unit".to_owned()));
        assert_eq!(long_wait("0s"), Err("it must be from 1s to 1h, with its unit".to_owned()));
        assert!(interval("x").is_err() && interval("250ms").is_ok());
        assert!(at_least_one("0").is_err() && at_least_one("-1").is_err() && at_least_one("1").is_ok());
        assert!(rate("0").is_err() && rate("4k").is_ok());
        assert!(log_level("loud").is_err() && log_level("debug").is_ok());
    }
}
