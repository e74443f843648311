//! From what streams and what doesn't, to what the path looks at and what it does.

use std::time::Duration;

use super::{Evidence, LATE_MS, Tried, Variant, find};
use crate::stats::Ending;
use crate::verdict::endurance::{Cut, Endurance, Noticed, Patience};
use crate::verdict::findings::time;
use crate::verdict::{CureId, Hold, HoldKind, Id, Judgement};

/// Why the plain variant doesn't stream.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Cause {
    /// Its id. It is stable.
    pub id: &'static str,
    /// What happens and what it depends on: sentences without a capital and a final dot, separated by semicolons.
    pub text: String,
}

/// A head that takes so long, in milliseconds, waited for something.
const HEAD_LATE_MS: f64 = 1000.0;
/// A head that came so much sooner than a late first byte, in milliseconds, didn't wait for it.
const HEAD_SOONER_MS: f64 = 500.0;

/// A first byte that takes so long is held.
const LONG: Duration = Duration::from_secs(5);

/// What the path was seen to look at.
struct Conditions<'a> {
    evidence: &'a Evidence<'a>,
    plain: &'a Tried,
    /// What works, each with all that it takes.
    works: &'a [&'a [CureId]],
}

/// The cause, given the changes that are known to work.
pub(super) fn of(evidence: &Evidence<'_>, plain: &Tried, works: &[&[CureId]]) -> Option<Cause> {
    if super::is_unsteady(evidence, plain) {
        let text = "the same request streamed one time and not another: the path doesn't do the same every time, as where \
                    several servers take turns, or a machine is busy";
        return Some(Cause { id: "unsteady", text: text.to_owned() });
    }
    if plain.streams() {
        return limit(evidence);
    }
    Conditions { evidence, plain, works }.cause()
}

/// The path streams, but doesn't let a stream be quiet, or be for long.
fn limit(evidence: &Evidence<'_>) -> Option<Cause> {
    let patience = evidence.endurance.map(|endurance| endurance.patience).unwrap_or_default();
    let us = |cut: Option<Cut>| cut.map(|cut| i64::try_from(cut.after.as_micros()).unwrap_or(i64::MAX));
    if let Some(us) = us(patience.lifetime_cut).or(super::age_cut_us(evidence.tried)) {
        let text = format!("a stream is cut at an age of {}, however busy it is", time(us));
        return Some(Cause { id: "lifetime-limit", text });
    }
    let quiet = find(evidence.tried, &Variant::quiet()).filter(|_| super::is_idle_cut(evidence.tried));
    let after = time(us(patience.idle_cut).or(quiet.and_then(|quiet| quiet.quiet_us))?);
    let cure = match patience {
        Patience { comments_cure: Some(false), padded_comments_cure: Some(true), .. } => {
            "small comments don't keep it open, comments of 16 KiB do"
        }
        Patience { comments_cure: Some(false), .. } => "comments don't keep it open",
        _ => "comments keep it open",
    };
    Some(Cause { id: "idle-limit", text: format!("a stream is cut when nothing was sent for {after}; {cure}") })
}

