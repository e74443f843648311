//! The wire format of Server-Sent Events (WHATWG HTML, section 9.2): the encoder, the incremental [`Decoder`], and the scanner of
//! lines and blocks under it.

pub mod decoder;
pub mod scanner;

pub use decoder::Decoder;

/// Largest number of bytes in the name of an event or of a stream.
pub const NAME_MAX: usize = 64;

/// A name that can hold no line break: 1 to 64 of `A-Z a-z 0-9 _ . -`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Name(String);

impl Name {
    /// The name in `text`, if it is one.
    pub fn new(text: &str) -> Option<Name> {
        let fits = (1..=NAME_MAX).contains(&text.len());
        let clean = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b));
        (fits && clean).then(|| Name(text.to_owned()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One event, ready to be encoded. Ids are numbers, so that none can hold a line break or a NUL.
#[derive(Debug, Clone, Copy, Default)]
pub struct Event<'a> {
    /// The `event` field; none makes it a `message`.
    pub event: Option<&'a Name>,
    /// The `id` field.
    pub id: Option<u64>,
    /// The `retry` field: the client's reconnection time in milliseconds.
    pub retry_ms: Option<u64>,
    /// The data. Each of its lines becomes a `data` field of its own.
    pub data: &'a [u8],
}

impl Event<'_> {
    /// Appends the event's block, its blank line included, with LF line endings.
    ///
    /// Every CR, LF and CRLF in `data` ends a line: the client sees them all as LF, which is all the format can carry.
    pub fn encode(&self, out: &mut Vec<u8>) {
        self.encode_fields(out);
        for line in lines(self.data) {
            push_field(out, b"data", line);
        }
        out.push(b'\n');
    }

    /// Like [`Event::encode`], with data that `fill` appends in place instead of `data`. It must hold no line break.
    pub fn encode_line(&self, out: &mut Vec<u8>, fill: impl FnOnce(&mut Vec<u8>)) {
        self.encode_fields(out);
        out.extend_from_slice(b"data: ");
        fill(out);
        out.extend_from_slice(b"\n\n");
    }

    fn encode_fields(&self, out: &mut Vec<u8>) {
        if let Some(name) = self.event {
            push_field(out, b"event", name.as_str().as_bytes());
        }
        if let Some(id) = self.id {
            push_field(out, b"id", itoa::Buffer::new().format(id).as_bytes());
        }
        if let Some(retry_ms) = self.retry_ms {
            push_field(out, b"retry", itoa::Buffer::new().format(retry_ms).as_bytes());
        }
    }
}

fn push_field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    for part in [name, b": ", value, b"\n"] {
        out.extend_from_slice(part);
    }
}

/// The lines of `data`; an empty one has one line, as has one that ends without a line break.
fn lines(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(data);
    std::iter::from_fn(move || {
        let data = rest?;
        let Some(end) = data.iter().position(|b| matches!(b, b'\r' | b'\n')) else {
            rest = None;
            return Some(data);
        };
        let pair = data[end..].starts_with(b"\r\n");
        rest = Some(&data[end + 1 + usize::from(pair)..]);
        Some(&data[..end])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(event: Event<'_>) -> String {
        let mut out = Vec::new();
        event.encode(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_field_has_its_line() {
        let name = Name::new("hello").unwrap();
        let event = Event { event: Some(&name), id: Some(7), retry_ms: Some(1500), data: b"x" };
        assert_eq!(encoded(event), "event: hello\nid: 7\nretry: 1500\ndata: x\n\n");
    }

    #[test]
    fn line_breaks_in_data_make_fields_of_their_own() {
        let event = |data| encoded(Event { data, ..Event::default() });
        assert_eq!(event(b""), "data: \n\n");
        assert_eq!(event(b"a\nb"), "data: a\ndata: b\n\n");
        assert_eq!(event(b"a\r\nb\rc\n"), "data: a\ndata: b\ndata: c\ndata: \n\n");
        assert_eq!(event(b" a: b"), "data:  a: b\n\n");
    }

    #[test]
    fn names_are_short_and_plain() {
        assert!(Name::new("A-z_0.9").is_some());
        assert!(Name::new(&"n".repeat(64)).is_some());
        for bad in ["", "a b", "a\nb", "a\0", "ä", "a:b", &"n".repeat(65)] {
            assert!(Name::new(bad).is_none(), "{bad:?}");
        }
    }
}
