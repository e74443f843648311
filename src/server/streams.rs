//! Opening a stream: from the request that the router holds to what the connection's thread needs to send it.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;

use super::budget::{self, OverBudget, Reservation};
use super::hub::{CHANNELS_MAX, Channel, JoinError};
use super::ledger::{Denied, EndedBy, Outcome, Stream};
use super::origin::State;
use super::registry::ConnectionId;
use super::router::{CORS, RETRY_AFTER};
use super::service::{Action, After, Exchange, LOGGED_MAX, Line, Task};
use super::stream;
use crate::SERVER_NAME;
use crate::http::request::{fields, printable};
use crate::http::response::{Head, Persistence};
use crate::http::{Response, Version};
use crate::nonce::nonce;
use crate::schedule::plan::{Encoding, Framing, Plan};
use crate::schedule::{Clock, Terms};
use crate::sse::Name;
use crate::stamp::Stamped;
use crate::units::format_duration;

/// Largest id that a client may resume behind: the largest integer that JavaScript holds exactly.
const RESUME_MAX: u64 = (1 << 53) - 1;

/// Fields whose values the hello event shows; of all others it shows how long they are. None of them carries a secret.
const SHOWN: [&str; 37] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "cache-control",
    "cdn-loop",
    "cf-connecting-ip",
    "cf-ew-via",
    "cf-ipcountry",
    "cf-ray",
    "cf-visitor",
    "cf-warp-tag-id",
    "cf-worker",
    "connection",
    "content-length",
    "content-type",
    "expect",
    "forwarded",
    "host",
    "last-event-id",
    "origin",
    "pragma",
    "priority",
    "sec-fetch-dest",
    "sec-fetch-mode",
    "sec-fetch-site",
    "te",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
    "x-accel-buffering",
    "x-amzn-trace-id",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-real-ip",
];

/// What the origin tells of the request in the hello event, beside the stamps.
#[derive(Serialize)]
struct Hello<'a> {
    server: &'a str,
    id: &'a str,
    http: &'a str,
    method: &'a str,
    target: &'a str,
    peer: String,
    headers: Vec<(String, String)>,
    body_bytes: usize,
    interval_ms: f64,
    framing: &'a str,
    last_event_id: Option<u64>,
}

/// A stream that is admitted, with all that its thread needs to send it.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) head: Vec<u8>,
    /// There until it is sent.
    pub(crate) hello: Option<Stamped>,
    /// Made by the router, on whose stack there is room for it while it is made.
    pub(crate) encoder: Option<GzEncoder<Vec<u8>>>,
    pub(crate) plan: Plan,
    pub(crate) terms: Terms,
    pub(crate) lease: Lease,
}

impl Task for Opened {
    fn run(self: Box<Opened>, line: Line<'_>) -> After {
        stream::run(line.shared, line.connection, self)
    }
}

/// A place among the followers of a named stream, given up when it is dropped.
#[derive(Debug)]
pub(crate) struct Membership {
    pub(crate) channel: Arc<Channel>,
    connection: ConnectionId,
    /// The id behind which the client resumes.
    resume: Option<u64>,
}

impl Membership {
    /// Makes `terms` begin where the channel is now. Its ids began with somebody else, so the count is that of this
    /// response.
    pub(crate) fn begin(&self, terms: &mut Terms, count: Option<u64>) {
        terms.base = self.channel.begin(self.resume) - 1;
        terms.last = count.map(|count| terms.base.saturating_add(count));
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.channel.leave(self.connection);
    }
}

/// A stream's place in the registry, the budget and its channel. Whatever happens, the stream is closed and logged
/// when the lease goes.
#[derive(Debug)]
pub(crate) struct Lease {
    state: Arc<State>,
    pub(crate) stream: Arc<Stream>,
    pub(crate) membership: Option<Membership>,
    outcome: Option<Outcome>,
    /// What the log tells of the request's way.
    trace: Box<str>,
    _reservation: Reservation,
}

