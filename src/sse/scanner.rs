//! Where the lines and blocks of an event stream end, without decoding anything.
//!
//! WHATWG HTML, section 9.2.5: lines end with CRLF, LF or CR, and a blank line ends a block
//! (<https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream>).

/// "One leading U+FEFF BYTE ORDER MARK character must be ignored if any are present", at the very start only.
pub const BOM: &[u8] = b"\xef\xbb\xbf";

/// What the bytes that were taken complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Boundary {
    /// Nothing.
    None,
    /// A line with content.
    Line,
    /// A blank line after another one, or at the start.
    BlankLine,
    /// A block: a blank line after lines with content.
    Block,
}

/// A part of the stream, up to the end of a line at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step<'a> {
    /// The bytes taken, without the line's terminator.
    pub content: &'a [u8],
    /// How many bytes were taken, terminator included.
    pub len: usize,
    /// What they complete.
    pub boundary: Boundary,
}

/// The state between two bytes.
#[derive(Debug)]
pub struct BlockScanner {
    /// Bytes of the byte order mark so far. None after the first line, or if the stream doesn't begin with one.
    bom: Option<usize>,
    /// The line has bytes, those of a byte order mark included.
    in_line: bool,
    /// The line has content.
    has_content: bool,
    /// The byte before was CR: an LF now belongs to it.
    after_cr: bool,
    /// There were lines with content since the last blank one.
    has_lines: bool,
    /// There were fields among them, so that a comment here would split an event.
    has_fields: bool,
}

impl Default for BlockScanner {
    fn default() -> BlockScanner {
        BlockScanner {
            bom: Some(0),
            in_line: false,
            has_content: false,
            after_cr: false,
            has_lines: false,
            has_fields: false,
        }
    }
}

impl BlockScanner {
    /// Whether a comment, blank line included, can be inserted here without changing an event: no line has begun, and no
    /// field since the last blank line.
    ///
    /// That is so after a CR as well. If an LF follows that belongs to it, the comment has made a blank line of it; where
    /// there is no field that is nothing.
    pub fn is_between_blocks(&self) -> bool {
        !self.in_line && !self.has_fields
    }

    /// Whether an LF would belong to the line before.
    pub fn is_after_cr(&self) -> bool {
        self.after_cr
    }

