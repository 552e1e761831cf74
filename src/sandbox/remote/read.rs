//! The documents that have a say, as the AWS beside the sandbox holds them now.

use aws_sdk_iam::operation::get_role::GetRoleError;
use aws_sdk_iam::types::Role;
use aws_sdk_kms::operation::describe_key::DescribeKeyError;
use aws_sdk_kms::types::KeyState;
use aws_sdk_s3::types::ServerSideEncryption;
use percent_encoding::percent_decode_str;

use super::{RemoteAws, refused};
use crate::policy::Document;
use crate::sandbox::aws::decision::{broken, refusal};
use crate::sandbox::door::Refusal;

/// What a role's session may do, by its own account.
pub(super) struct Rights {
    /// Inline and attached policies.
    pub(super) identity: Vec<Document>,
    pub(super) boundary: Option<Document>,
}

/// How an object is encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sealed {
    /// By a key of S3's own.
    ByS3,
    /// By a KMS key.
    ByKey {
        algorithm: ServerSideEncryption,
        /// ID, ARN or alias; absent for AWS's own key of the account.
        key: Option<String>,
        bucket_key: bool,
    },
}

/// More pages than any role can fill.
const MOST_PAGES: usize = 100;

impl RemoteAws {
    /// The role of an ARN. One of this name under another path is another role.
    async fn role(&self, arn: &str) -> Result<Option<Role>, Refusal> {
        match self.iam.get_role().role_name(role_name(arn)).send().await {
            Ok(answer) => Ok(answer.role.filter(|role| role.arn == arn)),
            Err(error) if error.as_service_error().is_some_and(GetRoleError::is_no_such_entity_exception) => Ok(None),
            Err(error) => Err(refused(&error)),
        }
    }

    /// A role's trust policy; `None` if there is no role of this ARN.
    pub(super) async fn trust(&self, role_arn: &str) -> Result<Option<Document>, Refusal> {
        let role = self.role(role_arn).await?;
        role.map(|role| encoded(role.assume_role_policy_document().unwrap_or_default())).transpose()
    }

    /// All documents of a role. A role that is gone has none.
    pub(super) async fn rights(&self, role_arn: &str) -> Result<Rights, Refusal> {
        let name = role_name(role_arn);
        let Some(role) = self.role(role_arn).await? else {
            return Ok(Rights { identity: Vec::new(), boundary: None });
        };
        let mut identity = self.inline(name).await?;
        identity.extend(self.attached(name).await?);
        let boundary = match role.permissions_boundary().and_then(|boundary| boundary.permissions_boundary_arn()) {
            Some(arn) => Some(self.managed(arn).await?),
            None => None,
        };
        Ok(Rights { identity, boundary })
    }

    async fn inline(&self, role: &str) -> Result<Vec<Document>, Refusal> {
        let (mut documents, mut marker) = (Vec::new(), None);
        for _ in 0..MOST_PAGES {
            let page = self.iam.list_role_policies().role_name(role).set_marker(marker).send().await;
            let page = page.map_err(|error| refused(&error))?;
            for policy in page.policy_names() {
                let found = self.iam.get_role_policy().role_name(role).policy_name(policy).send().await;
                documents.push(encoded(found.map_err(|error| refused(&error))?.policy_document())?);
            }
            marker = page.marker.filter(|_| page.is_truncated);
            if marker.is_none() {
                return Ok(documents);
            }
        }
        Err(broken(&"the list of a role's policies does not end"))
    }

    async fn attached(&self, role: &str) -> Result<Vec<Document>, Refusal> {
        let (mut documents, mut marker) = (Vec::new(), None);
        for _ in 0..MOST_PAGES {
            let page = self.iam.list_attached_role_policies().role_name(role).set_marker(marker).send().await;
            let page = page.map_err(|error| refused(&error))?;
            for arn in page.attached_policies().iter().filter_map(|policy| policy.policy_arn()) {
                documents.push(self.managed(arn).await?);
            }
            marker = page.marker.filter(|_| page.is_truncated);
            if marker.is_none() {
                return Ok(documents);
            }
        }
        Err(broken(&"the list of a role's attached policies does not end"))
    }

    /// The document in force of a managed policy. One that this AWS does not hold allows nothing, and its denials are not known either.
    async fn managed(&self, arn: &str) -> Result<Document, Refusal> {
        let unknown = |why: Refusal| broken(&format!("what {arn} allows is not known: {}: {}", why.code, why.message));
        let found = self.iam.get_policy().policy_arn(arn).send().await.map_err(|error| unknown(refused(&error)))?;
        let version = found.policy.and_then(|policy| policy.default_version_id).unwrap_or_default();
        let found = self.iam.get_policy_version().policy_arn(arn).version_id(version).send().await;
        let found = found.map_err(|error| unknown(refused(&error)))?;
        encoded(found.policy_version().and_then(|version| version.document()).unwrap_or_default())
    }

