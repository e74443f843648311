//! What a path does to streams that are quiet, left, or many: the library's measurements, through the real proxy and a
//! relay, of the real origin. What one test waits for, others wait for at the same time.

mod concurrency;
mod disconnect;
mod limits;

use std::time::Duration;

use crate::common::Origin;
use sse_argo_tester::client::{Client, Request, Settings};
use sse_argo_tester::shutdown::{Deadline, Stop};

/// What every measurement takes.
struct Asking {
    client: Client,
    request: Request,
    limits: Deadline,
}

impl Asking {
    fn of(url: &str) -> Asking {
        Asking {
            client: Client::new(&Settings::default()).unwrap(),
            request: Request::event_stream(url, None, &[], None),
            limits: Deadline::new(&Stop::new().unwrap(), Some(Duration::from_secs(60))),
        }
    }
}

/// The URL of the events of a program.
fn events(program: &Origin) -> String {
    format!("http://{}/events", program.address)
}

/// The program's proxy in front of another one, or of the origin.
fn proxy(target: &Origin, impairments: &str) -> Origin {
    let args: &[&str] = if impairments.is_empty() { &[] } else { &["--impair", impairments] };
    Origin::proxy(&events(target), args)
}
