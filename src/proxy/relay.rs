//! One relay on its client's thread: ask the target, pass its response on, and end as it ended.

use std::io;
use std::mem;
use std::sync::Arc;
use std::time::Instant;

use ureq::http::StatusCode;

use super::config::AtEnd;
use super::early_response::{Begun, EarlyResponse};
use super::outcome::{ENDED, EndedBy, RelayOutcome};
use super::policy::{RelayPolicy, ResponsePlan, is_event_stream};
use super::poller::{OnClientGone, RelayPoller, WakeReason};
use super::request::{Fields, Forwarding};
use super::response::{self, Framing, ResponseContext};
use super::response_writer::ResponseWriter;
use super::resume::{BodySource, ResumedBody, RetryRequest, is_plain_stream};
use super::share::Shares;
use super::target::Target;
use super::upstream_body::UpstreamBody;
use super::upstream_conn::UpstreamConn;
use crate::client::content::Content;
use crate::client::{self, Body, ClientError};
use crate::escape::escaped;
use crate::http::{Url, Version};
use crate::impair::{BodyEnd, Chain, Piece};
use crate::server::connection::Connection;
use crate::server::service::{ConnectionState, Kept, Task, TaskContext};
use crate::units::format_duration;

/// A request that is to be relayed.
#[derive(Debug)]
pub(super) struct RelayTask {
    pub(super) target: Arc<Target>,
    pub(super) id: u64,
    pub(super) method: String,
    pub(super) url: Url,
    pub(super) fields: Fields,
    /// Read by its task.
    pub(super) body: Vec<u8>,
    /// The client's word on codings, whatever the target is asked for.
    pub(super) accepts_gzip: bool,
    pub(super) policy: Arc<RelayPolicy>,
    pub(super) context: ResponseContext,
    /// The log tells of it at info, as of a stream.
    pub(super) is_stream: bool,
    /// What the log tells of the request's way.
    pub(super) trace: String,
    /// What becomes of it when the target's stream ends.
    pub(super) at_end: AtEnd,
    /// The streams of which it takes one, if it has none of its own.
    pub(super) shares: Option<Arc<Shares>>,
}

impl Task for RelayTask {
    fn run(mut self: Box<RelayTask>, mut task: TaskContext<'_>) -> ConnectionState {
        self.body = match task.body.read_to_end() {
            Ok(body) => body,
            Err(error) => return ConnectionState::BodyFailed(error),
        };
        let level = if self.is_stream { log::Level::Info } else { log::Level::Debug };
        let begun = Instant::now();
        let RelayTask { id, method, trace, .. } = &*self;
        let url = escaped(&self.url.to_string());
        let (peer, policy) = (task.connection.peer, self.policy.description(method));
        log::log!(level, "relay opened id={id} peer={peer} method={method} target={url}{policy}{trace}");
        let mut sent = Sent::default();
        let outcome = match &self.shares {
            Some(shares) => self.follow(shares, task, &mut sent),
            None => self.carry_out(task, &mut sent),
        };
        let Sent { status, bytes } = sent;
        let status = status.map(|status| format!(" status={status}")).unwrap_or_default();
        let (by, reason, after) = (outcome.by.as_str(), escaped(&outcome.reason), begun.elapsed().as_secs_f64());
        log::log!(
            level,
            "relay closed id={id} by={by} reason=\"{reason}\"{status} bytes={bytes} after={after:.3}s{trace}"
        );
        outcome.after
    }
}

/// What of a response went to the client.
#[derive(Debug, Default)]
pub(super) struct Sent {
    pub(super) status: Option<u16>,
    /// Bytes of the body, before chunk framing.
    pub(super) bytes: u64,
}

impl RelayTask {
    pub(super) fn carry_out(&self, mut task: TaskContext<'_>, sent: &mut Sent) -> RelayOutcome {
        match self.answer(&mut task, sent) {
            Ok((upstream, response)) => self.finish(upstream, response, task, sent),
            Err(outcome) => outcome,
        }
    }

