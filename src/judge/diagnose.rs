//! A diagnosis that a page carries out: the looks that it has posted, and what to look at next.

use std::time::Duration;

use super::check::Refusal;
use super::investigation::{Investigation, Terms};
use super::look::{Look, Role, Round};
use super::next::{self, Progress};
use super::replay;
use super::streams::{MeasurePlan, Paces};
use crate::report::Report;
use crate::report::diagnosis::Diagnosed;
use crate::stats::Origin;
use crate::stats::recording::{Recording, StreamRecord};
use crate::verdict::diagnosis::{Diagnosis, Note, Variant};
use crate::verdict::watched::Watched;
use crate::verdict::{Judgement, Reason, Verdict};

/// Streams in all: as many as a recording may have.
const STREAMS_MAX: usize = super::check::STREAMS_MAX;
/// Where connections are scarce a diagnosis may take long: then what was seen must do. Time in which the page is hidden is
/// not its own.
const TIME_MAX: Duration = Duration::from_secs(120);
/// The time to keep for what has to be looked at twice.
const RESERVE: Duration = Duration::from_secs(40);
/// How long the streams of most variants run.
const RUN: Duration = Duration::from_secs(6);

/// What a posted diagnosis has come to.
#[derive(Debug)]
pub(super) struct Posted {
    /// What to look at next; nothing if it is finished.
    pub(super) next: Vec<next::Look>,
    pub(super) progress: Progress,
    /// What is known, if anything is known of the plain variant.
    pub(super) diagnosed: Option<Diagnosed>,
}

/// What a recording of looks has come to.
pub(super) fn posted(recording: &Recording) -> Result<Posted, Refusal> {
    let is_known = recording.origin.is_some() || !recording.clock.exchanges.is_empty() || !recording.streams.is_empty();
    let is_ours = is_ours(recording);
    let recording =
        &Recording { origin: Some(if is_ours { Origin::Ours } else { Origin::Foreign }), ..recording.clone() };
    let mut investigation = Investigation::new(recording.request.clone(), is_ours, terms(recording));
    for (round, looks) in rounds(recording)? {
        let judged = looks.into_iter().map(|(look, streams)| {
            let report = report(recording, &look, &streams);
            (look, report)
        });
        investigation.take(round, judged.collect());
    }
    investigation.set_streams(recording.streams.len());
    let left = left(recording);
    let next = match is_known || recording.is_cancelled {
        true => investigation.next(left).filter(|_| !recording.is_cancelled),
        false => Some((Round::Whose, vec![whose(recording)])),
    };
    let looks = next.iter().flat_map(|(round, looks)| looks.iter().map(|look| (*round, look)));
    let looks = looks.map(|(round, look)| next::look(&investigation, round, look, is_ours && is_known)).collect();
    let progress = next::progress(recording, &investigation, next.as_ref(), left);
    Ok(Posted { next: looks, progress, diagnosed: diagnosed(recording, investigation, left) })
}

/// Ours is who tells the time, and whose first event bears a stamp.
fn is_ours(recording: &Recording) -> bool {
    let first = recording.streams.iter().find_map(|stream| stream.events.first());
    recording.origin.map_or_else(
        || !recording.clock.exchanges.is_empty() || first.is_some_and(|event| event.sent_us.is_some()),
        |origin| origin == Origin::Ours,
    )
}

fn terms(recording: &Recording) -> Terms {
    Terms {
        within: within(recording),
        first: (None, Some(RUN)),
        second: (RUN, Paces::Two, Paces::One),
        reserve: RESERVE,
        is_thorough: true,
        has_rival: false,
        is_browser: recording.observer.is_none_or(|observer| observer.is_browser),
        streams_max: STREAMS_MAX,
    }
}

fn within(recording: &Recording) -> Duration {
    Duration::from_millis(u64::try_from(recording.within_ms).unwrap_or(0))
}

/// The rest of the time that a diagnosis gets.
fn left(recording: &Recording) -> Duration {
    let hidden = recording.hidden.iter().map(|(from, to)| {
        let from = (*from).max(recording.begun_us);
        (to.unwrap_or(recording.elapsed_us) - from).max(0)
    });
    let taken_us = (recording.elapsed_us - recording.begun_us - hidden.sum::<i64>()).max(0);
    TIME_MAX.saturating_sub(Duration::from_micros(taken_us.unsigned_abs()))
}

/// One stream as it is: whose is it?
fn whose(recording: &Recording) -> Look {
    let plan = MeasurePlan { within: within(recording), duration: Some(next::WHOSE), ..MeasurePlan::default() };
    Look { variant: Variant::plain(), role: Role::Main, plan, after: Duration::ZERO }
}

/// Looks with their streams.
type Looks<'a> = Vec<(Look, Vec<&'a StreamRecord>)>;

