//! Objects: writing, reading and listing their newest versions.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bytes::Bytes;
use md5::{Digest as _, Md5};
use serde::{Deserialize, Serialize};

use super::super::kms;
use super::super::store::{Store, World};
use super::super::time::{http_date, iso_millis};
use super::super::wire::{Answer, Asked, Refused, Reply, refused};
use super::super::xml::Node;
use super::event::{Change, Made};
use super::{Bucket, NAMESPACE, invalid_argument, no_such_bucket, page_size};

/// One version of an object, or a delete marker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::sandbox::aws) struct Version {
    /// `null` if it was written without versioning.
    pub(super) id: String,
    /// Where the body is kept; absent for a delete marker.
    pub(in crate::sandbox::aws) body: Option<String>,
    pub(in crate::sandbox::aws) size: u64,
    /// Without quotes.
    pub(in crate::sandbox::aws) etag: String,
    pub(in crate::sandbox::aws) modified: i64,
    /// Headers that come back as they were sent.
    pub(super) headers: BTreeMap<String, String>,
    pub(in crate::sandbox::aws) encryption: Sealed,
}

/// How an object is encrypted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::sandbox::aws) enum Sealed {
    /// Keys managed by S3.
    Aes256,
    /// A KMS key.
    Kms {
        /// `aws:kms` or `aws:kms:dsse`.
        algorithm: String,
        /// Its ARN; the ARN of the alias `aws/s3` for AWS's own key.
        key: String,
        /// Whether a bucket key saves requests. Then the encryption context is the bucket.
        bucket_key: bool,
    },
}

impl Sealed {
    /// The ARN of the KMS key, if it is one.
    pub(in crate::sandbox::aws) fn key(&self) -> Option<String> {
        match self {
            Self::Aes256 => None,
            Self::Kms { key, .. } => Some(key.clone()),
        }
    }
}

const KEPT: [&str; 7] = [
    "content-encoding",
    "content-type",
    "content-disposition",
    "content-language",
    "cache-control",
    "expires",
    "x-amz-website-redirect-location",
];

impl Bucket {
    /// `Enabled`, `Suspended`, or nothing if versioning was never switched on.
    pub(super) fn versioning(&self) -> Option<&str> {
        self.config.get("versioning").and_then(|versioning| versioning.text_of("Status"))
    }

    /// The newest version of a key, if it is not a delete marker.
    pub(in crate::sandbox::aws) fn newest(&self, key: &str) -> Option<&Version> {
        self.objects.get(key)?.first().filter(|version| version.body.is_some())
    }

    /// One version of a key, if it is not a delete marker.
    pub(in crate::sandbox::aws) fn version(&self, key: &str, id: &str) -> Option<&Version> {
        self.objects.get(key)?.iter().find(|version| version.id == id && version.body.is_some())
    }

    /// Keys and newest versions, without delete markers.
    pub(in crate::sandbox::aws) fn listed(&self) -> impl Iterator<Item = (&String, &Version)> {
        self.objects.keys().filter_map(|key| Some((key, self.newest(key)?)))
    }

    /// Puts a version on top. Without versioning, and while it is suspended, it takes the place of the version `null`.
    pub(in crate::sandbox::aws) fn push(
        &mut self,
        store: &Store,
        key: &str,
        version: Version,
        made: Made,
    ) -> Option<String> {
        let (size, etag) = (Some(version.size), Some(version.etag.clone()));
        let id = self.place(store, key, version);
        self.changes.push(Change { name: made.name(), key: key.into(), size, etag, version: id.clone() });
        id
    }

    /// The same for any version, a delete marker too, without a word to anybody.
    pub(super) fn place(&mut self, store: &Store, key: &str, mut version: Version) -> Option<String> {
        let versioned = self.versioning().is_some();
        let enabled = self.versioning() == Some("Enabled");
        version.id = if enabled { uuid::Uuid::new_v4().simple().to_string() } else { "null".into() };
        let id = version.id.clone();
        let versions = self.objects.entry(key.into()).or_default();
        if !enabled {
            for old in versions.extract_if(.., |old| old.id == "null") {
                old.body.into_iter().for_each(|body| store.discard(body));
            }
        }
        versions.insert(0, version);
        versioned.then_some(id)
    }

