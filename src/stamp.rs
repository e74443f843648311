//! The origin's own events: stamped with the time just before the write, so that a client can tell how long the path
//! took, and filled to a size with bytes that no compressor shrinks much, checked by a CRC-32.
//!
//! Everything but the stamps is prepared ahead; at the tick only 43 bytes are patched in place. [`Stamp`] is the other
//! side: what a client reads in an event's data.

use std::borrow::Cow;

use flate2::Crc;
use serde::Deserialize;

use crate::http::chunk::Piece;
use crate::sse::{Event, Name};
use crate::timestamp::{RFC3339_LEN, US_LEN, write_rfc3339, write_us};

const SENT_US: &[u8] = b"\"sent_us\":";
const TIME: &[u8] = b",\"time\":\"";

/// Bytes of an event's JSON data without the digits of its number and without filler.
const DATA_MIN: usize =
    br#"{"seq":,"sent_us":0000000000000000,"time":"0000-00-00T00:00:00.000000Z","fill":"","crc32":"00000000"}"#.len();

/// What the events of a stream have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// The `event` field; none makes them `message` events.
    pub event: Option<Name>,
    /// Bytes of data in each event; a smaller size than its stamps need means no filler.
    pub size: usize,
}

impl Shape {
    /// Length of the data of event `seq`.
    fn data_len(&self, seq: u64) -> usize {
        self.size.max(DATA_MIN + digits(seq))
    }

    /// Length of event `seq` as a block of the event stream.
    pub fn event_len(&self, seq: u64) -> usize {
        let name = self.event.as_ref().map_or(0, |name| "event: \n".len() + name.as_str().len());
        name + "id: \n".len() + digits(seq) + "data: \n\n".len() + self.data_len(seq)
    }

    /// Length of events `first` to `last` together; 0 if there are none. Ids of as many digits have events of the same
    /// length, so that they need not be counted one by one.
    pub fn events_len(&self, first: u64, last: u64) -> u64 {
        let mut len = 0;
        let mut next = first;
        while next <= last {
            let same_digits = 10_u64.checked_pow(digits(next) as u32).map_or(u64::MAX, |limit| limit - 1);
            let end = same_digits.min(last);
            len += (end - next + 1) * self.event_len(next) as u64;
            next = end + 1;
        }
        len
    }
}

fn digits(value: u64) -> usize {
    itoa::Buffer::new().format(value).len()
}

/// An event whose stamps can be patched in place.
#[derive(Debug)]
pub struct Stamped {
    piece: Piece,
    /// Where `sent_us` has its digits in the payload.
    sent_at: usize,
}

impl Stamped {
    /// The hello event, its data being the stamps and the members of `json`, the text of a JSON object.
    pub fn hello(retry_ms: Option<u64>, json: &str) -> Stamped {
        let name = Name::new("hello");
        let event = Event { event: name.as_ref(), retry_ms, ..Event::default() };
        let mut sent_at = 0;
        let piece = Piece::of(|out| {
            let start = out.len();
            event.encode_line(out, |out| {
                out.push(b'{');
                sent_at = push_stamps(out) - start;
                out.push(b',');
                out.extend_from_slice(json.strip_prefix('{').unwrap_or(json).as_bytes());
            });
        });
        Stamped { piece, sent_at }
    }

    /// Numbered event `seq`.
    pub fn numbered(seq: u64, shape: &Shape, filler: &mut fastrand::Rng) -> Stamped {
        let mut stamped = Stamped { piece: Piece::with_capacity(shape.event_len(seq) + 2), sent_at: 0 };
        stamped.renumber(seq, shape, filler);
        stamped
    }

    /// Makes it numbered event `seq`, keeping the memory.
    pub fn renumber(&mut self, seq: u64, shape: &Shape, filler: &mut fastrand::Rng) {
        let event = Event { event: shape.event.as_ref(), id: Some(seq), ..Event::default() };
        let fill = shape.data_len(seq) - DATA_MIN - digits(seq);
        let sent_at = &mut self.sent_at;
        self.piece.refill(|out| {
            let start = out.len();
            event.encode_line(out, |out| {
                out.extend_from_slice(b"{\"seq\":");
                out.extend_from_slice(itoa::Buffer::new().format(seq).as_bytes());
                out.push(b',');
                *sent_at = push_stamps(out) - start;
                out.extend_from_slice(b",\"fill\":\"");
                let fill_at = out.len();
                push_filler(out, fill, filler);
                let crc = crc32(&out[fill_at..]);
                out.extend_from_slice(b"\",\"crc32\":\"");
                push_hex(out, crc);
                out.extend_from_slice(b"\"}");
            });
        });
    }

