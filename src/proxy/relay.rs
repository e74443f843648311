//! One relay on its client's thread: ask the target, pass its response on, and end as it ended.

use std::io;
use std::mem;
use std::sync::Arc;
use std::time::Instant;

use ureq::http::StatusCode;

use super::early::{Begun, Early};
use super::lookout::{Farewell, Lookout, Sight};
use super::outcome::{By, ENDED, Outcome};
use super::request::{Fields, Hop};
use super::response::{self, Asked, Framing};
use super::resume::{Again, Feed, Resumed, is_plain_stream};
use super::share::Shares;
use super::sink::Sink;
use super::source::Source;
use super::treatment::{Treated, Treatment, is_event_stream};
use super::{AtEnd, Target};
use crate::client::content::Content;
use crate::client::{self, Body, ClientError, Session};
use crate::escape::escaped;
use crate::http::Version;
use crate::impair::{BodyEnd, Chain, Piece};
use crate::server::registry::Connection;
use crate::server::service::{After, Kept, Line, Task};
use crate::shutdown::Stop;
use crate::units::format_duration;

/// A request that is to be relayed.
#[derive(Debug)]
pub(super) struct Relay {
    pub(super) target: Arc<Target>,
    pub(super) id: u64,
    pub(super) method: String,
    pub(super) url: String,
    pub(super) fields: Fields,
    pub(super) body: Vec<u8>,
    /// The client's word on codings, whatever the target is asked for.
    pub(super) accepts_gzip: bool,
    pub(super) treatment: Arc<Treatment>,
    pub(super) asked: Asked,
    /// The log tells of it at info, as of a stream.
    pub(super) is_stream: bool,
    /// What the log tells of the request's way.
    pub(super) trace: String,
    /// What becomes of it when the target's stream ends.
    pub(super) at_end: AtEnd,
    /// The streams of which it takes one, if it has none of its own.
    pub(super) shares: Option<Arc<Shares>>,
}

/// The connection to the target, which one client's requests use one after another.
pub(super) struct Way {
    session: Session,
    pub(super) lookout: Arc<Lookout>,
}

