//! The canonical properties of a bucket, wanted and live.

use std::collections::BTreeSet;

use super::{key_of, notify, spec};
use crate::cloud::aws::BucketState;
use crate::cloud::aws::state::ForeignNotification;
use crate::kind::{Cx, Entry, Field, Gift, statements, tags};
use crate::model::call::{Encryption, LifecycleRule, PublicAccessBlock, QueueEntry, Tags};
use crate::model::{BucketName, Mark, Region, Shown, Val};
use crate::policy::Document;

/// The canonical properties.
#[derive(Clone, Debug, PartialEq)]
pub struct Props {
    pub(super) mark: Option<Mark>,
    pub(super) name: BucketName,
    pub(super) region: Region,
    pub(super) encryption: Encryption,
    pub(super) versioning: bool,
    pub(super) block: PublicAccessBlock,
    pub(super) ownership: String,
    pub(super) policy: Option<Document>,
    pub(super) lifecycle: Vec<LifecycleRule>,
    /// Parts of live rules that this tool does not know; they do not survive a change of the rules.
    pub(super) lifecycle_foreign: Vec<String>,
    pub(super) logging: Option<(BucketName, String)>,
    pub(super) notifications: BTreeSet<QueueEntry>,
    /// Never compared: they belong to others.
    pub(super) foreign_notifications: Vec<ForeignNotification>,
    pub(super) tags: Tags,
}

impl Props {
    pub(super) fn wanted(entry: &Entry<spec::Spec>, cx: Cx<'_>) -> Self {
        let spec = &entry.spec;
        let encryption = match &spec.encryption.kms_key {
            Some(key) => {
                Encryption::Kms { key: key.resolve(cx.facts), bucket_key: spec.encryption.bucket_key.unwrap_or(true) }
            }
            None => Encryption::Sse,
        };
        let logs = cx.gifts.about(spec.name.as_str()).filter_map(|gift| match gift {
            Gift::Logs { bucket, prefix, of } if *bucket == spec.name => Some((of, prefix.as_str())),
            _ => None,
        });
        Self {
            mark: Some(entry.mark.clone()),
            name: spec.name.clone(),
            region: spec.region.clone().unwrap_or_else(|| cx.context.region.clone()),
            encryption,
            versioning: spec.versioning,
            block: spec.public_access_block.into(),
            ownership: spec.object_ownership.as_str().into(),
            policy: spec.policy(cx.context.partition, &cx.context.account, logs).map(|policy| policy.resolve(cx.facts)),
            lifecycle: spec.rules(),
            lifecycle_foreign: Vec::new(),
            logging: spec.logging.as_ref().map(|logging| (logging.bucket.clone(), logging.prefix.clone())),
            notifications: notify::entries(&cx.context.stack, &spec.name, cx.gifts.about(spec.name.as_str()), cx.facts),
            foreign_notifications: Vec::new(),
            tags: spec.tags.clone(),
        }
    }

    /// # Errors
    /// A policy that cannot be read.
    pub(super) fn live(name: &BucketName, region: Region, state: BucketState) -> Result<Self, String> {
        let BucketState {
            other_region: _,
            mut tags,
            versioning,
            encryption,
            public_access_block,
            ownership,
            policy,
            lifecycle,
            lifecycle_foreign,
            logging,
            notifications,
            foreign_notifications,
        } = state;
        let mark = Mark::take(&mut tags);
        let policy = policy.map(|text| statements::live(&text)).transpose();
        Ok(Self {
            mark,
            name: name.clone(),
            region,
            encryption,
            versioning: versioning.unwrap_or(false),
            block: public_access_block.unwrap_or(PublicAccessBlock {
                block_public_acls: false,
                ignore_public_acls: false,
                block_public_policy: false,
                restrict_public_buckets: false,
            }),
            ownership: ownership.unwrap_or_else(|| "ObjectWriter".into()),
            policy: policy.map_err(|error| format!("the policy of the bucket `{name}` cannot be read: {error}"))?,
            lifecycle: spec::sorted(lifecycle),
            lifecycle_foreign,
            logging,
            notifications: notifications.into_iter().collect(),
            foreign_notifications,
            tags,
        })
    }

    pub(super) fn fields(&self) -> Vec<Field> {
        let Self {
            mark: _,
            name,
            region,
            encryption,
            versioning,
            block,
            ownership,
            policy,
            lifecycle,
            lifecycle_foreign,
            logging,
            notifications,
            foreign_notifications: _,
            tags,
        } = self;
        let key = key_of(encryption);
        let PublicAccessBlock { block_public_acls, ignore_public_acls, block_public_policy, restrict_public_buckets } =
            *block;
        let foreign = lifecycle_foreign.iter().map(|what| Val::known(format!("{what} (not known to this tool)")));
        let rules: Vec<Val> = lifecycle.iter().map(rule).chain(foreign).collect();
        let queues: Vec<Val> = notifications.iter().map(queue).collect();
        let mut fields = vec![
            Field::replaces("name", Some(name.as_str())),
            Field::replaces("region", Some(region.to_string())),
            Field::in_place("encryption.kms_key", key.map(|(key, _)| key.clone())),
            Field::in_place("encryption.bucket_key", key.map(|(_, bucket_key)| bucket_key)),
            Field::in_place("encryption.sse", key.is_none().then_some(true)),
            Field::in_place("versioning", Some(*versioning)),
            Field::in_place("public_access_block.block_public_acls", Some(block_public_acls)),
            Field::in_place("public_access_block.ignore_public_acls", Some(ignore_public_acls)),
            Field::in_place("public_access_block.block_public_policy", Some(block_public_policy)),
            Field::in_place("public_access_block.restrict_public_buckets", Some(restrict_public_buckets)),
            Field::in_place("object_ownership", Some(ownership.as_str())),
            Field::in_place("policy", policy.as_ref().map(|policy| Shown::Lines(policy.pretty()))),
            Field::in_place("lifecycle", (!rules.is_empty()).then_some(Shown::List(rules))),
            Field::in_place_if_set(
                "logging",
                logging.as_ref().map(|(bucket, prefix)| format!("s3://{bucket}/{prefix}")),
            ),
            Field::in_place("notifications", (!queues.is_empty()).then_some(Shown::List(queues))),
        ];
        fields.extend(tags::fields(tags));
        fields
    }
}

/// A lifecycle rule in one line.
fn rule(rule: &LifecycleRule) -> Val {
    let LifecycleRule { id, enabled, prefix, expire_days, noncurrent_days, abort_multipart_days, transitions } = rule;
    let mut what: Vec<String> = Vec::new();
    what.extend(expire_days.map(|days| format!("expire after {days} days")));
    what.extend(noncurrent_days.map(|days| format!("expire former versions after {days} days")));
    what.extend(abort_multipart_days.map(|days| format!("abort multipart uploads after {days} days")));
    what.extend(transitions.iter().map(|(days, class)| format!("move to {class} after {days} days")));
    let off = if *enabled { "" } else { " (disabled)" };
    let keys = if prefix.is_empty() { "all keys".to_owned() } else { format!("keys under `{prefix}`") };
    Val::known(format!("{id}{off}: {keys}: {}", what.join(", ")))
}

/// A notification in one line.
fn queue(entry: &QueueEntry) -> Val {
    let QueueEntry { id, queue, events, prefix } = entry;
    let keys = if prefix.is_empty() { "all keys".to_owned() } else { format!("keys under `{prefix}`") };
    queue.wrapped(&format!("{id}: {} for {keys} to ", events.join(", ")), "")
}
