//! What a finding found: facts, for [`report`](crate::report) to put into words.

use super::watched::WatchDetail;
use crate::stats::Ending;

/// A stream as it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Bytes of each event's data; 0 for small ones.
    pub size: u64,
    /// Time from one event to the next.
    pub interval_us: i64,
}

/// What a finding found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Detail {
    /// What an edge of the program reports in its own words: an error, or an answer that is not an event stream.
    Reported(String),
    /// Events came while this program was late itself.
    OwnStalls {
        /// How many.
        excused: u64,
    },
    /// The URL asks the origin for no events.
    NoEventsWanted,
    /// Answers to requests for the origin's time differ.
    ClockAnswersDiffer {
        /// By so much.
        us: i64,
    },
    /// The verdict depends on less than the clock's error.
    ClockError {
        /// The clock's error.
        error_us: i64,
        /// The tolerance.
        within_us: i64,
    },
    /// The verdict depends on the origin's clock, which is unknown.
    NoClock {
        /// The tolerance.
        within_us: i64,
    },
    /// The answer is not an event stream but this.
    NotSse(Box<Answered>),
    /// The answer is this.
    Answered(Box<Answered>),
    /// How events are held.
    Held(Held),
    /// What else would look the same.
    Ambiguity(Ambiguity),
    /// What is lost, changed or cut.
    Damage(Damage),
    /// What arrivals show of an origin that isn't ours.
    Arrivals(Arrivals),
    /// What a stream that a page watches shows.
    Watched(WatchDetail),
}

/// An answer: what of it can be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The status code.
    pub status: u16,
    /// What it is, by its signature or its status.
    pub what: &'static str,
    /// The content type; empty if there is none.
    pub content_type: String,
    /// The header field that shows what it is, as it came.
    pub evidence: Option<String>,
    /// The host that it was redirected to.
    pub redirected_to: Option<String>,
    /// The title of a page, or the first line of a text.
    pub first_line: Option<String>,
}

/// How events are held, as seen of our own origin's streams.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// Streams come more slowly than they are sent.
    FallsBehind {
        /// Which.
        streams: Vec<Pace>,
        /// How fast they come.
        bytes_per_s: u64,
    },
    /// Nothing came any more, though the origin went on.
    Hanging {
        /// When the last event came.
        after_us: i64,
    },
    /// Large or frequent events are late.
    BigEvents {
        /// Which.
        stream: Pace,
        /// How many were late.
        late: usize,
        /// Of how many.
        all: usize,
        /// How long they are held, and how many bytes at a time, if that is known.
        held: Option<(i64, u64)>,
    },
    /// Events were held until the end.
    UntilClose {
        /// For how long at most.
        us: i64,
    },
    /// Some streams were held until their end, others not.
    SomeUntilClose(Vec<Pace>),
    /// Events are late by the interval.
    LateByInterval {
        /// The interval.
        interval_us: i64,
        /// The lag.
        lag_us: i64,
    },
    /// The same time is added to each event's interval.
    TimerAdds {
        /// The time.
        us: i64,
    },
    /// A time that is a corked socket's: that of a timer.
    CorkTimer {
        /// The time.
        us: i64,
    },
    /// A time that is a corked socket's: a lag.
    CorkLag {
        /// The time.
        us: i64,
    },
    /// A time that is a corked socket's: between flushes.
    CorkFlush {
        /// The time.
        us: i64,
    },
    /// Every event is late by the same time.
    ConstantLag {
        /// The time.
        us: i64,
    },
    /// Each release has the same number of bytes before compression.
    ReleasedContent {
        /// How many.
        bytes: u64,
    },
    /// Events came late in no pattern.
    Unsteady {
        /// How many.
        late: usize,
        /// Of how many.
        all: usize,
        /// The longest lag.
        longest_us: i64,
    },
    /// Events are held for up to a time.
    HeldTime {
        /// The time.
        us: i64,
    },
    /// Events are held until a number of bytes is together.
    HeldBytes {
        /// How many.
        bytes: u64,
    },
    /// The first events were held for a time.
    StartTime {
        /// The time.
        us: i64,
    },
    /// The first bytes are held.
    StartBytes {
        /// How many.
        bytes: u64,
    },
    /// What comes afterwards is still held, for a time.
    StillHeldTime {
        /// The time.
        us: i64,
    },
    /// What comes afterwards is still held, until a number of bytes is together.
    StillHeldBytes {
        /// How many.
        bytes: u64,
    },
    /// The body came compressed.
    Compressed {
        /// Bytes of events.
        content_bytes: u64,
        /// Bytes of the body.
        bytes: u64,
    },
}

