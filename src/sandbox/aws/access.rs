//! Who may do what: the live documents, put before the evaluator, and AWS's words for its verdict.

use super::iam;
use super::kms::Key;
use super::store::World;
use super::time::now;
use super::wire::{Refused, refused};
use super::{ACCOUNT, CALLER};
use crate::model::{AccountId, Arn};
use crate::policy::Document;
use crate::policy::evaluate::{Decision, Identity, Kind, Policies, Principal, Request, Target, Verdict, evaluate};

/// One `sts:AssumeRole`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Assuming<'a> {
    /// Who asks: a user or a session.
    pub(super) principal: &'a str,
    /// For which role.
    pub(super) role_arn: &'a str,
    /// With which external ID.
    pub(super) external_id: Option<&'a str>,
    /// Under which name.
    pub(super) session: &'a str,
}

/// A session of a role and what it asks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asking<'a> {
    /// `arn:aws:sts::…:assumed-role/role/session`.
    pub(super) session: &'a str,
    /// The role.
    pub(super) role: &'a str,
    /// Such as `s3:GetObject`.
    pub(super) action: &'a str,
    /// The ARN it is about.
    pub(super) resource: &'a str,
    /// Context keys and values.
    pub(super) context: &'a [(&'a str, &'a str)],
}

fn account() -> Result<AccountId, Refused> {
    ACCOUNT.parse().map_err(|error| broken(&error))
}

/// A document or name that the evaluator cannot read. It counts for nobody: the request is refused.
fn broken(error: &dyn std::fmt::Display) -> Refused {
    refused(500, "InternalError", format!("the sandbox could not evaluate the request: {error}"))
}

fn arn(text: &str) -> Result<Arn, Refused> {
    text.parse().map_err(|error| broken(&error))
}

fn parse(text: &str) -> Result<Document, Refused> {
    Document::parse(text).map_err(|error| broken(&error))
}

fn principal(world: &World, text: &str) -> Result<Principal, Refused> {
    if let Some(account) = text.strip_suffix(":root").and_then(|text| text.split(':').nth(4)) {
        return Ok(Principal::Account(account.parse().map_err(|error| broken(&error))?));
    }
    match text.split(":assumed-role/").nth(1).and_then(|rest| rest.split('/').next()) {
        Some(name) => {
            let role = world.iam.roles.get(name).ok_or_else(|| broken(&"the role of the session is gone"))?;
            Ok(Principal::Session { session: arn(text)?, role: arn(&role.arn)? })
        }
        None => Ok(Principal::User(arn(text)?)),
    }
}

/// Decides `sts:AssumeRole` by the role's trust policy and gives the ARN of the session. A missing role is refused like a forbidden one, so
/// that nobody learns which roles there are.
pub(super) fn assume(world: &mut World, asking: &Assuming<'_>, region: &str) -> Result<String, Refused> {
    let refusal = || {
        let message = format!(
            "User: {} is not authorized to perform: sts:AssumeRole on resource: {}",
            asking.principal, asking.role_arn
        );
        refused(403, "AccessDenied", message)
    };
    let fits = |c: char| c.is_ascii_alphanumeric() || "_+=,.@:/-".contains(c);
    if let Some(id) = asking.external_id.filter(|id| !(2..=1224).contains(&id.len()) || !id.chars().all(fits)) {
        let message = format!(
            "1 validation error detected: Value '{id}' at 'externalId' failed to satisfy constraint: Member must have \
             length between 2 and 1224 and satisfy regular expression pattern: [\\w+=,.@:\\/-]*"
        );
        return Err(refused(400, "ValidationError", message));
    }
    let role = world.iam.roles.values().find(|role| role.arn == asking.role_arn).ok_or_else(refusal)?;
    let who = principal(world, asking.principal)?;
    // A user that does not exist any more, or never did, cannot ask.
    if matches!(who, Principal::User(_)) && world.unique_id_of(asking.principal).is_none() {
        return Err(refused(403, "InvalidClientTokenId", "The security token included in the request is invalid."));
    }
    let mut request = Request::new(who, "sts:AssumeRole", asking.role_arn)
        .with("aws:SecureTransport", &["true"])
        .with("sts:RoleSessionName", &[asking.session]);
    if let Some(id) = asking.external_id {
        request = request.with("sts:ExternalId", &[id]);
    }
    let (owner, trust) = (account()?, parse(&role.trust.shown(world))?);
    let own;
    let identity = match &request.principal {
        Principal::Session { role, .. } => {
            own = identity_policies(world, role.as_str())?;
            Identity::Policies(&own)
        }
        // The caller is the account's administrator; users elsewhere are allowed by their own account.
        Principal::User(_) | Principal::Account(_) | Principal::Service(_) => Identity::Presumed,
    };
    let target = Target { owner: &owner, kind: Kind::Role, policy: Some(&trust) };
    if !evaluate(&request, &Policies { identity, boundary: None, target }).is_allowed() {
        return Err(refusal());
    }
    let name = role.name.clone();
    if let Some(role) = world.iam.roles.get_mut(&name) {
        role.last_used = Some((now(), region.to_owned()));
    }
    Ok(format!("arn:aws:sts::{ACCOUNT}:assumed-role/{name}/{}", asking.session))
}