impl Conditions<'_> {
    /// It is part of what works.
    fn has(&self, id: CureId) -> bool {
        self.works.iter().any(|changes| changes.contains(&id))
    }

    /// It is part of what works, and not just because whatever holds plain streams lets more than one kind pass.
    fn tells(&self, id: CureId) -> bool {
        self.has(id) && !self.works.contains(&&[CureId::AccelNo][..])
    }

    fn cause(&self) -> Option<Cause> {
        let Tried { verdict, .. } = self.plain;
        let found = verdict.findings.first();
        match verdict.verdict {
            // Nothing came, so there is nothing to reason from, but for what it says itself.
            Judgement::Unreachable => None,
            Judgement::Inconclusive if self.works.is_empty() => None,
            Judgement::NotSse if self.works.is_empty() => {
                found.map(|finding| Cause { id: finding.id.as_str(), text: finding.text.clone() })
            }
            Judgement::Corrupt => found.map(|finding| {
                let id = if finding.id == Id::Replay { "replay" } else { "damage" };
                self.tell(id, verdict.summary.clone())
            }),
            _ => Some(self.tell(self.id(), self.mechanism())),
        }
    }

    /// The cause, with all that is known of what it depends on.
    fn tell(&self, id: &'static str, mechanism: String) -> Cause {
        let more =
            [self.coding(), self.framing(), self.kind(), self.method(), self.header(), self.old_http(), self.head()];
        let parts: Vec<String> = std::iter::once(mechanism).chain(more.into_iter().flatten()).collect();
        Cause { id, text: parts.join("; ") }
    }

    fn id(&self) -> &'static str {
        let Hold { kind, .. } = self.plain.verdict.hold;
        match kind {
            _ if self.plain.is_cut() => match self.plain.end.0 {
                Ending::LifetimeCut => "lifetime-limit",
                Ending::IdleCut => "idle-limit",
                _ => "cut",
            },
            _ if self.plain.verdict.verdict == Judgement::Silent && self.works.is_empty() => "silent",
            _ if self.long_start().is_some() => "start-timer",
            _ if self.falls_behind() => "rate-limit",
            _ if self.is_compressor() => "compressor",
            _ if self.is_cork() => "cork",
            _ if self.depends_on_framing() => "framing",
            _ if self.tells(CureId::PlainType) => "content-type",
            _ if self.tells(CureId::Post) => "method",
            HoldKind::Constant => "delay",
            HoldKind::Time => "timer",
            HoldKind::StartTime => "start-timer",
            _ if self.is_eaten() => "header-eaten",
            HoldKind::OneEvent => "one-behind",
            HoldKind::Bytes => "buffer",
            HoldKind::StartBytes => "start-buffer",
            _ => "until-close",
        }
    }

    /// How long the start is held, if that is longer than the streams of the variants ran.
    fn long_start(&self) -> Option<Duration> {
        let first_byte = self.evidence.endurance?.patience.first_byte?;
        let is_held = matches!(self.plain.verdict.verdict, Judgement::HeldUntilClose | Judgement::Silent);
        Some(first_byte).filter(|first_byte| is_held && self.works.is_empty() && *first_byte >= LONG)
    }

    fn falls_behind(&self) -> bool {
        let is_held = self.plain.verdict.hold.kind != HoldKind::Unknown;
        self.plain.verdict.verdict == Judgement::Lagging && !is_held
    }

    fn is_compressor(&self) -> bool {
        let cures = [CureId::Identity, CureId::NoTransform, CureId::EncodingIdentity];
        // Without it, something else holds.
        let is_another = |identity: &Tried| !identity.streams() && self.is_unusual(identity);
        let is_behind = self.plain.verdict.hold.kind == HoldKind::OneEvent;
        let is_uncovered = is_behind && self.tried(CureId::Identity).is_some_and(is_another);
        is_uncovered || cures.iter().any(|id| self.has(*id))
    }

    fn is_cork(&self) -> bool {
        self.plain.verdict.findings.iter().any(|finding| finding.id == Id::Cork)
    }

    fn depends_on_framing(&self) -> bool {
        self.has(CureId::CloseFraming) || self.has(CureId::Chunked)
    }

    fn tried(&self, id: CureId) -> Option<&Tried> {
        find(self.evidence.tried, &Variant::of(&[id])).filter(|tried| !tried.is_void())
    }

    /// Our origin sent the field, and it didn't arrive, and yet it didn't help.
    fn is_eaten(&self) -> bool {
        let tried = self.tried(CureId::AccelNo).filter(|tried| tried.head_ms.is_some() && !tried.shows_accel);
        self.evidence.is_ours && self.works.is_empty() && tried.is_some() && self.left_by_accel().is_none()
    }

    /// What the path does where `X-Accel-Buffering: no` changes something, and yet doesn't make it stream.
    fn left_by_accel(&self) -> Option<&Tried> {
        self.tried(CureId::AccelNo).filter(|tried| !tried.streams() && self.is_unusual(tried))
    }

    /// The change changes how streams are held. What brings fewer bytes is held until the end where more are not.
    fn is_unusual(&self, tried: &Tried) -> bool {
        tried.verdict.hold.kind != HoldKind::Close && !tried.is_like(self.plain)
    }

    /// What is held, and until when.
    fn mechanism(&self) -> String {
        let Hold { kind, bytes, ms } = self.plain.verdict.hold;
        let bytes = bytes.map_or("some bytes".to_owned(), |bytes| format!("{bytes} bytes"));
        let ms =
            ms.map_or("some time".to_owned(), |ms| time(i64::try_from(ms).unwrap_or(i64::MAX).saturating_mul(1000)));
        if let Some(first_byte) = self.long_start() {
            let after = time(i64::try_from(first_byte.as_micros()).unwrap_or(i64::MAX));
            return format!("the start is held for {after}, whatever it brings, and then everything passes");
        }
        match kind {
            HoldKind::Bytes => format!("a buffer is passed on only when it is full, whenever {bytes} are together"),
            HoldKind::StartBytes => {
                format!("a buffer is filled once, with the first {bytes}, and then everything passes")
            }
            HoldKind::Time | HoldKind::Constant if self.is_cork() => {
                format!("each event is late by up to {ms}, which is how long a corked socket waits for more")
            }
            HoldKind::Time => format!("what has come is passed on by a timer, every {ms}"),
            HoldKind::StartTime => format!("the start is held for {ms}, and then everything passes"),
            HoldKind::Constant => format!("each event is late by {ms}"),
            HoldKind::OneEvent => "each event is kept until the next one is sent".to_owned(),
            HoldKind::Close => {
                "the response is kept until the origin ends it; to hold more bytes, or for longer, than there were would look the same".to_owned()
            }
            _ if self.plain.verdict.verdict == Judgement::Silent => {
                "nothing of the response arrives, not even when the origin ends it".to_owned()
            }
            _ => self.plain.verdict.summary.clone(),
        }
    }

    fn coding(&self) -> Option<String> {
        let names = [
            (CureId::NoTransform, "Cache-Control: no-transform"),
            (CureId::EncodingIdentity, "Content-Encoding: identity"),
            (CureId::Identity, "Accept-Encoding: identity"),
        ];
        let works = |id: CureId| self.works.contains(&&[id][..]);
        let obeyed: Vec<&str> = names.iter().filter(|(id, _)| works(*id)).map(|(_, name)| *name).collect();
        if !obeyed.is_empty() {
            let ignored = names.iter().filter(|(id, _)| self.tried(*id).is_some_and(|tried| !tried.streams()));
            let ignored: Vec<&str> = ignored.map(|(_, name)| *name).collect();
            let ignored =
                if ignored.is_empty() { String::new() } else { format!(", but not with {}", ignored.join(" or ")) };
            return Some(format!("it is a compressor: with {} the path streams{ignored}", obeyed.join(" or ")));
        }
        let identity = self.tried(CureId::Identity)?;
        let is_other = self.is_unusual(identity);
        let was_coded = self.plain.coding.is_some() || self.plain.verdict.verdict == Judgement::Silent;
        (is_other && was_coded && identity.coding.is_none())
            .then(|| format!("a compressor holds it, too: without gzip it is {}", identity.verdict.verdict.as_str()))
    }

    fn framing(&self) -> Option<String> {
        match (self.has(CureId::CloseFraming), self.has(CureId::Chunked)) {
            (true, _) => Some("it does that to chunked responses: one that its connection ends passes".to_owned()),
            (_, true) => Some("it does that to responses that their connection ends: chunked ones pass".to_owned()),
            _ => None,
        }
    }

    fn kind(&self) -> Option<String> {
        let is_alone = self.tells(CureId::PlainType) && !self.is_compressor();
        is_alone.then(|| "it looks at the content type: text/plain passes, text/event-stream doesn't".to_owned())
    }

    fn method(&self) -> Option<String> {
        let is_alone = self.tells(CureId::Post) && !self.is_compressor();
        is_alone.then(|| "it looks at the method: a POST passes, a GET doesn't".to_owned())
    }

    fn header(&self) -> Option<String> {
        if self.has(CureId::AccelNo) {
            return Some("it obeys X-Accel-Buffering, as nginx does".to_owned());
        }
        if let Some(left) = self.left_by_accel() {
            return Some(format!(
                "it obeys X-Accel-Buffering, and something else is left then: {}",
                left.verdict.summary
            ));
        }
        let said = "something takes X-Accel-Buffering out of the response, and something holds it nonetheless: either one \
                    proxy obeys it and another, further out, never sees it, or one is told to ignore it";
        (self.id() == "header-eaten").then(|| said.to_owned())
    }

    fn old_http(&self) -> Option<String> {
        let version = self.evidence.origin_http.filter(|version| *version == "HTTP/1.0")?;
        let is_held = self.plain.verdict.hold.kind != HoldKind::None;
        is_held.then(|| format!("the origin is asked with {version}, which knows no chunks"))
    }

    fn head(&self) -> Option<String> {
        let is_held = self.plain.verdict.hold.kind != HoldKind::None;
        let waits = self.plain.head_ms.is_none_or(|ms| ms >= HEAD_LATE_MS);
        (is_held && waits).then(|| "not even the head of the response passes before".to_owned())
    }
}

