//! Every hold over many paths: each gives its own verdict and no other.

use sse_argo_tester::stats::{Clock, Ending, Exchange, Origin, Stall, StreamSpec};
use sse_argo_tester::verdict::{
    Answer, Evidence, Finding, HoldKind, Id, Judgement, Verdict, WITHIN_US, ending, judge, representative,
};

use super::model::{Fate, Hold, MS, Path, Run, UNIX_US, four, run, spec};

pub(crate) fn judged(run: &Run) -> Verdict {
    let clock = run.clock();
    judged_with(run, Some(&clock), WITHIN_US)
}

pub(crate) fn judged_with(run: &Run, clock: Option<&Clock>, within_us: i64) -> Verdict {
    let streams = run.summaries(clock);
    judge(&Evidence { answer: &Answer::Stream, streams: &streams, clock, within_us })
}

fn has(verdict: &Verdict, id: Id) -> bool {
    verdict.findings.iter().any(|finding| finding.id == id)
}

/// Latencies, jitters and seeds that every hold is tried with.
fn weather() -> Vec<Path> {
    let mut all = Vec::new();
    for (n, latency) in [1, 5, 20, 80].into_iter().enumerate() {
        for (k, jitter) in [0, 3, 15, 40].into_iter().enumerate() {
            let seed = 10 * n as u64 + k as u64;
            let asymmetry = [0, 1, 4, 10][(n + k) % 4] * MS * i64::from(latency > 1);
            let coalesce = [0, 5 * MS][k % 2];
            let path =
                Path { latency: latency * MS, jitter: jitter * MS, asymmetry, coalesce, seed, ..Path::default() };
            all.extend([path, Path { seed: seed + 1000, coalesce: 0, ..path }]);
        }
    }
    all
}

/// The same hold in every weather.
fn every(hold: Hold, specs: &[StreamSpec], check: impl Fn(&Verdict) -> Result<(), String>) {
    for path in weather() {
        let path = Path { hold, ..path };
        let verdict = judged(&run(specs, &path));
        if let Err(why) = check(&verdict) {
            panic!("{why}\n{path:?}\n{verdict:#?}");
        }
    }
}

fn is(verdict: &Verdict, judgement: Judgement, kind: HoldKind) -> Result<(), String> {
    let found = (verdict.verdict, verdict.hold.kind);
    if found == (judgement, kind) { Ok(()) } else { Err(format!("{found:?} instead of {judgement:?} {kind:?}")) }
}

fn about(what: &str, found: Option<u64>, right: u64, share: f64, more: u64) -> Result<(), String> {
    let off = found.map_or(u64::MAX, |found| found.abs_diff(right));
    let fine = off as f64 <= share * right as f64 + more as f64;
    if fine { Ok(()) } else { Err(format!("{found:?} instead of {right} {what}")) }
}

/// 512 B to 256 KiB, round numbers and others.
fn thresholds() -> Vec<u64> {
    let powers = (9..=18).map(|bits| 1 << bits);
    powers.chain([600, 777, 1500, 2500, 3993, 5000, 12_000, 20_000, 50_000, 100_000, 200_000]).collect()
}

const TIMES_MS: [i64; 8] = [300, 350, 500, 700, 1000, 1300, 2000, 3000];

#[test]
fn nothing_held_is_real_time() {
    every(Hold::None, &four(), |verdict| {
        is(verdict, Judgement::RealTime, HoldKind::None)?;
        if verdict.findings.is_empty() { Ok(()) } else { Err("findings".to_owned()) }
    });
}

#[test]
fn too_much_for_the_path_is_no_hold() {
    for n in [5_000, 30_000] {
        every(Hold::Rate { n }, &four(), |verdict| {
            is(verdict, Judgement::RealTime, HoldKind::None)?;
            if has(verdict, Id::FallsBehind) { Ok(()) } else { Err("no finding".to_owned()) }
        });
    }
    every(Hold::Rate { n: 80 }, &four(), |verdict| is(verdict, Judgement::Lagging, HoldKind::Unknown));
}

