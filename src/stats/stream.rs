//! What was asked for, whose it is, and how it ended.

use serde::{Deserialize, Serialize};

/// Reads less than this apart belong to one lump.
pub const LUMP_GAP_US: i64 = 15_000;

/// The latest time of an origin's clock that is taken for one, in Unix microseconds: 2255. Whatever an origin says, sums of
/// times fit.
pub const TIME_MAX_US: i64 = 1 << 53;

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamSpec {
    /// A short name, for texts: `S`, `M`, `L`, `W`.
    pub name: String,
    /// Time from one event to the next.
    pub interval_us: i64,
    /// Bytes of data asked for in each event; 0 for the least.
    pub size: u64,
    /// Number of events; none for an endless stream.
    pub count: Option<u64>,
}

impl StreamSpec {
    /// How long the origin needs to send all of it.
    pub fn planned_us(&self) -> Option<i64> {
        Some(self.interval_us.saturating_mul(i64::try_from(self.count?).ok()?))
    }
}

/// Whose stream it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// Our own origin: events carry stamps.
    Ours,
    /// Another one: nothing but arrivals is known.
    Foreign,
}

/// How a stream ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// By us, the time being over.
    Ours,
    /// As the framing says.
    Clean,
    /// Before the framing says.
    Truncated,
    /// With a reset of the connection.
    Reset,
    /// By the path, after nothing had been sent for a while.
    IdleCut,
    /// By the path, at a certain age, however busy.
    LifetimeCut,
    /// Not at all.
    #[default]
    None,
}

impl Ending {
    /// Somebody else ended it.
    pub fn is_theirs(self) -> bool {
        !matches!(self, Ending::Ours | Ending::None)
    }
}

/// A time in which the probe itself was late: its timer woke up at `to_us` instead of `from_us`. What arrived
/// meanwhile may have been there since `from_us`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stall {
    /// When it should have woken up.
    pub from_us: i64,
    /// When it did.
    pub to_us: i64,
}
