//! A stage as it is written.

use schemars::JsonSchema;
use serde::Deserialize;

use super::format::FileFormat;
use crate::kind::Problem;
use crate::model::{Arn, Ident, ObjectName, S3Url, SchemaName, SecretRef, Text, Val};

/// An external stage: a place in S3 under a name.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// The schema it is in: `DATABASE.SCHEMA`.
    pub schema: SchemaName,
    /// Its name.
    pub name: Ident,
    /// The place: `s3://bucket/` or `s3://bucket/prefix/`. Without a slash at the end it is a mere prefix of keys, which other folders
    /// may share; a directory table needs the slash. A change replaces the stage where events refresh its directory.
    pub url: S3Url,
    /// The storage integration through which Snowflake reaches the place. Absent: the bucket is public, or there are `credentials`, or an
    /// `iam_user` delivers its access key. Taking it away replaces the stage.
    pub storage_integration: Option<Ident>,
    /// An access key of an IAM user through which Snowflake reaches the place, where there can be no integration. Snowflake does not tell
    /// it, so it is written when the stage is created or moved, or when the stage has none, and never compared. Taking it away replaces
    /// the stage.
    pub credentials: Option<Credentials>,
    /// Why this stage may be reached by an access key, which lives until somebody replaces it and opens the bucket to whoever finds it.
    /// Needed with `credentials`, and for a stage that an `iam_user` delivers its access key to.
    pub acknowledge_risk: Option<String>,
    /// The directory table, which lists the files. Absent: none.
    pub directory: Option<Directory>,
    /// The format of the files: `{ name = "DATABASE.SCHEMA.FORMAT" }`, or `{ type = "CSV", skip_header = 1 }`. Absent: CSV with the
    /// defaults of Snowflake.
    pub file_format: Option<FileFormat>,
    /// How files are encrypted. Snowflake does not tell it, so it is written when the stage is created or moved, and never compared.
    pub encryption: Option<Encryption>,
    /// The access point through which the bucket is reached. A change replaces the stage.
    pub aws_access_point_arn: Option<Arn>,
    /// Whether a public bucket is reached through private connectivity; with an integration it is the integration's business. Left
    /// alone where absent.
    pub use_privatelink_endpoint: Option<bool>,
    /// A comment.
    #[serde(default)]
    pub comment: String,
}

/// The directory table of a stage.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Directory {
    /// Whether there is one. Streams on the stage need it.
    pub enable: bool,
    /// Whether events of the bucket keep it up to date. The bucket's notification is set up too if the bucket is declared. A change
    /// replaces the stage.
    #[serde(default)]
    pub auto_refresh: bool,
    /// An SNS topic the events come through, instead of Snowflake's queue. You set up the topic and the bucket's notification yourself.
    /// Compared only where Snowflake tells it; a change replaces the stage.
    pub aws_sns_topic: Option<Arn>,
    /// Whether the directory is filled once it is there, and again after the stage has moved or the bucket's notification has changed.
    #[serde(default = "yes")]
    pub refresh: bool,
}

fn yes() -> bool {
    true
}

/// An access key, by reference: neither part ever stands in a spec or plan.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// The ID of the key: `{ env = "NAME" }` or `{ file = "PATH" }`.
    pub aws_key_id: SecretRef,
    /// Its secret: `{ env = "NAME" }` or `{ file = "PATH" }`.
    pub aws_secret_key: SecretRef,
}

/// How files are encrypted.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Encryption {
    /// Files that are written are encrypted with keys of S3.
    #[serde(alias = "AWS_SSE_S3")]
    AwsSseS3 {},
    /// Files that are written are encrypted with a key of KMS.
    #[serde(alias = "AWS_SSE_KMS")]
    AwsSseKms {
        /// The key's ID or ARN. Absent: the bucket's key.
        kms_key: Option<Val>,
    },
    /// Files are encrypted on the client's side.
    #[serde(alias = "AWS_CSE")]
    AwsCse {
        /// The master key, in Base64: `{ env = "NAME" }` or `{ file = "PATH" }`.
        master_key: SecretRef,
    },
    /// The stage does nothing; the bucket's default applies.
    #[serde(alias = "NONE")]
    None {},
}

impl Encryption {
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::AwsSseS3 {} => "AWS_SSE_S3",
            Self::AwsSseKms { .. } => "AWS_SSE_KMS",
            Self::AwsCse { .. } => "AWS_CSE",
            Self::None {} => "NONE",
        }
    }

    pub(super) fn clause(&self) -> Text {
        let text = Text::new("ENCRYPTION = ( TYPE =").literal(self.word());
        let text = match self {
            Self::AwsSseKms { kms_key: Some(key) } => text.word("KMS_KEY_ID =").literal(key.clone()),
            Self::AwsCse { master_key } => text.word("MASTER_KEY =").secret(master_key),
            Self::AwsSseS3 {} | Self::AwsSseKms { kms_key: None } | Self::None {} => text,
        };
        text.word(")")
    }
}

impl Spec {
    /// Its full name.
    pub fn full_name(&self) -> ObjectName {
        self.schema.object(&self.name)
    }
}

/// What one stage alone can have wrong.
pub(super) fn check(spec: &Spec) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut refuse = |field: &str, message: &str, hint: &str| problems.push(Problem::new(field, message).hint(hint));
    if let Some(directory) = &spec.directory {
        if directory.enable && !spec.url.ends_in_slash() {
            refuse("url", "the URL of a stage with a directory table ends in a slash", "add `/`");
        }
        if directory.auto_refresh && !directory.enable {
            refuse("directory.auto_refresh", "there is no directory to refresh", "set `enable = true`");
        }
        if directory.aws_sns_topic.is_some() && !directory.auto_refresh {
            let message = "a topic only serves to refresh the directory";
            refuse("directory.aws_sns_topic", message, "set `auto_refresh = true`, or remove the topic");
        }
        if let Some(topic) = directory.aws_sns_topic.as_ref().filter(|arn| arn.service() != "sns") {
            refuse("directory.aws_sns_topic", &format!("`{topic}` is not an SNS topic"), "name a topic");
        }
    }
    if spec.storage_integration.is_some() && spec.credentials.is_some() {
        let message = "a stage has either an integration or credentials of its own";
        refuse("credentials", message, "remove the credentials: an integration needs no keys");
    }
    if spec.storage_integration.is_some() && spec.acknowledge_risk.is_some() {
        let message = "with an integration there is no access key whose risk could be taken";
        refuse("acknowledge_risk", message, "remove it");
    }
    if spec.credentials.is_some() && spec.acknowledge_risk.is_none() {
        let message = "an access key lives until somebody replaces it, and opens the bucket to whoever finds it";
        let hint = "use a `storage_integration`, which needs no keys; or say why not with `acknowledge_risk = \"…\"`";
        refuse("credentials", message, hint);
    }
    if spec.acknowledge_risk.as_ref().is_some_and(|reason| reason.trim().is_empty()) {
        refuse("acknowledge_risk", "it gives no reason", "say why there can be no integration");
    }
    if spec.storage_integration.is_some() && spec.use_privatelink_endpoint.is_some() {
        let message = "with an integration, private connectivity is set on the integration";
        refuse("use_privatelink_endpoint", message, "move it to the storage integration");
    }
    if let Some(arn) = spec.aws_access_point_arn.as_ref().filter(|arn| !arn.resource().starts_with("accesspoint")) {
        refuse("aws_access_point_arn", &format!("`{arn}` is not an access point"), "name an S3 access point");
    }
    problems.extend(spec.file_format.iter().flat_map(FileFormat::check));
    problems
}
