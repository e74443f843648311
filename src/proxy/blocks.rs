//! A stream in whole blocks, with what they say to whoever reconnects.

use crate::sse::Decoder;
use crate::sse::decoder::{Decoded, Item};
use crate::sse::scanner::{BOM, BlockScanner, Boundary};

/// Most bytes of an event, if only whole ones pass. They wait until it is complete.
pub(super) const BLOCK_MAX: usize = 4 * 1024 * 1024;

/// Cuts a stream into blocks, over all its connections.
///
/// Comments outside of blocks pass line by line, so that a heartbeat is not held up. What is left at a cut is dropped.
#[derive(Debug)]
pub(super) struct BlockSplitter {
    scanner: BlockScanner,
    decoder: Decoder,
    /// What is not yet complete.
    held: Vec<u8>,
    retry_ms: Option<u64>,
    /// Nothing of this connection has passed, and it is not the first one.
    resumes: bool,
}

impl BlockSplitter {
    /// The blocks of a stream that begins after the event with this id.
    pub(super) fn after(last_event_id: &str) -> BlockSplitter {
        BlockSplitter {
            scanner: BlockScanner::default(),
            decoder: Decoder::resuming(last_event_id),
            held: Vec::new(),
            retry_ms: None,
            resumes: false,
        }
    }

    /// Another connection goes on: what the one before left incomplete is dropped.
    pub(super) fn resume(&mut self) {
        self.scanner = BlockScanner::default();
        self.decoder = Decoder::resuming(self.decoder.last_event_id());
        self.held = Vec::new();
        self.resumes = true;
    }

    /// The id of the newest complete block that had one.
    pub(super) fn last_event_id(&self) -> &str {
        self.decoder.last_event_id()
    }

    /// The newest reconnection time in milliseconds, of complete blocks.
    pub(super) fn retry_ms(&self) -> Option<u64> {
        self.retry_ms
    }

    /// Takes the next bytes, and passes each block that they complete to `sink`, with the last event ID behind it.
    ///
    /// # Errors
    /// What is wrong with an event of more than [`BLOCK_MAX`] bytes.
    pub(super) fn take(&mut self, bytes: &[u8], mut sink: impl FnMut(Vec<u8>, &str)) -> Result<(), String> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let (len, boundary) = self.scanner.next_block(rest);
            self.held.extend_from_slice(&rest[..len]);
            rest = &rest[len..];
            if self.held.len() > BLOCK_MAX {
                return Err(format!("an event is longer than {BLOCK_MAX} bytes, so that it can't pass as a whole"));
            }
            // Blank lines between blocks go with what follows, if there is something.
            if boundary == Boundary::Block || (rest.is_empty() && self.scanner.is_between_blocks()) {
                self.release(&mut sink);
            }
        }
        Ok(())
    }

    fn release(&mut self, sink: &mut impl FnMut(Vec<u8>, &str)) {
        let mut block = std::mem::take(&mut self.held);
        let retry_ms = &mut self.retry_ms;
        for decoded in self.decoder.feed(&block) {
            debug_assert!(decoded.is_ok(), "the decoder's limit is above ours");
            if let Ok(Decoded { item: Item::Retry(ms), .. }) = decoded {
                *retry_ms = Some(ms);
            }
        }
        // "One leading U+FEFF BYTE ORDER MARK character" belongs to the start of a stream; in the middle, where the
        // client sees it, it would be a part of a field's name.
        if std::mem::take(&mut self.resumes) && block.starts_with(BOM) {
            block.drain(..BOM.len());
        }
        sink(block, self.decoder.last_event_id());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(blocks: &mut BlockSplitter, bytes: &[u8]) -> Vec<(String, String)> {
        let mut found = Vec::new();
        blocks.take(bytes, |block, id| found.push((String::from_utf8(block).unwrap(), id.to_owned()))).unwrap();
        found
    }

    fn of(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(block, id)| ((*block).to_owned(), (*id).to_owned())).collect()
    }

    #[test]
    fn blocks_pass_when_they_are_complete() {
        let mut blocks = BlockSplitter::after("0");
        assert_eq!(cut(&mut blocks, b"id: 1\nda"), []);
        assert_eq!(blocks.last_event_id(), "0");
        assert_eq!(
            cut(&mut blocks, b"ta: a\n\ndata: b\n\nid: 2\n"),
            of(&[("id: 1\ndata: a\n\n", "1"), ("data: b\n\n", "1")])
        );
        assert_eq!(cut(&mut blocks, b"retry: 5\n\n:\n"), of(&[("id: 2\nretry: 5\n\n", "2"), (":\n", "2")]));
        assert_eq!(blocks.retry_ms(), Some(5));
        assert_eq!(cut(&mut blocks, b"\n\ndata: c\n\n\n\n"), of(&[("\n", "2"), ("\ndata: c\n\n", "2"), ("\n\n", "2")]));
    }

    #[test]
    fn cuts_leave_nothing_behind() {
        let mut blocks = BlockSplitter::after("");
        assert_eq!(cut(&mut blocks, b"\xef\xbb\xbfid: 1\n\n: c\nid: 2\ndata: x"), of(&[("\u{feff}id: 1\n\n", "1")]));
        blocks.resume();
        assert_eq!(cut(&mut blocks, b"\xef\xbb"), []);
        assert_eq!(cut(&mut blocks, b"\xbfdata: y\r\n\r"), of(&[("data: y\r\n\r", "1")]));
        assert_eq!(cut(&mut blocks, b"\n"), of(&[("\n", "1")]));
        assert_eq!(cut(&mut blocks, b"id: 3\r\r"), of(&[("id: 3\r\r", "3")]));
    }

    #[test]
    fn an_event_without_end_is_refused() {
        let mut blocks = BlockSplitter::after("");
        let line = b"data: x\n".repeat(1024);
        let fits = (0..BLOCK_MAX / line.len()).all(|_| blocks.take(&line, |_, _| {}).is_ok());
        assert!(fits && blocks.take(&line, |_, _| {}).is_err());
    }
}