/// What takes longer to find out.
fn endured(endurance: &Endurance) -> Vec<String> {
    let Endurance { patience, leaving, crowd } = endurance;
    let seconds = |span: Duration| time(i64::try_from(span.as_micros()).unwrap_or(i64::MAX));
    let mut notes = Vec::new();
    let is_prompt = patience.first_byte.is_some_and(|first_byte| first_byte < LONG);
    if let (None, Some(survived), true) = (patience.idle_cut.or(patience.either), patience.silence_survived, is_prompt)
    {
        notes.push(format!("a silence of {} is not cut", seconds(survived)));
    }
    if let (None, Some(lived), true) = (patience.lifetime_cut, patience.lived, is_prompt) {
        notes.push(format!(
            "a stream with an event a second is not cut for {}, as long as it was watched",
            seconds(lived)
        ));
    }
    if let Some(cut) = patience.either {
        let after = seconds(cut.after);
        notes
            .push(format!("quiet streams are cut after {after}; whether for their silence or their age can't be told"));
    }
    let noticed = |how: Option<Noticed>| match how? {
        Noticed::Within(span) if span < Duration::from_millis(1) => Some("at once".to_owned()),
        Noticed::Within(span) => Some(format!("within {}", seconds(span))),
        Noticed::AtEvent(1) => Some("at the next event".to_owned()),
        Noticed::AtEvent(n) => Some(format!("at event {n} after it")),
        Noticed::Never => Some("never".to_owned()),
    };
    let ways = [("closed", leaving.close), ("reset", leaving.reset), ("closed while nothing is sent", leaving.idle)];
    let ways: Vec<String> =
        ways.into_iter().filter_map(|(way, how)| Some(format!("{} when it is {way}", noticed(how)?))).collect();
    if !ways.is_empty() {
        let never = leaving.idle == Some(Noticed::Never) && leaving.close != Some(Noticed::Never);
        let cure = if never { "; heartbeats tell it" } else { "" };
        notes.push(format!("the origin learns that a client's connection has gone {}{cure}", ways.join(", ")));
    }
    if crowd.asked > 0 {
        let refused: usize = crowd.refused.values().sum();
        let rest = [(refused, "refused"), (crowd.kept_back, "kept back"), (crowd.failed, "without an answer")];
        let rest = rest.into_iter().filter(|(count, _)| *count > 0).map(|(count, how)| format!(", {count} {how}"));
        notes.push(format!("{} of {} streams run at once{}", crowd.at_once, crowd.asked, rest.collect::<String>()));
    }
    notes
}

