//! The machine's time, in parts: a test that is disturbed by others, or disturbs them, takes some of it meanwhile.

use std::sync::{Condvar, LazyLock, Mutex};
use std::thread;

/// Parts that there are for each processor.
const EACH: usize = 14;
/// Parts for a probe with its proxy, for a diagnosis, which has up to 24 streams at a time, and for a browser.
pub const PROBE: usize = 2;
pub const DIAGNOSIS: usize = 3;
pub const BROWSER: usize = 7;

struct Parts {
    free: usize,
    /// Who asks first gets first, so that one who needs many is not kept waiting by those who need few.
    asked: u64,
    served: u64,
}

static ALL: LazyLock<usize> = LazyLock::new(|| EACH * thread::available_parallelism().unwrap().get());
static PARTS: LazyLock<Mutex<Parts>> = LazyLock::new(|| Mutex::new(Parts { free: *ALL, asked: 0, served: 0 }));
static GIVEN_BACK: Condvar = Condvar::new();

/// Parts of the machine's time, until it is dropped.
pub struct Turn(usize);

/// Waits for some parts. Who has a turn must not wait for another.
pub fn take(parts: usize) -> Turn {
    let parts = parts.min(*ALL);
    let mut state = PARTS.lock().unwrap();
    let number = state.asked;
    state.asked += 1;
    let waits = |state: &mut Parts| state.served < number || state.free < parts;
    let mut state = GIVEN_BACK.wait_while(state, waits).unwrap();
    state.served += 1;
    state.free -= parts;
    GIVEN_BACK.notify_all();
    Turn(parts)
}

/// Waits for all of them.
pub fn alone() -> Turn {
    take(*ALL)
}

impl Drop for Turn {
    fn drop(&mut self) {
        PARTS.lock().unwrap().free += self.0;
        GIVEN_BACK.notify_all();
    }
}
