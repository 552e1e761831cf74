//! Configuration documents of a bucket: checked, completed by S3's defaults, and kept as written.

use std::collections::BTreeSet;

use super::super::store::World;
use super::super::wire::{Answer, Asked, Refused, Reply, refused};
use super::super::xml::Node;
use super::{Bucket, NAMESPACE, document, invalid_argument, malformed, no_such_bucket};

const FLAGS: [&str; 4] = ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"];
const MINIMUM_SIZE: &str = "x-amz-transition-default-minimum-object-size";

/// What a new bucket blocks: everything.
pub(super) fn blocked() -> Node {
    FLAGS.iter().fold(Node::new("PublicAccessBlockConfiguration"), |node, flag| node.put(flag, true))
}

/// Ownership controls with one rule.
pub(super) fn ownership(ownership: &str) -> Result<Node, Refused> {
    if !["BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter"].contains(&ownership) {
        return Err(invalid_argument(format!("Invalid x-amz-object-ownership: {ownership}")));
    }
    Ok(Node::new("OwnershipControls").with(Node::new("Rule").put("ObjectOwnership", ownership)))
}

/// What a new bucket encrypts with, and what S3 goes back to when a configuration is deleted.
pub(super) fn default_encryption() -> Node {
    let default = Node::new("ApplyServerSideEncryptionByDefault").put("SSEAlgorithm", "AES256");
    let rule = Node::new("Rule").with(default).put("BucketKeyEnabled", false);
    let rule = rule.with(Node::new("BlockedEncryptionTypes").put("EncryptionType", "SSE-C"));
    Node::new("ServerSideEncryptionConfiguration").with(rule)
}

/// Answers reads and writes of documents that need nothing but the bucket.
pub(super) fn answer(bucket: &mut Bucket, asked: &Asked, operation: &str) -> Answer {
    match operation {
        "PutPublicAccessBlock" => put_public_access_block(bucket, asked),
        "PutBucketOwnershipControls" => put_ownership(bucket, asked),
        "PutBucketVersioning" => put_versioning(bucket, asked),
        "PutBucketEncryption" => put_encryption(bucket, asked),
        "PutBucketLifecycleConfiguration" => put_lifecycle(bucket, asked),
        "PutBucketTagging" => put_tagging(bucket, asked),
        "DeletePublicAccessBlock" => Ok(delete(bucket, "publicAccessBlock")),
        "DeleteBucketOwnershipControls" => Ok(delete(bucket, "ownershipControls")),
        "DeleteBucketLifecycle" => Ok(delete(bucket, "lifecycle")),
        "DeleteBucketTagging" => Ok(delete(bucket, "tagging")),
        "DeleteBucketEncryption" => {
            bucket.config.insert("encryption".into(), default_encryption());
            Ok(Reply::empty(204))
        }
        _ => get(bucket, operation),
    }
}

fn delete(bucket: &mut Bucket, document: &str) -> Reply {
    bucket.config.remove(document);
    Reply::empty(204)
}

/// A document, or the answer that stands for its absence.
fn get(bucket: &Bucket, operation: &str) -> Answer {
    let missing = |code: &str, message: &str| Err(refused(404, code, message));
    let found = |name: &str| bucket.config.get(name);
    let (node, absent) = match operation {
        "GetPublicAccessBlock" => {
            let absent =
                missing("NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found");
            (found("publicAccessBlock"), absent)
        }
        "GetBucketOwnershipControls" => {
            let absent = missing("OwnershipControlsNotFoundError", "The bucket ownership controls were not found");
            (found("ownershipControls"), absent)
        }
        "GetBucketEncryption" => {
            let absent = missing(
                "ServerSideEncryptionConfigurationNotFoundError",
                "The server side encryption configuration was not found",
            );
            (found("encryption"), absent)
        }
        "GetBucketLifecycleConfiguration" => {
            let absent = missing("NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist");
            (found("lifecycle"), absent)
        }
        "GetBucketTagging" => (found("tagging"), missing("NoSuchTagSet", "The TagSet does not exist")),
        "GetBucketVersioning" => (found("versioning"), Ok(Node::new("VersioningConfiguration"))),
        "GetBucketLogging" => (found("logging"), Ok(Node::new("BucketLoggingStatus"))),
        "GetBucketNotificationConfiguration" => (found("notification"), Ok(Node::new("NotificationConfiguration"))),
        _ => return Err(refused(501, "NotImplemented", "the sandbox does not know this operation")),
    };
    let mut node = match node {
        Some(node) => node.clone(),
        None => absent?,
    };
    // The minimum size is a header of the answer, kept as the last child of the document.
    let size = node.kids.iter().position(|kid| kid.name == MINIMUM_SIZE).map(|at| node.kids.remove(at).text);
    let reply = Reply::xml(&node, NAMESPACE);
    Ok(match size {
        Some(size) => reply.header(MINIMUM_SIZE, size),
        None => reply,
    })
}