/// The documents of a role: inline and attached.
fn identity_policies(world: &World, role_arn: &str) -> Result<Vec<Document>, Refused> {
    let Some(role) = world.iam.roles.values().find(|role| role.arn == role_arn) else { return Ok(Vec::new()) };
    let attached = role.attached.iter().filter_map(|arn| iam::document_of(world, arn));
    role.inline.values().cloned().chain(attached).map(|text| parse(&text)).collect()
}

fn boundary(world: &World, role_arn: &str) -> Result<Option<Document>, Refused> {
    let role = world.iam.roles.values().find(|role| role.arn == role_arn);
    let Some(arn) = role.and_then(|role| role.boundary.as_ref()) else { return Ok(None) };
    match iam::document_of(world, arn) {
        Some(text) => parse(&text).map(Some),
        None => Err(broken(&format!("the sandbox does not know what the boundary {arn} allows"))),
    }
}

/// Decides a request to a bucket or its objects.
pub(super) fn on_bucket(world: &World, bucket: &str, asking: &Asking<'_>) -> Result<(), Refused> {
    let policy = world.buckets.get(bucket).and_then(|bucket| bucket.policy.as_ref());
    let policy = policy.map(|policy| parse(&policy.shown(world))).transpose()?;
    decide(world, Kind::Resource, policy.as_ref(), asking)
}

/// Decides a request to a key.
pub(super) fn on_key(world: &World, key: &Key, asking: &Asking<'_>) -> Result<(), Refused> {
    decide(world, Kind::Key, Some(&parse(&key.policy.shown(world))?), asking)
}

fn decide(world: &World, kind: Kind, policy: Option<&Document>, asking: &Asking<'_>) -> Result<(), Refused> {
    let who = Principal::Session { session: arn(asking.session)?, role: arn(asking.role)? };
    let mut request = Request::new(who, asking.action, asking.resource);
    for (key, value) in asking.context {
        request = request.with(key, &[value]);
    }
    let owner = account()?;
    let (own, boundary) = (identity_policies(world, asking.role)?, boundary(world, asking.role)?);
    let try_with = |identity: Identity<'_>, boundary: Option<&Document>, policy: Option<&Document>| -> Verdict {
        let target = Target { owner: &owner, kind, policy };
        evaluate(&request, &Policies { identity, boundary, target })
    };
    let identity = Identity::Policies(&own);
    let decision = try_with(identity, boundary.as_ref(), policy).decision;
    // AWS says which document decided. Leaving documents out shows it.
    let denies = |verdict: Verdict| verdict.decision == Decision::ExplicitDeny;
    let because = match decision {
        Decision::Allow => return Ok(()),
        Decision::ExplicitDeny if denies(try_with(identity, None, None)) => {
            "with an explicit deny in an identity-based policy".to_owned()
        }
        Decision::ExplicitDeny if denies(try_with(Identity::Policies(&[]), boundary.as_ref(), None)) => {
            "with an explicit deny in a permissions boundary".to_owned()
        }
        Decision::ExplicitDeny => "with an explicit deny in a resource-based policy".to_owned(),
        Decision::ImplicitDeny => {
            let missing = if boundary.is_some() && try_with(identity, None, policy).is_allowed() {
                "permissions boundary"
            } else if kind == Kind::Key && !try_with(Identity::Presumed, None, policy).is_allowed() {
                "resource-based policy"
            } else {
                "identity-based policy"
            };
            format!("because no {missing} allows the {} action", asking.action)
        }
    };
    let resource = match kind {
        Kind::Key if asking.action == "kms:Decrypt" => "the resource associated with this ciphertext".to_owned(),
        Kind::Key => format!("resource: {}", asking.resource),
        Kind::Resource | Kind::Role => format!("resource: \"{}\"", asking.resource),
    };
    let message =
        format!("User: {} is not authorized to perform: {} on {resource} {because}", asking.session, asking.action);
    Err(refused(403, "AccessDenied", message))
}

/// Whether whoever writes this key policy could write it again.
pub(super) fn can_administer(policy: &str, key: &str) -> bool {
    let (Ok(document), Ok(owner), Ok(caller)) = (Document::parse(policy), account(), arn(CALLER)) else { return false };
    let request = Request::new(Principal::User(caller), "kms:PutKeyPolicy", key)
        .with("aws:SecureTransport", &["true"])
        .with("kms:CallerAccount", &[ACCOUNT])
        .with("kms:BypassPolicyLockoutSafetyCheck", &["false"]);
    let target = Target { owner: &owner, kind: Kind::Key, policy: Some(&document) };
    evaluate(&request, &Policies { identity: Identity::Presumed, boundary: None, target }).is_allowed()
}
