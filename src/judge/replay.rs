//! Recordings to observations.

use super::observation::{Head, Observation, Outcome, Status, StreamObservation};
use crate::http::{MediaType, Url};
use crate::schedule::plan::Plan;
use crate::stats::recording::{
    EventRecord, FailureKind, FailureRecord, HeadRecord, ReadRecord, Recording, StatusRecord, StreamRecord,
};
use crate::stats::{Exchange, Origin, Recorder, Stall, StreamSpec, What};
use crate::verdict::{Answer, Finding, Id};

/// How much of what a recording says failed is shown, in characters.
const FAILURE_MAX: usize = 500;

/// What a recording holds of some of its streams.
pub fn observation(recording: &Recording, streams: &[&StreamRecord]) -> Observation {
    let unix_us = recording.unix_us;
    let exchange = |&(t0_us, t1_us, t3_us): &(i64, i64, i64)| Exchange { t0_us, t1_us: t1_us + unix_us, t3_us };
    let origin = origin(recording);
    Observation {
        url: recording.request.url.clone(),
        method: recording.request.method.clone(),
        headers: recording.request.headers.clone(),
        redirects: Vec::new(),
        exchanges: recording.clock.exchanges.iter().map(exchange).collect(),
        near: recording.clock.near.iter().map(exchange).collect(),
        connect_us: recording.clock.connect_us,
        stalls: stalls(recording),
        within_us: recording.within_ms * 1000,
        unix_us,
        elapsed_us: recording.elapsed_us,
        streams: streams.iter().map(|stream| replayed(stream, origin, recording)).collect(),
    }
}

/// Whose origin it is. One that tells its time is ours, and so is one whose first event bears a stamp; before anything is
/// known, it is taken for ours unless it was asked for its time in vain.
pub(super) fn origin(recording: &Recording) -> Origin {
    let clock = &recording.clock;
    recording.origin.unwrap_or_else(|| {
        let first = recording.streams.iter().find_map(|stream| stream.events.first());
        let is_stamped = first.map(|event| event.sent_us.is_some());
        let has_told = !clock.exchanges.is_empty() || !clock.near.is_empty();
        if has_told || is_stamped.unwrap_or(!clock.has_failed) { Origin::Ours } else { Origin::Foreign }
    })
}

/// What a hidden page saw late is not the path's doing.
fn stalls(recording: &Recording) -> Vec<Stall> {
    let hidden = recording.hidden.iter().map(|(from, to)| (*from, to.unwrap_or(recording.elapsed_us)));
    let all = recording.stalls.iter().copied().chain(hidden);
    all.map(|(from_us, to_us)| Stall { from_us, to_us }).collect()
}

/// Whether one of these times, of which the last may go on, has something of the time between these two.
pub(super) fn intersects(times: &[(i64, Option<i64>)], from_us: i64, to_us: i64) -> bool {
    times.iter().any(|(from, to)| *from <= to_us && to.is_none_or(|to| to >= from_us))
}

fn replayed(stream: &StreamRecord, origin: Origin, recording: &Recording) -> StreamObservation {
    let asked = spec(stream, origin);
    let head = stream.head.as_ref().map(head);
    let beginning = stream.beginning.as_deref().unwrap_or("");
    let refusal = || head.as_ref().and_then(|head| head.refusal(beginning, stream.any_type || wants_any_type(stream)));
    let failed = stream.failure.as_ref().map(failure).or_else(|| refusal().map(Answer::NotSse));
    StreamObservation {
        any_type: stream.any_type,
        begun_us: stream.begun_us.unwrap_or(stream.requested_us),
        beginning: stream.beginning.clone(),
        hello: stream.hello.clone(),
        id: stream.id.clone(),
        status: stream.status.as_ref().map(|status| self::status(status, recording.unix_us)),
        result: match failed {
            Some(answer) => Outcome::Failed(answer),
            None => Outcome::Stream(Box::new(recorder(stream, asked.clone(), origin, recording.unix_us))),
        },
        asked,
        head,
    }
}

/// Another origin sends what it likes: it isn't asked for a number of events of a size.
fn spec(stream: &StreamRecord, origin: Origin) -> StreamSpec {
    let StreamRecord { name, interval_us, size, count, .. } = stream;
    let asked = StreamSpec { name: name.clone(), interval_us: *interval_us, size: *size, count: *count };
    if origin == Origin::Ours { asked } else { StreamSpec { size: 0, count: None, ..asked } }
}

