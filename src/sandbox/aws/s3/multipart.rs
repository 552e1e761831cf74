//! Multipart uploads.

use std::collections::BTreeMap;

use md5::{Digest as _, Md5};
use serde::{Deserialize, Serialize};

use super::super::store::{Store, World};
use super::super::time::iso_millis;
use super::super::wire::{Answer, Asked, Refused, Reply, refused};
use super::super::xml::Node;
use super::event::Made;
use super::objects::{self, Sealed, Version};
use super::{Bucket, NAMESPACE, document, invalid_argument, malformed, no_such_bucket, page_size};

/// Parts smaller than this can only be the last.
const SMALLEST_PART: u64 = 5 * 1024 * 1024;

/// An upload that is not finished.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Upload {
    key: String,
    started: i64,
    parts: BTreeMap<u32, Version>,
}

impl Upload {
    /// Names of the bodies of its parts.
    pub(super) fn bodies(&self) -> impl Iterator<Item = &str> {
        self.parts.values().filter_map(|part| part.body.as_deref())
    }
}

fn no_such_upload() -> Refused {
    refused(404, "NoSuchUpload", "The specified multipart upload does not exist.")
}

pub(super) fn create(bucket: &mut Bucket, store: &Store, name: &str, key: &str) -> Reply {
    let id = uuid::Uuid::new_v4().simple().to_string();
    bucket.uploads.insert(id.clone(), Upload { key: key.into(), started: store.now(), parts: BTreeMap::new() });
    let result = Node::new("InitiateMultipartUploadResult").put("Bucket", name).put("Key", key).put("UploadId", id);
    Reply::xml(&result, NAMESPACE)
}

fn find<'a>(bucket: &'a mut Bucket, asked: &Asked, key: &str) -> Result<&'a mut Upload, Refused> {
    let id = asked.query("uploadId").unwrap_or_default();
    bucket.uploads.get_mut(id).filter(|upload| upload.key == key).ok_or_else(no_such_upload)
}

pub(super) fn upload_part(bucket: &mut Bucket, store: &Store, asked: &Asked, key: &str) -> Answer {
    let number = asked.query("partNumber").and_then(|number| number.parse().ok()).filter(|n| (1..=10_000).contains(n));
    let number: u32 = number.ok_or_else(|| invalid_argument("Part number must be an integer between 1 and 10000"))?;
    let upload = find(bucket, asked, key)?;
    let part = objects::version(store, asked.body.clone(), Sealed::Aes256)?;
    let etag = format!("\"{}\"", part.etag);
    if let Some(old) = upload.parts.insert(number, part).and_then(|old| old.body) {
        store.discard(old);
    }
    Ok(Reply::empty(200).header("etag", etag))
}

pub(super) fn complete(world: &mut World, store: &Store, asked: &Asked, name: &str, key: &str) -> Answer {
    let given = document(asked, "CompleteMultipartUpload")?;
    let bucket = world.buckets.get(name).ok_or_else(|| no_such_bucket(name))?;
    let id = asked.query("uploadId").unwrap_or_default();
    let upload = bucket.uploads.get(id).filter(|upload| upload.key == key).ok_or_else(no_such_upload)?;
    let (mut whole, mut etags, mut last) = (Vec::new(), Md5::new(), 0);
    let mut parts = given.all("Part").peekable();
    if parts.peek().is_none() {
        return Err(malformed());
    }
    let count = given.all("Part").count();
    while let Some(part) = parts.next() {
        let number: u32 = part.text_of("PartNumber").and_then(|text| text.parse().ok()).ok_or_else(malformed)?;
        if number <= last {
            return Err(refused(400, "InvalidPartOrder", "The list of parts was not in ascending order."));
        }
        last = number;
        let etag = part.text_of("ETag").unwrap_or_default().trim_matches('"');
        let found = upload
            .parts
            .get(&number)
            .filter(|found| found.etag == etag)
            .ok_or_else(|| refused(400, "InvalidPart", "One or more of the specified parts could not be found."))?;
        if found.size < SMALLEST_PART && parts.peek().is_some() {
            let message = "Your proposed upload is smaller than the minimum allowed size";
            return Err(refused(400, "EntityTooSmall", message));
        }
        let body = objects::body(store, found)?;
        etags.update(Md5::digest(&body));
        whole.extend_from_slice(&body);
    }
    let sealed = bucket.sealed(&|_| None, world)?;
    sealed.usable(world, &bucket.region)?;
    let mut version = objects::version(store, whole.into(), sealed)?;
    version.etag = format!("{}-{count}", objects::hex(&etags.finalize()));
    let etag = format!("\"{}\"", version.etag);
    let bucket = world.buckets.get_mut(name).ok_or_else(|| no_such_bucket(name))?;
    if let Some(upload) = bucket.uploads.remove(id) {
        upload.bodies().for_each(|body| store.discard(body.to_owned()));
    }
    let id = bucket.push(store, key, version, Made::Multipart);
    let result = Node::new("CompleteMultipartUploadResult").put("Bucket", name).put("Key", key).put("ETag", etag);
    let reply = Reply::xml(&result, NAMESPACE);
    Ok(match id {
        Some(id) => reply.header("x-amz-version-id", id),
        None => reply,
    })
}

pub(super) fn abort(bucket: &mut Bucket, store: &Store, asked: &Asked, key: &str) -> Answer {
    find(bucket, asked, key)?;
    if let Some(upload) = bucket.uploads.remove(asked.query("uploadId").unwrap_or_default()) {
        upload.bodies().for_each(|body| store.discard(body.to_owned()));
    }
    Ok(Reply::empty(204))
}

pub(super) fn list(bucket: &Bucket, asked: &Asked, name: &str) -> Answer {
    let size = page_size(asked, "max-uploads")?;
    let prefix = asked.query("prefix").unwrap_or_default();
    let after = (asked.query("key-marker").unwrap_or_default(), asked.query("upload-id-marker").unwrap_or_default());
    let mut found: Vec<(&str, &str, &Upload)> = bucket
        .uploads
        .iter()
        .map(|(id, upload)| (upload.key.as_str(), id.as_str(), upload))
        .filter(|(key, ..)| key.starts_with(prefix))
        .filter(|(key, id, _)| if after.1.is_empty() { *key > after.0 } else { (*key, *id) > after })
        .collect();
    found.sort_by_key(|(key, id, _)| (*key, *id));
    let more = found.len() > size;
    found.truncate(size);
    let mut result =
        Node::new("ListMultipartUploadsResult").put("Bucket", name).put("MaxUploads", size).put("IsTruncated", more);
    if let Some((key, id, _)) = found.last().filter(|_| more) {
        result = result.put("NextKeyMarker", key).put("NextUploadIdMarker", id);
    }
    let uploads = found.iter().map(|(key, id, upload)| {
        Node::new("Upload").put("Key", key).put("UploadId", id).put("Initiated", iso_millis(upload.started))
    });
    Ok(Reply::xml(&result.extend(uploads), NAMESPACE))
}