/// The rounds of a recording in order, and the looks of each in the order of their streams.
fn rounds(recording: &Recording) -> Result<Vec<(Round, Looks<'_>)>, Refusal> {
    let mut rounds: Vec<(Round, Looks<'_>)> = Vec::new();
    for (n, stream) in recording.streams.iter().enumerate() {
        let (round, variant, role) = named(stream).map_err(|what| {
            Refusal::Invalid(format!(
                "stream {n} ({}): its {what} is none that was asked for",
                stream.name.escape_debug()
            ))
        })?;
        let at = rounds.iter().position(|(other, _)| *other == round).unwrap_or_else(|| {
            rounds.push((round, Vec::new()));
            rounds.len() - 1
        });
        let looks = &mut rounds[at].1;
        match looks.iter_mut().find(|(look, _)| look.variant == variant && look.role == role) {
            Some((_, streams)) => streams.push(stream),
            None => {
                let plan = MeasurePlan { within: within(recording), ..MeasurePlan::default() };
                looks.push((Look { variant, role, plan, after: Duration::ZERO }, vec![stream]));
            }
        }
    }
    for (look, streams) in rounds.iter_mut().flat_map(|(_, looks)| looks) {
        look.plan.paces = match streams.len() {
            1 => Paces::One,
            2 => Paces::Two,
            _ => Paces::Four,
        };
    }
    rounds.sort_by_key(|(round, _)| *round);
    Ok(rounds)
}

/// What a stream was asked for, or what of it is unknown.
fn named(stream: &StreamRecord) -> Result<(Round, Variant, Role), &'static str> {
    let round = stream.round.as_deref().and_then(Round::named).ok_or("round")?;
    let variant = stream.variant.as_deref().and_then(Variant::named).ok_or("variant")?;
    let role = stream.role.as_deref().and_then(Role::named).ok_or("role")?;
    Ok((round, variant, role))
}

/// What one look amounts to, by the clock as it is known now.
fn report(recording: &Recording, look: &Look, streams: &[&StreamRecord]) -> Report {
    let mut report = replay::observation(recording, streams).report();
    let from_us = streams.iter().map(|stream| stream.requested_us).min().unwrap_or(0);
    let ends = streams.iter().map(|stream| stream.end.map_or(recording.elapsed_us, |end| end.at_us));
    let was_hidden = replay::intersects(&recording.hidden, from_us, ends.max().unwrap_or(recording.elapsed_us));
    let is_stream = !matches!(report.verdict.verdict, Judgement::NotSse | Judgement::Unreachable);
    if was_hidden && is_stream && look.variant.is_steady() {
        report.verdict = Verdict::unknown(Judgement::Inconclusive, Reason::Watched(Watched::TabWasHidden));
    }
    report
}

fn diagnosed(recording: &Recording, mut investigation: Investigation, left: Duration) -> Option<Diagnosed> {
    let plain = investigation.plain_report()?;
    let judgement = plain.verdict.verdict;
    let ended_us = plain.streams.iter().filter_map(|stream| stream.end_us).max();
    let is_asleep = |ended_us: i64| recording.clock.exchanges.iter().all(|(.., t3)| *t3 <= ended_us);
    let is_gone = judgement == Judgement::Cut && ended_us.is_some_and(is_asleep);
    let head_ms = plain.timing.head;
    let mut diagnosis = investigation.diagnosis(None, is_gone, left.is_zero() || recording.is_cancelled);
    let by_event_source = investigation.by_event_source().filter(|other| !other.is_void());
    let by_event_source = by_event_source.map(|other| other.verdict.verdict).filter(|other| *other != judgement);
    notes(&mut diagnosis, recording, judgement, by_event_source, head_ms.is_some());
    Some(Diagnosed {
        url: recording.request.url.clone(),
        is_ours: recording.origin == Some(Origin::Ours),
        diagnosis,
        variants: investigation.into_rows(),
        endurance: None,
        against: None,
        took: Duration::from_micros((recording.elapsed_us - recording.begun_us).max(0).unsigned_abs()),
    })
}

/// What is to be said of a diagnosis because a page made it.
fn notes(
    diagnosis: &mut Diagnosis,
    recording: &Recording,
    judgement: Judgement,
    by_event_source: Option<Judgement>,
    has_head: bool,
) {
    let notes = &mut diagnosis.notes;
    notes.extend(by_event_source.map(|other| Note::ByEventSource { other, plain: judgement }));
    let is_alone = recording.clock.exchanges.is_empty() && !has_head;
    notes.extend(is_alone.then_some(Note::NoConnectionLeft));
    notes.extend(recording.observer.is_none_or(|observer| observer.is_browser).then_some(Note::ByPage));
    let was_hidden = replay::intersects(&recording.hidden, recording.begun_us, recording.elapsed_us);
    notes.extend(was_hidden.then_some(Note::TabWasHidden));
}
