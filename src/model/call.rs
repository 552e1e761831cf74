//! The AWS calls that change something, as data.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{BucketName, Fact, Facts, Held, Region, Val};

/// Tags, by key.
pub type Tags = BTreeMap<String, String>;

/// Server-side encryption of a bucket.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encryption {
    /// `AES256`: keys managed by S3.
    Sse,
    /// `aws:kms` with a key ARN; `bucket_key` saves KMS requests.
    Kms {
        /// The key's ARN.
        key: Val,
        /// Whether S3 bucket keys are used.
        bucket_key: bool,
    },
}

/// One rule of a bucket's lifecycle. At least one action is set.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LifecycleRule {
    /// Unique in the bucket.
    pub id: String,
    /// Whether the rule acts.
    pub enabled: bool,
    /// Keys it applies to; empty for all.
    pub prefix: String,
    /// Days after which current versions expire.
    pub expire_days: Option<i32>,
    /// Days after which noncurrent versions expire.
    pub noncurrent_days: Option<i32>,
    /// Days after which incomplete multipart uploads are aborted.
    pub abort_multipart_days: Option<i32>,
    /// Moves to other storage classes, as (days, class).
    pub transitions: Vec<(i32, String)>,
}

/// One queue entry of a bucket's notification document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct QueueEntry {
    /// Begins with `snowssi-`; entries of others are never touched.
    pub id: String,
    /// The queue's ARN.
    pub queue: Val,
    /// Such as `s3:ObjectCreated:*`, sorted.
    pub events: Vec<String>,
    /// Keys it applies to; empty for all.
    pub prefix: String,
}

/// Begins the ID of every notification entry of ours.
pub const NOTIFICATION_PREFIX: &str = "snowssi-";

/// The four switches of a bucket's public access block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "the four flags of the AWS API")]
pub struct PublicAccessBlock {
    /// `BlockPublicAcls`
    pub block_public_acls: bool,
    /// `IgnorePublicAcls`
    pub ignore_public_acls: bool,
    /// `BlockPublicPolicy`
    pub block_public_policy: bool,
    /// `RestrictPublicBuckets`
    pub restrict_public_buckets: bool,
}

/// One AWS call that changes something, named as AWS names it.
///
/// Calls are whole: lists and documents replace what is there, except where the name says otherwise. Policy documents are JSON texts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "call", rename_all_fields = "snake_case")]
#[expect(missing_docs, reason = "fields are named as in the AWS API")]
pub enum Call {
    // S3. Every call but CreateBucket carries the expected owner; the clients add it.
    /// Creates with tags and `BucketOwnerEnforced` in one call.
    CreateBucket {
        bucket: BucketName,
        region: Region,
        tags: Tags,
    },
    DeleteBucket {
        bucket: BucketName,
    },
    /// Deletes every object, version, delete marker and unfinished upload.
    EmptyBucket {
        bucket: BucketName,
    },
    PutPublicAccessBlock {
        bucket: BucketName,
        block: PublicAccessBlock,
    },
    PutBucketOwnershipControls {
        bucket: BucketName,
        ownership: String,
    },
    PutBucketVersioning {
        bucket: BucketName,
        enabled: bool,
    },
    /// Keeps fields of the live rule that the spec does not model (`BlockedEncryptionTypes`).
    PutBucketEncryption {
        bucket: BucketName,
        encryption: Encryption,
    },
    PutBucketPolicy {
        bucket: BucketName,
        policy: Val,
    },
    DeleteBucketPolicy {
        bucket: BucketName,
    },
    PutBucketLifecycleConfiguration {
        bucket: BucketName,
        rules: Vec<LifecycleRule>,
    },
    DeleteBucketLifecycle {
        bucket: BucketName,
    },
    /// `target` absent: logging off.
    PutBucketLogging {
        bucket: BucketName,
        target: Option<(BucketName, String)>,
    },
    /// Reads the tags, sets and removes some, keeps the rest, writes them.
    MergeBucketTags {
        bucket: BucketName,
        set: Tags,
        remove: Vec<String>,
    },
    /// Reads the notification document, replaces the entries whose ID begins with [`NOTIFICATION_PREFIX`], keeps the rest, writes it.
    MergeBucketNotification {
        bucket: BucketName,
        entries: Vec<QueueEntry>,
    },

