//! Key policies: each key has one, named `default`.

use serde_json::{Value, json};

use super::super::document::{self, Document};
use super::super::grammar::Purpose;
use super::super::store::World;
use super::super::wire::{Refused, refused};
use super::super::{ACCOUNT, access};
use super::{Outcome, Region, need, not_found, text};

/// Longest policy, in bytes.
const BYTES: usize = 32_768;

fn malformed(message: impl Into<String>) -> Refused {
    refused(400, "MalformedPolicyDocumentException", message)
}

/// The policy that a key gets without one: the account decides by its IAM policies.
pub(super) fn default() -> Document {
    Document::plain(
        json!({
            "Version": "2012-10-17",
            "Id": "key-default-1",
            "Statement": [{
                "Sid": "Enable IAM User Permissions",
                "Effect": "Allow",
                "Principal": { "AWS": format!("arn:aws:iam::{ACCOUNT}:root") },
                "Action": "kms:*",
                "Resource": "*",
            }],
        })
        .to_string(),
    )
}

/// Checks a policy, and that whoever writes it can write it again.
pub(super) fn accept(world: &World, key: &str, text: &str, bypass: bool) -> Result<Document, Refused> {
    if text.len() > BYTES {
        return Err(refused(400, "LimitExceededException", format!("The policy is longer than {BYTES} bytes")));
    }
    let document = document::accept(world, Purpose::Key, text).map_err(malformed)?;
    if !bypass && !access::can_administer(&document.shown(world), key) {
        let message = "The new key policy will not allow you to update the key policy in the future.";
        return Err(malformed(message));
    }
    Ok(document)
}

fn policy_name(input: &Value) -> Result<(), Refused> {
    match text(input, "PolicyName") {
        None | Some("default") => Ok(()),
        Some(name) => Err(not_found(format!("No such policy exists: {name}"))),
    }
}

pub(super) fn put(world: &mut World, region: &str, input: &Value) -> Outcome {
    let keys = world.kms.entry(region.into()).or_default();
    let key = keys.key(input)?;
    let (id, arn) = (key.id.clone(), key.arn.clone());
    policy_name(input)?;
    let bypass = input.get("BypassPolicyLockoutSafetyCheck").and_then(Value::as_bool).unwrap_or(false);
    let policy = accept(world, &arn, need(input, "Policy")?, bypass)?;
    if let Some(key) = world.kms.get_mut(region).and_then(|keys| keys.keys.get_mut(&id)) {
        key.policy = policy;
    }
    Ok(Value::Null)
}

pub(super) fn get(world: &mut World, region: &str, input: &Value) -> Outcome {
    let keys = world.kms.entry(region.into()).or_default();
    let policy = keys.key(input)?.policy.clone();
    policy_name(input)?;
    Ok(json!({ "Policy": policy.shown(world), "PolicyName": "default" }))
}

pub(super) fn list(keys: &mut Region, input: &Value) -> Outcome {
    keys.key(input)?;
    Ok(json!({ "PolicyNames": ["default"], "Truncated": false }))
}