    /// Stamps it with `now_us`, Unix microseconds.
    pub fn stamp(&mut self, now_us: u64) {
        let payload = self.piece.payload_mut();
        let (digits, rest) = payload[self.sent_at..].split_at_mut(US_LEN);
        write_us(digits.try_into().expect("the slice has US_LEN bytes"), now_us);
        let time = &mut rest[TIME.len()..TIME.len() + RFC3339_LEN];
        write_rfc3339(time.try_into().expect("the slice has RFC3339_LEN bytes"), now_us);
    }

    /// The event as it goes over the wire.
    pub fn piece(&self) -> &Piece {
        &self.piece
    }

    /// The same, not to be stamped again.
    pub fn into_piece(self) -> Piece {
        self.piece
    }
}

/// What the data of one of the origin's events says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// The event's number; none in the hello event.
    pub seq: Option<u64>,
    /// Just before the write, in Unix microseconds of the origin's clock.
    pub sent_us: u64,
    /// The filler is what its CRC-32 says. The hello event has none.
    pub intact: bool,
}

impl Stamp {
    /// Reads an event's data; none if it is not stamped.
    pub fn parse(data: &str) -> Option<Stamp> {
        let data: Data<'_> = serde_json::from_str(data).ok()?;
        let check = |text: &str| u32::from_str_radix(text, 16).is_ok_and(|crc| crc == crc32(data.fill.as_bytes()));
        let intact = match (data.seq, data.crc32) {
            (_, Some(text)) => check(text),
            (seq, None) => seq.is_none(),
        };
        Some(Stamp { seq: data.seq, sent_us: data.sent_us, intact })
    }
}

/// The members of an event's data that a client needs.
#[derive(Deserialize)]
struct Data<'a> {
    seq: Option<u64>,
    sent_us: u64,
    /// Changed bytes may read as an escape, hence not always borrowed.
    #[serde(default, borrow)]
    fill: Cow<'a, str>,
    crc32: Option<&'a str>,
}

/// Appends the stamps with nothing in them; returns where `sent_us` has its digits.
fn push_stamps(out: &mut Vec<u8>) -> usize {
    out.extend_from_slice(SENT_US);
    let sent_at = out.len();
    out.extend_from_slice(&[b'0'; US_LEN]);
    out.extend_from_slice(TIME);
    out.extend_from_slice(&[b'0'; RFC3339_LEN]);
    out.push(b'"');
    sent_at
}

