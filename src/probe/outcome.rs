//! What was measured of a path, made into its report.
//!
//! What counts of streams that ran at once is told by `src/page/core.js`, too: change both.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Epoch;
use super::stream::{Outcome, Seen};
use crate::client::{self, Head, Request};
use crate::escape::shortened;
use crate::report::{Report, Response, Timing};
use crate::stats::{Clock, Ending, Exchange, Origin, Recorder, Stall, StreamSpec, Summary};
use crate::verdict::{Answer, Evidence, Finding, Hop, Id, judge, representative};

/// Streams that are asked for at once are begun at once, unless something keeps them back.
pub(super) const BEGUN_LATE_US: i64 = 1_000_000;

/// How much of a request's target is shown, in characters.
const TARGET_MAX: usize = 60;

/// What was measured.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) request: Request,
    /// The URLs that redirected the request for the origin's time, and so those for the streams, too.
    pub(super) redirects: Vec<String>,
    pub(super) exchanges: Vec<Exchange>,
    /// Those on a near way to the same origin, if there is one.
    pub(super) near: Vec<Exchange>,
    /// Or why there are none.
    pub(super) streams: Result<Vec<Seen>, Answer>,
}

impl Measured {
    /// What it amounts to. `stalls` are the times in which this machine was late.
    pub(super) fn report(self, epoch: Epoch, stalls: &[Stall], within: Duration) -> Report {
        let Measured { request, redirects, exchanges, near, streams } = self;
        let mut parts = Parts { redirects, ..Parts::default() };
        match streams {
            Err(answer) => parts.failures.push(answer),
            Ok(streams) => {
                parts.smallest = streams.iter().map(|seen| seen.asked.size).min().unwrap_or(0);
                streams.into_iter().for_each(|seen| parts.add(seen));
            }
        }
        if parts.recorders.is_empty() && parts.failures.is_empty() {
            parts.recorders = std::mem::take(&mut parts.kept_back);
        }
        let connect_us = parts.heads.iter().filter_map(|answered| connect_us(&answered.head.timing)).min();
        let least = parts.recorders.iter().filter_map(Recorder::least_transit_us).min();
        let clock =
            Clock::from_near_and_far(&near, &exchanges).or_else(|| Clock::from_exchanges(&exchanges, connect_us));
        let clock = clock.or_else(|| least.map(Clock::from_least_transit));
        let summed = std::mem::take(&mut parts.recorders).into_iter().map(|recorder| {
            let summary = recorder.summary(clock.as_ref(), stalls);
            (recorder, summary)
        });
        // What was begun when its time was nearly up says nothing, either, where others say something.
        let (in_vain, others): (Vec<_>, Vec<_>) = summed.partition(|(_, summary)| was_begun_in_vain(summary));
        parts.begun_in_vain = in_vain.len();
        let counted = if others.is_empty() { in_vain } else { others };
        let (recorders, summaries): (Vec<Recorder>, Vec<Summary>) = counted.into_iter().unzip();
        parts.recorders = recorders;
        let answer = match parts.failures.first() {
            Some(answer) if summaries.is_empty() || parts.fails_small_events(answer) => answer.clone(),
            _ => Answer::Stream,
        };
        let within_us = i64::try_from(within.as_micros()).unwrap_or(i64::MAX);
        let evidence = Evidence { answer: &answer, streams: &summaries, clock: clock.as_ref(), within_us };
        let mut verdict = judge(&evidence);
        let recording = parts.recording(&evidence, &exchanges, connect_us, stalls, epoch);
        verdict.add(parts.findings(&answer, &summaries));
        let naming = representative(&summaries).map(|summary| &summary.spec);
        let naming = parts.heads.iter().find(|answered| answered.spec.as_ref() == naming).or(parts.heads.first());
        let origin_saw = parts.heads.iter().find_map(|answered| answered.hello.clone());
        Report {
            url: request.url,
            method: request.method,
            verdict,
            timing: naming.map_or_else(Timing::default, |answered| timing(answered, &summaries, epoch)),
            clock: clock.filter(|clock| clock.is_measured),
            started_unix_us: epoch.unix_us,
            hop: naming.and_then(|answered| Hop::of(&answered.head.headers, origin_saw.as_ref())),
            response: naming.map(|answered| response(&answered.head)),
            streams: summaries,
            origin_saw,
            recording,
            against: None,
        }
    }
}

