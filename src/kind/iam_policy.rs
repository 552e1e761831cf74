//! Customer managed policies: what several roles and users may do, said once.
//!
//! IAM keeps up to five versions of a policy. A change is a new version that becomes the default in the same call, so that nobody ever sees a
//! mixture; the oldest version makes room where there are five already.
//!
//! A policy that goes is taken from the roles and users of this stack first. While anybody else uses it nothing is touched: IAM would
//! refuse to delete it, and access that others gave is not ours to take.
//!
//! Calls: `GetPolicy`, `ListPolicyVersions`, `GetPolicyVersion`, `ListPolicies`, and `ListEntitiesForPolicy` where it counts; `CreatePolicy`,
//! `CreatePolicyVersion`, `DeletePolicyVersion`, `TagPolicy`, `DeletePolicy`. Source: IAM API reference.

mod spec;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use futures::future::try_join_all;

pub use self::spec::Spec;
use super::export::Export;
use super::{Attribute, Cx, Entry, Field, Fields, Kind, Part, Problem, Ref, Side, Source, iam, tags};
use crate::cloud::aws::{Attachment, Entity, PolicyState};
use crate::cloud::{Aws, Cloud, CloudError, Which};
use crate::model::{Address, Arn, Call, Context, Diff, Found, LiveId, Mark, Observed, Op, Seen, Shown, Tags, Val};
use crate::policy::Document;

/// How many versions IAM keeps. Source: IAM user guide, "IAM and AWS STS quotas".
const MOST_VERSIONS: usize = 5;

/// The kind.
pub struct IamPolicy;

/// The canonical properties.
#[derive(Clone, Debug, PartialEq)]
pub struct Props {
    mark: Option<Mark>,
    arn: Arn,
    name: String,
    path: String,
    description: String,
    document: Document,
    /// Of a live policy: its versions beside the default, oldest first.
    versions: Vec<String>,
    /// Of a live policy: who uses it, if that was asked for.
    attached: Vec<Attachment>,
    tags: Tags,
}

impl Kind for IamPolicy {
    const NAME: &'static str = "iam_policy";
    const SIDE: Side = Side::Aws;
    const ABOUT: &'static str = "A managed policy: what several roles and users may do, said once.";
    const EXAMPLE: &'static str = "[iam_policy.read]\nname = \"events-read\"\n\
        access = [{ bucket = \"events-data-111122223333\", allow = [\"list\", \"read\"] }]\n";

    type Spec = Spec;
    type Props = Props;

