//! What is read of a KMS key.

use aws_sdk_kms::types::KeyMetadata;

use super::request::parse;
use super::{Aws, KeyState, ReadTags, tagging, tags};
use crate::cloud::{CloudError, Which};
use crate::model::{Arn, Tags};

/// What KMS answers for a key or an alias that is not there.
const NOT_FOUND: &str = "NotFoundException";
/// The period of rotation where KMS does not tell one.
const YEAR: i32 = 365;
/// More pages than 50 tags can fill.
const MOST_PAGES: usize = 100;

pub(super) async fn by_alias(aws: &Aws, alias: &str, reads: ReadTags<'_>) -> Result<Option<KeyState>, CloudError> {
    let found = read(aws, &whole_alias(alias), reads).await?;
    Ok(found.map(|key| KeyState { alias: Some(alias.to_owned()), ..key }))
}

pub(super) async fn by_arn(aws: &Aws, arn: &Arn, reads: ReadTags<'_>) -> Result<Option<KeyState>, CloudError> {
    read(aws, arn.as_str(), reads).await
}

/// The aliases that point at a key, without those of AWS itself.
pub(super) async fn aliases(aws: &Aws, arn: &Arn) -> Result<Vec<String>, CloudError> {
    let operation = "kms:ListAliases";
    let mut all = Vec::new();
    let mut marker = None;
    for _ in 0..MOST_PAGES {
        let request = aws.kms.list_aliases().key_id(arn.as_str()).set_marker(marker).send();
        let page = match aws.send(operation, arn.as_str(), request).await.map_err(CloudError::from) {
            Err(error) if error.code == NOT_FOUND => return Ok(all),
            page => page?,
        };
        let names = page.aliases.unwrap_or_default().into_iter().filter_map(|alias| alias.alias_name);
        all.extend(names.filter(|name| !name.starts_with("alias/aws/")));
        marker = page.next_marker.filter(|_| page.truncated);
        if marker.is_none() {
            all.sort();
            return Ok(all);
        }
    }
    Err(CloudError::unexpected(Which::Aws, operation, "the list of aliases does not end"))
}

/// KMS wants aliases to begin with `alias/`.
pub(super) fn whole_alias(alias: &str) -> String {
    if alias.starts_with("alias/") || alias.starts_with("arn:") { alias.to_owned() } else { format!("alias/{alias}") }
}

async fn read(aws: &Aws, key: &str, reads: ReadTags<'_>) -> Result<Option<KeyState>, CloudError> {
    let operation = "kms:DescribeKey";
    let described =
        match aws.send(operation, key, aws.kms.describe_key().key_id(key).send()).await.map_err(CloudError::from) {
            Ok(answer) => answer.key_metadata,
            Err(error) if error.code == NOT_FOUND => return Ok(None),
            Err(error) => return Err(error),
        };
    let Some(KeyMetadata { arn, key_id, key_state, description, multi_region, .. }) = described else {
        return Err(CloudError::unexpected(Which::Aws, operation, "the answer has no key"));
    };
    let arn: Arn = parse(operation, arn.as_deref())?;
    let (policy, rotation_days, tags) =
        tokio::try_join!(policy(aws, &key_id), rotation_days(aws, &key_id), tags_of(aws, &key_id, &arn, reads))?;
    Ok(Some(KeyState {
        arn,
        state: key_state.map(|state| state.as_str().to_owned()).unwrap_or_default(),
        description: description.unwrap_or_default(),
        multi_region: multi_region.unwrap_or_default(),
        policy,
        rotation_days,
        tags,
        alias: None,
        id: key_id,
    }))
}

async fn policy(aws: &Aws, id: &str) -> Result<String, CloudError> {
    let operation = "kms:GetKeyPolicy";
    let answer = aws.send(operation, id, aws.kms.get_key_policy().key_id(id).policy_name("default").send()).await?;
    answer.policy.ok_or_else(|| {
        CloudError::unexpected(Which::Aws, operation, format!("the key {id} has no policy in the answer"))
    })
}

async fn rotation_days(aws: &Aws, id: &str) -> Result<Option<i32>, CloudError> {
    let request = aws.kms.get_key_rotation_status().key_id(id).send();
    match aws.send("kms:GetKeyRotationStatus", id, request).await.map_err(CloudError::from) {
        Ok(answer) => Ok(answer.key_rotation_enabled.then(|| answer.rotation_period_in_days.unwrap_or(YEAR))),
        // Asymmetric and HMAC keys have no rotation.
        Err(error) if error.code == "UnsupportedOperationException" => Ok(None),
        Err(error) => Err(error),
    }
}

async fn tags_of(aws: &Aws, id: &str, arn: &Arn, reads: ReadTags<'_>) -> Result<Tags, CloudError> {
    if let Some(tags) = tagging::listed(aws, reads, arn.as_str()).await {
        return Ok(tags);
    }
    let operation = "kms:ListResourceTags";
    let mut all = Tags::new();
    let mut marker = None;
    for _ in 0..MOST_PAGES {
        let request = aws.kms.list_resource_tags().key_id(id).set_marker(marker).send();
        let page = aws.send(operation, id, request).await?;
        all.extend(tags::from_kms(page.tags.unwrap_or_default()));
        marker = page.next_marker.filter(|_| page.truncated);
        if marker.is_none() {
            return Ok(all);
        }
    }
    Err(CloudError::unexpected(Which::Aws, operation, "the list of tags does not end"))
}
