//! Values that may be known only while applying.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Address;

/// Something one object tells others, such as the external ID of a storage integration.
///
/// A fact is known while planning exactly if its owner exists and is kept or altered in place, or if it follows from names alone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Fact {
    /// Whose fact it is.
    pub of: Address,
    /// Which one, such as `arn` or `external_id`.
    pub name: String,
}

impl Fact {
    /// The fact `name` of the entry `of`.
    pub fn new(of: &Address, name: &str) -> Self {
        Self { of: of.clone(), name: name.into() }
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.of, self.name)
    }
}

impl fmt::Debug for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{self}>")
    }
}

/// One piece of a [`Val`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Piece {
    /// Text that is known.
    Lit(String),
    /// The place of a fact.
    Later(Fact),
}

/// A text in which facts may stand that are known only later. A fact may be placed in a text, never transformed.
///
/// Normal form: no empty literal, no two literals side by side. So `==` is equality of meaning.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Val(Vec<Piece>);

impl Val {
    /// A text that is known.
    pub fn known(text: impl Into<String>) -> Self {
        Self::from_pieces([Piece::Lit(text.into())])
    }

    /// The value of one fact.
    pub fn later(fact: Fact) -> Self {
        Self(vec![Piece::Later(fact)])
    }

    /// Joins pieces into normal form.
    pub fn from_pieces(pieces: impl IntoIterator<Item = Piece>) -> Self {
        let mut out: Vec<Piece> = Vec::new();
        for piece in pieces {
            match (out.last_mut(), piece) {
                (_, Piece::Lit(text)) if text.is_empty() => {}
                (Some(Piece::Lit(before)), Piece::Lit(text)) => before.push_str(&text),
                (_, piece) => out.push(piece),
            }
        }
        Self(out)
    }

    /// The pieces, in order.
    pub fn pieces(&self) -> &[Piece] {
        &self.0
    }

    /// The text, if all of it is known.
    pub fn as_known(&self) -> Option<&str> {
        match &self.0[..] {
            [] => Some(""),
            [Piece::Lit(text)] => Some(text),
            _ => None,
        }
    }

    /// The facts that stand in this text.
    pub fn facts(&self) -> impl Iterator<Item = &Fact> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Later(fact) => Some(fact),
            Piece::Lit(_) => None,
        })
    }

    /// Puts a text before and after.
    #[must_use]
    pub fn wrapped(&self, before: &str, after: &str) -> Self {
        let lit = |text: &str| Piece::Lit(text.into());
        Self::from_pieces(std::iter::once(lit(before)).chain(self.0.iter().cloned()).chain([lit(after)]))
    }

    /// This text followed by another.
    #[must_use]
    pub fn then(&self, other: &Self) -> Self {
        Self::from_pieces(self.0.iter().chain(&other.0).cloned())
    }

    /// Puts in every fact that is known; the others stay.
    #[must_use]
    pub fn resolve(&self, facts: &Facts) -> Self {
        Self::from_pieces(self.0.iter().map(|piece| match piece {
            Piece::Later(fact) => facts.get(fact).map_or_else(|| piece.clone(), |text| Piece::Lit(text.into())),
            Piece::Lit(_) => piece.clone(),
        }))
    }
}

impl From<&str> for Val {
    fn from(text: &str) -> Self {
        Self::known(text)
    }
}

impl From<String> for Val {
    fn from(text: String) -> Self {
        Self::known(text)
    }
}

/// For people: a fact that is not known prints as `(known after apply)`.
impl fmt::Display for Val {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|piece| match piece {
            Piece::Lit(text) => f.write_str(text),
            Piece::Later(_) => f.write_str("(known after apply)"),
        })
    }
}

impl fmt::Debug for Val {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_known() {
            Some(text) => write!(f, "{text:?}"),
            None => write!(f, "{:?}", self.0),
        }
    }
}

