//! Decides a request the way AWS does, from documents alone.
//!
//! Rules: IAM user guide, "Policy evaluation logic". One law stands above them: never a false allow. What is not known, not understood or
//! not valid keeps an allowing statement from allowing and lets a denying statement deny, and the verdict says so. Service and resource
//! control policies of an organisation are not seen here, nor are KMS grants.

mod compare;
pub(super) mod condition;
mod pattern;
mod principal;
mod request;
mod statement;
mod verdict;

use self::principal::Reach;
pub use self::request::{Principal, Request};
use self::statement::{Fit, Place};
use self::verdict::Denial;
pub use self::verdict::{Decider, Decision, Lack, Origin, Verdict};
use super::{Document, Effect};
use crate::model::AccountId;

/// What the principal's own account says about it.
#[derive(Clone, Copy, Debug)]
pub enum Identity<'a> {
    /// The policies of the principal, inline and attached.
    Policies(&'a [Document]),
    /// Policies that cannot be seen, such as those of a user in Snowflake's account. They are taken to allow the request, and the verdict
    /// says so.
    Presumed,
}

/// What kind of thing a resource policy stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A bucket, a queue or a topic.
    Resource,
    /// A KMS key: without the consent of its own policy, no policy of an identity counts.
    Key,
    /// A role, with its trust policy; its statements name no resource.
    Role,
}

impl Kind {
    fn policy(self) -> &'static str {
        match self {
            Self::Resource => "the resource policy",
            Self::Key => "the key policy",
            Self::Role => "the trust policy",
        }
    }
}

/// What the request is about.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The account that owns it.
    pub owner: &'a AccountId,
    /// What it is.
    pub kind: Kind,
    /// Its policy, if it has one.
    pub policy: Option<&'a Document>,
}

/// All policies that have a say.
#[derive(Clone, Copy, Debug)]
pub struct Policies<'a> {
    /// Of the principal.
    pub identity: Identity<'a>,
    /// The permissions boundary of the principal.
    pub boundary: Option<&'a Document>,
    /// The policies a session was narrowed with when its role was assumed.
    pub session: Option<&'a [Document]>,
    /// Of what the request is about.
    pub target: Target<'a>,
}

