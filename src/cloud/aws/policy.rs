//! Managed policies: what is read of them, and the calls that change them.

use std::collections::BTreeSet;

use aws_sdk_iam::config::Builder;
use aws_sdk_iam::types::{Policy, PolicyScopeType, PolicyUsageType, PolicyVersion};
use aws_smithy_types::retry::RetryConfig;
use futures::future::{try_join, try_join_all};

use super::call::{known, misrouted};
use super::request::parse;
use super::role::{NO_ENTITY, PAGE, decoded, endless, or_no_entity};
use super::{Answer, Attachment, Aws, Entity, MOST_PAGES, PolicyState, tags};
use crate::cloud::{Class, CloudError, Which};
use crate::model::{Arn, Call, Tags};

/// A policy with its default document and the numbers of its versions, and if asked for everybody who uses it.
pub(super) async fn read(aws: &Aws, arn: &str, attachments: bool) -> Result<Option<PolicyState>, CloudError> {
    let everybody = async { if attachments { entities(aws, arn).await } else { Ok(Some(Vec::new())) } };
    let (policy, versions, attached) = tokio::join!(get(aws, arn), versions(aws, arn), everybody);
    let Some(policy) = policy? else { return Ok(None) };
    let (Some(versions), Some(attached)) = (versions?, attached?) else { return Err(torn(arn)) };
    let operation = "iam:GetPolicy";
    let default = policy.default_version_id.unwrap_or_default();
    let document = document(aws, arn, &default).await?.ok_or_else(|| torn(arn))?;
    let others = versions.into_iter().filter(|version| *version != default).collect();
    Ok(Some(PolicyState {
        arn: parse(operation, policy.arn.as_deref())?,
        name: policy.policy_name.unwrap_or_default(),
        path: policy.path.unwrap_or_default(),
        description: policy.description.unwrap_or_default(),
        document,
        others,
        attached,
        tags: tags::from_iam(policy.tags.unwrap_or_default()),
    }))
}

/// The ARNs of the customer managed policies under a path.
pub(super) async fn under(aws: &Aws, path: &str) -> Result<Vec<Arn>, CloudError> {
    let operation = "iam:ListPolicies";
    let mut arns = Vec::new();
    let mut marker = None;
    for _ in 0..MOST_PAGES {
        let request = aws.iam.list_policies().scope(PolicyScopeType::Local).path_prefix(path);
        let page = aws.send(operation, path, request.max_items(PAGE).set_marker(marker).send()).await?;
        for policy in page.policies.unwrap_or_default() {
            arns.push(parse(operation, policy.arn.as_deref())?);
        }
        marker = page.marker.filter(|_| page.is_truncated);
        if marker.is_none() {
            arns.sort();
            return Ok(arns);
        }
    }
    Err(endless(operation, path))
}

async fn get(aws: &Aws, arn: &str) -> Result<Option<Policy>, CloudError> {
    let operation = "iam:GetPolicy";
    match or_no_entity(aws.send(operation, arn, aws.iam.get_policy().policy_arn(arn).send()).await)? {
        None => Ok(None),
        Some(answer) => match answer.policy {
            Some(policy) => Ok(Some(policy)),
            None => Err(CloudError::unexpected(Which::Aws, operation, format!("the answer about {arn} has no policy"))),
        },
    }
}

/// The versions, oldest first.
async fn versions(aws: &Aws, arn: &str) -> Result<Option<Vec<String>>, CloudError> {
    let operation = "iam:ListPolicyVersions";
    let mut versions: Vec<PolicyVersion> = Vec::new();
    let mut marker = None;
    for _ in 0..MOST_PAGES {
        let request = aws.iam.list_policy_versions().policy_arn(arn).max_items(PAGE).set_marker(marker).send();
        let Some(page) = or_no_entity(aws.send(operation, arn, request).await)? else { return Ok(None) };
        versions.extend(page.versions.unwrap_or_default());
        marker = page.marker.filter(|_| page.is_truncated);
        if marker.is_none() {
            let mut names: Vec<String> = versions.into_iter().filter_map(|version| version.version_id).collect();
            names.sort_by_key(|name| name.trim_start_matches('v').parse::<u32>().unwrap_or_default());
            return Ok(Some(names));
        }
    }
    Err(endless(operation, arn))
}

