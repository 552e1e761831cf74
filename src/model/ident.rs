//! Snowflake identifiers. Bare text folds to upper case, quoted text is exact; statements always get the quoted form.
//!
//! Source: Snowflake documentation, "Identifier requirements": bare names start with a letter or `_` and go on with letters, digits, `_` and
//! `$`; quoted names hold anything, `""` standing for one quote; both are at most 255 characters.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One identifier, as Snowflake stores it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Ident(String);

/// Why a text is not a Snowflake name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAName {
    /// Nothing between the dots or quotes.
    #[error("a Snowflake name cannot be empty")]
    Empty,
    /// Too long.
    #[error("a Snowflake name has at most 255 characters, this one has {0}")]
    TooLong(usize),
    /// A character that needs quotes.
    #[error("`{0}` is not a Snowflake name: put it in double quotes to keep {1:?} and its exact case")]
    Character(String, char),
    /// An opening quote without its end, or text after it.
    #[error("`{0}` is not a Snowflake name: its double quotes do not match")]
    Quotes(String),
    /// A name with another number of parts than wanted.
    #[error("`{text}` has {found} part(s), expected {wanted}")]
    Parts {
        /// The text.
        text: String,
        /// How many parts it has.
        found: usize,
        /// What was expected, such as `DATABASE.SCHEMA`.
        wanted: &'static str,
    },
    /// A value known only after apply.
    #[error("a name must be known while planning, this one is known only after apply")]
    Later,
}

impl Ident {
    /// The identifier that Snowflake stores under exactly this name (as `SHOW` prints it).
    pub fn stored(name: impl Into<String>) -> Result<Self, NotAName> {
        let name = name.into();
        match name.chars().count() {
            0 => Err(NotAName::Empty),
            length @ 256.. => Err(NotAName::TooLong(length)),
            _ => Ok(Self(name)),
        }
    }

    /// The stored name, without quotes.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As a person writes it: without quotes where it needs none.
    pub fn written(&self) -> String {
        if self.is_plain() { self.0.clone() } else { self.to_string() }
    }

    /// Whether the stored name can be written without quotes.
    pub fn is_plain(&self) -> bool {
        let mut chars = self.0.chars();
        chars.next().is_some_and(|c| c.is_ascii_uppercase() || c == '_')
            && chars.all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_' || c == '$')
    }
}

/// The quoted form, as statements need it.
impl fmt::Display for Ident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.replace('"', "\"\""))
    }
}

impl fmt::Debug for Ident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Ident {
    type Err = NotAName;
    fn from_str(text: &str) -> Result<Self, NotAName> {
        match <[Self; 1]>::try_from(parts(text)?) {
            Ok([one]) => Ok(one),
            Err(parts) => Err(NotAName::Parts { text: text.into(), found: parts.len(), wanted: "one name" }),
        }
    }
}

/// Splits `a."b.c".d` at its dots and folds each part.
pub fn parts(text: &str) -> Result<Vec<Ident>, NotAName> {
    if super::val::token::is_in(text) {
        return Err(NotAName::Later);
    }
    let mut parts = Vec::new();
    let mut rest = text.trim();
    loop {
        let (part, after) = one(text, rest)?;
        parts.push(part);
        match after.strip_prefix('.') {
            Some(after) => rest = after,
            None if after.is_empty() => return Ok(parts),
            None => return Err(NotAName::Quotes(text.into())),
        }
    }
}

fn one<'a>(whole: &str, rest: &'a str) -> Result<(Ident, &'a str), NotAName> {
    if let Some(quoted) = rest.strip_prefix('"') {
        let mut name = String::new();
        let mut chars = quoted.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' if chars.next_if(|(_, next)| *next == '"').is_some() => name.push('"'),
                '"' => return Ok((Ident::stored(name)?, &quoted[at + 1..])),
                c => name.push(c),
            }
        }
        return Err(NotAName::Quotes(whole.into()));
    }
    let end = rest.find('.').unwrap_or(rest.len());
    let (bare, after) = rest.split_at(end);
    let odd = |(at, c): (usize, char)| !(c.is_alphabetic() || c == '_' || (at > 0 && (c.is_ascii_digit() || c == '$')));
    match bare.char_indices().find(|c| odd(*c)) {
        Some((_, c)) => Err(NotAName::Character(bare.into(), c)),
        None => Ok((Ident::stored(bare.to_uppercase())?, after)),
    }
}

/// Serialises to the quoted form, so that reading it back is exact.
impl From<Ident> for String {
    fn from(ident: Ident) -> Self {
        ident.to_string()
    }
}

impl TryFrom<String> for Ident {
    type Error = NotAName;
    fn try_from(text: String) -> Result<Self, NotAName> {
        text.parse()
    }
}

/// The full name of a schema: `"DB"."SCHEMA"`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct SchemaName {
    /// Its database.
    pub database: Ident,
    /// The schema itself.
    pub schema: Ident,
}

