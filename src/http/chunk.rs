//! The chunked transfer coding (RFC 9112, section 7.1): one chunk out in one buffer, a request's body in.

/// The last chunk and the empty trailer section that end a body.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// Room in front of the payload for eight hexadecimal digits and CRLF.
const HEADROOM: usize = 10;

/// A piece of a body that can be written with or without chunk framing, without copying it.
#[derive(Debug, Clone)]
pub struct Piece {
    /// Headroom, payload and, once sealed, the CRLF behind it.
    buffer: Vec<u8>,
    /// Where the chunk's size begins in the headroom; 0 until sealed.
    start: usize,
}

impl Piece {
    /// An empty piece with room for `capacity` bytes of payload.
    pub fn with_capacity(capacity: usize) -> Piece {
        let mut buffer = Vec::with_capacity(HEADROOM + capacity + 2);
        buffer.resize(HEADROOM, 0);
        Piece { buffer, start: 0 }
    }

    /// Makes a sealed piece of what `fill` appends.
    pub fn of(fill: impl FnOnce(&mut Vec<u8>)) -> Piece {
        let mut piece = Piece::with_capacity(0);
        piece.refill(fill);
        piece
    }

    /// Empties the piece, appends what `fill` appends, and seals it, keeping the memory.
    pub fn refill(&mut self, fill: impl FnOnce(&mut Vec<u8>)) {
        self.buffer.truncate(HEADROOM);
        fill(&mut self.buffer);
        self.seal();
    }

    fn seal(&mut self) {
        let mut size = self.buffer.len() - HEADROOM;
        self.buffer.extend_from_slice(b"\r\n");
        self.buffer[HEADROOM - 2..HEADROOM].copy_from_slice(b"\r\n");
        self.start = HEADROOM - 2;
        loop {
            self.start -= 1;
            self.buffer[self.start] = b"0123456789abcdef"[size & 15];
            size >>= 4;
            if size == 0 {
                break;
            }
        }
    }

    /// The payload.
    pub fn payload(&self) -> &[u8] {
        &self.buffer[HEADROOM..self.buffer.len() - 2]
    }

    /// The payload, to be changed in place.
    pub fn payload_mut(&mut self) -> &mut [u8] {
        let end = self.buffer.len() - 2;
        &mut self.buffer[HEADROOM..end]
    }

    /// The payload as one chunk. An empty payload has none: its chunk would end the body.
    pub fn chunk(&self) -> &[u8] {
        if self.payload().is_empty() { &[] } else { &self.buffer[self.start..] }
    }
}

/// Why a chunked body can't be read.
#[derive(Debug, PartialEq, Eq)]
pub enum ChunkError {
    /// A size line or the CRLF behind the data is malformed.
    Malformed,
    /// The payload is larger than the limit.
    TooLarge,
}

/// Longest size line, extensions included, and longest trailer section.
const LINE_MAX: usize = 1024;

/// Reads a chunked body of a request while it comes in.
#[derive(Debug, Default)]
pub struct Decoder {
    /// The payload so far.
    pub body: Vec<u8>,
    /// How much of the input is done with: whole chunks, and at the end the size line of the last one.
    done: usize,
    in_trailer: bool,
}

impl Decoder {
    /// Looks at `input`, which begins with the body and holds more each time. Once the body is complete, returns how
    /// much of the input it took.
    ///
    /// # Errors
    /// A [`ChunkError`] as soon as the framing is broken, or the payload is larger than `limit`.
    pub fn decode(&mut self, input: &[u8], limit: usize) -> Result<Option<usize>, ChunkError> {
        while !self.in_trailer {
            let rest = &input[self.done..];
            let Some((line, size)) = chunk_size(rest)? else { return Ok(None) };
            let size = usize::try_from(size).map_err(|_| ChunkError::TooLarge)?;
            if size > limit - self.body.len() {
                return Err(ChunkError::TooLarge);
            }
            if size == 0 {
                self.in_trailer = true;
                self.done += line;
                break;
            }
            let (data, behind) = rest[line..].split_at(size.min(rest.len() - line));
            if !b"\r\n".starts_with(&behind[..behind.len().min(2)]) {
                return Err(ChunkError::Malformed);
            }
            if behind.len() < 2 {
                return Ok(None);
            }
            self.body.extend_from_slice(data);
            self.done += line + size + 2;
        }
        Ok(trailer_len(&input[self.done..])?.map(|len| self.done + len))
    }
}

