//! What Snowflake does in an AWS beside the sandbox: first decided, then carried out with credentials that may do everything.

use aws_sdk_s3::primitives::ByteStream;

use super::read::{Rights, Sealed, s3_in, sealed};
use super::{RemoteAws, refused};
use crate::model::AccountId;
use crate::policy::Document;
use crate::policy::evaluate::{Identity, Kind, Principal, Target};
use crate::sandbox::aws::decision::{self, Asking, Assuming, Documents, Sealing, broken, refusal};
use crate::sandbox::door::{Assumed, Door, Fut, ObjectInfo, Refusal};

impl Door for RemoteAws {
    fn assume<'a>(
        &'a self,
        principal: &'a str,
        role_arn: &'a str,
        external_id: &'a str,
    ) -> Fut<'a, Result<Assumed, Refusal>> {
        let asking = Assuming { principal, role_arn, external_id: Some(external_id), session: "snowflake" };
        Box::pin(async move { self.assumed(asking).await })
    }

    fn list<'a>(
        &'a self,
        by: &'a Assumed,
        bucket: &'a str,
        prefix: &'a str,
    ) -> Fut<'a, Result<Vec<ObjectInfo>, Refusal>> {
        Box::pin(async move { self.visit(by, bucket).await?.list(prefix).await })
    }

    fn get<'a>(&'a self, by: &'a Assumed, bucket: &'a str, key: &'a str) -> Fut<'a, Result<Vec<u8>, Refusal>> {
        Box::pin(async move { self.visit(by, bucket).await?.get(key).await })
    }

    fn put<'a>(
        &'a self,
        by: &'a Assumed,
        bucket: &'a str,
        key: &'a str,
        body: Vec<u8>,
    ) -> Fut<'a, Result<(), Refusal>> {
        Box::pin(async move { self.visit(by, bucket).await?.put(key, body).await })
    }

    fn delete<'a>(&'a self, by: &'a Assumed, bucket: &'a str, key: &'a str) -> Fut<'a, Result<(), Refusal>> {
        Box::pin(async move { self.visit(by, bucket).await?.delete(key).await })
    }

    fn bucket_region<'a>(&'a self, bucket: &'a str) -> Fut<'a, Option<String>> {
        Box::pin(async move { self.home(bucket).await.ok() })
    }

    fn register_principal<'a>(&'a self, arn: &'a str) -> Fut<'a, ()> {
        Box::pin(async move { self.meet(arn) })
    }
}

impl RemoteAws {
    async fn assumed(&self, asking: Assuming<'_>) -> Result<Assumed, Refusal> {
        let Assuming { principal, role_arn, session, .. } = asking;
        decision::external_id(&asking)?;
        let account = self.account().await?;
        // A missing role is refused like a forbidden one, so that nobody learns which roles there are.
        let Some(trust) = self.trust(role_arn).await? else { return Err(decision::not_assumed(&asking)) };
        if !self.knows(principal) {
            let message = "The security token included in the request is invalid.";
            return Err(refusal(403, "InvalidClientTokenId", message));
        }
        let user = Principal::User(principal.parse().map_err(|error| broken(&error))?);
        decision::assume(&asking, user, Identity::Presumed, account, &trust)?;
        let name = role_arn.rsplit('/').next().unwrap_or_default();
        let session_arn = format!("arn:aws:sts::{account}:assumed-role/{name}/{session}");
        Ok(Assumed { session_arn, role_arn: role_arn.to_owned() })
    }

    /// A session's view of a bucket, with the documents as they are now.
    async fn visit<'a>(&'a self, by: &'a Assumed, bucket: &'a str) -> Result<Visit<'a>, Refusal> {
        let account = self.account().await?;
        let region = self.home(bucket).await?;
        let policy = self.bucket_policy(bucket, &region).await?;
        let rights = self.rights(&by.role_arn).await?;
        Ok(Visit { aws: self, by, bucket, account, region, policy, rights })
    }
}

struct Visit<'a> {
    aws: &'a RemoteAws,
    by: &'a Assumed,
    bucket: &'a str,
    account: &'a AccountId,
    region: String,
    policy: Option<Document>,
    rights: Rights,
}

