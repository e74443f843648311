//! Screening of request heads: what is malformed, ambiguous or too large is refused before anything else sees it.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::Version;

/// Longest request target in bytes; beyond it 414.
pub const TARGET_MAX: usize = 8 * 1024;
/// Longest request head in bytes; beyond it 431.
pub const HEAD_MAX: usize = 32 * 1024;
/// Most header fields; beyond it 431.
pub const FIELDS_MAX: usize = 100;
/// Most options of the Connection field, each of which is compared with every field.
const CONNECTION_OPTIONS_MAX: usize = 32;

/// Fields that concern one connection only (RFC 9110, section 7.6.1), that frame a body, or that ask for something the
/// inner hop must not act on.
const NOT_FORWARDED: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "content-length",
    "expect",
];

/// Why a request is not served: a status and one line that says what to mend. The connection is closed behind it,
/// because what follows on it can't be trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The status code of the answer.
    pub status: u16,
    /// The reason, for the body of the answer and the log.
    pub reason: Cow<'static, str>,
}

impl Refusal {
    /// A refusal with a status and a reason.
    pub fn new(status: u16, reason: impl Into<Cow<'static, str>>) -> Refusal {
        Refusal { status, reason: reason.into() }
    }
}

pub(super) const fn refuse<T>(status: u16, reason: &'static str) -> Result<T, Refusal> {
    Err(Refusal { status, reason: Cow::Borrowed(reason) })
}

/// How a request's body is delimited (RFC 9112, section 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyLength {
    /// So many bytes, perhaps none. A larger number than fits is the largest one.
    Bytes(u64),
    /// Chunked.
    Chunked,
}

/// What the request is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A path with perhaps a query, in origin-form whatever form it came in.
    Path(String),
    /// `*`, of OPTIONS alone: the server as a whole.
    Asterisk,
}

/// A request head that passed.
#[derive(Debug, Clone)]
pub struct Screened {
    /// The HTTP version.
    pub version: Version,
    /// The target.
    pub target: Target,
    /// How the body is delimited.
    pub body: BodyLength,
    /// The client waits for `100 Continue` before it sends the body.
    pub expects_continue: bool,
    /// The connection may serve another request.
    pub keep_alive: bool,
    /// The response has no body, because the request is HEAD.
    pub head_only: bool,
}

/// The fields of a head that [`screen`] let pass, in order, names as they were written.
pub fn fields(head: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut slots = vec![httparse::EMPTY_HEADER; FIELDS_MAX];
    let mut request = httparse::Request::new(&mut slots);
    if request.parse(head).is_err() {
        return Vec::new();
    }
    request.headers.iter().map(|field| (field.name.to_owned(), field.value.to_vec())).collect()
}

/// Checks a complete head.
///
/// # Errors
/// A [`Refusal`] for a head that is malformed, ambiguous about where its body ends, or that asks for what is not
/// served here whatever the target.
pub fn screen(head: &[u8]) -> Result<Screened, Refusal> {
    check_version(head)?;
    // On the heap: a hundred slots on the stack would stay with the thread for as long as it streams.
    let mut slots = vec![httparse::EMPTY_HEADER; FIELDS_MAX];
    let mut request = httparse::Request::new(&mut slots);
    match request.parse(head) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) => return refuse(400, "incomplete request head"),
        Err(httparse::Error::TooManyHeaders) => return refuse(431, "more than 100 header fields"),
        Err(httparse::Error::HeaderName) => return refuse(400, "malformed header field name"),
        Err(httparse::Error::HeaderValue) => return refuse(400, "malformed header field value"),
        Err(_) => return refuse(400, "malformed request line: METHOD TARGET HTTP/1.1 is needed"),
    }
    let version = if request.version == Some(0) { Version::Http10 } else { Version::Http11 };
    let method = request.method.unwrap_or_default();
    let target = check_target(method, request.path.unwrap_or_default())?;
    let fields = Fields(request.headers);
    if fields.all("connection").flatten().filter(|&&b| b == b',').count() > CONNECTION_OPTIONS_MAX {
        return refuse(431, "more than 32 options in the Connection header field");
    }
    check_host(&fields, version)?;
    let expects_continue = check_expect(&fields, version)?;
    let body = check_body(&fields, version, method, expects_continue)?;
    let keep_alive = version == Version::Http11 && !fields.connection_has("close");
    Ok(Screened { version, target, body, expects_continue, keep_alive, head_only: method == "HEAD" })
}

