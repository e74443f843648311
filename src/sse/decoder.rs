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

    /// Takes the next bytes, and passes what they complete to `sink`, in order.
    ///
    /// What is incomplete at the end of the stream is never passed on: "Once the end of the file is reached, any
    /// pending data must be discarded."
    ///
    /// # Errors
    /// [`TooLong`] for a line, or the data of one event, beyond the limit. The decoder is of no use behind it.
    pub fn feed(&mut self, bytes: &[u8], mut sink: impl FnMut(Decoded)) -> Result<(), TooLong> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let step = self.scanner.next_line(rest);
            if self.line.is_empty() {
                self.line_start = self.offset;
            }
            self.check(self.line.len() + step.content.len())?;
            self.line.extend_from_slice(step.content);
            self.offset += step.len as u64;
            rest = &rest[step.len..];
            match step.boundary {
                Boundary::None => {}
                Boundary::Line => self.end_line(&mut sink)?,
                Boundary::BlankLine | Boundary::Block => self.end_block(&mut sink),
            }
        }
        Ok(())
    }

    fn check(&self, len: usize) -> Result<(), TooLong> {
        let start = self.block_start.unwrap_or(self.line_start);
        if len > self.limit { Err(TooLong { limit: self.limit, start }) } else { Ok(()) }
    }

    fn end_line(&mut self, sink: &mut impl FnMut(Decoded)) -> Result<(), TooLong> {
        let mut bytes = std::mem::take(&mut self.line);
        let start = self.line_start;
        let content = if std::mem::take(&mut self.at_first_line) { strip_bom(&bytes) } else { &bytes };
        // Line breaks are ASCII and never part of another character, so that decoding line by line gives what decoding
        // the stream as a whole would.
        let line = String::from_utf8_lossy(content);
        if let Some(comment) = line.strip_prefix(':') {
            sink(Decoded { item: Item::Comment(comment.to_owned()), start, end: self.offset });
        } else {
            self.block_start.get_or_insert(start);
            let (name, value) = line.split_once(':').unwrap_or((&line, ""));
            // "If value starts with a U+0020 SPACE character, remove it from value."
            let value = value.strip_prefix(' ').unwrap_or(value);
            if name == "data" {
                self.check(self.data.len() + value.len())?;
            }
            if let Some(retry) = self.field(name, value) {
                sink(Decoded { item: Item::Retry(retry), start, end: self.offset });
            }
        }
        bytes.clear();
        self.line = bytes;
        Ok(())
    }

    /// Processes a field; returns a reconnection time if that is what it sets.
    fn field(&mut self, name: &str, value: &str) -> Option<u64> {
        match name {
            "event" => value.clone_into(&mut self.event),
            "data" => {
                self.data.push_str(value);
                self.data.push('\n');
            }
            // "If the field value does not contain U+0000 NULL, then set the last event ID buffer to the field value.
            // Otherwise, ignore the field."
            "id" if !value.contains('\0') => value.clone_into(&mut self.id),
            // "If the field value consists of only ASCII digits". One that is too large for any wait stays a number.
            "retry" if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) => {
                return Some(value.parse().unwrap_or(u64::MAX));
            }
            _ => {}
        }
        None
    }

    /// Dispatches the event, if the block holds one.
    fn end_block(&mut self, sink: &mut impl FnMut(Decoded)) {
        self.line.clear();
        self.at_first_line = false;
        let start = self.block_start.take().unwrap_or(self.offset);
        self.last_event_id.clone_from(&self.id);
        let mut data = std::mem::take(&mut self.data);
        let event = std::mem::take(&mut self.event);
        // "If the data buffer is an empty string, set the data buffer and the event type buffer to the empty string and
        // return." An empty data field leaves its line break there.
        if data.pop().is_none() {
            return;
        }
        let event = if event.is_empty() { "message".to_owned() } else { event };
        let message = Message { event, data, last_event_id: self.last_event_id.clone() };
        sink(Decoded { item: Item::Event(message), start, end: self.offset });
    }
}

