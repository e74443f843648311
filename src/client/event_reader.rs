//! Bodies that are event streams: the content coding undone, the events decoded, each with its place and its time.

use std::fmt;
use std::time::Instant;

use super::body::{Arrival, Ending};
use super::content::{Content, ContentEnd, ContentError, ContentRead};
use super::head::Head;
use crate::sse::Decoder;
use crate::sse::decoder::{Decoded, TooLong};

/// Decodes a body as it comes.
#[derive(Debug)]
pub struct EventReader {
    content: Content,
    decoder: Decoder,
    body_bytes: u64,
    content_bytes: u64,
}

/// A read of an event stream: an iterator over what it completes.
#[derive(Debug)]
pub struct EventRead<'a> {
    /// When it came.
    pub at: Instant,
    /// Bytes of the body that it brought; 0 if it is the end.
    pub len: usize,
    /// Bytes of the body so far, this read included.
    pub body_bytes: u64,
    /// The same without the content coding. The places of events are among these.
    pub content_bytes: u64,
    content: Vec<u8>,
    taken: usize,
    decoder: &'a mut Decoder,
    end: Option<StreamEnd>,
}

/// How an event stream ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamEnd {
    /// As its body did.
    Body(Ending),
    /// Its body ended cleanly in the middle of its content coding.
    Incomplete(ContentError),
    /// It can't be decoded.
    Undecodable(DecodeError),
}

/// Why a body can't be decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DecodeError {
    /// The content coding is broken.
    Content(ContentError),
    /// It is not an event stream.
    TooLong(TooLong),
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DecodeError::Content(error) => error.fmt(f),
            DecodeError::TooLong(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for DecodeError {}

impl EventReader {
    /// A reader of content in this coding that continues a stream after the event with the id `last_event_id`.
    pub fn resuming(content: Content, last_event_id: &str) -> EventReader {
        EventReader { content, decoder: Decoder::resuming(last_event_id), body_bytes: 0, content_bytes: 0 }
    }

    /// A reader of the body after `head`.
    ///
    /// # Errors
    /// A [`ContentError`] for a content coding that was not asked for.
    pub fn of(head: &Head) -> Result<EventReader, ContentError> {
        Ok(EventReader::resuming(Content::of(head)?, ""))
    }

    /// The last event ID, with which a client would reconnect.
    pub fn last_event_id(&self) -> &str {
        self.decoder.last_event_id()
    }

    /// Takes what came of the body. The result has to be driven to its end.
    pub fn read(&mut self, arrival: Arrival) -> EventRead<'_> {
        let len = match &arrival {
            Arrival::Bytes(_, bytes) => bytes.len(),
            Arrival::End(..) => 0,
        };
        let ContentRead { at, bytes: content, end } = self.content.read(arrival);
        self.body_bytes += len as u64;
        self.content_bytes += content.len() as u64;
        let end = end.map(|end| match end {
            ContentEnd::Body(ending) => StreamEnd::Body(ending),
            ContentEnd::Undecodable(error @ ContentError::Incomplete) => StreamEnd::Incomplete(error),
            ContentEnd::Undecodable(error) => StreamEnd::Undecodable(DecodeError::Content(error)),
        });
        let (body_bytes, content_bytes) = (self.body_bytes, self.content_bytes);
        EventRead { at, len, body_bytes, content_bytes, content, taken: 0, decoder: &mut self.decoder, end }
    }
}

impl Iterator for EventRead<'_> {
    type Item = Decoded;

    fn next(&mut self) -> Option<Decoded> {
        let mut rest = &self.content[self.taken..];
        let item = self.decoder.next_item(&mut rest);
        self.taken = self.content.len() - rest.len();
        item.unwrap_or_else(|error| {
            self.taken = self.content.len();
            self.end = Some(StreamEnd::Undecodable(DecodeError::TooLong(error)));
            None
        })
    }
}

impl EventRead<'_> {
    /// Takes what has not been taken yet, and returns how the stream ended if nothing follows.
    pub fn end(mut self) -> Option<StreamEnd> {
        self.by_ref().for_each(drop);
        self.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sse::decoder::Item;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write;

    fn data(read: &mut EventRead<'_>) -> Vec<(String, u64)> {
        let event = |decoded: Decoded| match decoded.item {
            Item::Event(message) => Some((message.data, decoded.end)),
            _ => None,
        };
        read.filter_map(event).collect()
    }

    #[test]
    fn events_have_the_time_of_their_read_and_their_place_in_the_content() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(b"data: a\n\n: c\n").unwrap();
        encoder.flush().unwrap();
        let first = std::mem::take(encoder.get_mut());
        encoder.write_all(b"data: b\n\n").unwrap();
        let second = encoder.finish().unwrap();
        let at = Instant::now();
        let mut reader = EventReader::resuming(Content::gzip(), "");
        let mut read = reader.read(Arrival::Bytes(at, first.clone()));
        assert_eq!((read.at, read.len, read.body_bytes, read.content_bytes), (at, first.len(), first.len() as u64, 13));
        assert_eq!(data(&mut read), [("a".to_owned(), 9)]);
        assert_eq!(read.end(), None);
        assert_eq!(data(&mut reader.read(Arrival::Bytes(at, second))), [("b".to_owned(), 22)]);
        assert_eq!(reader.read(Arrival::End(at, Ending::Clean)).end(), Some(StreamEnd::Body(Ending::Clean)));
    }

    #[test]
    fn what_cannot_be_decoded_or_is_not_whole_ends_the_stream() {
        let now = Instant::now();
        let mut reader = EventReader::resuming(Content::gzip(), "");
        let end = reader.read(Arrival::Bytes(now, b"data: 1234\n\n".to_vec())).end();
        assert!(matches!(end, Some(StreamEnd::Undecodable(DecodeError::Content(_)))), "{end:?}");
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.flush().unwrap();
        let mut reader = EventReader::resuming(Content::gzip(), "");
        assert_eq!(reader.read(Arrival::Bytes(now, encoder.get_ref().clone())).end(), None);
        let end = reader.read(Arrival::End(now, Ending::Clean)).end();
        assert_eq!(end, Some(StreamEnd::Incomplete(ContentError::Incomplete)));
        let mut reader = EventReader::resuming(Content::Identity, "");
        let endless = vec![b'x'; crate::sse::decoder::LINE_MAX + 1];
        let end = reader.read(Arrival::Bytes(now, endless)).end();
        assert!(matches!(end, Some(StreamEnd::Undecodable(DecodeError::TooLong(_)))), "{end:?}");
    }
}
