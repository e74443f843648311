//! The variants of one path: which to look at, and what came of them.

use std::io;
use std::time::Duration;

use super::{BETWEEN, Config, Depth};
use crate::client::Request;
use crate::client::live::Limits;
use crate::judge::{MeasurePlan, Paces};
use crate::probe::{Path, Setup};
use crate::report::Report;
use crate::report::diagnosis::Row;
use crate::schedule::plan::Plan;
use crate::verdict::diagnosis::{Tried, Variant, pairs, to_confirm};
use crate::verdict::{CureId, Hold, HoldKind, Judgement, Reason, Verdict, ending, representative};

/// How much later than the plain variant the others begin: where only some streams pass at a time, it is among them.
const HEAD_START: Duration = Duration::from_millis(700);

/// What makes the streams of several clients one.
const SHARED: [&str; 2] = ["id", "stream"];

/// A variant, and what came of it.
struct Entry {
    variant: Variant,
    setup: Setup,
    report: Report,
    again: Option<Report>,
}

impl Entry {
    fn tried(&self) -> Tried {
        tried(&self.variant, &self.report, self.setup.plan.within)
    }

    /// Another look at it may show something else. A limit on silences takes as long to be seen again, and is looked at
    /// twice anyway; the plain variant has streams enough, unless nothing can be told.
    fn is_doubtful(&self) -> bool {
        let tried = self.tried();
        let is_open = tried.verdict.verdict == Judgement::Inconclusive;
        let is_rich = self.variant == Variant::plain() && self.setup.plan.paces == Paces::Four;
        self.variant.is_steady() && tried.is_doubtful() && (is_open || !is_rich)
    }
}

/// A path and its variants.
pub(super) struct Case<'a> {
    path: &'a Path<'a>,
    base: Request,
    within: Duration,
    depth: Depth,
    /// Another path is measured at the same time: then there is no room for every variant.
    has_rival: bool,
    entries: Vec<Entry>,
    /// The plain variant at the pace that the others have.
    control: Option<Entry>,
}