/// A response's head, and whose it is.
#[derive(Debug)]
struct Answered {
    /// None if it is no stream.
    spec: Option<StreamSpec>,
    begun: Instant,
    head: Head,
    hello: Option<Value>,
}

/// What there is of the streams, sorted.
#[derive(Debug, Default)]
struct Parts {
    redirects: Vec<String>,
    recorders: Vec<Recorder>,
    heads: Vec<Answered>,
    failures: Vec<Answer>,
    /// The least size of events that was asked for.
    smallest: u64,
    /// Those that the origin never began.
    kept_back: Vec<Recorder>,
    /// How many the origin began so late that no event came in time.
    begun_in_vain: usize,
    /// What the origin was asked for instead of what the probe asks for.
    asked_instead: Option<String>,
}

impl Parts {
    /// Whether the path gives up on streams of small events, which name the verdict: it waits for more of a body than
    /// they bring in time. What refuses them for another reason may do so because there are several at once.
    fn fails_small_events(&self, answer: &Answer) -> bool {
        let Answer::NotSse(why) = answer else { return false };
        let is_given_up = matches!(why.id, Id::BadGateway | Id::GatewayTimeout);
        is_given_up && !self.recorders.iter().any(|recorder| recorder.spec().size == self.smallest)
    }

    fn add(&mut self, seen: Seen) {
        let Seen { begun, head, hello, id, never_began, result, .. } = seen;
        let spec = match result {
            Outcome::Stream(recorder) if never_began => {
                self.kept_back.push(*recorder);
                None
            }
            Outcome::Stream(mut recorder) => {
                if let Some((target, interval_us)) =
                    hello.as_ref().zip(id).and_then(|(hello, id)| other_than(hello, &id))
                {
                    self.asked_instead.get_or_insert(target);
                    recorder.is_of_other_pace(interval_us);
                }
                let spec = recorder.spec().clone();
                self.recorders.push(*recorder);
                Some(spec)
            }
            Outcome::Failed(answer) => {
                self.failures.push(answer);
                None
            }
        };
        self.heads.extend(head.map(|mut head| {
            head.redirects = [self.redirects.as_slice(), &head.redirects].concat();
            Answered { spec, begun, head, hello }
        }));
    }

    /// All that the judgement rests on, in the form of a story file. None unless every recorder kept a journal.
    fn recording(
        &self,
        evidence: &Evidence<'_>,
        exchanges: &[Exchange],
        connect_us: Option<i64>,
        stalls: &[Stall],
        epoch: Epoch,
    ) -> Option<Value> {
        let unix_us = epoch.unix_us;
        let streams = self.recorders.iter().map(|recorder| recorder.journal(unix_us)).collect::<Option<Vec<_>>>()?;
        let exchange = |exchange: &Exchange| json!([exchange.t0_us, exchange.t1_us - unix_us, exchange.t3_us]);
        Some(json!({
            "source": "recorded: ",
            "about": "",
            "answer": match evidence.answer {
                Answer::Stream => vec!["stream".to_owned()],
                Answer::NotSse(why) => vec!["not-sse".to_owned(), why.text(), why.id.as_str().to_owned()],
                Answer::Unreachable(why) => vec!["unreachable".to_owned(), why.text(), why.id.as_str().to_owned()],
            },
            "ours": evidence.streams.iter().all(|stream| stream.origin == Origin::Ours),
            "within_ms": evidence.within_us / 1000,
            "unix_us": unix_us,
            "connect_us": connect_us,
            "exchanges": exchanges.iter().map(exchange).collect::<Vec<_>>(),
            "stalls": stalls.iter().map(|stall| [stall.from_us, stall.to_us]).collect::<Vec<_>>(),
            "streams": streams,
        }))
    }

