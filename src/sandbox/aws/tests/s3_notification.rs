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

/// What waits in the outbox, message by message.
fn told(sandbox: &AwsSandbox) -> Vec<serde_json::Value> {
    sandbox.outbox().into_iter().map(|(_, message)| serde_json::from_str(&message.body).unwrap()).collect()
}

#[tokio::test]
async fn changes_raise_events_in_the_form_that_s3_documents() {
    let sandbox = AwsSandbox::in_memory();
    let aws = clients(&sandbox);
    let bucket = "snow-a";
    aws.s3.create_bucket().bucket(bucket).send().await.unwrap();
    let config = NotificationConfiguration::builder()
        .queue_configurations(queue(Some("mine"), SNOWPIPE, "s3:ObjectCreated:*", "in/"))
        .queue_configurations(queue(Some("gone"), SNOWPIPE, "s3:ObjectRemoved:*", ""))
        .topic_configurations(
            aws_sdk_s3::types::TopicConfiguration::builder()
                .topic_arn("arn:aws:sns:us-east-1:123456789012:t")
                .events(Event::from("s3:ObjectCreated:Put"))
                .filter(queue(None, SNOWPIPE, "s3:ObjectCreated:Put", "topic/").filter().unwrap().clone())
                .build()
                .unwrap(),
        )
        .build();
    sandbox.add_destination("arn:aws:sns:us-east-1:123456789012:t").unwrap();
    let put = aws.s3.put_bucket_notification_configuration().bucket(bucket).notification_configuration(config);
    answers!("configure", put, "OK");
    let tests = told(&sandbox);
    assert_eq!(tests.len(), 1, "one for each destination");
    assert_eq!((tests[0]["Event"].as_str(), tests[0]["Bucket"].as_str()), (Some("s3:TestEvent"), Some(bucket)));
    let topic = [("arn:aws:sns:us-east-1:123456789012:t".to_owned(), 1)];
    assert_eq!(sandbox.undeliverable().into_iter().collect::<Vec<_>>(), topic);
    sandbox.sent(sandbox.outbox()[0].0, true).unwrap();

    let put = |key: &str| aws.s3.put_object().bucket(bucket).key(key).body(b"hello".to_vec().into());
    answers!("matches", put("in/red flower+1.txt"), "OK");
    answers!("does not match", put("other"), "OK");
    answers!("for the topic", put("topic/x"), "OK");
    let events = told(&sandbox);
    assert_eq!(events.len(), 1);
    let record = &events[0]["Records"][0];
    for (pointer, wanted) in [
        ("/eventVersion", "2.1"),
        ("/eventSource", "aws:s3"),
        ("/awsRegion", "us-east-1"),
        ("/eventName", "ObjectCreated:Put"),
        ("/userIdentity/principalId", "AWS:AIDASNOWSSISANDBOX000"),
        ("/s3/s3SchemaVersion", "1.0"),
        ("/s3/configurationId", "mine"),
        ("/s3/bucket/name", bucket),
        ("/s3/bucket/arn", "arn:aws:s3:::snow-a"),
        ("/s3/object/key", "in/red+flower%2B1.txt"),
        ("/s3/object/eTag", "5d41402abc4b2a76b9719d911017c592"),
    ] {
        assert_eq!(record.pointer(pointer).and_then(|value| value.as_str()), Some(wanted), "{pointer}");
    }
    assert_eq!(record.pointer("/s3/object/size").and_then(serde_json::Value::as_u64), Some(5));
    assert!(record.pointer("/s3/object/versionId").is_none(), "the bucket was never versioned");
    assert_eq!(sandbox.undeliverable()["arn:aws:sns:us-east-1:123456789012:t"], 2);

    answers!("not there", aws.s3.delete_object().bucket(bucket).key("in/nothing"), "OK");
    answers!("there", aws.s3.delete_object().bucket(bucket).key("other"), "OK");
    let versioned = aws_sdk_s3::types::VersioningConfiguration::builder()
        .status(aws_sdk_s3::types::BucketVersioningStatus::Enabled)
        .build();
    answers!("versions", aws.s3.put_bucket_versioning().bucket(bucket).versioning_configuration(versioned), "OK");
    let version = put("in/v").send().await.unwrap().version_id.unwrap();
    answers!("a marker", aws.s3.delete_object().bucket(bucket).key("in/v"), "OK");
    answers!("a version", aws.s3.delete_object().bucket(bucket).key("in/v").version_id(&version), "OK");
    let upload = aws.s3.create_multipart_upload().bucket(bucket).key("in/m").send().await.unwrap().upload_id.unwrap();
    let part = aws.s3.upload_part().bucket(bucket).key("in/m").upload_id(&upload).part_number(1);
    let etag = part.body(b"m".to_vec().into()).send().await.unwrap().e_tag.unwrap();
    let parts = aws_sdk_s3::types::CompletedMultipartUpload::builder()
        .parts(aws_sdk_s3::types::CompletedPart::builder().part_number(1).e_tag(etag).build())
        .build();
    let complete = aws.s3.complete_multipart_upload().bucket(bucket).key("in/m").upload_id(&upload);
    answers!("many parts", complete.multipart_upload(parts), "OK");
    let many = aws_sdk_s3::types::Delete::builder()
        .objects(aws_sdk_s3::types::ObjectIdentifier::builder().key("in/m").build().unwrap())
        .objects(aws_sdk_s3::types::ObjectIdentifier::builder().key("topic/x").build().unwrap())
        .build()
        .unwrap();
    answers!("many", aws.s3.delete_objects().bucket(bucket).delete(many), "OK");
    let events = told(&sandbox);
    let seen: Vec<(&str, &str)> = events
        .iter()
        .map(|event| &event["Records"][0])
        .map(|record| (record["eventName"].as_str().unwrap(), record["s3"]["object"]["key"].as_str().unwrap()))
        .collect();
    assert_eq!(
        seen[1..],
        [
            ("ObjectRemoved:Delete", "other"),
            ("ObjectCreated:Put", "in/v"),
            ("ObjectRemoved:DeleteMarkerCreated", "in/v"),
            ("ObjectRemoved:Delete", "in/v"),
            ("ObjectCreated:CompleteMultipartUpload", "in/m"),
            ("ObjectRemoved:DeleteMarkerCreated", "in/m"),
            ("ObjectRemoved:DeleteMarkerCreated", "topic/x"),
        ]
    );
    let object = |at: usize| &events[at]["Records"][0]["s3"]["object"];
    assert_eq!(object(4)["versionId"].as_str(), Some(version.as_str()));
    let orders: Vec<&str> = (0..events.len()).map(|at| object(at)["sequencer"].as_str().unwrap()).collect();
    assert!(orders.is_sorted(), "{orders:?}");

    let outbox = sandbox.outbox();
    sandbox.sent(outbox[0].0, false).unwrap();
    assert_eq!((sandbox.outbox().len(), sandbox.undeliverable()[SNOWPIPE]), (outbox.len() - 1, 1));
}
