//! Text from outside, made fit for a terminal.

/// `text` on one line, with nothing in it that a terminal obeys.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_obeyed(c) { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}

/// The same, of at most `max` characters of it, with three dots for the rest.
pub fn shortened(text: &str, max: usize) -> String {
    let mut rest = text.chars();
    let shown: String = rest.by_ref().take(max).collect();
    escaped(&shown) + if rest.next().is_some() { "..." } else { "" }
}

/// Control characters, and those that don't show but change what stands around them: direction, joining, variants, tags.
pub fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
        || matches!(c, '\u{e0000}'..='\u{e0fff}')
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
