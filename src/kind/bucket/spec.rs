//! A bucket as it is written.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::kind::statements::{self, Statements};
use crate::kind::{Problem, tags};
use crate::model::call::{LifecycleRule, PublicAccessBlock, Tags};
use crate::model::{AccountId, BucketName, Partition, Region, Val};
use crate::policy::{Document, PolicyKind, build};

/// Begins the IDs of lifecycle rules that come from fields of their own.
pub(super) const ABORT_RULE: &str = "snowssi-abort-multipart";
/// How many characters a bucket policy may have. Source: Amazon S3 user guide, "Bucket policies".
const MOST_POLICY: usize = 20 * 1024;

/// A bucket.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Its name, unique in the world. A change needs a new bucket.
    pub name: BucketName,
    /// The region it lives in. Default: the region of `[aws]`.
    pub region: Option<Region>,
    /// How objects are encrypted by default. Default: `{ sse = true }`, keys managed by S3.
    #[serde(default)]
    pub encryption: EncryptionSpec,
    /// Whether former versions of objects are kept. Default: true.
    #[serde(default = "yes")]
    pub versioning: bool,
    /// What blocks public access. Default: everything.
    #[serde(default)]
    pub public_access_block: Block,
    /// Who owns objects that others write. Default: `BucketOwnerEnforced`, which also switches ACLs off.
    #[serde(default)]
    pub object_ownership: Ownership,
    /// Whether the bucket policy refuses requests without TLS. Default: true.
    #[serde(default = "yes")]
    pub tls_only: bool,
    /// More statements of the bucket policy. Default: none.
    #[serde(default)]
    pub policy_statements: Statements,
    /// After how many days unfinished multipart uploads are removed; 0 for never. Default: 7.
    #[serde(default = "week")]
    pub abort_multipart_days: i32,
    /// Lifecycle rules. Rules that are not written here are removed from the bucket. Default: none.
    #[serde(default)]
    pub lifecycle: Vec<Rule>,
    /// Where access is logged to. Left as it is where not set.
    pub logging: Option<Logging>,
    /// Tags. Other tags of the bucket are left alone. Default: none.
    #[serde(default)]
    pub tags: Tags,
}

/// How objects are encrypted: `{ kms_key = "…", bucket_key = true }` or `{ sse = true }`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EncryptionSpec {
    /// The ARN of a KMS key.
    pub kms_key: Option<Val>,
    /// Whether S3 asks KMS once for many objects, which saves requests. Default: true. Only with `kms_key`.
    pub bucket_key: Option<bool>,
    /// Keys managed by S3 (`AES256`).
    pub sse: Option<bool>,
}

/// The four switches that block public access.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, clippy::struct_field_names, reason = "the four flags of the AWS API")]
pub struct Block {
    /// Refuses public ACLs. Default: true.
    #[serde(default = "yes")]
    pub block_public_acls: bool,
    /// Ignores public ACLs. Default: true.
    #[serde(default = "yes")]
    pub ignore_public_acls: bool,
    /// Refuses public bucket policies. Default: true.
    #[serde(default = "yes")]
    pub block_public_policy: bool,
    /// Ignores public bucket policies. Default: true.
    #[serde(default = "yes")]
    pub restrict_public_buckets: bool,
}

impl Default for Block {
    fn default() -> Self {
        Self {
            block_public_acls: true,
            ignore_public_acls: true,
            block_public_policy: true,
            restrict_public_buckets: true,
        }
    }
}

/// Who owns objects that others write.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
pub enum Ownership {
    /// The bucket's owner; ACLs are off.
    #[default]
    BucketOwnerEnforced,
    /// The bucket's owner, if the writer says so in an ACL.
    BucketOwnerPreferred,
    /// The writer.
    ObjectWriter,
}

/// A lifecycle rule. At least one action is set.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Its ID, unique in the bucket.
    pub id: String,
    /// Whether it acts. Default: true.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// The keys it is about. Default: all.
    #[serde(default)]
    pub prefix: String,
    /// After how many days objects expire.
    pub expire_days: Option<i32>,
    /// After how many days former versions expire.
    pub noncurrent_days: Option<i32>,
    /// After how many days unfinished multipart uploads are removed.
    pub abort_multipart_days: Option<i32>,
    /// Moves to other storage classes. Default: none.
    #[serde(default)]
    pub transitions: Vec<Transition>,
}

/// A move to another storage class.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Transition {
    /// After how many days.
    pub days: i32,
    /// To which class, such as `STANDARD_IA` or `GLACIER`.
    pub storage_class: String,
}

/// Where access is logged to.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Logging {
    /// The bucket the logs go to, in the same region and account. If it is in the spec too, its policy lets S3 deliver them.
    pub bucket: BucketName,
    /// Begins the keys of the logs. Default: none.
    #[serde(default)]
    pub prefix: String,
}

fn yes() -> bool {
    true
}
fn week() -> i32 {
    7
}

impl Ownership {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::BucketOwnerEnforced => "BucketOwnerEnforced",
            Self::BucketOwnerPreferred => "BucketOwnerPreferred",
            Self::ObjectWriter => "ObjectWriter",
        }
    }
}

