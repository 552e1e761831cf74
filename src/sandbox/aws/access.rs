//! Who may do what: the live documents and what is known of a request, put before the [`decision`].

use std::collections::{BTreeMap, BTreeSet};

use super::decision::{self, Asking, Assuming, Documents};
use super::iam;
use super::kms::Key;
use super::store::World;
use super::time::iso;
use super::wire::{Refused, refused};
use super::{ACCOUNT, CALLER};
use crate::model::{AccountId, Arn};
use crate::policy::Document;
use crate::policy::evaluate::{Identity, Kind, Policies, Principal, Request, Target, evaluate};

/// A session of a role, or a user.
#[derive(Clone, Copy, Debug)]
pub(super) struct By<'a> {
    /// `arn:aws:sts::…:assumed-role/role/session`, or the user.
    pub(super) session: &'a str,
    /// The role; of a user the user itself.
    pub(super) role: &'a str,
    /// When a session was given out; absent if that was for this request.
    pub(super) issued: Option<i64>,
    /// The policies it was narrowed with.
    pub(super) policies: Option<&'a [String]>,
}

/// What a session asks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish<'a> {
    /// Such as `s3:GetObject`.
    pub(super) action: &'a str,
    /// The ARN it is about.
    pub(super) resource: &'a str,
    /// Where that is.
    pub(super) region: &'a str,
    /// Context keys and values; one without a value is known to be missing. Of keys that are not here, nothing is known but what follows from
    /// the session and the time.
    pub(super) context: &'a [(&'a str, Option<&'a str>)],
}

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
/// that nobody learns which roles there are. `policies` narrow the session that asks, if it is one.
pub(super) fn assume(
    world: &mut World,
    asking: &Assuming<'_>,
    policies: Option<&[String]>,
    region: &str,
) -> Result<String, Refused> {
    decision::external_id(asking)?;
    let Some(role) = world.iam.roles.values().find(|role| role.arn == asking.role_arn) else {
        return Err(decision::not_assumed(asking).into());
    };
    let who = principal(world, asking.principal)?;
    // A user that does not exist any more, or never did, cannot ask.
    if matches!(who, Principal::User(_)) && world.unique_id_of(asking.principal).is_none() {
        return Err(refused(403, "InvalidClientTokenId", "The security token included in the request is invalid."));
    }
    let (own, limit);
    let (identity, boundary) = match &who {
        Principal::Session { role, .. } => {
            (own, limit) = (identity_policies(world, role.as_str())?, boundary(world, role.as_str())?);
            (Identity::Policies(&own), limit.as_ref())
        }
        // The caller is the account's administrator; users elsewhere are allowed by their own account.
        Principal::User(arn) if arn.as_str() == CALLER || arn.account() != ACCOUNT => (Identity::Presumed, None),
        Principal::User(arn) => {
            (own, limit) = (identity_policies(world, arn.as_str())?, boundary(world, arn.as_str())?);
            (Identity::Policies(&own), limit.as_ref())
        }
        Principal::Account(_) | Principal::Service(_) => (Identity::Policies(&[]), None),
    };
    let narrowed = narrowed(policies)?;
    let (owner, trust) = (account()?, parse(&role.trust.shown(world))?);
    let target = Target { owner: &owner, kind: Kind::Role, policy: Some(&trust) };
    let policies = Policies { identity, boundary, session: narrowed.as_deref(), target };
    let id = world.unique_id_of(asking.principal);
    decision::assume_knowing(asking, who.clone(), &policies, |request| {
        let request = if matches!(who, Principal::User(_)) {
            request.with("aws:userid", &id.into_iter().collect::<Vec<_>>())
        } else {
            request
        };
        timed(world, request, region)
            // Requests with these are refused before.
            .with("sts:SourceIdentity", &[])
            .with("sts:TransitiveTagKeys", &[])
            .with("aws:TagKeys", &[])
            .with_all_under("aws:RequestTag/", &BTreeMap::new())
            .with_all_under("aws:ResourceTag/", &role.tags)
            .with_all_under("iam:ResourceTag/", &role.tags)
    })?;
    let (name, now) = (role.name.clone(), world.now());
    if let Some(role) = world.iam.roles.get_mut(&name) {
        role.last_used = Some((now, region.to_owned()));
    }
    Ok(format!("arn:aws:sts::{ACCOUNT}:assumed-role/{name}/{}", asking.session))
}

/// What IAM keeps of a role or user.
struct Holder<'w> {
    id: &'w str,
    tags: &'w BTreeMap<String, String>,
    inline: &'w BTreeMap<String, String>,
    attached: &'w BTreeSet<String>,
    boundary: Option<&'w String>,
}

fn holder<'w>(world: &'w World, arn: &str) -> Option<Holder<'w>> {
    if let Some(user) = world.directory.users.get(arn) {
        let (inline, attached, boundary) = (&user.inline, &user.attached, user.boundary.as_ref());
        return Some(Holder { id: &user.id, tags: &user.tags, inline, attached, boundary });
    }
    let role = world.iam.roles.values().find(|role| role.arn == arn)?;
    let (inline, attached, boundary) = (&role.inline, &role.attached, role.boundary.as_ref());
    Some(Holder { id: &role.id, tags: &role.tags, inline, attached, boundary })
}

