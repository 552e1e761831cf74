//! IAM users, for those who cannot assume a role, and their access keys.
//!
//! Inline policies are exclusive, as those of roles: what others add is shown and removed. Attached managed policies are not.
//!
//! Calls: `GetUser`, `ListUserPolicies`, `GetUserPolicy`, `ListAttachedUserPolicies`, `ListAccessKeys`, `ListUsers` under the stack's path, and
//! `DescribeSecret` and `DESC STAGE` of where a key was brought; `CreateUser`, `PutUserPolicy`, `AttachUserPolicy`, `CreateAccessKey` and their
//! opposites. Source: IAM API reference.

mod export;
mod key;
mod spec;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use futures::future::try_join_all;

use self::key::{Kept, Key, Record, State, TAG};
pub use self::spec::{AccessKey, Spec};
use super::iam::{self, INLINE};
use super::{
    Attribute, Cx, Entry, Field, Fields, Gift, Gifts, Kind, OnReplace, Part, Problem, Ref, Side, Source, show, tags,
};
use crate::cloud::aws::{KeyId, SecretState, UserState};
use crate::cloud::{Aws, Cloud, CloudError, Which};
use crate::model::{
    Address, Call, Context, Diff, Facts, Found, LiveId, Mark, ObjectName, Observed, Op, Seen, Shown, Tags, Text, Val,
};
use crate::policy::{Document, Statement};

/// The kind.
pub struct IamUser;

/// The canonical properties.
#[derive(Clone, Debug, PartialEq)]
pub struct Props {
    mark: Option<Mark>,
    name: String,
    path: String,
    boundary: Option<Val>,
    /// What it may do, in the one inline policy of ours.
    policy: Option<Document>,
    /// Names of other inline policies.
    inline: BTreeSet<String>,
    /// What those say; absent where that cannot be read. Never compared.
    foreign: Option<Vec<Statement>>,
    attached: BTreeSet<Val>,
    key: Option<Key>,
    /// Live: what is written down of the stages the key went to.
    digest: Option<String>,
    /// Of a live user.
    kept: Kept,
    tags: Tags,
}

impl Kind for IamUser {
    const NAME: &'static str = "iam_user";
    const SIDE: Side = Side::Aws;
    const ABOUT: &'static str = "An IAM user for those who cannot assume a role, and its access key.";
    const EXAMPLE: &'static str = "[iam_user.partner]\nname = \"events-partner\"\n\
        access = [{ bucket = \"events-data-111122223333\", allow = [\"list\", \"read\"] }]\n\
        access_key = { secret = \"events/partner\" }\n";

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

    fn gifts(entry: &Entry<Spec>, context: &Context) -> Vec<Gift> {
        let by = Self::id(&entry.spec, context);
        let stages = entry.spec.access_key.iter().flat_map(|key| &key.stages);
        stages.map(|name| Gift::Delivers { stage: stage(name), by: by.clone() }).collect()
    }

    fn want(entry: &Entry<Spec>, cx: Cx<'_>) -> Props {
        let spec = &entry.spec;
        let policy = spec.policy(cx.context.partition, &cx.context.region, cx.gifts);
        Props {
            mark: Some(entry.mark.clone()),
            name: spec.name.clone(),
            path: spec.path(cx.context),
            boundary: spec.permissions_boundary.as_ref().map(|arn| arn.resolve(cx.facts)),
            policy: policy.map(|policy| policy.resolve(cx.facts)),
            inline: BTreeSet::new(),
            foreign: None,
            attached: spec.managed_policies.iter().map(|arn| arn.resolve(cx.facts)).collect(),
            key: spec.access_key.as_ref().map(Key::wanted),
            digest: None,
            kept: Kept::default(),
            tags: spec.tags.clone(),
        }
    }

    fn fields(props: &Props) -> Vec<Field> {
        let Props { mark: _, name, path, boundary, policy, inline, foreign: _, attached, key, digest: _, kept, tags } =
            props;
        let others: Vec<Val> = inline.iter().map(|name| Val::known(name.as_str())).collect();
        let mut fields = vec![
            Field::replaces("name", Some(name.as_str())),
            Field::replaces("path", Some(path.as_str())),
            Field::in_place_if_set("permissions_boundary", boundary.clone()),
            Field::in_place("policy", policy.as_ref().map(|policy| Shown::Lines(policy.pretty()))),
            Field::in_place("inline_policies", (!others.is_empty()).then_some(Shown::List(others))),
        ];
        let attached = attached.iter().map(|arn| Field::in_place_if_set(format!("managed_policies.{arn}"), Some(true)));
        fields.extend(attached);
        fields.extend(key.iter().flat_map(|key| key.fields(&kept.strays)));
        fields.extend(tags::fields(tags));
        fields
    }

