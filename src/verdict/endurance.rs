//! How long a path lets streams be, how the origin learns that their clients have left, and how many it passes at once.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Serialize, Serializer};

/// What takes longer to find out than whether a path streams.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Endurance {
    /// How long streams may be quiet, and be at all.
    pub patience: Patience,
    /// When the origin noticed that clients had left.
    pub leaving: Leaving,
    /// How many streams passed side by side.
    pub crowd: Crowd,
}

fn seconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((time.as_secs_f64() * 1e3).round() / 1e3)
}

fn optional_seconds<S: Serializer>(time: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => seconds(time, serializer),
        None => serializer.serialize_none(),
    }
}

/// How a cut shows to a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Showed {
    /// As a regular end.
    Clean,
    /// The body ended before its framing says.
    Truncated,
    /// The connection was reset, or failed otherwise.
    Reset,
    /// Not at all: nothing more comes.
    Hang,
}

impl Showed {
    /// `clean`, `truncated`, `reset` or `hang`.
    pub fn as_str(self) -> &'static str {
        match self {
            Showed::Clean => "clean",
            Showed::Truncated => "truncated",
            Showed::Reset => "reset",
            Showed::Hang => "hang",
        }
    }
}

/// How a cut is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Proof {
    /// The client saw the end.
    Seen,
    /// The client saw nothing, but the origin says when its side of the connection was ended.
    OriginSaw,
    /// The origin says that it has sent what never came: the time of the cut lies between two that were tried.
    NeverCame,
}

/// When a path ends streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Cut {
    /// The time that it takes: of an idle cut from the last byte on, of a lifetime cut from the head on. Exact but for
    /// [`Proof::NeverCame`]; then it is the shortest that was not survived.
    #[serde(rename = "after_s", serialize_with = "seconds")]
    pub after: Duration,
    /// The longest time that was survived; what is below `after` is known to be safe up to here.
    #[serde(rename = "survived_s", serialize_with = "seconds")]
    pub survived: Duration,
    /// How it shows.
    pub showed: Showed,
    /// How it is known.
    pub proof: Proof,
}

/// How patient a path is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Patience {
    /// The shortest silence that is cut, if any.
    pub idle_cut: Option<Cut>,
    /// The age at which a stream is cut however busy it is, if any.
    pub lifetime_cut: Option<Cut>,
    /// A cut of quiet streams that may be either: no busy stream got through beside them, or none for long enough.
    pub either: Option<Cut>,
    /// The longest silence behind which an event came.
    #[serde(rename = "silence_survived_s", serialize_with = "optional_seconds")]
    pub silence_survived: Option<Duration>,
    /// When the first byte of the stream with an event a second came, after its request.
    #[serde(rename = "first_byte_s", serialize_with = "optional_seconds")]
    pub first_byte: Option<Duration>,
    /// How long the stream with an event a second was seen to live; none if there was none.
    #[serde(rename = "lived_s", serialize_with = "optional_seconds")]
    pub lived: Option<Duration>,
    /// Whether a comment of a few bytes every 2 s keeps a stream alive that would be cut for its silence; none without an
    /// idle cut, and if it is not known.
    pub comments_cure: Option<bool>,
    /// The same of comments of 16 KiB.
    pub padded_comments_cure: Option<bool>,
}

/// When the origin noticed that a client had left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Noticed {
    /// So long after, before the next event was due; wrong by [`Leaving::error`] at most.
    #[serde(rename = "within_s", serialize_with = "seconds")]
    Within(Duration),
    /// At the first event after, the second, or whichever it was.
    AtEvent(u32),
    /// Not within four events, or not in 8 s where nothing flowed.
    Never,
}

/// What the origin noticed. None is what could not be measured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Leaving {
    /// Of a connection that was closed (FIN) right behind an event.
    pub close: Option<Noticed>,
    /// Of one that was reset (RST) right behind an event.
    pub reset: Option<Noticed>,
    /// Of one that was closed while nothing flowed, and no event was due for an hour.
    pub idle: Option<Noticed>,
    /// How well the origin's clock is known.
    #[serde(rename = "error_s", serialize_with = "optional_seconds")]
    pub error: Option<Duration>,
}

impl Leaving {
    /// Milliseconds until a close was noticed, if that was before the next event.
    pub fn disconnect_ms(&self) -> Option<f64> {
        match self.close {
            Some(Noticed::Within(time)) => Some(time.as_secs_f64() * 1000.0),
            _ => None,
        }
    }
}

/// What became of streams that were asked for all at once. All numbers but the first add up to the first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Crowd {
    /// Streams that were asked for.
    pub asked: usize,
    /// Those that streamed side by side.
    pub at_once: usize,
    /// Those that were answered with another status than 200, by status.
    pub refused: BTreeMap<u16, usize>,
    /// Those that the origin began only when others had ended, or not at all in 8 s.
    pub kept_back: usize,
    /// Those that had no answer, or no event.
    pub failed: usize,
}
