//! What happens to a body on its way: a chain of stages that are told what came and what time it is, and never wait.

use std::time::Instant;

/// A part of a body, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// Bytes.
    Bytes(Vec<u8>),
    /// The end. Nothing follows.
    End(Ending),
}

/// How a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// As its framing says.
    Clean,
    /// Before its framing says.
    Truncated,
    /// By a reset of the connection.
    Reset,
}

/// The stages of one relay. Without any, everything passes as it comes.
#[derive(Debug, Default)]
pub(super) struct Chain;

impl Chain {
    /// Takes a piece that came `now`, and appends what is released by it to `out`.
    pub(super) fn take(&mut self, piece: Piece, _now: Instant, out: &mut Vec<Piece>) {
        out.push(piece);
    }

    /// When [`Chain::fire`] is to be called, if nothing comes before.
    pub(super) fn due(&self) -> Option<Instant> {
        None
    }

    /// Appends what is released at `now` to `out`, because that was due.
    pub(super) fn fire(&mut self, _now: Instant, _out: &mut Vec<Piece>) {}
}
