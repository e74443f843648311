//! The probe's clock.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// When the probe's clock was 0.
#[derive(Debug, Clone, Copy)]
pub(super) struct Epoch {
    pub(super) start: Instant,
    pub(super) unix_us: i64,
}

impl Epoch {
    pub(super) fn now() -> Epoch {
        let unix_us = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros());
        Epoch { start: Instant::now(), unix_us: i64::try_from(unix_us).unwrap_or(i64::MAX) }
    }

    pub(super) fn us(self, at: Instant) -> i64 {
        i64::try_from(at.saturating_duration_since(self.start).as_micros()).unwrap_or(i64::MAX)
    }
}
