//! AWS through the SDK crates: reads that give plain data, and [`Call`]s that change something.
//!
//! One request goes through [`send`](request): a permit, the operation's token bucket ([`limits`]), the SDK's own retries, and if it is
//! refused the one table of codes ([`codes`]). What the executor may try again is said by [`Class`](super::Class), not done here.

mod bucket;
mod call;
pub mod codes;
mod empty;
mod encryption;
mod iam;
mod key;
mod kms;
mod lifecycle;
mod limits;
mod locks;
mod notification;
mod open;
mod percent;
mod policy;
mod refusal;
mod regions;
mod request;
mod role;
mod s3;
mod secret;
mod sns;
pub mod state;
mod tagging;
mod tags;
mod user;

#[cfg(test)]
mod fake;
#[cfg(test)]
mod tests;

pub use open::{AssumeRole, AwsOptions, Embedded};
pub use state::{
    Attachment, BucketReads, BucketState, Caller, Entity, KeyId, KeyState, PolicyState, ReadTags, RoleState,
    SecretState, SubscriptionState, Tagged, TopicState, UserState,
};

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{OnceCell, Semaphore};

use super::{CloudError, Stats};
use crate::model::{Arn, BucketName, Call, Region, Secret, Vault};

/// What an AWS call answered.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    fields: BTreeMap<String, String>,
    secrets: BTreeMap<String, Secret>,
}

impl Answer {
    /// An answer that tells nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// A field by its name, such as `Arn` or `KeyId`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }

    /// Adds a secret.
    #[must_use]
    pub(crate) fn with_secret(mut self, name: &str, secret: Secret) -> Self {
        self.secrets.insert(name.to_owned(), secret);
        self
    }

    /// A secret by the name of its field, such as `SecretAccessKey`.
    pub fn secret(&self, name: &str) -> Option<&Secret> {
        self.secrets.get(name)
    }
}

impl FromIterator<(String, String)> for Answer {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(fields: I) -> Self {
        Self { fields: fields.into_iter().collect(), secrets: BTreeMap::new() }
    }
}

impl<const N: usize> From<[(String, String); N]> for Answer {
    fn from(fields: [(String, String); N]) -> Self {
        fields.into_iter().collect()
    }
}

/// More pages than any account can fill; a guard against a marker that never ends.
const MOST_PAGES: usize = 1000;

/// The AWS side of a run.
pub struct Aws {
    region: Region,
    sts: aws_sdk_sts::Client,
    iam: aws_sdk_iam::Client,
    kms: aws_sdk_kms::Client,
    secrets: aws_sdk_secretsmanager::Client,
    sns: aws_sdk_sns::Client,
    tagging: aws_sdk_resourcegroupstagging::Client,
    buckets: regions::Buckets,
    permits: Semaphore,
    limits: Arc<limits::Limits>,
    stats: Arc<Stats>,
    locks: locks::Locks,
    caller: OnceCell<Caller>,
    overrides: Vec<String>,
    tagged: tagging::Memo,
    /// Whether nothing may be left to lists that can be out of date.
    exact: AtomicBool,
}

impl Aws {
    /// Opens the AWS side: finds region and credentials, without asking AWS anything yet (an assumed role is asked for at the first
    /// request).
    ///
    /// # Errors
    /// No region is configured.
    pub async fn open(options: AwsOptions) -> Result<Self, CloudError> {
        open::open(options).await
    }

    /// The region resources are created in.
    pub fn region(&self) -> &Region {
        &self.region
    }

    /// Endpoints other than AWS's that requests go to, by the options or by the user's configuration; for people to see.
    pub fn endpoint_overrides(&self) -> &[String] {
        &self.overrides
    }

    /// Who we are (`sts:GetCallerIdentity`). Asked once per run; needs no permission.
    pub async fn caller(&self) -> Result<Caller, CloudError> {
        self.caller.get_or_try_init(|| request::caller(self)).await.cloned()
    }

    /// All that is managed of a bucket; `None` if there is certainly no bucket of this name. Seven GETs at once, and one more each for
    /// logging and for tags that the tagging API did not already tell.
    ///
    /// # Errors
    /// Among others `AccessDenied`, which S3 also answers when the bucket belongs to another account: never taken for "absent".
    pub async fn bucket(&self, name: &BucketName, reads: BucketReads<'_>) -> Result<Option<BucketState>, CloudError> {
        bucket::read(self, name, reads).await
    }

