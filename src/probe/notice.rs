//! What a user is told while a probe runs.

use super::clock::Exchanges;
use crate::http::Url;
use crate::sse::decoder::Message;
use crate::stamp::Stamp;
use crate::stats::{Clock, StreamSpec, time_of};

/// An event that just came.
#[derive(Debug)]
pub struct Notice<'a> {
    /// The path.
    pub url: &'a Url,
    /// The stream.
    pub spec: &'a StreamSpec,
    /// When it came; microseconds since the probe's start.
    pub at_us: i64,
    /// The event.
    pub message: &'a Message,
    pub(super) exchanges: Option<&'a Exchanges>,
}

impl Notice<'_> {
    /// How much longer it took than the path needs, as far as the origin's clock is known by now; none of another origin.
    pub fn lag_us(&self) -> Option<i64> {
        let clock = Clock::from_exchanges(&self.exchanges?.all(), None)?;
        let sent_us = time_of(&Stamp::parse(&self.message.data)?)?;
        Some(clock.excess_us(sent_us, self.at_us))
    }
}

/// Is told of every event, on the threads of the streams.
pub type Watch<'a> = &'a (dyn Fn(&Notice<'_>) + Sync);
