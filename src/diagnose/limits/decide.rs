//! What the streams of the measurement tell about the path.

use std::time::Duration;

use crate::client::origin::{StreamState, Told as Word};
use crate::verdict::endurance::{Cut, Patience, Proof, Showed};

/// Time between two events of the stream that is never quiet.
pub(super) const BUSY: Duration = Duration::from_secs(1);
/// Time between two comments.
pub(super) const COMMENTS: Duration = Duration::from_secs(2);
/// How late an event may be before the origin is asked what has become of it.
const GRACE: Duration = Duration::from_secs(3);
/// A stream without a head by then is none.
const HEAD_MAX: Duration = Duration::from_secs(10);
/// A stream that should be busy, or have comments, and says nothing for so long, has stalled.
const STALLED: Duration = Duration::from_secs(5);
/// Events of a stalled stream that the origin must have sent since, so that they were not just on their way.
const UNSEEN_MIN: u64 = 2;

/// What a stream of the measurement does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Hello, silence for this time, an event, the end.
    Quiet(Duration),
    /// An event a second.
    Busy,
    /// Comments of a few bytes.
    Comments,
    /// Comments of more bytes than most buffers have.
    PaddedComments,
}

/// What the origin says of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Told {
    /// It was not asked.
    NotAsked,
    /// It did not answer.
    Nothing,
    /// This.
    This(Word),
}

/// What was seen of a stream. Times are since the start of the measurement.
#[derive(Debug, Clone)]
pub(super) struct Observed {
    pub(super) kind: Kind,
    /// The request was begun.
    pub(super) begun: Duration,
    /// The status of the response, and when its head was there.
    pub(super) head: Option<(u16, Duration)>,
    /// The first byte of the body.
    pub(super) first_byte: Option<Duration>,
    /// The last byte of the body so far.
    pub(super) last_byte: Option<Duration>,
    /// The longest time between two reads.
    pub(super) longest_gap: Duration,
    /// Numbered events that came.
    pub(super) events: u64,
    /// When it ended, and how that showed.
    pub(super) end: Option<(Duration, Showed)>,
    pub(super) told: Told,
}

/// What became of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It is not over.
    Running,
    /// Its event came behind its silence.
    Survived(Duration),
    /// The path has ended it.
    Cut(End),
    /// It tells nothing: there was no stream, the origin itself has ended it, or what became of it is not known.
    Lost,
}

/// How the path ended a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct End {
    /// How old the stream was.
    age: Duration,
    /// How long nothing had come.
    silence: Duration,
    showed: Showed,
    proof: Proof,
}

impl Observed {
    /// Whether the origin is to be asked what has become of it.
    pub(super) fn needs_word(&self, now: Duration) -> bool {
        let is_overdue = self.overdue().is_some_and(|overdue| now >= overdue);
        let is_known = self.events > 0 && matches!(self.kind, Kind::Quiet(_));
        self.told == Told::NotAsked && self.is_stream() && !is_known && (self.end.is_some() || is_overdue)
    }

    /// When its event is so late that the origin is to be asked about it.
    fn overdue(&self) -> Option<Duration> {
        if let Kind::Quiet(time) = self.kind { Some(self.since() + time + GRACE) } else { None }
    }

    /// Whether nothing has come for longer than its pace allows, though it has not ended.
    pub(super) fn has_stalled(&self, now: Duration) -> bool {
        let is_quiet = matches!(self.kind, Kind::Quiet(_));
        !is_quiet && self.is_stream() && self.end.is_none() && self.silence(now) > STALLED.max(self.longest_gap * 3)
    }

    fn is_stream(&self) -> bool {
        self.head.is_some_and(|(status, _)| status == 200)
    }

    /// Since when the stream is there.
    fn since(&self) -> Duration {
        self.head.map_or(self.begun, |(_, at)| at)
    }

    fn silence(&self, now: Duration) -> Duration {
        now.saturating_sub(self.last_byte.unwrap_or(self.since()))
    }

    /// How old it became, or is.
    fn age(&self, now: Duration) -> Duration {
        self.end.map_or(now, |(at, _)| at).saturating_sub(self.since())
    }

