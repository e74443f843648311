//! What a finding found, in one sentence.

use super::{broke_off, events, streams, time};
use crate::stats::Ending;
use crate::verdict::detail::{Ambiguity, Answered, Arrivals, Damage, Held};
use crate::verdict::{Detail, Finding};

impl Finding {
    /// What happened: one sentence, lowercase, without a final dot.
    pub fn text(&self) -> String {
        sentence(&self.detail)
    }
}

/// A detail in one sentence.
pub(super) fn sentence(detail: &Detail) -> String {
    match detail {
        Detail::Reported(text) => text.clone(),
        Detail::OwnStalls { excused } => {
            format!("this program itself was late when {excused} events came; they are not counted as late")
        }
        Detail::NoEventsWanted => "the URL asks the origin for no events".to_owned(),
        Detail::ClockAnswersDiffer { us } => {
            format!("answers to requests for the origin's time differ by {}", time(*us))
        }
        Detail::ClockError { error_us, within_us } => {
            let (error, within) = (time(*error_us), time(*within_us));
            format!("the origin's clock is known to {error} only, and whether lags exceed {within} hinges on that")
        }
        Detail::NoClock { within_us } => {
            let within = time(*within_us);
            format!("the origin didn't tell its time, and whether lags exceed {within} hinges on that")
        }
        Detail::NotSse(answer) => format!("the answer is no event stream but {}", answered(answer)),
        Detail::Answered(answer) => answered(answer),
        Detail::Held(held) => self::held(held),
        Detail::Ambiguity(ambiguity) => self::ambiguity(ambiguity),
        Detail::Damage(damage) => self::damage(damage),
        Detail::Arrivals(arrivals) => self::arrivals(arrivals),
        Detail::Watched(watched) => super::watched::detail(watched),
    }
}

fn answered(answer: &Answered) -> String {
    let Answered { status, what, content_type, evidence, redirected_to, first_line } = answer;
    let kind = if content_type.is_empty() { "no content type" } else { content_type };
    let evidence = evidence.as_ref().map(|field| format!("; {field}")).unwrap_or_default();
    let redirected = redirected_to.as_ref().map(|host| format!(", after a redirect to {host}")).unwrap_or_default();
    let says = first_line.as_ref().map(|line| format!(": \"{line}\"")).unwrap_or_default();
    format!("{status}, {what} ({kind}{evidence}){redirected}{says}")
}

fn held(held: &Held) -> String {
    match held {
        Held::FallsBehind { streams: which, bytes_per_s } => {
            format!("{} come at {bytes_per_s} bytes a second at most, and ever later", streams(which))
        }
        Held::Hanging { after_us } => {
            format!("nothing came after {}, though the origin went on and ended", time(*after_us))
        }
        Held::BigEvents { stream, late, all, held } => {
            let of = |(us, bytes): &(i64, u64)| format!("; held for {}, {bytes} bytes at a time", time(*us));
            let held = held.as_ref().map(of).unwrap_or_default();
            let (size, interval) = (stream.size, time(stream.interval_us));
            format!("of events of {size} bytes every {interval}, {late} of {all} come late{held}")
        }
        Held::UntilClose { us } => format!("events were held for up to {}, until the end", time(*us)),
        Held::SomeUntilClose(which) => format!("held until their end: {}; others are not", streams(which)),
        Held::LateByInterval { interval_us, lag_us } => {
            format!("events sent every {} come {} late", time(*interval_us), time(*lag_us))
        }
        Held::TimerAdds { us } => format!("whatever the pace, {} are added to that", time(*us)),
        Held::CorkTimer { us } => format!("the time is {}", time(*us)),
        Held::CorkLag { us } => format!("a lag of {} is that of a corked socket", time(*us)),
        Held::CorkFlush { us } => format!("{} between flushes is a corked socket's time", time(*us)),
        Held::ConstantLag { us } => format!("every event is late by {}, whatever the pace", time(*us)),
        Held::ReleasedContent { bytes } => {
            format!("{bytes} bytes of events are together in each release, however few they are as compressed")
        }
        Held::Unsteady { late, all, longest_us } => {
            format!("{late} of {all} events came late, some by {}", time(*longest_us))
        }
        Held::HeldTime { us } => format!("whatever the pace, events are held for up to {}", time(*us)),
        Held::HeldBytes { bytes } => format!("events are held until about {bytes} bytes are together"),
        Held::StartTime { us } => format!("the first events were held for {}, whatever the pace", time(*us)),
        Held::StartBytes { bytes } => format!("the first {bytes} bytes or so are held"),
        Held::StillHeldTime { us } => format!("what comes afterwards is still held for up to {}", time(*us)),
        Held::StillHeldBytes { bytes } => {
            format!("what comes afterwards is still held until {bytes} bytes are together")
        }
        Held::Compressed { content_bytes, bytes } => format!("{content_bytes} bytes of events came as {bytes}"),
    }
}

