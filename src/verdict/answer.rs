//! Answers that are no event stream, named: what it is, and what to try.
//!
//! An answer is known by its signatures: header fields, cookies, where it redirected to, words of its text. The first row of
//! the table in `signatures` that fits names it; without one, the status does.

mod reply;
pub(super) mod signatures;

pub use reply::Reply;

use super::detail::{Answered, Detail};
use super::{Finding, Id};
use crate::escape::shortened;
use crate::http::url::host_of_reference;
use signatures::{Name, VALUE_MAX};

/// How much of its first line is shown, in characters.
const QUOTE_MAX: usize = 160;

impl Reply<'_> {
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
        signatures::name(self).unwrap_or_else(|| self.name_of_status())
    }

    fn answered(&self, name: &Name) -> Answered {
        Answered {
            status: self.status,
            what: name.what,
            content_type: shortened(self.media_type().as_str(), VALUE_MAX),
            evidence: name.evidence.clone(),
            redirected_to: (!self.redirects.is_empty()).then(|| shortened(&host_of_reference(self.url), VALUE_MAX)),
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
