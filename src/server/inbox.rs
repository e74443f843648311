//! What a client sends: bytes that were read from its socket and are not yet used.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::connection::Connection;
use crate::http::Refusal;
use crate::http::scan::HeadScanner;
use crate::shutdown::Stop;

/// Bytes read at once, at least.
const READ_SIZE: usize = 4096;

/// How much longer than until its deadline a read may last.
const SLACK: Duration = Duration::from_millis(20);

/// Why no request head came.
#[derive(Debug)]
pub(crate) enum NoHead {
    /// There is nobody to answer.
    Silence,
    /// What came is answered with a refusal.
    Refused(Refusal),
}

impl From<Refusal> for NoHead {
    fn from(refusal: Refusal) -> NoHead {
        NoHead::Refused(refusal)
    }
}

/// The reading side of a connection.
#[derive(Debug)]
pub(crate) struct Inbox {
    connection: Arc<Connection>,
    stop: Stop,
    bytes: Vec<u8>,
    /// The socket's timeout for reads.
    timeout: Duration,
}

impl Inbox {
    /// For a connection that has inherited `timeout` for reads from its listener.
    pub(crate) fn new(connection: &Arc<Connection>, stop: &Stop, timeout: Duration) -> Inbox {
        Inbox { connection: Arc::clone(connection), stop: stop.clone(), bytes: Vec::new(), timeout }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Takes the first `len` bytes.
    pub(crate) fn take(&mut self, len: usize) -> Vec<u8> {
        let rest = self.bytes.split_off(len);
        std::mem::replace(&mut self.bytes, rest)
    }

    /// Gives back the room for more.
    pub(crate) fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
    }

    /// Reads a request head, waiting `patience` for its first byte and `timeout` from there to its end.
    pub(crate) fn read_head(&mut self, patience: Duration, timeout: Duration) -> Result<Vec<u8>, NoHead> {
        let mut scanner = HeadScanner::default();
        let mut deadline = Instant::now() + if self.bytes.is_empty() { patience } else { timeout };
        loop {
            if let Some(len) = scanner.scan(&self.bytes)? {
                return Ok(self.take(len));
            }
            let first = self.bytes.is_empty();
            match self.read(deadline) {
                Ok(0) if first => return Err(NoHead::Silence),
                Ok(0) => return Err(Refusal::new(400, "the request head ends early").into()),
                Ok(_) if first => deadline = Instant::now() + timeout,
                Ok(_) => {}
                Err(error) if is_timeout(&error) && !first => {
                    return Err(Refusal::new(408, "the request head took too long").into());
                }
                Err(_) => return Err(NoHead::Silence),
            }
        }
    }

    /// Reads once, waiting until `deadline`. When the server stops, it is as if the client had closed.
    pub(crate) fn read(&mut self, deadline: Instant) -> io::Result<usize> {
        if self.stop.is_triggered() {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        if self.timeout < left || self.timeout > left + SLACK {
            self.connection.stream.set_read_timeout(Some(left))?;
            self.timeout = left;
        }
        let used = self.bytes.len();
        self.bytes.resize(used + READ_SIZE.max(used / 4), 0);
        let result = loop {
            match (&self.connection.stream).read(&mut self.bytes[used..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result,
            }
        };
        self.bytes.truncate(used + result.as_ref().copied().unwrap_or(0));
        // The order to stop ends reads, too.
        if matches!(result, Ok(0)) && self.stop.is_triggered() {
            Err(io::ErrorKind::ConnectionAborted.into())
        } else {
            result
        }
    }

    /// Reads and discards until the client closes, at most `max` bytes and until `deadline`.
    pub(crate) fn drain(&mut self, max: usize, deadline: Instant) {
        let mut drained = 0;
        while drained < max {
            self.bytes.clear();
            match self.read(deadline) {
                Ok(read) if read > 0 => drained += read,
                _ => return,
            }
        }
    }

    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<()> {
        (&self.connection.stream).write_all(bytes)
    }

    /// Ends our side of the connection.
    pub(crate) fn shut_down_writing(&self) -> io::Result<()> {
        self.connection.stream.shutdown(Shutdown::Write)
    }
}

pub(crate) fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}
