//! The target's response as the client gets it.

use super::request::{Fields, Forwarding, end_to_end, values};
use crate::http::Version;

/// What the client's request has to do with the form of its response.
#[derive(Debug, Clone, Copy)]
pub(super) struct ResponseContext {
    pub(super) version: Version,
    pub(super) head_only: bool,
    /// The client lets the connection serve another request.
    pub(super) keep_alive: bool,
}

/// How the body is delimited towards the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// There is none.
    None,
    /// It has so many bytes, as the target says.
    Length(u64),
    /// In chunks of ours.
    Chunked,
    /// The end of the connection is its end, as HTTP/1.0 has it.
    Close,
}

/// How the body of a response with this head is delimited. "Any response to a HEAD request and any response with a 1xx,
/// 204 or 304 status code is always terminated by the first empty line" (RFC 9112, section 6.3).
pub(super) fn framing(status: u16, fields: &Fields, context: ResponseContext) -> Framing {
    let digits = |value: &[u8]| std::str::from_utf8(value).ok()?.trim().parse().ok();
    let length = values(fields, "content-length").next().and_then(digits);
    // A length beside a transfer coding is wrong, and was overridden by it.
    let length = length.filter(|_| values(fields, "transfer-encoding").next().is_none());
    match (length, context.version) {
        _ if context.head_only || matches!(status, 100..=199 | 204 | 304) => Framing::None,
        (Some(length), _) => Framing::Length(length),
        (None, Version::Http11) => Framing::Chunked,
        (None, Version::Http10) => Framing::Close,
    }
}

/// The head: the target's status and end-to-end fields, and how the body is delimited here.
pub(super) fn head(
    status: u16,
    reason: &str,
    fields: Fields,
    framing: Framing,
    context: ResponseContext,
    forwarding: &Forwarding<'_>,
) -> Vec<u8> {
    let length = values(&fields, "content-length").next().map(<[u8]>::to_vec);
    let mut out = format!("HTTP/1.1 {status} {reason}\r\n").into_bytes();
    let mut field = |name: &str, value: &[u8]| {
        for part in [name.as_bytes(), b": ", value, b"\r\n"] {
            out.extend_from_slice(part);
        }
    };
    for (name, value) in end_to_end(fields) {
        field(&name, &value);
    }
    field("Via", forwarding.via().as_bytes());
    match (framing, length) {
        (Framing::Chunked, _) => field("Transfer-Encoding", b"chunked"),
        // "A server MAY send a Content-Length header field in a response to a HEAD request [...] [or] in a 304"
        // (RFC 9110, section 8.6), of what the body would have been; but not in a 204.
        (Framing::Length(_) | Framing::None, Some(length)) if status >= 200 && status != 204 => {
            field("Content-Length", &length);
        }
        _ => {}
    }
    if !context.keep_alive || framing == Framing::Close {
        field("Connection", b"close");
    }
    out.extend_from_slice(b"\r\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{IpAddr, Ipv4Addr};

    const CONTEXT: ResponseContext = ResponseContext { version: Version::Http11, head_only: false, keep_alive: true };

    fn fields(lines: &[(&str, &str)]) -> Fields {
        lines.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect()
    }

    fn text(status: u16, lines: &[(&str, &str)], context: ResponseContext) -> String {
        let forwarding =
            Forwarding { peer: IpAddr::V4(Ipv4Addr::LOCALHOST), version: Version::Http11, pseudonym: "us" };
        let fields = fields(lines);
        let framing = framing(status, &fields, context);
        String::from_utf8(head(status, "Why", fields, framing, context, &forwarding)).unwrap()
    }

    #[test]
    fn bodies_are_framed_as_the_client_understands() {
        let sized = fields(&[("Content-Length", "12")]);
        let old = ResponseContext { version: Version::Http10, keep_alive: false, ..CONTEXT };
        let head_only = ResponseContext { head_only: true, ..CONTEXT };
        assert_eq!(framing(200, &sized, CONTEXT), Framing::Length(12));
        assert_eq!(framing(500, &sized, old), Framing::Length(12));
        assert_eq!(framing(200, &fields(&[]), CONTEXT), Framing::Chunked);
        assert_eq!(framing(200, &fields(&[]), old), Framing::Close);
        let both = fields(&[("Content-Length", "12"), ("Transfer-Encoding", "chunked")]);
        assert_eq!(framing(200, &both, CONTEXT), Framing::Chunked);
        for (status, context) in [(204, CONTEXT), (304, CONTEXT), (200, head_only)] {
            assert_eq!(framing(status, &sized, context), Framing::None);
        }
    }

    #[test]
    fn fields_pass_but_for_those_of_the_targets_connection() {
        let lines = [
            ("Content-Type", "text/event-stream"),
            ("Connection", "keep-alive, x-hop"),
            ("X-Hop", "1"),
            ("Transfer-Encoding", "chunked"),
            ("Set-Cookie", "a=1"),
            ("Set-Cookie", "b=2"),
        ];
        let expected = "HTTP/1.1 203 Why\r\nContent-Type: text/event-stream\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\
                        Via: 1.1 us\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert_eq!(text(203, &lines, CONTEXT), expected);
    }

    #[test]
    fn the_length_is_that_of_the_target() {
        let length = [("Content-Length", "12")];
        let with = "HTTP/1.1 200 Why\r\nVia: 1.1 us\r\nContent-Length: 12\r\n\r\n";
        assert_eq!(text(200, &length, CONTEXT), with);
        assert_eq!(text(200, &length, ResponseContext { head_only: true, ..CONTEXT }), with);
        assert_eq!(text(204, &length, CONTEXT), "HTTP/1.1 204 Why\r\nVia: 1.1 us\r\n\r\n");
        let old = ResponseContext { version: Version::Http10, keep_alive: false, ..CONTEXT };
        assert_eq!(text(200, &[], old), "HTTP/1.1 200 Why\r\nVia: 1.1 us\r\nConnection: close\r\n\r\n");
    }
}
