//! Whether one statement is about a request.

use std::collections::BTreeSet;

use super::pattern::{Pattern, Syntax};
use super::{Kind, Principal, Request, condition};
use crate::model::Val;
use crate::policy::{Principals, Scope, Statement, Version, Who};

/// Where a statement stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In a policy of a principal, or in its boundary.
    Identity,
    /// In the policy of what the request is about.
    Target(Kind),
}

/// Whether something holds for a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Match {
    /// It does.
    Yes,
    /// It holds for the principal's account as a whole.
    Delegated,
    /// It does not.
    No,
    /// That cannot be said, and why.
    Unknown(String),
}

impl Match {
    pub(super) fn from_bool(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }

    /// Both.
    #[must_use]
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Unknown(why), _) | (_, Self::Unknown(why)) => Self::Unknown(why),
            (Self::Delegated, _) | (_, Self::Delegated) => Self::Delegated,
            (Self::Yes, Self::Yes) => Self::Yes,
        }
    }

    /// Either; the more certain, and then the more direct one.
    #[must_use]
    pub(super) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Yes, _) | (_, Self::Yes) => Self::Yes,
            (Self::Unknown(why), Self::No | Self::Unknown(_)) | (Self::No, Self::Unknown(why)) => Self::Unknown(why),
            (Self::Delegated, _) | (_, Self::Delegated) => Self::Delegated,
            (Self::No, Self::No) => Self::No,
        }
    }

    /// The opposite; what holds for a whole account is not surely excluded for one principal of it.
    #[must_use]
    pub(super) fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Delegated => Self::Unknown("`NotPrincipal` names the account but not the principal".into()),
            Self::Unknown(why) => Self::Unknown(why),
        }
    }
}

/// Whether the statement is about the request.
pub(super) fn matches(request: &Request, statement: &Statement, version: Version, place: Place) -> Match {
    let parts: [&dyn Fn() -> Match; 4] = [
        &|| actions(request, statement, place),
        &|| resources(request, statement, version, place),
        &|| principals(request, statement.principals.as_ref(), place),
        &|| condition::all(request, &statement.conditions, version),
    ];
    parts.into_iter().fold(Match::Yes, |so_far, part| if so_far == Match::No { so_far } else { so_far.and(part()) })
}

/// What a missing element means: KMS takes such statements and ignores them, other services refuse them.
fn missing(what: &str, place: Place) -> Match {
    match place {
        Place::Target(Kind::Key) => Match::No,
        _ => Match::Unknown(format!("it has no `{what}`")),
    }
}

fn actions(request: &Request, statement: &Statement, place: Place) -> Match {
    let Some(scope) = &statement.actions else { return missing("Action", place) };
    let named = scope.set().iter().any(|name| Pattern::plain(name.as_str()).matches_ignoring_case(&request.action));
    Match::from_bool(match scope {
        Scope::Only(_) => named,
        Scope::AllBut(_) => !named,
    })
}

fn resources(request: &Request, statement: &Statement, version: Version, place: Place) -> Match {
    let scope = match (&statement.resources, place) {
        (None, Place::Target(Kind::Role)) => return Match::Yes,
        (Some(_), Place::Target(Kind::Role)) => return Match::Unknown("a trust policy has no `Resource`".into()),
        (None, place) => return missing("Resource", place),
        (Some(scope), _) => scope,
    };
    let named = any(scope.set(), |val| resource(request, val, version));
    match scope {
        Scope::Only(_) => named,
        Scope::AllBut(_) => named.not(),
    }
}

fn resource(request: &Request, val: &Val, version: Version) -> Match {
    match Pattern::new(val, Syntax { wildcards: true, version }, request) {
        Err(why) => Match::Unknown(why),
        Ok(pattern) if pattern.matches_arn(&request.resource) => Match::Yes,
        Ok(pattern) if pattern.matches(&request.resource) => {
            Match::Unknown("a wildcard in `Resource` spans fields of the ARN".into())
        }
        Ok(_) => Match::No,
    }
}

fn principals(request: &Request, principals: Option<&Scope<Principals>>, place: Place) -> Match {
    match (principals, place) {
        (None, Place::Identity) => Match::Yes,
        (Some(_), Place::Identity) => Match::Unknown("a policy of an identity has no `Principal`".into()),
        (None, Place::Target(_)) => Match::Unknown("it has no `Principal`".into()),
        (Some(Scope::Only(principals)), _) => among(&request.principal, principals),
        (Some(Scope::AllBut(principals)), _) => match (&request.principal, among(&request.principal, principals)) {
            (Principal::Session { session, .. }, Match::Yes) if !names(principals, session.as_str()) => {
                Match::Unknown("`NotPrincipal` names the role but not the session".into())
            }
            (_, found) => found.not(),
        },
    }
}

/// Whether principals of type AWS hold exactly this name.
fn names(principals: &Principals, name: &str) -> bool {
    match principals {
        Principals::Anyone => true,
        Principals::Of(types) => {
            types.get("AWS").is_some_and(|set| set.iter().any(|who| who.val().as_known() == Some(name)))
        }
    }
}

fn among(principal: &Principal, principals: &Principals) -> Match {
    let Principals::Of(types) = principals else { return Match::Yes };
    types.iter().fold(Match::No, |found, (kind, set)| found.or(any(set, |who| is(principal, kind, who))))
}

fn is(principal: &Principal, kind: &str, who: &Who) -> Match {
    let Some(text) = who.val().as_known() else {
        return Match::Unknown("a principal in it is known only after apply".into());
    };
    match (kind, principal) {
        ("Service", Principal::Service(name)) => Match::from_bool(name == text),
        ("AWS", Principal::Service(_)) if text == "*" => {
            Match::Unknown("whether `{\"AWS\": \"*\"}` is about a service is not documented".into())
        }
        ("AWS", Principal::Service(_)) | ("Service" | "Federated", _) => Match::No,
        ("AWS", _) if text == "*" => Match::Yes,
        ("AWS", principal) => match (who.account(), principal) {
            (Some(account), Principal::Account(id)) => Match::from_bool(account == id.to_string()),
            (Some(account), _) if principal.account().as_deref() == Some(account) => Match::Delegated,
            (Some(_), _) | (None, Principal::Account(_) | Principal::Service(_)) => Match::No,
            (None, Principal::User(arn)) => Match::from_bool(arn.as_str() == text),
            (None, Principal::Session { session, role }) => {
                Match::from_bool(session.as_str() == text || role.as_str() == text)
            }
        },
        (kind, _) => Match::Unknown(format!("principals of type `{kind}` are not compared")),
    }
}

/// Whether one of a set holds.
fn any<T>(set: &BTreeSet<T>, holds: impl Fn(&T) -> Match) -> Match {
    set.iter().fold(Match::No, |found, one| found.or(holds(one)))
}
