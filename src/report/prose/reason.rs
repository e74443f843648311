//! A verdict in one sentence.

use super::{broke_off, detail, time};
use crate::verdict::{Id, Reason, Verdict};

const CLOCKS_DISAGREE: &str =
    "how late events are can't be told: the origin's clock was set meanwhile, or there are several";
const LAG_UNCERTAIN: &str = "events arrive evenly, but whether all of them are late by the same time can't be told";
const UNTIL_CLOSE: &str = "nothing arrives until the origin ends the response, then all of it at once";
const SMALL_UNTIL_CLOSE: &str = "small events are held until the origin ends the response, larger ones are not";
const TOGETHER: &str = "events arrive several at once: the origin may send them so, or the path may hold them";

impl Verdict {
    /// One sentence, lowercase, without a final dot.
    pub fn summary(&self) -> String {
        sentence(&self.reason)
    }
}

/// A reason in one sentence.
pub(super) fn sentence(reason: &Reason) -> String {
    let t = |us: &i64| time(*us);
    match reason {
        Reason::Found(detail) => detail::sentence(detail),
        Reason::NoStream => "there was no stream to judge by".to_owned(),
        Reason::NoEventsWanted => "there was no event to judge by: none was asked for".to_owned(),
        Reason::ClocksDisagree => CLOCKS_DISAGREE.to_owned(),
        Reason::LagUncertain => LAG_UNCERTAIN.to_owned(),
        Reason::TooFewEvents => "too few events arrived to judge by".to_owned(),
        Reason::FallsBehind { bytes_per_s: rate } => {
            format!("events fall behind ever more: the path passes about {rate} bytes a second")
        }
        Reason::Hangs { after_us, received } => {
            format!("events stop after {}, {received} of them in, and the connection stays open", t(after_us))
        }
        Reason::RealTime { on_time, all, within_us } => {
            format!("events arrive in real time: {on_time} of {all} within {}", t(within_us))
        }
        Reason::UntilClose => UNTIL_CLOSE.to_owned(),
        Reason::SmallUntilClose => SMALL_UNTIL_CLOSE.to_owned(),
        Reason::SmallMissing => "not one small event arrived, while larger ones do".to_owned(),
        Reason::OneEvent => "each event arrives only when the next one is sent".to_owned(),
        Reason::OneEventAndTimer { us } => format!("{}, and {} after that", sentence(&Reason::OneEvent), t(us)),
        Reason::ConstantLag { us } => format!("each event arrives alone, but {} late", t(us)),
        Reason::Unsteady { late, all } => format!("{late} of {all} events are late, in no pattern that a hold makes"),
        Reason::EveryTime { us } => format!("events arrive in lumps, every {} or so, throughout", t(us)),
        Reason::EveryBytes { bytes } => format!("{} throughout", bursts(*bytes)),
        Reason::StartTime { us, is_held_after } => started(&format!("for the first {}", t(us)), *is_held_after),
        Reason::StartBytes { bytes, is_held_after } => {
            started(&format!("until about {bytes} bytes are sent"), *is_held_after)
        }
        Reason::Silent { us, with_hello: false } => format!("not one event arrived in {}", t(us)),
        Reason::Silent { us, with_hello: true } => format!("not one event arrived but the first in {}", t(us)),
        Reason::Replayed => "a stored stream was replayed instead of a new one".to_owned(),
        Reason::Damaged(ids) => damaged(ids),
        Reason::CutByPath { after_us, received, count } => {
            format!("the path ended the stream after {}, {received} of {count} events in", t(after_us))
        }
        Reason::BrokeOff { how, after_us } => {
            format!("{} after {}, by the path or by the origin", broke_off(*how), t(after_us))
        }
        Reason::Undecodable { after_us } => format!("what came after {} can't be decoded", t(after_us)),
        Reason::FewEvents { events } => format!("{events} events arrived: too few to judge by"),
        Reason::Alone { alone, events } => {
            format!("{alone} of {events} events arrived alone, as a path without buffers would pass them")
        }
        Reason::WithTheEnd { events, after_us } => {
            format!("{events} events arrived together after {}, with the end of the response", t(after_us))
        }
        Reason::AmidEvents { bytes } => format!("{} that end amid an event", bursts(*bytes)),
        Reason::Together => TOGETHER.to_owned(),
        Reason::Quiet { us, comments } => quiet(*us, *comments),
        Reason::LikePlain(plain) => format!("it does as the plain variant does: {}", sentence(plain)),
        Reason::Watched(watched) => super::watched::sentence(watched),
        Reason::NotCut => "it was not cut; so few events tell no more".to_owned(),
    }
}

fn bursts(bytes: u64) -> String {
    format!("events arrive in lumps of about {bytes} bytes")
}

fn started(held: &str, is_held_after: bool) -> String {
    let rest = if is_held_after { "is held, too, but less" } else { "arrives in real time" };
    format!("nothing arrives {held}; what comes afterwards {rest}")
}

fn damaged(ids: &[Id]) -> String {
    let words: Vec<&str> = ids.iter().map(|id| id.as_str()).collect();
    format!("events don't arrive as they were sent: {}", words.join(", "))
}

fn quiet(us: i64, comments: u64) -> String {
    let more = match comments {
        0 => "nor anything else",
        1 => "but a comment did: the path passes something on",
        _ => "but comments did: the path passes something on",
    };
    format!("no event arrived in {}, {more}", time(us))
}
