//! Requests that look like those of a browser's `EventSource`, with what the user changes about them, as with curl.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::SERVER_NAME;
use crate::http::url::{Credentials, Url};

/// What a request for an event stream says of itself. The first two are a browser's.
const HEADERS: [(&str, &str); 4] = [
    ("Accept", "text/event-stream"),
    ("Cache-Control", "no-cache"),
    ("Accept-Encoding", "gzip"),
    ("User-Agent", SERVER_NAME),
];

/// What curl calls a body, unless it is told otherwise.
const BODY_TYPE: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

/// The field with which a client says how far it got.
pub const LAST_EVENT_ID: &str = "Last-Event-ID";

/// The field with a client's credentials.
const AUTHORIZATION: &str = "Authorization";

/// A request.
#[derive(Debug, Clone)]
pub struct Request {
    /// The URL.
    pub url: Url,
    /// The method.
    pub method: String,
    /// Header fields.
    pub headers: Vec<(String, String)>,
    /// The body; none is an empty one where the method wants one.
    pub body: Option<Vec<u8>>,
}

impl Request {
    /// A request for an event stream, with the user's header fields, method and body.
    ///
    /// Without a method it is a GET, with a body a POST. Credentials in the URL are taken out of it, and sent as curl
    /// sends them: with the `Basic` scheme, unless the user has an `Authorization` field of their own.
    pub fn event_stream(url: &str, method: Option<&str>, changes: &[Change], body: Option<Vec<u8>>) -> Request {
        let default = if body.is_some() { "POST" } else { "GET" };
        let body_type = body.as_ref().map(|_| BODY_TYPE);
        let (url, credentials) = Url::typed(url);
        let authorization = credentials.map(|credentials| basic(&credentials));
        let ours = HEADERS.into_iter().chain(body_type);
        let ours = ours.chain(authorization.as_deref().map(|value| (AUTHORIZATION, value)));
        Request { url, method: method.unwrap_or(default).to_owned(), headers: merged(ours, changes), body }
    }

    /// The value of a header field that is there once, taken out.
    pub fn take_header(&mut self, name: &str) -> Option<String> {
        let at = self.headers.iter().position(|(field, _)| field.eq_ignore_ascii_case(name))?;
        Some(self.headers.remove(at).1)
    }
}

/// What the user wants changed about the header fields (`-H`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// `Name: value` is sent, instead of ours of that name. `Name;` sends an empty value.
    Send(String, String),
    /// `Name:` keeps ours of that name out.
    Remove(String),
}

/// A text is no header field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoField;

impl fmt::Display for NoField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it is 'Name: value', 'Name:' to leave a field out, or 'Name;' for an empty one")
    }
}

impl std::error::Error for NoField {}

impl std::str::FromStr for Change {
    type Err = NoField;

    fn from_str(text: &str) -> Result<Change, NoField> {
        let (name, value) = match text.split_once(':') {
            Some((name, value)) => (name, Some(value.trim())),
            None => (text.strip_suffix(';').ok_or(NoField)?, None),
        };
        let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        let fits = !name.is_empty() && name.bytes().all(is_token) && !text.contains(|c: char| c.is_control());
        match value {
            _ if !fits => Err(NoField),
            Some("") => Ok(Change::Remove(name.to_owned())),
            value => Ok(Change::Send(name.to_owned(), value.unwrap_or_default().to_owned())),
        }
    }
}

/// The value of an `Authorization` field (RFC 7617).
fn basic(Credentials { user, password }: &Credentials) -> String {
    format!("Basic {}", BASE64_STANDARD.encode([user.as_slice(), b":", password].concat()))
}

fn merged<'a>(ours: impl Iterator<Item = (&'a str, &'a str)>, changes: &[Change]) -> Vec<(String, String)> {
    let changed = |name: &str| {
        changes.iter().any(|(Change::Send(field, _) | Change::Remove(field))| field.eq_ignore_ascii_case(name))
    };
    let kept = ours.filter(|(name, _)| !changed(name)).map(|(name, value)| (name.to_owned(), value.to_owned()));
    let sent = changes.iter().filter_map(|change| match change {
        Change::Send(name, value) => Some((name.clone(), value.clone())),
        Change::Remove(_) => None,
    });
    kept.chain(sent).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(changes: &[&str], body: Option<Vec<u8>>) -> String {
        let changes: Vec<Change> = changes.iter().map(|text| text.parse().unwrap()).collect();
        let headers = Request::event_stream("http://h/", None, &changes, body).headers;
        headers.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn fields_replace_ours_or_keep_them_out() {
        let agent = format!("User-Agent={SERVER_NAME}");
        let ours = format!("Accept=text/event-stream Cache-Control=no-cache Accept-Encoding=gzip {agent}");
        assert_eq!(headers(&[], None), ours);
        assert_eq!(headers(&["X: a:b ", "x:c"], None), format!("{ours} X=a:b x=c"));
        let changed = headers(&["accept: */*", "Cache-Control:", "User-Agent;"], None);
        assert_eq!(changed, "Accept-Encoding=gzip accept=*/* User-Agent=");
        let typed = format!("{ours} Content-Type=application/x-www-form-urlencoded");
        assert_eq!(headers(&[], Some(Vec::new())), typed);
        assert_eq!(headers(&["content-type: text/plain"], Some(Vec::new())), format!("{ours} content-type=text/plain"));
    }

    #[test]
    fn credentials_go_from_the_url_into_a_field() {
        let sent = |url: &str, changes: &[&str]| {
            let changes: Vec<Change> = changes.iter().map(|text| text.parse().unwrap()).collect();
            let mut request = Request::event_stream(url, None, &changes, None);
            (request.url.as_str().to_owned(), request.take_header(AUTHORIZATION))
        };
        for (url, plain, value) in [
            ("http://h/a@b", "http://h/a@b", None),
            ("https://h?u:p@", "https://h?u:p@", None),
            ("https://u:p@h:1/a?b", "https://h:1/a?b", Some("Basic dTpw")),
            ("http://u@h/", "http://h/", Some("Basic dTo=")),
            ("http://u:a@b:c@h", "http://h", Some("Basic dTphQGI6Yw==")),
            // %c3%bc is an u with two dots, %zz and a last % are themselves.
            ("http://%c3%bc%3A:%zz%@h", "http://h", Some("Basic w7w6OiV6eiU=")),
        ] {
            assert_eq!(sent(url, &[]), (plain.to_owned(), value.map(str::to_owned)), "{url}");
        }
        let own = sent("http://u:p@h/", &["authorization: Bearer x"]);
        assert_eq!(own, ("http://h/".to_owned(), Some("Bearer x".to_owned())));
        assert_eq!(sent("http://u:p@h/", &["Authorization:"]), ("http://h/".to_owned(), None));
    }

    #[test]
    fn a_body_makes_it_a_post_unless_there_is_a_method() {
        let method = |method, body| Request::event_stream("http://h/", method, &[], body).method;
        assert_eq!(method(None, None), "GET");
        assert_eq!(method(None, Some(Vec::new())), "POST");
        assert_eq!(method(Some("QUERY"), Some(Vec::new())), "QUERY");
    }

    #[test]
    fn what_is_no_field_is_refused() {
        for text in ["", "X", ": a", "X Y: a", "X\n: a", "X: a\r\nY: b", ";", "\u{e4}: b"] {
            assert_eq!(text.parse::<Change>(), Err(NoField), "{text:?}");
        }
    }
}
