//! The one table of AWS's refusal codes: what can be done about each, and what it most likely means.
//!
//! Sources: the error lists of the S3, IAM, KMS and STS API references, and the behaviour the Terraform provider had to learn.

use crate::cloud::Class;

/// What is known of one code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The code, as it is on the wire.
    pub code: &'static str,
    /// What can be done about it.
    pub class: Class,
    /// What it most likely means and what to do; empty where AWS's own message says enough.
    pub hint: &'static str,
}

const fn entry(code: &'static str, class: Class, hint: &'static str) -> Entry {
    Entry { code, class, hint }
}

const NOT_VALID: &str =
    "check the credentials: `aws sts get-caller-identity` with the same profile shows whether they work";
const EXPIRED: &str = "the credentials have expired: get new ones (`aws sso login`) and run the same command again";
const DENIED: &str = "the caller lacks the permission, or the object belongs to another account";
const HIDDEN: &str =
    "cannot tell absent from hidden: the caller may lack the permission, or the object belongs to another account";
const THROTTLED: &str = "AWS asks for fewer requests; a lower concurrency helps";

/// All codes that matter, sorted by service in the order S3, IAM, KMS, STS and common ones.
pub const TABLE: &[Entry] = &[
    // S3.
    entry("NoSuchBucket", Class::NotFound, ""),
    entry("NoSuchKey", Class::NotFound, ""),
    entry("NoSuchUpload", Class::NotFound, ""),
    entry("NoSuchTagSet", Class::NotFound, ""),
    entry("NoSuchBucketPolicy", Class::NotFound, ""),
    entry("NoSuchLifecycleConfiguration", Class::NotFound, ""),
    entry("NoSuchPublicAccessBlockConfiguration", Class::NotFound, ""),
    entry("OwnershipControlsNotFoundError", Class::NotFound, ""),
    entry("ServerSideEncryptionConfigurationNotFoundError", Class::NotFound, ""),
    entry("BucketAlreadyOwnedByYou", Class::AlreadyExists, "the bucket is in this account already: adopt it"),
    entry(
        "BucketAlreadyExists",
        Class::AlreadyExists,
        "bucket names are shared by all AWS accounts and this one is taken: choose another name",
    ),
    entry(
        "BucketNotEmpty",
        Class::Permanent,
        "objects, old versions or delete markers are left in the bucket: allow it to be emptied, or empty it yourself",
    ),
    entry(
        "OperationAborted",
        Class::Conflict,
        "another change to this bucket is under way, or its name is still being released",
    ),
    entry("PermanentRedirect", Class::Permanent, "the bucket lives in another region"),
    entry("TemporaryRedirect", Class::Propagation, "S3 has not yet spread the news of this bucket"),
    entry("AuthorizationHeaderMalformed", Class::Permanent, "the bucket lives in another region"),
    entry(
        "IllegalLocationConstraintException",
        Class::Permanent,
        "the region of the bucket and of the endpoint differ",
    ),
    entry("MalformedPolicy", Class::Permanent, "S3 does not accept the bucket policy"),
    entry("AccessControlListNotSupported", Class::Permanent, "the bucket's object ownership is BucketOwnerEnforced"),
    entry("InvalidTargetBucketForLogging", Class::Permanent, "S3 must be allowed to write logs to the target bucket"),
    entry("TooManyBuckets", Class::Permanent, "the account's quota of buckets is reached"),
    entry("SlowDown", Class::Throttle, THROTTLED),
    entry("ServiceUnavailable", Class::Throttle, THROTTLED),
    // IAM.
    entry("NoSuchEntity", Class::NotFound, ""),
    entry(
        "EntityAlreadyExists",
        Class::AlreadyExists,
        "IAM names are unique per account, whatever their path and letter case",
    ),
    entry("ConcurrentModification", Class::Conflict, "somebody else changes the same role, user or policy"),
    entry(
        "DeleteConflict",
        Class::Propagation,
        "it is still in use: something is attached to it, or it is attached to somebody; detach it there (a detachment takes a moment to be \
         visible everywhere in IAM)",
    ),
    entry("MalformedPolicyDocument", Class::Permanent, "IAM does not accept the policy document"),
    entry("LimitExceeded", Class::Permanent, "a quota of IAM is reached"),
    entry("UnmodifiableEntity", Class::Permanent, "it is managed by an AWS service"),
    entry("ServiceFailure", Class::Unknown, "AWS failed; the call may have had its effect"),
    // KMS.
    entry("NotFoundException", Class::NotFound, ""),
    entry(
        "AlreadyExistsException",
        Class::AlreadyExists,
        "the alias points at a key already, maybe one that is pending deletion",
    ),
    entry("MalformedPolicyDocumentException", Class::Permanent, "KMS does not accept the key policy"),
    entry(
        "KMSInvalidStateException",
        Class::Permanent,
        "the key's state does not allow it: it may be pending deletion",
    ),
    entry("DisabledException", Class::Permanent, "the key is disabled"),
    entry("DependencyTimeoutException", Class::Unknown, "KMS failed; the call may have had its effect"),
    entry("KMSInternalException", Class::Unknown, "KMS failed; the call may have had its effect"),
    entry("LimitExceededException", Class::Permanent, "a quota of KMS is reached"),
    // Secrets Manager.
    entry("ResourceNotFoundException", Class::NotFound, ""),
    entry("ResourceExistsException", Class::AlreadyExists, "the name of the secret is taken"),
    entry(
        "InvalidRequestException",
        Class::Permanent,
        "the state of the secret does not allow it: it may be to be deleted",
    ),
    entry("EncryptionFailure", Class::Permanent, "the secret's key cannot be used: check that it is enabled"),
    entry("InternalServiceError", Class::Unknown, "AWS failed; the call may have had its effect"),
    // SNS.
    entry("NotFound", Class::NotFound, ""),
    entry("InvalidParameter", Class::Permanent, ""),
    entry("InvalidSecurity", Class::Authentication, NOT_VALID),
    entry("AuthorizationError", Class::Permanent, DENIED),
    entry("ConcurrentAccess", Class::Conflict, "somebody else changes the tags of the same topic"),
    entry("StaleTag", Class::Conflict, "somebody else has changed the tags of the same topic"),
    entry("TopicLimitExceeded", Class::Permanent, "the account's quota of topics is reached"),
    entry("SubscriptionLimitExceeded", Class::Permanent, "the quota of subscriptions is reached"),
    entry("KMSAccessDenied", Class::Permanent, "the key of the topic does not let the caller use it through SNS"),
    entry("Throttled", Class::Throttle, THROTTLED),
    // Who we are.
    entry("ExpiredToken", Class::Authentication, EXPIRED),
    entry("ExpiredTokenException", Class::Authentication, EXPIRED),
    entry("RequestExpired", Class::Authentication, "check the clock of this machine"),
    entry("RequestTimeTooSkewed", Class::Authentication, "check the clock of this machine"),
    entry("InvalidAccessKeyId", Class::Authentication, NOT_VALID),
    entry("InvalidClientTokenId", Class::Authentication, NOT_VALID),
    entry("InvalidToken", Class::Authentication, NOT_VALID),
    entry("UnrecognizedClientException", Class::Authentication, NOT_VALID),
    entry("SignatureDoesNotMatch", Class::Authentication, NOT_VALID),
    entry("IncompleteSignature", Class::Authentication, NOT_VALID),
    entry("MissingAuthenticationToken", Class::Authentication, NOT_VALID),
    entry("AuthFailure", Class::Authentication, NOT_VALID),
    entry("OptInRequired", Class::Authentication, "the region is not enabled for this account"),
    // What we may.
    entry("AccessDenied", Class::Permanent, DENIED),
    entry("AccessDeniedException", Class::Permanent, DENIED),
    entry("AllAccessDisabled", Class::Permanent, DENIED),
    entry("UnauthorizedOperation", Class::Permanent, DENIED),
    // Too much.
    entry("Throttling", Class::Throttle, THROTTLED),
    entry("ThrottlingException", Class::Throttle, THROTTLED),
    entry("ThrottledException", Class::Throttle, THROTTLED),
    entry("RequestThrottled", Class::Throttle, THROTTLED),
    entry("RequestThrottledException", Class::Throttle, THROTTLED),
    entry("RequestLimitExceeded", Class::Throttle, THROTTLED),
    entry("TooManyRequestsException", Class::Throttle, THROTTLED),
    entry("BandwidthLimitExceeded", Class::Throttle, THROTTLED),
    // Answers that leave open what happened.
    entry("InternalError", Class::Unknown, "AWS failed; the call may have had its effect"),
    entry("InternalFailure", Class::Unknown, "AWS failed; the call may have had its effect"),
    entry("InternalServiceException", Class::Unknown, "AWS failed; the call may have had its effect"),
    entry("RequestTimeout", Class::Unknown, "the connection was too slow; the call may have had its effect"),
];

