//! What reads of AWS give, as plain data. Policy documents are decoded JSON texts, as AWS stores them.

use std::collections::BTreeMap;

use crate::model::call::{Encryption, LifecycleRule, PublicAccessBlock, QueueEntry};
use crate::model::{AccountId, Arn, BucketName, Partition, Tags};

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The account.
    pub account: AccountId,
    /// The caller's ARN.
    pub arn: Arn,
    /// The partition the ARN names.
    pub partition: Partition,
}

/// Where the tags of a bucket or key are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadTags<'a> {
    /// From the resource itself: one more request, and current.
    Current,
    /// From what the tagging API lists for this stack (asked once per run, minutes old at worst), if that agrees with what is wanted. A
    /// resource that is not listed, or seems to differ, is asked itself: an old list must not show a difference or an owner that is
    /// not there.
    Listed {
        /// The stack.
        stack: &'a str,
        /// The tags that are wanted, those of the mark among them.
        wanted: &'a Tags,
    },
}

/// What to read of a bucket beyond what is always read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BucketReads<'a> {
    /// Whether to read access logging.
    pub logging: bool,
    /// Where to read its tags.
    pub tags: ReadTags<'a>,
}

/// A bucket as it is. `None` for a document that is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketState {
    /// The region it lives in, if the read showed it to be another than the client's.
    pub other_region: Option<String>,
    /// All its tags.
    pub tags: Tags,
    /// `None` if versioning was never switched on.
    pub versioning: Option<bool>,
    /// Default encryption; absent means `AES256`.
    pub encryption: Encryption,
    /// The public access block; `None` blocks nothing.
    pub public_access_block: Option<PublicAccessBlock>,
    /// `BucketOwnerEnforced` and so on; `None` means the old default, `ObjectWriter`.
    pub ownership: Option<String>,
    /// The bucket policy.
    pub policy: Option<String>,
    /// Lifecycle rules.
    pub lifecycle: Vec<LifecycleRule>,
    /// What the lifecycle rules hold that [`LifecycleRule`] does not model, by rule ID; empty if nothing.
    pub lifecycle_foreign: Vec<String>,
    /// Access logging: target and prefix. `None` also if it was not asked for.
    pub logging: Option<(BucketName, String)>,
    /// Notification entries of ours.
    pub notifications: Vec<QueueEntry>,
    /// One line for each notification entry that is not ours, and its events, prefix and suffix, to find overlaps.
    pub foreign_notifications: Vec<ForeignNotification>,
}

/// A notification entry of somebody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignNotification {
    /// Its ID.
    pub id: String,
    /// Where it sends to.
    pub destination: String,
    /// Which events.
    pub events: Vec<String>,
    /// Keys it is about.
    pub prefix: String,
    /// Ends of keys it is about.
    pub suffix: String,
}

/// A KMS key as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyState {
    /// Its ARN.
    pub arn: Arn,
    /// Its ID.
    pub id: String,
    /// `Enabled`, `Disabled`, `PendingDeletion` and so on.
    pub state: String,
    /// Its description.
    pub description: String,
    /// Whether it is a multi-Region key.
    pub multi_region: bool,
    /// Its policy.
    pub policy: String,
    /// Days between rotations; `None` if it is not rotated.
    pub rotation_days: Option<i32>,
    /// All its tags.
    pub tags: Tags,
    /// The alias it was found by; absent if found by its ARN.
    pub alias: Option<String>,
}

/// An IAM role as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleState {
    /// Its name.
    pub name: String,
    /// Its path.
    pub path: String,
    /// Its ARN.
    pub arn: Arn,
    /// Its description.
    pub description: String,
    /// Longest session, in seconds.
    pub max_session_seconds: i32,
    /// Its trust policy.
    pub trust: String,
    /// The ARN of its permissions boundary.
    pub boundary: Option<String>,
    /// Its inline policies, by name.
    pub inline: BTreeMap<String, String>,
    /// ARNs of attached managed policies; empty if they were not asked for.
    pub attached: Vec<String>,
    /// All its tags.
    pub tags: Tags,
}

/// A customer managed policy as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyState {
    /// Its ARN.
    pub arn: Arn,
    /// Its name.
    pub name: String,
    /// Its path.
    pub path: String,
    /// Its description.
    pub description: String,
    /// The document of its default version.
    pub document: String,
    /// The other versions, oldest first: `v1`.
    pub others: Vec<String>,
    /// Who uses it; empty if that was not asked for.
    pub attached: Vec<Attachment>,
    /// All its tags.
    pub tags: Tags,
}

/// Somebody who uses a managed policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// Who.
    pub entity: Entity,
    /// Whether as permissions boundary.
    pub boundary: bool,
    /// The tags of the role or user.
    pub tags: Tags,
}

/// A role, user or group, by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Entity {
    /// A role.
    Role(String),
    /// A user.
    User(String),
    /// A group.
    Group(String),
}

impl std::fmt::Display for Entity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Role(name) => write!(f, "the role {name}"),
            Self::User(name) => write!(f, "the user {name}"),
            Self::Group(name) => write!(f, "the group {name}"),
        }
    }
}

/// An IAM user as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserState {
    /// Its name.
    pub name: String,
    /// Its path.
    pub path: String,
    /// Its ARN.
    pub arn: Arn,
    /// The ARN of its permissions boundary.
    pub boundary: Option<String>,
    /// Its inline policies, by name.
    pub inline: BTreeMap<String, String>,
    /// ARNs of attached managed policies.
    pub attached: Vec<String>,
    /// Its access keys.
    pub keys: Vec<KeyId>,
    /// All its tags.
    pub tags: Tags,
}

/// An access key, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyId {
    /// Its ID.
    pub id: String,
    /// Whether it opens anything.
    pub active: bool,
}

/// A secret of AWS Secrets Manager, without its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretState {
    /// Whether it is to be deleted.
    pub going: bool,
    /// All its tags.
    pub tags: Tags,
}

/// A resource that the tagging API lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tagged {
    /// Its ARN.
    pub arn: Arn,
    /// Its tags.
    pub tags: Tags,
}

/// A topic of SNS, as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicState {
    /// Its ARN.
    pub arn: Arn,
    /// What mails are sent as; empty for none.
    pub display_name: String,
    /// The key it is encrypted with, as it was set: an ID, an ARN or an alias. `None` if it is not encrypted.
    pub kms_key: Option<String>,
    /// Its policy.
    pub policy: String,
    /// Who is subscribed; empty also if that was not asked for.
    pub subscriptions: Vec<SubscriptionState>,
    /// All its tags.
    pub tags: Tags,
}

/// Who gets what is published to a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionState {
    /// Such as `email` or `sqs`.
    pub protocol: String,
    /// An address, a URL or an ARN.
    pub endpoint: String,
    /// Its ARN; `None` as long as it is not confirmed, and then nobody can take it away.
    pub arn: Option<String>,
}
