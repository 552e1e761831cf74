//! An IAM role as it is written.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::kind::access::{self, Access};
use crate::kind::statements::{self, Statements};
use crate::kind::{Gifts, Problem, iam, tags};
use crate::model::{AccountId, Arn, Context, Facts, Partition, Region, Tags, Val};
use crate::policy::build::Trusted;
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
    /// Who may assume it beside the integrations that name it; an empty list says that nobody may yet, for as long as the other party has not told
    /// whom to trust. Default: nobody.
    pub trust: Option<Vec<TrustSpec>>,
    /// Tags. Other tags of the role are left alone. Default: none.
    #[serde(default)]
    pub tags: Tags,
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

impl Spec {
    pub(super) fn path(&self, context: &Context) -> String {
        self.path.clone().unwrap_or_else(|| iam::default_path(&context.stack))
    }

    pub(super) fn arn(&self, context: &Context) -> Arn {
        Arn::role(context.partition, &context.account, &self.path(context), &self.name)
    }

    /// What the role may do; absent if nothing. `keys` are the keys of buckets that tell theirs.
    pub(super) fn policy(&self, partition: Partition, region: &Region, gifts: &Gifts) -> Option<Document> {
        access::document(&self.access, &self.statements, partition, region, gifts)
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
        self.trust.iter().flatten().filter_map(one).collect()
    }

    pub(super) fn check(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        problems.extend(iam::name("name", "role", &self.name, 64));
        problems.extend(self.path.as_deref().and_then(iam::path));
        if !(3600..=43200).contains(&self.max_session_seconds) {
            problems.push(Problem::new("max_session_seconds", "a session lasts 3600 to 43200 seconds"));
        }
        problems.extend(iam::description(&self.description));
        for (at, trust) in self.trust.iter().flatten().enumerate() {
            problems.extend(trust.check(at));
        }
        problems.extend(access::check(&self.access, &self.statements, MOST_INLINE));
        problems.extend(iam::attached(&self.managed_policies, self.permissions_boundary.as_ref()));
        let trust = build::trust([], &self.trusted(&Facts::default()));
        problems.extend(statements::check("trust", &trust, PolicyKind::Trust, MOST_TRUST));
        problems.extend(tags::check(&self.tags));
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
