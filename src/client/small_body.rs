//! Bodies that are wanted as a whole, or their start, within a bound.

use super::body::{Arrival, Ending};
use crate::shutdown::WaitEnd;

/// A body, as far as it was wanted.
#[derive(Debug)]
pub struct SmallBody {
    /// What came of it.
    pub bytes: Vec<u8>,
    /// Why there is no more.
    pub end: SmallEnd,
}

/// Why no more of a body was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SmallEnd {
    /// It ended.
    Ended(Ending),
    /// No more is wanted.
    Enough,
    /// The wait for it ended first.
    WaitEnded(WaitEnd),
}

impl SmallBody {
    /// Reads a body as long as `wants_more` of what came.
    pub(super) fn read(
        mut next: impl FnMut() -> Result<Arrival, WaitEnd>,
        wants_more: impl Fn(&[u8]) -> bool,
    ) -> SmallBody {
        let mut bytes = Vec::new();
        let end = loop {
            match next() {
                Ok(Arrival::Bytes(_, more)) => bytes.extend(more),
                Ok(Arrival::End(_, ending)) => break SmallEnd::Ended(ending),
                Err(end) => break SmallEnd::WaitEnded(end),
            }
            if !wants_more(&bytes) {
                break SmallEnd::Enough;
            }
        };
        SmallBody { bytes, end }
    }

    /// The bytes of a body that has ended.
    pub fn complete(&self) -> Option<&[u8]> {
        matches!(self.end, SmallEnd::Ended(_)).then_some(self.bytes.as_slice())
    }
}
