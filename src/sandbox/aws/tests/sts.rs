//! STS: who asks, and the trust policy deciding who gets a session.

use super::super::AwsSandbox;
use super::roles::{OUTSIDER, role, trust};
use super::{answers, clients, config};
use crate::sandbox::door::Door as _;

#[tokio::test]
async fn the_caller_is_the_sandbox_user() {
    let aws = clients(&AwsSandbox::in_memory());
    let who = aws.sts.get_caller_identity().send().await.unwrap();
    assert_eq!(who.account.as_deref(), Some("123456789012"));
    assert_eq!(who.arn.as_deref(), Some("arn:aws:iam::123456789012:user/snowssi-sandbox"));
}

#[tokio::test]
async fn an_unknown_key_is_refused() {
    let sandbox = AwsSandbox::in_memory();
    let other = aws_credential_types::Credentials::new("AKIAOTHER", "x", None, None, "test");
    let other = aws_credential_types::provider::SharedCredentialsProvider::new(other);
    let config = config(&sandbox, "us-east-1").to_builder().credentials_provider(other).build();
    answers!(aws_sdk_sts::Client::new(&config).get_caller_identity(), "InvalidClientTokenId/403");
    answers!(aws_sdk_s3::Client::new(&config).list_buckets(), "InvalidAccessKeyId/403");
    answers!(aws_sdk_kms::Client::new(&config).list_keys(), "UnrecognizedClientException/400");
}

#[tokio::test]
async fn the_external_id_decides() {
    let sandbox = AwsSandbox::in_memory();
    let aws = clients(&sandbox);
    let root = "arn:aws:iam::123456789012:root";
    role(&aws, "r", &trust(root)).await;
    let arn = "arn:aws:iam::123456789012:role/r";
    let assume = || aws.sts.assume_role().role_arn(arn).role_session_name("me");
    answers!(assume().external_id("A b"), "ValidationError/400");
    answers!(assume().external_id("A+b/c=d"), "OK");
    answers!(assume().external_id("wrong"), "AccessDenied/403");
    answers!(assume(), "AccessDenied/403");
    answers!(assume().role_arn("arn:aws:iam::123456789012:role/none"), "AccessDenied/403");
    answers!(assume().external_id("A+b/c=d").duration_seconds(3601), "ValidationError/400");
}

#[tokio::test]
async fn a_session_does_what_its_role_may() {
    let sandbox = AwsSandbox::in_memory();
    let aws = clients(&sandbox);
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:user/snowssi-sandbox"},"Action":"sts:AssumeRole"}]}"#;
    role(&aws, "r", trust).await;
    let allow = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::bucket-a/in/*"}]}"#;
    aws.iam.put_role_policy().role_name("r").policy_name("p").policy_document(allow).send().await.unwrap();
    aws.s3.create_bucket().bucket("bucket-a").send().await.unwrap();
    let assumed = aws.sts.assume_role().role_arn("arn:aws:iam::123456789012:role/r").role_session_name("me");
    let given = assumed.send().await.unwrap().credentials.unwrap();
    let session = aws_credential_types::Credentials::new(
        given.access_key_id,
        given.secret_access_key,
        Some(given.session_token),
        None,
        "test",
    );
    let provider = aws_credential_types::provider::SharedCredentialsProvider::new(session);
    let config = config(&sandbox, "us-east-1").to_builder().credentials_provider(provider).build();
    let s3 = aws_sdk_s3::Client::new(&config);
    let put = |key: &str| s3.put_object().bucket("bucket-a").key(key).body(b"x".to_vec().into());
    answers!(put("in/a"), "OK");
    answers!(put("out/a"), "AccessDenied/403");
    answers!(s3.get_object().bucket("bucket-a").key("in/a"), "OK");
    answers!(s3.get_object().bucket("bucket-a").key("in/none"), "AccessDenied/403");
    answers!(s3.list_objects_v2().bucket("bucket-a"), "AccessDenied/403");
    answers!(s3.delete_bucket().bucket("bucket-a"), "NotImplemented/501");
    let who = aws_sdk_sts::Client::new(&config).get_caller_identity().send().await.unwrap();
    assert_eq!(who.arn.as_deref(), Some("arn:aws:sts::123456789012:assumed-role/r/me"));
}

#[tokio::test]
async fn users_of_other_accounts_come_through_the_door() {
    let sandbox = AwsSandbox::in_memory();
    sandbox.register_principal(OUTSIDER).await;
    let aws = clients(&sandbox);
    role(&aws, "r", &trust(OUTSIDER)).await;
    let arn = "arn:aws:iam::123456789012:role/r";
    let assumed = sandbox.assume(OUTSIDER, arn, "A+b/c=d").await.unwrap();
    assert_eq!(assumed.session_arn, "arn:aws:sts::123456789012:assumed-role/r/snowflake");
    let used = aws.iam.get_role().role_name("r").send().await.unwrap().role.unwrap().role_last_used.unwrap();
    assert!(used.last_used_date.is_some());
    let other = "arn:aws:iam::999999999999:user/other";
    sandbox.register_principal(other).await;
    for (who, role, id) in
        [(OUTSIDER, arn, "no"), (other, arn, "A+b/c=d"), (OUTSIDER, "arn:aws:iam::1:role/r", "A+b/c=d")]
    {
        let refusal = sandbox.assume(who, role, id).await.unwrap_err();
        assert_eq!((refusal.status, refusal.code.as_str()), (403, "AccessDenied"));
        let message = format!("User: {who} is not authorized to perform: sts:AssumeRole on resource: {role}");
        assert_eq!(refusal.message, message);
    }
    // The trust document binds the user that lived when it was written.
    sandbox.forget_principal(OUTSIDER).unwrap();
    assert_eq!(sandbox.assume(OUTSIDER, arn, "A+b/c=d").await.unwrap_err().code, "InvalidClientTokenId");
    sandbox.register_principal(OUTSIDER).await;
    assert_eq!(sandbox.assume(OUTSIDER, arn, "A+b/c=d").await.unwrap_err().code, "AccessDenied");
}
