//! Something that may help.

use super::variant::Variant;
use crate::verdict::{CureId, Place};

/// Something that may make the path stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remedy {
    /// Its id: that of a cure, of several with `+` between them.
    pub id: String,
    /// What it consists of.
    pub changes: Vec<CureId>,
    /// Who can apply it: of several, whoever is the hardest to reach.
    pub place: Place,
    /// Whether it works; none if that isn't known.
    pub works: Option<bool>,
    /// Of a change of a configuration, what to look for if the cure book knows no product.
    pub hint: Option<ConfigHint>,
}

impl Remedy {
    /// That of a variant.
    pub(super) fn of(variant: &Variant, works: Option<bool>) -> Remedy {
        let changes = variant.changes().to_vec();
        let place = changes.iter().map(|id| id.place()).max().unwrap_or(Place::Origin);
        Remedy { id: variant.id(), changes, place, works, hint: None }
    }

    /// Whether it is a change of a configuration.
    pub fn is_configuration(&self) -> bool {
        self.changes == [CureId::ProxyConfig]
    }
}

/// What to look for in a configuration, of whatever product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfigHint {
    /// Response buffering.
    Buffering,
    /// Buffering of each proxy, or what takes `X-Accel-Buffering` out.
    BufferingOfEach,
    /// Compression of `text/event-stream`.
    Compression,
    /// What inspects or rewrites `text/event-stream`.
    Inspection,
    /// A socket that waits for more.
    Cork,
    /// A flush interval, or a delay.
    Timer,
    /// What treats GET apart.
    GetRequests,
    /// A limit on bytes a second.
    Rate,
    /// A limit on how long a response may take.
    TotalTime,
    /// A limit on how long a response may be quiet.
    IdleTime,
    /// A cache.
    Cache,
}
