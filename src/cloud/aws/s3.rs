//! Calls that change a bucket and are one S3 operation each.

use aws_sdk_s3::config::Builder;
use aws_sdk_s3::types::{
    BucketLocationConstraint, BucketLoggingStatus, BucketVersioningStatus, CreateBucketConfiguration, LoggingEnabled,
    ObjectOwnership, OwnershipControls, OwnershipControlsRule, PublicAccessBlockConfiguration, Tagging,
    VersioningConfiguration,
};
use aws_smithy_types::retry::RetryConfig;

use super::bucket::{about, current_tags};
use super::{Answer, Aws, tags};
use crate::cloud::{Class, CloudError, Which};
use crate::model::call::PublicAccessBlock;
use crate::model::{Arn, BucketName, Region, Tags};

/// The one region that wants no location constraint, and that answers 200 to a second creation by the same owner.
const OLDEST: &str = "us-east-1";

/// Creates a bucket with its tags and without ACLs, in one call, so that there never is a bucket of ours without our tag.
pub(super) async fn create(aws: &Aws, bucket: &BucketName, region: &Region, tags: &Tags) -> Result<Answer, CloudError> {
    let home = region.to_string();
    let s3 = aws.buckets.client(&home);
    if home == OLDEST {
        refuse_own(aws, &s3, bucket).await?;
    }
    let location = (home != OLDEST).then(|| BucketLocationConstraint::from(home.as_str()));
    let tags = Some(tags::to_s3(tags)?).filter(|tags| !tags.is_empty());
    let plain = location.is_none() && tags.is_none();
    let configuration = CreateBucketConfiguration::builder().set_location_constraint(location).set_tags(tags).build();
    let request = s3
        .create_bucket()
        .bucket(bucket.as_str())
        .object_ownership(ObjectOwnership::BucketOwnerEnforced)
        .set_create_bucket_configuration((!plain).then_some(configuration))
        .customize()
        .config_override(Builder::new().retry_config(RetryConfig::disabled()))
        .send();
    aws.send("s3:CreateBucket", bucket.as_str(), request).await?;
    aws.buckets.remember(bucket, &home);
    let arn = Arn::bucket(region.partition(), bucket);
    Ok(Answer::from([("Arn".to_owned(), arn.as_str().to_owned())]))
}

/// In the oldest region S3 answers a second creation by the same owner with 200 and resets the bucket's ACL, so it is asked before.
async fn refuse_own(aws: &Aws, s3: &aws_sdk_s3::Client, bucket: &BucketName) -> Result<(), CloudError> {
    let owner = aws.caller().await?.account.to_string();
    let request = s3.head_bucket().bucket(bucket.as_str()).expected_bucket_owner(owner).send();
    match aws.send("s3:HeadBucket", bucket.as_str(), request).await {
        Ok(_) => Err(CloudError {
            which: Which::Aws,
            operation: "s3:CreateBucket".into(),
            object: bucket.to_string(),
            code: "BucketAlreadyOwnedByYou".into(),
            message: "the bucket is in this account already: adopt it".into(),
            class: Class::AlreadyExists,
            request_id: None,
        }),
        // Absent, or somebody else's: CreateBucket itself tells which.
        Err(_) => Ok(()),
    }
}

pub(super) async fn delete(aws: &Aws, bucket: &BucketName) -> Result<(), CloudError> {
    about!(aws, bucket, "s3:DeleteBucket", delete_bucket).await.map(drop)
}

pub(super) async fn delete_policy(aws: &Aws, bucket: &BucketName) -> Result<(), CloudError> {
    about!(aws, bucket, "s3:DeleteBucketPolicy", delete_bucket_policy).await.map(drop)
}

pub(super) async fn delete_lifecycle(aws: &Aws, bucket: &BucketName) -> Result<(), CloudError> {
    about!(aws, bucket, "s3:DeleteBucketLifecycle", delete_bucket_lifecycle).await.map(drop)
}