#[test]
fn bytes_throughout_are_batched_by_bytes() {
    for n in thresholds() {
        for exactly in [true, false] {
            every(Hold::Bytes { n, exactly }, &four(), |verdict| {
                is(verdict, Judgement::Batched, HoldKind::Bytes)?;
                about("bytes", verdict.hold.bytes, n, 0.25, 0)
            });
        }
    }
}

#[test]
fn bytes_at_the_start_are_a_late_start() {
    // The hello event has 700 bytes and is followed at once: less than two small events above that is hardly a hold.
    for n in thresholds().into_iter().filter(|n| *n >= 950) {
        every(Hold::StartBytes { n }, &four(), |verdict| {
            is(verdict, Judgement::LateStart, HoldKind::StartBytes)?;
            about("bytes", verdict.hold.bytes, n, 0.25, 0)
        });
    }
}

#[test]
fn time_throughout_is_batched_by_time() {
    for t in TIMES_MS {
        let rough = |verdict: &Verdict| {
            is(verdict, Judgement::Batched, HoldKind::Time)?;
            about("ms", verdict.hold.ms, t as u64, 0.1, 45)
        };
        every(Hold::Timer { t: t * MS }, &four(), rough);
        for phase in [0, 37, 150, 777] {
            every(Hold::Ticks { t: t * MS, phase: phase * MS % (t * MS) }, &four(), rough);
        }
    }
}

#[test]
fn a_timer_that_small_events_often_miss_is_no_buffer() {
    // Of the slower streams about half the lumps are late enough to count.
    for t in [130 * MS, 150 * MS, 180 * MS] {
        for phase in [10 * MS, 70 * MS, 120 * MS] {
            let verdict =
                judged(&run(&four(), &Path { hold: Hold::Ticks { t, phase }, jitter: MS, ..Path::default() }));
            is(&verdict, Judgement::Batched, HoldKind::Time)
                .unwrap_or_else(|why| panic!("{t} {phase}: {why} {verdict:#?}"));
            about("time", verdict.hold.ms, (t / MS) as u64, 0.25, 0).unwrap();
        }
    }
}

#[test]
fn a_small_hold_behind_a_large_one_hides_nothing() {
    for n in [512, 1024] {
        let hold = Hold::StartThenBytes { start: 16_384, n };
        let verdict = judged(&run(&four(), &Path { hold, jitter: MS, ..Path::default() }));
        is(&verdict, Judgement::LateStart, HoldKind::StartBytes)
            .unwrap_or_else(|why| panic!("{n}: {why} {verdict:#?}"));
        about("bytes", verdict.hold.bytes, 16_384, 0.25, 0).unwrap();
    }
}

#[test]
fn time_at_the_start_is_a_late_start() {
    for t in TIMES_MS {
        every(Hold::StartTime { t: t * MS }, &four(), |verdict| {
            is(verdict, Judgement::LateStart, HoldKind::StartTime)?;
            about("ms", verdict.hold.ms, t as u64, 0.1, 45)
        });
    }
}

#[test]
fn until_close_says_that_a_larger_hold_looks_the_same() {
    for hold in [Hold::Close, Hold::CloseAfterHello, Hold::Bytes { n: 1 << 20, exactly: false }] {
        every(hold, &four(), |verdict| {
            is(verdict, Judgement::HeldUntilClose, HoldKind::Close)?;
            if has(verdict, Id::CloseOrLarger) { Ok(()) } else { Err("no finding".to_owned()) }
        });
    }
}

#[test]
fn a_fixed_time_for_each_event_is_a_constant_lag() {
    for t in [200, 250, 400, 777, 1500, 3000] {
        every(Hold::Constant { t: t * MS }, &four(), |verdict| {
            is(verdict, Judgement::Lagging, HoldKind::Constant)?;
            about("ms", verdict.hold.ms, t as u64, 0.1, 45)
        });
    }
}

