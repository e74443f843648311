//! Is an origin ours? Then more is known of it: where its events are, and what they hold.

use std::time::Duration;

use serde::Deserialize;

use super::error::ClientError;
use super::head::{Head, Timing};
use super::in_flight::{InFlight, NoHead, excerpt};
use super::request::Request;
use super::session::{Client, Session};
use super::small_body::SmallBody;
use crate::shutdown::Deadline;
use crate::stats::TIME_MAX_US;
use crate::verdict::Finding;

/// The longest time to wait for an answer about the origin's clock.
pub(crate) const TIME_TO_ANSWER: Duration = Duration::from_secs(5);

/// The same about a stream, when all else is over.
const TIME_TO_TELL: Duration = Duration::from_secs(2);

/// How our origin begins to say that it has had no such stream.
pub(crate) const NO_SUCH_STREAM: &str = "no stream with this id";

/// The longest answer that could be ours.
const ANSWER_MAX: usize = 1024;

/// An answer of our origin to a request for its time.
#[derive(Debug, Clone)]
pub struct Time {
    /// Its clock, in Unix microseconds, when it answered.
    pub now_us: i64,
    /// When what happened to the request.
    pub timing: Timing,
    /// The URL that answered.
    pub url: String,
    /// The URLs that redirected there, in order.
    pub redirects: Vec<String>,
}

/// The request for the time of the origin of an event stream; `request` is the one for the stream.
pub fn time_request(request: &Request) -> Request {
    request_beside(request, "time")
}

/// The request for another resource beside an event stream, one that is no stream; `request` is the one for the stream.
pub fn request_beside(request: &Request, name: &str) -> Request {
    let mut request = Request { method: "GET".to_owned(), body: None, ..request.clone() };
    request.url = request.url.beside(name);
    for name in ["Accept", "Accept-Encoding", "Content-Type", "Content-Length"] {
        request.take_header(name);
    }
    request
}

/// What asking for the time comes to.
#[derive(Debug)]
pub enum Asked {
    /// An answer of an origin that is ours.
    Ours(Time),
    /// One of somebody else, and what it is.
    Other(Finding),
    /// None in time.
    Nothing,
}

/// Asks the origin of an event stream for its time; `request` is the one for the stream. None if it isn't ours.
///
/// Whatever it answers, or if it does not, in 5 s: that is an answer. A user's wish to end is none of ours, and is found
/// by the next wait.
///
/// # Errors
/// When there is no connection, or the request can't be made.
pub fn ask(client: &Client, request: &Request, deadline: &Deadline) -> Result<Option<Time>, ClientError> {
    let Ok(in_flight) = InFlight::start(client, time_request(request)) else { return Ok(None) };
    match answer(&in_flight, &deadline.at_most(TIME_TO_ANSWER)) {
        Answer::Ours(time) => Ok(Some(time)),
        Answer::Failed(
            error @ (ClientError::Request(..)
            | ClientError::Resolve(..)
            | ClientError::Connect(..)
            | ClientError::Tls(..)),
        ) => Err(error),
        _ => Ok(None),
    }
}

/// The same, for whoever wants to know who answers instead.
///
/// # Errors
/// When there is no response.
pub fn ask_closely(client: &Client, request: &Request, deadline: &Deadline) -> Result<Asked, ClientError> {
    let Ok(in_flight) = InFlight::start(client, time_request(request)) else { return Ok(Asked::Nothing) };
    let deadline = deadline.at_most(TIME_TO_ANSWER);
    match answer(&in_flight, &deadline) {
        Answer::Ours(time) => Ok(Asked::Ours(time)),
        Answer::Other(head) => {
            let excerpt = excerpt(&head, &in_flight, &deadline);
            Ok(Asked::Other(head.reply(&excerpt).description()))
        }
        Answer::Failed(error) => Err(error),
        Answer::Nothing => Ok(Asked::Nothing),
    }
}

/// What comes of a request for the time.
enum Answer {
    Ours(Time),
    Other(Box<Head>),
    Failed(ClientError),
    Nothing,
}

