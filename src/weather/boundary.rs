//! Where the blocks of an event stream end, found byte by byte without decoding anything.
//!
//! WHATWG HTML, section 9.2.5: lines end with CRLF, LF or CR, and a blank line ends a block
//! (<https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream>).

/// What a byte completes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// Nothing.
    Inside,
    /// A blank line with nothing before it.
    Blank,
    /// A block: the blank line behind other lines.
    Block,
}

/// The state between two bytes.
#[derive(Debug, Default)]
pub(crate) struct Boundary {
    /// The line has bytes.
    in_line: bool,
    /// The byte before was CR: an LF now belongs to it.
    after_cr: bool,
    /// There were lines since the last blank one, or bytes of one.
    has_lines: bool,
    /// There were fields among them, so that what stands between them would change an event.
    has_fields: bool,
}

impl Boundary {
    /// Whether a comment, blank line included, can be inserted here without changing an event: no line has begun, and no
    /// field since the last blank line.
    ///
    /// That holds behind a CR as well. If an LF follows that belongs to it, the comment has made a blank line of it; where
    /// there is no field that is nothing. A byte order mark at the start counts as a field, which is too strict at worst.
    pub(crate) fn is_here(&self) -> bool {
        !self.in_line && !self.has_fields
    }

    /// Whether an LF would belong to the line before.
    pub(crate) fn is_after_cr(&self) -> bool {
        self.after_cr
    }

    fn push(&mut self, byte: u8) -> Mark {
        if std::mem::take(&mut self.after_cr) && byte == b'\n' {
            return Mark::Inside;
        }
        if !matches!(byte, b'\r' | b'\n') {
            self.has_fields |= !self.in_line && byte != b':';
            self.in_line = true;
            self.has_lines = true;
            return Mark::Inside;
        }
        self.after_cr = byte == b'\r';
        if std::mem::take(&mut self.in_line) {
            return Mark::Inside;
        }
        self.has_fields = false;
        if std::mem::take(&mut self.has_lines) { Mark::Block } else { Mark::Blank }
    }

    /// Takes bytes up to the end of the next blank line, or all of them: returns how many, and what the last of them
    /// completes. An LF that belongs to the CR of the blank line is taken with it, if it is there.
    pub(crate) fn advance(&mut self, bytes: &[u8]) -> (usize, Mark) {
        for (at, byte) in bytes.iter().enumerate() {
            let mark = self.push(*byte);
            if mark != Mark::Inside {
                let end = at + 1;
                let is_crlf = self.after_cr && bytes.get(end) == Some(&b'\n');
                self.after_cr &= !is_crlf;
                return (end + usize::from(is_crlf), mark);
            }
        }
        (bytes.len(), Mark::Inside)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(stream: &[u8]) -> Vec<(usize, Mark)> {
        let mut boundary = Boundary::default();
        let mut marks = Vec::new();
        let mut at = 0;
        while at < stream.len() {
            let (len, mark) = boundary.advance(&stream[at..]);
            at += len;
            marks.push((at, mark));
        }
        marks
    }

    #[test]
    fn blocks_end_with_a_blank_line_of_any_kind() {
        for ending in ["\n", "\r", "\r\n"] {
            let stream = "data: a\n\n\n: b\n\ndata: c".replace('\n', ending);
            let len = ending.len();
            let first = 7 + 2 * len;
            let expected = [
                (first, Mark::Block),
                (first + len, Mark::Blank),
                (first + 3 + 3 * len, Mark::Block),
                (stream.len(), Mark::Inside),
            ];
            assert_eq!(marks(stream.as_bytes()), expected, "{ending:?}");
        }
        assert_eq!(marks(b"data: a\n\rdata: b\r\n\n"), [(9, Mark::Block), (19, Mark::Block)]);
    }

    #[test]
    fn an_lf_that_comes_later_belongs_to_its_cr() {
        let mut boundary = Boundary::default();
        assert_eq!(boundary.advance(b"data: a\r"), (8, Mark::Inside));
        assert_eq!(boundary.advance(b"\n\r"), (2, Mark::Block));
        assert!(boundary.is_after_cr() && boundary.is_here());
        assert_eq!(boundary.advance(b"\n"), (1, Mark::Inside));
        assert!(!boundary.is_after_cr() && boundary.is_here());
    }

    #[test]
    fn comments_can_stand_behind_comments_and_not_behind_fields() {
        let here = |bytes: &[u8]| {
            let mut boundary = Boundary::default();
            boundary.advance(bytes);
            boundary.is_here()
        };
        for yes in ["", "\n", "data: a\n\n", ": a\n", ": a\r", ": a\n: b\n", "id: 1\r\r"] {
            assert!(here(yes.as_bytes()), "{yes:?}");
        }
        for no in ["d", ":", ": a", "data: a\n", "data: a\r\n", "data: a\n: b\n", ": b\nid: 1\n", "\u{feff}"] {
            assert!(!here(no.as_bytes()), "{no:?}");
        }
    }
}
