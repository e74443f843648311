//! An incremental decoder of event streams, to the letter of WHATWG HTML, section 9.2.6
//! (<https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation>).
//!
//! Bytes go in as they come, cut anywhere; items come out as soon as the byte that completes them is there.

use std::fmt;

use super::scanner::{BOM, BlockScanner, Boundary};

/// Longest line that is decoded, unless another limit is set. Longer ones are an error, so that a stream without line
/// breaks can't fill the memory.
pub const LINE_MAX: usize = 16 * 1024 * 1024;

/// An event as a client's script gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The event's type; `message` unless the block named another.
    pub event: String,
    /// The data, lines joined by LF.
    pub data: String,
    /// The last event ID, which may come from an earlier block.
    pub last_event_id: String,
}

/// What a stream holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// An event was dispatched.
    Event(Message),
    /// A comment line, without its colon.
    Comment(String),
    /// A new reconnection time in milliseconds.
    Retry(u64),
}

/// An item with its place: offsets of bytes since the start of the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// What it is.
    pub item: Item,
    /// Where its block, or its line, begins.
    pub start: u64,
    /// Behind the byte that completed it.
    pub end: u64,
}

/// A line, or the data of an event, is longer than the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong {
    /// The limit in bytes.
    pub limit: usize,
    /// Where the line, or the data of its event, begins.
    pub start: u64,
}

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the event at byte {} is longer than {} bytes; is this an event stream?", self.start, self.limit)
    }
}

impl std::error::Error for TooLong {}

/// The decoder's state between two feeds.
#[derive(Debug)]
pub struct Decoder {
    limit: usize,
    /// Bytes fed so far.
    offset: u64,
    /// The unfinished line.
    line: Vec<u8>,
    /// Where it begins.
    line_start: u64,
    /// Where the first field of the unfinished block begins.
    block_start: Option<u64>,
    scanner: BlockScanner,
    /// No line has ended yet: "one leading U+FEFF BYTE ORDER MARK character must be ignored if any are present".
    at_first_line: bool,
    data: String,
    event: String,
    /// The last event ID buffer: it takes effect at the end of the block.
    id: String,
    last_event_id: String,
}

impl Default for Decoder {
    fn default() -> Decoder {
        Decoder::new(LINE_MAX)
    }
}

impl Decoder {
    /// A decoder at the start of a stream, for lines and events of at most `limit` bytes.
    pub fn new(limit: usize) -> Decoder {
        Decoder {
            limit,
            offset: 0,
            line: Vec::new(),
            line_start: 0,
            block_start: None,
            scanner: BlockScanner::default(),
            at_first_line: true,
            data: String::new(),
            event: String::new(),
            id: String::new(),
            last_event_id: String::new(),
        }
    }

    /// A decoder of a stream that continues another, whose last event ID holds until this one sends its own.
    pub fn resuming(last_event_id: &str) -> Decoder {
        Decoder { id: last_event_id.to_owned(), last_event_id: last_event_id.to_owned(), ..Decoder::default() }
    }

    /// The last event ID, with which a client would reconnect. Complete blocks that hold nothing but an id count, too.
    pub fn last_event_id(&self) -> &str {
        &self.last_event_id
    }

    /// Takes the next bytes, as far as the iterator is driven: it gives what they complete, in order.
    ///
    /// What is incomplete at the end of the stream is never given: "Once the end of the file is reached, any pending data
    /// must be discarded." After a [`TooLong`], for a line or the data of one event beyond the limit, the decoder is of no
    /// use.
    pub fn feed<'d>(&'d mut self, bytes: &'d [u8]) -> Items<'d> {
        Items { decoder: self, rest: bytes }
    }

