//! Requests on their way through tiny_http.
//!
//! A connection's thread leaves what tiny_http must not see (the peer, the head as it came) under a ticket, and sends
//! the clean head with the ticket as first path segment. The router claims it by that.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_channel::Sender;

use super::service::{Action, Exchange};
use crate::lock::lock;

/// An exchange, and where its action goes.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) exchange: Exchange,
    pub(crate) reply: Sender<Action>,
}

/// All requests that are on their way.
#[derive(Debug, Default)]
pub(crate) struct Tickets {
    pending: Mutex<HashMap<u64, Pending>>,
    next: AtomicU64,
}

impl Tickets {
    pub(crate) fn draw(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn leave(&self, ticket: u64, pending: Pending) {
        lock(&self.pending).insert(ticket, pending);
    }

    pub(crate) fn take_back(&self, ticket: u64) -> Option<Pending> {
        lock(&self.pending).remove(&ticket)
    }

    /// The exchange that a request from tiny_http belongs to, with the target after the ticket.
    pub(crate) fn claim<'a>(&self, url: &'a str) -> Option<(Pending, &'a str)> {
        let rest = url.strip_prefix('/')?;
        let (ticket, _) = rest.split_once('/')?;
        Some((self.take_back(ticket.parse().ok()?)?, &rest[ticket.len()..]))
    }
}
