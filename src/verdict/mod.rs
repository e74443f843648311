//! What the path does to a stream: summaries in; verdict, hold and findings out.
//!
//! Pure. Our own origin's streams are judged by their stamps, several streams of different pace at once: the same wait
//! at different paces means that time releases, the same bytes that bytes do, its own interval that the next event does.
//! A slow stream of small events names the verdict; the others explain it. Another origin's streams are judged by
//! arrivals alone.

mod answer;
mod classify;
mod cure;
pub mod cures;
mod damage;
mod decide;
pub mod detail;
pub mod diagnosis;
pub mod endurance;
mod finding_id;
mod findings;
mod foreign;
mod hop;
mod judge;
mod judgement;
mod reason;
mod shape;
pub mod watched;

pub use answer::Reply;
pub use cure::{CureId, Place};
pub use detail::Detail;
pub use finding_id::{Id, Severity};
pub use findings::Finding;
pub use hop::Hop;
pub use judge::{ending, judge, representative};
pub use judgement::{Answer, Evidence, Hold, HoldKind, Judgement, Verdict, WITHIN_US};
pub use reason::Reason;
