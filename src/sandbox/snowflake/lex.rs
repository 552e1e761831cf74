//! Splits a statement into tokens. Comments vanish; every token knows where it stands, for the errors.

use super::fail::{self, Fallible};

/// What a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tok {
    /// A bare word, as written.
    Word(String),
    /// `"…"`, unescaped.
    Quoted(String),
    /// `'…'` or `$$…$$`, unescaped.
    Text(String),
    /// Digits, with a fraction perhaps.
    Number(String),
    /// `@stage/path`, as written, without the `@`.
    Stage(String),
    /// An operator or a bracket.
    Mark(&'static str),
}

/// A token and its place.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) tok: Tok,
    /// Its first byte.
    pub(super) start: usize,
    /// The byte after its last.
    pub(super) end: usize,
}

const MARKS: [&str; 28] = [
    "=>", "::", "||", "<=", ">=", "<>", "!=", "(", ")", ",", ";", ".", "=", "*", "+", "-", "/", "<", ">", ":", "%",
    "?", "[", "]", "{", "}", "!", "~",
];

/// The tokens of a statement.
pub(super) fn tokens(source: &str) -> Fallible<Vec<Token>> {
    let mut lexer = Lexer { source, at: 0 };
    let mut tokens = Vec::new();
    while let Some(token) = lexer.next()? {
        tokens.push(token);
    }
    Ok(tokens)
}

/// The line (from 1) and the position in it (from 0) of a byte.
pub(super) fn place(source: &str, byte: usize) -> (usize, usize) {
    let before = source.get(..byte).unwrap_or(source);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    (before.matches('\n').count() + 1, before.get(line_start..).map_or(0, |line| line.chars().count()))
}

