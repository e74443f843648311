//! How long a stream may be quiet, and how long it may be at all, before a path ends it.
//!
//! All streams run at once. Each quiet one says hello, is silent for a time of its own, and then sends an event: if that
//! comes, the path has let the silence pass. One that is never quiet tells a limit on silence from one on age, and two
//! whose silence is broken by comments tell whether those are a cure.

mod decide;

use std::io;
use std::time::{Duration, Instant};

use super::tracked::{self, TrackedStream};
use crate::client::origin;
use crate::client::{Client, Ending, Request};
use crate::shutdown::Deadline;
use crate::units::format_duration;
pub use crate::verdict::endurance::{Cut, Patience, Proof, Showed};
use decide::{BUSY, COMMENTS, Kind, Observed, Told, decide, is_settled, next_due};

/// The longest silence that is tried, unless another is asked for: longer than what Cloudflare's edge was seen to allow.
pub const IDLE_MAX: Duration = Duration::from_secs(130);

/// The silences that are tried, in seconds, beside the longest.
const LADDER: [u64; 13] = [5, 10, 15, 20, 30, 45, 60, 75, 90, 100, 110, 120, 130];
/// Bytes of a padded comment: more than most buffers hold.
const COMMENT_PAD: &str = "16k";
/// Questions without an answer before no more are asked.
const UNANSWERED_MAX: u32 = 3;

/// A stream of the measurement.
struct Stream {
    kind: Kind,
    tracked: TrackedStream,
    told: Told,
}

/// Measures how patient the path is with a stream that is silent for up to `idle_max` (at most an hour); `request` is the
/// one for a stream of an origin that is ours. It takes `idle_max` and 3 s if no silence is cut. A cut after X is known for
/// sure after 1.5 X and 5 s: so long the other streams have to live on. If `limits` end it sooner, the result tells what is
/// known by then.
///
/// # Errors
/// When the system refuses a thread or a random number.
pub fn measure(client: &Client, request: &Request, idle_max: Duration, limits: &Deadline) -> io::Result<Patience> {
    let start = Instant::now();
    let begun = kinds(idle_max).into_iter().map(|kind| {
        let tracked = TrackedStream::start(client, request, &pace(kind, idle_max))?;
        Ok(Stream { kind, tracked, told: Told::NotAsked })
    });
    let mut streams = begun.collect::<io::Result<Vec<_>>>()?;
    let mut asking = Asking { client, request, limits, unanswered: 0 };
    loop {
        let now = start.elapsed();
        asking.about_all(&mut streams, start, |observed| observed.needs_word(now));
        let observed = observe(&streams, start);
        if is_settled(&observed, now) {
            break;
        }
        let due = next_due(&observed, now).map(|due| start + due);
        if !tracked::wait(streams.iter_mut().map(|stream| &mut stream.tracked), due, limits) {
            break;
        }
    }
    let now = start.elapsed();
    asking.about_all(&mut streams, start, |observed| observed.has_stalled(now));
    Ok(decide(&observe(&streams, start), now))
}

/// Asks the origin what has become of streams.
struct Asking<'a> {
    client: &'a Client,
    request: &'a Request,
    limits: &'a Deadline,
    unanswered: u32,
}

impl Asking<'_> {
    /// Asks about the streams of which this is true.
    fn about_all(&mut self, streams: &mut [Stream], start: Instant, is_asked: impl Fn(&Observed) -> bool) {
        let observed = observe(streams, start);
        for (stream, _) in streams.iter_mut().zip(&observed).filter(|(_, observed)| is_asked(observed)) {
            stream.told = self.about(&stream.tracked.id);
        }
    }

    fn about(&mut self, id: &str) -> Told {
        if self.unanswered == UNANSWERED_MAX {
            return Told::Nothing;
        }
        let told = origin::stream(self.client, self.request, id, self.limits);
        self.unanswered = if told.is_some() { 0 } else { self.unanswered + 1 };
        told.map_or(Told::Nothing, Told::This)
    }
}

fn kinds(idle_max: Duration) -> Vec<Kind> {
    let rungs = LADDER.into_iter().map(Duration::from_secs).filter(|rung| *rung < idle_max);
    let quiet = rungs.chain([idle_max]).map(Kind::Quiet);
    [Kind::Busy, Kind::Comments, Kind::PaddedComments].into_iter().chain(quiet).collect()
}

/// The parameters of a stream. Where the origin is not told that its client has left, it ends the stream when all is over.
fn pace(kind: Kind, idle_max: Duration) -> String {
    let (busy, comments) = (format_duration(BUSY), format_duration(COMMENTS));
    let most = format_duration(idle_max * 2 + Duration::from_secs(60));
    match kind {
        Kind::Quiet(time) => format!("interval={}&count=1&heartbeat=0", format_duration(time)),
        Kind::Busy => format!("interval={busy}&heartbeat=0&duration={most}"),
        Kind::Comments => format!("interval=1h&heartbeat={comments}&duration={most}"),
        Kind::PaddedComments => format!("interval=1h&heartbeat={comments}&heartbeat_pad={COMMENT_PAD}&duration={most}"),
    }
}

/// What was seen of the streams until now, in time since the start.
fn observe(streams: &[Stream], start: Instant) -> Vec<Observed> {
    let since = |at: Instant| at.saturating_duration_since(start);
    let observed = streams.iter().map(|stream| {
        let seen = &stream.tracked.seen;
        Observed {
            kind: stream.kind,
            begun: since(seen.begun),
            head: seen.head.map(|(status, at)| (status, since(at))),
            first_byte: seen.first_byte.map(since),
            last_byte: seen.last_byte.map(since),
            longest_gap: seen.longest_gap,
            events: seen.events,
            end: seen.end.as_ref().map(|(at, ending)| (since(*at), showed(ending))),
            told: stream.told.clone(),
        }
    });
    observed.collect()
}

fn showed(ending: &Ending) -> Showed {
    match ending {
        Ending::Clean => Showed::Clean,
        Ending::Truncated => Showed::Truncated,
        Ending::Reset | Ending::Stopped | Ending::Failed(_) => Showed::Reset,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ladder_ends_with_what_is_asked_for() {
        let quiet = |seconds: u64| -> Vec<u64> {
            let kinds = kinds(Duration::from_secs(seconds)).into_iter();
            let quiet = kinds.filter_map(|kind| if let Kind::Quiet(time) = kind { Some(time.as_secs()) } else { None });
            quiet.collect()
        };
        assert_eq!(quiet(130), LADDER);
        assert_eq!(quiet(8), [5, 8]);
        assert_eq!(quiet(2), [2]);
        assert!(kinds(Duration::from_secs(3600)).len() <= 20);
    }
}