    /// Asks the target.
    pub(super) fn answer(
        &self,
        task: &mut TaskContext<'_>,
        sent: &mut Sent,
    ) -> Result<(UpstreamConn, client::Response), RelayOutcome> {
        let TaskContext { connection, stop, kept, .. } = task;
        let mut upstream = self.upstream(kept, || UpstreamConn::new(&self.target, connection, stop));
        let (begun_at, on_client_gone) = (Instant::now(), self.on_client_gone());
        upstream.poller.begin(on_client_gone, self.early(begun_at, connection));
        let mut answer = self.ask(&upstream);
        if answer.is_err()
            && self.may_repeat()
            && upstream.poller.wake_reason().is_none()
            && upstream.session.was_left_behind()
        {
            let early = upstream.poller.take_early();
            upstream = UpstreamConn::new(&self.target, connection, stop);
            upstream.poller.begin(on_client_gone, early);
            answer = self.ask(&upstream);
        }
        if let Some(begun) = upstream.poller.take_early().and_then(EarlyResponse::into_begun) {
            return Err(self.go_on(begun, answer, &mut upstream, connection, sent));
        }
        match answer {
            Ok(response) if response.head.status < 200 => {
                let text = "the target answers with a protocol that nobody asked for";
                Err(RelayOutcome::instead(502, format!("relay to {}: {text}", self.target.shown)))
            }
            Ok(response) => Ok((upstream, response)),
            Err(error) => Err(self.unanswered(&error, &upstream.poller, connection)),
        }
    }

    /// Passes the target's response on.
    pub(super) fn finish(
        &self,
        mut upstream: UpstreamConn,
        response: client::Response,
        task: TaskContext<'_>,
        sent: &mut Sent,
    ) -> RelayOutcome {
        let TaskContext { connection, kept, .. } = task;
        let outcome = self.pass_on(response, &mut upstream, connection, sent);
        if matches!(outcome.after, ConnectionState::Complete) {
            *kept = Some(Box::new(upstream));
        }
        outcome
    }

    /// The connection that the client's last request left, or a new one. A request that can't be repeated gets a new one: the
    /// target may close an old one in the moment in which it is used.
    fn upstream(&self, kept: &mut Kept, make: impl FnOnce() -> UpstreamConn) -> UpstreamConn {
        let upstream = kept.take().and_then(|kept| kept.downcast::<UpstreamConn>().ok());
        upstream.filter(|_| self.may_repeat()).map_or_else(make, |upstream| *upstream)
    }

    /// "A proxy MUST NOT automatically retry non-idempotent requests" (RFC 9110, section 9.2.2).
    fn may_repeat(&self) -> bool {
        matches!(self.method.as_str(), "GET" | "HEAD" | "OPTIONS") && self.body.is_empty()
    }

    fn ask(&self, upstream: &UpstreamConn) -> Result<client::Response, ClientError> {
        upstream.poller.set_deadline(Instant::now().checked_add(self.target.head_timeout));
        let fields = self.fields.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
        // A HEAD request has no use for one, and the client refuses to send it.
        let body = Some(self.body.as_slice()).filter(|body| !body.is_empty() && !self.context.head_only);
        upstream.session.send(&self.method, &self.url, fields, body)
    }

    fn unanswered(&self, error: &ClientError, poller: &RelayPoller, connection: &Connection) -> RelayOutcome {
        let woken_by = poller.wake_reason();
        if let Some(reason) = poller.gone() {
            return RelayOutcome::broken(EndedBy::Client, reason);
        }
        if let Some(outcome) = woken_by.and_then(|reason| reason.outcome(connection)) {
            return outcome;
        }
        let limit = format_duration(self.target.head_timeout);
        match error {
            _ if woken_by == Some(WakeReason::Due) => RelayOutcome::instead(
                504,
                format!(
                    "wait for the response head of {}: none came within {limit}; does the target answer at all? \
                     --head-timeout gives it more time",
                    self.target.shown
                ),
            ),
            ClientError::Request(..) => RelayOutcome::instead(400, error.to_string()),
            _ => RelayOutcome::instead(502, format!("relay to {}: {error}; {}", self.target.shown, advice(error))),
        }
    }

    fn on_client_gone(&self) -> OnClientGone {
        let keeps = self.policy.alterations.keeps_origin_open(&self.method);
        if keeps { OnClientGone::KeepUpstream } else { OnClientGone::Disconnect }
    }

    /// The response that is begun if the target has not answered in time.
    fn early(&self, begun_at: Instant, connection: &Arc<Connection>) -> Option<EarlyResponse> {
        let after = self.policy.early.filter(|_| matches!(self.method.as_str(), "GET" | "POST"))?;
        let ResponsePlan { fields, effect, .. } = self.policy.early(&self.method, self.accepts_gzip);
        let forwarding =
            Forwarding { peer: connection.peer.ip(), version: Version::Http11, pseudonym: &self.target.pseudonym };
        let framing = response::framing(200, &fields, self.context);
        let head = response::head(200, "OK", fields, framing, self.context, &forwarding);
        Some(EarlyResponse::new(connection, begun_at.checked_add(after)?, effect, framing, head))
    }

