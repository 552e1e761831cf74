//! IAM: policies of roles, managed policies, paging, deletion.

use super::super::AwsSandbox;
use super::roles::{ALLOW_LIST, SERVICE_TRUST, decode, role};
use super::{Clients, answers, clients};
use aws_sdk_iam::types::EntityType;

async fn policy(aws: &Clients, name: &str) -> String {
    let made = aws.iam.create_policy().policy_name(name).policy_document(ALLOW_LIST).send().await.unwrap();
    made.policy.unwrap().arn.unwrap()
}

#[tokio::test]
async fn inline_policies() {
    let aws = clients(&AwsSandbox::in_memory());
    role(&aws, "r", SERVICE_TRUST).await;
    let put = |text: &str| aws.iam.put_role_policy().role_name("r").policy_name("p1").policy_document(text);
    let allow = |inner: &str| format!(r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow"{inner}}}]}}"#);
    let table = [
        ("not JSON", "{nope".to_owned()),
        ("has Principal", allow(r#","Principal":"*","Action":"s3:*","Resource":"*""#)),
        ("no Action", allow(r#","Resource":"*""#)),
        ("no Resource", allow(r#","Action":"s3:*""#)),
        ("bad resource", allow(r#","Action":"s3:*","Resource":"bucket""#)),
        ("action without vendor", allow(r#","Action":"GetObject","Resource":"*""#)),
        ("duplicate Sid", r#"{"Version":"2012-10-17","Statement":[{"Sid":"a","Effect":"Allow","Action":"s3:*","Resource":"*"},{"Sid":"a","Effect":"Deny","Action":"s3:*","Resource":"*"}]}"#.to_owned()),
    ];
    for (case, text) in table {
        answers!(case, put(&text), "MalformedPolicyDocument/400");
    }
    answers!(put(ALLOW_LIST), "OK");
    let read = aws.iam.get_role_policy().role_name("r").policy_name("p1").send().await.unwrap();
    assert!(!read.policy_document.contains('{'));
    assert_eq!(decode(&read.policy_document), ALLOW_LIST);
    let resources = (0..300).map(|at| format!(r#""arn:aws:s3:::bucket-{at:020}""#)).collect::<Vec<_>>().join(",");
    let long = ALLOW_LIST.replace(r#""*""#, &format!("[{resources}]"));
    answers!(put(&long).policy_name("p2"), "LimitExceeded/409");
    answers!(put(ALLOW_LIST).role_name("none"), "NoSuchEntity/404");
    let names = aws.iam.list_role_policies().role_name("r").send().await.unwrap();
    assert_eq!(names.policy_names, ["p1"]);
    answers!(aws.iam.get_role_policy().role_name("r").policy_name("p9"), "NoSuchEntity/404");
    answers!(aws.iam.delete_role_policy().role_name("r").policy_name("p9"), "NoSuchEntity/404");
    answers!(aws.iam.delete_role().role_name("r"), "DeleteConflict/409");
    answers!(aws.iam.delete_role_policy().role_name("r").policy_name("p1"), "OK");
    answers!(aws.iam.list_instance_profiles_for_role().role_name("r"), "OK");
    answers!(aws.iam.delete_role().role_name("r"), "OK");
    answers!(aws.iam.delete_role().role_name("r"), "NoSuchEntity/404");
}

#[tokio::test]
async fn attached_policies() {
    let aws = clients(&AwsSandbox::in_memory());
    role(&aws, "r", SERVICE_TRUST).await;
    let arn = policy(&aws, "snow-mp").await;
    let attach = |arn: &str| aws.iam.attach_role_policy().role_name("r").policy_arn(arn);
    answers!(attach(&arn), "OK");
    answers!(attach(&arn), "OK");
    answers!(attach("arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"), "OK");
    answers!(attach("arn:aws:iam::123456789012:policy/none"), "NoSuchEntity/404");
    let listed = aws.iam.list_attached_role_policies().role_name("r").send().await.unwrap();
    let names: Vec<_> = listed.attached_policies().iter().filter_map(|policy| policy.policy_name()).collect();
    assert_eq!(names, ["snow-mp", "AmazonS3ReadOnlyAccess"]);
    for at in 0..8 {
        answers!(attach(&policy(&aws, &format!("p{at}")).await), "OK");
    }
    answers!(attach(&policy(&aws, "p9").await), "LimitExceeded/409");
    answers!(aws.iam.delete_role().role_name("r"), "DeleteConflict/409");
    answers!(aws.iam.delete_policy().policy_arn(&arn), "DeleteConflict/409");
    let entities = aws.iam.list_entities_for_policy().policy_arn(&arn).send().await.unwrap();
    assert_eq!(entities.policy_roles().len(), 1);
    let detach = || aws.iam.detach_role_policy().role_name("r").policy_arn(&arn);
    answers!(detach(), "OK");
    answers!(detach(), "NoSuchEntity/404");
    let bound = aws.iam.put_role_permissions_boundary().role_name("r");
    answers!(bound.clone().permissions_boundary("arn:aws:iam::123456789012:policy/none"), "NoSuchEntity/404");
    answers!(bound.permissions_boundary(&arn), "OK");
    let read = aws.iam.get_policy().policy_arn(&arn).send().await.unwrap().policy.unwrap();
    assert_eq!((read.attachment_count, read.permissions_boundary_usage_count), (Some(0), Some(1)));
    answers!(aws.iam.delete_policy().policy_arn(&arn), "DeleteConflict/409");
    answers!(aws.iam.delete_role_permissions_boundary().role_name("r"), "OK");
    answers!(aws.iam.delete_policy().policy_arn(&arn), "OK");
    answers!(aws.iam.delete_policy().policy_arn(&arn), "NoSuchEntity/404");
}

#[tokio::test]
async fn versions_of_managed_policies() {
    let aws = clients(&AwsSandbox::in_memory());
    let create = || aws.iam.create_policy().policy_name("snow-mp").path("/snowssi/").policy_document(ALLOW_LIST);
    let made = create().description("d").send().await.unwrap().policy.unwrap();
    let arn = made.arn.unwrap();
    assert_eq!(arn, "arn:aws:iam::123456789012:policy/snowssi/snow-mp");
    answers!(create(), "EntityAlreadyExists/409");
    answers!(create().path("/"), "EntityAlreadyExists/409");
    answers!(create().policy_name("bad").policy_document("{nope"), "MalformedPolicyDocument/400");
    let resources = (0..200).map(|at| format!(r#""arn:aws:s3:::bucket-{at:020}""#)).collect::<Vec<_>>().join(",");
    let long = ALLOW_LIST.replace(r#""*""#, &format!("[{resources}]"));
    answers!(create().policy_name("long").policy_document(long), "LimitExceeded/409");
    let version = || aws.iam.create_policy_version().policy_arn(&arn).policy_document(ALLOW_LIST).set_as_default(true);
    let remove = |id: &str| aws.iam.delete_policy_version().policy_arn(&arn).version_id(id);
    for expected in ["v2", "v3", "v4", "v5"] {
        let made = version().send().await.unwrap().policy_version.unwrap();
        assert_eq!((made.version_id.as_deref(), made.is_default_version), (Some(expected), true));
    }
    answers!(version(), "LimitExceeded/409");
    answers!(remove("v5"), "DeleteConflict/409");
    answers!(aws.iam.delete_policy().policy_arn(&arn), "DeleteConflict/409");
    answers!(remove("v1"), "OK");
    answers!(remove("v1"), "NoSuchEntity/404");
    assert_eq!(version().send().await.unwrap().policy_version.unwrap().version_id.as_deref(), Some("v6"));
    let listed = aws.iam.list_policy_versions().policy_arn(&arn).send().await.unwrap();
    let ids: Vec<_> = listed.versions().iter().filter_map(|version| version.version_id()).collect();
    assert_eq!(ids, ["v6", "v5", "v4", "v3", "v2"]);
    answers!(aws.iam.set_default_policy_version().policy_arn(&arn).version_id("v2"), "OK");
    let read = aws.iam.get_policy().policy_arn(&arn).send().await.unwrap().policy.unwrap();
    assert_eq!((read.default_version_id.as_deref(), read.description.as_deref()), (Some("v2"), Some("d")));
    let read = aws.iam.get_policy_version().policy_arn(&arn).version_id("v2").send().await.unwrap();
    let document = read.policy_version.unwrap().document.unwrap();
    assert!(!document.contains('{'));
    assert_eq!(decode(&document), ALLOW_LIST);
}

#[tokio::test]
async fn lists_come_in_pages() {
    let aws = clients(&AwsSandbox::in_memory());
    let edge = policy(&aws, "edge").await;
    policy(&aws, "edge2").await;
    for name in ["a", "b", "c"] {
        role(&aws, name, SERVICE_TRUST).await;
    }
    let tag = aws_sdk_iam::types::Tag::builder().key("k").value("v").build().unwrap();
    aws.iam.tag_role().role_name("b").tags(tag).send().await.unwrap();
    aws.iam.put_role_permissions_boundary().role_name("b").permissions_boundary(&edge).send().await.unwrap();
    aws.iam.attach_role_policy().role_name("b").policy_arn(&edge).send().await.unwrap();
    aws.iam.put_role_policy().role_name("b").policy_name("p").policy_document(ALLOW_LIST).send().await.unwrap();

    let first = aws.iam.list_roles().max_items(1).send().await.unwrap();
    assert_eq!((first.roles.len(), first.is_truncated, first.marker.is_some()), (1, true, true));
    let mut names = Vec::new();
    let mut pages = aws.iam.list_roles().into_paginator().page_size(2).send();
    while let Some(page) = pages.next().await {
        names.extend(page.unwrap().roles.into_iter().map(|role| role.role_name));
    }
    assert_eq!(names, ["a", "b", "c"]);

    let mut pages =
        aws.iam.get_account_authorization_details().filter(EntityType::Role).into_paginator().page_size(2).send();
    let mut roles = Vec::new();
    while let Some(page) = pages.next().await {
        roles.extend(page.unwrap().role_detail_list.unwrap_or_default());
    }
    assert_eq!(roles.len(), 3);
    let b = &roles[1];
    assert_eq!((b.tags().len(), b.role_policy_list().len(), b.attached_managed_policies().len()), (1, 1, 1));
    assert!(b.permissions_boundary().is_some());
    assert_eq!(decode(b.assume_role_policy_document().unwrap()), SERVICE_TRUST);
    assert_eq!(decode(b.role_policy_list()[0].policy_document().unwrap()), ALLOW_LIST);

    let details = aws.iam.get_account_authorization_details().filter(EntityType::LocalManagedPolicy).max_items(1);
    let page = details.send().await.unwrap();
    assert_eq!((page.policies().len(), page.role_detail_list().len(), page.is_truncated), (1, 0, true));
    assert_eq!(page.policies()[0].policy_version_list().len(), 1);
}
