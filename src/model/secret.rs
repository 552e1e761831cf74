//! Secrets: references in, placeholders out.

use std::collections::BTreeMap;
use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::{Address, Fact};

/// Where a secret is to be found when it is needed. This is all a spec, a plan or an operation ever holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SecretRef {
    /// The name of an environment variable.
    Env(String),
    /// The path of a file; one trailing line end is not part of the secret.
    File(String),
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "(sensitive, from environment variable {name})"),
            Self::File(path) => write!(f, "(sensitive, from file {path})"),
        }
    }
}

/// A secret that one operation of a step tells a later one: its name, never its value. It is no fact: nothing outside the step can refer to
/// it, and it is forgotten when the step ends.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Held {
    held: Fact,
}

impl Held {
    /// The secret `name` that an operation on the entry `of` tells.
    pub fn new(of: &Address, name: &str) -> Self {
        Self { held: Fact::new(of, name) }
    }

    /// What it is called, for messages about mistakes.
    pub fn name(&self) -> String {
        self.held.to_string()
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(sensitive)")
    }
}

/// The secrets that the operations of one step have told so far. Cannot be serialised, and prints without them.
#[derive(Clone, Default)]
pub struct Vault(BTreeMap<Held, Secret>);

impl Vault {
    /// Remembers a secret for the rest of the step.
    pub fn hold(&mut self, held: Held, secret: Secret) {
        self.0.insert(held, secret);
    }

    /// A secret that was told before.
    ///
    /// # Errors
    /// A mistake in the order of the step.
    pub fn get(&self, held: &Held) -> Result<&Secret, String> {
        self.0.get(held).ok_or_else(|| format!("bug in snowssi: {} is used before it is told", held.name()))
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vault({} secrets)", self.0.len())
    }
}

/// A secret in memory: prints as a placeholder, cannot be serialised, is wiped when dropped.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Takes a secret in.
    pub fn new(text: impl Into<String>) -> Self {
        Self(SecretString::from(text.into()))
    }

    /// The secret itself; call it only where it leaves the process towards its cloud.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(sensitive)")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(sensitive)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_secret_is_a_name_and_nothing_else() {
        let at: Address = "iam_user.u".parse().unwrap();
        let held = Held::new(&at, "secret_access_key");
        let mut vault = Vault::default();
        assert!(vault.get(&held).unwrap_err().contains("iam_user.u.secret_access_key"));
        vault.hold(held.clone(), Secret::new("canary"));
        assert_eq!(vault.get(&held).unwrap().expose(), "canary");
        let shown = format!("{vault:?} {held:?} {held} {}", serde_json::to_string(&held).unwrap());
        assert!(!shown.contains("canary"), "{shown}");
        assert_eq!(held.to_string(), "(sensitive)");
    }
}
