//! `healthcheck`: one question to an origin, for whatever keeps it running.

use std::io;
use std::time::Duration;

use argh::{ArgsInfo, FromArgs};

use super::client::seconds;
use super::exit::{Exit, Failure};
use super::serve::PORT;
use crate::client::in_flight::{InFlight, NoHead};
use crate::client::small_body::SmallEnd;
use crate::client::{Client, ClientError, Ending, Redirects, Request, Settings, origin};
use crate::escape::escaped;
use crate::shutdown::{Deadline, Stop};
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
    let request = Request::event_stream(&options.url, None, &[], None);
    let request = origin::request_beside(&request, "healthz");
    let url = escaped(&request.url.to_string());
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
    let unanswered = |what: &str, error: io::Error| Trouble::Unanswered(format!("{what}: {error}"));
    let stop = Stop::new().map_err(|error| unanswered("prepare to wait", error))?;
    let deadline = Deadline::new(&stop, max_time);
    let in_flight = InFlight::start(client, request).map_err(|error| unanswered("start a thread", error))?;
    match in_flight.head(&deadline) {
        Ok(head) if head.status == 200 => {}
        Ok(head) => return Err(Trouble::Status(head.status)),
        Err(NoHead::Failed(error @ ClientError::Request(..))) => return Err(Trouble::Unusable(error)),
        Err(NoHead::Failed(error)) => return Err(Trouble::Unanswered(error.to_string())),
        Err(NoHead::WaitEnded(_)) => return Err(Trouble::Late),
    }
    // A line break ends it. Another program may send whatever it likes, for as long as it likes.
    let body = in_flight.small_body(HEALTHY.len() + 1, &deadline);
    match body.end {
        SmallEnd::Ended(Ending::Clean) if body.bytes.trim_ascii_end() == HEALTHY.as_bytes() => Ok(()),
        SmallEnd::Ended(Ending::Clean) | SmallEnd::Enough => Err(Trouble::Foreign),
        SmallEnd::Ended(_) => Err(Trouble::Unanswered("the answer was cut".to_owned())),
        SmallEnd::WaitEnded(_) => Err(Trouble::Late),
    }
}
