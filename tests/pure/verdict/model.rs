//! A path as a model: what is sent when, in; what is read when, out. Times are microseconds since the probe's start.

// Each test program uses a part of it.
#![allow(dead_code)]

use sse_argo_tester::stats::recording::{
    ClockRecord, HeadRecord, Kind, Recording, RequestRecord, SCHEMA, StreamRecord,
};
use sse_argo_tester::stats::{Clock, Ending, Exchange, Origin, Recorder, StreamSpec, Summary, What};

pub(crate) const MS: i64 = 1_000;
/// The origin's clock at the probe's start.
pub(crate) const UNIX_US: i64 = 1_763_724_597_000_000;
/// Bytes of the hello event.
const HELLO: u64 = 700;
/// Bytes that a read returns at most.
const READ: u64 = 16 * 1024;

/// What the path does to what it carries.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Hold {
    /// Nothing.
    None,
    /// Passes bytes on when `n` are together: all of them, or in pieces of exactly `n`.
    Bytes { n: u64, exactly: bool },
    /// The same, counted as a compressor's output, which is shorter for small events.
    Compressor { n: u64 },
    /// Holds the first bytes.
    StartBytes { n: u64 },
    /// Flushes so long after the first byte that it holds.
    Timer { t: i64 },
    /// Flushes at certain times, whatever it holds.
    Ticks { t: i64, phase: i64 },
    /// Holds everything until a time after the request.
    StartTime { t: i64 },
    /// Holds bytes at the start, and smaller lots afterwards.
    StartThenBytes { start: u64, n: u64 },
    /// Until the origin ends the response.
    Close,
    /// The same, after it has passed on the first write.
    CloseAfterHello,
    /// Each write by the same time.
    Constant { t: i64 },
    /// Each write until the next.
    OneEvent,
    /// Each write until the next, and then until a timer runs out.
    OneEventThenTimer { t: i64 },
    /// Until 205 ms are over or a segment is full.
    Cork,
    /// Passes so many bytes a second.
    Rate { n: u64 },
    /// Nothing ever comes.
    Silent,
    /// Stands still for a while.
    Pause { from: i64, t: i64 },
}

/// What happens to the stream as a whole.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Fate {
    Sound,
    /// Ended by the path.
    Cut {
        at: i64,
        how: Ending,
    },
    /// The origin's end isn't passed on, nor anything after a time.
    Hangs {
        at: i64,
    },
    /// Events of these numbers are lost, come twice, change places with the next, are changed.
    Lost(u64),
    Twice(u64),
    Swapped(u64),
    Changed(u64),
    /// A cache serves what was sent so long ago.
    Replayed {
        age: i64,
    },
    /// The first so many events come again, as when a request is silently repeated.
    Restarted(u64),
}

/// A path.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Path {
    pub(crate) hold: Hold,
    pub(crate) fate: Fate,
    /// One way, both ways alike.
    pub(crate) latency: i64,
    /// Added to the way back alone.
    pub(crate) asymmetry: i64,
    /// Each write takes up to this longer.
    pub(crate) jitter: i64,
    /// Reads return at multiples of this.
    pub(crate) coalesce: i64,
    /// The hold slows answers to `/time` by this.
    pub(crate) slow_time: i64,
    pub(crate) seed: u64,
}

impl Default for Path {
    fn default() -> Path {
        Path {
            hold: Hold::None,
            fate: Fate::Sound,
            latency: MS,
            asymmetry: 0,
            jitter: 0,
            coalesce: 0,
            slow_time: 0,
            seed: 1,
        }
    }
}

/// The streams of a diagnosis.
pub(crate) fn four() -> Vec<StreamSpec> {
    [("S", 100, 0, 60), ("M", 100, 1024, 60), ("L", 20, 2048, 300), ("W", 1000, 0, 8)]
        .map(|(name, interval_ms, size, count)| spec(name, interval_ms, size, count))
        .to_vec()
}

pub(crate) fn spec(name: &str, interval_ms: i64, size: u64, count: u64) -> StreamSpec {
    StreamSpec { name: name.to_owned(), interval_us: interval_ms * MS, size, count: Some(count) }
}

/// An event as it is in the stream.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Event {
    /// 0 is the hello event.
    pub(crate) seq: u64,
    /// The probe's clock.
    pub(crate) sent_us: i64,
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) intact: bool,
}

/// What there is to see of a stream.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) spec: StreamSpec,
    pub(crate) origin: Origin,
    pub(crate) requested_us: i64,
    pub(crate) events: Vec<Event>,
    /// Arrival, bytes of the body, bytes of the content.
    pub(crate) reads: Vec<(i64, u64, u64)>,
    pub(crate) end: (Ending, i64),
}

