//! URLs of requests and responses.

use std::fmt;

use percent_encoding::percent_decode_str;
use url::Position;

use super::secret::is_secret_parameter;

/// What a secret value is shown as.
const HIDDEN: &str = "***";

/// A URL, spelled as it was typed or came: servers get paths and queries byte for byte. It holds neither credentials nor a
/// fragment.
///
/// It is shown without the values of query parameters that may let somebody in. One that is malformed is kept as it is: a
/// request for it fails, and says why.
#[derive(Clone, PartialEq, Eq)]
pub struct Url {
    text: String,
    parsed: Option<url::Url>,
}

/// A user name and a password, as they stood before the `@` of a URL's host.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user name.
    pub user: Vec<u8>,
    /// The password; it may be empty.
    pub password: Vec<u8>,
}

impl Url {
    /// A URL as a user typed it: without a scheme it is `http`, as with curl. Its credentials come separately.
    pub fn typed(text: &str) -> (Url, Option<Credentials>) {
        let text = text.split('#').next().unwrap_or(text);
        let is_scheme = |scheme: &str| scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
        let is_absolute = text.split_once("://").is_some_and(|(scheme, _)| is_scheme(scheme));
        let text = if is_absolute { text.to_owned() } else { format!("http://{text}") };
        let (before, credentials, after) = split_credentials(&text);
        let Some(credentials) = credentials else { return (Url::new(text), None) };
        let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
        let decoded = |part| percent_decode_str(part).collect();
        (Url::new([before, after].concat()), Some(Credentials { user: decoded(user), password: decoded(password) }))
    }

    /// A URL as it came. Credentials in it are dropped.
    pub fn of(text: &str) -> Url {
        Url::typed(text).0
    }

    fn new(text: String) -> Url {
        // Servers get it byte for byte, and these would break the line that it stands in.
        let breaks_lines = text.bytes().any(|byte| byte <= b' ' || byte == 0x7f);
        let parsed = url::Url::parse(&text).ok().filter(|_| !breaks_lines);
        Url { text, parsed }
    }

    /// All of it, for a request. It may hold secrets: show it with `Display`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether a request for it is one of HTTP, with or without TLS.
    pub fn is_http(&self) -> bool {
        let has_host = |url: &url::Url| matches!(url.scheme(), "http" | "https") && url.has_host();
        // The parser takes the path of `http:///path` for a host.
        !self.authority().is_empty() && self.parsed.as_ref().is_some_and(has_host)
    }

    /// Whether requests for it go over TLS.
    pub fn is_secure(&self) -> bool {
        self.parsed.as_ref().is_some_and(|url| url.scheme() == "https")
    }

    /// Host and port as they are spelled, as far as they are there.
    pub fn authority(&self) -> &str {
        let rest = self.text.split_once("://").map_or(self.text.as_str(), |(_, rest)| rest);
        rest.split(['/', '?']).next().unwrap_or(rest)
    }

    /// The path without the query; empty if it is malformed.
    pub fn path(&self) -> &str {
        self.parsed.as_ref().map_or("", url::Url::path)
    }

    /// The last segment of the path.
    pub fn last_segment(&self) -> &str {
        self.path().rsplit('/').next().unwrap_or_default()
    }

    /// The query as it is spelled, without its question mark; empty without one.
    pub fn query(&self) -> &str {
        self.text.split_once('?').map_or("", |(_, query)| query)
    }

    /// Whether it names a host or a folder, not a resource in it.
    pub fn is_root(&self) -> bool {
        self.path().ends_with('/')
    }

    /// Another resource beside the last segment of the path, without a query.
    #[must_use]
    pub fn beside(&self, name: &str) -> Url {
        let Some(url) = &self.parsed else { return self.clone() };
        let folder = url[..Position::AfterPath].trim_end_matches(|c| c != '/');
        Url::new(format!("{folder}{name}"))
    }

    /// The same with this query, or without one if it is empty.
    #[must_use]
    pub fn with_query(&self, query: &str) -> Url {
        let place = self.text.split('?').next().unwrap_or_default();
        let separator = if query.is_empty() { "" } else { "?" };
        Url::new([place, separator, query].concat())
    }

    /// The same without a parameter; none if it is not there.
    pub fn without_parameter(&self, name: &str) -> Option<Url> {
        let is_other =
            |one: &&str| form_urlencoded::parse(one.as_bytes()).next().is_none_or(|(found, _)| found != name);
        let kept: Vec<&str> = self.query().split('&').filter(is_other).collect();
        (kept.len() < self.query().split('&').count()).then(|| self.with_query(&kept.join("&")))
    }

    /// The same with parameters after those of the query, which stay as they are.
    #[must_use]
    pub fn with_parameters(&self, parameters: &str) -> Url {
        let separator = match self.text.split_once('?') {
            _ if parameters.is_empty() => "",
            None => "?",
            Some((_, "")) => "",
            Some(_) => "&",
        };
        Url::new([&self.text, separator, parameters].concat())
    }
}

/// The host of a reference, such as the value of a `Location` field; empty if it is relative.
pub fn host_of_reference(reference: &str) -> String {
    let url = url::Url::parse(reference).ok();
    url.as_ref().and_then(url::Url::host_str).unwrap_or_default().to_owned()
}

/// The path of a reference, which may be absolute or relative, such as the value of a `Location` field.
pub fn path_of_reference(reference: &str) -> String {
    let base = url::Url::parse("http://localhost/").ok();
    let parsed = url::Url::options().base_url(base.as_ref()).parse(reference);
    parsed.map_or_else(|_| String::new(), |url| url.path().to_owned())
}

