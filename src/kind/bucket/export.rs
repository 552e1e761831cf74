//! A live bucket as the entry a person would write.

use serde_json::{Map, Value as Json, json};

use super::props::Props;
use super::spec::{ABORT_RULE, Ownership};
use super::{Gift, key_of};
use crate::kind::export::Export;
use crate::kind::{Cx, Fields, statements, tags};
use crate::model::BucketName;
use crate::model::call::{LifecycleRule, PublicAccessBlock};
use crate::policy::{Document, Statement, build};

/// The fields that name a bucket: `name`, or `name@region` for one of another region. Its logging is asked for, so that it is read.
pub(super) fn named(text: &str) -> Result<Fields, String> {
    let (name, region) = text.split_once('@').map_or((text, None), |(name, region)| (name, Some(region)));
    let name: BucketName = name.parse().map_err(|error| format!("{error}"))?;
    let other = if name.as_str() == "filler" { "filling" } else { "filler" };
    let fields = Export::default().field("name", name.as_str()).set("region", region);
    Ok(fields.field("logging", json!({ "bucket": other })).done())
}

/// All fields. `cx` knows which buckets log into this one; that their logs may come follows from them.
pub(super) fn fields(have: &Props, cx: Cx<'_>) -> Fields {
    let Props {
        mark: _,
        name,
        region,
        encryption,
        versioning,
        block,
        ownership,
        policy,
        lifecycle,
        lifecycle_foreign: _,
        logging,
        notifications: _,
        foreign_notifications: _,
        tags,
    } = have;
    let tls = build::tls_only(cx.context.partition, name);
    let statements = policy.iter().flat_map(Document::statements);
    let told: Vec<Statement> = logs(have, cx);
    let more = statements.clone().filter(|one| **one != tls && !told.contains(one)).cloned();
    let abort = lifecycle.iter().find(|rule| is_abort(rule)).and_then(|rule| rule.abort_multipart_days);
    let rules: Vec<Json> = lifecycle.iter().filter(|rule| !is_abort(rule)).map(rule).collect();
    let key = key_of(encryption).map(|(key, bucket_key)| {
        let mut table = json!({ "kms_key": key });
        if !bucket_key {
            table["bucket_key"] = false.into();
        }
        table
    });
    let logging = logging.as_ref().map(|(bucket, prefix)| {
        let mut table = json!({ "bucket": bucket.as_str() });
        if !prefix.is_empty() {
            table["prefix"] = prefix.as_str().into();
        }
        table
    });
    let region = (*region != cx.context.region).then(|| region.to_string());
    let fields = Export::default().field("name", name.as_str()).set("region", region).set("encryption", key);
    let fields = fields.unless(&true, "versioning", *versioning).filled("public_access_block", open(*block));
    let fields = fields.unless(&Ownership::default().as_str(), "object_ownership", ownership.as_str());
    let fields = fields.unless(&true, "tls_only", statements.clone().any(|one| *one == tls));
    let fields = fields.filled("policy_statements", statements::written(more));
    let fields = fields.unless(&7, "abort_multipart_days", abort.unwrap_or(0)).filled("lifecycle", json!(rules));
    fields.set("logging", logging).filled("tags", tags::exported(tags)).done()
}

/// The statements that let other buckets log into this one.
fn logs(have: &Props, cx: Cx<'_>) -> Vec<Statement> {
    let told = cx.gifts.about(have.name.as_str()).filter_map(|gift| match gift {
        Gift::Logs { bucket, prefix, of } if *bucket == have.name => {
            Some(build::log_delivery(cx.context.partition, &cx.context.account, of, bucket, prefix))
        }
        _ => None,
    });
    told.collect()
}

/// The switches that are off.
fn open(block: PublicAccessBlock) -> Json {
    let PublicAccessBlock { block_public_acls, ignore_public_acls, block_public_policy, restrict_public_buckets } =
        block;
    let switches = [
        ("block_public_acls", block_public_acls),
        ("ignore_public_acls", ignore_public_acls),
        ("block_public_policy", block_public_policy),
        ("restrict_public_buckets", restrict_public_buckets),
    ];
    let off = switches.into_iter().filter(|(_, on)| !on);
    Json::Object(off.map(|(name, on)| (name.to_owned(), on.into())).collect())
}

fn is_abort(rule: &LifecycleRule) -> bool {
    let LifecycleRule { id, enabled, prefix, expire_days, noncurrent_days, abort_multipart_days, transitions } = rule;
    let alone = expire_days.is_none() && noncurrent_days.is_none() && transitions.is_empty();
    id == ABORT_RULE && *enabled && prefix.is_empty() && alone && abort_multipart_days.is_some()
}

fn rule(rule: &LifecycleRule) -> Json {
    let LifecycleRule { id, enabled, prefix, expire_days, noncurrent_days, abort_multipart_days, transitions } = rule;
    let moves = transitions.iter().map(|(days, class)| json!({ "days": days, "storage_class": class }));
    let fields = Export::default().field("id", id.as_str()).unless(&true, "enabled", *enabled).text("prefix", prefix);
    let fields = fields.set("expire_days", *expire_days).set("noncurrent_days", *noncurrent_days);
    let fields = fields.set("abort_multipart_days", *abort_multipart_days).filled("transitions", moves.collect());
    let named = fields.done().into_iter().map(|(name, value)| (name.to_owned(), value));
    Json::Object(named.collect::<Map<_, _>>())
}
