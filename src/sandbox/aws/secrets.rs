//! Secrets Manager: secrets by region, their versions as far as the current one and the one before, and the window in which a deleted one can
//! be restored.
//!
//! Source: AWS Secrets Manager API reference.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::ACCOUNT;
use super::store::World;
use super::time::{DAY, seconds};
use super::wire::{Answer, Asked, Refused, Reply, refused};

/// Most tags of a secret.
const TAGS: usize = 50;
/// Longest value, in bytes.
const BYTES: usize = 65_536;

/// A secret.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Secret {
    arn: String,
    name: String,
    description: String,
    tags: BTreeMap<String, String>,
    created: i64,
    changed: i64,
    /// The current value, then the one before.
    versions: Vec<Version>,
    /// When it was deleted, and when it will be gone.
    #[serde(default)]
    deleted: Option<(i64, i64)>,
}

/// A value of a secret.
#[derive(Clone, Serialize, Deserialize)]
struct Version {
    /// The token of the request that put it.
    id: String,
    value: String,
    created: i64,
}

/// Without the value.
impl std::fmt::Debug for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Version").field("id", &self.id).finish_non_exhaustive()
    }
}

type Input = Map<String, Value>;
type Outcome = Result<Value, Refused>;

fn invalid(message: &str) -> Refused {
    refused(400, "InvalidParameterException", message)
}

fn not_found() -> Refused {
    refused(400, "ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
}

fn state(message: &str) -> Refused {
    refused(400, "InvalidRequestException", message)
}

/// Answers one request.
pub(super) fn answer(world: &mut World, asked: &Asked, operation: &str) -> Answer {
    let input: Input = serde_json::from_slice(&asked.body)
        .map_err(|_| refused(400, "SerializationException", "the request is not JSON"))?;
    let now = world.now();
    let secrets = world.secrets.entry(asked.region.clone()).or_default();
    secrets.retain(|_, secret| secret.deleted.is_none_or(|(_, gone)| gone > now));
    let mut found = Secrets { all: secrets, region: &asked.region, now };
    let result = match operation {
        "CreateSecret" => found.create(&input),
        "DescribeSecret" => found.describe(&input),
        "PutSecretValue" => found.put(&input),
        "GetSecretValue" => found.get(&input),
        "DeleteSecret" => found.delete(&input),
        "RestoreSecret" => found.restore(&input),
        "TagResource" => found.tag(&input),
        "UntagResource" => found.untag(&input),
        other => Err(refused(501, "NotImplemented", format!("the sandbox does not know secretsmanager:{other}"))),
    }?;
    Ok(Reply::json(&result))
}

/// The secrets of a region, at a time.
struct Secrets<'w> {
    all: &'w mut BTreeMap<String, Secret>,
    region: &'w str,
    now: i64,
}

fn text<'i>(input: &'i Input, name: &str) -> Option<&'i str> {
    input.get(name).and_then(Value::as_str)
}

fn need<'i>(input: &'i Input, name: &str) -> Result<&'i str, Refused> {
    text(input, name).filter(|text| !text.is_empty()).ok_or_else(|| invalid(&format!("{name} is missing")))
}

/// The token that makes a request count once; the SDK always sends one.
fn token(input: &Input) -> String {
    text(input, "ClientRequestToken").map_or_else(|| uuid::Uuid::new_v4().to_string(), str::to_owned)
}

fn value(input: &Input) -> Result<Option<String>, Refused> {
    if input.contains_key("SecretBinary") {
        return Err(refused(501, "NotImplemented", "the sandbox only keeps secrets that are text"));
    }
    match text(input, "SecretString") {
        Some(value) if value.is_empty() || value.len() > BYTES => {
            Err(invalid(&format!("A secret value has 1 to {BYTES} bytes.")))
        }
        value => Ok(value.map(str::to_owned)),
    }
}

fn tags(input: &Input) -> Result<BTreeMap<String, String>, Refused> {
    let list = input.get("Tags").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut tags = BTreeMap::new();
    for tag in &list {
        let of = |name: &str| tag.get(name).and_then(Value::as_str).unwrap_or_default();
        let (key, value) = (of("Key"), of("Value"));
        if key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256 || key.starts_with("aws:") {
            return Err(invalid(
                "A tag key has 1 to 128 characters and does not begin with aws:, a value has at most 256.",
            ));
        }
        if tags.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(invalid("A tag key stands there twice."));
        }
    }
    Ok(tags)
}

