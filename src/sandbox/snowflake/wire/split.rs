//! The statements of one text, told apart by the semicolons between them.

/// The statements of a text, without the semicolons between them and what is only comments.
///
/// A scripting block, alone or as the body of what is created, is one statement.
pub(super) fn statements(sql: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let (mut start, mut at, mut block) = (0, 0, Block::default());
    let mut any = false;
    while let Some(rest) = sql.get(at..).filter(|rest| !rest.is_empty()) {
        let (skipped, text) = untouched(rest);
        if skipped > 0 {
            at += skipped;
            if text {
                any = true;
                block.see("", "");
            }
            continue;
        }
        let word = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$')).unwrap_or(rest.len());
        if word > 0 {
            at += word;
            any = true;
            block.see(rest.get(..word).unwrap_or_default(), rest.get(word..).unwrap_or_default());
            continue;
        }
        let Some(mark) = rest.chars().next() else { break };
        if mark == ';' && !block.open() {
            if any {
                found.extend(sql.get(start..at));
            }
            (start, any, block) = (at + 1, false, Block::default());
        } else if !mark.is_whitespace() {
            any = true;
        }
        at += mark.len_utf8();
    }
    if any {
        found.extend(sql.get(start..));
    }
    found
}

/// The first bare word of a statement; empty if it begins with something else.
pub(super) fn first_word(sql: &str) -> &str {
    past_comments(sql).split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or_default()
}

fn past_comments(sql: &str) -> &str {
    let mut rest = sql.trim_start();
    while let (skipped @ 1.., false) = untouched(rest) {
        rest = rest.get(skipped..).unwrap_or_default().trim_start();
    }
    rest
}

/// How deep in scripting blocks a place is.
#[derive(Default)]
struct Block {
    depth: usize,
    /// After DECLARE, up to its BEGIN.
    declaring: bool,
    /// The word before was END: what follows may say of what.
    ended: bool,
    /// Words so far.
    words: usize,
    /// The word before was AS, which may stand before a body.
    after_as: bool,
}

impl Block {
    fn open(&self) -> bool {
        self.depth > 0 || self.declaring
    }

    /// Goes on over a word; a quoted text is an empty one.
    fn see(&mut self, word: &str, rest: &str) {
        let is = |wanted: &str| word.eq_ignore_ascii_case(wanted);
        // `END IF`, `END LOOP`: these close what did not open a block here.
        if self.ended && ["IF", "FOR", "WHILE", "LOOP", "REPEAT"].iter().any(|what| is(what)) {
            self.depth += 1;
        }
        let body = self.words == 0 || self.after_as;
        if is("DECLARE") && body {
            self.declaring = true;
        } else if is("BEGIN") && (self.open() || (body && !transaction(rest))) {
            (self.depth, self.declaring) = (self.depth + 1, false);
        } else if is("CASE") && self.open() && !self.ended {
            self.depth += 1;
        } else if is("END") {
            self.depth = self.depth.saturating_sub(1);
        }
        self.ended = is("END");
        self.after_as = is("AS");
        self.words += 1;
    }
}

/// Whether what follows BEGIN makes it the begin of a transaction.
fn transaction(rest: &str) -> bool {
    let rest = past_comments(rest);
    let word = first_word(rest).to_ascii_uppercase();
    rest.is_empty() || rest.starts_with(';') || matches!(word.as_str(), "TRANSACTION" | "WORK" | "NAME")
}

/// How many bytes at the beginning are a quoted text or a comment, in which nothing is to be looked for, and whether it is a text.
pub(super) fn untouched(sql: &str) -> (usize, bool) {
    for (open, close) in [("--", "\n"), ("//", "\n"), ("/*", "*/"), ("$$", "$$")] {
        if let Some(inner) = sql.strip_prefix(open) {
            let length = inner.find(close).map_or(sql.len(), |end| open.len() + end + close.len());
            return (length, open == "$$");
        }
    }
    let Some(quote @ (b'\'' | b'"')) = sql.bytes().next() else { return (0, false) };
    let mut escaped = false;
    for (at, byte) in sql.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quote == b'\'' => escaped = true,
            // A doubled quote ends one text and begins another, which comes to the same.
            _ if byte == quote => return (at + 1, true),
            _ => {}
        }
    }
    (sql.len(), true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn semicolons_part_statements_outside_texts_comments_and_blocks() {
        for (sql, wanted) in [
            ("SELECT 1", vec!["SELECT 1"]),
            ("SELECT 1; SELECT 2;", vec!["SELECT 1", " SELECT 2"]),
            ("SELECT ';'; -- ; \n;; /* ; */ SELECT \"a;\"", vec!["SELECT ';'", " /* ; */ SELECT \"a;\""]),
            ("SELECT 1; -- the end", vec!["SELECT 1"]),
            ("-- nothing", vec![]),
            (" ;; ", vec![]),
            ("SELECT $$a;b$$; SELECT 'it''s; \\';'", vec!["SELECT $$a;b$$", " SELECT 'it''s; \\';'"]),
            ("BEGIN SELECT 1; SELECT 2; END; SELECT 3", vec!["BEGIN SELECT 1; SELECT 2; END", " SELECT 3"]),
            ("BEGIN; SELECT 1; COMMIT", vec!["BEGIN", " SELECT 1", " COMMIT"]),
            ("begin /* x */ transaction; commit", vec!["begin /* x */ transaction", " commit"]),
            (
                "CREATE TASK t AS BEGIN IF (x) THEN SELECT 1; END IF; RETURN CASE WHEN a THEN 1 END; END; SELECT 1",
                vec![
                    "CREATE TASK t AS BEGIN IF (x) THEN SELECT 1; END IF; RETURN CASE WHEN a THEN 1 END; END",
                    " SELECT 1",
                ],
            ),
            (
                "DECLARE x INT; BEGIN FOR r IN c DO BEGIN NULL; END; END FOR; END; SELECT CASE WHEN 1 THEN 2 END; x",
                vec![
                    "DECLARE x INT; BEGIN FOR r IN c DO BEGIN NULL; END; END FOR; END",
                    " SELECT CASE WHEN 1 THEN 2 END",
                    " x",
                ],
            ),
            ("SELECT begin FROM t; SELECT 2", vec!["SELECT begin FROM t", " SELECT 2"]),
            ("SELECT 'open; SELECT 2", vec!["SELECT 'open; SELECT 2"]),
            ("é; ü", vec!["é", " ü"]),
        ] {
            assert_eq!(statements(sql), wanted, "{sql}");
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_makes_it_fail_or_lose_text(sql in "[a-zA-Z';\"\\\\$/*\n é-]{0,60}") {
            for piece in statements(&sql) {
                proptest::prop_assert!(sql.contains(piece));
            }
        }
    }
}