/// A known text is a string; anything else a list of pieces.
impl Serialize for Val {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.as_known() {
            Some(text) => serializer.serialize_str(text),
            None => self.0.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Val {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Val;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Val, E> {
                token::split(text).map_err(E::custom)
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, seq: A) -> Result<Val, A::Error> {
                let pieces = Vec::<Piece>::deserialize(serde::de::value::SeqAccessDeserializer::new(seq))?;
                Ok(Val::from_pieces(pieces))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl schemars::JsonSchema for Val {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Text".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string" })
    }
}

/// How a fact travels through a rendered template: as a token that no transformation leaves intact.
pub mod token {
    use super::{Fact, Piece, Val};

    const OPEN: char = '\u{E0F0}';
    const CLOSE: char = '\u{E0F1}';

    /// The text that stands for a fact. Mixed case, so that changing the case breaks it.
    pub fn of(fact: &Fact) -> String {
        let path = fact.to_string();
        format!("{OPEN}xY {path} {:08X}{CLOSE}", check(&path))
    }

    /// A checksum (FNV-1a), so that a change inside the token is noticed too.
    fn check(path: &str) -> u32 {
        path.bytes().fold(0x811c_9dc5, |sum, byte| (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193))
    }

    /// Whether a text holds a token, whole or broken.
    pub fn is_in(text: &str) -> bool {
        text.contains([OPEN, CLOSE])
    }

    /// Reads a text that may hold tokens.
    ///
    /// # Errors
    /// A token that was cut or changed: the template tried to transform a value that is known only after apply.
    pub fn split(text: &str) -> Result<Val, Broken> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find([OPEN, CLOSE]) {
            let (before, token) = rest.split_at(at);
            pieces.push(Piece::Lit(before.into()));
            let body = token.strip_prefix(OPEN).ok_or(Broken)?;
            let (body, after) = body.split_once(CLOSE).ok_or(Broken)?;
            let (path, sum) = body.strip_prefix("xY ").and_then(|body| body.rsplit_once(' ')).ok_or(Broken)?;
            if sum != format!("{:08X}", check(path)) {
                return Err(Broken);
            }
            let (of, name) = path.rsplit_once('.').ok_or(Broken)?;
            pieces.push(Piece::Later(Fact { of: of.parse().map_err(|_| Broken)?, name: name.into() }));
            rest = after;
        }
        pieces.push(Piece::Lit(rest.into()));
        Ok(Val::from_pieces(pieces))
    }

    /// A value that is known only after apply was transformed.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
    #[error("this value is known only after apply: it can be placed in a text but not transformed")]
    pub struct Broken;
}

/// The facts that are known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts(BTreeMap<Fact, String>);

impl Facts {
    /// The value of a fact, if it is known.
    pub fn get(&self, fact: &Fact) -> Option<&str> {
        self.0.get(fact).map(String::as_str)
    }

    /// Remembers a fact.
    pub fn learn(&mut self, fact: Fact, value: impl Into<String>) {
        self.0.insert(fact, value.into());
    }

    /// Forgets all that is known of one entry.
    pub fn forget(&mut self, of: &Address) {
        self.0.retain(|fact, _| fact.of != *of);
    }

    /// All known facts, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&Fact, &str)> {
        self.0.iter().map(|(fact, value)| (fact, value.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact() -> Fact {
        Fact::new(&"kms_key.k.a".parse().unwrap(), "arn")
    }

    #[test]
    fn a_token_survives_placing_and_nothing_else() {
        let token = token::of(&fact());
        let val = token::split(&format!("a {token} b")).unwrap();
        assert_eq!(val.facts().collect::<Vec<_>>(), [&fact()]);
        assert_eq!(val.to_string(), "a (known after apply) b");
        for broken in [token.to_uppercase(), token.to_lowercase(), token[..9].into(), token.replace("kms", "")] {
            assert!(token::split(&broken).is_err(), "{broken}");
        }
    }

    #[test]
    fn resolves_and_round_trips() {
        let val = Val::later(fact()).wrapped("x", "");
        let json = serde_json::to_string(&val).unwrap();
        assert_eq!(serde_json::from_str::<Val>(&json).unwrap(), val);
        let mut facts = Facts::default();
        assert_eq!(val.resolve(&facts), val);
        facts.learn(fact(), "y");
        assert_eq!(val.resolve(&facts).as_known(), Some("xy"));
        facts.forget(&fact().of);
        assert_eq!(facts, Facts::default());
    }
}
