//! Objects, versions, uploads, encryption with a key.

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    BucketVersioningStatus, CompletedMultipartUpload, CompletedPart, Delete, ObjectIdentifier, ServerSideEncryption,
    ServerSideEncryptionByDefault, ServerSideEncryptionConfiguration, ServerSideEncryptionRule,
    VersioningConfiguration,
};

use super::super::AwsSandbox;
use super::kms_keys::key;
use super::{Clients, answers, clients};

const B: &str = "snow-a";

async fn bucket(versioned: bool) -> Clients {
    let aws = clients(&AwsSandbox::in_memory());
    aws.s3.create_bucket().bucket(B).send().await.unwrap();
    if versioned {
        let config = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
        aws.s3.put_bucket_versioning().bucket(B).versioning_configuration(config).send().await.unwrap();
    }
    aws
}

async fn read(aws: &Clients, key: &str) -> String {
    let body = aws.s3.get_object().bucket(B).key(key).send().await.unwrap().body;
    String::from_utf8(body.collect().await.unwrap().to_vec()).unwrap()
}

fn put(aws: &Clients, key: &str, body: &str) -> aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder {
    aws.s3.put_object().bucket(B).key(key).body(ByteStream::from(body.as_bytes().to_vec()))
}

#[tokio::test]
async fn bodies_and_lists() {
    let aws = bucket(false).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "from a file").unwrap();
    let streamed = ByteStream::from_path(file.path()).await.unwrap();
    let request = aws.s3.put_object().bucket(B).key("in/file").content_type("text/csv").metadata("a", "b");
    request.body(streamed).send().await.unwrap();
    assert_eq!(read(&aws, "in/file").await, "from a file");
    let head = aws.s3.head_object().bucket(B).key("in/file").send().await.unwrap();
    assert_eq!((head.content_length, head.content_type.as_deref()), (Some(11), Some("text/csv")));
    assert_eq!(head.metadata.unwrap().get("a").map(String::as_str), Some("b"));
    let made = put(&aws, "in/hello", "hello").send().await.unwrap();
    assert_eq!(made.e_tag.as_deref(), Some("\"5d41402abc4b2a76b9719d911017c592\""));
    assert!(made.version_id.is_none());
    let part = aws.s3.get_object().bucket(B).key("in/hello").range("bytes=1-3").send().await.unwrap();
    assert_eq!(part.content_range.as_deref(), Some("bytes 1-3/5"));
    assert_eq!(part.body.collect().await.unwrap().to_vec(), b"ell");
    answers!(put(&aws, "in/hello", "again").if_none_match("*"), "PreconditionFailed/412");
    answers!(aws.s3.get_object().bucket(B).key("none"), "NoSuchKey/404");
    assert!(aws.s3.head_object().bucket(B).key("none").send().await.unwrap_err().into_service_error().is_not_found());

    for key in ["a", "in/sub/1", "in/sub/2", "z"] {
        put(&aws, key, key).send().await.unwrap();
    }
    let mut pages = aws.s3.list_objects_v2().bucket(B).into_paginator().page_size(2).send();
    let (mut keys, mut count) = (Vec::new(), 0);
    while let Some(page) = pages.next().await {
        keys.extend(page.unwrap().contents().iter().filter_map(|object| object.key.clone()));
        count += 1;
    }
    assert_eq!((keys.join(" "), count), ("a in/file in/hello in/sub/1 in/sub/2 z".into(), 3));
    let mut pages =
        aws.s3.list_objects_v2().bucket(B).prefix("in/").delimiter("/").into_paginator().page_size(1).send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        found.extend(page.contents().iter().filter_map(|object| object.key.clone()));
        found.extend(page.common_prefixes().iter().filter_map(|prefix| prefix.prefix.clone()));
    }
    assert_eq!(found, ["in/file", "in/hello", "in/sub/"]);
    answers!(aws.s3.delete_object().bucket(B).key("z"), "OK");
    answers!(aws.s3.delete_object().bucket(B).key("z"), "OK");
    answers!(aws.s3.get_object().bucket(B).key("z"), "NoSuchKey/404");
    answers!(aws.s3.delete_bucket().bucket(B), "BucketNotEmpty/409");
}

