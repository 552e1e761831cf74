//! Names inside a spec ([`Address`]) and names inside a cloud ([`LiveId`]).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where an entry stands in the spec: `kind.label`, or `kind.label.key` for one instance of a `for_each`; `data.kind.label` for what is only looked
/// up. An entry of a module stands behind the module's [path](ModulePath): `module.feed.stage.landing`, `module.feed:eu.stage.landing`.
///
/// `module.feed` alone is an address too: that of the module, which selects everything in it.
///
/// The same text is the ownership mark in both clouds, so it is restricted to what an IAM tag value may hold. A module's key stands behind a colon,
/// for behind a dot it could be taken for a kind.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Address {
    module: ModulePath,
    data: bool,
    kind: Box<str>,
    label: Box<str>,
    key: Option<Box<str>>,
}

/// The modules around an entry, the outermost first; empty for the spec itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModulePath(Box<[ModuleStep]>);

/// One module, as its user calls it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModuleStep {
    /// Its label: `feed` in `[module.feed]`.
    pub name: String,
    /// The instance, where it has a `for_each`.
    pub key: Option<String>,
}

/// Why a text is not an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an address: expected `kind.label` or `kind.label.key` of letters, digits, `_` and `-`")]
pub struct NotAnAddress(pub String);

/// The longest address: it must fit into the value of an IAM tag. Source: AWS IAM user guide, "Tagging IAM resources".
pub const LONGEST_ADDRESS: usize = 256;

/// The word that modules begin with, and the kind of their own addresses.
const MODULE: &str = "module";
/// The word that look-ups begin with.
const DATA: &str = "data";

impl ModulePath {
    /// The path of a module inside of this one.
    #[must_use]
    pub fn inner(&self, name: &str, key: Option<&str>) -> Self {
        let step = ModuleStep { name: name.into(), key: key.map(Into::into) };
        Self(self.0.iter().cloned().chain([step]).collect())
    }

    /// The path of the module around this one, and the last step; nothing for the spec itself.
    pub fn split(&self) -> Option<(Self, &ModuleStep)> {
        let (last, outer) = self.0.split_last()?;
        Some((Self(outer.into()), last))
    }

    /// Whether this is the spec itself.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// How many modules deep it is.
    pub fn depth(&self) -> usize {
        self.0.len()
    }

    /// The address of something inside of it: `address` must not be in a module itself, or is taken to be further inside.
    #[must_use]
    pub fn within(&self, address: &Address) -> Address {
        let steps = self.0.iter().chain(&address.module.0).cloned().collect();
        Address { module: Self(steps), ..address.clone() }
    }

    fn begins_with(&self, other: &Self) -> bool {
        let fits = |(own, given): (&ModuleStep, &ModuleStep)| own == given;
        self.0.len() >= other.0.len() && self.0.iter().zip(&other.0).all(fits)
    }
}

impl fmt::Display for ModulePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, ModuleStep { name, key }) in self.0.iter().enumerate() {
            let dot = if index == 0 { "" } else { "." };
            write!(f, "{dot}{MODULE}.{name}")?;
            key.iter().try_for_each(|key| write!(f, ":{key}"))?;
        }
        Ok(())
    }
}

impl Address {
    /// An address in the spec itself from its parts; each part must satisfy [`Address::is_word`].
    pub fn new(kind: &str, label: &str, key: Option<&str>) -> Result<Self, NotAnAddress> {
        let whole = || match key {
            Some(key) => format!("{kind}.{label}.{key}"),
            None => format!("{kind}.{label}"),
        };
        if ![Some(kind), Some(label), key].into_iter().flatten().all(Self::is_word) {
            return Err(NotAnAddress(whole()));
        }
        Ok(Self {
            module: ModulePath::default(),
            data: false,
            kind: kind.into(),
            label: label.into(),
            key: key.map(Into::into),
        })
    }

    /// The address of a look-up: `data.kind.label`.
    #[must_use]
    pub fn as_data(self) -> Self {
        Self { data: true, ..self }
    }

