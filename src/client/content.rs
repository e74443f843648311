//! Content codings, undone as the bytes come.

use std::fmt;
use std::io::Write;
use std::time::Instant;

use flate2::write::MultiGzDecoder;

use super::body::{Arrival, Ending};
use super::head::Head;
use crate::escape::shortened;
use crate::verdict::{Finding, Id};

/// How much of an unknown coding's name is shown, in characters.
const CODING_MAX: usize = 60;

/// A body's content coding.
pub enum Content {
    /// None.
    Identity,
    /// gzip, of one member or several.
    Gzip(Box<Gzip>),
}

/// The state of a gzip decoder.
pub struct Gzip {
    decoder: MultiGzDecoder<Vec<u8>>,
    begun: bool,
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Content::Identity => "Identity",
            Content::Gzip(_) => "Gzip",
        })
    }
}

/// Why a body can't be decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContentError {
    /// There is a content coding other than gzip.
    Unknown(String),
    /// The data are not gzip.
    Corrupt(String),
    /// The end of the data is missing, or their checksum is wrong.
    Incomplete,
}

impl fmt::Display for ContentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ContentError::Unknown(coding) => {
                write!(f, "the content encoding is \"{}\", not gzip", shortened(coding, CODING_MAX))
            }
            ContentError::Corrupt(text) => write!(f, "the gzip data are corrupt: {text}"),
            ContentError::Incomplete => f.write_str("the gzip data are incomplete, or their checksum is wrong"),
        }
    }
}

impl std::error::Error for ContentError {}

/// A read of a body, its content coding undone.
#[derive(Debug)]
pub struct ContentRead {
    /// When it came.
    pub at: Instant,
    /// What could be decoded.
    pub bytes: Vec<u8>,
    /// The end, if nothing follows.
    pub end: Option<ContentEnd>,
}

/// How decoded content ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContentEnd {
    /// As the body did.
    Body(Ending),
    /// It can't be decoded, or not to its end.
    Undecodable(ContentError),
}

impl ContentError {
    /// The same as a finding, fit for a terminal.
    pub fn finding(&self) -> Finding {
        Finding::new(Id::ContentEncoding, self.to_string())
    }
}

impl Content {
    /// The coding that a response says it has.
    ///
    /// # Errors
    /// [`ContentError::Unknown`] for one that was not asked for.
    pub fn of(head: &Head) -> Result<Content, ContentError> {
        let coding = head.header("content-encoding").unwrap_or_default().trim();
        match coding.to_ascii_lowercase().as_str() {
            "" | "identity" => Ok(Content::Identity),
            // "A recipient SHOULD consider "x-gzip" to be equivalent to "gzip"" (RFC 9110, section 8.4.1.3).
            "gzip" | "x-gzip" => Ok(Content::gzip()),
            _ => Err(ContentError::Unknown(coding.to_owned())),
        }
    }

    /// A read of the body, decoded without holding anything back.
    pub fn read(&mut self, arrival: Arrival) -> ContentRead {
        match arrival {
            Arrival::Bytes(at, bytes) => {
                let (bytes, decoded) = self.decode(bytes);
                ContentRead { at, bytes, end: decoded.err().map(ContentEnd::Undecodable) }
            }
            Arrival::End(at, Ending::Clean) => {
                let whole = std::mem::replace(self, Content::Identity).finish();
                let end = whole.map_or_else(ContentEnd::Undecodable, |()| ContentEnd::Body(Ending::Clean));
                ContentRead { at, bytes: Vec::new(), end: Some(end) }
            }
            Arrival::End(at, ending) => ContentRead { at, bytes: Vec::new(), end: Some(ContentEnd::Body(ending)) },
        }
    }

    pub(super) fn gzip() -> Content {
        Content::Gzip(Box::new(Gzip { decoder: MultiGzDecoder::new(Vec::new()), begun: false }))
    }

