//! Which streams tell most about a path.
//!
//! Bytes and time are told apart by pace: the same buffer fills at different speeds, the same timer releases different
//! amounts. So four streams run at once, each ended by the origin, because what comes with the end tells a hold from
//! silence.

use std::time::Duration;

use crate::http::MediaType;
use crate::schedule::plan::Plan;
use crate::stats::StreamSpec;
use crate::units::format_duration;
use crate::verdict::WITHIN_US;

/// Time between two small events, unless another is asked for.
pub const INTERVAL: Duration = Duration::from_millis(100);
/// How long the longest stream runs, unless another time is asked for.
pub const DURATION: Duration = Duration::from_secs(8);

/// The slow stream's interval. It has to be above the tolerance: an event that is released by the next one is late then.
const SLOW: Duration = Duration::from_secs(1);
/// The fast stream's interval at most.
const FAST_MAX: Duration = Duration::from_millis(20);
/// The fast stream's events at most: 3 MB.
const FAST_COUNT_MAX: u64 = 1500;
/// A stream of fewer events tells little.
const COUNT_MIN: u64 = 5;
/// An interval that the user gave without a duration gets so many events.
const COUNT_BY_INTERVAL: u32 = 10;

/// Which streams to ask for.
#[derive(Debug, Clone, Copy)]
pub struct MeasurePlan {
    /// Time between two small events.
    pub interval: Option<Duration>,
    /// How long the longest stream runs.
    pub duration: Option<Duration>,
    /// Most an event may lag and still be in real time.
    pub within: Duration,
    /// Without the header fields that cure some paths.
    pub plain: bool,
    /// One stream without end.
    pub endless: bool,
    /// How many streams of different pace.
    pub paces: Paces,
}

/// How many streams of different pace.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Paces {
    /// Four: they name the verdict, and explain it.
    #[default]
    Four,
    /// Two of small events: they tell whether a path streams.
    Two,
    /// One of small events, further apart than the tolerance, and than a corked socket holds them: it tells so, too, but
    /// for what comes with many events.
    One,
}

impl Default for MeasurePlan {
    fn default() -> MeasurePlan {
        MeasurePlan {
            interval: None,
            duration: None,
            within: Duration::from_micros(WITHIN_US as u64),
            plain: false,
            endless: false,
            paces: Paces::default(),
        }
    }
}

/// A stream to ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StreamPlan {
    pub(crate) spec: StreamSpec,
    /// What to add to the URL's query, but for the nonce.
    pub(crate) parameters: Vec<(&'static str, String)>,
    /// Whether a nonce goes with it: the user gave no id.
    pub(crate) wants_nonce: bool,
    /// Whether another content type than that of event streams was asked for.
    pub(crate) any_type: bool,
    /// How long the origin takes from the request to the end; none if it never ends the stream.
    pub(crate) lasts: Option<Duration>,
}

impl MeasurePlan {
    /// How long the longest stream runs.
    pub(crate) fn run(&self) -> Duration {
        let by_interval = self.interval.map_or(DURATION, |interval| DURATION.max(interval * COUNT_BY_INTERVAL));
        self.duration.unwrap_or(by_interval)
    }

    /// The streams to ask our origin for, the one that names the verdict first. What the URL's query has is kept, and
    /// taken to be known.
    pub(crate) fn streams(&self, query: &str) -> Vec<StreamPlan> {
        let given = QueryParams::of(query);
        let interval = self.interval.unwrap_or(if self.endless { SLOW } else { INTERVAL });
        let main = self.run() * 3 / 4;
        let fast = FAST_MAX.min(interval / 5).max(Duration::from_millis(1));
        let slow = SLOW.max(self.within * 2);
        let slow = if slow == interval { slow * 2 } else { slow };
        let middle = (interval * 7 / 2).max(self.within * 2);
        let four = [
            ("S", interval, 0, main, u64::MAX),
            ("M", interval, 1000, main, u64::MAX),
            ("L", fast, 2000, main, FAST_COUNT_MAX),
            ("W", slow, 0, self.run(), u64::MAX),
        ];
        let rows = match self.paces {
            Paces::Four => four.to_vec(),
            Paces::Two => vec![four[0], four[3]],
            Paces::One => vec![("V", middle, 0, main, u64::MAX)],
        };
        let wanted = |(name, interval, size, run, count_max): (&str, Duration, u64, Duration, u64)| {
            let interval = given.plan.interval.unwrap_or(interval);
            let count = (run.as_micros() / interval.as_micros().max(1)) as u64;
            let count = (!given.is_endless(self.endless)).then(|| count.clamp(COUNT_MIN, count_max));
            let size = given.plan.size.map_or(size, |size| size as u64);
            self.wanted(&given, name, interval, size, given.plan.count.or(count))
        };
        let mut streams: Vec<StreamPlan> = Vec::new();
        for stream in rows.into_iter().map(wanted) {
            let same = |other: &StreamPlan| {
                (other.spec.interval_us, other.spec.size) == (stream.spec.interval_us, stream.spec.size)
            };
            if !streams.iter().any(same) {
                streams.push(stream);
            }
        }
        // The same id can't be used twice, a named stream is one for all, and to watch on one is enough.
        let is_single = given.plan.id.is_some() || given.is_endless(self.endless);
        streams.truncate(if is_single { 1 } else { streams.len() });
        streams
    }