/// What there is to see of a run.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) streams: Vec<Seen>,
    pub(crate) exchanges: Vec<Exchange>,
    pub(crate) connect_us: i64,
}

impl Run {
    pub(crate) fn clock(&self) -> Clock {
        Clock::from_exchanges(&self.exchanges, Some(self.connect_us)).unwrap()
    }

    pub(crate) fn summaries(&self, clock: Option<&Clock>) -> Vec<Summary> {
        self.streams.iter().map(|seen| seen.record().summary(clock, &[])).collect()
    }

    /// The run as a recording.
    pub(crate) fn recording(&self) -> Recording {
        let exchange = |e: &Exchange| (e.t0_us, e.t1_us - UNIX_US, e.t3_us);
        let ends = self.streams.iter().map(|seen| seen.end.1);
        Recording {
            schema: SCHEMA,
            kind: Kind::Probe,
            program: "model".to_owned(),
            request: RequestRecord {
                url: "http://localhost:3000/events".to_owned(),
                method: "GET".to_owned(),
                headers: Vec::new(),
            },
            origin: Some(self.streams[0].origin),
            within_ms: 100,
            unix_us: UNIX_US,
            clock: ClockRecord {
                connect_us: Some(self.connect_us),
                exchanges: self.exchanges.iter().map(exchange).collect(),
                ..ClockRecord::default()
            },
            stalls: Vec::new(),
            hidden: Vec::new(),
            away: Vec::new(),
            elapsed_us: ends.max().unwrap(),
            streams: self.streams.iter().map(Seen::stream_record).collect(),
            live: None,
            observer: None,
            begun_us: 0,
            is_cancelled: false,
        }
    }
}

impl Seen {
    pub(crate) fn record(&self) -> Recorder {
        self.told(Recorder::new(self.spec.clone(), self.origin, self.requested_us))
    }

    fn record_with_journal(&self) -> Recorder {
        let mut recorder = Recorder::new(self.spec.clone(), self.origin, self.requested_us);
        recorder.keep_journal();
        self.told(recorder)
    }

    fn told(&self, mut recorder: Recorder) -> Recorder {
        let mut events = self.events.iter().peekable();
        for &(at_us, body_end, content_end) in &self.reads {
            recorder.read(at_us, body_end, content_end);
            while let Some(event) = events.next_if(|event| event.end <= content_end) {
                recorder.event(event.what(self.origin), event.start, event.end);
            }
        }
        recorder.end(self.end.0, self.end.1);
        recorder
    }

    /// The stream as recordings have it.
    fn stream_record(&self) -> StreamRecord {
        StreamRecord {
            name: self.spec.name.clone(),
            interval_us: self.spec.interval_us,
            size: self.spec.size,
            count: self.spec.count,
            head: Some(HeadRecord { at_us: self.requested_us, ..HeadRecord::default() }),
            ..self.record_with_journal().journal(UNIX_US).unwrap()
        }
    }
}

impl Event {
    pub(crate) fn what(&self, origin: Origin) -> What {
        let sent_us = self.sent_us + UNIX_US;
        match (origin, self.seq) {
            (Origin::Foreign, seq) => What::Foreign { id: Some(seq) },
            (Origin::Ours, 0) => What::Hello { sent_us },
            (Origin::Ours, seq) => What::Numbered { seq, sent_us, intact: self.intact },
        }
    }
}

/// Runs streams over a path.
pub(crate) fn run(specs: &[StreamSpec], path: &Path) -> Run {
    let mut rng = fastrand::Rng::with_seed(path.seed);
    // The probe asks for larger events later.
    let head_start = |spec: &StreamSpec| 200 * MS * specs.iter().filter(|other| other.size < spec.size).count() as i64;
    let streams = specs.iter().map(|spec| stream(spec, head_start(spec), path, &mut rng)).collect();
    let exchange = |n: i64, rng: &mut fastrand::Rng| {
        let t0 = -1_000 * MS + n * 100 * MS;
        let t1 = t0 + path.latency + noise(rng, path.jitter);
        let t3 = t1 + path.latency + path.asymmetry + path.slow_time + noise(rng, path.jitter);
        Exchange { t0_us: t0, t1_us: UNIX_US + t1 + 100, t3_us: t3 + 200 }
    };
    let exchanges = (0..8).map(|n| exchange(n, &mut rng)).collect();
    let connect_us = 2 * path.latency + path.asymmetry + noise(&mut rng, path.jitter);
    Run { streams, exchanges, connect_us }
}

