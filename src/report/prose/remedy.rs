//! What may help.

use crate::verdict::diagnosis::{Advice, ConfigHint, Remedy};

impl Remedy {
    /// What to do, one sentence; `advice` is what the cure book has for the path.
    pub fn text(&self, advice: &[Advice]) -> String {
        match (self.hint, advice.first()) {
            (Some(hint), _) => configuration(hint).to_owned(),
            (None, Some(advice)) if self.is_configuration() => of_product(advice),
            _ => {
                let parts = self.changes.iter().map(|id| format!("{} ({})", id.line(), id.text()));
                parts.collect::<Vec<_>>().join("; and ")
            }
        }
    }
}

fn of_product(advice: &Advice) -> String {
    let Advice { product, place, lines, text, .. } = advice;
    let what = if lines.is_empty() { text.unwrap_or_default().to_owned() } else { lines.join(" ") };
    format!("{product}, {place}: {what}")
}

/// What to look for in a configuration, of whatever product.
fn configuration(hint: ConfigHint) -> &'static str {
    match hint {
        ConfigHint::Buffering => "turn response buffering off for this path",
        ConfigHint::BufferingOfEach => {
            "let the inner proxy pass X-Accel-Buffering on (nginx: proxy_pass_header X-Accel-Buffering;), or turn response \
             buffering off in each of them (nginx: proxy_buffering off;)"
        }
        ConfigHint::Compression => "leave text/event-stream out of what is compressed",
        ConfigHint::Inspection => "leave text/event-stream out of what inspects or rewrites responses",
        ConfigHint::Cork => "let the proxy send small segments at once: TCP_NODELAY (haproxy: option http-no-delay)",
        ConfigHint::Timer => "look for a flush interval, an inspection with a time limit, or a delay that was put in",
        ConfigHint::GetRequests => "look for what treats GET requests apart: a cache, or a tunnel's edge",
        ConfigHint::Rate => "look for a limit on bytes a second",
        ConfigHint::TotalTime => "raise the limit on how long a response may take; heartbeats don't help",
        ConfigHint::IdleTime => "raise the limit on how long a response may be quiet",
        ConfigHint::Cache => "take this path out of the cache",
    }
}
