//! Requests that look like those of a browser's `EventSource`, with what the user changes about them, as with curl.

use std::fmt;

use crate::SERVER_NAME;

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

/// A request.
#[derive(Debug, Clone)]
pub struct Request {
    /// The absolute URL.
    pub url: String,
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
    /// Without a method it is a GET, with a body a POST.
    pub fn event_stream(url: &str, method: Option<&str>, changes: &[Change], body: Option<Vec<u8>>) -> Request {
        let default = if body.is_some() { "POST" } else { "GET" };
        let body_type = body.as_ref().map(|_| BODY_TYPE);
        Request {
            url: url.to_owned(),
            method: method.unwrap_or(default).to_owned(),
            headers: merged(HEADERS.into_iter().chain(body_type), changes),
            body,
        }
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

fn merged(ours: impl Iterator<Item = (&'static str, &'static str)>, changes: &[Change]) -> Vec<(String, String)> {
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