    /// What the streams themselves don't tell.
    fn findings(&self, answer: &Answer, summaries: &[Summary]) -> Vec<Finding> {
        let mut findings = Vec::new();
        if let (Answer::Stream, Some(failure)) = (answer, self.failures.first()) {
            let (Answer::NotSse(why) | Answer::Unreachable(why)) = failure else { return findings };
            let (refused, all) = (self.failures.len(), self.failures.len() + self.recorders.len());
            let text = format!("{refused} of {all} streams at once brought none: {}", why.text());
            findings.push(Finding::new(Id::SomeRefused, text));
        }
        if let Some((late, by_us)) = begun_late(summaries) {
            let (all, by_s) = (summaries.len(), by_us as f64 / 1e6);
            let text = format!("{late} of {all} streams at once reached the origin up to {by_s:.1} s after the others");
            findings.push(Finding::new(Id::SomeRefused, text));
        }
        if !self.kept_back.is_empty() {
            let (kept_back, all) = (self.kept_back.len(), self.kept_back.len() + self.recorders.len());
            let text = format!("not counted: {kept_back} of {all} streams at once, which never reached the origin");
            findings.push(Finding::new(Id::SomeRefused, text));
        }
        if self.begun_in_vain > 0 {
            let (late, all) = (self.begun_in_vain, self.begun_in_vain + self.recorders.len());
            let why = "which reached the origin when the time was nearly up";
            let text = format!("not counted: {late} of {all} streams at once, {why}");
            findings.push(Finding::new(Id::SomeRefused, text));
        }
        if let Some(target) = &self.asked_instead {
            let text = format!("the origin was asked for \"{target}\", which is not what this program asked for");
            findings.push(Finding::new(Id::QueryLost, text));
        }
        if *answer == Answer::Stream && self.heads.is_empty() && !self.recorders.is_empty() {
            findings.push(Finding::new(Id::NoHead, "not even the head of a response came"));
        }
        let redirects = self.heads.first().map_or(&[][..], |answered| &answered.head.redirects);
        if let (Some(first), Some(answered)) = (redirects.first(), self.heads.first()) {
            let to = without_query(&answered.head.url);
            findings.push(Finding::new(Id::Redirected, format!("{} redirects to {to}", without_query(first))));
        }
        findings
    }
}

/// What the origin was asked for, and its interval, if that is not the stream with this id.
fn other_than(hello: &Value, id: &str) -> Option<(String, i64)> {
    let (target, interval_ms) = (hello["target"].as_str()?, hello["interval_ms"].as_f64()?);
    (hello["id"].as_str()? != id).then(|| (shortened(target, TARGET_MAX), (interval_ms * 1e3) as i64))
}

/// How many streams the origin began later than others that were asked for at the same time, and by how much at most.
fn begun_late(summaries: &[Summary]) -> Option<(usize, i64)> {
    let waits = || summaries.iter().filter_map(|summary| summary.stale_us).map(|stale_us| (-stale_us).max(0));
    let least = waits().min()?;
    let late = || waits().map(|wait| wait - least).filter(|later| *later > BEGUN_LATE_US);
    Some((late().count(), late().max()?))
}

/// The origin began it later than it was asked for, and no event came before it was left.
fn was_begun_in_vain(summary: &Summary) -> bool {
    let is_late = summary.stale_us.is_some_and(|stale_us| -stale_us > BEGUN_LATE_US);
    is_late && summary.end == Ending::Ours && summary.counts.received == 0 && summary.spec.count != Some(0)
}

fn without_query(url: &str) -> &str {
    url.split('?').next().unwrap_or(url)
}

fn connect_us(timing: &client::Timing) -> Option<i64> {
    let taken = timing.connected?.checked_duration_since(timing.resolved?)?;
    i64::try_from(taken.as_micros()).ok()
}

fn timing(answered: &Answered, summaries: &[Summary], epoch: Epoch) -> Timing {
    let at = &answered.head.timing;
    let ms = |instant: Instant| instant.saturating_duration_since(answered.begun).as_secs_f64() * 1000.0;
    let begun_us = epoch.us(answered.begun);
    let seen_ms = |at_us: i64| (at_us - begun_us) as f64 / 1000.0;
    let summary = summaries.iter().find(|summary| Some(&summary.spec) == answered.spec.as_ref());
    Timing {
        dns: at.resolved.map(ms),
        connect: at.connected.map(ms),
        tls: at.secured.map(ms),
        head: Some(ms(at.head)),
        first_byte: summary.and_then(|summary| summary.first_byte_us).map(seen_ms),
        first_event: summary.and_then(|summary| summary.first_event_us).map(seen_ms),
    }
}

fn response(head: &Head) -> Response {
    Response {
        status: head.status,
        http: head.version.clone(),
        headers: head.headers.clone(),
        redirects: head.redirects.clone(),
    }
}