    fn fate(&self, now: Duration) -> Fate {
        let has_time = self.head.is_none() && self.end.is_none() && now < self.begun + HEAD_MAX;
        match (self.kind, &self.told) {
            _ if !self.is_stream() => return if has_time { Fate::Running } else { Fate::Lost },
            (Kind::Quiet(time), _) if self.events > 0 => return Fate::Survived(time),
            (_, Told::This(Word::NoSuchStream)) => return Fate::Lost,
            _ => {}
        }
        let state = if let Told::This(Word::Stream(state)) = &self.told { Some(state) } else { None };
        if state.is_some_and(is_the_origins_doing) {
            return Fate::Lost;
        }
        if let Some((at, showed)) = self.end {
            let (age, silence) = (self.age(at), self.silence(at));
            return Fate::Cut(End { age, silence, showed, proof: Proof::Seen });
        }
        match (state.and_then(|state| self.unseen(state)), &self.kind, &self.told) {
            (Some(end), _, _) => Fate::Cut(end),
            (None, Kind::Quiet(_), Told::This(_) | Told::Nothing) => Fate::Lost,
            _ => Fate::Running,
        }
    }

    /// The end that only the origin has seen.
    fn unseen(&self, state: &StreamState) -> Option<End> {
        let flowed = self.last_byte.unwrap_or(self.since()).saturating_sub(self.since());
        let lived = state.ended_us.map(|ended_us| ended_us.saturating_sub(state.opened_us).max(0) as u64);
        let (age, proof) = match (lived.map(Duration::from_micros), self.kind) {
            (Some(lived), _) if state.ended_by.as_deref() == Some("client") => (lived, Proof::OriginSaw),
            (_, Kind::Quiet(time)) if state.events > 0 => (time, Proof::NeverCame),
            (_, Kind::Busy) if state.events > self.events + UNSEEN_MIN => (flowed + BUSY, Proof::NeverCame),
            _ => return None,
        };
        Some(End { age, silence: age.saturating_sub(flowed), showed: Showed::Hang, proof })
    }
}

/// Whether the origin ended the stream for a reason that is none of the path's.
fn is_the_origins_doing(state: &StreamState) -> bool {
    matches!(state.ended_by.as_deref(), Some("duration" | "abort" | "shutdown" | "error"))
}

/// The fates of the quiet streams.
fn quiet(observed: &[Observed], now: Duration) -> impl Iterator<Item = (Duration, Fate)> {
    observed.iter().filter_map(move |stream| match stream.kind {
        Kind::Quiet(time) => Some((time, stream.fate(now))),
        _ => None,
    })
}

/// How much two times may differ that are the same to the path.
fn slack(time: Duration) -> Duration {
    (time / 10).max(Duration::from_millis(500))
}

/// How long a stream has to live to have clearly outlived a cut.
fn outlived(cut: Duration) -> Duration {
    cut * 3 / 2 + Duration::from_secs(5)
}

/// The least silence that was cut, whatever the reason. A stream that was cut sooner than others survived met with
/// something else.
fn least_cut(observed: &[Observed], now: Duration) -> Option<Cut> {
    let survivors = quiet(observed, now).filter_map(|(time, fate)| matches!(fate, Fate::Survived(_)).then_some(time));
    let survived = survivors.max().unwrap_or_default();
    let cuts = quiet(observed, now).filter_map(|(_, fate)| if let Fate::Cut(end) = fate { Some(end) } else { None });
    let consistent = cuts.filter(|end| end.silence + slack(survived) > survived);
    consistent.min_by_key(|end| end.silence).map(|End { silence, showed, proof, .. }| Cut {
        after: silence,
        survived: survived.min(silence),
        showed,
        proof,
    })
}

/// Whether all is known that can be. A cut that the client doesn't see takes two silences to be believed.
pub(super) fn is_settled(observed: &[Observed], now: Duration) -> bool {
    let running: Vec<Duration> =
        quiet(observed, now).filter_map(|(time, fate)| (fate == Fate::Running).then_some(time)).collect();
    if observed.iter().any(|stream| stream.needs_word(now)) {
        return false;
    }
    let Some(cut) = least_cut(observed, now) else { return running.is_empty() };
    let cuts = quiet(observed, now).filter(|(_, fate)| matches!(fate, Fate::Cut(_))).count();
    let is_believed = cut.showed == Showed::Hang && cuts > 1 && running.iter().all(|time| *time > cut.after);
    let others = observed.iter().filter(|stream| !matches!(stream.kind, Kind::Quiet(_)));
    let mut others = others.filter(|stream| stream.fate(now) == Fate::Running);
    (running.is_empty() || is_believed) && others.all(|stream| stream.age(now) >= outlived(cut.after))
}

