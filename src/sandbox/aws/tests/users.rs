//! IAM: users, what they hold, and their access keys.

use super::super::AwsSandbox;
use super::roles::{ALLOW_LIST, decode};
use super::{Clients, answers, clients};
use aws_sdk_iam::types::{StatusType, Tag};

async fn policy(aws: &Clients, name: &str) -> String {
    let made = aws.iam.create_policy().policy_name(name).policy_document(ALLOW_LIST).send().await.unwrap();
    made.policy.unwrap().arn.unwrap()
}

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build().unwrap()
}

#[tokio::test]
async fn a_user_from_its_creation_to_its_end() {
    let aws = clients(&AwsSandbox::in_memory());
    let limit = policy(&aws, "limit").await;
    let create = || aws.iam.create_user().user_name("u").path("/snowssi/").tags(tag("a", "b"));
    answers!(create().permissions_boundary("arn:aws:iam::123456789012:policy/none"), "NoSuchEntity/404");
    answers!(create().permissions_boundary(&limit), "OK");
    answers!(create(), "EntityAlreadyExists/409");
    answers!(create().user_name("U"), "EntityAlreadyExists/409");
    answers!(create().user_name("a b"), "ValidationError/400");
    let user = aws.iam.get_user().user_name("u").send().await.unwrap().user.unwrap();
    assert_eq!((user.path.as_str(), user.arn.as_str()), ("/snowssi/", "arn:aws:iam::123456789012:user/snowssi/u"));
    assert!(user.user_id.starts_with("AIDA"));
    assert_eq!(user.tags.unwrap(), [tag("a", "b")]);
    assert_eq!(user.permissions_boundary.unwrap().permissions_boundary_arn.as_deref(), Some(&*limit));
    let listed = aws.iam.list_users().path_prefix("/snowssi/").send().await.unwrap().users;
    assert_eq!(listed.len(), 1);
    assert!(listed[0].tags.is_none() && listed[0].permissions_boundary.is_none(), "lists omit them");
    assert!(aws.iam.list_users().path_prefix("/other/").send().await.unwrap().users.is_empty());

    answers!(aws.iam.tag_user().user_name("u").tags(tag("c", "d")), "OK");
    answers!(aws.iam.untag_user().user_name("u").tag_keys("a"), "OK");
    let tags = aws.iam.list_user_tags().user_name("u").send().await.unwrap().tags;
    assert_eq!(tags, [tag("c", "d")]);

    answers!(aws.iam.delete_policy().policy_arn(&limit), "DeleteConflict/409");
    answers!(aws.iam.delete_user_permissions_boundary().user_name("u"), "OK");
    answers!(aws.iam.delete_policy().policy_arn(&limit), "OK");
    answers!(aws.iam.delete_user().user_name("u"), "OK");
    answers!(aws.iam.delete_user().user_name("u"), "NoSuchEntity/404");
}