impl From<Block> for PublicAccessBlock {
    fn from(block: Block) -> Self {
        Self {
            block_public_acls: block.block_public_acls,
            ignore_public_acls: block.ignore_public_acls,
            block_public_policy: block.block_public_policy,
            restrict_public_buckets: block.restrict_public_buckets,
        }
    }
}

impl Spec {
    /// The whole bucket policy; absent if it would say nothing. `logs`: the buckets whose access is logged here, with the prefixes.
    pub(super) fn policy<'a>(
        &self,
        partition: Partition,
        account: &AccountId,
        logs: impl IntoIterator<Item = (&'a BucketName, &'a str)>,
    ) -> Option<Document> {
        let tls = self.tls_only.then(|| build::tls_only(partition, &self.name));
        let logs = logs.into_iter().map(|(of, prefix)| build::log_delivery(partition, account, of, &self.name, prefix));
        let document = Document::new(tls.into_iter().chain(self.policy_statements.0.iter().cloned()).chain(logs));
        (!document.is_empty()).then_some(document)
    }

    /// All lifecycle rules, by ID.
    pub(super) fn rules(&self) -> Vec<LifecycleRule> {
        let abort = (self.abort_multipart_days > 0).then(|| LifecycleRule {
            id: ABORT_RULE.into(),
            enabled: true,
            prefix: String::new(),
            expire_days: None,
            noncurrent_days: None,
            abort_multipart_days: Some(self.abort_multipart_days),
            transitions: Vec::new(),
        });
        let own = self.lifecycle.iter().map(|rule| {
            let Rule { id, enabled, prefix, expire_days, noncurrent_days, abort_multipart_days, transitions } = rule;
            LifecycleRule {
                id: id.clone(),
                enabled: *enabled,
                prefix: prefix.clone(),
                expire_days: *expire_days,
                noncurrent_days: *noncurrent_days,
                abort_multipart_days: *abort_multipart_days,
                transitions: transitions.iter().map(|to| (to.days, to.storage_class.clone())).collect(),
            }
        });
        sorted(abort.into_iter().chain(own))
    }

    pub(super) fn check(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let EncryptionSpec { kms_key, bucket_key, sse } = &self.encryption;
        if kms_key.is_some() && *sse == Some(true) {
            problems.push(Problem::new("encryption", "it names a KMS key and `sse`, which exclude each other"));
        }
        if kms_key.is_none() && *sse == Some(false) {
            problems.push(
                Problem::new("encryption.sse", "S3 encrypts every object, this cannot be switched off")
                    .hint("name a `kms_key`, or leave `encryption` out"),
            );
        }
        if kms_key.is_none() && bucket_key.is_some() {
            problems.push(Problem::new("encryption.bucket_key", "it has a meaning only with `kms_key`"));
        }
        if let Some(key) = kms_key.as_ref().and_then(Val::as_known).filter(|key| !key.contains(":key/")) {
            problems.push(
                Problem::new("encryption.kms_key", format!("`{key}` is not the ARN of a KMS key"))
                    .hint("use the key's ARN: S3 looks up an alias in the account of whoever writes"),
            );
        }
        if self.logging.as_ref().is_some_and(|logging| logging.bucket == self.name) {
            problems.push(Problem::new("logging.bucket", "a bucket that logs into itself logs its own logs"));
        }
        let tls = self.tls_only.then(|| build::tls_only(Partition::Aws, &self.name));
        let policy = Document::new(tls.into_iter().chain(self.policy_statements.0.iter().cloned()));
        if !policy.is_empty() {
            problems.extend(statements::check("policy_statements", &policy, PolicyKind::Bucket, MOST_POLICY));
        }
        problems.extend(self.check_rules());
        problems.extend(tags::check(&self.tags));
        problems
    }

    fn check_rules(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.abort_multipart_days < 0 {
            problems.push(Problem::new("abort_multipart_days", "it is a number of days, 0 for never"));
        }
        let mut ids = BTreeSet::new();
        for (at, rule) in self.lifecycle.iter().enumerate() {
            let mut wrong = |field: &str, message: &str| {
                problems.push(Problem::new(&format!("lifecycle[{at}]{field}"), message));
            };
            let days = [rule.expire_days, rule.noncurrent_days, rule.abort_multipart_days];
            let moves = rule.transitions.iter().map(|to| to.days);
            if rule.id.is_empty() || rule.id.len() > 255 || rule.id == ABORT_RULE {
                wrong(".id", "an ID has 1 to 255 characters and is not that of `abort_multipart_days`");
            }
            if !ids.insert(&rule.id) {
                wrong(".id", "another rule has the same ID");
            }
            if days.iter().all(Option::is_none) && rule.transitions.is_empty() {
                wrong(
                    "",
                    "the rule does nothing: set `expire_days`, `noncurrent_days`, `abort_multipart_days` or `transitions`",
                );
            }
            if days.into_iter().flatten().any(|days| days < 1) || moves.clone().any(|days| days < 0) {
                wrong("", "days are at least 1");
            }
        }
        problems
    }
}

/// Rules in canonical order.
pub(super) fn sorted(rules: impl IntoIterator<Item = LifecycleRule>) -> Vec<LifecycleRule> {
    let mut rules: Vec<_> = rules.into_iter().collect();
    for rule in &mut rules {
        rule.transitions.sort();
    }
    rules.sort();
    rules
}
