//! The target's body as it comes, without its content coding.

use super::poller::{RelayPoller, WakeReason};
use super::resume::BodySource;
use crate::client::content::{Content, ContentEnd, ContentRead};
use crate::client::{self, Arrival};
use crate::impair::{BodyEnd, Piece};

/// What is read of a target's response.
pub(super) struct UpstreamBody {
    feed: BodySource,
    content: Content,
    /// The body has not ended.
    is_open: bool,
    /// What was wrong with the body.
    failure: Option<String>,
}

impl UpstreamBody {
    pub(super) fn new(feed: BodySource, content: Content) -> UpstreamBody {
        UpstreamBody { feed, content, is_open: true, failure: None }
    }

    /// Whether there may be more.
    pub(super) fn is_open(&self) -> bool {
        self.is_open
    }

    /// Whether the target may be asked again for more.
    pub(super) fn is_resumed(&self) -> bool {
        self.is_open && matches!(self.feed, BodySource::Resumed(_))
    }

    /// What was wrong with the body.
    pub(super) fn take_failure(&mut self) -> Option<String> {
        self.failure.take()
    }

    /// Waits for more of the body, or for whatever else ends the wait: then there is none.
    pub(super) fn read(&mut self, poller: &RelayPoller) -> Option<Vec<Piece>> {
        if !self.is_open {
            poller.pause();
            return None;
        }
        let ContentRead { bytes, end, .. } = self.content.read(self.feed.read_or_leave()?);
        let end = end.map(|end| self.end(end));
        Some((!bytes.is_empty()).then_some(Piece::Bytes(bytes)).into_iter().chain(end).collect())
    }

    /// Reads to the end, and throws all of it away; ends with the order to stop.
    pub(super) fn drain(&mut self, poller: &RelayPoller) {
        poller.set_deadline(None);
        while self.is_open && poller.wake_reason() != Some(WakeReason::Stopped) {
            if let Some(Arrival::End(..)) = self.feed.read_or_leave() {
                self.is_open = false;
            }
        }
    }

    fn end(&mut self, end: ContentEnd) -> Piece {
        self.is_open = false;
        let (end, failure) = match end {
            ContentEnd::Body(ending) => (ending_of(&ending), failure_of(ending)),
            ContentEnd::Undecodable(error) => (BodyEnd::Truncated, Some(error.to_string())),
        };
        self.failure = failure;
        Piece::End(end)
    }
}

/// What was wrong with a body, if there are words for it.
fn failure_of(ending: client::Ending) -> Option<String> {
    match ending {
        client::Ending::Failed(text) => Some(text),
        _ => None,
    }
}

/// A body that can't be read on, by whatever failure, is not complete.
pub(super) fn ending_of(ending: &client::Ending) -> BodyEnd {
    match ending {
        client::Ending::Clean => BodyEnd::Clean,
        client::Ending::Reset => BodyEnd::Reset,
        client::Ending::Truncated | client::Ending::Stopped | client::Ending::Failed(_) => BodyEnd::Truncated,
    }
}
