//! KMS: keys and aliases, region by region.
//!
//! Source: KMS API reference and developer guide, "Key states of AWS KMS keys". A key whose waiting period is over is gone, with its aliases.

mod aliases;
mod crypto;
mod keys;
mod policies;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ACCOUNT;
use super::document::Document;
use super::store::World;
use super::time::DAY;
use super::wire::{Answer, Asked, Refused, Reply, refused};

/// The keys of one region.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Region {
    /// Keys by ID.
    pub(super) keys: BTreeMap<String, Key>,
    /// Aliases by name.
    aliases: BTreeMap<String, Alias>,
    /// When the call came that is being answered.
    #[serde(skip)]
    now: i64,
}

/// A key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Key {
    pub(super) id: String,
    pub(super) arn: String,
    created: i64,
    description: String,
    multi_region: bool,
    pub(super) state: State,
    pub(super) policy: Document,
    pub(super) tags: BTreeMap<String, String>,
    /// Days between rotations, and since when.
    rotation: Option<(u32, i64)>,
    usage: String,
    spec: String,
    /// Only symmetric keys have it here.
    material: Option<Material>,
}

/// 256 bits, as base64. They never show.
#[derive(Clone, Serialize, Deserialize)]
struct Material(String);

impl std::fmt::Debug for Material {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(hidden)")
    }
}

/// What can be done with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum State {
    /// Everything.
    Enabled,
    /// No cryptography.
    Disabled,
    /// Almost nothing; gone at this time.
    PendingDeletion(i64),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Alias {
    target: String,
    created: i64,
    updated: i64,
}

type Outcome = Result<Value, Refused>;

/// Answers one request.
pub(super) fn answer(world: &mut World, asked: &Asked, operation: &str) -> Answer {
    let input: Value = serde_json::from_slice(&asked.body)
        .map_err(|_| refused(400, "SerializationException", "the request is not JSON"))?;
    let now = world.now();
    sweep(world.kms.entry(asked.region.clone()).or_default(), now);
    let region = &asked.region;
    let value = match operation {
        "CreateKey" => keys::create(world, region, &input),
        "PutKeyPolicy" => policies::put(world, region, &input),
        "GetKeyPolicy" => policies::get(world, region, &input),
        _ => {
            let keys = world.kms.entry(region.clone()).or_default();
            match operation {
                "DescribeKey" => keys::describe(keys, &input),
                "ListKeys" => keys::list(keys, &input),
                "ListKeyPolicies" => policies::list(keys, &input),
                "UpdateKeyDescription" => keys::update_description(keys, &input),
                "EnableKey" => keys::enable(keys, &input),
                "DisableKey" => keys::disable(keys, &input),
                "ScheduleKeyDeletion" => keys::schedule_deletion(keys, &input),
                "CancelKeyDeletion" => keys::cancel_deletion(keys, &input),
                "GetKeyRotationStatus" => keys::rotation(keys, &input),
                "EnableKeyRotation" => keys::enable_rotation(keys, &input),
                "DisableKeyRotation" => keys::disable_rotation(keys, &input),
                "ListResourceTags" => keys::list_tags(keys, &input),
                "TagResource" => keys::tag(keys, &input),
                "UntagResource" => keys::untag(keys, &input),
                "CreateAlias" => aliases::create(keys, &input),
                "UpdateAlias" => aliases::update(keys, &input),
                "DeleteAlias" => aliases::delete(keys, &input),
                "ListAliases" => aliases::list(keys, region, &input),
                "Encrypt" => crypto::encrypt(keys, &input),
                "Decrypt" => crypto::decrypt(keys, &input),
                "GenerateDataKey" => crypto::generate_data_key(keys, &input),
                other => Err(refused(501, "NotImplemented", format!("the sandbox does not know kms:{other}"))),
            }
        }
    }?;
    Ok(match value {
        Value::Null => Reply::empty(200).header("content-type", "application/x-amz-json-1.1"),
        value => Reply::json(&value),
    })
}

/// Removes the keys whose waiting period is over.
fn sweep(region: &mut Region, now: i64) {
    region.now = now;
    region.keys.retain(|_, key| !matches!(key.state, State::PendingDeletion(when) if when <= now));
    let Region { keys, aliases, now: _ } = region;
    aliases.retain(|_, alias| keys.contains_key(&alias.target));
}

/// The key that an S3 request or a policy names by its ARN, in whatever region it is.
pub(super) fn by_arn<'a>(world: &'a World, arn: &str) -> Option<&'a Key> {
    let ["arn", _, "kms", region, ACCOUNT, resource] = arn.splitn(6, ':').collect::<Vec<_>>()[..] else { return None };
    let keys = world.kms.get(region)?;
    match resource.strip_prefix("key/") {
        Some(id) => keys.keys.get(id),
        None => keys.keys.get(&keys.aliases.get(resource)?.target),
    }
}

