//! An IAM user as it is written.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::kind::access::{self, Access};
use crate::kind::statements::Statements;
use crate::kind::{Gifts, Problem, iam, tags};
use crate::model::{Arn, Context, ObjectName, Partition, Region, Tags, Val};
use crate::policy::Document;

/// How many characters the inline policies of a user may have together. Source: IAM user guide, "IAM and AWS STS quotas".
const MOST_INLINE: usize = 2048;
/// How long the name of a secret may be here: it is written down in a tag of the user.
const MOST_SECRET: usize = 150;

/// An IAM user. Prefer roles: nobody has to keep a secret for them.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Its name, unique in the account. A change needs a new user.
    pub name: String,
    /// Its path; begins and ends with `/`. A change needs a new user. Default: `/snowssi/<stack>/`. Only users under the default path are
    /// found again when they leave the spec.
    pub path: Option<String>,
    /// The ARN of a managed policy that limits it. Left as it is where not set.
    pub permissions_boundary: Option<Val>,
    /// What it may do in buckets. Default: nothing.
    #[serde(default)]
    pub access: Vec<Access>,
    /// More statements of its policy. Default: none.
    #[serde(default)]
    pub statements: Statements,
    /// ARNs of managed policies to attach. Others that are attached are left alone, so one that leaves this list stays attached. Default:
    /// none.
    #[serde(default)]
    pub managed_policies: BTreeSet<Val>,
    /// An access key of the user's, and where it is brought. Nothing shows or keeps its secret: it goes from IAM's answer straight to these
    /// places. Any change makes a new key and deletes the old one once the new one is there; taking this away deletes the key. A key of the
    /// user that was brought nowhere, left behind by a run that was cut off, is deleted. Default: none.
    pub access_key: Option<AccessKey>,
    /// Tags. Other tags of the user are left alone. Default: none.
    #[serde(default)]
    pub tags: Tags,
}

/// Where an access key is brought; at least one place.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccessKey {
    /// Stages of this spec that get it as their credentials: `["{{ stage.x.fqn }}"]`. Each says with `acknowledge_risk` why there can be no
    /// integration. Default: none.
    #[serde(default)]
    pub stages: BTreeSet<ObjectName>,
    /// The name of a secret in AWS Secrets Manager that gets it as JSON, with `AccessKeyId` and `SecretAccessKey`. The secret is made, and
    /// when it is no longer wanted it can be restored for 30 days. One that is not of this user is never overwritten. Default: none.
    pub secret: Option<String>,
    /// Any word, such as `2026-12`: another word means another key. Default: `1`.
    #[serde(default = "first")]
    pub generation: String,
}

fn first() -> String {
    "1".into()
}

impl Spec {
    pub(super) fn path(&self, context: &Context) -> String {
        self.path.clone().unwrap_or_else(|| iam::default_path(&context.stack))
    }

    pub(super) fn arn(&self, context: &Context) -> Arn {
        Arn::user(context.partition, &context.account, &self.path(context), &self.name)
    }

    /// What the user may do; absent if nothing.
    pub(super) fn policy(&self, partition: Partition, region: &Region, gifts: &Gifts) -> Option<Document> {
        access::document(&self.access, &self.statements, partition, region, gifts)
    }

    pub(super) fn check(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        problems.extend(iam::name("name", "user", &self.name, 64));
        problems.extend(self.path.as_deref().and_then(iam::path));
        problems.extend(access::check(&self.access, &self.statements, MOST_INLINE));
        problems.extend(iam::attached(&self.managed_policies, self.permissions_boundary.as_ref()));
        problems.extend(self.access_key.iter().flat_map(AccessKey::check));
        problems.extend(tags::check(&self.tags));
        problems
    }
}

impl AccessKey {
    fn check(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let Self { stages, secret, generation } = self;
        if stages.is_empty() && secret.is_none() {
            let message = "the key would be brought nowhere, and nobody could ever use it";
            problems.push(Problem::new("access_key", message).hint("name `stages`, or a `secret` of Secrets Manager"));
        }
        // Both stand in a tag of the user, with spaces between them.
        let fits = |text: &str, more: &str, most: usize| {
            (1..=most).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
        };
        if !fits(generation, "._:/=+@-", 64) {
            let message = "a generation is one word of 1 to 64 letters, digits or `._:/=+@-`";
            problems.push(Problem::new("access_key.generation", message));
        }
        if secret.as_ref().is_some_and(|name| !fits(name, "/_+=.@-", MOST_SECRET)) {
            let message = format!("a secret's name has 1 to {MOST_SECRET} letters, digits or `/_+=.@-`");
            problems.push(Problem::new("access_key.secret", message));
        }
        problems
    }
}
