//! Named streams: all who follow one get the same events at the same instants, from one ticker.
//!
//! The ticker appends each event to a short log and wakes its followers; each reads the log at its own pace. Who falls
//! behind the log is dropped: a slow reader delays nobody.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::budget::{self, Budget, OverBudget, Reservation};
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
/// Most events in a channel's log.
const LOG_EVENTS: usize = 256;
/// Most bytes in a channel's log; the newest event stays in any case.
const LOG_BYTES: usize = 1024 * 1024;
/// Most ticks that are made up for when they are late.
const BURST_MAX: u32 = 64;
/// How long a channel ticks on without followers, so that one who reconnects finds its ids going on.
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

/// Why a named stream can't be followed.
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

/// What a follower finds at its place in the log.
#[derive(Debug)]
pub(crate) enum Next {
    /// The event with this id.
    Event(u64, Arc<Stamped>),
    /// Nothing yet.
    Nothing,
    /// The event is gone from the log.
    Behind,
}

/// One named stream.
#[derive(Debug)]
pub(crate) struct Channel {
    pub(crate) interval: Duration,
    pub(crate) shape: Shape,
    /// The ticker's own part of the budget: it ticks on for a while without followers.
    _reservation: Reservation,
    ticker: Wake,
    log: Mutex<Log>,
    followers: Mutex<Vec<Arc<Connection>>>,
}

#[derive(Debug)]
struct Log {
    events: VecDeque<Arc<Stamped>>,
    bytes: usize,
    /// The id of the next event.
    next: u64,
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
            log: Mutex::new(Log { events: VecDeque::new(), bytes: 0, next: resume.unwrap_or(0) + 1 }),
            followers: Mutex::default(),
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

    /// Removes a channel without followers; false if somebody joined in between.
    fn retire(&self, name: &Name, channel: &Channel) -> bool {
        let mut channels = lock(&self.channels);
        let empty = lock(&channel.followers).is_empty();
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

    /// What a follower counts for, in bytes a second.
    fn rate(&self, plan: &Plan) -> u64 {
        budget::stream_rate(plan, self.shape.event_len(u64::MAX), self.interval)
    }

    /// Where a follower begins: behind id `resume` as far as the log still has it, else with the next event.
    pub(crate) fn begin(&self, resume: Option<u64>) -> u64 {
        let log = lock(&self.log);
        let oldest = log.next - log.events.len() as u64;
        resume.map_or(log.next, |id| id.saturating_add(1).clamp(oldest, log.next))
    }

    /// The event with id `seq`.
    pub(crate) fn get(&self, seq: u64) -> Next {
        let log = lock(&self.log);
        let age = (log.next - seq) as usize;
        match age {
            0 => Next::Nothing,
            _ if age > log.events.len() => Next::Behind,
            _ => Next::Event(seq, Arc::clone(&log.events[log.events.len() - age])),
        }
    }

    /// Ends following.
    pub(crate) fn leave(&self, id: ConnectionId) {
        let mut followers = lock(&self.followers);
        followers.retain(|follower| follower.id != id);
        if followers.is_empty() {
            // The ticker may have to end before its next tick.
            self.ticker.set(EVENT_READY);
        }
    }

    /// Sends events on absolute deadlines until told to stop, or until `retire` agrees that nobody listens any more.
    fn tick(&self, retire: impl Fn() -> bool) {
        self.ticker.adopt();
        let mut filler = fastrand::Rng::new();
        let mut due = Instant::now();
        let mut alone_since = None;
        loop {
            let seq = lock(&self.log).next;
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
            self.publish(Arc::new(event));
        }
    }

    /// Waits until `due`; false if the ticker is to end before.
    fn wait_for_tick(&self, due: Instant, alone_since: &mut Option<Instant>, retire: impl Fn() -> bool) -> bool {
        loop {
            let now = Instant::now();
            *alone_since = lock(&self.followers).is_empty().then(|| alone_since.unwrap_or(now));
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

    fn publish(&self, event: Arc<Stamped>) {
        let mut log = lock(&self.log);
        log.bytes += size(&event);
        log.next += 1;
        log.events.push_back(event);
        while log.events.len() > LOG_EVENTS || (log.bytes > LOG_BYTES && log.events.len() > 1) {
            let oldest = log.events.pop_front().map_or(0, |oldest| size(&oldest));
            log.bytes -= oldest;
        }
        drop(log);
        for follower in lock(&self.followers).iter() {
            follower.wake.set(EVENT_READY);
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
        lock(&channel.followers).push(Arc::clone(connection));
        Subscription { channel: Arc::clone(channel), connection: connection.id, resume }
    }

    /// Makes `terms` begin where the channel is now. Its ids began with somebody else, so the count is that of this
    /// response.
    pub(crate) fn begin(&self, terms: &mut Terms, count: Option<u64>) {
        terms.base = self.channel.begin(self.resume) - 1;
        terms.last = count.map(|count| terms.base.saturating_add(count));
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.channel.leave(self.connection);
    }
}

fn size(event: &Stamped) -> usize {
    event.piece().payload().len()
}
