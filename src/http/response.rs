//! Response heads and small complete responses.

use std::borrow::Cow;
use std::time::SystemTime;

use super::reason_phrase;
use crate::SERVER_NAME;

/// What becomes of the connection behind a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Persistence {
    /// The connection serves the next request.
    KeepAlive,
    /// The connection is closed, and the response says so.
    Close,
}

/// Whether the body follows the head: not for HEAD.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// The body is sent.
    Send,
    /// Only the head is sent, with the Content-Length that the body would have.
    Omit,
}

/// A response head in the making: status line and fields, `Date`, `Server` and `X-Content-Type-Options` always there.
#[derive(Debug)]
pub struct Head {
    bytes: Vec<u8>,
}

impl Head {
    /// A head with `status`, dated `now`.
    pub fn new(status: u16, now: SystemTime) -> Head {
        let mut bytes = Vec::with_capacity(512);
        bytes.extend_from_slice(b"HTTP/1.1 ");
        bytes.extend_from_slice(itoa::Buffer::new().format(status).as_bytes());
        bytes.push(b' ');
        bytes.extend_from_slice(reason_phrase(status).as_bytes());
        bytes.extend_from_slice(b"\r\n");
        let mut head = Head { bytes };
        head.field("Date", &httpdate::fmt_http_date(now));
        head.field("Server", SERVER_NAME);
        head.field("X-Content-Type-Options", "nosniff");
        head
    }

    /// Appends a field. A control character in `value` becomes a space, so that no value can start a line of its own.
    pub fn field(&mut self, name: &'static str, value: &str) {
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.extend_from_slice(b": ");
        self.bytes.extend(value.bytes().map(|b| if b.is_ascii_control() { b' ' } else { b }));
        self.bytes.extend_from_slice(b"\r\n");
    }

    /// The complete head, with its empty line.
    pub fn finish(mut self) -> Vec<u8> {
        self.bytes.extend_from_slice(b"\r\n");
        self.bytes
    }
}

/// A small complete response.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Fields beside the ones that every response has.
    pub fields: Vec<(&'static str, Cow<'static, str>)>,
    /// The content.
    pub body: Cow<'static, [u8]>,
}

impl Response {
    /// A response without content.
    pub fn empty(status: u16) -> Response {
        Response { status, fields: Vec::new(), body: Cow::Borrowed(b"") }
    }

    /// A response with content of a type.
    pub fn new(status: u16, content_type: &'static str, body: impl Into<Cow<'static, [u8]>>) -> Response {
        Response { body: body.into(), ..Response::empty(status) }.with("Content-Type", content_type)
    }

    /// One line of plain text.
    pub fn text(status: u16, line: &str) -> Response {
        Response::new(status, "text/plain; charset=utf-8", format!("{line}\n").into_bytes())
    }

    /// The same with one more field.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Response {
        self.fields.push((name, value.into()));
        self
    }

    /// Whether it has a field of this name.
    pub fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|(other, _)| other.eq_ignore_ascii_case(name))
    }

    /// The response as it goes over the wire. A 204 has no Content-Length, and that of a 304
    /// would be the one of the 200 (RFC 9110, section 8.6).
    pub fn encode(&self, now: SystemTime, persistence: Persistence, body: Body) -> Vec<u8> {
        let mut head = Head::new(self.status, now);
        for (name, value) in &self.fields {
            head.field(name, value);
        }
        if !matches!(self.status, 204 | 304) {
            head.field("Content-Length", itoa::Buffer::new().format(self.body.len()));
        }
        if persistence == Persistence::Close {
            head.field("Connection", "close");
        }
        let mut bytes = head.finish();
        if body == Body::Send {
            bytes.extend_from_slice(&self.body);
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::UNIX_EPOCH;

    #[test]
    fn a_response_is_exact() {
        let response = Response::text(404, "nothing here").with("Allow", "GET");
        let wire = response.encode(UNIX_EPOCH, Persistence::Close, Body::Send);
        let expected = format!(
            "HTTP/1.1 404 Not Found\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nServer: {SERVER_NAME}\r\n\
             X-Content-Type-Options: nosniff\r\nContent-Type: text/plain; charset=utf-8\r\nAllow: GET\r\n\
             Content-Length: 13\r\nConnection: close\r\n\r\nnothing here\n"
        );
        assert_eq!(String::from_utf8(wire).unwrap(), expected);
    }

    #[test]
    fn head_requests_get_the_length_without_the_body() {
        let wire = Response::text(200, "ok").encode(UNIX_EPOCH, Persistence::KeepAlive, Body::Omit);
        assert!(wire.ends_with(b"Content-Length: 3\r\n\r\n"));
    }

    #[test]
    fn no_content_has_no_length() {
        let wire = Response::empty(204).encode(UNIX_EPOCH, Persistence::KeepAlive, Body::Send);
        assert!(!String::from_utf8(wire).unwrap().contains("Content-Length"));
    }

    #[test]
    fn a_value_cannot_start_a_line() {
        let mut head = Head::new(200, UNIX_EPOCH);
        head.field("Location", "/a\r\nSet-Cookie: x=1\0");
        assert!(head.finish().ends_with(b"Location: /a  Set-Cookie: x=1 \r\n\r\n"));
    }
}