/// What was seen, and leaves more than one explanation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ambiguity {
    /// What was sent until the end.
    SentUntilClose {
        /// How many bytes.
        bytes: u64,
        /// In which time.
        us: i64,
    },
    /// All streams had the same interval.
    SameInterval,
    /// No stream sent more often than the lag.
    NoneFaster {
        /// The lag.
        us: i64,
    },
    /// One release was seen; what came after it waited for the end.
    OneRelease,
    /// A second release would not have been seen.
    NoSecondRelease {
        /// When it would have come.
        us: i64,
    },
    /// Few releases fit into the run.
    FewReleases {
        /// The time between two.
        us: i64,
    },
    /// Events that are sent less often don't come together.
    SparseEvents {
        /// Less often than this.
        us: i64,
    },
    /// A time and a number of bytes both fit.
    TimeOrBytes {
        /// The bytes.
        bytes: u64,
        /// The time.
        us: i64,
    },
    /// All intervals are within the tolerance, and each event comes about an interval late.
    IntervalsWithin {
        /// The tolerance.
        within_us: i64,
    },
    /// Too few events came before the end of the run.
    FewBeforeEnd {
        /// How many.
        received: u64,
    },
}

/// What is lost, changed or cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Damage {
    /// Nothing came, though the origin had time for all of it.
    Silent {
        /// How long the probe waited.
        us: i64,
    },
    /// The end of the response didn't come.
    NoEnd,
    /// The first event was sent before it was asked for.
    Stale {
        /// By so much.
        us: i64,
    },
    /// Requests were answered with another one's stream.
    Shared {
        /// How many.
        shared: usize,
        /// Of how many.
        all: usize,
    },
    /// Events never came, though later ones did.
    Lost(u64),
    /// Events came more than once.
    Repeated(u64),
    /// Events came after a later one.
    Reordered(u64),
    /// Events came with other bytes than were sent.
    Changed(u64),
    /// Events were not sent at the pace that was asked for.
    OtherPace {
        /// The interval asked for.
        asked_us: i64,
        /// The interval found.
        found_us: i64,
    },
    /// The body or the connection ended too early.
    Cut {
        /// How.
        how: Ending,
        /// When.
        after_us: i64,
    },
    /// The stream was cut in a silence.
    IdleCut {
        /// How long nothing had come.
        us: i64,
    },
    /// Streams end at the same age.
    SameAge {
        /// The age.
        us: i64,
        /// They began at different times, so that it is no restart.
        began_apart: bool,
    },
}

/// What arrivals show of an origin that isn't ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arrivals {
    /// An id was less than the one before.
    IdsGoBack {
        /// How many times.
        times: u64,
    },
    /// Nothing came, so that whose origin it is is unknown.
    NothingCame,
    /// Only arrivals were judged.
    ArrivalsOnly,
    /// Events that came before what can't be decoded.
    BeforeUndecodable {
        /// How many.
        events: u64,
    },
    /// The stream of an origin that isn't ours broke off.
    BrokeOff {
        /// How.
        how: Ending,
        /// When.
        after_us: i64,
        /// How many events had come.
        received: u64,
    },
    /// The run ended before more came.
    RunEnded,
    /// Events came together.
    Together {
        /// How many.
        together: u64,
        /// Of how many.
        events: u64,
        /// The most at once.
        largest: u64,
    },
    /// Comments came, but no event.
    Comments(u64),
    /// Nothing came before the end.
    NothingBeforeEnd,
    /// Bursts end amid an event.
    AmidEvents {
        /// How many.
        cut: usize,
        /// Of how many.
        all: usize,
        /// Bytes of the median one.
        bytes: u64,
    },
}

impl From<Held> for Detail {
    fn from(found: Held) -> Detail {
        Detail::Held(found)
    }
}

impl From<Ambiguity> for Detail {
    fn from(found: Ambiguity) -> Detail {
        Detail::Ambiguity(found)
    }
}

impl From<Damage> for Detail {
    fn from(found: Damage) -> Detail {
        Detail::Damage(found)
    }
}

impl From<Arrivals> for Detail {
    fn from(found: Arrivals) -> Detail {
        Detail::Arrivals(found)
    }
}

impl From<WatchDetail> for Detail {
    fn from(found: WatchDetail) -> Detail {
        Detail::Watched(found)
    }
}

impl From<String> for Detail {
    fn from(text: String) -> Detail {
        Detail::Reported(text)
    }
}

impl From<&str> for Detail {
    fn from(text: &str) -> Detail {
        Detail::Reported(text.to_owned())
    }
}