impl Lease {
    /// Says how the stream ended, and ends it.
    pub(crate) fn finish(mut self, outcome: Outcome) {
        self.outcome = Some(outcome);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let lost = || Outcome {
            by: EndedBy::Error,
            reason: "it was given up before it began, or its thread panicked".to_owned(),
        };
        let outcome = self.outcome.take().unwrap_or_else(lost);
        self.state.ledger.close(&self.stream, &outcome);
        log::info!(
            "stream closed id={} by={} reason=\"{}\" events={} bytes={} after={:.3}s{}",
            self.stream.id,
            outcome.by.as_str(),
            outcome.reason,
            self.stream.events(),
            self.stream.bytes(),
            self.stream.age().as_secs_f64(),
            self.trace,
        );
    }
}

/// What the router read out of a request for a stream.
#[derive(Debug)]
pub(crate) struct StreamRequest<'a> {
    pub(crate) exchange: &'a Exchange,
    pub(crate) method: &'a str,
    pub(crate) query: &'a str,
    pub(crate) last_event_id: Option<&'a str>,
}

/// Answers a request for `/events`.
///
/// # Errors
/// The response that says why there is no stream.
pub(crate) fn open(state: &Arc<State>, request: &StreamRequest<'_>) -> Result<Action, Response> {
    let mut plan = Plan::parse(request.query).map_err(|error| Response::text(400, &error.to_string()))?;
    if request.exchange.version == Version::Http10 && plan.framing == Framing::Chunked {
        plan.framing = Framing::Close;
    }
    let resume = request.last_event_id.and_then(resumed);
    if plan.stream.is_none() && plan.count.is_some_and(|count| resume.is_some_and(|id| id >= count)) {
        // "Clients will reconnect if the connection is closed; a client can be told to stop reconnecting using the
        // HTTP 204 No Content response code." (WHATWG HTML, section 9.2.1)
        return Err(Response::empty(204).with("Cache-Control", "no-store"));
    }
    if request.method == "HEAD" {
        let persistence = persistence(&plan, request.exchange);
        return Ok(Action::RespondHead(response_head(&plan, persistence, None), persistence));
    }
    let id = plan.id.clone().map_or_else(random_id, Ok)?;
    let stream = Arc::new(Stream::new(&id));
    state.ledger.open(&stream, state.config.max_streams).map_err(|denied| deny(state, denied))?;
    let admitted = admit(state, request.exchange, &plan, resume).inspect_err(|_| state.ledger.forget(&stream));
    let (membership, reservation) = admitted?;
    let trace = request.exchange.trace().into();
    let lease = Lease { state: Arc::clone(state), stream, membership, outcome: None, trace, _reservation: reservation };
    log_opened(request, &lease);

    let terms = terms(state, &plan, resume, lease.membership.as_ref());
    let hello = Stamped::hello(plan.retry_ms, &hello(request, &plan, &terms, &lease, resume));
    let length =
        (plan.framing == Framing::Length).then(|| content_length(&plan, &terms, lease.membership.as_ref(), &hello));
    let head = response_head(&plan, persistence(&plan, request.exchange), length);
    let gzip = plan.encoding == Encoding::Gzip;
    let encoder = gzip.then(|| GzEncoder::new(Vec::new(), Compression::default()));
    Ok(Action::Run(Box::new(Opened { head, hello: Some(hello), encoder, plan, terms, lease })))
}

/// The id in a Last-Event-ID that is one of ours. Any other value is a stranger's, and the stream starts anew.
fn resumed(value: &str) -> Option<u64> {
    let plain = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
    value.parse().ok().filter(|id| plain && *id <= RESUME_MAX)
}

/// An id that nobody can guess, since whoever knows it may ask for the stream's state.
fn random_id() -> Result<String, Response> {
    nonce().map_err(|_| Response::text(500, "no random numbers to be had for the stream's id"))
}

