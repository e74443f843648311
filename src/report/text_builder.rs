//! Lines of text: cut to a width, coloured or not, and with nothing in them that a terminal obeys.

use crate::escape::escaped;
use textwrap::{WordSeparator, WordSplitter};
use unicode_width::UnicodeWidthChar;

/// Narrower terminals get lines that are too long.
const COLUMNS_LEAST: usize = 60;
/// Longer lines are hard to read.
const COLUMNS_MOST: usize = 100;

/// How the text may look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Columns of the terminal, or what is assumed of a file. Lines take 60 to 100, except for the last.
    pub columns: usize,
    /// Whether it may be coloured.
    pub colours: bool,
}

/// How a piece of text stands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Bold,
    Dim,
    Good,
    Doubt,
    Bad,
}

impl Tone {
    /// The parameters of Select Graphic Rendition (ECMA-48, 8.3.117).
    fn sgr(self) -> Option<&'static str> {
        match self {
            Tone::Plain => None,
            Tone::Bold => Some("1"),
            Tone::Dim => Some("2"),
            Tone::Good => Some("1;32"),
            Tone::Doubt => Some("1;33"),
            Tone::Bad => Some("1;31"),
        }
    }
}

/// A piece of a line, of one tone. Whatever it is made of, a terminal only shows it.
#[derive(Debug, Clone)]
pub(super) struct Span {
    text: String,
    tone: Tone,
}

impl Span {
    pub(super) fn new(text: &str, tone: Tone) -> Span {
        Span { text: escaped(text), tone }
    }
}

/// Lines, one below the other.
pub(super) struct TextBuilder {
    columns: usize,
    colours: bool,
    out: String,
}

impl TextBuilder {
    pub(super) fn new(style: Style) -> TextBuilder {
        let columns = style.columns.clamp(COLUMNS_LEAST, COLUMNS_MOST);
        TextBuilder { columns, colours: style.colours, out: String::new() }
    }

    /// The most that a line takes.
    pub(super) fn columns(&self) -> usize {
        self.columns
    }

    pub(super) fn into_text(self) -> String {
        self.out
    }

    /// What follows stands apart.
    pub(super) fn gap(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with("\n\n") {
            self.out.push('\n');
        }
    }

    /// A line of its own, cut where it is too long.
    pub(super) fn line(&mut self, spans: &[Span]) {
        let mut left = self.columns;
        for span in spans {
            let text = cut(&span.text, left);
            left -= width(&text);
            self.put(&text, span.tone);
        }
        self.out.push('\n');
    }

    /// As many lines as the words of `text` need behind `head`, all but the first indented by so many columns.
    pub(super) fn wrapped(&mut self, head: Span, indent: usize, text: &str, tone: Tone) {
        let indented = Span::new(&" ".repeat(indent), Tone::Plain);
        let lines = wrap(&escaped(text), self.columns, width(&head.text), indent);
        let mut before = head;
        for text in lines {
            self.line(&[std::mem::replace(&mut before, indented.clone()), Span { text, tone }]);
        }
    }

    /// As many lines as the words of `text` need.
    pub(super) fn paragraph(&mut self, text: &str, tone: Tone) {
        self.wrapped(Span::new("", Tone::Plain), 0, text, tone);
    }

    /// A line that a program may read, whole however long it is.
    pub(super) fn whole_line(&mut self, text: &str) {
        self.out += &escaped(text);
        self.out.push('\n');
    }

    fn put(&mut self, text: &str, tone: Tone) {
        match tone.sgr().filter(|_| self.colours && !text.trim().is_empty()) {
            Some(sgr) => self.out.extend(["\x1b[", sgr, "m", text, "\x1b[0m"]),
            None => self.out += text,
        }
    }
}

/// Columns that a text takes.
pub(super) fn width(text: &str) -> usize {
    text.chars().map(char_width).sum()
}

