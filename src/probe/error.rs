//! Why nothing could be measured.

use std::fmt;
use std::io;

use crate::client::ClientError;

/// Why nothing could be measured.
#[derive(Debug)]
pub enum ProbeError {
    /// The request is malformed.
    Request(ClientError),
    /// The system refuses a thread or a random number.
    System(io::Error),
}

impl fmt::Display for ProbeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProbeError::Request(error) => write!(f, "{error}\n{}", error.advice()),
            ProbeError::System(error) => write!(f, "start the measurement: {error}"),
        }
    }
}

impl std::error::Error for ProbeError {}

impl From<io::Error> for ProbeError {
    fn from(error: io::Error) -> ProbeError {
        ProbeError::System(error)
    }
}

/// A thread ended without its last word.
pub(crate) fn lost() -> io::Error {
    io::Error::other("a thread was lost")
}
