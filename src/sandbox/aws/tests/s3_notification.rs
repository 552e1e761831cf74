//! Event notifications.

use aws_sdk_s3::types::{
    Event, EventBridgeConfiguration, FilterRule, FilterRuleName, NotificationConfiguration,
    NotificationConfigurationFilter, QueueConfiguration, S3KeyFilter,
};

use super::super::AwsSandbox;
use super::{answers, clients};

const SNOWPIPE: &str = "arn:aws:sqs:us-east-1:494544507972:sf-snowpipe-AIDA-x";
const OURS: &str = "arn:aws:sqs:us-east-1:123456789012:ours";

fn queue(id: Option<&str>, arn: &str, event: &str, prefix: &str) -> QueueConfiguration {
    let rule = FilterRule::builder().name(FilterRuleName::Prefix).value(prefix).build();
    let filter = NotificationConfigurationFilter::builder().key(S3KeyFilter::builder().filter_rules(rule).build());
    QueueConfiguration::builder()
        .set_id(id.map(str::to_owned))
        .queue_arn(arn)
        .events(Event::from(event))
        .filter(filter.build())
        .build()
        .unwrap()
}

#[tokio::test]
async fn documents_are_checked_whole() {
    let sandbox = AwsSandbox::in_memory();
    let aws = clients(&sandbox);
    aws.s3.create_bucket().bucket("snow-a").send().await.unwrap();
    let put = |queues: Vec<QueueConfiguration>| {
        let config = NotificationConfiguration::builder().set_queue_configurations(Some(queues)).build();
        aws.s3.put_bucket_notification_configuration().bucket("snow-a").notification_configuration(config)
    };
    let created = "s3:ObjectCreated:*";
    let one = |arn: &str| vec![queue(Some("a"), arn, created, "in/")];
    let wrong = "InvalidArgument/400";
    answers!("a queue that is not there", put(one(OURS)), wrong);
    answers!("the same, unchecked", put(one(OURS)).skip_destination_validation(true), "OK");
    answers!("Snowflake's queue", put(one(SNOWPIPE)), "OK");
    sandbox.add_destination(OURS).unwrap();
    answers!("a queue that is there", put(one(OURS)), "OK");
    answers!("another region", put(one(&SNOWPIPE.replace("us-east-1", "eu-west-1"))), wrong);
    answers!("FIFO", put(one(&format!("{OURS}.fifo"))).skip_destination_validation(true), wrong);
    answers!("not an ARN", put(one("queue")).skip_destination_validation(true), wrong);
    answers!("unknown event", put(vec![queue(None, OURS, "s3:ObjectEaten:*", "")]), wrong);
    let two = |id: &str, event: &str, prefix: &str| {
        put(vec![queue(Some("a"), OURS, created, "in/"), queue(Some(id), SNOWPIPE, event, prefix)])
    };
    answers!("overlap", two("b", created, "in/sub/"), wrong);
    answers!("overlap of all", two("b", "s3:ObjectCreated:Put", ""), wrong);
    answers!("other events", two("b", "s3:ObjectRemoved:*", "in/"), "OK");
    answers!("duplicate IDs", two("a", created, "out/"), wrong);
    answers!("side by side", two("b", created, "out/"), "OK");

    answers!(
        "a generated ID",
        put(vec![queue(None, OURS, created, "in/"), queue(Some("b"), SNOWPIPE, created, "x/")]),
        "OK"
    );
    let read = aws.s3.get_bucket_notification_configuration().bucket("snow-a").send().await.unwrap();
    let queues = read.queue_configurations();
    assert_eq!(queues.len(), 2);
    assert!(queues[0].id().is_some_and(|id| !id.is_empty()));
    let rule = &queues[0].filter().unwrap().key().unwrap().filter_rules()[0];
    assert_eq!((rule.name().unwrap().as_str(), rule.value()), ("Prefix", Some("in/")));

    let bridge = NotificationConfiguration::builder()
        .event_bridge_configuration(EventBridgeConfiguration::builder().build())
        .queue_configurations(queue(Some("a"), OURS, created, ""))
        .build();
    let put =
        |config| aws.s3.put_bucket_notification_configuration().bucket("snow-a").notification_configuration(config);
    answers!(put(bridge), "OK");
    let read = aws.s3.get_bucket_notification_configuration().bucket("snow-a").send().await.unwrap();
    assert!(read.event_bridge_configuration.is_some());
    answers!(put(NotificationConfiguration::builder().build()), "OK");
    let read = aws.s3.get_bucket_notification_configuration().bucket("snow-a").send().await.unwrap();
    assert!(read.queue_configurations.is_none() && read.event_bridge_configuration.is_none());
}
