//! A bucket's notification document. There is one per bucket and a Put replaces it whole, so entries of others are carried over.

use std::time::Duration;

use aws_sdk_s3::operation::get_bucket_notification_configuration::GetBucketNotificationConfigurationOutput as Live;
use aws_sdk_s3::types::{
    Event, FilterRule, FilterRuleName, NotificationConfiguration, NotificationConfigurationFilter, QueueConfiguration,
    S3KeyFilter,
};

use super::bucket::about;
use super::state::ForeignNotification;
use super::{Aws, percent, tags};
use crate::cloud::{Class, CloudError, Which};
use crate::model::BucketName;
use crate::model::call::{NOTIFICATION_PREFIX, QueueEntry};

/// How often the document is read back until it shows what was written, and how many units after each other.
const LOOKS: [u32; 4] = [0, 1, 3, 6];
/// The unit of [`LOOKS`].
const UNIT: Duration = Duration::from_millis(if cfg!(test) { 1 } else { 500 });

/// Our entries, and those of others.
pub(super) async fn read(
    aws: &Aws,
    name: &BucketName,
) -> Result<(Vec<QueueEntry>, Vec<ForeignNotification>), CloudError> {
    split(&document(aws, name).await?).map_err(|why| CloudError {
        object: name.to_string(),
        ..CloudError::unexpected(Which::Aws, "s3:GetBucketNotification", why)
    })
}

/// Replaces our entries and keeps those of others; then reads the document back, because a Put of somebody else may have come between.
pub(super) async fn merge(aws: &Aws, name: &BucketName, entries: &[Entry<'_>]) -> Result<(), CloudError> {
    let live = document(aws, name).await?;
    let merged = merged(live.clone(), entries)?;
    if same(&merged, &whole(live)) {
        return Ok(());
    }
    aws.on_bucket("s3:PutBucketNotification", name, |s3, owner| {
        s3.put_bucket_notification_configuration()
            .bucket(name.as_str())
            .expected_bucket_owner(owner)
            .notification_configuration(merged.clone())
            .send()
    })
    .await?;
    for pause in LOOKS {
        tokio::time::sleep(UNIT * pause).await;
        if same(&whole(document(aws, name).await?), &merged) {
            return Ok(());
        }
    }
    Err(CloudError {
        which: Which::Aws,
        operation: "s3:PutBucketNotification".into(),
        object: name.to_string(),
        code: String::new(),
        message: "the document does not show what was written: somebody else may have written it at the same time"
            .into(),
        class: Class::Conflict,
        request_id: None,
    })
}

/// An entry with its queue known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'a> {
    /// The entry.
    pub(super) entry: &'a QueueEntry,
    /// Its queue's ARN.
    pub(super) queue: &'a str,
}

async fn document(aws: &Aws, name: &BucketName) -> Result<Live, CloudError> {
    about!(aws, name, "s3:GetBucketNotification", get_bucket_notification_configuration).await
}

fn is_ours(entry: &QueueConfiguration) -> bool {
    entry.id.as_deref().is_some_and(|id| id.starts_with(NOTIFICATION_PREFIX))
}

/// The live document as it is put.
fn whole(live: Live) -> NotificationConfiguration {
    NotificationConfiguration::builder()
        .set_topic_configurations(live.topic_configurations)
        .set_queue_configurations(live.queue_configurations)
        .set_lambda_function_configurations(live.lambda_function_configurations)
        .set_event_bridge_configuration(live.event_bridge_configuration)
        .build()
}