/// The length of a chunk's size line, once it is complete, and the size.
fn chunk_size(input: &[u8]) -> Result<Option<(usize, u64)>, ChunkError> {
    // httparse takes an empty size for 0, but "chunk-size = 1*HEXDIG".
    if input.first().is_some_and(|digit| !digit.is_ascii_hexdigit()) {
        return Err(ChunkError::Malformed);
    }
    match httparse::parse_chunk_size(input) {
        Ok(httparse::Status::Complete((line, size))) if is_clean(&input[..line - 2]) => Ok(Some((line, size))),
        Ok(httparse::Status::Partial) if input.len() <= LINE_MAX => Ok(None),
        _ => Err(ChunkError::Malformed),
    }
}

/// Checks that a trailer section, complete, is one of fields; returns its length.
fn check_trailer(section: &[u8]) -> Result<usize, ChunkError> {
    let mut slots = vec![httparse::EMPTY_HEADER; 64];
    match httparse::parse_headers(section, &mut slots) {
        Ok(httparse::Status::Complete(_)) => Ok(section.len()),
        _ => Err(ChunkError::Malformed),
    }
}

/// Whether a size line or a trailer field holds none of what a request head may not hold either.
fn is_clean(line: &[u8]) -> bool {
    line.iter().all(|&byte| byte == b'\t' || !byte.is_ascii_control())
}

/// The length of the trailer section, its empty line included, once it is complete.
fn trailer_len(input: &[u8]) -> Result<Option<usize>, ChunkError> {
    let mut at = 0;
    loop {
        match input[at..].windows(2).position(|pair| pair == b"\r\n") {
            Some(0) => return check_trailer(&input[..at + 2]).map(Some),
            Some(line) if at + line <= LINE_MAX && is_clean(&input[at..at + line]) => at += line + 2,
            None if input.len() <= LINE_MAX => return Ok(None),
            _ => return Err(ChunkError::Malformed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_is_its_payload_and_its_chunk() {
        for (size, digits) in [(1, "1"), (15, "f"), (16, "10"), (255, "ff"), (4096, "1000"), (70_000, "11170")] {
            let payload = vec![b'x'; size];
            let piece = Piece::of(|out| out.extend_from_slice(&payload));
            let chunk = [digits.as_bytes(), b"\r\n", &payload, b"\r\n"].concat();
            assert_eq!(piece.chunk(), chunk);
            assert_eq!(piece.payload(), payload);
        }
    }

    #[test]
    fn a_piece_can_be_refilled_and_changed_in_place() {
        let mut piece = Piece::of(|out| out.extend_from_slice(&[b'x'; 300]));
        piece.refill(|out| out.extend_from_slice(b"abc"));
        piece.payload_mut()[1] = b'-';
        assert_eq!(piece.chunk(), b"3\r\na-c\r\n");
    }

    #[test]
    fn an_empty_piece_does_not_end_the_body() {
        assert_eq!(Piece::of(|_| ()).chunk(), b"");
    }

    fn whole(wire: &[u8], limit: usize) -> Result<Option<(usize, Vec<u8>)>, ChunkError> {
        let mut decoder = Decoder::default();
        let used = decoder.decode(wire, limit)?;
        Ok(used.map(|used| (used, decoder.body)))
    }

    #[test]
    fn bodies_are_read_in_every_split() {
        let wire = b"5;ext=1\r\nhello\r\n1\r\n!\r\n0\r\nTrailer: x\r\n\r\n";
        let mut decoder = Decoder::default();
        for end in 0..wire.len() {
            assert_eq!(decoder.decode(&wire[..end], 100), Ok(None), "at {end}");
        }
        assert_eq!(decoder.decode(wire, 100), Ok(Some(wire.len())));
        assert_eq!(decoder.body, b"hello!");
        let pipelined = [wire.as_slice(), b"GET / HTTP/1.1\r\n"].concat();
        assert_eq!(whole(&pipelined, 100), Ok(Some((wire.len(), b"hello!".to_vec()))));
    }

    #[test]
    fn broken_or_large_bodies_are_refused() {
        for wire in ["x\r\n", "-1\r\n", "5\r\nhelloX", "5\r\nhello\n", "5\nhello", "\r\n", "1\r\na\n0\r\n\r\n"] {
            assert_eq!(whole(wire.as_bytes(), 100), Err(ChunkError::Malformed), "{wire:?}");
        }
        let endless = [b"0\r\n".as_slice(), &[b'a'; 2000]].concat();
        assert_eq!(whole(&endless, 100), Err(ChunkError::Malformed));
        for wire in ["6\r\nhello!", "5\r\nhello\r\n1\r\n", "ffffffffffffffff\r\n"] {
            assert_eq!(whole(wire.as_bytes(), 5), Err(ChunkError::TooLarge), "{wire:?}");
        }
    }
}
