//! Text from a cloud before it reaches a terminal: nothing in it may move the cursor, change colours or turn the reading direction.

/// Replaces control characters (but line ends and tabs) and characters that change the direction of text by visible escapes.
pub fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let turns =
            matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{200E}' | '\u{200F}' | '\u{061C}');
        if (c.is_control() && c != '\n' && c != '\t') || turns {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

/// One line: line ends and tabs are escaped too.
pub fn line(text: &str) -> String {
    clean(text).replace('\n', "\\n").replace('\t', "\\t")
}

#[cfg(test)]
mod tests {
    #[test]
    fn nothing_can_steer_a_terminal() {
        assert_eq!(super::clean("a\u{1b}[31mb\r\nc"), "a\\u{1b}[31mb\\u{d}\nc");
        assert_eq!(super::line("a\nb\u{202E}c"), "a\\nb\\u{202e}c");
    }
}
