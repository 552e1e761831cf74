//! IAM users: what is read of them, and the calls that change them.

use std::collections::BTreeMap;

use aws_sdk_iam::config::Builder;
use aws_sdk_iam::types::{StatusType, User};
use aws_smithy_types::retry::RetryConfig;
use futures::future::try_join_all;

use super::call::{known, misrouted, told};
use super::request::parse;
use super::role::{NO_ENTITY, PAGE, decoded, endless, or_no_entity};
use super::{Answer, Aws, KeyId, MOST_PAGES, UserState, tags};
use crate::cloud::{Class, CloudError, Which};
use crate::model::{Call, Secret, Tags, Vault};

/// A user with all it holds; `None` if there is none.
pub(super) async fn read(aws: &Aws, name: &str) -> Result<Option<UserState>, CloudError> {
    let (user, names, attached, keys) =
        tokio::join!(get(aws, name), inline_names(aws, name), attached(aws, name), keys(aws, name));
    let Some(user) = user? else { return Ok(None) };
    let (Some(names), Some(attached), Some(keys)) = (names?, attached?, keys?) else { return Err(torn(name)) };
    let documents = names.iter().map(|policy| async move {
        let document = document(aws, name, policy).await?;
        Ok::<_, CloudError>(document.map(|document| (policy.clone(), document)))
    });
    // A policy that is listed but gone was deleted between the two requests.
    let inline: BTreeMap<_, _> = try_join_all(documents).await?.into_iter().flatten().collect();
    Ok(Some(UserState {
        arn: parse("iam:GetUser", Some(&user.arn))?,
        name: user.user_name,
        path: user.path,
        boundary: user.permissions_boundary.and_then(|boundary| boundary.permissions_boundary_arn),
        inline,
        attached,
        keys,
        tags: tags::from_iam(user.tags.unwrap_or_default()),
    }))
}

/// Names of the users under a path.
pub(super) async fn under(aws: &Aws, path: &str) -> Result<Vec<String>, CloudError> {
    let mut names = Vec::new();
    let mut marker = None;
    for _ in 0..MOST_PAGES {
        let request = aws.iam.list_users().path_prefix(path).max_items(PAGE).set_marker(marker).send();
        let page = aws.send("iam:ListUsers", path, request).await?;
        names.extend(page.users.into_iter().map(|user| user.user_name));
        marker = page.marker.filter(|_| page.is_truncated);
        if marker.is_none() {
            names.sort();
            return Ok(names);
        }
    }
    Err(endless("iam:ListUsers", path))
}

async fn get(aws: &Aws, name: &str) -> Result<Option<User>, CloudError> {
    let operation = "iam:GetUser";
    match or_no_entity(aws.send(operation, name, aws.iam.get_user().user_name(name).send()).await)? {
        None => Ok(None),
        Some(answer) => match answer.user {
            Some(user) => Ok(Some(user)),
            None => Err(CloudError::unexpected(Which::Aws, operation, format!("the answer about {name} has no user"))),
        },
    }
}

async fn document(aws: &Aws, name: &str, policy: &str) -> Result<Option<String>, CloudError> {
    let operation = "iam:GetUserPolicy";
    let request = aws.iam.get_user_policy().user_name(name).policy_name(policy).send();
    or_no_entity(aws.send(operation, name, request).await)?
        .map(|answer| decoded(operation, name, &answer.policy_document))
        .transpose()
}

async fn inline_names(aws: &Aws, name: &str) -> Result<Option<Vec<String>>, CloudError> {
    let mut names = Vec::new();
    let mut marker = None;
    for _ in 0..MOST_PAGES {
        let request = aws.iam.list_user_policies().user_name(name).max_items(PAGE).set_marker(marker).send();
        let Some(page) = or_no_entity(aws.send("iam:ListUserPolicies", name, request).await)? else { return Ok(None) };
        names.extend(page.policy_names);
        marker = page.marker.filter(|_| page.is_truncated);
        if marker.is_none() {
            return Ok(Some(names));
        }
    }
    Err(endless("iam:ListUserPolicies", name))
}

async fn attached(aws: &Aws, name: &str) -> Result<Option<Vec<String>>, CloudError> {
    let operation = "iam:ListAttachedUserPolicies";
    let mut arns = Vec::new();
    let mut marker = None;
    for _ in 0..MOST_PAGES {
        let request = aws.iam.list_attached_user_policies().user_name(name).max_items(PAGE).set_marker(marker).send();
        let Some(page) = or_no_entity(aws.send(operation, name, request).await)? else { return Ok(None) };
        arns.extend(page.attached_policies.unwrap_or_default().into_iter().filter_map(|policy| policy.policy_arn));
        marker = page.marker.filter(|_| page.is_truncated);
        if marker.is_none() {
            arns.sort();
            return Ok(Some(arns));
        }
    }
    Err(endless(operation, name))
}

/// IDs of access keys and whether they are active. Their secrets nobody can read.
async fn keys(aws: &Aws, name: &str) -> Result<Option<Vec<KeyId>>, CloudError> {
    let operation = "iam:ListAccessKeys";
    let mut keys = Vec::new();
    let mut marker = None;
    for _ in 0..MOST_PAGES {
        let request = aws.iam.list_access_keys().user_name(name).max_items(PAGE).set_marker(marker).send();
        let Some(page) = or_no_entity(aws.send(operation, name, request).await)? else { return Ok(None) };
        keys.extend(
            page.access_key_metadata.into_iter().filter_map(|key| {
                Some(KeyId { id: key.access_key_id?, active: key.status == Some(StatusType::Active) })
            }),
        );
        marker = page.marker.filter(|_| page.is_truncated);
        if marker.is_none() {
            keys.sort();
            return Ok(Some(keys));
        }
    }
    Err(endless(operation, name))
}