impl Task for Relay {
    fn run(self: Box<Relay>, line: Line<'_>) -> After {
        let level = if self.is_stream { log::Level::Info } else { log::Level::Debug };
        let begun = Instant::now();
        let Relay { id, method, trace, .. } = &*self;
        let url = escaped(&self.url);
        let (peer, treatment) = (line.connection.peer, self.treatment.told(method));
        log::log!(level, "relay opened id={id} peer={peer} method={method} target={url}{treatment}{trace}");
        let mut sent = Sent::default();
        let outcome = match &self.shares {
            Some(shares) => self.follow(shares, line, &mut sent),
            None => self.carry_out(line, &mut sent),
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

impl Relay {
    pub(super) fn carry_out(&self, mut line: Line<'_>, sent: &mut Sent) -> Outcome {
        match self.answer(&mut line, sent) {
            Ok((way, response)) => self.finish(way, response, line, sent),
            Err(outcome) => outcome,
        }
    }

    /// Asks the target.
    pub(super) fn answer(&self, line: &mut Line<'_>, sent: &mut Sent) -> Result<(Way, client::Response), Outcome> {
        let Line { shared, connection, kept } = line;
        let mut way = self.way(kept, || Way::new(&self.target, connection, &shared.stop));
        let (begun_at, farewell) = (Instant::now(), self.farewell());
        way.lookout.begin(farewell, self.early(begun_at, connection));
        let mut answer = self.ask(&way);
        if answer.is_err() && self.may_repeat() && way.lookout.seen().is_none() && way.session.was_left_behind() {
            let early = way.lookout.take_early();
            way = Way::new(&self.target, connection, &shared.stop);
            way.lookout.begin(farewell, early);
            answer = self.ask(&way);
        }
        if let Some(begun) = way.lookout.take_early().and_then(Early::into_begun) {
            return Err(self.go_on(begun, answer, &mut way, connection, sent));
        }
        match answer {
            Ok(response) if response.head.status < 200 => {
                let text = "the target answers with a protocol that nobody asked for";
                Err(Outcome::instead(502, format!("relay to {}: {text}", self.target.shown)))
            }
            Ok(response) => Ok((way, response)),
            Err(error) => Err(self.unanswered(&error, &way.lookout, connection)),
        }
    }

    /// Passes the target's response on.
    pub(super) fn finish(&self, mut way: Way, response: client::Response, line: Line<'_>, sent: &mut Sent) -> Outcome {
        let Line { connection, kept, .. } = line;
        let outcome = self.pass_on(response, &mut way, connection, sent);
        if matches!(outcome.after, After::Complete) {
            *kept = Some(Box::new(way));
        }
        outcome
    }

    /// The way that the client's last request left, or a new one. A request that can't be repeated gets a new one: the
    /// target may close an old one in the moment in which it is used.
    fn way(&self, kept: &mut Kept, make: impl FnOnce() -> Way) -> Way {
        let way = kept.take().and_then(|kept| kept.downcast::<Way>().ok());
        way.filter(|_| self.may_repeat()).map_or_else(make, |way| *way)
    }

    /// "A proxy MUST NOT automatically retry non-idempotent requests" (RFC 9110, section 9.2.2).
    fn may_repeat(&self) -> bool {
        matches!(self.method.as_str(), "GET" | "HEAD" | "OPTIONS") && self.body.is_empty()
    }

    fn ask(&self, way: &Way) -> Result<client::Response, ClientError> {
        way.lookout.set_deadline(Instant::now().checked_add(self.target.head_timeout));
        let fields = self.fields.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
        // A HEAD request has no use for one, and the client refuses to send it.
        let body = Some(self.body.as_slice()).filter(|body| !body.is_empty() && !self.asked.head_only);
        way.session.send(&self.method, &self.url, fields, body)
    }

    fn unanswered(&self, error: &ClientError, lookout: &Lookout, connection: &Connection) -> Outcome {
        let seen = lookout.seen();
        if let Some(reason) = lookout.gone() {
            return Outcome::broken(By::Client, reason);
        }
        if let Some(outcome) = seen.and_then(|seen| Outcome::of(seen, connection)) {
            return outcome;
        }
        let limit = format_duration(self.target.head_timeout);
        match error {
            _ if seen == Some(Sight::Due) => Outcome::instead(
                504,
                format!(
                    "wait for the response head of {}: none came within {limit}; does the target answer at all? \
                     --head-timeout gives it more time",
                    self.target.shown
                ),
            ),
            ClientError::Request(..) => Outcome::instead(400, error.to_string()),
            _ => Outcome::instead(502, format!("relay to {}: {error}; {}", self.target.shown, advice(error))),
        }
    }

    fn farewell(&self) -> Farewell {
        let keeps = self.treatment.alterations.keeps_origin_open(&self.method);
        if keeps { Farewell::Keep } else { Farewell::Tell }
    }

    /// The response that is begun if the target has not answered in time.
    fn early(&self, begun_at: Instant, connection: &Arc<Connection>) -> Option<Early> {
        let after = self.treatment.early.filter(|_| matches!(self.method.as_str(), "GET" | "POST"))?;
        let Treated { fields, effect, .. } = self.treatment.early(&self.method, self.accepts_gzip);
        let hop = Hop { peer: connection.peer.ip(), version: Version::Http11, pseudonym: &self.target.pseudonym };
        let framing = response::framing(200, &fields, self.asked);
        let head = response::head(200, "OK", fields, framing, self.asked, &hop);
        Some(Early::new(connection, begun_at.checked_add(after)?, effect, framing, head))
    }

    /// Goes on with a response that was begun early, if the target's answer fits.
    fn go_on(
        &self,
        mut begun: Begun,
        answer: Result<client::Response, ClientError>,
        way: &mut Way,
        connection: &Arc<Connection>,
        sent: &mut Sent,
    ) -> Outcome {
        let lookout = Arc::clone(&way.lookout);
        *sent = Sent { status: Some(200), bytes: begun.bytes };
        if let Some(outcome) = begun.ended {
            return outcome;
        }
        let pending = mem::take(&mut begun.pending);
        let mut sink = Sink { connection, framing: begun.framing, pending, bytes: &mut sent.bytes };
        let unfit = match answer {
            Err(error) => self.unanswered(&error, &lookout, connection),
            Ok(client::Response { head, fields, body }) => match unfit(&head, &fields) {
                None => {
                    let feed = self.feed(&head, body, way, "relay");
                    let content = self.treatment.response(&self.method, self.accepts_gzip, &head, fields).content;
                    let source = Source::new(feed, content);
                    return carry(Ok(()), source, &lookout, &mut sink, begun.chain);
                }
                Some(unfit) => Outcome::broken(By::Target, unfit),
            },
        };
        if unfit.by != By::Target {
            return unfit;
        }
        let ended = sink.end(BodyEnd::Truncated).unwrap_or_else(|error| Outcome::lost(&error, lookout.is_stopping()));
        Outcome { reason: format!("the response was begun early, but {}", unfit.reason), ..ended }
    }

    fn pass_on(
        &self,
        response: client::Response,
        way: &mut Way,
        connection: &Arc<Connection>,
        sent: &mut Sent,
    ) -> Outcome {
        let client::Response { head, fields, body } = response;
        let feed = self.feed(&head, body, way, "relay");
        let lookout = &way.lookout;
        let Treated { mut fields, content, effect } =
            self.treatment.response(&self.method, self.accepts_gzip, &head, fields);
        if matches!(feed, Feed::Resumed(_)) {
            without_length(&mut fields);
        }
        let mut sink = self.sink(&head, fields, connection, sent);
        let has_body = sink.framing != Framing::None;
        let chain = effect.chain(Instant::now());
        let flushed = if has_body && effect.holds_head() { Ok(()) } else { sink.flush() };
        if !has_body {
            let ended = Outcome { by: By::Target, reason: ENDED.to_owned(), after: After::Complete };
            return flushed.map_or_else(|error| Outcome::lost(&error, lookout.is_stopping()), |()| ended);
        }
        carry(flushed, Source::new(feed, content), lookout, &mut sink, chain)
    }

    /// Where the body of a response comes from: if the stream is to be resumed, from more than one.
    pub(super) fn feed(&self, head: &client::Head, body: Body, way: &mut Way, name: &str) -> Feed {
        let is_get = self.method == "GET" && self.body.is_empty();
        if self.at_end == AtEnd::PassOn || !is_get || !is_plain_stream(head) {
            return Feed::Once(body);
        }
        let again = Again {
            target: Arc::clone(&self.target),
            url: self.url.clone(),
            fields: self.fields.clone(),
            name: format!("{name} id={}", self.id),
        };
        // It closes what it leaves: there is one connection to the target at a time.
        let next = self.target.client.session_beside(Arc::clone(&way.lookout) as Arc<_>);
        let session = mem::replace(&mut way.session, next);
        Feed::Resumed(Box::new(Resumed::new(again, &way.lookout, session, body)))
    }

    /// Where the client's response goes, its head still to be sent.
    pub(super) fn sink<'a>(
        &self,
        head: &client::Head,
        fields: Fields,
        connection: &'a Arc<Connection>,
        sent: &'a mut Sent,
    ) -> Sink<'a> {
        let version = if head.version == Version::Http10.as_str() { Version::Http10 } else { Version::Http11 };
        let hop = Hop { peer: connection.peer.ip(), version, pseudonym: &self.target.pseudonym };
        let phrase = StatusCode::from_u16(head.status).ok().and_then(|status| status.canonical_reason());
        let framing = response::framing(head.status, &fields, self.asked);
        let pending = response::head(head.status, phrase.unwrap_or_default(), fields, framing, self.asked, &hop);
        sent.status = Some(head.status);
        Sink { connection, framing, pending, bytes: &mut sent.bytes }
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
fn carry(flushed: io::Result<()>, mut source: Source, lookout: &Lookout, sink: &mut Sink<'_>, chain: Chain) -> Outcome {
    let result = flushed.and_then(|()| pump(&mut source, lookout, sink, chain));
    let outcome = result.unwrap_or_else(|error| Outcome::lost(&error, lookout.is_stopping()));
    if outcome.by == By::Client && lookout.farewell() == Farewell::Keep {
        if lookout.gone().is_none() {
            lookout.see_off(Some(outcome.reason.clone()));
        }
        source.drain(lookout);
    }
    outcome
}

/// Passes a body on through the chain, as it comes, until an end is released.
fn pump(source: &mut Source, lookout: &Lookout, sink: &mut Sink<'_>, mut chain: Chain) -> io::Result<Outcome> {
    let mut released = Vec::new();
    loop {
        let arrival;
        if source.is_resumed() {
            let ended;
            (arrival, chain, ended) = read_resumed(source, lookout, sink, chain);
            if let Some(outcome) = ended {
                return Ok(outcome);
            }
        } else {
            lookout.set_deadline(chain.due());
            arrival = source.read(lookout);
        }
        let now = Instant::now();
        if let Some(reason) = lookout.gone() {
            return Ok(Outcome::broken(By::Client, reason));
        }
        match arrival {
            Some(pieces) => pieces.into_iter().for_each(|piece| chain.take(piece, now, &mut released)),
            None => match lookout.seen().and_then(|seen| Outcome::of(seen, sink.connection)) {
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
/// meanwhile, so that the lookout sends that; there may be an end in it.
fn read_resumed(
    source: &mut Source,
    lookout: &Lookout,
    sink: &mut Sink<'_>,
    chain: Chain,
) -> (Option<Vec<Piece>>, Chain, Option<Outcome>) {
    let pending = mem::take(&mut sink.pending);
    let begun = Begun { chain, framing: sink.framing, pending, bytes: *sink.bytes, ended: None };
    lookout.set_deadline(None);
    lookout.entrust(Early::going_on(sink.connection, begun));
    let arrival = source.read(lookout);
    let begun = lookout.take_early().and_then(Early::into_begun).expect("the lookout keeps what it is given");
    (sink.pending, *sink.bytes) = (begun.pending, begun.bytes);
    (arrival, begun.chain, begun.ended)
}

impl Way {
    fn new(target: &Target, connection: &Arc<Connection>, stop: &Stop) -> Way {
        let lookout = Arc::new(Lookout::new(connection, stop));
        Way { session: target.client.session_beside(Arc::clone(&lookout) as Arc<_>), lookout }
    }
}
