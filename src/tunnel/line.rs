//! Lines of cloudflared's log.

use serde_json::Value;

/// How the tokens of tunnels begin: they are JSON objects in Base64, and so are other tokens.
const TOKEN_START: &str = "eyJ";
/// Letters that are no token yet.
const TOKEN_MIN: usize = 16;
const TOKEN_INSTEAD: &str = "[token]";

/// A line as people read it: of a line in JSON its level, message and error, of another all of it; without tokens.
pub(super) fn readable(line: &str) -> String {
    without_tokens(&of_json(line).unwrap_or_else(|| line.trim().to_owned()))
}

/// `{"level":"error","error":"…","connIndex":0,"message":"…","time":"…"}`, as `error: message: error`.
fn of_json(line: &str) -> Option<String> {
    let line: Value = serde_json::from_str(line).ok()?;
    let part = |name: &str| line.get(name).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
    // What comes of a quick tunnel's request has the status apart from the message.
    let parts = [part("level"), part("message"), part("status_code"), part("error")];
    part("message").or(part("error"))?;
    Some(parts.into_iter().flatten().collect::<Vec<_>>().join(": "))
}

/// `text` with something else in place of each token.
pub(super) fn without_tokens(text: &str) -> String {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "+/=_-.".contains(c);
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(TOKEN_START) {
        let (before, token) = rest.split_at(at);
        let len = token.find(|c| !is_token(c)).unwrap_or(token.len());
        out += before;
        out += if len < TOKEN_MIN { &token[..len] } else { TOKEN_INSTEAD };
        rest = &token[len..];
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_both_formats_are_readable() {
        let json = r#"{"connIndex":0,"error":"failed to dial to edge with quic: timeout: no recent network activity","event":0,"ip":"198.41.200.33","level":"error","message":"Failed to dial a quic connection","time":"2026-09-21T19:45:31Z"}"#;
        assert_eq!(
            readable(json),
            "error: Failed to dial a quic connection: failed to dial to edge with quic: timeout: no recent network activity"
        );
        let plain = "2026-09-21T19:45:14Z INF Requesting new quick Tunnel on trycloudflare.com...";
        assert_eq!(readable(plain), plain);
        for odd in ["", "{}", "[1]", "12", "{\"level\":\"info\"}"] {
            assert_eq!(readable(odd), odd);
        }
    }

    #[test]
    fn tokens_stay_out() {
        let token = "eyJhIjoiMDEyMzQ1Njc4OSIsInQiOiJhYmMiLCJzIjoiWVdKaiJ9";
        for (line, readable_line) in [
            (format!("Settings: map[token:{token} url:x]"), "Settings: map[token:[token] url:x]".to_owned()),
            (format!("{token} {token}"), "[token] [token]".to_owned()),
            (format!("{{\"message\":\"run --token {token}\"}}"), "run --token [token]".to_owned()),
            ("eyJa is short".to_owned(), "eyJa is short".to_owned()),
        ] {
            assert_eq!(readable(&line), readable_line);
        }
    }
}
