//! What else there is to say about a path.

use std::time::Duration;

use super::cause::Explanation;
use super::evidence::{Evidence, Tried, find};
use super::explain::{LONG, limit};
use super::variant::{LATE_MS, Variant};
use crate::verdict::Judgement;
use crate::verdict::endurance::{Crowd, Endurance, Leaving};

/// A head that came so much sooner than a late first byte, in milliseconds, didn't wait for it.
const HEAD_SOONER_MS: f64 = 500.0;

/// Something else that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// The origin isn't one of ours, so that less was tried.
    NotOurs,
    /// Beside what holds the stream, there is a limit.
    Limit(Explanation),
    /// A silence of this length is not cut.
    SilenceSurvived(Duration),
    /// A stream with an event a second is not cut for this time.
    Lived(Duration),
    /// Quiet streams are cut after this time, for their silence or for their age.
    CutForEither(Duration),
    /// When the origin learns that a client has gone.
    Leaving(Leaving),
    /// How many streams run at once.
    Crowd(Crowd),
    /// The head of the response waits for the first byte of its body.
    HeadWaits,
    /// Nothing answers any more.
    Gone,
    /// It was ended before all was seen.
    CutShort,
    /// Variants that would not stream, though the plain one does.
    Worse(Vec<(String, Judgement)>),
    /// Variants that were refused or kept back.
    Refused(Vec<String>),
    /// Variants that were seen to stream once only.
    SeenOnce(Vec<String>),
    /// By a page: an `EventSource` sees something else than `fetch()`.
    ByEventSource {
        /// What it sees.
        other: Judgement,
        /// What `fetch()` sees.
        plain: Judgement,
    },
    /// By a page: the origin did not even tell its time.
    NoConnectionLeft,
    /// By a page: it can't choose what it accepts.
    ByPage,
    /// By a page: the tab was hidden for a while.
    TabWasHidden,
}

/// All of them.
pub(super) fn notes(evidence: &Evidence<'_>, plain: &Tried) -> Vec<Note> {
    if plain.verdict.verdict == Judgement::Unreachable {
        return Vec::new();
    }
    let mut notes = Vec::new();
    if !evidence.is_ours && plain.verdict.verdict != Judgement::NotSse {
        notes.push(Note::NotOurs);
    }
    notes.extend(limit(evidence).filter(|_| !plain.streams()).map(Note::Limit));
    notes.extend(evidence.endurance.into_iter().flat_map(limits));
    let late = find(evidence.tried, &Variant::late_byte()).filter(|_| plain.streams());
    if late.is_some_and(|late| late.head_ms.is_none_or(|ms| ms >= f64::from(LATE_MS) - HEAD_SOONER_MS)) {
        notes.push(Note::HeadWaits);
    }
    notes.extend(evidence.is_gone.then_some(Note::Gone));
    notes.extend(evidence.is_cut_short.then_some(Note::CutShort));
    notes.extend(variants(evidence, plain));
    notes
}

/// What takes longer to find out.
fn limits(endurance: &Endurance) -> Vec<Note> {
    let Endurance { patience, leaving, crowd } = endurance;
    let mut notes = Vec::new();
    let is_prompt = patience.first_byte.is_some_and(|first_byte| first_byte < LONG);
    if let (None, Some(survived), true) = (patience.idle_cut.or(patience.either), patience.silence_survived, is_prompt)
    {
        notes.push(Note::SilenceSurvived(survived));
    }
    if let (None, Some(lived), true) = (patience.lifetime_cut, patience.lived, is_prompt) {
        notes.push(Note::Lived(lived));
    }
    notes.extend(patience.either.map(|cut| Note::CutForEither(cut.after)));
    if leaving.close.or(leaving.reset).or(leaving.idle).is_some() {
        notes.push(Note::Leaving(*leaving));
    }
    if crowd.asked > 0 {
        notes.push(Note::Crowd(crowd.clone()));
    }
    notes
}

/// What the variants show besides.
fn variants(evidence: &Evidence<'_>, plain: &Tried) -> Vec<Note> {
    let steady = || evidence.tried.iter().filter(|tried| tried.variant.is_steady());
    let ids = |of: &dyn Fn(&&Tried) -> bool| steady().filter(of).map(|tried| tried.variant.id()).collect::<Vec<_>>();
    let worse = steady().filter(|tried| plain.streams() && !tried.streams() && !tried.is_void());
    let worse: Vec<_> = worse.map(|tried| (tried.variant.id(), tried.verdict.verdict)).collect();
    let refused = if plain.is_refused() { Vec::new() } else { ids(&|tried| tried.is_refused()) };
    let is_untrusted = evidence.again.is_empty() && !plain.streams() && !plain.is_void();
    let once = ids(&|tried| is_untrusted && tried.variant.changes().len() == 1 && tried.streams());
    let mut notes = Vec::new();
    notes.extend((!worse.is_empty()).then_some(Note::Worse(worse)));
    notes.extend((!refused.is_empty()).then_some(Note::Refused(refused)));
    notes.extend((!once.is_empty()).then_some(Note::SeenOnce(once)));
    notes
}