    /// How an object is encrypted that comes with these headers.
    pub(in crate::sandbox::aws) fn sealed(
        &self,
        header: &dyn Fn(&str) -> Option<String>,
        world: &World,
    ) -> Result<Sealed, Refused> {
        let rule = self.config.get("encryption").and_then(|encryption| encryption.child("Rule"));
        let default = rule.and_then(|rule| rule.child("ApplyServerSideEncryptionByDefault"));
        let default_of = |name: &str| default.and_then(|default| default.text_of(name)).map(str::to_owned);
        let asked = header("x-amz-server-side-encryption");
        let algorithm = asked.clone().or_else(|| default_of("SSEAlgorithm")).unwrap_or_else(|| "AES256".into());
        match algorithm.as_str() {
            "AES256" => return Ok(Sealed::Aes256),
            "aws:kms" | "aws:kms:dsse" => {}
            _ => return Err(invalid_argument("The encryption method specified is not supported")),
        }
        let named = header("x-amz-server-side-encryption-aws-kms-key-id");
        let key = named.or_else(|| default_of("KMSMasterKeyID").filter(|_| asked.is_none()));
        let key = match key {
            None => format!("arn:aws:kms:{}:{}:alias/aws/s3", self.region, super::ACCOUNT),
            Some(name) => match kms::by_name(world, &self.region, &name) {
                Some(key) => key.arn.clone(),
                None => name,
            },
        };
        let by_rule = rule.and_then(|rule| rule.text_of("BucketKeyEnabled")) == Some("true");
        let bucket_key =
            header("x-amz-server-side-encryption-bucket-key-enabled").map_or(by_rule, |text| text == "true");
        Ok(Sealed::Kms { algorithm, key, bucket_key })
    }
}

impl Sealed {
    /// Refuses if the key cannot be used by a bucket of this region now.
    pub(in crate::sandbox::aws) fn usable(&self, world: &World, region: &str) -> Result<(), Refused> {
        let Self::Kms { key, .. } = self else { return Ok(()) };
        if key.ends_with(":alias/aws/s3") {
            return Ok(());
        }
        let found = kms::by_arn(world, key).filter(|found| found.arn.split(':').nth(3) == Some(region));
        match found.map(|found| found.state) {
            Some(kms::State::Enabled) => Ok(()),
            Some(kms::State::Disabled) => Err(refused(400, "KMS.DisabledException", format!("{key} is disabled."))),
            Some(kms::State::PendingDeletion(_)) => {
                Err(refused(400, "KMS.KMSInvalidStateException", format!("{key} is pending deletion.")))
            }
            None => Err(refused(400, "KMS.NotFoundException", format!("Key '{key}' does not exist"))),
        }
    }

    fn headers(&self, mut reply: Reply) -> Reply {
        match self {
            Self::Aes256 => reply = reply.header("x-amz-server-side-encryption", "AES256"),
            Self::Kms { algorithm, key, bucket_key } => {
                reply = reply
                    .header("x-amz-server-side-encryption", algorithm)
                    .header("x-amz-server-side-encryption-aws-kms-key-id", key);
                if *bucket_key {
                    reply = reply.header("x-amz-server-side-encryption-bucket-key-enabled", true);
                }
            }
        }
        reply
    }
}

/// Whether a header holds a checksum of the object.
fn is_checksum(header: &str) -> bool {
    header.strip_prefix("x-amz-checksum-").is_some_and(|name| !["algorithm", "mode", "type"].contains(&name))
}

