//! `healthcheck`: one question to an origin, for whatever keeps it running.

use std::time::Duration;

use argh::{ArgsInfo, FromArgs};
use crossbeam_channel::never;

use super::client::seconds;
use super::exit::{Exit, Failure};
use super::serve::PORT;
use crate::client::live::{Limits, Live, News, Next};
use crate::client::{Client, ClientError, Ending, Head, Redirects, Request, Settings, origin};
use crate::escape::escaped;
use crate::site::HEALTHY;
use crate::units::format_duration;

/// How long the origin may take, unless another time is asked for: it answers in a millisecond.
const MAX_TIME: Duration = Duration::from_secs(3);

/// Ask an origin whether it is well: exit code 0 if it is, 1 if it is not.
///
/// It asks for healthz beside the last segment of the URL's path, so that any URL of the origin will do.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand, name = "healthcheck", help_triggers("-h", "--help"))]
pub(super) struct Healthcheck {
    /// a URL of the origin (default http://localhost:3000/healthz)
    #[argh(positional, default = "format!(\"http://localhost:{PORT}/healthz\")")]
    url: String,
    /// seconds that it may take in all (default 3)
    #[argh(option, default = "Some(MAX_TIME)", from_str_fn(seconds), arg_name = "s")]
    max_time: Option<Duration>,
}

/// Why an origin counts as not well.
enum Trouble {
    /// There is no such request.
    Unusable(ClientError),
    /// There is no answer.
    Unanswered(String),
    /// There is none yet.
    Late,
    /// The answer is of another status.
    Status(u16),
    /// The answer is not the origin's.
    Foreign,
}

/// Runs the command. Every answer but the right one is exit code 1: Docker reserves 2, and knows no others.
pub(super) fn run(options: &Healthcheck) -> Result<Exit, Failure> {
    // A redirect is followed by no health check: what it leads to would be asked instead of the origin.
    let settings = Settings { redirects: Redirects::Return, ..Settings::default() };
    let client = Client::new(&settings).map_err(|error| Failure::usage(error.to_string()))?;
    let request = Request::event_stream(&origin::absolute(&options.url), None, &[], None);
    let request = origin::request_beside(&request, "healthz");
    let url = escaped(&request.url);
    let (cause, advice) = match ask(&client, request, options.max_time) {
        Ok(()) => return Ok(Exit::Ok),
        Err(Trouble::Unusable(error)) => return Err(Failure::usage(error.to_string())),
        Err(Trouble::Unanswered(cause)) => (cause, "is the origin running, and at this address?"),
        Err(Trouble::Late) => {
            let time = format_duration(options.max_time.unwrap_or_default());
            (format!("no answer within {time}"), "it hangs, or --max-time is too short for this machine")
        }
        Err(Trouble::Status(503)) => {
            ("the answer is 503".to_owned(), "it has no room for more connections, or what stands before it no origin")
        }
        Err(Trouble::Status(status)) => {
            (format!("the answer is {status}, not 200"), "is the origin at this address, and its base path in the URL?")
        }
        Err(Trouble::Foreign) => ("the answer is 200, but not the origin's".to_owned(), "which program has this port?"),
    };
    Err(Failure { exit: Exit::Unhealthy, text: format!("check the health of {url}: {cause}; {advice}") })
}

fn ask(client: &Client, request: Request, max_time: Option<Duration>) -> Result<(), Trouble> {
    let live = Live::start(client, request).map_err(|error| Trouble::Unanswered(format!("start a thread: {error}")))?;
    let limits = Limits::new(never(), max_time);
    let mut body = Vec::new();
    loop {
        match limits.next(live.news()) {
            Next::News(News::Head(head)) => is_ok(&head)?,
            Next::News(News::Bytes(_, bytes)) => body.extend(bytes),
            Next::News(News::End(_, Ending::Clean)) if body.trim_ascii_end() == HEALTHY.as_bytes() => return Ok(()),
            Next::News(News::End(_, Ending::Clean)) => return Err(Trouble::Foreign),
            Next::News(News::End(..)) => return Err(Trouble::Unanswered("the answer was cut".to_owned())),
            Next::News(News::Failed(error @ ClientError::Request(..))) => return Err(Trouble::Unusable(error)),
            Next::News(News::Failed(error)) => return Err(Trouble::Unanswered(error.to_string())),
            Next::Stopped | Next::TimeUp => return Err(Trouble::Late),
        }
        // The line ends behind it. Another program may send whatever it likes, for as long as it likes.
        if body.len() > HEALTHY.len() + 1 {
            return Err(Trouble::Foreign);
        }
    }
}

fn is_ok(head: &Head) -> Result<(), Trouble> {
    if head.status == 200 { Ok(()) } else { Err(Trouble::Status(head.status)) }
}
