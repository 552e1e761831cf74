//! Events: a change of an object is matched against the notifications of its bucket, and what they ask for goes into the outbox, in the
//! form that S3 documents (version 2.1). The outbox is part of the world, so a change and its events are on disk together.

use std::collections::{BTreeMap, BTreeSet};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::store::World;
use super::super::time::iso_millis;
use super::super::xml::Node;
use super::{ACCOUNT, Bucket};

/// What made a new version of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sandbox::aws) enum Made {
    /// `PutObject`.
    Put,
    /// `CompleteMultipartUpload`.
    Multipart,
}

/// What happened to an object.
#[derive(Clone, Debug)]
pub(super) struct Change {
    /// Without `s3:`.
    pub(super) name: &'static str,
    pub(super) key: String,
    pub(super) size: Option<u64>,
    pub(super) etag: Option<String>,
    /// Only in buckets that are or were versioned.
    pub(super) version: Option<String>,
}

impl Made {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Put => "ObjectCreated:Put",
            Self::Multipart => "ObjectCreated:CompleteMultipartUpload",
        }
    }
}

/// Who asked for what changed something.
#[derive(Clone, Copy, Debug)]
pub(in crate::sandbox::aws) struct Origin<'a> {
    /// ARN of a user or of a session.
    pub(in crate::sandbox::aws) arn: &'a str,
    /// The role of a session.
    pub(in crate::sandbox::aws) role: Option<&'a str>,
    pub(in crate::sandbox::aws) request: &'a str,
}

/// A message for a queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    /// ARN of the queue.
    pub queue: String,
    /// What the queue is told, as JSON.
    pub body: String,
}

/// Messages that wait for their queues.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::sandbox::aws) struct Outbox {
    /// The number of the next message; numbers also put the events of a key in order.
    next: u64,
    /// By number.
    pub(in crate::sandbox::aws) waiting: BTreeMap<u64, Notification>,
    /// Messages that nobody takes, by destination.
    pub(in crate::sandbox::aws) undeliverable: BTreeMap<String, u64>,
}

impl Outbox {
    fn post(&mut self, destination: String, body: &Value) {
        self.next += 1;
        if destination.split(':').nth(2) == Some("sqs") {
            self.waiting.insert(self.next, Notification { queue: destination, body: body.to_string() });
        } else {
            self.reject(destination);
        }
    }

    /// Counts a message that has nowhere to go.
    pub(in crate::sandbox::aws) fn reject(&mut self, destination: String) {
        tracing::warn!(destination, "an event of S3 is lost: the sandbox has nothing that takes it");
        *self.undeliverable.entry(destination).or_default() += 1;
    }
}

/// Puts what the changes of a bucket raise into the outbox.
pub(in crate::sandbox::aws) fn publish(world: &mut World, name: &str, origin: Origin<'_>) {
    let Some(bucket) = world.buckets.get_mut(name).filter(|bucket| !bucket.changes.is_empty()) else { return };
    let changes = std::mem::take(&mut bucket.changes);
    let (region, entries) = (bucket.region.clone(), entries(bucket));
    let id = world.unique_id_of(origin.role.unwrap_or(origin.arn)).unwrap_or("AROASNOWSSISANDBOX000");
    let session = origin.role.and_then(|_| origin.arn.rsplit('/').next()).map(|name| format!(":{name}"));
    let principal = format!("AWS:{id}{}", session.unwrap_or_default());
    let time = iso_millis(world.now());
    for change in changes {
        for entry in entries.iter().filter(|entry| entry.wants(&change)) {
            let record = json!({
                "eventVersion": "2.1",
                "eventSource": "aws:s3",
                "awsRegion": region,
                "eventTime": time,
                "eventName": change.name,
                "userIdentity": { "principalId": principal },
                "requestParameters": { "sourceIPAddress": "127.0.0.1" },
                "responseElements": { "x-amz-request-id": origin.request, "x-amz-id-2": origin.request },
                "s3": {
                    "s3SchemaVersion": "1.0",
                    "configurationId": entry.id,
                    "bucket": {
                        "name": name,
                        "ownerIdentity": { "principalId": ACCOUNT },
                        "arn": format!("arn:aws:s3:::{name}"),
                    },
                    "object": object(&change, world.outbox.next),
                },
            });
            world.outbox.post(entry.destination.clone(), &json!({ "Records": [record] }));
        }
    }
}

fn object(change: &Change, number: u64) -> Value {
    let mut object = json!({ "key": encode(&change.key), "sequencer": format!("{number:018X}") });
    let more = [
        ("size", change.size.map(Value::from)),
        ("eTag", change.etag.clone().map(Value::from)),
        ("versionId", change.version.clone().map(Value::from)),
    ];
    for (name, value) in more {
        if let Some(value) = value {
            object[name] = value;
        }
    }
    object
}

/// Tells every destination of a configuration that it has been named in it.
pub(super) fn test(world: &mut World, name: &str, destinations: BTreeSet<String>, request: &str) {
    let time = iso_millis(world.now());
    for destination in destinations {
        let body = json!({
            "Service": "Amazon S3", "Event": "s3:TestEvent", "Time": time, "Bucket": name, "RequestId": request,
            "HostId": request,
        });
        world.outbox.post(destination, &body);
    }
}