/// The documents of a role or user: inline and attached.
fn identity_policies(world: &World, arn: &str) -> Result<Vec<Document>, Refused> {
    let Some(holder) = holder(world, arn) else { return Ok(Vec::new()) };
    let attached = holder.attached.iter().filter_map(|arn| iam::document_of(world, arn));
    holder.inline.values().cloned().chain(attached).map(|text| parse(&text)).collect()
}

fn boundary(world: &World, arn: &str) -> Result<Option<Document>, Refused> {
    let Some(arn) = holder(world, arn).and_then(|holder| holder.boundary) else { return Ok(None) };
    match iam::document_of(world, arn) {
        Some(text) => parse(&text).map(Some),
        None => Err(broken(&format!("the sandbox does not know what the boundary {arn} allows"))),
    }
}

/// The policies that narrow a session.
fn narrowed(texts: Option<&[String]>) -> Result<Option<Vec<Document>>, Refused> {
    texts.map(|texts| texts.iter().map(|text| parse(text)).collect()).transpose()
}

/// What is true of every request that reaches the sandbox: it comes now, and as over TLS. The account is in no organisation.
fn timed(world: &World, request: Request, region: &str) -> Request {
    let now = world.now();
    request
        .with("aws:SecureTransport", &["true"])
        .with("aws:CurrentTime", &[&iso(now)])
        .with("aws:EpochTime", &[&(now / 1000).to_string()])
        .with("aws:RequestedRegion", &[region])
        .with("aws:ResourceAccount", &[ACCOUNT])
        .with("aws:ResourceOrgID", &[])
}

/// Decides a request to a bucket or its objects.
pub(super) fn on_bucket(world: &World, bucket: &str, by: &By<'_>, wish: &Wish<'_>) -> Result<(), Refused> {
    let policy = world.buckets.get(bucket).and_then(|bucket| bucket.policy.as_ref());
    let policy = policy.map(|policy| parse(&policy.shown(world))).transpose()?;
    decide(world, Kind::Resource, policy.as_ref(), by, wish)
}

/// Decides a request to a key.
pub(super) fn on_key(world: &World, key: &Key, by: &By<'_>, wish: &Wish<'_>) -> Result<(), Refused> {
    decide(world, Kind::Key, Some(&parse(&key.policy.shown(world))?), by, wish)
}

fn decide(world: &World, kind: Kind, policy: Option<&Document>, by: &By<'_>, wish: &Wish<'_>) -> Result<(), Refused> {
    let found = holder(world, by.role);
    // What is left of a session whose role is gone has no rights, and no policy means it.
    let policy = policy.filter(|_| found.is_some());
    let (id, tags) = found.map_or((None, BTreeMap::new()), |holder| (Some(holder.id), holder.tags.clone()));
    let (owner, own, boundary) = (account()?, identity_policies(world, by.role)?, boundary(world, by.role)?);
    let narrowed = narrowed(by.policies)?;
    let target = Target { owner: &owner, kind, policy };
    let documents = Documents { identity: &own, boundary: boundary.as_ref(), target };
    let Wish { action, resource, region, context } = *wish;
    let asking = Asking { session: by.session, role: by.role, action, resource, context: &[] };
    decision::decide_knowing(&asking, &documents, narrowed.as_deref(), |request| {
        let name = by.session.rsplit('/').next().unwrap_or_default();
        let id = id.unwrap_or_default();
        let request = timed(world, request, region);
        let request = if by.role == by.session {
            // Keys of a user have no token.
            request.with("aws:userid", &[id]).with("aws:username", &[name]).with("aws:TokenIssueTime", &[])
        } else {
            let issued = iso(by.issued.unwrap_or_else(|| world.now()));
            request.with("aws:userid", &[&format!("{id}:{name}")]).with("aws:TokenIssueTime", &[&issued])
        };
        let request = request
            .with("aws:PrincipalOrgID", &[])
            .with("aws:PrincipalOrgPaths", &[])
            .with("aws:SourceIdentity", &[])
            .with("aws:FederatedProvider", &[])
            .with_all_under("aws:PrincipalTag/", &tags);
        context
            .iter()
            .fold(request, |request, (key, value)| request.with(key, &value.iter().copied().collect::<Vec<_>>()))
    })?;
    Ok(())
}

/// Whether whoever writes this key policy could write it again.
pub(super) fn can_administer(policy: &str, key: &str) -> bool {
    let (Ok(document), Ok(owner), Ok(caller)) = (Document::parse(policy), account(), arn(CALLER)) else { return false };
    let request = Request::new(Principal::User(caller), "kms:PutKeyPolicy", key)
        .with("aws:SecureTransport", &["true"])
        .with("kms:CallerAccount", &[ACCOUNT])
        .with("kms:ViaService", &[])
        .with("kms:BypassPolicyLockoutSafetyCheck", &["false"]);
    let target = Target { owner: &owner, kind: Kind::Key, policy: Some(&document) };
    evaluate(&request, &Policies { identity: Identity::Presumed, boundary: None, session: None, target }).is_allowed()
}