/// Bytes as lower-case hexadecimal digits.
pub(in crate::sandbox::aws) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A new version of these bytes; it gets its ID when it is put into a bucket.
pub(in crate::sandbox::aws) fn version(store: &Store, body: Bytes, encryption: Sealed) -> Result<Version, Refused> {
    let etag = hex(&Md5::digest(&body));
    let size = u64::try_from(body.len()).unwrap_or(u64::MAX);
    let body = store.keep(body).map_err(|error| lost(&error))?;
    let headers = BTreeMap::new();
    Ok(Version { id: String::new(), body: Some(body), size, etag, modified: store.now(), headers, encryption })
}

fn lost(error: &std::io::Error) -> Refused {
    refused(500, "InternalError", format!("the sandbox could not reach the body of the object: {error}"))
}

/// The bytes of a version.
pub(in crate::sandbox::aws) fn body(store: &Store, version: &Version) -> Result<Bytes, Refused> {
    match &version.body {
        Some(name) => store.body(name).map_err(|error| lost(&error)),
        None => Ok(Bytes::new()),
    }
}

pub(super) fn put(world: &mut World, store: &Store, asked: &Asked, name: &str, key: &str) -> Answer {
    if key.len() > 1024 {
        return Err(refused(400, "KeyTooLongError", "Your key is too long"));
    }
    if asked.header("x-amz-server-side-encryption-customer-algorithm").is_some() {
        return Err(refused(403, "AccessDenied", "SSE-C is blocked for this bucket, and the sandbox does not have it"));
    }
    let bucket = world.buckets.get(name).ok_or_else(|| no_such_bucket(name))?;
    if asked.header("if-none-match") == Some("*") && bucket.newest(key).is_some() {
        let message = "At least one of the pre-conditions you specified did not hold";
        return Err(refused(412, "PreconditionFailed", message));
    }
    let sealed = bucket.sealed(&|header| asked.header(header).map(str::to_owned), world)?;
    sealed.usable(world, &bucket.region)?;
    let mut version = version(store, asked.body.clone(), sealed.clone())?;
    version.headers = asked
        .headers
        .iter()
        .filter(|(header, _)| {
            KEPT.contains(&header.as_str()) || header.starts_with("x-amz-meta-") || is_checksum(header)
        })
        .map(|(header, value)| (header.clone(), value.clone()))
        .collect();
    let etag = version.etag.clone();
    let checksums: Vec<(String, String)> =
        version.headers.clone().into_iter().filter(|(name, _)| is_checksum(name)).collect();
    let bucket = world.buckets.get_mut(name).ok_or_else(|| no_such_bucket(name))?;
    let id = bucket.push(store, key, version, Made::Put);
    let mut reply = sealed.headers(Reply::empty(200).header("etag", format!("\"{etag}\"")));
    reply.headers.extend(checksums);
    Ok(match id {
        Some(id) => reply.header("x-amz-version-id", id),
        None => reply,
    })
}

