//! Waiting for more than the socket of a request.

use std::fmt::Debug;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::shutdown::Stop;

/// What a request needs of its socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Bytes, or an end.
    Input,
    /// Room for bytes, or an end; of a socket that is being connected, that it is.
    Room,
}

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waited {
    /// The need is met.
    Ready,
    /// The deadline is over.
    Late,
    /// Something else happened, for which the request is left where it is. Only the waiter knows what.
    Left,
}

/// Does all the waiting of a session's requests, and may look after something else meanwhile. It is never called by two
/// threads at a time.
pub trait Waiter: Debug + Send + Sync {
    /// Waits for `socket`, at most until `deadline`.
    fn wait(&self, socket: BorrowedFd<'_>, need: Need, deadline: Option<Instant>) -> Waited;
}

impl Need {
    /// What poll is to look for.
    pub fn poll_flags(self) -> PollFlags {
        match self {
            Need::Input => PollFlags::IN,
            Need::Room => PollFlags::OUT,
        }
    }
}

/// Waits for nothing but the socket.
#[derive(Debug)]
pub(super) struct SocketOnly;

impl Waiter for SocketOnly {
    fn wait(&self, socket: BorrowedFd<'_>, need: Need, deadline: Option<Instant>) -> Waited {
        wait(&mut [PollFd::from_borrowed_fd(socket, need.poll_flags())], deadline)
    }
}

/// Leaves every wait as soon as the token is triggered.
impl Waiter for Stop {
    fn wait(&self, socket: BorrowedFd<'_>, need: Need, deadline: Option<Instant>) -> Waited {
        let stop = PollFd::from_borrowed_fd(self.as_fd(), PollFlags::IN);
        let waited = wait(&mut [PollFd::from_borrowed_fd(socket, need.poll_flags()), stop], deadline);
        if self.is_triggered() { Waited::Left } else { waited }
    }
}

fn wait(polled: &mut [PollFd<'_>], deadline: Option<Instant>) -> Waited {
    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let timeout = left.and_then(|left| Timespec::try_from(left).ok());
        // It fails only if a signal interrupts it, or memory is short: both pass.
        if poll(polled, timeout.as_ref()).is_ok_and(|ready| ready > 0) {
            return Waited::Ready;
        }
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Waited::Late;
        }
    }
}
