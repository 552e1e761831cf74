//! The decision about one request, from policy documents alone, and AWS's words for it. It does not matter here where the documents are
//! kept: in the embedded world, or in an AWS that is not embedded.

use crate::model::{AccountId, Arn};
use crate::policy::Document;
use crate::policy::evaluate::{Identity, Kind, Lack, Origin, Policies, Principal, Request, Target, Verdict, evaluate};
use crate::sandbox::door::Refusal;

/// One `sts:AssumeRole`.
#[derive(Clone, Copy, Debug)]
pub(in crate::sandbox) struct Assuming<'a> {
    /// Who asks: a user or a session.
    pub(in crate::sandbox) principal: &'a str,
    /// For which role.
    pub(in crate::sandbox) role_arn: &'a str,
    /// With which external ID.
    pub(in crate::sandbox) external_id: Option<&'a str>,
    /// Under which name.
    pub(in crate::sandbox) session: &'a str,
}

/// A session of a role and what it asks.
#[derive(Clone, Copy, Debug)]
pub(in crate::sandbox) struct Asking<'a> {
    /// `arn:aws:sts::…:assumed-role/role/session`, or a user.
    pub(in crate::sandbox) session: &'a str,
    /// The role; of a user the user itself.
    pub(in crate::sandbox) role: &'a str,
    /// Such as `s3:GetObject`.
    pub(in crate::sandbox) action: &'a str,
    /// The ARN it is about.
    pub(in crate::sandbox) resource: &'a str,
    /// Context keys and values.
    pub(in crate::sandbox) context: &'a [(&'a str, &'a str)],
}

/// What speaks to a request of a role's session.
#[derive(Clone, Copy, Debug)]
pub(in crate::sandbox) struct Documents<'a> {
    /// The role's policies, inline and attached.
    pub(in crate::sandbox) identity: &'a [Document],
    /// The role's permissions boundary.
    pub(in crate::sandbox) boundary: Option<&'a Document>,
    /// Who owns the bucket or key, what it is, and its policy.
    pub(in crate::sandbox) target: Target<'a>,
}

/// How an object is encrypted with a key, as far as the key's policies can see it.
#[derive(Clone, Copy, Debug)]
pub(in crate::sandbox) struct Sealing<'a> {
    /// The account of the session.
    pub(in crate::sandbox) account: &'a str,
    /// The bucket's region.
    pub(in crate::sandbox) region: &'a str,
    /// The bucket.
    pub(in crate::sandbox) bucket: &'a str,
    /// The object's key.
    pub(in crate::sandbox) key: &'a str,
    /// Whether a bucket key saves requests. Then the encryption context is the bucket.
    pub(in crate::sandbox) bucket_key: bool,
}

/// A document or name that the evaluator cannot read. It counts for nobody: the request is refused.
pub(in crate::sandbox) fn broken(error: &dyn std::fmt::Display) -> Refusal {
    refusal(500, "InternalError", format!("the sandbox could not evaluate the request: {error}"))
}

/// AWS's answer to whoever may not assume a role, or names one that is not there.
pub(in crate::sandbox) fn not_assumed(asking: &Assuming<'_>) -> Refusal {
    let Assuming { principal, role_arn, .. } = asking;
    let message = format!("User: {principal} is not authorized to perform: sts:AssumeRole on resource: {role_arn}");
    refusal(403, "AccessDenied", message)
}

/// Refuses an external ID that STS does not take.
pub(in crate::sandbox) fn external_id(asking: &Assuming<'_>) -> Result<(), Refusal> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_+=,.@:/-".contains(c);
    match asking.external_id {
        Some(id) if !(2..=1224).contains(&id.len()) || !id.chars().all(fits) => {
            let message = format!(
                "1 validation error detected: Value '{id}' at 'externalId' failed to satisfy constraint: Member must have \
                 length between 2 and 1224 and satisfy regular expression pattern: [\\w+=,.@:\\/-]*"
            );
            Err(refusal(400, "ValidationError", message))
        }
        _ => Ok(()),
    }
}

/// Decides `sts:AssumeRole` by a role's trust policy and by what the asking side's own account says.
pub(in crate::sandbox) fn assume(
    asking: &Assuming<'_>,
    who: Principal,
    identity: Identity<'_>,
    owner: &AccountId,
    trust: &Document,
) -> Result<(), Refusal> {
    let target = Target { owner, kind: Kind::Role, policy: Some(trust) };
    assume_knowing(asking, who, &Policies { identity, boundary: None, session: None, target }, |request| request)
}

