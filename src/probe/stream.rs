//! One stream from its request to its end, on record.

use std::io;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::clock::Exchanges;
use super::epoch::Epoch;
use super::notice::{Notice, Watch};
use crate::client::content::Content;
use crate::client::live::{Limits, Live, News, Next, excerpt};
use crate::client::{self, Client, Ending, Request};
use crate::judge::{Head, Outcome, StreamObservation};
use crate::sse::Decoder;
use crate::sse::decoder::{Decoded, Item};
use crate::stats::{self, Origin, Recorder, StreamSpec};
use crate::verdict::Answer;

/// A stream to be recorded.
#[derive(Debug)]
pub(super) struct Job<'a> {
    pub(super) client: &'a Client,
    /// What the user calls it.
    pub(super) url: &'a str,
    /// The origin's clock so far, if it is ours.
    pub(super) exchanges: Option<&'a Exchanges>,
    pub(super) request: Request,
    pub(super) spec: StreamSpec,
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
    pub(super) fn run(self, limits: &Limits, watch: Watch<'_>) -> io::Result<StreamObservation> {
        let begun = Instant::now();
        let live = Live::start(self.client, self.request.clone())?;
        let limits = self.patience.map_or_else(|| limits.clone(), |patience| limits.at_most(patience));
        let head = match limits.next(live.news()) {
            Next::News(News::Head(head)) => *head,
            Next::News(News::Failed(error)) => return Ok(self.seen(begun, Outcome::Failed(error.answer()))),
            // There was not even a head.
            _ => {
                let mut recorder = self.recorder(begun);
                recorder.end(stats::Ending::Ours, self.epoch.us(Instant::now()));
                return Ok(self.seen(begun, Outcome::Stream(Box::new(recorder))));
            }
        };
        let mut seen = self.seen(begun, Outcome::Failed(Answer::Stream));
        seen.head = Some(self.head(&head));
        let is_any = head.status == 200 && self.any_type;
        if !is_any && !head.reply("").is_event_stream() {
            seen.beginning = Some(excerpt(&head, &live, &limits));
        }
        let beginning = seen.beginning.as_deref().unwrap_or("");
        if let Some(finding) = seen.head.as_ref().and_then(|head| head.refusal(beginning, self.any_type)) {
            return Ok(StreamObservation { result: Outcome::Failed(Answer::NotSse(finding)), ..seen });
        }
        let content = match Content::of(&head) {
            Ok(content) => content,
            Err(error) => {
                return Ok(StreamObservation { result: Outcome::Failed(Answer::NotSse(error.finding())), ..seen });
            }
        };
        let mut record = Record {
            recorder: self.recorder(head.timing.written),
            decoder: Decoder::default(),
            content,
            body_bytes: 0,
            content_bytes: 0,
            hello: None,
        };
        let (ending, at) = record.body(&self, &live, &limits, watch);
        record.recorder.end(ending, self.epoch.us(at));
        let (hello, result) = (record.hello, Outcome::Stream(Box::new(record.recorder)));
        Ok(StreamObservation { hello, result, ..seen })
    }

    fn seen(&self, begun: Instant, result: Outcome) -> StreamObservation {
        StreamObservation {
            asked: self.spec.clone(),
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
        let mut recorder = Recorder::new(self.spec.clone(), self.origin(), self.epoch.us(requested));
        if self.keeps_journal {
            recorder.keep_journal();
        }
        recorder
    }
}

struct Record {
    recorder: Recorder,
    decoder: Decoder,
    content: Content,
    body_bytes: u64,
    content_bytes: u64,
    hello: Option<Value>,
}

impl Record {
    /// Records a body. Returns how it ended, and when.
    fn body(&mut self, job: &Job<'_>, live: &Live, limits: &Limits, watch: Watch<'_>) -> (stats::Ending, Instant) {
        loop {
            match limits.next(live.news()) {
                Next::News(News::Bytes(at, bytes)) => {
                    if let Err(reason) = self.bytes(job, at, bytes, watch) {
                        log::warn!("{}: {reason}", job.request.url);
                        self.recorder.undecodable();
                        return (stats::Ending::Ours, at);
                    }
                }
                Next::News(News::End(at, Ending::Clean)) => {
                    let content = std::mem::replace(&mut self.content, Content::Identity);
                    let is_whole = content.finish().is_ok();
                    return (if is_whole { stats::Ending::Clean } else { stats::Ending::Truncated }, at);
                }
                Next::News(News::End(at, Ending::Truncated)) => return (stats::Ending::Truncated, at),
                Next::News(News::End(at, Ending::Stopped)) => return (stats::Ending::Ours, at),
                Next::News(News::End(at, Ending::Reset)) => return (stats::Ending::Reset, at),
                Next::News(News::End(at, Ending::Failed(reason))) => {
                    log::warn!("{}: {reason}", job.request.url);
                    return (stats::Ending::Reset, at);
                }
                Next::News(News::Head(_) | News::Failed(_)) => unreachable!("they come before the body"),
                Next::Stopped | Next::TimeUp => return (stats::Ending::Ours, Instant::now()),
            }
        }
    }

    /// Records a read. The error says why its bytes are no event stream.
    fn bytes(&mut self, job: &Job<'_>, at: Instant, bytes: Vec<u8>, watch: Watch<'_>) -> Result<(), String> {
        self.body_bytes += bytes.len() as u64;
        self.recorder.body(&bytes);
        let (content, coded) = self.content.decode(bytes);
        self.content_bytes += content.len() as u64;
        let at_us = job.epoch.us(at);
        let Record { recorder, decoder, hello, .. } = self;
        recorder.read(at_us, self.body_bytes, self.content_bytes);
        let fed = decoder.feed(&content, |decoded| {
            recorder.item(&decoded);
            if let Decoded { item: Item::Event(message), .. } = &decoded {
                if hello.is_none() && message.event == "hello" && job.exchanges.is_some() {
                    *hello = serde_json::from_str(&message.data).ok();
                }
                watch(&Notice { url: job.url, spec: &job.spec, at_us, message, exchanges: job.exchanges });
            }
        });
        fed.map_err(|error| error.to_string()).and(coded.map_err(|error| error.to_string()))
    }
}
