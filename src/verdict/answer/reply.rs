//! A response as it is looked at.

use crate::http::MediaType;

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

impl<'a> Reply<'a> {
    pub(super) fn media_type(&self) -> MediaType {
        MediaType::of(self.header("content-type").unwrap_or_default())
    }

    pub(super) fn header(&self, name: &str) -> Option<&'a str> {
        self.fields(name).next()
    }

    pub(super) fn fields<'b>(&self, name: &'b str) -> impl Iterator<Item = &'a str> + use<'a, 'b> {
        self.headers.iter().filter(move |(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Where it was redirected to: every URL but the first, and one that a last redirect names.
    pub(super) fn targets(&self) -> impl Iterator<Item = &'a str> {
        let followed = self.redirects.iter().skip(1).map(String::as_str);
        let last = (!self.redirects.is_empty()).then_some(self.url);
        let next = self.header("location").filter(|_| (300..400).contains(&self.status));
        followed.chain(last).chain(next)
    }
}
