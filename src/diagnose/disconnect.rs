//! How an origin learns through a path that a client has left.
//!
//! Three streams are left: right behind an event by a close and by a reset of their connections, and by a close while
//! nothing flows. Then the origin is asked when it noticed. A path may tell it at once, or when it has something for the
//! client that it can't deliver any more, or never.

use std::io;
use std::time::{Duration, Instant};

use super::tracked::{self, TrackedStream};
use crate::client::origin::{self, StreamState, Told};
use crate::client::{Client, Request};
use crate::shutdown::Deadline;
use crate::stats::{Clock, Exchange};
pub use crate::verdict::endurance::{Leaving, Noticed};

/// Time between two events of the streams that are left behind one.
const INTERVAL: Duration = Duration::from_secs(2);
/// How long the origin may take to notice: four events, and a little for the fourth.
const WATCH: Duration = Duration::from_millis(8500);
/// How long nothing must have come on the stream that is left while nothing flows.
const IDLE: Duration = Duration::from_secs(1);
/// A stream that is not ready to be left by then is not measured.
const READY_MAX: Duration = Duration::from_secs(10);
/// Questions for the origin's clock.
const EXCHANGES: usize = 5;
/// Time between two questions for a stream. When it ended is for the origin to say.
const ASK: Duration = Duration::from_millis(500);
/// By so much an end may seem to come before its cause, beside the error of the clock.
const TOLERANCE_US: i64 = 20_000;

/// How a stream is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DisconnectMode {
    Close,
    Reset,
    Idle,
}

impl DisconnectMode {
    /// The parameters of its stream, which the origin ends if nobody tells it.
    fn pace(self) -> &'static str {
        match self {
            DisconnectMode::Close | DisconnectMode::Reset => "interval=2s&heartbeat=0&duration=1m",
            DisconnectMode::Idle => "interval=1h&heartbeat=0&duration=1m",
        }
    }

    /// Time between two events, if there are to be some.
    fn interval(self) -> Option<Duration> {
        (self != DisconnectMode::Idle).then_some(INTERVAL)
    }
}

/// When a stream was left; Unix microseconds of the origin's clock.
#[derive(Debug, Clone, Copy)]
struct Left {
    at_us: i64,
    /// When it began: event N is due N intervals later, however late the ones before were.
    hello_us: i64,
    /// The clock is wrong by so much at most.
    error_us: i64,
}

/// A stream of the measurement.
struct Stream {
    mode: DisconnectMode,
    id: String,
    state: State,
}

enum State {
    Running(Box<TrackedStream>),
    Left { left: Left, at: Instant, ask_at: Instant },
    Over(Option<Noticed>),
}

/// The origin's clock, with what it relates to.
#[derive(Clone, Copy)]
struct OriginsClock {
    clock: Clock,
    start: Instant,
}

impl OriginsClock {
    fn ask(client: &Client, request: &Request, limits: &Deadline) -> Option<OriginsClock> {
        let start = Instant::now();
        let times = (0..EXCHANGES).map_while(|_| origin::ask(client, request, limits).ok().flatten());
        let exchanges = times.map(|time| Exchange {
            t0_us: us(start, time.timing.written),
            t1_us: time.now_us,
            t3_us: us(start, time.timing.answered),
        });
        let clock = Clock::from_exchanges(&exchanges.collect::<Vec<_>>(), None)?;
        Some(OriginsClock { clock, start })
    }

    fn at(&self, at: Instant) -> i64 {
        us(self.start, at) + self.clock.offset_us
    }
}

fn us(start: Instant, at: Instant) -> i64 {
    at.saturating_duration_since(start).as_micros() as i64
}

/// Measures how the origin learns that a client has left; `request` is the one for a stream of an origin that is ours. It
/// takes 11 s at most where events arrive at once.
///
/// # Errors
/// When the system refuses a thread or a random number.
pub fn measure(client: &Client, request: &Request, limits: &Deadline) -> io::Result<Leaving> {
    let Some(clock) = OriginsClock::ask(client, request, limits) else { return Ok(Leaving::default()) };
    let begun = [DisconnectMode::Close, DisconnectMode::Reset, DisconnectMode::Idle].into_iter().map(|mode| {
        let stream = TrackedStream::start(client, request, mode.pace())?;
        Ok(Stream { mode, id: stream.id.clone(), state: State::Running(Box::new(stream)) })
    });
    let mut streams = begun.collect::<io::Result<Vec<_>>>()?;
    let ask = |id: &str| origin::stream(client, request, id, limits);
    loop {
        streams.iter_mut().for_each(|stream| stream.advance(&clock, &ask));
        // None when all are over.
        let Some(due) = streams.iter().filter_map(Stream::due).min() else { break };
        if !tracked::wait(streams.iter_mut().filter_map(Stream::running), Some(due), limits) {
            break;
        }
    }
    let noticed = |mode| {
        streams.iter().find(|stream| stream.mode == mode).and_then(|stream| match stream.state {
            State::Over(noticed) => noticed,
            State::Running(_) | State::Left { .. } => None,
        })
    };
    Ok(Leaving {
        close: noticed(DisconnectMode::Close),
        reset: noticed(DisconnectMode::Reset),
        idle: noticed(DisconnectMode::Idle),
        error: Some(Duration::from_micros(clock.clock.error_us.max(0) as u64)),
    })
}