    // KMS. `key` is a key ID or ARN, never an alias.
    /// Learns `KeyId` and `Arn`.
    CreateKey {
        description: String,
        policy: Val,
        tags: Tags,
        multi_region: bool,
    },
    CreateAlias {
        alias: String,
        key: Val,
    },
    UpdateAlias {
        alias: String,
        key: Val,
    },
    DeleteAlias {
        alias: String,
    },
    PutKeyPolicy {
        key: Val,
        policy: Val,
    },
    EnableKeyRotation {
        key: Val,
        period_days: i32,
    },
    DisableKeyRotation {
        key: Val,
    },
    EnableKey {
        key: Val,
    },
    DisableKey {
        key: Val,
    },
    UpdateKeyDescription {
        key: Val,
        description: String,
    },
    TagKey {
        key: Val,
        tags: Tags,
    },
    UntagKey {
        key: Val,
        keys: Vec<String>,
    },
    ScheduleKeyDeletion {
        key: Val,
        window_days: i32,
    },
    CancelKeyDeletion {
        key: Val,
    },

    // IAM.
    CreateRole {
        role: String,
        path: String,
        description: String,
        max_session_seconds: i32,
        trust: Val,
        boundary: Option<Val>,
        tags: Tags,
    },
    /// Description and session length together: AWS resets what is left out.
    UpdateRole {
        role: String,
        description: String,
        max_session_seconds: i32,
    },
    UpdateAssumeRolePolicy {
        role: String,
        trust: Val,
    },
    PutRolePermissionsBoundary {
        role: String,
        boundary: Val,
    },
    DeleteRolePermissionsBoundary {
        role: String,
    },
    PutRolePolicy {
        role: String,
        policy: String,
        document: Val,
    },
    DeleteRolePolicy {
        role: String,
        policy: String,
    },
    AttachRolePolicy {
        role: String,
        policy_arn: Val,
    },
    DetachRolePolicy {
        role: String,
        policy_arn: Val,
    },
    TagRole {
        role: String,
        tags: Tags,
    },
    UntagRole {
        role: String,
        keys: Vec<String>,
    },
    DeleteRole {
        role: String,
    },
    CreatePolicy {
        policy: String,
        path: String,
        description: String,
        document: Val,
        tags: Tags,
    },
    /// Makes the document the default version, with a new version. If the default version says the same already, nothing is done: a call
    /// whose answer was lost leaves no second version behind.
    CreatePolicyVersion {
        policy_arn: Val,
        document: Val,
    },
    DeletePolicyVersion {
        policy_arn: Val,
        version: String,
    },
    TagPolicy {
        policy_arn: Val,
        tags: Tags,
    },
    UntagPolicy {
        policy_arn: Val,
        keys: Vec<String>,
    },
    DeletePolicy {
        policy_arn: Val,
    },
    CreateUser {
        user: String,
        path: String,
        boundary: Option<Val>,
        tags: Tags,
    },
    PutUserPermissionsBoundary {
        user: String,
        boundary: Val,
    },
    PutUserPolicy {
        user: String,
        policy: String,
        document: Val,
    },
    DeleteUserPolicy {
        user: String,
        policy: String,
    },
    AttachUserPolicy {
        user: String,
        policy_arn: Val,
    },
    DetachUserPolicy {
        user: String,
        policy_arn: Val,
    },
    TagUser {
        user: String,
        tags: Tags,
    },
    UntagUser {
        user: String,
        keys: Vec<String>,
    },
    DeleteUser {
        user: String,
    },
    /// Tells the secrets `AccessKeyId` and `SecretAccessKey`. The ID is none by itself, but it is worth nothing without the other.
    CreateAccessKey {
        user: String,
    },
    DeleteAccessKey {
        user: String,
        access_key: String,
    },
    /// Writes down on the user which key was delivered, and what for: the tag `tag` gets the key's ID and, after a space, `what_for`.
    RecordAccessKey {
        user: String,
        tag: String,
        access_key: Held,
        what_for: String,
    },

