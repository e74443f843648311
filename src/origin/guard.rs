//! A stream's place in everything that bounds and reports streams.

use std::sync::Arc;

use super::budget::Reservation;
use super::named::Subscription;
use super::stream_registry::{EndedBy, OpenStream, StreamEnd, StreamRegistry};

/// A stream's place in the registry, in the budget and among the subscribers of a named stream. Whatever happens, the
/// stream is closed and logged when the guard is dropped.
#[derive(Debug)]
pub(crate) struct StreamGuard {
    pub(super) registry: Arc<StreamRegistry>,
    pub(super) stream: Arc<OpenStream>,
    pub(super) subscription: Option<Subscription>,
    /// How it ended, once it has.
    pub(super) end: Option<StreamEnd>,
    /// What the log says of the request's way.
    pub(super) trace: Box<str>,
    pub(super) _reservation: Reservation,
}

impl StreamGuard {
    /// Says how the stream ended, and ends it.
    pub(crate) fn finish(mut self, end: StreamEnd) {
        self.end = Some(end);
    }
}

impl Drop for StreamGuard {
    fn drop(&mut self) {
        let lost = || StreamEnd {
            by: EndedBy::Error,
            reason: "it was given up before it began, or its thread panicked".to_owned(),
        };
        let end = self.end.take().unwrap_or_else(lost);
        self.registry.close(&self.stream, &end);
        log::info!(
            "stream closed id={} by={} reason=\"{}\" events={} bytes={} after={:.3}s{}",
            self.stream.id,
            end.by.as_str(),
            end.reason,
            self.stream.events(),
            self.stream.bytes(),
            self.stream.age().as_secs_f64(),
            self.trace,
        );
    }
}
