//! IAM roles: as what Snowflake reaches into AWS.
//!
//! The ARN of a role follows from its name, so integrations are created before it, and the role is created once with its final trust
//! policy: the IAM user of every integration that names it, with its external ID. A role that nobody may assume yet gets a trust policy
//! that refuses everyone; IAM has no role without one.
//!
//! Trust policy and inline policies are exclusive: what others add is shown and removed. Attached managed policies are not: only those
//! the spec lists are attached, others are left alone until the role is destroyed.
//!
//! Calls: `GetRole`, `ListRolePolicies`, `GetRolePolicy`, `ListAttachedRolePolicies` where it counts, `ListRoles` under the stack's path; `CreateRole`,
//! `PutRolePolicy`, `AttachRolePolicy` and their opposites.

mod export;
mod spec;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use futures::future::try_join_all;

pub use self::spec::Spec;
use super::iam::{self, INLINE};
use super::{
    Attribute, Cx, Entry, Field, Fields, Gift, Gifts, Kind, OnReplace, Part, Problem, Ref, Side, Source, statements,
    tags,
};
use crate::cloud::aws::RoleState;
use crate::cloud::{Aws, Cloud, CloudError, Which};
use crate::model::{
    Address, Call, Context, Diff, Fact, Facts, Found, LiveId, Mark, Observed, Op, Seen, Shown, Tags, Val,
};
use crate::policy::{Document, Effect, Principals, Statement, build};

/// The kind.
pub struct IamRole;

/// The canonical properties.
#[derive(Clone, Debug, PartialEq)]
pub struct Props {
    mark: Option<Mark>,
    name: String,
    path: String,
    description: String,
    max_session_seconds: i32,
    boundary: Option<Val>,
    trust: Document,
    /// What it may do, in the one inline policy of ours.
    policy: Option<Document>,
    /// Names of other inline policies.
    inline: BTreeSet<String>,
    /// What those say; absent where that cannot be read. Never compared.
    foreign: Option<Vec<Statement>>,
    attached: BTreeSet<Val>,
    tags: Tags,
}

