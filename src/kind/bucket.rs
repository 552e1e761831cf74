//! S3 buckets: where the data lies.
//!
//! A bucket is created closed: public access is blocked and the policy stands before anything else is set. What the cloud adds on its own
//! and the spec does not name is left alone: tags, notifications of others, access logging.
//!
//! Calls: the seven GETs of its sub-resources at once, one more each for access logging and for tags that the tagging API does not list as
//! wanted; `CreateBucket` and one PUT for each sub-resource that differs, one after
//! the other because S3 refuses two configuration changes of one bucket at a time; `DeleteBucket`, which refuses a bucket with objects.

mod export;
mod notify;
mod props;
mod spec;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use futures::future::{join_all, try_join_all};

pub use self::props::Props;
use self::spec::Logging;
pub use self::spec::Spec;
use super::{
    Attribute, Cx, Dep, Entry, Field, Fields, Gift, Gifts, Kind, MAIN, OnReplace, Part, Problem, Ref, Side, Source,
    statements, tags,
};
use crate::cloud::aws::{BucketReads, ReadTags};
use crate::cloud::{Aws, Cloud, CloudError};
use crate::model::call::Encryption;
use crate::model::{
    Address, Arn, BucketName, Call, Context, Diff, Facts, Found, LiveId, Mark, Observed, Op, Partition, Region, S3Url,
    Seen, Val,
};

/// The part that tells queues about new objects; the queues are known only when their stages exist.
const NOTIFICATION: &str = "notification";

/// The kind.
pub struct Bucket;

impl Kind for Bucket {
    const NAME: &'static str = "bucket";
    const SIDE: Side = Side::Aws;
    const PROTECTED: bool = true;
    const ABOUT: &'static str = "An S3 bucket, closed to the public, encrypted, versioned and reachable by TLS only.";
    const EXAMPLE: &'static str = "[bucket.data]\nname = \"events-data-111122223333\"\n";

    type Spec = Spec;
    type Props = Props;

