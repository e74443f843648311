//! What gets a stream through paths that hold or end it.

use std::time::Duration;

use super::spec::{self, SpecEntry, SpecError, SpecKind};
use crate::units::format_duration;

/// Shortest time between comments.
pub(super) const EVERY_MIN: Duration = Duration::from_millis(100);
/// Longest time between comments.
pub(super) const EVERY_MAX: Duration = Duration::from_secs(3600);
/// Least padding: a comment and its blank line.
pub(super) const PAD_MIN: usize = 3;
/// Most padding at once.
pub(super) const PAD_MAX: usize = 1 << 20;
/// The padding of `pad-every`, unless another size is asked for.
pub(super) const PAD_EVERY: usize = 4096;

/// What there is.
pub(super) const ENTRIES: [SpecEntry; 4] = [
    SpecEntry {
        name: "heartbeat",
        form: "heartbeat=D",
        takes: "D: 100ms to 1h",
        text: "sends a comment whenever nothing was sent for D",
    },
    SpecEntry {
        name: "pad",
        form: "pad=N",
        takes: "N: 3 to 1m bytes",
        text: "sends N bytes of comments at once, before the first byte of the stream",
    },
    SpecEntry {
        name: "pad-every",
        form: "pad-every=D[:N]",
        takes: "D: 100ms to 1h; N: 3 to 1m bytes, 4k if not given",
        text: "sends N bytes of comments every D",
    },
    SpecEntry {
        name: "pad-to",
        form: "pad-to=N",
        takes: "N: 3 to 1m bytes",
        text: "sends comments behind each event, so that both together have N bytes or more",
    },
];

/// The cures that were asked for. They send comments between events, never inside one, so that a client gets the same
/// events with them as without.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cures {
    /// A comment whenever nothing was sent for so long.
    pub heartbeat: Option<Duration>,
    /// So many bytes of comments at the start.
    pub pad: Option<usize>,
    /// So many bytes of comments each time.
    pub pad_every: Option<(Duration, usize)>,
    /// Bytes that each block has, with the comments behind it.
    pub pad_to: Option<usize>,
}

impl Cures {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        *self == Cures::default()
    }

    pub(super) fn set(&mut self, spec: &str) -> Result<(), SpecError> {
        let (entry, value) = spec::entry(SpecKind::Cure, &ENTRIES, spec)?;
        self.set_value(entry.name, value).ok_or_else(|| SpecError::value(SpecKind::Cure, spec, entry))
    }

    fn set_value(&mut self, name: &str, value: &str) -> Option<()> {
        match name {
            "heartbeat" => self.heartbeat = Some(every(value)?),
            "pad" => self.pad = Some(padding(value)?),
            "pad-every" => {
                let with_size = value.split_once(':');
                let size = with_size.map_or(Some(PAD_EVERY), |(_, size)| padding(size))?;
                self.pad_every = Some((every(with_size.map_or(value, |(time, _)| time))?, size));
            }
            "pad-to" => self.pad_to = Some(padding(value)?),
            _ => return None,
        }
        Some(())
    }

    /// As specs, one by one.
    pub(crate) fn specs(&self) -> Vec<String> {
        let specs = [
            self.heartbeat.map(|idle| format!("heartbeat={}", format_duration(idle))),
            self.pad.map(|size| format!("pad={size}")),
            self.pad_every.map(|(every, size)| format!("pad-every={}:{size}", format_duration(every))),
            self.pad_to.map(|size| format!("pad-to={size}")),
        ];
        specs.into_iter().flatten().collect()
    }
}

fn every(value: &str) -> Option<Duration> {
    spec::duration(value, EVERY_MIN..=EVERY_MAX)
}

fn padding(value: &str) -> Option<usize> {
    spec::size(value, PAD_MIN..=PAD_MAX)
}