/// The request as it is forwarded to the inner hop: to `target`, without the fields of one connection, without those
/// that frame a body, and without values that hold bytes above 127. Empty for a head that [`screen`] refuses.
pub fn forwardable(head: &[u8], target: &str) -> Vec<u8> {
    let mut slots = vec![httparse::EMPTY_HEADER; FIELDS_MAX];
    let mut request = httparse::Request::new(&mut slots);
    let mut out = Vec::with_capacity(head.len() + 64);
    if request.parse(head).is_err() {
        return out;
    }
    let method = request.method.unwrap_or_default();
    for part in [method, " ", target, " HTTP/1.1\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
    let fields = Fields(request.headers);
    for field in fields.0 {
        let dropped = NOT_FORWARDED.iter().any(|name| field.name.eq_ignore_ascii_case(name));
        if dropped || !field.value.is_ascii() || fields.connection_has(field.name) {
            continue;
        }
        for part in [field.name.as_bytes(), b": ", field.value, b"\r\n"] {
            out.extend_from_slice(part);
        }
    }
    out.extend_from_slice(b"\r\n");
    out
}

/// Refuses every version but HTTP/1.0 and HTTP/1.1, also the preface of HTTP/2, with 505.
pub(super) fn check_version(head: &[u8]) -> Result<(), Refusal> {
    let start = head.iter().position(|b| !matches!(b, b'\r' | b'\n')).unwrap_or(0);
    let line = head[start..].split(|&b| b == b'\r').next().unwrap_or_default();
    match line.rsplit(|&b| b == b' ').next() {
        Some(b"HTTP/1.1" | b"HTTP/1.0") => Ok(()),
        Some(version) if version.starts_with(b"HTTP/") => refuse(505, "only HTTP/1.1 and HTTP/1.0 are served here"),
        _ => refuse(400, "malformed request line: METHOD TARGET HTTP/1.1 is needed"),
    }
}

fn check_target(method: &str, target: &str) -> Result<Target, Refusal> {
    match method {
        "GET" | "HEAD" | "POST" | "OPTIONS" | "PUT" | "DELETE" | "PATCH" => {}
        _ => return refuse(501, "method not implemented; GET, HEAD, POST and OPTIONS are"),
    }
    if target.len() > TARGET_MAX {
        return refuse(414, "request target longer than 8192 bytes");
    }
    if target.contains('#') {
        return refuse(400, "a request target has no fragment");
    }
    if target == "*" && method == "OPTIONS" {
        return Ok(Target::Asterisk);
    }
    let path = if target.starts_with('/') { target } else { absolute_form_path(target)? };
    let root = if path.starts_with('/') { "" } else { "/" };
    Ok(Target::Path([root, path].concat()))
}

/// The path and query of an absolute-form target: "a server MUST accept the absolute-form in requests"
/// (RFC 9112, section 3.2.2).
fn absolute_form_path(target: &str) -> Result<&str, Refusal> {
    let malformed = || Refusal::new(400, "the request target is a path, such as /events");
    let (scheme, rest) = target.split_once("://").ok_or_else(malformed)?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let known = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    if known && end > 0 && is_host(&rest.as_bytes()[..end]) { Ok(&rest[end..]) } else { Err(malformed()) }
}

/// The characters of `uri-host [ ":" port ]` (RFC 9110, section 7.2), not its whole grammar.
fn is_host(value: &[u8]) -> bool {
    value.iter().all(|b| b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=%:[]".contains(b))
}

fn check_host(fields: &Fields<'_>, version: Version) -> Result<(), Refusal> {
    let mut hosts = fields.all("host");
    match (hosts.next(), hosts.next()) {
        (None, _) if version == Version::Http11 => refuse(400, "HTTP/1.1 needs a Host header field"),
        (_, Some(_)) => refuse(400, "more than one Host header field"),
        (Some(host), None) if !is_host(host) => refuse(400, "malformed Host header field"),
        _ => Ok(()),
    }
}

fn check_expect(fields: &Fields<'_>, version: Version) -> Result<bool, Refusal> {
    match fields.all("expect").next() {
        None => Ok(false),
        // "A server that receives a 100-continue expectation in an HTTP/1.0 request MUST ignore that expectation"
        // (RFC 9110, section 10.1.1).
        Some(value) if value.eq_ignore_ascii_case(b"100-continue") => Ok(version == Version::Http11),
        Some(_) => refuse(417, "the only expectation known here is 100-continue"),
    }
}

/// One framing, unmistakable, or a refusal (RFC 9112, section 6.3).
fn check_body(
    fields: &Fields<'_>,
    version: Version,
    method: &str,
    expects_continue: bool,
) -> Result<BodyLength, Refusal> {
    let mut lengths = fields.all("content-length");
    let mut codings = fields.all("transfer-encoding");
    match (lengths.next(), lengths.next(), codings.next(), codings.next()) {
        (_, Some(_), _, _) => refuse(400, "more than one Content-Length"),
        (Some(_), None, Some(_), _) => refuse(400, "both Content-Length and Transfer-Encoding"),
        (None, None, Some(_), _) if version == Version::Http10 => refuse(400, "Transfer-Encoding in HTTP/1.0"),
        (None, None, Some(_), Some(_)) => refuse(400, "more than one Transfer-Encoding"),
        (None, None, Some(coding), None) if coding.eq_ignore_ascii_case(b"chunked") => Ok(BodyLength::Chunked),
        (None, None, Some(_), None) => refuse(501, "the only transfer coding known here is chunked"),
        (Some(length), None, None, _) => content_length(length),
        (None, None, None, _) => {
            let announced = ["content-type", "content-encoding"].iter().any(|name| fields.all(name).next().is_some());
            if method == "POST" && (announced || expects_continue) {
                return refuse(411, "a body was announced without Content-Length or chunked framing");
            }
            Ok(BodyLength::Bytes(0))
        }
    }
}

fn content_length(value: &[u8]) -> Result<BodyLength, Refusal> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return refuse(400, "malformed Content-Length");
    }
    let digit = |length: u64, digit: &u8| length.saturating_mul(10).saturating_add(u64::from(digit - b'0'));
    Ok(BodyLength::Bytes(value.iter().fold(0, digit)))
}

