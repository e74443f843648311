//! What an entry of the book says: mechanisms, limits and notes, with cures and sources.

use serde::de::value::{Error as WordError, StrDeserializer};
use serde::de::{Deserializer, Error, IntoDeserializer};
use serde::{Deserialize, Serialize};

use super::super::{CureId, HoldKind, Judgement};

/// How a claim is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// With this program, on a path of our own.
    Measured,
    /// From the maker's own words.
    Documentation,
    /// From somebody who met it: an issue, a change, an article.
    Reported,
}

/// Where something is known from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// How it is known.
    pub basis: Basis,
    /// When it was read or measured: `2026-11-21`, or `2026-11`.
    pub checked: String,
    /// What was measured, with its version.
    #[serde(default)]
    pub versions: Option<String>,
    /// What was read.
    #[serde(default)]
    pub url: Option<String>,
    /// Which part of that.
    #[serde(default)]
    pub section: Option<String>,
}

/// A judgement that a mechanism leads to, written `batched/bytes`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Symptom {
    /// The judgement.
    pub verdict: Judgement,
    /// What releases what is held.
    pub hold: HoldKind,
}

/// How a product holds or breaks streams.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mechanism {
    /// What it may look like.
    pub makes: Vec<Symptom>,
    /// One sentence, without a final dot.
    pub why: String,
    /// What it is about, where reasoning needs to know.
    #[serde(default)]
    pub tags: Vec<MechanismTag>,
    /// Its source: a word of the entry's.
    pub from: String,
    /// What helps, the smallest change first.
    #[serde(default)]
    pub cures: Vec<Cure>,
}

/// What a mechanism is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MechanismTag {
    /// It compresses.
    Compression,
    /// It asks the origin with HTTP/1.0.
    #[serde(rename = "http-1.0")]
    Http10,
}

impl MechanismTag {
    /// All of them.
    pub const ALL: [MechanismTag; 2] = [MechanismTag::Compression, MechanismTag::Http10];
}

/// How long a stream may be, or be quiet.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// What is limited.
    pub kind: LimitKind,
    /// For how long, unless it was changed; none if that isn't known or has no default.
    pub seconds: Option<u32>,
    /// Its name, and what happens then.
    pub what: String,
    /// Its source: a word of the entry's.
    pub from: String,
    /// What helps, the smallest change first.
    #[serde(default)]
    pub cures: Vec<Cure>,
}

/// What a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LimitKind {
    /// The time without a byte.
    Idle,
    /// The time from the beginning to the end, whatever is sent.
    Total,
    /// The time until the response head, or its first byte.
    Head,
}

/// Something else worth knowing.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Note {
    /// One sentence, without a final dot.
    pub text: String,
    /// Its source: a word of the entry's.
    pub from: String,
}

/// Something that helps.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cure {
    /// Which one.
    pub id: CureId,
    /// Where the lines go, or where to look.
    #[serde(rename = "where", default)]
    pub place: Option<String>,
    /// The lines, as they are typed; words in capitals stand for your own.
    #[serde(default)]
    pub lines: Vec<String>,
    /// What the id doesn't say.
    #[serde(default)]
    pub text: Option<String>,
    /// Its source, a word of the entry's; none if it is that of what the cure is for.
    #[serde(default)]
    pub from: Option<String>,
}

impl Symptom {
    /// Whether a path with this mechanism may be judged so: exactly so, or because it holds more than was sent, or for
    /// longer than the streams ran.
    pub fn fits(self, verdict: Judgement, hold: HoldKind) -> bool {
        use Judgement::{HeldUntilClose, Silent};
        let is_same = (self.verdict, self.hold) == (verdict, hold);
        let holds_bytes = matches!(self.hold, HoldKind::Bytes | HoldKind::StartBytes);
        let holds_all = matches!(self.verdict, HeldUntilClose | Silent);
        is_same || (verdict == HeldUntilClose && (holds_bytes || holds_all)) || (verdict == Silent && holds_all)
    }
}

impl<'de> Deserialize<'de> for Symptom {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Symptom, D::Error> {
        let text = String::deserialize(deserializer)?;
        let (verdict, hold) = text.split_once('/').ok_or_else(|| D::Error::custom(format!("no / in {text:?}")))?;
        Ok(Symptom { verdict: word(verdict).map_err(D::Error::custom)?, hold: word(hold).map_err(D::Error::custom)? })
    }
}

/// A word of the contract.
fn word<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, WordError> {
    let word: StrDeserializer<'a, WordError> = text.into_deserializer();
    T::deserialize(word)
}