#[test]
fn one_behind_and_a_timer_is_one_event_with_a_timer() {
    for t in [150, 205, 400, 700] {
        every(Hold::OneEventThenTimer { t: t * MS }, &four(), |verdict| {
            is(verdict, Judgement::Lagging, HoldKind::OneEvent)?;
            let is_told = has(verdict, Id::OneEvent) && has(verdict, Id::BatchedTime);
            if is_told { Ok(()) } else { Err("a cause is missing".to_owned()) }
        });
    }
}

#[test]
fn anothers_stream_is_a_replay() {
    let mut run = run(&four(), &Path::default());
    for n in 1..4 {
        let spec = run.streams[n].spec.clone();
        run.streams[n] = super::model::Seen { spec, ..run.streams[0].clone() };
    }
    let verdict = judged(&run);
    assert_eq!(verdict.verdict, Judgement::Corrupt, "{verdict:?}");
    assert!(has(&verdict, Id::Replay) && has(&verdict, Id::OtherPace), "{verdict:?}");
}

#[test]
fn a_stream_of_another_pace_that_goes_on_does_not_hang() {
    let mut run = run(&[spec("S", 1000, 0, 9)], &Path::default());
    run.streams[0].spec = spec("S", 100, 0, 60);
    run.streams[0].end = (Ending::Ours, 9_700 * MS);
    let verdict = judged(&run);
    assert_eq!(verdict.verdict, Judgement::RealTime, "{verdict:?}");
    assert!(has(&verdict, Id::OtherPace), "{verdict:?}");
}

#[test]
fn one_behind_is_one_event() {
    every(Hold::OneEvent, &four(), |verdict| {
        is(verdict, Judgement::Lagging, HoldKind::OneEvent)?;
        if has(verdict, Id::OneEventOrConstant) { Err("told apart".to_owned()) } else { Ok(()) }
    });
}

#[test]
fn a_corked_socket_is_a_timer_and_named() {
    every(Hold::Cork, &four(), |verdict| {
        is(verdict, Judgement::Batched, HoldKind::Time)?;
        about("ms", verdict.hold.ms, 205, 0.1, 45)?;
        if has(verdict, Id::TimerOrConstant) { Ok(()) } else { Err("no finding".to_owned()) }
    });
    let quiet = judged(&run(&four(), &Path { hold: Hold::Cork, ..Path::default() }));
    assert!(has(&quiet, Id::Cork));
}

#[test]
fn compressors_hold_bytes_and_keep_small_streams_closed() {
    for n in [5_000, 8_192, 20_000] {
        every(Hold::Compressor { n }, &four(), |verdict| {
            is(verdict, Judgement::Batched, HoldKind::Bytes)?;
            about("bytes", verdict.hold.bytes, n, 0.25, 0)
        });
    }
    let quiet = judged(&run(&four(), &Path { hold: Hold::Compressor { n: 8192 }, ..Path::default() }));
    assert!(has(&quiet, Id::Compressed));
}

#[test]
fn a_long_hold_before_shorter_ones_is_a_late_start_and_says_so() {
    every(Hold::StartThenBytes { start: 30_000, n: 4_000 }, &four(), |verdict| {
        is(verdict, Judgement::LateStart, HoldKind::StartBytes)?;
        about("bytes", verdict.hold.bytes, 30_000, 0.25, 0)?;
        if has(verdict, Id::StillHeld) { Ok(()) } else { Err("no finding".to_owned()) }
    });
}

#[test]
fn nothing_at_all_is_silent() {
    every(Hold::Silent, &four(), |verdict| {
        is(verdict, Judgement::Silent, HoldKind::Unknown)?;
        if has(verdict, Id::SilentOrLonger) { Ok(()) } else { Err("no finding".to_owned()) }
    });
}

