//! The body of a request, read on the connection's own thread from the public socket, within a limit.

use std::time::{Duration, Instant};

use super::inbox::{Inbox, is_timeout};
use crate::http::Refusal;
use crate::http::chunk::{ChunkError, Decoder};
use crate::http::request::{BodyLength, HEAD_MAX, Screened};

/// Longest body of a route that sets no limit of its own, in bytes.
pub(crate) const BODY_LIMIT: usize = 64 * 1024;
/// What chunk framing may take beside the payload, in bytes.
const FRAMING_MAX: usize = HEAD_MAX;

/// Why a body can't be read.
#[derive(Debug)]
pub(crate) enum BodyError {
    /// There is nobody to answer.
    Silence,
    /// The body is answered with a refusal.
    Refused(Refusal),
}

impl From<Refusal> for BodyError {
    fn from(refusal: Refusal) -> BodyError {
        BodyError::Refused(refusal)
    }
}

/// How the body that has yet to be read is delimited.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unread {
    length: BodyLength,
    expects_continue: bool,
}

impl Unread {
    /// The body of a request with this head; none if there is no body.
    pub(crate) fn of(head: &Screened) -> Option<Unread> {
        let Screened { body: length, expects_continue, .. } = *head;
        (length != BodyLength::Bytes(0)).then_some(Unread { length, expects_continue })
    }
}

/// The body of one request.
#[derive(Debug)]
pub(crate) struct RequestBody<'a> {
    pub(super) inbox: &'a mut Inbox,
    /// None once it was read, or can't be.
    pub(super) unread: &'a mut Option<Unread>,
    /// Most bytes of it.
    pub(super) limit: usize,
    /// How long it may take.
    pub(super) timeout: Duration,
}

impl RequestBody<'_> {
    /// Reads it to its end. A second call gets nothing.
    ///
    /// # Errors
    /// A [`BodyError`] when it is malformed, late, or larger than the limit.
    pub(crate) fn read_to_end(&mut self) -> Result<Vec<u8>, BodyError> {
        let Some(Unread { length, expects_continue }) = self.unread.take() else { return Ok(Vec::new()) };
        if matches!(length, BodyLength::Bytes(length) if length > self.limit as u64) {
            return Err(too_large(self.limit).into());
        }
        if expects_continue && self.inbox.is_empty() {
            self.inbox.write(b"HTTP/1.1 100 Continue\r\n\r\n").map_err(|_| BodyError::Silence)?;
        }
        let deadline = Instant::now() + self.timeout;
        let mut chunks = Decoder::default();
        loop {
            if let Some(used) = complete(self.inbox.bytes(), length, &mut chunks, self.limit)? {
                let wire = self.inbox.take(used);
                return Ok(if length == BodyLength::Chunked { chunks.body } else { wire });
            }
            match self.inbox.read(deadline) {
                Ok(0) => return Err(Refusal::new(400, "the request body ends early").into()),
                Ok(_) => {}
                Err(error) if is_timeout(&error) => {
                    return Err(Refusal::new(408, "the request body took too long").into());
                }
                Err(_) => return Err(BodyError::Silence),
            }
        }
    }
}

/// How much of `inbox` the body takes, once it is complete.
fn complete(inbox: &[u8], length: BodyLength, chunks: &mut Decoder, limit: usize) -> Result<Option<usize>, Refusal> {
    if let BodyLength::Bytes(length) = length {
        return Ok(Some(length as usize).filter(|length| *length <= inbox.len()));
    }
    match chunks.decode(inbox, limit) {
        Ok(None) if inbox.len() >= limit + FRAMING_MAX => {
            Err(Refusal::new(413, "the chunks of the request body are too small: send fewer, larger ones"))
        }
        Ok(used) => Ok(used),
        Err(ChunkError::TooLarge) => Err(too_large(limit)),
        Err(ChunkError::Malformed) => Err(Refusal::new(400, "malformed chunked request body")),
    }
}

/// The refusal of a body beyond `limit`.
fn too_large(limit: usize) -> Refusal {
    Refusal::new(413, format!("request body larger than {limit} bytes"))
}
