//! What is read of a bucket: its sub-resources, all at once.

use super::request::parse;
use super::{Aws, BucketReads, BucketState, encryption, lifecycle, notification, tagging, tags};
use crate::cloud::{Class, CloudError};
use crate::model::call::PublicAccessBlock;
use crate::model::{BucketName, Tags};

/// What S3 answers for a bucket that is not there.
const NO_BUCKET: &str = "NoSuchBucket";

pub(super) async fn read(
    aws: &Aws,
    name: &BucketName,
    reads: BucketReads<'_>,
) -> Result<Option<BucketState>, CloudError> {
    match once(aws, name, reads).await? {
        Answer::Whole(state) => Ok(Some(*state)),
        Answer::Absent => Ok(None),
        // Under load and right after creation S3 contradicts itself: asked again, then it is an error, never "absent".
        Answer::Torn(_) => match once(aws, name, reads).await? {
            Answer::Whole(state) => Ok(Some(*state)),
            Answer::Absent => Ok(None),
            Answer::Torn(error) => Err(CloudError {
                message: format!(
                    "{} (S3 shows parts of the bucket and denies others: it is being created or deleted)",
                    error.message
                ),
                class: Class::Propagation,
                ..error
            }),
        },
    }
}

enum Answer {
    Whole(Box<BucketState>),
    Absent,
    Torn(CloudError),
}

async fn once(aws: &Aws, name: &BucketName, reads: BucketReads<'_>) -> Result<Answer, CloudError> {
    let (versioning, encryption, block, ownership, policy, rules, notifications, logging, tags) = tokio::join!(
        versioning(aws, name),
        encryption::read(aws, name),
        public_access_block(aws, name),
        ownership(aws, name),
        policy(aws, name),
        lifecycle::read(aws, name),
        notification::read(aws, name),
        async { if reads.logging { logging(aws, name).await } else { Ok(None) } },
        tags_of(aws, name, reads),
    );
    let refusals: Vec<&CloudError> = [
        versioning.as_ref().err(),
        encryption.as_ref().err(),
        block.as_ref().err(),
        ownership.as_ref().err(),
        policy.as_ref().err(),
        rules.as_ref().err(),
        notifications.as_ref().err(),
    ]
    .into_iter()
    .flatten()
    .collect();
    if let Some(torn) = refusals.first() {
        if refusals.iter().all(|error| error.code == NO_BUCKET) {
            return Ok(if refusals.len() == 7 { Answer::Absent } else { Answer::Torn((*torn).clone()) });
        }
        let worst = refusals.iter().find(|error| error.code != NO_BUCKET).unwrap_or(torn);
        return Err((*worst).clone());
    }
    let (lifecycle, lifecycle_foreign) = rules?;
    let (ours, foreign) = notifications?;
    Ok(Answer::Whole(Box::new(BucketState {
        other_region: aws.buckets.other_region(name),
        tags: tags?,
        versioning: versioning?,
        encryption: encryption?,
        public_access_block: block?,
        ownership: ownership?,
        policy: policy?,
        lifecycle,
        lifecycle_foreign,
        logging: logging?,
        notifications: ours,
        foreign_notifications: foreign,
    })))
}

/// An answer whose code says that there is no such document.
pub(super) fn or_absent<T>(answer: Result<T, CloudError>, code: &str) -> Result<Option<T>, CloudError> {
    match answer {
        Ok(document) => Ok(Some(document)),
        Err(error) if error.code == code => Ok(None),
        Err(error) => Err(error),
    }
}

/// Makes a bucket request that needs nothing but the name and the expected owner.
macro_rules! about {
    ($aws:expr, $name:expr, $operation:literal, $method:ident) => {
        $aws.on_bucket($operation, $name, |s3, owner| {
            s3.$method().bucket($name.as_str()).expected_bucket_owner(owner).send()
        })
    };
}
pub(super) use about;

async fn versioning(aws: &Aws, name: &BucketName) -> Result<Option<bool>, CloudError> {
    let answer = about!(aws, name, "s3:GetBucketVersioning", get_bucket_versioning).await?;
    Ok(answer.status.map(|status| status == aws_sdk_s3::types::BucketVersioningStatus::Enabled))
}

async fn public_access_block(aws: &Aws, name: &BucketName) -> Result<Option<PublicAccessBlock>, CloudError> {
    let answer = about!(aws, name, "s3:GetPublicAccessBlock", get_public_access_block).await;
    let block = or_absent(answer, "NoSuchPublicAccessBlockConfiguration")?
        .and_then(|answer| answer.public_access_block_configuration);
    Ok(block.map(|block| PublicAccessBlock {
        block_public_acls: block.block_public_acls.unwrap_or_default(),
        ignore_public_acls: block.ignore_public_acls.unwrap_or_default(),
        block_public_policy: block.block_public_policy.unwrap_or_default(),
        restrict_public_buckets: block.restrict_public_buckets.unwrap_or_default(),
    }))
}

async fn ownership(aws: &Aws, name: &BucketName) -> Result<Option<String>, CloudError> {
    let answer = about!(aws, name, "s3:GetBucketOwnershipControls", get_bucket_ownership_controls).await;
    let controls = or_absent(answer, "OwnershipControlsNotFoundError")?.and_then(|answer| answer.ownership_controls);
    Ok(controls
        .and_then(|controls| controls.rules.into_iter().next())
        .map(|rule| rule.object_ownership.as_str().to_owned()))
}

async fn policy(aws: &Aws, name: &BucketName) -> Result<Option<String>, CloudError> {
    let answer = about!(aws, name, "s3:GetBucketPolicy", get_bucket_policy).await;
    Ok(or_absent(answer, "NoSuchBucketPolicy")?.and_then(|answer| answer.policy))
}

async fn logging(aws: &Aws, name: &BucketName) -> Result<Option<(BucketName, String)>, CloudError> {
    let operation = "s3:GetBucketLogging";
    let answer = about!(aws, name, "s3:GetBucketLogging", get_bucket_logging).await?;
    let Some(logging) = answer.logging_enabled else { return Ok(None) };
    Ok(Some((parse(operation, Some(&logging.target_bucket))?, logging.target_prefix)))
}

async fn tags_of(aws: &Aws, name: &BucketName, reads: BucketReads<'_>) -> Result<Tags, CloudError> {
    let arn = format!("arn:{}:s3:::{name}", aws.region().partition());
    match tagging::listed(aws, reads.tags, &arn).await {
        Some(tags) => Ok(tags),
        None => current_tags(aws, name).await,
    }
}

/// The tags of a bucket, from the bucket.
pub(super) async fn current_tags(aws: &Aws, name: &BucketName) -> Result<Tags, CloudError> {
    let answer = about!(aws, name, "s3:GetBucketTagging", get_bucket_tagging).await;
    Ok(or_absent(answer, "NoSuchTagSet")?.map(|answer| tags::from_s3(answer.tag_set)).unwrap_or_default())
}
