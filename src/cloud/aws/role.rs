//! What is read of an IAM role.

use std::collections::BTreeMap;

use aws_sdk_iam::types::Role;
use futures::future::try_join_all;

use super::request::parse;
use super::{Aws, MOST_PAGES, RoleState, percent, tags};
use crate::cloud::{Class, CloudError, Which};

/// The inline policy most of our roles have. It is asked for together with the list of names, which saves a round trip.
const USUAL_POLICY: &str = "snowssi-access";
/// What IAM answers for a role or a policy that is not there.
pub(super) const NO_ENTITY: &str = "NoSuchEntity";
/// The most entries of one page.
pub(super) const PAGE: i32 = 1000;
/// The longest session of a role for which AWS tells none: one hour.
const HOUR: i32 = 3600;

pub(super) async fn read(aws: &Aws, name: &str, attachments: bool) -> Result<Option<RoleState>, CloudError> {
    let (role, names, attached, usual) = tokio::join!(
        get(aws, name),
        inline_names(aws, name),
        async { if attachments { attached(aws, name).await } else { Ok(Some(Vec::new())) } },
        document(aws, name, USUAL_POLICY),
    );
    let Some(role) = role? else { return Ok(None) };
    let usual = usual?;
    let (Some(names), Some(attached)) = (names?, attached?) else { return Err(torn(name)) };
    let others = names.iter().filter(|policy| usual.is_none() || *policy != USUAL_POLICY).map(|policy| async move {
        let document = document(aws, name, policy).await?;
        Ok::<_, CloudError>(document.map(|document| (policy.clone(), document)))
    });
    // A policy that is listed but gone was deleted between the two requests.
    let mut inline: BTreeMap<_, _> = try_join_all(others).await?.into_iter().flatten().collect();
    inline.extend(usual.map(|document| (USUAL_POLICY.to_owned(), document)));
    let operation = "iam:GetRole";
    Ok(Some(RoleState {
        arn: parse(operation, Some(&role.arn))?,
        name: role.role_name,
        path: role.path,
        description: role.description.unwrap_or_default(),
        max_session_seconds: role.max_session_duration.unwrap_or(HOUR),
        trust: decoded(operation, name, &role.assume_role_policy_document.unwrap_or_default())?,
        boundary: role.permissions_boundary.and_then(|boundary| boundary.permissions_boundary_arn),
        inline,
        attached,
        tags: tags::from_iam(role.tags.unwrap_or_default()),
    }))
}

/// Names of the roles under a path.
pub(super) async fn under(aws: &Aws, path: &str) -> Result<Vec<String>, CloudError> {
    let mut names = Vec::new();
    let mut marker = None;
    for _ in 0..MOST_PAGES {
        let request = aws.iam.list_roles().path_prefix(path).max_items(PAGE).set_marker(marker).send();
        let page = aws.send("iam:ListRoles", path, request).await?;
        names.extend(page.roles.into_iter().map(|role| role.role_name));
        marker = page.marker.filter(|_| page.is_truncated);
        if marker.is_none() {
            names.sort();
            return Ok(names);
        }
    }
    Err(endless("iam:ListRoles", path))
}

async fn get(aws: &Aws, name: &str) -> Result<Option<Role>, CloudError> {
    let operation = "iam:GetRole";
    match or_no_entity(aws.send(operation, name, aws.iam.get_role().role_name(name).send()).await)? {
        None => Ok(None),
        Some(answer) => match answer.role {
            Some(role) => Ok(Some(role)),
            None => Err(CloudError::unexpected(Which::Aws, operation, format!("the answer about {name} has no role"))),
        },
    }
}

async fn document(aws: &Aws, name: &str, policy: &str) -> Result<Option<String>, CloudError> {
    let operation = "iam:GetRolePolicy";
    let request = aws.iam.get_role_policy().role_name(name).policy_name(policy).send();
    or_no_entity(aws.send(operation, name, request).await)?
        .map(|answer| decoded(operation, name, &answer.policy_document))
        .transpose()
}

async fn inline_names(aws: &Aws, name: &str) -> Result<Option<Vec<String>>, CloudError> {
    let mut names = Vec::new();
    let mut marker = None;
    for _ in 0..MOST_PAGES {
        let request = aws.iam.list_role_policies().role_name(name).max_items(PAGE).set_marker(marker).send();
        let Some(page) = or_no_entity(aws.send("iam:ListRolePolicies", name, request).await)? else { return Ok(None) };
        names.extend(page.policy_names);
        marker = page.marker.filter(|_| page.is_truncated);
        if marker.is_none() {
            return Ok(Some(names));
        }
    }
    Err(endless("iam:ListRolePolicies", name))
}

async fn attached(aws: &Aws, name: &str) -> Result<Option<Vec<String>>, CloudError> {
    let mut arns = Vec::new();
    let mut marker = None;
    for _ in 0..MOST_PAGES {
        let request = aws.iam.list_attached_role_policies().role_name(name).max_items(PAGE).set_marker(marker).send();
        let Some(page) = or_no_entity(aws.send("iam:ListAttachedRolePolicies", name, request).await)? else {
            return Ok(None);
        };
        arns.extend(page.attached_policies.unwrap_or_default().into_iter().filter_map(|policy| policy.policy_arn));
        marker = page.marker.filter(|_| page.is_truncated);
        if marker.is_none() {
            arns.sort();
            return Ok(Some(arns));
        }
    }
    Err(endless("iam:ListAttachedRolePolicies", name))
}

pub(super) fn or_no_entity<T>(answer: Result<T, super::refusal::Refusal>) -> Result<Option<T>, CloudError> {
    match answer.map_err(CloudError::from) {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.code == NO_ENTITY => Ok(None),
        Err(error) => Err(error),
    }
}

/// IAM sends documents percent-encoded and the SDK leaves them so.
pub(super) fn decoded(operation: &str, role: &str, document: &str) -> Result<String, CloudError> {
    percent::decode(document).map_err(|why| CloudError {
        object: role.to_owned(),
        ..CloudError::unexpected(Which::Aws, operation, format!("a policy document cannot be decoded: {why}"))
    })
}

/// A role that one read shows and another does not: it is never taken for one without policies.
fn torn(role: &str) -> CloudError {
    CloudError {
        which: Which::Aws,
        operation: "iam:ListRolePolicies".into(),
        object: role.to_owned(),
        code: NO_ENTITY.into(),
        message: "IAM shows the role and denies its policies: it is being created or deleted".into(),
        class: Class::Propagation,
        request_id: None,
    }
}

pub(super) fn endless(operation: &str, object: &str) -> CloudError {
    CloudError { object: object.to_owned(), ..CloudError::unexpected(Which::Aws, operation, "the list does not end") }
}
