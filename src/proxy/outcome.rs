//! How relays end.

use std::io;

use super::lookout::Sight;
use crate::http::Response;
use crate::server::outlet;
use crate::server::registry::Connection;
use crate::server::service::After;

/// What the target did.
pub(super) const ENDED: &str = "ended the response";
pub(super) const BROKE_OFF: &str = "broke the response off";
pub(super) const RESET: &str = "reset the connection";

/// Who ended a relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    Client,
    Target,
    /// An impairment.
    Proxy,
    Shutdown,
}

impl By {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            By::Client => "client",
            By::Target => "target",
            By::Proxy => "proxy",
            By::Shutdown => "shutdown",
        }
    }
}

/// How a client that is gone has left.
pub(super) fn leaving(connection: &Connection) -> String {
    let error = outlet::pending_error(&connection.stream);
    error.map_or_else(|| outlet::CLOSED.to_owned(), |error| outlet::reason(&error))
}

/// How a relay ended.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) by: By,
    pub(super) reason: String,
    pub(super) after: After,
}

impl Outcome {
    pub(super) fn broken(by: By, reason: impl Into<String>) -> Outcome {
        Outcome { by, reason: reason.into(), after: After::Broken }
    }

    /// What a wait came upon, if that is an end.
    pub(super) fn of(sight: Sight, connection: &Connection) -> Option<Outcome> {
        match sight {
            // What has ended early tells its outcome itself.
            Sight::Due | Sight::Ended => None,
            Sight::Stopped => Some(Outcome::broken(By::Shutdown, "the proxy stops")),
            Sight::ClientGone => Some(Outcome::broken(By::Client, leaving(connection))),
        }
    }

    /// The same, because an impairment wants it so.
    pub(super) fn by_proxy(mut self) -> Outcome {
        self.by = By::Proxy;
        self.reason = format!("an impairment {}", self.reason);
        self
    }

    /// Nobody answered for the target, so that we do.
    pub(super) fn instead(status: u16, reason: String) -> Outcome {
        let after = After::Unsent(Response::text(status, &reason));
        Outcome { by: By::Target, reason, after }
    }

    /// The same, with what went wrong.
    pub(super) fn because(mut self, failure: Option<String>) -> Outcome {
        if let Some(failure) = failure {
            self.reason = format!("{}: {failure}", self.reason);
        }
        self
    }

    /// A write to the client failed.
    pub(super) fn lost(error: &io::Error, stopping: bool) -> Outcome {
        match error.kind() {
            // A write that would not end by itself was ended by the stop.
            io::ErrorKind::BrokenPipe | io::ErrorKind::WouldBlock if stopping => {
                Outcome::broken(By::Shutdown, "the proxy stops")
            }
            _ => Outcome::broken(By::Client, outlet::reason(error)),
        }
    }
}
