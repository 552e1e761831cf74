//! A KMS key as it is written.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kind::statements::{self, Statements};
use crate::kind::{Problem, tags};
use crate::model::val::token;
use crate::model::{AccountId, Partition, Tags};
use crate::policy::{Document, PolicyKind, build};

/// How many characters a key policy may have. Source: AWS KMS developer guide, "Quotas".
const MOST_POLICY: usize = 32 * 1024;

/// The alias of a key: `alias/name`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Alias(String);

impl Alias {
    /// The text, with `alias/`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Source: AWS KMS API, `CreateAlias`: letters, digits, `/`, `_`, `-`; `alias/aws/` belongs to AWS.
impl FromStr for Alias {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if token::is_in(text) {
            return Err("an alias must be known while planning, this one is known only after apply".into());
        }
        let name = text.strip_prefix("alias/").unwrap_or(text);
        let fits = |c: char| c.is_ascii_alphanumeric() || "/_-".contains(c);
        if name.is_empty() || name.len() > 250 || !name.chars().all(fits) {
            return Err(format!(
                "`{text}` is not an alias: expected `alias/` and 1 to 250 letters, digits, `/`, `_` or `-`"
            ));
        }
        if name.starts_with("aws/") {
            return Err(format!("`{text}` is not yours to use: `alias/aws/` belongs to AWS"));
        }
        Ok(Self(format!("alias/{name}")))
    }
}

impl fmt::Display for Alias {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Alias> for String {
    fn from(alias: Alias) -> Self {
        alias.0
    }
}

impl TryFrom<String> for Alias {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl JsonSchema for Alias {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Alias".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "description": "The alias of a KMS key" })
    }
}

/// A KMS key.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Its alias, such as `alias/events`: the name by which it is found. A key whose alias changes here keeps the old one, too.
    pub alias: Alias,
    /// What it is for. Default: none.
    #[serde(default)]
    pub description: String,
    /// Whether it can be used. Default: true.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Whether AWS renews its key material. Default: true.
    #[serde(default = "yes")]
    pub rotation: bool,
    /// How often, in days: 90 to 2560. Default: 365.
    #[serde(default = "year")]
    pub rotation_days: i32,
    /// How many days a key that is destroyed can still be brought back: 7 to 30. Default: 30.
    #[serde(default = "month")]
    pub deletion_window_days: i32,
    /// Whether it can be replicated to other regions. Default: false. A change needs a new key.
    #[serde(default)]
    pub multi_region: bool,
    /// More statements of the key policy. The statement that lets the account, and through it IAM policies, administer the key is always
    /// there. Default: none.
    #[serde(default)]
    pub policy_statements: Statements,
    /// Tags. Other tags of the key are left alone. Default: none.
    #[serde(default)]
    pub tags: Tags,
}

fn yes() -> bool {
    true
}
fn year() -> i32 {
    365
}
fn month() -> i32 {
    30
}

impl Spec {
    /// The whole key policy.
    pub(super) fn policy(&self, partition: Partition, account: &AccountId) -> Document {
        build::key(partition, account, self.policy_statements.0.iter().cloned())
    }

    pub(super) fn check(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if !(90..=2560).contains(&self.rotation_days) {
            problems.push(Problem::new("rotation_days", "KMS rotates every 90 to 2560 days"));
        }
        if !(7..=30).contains(&self.deletion_window_days) {
            problems.push(Problem::new("deletion_window_days", "KMS deletes after 7 to 30 days"));
        }
        if self.description.chars().count() > 8192 {
            problems.push(Problem::new("description", "a description has at most 8192 characters"));
        }
        // Any account shows whether the statements lock the account out: the statement that lets it in is made for the same one.
        if let Ok(account) = "000000000000".parse() {
            let policy = self.policy(Partition::Aws, &account);
            problems.extend(statements::check("policy_statements", &policy, PolicyKind::Key(&account), MOST_POLICY));
        }
        problems.extend(tags::check(&self.tags));
        problems
    }
}