pub(super) async fn make(aws: &Aws, call: &Call, vault: &Vault) -> Result<Answer, CloudError> {
    let iam = &aws.iam;
    match call {
        Call::CreateUser { .. } => return create(aws, call).await,
        Call::CreateAccessKey { user } => return create_key(aws, user).await,
        Call::DeleteAccessKey { user, access_key } => {
            let request = iam.delete_access_key().user_name(user).access_key_id(access_key).send();
            aws.send("iam:DeleteAccessKey", user, request).await?;
        }
        Call::RecordAccessKey { user, tag, access_key, what_for } => {
            let record = format!("{} {what_for}", told(call, access_key, vault)?.expose());
            let tags = Tags::from([(tag.clone(), record)]);
            let request = iam.tag_user().user_name(user).set_tags(Some(tags::to_iam(&tags)?)).send();
            aws.send("iam:TagUser", user, request).await?;
        }
        Call::PutUserPermissionsBoundary { user, boundary } => {
            let boundary = known(call, boundary)?;
            let request = iam.put_user_permissions_boundary().user_name(user).permissions_boundary(boundary).send();
            aws.send("iam:PutUserPermissionsBoundary", user, request).await?;
        }
        Call::PutUserPolicy { user, policy, document } => {
            let document = known(call, document)?;
            let request = iam.put_user_policy().user_name(user).policy_name(policy).policy_document(document).send();
            aws.send("iam:PutUserPolicy", user, request).await?;
        }
        Call::DeleteUserPolicy { user, policy } => {
            let request = iam.delete_user_policy().user_name(user).policy_name(policy).send();
            aws.send("iam:DeleteUserPolicy", user, request).await?;
        }
        Call::AttachUserPolicy { user, policy_arn } => {
            let request = iam.attach_user_policy().user_name(user).policy_arn(known(call, policy_arn)?).send();
            aws.send("iam:AttachUserPolicy", user, request).await?;
        }
        Call::DetachUserPolicy { user, policy_arn } => {
            let request = iam.detach_user_policy().user_name(user).policy_arn(known(call, policy_arn)?).send();
            aws.send("iam:DetachUserPolicy", user, request).await?;
        }
        Call::TagUser { user, tags } => {
            let request = iam.tag_user().user_name(user).set_tags(Some(tags::to_iam(tags)?)).send();
            aws.send("iam:TagUser", user, request).await?;
        }
        Call::UntagUser { user, keys } => {
            let request = iam.untag_user().user_name(user).set_tag_keys(Some(keys.clone())).send();
            aws.send("iam:UntagUser", user, request).await?;
        }
        Call::DeleteUser { user } => {
            aws.send("iam:DeleteUser", user, iam.delete_user().user_name(user).send()).await?;
        }
        other => return Err(misrouted(other)),
    }
    Ok(Answer::new())
}

/// Creates a user. Without the SDK's retries: after a lost answer a second attempt would only say that the user exists, as if it were
/// somebody else's.
async fn create(aws: &Aws, call: &Call) -> Result<Answer, CloudError> {
    let Call::CreateUser { user, path, boundary, tags } = call else { return Err(misrouted(call)) };
    let boundary = boundary.as_ref().map(|boundary| known(call, boundary)).transpose()?;
    let request = aws
        .iam
        .create_user()
        .user_name(user)
        .path(path)
        .set_permissions_boundary(boundary.map(str::to_owned))
        .set_tags(Some(tags::to_iam(tags)?).filter(|tags| !tags.is_empty()))
        .customize()
        .config_override(Builder::new().retry_config(RetryConfig::disabled()))
        .send();
    let answer = aws.send("iam:CreateUser", user, request).await?;
    Ok(answer.user.into_iter().map(|user| ("Arn".to_owned(), user.arn)).collect())
}

/// Creates an access key. Without the SDK's retries: a key whose answer was lost is one whose secret nobody knows, and a second attempt
/// would use up the last of two.
async fn create_key(aws: &Aws, user: &str) -> Result<Answer, CloudError> {
    let operation = "iam:CreateAccessKey";
    let request = aws.iam.create_access_key().user_name(user).customize();
    let request = request.config_override(Builder::new().retry_config(RetryConfig::disabled())).send();
    let key = aws.send(operation, user, request).await?.access_key;
    let Some(key) = key else {
        return Err(CloudError::unexpected(Which::Aws, operation, "the answer has no access key"));
    };
    let answer = Answer::new().with_secret("AccessKeyId", Secret::new(key.access_key_id));
    Ok(answer.with_secret("SecretAccessKey", Secret::new(key.secret_access_key)))
}

/// A user that one read shows and another does not: it is never taken for one without policies and keys.
fn torn(user: &str) -> CloudError {
    CloudError {
        which: Which::Aws,
        operation: "iam:ListUserPolicies".into(),
        object: user.to_owned(),
        code: NO_ENTITY.into(),
        message: "IAM shows the user and denies what it holds: it is being created or deleted".into(),
        class: Class::Propagation,
        request_id: None,
    }
}
