//! Opening a stream: from the request that the router holds to what the connection's thread needs to send it.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::budget::{self, Budget, OverBudget, Reservation};
use super::config::Config;
use super::guard::StreamGuard;
use super::hello::{Hello, shown_fields};
use super::named::{CHANNELS_MAX, Channel, NamedStreams, SubscribeError, Subscription};
use super::stream::StreamTask;
use super::stream_registry::{Denied, OpenStream, StreamRegistry};
use crate::SERVER_NAME;
use crate::http::request::printable;
use crate::http::response::{Head, Persistence};
use crate::http::{Response, Version};
use crate::nonce::nonce;
use crate::schedule::plan::{Encoding, Framing, Plan};
use crate::schedule::{Clock, Terms};
use crate::server::service::{Action, CORS, ConnectionState, Exchange, LOGGED_MAX, RETRY_AFTER, Task, TaskContext};
use crate::sse::Name;
use crate::stamp::Stamped;
use crate::units::format_duration;

/// Largest id that a client may resume behind: the largest integer that JavaScript holds exactly.
const RESUME_MAX: u64 = (1 << 53) - 1;

/// All streams of an origin.
#[derive(Debug)]
pub(crate) struct Streams {
    pub(crate) registry: Arc<StreamRegistry>,
    pub(crate) named: Arc<NamedStreams>,
    budget: Arc<Budget>,
    /// Time between two events, unless the request names another.
    interval: Duration,
    max_streams: usize,
    max_rate: u64,
    max_duration: Duration,
}

/// A request for `/events`.
#[derive(Debug)]
pub(crate) struct StreamRequest {
    pub(crate) method: String,
    pub(crate) query: String,
    pub(crate) last_event_id: Option<String>,
    pub(crate) exchange: Exchange,
    /// Bytes of its body, which was read and discarded.
    pub(crate) body_bytes: usize,
}

/// A request for a stream that is opened once its body was read.
#[derive(Debug)]
pub(crate) struct PostedStream {
    pub(crate) streams: Arc<Streams>,
    pub(crate) request: StreamRequest,
}

impl Task for PostedStream {
    fn run(mut self: Box<PostedStream>, mut context: TaskContext<'_>) -> ConnectionState {
        self.request.body_bytes = match context.body.read_to_end() {
            Ok(body) => body.len(),
            Err(error) => return ConnectionState::BodyFailed(error),
        };
        match self.streams.open(&self.request) {
            Ok(opened) => Box::new(opened).run(context),
            Err(response) => ConnectionState::Unsent(response),
        }
    }
}

/// A place for a stream: in a named one, if it asks for that, and in the budget.
type Place = (Option<Subscription>, Reservation);

impl Streams {
    pub(crate) fn new(config: &Config) -> Streams {
        let Config { interval, max_streams, max_rate, max_duration, .. } = *config;
        let budget = Budget::new(max_rate, Instant::now());
        let (registry, named) = (Arc::default(), Arc::new(NamedStreams::new(interval, &budget)));
        Streams { registry, named, budget, interval, max_streams, max_rate, max_duration }
    }

    /// Answers a HEAD request.
    ///
    /// # Errors
    /// The response that says why there would be no stream.
    pub(crate) fn head(&self, request: &StreamRequest) -> Result<Action, Response> {
        let (plan, _) = parse(request)?;
        let persistence = persistence(&plan, &request.exchange);
        Ok(Action::RespondHead(response_head(&plan, persistence, None), persistence))
    }

    /// Opens a stream.
    ///
    /// # Errors
    /// The response that says why there is none.
    pub(crate) fn open(&self, request: &StreamRequest) -> Result<StreamTask, Response> {
        let (plan, resume) = parse(request)?;
        let id = plan.id.clone().map_or_else(random_id, Ok)?;
        let stream = Arc::new(OpenStream::new(&id));
        self.registry.open(&stream, self.max_streams).map_err(|denied| self.deny(denied))?;
        let admitted = self.admit(&request.exchange, &plan, resume).inspect_err(|_| self.registry.forget(&stream));
        let (subscription, reservation) = admitted?;
        let trace = request.exchange.trace().into();
        let registry = Arc::clone(&self.registry);
        let guard = StreamGuard { registry, stream, subscription, end: None, trace, _reservation: reservation };
        log_opened(request, &guard);

        let terms = self.terms(&plan, resume, guard.subscription.as_ref());
        let hello = Stamped::hello(plan.retry_ms, &hello(request, &plan, &terms, &guard, resume).json());
        let length = (plan.framing == Framing::Length)
            .then(|| content_length(&plan, &terms, guard.subscription.as_ref(), &hello));
        let head = response_head(&plan, persistence(&plan, &request.exchange), length);
        let gzip = plan.encoding == Encoding::Gzip;
        let encoder = gzip.then(|| GzEncoder::new(Vec::new(), Compression::default()));
        Ok(StreamTask { head, hello: Some(hello), encoder, plan, terms, guard })
    }

