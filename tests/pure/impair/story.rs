//! Bodies whose pieces come at told times, and what comes out when.

use std::time::{Duration, Instant};

use sse_argo_tester::impair::{Alterations, BodyEnd, Chain, Effect, Piece};
use sse_argo_tester::sse::decoder::{Decoder, Item};

/// The fields of an ordinary event stream.
pub(crate) const STREAM: [(&str, &[u8]); 2] =
    [("Content-Type", b"text/event-stream"), ("Transfer-Encoding", b"chunked")];

pub(crate) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub(crate) fn impaired(specs: &str) -> Alterations {
    let mut alterations = Alterations::default();
    alterations.impair(specs).unwrap();
    alterations
}

pub(crate) fn cured(specs: &str) -> Alterations {
    let mut alterations = Alterations::default();
    alterations.cure(specs).unwrap();
    alterations
}

/// What becomes of an ordinary stream.
pub(crate) fn effect(alterations: &Alterations) -> Effect {
    alterations.for_response("GET", true, STREAM)
}

pub(crate) fn bytes(text: &str) -> Piece {
    Piece::Bytes(text.as_bytes().to_vec())
}

pub(crate) fn end() -> Piece {
    Piece::End(BodyEnd::Clean)
}

/// A relay that does everything at its time, to the millisecond.
pub(crate) struct Story {
    pub(crate) chain: Chain,
    start: Instant,
    pub(crate) out: Vec<(u64, Piece)>,
}

impl Story {
    pub(crate) fn new(alterations: &Alterations) -> Story {
        let start = Instant::now();
        Story { chain: effect(alterations).chain(start), start, out: Vec::new() }
    }

    fn note(&mut self, at: Instant, pieces: Vec<Piece>) {
        let ms = u64::try_from((at - self.start).as_millis()).unwrap();
        self.out.extend(pieces.into_iter().map(|piece| (ms, piece)));
    }

    /// Lets time pass.
    pub(crate) fn until(&mut self, until: u64) -> &mut Story {
        let until = self.start + ms(until);
        while let Some(due) = self.chain.due().filter(|due| *due <= until) {
            let mut pieces = Vec::new();
            self.chain.fire(due, &mut pieces);
            assert!(self.chain.due() != Some(due), "what is due is done");
            self.note(due, pieces);
        }
        self
    }

    /// A piece comes.
    pub(crate) fn at(&mut self, at: u64, piece: Piece) -> &mut Story {
        self.until(at);
        let now = self.start + ms(at);
        let mut pieces = Vec::new();
        self.chain.take(piece, now, &mut pieces);
        self.note(now, pieces);
        self
    }

    /// What came out, as text; an end as its word in brackets.
    pub(crate) fn told(&self) -> Vec<(u64, String)> {
        self.out.iter().map(|(at, piece)| (*at, text(piece))).collect()
    }

    /// All bytes that came out.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let bytes = self.out.iter().filter_map(|(_, piece)| match piece {
            Piece::Bytes(bytes) => Some(bytes.as_slice()),
            Piece::End(_) => None,
        });
        bytes.collect::<Vec<_>>().concat()
    }
}

fn text(piece: &Piece) -> String {
    match piece {
        Piece::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Piece::End(ending) => format!("[{}]", ending.as_str()),
    }
}

/// A story's outcome as it is written in a test.
pub(crate) fn expect(told: &[(u64, &str)]) -> Vec<(u64, String)> {
    told.iter().map(|(at, text)| (*at, (*text).to_owned())).collect()
}

/// What a client's script gets: events and reconnection times, and the last event ID.
pub(crate) fn events(stream: &[u8]) -> (Vec<Item>, String) {
    let mut decoder = Decoder::default();
    let mut items: Vec<Item> = decoder.feed(stream).map(|decoded| decoded.unwrap().item).collect();
    items.retain(|item| !matches!(item, Item::Comment(_)));
    (items, decoder.last_event_id().to_owned())
}
