//! The origin's clock, as far as exchanges of its `/time` tell.

/// One request for the origin's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exchange {
    /// The writing of the request was begun; the probe's clock.
    pub t0_us: i64,
    /// What the origin said; its own clock, Unix time.
    pub t1_us: i64,
    /// The answer was there; the probe's clock.
    pub t3_us: i64,
}

impl Exchange {
    fn round_trip_us(&self) -> i64 {
        self.t3_us - self.t0_us
    }
}

/// How the origin's clock relates to the probe's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    /// The origin's clock (Unix time) less the probe's (since its start). Less the Unix time of the probe's start, it is
    /// the difference between the two machines' clocks.
    pub offset_us: i64,
    /// The offset is wrong by this at most: half the least round trip.
    pub error_us: i64,
    /// What the path takes one way when nothing is held, to be taken off every lag.
    pub path_us: i64,
    /// The part of the error that may hide a lag. A TCP handshake is answered without being held, so that its share of
    /// the round trip is taken to be as long forth as back.
    pub doubt_us: i64,
    /// Whether there was an exchange at all; if not, the fastest event is taken to have been on time.
    pub is_measured: bool,
    /// By how much exchanges contradict each other at least: the clock was set, or there are several. Then no lag is known.
    pub contradiction_us: i64,
}

/// The doubt about a clock that was never asked for.
const UNKNOWN_US: i64 = i64::MAX / 4;

impl Clock {
    /// The clock after some exchanges, of which the one with the least round trip counts, as in NTP
    /// (RFC 5905, section 8): offset = t1 − (t0 + t3) / 2. None without a usable exchange.
    ///
    /// `connect_us` is how long the TCP handshake took, if one was made: that part of the round trip is in no doubt. What
    /// goes beyond is a long way behind a near edge, or an answer that is held as the events are.
    pub fn from_exchanges(exchanges: &[Exchange], connect_us: Option<i64>) -> Option<Clock> {
        let usable = exchanges.iter().filter(|exchange| exchange.round_trip_us() >= 0);
        let best = usable.min_by_key(|exchange| exchange.round_trip_us())?;
        let half = best.round_trip_us() / 2;
        Some(Clock {
            offset_us: best.t1_us - best.t0_us - half,
            error_us: half,
            path_us: half,
            doubt_us: half - connect_us.unwrap_or(0).min(best.round_trip_us()) / 2,
            is_measured: true,
            contradiction_us: contradiction_us(exchanges),
        })
    }

    /// The clock of an origin that is asked on two ways, a near one that tells its time exactly and a far one, after some
    /// exchanges on each. What the far way takes forth and back is known each by itself then: what is held shows on the way
    /// back alone, so that the shorter of both is what it takes when nothing is held. None without a usable exchange on each.
    pub fn from_near_and_far(near: &[Exchange], far: &[Exchange]) -> Option<Clock> {
        let clock = Clock::from_exchanges(near, None)?;
        let usable = far.iter().filter(|exchange| exchange.round_trip_us() >= 0);
        let best = usable.min_by_key(|exchange| exchange.round_trip_us())?;
        let forth_us = clock.to_probe(best.t1_us) - best.t0_us;
        let back_us = best.round_trip_us() - forth_us;
        let path_us = forth_us.min(back_us).max(0);
        Some(Clock { path_us, contradiction_us: contradiction_us(&[near, far].concat()), ..clock })
    }

    /// The clock when nothing is known but the least of all `arrival − sent`: waits can be compared, a lag that every
    /// event has can't be seen.
    pub fn from_least_transit(transit_us: i64) -> Clock {
        let offset_us = -transit_us;
        Clock {
            offset_us,
            error_us: UNKNOWN_US,
            path_us: 0,
            doubt_us: UNKNOWN_US,
            is_measured: false,
            contradiction_us: 0,
        }
    }

    /// A time of the origin's clock on the probe's.
    pub fn to_probe(&self, origin_us: i64) -> i64 {
        origin_us - self.offset_us
    }

    /// How much longer than the path needs it took from `sent_us` (origin's clock) to `at_us` (probe's).
    pub fn excess_us(&self, sent_us: i64, at_us: i64) -> i64 {
        at_us - self.to_probe(sent_us) - self.path_us
    }
}