impl<'a> Case<'a> {
    pub(super) fn new(path: &'a Path<'a>, config: &Config) -> Case<'a> {
        let mut base = path.request().clone();
        for name in SHARED.iter().filter(|_| path.is_ours()) {
            if without(&mut base.url, name) {
                log::info!("the parameter {name} is left out: each stream of the diagnosis is one of its own");
            }
        }
        let (within, depth, has_rival) = (config.within, config.depth, config.against.is_some());
        Case { path, base, within, depth, has_rival, entries: Vec::new(), control: None }
    }

    /// Those that differ from the plain variant by one change, and some that tell of limits.
    fn first_variants(&self) -> Vec<Variant> {
        let mut variants: Vec<Variant> = self.singles().filter(|variant| !self.is_plain(variant)).collect();
        if self.path.is_ours() && self.depth != Depth::Quick {
            let most = if self.has_rival { 1 } else { 2 };
            variants.extend((!self.has_rival).then(Variant::late_byte));
            variants.extend([Variant::quiet(), Variant::heartbeat()]);
            variants.extend(Variant::everything().into_iter().take(most));
        }
        variants
    }

    /// Of another origin, only what the client says can be changed; and not its method, which means something there.
    fn singles(&self) -> impl Iterator<Item = Variant> + use<> {
        let is_ours = self.path.is_ours();
        Variant::singles()
            .filter(move |variant| is_ours || matches!(variant.changes(), [CureId::Identity | CureId::Gzip]))
    }

    /// Whether it asks for the same as the plain variant.
    fn is_plain(&self, variant: &Variant) -> bool {
        self.asks_for(variant) == self.asks_for(&Variant::plain())
    }

    /// What decides about the response: the method, whether gzip is accepted, and the origin's plan.
    fn asks_for(&self, variant: &Variant) -> (String, bool, Option<Plan>) {
        let request = self.request(variant);
        let mut fields = request.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("accept-encoding"));
        let accepts_gzip = fields.any(|(_, value)| value.to_ascii_lowercase().contains("gzip"));
        let plan = Plan::parse(query(&request.url)).ok().filter(|_| self.path.is_ours());
        (request.method.to_ascii_uppercase(), accepts_gzip, plan)
    }

    /// The request of a variant.
    fn request(&self, variant: &Variant) -> Request {
        let mut request = self.base.clone();
        if self.path.is_ours() {
            let (place, query) = request.url.split_once('?').unwrap_or((&request.url, ""));
            request.url = format!("{place}?{}", variant.query(query));
        }
        if let Some(method) = variant.method() {
            method.clone_into(&mut request.method);
        }
        if let Some(accepted) = variant.accept_encoding() {
            while request.take_header("Accept-Encoding").is_some() {}
            request.headers.push(("Accept-Encoding".to_owned(), accepted.to_owned()));
        }
        request
    }

    fn setup(&self, variant: &Variant, paces: Paces, duration: Option<Duration>) -> Setup {
        let plan = MeasurePlan { within: self.within, duration, paces, ..MeasurePlan::default() };
        Setup::new(self.request(variant), plan)
    }

    /// Looks at all variants at once; and once more at those of which nothing is known, because there were too many at
    /// once, or by chance.
    pub(super) fn first_look(&mut self, limits: &Limits) -> io::Result<()> {
        let others =
            |variant: &Variant| Setup { after: HEAD_START, ..self.setup(variant, Paces::One, self.depth.first()) };
        let plain = Variant::plain();
        let mut wanted = vec![(plain.clone(), self.setup(&plain, Paces::Four, self.depth.first()))];
        if self.path.is_ours() {
            wanted.push((plain.clone(), others(&plain)));
        }
        let variants = self.first_variants().into_iter();
        wanted.extend(variants.map(|variant| (variant.clone(), others(&variant))));
        let mut looks = self.look(wanted, limits)?;
        // As many at once as got through, again and again.
        let is_refused = |look: &&mut Entry| look.variant.is_steady() && look.tried().is_refused();
        let count = |looks: &mut Vec<Entry>| looks.iter_mut().filter(is_refused).count();
        let mut refused = count(&mut looks);
        let passed = looks.len() - refused;
        while refused > 0 && !looks[0].tried().is_refused() && limits.leave(self.depth.reserve()) {
            self.look_again(looks.iter_mut().filter(is_refused).take(passed).collect(), limits)?;
            if std::mem::replace(&mut refused, count(&mut looks)) == refused {
                break;
            }
        }
        if self.path.is_ours() {
            self.control = Some(looks.remove(1));
        }
        self.entries = looks;
        self.refine();
        Ok(())
    }

    /// What does as the plain variant does at the same pace is what the plain one, with more paces, was seen to be.
    fn refine(&mut self) {
        let Some(control) = &self.control else { return };
        let (control, plain) = (control.tried(), self.entries[0].report.verdict.clone());
        if control.streams() || control.is_void() || self.entries[0].tried().streams() {
            return;
        }
        for entry in self.entries.iter_mut().skip(1).filter(|entry| entry.variant.is_steady()) {
            let tried = entry.tried();
            if tried.is_like(&control) {
                let reason = Reason::LikePlain(Box::new(plain.reason.clone()));
                entry.report.verdict = Verdict { reason, findings: Vec::new(), ..plain.clone() };
            }
        }
    }

    /// The plain variant at the pace that the others have.
    pub(super) fn control(&self) -> Option<Tried> {
        self.control.as_ref().map(Entry::tried)
    }

    /// Looks at pairs of changes, if no change helps alone.
    pub(super) fn look_at_pairs(&mut self, limits: &Limits) -> io::Result<()> {
        let pairs = pairs(&self.tried());
        if pairs.is_empty() || limits.are_over() {
            return Ok(());
        }
        let wanted = pairs.into_iter().map(|pair| {
            let setup = self.setup(&pair, Paces::One, Some(BETWEEN));
            (pair, setup)
        });
        let looks = self.look(wanted.collect(), limits)?;
        self.entries.extend(looks);
        self.refine();
        Ok(())
    }

    /// Looks once more at what helps, and at the plain variant beside it. What came of them, the plain one first.
    pub(super) fn second_look(&mut self, limits: &Limits) -> io::Result<Vec<Tried>> {
        let mut variants = to_confirm(&self.tried());
        if variants.is_empty() || limits.are_over() {
            return Ok(Vec::new());
        }
        variants.insert(0, Variant::plain());
        let (duration, least, others) = self.depth.second();
        let setup = |(n, variant): (usize, Variant)| {
            let paces = match n {
                1 if variant.is_steady() => least,
                2.. if variant.is_steady() => others,
                _ => Paces::One,
            };
            let setup = self.setup(&variant, paces, Some(duration));
            (variant, setup)
        };
        let looks = self.look(variants.into_iter().enumerate().map(setup).collect(), limits)?;
        let again = looks.iter().map(Entry::tried).collect();
        for look in looks {
            if let Some(entry) = self.entries.iter_mut().find(|entry| entry.variant == look.variant) {
                entry.again = Some(look.report);
            }
        }
        Ok(again)
    }

    /// Looks at variants at once, and once more at those that are in doubt.
    fn look(&self, wanted: Vec<(Variant, Setup)>, limits: &Limits) -> io::Result<Vec<Entry>> {
        let (variants, setups): (Vec<Variant>, Vec<Setup>) = wanted.into_iter().unzip();
        let reports = self.path.measure(&setups, limits)?;
        let looks = variants.into_iter().zip(setups).zip(reports);
        let looks = looks.map(|((variant, setup), mut report)| {
            only_whether_cut(&variant, &mut report);
            Entry { variant, setup, report, again: None }
        });
        let mut looks: Vec<Entry> = looks.collect();
        // Of another origin, nothing is known but what comes by itself, and a shorter look would see less of it.
        let is_ours = self.path.is_ours();
        let doubtful = looks.iter_mut().filter(|look| is_ours && look.is_doubtful());
        self.look_again(doubtful.collect(), limits)?;
        Ok(looks)
    }

    /// Looks once more at some, and forgets what was seen before.
    fn look_again(&self, looks: Vec<&mut Entry>, limits: &Limits) -> io::Result<()> {
        if looks.is_empty() || limits.are_over() {
            return Ok(());
        }
        let setup = |look: &&mut Entry| {
            let duration = Some(look.setup.plan.duration.map_or(BETWEEN, |duration| duration.min(BETWEEN)));
            let plan = MeasurePlan { duration, ..look.setup.plan };
            Setup { plan, after: Duration::ZERO, ..look.setup.clone() }
        };
        let setups: Vec<Setup> = looks.iter().map(setup).collect();
        let reports = self.path.measure(&setups, limits)?;
        for (look, report) in looks.into_iter().zip(reports) {
            let tells = !matches!(report.verdict.verdict, Judgement::Inconclusive | Judgement::Unreachable);
            if tells {
                look.report = report;
            }
        }
        Ok(())
    }

    /// What came of the variants, the plain one first.
    pub(super) fn tried(&self) -> Vec<Tried> {
        self.entries.iter().map(Entry::tried).collect()
    }

    /// What came of the plain variant.
    pub(super) fn plain(&self) -> &Report {
        &self.entries[0].report
    }

    /// A request that streams, as far as there is one: that of the variant with this id, or the plain one if that streams;
    /// else one with every header field that helps.
    pub(super) fn streaming_request(&self, id: Option<&str>) -> Request {
        let is_it = |entry: &&Entry| entry.variant.is_steady() && Some(entry.variant.id().as_str()) == id;
        let cured = self.entries.iter().find(is_it);
        let plain = self.entries.first().filter(|entry| entry.report.verdict.verdict == Judgement::RealTime);
        cured.or(plain).map_or_else(|| self.base.clone(), |entry| entry.setup.request.clone())
    }

    /// All of it, with those that ask for the same as the plain one, in the order of their costs.
    pub(super) fn into_rows(self) -> Vec<Row> {
        let same: Vec<Variant> = self.singles().filter(|variant| self.is_plain(variant)).collect();
        let same = same.into_iter().map(|variant| {
            let request = self.request(&variant);
            (variant, row(&request, self.plain().clone(), None, true))
        });
        let same: Vec<(Variant, Row)> = same.collect();
        let measured = self.entries.into_iter().map(|entry| {
            let is_refused = entry.tried().is_refused();
            let row = row(&entry.setup.request, entry.report, entry.again, false);
            (entry.variant, Row { is_refused, ..row })
        });
        let mut rows: Vec<(Variant, Row)> = measured.chain(same).collect();
        rows.sort_by_key(|(variant, _)| (!variant.is_steady(), variant.changes().len(), variant.changes().to_vec()));
        rows.into_iter().map(|(variant, row)| named(&variant, row)).collect()
    }
}