    fn wanted(&self, given: &QueryParams, name: &str, interval: Duration, size: u64, count: Option<u64>) -> StreamPlan {
        let is_named = given.plan.stream.is_some();
        let cures = if self.plain { vec![("accel", "none".to_owned()), ("cache", "none".to_owned())] } else { vec![] };
        let parameters = [
            (!is_named).then(|| ("interval", format_duration(interval))),
            (size > 0 && !is_named).then(|| ("size", size.to_string())),
            count.map(|count| ("count", count.to_string())),
        ];
        let parameters = parameters.into_iter().flatten().chain(cures);
        let parameters = parameters.filter(|(name, _)| !given.names.iter().any(|given| given == name)).collect();
        let sending = count.map(|count| interval * u32::try_from(count).unwrap_or(u32::MAX));
        let lasts = sending.into_iter().chain(given.plan.duration).min();
        let late = given.plan.delay + given.plan.head_delay;
        // Behind these it says nothing, and stays.
        let most = given.plan.silent_after.unwrap_or(u64::MAX);
        StreamPlan {
            spec: StreamSpec {
                name: name.to_owned(),
                interval_us: i64::try_from(interval.as_micros()).unwrap_or(i64::MAX),
                size,
                // Which of both ends it first is not worth knowing: then no number of events is expected.
                count: count.filter(|_| given.plan.duration.is_none()).map(|count| count.min(most)),
            },
            parameters,
            wants_nonce: given.plan.id.is_none(),
            any_type: !MediaType::of(given.plan.content_type).is_event_stream(),
            lasts: lasts.map(|lasts| lasts + late),
        }
    }
}

/// What the user's query says.
struct QueryParams {
    plan: Plan,
    names: Vec<String>,
}

impl QueryParams {
    fn of(query: &str) -> QueryParams {
        let names = form_urlencoded::parse(query.as_bytes()).map(|(name, _)| name.into_owned()).collect();
        // The origin itself tells what is wrong with a query.
        QueryParams { plan: Plan::parse(query).unwrap_or_default(), names }
    }

    /// A named stream has its own pace, and is left when enough was seen of it.
    fn is_endless(&self, is_watched: bool) -> bool {
        is_watched || self.plan.stream.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: MeasurePlan = MeasurePlan {
        interval: None,
        duration: None,
        within: Duration::from_millis(100),
        plain: false,
        endless: false,
        paces: Paces::Four,
    };

    /// The streams in short.
    fn streams(plan: MeasurePlan, query: &str) -> Vec<String> {
        let short = |wanted: StreamPlan| {
            let parameters: Vec<_> = wanted.parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
            format!("{} {}", wanted.spec.name, parameters.join("&"))
        };
        plan.streams(query).into_iter().map(short).collect()
    }

    #[test]
    fn four_paces() {
        let expected = [
            "S interval=100ms&count=60",
            "M interval=100ms&size=1000&count=60",
            "L interval=20ms&size=2000&count=300",
            "W interval=1s&count=8",
        ];
        assert_eq!(streams(PLAN, ""), expected);
        assert_eq!(PLAN.streams("").iter().map(|wanted| wanted.lasts.unwrap()).max(), Some(DURATION));
    }

    #[test]
    fn fewer_paces() {
        assert_eq!(
            streams(MeasurePlan { paces: Paces::Two, ..PLAN }, ""),
            ["S interval=100ms&count=60", "W interval=1s&count=8"]
        );
        assert_eq!(streams(MeasurePlan { paces: Paces::One, ..PLAN }, "size=32k"), ["V interval=350ms&count=17"]);
        let tolerant = MeasurePlan { paces: Paces::One, within: Duration::from_secs(1), ..PLAN };
        assert_eq!(streams(tolerant, ""), ["V interval=2s&count=5"]);
    }

    #[test]
    fn the_users_time_and_pace() {
        let plan = MeasurePlan { interval: Some(Duration::from_secs(1)), plain: true, ..PLAN };
        let expected = [
            "S interval=1s&count=7&accel=none&cache=none",
            "M interval=1s&size=1000&count=7&accel=none&cache=none",
            "L interval=20ms&size=2000&count=375&accel=none&cache=none",
            "W interval=2s&count=5&accel=none&cache=none",
        ];
        assert_eq!(streams(plan, ""), expected);
        let short = MeasurePlan { duration: Some(Duration::from_secs(1)), ..PLAN };
        assert_eq!(streams(short, "")[3], "W interval=1s&count=5");
        let long = MeasurePlan { duration: Some(Duration::from_secs(600)), ..PLAN };
        assert_eq!(streams(long, "")[2], "L interval=20ms&size=2000&count=1500");
    }

    #[test]
    fn what_the_query_has_is_kept_and_known() {
        assert_eq!(streams(PLAN, "interval=50ms"), ["S count=120", "M size=1000&count=120", "L size=2000&count=120"]);
        assert_eq!(streams(PLAN, "size=10&interval=2s&count=3"), ["S "]);
        let limited = PLAN.streams("duration=2s");
        assert_eq!((limited[0].spec.count, limited[0].lasts), (None, Some(Duration::from_secs(2))));
        let silent = &PLAN.streams("silent_after=3")[0];
        assert_eq!((silent.spec.count, &silent.parameters[1]), (Some(3), &("count", "60".to_owned())));
        let delayed = PLAN.streams("count=10&delay=1s&head_delay=500ms");
        assert_eq!((delayed[0].spec.count, delayed[0].lasts), (Some(10), Some(Duration::from_millis(2500))));
    }

    #[test]
    fn one_stream_where_several_make_no_sense() {
        assert_eq!(streams(PLAN, "id=0123456789abcdef"), ["S interval=100ms&count=60"]);
        assert_eq!(streams(PLAN, "stream=news"), ["S "]);
        assert_eq!(streams(MeasurePlan { endless: true, ..PLAN }, ""), ["S interval=1s"]);
    }
}
