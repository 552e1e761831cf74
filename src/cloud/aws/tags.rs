//! Tags of the services, which all have a type of their own.

use crate::cloud::{CloudError, Which};
use crate::model::Tags;

/// Tags as S3 gives them.
pub(super) fn from_s3(tags: Vec<aws_sdk_s3::types::Tag>) -> Tags {
    tags.into_iter().map(|tag| (tag.key, tag.value)).collect()
}

/// Tags as S3 takes them.
pub(super) fn to_s3(tags: &Tags) -> Result<Vec<aws_sdk_s3::types::Tag>, CloudError> {
    tags.iter().map(|(key, value)| build(aws_sdk_s3::types::Tag::builder().key(key).value(value).build())).collect()
}

/// Tags as IAM gives them.
pub(super) fn from_iam(tags: Vec<aws_sdk_iam::types::Tag>) -> Tags {
    tags.into_iter().map(|tag| (tag.key, tag.value)).collect()
}

/// Tags as IAM takes them.
pub(super) fn to_iam(tags: &Tags) -> Result<Vec<aws_sdk_iam::types::Tag>, CloudError> {
    tags.iter().map(|(key, value)| build(aws_sdk_iam::types::Tag::builder().key(key).value(value).build())).collect()
}

/// Tags as KMS gives them.
pub(super) fn from_kms(tags: Vec<aws_sdk_kms::types::Tag>) -> Tags {
    tags.into_iter().map(|tag| (tag.tag_key, tag.tag_value)).collect()
}

/// Tags as KMS takes them.
pub(super) fn to_kms(tags: &Tags) -> Result<Vec<aws_sdk_kms::types::Tag>, CloudError> {
    tags.iter()
        .map(|(key, value)| build(aws_sdk_kms::types::Tag::builder().tag_key(key).tag_value(value).build()))
        .collect()
}

/// Tags as SNS gives them.
pub(super) fn from_sns(tags: Vec<aws_sdk_sns::types::Tag>) -> Tags {
    tags.into_iter().map(|tag| (tag.key, tag.value)).collect()
}

/// Tags as SNS takes them.
pub(super) fn to_sns(tags: &Tags) -> Result<Vec<aws_sdk_sns::types::Tag>, CloudError> {
    tags.iter().map(|(key, value)| build(aws_sdk_sns::types::Tag::builder().key(key).value(value).build())).collect()
}

/// What an SDK builder made. It refuses only if a required field is left out, which would be a mistake of this program.
pub(super) fn build<T, E: std::fmt::Display>(made: Result<T, E>) -> Result<T, CloudError> {
    made.map_err(|error| CloudError::unexpected(Which::Aws, "request", format!("bug in snowssi: {error}")))
}
