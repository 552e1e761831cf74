//! How each service of AWS words what a fault makes it say. Sources: the error lists of the API references.

use super::Kind;

/// Status, code and message of a refusal that a fault asks for.
pub(in crate::sandbox) fn aws_refusal(service: &str, kind: &Kind) -> Option<(u16, String, String)> {
    let said = |(status, code, message): (u16, &str, &str)| Some((status, code.to_owned(), message.to_owned()));
    match kind {
        Kind::Refuse { status, code, message } => Some((status.unwrap_or(400), code.clone(), message.clone())),
        Kind::Throttle { .. } => said(throttled(service)),
        Kind::Failure { status: 503, .. } => said(unavailable(service)),
        Kind::Failure { .. } => said(failed(service)),
        Kind::Hidden => said(denied(service)),
        _ => None,
    }
}

fn throttled(service: &str) -> (u16, &'static str, &'static str) {
    match service {
        "s3" => (503, "SlowDown", "Please reduce your request rate."),
        "kms" => (
            400,
            "ThrottlingException",
            "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.",
        ),
        "tagging" => {
            (400, "ThrottledException", "The request was denied to limit the frequency of submitted requests.")
        }
        "sqs" => (400, "RequestThrottled", "Request is throttled."),
        _ => (400, "Throttling", "Rate exceeded"),
    }
}

fn failed(service: &str) -> (u16, &'static str, &'static str) {
    match service {
        "s3" => (500, "InternalError", "We encountered an internal error. Please try again."),
        "iam" => (500, "ServiceFailure", "The request processing has failed because of an unknown error."),
        "kms" => (
            500,
            "KMSInternalException",
            "The request was rejected because an internal exception occurred. The request can be retried.",
        ),
        "tagging" => (500, "InternalServiceException", "The request processing failed because of an unknown error."),
        _ => (500, "InternalFailure", "The request processing has failed because of an unknown error."),
    }
}

fn unavailable(service: &str) -> (u16, &'static str, &'static str) {
    match service {
        "s3" => (503, "ServiceUnavailable", "Service is unable to handle request."),
        "kms" => (
            503,
            "DependencyTimeoutException",
            "The system timed out while trying to fulfill the request. You can retry the request.",
        ),
        _ => (503, "ServiceUnavailable", "The request has failed due to a temporary failure of the server."),
    }
}

fn denied(service: &str) -> (u16, &'static str, &'static str) {
    match service {
        "s3" => (403, "AccessDenied", "Access Denied"),
        "kms" | "tagging" => (
            400,
            "AccessDeniedException",
            "The caller is not authorized because no identity-based policy allows the action",
        ),
        _ => (403, "AccessDenied", "The caller is not authorized because no identity-based policy allows the action"),
    }
}
