//! Text from outside, made fit for a terminal.

/// `text` on one line, with nothing in it that a terminal obeys.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if obeyed(c) { out.extend(c.escape_debug()) } else { out.push(c) }
    }
    out
}

/// The same, of at most `max` characters of it, with three dots for the rest.
pub fn shortened(text: &str, max: usize) -> String {
    let mut rest = text.chars();
    let shown: String = rest.by_ref().take(max).collect();
    escaped(&shown) + if rest.next().is_some() { "..." } else { "" }
}

/// Control characters, line and paragraph separators, and what changes the direction of text around it.
fn obeyed(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_that_a_terminal_obeys() {
        assert_eq!(escaped("a\u{1b}[2J\r\n\u{85}\u{202e}ü\"\\"), "a\\u{1b}[2J\\r\\n\\u{85}\\u{202e}ü\"\\");
        assert_eq!([shortened("äbc", 3), shortened("äbc\x07", 3), shortened("\x07", 1)], ["äbc", "äbc...", "\\u{7}"]);
    }
}
