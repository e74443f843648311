//! A target's stream over all its connections, so that the client sees one that does not break.
//!
//! When the stream ends, the target is asked again with the id of the last complete event that went to the client, after
//! the time that the target wants. Only whole blocks pass: what a cut left of an event comes again as a whole.

use std::sync::Arc;
use std::time::Instant;

use super::blocks::BlockSplitter;
use super::poller::{RelayPoller, WakeReason};
use super::request::{Fields, values};
use super::target::Target;
use crate::client::content::Content;
use crate::client::request::LAST_EVENT_ID;
use crate::client::{Arrival, Body, ClientError, Ending, Head, Response, Session, retry};
use crate::http::Url;
use crate::units::format_duration;

/// Where a body comes from.
pub(super) enum BodySource {
    /// From one response.
    Once(Body),
    /// From one response after another.
    Resumed(Box<ResumedBody>),
}

impl BodySource {
    /// Waits for more of the body, or its end; none if the poller has left the wait.
    pub(super) fn read_or_leave(&mut self) -> Option<Arrival> {
        match self {
            BodySource::Once(body) => body.read_or_leave(),
            BodySource::Resumed(resumed) => resumed.read_or_leave(),
        }
    }
}

/// Whether a response is a stream that can be cut into blocks: without a content coding.
pub(super) fn is_plain_stream(head: &Head) -> bool {
    head.reply("").is_event_stream() && matches!(Content::of(head), Ok(Content::Identity))
}

/// The last event ID that a request names; empty without one.
pub(super) fn last_event_id(fields: &Fields) -> String {
    values(fields, LAST_EVENT_ID).next().map(|value| String::from_utf8_lossy(value).into_owned()).unwrap_or_default()
}

/// Asks for a body without a content coding.
pub(super) fn ask_for_identity(fields: &mut Fields) {
    fields.retain(|(name, _)| !name.eq_ignore_ascii_case("accept-encoding"));
    fields.push(("Accept-Encoding".to_owned(), b"identity".to_vec()));
}

/// The request that is sent again each time.
#[derive(Debug)]
pub(super) struct RetryRequest {
    pub(super) target: Arc<Target>,
    pub(super) url: Url,
    /// Those of the first request.
    pub(super) fields: Fields,
    /// What the log calls it.
    pub(super) name: String,
}

/// The connection to the target, or the time to make another.
enum UpstreamState {
    Open(Body),
    Away(Instant),
}

/// A body over several responses.
pub(super) struct ResumedBody {
    retry: RetryRequest,
    poller: Arc<RelayPoller>,
    blocks: BlockSplitter,
    state: UpstreamState,
    /// Attempts in a row that brought no stream.
    failures: u32,
    /// That of the newest request, until its stream has ended.
    session: Option<Session>,
}

impl ResumedBody {
    /// The body that begins with `body`, the answer to the first request, on `session`.
    pub(super) fn new(retry: RetryRequest, poller: &Arc<RelayPoller>, session: Session, body: Body) -> ResumedBody {
        let blocks = BlockSplitter::after(&last_event_id(&retry.fields));
        let (poller, state) = (Arc::clone(poller), UpstreamState::Open(body));
        ResumedBody { retry, poller, blocks, state, failures: 0, session: Some(session) }
    }

