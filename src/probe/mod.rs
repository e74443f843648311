//! Measures a path: several streams at once, the origin's clock, and what this machine itself delays.
//!
//! ```text
//!  streams S M L W ──reads──► recorders ──┐
//!  /time, again and again ──► exchanges ──┼──► summaries ──► verdict ──► report
//!  own timer ───────────────► stalls ─────┘
//! ```

mod clock;
mod outcome;
mod own_time;
mod path;
mod plan;
mod stream;

use std::fmt;
use std::io;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crossbeam_channel::bounded;

pub use plan::{DURATION, INTERVAL};

use crate::client::live::Limits;
use crate::client::{Client, ClientError, Request};
use crate::lock::lock;
use crate::report::Report;
use crate::sse::decoder::Message;
use crate::stamp::Stamp;
use crate::stats::{Clock, StreamSpec, time_of};
use clock::Exchanges;
use outcome::Measured;
use path::Path;
use plan::Wish;

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

/// Why nothing could be measured.
#[derive(Debug)]
pub enum ProbeError {
    /// The request is malformed.
    Request(ClientError),
    /// The system refuses a thread or a random number.
    System(io::Error),
}

impl fmt::Display for ProbeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProbeError::Request(error) => write!(f, "{error}\n{}", error.advice()),
            ProbeError::System(error) => write!(f, "start the measurement: {error}"),
        }
    }
}

impl std::error::Error for ProbeError {}

impl From<io::Error> for ProbeError {
    fn from(error: io::Error) -> ProbeError {
        ProbeError::System(error)
    }
}

/// An event that just came.
#[derive(Debug)]
pub struct Notice<'a> {
    /// The path.
    pub url: &'a str,
    /// The stream.
    pub spec: &'a StreamSpec,
    /// When it came; microseconds since the probe's start.
    pub at_us: i64,
    /// The event.
    pub message: &'a Message,
    exchanges: Option<&'a Exchanges>,
}

impl Notice<'_> {
    /// How much longer it took than the path needs, as far as the origin's clock is known by now; none of another origin.
    pub fn lag_us(&self) -> Option<i64> {
        let clock = Clock::from_exchanges(&self.exchanges?.all(), None)?;
        let sent_us = time_of(&Stamp::parse(&self.message.data)?)?;
        Some(clock.excess_us(sent_us, self.at_us))
    }
}

/// Is told of every event, on the threads of the streams.
pub type Watch<'a> = &'a (dyn Fn(&Notice<'_>) + Sync);

/// When the probe's clock was 0.
#[derive(Debug, Clone, Copy)]
struct Epoch {
    start: Instant,
    unix_us: i64,
}

impl Epoch {
    fn now() -> Epoch {
        let unix_us = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros());
        Epoch { start: Instant::now(), unix_us: i64::try_from(unix_us).unwrap_or(i64::MAX) }
    }

    fn us(self, at: Instant) -> i64 {
        i64::try_from(at.saturating_duration_since(self.start).as_micros()).unwrap_or(i64::MAX)
    }
}

/// Measures until enough was seen, or until `limits` end it; then the report tells what is known.
///
/// # Errors
/// A [`ProbeError`]. That there is no answer, or no stream, is none, but a verdict.
pub fn run(config: &Config, limits: &Limits, watch: Watch<'_>) -> Result<Report, ProbeError> {
    let epoch = Epoch::now();
    let wish = Wish {
        interval: config.interval,
        duration: config.duration,
        within: config.within,
        plain: config.plain,
        endless: config.follow,
    };
    let path = |request| Path { client: &config.client, request, wish, keeps_journal: config.record, epoch };
    let stalls = Mutex::new(Vec::new());
    let (one, other) = thread::scope(|scope| {
        let (done, is_done) = bounded::<()>(0);
        let stalls = &stalls;
        let spawn = |name: &str| thread::Builder::new().name(name.to_owned());
        spawn("own timer").spawn_scoped(scope, move || own_time::watch(epoch, stalls, &is_done))?;
        let against = config
            .against
            .clone()
            .map(|request| spawn("against").spawn_scoped(scope, || path(request).measure(limits, watch)));
        let one = path(config.request.clone()).measure(limits, watch)?;
        let other =
            against.transpose()?.map(|thread| thread.join().unwrap_or_else(|_| Err(lost().into()))).transpose()?;
        drop(done);
        Ok::<_, ProbeError>((one, other))
    })?;
    let stalls = lock(&stalls);
    let report = |measured: Measured| measured.report(epoch, &stalls, config.within);
    let other = other.map(report);
    Ok(Report { against: other.map(Box::new), ..report(one) })
}

fn lost() -> io::Error {
    io::Error::other("a thread was lost")
}
