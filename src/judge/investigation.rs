//! The plan of a diagnosis: all looks so far in; what to look at next out.
//!
//! ```text
//!  variants, all at once ──► those in doubt ──► those refused ──► pairs, if no change helps alone ──► what helps, once more
//! ```
//! Pure: the terminal carries it out, and so does a page, which posts all looks so far each time.

use std::time::Duration;

use super::look::{Look, Looked, REFUSED_MAX, Role, Round};
use super::streams::{MeasurePlan, Paces};
use super::variants::{Base, query};
use crate::report::Report;
use crate::report::diagnosis::Row;
use crate::stats::recording::RequestRecord;
use crate::verdict::diagnosis::{Diagnosis, Evidence, Tried, Variant, diagnose, pairs, to_confirm};
use crate::verdict::endurance::Endurance;
use crate::verdict::{CureId, Judgement, Reason, Verdict};

/// How much later than the plain variant the others begin: where only some streams pass at a time, it is among them.
const HEAD_START: Duration = Duration::from_millis(700);

/// How long the streams of another look at what was refused, or at combinations, run.
const BETWEEN: Duration = Duration::from_secs(4);

/// What the observer can do, and how much time it takes.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// Maximum lag that counts as real time.
    pub within: Duration,
    /// How long the longest streams of a first look at the plain variant run, and at the others.
    pub first: (Option<Duration>, Option<Duration>),
    /// How long those of a second look run, and at how many paces the least of the cures is looked at, and the others.
    pub second: (Duration, Paces, Paces),
    /// The time to keep for another look at some, and for the second look.
    pub reserve: Duration,
    /// Whether limits are looked for, and combinations.
    pub is_thorough: bool,
    /// Another path is measured at the same time: then there is no room for every variant.
    pub has_rival: bool,
    /// A page in a browser: it can't choose what it accepts, and has an `EventSource` as well.
    pub is_browser: bool,
    /// Most streams in all.
    pub streams_max: usize,
}

/// A diagnosis under way.
#[derive(Debug)]
pub struct Investigation {
    base: Base,
    terms: Terms,
    /// The last round that was taken.
    round: Option<Round>,
    /// How many variants were refused before the last round.
    refused_before: Option<usize>,
    /// How many got through at once.
    passed: usize,
    streams: usize,
    looks: Vec<Looked>,
    second: Vec<Looked>,
}

impl Investigation {
    /// Of a path that `request` takes.
    pub fn new(request: RequestRecord, is_ours: bool, terms: Terms) -> Investigation {
        Investigation {
            base: Base::new(request, is_ours),
            terms,
            round: None,
            refused_before: None,
            passed: 0,
            streams: 0,
            looks: Vec::new(),
            second: Vec::new(),
        }
    }

    /// The request of a variant.
    pub fn request(&self, variant: &Variant) -> RequestRecord {
        self.base.request(variant)
    }

    /// What to look at next, with so much time left; nothing if all is known that can be.
    pub fn next(&mut self, left: Duration) -> Option<(Round, Vec<Look>)> {
        self.rounds().into_iter().find_map(|round| {
            let looks = self.looks_of(round, left);
            let looks = self.fitting(looks);
            (!looks.is_empty()).then_some((round, looks))
        })
    }

    /// Takes what came of a round.
    pub fn take(&mut self, round: Round, seen: Vec<(Look, Report)>) {
        self.streams += seen.iter().map(|(look, _)| self.streams_of(look)).sum::<usize>();
        self.refused_before = matches!(round, Round::Refused(_)).then(|| self.refused().count());
        if round >= Round::Pairs {
            self.refine();
        }
        match round {
            Round::Whose => {}
            Round::First | Round::Pairs => {
                self.looks.extend(seen.into_iter().map(|(look, report)| Looked::new(look, report)));
            }
            Round::Second => self.second = seen.into_iter().map(|(look, report)| Looked::new(look, report)).collect(),
            Round::FirstAgain | Round::Refused(_) | Round::PairsAgain => look_again(&mut self.looks, seen),
            Round::SecondAgain => look_again(&mut self.second, seen),
        }
        if matches!(round, Round::First | Round::FirstAgain) {
            self.passed = self.looks.len() - self.refused().count();
        }
        self.round = Some(round);
    }

