//! Requests on threads of their own: what comes of one is waited for beside the order to stop and a deadline.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::body::{Arrival, Body, Ending};
use super::content::Content;
use super::error::ClientError;
use super::head::Head;
use super::request::Request;
use super::session::Client;
use super::small_body::SmallBody;
use super::wire::Resets;
use crate::http::Url;
use crate::shutdown::{Deadline, Stop, WaitEnd};

/// Reads that may wait to be taken. Behind them the stream waits in the kernel, as it should.
const EVENTS_MAX: usize = 32;

/// The longest time to wait for the start of an answer that is not an event stream.
const TIME_TO_EXPLAIN: Duration = Duration::from_secs(2);

/// How much of such an answer is read.
const EXCERPT_MAX: usize = 8 * 1024;

/// What comes of a request, in order.
#[derive(Debug)]
pub enum ResponseEvent {
    /// The head of its response.
    Head(Box<Head>),
    /// There is no response. Nothing follows.
    Failed(ClientError),
    /// Bytes of the body, or its end, which nothing follows.
    Body(Arrival),
}

/// Why there is no head.
#[derive(Debug)]
pub enum NoHead {
    /// The request failed.
    Failed(ClientError),
    /// The wait ended first.
    WaitEnded(WaitEnd),
}

/// A request that goes on by itself, until it is dropped.
#[derive(Debug)]
pub struct InFlight {
    url: Url,
    events: Receiver<ResponseEvent>,
    stop: Stop,
    resets: Resets,
}

impl InFlight {
    /// Sends a request, on a connection of its own.
    ///
    /// # Errors
    /// When no thread or descriptor is left.
    pub fn start(client: &Client, request: Request) -> io::Result<InFlight> {
        let stop = Stop::new()?;
        let session = client.session_with(Arc::new(stop.clone()));
        let (sender, events) = bounded(EVENTS_MAX);
        let in_flight = InFlight { url: request.url.clone(), events, stop, resets: session.resets() };
        let work = move || match session.open(&request) {
            Err(error) => drop(sender.send(ResponseEvent::Failed(error))),
            Ok(response) => {
                if sender.send(ResponseEvent::Head(Box::new(response.head))).is_ok() {
                    pass_on(response.body, &sender);
                }
            }
        };
        thread::Builder::new().name("request".to_owned()).spawn(work)?;
        Ok(in_flight)
    }

    /// What comes of it.
    pub fn events(&self) -> &Receiver<ResponseEvent> {
        &self.events
    }

    /// Waits for the head of the response.
    ///
    /// # Errors
    /// [`NoHead`].
    pub fn head(&self, deadline: &Deadline) -> Result<Box<Head>, NoHead> {
        match deadline.recv(&self.events).map_err(NoHead::WaitEnded)? {
            Some(ResponseEvent::Head(head)) => Ok(head),
            Some(ResponseEvent::Failed(error)) => Err(NoHead::Failed(error)),
            Some(ResponseEvent::Body(_)) => unreachable!("the body comes after the head"),
            None => Err(NoHead::Failed(ClientError::NoHead(self.url.to_string(), LOST.to_owned()))),
        }
    }

    /// Waits for more of the body, after the head.
    ///
    /// # Errors
    /// A [`WaitEnd`] if that comes first.
    pub fn read(&self, deadline: &Deadline) -> Result<Arrival, WaitEnd> {
        Ok(match deadline.recv(&self.events)? {
            Some(ResponseEvent::Body(arrival)) => arrival,
            Some(ResponseEvent::Head(_) | ResponseEvent::Failed(_)) => unreachable!("they come before the body"),
            None => Arrival::End(Instant::now(), Ending::Failed(LOST.to_owned())),
        })
    }

    /// Waits for a body of at most `limit` bytes, after the head.
    pub fn small_body(&self, limit: usize, deadline: &Deadline) -> SmallBody {
        SmallBody::read(|| self.read(deadline), |body| body.len() <= limit)
    }

    /// Ends it with a reset of its connection, where a drop closes that.
    pub fn reset(self) {
        self.resets.set();
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.stop.trigger();
    }
}

const LOST: &str = "the thread that reads was lost";

/// Passes a body on, until its end or until it is dropped.
fn pass_on(mut body: Body, sender: &Sender<ResponseEvent>) {
    while let Some(arrival) = body.read_or_leave() {
        let is_last = matches!(arrival, Arrival::End(..));
        if sender.send(ResponseEvent::Body(arrival)).is_err() || is_last {
            return;
        }
    }
}

/// The start of the body after `head`, as text, decoded: what there is of it when its first line is complete or, of a
/// page, when 8 KiB are; or after 2 s, or at the deadline.
pub fn excerpt(head: &Head, in_flight: &InFlight, deadline: &Deadline) -> String {
    let Ok(mut content) = Content::of(head) else { return String::new() };
    let deadline = deadline.at_most(TIME_TO_EXPLAIN);
    let is_page = head.media_type().is_html();
    let decoded = || {
        in_flight.read(&deadline).map(|arrival| match arrival {
            Arrival::Bytes(at, bytes) => Arrival::Bytes(at, content.decode(bytes).0),
            end @ Arrival::End(..) => end,
        })
    };
    let wants_more = |body: &[u8]| body.len() < EXCERPT_MAX && (is_page || !body.trim_ascii_start().contains(&b'\n'));
    let mut body = SmallBody::read(decoded, wants_more).bytes;
    body.truncate(EXCERPT_MAX);
    String::from_utf8_lossy(&body).into_owned()
}
