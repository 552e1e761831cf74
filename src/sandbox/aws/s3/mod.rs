//! S3: buckets with their configuration, objects and versions. Names are global, everything else is in the bucket's region.
//!
//! Source: S3 API reference and user guide. Configuration documents are kept as they were written, completed by S3's defaults.

pub(super) mod actions;
mod buckets;
mod config;
pub(super) mod event;
mod multipart;
mod notification;
pub(super) mod objects;
mod policy;
mod versions;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ACCOUNT;
use super::document::Document;
use super::store::{Store, World};
use super::wire::{Answer, Asked, Refused, Reply, refused};
use super::xml::Node;
use objects::Version;

/// A bucket.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Bucket {
    pub(super) region: String,
    created: i64,
    /// Configuration documents by the name of their sub-resource.
    config: BTreeMap<String, Node>,
    pub(super) policy: Option<Document>,
    /// Versions of every key, the newest first. No list is empty.
    objects: BTreeMap<String, Vec<Version>>,
    uploads: BTreeMap<String, multipart::Upload>,
    /// What happened to objects and has not been told anybody yet.
    #[serde(skip)]
    changes: Vec<event::Change>,
}

impl Bucket {
    /// The bucket as it is, with the configuration it had.
    pub(super) fn configured_as(now: &Self, then: &Self) -> Self {
        Self { config: then.config.clone(), policy: then.policy.clone(), ..now.clone() }
    }
}

const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

/// Sub-resources of a bucket that are documents, and the end of the names of their operations.
const DOCUMENTS: &[(&str, &str)] = &[
    ("publicAccessBlock", "PublicAccessBlock"),
    ("ownershipControls", "BucketOwnershipControls"),
    ("versioning", "BucketVersioning"),
    ("encryption", "BucketEncryption"),
    ("lifecycle", "BucketLifecycleConfiguration"),
    ("logging", "BucketLogging"),
    ("tagging", "BucketTagging"),
    ("notification", "BucketNotificationConfiguration"),
    ("policy", "BucketPolicy"),
    ("policyStatus", "BucketPolicyStatus"),
    ("location", "BucketLocation"),
    ("acl", "BucketAcl"),
];

/// Bucket and key of a request, from the path or from the host.
pub(super) fn target(asked: &Asked) -> (Option<String>, Option<String>) {
    let path = asked.path.strip_prefix('/').unwrap_or(&asked.path);
    let path = percent_encoding::percent_decode_str(path).decode_utf8_lossy().into_owned();
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let in_host = [".s3.", ".s3-"].iter().filter_map(|mark| asked.host.rfind(mark)).max();
    if let Some(end) = in_host.filter(|_| asked.host.contains("amazonaws.com")) {
        return (asked.host.get(..end).and_then(some), some(&path));
    }
    // On this machine the host may name the bucket too: `bucket.localhost`, `bucket.s3.localhost`.
    let local = asked.host.strip_suffix(".localhost").map(|name| name.strip_suffix(".s3").unwrap_or(name));
    if let Some(bucket) = local.filter(|name| *name != "s3") {
        return (some(bucket), some(&path));
    }
    match path.split_once('/') {
        Some((bucket, key)) => (some(bucket), some(key)),
        None => (some(&path), None),
    }
}

