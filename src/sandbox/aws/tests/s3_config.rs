//! Configuration documents of buckets.

use aws_sdk_s3::types::{
    AbortIncompleteMultipartUpload, BucketLifecycleConfiguration, BucketLoggingStatus, BucketVersioningStatus,
    ExpirationStatus, LifecycleRule, LifecycleRuleFilter, LoggingEnabled, NoncurrentVersionExpiration, ObjectOwnership,
    OwnershipControls, OwnershipControlsRule, PublicAccessBlockConfiguration, ServerSideEncryption,
    ServerSideEncryptionByDefault, ServerSideEncryptionConfiguration, ServerSideEncryptionRule, Tag, Tagging,
    VersioningConfiguration,
};

use super::super::AwsSandbox;
use super::{Clients, answers, clients, clients_in};

const B: &str = "snow-a";

async fn bucket() -> Clients {
    let aws = clients(&AwsSandbox::in_memory());
    aws.s3.create_bucket().bucket(B).send().await.unwrap();
    aws
}

fn block(policy: bool) -> PublicAccessBlockConfiguration {
    PublicAccessBlockConfiguration::builder()
        .block_public_acls(true)
        .ignore_public_acls(true)
        .block_public_policy(policy)
        .build()
}

#[tokio::test]
async fn public_access_block_and_ownership() {
    let aws = bucket().await;
    let put = aws.s3.put_public_access_block().bucket(B).public_access_block_configuration(block(true));
    answers!(put, "OK");
    let read = aws.s3.get_public_access_block().bucket(B).send().await.unwrap();
    let read = read.public_access_block_configuration.unwrap();
    assert_eq!((read.block_public_policy, read.restrict_public_buckets), (Some(true), Some(false)));
    for _ in 0..2 {
        answers!(aws.s3.delete_public_access_block().bucket(B), "OK");
    }
    answers!(aws.s3.get_public_access_block().bucket(B), "NoSuchPublicAccessBlockConfiguration/404");

    let rule =
        OwnershipControlsRule::builder().object_ownership(ObjectOwnership::BucketOwnerPreferred).build().unwrap();
    let controls = OwnershipControls::builder().rules(rule).build().unwrap();
    answers!(aws.s3.put_bucket_ownership_controls().bucket(B).ownership_controls(controls), "OK");
    let read = aws.s3.get_bucket_ownership_controls().bucket(B).send().await.unwrap();
    assert_eq!(read.ownership_controls.unwrap().rules[0].object_ownership, ObjectOwnership::BucketOwnerPreferred);
    answers!(aws.s3.delete_bucket_ownership_controls().bucket(B), "OK");
    answers!(aws.s3.get_bucket_ownership_controls().bucket(B), "OwnershipControlsNotFoundError/404");
}

#[tokio::test]
async fn versioning_and_encryption() {
    let aws = bucket().await;
    let versioning = |status: &str| {
        let config = VersioningConfiguration::builder().status(BucketVersioningStatus::from(status)).build();
        aws.s3.put_bucket_versioning().bucket(B).versioning_configuration(config)
    };
    answers!(versioning("Enabled"), "OK");
    let read = aws.s3.get_bucket_versioning().bucket(B).send().await.unwrap();
    assert_eq!(read.status, Some(BucketVersioningStatus::Enabled));
    answers!(versioning("On"), "IllegalVersioningConfigurationException/400");

    let encryption = |algorithm: &str, key: Option<&str>| {
        let default = ServerSideEncryptionByDefault::builder()
            .sse_algorithm(ServerSideEncryption::from(algorithm))
            .set_kms_master_key_id(key.map(str::to_owned))
            .build()
            .unwrap();
        let rule = ServerSideEncryptionRule::builder()
            .apply_server_side_encryption_by_default(default)
            .bucket_key_enabled(true)
            .build();
        let config = ServerSideEncryptionConfiguration::builder().rules(rule).build().unwrap();
        aws.s3.put_bucket_encryption().bucket(B).server_side_encryption_configuration(config)
    };
    let shown = async || {
        let read = aws.s3.get_bucket_encryption().bucket(B).send().await.unwrap();
        let rule = read.server_side_encryption_configuration.unwrap().rules.remove(0);
        let default = rule.apply_server_side_encryption_by_default.unwrap();
        let blocked = rule.blocked_encryption_types.is_some();
        (default.sse_algorithm.to_string(), default.kms_master_key_id, rule.bucket_key_enabled, blocked)
    };
    let key = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555";
    answers!(encryption("aws:kms", Some(key)), "OK");
    // The rule is replaced whole: what it does not say is gone.
    assert_eq!(shown().await, ("aws:kms".into(), Some(key.into()), Some(true), false));
    answers!(encryption("ROT13", None), "MalformedXML/400");
    answers!(encryption("AES256", Some(key)), "InvalidArgument/400");
    answers!(aws.s3.delete_bucket_encryption().bucket(B), "OK");
    assert_eq!(shown().await, ("AES256".into(), None, Some(false), true));
}

