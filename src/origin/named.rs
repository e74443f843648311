//! Named streams: all subscribers of one get the same events at the same instants, from one ticker, which publishes them
//! to a [broadcast](crate::broadcast).

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::budget::{self, Budget, OverBudget, Reservation};
use crate::broadcast::{Bounds, Broadcast, Entry, Next};
use crate::lock::lock;
use crate::schedule::Terms;
use crate::schedule::plan::Plan;
use crate::server::connection::{Connection, ConnectionId};
use crate::server::wake::{EVENT_READY, STOP, Wake};
use crate::site::time::unix_us;
use crate::sse::Name;
use crate::stamp::{Shape, Stamped};

/// Most named streams at a time.
pub(crate) const CHANNELS_MAX: usize = 64;
/// What is kept of a channel.
const BOUNDS: Bounds = Bounds { entries: 256, bytes: 1024 * 1024 };
/// Most ticks that are made up for when they are late.
const BURST_MAX: u32 = 64;
/// How long a channel ticks on without subscribers, so that one who reconnects finds its ids going on.
const LINGER: Duration = Duration::from_secs(60);
/// Stack of a ticker.
const STACK: usize = 128 * 1024;

/// All named streams.
#[derive(Debug)]
pub(crate) struct NamedStreams {
    channels: Mutex<HashMap<Name, Arc<Channel>>>,
    /// Time between two events of a stream, unless its first request names another.
    interval: Duration,
    budget: Arc<Budget>,
}

/// Why a named stream can't be subscribed to.
#[derive(Debug)]
pub(crate) enum SubscribeError {
    /// It runs with another interval, size or event name than the request asks for.
    Differs(Arc<Channel>),
    /// There are too many.
    TooMany,
    /// The budget has no room for it.
    TooMuch(OverBudget),
    /// No thread is left for its ticker.
    Spawn(io::Error),
}

/// One named stream.
#[derive(Debug)]
pub(crate) struct Channel {
    pub(crate) interval: Duration,
    pub(crate) shape: Shape,
    /// The ticker's own part of the budget: it ticks on for a while without subscribers.
    _reservation: Reservation,
    ticker: Wake,
    /// Its events, numbered by their ids. It has no end: the order to stop ends its subscribers.
    broadcast: Broadcast<Infallible>,
}

impl NamedStreams {
    /// None yet. Their events are `interval` apart unless the first request names another time, and count in `budget`.
    pub(crate) fn new(interval: Duration, budget: &Arc<Budget>) -> NamedStreams {
        NamedStreams { channels: Mutex::default(), interval, budget: Arc::clone(budget) }
    }

    /// Makes `connection` a subscriber of the stream `name`, with its part of the budget. If the stream is not there, it
    /// starts as `plan` asks, with the event after id `resume`.
    pub(crate) fn subscribe(
        self: &Arc<NamedStreams>,
        name: &Name,
        plan: &Plan,
        resume: Option<u64>,
        connection: &Arc<Connection>,
    ) -> Result<(Subscription, Reservation), SubscribeError> {
        let mut channels = lock(&self.channels);
        if let Some(channel) = channels.get(name) {
            if !channel.fits(plan) {
                return Err(SubscribeError::Differs(Arc::clone(channel)));
            }
            let reservation = self.reserve(plan, channel.rate(plan))?;
            return Ok((Subscription::new(channel, connection, resume), reservation));
        }
        if channels.len() >= CHANNELS_MAX {
            return Err(SubscribeError::TooMany);
        }
        let (shape, interval) = (plan.shape(), plan.interval.unwrap_or(self.interval));
        let own_rate = budget::rate(shape.event_len(u64::MAX), interval, false);
        let channel = Arc::new(Channel {
            interval,
            shape,
            _reservation: self.budget.reserve(own_rate, 0, Instant::now()).map_err(SubscribeError::TooMuch)?,
            ticker: Wake::default(),
            broadcast: Broadcast::new(BOUNDS, resume.unwrap_or(0) + 1),
        });
        let reservation = self.reserve(plan, channel.rate(plan))?;
        let subscription = Subscription::new(&channel, connection, resume);
        let (named, ticking, ticked) = (Arc::clone(self), Arc::clone(&channel), name.clone());
        let ticker = move || ticking.tick(|| named.retire(&ticked, &ticking));
        let thread = thread::Builder::new().name("ticker".to_owned()).stack_size(STACK);
        thread.spawn(ticker).map_err(SubscribeError::Spawn)?;
        channels.insert(name.clone(), channel);
        Ok((subscription, reservation))
    }