fn row(request: &Request, report: Report, again: Option<Report>, is_plain: bool) -> Row {
    Row {
        id: String::new(),
        method: request.method.clone(),
        query: query(&request.url).to_owned(),
        request_headers: Vec::new(),
        report,
        again,
        is_plain,
        is_refused: false,
    }
}

fn named(variant: &Variant, row: Row) -> Row {
    let accepted = variant.accept_encoding().map(|value| ("Accept-Encoding".to_owned(), value.to_owned()));
    Row { id: variant.id(), request_headers: accepted.into_iter().collect(), ..row }
}

/// Of a stream that is quiet there is nothing to say but whether it was cut: so few events tell no more.
fn only_whether_cut(variant: &Variant, report: &mut Report) {
    let is_stream = !matches!(report.verdict.verdict, Judgement::NotSse | Judgement::Unreachable | Judgement::Silent);
    if variant.is_quiet() && is_stream && report.verdict.verdict != Judgement::Cut {
        let (hold, reason) = (Hold::of(HoldKind::Unknown), Reason::NotCut);
        report.verdict = Verdict { verdict: Judgement::Inconclusive, hold, reason, findings: Vec::new() };
    }
}

/// What a report says, for reasoning.
fn tried(variant: &Variant, report: &Report, within: Duration) -> Tried {
    let field = |name| report.response.as_ref().and_then(|response| response.header(name));
    let stream = representative(&report.streams);
    let quiet_us = stream.and_then(|stream| {
        let last_us = stream.lumps.last().map(|lump| lump.at_us)?;
        Some(stream.end_us? - last_us)
    });
    Tried {
        variant: variant.clone(),
        verdict: report.verdict.clone(),
        head_ms: report.timing.head,
        shows_accel: field("x-accel-buffering").is_some(),
        coding: field("content-encoding").map(str::to_owned),
        end: ending(&report.streams),
        quiet_us,
        late: late_share(report, within),
    }
}

