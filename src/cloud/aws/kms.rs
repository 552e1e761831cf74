//! Calls that change a KMS key.

use aws_sdk_kms::config::Builder;
use aws_smithy_types::retry::RetryConfig;

use super::call::{known, misrouted};
use super::key::whole_alias;
use super::{Answer, Aws, tags};
use crate::cloud::{CloudError, Which};
use crate::model::{Call, Tags};

pub(super) async fn make(aws: &Aws, call: &Call) -> Result<Answer, CloudError> {
    let kms = &aws.kms;
    match call {
        Call::CreateKey { description, policy, tags, multi_region } => {
            return create(aws, description, known(call, policy)?, tags, *multi_region).await;
        }
        Call::CreateAlias { alias, key } => {
            let request =
                kms.create_alias().alias_name(whole_alias(alias)).target_key_id(known(call, key)?).customize();
            let request = request.config_override(once()).send();
            aws.send("kms:CreateAlias", alias, request).await?;
        }
        Call::UpdateAlias { alias, key } => {
            let request = kms.update_alias().alias_name(whole_alias(alias)).target_key_id(known(call, key)?).send();
            aws.send("kms:UpdateAlias", alias, request).await?;
        }
        Call::DeleteAlias { alias } => {
            aws.send("kms:DeleteAlias", alias, kms.delete_alias().alias_name(whole_alias(alias)).send()).await?;
        }
        Call::PutKeyPolicy { key, policy } => {
            let key = known(call, key)?;
            let request = kms.put_key_policy().key_id(key).policy_name("default").policy(known(call, policy)?).send();
            aws.send("kms:PutKeyPolicy", key, request).await?;
        }
        Call::EnableKeyRotation { key, period_days } => {
            let key = known(call, key)?;
            let request = kms.enable_key_rotation().key_id(key).rotation_period_in_days(*period_days).send();
            aws.send("kms:EnableKeyRotation", key, request).await?;
        }
        Call::DisableKeyRotation { key } => {
            let key = known(call, key)?;
            aws.send("kms:DisableKeyRotation", key, kms.disable_key_rotation().key_id(key).send()).await?;
        }
        Call::EnableKey { key } => {
            let key = known(call, key)?;
            aws.send("kms:EnableKey", key, kms.enable_key().key_id(key).send()).await?;
        }
        Call::DisableKey { key } => {
            let key = known(call, key)?;
            aws.send("kms:DisableKey", key, kms.disable_key().key_id(key).send()).await?;
        }
        Call::UpdateKeyDescription { key, description } => {
            let key = known(call, key)?;
            let request = kms.update_key_description().key_id(key).description(description).send();
            aws.send("kms:UpdateKeyDescription", key, request).await?;
        }
        Call::TagKey { key, tags } => {
            let key = known(call, key)?;
            let request = kms.tag_resource().key_id(key).set_tags(Some(tags::to_kms(tags)?)).send();
            aws.send("kms:TagResource", key, request).await?;
        }
        Call::UntagKey { key, keys } => {
            let key = known(call, key)?;
            let request = kms.untag_resource().key_id(key).set_tag_keys(Some(keys.clone())).send();
            aws.send("kms:UntagResource", key, request).await?;
        }
        Call::ScheduleKeyDeletion { key, window_days } => {
            let key = known(call, key)?;
            let request = kms.schedule_key_deletion().key_id(key).pending_window_in_days(*window_days);
            let request = request.customize().config_override(once()).send();
            aws.send("kms:ScheduleKeyDeletion", key, request).await?;
        }
        Call::CancelKeyDeletion { key } => {
            let key = known(call, key)?;
            let request = kms.cancel_key_deletion().key_id(key).customize().config_override(once()).send();
            aws.send("kms:CancelKeyDeletion", key, request).await?;
        }
        other => return Err(misrouted(other)),
    }
    Ok(Answer::new())
}

/// Without the SDK's retries: after a lost answer a second attempt would be refused because of the first one's effect, or have it twice.
/// The executor looks before it tries again.
fn once() -> Builder {
    Builder::new().retry_config(RetryConfig::disabled())
}

/// Creates a key. Keys have no name, so the SDK must not try again after a lost answer: that could leave a second key.
async fn create(
    aws: &Aws,
    description: &str,
    policy: &str,
    tags: &Tags,
    multi_region: bool,
) -> Result<Answer, CloudError> {
    let operation = "kms:CreateKey";
    let request = aws
        .kms
        .create_key()
        .description(description)
        .policy(policy)
        .set_tags(Some(tags::to_kms(tags)?).filter(|tags| !tags.is_empty()))
        .multi_region(multi_region)
        .customize()
        .config_override(once())
        .send();
    let answer = aws.send(operation, description, request).await?;
    let Some((id, Some(arn))) = answer.key_metadata.map(|key| (key.key_id, key.arn)) else {
        return Err(CloudError::unexpected(Which::Aws, operation, "the answer has no key"));
    };
    Ok(Answer::from([("KeyId".to_owned(), id), ("Arn".to_owned(), arn)]))
}
