//! What of a response's head can be shown to anybody: a report is made to be passed on.

use crate::http::secret::is_secret_field;

/// Fields whose values are URLs, in whose queries logins carry what lets somebody in.
const REFERENCES: [&str; 4] = ["content-location", "link", "location", "refresh"];

/// A field's value as it may be shown: of a cookie its name, of what may be a secret how long it is.
pub(super) fn shown(name: &str, value: &str) -> String {
    let name = name.to_ascii_lowercase();
    match value.split_once('=') {
        Some((cookie, _)) if name == "set-cookie" => format!("{}=<value left out>", cookie.trim()),
        _ if is_secret_field(&name) => format!("<{} bytes>", value.len()),
        _ if REFERENCES.contains(&name.as_str()) => without_query(value).to_owned(),
        _ => value.to_owned(),
    }
}

/// A URL without its query.
pub(super) fn without_query(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_shown_that_lets_somebody_in() {
        let fields = [
            ("Set-Cookie", "sid=hush; Path=/; HttpOnly", "sid=<value left out>"),
            ("set-cookie", "hush", "<4 bytes>"),
            ("Authorization", "Bearer hush", "<11 bytes>"),
            ("Authentication-Info", "hush", "<4 bytes>"),
            ("X-CSRF-Token", "hush", "<4 bytes>"),
            ("x-api-key", "hush", "<4 bytes>"),
            ("Cf-Access-Jwt-Assertion", "hush", "<4 bytes>"),
            ("Location", "https://h/login?meta=hush", "https://h/login"),
            ("Content-Type", "text/event-stream", "text/event-stream"),
            ("CF-RAY", "9a1f3b2c4d5e6f70-FRA", "9a1f3b2c4d5e6f70-FRA"),
        ];
        for (name, value, expected) in fields {
            assert_eq!(shown(name, value), expected, "{name}");
        }
    }
}
