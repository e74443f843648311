//! How relays end.

use std::io;

use crate::http::Response;
use crate::server::connection::Connection;
use crate::server::service::ConnectionState;
use crate::server::socket_io;

/// What the target did.
pub(super) const ENDED: &str = "ended the response";
pub(super) const BROKE_OFF: &str = "broke the response off";
pub(super) const RESET: &str = "reset the connection";

/// Who ended a relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EndedBy {
    Client,
    Target,
    /// An impairment.
    Proxy,
    Shutdown,
}

impl EndedBy {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            EndedBy::Client => "client",
            EndedBy::Target => "target",
            EndedBy::Proxy => "proxy",
            EndedBy::Shutdown => "shutdown",
        }
    }
}

/// How a client that is gone has disconnected.
pub(super) fn disconnect_reason(connection: &Connection) -> String {
    let error = socket_io::pending_error(&connection.stream);
    error.map_or_else(|| socket_io::CLOSED.to_owned(), |error| socket_io::reason(&error))
}

/// How a relay ended.
#[derive(Debug)]
pub(super) struct RelayOutcome {
    pub(super) by: EndedBy,
    pub(super) reason: String,
    pub(super) after: ConnectionState,
}

impl RelayOutcome {
    pub(super) fn broken(by: EndedBy, reason: impl Into<String>) -> RelayOutcome {
        RelayOutcome { by, reason: reason.into(), after: ConnectionState::Broken }
    }

    /// The same, because an impairment wants it so.
    pub(super) fn by_proxy(mut self) -> RelayOutcome {
        self.by = EndedBy::Proxy;
        self.reason = format!("an impairment {}", self.reason);
        self
    }

    /// Nobody answered for the target, so that we do.
    pub(super) fn instead(status: u16, reason: String) -> RelayOutcome {
        let after = ConnectionState::Unsent(Response::text(status, &reason));
        RelayOutcome { by: EndedBy::Target, reason, after }
    }

    /// The same, with what went wrong.
    pub(super) fn because(mut self, failure: Option<String>) -> RelayOutcome {
        if let Some(failure) = failure {
            self.reason = format!("{}: {failure}", self.reason);
        }
        self
    }

    /// A write to the client failed.
    pub(super) fn lost(error: &io::Error, stopping: bool) -> RelayOutcome {
        match error.kind() {
            // A write that would not end by itself was ended by the stop.
            io::ErrorKind::BrokenPipe | io::ErrorKind::WouldBlock if stopping => {
                RelayOutcome::broken(EndedBy::Shutdown, "the proxy stops")
            }
            _ => RelayOutcome::broken(EndedBy::Client, socket_io::reason(error)),
        }
    }
}