    /// So many streams were asked for so far.
    pub(super) fn set_streams(&mut self, streams: usize) {
        self.streams = streams;
    }

    /// The rounds that may follow.
    fn rounds(&self) -> Vec<Round> {
        use Round::{First, FirstAgain, Pairs, PairsAgain, Refused, Second, SecondAgain, Whose};
        match self.round {
            None | Some(Whose) => vec![First],
            Some(First) => vec![FirstAgain, Refused(1), Pairs, Second],
            Some(FirstAgain) => vec![Refused(1), Pairs, Second],
            Some(Refused(n)) => vec![Refused(n.saturating_add(1)), Pairs, Second],
            Some(Pairs) => vec![PairsAgain, Second],
            Some(PairsAgain) => vec![Second],
            Some(Second) => vec![SecondAgain],
            Some(SecondAgain) => Vec::new(),
        }
    }

    fn looks_of(&mut self, round: Round, left: Duration) -> Vec<Look> {
        if round != Round::First && (left.is_zero() || self.plain().is_none()) {
            return Vec::new();
        }
        match round {
            Round::Whose => Vec::new(),
            Round::First => self.first(),
            Round::FirstAgain | Round::PairsAgain => self.doubtful(&self.looks, round),
            Round::SecondAgain => self.doubtful(&self.second, round),
            Round::Refused(n) => self.refused_again(n, left),
            Round::Pairs => {
                self.refine();
                let pairs = pairs(&self.tried()).into_iter().filter(|pair| self.can(pair));
                pairs.map(|pair| self.look(pair, Paces::One, Some(BETWEEN))).collect()
            }
            Round::Second => {
                self.refine();
                self.confirming()
            }
        }
    }

    /// As many as fit into the number of streams that are allowed in all.
    fn fitting(&self, looks: Vec<Look>) -> Vec<Look> {
        let mut room = self.terms.streams_max.saturating_sub(self.streams);
        let fits = |look: &Look| {
            let left = room.checked_sub(self.streams_of(look));
            room = left.unwrap_or(0);
            left.is_some()
        };
        looks.into_iter().take_while(fits).collect()
    }

    /// How many streams a look asks for.
    pub(super) fn streams_of(&self, look: &Look) -> usize {
        let url = self.request(&look.variant).url;
        if self.base.is_ours() { look.plan.streams(query(&url)).len() } else { 1 }
    }

    fn can(&self, variant: &Variant) -> bool {
        !self.terms.is_browser || variant.accept_encoding().is_none()
    }

    fn look(&self, variant: Variant, paces: Paces, duration: Option<Duration>) -> Look {
        let plan = MeasurePlan { within: self.terms.within, duration, paces, ..MeasurePlan::default() };
        Look { variant, role: Role::Main, plan, after: Duration::ZERO }
    }

    /// All variants; the plain one also at the pace of the others.
    fn first(&self) -> Vec<Look> {
        let (plain_runs, runs) = self.terms.first;
        let plain = self.look(Variant::plain(), Paces::Four, plain_runs);
        let other = |variant| Look { after: HEAD_START, ..self.look(variant, Paces::One, runs) };
        let control = self.base.is_ours().then(|| Look { role: Role::Control, ..other(Variant::plain()) });
        let by_event_source = self.terms.is_browser.then(|| {
            let duration = if self.base.is_ours() { runs } else { plain_runs };
            Look { role: Role::EventSource, ..self.look(Variant::plain(), Paces::Two, duration) }
        });
        let others = self.first_variants().into_iter().map(other);
        [Some(plain), control, by_event_source].into_iter().flatten().chain(others).collect()
    }

    /// Those that differ from the plain variant by one change, and some that tell of limits.
    fn first_variants(&self) -> Vec<Variant> {
        let singles = self.base.singles().filter(|variant| self.can(variant) && !self.base.is_plain(variant));
        let mut variants: Vec<Variant> = singles.collect();
        if self.base.is_ours() && self.terms.is_thorough {
            let most = if self.terms.has_rival { 1 } else { 2 };
            variants.extend((!self.terms.has_rival).then(Variant::late_byte));
            variants.extend([Variant::quiet(), Variant::heartbeat()]);
            let can = |id: &CureId| !self.terms.is_browser || !matches!(id, CureId::Identity | CureId::Gzip);
            let everything = Variant::everything().into_iter().take(most);
            variants.extend(everything.map(|all| all.only(can)));
        }
        variants
    }