    /// Goes on with a response that was begun early, if the target's answer fits.
    fn go_on(
        &self,
        mut begun: Begun,
        answer: Result<client::Response, ClientError>,
        upstream: &mut UpstreamConn,
        connection: &Arc<Connection>,
        sent: &mut Sent,
    ) -> RelayOutcome {
        let poller = Arc::clone(&upstream.poller);
        *sent = Sent { status: Some(200), bytes: begun.bytes };
        if let Some(outcome) = begun.ended {
            return outcome;
        }
        let pending = mem::take(&mut begun.pending);
        let mut sink = ResponseWriter { connection, framing: begun.framing, pending, bytes: &mut sent.bytes };
        let unfit = match answer {
            Err(error) => self.unanswered(&error, &poller, connection),
            Ok(client::Response { head, fields, body }) => match unfit(&head, &fields) {
                None => {
                    let feed = self.feed(&head, body, upstream, "relay");
                    let content = self.policy.response(&self.method, self.accepts_gzip, &head, fields).content;
                    let source = UpstreamBody::new(feed, content);
                    return carry(Ok(()), source, &poller, &mut sink, begun.chain);
                }
                Some(unfit) => RelayOutcome::broken(EndedBy::Target, unfit),
            },
        };
        if unfit.by != EndedBy::Target {
            return unfit;
        }
        let ended =
            sink.end(BodyEnd::Truncated).unwrap_or_else(|error| RelayOutcome::lost(&error, poller.is_stopping()));
        RelayOutcome { reason: format!("the response was begun early, but {}", unfit.reason), ..ended }
    }

    fn pass_on(
        &self,
        response: client::Response,
        upstream: &mut UpstreamConn,
        connection: &Arc<Connection>,
        sent: &mut Sent,
    ) -> RelayOutcome {
        let client::Response { head, fields, body } = response;
        let feed = self.feed(&head, body, upstream, "relay");
        let poller = &upstream.poller;
        let ResponsePlan { mut fields, content, effect } =
            self.policy.response(&self.method, self.accepts_gzip, &head, fields);
        if matches!(feed, BodySource::Resumed(_)) {
            without_length(&mut fields);
        }
        let mut sink = self.sink(&head, fields, connection, sent);
        let has_body = sink.framing != Framing::None;
        let chain = effect.chain(Instant::now());
        let flushed = if has_body && effect.holds_head() { Ok(()) } else { sink.flush() };
        if !has_body {
            let ended =
                RelayOutcome { by: EndedBy::Target, reason: ENDED.to_owned(), after: ConnectionState::Complete };
            return flushed.map_or_else(|error| RelayOutcome::lost(&error, poller.is_stopping()), |()| ended);
        }
        carry(flushed, UpstreamBody::new(feed, content), poller, &mut sink, chain)
    }

    /// Where the body of a response comes from: if the stream is to be resumed, from more than one.
    pub(super) fn feed(&self, head: &client::Head, body: Body, upstream: &mut UpstreamConn, name: &str) -> BodySource {
        let is_get = self.method == "GET" && self.body.is_empty();
        if self.at_end == AtEnd::PassOn || !is_get || !is_plain_stream(head) {
            return BodySource::Once(body);
        }
        let retry = RetryRequest {
            target: Arc::clone(&self.target),
            url: self.url.clone(),
            fields: self.fields.clone(),
            name: format!("{name} id={}", self.id),
        };
        // It closes what it leaves: there is one connection to the target at a time.
        let next = self.target.client.session_with(Arc::clone(&upstream.poller) as Arc<_>);
        let session = mem::replace(&mut upstream.session, next);
        BodySource::Resumed(Box::new(ResumedBody::new(retry, &upstream.poller, session, body)))
    }

    /// Where the client's response goes, its head still to be sent.
    pub(super) fn sink<'a>(
        &self,
        head: &client::Head,
        fields: Fields,
        connection: &'a Arc<Connection>,
        sent: &'a mut Sent,
    ) -> ResponseWriter<'a> {
        let version = if head.version == Version::Http10.as_str() { Version::Http10 } else { Version::Http11 };
        let forwarding = Forwarding { peer: connection.peer.ip(), version, pseudonym: &self.target.pseudonym };
        let phrase = StatusCode::from_u16(head.status).ok().and_then(|status| status.canonical_reason());
        let framing = response::framing(head.status, &fields, self.context);
        let pending =
            response::head(head.status, phrase.unwrap_or_default(), fields, framing, self.context, &forwarding);
        sent.status = Some(head.status);
        ResponseWriter { connection, framing, pending, bytes: &mut sent.bytes }
    }
}

