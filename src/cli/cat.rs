//! `cat`: options to configuration, outcome to exit code.

use std::io::Write;

use argh::{ArgsInfo, FromArgs};

use super::client::client_command;
use super::exit::{Exit, Failure};
use super::interrupt::Wish;
use crate::cat::{self, AtEnd, CatError, Comments, Config, Format, How, Outcome, Source};
use crate::client::ClientError;

client_command! {
    /// Print the events of a stream as they arrive.
    ///
    /// Reconnects with Last-Event-ID when the stream ends. A URL without a path means the origin's /events, if it is one
    /// of ours. '-' prints the events of standard input.
    #[derive(FromArgs, ArgsInfo, Debug)]
    #[argh(subcommand, name = "cat", help_triggers("-h", "--help"))]
    struct Cat {
        /// the stream's URL, or '-' for standard input
        #[argh(positional)]
        url: String,
        /// print JSON, an object a line
        #[argh(switch)]
        json: bool,
        /// print comments, too
        #[argh(switch)]
        comments: bool,
        /// end with the first connection, with exit code 5 if the stream was cut
        #[argh(switch)]
        once: bool,
    }
}

/// Runs the command.
pub(super) fn run(mut options: Cat, out: &mut dyn Write) -> Result<Exit, Failure> {
    let client = options.client();
    let max_time = client.max_time;
    let source = match options.url.as_str() {
        "-" => Source::Stdin,
        url => {
            let request = client.request(url).map_err(Failure::usage)?;
            Source::Url(Box::new(client.into_client().map_err(Failure::usage)?), request)
        }
    };
    let config = Config {
        source,
        format: if options.json { Format::Json } else { Format::Text },
        comments: if options.comments { Comments::Show } else { Comments::Hide },
        at_end: if options.once { AtEnd::Stop } else { AtEnd::Reconnect },
    };
    let wish = Wish::install().and_then(Wish::or_unread);
    let wish = wish.map_err(|error| Failure::unreachable(format!("handle signals: {error}")))?;
    match cat::run(config, &wish.deadline(max_time), out) {
        Ok(outcome) => Ok(wish.exit(exit_of(outcome))),
        Err(error) => Err(Failure { exit: exit_of_error(&error), text: error.to_string() }),
    }
}

fn exit_of(outcome: Outcome) -> Exit {
    match outcome {
        Outcome::Ended(How::Clean | How::Ours) | Outcome::TimeUp | Outcome::Unread => Exit::Ok,
        Outcome::Ended(How::Truncated | How::Reset | How::Corrupt) => Exit::Cut,
        Outcome::Interrupted => Exit::Interrupted,
    }
}

fn exit_of_error(error: &CatError) -> Exit {
    match error {
        CatError::NoStream(_) => Exit::NotSse,
        CatError::Client(ClientError::RedirectLoop(_) | ClientError::Redirect(_)) => Exit::NotSse,
        CatError::Client(ClientError::Request(..) | ClientError::Proxy(_) | ClientError::Certificates(_)) => {
            Exit::Usage
        }
        CatError::Client(_) | CatError::NoAnswer(_) | CatError::Output(_) | CatError::Thread(_) => Exit::Unreachable,
    }
}
