//! The variants of a path's request and response that are tried.

use crate::verdict::CureId;

/// What a variant's streams are like, apart from what is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pace {
    /// Events all the while.
    Steady,
    /// The head at once, the first byte of the body [`LATE_MS`] later.
    LateByte,
    /// One event, behind a long silence.
    Quiet,
}

/// How late a late first byte is, in milliseconds.
pub const LATE_MS: u32 = 2000;

/// Names of variants that no cure has.
const PLAIN: &str = "plain";
const ALL: [&str; 2] = ["everything", "everything-close"];
const LATE_BYTE: &str = "late-byte";
const QUIET: &str = "quiet";

/// A parameter of the origin, and its value.
type Parameter = (&'static str, &'static str);

/// Leaves out the header fields that cure some paths, as an application without them would.
const BARE: [Parameter; 2] = [("accel", "none"), ("cache", "none")];
/// An event after longer than the idle time of many, and nothing before.
const SILENCE: [Parameter; 3] = [("interval", "12s"), ("count", "1"), ("heartbeat", "0")];

/// A first byte after [`LATE_MS`].
const LATE: [Parameter; 1] = [("delay", "2s")];

/// All that is done at once to see whether anything of it helps.
const EVERYTHING: [CureId; 6] =
    [CureId::AccelNo, CureId::NoTransform, CureId::EncodingIdentity, CureId::Identity, CureId::Pad64k, CureId::Post];

/// A variant: the plain request and response, with some things changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    pace: Pace,
    /// In the order of their costs.
    changes: Vec<CureId>,
}

impl Variant {
    /// As an application sends it that takes no care.
    pub fn plain() -> Variant {
        Variant::of(&[])
    }

    /// With some things changed.
    pub fn of(changes: &[CureId]) -> Variant {
        let mut changes = changes.to_vec();
        changes.sort_unstable();
        Variant { pace: Pace::Steady, changes }
    }

    /// With a first byte that is late, to see whether the head waits for it.
    pub fn late_byte() -> Variant {
        Variant { pace: Pace::LateByte, ..Variant::plain() }
    }

    /// With a long silence, and every header field that helps.
    pub fn quiet() -> Variant {
        Variant { pace: Pace::Quiet, ..Variant::plain() }
    }

    /// The same with comments in the silence.
    pub fn heartbeat() -> Variant {
        Variant { pace: Pace::Quiet, ..Variant::of(&[CureId::Heartbeat]) }
    }

    /// With one thing changed.
    pub fn singles() -> impl Iterator<Item = Variant> {
        let is_own = |id: &&CureId| !matches!(id, CureId::Heartbeat | CureId::ProxyConfig);
        CureId::ALL.iter().filter(is_own).map(|id| Variant::of(&[*id]))
    }

    /// With everything changed, in both framings.
    pub fn everything() -> [Variant; 2] {
        [Variant::of(&EVERYTHING), Variant::of(&[&EVERYTHING[..], &[CureId::CloseFraming]].concat())]
    }

    /// With two of them changed.
    pub fn pairs() -> impl Iterator<Item = Variant> {
        let parts = EVERYTHING.into_iter().chain([CureId::CloseFraming]).enumerate();
        parts.flat_map(|(n, one)| EVERYTHING[..n].iter().map(move |other| Variant::of(&[one, *other])))
    }

    /// Its id, such as `accel-no`; of several changes, all their ids, with `+` between them; of all of them, `everything`,
    /// and with the other framing `everything-close`.
    pub fn id(&self) -> String {
        if let Some(n) = Variant::everything().iter().position(|all| all == self) {
            return ALL[n].to_owned();
        }
        let changes: Vec<&str> = self.changes.iter().map(|id| id.as_str()).collect();
        match self.pace {
            Pace::LateByte => LATE_BYTE.to_owned(),
            Pace::Quiet if changes.is_empty() => QUIET.to_owned(),
            Pace::Steady if changes.is_empty() => PLAIN.to_owned(),
            _ => changes.join("+"),
        }
    }

    /// The variant with this id, if there is one.
    pub fn named(id: &str) -> Option<Variant> {
        let own = [Variant::plain(), Variant::late_byte(), Variant::quiet(), Variant::heartbeat()];
        let own = own.into_iter().chain(Variant::everything()).find(|variant| variant.id() == id);
        own.or_else(|| {
            let change = |part: &str| CureId::ALL.iter().copied().find(|id| id.as_str() == part);
            let changes: Vec<CureId> = id.split('+').map(change).collect::<Option<_>>()?;
            let is_sorted = changes.windows(2).all(|pair| pair[0] < pair[1]);
            Some(Variant::of(&changes)).filter(|_| is_sorted && !changes.contains(&CureId::Heartbeat))
        })
    }

    /// The same with those of its changes alone that are allowed.
    #[must_use]
    pub fn only(&self, is_allowed: impl Fn(&CureId) -> bool) -> Variant {
        Variant { changes: self.changes.iter().copied().filter(is_allowed).collect(), pace: self.pace }
    }

    /// What it changes, in the order of their costs.
    pub fn changes(&self) -> &[CureId] {
        &self.changes
    }

    /// Whether it asks for a long silence.
    pub fn is_quiet(&self) -> bool {
        self.pace == Pace::Quiet
    }

    /// Whether events flow all the while, so that its verdict tells whether the path streams.
    pub fn is_steady(&self) -> bool {
        self.pace == Pace::Steady
    }

