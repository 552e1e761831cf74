//! SNS: topics by region, their policies, keys and tags, and who is subscribed. A message goes nowhere but into the log: there are no
//! mailboxes and no queues here.
//!
//! Source: Amazon SNS API reference; developer guide, "Amazon SNS API permissions".

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::ACCOUNT;
use super::document::{Document, accept};
use super::grammar::Purpose;
use super::iam::{Fields, reply};
use super::store::World;
use super::wire::{Answer, Asked, Refused, refused};
use super::xml::Node;

const NAMESPACE: &str = "http://sns.amazonaws.com/doc/2010-03-31/";
/// Most tags of a topic.
const TAGS: usize = 50;
/// Longest policy, in bytes.
const POLICY: usize = 30 * 1024;
/// Subscriptions on a page.
const PAGE: usize = 100;

/// A topic.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Topic {
    arn: String,
    /// Attributes that were set, but the policy.
    attributes: BTreeMap<String, String>,
    policy: Document,
    tags: BTreeMap<String, String>,
    subscriptions: Vec<Subscription>,
}

/// Who is subscribed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Subscription {
    protocol: String,
    endpoint: String,
    /// Absent until it is confirmed.
    arn: Option<String>,
}

impl Topic {
    pub(super) fn arn(&self) -> &str {
        &self.arn
    }

    pub(super) fn tags(&self) -> &BTreeMap<String, String> {
        &self.tags
    }
}

fn invalid(message: impl std::fmt::Display) -> Refused {
    refused(400, "InvalidParameter", format!("Invalid parameter: {message}"))
}

fn not_found() -> Refused {
    refused(404, "NotFound", "Topic does not exist")
}

fn need<'f>(fields: &'f Fields, name: &str) -> Result<&'f str, Refused> {
    fields.get(name).ok_or_else(|| invalid(name))
}

/// Answers one request.
pub(super) fn answer(world: &mut World, asked: &Asked, operation: &str) -> Answer {
    let fields = Fields::read(asked)?;
    let region = asked.region.as_str();
    let result = match operation {
        "CreateTopic" => create(world, region, &fields)?,
        "GetTopicAttributes" => attributes(world, region, &fields)?,
        "SetTopicAttributes" => set(world, region, &fields)?,
        "Subscribe" => subscribe(topic(world, region, need(&fields, "TopicArn")?)?, &fields)?,
        "Unsubscribe" => unsubscribe(world, region, &fields)?,
        "ListSubscriptionsByTopic" => subscriptions(topic(world, region, need(&fields, "TopicArn")?)?, &fields)?,
        "ListTagsForResource" => {
            let topic = topic(world, region, need(&fields, "ResourceArn")?)?;
            let member = |(key, value): (&String, &String)| Node::new("member").put("Key", key).put("Value", value);
            Some(Node::new("").with(Node::new("Tags").extend(topic.tags.iter().map(member))))
        }
        "TagResource" => {
            let new = tags(&fields)?;
            let topic = topic(world, region, need(&fields, "ResourceArn")?)?;
            let mut all = topic.tags.clone();
            all.extend(new);
            if all.len() > TAGS {
                return Err(refused(
                    400,
                    "TagLimitExceeded",
                    "Could not complete request: tag quota of per resource exceeded",
                ));
            }
            topic.tags = all;
            Some(Node::new(""))
        }
        "UntagResource" => {
            let keys: Vec<&str> = (1..).map_while(|at| fields.get(&format!("TagKeys.member.{at}"))).collect();
            let topic = topic(world, region, need(&fields, "ResourceArn")?)?;
            topic.tags.retain(|key, _| !keys.contains(&key.as_str()));
            Some(Node::new(""))
        }
        "DeleteTopic" => {
            let name = name_in(region, need(&fields, "TopicArn")?)?;
            world.topics.entry(region.to_owned()).or_default().remove(&name);
            None
        }
        other => return Err(refused(501, "NotImplemented", format!("the sandbox does not know sns:{other}"))),
    };
    Ok(reply(operation, result, NAMESPACE))
}

/// The name in the ARN of a topic of this account and region.
fn name_in(region: &str, arn: &str) -> Result<String, Refused> {
    let ["arn", _, "sns", of, account, name] = arn.splitn(6, ':').collect::<Vec<_>>()[..] else {
        return Err(invalid("TopicArn Reason: An ARN must have at least 6 elements, not 1"));
    };
    if of != region {
        return Err(invalid("TopicArn"));
    }
    if account != ACCOUNT {
        let message = "User is not authorized to perform this action on a topic of another account";
        return Err(refused(403, "AuthorizationError", message));
    }
    Ok(name.to_owned())
}

