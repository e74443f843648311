//! What is sent while the target has not answered: a response that is begun before, or one that goes on.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use super::outcome::RelayOutcome;
use super::response::Framing;
use super::response_writer::ResponseWriter;
use crate::impair::{Chain, Effect, Piece};
use crate::server::connection::Connection;

/// What is sent, and from when on, if the target has not answered by then.
pub(super) struct EarlyResponse {
    connection: Arc<Connection>,
    at: Instant,
    effect: Effect,
    holds_head: bool,
    framing: Framing,
    head: Vec<u8>,
    begun: Option<Begun>,
}

/// What was begun.
pub(super) struct Begun {
    pub(super) chain: Chain,
    pub(super) framing: Framing,
    /// The head, as long as that is held.
    pub(super) pending: Vec<u8>,
    /// Bytes of the body that were sent.
    pub(super) bytes: u64,
    /// How the response ended, if that was before the target answered.
    pub(super) ended: Option<RelayOutcome>,
}

impl fmt::Debug for EarlyResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EarlyResponse").field("at", &self.at).finish_non_exhaustive()
    }
}

impl EarlyResponse {
    /// For a response with this head, to be begun at a time.
    pub(super) fn new(
        connection: &Arc<Connection>,
        at: Instant,
        effect: Effect,
        framing: Framing,
        head: Vec<u8>,
    ) -> EarlyResponse {
        let holds_head = effect.holds_head();
        EarlyResponse { connection: Arc::clone(connection), at, effect, holds_head, framing, head, begun: None }
    }

    /// For a response that goes on while the target is asked again.
    pub(super) fn going_on(connection: &Arc<Connection>, begun: Begun) -> EarlyResponse {
        EarlyResponse {
            connection: Arc::clone(connection),
            at: Instant::now(),
            effect: Effect::default(),
            // What is still pending of it is held.
            holds_head: true,
            framing: begun.framing,
            head: Vec::new(),
            begun: Some(begun),
        }
    }

    /// When [`EarlyResponse::act`] is to be called.
    pub(super) fn due(&self) -> Option<Instant> {
        match &self.begun {
            None => Some(self.at),
            Some(begun) if begun.ended.is_some() => None,
            Some(begun) => begun.chain.due(),
        }
    }

    /// The client's connection has failed.
    pub(super) fn lose(&mut self, error: &io::Error, stopping: bool) {
        self.begun.iter_mut().for_each(|begun| begun.ended = Some(RelayOutcome::lost(error, stopping)));
    }

    /// Sends what is due. Whether the response goes on; an error is one of the client's connection.
    pub(super) fn act(&mut self, now: Instant) -> io::Result<bool> {
        let begun = self.begun.get_or_insert_with(|| {
            let (framing, pending) = (self.framing, std::mem::take(&mut self.head));
            Begun { chain: self.effect.chain(now), framing, pending, bytes: 0, ended: None }
        });
        let mut released = Vec::new();
        begun.chain.fire(now, &mut released);
        let pending = std::mem::take(&mut begun.pending);
        let mut sink =
            ResponseWriter { connection: &self.connection, framing: begun.framing, pending, bytes: &mut begun.bytes };
        if !self.holds_head && released.is_empty() {
            sink.flush()?;
        }
        for piece in released {
            match piece {
                Piece::Bytes(bytes) => sink.send(&bytes)?,
                Piece::End(ending) => begun.ended = Some(sink.end(ending)?.by_proxy()),
            }
        }
        begun.pending = sink.pending;
        Ok(begun.ended.is_none())
    }

    /// What was begun, if it was.
    pub(super) fn into_begun(self) -> Option<Begun> {
        self.begun
    }
}
