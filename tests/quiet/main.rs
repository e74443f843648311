//! What measures time, processors or memory, and must be alone for it: these tests run one after another.

#[path = "../common/mod.rs"]
mod common;

mod busy;
mod costs;
mod own_error;
mod page_hour;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Waits until no other test of this program runs. The guard keeps others waiting.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}
