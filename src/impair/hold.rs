//! Buffers that let go of what they hold at a size, at a time, or at the end.

use std::time::{Duration, Instant};

use super::piece::Piece;
use super::stage::Stage;

/// Most bytes that one impairment holds. A hold that has as many, whatever it waits for, lets go of all of them at once
/// and holds what follows: nothing is lost, and no stream fills the memory. Most that can be asked for, too.
pub const HELD_MAX: usize = 64 << 20;

/// Holds bytes until something allows their release, and releases the rest at the end, whatever end that is.
#[derive(Debug)]
pub(super) struct HoldStage {
    held: Vec<u8>,
    release: Release,
    due: Option<Instant>,
}

/// What allows a release.
#[derive(Debug)]
pub(super) enum Release {
    /// Every so many bytes, cut exactly there.
    Exactly(usize),
    /// So many bytes or more: all of them, reads uncut.
    Whole(usize),
    /// Every multiple of a time.
    Ticks { since: Instant, every: Duration },
    /// So much time after the first byte that is held.
    Cork(Duration),
    /// The first so many bytes or more, once.
    StartBytes(usize),
    /// So much time after the first byte of the body, once.
    StartTime(Duration),
    /// The end.
    Close,
    /// Nothing is held any more.
    Over,
}

impl HoldStage {
    pub(super) fn new(release: Release) -> HoldStage {
        HoldStage { held: Vec::new(), release, due: None }
    }

    fn flush(&mut self, out: &mut Vec<Piece>) {
        if !self.held.is_empty() {
            out.push(Piece::Bytes(std::mem::take(&mut self.held)));
        }
    }

    fn hold(&mut self, bytes: &[u8], now: Instant, out: &mut Vec<Piece>) {
        self.held.extend_from_slice(bytes);
        match self.release {
            Release::Exactly(size) => {
                let rest = self.held.len() / size * size;
                out.extend(self.held[..rest].chunks(size).map(|chunk| Piece::Bytes(chunk.to_vec())));
                self.held.drain(..rest);
            }
            Release::Whole(size) if self.held.len() >= size => self.flush(out),
            Release::StartBytes(size) if self.held.len() >= size => self.end(out),
            Release::Ticks { since, every } => {
                self.due.get_or_insert(next_tick(since, every, now));
            }
            Release::Cork(time) | Release::StartTime(time) => {
                self.due.get_or_insert(now + time);
            }
            _ => {}
        }
        if self.held.len() >= HELD_MAX {
            self.flush(out);
            // A corked socket waits from the next byte on, a hold at the start until its time.
            self.due = self.due.filter(|_| !matches!(self.release, Release::Cork(_)));
        }
    }

    fn end(&mut self, out: &mut Vec<Piece>) {
        self.release = Release::Over;
        self.flush(out);
    }
}

/// The first multiple of `every` behind both times.
fn next_tick(since: Instant, every: Duration, now: Instant) -> Instant {
    let base = now.max(since);
    let past = (base - since).as_nanos() % every.as_nanos();
    base + every - Duration::from_nanos(u64::try_from(past).expect("it is less than a day"))
}

impl Stage for HoldStage {
    fn take(&mut self, piece: Piece, now: Instant, out: &mut Vec<Piece>) {
        match piece {
            Piece::Bytes(bytes) if !matches!(self.release, Release::Over) => self.hold(&bytes, now, out),
            Piece::Bytes(_) => out.push(piece),
            Piece::End(_) => {
                self.due = None;
                self.end(out);
                out.push(piece);
            }
        }
    }

    fn due(&self) -> Option<Instant> {
        self.due
    }

    fn fire(&mut self, _now: Instant, out: &mut Vec<Piece>) {
        match (&mut self.release, self.due.take()) {
            (Release::StartTime(_), _) => self.release = Release::Over,
            // What was read before this tick and comes after it waits for the next one.
            (Release::Ticks { since, .. }, Some(due)) => *since = due,
            _ => {}
        }
        self.flush(out);
    }
}
