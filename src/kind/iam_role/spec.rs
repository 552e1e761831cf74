//! An IAM role as it is written.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::kind::statements::{self, Statements};
use crate::kind::{Gift, Gifts, Problem, tags};
use crate::model::{AccountId, Arn, BucketName, Context, Facts, Partition, Region, Tags, Val};
use crate::policy::build::{Allow, Grant, Trusted};
use crate::policy::{Document, PolicyKind, build};

/// How many characters a trust policy may have. Source: IAM user guide, "IAM and AWS STS quotas".
const MOST_TRUST: usize = 2048;
/// How many characters the inline policies of a role may have together.
const MOST_INLINE: usize = 10_240;

/// An IAM role. Who may assume it follows from the integrations that name it; `trust` adds others.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Its name, unique in the account. A change needs a new role.
    pub name: String,
    /// Its path; begins and ends with `/`. A change needs a new role. Default: `/snowssi/<stack>/`. Only roles under the default path are
    /// found again when they leave the spec.
    pub path: Option<String>,
    /// What it is for. Default: none.
    #[serde(default)]
    pub description: String,
    /// How long a session may last, in seconds: 3600 to 43200. Default: 3600.
    #[serde(default = "hour")]
    pub max_session_seconds: i32,
    /// The ARN of a managed policy that limits it. Left as it is where not set.
    pub permissions_boundary: Option<Arn>,
    /// What it may do in buckets. Default: nothing.
    #[serde(default)]
    pub access: Vec<Access>,
    /// More statements of its policy. Default: none.
    #[serde(default)]
    pub statements: Statements,
    /// ARNs of managed policies to attach. Others that are attached are left alone, so one that leaves this list stays attached. Default:
    /// none.
    #[serde(default)]
    pub managed_policies: BTreeSet<Arn>,
    /// Who may assume it beside the integrations that name it. Default: nobody.
    #[serde(default)]
    pub trust: Vec<TrustSpec>,
    /// Tags. Other tags of the role are left alone. Default: none.
    #[serde(default)]
    pub tags: Tags,
}

/// What the role may do in one bucket.
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

/// One thing a role may do below a prefix.
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

/// Somebody who may assume the role: `{ principal = "…", external_id = "…" }` or `{ service = "…" }`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrustSpec {
    /// The ARN of a role or user, or an account ID.
    pub principal: Option<Val>,
    /// The external ID the principal must send. Default: none is asked for.
    pub external_id: Option<Val>,
    /// An AWS service, such as `lambda.amazonaws.com`.
    pub service: Option<String>,
}

fn hour() -> i32 {
    3600
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

impl Spec {
    pub(super) fn path(&self, context: &Context) -> String {
        self.path.clone().unwrap_or_else(|| default_path(&context.stack))
    }

    pub(super) fn arn(&self, context: &Context) -> Arn {
        Arn::role(context.partition, &context.account, &self.path(context), &self.name)
    }

    /// What the role may do; absent if nothing. `keys` are the keys of buckets that tell theirs.
    pub(super) fn policy(&self, partition: Partition, region: &Region, gifts: &Gifts) -> Option<Document> {
        let grants: Vec<Grant> = self
            .access
            .iter()
            .map(|access| Grant {
                bucket: access.bucket.clone(),
                prefix: access.prefix.clone(),
                allow: access.allow.iter().copied().map(Allow::from).collect(),
                keys: access.keys(gifts),
                region: access.region.as_ref().unwrap_or(region).clone(),
            })
            .collect();
        let document = build::access(partition, &grants).with(self.statements.0.iter().cloned());
        (!document.is_empty()).then_some(document)
    }

    /// The extra principals.
    pub(super) fn trusted(&self, facts: &Facts) -> Vec<Trusted> {
        let one = |trust: &TrustSpec| match (&trust.principal, &trust.service) {
            (Some(principal), _) => Some(Trusted::Aws {
                principal: principal.resolve(facts),
                external_ids: trust.external_id.iter().map(|id| id.resolve(facts)).collect(),
            }),
            (None, Some(service)) => Some(Trusted::Service(service.clone())),
            (None, None) => None,
        };
        self.trust.iter().filter_map(one).collect()
    }

    pub(super) fn check(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let name = |c: char| c.is_ascii_alphanumeric() || "+=,.@_-".contains(c);
        if !(1..=64).contains(&self.name.len()) || !self.name.chars().all(name) {
            problems.push(Problem::new("name", "a role's name has 1 to 64 letters, digits or `+=,.@_-`"));
        }
        if let Some(path) = &self.path {
            let fits = path.starts_with('/') && path.ends_with('/') && path.len() <= 512;
            if !fits || !path.chars().all(|c| c.is_ascii_graphic()) {
                problems.push(Problem::new(
                    "path",
                    "a path begins and ends with `/` and has at most 512 characters without spaces",
                ));
            }
        }
        if !(3600..=43200).contains(&self.max_session_seconds) {
            problems.push(Problem::new("max_session_seconds", "a session lasts 3600 to 43200 seconds"));
        }
        if self.description.chars().count() > 1000 {
            problems.push(Problem::new("description", "a description has at most 1000 characters"));
        }
        for (at, access) in self.access.iter().enumerate() {
            problems.extend(access.check(at));
        }
        for (at, trust) in self.trust.iter().enumerate() {
            problems.extend(trust.check(at));
        }
        if let Ok(region) = "us-east-1".parse()
            && let Some(policy) = self.policy(Partition::Aws, &region, &Gifts::default())
        {
            problems.extend(statements::check("statements", &policy, PolicyKind::Identity, MOST_INLINE));
        }
        let trust = build::trust([], &self.trusted(&Facts::default()));
        problems.extend(statements::check("trust", &trust, PolicyKind::Trust, MOST_TRUST));
        problems.extend(tags::check(&self.tags));
        problems
    }
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

impl TrustSpec {
    fn check(&self, at: usize) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut wrong =
            |field: &str, message: String| problems.push(Problem::new(&format!("trust[{at}]{field}"), message));
        let Self { principal, external_id, service } = self;
        if principal.is_some() == service.is_some() {
            wrong("", "name either a `principal` or a `service`".into());
        }
        if let Some(text) = principal.as_ref().and_then(Val::as_known)
            && text.parse::<AccountId>().is_err()
            && !text.parse::<Arn>().is_ok_and(|arn| ["iam", "sts"].contains(&arn.service()))
        {
            wrong(".principal", format!("`{text}` is neither the ARN of a role or user nor an account ID"));
        }
        // Source: AWS STS API, `AssumeRole`.
        let odd = |c: char| !(c.is_ascii_alphanumeric() || "_+=,.@:/-".contains(c));
        if let Some(text) = external_id.as_ref().and_then(Val::as_known)
            && (!(2..=1224).contains(&text.len()) || text.contains(odd))
        {
            wrong(".external_id", "an external ID has 2 to 1224 letters, digits or `_+=,.@:/-`".into());
        }
        if external_id.is_some() && principal.is_none() {
            wrong(".external_id", "only a `principal` sends an external ID".into());
        }
        if service.as_ref().is_some_and(|name| !name.contains(".amazonaws.com")) {
            wrong(".service", "a service is named like `lambda.amazonaws.com`".into());
        }
        problems
    }
}

/// The path under which the roles of a stack are found again.
pub(super) fn default_path(stack: &str) -> String {
    format!("/snowssi/{stack}/")
}