fn merged(live: Live, entries: &[Entry<'_>]) -> Result<NotificationConfiguration, CloudError> {
    let mut document = whole(live);
    let mut queues = document.queue_configurations.take().unwrap_or_default();
    queues.retain(|entry| !is_ours(entry));
    for entry in entries {
        queues.push(to_queue(*entry)?);
    }
    document.queue_configurations = Some(queues).filter(|queues| !queues.is_empty());
    Ok(document)
}

fn to_queue(Entry { entry, queue }: Entry<'_>) -> Result<QueueConfiguration, CloudError> {
    let prefix =
        FilterRule::builder().name(FilterRuleName::Prefix).value(percent::encode_filter(&entry.prefix)).build();
    let filter =
        NotificationConfigurationFilter::builder().key(S3KeyFilter::builder().filter_rules(prefix).build()).build();
    tags::build(
        QueueConfiguration::builder()
            .id(&entry.id)
            .queue_arn(queue)
            .set_events(Some(entry.events.iter().map(|event| Event::from(event.as_str())).collect()))
            .set_filter((!entry.prefix.is_empty()).then_some(filter))
            .build(),
    )
}

/// Prefix and suffix of a filter, as they are on the wire. S3 takes `prefix` and gives back `Prefix`.
fn affixes(filter: Option<&NotificationConfigurationFilter>) -> (&str, &str) {
    let rules = filter.and_then(|filter| filter.key.as_ref()).map(S3KeyFilter::filter_rules).unwrap_or_default();
    let find = |wanted: &str| {
        let rule =
            rules.iter().find(|rule| rule.name.as_ref().is_some_and(|name| name.as_str().eq_ignore_ascii_case(wanted)));
        rule.and_then(|rule| rule.value.as_deref()).unwrap_or_default()
    };
    (find("prefix"), find("suffix"))
}

fn names(events: &[Event]) -> Vec<String> {
    let mut names: Vec<_> = events.iter().map(|event| event.as_str().to_owned()).collect();
    names.sort();
    names
}

fn split(live: &Live) -> Result<(Vec<QueueEntry>, Vec<ForeignNotification>), String> {
    let mut ours = Vec::new();
    let mut foreign = Vec::new();
    let decode = |text: &str| percent::decode_form(text).map_err(|why| format!("the filter `{text}`: {why}"));
    for entry in live.queue_configurations().iter().filter(|entry| is_ours(entry)) {
        let (prefix, suffix) = affixes(entry.filter.as_ref());
        // We never write a suffix. One that is there must not be lost, and `*` stands in no prefix of ours.
        let mark = if suffix.is_empty() { "" } else { "*" };
        ours.push(QueueEntry {
            id: entry.id.clone().unwrap_or_default(),
            queue: entry.queue_arn.as_str().into(),
            events: names(&entry.events),
            prefix: decode(prefix)? + mark + suffix,
        });
    }
    let queues = live.queue_configurations().iter().filter(|entry| !is_ours(entry));
    let queues = queues.map(|entry| (&entry.id, &entry.queue_arn, &entry.events, &entry.filter));
    let topics =
        live.topic_configurations().iter().map(|entry| (&entry.id, &entry.topic_arn, &entry.events, &entry.filter));
    let lambdas = live.lambda_function_configurations().iter();
    let lambdas = lambdas.map(|entry| (&entry.id, &entry.lambda_function_arn, &entry.events, &entry.filter));
    for (id, destination, events, filter) in queues.chain(topics).chain(lambdas) {
        let (prefix, suffix) = affixes(filter.as_ref());
        foreign.push(ForeignNotification {
            id: id.clone().unwrap_or_default(),
            destination: destination.clone(),
            events: names(events),
            // Somebody else's filter may be written without encoding: then it is shown as it stands.
            prefix: percent::decode_form(prefix).unwrap_or_else(|_| prefix.to_owned()),
            suffix: percent::decode_form(suffix).unwrap_or_else(|_| suffix.to_owned()),
        });
    }
    ours.sort();
    Ok((ours, foreign))
}

/// Whether two documents mean the same: the order of entries and events and the case of filter names do not matter.
fn same(one: &NotificationConfiguration, other: &NotificationConfiguration) -> bool {
    normal(one) == normal(other)
}

fn normal(document: &NotificationConfiguration) -> (Vec<String>, bool) {
    let line = |kind: &str,
                id: &Option<String>,
                to: &str,
                events: &[Event],
                filter: &Option<NotificationConfigurationFilter>| {
        format!("{kind} {id:?} {to:?} {:?} {:?}", names(events), affixes(filter.as_ref()))
    };
    let queues =
        document.queue_configurations().iter().map(|e| line("queue", &e.id, &e.queue_arn, &e.events, &e.filter));
    let topics =
        document.topic_configurations().iter().map(|e| line("topic", &e.id, &e.topic_arn, &e.events, &e.filter));
    let lambdas = document.lambda_function_configurations().iter();
    let lambdas = lambdas.map(|e| line("lambda", &e.id, &e.lambda_function_arn, &e.events, &e.filter));
    let mut lines: Vec<_> = queues.chain(topics).chain(lambdas).collect();
    lines.sort();
    (lines, document.event_bridge_configuration.is_some())
}