async fn document(aws: &Aws, arn: &str, version: &str) -> Result<Option<String>, CloudError> {
    let operation = "iam:GetPolicyVersion";
    let request = aws.iam.get_policy_version().policy_arn(arn).version_id(version).send();
    let answer = or_no_entity(aws.send(operation, arn, request).await)?;
    let text = answer.and_then(|answer| answer.policy_version).and_then(|version| version.document);
    text.map(|text| decoded(operation, arn, &text)).transpose()
}

/// Everybody who uses a policy, with the tags that tell whose they are.
async fn entities(aws: &Aws, arn: &str) -> Result<Option<Vec<Attachment>>, CloudError> {
    let (attached, bounding) = try_join(
        users_of(aws, arn, PolicyUsageType::PermissionsPolicy),
        users_of(aws, arn, PolicyUsageType::PermissionsBoundary),
    )
    .await?;
    let (Some(attached), Some(bounding)) = (attached, bounding) else { return Ok(None) };
    let with = |found: BTreeSet<Entity>, boundary: bool| {
        try_join_all(found.into_iter().map(move |entity| async move {
            let tags = tags_of(aws, &entity).await?;
            Ok::<_, CloudError>(Attachment { entity, boundary, tags })
        }))
    };
    let (mut all, bounding) = try_join(with(attached, false), with(bounding, true)).await?;
    all.extend(bounding);
    Ok(Some(all))
}

async fn users_of(aws: &Aws, arn: &str, usage: PolicyUsageType) -> Result<Option<BTreeSet<Entity>>, CloudError> {
    let operation = "iam:ListEntitiesForPolicy";
    let mut found = BTreeSet::new();
    let mut marker = None;
    for _ in 0..MOST_PAGES {
        let request = aws.iam.list_entities_for_policy().policy_arn(arn).policy_usage_filter(usage.clone());
        let request = request.max_items(PAGE).set_marker(marker).send();
        let Some(page) = or_no_entity(aws.send(operation, arn, request).await)? else { return Ok(None) };
        let roles = page.policy_roles.unwrap_or_default().into_iter().filter_map(|role| role.role_name);
        let users = page.policy_users.unwrap_or_default().into_iter().filter_map(|user| user.user_name);
        let groups = page.policy_groups.unwrap_or_default().into_iter().filter_map(|group| group.group_name);
        found.extend(roles.map(Entity::Role).chain(users.map(Entity::User)).chain(groups.map(Entity::Group)));
        marker = page.marker.filter(|_| page.is_truncated);
        if marker.is_none() {
            return Ok(Some(found));
        }
    }
    Err(endless(operation, arn))
}

/// The tags of a role or user; groups have none. One that is gone meanwhile has none either.
async fn tags_of(aws: &Aws, entity: &Entity) -> Result<Tags, CloudError> {
    let found = match entity {
        Entity::Role(name) => {
            or_no_entity(aws.send("iam:GetRole", name, aws.iam.get_role().role_name(name).send()).await)?
                .and_then(|answer| answer.role)
                .and_then(|role| role.tags)
        }
        Entity::User(name) => {
            or_no_entity(aws.send("iam:GetUser", name, aws.iam.get_user().user_name(name).send()).await)?
                .and_then(|answer| answer.user)
                .and_then(|user| user.tags)
        }
        Entity::Group(_) => None,
    };
    Ok(tags::from_iam(found.unwrap_or_default()))
}

