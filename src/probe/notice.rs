//! What a user is told while a probe runs.

use std::sync::Arc;

use crossbeam_channel::Sender;

use super::clock::Exchanges;
use crate::sse::decoder::Message;
use crate::stamp::Stamp;
use crate::stats::{Clock, StreamSpec, time_of};

/// An event that just came.
#[derive(Debug)]
pub struct Notice {
    /// The URL of the path, fit to be shown.
    pub url: Arc<str>,
    /// The stream.
    pub spec: Arc<StreamSpec>,
    /// When it came; microseconds since the probe's start.
    pub at_us: i64,
    /// The event.
    pub message: Message,
    pub(super) exchanges: Option<Arc<Exchanges>>,
}

impl Notice {
    /// How much longer it took than the path needs, as far as the origin's clock is known by now; none of another origin.
    pub fn lag_us(&self) -> Option<i64> {
        let clock = Clock::from_exchanges(&self.exchanges.as_ref()?.all(), None)?;
        let sent_us = time_of(&Stamp::parse(&self.message.data)?)?;
        Some(clock.excess_us(sent_us, self.at_us))
    }
}

/// Where every event is told, if somebody wants to know.
pub type Notices = Option<Sender<Notice>>;
