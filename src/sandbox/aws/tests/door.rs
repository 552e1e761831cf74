//! What Snowflake's side may do, decided by the documents.

use super::super::AwsSandbox;
use super::kms_keys::key;
use super::roles::{OUTSIDER, role, trust};
use super::{Clients, clients};
use crate::sandbox::door::{Assumed, Door as _, Refusal};
use std::sync::Arc;

const B: &str = "snow-a";
const ALLOW: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject","s3:DeleteObject"],"Resource":"arn:aws:s3:::snow-a/in/*"},{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::snow-a","Condition":{"StringLike":{"s3:prefix":["in/*"]}}}]}"#;

async fn assumed() -> (Arc<AwsSandbox>, Clients, Assumed) {
    let sandbox = AwsSandbox::in_memory();
    sandbox.register_principal(OUTSIDER).await;
    let aws = clients(&sandbox);
    aws.s3.create_bucket().bucket(B).send().await.unwrap();
    role(&aws, "r", &trust(OUTSIDER)).await;
    allow(&aws, ALLOW).await;
    let assumed = sandbox.assume(OUTSIDER, "arn:aws:iam::123456789012:role/r", "A+b/c=d").await.unwrap();
    (sandbox, aws, assumed)
}

async fn allow(aws: &Clients, document: &str) {
    aws.iam.put_role_policy().role_name("r").policy_name("p").policy_document(document).send().await.unwrap();
}

fn denied<T: std::fmt::Debug>(result: Result<T, Refusal>, tail: &str) {
    let refusal = result.unwrap_err();
    let expected =
        format!("User: arn:aws:sts::123456789012:assumed-role/r/snowflake is not authorized to perform: {tail}");
    assert_eq!(
        (refusal.status, refusal.code.as_str(), refusal.message.as_str()),
        (403, "AccessDenied", expected.as_str())
    );
}

#[tokio::test]
async fn the_role_policy_decides() {
    let (sandbox, aws, by) = assumed().await;
    sandbox.put(&by, B, "in/a", b"1,2".to_vec()).await.unwrap();
    sandbox.put(&by, B, "in/b", b"3".to_vec()).await.unwrap();
    let listed = sandbox.list(&by, B, "in/").await.unwrap();
    assert_eq!(
        listed.iter().map(|object| (object.key.as_str(), object.size)).collect::<Vec<_>>(),
        [("in/a", 3), ("in/b", 1)]
    );
    assert_eq!(sandbox.get(&by, B, "in/a").await.unwrap(), b"1,2");
    sandbox.delete(&by, B, "in/b").await.unwrap();
    let because = "because no identity-based policy allows the";
    // Only who may list the whole bucket learns that an object is missing: a GET has no `s3:prefix`.
    denied(
        sandbox.get(&by, B, "in/b").await,
        &format!("s3:ListBucket on resource: \"arn:aws:s3:::snow-a\" {because} s3:ListBucket action"),
    );
    allow(&aws, &ALLOW.replace(r#","Condition":{"StringLike":{"s3:prefix":["in/*"]}}"#, "")).await;
    assert_eq!(sandbox.get(&by, B, "in/b").await.unwrap_err().code, "NoSuchKey");
    allow(&aws, ALLOW).await;
    denied(
        sandbox.list(&by, B, "").await,
        &format!("s3:ListBucket on resource: \"arn:aws:s3:::snow-a\" {because} s3:ListBucket action"),
    );
    denied(
        sandbox.put(&by, B, "out/a", Vec::new()).await,
        &format!("s3:PutObject on resource: \"arn:aws:s3:::snow-a/out/a\" {because} s3:PutObject action"),
    );
    assert_eq!(sandbox.list(&by, "none", "").await.unwrap_err().code, "NoSuchBucket");
    assert_eq!(sandbox.bucket_region(B).await.as_deref(), Some("us-east-1"));
    assert_eq!(sandbox.bucket_region("none").await, None);
}

#[tokio::test]
async fn bucket_policy_and_boundary_limit_it() {
    let (sandbox, aws, by) = assumed().await;
    let tls = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::snow-a","arn:aws:s3:::snow-a/*"],"Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}"#;
    aws.s3.put_bucket_policy().bucket(B).policy(tls).send().await.unwrap();
    sandbox.put(&by, B, "in/a", Vec::new()).await.unwrap();
    aws.s3.put_bucket_policy().bucket(B).policy(tls.replace("\"false\"", "\"true\"")).send().await.unwrap();
    let on = "s3:GetObject on resource: \"arn:aws:s3:::snow-a/in/a\"";
    denied(sandbox.get(&by, B, "in/a").await, &format!("{on} with an explicit deny in a resource-based policy"));
    // A bucket policy of the same account is enough by itself.
    let grant = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:role/r"},"Action":"s3:PutObject","Resource":"arn:aws:s3:::snow-a/*"}]}"#;
    aws.s3.put_bucket_policy().bucket(B).policy(grant).send().await.unwrap();
    sandbox.put(&by, B, "out/a", Vec::new()).await.unwrap();

    let edge = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:ListBucket","Resource":"*"}]}"#;
    let made = aws.iam.create_policy().policy_name("edge").policy_document(edge).send().await.unwrap();
    let edge = made.policy.unwrap().arn.unwrap();
    aws.iam.put_role_permissions_boundary().role_name("r").permissions_boundary(edge).send().await.unwrap();
    sandbox.list(&by, B, "in/").await.unwrap();
    denied(
        sandbox.get(&by, B, "in/a").await,
        &format!("{on} because no permissions boundary allows the s3:GetObject action"),
    );
    aws.iam.delete_role_permissions_boundary().role_name("r").send().await.unwrap();
    allow(&aws, &ALLOW.replace("Allow\",\"Action\":[", "Deny\",\"Action\":[")).await;
    denied(sandbox.get(&by, B, "in/a").await, &format!("{on} with an explicit deny in an identity-based policy"));
}

#[tokio::test]
async fn an_attached_policy_counts_too() {
    let (sandbox, aws, by) = assumed().await;
    aws.iam.delete_role_policy().role_name("r").policy_name("p").send().await.unwrap();
    sandbox.list(&by, B, "in/").await.unwrap_err();
    let made = aws.iam.create_policy().policy_name("mp").policy_document(ALLOW).send().await.unwrap();
    let arn = made.policy.unwrap().arn.unwrap();
    aws.iam.attach_role_policy().role_name("r").policy_arn(arn).send().await.unwrap();
    sandbox.list(&by, B, "in/").await.unwrap();
}

#[tokio::test]
async fn the_key_has_a_say() {
    use aws_sdk_s3::types::{
        ServerSideEncryption, ServerSideEncryptionByDefault, ServerSideEncryptionConfiguration,
        ServerSideEncryptionRule,
    };
    let (sandbox, aws, by) = assumed().await;
    let id = key(&aws).await;
    let arn = format!("arn:aws:kms:us-east-1:123456789012:key/{id}");
    let default = ServerSideEncryptionByDefault::builder().sse_algorithm(ServerSideEncryption::AwsKms);
    let default = default.kms_master_key_id(&arn).build().unwrap();
    let rule = ServerSideEncryptionRule::builder().apply_server_side_encryption_by_default(default).build();
    let config = ServerSideEncryptionConfiguration::builder().rules(rule).build().unwrap();
    let request = aws.s3.put_bucket_encryption().bucket(B).server_side_encryption_configuration(config);
    request.send().await.unwrap();

    let because = "because no identity-based policy allows the kms:GenerateDataKey action";
    denied(sandbox.put(&by, B, "in/a", Vec::new()).await, &format!("kms:GenerateDataKey on resource: {arn} {because}"));
    let grant = |via: &str, actions: &str, context: &str| {
        let kms = format!(
            r#",{{"Effect":"Allow","Action":[{actions}],"Resource":"{arn}","Condition":{{"StringEquals":{{"kms:ViaService":"{via}","kms:CallerAccount":"123456789012","kms:EncryptionContext:aws:s3:arn":"{context}"}}}}}}]}}"#
        );
        ALLOW.replace("]}}}]}", &format!("]}}}}}}{kms}"))
    };
    let context = "arn:aws:s3:::snow-a/in/a";
    allow(&aws, &grant("s3.eu-west-1.amazonaws.com", r#""kms:GenerateDataKey""#, context)).await;
    sandbox.put(&by, B, "in/a", Vec::new()).await.unwrap_err();
    allow(&aws, &grant("s3.us-east-1.amazonaws.com", r#""kms:GenerateDataKey""#, "arn:aws:s3:::snow-a")).await;
    sandbox.put(&by, B, "in/a", Vec::new()).await.unwrap_err();
    allow(&aws, &grant("s3.us-east-1.amazonaws.com", r#""kms:GenerateDataKey""#, context)).await;
    sandbox.put(&by, B, "in/a", b"x".to_vec()).await.unwrap();
    denied(
        sandbox.get(&by, B, "in/a").await,
        "kms:Decrypt on the resource associated with this ciphertext because no identity-based policy allows the kms:Decrypt action",
    );
    allow(&aws, &grant("s3.us-east-1.amazonaws.com", r#""kms:GenerateDataKey","kms:Decrypt""#, context)).await;
    assert_eq!(sandbox.get(&by, B, "in/a").await.unwrap(), b"x");

    // A key policy that does not leave it to the account decides alone.
    let only_caller = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:user/snowssi-sandbox"},"Action":"kms:*","Resource":"*"}]}"#;
    aws.kms.put_key_policy().key_id(&id).policy(only_caller).send().await.unwrap();
    denied(
        sandbox.get(&by, B, "in/a").await,
        "kms:Decrypt on the resource associated with this ciphertext because no resource-based policy allows the kms:Decrypt action",
    );
    aws.kms.disable_key().key_id(&id).send().await.unwrap();
    assert_eq!(sandbox.get(&by, B, "in/a").await.unwrap_err().code, "KMS.DisabledException");
}
