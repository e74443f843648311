//! Reads and events of recordings, which are arrays because there are many.

use serde::{Deserialize, Serialize};

/// A read: `[at, offset, length]` in the body, transfer coding removed; where a content coding hides the content,
/// `[at, offset, length, content offset, content length]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<i64>", into = "Vec<i64>")]
pub struct ReadRecord {
    /// When it returned.
    pub at_us: i64,
    /// Where it begins in the body.
    pub offset: u64,
    /// Its bytes.
    pub length: u64,
    /// Where it begins in the content.
    pub content_offset: u64,
    /// The bytes of content that it completed.
    pub content_length: u64,
}

fn size(number: i64) -> Result<u64, &'static str> {
    u64::try_from(number).map_err(|_| "an offset or a length is negative")
}

fn number(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

impl TryFrom<Vec<i64>> for ReadRecord {
    type Error = &'static str;

    fn try_from(fields: Vec<i64>) -> Result<ReadRecord, &'static str> {
        let (&[at_us, offset, length], content) = fields.split_first_chunk().ok_or("a read has too few numbers")?;
        let (offset, length) = (size(offset)?, size(length)?);
        let (content_offset, content_length) = match *content {
            [] => (offset, length),
            [offset, length] => (size(offset)?, size(length)?),
            _ => return Err("a read has three numbers, or five"),
        };
        Ok(ReadRecord { at_us, offset, length, content_offset, content_length })
    }
}

impl From<ReadRecord> for Vec<i64> {
    fn from(read: ReadRecord) -> Vec<i64> {
        let ReadRecord { at_us, offset, length, content_offset, content_length } = read;
        let mut fields = vec![at_us, number(offset), number(length)];
        if (content_offset, content_length) != (offset, length) {
            fields.extend([number(content_offset), number(content_length)]);
        }
        fields
    }
}

/// An event: `[at, offset, length, number, sent, intact, hash]`, of which the last two may be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Option<i64>>", into = "Vec<Option<i64>>")]
pub struct EventRecord {
    /// When the read that completed it returned.
    pub at_us: i64,
    /// Where it begins in the content.
    pub offset: u64,
    /// Its bytes.
    pub length: u64,
    /// The number of its stamp, 0 for the hello event; without a stamp, its id if that is a number.
    pub number: Option<u64>,
    /// The time of its stamp; the origin's clock, less [`Recording::unix_us`](super::recording::Recording::unix_us).
    pub sent_us: Option<i64>,
    /// The check of its stamp is right.
    pub is_intact: bool,
    /// CRC-32 of the id, a line feed, and the data.
    pub hash: Option<u32>,
}

impl TryFrom<Vec<Option<i64>>> for EventRecord {
    type Error = &'static str;

    fn try_from(fields: Vec<Option<i64>>) -> Result<EventRecord, &'static str> {
        let (&[at_us, offset, length, number, sent_us], rest) =
            fields.split_first_chunk().ok_or("an event has too few numbers")?;
        let needed = "the first three numbers of an event can't be null";
        let (intact, hash) = match *rest {
            [] => (None, None),
            [intact] => (intact, None),
            [intact, hash] => (intact, hash),
            _ => return Err("an event has five to seven numbers"),
        };
        Ok(EventRecord {
            at_us: at_us.ok_or(needed)?,
            offset: size(offset.ok_or(needed)?)?,
            length: size(length.ok_or(needed)?)?,
            number: number.map(size).transpose()?,
            sent_us,
            is_intact: intact != Some(0),
            hash: hash.map(u32::try_from).transpose().map_err(|_| "the hash of an event is a CRC-32")?,
        })
    }
}

impl From<EventRecord> for Vec<Option<i64>> {
    fn from(event: EventRecord) -> Vec<Option<i64>> {
        let EventRecord { at_us, offset, length, sent_us, is_intact, hash, .. } = event;
        let id = event.number.map(number);
        let mut fields = vec![Some(at_us), Some(number(offset)), Some(number(length)), id, sent_us];
        if !is_intact || hash.is_some() {
            fields.push(Some(i64::from(is_intact)));
        }
        fields.extend(hash.map(|hash| Some(i64::from(hash))));
        fields
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_events_are_short_arrays() {
        for (text, form) in
            [("[-5,0,10]", "[-5,0,10]"), ("[1,0,10,0,30]", "[1,0,10,0,30]"), ("[1,0,10,0,10]", "[1,0,10]")]
        {
            let read: ReadRecord = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&read).unwrap(), form);
        }
        let forms = [
            ("[1,0,112,5,7]", "[1,0,112,5,7]"),
            ("[1,0,112,null,null,0]", "[1,0,112,null,null,0]"),
            ("[1,0,112,5,-7,1,4294967295]", "[1,0,112,5,-7,1,4294967295]"),
            ("[1,0,112,5,-7,1,null]", "[1,0,112,5,-7]"),
        ];
        for (text, form) in forms {
            let event: EventRecord = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&event).unwrap(), form);
        }
    }

    #[test]
    fn other_arrays_are_refused() {
        for text in ["[]", "[1,2]", "[1,-2,3]", "[1,2,3,4]", "[1,2,3,4,5,6]", "[1.5,2,3]", "{}"] {
            assert!(serde_json::from_str::<ReadRecord>(text).is_err(), "{text}");
        }
        let events = ["[1,2,3,4]", "[null,2,3,4,5]", "[1,2,3,-4,5]", "[1,2,3,4,5,6,7,8]", "[1,2,3,4,5,1,4294967296]"];
        for text in events {
            assert!(serde_json::from_str::<EventRecord>(text).is_err(), "{text}");
        }
    }
}
