//! Finds the end of a request head while it comes in.

use super::request::{HEAD_MAX, Refusal, TARGET_MAX, check_version, refuse};

/// Room for a method, two spaces and a version around the target.
const REQUEST_LINE_MAX: usize = TARGET_MAX + 64;

/// Finds the end of a request head while it comes in, and what can be seen to be wrong with it before the end.
#[derive(Debug, Default)]
pub struct HeadScanner {
    scanned: usize,
    line_start: usize,
    lines: usize,
}

impl HeadScanner {
    /// Looks at the bytes of `buffer` that it has not seen yet; the same buffer, grown, comes each time.
    /// Returns the length of the head, its empty line included, once it is complete.
    ///
    /// Empty lines before the request line are skipped, as RFC 9112, section 2.2 asks.
    ///
    /// # Errors
    /// A [`Refusal`] as soon as a byte can't belong to a head, or a limit is passed.
    pub fn scan(&mut self, buffer: &[u8]) -> Result<Option<usize>, Refusal> {
        while let Some(&byte) = buffer.get(self.scanned) {
            self.check(buffer, byte)?;
            self.scanned += 1;
            if byte == b'\n' {
                if self.lines == 0 && self.scanned - self.line_start > 2 {
                    check_version(&buffer[self.line_start..self.scanned])?;
                }
                if self.ends_line() {
                    return Ok(Some(self.scanned));
                }
            }
        }
        Ok(None)
    }

    /// Whether the line that ends here is the empty one behind the fields.
    fn ends_line(&mut self) -> bool {
        let empty = self.scanned - self.line_start == 2;
        self.line_start = self.scanned;
        self.lines += usize::from(!empty);
        empty && self.lines > 0
    }

    fn check(&self, buffer: &[u8], byte: u8) -> Result<(), Refusal> {
        let before = self.scanned.checked_sub(1).map(|i| buffer[i]);
        let first_line = self.lines == 0;
        match byte {
            0x16 if self.scanned == 0 => refuse(400, "this looks like TLS; the port speaks plain HTTP: use http://"),
            _ if self.scanned >= HEAD_MAX => refuse(431, "request head longer than 32768 bytes"),
            b'\n' if before != Some(b'\r') => refuse(400, "lines of a request head end in CRLF, not in LF alone"),
            b'\n' => Ok(()),
            _ if before == Some(b'\r') => refuse(400, "a CR in a request head is followed by LF"),
            b'\r' | b'\t' => Ok(()),
            0..0x20 | 0x7f => refuse(400, "control character in the request head"),
            0x80.. if first_line => refuse(400, "byte above 127 in the request line; percent-encode it"),
            _ if first_line && self.scanned - self.line_start >= REQUEST_LINE_MAX => {
                refuse(414, "request target longer than 8192 bytes")
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The result of feeding `input` byte by byte, and that of feeding it whole; they must agree.
    fn scan(input: &[u8]) -> Result<Option<usize>, u16> {
        let whole = HeadScanner::default().scan(input).map_err(|refusal| refusal.status);
        let mut scanner = HeadScanner::default();
        let mut stepwise = Ok(None);
        for end in 0..=input.len() {
            stepwise = scanner.scan(&input[..end]).map_err(|refusal| refusal.status);
            if stepwise != Ok(None) {
                break;
            }
        }
        assert_eq!(whole, stepwise);
        whole
    }

    #[test]
    fn the_end_is_behind_the_empty_line() {
        let head = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        assert_eq!(scan(head), Ok(Some(head.len())));
        assert_eq!(scan(&[head.as_slice(), b"GET"].concat()), Ok(Some(head.len())));
        assert_eq!(scan(&head[..head.len() - 1]), Ok(None));
        assert_eq!(scan(b"\r\n\r\nGET / HTTP/1.0\r\n\r\n"), Ok(Some(22)));
        assert_eq!(scan(b""), Ok(None));
    }

    #[test]
    fn what_cannot_be_a_head_is_refused_at_once() {
        let cases: [&[u8]; 10] = [
            b"GET /\r\n",
            b"\x16\x03\x01",
            b"GET / HTTP/1.1\n",
            b"\n",
            b"GET / HTTP/1.1\r\nHost: a\n",
            b"GET / HTTP/1.1\rHost",
            b"GET /\0",
            b"GET / HTTP/1.1\r\nX: \x07",
            b"GET / HTTP/1.1\r\nX: \x7f",
            b"GET /\xc3\xbc",
        ];
        for case in cases {
            assert_eq!(scan(case), Err(400), "{}", case.escape_ascii());
        }
        assert_eq!(scan(b"GET / HTTP/1.1\r\nCf-Ipcity: Z\xc3\xbcrich\r\n"), Ok(None));
    }

    #[test]
    fn limits() {
        let target = [b"GET /".as_slice(), &vec![b'a'; 9000]].concat();
        assert_eq!(scan(&target), Err(414));
        let fields = [b"GET / HTTP/1.1\r\nX: ".as_slice(), &vec![b'a'; HEAD_MAX]].concat();
        assert_eq!(scan(&fields), Err(431));
        let empty_lines = b"\r\n".repeat(HEAD_MAX);
        assert_eq!(scan(&empty_lines), Err(431));
    }

    #[test]
    fn a_head_that_is_just_short_enough_passes() {
        let start = b"GET / HTTP/1.1\r\nX: ";
        let head = [start.as_slice(), &vec![b'a'; HEAD_MAX - start.len() - 4], b"\r\n\r\n"].concat();
        assert_eq!(scan(&head), Ok(Some(HEAD_MAX)));
    }
}