/// Takes the length out of a response that ends when it ends.
pub(super) fn without_length(fields: &mut Fields) {
    fields.retain(|(name, _)| !name.eq_ignore_ascii_case("content-length"));
}

/// What may be tried about a target that gave no answer.
fn advice(error: &ClientError) -> &'static str {
    match error {
        ClientError::Tls(..) if !error.advice().is_empty() => error.advice(),
        ClientError::Tls(..) => "does the target speak TLS on this port? -k accepts any certificate",
        ClientError::Resolve(..) => "is the host right? --resolve HOST:PORT:ADDR gives it an address",
        ClientError::Connect(..) => "is the target running, and are its host and port right?",
        ClientError::NotHttp(..) if error.advice().is_empty() => {
            "does the target speak HTTP/1.1 on this port? perhaps it is https"
        }
        _ => "look into the target's log",
    }
}

/// Why a response can't go on as an event stream that was begun before.
fn unfit(head: &client::Head, fields: &Fields) -> Option<String> {
    if head.status != 200 {
        return Some(format!("the target answered with status {}", head.status));
    }
    if !is_event_stream(fields) {
        return Some("the target's answer is no event stream".to_owned());
    }
    Content::of(head).err().map(|error| error.to_string())
}

/// Passes a body on, to whatever end; to its own, if its target is not told of the client's.
fn carry(
    flushed: io::Result<()>,
    mut source: UpstreamBody,
    poller: &RelayPoller,
    sink: &mut ResponseWriter<'_>,
    chain: Chain,
) -> RelayOutcome {
    let result = flushed.and_then(|()| pump(&mut source, poller, sink, chain));
    let outcome = result.unwrap_or_else(|error| RelayOutcome::lost(&error, poller.is_stopping()));
    if outcome.by == EndedBy::Client && poller.on_client_gone() == OnClientGone::KeepUpstream {
        if poller.gone().is_none() {
            poller.abandon_client(Some(outcome.reason.clone()));
        }
        source.drain(poller);
    }
    outcome
}

/// Passes a body on through the chain, as it comes, until an end is released.
fn pump(
    source: &mut UpstreamBody,
    poller: &RelayPoller,
    sink: &mut ResponseWriter<'_>,
    mut chain: Chain,
) -> io::Result<RelayOutcome> {
    let mut released = Vec::new();
    loop {
        let arrival;
        if source.is_resumed() {
            let ended;
            (arrival, chain, ended) = read_resumed(source, poller, sink, chain);
            if let Some(outcome) = ended {
                return Ok(outcome);
            }
        } else {
            poller.set_deadline(chain.due());
            arrival = source.read(poller);
        }
        let now = Instant::now();
        if let Some(reason) = poller.gone() {
            return Ok(RelayOutcome::broken(EndedBy::Client, reason));
        }
        match arrival {
            Some(pieces) => pieces.into_iter().for_each(|piece| chain.take(piece, now, &mut released)),
            None => match poller.wake_reason().and_then(|reason| reason.outcome(sink.connection)) {
                Some(outcome) => return Ok(outcome),
                None => chain.fire(now, &mut released),
            },
        }
        for piece in released.drain(..) {
            match piece {
                Piece::Bytes(bytes) => sink.send(&bytes)?,
                Piece::End(ending) => {
                    let outcome = sink.end(ending)?;
                    let is_ours = source.is_open();
                    return Ok(if is_ours { outcome.by_proxy() } else { outcome.because(source.take_failure()) });
                }
            }
        }
    }
}

/// Waits for more of a body that the target may be asked for again. The wait for an answer can't be left for what is due
/// meanwhile, so that the poller sends that; there may be an end in it.
fn read_resumed(
    source: &mut UpstreamBody,
    poller: &RelayPoller,
    sink: &mut ResponseWriter<'_>,
    chain: Chain,
) -> (Option<Vec<Piece>>, Chain, Option<RelayOutcome>) {
    let pending = mem::take(&mut sink.pending);
    let begun = Begun { chain, framing: sink.framing, pending, bytes: *sink.bytes, ended: None };
    poller.set_deadline(None);
    poller.set_early(EarlyResponse::going_on(sink.connection, begun));
    let arrival = source.read(poller);
    let begun = poller.take_early().and_then(EarlyResponse::into_begun).expect("the poller keeps what it is given");
    (sink.pending, *sink.bytes) = (begun.pending, begun.bytes);
    (arrival, begun.chain, begun.ended)
}