    /// Those of which another look may show something else. Of another origin, nothing is known but what comes by itself,
    /// and a shorter look would see less of it.
    fn doubtful(&self, looks: &[Looked], round: Round) -> Vec<Look> {
        let is_of_round = |looked: &&Looked| round != Round::PairsAgain || looked.look.variant.changes().len() == 2;
        let looks = looks.iter().filter(is_of_round).filter(|looked| self.base.is_ours() && is_doubtful(looked));
        looks.map(again).collect()
    }

    fn refused(&self) -> impl Iterator<Item = &Looked> {
        let can_be = |looked: &&Looked| looked.look.variant.is_steady() && looked.look.role != Role::EventSource;
        self.looks.iter().filter(can_be).filter(|looked| looked.tried().is_refused())
    }

    /// As many of those that were refused as got through, as long as that helps.
    fn refused_again(&self, n: u8, left: Duration) -> Vec<Look> {
        let refused = self.refused().count();
        let is_in_vain = self.refused_before.is_some_and(|before| before == refused);
        let is_plain_refused = self.plain().is_some_and(|plain| plain.tried().is_refused());
        if n > REFUSED_MAX || is_in_vain || is_plain_refused || left < self.terms.reserve {
            return Vec::new();
        }
        self.refused().take(self.passed).map(again).collect()
    }

    /// What helps, and the plain variant beside it.
    fn confirming(&self) -> Vec<Look> {
        let variants = to_confirm(&self.tried());
        if variants.is_empty() {
            return Vec::new();
        }
        let (duration, least, others) = self.terms.second;
        let paces = |n: usize, variant: &Variant| match n {
            0 if variant.is_steady() => least,
            1.. if variant.is_steady() => others,
            _ => Paces::One,
        };
        let plain = self.look(Variant::plain(), Paces::One, Some(duration));
        let looks = variants.into_iter().enumerate().map(|(n, variant)| {
            let paces = paces(n, &variant);
            self.look(variant, paces, Some(duration))
        });
        std::iter::once(plain).chain(looks).collect()
    }

    /// What does as the plain variant does at the same pace is what the plain one, with more paces, was seen to be.
    fn refine(&mut self) {
        let (Some(control), Some(plain)) = (self.control(), self.plain()) else { return };
        let (streams, plain) = (plain.tried().streams(), plain.report.verdict.clone());
        if control.streams() || control.is_void() || streams {
            return;
        }
        let others = self.looks.iter_mut().filter(|looked| looked.look.role == Role::Main).skip(1);
        for looked in others.filter(|looked| looked.look.variant.is_steady()) {
            if looked.tried().is_like(&control) {
                let reason = Reason::LikePlain(Box::new(plain.reason.clone()));
                looked.report.verdict = Verdict { reason, findings: Vec::new(), ..plain.clone() };
            }
        }
    }

    fn of_role(&self, role: Role) -> impl Iterator<Item = &Looked> {
        self.looks.iter().filter(move |looked| looked.look.role == role)
    }

    fn plain(&self) -> Option<&Looked> {
        self.of_role(Role::Main).next().filter(|looked| looked.look.variant == Variant::plain())
    }

    /// The plain variant at the pace that the others have.
    fn control(&self) -> Option<Tried> {
        self.of_role(Role::Control).next().map(Looked::tried)
    }

    /// What came of the variants, the plain one first.
    fn tried(&self) -> Vec<Tried> {
        self.of_role(Role::Main).map(Looked::tried).collect()
    }

    /// What came of the plain variant; none before it was looked at.
    pub fn plain_report(&self) -> Option<&Report> {
        self.plain().map(|looked| &looked.report)
    }

    /// What an `EventSource` saw of the plain variant.
    pub(super) fn by_event_source(&self) -> Option<Tried> {
        self.of_role(Role::EventSource).next().map(Looked::tried)
    }

