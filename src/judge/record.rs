//! Observations to recordings.

use super::observation::{Head, Observation, Outcome, Status, StreamObservation};
use crate::SERVER_NAME;
use crate::stats::recording::{
    ClockRecord, FailureKind, FailureRecord, HeadRecord, Kind, Recording, RequestRecord, SCHEMA, StatusRecord,
    StreamRecord,
};
use crate::stats::{Exchange, Origin, Recorder};
use crate::verdict::Answer;

impl Observation {
    /// All of it, to be judged elsewhere or later; none unless every recorder kept a journal.
    pub fn recording(&self) -> Option<Recording> {
        let unix_us = self.unix_us;
        let streams = self.streams.iter().map(|stream| stream_record(stream, self)).collect::<Option<Vec<_>>>()?;
        let exchanges = |all: &[Exchange]| all.iter().map(|one| (one.t0_us, one.t1_us - unix_us, one.t3_us)).collect();
        Some(Recording {
            schema: SCHEMA,
            kind: Kind::Probe,
            program: SERVER_NAME.to_owned(),
            request: RequestRecord {
                url: self.url.clone(),
                method: self.method.clone(),
                headers: self.headers.clone(),
            },
            origin: Some(origin(self)),
            within_ms: self.within_us / 1000,
            unix_us,
            clock: ClockRecord {
                connect_us: self.connect_us.or_else(|| self.handshake_us()),
                exchanges: exchanges(&self.exchanges),
                near: exchanges(&self.near),
                has_failed: false,
            },
            stalls: self.stalls.iter().map(|stall| (stall.from_us, stall.to_us)).collect(),
            hidden: Vec::new(),
            away: Vec::new(),
            elapsed_us: self.elapsed_us,
            streams,
            live: None,
            observer: None,
            begun_us: 0,
            is_cancelled: false,
        })
    }
}

fn origin(seen: &Observation) -> Origin {
    let recorders = seen.streams.iter().filter_map(|stream| match &stream.result {
        Outcome::Stream(recorder) => Some(recorder),
        Outcome::Failed(_) => None,
    });
    let is_foreign = recorders.map(|recorder| recorder.origin()).any(|origin| origin == Origin::Foreign);
    if is_foreign { Origin::Foreign } else { Origin::Ours }
}

fn stream_record(stream: &StreamObservation, seen: &Observation) -> Option<StreamRecord> {
    let (record, failure) = match &stream.result {
        Outcome::Stream(recorder) => (journal(recorder, seen.unix_us)?, None),
        Outcome::Failed(answer) => {
            (StreamRecord { requested_us: stream.begun_us, ..StreamRecord::default() }, failure(stream, answer))
        }
    };
    Some(StreamRecord {
        name: stream.asked.name.clone(),
        interval_us: stream.asked.interval_us,
        size: stream.asked.size,
        count: stream.asked.count,
        any_type: stream.any_type,
        id: stream.id.clone(),
        begun_us: Some(stream.begun_us).filter(|begun_us| *begun_us != record.requested_us),
        head: stream.head.as_ref().map(|head| head_record(head, &seen.redirects)),
        beginning: stream.beginning.clone(),
        failure,
        hello: stream.hello.clone(),
        status: stream.status.as_ref().map(|status| status_record(status, seen.unix_us)),
        ..record
    })
}

fn journal(recorder: &Recorder, unix_us: i64) -> Option<StreamRecord> {
    recorder.journal(unix_us)
}

/// Why there was no stream, unless its head and beginning say so.
fn failure(stream: &StreamObservation, answer: &Answer) -> Option<FailureRecord> {
    let (kind, why) = match answer {
        Answer::Stream => return None,
        Answer::NotSse(why) => (FailureKind::NotSse, why),
        Answer::Unreachable(why) => (FailureKind::Unreachable, why),
    };
    let said = stream.head.as_ref().and_then(|head| head.refusal(stream.beginning.as_deref()?, stream.any_type));
    let failure = || FailureRecord { answer: kind, id: why.id.as_str().to_owned(), text: why.text() };
    said.is_none().then(failure)
}

fn head_record(head: &Head, before: &[String]) -> HeadRecord {
    HeadRecord {
        at_us: head.at_us,
        status: head.status,
        http: head.http.clone(),
        url: head.url.clone(),
        headers: head.headers.clone(),
        redirects: [before, &head.redirects].concat(),
        resolved_us: head.resolved_us,
        connected_us: head.connected_us,
        secured_us: head.secured_us,
    }
}

fn status_record(status: &Status, unix_us: i64) -> StatusRecord {
    StatusRecord {
        state: status.state,
        ended_by: status.ended_by.clone(),
        opened_us: status.opened_us.map(|opened_us| opened_us - unix_us),
    }
}
