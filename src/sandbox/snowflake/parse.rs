//! A cursor over the tokens of a statement: keywords, names and literals.

use super::answer::SqlError;
use super::fail::{self, Fallible};
use super::lex::{self, Tok, Token};

/// Words that cannot be names unless quoted (Snowflake documentation, "Reserved & limited keywords").
const RESERVED: [&str; 71] = [
    "ALL",
    "ALTER",
    "AND",
    "ANY",
    "AS",
    "BETWEEN",
    "BY",
    "CHECK",
    "COLUMN",
    "CONNECT",
    "CREATE",
    "CURRENT",
    "DELETE",
    "DISTINCT",
    "DROP",
    "ELSE",
    "EXISTS",
    "FOLLOWING",
    "FOR",
    "FROM",
    "GRANT",
    "GROUP",
    "HAVING",
    "ILIKE",
    "IN",
    "INCREMENT",
    "INSERT",
    "INTERSECT",
    "INTO",
    "IS",
    "LIKE",
    "MINUS",
    "NOT",
    "NULL",
    "OF",
    "ON",
    "OR",
    "ORDER",
    "QUALIFY",
    "REGEXP",
    "REVOKE",
    "RLIKE",
    "ROW",
    "ROWS",
    "SAMPLE",
    "SELECT",
    "SET",
    "SOME",
    "START",
    "TABLE",
    "TABLESAMPLE",
    "THEN",
    "TO",
    "TRIGGER",
    "UNION",
    "UNIQUE",
    "UPDATE",
    "VALUES",
    "WHENEVER",
    "WHERE",
    "WINDOW",
    "WITH",
    "CROSS",
    "FULL",
    "INNER",
    "JOIN",
    "LATERAL",
    "LEFT",
    "NATURAL",
    "RIGHT",
    "USING",
];

/// A name of one to three parts, each as stored. A middle part may be empty: `db..obj`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name(pub(super) Vec<String>);

impl Name {
    /// The last part.
    pub(super) fn last(&self) -> &str {
        self.0.last().map_or("", String::as_str)
    }

    /// As errors print it: parts joined with dots.
    pub(super) fn shown(&self) -> String {
        self.0.join(".")
    }

    /// Reads a name out of a text, as `IDENTIFIER('…')` and the system functions do.
    pub(super) fn read(text: &str) -> Fallible<Self> {
        let mut parser = Parser::new(text)?;
        let name = parser.name()?;
        parser.end()?;
        Ok(name)
    }
}

/// A stage and a path under it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct StagePath {
    pub(super) stage: Name,
    /// Without the slash before it.
    pub(super) path: String,
}

impl StagePath {
    /// Reads `db.schema.stage/path` (without the `@`).
    pub(super) fn read(raw: &str) -> Fallible<Self> {
        if raw.starts_with('~') || raw.starts_with('%') {
            return Err(fail::unsupported("user and table stages"));
        }
        let mut in_quotes = false;
        let slash = raw.find(|c| {
            if c == '"' {
                in_quotes = !in_quotes;
            }
            c == '/' && !in_quotes
        });
        let (name, path) = slash.map_or((raw, ""), |at| raw.split_at(at));
        Ok(Self { stage: Name::read(name)?, path: path.strip_prefix('/').unwrap_or(path).to_owned() })
    }
}

/// The cursor.
pub(super) struct Parser<'a> {
    source: &'a str,
    tokens: Vec<Token>,
    at: usize,
    /// Whether quoted names fold too: `QUOTED_IDENTIFIERS_IGNORE_CASE`.
    folds_quoted: bool,
}

impl<'a> Parser<'a> {
    pub(super) fn new(source: &'a str) -> Fallible<Self> {
        Ok(Self { source, tokens: lex::tokens(source)?, at: 0, folds_quoted: false })
    }

    /// The same cursor, folding quoted names if so wanted.
    pub(super) fn folding_quoted(mut self, folds: bool) -> Self {
        self.folds_quoted = folds;
        self
    }

    pub(super) fn peek(&self) -> Option<&Tok> {
        self.tokens.get(self.at).map(|t| &t.tok)
    }

    pub(super) fn peek_at(&self, ahead: usize) -> Option<&Tok> {
        self.tokens.get(self.at + ahead).map(|t| &t.tok)
    }

    pub(super) fn advance(&mut self) {
        self.at += 1;
    }

    /// Where the cursor is, to come back or to complain about later.
    pub(super) fn mark_place(&self) -> usize {
        self.at
    }

    pub(super) fn back_to(&mut self, place: usize) {
        self.at = place;
    }

    /// The complaint about the token under the cursor.
    pub(super) fn unexpected(&self) -> SqlError {
        self.unexpected_at(self.at)
    }

