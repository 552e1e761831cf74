//! One [`Call`] as one SDK call, or as the read-modify-write that its name says.

use super::encryption::Algorithm;
use super::notification::Entry;
use super::{Answer, Aws, empty, encryption, iam, kms, lifecycle, notification, policy, s3, secret, sns, user};
use crate::cloud::{Class, CloudError, Which};
use crate::model::call::Encryption;
use crate::model::{Call, Held, Secret, Val, Vault};

pub(super) async fn make(aws: &Aws, call: &Call, vault: &Vault) -> Result<Answer, CloudError> {
    let _one_writer = match object(call) {
        Some(object) => Some(aws.locks.hold(object).await),
        None => None,
    };
    match call {
        Call::CreateBucket { .. }
        | Call::DeleteBucket { .. }
        | Call::EmptyBucket { .. }
        | Call::PutPublicAccessBlock { .. }
        | Call::PutBucketOwnershipControls { .. }
        | Call::PutBucketVersioning { .. }
        | Call::PutBucketEncryption { .. }
        | Call::PutBucketPolicy { .. }
        | Call::DeleteBucketPolicy { .. }
        | Call::PutBucketLifecycleConfiguration { .. }
        | Call::DeleteBucketLifecycle { .. }
        | Call::PutBucketLogging { .. }
        | Call::MergeBucketTags { .. }
        | Call::MergeBucketNotification { .. } => of_s3(aws, call).await,
        Call::CreateKey { .. }
        | Call::CreateAlias { .. }
        | Call::UpdateAlias { .. }
        | Call::DeleteAlias { .. }
        | Call::PutKeyPolicy { .. }
        | Call::EnableKeyRotation { .. }
        | Call::DisableKeyRotation { .. }
        | Call::EnableKey { .. }
        | Call::DisableKey { .. }
        | Call::UpdateKeyDescription { .. }
        | Call::TagKey { .. }
        | Call::UntagKey { .. }
        | Call::ScheduleKeyDeletion { .. }
        | Call::CancelKeyDeletion { .. } => kms::make(aws, call).await,
        Call::CreateRole { .. }
        | Call::UpdateRole { .. }
        | Call::UpdateAssumeRolePolicy { .. }
        | Call::PutRolePermissionsBoundary { .. }
        | Call::DeleteRolePermissionsBoundary { .. }
        | Call::PutRolePolicy { .. }
        | Call::DeleteRolePolicy { .. }
        | Call::AttachRolePolicy { .. }
        | Call::DetachRolePolicy { .. }
        | Call::TagRole { .. }
        | Call::UntagRole { .. }
        | Call::DeleteRole { .. } => iam::make(aws, call).await,
        Call::CreatePolicy { .. }
        | Call::CreatePolicyVersion { .. }
        | Call::DeletePolicyVersion { .. }
        | Call::TagPolicy { .. }
        | Call::UntagPolicy { .. }
        | Call::DeletePolicy { .. } => policy::make(aws, call).await,
        Call::CreateUser { .. }
        | Call::PutUserPermissionsBoundary { .. }
        | Call::PutUserPolicy { .. }
        | Call::DeleteUserPolicy { .. }
        | Call::AttachUserPolicy { .. }
        | Call::DetachUserPolicy { .. }
        | Call::TagUser { .. }
        | Call::UntagUser { .. }
        | Call::DeleteUser { .. }
        | Call::CreateAccessKey { .. }
        | Call::DeleteAccessKey { .. }
        | Call::RecordAccessKey { .. } => user::make(aws, call, vault).await,
        Call::CreateSecret { .. } | Call::PutSecretValue { .. } | Call::DeleteSecret { .. } => {
            secret::make(aws, call, vault).await
        }
        Call::CreateTopic { .. }
        | Call::SetTopicAttributes { .. }
        | Call::Subscribe { .. }
        | Call::Unsubscribe { .. }
        | Call::TagTopic { .. }
        | Call::UntagTopic { .. }
        | Call::DeleteTopic { .. } => sns::make(aws, call).await,
    }
}