#[tokio::test]
async fn policies_of_users() {
    let aws = clients(&AwsSandbox::in_memory());
    aws.iam.create_user().user_name("u").send().await.unwrap();
    let put = |text: &str| aws.iam.put_user_policy().user_name("u").policy_name("p").policy_document(text);
    answers!(put("{nope"), "MalformedPolicyDocument/400");
    answers!(put(ALLOW_LIST).user_name("none"), "NoSuchEntity/404");
    answers!(put(ALLOW_LIST), "OK");
    let resources = (0..60).map(|at| format!(r#""arn:aws:s3:::bucket-{at:020}""#)).collect::<Vec<_>>().join(",");
    answers!(put(&ALLOW_LIST.replace(r#""*""#, &format!("[{resources}]"))).policy_name("q"), "LimitExceeded/409");
    let read = aws.iam.get_user_policy().user_name("u").policy_name("p").send().await.unwrap();
    assert_eq!((read.user_name.as_str(), decode(&read.policy_document).as_str()), ("u", ALLOW_LIST));
    assert_eq!(aws.iam.list_user_policies().user_name("u").send().await.unwrap().policy_names, ["p"]);
    let arn = policy(&aws, "managed").await;
    answers!(aws.iam.attach_user_policy().user_name("u").policy_arn(&arn), "OK");
    answers!(aws.iam.attach_user_policy().user_name("u").policy_arn("arn:aws:iam::1:policy/x"), "NoSuchEntity/404");
    let attached = aws.iam.list_attached_user_policies().user_name("u").send().await.unwrap();
    assert_eq!(attached.attached_policies.unwrap()[0].policy_arn.as_deref(), Some(&*arn));
    let users = aws.iam.list_entities_for_policy().policy_arn(&arn).send().await.unwrap();
    assert_eq!(users.policy_users.unwrap()[0].user_name.as_deref(), Some("u"));
    assert!(users.policy_roles.unwrap().is_empty());
    let shown = aws.iam.get_policy().policy_arn(&arn).send().await.unwrap().policy.unwrap();
    assert_eq!(shown.attachment_count, Some(1));
    answers!(aws.iam.delete_policy().policy_arn(&arn), "DeleteConflict/409");
    answers!(aws.iam.delete_user().user_name("u"), "DeleteConflict/409");
    answers!(aws.iam.detach_user_policy().user_name("u").policy_arn(&arn), "OK");
    answers!(aws.iam.detach_user_policy().user_name("u").policy_arn(&arn), "NoSuchEntity/404");
    answers!(aws.iam.delete_user().user_name("u"), "DeleteConflict/409");
    answers!(aws.iam.delete_user_policy().user_name("u").policy_name("p"), "OK");
    answers!(aws.iam.delete_user().user_name("u"), "OK");
}

#[tokio::test]
async fn access_keys() {
    let aws = clients(&AwsSandbox::in_memory());
    aws.iam.create_user().user_name("u").send().await.unwrap();
    let create = || aws.iam.create_access_key().user_name("u");
    let first = create().send().await.unwrap().access_key.unwrap();
    assert!(first.access_key_id.starts_with("AKIA") && first.access_key_id.len() == 20);
    assert_eq!((first.secret_access_key.len(), first.status.as_str()), (40, "Active"));
    let second = create().send().await.unwrap().access_key.unwrap();
    assert_ne!(first.secret_access_key, second.secret_access_key);
    answers!(create(), "LimitExceeded/409");
    answers!(create().user_name("none"), "NoSuchEntity/404");
    let update = |id: &str| aws.iam.update_access_key().user_name("u").access_key_id(id).status(StatusType::Inactive);
    answers!(update(&first.access_key_id), "OK");
    answers!(update("AKIANONE"), "NoSuchEntity/404");
    let listed = aws.iam.list_access_keys().user_name("u").send().await.unwrap().access_key_metadata;
    let inactive = listed.iter().filter(|key| key.status == Some(StatusType::Inactive)).count();
    assert_eq!((listed.len(), inactive), (2, 1));
    let used = aws.iam.get_access_key_last_used().access_key_id(&second.access_key_id).send().await.unwrap();
    let used = used.access_key_last_used.unwrap();
    assert_eq!((used.last_used_date, used.service_name.as_str(), used.region.as_str()), (None, "N/A", "N/A"));
    answers!(aws.iam.get_access_key_last_used().access_key_id("AKIAUNKNOWN000000000"), "AccessDenied/403");
    answers!(aws.iam.delete_user().user_name("u"), "DeleteConflict/409");
    let delete = |id: &str| aws.iam.delete_access_key().user_name("u").access_key_id(id);
    answers!(delete(&first.access_key_id), "OK");
    answers!(delete(&first.access_key_id), "NoSuchEntity/404");
    answers!(delete(&second.access_key_id), "OK");
    answers!(aws.iam.delete_user().user_name("u"), "OK");
}

#[tokio::test]
async fn tags_of_policies() {
    let aws = clients(&AwsSandbox::in_memory());
    let arn = policy(&aws, "p").await;
    answers!(aws.iam.tag_policy().policy_arn(&arn).tags(tag("a", "b")).tags(tag("c", "d")), "OK");
    answers!(aws.iam.untag_policy().policy_arn(&arn).tag_keys("a"), "OK");
    let shown = aws.iam.get_policy().policy_arn(&arn).send().await.unwrap().policy.unwrap();
    assert_eq!(shown.tags.unwrap(), [tag("c", "d")]);
    assert_eq!(aws.iam.list_policy_tags().policy_arn(&arn).send().await.unwrap().tags, [tag("c", "d")]);
    answers!(
        aws.iam.tag_policy().policy_arn("arn:aws:iam::123456789012:policy/none").tags(tag("a", "b")),
        "NoSuchEntity/404"
    );
}