#[test]
fn an_early_end_is_cut_by_whatever_way() {
    let cuts = [
        (Ending::Clean, 3_330, Id::CutClean),
        (Ending::Truncated, 450, Id::CutTruncated),
        (Ending::Reset, 5_432, Id::CutReset),
        (Ending::Truncated, 3_000, Id::LifetimeCut),
    ];
    for (how, at, id) in cuts {
        for hold in [Hold::None, Hold::Constant { t: 300 * MS }] {
            for path in weather() {
                let fate = Fate::Cut { at: at * MS, how };
                let verdict = judged(&run(&four(), &Path { hold, fate, ..path }));
                is(&verdict, Judgement::Cut, HoldKind::None).unwrap();
                assert!(has(&verdict, id), "{verdict:?}");
            }
        }
    }
}

#[test]
fn an_idle_stream_that_is_cut_is_an_idle_cut() {
    let slow = [spec("I", 15_000, 0, 3)];
    let fate = Fate::Cut { at: 10_000 * MS, how: Ending::Clean };
    let verdict = judged(&run(&slow, &Path { fate, ..Path::default() }));
    is(&verdict, Judgement::Cut, HoldKind::None).unwrap();
    assert!(has(&verdict, Id::IdleCut), "{verdict:?}");
}

#[test]
fn a_stream_that_stops_without_an_end_is_cut() {
    for path in weather() {
        let verdict = judged(&run(&four(), &Path { fate: Fate::Hangs { at: 2_500 * MS }, ..path }));
        is(&verdict, Judgement::Cut, HoldKind::None).unwrap();
        assert!(has(&verdict, Id::Hanging), "{verdict:?}");
    }
}

#[test]
fn damage_is_named() {
    let fates = [
        (Fate::Lost(4), Id::Lost),
        (Fate::Twice(5), Id::Repeated),
        (Fate::Swapped(3), Id::Reordered),
        (Fate::Changed(2), Id::Changed),
        (Fate::Replayed { age: 60_000 * MS }, Id::Replay),
        (Fate::Restarted(3), Id::Repeated),
    ];
    for (fate, id) in fates {
        for hold in [Hold::None, Hold::Close, Hold::Bytes { n: 4096, exactly: true }] {
            for path in weather() {
                let verdict = judged(&run(&four(), &Path { fate, hold, ..path }));
                is(&verdict, Judgement::Corrupt, HoldKind::None).unwrap();
                assert!(has(&verdict, id), "{verdict:?}");
            }
        }
    }
}

#[test]
fn large_events_alone_are_a_warning() {
    // Small events pass, those of 1 kB and more are held until the next.
    for path in weather() {
        let mut all = run(&four(), &path);
        let held = run(&four(), &Path { hold: Hold::Bytes { n: 16_384, exactly: true }, ..path });
        for n in [1, 2] {
            all.streams[n] = held.streams[n].clone();
        }
        let verdict = judged(&all);
        is(&verdict, Judgement::RealTime, HoldKind::None).unwrap_or_else(|why| panic!("{why} {verdict:#?}"));
        assert!(has(&verdict, Id::BigEvents));
    }
}

#[test]
fn small_events_alone_until_close_are_held_until_close() {
    for path in weather() {
        let mut all = run(&four(), &path);
        let held = run(&four(), &Path { hold: Hold::Close, ..path });
        for n in [0, 3] {
            all.streams[n] = held.streams[n].clone();
        }
        let verdict = judged(&all);
        is(&verdict, Judgement::HeldUntilClose, HoldKind::Close).unwrap();
        assert!(has(&verdict, Id::ContentHeld));
    }
}

#[test]
fn a_pause_of_the_whole_path_is_no_hold() {
    for path in weather() {
        let hold = Hold::Pause { from: 2_345 * MS, t: 800 * MS };
        let verdict = judged(&run(&four(), &Path { hold, ..path }));
        is(&verdict, Judgement::Inconclusive, HoldKind::Unknown).unwrap_or_else(|why| panic!("{why} {verdict:#?}"));
        assert!(has(&verdict, Id::Unsteady));
    }
}

