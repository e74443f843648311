//! In real time or late, and if late, how. All of it given a tolerance.

use super::classify::{By, Class, before_compression, classify};
use super::findings::{events, time};
use super::shape::{NOISE, Shape, is_hanging, median};
use super::{Hold, HoldKind, Id, Judgement, Verdict};
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
    let (rate, text) = too_much(&behind);
    if !shapes.iter().any(|shape| shape.stream.spec.size == smallest) {
        let summary = format!("events fall behind ever more: the path passes about {rate} bytes a second");
        return Verdict::unknown(Judgement::Lagging, summary).with(Id::FallsBehind, text);
    }
    hold(&shapes, smallest, within_us, doubt_us).with(Id::FallsBehind, text)
}

/// How many bytes a second come of streams that fall behind, and what to say about them.
fn too_much(behind: &[Shape<'_>]) -> (u64, String) {
    let rate = |stream: &Summary| stream.bytes as f64 * 1e6 / stream.lasted_us().max(1) as f64;
    let most = behind.iter().map(|shape| rate(shape.stream)).fold(0.0, f64::max) as u64;
    let names: Vec<String> = behind.iter().map(describe).collect();
    (most, format!("{} come at {most} bytes a second at most, and ever later", names.join(" and ")))
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
        let verdict = Verdict::unknown(Judgement::Inconclusive, "too few events arrived to judge by");
        return verdict.with(Id::TooShort, format!("{} came before the end of the run", events(received)));
    }
    real_time(shapes, within_us, smallest)
}

fn hangs(stream: &Summary) -> Verdict {
    let last_us = stream.last_event_us.unwrap_or(stream.requested_us) - stream.requested_us;
    let received = stream.counts.received;
    let summary = format!("events stop after {}, {received} of them in, and the connection stays open", time(last_us));
    let text = format!("nothing came after {}, though the origin went on and ended", time(last_us));
    Verdict::new(Judgement::Cut, Hold::of(HoldKind::None), summary).with(Id::Hanging, text)
}