/// AWS's name of the operation; `None` if the sandbox does not know it.
pub(super) fn operation(asked: &Asked) -> Option<&'static str> {
    let has = |name: &str| asked.query(name).is_some();
    let method = asked.method.as_str();
    match target(asked) {
        (None, _) => (method == "GET").then_some("ListBuckets"),
        (Some(_), Some(_)) => match method {
            "PUT" if has("uploadId") => Some("UploadPart"),
            "PUT" if has("tagging") || has("acl") || asked.header("x-amz-copy-source").is_some() => None,
            "PUT" => Some("PutObject"),
            "GET" if has("uploadId") || has("tagging") || has("acl") || has("attributes") => None,
            "GET" => Some("GetObject"),
            "HEAD" => Some("HeadObject"),
            "DELETE" if has("uploadId") => Some("AbortMultipartUpload"),
            "DELETE" if has("tagging") => None,
            "DELETE" => Some("DeleteObject"),
            "POST" if has("uploads") => Some("CreateMultipartUpload"),
            "POST" if has("uploadId") => Some("CompleteMultipartUpload"),
            _ => None,
        },
        (Some(_), None) => match DOCUMENTS.iter().find(|(name, _)| has(name)) {
            Some((document, _)) => on_document(method, document),
            None => match method {
                "GET" if has("versions") => Some("ListObjectVersions"),
                "GET" if has("uploads") => Some("ListMultipartUploads"),
                "GET" if asked.query("list-type") == Some("2") => Some("ListObjectsV2"),
                "POST" if has("delete") => Some("DeleteObjects"),
                "HEAD" => Some("HeadBucket"),
                "PUT" if asked.query.iter().all(|(name, _)| name == "x-id") => Some("CreateBucket"),
                "DELETE" if asked.query.iter().all(|(name, _)| name == "x-id") => Some("DeleteBucket"),
                _ => None,
            },
        },
    }
}

fn on_document(method: &str, document: &str) -> Option<&'static str> {
    Some(match (method, document) {
        ("GET", "publicAccessBlock") => "GetPublicAccessBlock",
        ("PUT", "publicAccessBlock") => "PutPublicAccessBlock",
        ("DELETE", "publicAccessBlock") => "DeletePublicAccessBlock",
        ("GET", "ownershipControls") => "GetBucketOwnershipControls",
        ("PUT", "ownershipControls") => "PutBucketOwnershipControls",
        ("DELETE", "ownershipControls") => "DeleteBucketOwnershipControls",
        ("GET", "versioning") => "GetBucketVersioning",
        ("PUT", "versioning") => "PutBucketVersioning",
        ("GET", "encryption") => "GetBucketEncryption",
        ("PUT", "encryption") => "PutBucketEncryption",
        ("DELETE", "encryption") => "DeleteBucketEncryption",
        ("GET", "lifecycle") => "GetBucketLifecycleConfiguration",
        ("PUT", "lifecycle") => "PutBucketLifecycleConfiguration",
        ("DELETE", "lifecycle") => "DeleteBucketLifecycle",
        ("GET", "logging") => "GetBucketLogging",
        ("PUT", "logging") => "PutBucketLogging",
        ("GET", "tagging") => "GetBucketTagging",
        ("PUT", "tagging") => "PutBucketTagging",
        ("DELETE", "tagging") => "DeleteBucketTagging",
        ("GET", "notification") => "GetBucketNotificationConfiguration",
        ("PUT", "notification") => "PutBucketNotificationConfiguration",
        ("GET", "policy") => "GetBucketPolicy",
        ("PUT", "policy") => "PutBucketPolicy",
        ("DELETE", "policy") => "DeleteBucketPolicy",
        ("GET", "policyStatus") => "GetBucketPolicyStatus",
        ("GET", "location") => "GetBucketLocation",
        ("PUT", "acl") => "PutBucketAcl",
        _ => return None,
    })
}

