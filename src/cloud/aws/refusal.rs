//! From an SDK error to a [`CloudError`].

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::codes;
use crate::cloud::{Class, CloudError, Which};

/// A refusal, and what of the raw answer matters here.
#[derive(Debug)]
pub(super) struct Refusal {
    /// For everybody.
    pub(super) error: CloudError,
    /// The region the bucket lives in, if the answer is that it lives elsewhere. The SDK does not follow such answers.
    pub(super) elsewhere: Option<String>,
}

impl From<Refusal> for CloudError {
    fn from(refusal: Refusal) -> Self {
        refusal.error
    }
}

impl From<CloudError> for Refusal {
    fn from(error: CloudError) -> Self {
        Self { error, elsewhere: None }
    }
}

/// Whether an operation changes nothing, so that a lost answer loses nothing.
pub(super) fn only_reads(operation: &str) -> bool {
    let name = operation.split_once(':').map_or(operation, |(_, name)| name);
    ["Get", "List", "Head", "Describe"].iter().any(|verb| name.starts_with(verb))
}

/// Reads an SDK error.
pub(super) fn read<E>(operation: &str, object: &str, error: &SdkError<E, HttpResponse>) -> Refusal
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let raw = error.raw_response();
    let header = |name: &str| raw?.headers().get(name).map(str::to_owned);
    let (code, message, class) = match error {
        _ if unreadable(error) => {
            let class = if only_reads(operation) { Class::Permanent } else { Class::Unknown };
            (String::new(), format!("the answer cannot be read: {}", innermost(error)), class)
        }
        SdkError::ServiceError(service) => {
            let status = raw.map(|raw| raw.status().as_u16());
            let code = service.err().code().map_or_else(|| code_of_status(status).to_owned(), str::to_owned);
            let message = match (service.err().message(), status) {
                (Some(message), _) => message.to_owned(),
                // Nobody at AWS answers like this; something on the way does.
                (None, Some(status)) if code.is_empty() => format!("HTTP status {status}, and no error of AWS's"),
                (None, _) => String::new(),
            };
            let class = codes::class(&code, &message, status);
            (code, message, class)
        }
        other if is_about_credentials(other) => {
            (String::new(), format!("no usable credentials: {}", innermost(other)), Class::Authentication)
        }
        SdkError::DispatchFailure(failure) if failure.is_timeout() || never_connected(error) => {
            (String::new(), format!("AWS cannot be reached: {}", innermost(error)), Class::Unreachable)
        }
        SdkError::ConstructionFailure(_) => {
            (String::new(), format!("the request could not be made: {}", innermost(error)), Class::Permanent)
        }
        _ => (String::new(), format!("the answer was lost: {}", innermost(error)), Class::Unknown),
    };
    let class = if class == Class::Unknown && only_reads(operation) { Class::Unreachable } else { class };
    let elsewhere = raw
        .filter(|raw| matches!(raw.status().as_u16(), 301 | 307 | 400))
        .filter(|_| {
            matches!(&*code, "PermanentRedirect" | "TemporaryRedirect" | "AuthorizationHeaderMalformed" | "BadRequest")
        })
        .and_then(|raw| header("x-amz-bucket-region").or_else(|| region_in_body(raw)));
    let error = CloudError {
        which: Which::Aws,
        operation: operation.to_owned(),
        object: object.to_owned(),
        message: explained(operation, &code, &message, class),
        code,
        class,
        request_id: header("x-amz-request-id").or_else(|| header("x-amzn-requestid")),
    };
    Refusal { error, elsewhere }
}

/// AWS's message and what it most likely means.
fn explained(operation: &str, code: &str, message: &str, class: Class) -> String {
    let hint = match class {
        Class::Authentication if code.is_empty() => {
            Some("set AWS_PROFILE, run `aws sso login`, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
        }
        _ => codes::hint(code, message, only_reads(operation)),
    };
    match (message.trim_end_matches('.'), hint) {
        ("", Some(hint)) => hint.to_owned(),
        (_, None) => message.to_owned(),
        (message, Some(hint)) => format!("{message} ({hint})"),
    }
}

/// An answer that is no refusal, but not what the documentation promises either.
fn unreadable<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    match error {
        SdkError::ResponseError(_) => true,
        // S3 can refuse with status 200; then there is a code.
        SdkError::ServiceError(service) => service.raw().status().is_success() && service.err().code().is_none(),
        _ => false,
    }
}

/// HEAD and some redirects are answered without a body.
fn code_of_status(status: Option<u16>) -> &'static str {
    match status {
        Some(301) => "PermanentRedirect",
        Some(307) => "TemporaryRedirect",
        Some(400) => "BadRequest",
        Some(403) => "AccessDenied",
        Some(404) => "NotFound",
        Some(503) => "SlowDown",
        _ => "",
    }
}

/// `<Region>` in the body of `AuthorizationHeaderMalformed`.
fn region_in_body(raw: &HttpResponse) -> Option<String> {
    let body = std::str::from_utf8(raw.body().bytes()?).ok()?;
    let (_, rest) = body.split_once("<Region>")?;
    rest.split_once("</Region>").map(|(region, _)| region.to_owned())
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| {
        let error: &'a (dyn Error + 'static) = *error;
        error.source()
    })
}

fn is_about_credentials<E: Error + 'static>(error: &SdkError<E, HttpResponse>) -> bool {
    chain(error).any(<dyn Error>::is::<CredentialsError>)
}

/// The connection was never made, so nothing was sent.
fn never_connected(error: &(dyn Error + 'static)) -> bool {
    chain(error).any(|error| {
        let text = error.to_string();
        let refused =
            error.downcast_ref::<std::io::Error>().is_some_and(|io| io.kind() == std::io::ErrorKind::ConnectionRefused);
        refused || text.contains("(Connect)") || text.contains("dns error") || text.contains("failed to lookup address")
    })
}

/// The last cause says most: the SDK's own texts are "dispatch failure" and the like.
fn innermost<E: Error + 'static>(error: &SdkError<E, HttpResponse>) -> String {
    chain(error).last().map(ToString::to_string).unwrap_or_default()
}