#[test]
fn own_lateness_is_not_blamed_on_the_path() {
    let path = Path { hold: Hold::Pause { from: 2_345 * MS, t: 900 * MS }, ..Path::default() };
    let run = run(&four(), &path);
    let clock = run.clock();
    let stall = Stall { from_us: 2_340 * MS, to_us: 3_250 * MS };
    let streams: Vec<_> = run.streams.iter().map(|seen| seen.record().summary(Some(&clock), &[stall])).collect();
    let evidence = Evidence { answer: &Answer::Stream, streams: &streams, clock: Some(&clock), within_us: WITHIN_US };
    let verdict = judge(&evidence);
    is(&verdict, Judgement::RealTime, HoldKind::None).unwrap();
    assert!(has(&verdict, Id::OwnStalls));
}

#[test]
fn a_larger_tolerance_tolerates_more() {
    let run = run(&four(), &Path { hold: Hold::Constant { t: 300 * MS }, ..Path::default() });
    let verdict = judged_with(&run, Some(&run.clock()), 400 * MS);
    is(&verdict, Judgement::RealTime, HoldKind::None).unwrap();
}

#[test]
fn the_run_is_represented_by_its_small_events_and_ends_as_it_was_cut() {
    let sound = run(&four(), &Path::default());
    let streams = sound.summaries(Some(&sound.clock()));
    assert_eq!(representative(&streams).unwrap().spec.name, "S");
    assert_eq!(ending(&streams).0, Ending::Clean);
    let fate = Fate::Cut { at: 3_000 * MS, how: Ending::Truncated };
    let cut = run(&four(), &Path { fate, ..Path::default() });
    assert_eq!(ending(&cut.summaries(Some(&cut.clock()))).0, Ending::LifetimeCut);
}

#[test]
fn a_limit_may_count_from_the_response_on() {
    let fate = Fate::Cut { at: 3_000 * MS, how: Ending::Truncated };
    let cut = run(&four(), &Path { fate, ..Path::default() });
    let mut streams = cut.summaries(Some(&cut.clock()));
    // As it is when requests wait for different times before they are answered.
    streams[0].requested_us -= 400 * MS;
    assert_eq!(ending(&streams).0, Ending::LifetimeCut);
    // Without a response there is the request alone.
    streams[0].first_byte_us = None;
    assert_eq!(ending(&streams).0, Ending::Truncated);
}

#[test]
fn one_late_event_of_sixty_tips_nothing() {
    for path in weather() {
        let hold = Hold::Pause { from: 3_010 * MS, t: 180 * MS };
        let verdict = judged(&run(&four(), &Path { hold, jitter: path.jitter.min(15 * MS), ..path }));
        is(&verdict, Judgement::RealTime, HoldKind::None).unwrap_or_else(|why| panic!("{why} {verdict:#?}"));
    }
}

#[test]
fn two_late_events_of_the_slow_stream_tip_nothing() {
    let mut run = run(&four(), &Path { jitter: MS, ..Path::default() });
    for n in [3, 6] {
        run.streams[3].reads[n].0 += 130 * MS;
    }
    let verdict = judged(&run);
    is(&verdict, Judgement::RealTime, HoldKind::None).unwrap_or_else(|why| panic!("{why} {verdict:#?}"));
}

#[test]
fn what_hinges_on_the_clock_is_inconclusive() {
    // The hold slows the answers to /time, too: half of it shows, and the other half may be the way back.
    let path = Path { hold: Hold::Constant { t: 250 * MS }, slow_time: 250 * MS, ..Path::default() };
    let verdict = judged(&run(&four(), &path));
    is(&verdict, Judgement::Inconclusive, HoldKind::Unknown).unwrap();
    assert!(has(&verdict, Id::ClockError), "{verdict:?}");
    // What doesn't hinge on it is told all the same.
    for (hold, kind) in [
        (Hold::Bytes { n: 4096, exactly: true }, HoldKind::Bytes),
        (Hold::Timer { t: 1000 * MS }, HoldKind::Time),
        (Hold::Close, HoldKind::Close),
        (Hold::OneEvent, HoldKind::OneEvent),
    ] {
        let verdict = judged(&run(&four(), &Path { hold, slow_time: 60 * MS, ..Path::default() }));
        assert_eq!(verdict.hold.kind, kind, "{verdict:?}");
    }
}