fn topic<'w>(world: &'w mut World, region: &str, arn: &str) -> Result<&'w mut Topic, Refused> {
    let name = name_in(region, arn)?;
    world.topics.get_mut(region).and_then(|topics| topics.get_mut(&name)).ok_or_else(not_found)
}

fn tags(fields: &Fields) -> Result<BTreeMap<String, String>, Refused> {
    let mut tags = BTreeMap::new();
    for at in 1.. {
        let Some(key) = fields.get(&format!("Tags.member.{at}.Key")) else { break };
        let value = fields.get(&format!("Tags.member.{at}.Value")).unwrap_or_default();
        if key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256 || key.starts_with("aws:") {
            return Err(invalid("Tag Reason: a key has 1 to 128 characters without aws:, a value at most 256"));
        }
        if tags.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(invalid("Tag Reason: Duplicate keys are not allowed"));
        }
    }
    Ok(tags)
}

/// Who may do what with a topic of which nobody has said anything: its account.
fn default_policy(arn: &str) -> String {
    json!({
        "Version": "2008-10-17",
        "Id": "__default_policy_ID",
        "Statement": [{
            "Sid": "__default_statement_ID",
            "Effect": "Allow",
            "Principal": { "AWS": "*" },
            "Action": [
                "SNS:GetTopicAttributes", "SNS:SetTopicAttributes", "SNS:AddPermission", "SNS:RemovePermission",
                "SNS:DeleteTopic", "SNS:Subscribe", "SNS:ListSubscriptionsByTopic", "SNS:Publish",
            ],
            "Resource": arn,
            "Condition": { "StringEquals": { "AWS:SourceOwner": ACCOUNT } },
        }],
    })
    .to_string()
}

/// Checks one attribute that a user may set, and gives the policy if that is it.
fn checked(world: &World, arn: &str, name: &str, value: &str) -> Result<Option<Document>, Refused> {
    match name {
        "DisplayName" if value.chars().count() > 100 => Err(invalid("Attributes Reason: DisplayName is too long")),
        "DisplayName" | "KmsMasterKeyId" => Ok(None),
        "Policy" if value.len() > POLICY => Err(invalid("Policy Reason: the policy is too long")),
        "Policy" => match accept(world, Purpose::Topic(arn), value) {
            Ok(policy) => Ok(Some(policy)),
            Err(why) => Err(invalid(format!("Policy Error: {why}"))),
        },
        "FifoTopic" | "ContentBasedDeduplication" => {
            Err(refused(501, "NotImplemented", "the sandbox has no topics with an order"))
        }
        other => Err(invalid(format!("AttributeName Reason: the sandbox does not keep {other}"))),
    }
}

fn create(world: &mut World, region: &str, fields: &Fields) -> Result<Option<Node>, Refused> {
    let name = need(fields, "Name")?;
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    if name.is_empty() || name.len() > 256 || !name.chars().all(fits) {
        return Err(invalid("Topic Name"));
    }
    let arn = format!("arn:aws:sns:{region}:{ACCOUNT}:{name}");
    let tags = tags(fields)?;
    let mut policy = Document::plain(default_policy(&arn));
    let mut attributes = BTreeMap::new();
    for at in 1.. {
        let Some(key) = fields.get(&format!("Attributes.entry.{at}.key")) else { break };
        let value = fields.get(&format!("Attributes.entry.{at}.value")).unwrap_or_default();
        match checked(world, &arn, key, value)? {
            Some(given) => policy = given,
            None => drop(attributes.insert(key.to_owned(), value.to_owned())),
        }
    }
    let topics = world.topics.entry(region.to_owned()).or_default();
    match topics.get(name) {
        Some(topic) if topic.tags != tags => {
            return Err(invalid("Tags Reason: Topic already exists with different tags"));
        }
        Some(topic) if topic.attributes != attributes || topic.policy != policy => {
            return Err(invalid("Attributes Reason: Topic already exists with different attributes"));
        }
        Some(_) => {}
        None => {
            let topic = Topic { arn: arn.clone(), attributes, policy, tags, subscriptions: Vec::new() };
            topics.insert(name.to_owned(), topic);
        }
    }
    Ok(Some(Node::new("").put("TopicArn", arn)))
}

