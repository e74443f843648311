//! Measures a path: several streams at once, the origin's clock, and what this machine itself delays.
//!
//! ```text
//!  streams S M L W ──reads──► recorders ──┐
//!  /time, again and again ──► exchanges ──┼──► summaries ──► verdict ──► report
//!  own timer ───────────────► stalls ─────┘
//! ```

mod clock;
mod epoch;
mod error;
mod notice;
mod path;
mod prober;
mod stalls;
mod stream;

use std::thread;
use std::time::Duration;

pub use error::ProbeError;
pub(crate) use error::lost;
pub use notice::{Notice, Notices};
pub use path::{Path, Setup};
pub use prober::Prober;

use crate::client::{Client, Request};
use crate::judge::MeasurePlan;
use crate::report::Report;
use crate::shutdown::Deadline;

/// What to measure, and how.
#[derive(Debug)]
pub struct Config {
    /// Makes the requests.
    pub client: Client,
    /// The request for the stream. A URL without a path means our origin's `/events`.
    pub request: Request,
    /// Another path to measure at the same time.
    pub against: Option<Request>,
    /// Time between two small events.
    pub interval: Option<Duration>,
    /// How long the longest stream runs.
    pub duration: Option<Duration>,
    /// Most an event may lag and still be in real time.
    pub within: Duration,
    /// Ask our origin to leave out the header fields that cure some paths.
    pub plain: bool,
    /// Watch one stream until the user ends it.
    pub follow: bool,
    /// Keep all that is seen, for [`Report::recording`].
    pub record: bool,
}

/// Measures until enough was seen, or until `limits` end it; then the report tells what is known.
///
/// # Errors
/// A [`ProbeError`]. That there is no answer, or no stream, is none, but a verdict.
pub fn run(config: &Config, limits: &Deadline, notices: Notices) -> Result<Report, ProbeError> {
    let prober = Prober::start(&config.client, notices)?;
    let plan = MeasurePlan {
        interval: config.interval,
        duration: config.duration,
        within: config.within,
        plain: config.plain,
        endless: config.follow,
        ..MeasurePlan::default()
    };
    let measured = |request: &Request| {
        let path = prober.path(request.clone(), limits)?;
        let setup = Setup { keeps_journal: config.record, ..Setup::new(path.request().clone(), plan) };
        let report = path.measure(&[setup], limits)?.remove(0);
        Ok::<_, ProbeError>(Report { url: request.url.to_string(), ..report })
    };
    thread::scope(|scope| {
        let spawn = || thread::Builder::new().name("against".to_owned());
        let against = config.against.as_ref().map(|request| spawn().spawn_scoped(scope, || measured(request)));
        let against = against.transpose()?;
        let one = measured(&config.request)?;
        let other = against.map(|thread| thread.join().unwrap_or_else(|_| Err(lost().into()))).transpose()?;
        Ok(Report { against: other.map(Box::new), ..one })
    })
}