    fn mark(props: &Props) -> Option<&Mark> {
        props.mark.as_ref()
    }

    fn set_mark(props: &mut Props, mark: Option<Mark>) {
        props.mark = mark;
    }

    /// Its managed policies, and the stages that hold its key: a new stage holds none. Buckets and keys it may use need not be there.
    fn refs(props: &Props) -> Vec<Ref> {
        let stages = props.key.iter().flat_map(|key| &key.stages);
        let stages = stages.map(|name| Ref {
            to: stage(name),
            why: "its access key is brought to the stage",
            on_replace: OnReplace::Relink,
        });
        iam::refs(&props.attached, props.boundary.as_ref()).into_iter().chain(stages).collect()
    }

    async fn observe(entries: &[Entry<Spec>], cloud: &Cloud, context: &Context) -> Result<Observed<Props>, CloudError> {
        let aws = cloud.aws()?;
        let declared = try_join_all(entries.iter().map(|entry| async move {
            let seen = match Box::pin(aws.user(&entry.spec.name)).await? {
                Some(state) => {
                    let wanted = entry.spec.access_key.as_ref().map(|key| &key.stages);
                    Box::pin(found(state, wanted, cloud)).await?.map_or_else(Seen::Hidden, Seen::Present)
                }
                None => Seen::Absent,
            };
            Ok::<_, CloudError>((entry.at.clone(), seen))
        }));
        let (declared, others) = futures::try_join!(declared, orphans(entries, cloud, aws, context))?;
        Ok(Observed { declared: declared.into_iter().collect(), others })
    }

    fn create(at: &Address, want: &Props) -> Vec<Part> {
        let mut ops = vec![Op::aws(Call::CreateUser {
            user: want.name.clone(),
            path: want.path.clone(),
            boundary: want.boundary.clone(),
            tags: tags::all(&want.tags, want.mark.as_ref()),
        })];
        ops.extend(want.policy.as_ref().map(|policy| Op::aws(put_policy(want, policy))));
        ops.extend(want.attached.iter().map(|arn| Op::aws(attach(want, arn))));
        ops.extend(bring(at, want, &Kept::default()));
        vec![Part::main(ops)]
    }

    fn alter(at: &Address, want: &Props, have: &Props, changed: &Diff) -> Vec<Part> {
        let user = || want.name.clone();
        let mut calls = Vec::new();
        if let Some(arn) = want.boundary.as_ref().filter(|_| changed.has("permissions_boundary")) {
            calls.push(Call::PutUserPermissionsBoundary { user: user(), boundary: arn.clone() });
        }
        if changed.has("policy") {
            calls.push(match &want.policy {
                Some(policy) => put_policy(want, policy),
                None => Call::DeleteUserPolicy { user: user(), policy: INLINE.into() },
            });
        }
        if changed.has("inline_policies") {
            let extra = have.inline.difference(&want.inline).cloned();
            calls.extend(extra.map(|policy| Call::DeleteUserPolicy { user: user(), policy }));
        }
        calls.extend(want.attached.difference(&have.attached).map(|arn| attach(want, arn)));
        let tags::Retag { set, remove } =
            tags::retag((&want.tags, want.mark.as_ref()), (&have.tags, have.mark.as_ref()));
        if !set.is_empty() {
            calls.push(Call::TagUser { user: user(), tags: set });
        }
        if !remove.is_empty() {
            calls.push(Call::UntagUser { user: user(), keys: remove });
        }
        let mut ops: Vec<Op> = calls.into_iter().map(Op::aws).collect();
        if changed.has("access_key") {
            ops.extend(match &want.key {
                None => key::take_away(&want.name, &have.kept),
                // All is as it should be but for keys that were never delivered.
                Some(key) if have.key.as_ref() == Some(key) => {
                    have.kept.strays.iter().map(|stray| key::delete(&want.name, stray)).collect()
                }
                Some(_) => bring(at, want, &have.own()),
            });
        }
        if ops.is_empty() { Vec::new() } else { vec![Part::main(ops)] }
    }

    fn delete(have: &Props) -> Vec<Part> {
        let user = || have.name.clone();
        let keys = have.kept.strays.iter().chain(&have.kept.delivered).map(|key| key::delete(&have.name, key));
        let detach = |arn: &Val| Op::aws(Call::DetachUserPolicy { user: user(), policy_arn: arn.clone() });
        let ours = have.policy.iter().map(|_| INLINE.to_owned());
        let inline = ours.chain(have.inline.iter().cloned());
        let inline = inline.map(|policy| Op::aws(Call::DeleteUserPolicy { user: user(), policy }));
        let secret = have.kept.secret.iter().map(|name| key::forget(name));
        let end = Op::aws(Call::DeleteUser { user: user() });
        vec![Part::main(
            keys.chain(have.attached.iter().map(detach)).chain(inline).chain(secret).chain([end]).collect(),
        )]
    }