    fn attributes() -> &'static [Attribute] {
        &[
            Attribute { name: "name", about: "Its name", from: Source::Field("name") },
            Attribute { name: "arn", about: "Its ARN", from: Source::Fact },
        ]
    }

    fn id(spec: &Spec, context: &Context) -> LiveId {
        LiveId::new(Self::NAME, spec.arn(context))
    }

    fn check(spec: &Spec) -> Vec<Problem> {
        spec.check()
    }

    fn known(spec: &Spec, context: &Context) -> Vec<(&'static str, String)> {
        vec![("arn", spec.arn(context).to_string())]
    }

    fn want(entry: &Entry<Spec>, cx: Cx<'_>) -> Props {
        let spec = &entry.spec;
        let document = spec.document(cx.context.partition, &cx.context.region, cx.gifts);
        Props {
            mark: Some(entry.mark.clone()),
            arn: spec.arn(cx.context),
            name: spec.name.clone(),
            path: spec.path(cx.context),
            description: spec.description.clone(),
            document: document.unwrap_or_default().resolve(cx.facts),
            versions: Vec::new(),
            attached: Vec::new(),
            tags: spec.tags.clone(),
        }
    }

    fn fields(props: &Props) -> Vec<Field> {
        let Props { mark: _, arn: _, name, path, description, document, versions: _, attached: _, tags } = props;
        let mut fields = vec![
            Field::replaces("name", Some(name.as_str())),
            Field::replaces("path", Some(path.as_str())),
            Field::replaces("description", (!description.is_empty()).then_some(description.as_str())),
            Field::in_place("policy", Some(Shown::Lines(document.pretty()))),
        ];
        fields.extend(tags::fields(tags));
        fields
    }

    fn mark(props: &Props) -> Option<&Mark> {
        props.mark.as_ref()
    }

    fn set_mark(props: &mut Props, mark: Option<Mark>) {
        props.mark = mark;
    }

    /// Buckets and keys it allows need not be there.
    fn refs(_: &Props) -> Vec<Ref> {
        Vec::new()
    }

    async fn observe(entries: &[Entry<Spec>], cloud: &Cloud, context: &Context) -> Result<Observed<Props>, CloudError> {
        let aws = cloud.aws()?;
        let declared = try_join_all(entries.iter().map(|entry| async move {
            let seen = match Box::pin(look(aws, &entry.spec, context)).await? {
                Some(state) => found(state).map_or_else(Seen::Hidden, Seen::Present),
                None => Seen::Absent,
            };
            Ok::<_, CloudError>((entry.at.clone(), seen))
        }));
        let (declared, others) = futures::try_join!(declared, orphans(entries, aws, context))?;
        Ok(Observed { declared: declared.into_iter().collect(), others })
    }

    fn create(_at: &Address, want: &Props) -> Vec<Part> {
        vec![main(vec![Call::CreatePolicy {
            policy: want.name.clone(),
            path: want.path.clone(),
            description: want.description.clone(),
            document: want.document.to_val(),
            tags: tags::all(&want.tags, want.mark.as_ref()),
        }])]
    }

    fn alter(_at: &Address, want: &Props, have: &Props, changed: &Diff) -> Vec<Part> {
        let arn = || Val::known(have.arn.as_str());
        let mut calls = Vec::new();
        if changed.has("policy") {
            // All but the newest that fit beside a new one; normally that is one at most.
            let room = (have.versions.len() + 2).saturating_sub(MOST_VERSIONS);
            let oldest = have.versions.iter().take(room);
            calls.extend(
                oldest.map(|version| Call::DeletePolicyVersion { policy_arn: arn(), version: version.clone() }),
            );
            calls.push(Call::CreatePolicyVersion { policy_arn: arn(), document: want.document.to_val() });
        }
        let tags::Retag { set, remove } =
            tags::retag((&want.tags, want.mark.as_ref()), (&have.tags, have.mark.as_ref()));
        if !set.is_empty() {
            calls.push(Call::TagPolicy { policy_arn: arn(), tags: set });
        }
        if !remove.is_empty() {
            calls.push(Call::UntagPolicy { policy_arn: arn(), keys: remove });
        }
        if calls.is_empty() { Vec::new() } else { vec![main(calls)] }
    }

    fn delete(have: &Props) -> Vec<Part> {
        let arn = || Val::known(have.arn.as_str());
        let delete = Call::DeletePolicy { policy_arn: arn() };
        if have.foreign().next().is_some() {
            // IAM refuses it, and nothing has been touched by then.
            return vec![main(vec![delete])];
        }
        let detach = |attachment: &Attachment| match &attachment.entity {
            Entity::Role(role) => Some(Call::DetachRolePolicy { role: role.clone(), policy_arn: arn() }),
            Entity::User(user) => Some(Call::DetachUserPolicy { user: user.clone(), policy_arn: arn() }),
            Entity::Group(_) => None,
        };
        let attached = have.attached.iter().filter(|attachment| !attachment.boundary);
        let versions = have.versions.iter().cloned();
        let versions = versions.map(|version| Call::DeletePolicyVersion { policy_arn: arn(), version });
        vec![main(attached.filter_map(detach).chain(versions).chain([delete]).collect())]
    }

    fn breaks(have: &Props) -> Vec<String> {
        let foreign = have.foreign().map(|attachment| {
            let Attachment { entity, boundary, tags: _ } = attachment;
            let how = if *boundary { "is limited by it" } else { "has it attached" };
            format!("{entity} {how} and is not of this stack: IAM refuses to delete the policy until that ends; detach it there")
        });
        let own = have.attached.iter().filter(|attachment| have.is_own(attachment)).map(|attachment| {
            let Attachment { entity, boundary, tags: _ } = attachment;
            if *boundary {
                format!("{entity} is limited by it: IAM refuses to delete the policy unless {entity} goes first or is limited by another")
            } else {
                format!("{entity} loses what it allows")
            }
        });
        foreign.chain(own).collect()
    }

    fn named(name: &str, _: &Context) -> Result<Fields, String> {
        let mut fields = iam::named(name, Self::NAME.trim_start_matches("iam_"), 128)?;
        fields.push(("statements", serde_json::json!([{ "Effect": "Deny", "Action": "*", "Resource": "*" }])));
        Ok(fields)
    }

    fn export(have: &Props, context: &Context) -> Fields {
        let Props { mark: _, arn: _, name, path, description, document, versions: _, attached: _, tags } = have;
        let mut fields = Fields::from([("name", name.as_str().into())]);
        if *path != iam::default_path(&context.stack) {
            fields.push(("path", path.as_str().into()));
        }
        if !description.is_empty() {
            fields.push(("description", description.as_str().into()));
        }
        fields.push(("statements", iam::written(document)));
        Export::of(fields).filled("tags", tags::exported(tags)).done()
    }
}

