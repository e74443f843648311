//! What the commands write: lines, and the format of reports.

use std::io::{self, Write};
use std::net::SocketAddr;

use textwrap::{WordSeparator, WordSplitter};

use super::exit::Failure;

/// How the report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Text,
    Json,
    Junit,
}

pub(super) fn format(text: &str) -> Result<Format, String> {
    match text {
        "text" => Ok(Format::Text),
        "json" => Ok(Format::Json),
        "junit" => Ok(Format::Junit),
        _ => Err("it is text, json or junit".to_owned()),
    }
}

/// Writes a line. There is nobody to tell if that fails: a closed pipe is success, as with other tools.
pub(super) fn show(to: &mut dyn Write, text: &str) {
    let _ = writeln!(to, "{}", text.trim_end());
    let _ = to.flush();
}

/// `text` with lines of at most 80 columns, as far as its words allow; what goes on keeps the line's indentation.
pub(super) fn wrapped(text: &str) -> String {
    const COLUMNS: usize = 80;
    let wrapped = text.lines().flat_map(|line| {
        let indent = &line[..line.len() - line.trim_start().len()];
        let options = textwrap::Options::new(COLUMNS)
            .initial_indent(indent)
            .subsequent_indent(indent)
            .break_words(false)
            .word_separator(WordSeparator::AsciiSpace)
            .word_splitter(WordSplitter::NoHyphenation);
        textwrap::wrap(&line[indent.len()..], options)
    });
    wrapped.map(|line| line.into_owned() + "\n").collect()
}

/// Shows the addresses of a server.
pub(super) fn show_addresses(out: &mut dyn Write, addresses: &[SocketAddr], base: &str) {
    for address in addresses {
        show(out, &format!("listening on http://{address}{base}/"));
    }
}

/// That nobody reads the output any more is no failure.
pub(super) fn unless_unread(error: io::Error) -> Result<(), Failure> {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Ok(()),
        _ => Err(Failure::unreachable(format!("write the output: {error}"))),
    }
}
