//! Specs as they are typed: lists of `name` and `name=value`.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::escape::shortened;
use crate::units::parse_duration;
use crate::units::parse_size;

/// Characters of a spec that an error shows.
const SHOWN: usize = 80;

/// What may be given, as an error or a help text shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpecEntry {
    /// The name.
    pub name: &'static str,
    /// The name with its value: `hold-bytes=N[:whole]`.
    pub form: &'static str,
    /// What the value may be, limits included; empty if there is none.
    pub takes: &'static str,
    /// What it does.
    pub text: &'static str,
}

impl fmt::Display for SpecEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.form)?;
        if self.takes.is_empty() { Ok(()) } else { write!(f, " ({})", self.takes) }
    }
}

/// What kind of thing a spec stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SpecKind {
    Cure,
    Impairment,
    Profile,
}

impl SpecKind {
    fn as_str(self) -> &'static str {
        match self {
            SpecKind::Cure => "cure",
            SpecKind::Impairment => "impairment",
            SpecKind::Profile => "profile",
        }
    }
}

/// Why a spec can't be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpecError {
    spec: String,
    kind: SpecKind,
    reason: Reason,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Reason {
    /// There is no such name; these are allowed.
    UnknownName { allowed: Vec<String> },
    /// The value of this entry is bad.
    BadValue(SpecEntry),
}

impl SpecError {
    pub(super) fn unknown(kind: SpecKind, spec: &str, allowed: Vec<String>) -> SpecError {
        SpecError { spec: shortened(spec, SHOWN), kind, reason: Reason::UnknownName { allowed } }
    }

    pub(super) fn value(kind: SpecKind, spec: &str, entry: SpecEntry) -> SpecError {
        SpecError { spec: shortened(spec, SHOWN), kind, reason: Reason::BadValue(entry) }
    }
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (spec, kind) = (&self.spec, self.kind.as_str());
        match &self.reason {
            Reason::BadValue(entry) if entry.takes.is_empty() => {
                write!(f, "{kind} '{spec}': {} takes no value", entry.name)
            }
            Reason::BadValue(entry) => write!(f, "{kind} '{spec}': it must be {entry}"),
            Reason::UnknownName { allowed } => {
                write!(f, "there is no {kind} '{spec}'; allowed are: {}", allowed.join(", "))
            }
        }
    }
}

impl std::error::Error for SpecError {}

/// The specs of a list.
pub(super) fn list(specs: &str) -> impl Iterator<Item = &str> {
    specs.split(',').map(str::trim)
}

/// The entry of a spec, and the spec's value; empty for an entry that takes none.
pub(super) fn entry<'a>(
    kind: SpecKind,
    entries: &[SpecEntry],
    spec: &'a str,
) -> Result<(SpecEntry, &'a str), SpecError> {
    let (name, value) = spec.split_once('=').map_or((spec, None), |(name, value)| (name, Some(value)));
    let found = entries.iter().find(|entry| entry.name == name);
    let allowed = || entries.iter().map(SpecEntry::to_string).collect();
    let entry = *found.ok_or_else(|| SpecError::unknown(kind, spec, allowed()))?;
    if value.is_some() == entry.takes.is_empty() {
        return Err(SpecError::value(kind, spec, entry));
    }
    Ok((entry, value.unwrap_or_default()))
}

pub(super) fn duration(value: &str, limits: RangeInclusive<Duration>) -> Option<Duration> {
    parse_duration(value).ok().filter(|duration| limits.contains(duration))
}

pub(super) fn size(value: &str, limits: RangeInclusive<usize>) -> Option<usize> {
    let size = usize::try_from(parse_size(value).ok()?).ok()?;
    limits.contains(&size).then_some(size)
}
