//! From what the client saw and the kernel counted to the figures that are printed.

use std::time::Duration;

use crate::client::{Client, Connection};
use crate::stream::Record;

/// All servers send one event a second.
pub(crate) const INTERVAL_US: u64 = 1_000_000;
/// How late an event may arrive before it counts as missing at the end: far more than any load makes it.
const ARRIVAL_DEADLINE_US: u64 = 1_000_000;

/// Everything that is measured of one server with one number of streams; see [`METRICS`] for the units.
#[derive(Clone, Default)]
pub(crate) struct Figures {
    pub(crate) startup_ms: f64,
    pub(crate) first_event_ms: Spread,
    pub(crate) connections_per_s: f64,
    pub(crate) cpu_ms_per_connection: f64,
    pub(crate) jitter_ms: Spread,
    pub(crate) lag_ms: Spread,
    pub(crate) cpu_ms_per_1000: f64,
    pub(crate) scheduled_per_event: f64,
    pub(crate) idle_pss_mib: f64,
    pub(crate) pss_kib_per_stream: f64,
    pub(crate) threads_per_stream: f64,
    pub(crate) descriptors_per_stream: f64,
    pub(crate) hang_up_ms: Spread,
    pub(crate) release_all_ms: f64,
    pub(crate) close_all_ms: f64,
    pub(crate) shutdown_ms: f64,
    /// What went wrong, in sentences; empty when the figures can be trusted.
    pub(crate) faults: Vec<String>,
}

/// One line of the tables.
pub(crate) struct Metric {
    pub(crate) name: &'static str,
    /// A heading for the combined table, or none to leave it out there.
    pub(crate) short: Option<&'static str>,
    pub(crate) decimals: usize,
    pub(crate) value: fn(&Figures) -> f64,
}

impl Metric {
    const fn new(name: &'static str, decimals: usize, value: fn(&Figures) -> f64) -> Self {
        Self { name, short: None, decimals, value }
    }

    const fn short(self, short: &'static str) -> Self {
        Self { short: Some(short), ..self }
    }
}

/// All lines of the tables, in their order.
pub(crate) const METRICS: &[Metric] = &[
    Metric::new("start to `listening`, ms", 1, |f| f.startup_ms),
    Metric::new("first event p50, ms", 2, |f| f.first_event_ms.p50).short("first event p50 ms"),
    Metric::new("first event p99, ms", 2, |f| f.first_event_ms.p99).short("p99"),
    Metric::new("short connections/s", 0, |f| f.connections_per_s).short("conn/s"),
    Metric::new("CPU ms a short connection", 3, |f| f.cpu_ms_per_connection).short("CPU ms / conn"),
    Metric::new("jitter p50, ms", 3, |f| f.jitter_ms.p50),
    Metric::new("jitter p99, ms", 3, |f| f.jitter_ms.p99).short("jitter p99 ms"),
    Metric::new("jitter max, ms", 2, |f| f.jitter_ms.max).short("max"),
    Metric::new("lag p99 (with the client's), ms", 2, |f| f.lag_ms.p99).short("lag p99 ms"),
    Metric::new("CPU ms per 1000 events", 1, |f| f.cpu_ms_per_1000).short("CPU ms / 1000 events"),
    Metric::new("times scheduled per event", 2, |f| f.scheduled_per_event),
    Metric::new("idle PSS, MiB", 2, |f| f.idle_pss_mib),
    Metric::new("PSS a stream, KiB", 1, |f| f.pss_kib_per_stream).short("PSS KiB / stream"),
    Metric::new("threads a stream", 2, |f| f.threads_per_stream).short("threads"),
    Metric::new("descriptors a stream", 2, |f| f.descriptors_per_stream).short("fds"),
    Metric::new("one hang-up noticed p50, ms", 2, |f| f.hang_up_ms.p50).short("hang-up p50 ms"),
    Metric::new("one hang-up noticed max, ms", 2, |f| f.hang_up_ms.max),
    Metric::new("all hang-ups released, ms", 0, |f| f.release_all_ms).short("release all ms"),
    Metric::new("  of which the client's closing, ms", 0, |f| f.close_all_ms),
    Metric::new("SIGTERM to exit, ms", 1, |f| f.shutdown_ms),
];

