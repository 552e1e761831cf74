//! Decides a request the way AWS does, from documents alone.
//!
//! Rules: IAM user guide, "Policy evaluation logic". One law stands above them: never a false allow. What is not known, not understood or
//! not valid keeps an allowing statement from allowing and lets a denying statement deny, and the verdict says so. Service and resource
//! control policies of an organisation are not seen here.

pub(super) mod condition;
mod pattern;
mod statement;

use std::collections::{BTreeMap, BTreeSet};

use self::statement::{Match, Place};
use super::{Document, Effect, Name};
use crate::model::{AccountId, Arn};

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// The root user of an account.
    Account(AccountId),
    /// An IAM user.
    User(Arn),
    /// A session of a role.
    Session {
        /// `arn:…:sts::…:assumed-role/name/session`.
        session: Arn,
        /// The role, with its path.
        role: Arn,
    },
    /// An AWS service, such as `s3.amazonaws.com`.
    Service(String),
}

impl Principal {
    /// The account of the principal; services have none.
    pub fn account(&self) -> Option<String> {
        match self {
            Self::Account(id) => Some(id.to_string()),
            Self::User(arn) | Self::Session { role: arn, .. } => Some(arn.account().to_owned()),
            Self::Service(_) => None,
        }
    }

    fn arn(&self) -> Option<&Arn> {
        match self {
            Self::User(arn) | Self::Session { role: arn, .. } => Some(arn),
            Self::Account(_) | Self::Service(_) => None,
        }
    }
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Who asks.
    pub principal: Principal,
    /// For what, without wildcards: `s3:GetObject`.
    pub action: String,
    /// On what: an ARN, or `*` for actions without a resource.
    pub resource: String,
    context: BTreeMap<Name, Vec<String>>,
    unknown: BTreeSet<Name>,
}

impl Request {
    /// A request whose context holds what follows from the principal: `aws:PrincipalArn`, `aws:PrincipalAccount` and `aws:username`.
    pub fn new(principal: Principal, action: &str, resource: &str) -> Self {
        let mut context = BTreeMap::new();
        let mut put = |key: &str, value: Option<&str>| {
            if let Some(value) = value {
                context.insert(Name::from(key), vec![value.to_owned()]);
            }
        };
        put("aws:PrincipalArn", principal.arn().map(Arn::as_str));
        put("aws:PrincipalAccount", principal.account().as_deref());
        if let Principal::User(arn) = &principal {
            put("aws:username", arn.resource().rsplit('/').next());
        }
        Self { principal, action: action.into(), resource: resource.into(), context, unknown: BTreeSet::new() }
    }

    /// This request with the values of a context key. No value means that the request does not carry the key.
    #[must_use]
    pub fn with(mut self, key: &str, values: &[&str]) -> Self {
        self.context.insert(key.into(), values.iter().map(|&value| value.to_owned()).collect());
        self
    }

    /// This request with a context key that it may or may not carry, with a value that is not known.
    #[must_use]
    pub fn with_unknown(mut self, key: &str) -> Self {
        self.unknown.insert(key.into());
        self
    }

    /// The values of a key, none if the request does not carry it; `Err` if that is not known.
    fn values(&self, key: &Name) -> Result<&[String], String> {
        if self.unknown.contains(key) {
            return Err(format!("the value of `{key}` in the request is not known"));
        }
        Ok(self.context.get(key).map_or(&[], Vec::as_slice))
    }
}

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
    /// The permissions boundary of the principal. It limits what resource policies allow, too; AWS makes an exception for those that name
    /// a user or a session itself, which is not made here.
    pub boundary: Option<&'a Document>,
    /// Of what the request is about.
    pub target: Target<'a>,
}

/// How a request is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is allowed.
    Allow,
    /// A statement denies it, or may deny it.
    ExplicitDeny,
    /// Nothing, or not enough, allows it.
    ImplicitDeny,
}

/// A decision with its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The decision.
    pub decision: Decision,
    /// The statement that decided.
    pub decided_by: Option<String>,
    /// Why, a sentence without a period.
    pub reason: String,
}

impl Verdict {
    /// Whether the request is allowed.
    pub fn is_allowed(&self) -> bool {
        self.decision == Decision::Allow
    }

    fn implicit(reason: String) -> Self {
        Self { decision: Decision::ImplicitDeny, decided_by: None, reason }
    }
}

