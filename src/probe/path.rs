//! One path: whose origin is at its end, the streams to ask for, and what is made of them.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::clock::Exchanges;
use super::error::{ProbeError, lost};
use super::prober::Prober;
use super::stream::Job;
use crate::client::origin::{self, Time, Told};
use crate::client::request::LAST_EVENT_ID;
use crate::client::{ClientError, Request};
use crate::http::Url;
use crate::judge::{MeasurePlan, Observation, Outcome, Status, StreamObservation, StreamPlan};
use crate::lock::lock;
use crate::nonce::nonce;
use crate::report::Report;
use crate::shutdown::{Deadline, Stop};
use crate::stats::recording::StreamState;
use crate::stats::{Exchange, StreamSpec};
use crate::verdict::Answer;

/// How long after the origin's end something may still come, such as all of it.
const GRACE: Duration = Duration::from_secs(4);

/// How much sooner a stream is asked for than each of those with larger events. So much that a limit on a stream's age
/// ends them at different times, and a restart at the same.
const HEAD_START: Duration = Duration::from_millis(200);

/// A path of which is known whose origin is at its end.
#[derive(Debug)]
pub struct Path<'p> {
    prober: &'p Prober<'p>,
    request: Request,
    redirects: Vec<String>,
    end: End,
    /// Another way to the same origin, which tells its time exactly.
    near: Option<&'p Path<'p>>,
}

/// Who is at a path's end.
#[derive(Debug)]
enum End {
    /// An origin of ours, with its clock so far.
    Ours(Arc<Exchanges>),
    /// Somebody else's.
    Foreign,
    /// Nobody; why.
    Nobody(Answer),
}

/// A way to ask for streams.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The request, but for what the streams' pace adds to its query.
    pub request: Request,
    /// Which streams.
    pub plan: MeasurePlan,
    /// How much later than the others they are asked for.
    pub after: Duration,
    /// Whether all that is seen is kept, for [`Report::recording`].
    pub keeps_journal: bool,
}

impl Setup {
    /// Asks for the streams of `plan`, at once.
    pub fn new(request: Request, plan: MeasurePlan) -> Setup {
        Setup { request, plan, after: Duration::ZERO, keeps_journal: false }
    }
}

impl Prober<'_> {
    /// The path that `request` for a stream takes: asks whose origin is at its end.
    ///
    /// # Errors
    /// When the request can't be made. That nobody answers is no error: measuring it says so.
    pub fn path(&self, request: Request, limits: &Deadline) -> Result<Path<'_>, ProbeError> {
        Path::find(self, request, limits)
    }
}

