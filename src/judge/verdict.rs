//! A recording of streams, judged.

use super::check::{self, Refusal};
use super::live;
use super::replay::observation;
use crate::report::Report;
use crate::stats::recording::{Recording, StreamRecord};

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
