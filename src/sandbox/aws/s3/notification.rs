//! Event notifications: S3 checks the whole document and every destination before it keeps any of it.

use std::collections::BTreeSet;

use super::super::store::World;
use super::super::wire::{Answer, Asked, Refused, Reply};
use super::super::xml::Node;
use super::{document, event, invalid_argument, malformed, no_such_bucket};

/// Events that can be asked for. A `*` stands for all that begin like it.
const EVENTS: &[&str] = &[
    "s3:ObjectCreated:*",
    "s3:ObjectCreated:Put",
    "s3:ObjectCreated:Post",
    "s3:ObjectCreated:Copy",
    "s3:ObjectCreated:CompleteMultipartUpload",
    "s3:ObjectRemoved:*",
    "s3:ObjectRemoved:Delete",
    "s3:ObjectRemoved:DeleteMarkerCreated",
    "s3:ObjectRestore:*",
    "s3:ObjectRestore:Post",
    "s3:ObjectRestore:Completed",
    "s3:ObjectRestore:Delete",
    "s3:ObjectTagging:*",
    "s3:ObjectTagging:Put",
    "s3:ObjectTagging:Delete",
    "s3:ObjectAcl:Put",
    "s3:LifecycleExpiration:*",
    "s3:LifecycleExpiration:Delete",
    "s3:LifecycleExpiration:DeleteMarkerCreated",
    "s3:LifecycleTransition",
    "s3:IntelligentTiering",
    "s3:ReducedRedundancyLostObject",
    "s3:Replication:*",
    "s3:Replication:OperationFailedReplication",
    "s3:Replication:OperationMissedThreshold",
    "s3:Replication:OperationNotTracked",
    "s3:Replication:OperationReplicatedAfterThreshold",
];

pub(super) fn put(world: &mut World, asked: &Asked, name: &str) -> Answer {
    let mut given = document(asked, "NotificationConfiguration")?;
    let bucket = world.buckets.get(name).ok_or_else(|| no_such_bucket(name))?;
    let validate = asked.header("x-amz-skip-destination-validation") != Some("true");
    let mut ids = BTreeSet::new();
    for entry in &mut given.kids {
        if entry.name == "EventBridgeConfiguration" {
            continue;
        }
        complete(entry)?;
        let destination = destination(entry)?;
        check_destination(&destination, &bucket.region)?;
        if validate && !reachable(world, &destination, &bucket.region) {
            return Err(invalid_argument("Unable to validate the following destination configurations"));
        }
        if !ids.insert(entry.text_of("Id").unwrap_or_default().to_owned()) {
            return Err(invalid_argument("Configuration Ids must be unique"));
        }
    }
    let entries: Vec<&Node> = given.kids.iter().filter(|entry| entry.name != "EventBridgeConfiguration").collect();
    for (at, one) in entries.iter().enumerate() {
        if entries.iter().skip(at + 1).any(|other| overlap(one, other)) {
            let message = "Configurations overlap. Configurations on the same bucket cannot share a common event type.";
            return Err(invalid_argument(message));
        }
    }
    let tested = entries.into_iter().filter(|_| validate).map(destination).collect::<Result<BTreeSet<_>, _>>()?;
    event::test(world, name, tested, &asked.id);
    let bucket = world.buckets.get_mut(name).ok_or_else(|| no_such_bucket(name))?;
    if given.kids.is_empty() {
        bucket.config.remove("notification");
    } else {
        bucket.config.insert("notification".into(), given);
    }
    Ok(Reply::empty(200))
}

