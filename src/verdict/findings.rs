//! The findings: what happened, and how bad it is. [`report`](crate::report) says why it matters and what to try.

use super::detail::Detail;
use super::finding_id::{Id, Severity};

/// A finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which one.
    pub id: Id,
    /// What happened.
    pub detail: Detail,
    /// An advice that fits this case better than the one that all findings of this id have.
    pub(crate) own_advice: Option<&'static str>,
}

impl Finding {
    /// Finding `id`, with what was found.
    pub fn new(id: Id, detail: impl Into<Detail>) -> Finding {
        Finding { id, detail: detail.into(), own_advice: None }
    }

    /// The same, with an advice that fits this case better than the one that all findings of its id have; an empty one
    /// does not.
    #[must_use]
    pub fn advising(self, advice: &'static str) -> Finding {
        if advice.is_empty() { self } else { Finding { own_advice: Some(advice), ..self } }
    }

    /// How bad it is.
    pub fn severity(&self) -> Severity {
        self.id.severity()
    }
}
