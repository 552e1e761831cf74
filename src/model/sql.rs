//! SQL statements. [`Text`] is the only way to build one: keywords from the program, names quoted, values escaped.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{DatabaseRoleName, Fact, Facts, Held, Ident, ObjectName, SchemaName, Secret, SecretRef, Val};

/// A statement, or a part of one, as a list of tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Text(Vec<Token>);

/// One token.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Token {
    /// Keywords and punctuation, from the program itself.
    Word(Cow<'static, str>),
    /// A name in its quoted form.
    Name(String),
    /// A string literal, unescaped.
    Literal(Val),
    /// SQL that the user wrote (a task's body or condition), verbatim.
    Body(String),
    /// A string literal that is found only when the statement is sent.
    Secret(SecretRef),
    /// A string literal that an earlier operation of the same step tells.
    Held(Held),
}

/// What can stand as a name in a statement.
pub trait Name: fmt::Display {}
impl Name for Ident {}
impl Name for SchemaName {}
impl Name for DatabaseRoleName {}
impl Name for ObjectName {}

/// SQL that a user wrote for Snowflake to keep: the body of a task, its condition.
///
/// Canonical: line ends are `\n`, outer white space and one trailing `;` are gone (Snowflake keeps the inside as it was).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Body(String);

impl Body {
    /// Canonical form of a body.
    pub fn new(sql: &str) -> Self {
        let sql = sql.replace("\r\n", "\n");
        let sql = sql.trim();
        // A scripting block ends in `END;`, whose semicolon Snowflake may or may not give back: it is dropped on both sides.
        Self(sql.strip_suffix(';').unwrap_or(sql).trim_end().to_owned())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Text {
    /// A statement that begins with these keywords.
    pub fn new(words: &'static str) -> Self {
        Self::default().word(words)
    }

    /// Adds keywords or punctuation.
    #[must_use]
    pub fn word(mut self, words: &'static str) -> Self {
        self.0.push(Token::Word(Cow::Borrowed(words)));
        self
    }

    /// Adds a quoted name.
    #[must_use]
    pub fn name(mut self, name: &impl Name) -> Self {
        self.0.push(Token::Name(name.to_string()));
        self
    }

    /// Adds an escaped string literal.
    #[must_use]
    pub fn literal(mut self, value: impl Into<Val>) -> Self {
        self.0.push(Token::Literal(value.into()));
        self
    }

    /// Adds a number.
    #[must_use]
    pub fn int(mut self, number: i64) -> Self {
        self.0.push(Token::Word(Cow::Owned(number.to_string())));
        self
    }

    /// Adds `TRUE` or `FALSE`.
    #[must_use]
    pub fn bool(self, value: bool) -> Self {
        self.word(if value { "TRUE" } else { "FALSE" })
    }

    /// Adds SQL of the user's.
    #[must_use]
    pub fn body(mut self, body: &Body) -> Self {
        self.0.push(Token::Body(body.0.clone()));
        self
    }

    /// Adds a string literal whose text is fetched only when the statement is sent.
    #[must_use]
    pub fn secret(mut self, secret: &SecretRef) -> Self {
        self.0.push(Token::Secret(secret.clone()));
        self
    }

    /// Adds a string literal that an earlier operation of the same step tells.
    #[must_use]
    pub fn held(mut self, held: &Held) -> Self {
        self.0.push(Token::Held(held.clone()));
        self
    }

    /// Adds the name of a parameter that is an identifier made of letters, digits and `_` only (a session parameter's name).
    /// Anything else is left out; validate first.
    #[must_use]
    pub fn parameter(mut self, name: &str) -> Self {
        if name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            self.0.push(Token::Word(Cow::Owned(name.to_ascii_uppercase())));
        }
        self
    }

    /// Adds `('a', 'b')`.
    #[must_use]
    pub fn literals<V: Into<Val>>(self, values: impl IntoIterator<Item = V>) -> Self {
        let parts = values.into_iter().map(|value| Self::default().literal(value));
        self.word("(").list(parts).word(")")
    }

    /// Adds parts with commas between them.
    #[must_use]
    pub fn list(mut self, parts: impl IntoIterator<Item = Self>) -> Self {
        for (index, part) in parts.into_iter().enumerate() {
            if index > 0 {
                self = self.word(",");
            }
            self = self.then(part);
        }
        self
    }

    /// Adds another text.
    #[must_use]
    pub fn then(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The facts that stand in it.
    pub fn facts(&self) -> impl Iterator<Item = &Fact> {
        self.0.iter().flat_map(|token| match token {
            Token::Literal(value) => value.facts().collect::<Vec<_>>(),
            Token::Word(_) | Token::Name(_) | Token::Body(_) | Token::Secret(_) | Token::Held(_) => Vec::new(),
        })
    }

    /// Puts in every fact that is known.
    #[must_use]
    pub fn resolve(&self, facts: &Facts) -> Self {
        let resolve = |token: &Token| match token {
            Token::Literal(value) => Token::Literal(value.resolve(facts)),
            other => other.clone(),
        };
        Self(self.0.iter().map(resolve).collect())
    }

    /// The statement as it is sent.
    ///
    /// # Errors
    /// A fact that is not known yet, or a secret that cannot be read.
    pub fn render(&self, fetch: &dyn Fn(From<'_>) -> Result<Secret, String>) -> Result<Secret, RenderError> {
        let mut out = String::new();
        for token in &self.0 {
            let piece = match token {
                Token::Literal(value) => match value.as_known() {
                    Some(text) => escape(text),
                    None => return Err(RenderError::Unknown(value.facts().map(ToString::to_string).collect())),
                },
                Token::Secret(from) => escape(fetch(From::Outside(from)).map_err(RenderError::Secret)?.expose()),
                Token::Held(held) => escape(fetch(From::Step(held)).map_err(RenderError::Secret)?.expose()),
                Token::Word(text) => text.to_string(),
                Token::Name(text) | Token::Body(text) => text.clone(),
            };
            join(&mut out, &piece);
        }
        Ok(Secret::new(out))
    }
}

/// Where a secret of a statement comes from.
#[derive(Clone, Copy, Debug)]
pub enum From<'a> {
    /// The environment or a file.
    Outside(&'a SecretRef),
    /// An earlier operation of the same step.
    Step(&'a Held),
}

/// Why a statement cannot be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// An ordering mistake of the planner.
    #[error("bug in snowssi: {} is still unknown when it is needed", .0.join(", "))]
    Unknown(Vec<String>),
    /// A secret that cannot be read.
    #[error("{0}")]
    Secret(String),
}

/// For people and scripts: secrets and unknown facts as placeholders.
impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        for token in &self.0 {
            let piece = match token {
                Token::Literal(value) => escape(&value.to_string()),
                Token::Secret(from) => format!("'{from}'"),
                Token::Held(held) => format!("'{held}'"),
                Token::Word(text) => text.to_string(),
                Token::Name(text) | Token::Body(text) => text.clone(),
            };
            join(&mut out, &piece);
        }
        f.write_str(&out)
    }
}

/// A string literal. Snowflake reads a backslash as an escape, so it is doubled like the quote.
fn escape(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

fn join(out: &mut String, piece: &str) {
    let tight = out.is_empty() || out.ends_with(['(', '@', '\n']) || piece.starts_with([')', ',', ';']);
    if !tight {
        out.push(' ');
    }
    out.push_str(piece);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_escapes() {
        let name: ObjectName = "db.s.\"a\"\"b\"".parse().unwrap();
        let text = Text::new("ALTER STAGE").name(&name).word("SET COMMENT =").literal("it's a \\ test");
        assert_eq!(text.to_string(), r#"ALTER STAGE "DB"."S"."a""b" SET COMMENT = 'it''s a \\ test'"#);
        let list = Text::new("X =").literals(["a", "b"]);
        assert_eq!(list.to_string(), "X = ('a', 'b')");
        assert_eq!(Text::new("X =").literals(Vec::<Val>::new()).to_string(), "X = ()");
    }

    #[test]
    fn a_statement_with_an_unknown_fact_is_not_sent() {
        let fact = Fact::new(&"a.b".parse().unwrap(), "arn");
        let text = Text::new("SELECT").literal(Val::later(fact.clone()));
        let no_secret = |_: From<'_>| Err("none".to_owned());
        assert!(matches!(text.render(&no_secret), Err(RenderError::Unknown(_))));
        let mut facts = Facts::default();
        facts.learn(fact, "x'y");
        assert_eq!(text.resolve(&facts).render(&no_secret).unwrap().expose(), "SELECT 'x''y'");
    }

    #[test]
    fn bodies_are_canonical() {
        assert_eq!(Body::new("\r\n SELECT 1;\r\n").as_str(), "SELECT 1");
        assert_eq!(Body::new("BEGIN\r\n  X;\r\nEND;").as_str(), "BEGIN\n  X;\nEND");
    }
}
