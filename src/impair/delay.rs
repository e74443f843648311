//! A path that is long.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::hold::HELD_MAX;
use super::piece::Piece;
use super::stage::Stage;

/// What a waiting piece costs beside its bytes, as the limit counts it.
const PIECE_COST: usize = 64;

/// Passes everything on in its order, each piece as much later as every other one.
///
/// Of more than [`HELD_MAX`] bytes on their way the oldest come out early.
#[derive(Debug)]
pub(super) struct DelayStage {
    by: Duration,
    queue: VecDeque<(Instant, Piece)>,
    /// What is in the queue.
    cost: usize,
}

impl DelayStage {
    pub(super) fn new(by: Duration) -> DelayStage {
        DelayStage { by, queue: VecDeque::new(), cost: 0 }
    }

    fn release(&mut self, out: &mut Vec<Piece>) {
        if let Some((_, piece)) = self.queue.pop_front() {
            self.cost -= cost(&piece);
            out.push(piece);
        }
    }
}

fn cost(piece: &Piece) -> usize {
    match piece {
        Piece::Bytes(bytes) => bytes.len() + PIECE_COST,
        Piece::End(_) => PIECE_COST,
    }
}

impl Stage for DelayStage {
    fn take(&mut self, piece: Piece, now: Instant, out: &mut Vec<Piece>) {
        self.cost += cost(&piece);
        self.queue.push_back((now + self.by, piece));
        while self.cost > HELD_MAX && self.queue.len() > 1 {
            self.release(out);
        }
    }

    fn due(&self) -> Option<Instant> {
        self.queue.front().map(|(due, _)| *due)
    }

    fn fire(&mut self, now: Instant, out: &mut Vec<Piece>) {
        while self.due().is_some_and(|due| due <= now) {
            self.release(out);
        }
    }
}
