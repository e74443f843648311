//! Durations and sizes as people type them: `250ms`, `1s`, `2m`, `4k`, `1m`.

use std::fmt;
use std::time::Duration;

/// Why a text is not a duration or a size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnitError {
    /// The text is no number with one of the units of a duration.
    NotADuration,
    /// The text is no number with one of the units of a size.
    NotASize,
}

impl fmt::Display for UnitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            UnitError::NotADuration => "not a duration such as 250ms, 1s, 2m or 1h",
            UnitError::NotASize => "not a size such as 512, 4k or 1m",
        })
    }
}

impl std::error::Error for UnitError {}

/// Parses a duration: a decimal number with `us`, `ms`, `s`, `m` or `h`; a bare number is milliseconds.
///
/// A fraction is allowed (`1.5s`); what is finer than a microsecond is cut off.
///
/// # Errors
/// [`UnitError::NotADuration`] when the text has another form or is too large to be represented.
///
/// ```
/// use sse_argo_tester::units::parse_duration;
/// assert_eq!(parse_duration("1.5s").unwrap().as_millis(), 1500);
/// assert_eq!(parse_duration("250").unwrap().as_millis(), 250);
/// assert!(parse_duration("-1s").is_err());
/// ```
pub fn parse_duration(text: &str) -> Result<Duration, UnitError> {
    let (number, unit) = split_unit(text);
    let unit_us = match unit {
        "us" => 1,
        "" | "ms" => 1_000,
        "s" => 1_000_000,
        "m" => 60_000_000,
        "h" => 3_600_000_000,
        _ => return Err(UnitError::NotADuration),
    };
    scaled(number, unit_us).map(Duration::from_micros).ok_or(UnitError::NotADuration)
}

/// Parses a size in bytes: a decimal number with `k` (1024) or `m` (1024 x 1024), or bare.
///
/// # Errors
/// [`UnitError::NotASize`] when the text has another form or is too large to be represented.
///
/// ```
/// assert_eq!(sse_argo_tester::units::parse_size("4k"), Ok(4096));
/// ```
pub fn parse_size(text: &str) -> Result<u64, UnitError> {
    let (number, unit) = split_unit(text);
    let factor = match unit {
        "" => 1,
        "k" | "K" => 1 << 10,
        "m" | "M" => 1 << 20,
        _ => return Err(UnitError::NotASize),
    };
    scaled(number, factor).ok_or(UnitError::NotASize)
}

/// Writes a duration the way it is typed, with the largest unit that divides it: `1s`, `1500ms`, `2m`.
pub fn format_duration(duration: Duration) -> String {
    let us = duration.as_micros();
    let units = [("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000), ("ms", 1_000)];
    match units.into_iter().find(|(_, size)| us != 0 && us.is_multiple_of(*size)) {
        Some((unit, size)) => format!("{}{unit}", us / size),
        None if us == 0 => "0s".to_owned(),
        None => format!("{us}us"),
    }
}

fn split_unit(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len()))
}

/// `number`, a plain decimal with at most one point, times `factor`, rounded down; none if it does not fit.
fn scaled(number: &str, factor: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if whole.is_empty() || fraction.is_empty() || fraction.contains('.') {
        return None;
    }
    let whole = whole.parse::<u64>().ok()?.checked_mul(factor)?;
    let digits = &fraction[..fraction.len().min(9)];
    let part = digits.parse::<u64>().ok()?.checked_mul(factor)? / 10_u64.pow(digits.len() as u32);
    whole.checked_add(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_take_every_unit_and_bare_milliseconds() {
        let cases = [
            ("0", 0),
            ("7us", 7),
            ("250", 250_000),
            ("250ms", 250_000),
            ("1s", 1_000_000),
            ("1.5s", 1_500_000),
            ("0.1ms", 100),
            ("2m", 120_000_000),
            ("1h", 3_600_000_000),
        ];
        for (text, us) in cases {
            assert_eq!(parse_duration(text), Ok(Duration::from_micros(us)), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in [
            "",
            "s",
            ".",
            ".5s",
            "1.",
            "1..2s",
            "1.2.3s",
            "-1s",
            "+1s",
            "1 s",
            "1d",
            "1S",
            "1e3",
            "99999999999999999999",
            "18446744073709551615h",
            "NaN",
            "١s",
        ] {
            assert_eq!(parse_duration(text), Err(UnitError::NotADuration), "{text}");
        }
    }

    #[test]
    fn sizes_take_k_and_m() {
        for (text, bytes) in [("0", 0), ("512", 512), ("4k", 4096), ("1M", 1 << 20), ("1.5k", 1536)] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for text in ["", "k", "-1", "4kb", "1g", "99999999999999999999", "99999999999999m"] {
            assert_eq!(parse_size(text), Err(UnitError::NotASize), "{text}");
        }
    }

    #[test]
    fn durations_are_written_as_they_are_typed() {
        for text in ["0s", "7us", "250ms", "1s", "1500ms", "2m", "1h"] {
            assert_eq!(format_duration(parse_duration(text).unwrap()), text);
        }
    }
}
