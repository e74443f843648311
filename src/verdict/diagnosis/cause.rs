//! Why a path doesn't stream: causes, what the path does, and what that depends on.

use std::time::Duration;

use crate::verdict::{CureId, Hold, Id, Judgement, Reason};

macro_rules! causes {
    ($($(#[$doc:meta])* $cause:ident $id:literal;)*) => {
        /// Why the plain variant doesn't stream. The ids are stable.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Cause {
            $($(#[$doc])* $cause,)*
            /// The answer is not an event stream; the finding that says what it is.
            NotSse(Id),
        }

        impl Cause {
            /// All of them but [`Cause::NotSse`].
            pub const ALL: &'static [Cause] = &[$(Cause::$cause,)*];

            /// The id; of an answer that is not an event stream, that of its finding.
            pub fn id(self) -> &'static str {
                match self {
                    $(Cause::$cause => $id,)*
                    Cause::NotSse(finding) => finding.as_str(),
                }
            }
        }
    };
}

causes! {
    /// The same request streams one time and not another.
    Unsteady "unsteady";
    /// Streams are cut at an age.
    LifetimeLimit "lifetime-limit";
    /// Quiet streams are cut.
    IdleLimit "idle-limit";
    /// Streams are cut otherwise.
    Cut "cut";
    /// Nothing arrives, not even when the origin ends the response.
    Silent "silent";
    /// The start is held for a time.
    StartTimer "start-timer";
    /// The path passes fewer bytes a second than are sent.
    RateLimit "rate-limit";
    /// A compressor keeps events.
    Compressor "compressor";
    /// A socket waits for more bytes before it sends.
    Cork "cork";
    /// Responses of one framing are held.
    Framing "framing";
    /// Responses of the type `text/event-stream` are held.
    ContentType "content-type";
    /// Answers to GET are held.
    Method "method";
    /// Each event is late by the same time.
    Delay "delay";
    /// A timer releases what has come.
    Timer "timer";
    /// Something removes `X-Accel-Buffering`, and something holds the response nonetheless.
    HeaderEaten "header-eaten";
    /// Each event is kept until the next one.
    OneBehind "one-behind";
    /// A buffer is passed on when it is full.
    Buffer "buffer";
    /// A buffer is filled once, at the start.
    StartBuffer "start-buffer";
    /// The response is kept until it ends.
    UntilClose "until-close";
    /// A stored stream is replayed.
    Replay "replay";
    /// Events are lost, repeated, reordered or changed.
    Damage "damage";
}

/// A cause, with what the path does and what that depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The cause.
    pub cause: Cause,
    /// What the path does.
    pub behaviour: Behaviour,
    /// What that depends on.
    pub conditions: Vec<Condition>,
}

/// What the path does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Behaviour {
    /// Not the same every time.
    Unsteady,
    /// It cuts streams at an age, in microseconds.
    CutAtAge {
        /// The age.
        us: i64,
    },
    /// It cuts quiet streams.
    CutWhenIdle {
        /// After a silence of so many microseconds.
        us: i64,
        /// Whether comments prevent that.
        comments: Comments,
    },
    /// It holds the start for a time, whatever comes.
    StartHeld(Duration),
    /// It holds events as a corked socket does.
    Corked {
        /// For so many milliseconds.
        ms: Option<u64>,
    },
    /// It holds events.
    Held(Hold),
    /// It passes nothing.
    Silent,
    /// What the verdict says.
    Judged(Reason),
}

/// Whether comments keep a quiet stream from being cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comments {
    /// They do.
    Help,
    /// They don't.
    DontHelp,
    /// Those of 16 KiB do, small ones don't.
    OnlyLargeHelp,
}

/// What the path was seen to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// It compresses, unless a header field tells it not to.
    Compressor {
        /// The fields that it obeys.
        obeyed: Vec<CureId>,
        /// Those that it ignores.
        ignored: Vec<CureId>,
    },
    /// It compresses as well; without that, it does something else.
    CompressorToo {
        /// What it does without gzip.
        without_gzip: Judgement,
    },
    /// It holds chunked responses.
    HoldsChunked,
    /// It holds responses that their connection ends.
    HoldsUnchunked,
    /// It holds `text/event-stream`.
    ContentType,
    /// It holds answers to GET.
    Method,
    /// It obeys `X-Accel-Buffering`.
    ObeysAccel,
    /// It obeys `X-Accel-Buffering`, and does something else then.
    ObeysAccelInPart {
        /// What it does then.
        left: Reason,
    },
    /// It takes `X-Accel-Buffering` out of the response, and holds nonetheless.
    AccelTakenOut,
    /// It asks the origin with HTTP/1.0.
    AsksWithHttp10,
    /// It holds the head of the response as well.
    HeadHeld,
}

impl Explanation {
    /// A cause that depends on nothing else.
    pub(super) fn of(cause: Cause, behaviour: Behaviour) -> Explanation {
        Explanation { cause, behaviour, conditions: Vec::new() }
    }

    /// Whether a compressor is part of it.
    pub(super) fn has_compressor(&self) -> bool {
        let is_compressor =
            |condition: &Condition| matches!(condition, Condition::Compressor { .. } | Condition::CompressorToo { .. });
        self.conditions.iter().any(is_compressor)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_are_plain_and_differ() {
        let ids: BTreeSet<&str> = Cause::ALL.iter().map(|cause| cause.id()).collect();
        assert_eq!(ids.len(), Cause::ALL.len());
        assert!(ids.iter().all(|id| id.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')));
        assert_eq!(Cause::NotSse(Id::BadGateway).id(), "bad-gateway");
    }
}
