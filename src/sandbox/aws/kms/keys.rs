//! Keys: their life, rotation and tags.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::super::ACCOUNT;
use super::super::store::World;
use super::super::time::seconds;
use super::super::wire::{Refused, refused};
use super::policies;
use super::{Key, Material, Outcome, Region, State, days, need, page, text, validation};

pub(super) fn create(world: &mut World, region: &str, input: &Value) -> Outcome {
    let bypass = input.get("BypassPolicyLockoutSafetyCheck").and_then(Value::as_bool).unwrap_or(false);
    let description = text(input, "Description").unwrap_or_default();
    check_description(description)?;
    let mut tags = BTreeMap::new();
    add_tags(&mut tags, input)?;
    let multi_region = input.get("MultiRegion").and_then(Value::as_bool).unwrap_or(false);
    let uuid = uuid::Uuid::new_v4();
    let id = if multi_region { format!("mrk-{}", uuid.simple()) } else { uuid.to_string() };
    let spec = text(input, "KeySpec").or_else(|| text(input, "CustomerMasterKeySpec")).unwrap_or("SYMMETRIC_DEFAULT");
    let usage = text(input, "KeyUsage").unwrap_or("ENCRYPT_DECRYPT");
    let arn = format!("arn:aws:kms:{region}:{ACCOUNT}:key/{id}");
    let policy = match text(input, "Policy") {
        Some(text) => policies::accept(world, &arn, text, bypass)?,
        None => policies::default(),
    };
    let (one, two) = (uuid::Uuid::new_v4(), uuid::Uuid::new_v4());
    let material = [one.as_bytes().as_slice(), two.as_bytes()].concat();
    let key = Key {
        id: id.clone(),
        arn,
        created: world.now(),
        description: description.into(),
        multi_region,
        state: State::Enabled,
        policy,
        tags,
        rotation: None,
        usage: usage.into(),
        spec: spec.into(),
        material: (spec == "SYMMETRIC_DEFAULT").then(|| Material(STANDARD.encode(material))),
    };
    let shown = json!({ "KeyMetadata": metadata(&key, region) });
    world.kms.entry(region.into()).or_default().keys.insert(id, key);
    Ok(shown)
}

fn metadata(key: &Key, region: &str) -> Value {
    let state = match key.state {
        State::Enabled => "Enabled",
        State::Disabled => "Disabled",
        State::PendingDeletion(_) => "PendingDeletion",
    };
    let mut out = json!({
        "AWSAccountId": ACCOUNT,
        "KeyId": key.id,
        "Arn": key.arn,
        "CreationDate": seconds(key.created),
        "Enabled": key.state == State::Enabled,
        "Description": key.description,
        "KeyUsage": key.usage,
        "KeyState": state,
        "Origin": "AWS_KMS",
        "KeyManager": "CUSTOMER",
        "CustomerMasterKeySpec": key.spec,
        "KeySpec": key.spec,
        "MultiRegion": key.multi_region,
    });
    if key.spec == "SYMMETRIC_DEFAULT" {
        out["EncryptionAlgorithms"] = json!(["SYMMETRIC_DEFAULT"]);
    }
    if let State::PendingDeletion(when) = key.state {
        out["DeletionDate"] = seconds(when);
    }
    if key.multi_region {
        out["MultiRegionConfiguration"] = json!({
            "MultiRegionKeyType": "PRIMARY",
            "PrimaryKey": { "Arn": key.arn, "Region": region },
            "ReplicaKeys": [],
        });
    }
    out
}

pub(super) fn describe(keys: &mut Region, input: &Value) -> Outcome {
    let key = keys.key_or_alias(input)?;
    let region = key.arn.split(':').nth(3).unwrap_or_default();
    Ok(json!({ "KeyMetadata": metadata(key, region) }))
}

pub(super) fn list(keys: &mut Region, input: &Value) -> Outcome {
    page(input, "Keys", keys.keys.values().map(|key| (key.id.as_str(), json!({ "KeyId": key.id, "KeyArn": key.arn }))))
}

fn check_description(text: &str) -> Result<(), Refused> {
    if text.chars().count() > 8192 { Err(validation("Description has at most 8192 characters")) } else { Ok(()) }
}

pub(super) fn update_description(keys: &mut Region, input: &Value) -> Outcome {
    let description = need(input, "Description")?;
    check_description(description)?;
    let key = keys.key(input)?;
    key.not_pending()?;
    key.description = description.into();
    Ok(Value::Null)
}

pub(super) fn enable(keys: &mut Region, input: &Value) -> Outcome {
    set_state(keys, input, State::Enabled)
}

pub(super) fn disable(keys: &mut Region, input: &Value) -> Outcome {
    set_state(keys, input, State::Disabled)
}

fn set_state(keys: &mut Region, input: &Value, state: State) -> Outcome {
    let key = keys.key(input)?;
    key.not_pending()?;
    key.state = state;
    Ok(Value::Null)
}

