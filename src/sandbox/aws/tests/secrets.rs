//! Secrets Manager: values, tags, deletion and the way back.

use std::sync::Arc;
use std::time::Duration;

use super::super::AwsSandbox;
use super::{answers, clients, clients_in};
use crate::sandbox::clock::Clock;
use aws_sdk_secretsmanager::types::Tag;

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build()
}

#[tokio::test]
async fn a_secret_from_its_creation_to_its_end() {
    let clock = Arc::new(Clock::default());
    let sandbox = AwsSandbox::in_memory_with(Arc::clone(&clock));
    let aws = clients(&sandbox).secrets;
    let create = || aws.create_secret().name("a/b").description("d").tags(tag("k", "v"));
    answers!(create().name("a b"), "ValidationException/400");
    answers!(create(), "OK");
    answers!(create(), "ResourceExistsException/400");
    answers!(aws.get_secret_value().secret_id("a/b"), "ResourceNotFoundException/400");
    answers!(aws.put_secret_value().secret_id("a/b").secret_string("one"), "OK");
    answers!(aws.put_secret_value().secret_id("a/b").secret_string("two"), "OK");
    answers!(aws.put_secret_value().secret_id("none").secret_string("two"), "ResourceNotFoundException/400");
    let got = aws.get_secret_value().secret_id("a/b").send().await.unwrap();
    assert_eq!(got.secret_string.as_deref(), Some("two"));
    let arn = got.arn.unwrap();
    assert!(arn.starts_with("arn:aws:secretsmanager:us-east-1:123456789012:secret:a/b-"), "{arn}");
    let before = aws.get_secret_value().secret_id(&arn).version_stage("AWSPREVIOUS").send().await.unwrap();
    assert_eq!(before.secret_string.as_deref(), Some("one"));
    answers!(aws.tag_resource().secret_id("a/b").tags(tag("m", "n")), "OK");
    answers!(aws.untag_resource().secret_id("a/b").tag_keys("k"), "OK");
    let shown = aws.describe_secret().secret_id("a/b").send().await.unwrap();
    assert_eq!((shown.description.as_deref(), shown.tags.unwrap()), (Some("d"), vec![tag("m", "n")]));
    assert!(shown.deleted_date.is_none());
    answers!(
        clients_in(&sandbox, "eu-west-1").secrets.describe_secret().secret_id("a/b"),
        "ResourceNotFoundException/400"
    );

    let delete = || aws.delete_secret().secret_id("a/b");
    answers!(delete().recovery_window_in_days(6), "InvalidParameterException/400");
    answers!(delete().recovery_window_in_days(7), "OK");
    assert!(aws.describe_secret().secret_id("a/b").send().await.unwrap().deleted_date.is_some());
    answers!(aws.get_secret_value().secret_id("a/b"), "InvalidRequestException/400");
    answers!(aws.put_secret_value().secret_id("a/b").secret_string("three"), "InvalidRequestException/400");
    answers!(create(), "InvalidRequestException/400");
    answers!(aws.restore_secret().secret_id("a/b"), "OK");
    let got = aws.get_secret_value().secret_id("a/b").send().await.unwrap();
    assert_eq!(got.secret_string.as_deref(), Some("two"));
    answers!(delete().recovery_window_in_days(7), "OK");
    clock.advance(Duration::from_hours(7 * 24)).unwrap();
    answers!(aws.restore_secret().secret_id("a/b"), "ResourceNotFoundException/400");
    answers!(create(), "OK");
    answers!(delete().force_delete_without_recovery(true), "OK");
    answers!(aws.describe_secret().secret_id("a/b"), "ResourceNotFoundException/400");
}
