//! Cures and impairments of a relay: how they change requests and responses.

use std::time::Duration;

use super::request::{Fields, values};
use crate::client::Head;
use crate::client::content::Content;
use crate::http::MediaType;
use crate::impair::{Alterations, Effect};

/// How long a target may take for its head before a response is begun without it, if that is asked for.
pub const EARLY: Duration = Duration::from_secs(1);

/// The comment of a response that is begun early, unless there is padding at the start anyway: a cure's spec.
const EARLY_COMMENT: &str = "pad=16";

/// What event streams should say so that nothing on their way stores, changes or holds them.
pub(super) const BEST_PRACTICE: [(&str, &str); 2] =
    [("Cache-Control", "no-store, no-transform"), ("X-Accel-Buffering", "no")];

/// The cures and impairments of a proxy's streams.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RelayPolicy {
    /// What is done to bodies, and by impairments to heads.
    pub alterations: Alterations,
    /// Which headers decide about caches, buffers and codings. Every cure makes it [`HeaderPolicy::BestPractice`].
    pub headers: HeaderPolicy,
    /// After this time without an answer of the target, the head and a comment are sent. The target's answer must then
    /// be an event stream with status 200; another one breaks the response off.
    pub early: Option<Duration>,
}

/// Which headers decide about caches, buffers and codings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum HeaderPolicy {
    /// The client's and the target's.
    #[default]
    PassOn,
    /// Event streams get the response headers that are best practice; the target is asked for no content coding, and
    /// gzip is undone.
    BestPractice,
}

/// How a response is passed on.
pub(super) struct ResponsePlan {
    /// Its header fields.
    pub(super) fields: Fields,
    /// The content coding that is undone.
    pub(super) content: Content,
    pub(super) effect: Effect,
}

impl RelayPolicy {
    /// The cures and impairments as the log names them.
    pub(super) fn description(&self, method: &str) -> String {
        let headers = (self.cures() && self.alterations.cures().is_empty()).then(|| "headers".to_owned());
        let early = self.early.map(|_| "early".to_owned());
        let cures: Vec<String> = headers.into_iter().chain(early).chain(self.alterations.cures().specs()).collect();
        let all = self.alterations.impairments().iter().filter(|_| self.alterations.applies_to(method));
        let impairments: Vec<String> = all.map(ToString::to_string).collect();
        let field = |name: &str, specs: &[String]| match specs {
            [] => String::new(),
            specs => format!(" {name}=\"{}\"", specs.join(",")),
        };
        field("cured", &cures) + &field("impaired", &impairments)
    }

    fn cures(&self) -> bool {
        self.headers == HeaderPolicy::BestPractice || self.early.is_some() || !self.alterations.cures().is_empty()
    }

    /// The fields of a request as the target gets them.
    pub(super) fn request(&self, method: &str, mut fields: Fields) -> Fields {
        if self.cures() || self.alterations.needs_identity(method) {
            remove(&mut fields, "accept-encoding");
        }
        fields
    }

    /// What becomes of a response with this head, whose fields come as the target sent them.
    pub(super) fn response(&self, method: &str, accepts_gzip: bool, head: &Head, mut fields: Fields) -> ResponsePlan {
        let mut content = Content::Identity;
        if self.cures() && is_event_stream(&fields) {
            content = Content::of(head).unwrap_or_else(|error| {
                log::warn!("the stream of {} passes as it is: {error}", crate::escape::escaped(&head.url));
                Content::Identity
            });
            if matches!(content, Content::Gzip(_)) {
                remove(&mut fields, "content-encoding");
                remove(&mut fields, "content-length");
            }
            set_best_practice(&mut fields);
        }
        self.treated(&self.alterations, method, accepts_gzip, fields, content)
    }

    /// What becomes of a response that is begun without the target.
    pub(super) fn early(&self, method: &str, accepts_gzip: bool) -> ResponsePlan {
        let mut alterations = self.alterations.clone();
        if alterations.cures().pad.is_none() {
            alterations.cure(EARLY_COMMENT).expect("a test has read it");
        }
        let ours = [("Content-Type", "text/event-stream"), ("Transfer-Encoding", "chunked")];
        let mut fields = ours.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).to_vec();
        set_best_practice(&mut fields);
        self.treated(&alterations, method, accepts_gzip, fields, Content::Identity)
    }

    fn treated(
        &self,
        alterations: &Alterations,
        method: &str,
        accepts_gzip: bool,
        mut fields: Fields,
        content: Content,
    ) -> ResponsePlan {
        let pairs = fields.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
        let effect = alterations.for_response(method, accepts_gzip, pairs);
        if effect.changes_length() {
            remove(&mut fields, "content-length");
        }
        // That of the transfer is the target's and ours, and nobody's else.
        fields.retain(|(name, _)| name.eq_ignore_ascii_case("transfer-encoding") || !effect.strips(name));
        if effect.compresses() {
            set(&mut fields, "Content-Encoding", "gzip");
        }
        ResponsePlan { fields, content, effect }
    }
}

/// Whether a response says that it is an event stream.
pub(super) fn is_event_stream(fields: &Fields) -> bool {
    values(fields, "content-type")
        .next()
        .is_some_and(|kind| MediaType::of(&String::from_utf8_lossy(kind)).is_event_stream())
}

fn remove(fields: &mut Fields, name: &str) {
    fields.retain(|(field, _)| !field.eq_ignore_ascii_case(name));
}

fn set(fields: &mut Fields, name: &str, value: &str) {
    remove(fields, name);
    fields.push((name.to_owned(), value.as_bytes().to_vec()));
}

fn set_best_practice(fields: &mut Fields) {
    BEST_PRACTICE.into_iter().for_each(|(name, value)| set(fields, name, value));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(lines: &[(&str, &str)]) -> Fields {
        lines.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect()
    }

    #[test]
    fn the_comment_of_an_early_response_is_a_cure() {
        let treated = RelayPolicy { early: Some(EARLY), ..RelayPolicy::default() }.early("GET", false);
        let mut out = Vec::new();
        let now = std::time::Instant::now();
        treated.effect.chain(now).fire(now, &mut out);
        assert_eq!(out.len(), 1);
    }

    #[test]
    fn every_cure_asks_for_no_coding_and_so_do_impairments_of_events() {
        let asks_for_identity =
            |policy: &RelayPolicy| policy.request("GET", fields(&[("accept-Encoding", "gzip")])).is_empty();
        let mut policy = RelayPolicy::default();
        assert!(!asks_for_identity(&policy));
        assert!(asks_for_identity(&RelayPolicy { early: Some(EARLY), ..RelayPolicy::default() }));
        assert!(asks_for_identity(&RelayPolicy { headers: HeaderPolicy::BestPractice, ..RelayPolicy::default() }));
        policy.alterations.impair("hold-head,only=GET").unwrap();
        assert!(!asks_for_identity(&policy));
        policy.alterations.impair("drop=2").unwrap();
        assert!(asks_for_identity(&policy));
        assert_eq!(policy.description("GET"), " impaired=\"hold-head,only=GET,drop=2\"");
        policy.alterations.cure("heartbeat=1s").unwrap();
        assert_eq!(policy.description("POST"), " cured=\"heartbeat=1s\"");
    }
}