    fn reserve(&self, plan: &Plan, rate: u64) -> Result<Reservation, SubscribeError> {
        self.budget.reserve(rate, plan.pad as u64, Instant::now()).map_err(SubscribeError::TooMuch)
    }

    /// Removes a channel without subscribers; false if somebody joined in between.
    fn retire(&self, name: &Name, channel: &Channel) -> bool {
        let mut channels = lock(&self.channels);
        let empty = !channel.broadcast.has_subscribers();
        if empty {
            channels.remove(name);
        }
        empty
    }

    /// Ends all tickers.
    pub(crate) fn stop_all(&self) {
        for channel in lock(&self.channels).values() {
            channel.ticker.set(STOP);
        }
    }
}

impl Channel {
    /// Whether the channel is what a request asks for: what it does not ask for does not matter.
    fn fits(&self, plan: &Plan) -> bool {
        plan.interval.is_none_or(|interval| interval == self.interval)
            && plan.size.is_none_or(|size| size == self.shape.size)
            && plan.event.as_ref().is_none_or(|event| Some(event) == self.shape.event.as_ref())
    }

    /// What a subscriber counts for, in bytes a second.
    fn rate(&self, plan: &Plan) -> u64 {
        budget::stream_rate(plan, self.shape.event_len(u64::MAX), self.interval)
    }

    /// Sends events on absolute deadlines until told to stop, or until `retire` agrees that nobody listens any more.
    fn tick(&self, retire: impl Fn() -> bool) {
        self.ticker.adopt();
        let mut filler = fastrand::Rng::new();
        let mut due = Instant::now();
        let mut alone_since = None;
        loop {
            let seq = self.broadcast.log().next();
            let mut event = Stamped::numbered(seq, &self.shape, &mut filler);
            due += self.interval;
            let late = Instant::now().saturating_duration_since(due);
            if late > self.interval * BURST_MAX {
                // The process stood still, stopped perhaps. Followers would fall behind what would have to be made up.
                due = Instant::now();
            }
            if !self.wait_for_tick(due, &mut alone_since, &retire) {
                return;
            }
            event.stamp(unix_us());
            self.broadcast.publish(Entry { piece: Arc::new(event.into_piece()), id: None });
        }
    }

    /// Waits until `due`; false if the ticker is to end before.
    fn wait_for_tick(&self, due: Instant, alone_since: &mut Option<Instant>, retire: impl Fn() -> bool) -> bool {
        loop {
            let now = Instant::now();
            *alone_since = (!self.broadcast.has_subscribers()).then(|| alone_since.unwrap_or(now));
            let until = alone_since.map_or(due, |since| due.min(since + LINGER));
            let flags = self.ticker.wait_until(until);
            if flags & STOP != 0 || (alone_since.is_some_and(|since| since + LINGER <= Instant::now()) && retire()) {
                return false;
            }
            if flags == 0 && Instant::now() >= due {
                return true;
            }
        }
    }
}

/// A place among the subscribers of a named stream, given up when it is dropped.
#[derive(Debug)]
pub(crate) struct Subscription {
    pub(crate) channel: Arc<Channel>,
    connection: ConnectionId,
    /// The id after which the client resumes.
    resume: Option<u64>,
}

impl Subscription {
    fn new(channel: &Arc<Channel>, connection: &Arc<Connection>, resume: Option<u64>) -> Subscription {
        channel.broadcast.subscribe(connection);
        Subscription { channel: Arc::clone(channel), connection: connection.id, resume }
    }

    /// Makes `terms` begin where the channel is now. Its ids began with somebody else, so the count is that of this
    /// response.
    pub(crate) fn begin(&self, terms: &mut Terms, count: Option<u64>) {
        let log = self.channel.broadcast.log();
        // After the id as far as the log still has it, else with the next event.
        let first = self.resume.map_or(log.next(), |id| log.nearest(id.saturating_add(1)));
        terms.base = first - 1;
        terms.last = count.map(|count| terms.base.saturating_add(count));
    }

    /// The event with this id.
    pub(crate) fn event(&self, id: u64) -> Next<Infallible> {
        self.channel.broadcast.take(id, 1)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if self.channel.broadcast.unsubscribe(self.connection) {
            // The ticker may have to end before its next tick.
            self.channel.ticker.set(EVENT_READY);
        }
    }
}
