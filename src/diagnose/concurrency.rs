//! How many streams a path passes side by side.
//!
//! The limit of six connections that browsers have for each origin over HTTP/1.1 is none here: each stream has a
//! connection of its own. What limits them is the path.

use std::io;
use std::time::{Duration, Instant};

use super::tracked::{self, Seen, TrackedStream};
use crate::client::origin::{self, Told};
use crate::client::{Client, Request};
use crate::shutdown::Deadline;
pub use crate::verdict::endurance::Crowd;

/// Streams that are asked for, unless another number is.
pub const STREAMS: usize = 24;

/// What each of them has: events for 3 s.
const PACE: &str = "interval=250ms&count=12&heartbeat=0";
/// A stream that begins so much later than the first was kept back. A place is free only 3 s after the first began.
const LATE_US: i64 = 1_500_000;
/// How long all of them may take: those that are kept back come behind the others.
const PATIENCE: Duration = Duration::from_secs(8);

/// What was seen of one stream.
#[derive(Debug, Clone, Copy, Default)]
struct One {
    /// The status of its response.
    status: Option<u16>,
    /// When the origin began it; its clock.
    began_us: Option<i64>,
    /// Numbered events that came.
    events: u64,
    /// The request is not answered, and has not come to the origin as far as is known.
    is_waiting: bool,
}

/// Asks for `many` streams at once, and tells how many the path passes side by side; `request` is the one for a stream of
/// an origin that is ours. It takes 3 s if it passes all, else 8 s.
///
/// # Errors
/// When the system refuses a thread or a random number.
pub fn measure(client: &Client, request: &Request, many: usize, limits: &Deadline) -> io::Result<Crowd> {
    let start = Instant::now();
    let mut streams = (0..many).map(|_| TrackedStream::start(client, request, PACE)).collect::<io::Result<Vec<_>>>()?;
    let due = start + PATIENCE;
    while streams.iter().any(|stream| stream.seen.end.is_none())
        && Instant::now() < due
        && tracked::wait(&mut streams, Some(due), limits)
    {}
    let mut ones: Vec<One> = streams.iter().map(|stream| one(&stream.seen)).collect();
    let mut is_answered = true;
    for (one, stream) in ones.iter_mut().zip(&streams).filter(|(_, stream)| is_unanswered(&stream.seen)) {
        // Where so few requests are passed on at a time, this one has to wait as they do.
        let told = is_answered.then(|| origin::stream(client, request, &stream.id, limits)).flatten();
        is_answered = told.is_some();
        one.is_waiting = told.is_none_or(|told| told == Told::NoSuchStream);
    }
    Ok(decide(&ones))
}

fn is_unanswered(seen: &Seen) -> bool {
    seen.head.is_none() && seen.end.is_none()
}

fn one(seen: &Seen) -> One {
    One { status: seen.head.map(|(status, _)| status), began_us: seen.hello_us, events: seen.events, is_waiting: false }
}

/// What the streams tell.
fn decide(streams: &[One]) -> Crowd {
    let first_us = streams.iter().filter_map(|one| one.began_us).min();
    let is_late = |one: &One| one.began_us.zip(first_us).is_some_and(|(began, first)| began - first > LATE_US);
    let mut crowd = Crowd { asked: streams.len(), ..Crowd::default() };
    for one in streams {
        match one.status {
            Some(status) if status != 200 => *crowd.refused.entry(status).or_default() += 1,
            _ if is_late(one) || one.is_waiting => crowd.kept_back += 1,
            _ if one.events > 0 => crowd.at_once += 1,
            _ => crowd.failed += 1,
        }
    }
    crowd
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_is_told_apart() {
        let streamed = |began_ms: i64| One {
            status: Some(200),
            began_us: Some(1_795_262_866_208_411 + began_ms * 1000),
            events: 12,
            is_waiting: false,
        };
        let refused = One { status: Some(503), ..One::default() };
        let waiting = One { is_waiting: true, ..One::default() };
        let empty = One { events: 0, ..streamed(0) };
        let streams = [
            streamed(400),
            streamed(0),
            streamed(1400),
            streamed(3010),
            refused,
            refused,
            waiting,
            One::default(),
            empty,
        ];
        let crowd = decide(&streams);
        assert_eq!((crowd.asked, crowd.at_once, crowd.kept_back, crowd.failed), (9, 3, 2, 2));
        assert_eq!(crowd.refused, std::collections::BTreeMap::from([(503, 2)]));
        assert_eq!(decide(&[]), Crowd::default());
    }
}