/// What the table knows of a code.
pub fn find(code: &str) -> Option<&'static Entry> {
    TABLE.iter().find(|entry| entry.code == code)
}

/// What can be done about a refusal.
pub fn class(code: &str, message: &str, status: Option<u16>) -> Class {
    if fresh_principal(code, message) || destination(code, message) {
        return Class::Propagation;
    }
    // Some APIs say "Rate exceeded" with a code of their own, as HTTP 400.
    if message.contains("Rate exceeded") {
        return Class::Throttle;
    }
    match (find(code), status) {
        (Some(entry), _) => entry.class,
        (None, Some(429 | 503)) => Class::Throttle,
        (None, Some(401)) => Class::Authentication,
        (None, Some(500..)) => Class::Unknown,
        (None, Some(404)) => Class::NotFound,
        (None, _) => Class::Permanent,
    }
}

/// What to tell a person beyond AWS's message. A read that is denied says nothing about whether the object is there.
pub fn hint(code: &str, message: &str, read: bool) -> Option<&'static str> {
    if fresh_principal(code, message) {
        return Some(
            "a principal in the policy does not exist, or was created moments ago and is not yet known everywhere; check the ARNs in it",
        );
    }
    if destination(code, message) {
        return Some(
            "S3 cannot send to the queue: check its ARN, its region, and that its policy lets this bucket send",
        );
    }
    let entry = find(code)?;
    match entry.hint {
        "" => None,
        // A read has no effect that could be in doubt.
        _ if read && entry.class == Class::Unknown => None,
        DENIED if read => Some(HIDDEN),
        hint => Some(hint),
    }
}

