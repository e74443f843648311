//! In real time or late, and if late, how. All of it given a tolerance.

use super::classify::{By, Class, before_compression, classify};
use super::detail::{Ambiguity, Held, Pace};
use super::shape::{NOISE, Shape, is_hanging, median};
use super::{Hold, HoldKind, Id, Judgement, Reason, Verdict};
use crate::stats::Summary;

/// Lags that differ by less, or by less than a quarter, are the same.
const SAME_LAG_US: i64 = 40_000;
/// Events that are sent more often than that may come together by chance.
const SLOW_US: i64 = 50_000;
/// A first release so many times as large as later ones is a hold of its own.
const DWARFS: i64 = 4;
/// With fewer releases than a few in the run, a time is a rough one.
const LONG_US: i64 = 3_000_000;
/// How long Linux keeps a corked segment, and what measuring adds.
const CORK_US: std::ops::RangeInclusive<i64> = 190_000..=230_000;
/// Fewer numbered events tell nothing, unless no more were asked for.
const EVENTS_LEAST: u64 = 5;

/// Decides about streams whose events came unharmed and weren't cut. All lags may be wrong by the same time, up to
/// `doubt_us`.
pub(super) fn decide(streams: &[Summary], within_us: i64, doubt_us: i64) -> Verdict {
    let shapes = streams.iter().map(|stream| Shape::new(stream, within_us));
    let (behind, shapes): (Vec<_>, Vec<_>) = shapes.partition(|shape| shape.falls_behind);
    let smallest = streams.iter().map(|stream| stream.spec.size).min().unwrap_or(0);
    if behind.is_empty() {
        return hold(&shapes, smallest, within_us, doubt_us);
    }
    // What is too much for the path tells nothing about holds.
    let bytes_per_s = most_per_s(&behind);
    let detail = Held::FallsBehind { streams: behind.iter().map(pace).collect(), bytes_per_s };
    if !shapes.iter().any(|shape| shape.stream.spec.size == smallest) {
        let reason = Reason::FallsBehind { bytes_per_s };
        return Verdict::unknown(Judgement::Lagging, reason).with(Id::FallsBehind, detail);
    }
    hold(&shapes, smallest, within_us, doubt_us).with(Id::FallsBehind, detail)
}