/// Finds room for a stream: a place among the followers of a named one, and a part of the budget.
fn admit(
    state: &Arc<State>,
    exchange: &Exchange,
    plan: &Plan,
    resume: Option<u64>,
) -> Result<(Option<Membership>, Reservation), Response> {
    let Some(name) = &plan.stream else {
        let interval = plan.interval.unwrap_or(state.config.interval);
        let rate = budget::stream_rate(plan, plan.shape().event_len(RESUME_MAX), interval);
        let reservation = state.budget.reserve(rate, plan.pad as u64, Instant::now());
        return reservation.map(|reservation| (None, reservation)).map_err(|over| too_much(state, over));
    };
    let connection = &exchange.connection;
    match state.hub.join(name, plan, resume.unwrap_or(0), state, connection) {
        Ok((channel, reservation)) => {
            Ok((Some(Membership { channel, connection: connection.id, resume }), reservation))
        }
        Err(JoinError::Differs(channel)) => Err(conflict(name, &channel)),
        Err(JoinError::TooMuch(over)) => Err(too_much(state, over)),
        Err(JoinError::TooMany) => {
            Err(unavailable(&format!("there are {CHANNELS_MAX} named streams already; try again later")))
        }
        Err(JoinError::Spawn(error)) => {
            Err(unavailable(&format!("no thread for the stream's ticker: {error}; try again later")))
        }
    }
}

fn too_much(state: &State, over: OverBudget) -> Response {
    let what = match over {
        OverBudget::Rate(rate) => format!("{rate} bytes a second"),
        OverBudget::Lump(lump) => format!("{lump} bytes of padding at once"),
    };
    let max = state.config.max_rate;
    unavailable(&format!(
        "this would take {what} of the {max} a second that all streams share; ask for less, or try again later"
    ))
}

fn conflict(name: &Name, channel: &Channel) -> Response {
    let event = channel.shape.event.as_ref().map_or(String::new(), |event| format!("&event={}", event.as_str()));
    let text = format!(
        "stream {} runs with interval={}&size={}{event}; ask for the same, or for another name",
        name.as_str(),
        format_duration(channel.interval),
        channel.shape.size,
    );
    Response::text(409, &text)
}

fn deny(state: &State, denied: Denied) -> Response {
    match denied {
        Denied::InUse => Response::text(409, "a stream with this id is open; choose another id"),
        Denied::Full => {
            let max = state.config.max_streams;
            unavailable(&format!("{max} streams are open, and no more are served at a time; try again later"))
        }
    }
}

fn unavailable(text: &str) -> Response {
    Response::text(503, text).with(RETRY_AFTER.0, RETRY_AFTER.1)
}

fn terms(state: &State, plan: &Plan, resume: Option<u64>, membership: Option<&Membership>) -> Terms {
    let interval = plan.interval.unwrap_or(state.config.interval);
    let clock = if membership.is_some() { Clock::Shared } else { Clock::Own { interval } };
    let lifetime = plan.duration.unwrap_or(state.config.max_duration).min(state.config.max_duration);
    // A heartbeat is not part of a length that was fixed beforehand.
    let heartbeat = plan.heartbeat.filter(|_| plan.framing != Framing::Length);
    let base = resume.unwrap_or(0);
    let mut terms = Terms { clock, base, last: plan.count, silent_after: plan.silent_after, lifetime, heartbeat };
    if let Some(membership) = membership {
        membership.begin(&mut terms, plan.count);
    }
    terms
}

fn content_length(plan: &Plan, terms: &Terms, membership: Option<&Membership>, hello: &Stamped) -> u64 {
    let own = plan.shape();
    let shape = membership.map_or(&own, |membership| &membership.channel.shape);
    let events = shape.events_len(terms.base + 1, terms.last.unwrap_or(terms.base));
    (plan.pad + hello.piece().payload().len()) as u64 + events
}

