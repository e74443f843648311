//! Waiting for more than the socket of a request.

use std::fmt::Debug;
use std::os::fd::BorrowedFd;
use std::time::Instant;

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

/// Does all the waiting of a session's requests, beside whatever else its thread has to look after. It is never called
/// by two threads at a time.
pub trait Waiter: Debug + Send + Sync {
    /// Waits for `socket`, at most until `deadline`.
    fn wait(&self, socket: BorrowedFd<'_>, need: Need, deadline: Option<Instant>) -> Waited;
}