    fn read_or_leave(&mut self) -> Option<Arrival> {
        let due = self.poller.deadline();
        loop {
            match &mut self.state {
                UpstreamState::Open(body) => match body.read_or_leave()? {
                    Arrival::Bytes(at, bytes) => {
                        let mut whole = Vec::new();
                        if let Err(text) = self.blocks.take(&bytes, |block, _| whole.extend_from_slice(&block)) {
                            return Some(Arrival::End(at, Ending::Failed(text)));
                        }
                        if !whole.is_empty() {
                            return Some(Arrival::Bytes(at, whole));
                        }
                    }
                    // There is nobody to go on for.
                    Arrival::End(at, ending) if self.poller.gone().is_some() => {
                        return Some(Arrival::End(at, ending));
                    }
                    Arrival::End(_, ending) => {
                        self.blocks.resume();
                        self.step_back(&retry::sentence(&ending));
                    }
                },
                UpstreamState::Away(_) if self.poller.gone().is_some() => {
                    return Some(Arrival::End(Instant::now(), Ending::Clean));
                }
                UpstreamState::Away(until) => {
                    let until = *until;
                    self.poller.set_deadline(due.into_iter().chain([until]).min());
                    self.poller.pause();
                    if self.poller.wake_reason() != Some(WakeReason::Due) || Instant::now() < until {
                        return None;
                    }
                    if let Some(arrival) = self.reconnect()? {
                        return Some(arrival);
                    }
                    self.poller.set_deadline(due);
                }
            }
        }
    }

    /// Waits before the next attempt.
    fn step_back(&mut self, reason: &str) {
        let time = retry::wait_time(self.blocks.retry_ms(), self.failures);
        log::warn!("{}: {reason}; {}", self.retry.name, retry::announcement(time, self.blocks.last_event_id()));
        let now = Instant::now();
        // One that is longer than any clock lasts is never over.
        self.state = UpstreamState::Away(now.checked_add(time).unwrap_or(now + retry::BACKOFF_MAX));
        // With it goes a connection that the target has left open.
        self.session = None;
    }

    /// Asks again. The outer none says that the poller has left the wait, an arrival that there will be no more.
    fn reconnect(&mut self) -> Option<Option<Arrival>> {
        let session = self.retry.target.client.session_with(Arc::clone(&self.poller) as Arc<_>);
        let limit = self.retry.target.head_timeout;
        self.poller.set_deadline(Instant::now().checked_add(limit));
        let fields = self.fields();
        let fields = fields.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
        let answer = session.send("GET", &self.retry.url, fields, None);
        let over = |ending| Some(Some(Arrival::End(Instant::now(), ending)));
        match (answer, self.poller.wake_reason()) {
            (Ok(Response { head, .. }), _) if head.status == 204 => {
                log::info!("{}: the target answers 204, so that there will be no more", self.retry.name);
                over(Ending::Clean)
            }
            (Ok(Response { head, body, .. }), _) if is_plain_stream(&head) => {
                log::info!("{}: the target's stream goes on", self.retry.name);
                self.failures = 0;
                self.state = UpstreamState::Open(body);
                self.session = Some(session);
                Some(None)
            }
            (Ok(Response { head, .. }), _) => over(Ending::Failed(not_resumed(&head))),
            (Err(_), Some(WakeReason::ClientGone | WakeReason::Stopped | WakeReason::Ended)) => None,
            (Err(error), seen) if seen == Some(WakeReason::Due) || retry::is_passing(&error) => {
                self.failures = self.failures.saturating_add(1);
                self.step_back(&failure(&error, seen, limit));
                Some(None)
            }
            (Err(error), _) => over(Ending::Failed(error.to_string())),
        }
    }

    /// Those of the next request.
    fn fields(&self) -> Fields {
        let mut fields = self.retry.fields.clone();
        let id = self.blocks.last_event_id();
        if id != last_event_id(&fields) {
            fields.retain(|(name, _)| !name.eq_ignore_ascii_case(LAST_EVENT_ID));
            fields.extend(retry::field_value(id).map(|id| (LAST_EVENT_ID.to_owned(), id.as_bytes().to_vec())));
        }
        fields
    }
}

fn failure(error: &ClientError, seen: Option<WakeReason>, limit: std::time::Duration) -> String {
    match seen {
        Some(WakeReason::Due) => format!("no response head came within {}", format_duration(limit)),
        _ => error.to_string(),
    }
}

/// Why a stream does not go on with this answer.
fn not_resumed(head: &Head) -> String {
    match head.reply("").problem() {
        Some(problem) => format!("asked to go on, the target answers otherwise: {}", problem.text()),
        None => "asked to go on, the target answers in a content coding".to_owned(),
    }
}