impl Visit<'_> {
    fn whole(&self) -> String {
        format!("arn:aws:s3:::{}", self.bucket)
    }

    fn object(&self, key: &str) -> String {
        format!("arn:aws:s3:::{}/{key}", self.bucket)
    }

    fn decide(&self, asking: &Asking<'_>, kind: Kind, policy: Option<&Document>) -> Result<(), Refusal> {
        let target = Target { owner: self.account, kind, policy };
        let Rights { identity, boundary } = &self.rights;
        decision::decide(asking, &Documents { identity, boundary: boundary.as_ref(), target })
    }

    /// Whether the session may do this in the bucket.
    fn admit(&self, action: &str, resource: &str, context: &[(&str, &str)]) -> Result<(), Refusal> {
        let context = [&[("aws:SecureTransport", "true")], context].concat();
        let Assumed { session_arn: session, role_arn: role } = self.by;
        self.decide(
            &Asking { session, role, action, resource, context: &context },
            Kind::Resource,
            self.policy.as_ref(),
        )
    }

    /// Whether the session may use the key of an object, through S3.
    async fn admit_key(&self, key: &str, sealed: &Sealed, action: &str) -> Result<(), Refusal> {
        // S3's own keys, and AWS's own key of the account, serve every principal of the account.
        let Sealed::ByKey { key: Some(id), bucket_key, .. } = sealed else { return Ok(()) };
        let (arn, policy) = self.aws.key(id, &self.region).await?;
        let account = self.account.to_string();
        let place =
            Sealing { account: &account, region: &self.region, bucket: self.bucket, key, bucket_key: *bucket_key };
        decision::through_s3(&place, |context| {
            let Assumed { session_arn: session, role_arn: role } = self.by;
            self.decide(&Asking { session, role, action, resource: &arn, context }, Kind::Key, Some(&policy))
        })
    }

    async fn list(&self, prefix: &str) -> Result<Vec<ObjectInfo>, Refusal> {
        self.admit("s3:ListBucket", &self.whole(), &[("s3:prefix", prefix)])?;
        let (mut found, mut token) = (Vec::new(), None);
        loop {
            let request = self.aws.s3.list_objects_v2().bucket(self.bucket).prefix(prefix);
            let request =
                request.set_continuation_token(token).expected_bucket_owner(self.account.to_string()).customize();
            let page = request.config_override(s3_in(&self.region)).send().await.map_err(|error| refused(&error))?;
            found.extend(page.contents().iter().map(|object| ObjectInfo {
                key: object.key().unwrap_or_default().to_owned(),
                size: object.size().and_then(|size| u64::try_from(size).ok()).unwrap_or_default(),
                etag: object.e_tag().unwrap_or_default().trim_matches('"').to_owned(),
                modified_ms: object.last_modified().and_then(|at| at.to_millis().ok()).unwrap_or_default(),
            }));
            let truncated = page.is_truncated() == Some(true);
            token = page.next_continuation_token.filter(|_| truncated);
            if token.is_none() {
                return Ok(found);
            }
        }
    }

    async fn get(&self, key: &str) -> Result<Vec<u8>, Refusal> {
        self.admit("s3:GetObject", &self.object(key), &[])?;
        let request =
            self.aws.s3.head_object().bucket(self.bucket).key(key).expected_bucket_owner(self.account.to_string());
        let told = match request.customize().config_override(s3_in(&self.region)).send().await.map_err(|e| refused(&e))
        {
            Ok(told) => told,
            Err(Refusal { status: 404, .. }) => {
                // Only who may list learns that an object is missing.
                self.admit("s3:ListBucket", &self.whole(), &[("s3:prefix", key)])?;
                return Err(refusal(404, "NoSuchKey", "The specified key does not exist."));
            }
            Err(refusal) => return Err(refusal),
        };
        let bucket_key = told.bucket_key_enabled() == Some(true);
        let sealed = match sealed(told.server_side_encryption, told.ssekms_key_id, bucket_key) {
            Some(sealed) => sealed,
            // S3 always says how an object is encrypted. Where an emulator does not, it was as the bucket does it.
            None => self.aws.default_encryption(self.bucket, &self.region).await?,
        };
        self.admit_key(key, &sealed, "kms:Decrypt").await?;
        let request =
            self.aws.s3.get_object().bucket(self.bucket).key(key).expected_bucket_owner(self.account.to_string());
        let found = request.customize().config_override(s3_in(&self.region)).send().await;
        let body = found.map_err(|error| refused(&error))?.body.collect().await;
        Ok(body.map_err(|error| broken(&error))?.to_vec())
    }

    async fn put(&self, key: &str, body: Vec<u8>) -> Result<(), Refusal> {
        self.admit("s3:PutObject", &self.object(key), &[])?;
        let sealed = self.aws.default_encryption(self.bucket, &self.region).await?;
        self.admit_key(key, &sealed, "kms:GenerateDataKey").await?;
        let mut request =
            self.aws.s3.put_object().bucket(self.bucket).key(key).expected_bucket_owner(self.account.to_string());
        // Said again with the object, because not every emulator applies the default of the bucket.
        if let Sealed::ByKey { algorithm, key, bucket_key } = sealed {
            request = request.server_side_encryption(algorithm).set_ssekms_key_id(key).bucket_key_enabled(bucket_key);
        }
        let request = request.body(ByteStream::from(body)).customize().config_override(s3_in(&self.region));
        request.send().await.map(drop).map_err(|error| refused(&error))
    }

    async fn delete(&self, key: &str) -> Result<(), Refusal> {
        self.admit("s3:DeleteObject", &self.object(key), &[])?;
        let request =
            self.aws.s3.delete_object().bucket(self.bucket).key(key).expected_bucket_owner(self.account.to_string());
        let request = request.customize().config_override(s3_in(&self.region));
        request.send().await.map(drop).map_err(|error| refused(&error))
    }
}
