//! Versions and delete markers: listing all of them, and deleting.

use md5::{Digest as _, Md5};

use super::super::store::Store;
use super::super::time::iso_millis;
use super::super::wire::{Answer, Asked, Reply, refused};
use super::super::xml::Node;
use super::event::Change;
use super::objects::{Sealed, Version};
use super::{Bucket, NAMESPACE, document, invalid_argument, malformed, page_size};

/// What a deletion did.
#[derive(Debug, Default, PartialEq, Eq)]
struct Deleted {
    /// Whether a delete marker was written or removed.
    marker: bool,
    /// The version written or removed.
    version: Option<String>,
}

impl Bucket {
    /// Deletes a version, or the newest one by writing a delete marker if the bucket is or was versioned.
    fn remove(&mut self, store: &Store, key: &str, version: Option<&str>) -> Deleted {
        if let Some(id) = version {
            let Some(versions) = self.objects.get_mut(key) else { return Deleted::default() };
            let gone = versions.iter().position(|version| version.id == id).map(|at| versions.remove(at));
            if versions.is_empty() {
                self.objects.remove(key);
            }
            let marker = gone.as_ref().is_some_and(|gone| gone.body.is_none());
            if gone.is_some() {
                self.removed("ObjectRemoved:Delete", key, None, Some(id.into()));
            }
            gone.and_then(|gone| gone.body).into_iter().for_each(|body| store.discard(body));
            return Deleted { marker, version: Some(id.into()) };
        }
        if self.versioning().is_some() {
            let marker = Version::marker(store.now());
            let etag = super::objects::hex(&Md5::digest([]));
            let version = self.place(store, key, marker);
            self.removed("ObjectRemoved:DeleteMarkerCreated", key, Some(etag), version.clone());
            return Deleted { marker: true, version };
        }
        let gone = self.objects.remove(key);
        if gone.is_some() {
            self.removed("ObjectRemoved:Delete", key, None, None);
        }
        for version in gone.into_iter().flatten() {
            version.body.into_iter().for_each(|body| store.discard(body));
        }
        Deleted::default()
    }

    fn removed(&mut self, name: &'static str, key: &str, etag: Option<String>, version: Option<String>) {
        self.changes.push(Change { name, key: key.into(), size: None, etag, version });
    }

    /// Deletes the newest version, as a client without a version ID does.
    pub(in crate::sandbox::aws) fn remove_newest(&mut self, store: &Store, key: &str) {
        self.remove(store, key, None);
    }
}

impl Version {
    fn is_marker(&self) -> bool {
        self.body.is_none()
    }
}

pub(super) fn delete(bucket: &mut Bucket, store: &Store, asked: &Asked, key: &str) -> Reply {
    let deleted = bucket.remove(store, key, asked.query("versionId"));
    let mut reply = Reply::empty(204);
    if deleted.marker {
        reply = reply.header("x-amz-delete-marker", true);
    }
    match deleted.version {
        Some(version) => reply.header("x-amz-version-id", version),
        None => reply,
    }
}

pub(super) fn delete_many(bucket: &mut Bucket, store: &Store, asked: &Asked) -> Answer {
    let given = document(asked, "Delete")?;
    let objects: Vec<&Node> = given.all("Object").collect();
    // All are looked at before one is deleted.
    if objects.is_empty() || objects.len() > 1000 || objects.iter().any(|object| object.text_of("Key").is_none()) {
        return Err(malformed());
    }
    let quiet = given.text_of("Quiet") == Some("true");
    let mut result = Node::new("DeleteResult");
    for object in objects {
        let key = object.text_of("Key").ok_or_else(malformed)?;
        let version = object.text_of("VersionId");
        let deleted = bucket.remove(store, key, version);
        if !quiet {
            let mut node = Node::new("Deleted").put("Key", key).put_some("VersionId", version);
            if deleted.marker {
                node = node.put("DeleteMarker", true).put_some("DeleteMarkerVersionId", deleted.version);
            }
            result = result.with(node);
        }
    }
    Ok(Reply::xml(&result, NAMESPACE))
}

/// The markers name the last item of a page; the next page begins after it.
pub(super) fn list(bucket: &Bucket, asked: &Asked, name: &str) -> Answer {
    if asked.query("delimiter").is_some_and(|text| !text.is_empty()) {
        return Err(refused(501, "NotImplemented", "the sandbox lists versions without a delimiter only"));
    }
    let size = page_size(asked, "max-keys")?;
    let prefix = asked.query("prefix").unwrap_or_default();
    let after = asked.query("key-marker").unwrap_or_default();
    let after_version = asked.query("version-id-marker").filter(|id| !id.is_empty());
    if after_version.is_some() && after.is_empty() {
        return Err(invalid_argument("A version-id marker cannot be specified without a key marker."));
    }
    let mut items = bucket
        .objects
        .iter()
        .filter(|(key, _)| key.starts_with(prefix) && key.as_str() >= after)
        .flat_map(|(key, versions)| {
            let seen = match after_version {
                _ if key.as_str() != after => 0,
                None => versions.len(),
                Some(id) => versions.iter().position(|version| version.id == id).map_or(0, |at| at + 1),
            };
            versions.iter().enumerate().skip(seen).map(move |(at, version)| (key, at == 0, version))
        })
        .peekable();
    let mut result = Node::new("ListVersionsResult").put("Name", name).put("Prefix", prefix).put("MaxKeys", size);
    let mut last = None;
    for (key, newest, version) in items.by_ref().take(size) {
        let node = Node::new(if version.is_marker() { "DeleteMarker" } else { "Version" })
            .put("Key", key)
            .put("VersionId", &version.id)
            .put("IsLatest", newest)
            .put("LastModified", iso_millis(version.modified));
        result = result.with(if version.is_marker() {
            node
        } else {
            node.put("ETag", format!("\"{}\"", version.etag)).put("Size", version.size).put("StorageClass", "STANDARD")
        });
        last = Some((key, version));
    }
    let more = size > 0 && items.peek().is_some();
    result = result.put("IsTruncated", more);
    if let Some((key, version)) = last.filter(|_| more) {
        result = result.put("NextKeyMarker", key).put("NextVersionIdMarker", &version.id);
    }
    Ok(Reply::xml(&result, NAMESPACE))
}

impl Version {
    fn marker(modified: i64) -> Self {
        Self {
            id: String::new(),
            body: None,
            size: 0,
            etag: String::new(),
            modified,
            headers: std::collections::BTreeMap::new(),
            encryption: Sealed::Aes256,
        }
    }
}