    // Secrets Manager.
    /// Makes sure that there is a secret with these tags, without a value if it is new. One that is to be deleted is restored. One with other
    /// values of these tags, or without them, is somebody else's: it is refused.
    CreateSecret {
        secret: String,
        description: String,
        tags: Tags,
    },
    /// Puts an access key into a secret, as JSON with AWS's own names, and writes down on the secret which one it is.
    PutSecretValue {
        secret: String,
        tag: String,
        access_key: Held,
        secret_key: Held,
    },
    /// Within the window it can be restored.
    DeleteSecret {
        secret: String,
        window_days: i32,
    },

    // SNS. `topic` is an ARN.
    /// Creates it with everything that protects it in one call.
    CreateTopic {
        topic: String,
        display_name: String,
        kms_key: Val,
        policy: Val,
        tags: Tags,
    },
    SetTopicAttributes {
        topic: String,
        attribute: String,
        value: Val,
    },
    Subscribe {
        topic: String,
        protocol: String,
        endpoint: Val,
    },
    Unsubscribe {
        topic: String,
        subscription_arn: String,
    },
    TagTopic {
        topic: String,
        tags: Tags,
    },
    UntagTopic {
        topic: String,
        keys: Vec<String>,
    },
    DeleteTopic {
        topic: String,
    },
}

impl Call {
    /// AWS's name of the operation.
    pub fn operation(&self) -> String {
        let data = serde_json::to_value(self).unwrap_or_default();
        data.get("call").and_then(|name| name.as_str()).unwrap_or_default().to_owned()
    }

    /// Its arguments, for people: facts that are not known as placeholders.
    pub fn shown(&self) -> serde_json::Value {
        let mut data = serde_json::to_value(self).unwrap_or_default();
        walk(&mut data, &mut |val| Some(Val::known(val.to_string())));
        hide(&mut data);
        if let Some(fields) = data.as_object_mut() {
            fields.remove("call");
        }
        data
    }

    /// The facts that stand in it.
    pub fn facts(&self) -> Vec<Fact> {
        let mut out = Vec::new();
        walk(&mut serde_json::to_value(self).unwrap_or_default(), &mut |val| {
            out.extend(val.facts().cloned());
            None
        });
        out
    }

    /// Puts in every fact that is known.
    #[must_use]
    pub fn resolve(&self, facts: &Facts) -> Self {
        let mut data = serde_json::to_value(self).unwrap_or_default();
        walk(&mut data, &mut |val| Some(val.resolve(facts)));
        serde_json::from_value(data).unwrap_or_else(|_| self.clone())
    }
}

/// Puts a placeholder in the place of secrets that are told on the way.
fn hide(data: &mut serde_json::Value) {
    for field in data.as_object_mut().into_iter().flat_map(|fields| fields.values_mut()) {
        if let Ok(held) = serde_json::from_value::<Held>(field.clone()) {
            *field = held.to_string().into();
        }
    }
}

/// Visits every value with holes (they are the lists of pieces) and replaces those for which `change` gives another.
fn walk(data: &mut serde_json::Value, change: &mut dyn FnMut(&Val) -> Option<Val>) {
    use serde_json::Value;
    match data {
        Value::Array(items) => {
            let pieces = items.iter().any(|item| item.get("later").is_some());
            match serde_json::from_value::<Val>(Value::Array(items.clone())) {
                Ok(val) if pieces => {
                    if let Some(new) = change(&val) {
                        *data = serde_json::to_value(new).unwrap_or_default();
                    }
                }
                _ => items.iter_mut().for_each(|item| walk(item, change)),
            }
        }
        Value::Object(fields) => fields.values_mut().for_each(|field| walk(field, change)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fills_holes_wherever_they_are() {
        let fact = Fact::new(&"stage.in".parse().unwrap(), "channel");
        let queue = Val::later(fact.clone());
        let entry = QueueEntry { id: "snowssi-a".into(), queue, events: vec![], prefix: String::new() };
        let call = Call::MergeBucketNotification { bucket: "abc".parse().unwrap(), entries: vec![entry] };
        assert_eq!(call.operation(), "MergeBucketNotification");
        assert_eq!(call.facts(), std::slice::from_ref(&fact));
        let mut facts = Facts::default();
        facts.learn(fact, "arn:aws:sqs:x");
        let filled = call.resolve(&facts);
        assert_eq!(filled.facts(), []);
        assert!(serde_json::to_string(&filled).unwrap().contains("arn:aws:sqs:x"));
    }
}