fn strip_bom(line: &[u8]) -> &[u8] {
    line.strip_prefix(BOM).unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The items of a stream that comes in `pieces`.
    fn items<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Decoded> {
        let mut decoder = Decoder::default();
        let mut items = Vec::new();
        for piece in pieces {
            decoder.feed(piece, |item| items.push(item)).unwrap();
        }
        items
    }

    fn message(event: &str, data: &str, id: &str) -> Item {
        Item::Event(Message { event: event.to_owned(), data: data.to_owned(), last_event_id: id.to_owned() })
    }

    fn data(data: &str) -> Item {
        message("message", data, "")
    }

    fn comment(text: &str) -> Item {
        Item::Comment(text.to_owned())
    }

    /// What the standard says, an input with LF line endings for each sentence.
    fn cases() -> Vec<(&'static str, Vec<Item>)> {
        vec![
            ("data: a\n\n", vec![data("a")]),
            ("data: a\ndata: b\n\n", vec![data("a\nb")]),
            ("data:a\n\n", vec![data("a")]),
            ("data:  a\n\n", vec![data(" a")]),
            ("data:\ta\n\n", vec![data("\ta")]),
            ("data\n\n", vec![data("")]),
            ("data:\n\n", vec![data("")]),
            ("data\ndata\n\n", vec![data("\n")]),
            ("data: a: b\n\n", vec![data("a: b")]),
            ("Data: a\n\n", vec![]),
            (" data: a\n\n", vec![]),
            ("data : a\n\n", vec![]),
            ("nonsense: a\ndata: b\n\n", vec![data("b")]),
            ("\n\n\ndata: a\n\n\n", vec![data("a")]),
            ("event: x\ndata: a\n\ndata: b\n\n", vec![message("x", "a", ""), data("b")]),
            ("event: x\n\ndata: b\n\n", vec![data("b")]),
            ("event: x\nevent\ndata: a\n\n", vec![data("a")]),
            ("event: x\nevent: y\ndata: a\n\n", vec![message("y", "a", "")]),
            ("id: 1\ndata: a\n\ndata: b\n\n", vec![message("message", "a", "1"), message("message", "b", "1")]),
            ("id: 1\n\ndata: a\n\n", vec![message("message", "a", "1")]),
            ("id: 1\n\nid\ndata: a\n\n", vec![data("a")]),
            (
                "id: 1\ndata: a\n\nid: 2\0\ndata: b\n\n",
                vec![message("message", "a", "1"), message("message", "b", "1")],
            ),
            ("data: a\0b\n\n", vec![data("a\0b")]),
            ("retry: 1500\n\n", vec![Item::Retry(1500)]),
            ("retry: 0015\n", vec![Item::Retry(15)]),
            ("retry: 99999999999999999999\n", vec![Item::Retry(u64::MAX)]),
            ("retry: -1\nretry: 1.5\nretry: 1s\nretry:\nretry: \u{661}\nretry:  1\n", vec![]),
            (":\n: a\n:b\n\n", vec![comment(""), comment(" a"), comment("b")]),
            ("data: a\n: c\ndata: b\n\n", vec![comment(" c"), data("a\nb")]),
            ("data: a\n", vec![]),
            ("data: a", vec![]),
            ("data: \u{1f600}\n\n", vec![data("\u{1f600}")]),
            ("\u{feff}data: a\n\n", vec![data("a")]),
            ("\u{feff}\u{feff}data: a\n\n", vec![]),
            ("data: a\n\n\u{feff}data: b\n\n", vec![data("a")]),
            ("\u{feff}\ndata: a\n\n", vec![data("a")]),
        ]
    }

    #[test]
    fn every_sentence_of_the_standard_with_every_line_ending_in_every_split() {
        for (input, expected) in cases() {
            for ending in ["\n", "\r", "\r\n"] {
                let input = input.replace('\n', ending);
                let bytes = input.as_bytes();
                let plain = |items: Vec<Decoded>| items.into_iter().map(|item| item.item).collect::<Vec<_>>();
                assert_eq!(plain(items([bytes])), expected, "{input:?}");
                for size in [1, 2] {
                    assert_eq!(plain(items(bytes.chunks(size))), expected, "{input:?} by {size}");
                }
                for at in 0..bytes.len() {
                    assert_eq!(plain(items([&bytes[..at], &bytes[at..]])), expected, "{input:?} cut at {at}");
                }
            }
        }
    }

    #[test]
    fn a_blank_line_that_ends_in_a_bare_cr_dispatches_at_once() {
        let mut decoder = Decoder::default();
        let mut items = Vec::new();
        decoder.feed(b"data: a\r\r", |item| items.push(item)).unwrap();
        assert_eq!(items, [Decoded { item: data("a"), start: 0, end: 9 }]);
        decoder.feed(b"\ndata: b\r\n\r", |item| items.push(item)).unwrap();
        assert_eq!(items[1], Decoded { item: data("b"), start: 10, end: 20 });
    }

    #[test]
    fn mixed_line_endings() {
        let stream = b"data: a\r\ndata: b\rdata: c\n\rdata: d\n\r\n";
        let found: Vec<Item> = items([stream.as_slice()]).into_iter().map(|item| item.item).collect();
        assert_eq!(found, [data("a\nb\nc"), data("d")]);
    }

    #[test]
    fn invalid_utf8_is_replaced() {
        let stream = b"data: \xff\xe2\x82\n\n";
        assert_eq!(items([stream.as_slice()])[0].item, data("\u{fffd}\u{fffd}"));
    }

    #[test]
    fn an_id_takes_effect_with_its_blank_line() {
        let mut decoder = Decoder::resuming("0");
        decoder.feed(b"id: 1\n", |_| ()).unwrap();
        assert_eq!(decoder.last_event_id(), "0");
        decoder.feed(b"\n", |_| ()).unwrap();
        assert_eq!(decoder.last_event_id(), "1");
    }

    #[test]
    fn places_are_those_of_fields_not_comments() {
        let found = items([b": c\nid: 1\ndata: a\n\n: d\n".as_slice()]);
        let places: Vec<_> = found.iter().map(|item| (item.start, item.end)).collect();
        assert_eq!(places, [(0, 4), (4, 19), (19, 23)]);
    }

    #[test]
    fn what_is_too_long_is_an_error() {
        let mut decoder = Decoder::new(10);
        assert_eq!(decoder.feed(b"data: 6789\n\n", |_| ()), Ok(()));
        assert_eq!(decoder.feed(b"data: 67890", |_| ()), Err(TooLong { limit: 10, start: 12 }));
        let mut decoder = Decoder::new(10);
        assert_eq!(decoder.feed(b"data: 1234\ndata: 1234\ndata: 1234\n", |_| ()), Err(TooLong { limit: 10, start: 0 }));
    }

    #[test]
    fn other_fields_do_not_add_to_the_data() {
        let mut decoder = Decoder::new(12);
        let mut found = Vec::new();
        let fed = decoder.feed(b"data:1234567\nevent:abcdef\nid:123456789\n\n", |item| found.push(item.item));
        assert_eq!((fed, found), (Ok(()), vec![message("abcdef", "1234567", "123456789")]));
    }

    proptest::proptest! {
        /// Whatever comes, cut wherever: the same items as when it comes whole, with the same places.
        #[test]
        fn cuts_change_nothing(
            words in proptest::collection::vec(proptest::sample::select(vec![
                &b"data"[..], b"id", b"event", b"retry", b": ", b":", b" ", b"\r", b"\n", b"\r\n", b"1", b"x", b"\0",
                b"\xef\xbb\xbf", b"\xf0\x9f\x98\x80", b"\xff", b"\n\n",
            ]), 0..60),
            sizes in proptest::collection::vec(1_usize..9, 1..40),
        ) {
            let stream = words.concat();
            let mut pieces = Vec::new();
            let mut rest = stream.as_slice();
            for size in sizes.iter().cycle() {
                let (piece, behind) = rest.split_at(rest.len().min(*size));
                pieces.push(piece);
                rest = behind;
                if rest.is_empty() {
                    break;
                }
            }
            proptest::prop_assert_eq!(items(pieces), items([stream.as_slice()]));
        }
    }
}
