//! Access to buckets and topics as it is written: the table `access` of roles, users and managed policies.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Deserialize;

use super::statements::{self, Statements};
use super::{Gift, Gifts, Problem};
use crate::model::{Arn, BucketName, Partition, Region, Val};
use crate::policy::build::{Allow, Grant, Publish};
use crate::policy::{Document, PolicyKind, build};

/// What is allowed in one bucket, or with one topic: `{ bucket = "…", allow = ["list", "read"] }`, `{ topic = "…", allow = ["publish"] }`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Access {
    /// The bucket.
    pub bucket: Option<BucketName>,
    /// The ARN of an SNS topic, such as `{{ sns_topic.failures.arn }}`, instead of a bucket.
    pub topic: Option<Val>,
    /// Below which prefix, by whole path segments. Default: the whole bucket.
    #[serde(default)]
    pub prefix: String,
    /// `list`, `read`, `write`, `delete` in a bucket; `publish` to a topic.
    pub allow: BTreeSet<AllowSpec>,
    /// The ARN of the key that the objects, or the messages, are encrypted with. Default: the key of the bucket or topic, where that stands in
    /// this spec.
    pub kms_key: Option<Val>,
    /// The region of the bucket or topic. Default: the region of `[aws]`.
    pub region: Option<Region>,
}

/// One thing that is allowed below a prefix, or with a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AllowSpec {
    /// List keys.
    List,
    /// Read objects and their versions.
    Read,
    /// Write objects.
    Write,
    /// Delete objects and their versions.
    Delete,
    /// Publish to a topic.
    Publish,
}

impl AllowSpec {
    /// What it allows in a bucket.
    fn in_bucket(self) -> Option<Allow> {
        match self {
            Self::List => Some(Allow::List),
            Self::Read => Some(Allow::Read),
            Self::Write => Some(Allow::Write),
            Self::Delete => Some(Allow::Delete),
            Self::Publish => None,
        }
    }
}

/// The policy that allows this, and what the statements say; absent if that is nothing. `gifts` tell the keys of buckets and topics.
pub(crate) fn document(
    access: &[Access],
    statements: &Statements,
    partition: Partition,
    region: &Region,
    gifts: &Gifts,
) -> Option<Document> {
    let region_of = |access: &Access| access.region.as_ref().unwrap_or(region).clone();
    let grant = |access: &Access| {
        let bucket = access.bucket.clone()?;
        Some(Grant {
            keys: access.keys_of_bucket(&bucket, gifts),
            bucket,
            prefix: access.prefix.clone(),
            allow: access.allow.iter().filter_map(|allow| allow.in_bucket()).collect(),
            region: region_of(access),
        })
    };
    let publish = |access: &Access| {
        let topic = access.topic.clone().filter(|_| access.allow.contains(&AllowSpec::Publish))?;
        Some(Publish { keys: access.keys_of_topic(&topic, gifts), topic, region: region_of(access) })
    };
    let grants: Vec<Grant> = access.iter().filter_map(grant).collect();
    let topics: Vec<Publish> = access.iter().filter_map(publish).collect();
    let document = build::access(partition, &grants).with(build::publish(&topics)).with(statements.0.iter().cloned());
    (!document.is_empty()).then_some(document)
}

/// What is wrong with the tables, or with the policy they make, which has at most so many characters.
pub(crate) fn check(access: &[Access], statements: &Statements, most: usize) -> Vec<Problem> {
    let mut problems: Vec<Problem> = access.iter().enumerate().flat_map(|(at, access)| access.check(at)).collect();
    if let Some(policy) = document(access, statements, Partition::Aws, &Region::default(), &Gifts::default()) {
        problems.extend(statements::check("statements", &policy, PolicyKind::Identity, most));
    }
    problems
}

impl Access {
    fn keys_of_bucket(&self, of: &BucketName, gifts: &Gifts) -> BTreeSet<Val> {
        let told = || {
            gifts.about(of.as_str()).filter_map(|gift| match gift {
                Gift::Encrypted { bucket, key } if bucket == of => Some(key.clone()),
                _ => None,
            })
        };
        self.kms_key.as_ref().map_or_else(|| told().collect(), |key| BTreeSet::from([key.clone()]))
    }

    /// AWS's own key needs no permission of the one who publishes: its policy lets the whole account use it through SNS.
    fn keys_of_topic(&self, of: &Val, gifts: &Gifts) -> BTreeSet<Val> {
        let told = || {
            gifts.iter().filter_map(|gift| match gift {
                Gift::EncryptedTopic { topic, arn, key } if topic == of || of.as_known() == Some(arn) => {
                    Some(key.clone())
                }
                _ => None,
            })
        };
        self.kms_key.as_ref().map_or_else(|| told().collect(), |key| BTreeSet::from([key.clone()]))
    }

    fn check(&self, at: usize) -> Vec<Problem> {
        let mut problems = Vec::new();
        let field = |name: &str| format!("access[{at}]{name}");
        if self.bucket.is_some() == self.topic.is_some() {
            let message = "name either a `bucket` or a `topic`";
            return vec![Problem::new(&field(""), message)];
        }
        let publish = self.allow.contains(&AllowSpec::Publish);
        if self.allow.is_empty() {
            problems.push(
                Problem::new(&field(".allow"), "it allows nothing")
                    .hint("say `list`, `read`, `write`, `delete` of a bucket, `publish` of a topic"),
            );
        } else if self.topic.is_some() && (self.allow.len() > 1 || !publish) {
            problems.push(Problem::new(&field(".allow"), "a topic allows only `publish`"));
        } else if self.bucket.is_some() && publish {
            problems.push(Problem::new(&field(".allow"), "nobody publishes to a bucket").hint("name a `topic`"));
        }
        if self.topic.is_some() && !self.prefix.is_empty() {
            problems.push(Problem::new(&field(".prefix"), "a topic has no prefixes"));
        }
        if let Some(topic) = self.topic.as_ref().and_then(Val::as_known)
            && (topic.contains(['*', '?', '$'])
                || !topic.parse::<Arn>().is_ok_and(|arn| arn.service() == "sns" && !arn.resource().contains(':')))
        {
            problems.push(Problem::new(&field(".topic"), format!("`{topic}` is not the ARN of a topic")));
        }
        if self.prefix.contains(['*', '?', '$', '\\', '"']) || self.prefix.chars().any(char::is_control) {
            problems.push(Problem::new(&field(".prefix"), "a prefix holds no wildcards, variables or quotes"));
        }
        if self.prefix.starts_with('/') || self.prefix.contains("//") {
            problems.push(Problem::new(&field(".prefix"), "a prefix has no slash at its start and no two in a row"));
        }
        problems
    }
}
