//! Answers that are no event stream, named: what it is, and what to try.
//!
//! An answer is known by its marks: header fields, cookies, where it redirected to, words of its text. The first row of
//! the table in `marks` that fits names it; without one, the status does.

pub(super) mod marks;

use super::findings::{Finding, Id};
use super::reason::{Answered, Detail};
use crate::escape::shortened;
use crate::http::MediaType;

/// How much of its first line is shown, in characters.
const QUOTE_MAX: usize = 160;

/// How much of a header field's value, in characters.
const VALUE_MAX: usize = 60;

/// A response: its head, and the start of its body.
#[derive(Debug, Clone, Copy)]
pub struct Reply<'a> {
    /// The status code.
    pub status: u16,
    /// The header fields.
    pub headers: &'a [(String, String)],
    /// The URLs that redirected here, in order.
    pub redirects: &'a [String],
    /// The URL that answered.
    pub url: &'a str,
    /// The start of the body, its content coding undone; it may be empty.
    pub excerpt: &'a str,
}

/// What an answer is.
struct Name {
    id: Id,
    what: &'static str,
    /// Empty where the id's own says it.
    advice: &'static str,
    /// The header field that tells, as it came.
    evidence: Option<String>,
}

impl Name {
    fn plain(id: Id, what: &'static str) -> Name {
        Name { id, what, advice: "", evidence: None }
    }
}

impl<'a> Reply<'a> {
    /// Whether an `EventSource` takes it for an event stream: "if res's status is not 200, or if res's `Content-Type` is
    /// not `text/event-stream`, then fail the connection" (WHATWG HTML, section 9.2.2).
    pub fn is_event_stream(&self) -> bool {
        self.status == 200 && self.media_type().is_event_stream()
    }

    /// What it is if it is no event stream: its text is one sentence, fit for a terminal.
    pub fn problem(&self) -> Option<Finding> {
        if self.is_event_stream() {
            return None;
        }
        let name = self.name();
        Some(Finding::new(name.id, Detail::NotSse(Box::new(self.answered(&name)))).advising(name.advice))
    }

    /// What it is, beginning with its status, whether or not an event stream is wanted.
    pub fn description(&self) -> Finding {
        let name = self.name();
        Finding::new(name.id, Detail::Answered(Box::new(self.answered(&name)))).advising(name.advice)
    }

    fn name(&self) -> Name {
        marks::name(self).unwrap_or_else(|| self.name_of_status())
    }

    fn media_type(&self) -> MediaType {
        MediaType::of(self.header("content-type").unwrap_or_default())
    }

    fn header(&self, name: &str) -> Option<&'a str> {
        self.fields(name).next()
    }

    fn fields<'b>(&self, name: &'b str) -> impl Iterator<Item = &'a str> + use<'a, 'b> {
        self.headers.iter().filter(move |(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Where it was redirected to: every URL but the first, and one that a last redirect names.
    fn targets(&self) -> impl Iterator<Item = &'a str> {
        let followed = self.redirects.iter().skip(1).map(String::as_str);
        let last = (!self.redirects.is_empty()).then_some(self.url);
        let next = self.header("location").filter(|_| (300..400).contains(&self.status));
        followed.chain(last).chain(next)
    }

    fn answered(&self, name: &Name) -> Answered {
        Answered {
            status: self.status,
            what: name.what,
            content_type: shortened(self.media_type().as_str(), VALUE_MAX),
            evidence: name.evidence.clone(),
            redirected_to: (!self.redirects.is_empty()).then(|| shortened(host(self.url), VALUE_MAX)),
            first_line: first_line(self.excerpt),
        }
    }

    fn name_of_status(&self) -> Name {
        let (id, what) = match self.status {
            200 => return self.name_of_type(),
            204 => (Id::NoContent, "no content"),
            100..=299 => (Id::OddStatus, "a status that no EventSource takes"),
            300..=399 => (Id::RedirectNowhere, "a redirect that leads nowhere"),
            401 => return self.unauthorized(),
            403 => (Id::Forbidden, "forbidden"),
            404 => (Id::NotFound, "not found"),
            405 => (Id::MethodNotAllowed, "method not allowed"),
            406 => (Id::NotAcceptable, "not acceptable"),
            407 => (Id::ProxyUnauthorized, "a proxy wants credentials"),
            410 => (Id::NotFound, "gone"),
            426 => (Id::UpgradeRequired, "another protocol is wanted"),
            429 => (Id::TooManyRequests, "too many requests"),
            400..=499 => (Id::Refused, "the request is refused"),
            // RFC 6585, section 6.
            511 => (Id::CaptivePortal, "the network wants a login"),
            502 => (Id::BadGateway, "something in between got no usable answer from the origin"),
            503 => (Id::Unavailable, "the service is unavailable"),
            504 => (Id::GatewayTimeout, "something in between waited for the origin in vain"),
            _ => (Id::ServerError, "a server's failure"),
        };
        Name::plain(id, what)
    }

    fn unauthorized(&self) -> Name {
        let schemes: Vec<&str> = self.fields("www-authenticate").filter_map(|value| value.split(' ').next()).collect();
        let evidence =
            (!schemes.is_empty()).then(|| format!("www-authenticate: {}", shortened(&schemes.join(", "), VALUE_MAX)));
        Name { evidence, ..Name::plain(Id::Unauthorized, "credentials are wanted") }
    }

    fn name_of_type(&self) -> Name {
        let kind = self.media_type();
        let (id, what) = match kind.as_str() {
            _ if kind.is_html() => (Id::HtmlPage, "a page"),
            _ if kind.is_json() => (Id::WrongType, "JSON"),
            "" => (Id::WrongType, "something of no type"),
            "text/plain" => (Id::WrongType, "plain text"),
            _ => (Id::WrongType, "something of another type"),
        };
        Name::plain(id, what)
    }
}

/// The host of an absolute URL, without credentials and port.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let place = authority.rsplit('@').next().unwrap_or_default();
    if place.starts_with('[') { place } else { place.split(':').next().unwrap_or_default() }
}

/// The path of a URL, absolute or not.
fn path(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest.find('/').map_or("", |at| &rest[at..]));
    rest.split(['?', '#']).next().unwrap_or_default()
}

/// The title of a page, or the first line that is not blank, as it can be shown.
fn first_line(text: &str) -> Option<String> {
    let line = title(text).or_else(|| text.lines().map(str::trim).find(|line| !line.is_empty()))?;
    Some(shortened(line, QUOTE_MAX))
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
mod tests;
