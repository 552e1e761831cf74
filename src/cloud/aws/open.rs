//! How the AWS side is opened: from the user's configuration for a real run, by hand for the embedded cloud.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_config::Region as SdkRegion;
use aws_config::SdkConfig;
use aws_config::identity::IdentityCache;
use aws_config::sts::AssumeRoleProvider;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use tokio::sync::{OnceCell, Semaphore};

use super::limits::{Limits, Watch};
use super::{Aws, locks, regions};
use crate::cloud::{Class, CloudError, Stats, Which};
use crate::model::{Arn, Region};

/// How to open the AWS side.
#[derive(Clone, Debug)]
pub struct AwsOptions {
    /// The region the spec says; absent: the one of the environment or the profile.
    pub region: Option<Region>,
    /// The profile of `~/.aws/config`; absent: `AWS_PROFILE` or `default`.
    pub profile: Option<String>,
    /// A role to work as, assumed with the credentials found.
    pub assume_role: Option<AssumeRole>,
    /// Where to send all requests instead of AWS.
    pub endpoint_url: Option<String>,
    /// The most requests under way at one time.
    pub concurrency: usize,
    /// Where requests are counted.
    pub stats: Arc<Stats>,
    /// The embedded cloud instead of AWS. Then nothing is taken from the environment or from files, and profile, assumed role and
    /// endpoint are left aside.
    pub embedded: Option<Embedded>,
}

impl Default for AwsOptions {
    fn default() -> Self {
        Self {
            region: None,
            profile: None,
            assume_role: None,
            endpoint_url: None,
            concurrency: 64,
            stats: Arc::default(),
            embedded: None,
        }
    }
}

/// A role to work as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssumeRole {
    /// The role.
    pub role_arn: Arn,
    /// What the role's trust policy demands, if it does.
    pub external_id: Option<String>,
    /// How the session shows in AWS's audit trail; absent: `snowssi`.
    pub session_name: Option<String>,
}

/// The cloud inside this program.
#[derive(Clone, Debug)]
pub struct Embedded {
    /// Takes the requests.
    pub http_client: SharedHttpClient,
    /// Made-up credentials that the embedded cloud knows.
    pub credentials: Credentials,
}

/// Attempts of one request, the first included.
const ATTEMPTS: u32 = 5;
/// The most attempts a user can ask for.
const MOST_ATTEMPTS: u32 = 20;

pub(super) async fn open(options: AwsOptions) -> Result<Aws, CloudError> {
    let (config, limits) = match &options.embedded {
        Some(embedded) => (by_hand(&options, embedded)?, Limits::none()),
        None => (from_environment(&options).await?, Limits::of_aws()),
    };
    let region: Region = match config.region() {
        Some(region) => {
            region.as_ref().parse().map_err(|error: crate::model::arn::NotAws| no_region(&error.to_string()))?
        }
        None => return Err(no_region("no AWS region is configured")),
    };
    let watch = || Watch(Arc::clone(&limits));
    let overrides = match (&options.embedded, &options.endpoint_url) {
        (Some(_), _) => Vec::new(),
        (None, Some(url)) => vec![url.clone()],
        (None, None) => overrides(config.endpoint_url(), &|name| std::env::var(name).ok()),
    };
    Ok(Aws {
        overrides,
        sts: aws_sdk_sts::Client::from_conf(aws_sdk_sts::config::Builder::from(&config).interceptor(watch()).build()),
        iam: aws_sdk_iam::Client::from_conf(aws_sdk_iam::config::Builder::from(&config).interceptor(watch()).build()),
        kms: aws_sdk_kms::Client::from_conf(aws_sdk_kms::config::Builder::from(&config).interceptor(watch()).build()),
        secrets: aws_sdk_secretsmanager::Client::from_conf(
            aws_sdk_secretsmanager::config::Builder::from(&config).interceptor(watch()).build(),
        ),
        sns: aws_sdk_sns::Client::from_conf(aws_sdk_sns::config::Builder::from(&config).interceptor(watch()).build()),
        tagging: aws_sdk_resourcegroupstagging::Client::from_conf(
            aws_sdk_resourcegroupstagging::config::Builder::from(&config).interceptor(watch()).build(),
        ),
        buckets: regions::Buckets::new(config, Arc::clone(&limits), region.to_string()),
        region,
        permits: Semaphore::new(options.concurrency.clamp(1, 1024)),
        limits,
        stats: options.stats,
        locks: locks::Locks::default(),
        caller: OnceCell::new(),
        tagged: Mutex::new(BTreeMap::new()),
        exact: AtomicBool::new(false),
    })
}

fn no_region(message: &str) -> CloudError {
    CloudError {
        which: Which::Aws,
        operation: String::new(),
        object: String::new(),
        code: String::new(),
        message: format!(
            "{message}: set `region` in the `[aws]` table of the spec, AWS_REGION, or `region` in the profile"
        ),
        class: Class::Authentication,
        request_id: None,
    }
}