fn real_time(shapes: &[Shape<'_>], within_us: i64, smallest: u64) -> Verdict {
    let naming = shapes.iter().filter(|shape| shape.stream.spec.size == smallest);
    let (late, all) = naming.fold((0, 0), |(late, all), shape| (late + shape.late, all + shape.stream.samples.len()));
    let within = time(within_us);
    let summary = format!("events arrive in real time: {} of {all} within {within}", all - late);
    let mut verdict = Verdict::new(Judgement::RealTime, Hold::of(HoldKind::None), summary);
    for shape in shapes.iter().filter(|shape| shape.is_troubled()) {
        let stream = shape.stream;
        let (size, interval, late, all) =
            (stream.spec.size, time(shape.interval_us()), shape.late, stream.samples.len());
        let held = shape
            .lasting
            .or(shape.first)
            .map_or(String::new(), |hold| format!("; held for {}, {} bytes at a time", time(hold.wait_us), hold.bytes));
        let text = format!("of events of {size} bytes every {interval}, {late} of {all} come late{held}");
        verdict = verdict.with(Id::BigEvents, text);
    }
    // Each comes with the next one, as far as can be seen.
    let behind = |shape: &Shape<'_>| near(shape.lag_us, shape.interval_us(), shape.interval_us() / 4);
    if shapes.iter().all(|shape| shape.interval_us() <= within_us) && shapes.iter().all(behind) {
        let text = format!("every interval is within {within}, and each event comes about an interval late");
        verdict = verdict.with(Id::IntervalsWithin, text);
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
    let summary = "nothing arrives until the origin ends the response, then all of it at once";
    let longest = shapes.iter().map(Shape::closed_us).max().unwrap_or(0);
    let most = shapes.iter().map(Shape::closed_bytes).max().unwrap_or(0);
    Verdict::new(Judgement::HeldUntilClose, Hold::of(HoldKind::Close), summary)
        .with(Id::HeldUntilClose, format!("events were held for up to {}, until the end", time(longest)))
        .with(Id::CloseOrLarger, format!("{most} bytes were sent in {}", time(longest)))
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
    let summary = "each event arrives only when the next one is sent";
    let verdict = Verdict::new(Judgement::Lagging, Hold::of(HoldKind::OneEvent), summary);
    let text = format!("events sent every {} come {} late", time(longest), time(longest));
    let verdict = verdict.with(Id::OneEvent, text);
    // What is late by the same time everywhere is late on fast streams, too.
    let is_told = longest >= 2 * shortest || shapes.iter().any(|shape| shape.lag_us + doubt_us < longest / 2);
    Some(if is_told { verdict } else { verdict.with(Id::OneEventOrConstant, "all streams had the same interval") })
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
    let (interval, timer) = (time(slowest.interval_us()), time(timer_us));
    let summary = format!("each event arrives only when the next one is sent, and {timer} after that");
    let verdict = Verdict::new(Judgement::Lagging, Hold::of(HoldKind::OneEvent), summary);
    let text = format!("events sent every {interval} come {} late", time(slowest.lag_us));
    let verdict = verdict.with(Id::OneEvent, text);
    let verdict = verdict.with(Id::BatchedTime, format!("whatever the pace, {timer} are added to that"));
    Some(if CORK_US.contains(&timer_us) { verdict.with(Id::Cork, format!("the time is {timer}")) } else { verdict })
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
    let lag = time(lag_us);
    let hold = Hold { ms: Some(rounded_ms(lag_us)), ..Hold::of(HoldKind::Constant) };
    let verdict = Verdict::new(Judgement::Lagging, hold, format!("each event arrives alone, but {lag} late"));
    let mut verdict = verdict.with(Id::ConstantLag, format!("every event is late by {lag}, whatever the pace"));
    if CORK_US.contains(&lag_us) {
        verdict = verdict.with(Id::Cork, format!("a lag of {lag} is that of a corked socket"));
    }
    let is_told = shapes.iter().any(|shape| shape.interval_us() < lag_us && shape.events <= 1);
    if is_told {
        return Some(verdict);
    }
    Some(verdict.with(Id::TimerOrConstant, format!("no stream sent more often than every {lag}")))
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
        let text = format!("{bytes} bytes of events are together in each release, however few they are as compressed");
        return batched(Class { bytes, ..class }).with(Id::HeldThenCompressed, text);
    }
    let verdict = batched(class);
    if steady.iter().all(|shape| shape.lasting.is_none()) {
        return verdict.with(Id::StartOrLasting, "one release was seen, and what came after it waited for the end");
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
    let summary = format!("{late} of {all} events are late, in no pattern that a hold makes");
    let text = format!("{late} of {all} events came late, some by {}", time(longest_lag(shapes)));
    Verdict::unknown(Judgement::Inconclusive, summary).with(Id::Unsteady, text)
}

fn longest_lag(shapes: &[Shape<'_>]) -> i64 {
    shapes.iter().flat_map(|shape| &shape.stream.samples).map(|sample| sample.lag_us).max().unwrap_or(0)
}

fn batched(class: Class) -> Verdict {
    let Class { by, bytes, us } = class;
    if by == By::Time {
        let hold = Hold { ms: Some(rounded_ms(us)), ..Hold::of(HoldKind::Time) };
        let t = time(us);
        let verdict =
            Verdict::new(Judgement::Batched, hold, format!("events arrive in lumps, every {t} or so, throughout"));
        let mut verdict = verdict.with(Id::BatchedTime, format!("whatever the pace, events are held for up to {t}"));
        if CORK_US.contains(&us) {
            verdict = verdict.with(Id::Cork, format!("{t} between flushes is a corked socket's time"));
        }
        if us > LONG_US {
            return verdict.with(Id::LongHold, format!("few releases, {t} apart, fit into the run"));
        }
        return verdict.with(Id::TimerOrConstant, format!("events sent less often than every {t} don't come in lumps"));
    }
    let hold = Hold { bytes: Some(bytes), ..Hold::of(HoldKind::Bytes) };
    let summary = format!("events arrive in lumps of about {bytes} bytes throughout");
    let verdict = Verdict::new(Judgement::Batched, hold, summary);
    let verdict = verdict.with(Id::BatchedBytes, format!("events are held until about {bytes} bytes are together"));
    if by == By::Bytes {
        return verdict;
    }
    verdict.with(Id::TimeOrBytes, format!("{bytes} bytes were sent in {}: either may release them", time(us)))
}

/// Held at first, by the first releases; and again, but for less, on some streams.
fn late_start(shapes: &[Shape<'_>], again: Option<&[&Shape<'_>]>) -> Verdict {
    let held: Vec<_> = shapes.iter().filter_map(|shape| Some((shape, shape.first?))).collect();
    let held: Vec<_> = held.into_iter().filter(|(shape, _)| !shape.is_closed).collect();
    let Some(class) = classify(&held, shapes) else { return closed_in_part(shapes) };
    let rest = if again.is_some() { "is held, too, but less" } else { "arrives in real time" };
    let mut verdict = started(class, rest);
    let longest_us = shapes.iter().filter_map(|shape| shape.stream.spec.planned_us()).max();
    if class.by == By::Time && again.is_none() && longest_us.is_some_and(|longest| 2 * class.us > longest) {
        verdict = verdict
            .with(Id::StartOrLasting, format!("a second release after {} would not have been seen", time(class.us)));
    }
    let lasting = again.into_iter().flatten().filter_map(|shape| Some((*shape, shape.lasting?)));
    if let Some(class) = classify(&lasting.collect::<Vec<_>>(), shapes) {
        let still = match class.by {
            By::Time => format!("for up to {}", time(class.us)),
            By::Bytes | By::Either => format!("until {} bytes are together", class.bytes),
        };
        verdict = verdict.with(Id::StillHeld, format!("what comes afterwards is still held {still}"));
    }
    verdict_of_compressed(verdict, shapes)
}

fn started(class: Class, rest: &str) -> Verdict {
    let Class { by, bytes, us } = class;
    if by == By::Time {
        let t = time(us);
        let hold = Hold { ms: Some(rounded_ms(us)), ..Hold::of(HoldKind::StartTime) };
        let summary = format!("nothing arrives for the first {t}; what comes afterwards {rest}");
        let verdict = Verdict::new(Judgement::LateStart, hold, summary);
        return verdict.with(Id::StartTime, format!("the first events were held for {t}, whatever the pace"));
    }
    let hold = Hold { bytes: Some(bytes), ..Hold::of(HoldKind::StartBytes) };
    let summary = format!("nothing arrives until about {bytes} bytes are sent; what comes afterwards {rest}");
    let verdict = Verdict::new(Judgement::LateStart, hold, summary);
    let verdict = verdict.with(Id::StartBytes, format!("the first {bytes} bytes or so are held"));
    if by == By::Bytes {
        return verdict;
    }
    verdict.with(Id::TimeOrBytes, format!("{bytes} bytes were sent in {}: either may release them", time(us)))
}

/// Some streams wait for their end, the others aren't held.
fn closed_in_part(shapes: &[Shape<'_>]) -> Verdict {
    let closed: Vec<&Shape<'_>> = shapes.iter().filter(|shape| shape.is_closed).collect();
    if closed.is_empty() {
        return unsteady(shapes);
    }
    let names: Vec<String> = closed.iter().map(|shape| describe(shape)).collect();
    let text = format!("held until their end: {}; others are not", names.join(" and "));
    if closed.iter().all(|shape| shape.stream.counts.received == 0) {
        let summary = "not one small event arrived, while larger ones do";
        return Verdict::unknown(Judgement::Silent, summary).with(Id::Silent, text);
    }
    let summary = "small events are held until the origin ends the response, larger ones are not";
    let verdict = Verdict::new(Judgement::HeldUntilClose, Hold::of(HoldKind::Close), summary);
    verdict.with(Id::HeldUntilClose, text.clone()).with(Id::ContentHeld, text)
}

fn describe(shape: &Shape<'_>) -> String {
    let data = if shape.stream.spec.size == 0 {
        "small events".to_owned()
    } else {
        format!("events of {} bytes", shape.stream.spec.size)
    };
    format!("{data} every {}", time(shape.interval_us()))
}

fn verdict_of_compressed(verdict: Verdict, shapes: &[Shape<'_>]) -> Verdict {
    let (bytes, content) = shapes
        .iter()
        .fold((0, 0), |(bytes, content), shape| (bytes + shape.stream.bytes, content + shape.stream.content_bytes));
    // A coding that is there changes the length, if only by its frame.
    if bytes == content || verdict.hold.bytes.is_none() {
        return verdict;
    }
    verdict.with(Id::Compressed, format!("{content} bytes of events came as {bytes}"))
}