fn noise(rng: &mut fastrand::Rng, most: i64) -> i64 {
    if most > 0 { rng.i64(0..=most) } else { 0 }
}

fn stream(spec: &StreamSpec, head_start: i64, path: &Path, rng: &mut fastrand::Rng) -> Seen {
    let requested_us = head_start + rng.i64(0..3 * MS);
    let mut events = sent(spec, requested_us + path.latency);
    let origin_end = events.last().unwrap().sent_us + 300;
    let total = events.last().unwrap().end;
    let ratio = if matches!(path.hold, Hold::Compressor { .. }) && spec.size == 0 { 0.2 } else { 1.0 };
    let mut end = (Ending::Clean, origin_end);
    let mut releases = path.hold.releases(&events, requested_us + path.latency, origin_end, ratio);
    match path.fate {
        Fate::Cut { at, how } => {
            releases.retain(|(when, _)| *when < requested_us + at);
            end = (how, requested_us + at);
        }
        Fate::Hangs { at } => {
            releases.retain(|(when, _)| *when < requested_us + at);
            end = (Ending::Ours, origin_end + 3_000 * MS);
        }
        _ if path.hold == Hold::Silent => end = (Ending::Ours, origin_end + 3_000 * MS),
        _ => {}
    }
    let mut reads = carried(&releases, path, rng);
    match path.fate {
        Fate::Replayed { age } => {
            for event in &mut events {
                event.sent_us -= age;
            }
            reads = vec![(requested_us + 2 * path.latency, total)];
        }
        fate => damage(&mut events, fate),
    }
    let last_us = reads.last().map_or(0, |read| read.0);
    let back = path.latency + path.asymmetry;
    let end_us = if end.0 == Ending::Ours { end.1 } else { last_us.max(end.1 + back) };
    let body = |content: u64| if ratio < 1.0 { 10 + (content as f64 * ratio) as u64 } else { content };
    let reads = reads.into_iter().map(|(at, content)| (at, body(content), content)).collect();
    Seen { spec: spec.clone(), origin: Origin::Ours, requested_us, events, reads, end: (end.0, end_us) }
}

/// What the origin sends.
fn sent(spec: &StreamSpec, start_us: i64) -> Vec<Event> {
    let mut end = 0;
    let event = |seq: u64| {
        let start = end;
        let digits = seq.max(1).ilog10() as u64 + 1;
        end += if seq == 0 { HELLO } else { spec.size.max(97 + digits) + 13 + digits };
        Event { seq, sent_us: start_us + seq as i64 * spec.interval_us, start, end, intact: true }
    };
    (0..=spec.count.unwrap()).map(event).collect()
}

/// Changes events where they are, so that offsets stay right.
fn damage(events: &mut Vec<Event>, fate: Fate) {
    let at = |seq: u64| seq as usize;
    match fate {
        Fate::Lost(seq) => {
            events.remove(at(seq));
        }
        Fate::Twice(seq) => events[at(seq) + 1].seq = seq,
        Fate::Swapped(seq) => {
            let (a, b) = (events[at(seq)], events[at(seq) + 1]);
            (events[at(seq)].seq, events[at(seq)].sent_us) = (b.seq, b.sent_us);
            (events[at(seq) + 1].seq, events[at(seq) + 1].sent_us) = (a.seq, a.sent_us);
        }
        Fate::Changed(seq) => events[at(seq)].intact = false,
        Fate::Restarted(count) => {
            for event in events.iter_mut().filter(|event| event.seq > count) {
                event.seq -= count;
            }
        }
        _ => {}
    }
}

