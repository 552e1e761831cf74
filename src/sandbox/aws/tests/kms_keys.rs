//! Keys through their states, rotation, tags, policies.

use aws_sdk_kms::types::{KeySpec, KeyUsageType, Tag};

use super::super::AwsSandbox;
use super::{Clients, answers, clients, clients_in};

pub(super) async fn key(aws: &Clients) -> String {
    aws.kms.create_key().send().await.unwrap().key_metadata.unwrap().key_id
}

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().tag_key(key).tag_value(value).build().unwrap()
}

async fn state(aws: &Clients, key: &str) -> (String, bool, bool) {
    let read = aws.kms.describe_key().key_id(key).send().await.unwrap().key_metadata.unwrap();
    (read.key_state.unwrap().to_string(), read.enabled, read.deletion_date.is_some())
}

#[tokio::test]
async fn a_new_key() {
    let sandbox = AwsSandbox::in_memory();
    let aws = clients(&sandbox);
    let create = || aws.kms.create_key();
    let made = create().description("d").tags(tag("snowssi:id", "k")).send().await.unwrap().key_metadata.unwrap();
    assert_eq!(made.arn.as_deref(), Some(format!("arn:aws:kms:us-east-1:123456789012:key/{}", made.key_id).as_str()));
    let read = aws.kms.describe_key().key_id(made.arn.as_deref().unwrap()).send().await.unwrap().key_metadata.unwrap();
    let shown = [
        read.key_state.as_ref().unwrap().as_str(),
        read.key_manager.as_ref().unwrap().as_str(),
        read.key_usage.as_ref().unwrap().as_str(),
        read.key_spec.as_ref().unwrap().as_str(),
        read.origin.as_ref().unwrap().as_str(),
        read.description.as_deref().unwrap(),
    ];
    assert_eq!(shown, ["Enabled", "CUSTOMER", "ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT", "AWS_KMS", "d"]);
    assert_eq!(read.multi_region, Some(false));
    assert_eq!(read.creation_date, made.creation_date);
    let multi = create().multi_region(true).send().await.unwrap().key_metadata.unwrap();
    assert!(multi.key_id.starts_with("mrk-") && multi.multi_region_configuration.is_some());
    let policy = aws.kms.get_key_policy().key_id(&made.key_id).send().await.unwrap().policy.unwrap();
    assert!(policy.contains("arn:aws:iam::123456789012:root") && policy.starts_with('{'));
    answers!(create().tags(tag("a", "1")).tags(tag("a", "2")), "TagException/400");
    answers!(create().tags(tag("aws:a", "1")), "TagException/400");

    answers!(aws.kms.describe_key().key_id("11111111-2222-3333-4444-555555555555"), "NotFoundException/400");
    answers!(aws.kms.describe_key().key_id("nonsense"), "NotFoundException/400");
    let elsewhere = clients_in(&sandbox, "eu-west-1");
    answers!(elsewhere.kms.describe_key().key_id(&made.key_id), "NotFoundException/400");
    answers!(elsewhere.kms.describe_key().key_id(made.arn.as_deref().unwrap()), "NotFoundException/400");
    let foreign = format!("arn:aws:kms:us-east-1:999999999999:key/{}", made.key_id);
    answers!(aws.kms.describe_key().key_id(foreign), "AccessDeniedException/400");
}