/// The full name of a database role: `"DB"."ROLE"`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct DatabaseRoleName {
    /// Its database.
    pub database: Ident,
    /// The role itself.
    pub role: Ident,
}

/// The full name of an object in a schema: `"DB"."SCHEMA"."NAME"`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct ObjectName {
    /// Its schema.
    pub schema: SchemaName,
    /// The object itself.
    pub name: Ident,
}

impl SchemaName {
    /// As a person writes it.
    pub fn written(&self) -> String {
        format!("{}.{}", self.database.written(), self.schema.written())
    }

    /// The full name of an object in this schema.
    pub fn object(&self, name: &Ident) -> ObjectName {
        ObjectName { schema: self.clone(), name: name.clone() }
    }
}

impl ObjectName {
    /// As a person writes it.
    pub fn written(&self) -> String {
        format!("{}.{}", self.schema.written(), self.name.written())
    }

    /// Reads a name that may leave out its schema, or its database and schema, as Snowflake's read-back sometimes does.
    pub fn within(text: &str, home: &SchemaName) -> Result<Self, NotAName> {
        let mut parts = parts(text)?;
        match parts.len() {
            1 => Ok(home.object(&parts.remove(0))),
            2 => Ok(Self {
                schema: SchemaName { database: home.database.clone(), schema: parts.remove(0) },
                name: parts.remove(0),
            }),
            _ => text.parse(),
        }
    }
}

impl fmt::Display for SchemaName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.database, self.schema)
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.name)
    }
}

impl fmt::Display for DatabaseRoleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.database, self.role)
    }
}

impl FromStr for DatabaseRoleName {
    type Err = NotAName;
    fn from_str(text: &str) -> Result<Self, NotAName> {
        match <[Ident; 2]>::try_from(parts(text)?) {
            Ok([database, role]) => Ok(Self { database, role }),
            Err(parts) => Err(NotAName::Parts { text: text.into(), found: parts.len(), wanted: "DATABASE.ROLE" }),
        }
    }
}

impl FromStr for SchemaName {
    type Err = NotAName;
    fn from_str(text: &str) -> Result<Self, NotAName> {
        match <[Ident; 2]>::try_from(parts(text)?) {
            Ok([database, schema]) => Ok(Self { database, schema }),
            Err(parts) => Err(NotAName::Parts { text: text.into(), found: parts.len(), wanted: "DATABASE.SCHEMA" }),
        }
    }
}

impl FromStr for ObjectName {
    type Err = NotAName;
    fn from_str(text: &str) -> Result<Self, NotAName> {
        match <[Ident; 3]>::try_from(parts(text)?) {
            Ok([database, schema, name]) => Ok(Self { schema: SchemaName { database, schema }, name }),
            Err(parts) => {
                Err(NotAName::Parts { text: text.into(), found: parts.len(), wanted: "DATABASE.SCHEMA.NAME" })
            }
        }
    }
}

macro_rules! via_string {
    ($($name:ident),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.to_string()
            }
        }
        impl TryFrom<String> for $name {
            type Error = NotAName;
            fn try_from(text: String) -> Result<Self, NotAName> {
                text.parse()
            }
        }
    )*};
}
via_string!(SchemaName, DatabaseRoleName, ObjectName);

macro_rules! name_schema {
    ($($name:ident: $text:literal),*) => {$(
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "description": $text })
            }
        }
    )*};
}
name_schema!(
    Ident: "A Snowflake name: bare text folds to upper case, text in double quotes is exact",
    SchemaName: "DATABASE.SCHEMA",
    DatabaseRoleName: "DATABASE.ROLE",
    ObjectName: "DATABASE.SCHEMA.NAME"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_quotes_and_splits() {
        let table = [
            ("raw", "\"RAW\""),
            ("\"raw\"", "\"raw\""),
            ("_a$1", "\"_A$1\""),
            ("\"a\"\"b\"", "\"a\"\"b\""),
            ("\"a.b\"", "\"a.b\""),
        ];
        for (text, quoted) in table {
            let ident: Ident = text.parse().unwrap();
            assert_eq!(ident.to_string(), quoted);
            assert_eq!(quoted.parse::<Ident>().unwrap(), ident);
        }
        let name: ObjectName = "db.\"s.x\".t".parse().unwrap();
        assert_eq!(name.to_string(), "\"DB\".\"s.x\".\"T\"");
        assert_eq!(ObjectName::within("t", &name.schema).unwrap(), name);
    }

    #[test]
    fn refuses() {
        for text in ["", "1a", "a b", "a-b", "\"a", "\"a\"b", "a.b", "\"\"", "a;drop", "$a"] {
            assert!(text.parse::<Ident>().is_err(), "{text}");
        }
        assert!("a".repeat(256).parse::<Ident>().is_err());
        assert!("a.b.c.d".parse::<ObjectName>().is_err());
    }
}
