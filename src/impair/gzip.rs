//! A compressor that nobody tells to flush.

use std::time::Instant;

use flate2::Compress;
use flate2::Compression;
use flate2::Crc;
use flate2::FlushCompress;

use super::piece::{BodyEnd, Piece};
use super::stage::Stage;

/// RFC 1952, section 2.3: deflate, no flags, no time, no extra flags, unknown system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// Room for output that is made at a time.
const ROOM: usize = 16 * 1024;

/// Compresses, and passes on what the compressor gives of itself. A body that doesn't end cleanly loses what is left in
/// the compressor. Not even the header comes before compressed bytes do.
#[derive(Debug)]
pub(super) struct GzipStage {
    deflate: Compress,
    crc: Crc,
    is_begun: bool,
}

impl GzipStage {
    pub(super) fn new() -> GzipStage {
        GzipStage { deflate: Compress::new(Compression::default(), false), crc: Crc::new(), is_begun: false }
    }

    fn deflate(&mut self, mut bytes: &[u8], flush: FlushCompress) -> Vec<u8> {
        let mut out = Vec::new();
        loop {
            out.reserve(ROOM);
            let before = self.deflate.total_in();
            let made = self.deflate.compress_vec(bytes, &mut out, flush);
            made.expect("what comes in one order is compressed");
            let taken = usize::try_from(self.deflate.total_in() - before).expect("it is part of a slice");
            bytes = &bytes[taken..];
            if bytes.is_empty() && out.len() < out.capacity() {
                return out;
            }
        }
    }

    fn compressed(&mut self, bytes: &[u8], flush: FlushCompress) -> Vec<u8> {
        self.crc.update(bytes);
        let deflated = self.deflate(bytes, flush);
        if deflated.is_empty() || std::mem::replace(&mut self.is_begun, true) {
            return deflated;
        }
        [&HEADER[..], &deflated].concat()
    }

    fn finished(&mut self) -> Vec<u8> {
        let mut last = self.compressed(&[], FlushCompress::Finish);
        last.extend(self.crc.sum().to_le_bytes());
        last.extend(self.crc.amount().to_le_bytes());
        last
    }
}

impl Stage for GzipStage {
    fn take(&mut self, piece: Piece, _now: Instant, out: &mut Vec<Piece>) {
        let made = match &piece {
            Piece::Bytes(bytes) => self.compressed(bytes, FlushCompress::None),
            Piece::End(BodyEnd::Clean) => self.finished(),
            Piece::End(_) => Vec::new(),
        };
        if !made.is_empty() {
            out.push(Piece::Bytes(made));
        }
        if let Piece::End(_) = piece {
            out.push(piece);
        }
    }
}