    fn relinks(at: &Address, want: &Props, have: &Props, to: &[LiveId], changed: &Diff) -> Vec<Op> {
        let is = |arn: &&Val| arn.as_known().is_some_and(|arn| to.contains(&iam::policy(arn)));
        let mut ops: Vec<Op> = want.attached.iter().filter(is).map(|arn| Op::aws(attach(want, arn))).collect();
        let bounding = want.boundary.iter().filter(is);
        ops.extend(
            bounding.map(|arn| {
                Op::aws(Call::PutUserPermissionsBoundary { user: want.name.clone(), boundary: arn.clone() })
            }),
        );
        // Nobody can read the key again to bring it to a new stage.
        if to.iter().any(|to| to.kind == "stage") && !changed.has("access_key") {
            ops.extend(bring(at, want, &have.own()));
        }
        ops
    }

    fn breaks(have: &Props) -> Vec<String> {
        let Kept { delivered, strays, secret } = &have.kept;
        let key = delivered.iter().map(|key| format!("whoever uses its access key {key} is refused from then on"));
        let strays = strays.iter().map(|key| format!("the access key {key}, not delivered by this tool, is deleted"));
        let secret = secret.iter().map(|name| format!("the secret {name} is deleted; it can be restored for 30 days"));
        let attached = have.attached.iter().map(|arn| format!("{arn} is detached"));
        let inline =
            have.inline.iter().map(|name| format!("the inline policy `{name}`, not made by this tool, is deleted"));
        key.chain(strays).chain(secret).chain(attached).chain(inline).collect()
    }

    fn conflicts(want: &Props, have: &Props) -> Vec<String> {
        let goes = have.kept.delivered.iter().filter(|_| have.key != want.key);
        let how = if want.key.is_some() { "deleted once another is delivered" } else { "deleted" };
        let goes =
            goes.map(|key| format!("the access key {key} is {how}: whoever else uses it is refused from then on"));
        let foreign = have.kept.strays.iter().filter(|_| want.key.is_some() && have.mark.is_none());
        let foreign = foreign.map(|key| {
            format!("the access key {key} was there before: it stays for now and is deleted by the next apply")
        });
        goes.chain(foreign).collect()
    }

    fn named(name: &str, _: &Context) -> Result<Fields, String> {
        iam::named(name, "user", 64)
    }

    fn export(have: &Props, context: &Context) -> Fields {
        let nothing = Cx { context, facts: &Facts::default(), gifts: &Gifts::default() };
        export::fields(have, nothing).unwrap_or_default()
    }

    fn export_among(have: &Props, cx: Cx<'_>) -> Result<Fields, String> {
        export::fields(have, cx)
    }
}

impl Props {
    /// What belongs to the keys, without keys that were there before the user was ours.
    fn own(&self) -> Kept {
        let strays = if self.mark.is_some() { self.kept.strays.clone() } else { Vec::new() };
        Kept { strays, ..self.kept.clone() }
    }
}

/// Users under the stack's path that are not declared.
async fn orphans(
    entries: &[Entry<Spec>],
    cloud: &Cloud,
    aws: &Aws,
    context: &Context,
) -> Result<BTreeMap<LiveId, Found<Props>>, CloudError> {
    let names = aws.users_under(&iam::default_path(&context.stack)).await?;
    let declared: BTreeSet<&str> = entries.iter().map(|entry| entry.spec.name.as_str()).collect();
    let undeclared = names.into_iter().filter(|name| !declared.contains(name.as_str()));
    let found = try_join_all(undeclared.map(|name| async move {
        match Box::pin(aws.user(&name)).await? {
            None => Ok(None),
            Some(state) => {
                let id = LiveId::new(IamUser::NAME, &state.arn);
                let found = Box::pin(found(state, None, cloud)).await?;
                let found = found.map_err(|why| CloudError::unexpected(Which::Aws, "iam:GetUser", why))?;
                Ok::<_, CloudError>(Some((id, found)))
            }
        }
    }));
    Ok(found.await?.into_iter().flatten().collect())
}