#[tokio::test]
async fn key_policies() {
    let aws = clients(&AwsSandbox::in_memory());
    let id = key(&aws).await;
    let policy = |principal: &str, effect: &str, action: &str, resource: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Sid":"a b","Effect":"{effect}"{principal},"Action":"{action}"{resource}}}]}}"#
        )
    };
    let root = r#","Principal":{"AWS":"arn:aws:iam::123456789012:root"}"#;
    let all = r#","Resource":"*""#;
    let good = policy(root, "Allow", "kms:*", all);
    let inert = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow"{root},"Action":"kms:*"{all}}},{{"Effect":"Allow"{root},"Action":"kms:Decrypt"}}]}}"#
    );
    let table = [
        ("good", good.clone(), "OK"),
        ("not JSON", "{nope".into(), "MalformedPolicyDocumentException/400"),
        ("lockout", policy(root, "Allow", "kms:Decrypt", all), "MalformedPolicyDocumentException/400"),
        ("lockout by a missing Resource", policy(root, "Allow", "kms:*", ""), "MalformedPolicyDocumentException/400"),
        ("lockout by Deny", policy(root, "Deny", "kms:*", all), "MalformedPolicyDocumentException/400"),
        ("inert statement", inert, "OK"),
        (
            "nonexistent principal",
            policy(
                r#","Principal":{"AWS":["arn:aws:iam::123456789012:root","arn:aws:iam::123456789012:role/no"]}"#,
                "Allow",
                "kms:*",
                all,
            ),
            "MalformedPolicyDocumentException/400",
        ),
        ("missing Principal", policy("", "Allow", "kms:*", all), "MalformedPolicyDocumentException/400"),
        ("bad Effect", policy(root, "Alow", "kms:*", all), "MalformedPolicyDocumentException/400"),
        ("too long", good.replace("a b", &"a".repeat(33_000)), "LimitExceededException/400"),
        ("account ID", policy(r#","Principal":{"AWS":"123456789012"}"#, "Allow", "kms:*", all), "OK"),
    ];
    for (case, text, expected) in table {
        answers!(case, aws.kms.create_key().policy(&text), expected);
        answers!(case, aws.kms.put_key_policy().key_id(&id).policy(&text), expected);
    }
    let shown = aws.kms.get_key_policy().key_id(&id).send().await.unwrap();
    assert!(shown.policy.unwrap().contains(r#""arn:aws:iam::123456789012:root""#));
    assert_eq!(shown.policy_name.as_deref(), Some("default"));
    let put = || aws.kms.put_key_policy().policy(&good);
    answers!(put().key_id(&id).policy_name("other"), "NotFoundException/400");
    answers!(put().key_id("11111111-2222-3333-4444-555555555555"), "NotFoundException/400");
}

#[tokio::test]
async fn rotation() {
    let aws = clients(&AwsSandbox::in_memory());
    let id = key(&aws).await;
    let shown = async || {
        let read = aws.kms.get_key_rotation_status().key_id(&id).send().await.unwrap();
        (read.key_rotation_enabled, read.rotation_period_in_days, read.next_rotation_date.is_some())
    };
    assert_eq!(shown().await, (false, None, false));
    answers!(aws.kms.enable_key_rotation().key_id(&id), "OK");
    assert_eq!(shown().await, (true, Some(365), true));
    answers!(aws.kms.enable_key_rotation().key_id(&id).rotation_period_in_days(180), "OK");
    assert_eq!(shown().await, (true, Some(180), true));
    for days in [89, 2561] {
        answers!(aws.kms.enable_key_rotation().key_id(&id).rotation_period_in_days(days), "ValidationException/400");
    }
    answers!(aws.kms.disable_key_rotation().key_id(&id), "OK");
    assert_eq!(shown().await, (false, None, false));
    let rsa = aws.kms.create_key().key_spec(KeySpec::Rsa2048).key_usage(KeyUsageType::SignVerify).send().await.unwrap();
    let rsa = rsa.key_metadata.unwrap().key_id;
    answers!(aws.kms.enable_key_rotation().key_id(rsa), "UnsupportedOperationException/400");
}

#[tokio::test]
async fn tags() {
    let aws = clients(&AwsSandbox::in_memory());
    let id = key(&aws).await;
    answers!(aws.kms.tag_resource().key_id(&id).tags(tag("env", "dev")).tags(tag("id", "k")), "OK");
    answers!(aws.kms.tag_resource().key_id(&id).tags(tag("env", "prod")), "OK");
    answers!(aws.kms.tag_resource().key_id(&id).tags(tag("aws:x", "y")), "TagException/400");
    answers!(aws.kms.untag_resource().key_id(&id).tag_keys("id"), "OK");
    let read = aws.kms.list_resource_tags().key_id(&id).send().await.unwrap();
    assert_eq!(read.tags(), [tag("env", "prod")]);
}

#[tokio::test]
async fn states() {
    let aws = clients(&AwsSandbox::in_memory());
    let id = key(&aws).await;
    let policy = aws.kms.get_key_policy().key_id(&id).send().await.unwrap().policy.unwrap();
    aws.kms.create_alias().alias_name("alias/a").target_key_id(&id).send().await.unwrap();
    aws.kms.enable_key_rotation().key_id(&id).send().await.unwrap();
    let encrypt = || aws.kms.encrypt().key_id(&id).plaintext(b"hello".to_vec().into());

    let sealed = encrypt().encryption_context("a", "b").send().await.unwrap().ciphertext_blob.unwrap();
    let open = || aws.kms.decrypt().ciphertext_blob(sealed.clone());
    let plain = open().encryption_context("a", "b").send().await.unwrap().plaintext.unwrap();
    assert_eq!(plain.as_ref(), b"hello");
    answers!(open(), "InvalidCiphertextException/400");

    answers!(aws.kms.disable_key().key_id(&id), "OK");
    assert_eq!(state(&aws, &id).await, ("Disabled".into(), false, false));
    answers!(encrypt(), "DisabledException/400");
    answers!(aws.kms.enable_key_rotation().key_id(&id), "DisabledException/400");
    answers!(aws.kms.disable_key_rotation().key_id(&id), "DisabledException/400");
    answers!(aws.kms.put_key_policy().key_id(&id).policy(&policy), "OK");
    answers!(aws.kms.tag_resource().key_id(&id).tags(tag("a", "b")), "OK");
    answers!(aws.kms.update_key_description().key_id(&id).description("d2"), "OK");
    answers!(aws.kms.cancel_key_deletion().key_id(&id), "KMSInvalidStateException/400");
    answers!(aws.kms.enable_key().key_id(&id), "OK");

    let schedule = || aws.kms.schedule_key_deletion().key_id(&id);
    answers!(schedule().pending_window_in_days(6), "ValidationException/400");
    answers!(schedule().pending_window_in_days(31), "ValidationException/400");
    let scheduled = schedule().pending_window_in_days(7).send().await.unwrap();
    assert_eq!(scheduled.key_state.unwrap().as_str(), "PendingDeletion");
    assert_eq!(state(&aws, &id).await, ("PendingDeletion".into(), false, true));
    assert_eq!(state(&aws, "alias/a").await, ("PendingDeletion".into(), false, true));
    let pending = "KMSInvalidStateException/400";
    answers!(schedule(), pending);
    answers!(encrypt(), pending);
    answers!(aws.kms.enable_key().key_id(&id), pending);
    answers!(aws.kms.disable_key().key_id(&id), pending);
    answers!(aws.kms.enable_key_rotation().key_id(&id), pending);
    answers!(aws.kms.tag_resource().key_id(&id).tags(tag("a", "b")), pending);
    answers!(aws.kms.untag_resource().key_id(&id).tag_keys("a"), pending);
    answers!(aws.kms.update_key_description().key_id(&id).description("d3"), pending);
    answers!(aws.kms.create_alias().alias_name("alias/b").target_key_id(&id), pending);
    answers!(aws.kms.put_key_policy().key_id(&id).policy(&policy), "OK");
    answers!(aws.kms.get_key_policy().key_id(&id), "OK");
    answers!(aws.kms.list_resource_tags().key_id(&id), "OK");
    let rotation = aws.kms.get_key_rotation_status().key_id(&id).send().await.unwrap();
    assert!(!rotation.key_rotation_enabled);

    answers!(aws.kms.cancel_key_deletion().key_id(&id), "OK");
    assert_eq!(state(&aws, &id).await, ("Disabled".into(), false, false));
    let rotation = aws.kms.get_key_rotation_status().key_id(&id).send().await.unwrap();
    assert!(rotation.key_rotation_enabled, "rotation comes back");
}