#[test]
fn a_clock_that_is_set_meanwhile_makes_no_hold() {
    // From an instant on, all that the origin says of time is another by an hour.
    for (step_us, at_us) in [(3_600_000 * MS, 3_000 * MS), (-3_600_000 * MS, 3_000 * MS), (400 * MS, 3_000 * MS)] {
        let mut run = run(&four(), &Path::default());
        run.exchanges.push(Exchange { t0_us: 5_000 * MS, t1_us: UNIX_US + 5_001 * MS + step_us, t3_us: 5_002 * MS });
        for seen in &mut run.streams {
            seen.events.iter_mut().filter(|event| event.sent_us > at_us).for_each(|event| event.sent_us += step_us);
        }
        let verdict = judged(&run);
        is(&verdict, Judgement::Inconclusive, HoldKind::Unknown).unwrap_or_else(|why| panic!("{why} {verdict:#?}"));
        assert!(has(&verdict, Id::ClockError), "{verdict:?}");
    }
}

#[test]
fn a_stream_that_began_late_was_not_cut() {
    // It was asked for with the others, and had to wait for one of them to end; then its time was up.
    let mut run = run(&four(), &Path::default());
    let late = &mut run.streams[1];
    let waited_us = 6_000 * MS;
    late.events.iter_mut().for_each(|event| event.sent_us += waited_us);
    late.reads.iter_mut().for_each(|read| read.0 += waited_us);
    let end_us = late.requested_us + 10_000 * MS;
    late.reads.retain(|read| read.0 < end_us);
    late.end = (Ending::Ours, end_us);
    let verdict = judged(&run);
    is(&verdict, Judgement::RealTime, HoldKind::None).unwrap_or_else(|why| panic!("{why} {verdict:#?}"));
}

#[test]
fn no_events_asked_for_are_no_silence() {
    let none = [spec("S", 100, 0, 0), spec("W", 1000, 0, 0)];
    let verdict = judged(&run(&none, &Path::default()));
    is(&verdict, Judgement::Inconclusive, HoldKind::Unknown).unwrap();
    assert!(has(&verdict, Id::TooShort), "{verdict:?}");
}

#[test]
fn without_the_clock_lumps_are_told_and_constant_lags_are_not() {
    let without = |hold| {
        let run = run(&four(), &Path { hold, jitter: 5 * MS, ..Path::default() });
        let least = run.streams.iter().filter_map(|seen| seen.record().least_transit_us()).min().unwrap();
        judged_with(&run, Some(&Clock::from_least_transit(least)), WITHIN_US)
    };
    for hold in [Hold::None, Hold::Constant { t: 500 * MS }] {
        let verdict = without(hold);
        is(&verdict, Judgement::Inconclusive, HoldKind::Unknown).unwrap();
        assert!(has(&verdict, Id::NoClock));
    }
    for (hold, kind) in [
        (Hold::Bytes { n: 4096, exactly: true }, HoldKind::Bytes),
        (Hold::Ticks { t: 1000 * MS, phase: 0 }, HoldKind::Time),
        (Hold::StartTime { t: 2000 * MS }, HoldKind::StartTime),
        (Hold::Close, HoldKind::Close),
    ] {
        let verdict = without(hold);
        assert_eq!(verdict.hold.kind, kind, "{verdict:?}");
    }
}

