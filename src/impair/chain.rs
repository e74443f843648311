//! The way of one body through everything that is done to it.

use std::time::{Duration, Instant};

use super::comment_injector::CommentInjector;
use super::cure::Cures;
use super::cut::CutStage;
use super::delay::DelayStage;
use super::edit::{Edit, EditStage};
use super::gzip::GzipStage;
use super::hold::{HoldStage, Release};
use super::impairment::Impairment;
use super::piece::{BodyEnd, Piece};
use super::stage::Stage;

/// The cures and impairments of one body, one behind the other.
///
/// Whoever waits for bytes waits until [`Chain::due`] at most, and then calls [`Chain::fire`]. The first time it may be
/// due is when it was made: before the first byte, that is. Pieces that come out are to be passed on at once, and behind
/// an end there are none.
#[derive(Debug)]
pub struct Chain {
    cures: Option<CommentInjector>,
    stages: Vec<Box<dyn Stage>>,
    has_ended: bool,
}

impl Chain {
    pub(super) fn new(cures: &Cures, impairments: &[Impairment], now: Instant) -> Chain {
        let stages = impairments.iter().filter_map(|impairment| stage(impairment, now)).collect();
        let cures = (!cures.is_empty()).then(|| CommentInjector::new(cures.clone(), now));
        Chain { cures, stages, has_ended: false }
    }

    /// Takes a piece that came at `now`, and appends what may pass: first what was due by then, as [`Chain::fire`] does.
    /// What is due afterwards is due later than `now`. A piece may be told to have come before something that was done.
    pub fn take(&mut self, piece: Piece, now: Instant, out: &mut Vec<Piece>) {
        self.fire(now, out);
        if self.has_ended || piece == Piece::Bytes(Vec::new()) {
            return;
        }
        let pieces = match &mut self.cures {
            Some(cures) => {
                let mut cured = Vec::new();
                cures.take(piece, now, &mut cured);
                cured
            }
            None => vec![piece],
        };
        self.pass(0, pieces, now, out);
        self.fire(now, out);
    }

    /// When there is something to do, if nothing comes before.
    pub fn due(&self) -> Option<Instant> {
        let dues =
            self.cures.as_ref().and_then(CommentInjector::due).into_iter().chain(self.next().map(|(due, _)| due));
        dues.min().filter(|_| !self.has_ended)
    }

    /// Appends what is due. Several things are done in the order they were due in, however late the call is; what the
    /// cures should have sent several times since is sent once.
    pub fn fire(&mut self, now: Instant, out: &mut Vec<Piece>) {
        while let Some(due) = self.due().filter(|due| *due <= now) {
            let mut fired = Vec::new();
            match self.next() {
                Some((at, stage)) if at == due => {
                    self.stages[stage].fire(due, &mut fired);
                    self.pass(stage + 1, fired, due, out);
                }
                _ => {
                    self.cures.iter_mut().for_each(|cures| cures.fire(now, &mut fired));
                    self.pass(0, fired, now, out);
                }
            }
        }
    }

    /// The impairment that is due first, and when.
    fn next(&self) -> Option<(Instant, usize)> {
        let dues = self.stages.iter().enumerate().filter_map(|(at, stage)| Some((stage.due()?, at)));
        dues.min()
    }

    fn pass(&mut self, from: usize, pieces: Vec<Piece>, now: Instant, out: &mut Vec<Piece>) {
        let passed = self.stages[from..].iter_mut().fold(pieces, |pieces, stage| {
            let mut out = Vec::new();
            pieces.into_iter().for_each(|piece| stage.take(piece, now, &mut out));
            out
        });
        for piece in passed {
            if self.has_ended {
                return;
            }
            self.has_ended = matches!(piece, Piece::End(_));
            out.push(piece);
        }
    }
}

fn stage(impairment: &Impairment, now: Instant) -> Option<Box<dyn Stage>> {
    let hold = |release| Some(Box::new(HoldStage::new(release)) as Box<dyn Stage>);
    let stop = |stop: CutStage| Some(Box::new(stop) as Box<dyn Stage>);
    let cut = |after: Duration, ending: Option<BodyEnd>| stop(CutStage::at(now + after, ending));
    let blocks = |edit| Some(Box::new(EditStage::new(edit)) as Box<dyn Stage>);
    match *impairment {
        Impairment::HoldBytes(bytes) => hold(Release::Exactly(bytes)),
        Impairment::HoldBytesWhole(bytes) => hold(Release::Whole(bytes)),
        Impairment::HoldTime(every) => hold(Release::Ticks { since: now, every }),
        Impairment::Cork(time) => hold(Release::Cork(time)),
        Impairment::HoldStartBytes(bytes) => hold(Release::StartBytes(bytes)),
        Impairment::HoldStartTime(time) => hold(Release::StartTime(time)),
        Impairment::HoldUntilClose => hold(Release::Close),
        Impairment::Lag(by) => Some(Box::new(DelayStage::new(by))),
        Impairment::OneEvent => blocks(Edit::Behind),
        Impairment::CutAfter(after, ending) => cut(after, Some(ending)),
        Impairment::IdleCut(idle, ending) => stop(CutStage::when_idle(idle, ending, now)),
        Impairment::GzipNoFlush => Some(Box::new(GzipStage::new())),
        Impairment::Drop(every) => blocks(Edit::Drop(every)),
        Impairment::Duplicate(every) => blocks(Edit::Duplicate(every)),
        Impairment::Reorder(every) => blocks(Edit::Reorder(every)),
        Impairment::Corrupt(every) => blocks(Edit::Corrupt(every)),
        Impairment::Silent => stop(CutStage::silent()),
        Impairment::Hang(after) => cut(after, None),
        Impairment::HoldHead
        | Impairment::StripHeader(_)
        | Impairment::Only(_)
        | Impairment::KeepOriginOpen
        | Impairment::Unless(_) => None,
    }
}
