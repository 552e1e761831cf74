//! A bucket's default encryption.

use aws_sdk_s3::types::{
    ServerSideEncryption, ServerSideEncryptionByDefault, ServerSideEncryptionConfiguration, ServerSideEncryptionRule,
};

use super::bucket::{about, or_absent};
use super::{Aws, tags};
use crate::cloud::CloudError;
use crate::model::call::Encryption;
use crate::model::{BucketName, Val};

/// The default encryption; a bucket without a rule (an old one) has `AES256`.
pub(super) async fn read(aws: &Aws, name: &BucketName) -> Result<Encryption, CloudError> {
    Ok(rule(aws, name).await?.as_ref().map_or(Encryption::Sse, from_rule))
}

async fn rule(aws: &Aws, name: &BucketName) -> Result<Option<ServerSideEncryptionRule>, CloudError> {
    let answer = about!(aws, name, "s3:GetBucketEncryption", get_bucket_encryption).await;
    let configuration = or_absent(answer, "ServerSideEncryptionConfigurationNotFoundError")?
        .and_then(|answer| answer.server_side_encryption_configuration);
    Ok(configuration.and_then(|configuration| configuration.rules.into_iter().next()))
}

/// An algorithm that is not modelled (`aws:kms:dsse`) is shown before the key, so that it never equals what is wanted.
fn from_rule(rule: &ServerSideEncryptionRule) -> Encryption {
    let Some(default) = &rule.apply_server_side_encryption_by_default else { return Encryption::Sse };
    let bucket_key = rule.bucket_key_enabled.unwrap_or_default();
    // Without a key, S3 uses the one AWS manages.
    let key = default.kms_master_key_id.as_deref().unwrap_or("alias/aws/s3");
    match &default.sse_algorithm {
        ServerSideEncryption::Aes256 => Encryption::Sse,
        ServerSideEncryption::AwsKms => Encryption::Kms { key: key.into(), bucket_key },
        other => Encryption::Kms { key: Val::known(format!("{} {key}", other.as_str())), bucket_key },
    }
}

/// Sets the default encryption, keeping what the live rule has beyond it: S3 replaces the rule as a whole, and would switch off the
/// block of customer-provided keys.
pub(super) async fn write(aws: &Aws, name: &BucketName, algorithm: Algorithm<'_>) -> Result<(), CloudError> {
    let live = rule(aws, name).await?;
    let rule = to_rule(algorithm, live)?;
    let configuration = tags::build(ServerSideEncryptionConfiguration::builder().rules(rule).build())?;
    aws.on_bucket("s3:PutBucketEncryption", name, |s3, owner| {
        s3.put_bucket_encryption()
            .bucket(name.as_str())
            .expected_bucket_owner(owner)
            .server_side_encryption_configuration(configuration.clone())
            .send()
    })
    .await?;
    Ok(())
}

/// What to encrypt with, all known.
#[derive(Clone, Copy, Debug)]
pub(super) enum Algorithm<'a> {
    /// Keys managed by S3.
    Sse,
    /// A key of KMS, by its ARN.
    Kms { key: &'a str, bucket_key: bool },
}

fn to_rule(
    algorithm: Algorithm<'_>,
    live: Option<ServerSideEncryptionRule>,
) -> Result<ServerSideEncryptionRule, CloudError> {
    let default = ServerSideEncryptionByDefault::builder();
    let (default, bucket_key) = match algorithm {
        Algorithm::Sse => (default.sse_algorithm(ServerSideEncryption::Aes256), false),
        Algorithm::Kms { key, bucket_key } => {
            (default.sse_algorithm(ServerSideEncryption::AwsKms).kms_master_key_id(key), bucket_key)
        }
    };
    Ok(ServerSideEncryptionRule::builder()
        .apply_server_side_encryption_by_default(tags::build(default.build())?)
        .bucket_key_enabled(bucket_key)
        .set_blocked_encryption_types(live.and_then(|rule| rule.blocked_encryption_types))
        .build())
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_s3::types::{BlockedEncryptionTypes, EncryptionType};

    #[test]
    fn round_trips_and_keeps_blocked_types() {
        let blocked = BlockedEncryptionTypes::builder().encryption_type(EncryptionType::SseC).build();
        let live = ServerSideEncryptionRule::builder().blocked_encryption_types(blocked.clone()).build();
        let rule = to_rule(Algorithm::Kms { key: "arn:k", bucket_key: true }, Some(live)).unwrap();
        assert_eq!(rule.blocked_encryption_types, Some(blocked));
        assert_eq!(from_rule(&rule), Encryption::Kms { key: "arn:k".into(), bucket_key: true });
        assert_eq!(from_rule(&to_rule(Algorithm::Sse, None).unwrap()), Encryption::Sse);
    }

    #[test]
    fn an_algorithm_not_modelled_equals_nothing_wanted() {
        let default = ServerSideEncryptionByDefault::builder()
            .sse_algorithm(ServerSideEncryption::AwsKmsDsse)
            .kms_master_key_id("arn:k")
            .build()
            .unwrap();
        let rule = ServerSideEncryptionRule::builder().apply_server_side_encryption_by_default(default).build();
        assert_eq!(from_rule(&rule), Encryption::Kms { key: "aws:kms:dsse arn:k".into(), bucket_key: false });
    }
}
