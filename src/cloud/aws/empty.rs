//! Emptying a bucket: every version, every delete marker, every unfinished upload.

use aws_sdk_s3::operation::list_object_versions::ListObjectVersionsOutput;
use aws_sdk_s3::types::{Delete, EncodingType, ObjectIdentifier};

use super::bucket::or_absent;
use super::{Answer, Aws, percent, tags};
use crate::cloud::{Class, CloudError, Which};
use crate::model::BucketName;

/// Objects may arrive while the bucket is emptied: it is gone through again, but not for ever.
const MOST_PASSES: usize = 5;

/// Empties a bucket. Answers with `Deleted` and `Aborted`, the numbers of versions and markers, and of uploads.
///
/// # Errors
/// An object that S3 does not let go (a retention lock, a policy): its key and S3's reason, and how many were deleted before.
pub(super) async fn empty(aws: &Aws, bucket: &BucketName) -> Result<Answer, CloudError> {
    let mut deleted = 0;
    let mut last = Pass::default();
    for _ in 0..MOST_PASSES {
        last = pass(aws, bucket).await?;
        deleted += last.deleted;
        tracing::info!(%bucket, deleted, "emptying");
        // Nothing seen: empty. Something seen but nothing deleted: another pass would not help.
        if last.seen == 0 || last.deleted == 0 {
            break;
        }
    }
    if last.seen > 0 {
        let (code, why) = last
            .refused
            .unwrap_or_else(|| (String::new(), "new objects keep arriving: stop what writes to it".to_owned()));
        let class = super::codes::class(&code, &why, None);
        return Err(CloudError {
            which: Which::Aws,
            operation: "s3:DeleteObjects".into(),
            object: bucket.to_string(),
            message: format!("the bucket could not be emptied after {deleted} deletions: {why}"),
            class: if code.is_empty() { Class::Conflict } else { class },
            code,
            request_id: None,
        });
    }
    let aborted = abort_uploads(aws, bucket).await?;
    Ok(Answer::from([("Deleted".to_owned(), deleted.to_string()), ("Aborted".to_owned(), aborted.to_string())]))
}

/// Once through all versions.
#[derive(Debug, Default)]
struct Pass {
    seen: usize,
    deleted: usize,
    /// The first refusal: its code, and key and reason.
    refused: Option<(String, String)>,
}

async fn pass(aws: &Aws, bucket: &BucketName) -> Result<Pass, CloudError> {
    let mut pass = Pass::default();
    let mut at: (Option<String>, Option<String>) = (None, None);
    loop {
        let page = aws
            .on_bucket("s3:ListObjectVersions", bucket, |s3, owner| {
                s3.list_object_versions()
                    .bucket(bucket.as_str())
                    .expected_bucket_owner(owner)
                    .encoding_type(EncodingType::Url)
                    .set_key_marker(at.0.clone())
                    .set_version_id_marker(at.1.clone())
                    .send()
            })
            .await?;
        let objects = objects(&page)?;
        pass.seen += objects.len();
        // S3 refuses an empty batch, and one of more than 1,000; a page holds no more than that.
        for batch in objects.chunks(1000) {
            let refused = delete(aws, bucket, batch, &mut pass.refused).await?;
            pass.deleted += batch.len().saturating_sub(refused);
        }
        if !page.is_truncated.unwrap_or_default() {
            return Ok(pass);
        }
        let encoded = page.encoding_type == Some(EncodingType::Url);
        let next = (page.next_key_marker.map(|key| plain(&key, encoded)).transpose()?, page.next_version_id_marker);
        if next.0.is_none() || next == at {
            return Err(CloudError::unexpected(
                Which::Aws,
                "s3:ListObjectVersions",
                "the list of versions does not go on",
            ));
        }
        at = next;
    }
}

/// Deletes a batch; gives the number of refusals.
async fn delete(
    aws: &Aws,
    bucket: &BucketName,
    batch: &[ObjectIdentifier],
    first: &mut Option<(String, String)>,
) -> Result<usize, CloudError> {
    let batch = tags::build(Delete::builder().set_objects(Some(batch.to_vec())).quiet(true).build())?;
    let answer = aws
        .on_bucket("s3:DeleteObjects", bucket, |s3, owner| {
            s3.delete_objects().bucket(bucket.as_str()).expected_bucket_owner(owner).delete(batch.clone()).send()
        })
        .await?;
    for error in answer.errors() {
        let [code, key, message] =
            [&error.code, &error.key, &error.message].map(|text| text.as_deref().unwrap_or_default());
        first.get_or_insert_with(|| (code.to_owned(), format!("`{key}`: {message}")));
    }
    Ok(answer.errors().len())
}

fn objects(page: &ListObjectVersionsOutput) -> Result<Vec<ObjectIdentifier>, CloudError> {
    let encoded = page.encoding_type == Some(EncodingType::Url);
    let versions = page.versions().iter().map(|version| (&version.key, &version.version_id));
    let markers = page.delete_markers().iter().map(|marker| (&marker.key, &marker.version_id));
    let identify = |(key, version): (&Option<String>, &Option<String>)| {
        let key = plain(key.as_deref().unwrap_or_default(), encoded)?;
        tags::build(ObjectIdentifier::builder().key(key).set_version_id(version.clone()).build())
    };
    versions.chain(markers).map(identify).collect()
}

/// Keys are asked for encoded, because some characters cannot stand in XML.
fn plain(key: &str, encoded: bool) -> Result<String, CloudError> {
    if !encoded {
        return Ok(key.to_owned());
    }
    percent::decode_form(key).map_err(|why| {
        CloudError::unexpected(Which::Aws, "s3:ListObjectVersions", format!("the key `{key}` cannot be decoded: {why}"))
    })
}

async fn abort_uploads(aws: &Aws, bucket: &BucketName) -> Result<usize, CloudError> {
    let mut aborted = 0;
    let mut at: (Option<String>, Option<String>) = (None, None);
    loop {
        let page = aws
            .on_bucket("s3:ListMultipartUploads", bucket, |s3, owner| {
                s3.list_multipart_uploads()
                    .bucket(bucket.as_str())
                    .expected_bucket_owner(owner)
                    .encoding_type(EncodingType::Url)
                    .set_key_marker(at.0.clone())
                    .set_upload_id_marker(at.1.clone())
                    .send()
            })
            .await?;
        let encoded = page.encoding_type == Some(EncodingType::Url);
        for upload in page.uploads() {
            let (Some(key), Some(id)) = (&upload.key, &upload.upload_id) else { continue };
            let key = plain(key, encoded)?;
            let answer = aws
                .on_bucket("s3:AbortMultipartUpload", bucket, |s3, owner| {
                    s3.abort_multipart_upload()
                        .bucket(bucket.as_str())
                        .expected_bucket_owner(owner)
                        .key(&key)
                        .upload_id(id)
                        .send()
                })
                .await;
            aborted += usize::from(or_absent(answer, "NoSuchUpload")?.is_some());
        }
        let next = (page.next_key_marker.map(|key| plain(&key, encoded)).transpose()?, page.next_upload_id_marker);
        if !page.is_truncated.unwrap_or_default() {
            return Ok(aborted);
        }
        if next.0.is_none() || next == at {
            return Err(CloudError::unexpected(
                Which::Aws,
                "s3:ListMultipartUploads",
                "the list of uploads does not go on",
            ));
        }
        at = next;
    }
}