    /// The parameters of the origin that it sets whatever the URL has.
    fn set(&self) -> Vec<Parameter> {
        let mut set: Vec<Parameter> = self.changes.iter().filter_map(|id| parameter(*id)).collect();
        let also = match self.pace {
            Pace::Steady => &[][..],
            Pace::LateByte => &LATE,
            Pace::Quiet => &SILENCE,
        };
        let also = also.iter().filter(|(name, _)| !self.changes.iter().any(|id| sets(*id, name)));
        set.extend(also);
        set
    }

    /// Those that it sets unless the URL has them.
    fn unless_given(&self) -> Vec<Parameter> {
        let bare =
            BARE.iter().filter(|(name, _)| self.pace != Pace::Quiet && !self.changes.iter().any(|id| sets(*id, name)));
        bare.copied().collect()
    }

    /// A URL's query, without its question mark, as this variant has it.
    pub fn query(&self, query: &str) -> String {
        let (set, unless_given) = (self.set(), self.unless_given());
        let name_of = |part: &str| form_urlencoded::parse(part.as_bytes()).next().map(|(name, _)| name.into_owned());
        let given = || query.split('&').filter(|part| !part.is_empty());
        let has = |name: &str| given().any(|part| name_of(part).as_deref() == Some(name));
        let is_kept = |part: &&str| !set.iter().any(|(name, _)| name_of(part).as_deref() == Some(name));
        let added = set.iter().chain(unless_given.iter().filter(|(name, _)| !has(name)));
        let added = added.map(|(name, value)| format!("{name}={value}"));
        given().filter(is_kept).map(str::to_owned).chain(added).collect::<Vec<_>>().join("&")
    }

    /// The method, if it sets one.
    pub fn method(&self) -> Option<&'static str> {
        self.changes.contains(&CureId::Post).then_some("POST")
    }

    /// What it accepts, if it says so itself.
    pub fn accept_encoding(&self) -> Option<&'static str> {
        let accepted = |id: &CureId| match id {
            CureId::Identity => Some("identity"),
            CureId::Gzip => Some("gzip"),
            _ => None,
        };
        self.changes.iter().find_map(accepted)
    }
}

fn sets(id: CureId, name: &str) -> bool {
    parameter(id).is_some_and(|(set, _)| set == name)
}

/// The parameter of the origin that applies a cure.
fn parameter(id: CureId) -> Option<Parameter> {
    Some(match id {
        CureId::AccelNo => ("accel", "no"),
        CureId::NoTransform => ("cache", "no-transform"),
        CureId::NoStore => ("cache", "no-store"),
        CureId::EncodingIdentity => ("encoding", "identity"),
        CureId::Heartbeat => ("heartbeat", "2s"),
        CureId::EarlyByte => ("delay", "0"),
        CureId::Chunked => ("framing", "chunked"),
        CureId::CloseFraming => ("framing", "close"),
        CureId::Pad4k => ("pad", "4k"),
        CureId::Pad16k => ("pad", "16k"),
        CureId::Pad64k => ("pad", "64k"),
        CureId::BigEvents => ("size", "32k"),
        CureId::PlainType => ("type", "plain"),
        CureId::Identity | CureId::Gzip | CureId::Post | CureId::ProxyConfig => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::plan::Plan;

    #[test]
    fn ids_are_names() {
        assert_eq!(Variant::plain().id(), "plain");
        assert_eq!(Variant::of(&[CureId::Post, CureId::AccelNo]).id(), "accel-no+post");
        assert_eq!(
            [Variant::late_byte(), Variant::quiet(), Variant::heartbeat()].map(|v| v.id()),
            ["late-byte", "quiet", "heartbeat"]
        );
        assert_eq!(Variant::everything().map(|all| all.id()), ["everything", "everything-close"]);
        assert_eq!(Variant::pairs().count(), 21);
        let own = [Variant::plain(), Variant::late_byte(), Variant::quiet(), Variant::heartbeat()];
        let all = own.into_iter().chain(Variant::singles()).chain(Variant::pairs()).chain(Variant::everything());
        all.for_each(|variant| assert_eq!(Variant::named(&variant.id()), Some(variant)));
        assert_eq!(["", "post+accel-no", "nothing", "post+post"].map(Variant::named), [const { None }; 4]);
        assert!(Variant::pairs().all(|pair| pair.changes().len() == 2));
    }

    #[test]
    fn queries_keep_what_was_given_and_set_what_is_changed() {
        assert_eq!(Variant::plain().query(""), "accel=none&cache=none");
        assert_eq!(Variant::plain().query("cache=best&size=1k"), "cache=best&size=1k&accel=none");
        assert_eq!(
            Variant::of(&[CureId::NoTransform]).query("size=1k&cache=none"),
            "size=1k&cache=no-transform&accel=none"
        );
        assert_eq!(Variant::of(&[CureId::Chunked]).query("framing=close"), "framing=chunked&accel=none&cache=none");
        assert_eq!(Variant::quiet().query("interval=5ms&token=x"), "token=x&interval=12s&count=1&heartbeat=0");
        assert_eq!(Variant::heartbeat().query(""), "heartbeat=2s&interval=12s&count=1");
        for variant in Variant::singles().chain(Variant::pairs()).chain(Variant::everything()) {
            assert!(Plan::parse(&variant.query("interval=1s")).is_ok(), "{}", variant.id());
        }
    }
}
