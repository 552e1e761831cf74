//! Access to buckets as it is written: the table `access` of roles, users and managed policies.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Deserialize;

use super::statements::{self, Statements};
use super::{Gift, Gifts, Problem};
use crate::model::{BucketName, Partition, Region, Val};
use crate::policy::build::{Allow, Grant};
use crate::policy::{Document, PolicyKind, build};

/// What is allowed in one bucket.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Access {
    /// The bucket.
    pub bucket: BucketName,
    /// Below which prefix, by whole path segments. Default: the whole bucket.
    #[serde(default)]
    pub prefix: String,
    /// `list`, `read`, `write`, `delete`.
    pub allow: BTreeSet<AllowSpec>,
    /// The ARN of the key the objects are encrypted with. Default: the key of the bucket, where the bucket stands in this spec.
    pub kms_key: Option<Val>,
    /// The region of the bucket. Default: the region of `[aws]`.
    pub region: Option<Region>,
}

/// One thing that is allowed below a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AllowSpec {
    /// List keys.
    List,
    /// Read objects and their versions.
    Read,
    /// Write objects.
    Write,
    /// Delete objects and their versions.
    Delete,
}

impl From<AllowSpec> for Allow {
    fn from(allow: AllowSpec) -> Self {
        match allow {
            AllowSpec::List => Self::List,
            AllowSpec::Read => Self::Read,
            AllowSpec::Write => Self::Write,
            AllowSpec::Delete => Self::Delete,
        }
    }
}

/// The policy that allows this, and what the statements say; absent if that is nothing. `gifts` tell the keys of buckets.
pub(crate) fn document(
    access: &[Access],
    statements: &Statements,
    partition: Partition,
    region: &Region,
    gifts: &Gifts,
) -> Option<Document> {
    let grant = |access: &Access| Grant {
        bucket: access.bucket.clone(),
        prefix: access.prefix.clone(),
        allow: access.allow.iter().copied().map(Allow::from).collect(),
        keys: access.keys(gifts),
        region: access.region.as_ref().unwrap_or(region).clone(),
    };
    let grants: Vec<Grant> = access.iter().map(grant).collect();
    let document = build::access(partition, &grants).with(statements.0.iter().cloned());
    (!document.is_empty()).then_some(document)
}

/// What is wrong with the tables, or with the policy they make, which has at most so many characters.
pub(crate) fn check(access: &[Access], statements: &Statements, most: usize) -> Vec<Problem> {
    let mut problems: Vec<Problem> = access.iter().enumerate().flat_map(|(at, access)| access.check(at)).collect();
    if let Some(policy) = document(access, statements, Partition::Aws, &Region::default(), &Gifts::default()) {
        problems.extend(statements::check("statements", &policy, PolicyKind::Identity, most));
    }
    problems
}

impl Access {
    fn keys(&self, gifts: &Gifts) -> BTreeSet<Val> {
        let told = || {
            gifts.about(self.bucket.as_str()).filter_map(|gift| match gift {
                Gift::Encrypted { bucket, key } if *bucket == self.bucket => Some(key.clone()),
                _ => None,
            })
        };
        self.kms_key.as_ref().map_or_else(|| told().collect(), |key| BTreeSet::from([key.clone()]))
    }

    fn check(&self, at: usize) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.allow.is_empty() {
            problems.push(
                Problem::new(&format!("access[{at}].allow"), "it allows nothing")
                    .hint("say `list`, `read`, `write`, `delete`"),
            );
        }
        if self.prefix.contains(['*', '?', '$', '\\', '"']) || self.prefix.chars().any(char::is_control) {
            problems.push(Problem::new(
                &format!("access[{at}].prefix"),
                "a prefix holds no wildcards, variables or quotes",
            ));
        }
        if self.prefix.starts_with('/') || self.prefix.contains("//") {
            problems.push(Problem::new(
                &format!("access[{at}].prefix"),
                "a prefix has no slash at its start and no two in a row",
            ));
        }
        problems
    }
}