#[tokio::test]
async fn versions_and_emptying() {
    let aws = bucket(true).await;
    for body in ["1", "2", "3"] {
        assert!(put(&aws, "a", body).send().await.unwrap().version_id.is_some());
    }
    put(&aws, "b", "1").send().await.unwrap();
    let gone = aws.s3.delete_object().bucket(B).key("a").send().await.unwrap();
    assert_eq!(gone.delete_marker, Some(true));
    answers!(aws.s3.get_object().bucket(B).key("a"), "NoSuchKey/404");
    let listed = aws.s3.list_object_versions().bucket(B).send().await.unwrap();
    assert_eq!((listed.versions().len(), listed.delete_markers().len()), (4, 1));
    assert!(listed.delete_markers()[0].is_latest() == Some(true));
    let old = listed.versions()[0].version_id().unwrap();
    let body = aws.s3.get_object().bucket(B).key("a").version_id(old).send().await.unwrap().body;
    assert_eq!(body.collect().await.unwrap().to_vec(), b"3");

    // Pages by markers, as a client that empties a bucket goes through them.
    let (mut seen, mut pages) = (Vec::new(), 0);
    let (mut key_marker, mut version_marker) = (None, None);
    loop {
        let request = aws.s3.list_object_versions().bucket(B).max_keys(2);
        let page = request.set_key_marker(key_marker).set_version_id_marker(version_marker).send().await.unwrap();
        pages += 1;
        let versions = page.versions().iter().map(|version| (version.key.clone(), version.version_id.clone()));
        let markers = page.delete_markers().iter().map(|marker| (marker.key.clone(), marker.version_id.clone()));
        seen.extend(versions.chain(markers));
        if page.is_truncated != Some(true) {
            break;
        }
        (key_marker, version_marker) = (page.next_key_marker, page.next_version_id_marker);
    }
    assert_eq!((seen.len(), pages), (5, 3));
    answers!(aws.s3.delete_bucket().bucket(B), "BucketNotEmpty/409");
    let ids = seen
        .into_iter()
        .map(|(key, version)| ObjectIdentifier::builder().key(key.unwrap()).set_version_id(version).build().unwrap());
    let delete = Delete::builder().set_objects(Some(ids.collect())).quiet(true).build().unwrap();
    let done = aws.s3.delete_objects().bucket(B).delete(delete).send().await.unwrap();
    assert!(done.errors().is_empty() && done.deleted().is_empty());
    answers!(aws.s3.delete_bucket().bucket(B), "OK");
    answers!(aws.s3.delete_bucket().bucket(B), "NoSuchBucket/404");
}

#[tokio::test]
async fn uploads() {
    let aws = bucket(false).await;
    let start = async |key: &str| {
        let made = aws.s3.create_multipart_upload().bucket(B).key(key).send().await.unwrap();
        made.upload_id.unwrap()
    };
    let (one, two) = (start("a").await, start("b").await);
    let part = aws.s3.upload_part().bucket(B).key("a").upload_id(&one).part_number(1);
    let part = part.body(ByteStream::from_static(b"part")).send().await.unwrap();
    let listed = aws.s3.list_multipart_uploads().bucket(B).send().await.unwrap();
    assert_eq!(listed.uploads().len(), 2);
    answers!(aws.s3.abort_multipart_upload().bucket(B).key("b").upload_id(&two), "OK");
    answers!(aws.s3.abort_multipart_upload().bucket(B).key("b").upload_id(&two), "NoSuchUpload/404");
    let complete = |etag: &str| {
        let part = CompletedPart::builder().part_number(1).e_tag(etag).build();
        let parts = CompletedMultipartUpload::builder().parts(part).build();
        aws.s3.complete_multipart_upload().bucket(B).key("a").upload_id(&one).multipart_upload(parts)
    };
    answers!(complete("wrong"), "InvalidPart/400");
    let done = complete(part.e_tag().unwrap()).send().await.unwrap();
    assert!(done.e_tag.unwrap().ends_with("-1\""));
    assert_eq!(read(&aws, "a").await, "part");
    start("c").await;
    aws.s3.delete_object().bucket(B).key("a").send().await.unwrap();
    answers!("an upload does not keep the bucket", aws.s3.delete_bucket().bucket(B), "OK");
}

#[tokio::test]
async fn encryption_with_a_key() {
    let aws = bucket(false).await;
    let id = key(&aws).await;
    let arn = format!("arn:aws:kms:us-east-1:123456789012:key/{id}");
    let default = ServerSideEncryptionByDefault::builder()
        .sse_algorithm(ServerSideEncryption::AwsKms)
        .kms_master_key_id(&arn)
        .build()
        .unwrap();
    let rule = ServerSideEncryptionRule::builder().apply_server_side_encryption_by_default(default);
    let rule = rule.bucket_key_enabled(true).build();
    let config = ServerSideEncryptionConfiguration::builder().rules(rule).build().unwrap();
    let request = aws.s3.put_bucket_encryption().bucket(B).server_side_encryption_configuration(config);
    request.send().await.unwrap();
    let made = put(&aws, "a", "x").send().await.unwrap();
    assert_eq!(made.server_side_encryption, Some(ServerSideEncryption::AwsKms));
    assert_eq!((made.ssekms_key_id.as_deref(), made.bucket_key_enabled), (Some(arn.as_str()), Some(true)));
    assert_eq!(aws.s3.head_object().bucket(B).key("a").send().await.unwrap().ssekms_key_id, Some(arn));
    aws.kms.disable_key().key_id(&id).send().await.unwrap();
    answers!(put(&aws, "b", "x"), "KMS.DisabledException/400");
    answers!(aws.s3.get_object().bucket(B).key("a"), "KMS.DisabledException/400");
    answers!(put(&aws, "b", "x").server_side_encryption(ServerSideEncryption::Aes256), "OK");
    aws.kms.schedule_key_deletion().key_id(&id).send().await.unwrap();
    answers!(put(&aws, "b", "x"), "KMS.KMSInvalidStateException/400");
    let other = put(&aws, "b", "x").server_side_encryption(ServerSideEncryption::AwsKms);
    answers!(other.ssekms_key_id("11111111-2222-3333-4444-555555555555"), "KMS.NotFoundException/400");
}