impl Kind for IamRole {
    const NAME: &'static str = "iam_role";
    const SIDE: Side = Side::Aws;
    const ABOUT: &'static str = "An IAM role that Snowflake assumes, with the least access its stages need.";
    const EXAMPLE: &'static str = "[iam_role.snowflake]\nname = \"snowflake-events\"\n\
        trust = [{ principal = \"111122223333\" }]\n\
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
        let policy = spec.policy(cx.context.partition, &cx.context.region, cx.gifts);
        Props {
            mark: Some(entry.mark.clone()),
            name: spec.name.clone(),
            path: spec.path(cx.context),
            description: spec.description.clone(),
            max_session_seconds: spec.max_session_seconds,
            boundary: spec.permissions_boundary.as_ref().map(|arn| arn.resolve(cx.facts)),
            trust: trust(entry, cx),
            policy: policy.map(|policy| policy.resolve(cx.facts)),
            inline: BTreeSet::new(),
            foreign: None,
            attached: spec.managed_policies.iter().map(|arn| arn.resolve(cx.facts)).collect(),
            tags: spec.tags.clone(),
        }
    }

    fn fields(props: &Props) -> Vec<Field> {
        let Props {
            mark: _,
            name,
            path,
            description,
            max_session_seconds,
            boundary,
            trust,
            policy,
            inline,
            foreign: _,
            attached,
            tags,
        } = props;
        let others: Vec<Val> = inline.iter().map(|name| Val::known(name.as_str())).collect();
        let mut fields = vec![
            Field::replaces("name", Some(name.as_str())),
            Field::replaces("path", Some(path.as_str())),
            Field::in_place("description", (!description.is_empty()).then_some(description.as_str())),
            Field::in_place("max_session_seconds", Some(*max_session_seconds)),
            Field::in_place_if_set("permissions_boundary", boundary.clone()),
            Field::in_place("trust", Some(Shown::Lines(trust.pretty()))),
            Field::in_place("policy", policy.as_ref().map(|policy| Shown::Lines(policy.pretty()))),
            Field::in_place("inline_policies", (!others.is_empty()).then_some(Shown::List(others))),
        ];
        let attached = attached.iter().map(|arn| Field::in_place_if_set(format!("managed_policies.{arn}"), Some(true)));
        fields.extend(attached);
        fields.extend(tags::fields(tags));
        fields
    }

    fn mark(props: &Props) -> Option<&Mark> {
        props.mark.as_ref()
    }

    fn set_mark(props: &mut Props, mark: Option<Mark>) {
        props.mark = mark;
    }

    /// The roles its trust policy names, and its managed policies. Buckets and keys it may use need not be there.
    fn refs(props: &Props) -> Vec<Ref> {
        let named = statements::roles(&props.trust, "its trust policy names the role");
        let own = |role: &Ref| role.to.name.ends_with(&format!(":role{}{}", props.path, props.name));
        let named =
            named.into_iter().filter(|role| !own(role)).map(|role| Ref { on_replace: OnReplace::Relink, ..role });
        named.chain(iam::refs(&props.attached, props.boundary.as_ref())).collect()
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
        let role = || want.name.clone();
        let mut calls = vec![Call::CreateRole {
            role: role(),
            path: want.path.clone(),
            description: want.description.clone(),
            max_session_seconds: want.max_session_seconds,
            trust: want.trust.to_val(),
            boundary: want.boundary.clone(),
            tags: tags::all(&want.tags, want.mark.as_ref()),
        }];
        calls.extend(want.policy.as_ref().map(|policy| put_policy(want, policy)));
        calls.extend(want.attached.iter().map(|arn| attach(want, arn)));
        vec![main(calls)]
    }

    fn alter(_at: &Address, want: &Props, have: &Props, changed: &Diff) -> Vec<Part> {
        let role = || want.name.clone();
        let mut calls = Vec::new();
        if let Some(arn) = want.boundary.as_ref().filter(|_| changed.has("permissions_boundary")) {
            calls.push(Call::PutRolePermissionsBoundary { role: role(), boundary: arn.clone() });
        }
        if changed.has("description") || changed.has("max_session_seconds") {
            calls.push(Call::UpdateRole {
                role: role(),
                description: want.description.clone(),
                max_session_seconds: want.max_session_seconds,
            });
        }
        if changed.has("trust") {
            calls.push(put_trust(want));
        }
        if changed.has("policy") {
            calls.push(match &want.policy {
                Some(policy) => put_policy(want, policy),
                None => Call::DeleteRolePolicy { role: role(), policy: INLINE.into() },
            });
        }
        if changed.has("inline_policies") {
            let extra = have.inline.difference(&want.inline).cloned();
            calls.extend(extra.map(|policy| Call::DeleteRolePolicy { role: role(), policy }));
        }
        calls.extend(want.attached.difference(&have.attached).map(|arn| attach(want, arn)));
        let tags::Retag { set, remove } =
            tags::retag((&want.tags, want.mark.as_ref()), (&have.tags, have.mark.as_ref()));
        if !set.is_empty() {
            calls.push(Call::TagRole { role: role(), tags: set });
        }
        if !remove.is_empty() {
            calls.push(Call::UntagRole { role: role(), keys: remove });
        }
        if calls.is_empty() { Vec::new() } else { vec![main(calls)] }
    }

    fn delete(have: &Props) -> Vec<Part> {
        let role = || have.name.clone();
        let detach = |arn: &Val| Call::DetachRolePolicy { role: role(), policy_arn: arn.clone() };
        let mut calls: Vec<Call> = have.attached.iter().map(detach).collect();
        let ours = have.policy.iter().map(|_| INLINE.to_owned());
        calls.extend(
            ours.chain(have.inline.iter().cloned()).map(|policy| Call::DeleteRolePolicy { role: role(), policy }),
        );
        calls.push(Call::DeleteRole { role: role() });
        vec![main(calls)]
    }

    fn relink(_at: &Address, want: &Props, to: &LiveId) -> Vec<Op> {
        let is = |arn: &&Val| arn.as_known().is_some_and(|arn| iam::policy(arn) == *to);
        let attached = want.attached.iter().filter(is).map(|arn| attach(want, arn));
        let bounding = want.boundary.iter().filter(is);
        let bounding =
            bounding.map(|arn| Call::PutRolePermissionsBoundary { role: want.name.clone(), boundary: arn.clone() });
        let trust = (to.kind == Self::NAME).then(|| put_trust(want));
        attached.chain(bounding).chain(trust).map(Op::aws).collect()
    }

    fn breaks(have: &Props) -> Vec<String> {
        let access = "integrations that use it can no longer reach S3".to_owned();
        let attached = have.attached.iter().map(|arn| format!("{arn} is detached"));
        let others = "managed policies that others attached to it are detached".to_owned();
        let inline =
            have.inline.iter().map(|name| format!("the inline policy `{name}`, not made by this tool, is deleted"));
        [access].into_iter().chain(attached).chain(inline).chain([others]).collect()
    }

    fn named(name: &str, _: &Context) -> Result<Fields, String> {
        export::named(name)
    }

    fn export(have: &Props, context: &Context) -> Fields {
        export::fields(have, Cx { context, facts: &Facts::default(), gifts: &Gifts::default() }).unwrap_or_default()
    }

    fn export_among(have: &Props, cx: Cx<'_>) -> Result<Fields, String> {
        export::fields(have, cx)
    }
}

