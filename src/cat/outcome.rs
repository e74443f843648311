//! How printing a stream ended, and why there was nothing to print.

use std::fmt;
use std::io;

use crate::client::ClientError;
use crate::shutdown::WaitEnd;
use crate::verdict::Finding;

/// How a stream ended, in the words of the probe's JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// As its framing says, or with standard input.
    Clean,
    /// Before its framing says.
    Truncated,
    /// By a reset of the connection.
    Reset,
    /// What came can't be decoded.
    Corrupt,
    /// By us: the user or the time limit ended it.
    Ours,
}

impl How {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            How::Clean => "clean",
            How::Truncated => "truncated",
            How::Reset => "reset",
            How::Corrupt => "corrupt",
            How::Ours => "ours",
        }
    }
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why there is nothing more to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The stream ended, for good.
    Ended(How),
    /// The user ended it.
    Interrupted,
    /// The time that it was given is up.
    TimeUp,
    /// Nobody reads the output any more.
    Unread,
}

impl Outcome {
    pub(super) fn how(self) -> How {
        match self {
            Outcome::Ended(how) => how,
            Outcome::Interrupted | Outcome::TimeUp | Outcome::Unread => How::Ours,
        }
    }
}

impl From<WaitEnd> for Outcome {
    fn from(end: WaitEnd) -> Outcome {
        match end {
            WaitEnd::Stopped => Outcome::Interrupted,
            WaitEnd::TimeUp => Outcome::TimeUp,
        }
    }
}

/// Why there is no stream to print.
#[derive(Debug)]
pub enum CatError {
    /// There is no response.
    Client(ClientError),
    /// There was no response head to this URL in the time given.
    NoAnswer(String),
    /// The response is no event stream but this.
    NoStream(Finding),
    /// The output can't be written.
    Output(io::Error),
    /// There is no thread left.
    Thread(io::Error),
}

impl fmt::Display for CatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CatError::Client(error) => write!(f, "{error}\n{}", error.advice()),
            CatError::NoAnswer(url) => {
                write!(f, "wait for the response head of {url}: no answer in the time given by --max-time")
            }
            CatError::NoStream(finding) => write!(f, "{}\n{}", finding.text(), finding.advice()),
            CatError::Output(error) => write!(f, "write the output: {error}"),
            CatError::Thread(error) => write!(f, "start a thread: {error}"),
        }
    }
}

impl std::error::Error for CatError {}
