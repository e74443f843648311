//! Small stories, told by hand.

use super::*;
use crate::sse::Decoder;
use crate::stamp::{Shape, Stamped};

const UNIX: i64 = 1_763_724_597_000_000;
const MS: i64 = 1_000;

/// The clocks differ by `UNIX`, the path takes 1 ms.
fn clock() -> Clock {
    Clock::from_exchanges(&[Exchange { t0_us: 0, t1_us: UNIX + MS, t3_us: 2 * MS }], Some(2 * MS)).unwrap()
}

fn spec(count: u64) -> StreamSpec {
    StreamSpec { name: "S".to_owned(), interval_us: 100 * MS, size: 0, count: Some(count) }
}

fn recorder(count: u64) -> Recorder {
    Recorder::new(spec(count), Origin::Ours, 0)
}

/// Events of 100 bytes; number `seq` is sent at `seq` x 100 ms.
fn event(recorder: &mut Recorder, seq: u64) {
    let what = What::Numbered { seq, sent_us: UNIX + 100 * MS * seq as i64, intact: true };
    recorder.event(what, 100 * (seq - 1), 100 * seq);
}

/// Each event alone, `lag` after it was sent.
fn steady(count: u64, lag_us: i64) -> Recorder {
    let mut recorder = recorder(count);
    for seq in 1..=count {
        recorder.read(100 * MS * seq as i64 + lag_us, 100 * seq, 100 * seq);
        event(&mut recorder, seq);
    }
    recorder
}

#[test]
fn lags_gaps_and_counts_of_a_steady_stream() {
    let mut recorder = steady(50, 3 * MS);
    recorder.end(Ending::Clean, 5_010 * MS);
    let summary = recorder.summary(Some(&clock()), &[]);
    assert_eq!(summary.lag, Some(Lag { p50: 2.0, p90: 2.0, p99: 2.0, max: 2.0 }), "the path's 1 ms is taken off");
    assert_eq!(summary.gap, Gap { p50: 100.0, p99: 100.0, max: 100.0 });
    assert_eq!(summary.bursts, Bursts { count: 0, largest: 1 });
    assert_eq!(summary.counts, Counts { received: 50, expected: Some(50), ..Counts::default() });
    assert_eq!((summary.bytes, summary.lumps.len(), summary.end), (5000, 50, Ending::Clean));
    assert_eq!(summary.all_sent_us, Some(4_999 * MS), "the clock may be wrong by 1 ms");
    assert_eq!(summary.lumps.iter().filter(|lump| lump.is_closing).count(), 1);
    assert!(summary.is_complete());
}

#[test]
fn a_lump_is_as_old_as_its_oldest_byte() {
    let mut recorder = recorder(4);
    // 250 bytes come at 350 ms in two reads: events 1 and 2, and half of 3. The other half comes with 4.
    recorder.read(350 * MS, 100, 100);
    event(&mut recorder, 1);
    recorder.read(360 * MS, 250, 250);
    event(&mut recorder, 2);
    recorder.read(460 * MS, 400, 400);
    event(&mut recorder, 3);
    event(&mut recorder, 4);
    let lumps = recorder.summary(Some(&clock()), &[]).lumps;
    let first = Lump {
        at_us: 350 * MS,
        wait_us: Some(249 * MS),
        bytes: 250,
        content_bytes: 250,
        events: 2,
        is_whole: false,
        is_closing: false,
    };
    let second = Lump {
        at_us: 460 * MS,
        wait_us: Some(159 * MS),
        bytes: 150,
        content_bytes: 150,
        events: 2,
        is_whole: true,
        is_closing: true,
    };
    assert_eq!(lumps, [first, second]);
}

#[test]
fn own_lateness_is_taken_off() {
    let mut recorder = recorder(3);
    for (at_ms, seq) in [(101, 1), (900, 2), (900, 3)] {
        recorder.read(at_ms * MS, 100 * seq, 100 * seq);
        event(&mut recorder, seq);
    }
    // Event 2 was due at 201 ms and event 3 at 301; the probe slept from 250 ms.
    let stall = Stall { from_us: 250 * MS, to_us: 899 * MS };
    let summary = recorder.summary(Some(&clock()), &[stall]);
    let lags: Vec<i64> = summary.samples.iter().map(|sample| sample.lag_us / MS).collect();
    assert_eq!(lags, [0, 49, 0]);
    assert_eq!(summary.excused, 2);
    assert_eq!(summary.lag.unwrap().max, 49.0);
}

#[test]
fn a_body_decoded_from_gzip_counts_bytes_as_transferred() {
    let mut recorder = recorder(2);
    // The compressor's head brings no content.
    recorder.read(10 * MS, 10, 0);
    recorder.read(101 * MS, 60, 100);
    event(&mut recorder, 1);
    recorder.read(201 * MS, 90, 200);
    event(&mut recorder, 2);
    let summary = recorder.summary(Some(&clock()), &[]);
    assert_eq!(summary.lumps.iter().map(|lump| lump.bytes).collect::<Vec<_>>(), [60, 30]);
    assert_eq!((summary.bytes, summary.content_bytes, summary.first_byte_us), (90, 200, Some(10 * MS)));
}