/// The origin took its time between the request and the answer, so that each exchange has bounds for the offset: how far
/// apart those of different exchanges are.
fn contradiction_us(exchanges: &[Exchange]) -> i64 {
    let usable = || exchanges.iter().filter(|exchange| exchange.round_trip_us() >= 0);
    let least_us = usable().map(|exchange| exchange.t1_us - exchange.t3_us).max();
    let most_us = usable().map(|exchange| exchange.t1_us - exchange.t0_us).min();
    least_us.zip(most_us).map_or(0, |(least, most)| (least - most).max(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIX: i64 = 1_763_724_597_000_000;

    fn exchange(t0: i64, forth: i64, back: i64) -> Exchange {
        Exchange { t0_us: t0, t1_us: UNIX + t0 + forth, t3_us: t0 + forth + back }
    }

    #[test]
    fn the_least_round_trip_wins() {
        let exchanges = [exchange(0, 90_000, 1_000), exchange(200_000, 1_000, 3_000), exchange(300_000, 1_000, 50_000)];
        let clock = Clock::from_exchanges(&exchanges, None).unwrap();
        assert_eq!(clock.offset_us, UNIX - 1_000, "wrong by half the asymmetry");
        assert_eq!((clock.error_us, clock.path_us, clock.doubt_us), (2_000, 2_000, 2_000));
        assert_eq!(clock.excess_us(UNIX + 500_000, 502_000), -1_000);
    }

    #[test]
    fn a_handshake_limits_latency_and_doubt() {
        let held = [exchange(0, 1_000, 201_000)];
        let clock = Clock::from_exchanges(&held, Some(2_000)).unwrap();
        assert_eq!((clock.error_us, clock.path_us, clock.doubt_us), (101_000, 101_000, 100_000));
        let direct = Clock::from_exchanges(&[exchange(0, 40_000, 40_200)], Some(80_000)).unwrap();
        assert_eq!((direct.path_us, direct.doubt_us), (40_100, 100));
        let slow_handshake = Clock::from_exchanges(&[exchange(0, 1_000, 1_000)], Some(30_000)).unwrap();
        assert_eq!((slow_handshake.path_us, slow_handshake.doubt_us), (1_000, 0));
    }

    #[test]
    fn a_near_way_tells_the_time_and_a_far_one_how_long_it_is() {
        let near = [exchange(0, 90, 110), exchange(50_000, 4_000, 100)];
        let far = [exchange(10_000, 150_000, 152_000), exchange(90_000, 400_000, 150_000)];
        let clock = Clock::from_near_and_far(&near, &far).unwrap();
        assert_eq!((clock.offset_us, clock.error_us, clock.doubt_us), (UNIX - 10, 100, 100));
        assert_eq!((clock.path_us, clock.contradiction_us), (150_010, 0));
        assert_eq!(clock.excess_us(UNIX + 500_000, 655_000), 4_980);
        // An answer that is held as events are: its way back tells nothing of the path.
        let held = Clock::from_near_and_far(&near, &[exchange(10_000, 1_000, 201_000)]).unwrap();
        assert_eq!((held.path_us, held.excess_us(UNIX, 201_000)), (1_010, 199_980));
        assert_eq!((Clock::from_near_and_far(&near, &[]), Clock::from_near_and_far(&[], &far)), (None, None));
        let mut set = far;
        set.iter_mut().for_each(|exchange| exchange.t1_us += 3_600_000_000);
        assert!(Clock::from_near_and_far(&near, &set).unwrap().contradiction_us > 3_590_000_000);
    }

    #[test]
    fn a_clock_that_was_set_contradicts_itself() {
        let slow = [exchange(0, 1_000, 1_000), exchange(500_000, 90_000, 1_000), exchange(900_000, 1_000, 90_000)];
        assert_eq!(Clock::from_exchanges(&slow, None).unwrap().contradiction_us, 0);
        for step_us in [-3_600_000_000, 3_600_000_000] {
            let mut set = slow;
            set[2].t1_us += step_us;
            let contradiction_us = Clock::from_exchanges(&set, None).unwrap().contradiction_us;
            assert!((3_599_000_000..=3_600_000_000).contains(&contradiction_us), "{contradiction_us}");
        }
    }

    #[test]
    fn nothing_usable_is_no_clock() {
        assert_eq!(Clock::from_exchanges(&[], None), None);
        assert_eq!(Clock::from_exchanges(&[Exchange { t0_us: 5, t1_us: 0, t3_us: 4 }], None), None);
    }
}