/// The same, with more that is known of the request.
pub(in crate::sandbox) fn assume_knowing(
    asking: &Assuming<'_>,
    who: Principal,
    policies: &Policies<'_>,
    more: impl FnOnce(Request) -> Request,
) -> Result<(), Refusal> {
    external_id(asking)?;
    let request = Request::new(who, "sts:AssumeRole", asking.role_arn)
        .with("aws:SecureTransport", &["true"])
        .with("sts:RoleSessionName", &[asking.session])
        .with("sts:ExternalId", &asking.external_id.into_iter().collect::<Vec<_>>());
    let verdict = evaluate(&more(request), policies);
    if verdict.is_allowed() {
        return Ok(());
    }
    tracing::debug!(role = asking.role_arn, reason = verdict.reason, "a role was not given");
    Err(not_assumed(asking))
}

/// Decides a request of a role's session.
pub(in crate::sandbox) fn decide(asking: &Asking<'_>, documents: &Documents<'_>) -> Result<(), Refusal> {
    decide_knowing(asking, documents, None, |request| request)
}

/// The same, with the policies that narrow the session and more that is known of the request.
pub(in crate::sandbox) fn decide_knowing(
    asking: &Asking<'_>,
    documents: &Documents<'_>,
    narrowed: Option<&[Document]>,
    more: impl FnOnce(Request) -> Request,
) -> Result<(), Refusal> {
    let Documents { identity, boundary, target } = *documents;
    let arn = |text: &str| text.parse::<Arn>().map_err(|error| broken(&error));
    let session = arn(asking.session)?;
    let who = if asking.role == asking.session {
        Principal::User(session)
    } else {
        Principal::Session { session, role: arn(asking.role)? }
    };
    let mut request = Request::new(who, asking.action, asking.resource);
    for (key, value) in asking.context {
        request = request.with(key, &[value]);
    }
    let policies = Policies { identity: Identity::Policies(identity), boundary, session: narrowed, target };
    let verdict = evaluate(&more(request), &policies);
    if verdict.is_allowed() {
        return Ok(());
    }
    tracing::debug!(action = asking.action, resource = asking.resource, reason = verdict.reason, "refused");
    let resource = match target.kind {
        Kind::Key if asking.action == "kms:Decrypt" => "the resource associated with this ciphertext".to_owned(),
        Kind::Key => format!("resource: {}", asking.resource),
        Kind::Resource | Kind::Role => format!("resource: \"{}\"", asking.resource),
    };
    let because = because(&verdict, asking.action);
    let message =
        format!("User: {} is not authorized to perform: {} on {resource} {because}", asking.session, asking.action);
    Err(refusal(403, "AccessDenied", message))
}

/// AWS's words for what decided, and ours for what could not be told.
fn because(verdict: &Verdict, action: &str) -> String {
    let words = match (&verdict.decided_by, verdict.lacks) {
        (Some(by), _) => {
            let policy = match by.origin {
                Origin::Identity(_) => "an identity-based policy",
                Origin::Boundary => "a permissions boundary",
                Origin::Session(_) => "a session policy",
                Origin::Target(_) => "a resource-based policy",
            };
            format!("with an explicit deny in {policy}")
        }
        (None, lacks) => {
            let policy = match lacks {
                Some(Lack::Boundary) => "permissions boundary",
                Some(Lack::Session) => "session policy",
                Some(Lack::Target) => "resource-based policy",
                Some(Lack::Identity) | None => "identity-based policy",
            };
            format!("because no {policy} allows the {action} action")
        }
    };
    match &verdict.unsure {
        Some(unsure) => format!("{words} (the sandbox cannot be sure: {unsure})"),
        None => words,
    }
}

/// Puts the use of a key through S3 before `decide`, with the context that KMS sees then.
pub(in crate::sandbox) fn through_s3<T>(sealing: &Sealing<'_>, decide: impl FnOnce(&[(&str, &str)]) -> T) -> T {
    let Sealing { account, region, bucket, key, bucket_key } = *sealing;
    let about = if bucket_key { format!("arn:aws:s3:::{bucket}") } else { format!("arn:aws:s3:::{bucket}/{key}") };
    let via = format!("s3.{region}.amazonaws.com");
    decide(&[
        ("aws:SecureTransport", "true"),
        ("kms:ViaService", via.as_str()),
        ("kms:CallerAccount", account),
        ("kms:EncryptionContext:aws:s3:arn", about.as_str()),
        ("kms:EncryptionContextKeys", "aws:s3:arn"),
    ])
}

/// A refusal, from its parts.
pub(in crate::sandbox) fn refusal(status: u16, code: &str, message: impl Into<String>) -> Refusal {
    Refusal { status, code: code.into(), message: message.into() }
}
