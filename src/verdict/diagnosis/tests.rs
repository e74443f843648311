use super::*;
use crate::verdict::{Finding, Hold, HoldKind, Reason};
use crate::verdict::{Hop, Id, Verdict};
use HoldKind::{Bytes, Close, Constant, OneEvent, StartBytes, Unknown};
use Judgement::{
    Batched, Cut, HeldUntilClose, Inconclusive, Lagging, LateStart, NotSse, RealTime, Silent, Unreachable,
};

fn verdict(verdict: Judgement, kind: HoldKind) -> Verdict {
    Verdict { verdict, hold: Hold::of(kind), reason: Reason::NoStream, findings: Vec::new() }
}

fn tried(variant: Variant, of: Verdict) -> Tried {
    let shows_accel = variant.changes().contains(&CureId::AccelNo);
    let end = (Ending::Clean, Some(6_000_000));
    Tried { variant, verdict: of, head_ms: Some(2.0), shows_accel, coding: None, end, quiet_us: Some(0), late: 0.0 }
}

/// A path: what it does to the plain variant, and which changes make it stream.
struct Path {
    plain: Verdict,
    cured_by: fn(&[CureId]) -> bool,
    swallows_accel: bool,
}

impl Path {
    fn held(judgement: Judgement, kind: HoldKind, cured_by: fn(&[CureId]) -> bool) -> Path {
        Path { plain: verdict(judgement, kind), cured_by, swallows_accel: false }
    }

    fn of(&self, variant: Variant) -> Tried {
        let streams = (self.cured_by)(variant.changes());
        let of = if streams { verdict(RealTime, HoldKind::None) } else { self.plain.clone() };
        let tried = tried(variant, of);
        Tried { shows_accel: tried.shows_accel && !self.swallows_accel, ..tried }
    }

    /// What comes of everything that is tried, in the order in which it is.
    fn tried(&self) -> Vec<Tried> {
        let variants = std::iter::once(Variant::plain()).chain(Variant::singles()).chain(Variant::everything());
        let mut all: Vec<Tried> = variants.map(|variant| self.of(variant)).collect();
        let pairs: Vec<Tried> = pairs(&all).into_iter().map(|variant| self.of(variant)).collect();
        all.extend(pairs);
        all
    }

    fn diagnosis(&self) -> Diagnosis {
        let tried = self.tried();
        let again = std::iter::once(Variant::plain()).chain(to_confirm(&tried)).map(|variant| self.of(variant));
        diagnose(&Evidence { again: &again.collect::<Vec<_>>(), ..evidence(&tried) })
    }

    /// The cause's id, and the least of the cures.
    fn short(&self) -> (Option<&'static str>, Option<String>) {
        let diagnosis = self.diagnosis();
        (diagnosis.cause.map(|why| why.cause.id()), diagnosis.smallest)
    }
}

fn evidence(tried: &[Tried]) -> Evidence<'_> {
    Evidence {
        tried,
        again: &[],
        control: None,
        is_ours: true,
        hop: None,
        origin_http: Some("HTTP/1.1"),
        endurance: None,
        is_gone: false,
        is_cut_short: false,
    }
}

fn has(changes: &[CureId], ids: &[CureId]) -> bool {
    ids.iter().any(|id| changes.contains(id))
}

#[test]
fn causes_and_least_cures() {
    use CureId::{
        AccelNo, BigEvents, CloseFraming, EncodingIdentity, Identity, NoTransform, Pad4k, Pad16k, Pad64k, PlainType,
        Post,
    };
    let paths: [(&str, Option<&str>, Path); 14] = [
        ("buffer", Some("accel-no"), Path::held(Batched, Bytes, |v| has(v, &[AccelNo]))),
        ("buffer", None, Path::held(Batched, Bytes, |_| false)),
        ("start-buffer", Some("pad-16k"), Path::held(LateStart, StartBytes, |v| has(v, &[Pad16k, Pad64k, BigEvents]))),
        ("until-close", None, Path::held(HeldUntilClose, Close, |_| false)),
        ("one-behind", Some("big-events"), Path::held(Lagging, OneEvent, |v| has(v, &[BigEvents]))),
        ("compressor", Some("no-transform"), Path::held(Lagging, OneEvent, |v| has(v, &[NoTransform, Identity]))),
        (
            "compressor",
            Some("encoding-identity"),
            Path::held(Batched, Bytes, |v| has(v, &[EncodingIdentity, Identity])),
        ),
        ("framing", Some("close-framing"), Path::held(Batched, Bytes, |v| has(v, &[CloseFraming]))),
        ("content-type", Some("plain-type"), Path::held(HeldUntilClose, Close, |v| has(v, &[PlainType]))),
        ("method", Some("post"), Path::held(HeldUntilClose, Close, |v| has(v, &[Post]))),
        ("delay", None, Path::held(Lagging, Constant, |_| false)),
        ("silent", None, Path::held(Silent, Unknown, |_| false)),
        ("rate-limit", None, Path::held(Lagging, Unknown, |_| false)),
        ("start-buffer", Some("pad-4k"), Path::held(LateStart, StartBytes, |v| has(v, &[Pad4k, Pad16k, Pad64k]))),
    ];
    for (cause, cure, path) in paths {
        let text = path.diagnosis().cause.unwrap().text();
        assert!(!text.is_empty() && !text.ends_with('.'), "{cause}: {text}");
        assert_eq!(path.short(), (Some(cause), cure.map(str::to_owned)), "{:?}", path.plain);
    }
}

