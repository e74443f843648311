//! Measures many variants of one path side by side, and finds out why it does what it does, and what cures it.
//!
//! ```text
//!  variants, all at once ──► those in doubt, once more ──► pairs, if no change helps alone ──► what works, once more
//! ```

pub mod concurrency;
pub mod disconnect;
pub mod limits;
mod tracked;

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use crate::client::{Client, Request};
use crate::http::Url;
use crate::judge::{Investigation, Look, MeasurePlan, Paces, Terms};
use crate::probe::{self, Notices, Path, ProbeError, Prober, Setup};
use crate::report::Report;
use crate::report::diagnosis::Diagnosed;
use crate::shutdown::Deadline;
use crate::stats::recording::RequestRecord;
use crate::verdict::Judgement;
use crate::verdict::endurance::Endurance;

/// What to diagnose, and how.
#[derive(Debug)]
pub struct Config {
    /// Makes the requests.
    pub client: Client,
    /// The request for the stream. A URL without a path means our origin's `/events`.
    pub request: Request,
    /// Another path to measure at the same time.
    pub against: Option<Against>,
    /// Most an event may lag and still be in real time.
    pub within: Duration,
    /// How much time it takes.
    pub depth: Depth,
}

/// Another path.
#[derive(Debug)]
pub enum Against {
    /// Anyone, for the same client.
    Path(Request),
    /// The direct way to the same origin on this machine, for a client of its own, which knows of no proxy: the origin's
    /// clock is known exactly that way, and so are the lags on both.
    Direct(Box<Client>, Request),
}

impl Against {
    fn request(&self) -> &Request {
        let (Against::Path(request) | Against::Direct(_, request)) = self;
        request
    }
}

/// How much time a diagnosis takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Depth {
    /// 12 s at most: fewer events, no silence, no combinations.
    Quick,
    /// 30 s at most.
    #[default]
    Standard,
    /// So long, and what it takes to find out how long streams may be quiet, up to this time, and how long they may be at
    /// all; how the origin learns that clients have left; and how many streams pass at once.
    Thorough(Duration),
}

impl Depth {
    fn most(self) -> Duration {
        // Starting and reporting take their time, too.
        Duration::from_millis(if self == Depth::Quick { 11_700 } else { 29_500 })
    }

    /// The longest silence that is tried.
    fn idle_max(self) -> Option<Duration> {
        match self {
            Depth::Thorough(idle_max) => Some(idle_max),
            Depth::Quick | Depth::Standard => None,
        }
    }

    /// The time to keep for another look at some, and for the second look.
    fn reserve(self) -> Duration {
        Duration::from_secs(if self == Depth::Quick { 7 } else { 14 })
    }

    /// How long the longest streams of a first look run.
    fn first(self) -> Option<Duration> {
        (self == Depth::Quick).then(|| Duration::from_millis(3500))
    }

    /// How long those of a second look run, and at how many paces the least of the cures is looked at, and the others.
    fn second(self) -> (Duration, Paces, Paces) {
        match self {
            Depth::Quick => (Duration::from_millis(3500), Paces::One, Paces::One),
            Depth::Standard | Depth::Thorough(_) => (Duration::from_secs(6), Paces::Four, Paces::Two),
        }
    }
}

impl Config {
    fn terms(&self) -> Terms {
        Terms {
            within: self.within,
            first: (self.depth.first(), self.depth.first()),
            second: self.depth.second(),
            reserve: self.depth.reserve(),
            is_thorough: self.depth != Depth::Quick,
            has_rival: self.against.is_some(),
            is_browser: false,
            streams_max: usize::MAX,
        }
    }
}

