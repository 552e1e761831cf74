//! The locations of an external volume: as they are written, and as they are compared.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::{EXTERNAL_ID, LOCATIONS, Spec};
use crate::kind::Problem;
use crate::kind::words::words;
use crate::model::{Arn, Facts, S3Url, Text, Val};

/// A location of an external volume.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Location {
    /// Its name, unique in the volume.
    pub name: String,
    /// Where in S3: `s3://bucket/` or `s3://bucket/prefix/`.
    #[schemars(with = "String")]
    pub base_url: S3Url,
    /// The ARN of the IAM role Snowflake assumes, such as `{{ iam_role.lake.arn }}`. The role need not exist yet.
    pub role: Val,
    /// How files are encrypted. Default: as the bucket does it.
    pub encryption: Option<Encryption>,
    /// Whether S3 is reached through outbound private connectivity. Default: false.
    #[serde(default)]
    pub use_privatelink_endpoint: bool,
}

/// How files are encrypted.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Encryption {
    /// `AWS_SSE_S3`, `AWS_SSE_KMS` or `NONE`, which leaves it to the bucket.
    pub r#type: EncryptionType,
    /// For `AWS_SSE_KMS`: the key, such as `{{ kms_key.lake.arn }}`. Default: the one of AWS for S3.
    pub kms_key: Option<Val>,
}

words! {
    /// A way of encryption.
    EncryptionType { Sse = "AWS_SSE_S3", Kms = "AWS_SSE_KMS", None = "NONE" }
}

/// A location, canonically.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Place {
    pub(super) name: String,
    /// Exactly as written.
    pub(super) url: String,
    pub(super) role: Val,
    /// A word; live perhaps one that nobody knows here.
    pub(super) encryption: String,
    pub(super) key: Option<Val>,
    pub(super) privatelink: bool,
}

impl Place {
    pub(super) fn wanted(location: &Location, facts: &Facts) -> Self {
        let Location { name, base_url, role, encryption, use_privatelink_endpoint } = location;
        let way = encryption.as_ref().map_or(EncryptionType::None, |encryption| encryption.r#type);
        Self {
            name: name.clone(),
            url: base_url.to_string(),
            role: role.resolve(facts),
            encryption: way.word().to_owned(),
            key: encryption.as_ref().and_then(|encryption| Some(encryption.kms_key.as_ref()?.resolve(facts))),
            privatelink: *use_privatelink_endpoint,
        }
    }

    /// In one line, for people; two places are the same if their lines are.
    pub(super) fn shown(&self) -> Val {
        let Self { name, url, role, encryption, key, privatelink } = self;
        let mut line = role.wrapped(&format!("{name}: {url} as "), "");
        if encryption != EncryptionType::None.word() {
            line = line.wrapped("", &format!(", {encryption}"));
        }
        if let Some(key) = key {
            line = line.then(&key.wrapped(" with ", ""));
        }
        if *privatelink { line.wrapped("", ", by private link") } else { line }
    }

    /// As a person writes it.
    pub(super) fn json(&self) -> Json {
        let Self { name, url, role, encryption, key, privatelink } = self;
        let mut out = json!({ "name": name, "base_url": url, "role": role.to_string() });
        if encryption != EncryptionType::None.word() {
            out["encryption"] = json!({ "type": encryption });
            if let Some(key) = key {
                out["encryption"]["kms_key"] = json!(key.to_string());
            }
        }
        if *privatelink {
            out["use_privatelink_endpoint"] = json!(true);
        }
        out
    }

    /// `(NAME = … STORAGE_PROVIDER = …)`.
    pub(super) fn clause(&self, external_id: Option<&str>) -> Text {
        let Self { name, url, role, encryption, key, privatelink } = self;
        let provider = url.split_once("://").map_or("S3", |(scheme, _)| match scheme {
            "s3gov" => "S3GOV",
            "s3china" => "S3CHINA",
            _ => "S3",
        });
        let text = Text::new("(NAME =").literal(name.as_str()).word("STORAGE_PROVIDER =").literal(provider);
        let text = text.word("STORAGE_BASE_URL =").literal(url.as_str());
        let mut text = text.word("STORAGE_AWS_ROLE_ARN =").literal(role.clone());
        if let Some(pin) = external_id {
            text = text.word("STORAGE_AWS_EXTERNAL_ID =").literal(pin);
        }
        if encryption != EncryptionType::None.word() {
            text = text.word("ENCRYPTION = (TYPE =").literal(encryption.as_str());
            if let Some(key) = key {
                text = text.word("KMS_KEY_ID =").literal(key.clone());
            }
            text = text.word(")");
        }
        if *privatelink {
            text = text.word("USE_PRIVATELINK_ENDPOINT = TRUE");
        }
        text.word(")")
    }
}

/// What an entry alone can have wrong.
pub(super) fn check(spec: &Spec) -> Vec<Problem> {
    let mut out = Vec::new();
    let locations = &spec.storage_locations;
    if locations.is_empty() {
        out.push(Problem::new(LOCATIONS, "a volume has one location at least").hint("say where its files lie"));
    }
    if locations.len() > 1 && spec.external_id.is_none() {
        let problem = Problem::new(EXTERNAL_ID, "several locations share one external ID, which must be pinned");
        out.push(problem.hint("choose a long random text, one per volume"));
    }
    let fits = |pin: &String| {
        (2..=1224).contains(&pin.len()) && pin.chars().all(|c| c.is_ascii_alphanumeric() || "_+=,.@:/-".contains(c))
    };
    if spec.external_id.as_ref().is_some_and(|pin| !fits(pin)) {
        let text = "an external ID has 2 to 1224 letters, digits or characters of `_+=,.@:/-`";
        out.push(Problem::new(EXTERNAL_ID, text).hint("choose a long random text, one per volume"));
    }
    let mut names = BTreeSet::new();
    for (index, location) in locations.iter().enumerate() {
        let field = |name: &str| format!("{LOCATIONS}.{index}.{name}");
        if location.name.is_empty() || !names.insert(location.name.to_uppercase()) {
            let text = format!("each location has a name of its own, and `{}` is none", location.name);
            out.push(Problem::new(&field("name"), text));
        }
        let is_role = |text: &str| {
            text.parse::<Arn>().is_ok_and(|arn| arn.service() == "iam" && arn.resource().starts_with("role/"))
        };
        if let Some(text) = location.role.as_known().filter(|text| !is_role(text)) {
            let problem = Problem::new(&field("role"), format!("`{text}` is not the ARN of an IAM role"));
            out.push(problem.hint("refer to a role of this spec, `{{ iam_role.NAME.arn }}`, or write `arn:aws:iam::ACCOUNT:role/PATH/NAME`"));
        }
        let encryption = location.encryption.as_ref();
        if encryption.is_some_and(|it| it.kms_key.is_some() && it.r#type != EncryptionType::Kms) {
            let problem = Problem::new(&field("encryption.kms_key"), "only AWS_SSE_KMS has a key");
            out.push(problem.hint("set `type = \"AWS_SSE_KMS\"`, or remove the key"));
        }
    }
    out
}
