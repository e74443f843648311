//! The hello event: what the origin saw of the request.

use serde::Serialize;

use crate::http::request::fields;

/// Fields whose values the hello event shows; of all others it shows how long they are. None of them carries a secret.
const SHOWN: [&str; 37] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "cache-control",
    "cdn-loop",
    "cf-connecting-ip",
    "cf-ew-via",
    "cf-ipcountry",
    "cf-ray",
    "cf-visitor",
    "cf-warp-tag-id",
    "cf-worker",
    "connection",
    "content-length",
    "content-type",
    "expect",
    "forwarded",
    "host",
    "last-event-id",
    "origin",
    "pragma",
    "priority",
    "sec-fetch-dest",
    "sec-fetch-mode",
    "sec-fetch-site",
    "te",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
    "x-accel-buffering",
    "x-amzn-trace-id",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-real-ip",
];

/// The data of the hello event, beside the stamps: what the origin saw of the request.
#[derive(Serialize)]
pub(super) struct Hello<'a> {
    pub(super) server: &'a str,
    pub(super) id: &'a str,
    pub(super) http: &'a str,
    pub(super) method: &'a str,
    pub(super) target: &'a str,
    pub(super) peer: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body_bytes: usize,
    pub(super) interval_ms: f64,
    pub(super) framing: &'a str,
    pub(super) last_event_id: Option<u64>,
}

impl Hello<'_> {
    /// As the text of a JSON object.
    pub(super) fn json(&self) -> String {
        // Only a map with keys that are not strings, or a failing Serialize, could make this fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// The header fields of a head in order, as the hello event shows them.
pub(super) fn shown_fields(head: &[u8]) -> Vec<(String, String)> {
    fields(head).into_iter().map(shown).collect()
}

fn shown((name, value): (String, Vec<u8>)) -> (String, String) {
    let value = if SHOWN.binary_search(&name.to_ascii_lowercase().as_str()).is_ok() {
        String::from_utf8_lossy(&value).into_owned()
    } else {
        format!("<{} bytes>", value.len())
    };
    (name, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_that_are_shown_can_be_searched_and_hold_no_secret() {
        assert!(SHOWN.is_sorted());
        for secret in
            ["authorization", "cookie", "proxy-authorization", "x-api-key", "cf-access-jwt-assertion", "referer"]
        {
            assert_eq!(shown((secret.to_owned(), b"12345".to_vec())).1, "<5 bytes>");
        }
        assert_eq!(shown(("HOST".to_owned(), b"a".to_vec())).1, "a");
    }
}