#[test]
fn loss_repetition_disorder_and_damage_are_counted() {
    let mut recorder = recorder(6);
    for (n, seq) in [1, 3, 2, 3, 6].into_iter().enumerate() {
        recorder.read(MS * 1000 * (n as i64 + 1), 100 * (n as u64 + 1), 100 * (n as u64 + 1));
        event(&mut recorder, seq);
    }
    recorder.event(What::Numbered { seq: 7, sent_us: UNIX, intact: false }, 500, 600);
    recorder.event(What::Unreadable, 600, 700);
    let counts = recorder.summary(Some(&clock()), &[]).counts;
    let expected = Counts { received: 5, expected: Some(6), missing: 2, duplicated: 1, reordered: 1, corrupt: 2 };
    assert_eq!(counts, expected);
    assert_eq!(Counts::total([&expected, &expected]).expected, Some(12));
}

#[test]
fn an_idle_cut_is_an_end_after_the_longest_pause() {
    let ended = |at_ms: i64| {
        let mut recorder = steady(3, MS);
        recorder.spec.count = Some(10);
        recorder.end(Ending::Truncated, at_ms * MS);
        recorder.summary(Some(&clock()), &[]).end
    };
    assert_eq!(ended(10_301), Ending::IdleCut);
    assert_eq!(ended(400), Ending::Truncated);
    let mut complete = steady(3, MS);
    complete.end(Ending::Clean, 10_000 * MS);
    assert_eq!(complete.summary(None, &[]).end, Ending::Clean);
}

#[test]
fn a_replay_is_older_than_its_request() {
    let mut recorder = Recorder::new(spec(1), Origin::Ours, 5_000 * MS);
    recorder.read(5_001 * MS, 100, 100);
    event(&mut recorder, 1);
    assert_eq!(recorder.summary(Some(&clock()), &[]).stale_us, Some(4_900 * MS));
}

#[test]
fn without_a_clock_there_are_arrivals_only() {
    let summary = steady(5, MS).summary(None, &[]);
    assert_eq!((summary.lag, summary.samples.len(), summary.counts.received), (None, 0, 5));
    assert!(summary.lumps.iter().all(|lump| lump.wait_us.is_none()));
}

#[test]
fn another_origin_shows_arrivals_and_the_order_of_its_ids() {
    let mut recorder = Recorder::new(StreamSpec { count: None, ..spec(0) }, Origin::Foreign, 0);
    recorder.read(MS, 10, 10);
    for id in [Some(5), Some(5), None, Some(4), Some(6)] {
        recorder.event(What::Foreign { id }, 0, 10);
    }
    let summary = recorder.summary(None, &[]);
    assert_eq!((summary.counts.received, summary.counts.reordered, summary.counts.expected), (5, 1, None));
    assert_eq!(summary.bursts, Bursts { count: 1, largest: 5 });
}

#[test]
fn items_of_the_decoder_go_straight_in() {
    let mut filler = fastrand::Rng::with_seed(1);
    let mut hello = Stamped::hello(None, r#"{"id":"x"}"#);
    hello.stamp((UNIX + MS) as u64);
    let mut numbered = Stamped::numbered(1, &Shape { event: None, size: 200 }, &mut filler);
    numbered.stamp((UNIX + 100 * MS) as u64);
    let bytes = [hello.piece().payload(), b": heartbeat\n\n", numbered.piece().payload(), b"data: what\n\n"].concat();
    let mut recorder = recorder(1);
    recorder.read(110 * MS, bytes.len() as u64, bytes.len() as u64);
    Decoder::default().feed(&bytes).for_each(|decoded| recorder.item(&decoded.unwrap()));
    let summary = recorder.summary(Some(&clock()), &[]);
    let samples: Vec<_> = summary.samples.iter().map(|sample| (sample.seq, sample.lag_us / MS)).collect();
    assert_eq!(samples, [(0, 108), (1, 9)]);
    assert_eq!((summary.heartbeats, summary.counts.corrupt), (1, 1));
}

#[test]
fn a_long_watch_stays_small() {
    let mut recorder = Recorder::new(StreamSpec { count: None, ..spec(0) }, Origin::Ours, 0);
    for seq in 1..=100_000 {
        let slow = if seq == 77_777 { 500 * MS } else { 2 * MS };
        recorder.read(100 * MS * seq as i64 + slow, 100 * seq, 100 * seq);
        event(&mut recorder, seq);
    }
    let summary = recorder.summary(Some(&clock()), &[]);
    assert!(summary.samples.len() < 8192 && summary.lumps.len() <= 4096);
    assert_eq!(summary.lumps[0].at_us, 102 * MS, "the first lump is kept");
    assert_eq!(summary.lag, Some(Lag { p50: 1.0, p90: 1.0, p99: 1.0, max: 499.0 }));
}
