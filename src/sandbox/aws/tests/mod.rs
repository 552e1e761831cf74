//! The sandbox through the real SDK, with AWS's answers as the expectation.

mod access;
mod door;
mod iam;
mod kms;
mod kms_keys;
mod roles;
mod s3;
mod s3_config;
mod s3_notification;
mod s3_objects;
mod secrets;
mod sns;
mod sts;
mod users;
mod world;

use std::sync::Arc;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_async::time::SystemTimeSource;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::retry::RetryConfig;

use super::AwsSandbox;

/// The clients of one region.
struct Clients {
    s3: aws_sdk_s3::Client,
    kms: aws_sdk_kms::Client,
    secrets: aws_sdk_secretsmanager::Client,
    sns: aws_sdk_sns::Client,
    iam: aws_sdk_iam::Client,
    sts: aws_sdk_sts::Client,
    tagging: aws_sdk_resourcegroupstagging::Client,
}

fn config(sandbox: &Arc<AwsSandbox>, region: &'static str) -> aws_config::SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static(region))
        .credentials_provider(SharedCredentialsProvider::new(AwsSandbox::credentials()))
        .http_client(sandbox.http_client())
        .retry_config(RetryConfig::disabled())
        .sleep_impl(TokioSleep::new())
        .time_source(SystemTimeSource::new())
        .build()
}

fn clients_in(sandbox: &Arc<AwsSandbox>, region: &'static str) -> Clients {
    let config = config(sandbox, region);
    let s3 = aws_sdk_s3::config::Builder::from(&config).force_path_style(true).build();
    Clients {
        s3: aws_sdk_s3::Client::from_conf(s3),
        kms: aws_sdk_kms::Client::new(&config),
        secrets: aws_sdk_secretsmanager::Client::new(&config),
        sns: aws_sdk_sns::Client::new(&config),
        iam: aws_sdk_iam::Client::new(&config),
        sts: aws_sdk_sts::Client::new(&config),
        tagging: aws_sdk_resourcegroupstagging::Client::new(&config),
    }
}

fn clients(sandbox: &Arc<AwsSandbox>) -> Clients {
    clients_in(sandbox, "us-east-1")
}

/// `OK`, or `code/status`.
fn outcome<T, E: ProvideErrorMetadata>(result: &Result<T, SdkError<E, HttpResponse>>) -> String {
    match result {
        Ok(_) => "OK".into(),
        Err(error) => {
            let status = error.raw_response().map_or(0, |response| response.status().as_u16());
            format!("{}/{status}", error.code().unwrap_or("-"))
        }
    }
}

/// Sends a request and asserts its outcome.
macro_rules! answers {
    ($case:expr, $request:expr, $expected:expr) => {
        let result = $request.send().await;
        assert_eq!(super::outcome(&result), $expected, "{}: {:?}", $case, result.as_ref().err());
    };
    ($request:expr, $expected:expr) => {
        answers!(stringify!($request), $request, $expected)
    };
}
use answers;