pub(super) fn schedule_deletion(keys: &mut Region, input: &Value) -> Outcome {
    let window = match input.get("PendingWindowInDays").map(Value::as_u64) {
        None => 30,
        Some(Some(window @ 7..=30)) => u32::try_from(window).unwrap_or(30),
        Some(_) => return Err(validation("PendingWindowInDays must be between 7 and 30 (inclusive).")),
    };
    let when = keys.now + days(window);
    let key = keys.key(input)?;
    key.not_pending()?;
    key.state = State::PendingDeletion(when);
    Ok(json!({
        "KeyId": key.arn,
        "DeletionDate": seconds(when),
        "KeyState": "PendingDeletion",
        "PendingWindowInDays": window,
    }))
}

pub(super) fn cancel_deletion(keys: &mut Region, input: &Value) -> Outcome {
    let key = keys.key(input)?;
    if !matches!(key.state, State::PendingDeletion(_)) {
        return Err(refused(400, "KMSInvalidStateException", format!("{} is not pending deletion.", key.arn)));
    }
    key.state = State::Disabled;
    Ok(json!({ "KeyId": key.arn }))
}

/// A key that waits for its deletion is not rotated, but remembers that it was.
pub(super) fn rotation(keys: &mut Region, input: &Value) -> Outcome {
    let now = keys.now;
    let key = keys.key(input)?;
    let rotated = key.rotation.filter(|_| !matches!(key.state, State::PendingDeletion(_)));
    let mut out = json!({ "KeyId": key.arn, "KeyRotationEnabled": rotated.is_some() });
    if let Some((period, since)) = rotated {
        out["RotationPeriodInDays"] = period.into();
        let past = (now - since) / days(period);
        out["NextRotationDate"] = seconds(since + (past + 1) * days(period));
    }
    Ok(out)
}

pub(super) fn enable_rotation(keys: &mut Region, input: &Value) -> Outcome {
    let asked = match input.get("RotationPeriodInDays").map(Value::as_u64) {
        None => None,
        Some(Some(period @ 90..=2560)) => u32::try_from(period).ok(),
        Some(_) => {
            let message = "1 validation error detected: Value at 'rotationPeriodInDays' failed to satisfy constraint: \
                           Member must have value between 90 and 2560";
            return Err(validation(message));
        }
    };
    let now = keys.now;
    let key = keys.key(input)?;
    key.usable()?;
    rotates(key)?;
    // Without a period a key keeps the one it has.
    let period = asked.or(key.rotation.map(|(period, _)| period)).unwrap_or(365);
    key.rotation = Some((period, now));
    Ok(Value::Null)
}

pub(super) fn disable_rotation(keys: &mut Region, input: &Value) -> Outcome {
    let key = keys.key(input)?;
    key.usable()?;
    rotates(key)?;
    key.rotation = None;
    Ok(Value::Null)
}

fn rotates(key: &Key) -> Result<(), Refused> {
    if key.spec == "SYMMETRIC_DEFAULT" {
        Ok(())
    } else {
        Err(refused(400, "UnsupportedOperationException", format!("{} cannot be rotated automatically.", key.arn)))
    }
}

pub(super) fn list_tags(keys: &mut Region, input: &Value) -> Outcome {
    let key = keys.key(input)?;
    let tags = key.tags.iter();
    page(input, "Tags", tags.map(|(key, value)| (key.as_str(), json!({ "TagKey": key, "TagValue": value }))))
}

pub(super) fn tag(keys: &mut Region, input: &Value) -> Outcome {
    let key = keys.key(input)?;
    key.not_pending()?;
    let mut tags = key.tags.clone();
    add_tags(&mut tags, input)?;
    key.tags = tags;
    Ok(Value::Null)
}

pub(super) fn untag(keys: &mut Region, input: &Value) -> Outcome {
    let key = keys.key(input)?;
    key.not_pending()?;
    let names = input.get("TagKeys").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for name in names.iter().filter_map(Value::as_str) {
        key.tags.remove(name);
    }
    Ok(Value::Null)
}

fn add_tags(tags: &mut BTreeMap<String, String>, input: &Value) -> Result<(), Refused> {
    let wrong = |message: &str| refused(400, "TagException", message);
    let mut new = BTreeMap::new();
    for tag in input.get("Tags").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default() {
        let (name, value) = (need(tag, "TagKey")?, need(tag, "TagValue")?);
        if name.starts_with("aws:") {
            return Err(wrong("aws: prefixed tag key names are not allowed for external use."));
        }
        if name.is_empty() || name.chars().count() > 128 || value.chars().count() > 256 {
            return Err(wrong("a tag key has 1 to 128 characters, a tag value at most 256"));
        }
        if new.insert(name.to_owned(), value.to_owned()).is_some() {
            return Err(wrong("Duplicate tag keys"));
        }
    }
    tags.extend(new);
    if tags.len() > 50 {
        return Err(wrong("Too many tags"));
    }
    Ok(())
}