fn persistence(plan: &Plan, exchange: &Exchange) -> Persistence {
    let keep = exchange.keep_alive && plan.framing != Framing::Close;
    if keep { Persistence::KeepAlive } else { Persistence::Close }
}

fn response_head(plan: &Plan, persistence: Persistence, length: Option<u64>) -> Vec<u8> {
    let mut head = Head::new(200, SystemTime::now());
    head.field("Content-Type", plan.content_type);
    if let Some(cache_control) = plan.cache_control {
        head.field("Cache-Control", cache_control);
    }
    if plan.accel_no {
        head.field("X-Accel-Buffering", "no");
    }
    match plan.encoding {
        Encoding::None => {}
        Encoding::Identity => head.field("Content-Encoding", "identity"),
        Encoding::Gzip => head.field("Content-Encoding", "gzip"),
    }
    head.field(CORS.0, CORS.1);
    match (plan.framing, length) {
        (Framing::Chunked, _) => head.field("Transfer-Encoding", "chunked"),
        (Framing::Close, _) => {}
        (Framing::Length, Some(length)) => head.field("Content-Length", itoa::Buffer::new().format(length)),
        (Framing::Length, None) => {}
    }
    if persistence == Persistence::Close {
        head.field("Connection", "close");
    }
    head.finish()
}

fn hello(request: &StreamRequest<'_>, plan: &Plan, terms: &Terms, lease: &Lease, resume: Option<u64>) -> String {
    let exchange = request.exchange;
    let interval = match (terms.clock, &lease.membership) {
        (Clock::Shared, Some(membership)) => membership.channel.interval,
        (Clock::Own { interval }, _) => interval,
        (Clock::Shared, None) => Duration::ZERO,
    };
    let hello = Hello {
        server: SERVER_NAME,
        id: &lease.stream.id,
        http: exchange.version.as_str(),
        method: request.method,
        target: &exchange.target,
        peer: exchange.connection.peer.to_string(),
        headers: fields(&exchange.head).into_iter().map(shown).collect(),
        body_bytes: exchange.body.len(),
        interval_ms: interval.as_secs_f64() * 1000.0,
        framing: plan.framing.as_str(),
        last_event_id: resume,
    };
    // Only a map with keys that are no strings, or a failing Serialize, could make this fail.
    serde_json::to_string(&hello).unwrap_or_default()
}

fn shown((name, value): (String, Vec<u8>)) -> (String, String) {
    let value = if SHOWN.binary_search(&name.to_ascii_lowercase().as_str()).is_ok() {
        String::from_utf8_lossy(&value).into_owned()
    } else {
        format!("<{} bytes>", value.len())
    };
    (name, value)
}

fn log_opened(request: &StreamRequest<'_>, lease: &Lease) {
    log::info!(
        "stream opened id={} peer={} method={} http={} path={}{}",
        lease.stream.id,
        request.exchange.connection.peer,
        request.method,
        request.exchange.version.as_str(),
        printable(request.exchange.target.as_bytes(), LOGGED_MAX),
        lease.trace,
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_that_are_shown_can_be_searched_and_hold_no_secret() {
        assert!(SHOWN.is_sorted());
        for secret in
            ["authorization", "cookie", "proxy-authorization", "x-api-key", "cf-access-jwt-assertion", "referer"]
        {
            assert_eq!(shown((secret.to_owned(), b"12345".to_vec())).1, "<5 bytes>");
        }
        assert_eq!(shown(("HOST".to_owned(), b"a".to_vec())).1, "a");
    }

    #[test]
    fn only_ids_of_ours_resume() {
        assert_eq!(resumed("0"), Some(0));
        assert_eq!(resumed("9007199254740991"), Some(RESUME_MAX));
        for stranger in ["", "-1", "+1", "1.5", "abc", "9007199254740992", "99999999999999999999999", "1 2"] {
            assert_eq!(resumed(stranger), None, "{stranger}");
        }
    }
}