    fn attributes() -> &'static [Attribute] {
        &[
            Attribute { name: "name", about: "Its name", from: Source::Field("name") },
            Attribute { name: "url", about: "`s3://name/`", from: Source::Computed(url) },
            Attribute { name: "arn", about: "Its ARN", from: Source::Fact },
            Attribute { name: "domain", about: "Its host name in its region", from: Source::Fact },
        ]
    }

    fn id(spec: &Spec, _context: &Context) -> LiveId {
        live_id(&spec.name)
    }

    fn check(spec: &Spec) -> Vec<Problem> {
        spec.check()
    }

    fn known(spec: &Spec, context: &Context) -> Vec<(&'static str, String)> {
        let region = spec.region.as_ref().unwrap_or(&context.region);
        let suffix = if context.partition == Partition::AwsCn { ".cn" } else { "" };
        vec![
            ("arn", Arn::bucket(context.partition, &spec.name).to_string()),
            ("domain", format!("{}.s3.{region}.amazonaws.com{suffix}", spec.name)),
        ]
    }

    fn gifts(entry: &Entry<Spec>, _context: &Context) -> Vec<Gift> {
        let spec = &entry.spec;
        let key = spec.encryption.kms_key.clone().map(|key| Gift::Encrypted { bucket: spec.name.clone(), key });
        let logs =
            spec.logging.clone().map(|Logging { bucket, prefix }| Gift::Logs { bucket, prefix, of: spec.name.clone() });
        key.into_iter().chain(logs).collect()
    }

    fn want(entry: &Entry<Spec>, cx: Cx<'_>) -> Props {
        Props::wanted(entry, cx)
    }

    fn fields(props: &Props) -> Vec<Field> {
        props.fields()
    }

    fn mark(props: &Props) -> Option<&Mark> {
        props.mark.as_ref()
    }

    fn set_mark(props: &mut Props, mark: Option<Mark>) {
        props.mark = mark;
    }

    fn refs(props: &Props) -> Vec<Ref> {
        let logs = props.logging.iter().map(|(target, _)| Ref {
            to: live_id(target),
            why: "its access is logged there",
            on_replace: OnReplace::Nothing,
        });
        let roles = props.policy.iter().flat_map(|policy| statements::roles(policy, "its policy names the role"));
        logs.chain(roles).collect()
    }

    async fn observe(entries: &[Entry<Spec>], cloud: &Cloud, context: &Context) -> Result<Observed<Props>, CloudError> {
        let aws = cloud.aws()?;
        let declared = join_all(entries.iter().map(|entry| async move {
            let seen = Box::pin(look(aws, entry, context)).await?;
            Ok::<_, CloudError>((entry.at.clone(), seen))
        }));
        let (declared, others) = futures::join!(declared, orphans(entries, aws, context));
        Ok(Observed { declared: declared.into_iter().collect::<Result<_, _>>()?, others: others? })
    }

    fn create(_at: &Address, want: &Props) -> Vec<Part> {
        let bucket = || want.name.clone();
        let mut calls = vec![
            Call::CreateBucket {
                bucket: bucket(),
                region: want.region.clone(),
                tags: tags::all(&want.tags, want.mark.as_ref()),
            },
            Call::PutPublicAccessBlock { bucket: bucket(), block: want.block },
        ];
        // A new bucket has `BucketOwnerEnforced`, `AES256`, no policy, no versions and no rules.
        if want.ownership != "BucketOwnerEnforced" {
            calls.push(put_ownership(want));
        }
        if want.policy.is_some() {
            calls.push(put_policy(want));
        }
        if want.encryption != Encryption::Sse {
            calls.push(put_encryption(want));
        }
        if want.versioning {
            calls.push(put_versioning(want));
        }
        if !want.lifecycle.is_empty() {
            calls.push(put_lifecycle(want));
        }
        if want.logging.is_some() {
            calls.push(put_logging(want));
        }
        let mut parts = vec![main(calls)];
        if !want.notifications.is_empty() {
            parts.push(notification(want));
        }
        parts
    }

    fn alter(_at: &Address, want: &Props, have: &Props, changed: &Diff) -> Vec<Part> {
        let mut calls = Vec::new();
        let mut when = |field: &str, call: &dyn Fn(&Props) -> Call| {
            if changed.has(field) {
                calls.push(call(want));
            }
        };
        when("public_access_block", &|want| Call::PutPublicAccessBlock {
            bucket: want.name.clone(),
            block: want.block,
        });
        when("object_ownership", &put_ownership);
        when("policy", &put_policy);
        when("encryption", &put_encryption);
        when("versioning", &put_versioning);
        when("lifecycle", &put_lifecycle);
        when("logging", &put_logging);
        let retag = tags::retag((&want.tags, want.mark.as_ref()), (&have.tags, have.mark.as_ref()));
        if retag != tags::Retag::default() {
            let tags::Retag { set, remove } = retag;
            calls.push(Call::MergeBucketTags { bucket: want.name.clone(), set, remove });
        }
        let mut parts = Vec::new();
        if !calls.is_empty() {
            parts.push(main(calls));
        }
        if changed.has("notifications") {
            parts.push(notification(want));
        }
        parts
    }

    fn delete(have: &Props) -> Vec<Part> {
        vec![main(vec![Call::DeleteBucket { bucket: have.name.clone() }])]
    }

    fn relink(_at: &Address, want: &Props, _to: &LiveId) -> Vec<Op> {
        want.policy.iter().map(|_| Op::aws(put_policy(want))).collect()
    }

    fn named(name: &str, _: &Context) -> Result<Fields, String> {
        export::named(name)
    }

    fn export(have: &Props, context: &Context) -> Fields {
        export::fields(have, Cx { context, facts: &Facts::default(), gifts: &Gifts::default() })
    }

    fn export_among(have: &Props, cx: Cx<'_>) -> Result<Fields, String> {
        Ok(export::fields(have, cx))
    }

    fn conflicts(want: &Props, have: &Props) -> Vec<String> {
        notify::overlaps(&want.notifications, &have.foreign_notifications)
    }

    fn breaks(have: &Props) -> Vec<String> {
        let ours =
            (!have.notifications.is_empty()).then(|| "stages over it are no longer refreshed automatically".to_owned());
        let theirs = have
            .foreign_notifications
            .iter()
            .map(|one| format!("the notification `{}` to {} goes with it", one.id, one.destination));
        ours.into_iter().chain(theirs).collect()
    }
}

/// What a bucket is called.
fn live_id(name: &BucketName) -> LiveId {
    LiveId::new(Bucket::NAME, name)
}

fn url(field: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let name: BucketName =
        field("name").ok_or("the bucket has no name")?.parse().map_err(|error| format!("{error}"))?;
    Ok(S3Url::of_bucket(&name).to_string())
}