fn char_width(c: char) -> usize {
    c.width().unwrap_or(0)
}

/// `text`, on the left of so many columns.
pub(super) fn left(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// `text`, on the right of so many columns.
pub(super) fn right(text: &str, columns: usize) -> String {
    format!("{}{text}", " ".repeat(columns.saturating_sub(width(text))))
}

/// `text` in at most so many columns, its middle left out where it is longer: both ends of a URL tell something.
pub(super) fn shortened(text: &str, columns: usize) -> String {
    let text = escaped(text);
    if width(&text) <= columns {
        return text;
    }
    let tail_most = columns.saturating_sub(1) / 3;
    let mut tail_width = 0;
    let tail: Vec<char> = text.chars().rev().take_while(|c| fits(&mut tail_width, *c, tail_most)).collect();
    let head = cut(&text, columns.saturating_sub(tail.iter().copied().map(char_width).sum()));
    head + &tail.iter().rev().collect::<String>()
}

fn fits(used: &mut usize, c: char, most: usize) -> bool {
    *used += char_width(c);
    *used <= most
}

/// `text` in at most so many columns; what was cut off shows.
pub(super) fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut used = 0;
    let mut out: String = text.chars().take_while(|c| fits(&mut used, *c, columns.saturating_sub(1))).collect();
    if columns > 0 {
        out.push('…');
    }
    out
}

/// The words of `text` in lines of at most so many columns, of which the first begins behind `first` columns and the
/// others behind `rest`; longer words are broken.
fn wrap(text: &str, columns: usize, first: usize, rest: usize) -> Vec<String> {
    let (first, rest) = (" ".repeat(first), " ".repeat(rest));
    let options = textwrap::Options::new(columns)
        .initial_indent(&first)
        .subsequent_indent(&rest)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation);
    let words = text.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    let lines = textwrap::wrap(&words, options).into_iter().enumerate();
    lines.map(|(n, line)| line.strip_prefix(if n == 0 { &first } else { &rest }).unwrap_or("").to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(columns: usize, colours: bool) -> TextBuilder {
        TextBuilder::new(Style { columns, colours })
    }

    #[test]
    fn a_terminal_obeys_nothing() {
        let mut page = page(80, false);
        page.line(&[Span::new("a\x1b[31mb\r\nc\u{202e}d\u{9b}e", Tone::Bad)]);
        assert_eq!(page.into_text(), "a\\u{1b}[31mb\\r\\nc\\u{202e}d\\u{9b}e\n");
    }

    #[test]
    fn tones_are_colours_where_there_are_any() {
        let mut page = page(80, true);
        page.line(&[Span::new("  ", Tone::Bad), Span::new("cut", Tone::Bad), Span::new(" short", Tone::Plain)]);
        assert_eq!(page.into_text(), "  \x1b[1;31mcut\x1b[0m short\n");
    }

    #[test]
    fn lines_are_cut_and_words_are_wrapped() {
        let mut page = page(0, false);
        page.line(&[Span::new(&"x".repeat(70), Tone::Plain), Span::new("y", Tone::Plain)]);
        let text = format!("{} {}", "some words ".repeat(6), "z".repeat(70));
        page.wrapped(Span::new("mark: ", Tone::Plain), 2, &text, Tone::Plain);
        let text = page.into_text();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], format!("{}…", "x".repeat(59)));
        assert_eq!(lines[1], "mark: some words some words some words some words some words");
        assert_eq!(lines[2], "  some words");
        assert_eq!(lines[3..], ["z".repeat(58), "z".repeat(12)].map(|part| format!("  {part}")));
    }

    #[test]
    fn both_ends_stay() {
        assert_eq!(shortened("https://host.example/a/long/path?x=1", 20), "https://host.…th?x=1");
        assert_eq!(shortened("short", 20), "short");
        assert_eq!(width(&shortened("長い題名の長い題名の長い題名", 11)), 11);
    }
}