    /// The region of a bucket, which AWS tells everybody.
    pub(super) async fn home(&self, bucket: &str) -> Result<String, Refusal> {
        let error = match self.s3.head_bucket().bucket(bucket).send().await {
            Ok(found) => return Ok(found.bucket_region().unwrap_or(super::REGION).to_owned()),
            Err(error) => error,
        };
        let region = error.raw_response().and_then(|raw| raw.headers().get("x-amz-bucket-region"));
        match (region.map(str::to_owned), refused(&error)) {
            (Some(region), Refusal { status: 301 | 400 | 403, .. }) => Ok(region),
            (_, Refusal { status: 404, .. }) => {
                Err(refusal(404, "NoSuchBucket", "The specified bucket does not exist"))
            }
            (_, refusal) => Err(refusal),
        }
    }

    pub(super) async fn bucket_policy(&self, bucket: &str, region: &str) -> Result<Option<Document>, Refusal> {
        let request =
            self.s3.get_bucket_policy().bucket(bucket).expected_bucket_owner(self.account().await?.to_string());
        match request.customize().config_override(s3_in(region)).send().await.map_err(|error| refused(&error)) {
            Ok(found) => found.policy().map(parse).transpose(),
            Err(Refusal { code, .. }) if code == "NoSuchBucketPolicy" => Ok(None),
            Err(refusal) => Err(refusal),
        }
    }

    /// How a bucket encrypts what comes without a wish.
    pub(super) async fn default_encryption(&self, bucket: &str, region: &str) -> Result<Sealed, Refusal> {
        let request =
            self.s3.get_bucket_encryption().bucket(bucket).expected_bucket_owner(self.account().await?.to_string());
        let found = match request.customize().config_override(s3_in(region)).send().await.map_err(|e| refused(&e)) {
            Ok(found) => found.server_side_encryption_configuration,
            Err(Refusal { code, .. }) if code == "ServerSideEncryptionConfigurationNotFoundError" => None,
            Err(refusal) => return Err(refusal),
        };
        let Some(rule) = found.and_then(|config| config.rules.into_iter().next()) else { return Ok(Sealed::ByS3) };
        let bucket_key = rule.bucket_key_enabled() == Some(true);
        let default = rule.apply_server_side_encryption_by_default;
        let (algorithm, key) = default.map_or((None, None), |it| (Some(it.sse_algorithm), it.kms_master_key_id));
        Ok(sealed(algorithm, key, bucket_key).unwrap_or(Sealed::ByS3))
    }

    /// The ARN and the policy of a key that a bucket of this region can use now.
    pub(super) async fn key(&self, key: &str, region: &str) -> Result<(String, Document), Refusal> {
        let missing = || refusal(400, "KMS.NotFoundException", format!("Key '{key}' does not exist"));
        let request = self.kms.describe_key().key_id(key).customize().config_override(kms_in(region));
        let described = match request.send().await {
            Ok(answer) => answer.key_metadata.ok_or_else(missing)?,
            Err(error) if error.as_service_error().is_some_and(DescribeKeyError::is_not_found_exception) => {
                return Err(missing());
            }
            Err(error) => return Err(refused(&error)),
        };
        let arn = described.arn().filter(|arn| arn.split(':').nth(3) == Some(region)).ok_or_else(missing)?;
        match described.key_state().map(KeyState::as_str) {
            Some("Enabled") => {}
            Some("Disabled") => return Err(refusal(400, "KMS.DisabledException", format!("{arn} is disabled."))),
            Some("PendingDeletion") => {
                return Err(refusal(400, "KMS.KMSInvalidStateException", format!("{arn} is pending deletion.")));
            }
            state => {
                let message = format!("{arn} is in the state {}.", state.unwrap_or("unknown"));
                return Err(refusal(400, "KMS.KMSInvalidStateException", message));
            }
        }
        let request = self.kms.get_key_policy().key_id(described.key_id()).policy_name("default").customize();
        let found = request.config_override(kms_in(region)).send().await.map_err(|error| refused(&error))?;
        Ok((arn.to_owned(), parse(found.policy().unwrap_or_default())?))
    }
}

/// How S3 says that something is encrypted; `None` if it does not say.
pub(super) fn sealed(algorithm: Option<ServerSideEncryption>, key: Option<String>, bucket_key: bool) -> Option<Sealed> {
    Some(match algorithm? {
        ServerSideEncryption::Aes256 => Sealed::ByS3,
        algorithm => {
            let key = key.filter(|key| !key.ends_with("alias/aws/s3"));
            Sealed::ByKey { algorithm, key, bucket_key }
        }
    })
}

/// S3's settings for a request about a bucket of a region.
pub(super) fn s3_in(region: &str) -> aws_sdk_s3::config::Builder {
    aws_sdk_s3::config::Builder::new().region(aws_sdk_s3::config::Region::new(region.to_owned()))
}

fn kms_in(region: &str) -> aws_sdk_kms::config::Builder {
    aws_sdk_kms::config::Builder::new().region(aws_sdk_kms::config::Region::new(region.to_owned()))
}

/// The name of a role, which is the last part of its ARN.
fn role_name(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or_default()
}

/// IAM gives documents percent-encoded. `+` stands for itself.
fn encoded(text: &str) -> Result<Document, Refusal> {
    parse(&percent_decode_str(text).decode_utf8().map_err(|error| broken(&error))?)
}

fn parse(text: &str) -> Result<Document, Refusal> {
    Document::parse(text).map_err(|error| broken(&error))
}
