//! Is an origin ours? Then more is known of it: where its events are, and what they hold.

use std::time::Duration;

use super::live::{Limits, Live, News, Next};
use super::{Client, ClientError, Head, Request};

/// The longest time to wait for an answer about the origin's clock.
const TIME_TO_ANSWER: Duration = Duration::from_secs(5);

/// The longest answer that could be ours.
const ANSWER_MAX: usize = 1024;

/// A URL as the user typed it, absolute: without a scheme it is `http`, as with curl. A fragment stays out.
pub fn absolute(url: &str) -> String {
    let url = url.split('#').next().unwrap_or(url);
    let scheme = url.split_once("://").map(|(scheme, _)| scheme);
    let has_scheme =
        scheme.is_some_and(|scheme| scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b)));
    if has_scheme { url.to_owned() } else { format!("http://{url}") }
}

/// Another resource beside an absolute URL's last path segment, with the URL's query if that is wanted.
pub fn beside(url: &str, name: &str, keep_query: bool) -> String {
    let (path, query) = split_query(url);
    let authority = path.find("://").map_or(0, |at| at + "://".len());
    let folder = path[authority..].rfind('/').map_or(path, |at| &path[..authority + at]);
    let query = if keep_query { query } else { "" };
    format!("{folder}/{name}{query}")
}

/// Whether an absolute URL names a host or a folder, not a resource in it.
pub fn is_root(url: &str) -> bool {
    let (path, _) = split_query(url);
    let rest = path.split_once("://").map_or(path, |(_, rest)| rest);
    rest.find('/').is_none() || rest.ends_with('/')
}

/// A URL up to its query, and its query with the question mark.
fn split_query(url: &str) -> (&str, &str) {
    url.split_at(url.find('?').unwrap_or(url.len()))
}

/// Asks the origin of an event stream whether it is ours; `request` is the one for the stream.
///
/// Whatever it answers, or if it does not, in 5 s: that is an answer. A user's wish to end is none of ours, and is found
/// by the next wait.
///
/// # Errors
/// When there is no connection.
pub fn is_ours(client: &Client, request: &Request, limits: &Limits) -> Result<bool, ClientError> {
    let mut request = Request { method: "GET".to_owned(), body: None, ..request.clone() };
    request.url = beside(&request.url, "time", false);
    for name in ["Accept", "Accept-Encoding", "Content-Type", "Content-Length"] {
        request.take_header(name);
    }
    let Ok(live) = Live::start(client, request) else { return Ok(false) };
    let limits = limits.at_most(TIME_TO_ANSWER);
    let mut body = Vec::new();
    loop {
        match limits.next(live.news()) {
            Next::News(News::Head(head)) if head.status == 200 && is_json(&head) => {}
            Next::News(News::Bytes(_, bytes)) if body.len() + bytes.len() <= ANSWER_MAX => body.extend(bytes),
            Next::News(News::End(..)) => return Ok(names_us(&body)),
            Next::News(News::Failed(
                error @ (ClientError::Resolve(..) | ClientError::Connect(..) | ClientError::Tls(..)),
            )) => return Err(error),
            _ => return Ok(false),
        }
    }
}

/// A stream, for one, would never end.
fn is_json(head: &Head) -> bool {
    head.header("content-type").is_some_and(|kind| kind.contains("json"))
}

fn names_us(body: &[u8]) -> bool {
    let answer: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let server = answer.as_ref().and_then(|answer| answer["server"].as_str());
    server.is_some_and(|server| server.starts_with("sse-argo-tester/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_made_absolute() {
        for (typed, expected) in [
            ("localhost:3000", "http://localhost:3000"),
            ("https://h/a?b#c", "https://h/a?b"),
            ("h/a?to=http://x", "http://h/a?to=http://x"),
        ] {
            assert_eq!(absolute(typed), expected);
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
            assert_eq!((is_root(url), beside(url, "events", true).as_str()), (root, events), "{url}");
        }
        assert_eq!(beside("http://h/sse/stream?a", "time", false), "http://h/sse/time");
    }

    #[test]
    fn only_our_name_is_ours() {
        assert!(names_us(b"{\"server\":\"sse-argo-tester/9\",\"now_us\":1}"));
        for other in [&b""[..], b"sse-argo-tester/9", b"{\"server\":1}", b"{\"server\":\"nginx\"}"] {
            assert!(!names_us(other));
        }
    }
}