fn put_public_access_block(bucket: &mut Bucket, asked: &Asked) -> Answer {
    let given = document(asked, "PublicAccessBlockConfiguration")?;
    let mut node = Node::new("PublicAccessBlockConfiguration");
    for flag in FLAGS {
        let value = given.text_of(flag).unwrap_or("false").to_ascii_lowercase();
        if value != "true" && value != "false" {
            return Err(malformed());
        }
        node = node.put(flag, value);
    }
    bucket.config.insert("publicAccessBlock".into(), node);
    Ok(Reply::empty(200))
}

fn put_ownership(bucket: &mut Bucket, asked: &Asked) -> Answer {
    let given = document(asked, "OwnershipControls")?;
    let wanted = given.child("Rule").and_then(|rule| rule.text_of("ObjectOwnership")).ok_or_else(malformed)?;
    let node = ownership(wanted).map_err(|_| malformed())?;
    bucket.config.insert("ownershipControls".into(), node);
    Ok(Reply::empty(200))
}

pub(super) fn put_acl(bucket: &Bucket) -> Answer {
    let rule = bucket.config.get("ownershipControls").and_then(|controls| controls.child("Rule"));
    if rule.and_then(|rule| rule.text_of("ObjectOwnership")) == Some("BucketOwnerEnforced") {
        return Err(refused(400, "AccessControlListNotSupported", "The bucket does not allow ACLs"));
    }
    Err(refused(501, "NotImplemented", "the sandbox has no access control lists"))
}

fn put_versioning(bucket: &mut Bucket, asked: &Asked) -> Answer {
    let given = document(asked, "VersioningConfiguration")?;
    if !matches!(given.text_of("Status"), Some("Enabled" | "Suspended")) {
        let message = "The versioning configuration specified in the request is invalid.";
        return Err(refused(400, "IllegalVersioningConfigurationException", message));
    }
    bucket.config.insert("versioning".into(), given);
    Ok(Reply::empty(200))
}

/// Keys are not looked at: a wrong one shows when an object is written.
fn put_encryption(bucket: &mut Bucket, asked: &Asked) -> Answer {
    let mut given = document(asked, "ServerSideEncryptionConfiguration")?;
    let [rule] = &mut given.kids[..] else { return Err(malformed()) };
    if let Some(default) = rule.child("ApplyServerSideEncryptionByDefault") {
        let algorithm = default.text_of("SSEAlgorithm").unwrap_or_default();
        match (algorithm, default.text_of("KMSMasterKeyID")) {
            ("AES256", Some(_)) => {
                let message = "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms";
                return Err(invalid_argument(message));
            }
            ("AES256", None) | ("aws:kms" | "aws:kms:dsse", _) => {}
            _ => return Err(malformed()),
        }
    } else if rule.child("BlockedEncryptionTypes").is_none() && rule.child("BucketKeyEnabled").is_none() {
        return Err(malformed());
    } else {
        let default = Node::new("ApplyServerSideEncryptionByDefault").put("SSEAlgorithm", "AES256");
        rule.kids.insert(0, default);
    }
    if rule.child("BucketKeyEnabled").is_none() {
        rule.kids.push(Node::leaf("BucketKeyEnabled", false));
    }
    bucket.config.insert("encryption".into(), given);
    Ok(Reply::empty(200))
}

fn put_lifecycle(bucket: &mut Bucket, asked: &Asked) -> Answer {
    let mut given = document(asked, "LifecycleConfiguration")?;
    if given.kids.is_empty() || given.kids.len() > 1000 {
        return Err(malformed());
    }
    let mut ids = BTreeSet::new();
    for rule in &mut given.kids {
        if rule.name != "Rule" || !matches!(rule.text_of("Status"), Some("Enabled" | "Disabled")) {
            return Err(malformed());
        }
        if rule.text_of("ID").is_none_or(str::is_empty) {
            rule.kids.retain(|kid| kid.name != "ID");
            rule.kids.insert(0, Node::leaf("ID", uuid::Uuid::new_v4()));
        }
        check_rule(rule)?;
        if !ids.insert(rule.text_of("ID").unwrap_or_default().to_owned()) {
            return Err(invalid_argument("Rule ID must be unique. Found same ID for more than one rule"));
        }
    }
    let size = asked.header(MINIMUM_SIZE).unwrap_or("all_storage_classes_128K");
    let reply = Reply::empty(200).header(MINIMUM_SIZE, size);
    bucket.config.insert("lifecycle".into(), given.put(MINIMUM_SIZE, size));
    Ok(reply)
}

