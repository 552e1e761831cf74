//! What a session may do: what is known of its requests, what narrows it, and when it ends.

use super::super::AwsSandbox;
use super::roles::{OUTSIDER, role, trust};
use super::{Clients, answers, clients, config};
use crate::sandbox::door::Door as _;
use aws_sdk_sts::types::{Credentials, PolicyDescriptorType};
use std::sync::Arc;

const ROLE: &str = "arn:aws:iam::123456789012:role/r";
const CALLER_TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:user/snowssi-sandbox"},"Action":["sts:AssumeRole"]}]}"#;

fn policy(statement: &str) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#)
}

async fn allow(aws: &Clients, actions: &str) {
    let document = policy(&format!(r#"{{"Effect":"Allow","Action":[{actions}],"Resource":"*"}}"#));
    aws.iam.put_role_policy().role_name("r").policy_name("p").policy_document(document).send().await.unwrap();
}

fn s3_of(sandbox: &Arc<AwsSandbox>, given: Credentials) -> aws_sdk_s3::Client {
    let token = Some(given.session_token);
    let session =
        aws_credential_types::Credentials::new(given.access_key_id, given.secret_access_key, token, None, "test");
    let provider = aws_credential_types::provider::SharedCredentialsProvider::new(session);
    aws_sdk_s3::Client::new(&config(sandbox, "us-east-1").to_builder().credentials_provider(provider).build())
}

/// A bucket that denies everything when a condition holds, and whether a write of Snowflake's gets through.
#[tokio::test]
async fn conditions_see_what_aws_would_tell_them_and_no_more() {
    let sandbox = AwsSandbox::in_memory();
    sandbox.register_principal(OUTSIDER).await;
    let aws = clients(&sandbox);
    aws.s3.create_bucket().bucket("snow-a").send().await.unwrap();
    role(&aws, "r", &trust(OUTSIDER)).await;
    aws.iam
        .tag_role()
        .role_name("r")
        .tags(aws_sdk_iam::types::Tag::builder().key("team").value("red").build().unwrap())
        .send()
        .await
        .unwrap();
    allow(&aws, r#""s3:*""#).await;
    let by = sandbox.assume(OUTSIDER, ROLE, "A+b/c=d").await.unwrap();
    let table = [
        (r#"{"Bool":{"aws:SecureTransport":"false"}}"#, true),
        (r#"{"NumericLessThan":{"s3:TlsVersion":"1.2"}}"#, true),
        (r#"{"StringNotEquals":{"aws:PrincipalAccount":"123456789012"}}"#, true),
        (r#"{"StringNotEquals":{"s3:ResourceAccount":"123456789012"}}"#, true),
        (r#"{"StringNotEquals":{"aws:RequestedRegion":"us-east-1"}}"#, true),
        (r#"{"ArnNotEquals":{"aws:PrincipalArn":"arn:aws:iam::123456789012:role/r"}}"#, true),
        (r#"{"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::123456789012:role/r"}}"#, false),
        (r#"{"StringNotLike":{"aws:userid":"AROA*:snowflake"}}"#, true),
        (r#"{"StringNotEquals":{"aws:PrincipalType":"AssumedRole"}}"#, true),
        (r#"{"DateGreaterThan":{"aws:CurrentTime":"2200-01-01T00:00:00Z"}}"#, true),
        (r#"{"DateLessThan":{"aws:TokenIssueTime":"2020-01-01T00:00:00Z"}}"#, true),
        (r#"{"StringEquals":{"aws:PrincipalTag/team":"red"}}"#, false),
        (r#"{"StringEquals":{"aws:PrincipalTag/team":"blue"}}"#, true),
        (r#"{"StringEquals":{"aws:PrincipalTag/cost":"1"}}"#, true),
        (r#"{"StringEquals":{"s3:x-amz-acl":"public-read"}}"#, true),
        (r#"{"StringNotEquals":{"s3:x-amz-server-side-encryption":"aws:kms"}}"#, false),
        (r#"{"Null":{"s3:x-amz-server-side-encryption":"true"}}"#, false),
        (r#"{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}"#, true),
        (r#"{"StringNotEquals":{"aws:PrincipalOrgID":"o-1"}}"#, false),
        // Through which network Snowflake comes, nobody here knows.
        (r#"{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}"#, false),
        (r#"{"NotIpAddress":{"aws:SourceIp":"203.0.113.0/24"}}"#, false),
        (r#"{"StringEquals":{"aws:SourceVpc":"vpc-1"}}"#, false),
        (r#"{"StringNotEquals":{"aws:SourceVpce":"vpce-1"}}"#, false),
        (r#"{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}"#, false),
        (r#"{"StringLike":{"aws:UserAgent":"*"}}"#, false),
    ];
    for (condition, through) in table {
        let deny = format!(
            r#"{{"Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"arn:aws:s3:::snow-a/*","Condition":{condition}}}"#
        );
        aws.s3.put_bucket_policy().bucket("snow-a").policy(policy(&deny)).send().await.unwrap();
        let put = sandbox.put(&by, "snow-a", "k", Vec::new()).await;
        assert_eq!(put.is_ok(), through, "{condition}: {put:?}");
        if let Err(refusal) = put {
            assert!(refusal.message.contains("with an explicit deny in a resource-based policy"), "{refusal:?}");
        }
    }
}

#[tokio::test]
async fn session_policies_narrow_what_the_role_may() {
    let sandbox = AwsSandbox::in_memory();
    let aws = clients(&sandbox);
    aws.s3.create_bucket().bucket("bucket-a").send().await.unwrap();
    role(&aws, "r", CALLER_TRUST).await;
    allow(&aws, r#""s3:PutObject","s3:GetObject""#).await;
    let assume = || aws.sts.assume_role().role_arn(ROLE).role_session_name("me");
    let only_read = policy(r#"{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}"#);
    let list = PolicyDescriptorType::builder().arn("arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess").build();
    let wide = assume().send().await.unwrap().credentials.unwrap();
    let narrow = assume().policy(&only_read).send().await.unwrap().credentials.unwrap();
    let managed = assume().policy_arns(list).send().await.unwrap().credentials.unwrap();
    let put = |s3: aws_sdk_s3::Client| s3.put_object().bucket("bucket-a").key("k").body(b"x".to_vec().into());
    answers!(put(s3_of(&sandbox, wide)), "OK");
    for given in [narrow, managed] {
        let s3 = s3_of(&sandbox, given);
        answers!(s3.get_object().bucket("bucket-a").key("k"), "OK");
        answers!(s3.list_objects_v2().bucket("bucket-a"), "AccessDenied/403");
        answers!(put(s3), "AccessDenied/403");
    }
    answers!(assume().policy("{}"), "MalformedPolicyDocument/400");
    answers!(assume().source_identity("me"), "NotImplemented/501");
    answers!(assume().serial_number("arn:aws:iam::123456789012:mfa/me").token_code("123456"), "NotImplemented/501");
    let tag = aws_sdk_sts::types::Tag::builder().key("a").value("b").build().unwrap();
    answers!(assume().tags(tag), "NotImplemented/501");
}

#[tokio::test]
async fn a_session_ends_with_its_role() {
    let sandbox = AwsSandbox::in_memory();
    let aws = clients(&sandbox);
    aws.s3.create_bucket().bucket("bucket-a").send().await.unwrap();
    role(&aws, "r", CALLER_TRUST).await;
    allow(&aws, r#""s3:*""#).await;
    let given = aws.sts.assume_role().role_arn(ROLE).role_session_name("me").send().await.unwrap().credentials;
    let s3 = s3_of(&sandbox, given.unwrap());
    answers!(s3.list_objects_v2().bucket("bucket-a"), "OK");
    aws.iam.delete_role_policy().role_name("r").policy_name("p").send().await.unwrap();
    aws.iam.delete_role().role_name("r").send().await.unwrap();
    answers!(s3.list_objects_v2().bucket("bucket-a"), "InvalidAccessKeyId/403");
    // A role that takes its place is another one.
    role(&aws, "r", CALLER_TRUST).await;
    allow(&aws, r#""s3:*""#).await;
    answers!(s3.list_objects_v2().bucket("bucket-a"), "InvalidAccessKeyId/403");
}

#[tokio::test]
async fn versions_and_access_lists_need_permissions_of_their_own() {
    use aws_sdk_s3::types::{BucketVersioningStatus, ObjectCannedAcl, VersioningConfiguration};
    let sandbox = AwsSandbox::in_memory();
    let aws = clients(&sandbox);
    aws.s3.create_bucket().bucket("bucket-a").send().await.unwrap();
    let on = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
    aws.s3.put_bucket_versioning().bucket("bucket-a").versioning_configuration(on).send().await.unwrap();
    role(&aws, "r", CALLER_TRUST).await;
    allow(&aws, r#""s3:GetObject","s3:PutObject","s3:DeleteObject""#).await;
    let given = aws.sts.assume_role().role_arn(ROLE).role_session_name("me").send().await.unwrap().credentials;
    let s3 = s3_of(&sandbox, given.unwrap());
    let put = || s3.put_object().bucket("bucket-a").key("k").body(b"x".to_vec().into());
    let version = put().send().await.unwrap().version_id.unwrap();
    answers!(s3.get_object().bucket("bucket-a").key("k"), "OK");
    answers!(s3.get_object().bucket("bucket-a").key("k").version_id(&version), "AccessDenied/403");
    answers!(s3.delete_object().bucket("bucket-a").key("k").version_id(&version), "AccessDenied/403");
    answers!(put().acl(ObjectCannedAcl::PublicRead), "NotImplemented/501");
    answers!(put().tagging("a=b"), "NotImplemented/501");
    allow(&aws, r#""s3:GetObjectVersion","s3:DeleteObjectVersion""#).await;
    answers!(s3.get_object().bucket("bucket-a").key("k").version_id(&version), "OK");
    answers!(s3.get_object().bucket("bucket-a").key("k"), "AccessDenied/403");
    answers!(s3.delete_object().bucket("bucket-a").key("k").version_id(&version), "OK");
}
