//! How events look: as text for people, and as JSON lines for programs.

use std::fmt::Write as _;
use std::io::{self, Write};

use serde::Serialize;

use super::outcome::How;
use crate::escape::escaped;
use crate::sse::decoder::Message;
use crate::timestamp::{RFC3339_LEN, write_rfc3339};

/// What is printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Format {
    /// A block an event: a line with time, event name and last event ID, then the lines of the data, indented.
    #[default]
    Text,
    /// A JSON object a line.
    Json,
}

/// What is known of a stream at its end.
#[derive(Debug, Clone, Copy)]
pub(super) struct End<'a> {
    pub(super) last_event_id: &'a str,
    pub(super) retry: Option<u64>,
    pub(super) how: How,
}

/// The lines of `--json`; other programs rely on them.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Line<'a> {
    Event { event: &'a str, data: &'a str, id: &'a str, at_ms: u64 },
    Comment { text: &'a str },
    End { last_event_id: &'a str, retry: Option<u64>, how: &'a str },
}

/// Prints what comes, each thing at once.
pub(super) struct Printer<'a> {
    out: &'a mut dyn Write,
    format: Format,
}

impl<'a> Printer<'a> {
    pub(super) fn new(out: &'a mut dyn Write, format: Format) -> Printer<'a> {
        Printer { out, format }
    }

    /// Prints an event that came at `at_us`, Unix microseconds.
    pub(super) fn event(&mut self, message: &Message, at_us: u64) -> io::Result<()> {
        self.put(&match self.format {
            Format::Text => event_text(message, at_us),
            Format::Json => json(&Line::Event {
                event: &message.event,
                data: &message.data,
                id: &message.last_event_id,
                at_ms: at_us / 1000,
            }),
        })
    }

    /// Prints a comment that came at `at_us`, Unix microseconds.
    pub(super) fn comment(&mut self, text: &str, at_us: u64) -> io::Result<()> {
        self.put(&match self.format {
            Format::Text => format!("{} :{}\n", time(at_us), escaped(text)),
            Format::Json => json(&Line::Comment { text }),
        })
    }

    /// Prints the end of all at `at_us`, Unix microseconds.
    pub(super) fn end(&mut self, end: End<'_>, at_us: u64) -> io::Result<()> {
        let End { last_event_id, retry, how } = end;
        self.put(&match self.format {
            Format::Text => {
                let retry = retry.map(|retry| format!(" retry={retry}ms")).unwrap_or_default();
                format!("{} end={how}{retry}{}\n", time(at_us), id_text(last_event_id))
            }
            Format::Json => json(&Line::End { last_event_id, retry, how: how.as_str() }),
        })
    }

    fn put(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }
}

fn json(line: &Line<'_>) -> String {
    let mut text = serde_json::to_string(line).expect("strings and numbers are always JSON");
    text.push('\n');
    text
}

fn event_text(message: &Message, at_us: u64) -> String {
    let id = id_text(&message.last_event_id);
    let mut text = format!("{} event={}{id}\n", time(at_us), escaped(&message.event));
    for line in message.data.split('\n') {
        let _ = writeln!(text, "  {}", escaped(line));
    }
    text
}

/// The last event ID as it stands at the end of a line, which is where its own end can be seen.
fn id_text(id: &str) -> String {
    if id.is_empty() { String::new() } else { format!(" id={}", escaped(id)) }
}

/// RFC 3339 in UTC, with milliseconds.
fn time(us: u64) -> String {
    let mut text = [0; RFC3339_LEN];
    write_rfc3339(&mut text, us);
    let text = std::str::from_utf8(&text).expect("digits and signs are ASCII");
    format!("{}Z", &text[.."2026-11-21T12:07:45.596".len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT_US: u64 = 1_795_262_865_596_966;

    fn printed(format: Format, print: impl Fn(&mut Printer<'_>)) -> String {
        let mut out = Vec::new();
        print(&mut Printer::new(&mut out, format));
        String::from_utf8(out).unwrap()
    }

    fn all(format: Format) -> String {
        let message = |event: &str, data: &str, id: &str| Message {
            event: event.to_owned(),
            data: data.to_owned(),
            last_event_id: id.to_owned(),
        };
        printed(format, |printer| {
            printer.event(&message("message", "", ""), AT_US).unwrap();
            printer.event(&message("tick", "a\n\n b\u{1b}[2J\t\0\u{85}\u{202e}\"\\ü", "7"), AT_US).unwrap();
            printer.comment(" still here\u{7f}", AT_US).unwrap();
            printer.end(End { last_event_id: "7", retry: Some(1500), how: How::Truncated }, AT_US).unwrap();
            printer.end(End { last_event_id: "", retry: None, how: How::Ours }, AT_US).unwrap();
        })
    }

    #[test]
    fn text_is_a_block_an_event_without_anything_that_a_terminal_obeys() {
        let expected = [
            "2026-11-21T12:07:45.596Z event=message",
            "  ",
            "2026-11-21T12:07:45.596Z event=tick id=7",
            "  a",
            "  ",
            "   b\\u{1b}[2J\\t\\u{0}\\u{85}\\u{202e}\"\\ü",
            "2026-11-21T12:07:45.596Z : still here\\u{7f}",
            "2026-11-21T12:07:45.596Z end=truncated retry=1500ms id=7",
            "2026-11-21T12:07:45.596Z end=ours",
            "",
        ];
        assert_eq!(all(Format::Text), expected.join("\n"));
    }

    #[test]
    fn json_is_an_object_a_line() {
        let expected = [
            r#"{"kind":"event","event":"message","data":"","id":"","at_ms":1795262865596}"#,
            concat!(
                r#"{"kind":"event","event":"tick","data":"a\n\n b\u001b[2J\t\u0000"#,
                "\u{85}\u{202e}",
                r#"\"\\ü","id":"7","at_ms":1795262865596}"#
            ),
            concat!(r#"{"kind":"comment","text":" still here"#, "\u{7f}", "\"}"),
            r#"{"kind":"end","last_event_id":"7","retry":1500,"how":"truncated"}"#,
            r#"{"kind":"end","last_event_id":"","retry":null,"how":"ours"}"#,
            "",
        ];
        assert_eq!(all(Format::Json), expected.join("\n"));
    }
}
