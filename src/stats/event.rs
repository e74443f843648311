//! What an event says, as far as statistics care.

use super::stream::{Origin, TIME_MAX_US};
use crate::stamp::Stamp;

/// An event, as far as the record cares. Times are the origin's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Our origin's hello event.
    Hello {
        /// When it was sent.
        sent_us: i64,
    },
    /// A numbered event of our origin's.
    Numbered {
        /// Its number.
        seq: u64,
        /// When it was sent.
        sent_us: i64,
        /// Its check is right.
        intact: bool,
    },
    /// An event that should be one of our origin's, and can't be read.
    Unreadable,
    /// Another origin's event, with its id if that is a number.
    Foreign {
        /// The id.
        id: Option<u64>,
    },
}

impl What {
    pub(super) fn of(origin: Origin, data: &str, id: &str) -> What {
        if origin == Origin::Foreign {
            return What::Foreign { id: id.parse().ok() };
        }
        let Some(stamp) = Stamp::parse(data) else { return What::Unreadable };
        match (stamp.seq, time_of(&stamp)) {
            (Some(seq), Some(sent_us)) => What::Numbered { seq, sent_us, intact: stamp.intact },
            (None, Some(sent_us)) => What::Hello { sent_us },
            (_, None) => What::Unreadable,
        }
    }
}

/// The time of a stamp, if it can be one.
pub(crate) fn time_of(stamp: &Stamp) -> Option<i64> {
    i64::try_from(stamp.sent_us).ok().filter(|sent_us| *sent_us <= TIME_MAX_US)
}
