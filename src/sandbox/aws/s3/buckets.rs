//! Buckets themselves: their names, regions and lives.

use std::collections::BTreeMap;

use super::super::ACCOUNT;
use super::super::store::{Store, World};
use super::super::time::iso_millis;
use super::super::wire::{Answer, Asked, Refused, Reply, refused};
use super::super::xml::Node;
use super::{Bucket, NAMESPACE, config, invalid_argument, no_such_bucket};
use crate::model::BucketName;

/// The regions a bucket can be created in.
const REGIONS: &[&str] = &[
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "cn-north-1",
    "cn-northwest-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
    "sa-east-1",
    "us-east-2",
    "us-gov-east-1",
    "us-gov-west-1",
    "us-west-1",
    "us-west-2",
];

pub(super) fn create(world: &mut World, asked: &Asked, name: &str) -> Answer {
    check_name(asked, name)?;
    let body =
        if asked.body.is_empty() { Node::default() } else { super::document(asked, "CreateBucketConfiguration")? };
    let region = region(asked, body.text_of("LocationConstraint").filter(|text| !text.is_empty()))?;
    if world.foreign_buckets.contains(name) {
        let message = "The requested bucket name is not available. The bucket namespace is shared by all users of the \
                       system. Please select a different name and try again.";
        return Err(refused(409, "BucketAlreadyExists", message));
    }
    let created = Reply::empty(200).header("location", format!("/{name}"));
    if let Some(had) = world.buckets.get(name) {
        // Only in us-east-1, and only there, creating again succeeds.
        if had.region == "us-east-1" && region == "us-east-1" {
            return Ok(created);
        }
        let message = "Your previous request to create the named bucket succeeded and you already own it.";
        return Err(refused(409, "BucketAlreadyOwnedByYou", message));
    }
    let ownership = asked.header("x-amz-object-ownership").unwrap_or("BucketOwnerEnforced");
    let mut documents = BTreeMap::from([
        ("publicAccessBlock".to_owned(), config::blocked()),
        ("ownershipControls".to_owned(), config::ownership(ownership)?),
        ("encryption".to_owned(), config::default_encryption()),
    ]);
    if let Some(tags) = body.child("Tags") {
        let set = Node { name: "TagSet".into(), ..tags.clone() };
        let tagging = Node::new("Tagging").with(set);
        config::check_tags(&tagging)?;
        documents.insert("tagging".into(), tagging);
    }
    let bucket = Bucket {
        region,
        created: world.now(),
        config: documents,
        policy: None,
        objects: BTreeMap::new(),
        uploads: BTreeMap::new(),
        changes: Vec::new(),
    };
    world.buckets.insert(name.into(), bucket);
    Ok(created)
}

fn check_name(asked: &Asked, name: &str) -> Result<(), Refused> {
    let wrong = |why: String| Err(refused(400, "InvalidBucketName", why));
    if let Err(error) = name.parse::<BucketName>() {
        return wrong(format!("The specified bucket is not valid: {error}"));
    }
    let regional = asked.header("x-amz-bucket-namespace") == Some("account-regional");
    let ours = name.ends_with(&format!("-{ACCOUNT}-{}-an", asked.region));
    let reserved = name.ends_with("-an")
        && name.split('-').any(|part| part.len() == 12 && part.bytes().all(|b| b.is_ascii_digit()));
    let misplaced = if regional { !ours } else { reserved };
    if misplaced {
        let rule = "names in the account-regional namespace end in -<account>-<region>-an of their owner";
        return wrong(format!("The specified bucket is not valid: {rule}"));
    }
    Ok(())
}

/// Where the bucket is to be. Only us-east-1 takes requests without a constraint, or for other regions.
fn region(asked: &Asked, constraint: Option<&str>) -> Result<String, Refused> {
    match constraint {
        None if asked.region == "us-east-1" => Ok(asked.region.clone()),
        None => {
            let message = "The unspecified location constraint is incompatible for the region specific endpoint this \
                           request was sent to.";
            Err(refused(400, "IllegalLocationConstraintException", message))
        }
        Some(wanted) if !REGIONS.contains(&wanted) => {
            Err(refused(400, "InvalidLocationConstraint", "The specified location-constraint is not valid"))
        }
        Some(wanted) if asked.region == "us-east-1" || asked.region == wanted => Ok(wanted.to_owned()),
        Some(wanted) => {
            let message = format!(
                "The {wanted} location constraint is incompatible for the region specific endpoint this request was sent to."
            );
            Err(refused(400, "IllegalLocationConstraintException", message))
        }
    }
}

pub(super) fn delete(world: &mut World, store: &Store, name: &str) -> Answer {
    let bucket = world.buckets.get(name).ok_or_else(|| no_such_bucket(name))?;
    if !bucket.objects.is_empty() {
        return Err(refused(409, "BucketNotEmpty", "The bucket you tried to delete is not empty"));
    }
    // Unfinished uploads do not keep a bucket alive.
    bucket.bodies().for_each(|body| store.discard(body.to_owned()));
    world.buckets.remove(name);
    Ok(Reply::empty(204))
}

pub(super) fn location(bucket: &Bucket) -> Reply {
    let region = if bucket.region == "us-east-1" { "" } else { &bucket.region };
    Reply::xml(&Node::leaf("LocationConstraint", region), NAMESPACE)
}

pub(super) fn list(world: &World, asked: &Asked) -> Answer {
    let size = match asked.query("max-buckets").map(str::parse::<usize>) {
        None => 10_000,
        Some(Ok(size @ 1..=10_000)) => size,
        Some(_) => return Err(invalid_argument("max-buckets must be between 1 and 10000")),
    };
    let from = asked.query("continuation-token").unwrap_or_default();
    let prefix = asked.query("prefix").unwrap_or_default();
    let region = asked.query("bucket-region");
    let mut found = world
        .buckets
        .iter()
        .filter(|(name, bucket)| {
            name.as_str() >= from && name.starts_with(prefix) && region.is_none_or(|region| region == bucket.region)
        })
        .peekable();
    let list = found.by_ref().take(size).map(|(name, bucket)| {
        Node::new("Bucket")
            .put("Name", name)
            .put("CreationDate", iso_millis(bucket.created))
            .put("BucketRegion", &bucket.region)
    });
    let list = Node::new("Buckets").extend(list);
    let owner = Node::new("Owner").put("ID", format!("{ACCOUNT:0>64}"));
    let result = Node::new("ListAllMyBucketsResult").with(list).with(owner);
    let next = found.peek().map(|(name, _)| name.as_str());
    let result = result.put_some("ContinuationToken", next).put_some("Prefix", asked.query("prefix"));
    Ok(Reply::xml(&result, NAMESPACE))
}
