//! SNS: topics, their policies, subscriptions and tags.

use super::super::AwsSandbox;
use super::{answers, clients, clients_in};
use aws_sdk_sns::types::Tag;

const ARN: &str = "arn:aws:sns:us-east-1:123456789012:t";

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build().unwrap()
}

#[tokio::test]
async fn a_topic_from_its_creation_to_its_end() {
    let sandbox = AwsSandbox::in_memory();
    let aws = clients(&sandbox).sns;
    let create = || aws.create_topic().name("t").attributes("KmsMasterKeyId", "alias/aws/sns").tags(tag("k", "v"));
    answers!(aws.get_topic_attributes().topic_arn(ARN), "NotFound/404");
    answers!(aws.create_topic().name("a b"), "InvalidParameter/400");
    assert_eq!(create().send().await.unwrap().topic_arn.as_deref(), Some(ARN));
    answers!(create(), "OK");
    answers!(aws.create_topic().name("t").tags(tag("k", "v")), "InvalidParameter/400");
    answers!(create().tags(tag("l", "v")), "InvalidParameter/400");
    answers!(clients_in(&sandbox, "eu-west-1").sns.get_topic_attributes().topic_arn(ARN), "InvalidParameter/400");

    let set =
        |name: &str, value: &str| aws.set_topic_attributes().topic_arn(ARN).attribute_name(name).attribute_value(value);
    let statement = |action: &str, resource: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Deny","Principal":"*","Action":"{action}","Resource":"{resource}"}}]}}"#
        )
    };
    answers!(set("DisplayName", "d"), "OK");
    answers!(set("Policy", "{"), "InvalidParameter/400");
    answers!(set("Policy", &statement("sns:*", ARN)), "InvalidParameter/400");
    answers!(set("Policy", &statement("sns:Publish", "*")), "InvalidParameter/400");
    answers!(set("Policy", &statement("sns:Publish", ARN)), "OK");
    let shown = aws.get_topic_attributes().topic_arn(ARN).send().await.unwrap().attributes.unwrap();
    assert_eq!((shown["DisplayName"].as_str(), shown["KmsMasterKeyId"].as_str()), ("d", "alias/aws/sns"));
    assert_eq!(shown["Policy"], statement("sns:Publish", ARN));

    answers!(aws.tag_resource().resource_arn(ARN).tags(tag("m", "n")), "OK");
    answers!(aws.untag_resource().resource_arn(ARN).tag_keys("k"), "OK");
    let tags = aws.list_tags_for_resource().resource_arn(ARN).send().await.unwrap();
    assert_eq!(tags.tags(), [tag("m", "n")]);
    answers!(aws.delete_topic().topic_arn(ARN), "OK");
    answers!(aws.get_topic_attributes().topic_arn(ARN), "NotFound/404");
}

#[tokio::test]
async fn a_mailbox_waits_for_its_confirmation_and_an_own_queue_does_not() {
    let sandbox = AwsSandbox::in_memory();
    let aws = clients(&sandbox).sns;
    answers!(aws.create_topic().name("t"), "OK");
    let subscribe =
        |protocol: &str, endpoint: &str| aws.subscribe().topic_arn(ARN).protocol(protocol).endpoint(endpoint);
    answers!(subscribe("email", "nobody"), "InvalidParameter/400");
    answers!(subscribe("pigeon", "a@b"), "InvalidParameter/400");
    let asked = subscribe("email", "a@b").send().await.unwrap();
    assert_eq!(asked.subscription_arn.as_deref(), Some("pending confirmation"));
    let queue = subscribe("sqs", "arn:aws:sqs:us-east-1:123456789012:q").send().await.unwrap();
    let arn = queue.subscription_arn.unwrap();
    assert!(arn.starts_with(ARN), "{arn}");
    let list = || aws.list_subscriptions_by_topic().topic_arn(ARN);
    let arns = |of: aws_sdk_sns::operation::list_subscriptions_by_topic::ListSubscriptionsByTopicOutput| {
        of.subscriptions().iter().filter_map(|one| one.subscription_arn.clone()).collect::<Vec<_>>()
    };
    assert_eq!(arns(list().send().await.unwrap()), ["PendingConfirmation", &arn]);
    answers!(aws.unsubscribe().subscription_arn("PendingConfirmation"), "InvalidParameter/400");
    answers!(aws.unsubscribe().subscription_arn(&arn), "OK");
    assert_eq!(arns(list().send().await.unwrap()).len(), 1);
}
