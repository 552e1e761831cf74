//! Client-side pace: a token bucket per operation, slower after each throttle and slowly back to full pace.
//!
//! Rates stay below what AWS allows one account and region. KMS: developer guide, "Request quotas". IAM publishes none; these are the
//! rates other tools found safe. The burst lets a plan of ordinary size never wait.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::FinalizerInterceptorContextRef;
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use tokio::time::Instant;

/// Requests per second, and how many may be made at once after a pause.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Rate {
    per_second: f64,
    burst: f64,
}

/// No pace falls below this part of the full one.
const SLOWEST: f64 = 1.0 / 16.0;
/// Each request that is not throttled gives back this part of the full pace.
const RECOVERY: f64 = 0.02;
/// The pace of an operation without a limit once AWS throttles it.
const UNLIMITED: Rate = Rate { per_second: 100.0, burst: 200.0 };

fn rate(operation: &str) -> Rate {
    let (per_second, burst) = match operation {
        // IAM reads.
        "GetRole"
        | "ListRolePolicies"
        | "ListAttachedRolePolicies"
        | "GetRolePolicy"
        | "ListInstanceProfilesForRole"
        | "GetUser"
        | "ListUserPolicies"
        | "GetUserPolicy"
        | "ListAttachedUserPolicies"
        | "ListAccessKeys"
        | "ListPolicyVersions" => (15.0, 30.0),
        "GetPolicy" | "GetPolicyVersion" | "ListEntitiesForPolicy" => (35.0, 70.0),
        "ListRoles" | "ListUsers" | "ListPolicies" => (10.0, 20.0),
        // IAM writes.
        "CreateRole"
        | "UpdateRole"
        | "UpdateAssumeRolePolicy"
        | "PutRolePermissionsBoundary"
        | "DeleteRolePermissionsBoundary"
        | "PutRolePolicy"
        | "DeleteRolePolicy"
        | "AttachRolePolicy"
        | "DetachRolePolicy"
        | "TagRole"
        | "UntagRole"
        | "RemoveRoleFromInstanceProfile"
        | "DeleteRole"
        | "CreatePolicy"
        | "CreatePolicyVersion"
        | "DeletePolicyVersion"
        | "TagPolicy"
        | "UntagPolicy"
        | "DeletePolicy"
        | "CreateUser"
        | "PutUserPermissionsBoundary"
        | "PutUserPolicy"
        | "DeleteUserPolicy"
        | "AttachUserPolicy"
        | "DetachUserPolicy"
        | "TagUser"
        | "UntagUser"
        | "CreateAccessKey"
        | "DeleteAccessKey"
        | "DeleteUser" => (3.0, 10.0),
        // KMS.
        "CreateKey"
        | "CreateAlias"
        | "UpdateAlias"
        | "DisableKeyRotation"
        | "EnableKey"
        | "DisableKey"
        | "UpdateKeyDescription"
        | "UntagResource"
        | "CancelKeyDeletion" => (4.0, 5.0),
        "TagResource" | "ListTagsForResource" => (8.0, 10.0),
        "DeleteAlias" | "PutKeyPolicy" | "EnableKeyRotation" | "ScheduleKeyDeletion" => (12.0, 15.0),
        "DescribeKey" | "GetKeyPolicy" | "GetKeyRotationStatus" | "ListResourceTags" => (500.0, 500.0),
        // SNS: developer guide, "Amazon SNS endpoints and quotas".
        "CreateTopic" | "DeleteTopic" | "GetTopicAttributes" | "SetTopicAttributes" | "ListSubscriptionsByTopic" => {
            (25.0, 30.0)
        }
        "Subscribe" | "Unsubscribe" => (80.0, 100.0),
        "GetResources" => (10.0, 15.0),
        _ => return UNLIMITED,
    };
    Rate { per_second, burst }
}

/// The state of one operation's token bucket.
#[derive(Debug)]
struct Bucket {
    rate: Rate,
    /// Below zero: requests wait already.
    tokens: f64,
    /// Part of the full pace, lowered by throttles.
    pace: f64,
    seen: Instant,
}

impl Bucket {
    fn new(rate: Rate, now: Instant) -> Self {
        Self { rate, tokens: rate.burst, pace: 1.0, seen: now }
    }

    fn refill(&mut self, now: Instant) {
        let gained = now.duration_since(self.seen).as_secs_f64() * self.rate.per_second * self.pace;
        self.tokens = (self.tokens + gained).min(self.rate.burst * self.pace);
        self.seen = now;
    }

    /// Takes a token; it may be used after this time.
    fn take(&mut self, now: Instant) -> Duration {
        self.refill(now);
        self.tokens -= 1.0;
        if self.tokens >= 0.0 {
            return Duration::ZERO;
        }
        Duration::from_secs_f64(-self.tokens / (self.rate.per_second * self.pace))
    }

