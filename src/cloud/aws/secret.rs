//! Secrets of AWS Secrets Manager, as places an access key is delivered to. Their values are written and never read.
//!
//! Source: AWS Secrets Manager API reference.

use aws_sdk_secretsmanager::types::Tag;

use super::call::{misrouted, told};
use super::{Answer, Aws, SecretState};
use crate::cloud::{Class, CloudError, Which};
use crate::model::{Call, Tags, Vault};

const NOT_FOUND: &str = "ResourceNotFoundException";

/// What is there under a name, without its value; `None` if there is certainly nothing. A secret that is to be deleted is told as such.
pub(super) async fn read(aws: &Aws, name: &str) -> Result<Option<SecretState>, CloudError> {
    let request = aws.secrets.describe_secret().secret_id(name).send();
    match aws.send("secretsmanager:DescribeSecret", name, request).await.map_err(CloudError::from) {
        Ok(answer) => Ok(Some(SecretState {
            going: answer.deleted_date.is_some(),
            tags: from_secrets(answer.tags.unwrap_or_default()),
        })),
        Err(error) if error.code == NOT_FOUND => Ok(None),
        Err(error) => Err(error),
    }
}

pub(super) async fn make(aws: &Aws, call: &Call, vault: &Vault) -> Result<Answer, CloudError> {
    match call {
        Call::CreateSecret { secret, description, tags } => create(aws, secret, description, tags).await?,
        Call::PutSecretValue { secret, tag, access_key, secret_key } => {
            let (id, key) = (told(call, access_key, vault)?, told(call, secret_key, vault)?);
            // The words of AWS's own command line and SDKs, in the case of the API.
            let value = serde_json::json!({ "AccessKeyId": id.expose(), "SecretAccessKey": key.expose() });
            let request = aws.secrets.put_secret_value().secret_id(secret).secret_string(value.to_string()).send();
            aws.send("secretsmanager:PutSecretValue", secret, request).await?;
            let record = Tags::from([(tag.clone(), id.expose().to_owned())]);
            let request = aws.secrets.tag_resource().secret_id(secret).set_tags(Some(to_secrets(&record))).send();
            aws.send("secretsmanager:TagResource", secret, request).await?;
        }
        Call::DeleteSecret { secret, window_days } => {
            let request =
                aws.secrets.delete_secret().secret_id(secret).recovery_window_in_days((*window_days).into()).send();
            aws.send("secretsmanager:DeleteSecret", secret, request).await?;
        }
        other => return Err(misrouted(other)),
    }
    Ok(Answer::new())
}

/// Whatever is there is looked at first, so this may be done again: a secret that carries these tags is ours.
async fn create(aws: &Aws, secret: &str, description: &str, tags: &Tags) -> Result<(), CloudError> {
    let Some(found) = read(aws, secret).await? else {
        let request = aws.secrets.create_secret().name(secret).description(description);
        let request = request.set_tags(Some(to_secrets(tags))).send();
        aws.send("secretsmanager:CreateSecret", secret, request).await?;
        return Ok(());
    };
    if tags.iter().any(|(key, value)| found.tags.get(key) != Some(value)) {
        return Err(CloudError {
            which: Which::Aws,
            operation: "secretsmanager:CreateSecret".into(),
            object: secret.to_owned(),
            code: "ResourceExistsException".into(),
            message: "the secret exists and does not belong to this user of this stack: it is not overwritten; choose another name".into(),
            class: Class::AlreadyExists,
            request_id: None,
        });
    }
    if found.going {
        let request = aws.secrets.restore_secret().secret_id(secret).send();
        aws.send("secretsmanager:RestoreSecret", secret, request).await?;
    }
    Ok(())
}

fn from_secrets(tags: Vec<Tag>) -> Tags {
    tags.into_iter().filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default()))).collect()
}

fn to_secrets(tags: &Tags) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}