    /// Whether a text may be a kind, a label or a `for_each` key: 1 to 64 letters, digits, `_` or `-`.
    pub fn is_word(text: &str) -> bool {
        (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    }

    /// The modules around it.
    pub fn module(&self) -> &ModulePath {
        &self.module
    }

    /// Whether it is only looked up.
    pub fn is_data(&self) -> bool {
        self.data
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

    /// The module of which this is the address, with no key where it stands for all instances.
    pub fn as_module(&self) -> Option<ModulePath> {
        (*self.kind == *MODULE && !self.data).then(|| self.module.inner(&self.label, self.key()))
    }

    /// Where it is after what stood at `from` has moved to `to`, if that concerns it: an entry, all instances of an entry, or a module.
    pub fn moved(&self, from: &Self, to: &Self) -> Option<Self> {
        if self == from {
            return Some(to.clone());
        }
        if !from.selects(self) {
            return None;
        }
        match (from.as_module(), to.as_module()) {
            (Some(_), Some(_)) => {
                let (before, after) = self.module.0.split_at_checked(from.module.depth() + 1)?;
                let key = to
                    .key
                    .clone()
                    .or_else(|| before.last()?.key.as_deref().filter(|_| from.key.is_none()).map(Into::into));
                let module = to.module.inner(&to.label, key.as_deref());
                let module = ModulePath(module.0.iter().cloned().chain(after.iter().cloned()).collect());
                Some(Self { module, ..self.clone() })
            }
            (None, None) => Some(Self { key: to.key.clone().or_else(|| self.key.clone()), ..to.clone() }),
            _ => None,
        }
    }

    /// Whether `self`, as typed by a person, selects `other`: the same address, all instances of one label, or everything in a module.
    pub fn selects(&self, other: &Self) -> bool {
        if *self.kind == *MODULE && !self.data {
            let depth = self.module.0.len();
            let step = other.module.0.get(depth);
            let inside = step.is_some_and(|step| {
                *step.name == *self.label && (self.key.is_none() || step.key.as_deref() == self.key())
            });
            return other.module.begins_with(&self.module) && (inside || self == other);
        }
        self.module == other.module
            && self.data == other.data
            && self.kind == other.kind
            && self.label == other.label
            && (self.key.is_none() || self.key == other.key)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.module.is_root() {
            write!(f, "{}.", self.module)?;
        }
        if self.data {
            write!(f, "{DATA}.")?;
        }
        let before_key = if *self.kind == *MODULE { ':' } else { '.' };
        write!(f, "{}.{}", self.kind, self.label)?;
        self.key.iter().try_for_each(|key| write!(f, "{before_key}{key}"))
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
        let bad = || NotAnAddress(text.into());
        let mut parts: &[&str] = &text.split('.').collect::<Vec<_>>();
        let mut module = ModulePath::default();
        while let [MODULE, call, rest @ ..] = parts {
            let (name, key) = call.split_once(':').map_or((*call, None), |(name, key)| (name, Some(key)));
            if rest.is_empty() {
                return Ok(Self { module, ..Self::new(MODULE, name, key).map_err(|_| bad())? });
            }
            if ![Some(name), key].into_iter().flatten().all(Self::is_word) {
                return Err(bad());
            }
            module = module.inner(name, key);
            parts = rest;
        }
        let (data, parts) = match parts {
            [DATA, rest @ ..] if rest.len() > 1 => (true, rest),
            parts => (false, parts),
        };
        let at = match parts {
            [kind, label] => Self::new(kind, label, None),
            [kind, label, key] => Self::new(kind, label, Some(key)),
            _ => Err(bad()),
        };
        at.map(|at| Self { module, data, ..at }).map_err(|_| bad())
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
        for text in [
            "bucket.data",
            "bucket.data.in-bound",
            "iam_role.a_1",
            "data.bucket.logs",
            "module.feed",
            "module.feed:eu",
            "module.feed.stage.landing",
            "module.feed:eu.stage.landing.in",
            "module.a.module.b:1.data.bucket.x",
            "module.a.module.b:1",
        ] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        let bad = [
            "bucket",
            "",
            "a.b.c.d",
            "a..b",
            "a.b c",
            "a.b\"x",
            "a.b:c",
            "module",
            "module.a:",
            "module.a:b:c.d.e",
            "module.a.b",
        ];
        for text in bad {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_label_selects_its_instances() {
        let all: Address = "bucket.data".parse().unwrap();
        let one: Address = "bucket.data.in".parse().unwrap();
        assert!(all.selects(&one) && all.selects(&all) && one.selects(&one) && !one.selects(&all));
    }

    #[test]
    fn moves() {
        let at = |text: &str| text.parse::<Address>().unwrap();
        for (address, from, to, expected) in [
            ("stage.a", "stage.a", "stage.b", Some("stage.b")),
            ("stage.a", "stage.c", "stage.b", None),
            ("stage.a.x", "stage.a", "stage.b", Some("stage.b.x")),
            ("stage.a.x", "stage.a.x", "stage.b.y", Some("stage.b.y")),
            ("stage.a.x", "stage.a.z", "stage.b", None),
            ("stage.a", "stage.a", "module.m:k.stage.a", Some("module.m:k.stage.a")),
            ("module.a.stage.x", "module.a", "module.b", Some("module.b.stage.x")),
            ("module.a:k.module.i.stage.x.y", "module.a", "module.b", Some("module.b:k.module.i.stage.x.y")),
            ("module.a:k.stage.x", "module.a:k", "module.b", Some("module.b.stage.x")),
            ("module.a.stage.x", "module.a", "module.o.module.a:k", Some("module.o.module.a:k.stage.x")),
            ("module.a.stage.x", "stage.x", "stage.y", None),
        ] {
            let moved = at(address).moved(&at(from), &at(to)).map(|at| at.to_string());
            assert_eq!(moved.as_deref(), expected, "{address}: {from} -> {to}");
        }
    }

    #[test]
    fn a_module_selects_what_is_in_it() {
        let at = |text: &str| text.parse::<Address>().unwrap();
        let entry = at("module.feed:eu.stage.landing");
        for (given, selects) in [
            ("module.feed", true),
            ("module.feed:eu", true),
            ("module.feed:us", false),
            ("module.other", false),
            ("stage.landing", false),
            ("module.feed.stage.landing", false),
            ("module.feed:eu.stage.landing", true),
        ] {
            assert_eq!(at(given).selects(&entry), selects, "{given}");
        }
        assert!(at("module.feed").selects(&at("module.feed:eu.module.inner.stage.x")));
        assert_eq!(entry.module().within(&at("task.x")), at("module.feed:eu.task.x"));
    }
}