impl Stream {
    /// Does what can be done now.
    fn advance(&mut self, clock: &OriginsClock, ask: &impl Fn(&str) -> Option<Told>) {
        let state = std::mem::replace(&mut self.state, State::Over(None));
        self.state = match state {
            State::Running(stream) => self.leave_in_time(stream, clock),
            State::Left { left, at, ask_at } if Instant::now() >= ask_at => {
                let watched = at.elapsed() >= WATCH;
                match ask(&self.id) {
                    Some(Told::Stream(state)) if state.ended_us.is_some() => {
                        State::Over(noticed(&left, self.mode.interval(), &state))
                    }
                    Some(Told::Stream(_)) if watched => State::Over(Some(Noticed::Never)),
                    _ if watched => State::Over(None),
                    _ => State::Left { left, at, ask_at: (ask_at + ASK).min(at + WATCH) },
                }
            }
            other => other,
        };
    }

    /// When there may be something to do even if nothing comes. None when it is over.
    fn due(&self) -> Option<Instant> {
        match &self.state {
            State::Running(stream) => {
                let seen = &stream.seen;
                let idle = seen.last_byte.filter(|_| self.mode == DisconnectMode::Idle && seen.hello_us.is_some());
                Some(idle.map_or(seen.begun + READY_MAX, |at| at + IDLE))
            }
            State::Left { ask_at, .. } => Some(*ask_at),
            State::Over(_) => None,
        }
    }

    fn running(&mut self) -> Option<&mut TrackedStream> {
        if let State::Running(stream) = &mut self.state { Some(stream) } else { None }
    }

    /// Leaves the stream if it is time to.
    fn leave_in_time(&self, stream: Box<TrackedStream>, clock: &OriginsClock) -> State {
        let seen = &stream.seen;
        if seen.end.is_some() || seen.begun.elapsed() >= READY_MAX {
            return State::Over(None);
        }
        let event_us = match self.mode {
            DisconnectMode::Close | DisconnectMode::Reset => seen.newest_us,
            DisconnectMode::Idle => seen.hello_us.filter(|_| seen.last_byte.is_some_and(|at| at.elapsed() >= IDLE)),
        };
        let Some((hello_us, event_us)) = seen.hello_us.zip(event_us) else { return State::Running(stream) };
        let at = Instant::now();
        match self.mode {
            DisconnectMode::Reset => stream.reset(),
            DisconnectMode::Close | DisconnectMode::Idle => drop(stream),
        }
        // What it has read was sent before, whatever the clock says.
        let at_us = clock.at(at).max(event_us);
        let left = Left { at_us, hello_us, error_us: clock.clock.error_us };
        State::Left { left, at, ask_at: at + ASK }
    }
}

/// What a stream's end says of when it was noticed that its client had left. Which event is due when does not depend on how
/// well the clock is known.
fn noticed(left: &Left, interval: Option<Duration>, state: &StreamState) -> Option<Noticed> {
    let ended_us = state.ended_us.filter(|_| state.ended_by.as_deref() == Some("client"))?;
    let after_us = ended_us - left.at_us;
    if after_us < -left.error_us - TOLERANCE_US {
        // Something else has ended it.
        return None;
    }
    let events =
        |at_us: i64| interval.map_or(0, |interval| (at_us - left.hello_us).max(0) / interval.as_micros() as i64);
    match u32::try_from(events(ended_us) - events(left.at_us)) {
        Ok(events @ 1..) => Some(Noticed::AtEvent(events)),
        _ => Some(Noticed::Within(Duration::from_micros(after_us.max(0) as u64))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_noticed_before_an_event_or_at_one() {
        let unix_us = 1_795_262_866_208_411;
        let left = Left { at_us: unix_us + 30_000, hello_us: unix_us - 2_000_000, error_us: 10_000 };
        let at = |ended_ms: i64, by: &str, interval| {
            let state = StreamState {
                opened_us: unix_us - 2_000_000,
                ended_us: Some(unix_us + ended_ms * 1000),
                ended_by: Some(by.to_owned()),
                events: 1,
            };
            noticed(&left, interval, &state)
        };
        let within = |ms| Some(Noticed::Within(Duration::from_millis(ms)));
        let event = |nth| Some(Noticed::AtEvent(nth));
        let table = [
            (32, within(2)),
            (25, within(0)),
            (-10, None),
            (1990, within(1960)),
            (2001, event(1)),
            (3999, event(1)),
            (4001, event(2)),
            (8001, event(4)),
        ];
        for (ended_ms, expected) in table {
            assert_eq!(at(ended_ms, "client", Some(INTERVAL)), expected, "{ended_ms}");
        }
        assert_eq!(at(5030, "client", None), within(5000));
        assert_eq!(at(32, "shutdown", None), None);
        let late = Left { at_us: unix_us + 2_500_000, ..left };
        let state = StreamState {
            opened_us: 0,
            ended_us: Some(unix_us + 4_001_000),
            ended_by: Some("client".to_owned()),
            events: 2,
        };
        assert_eq!(noticed(&late, Some(INTERVAL), &state), event(1), "the one before had come by then");
    }

    #[test]
    fn milliseconds_are_those_of_a_close() {
        let leaving = |close| Leaving { close, reset: Some(Noticed::Within(Duration::ZERO)), ..Leaving::default() };
        assert_eq!(leaving(Some(Noticed::Within(Duration::from_micros(1500)))).disconnect_ms(), Some(1.5));
        assert_eq!(leaving(Some(Noticed::AtEvent(1))).disconnect_ms(), None);
        assert_eq!(leaving(None).disconnect_ms(), None);
    }
}