/// Everyone who may assume the role; if there is nobody, a policy that says so.
fn trust(entry: &Entry<Spec>, cx: Cx<'_>) -> Document {
    let arn = Val::known(entry.spec.arn(cx.context).to_string());
    let own = Val::later(Fact::new(&entry.at, "arn"));
    let pairs = cx.gifts.about(arn.as_known().unwrap_or_default()).filter_map(|gift| match gift {
        Gift::Trust { role, principal, external_id } if *role == own || role.resolve(cx.facts) == arn => {
            Some((principal.resolve(cx.facts), BTreeSet::from([external_id.resolve(cx.facts)])))
        }
        _ => None,
    });
    let document = build::trust(pairs, &entry.spec.trusted(cx.facts));
    if !document.is_empty() {
        return document;
    }
    nobody(entry.spec.trust.is_some())
}

/// The trust policy of a role that nobody may assume. An empty list is meant so: the other party has not told yet whom to trust.
fn nobody(yet: bool) -> Document {
    let nobody = if yet { "NobodyYet" } else { "Nobody" };
    Document::new([Statement::new(Effect::Deny, nobody, &["sts:AssumeRole"]).principals(Principals::Anyone)])
}

/// Looks at one declared role. Its attachments are asked for only where they count: if the spec lists some, or if the role may have to
/// be destroyed, which IAM refuses while anything is attached.
async fn look(aws: &Aws, spec: &Spec, context: &Context) -> Result<Option<RoleState>, CloudError> {
    let attached = !spec.managed_policies.is_empty() || aws.exact();
    let state = aws.role(&spec.name, attached).await?;
    let moves = state.as_ref().is_some_and(|state| state.path != spec.path(context));
    if moves && !attached { aws.role(&spec.name, true).await } else { Ok(state) }
}

/// Roles under the stack's path that are not declared.
async fn orphans(
    entries: &[Entry<Spec>],
    aws: &Aws,
    context: &Context,
) -> Result<BTreeMap<LiveId, Found<Props>>, CloudError> {
    let names = aws.roles_under(&iam::default_path(&context.stack)).await?;
    let declared: BTreeSet<&str> = entries.iter().map(|entry| entry.spec.name.as_str()).collect();
    let undeclared = names.into_iter().filter(|name| !declared.contains(name.as_str()));
    let states = try_join_all(undeclared.map(|name| async move { Box::pin(aws.role(&name, true)).await })).await?;
    let mut others = BTreeMap::new();
    for state in states.into_iter().flatten() {
        let id = LiveId::new(IamRole::NAME, &state.arn);
        let found = found(state).map_err(|why| CloudError::unexpected(Which::Aws, "iam:GetRole", why))?;
        others.insert(id, found);
    }
    Ok(others)
}

/// # Errors
/// A document or an ARN that cannot be read.
fn found(state: RoleState) -> Result<Found<Props>, String> {
    let RoleState {
        name,
        path,
        arn,
        description,
        max_session_seconds,
        trust,
        boundary,
        mut inline,
        attached,
        mut tags,
    } = state;
    let read = |what: &str, text: &str| {
        statements::live(text).map_err(|error| format!("the {what} of {arn} cannot be read: {error}"))
    };
    let mark = Mark::take(&mut tags);
    let policy = inline.remove(INLINE).map(|text| read("inline policy", &text)).transpose()?;
    let props = Props {
        mark,
        name,
        path,
        description,
        max_session_seconds,
        boundary: boundary.map(Val::from),
        trust: read("trust policy", &trust)?,
        policy,
        foreign: iam::foreign(&inline),
        inline: inline.into_keys().collect(),
        attached: attached.into_iter().map(Val::from).collect(),
        tags,
    };
    Ok(Found { props, facts: BTreeMap::new() })
}

fn put_trust(want: &Props) -> Call {
    Call::UpdateAssumeRolePolicy { role: want.name.clone(), trust: want.trust.to_val() }
}

fn put_policy(want: &Props, policy: &Document) -> Call {
    Call::PutRolePolicy { role: want.name.clone(), policy: INLINE.into(), document: policy.to_val() }
}

fn attach(want: &Props, arn: &Val) -> Call {
    Call::AttachRolePolicy { role: want.name.clone(), policy_arn: arn.clone() }
}

fn main(calls: Vec<Call>) -> Part {
    Part::main(calls.into_iter().map(Op::aws).collect())
}
