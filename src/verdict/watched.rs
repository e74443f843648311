//! Why the verdict on a stream that a page watches, or on one look of a page, is what it is: facts, for
//! [`report`](crate::report) to put into words.

/// Why the verdict is what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Watched {
    /// What an earlier answer said is still true.
    Earlier(String),
    /// The tab is hidden.
    TabIsHidden,
    /// The tab was hidden while the streams ran.
    TabWasHidden,
    /// There was no stream yet, or there is none now.
    NoStream,
    /// The stream was lost, and is asked for again.
    Lost,
    /// Too few events have come so far.
    FewEvents,
    /// Events were held for a while.
    HeldForAWhile {
        /// For how long at most.
        us: i64,
    },
    /// The first events were held, and then came at once.
    FirstHeld {
        /// For how long at most.
        us: i64,
    },
    /// No event has come so far.
    SilentSoFar {
        /// For how long.
        us: i64,
        /// The origin's first event did arrive.
        with_hello: bool,
    },
    /// Events have stopped, and the connection stays open.
    Stopped {
        /// After so many.
        received: u64,
    },
    /// The stream was asked for again in vain.
    Unanswered {
        /// For how long.
        us: i64,
    },
    /// The path ended the stream.
    CutByPath {
        /// After this time.
        after_us: i64,
        /// After so many events.
        received: u64,
    },
    /// Events arrive together throughout; one pace doesn't tell why.
    InLumps,
    /// Nothing arrives at first; one pace doesn't tell why.
    LateStart,
}

/// What a finding on such a stream found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WatchDetail {
    /// A verdict takes a few events.
    FewEvents,
    /// Later events came in real time.
    LaterInTime,
    /// Too few events have come since.
    FewSince,
    /// The origin sends at this interval.
    SentEvery {
        /// The interval.
        us: i64,
    },
    /// Nothing came for a time.
    NothingCame {
        /// The time.
        us: i64,
        /// The origin's interval.
        interval_us: i64,
    },
    /// There was not even a response head.
    NoHead,
    /// Attempts to connect again fail.
    AttemptsFail,
    /// The path cut the stream: its origin goes on, or was told that its client went away.
    Cut {
        /// The origin goes on.
        goes_on: bool,
    },
}
