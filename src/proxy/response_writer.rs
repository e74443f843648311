//! The response on its way to the client.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use socket2::SockRef;

use super::outcome::{BROKE_OFF, ENDED, EndedBy, RESET, RelayOutcome};
use super::response::Framing;
use crate::http::chunk::{self, LAST_CHUNK};
use crate::impair::BodyEnd;
use crate::server::connection::Connection;
use crate::server::service::ConnectionState;
use crate::server::socket_io;

/// Most bytes of a body that are written at once. The client has the whole write timeout for each such part of what
/// comes in one lump.
const PART: usize = 1024 * 1024;

/// Writes a response to the client.
pub(super) struct ResponseWriter<'a> {
    pub(super) connection: &'a Arc<Connection>,
    pub(super) framing: Framing,
    /// The head, until it is sent with whatever is sent first.
    pub(super) pending: Vec<u8>,
    /// Where the bytes of the body are counted.
    pub(super) bytes: &'a mut u64,
}

impl ResponseWriter<'_> {
    /// Sends the head by itself.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.write(&[])
    }

    /// Sends a part of the body, in one write and one chunk if it is no larger than [`PART`].
    pub(super) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        bytes.chunks(PART).try_for_each(|part| self.send_part(part))
    }

    fn send_part(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self.framing {
            Framing::Chunked => self.write(chunk::Piece::of(|out| out.extend_from_slice(bytes)).chunk())?,
            _ => self.write(bytes)?,
        }
        *self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Sends parts of the body that many get, in one write, each in a chunk of its own.
    pub(super) fn send_pieces(&mut self, pieces: &[Arc<chunk::Piece>]) -> io::Result<()> {
        let is_chunked = self.framing == Framing::Chunked;
        let joined: Vec<u8>;
        let all = match pieces {
            [piece] => framed(piece, is_chunked),
            pieces => {
                joined = pieces.iter().map(|piece| framed(piece, is_chunked)).collect::<Vec<_>>().concat();
                &joined
            }
        };
        self.write(all)?;
        *self.bytes += pieces.iter().map(|piece| piece.payload().len() as u64).sum::<u64>();
        Ok(())
    }

    /// Ends the response as the target's ended, as far as the framing can say so.
    pub(super) fn end(&mut self, ending: BodyEnd) -> io::Result<RelayOutcome> {
        let complete = match self.framing {
            Framing::Length(length) => *self.bytes == length,
            _ => true,
        };
        let (reason, after) = match (ending, self.framing) {
            (BodyEnd::Clean, Framing::Chunked) => {
                self.write(LAST_CHUNK)?;
                (ENDED, ConnectionState::Complete)
            }
            (BodyEnd::Clean, Framing::Close) => {
                self.flush()?;
                (ENDED, ConnectionState::Last)
            }
            (BodyEnd::Clean, _) if complete => {
                self.flush()?;
                (ENDED, ConnectionState::Complete)
            }
            // Where the end of the connection is that of the body, nothing but a reset says that it is too early.
            (BodyEnd::Truncated, Framing::Close) => (BROKE_OFF, self.reset()),
            (BodyEnd::Clean | BodyEnd::Truncated, _) => {
                self.flush()?;
                (BROKE_OFF, ConnectionState::Broken)
            }
            (BodyEnd::Reset, _) => (RESET, self.reset()),
        };
        Ok(RelayOutcome { by: EndedBy::Target, reason: reason.to_owned(), after })
    }

    /// Makes the close of the connection a reset.
    fn reset(&self) -> ConnectionState {
        if let Err(error) = SockRef::from(&self.connection.stream).set_linger(Some(Duration::ZERO)) {
            log::warn!("reset the connection of {}: {error}", self.connection.peer);
        }
        ConnectionState::Broken
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.pending.is_empty() {
            return if bytes.is_empty() { Ok(()) } else { socket_io::write(&self.connection.stream, bytes) };
        }
        let mut pending = std::mem::take(&mut self.pending);
        pending.extend_from_slice(bytes);
        socket_io::write(&self.connection.stream, &pending)
    }
}

fn framed(piece: &chunk::Piece, is_chunked: bool) -> &[u8] {
    if is_chunked { piece.chunk() } else { piece.payload() }
}