#[test]
fn a_pair_of_changes_is_found_where_none_helps_alone() {
    use CureId::{AccelNo, CloseFraming, NoTransform, Post};
    let both = Path::held(HeldUntilClose, Close, |v| v.contains(&AccelNo) && v.contains(&Post));
    assert_eq!(both.short(), (Some("method"), Some("accel-no+post".to_owned())));
    assert_eq!(pairs(&both.tried()[..10]), [], "everything was not tried");
    let framed = Path::held(Lagging, OneEvent, |v| v.contains(&NoTransform) && v.contains(&CloseFraming));
    assert_eq!(framed.short().1.as_deref(), Some("no-transform+close-framing"));
    let all = Path::held(HeldUntilClose, Close, |v| v.len() > 5);
    assert_eq!(all.short().1.as_deref(), Some("everything"), "where no pair helps either");
}

#[test]
fn a_header_field_that_does_not_arrive_was_eaten() {
    let path = Path { swallows_accel: true, ..Path::held(Batched, Bytes, |_| false) };
    assert_eq!(path.short(), (Some("header-eaten"), None));
    let remedy = path.diagnosis().remedies.pop().unwrap();
    assert_eq!((remedy.id.as_str(), remedy.works), ("proxy-config", None));
    assert_eq!(remedy.hint, Some(ConfigHint::BufferingOfEach));
}

#[test]
fn a_cork_is_a_cork_at_any_pace() {
    let mut path = Path::held(Batched, HoldKind::Time, |v| has(v, &[CureId::CloseFraming]));
    path.plain.findings = vec![Finding::new(Id::Cork, "205 ms")];
    assert_eq!(path.short(), (Some("cork"), Some("close-framing".to_owned())));
    let advice = path.diagnosis().advice;
    assert_eq!(
        (advice[0].product, advice[0].is_seen, advice[0].lines),
        ("HAProxy", false, &["option http-no-delay".to_owned()][..])
    );
}

#[test]
fn what_streamed_once_is_not_called_working() {
    let path = Path::held(Batched, Bytes, |v| has(v, &[CureId::AccelNo]));
    let tried = path.tried();
    let works = |again: &[Tried]| {
        let diagnosis = diagnose(&Evidence { again, ..evidence(&tried) });
        let remedy = diagnosis.remedies.iter().find(|remedy| remedy.id == "accel-no").unwrap().works;
        (remedy, diagnosis.smallest, diagnosis.cause.unwrap().cause.id())
    };
    let accel = |of| tried_accel(of);
    let held = || path.of(Variant::plain());
    let smallest = Some("accel-no".to_owned());
    assert_eq!(works(&[held(), accel(RealTime)]), (Some(true), smallest, "buffer"));
    assert_eq!(works(&[]), (None, None, "buffer"), "there was no time for it");
    assert_eq!(works(&[held(), accel(Batched)]), (None, None, "buffer"));
    let streams = tried_with(Variant::plain(), RealTime);
    assert_eq!(works(&[streams, accel(RealTime)]), (None, None, "unsteady"), "the plain one streamed, too");
}

fn tried_accel(judgement: Judgement) -> Tried {
    tried_with(Variant::of(&[CureId::AccelNo]), judgement)
}

fn tried_with(variant: Variant, judgement: Judgement) -> Tried {
    tried(variant, verdict(judgement, HoldKind::None))
}

#[test]
fn a_path_that_is_fine_has_no_cause() {
    let mut all = Path::held(RealTime, HoldKind::None, |_| true).tried();
    let fine = diagnose(&evidence(&all));
    assert_eq!(fine, Diagnosis::default());
    assert_eq!(to_confirm(&all), []);
    let late = Tried { head_ms: Some(2003.0), ..tried_with(Variant::late_byte(), RealTime) };
    all.push(late);
    all.iter_mut().find(|tried| tried.variant.id() == "close-framing").unwrap().verdict = verdict(Batched, Bytes);
    let notes = diagnose(&evidence(&all)).notes;
    assert_eq!(notes, [Note::HeadWaits, Note::Worse(vec![("close-framing".to_owned(), Batched)])]);
}

