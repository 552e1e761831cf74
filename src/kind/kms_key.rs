//! KMS keys: what data is encrypted with.
//!
//! A key has no name. It is found by its alias, and if a run stopped between `CreateKey` and `CreateAlias`, by the mark among its tags. A
//! key that is scheduled for deletion and is wanted again is brought back, because its alias still points at it and nothing else opens
//! what it encrypted.
//!
//! Calls: `DescribeKey`, `GetKeyPolicy`, `GetKeyRotationStatus`, `ListResourceTags` where the tagging API does not list the tags as wanted; everything `CreateKey` can take is set by it, rotation
//! and alias follow; `DeleteAlias` and `ScheduleKeyDeletion`. Rotation cannot be changed while a key is disabled, so enabling comes first
//! and disabling last.

mod observe;
mod spec;
#[cfg(test)]
mod tests;

pub use self::spec::{Alias, Spec};
use super::export::Export;
use super::{Attribute, Cx, Entry, Field, Fields, Kind, Part, Problem, Ref, Side, Source, statements, tags};
use crate::cloud::{Cloud, CloudError};
use crate::model::op::From;
use crate::model::{Address, Arn, Call, Context, Diff, Fact, LiveId, Mark, Observed, Op, Shown, Tags, Val};
use crate::policy::{Document, build};

/// The kind.
pub struct KmsKey;

/// The canonical properties.
#[derive(Clone, Debug, PartialEq)]
pub struct Props {
    mark: Option<Mark>,
    /// Absent for a key that no alias of ours points at yet.
    alias: Option<Alias>,
    description: String,
    enabled: bool,
    /// Days between rotations; `None` if it is not rotated.
    rotation_days: Option<i32>,
    multi_region: bool,
    policy: Document,
    /// Whether it is scheduled for deletion.
    pending: bool,
    tags: Tags,
    /// How long it can be brought back after it is destroyed. Not part of the live key: taken from the spec where there is one.
    deletion_window_days: i32,
    /// The live key.
    key: Option<Arn>,
}

impl Kind for KmsKey {
    const NAME: &'static str = "kms_key";
    const SIDE: Side = Side::Aws;
    const PROTECTED: bool = true;
    const ABOUT: &'static str = "A symmetric KMS key with an alias, rotated every year.";
    const EXAMPLE: &'static str = "[kms_key.pipeline]\nalias = \"alias/events\"\n";

    type Spec = Spec;
    type Props = Props;