fn wants_any_type(stream: &StreamRecord) -> bool {
    let plan = stream.url.as_deref().and_then(|url| Plan::parse(Url::of(url).query()).ok());
    plan.is_some_and(|plan| !MediaType::of(plan.content_type).is_event_stream())
}

fn head(head: &HeadRecord) -> Head {
    Head {
        resolved_us: head.resolved_us,
        connected_us: head.connected_us,
        secured_us: head.secured_us,
        at_us: head.at_us,
        status: head.status,
        http: head.http.clone(),
        url: head.url.clone(),
        headers: head.headers.clone(),
        redirects: head.redirects.clone(),
    }
}

fn status(status: &StatusRecord, unix_us: i64) -> Status {
    Status {
        state: status.state,
        ended_by: status.ended_by.clone(),
        opened_us: status.opened_us.map(|opened_us| opened_us + unix_us),
    }
}

fn failure(failure: &FailureRecord) -> Answer {
    let id = Id::ALL.iter().copied().find(|id| id.as_str() == failure.id).unwrap_or(Id::NoAnswer);
    let finding = Finding::new(id, failure.text.chars().take(FAILURE_MAX).collect::<String>());
    match failure.answer {
        FailureKind::Unreachable => Answer::Unreachable(finding),
        FailureKind::NotSse => Answer::NotSse(finding),
    }
}

/// The record of a stream, told what was observed.
fn recorder(stream: &StreamRecord, spec: StreamSpec, origin: Origin, unix_us: i64) -> Recorder {
    let mut recorder = Recorder::new(spec, origin, stream.requested_us);
    let what = |event: &EventRecord| what(event, origin, unix_us);
    match &stream.reads {
        Some(reads) => replay_reads(&mut recorder, reads, stream, &what),
        None => {
            let base = stream.events.first().map_or(0, |event| event.offset);
            for event in &stream.events {
                let (start, end) = (event.offset - base, event.offset + event.length - base);
                recorder.read(event.at_us, end, end);
                recorder.event(what(event), start, end);
            }
        }
    }
    if stream.is_undecodable {
        recorder.undecodable();
    }
    if let Some(end) = &stream.end {
        recorder.end(end.how, end.at_us);
    }
    recorder
}

/// Offsets count from the first read on: a record may begin in the middle of a stream.
fn replay_reads(
    recorder: &mut Recorder,
    reads: &[ReadRecord],
    stream: &StreamRecord,
    what: &dyn Fn(&EventRecord) -> What,
) {
    let (base, content_base) = reads.first().map_or((0, 0), |read| (read.offset, read.content_offset));
    let mut events = stream.events.iter().peekable();
    let mut comments = stream.comments.iter().copied().peekable();
    for read in reads {
        let content_end = read.content_offset + read.content_length;
        recorder.read(read.at_us, read.offset + read.length - base, content_end - content_base);
        loop {
            let comment = comments.peek().copied().filter(|end| *end <= content_end);
            let event = events.peek().copied().filter(|event| event.offset + event.length <= content_end);
            match (comment, event) {
                (Some(end), event) if event.is_none_or(|event| end <= event.offset) => {
                    comments.next();
                    recorder.comment(end.saturating_sub(content_base));
                }
                (_, Some(event)) => {
                    events.next();
                    let end = event.offset + event.length;
                    // The first may have begun before the record.
                    let span = [event.offset, end].map(|offset| offset.saturating_sub(content_base));
                    recorder.event(what(event), span[0], span[1]);
                }
                (_, None) => break,
            }
        }
    }
}

fn what(event: &EventRecord, origin: Origin, unix_us: i64) -> What {
    match (origin, event.number, event.sent_us) {
        (Origin::Foreign, id, _) => What::Foreign { id },
        (Origin::Ours, Some(0), Some(sent_us)) => What::Hello { sent_us: sent_us + unix_us },
        (Origin::Ours, Some(seq), Some(sent_us)) => {
            What::Numbered { seq, sent_us: sent_us + unix_us, intact: event.is_intact }
        }
        (Origin::Ours, ..) => What::Unreadable,
    }
}