/// Gives an entry an ID if it has none, writes the names of its filter rules as S3 does, and checks events and filter.
fn complete(entry: &mut Node) -> Result<(), Refused> {
    if entry.text_of("Id").is_none_or(str::is_empty) {
        entry.kids.retain(|kid| kid.name != "Id");
        entry.kids.insert(0, Node::leaf("Id", uuid::Uuid::new_v4().simple()));
    }
    if entry.child("Event").is_none() {
        return Err(malformed());
    }
    if let Some(odd) = entry.all("Event").find(|event| !EVENTS.contains(&event.text.as_str())) {
        return Err(invalid_argument(format!("The event '{}' is not supported for notifications", odd.text)));
    }
    let filter = entry.kids.iter_mut().find(|kid| kid.name == "Filter");
    let key = filter.and_then(|filter| filter.kids.iter_mut().find(|kid| kid.name == "S3Key"));
    let mut seen = BTreeSet::new();
    for rule in key.into_iter().flat_map(|key| &mut key.kids) {
        let Some(name) = rule.kids.iter_mut().find(|kid| kid.name == "Name") else { return Err(malformed()) };
        name.text = match name.text.to_ascii_lowercase().as_str() {
            "prefix" => "Prefix".into(),
            "suffix" => "Suffix".into(),
            _ => return Err(invalid_argument("filter rule name must be either prefix or suffix")),
        };
        if !seen.insert(name.text.clone()) {
            let message = format!("Cannot specify more than one {} rule in a filter.", name.text.to_lowercase());
            return Err(invalid_argument(message));
        }
    }
    Ok(())
}

fn destination(entry: &Node) -> Result<String, Refused> {
    let arn = match entry.name.as_str() {
        "QueueConfiguration" => entry.text_of("Queue"),
        "TopicConfiguration" => entry.text_of("Topic"),
        "CloudFunctionConfiguration" => entry.text_of("CloudFunction"),
        _ => None,
    };
    arn.map(str::to_owned).ok_or_else(malformed)
}

fn check_destination(arn: &str, bucket_region: &str) -> Result<(), Refused> {
    let fields: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", _, "sqs" | "sns" | "lambda", region, _, resource] = fields[..] else {
        return Err(invalid_argument("The ARN could not be parsed"));
    };
    if region != bucket_region {
        let message = "The notification destination service region is not valid for the bucket location constraint";
        return Err(invalid_argument(message));
    }
    if resource.strip_suffix(".fifo").is_some() {
        return Err(invalid_argument("FIFO SQS queues and FIFO SNS topics are not allowed as a destination"));
    }
    Ok(())
}

/// Whether S3 could send its test event: to Snowflake's queues, which trust every bucket's owner, and to known destinations.
fn reachable(world: &World, arn: &str, region: &str) -> bool {
    let snowflake = arn
        .strip_prefix(&format!("arn:aws:sqs:{region}:"))
        .and_then(|rest| rest.split_once(':'))
        .is_some_and(|(account, queue)| account.len() == 12 && queue.starts_with("sf-snowpipe-"));
    snowflake || world.destinations.contains(arn)
}

/// Whether an event on one key could reach both entries.
fn overlap(one: &Node, other: &Node) -> bool {
    let same_event = |a: &Node, b: &Node| {
        let covers = |a: &str, b: &str| a == b || a.strip_suffix('*').is_some_and(|begin| b.starts_with(begin));
        covers(&a.text, &b.text) || covers(&b.text, &a.text)
    };
    let rule = |entry: &Node, name: &str| {
        let key = entry.child("Filter").and_then(|filter| filter.child("S3Key"));
        let mut rules = key.into_iter().flat_map(|key| &key.kids);
        let found = rules.find(|rule| rule.text_of("Name") == Some(name));
        found.and_then(|rule| rule.text_of("Value")).unwrap_or_default().to_owned()
    };
    let (prefix, suffix) = (rule(one, "Prefix"), rule(one, "Suffix"));
    let (other_prefix, other_suffix) = (rule(other, "Prefix"), rule(other, "Suffix"));
    one.all("Event").any(|a| other.all("Event").any(|b| same_event(a, b)))
        && (prefix.starts_with(&other_prefix) || other_prefix.starts_with(&prefix))
        && (suffix.ends_with(&other_suffix) || other_suffix.ends_with(&suffix))
}