pub(super) fn get(world: &mut World, store: &Store, asked: &Asked, name: &str, key: &str) -> Answer {
    let bucket = world.buckets.get(name).ok_or_else(|| no_such_bucket(name))?;
    let none = || refused(404, "NoSuchKey", format!("The specified key does not exist: {key}"));
    let versions = bucket.objects.get(key).ok_or_else(none)?;
    let version = match asked.query("versionId") {
        None => versions.first().ok_or_else(none)?,
        Some(id) => versions
            .iter()
            .find(|version| version.id == id)
            .ok_or_else(|| refused(404, "NoSuchVersion", "The specified version does not exist."))?,
    };
    if version.body.is_none() {
        let mut refusal = match asked.query("versionId") {
            None => none(),
            Some(_) => refused(405, "MethodNotAllowed", "The specified method is not allowed against this resource."),
        };
        refusal.headers.push(("x-amz-delete-marker".into(), "true".into()));
        return Err(refusal);
    }
    version.encryption.usable(world, &bucket.region)?;
    let mut reply = Reply::empty(200)
        .header("etag", format!("\"{}\"", version.etag))
        .header("last-modified", http_date(version.modified))
        .header("accept-ranges", "bytes");
    if !version.headers.contains_key("content-type") {
        reply = reply.header("content-type", "binary/octet-stream");
    }
    // A checksum is of the whole object, and told to those who ask for it.
    let told = asked.header("x-amz-checksum-mode") == Some("ENABLED") && asked.header("range").is_none();
    for (header, value) in version.headers.iter().filter(|(header, _)| told || !is_checksum(header)) {
        reply = reply.header(header, value);
    }
    if bucket.versioning().is_some() {
        reply = reply.header("x-amz-version-id", &version.id);
    }
    reply = version.encryption.headers(reply);
    if asked.method == "HEAD" {
        return Ok(reply.header("content-length", version.size));
    }
    let body = body(store, version)?;
    let Some((from, to)) = asked.header("range").and_then(|range| bounds(range, body.len())) else {
        return Ok(reply.header("content-length", body.len()).body(body.to_vec()));
    };
    let Some(part) = body.get(from..to).filter(|part| !part.is_empty()) else {
        return Err(refused(416, "InvalidRange", "The requested range is not satisfiable"));
    };
    reply.status = 206;
    let range = format!("bytes {from}-{}/{}", to.saturating_sub(1), body.len());
    Ok(reply.header("content-range", range).header("content-length", part.len()).body(part.to_vec()))
}

/// `bytes=1-2`, `bytes=1-` or `bytes=-2`, as a range that excludes its end.
fn bounds(range: &str, length: usize) -> Option<(usize, usize)> {
    let (from, to) = range.strip_prefix("bytes=")?.split_once('-')?;
    match (from, to) {
        ("", last) => Some((length.saturating_sub(last.parse().ok()?), length)),
        (from, "") => Some((from.parse().ok()?, length)),
        (from, to) => Some((from.parse().ok()?, to.parse::<usize>().ok()?.saturating_add(1).min(length))),
    }
}

pub(super) fn list(bucket: &Bucket, asked: &Asked, name: &str) -> Answer {
    let size = page_size(asked, "max-keys")?;
    let prefix = asked.query("prefix").unwrap_or_default();
    let delimiter = asked.query("delimiter").filter(|text| !text.is_empty());
    let after = asked.query("continuation-token").or(asked.query("start-after")).unwrap_or_default().to_owned();
    let (mut contents, mut prefixes) = (Vec::new(), Vec::<String>::new());
    let mut next = None;
    let mut last = after.clone();
    for (key, version) in bucket.listed().filter(|(key, _)| key.starts_with(prefix)) {
        let group = delimiter.and_then(|delimiter| {
            let at = key.get(prefix.len()..)?.find(delimiter)?;
            key.get(..prefix.len() + at + delimiter.len()).map(str::to_owned)
        });
        let place = group.as_ref().unwrap_or(key);
        if *place <= after || prefixes.last() == Some(place) {
            continue;
        }
        if contents.len() + prefixes.len() == size {
            next = (size > 0).then_some(last);
            break;
        }
        last.clone_from(place);
        match group {
            Some(group) => prefixes.push(group),
            None => contents.push(
                Node::new("Contents")
                    .put("Key", key)
                    .put("LastModified", iso_millis(version.modified))
                    .put("ETag", format!("\"{}\"", version.etag))
                    .put("Size", version.size)
                    .put("StorageClass", "STANDARD"),
            ),
        }
    }
    let result = Node::new("ListBucketResult")
        .put("Name", name)
        .put("Prefix", prefix)
        .put_some("Delimiter", delimiter)
        .put("MaxKeys", size)
        .put("KeyCount", contents.len() + prefixes.len())
        .put("IsTruncated", next.is_some())
        .put_some("ContinuationToken", asked.query("continuation-token"))
        .put_some("StartAfter", asked.query("start-after"))
        .put_some("NextContinuationToken", next)
        .extend(contents)
        .extend(prefixes.iter().map(|prefix| Node::new("CommonPrefixes").put("Prefix", prefix)));
    Ok(Reply::xml(&result, NAMESPACE))
}