#[tokio::test]
async fn policies() {
    let aws = bucket().await;
    answers!(aws.s3.get_bucket_policy().bucket(B), "NoSuchBucketPolicy/404");
    let put = |text: &str| aws.s3.put_bucket_policy().bucket(B).policy(text);
    let statement = |inner: &str| format!(r#"{{"Version":"2012-10-17","Statement":[{{{inner}}}]}}"#);
    let root = r#""Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:root"}"#;
    let object = r#""Resource":"arn:aws:s3:::snow-a/*""#;
    let malformed = "MalformedPolicy/400";
    let table = [
        ("not JSON", "{nope".to_owned(), malformed),
        ("no Statement", r#"{"Version":"2012-10-17"}"#.to_owned(), malformed),
        ("missing Principal", statement(&format!(r#""Effect":"Allow","Action":"s3:GetObject",{object}"#)), malformed),
        (
            "other bucket",
            statement(&format!(r#"{root},"Action":"s3:GetObject","Resource":"arn:aws:s3:::snow-ab/*""#)),
            malformed,
        ),
        ("invalid action", statement(&format!(r#"{root},"Action":"s3:GetObjekt",{object}"#)), malformed),
        ("foreign action", statement(&format!(r#"{root},"Action":"kms:Decrypt",{object}"#)), malformed),
        ("mismatch", statement(&format!(r#"{root},"Action":"s3:ListBucket",{object}"#)), malformed),
        (
            "nobody",
            statement(&format!(
                r#""Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::123456789012:role/no"}},"Action":"s3:GetObject",{object}"#
            )),
            malformed,
        ),
        (
            "bad Effect",
            statement(&format!(r#"{root},"Action":"s3:GetObject",{object}"#)).replace("Allow", "Permit"),
            malformed,
        ),
        (
            "bad Version",
            statement(&format!(r#"{root},"Action":"s3:GetObject",{object}"#)).replace("2012", "2013"),
            malformed,
        ),
        ("no Resource", statement(&format!(r#"{root},"Action":"s3:GetObject""#)), malformed),
        (
            "public",
            statement(&format!(r#""Effect":"Allow","Principal":"*","Action":"s3:GetObject",{object}"#)),
            "AccessDenied/403",
        ),
        ("wildcard action", statement(&format!(r#"{root},"Action":"s3:Get*",{object}"#)), "OK"),
        (
            "account ID",
            statement(&format!(
                r#""Effect":"Allow","Principal":{{"AWS":"123456789012"}},"Action":"s3:GetObject",{object}"#
            )),
            "OK",
        ),
    ];
    for (case, text, expected) in table {
        answers!(case, put(&text), expected);
    }
    let shown = aws.s3.get_bucket_policy().bucket(B).send().await.unwrap().policy.unwrap();
    assert!(shown.contains(r#""arn:aws:iam::123456789012:root""#));
    let tls = r#"{"Version":"2012-10-17","Statement":[{"Sid":"tls","Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::snow-a","arn:aws:s3:::snow-a/*"],"Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}"#;
    answers!(put(tls), "OK");
    let shown = aws.s3.get_bucket_policy().bucket(B).send().await.unwrap().policy.unwrap();
    assert_eq!(shown, tls);
    let status = aws.s3.get_bucket_policy_status().bucket(B).send().await.unwrap();
    assert_eq!(status.policy_status.unwrap().is_public, Some(false));
    let open = aws.s3.put_public_access_block().bucket(B).public_access_block_configuration(block(false));
    open.send().await.unwrap();
    answers!(put(&statement(&format!(r#""Effect":"Allow","Principal":"*","Action":"s3:GetObject",{object}"#))), "OK");
    for _ in 0..2 {
        answers!(aws.s3.delete_bucket_policy().bucket(B), "OK");
    }
    answers!(aws.s3.get_bucket_policy().bucket(B), "NoSuchBucketPolicy/404");
}

#[tokio::test]
async fn lifecycle() {
    let aws = bucket().await;
    let rule = |id: &str| {
        LifecycleRule::builder()
            .id(id)
            .status(ExpirationStatus::Enabled)
            .filter(LifecycleRuleFilter::builder().prefix("in/").build())
    };
    let put = |rules: Vec<LifecycleRule>| {
        let config = BucketLifecycleConfiguration::builder().set_rules(Some(rules)).build().unwrap();
        aws.s3.put_bucket_lifecycle_configuration().bucket(B).lifecycle_configuration(config)
    };
    answers!(aws.s3.get_bucket_lifecycle_configuration().bucket(B), "NoSuchLifecycleConfiguration/404");
    answers!(put(vec![rule("r1").build().unwrap()]), "InvalidRequest/400");
    let old = NoncurrentVersionExpiration::builder().noncurrent_days(30).build();
    let abort = AbortIncompleteMultipartUpload::builder().days_after_initiation(7).build();
    let full = rule("r1").noncurrent_version_expiration(old).abort_incomplete_multipart_upload(abort).build().unwrap();
    answers!(put(vec![full.clone(), full.clone()]), "InvalidArgument/400");
    let zero = AbortIncompleteMultipartUpload::builder().days_after_initiation(0).build();
    let zero = rule("r1").abort_incomplete_multipart_upload(zero).build().unwrap();
    answers!(put(vec![zero]), "InvalidArgument/400");
    answers!(put(vec![full.clone()]), "OK");
    let read = aws.s3.get_bucket_lifecycle_configuration().bucket(B).send().await.unwrap();
    assert_eq!(read.rules(), [full]);
    assert_eq!(read.transition_default_minimum_object_size.unwrap().as_str(), "all_storage_classes_128K");
    answers!(aws.s3.delete_bucket_lifecycle().bucket(B), "OK");
    answers!(aws.s3.get_bucket_lifecycle_configuration().bucket(B), "NoSuchLifecycleConfiguration/404");
}

#[tokio::test]
async fn logging() {
    let sandbox = AwsSandbox::in_memory();
    let aws = clients(&sandbox);
    for name in [B, "snow-logs"] {
        aws.s3.create_bucket().bucket(name).send().await.unwrap();
    }
    let west = aws_sdk_s3::types::CreateBucketConfiguration::builder()
        .location_constraint(aws_sdk_s3::types::BucketLocationConstraint::UsWest2)
        .build();
    let elsewhere = clients_in(&sandbox, "us-west-2");
    elsewhere.s3.create_bucket().bucket("west-logs").create_bucket_configuration(west).send().await.unwrap();
    let put = |target: Option<&str>| {
        let enabled = target
            .map(|target| LoggingEnabled::builder().target_bucket(target).target_prefix("logs/").build().unwrap());
        let status = BucketLoggingStatus::builder().set_logging_enabled(enabled).build();
        aws.s3.put_bucket_logging().bucket(B).bucket_logging_status(status)
    };
    answers!(put(Some("none")), "InvalidTargetBucketForLogging/400");
    answers!(put(Some("west-logs")), "InvalidTargetBucketForLogging/400");
    answers!(put(Some("snow-logs")), "OK");
    let read = aws.s3.get_bucket_logging().bucket(B).send().await.unwrap().logging_enabled.unwrap();
    assert_eq!((read.target_bucket.as_str(), read.target_prefix.as_str()), ("snow-logs", "logs/"));
    answers!(put(None), "OK");
    assert!(aws.s3.get_bucket_logging().bucket(B).send().await.unwrap().logging_enabled.is_none());
}

#[tokio::test]
async fn tagging() {
    let aws = bucket().await;
    let put = |tags: &[(&str, &str)]| {
        let tags = tags.iter().map(|(key, value)| Tag::builder().key(*key).value(*value).build().unwrap()).collect();
        let tagging = Tagging::builder().set_tag_set(Some(tags)).build().unwrap();
        aws.s3.put_bucket_tagging().bucket(B).tagging(tagging)
    };
    answers!(aws.s3.get_bucket_tagging().bucket(B), "NoSuchTagSet/404");
    answers!(put(&[("env", "dev & <prod>"), ("snowssi:id", "x")]), "OK");
    let read = aws.s3.get_bucket_tagging().bucket(B).send().await.unwrap();
    let shown: Vec<_> = read.tag_set.iter().map(|tag| (tag.key.as_str(), tag.value.as_str())).collect();
    assert_eq!(shown, [("env", "dev & <prod>"), ("snowssi:id", "x")]);
    answers!(put(&[("aws:x", "y")]), "InvalidTag/400");
    answers!(put(&[("x", "y"), ("x", "z")]), "InvalidTag/400");
    let names: Vec<String> = (0..51).map(|at| format!("k{at}")).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "v")).collect();
    answers!(put(&many), "BadRequest/400");
    answers!(aws.s3.delete_bucket_tagging().bucket(B), "OK");
    answers!(aws.s3.get_bucket_tagging().bucket(B), "NoSuchTagSet/404");
}