/// Diagnoses until all is known, or until `limits` end it; then the report tells what is known. `notices` get
/// every event.
///
/// # Errors
/// A [`ProbeError`]. That there is no answer, or no stream, is none.
pub fn run(config: &Config, limits: &Deadline, notices: Notices) -> Result<Diagnosed, ProbeError> {
    let begun = Instant::now();
    let (all, limits) = (limits, &limits.at_most(config.depth.most()));
    let prober = Prober::start(&config.client, notices)?;
    let direct = match &config.against {
        Some(Against::Direct(client, request)) => Some((prober.with_client(client), request)),
        _ => None,
    };
    let direct = direct.as_ref().map(|(prober, request)| prober.path((*request).clone(), limits)).transpose()?;
    let path = prober.path(config.request.clone(), limits)?;
    let path = direct.iter().fold(path, |path, direct| path.with_clock_of(direct));
    let mut investigation = Investigation::new(record(path.request()), path.is_ours(), config.terms());
    let against = thread::scope(|scope| {
        let spawn = || thread::Builder::new().name("against".to_owned());
        let (prober, direct) = (&prober, &direct);
        let other = move |request: &Request| match direct {
            Some(direct) => other_path(direct, request, config, limits),
            None => other_path(&prober.path(request.clone(), limits)?, request, config, limits),
        };
        let measure = |request| spawn().spawn_scoped(scope, move || other(request));
        let against = config.against.as_ref().map(Against::request).map(measure).transpose()?;
        investigate(&mut investigation, &path, limits)?;
        against.map(|thread| thread.join().unwrap_or_else(|_| Err(probe::lost().into()))).transpose()
    })?;
    let is_cut = investigation.plain_report().is_some_and(|plain| plain.verdict.verdict == Judgement::Cut);
    let is_gone = is_cut && !prober.path(config.request.clone(), all)?.is_ours();
    let is_cut_short = limits.is_over();
    let mut diagnosis = investigation.diagnosis(None, is_gone, is_cut_short);
    let idle_max = config.depth.idle_max().filter(|_| path.is_ours());
    let endurance = idle_max.map(|idle_max| {
        let request = investigation.streaming_request(diagnosis.smallest.as_deref());
        endurance(&config.client, &requested(&path, request), idle_max, all)
    });
    let endurance = endurance.transpose()?;
    if endurance.is_some() {
        diagnosis = investigation.diagnosis(endurance.as_ref(), is_gone, is_cut_short);
    }
    Ok(Diagnosed {
        url: config.request.url.to_string(),
        is_ours: path.is_ours(),
        diagnosis,
        variants: investigation.into_rows(),
        endurance,
        against,
        took: begun.elapsed(),
    })
}

/// Looks at all that the investigation wants to know, until it does or the time is up.
fn investigate(investigation: &mut Investigation, path: &Path<'_>, limits: &Deadline) -> io::Result<()> {
    while let Some((round, looks)) = investigation.next(limits.left()) {
        let setup = |look: &Look| {
            let request = requested(path, investigation.request(&look.variant));
            Setup { after: look.after, ..Setup::new(request, look.plan) }
        };
        let reports = path.measure(&looks.iter().map(setup).collect::<Vec<_>>(), limits)?;
        investigation.take(round, looks.into_iter().zip(reports).collect());
    }
    Ok(())
}

fn record(request: &Request) -> RequestRecord {
    let Request { url, method, headers, .. } = request.clone();
    RequestRecord { url: url.as_str().to_owned(), method, headers }
}

/// The request of a variant, with the path's body.
fn requested(path: &Path<'_>, request: RequestRecord) -> Request {
    let RequestRecord { url, method, headers } = request;
    Request { url: Url::of(&url), method, headers, ..path.request().clone() }
}

/// Measures how long the path lets streams be, how it tells that clients have left, and how many it passes at once;
/// `request` is one that streams.
fn endurance(client: &Client, request: &Request, idle_max: Duration, limits: &Deadline) -> io::Result<Endurance> {
    let crowd = concurrency::measure(client, request, concurrency::STREAMS, limits)?;
    let leaving = || disconnect::measure(client, request, limits);
    thread::scope(|scope| {
        let leaving = thread::Builder::new().name("disconnect".to_owned()).spawn_scoped(scope, leaving)?;
        let patience = limits::measure(client, request, idle_max, limits)?;
        let leaving = leaving.join().unwrap_or_else(|_| Err(probe::lost()))?;
        Ok(Endurance { patience, leaving, crowd })
    })
}

/// Measures the other path, as plain as this one.
fn other_path(path: &Path<'_>, request: &Request, config: &Config, limits: &Deadline) -> Result<Report, ProbeError> {
    let (within, duration) = (config.within, config.depth.first());
    let plan = MeasurePlan { within, duration, plain: true, ..MeasurePlan::default() };
    let report = path.measure(&[Setup::new(path.request().clone(), plan)], limits)?.remove(0);
    Ok(Report { url: request.url.to_string(), ..report })
}
