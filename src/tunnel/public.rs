//! Waits until an origin of ours answers through a public URL.

use std::fmt;
use std::time::Duration;

use crate::client::origin::{Asked, ask_closely};
use crate::client::{Client, ClientError, Request};
use crate::shutdown::{Deadline, WaitEnd};
use crate::units::format_duration;
use crate::verdict::{Finding, Id};

/// When the URL is asked.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// How long before the first request. A name that is looked up before it is there may be remembered as missing.
    pub first: Duration,
    /// How long between the first and the second; each further wait is half as long again, up to [`PAUSE_MAX`].
    pub pause: Duration,
    /// How long in all.
    pub within: Duration,
}

impl Default for Pace {
    fn default() -> Pace {
        Pace { first: Duration::from_secs(3), pause: Duration::from_secs(2), within: Duration::from_secs(90) }
    }
}

/// The longest wait between two requests.
pub const PAUSE_MAX: Duration = Duration::from_secs(10);

/// Why the URL does not lead to the origin.
#[derive(Debug)]
pub enum PublicError {
    /// It answers, but with something that no patience helps with.
    Refused(String, Finding),
    /// It did not in time: how long, and what came last of all.
    TimeUp(String, Duration, Option<Finding>),
    /// It is no more the tunnel's URL.
    Outdated(String),
    /// The user wants to end.
    Stopped,
}

impl PublicError {
    /// What the user may try.
    pub fn advice(&self) -> &'static str {
        match self {
            PublicError::Refused(_, finding) | PublicError::TimeUp(_, _, Some(finding)) => advice(finding),
            PublicError::TimeUp(_, _, None) => {
                "there was no answer at all: does it lead to the origin that this command has started, with the port of --listen?"
            }
            _ => "",
        }
    }
}

/// What to try, where it is known that there is a tunnel of cloudflared in between.
fn advice(finding: &Finding) -> &'static str {
    match finding.id {
        Id::BadGateway => {
            "cloudflared is reached, but the origin is not: the service of a named tunnel's public hostname, in Cloudflare's dashboard, must be the origin's address and port on this machine"
        }
        Id::UnreachableDns => {
            "the name of a new tunnel takes up to half a minute to appear, and longer where it was looked for too early: try again, or ask another DNS server"
        }
        _ => finding.advice(),
    }
}

impl fmt::Display for PublicError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PublicError::Refused(url, finding) => write!(f, "reach the origin through {url}: {}", finding.text()),
            PublicError::TimeUp(url, within, last) => {
                write!(f, "reach the origin through {url}: not within {}", format_duration(*within))?;
                last.as_ref().map_or(Ok(()), |last| write!(f, "; the last answer: {}", last.text()))
            }
            PublicError::Outdated(url) => write!(f, "reach the origin through {url}: the tunnel has ended"),
            PublicError::Stopped => f.write_str("wait for the public URL: interrupted"),
        }
    }
}

impl std::error::Error for PublicError {}

/// Waits until the origin of an event stream answers to a request for its time; `request` is the one for the stream,
/// through the tunnel. Between two requests, `is_current` says whether there is still such a tunnel, and `progress` hears
/// what came instead of an answer of the origin's, in sentences fit for a terminal.
///
/// # Errors
/// When that is of no use: there is a login in between, or the request can't be made; when it takes longer than `pace`
/// allows; when `deadline` says so.
pub fn wait(
    client: &Client,
    request: &Request,
    pace: Pace,
    deadline: &Deadline,
    is_current: &dyn Fn() -> bool,
    progress: &mut dyn FnMut(&str),
) -> Result<(), PublicError> {
    let url = request.url.to_string();
    let deadline = deadline.at_most(pace.within);
    let (mut last, mut pause, mut before) = (None::<Finding>, pace.pause, pace.first);
    loop {
        match deadline.sleep(before) {
            Ok(()) => {}
            Err(WaitEnd::Stopped) => return Err(PublicError::Stopped),
            Err(WaitEnd::TimeUp) => return Err(PublicError::TimeUp(url, pace.within, last)),
        }
        if !is_current() {
            return Err(PublicError::Outdated(url));
        }
        match ask_closely(client, request, &deadline) {
            Ok(Asked::Ours(_)) => return Ok(()),
            Ok(Asked::Other(finding)) if finding.id == Id::LoginPage => {
                return Err(PublicError::Refused(url, finding));
            }
            Err(error @ (ClientError::Request(..) | ClientError::Proxy(_) | ClientError::Certificates(_))) => {
                return Err(PublicError::Refused(url, error.finding()));
            }
            Ok(Asked::Other(finding)) => last = Some(finding),
            Err(error) => last = Some(error.finding()),
            Ok(Asked::Nothing) => {}
        }
        let seen = last.as_ref().map_or("there is no answer".to_owned(), Finding::text);
        progress(&format!("waiting for {url}: {seen}"));
        (before, pause) = (pause, (pause * 3 / 2).min(PAUSE_MAX));
    }
}