const RULE_ACTIONS: [&str; 5] = [
    "Expiration",
    "Transition",
    "NoncurrentVersionExpiration",
    "NoncurrentVersionTransition",
    "AbortIncompleteMultipartUpload",
];

fn check_rule(rule: &Node) -> Result<(), Refused> {
    if rule.text_of("ID").unwrap_or_default().chars().count() > 255 {
        return Err(invalid_argument("ID length should not exceed allowed limit of 255"));
    }
    let actions: Vec<&Node> = rule.kids.iter().filter(|kid| RULE_ACTIONS.contains(&kid.name.as_str())).collect();
    if actions.is_empty() {
        let message = "At least one action needs to be specified in a rule";
        return Err(refused(400, "InvalidRequest", message));
    }
    if rule.child("Filter").is_some() == rule.child("Prefix").is_some() {
        return Err(malformed());
    }
    let positive = |node: &Node| node.text.parse::<u32>().is_ok_and(|days| days > 0);
    for action in actions {
        if action.kids.is_empty() {
            return Err(malformed());
        }
        let transition = action.name.ends_with("Transition");
        for days in action.kids.iter().filter(|kid| kid.name.ends_with("Days") || kid.name == "DaysAfterInitiation") {
            let fits = positive(days) || (transition && days.text == "0");
            if !fits {
                let message = format!("'{}' for {} action must be a positive integer", days.name, action.name);
                return Err(invalid_argument(message));
            }
        }
    }
    Ok(())
}

fn put_tagging(bucket: &mut Bucket, asked: &Asked) -> Answer {
    let given = document(asked, "Tagging")?;
    check_tags(&given)?;
    if given.child("TagSet").is_some_and(|set| set.kids.is_empty()) {
        bucket.config.remove("tagging");
    } else {
        bucket.config.insert("tagging".into(), given);
    }
    Ok(Reply::empty(204))
}

/// At most 50 tags, no key twice, no `aws:`.
pub(super) fn check_tags(tagging: &Node) -> Result<(), Refused> {
    let set = tagging.child("TagSet").ok_or_else(malformed)?;
    let invalid = |message: &str| Err(refused(400, "InvalidTag", message));
    let mut keys = BTreeSet::new();
    for tag in &set.kids {
        let (Some(key), Some(value)) = (tag.text_of("Key"), tag.text_of("Value")) else { return Err(malformed()) };
        if key.is_empty() || key.chars().count() > 128 {
            return invalid("The TagKey you have provided is invalid");
        }
        if value.chars().count() > 256 {
            return invalid("The TagValue you have provided is invalid");
        }
        if key.starts_with("aws:") {
            return invalid("System tags cannot be added/updated by requester");
        }
        if !keys.insert(key) {
            return invalid("Cannot provide multiple Tags with the same key");
        }
    }
    if keys.len() > 50 {
        return Err(refused(400, "BadRequest", "Bucket tag count cannot be greater than 50"));
    }
    Ok(())
}

/// The target must be a bucket of this account in the same region.
pub(super) fn put_logging(world: &mut World, asked: &Asked, name: &str) -> Answer {
    let given = document(asked, "BucketLoggingStatus")?;
    let region = world.buckets.get(name).map(|bucket| bucket.region.clone());
    if let Some(logging) = given.child("LoggingEnabled") {
        let target = logging.text_of("TargetBucket").unwrap_or_default();
        let wrong = |message: &str| Err(refused(400, "InvalidTargetBucketForLogging", message));
        match world.buckets.get(target) {
            None => return wrong("The target bucket for logging does not exist"),
            Some(bucket) if Some(&bucket.region) != region.as_ref() => {
                return wrong("The target bucket for logging must be in the same region as the source bucket");
            }
            Some(_) => {}
        }
        if logging.child("TargetPrefix").is_none() {
            return Err(malformed());
        }
    }
    let bucket = world.buckets.get_mut(name).ok_or_else(|| no_such_bucket(name))?;
    if given.kids.is_empty() {
        bucket.config.remove("logging");
    } else {
        bucket.config.insert("logging".into(), given);
    }
    Ok(Reply::empty(200))
}
