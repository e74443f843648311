//! The requests of a path's variants.

use crate::schedule::plan::Plan;
use crate::stats::recording::RequestRecord;
use crate::verdict::CureId;
use crate::verdict::diagnosis::Variant;

/// What makes the streams of several clients one.
const SHARED: [&str; 2] = ["id", "stream"];

/// The plain request of a path, and whose origin is at its end.
#[derive(Debug, Clone)]
pub(super) struct Base {
    request: RequestRecord,
    is_ours: bool,
}

impl Base {
    /// The parameters that make one stream of several are left out where the origin is ours.
    pub(super) fn new(mut request: RequestRecord, is_ours: bool) -> Base {
        for name in SHARED.iter().filter(|_| is_ours) {
            if without(&mut request.url, name) {
                log::info!("the parameter {name} is left out: each stream of the diagnosis is one of its own");
            }
        }
        Base { request, is_ours }
    }

    /// The request as it is.
    pub(super) fn bare(&self) -> RequestRecord {
        self.request.clone()
    }

    pub(super) fn is_ours(&self) -> bool {
        self.is_ours
    }

    /// Of another origin, only what the client says can be changed; and not its method, which means something there.
    pub(super) fn singles(&self) -> impl Iterator<Item = Variant> + use<> {
        let is_ours = self.is_ours;
        Variant::singles()
            .filter(move |variant| is_ours || matches!(variant.changes(), [CureId::Identity | CureId::Gzip]))
    }

    /// Whether it asks for the same as the plain variant.
    pub(super) fn is_plain(&self, variant: &Variant) -> bool {
        self.asks_for(variant) == self.asks_for(&Variant::plain())
    }

    /// What decides about the response: the method, whether gzip is accepted, and the origin's plan.
    fn asks_for(&self, variant: &Variant) -> (String, bool, Option<Plan>) {
        let request = self.request(variant);
        let mut fields = request.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("accept-encoding"));
        let accepts_gzip = fields.any(|(_, value)| value.to_ascii_lowercase().contains("gzip"));
        let plan = Plan::parse(query(&request.url)).ok().filter(|_| self.is_ours);
        (request.method.to_ascii_uppercase(), accepts_gzip, plan)
    }

    /// The request of a variant.
    pub(super) fn request(&self, variant: &Variant) -> RequestRecord {
        let mut request = self.request.clone();
        if self.is_ours {
            let (place, query) = request.url.split_once('?').unwrap_or((&request.url, ""));
            request.url = format!("{place}?{}", variant.query(query));
        }
        if let Some(method) = variant.method() {
            method.clone_into(&mut request.method);
        }
        if let Some(accepted) = variant.accept_encoding() {
            request.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("accept-encoding"));
            request.headers.push(("Accept-Encoding".to_owned(), accepted.to_owned()));
        }
        request
    }
}

pub(super) fn query(url: &str) -> &str {
    url.split_once('?').map_or("", |(_, query)| query)
}

/// Takes a parameter out of a URL's query. Whether it was there.
fn without(url: &mut String, name: &str) -> bool {
    let Some((place, query)) = url.split_once('?') else { return false };
    let is_other = |part: &&str| form_urlencoded::parse(part.as_bytes()).next().is_none_or(|(found, _)| found != name);
    let kept: Vec<&str> = query.split('&').filter(is_other).collect();
    let was_there = kept.len() < query.split('&').count();
    *url = if kept.is_empty() { place.to_owned() } else { format!("{place}?{}", kept.join("&")) };
    was_there
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_taken_out() {
        let left = |url: &str| {
            let mut url = url.to_owned();
            (without(&mut url, "id"), url)
        };
        assert_eq!(left("http://h/e?a=1&id=x&b"), (true, "http://h/e?a=1&b".to_owned()));
        assert_eq!(left("http://h/e?id=x"), (true, "http://h/e".to_owned()));
        assert_eq!(left("http://h/e?idx=x"), (false, "http://h/e?idx=x".to_owned()));
        assert_eq!(left("http://h/e"), (false, "http://h/e".to_owned()));
    }
}
