//! Paths that end a stream, or leave it hanging.

use std::time::{Duration, Instant};

use super::piece::{BodyEnd, Piece};
use super::stage::Stage;

/// Passes everything on, and nothing from a certain time on.
#[derive(Debug)]
pub(super) struct CutStage {
    /// When; none if that has come.
    at: Option<Instant>,
    /// Each piece puts it off to so much later.
    idle: Option<Duration>,
    /// The end that is sent then; none leaves the client waiting.
    ending: Option<BodyEnd>,
}

impl CutStage {
    pub(super) fn at(at: Instant, ending: Option<BodyEnd>) -> CutStage {
        CutStage { at: Some(at), idle: None, ending }
    }

    pub(super) fn when_idle(idle: Duration, ending: BodyEnd, now: Instant) -> CutStage {
        CutStage { at: Some(now + idle), idle: Some(idle), ending: Some(ending) }
    }

    /// From the start, without an end.
    pub(super) fn silent() -> CutStage {
        CutStage { at: None, idle: None, ending: None }
    }
}

impl Stage for CutStage {
    fn take(&mut self, piece: Piece, now: Instant, out: &mut Vec<Piece>) {
        let Some(at) = self.at else { return };
        let is_end = matches!(piece, Piece::End(_));
        self.at = (!is_end).then(|| self.idle.map_or(at, |idle| at.max(now + idle)));
        out.push(piece);
    }

    fn due(&self) -> Option<Instant> {
        self.at
    }

    fn fire(&mut self, _now: Instant, out: &mut Vec<Piece>) {
        self.at = None;
        out.extend(self.ending.map(Piece::End));
    }
}