#[test]
fn a_silence_that_is_cut_is_cured_by_comments() {
    let mut all = Path::held(RealTime, HoldKind::None, |_| true).tried();
    all.push(Tried { quiet_us: Some(10_002_000), ..tried_with(Variant::quiet(), Cut) });
    assert_eq!(to_confirm(&all), [], "whether comments help isn't known");
    all.push(tried_with(Variant::heartbeat(), RealTime));
    assert_eq!(to_confirm(&all), [Variant::heartbeat(), Variant::quiet()]);
    let again = [tried_with(Variant::plain(), RealTime), tried_with(Variant::heartbeat(), RealTime)];
    let diagnosis = diagnose(&Evidence { again: &again, ..evidence(&all) });
    assert_eq!((diagnosis.cause.unwrap().cause.id(), diagnosis.smallest.as_deref()), ("idle-limit", Some("heartbeat")));
    assert_eq!(diagnosis.idle_cut_s, Some(10.002));
}

#[test]
fn what_streams_at_one_time_and_not_at_another_is_unsteady() {
    let path = Path::held(Batched, Bytes, |v| has(v, &[CureId::AccelNo]));
    let tried = path.tried();
    let again = [path.of(Variant::plain()), tried_accel(RealTime)];
    let cause = |control: &Tried| {
        let evidence = Evidence { again: &again, control: Some(control), ..evidence(&tried) };
        diagnose(&evidence).cause.unwrap().cause.id()
    };
    assert_eq!(cause(&path.of(Variant::plain())), "buffer");
    assert_eq!(cause(&tried_with(Variant::plain(), RealTime)), "unsteady");
    assert_eq!(cause(&tried_with(Variant::plain(), Inconclusive)), "buffer", "it tells nothing");
}

#[test]
fn an_age_at_which_all_are_cut_is_a_limit_on_age() {
    let mut all = Path::held(RealTime, HoldKind::None, |_| true).tried();
    let aged = |variant, us| Tried { end: (Ending::Truncated, Some(us)), ..tried_with(variant, Cut) };
    all.push(aged(Variant::quiet(), 9_004_000));
    all.push(aged(Variant::heartbeat(), 9_001_000));
    let diagnosis = diagnose(&evidence(&all));
    assert_eq!((diagnosis.cause.unwrap().cause.id(), diagnosis.lifetime_cut_s), ("lifetime-limit", Some(9.001)));
    assert_eq!((diagnosis.idle_cut_s, diagnosis.smallest), (None, None));
}

#[test]
fn what_was_refused_tells_nothing() {
    let path = Path::held(Batched, Bytes, |v| has(v, &[CureId::AccelNo]));
    let mut all = path.tried();
    let refused = Finding::new(Id::TooManyRequests, "429");
    for tried in &mut all[3..] {
        tried.verdict = Verdict { findings: vec![refused.clone()], ..verdict(NotSse, Unknown) };
    }
    let diagnosis = diagnose(&evidence(&all));
    let refused = Note::Refused(all[3..].iter().map(|tried| tried.variant.id()).collect());
    assert_eq!(diagnosis.notes, [refused, Note::SeenOnce(vec!["accel-no".to_owned()])]);
    let post = diagnosis.remedies.iter().find(|remedy| remedy.id == "post").unwrap();
    assert_eq!(post.works, None);
}

#[test]
fn where_nothing_answers_nothing_is_reasoned() {
    for judgement in [Unreachable, Inconclusive] {
        let path = Path::held(judgement, Unknown, |_| false);
        assert_eq!(path.short(), (None, None));
    }
    let mut path = Path::held(NotSse, Unknown, |_| false);
    path.plain.findings = vec![Finding::new(Id::BadGateway, "502")];
    assert_eq!(path.short(), (Some("bad-gateway"), None));
}

#[test]
fn another_content_type_is_no_cure_where_the_type_is_what_is_wrong() {
    let mut path = Path::held(NotSse, Unknown, |v| has(v, &[CureId::PlainType]));
    path.plain.findings = vec![Finding::new(Id::WrongType, "no type")];
    assert_eq!(path.short(), (Some("wrong-type"), None));
}

#[test]
fn a_fingerprint_picks_words() {
    let headers = [("Server".to_owned(), "nginx/1.22.1".to_owned())];
    let hop = Hop::of(&headers, None).unwrap();
    let path = Path::held(Batched, Bytes, |v| has(v, &[CureId::AccelNo]));
    let tried = path.tried();
    let again = [path.of(Variant::plain()), tried_accel(RealTime)];
    let seen = diagnose(&Evidence { hop: Some(&hop), again: &again, ..evidence(&tried) });
    let unseen = diagnose(&Evidence { again: &again, ..evidence(&tried) });
    assert_eq!((seen.cause, &seen.smallest), (unseen.cause, &unseen.smallest));
    assert_eq!((seen.advice[0].product, seen.advice[0].is_seen), ("nginx", true));
    assert_eq!(seen.advice[0].lines, ["proxy_buffering off;"]);
}
