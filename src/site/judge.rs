//! `POST judge`: a recording in, what `probe` or `diagnose` would say out. Nothing of it is stored or logged.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use tiny_http::Request;

use super::route::Route;
use crate::http::Response;
use crate::judge::check::{LENGTH_MAX, Refusal};
use crate::judge::{Format, answer};
use crate::server::service::{Action, ConnectionState, Exchange, RETRY_AFTER, Task, TaskContext, field};

/// Recordings at a time.
const AT_ONCE: usize = 8;
/// Judging takes more stack than a connection's thread has.
const STACK: usize = 4 * 1024 * 1024;
/// An answer is for the page that asks, and no other.
const OWN: (&str, &str) = ("Cross-Origin-Resource-Policy", "same-origin");

pub(super) const ROUTE: Route = Route { path: "/judge", methods: "POST", handler: judge };

/// Recordings that are read or judged now.
static RUNNING: AtomicUsize = AtomicUsize::new(0);

/// The right to judge a recording.
#[derive(Debug)]
struct Permit;

impl Permit {
    fn take() -> Option<Permit> {
        let taken = RUNNING
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |running| (running < AT_ONCE).then_some(running + 1));
        taken.is_ok().then(|| Permit)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        RUNNING.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A recording to be read and judged.
#[derive(Debug)]
struct Judging {
    format: Format,
    _permit: Permit,
}

fn judge(request: &Request, _: Exchange) -> Action {
    Action::from(judging(field(request, "Content-Type"), field(request, "Accept")))
}

impl From<Result<Judging, Response>> for Action {
    fn from(judging: Result<Judging, Response>) -> Action {
        match judging {
            Ok(judging) => Action::Run(Box::new(judging)),
            Err(response) => Action::Respond(own(response)),
        }
    }
}

/// Whether a recording of this type is taken, and answered in such a form.
fn judging(content_type: Option<&str>, accept: Option<&str>) -> Result<Judging, Response> {
    let kind = content_type.and_then(|value| value.split(';').next()).unwrap_or("").trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        return Err(Response::text(415, "a recording is posted with Content-Type: application/json"));
    }
    let format = Format::accepted(accept.unwrap_or(""))
        .ok_or_else(|| Response::text(406, "answers are application/json, text/plain or text/html"))?;
    let permit = Permit::take().ok_or_else(|| {
        Response::text(429, "as many recordings as are allowed are being judged: try again in a moment")
            .with(RETRY_AFTER.0, RETRY_AFTER.1)
    })?;
    Ok(Judging { format, _permit: permit })
}

fn own(response: Response) -> Response {
    response.with(OWN.0, OWN.1).with("Cache-Control", "no-store")
}

impl Task for Judging {
    fn body_limit(&self) -> usize {
        LENGTH_MAX
    }

    fn run(self: Box<Self>, mut context: TaskContext<'_>) -> ConnectionState {
        let recording = match context.body.read_to_end() {
            Ok(recording) => recording,
            Err(error) => return ConnectionState::BodyFailed(error),
        };
        let format = self.format;
        let judged = thread::scope(|scope| {
            let thread = thread::Builder::new().name("judge".to_owned()).stack_size(STACK);
            thread.spawn_scoped(scope, || answer(&recording, format)).ok()?.join().ok()
        });
        ConnectionState::Unsent(own(match judged {
            Some(Ok(answer)) => answered(format, answer),
            Some(Err(Refusal::TooLarge(text))) => Response::text(413, &text),
            Some(Err(Refusal::Invalid(text))) => Response::text(400, &text),
            None => Response::text(500, "the recording can't be judged: a thread failed"),
        }))
    }
}

fn answered(format: Format, answer: Vec<u8>) -> Response {
    match format {
        Format::Json => Response::new(200, "application/json", answer),
        Format::Text => Response::new(200, "text/plain; charset=utf-8", answer),
        // Whatever a recording says, it is not a page of this site.
        Format::Html => Response::new(200, "text/html; charset=utf-8", answer)
            .with("Content-Security-Policy", "sandbox")
            .with("Content-Disposition", "attachment; filename=\"sse-report.html\""),
    }
}
