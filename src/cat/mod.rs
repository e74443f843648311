//! Prints the events of a stream as they arrive, and reconnects as a browser's `EventSource` does.

mod follow;
mod print;

use std::fmt;
use std::io::{self, ErrorKind, Write};

use crate::client::live::Limits;
use crate::client::{Client, ClientError, Request};
use crate::verdict::Finding;
use follow::Cat;

pub use print::Format;

/// Where events come from.
#[derive(Debug)]
pub enum Source {
    /// Standard input.
    Stdin,
    /// The response to a request.
    Url(Box<Client>, Request),
}

/// What to do about comments.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Comments {
    /// They are passed over.
    #[default]
    Hide,
    /// They are printed.
    Show,
}

/// What to do when a stream has ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AtEnd {
    /// Reconnect with `Last-Event-ID`, until the origin answers with 204.
    #[default]
    Reconnect,
    /// End.
    Stop,
}

/// How to print a stream.
#[derive(Debug)]
pub struct Config {
    /// Where its events come from.
    pub source: Source,
    /// What is printed.
    pub format: Format,
    /// What to do about comments.
    pub comments: Comments,
    /// What to do when the stream has ended.
    pub at_end: AtEnd,
}

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
    fn how(self) -> How {
        match self {
            Outcome::Ended(how) => how,
            Outcome::Interrupted | Outcome::TimeUp | Outcome::Unread => How::Ours,
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

/// Prints events until the stream has ended for good, or `limits` end it. Each is printed when it comes.
///
/// The first connection is tried once, as curl does. Once a stream was there, it is reconnected to, however long it
/// can't be reached, as a browser does. A last line tells how it ended.
///
/// # Errors
/// A [`CatError`] when there is no stream to print, or none any more. A closed pipe is none.
pub fn run(config: Config, limits: &Limits, out: &mut dyn Write) -> Result<Outcome, CatError> {
    let mut cat = Cat::new(&config, limits, out);
    let result = match config.source {
        Source::Stdin => cat.standard_input(),
        Source::Url(ref client, ref request) => cat.follow(client, request.clone()),
    };
    let how = match &result {
        Ok(outcome) => Some(outcome.how()),
        Err(CatError::Output(_)) => None,
        Err(_) => cat.last(),
    };
    let result = match how.map(|how| cat.end(how)) {
        Some(Err(error)) => Err(error),
        _ => result,
    };
    match result {
        Err(CatError::Output(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(Outcome::Unread),
        result => result,
    }
}
