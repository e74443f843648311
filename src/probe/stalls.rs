//! Watches the probe's own punctuality: what this machine delays is not the path's doing.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};

use super::epoch::Epoch;
use crate::lock::lock;
use crate::stats::Stall;

/// Time between two looks.
const TICK: Duration = Duration::from_millis(5);
/// Later than that is late.
const STALL_MIN: Duration = Duration::from_millis(10);
/// Most stalls that are kept: minutes of a machine that does nothing else.
const STALLS_MAX: usize = 10_000;

/// Notes when its own timer woke up late, until `done` is disconnected.
pub(super) fn watch(epoch: Epoch, stalls: &Mutex<Vec<Stall>>, done: &Receiver<()>) {
    loop {
        let due = Instant::now() + TICK;
        if done.recv_deadline(due) != Err(RecvTimeoutError::Timeout) {
            return;
        }
        let now = Instant::now();
        let mut stalls = lock(stalls);
        if now - due > STALL_MIN && stalls.len() < STALLS_MAX {
            stalls.push(Stall { from_us: epoch.us(due), to_us: epoch.us(now) });
        }
        drop(stalls);
    }
}
