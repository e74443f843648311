//! Requests on their way through tiny_http.
//!
//! A connection's thread leaves what tiny_http must not see (the peer, the head as it came) under a ticket, and sends
//! the clean head with the ticket as first path segment. The router claims it by that.

use std::sync::{Mutex, MutexGuard};
use std::thread::Thread;

use crossbeam_channel::Sender;

use super::service::{Action, Exchange};
use crate::lock::lock;

/// Bits of a ticket that are the number of its place.
const PLACE_BITS: u32 = 8;
/// Most places.
pub(crate) const PLACES_MAX: usize = 1 << PLACE_BITS;

/// A place in the hop, and how often it was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket {
    place: usize,
    use_of_place: u64,
}

impl Ticket {
    /// The first ticket of a place.
    pub(crate) fn first(place: usize) -> Ticket {
        Ticket { place, use_of_place: 0 }
    }

    /// Another ticket of the same place.
    pub(crate) fn next(self) -> Ticket {
        Ticket { use_of_place: self.use_of_place + 1, ..self }
    }

    /// As the first path segment of a request.
    pub(crate) fn number(self) -> u64 {
        self.use_of_place << PLACE_BITS | self.place as u64
    }

    fn of(number: u64) -> Ticket {
        Ticket { place: number as usize % PLACES_MAX, use_of_place: number >> PLACE_BITS }
    }
}

/// An exchange, and where its action goes.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) exchange: Exchange,
    reply: Sender<Action>,
    /// The thread that waits for the action.
    waiting: Thread,
}

impl Pending {
    pub(crate) fn new(exchange: Exchange, reply: Sender<Action>) -> Pending {
        Pending { exchange, reply, waiting: std::thread::current() }
    }

    /// The exchange, and how to answer it.
    pub(crate) fn into_parts(self) -> (Exchange, Reply) {
        (self.exchange, Reply { sender: self.reply, waiting: self.waiting })
    }
}

/// Where an action goes.
#[derive(Debug)]
pub(crate) struct Reply {
    sender: Sender<Action>,
    waiting: Thread,
}

impl Reply {
    /// Sends the action. If the connection has lost its patience, dropping the action undoes it.
    pub(crate) fn send(self, action: Action) {
        let _ = self.sender.send(action);
        self.waiting.unpark();
    }
}

/// The requests that are on their way, at most one for each place. A place has a lock of its own, so that connections
/// do not wait for each other.
#[derive(Debug)]
pub(crate) struct Tickets(Vec<Mutex<Option<(Ticket, Pending)>>>);

impl Tickets {
    /// For so many places, at most [`PLACES_MAX`].
    pub(crate) fn new(places: usize) -> Tickets {
        Tickets((0..places).map(|_| Mutex::default()).collect())
    }

    pub(crate) fn leave(&self, ticket: Ticket, pending: Pending) {
        if let Some(mut place) = self.place(ticket) {
            *place = Some((ticket, pending));
        }
    }

    /// Takes a request out that nobody else has taken.
    pub(crate) fn take(&self, ticket: Ticket) -> Option<Pending> {
        self.place(ticket)?.take_if(|(other, _)| *other == ticket).map(|(_, pending)| pending)
    }

    fn place(&self, ticket: Ticket) -> Option<MutexGuard<'_, Option<(Ticket, Pending)>>> {
        self.0.get(ticket.place).map(lock)
    }

    /// The exchange that a request from tiny_http belongs to, with the target after the ticket.
    pub(crate) fn claim<'a>(&self, url: &'a str) -> Option<(Pending, &'a str)> {
        let rest = url.strip_prefix('/')?;
        let (number, _) = rest.split_once('/')?;
        Some((self.take(Ticket::of(number.parse().ok()?))?, &rest[number.len()..]))
    }
}