fn attributes(world: &mut World, region: &str, fields: &Fields) -> Result<Option<Node>, Refused> {
    let found = topic(world, region, need(fields, "TopicArn")?)?.clone();
    let (confirmed, pending): (Vec<_>, Vec<_>) = found.subscriptions.iter().partition(|one| one.arn.is_some());
    let mut all = BTreeMap::from([
        ("TopicArn".to_owned(), found.arn.clone()),
        ("Owner".to_owned(), ACCOUNT.to_owned()),
        ("Policy".to_owned(), found.policy.shown(world)),
        ("DisplayName".to_owned(), String::new()),
        ("SubscriptionsConfirmed".to_owned(), confirmed.len().to_string()),
        ("SubscriptionsPending".to_owned(), pending.len().to_string()),
        ("SubscriptionsDeleted".to_owned(), "0".to_owned()),
    ]);
    all.extend(found.attributes);
    let entry = |(key, value): (String, String)| Node::new("entry").put("key", key).put("value", value);
    Ok(Some(Node::new("").with(Node::new("Attributes").extend(all.into_iter().map(entry)))))
}

fn set(world: &mut World, region: &str, fields: &Fields) -> Result<Option<Node>, Refused> {
    let (arn, name) = (need(fields, "TopicArn")?, need(fields, "AttributeName")?);
    topic(world, region, arn)?;
    let value = fields.get("AttributeValue").unwrap_or_default();
    let policy = checked(world, arn, name, value)?;
    let topic = topic(world, region, arn)?;
    match policy {
        Some(policy) => topic.policy = policy,
        None if value.is_empty() => drop(topic.attributes.remove(name)),
        None => drop(topic.attributes.insert(name.to_owned(), value.to_owned())),
    }
    Ok(None)
}

fn subscribe(topic: &mut Topic, fields: &Fields) -> Result<Option<Node>, Refused> {
    let (protocol, endpoint) = (need(fields, "Protocol")?, need(fields, "Endpoint")?);
    let good = match protocol {
        "email" | "email-json" => endpoint.contains('@'),
        "https" => endpoint.starts_with("https://"),
        "http" => endpoint.starts_with("http://"),
        "sqs" => endpoint.starts_with("arn:aws:sqs:"),
        _ => return Err(invalid(format!("Amazon SNS does not support this protocol string: {protocol}"))),
    };
    if !good {
        return Err(invalid(format!("{protocol} endpoint")));
    }
    let found = topic.subscriptions.iter().find(|one| one.protocol == protocol && one.endpoint == endpoint);
    let arn = if let Some(one) = found {
        one.arn.clone()
    } else {
        // The owner of a queue of the same account has been asked by the call itself.
        let own = protocol == "sqs" && endpoint.split(':').nth(4) == Some(ACCOUNT);
        let arn = own.then(|| format!("{}:{}", topic.arn, uuid::Uuid::new_v4()));
        let (protocol, endpoint) = (protocol.to_owned(), endpoint.to_owned());
        topic.subscriptions.push(Subscription { protocol, endpoint, arn: arn.clone() });
        arn
    };
    Ok(Some(Node::new("").put("SubscriptionArn", arn.as_deref().unwrap_or("pending confirmation"))))
}

fn unsubscribe(world: &mut World, region: &str, fields: &Fields) -> Result<Option<Node>, Refused> {
    let arn = need(fields, "SubscriptionArn")?;
    if arn.splitn(7, ':').count() != 7 {
        return Err(invalid("SubscriptionArn Reason: An ARN must have at least 6 elements"));
    }
    // One that is gone is no error.
    for topic in world.topics.get_mut(region).into_iter().flat_map(|topics| topics.values_mut()) {
        topic.subscriptions.retain(|one| one.arn.as_deref() != Some(arn));
    }
    Ok(None)
}

fn subscriptions(topic: &Topic, fields: &Fields) -> Result<Option<Node>, Refused> {
    let from = match fields.get("NextToken") {
        None => 0,
        Some(text) => text.parse::<usize>().map_err(|_| invalid("NextToken"))?,
    };
    let member = |one: &Subscription| {
        Node::new("member")
            .put("TopicArn", &topic.arn)
            .put("Protocol", &one.protocol)
            .put("SubscriptionArn", one.arn.as_deref().unwrap_or("PendingConfirmation"))
            .put("Owner", ACCOUNT)
            .put("Endpoint", &one.endpoint)
    };
    let page = topic.subscriptions.iter().skip(from).take(PAGE).map(member);
    let next = Some(from + PAGE).filter(|next| *next < topic.subscriptions.len());
    Ok(Some(Node::new("").with(Node::new("Subscriptions").extend(page)).put_some("NextToken", next)))
}
