//! The media type of a body (RFC 9110, section 8.3.1).

/// A `Content-Type` without its parameters, in lower case; empty without one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MediaType(String);

impl MediaType {
    /// The media type in the value of a `Content-Type` field.
    pub fn of(content_type: &str) -> MediaType {
        MediaType(content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
    }

    /// The type as text, such as `text/html`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is an event stream's.
    pub fn is_event_stream(&self) -> bool {
        self.0 == "text/event-stream"
    }

    /// Whether it is a page's.
    pub fn is_html(&self) -> bool {
        matches!(self.as_str(), "text/html" | "application/xhtml+xml")
    }

    /// Whether it is that of JSON, or of a format based on it, such as `application/problem+json`.
    pub fn is_json(&self) -> bool {
        self.0.ends_with("json")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_and_case_do_not_matter() {
        for yes in ["text/event-stream", "Text/Event-Stream ; charset=utf-8"] {
            assert!(MediaType::of(yes).is_event_stream(), "{yes}");
        }
        for no in ["", "text/event-streams", "text/plain; text/event-stream", "text/event-stream,text/html"] {
            assert!(!MediaType::of(no).is_event_stream(), "{no}");
        }
        assert!(MediaType::of("text/html;charset=utf-8").is_html() && !MediaType::of("text/plain").is_html());
        assert!(MediaType::of("application/problem+JSON").is_json() && !MediaType::of("text/plain").is_json());
    }
}
