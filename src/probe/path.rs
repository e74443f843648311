//! One path: whose origin is at its end, the streams to ask for, and what is made of them.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;

use super::clock::Exchanges;
use super::outcome::Measured;
use super::plan::{Wanted, Wish};
use super::stream::{Job, Outcome, Seen};
use super::{Epoch, ProbeError, Watch, lost};
use crate::client::live::Limits;
use crate::client::origin::{self, Time};
use crate::client::request::LAST_EVENT_ID;
use crate::client::{Client, ClientError, Request};
use crate::nonce::nonce;
use crate::stats::StreamSpec;

/// How long after the origin's end something may still come, such as all of it.
const GRACE: Duration = Duration::from_secs(4);

/// How much sooner a stream is asked for than each of those with larger events. So much that a limit on a stream's age
/// ends them at different times, and a restart at the same.
const HEAD_START: Duration = Duration::from_millis(200);

/// A path to measure.
#[derive(Debug, Clone)]
pub(super) struct Path<'a> {
    pub(super) client: &'a Client,
    pub(super) request: Request,
    pub(super) wish: Wish,
    pub(super) keeps_journal: bool,
    pub(super) epoch: Epoch,
}

impl Path<'_> {
    /// Measures it.
    ///
    /// # Errors
    /// When the request can't be made, and when no thread, or no random number, is left.
    pub(super) fn measure(mut self, limits: &Limits, watch: Watch<'_>) -> Result<Measured, ProbeError> {
        let exchanges = Exchanges::default();
        let begun = Instant::now();
        let mut asked = origin::ask(self.client, &self.request, limits);
        if matches!(asked, Ok(None)) && begun.elapsed() >= origin::TIME_TO_ANSWER {
            // A service that was asleep needs a while for its first answer.
            asked = origin::ask(self.client, &self.request, limits);
        }
        let request = self.request.clone();
        let mut redirects = Vec::new();
        let streams = match asked {
            Err(error @ ClientError::Request(..)) => return Err(ProbeError::Request(error)),
            Err(error) => Err(error),
            Ok(None) => self.foreign(limits, watch).map(|seen| vec![seen]).map(Ok)?,
            Ok(Some(time)) => {
                exchanges.add(&time, self.epoch);
                (self.request.url, redirects) = events_url(&self.request.url, &time);
                if self.request.take_header(LAST_EVENT_ID).is_some() {
                    log::info!("{LAST_EVENT_ID} is left out: each stream of the probe is a new one");
                }
                Ok(self.ours(&exchanges, limits, watch)?)
            }
        };
        Ok(Measured { request, redirects, exchanges: exchanges.all(), streams })
    }

    /// All that can be seen of another origin: its one stream, as it is.
    fn foreign(&self, limits: &Limits, watch: Watch<'_>) -> io::Result<Seen> {
        let spec = StreamSpec { name: "stream".to_owned(), interval_us: 1_000_000, size: 0, count: None };
        let patience = (!self.wish.endless).then(|| self.wish.run());
        let job = Job {
            client: self.client,
            url: &self.request.url,
            exchanges: None,
            request: self.request.clone(),
            spec,
            id: None,
            patience,
            any_type: false,
            keeps_journal: self.keeps_journal,
            epoch: self.epoch,
        };
        job.run(limits, watch)
    }

    /// The streams of our origin, all at once, and its clock beside them.
    fn ours(&self, exchanges: &Exchanges, limits: &Limits, watch: Watch<'_>) -> io::Result<Vec<Seen>> {
        let (_, query) = self.request.url.split_once('?').unwrap_or((&self.request.url, ""));
        let jobs = self.wish.streams(query).into_iter().map(|wanted| self.our_job(wanted, exchanges));
        let jobs = jobs.collect::<io::Result<Vec<_>>>()?;
        let session = self.client.session();
        let stopper = session.stopper();
        let request = origin::time_request(&self.request);
        thread::scope(|scope| {
            let (done, is_done) = bounded::<()>(0);
            let asking = move || exchanges.keep_asking(&session, &request, self.epoch, &is_done);
            thread::Builder::new().name("clock".to_owned()).spawn_scoped(scope, asking)?;
            // Where only some get through at a time, it is those that name the verdict: the small events.
            let mut sizes: Vec<u64> = jobs.iter().map(|job| job.spec.size).collect();
            sizes.sort_unstable();
            let threads = jobs.into_iter().map(|job| {
                let thread = thread::Builder::new().name(format!("stream {}", job.spec.name));
                let larger_than = sizes.partition_point(|size| *size < job.spec.size) as u32;
                thread.spawn_scoped(scope, move || {
                    let _ = limits.pause(HEAD_START * larger_than);
                    job.run(limits, watch)
                })
            });
            let threads = threads.collect::<io::Result<Vec<_>>>();
            let seen = threads.map(|threads| threads.into_iter().map(|thread| thread.join()));
            let seen = seen.and_then(|seen| seen.map(|seen| seen.unwrap_or_else(|_| Err(lost()))).collect());
            stopper.stop();
            drop(done);
            seen
        })
        .map(|mut seen: Vec<Seen>| {
            self.ask_about(&mut seen, limits);
            seen
        })
    }

    /// Whether the streams without so much as a head were ever begun: a path that lets so many requests through at a time
    /// keeps the others back, and what it keeps back says nothing about events.
    fn ask_about(&self, seen: &mut [Seen], limits: &Limits) {
        for seen in seen.iter_mut().filter(|seen| seen.head.is_none()) {
            let (Outcome::Stream(_), Some(id)) = (&seen.result, &seen.id) else { continue };
            match origin::has_stream(self.client, &self.request, id, limits) {
                Some(has) => seen.never_began = !has,
                None => return,
            }
        }
    }

    fn our_job<'b>(&'b self, wanted: Wanted, exchanges: &'b Exchanges) -> io::Result<Job<'b>> {
        let mut parameters: Vec<String> =
            wanted.parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let id = if wanted.wants_nonce { Some(nonce()?) } else { None };
        parameters.extend(id.as_ref().map(|id| format!("id={id}")));
        let mut request = self.request.clone();
        for parameter in parameters {
            let separator = if request.url.contains('?') { '&' } else { '?' };
            request.url = format!("{}{separator}{parameter}", request.url);
        }
        let patience = match wanted.lasts {
            Some(lasts) => Some(lasts + GRACE),
            None if self.wish.endless => None,
            None => Some(self.wish.run()),
        };
        Ok(Job {
            client: self.client,
            url: &self.request.url,
            exchanges: Some(exchanges),
            request,
            spec: wanted.spec,
            id,
            patience,
            any_type: wanted.any_type,
            keeps_journal: self.keeps_journal,
            epoch: self.epoch,
        })
    }
}

/// The URL of the events of an origin of ours, for a URL as it was typed, and those that redirect there: where its time
/// is redirected to, its events are.
fn events_url(url: &str, time: &Time) -> (String, Vec<String>) {
    let (path, query) = url.split_at(url.find('?').unwrap_or(url.len()));
    let name = if origin::is_root(url) { "events" } else { path.rsplit('/').next().unwrap_or("events") };
    let place = if time.redirects.is_empty() { path } else { &time.url };
    let redirects = time.redirects.iter().map(|redirect| origin::beside(redirect, name, false));
    (format!("{}{query}", origin::beside(place, name, false)), redirects.collect())
}
