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
pub struct Entry {
    /// The name.
    pub name: &'static str,
    /// The name with its value: `hold-bytes=N[:whole]`.
    pub form: &'static str,
    /// What the value may be, limits included; empty if there is none.
    pub takes: &'static str,
    /// What it does.
    pub text: &'static str,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.form)?;
        if self.takes.is_empty() { Ok(()) } else { write!(f, " ({})", self.takes) }
    }
}

/// What kind of thing a spec stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Cure,
    Impairment,
    Profile,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Kind::Cure => "cure",
            Kind::Impairment => "impairment",
            Kind::Profile => "profile",
        }
    }

    fn allowed(self) -> Vec<String> {
        let forms = |entries: &[Entry]| entries.iter().map(Entry::to_string).collect();
        match self {
            Kind::Cure => forms(&super::cure::ENTRIES),
            Kind::Impairment => forms(&super::parse::ENTRIES),
            Kind::Profile => super::profile::PROFILES.iter().map(|profile| profile.name.to_owned()).collect(),
        }
    }
}

/// Why a spec can't be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpecError {
    spec: String,
    kind: Kind,
    /// The entry whose value is bad; none if there is no such entry.
    entry: Option<Entry>,
}

impl SpecError {
    pub(super) fn unknown(kind: Kind, spec: &str) -> SpecError {
        SpecError { spec: shortened(spec, SHOWN), kind, entry: None }
    }

    pub(super) fn value(kind: Kind, spec: &str, entry: Entry) -> SpecError {
        SpecError { spec: shortened(spec, SHOWN), kind, entry: Some(entry) }
    }
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (spec, kind) = (&self.spec, self.kind.as_str());
        match self.entry {
            Some(entry) if entry.takes.is_empty() => write!(f, "{kind} '{spec}': {} takes no value", entry.name),
            Some(entry) => write!(f, "{kind} '{spec}': it must be {entry}"),
            None => write!(f, "there is no {kind} '{spec}'; allowed are: {}", self.kind.allowed().join(", ")),
        }
    }
}

impl std::error::Error for SpecError {}

/// The specs of a list.
pub(super) fn list(specs: &str) -> impl Iterator<Item = &str> {
    specs.split(',').map(str::trim)
}

/// The entry of a spec, and the spec's value; empty for an entry that takes none.
pub(super) fn entry<'a>(kind: Kind, entries: &[Entry], spec: &'a str) -> Result<(Entry, &'a str), SpecError> {
    let (name, value) = spec.split_once('=').map_or((spec, None), |(name, value)| (name, Some(value)));
    let found = entries.iter().find(|entry| entry.name == name);
    let entry = *found.ok_or_else(|| SpecError::unknown(kind, spec))?;
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
