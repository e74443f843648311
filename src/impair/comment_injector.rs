//! The cures at work: comments between the blocks of a stream.
//!
//! A block that ends in a bare CR may turn out to end in CRLF. Comments wait for the byte that tells, though an LF behind
//! a comment would be a blank line and change no event, since there are readers that look for CRLF CRLF. They wait for
//! [`CR_WAIT`] at most; the block itself has passed.

use std::time::{Duration, Instant};

use fastrand::Rng;

use super::cure::Cures;
use super::piece::Piece;
use crate::sse::scanner::{BOM, BlockScanner, Boundary};
use crate::stamp::push_padding;

/// How long comments wait for the LF of a CR.
pub(super) const CR_WAIT: Duration = Duration::from_millis(20);

/// The comment of a heartbeat.
const HEARTBEAT: &[u8] = b": heartbeat\n\n";

/// Sends the cures' comments between the blocks that pass.
#[derive(Debug)]
pub(super) struct CommentInjector {
    cures: Cures,
    scanner: BlockScanner,
    start: Start,
    /// When the padding at the start is due; none once it was sent.
    pad_at: Option<Instant>,
    /// When the next padding of `pad-every` is due.
    pad_every_at: Option<Instant>,
    /// When bytes passed last, or a comment was sent.
    last: Instant,
    /// Bytes of the block so far.
    block: usize,
    /// What ended in a bare CR, and when.
    ended: Option<(Boundary, Instant)>,
    filler: Rng,
}

/// What becomes of a byte order mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    /// Nothing was sent: it passes.
    Untouched,
    /// Comments were sent, so that it would be ignored no more, and has to go. So many of its bytes have come.
    Behind(usize),
    /// The start is over.
    Over,
}

impl CommentInjector {
    pub(super) fn new(cures: Cures, now: Instant) -> CommentInjector {
        CommentInjector {
            scanner: BlockScanner::default(),
            start: Start::Untouched,
            pad_at: cures.pad.map(|_| now),
            pad_every_at: cures.pad_every.map(|(every, _)| now + every),
            last: now,
            block: 0,
            ended: None,
            filler: Rng::with_seed(0),
            cures,
        }
    }

    pub(super) fn take(&mut self, piece: Piece, now: Instant, out: &mut Vec<Piece>) {
        let mut passed = Vec::new();
        self.pad_start(now, &mut passed);
        match &piece {
            Piece::Bytes(bytes) => self.pass(bytes, now, &mut passed),
            Piece::End(_) => self.end(now, &mut passed),
        }
        push(passed, out);
        if let Piece::End(_) = piece {
            out.push(piece);
        }
    }

    pub(super) fn due(&self) -> Option<Instant> {
        if let Some((_, since)) = self.ended {
            return Some(since + CR_WAIT);
        }
        let heartbeat = self.cures.heartbeat.map(|idle| self.last + idle);
        let between =
            [self.pad_every_at, heartbeat].into_iter().flatten().min().filter(|_| self.scanner.is_between_blocks());
        [self.pad_at, between].into_iter().flatten().min()
    }

    /// Appends what is due. What should have been sent several times since is sent once.
    pub(super) fn fire(&mut self, now: Instant, out: &mut Vec<Piece>) {
        let mut sent = Vec::new();
        if let Some((_, since)) = self.ended
            && since + CR_WAIT <= now
        {
            self.settle(now, &mut sent);
        }
        if self.scanner.is_between_blocks() && self.ended.is_none() {
            self.send_due(now, &mut sent);
        }
        push(sent, out);
    }

    fn pass(&mut self, bytes: &[u8], now: Instant, out: &mut Vec<u8>) {
        self.last = self.last.max(now);
        let stripped = self.strip(bytes);
        let mut rest = stripped.as_slice();
        while let Some(first) = rest.first() {
            if *first != b'\n' {
                self.settle(now, out);
            }
            let (len, boundary) = match self.ended {
                // The LF of the CR that has ended a line.
                Some((boundary, _)) => (self.scanner.next_block(&rest[..1]).0, boundary),
                None => self.scanner.next_block(rest),
            };
            out.extend_from_slice(&rest[..len]);
            self.block += len;
            rest = &rest[len..];
            self.ended = (boundary != Boundary::None).then_some((boundary, now));
            if self.ended.is_some() && !self.scanner.is_after_cr() {
                self.settle(now, out);
            }
        }
    }

    /// Sends what is to come between a block that has ended and the next one.
    fn settle(&mut self, now: Instant, out: &mut Vec<u8>) {
        let Some((boundary, _)) = self.ended.take() else { return };
        let block = std::mem::take(&mut self.block);
        if boundary == Boundary::Block {
            let missing = self.cures.pad_to.unwrap_or(0).saturating_sub(block);
            self.pad(missing, now, out);
        }
        self.send_pad_every(now, out);
    }

    fn send_due(&mut self, now: Instant, out: &mut Vec<u8>) {
        if self.pad_at.is_some_and(|due| due <= now) {
            self.pad_start(now, out);
        }
        self.send_pad_every(now, out);
        if self.cures.heartbeat.is_some_and(|idle| self.last + idle <= now) {
            self.send(HEARTBEAT, now, out);
        }
    }

    fn pad_start(&mut self, now: Instant, out: &mut Vec<u8>) {
        if self.pad_at.take().is_some() {
            self.pad(self.cures.pad.unwrap_or(0), now, out);
        }
    }

    fn send_pad_every(&mut self, now: Instant, out: &mut Vec<u8>) {
        let (Some(due), Some((every, size))) = (self.pad_every_at, self.cures.pad_every) else { return };
        if due <= now {
            self.pad_every_at = Some(if due + every <= now { now + every } else { due + every });
            self.pad(size, now, out);
        }
    }

    /// Sends exactly so many bytes of comments, and a blank line behind them. Where there is no room for both, a comment
    /// without a blank line has 2 bytes, and a blank line has 1.
    fn pad(&mut self, size: usize, now: Instant, out: &mut Vec<u8>) {
        if size == 0 {
            return;
        }
        let comments = if size > 2 { size - 1 } else { size };
        let mut padding = Vec::with_capacity(size);
        push_padding(&mut padding, comments, &mut self.filler);
        padding.resize(size, b'\n');
        self.send(&padding, now, out);
    }

    fn send(&mut self, comments: &[u8], now: Instant, out: &mut Vec<u8>) {
        if self.start == Start::Untouched {
            self.start = Start::Behind(0);
        }
        self.last = self.last.max(now);
        out.extend_from_slice(comments);
    }

    fn end(&mut self, now: Instant, out: &mut Vec<u8>) {
        if let Start::Behind(come) = self.start {
            out.extend_from_slice(&BOM[..come]);
        }
        self.settle(now, out);
    }

    /// The bytes without a byte order mark that must go.
    fn strip(&mut self, bytes: &[u8]) -> Vec<u8> {
        let Start::Behind(come) = self.start else {
            self.start = Start::Over;
            return bytes.to_vec();
        };
        let missing = &BOM[come..];
        if let Some(rest) = bytes.strip_prefix(missing) {
            self.start = Start::Over;
            return rest.to_vec();
        }
        if missing.starts_with(bytes) {
            self.start = Start::Behind(come + bytes.len());
            return Vec::new();
        }
        self.start = Start::Over;
        [&BOM[..come], bytes].concat()
    }
}

fn push(bytes: Vec<u8>, out: &mut Vec<Piece>) {
    if !bytes.is_empty() {
        out.push(Piece::Bytes(bytes));
    }
}
