//! What else there is to say about a path.

use std::time::Duration;

use super::span;
use crate::verdict::diagnosis::Note;
use crate::verdict::endurance::{Crowd, Leaving, Noticed};

impl Note {
    /// One sentence, lowercase, without a final dot.
    pub fn text(&self) -> String {
        match self {
            Note::NotOurs => {
                "the origin isn't one of ours, so that only what a client can change was tried, and only how \
                              events arrive is known; put sse-argo-tester serve behind the same path, and its framing, \
                              header fields, padding and exact lags are tried, too"
                    .to_owned()
            }
            Note::Limit(limit) => limit.text(),
            Note::SilenceSurvived(time) => format!("a silence of {} is not cut", span(*time)),
            Note::Lived(time) => {
                format!("a stream with an event a second is not cut for {}, as long as it was watched", span(*time))
            }
            Note::CutForEither(time) => {
                let after = span(*time);
                format!("quiet streams are cut after {after}; whether for their silence or their age can't be told")
            }
            Note::Leaving(leaving) => self::leaving(leaving),
            Note::Crowd(crowd) => self::crowd(crowd),
            Note::HeadWaits => {
                "the head of the response waits for the first byte of its body: send a comment at once".to_owned()
            }
            Note::Gone => {
                "now nothing answers any more: the origin, or something on the way, may have died meanwhile".to_owned()
            }
            Note::CutShort => "it was ended before all was seen: what is missing is not known".to_owned(),
            Note::Worse(variants) => {
                let of = |(id, verdict): &(String, crate::verdict::Judgement)| format!("{id} ({})", verdict.as_str());
                format!("it would not stream with: {}", variants.iter().map(of).collect::<Vec<_>>().join(", "))
            }
            Note::Refused(variants) => format!(
                "not known, as they were refused or kept back: {}; something passes fewer streams at once than were asked \
                 for",
                variants.join(", ")
            ),
            Note::ByEventSource { other, plain } => {
                let (other, plain) = (other.as_str(), plain.as_str());
                format!("an EventSource sees something else than fetch(): {other}, not {plain}")
            }
            Note::NoConnectionLeft => {
                "not even the origin's time was told: other tabs may use up the connections, of which a browser opens six \
                 to a server over HTTP/1.1"
                    .to_owned()
            }
            Note::ByPage => "what a client accepts, identity or gzip, a page can't choose: sse-argo-tester diagnose \
                             tries that as well"
                .to_owned(),
            Note::TabWasHidden => {
                "the tab was hidden for a while: what ran meanwhile was looked at again, or isn't judged".to_owned()
            }
            Note::SeenOnce(variants) => {
                let variants = variants.join(", ");
                format!("seen to stream, but once only, as there was no time for more: {variants}")
            }
        }
    }
}

fn leaving(leaving: &Leaving) -> String {
    let ways = [("closed", leaving.close), ("reset", leaving.reset), ("closed while nothing is sent", leaving.idle)];
    let of = |(way, how): (&str, Option<Noticed>)| Some(format!("{} when it is {way}", noticed(how?)));
    let ways: Vec<String> = ways.into_iter().filter_map(of).collect();
    let never = leaving.idle == Some(Noticed::Never) && leaving.close != Some(Noticed::Never);
    let cure = if never { "; heartbeats tell it" } else { "" };
    format!("the origin learns that a client's connection has gone {}{cure}", ways.join(", "))
}

fn noticed(how: Noticed) -> String {
    match how {
        Noticed::Within(time) if time < Duration::from_millis(1) => "at once".to_owned(),
        Noticed::Within(time) => format!("within {}", span(time)),
        Noticed::AtEvent(1) => "at the next event".to_owned(),
        Noticed::AtEvent(n) => format!("at event {n} after it"),
        Noticed::Never => "never".to_owned(),
    }
}

fn crowd(crowd: &Crowd) -> String {
    let refused: usize = crowd.refused.values().sum();
    let rest = [(refused, "refused"), (crowd.kept_back, "kept back"), (crowd.failed, "without an answer")];
    let rest = rest.into_iter().filter(|(count, _)| *count > 0).map(|(count, how)| format!(", {count} {how}"));
    format!("{} of {} streams run at once{}", crowd.at_once, crowd.asked, rest.collect::<String>())
}
