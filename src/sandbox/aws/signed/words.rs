//! How each protocol words what is wrong with a signature.

use super::super::wire::{Refused, refused};

/// The families of protocols.
enum Family {
    S3,
    /// IAM and STS.
    Query,
    /// KMS and tagging.
    Json,
}

fn family(service: &str) -> Family {
    match service {
        "s3" => Family::S3,
        "iam" | "sts" => Family::Query,
        _ => Family::Json,
    }
}

/// There is no signature.
pub(super) fn missing(service: &str) -> Refused {
    match family(service) {
        Family::S3 => refused(403, "AccessDenied", "Access Denied"),
        Family::Query => refused(403, "MissingAuthenticationToken", "Request is missing Authentication Token"),
        Family::Json => refused(400, "MissingAuthenticationTokenException", "Missing Authentication Token"),
    }
}

/// It is of another kind.
pub(super) fn unsupported(service: &str) -> Refused {
    match family(service) {
        Family::S3 => {
            let message =
                "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.";
            refused(400, "InvalidRequest", message)
        }
        Family::Query | Family::Json => malformed(service, "AWS4-HMAC-SHA256 is the only algorithm."),
    }
}

/// Something in the header is missing or wrong.
pub(super) fn malformed(service: &str, why: &str) -> Refused {
    match family(service) {
        Family::S3 => {
            refused(400, "AuthorizationHeaderMalformed", format!("The authorization header is malformed; {why}"))
        }
        Family::Query => refused(400, "IncompleteSignature", format!("Authorization header is incomplete: {why}")),
        Family::Json => {
            refused(400, "IncompleteSignatureException", format!("Authorization header is incomplete: {why}"))
        }
    }
}

/// Something in the query of a presigned URL is missing or wrong.
pub(super) fn query(service: &str, why: &str) -> Refused {
    match family(service) {
        Family::S3 => refused(400, "AuthorizationQueryParametersError", why),
        Family::Query | Family::Json => malformed(service, why),
    }
}

/// No time, or none that can be read.
pub(super) fn no_date(service: &str) -> Refused {
    match family(service) {
        Family::S3 => refused(403, "AccessDenied", "AWS authentication requires a valid Date or x-amz-date header"),
        Family::Query | Family::Json => {
            malformed(service, "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
        }
    }
}

/// Too old, or of the future.
pub(super) fn skewed(service: &str, time: &str) -> Refused {
    let message = format!("Signature expired: {time} is too far from the current time.");
    match family(service) {
        Family::S3 => {
            let message = "The difference between the request time and the current time is too large.";
            refused(403, "RequestTimeTooSkewed", message)
        }
        Family::Query => refused(403, "SignatureDoesNotMatch", message),
        Family::Json => refused(400, "InvalidSignatureException", message),
    }
}

/// Made with another secret, or for another request.
pub(in crate::sandbox::aws) fn mismatch(service: &str) -> Refused {
    let message = "The request signature we calculated does not match the signature you provided. Check your AWS Secret \
                   Access Key and signing method. Consult the service documentation for details.";
    match family(service) {
        Family::S3 => {
            let message = "The request signature we calculated does not match the signature you provided. Check your key \
                           and signing method.";
            refused(403, "SignatureDoesNotMatch", message)
        }
        Family::Query => refused(403, "SignatureDoesNotMatch", message),
        Family::Json => refused(400, "InvalidSignatureException", message),
    }
}

/// The token of temporary credentials is missing, wrong, or too many.
pub(super) fn invalid_token(service: &str) -> Refused {
    match family(service) {
        Family::S3 => refused(400, "InvalidToken", "The provided token is malformed or otherwise invalid."),
        Family::Query => refused(403, "InvalidClientTokenId", "The security token included in the request is invalid."),
        Family::Json => {
            refused(400, "UnrecognizedClientException", "The security token included in the request is invalid.")
        }
    }
}