    /// All that can be decoded with these bytes and those before, without holding anything back.
    ///
    /// # Errors
    /// [`ContentError::Corrupt`], with what could be decoded before that.
    pub fn decode(&mut self, bytes: Vec<u8>) -> (Vec<u8>, Result<(), ContentError>) {
        let Content::Gzip(gzip) = self else { return (bytes, Ok(())) };
        gzip.begun |= !bytes.is_empty();
        let fed = gzip.decoder.write_all(&bytes).and_then(|()| gzip.decoder.flush());
        if fed.is_err() {
            // What was decoded before the error is still in the decoder, which passes it on at the next write.
            let _ = gzip.decoder.write(&[0]);
        }
        let decoded = std::mem::take(gzip.decoder.get_mut());
        (decoded, fed.map_err(|error| ContentError::Corrupt(error.to_string())))
    }

    /// Whether what came was whole.
    ///
    /// # Errors
    /// [`ContentError::Incomplete`].
    pub fn finish(self) -> Result<(), ContentError> {
        match self {
            Content::Gzip(gzip) if gzip.begun => gzip.decoder.finish().map(drop).map_err(|_| ContentError::Incomplete),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, GzBuilder};

    /// A member that is flushed behind each part.
    fn member(parts: &[&[u8]]) -> Vec<u8> {
        let mut encoder = GzBuilder::new().filename("name").write(Vec::new(), Compression::default());
        for part in parts {
            encoder.write_all(part).unwrap();
            encoder.flush().unwrap();
        }
        encoder.finish().unwrap()
    }

    #[test]
    fn members_cut_anywhere_are_decoded() {
        let stream = [member(&[b"data: 1\n\n", b"data: 2\n\n"]), member(&[]), member(&[b"data: 3\n\n"])].concat();
        for first in 0..stream.len() {
            for second in [first, first + 1, first + 7, stream.len()] {
                let second = second.min(stream.len());
                let mut content = Content::gzip();
                let mut decoded = Vec::new();
                for piece in [&stream[..first], &stream[first..second], &stream[second..]] {
                    let (bytes, fed) = content.decode(piece.to_vec());
                    assert_eq!(fed, Ok(()), "cut at {first} and {second}");
                    decoded.extend(bytes);
                }
                assert_eq!(decoded, b"data: 1\n\ndata: 2\n\ndata: 3\n\n", "cut at {first} and {second}");
                assert_eq!(content.finish(), Ok(()), "cut at {first} and {second}");
            }
        }
    }

    #[test]
    fn flushed_data_come_out_at_once_byte_by_byte() {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Compression::default());
        let mut content = Content::gzip();
        for part in [b"data: 1\n\n", b"data: 2\n\n"] {
            encoder.write_all(part).unwrap();
            encoder.flush().unwrap();
            let bytes = std::mem::take(encoder.get_mut());
            let decoded: Vec<u8> = bytes.into_iter().flat_map(|byte| content.decode(vec![byte]).0).collect();
            assert_eq!(decoded, part);
        }
        assert_eq!(content.finish(), Err(ContentError::Incomplete));
    }

    #[test]
    fn what_is_no_gzip_is_corrupt_and_nothing_is_whole() {
        let mut content = Content::gzip();
        assert!(matches!(content.decode(b"data: 1234\n\n".to_vec()).1, Err(ContentError::Corrupt(_))));
        let mut stream = member(&[b"data: 1\n\n"]);
        let broken = stream.len() - 6;
        stream[broken] ^= 1;
        let mut content = Content::gzip();
        assert_eq!(content.decode(stream), (b"data: 1\n\n".to_vec(), Ok(())));
        assert_eq!(content.finish(), Err(ContentError::Incomplete));
        assert_eq!(Content::gzip().finish(), Ok(()));
    }

    #[test]
    fn what_came_before_corrupt_data_is_decoded() {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(b"data: 1\n\n").unwrap();
        encoder.flush().unwrap();
        // A block of the reserved type.
        let stream = [encoder.get_ref().as_slice(), &[0xff; 9]].concat();
        let (decoded, fed) = Content::gzip().decode(stream);
        assert!(matches!(fed, Err(ContentError::Corrupt(_))), "{fed:?}");
        assert_eq!(decoded, b"data: 1\n\n");
    }
}
