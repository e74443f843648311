//! Elements and text of a page that is HTML and well-formed XML at once. Names are the program's own; whatever comes from
//! outside goes in as text or as an attribute's value, and stays that.

use crate::escape;

/// More characters of one text are not shown.
const TEXT_MOST: usize = 500;

/// These stand in a line of text, without a line of their own in the source.
const INLINE: [&str; 8] = ["a", "b", "code", "small", "span", "strong", "time", "wbr"];

/// An element's attributes: names of our own, and values.
pub(super) type Attributes<'a> = &'a [(&'static str, &'a str)];

/// A page, as far as it is written.
#[derive(Default)]
pub(super) struct Markup {
    out: String,
}

impl Markup {
    /// An element with others inside.
    pub(super) fn element(&mut self, name: &'static str, attributes: Attributes<'_>, inside: impl FnOnce(&mut Markup)) {
        self.start(name, attributes);
        self.out.push('>');
        inside(self);
        self.out += "</";
        self.out += name;
        self.out.push('>');
    }

    /// An element with nothing but text inside.
    pub(super) fn leaf(&mut self, name: &'static str, attributes: Attributes<'_>, text: &str) {
        self.element(name, attributes, |inside| inside.text(text));
    }

    /// An element that has no inside: HTML has few of these.
    pub(super) fn void(&mut self, name: &'static str, attributes: Attributes<'_>) {
        self.start(name, attributes);
        self.out += " />";
    }

    /// Text from anywhere.
    pub(super) fn text(&mut self, text: &str) {
        self.text_up_to(TEXT_MOST, text);
    }

    /// Text from anywhere, of which no more than so many characters are worth showing.
    pub(super) fn text_up_to(&mut self, most: usize, text: &str) {
        self.escaped(&escape::shortened(&without_credentials(text), most));
    }

    /// Our own text, with line breaks as they are, and nothing in it that would have to be escaped.
    pub(super) fn verbatim(&mut self, text: &'static str) {
        self.out += text;
    }

    /// The page.
    pub(super) fn into_text(self) -> String {
        self.out
    }

    fn start(&mut self, name: &'static str, attributes: Attributes<'_>) {
        if !INLINE.contains(&name) {
            self.out.push('\n');
        }
        self.out.push('<');
        self.out += name;
        for (name, value) in attributes {
            self.out.push(' ');
            self.out += name;
            self.out += "=\"";
            self.escaped(value);
            self.out.push('"');
        }
    }

    /// Character data of either language; XML doesn't have two characters that HTML has.
    fn escaped(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '&' => self.out += "&amp;",
                '<' => self.out += "&lt;",
                '>' => self.out += "&gt;",
                '"' => self.out += "&quot;",
                '\'' => self.out += "&#39;",
                '\u{fffe}' | '\u{ffff}' => self.out.extend(c.escape_unicode()),
                c if escape::is_obeyed(c) => self.out.extend(c.escape_default()),
                c => self.out.push(c),
            }
        }
    }
}

/// A text in which no URL has anything before the `@` of its host.
fn without_credentials(text: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, after)) = rest.split_once("://") {
        let is_end = |c: char| matches!(c, '/' | '?' | '#' | '\\' | '"' | '<' | '>') || c.is_whitespace();
        let (authority, _) = after.split_at(after.find(is_end).unwrap_or(after.len()));
        out += before;
        out += "://";
        rest = &after[authority.rfind('@').map_or(0, |at| at + 1)..];
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        let mut page = Markup::default();
        page.leaf("p", &[("title", "\"'><x>&\n")], "</p><script>'&amp;\"\u{1b}\u{202e}\u{ffff}\n");
        let escaped = "&lt;/p&gt;&lt;script&gt;&#39;&amp;amp;&quot;\\u{1b}\\u{202e}\\u{ffff}\\n";
        let expected = format!("\n<p title=\"&quot;&#39;&gt;&lt;x&gt;&amp;\\n\">{escaped}</p>");
        assert_eq!(page.into_text(), expected);
    }

    #[test]
    fn credentials_are_left_out_of_every_url() {
        for (text, shown) in [
            ("http://u:p@h/a@b", "http://h/a@b"),
            ("https://u:a@b@h:1?c=d@e", "https://h:1?c=d@e"),
            ("http://h/a then <https://x@y> and ftp://z:1@", "http://h/a then <https://y> and ftp://"),
            ("://@://@", "://://"),
            ("u:p@h", "u:p@h"),
        ] {
            assert_eq!(without_credentials(text), shown);
        }
    }
}