    /// What follows from all looks.
    pub fn diagnosis(&mut self, endurance: Option<&Endurance>, is_gone: bool, is_cut_short: bool) -> Diagnosis {
        self.refine();
        let tried = self.tried();
        let again: Vec<Tried> = self.second.iter().map(Looked::tried).collect();
        let control = self.control();
        let plain = self.plain_report();
        diagnose(&Evidence {
            control: control.as_ref(),
            tried: &tried,
            again: &again,
            is_ours: self.base.is_ours(),
            hop: plain.and_then(|plain| plain.hop.as_ref()),
            origin_http: plain.and_then(|plain| plain.origin_saw.as_ref()?["http"].as_str()),
            endurance,
            is_gone,
            is_cut_short,
        })
    }

    /// A request that streams, as far as there is one: that of the variant with this id, or the plain one if that streams;
    /// else one with every header field that helps.
    pub fn streaming_request(&self, id: Option<&str>) -> RequestRecord {
        let is_it = |looked: &&Looked| looked.look.variant.is_steady() && Some(looked.look.variant.id().as_str()) == id;
        let cured = self.of_role(Role::Main).find(is_it);
        let plain = self.plain().filter(|looked| looked.report.verdict.verdict == Judgement::RealTime);
        cured.or(plain).map_or_else(|| self.base.bare(), |looked| self.request(&looked.look.variant))
    }

    /// What came of each look so far.
    pub(super) fn so_far(&self) -> impl Iterator<Item = (&Look, &Verdict)> {
        self.looks.iter().map(|looked| (&looked.look, &looked.report.verdict))
    }

    /// All of it, with those that ask for the same as the plain one, in the order of their costs.
    pub fn into_rows(self) -> Vec<Row> {
        let Some(plain) = self.plain_report().cloned() else { return Vec::new() };
        let same = self.base.singles().filter(|variant| self.can(variant) && self.base.is_plain(variant));
        let same: Vec<(Variant, Row)> = same
            .map(|variant| {
                let row = row(self.request(&variant), plain.clone(), None);
                (variant, Row { is_plain: true, ..row })
            })
            .collect();
        let Investigation { base, looks, second, .. } = self;
        let again = |look: &Look| second.iter().find(|looked| looked.is(look)).map(|looked| looked.report.clone());
        let measured = looks.into_iter().filter(|looked| looked.look.role == Role::Main).map(|looked| {
            let is_refused = looked.tried().is_refused();
            let again = again(&looked.look);
            let row = row(base.request(&looked.look.variant), looked.report, again);
            (looked.look.variant, Row { is_refused, ..row })
        });
        let mut rows: Vec<(Variant, Row)> = measured.chain(same).collect();
        rows.sort_by_key(|(variant, _)| (!variant.is_steady(), variant.changes().len(), variant.changes().to_vec()));
        rows.into_iter().map(|(variant, row)| named(&variant, row)).collect()
    }
}

/// Another look at it may show something else. A limit on silences takes as long to be seen again, and is looked at twice
/// anyway; the plain variant has streams enough, unless nothing can be told.
fn is_doubtful(looked: &Looked) -> bool {
    let tried = looked.tried();
    let is_open = tried.verdict.verdict == Judgement::Inconclusive;
    let is_rich = looked.look.variant == Variant::plain() && looked.look.plan.paces == Paces::Four;
    let can_be = looked.look.variant.is_steady() && looked.look.role != Role::EventSource;
    can_be && tried.is_doubtful() && (is_open || !is_rich)
}

/// A shorter look at the same.
fn again(looked: &Looked) -> Look {
    let duration = Some(looked.look.plan.duration.map_or(BETWEEN, |duration| duration.min(BETWEEN)));
    let plan = MeasurePlan { duration, ..looked.look.plan };
    Look { plan, after: Duration::ZERO, ..looked.look.clone() }
}

fn look_again(looks: &mut [Looked], seen: Vec<(Look, Report)>) {
    for (look, report) in seen {
        if let Some(looked) = looks.iter_mut().find(|looked| looked.is(&look)) {
            looked.look_again(report);
        }
    }
}

fn row(request: RequestRecord, report: Report, again: Option<Report>) -> Row {
    Row {
        id: String::new(),
        query: query(&request.url).to_owned(),
        method: request.method,
        request_headers: Vec::new(),
        report,
        again,
        is_plain: false,
        is_refused: false,
    }
}

fn named(variant: &Variant, row: Row) -> Row {
    let accepted = variant.accept_encoding().map(|value| ("Accept-Encoding".to_owned(), value.to_owned()));
    Row { id: variant.id(), request_headers: accepted.into_iter().collect(), ..row }
}