    fn attributes() -> &'static [Attribute] {
        &[
            Attribute { name: "alias", about: "Its alias, as written", from: Source::Field("alias") },
            Attribute { name: "arn", about: "Its ARN", from: Source::Fact },
            Attribute { name: "id", about: "Its ID", from: Source::Fact },
        ]
    }

    fn id(spec: &Spec, _context: &Context) -> LiveId {
        LiveId::new(Self::NAME, &spec.alias)
    }

    fn check(spec: &Spec) -> Vec<Problem> {
        spec.check()
    }

    fn want(entry: &Entry<Spec>, cx: Cx<'_>) -> Props {
        let policy = entry.spec.policy(cx.context.partition, &cx.context.account).resolve(cx.facts);
        let Spec {
            alias,
            description,
            enabled,
            rotation,
            rotation_days,
            deletion_window_days,
            multi_region,
            policy_statements: _,
            tags,
        } = entry.spec.clone();
        Props {
            mark: Some(entry.mark.clone()),
            alias: Some(alias),
            description,
            enabled,
            rotation_days: rotation.then_some(rotation_days),
            multi_region,
            policy,
            pending: false,
            tags,
            deletion_window_days,
            key: None,
        }
    }

    fn fields(props: &Props) -> Vec<Field> {
        let Props {
            mark: _,
            alias,
            description,
            enabled,
            rotation_days,
            multi_region,
            policy,
            pending,
            tags,
            deletion_window_days,
            key: _,
        } = props;
        let mut fields = vec![
            Field::in_place("alias", alias.as_ref().map(Alias::as_str)),
            Field::in_place("deletion_scheduled", pending.then_some(true)),
            Field::in_place("description", (!description.is_empty()).then_some(description.as_str())),
            Field::in_place("enabled", Some(*enabled)),
            Field::in_place("rotation", Some(rotation_days.is_some())),
            Field::in_place("rotation_days", *rotation_days),
            Field::create_only("deletion_window_days", Some(*deletion_window_days)),
            Field::replaces("multi_region", Some(*multi_region)),
            Field::in_place("policy", Some(Shown::Lines(policy.pretty()))),
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

    fn refs(props: &Props) -> Vec<Ref> {
        statements::roles(&props.policy, "its policy names the role")
    }

    async fn observe(entries: &[Entry<Spec>], cloud: &Cloud, context: &Context) -> Result<Observed<Props>, CloudError> {
        Box::pin(observe::all(entries, cloud.aws()?, context)).await
    }

    fn create(at: &Address, want: &Props) -> Vec<Part> {
        let created = Call::CreateKey {
            description: want.description.clone(),
            policy: want.policy.to_val(),
            tags: tags::all(&want.tags, want.mark.as_ref()),
            multi_region: want.multi_region,
        };
        let learn = |op: Op, fact, field: &str| op.learns(Fact::new(at, fact), From::Field(field.into()));
        let mut ops = vec![learn(learn(Op::aws(created), "arn", "Arn"), "id", "KeyId")];
        let key = Val::later(Fact::new(at, "arn"));
        let mut call = |call| ops.push(Op::aws(call));
        if let Some(alias) = &want.alias {
            call(Call::CreateAlias { alias: alias.to_string(), key: key.clone() });
        }
        if let Some(period_days) = want.rotation_days {
            call(Call::EnableKeyRotation { key: key.clone(), period_days });
        }
        if !want.enabled {
            call(Call::DisableKey { key });
        }
        vec![Part::main(ops)]
    }

    fn alter(at: &Address, want: &Props, have: &Props, changed: &Diff) -> Vec<Part> {
        let key = key(at, have);
        let mut calls = Vec::new();
        if have.pending {
            calls.push(Call::CancelKeyDeletion { key: key.clone() });
        }
        let rotation = changed.has("rotation") || changed.has("rotation_days");
        // A key that was scheduled for deletion is disabled when it comes back.
        let enabled = have.enabled && !have.pending;
        let enable = !enabled && (want.enabled || rotation);
        if enable {
            calls.push(Call::EnableKey { key: key.clone() });
        }
        if let Some(alias) = want.alias.as_ref().filter(|_| changed.has("alias")) {
            calls.push(Call::CreateAlias { alias: alias.to_string(), key: key.clone() });
        }
        if changed.has("policy") {
            calls.push(Call::PutKeyPolicy { key: key.clone(), policy: want.policy.to_val() });
        }
        if changed.has("description") {
            calls.push(Call::UpdateKeyDescription { key: key.clone(), description: want.description.clone() });
        }
        let tags::Retag { set, remove } =
            tags::retag((&want.tags, want.mark.as_ref()), (&have.tags, have.mark.as_ref()));
        if !set.is_empty() {
            calls.push(Call::TagKey { key: key.clone(), tags: set });
        }
        if !remove.is_empty() {
            calls.push(Call::UntagKey { key: key.clone(), keys: remove });
        }
        if rotation {
            calls.push(match want.rotation_days {
                Some(period_days) => Call::EnableKeyRotation { key: key.clone(), period_days },
                None => Call::DisableKeyRotation { key: key.clone() },
            });
        }
        if !want.enabled && (enabled || enable) {
            calls.push(Call::DisableKey { key });
        }
        if calls.is_empty() { Vec::new() } else { vec![main(calls)] }
    }

    fn delete(have: &Props) -> Vec<Part> {
        let mut calls = Vec::new();
        if let Some(alias) = &have.alias {
            calls.push(Call::DeleteAlias { alias: alias.to_string() });
        }
        if let Some(key) = have.key.as_ref().filter(|_| !have.pending) {
            let key = Val::known(key.as_str());
            calls.push(Call::ScheduleKeyDeletion { key, window_days: have.deletion_window_days });
        }
        vec![main(calls)]
    }

    fn relink(at: &Address, want: &Props, _to: &LiveId) -> Vec<Op> {
        vec![Op::aws(Call::PutKeyPolicy { key: key(at, want), policy: want.policy.to_val() })]
    }

    fn breaks(have: &Props) -> Vec<String> {
        vec![format!(
            "what it encrypted cannot be read any more at once, and never again after {} days; until then its deletion can be cancelled",
            have.deletion_window_days
        )]
    }

    fn named(name: &str, _: &Context) -> Result<Fields, String> {
        let alias: Alias = name.parse()?;
        Ok(vec![("alias", alias.to_string().into())])
    }

    /// How long it can be brought back is not part of a live key.
    fn export(have: &Props, context: &Context) -> Fields {
        let Props {
            mark: _,
            alias,
            description,
            enabled,
            rotation_days,
            multi_region,
            policy,
            pending: _,
            tags,
            deletion_window_days: _,
            key: _,
        } = have;
        let own = build::key_administration(context.partition, &context.account);
        let more = policy.statements().iter().filter(|statement| **statement != own).cloned();
        let fields =
            Export::default().set("alias", alias.as_ref().map(Alias::to_string)).text("description", description);
        let fields = fields.unless(&true, "enabled", *enabled).unless(&true, "rotation", rotation_days.is_some());
        let fields = fields.unless(&365, "rotation_days", rotation_days.unwrap_or(365));
        let fields = fields.unless(&false, "multi_region", *multi_region);
        fields.filled("policy_statements", statements::written(more)).filled("tags", tags::exported(tags)).done()
    }
}

/// How calls name the key.
fn key(at: &Address, props: &Props) -> Val {
    props.key.as_ref().map_or_else(|| Val::later(Fact::new(at, "arn")), |arn| Val::known(arn.as_str()))
}

fn main(calls: Vec<Call>) -> Part {
    Part::main(calls.into_iter().map(Op::aws).collect())
}