pub(super) async fn put_public_access_block(
    aws: &Aws,
    bucket: &BucketName,
    block: PublicAccessBlock,
) -> Result<(), CloudError> {
    let block = PublicAccessBlockConfiguration::builder()
        .block_public_acls(block.block_public_acls)
        .ignore_public_acls(block.ignore_public_acls)
        .block_public_policy(block.block_public_policy)
        .restrict_public_buckets(block.restrict_public_buckets)
        .build();
    aws.on_bucket("s3:PutPublicAccessBlock", bucket, |s3, owner| {
        s3.put_public_access_block()
            .bucket(bucket.as_str())
            .expected_bucket_owner(owner)
            .public_access_block_configuration(block.clone())
            .send()
    })
    .await
    .map(drop)
}

pub(super) async fn put_ownership(aws: &Aws, bucket: &BucketName, ownership: &str) -> Result<(), CloudError> {
    let rule =
        tags::build(OwnershipControlsRule::builder().object_ownership(ObjectOwnership::from(ownership)).build())?;
    let controls = tags::build(OwnershipControls::builder().rules(rule).build())?;
    aws.on_bucket("s3:PutBucketOwnershipControls", bucket, |s3, owner| {
        s3.put_bucket_ownership_controls()
            .bucket(bucket.as_str())
            .expected_bucket_owner(owner)
            .ownership_controls(controls.clone())
            .send()
    })
    .await
    .map(drop)
}

pub(super) async fn put_versioning(aws: &Aws, bucket: &BucketName, enabled: bool) -> Result<(), CloudError> {
    let status = if enabled { BucketVersioningStatus::Enabled } else { BucketVersioningStatus::Suspended };
    let versioning = VersioningConfiguration::builder().status(status).build();
    aws.on_bucket("s3:PutBucketVersioning", bucket, |s3, owner| {
        s3.put_bucket_versioning()
            .bucket(bucket.as_str())
            .expected_bucket_owner(owner)
            .versioning_configuration(versioning.clone())
            .send()
    })
    .await
    .map(drop)
}

pub(super) async fn put_policy(aws: &Aws, bucket: &BucketName, policy: &str) -> Result<(), CloudError> {
    aws.on_bucket("s3:PutBucketPolicy", bucket, |s3, owner| {
        s3.put_bucket_policy().bucket(bucket.as_str()).expected_bucket_owner(owner).policy(policy).send()
    })
    .await
    .map(drop)
}

pub(super) async fn put_logging(
    aws: &Aws,
    bucket: &BucketName,
    target: Option<&(BucketName, String)>,
) -> Result<(), CloudError> {
    let enabled = |(target, prefix): &(BucketName, String)| {
        tags::build(LoggingEnabled::builder().target_bucket(target.as_str()).target_prefix(prefix).build())
    };
    let status = BucketLoggingStatus::builder().set_logging_enabled(target.map(enabled).transpose()?).build();
    aws.on_bucket("s3:PutBucketLogging", bucket, |s3, owner| {
        s3.put_bucket_logging()
            .bucket(bucket.as_str())
            .expected_bucket_owner(owner)
            .bucket_logging_status(status.clone())
            .send()
    })
    .await
    .map(drop)
}

/// Sets and removes some tags. The others are written back, AWS's own `aws:` tags too: S3 refuses a set without them.
pub(super) async fn merge_tags(
    aws: &Aws,
    bucket: &BucketName,
    set: &Tags,
    remove: &[String],
) -> Result<(), CloudError> {
    let live = current_tags(aws, bucket).await?;
    let mut merged = live.clone();
    merged.retain(|key, _| !remove.contains(key));
    merged.extend(set.clone());
    if merged == live {
        return Ok(());
    }
    if merged.is_empty() {
        return about!(aws, bucket, "s3:DeleteBucketTagging", delete_bucket_tagging).await.map(drop);
    }
    let tagging = tags::build(Tagging::builder().set_tag_set(Some(tags::to_s3(&merged)?)).build())?;
    aws.on_bucket("s3:PutBucketTagging", bucket, |s3, owner| {
        s3.put_bucket_tagging().bucket(bucket.as_str()).expected_bucket_owner(owner).tagging(tagging.clone()).send()
    })
    .await
    .map(drop)
}
