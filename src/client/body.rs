//! Bodies of responses, read as they come.

use std::io::{ErrorKind, Read};
use std::time::Instant;

use ureq::BodyReader;

use super::wire::Trace;

/// How a response's body ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// As its framing says. A close-delimited body has no other end than that of the connection; over TLS, that end is
    /// one only with a closing alert.
    Clean,
    /// Before its framing says.
    Truncated,
    /// By a reset.
    Reset,
    /// By us.
    Stopped,
    /// By another failure.
    Failed(String),
}

/// What a read of the body brings.
#[derive(Debug)]
pub enum Arrival {
    /// Bytes of the body, with the time when the read from the socket that brought the last of them returned.
    Bytes(Instant, Vec<u8>),
    /// The end, with the time when it was noticed.
    End(Instant, Ending),
}

/// A body that is read as it comes.
pub struct Body {
    pub(super) reader: BodyReader<'static>,
    pub(super) trace: Trace,
    pub(super) buffer: Vec<u8>,
    /// How large the buffer may become.
    pub(super) most: usize,
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Body").finish_non_exhaustive()
    }
}

impl Body {
    /// Waits for more of the body, or its end, which is [`Ending::Stopped`] if the session's waiter leaves the wait.
    pub fn read(&mut self) -> Arrival {
        self.read_or_leave().unwrap_or_else(|| Arrival::End(Instant::now(), Ending::Stopped))
    }

    /// The same; none if the waiter leaves the wait. The next read goes on from there.
    pub fn read_or_leave(&mut self) -> Option<Arrival> {
        self.trace.events().left = false;
        let result = self.reader.read(&mut self.buffer);
        let now = Instant::now();
        let events = self.trace.events();
        let at = events.last_read.unwrap_or(now);
        match result {
            Ok(read) if read > 0 => {
                let bytes = self.buffer[..read].to_vec();
                if read == self.buffer.len() {
                    self.buffer.resize(self.most.min(2 * read), 0);
                }
                Some(Arrival::Bytes(at, bytes))
            }
            Err(_) if events.left => None,
            result => Some(Arrival::End(at, ending(result.err(), events.broken.as_ref()))),
        }
    }
}

/// How a body ended, by what ureq says of it and what was seen on the socket.
fn ending(error: Option<std::io::Error>, broken: Option<&(ErrorKind, String)>) -> Ending {
    match (broken, error) {
        (Some((ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted, _)), _) => Ending::Reset,
        (Some((ErrorKind::UnexpectedEof, _)), _) => Ending::Truncated,
        (Some((_, text)), _) => Ending::Failed(text.clone()),
        (None, None) => Ending::Clean,
        (None, Some(error)) if error.kind() == ErrorKind::UnexpectedEof => Ending::Truncated,
        (None, Some(error)) => Ending::Failed(error.to_string()),
    }
}
