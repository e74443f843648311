//! How much all streams together may send: a bound for an origin that the world can reach.
//!
//! A stream is admitted only if its rate fits beside those that run. None is ever slowed down: its timing is what is
//! measured. The bound on bytes a second bounds CPU and memory, too: each event counts as at least [`EVENT_MIN`], and
//! a stream that ticks slower than once a second counts as if it ticked once a second, because it holds one prepared
//! event in memory.

use crate::lock::lock;
use crate::schedule::plan::{Encoding, Plan};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What the smallest event counts for.
pub(crate) const EVENT_MIN: u64 = 1024;
/// What a compressed stream counts for at least, because of its compressor's memory.
pub(crate) const GZIP_MIN: u64 = 256 * 1024;

/// The bytes a second that are left.
#[derive(Debug)]
pub(crate) struct Budget {
    max: u64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    reserved: u64,
    /// Bytes that may be sent at once, as padding; negative is never reached.
    lump: u64,
    refilled: Instant,
}

/// What of a request does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OverBudget {
    /// So many bytes a second.
    Rate(u64),
    /// So many bytes at once.
    Lump(u64),
}

/// A stream's part of the budget, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    budget: Arc<Budget>,
    rate: u64,
}

impl Budget {
    /// A budget of `max` bytes a second.
    pub(crate) fn new(max: u64, now: Instant) -> Arc<Budget> {
        Arc::new(Budget { max, state: Mutex::new(State { reserved: 0, lump: max, refilled: now }) })
    }

    /// Reserves `rate` bytes a second, and takes `lump` bytes once.
    ///
    /// # Errors
    /// Which of both is not there.
    pub(crate) fn reserve(self: &Arc<Budget>, rate: u64, lump: u64, now: Instant) -> Result<Reservation, OverBudget> {
        let mut state = lock(&self.state);
        let refill = now.saturating_duration_since(state.refilled).as_secs_f64() * (self.max - state.reserved) as f64;
        state.lump = self.max.min(state.lump.saturating_add(refill as u64));
        state.refilled = now;
        let reserved = state.reserved.checked_add(rate).filter(|reserved| *reserved <= self.max);
        let reserved = reserved.ok_or(OverBudget::Rate(rate))?;
        state.lump = state.lump.checked_sub(lump).ok_or(OverBudget::Lump(lump))?;
        state.reserved = reserved;
        Ok(Reservation { budget: Arc::clone(self), rate })
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut state = lock(&self.budget.state);
        state.reserved -= self.rate;
    }
}

/// What a stream that is asked for with `plan` counts for, in bytes a second. Padded heartbeats count as events do,
/// whether or not events leave room for them.
pub(crate) fn stream_rate(plan: &Plan, event_len: usize, interval: Duration) -> u64 {
    let padded = plan.heartbeat.filter(|_| plan.heartbeat_pad > 0);
    let heartbeats = padded.map_or(0, |idle| rate(plan.heartbeat_pad, idle, false));
    rate(event_len, interval, plan.encoding == Encoding::Gzip).saturating_add(heartbeats)
}

/// What a stream of events of `event_len` bytes each `interval` counts for, in bytes a second.
pub(crate) fn rate(event_len: usize, interval: Duration, compressed: bool) -> u64 {
    let interval_us = (interval.as_micros() as u64).clamp(1, 1_000_000);
    let event = (event_len as u64).max(EVENT_MIN);
    let rate = event.saturating_mul(1_000_000) / interval_us;
    if compressed { rate.max(GZIP_MIN) } else { rate }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_have_floors() {
        let second = Duration::from_secs(1);
        assert_eq!(rate(5000, second, false), 5000);
        assert_eq!(rate(100, second, false), EVENT_MIN);
        assert_eq!(rate(5000, second * 3600, false), 5000);
        assert_eq!(rate(5000, second / 100, false), 500_000);
        assert_eq!(rate(100, second, true), GZIP_MIN);
    }

    #[test]
    fn padded_heartbeats_count_as_events() {
        let second = Duration::from_secs(1);
        let counted = |query: &str| stream_rate(&Plan::parse(query).unwrap(), 100, second);
        assert_eq!(counted("heartbeat=100ms"), EVENT_MIN);
        assert_eq!(counted("heartbeat=0&heartbeat_pad=64k"), EVENT_MIN);
        assert_eq!(counted("heartbeat_pad=64k"), EVENT_MIN + 65_536);
        assert_eq!(counted("heartbeat=100ms&heartbeat_pad=64k"), EVENT_MIN + 655_360);
    }

    #[test]
    fn what_is_reserved_comes_back() {
        let now = Instant::now();
        let budget = Budget::new(1000, now);
        let first = budget.reserve(600, 0, now).unwrap();
        assert!(budget.reserve(401, 0, now).is_err());
        let second = budget.reserve(400, 0, now).unwrap();
        drop(first);
        assert!(budget.reserve(600, 0, now).is_ok());
        drop(second);
        assert!(budget.reserve(u64::MAX, 0, now).is_err());
    }

    #[test]
    fn lumps_are_refilled_by_what_is_not_reserved() {
        let now = Instant::now();
        let budget = Budget::new(1000, now);
        let _half = budget.reserve(500, 1000, now).unwrap();
        assert!(budget.reserve(0, 1, now).is_err());
        let later = now + Duration::from_secs(1);
        assert!(budget.reserve(0, 501, later).is_err());
        assert!(budget.reserve(0, 500, later).is_ok());
    }
}
