//! What a page is to do next for a diagnosis, in JSON.

use std::time::Duration;

use serde::Serialize;

use super::investigation::Investigation;
use super::look::{self, Role, Round};
use super::variants::query;
use crate::stats::recording::Recording;
use crate::verdict::Judgement;

/// How long after the origin's end something may still come, such as all of it.
const GRACE: Duration = Duration::from_secs(4);
/// How long a stream runs that is to show whose it is.
pub(super) const WHOSE: Duration = Duration::from_secs(3);
/// The interval that another origin's stream is taken to have.
const FOREIGN_INTERVAL_US: i64 = 1_000_000;
/// Names of so many variants are told.
const NAMES_MAX: usize = 8;

/// A variant to look at.
#[derive(Debug, Serialize)]
pub(super) struct Look {
    round: String,
    variant: String,
    role: &'static str,
    method: String,
    headers: Vec<(String, String)>,
    query: String,
    transport: &'static str,
    after_ms: u64,
    duration_ms: u64,
    streams: Vec<Stream>,
}

/// A stream to ask for.
#[derive(Debug, Serialize)]
struct Stream {
    name: String,
    interval_us: i64,
    size: u64,
    count: Option<u64>,
    any_type: bool,
    wants_id: bool,
    query: String,
    duration_ms: u64,
}

/// How far a diagnosis is.
#[derive(Debug, Serialize)]
pub(super) struct Progress {
    done: usize,
    total: usize,
    text: String,
    left_ms: u64,
    looks: Vec<SoFar>,
}

/// What came of a look so far.
#[derive(Debug, Serialize)]
struct SoFar {
    variant: String,
    role: &'static str,
    verdict: Judgement,
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A look in JSON. An origin that isn't known to be ours is asked for nothing of ours.
pub(super) fn look(investigation: &Investigation, round: Round, look: &look::Look, is_ours: bool) -> Look {
    let request = investigation.request(&look.variant);
    let query = query(&request.url).to_owned();
    let streams = if is_ours { ours(look, &query) } else { vec![as_it_is(look, &query)] };
    Look {
        round: round.name(),
        variant: look.variant.id(),
        role: look.role.name(),
        method: request.method,
        headers: request.headers,
        query,
        transport: if look.role == Role::EventSource { "eventsource" } else { "fetch" },
        after_ms: ms(look.after),
        duration_ms: streams.iter().map(|stream| stream.duration_ms).max().unwrap_or(0),
        streams,
    }
}

fn ours(look: &look::Look, query: &str) -> Vec<Stream> {
    let streams = look.plan.streams(query).into_iter().map(|plan| {
        let own = plan.parameters.iter().map(|(name, value)| format!("{name}={value}"));
        let query = [query.to_owned()].into_iter().filter(|query| !query.is_empty()).chain(own);
        Stream {
            name: plan.spec.name,
            interval_us: plan.spec.interval_us,
            size: plan.spec.size,
            count: plan.spec.count,
            any_type: plan.any_type,
            wants_id: plan.wants_nonce,
            query: query.collect::<Vec<_>>().join("&"),
            duration_ms: ms(plan.lasts.map_or_else(|| look.plan.run(), |lasts| lasts + GRACE)),
        }
    });
    streams.collect()
}

fn as_it_is(look: &look::Look, query: &str) -> Stream {
    Stream {
        name: "stream".to_owned(),
        interval_us: FOREIGN_INTERVAL_US,
        size: 0,
        count: None,
        any_type: false,
        wants_id: false,
        query: query.to_owned(),
        duration_ms: ms(look.plan.run()),
    }
}

/// How far a diagnosis is, with `next` to be done.
pub(super) fn progress(
    recording: &Recording,
    investigation: &Investigation,
    next: Option<&(Round, Vec<look::Look>)>,
    left: Duration,
) -> Progress {
    let done = recording.streams.len();
    let more: usize = next.iter().flat_map(|(_, looks)| looks).map(|look| investigation.streams_of(look)).sum();
    let looks = investigation.so_far().map(|(look, verdict)| SoFar {
        variant: look.variant.id(),
        role: look.role.name(),
        verdict: verdict.verdict,
    });
    Progress {
        done,
        total: done + more,
        text: next.map_or_else(|| "all is known".to_owned(), |(round, looks)| text(*round, looks)),
        left_ms: ms(left),
        looks: looks.collect(),
    }
}

fn text(round: Round, looks: &[look::Look]) -> String {
    let names: Vec<String> = looks.iter().map(|look| look.variant.id()).take(NAMES_MAX).collect();
    let more = if looks.len() > NAMES_MAX { " and others" } else { "" };
    let names = format!("{}{more}", names.join(", "));
    match round {
        Round::Whose => "asking whose stream it is".to_owned(),
        Round::First => format!("asking for the stream in {} ways", looks.len()),
        Round::FirstAgain | Round::PairsAgain | Round::SecondAgain => {
            format!("looking once more at what was in doubt: {names}")
        }
        Round::Refused(_) => format!("looking once more at what was refused: {names}"),
        Round::Pairs => "no change helps alone: trying pairs".to_owned(),
        Round::Second => format!("confirming what helped: {names}"),
    }
}
