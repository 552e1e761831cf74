//! Calls that change an IAM role.

use aws_sdk_iam::config::Builder;
use aws_smithy_types::retry::RetryConfig;

use super::call::{known, misrouted};
use super::role::or_no_entity;
use super::{Answer, Aws, MOST_PAGES, tags};
use crate::cloud::{CloudError, Which};
use crate::model::Call;

pub(super) async fn make(aws: &Aws, call: &Call) -> Result<Answer, CloudError> {
    let iam = &aws.iam;
    match call {
        Call::CreateRole { .. } => return create(aws, call).await,
        Call::UpdateRole { role, description, max_session_seconds } => {
            let request = iam.update_role().role_name(role).description(description);
            aws.send("iam:UpdateRole", role, request.max_session_duration(*max_session_seconds).send()).await?;
        }
        Call::UpdateAssumeRolePolicy { role, trust } => {
            let request = iam.update_assume_role_policy().role_name(role).policy_document(known(call, trust)?).send();
            aws.send("iam:UpdateAssumeRolePolicy", role, request).await?;
        }
        Call::PutRolePermissionsBoundary { role, boundary } => {
            let request =
                iam.put_role_permissions_boundary().role_name(role).permissions_boundary(known(call, boundary)?).send();
            aws.send("iam:PutRolePermissionsBoundary", role, request).await?;
        }
        Call::DeleteRolePermissionsBoundary { role } => {
            let request = iam.delete_role_permissions_boundary().role_name(role).send();
            aws.send("iam:DeleteRolePermissionsBoundary", role, request).await?;
        }
        Call::PutRolePolicy { role, policy, document } => {
            let request = iam
                .put_role_policy()
                .role_name(role)
                .policy_name(policy)
                .policy_document(known(call, document)?)
                .send();
            aws.send("iam:PutRolePolicy", role, request).await?;
        }
        Call::DeleteRolePolicy { role, policy } => {
            let request = iam.delete_role_policy().role_name(role).policy_name(policy).send();
            aws.send("iam:DeleteRolePolicy", role, request).await?;
        }
        Call::AttachRolePolicy { role, policy_arn } => {
            let request = iam.attach_role_policy().role_name(role).policy_arn(known(call, policy_arn)?).send();
            aws.send("iam:AttachRolePolicy", role, request).await?;
        }
        Call::DetachRolePolicy { role, policy_arn } => {
            let request = iam.detach_role_policy().role_name(role).policy_arn(known(call, policy_arn)?).send();
            aws.send("iam:DetachRolePolicy", role, request).await?;
        }
        Call::TagRole { role, tags } => {
            let request = iam.tag_role().role_name(role).set_tags(Some(tags::to_iam(tags)?)).send();
            aws.send("iam:TagRole", role, request).await?;
        }
        Call::UntagRole { role, keys } => {
            let request = iam.untag_role().role_name(role).set_tag_keys(Some(keys.clone())).send();
            aws.send("iam:UntagRole", role, request).await?;
        }
        Call::DeleteRole { role } => {
            leave_instance_profiles(aws, role).await?;
            detach_all(aws, role).await?;
            aws.send("iam:DeleteRole", role, iam.delete_role().role_name(role).send()).await?;
        }
        other => return Err(misrouted(other)),
    }
    Ok(Answer::new())
}

/// Creates a role. Without the SDK's retries: after a lost answer a second attempt would only say that the role exists, as if it were
/// somebody else's.
async fn create(aws: &Aws, call: &Call) -> Result<Answer, CloudError> {
    let Call::CreateRole { role, path, description, max_session_seconds, trust, boundary, tags } = call else {
        return Err(misrouted(call));
    };
    let operation = "iam:CreateRole";
    let boundary = boundary.as_ref().map(|boundary| known(call, boundary)).transpose()?;
    let request = aws
        .iam
        .create_role()
        .role_name(role)
        .path(path)
        .set_description(Some(description.clone()).filter(|text| !text.is_empty()))
        .max_session_duration(*max_session_seconds)
        .assume_role_policy_document(known(call, trust)?)
        .set_permissions_boundary(boundary.map(str::to_owned))
        .set_tags(Some(tags::to_iam(tags)?).filter(|tags| !tags.is_empty()))
        .customize()
        .config_override(Builder::new().retry_config(RetryConfig::disabled()))
        .send();
    let answer = aws.send(operation, role, request).await?;
    let Some(role) = answer.role else {
        return Err(CloudError::unexpected(Which::Aws, operation, "the answer has no role"));
    };
    Ok(Answer::from([("Arn".to_owned(), role.arn), ("RoleId".to_owned(), role.role_id)]))
}

/// Detaches every managed policy, whoever attached it: IAM deletes no role that has one.
async fn detach_all(aws: &Aws, role: &str) -> Result<(), CloudError> {
    let operation = "iam:ListAttachedRolePolicies";
    let mut marker = None;
    let mut attached = Vec::new();
    for _ in 0..MOST_PAGES {
        let request = aws.iam.list_attached_role_policies().role_name(role).set_marker(marker).send();
        let page = aws.send(operation, role, request).await?;
        attached.extend(page.attached_policies.unwrap_or_default().into_iter().filter_map(|policy| policy.policy_arn));
        marker = page.marker.filter(|_| page.is_truncated);
        if marker.is_none() {
            break;
        }
    }
    for policy in attached {
        let request = aws.iam.detach_role_policy().role_name(role).policy_arn(policy).send();
        // Gone already is as good; and the executor would take that refusal for the role's own absence.
        or_no_entity(aws.send("iam:DetachRolePolicy", role, request).await)?;
    }
    Ok(())
}

/// A role in an instance profile cannot be deleted.
async fn leave_instance_profiles(aws: &Aws, role: &str) -> Result<(), CloudError> {
    let operation = "iam:ListInstanceProfilesForRole";
    let mut marker = None;
    let mut profiles = Vec::new();
    for _ in 0..MOST_PAGES {
        let request = aws.iam.list_instance_profiles_for_role().role_name(role).set_marker(marker).send();
        let page = aws.send(operation, role, request).await?;
        profiles.extend(page.instance_profiles.into_iter().map(|profile| profile.instance_profile_name));
        marker = page.marker.filter(|_| page.is_truncated);
        if marker.is_none() {
            break;
        }
    }
    for profile in profiles {
        let request =
            aws.iam.remove_role_from_instance_profile().role_name(role).instance_profile_name(&profile).send();
        aws.send("iam:RemoveRoleFromInstanceProfile", role, request).await?;
    }
    Ok(())
}