impl Props {
    fn is_own(&self, attachment: &Attachment) -> bool {
        let mark = Mark::take(&mut attachment.tags.clone());
        mark.is_some_and(|theirs| self.mark.as_ref().is_some_and(|own| own.stack == theirs.stack))
    }

    /// Those who use it and are not of the stack.
    fn foreign(&self) -> impl Iterator<Item = &Attachment> {
        self.attached.iter().filter(|attachment| !self.is_own(attachment))
    }
}

/// Looks at one declared policy. A policy of its name under another path stands in its way, names being unique: it is found too. Who uses
/// it is asked for only where it may have to go.
async fn look(aws: &Aws, spec: &Spec, context: &Context) -> Result<Option<PolicyState>, CloudError> {
    let arn = spec.arn(context);
    let goes = |state: &PolicyState| state.arn != arn || state.description != spec.description;
    let mut found = Box::pin(aws.policy(&arn, aws.exact())).await?;
    if found.is_none() {
        let all = aws.policies_under("/").await?;
        let name = |other: &Arn| other.resource().rsplit('/').next().unwrap_or_default().to_owned();
        if let Some(other) = all.iter().find(|other| name(other).eq_ignore_ascii_case(&spec.name)) {
            found = Box::pin(aws.policy(other, true)).await?;
        }
    }
    match found {
        Some(state) if goes(&state) && state.attached.is_empty() => Box::pin(aws.policy(&state.arn, true)).await,
        found => Ok(found),
    }
}

/// Policies under the stack's path that are not declared.
async fn orphans(
    entries: &[Entry<Spec>],
    aws: &Aws,
    context: &Context,
) -> Result<BTreeMap<LiveId, Found<Props>>, CloudError> {
    let arns = aws.policies_under(&iam::default_path(&context.stack)).await?;
    // One of a declared name under another path is that entry's to replace.
    let declared: BTreeSet<&str> = entries.iter().map(|entry| entry.spec.name.as_str()).collect();
    let name = |arn: &Arn| arn.resource().rsplit('/').next().unwrap_or_default().to_owned();
    let undeclared = arns.into_iter().filter(|arn| !declared.contains(name(arn).as_str()));
    let states = try_join_all(undeclared.map(|arn| async move { Box::pin(aws.policy(&arn, true)).await })).await?;
    let mut others = BTreeMap::new();
    for state in states.into_iter().flatten() {
        let id = LiveId::new(IamPolicy::NAME, &state.arn);
        let found = found(state).map_err(|why| CloudError::unexpected(Which::Aws, "iam:GetPolicy", why))?;
        others.insert(id, found);
    }
    Ok(others)
}

/// # Errors
/// A document that cannot be read.
fn found(state: PolicyState) -> Result<Found<Props>, String> {
    let PolicyState { arn, name, path, description, document, others, attached, mut tags } = state;
    let document = Document::parse(&document).map_err(|error| format!("the policy {arn} cannot be read: {error}"))?;
    let mark = Mark::take(&mut tags);
    let props = Props { mark, arn, name, path, description, document, versions: others, attached, tags };
    Ok(Found { props, facts: BTreeMap::new() })
}

fn main(calls: Vec<Call>) -> Part {
    Part::main(calls.into_iter().map(Op::aws).collect())
}
