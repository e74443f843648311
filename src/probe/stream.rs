//! One stream from its request to its end, on record.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::clock::Exchanges;
use super::epoch::Epoch;
use super::notice::{Notice, Notices};
use crate::client::event_reader::{EventReader, StreamEnd};
use crate::client::in_flight::{InFlight, NoHead, excerpt};
use crate::client::{self, Arrival, Client, Ending, Request};
use crate::judge::{Head, Outcome, StreamObservation};
use crate::shutdown::Deadline;
use crate::sse::decoder::Item;
use crate::stats::{self, Origin, Recorder, StreamSpec};
use crate::verdict::Answer;

/// A stream to be recorded.
#[derive(Debug)]
pub(super) struct Job<'a> {
    pub(super) client: &'a Client,
    /// What the user calls it.
    pub(super) url: Arc<str>,
    /// The origin's clock so far, if it is ours.
    pub(super) exchanges: Option<Arc<Exchanges>>,
    pub(super) request: Request,
    pub(super) spec: Arc<StreamSpec>,
    /// The id that was asked for, if it is ours to choose.
    pub(super) id: Option<String>,
    /// Most time that it gets.
    pub(super) patience: Option<Duration>,
    /// Whether another content type than that of event streams was asked for.
    pub(super) any_type: bool,
    /// Whether all that is seen is kept.
    pub(super) keeps_journal: bool,
    pub(super) epoch: Epoch,
}

impl Job<'_> {
    /// Records the stream, until it ends, its time is up, or `limits` end it.
    ///
    /// # Errors
    /// When no thread is left.
    pub(super) fn run(self, limits: &Deadline, notices: &Notices) -> io::Result<StreamObservation> {
        let begun = Instant::now();
        let in_flight = InFlight::start(self.client, self.request.clone())?;
        let limits = self.patience.map_or_else(|| limits.clone(), |patience| limits.at_most(patience));
        let head = match in_flight.head(&limits) {
            Ok(head) => *head,
            Err(NoHead::Failed(error)) => return Ok(self.seen(begun, Outcome::Failed(error.answer()))),
            Err(NoHead::WaitEnded(_)) => {
                let mut recorder = self.recorder(begun);
                recorder.end(stats::Ending::Ours, self.epoch.us(Instant::now()));
                return Ok(self.seen(begun, Outcome::Stream(Box::new(recorder))));
            }
        };
        let mut seen = self.seen(begun, Outcome::Failed(Answer::Stream));
        seen.head = Some(self.head(&head));
        let is_any = head.status == 200 && self.any_type;
        if !is_any && !head.reply("").is_event_stream() {
            seen.beginning = Some(excerpt(&head, &in_flight, &limits));
        }
        let beginning = seen.beginning.as_deref().unwrap_or("");
        if let Some(finding) = seen.head.as_ref().and_then(|head| head.refusal(beginning, self.any_type)) {
            return Ok(StreamObservation { result: Outcome::Failed(Answer::NotSse(finding)), ..seen });
        }
        let reader = match EventReader::of(&head) {
            Ok(reader) => reader,
            Err(error) => {
                return Ok(StreamObservation { result: Outcome::Failed(Answer::NotSse(error.finding())), ..seen });
            }
        };
        let mut record = Record { recorder: self.recorder(head.timing.written), reader, hello: None };
        let (ending, at) = record.body(&self, &in_flight, &limits, notices);
        record.recorder.end(ending, self.epoch.us(at));
        let (hello, result) = (record.hello, Outcome::Stream(Box::new(record.recorder)));
        Ok(StreamObservation { hello, result, ..seen })
    }

    fn seen(&self, begun: Instant, result: Outcome) -> StreamObservation {
        StreamObservation {
            asked: StreamSpec::clone(&self.spec),
            any_type: self.any_type,
            begun_us: self.epoch.us(begun),
            head: None,
            beginning: None,
            hello: None,
            id: self.id.clone(),
            status: None,
            result,
        }
    }

    fn head(&self, head: &client::Head) -> Head {
        let at = &head.timing;
        let us = |instant: Instant| self.epoch.us(instant);
        Head {
            resolved_us: at.resolved.map(us),
            connected_us: at.connected.map(us),
            secured_us: at.secured.map(us),
            at_us: us(at.head),
            status: Some(head.status),
            http: head.version.clone(),
            url: head.url.clone(),
            headers: head.headers.clone(),
            redirects: head.redirects.clone(),
        }
    }

    fn origin(&self) -> Origin {
        if self.exchanges.is_some() { Origin::Ours } else { Origin::Foreign }
    }

    fn recorder(&self, requested: Instant) -> Recorder {
        let mut recorder = Recorder::new(StreamSpec::clone(&self.spec), self.origin(), self.epoch.us(requested));
        if self.keeps_journal {
            recorder.keep_journal();
        }
        recorder
    }
}

struct Record {
    recorder: Recorder,
    reader: EventReader,
    hello: Option<Value>,
}

impl Record {
    /// Records a body. Returns how it ended, and when.
    fn body(
        &mut self,
        job: &Job<'_>,
        in_flight: &InFlight,
        limits: &Deadline,
        notices: &Notices,
    ) -> (stats::Ending, Instant) {
        loop {
            let Ok(arrival) = in_flight.read(limits) else { return (stats::Ending::Ours, Instant::now()) };
            if let (at, Some(end)) = self.read(job, arrival, notices) {
                return (self.ended(job, end), at);
            }
        }
    }

    /// Records a read. Returns its time, and how the stream ended if it did.
    fn read(&mut self, job: &Job<'_>, arrival: Arrival, notices: &Notices) -> (Instant, Option<StreamEnd>) {
        let Record { recorder, reader, hello } = self;
        if let Arrival::Bytes(_, bytes) = &arrival {
            recorder.body(bytes);
        }
        let mut read = reader.read(arrival);
        let (at, at_us) = (read.at, job.epoch.us(read.at));
        if read.len > 0 {
            recorder.read(at_us, read.body_bytes, read.content_bytes);
        }
        for decoded in read.by_ref() {
            recorder.item(&decoded);
            let Item::Event(message) = decoded.item else { continue };
            if hello.is_none() && message.event == "hello" && job.exchanges.is_some() {
                *hello = serde_json::from_str(&message.data).ok();
            }
            if let Some(notices) = notices {
                let (url, spec, exchanges) = (Arc::clone(&job.url), Arc::clone(&job.spec), job.exchanges.clone());
                // Nobody may want to know any more.
                let _ = notices.send(Notice { url, spec, at_us, message, exchanges });
            }
        }
        (at, read.end())
    }

    /// The end of a stream as the recorder knows it.
    fn ended(&mut self, job: &Job<'_>, end: StreamEnd) -> stats::Ending {
        let warn = |reason: &dyn std::fmt::Display| log::warn!("{}: {reason}", job.request.url);
        match end {
            StreamEnd::Undecodable(reason) => {
                warn(&reason);
                self.recorder.undecodable();
                stats::Ending::Ours
            }
            StreamEnd::Incomplete(_) | StreamEnd::Body(Ending::Truncated) => stats::Ending::Truncated,
            StreamEnd::Body(Ending::Clean) => stats::Ending::Clean,
            StreamEnd::Body(Ending::Stopped) => stats::Ending::Ours,
            StreamEnd::Body(Ending::Reset) => stats::Ending::Reset,
            StreamEnd::Body(Ending::Failed(reason)) => {
                warn(&reason);
                stats::Ending::Reset
            }
        }
    }
}
