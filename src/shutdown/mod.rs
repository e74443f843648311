//! How everything that waits is ended: one token to stop, deadlines with it, and the signals that trigger it.

mod deadline;
mod signals;
mod stop;

pub use deadline::{Deadline, WaitEnd};
pub use signals::Interrupts;
pub use stop::{Stop, wait_hung_up, wait_readable};
