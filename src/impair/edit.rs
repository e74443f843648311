//! Paths that deal with events rather than with bytes.

use std::ops::Range;
use std::time::Instant;

use super::piece::Piece;
use super::stage::Stage;
use crate::sse::scanner::{BlockScanner, Boundary};

/// Longest block that is kept together, 16 MiB; a longer one passes in parts, and neither waits nor changes.
pub const BLOCK_MAX: usize = 16 << 20;

/// Changes the sequence of the blocks: events, and comments with a blank line.
#[derive(Debug)]
pub(super) struct EditStage {
    edit: Edit,
    scanner: BlockScanner,
    /// The unfinished block.
    block: Vec<u8>,
    /// The block was too long, and its beginning has passed.
    is_too_long: bool,
    /// Numbered events so far.
    numbered: usize,
    /// A block that waits for the next one.
    kept: Option<Vec<u8>>,
}

/// What becomes of blocks. Numbers mean every so many-th numbered event: one with an `id` and with data.
#[derive(Debug, Clone, Copy)]
pub(super) enum Edit {
    /// Each block waits for the next one.
    Behind,
    /// It is lost.
    Drop(usize),
    /// It comes twice.
    Duplicate(usize),
    /// It comes behind the numbered event that follows it.
    Reorder(usize),
    /// A byte of its data is another.
    Corrupt(usize),
}

impl EditStage {
    pub(super) fn new(edit: Edit) -> EditStage {
        let scanner = BlockScanner::default();
        EditStage { edit, scanner, block: Vec::new(), is_too_long: false, numbered: 0, kept: None }
    }

    fn end_block(&mut self, boundary: Boundary, out: &mut Vec<Piece>) {
        let mut block = std::mem::take(&mut self.block);
        if std::mem::take(&mut self.is_too_long) {
            return out.push(Piece::Bytes(block));
        }
        let is_numbered = is_numbered(&block);
        self.numbered += usize::from(is_numbered);
        let turn = |every| is_numbered && self.numbered.is_multiple_of(every);
        match self.edit {
            Edit::Behind => return self.put_behind(block, boundary, out),
            Edit::Drop(every) if turn(every) => return,
            Edit::Duplicate(every) if turn(every) => out.push(Piece::Bytes(block.clone())),
            Edit::Reorder(every) if turn(every) && self.kept.is_none() => {
                self.kept = Some(block);
                return;
            }
            Edit::Corrupt(every) if turn(every) => corrupt(&mut block),
            _ => {}
        }
        out.push(Piece::Bytes(block));
        if is_numbered {
            self.release(out);
        }
    }

    fn put_behind(&mut self, block: Vec<u8>, boundary: Boundary, out: &mut Vec<Piece>) {
        match &mut self.kept {
            // A blank line more is no next event.
            Some(kept) if boundary == Boundary::BlankLine && kept.len() < BLOCK_MAX => kept.extend(block),
            kept => out.extend(kept.replace(block).map(Piece::Bytes)),
        }
    }

    fn release(&mut self, out: &mut Vec<Piece>) {
        out.extend(self.kept.take().map(Piece::Bytes));
    }

    /// Lets go of what has come of a block that is too long.
    fn give_up(&mut self, out: &mut Vec<Piece>) {
        self.is_too_long = true;
        self.release(out);
        out.push(Piece::Bytes(std::mem::take(&mut self.block)));
    }
}

impl Stage for EditStage {
    fn take(&mut self, piece: Piece, _now: Instant, out: &mut Vec<Piece>) {
        let bytes = match piece {
            Piece::Bytes(bytes) => bytes,
            Piece::End(_) => {
                self.release(out);
                let rest = Some(std::mem::take(&mut self.block)).filter(|rest| !rest.is_empty());
                out.extend(rest.map(Piece::Bytes));
                return out.push(piece);
            }
        };
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let (len, boundary) = self.scanner.next_block(rest);
            self.block.extend_from_slice(&rest[..len]);
            rest = &rest[len..];
            if boundary != Boundary::None {
                self.end_block(boundary, out);
            } else if self.block.len() > BLOCK_MAX || self.is_too_long {
                self.give_up(out);
            }
        }
    }
}

/// The values of a block's fields of a name, by their places.
fn values<'a>(block: &'a [u8], name: &'a [u8]) -> impl DoubleEndedIterator<Item = Range<usize>> + 'a {
    let breaks = block.iter().enumerate().filter(|(_, byte)| matches!(byte, b'\r' | b'\n')).map(|(at, _)| at);
    let mut start = 0;
    let lines: Vec<Range<usize>> = breaks.map(|end| std::mem::replace(&mut start, end + 1)..end).collect();
    lines.into_iter().filter_map(move |line| {
        let value = block[line.clone()].strip_prefix(name)?;
        match value.first() {
            None => Some(line.end..line.end),
            Some(b':') => Some(line.end - value.len() + 1..line.end),
            Some(_) => None,
        }
    })
}

fn is_numbered(block: &[u8]) -> bool {
    values(block, b"id").next().is_some() && values(block, b"data").next().is_some()
}

/// Changes the last letter or digit of the data, which in the origin's own events is one of their checksum; of data
/// without any the last byte.
fn corrupt(block: &mut [u8]) {
    let data: Vec<usize> = values(block, b"data").flatten().collect();
    match data.iter().rev().find(|at| block[**at].is_ascii_alphanumeric()).or(data.last()) {
        Some(at) if block[*at].is_ascii_alphanumeric() => block[*at] ^= 1,
        Some(at) => block[*at] = if block[*at] == b'?' { b'!' } else { b'?' },
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbered_events_have_an_id_and_data() {
        for yes in ["id: 1\ndata: a\n\n", "data\rid\r\r", "event: x\r\ndata:\r\nid:7\r\n\r\n", "\nid: 1\ndata: a\n\n"] {
            assert!(is_numbered(yes.as_bytes()), "{yes:?}");
        }
        for no in ["data: a\n\n", "id: 1\n\n", ": id: 1\ndata: a\n\n", "idx: 1\ndata: a\n\n", "id: 1\ndatas: a\n\n"] {
            assert!(!is_numbered(no.as_bytes()), "{no:?}");
        }
    }

    #[test]
    fn corruption_changes_one_byte_of_the_data() {
        let corrupted = |text: &str| {
            let mut block = text.as_bytes().to_vec();
            corrupt(&mut block);
            String::from_utf8(block).unwrap()
        };
        assert_eq!(corrupted("data: {\"x\":4}\nid: 1\n\n"), "data: {\"x\":5}\nid: 1\n\n");
        assert_eq!(corrupted("id: 1\r\ndata:a\r\ndata: !\r\n\r\n"), "id: 1\r\ndata:`\r\ndata: !\r\n\r\n");
        assert_eq!([corrupted("data: !\n\n"), corrupted("data:?\n\n")], ["data: ?\n\n", "data:!\n\n"]);
        assert_eq!([corrupted("data\n\n"), corrupted("data:\n\n")], ["data\n\n", "data:\n\n"]);
    }
}