    /// Takes bytes up to the end of the line, or all of them. A line that ends in CR is complete without waiting for an
    /// LF; one that comes is a step of its own, without content.
    pub fn next_line<'a>(&mut self, bytes: &'a [u8]) -> Step<'a> {
        if std::mem::take(&mut self.after_cr) && bytes.first() == Some(&b'\n') {
            return Step { content: &[], len: 1, boundary: Boundary::None };
        }
        let end = bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
        let content = &bytes[..end.unwrap_or(bytes.len())];
        self.read(content);
        let Some(end) = end else { return Step { content, len: bytes.len(), boundary: Boundary::None } };
        self.after_cr = bytes[end] == b'\r';
        Step { content, len: end + 1, boundary: self.end_line() }
    }

    /// Takes bytes up to the end of the next blank line, or all of them: returns how many, and what the last of them
    /// completes, which is no line with content. An LF that belongs to the CR of the blank line is taken with it, if it
    /// is there.
    pub fn next_block(&mut self, bytes: &[u8]) -> (usize, Boundary) {
        let mut taken = 0;
        while taken < bytes.len() {
            let step = self.next_line(&bytes[taken..]);
            taken += step.len;
            if matches!(step.boundary, Boundary::BlankLine | Boundary::Block) {
                let is_crlf = self.after_cr && bytes.get(taken) == Some(&b'\n');
                self.after_cr &= !is_crlf;
                return (taken + usize::from(is_crlf), step.boundary);
            }
        }
        (taken, Boundary::None)
    }

    fn read(&mut self, bytes: &[u8]) {
        self.in_line |= !bytes.is_empty();
        let content = self.strip_bom(bytes);
        if let Some(first) = content.first() {
            self.has_fields |= !self.has_content && *first != b':';
            self.has_content = true;
        }
    }

    /// The bytes without those of a byte order mark. What could become one counts as content if it doesn't.
    fn strip_bom<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let Some(seen) = self.bom else { return bytes };
        let missing = &BOM[seen..];
        if bytes.len() < missing.len() && missing.starts_with(bytes) {
            self.bom = Some(seen + bytes.len());
            return &[];
        }
        self.end_bom(!bytes.starts_with(missing));
        bytes.strip_prefix(missing).unwrap_or(bytes)
    }

    /// Decides what the bytes are that looked like a byte order mark.
    fn end_bom(&mut self, is_content: bool) {
        if self.bom.take().is_some_and(|seen| seen > 0) && is_content {
            self.has_content = true;
            self.has_fields = true;
        }
    }

    fn end_line(&mut self) -> Boundary {
        self.end_bom(true);
        self.in_line = false;
        if std::mem::take(&mut self.has_content) {
            self.has_lines = true;
            return Boundary::Line;
        }
        self.has_fields = false;
        if std::mem::take(&mut self.has_lines) { Boundary::Block } else { Boundary::BlankLine }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sse::decoder::{Decoded, Decoder, Item};

    /// What ends where, in a stream that comes in `pieces`.
    fn boundaries<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<(usize, Boundary)> {
        let mut scanner = BlockScanner::default();
        let mut found = Vec::new();
        let mut at = 0;
        for mut rest in pieces {
            while !rest.is_empty() {
                let (len, boundary) = scanner.next_block(rest);
                rest = &rest[len..];
                at += len;
                if boundary != Boundary::None {
                    found.push((at, boundary));
                }
            }
        }
        found
    }

    #[test]
    fn blocks_end_with_a_blank_line_of_any_kind() {
        for ending in ["\n", "\r", "\r\n"] {
            let stream = "data: a\n\n\n: b\n\ndata: c".replace('\n', ending);
            let len = ending.len();
            let first = 7 + 2 * len;
            let expected =
                [(first, Boundary::Block), (first + len, Boundary::BlankLine), (first + 3 + 3 * len, Boundary::Block)];
            assert_eq!(boundaries([stream.as_bytes()]), expected, "{ending:?}");
        }
        let mixed = b"data: a\n\rdata: b\r\n\n".as_slice();
        assert_eq!(boundaries([mixed]), [(9, Boundary::Block), (19, Boundary::Block)]);
    }

    #[test]
    fn an_lf_that_comes_later_belongs_to_its_cr() {
        let mut scanner = BlockScanner::default();
        assert_eq!(scanner.next_block(b"data: a\r"), (8, Boundary::None));
        assert_eq!(scanner.next_block(b"\n\r"), (2, Boundary::Block));
        assert!(scanner.is_after_cr() && scanner.is_between_blocks());
        assert_eq!(scanner.next_block(b"\n"), (1, Boundary::None));
        assert!(!scanner.is_after_cr() && scanner.is_between_blocks());
    }

    #[test]
    fn a_byte_order_mark_is_nothing_at_the_start_and_content_elsewhere() {
        assert_eq!(boundaries(["\u{feff}\n\n".as_bytes()]), [(4, Boundary::BlankLine), (5, Boundary::BlankLine)]);
        assert_eq!(boundaries([&b"\xef\xbb"[..], b"\xbf\n\n"]), [(4, Boundary::BlankLine), (5, Boundary::BlankLine)]);
        assert_eq!(boundaries(["\u{feff}\u{feff}\n\n".as_bytes()]), [(8, Boundary::Block)]);
        assert_eq!(boundaries(["\n\u{feff}\n\n".as_bytes()]), [(1, Boundary::BlankLine), (6, Boundary::Block)]);
        assert_eq!(boundaries([&b"\xef\xbb"[..], b"\n\n"]), [(4, Boundary::Block)]);
        assert_eq!(boundaries([&b"\xef"[..], b"x\n\n"]), [(4, Boundary::Block)]);
    }

    #[test]
    fn comments_can_stand_after_comments_and_not_after_fields() {
        let is_between = |bytes: &[u8]| {
            let mut scanner = BlockScanner::default();
            scanner.next_block(bytes);
            scanner.is_between_blocks()
        };
        for yes in ["", "\n", "data: a\n\n", ": a\n", ": a\r", ": a\n: b\n", "id: 1\r\r", "\u{feff}: a\n"] {
            assert!(is_between(yes.as_bytes()), "{yes:?}");
        }
        let no =
            ["d", ":", ": a", "data: a\n", "data: a\r\n", "data: a\n: b\n", ": b\nid: 1\n", "\u{feff}", "\u{feff}a\n"];
        for no in no {
            assert!(!is_between(no.as_bytes()), "{no:?}");
        }
        assert!(!is_between(b"\xef") && !is_between(b"\xef\xbb\n"));
    }

    const WORDS: [&[u8]; 13] = [
        b"data: x",
        b"id: 1",
        b": c",
        b":",
        b"\r",
        b"\n",
        b"\r\n",
        b"\n\n",
        b"\r\n\r\n",
        b"\xef\xbb\xbf",
        b"\xef",
        b"\xbb\xbf",
        b"\xf0\x9f\x98\x80",
    ];

    /// The stream in pieces of these sizes, over and over.
    fn cut<'a>(stream: &'a [u8], sizes: &'a [usize]) -> impl Iterator<Item = &'a [u8]> {
        let mut rest = stream;
        sizes.iter().cycle().map_while(move |size| {
            let (piece, after) = rest.split_at(rest.len().min(*size));
            rest = after;
            (!piece.is_empty()).then_some(piece)
        })
    }

    /// The ends without the LF of a CRLF, which may be missing where the stream is cut.
    fn ends(found: &[(usize, Boundary)], stream: &[u8]) -> Vec<(usize, Boundary)> {
        let of = |(end, boundary): &(usize, Boundary)| {
            let is_crlf = stream[..*end].ends_with(b"\r\n");
            (end - usize::from(is_crlf), *boundary)
        };
        found.iter().map(of).collect()
    }

    proptest::proptest! {
        /// Cut anywhere, the stream has the same blocks.
        #[test]
        fn cuts_change_no_block(
            words in proptest::collection::vec(proptest::sample::select(WORDS.to_vec()), 0..60),
            sizes in proptest::collection::vec(1_usize..9, 1..40),
        ) {
            let stream = words.concat();
            let whole = boundaries([stream.as_slice()]);
            let pieces = boundaries(cut(&stream, &sizes));
            proptest::prop_assert_eq!(ends(&pieces, &stream), ends(&whole, &stream));
        }

        /// The decoder finds at most one event in each block, where the block ends, and none elsewhere.
        #[test]
        fn events_end_with_their_blocks(
            words in proptest::collection::vec(proptest::sample::select(WORDS.to_vec()), 0..60),
        ) {
            let stream = words.concat();
            let found = boundaries([stream.as_slice()]);
            let mut decoder = Decoder::default();
            let events = decoder.feed(&stream).map(Result::unwrap).filter(|one| matches!(one.item, Item::Event(_)));
            let place = |one: Decoded| (usize::try_from(one.start).unwrap(), usize::try_from(one.end).unwrap());
            let events: Vec<_> = events.map(place).collect();
            let blocks: Vec<_> = std::iter::once(0)
                .chain(found.iter().map(|(end, _)| *end))
                .zip(ends(&found, &stream))
                .filter_map(|(start, (end, boundary))| (boundary == Boundary::Block).then_some((start, end)))
                .collect();
            for (start, end) in &events {
                let is_inside = |(from, to): &(usize, usize)| from <= start && end == to;
                proptest::prop_assert!(blocks.iter().any(is_inside), "{:?} of {:?}", (start, end), blocks);
            }
            let mut unique: Vec<_> = events.iter().map(|(_, end)| *end).collect();
            unique.dedup();
            proptest::prop_assert_eq!(unique.len(), events.len());
            let first = if stream.starts_with(BOM) { BOM.len() } else { 0 };
            let with_data = blocks.iter().filter(|(start, end)| has_data_line(&stream[first.max(*start)..*end]));
            proptest::prop_assert_eq!(with_data.count(), events.len());
        }
    }

    /// Whether a line of a block begins with the only data field that [`WORDS`] hold.
    fn has_data_line(block: &[u8]) -> bool {
        block.split(|byte| matches!(byte, b'\r' | b'\n')).any(|line| line.starts_with(b"data: x"))
    }
}