#[test]
fn one_stream_alone_says_what_it_cannot_tell() {
    let alone = |hold, specs: &[StreamSpec]| judged(&run(specs, &Path { hold, ..Path::default() }));
    let small = [spec("S", 100, 0, 60)];
    let verdict = alone(Hold::Timer { t: 1000 * MS }, &small);
    assert!(verdict.verdict == Judgement::Batched && has(&verdict, Id::TimeOrBytes), "{verdict:?}");
    let verdict = alone(Hold::Bytes { n: 1024, exactly: true }, &small);
    assert!(verdict.verdict == Judgement::Batched && has(&verdict, Id::TimeOrBytes), "{verdict:?}");
    let verdict = alone(Hold::StartBytes { n: 2048 }, &small);
    assert!(verdict.verdict == Judgement::LateStart && has(&verdict, Id::TimeOrBytes), "{verdict:?}");
    let wide = [spec("W", 1000, 0, 8)];
    let verdict = alone(Hold::OneEvent, &wide);
    assert!(verdict.hold.kind == HoldKind::OneEvent && has(&verdict, Id::OneEventOrConstant), "{verdict:?}");
    let verdict = alone(Hold::Cork, &wide);
    assert!(verdict.hold.kind == HoldKind::Constant && has(&verdict, Id::TimerOrConstant), "{verdict:?}");
    let quick = [spec("Q", 50, 0, 100)];
    let verdict = alone(Hold::OneEvent, &quick);
    assert!(verdict.verdict == Judgement::RealTime && has(&verdict, Id::IntervalsWithin), "{verdict:?}");
    let verdict = alone(Hold::StartBytes { n: 5000 }, &[spec("S", 100, 0, 60), spec("W", 1000, 0, 8)]);
    assert!(verdict.verdict == Judgement::LateStart, "{verdict:?}");
}

#[test]
fn answers_that_are_no_stream_are_passed_on() {
    let judged = |answer| judge(&Evidence { answer: &answer, streams: &[], clock: None, within_us: WITHIN_US });
    let refused = Finding::new(Id::UnreachableTcp, "connection refused");
    let verdict = judged(Answer::Unreachable(refused.clone()));
    is(&verdict, Judgement::Unreachable, HoldKind::Unknown).unwrap();
    assert_eq!((verdict.summary().as_str(), verdict.findings), ("connection refused", vec![refused]));
    let login = Finding::new(Id::LoginPage, "a login page").advising("log in");
    let verdict = judged(Answer::NotSse(login.clone()));
    is(&verdict, Judgement::NotSse, HoldKind::Unknown).unwrap();
    assert_eq!((verdict.summary().as_str(), verdict.findings), ("a login page", vec![login]));
    is(&judged(Answer::Stream), Judgement::Inconclusive, HoldKind::Unknown).unwrap();
}

/// The S stream as another origin's.
fn foreign(path: &Path) -> Verdict {
    let mut run = run(&[spec("S", 100, 0, 60)], path);
    run.streams[0].origin = Origin::Foreign;
    run.streams[0].spec.count = None;
    judged_with(&run, None, WITHIN_US)
}

#[test]
fn another_origin_is_judged_by_what_was_seen() {
    for path in weather().into_iter().filter(|path| path.jitter <= 15 * MS) {
        let with = |hold, fate| foreign(&Path { hold, fate, ..path });
        let cases = [
            (with(Hold::None, Fate::Sound), Judgement::RealTime, HoldKind::None),
            (with(Hold::Constant { t: 500 * MS }, Fate::Sound), Judgement::RealTime, HoldKind::None),
            (with(Hold::Close, Fate::Sound), Judgement::HeldUntilClose, HoldKind::Close),
            (with(Hold::Timer { t: 1000 * MS }, Fate::Sound), Judgement::Inconclusive, HoldKind::Unknown),
            (with(Hold::Bytes { n: 1000, exactly: true }, Fate::Sound), Judgement::Batched, HoldKind::Bytes),
            (with(Hold::Silent, Fate::Sound), Judgement::Inconclusive, HoldKind::Unknown),
            (with(Hold::None, Fate::Cut { at: 2_000 * MS, how: Ending::Truncated }), Judgement::Cut, HoldKind::None),
            (with(Hold::None, Fate::Cut { at: 2_000 * MS, how: Ending::Clean }), Judgement::RealTime, HoldKind::None),
        ];
        for (verdict, judgement, kind) in cases {
            is(&verdict, judgement, kind).unwrap_or_else(|why| panic!("{why} {path:?} {verdict:#?}"));
            assert!(has(&verdict, Id::NoStamps));
        }
    }
}