async fn of_s3(aws: &Aws, call: &Call) -> Result<Answer, CloudError> {
    match call {
        Call::CreateBucket { bucket, region, tags } => return s3::create(aws, bucket, region, tags).await,
        Call::EmptyBucket { bucket } => return empty::empty(aws, bucket).await,
        Call::DeleteBucket { bucket } => s3::delete(aws, bucket).await?,
        Call::PutPublicAccessBlock { bucket, block } => s3::put_public_access_block(aws, bucket, *block).await?,
        Call::PutBucketOwnershipControls { bucket, ownership } => s3::put_ownership(aws, bucket, ownership).await?,
        Call::PutBucketVersioning { bucket, enabled } => s3::put_versioning(aws, bucket, *enabled).await?,
        Call::PutBucketEncryption { bucket, encryption } => {
            let algorithm = match encryption {
                Encryption::Sse => Algorithm::Sse,
                Encryption::Kms { key, bucket_key } => {
                    Algorithm::Kms { key: known(call, key)?, bucket_key: *bucket_key }
                }
            };
            encryption::write(aws, bucket, algorithm).await?;
        }
        Call::PutBucketPolicy { bucket, policy } => s3::put_policy(aws, bucket, known(call, policy)?).await?,
        Call::DeleteBucketPolicy { bucket } => s3::delete_policy(aws, bucket).await?,
        Call::PutBucketLifecycleConfiguration { bucket, rules } => lifecycle::write(aws, bucket, rules).await?,
        Call::DeleteBucketLifecycle { bucket } => s3::delete_lifecycle(aws, bucket).await?,
        Call::PutBucketLogging { bucket, target } => s3::put_logging(aws, bucket, target.as_ref()).await?,
        Call::MergeBucketTags { bucket, set, remove } => s3::merge_tags(aws, bucket, set, remove).await?,
        Call::MergeBucketNotification { bucket, entries } => {
            let entry = |entry| Ok::<_, CloudError>(Entry { entry, queue: known(call, &entry.queue)? });
            let entries = entries.iter().map(entry).collect::<Result<Vec<_>, _>>()?;
            notification::merge(aws, bucket, &entries).await?;
        }
        other => return Err(misrouted(other)),
    }
    Ok(Answer::new())
}

/// What a call writes to; two calls about one object never overlap.
fn object(call: &Call) -> Option<String> {
    let data = serde_json::to_value(call).ok()?;
    ["bucket", "role", "user", "policy_arn", "secret", "topic", "key", "alias"].iter().find_map(|kind| {
        let name = data.get(kind)?;
        let name = name.as_str().map_or_else(|| name.to_string(), str::to_owned);
        // A key is named by its ID or by its ARN, which ends in the ID.
        let name = if *kind == "key" { name.rsplit('/').next().unwrap_or_default() } else { &name };
        Some(format!("{kind} {name}"))
    })
}

/// The text of a value.
///
/// # Errors
/// A fact that is not known yet: the planner put the call too early.
pub(super) fn known<'a>(call: &Call, val: &'a Val) -> Result<&'a str, CloudError> {
    val.as_known().ok_or_else(|| {
        let facts: Vec<_> = val.facts().map(ToString::to_string).collect();
        bug(call, &format!("{} is still unknown when it is needed", facts.join(", ")))
    })
}

/// A secret that an earlier operation of the step told.
///
/// # Errors
/// None did.
pub(super) fn told<'a>(call: &Call, held: &Held, vault: &'a Vault) -> Result<&'a Secret, CloudError> {
    vault.get(held).map_err(|what| bug(call, what.trim_start_matches("bug in snowssi: ")))
}

/// A call that reached the wrong service.
pub(super) fn misrouted(call: &Call) -> CloudError {
    bug(call, "the call was sent to the wrong service")
}

fn bug(call: &Call, what: &str) -> CloudError {
    CloudError {
        which: Which::Aws,
        operation: call.operation(),
        object: object(call).unwrap_or_default(),
        code: String::new(),
        message: format!("bug in snowssi: {what}"),
        class: Class::Permanent,
        request_id: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Tags;

    #[test]
    fn calls_about_one_object_share_its_lock() {
        let role = |role: &str| Call::DeleteRole { role: role.into() };
        let key = |key: &str| Call::EnableKey { key: key.into() };
        let alias = Call::CreateAlias { alias: "alias/a".into(), key: "1234".into() };
        assert_eq!(object(&role("a")), object(&Call::TagRole { role: "a".into(), tags: Tags::new() }));
        assert_ne!(object(&role("a")), object(&role("b")));
        assert_eq!(object(&key("arn:aws:kms:r:1:key/1234")), object(&key("1234")));
        assert_eq!(object(&alias), object(&key("1234")));
        assert_ne!(object(&role("1234")), object(&key("1234")));
        let create =
            Call::CreateKey { description: String::new(), policy: "".into(), tags: Tags::new(), multi_region: false };
        assert_eq!(object(&create), None);
    }
}
