//! Calls that change an IAM user.

use super::call::{known, misrouted};
use super::{Answer, Aws};
use crate::cloud::CloudError;
use crate::model::Call;

pub(super) async fn make(aws: &Aws, call: &Call) -> Result<Answer, CloudError> {
    let iam = &aws.iam;
    match call {
        Call::DetachUserPolicy { user, policy_arn } => {
            let request = iam.detach_user_policy().user_name(user).policy_arn(known(call, policy_arn)?).send();
            aws.send("iam:DetachUserPolicy", user, request).await?;
        }
        other => return Err(misrouted(other)),
    }
    Ok(Answer::new())
}