/// How many bytes a second come of streams that fall behind.
fn most_per_s(behind: &[Shape<'_>]) -> u64 {
    let rate = |stream: &Summary| stream.bytes as f64 * 1e6 / stream.lasted_us().max(1) as f64;
    behind.iter().map(|shape| rate(shape.stream)).fold(0.0, f64::max) as u64
}

/// What holds streams that come as fast as they are sent.
fn hold(shapes: &[Shape<'_>], smallest: u64, within_us: i64, doubt_us: i64) -> Verdict {
    let naming = || shapes.iter().filter(|shape| shape.stream.spec.size == smallest);
    let starts_late = |shape: &&Shape<'_>| shape.starts_late(within_us);
    let start_late = shapes.iter().filter(starts_late).count() >= 2 && naming().any(|shape| starts_late(&shape));
    // Two streams or more don't begin late by chance.
    if naming().any(Shape::is_troubled) || start_late {
        let verdict = late(shapes, within_us, doubt_us);
        let (late, all) =
            naming().fold((0, 0), |(late, all), shape| (late + shape.late, all + shape.stream.samples.len()));
        // Two of the few events of the slow stream, late by no pattern, are no more than noise among all small ones.
        let is_noise = late as f64 <= NOISE * all as f64 && !start_late && !naming().any(|shape| shape.is_closed);
        return if verdict.verdict == Judgement::Inconclusive && is_noise {
            real_time(shapes, within_us, smallest)
        } else {
            verdict
        };
    }
    if let Some(hanging) = naming().map(|shape| shape.stream).find(|stream| is_hanging(stream)) {
        return hangs(hanging);
    }
    let received: u64 = naming().map(|shape| shape.stream.counts.received).sum();
    if received < EVENTS_LEAST && !naming().all(|shape| shape.stream.is_complete()) {
        let verdict = Verdict::unknown(Judgement::Inconclusive, Reason::TooFewEvents);
        return verdict.with(Id::TooShort, Ambiguity::FewBeforeEnd { received });
    }
    real_time(shapes, within_us, smallest)
}

fn hangs(stream: &Summary) -> Verdict {
    let after_us = stream.last_event_us.unwrap_or(stream.requested_us) - stream.requested_us;
    let reason = Reason::Hangs { after_us, received: stream.counts.received };
    Verdict::new(Judgement::Cut, Hold::of(HoldKind::None), reason).with(Id::Hanging, Held::Hanging { after_us })
}

fn real_time(shapes: &[Shape<'_>], within_us: i64, smallest: u64) -> Verdict {
    let naming = shapes.iter().filter(|shape| shape.stream.spec.size == smallest);
    let (late, all) = naming.fold((0, 0), |(late, all), shape| (late + shape.late, all + shape.stream.samples.len()));
    let reason = Reason::RealTime { on_time: all - late, all, within_us };
    let mut verdict = Verdict::new(Judgement::RealTime, Hold::of(HoldKind::None), reason);
    for shape in shapes.iter().filter(|shape| shape.is_troubled()) {
        let held = shape.lasting.or(shape.first).map(|hold| (hold.wait_us, hold.bytes));
        let all = shape.stream.samples.len();
        let detail = Held::BigEvents { stream: pace(shape), late: shape.late, all, held };
        verdict = verdict.with(Id::BigEvents, detail);
    }
    // Each comes with the next one, as far as can be seen.
    let behind = |shape: &Shape<'_>| near(shape.lag_us, shape.interval_us(), shape.interval_us() / 4);
    if shapes.iter().all(|shape| shape.interval_us() <= within_us) && shapes.iter().all(behind) {
        verdict = verdict.with(Id::IntervalsWithin, Ambiguity::IntervalsWithin { within_us });
    }
    verdict
}

fn late(shapes: &[Shape<'_>], within_us: i64, doubt_us: i64) -> Verdict {
    if shapes.iter().all(|shape| shape.is_closed) {
        return held_until_close(shapes);
    }
    let again: Vec<&Shape<'_>> = shapes.iter().filter(|shape| shape.is_held_again()).collect();
    let lagging = one_event(shapes, within_us, doubt_us).or_else(|| constant(shapes));
    let lagging = lagging.or_else(|| one_event_by_timer(shapes, within_us));
    lagging.unwrap_or_else(|| if again.is_empty() { late_start(shapes, None) } else { held_again(shapes, &again) })
}

fn held_until_close(shapes: &[Shape<'_>]) -> Verdict {
    let us = shapes.iter().map(Shape::closed_us).max().unwrap_or(0);
    let bytes = shapes.iter().map(Shape::closed_bytes).max().unwrap_or(0);
    Verdict::new(Judgement::HeldUntilClose, Hold::of(HoldKind::Close), Reason::UntilClose)
        .with(Id::HeldUntilClose, Held::UntilClose { us })
        .with(Id::CloseOrLarger, Ambiguity::SentUntilClose { bytes, us })
}

fn near(value: i64, other: i64, least: i64) -> bool {
    (value - other).abs() <= least.max(other / 4)
}

/// The streams on which events that come alone come alone by no chance: the slow ones, if there are any.
fn slow<'a, 'b>(shapes: &'b [Shape<'a>]) -> Vec<&'b Shape<'a>> {
    let slow: Vec<_> = shapes.iter().filter(|shape| shape.interval_us() >= SLOW_US).collect();
    if slow.is_empty() { shapes.iter().collect() } else { slow }
}

fn all_alone(shapes: &[&Shape<'_>]) -> bool {
    shapes.iter().all(|shape| shape.events <= 1 && !shape.is_closed)
}

/// Each event comes when the next one is sent: each stream lags by its own interval.
fn one_event(shapes: &[Shape<'_>], within_us: i64, doubt_us: i64) -> Option<Verdict> {
    let slow = slow(shapes);
    let beyond = slow.iter().map(|shape| shape.lag_us - shape.interval_us()).min_by_key(|beyond| beyond.abs())?;
    let wrong_us = beyond.clamp(-doubt_us, doubt_us);
    let own = slow.iter().all(|shape| near(shape.lag_us - wrong_us, shape.interval_us(), SAME_LAG_US));
    if !own || !all_alone(&slow) || shapes.iter().any(|shape| shape.is_closed) {
        return None;
    }
    let longest = slow.iter().map(|shape| shape.interval_us()).max().filter(|longest| *longest > within_us)?;
    let shortest = slow.iter().map(|shape| shape.interval_us()).min()?;
    let verdict = Verdict::new(Judgement::Lagging, Hold::of(HoldKind::OneEvent), Reason::OneEvent);
    let verdict = verdict.with(Id::OneEvent, Held::LateByInterval { interval_us: longest, lag_us: longest });
    // What is late by the same time everywhere is late on fast streams, too.
    let is_told = longest >= 2 * shortest || shapes.iter().any(|shape| shape.lag_us + doubt_us < longest / 2);
    Some(if is_told { verdict } else { verdict.with(Id::OneEventOrConstant, Ambiguity::SameInterval) })
}

/// Each event comes when the next one is sent and a timer has run out, as from a compressor in front of a corked socket:
/// what is oldest waits for its own interval, and for the same time beyond that.
fn one_event_by_timer(shapes: &[Shape<'_>], within_us: i64) -> Option<Verdict> {
    let waits = shapes.iter().map(|shape| Some((shape.interval_us(), shape.lasting?.wait_us)));
    let beyond = waits.map(|wait| wait.map(|(interval_us, wait_us)| wait_us - interval_us));
    let beyond = beyond.collect::<Option<Vec<i64>>>()?;
    let timer_us = median(beyond.iter().copied())?;
    let same = beyond.iter().all(|beyond| (beyond - timer_us).abs() <= SAME_LAG_US);
    let slowest = shapes.iter().max_by_key(|shape| shape.interval_us())?;
    let fastest = shapes.iter().min_by_key(|shape| shape.interval_us())?;
    // Of other holds, too, all waits differ by little if the intervals do.
    let is_told = slowest.interval_us() - fastest.interval_us() > 4 * SAME_LAG_US;
    let is_alone = slowest.events <= 1 && slowest.is_always_late() && slowest.interval_us() > within_us;
    if !same || !is_told || !is_alone || timer_us <= SAME_LAG_US || shapes.iter().any(|shape| shape.is_closed) {
        return None;
    }
    let reason = Reason::OneEventAndTimer { us: timer_us };
    let verdict = Verdict::new(Judgement::Lagging, Hold::of(HoldKind::OneEvent), reason);
    let late = Held::LateByInterval { interval_us: slowest.interval_us(), lag_us: slowest.lag_us };
    let verdict = verdict.with(Id::OneEvent, late).with(Id::BatchedTime, Held::TimerAdds { us: timer_us });
    let is_cork = CORK_US.contains(&timer_us);
    Some(if is_cork { verdict.with(Id::Cork, Held::CorkTimer { us: timer_us }) } else { verdict })
}

/// Each event comes alone and late by the same time.
fn constant(shapes: &[Shape<'_>]) -> Option<Verdict> {
    let slow = slow(shapes);
    let lag_us = median(shapes.iter().map(|shape| shape.lag_us))?;
    let same = shapes.iter().all(|shape| !shape.is_closed && near(shape.lag_us, lag_us, SAME_LAG_US));
    let even = |shape: &Shape<'_>| {
        let lags = || shape.stream.samples.iter().map(|sample| sample.lag_us);
        lags().filter(|lag| near(*lag, shape.lag_us, SAME_LAG_US)).count() * 2 >= lags().count()
    };
    if !same || !all_alone(&slow) || !slow.iter().all(|shape| shape.is_always_late() && even(shape)) {
        return None;
    }
    let us = lag_us;
    let hold = Hold { ms: Some(rounded_ms(us)), ..Hold::of(HoldKind::Constant) };
    let verdict = Verdict::new(Judgement::Lagging, hold, Reason::ConstantLag { us });
    let mut verdict = verdict.with(Id::ConstantLag, Held::ConstantLag { us });
    if CORK_US.contains(&us) {
        verdict = verdict.with(Id::Cork, Held::CorkLag { us });
    }
    let is_told = shapes.iter().any(|shape| shape.interval_us() < lag_us && shape.events <= 1);
    if is_told {
        return Some(verdict);
    }
    Some(verdict.with(Id::TimerOrConstant, Ambiguity::NoneFaster { us }))
}

fn rounded_ms(us: i64) -> u64 {
    u64::try_from((us + 500) / 1000).unwrap_or(0)
}

/// What is sent after the first release is held again.
fn held_again(shapes: &[Shape<'_>], again: &[&Shape<'_>]) -> Verdict {
    let steady: Vec<&Shape<'_>> = again.iter().filter(|shape| shape.is_steady).copied().collect();
    if steady.is_empty() {
        return if dwarfed(again) { late_start(shapes, Some(again)) } else { unsteady(shapes) };
    }
    if dwarfed(&steady) {
        return late_start(shapes, Some(&steady));
    }
    // A stream with one release, before the end, tells by that.
    let held: Vec<_> = steady.iter().filter_map(|shape| Some((*shape, shape.lasting.or(shape.first)?))).collect();
    let Some(class) = classify(&held, shapes) else { return closed_in_part(shapes) };
    let class = if is_contradicted(&class, again) { Class { by: By::Time, ..class } } else { class };
    if let Some(bytes) = before_compression(&held).filter(|_| class.by != By::Time) {
        return batched(Class { bytes, ..class }).with(Id::HeldThenCompressed, Held::ReleasedContent { bytes });
    }
    let verdict = batched(class);
    if steady.iter().all(|shape| shape.lasting.is_none()) {
        return verdict.with(Id::StartOrLasting, Ambiguity::OneRelease);
    }
    verdict_of_compressed(verdict, shapes)
}

/// Far fewer bytes were released on another stream, after no longer a time: bytes don't release them.
fn is_contradicted(class: &Class, again: &[&Shape<'_>]) -> bool {
    let is_less = |shape: &&Shape<'_>| {
        shape
            .lasting
            .is_some_and(|lasting| lasting.bytes * 2 < class.bytes && lasting.wait_us <= class.us + class.us / 4)
    };
    class.by == By::Bytes && again.iter().any(is_less)
}

/// The first hold is so much longer than those behind it that it is another one.
fn dwarfed(steady: &[&Shape<'_>]) -> bool {
    let dwarfs = |shape: &&&Shape<'_>| {
        shape.first.zip(shape.lasting).is_some_and(|(first, lasting)| {
            first.wait_us > DWARFS * lasting.wait_us && first.bytes > DWARFS as u64 * lasting.bytes
        })
    };
    let with_both = steady.iter().filter(|shape| shape.first.is_some() && shape.lasting.is_some()).count();
    with_both > 0 && steady.iter().filter(dwarfs).count() == with_both
}

fn unsteady(shapes: &[Shape<'_>]) -> Verdict {
    let late: usize = shapes.iter().map(|shape| shape.late).sum();
    let all: usize = shapes.iter().map(|shape| shape.stream.samples.len()).sum();
    let detail = Held::Unsteady { late, all, longest_us: longest_lag(shapes) };
    Verdict::unknown(Judgement::Inconclusive, Reason::Unsteady { late, all }).with(Id::Unsteady, detail)
}

fn longest_lag(shapes: &[Shape<'_>]) -> i64 {
    shapes.iter().flat_map(|shape| &shape.stream.samples).map(|sample| sample.lag_us).max().unwrap_or(0)
}

fn batched(class: Class) -> Verdict {
    let Class { by, bytes, us } = class;
    if by == By::Time {
        let hold = Hold { ms: Some(rounded_ms(us)), ..Hold::of(HoldKind::Time) };
        let verdict = Verdict::new(Judgement::Batched, hold, Reason::EveryTime { us });
        let mut verdict = verdict.with(Id::BatchedTime, Held::HeldTime { us });
        if CORK_US.contains(&us) {
            verdict = verdict.with(Id::Cork, Held::CorkFlush { us });
        }
        if us > LONG_US {
            return verdict.with(Id::LongHold, Ambiguity::FewReleases { us });
        }
        return verdict.with(Id::TimerOrConstant, Ambiguity::SparseEvents { us });
    }
    let hold = Hold { bytes: Some(bytes), ..Hold::of(HoldKind::Bytes) };
    let verdict = Verdict::new(Judgement::Batched, hold, Reason::EveryBytes { bytes });
    let verdict = verdict.with(Id::BatchedBytes, Held::HeldBytes { bytes });
    if by == By::Bytes { verdict } else { verdict.with(Id::TimeOrBytes, Ambiguity::TimeOrBytes { bytes, us }) }
}

/// Held at first, by the first releases; and again, but for less, on some streams.
fn late_start(shapes: &[Shape<'_>], again: Option<&[&Shape<'_>]>) -> Verdict {
    let held: Vec<_> = shapes.iter().filter_map(|shape| Some((shape, shape.first?))).collect();
    let held: Vec<_> = held.into_iter().filter(|(shape, _)| !shape.is_closed).collect();
    let Some(class) = classify(&held, shapes) else { return closed_in_part(shapes) };
    let mut verdict = started(class, again.is_some());
    let longest_us = shapes.iter().filter_map(|shape| shape.stream.spec.planned_us()).max();
    if class.by == By::Time && again.is_none() && longest_us.is_some_and(|longest| 2 * class.us > longest) {
        verdict = verdict.with(Id::StartOrLasting, Ambiguity::NoSecondRelease { us: class.us });
    }
    let lasting = again.into_iter().flatten().filter_map(|shape| Some((*shape, shape.lasting?)));
    if let Some(class) = classify(&lasting.collect::<Vec<_>>(), shapes) {
        let still = match class.by {
            By::Time => Held::StillHeldTime { us: class.us },
            By::Bytes | By::Either => Held::StillHeldBytes { bytes: class.bytes },
        };
        verdict = verdict.with(Id::StillHeld, still);
    }
    verdict_of_compressed(verdict, shapes)
}

fn started(class: Class, is_held_after: bool) -> Verdict {
    let Class { by, bytes, us } = class;
    if by == By::Time {
        let hold = Hold { ms: Some(rounded_ms(us)), ..Hold::of(HoldKind::StartTime) };
        let verdict = Verdict::new(Judgement::LateStart, hold, Reason::StartTime { us, is_held_after });
        return verdict.with(Id::StartTime, Held::StartTime { us });
    }
    let hold = Hold { bytes: Some(bytes), ..Hold::of(HoldKind::StartBytes) };
    let verdict = Verdict::new(Judgement::LateStart, hold, Reason::StartBytes { bytes, is_held_after });
    let verdict = verdict.with(Id::StartBytes, Held::StartBytes { bytes });
    if by == By::Bytes { verdict } else { verdict.with(Id::TimeOrBytes, Ambiguity::TimeOrBytes { bytes, us }) }
}

/// Some streams wait for their end, the others aren't held.
fn closed_in_part(shapes: &[Shape<'_>]) -> Verdict {
    let closed: Vec<&Shape<'_>> = shapes.iter().filter(|shape| shape.is_closed).collect();
    if closed.is_empty() {
        return unsteady(shapes);
    }
    let detail = Held::SomeUntilClose(closed.iter().map(|shape| pace(shape)).collect());
    if closed.iter().all(|shape| shape.stream.counts.received == 0) {
        return Verdict::unknown(Judgement::Silent, Reason::SmallMissing).with(Id::Silent, detail);
    }
    let verdict = Verdict::new(Judgement::HeldUntilClose, Hold::of(HoldKind::Close), Reason::SmallUntilClose);
    verdict.with(Id::HeldUntilClose, detail.clone()).with(Id::ContentHeld, detail)
}

fn pace(shape: &Shape<'_>) -> Pace {
    Pace { size: shape.stream.spec.size, interval_us: shape.interval_us() }
}

fn verdict_of_compressed(verdict: Verdict, shapes: &[Shape<'_>]) -> Verdict {
    let (bytes, content_bytes) = shapes
        .iter()
        .fold((0, 0), |(bytes, content), shape| (bytes + shape.stream.bytes, content + shape.stream.content_bytes));
    // A coding that is there changes the length, if only by its frame.
    if bytes == content_bytes || verdict.hold.bytes.is_none() {
        return verdict;
    }
    verdict.with(Id::Compressed, Held::Compressed { content_bytes, bytes })
}
