//! What becomes of one response.

use std::time::Instant;

use super::chain::Chain;
use super::cure::Cures;
use super::impairment::{Impairment, Unless};
use super::piece::BodyEnd;
use crate::http::MediaType;

/// What is done to one response: the cures and impairments that apply to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Effect {
    cures: Cures,
    impairments: Vec<Impairment>,
}

/// What a response's fields say that matters.
#[derive(Debug, Default)]
struct ResponseTraits {
    is_event_stream: bool,
    has_length: bool,
    is_chunked: bool,
    is_encoded: bool,
    is_accel_no: bool,
    is_no_transform: bool,
}

impl Effect {
    pub(super) fn of<'a>(
        cures: &Cures,
        impairments: &[Impairment],
        method: &str,
        accepts_gzip: bool,
        headers: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    ) -> Effect {
        let traits = ResponseTraits::read(headers);
        let is_stream = (traits.is_event_stream || !traits.has_length) && method != "HEAD";
        let has_events = is_stream && traits.is_event_stream && !traits.is_encoded;
        let is_exempt = impairments.iter().any(|one| match one {
            Impairment::Unless(condition) => traits.meet(*condition, accepts_gzip),
            _ => false,
        });
        let applies = |one: &&Impairment| match one {
            Impairment::StripHeader(_) | Impairment::KeepOriginOpen => true,
            Impairment::Only(_) | Impairment::Unless(_) => false,
            one if one.is_conditional() && is_exempt => false,
            one if one.reads_events() => has_events,
            Impairment::GzipNoFlush => is_stream && accepts_gzip && !traits.is_encoded,
            _ => is_stream,
        };
        let cures = if has_events { cures.clone() } else { Cures::default() };
        Effect { cures, impairments: in_order(impairments.iter().filter(applies).cloned().collect()) }
    }

    /// Whether the response passes as it is.
    pub fn is_clear(&self) -> bool {
        *self == Effect::default()
    }

    /// Whether the head waits for the first bytes of the body, or for its end.
    pub fn holds_head(&self) -> bool {
        self.impairments.contains(&Impairment::HoldHead)
    }

    /// Whether a header field of the response is swallowed.
    pub fn strips(&self, name: &str) -> bool {
        let strips =
            |one: &Impairment| matches!(one, Impairment::StripHeader(field) if field.eq_ignore_ascii_case(name));
        self.impairments.iter().any(strips)
    }

    /// Whether the body comes out compressed: the head must then say `Content-Encoding: gzip`.
    pub fn compresses(&self) -> bool {
        self.impairments.contains(&Impairment::GzipNoFlush)
    }

    /// Whether the body may come out with another length, so that the head can't give the origin's.
    pub fn changes_length(&self) -> bool {
        let changes = |one: &Impairment| {
            use Impairment::{CutAfter, GzipNoFlush, IdleCut};
            one.changes_events()
                || matches!(one, GzipNoFlush | CutAfter(_, BodyEnd::Clean) | IdleCut(_, BodyEnd::Clean))
        };
        !self.cures.is_empty() || self.impairments.iter().any(changes)
    }

    /// The way of the body, whose head came at `now`.
    pub fn chain(&self, now: Instant) -> Chain {
        Chain::new(&self.cures, &self.impairments, now)
    }
}

/// Whether a client accepts gzip, as its `Accept-Encoding` says (RFC 9110, section 12.5.3): the coding or its old name, or
/// a star, with a weight above zero. What names gzip counts more than a star.
pub fn accepts_gzip(accept_encoding: &str) -> bool {
    let weight_of = |name: &str| {
        accept_encoding.split(',').find_map(|item| {
            let (coding, parameter) = item.split_once(';').unwrap_or((item, "q=1"));
            let weight = parameter.trim().trim_start_matches(['q', 'Q', '=', ' ']);
            coding.trim().eq_ignore_ascii_case(name).then(|| weight.parse().unwrap_or(0.0_f32))
        })
    };
    ["gzip", "x-gzip", "*"].into_iter().find_map(weight_of).is_some_and(|weight| weight > 0.0)
}

/// What reads events can't read them compressed: a compressor comes behind it, wherever it stands. There is one.
fn in_order(impairments: Vec<Impairment>) -> Vec<Impairment> {
    let is_gzip = |one: &Impairment| *one == Impairment::GzipNoFlush;
    let Some(at) = impairments.iter().position(is_gzip) else { return impairments };
    let (before, behind) = impairments.split_at(at);
    let (readers, others): (Vec<_>, Vec<_>) =
        behind.iter().filter(|one| !is_gzip(one)).cloned().partition(Impairment::reads_events);
    [before, &readers, &[Impairment::GzipNoFlush], &others].concat()
}

impl ResponseTraits {
    fn read<'a>(headers: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> ResponseTraits {
        let mut traits = ResponseTraits::default();
        for (name, value) in headers {
            let value = String::from_utf8_lossy(value).to_ascii_lowercase();
            let mut items = value.split(',').map(str::trim);
            match name.to_ascii_lowercase().as_str() {
                "content-type" => {
                    traits.is_event_stream = MediaType::of(&value).is_event_stream();
                }
                "content-length" => traits.has_length = true,
                "transfer-encoding" => traits.is_chunked |= items.any(|coding| coding == "chunked"),
                "content-encoding" => traits.is_encoded |= items.any(|coding| !matches!(coding, "" | "identity")),
                "x-accel-buffering" => traits.is_accel_no |= value.trim() == "no",
                "cache-control" => traits.is_no_transform |= items.any(|directive| directive == "no-transform"),
                _ => {}
            }
        }
        traits
    }

    fn meet(&self, condition: Unless, accepts_gzip: bool) -> bool {
        match condition {
            Unless::AccelNo => self.is_accel_no,
            Unless::NoTransform => self.is_no_transform,
            Unless::Chunked => self.is_chunked,
            Unless::Unchunked => !self.is_chunked,
            Unless::NoGzip => !accepts_gzip,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::accepts_gzip;

    #[test]
    fn gzip_is_accepted_by_name_or_star_unless_refused() {
        for yes in ["gzip", "br, GZIP", "deflate;q=0, gzip;q=0.1", "x-gzip", "*", "*;q=0, gzip", "gzip ; q=1.0"] {
            assert!(accepts_gzip(yes), "{yes}");
        }
        for no in ["", "identity", "br", "gzip;q=0", "gzip; q=0.000", "*, gzip;q=0", "*;q=0", "gzipped", "gzip;q=x"] {
            assert!(!accepts_gzip(no), "{no}");
        }
    }
}
