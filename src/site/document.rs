//! Small documents.

use serde::Serialize;

use crate::http::Response;

pub(crate) const NO_STORE: (&str, &str) = ("Cache-Control", "no-store");

/// A JSON document that no cache keeps.
pub(crate) fn json(value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(text) => Response::new(200, "application/json", text).with(NO_STORE.0, NO_STORE.1),
        Err(error) => Response::text(500, &format!("write the answer as JSON: {error}")),
    }
}