/// Decides a request.
pub fn evaluate(request: &Request, policies: &Policies<'_>) -> Verdict {
    let target = policies.target;
    let presumed = matches!(policies.identity, Identity::Presumed);
    let own: &[Document] = match policies.identity {
        Identity::Policies(documents) => documents,
        Identity::Presumed => &[],
    };
    let bounded = policies.boundary.is_some();
    let mut identity = Tally::default();
    for (at, document) in (1..).zip(own) {
        identity.count(request, document, Place::Identity, Origin::Identity(at));
    }
    let mut boundary = Tally::default();
    if let Some(document) = policies.boundary {
        boundary.count(request, document, Place::Identity, Origin::Boundary);
    }
    let mut session = Tally::default();
    for (at, document) in (1..).zip(policies.session.unwrap_or_default()) {
        session.count(request, document, Place::Identity, Origin::Session(at));
    }
    let mut resource = Tally::default();
    if let Some(document) = target.policy {
        resource.count(request, document, Place::Target { kind: target.kind, bounded }, Origin::Target(target.kind));
    }
    let tallies = [&mut identity, &mut boundary, &mut session, &mut resource];
    if let Some(denial) = tallies.into_iter().find_map(|tally| tally.denied.take()) {
        return Verdict::explicit(denial);
    }

    let same_account = request.principal.account() == Some(target.owner.to_string());
    let what = target.kind.policy();
    // Only what is given to the user or the session by name, in its own account, is beyond the limits of the principal.
    if let Some(by) = resource.itself.clone().filter(|_| same_account && target.kind == Kind::Resource) {
        return Verdict::allow(Some(by), format!("{what} allows it to the principal itself"));
    }
    // Which is also why what is not known of the target's policy leaves a doubt about what those limits refuse.
    let limited = |lack: Lack, limit: Tally, reason: &str| {
        let beyond = if same_account && target.kind == Kind::Resource { resource.doubts.as_slice() } else { &[] };
        Verdict::implicit(lack, &[limit.doubts.as_slice(), beyond].concat(), reason)
    };
    if bounded && boundary.allowed().is_none() {
        return limited(Lack::Boundary, boundary, "the permissions boundary does not allow it");
    }
    if policies.session.is_some() && session.allowed().is_none() {
        return limited(Lack::Session, session, "no policy of the session allows it");
    }

    let by_identity = identity.allowed().map(Some).or_else(|| presumed.then_some(None));
    let service = matches!(request.principal, Principal::Service(_));
    let also = if presumed { ", presuming that its own account allows it" } else { "" };
    match (resource.allowed(), resource.account.clone(), by_identity) {
        (Some(by), _, _) if service || same_account => Verdict::allow(Some(by), format!("{what} allows it")),
        (Some(by), _, Some(_)) => Verdict::allow(Some(by), format!("{what} allows it to another account{also}")),
        (None, Some(by), Some(own)) => {
            let reason = format!("{what} leaves it to the account, which allows it{also}");
            Verdict::allow(own.or(Some(by)), reason)
        }
        (None, None, Some(by)) if same_account && target.kind == Kind::Resource => {
            Verdict::allow(by, format!("a policy of the principal allows it{also}"))
        }
        (Some(_), _, None) | (None, Some(_), None) => {
            let reason = format!("{what} would let it, but no policy of the principal allows it");
            // In its own account a statement that names the principal would do without one.
            let enough = if same_account { resource.doubts } else { Vec::new() };
            Verdict::implicit(Lack::Identity, &[identity.doubts, enough].concat(), &reason)
        }
        (None, None, Some(_)) => {
            Verdict::implicit(Lack::Target, &resource.doubts, &format!("{what} does not allow it"))
        }
        (None, None, None) => {
            let lacks = if target.kind == Kind::Resource { Lack::Identity } else { Lack::Target };
            let reason = format!("neither a policy of the principal nor {what} allows it");
            Verdict::implicit(lacks, &[identity.doubts, resource.doubts].concat(), &reason)
        }
    }
}

/// What the statements of one place say together.
#[derive(Default)]
struct Tally {
    denied: Option<Denial>,
    /// A statement allows it to the very user or session.
    itself: Option<Decider>,
    /// A statement allows it to something the principal is part of: its role, everybody.
    covered: Option<Decider>,
    /// A statement allows it to the whole account, so policies of the principal decide.
    account: Option<Decider>,
    doubts: Vec<String>,
}

impl Tally {
    fn count(&mut self, request: &Request, document: &Document, place: Place, origin: Origin) {
        for (index, statement) in (1..).zip(document.statements()) {
            let by = Decider { origin, sid: statement.sid.clone(), index };
            match (statement.effect, statement::fits(request, statement, document.version, place)) {
                (_, Fit::No) => {}
                (Effect::Deny, Fit::Yes(_)) => {
                    self.denied.get_or_insert(Denial { by, unsure: None });
                }
                (Effect::Deny, Fit::Unknown(why)) => {
                    self.denied.get_or_insert(Denial { by, unsure: Some(why) });
                }
                (Effect::Allow, Fit::Yes(reach)) => {
                    let slot = match reach {
                        Reach::Itself => &mut self.itself,
                        Reach::Covered => &mut self.covered,
                        Reach::Account => &mut self.account,
                    };
                    slot.get_or_insert(by);
                }
                (Effect::Allow, Fit::Unknown(why)) => self.doubts.push(format!("{by} is not counted: {why}")),
            }
        }
    }

    /// The statement that allows it without more.
    fn allowed(&self) -> Option<Decider> {
        self.itself.clone().or_else(|| self.covered.clone())
    }
}

#[cfg(test)]
mod cases;
#[cfg(test)]
mod laws;
#[cfg(test)]
mod naive;