    /// Finds room for a stream: a place among the subscribers of a named one, and a part of the budget.
    fn admit(&self, exchange: &Exchange, plan: &Plan, resume: Option<u64>) -> Result<Place, Response> {
        let Some(name) = &plan.stream else {
            let interval = plan.interval.unwrap_or(self.interval);
            let rate = budget::stream_rate(plan, plan.shape().event_len(RESUME_MAX), interval);
            let reservation = self.budget.reserve(rate, plan.pad as u64, Instant::now());
            return reservation.map(|reservation| (None, reservation)).map_err(|over| self.too_much(over));
        };
        match self.named.subscribe(name, plan, resume, &exchange.connection) {
            Ok((subscription, reservation)) => Ok((Some(subscription), reservation)),
            Err(SubscribeError::Differs(channel)) => Err(conflict(name, &channel)),
            Err(SubscribeError::TooMuch(over)) => Err(self.too_much(over)),
            Err(SubscribeError::TooMany) => {
                Err(unavailable(&format!("there are {CHANNELS_MAX} named streams already; try again later")))
            }
            Err(SubscribeError::Spawn(error)) => {
                Err(unavailable(&format!("no thread for the stream's ticker: {error}; try again later")))
            }
        }
    }

    fn too_much(&self, over: OverBudget) -> Response {
        let what = match over {
            OverBudget::Rate(rate) => format!("{rate} bytes a second"),
            OverBudget::Lump(lump) => format!("{lump} bytes of padding at once"),
        };
        let max = self.max_rate;
        unavailable(&format!(
            "this would take {what} of the {max} a second that all streams share; ask for less, or try again later"
        ))
    }

    fn deny(&self, denied: Denied) -> Response {
        match denied {
            Denied::InUse => Response::text(409, "a stream with this id is open; choose another id"),
            Denied::Full => {
                let max = self.max_streams;
                unavailable(&format!("{max} streams are open, and no more are served at a time; try again later"))
            }
        }
    }

    fn terms(&self, plan: &Plan, resume: Option<u64>, subscription: Option<&Subscription>) -> Terms {
        let interval = plan.interval.unwrap_or(self.interval);
        let clock = if subscription.is_some() { Clock::Shared } else { Clock::Own { interval } };
        let lifetime = plan.duration.unwrap_or(self.max_duration).min(self.max_duration);
        // A heartbeat is not part of a length that was fixed beforehand.
        let heartbeat = plan.heartbeat.filter(|_| plan.framing != Framing::Length);
        let base = resume.unwrap_or(0);
        let mut terms = Terms { clock, base, last: plan.count, silent_after: plan.silent_after, lifetime, heartbeat };
        if let Some(subscription) = subscription {
            subscription.begin(&mut terms, plan.count);
        }
        terms
    }
}

/// The plan of a stream, and the id after which it resumes.
fn parse(request: &StreamRequest) -> Result<(Plan, Option<u64>), Response> {
    let mut plan = Plan::parse(&request.query).map_err(|error| Response::text(400, &error.to_string()))?;
    if request.exchange.version == Version::Http10 && plan.framing == Framing::Chunked {
        plan.framing = Framing::Close;
    }
    let resume = request.last_event_id.as_deref().and_then(resumed);
    if plan.stream.is_none() && plan.count.is_some_and(|count| resume.is_some_and(|id| id >= count)) {
        // "Clients will reconnect if the connection is closed; a client can be told to stop reconnecting using the
        // HTTP 204 No Content response code." (WHATWG HTML, section 9.2.1)
        return Err(Response::empty(204).with("Cache-Control", "no-store"));
    }
    Ok((plan, resume))
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

fn unavailable(text: &str) -> Response {
    Response::text(503, text).with(RETRY_AFTER.0, RETRY_AFTER.1)
}

fn content_length(plan: &Plan, terms: &Terms, subscription: Option<&Subscription>, hello: &Stamped) -> u64 {
    let own = plan.shape();
    let shape = subscription.map_or(&own, |subscription| &subscription.channel.shape);
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

fn hello<'a>(
    request: &'a StreamRequest,
    plan: &Plan,
    terms: &Terms,
    guard: &'a StreamGuard,
    resume: Option<u64>,
) -> Hello<'a> {
    let exchange = &request.exchange;
    let interval = match (terms.clock, &guard.subscription) {
        (Clock::Shared, Some(subscription)) => subscription.channel.interval,
        (Clock::Own { interval }, _) => interval,
        (Clock::Shared, None) => Duration::ZERO,
    };
    Hello {
        server: SERVER_NAME,
        id: &guard.stream.id,
        http: exchange.version.as_str(),
        method: &request.method,
        target: &exchange.target,
        peer: exchange.connection.peer.to_string(),
        headers: shown_fields(&exchange.head),
        body_bytes: request.body_bytes,
        interval_ms: interval.as_secs_f64() * 1000.0,
        framing: plan.framing.as_str(),
        last_event_id: resume,
    }
}

fn log_opened(request: &StreamRequest, guard: &StreamGuard) {
    log::info!(
        "stream opened id={} peer={} method={} http={} path={}{}",
        guard.stream.id,
        request.exchange.connection.peer,
        request.method,
        request.exchange.version.as_str(),
        printable(request.exchange.target.as_bytes(), LOGGED_MAX),
        guard.trace,
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ids_of_ours_resume() {
        assert_eq!(resumed("0"), Some(0));
        assert_eq!(resumed("9007199254740991"), Some(RESUME_MAX));
        for stranger in ["", "-1", "+1", "1.5", "abc", "9007199254740992", "99999999999999999999999", "1 2"] {
            assert_eq!(resumed(stranger), None, "{stranger}");
        }
    }
}
