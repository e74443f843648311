//! Does time release what is held, or do bytes?

use super::shape::{Release, Shape};

/// What releases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// A timer.
    Time,
    /// A full buffer.
    Bytes,
    /// One of them.
    Either,
}

/// What releases, and at how much.
#[derive(Debug, Clone, Copy)]
pub(super) struct Class {
    pub(super) by: By,
    pub(super) bytes: u64,
    pub(super) us: i64,
}

/// What can be told of the releases of some of `all` streams; none of none.
pub(super) fn classify(held: &[(&Shape<'_>, Release)], all: &[Shape<'_>]) -> Option<Class> {
    let (_, longest) = held.iter().max_by_key(|(_, release)| release.wait_us)?;
    let alike: Vec<_> = held.iter().filter(|(shape, release)| same_wait(longest, shape, release)).collect();
    let paces = alike.iter().map(|(shape, _)| shape.pace());
    let (slowest, fastest) = paces.fold((f64::MAX, 0.0_f64), |(low, high), pace| (low.min(pace), high.max(pace)));
    let time_fits = all.iter().all(|shape| !shape.is_closed || within_quarter(shape.closed_us(), longest.wait_us));
    let bytes = threshold(held);
    let bytes_fit = all.iter().all(|shape| !shape.is_closed || within_quarter(shape.closed_bytes(), bytes));
    let all_late = all.iter().all(|shape| shape.is_closed || held.iter().any(|(h, _)| std::ptr::eq(*h, shape)));
    let by = match () {
        () if time_fits && fastest > 2.0 * slowest => By::Time,
        () if time_fits && !bytes_fit => By::Time,
        () if time_fits && all_late && held.len() == alike.len() => By::Either,
        () => By::Bytes,
    };
    // A clock that runs on its own meets the oldest byte at an age of up to T: the closest is the stream that sends most
    // often. One that rests after each release lets the next byte wait for more than T: its releases are T apart.
    let closest = alike.iter().min_by_key(|(shape, _)| shape.interval_us());
    let us = closest.map_or(0, |(_, release)| release.every_us.unwrap_or(i64::MAX).min(release.wait_us));
    Some(Class { by, bytes, us })
}

/// The threshold in bytes of the content, if that is what the releases have in common, and not bytes of the body: what
/// holds them lies in front of a compressor.
pub(super) fn before_compression(held: &[(&Shape<'_>, Release)]) -> Option<u64> {
    let range = |bytes: fn(&Release) -> u64| {
        let all = held.iter().map(|(_, release)| bytes(release));
        Some((all.clone().min()?, all.max()?))
    };
    let (least, most) = range(|release| release.content_bytes)?;
    let (least_body, most_body) = range(|release| release.bytes)?;
    (within_quarter(most, least) && most_body * 2 > least_body * 3).then_some(least)
}

/// Whether it waited as long as the longest; what a clock of its own releases may have waited less, by an interval.
fn same_wait(longest: &Release, shape: &Shape<'_>, release: &Release) -> bool {
    longest.wait_us - release.wait_us <= shape.interval_us().min(longest.wait_us / 2).max(longest.wait_us / 4)
}

/// Not more than a quarter above.
fn within_quarter<T: Into<i128>>(value: T, limit: T) -> bool {
    let limit: i128 = limit.into();
    value.into() <= limit + limit / 4
}

/// The threshold in bytes that the releases allow: at most the least of them, and more than each without its last
/// event. A power of two among those is taken: buffers are made so.
fn threshold(held: &[(&Shape<'_>, Release)]) -> u64 {
    let Some(least) = held.iter().map(|(_, release)| *release).min_by_key(|release| release.bytes) else { return 0 };
    let floors = held.iter().map(|(_, release)| release.bytes.saturating_sub(release.slack));
    let floor = floors.filter(|floor| *floor < least.bytes).max();
    let floor = floor.filter(|_| least.slack > 0).unwrap_or(least.bytes);
    let power = 1 << least.bytes.max(1).ilog2();
    if power > floor { power } else { least.bytes }
}