/// One entry of a bucket's notifications.
#[derive(Debug)]
struct Entry {
    id: String,
    destination: String,
    events: Vec<String>,
    prefix: String,
    suffix: String,
}

impl Entry {
    fn wants(&self, change: &Change) -> bool {
        let named = |asked: &String| {
            let asked = asked.strip_prefix("s3:").unwrap_or(asked);
            asked == change.name || asked.strip_suffix('*').is_some_and(|begin| change.name.starts_with(begin))
        };
        self.events.iter().any(named) && change.key.starts_with(&self.prefix) && change.key.ends_with(&self.suffix)
    }
}

fn entries(bucket: &Bucket) -> Vec<Entry> {
    let Some(given) = bucket.config.get("notification") else { return Vec::new() };
    given.kids.iter().map(entry).collect()
}

fn entry(node: &Node) -> Entry {
    if node.name == "EventBridgeConfiguration" {
        let events = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"].map(str::to_owned).into();
        let [id, prefix, suffix] = [const { String::new() }; 3];
        return Entry { id, destination: "EventBridge".into(), events, prefix, suffix };
    }
    let key = node.child("Filter").and_then(|filter| filter.child("S3Key"));
    let rule = |name: &str| {
        let mut rules = key.into_iter().flat_map(|key| &key.kids);
        let found = rules.find(|rule| rule.text_of("Name") == Some(name));
        decode(found.and_then(|rule| rule.text_of("Value")).unwrap_or_default())
    };
    let destination = ["Queue", "Topic", "CloudFunction"].iter().find_map(|name| node.text_of(name));
    Entry {
        id: node.text_of("Id").unwrap_or_default().to_owned(),
        destination: destination.unwrap_or_default().to_owned(),
        events: node.all("Event").map(|event| event.text.clone()).collect(),
        prefix: rule("Prefix"),
        suffix: rule("Suffix"),
    }
}

/// A key as events have it: like a field of a form, with its slashes left alone.
fn encode(key: &str) -> String {
    const RESERVED: &AsciiSet =
        &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'*').remove(b'/').remove(b' ');
    utf8_percent_encode(key, RESERVED).to_string().replace(' ', "+")
}

/// Filters are written like keys in events.
fn decode(value: &str) -> String {
    percent_decode_str(&value.replace('+', " ")).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn asking(events: &[&str], prefix: &str, suffix: &str) -> Entry {
        let rule = |name: &str, value: &str| Node::new("FilterRule").put("Name", name).put("Value", value);
        let key = Node::new("S3Key").with(rule("Prefix", prefix)).with(rule("Suffix", suffix));
        let node = Node::new("QueueConfiguration")
            .put("Id", "a")
            .put("Queue", "arn:aws:sqs:us-east-1:1:q")
            .extend(events.iter().map(|event| Node::leaf("Event", event)))
            .with(Node::new("Filter").with(key));
        entry(&node)
    }

    #[test]
    fn who_wants_what() {
        let all = ["s3:ObjectCreated:*"];
        for (events, prefix, suffix, name, key, wanted) in [
            (&all[..], "", "", "ObjectCreated:Put", "k", true),
            (&all, "", "", "ObjectCreated:CompleteMultipartUpload", "k", true),
            (&all, "", "", "ObjectRemoved:Delete", "k", false),
            (&["s3:ObjectCreated:Put"], "", "", "ObjectCreated:Put", "k", true),
            (&["s3:ObjectCreated:Put"], "", "", "ObjectCreated:Copy", "k", false),
            (&["s3:ObjectRemoved:Delete"], "", "", "ObjectRemoved:DeleteMarkerCreated", "k", false),
            (&["s3:ObjectRemoved:*", "s3:ObjectCreated:Copy"], "", "", "ObjectRemoved:DeleteMarkerCreated", "k", true),
            (&all, "in/", "", "ObjectCreated:Put", "in/a.csv", true),
            (&all, "in/", "", "ObjectCreated:Put", "out/in/a.csv", false),
            (&all, "", ".csv", "ObjectCreated:Put", "in/a.csv", true),
            (&all, "", ".csv", "ObjectCreated:Put", "in/a.csv.gz", false),
            (&all, "in/", ".csv", "ObjectCreated:Put", "in/a.CSV", false),
            (&all, "red+flower/", "", "ObjectCreated:Put", "red flower/a", true),
            (&all, "red+flower/", "", "ObjectCreated:Put", "red+flower/a", false),
            (&all, "caf%C3%A9/", "", "ObjectCreated:Put", "café/a", true),
            (&all, "*", "", "ObjectCreated:Put", "a", false),
        ] {
            let change = Change { name, key: key.into(), size: None, etag: None, version: None };
            assert_eq!(
                asking(events, prefix, suffix).wants(&change),
                wanted,
                "{events:?} {prefix} {suffix} {name} {key}"
            );
        }
    }

    #[test]
    fn keys_are_written_like_form_fields() {
        assert_eq!(encode("in/red flower+1*.jpg"), "in/red+flower%2B1*.jpg");
        assert_eq!(encode("é=&"), "%C3%A9%3D%26");
    }

    proptest! {
        #[test]
        fn every_key_comes_back(key in ".*") {
            prop_assert_eq!(decode(&encode(&key)), key);
        }
    }
}