/// Decides a request.
pub fn evaluate(request: &Request, policies: &Policies<'_>) -> Verdict {
    let target = policies.target;
    let own: &[Document] = match policies.identity {
        Identity::Policies(documents) => documents,
        Identity::Presumed => &[],
    };
    let mut identity = Tally::default();
    for (at, document) in (1..).zip(own) {
        identity.count(request, document, Place::Identity, &format!("identity policy {at}"));
    }
    let mut boundary = Tally::default();
    if let Some(document) = policies.boundary {
        boundary.count(request, document, Place::Identity, "the permissions boundary");
    }
    let mut resource = Tally::default();
    if let Some(document) = target.policy {
        resource.count(request, document, Place::Target(target.kind), target.kind.policy());
    }
    if let Some((by, reason)) = [&mut identity, &mut boundary, &mut resource].into_iter().find_map(|t| t.denied.take())
    {
        return Verdict { decision: Decision::ExplicitDeny, decided_by: Some(by), reason };
    }
    let outside_boundary = policies.boundary.is_some() && boundary.allowed.is_none();
    if outside_boundary {
        return Verdict::implicit(boundary.notes("the permissions boundary does not allow it".into()));
    }

    let presumed = matches!(policies.identity, Identity::Presumed);
    let by_identity = identity.allowed.clone().or_else(|| presumed.then(|| "policies that cannot be seen".to_owned()));
    let same_account = request.principal.account() == Some(target.owner.to_string());
    let service = matches!(request.principal, Principal::Service(_));
    let also = if presumed { ", presuming that its own account allows it" } else { "" };
    let allow = |by: String, reason: String| Verdict { decision: Decision::Allow, decided_by: Some(by), reason };
    let what = target.kind.policy();

    match (resource.allowed.clone(), resource.delegated.clone(), by_identity) {
        (Some(by), _, _) if service || same_account => allow(by, format!("{what} allows it")),
        (Some(by), _, Some(_)) => allow(by, format!("{what} allows it to another account{also}")),
        (None, Some(_), Some(by)) => allow(by, format!("{what} leaves it to the account, which allows it{also}")),
        (None, None, Some(by)) if same_account && target.kind == Kind::Resource && !service => {
            allow(by, format!("a policy of the principal allows it{also}"))
        }
        (Some(_), _, None) | (None, Some(_), None) => {
            Verdict::implicit(identity.notes(format!("{what} would let it, but no policy of the principal allows it")))
        }
        (None, None, Some(_)) => Verdict::implicit(resource.notes(format!("{what} does not allow it"))),
        (None, None, None) => {
            let reason = identity.notes(format!("neither a policy of the principal nor {what} allows it"));
            Verdict::implicit(resource.notes(reason))
        }
    }
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

/// What the statements of one place say together.
#[derive(Default)]
struct Tally {
    denied: Option<(String, String)>,
    allowed: Option<String>,
    /// A statement allows it to the whole account, so policies of the principal decide.
    delegated: Option<String>,
    doubts: Vec<String>,
}

impl Tally {
    fn count(&mut self, request: &Request, document: &Document, place: Place, what: &str) {
        for (at, statement) in (1..).zip(document.statements()) {
            let name = match &statement.sid {
                Some(sid) => format!("statement `{sid}` of {what}"),
                None => format!("statement {at} of {what}"),
            };
            match (statement.effect, statement::matches(request, statement, document.version, place)) {
                (_, Match::No) => {}
                (Effect::Deny, Match::Yes | Match::Delegated) => {
                    self.denied.get_or_insert((name.clone(), format!("{name} denies it")));
                }
                (Effect::Deny, Match::Unknown(why)) => {
                    self.denied.get_or_insert((name.clone(), format!("{name} may deny it: {why}")));
                }
                (Effect::Allow, Match::Yes) => {
                    self.allowed.get_or_insert(name);
                }
                (Effect::Allow, Match::Delegated) => {
                    self.delegated.get_or_insert(name);
                }
                (Effect::Allow, Match::Unknown(why)) => self.doubts.push(format!("{name} is not counted: {why}")),
            }
        }
    }

    fn notes(&self, reason: String) -> String {
        self.doubts.iter().fold(reason, |reason, doubt| format!("{reason}; {doubt}"))
    }
}

#[cfg(test)]
mod cases;
#[cfg(test)]
mod laws;
