//! What the impairments do to a body. They are told the time, and never wait themselves.

use std::collections::VecDeque;
use std::io::Write;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::{Ending, Impairment};

/// Bytes of a body, released together, or its end.
#[derive(Debug)]
pub(super) enum Piece {
    Bytes(Vec<u8>),
    End(Ending),
}

/// One impairment of one body.
trait Stage {
    /// Takes a piece that came at `now`, and appends what may pass.
    fn take(&mut self, piece: Piece, now: Instant, out: &mut Vec<Piece>);

    /// When to call `fire`, if nothing comes before.
    fn due(&self) -> Option<Instant> {
        None
    }

    /// Appends what is due.
    fn fire(&mut self, _now: Instant, _out: &mut Vec<Piece>) {}
}

/// The impairments of one body, one behind the other.
pub(super) struct Chain(Vec<Box<dyn Stage>>);

impl Chain {
    /// For a body whose head came at `now`.
    pub(super) fn new(impairments: &[Impairment], compress: bool, now: Instant) -> Chain {
        Chain(impairments.iter().filter_map(|impairment| stage(impairment, compress, now)).collect())
    }

    pub(super) fn take(&mut self, piece: Piece, now: Instant) -> Vec<Piece> {
        self.pass(0, vec![piece], now)
    }

    pub(super) fn due(&self) -> Option<Instant> {
        self.0.iter().filter_map(|stage| stage.due()).min()
    }

    pub(super) fn fire(&mut self, now: Instant) -> Vec<Piece> {
        let mut fired = Vec::new();
        for at in 0..self.0.len() {
            let mut out = Vec::new();
            if self.0[at].due().is_some_and(|due| due <= now) {
                self.0[at].fire(now, &mut out);
            }
            fired.extend(self.pass(at + 1, out, now));
        }
        fired
    }

    fn pass(&mut self, from: usize, pieces: Vec<Piece>, now: Instant) -> Vec<Piece> {
        self.0[from..].iter_mut().fold(pieces, |pieces, stage| {
            let mut out = Vec::new();
            pieces.into_iter().for_each(|piece| stage.take(piece, now, &mut out));
            out
        })
    }
}

fn stage(impairment: &Impairment, compress: bool, now: Instant) -> Option<Box<dyn Stage>> {
    let hold = |release| Some(Box::new(Hold { held: Vec::new(), release, due: None }) as Box<dyn Stage>);
    let stop = |stop| Some(Box::new(stop) as Box<dyn Stage>);
    let blocks = |edit| Some(Box::new(Blocks { edit, buffer: Vec::new(), numbered: 0, kept: None }) as Box<dyn Stage>);
    match *impairment {
        Impairment::HoldBytes(bytes) => hold(Release::Exactly(bytes.max(1))),
        Impairment::HoldBytesWhole(bytes) => hold(Release::AtLeast(bytes)),
        Impairment::HoldTime(every) => hold(Release::Ticks { since: now, every }),
        Impairment::HoldStartBytes(bytes) => hold(Release::StartBytes(bytes)),
        Impairment::HoldStartTime(time) => hold(Release::StartTime(time)),
        Impairment::HoldUntilClose => hold(Release::AtLeast(usize::MAX)),
        Impairment::Lag(by) => Some(Box::new(Lag { by, queue: VecDeque::new() })),
        Impairment::CutAfter(after, ending) => stop(Stop { at: Some(now + after), idle: None, ending: Some(ending) }),
        Impairment::IdleCut(idle, ending) => {
            stop(Stop { at: Some(now + idle), idle: Some(idle), ending: Some(ending) })
        }
        Impairment::Silent => stop(Stop { at: None, idle: None, ending: None }),
        Impairment::Hang(after) => stop(Stop { at: Some(now + after), idle: None, ending: None }),
        Impairment::GzipNoFlush if compress => Some(Box::new(GzEncoder::new(Vec::new(), Compression::default()))),
        Impairment::OneEvent => blocks(Edit::Behind),
        Impairment::Drop(every) => blocks(Edit::Drop(every)),
        Impairment::Duplicate(every) => blocks(Edit::Duplicate(every)),
        Impairment::Reorder(every) => blocks(Edit::Reorder(every)),
        Impairment::Corrupt(every) => blocks(Edit::Corrupt(every)),
        Impairment::Clean
        | Impairment::LateHead
        | Impairment::GzipNoFlush
        | Impairment::NoHead(_)
        | Impairment::Answer(..)
        | Impairment::Replay
        | Impairment::Abreast(_)
        | Impairment::ColdStart(_)
        | Impairment::NoQuery => None,
    }
}

/// Holds bytes until something allows their release, and at the end releases the rest.
struct Hold {
    held: Vec<u8>,
    release: Release,
    due: Option<Instant>,
}

enum Release {
    Exactly(usize),
    AtLeast(usize),
    Ticks { since: Instant, every: Duration },
    StartBytes(usize),
    StartTime(Duration),
}

/// What becomes of a hold that is only there at the start.
const NO_HOLD: Release = Release::AtLeast(1);

impl Hold {
    fn flush(&mut self, out: &mut Vec<Piece>) {
        if !self.held.is_empty() {
            out.push(Piece::Bytes(std::mem::take(&mut self.held)));
        }
    }
}

