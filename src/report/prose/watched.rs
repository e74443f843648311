//! The verdict on a stream that a page watches.

use super::{events, time};
use crate::verdict::watched::{WatchDetail, Watched};

pub(super) fn sentence(watched: &Watched) -> String {
    match watched {
        Watched::Earlier(summary) => summary.clone(),
        Watched::TabIsHidden => "the tab is hidden, which browsers slow down: nothing is judged meanwhile".to_owned(),
        Watched::TabWasHidden => "the tab was hidden meanwhile".to_owned(),
        Watched::NoStream => "there is no stream".to_owned(),
        Watched::Lost => "the stream was lost, and is asked for again".to_owned(),
        Watched::FewEvents => "a verdict takes a few events".to_owned(),
        Watched::HeldForAWhile { us } => format!("events were held for up to {} for a while", time(*us)),
        Watched::FirstHeld { us } => {
            format!("the first events were held for up to {}, and then came at once", time(*us))
        }
        Watched::SilentSoFar { us, with_hello } => {
            let but = if *with_hello { " but the first" } else { "" };
            format!("not one event arrived{but} in {} so far", time(*us))
        }
        Watched::Stopped { received } => {
            format!("events have stopped after {}, and the connection stays open", events(*received))
        }
        Watched::Unanswered { us } => format!("the stream was asked for again, and in {} nothing came", time(*us)),
        Watched::CutByPath { after_us, received } => {
            format!("the path ended the stream after {}, {} in", time(*after_us), events(*received))
        }
        Watched::InLumps => "events arrive in lumps throughout".to_owned(),
        Watched::LateStart => "nothing arrives at first; what comes afterwards arrives in real time".to_owned(),
    }
}

pub(super) fn detail(detail: &WatchDetail) -> String {
    match detail {
        WatchDetail::FewEvents => "a verdict takes a few events".to_owned(),
        WatchDetail::LaterInTime => "what came afterwards came in real time".to_owned(),
        WatchDetail::FewSince => "too few have come since to tell whether that goes on".to_owned(),
        WatchDetail::SentEvery { us } => format!("the origin sends one every {}", time(*us)),
        WatchDetail::NothingCame { us, interval_us } => {
            format!("nothing came in {}, though the origin sends an event every {}", time(*us), time(*interval_us))
        }
        WatchDetail::NoHead => "not even a response head came".to_owned(),
        WatchDetail::AttemptsFail => "no answer came: attempts to connect again fail".to_owned(),
        WatchDetail::Cut { goes_on: true } => "the path cut it: the origin still sends".to_owned(),
        WatchDetail::Cut { goes_on: false } => "the path cut it: to the origin, its client went away".to_owned(),
    }
}
