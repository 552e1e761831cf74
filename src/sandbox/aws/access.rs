//! Who may do what: the live documents, put before the [`decision`].

use super::decision::{self, Asking, Assuming, Documents};
use super::iam;
use super::kms::Key;
use super::store::World;
use super::wire::{Refused, refused};
use super::{ACCOUNT, CALLER};
use crate::model::{AccountId, Arn};
use crate::policy::Document;
use crate::policy::evaluate::{Identity, Kind, Policies, Principal, Request, Target, evaluate};

fn account() -> Result<AccountId, Refused> {
    ACCOUNT.parse().map_err(|error| broken(&error))
}

/// A document or name that the evaluator cannot read. It counts for nobody: the request is refused.
fn broken(error: &dyn std::fmt::Display) -> Refused {
    decision::broken(error).into()
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
    decision::external_id(asking)?;
    let Some(role) = world.iam.roles.values().find(|role| role.arn == asking.role_arn) else {
        return Err(decision::not_assumed(asking).into());
    };
    let who = principal(world, asking.principal)?;
    // A user that does not exist any more, or never did, cannot ask.
    if matches!(who, Principal::User(_)) && world.unique_id_of(asking.principal).is_none() {
        return Err(refused(403, "InvalidClientTokenId", "The security token included in the request is invalid."));
    }
    let own;
    let identity = match &who {
        Principal::Session { role, .. } => {
            own = identity_policies(world, role.as_str())?;
            Identity::Policies(&own)
        }
        // The caller is the account's administrator; users elsewhere are allowed by their own account.
        Principal::User(_) | Principal::Account(_) | Principal::Service(_) => Identity::Presumed,
    };
    decision::assume(asking, who.clone(), identity, &account()?, &parse(&role.trust.shown(world))?)?;
    let (name, now) = (role.name.clone(), world.now());
    if let Some(role) = world.iam.roles.get_mut(&name) {
        role.last_used = Some((now, region.to_owned()));
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
    let (owner, own, boundary) = (account()?, identity_policies(world, asking.role)?, boundary(world, asking.role)?);
    let target = Target { owner: &owner, kind, policy };
    Ok(decision::decide(asking, &Documents { identity: &own, boundary: boundary.as_ref(), target })?)
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