impl<'p> Path<'p> {
    fn find(prober: &'p Prober<'p>, mut request: Request, limits: &Deadline) -> Result<Path<'p>, ProbeError> {
        let begun = Instant::now();
        let mut asked = origin::ask(prober.client, &request, limits);
        if matches!(asked, Ok(None)) && begun.elapsed() >= origin::TIME_TO_ANSWER {
            // A service that was asleep needs a while for its first answer.
            asked = origin::ask(prober.client, &request, limits);
        }
        let mut redirects = Vec::new();
        let end = match asked {
            Err(error @ ClientError::Request(..)) => return Err(ProbeError::Request(error)),
            Err(error) => End::Nobody(error.answer()),
            Ok(None) => End::Foreign,
            Ok(Some(time)) => {
                let exchanges = Arc::new(Exchanges::default());
                exchanges.add(&time, prober.epoch);
                (request.url, redirects) = events_url(&request.url, &time);
                if request.take_header(LAST_EVENT_ID).is_some() {
                    log::info!("{LAST_EVENT_ID} is left out: each stream of the probe is a new one");
                }
                End::Ours(exchanges)
            }
        };
        Ok(Path { prober, request, redirects, end, near: None })
    }

    /// The same, with the origin's clock as it is known on another way to the same origin, a near one: what there is known
    /// by the time of a measurement counts for it.
    #[must_use]
    pub fn with_clock_of(self, near: &'p Path<'p>) -> Path<'p> {
        Path { near: Some(near), ..self }
    }

    /// The exchanges so far with an origin of ours.
    fn exchanges(&self) -> Vec<Exchange> {
        match &self.end {
            End::Ours(exchanges) => exchanges.all(),
            End::Foreign | End::Nobody(_) => Vec::new(),
        }
    }

    /// The request for its stream, whatever redirects there followed.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// Whether the origin is one of ours.
    pub fn is_ours(&self) -> bool {
        matches!(self.end, End::Ours(_))
    }

    /// Measures it in several ways at once. There is a report for each, in their order.
    ///
    /// # Errors
    /// When no thread, or no random number, is left.
    pub fn measure(&self, setups: &[Setup], limits: &Deadline) -> io::Result<Vec<Report>> {
        let streams = match &self.end {
            End::Nobody(answer) => setups.iter().map(|_| vec![self.nobody(answer)]).collect(),
            End::Foreign => self.foreign(setups, limits)?,
            End::Ours(exchanges) => self.ours(setups, exchanges, limits)?,
        };
        let (exchanges, near) = (self.exchanges(), self.near.map(Path::exchanges).unwrap_or_default());
        let stalls = lock(&self.prober.stalls).clone();
        let epoch = self.prober.epoch;
        let report = |(setup, streams): (&Setup, _)| {
            let Request { url, method, headers, .. } = setup.request.clone();
            let observation = Observation {
                url: url.to_string(),
                method,
                headers,
                redirects: self.redirects.clone(),
                exchanges: exchanges.clone(),
                near: near.clone(),
                connect_us: None,
                stalls: stalls.clone(),
                within_us: i64::try_from(setup.plan.within.as_micros()).unwrap_or(i64::MAX),
                unix_us: epoch.unix_us,
                elapsed_us: epoch.us(Instant::now()),
                streams,
            };
            let recording = setup.keeps_journal.then(|| observation.recording()).flatten();
            Report { recording: recording.map(Box::new), ..observation.report() }
        };
        Ok(setups.iter().zip(streams).map(report).collect())
    }

    /// Nobody answers.
    fn nobody(&self, answer: &Answer) -> StreamObservation {
        StreamObservation::failed(foreign_spec(), self.prober.epoch.us(Instant::now()), answer.clone())
    }

    /// All that can be seen of another origin: a stream each, as it is.
    fn foreign(&self, setups: &[Setup], limits: &Deadline) -> io::Result<Vec<Vec<StreamObservation>>> {
        let jobs = setups.iter().map(|setup| {
            let patience = (!setup.plan.endless).then(|| setup.plan.run());
            let job = Job {
                client: self.prober.client,
                url: setup.request.url.to_string().into(),
                exchanges: None,
                request: setup.request.clone(),
                spec: Arc::new(foreign_spec()),
                id: None,
                patience,
                any_type: false,
                keeps_journal: setup.keeps_journal,
                epoch: self.prober.epoch,
            };
            (setup.after, job)
        });
        let seen = self.at_once(jobs.collect(), limits)?;
        Ok(seen.into_iter().map(|seen| vec![seen]).collect())
    }

    /// The streams of our origin, all at once, and its clock beside them.
    fn ours(
        &self,
        setups: &[Setup],
        exchanges: &Arc<Exchanges>,
        limits: &Deadline,
    ) -> io::Result<Vec<Vec<StreamObservation>>> {
        let mut jobs = Vec::new();
        let mut counts = Vec::new();
        for setup in setups {
            let own = self.our_jobs(setup, exchanges)?;
            counts.push(own.len());
            jobs.extend(own);
        }
        let Prober { client, epoch, .. } = self.prober;
        let stop = Stop::new()?;
        let session = client.session_with(Arc::new(stop.clone()));
        let request = origin::time_request(&self.request);
        let mut seen = thread::scope(|scope| {
            let asking = || exchanges.keep_asking(&session, &request, *epoch, &stop);
            thread::Builder::new().name("clock".to_owned()).spawn_scoped(scope, asking)?;
            let seen = self.at_once(jobs, limits);
            stop.trigger();
            seen
        })?;
        self.ask_about(&mut seen, limits);
        let mut seen = seen.into_iter();
        Ok(counts.into_iter().map(|count| seen.by_ref().take(count).collect()).collect())
    }

    /// Runs jobs, each so much later than the first.
    fn at_once(&self, jobs: Vec<(Duration, Job<'_>)>, limits: &Deadline) -> io::Result<Vec<StreamObservation>> {
        let notices = &self.prober.notices;
        thread::scope(|scope| {
            let threads = jobs.into_iter().map(|(after, job)| {
                let thread = thread::Builder::new().name(format!("stream {}", job.spec.name));
                thread.spawn_scoped(scope, move || {
                    let _ = limits.sleep(after);
                    job.run(limits, notices)
                })
            });
            let threads = threads.collect::<io::Result<Vec<_>>>()?;
            threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err(lost()))).collect()
        })
    }

    /// Asks what became of the streams without so much as a head: a path that lets so many requests through at a time keeps
    /// the others back, and what it keeps back says nothing about events.
    fn ask_about(&self, seen: &mut [StreamObservation], limits: &Deadline) {
        for seen in seen.iter_mut().filter(|seen| seen.head.is_none()) {
            let (Outcome::Stream(_), Some(id)) = (&seen.result, &seen.id) else { continue };
            seen.status = match origin::stream(self.prober.client, &self.request, id, limits) {
                Some(Told::NoSuchStream) => {
                    Some(Status { state: StreamState::Unknown, ended_by: None, opened_us: None })
                }
                Some(Told::Stream(state)) => Some(Status {
                    state: if state.ended_us.is_some() { StreamState::Ended } else { StreamState::Open },
                    ended_by: state.ended_by,
                    opened_us: Some(state.opened_us),
                }),
                None => return,
            };
        }
    }

    /// The streams that a setup asks for, each with how much later it is asked for: where only some get through at a
    /// time, it is those that name the verdict, the small events.
    fn our_jobs<'b>(&'b self, setup: &'b Setup, exchanges: &'b Arc<Exchanges>) -> io::Result<Vec<(Duration, Job<'b>)>> {
        let query = setup.request.url.query();
        let wanted = setup.plan.streams(query);
        let mut sizes: Vec<u64> = wanted.iter().map(|wanted| wanted.spec.size).collect();
        sizes.sort_unstable();
        let job = |wanted: StreamPlan| {
            let larger_than = sizes.partition_point(|size| *size < wanted.spec.size) as u32;
            Ok((setup.after + HEAD_START * larger_than, self.our_job(setup, wanted, exchanges)?))
        };
        wanted.into_iter().map(job).collect()
    }

    fn our_job<'b>(
        &'b self,
        setup: &'b Setup,
        wanted: StreamPlan,
        exchanges: &'b Arc<Exchanges>,
    ) -> io::Result<Job<'b>> {
        let mut parameters: Vec<String> =
            wanted.parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let id = if wanted.wants_nonce { Some(nonce()?) } else { None };
        parameters.extend(id.as_ref().map(|id| format!("id={id}")));
        let mut request = setup.request.clone();
        request.url = request.url.with_parameters(&parameters.join("&"));
        let patience = match wanted.lasts {
            Some(lasts) => Some(lasts + GRACE),
            None if setup.plan.endless => None,
            None => Some(setup.plan.run()),
        };
        Ok(Job {
            client: self.prober.client,
            url: setup.request.url.to_string().into(),
            exchanges: Some(Arc::clone(exchanges)),
            request,
            spec: Arc::new(wanted.spec),
            id,
            patience,
            any_type: wanted.any_type,
            keeps_journal: setup.keeps_journal,
            epoch: self.prober.epoch,
        })
    }
}

/// What is known of the stream of another origin.
fn foreign_spec() -> StreamSpec {
    StreamSpec { name: "stream".to_owned(), interval_us: 1_000_000, size: 0, count: None }
}

/// The URL of the events of an origin of ours, for a URL as it was typed, and those that redirect there: where its time
/// is redirected to, its events are.
fn events_url(url: &Url, time: &Time) -> (Url, Vec<String>) {
    let name = if url.is_root() { "events" } else { url.last_segment() };
    let place = if time.redirects.is_empty() { url } else { &Url::of(&time.url) };
    let redirects = time.redirects.iter().map(|redirect| Url::of(redirect).beside(name).to_string());
    (place.beside(name).with_query(url.query()), redirects.collect())
}
