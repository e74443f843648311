//! What was observed of a path, made into its report.

use serde_json::Value;

use super::observation::{self, Head, Observation, Outcome, StreamObservation};
use crate::escape::shortened;
use crate::http::Url;
use crate::report::{Report, Response, Timing};
use crate::stats::{Clock, Ending, Recorder, StreamSpec, Summary};
use crate::verdict::{Answer, Evidence, Finding, Hop, Id, judge, representative};

/// How much of a request's target is shown, in characters.
const TARGET_MAX: usize = 60;

impl Observation {
    /// What it amounts to.
    pub fn report(self) -> Report {
        let clock = self.clock();
        let mut parts = Parts { smallest: self.smallest(), ..Parts::default() };
        let Observation { url, method, redirects, exchanges, stalls, within_us, unix_us, streams, .. } = self;
        parts.redirects = redirects;
        for seen in streams {
            let never_began = seen.never_began(&exchanges);
            parts.add(seen, never_began);
        }
        if parts.recorders.is_empty() && parts.failures.is_empty() {
            parts.recorders = std::mem::take(&mut parts.kept_back);
        }
        let summed = std::mem::take(&mut parts.recorders).into_iter().map(|recorder| {
            let summary = recorder.summary(clock.as_ref(), &stalls);
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
        let mut verdict = judge(&Evidence { answer: &answer, streams: &summaries, clock: clock.as_ref(), within_us });
        verdict.add(parts.findings(&answer, &summaries));
        let naming = representative(&summaries).map(|summary| &summary.spec);
        let naming = parts.heads.iter().find(|answered| answered.spec.as_ref() == naming).or(parts.heads.first());
        let origin_saw = parts.heads.iter().find_map(|answered| answered.hello.clone());
        Report {
            url,
            method,
            verdict,
            timing: naming.map_or_else(Timing::default, |answered| timing(answered, &summaries)),
            clock: clock.filter(|clock| clock.is_measured),
            started_unix_us: unix_us,
            hop: naming.and_then(|answered| Hop::of(&answered.head.headers, origin_saw.as_ref())),
            response: naming.and_then(|answered| response(&answered.head)),
            streams: summaries,
            origin_saw,
            recording: None,
            against: None,
        }
    }

    fn smallest(&self) -> u64 {
        self.streams.iter().map(|seen| seen.asked.size).min().unwrap_or(0)
    }

    /// The origin's clock: on a near way, on this one, or as far as the events themselves tell.
    pub(super) fn clock(&self) -> Option<Clock> {
        let connect_us = self.connect_us.or_else(|| self.handshake_us());
        let measured = Clock::from_near_and_far(&self.near, &self.exchanges)
            .or_else(|| Clock::from_exchanges(&self.exchanges, connect_us));
        let least = || {
            let counted = self.streams.iter().filter(|seen| !seen.never_began(&self.exchanges));
            let recorders = counted.filter_map(|seen| match &seen.result {
                Outcome::Stream(recorder) => Some(recorder),
                Outcome::Failed(_) => None,
            });
            recorders.filter_map(|recorder| recorder.least_transit_us()).min()
        };
        measured.or_else(|| least().map(Clock::from_least_transit))
    }

    /// The shortest TCP handshake.
    pub(super) fn handshake_us(&self) -> Option<i64> {
        self.streams.iter().filter_map(|seen| seen.head.as_ref()?.connect_us()).min()
    }
}

/// A response's head, and whose it is.
#[derive(Debug)]
struct Answered {
    /// None if it is no stream.
    spec: Option<StreamSpec>,
    begun_us: i64,
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

    fn add(&mut self, seen: StreamObservation, never_began: bool) {
        let StreamObservation { begun_us, head, hello, id, result, .. } = seen;
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
            Answered { spec, begun_us, head, hello }
        }));
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
        let stale_us = summaries.iter().filter_map(|summary| summary.stale_us);
        if let Some((late, by_us)) = observation::begun_late(stale_us) {
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
            let without_query = |url: &str| Url::of(url).with_query("");
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

/// The origin began it later than it was asked for, and no event came before it was left.
fn was_begun_in_vain(summary: &Summary) -> bool {
    let is_late = observation::is_begun_late(summary.stale_us);
    is_late && summary.end == Ending::Ours && summary.counts.received == 0 && summary.spec.count != Some(0)
}

fn timing(answered: &Answered, summaries: &[Summary]) -> Timing {
    let ms = |at_us: i64| (at_us - answered.begun_us) as f64 / 1e3;
    let head = &answered.head;
    let summary = summaries.iter().find(|summary| Some(&summary.spec) == answered.spec.as_ref());
    Timing {
        dns: head.resolved_us.map(ms),
        connect: head.connected_us.map(ms),
        tls: head.secured_us.map(ms),
        head: Some(ms(head.at_us)),
        first_byte: summary.and_then(|summary| summary.first_byte_us).map(ms),
        first_event: summary.and_then(|summary| summary.first_event_us).map(ms),
    }
}

fn response(head: &Head) -> Option<Response> {
    Some(Response {
        status: head.status?,
        http: head.http.clone(),
        headers: head.headers.clone(),
        redirects: head.redirects.clone(),
    })
}