    /// The key an alias points at; `None` if there is no such alias. `DescribeKey`, then `GetKeyPolicy`, `GetKeyRotationStatus` and the
    /// tags at once.
    pub async fn key(&self, alias: &str, tags: ReadTags<'_>) -> Result<Option<KeyState>, CloudError> {
        key::by_alias(self, alias, tags).await
    }

    /// A key by its ARN.
    pub async fn key_by_arn(&self, arn: &Arn, tags: ReadTags<'_>) -> Result<Option<KeyState>, CloudError> {
        key::by_arn(self, arn, tags).await
    }

    /// The aliases that point at a key.
    pub async fn aliases(&self, key: &Arn) -> Result<Vec<String>, CloudError> {
        key::aliases(self, key).await
    }

    /// A role with all its inline policies, and with its attachments if they are asked for; `None` if there is none.
    pub async fn role(&self, name: &str, attached: bool) -> Result<Option<RoleState>, CloudError> {
        role::read(self, name, attached).await
    }

    /// Names of the roles under a path.
    pub async fn roles_under(&self, path: &str) -> Result<Vec<String>, CloudError> {
        role::under(self, path).await
    }

    /// A customer managed policy, and if asked for everybody who uses it; `None` if there is none.
    pub async fn policy(&self, arn: &Arn, attached: bool) -> Result<Option<PolicyState>, CloudError> {
        policy::read(self, arn.as_str(), attached).await
    }

    /// The ARNs of the customer managed policies under a path.
    pub async fn policies_under(&self, path: &str) -> Result<Vec<Arn>, CloudError> {
        policy::under(self, path).await
    }

    /// A user with its policies and the IDs of its access keys; `None` if there is none.
    pub async fn user(&self, name: &str) -> Result<Option<UserState>, CloudError> {
        user::read(self, name).await
    }

    /// Names of the users under a path.
    pub async fn users_under(&self, path: &str) -> Result<Vec<String>, CloudError> {
        user::under(self, path).await
    }

    /// A secret of Secrets Manager, without its value; `None` if there is none of this name.
    pub async fn secret(&self, name: &str) -> Result<Option<SecretState>, CloudError> {
        secret::read(self, name).await
    }

    /// A topic of SNS, and if asked for who is subscribed to it; `None` if there is none.
    pub async fn topic(
        &self,
        arn: &Arn,
        subscriptions: bool,
        tags: ReadTags<'_>,
    ) -> Result<Option<TopicState>, CloudError> {
        sns::read(self, arn, subscriptions, tags).await
    }

    /// Everything with this stack's tag, by the Resource Groups Tagging API (buckets, keys, topics; it does not list roles). Asked once per
    /// run however often it is called, because it is eventually consistent and slow.
    pub async fn tagged(&self, stack: &str) -> Result<Arc<Vec<Tagged>>, CloudError> {
        tagging::tagged(self, stack).await
    }

    /// From now on everything is read from the object itself and in full, at the price of more requests: for runs that may destroy
    /// something. The first [`call`](Self::call) does the same.
    pub fn read_exactly(&self) {
        tagging::forget(self);
    }

    /// Whether everything is read from the object itself and in full.
    pub fn exact(&self) -> bool {
        self.exact.load(Ordering::Relaxed)
    }

    /// Makes one call that changes something. Calls about one bucket, role or key never overlap.
    ///
    /// # Errors
    /// [`codes`] says what each class of refusal means. A call that still has a hole is a bug of the planner.
    pub async fn call(&self, call: &Call) -> Result<Answer, CloudError> {
        self.call_with(call, &Vault::default()).await
    }

    /// [`call`](Self::call), with secrets that earlier operations of its step told.
    ///
    /// # Errors
    /// As for [`call`](Self::call).
    pub async fn call_with(&self, call: &Call, vault: &Vault) -> Result<Answer, CloudError> {
        tagging::forget(self);
        call::make(self, call, vault).await
    }
}

impl std::fmt::Debug for Aws {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Aws").field("region", &self.region).finish_non_exhaustive()
    }
}