/// When something may be settled, or the origin is to be asked, even if nothing comes until then.
pub(super) fn next_due(observed: &[Observed], now: Duration) -> Option<Duration> {
    let running = || observed.iter().filter(|stream| stream.fate(now) == Fate::Running);
    let heads = running().filter(|stream| stream.head.is_none()).map(|stream| stream.begun + HEAD_MAX);
    let words = running().filter_map(Observed::overdue);
    let cut = least_cut(observed, now);
    let lives = cut.into_iter().flat_map(|cut| running().map(move |stream| stream.since() + outlived(cut.after)));
    heads.chain(words).chain(lives).filter(|due| *due > now).min()
}

/// What the streams tell by now.
pub(super) fn decide(observed: &[Observed], now: Duration) -> Patience {
    let cut = least_cut(observed, now);
    let find = |kind| observed.iter().find(|stream| stream.kind == kind).filter(|stream| stream.is_stream());
    let busy = find(Kind::Busy).filter(|stream| stream.fate(now) != Fate::Lost);
    let lived = busy.map(|stream| stream.last_byte.unwrap_or(stream.since()).saturating_sub(stream.since()));
    let survivors = quiet(observed, now).filter_map(|(time, fate)| matches!(fate, Fate::Survived(_)).then_some(time));
    let silence_survived = survivors.max();
    let first_byte = find(Kind::Busy).and_then(|stream| Some(stream.first_byte?.saturating_sub(stream.begun)));
    let lifetime_cut = busy.and_then(|stream| lifetime(stream.fate(now), cut, silence_survived));
    // A silence lasts as long as its stream has, so that what ends all streams of an age ends silences, too.
    let is_of_age = |cut: &Cut| lifetime_cut.is_some_and(|age| cut.after + slack(age.after) > age.after);
    let idle_cut = cut.filter(|cut| !is_of_age(cut));
    let others = || [find(Kind::Busy), find(Kind::Comments), find(Kind::PaddedComments)].into_iter().flatten();
    let is_told_apart = |cut: &Cut| others().any(|stream| stream.lives_beyond(cut, now));
    let (idle_cut, either) = match idle_cut {
        // With a lifetime, it is a shorter time than that.
        Some(cut) if lifetime_cut.is_none() && !is_told_apart(&cut) => (None, Some(cut)),
        other => (other, None),
    };
    let cure = |kind| idle_cut.zip(find(kind)).and_then(|(cut, stream)| stream.is_cured(&cut, lifetime_cut, now));
    Patience {
        idle_cut,
        lifetime_cut,
        either,
        silence_survived,
        first_byte,
        lived,
        comments_cure: cure(Kind::Comments),
        padded_comments_cure: cure(Kind::PaddedComments),
    }
}

/// The age at which a stream with an event a second is cut; not if its own small silences are too long for the path, or if
/// others of that age were not cut.
fn lifetime(busy: Fate, cut: Option<Cut>, silence_survived: Option<Duration>) -> Option<Cut> {
    let Fate::Cut(end) = busy else { return None };
    let is_idle = cut.is_some_and(|cut| end.silence >= cut.after * 9 / 10);
    let is_refuted = silence_survived.is_some_and(|survived| survived > end.age + slack(end.age));
    let survived = end.age.saturating_sub(if end.proof == Proof::NeverCame { BUSY } else { Duration::ZERO });
    let cut = Cut { after: end.age, survived, showed: end.showed, proof: end.proof };
    (!is_idle && !is_refuted).then_some(cut)
}

impl Observed {
    /// Whether it lives, or has lived, clearly longer than it takes to cut a silence.
    fn lives_beyond(&self, cut: &Cut, now: Duration) -> bool {
        let last = self.last_byte.unwrap_or(self.since()).saturating_sub(self.since());
        self.fate(now) != Fate::Lost && last > cut.after + slack(cut.after)
    }

    /// Whether its comments have kept it alive.
    fn is_cured(&self, cut: &Cut, lifetime: Option<Cut>, now: Duration) -> Option<bool> {
        // Comments that come no sooner than the cut prove nothing.
        if cut.after < COMMENTS + slack(COMMENTS) {
            return None;
        }
        let enough = lifetime.map_or(outlived(cut.after), |age| outlived(cut.after).min(age.after * 9 / 10));
        match self.fate(now) {
            Fate::Lost | Fate::Survived(_) => None,
            Fate::Cut(end) => Some(end.age >= enough),
            Fate::Running if self.age(now) < enough => None,
            Fate::Running if !self.has_stalled(now) => Some(true),
            // The path keeps comments to itself. If it had cut the stream, that would be known as it was of silent ones.
            Fate::Running => match cut.proof {
                Proof::Seen => Some(true),
                Proof::OriginSaw => matches!(self.told, Told::This(_)).then_some(true),
                Proof::NeverCame => None,
            },
        }
    }
}

#[cfg(test)]
mod tests;