struct Fields<'a>(&'a [httparse::Header<'a>]);

impl<'a> Fields<'a> {
    fn all(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.0.iter().filter(move |field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value)
    }

    fn connection_has(&self, option: &str) -> bool {
        self.all("connection")
            .flat_map(|value| value.split(|&b| b == b','))
            .any(|item| item.trim_ascii().eq_ignore_ascii_case(option.as_bytes()))
    }
}

/// `value` as it goes into a log line or an error text: printable ASCII stays, all else is escaped, cut at `max` bytes.
pub fn printable(value: &[u8], max: usize) -> String {
    let mut out = String::new();
    for &byte in value.iter().take(max) {
        match byte {
            b'"' | b'\\' => out.extend(['\\', byte as char]),
            0x20..0x7f => out.push(byte as char),
            _ => {
                let _ = write!(out, "\\x{byte:02x}");
            }
        }
    }
    if value.len() > max {
        out.push_str("...");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(head: &str) -> Result<Screened, u16> {
        screen(head.as_bytes()).map_err(|refusal| refusal.status)
    }

    fn with_fields(method: &str, fields: &str) -> Result<Screened, u16> {
        verdict(&format!("{method} /events HTTP/1.1\r\nHost: a\r\n{fields}\r\n"))
    }

    #[test]
    fn a_plain_request_passes() {
        let screened =
            verdict("GET /events?size=1 HTTP/1.1\r\nHost: [::1]:3000\r\nCf-Ipcity: Z\u{fc}rich\r\n\r\n").unwrap();
        assert_eq!(screened.target, Target::Path("/events?size=1".to_owned()));
        assert_eq!(screened.body, BodyLength::Bytes(0));
        assert!(screened.keep_alive && !screened.expects_continue);
    }

    #[test]
    fn request_lines_are_checked() {
        let line = |line: &str| verdict(&format!("{line}\r\nHost: a\r\n\r\n")).map(|s| s.target);
        let path = |path: &str| Ok(Target::Path(path.to_owned()));
        assert_eq!(line("GET / HTTP/1.0"), path("/"));
        assert_eq!(line("GET http://h:3000/a?b HTTP/1.1"), path("/a?b"));
        assert_eq!(line("GET HTTPS://h HTTP/1.1"), path("/"));
        assert_eq!(line("GET http://h?q HTTP/1.1"), path("/?q"));
        assert_eq!(line("OPTIONS * HTTP/1.1"), Ok(Target::Asterisk));
        for bad in
            ["GET * HTTP/1.1", "GET a HTTP/1.1", "GET ftp://h/ HTTP/1.1", "GET http:/// HTTP/1.1", "GET /#a HTTP/1.1"]
        {
            assert_eq!(line(bad), Err(400), "{bad}");
        }
        for bad in ["GET /", "GET  / HTTP/1.1", " GET / HTTP/1.1", "G(T / HTTP/1.1", "GET / HTTP/1.1 ", ""] {
            assert_eq!(line(bad), Err(400), "{bad}");
        }
        for other in ["PRI * HTTP/2.0", "GET / HTTP/3.0", "GET / HTTP/0.9", "GET / HTTP/1.2", "GET / HTTP/11"] {
            assert_eq!(line(other), Err(505), "{other}");
        }
        for unknown in ["BREW / HTTP/1.1", "get / HTTP/1.1", "TRACE / HTTP/1.1", "CONNECT a:1 HTTP/1.1"] {
            assert_eq!(line(unknown), Err(501), "{unknown}");
        }
        assert_eq!(line(&format!("GET /{} HTTP/1.1", "a".repeat(TARGET_MAX))), Err(414));
    }

    #[test]
    fn exactly_one_host_in_http_1_1() {
        assert_eq!(verdict("GET / HTTP/1.1\r\n\r\n").unwrap_err(), 400);
        assert!(verdict("GET / HTTP/1.0\r\n\r\n").is_ok());
        assert!(verdict("GET / HTTP/1.1\r\nHost:\r\n\r\n").is_ok());
        for version in ["1.0", "1.1"] {
            assert_eq!(verdict(&format!("GET / HTTP/{version}\r\nHost: a\r\nhost: a\r\n\r\n")).unwrap_err(), 400);
            assert_eq!(verdict(&format!("GET / HTTP/{version}\r\nHost: a b\r\n\r\n")).unwrap_err(), 400);
        }
    }

    #[test]
    fn one_framing_or_none() {
        let body = |fields: &str| with_fields("POST", fields).map(|s| s.body);
        assert_eq!(body(""), Ok(BodyLength::Bytes(0)));
        assert_eq!(body("Content-Length: 12\r\n"), Ok(BodyLength::Bytes(12)));
        assert_eq!(body("Transfer-Encoding: Chunked\r\n"), Ok(BodyLength::Chunked));
        assert_eq!(body("Content-Length: 107374182400\r\n"), Ok(BodyLength::Bytes(107_374_182_400)));
        assert_eq!(body("Content-Length: 99999999999999999999999\r\n"), Ok(BodyLength::Bytes(u64::MAX)));
        for bad in ["", "-1", "+1", "1 2", "0x10", "5, 5", "1e3"] {
            assert_eq!(body(&format!("Content-Length: {bad}\r\n")), Err(400), "{bad}");
        }
        assert_eq!(body("Content-Length: 5\r\nContent-Length: 6\r\n"), Err(400));
        assert_eq!(body("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), Err(400));
        assert_eq!(body("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), Err(400));
        for coding in ["gzip, chunked", "identity", "chunked, chunked", "xchunked"] {
            assert_eq!(body(&format!("Transfer-Encoding: {coding}\r\n")), Err(501), "{coding}");
        }
        let http10 = "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert_eq!(verdict(http10).unwrap_err(), 400);
    }

    #[test]
    fn a_body_that_is_announced_needs_a_length() {
        for announced in ["Content-Type: text/plain\r\n", "Expect: 100-continue\r\n"] {
            assert_eq!(with_fields("POST", announced).unwrap_err(), 411, "{announced}");
        }
        assert!(with_fields("GET", "Content-Type: text/plain\r\n").is_ok());
    }

    #[test]
    fn expectations() {
        let expecting = "Content-Length: 1\r\nExpect: 100-Continue\r\n";
        assert!(with_fields("POST", expecting).unwrap().expects_continue);
        assert_eq!(with_fields("POST", "Expect: 200-ok\r\n").unwrap_err(), 417);
    }

    #[test]
    fn fields_are_checked() {
        for bad in ["a b: c\r\n", "a : c\r\n", ": c\r\n", "nocolon\r\n", "A: b\r\n folded\r\n"] {
            assert_eq!(with_fields("GET", bad).unwrap_err(), 400, "{bad:?}");
        }
        assert_eq!(with_fields("GET", &"X: y\r\n".repeat(100)).unwrap_err(), 431);
        assert!(with_fields("GET", &"X: y\r\n".repeat(99)).is_ok());
        assert_eq!(with_fields("GET", &format!("Connection: {}\r\n", "a,".repeat(33))).unwrap_err(), 431);
        assert!(!with_fields("GET", "Connection: x, Close\r\n").unwrap().keep_alive);
    }

    #[test]
    fn what_is_forwarded_is_clean() {
        let head = "POST http://h/a?b HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\
                    Connection: keep-alive, X-Hop\r\nX-Hop: 1\r\nUpgrade: h2c\r\nCity: \u{fc}\r\nLast-Event-ID: 7\r\n\r\n";
        let forwarded = forwardable(head.as_bytes(), "/t/a?b");
        let expected = "POST /t/a?b HTTP/1.1\r\nHost: a\r\nLast-Event-ID: 7\r\n\r\n";
        assert_eq!(String::from_utf8(forwarded).unwrap(), expected);
    }

    #[test]
    fn printable_text_has_no_control_characters() {
        assert_eq!(printable(b"a\r\n\"\xff\x00", 20), "a\\x0d\\x0a\\\"\\xff\\x00");
        assert_eq!(printable(b"abcdef", 3), "abc...");
    }

    proptest::proptest! {
        /// Whatever comes in, screening neither panics nor lets a head pass that tiny_http would read otherwise:
        /// what is forwarded is ASCII, has one empty line, at its end, and frames no body.
        #[test]
        fn forwarded_heads_are_safe(head in proptest::collection::vec(proptest::sample::select(
            vec!["GET ", "POST ", "/a", "*", "http://h", " HTTP/1.1", "\r\n", "Host: a", "\n", "\r", ":", " ", "X: y",
                 "Content-Length: 5", "Transfer-Encoding: chunked", "\u{fc}", "\0", "Connection: host", ","]), 0..12)) {
            let head = head.concat();
            if let Ok(Screened { target: Target::Path(path), .. }) = screen(head.as_bytes()) {
                let forwarded = forwardable(head.as_bytes(), &path);
                proptest::prop_assert!(forwarded.is_ascii());
                proptest::prop_assert!(!forwarded.contains(&0));
                let text = String::from_utf8(forwarded).unwrap();
                proptest::prop_assert_eq!(text.find("\r\n\r\n"), Some(text.len() - 4));
                proptest::prop_assert!(!text.contains("Content-Length") && !text.contains("Transfer-Encoding"));
            }
        }
    }
}