impl Stage for Hold {
    fn take(&mut self, piece: Piece, now: Instant, out: &mut Vec<Piece>) {
        match piece {
            Piece::Bytes(bytes) => self.held.extend(bytes),
            Piece::End(_) => {
                self.flush(out);
                return out.push(piece);
            }
        }
        match self.release {
            Release::Exactly(bytes) => {
                while self.held.len() >= bytes {
                    out.push(Piece::Bytes(self.held.drain(..bytes).collect()));
                }
            }
            Release::AtLeast(bytes) if self.held.len() >= bytes => self.flush(out),
            Release::StartBytes(bytes) if self.held.len() >= bytes => {
                self.release = NO_HOLD;
                self.flush(out);
            }
            Release::Ticks { since, every } => {
                let ticks = now.saturating_duration_since(since).as_nanos() / every.as_nanos();
                let next = since + every * (u32::try_from(ticks).expect("a test lasts some seconds") + 1);
                self.due.get_or_insert(next);
            }
            Release::StartTime(time) => drop(self.due.get_or_insert(now + time)),
            Release::AtLeast(_) | Release::StartBytes(_) => {}
        }
    }

    fn due(&self) -> Option<Instant> {
        self.due
    }

    fn fire(&mut self, _now: Instant, out: &mut Vec<Piece>) {
        match (&mut self.release, self.due.take()) {
            (Release::StartTime(_), _) => self.release = NO_HOLD,
            // What was read before this tick and comes after it waits for the next one.
            (Release::Ticks { since, .. }, Some(due)) => *since = due,
            _ => {}
        }
        self.flush(out);
    }
}

/// Passes everything on, late.
struct Lag {
    by: Duration,
    queue: VecDeque<(Instant, Piece)>,
}

impl Stage for Lag {
    fn take(&mut self, piece: Piece, now: Instant, _out: &mut Vec<Piece>) {
        self.queue.push_back((now + self.by, piece));
    }

    fn due(&self) -> Option<Instant> {
        self.queue.front().map(|(due, _)| *due)
    }

    fn fire(&mut self, now: Instant, out: &mut Vec<Piece>) {
        while self.due().is_some_and(|due| due <= now) {
            out.extend(self.queue.pop_front().map(|(_, piece)| piece));
        }
    }
}

/// Passes everything on, and nothing from a certain time on.
struct Stop {
    /// When; none if that has come.
    at: Option<Instant>,
    /// Each piece puts it off to so much later.
    idle: Option<Duration>,
    /// The end that is sent then; none leaves the client waiting.
    ending: Option<Ending>,
}

impl Stage for Stop {
    fn take(&mut self, piece: Piece, now: Instant, out: &mut Vec<Piece>) {
        if self.at.is_some() {
            self.at = self.idle.map(|idle| now + idle).or(self.at);
            out.push(piece);
        }
    }

    fn due(&self) -> Option<Instant> {
        self.at
    }

    fn fire(&mut self, _now: Instant, out: &mut Vec<Piece>) {
        self.at = None;
        out.extend(self.ending.map(Piece::End));
    }
}

impl Stage for GzEncoder<Vec<u8>> {
    fn take(&mut self, piece: Piece, _now: Instant, out: &mut Vec<Piece>) {
        match &piece {
            Piece::Bytes(bytes) => self.write_all(bytes).expect("a vector takes everything"),
            Piece::End(Ending::Clean) => self.try_finish().expect("a vector takes everything"),
            Piece::End(_) => {}
        }
        if !self.get_ref().is_empty() {
            out.push(Piece::Bytes(std::mem::take(self.get_mut())));
        }
        if let Piece::End(_) = piece {
            out.push(piece);
        }
    }
}

/// Changes the sequence of the blocks: events, and comments with a blank line.
struct Blocks {
    edit: Edit,
    /// The unfinished block.
    buffer: Vec<u8>,
    /// Numbered events so far.
    numbered: u64,
    /// A block that waits for the next one.
    kept: Option<Vec<u8>>,
}

enum Edit {
    /// Each block waits for the next one.
    Behind,
    Drop(u64),
    Duplicate(u64),
    Reorder(u64),
    Corrupt(u64),
}

impl Blocks {
    fn block(&mut self, mut block: Vec<u8>, out: &mut Vec<Piece>) {
        let is_numbered = block.split(|byte| *byte == b'\n').any(|line| line.starts_with(b"id:"));
        self.numbered += u64::from(is_numbered);
        let turn = |every| is_numbered && self.numbered.is_multiple_of(every);
        match self.edit {
            Edit::Behind => return out.extend(self.kept.replace(block).map(Piece::Bytes)),
            Edit::Drop(every) if turn(every) => return,
            Edit::Duplicate(every) if turn(every) => out.push(Piece::Bytes(block.clone())),
            Edit::Reorder(every) if turn(every) && self.kept.is_none() => {
                self.kept = Some(block);
                return;
            }
            Edit::Corrupt(every) if turn(every) => {
                let last = block.iter().rposition(u8::is_ascii_alphanumeric).expect("it has an id");
                block[last] ^= 1;
            }
            _ => {}
        }
        out.push(Piece::Bytes(block));
        if is_numbered {
            out.extend(self.kept.take().map(Piece::Bytes));
        }
    }
}

impl Stage for Blocks {
    fn take(&mut self, piece: Piece, _now: Instant, out: &mut Vec<Piece>) {
        match piece {
            Piece::Bytes(bytes) => self.buffer.extend(bytes),
            Piece::End(_) => {
                let rest = Some(std::mem::take(&mut self.buffer)).filter(|rest| !rest.is_empty());
                out.extend(self.kept.take().into_iter().chain(rest).map(Piece::Bytes));
                out.push(piece);
            }
        }
        while let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\n\n") {
            let block = self.buffer.drain(..end + 2).collect();
            self.block(block, out);
        }
    }
}
