//! The verdict on a stream that a page watches, while it goes on: what one pace can't tell, and what is still to come, isn't
//! said.

use std::time::Duration;

use serde::Deserialize;

use super::observation::{Observation, Outcome, StreamObservation};
use super::replay;
use super::window::{prepared, since};
use crate::http::Url;
use crate::report::Report;
use crate::schedule::plan::Plan;
use crate::stats::recording::{EndRecord, LiveRecord, Phase, Recording, StatusRecord, StreamRecord, StreamState};
use crate::stats::{Ending, Origin, Summary};
use crate::verdict::watched::{WatchDetail, Watched};
use crate::verdict::{self, Answer, Evidence, Finding, Hold, HoldKind, Id, Judgement, Reason, Verdict};

/// So few events tell nothing.
const FEW: u64 = 5;
/// So long without an event is too long, whatever the interval, and five intervals more.
const PATIENCE_US: i64 = 3_000_000;
/// What browsers wait before they ask again, unless the stream says otherwise.
const RETRY_US: i64 = 3_000_000;
/// So long at most a cut is what is said of a stream that goes on.
const CUT_MOST_US: i64 = 120_000_000;
/// What ends so soon after a device was away is not the path's doing.
const AWAY_US: i64 = 30_000_000;
/// A page that was late by more has not waited.
const LATE_US: i64 = 1_000_000;
/// Longest summary of an earlier answer that is repeated, in characters.
const SUMMARY_MAX: usize = 500;

/// What was answered last.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Previous {
    verdict: Judgement,
    hold: Hold,
    summary: String,
}

/// What a live recording amounts to.
pub(super) fn report(recording: &Recording, live: &LiveRecord) -> Report {
    let previous = live.previous.clone().and_then(|previous| serde_json::from_value::<Previous>(previous).ok());
    let since_us = since(recording);
    let mut recording = recording.clone();
    recording.clock.exchanges.retain(|(t0, ..)| since_us.is_none_or(|since_us| *t0 >= since_us));
    let origin = replay::origin(&recording);
    let streams: Vec<StreamRecord> =
        recording.streams.iter().map(|stream| prepared(stream, since_us, origin)).collect();
    let judge = Watch {
        recording: &recording,
        live,
        previous,
        streams: &streams,
        origin,
        is_continued: live.is_continued || since_us.is_some(),
    };
    judge.report()
}

/// A stream that is watched.
struct Watch<'a> {
    recording: &'a Recording,
    live: &'a LiveRecord,
    previous: Option<Previous>,
    streams: &'a [StreamRecord],
    origin: Origin,
    /// The record begins in the middle of the current stream.
    is_continued: bool,
}