/// What else there is to say.
pub(super) fn notes(evidence: &Evidence<'_>, plain: &Tried) -> Vec<String> {
    let mut notes = Vec::new();
    if plain.verdict.verdict == Judgement::Unreachable {
        return notes;
    }
    if !evidence.is_ours && plain.verdict.verdict != Judgement::NotSse {
        notes.push(
            "the origin isn't one of ours, so that only what a client can change was tried, and only how events arrive \
             is known; put sse-argo-tester serve behind the same path, and its framing, header fields, padding and exact \
             lags are tried, too"
                .to_owned(),
        );
    }
    notes.extend(limit(evidence).filter(|_| !plain.streams()).map(|cause| cause.text));
    notes.extend(evidence.endurance.into_iter().flat_map(endured));
    let head = find(evidence.tried, &Variant::late_byte()).filter(|_| plain.streams());
    if head.is_some_and(|late| late.head_ms.is_none_or(|ms| ms >= f64::from(LATE_MS) - HEAD_SOONER_MS)) {
        notes.push("the head of the response waits for the first byte of its body: send a comment at once".to_owned());
    }
    if evidence.is_gone {
        let text = "now nothing answers any more: the origin, or something on the way, may have died meanwhile";
        notes.push(text.to_owned());
    }
    if evidence.is_cut_short {
        notes.push("it was ended before all was seen: what is missing is not known".to_owned());
    }
    let steady = evidence.tried.iter().filter(|tried| tried.variant.is_steady());
    let worse: Vec<String> = steady
        .clone()
        .filter(|tried| plain.streams() && !tried.streams() && !tried.is_void())
        .map(|tried| format!("{} ({})", tried.variant.id(), tried.verdict.verdict.as_str()))
        .collect();
    if !worse.is_empty() {
        notes.push(format!("it would not stream with: {}", worse.join(", ")));
    }
    let names = |of: &dyn Fn(&&Tried) -> bool| {
        let names: Vec<String> = steady.clone().filter(of).map(|tried| tried.variant.id()).collect();
        (!names.is_empty()).then(|| names.join(", "))
    };
    if let Some(refused) = names(&|tried| tried.is_refused()).filter(|_| !plain.is_refused()) {
        notes.push(format!(
            "not known, as they were refused or kept back: {refused}; something passes fewer streams at once than were \
             asked for"
        ));
    }
    let seen_once = |tried: &&Tried| {
        let is_looked_at_again = find(evidence.again, &tried.variant).is_some();
        tried.variant.changes().len() == 1 && tried.streams() && !is_looked_at_again
    };
    if let Some(once) = names(&seen_once).filter(|_| evidence.again.is_empty() && !plain.streams() && !plain.is_void())
    {
        notes.push(format!("seen to stream, but once only, as there was no time for more: {once}"));
    }
    notes
}
