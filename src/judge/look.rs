//! Looks at the variants of a path: what is asked for, in which round, and what came of it.

use std::time::Duration;

use super::streams::MeasurePlan;
use crate::report::Report;
use crate::verdict::diagnosis::{Tried, Variant};
use crate::verdict::{Hold, HoldKind, Judgement, Reason, Verdict, ending, representative};

/// The rounds of a diagnosis, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Round {
    /// One stream, to find out whose it is.
    Whose,
    /// All variants at once.
    First,
    /// Those in doubt, once more.
    FirstAgain,
    /// Those that were refused, as many at once as got through.
    Refused(u8),
    /// Pairs of changes.
    Pairs,
    /// Those in doubt, once more.
    PairsAgain,
    /// What helps, and the plain variant beside it.
    Second,
    /// Those in doubt, once more.
    SecondAgain,
}

/// Rounds of refused variants at most.
pub(super) const REFUSED_MAX: u8 = 9;

impl Round {
    /// Its name in recordings.
    pub fn name(self) -> String {
        match self {
            Round::Whose => "whose",
            Round::First => "first",
            Round::FirstAgain => "first-again",
            Round::Refused(n) => return format!("refused-{n}"),
            Round::Pairs => "pairs",
            Round::PairsAgain => "pairs-again",
            Round::Second => "second",
            Round::SecondAgain => "second-again",
        }
        .to_owned()
    }

    /// The round of this name.
    pub fn named(name: &str) -> Option<Round> {
        let refused = (1..=REFUSED_MAX).map(Round::Refused);
        let [whose, first, again] = [Round::Whose, Round::First, Round::FirstAgain];
        let later = [Round::Pairs, Round::PairsAgain, Round::Second, Round::SecondAgain];
        [whose, first, again].into_iter().chain(refused).chain(later).find(|round| round.name() == name)
    }
}

/// What a look at a variant is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It is the variant's row.
    Main,
    /// The plain variant at the pace of the others.
    Control,
    /// The plain variant by an `EventSource`.
    EventSource,
}

impl Role {
    const ALL: [(&'static str, Role); 3] =
        [("main", Role::Main), ("control", Role::Control), ("eventsource", Role::EventSource)];

    /// Its name in recordings.
    pub fn name(self) -> &'static str {
        Role::ALL.iter().find(|(_, role)| *role == self).map_or("", |(name, _)| name)
    }

    /// The role of this name.
    pub fn named(name: &str) -> Option<Role> {
        Role::ALL.iter().find(|(other, _)| *other == name).map(|(_, role)| *role)
    }
}

/// A variant to look at.
#[derive(Debug, Clone)]
pub struct Look {
    /// The variant.
    pub variant: Variant,
    /// What for.
    pub role: Role,
    /// Which streams.
    pub plan: MeasurePlan,
    /// How much later than the others they are asked for.
    pub after: Duration,
}

/// A variant that was looked at, and what came of it.
#[derive(Debug, Clone)]
pub(super) struct Looked {
    pub(super) look: Look,
    pub(super) report: Report,
}

impl Looked {
    pub(super) fn new(look: Look, mut report: Report) -> Looked {
        only_whether_cut(&look.variant, &mut report);
        Looked { look, report }
    }

    pub(super) fn is(&self, other: &Look) -> bool {
        self.look.variant == other.variant && self.look.role == other.role
    }

    /// What its report says, for reasoning.
    pub(super) fn tried(&self) -> Tried {
        let report = &self.report;
        let field = |name| report.response.as_ref().and_then(|response| response.header(name));
        let stream = representative(&report.streams);
        let quiet_us = stream.and_then(|stream| {
            let last_us = stream.lumps.last().map(|lump| lump.at_us)?;
            Some(stream.end_us? - last_us)
        });
        Tried {
            variant: self.look.variant.clone(),
            verdict: report.verdict.clone(),
            head_ms: report.timing.head,
            shows_accel: field("x-accel-buffering").is_some(),
            coding: field("content-encoding").map(str::to_owned),
            end: ending(&report.streams),
            quiet_us,
            late: late_share(report, self.look.plan.within),
        }
    }

    /// Takes what another look came to, if that tells anything.
    pub(super) fn look_again(&mut self, report: Report) {
        if !matches!(report.verdict.verdict, Judgement::Inconclusive | Judgement::Unreachable) {
            self.report = report;
        }
    }
}

/// Of a stream that is quiet there is nothing to say but whether it was cut: so few events tell no more.
fn only_whether_cut(variant: &Variant, report: &mut Report) {
    let is_stream = !matches!(report.verdict.verdict, Judgement::NotSse | Judgement::Unreachable | Judgement::Silent);
    if variant.is_quiet() && is_stream && report.verdict.verdict != Judgement::Cut {
        let (hold, reason) = (Hold::of(HoldKind::Unknown), Reason::NotCut);
        report.verdict = Verdict { verdict: Judgement::Inconclusive, hold, reason, findings: Vec::new() };
    }
}

/// Which share of the events that name the verdict was late.
fn late_share(report: &Report, within: Duration) -> f64 {
    let within_us = i64::try_from(within.as_micros()).unwrap_or(i64::MAX);
    let samples = || representative(&report.streams).into_iter().flat_map(|stream| &stream.samples);
    let late = samples().filter(|sample| sample.lag_us > within_us).count();
    late as f64 / samples().count().max(1) as f64
}