impl Watch<'_> {
    fn report(&self) -> Report {
        let (current, phase) = self.current();
        let mut streams: Vec<StreamRecord> = current.cloned().into_iter().collect();
        for stream in &mut streams {
            self.close(stream);
        }
        let mut seen = replay::observation(self.recording, &streams.iter().collect::<Vec<_>>());
        let has_failed = seen.streams.first().is_some_and(|stream| matches!(stream.result, Outcome::Failed(_)));
        if self.is_continued && !has_failed {
            let first_us = seen.streams.first().and_then(|stream| self.first_us(stream, &seen));
            streams.iter_mut().for_each(|stream| {
                stream.requested_us =
                    first_us.map_or(stream.requested_us, |first_us| stream.requested_us.min(first_us));
            });
            seen = replay::observation(self.recording, &streams.iter().collect::<Vec<_>>());
        }
        let mut report = seen.report();
        if !has_failed {
            report.verdict = self.verdict(phase, current, &report);
        }
        report
    }

    /// The stream that is judged, and the phase: an answer without content after a stream ends it for good.
    fn current(&self) -> (Option<&StreamRecord>, Phase) {
        let last = self.streams.last();
        let is_over = |stream: &&StreamRecord| stream.head.as_ref().is_some_and(|head| head.status == Some(204));
        match (last.filter(is_over), self.streams) {
            (Some(_), [.., before, _]) => (Some(before), Phase::Ended),
            _ => (last, self.live.phase),
        }
    }

    fn now_us(&self) -> i64 {
        self.recording.elapsed_us
    }

    /// A stream that goes on is judged as if it was left now; one that its origin ended has ended well.
    fn close(&self, stream: &mut StreamRecord) {
        stream.end.get_or_insert(EndRecord { how: Ending::Ours, at_us: self.now_us() });
        if let Some(end) = stream.end.as_mut().filter(|end| end.how.is_theirs())
            && is_ended_by_origin(&stream.status)
        {
            end.how = Ending::Clean;
        }
    }

    /// When the first of a record that begins in the middle was sent, or read.
    fn first_us(&self, stream: &StreamObservation, seen: &Observation) -> Option<i64> {
        let Outcome::Stream(recorder) = &stream.result else { return None };
        let sent_us = seen.clock().zip(recorder.first_sent_us()).map(|(clock, sent_us)| clock.to_probe(sent_us));
        sent_us.into_iter().chain(recorder.first_read_us()).min()
    }

    fn verdict(&self, phase: Phase, current: Option<&StreamRecord>, report: &Report) -> Verdict {
        if self.recording.hidden.iter().any(|(_, to)| to.is_none()) {
            return self.last(Watched::TabIsHidden);
        }
        let cut = self.streams.iter().rev().find_map(|stream| self.cut_of(stream));
        match phase {
            Phase::Reconnecting => {
                let lost = self.reconnecting(current.map_or(1_000_000, |stream| stream.interval_us));
                lost.or(cut.map(|cut| cut.verdict)).unwrap_or_else(|| self.last(Watched::Lost))
            }
            Phase::Waiting | Phase::Closed | Phase::Stopped => {
                cut.map_or_else(|| self.last(Watched::NoStream), |cut| cut.verdict)
            }
            Phase::Opening | Phase::Open | Phase::Receiving | Phase::Ended => {
                match (cut.filter(|cut| self.may_be_cut_again(cut, current)), report.streams.first()) {
                    (Some(cut), _) => cut.verdict,
                    (None, Some(stream)) => self.of_stream(phase, stream, &report.verdict),
                    (None, None) => self.last(Watched::NoStream),
                }
            }
        }
    }

    /// What was answered last, as long as nothing newer is known.
    fn last(&self, why: Watched) -> Verdict {
        let unknown = || {
            let finding = Finding::new(Id::TooShort, WatchDetail::FewEvents);
            Verdict { findings: vec![finding], ..unknown(Judgement::Inconclusive, why) }
        };
        self.previous.as_ref().map_or_else(unknown, |previous| {
            let summary = previous.summary.chars().take(SUMMARY_MAX).collect();
            let reason = Reason::Watched(Watched::Earlier(summary));
            Verdict { verdict: previous.verdict, hold: previous.hold, reason, findings: Vec::new() }
        })
    }

    /// Nothing is known that explains why nothing comes for a while.
    fn is_fine(judgement: Judgement) -> bool {
        matches!(judgement, Judgement::RealTime | Judgement::LateStart | Judgement::Inconclusive)
    }

    fn of_stream(&self, phase: Phase, stream: &Summary, judged: &Verdict) -> Verdict {
        let received = stream.counts.received;
        if self.is_continued && received < FEW {
            let was_fine = self.previous.as_ref().is_none_or(|previous| Self::is_fine(previous.verdict));
            let hanging = self.hanging(phase, stream.spec.interval_us).filter(|_| was_fine);
            return hanging.unwrap_or_else(|| self.last(Watched::FewEvents));
        }
        let waited_us = self.now_us() - self.live.since_us.max(self.back_us().unwrap_or(i64::MIN));
        let is_silent = received == 0 && waited_us > self.overdue_us(stream.spec.interval_us) + self.asked_late_us();
        if received < FEW && !is_silent && phase != Phase::Ended {
            return self.last(Watched::FewEvents);
        }
        let verdict = self.unfinished(phase, stream, judged);
        let began_late = self.previous.as_ref().filter(|previous| previous.verdict == Judgement::LateStart);
        match began_late.filter(|_| self.is_continued && verdict.verdict == Judgement::RealTime) {
            // How the connection began stays true.
            Some(previous) => self.late_start(previous),
            None => verdict,
        }
    }

    fn late_start(&self, previous: &Previous) -> Verdict {
        Verdict { hold: previous.hold, ..self.last(Watched::LateStart) }
    }

    /// The verdict on a stream that has no end yet.
    fn unfinished(&self, phase: Phase, stream: &Summary, judged: &Verdict) -> Verdict {
        if self.origin == Origin::Foreign {
            return judged.clone();
        }
        let held_us = || stream.samples.iter().map(|sample| sample.lag_us).max().unwrap_or(0);
        let since = |us: i64| stream.samples.iter().filter(|sample| sample.sent_us > us).count() as u64;
        let is_short = stream.lumps.first().is_none_or(|lump| since(lump.at_us) < FEW);
        let found = |judgement, why, finding| Verdict { findings: vec![finding], ..unknown(judgement, why) };
        match judged.verdict {
            // It had begun before.
            Judgement::LateStart if self.is_continued && is_short => self.last(Watched::FewEvents),
            Judgement::LateStart if self.is_continued => {
                let finding = Finding::new(Id::Unsteady, WatchDetail::LaterInTime);
                found(Judgement::Inconclusive, Watched::HeldForAWhile { us: held_us() }, finding)
            }
            Judgement::LateStart if is_short => {
                let finding = Finding::new(Id::TooShort, WatchDetail::FewSince);
                found(Judgement::Inconclusive, Watched::FirstHeld { us: held_us() }, finding)
            }
            Judgement::Silent => {
                let sent = WatchDetail::SentEvery { us: stream.spec.interval_us };
                let finding = Finding::new(Id::Silent, sent).advising(silence_advice(phase));
                let (us, with_hello) = match judged.reason {
                    Reason::Silent { us, with_hello } => (us, with_hello),
                    _ => (self.now_us() - stream.requested_us, false),
                };
                found(Judgement::Silent, Watched::SilentSoFar { us, with_hello }, finding)
            }
            judgement => {
                let hanging = self.hanging(phase, stream.spec.interval_us).filter(|_| Self::is_fine(judgement));
                hanging.unwrap_or_else(|| of_one_pace(judged))
            }
        }
    }

    /// A stream that has stopped, if it has.
    fn hanging(&self, phase: Phase, interval_us: i64) -> Option<Verdict> {
        let is_late = |(from, to): &&(i64, i64)| to - from > LATE_US;
        let late_us = self.recording.stalls.iter().rev().find(is_late).map(|(_, to)| *to);
        let waited_us = self.now_us() - self.live.last_us?.max(late_us.or(self.back_us()).unwrap_or(i64::MIN));
        let is_going_on = phase == Phase::Receiving && self.asked().silent_after.is_none();
        if !is_going_on || self.origin == Origin::Foreign || waited_us <= self.overdue_us(interval_us) {
            return None;
        }
        let finding = Finding::new(Id::Hanging, WatchDetail::NothingCame { us: waited_us, interval_us }).advising(HUNG);
        Some(Verdict {
            verdict: Judgement::Cut,
            hold: Hold::of(HoldKind::None),
            reason: Reason::Watched(Watched::Stopped { received: self.live.received }),
            findings: vec![finding],
        })
    }

    /// A stream was lost and is asked for again, in vain so far.
    fn reconnecting(&self, interval_us: i64) -> Option<Verdict> {
        if self.live.failures > 0 {
            let finding = Finding::new(Id::NoAnswer, WatchDetail::AttemptsFail);
            let (answer, within_us) = (Answer::Unreachable(finding), self.recording.within_ms * 1000);
            return Some(verdict::judge(&Evidence { answer: &answer, streams: &[], clock: None, within_us }));
        }
        let waited_us = self.now_us() - self.live.since_us;
        let retry_us = self.asked().retry_ms.map_or(RETRY_US, |ms| ms as i64 * 1000);
        let patience_us = self.overdue_us(interval_us) + self.asked_late_us() + retry_us;
        if waited_us <= patience_us || self.origin == Origin::Foreign {
            return None;
        }
        let finding = Finding::new(Id::Silent, WatchDetail::NoHead).advising(UNANSWERED);
        let why = Watched::Unanswered { us: waited_us };
        Some(Verdict { findings: vec![finding], ..unknown(Judgement::Silent, why) })
    }

    /// A stream that follows one that was cut may be cut again, until it has lived for longer.
    fn may_be_cut_again(&self, cut: &Cut, current: Option<&StreamRecord>) -> bool {
        current.is_none_or(|stream| {
            let life_us = self.now_us() - stream.requested_us;
            stream.requested_us == cut.requested_us
                || life_us < (cut.life_us + cut.life_us / 2 + 1_000_000).min(CUT_MOST_US)
        })
    }

    /// That the path has cut a stream, if it has and the device was there.
    fn cut_of(&self, stream: &StreamRecord) -> Option<Cut> {
        let end = stream.end.filter(|end| end.how.is_theirs())?;
        let status = stream.status.as_ref()?;
        let by = status.ended_by.as_deref();
        let is_open = status.state == StreamState::Open;
        if !is_open && !matches!(by, Some("client" | "error")) {
            return None;
        }
        let times = [self.recording.hidden.as_slice(), &self.recording.away].concat();
        if replay::intersects(&times, end.at_us - AWAY_US, end.at_us) {
            return None;
        }
        let life_us = end.at_us - stream.requested_us;
        Some(Cut {
            requested_us: stream.requested_us,
            life_us,
            verdict: Verdict {
                verdict: Judgement::Cut,
                hold: Hold::of(HoldKind::None),
                reason: Reason::Watched(Watched::CutByPath { after_us: life_us, received: self.live.received }),
                findings: vec![Finding::new(Id::CutTruncated, WatchDetail::Cut { goes_on: is_open })],
            },
        })
    }

    /// So long without an event is too long.
    fn overdue_us(&self, interval_us: i64) -> i64 {
        5 * interval_us + PATIENCE_US
    }

    /// How late the stream was asked to begin.
    fn asked_late_us(&self) -> i64 {
        let asked = self.asked();
        us(asked.delay + asked.head_delay)
    }

    /// When the page or the device was back last.
    fn back_us(&self) -> Option<i64> {
        let times = self.recording.hidden.iter().chain(&self.recording.away);
        times.map(|(_, to)| to.unwrap_or(self.now_us())).max()
    }

    fn asked(&self) -> Plan {
        Plan::parse(Url::of(&self.recording.request.url).query()).unwrap_or_default()
    }
}

