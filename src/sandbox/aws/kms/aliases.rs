//! Aliases: names of keys that can be moved.

use serde_json::{Value, json};

use super::super::ACCOUNT;
use super::super::time::seconds;
use super::super::wire::{Refused, refused};
use super::{Alias, Key, Outcome, Region, State, need, not_found, page, text};

/// Most aliases of one key.
const PER_KEY: usize = 50;

fn name(input: &Value) -> Result<&str, Refused> {
    let name = need(input, "AliasName")?;
    let Some(rest) = name.strip_prefix("alias/") else {
        return Err(refused(400, "InvalidAliasNameException", "Alias must start with the prefix \"alias/\""));
    };
    if rest.is_empty() || name.len() > 256 || !rest.bytes().all(|b| b.is_ascii_alphanumeric() || b"/_-".contains(&b)) {
        let message = "Alias must match the pattern ^alias/[a-zA-Z0-9/_-]+$ and have at most 256 characters";
        return Err(refused(400, "InvalidAliasNameException", message));
    }
    if rest.starts_with("aws/") {
        return Err(refused(400, "NotAuthorizedException", "The alias prefix \"alias/aws/\" is reserved."));
    }
    Ok(name)
}

/// The target must be a key ID or ARN, and the key must not wait for its deletion.
fn target<'a>(keys: &'a Region, input: &Value) -> Result<&'a Key, Refused> {
    let target = need(input, "TargetKeyId")?;
    let id = keys.id(target)?;
    let key = keys.keys.get(&id).ok_or_else(|| not_found(format!("Key '{target}' does not exist")))?;
    match key.state {
        State::PendingDeletion(_) => {
            Err(refused(400, "KMSInvalidStateException", format!("{} is pending deletion.", key.arn)))
        }
        State::Enabled | State::Disabled => Ok(key),
    }
}

fn missing(name: &str) -> Refused {
    not_found(format!("Alias {name} is not found."))
}

pub(super) fn create(keys: &mut Region, input: &Value) -> Outcome {
    let name = name(input)?;
    if keys.aliases.contains_key(name) {
        return Err(refused(400, "AlreadyExistsException", format!("An alias with the name {name} already exists")));
    }
    let target = target(keys, input)?.id.clone();
    if keys.aliases.values().filter(|alias| alias.target == target).count() >= PER_KEY {
        return Err(refused(400, "LimitExceededException", format!("a key has at most {PER_KEY} aliases")));
    }
    let when = keys.now;
    keys.aliases.insert(name.into(), Alias { target, created: when, updated: when });
    Ok(Value::Null)
}

pub(super) fn update(keys: &mut Region, input: &Value) -> Outcome {
    let name = name(input)?;
    let old = keys.aliases.get(name).ok_or_else(|| missing(name))?;
    let new = target(keys, input)?;
    let same = |old: &Key| old.usage == new.usage && (old.spec == new.spec);
    if !keys.keys.get(&old.target).is_none_or(same) {
        let message = "The current and the new key must be of the same type and usage";
        return Err(refused(400, "ValidationException", message));
    }
    let (target, now) = (new.id.clone(), keys.now);
    if let Some(alias) = keys.aliases.get_mut(name) {
        *alias = Alias { target, updated: now, ..alias.clone() };
    }
    Ok(Value::Null)
}

pub(super) fn delete(keys: &mut Region, input: &Value) -> Outcome {
    let name = name(input)?;
    keys.aliases.remove(name).map(|_| Value::Null).ok_or_else(|| missing(name))
}

pub(super) fn list(keys: &mut Region, region: &str, input: &Value) -> Outcome {
    let of = text(input, "KeyId").map(|key| keys.id(key)).transpose()?;
    let aliases = keys.aliases.iter().filter(|(_, alias)| of.as_ref().is_none_or(|id| *id == alias.target));
    let show = |(name, alias): (&'_ String, &Alias)| {
        json!({
            "AliasName": name,
            "AliasArn": format!("arn:aws:kms:{region}:{ACCOUNT}:{name}"),
            "TargetKeyId": alias.target,
            "CreationDate": seconds(alias.created),
            "LastUpdatedDate": seconds(alias.updated),
        })
    };
    let found: Vec<(&str, Value)> = aliases.map(|(name, alias)| (name.as_str(), show((name, alias)))).collect();
    page(input, "Aliases", found.into_iter())
}