fn answer(in_flight: &InFlight, deadline: &Deadline) -> Answer {
    match in_flight.head(deadline) {
        Ok(head) if head.status == 200 && head.media_type().is_json() => {
            let body = in_flight.small_body(ANSWER_MAX, deadline);
            let time = body.complete().and_then(|body| time(&head, body));
            time.map_or(Answer::Other(head), Answer::Ours)
        }
        Ok(head) => Answer::Other(head),
        Err(NoHead::Failed(error)) => Answer::Failed(error),
        Err(NoHead::WaitEnded(_)) => Answer::Nothing,
    }
}

/// What our origin tells of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// It has had none of this id, or too long ago.
    NoSuchStream,
    /// It has, or had, one.
    Stream(StreamState),
}

/// The state of a stream; times are the origin's clock, in Unix microseconds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct StreamState {
    /// When it began.
    pub opened_us: i64,
    /// When it ended, if it has.
    pub ended_us: Option<i64>,
    /// Who ended it: `client`, `count`, `duration`, `abort`, `shutdown` or `error`.
    pub ended_by: Option<String>,
    /// Numbered events that were sent.
    pub events: u64,
}

/// Asks an origin of ours what it knows of the stream with this id; `request` is the one for the stream. None without an
/// answer within 2 s.
pub fn stream(client: &Client, request: &Request, id: &str, deadline: &Deadline) -> Option<Told> {
    let in_flight = InFlight::start(client, request_beside(request, &format!("streams/{id}"))).ok()?;
    let deadline = deadline.at_most(TIME_TO_TELL);
    let head = in_flight.head(&deadline).ok()?;
    told(head.status, in_flight.small_body(ANSWER_MAX, &deadline).complete()?)
}

/// What an answer says of a stream.
fn told(status: u16, body: &[u8]) -> Option<Told> {
    match status {
        404 => body.starts_with(NO_SUCH_STREAM.as_bytes()).then_some(Told::NoSuchStream),
        200 => serde_json::from_slice(body).ok().map(Told::Stream),
        _ => None,
    }
}

/// Asks once more, on a session that may have a connection already.
pub fn ask_again(session: &Session, request: &Request) -> Option<Time> {
    let mut response = session.open(request).ok()?;
    let body = SmallBody::read(|| Ok(response.body.read()), |body| body.len() <= ANSWER_MAX);
    time(&response.head, body.complete()?)
}

fn time(head: &Head, body: &[u8]) -> Option<Time> {
    Some(Time {
        now_us: our_time(body)?,
        timing: head.timing,
        url: head.url.clone(),
        redirects: head.redirects.clone(),
    })
}

/// The time in an answer that names us.
fn our_time(body: &[u8]) -> Option<i64> {
    let answer: serde_json::Value = serde_json::from_slice(body).ok()?;
    let is_ours = answer["server"].as_str().is_some_and(|server| server.starts_with("sse-argo-tester/"));
    answer["now_us"].as_i64().filter(|now_us| is_ours && (0..=TIME_MAX_US).contains(now_us))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_of_a_stream() {
        assert_eq!(told(404, b"no stream with this id is open or ended lately"), Some(Told::NoSuchStream));
        let open = b"{\"state\":\"open\",\"opened_us\":5,\"events\":2,\"ended_us\":null,\"ended_by\":null}";
        let state = StreamState { opened_us: 5, ended_us: None, ended_by: None, events: 2 };
        assert_eq!(told(200, open), Some(Told::Stream(state)));
        for (status, other) in [(404, &b"<html>nothing here"[..]), (200, b"<html>"), (502, open)] {
            assert_eq!(told(status, other), None);
        }
    }

    #[test]
    fn only_our_name_is_ours() {
        assert_eq!(our_time(b"{\"server\":\"sse-argo-tester/9\",\"now_us\":1}"), Some(1));
        let absurd = b"{\"server\":\"sse-argo-tester/9\",\"now_us\":9223372036854775807}";
        assert_eq!(our_time(absurd), None, "no time that sums would overflow with");
        let others = [&b""[..], b"sse-argo-tester/9", b"{\"server\":1}", b"{\"server\":\"nginx\",\"now_us\":1}"];
        for other in others {
            assert_eq!(our_time(other), None);
        }
    }
}