/// Only what is passed in: no environment, no files, no endpoint of somebody else's.
fn by_hand(options: &AwsOptions, embedded: &Embedded) -> Result<SdkConfig, CloudError> {
    let region = options.region.as_ref().ok_or_else(|| no_region("the embedded cloud needs a region"))?;
    Ok(SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(SdkRegion::new(region.to_string()))
        .credentials_provider(SharedCredentialsProvider::new(embedded.credentials.clone()))
        .http_client(embedded.http_client.clone())
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .retry_config(
            RetryConfig::standard().with_max_attempts(ATTEMPTS).with_initial_backoff(Duration::from_millis(10)),
        )
        .timeout_config(timeouts())
        .build())
}

async fn from_environment(options: &AwsOptions) -> Result<SdkConfig, CloudError> {
    let variable = |name: &str| std::env::var(name).ok();
    let retries = retries(variable("AWS_MAX_ATTEMPTS").as_deref(), variable("AWS_RETRY_MODE").as_deref());
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .retry_config(retries)
        .timeout_config(timeouts())
        .identity_cache(IdentityCache::lazy().build());
    if let Some(region) = &options.region {
        loader = loader.region(SdkRegion::new(region.to_string()));
    }
    if let Some(profile) = &options.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(url) = &options.endpoint_url {
        loader = loader.endpoint_url(url);
    }
    let config = loader.load().await;
    let Some(role) = &options.assume_role else { return Ok(config) };
    if config.region().is_none() {
        return Err(no_region("no AWS region is configured"));
    }
    let mut provider = AssumeRoleProvider::builder(role.role_arn.as_str())
        .configure(&config)
        .session_name(role.session_name.as_deref().unwrap_or("snowssi"));
    if let Some(id) = &role.external_id {
        provider = provider.external_id(id);
    }
    let provider = SharedCredentialsProvider::new(provider.build().await);
    Ok(config.into_builder().credentials_provider(provider).build())
}

/// Where the user's configuration sends requests instead of AWS. Such a setting may have been forgotten.
fn overrides(configured: Option<&str>, variable: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
    if variable("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return Vec::new();
    }
    let by_service =
        ["S3", "IAM", "KMS", "STS", "SNS", "RESOURCE_GROUPS_TAGGING_API"].into_iter().filter_map(|service| {
            let name = format!("AWS_ENDPOINT_URL_{service}");
            variable(&name).filter(|url| !url.is_empty()).map(|url| format!("{url} ({name})"))
        });
    configured.map(str::to_owned).into_iter().chain(by_service).collect()
}

/// Attempts time out one by one, so that a hanging connection is given up; all of them together end too.
fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_millis(3100))
        .operation_attempt_timeout(Duration::from_secs(30))
        .operation_timeout(Duration::from_secs(90))
        .build()
}

/// Retries of the SDK from the two variables all AWS tools know. Passed explicitly, because the SDK panics on values other tools accept
/// (`AWS_RETRY_MODE=legacy`); a value that makes no sense is left aside.
fn retries(attempts: Option<&str>, mode: Option<&str>) -> RetryConfig {
    let config = match mode.map(str::trim) {
        Some(mode) if mode.eq_ignore_ascii_case("adaptive") => RetryConfig::adaptive(),
        Some(mode) if !mode.is_empty() && !mode.eq_ignore_ascii_case("standard") => {
            tracing::warn!(mode, "AWS_RETRY_MODE is not known here: `standard` is used");
            RetryConfig::standard()
        }
        _ => RetryConfig::standard(),
    };
    let attempts = match attempts.map(|text| (text, text.trim().parse::<u32>())) {
        Some((_, Ok(number @ 1..=MOST_ATTEMPTS))) => number,
        Some((text, _)) => {
            tracing::warn!(text, "AWS_MAX_ATTEMPTS is not a number from 1 to {MOST_ATTEMPTS}: {ATTEMPTS} is used");
            ATTEMPTS
        }
        None => ATTEMPTS,
    };
    config.with_max_attempts(attempts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_smithy_types::retry::RetryMode;

    #[test]
    fn forgotten_endpoints_are_told() {
        let set = |name: &str| (name == "AWS_ENDPOINT_URL_S3").then(|| "http://localhost:9000".to_owned());
        assert_eq!(overrides(Some("http://a"), &set), ["http://a", "http://localhost:9000 (AWS_ENDPOINT_URL_S3)"]);
        let ignored = |name: &str| match name {
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS" => Some("true".to_owned()),
            other => set(other),
        };
        assert!(overrides(None, &ignored).is_empty());
    }

    #[test]
    fn no_retry_setting_is_fatal() {
        for (attempts, mode, expected) in [
            (None, None, (ATTEMPTS, RetryMode::Standard)),
            (Some("8"), Some("adaptive"), (8, RetryMode::Adaptive)),
            (Some("0"), Some("legacy"), (ATTEMPTS, RetryMode::Standard)),
            (Some("many"), Some(""), (ATTEMPTS, RetryMode::Standard)),
            (Some("999999999999"), Some("STANDARD"), (ATTEMPTS, RetryMode::Standard)),
        ] {
            let config = retries(attempts, mode);
            assert_eq!((config.max_attempts(), config.mode()), expected, "{attempts:?} {mode:?}");
        }
    }
}
