//! The lines of `probe --follow`: one for each event.

use std::io::{self, Write};

use super::output::Format;
use crate::escape::{escaped, shortened};
use crate::probe::Notice;

/// Most characters of an id that are shown.
const ID_MAX: usize = 20;

/// Prints events as they come.
#[derive(Debug)]
pub(super) struct Lines {
    format: Format,
    last_us: Option<i64>,
}

impl Lines {
    pub(super) fn new(format: Format) -> Lines {
        Lines { format, last_us: None }
    }

    /// Prints one.
    ///
    /// # Errors
    /// When the output takes no more.
    pub(super) fn print(&mut self, notice: &Notice) -> io::Result<()> {
        let gap_ms = self.last_us.replace(notice.at_us).map(|last| ms(notice.at_us - last));
        let line = match self.format {
            Format::Text => text(notice, gap_ms),
            Format::Json => json(notice, gap_ms),
            Format::Junit => return Ok(()),
        };
        let mut out = io::stdout().lock();
        out.write_all(line.as_bytes()).and_then(|()| out.flush())
    }
}

fn ms(us: i64) -> f64 {
    us as f64 / 1000.0
}

fn text(notice: &Notice, gap_ms: Option<f64>) -> String {
    let message = &notice.message;
    let id = shortened(&message.last_event_id, ID_MAX);
    let name = if message.event == "message" { format!("event {id}") } else { escaped(&message.event) };
    let lag = notice.lag_us().map(|lag| format!("  lag {:8.1} ms", ms(lag))).unwrap_or_default();
    let gap = gap_ms.map(|gap| format!("  gap {gap:8.1} ms")).unwrap_or_default();
    format!("{:9.3} s  {name:<12}{lag}{gap}  {} bytes\n", ms(notice.at_us) / 1000.0, message.data.len())
}

fn json(notice: &Notice, gap_ms: Option<f64>) -> String {
    let Notice { at_us, message, .. } = notice;
    let line = serde_json::json!({
        "kind": "event", "url": *notice.url, "event": message.event, "id": message.last_event_id, "at_ms": ms(*at_us),
        "lag_ms": notice.lag_us().map(ms), "gap_ms": gap_ms, "bytes": message.data.len(),
    });
    format!("{line}\n")
}