pub(super) async fn make(aws: &Aws, call: &Call) -> Result<Answer, CloudError> {
    let iam = &aws.iam;
    match call {
        Call::CreatePolicy { .. } => return create(aws, call).await,
        Call::CreatePolicyVersion { policy_arn, document } => {
            put(aws, known(call, policy_arn)?, known(call, document)?).await?;
        }
        Call::DeletePolicyVersion { policy_arn, version } => {
            let arn = known(call, policy_arn)?;
            let request = iam.delete_policy_version().policy_arn(arn).version_id(version).send();
            aws.send("iam:DeletePolicyVersion", arn, request).await?;
        }
        Call::TagPolicy { policy_arn, tags } => {
            let arn = known(call, policy_arn)?;
            let request = iam.tag_policy().policy_arn(arn).set_tags(Some(tags::to_iam(tags)?)).send();
            aws.send("iam:TagPolicy", arn, request).await?;
        }
        Call::UntagPolicy { policy_arn, keys } => {
            let arn = known(call, policy_arn)?;
            let request = iam.untag_policy().policy_arn(arn).set_tag_keys(Some(keys.clone())).send();
            aws.send("iam:UntagPolicy", arn, request).await?;
        }
        Call::DeletePolicy { policy_arn } => {
            let arn = known(call, policy_arn)?;
            aws.send("iam:DeletePolicy", arn, iam.delete_policy().policy_arn(arn).send()).await?;
        }
        other => return Err(misrouted(other)),
    }
    Ok(Answer::new())
}

/// Creates a policy. Without the SDK's retries: after a lost answer a second attempt would only say that the policy exists, as if it were
/// somebody else's.
async fn create(aws: &Aws, call: &Call) -> Result<Answer, CloudError> {
    let Call::CreatePolicy { policy, path, description, document, tags } = call else { return Err(misrouted(call)) };
    let request = aws
        .iam
        .create_policy()
        .policy_name(policy)
        .path(path)
        .set_description(Some(description.clone()).filter(|text| !text.is_empty()))
        .policy_document(known(call, document)?)
        .set_tags(Some(tags::to_iam(tags)?).filter(|tags| !tags.is_empty()))
        .customize()
        .config_override(Builder::new().retry_config(RetryConfig::disabled()))
        .send();
    let answer = aws.send("iam:CreatePolicy", policy, request).await?;
    let arn = answer.policy.and_then(|policy| policy.arn);
    Ok(arn.into_iter().map(|arn| ("Arn".to_owned(), arn)).collect())
}

/// Makes a document the default version, unless it is already. The SDK tries nothing again by itself: a version whose answer was lost is
/// found by the next attempt of the executor, which compares.
async fn put(aws: &Aws, arn: &str, text: &str) -> Result<(), CloudError> {
    let gone = || CloudError { class: Class::NotFound, ..torn(arn) };
    let default = get(aws, arn).await?.ok_or_else(gone)?.default_version_id.unwrap_or_default();
    let live = document(aws, arn, &default).await?.unwrap_or_default();
    if same(&live, text) {
        return Ok(());
    }
    let request = aws
        .iam
        .create_policy_version()
        .policy_arn(arn)
        .policy_document(text)
        .set_as_default(true)
        .customize()
        .config_override(Builder::new().retry_config(RetryConfig::disabled()))
        .send();
    aws.send("iam:CreatePolicyVersion", arn, request).await?;
    Ok(())
}

/// Whether two texts are the same JSON. IAM keeps the documents of managed policies as they were sent.
fn same(a: &str, b: &str) -> bool {
    let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
    a == b || read(a).is_some_and(|a| read(b) == Some(a))
}

/// A policy that one read shows and another does not: it is never taken for one without versions.
fn torn(arn: &str) -> CloudError {
    CloudError {
        which: Which::Aws,
        operation: "iam:GetPolicyVersion".into(),
        object: arn.to_owned(),
        code: NO_ENTITY.into(),
        message: "IAM shows the policy and denies its versions: it is being created, changed or deleted".into(),
        class: Class::Propagation,
        request_id: None,
    }
}
