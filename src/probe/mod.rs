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
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crossbeam_channel::{Sender, bounded};

pub use path::{Path, Setup};
pub use plan::{DURATION, INTERVAL, Paces, Wish};

use crate::client::live::Limits;
use crate::client::{Client, ClientError, Request};
use crate::report::Report;
use crate::sse::decoder::Message;
use crate::stamp::Stamp;
use crate::stats::{Clock, Stall, StreamSpec, time_of};
use clock::Exchanges;

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

/// Measures paths, one after the other or side by side, all on one clock, and watches what this machine itself delays.
pub struct Prober<'a> {
    client: &'a Client,
    watch: Watch<'a>,
    epoch: Epoch,
    stalls: Arc<Mutex<Vec<Stall>>>,
    /// The thread that watches ends with the last of these.
    _done: Sender<()>,
}

impl fmt::Debug for Prober<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prober").field("client", self.client).field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

impl<'a> Prober<'a> {
    /// Starts the clock. `watch` is told of every event.
    ///
    /// # Errors
    /// When no thread is left.
    pub fn start(client: &'a Client, watch: Watch<'a>) -> io::Result<Prober<'a>> {
        let epoch = Epoch::now();
        let stalls = Arc::new(Mutex::new(Vec::new()));
        let (done, is_done) = bounded::<()>(0);
        let noted = Arc::clone(&stalls);
        thread::Builder::new().name("own timer".to_owned()).spawn(move || own_time::watch(epoch, &noted, &is_done))?;
        Ok(Prober { client, watch, epoch, stalls, _done: done })
    }

    /// The same, with another client.
    #[must_use]
    pub fn with_client(&self, client: &'a Client) -> Prober<'a> {
        Prober { client, stalls: Arc::clone(&self.stalls), _done: self._done.clone(), ..*self }
    }

    /// The path that `request` for a stream takes: asks whose origin is at its end.
    ///
    /// # Errors
    /// When the request can't be made. That nobody answers is no error: measuring it says so.
    pub fn path(&self, request: Request, limits: &Limits) -> Result<Path<'_>, ProbeError> {
        Path::find(self, request, limits)
    }
}

/// Measures until enough was seen, or until `limits` end it; then the report tells what is known.
///
/// # Errors
/// A [`ProbeError`]. That there is no answer, or no stream, is none, but a verdict.
pub fn run(config: &Config, limits: &Limits, watch: Watch<'_>) -> Result<Report, ProbeError> {
    let prober = Prober::start(&config.client, watch)?;
    let wish = Wish {
        interval: config.interval,
        duration: config.duration,
        within: config.within,
        plain: config.plain,
        endless: config.follow,
        ..Wish::default()
    };
    let measured = |request: &Request| {
        let path = prober.path(request.clone(), limits)?;
        let setup = Setup { keeps_journal: config.record, ..Setup::new(path.request().clone(), wish) };
        let report = path.measure(&[setup], limits)?.remove(0);
        Ok::<_, ProbeError>(Report { url: request.url.clone(), ..report })
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

/// A thread ended without its last word.
pub(crate) fn lost() -> io::Error {
    io::Error::other("a thread was lost")
}