/// The key that a bare ID or alias means in a region.
pub(super) fn by_name<'a>(world: &'a World, region: &str, name: &str) -> Option<&'a Key> {
    if name.starts_with("arn:") {
        return by_arn(world, name);
    }
    let keys = world.kms.get(region)?;
    keys.keys.get(name).or_else(|| keys.keys.get(&keys.aliases.get(name)?.target))
}

fn not_found(message: impl Into<String>) -> Refused {
    refused(400, "NotFoundException", message)
}

fn validation(message: impl Into<String>) -> Refused {
    refused(400, "ValidationException", message)
}

fn text<'a>(input: &'a Value, name: &str) -> Option<&'a str> {
    input.get(name).and_then(Value::as_str)
}

fn need<'a>(input: &'a Value, name: &str) -> Result<&'a str, Refused> {
    text(input, name).ok_or_else(|| {
        validation(format!(
            "1 validation error detected: Value null at '{name}' failed to satisfy constraint: Member must not be null"
        ))
    })
}

impl Region {
    /// The ID that a key ID or the ARN of a key stands for.
    fn id(&self, name: &str) -> Result<String, Refused> {
        if name.starts_with("alias/") || name.contains(":alias/") {
            return Err(not_found(format!("Invalid keyId '{name}'")));
        }
        let id = if name.starts_with("arn:") {
            let fields: Vec<&str> = name.splitn(6, ':').collect();
            let ["arn", _, "kms", _, account, resource] = fields[..] else {
                return Err(refused(400, "InvalidArnException", format!("Invalid arn {name}")));
            };
            if account != ACCOUNT {
                let message = "User is not authorized to perform this operation on a key of another account";
                return Err(refused(400, "AccessDeniedException", message));
            }
            resource.strip_prefix("key/").unwrap_or(resource)
        } else {
            name
        };
        match self.keys.get(id) {
            Some(key) if name == id || key.arn == name => Ok(id.to_owned()),
            _ if name.starts_with("arn:") => Err(not_found(format!("Key '{name}' does not exist"))),
            _ if uuid::Uuid::parse_str(name.trim_start_matches("mrk-")).is_ok() => {
                Err(not_found(format!("Key '{name}' does not exist")))
            }
            _ => Err(not_found(format!("Invalid keyId '{name}'"))),
        }
    }

    /// The key that the request names by ID or ARN.
    fn key(&mut self, input: &Value) -> Result<&mut Key, Refused> {
        let name = need(input, "KeyId")?;
        let id = self.id(name)?;
        self.keys.get_mut(&id).ok_or_else(|| not_found(format!("Key '{name}' does not exist")))
    }

    /// The key that the request names by ID, ARN or alias.
    fn key_or_alias(&mut self, input: &Value) -> Result<&mut Key, Refused> {
        let name = need(input, "KeyId")?;
        let at = name.find("alias/").filter(|_| !name.contains(":key/"));
        let Some(at) = at else { return self.key(input) };
        let alias = name.get(at..).unwrap_or_default();
        let missing = || not_found(format!("Alias {name} is not found."));
        let region_fits = |key: &Key| !name.starts_with("arn:") || key.arn.split(':').nth(3) == name.split(':').nth(3);
        let target = self.aliases.get(alias).map(|alias| alias.target.clone()).ok_or_else(missing)?;
        self.keys.get_mut(&target).filter(|key| region_fits(key)).ok_or_else(missing)
    }
}

impl Key {
    fn not_pending(&self) -> Result<(), Refused> {
        match self.state {
            State::PendingDeletion(_) => {
                Err(refused(400, "KMSInvalidStateException", format!("{} is pending deletion.", self.arn)))
            }
            State::Enabled | State::Disabled => Ok(()),
        }
    }

    fn usable(&self) -> Result<(), Refused> {
        self.not_pending()?;
        match self.state {
            State::Disabled => Err(refused(400, "DisabledException", format!("{} is disabled.", self.arn))),
            State::Enabled | State::PendingDeletion(_) => Ok(()),
        }
    }
}

/// One page of a list: `Limit`, `Marker`, `Truncated` and `NextMarker`.
fn page<'a>(input: &Value, list: &str, items: impl Iterator<Item = (&'a str, Value)>) -> Outcome {
    let size = match input.get("Limit").map(Value::as_u64) {
        None => 100,
        Some(Some(size @ 1..=1000)) => usize::try_from(size).unwrap_or(1000),
        Some(_) => return Err(validation("Limit must be between 1 and 1000")),
    };
    let from = text(input, "Marker").unwrap_or_default();
    let mut rest = items.filter(|(key, _)| *key >= from);
    let page: Vec<Value> = rest.by_ref().take(size).map(|(_, value)| value).collect();
    let mut out = serde_json::json!({ list: page, "Truncated": false });
    if let Some((next, _)) = rest.next() {
        out["Truncated"] = true.into();
        out["NextMarker"] = next.into();
    }
    Ok(out)
}

/// Milliseconds of so many days.
fn days(count: u32) -> i64 {
    i64::from(count) * DAY
}