impl Secrets<'_> {
    /// Finds a secret by its name or ARN, whether it is deleted or not.
    fn find(&mut self, input: &Input) -> Result<&mut Secret, Refused> {
        let id = need(input, "SecretId")?;
        // An ARN may be given without the characters that Secrets Manager puts behind the name.
        let same = |secret: &&mut Secret| {
            secret.name == id || secret.arn == id || secret.arn.rsplit_once('-').is_some_and(|(arn, _)| arn == id)
        };
        self.all.values_mut().find(same).ok_or_else(not_found)
    }

    /// Finds a secret that is not deleted.
    fn living(&mut self, input: &Input) -> Result<&mut Secret, Refused> {
        let found = self.find(input)?;
        match found.deleted {
            None => Ok(found),
            Some(_) => Err(state("You can't perform this operation on the secret because it was marked for deletion.")),
        }
    }

    fn create(&mut self, input: &Input) -> Outcome {
        let name = need(input, "Name")?;
        let fits = |c: char| c.is_ascii_alphanumeric() || "/_+=.@-".contains(c);
        if name.len() > 512 || !name.chars().all(fits) {
            return Err(refused(
                400,
                "ValidationException",
                "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!",
            ));
        }
        let (value, tags, token) = (value(input)?, tags(input)?, token(input));
        match self.all.get(name) {
            Some(secret) if secret.deleted.is_some() => {
                return Err(state(
                    "You can't create this secret because a secret with this name is already scheduled for deletion.",
                ));
            }
            Some(secret) if secret.versions.first().is_some_and(|version| version.id == token) => {
                return Ok(json!({ "ARN": secret.arn, "Name": secret.name, "VersionId": token }));
            }
            Some(_) => {
                let message = format!("The operation failed because the secret {name} already exists.");
                return Err(refused(400, "ResourceExistsException", message));
            }
            None => {}
        }
        let random: String = uuid::Uuid::new_v4().simple().to_string().chars().take(6).collect();
        let arn = format!("arn:aws:secretsmanager:{}:{ACCOUNT}:secret:{name}-{random}", self.region);
        let (created, changed) = (self.now, self.now);
        let versions: Vec<Version> =
            value.into_iter().map(|value| Version { id: token.clone(), value, created }).collect();
        let version = versions.first().map(|version| version.id.clone());
        let description = text(input, "Description").unwrap_or_default().to_owned();
        let secret = Secret {
            arn: arn.clone(),
            name: name.into(),
            description,
            tags,
            created,
            changed,
            versions,
            deleted: None,
        };
        self.all.insert(name.to_owned(), secret);
        let mut answer = json!({ "ARN": arn, "Name": name });
        if let Some(version) = version {
            answer["VersionId"] = version.into();
        }
        Ok(answer)
    }

    fn describe(&mut self, input: &Input) -> Outcome {
        let secret = self.find(input)?;
        let tags: Vec<Value> = secret.tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
        let stages: Map<String, Value> = secret
            .versions
            .iter()
            .zip(["AWSCURRENT", "AWSPREVIOUS"])
            .map(|(version, stage)| (version.id.clone(), json!([stage])))
            .collect();
        let mut answer = json!({
            "ARN": secret.arn, "Name": secret.name, "Tags": tags, "VersionIdsToStages": stages,
            "CreatedDate": seconds(secret.created), "LastChangedDate": seconds(secret.changed),
        });
        if !secret.description.is_empty() {
            answer["Description"] = secret.description.clone().into();
        }
        if let Some((at, _)) = secret.deleted {
            answer["DeletedDate"] = seconds(at);
        }
        Ok(answer)
    }

    fn put(&mut self, input: &Input) -> Outcome {
        let (now, token) = (self.now, token(input));
        let value = value(input)?.ok_or_else(|| invalid("You must provide either SecretString or SecretBinary."))?;
        let secret = self.living(input)?;
        match secret.versions.iter().find(|version| version.id == token) {
            Some(version) if version.value != value => {
                let message = "You can't use ClientRequestToken with a different value.";
                return Err(refused(400, "ResourceExistsException", message));
            }
            Some(_) => {}
            None => {
                secret.versions.insert(0, Version { id: token.clone(), value, created: now });
                secret.versions.truncate(2);
                secret.changed = now;
            }
        }
        Ok(json!({ "ARN": secret.arn, "Name": secret.name, "VersionId": token, "VersionStages": ["AWSCURRENT"] }))
    }

    fn get(&mut self, input: &Input) -> Outcome {
        let stage = text(input, "VersionStage").unwrap_or("AWSCURRENT").to_owned();
        let secret = self.living(input)?;
        let version = match stage.as_str() {
            "AWSCURRENT" => secret.versions.first(),
            "AWSPREVIOUS" => secret.versions.get(1),
            _ => None,
        };
        let version = version.ok_or_else(|| {
            let message = format!("Secrets Manager can't find the specified secret value for staging label: {stage}");
            refused(400, "ResourceNotFoundException", message)
        })?;
        Ok(json!({
            "ARN": secret.arn, "Name": secret.name, "VersionId": version.id, "SecretString": version.value,
            "VersionStages": [stage], "CreatedDate": seconds(version.created),
        }))
    }

    fn delete(&mut self, input: &Input) -> Outcome {
        let now = self.now;
        let force = input.get("ForceDeleteWithoutRecovery").and_then(Value::as_bool) == Some(true);
        let days = match input.get("RecoveryWindowInDays").map(Value::as_i64) {
            Some(_) if force => {
                let message = "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.";
                return Err(invalid(message));
            }
            None => 30,
            Some(Some(days @ 7..=30)) => days,
            Some(_) => return Err(invalid("RecoveryWindowInDays value must be between 7 and 30 days (inclusive).")),
        };
        let secret = self.living(input)?;
        let gone = if force { now } else { now + days * DAY };
        secret.deleted = Some((now, gone));
        let answer = json!({ "ARN": secret.arn, "Name": secret.name, "DeletionDate": seconds(gone) });
        self.all.retain(|_, secret| secret.deleted.is_none_or(|(_, gone)| gone > now));
        Ok(answer)
    }

    fn restore(&mut self, input: &Input) -> Outcome {
        let secret = self.find(input)?;
        secret.deleted = None;
        Ok(json!({ "ARN": secret.arn, "Name": secret.name }))
    }

    fn tag(&mut self, input: &Input) -> Outcome {
        let new = tags(input)?;
        let secret = self.living(input)?;
        let mut all = secret.tags.clone();
        all.extend(new);
        if all.len() > TAGS {
            return Err(invalid("The number of tags has reached the maximum limit of 50."));
        }
        secret.tags = all;
        Ok(json!({}))
    }

    fn untag(&mut self, input: &Input) -> Outcome {
        let keys = input.get("TagKeys").and_then(Value::as_array).cloned().unwrap_or_default();
        let secret = self.living(input)?;
        keys.iter().filter_map(Value::as_str).for_each(|key| drop(secret.tags.remove(key)));
        Ok(json!({}))
    }
}