/// Percentiles by nearest rank.
#[derive(Clone, Copy, Default)]
pub(crate) struct Spread {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

impl Spread {
    /// NaN for no values, which the tables show as a dash.
    pub(crate) fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let rank = |percent: usize| (values.len() * percent).div_ceil(100).saturating_sub(1);
        let at = |percent| values.get(rank(percent)).copied().unwrap_or(f64::NAN);
        Self { p50: at(50), p99: at(99), max: at(100) }
    }
}

/// The middle value, the lower of two.
pub(crate) fn median(values: Vec<f64>) -> f64 {
    Spread::of(values).p50
}

pub(crate) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// A span of Unix time in microseconds.
#[derive(Clone, Copy)]
pub(crate) struct Span {
    pub(crate) from_us: u64,
    pub(crate) to_us: u64,
}

impl Span {
    fn holds(self, time_us: u64) -> bool {
        (self.from_us..=self.to_us).contains(&time_us)
    }
}

/// Events that the server sent within `span`.
pub(crate) fn events_sent(client: &Client, span: Span) -> usize {
    records(client).filter(|record| span.holds(record.sent_us)).count()
}

/// How far each event of the window was sent behind the grid of its stream.
///
/// The grid is the earliest that the stream's events allow: the least of `sent_us - seq * interval` over all of them.
/// It holds nothing of the client's own delays. One event a stream has no deviation, by definition.
pub(crate) fn jitter_ms(client: &Client, window: Span) -> Spread {
    let mut deviations = Vec::new();
    for connection in client.connections() {
        let Some(grid_us) = grid_us(connection) else { continue };
        let in_window = connection.reader().records().iter().filter(|record| window.holds(record.sent_us));
        deviations.extend(in_window.map(|record| (phase_us(record) - grid_us) as f64 / 1e3));
    }
    Spread::of(deviations)
}

/// From an event's sending to the client's read.
pub(crate) fn lag_ms(client: &Client, window: Span) -> Spread {
    let in_window = records(client).filter(|record| window.holds(record.sent_us));
    Spread::of(
        in_window.map(|record| (record.arrived_us.cast_signed() - record.sent_us.cast_signed()) as f64 / 1e3).collect(),
    )
}

/// What is wrong with the events that arrived until `end_us`: sentences, none if all is well.
pub(crate) fn sequence_faults(client: &Client, end_us: u64) -> Vec<String> {
    let (mut ended, mut silent, mut missing, mut repeated, mut disordered) = (0, 0, 0, 0, 0);
    for connection in client.connections() {
        let Some(grid_us) = grid_us(connection) else {
            silent += 1;
            continue;
        };
        ended += u64::from(connection.ended());
        let arrived: Vec<u64> = connection.reader().records().iter().map(|record| record.seq).collect();
        let mut distinct = arrived.clone();
        distinct.sort_unstable();
        distinct.dedup();
        let latest_due = ((end_us - ARRIVAL_DEADLINE_US).cast_signed() - grid_us) / INTERVAL_US.cast_signed();
        let highest = distinct.last().copied().unwrap_or(0).max(u64::try_from(latest_due).unwrap_or(0));
        missing += highest.saturating_sub(distinct.len() as u64);
        repeated += (arrived.len() - distinct.len()) as u64;
        disordered += arrived.windows(2).filter(|pair| pair[1] < pair[0]).count() as u64;
    }
    [
        (ended, "streams ended by the server"),
        (silent, "streams without any event"),
        (missing, "events missing"),
        (repeated, "events repeated"),
        (disordered, "events out of order"),
    ]
    .into_iter()
    .filter(|&(count, _)| count > 0)
    .map(|(count, what)| format!("{count} {what}"))
    .collect()
}

fn records(client: &Client) -> impl Iterator<Item = &Record> {
    client.connections().flat_map(|connection| connection.reader().records())
}

fn grid_us(connection: &Connection) -> Option<i64> {
    connection.reader().records().iter().map(phase_us).min()
}

fn phase_us(record: &Record) -> i64 {
    record.sent_us.cast_signed() - (record.seq * INTERVAL_US).cast_signed()
}
