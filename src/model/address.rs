//! Names inside a spec ([`Address`]) and names inside a cloud ([`LiveId`]).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where an entry stands in the spec: `kind.label`, or `kind.label.key` for one instance of a `for_each`.
///
/// The same text is the ownership mark in both clouds, so it is restricted to what an IAM tag value may hold.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Address {
    kind: String,
    label: String,
    key: Option<String>,
}

/// Why a text is not an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an address: expected `kind.label` or `kind.label.key` of letters, digits, `_` and `-`")]
pub struct NotAnAddress(pub String);

impl Address {
    /// An address from its parts; each part must satisfy [`Address::is_word`].
    pub fn new(kind: &str, label: &str, key: Option<&str>) -> Result<Self, NotAnAddress> {
        let whole = || match key {
            Some(key) => format!("{kind}.{label}.{key}"),
            None => format!("{kind}.{label}"),
        };
        if ![Some(kind), Some(label), key].into_iter().flatten().all(Self::is_word) {
            return Err(NotAnAddress(whole()));
        }
        Ok(Self { kind: kind.into(), label: label.into(), key: key.map(Into::into) })
    }

    /// Whether a text may be a kind, a label or a `for_each` key: 1 to 64 letters, digits, `_` or `-`.
    pub fn is_word(text: &str) -> bool {
        (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    }

    /// The kind, such as `stage`.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The label, the second part.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The `for_each` key, where there is one.
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// Whether `self`, as typed by a person, selects `other`: the same address, or all instances of one label.
    pub fn selects(&self, other: &Self) -> bool {
        self.kind == other.kind && self.label == other.label && (self.key.is_none() || self.key == other.key)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.kind, self.label)?;
        self.key.iter().try_for_each(|key| write!(f, ".{key}"))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Address {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        let parts: Vec<&str> = text.split('.').collect();
        match parts[..] {
            [kind, label] => Self::new(kind, label, None),
            [kind, label, key] => Self::new(kind, label, Some(key)),
            _ => Err(NotAnAddress(text.into())),
        }
    }
}

impl TryFrom<String> for Address {
    type Error = NotAnAddress;
    fn try_from(text: String) -> Result<Self, NotAnAddress> {
        text.parse()
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.to_string()
    }
}

/// What a live object is called in its cloud: its kind and the one name that tells it from all others of that kind.
///
/// For Snowflake objects the name is the fully quoted form (`"DB"."S"."T"`), for a bucket its name, for a role its ARN, for a key its
/// alias. Two spec entries with one `LiveId` are an error, and references by name (a stage's `storage_integration`) find their
/// entry through it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LiveId {
    /// The kind, such as `stage`.
    pub kind: String,
    /// The name in the cloud.
    pub name: String,
}

impl LiveId {
    /// A live name of one kind.
    pub fn new(kind: &str, name: impl fmt::Display) -> Self {
        Self { kind: kind.into(), name: name.to_string() }
    }
}

impl fmt::Display for LiveId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.replace('_', " "), self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_and_prints() {
        for text in ["bucket.data", "bucket.data.in-bound", "iam_role.a_1"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        for text in ["bucket", "", "a.b.c.d", "a..b", "a.b c", "a.b\"x"] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_label_selects_its_instances() {
        let all: Address = "bucket.data".parse().unwrap();
        let one: Address = "bucket.data.in".parse().unwrap();
        assert!(all.selects(&one) && all.selects(&all) && one.selects(&one) && !one.selects(&all));
    }
}