/// Which share of the events that name the verdict was late.
fn late_share(report: &Report, within: Duration) -> f64 {
    let within_us = i64::try_from(within.as_micros()).unwrap_or(i64::MAX);
    let samples = || representative(&report.streams).into_iter().flat_map(|stream| &stream.samples);
    let late = samples().filter(|sample| sample.lag_us > within_us).count();
    late as f64 / samples().count().max(1) as f64
}

fn query(url: &str) -> &str {
    url.split_once('?').map_or("", |(_, query)| query)
}

/// Takes a parameter out of a URL's query. Whether it was there.
fn without(url: &mut String, name: &str) -> bool {
    let Some((place, query)) = url.split_once('?') else { return false };
    let is_other = |part: &&str| form_urlencoded::parse(part.as_bytes()).next().is_none_or(|(found, _)| found != name);
    let kept: Vec<&str> = query.split('&').filter(is_other).collect();
    let was_there = kept.len() < query.split('&').count();
    *url = if kept.is_empty() { place.to_owned() } else { format!("{place}?{}", kept.join("&")) };
    was_there
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_taken_out() {
        let left = |url: &str| {
            let mut url = url.to_owned();
            (without(&mut url, "id"), url)
        };
        assert_eq!(left("http://h/e?a=1&id=x&b"), (true, "http://h/e?a=1&b".to_owned()));
        assert_eq!(left("http://h/e?id=x"), (true, "http://h/e".to_owned()));
        assert_eq!(left("http://h/e?idx=x"), (false, "http://h/e?idx=x".to_owned()));
        assert_eq!(left("http://h/e"), (false, "http://h/e".to_owned()));
    }
}