fn ambiguity(ambiguity: &Ambiguity) -> String {
    match ambiguity {
        Ambiguity::SentUntilClose { bytes, us } => format!("{bytes} bytes were sent in {}", time(*us)),
        Ambiguity::SameInterval => "all streams had the same interval".to_owned(),
        Ambiguity::NoneFaster { us } => format!("no stream sent more often than every {}", time(*us)),
        Ambiguity::OneRelease => "one release was seen, and what came after it waited for the end".to_owned(),
        Ambiguity::NoSecondRelease { us } => {
            format!("a second release after {} would not have been seen", time(*us))
        }
        Ambiguity::FewReleases { us } => format!("few releases, {} apart, fit into the run", time(*us)),
        Ambiguity::SparseEvents { us } => {
            format!("events sent less often than every {} don't come in lumps", time(*us))
        }
        Ambiguity::TimeOrBytes { bytes, us } => {
            format!("{bytes} bytes were sent in {}: either may release them", time(*us))
        }
        Ambiguity::IntervalsWithin { within_us } => {
            let within = time(*within_us);
            format!("every interval is within {within}, and each event comes about an interval late")
        }
        Ambiguity::FewBeforeEnd { received } => format!("{} came before the end of the run", events(*received)),
    }
}

fn damage(damage: &Damage) -> String {
    match damage {
        Damage::Silent { us } => {
            format!("nothing came in {}, and by then the origin had time for all of it", time(*us))
        }
        Damage::NoEnd => "the end of the response didn't come either".to_owned(),
        Damage::Stale { us } => format!("the first event had been sent {} before it was asked for", time(*us)),
        Damage::Shared { shared, all } => {
            format!("{shared} of {all} requests were answered with the stream of another")
        }
        Damage::Lost(count) => format!("{} never came, though later ones did", events(*count)),
        Damage::Repeated(count) => format!("{} came more than once", events(*count)),
        Damage::Reordered(count) => format!("{} came behind a later one", events(*count)),
        Damage::Changed(count) => format!("{} came with other bytes than were sent", events(*count)),
        Damage::OtherPace { asked_us, found_us } => {
            format!("asked for an event every {}, the origin sent one every {}", time(*asked_us), time(*found_us))
        }
        Damage::Cut { how: how @ (Ending::Truncated | Ending::Reset), after_us } => {
            format!("{} after {}", broke_off(*how), time(*after_us))
        }
        Damage::Cut { after_us, .. } => format!("the body ended after {} as if it were complete", time(*after_us)),
        Damage::IdleCut { us } => format!("the stream was cut when nothing had come for {}", time(*us)),
        Damage::SameAge { us, began_apart: true } => {
            format!("streams that began at different times end at the age of {}, busy or not", time(*us))
        }
        Damage::SameAge { us, began_apart: false } => {
            format!("streams end at the age of {}, busy or not; a restart looks the same", time(*us))
        }
    }
}

fn arrivals(arrivals: &Arrivals) -> String {
    match arrivals {
        Arrivals::IdsGoBack { times } => format!("{times} times an id was less than the one before"),
        Arrivals::NothingCame => "nothing came, not even the origin's time: whose it is is unknown".to_owned(),
        Arrivals::ArrivalsOnly => "what was judged is how events arrive, not how late they are".to_owned(),
        Arrivals::BeforeUndecodable { events: 0 } => "not one event came before that".to_owned(),
        Arrivals::BeforeUndecodable { events: count } => format!("{} came before that", events(*count)),
        Arrivals::BrokeOff { how, after_us, received } => {
            format!("{} after {}, {received} events in", broke_off(*how), time(*after_us))
        }
        Arrivals::RunEnded => "the run ended before more came".to_owned(),
        Arrivals::Together { together, events, largest } => {
            format!("{together} of {events} events came with others, up to {largest} at once")
        }
        Arrivals::Comments(0) => "not even a comment came".to_owned(),
        Arrivals::Comments(1) => "1 comment came".to_owned(),
        Arrivals::Comments(comments) => format!("{comments} comments came"),
        Arrivals::NothingBeforeEnd => "nothing came before the end; the origin itself may have waited".to_owned(),
        Arrivals::AmidEvents { cut, all, bytes } => {
            format!("{cut} of {all} lumps end amid an event, {bytes} bytes the median one")
        }
    }
}
