//! What was seen of a stream, in numbers: timestamped reads and decoded items in, a [`Summary`] out, in bounded memory.
//!
//! Pure: every time comes in as an argument. Names that end in `_us` are microseconds: `at_us` and the like on the
//! probe's own clock, since its start; `sent_us` on the origin's clock, Unix time, until a [`Clock`] has translated it.

mod clock;
mod entries;
mod event;
mod journal;
mod recorder;
pub mod recording;
mod sequence;
mod stream;
mod summary;
mod thinned;

pub use clock::{Clock, Exchange};
pub use event::What;
pub(crate) use event::time_of;
pub use recorder::Recorder;
pub use stream::{Ending, LUMP_GAP_US, Origin, Stall, StreamSpec, TIME_MAX_US};
pub use summary::{Bursts, Counts, Gap, Lag, Lump, Sample, Summary};

#[cfg(test)]
mod tests;