    /// The complaint about the token at a remembered place.
    pub(super) fn unexpected_at(&self, place: usize) -> SqlError {
        let (line, position, text) = self.place_of(place);
        fail::syntax(line, position, &text)
    }

    /// Line, position and text of the token at a remembered place.
    pub(super) fn place_of(&self, place: usize) -> (usize, usize, String) {
        let (start, text) = match self.tokens.get(place) {
            Some(token) => (token.start, self.source.get(token.start..token.end).unwrap_or_default()),
            None => (self.source.len(), "<EOF>"),
        };
        let (line, position) = lex::place(self.source, start);
        (line, position, text.to_owned())
    }

    /// The bare word under the cursor, in upper case.
    pub(super) fn word(&self) -> Option<String> {
        match self.peek() {
            Some(Tok::Word(word)) => Some(word.to_uppercase()),
            _ => None,
        }
    }

    /// Whether the next tokens are these keywords, blank-separated.
    pub(super) fn is(&self, words: &str) -> bool {
        words.split_whitespace().enumerate().all(
            |(ahead, wanted)| matches!(self.peek_at(ahead), Some(Tok::Word(word)) if word.eq_ignore_ascii_case(wanted)),
        )
    }

    /// Passes these keywords if they come next.
    pub(super) fn eat(&mut self, words: &str) -> bool {
        let found = self.is(words);
        if found {
            self.at += words.split_whitespace().count();
        }
        found
    }

    /// Passes the first of these that comes next and tells which.
    pub(super) fn eat_one(&mut self, choices: &[&'static str]) -> Option<&'static str> {
        choices.iter().find(|words| self.eat(words)).copied()
    }

    pub(super) fn need(&mut self, words: &str) -> Fallible<()> {
        for word in words.split_whitespace() {
            if !self.eat(word) {
                return Err(self.unexpected());
            }
        }
        Ok(())
    }

    pub(super) fn is_mark(&self, mark: &str) -> bool {
        matches!(self.peek(), Some(Tok::Mark(found)) if *found == mark)
    }

    pub(super) fn mark(&mut self, mark: &str) -> bool {
        let found = self.is_mark(mark);
        if found {
            self.at += 1;
        }
        found
    }

    pub(super) fn need_mark(&mut self, mark: &str) -> Fallible<()> {
        if self.mark(mark) { Ok(()) } else { Err(self.unexpected()) }
    }

    /// One identifier, as stored.
    pub(super) fn ident(&mut self) -> Fallible<String> {
        let name = match self.peek() {
            Some(Tok::Quoted(name)) if self.folds_quoted => name.to_uppercase(),
            Some(Tok::Quoted(name)) => name.clone(),
            Some(Tok::Word(word)) => {
                let upper = word.to_uppercase();
                if RESERVED.contains(&upper.as_str()) || upper.starts_with('$') {
                    return Err(self.unexpected());
                }
                upper
            }
            _ => return Err(self.unexpected()),
        };
        if name.is_empty() {
            return Err(self.unexpected());
        }
        if name.chars().count() > 255 {
            return Err(fail::error(
                "002004",
                "42601",
                format!("SQL compilation error:\nIdentifier '{name}' is longer than 255 characters."),
            ));
        }
        self.at += 1;
        Ok(name)
    }

    /// A name of up to three parts, or `IDENTIFIER('…')`.
    pub(super) fn name(&mut self) -> Fallible<Name> {
        if self.is("IDENTIFIER") && matches!(self.peek_at(1), Some(Tok::Mark("("))) {
            self.at += 2;
            let name = Name::read(&self.text()?)?;
            self.need_mark(")")?;
            return Ok(name);
        }
        let mut parts = vec![self.ident()?];
        while self.is_mark(".") && parts.len() < 3 {
            self.at += 1;
            if parts.len() == 1 && self.mark(".") {
                parts.push("PUBLIC".to_owned());
            }
            parts.push(self.ident()?);
        }
        Ok(Name(parts))
    }

    pub(super) fn text(&mut self) -> Fallible<String> {
        match self.peek() {
            Some(Tok::Text(text)) => {
                let text = text.clone();
                self.at += 1;
                Ok(text)
            }
            _ => Err(self.unexpected()),
        }
    }

    pub(super) fn number(&mut self) -> Fallible<u64> {
        match self.peek() {
            Some(Tok::Number(digits)) => match digits.parse() {
                Ok(number) => {
                    self.at += 1;
                    Ok(number)
                }
                Err(_) => Err(self.unexpected()),
            },
            _ => Err(self.unexpected()),
        }
    }

    /// `@stage/path`, bare or as a string.
    pub(super) fn stage_path(&mut self) -> Fallible<StagePath> {
        let raw = match self.peek() {
            Some(Tok::Stage(raw)) => raw.clone(),
            Some(Tok::Text(text)) => match text.strip_prefix('@') {
                Some(raw) => raw.to_owned(),
                None => return Err(self.unexpected()),
            },
            _ => return Err(self.unexpected()),
        };
        let mut read =
            StagePath::read(&raw).map_err(|error| if error.code == "001003" { self.unexpected() } else { error })?;
        if self.folds_quoted {
            read.stage.0.iter_mut().for_each(|part| *part = part.to_uppercase());
        }
        self.at += 1;
        Ok(read)
    }

    /// Everything from the cursor to the end, without blanks around it and the last semicolon.
    pub(super) fn rest(&mut self) -> &'a str {
        let start = self.tokens.get(self.at).map_or(self.source.len(), |t| t.start);
        self.at = self.tokens.len();
        let text = self.source.get(start..).unwrap_or_default().trim_end();
        text.strip_suffix(';').unwrap_or(text).trim_end()
    }

    /// The same, with blanks for what stands before it, so that places in it are places in the statement.
    pub(super) fn padded_rest(&mut self) -> String {
        let start = self.tokens.get(self.at).map_or(self.source.len(), |t| t.start);
        let before = self.source.get(..start).unwrap_or_default();
        let blanks: String = before.chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
        blanks + self.rest()
    }

    /// The source between two remembered places.
    pub(super) fn between(&self, from: usize, to: usize) -> &'a str {
        let start = self.tokens.get(from).map_or(self.source.len(), |t| t.start);
        let end = to.checked_sub(1).and_then(|last| self.tokens.get(last)).map_or(start, |t| t.end);
        self.source.get(start..end).unwrap_or_default()
    }

