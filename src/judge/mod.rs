//! The judge: what was observed in, reports out.
//!
//! Pure. The terminal observes itself; a page posts what it observed as a recording. Both are judged here.

mod answer;
pub mod check;
mod diagnose;
mod investigation;
mod live;
mod look;
mod next;
mod observation;
mod outcome;
mod record;
mod replay;
mod streams;
mod variants;
mod verdict;
mod window;

pub use answer::{Format, answer};
pub use investigation::{Investigation, Terms};
pub use look::{Look, Role, Round};
pub use observation::{Head, Observation, Outcome, Status, StreamObservation};
pub use replay::observation;
pub(crate) use streams::StreamPlan;
pub use streams::{DURATION, INTERVAL, MeasurePlan, Paces};
pub use verdict::judge;
