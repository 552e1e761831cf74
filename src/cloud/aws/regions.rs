//! Buckets by region: S3 answers for a bucket only where it lives, and the SDK does not follow its redirects.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{Builder, Region as SdkRegion};

use super::Aws;
use super::limits::{Limits, Watch};
use super::refusal::Refusal;
use super::request::{OperationError, Sent};
use crate::cloud::CloudError;
use crate::model::BucketName;

/// One S3 client per region, made when it is needed, and where each bucket was found to live.
#[derive(Debug)]
pub(super) struct Buckets {
    config: SdkConfig,
    limits: Arc<Limits>,
    /// The region of buckets of which nothing else is known.
    region: String,
    clients: Mutex<BTreeMap<String, Client>>,
    homes: Mutex<BTreeMap<BucketName, String>>,
}

impl Buckets {
    pub(super) fn new(config: SdkConfig, limits: Arc<Limits>, region: String) -> Self {
        Self { config, limits, region, clients: Mutex::default(), homes: Mutex::default() }
    }

    /// The client for a region. Path-style, so that all buckets share connections and names with dots pass TLS.
    pub(super) fn client(&self, region: &str) -> Client {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || {
            let config = Builder::from(&self.config)
                .region(SdkRegion::new(region.to_owned()))
                .force_path_style(true)
                .interceptor(Watch(Arc::clone(&self.limits)));
            Client::from_conf(config.build())
        };
        clients.entry(region.to_owned()).or_insert_with(make).clone()
    }

    /// Where a bucket lives, as far as is known.
    pub(super) fn home(&self, bucket: &BucketName) -> String {
        let homes = self.homes.lock().unwrap_or_else(PoisonError::into_inner);
        homes.get(bucket).unwrap_or(&self.region).clone()
    }

    /// Remembers where a bucket lives.
    pub(super) fn remember(&self, bucket: &BucketName, region: &str) {
        let mut homes = self.homes.lock().unwrap_or_else(PoisonError::into_inner);
        homes.insert(bucket.clone(), region.to_owned());
    }

    /// The region a bucket lives in, if it is not the usual one.
    pub(super) fn other_region(&self, bucket: &BucketName) -> Option<String> {
        Some(self.home(bucket)).filter(|home| *home != self.region)
    }
}

impl Aws {
    /// Makes a request about a bucket where the bucket lives, with our account as the expected owner; if the answer is that it lives
    /// elsewhere, once more there.
    pub(super) async fn on_bucket<T, E, F>(
        &self,
        operation: &'static str,
        bucket: &BucketName,
        request: impl Fn(&Client, &str) -> F + Send + Sync,
    ) -> Result<T, CloudError>
    where
        E: OperationError,
        F: Future<Output = Sent<T, E>> + Send,
    {
        let owner = self.caller().await?.account.to_string();
        let home = self.buckets.home(bucket);
        let first = self.send(operation, bucket.as_str(), request(&self.buckets.client(&home), &owner)).await;
        match first {
            Err(Refusal { elsewhere: Some(region), .. }) if region != home => {
                self.buckets.remember(bucket, &region);
                Ok(self.send(operation, bucket.as_str(), request(&self.buckets.client(&region), &owner)).await?)
            }
            answer => Ok(answer?),
        }
    }
}