/// A live user, with what is to be asked elsewhere about its key. The inner error is a document that cannot be read.
async fn found(
    state: UserState,
    wanted: Option<&BTreeSet<ObjectName>>,
    cloud: &Cloud,
) -> Result<Result<Found<Props>, String>, CloudError> {
    let record = state.tags.get(TAG).and_then(|text| Record::read(text));
    let name = record.as_ref().and_then(|record| record.secret.as_deref());
    let secret = async {
        match name {
            Some(name) => cloud.aws()?.secret(name).await,
            None => Ok(None),
        }
    };
    let holders = async {
        match (&record, wanted) {
            (Some(record), Some(stages)) if !stages.is_empty() => holders(cloud, &record.id, stages).await,
            _ => Ok(BTreeSet::new()),
        }
    };
    let (secret, holders) = futures::try_join!(secret, holders)?;
    Ok(assemble(state, record, secret.as_ref(), holders, wanted))
}

/// Those of the stages that hold the key of this ID. Snowflake tells the ID and nothing else; where it hides part of it behind asterisks, nobody can tell
/// it from another, and a stage that has a key counts as having this one: otherwise each plan would make a new key.
async fn holders(cloud: &Cloud, id: &str, stages: &BTreeSet<ObjectName>) -> Result<BTreeSet<ObjectName>, CloudError> {
    let session = cloud.snowflake()?;
    let ask = |name: ObjectName| async move {
        let rows = show::about(session, &Text::new("DESC STAGE").name(&name)).await?;
        let shown = rows.as_ref().and_then(|rows| rows.property("AWS_KEY_ID"));
        let holds = shown.is_some_and(|shown| shown == id || shown.contains('*'));
        Ok::<_, CloudError>(holds.then_some(name))
    };
    Ok(try_join_all(stages.iter().cloned().map(ask)).await?.into_iter().flatten().collect())
}

/// # Errors
/// A document that cannot be read.
fn assemble(
    state: UserState,
    record: Option<Record>,
    secret: Option<&SecretState>,
    stages: BTreeSet<ObjectName>,
    wanted: Option<&BTreeSet<ObjectName>>,
) -> Result<Found<Props>, String> {
    let UserState { name, path, arn, boundary, mut inline, attached, keys, mut tags } = state;
    tags.remove(TAG);
    let mark = Mark::take(&mut tags);
    let policy = inline.remove(INLINE).map(|text| Document::parse(&text)).transpose();
    let policy = policy.map_err(|error| format!("the inline policy of {arn} cannot be read: {error}"))?;
    let delivered = record.as_ref().and_then(|record| keys.iter().find(|key| key.id == record.id)).cloned();
    let strays = keys.iter().filter(|key| delivered.as_ref().is_none_or(|own| own.id != key.id));
    let owns = |secret: &SecretState| {
        mark.as_ref()
            .is_some_and(|mark| key::owner(mark).iter().all(|(key, value)| secret.tags.get(key) == Some(value)))
    };
    let own_secret = secret.filter(|secret| owns(secret) && !secret.going);
    let kept = Kept {
        delivered: delivered.as_ref().map(|key| key.id.clone()),
        strays: strays.map(|key| key.id.clone()).collect(),
        secret: own_secret.and(record.as_ref()).and_then(|record| record.secret.clone()),
    };
    let digest = record.as_ref().map(|record| record.digest.clone());
    let key = record.map(|record| {
        let holds = own_secret.is_some_and(|secret| secret.tags.get(TAG) == Some(&record.id));
        let nothing = BTreeSet::new();
        Key {
            elsewhere: record.digest != key::digest(wanted.unwrap_or(&nothing)),
            stages,
            secret: record.secret.filter(|_| holds),
            state: match &delivered {
                Some(KeyId { active: true, .. }) => State::Active,
                Some(KeyId { active: false, .. }) => State::Inactive,
                None => State::Gone,
            },
            generation: record.generation,
        }
    });
    let boundary = boundary.map(Val::from);
    let attached = attached.into_iter().map(Val::from).collect();
    let foreign = iam::foreign(&inline);
    let inline = inline.into_keys().collect();
    let props = Props { mark, name, path, boundary, policy, inline, foreign, attached, key, digest, kept, tags };
    Ok(Found { props, facts: BTreeMap::new() })
}

fn bring(at: &Address, want: &Props, have: &Kept) -> Vec<Op> {
    let key = want.key.iter();
    key.flat_map(|key| key::bring(at, &want.name, want.mark.as_ref(), key, have)).collect()
}

fn stage(name: &ObjectName) -> LiveId {
    LiveId::new("stage", name)
}

fn put_policy(want: &Props, policy: &Document) -> Call {
    Call::PutUserPolicy { user: want.name.clone(), policy: INLINE.into(), document: policy.to_val() }
}

fn attach(want: &Props, arn: &Val) -> Call {
    Call::AttachUserPolicy { user: want.name.clone(), policy_arn: arn.clone() }
}