    /// Takes bytes from the front of `rest` until they complete an item, or all of them.
    ///
    /// # Errors
    /// [`TooLong`]. The decoder is of no use after it.
    pub(crate) fn next_item(&mut self, rest: &mut &[u8]) -> Result<Option<Decoded>, TooLong> {
        while !rest.is_empty() {
            let step = self.scanner.next_line(rest);
            if self.line.is_empty() {
                self.line_start = self.offset;
            }
            self.check(self.line.len() + step.content.len())?;
            self.line.extend_from_slice(step.content);
            self.offset += step.len as u64;
            *rest = &rest[step.len..];
            let item = match step.boundary {
                Boundary::None => None,
                Boundary::Line => self.end_line()?,
                Boundary::BlankLine | Boundary::Block => self.end_block(),
            };
            if item.is_some() {
                return Ok(item);
            }
        }
        Ok(None)
    }

    fn check(&self, len: usize) -> Result<(), TooLong> {
        let start = self.block_start.unwrap_or(self.line_start);
        if len > self.limit { Err(TooLong { limit: self.limit, start }) } else { Ok(()) }
    }

    fn end_line(&mut self) -> Result<Option<Decoded>, TooLong> {
        let mut bytes = std::mem::take(&mut self.line);
        let start = self.line_start;
        let content = if std::mem::take(&mut self.at_first_line) { strip_bom(&bytes) } else { &bytes };
        // Line breaks are ASCII and never part of another character, so that decoding line by line gives what decoding
        // the stream as a whole would.
        let line = String::from_utf8_lossy(content);
        let item = match line.strip_prefix(':') {
            Some(comment) => Some(Item::Comment(comment.to_owned())),
            None => self.field(&line, start)?.map(Item::Retry),
        };
        bytes.clear();
        self.line = bytes;
        Ok(item.map(|item| Decoded { item, start, end: self.offset }))
    }

    /// Processes the field on a line; returns a reconnection time if that is what it sets.
    fn field(&mut self, line: &str, start: u64) -> Result<Option<u64>, TooLong> {
        self.block_start.get_or_insert(start);
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        // "If value starts with a U+0020 SPACE character, remove it from value."
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "event" => value.clone_into(&mut self.event),
            "data" => {
                self.check(self.data.len() + value.len())?;
                self.data.push_str(value);
                self.data.push('\n');
            }
            // "If the field value does not contain U+0000 NULL, then set the last event ID buffer to the field value.
            // Otherwise, ignore the field."
            "id" if !value.contains('\0') => value.clone_into(&mut self.id),
            // "If the field value consists of only ASCII digits". One that is too large for any wait stays a number.
            "retry" if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) => {
                return Ok(Some(value.parse().unwrap_or(u64::MAX)));
            }
            _ => {}
        }
        Ok(None)
    }

    /// Dispatches the event, if the block holds one.
    fn end_block(&mut self) -> Option<Decoded> {
        self.line.clear();
        self.at_first_line = false;
        let start = self.block_start.take().unwrap_or(self.offset);
        self.last_event_id.clone_from(&self.id);
        let mut data = std::mem::take(&mut self.data);
        let event = std::mem::take(&mut self.event);
        // "If the data buffer is an empty string, set the data buffer and the event type buffer to the empty string and
        // return." An empty data field leaves its line break there.
        data.pop()?;
        let event = if event.is_empty() { "message".to_owned() } else { event };
        let message = Message { event, data, last_event_id: self.last_event_id.clone() };
        Some(Decoded { item: Item::Event(message), start, end: self.offset })
    }
}

/// What some bytes complete.
#[derive(Debug)]
pub struct Items<'d> {
    decoder: &'d mut Decoder,
    rest: &'d [u8],
}

impl Iterator for Items<'_> {
    type Item = Result<Decoded, TooLong>;

    fn next(&mut self) -> Option<Result<Decoded, TooLong>> {
        let item = self.decoder.next_item(&mut self.rest).transpose();
        if matches!(item, Some(Err(_))) {
            self.rest = &[];
        }
        item
    }
}

fn strip_bom(line: &[u8]) -> &[u8] {
    line.strip_prefix(BOM).unwrap_or(line)
}

#[cfg(test)]
mod tests;
