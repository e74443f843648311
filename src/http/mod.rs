//! The parts of HTTP/1.1 (RFC 9110, RFC 9112) that the wire of an SSE origin needs exactly: screening of request
//! heads, response heads and chunked framing. Pure: bytes in, bytes out.

pub mod chunk;
pub mod media_type;
pub mod request;
pub mod response;
pub mod scan;
pub(crate) mod secret;
pub mod url;

pub use media_type::MediaType;
pub use request::Refusal;
pub use response::Response;
pub use url::Url;

/// The HTTP version of a request. Anything else is refused with 505.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.0: no chunked framing, one request a connection.
    Http10,
    /// HTTP/1.1.
    Http11,
}

impl Version {
    /// The version as it stands in a request line.
    pub fn as_str(self) -> &'static str {
        match self {
            Version::Http10 => "HTTP/1.0",
            Version::Http11 => "HTTP/1.1",
        }
    }
}

/// The reason phrase of a status code (RFC 9110, section 15); empty for one that is not used here.
pub fn reason_phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        204 => "No Content",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        408 => "Request Timeout",
        409 => "Conflict",
        411 => "Length Required",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        417 => "Expectation Failed",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        508 => "Loop Detected",
        _ => "",
    }
}