/// Looks at one declared bucket.
async fn look(aws: &Aws, entry: &Entry<Spec>, context: &Context) -> Result<Seen<Props>, CloudError> {
    let spec = &entry.spec;
    let name = &spec.name;
    let wanted = tags::all(&spec.tags, Some(&entry.mark));
    let tags = ReadTags::Listed { stack: &context.stack, wanted: &wanted };
    let reads = BucketReads { logging: spec.logging.is_some(), tags };
    let state = match Box::pin(aws.bucket(name, reads)).await {
        Ok(Some(state)) => state,
        Ok(None) => return Ok(Seen::Absent),
        Err(error) if ["AccessDenied", "AllAccessDisabled", "Forbidden", "403"].contains(&error.code.as_str()) => {
            return Ok(Seen::Hidden(format!(
                "S3 does not show the bucket `{name}` ({error}). It belongs to another account, and then another name is needed, or \
                 the caller lacks the right to read its configuration"
            )));
        }
        Err(error) => return Err(error),
    };
    let wanted = spec.region.as_ref().unwrap_or(&context.region);
    let live = match state.other_region.as_deref().map(str::parse::<Region>) {
        None => context.region.clone(),
        Some(Ok(region)) => region,
        Some(Err(error)) => {
            return Err(CloudError::unexpected(crate::cloud::Which::Aws, "s3:HeadBucket", error.to_string()));
        }
    };
    if live != *wanted {
        return Ok(Seen::Hidden(format!(
            "the bucket `{name}` is in {live}, but the spec wants it in {wanted}. A bucket cannot move: set `region = \"{live}\"`, or \
             choose another name"
        )));
    }
    Ok(match Props::live(name, live, state) {
        Ok(props) => Seen::Present(Found { props, facts: BTreeMap::new() }),
        Err(why) => Seen::Hidden(why),
    })
}

/// Buckets that carry this stack's mark and are not declared.
async fn orphans(
    entries: &[Entry<Spec>],
    aws: &Aws,
    context: &Context,
) -> Result<BTreeMap<LiveId, Found<Props>>, CloudError> {
    let tagged = aws.tagged(&context.stack).await?;
    let declared: BTreeSet<&BucketName> = entries.iter().map(|entry| &entry.spec.name).collect();
    let names = tagged
        .iter()
        .filter(|one| one.arn.service() == "s3" && !one.arn.resource().contains('/'))
        .filter_map(|one| one.arn.resource().parse::<BucketName>().ok())
        .filter(|name| !declared.contains(name));
    let reads = BucketReads { logging: true, tags: ReadTags::Current };
    let states = try_join_all(names.map(|name| async move {
        let state = Box::pin(aws.bucket(&name, reads)).await?;
        Ok::<_, CloudError>((name, state))
    }));
    let mut others = BTreeMap::new();
    for (name, state) in states.await? {
        // The list of tagged resources is minutes old: a bucket that is gone by now is no orphan.
        let Some(state) = state else { continue };
        let region = state.other_region.as_deref().and_then(|region| region.parse().ok());
        match Props::live(&name, region.unwrap_or_else(|| context.region.clone()), state) {
            Ok(props) if props.mark.as_ref().is_some_and(|mark| mark.stack == context.stack) => {
                others.insert(live_id(&name), Found { props, facts: BTreeMap::new() });
            }
            Ok(_) => {}
            Err(why) => return Err(CloudError::unexpected(crate::cloud::Which::Aws, "s3:GetBucketPolicy", why)),
        }
    }
    Ok(others)
}

fn main(calls: Vec<Call>) -> Part {
    Part::main(calls.into_iter().map(Op::aws).collect())
}

fn notification(want: &Props) -> Part {
    let entries = want.notifications.iter().cloned().collect();
    let call = Call::MergeBucketNotification { bucket: want.name.clone(), entries };
    Part::named(NOTIFICATION, vec![Op::aws(call)]).after([Dep::new(live_id(&want.name), MAIN)])
}

fn put_ownership(want: &Props) -> Call {
    Call::PutBucketOwnershipControls { bucket: want.name.clone(), ownership: want.ownership.clone() }
}

fn put_policy(want: &Props) -> Call {
    let bucket = want.name.clone();
    match &want.policy {
        Some(policy) => Call::PutBucketPolicy { bucket, policy: policy.to_val() },
        None => Call::DeleteBucketPolicy { bucket },
    }
}

fn put_encryption(want: &Props) -> Call {
    Call::PutBucketEncryption { bucket: want.name.clone(), encryption: want.encryption.clone() }
}

fn put_versioning(want: &Props) -> Call {
    Call::PutBucketVersioning { bucket: want.name.clone(), enabled: want.versioning }
}

fn put_lifecycle(want: &Props) -> Call {
    let bucket = want.name.clone();
    if want.lifecycle.is_empty() {
        Call::DeleteBucketLifecycle { bucket }
    } else {
        Call::PutBucketLifecycleConfiguration { bucket, rules: want.lifecycle.clone() }
    }
}

fn put_logging(want: &Props) -> Call {
    Call::PutBucketLogging { bucket: want.name.clone(), target: want.logging.clone() }
}

/// The key of an encryption, if there is one.
fn key_of(encryption: &Encryption) -> Option<(&Val, bool)> {
    match encryption {
        Encryption::Kms { key, bucket_key } => Some((key, *bucket_key)),
        Encryption::Sse => None,
    }
}
