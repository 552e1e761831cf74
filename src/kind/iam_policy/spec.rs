//! A managed policy as it is written.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::kind::access::{self, Access};
use crate::kind::statements::Statements;
use crate::kind::{Gifts, Problem, iam, tags};
use crate::model::{Arn, Context, Partition, Region, Tags};
use crate::policy::Document;

/// How many characters a managed policy may have. Source: IAM user guide, "IAM and AWS STS quotas".
const MOST: usize = 6144;

/// A managed policy. Attach it with `managed_policies = ["{{ iam_policy.x.arn }}"]` of a role or user.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Its name, unique in the account. A change needs a new policy.
    pub name: String,
    /// Its path; begins and ends with `/`. A change needs a new policy. Default: `/snowssi/<stack>/`. Only policies under the default path are
    /// found again when they leave the spec.
    pub path: Option<String>,
    /// What it is for. IAM never changes it, so a change needs a new policy. Default: none.
    #[serde(default)]
    pub description: String,
    /// What it allows in buckets. Default: nothing.
    #[serde(default)]
    pub access: Vec<Access>,
    /// More statements. Default: none.
    #[serde(default)]
    pub statements: Statements,
    /// Tags. Other tags of the policy are left alone. Default: none.
    #[serde(default)]
    pub tags: Tags,
}

impl Spec {
    pub(super) fn path(&self, context: &Context) -> String {
        self.path.clone().unwrap_or_else(|| iam::default_path(&context.stack))
    }

    pub(super) fn arn(&self, context: &Context) -> Arn {
        Arn::policy(context.partition, &context.account, &self.path(context), &self.name)
    }

    /// What it allows; absent if that is nothing.
    pub(super) fn document(&self, partition: Partition, region: &Region, gifts: &Gifts) -> Option<Document> {
        access::document(&self.access, &self.statements, partition, region, gifts)
    }

    pub(super) fn check(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        problems.extend(iam::name("name", "policy", &self.name, 128));
        problems.extend(self.path.as_deref().and_then(iam::path));
        problems.extend(iam::description(&self.description));
        problems.extend(access::check(&self.access, &self.statements, MOST));
        if self.access.is_empty() && self.statements.0.is_empty() {
            let message = "the policy says nothing, and IAM takes no such policy";
            problems.push(Problem::new("access", message).hint("give `access` or `statements`"));
        }
        problems.extend(tags::check(&self.tags));
        problems
    }
}