/// What stands before the credentials of an absolute URL, they themselves, and what stands after their `@`.
fn split_credentials(text: &str) -> (&str, Option<&str>, &str) {
    let authority = text.find("://").map_or(text.len(), |at| at + "://".len());
    let (before, rest) = text.split_at(authority);
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    match rest[..end].rfind('@') {
        Some(at) => (before, Some(&rest[..at]), &rest[at + 1..]),
        None => (before, None, rest),
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((place, query)) = self.text.split_once('?') else { return f.write_str(&self.text) };
        let shown = query.split('&').map(|parameter| match parameter.split_once('=') {
            Some((name, value))
                if !value.is_empty() && is_secret_parameter(&percent_decode_str(name).decode_utf8_lossy()) =>
            {
                format!("{name}={HIDDEN}")
            }
            _ => parameter.to_owned(),
        });
        write!(f, "{place}?{}", shown.collect::<Vec<_>>().join("&"))
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Url({self})")
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_typed_with_or_without_a_scheme() {
        for (typed, expected) in [
            ("localhost:3000", "http://localhost:3000"),
            ("https://h/a?b#c", "https://h/a?b"),
            ("h/a?to=http://x", "http://h/a?to=http://x"),
            ("HTTP://H/a/../b?c=%zz&&d='e", "HTTP://H/a/../b?c=%zz&&d='e"),
            ("not a url", "http://not a url"),
        ] {
            assert_eq!(Url::of(typed).as_str(), expected);
        }
    }

    #[test]
    fn credentials_come_separately() {
        let pair =
            |user: &[u8], password: &[u8]| Some(Credentials { user: user.to_vec(), password: password.to_vec() });
        for (typed, plain, credentials) in [
            ("http://h/a@b", "http://h/a@b", None),
            ("https://h?u:p@", "https://h?u:p@", None),
            ("https://u:p@h:1/a?b", "https://h:1/a?b", pair(b"u", b"p")),
            ("u@h/", "http://h/", pair(b"u", b"")),
            ("http://u:a@b:c@h", "http://h", pair(b"u", b"a@b:c")),
            // %zz and a last % are themselves.
            ("http://%c3%bc%3A:%zz%@h", "http://h", pair(b"\xc3\xbc:", b"%zz%")),
        ] {
            assert_eq!(Url::typed(typed), (Url::of(plain), credentials), "{typed}");
        }
    }

    #[test]
    fn resources_beside() {
        for (url, root, events) in [
            ("http://h", true, "http://h/events"),
            ("http://h:1?a=/b", true, "http://h:1/events?a=/b"),
            ("http://h/", true, "http://h/events"),
            ("http://h/sse/?a", true, "http://h/sse/events?a"),
            ("http://h/sse", false, "http://h/events"),
            ("http://h/sse/stream?a=b/", false, "http://h/sse/events?a=b/"),
        ] {
            let url = Url::of(url);
            assert_eq!((url.is_root(), url.beside("events").with_query(url.query()).as_str()), (root, events), "{url}");
        }
        assert_eq!(Url::of("http://h/sse/stream?a").beside("streams/x").as_str(), "http://h/sse/streams/x");
    }

    #[test]
    fn queries_are_joined() {
        for (url, query, joined) in [
            ("http://h/sse", "", "http://h/sse"),
            ("http://h/sse", "a=1&a", "http://h/sse?a=1&a"),
            ("http://h/sse?x", "a", "http://h/sse?x&a"),
            ("http://h/sse?x", "", "http://h/sse?x"),
            ("http://h/sse?", "a", "http://h/sse?a"),
        ] {
            assert_eq!(Url::of(url).with_parameters(query).as_str(), joined);
        }
    }

    #[test]
    fn a_parameter_is_taken_out() {
        let left = |url: &str| Url::of(url).without_parameter("id").map(|url| url.as_str().to_owned());
        assert_eq!(left("http://h/e?a=1&id=x&b").as_deref(), Some("http://h/e?a=1&b"));
        assert_eq!(left("http://h/e?id=x").as_deref(), Some("http://h/e"));
        assert_eq!((left("http://h/e?idx=x"), left("http://h/e")), (None, None));
    }

    #[test]
    fn secrets_are_not_shown() {
        let url = Url::of("http://u:hush@h/a?interval=1s&Access_Token=hush&%6bey=hush&token=&keyboard=x&sig=hush");
        let shown = "http://h/a?interval=1s&Access_Token=***&%6bey=***&token=&keyboard=x&sig=***";
        assert_eq!((url.to_string().as_str(), format!("{url:?}")), (shown, format!("Url({shown})")));
        assert!(!format!("{:?}", Url::typed("http://u:hush@h/")).contains("hush"));
    }

    #[test]
    fn parts() {
        let url = Url::of("https://h.example:8443/a/b?c");
        assert_eq!((url.authority(), url.path(), url.last_segment()), ("h.example:8443", "/a/b", "b"));
        assert!(url.is_secure() && url.is_http() && !Url::of("ftp://h/").is_http() && !Url::of("http://").is_http());
        for (reference, path) in [("/login?a", "/login"), ("https://h/x#y", "/x"), ("sub/z", "/sub/z"), ("//h", "/")] {
            assert_eq!(path_of_reference(reference), path);
        }
        for (reference, host) in [
            ("https://u:p@h.example:1/a@b", "h.example"),
            ("http://[::1]:80/", "[::1]"),
            ("/login", ""),
            ("http://h?x", "h"),
        ] {
            assert_eq!(host_of_reference(reference), host);
        }
    }
}
