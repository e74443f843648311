//! Prints the events of a stream as they arrive, and reconnects as a browser's `EventSource` does.

mod config;
mod follow;
mod outcome;
mod print;

use std::io::{ErrorKind, Write};

use crate::shutdown::Deadline;
use follow::Cat;

pub use config::{AtEnd, Comments, Config, Source};
pub use outcome::{CatError, How, Outcome};
pub use print::Format;

/// Prints events until the stream has ended for good, or `deadline` ends it. Each is printed when it comes.
///
/// The first connection is tried once, as curl does. Once a stream was there, it is reconnected to, however long it
/// can't be reached, as a browser does. A last line tells how it ended.
///
/// # Errors
/// A [`CatError`] when there is no stream to print, or none any more. A closed pipe is none.
pub fn run(config: Config, deadline: &Deadline, out: &mut dyn Write) -> Result<Outcome, CatError> {
    let mut cat = Cat::new(&config, deadline, out);
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