    /// The source up to the bracket that closes one already passed, which is passed too.
    pub(super) fn bracketed(&mut self) -> Fallible<String> {
        let from = self.at;
        let mut depth = 0_usize;
        while let Some(tok) = self.peek() {
            match tok {
                Tok::Mark("(") => depth += 1,
                Tok::Mark(")") if depth == 0 => break,
                Tok::Mark(")") => depth -= 1,
                _ => {}
            }
            self.at += 1;
        }
        let text = self.between(from, self.at).to_owned();
        self.need_mark(")")?;
        Ok(text)
    }

    /// Cuts these keywords out of what is still to come, wherever they stand.
    pub(super) fn cut(&mut self, words: &str) -> bool {
        let wanted: Vec<&str> = words.split_whitespace().collect();
        let found = (self.at..self.tokens.len()).find(|at| {
            wanted.iter().enumerate().all(|(ahead, wanted)| {
                matches!(self.tokens.get(at + ahead).map(|t| &t.tok), Some(Tok::Word(word)) if word.eq_ignore_ascii_case(wanted))
            })
        });
        if let Some(at) = found {
            self.tokens.drain(at..at + wanted.len());
        }
        found.is_some()
    }

    pub(super) fn at_end(&self) -> bool {
        self.at >= self.tokens.len()
    }

    /// Nothing may follow but a semicolon.
    pub(super) fn end(&mut self) -> Fallible<()> {
        self.mark(";");
        if self.at_end() { Ok(()) } else { Err(self.unexpected()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fold_and_quote() {
        for (source, wanted) in [
            ("abc", vec!["ABC"]),
            ("\"aBc\"", vec!["aBc"]),
            ("a.\"b.c\".d", vec!["A", "b.c", "D"]),
            ("a..d", vec!["A", "PUBLIC", "D"]),
            ("identifier('x.\"y\"')", vec!["X", "y"]),
            ("\"a\"\"b\"", vec!["a\"b"]),
        ] {
            assert_eq!(Name::read(source).unwrap().0, wanted, "{source}");
        }
    }

    #[test]
    fn names_that_are_none() {
        for source in ["", "table", "1a", "'a'", "a.b.c.d", "\"\"", "a."] {
            assert_eq!(Name::read(source).unwrap_err().code, "001003", "{source}");
        }
        assert!(Name::read(&"x".repeat(255)).is_ok());
        assert_eq!(Name::read(&"x".repeat(256)).unwrap_err().code, "002004");
    }

    #[test]
    fn stage_paths_split_at_the_first_slash_outside_quotes() {
        let read = StagePath::read("d.s.\"a/b\"/x/y.csv").unwrap();
        assert_eq!((read.stage.last(), read.path.as_str()), ("a/b", "x/y.csv"));
        assert_eq!(StagePath::read("s").unwrap().path, "");
    }
}