impl Hold {
    /// When the path sends on how much: time, and offset in the content.
    fn releases(self, events: &[Event], request_us: i64, end_us: i64, ratio: f64) -> Vec<(i64, u64)> {
        let total = events.last().unwrap().end;
        let mut out: Vec<(i64, u64)> = match self {
            Hold::None => events.iter().map(|e| (e.sent_us, e.end)).collect(),
            Hold::Silent => return Vec::new(),
            Hold::Close => Vec::new(),
            Hold::CloseAfterHello => vec![(events[0].sent_us, events[0].end)],
            Hold::Constant { t } => return events.iter().map(|e| (e.sent_us + t, e.end)).collect(),
            Hold::Rate { n } => return rate(events, n),
            Hold::OneEvent => events.windows(2).map(|pair| (pair[1].sent_us, pair[0].end)).collect(),
            Hold::StartTime { t } => events.iter().map(|e| (e.sent_us.max(request_us + t), e.end)).collect(),
            Hold::StartBytes { n } => by_bytes(events, 0, |end, held| if held == 0 && end < n { held } else { end }),
            Hold::Bytes { n, exactly: true } => by_bytes(events, 0, |end, _| end / n * n),
            Hold::Bytes { n, .. } => by_bytes(events, 0, |end, held| if end - held >= n { end } else { held }),
            Hold::StartThenBytes { start, n } => {
                by_bytes(events, 0, |end, held| if end < start || end - held < n { held } else { end })
            }
            Hold::Compressor { n } => {
                by_bytes(events, 0, |end, held| if (end - held) as f64 * ratio >= n as f64 { end } else { held })
            }
            Hold::OneEventThenTimer { t } => {
                let behind = events.windows(2).map(|pair| Event { sent_us: pair[1].sent_us, ..pair[0] });
                timer(&behind.collect::<Vec<_>>(), t, u64::MAX)
            }
            Hold::Timer { t } => timer(events, t, u64::MAX),
            Hold::Cork => timer(events, 205 * MS, 1448),
            Hold::Ticks { t, phase } => ticks(events, request_us + phase, t),
            Hold::Pause { from, t } => events
                .iter()
                .map(|e| (if (from..from + t).contains(&e.sent_us) { from + t } else { e.sent_us }, e.end))
                .collect(),
        };
        // The end flushes.
        out.retain(|(at, _)| *at <= end_us || matches!(self, Hold::StartTime { .. } | Hold::Pause { .. }));
        let last = out.last().copied().unwrap_or((0, 0));
        if last.1 < total {
            out.push((end_us.max(last.0), total));
        }
        out
    }
}

/// Each event takes its time, and waits for those before it.
fn rate(events: &[Event], n: u64) -> Vec<(i64, u64)> {
    let mut free = 0;
    let mut pass = |event: &Event| {
        free = event.sent_us.max(free) + ((event.end - event.start) * 1_000_000 / n) as i64;
        (free, event.end)
    };
    events.iter().map(&mut pass).collect()
}

/// At each write: how far the path sends on, given how far the content goes and how far was sent.
fn by_bytes(events: &[Event], mut held: u64, release: impl Fn(u64, u64) -> u64) -> Vec<(i64, u64)> {
    let mut out = Vec::new();
    for event in events {
        let to = release(event.end, held);
        if to > held {
            held = to;
            out.push((event.sent_us, held));
        }
    }
    out
}

/// `t` after the first byte that is held, or when `full` bytes are.
fn timer(events: &[Event], t: i64, full: u64) -> Vec<(i64, u64)> {
    let mut out = Vec::new();
    let (mut due, mut held_from, mut end) = (None, 0, 0);
    for event in events {
        if let Some(at) = due.filter(|at| *at <= event.sent_us) {
            out.push((at, end));
            (due, held_from) = (None, end);
        }
        end = event.end;
        if end - held_from >= full {
            out.push((event.sent_us, end));
            (due, held_from) = (None, end);
        } else if due.is_none() {
            due = Some(event.sent_us + t);
        }
    }
    out.extend(due.map(|at| (at, end)));
    out
}

fn ticks(events: &[Event], phase: i64, t: i64) -> Vec<(i64, u64)> {
    let at = |event: &Event| phase + (event.sent_us - phase + t - 1).div_euclid(t) * t;
    let mut out: Vec<(i64, u64)> = Vec::new();
    for event in events {
        match out.last_mut() {
            Some(last) if last.0 == at(event) => last.1 = event.end,
            _ => out.push((at(event), event.end)),
        }
    }
    out
}

/// What is read of what was sent on: latency and jitter, in order, large lots in several reads.
fn carried(releases: &[(i64, u64)], path: &Path, rng: &mut fastrand::Rng) -> Vec<(i64, u64)> {
    let mut reads: Vec<(i64, u64)> = Vec::new();
    let (mut last_at, mut from) = (0, 0);
    for &(sent_us, to) in releases {
        let mut at = (sent_us + path.latency + path.asymmetry + noise(rng, path.jitter)).max(last_at);
        if path.coalesce > 0 {
            at = (at + path.coalesce - 1) / path.coalesce * path.coalesce;
        }
        while from < to {
            from = to.min(from + READ);
            match reads.last_mut() {
                Some(last) if last.0 == at && path.coalesce > 0 => last.1 = from,
                _ => reads.push((at, from)),
            }
            at += if path.coalesce > 0 { 0 } else { 200 };
        }
        last_at = at;
    }
    reads
}
