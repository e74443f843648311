//! Answers that are no event stream: what came, and what to try.

use std::time::Duration;

use super::print::escaped;
use crate::client::Head;
use crate::client::content::Content;
use crate::client::live::{Limits, Live, News, Next};

/// The longest time to wait for the first line of an answer that is no event stream.
const TIME_TO_EXPLAIN: Duration = Duration::from_secs(2);

/// How much of such an answer is read.
const EXCERPT_MAX: usize = 8 * 1024;

/// How much of its first line is shown, in characters.
const SHOWN_MAX: usize = 160;

/// What a response head announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Announced {
    /// An event stream.
    Stream,
    /// "Clients will reconnect if the connection is closed; a client can be told to stop reconnecting using the
    /// HTTP 204 No Content response code" (WHATWG HTML, section 9.2.1).
    NoMore,
    /// Something else.
    Other,
}

pub(super) fn announced(head: &Head) -> Announced {
    match (head.status, content_type(head).as_str()) {
        (200, "text/event-stream") => Announced::Stream,
        (204, _) => Announced::NoMore,
        _ => Announced::Other,
    }
}

/// The content type without parameters, in lower case.
fn content_type(head: &Head) -> String {
    let value = head.header("content-type").unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// One sentence about a response that is no event stream, with the first line of its text, and what to try.
pub(super) fn sentence(head: &Head, live: &Live, limits: &Limits) -> String {
    let body = excerpt(head, live, &limits.at_most(TIME_TO_EXPLAIN));
    let kind = content_type(head);
    let shown = if kind.is_empty() { "no content type".to_owned() } else { escaped(&kind) };
    let says = first_line(&body).map(|line| format!(": {line}")).unwrap_or_default();
    let redirected = head.redirects.first().map(|_| ", after a redirect").unwrap_or_default();
    format!("the answer is no event stream but {} ({shown}){redirected}{says}\n{}", head.status, advice(head, &kind))
}

fn advice(head: &Head, kind: &str) -> &'static str {
    match head.status {
        200 if kind == "text/html" => "it is a page: a login or an error page, perhaps, or the URL is not the stream's",
        200 => "an event stream has the content type text/event-stream; try 'curl -N' to see what this is",
        300..=399 => "the redirect leads nowhere",
        401 | 407 => "credentials are wanted: try -H 'Authorization: ...'",
        403 => "it is forbidden: are credentials wanted, or does something in between block programs?",
        404 => "is the path right?",
        405 => "try another method, with -X",
        406 => "try -H 'Accept: */*'",
        429 => "there are too many requests: try again later",
        502..=504 | 520..=530 => "something in between does not reach the origin, or waited for it in vain",
        500..=599 => "the origin failed: its log should tell why",
        _ => "is the URL right, and does it want other header fields?",
    }
}

/// The start of the body, decoded; what there is of it when its first line is complete or the time is up.
fn excerpt(head: &Head, live: &Live, limits: &Limits) -> Vec<u8> {
    let mut body = Vec::new();
    let Ok(mut content) = Content::of(head) else { return body };
    let is_page = content_type(head) == "text/html";
    while body.len() < EXCERPT_MAX && (is_page || !has_line(&body)) {
        match limits.next(live.news()) {
            Next::News(News::Bytes(_, bytes)) => body.extend(content.decode(bytes).0),
            _ => break,
        }
    }
    body.truncate(EXCERPT_MAX);
    body
}

fn has_line(body: &[u8]) -> bool {
    body.trim_ascii_start().contains(&b'\n')
}

/// The title of a page, or the first line that is not blank, as it can be shown.
fn first_line(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let line = title(&text).or_else(|| text.lines().map(str::trim).find(|line| !line.is_empty()))?;
    let shown: String = line.chars().take(SHOWN_MAX).collect();
    let more = if shown.len() < line.len() { "..." } else { "" };
    Some(format!("\"{}{more}\"", escaped(&shown)))
}

fn title(text: &str) -> Option<&str> {
    // In ASCII lower case every character stays where it is.
    let lower = text.to_ascii_lowercase();
    let start = lower.find("<title")?;
    let start = start + lower[start..].find('>')? + 1;
    let end = start + lower[start..].find("</title")?;
    text[start..end].lines().map(str::trim).find(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_that_says_most() {
        let line = |text: &str| first_line(text.as_bytes());
        assert_eq!(line("").as_deref(), None);
        assert_eq!(line("\n \n not \x07here \nmore").as_deref(), Some("\"not \\u{7}here\""));
        let page = "<!DOCTYPE html><html><head><TITLE lang=en>\n Sign in \n</TITLE>";
        assert_eq!(line(page).as_deref(), Some("\"Sign in\""));
        assert_eq!(line("<title>").as_deref(), Some("\"<title>\""));
        assert_eq!(line(&"x".repeat(161)).unwrap(), format!("\"{}...\"", "x".repeat(160)));
    }
}