/// A stream that the path has cut.
struct Cut {
    requested_us: i64,
    life_us: i64,
    verdict: Verdict,
}

const HUNG: &str = "something on the path holds them, or the connection is dead and nobody has said so";
const ONE_PACE: &str = "one pace can't tell bytes from time: run streams of different pace";
const UNANSWERED: &str = "something takes the request and doesn't answer, or other tabs use up the connections";

fn silence_advice(phase: Phase) -> &'static str {
    match phase {
        Phase::Opening => {
            "not even a response head has come: something on the path holds it, or other tabs use up the connections"
        }
        _ => "something on the path holds them, until there are more of them or until the response ends, or loses them",
    }
}

/// One pace doesn't tell bytes from time: of a verdict that rests on one alone, only what is known is said.
fn of_one_pace(judged: &Verdict) -> Verdict {
    let Some(either) = judged.findings.iter().find(|finding| finding.id == Id::TimeOrBytes) else {
        return judged.clone();
    };
    let (why, id) = match judged.verdict {
        Judgement::Batched => (Watched::InLumps, Id::BatchedBytes),
        _ => (Watched::LateStart, Id::StartBytes),
    };
    let finding = Finding::new(id, either.detail.clone()).advising(ONE_PACE);
    Verdict { reason: Reason::Watched(why), findings: vec![finding], ..judged.clone() }
}

fn unknown(judgement: Judgement, why: Watched) -> Verdict {
    Verdict::unknown(judgement, Reason::Watched(why))
}

fn is_ended_by_origin(status: &Option<StatusRecord>) -> bool {
    status.as_ref().is_some_and(|status| {
        let by = status.ended_by.as_deref();
        status.state == StreamState::Ended && !matches!(by, None | Some("client" | "error" | "abort"))
    })
}

fn us(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