struct Lexer<'a> {
    source: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        self.source.get(self.at..).unwrap_or_default()
    }

    fn bump(&mut self) -> Option<char> {
        let next = self.rest().chars().next()?;
        self.at += next.len_utf8();
        Some(next)
    }

    fn skip_blanks(&mut self) -> Fallible<()> {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start();
            self.at += rest.len() - trimmed.len();
            if trimmed.starts_with("--") || trimmed.starts_with("//") {
                self.at += trimmed.find('\n').unwrap_or(trimmed.len());
            } else if trimmed.starts_with("/*") {
                let Some(end) = trimmed.find("*/") else { return Err(self.unexpected(self.at, "/*")) };
                self.at += end + 2;
            } else {
                return Ok(());
            }
        }
    }

    fn unexpected(&self, byte: usize, what: &str) -> super::answer::SqlError {
        let (line, position) = place(self.source, byte);
        fail::syntax(line, position, what)
    }

    fn next(&mut self) -> Fallible<Option<Token>> {
        self.skip_blanks()?;
        let start = self.at;
        let Some(first) = self.rest().chars().next() else { return Ok(None) };
        let tok = match first {
            '\'' => Tok::Text(self.text(start)?),
            '"' => Tok::Quoted(self.quoted(start)?),
            '@' => Tok::Stage(self.stage(start)?),
            '$' if self.rest().starts_with("$$") => Tok::Text(self.dollars(start)?),
            c if c.is_alphabetic() || c == '_' => {
                Tok::Word(self.take_while(|c| c.is_alphanumeric() || c == '_' || c == '$'))
            }
            c if c.is_ascii_digit() => Tok::Number(self.number()),
            '$' => Tok::Word(self.take_while(|c| c == '$' || c.is_ascii_digit())),
            other => match MARKS.iter().find(|mark| self.rest().starts_with(**mark)) {
                Some(mark) => {
                    self.at += mark.len();
                    Tok::Mark(mark)
                }
                None => return Err(self.unexpected(start, &other.to_string())),
            },
        };
        Ok(Some(Token { tok, start, end: self.at }))
    }

    fn take_while(&mut self, keep: impl Fn(char) -> bool) -> String {
        let rest = self.rest();
        let end = rest.find(|c| !keep(c)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default().to_owned()
    }

    /// Digits, a fraction, an exponent.
    fn number(&mut self) -> String {
        let mut digits = self.take_while(|c| c.is_ascii_digit() || c == '.');
        let rest = self.rest();
        let sign = usize::from(rest.get(1..).is_some_and(|rest| rest.starts_with(['+', '-'])));
        let power = rest.get(1 + sign..).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        if rest.starts_with(['e', 'E']) && power {
            digits.extend((0..=sign).filter_map(|_| self.bump()));
            digits += &self.take_while(|c| c.is_ascii_digit());
        }
        digits
    }

    fn quoted(&mut self, start: usize) -> Fallible<String> {
        self.bump();
        let mut name = String::new();
        loop {
            match self.bump() {
                Some('"') if self.rest().starts_with('"') => {
                    self.bump();
                    name.push('"');
                }
                Some('"') => return Ok(name),
                Some(c) => name.push(c),
                None => return Err(self.unexpected(start, "<EOF>")),
            }
        }
    }

    fn dollars(&mut self, start: usize) -> Fallible<String> {
        let body = self.rest().get(2..).unwrap_or_default();
        let Some(end) = body.find("$$") else { return Err(self.unexpected(start, "<EOF>")) };
        self.at += end + 4;
        Ok(body.get(..end).unwrap_or_default().to_owned())
    }

    /// `@a.b."c d"/path/to`: up to a blank, a comma, a semicolon or a closing bracket outside quotes.
    fn stage(&mut self, start: usize) -> Fallible<String> {
        self.bump();
        let from = self.at;
        let mut in_quotes = false;
        while let Some(c) = self.rest().chars().next() {
            if c == '"' {
                in_quotes = !in_quotes;
            } else if !in_quotes && (c.is_whitespace() || matches!(c, ',' | ';' | ')' | '(')) {
                break;
            }
            self.bump();
        }
        if in_quotes || self.at == from {
            return Err(self.unexpected(start, "@"));
        }
        Ok(self.source.get(from..self.at).unwrap_or_default().to_owned())
    }

    /// A string literal: `''` is a quote, a backslash escapes; before a character with no meaning the backslash vanishes.
    fn text(&mut self, start: usize) -> Fallible<String> {
        self.bump();
        let mut text = String::new();
        loop {
            match self.bump() {
                Some('\'') if self.rest().starts_with('\'') => {
                    self.bump();
                    text.push('\'');
                }
                Some('\'') => return Ok(text),
                Some('\\') => match self.bump() {
                    Some('n') => text.push('\n'),
                    Some('t') => text.push('\t'),
                    Some('r') => text.push('\r'),
                    Some('b') => text.push('\u{8}'),
                    Some('f') => text.push('\u{c}'),
                    Some('x') => text.push(self.code_point(2, 16)),
                    Some('u') => text.push(self.code_point(4, 16)),
                    Some(c) if c.is_digit(8) => {
                        self.at -= 1;
                        text.push(self.code_point(3, 8));
                    }
                    Some(c) => text.push(c),
                    None => return Err(self.unexpected(start, "<EOF>")),
                },
                Some(c) => text.push(c),
                None => return Err(self.unexpected(start, "<EOF>")),
            }
        }
    }

    fn code_point(&mut self, most: usize, radix: u32) -> char {
        let mut value = 0;
        for _ in 0..most {
            let Some(digit) = self.rest().chars().next().and_then(|c| c.to_digit(radix)) else { break };
            value = value * radix + digit;
            self.bump();
        }
        char::from_u32(value).unwrap_or('\u{fffd}')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(source: &str) -> Vec<Tok> {
        tokens(source).unwrap().into_iter().map(|t| t.tok).collect()
    }

    #[test]
    fn literals_are_unescaped() {
        for (source, wanted) in [
            ("'it''s'", "it's"),
            (r"'a\nb'", "a\nb"),
            (r"'\\N'", "\\N"),
            (r"'\q'", "q"),
            (r"'\x41\u00e9\101'", "AéA"),
            ("$$a'b\\n$$", "a'b\\n"),
        ] {
            assert_eq!(all(source), [Tok::Text(wanted.into())], "{source}");
        }
    }

    #[test]
    fn comments_vanish_and_stages_keep_their_paths() {
        assert_eq!(
            all("a -- b\n/* c */ @\"x y\".z/p/q-1.csv, // d\n e"),
            [Tok::Word("a".into()), Tok::Stage("\"x y\".z/p/q-1.csv".into()), Tok::Mark(","), Tok::Word("e".into())]
        );
    }

    #[test]
    fn errors_tell_the_place() {
        let error = tokens("select 1,\n  'open").unwrap_err();
        assert_eq!(error.code, "001003");
        assert!(error.message.contains("line 2 at position 2"), "{}", error.message);
    }
}
