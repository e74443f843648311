//! The judge: what was observed in, reports out.
//!
//! Pure. The terminal observes itself; a page posts what it observed as a recording. Both are judged here.

pub mod check;
mod live;
mod observation;
mod outcome;
mod record;
mod replay;
mod streams;
mod window;

pub use observation::{Head, Observation, Outcome, Status, StreamObservation};
pub use replay::observation;
pub(crate) use streams::StreamPlan;
pub use streams::{DURATION, INTERVAL, MeasurePlan, Paces};

use crate::report::Report;
use crate::stats::recording::{Recording, StreamRecord};
use check::Refusal;

/// Judges the streams of a recording.
///
/// # Errors
/// When the recording makes no sense.
pub fn judge(recording: &Recording) -> Result<Report, Refusal> {
    check::check(recording)?;
    if let Some(live) = &recording.live {
        return Ok(live::report(recording, live));
    }
    let streams: Vec<&StreamRecord> = recording.streams.iter().collect();
    Ok(observation(recording, &streams).report())
}