/// Whether a refusal may only mean that something is not visible everywhere yet. True sense only if this run created or changed what
/// the refusal is about; otherwise it is final.
pub fn propagation(code: &str, message: &str) -> bool {
    fresh_principal(code, message)
        || destination(code, message)
        || matches!(
            code,
            "NoSuchEntity"
                | "NoSuchBucket"
                | "NotFoundException"
                | "NotFound"
                | "DeleteConflict"
                | "TemporaryRedirect"
                | "KMS.NotFoundException"
        )
}

/// A policy that names a principal IAM does not know (yet).
fn fresh_principal(code: &str, message: &str) -> bool {
    matches!(code, "MalformedPolicyDocument" | "MalformedPolicyDocumentException" | "MalformedPolicy")
        && message.to_ascii_lowercase().contains("invalid principal")
}

/// A notification destination whose policy does not let S3 send (yet).
fn destination(code: &str, message: &str) -> bool {
    code == "InvalidArgument" && message.contains("Unable to validate the following destination")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_stands_once() {
        let mut codes: Vec<_> = TABLE.iter().map(|entry| entry.code).collect();
        codes.sort_unstable();
        let count = codes.len();
        codes.dedup();
        assert_eq!(codes.len(), count);
    }

    #[test]
    fn refusals_have_their_class() {
        let cases = [
            ("ExpiredToken", "", Some(403), Class::Authentication),
            ("AccessDenied", "Access Denied", Some(403), Class::Permanent),
            ("Throttling", "Rate exceeded", Some(400), Class::Throttle),
            ("LimitExceededException", "Rate exceeded", Some(400), Class::Throttle),
            ("LimitExceededException", "too many keys", Some(400), Class::Permanent),
            ("SlowDown", "", Some(503), Class::Throttle),
            ("OperationAborted", "", Some(409), Class::Conflict),
            ("ConcurrentModification", "", Some(409), Class::Conflict),
            ("DeleteConflict", "", Some(409), Class::Propagation),
            ("MalformedPolicyDocument", "Invalid principal in policy: \"AWS\":\"x\"", Some(400), Class::Propagation),
            ("MalformedPolicy", "Invalid principal in policy", Some(400), Class::Propagation),
            ("MalformedPolicyDocumentException", "one or more invalid principals", Some(400), Class::Propagation),
            ("MalformedPolicyDocument", "Syntax errors in policy.", Some(400), Class::Permanent),
            (
                "InvalidArgument",
                "Unable to validate the following destination configurations",
                Some(400),
                Class::Propagation,
            ),
            ("InvalidArgument", "other", Some(400), Class::Permanent),
            ("BucketAlreadyOwnedByYou", "", Some(409), Class::AlreadyExists),
            ("NoSuchEntity", "", Some(404), Class::NotFound),
            ("", "", Some(502), Class::Unknown),
            ("", "", Some(503), Class::Throttle),
            ("SomethingNew", "", Some(400), Class::Permanent),
        ];
        for (code, message, status, expected) in cases {
            assert_eq!(class(code, message, status), expected, "{code} {message}");
        }
    }

    #[test]
    fn a_hint_fits_what_was_done() {
        assert_eq!(hint("AccessDenied", "", true), Some(HIDDEN));
        assert_eq!(hint("AccessDenied", "", false), Some(DENIED));
        assert_eq!(hint("InternalError", "", true), None);
        assert!(hint("InternalError", "", false).is_some_and(|hint| hint.contains("may have had its effect")));
        assert_eq!(hint("NoSuchBucket", "", true), None);
    }

    #[test]
    fn only_what_may_appear_later_is_propagation() {
        assert!(
            propagation("NoSuchBucket", "") && propagation("NoSuchEntity", "") && propagation("NotFoundException", "")
        );
        assert!(propagation("MalformedPolicyDocument", "Invalid principal in policy"));
        assert!(!propagation("MalformedPolicyDocument", "Syntax error") && !propagation("AccessDenied", ""));
    }
}
