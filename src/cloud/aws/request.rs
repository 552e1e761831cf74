//! How one request is made.

use std::error::Error;
use std::future::Future;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::refusal::{self, Refusal};
use super::{Aws, Caller};
use crate::cloud::{CloudError, Which};
use crate::model::{Arn, Partition};

/// What an SDK operation gives.
pub(super) type Sent<T, E> = Result<T, SdkError<E, HttpResponse>>;

/// The errors of SDK operations.
pub(super) trait OperationError: ProvideErrorMetadata + Error + Send + Sync + 'static {}
impl<E: ProvideErrorMetadata + Error + Send + Sync + 'static> OperationError for E {}

impl Aws {
    /// Makes a request: waits for the operation's pace and for a permit, counts it, and reads a refusal. `operation` is `service:Name`.
    pub(super) fn send<'a, T, E: OperationError>(
        &'a self,
        operation: &'static str,
        object: &'a str,
        request: impl Future<Output = Sent<T, E>> + Send + 'a,
    ) -> impl Future<Output = Result<T, Refusal>> + Send + 'a {
        // The SDK's futures are of many kilobytes each, and a bucket is read by nine at once.
        let request = Box::pin(request);
        async move {
            self.limits.wait(operation.split_once(':').map_or(operation, |(_, name)| name)).await;
            // The semaphore is never closed; were it, going on without a permit would be right.
            let _permit = self.permits.acquire().await.ok();
            let _under_way = self.stats.start(operation);
            tracing::debug!(operation, object, "request");
            request.await.map_err(|error| {
                let refusal = refusal::read(operation, object, &error);
                tracing::debug!(operation, object, code = refusal.error.code, class = ?refusal.error.class, "refused");
                refusal
            })
        }
    }
}

/// `sts:GetCallerIdentity`.
pub(super) async fn caller(aws: &Aws) -> Result<Caller, CloudError> {
    let operation = "sts:GetCallerIdentity";
    let answer = aws.send(operation, "", aws.sts.get_caller_identity().send()).await?;
    let arn: Arn = parse(operation, answer.arn.as_deref())?;
    let partition = match arn.as_str().split(':').nth(1) {
        Some("aws") => Partition::Aws,
        Some("aws-cn") => Partition::AwsCn,
        Some("aws-us-gov") => Partition::AwsUsGov,
        other => {
            return Err(CloudError::unexpected(
                Which::Aws,
                operation,
                format!("the partition {} is not supported", other.unwrap_or_default()),
            ));
        }
    };
    Ok(Caller { account: parse(operation, answer.account.as_deref())?, arn, partition })
}

/// Reads a name that AWS must have sent.
pub(super) fn parse<T>(operation: &str, text: Option<&str>) -> Result<T, CloudError>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    text.unwrap_or_default()
        .parse()
        .map_err(|error: T::Err| CloudError::unexpected(Which::Aws, operation, error.to_string()))
}