/// Appends `len` random bytes of the 93 printable ASCII characters that need no escape in JSON: 6.5 bits each, so that
/// a compressor makes them at most a fifth smaller.
pub fn push_filler(out: &mut Vec<u8>, len: usize, filler: &mut fastrand::Rng) {
    out.extend((0..len).map(|_| match filler.u8(0x20..0x20 + 93) {
        b'"' => b'}',
        b'\\' => b'~',
        byte => byte,
    }));
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

fn push_hex(out: &mut Vec<u8>, value: u32) {
    out.extend((0..8).rev().map(|nibble| b"0123456789abcdef"[(value >> (4 * nibble)) as usize & 15]));
}

/// How much of `left` bytes of padding goes into one piece of at most `max`: never so much that one byte is left, which is
/// too short for a comment.
pub fn padding_piece(left: usize, max: usize) -> usize {
    if left == max + 1 { max - 1 } else { left.min(max) }
}

/// Appends exactly `len` bytes of comment lines of incompressible text, at most 1024 bytes each; one byte, which is too
/// short for a comment, is a line break.
pub fn push_padding(out: &mut Vec<u8>, len: usize, filler: &mut fastrand::Rng) {
    const LINE: usize = 1024;
    let mut left = len;
    while left >= 2 {
        let line = padding_piece(left, LINE);
        out.push(b':');
        push_filler(out, line - 2, filler);
        out.push(b'\n');
        left -= line;
    }
    out.extend(std::iter::repeat_n(b'\n', left));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(size: usize) -> Shape {
        Shape { event: None, size }
    }

    fn data(stamped: &Stamped) -> serde_json::Value {
        let text = std::str::from_utf8(stamped.piece().payload()).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
        serde_json::from_str(line).unwrap()
    }

    #[test]
    fn an_event_is_exact() {
        let mut stamped = Stamped::numbered(7, &shape(0), &mut fastrand::Rng::with_seed(1));
        stamped.stamp(1_763_724_597_123_456);
        let expected = "id: 7\ndata: {\"seq\":7,\"sent_us\":1763724597123456,\"time\":\"2025-11-21T11:29:57.123456Z\",\
                        \"fill\":\"\",\"crc32\":\"00000000\"}\n\n";
        assert_eq!(String::from_utf8_lossy(stamped.piece().payload()), expected);
    }

    #[test]
    fn data_has_the_size_asked_for_and_a_checksum() {
        let named = Shape { event: Name::new("tick"), size: 2000 };
        let mut filler = fastrand::Rng::with_seed(1);
        let mut stamped = Stamped::numbered(1, &named, &mut filler);
        for seq in [1, 12, 1_234_567] {
            stamped.renumber(seq, &named, &mut filler);
            stamped.stamp(1_763_724_597_123_456);
            let text = String::from_utf8(stamped.piece().payload().to_vec()).unwrap();
            let line = text.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
            assert_eq!(line.len(), 2000);
            let data = data(&stamped);
            assert_eq!(data["seq"], seq);
            let fill = data["fill"].as_str().unwrap();
            assert_eq!(data["crc32"], format!("{:08x}", crc32(fill.as_bytes())));
            assert_eq!(text.len(), named.event_len(seq));
        }
    }

    #[test]
    fn the_length_is_known_beforehand() {
        for (seq, size) in [(1, 0), (9, 110), (10, 110), (100, 0), (u64::MAX, 0), (5, 5000)] {
            let stamped = Stamped::numbered(seq, &shape(size), &mut fastrand::Rng::with_seed(3));
            assert_eq!(stamped.piece().payload().len(), shape(size).event_len(seq), "{seq} {size}");
        }
    }

    #[test]
    fn the_length_of_many_is_the_sum_of_each() {
        for (first, last) in [(1, 0), (1, 1), (1, 12), (8, 1234), (99, 100), (1 << 53, (1 << 53) + 3)] {
            let sum: u64 = (first..=last).map(|seq| shape(110).event_len(seq) as u64).sum();
            assert_eq!(shape(110).events_len(first, last), sum, "{first} to {last}");
        }
    }

    #[test]
    fn hello_has_stamps_and_members() {
        let mut hello = Stamped::hello(Some(500), r#"{"id":"x"}"#);
        hello.stamp(1_763_724_597_000_000);
        let data = data(&hello);
        assert_eq!(data["sent_us"], 1_763_724_597_000_000_u64);
        assert_eq!(data["time"], "2025-11-21T11:29:57.000000Z");
        assert_eq!(data["id"], "x");
        assert!(hello.piece().payload().starts_with(b"event: hello\nretry: 500\ndata: {"));
    }

    fn parsed(stamped: &Stamped) -> Option<Stamp> {
        let text = std::str::from_utf8(stamped.piece().payload()).unwrap();
        Stamp::parse(text.lines().find_map(|line| line.strip_prefix("data: ")).unwrap())
    }

    #[test]
    fn what_is_written_is_read() {
        let mut stamped = Stamped::numbered(7, &shape(2000), &mut fastrand::Rng::with_seed(1));
        stamped.stamp(1_763_724_597_123_456);
        assert_eq!(parsed(&stamped), Some(Stamp { seq: Some(7), sent_us: 1_763_724_597_123_456, intact: true }));
        let mut hello = Stamped::hello(None, r#"{"id":"x"}"#);
        hello.stamp(1_763_724_597_000_000);
        assert_eq!(parsed(&hello), Some(Stamp { seq: None, sent_us: 1_763_724_597_000_000, intact: true }));
    }

    #[test]
    fn changed_filler_is_noticed_and_other_data_has_no_stamp() {
        let intact = |data| Stamp::parse(data).map(|stamp| stamp.intact);
        assert_eq!(intact(r#"{"seq":1,"sent_us":5,"fill":"123456789","crc32":"cbf43926"}"#), Some(true));
        assert_eq!(intact(r#"{"seq":1,"sent_us":5,"fill":"123456780","crc32":"cbf43926"}"#), Some(false));
        assert_eq!(intact(r#"{"seq":1,"sent_us":5,"fill":"12345678\n","crc32":"cbf43926"}"#), Some(false));
        assert_eq!(intact(r#"{"seq":1,"sent_us":5,"fill":"","crc32":"zz"}"#), Some(false));
        assert_eq!(intact(r#"{"seq":1,"sent_us":5}"#), Some(false));
        for other in ["", "hello", "[1]", r#"{"seq":1}"#, r#"{"sent_us":-1}"#, r#"{"sent_us":1"#] {
            assert_eq!(intact(other), None, "{other}");
        }
    }

    #[test]
    fn padding_is_comments_of_exactly_that_length() {
        for len in [0, 1, 2, 3, 1023, 1024, 1025, 1026, 2049, 4096, 65_536] {
            let mut out = Vec::new();
            push_padding(&mut out, len, &mut fastrand::Rng::with_seed(2));
            assert_eq!(out.len(), len);
            for line in out.split_inclusive(|&b| b == b'\n') {
                assert!(line.ends_with(b"\n") && (line.starts_with(b":") || len == 1), "{len}");
            }
        }
    }

    #[test]
    fn filler_hardly_compresses() {
        use std::io::Write;
        let mut plain = Vec::new();
        push_filler(&mut plain, 50_000, &mut fastrand::Rng::with_seed(4));
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gzip.write_all(&plain).unwrap();
        let packed = gzip.finish().unwrap().len();
        assert!(packed > 40_000, "{packed}");
    }
}
