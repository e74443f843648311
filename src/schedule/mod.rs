//! When a stream's next event, heartbeat or end is due: absolute deadlines, so that nothing drifts.
//!
//! Pure: time comes in as an argument.

pub mod plan;

use std::time::{Duration, Instant};

/// What is due next on a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// The numbered event with this id.
    Event(u64),
    /// A comment, because the stream was idle for long.
    Heartbeat,
    /// The end of the stream.
    End(Ending),
}

/// Why a stream ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// All events that were asked for have been sent.
    Count,
    /// Its time is over.
    Duration,
}

/// Who decides when the events of a stream are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// The stream: event `base + N` is due at `start + N x interval`.
    Own {
        /// Time from one event to the next.
        interval: Duration,
    },
    /// The ticker of a named stream.
    Shared,
}

/// The limits within which a stream runs.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// Who sends the events.
    pub clock: Clock,
    /// The id that came before the first event: 0, or the one after which the client resumes.
    pub base: u64,
    /// The id of the last event.
    pub last: Option<u64>,
    /// The number of events after which the stream says nothing more, heartbeats included, and stays open.
    pub silent_after: Option<u64>,
    /// How long the stream lasts.
    pub lifetime: Duration,
    /// The idle time after which a comment is sent.
    pub heartbeat: Option<Duration>,
}

/// A running stream's schedule.
#[derive(Debug, Clone)]
pub struct Schedule {
    terms: Terms,
    start: Instant,
    /// The id of the newest event that was sent.
    sent: u64,
    last_write: Instant,
}

impl Schedule {
    /// The schedule of a stream whose hello event is sent at `start`.
    pub fn new(terms: Terms, start: Instant) -> Schedule {
        Schedule { terms, start, sent: terms.base, last_write: start }
    }

    /// Records that event `seq` was sent at `now`.
    pub fn sent(&mut self, seq: u64, now: Instant) {
        self.sent = seq;
        self.last_write = now;
    }

    /// Records that something that is no event was written at `now`.
    pub fn wrote(&mut self, now: Instant) {
        self.last_write = now;
    }

    /// The id of the newest event that was sent, or the one before the first.
    pub fn newest(&self) -> u64 {
        self.sent
    }

    /// Whether another event is to be sent, before silence or the end.
    pub fn wants_events(&self) -> bool {
        !self.is_silent() && !self.is_complete()
    }

    /// What is due next, and when. An event that is due at the very end of the stream is still sent.
    pub fn next(&self) -> (Instant, Due) {
        let end = (self.start + self.terms.lifetime, Due::End(Ending::Duration));
        if self.is_silent() {
            return end;
        }
        if self.is_complete() {
            return (self.last_write, Due::End(Ending::Count));
        }
        let heartbeat = self.terms.heartbeat.map(|idle| (self.last_write + idle, Due::Heartbeat));
        [self.next_event(), Some(end), heartbeat].into_iter().flatten().min_by_key(|(at, _)| *at).unwrap_or(end)
    }

    fn is_silent(&self) -> bool {
        self.terms.silent_after.is_some_and(|events| self.sent - self.terms.base >= events)
    }

    fn is_complete(&self) -> bool {
        self.terms.last.is_some_and(|last| self.sent >= last)
    }

    fn next_event(&self) -> Option<(Instant, Due)> {
        let Clock::Own { interval } = self.terms.clock else { return None };
        let seq = self.sent + 1;
        let ticks = u32::try_from(seq - self.terms.base).ok()?;
        Some((self.start + interval.checked_mul(ticks)?, Due::Event(seq)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn terms() -> Terms {
        Terms {
            clock: Clock::Own { interval: SECOND },
            base: 0,
            last: None,
            silent_after: None,
            lifetime: 3600 * SECOND,
            heartbeat: None,
        }
    }

    /// What is due, each with its time after the start, when everything is done `late` after it is due.
    fn run(terms: Terms, late: Duration, steps: usize) -> Vec<(Duration, Due)> {
        let start = Instant::now();
        let mut schedule = Schedule::new(terms, start);
        let mut story = Vec::new();
        for _ in 0..steps {
            let (at, due) = schedule.next();
            story.push((at - start, due));
            match due {
                Due::Event(seq) => schedule.sent(seq, at + late),
                Due::Heartbeat => schedule.wrote(at + late),
                Due::End(_) => break,
            }
        }
        story
    }

    #[test]
    fn events_do_not_drift_however_late_they_are() {
        let story = run(terms(), SECOND * 3, 5);
        let expected: Vec<_> = (1..=5).map(|n| (SECOND * n as u32, Due::Event(n))).collect();
        assert_eq!(story, expected);
    }

    #[test]
    fn a_resumed_stream_goes_on_behind_its_base() {
        let story = run(Terms { base: 41, last: Some(43), ..terms() }, Duration::ZERO, 9);
        let end = (SECOND * 2, Due::End(Ending::Count));
        assert_eq!(story, [(SECOND, Due::Event(42)), (SECOND * 2, Due::Event(43)), end]);
    }

    #[test]
    fn no_events_at_all_end_at_once() {
        assert_eq!(run(Terms { last: Some(0), ..terms() }, SECOND, 9), [(Duration::ZERO, Due::End(Ending::Count))]);
    }

    #[test]
    fn the_event_at_the_very_end_is_sent() {
        let story = run(Terms { lifetime: SECOND * 2, ..terms() }, Duration::ZERO, 9);
        assert_eq!(story[1..], [(SECOND * 2, Due::Event(2)), (SECOND * 2, Due::End(Ending::Duration))]);
    }

    #[test]
    fn heartbeats_come_when_idle_only() {
        let beat = Duration::from_millis(400);
        let story = run(Terms { heartbeat: Some(beat), ..terms() }, Duration::ZERO, 4);
        let expected = [
            (beat, Due::Heartbeat),
            (beat * 2, Due::Heartbeat),
            (SECOND, Due::Event(1)),
            (SECOND + beat, Due::Heartbeat),
        ];
        assert_eq!(story, expected);
        let story = run(Terms { heartbeat: Some(SECOND), ..terms() }, Duration::ZERO, 2);
        assert_eq!(story, [(SECOND, Due::Event(1)), (SECOND * 2, Due::Event(2))]);
    }

    #[test]
    fn silence_outlasts_heartbeats_and_the_count() {
        let silent = Terms {
            silent_after: Some(1),
            last: Some(1),
            heartbeat: Some(SECOND / 2),
            lifetime: SECOND * 9,
            ..terms()
        };
        let story = run(silent, Duration::ZERO, 9);
        assert_eq!(story[1..], [(SECOND, Due::Event(1)), (SECOND * 9, Due::End(Ending::Duration))]);
    }

    #[test]
    fn a_follower_of_a_shared_clock_has_no_events_of_its_own() {
        let follower = Terms { clock: Clock::Shared, heartbeat: Some(SECOND), lifetime: SECOND * 2, ..terms() };
        let story = run(follower, Duration::ZERO, 9);
        assert_eq!(story, [(SECOND, Due::Heartbeat), (SECOND * 2, Due::End(Ending::Duration))]);
    }

    #[test]
    fn an_absurd_resumption_does_not_overflow() {
        let story = run(Terms { base: 1 << 53, ..terms() }, Duration::ZERO, 1);
        assert_eq!(story, [(SECOND, Due::Event((1 << 53) + 1))]);
    }
}