    fn throttled(&mut self, now: Instant) {
        self.refill(now);
        self.pace = (self.pace / 2.0).max(SLOWEST);
        self.tokens = self.tokens.min(0.0);
    }

    fn went_well(&mut self) {
        self.pace = (self.pace + RECOVERY).min(1.0);
    }
}

/// The token buckets of all operations.
#[derive(Debug)]
pub(super) struct Limits {
    /// Whether quotas of AWS are to be kept; the embedded cloud has none.
    quotas: bool,
    buckets: Mutex<BTreeMap<String, Bucket>>,
}

impl Limits {
    /// Keeps AWS's quotas.
    pub(super) fn of_aws() -> Arc<Self> {
        Arc::new(Self { quotas: true, buckets: Mutex::default() })
    }

    /// No pace until something throttles.
    pub(super) fn none() -> Arc<Self> {
        Arc::new(Self { quotas: false, buckets: Mutex::default() })
    }

    /// Waits until a request of this operation may be made.
    pub(super) async fn wait(&self, operation: &str) {
        let now = Instant::now();
        let wait = self.with(operation, now, self.quotas, |bucket| bucket.take(now)).unwrap_or_default();
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
    }

    fn throttled(&self, operation: &str) {
        let now = Instant::now();
        self.with(operation, now, true, |bucket| bucket.throttled(now));
    }

    fn went_well(&self, operation: &str) {
        self.with(operation, Instant::now(), false, Bucket::went_well);
    }

    /// Whether an operation runs below its full pace.
    #[cfg(test)]
    pub(super) fn is_slowed(&self, operation: &str) -> bool {
        self.with(operation, Instant::now(), false, |bucket| bucket.pace < 1.0).unwrap_or_default()
    }

    /// Changes the bucket of an operation; makes it first if `make`.
    fn with<T>(&self, operation: &str, now: Instant, make: bool, change: impl FnOnce(&mut Bucket) -> T) -> Option<T> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if make && !buckets.contains_key(operation) {
            let rate = if self.quotas { rate(operation) } else { UNLIMITED };
            buckets.insert(operation.to_owned(), Bucket::new(rate, now));
        }
        buckets.get_mut(operation).map(change)
    }
}

/// Watches every attempt, also those the SDK tries again by itself, for answers that ask for fewer requests.
#[derive(Debug)]
pub(super) struct Watch(pub(super) Arc<Limits>);

#[aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint]
impl Intercept for Watch {
    fn name(&self) -> &'static str {
        "PaceWatch"
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let (Some(response), Some(operation)) = (context.response(), config.load::<Metadata>()) else { return Ok(()) };
        let body = || response.body().bytes().map(String::from_utf8_lossy).unwrap_or_default();
        match response.status().as_u16() {
            429 | 503 => self.0.throttled(operation.name()),
            400 if ["Throttl", "Rate exceeded", "RequestLimitExceeded"].iter().any(|word| body().contains(word)) => {
                self.0.throttled(operation.name());
            }
            _ => self.0.went_well(operation.name()),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket() -> (Bucket, Instant) {
        let now = Instant::now();
        (Bucket::new(Rate { per_second: 10.0, burst: 5.0 }, now), now)
    }

    #[test]
    fn a_burst_does_not_wait_and_the_rest_keeps_the_rate() {
        let (mut bucket, now) = bucket();
        let waits: Vec<_> = (0..8).map(|_| bucket.take(now).as_millis()).collect();
        assert_eq!(waits, [0, 0, 0, 0, 0, 100, 200, 300]);
        assert_eq!(bucket.take(now + Duration::from_secs(10)), Duration::ZERO);
    }

    #[test]
    fn a_throttle_halves_the_pace_and_good_answers_restore_it() {
        let (mut bucket, now) = bucket();
        bucket.throttled(now);
        assert_eq!(bucket.take(now).as_millis(), 200);
        (0..10).for_each(|_| bucket.throttled(now));
        assert!((bucket.pace - SLOWEST).abs() < 1e-9);
        (0..100).for_each(|_| bucket.went_well());
        assert!((bucket.pace - 1.0).abs() < 1e-9);
    }

    #[test]
    fn no_published_rate_is_passed() {
        for (operation, published) in
            [("CreateKey", 5.0), ("CreateAlias", 5.0), ("PutKeyPolicy", 15.0), ("TagResource", 10.0)]
        {
            assert!(rate(operation).per_second < published, "{operation}");
        }
        assert!(rate("GetRole").burst >= 25.0, "a plan of 25 roles does not wait");
    }

    #[tokio::test]
    async fn without_quotas_only_a_throttle_makes_a_bucket() {
        let limits = Limits::none();
        for _ in 0..1000 {
            limits.wait("GetRole").await;
        }
        assert!(limits.buckets.lock().unwrap().is_empty());
        limits.throttled("GetRole");
        assert_eq!(limits.buckets.lock().unwrap().len(), 1);
    }
}
