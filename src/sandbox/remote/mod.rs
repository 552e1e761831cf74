//! An AWS of others behind the sandbox's Snowflake: an emulator on this machine, reached over the network.
//!
//! Emulators give everybody everything. So each step of Snowflake's is decided here, by the same evaluator as in the embedded AWS and over
//! the documents that this AWS holds at that moment: trust, inline and attached policies, boundary, bucket policy, key policy. Only what
//! they allow is carried out. What cannot be read allows nothing.
//!
//! Block Public Access has no say in it: it limits who is outside the bucket owner's account, and the sessions of this account's roles are
//! inside.

mod door;
mod read;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::error::Error;
use std::io;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_s3::config::{RequestChecksumCalculation, ResponseChecksumValidation};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::display::DisplayErrorContext;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use tokio::sync::OnceCell;

use super::aws::decision::{broken, refusal};
use super::door::Refusal;
use crate::model::AccountId;

/// An AWS that is not embedded, for Snowflake's side only.
pub struct RemoteAws {
    s3: aws_sdk_s3::Client,
    iam: aws_sdk_iam::Client,
    kms: aws_sdk_kms::Client,
    sts: aws_sdk_sts::Client,
    /// The account that the emulator says we are in.
    account: OnceCell<AccountId>,
    /// The users of Snowflake's that exist, by ARN: an emulator need not know them.
    users: Mutex<BTreeSet<String>>,
}

/// The credentials emulators take by convention.
const TEST: &str = "test";
/// Where requests are signed for that are about no bucket.
const REGION: &str = "us-east-1";

impl RemoteAws {
    /// The AWS at a URL of this machine. Nothing is asked of it yet.
    ///
    /// # Errors
    /// The URL is not one of this machine: the credentials are made up, and what is asked would be nobody else's business.
    pub fn open(endpoint: &str) -> io::Result<Self> {
        check(endpoint).map_err(io::Error::other)?;
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(REGION))
            .credentials_provider(SharedCredentialsProvider::new(Credentials::new(TEST, TEST, None, None, "sandbox")))
            .endpoint_url(endpoint)
            .build();
        Ok(Self::with(&config))
    }

    fn with(config: &SdkConfig) -> Self {
        let s3 = aws_sdk_s3::config::Builder::from(config)
            .force_path_style(true)
            // Not all emulators know the newer checksums.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
        Self {
            s3: aws_sdk_s3::Client::from_conf(s3.build()),
            iam: aws_sdk_iam::Client::new(config),
            kms: aws_sdk_kms::Client::new(config),
            sts: aws_sdk_sts::Client::new(config),
            account: OnceCell::new(),
            users: Mutex::default(),
        }
    }

    /// The account of this AWS.
    async fn account(&self) -> Result<&AccountId, Refusal> {
        let ask = async || {
            let caller = self.sts.get_caller_identity().send().await.map_err(|error| refused(&error))?;
            caller.account().unwrap_or_default().parse().map_err(|error| broken(&error))
        };
        self.account.get_or_try_init(ask).await
    }

    fn knows(&self, user: &str) -> bool {
        self.users.lock().unwrap_or_else(PoisonError::into_inner).contains(user)
    }

    fn meet(&self, user: &str) {
        self.users.lock().unwrap_or_else(PoisonError::into_inner).insert(user.to_owned());
    }
}

impl std::fmt::Debug for RemoteAws {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RemoteAws").finish_non_exhaustive()
    }
}

/// Whether a URL is of this machine.
fn check(endpoint: &str) -> Result<(), String> {
    let url: http::Uri = endpoint.parse().map_err(|error| format!("`{endpoint}` is not a URL: {error}"))?;
    let host = url.host().unwrap_or_default().trim_matches(['[', ']']);
    let here = host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    match url.scheme_str() {
        Some("http" | "https") if here => Ok(()),
        Some("http" | "https") => {
            Err(format!("`{host}` is not this machine: the sandbox reaches only an AWS emulator on loopback"))
        }
        _ => Err(format!("`{endpoint}` is not a URL such as http://127.0.0.1:5000")),
    }
}

/// What an operation that failed says, as Snowflake's side hears it.
fn refused<E>(error: &SdkError<E, HttpResponse>) -> Refusal
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let SdkError::ServiceError(told) = error else {
        let message = format!("the AWS beside the sandbox gave no usable answer: {}", DisplayErrorContext(error));
        return refusal(503, "ServiceUnavailable", message);
    };
    let status = told.raw().status().as_u16();
    // The answers to HEAD have no body, so the status is all there is.
    let (code, message) = match status {
        403 => ("AccessDenied", "Access Denied"),
        404 => ("NotFound", "Not Found"),
        _ => ("InternalError", "the AWS beside the sandbox does not say why"),
    };
    refusal(status, told.err().code().unwrap_or(code), told.err().message().unwrap_or(message))
}
