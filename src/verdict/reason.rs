//! Why a verdict is what it is: facts, for [`report`](crate::report) to put into words.

use super::detail::Detail;
use super::finding_id::Id;
use super::watched::Watched;
use crate::stats::Ending;

/// Why a verdict is what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// One finding is all there is to say.
    Found(Detail),
    /// There was no stream to judge by.
    NoStream,
    /// The request asked for no events.
    NoEventsWanted,
    /// The origin's clock was set meanwhile, or there are several.
    ClocksDisagree,
    /// Events arrive evenly; whether all of them are late by the same time can't be told.
    LagUncertain,
    /// Too few events arrived.
    TooFewEvents,
    /// The path passes fewer bytes than are sent.
    FallsBehind {
        /// What it passes.
        bytes_per_s: u64,
    },
    /// Events stop, and the connection stays open.
    Hangs {
        /// When the last event came.
        after_us: i64,
        /// How many came.
        received: u64,
    },
    /// Events arrive in real time.
    RealTime {
        /// How many were within the tolerance.
        on_time: usize,
        /// Of how many.
        all: usize,
        /// The tolerance.
        within_us: i64,
    },
    /// Nothing arrives until the response ends.
    UntilClose,
    /// Small events are held until the response ends, larger ones are not.
    SmallUntilClose,
    /// No small event arrived, larger ones did.
    SmallMissing,
    /// Each event arrives when the next one is sent.
    OneEvent,
    /// Each event arrives when the next one is sent and a timer has run out.
    OneEventAndTimer {
        /// The timer.
        us: i64,
    },
    /// Each event is late by the same time.
    ConstantLag {
        /// The time.
        us: i64,
    },
    /// Events are late, in no pattern that a hold makes.
    Unsteady {
        /// How many were late.
        late: usize,
        /// Of how many.
        all: usize,
    },
    /// Events arrive together, at intervals.
    EveryTime {
        /// The interval.
        us: i64,
    },
    /// Events arrive together, when a buffer is full.
    EveryBytes {
        /// Its size.
        bytes: u64,
    },
    /// Nothing arrives at first, for a time.
    StartTime {
        /// The time.
        us: i64,
        /// What follows is held as well, but less.
        is_held_after: bool,
    },
    /// Nothing arrives until a number of bytes is sent.
    StartBytes {
        /// How many.
        bytes: u64,
        /// What follows is held as well, but less.
        is_held_after: bool,
    },
    /// No event arrived.
    Silent {
        /// How long the probe waited.
        us: i64,
        /// The origin's first event did arrive.
        with_hello: bool,
    },
    /// A stored stream was replayed.
    Replayed,
    /// Events were lost, repeated, reordered or changed.
    Damaged(Vec<Id>),
    /// The path ended the stream while the origin went on.
    CutByPath {
        /// When.
        after_us: i64,
        /// Events that came.
        received: u64,
        /// Events asked for.
        count: u64,
    },
    /// The stream broke off, by the path or by an origin that isn't ours.
    BrokeOff {
        /// How.
        how: Ending,
        /// When.
        after_us: i64,
    },
    /// The body can't be decoded.
    Undecodable {
        /// From when on.
        after_us: i64,
    },
    /// Of an origin that isn't ours: too few events arrived.
    FewEvents {
        /// How many.
        events: u64,
    },
    /// Of an origin that isn't ours: events arrived alone.
    Alone {
        /// How many.
        alone: u64,
        /// Of how many.
        events: u64,
    },
    /// Of an origin that isn't ours: events arrive several at once.
    Together,
    /// Of an origin that isn't ours: no event arrived.
    Quiet {
        /// How long the probe waited.
        us: i64,
        /// How many comments arrived.
        comments: u64,
    },
    /// Of an origin that isn't ours: all events came with the end of the response.
    WithTheEnd {
        /// How many.
        events: u64,
        /// When.
        after_us: i64,
    },
    /// Of an origin that isn't ours: bursts end amid an event.
    AmidEvents {
        /// Bytes of a burst.
        bytes: u64,
    },
    /// A variant does what the plain one does.
    LikePlain(Box<Reason>),
    /// Of a stream that a page watches.
    Watched(Watched),
    /// A quiet stream was not cut; so few events tell no more.
    NotCut,
}