/// Answers one request.
pub(super) fn answer(world: &mut World, store: &Store, asked: &Asked, operation: &str) -> Answer {
    let (bucket, key) = target(asked);
    let Some(name) = bucket else { return buckets::list(world, asked) };
    if operation == "CreateBucket" {
        return buckets::create(world, asked, &name);
    }
    admit(world, asked, &name)?;
    let bucket = world.buckets.get_mut(&name).ok_or_else(|| no_such_bucket(&name))?;
    if let Some(key) = key {
        return match operation {
            "PutObject" => objects::put(world, store, asked, &name, &key),
            "GetObject" | "HeadObject" => objects::get(world, store, asked, &name, &key),
            "DeleteObject" => Ok(versions::delete(bucket, store, asked, &key)),
            "CreateMultipartUpload" => Ok(multipart::create(bucket, store, &name, &key)),
            "UploadPart" => multipart::upload_part(bucket, store, asked, &key),
            "CompleteMultipartUpload" => multipart::complete(world, store, asked, &name, &key),
            _ => multipart::abort(bucket, store, asked, &key),
        };
    }
    match operation {
        "HeadBucket" => Ok(Reply::empty(200).header("x-amz-bucket-region", &bucket.region)),
        "DeleteBucket" => buckets::delete(world, store, &name),
        "GetBucketLocation" => Ok(buckets::location(bucket)),
        "ListObjectsV2" => objects::list(bucket, asked, &name),
        "ListObjectVersions" => versions::list(bucket, asked, &name),
        "DeleteObjects" => versions::delete_many(bucket, store, asked),
        "ListMultipartUploads" => multipart::list(bucket, asked, &name),
        "PutBucketPolicy" => policy::put(world, asked, &name),
        "GetBucketPolicy" => policy::get(world, &name),
        "GetBucketPolicyStatus" => policy::status(world, &name),
        "DeleteBucketPolicy" => {
            bucket.policy = None;
            Ok(Reply::empty(204))
        }
        "PutBucketNotificationConfiguration" => notification::put(world, asked, &name),
        "PutBucketLogging" => config::put_logging(world, asked, &name),
        "PutBucketAcl" => config::put_acl(bucket),
        _ => config::answer(bucket, asked, operation),
    }
}

/// Refuses requests to buckets that are not there, not ours, or in another region.
fn admit(world: &World, asked: &Asked, name: &str) -> Result<(), Refused> {
    // The region of a bucket is no secret: even who may not see the bucket learns it.
    let denied = |region: &str| {
        let mut refusal = refused(403, "AccessDenied", "Access Denied");
        refusal.headers.push(("x-amz-bucket-region".into(), region.into()));
        refusal
    };
    if world.foreign_buckets.contains(name) {
        return Err(denied(super::REGION));
    }
    let bucket = world.buckets.get(name).ok_or_else(|| no_such_bucket(name))?;
    if asked.header("x-amz-expected-bucket-owner").is_some_and(|owner| owner != ACCOUNT) {
        return Err(denied(&bucket.region));
    }
    if bucket.region != asked.region {
        let message = "The bucket you are attempting to access must be addressed using the specified endpoint. Please \
                       send all future requests to this endpoint.";
        let mut refusal = refused(301, "PermanentRedirect", message);
        refusal.headers.push(("x-amz-bucket-region".into(), bucket.region.clone()));
        return Err(refusal);
    }
    Ok(())
}

fn no_such_bucket(name: &str) -> Refused {
    refused(404, "NoSuchBucket", format!("The specified bucket does not exist: {name}"))
}

fn malformed() -> Refused {
    refused(
        400,
        "MalformedXML",
        "The XML you provided was not well-formed or did not validate against our published schema",
    )
}

fn invalid_argument(message: impl Into<String>) -> Refused {
    refused(400, "InvalidArgument", message)
}

/// The document in a request.
fn document(asked: &Asked, root: &str) -> Result<Node, Refused> {
    Node::parse(&asked.body).ok().filter(|node| node.name == root).ok_or_else(malformed)
}

/// A size of a page; at most 1,000, which is also the default.
fn page_size(asked: &Asked, parameter: &str) -> Result<usize, Refused> {
    match asked.query(parameter).map(str::parse::<usize>) {
        None => Ok(1000),
        Some(Ok(size)) => Ok(size.min(1000)),
        Some(Err(_)) => Err(invalid_argument(format!("Provided {parameter} not an integer or within integer range"))),
    }
}

impl Bucket {
    /// Names of the bodies its objects and uploads need.
    pub(super) fn bodies(&self) -> impl Iterator<Item = &str> {
        let objects = self.objects.values().flatten().filter_map(|version| version.body.as_deref());
        objects.chain(self.uploads.values().flat_map(multipart::Upload::bodies))
    }

    /// Its tags.
    pub(super) fn tags(&self) -> BTreeMap<String, String> {
        let set = self.config.get("tagging").and_then(|tagging| tagging.child("TagSet"));
        set.into_iter()
            .flat_map(|set| &set.kids)
            .map(|tag| {
                let text = |name| tag.text_of(name).unwrap_or_default().to_owned();
                (text("Key"), text("Value"))
            })
            .collect()
    }
}
