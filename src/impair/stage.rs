//! One impairment at work.

use std::fmt;
use std::time::Instant;

use super::piece::Piece;

/// One impairment of one body.
pub(super) trait Stage: fmt::Debug + Send {
    /// Takes a piece that came at `now`, and appends what may pass.
    fn take(&mut self, piece: Piece, now: Instant, out: &mut Vec<Piece>);

    /// When to call `fire`, if nothing comes before.
    fn due(&self) -> Option<Instant> {
        None
    }

    /// Appends what is due.
    fn fire(&mut self, _now: Instant, _out: &mut Vec<Piece>) {}
}
