//! Whether one statement is about a request.

use std::collections::BTreeSet;

use super::pattern::{Pattern, Syntax};
pub(super) use super::principal::Fit;
use super::principal::{self, Reach};
use super::{Kind, Request, condition};
use crate::model::Val;
use crate::policy::{Name, Scope, Statement, Version};

/// Where a statement stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In a policy of a principal, in its boundary, or in a policy of its session.
    Identity,
    /// In the policy of what the request is about.
    Target {
        /// What that is.
        kind: Kind,
        /// Whether who asks has a permissions boundary.
        bounded: bool,
    },
}

/// Whether something holds for a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Match {
    /// It does.
    Yes,
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
            (Self::Yes, Self::Yes) => Self::Yes,
        }
    }

    /// Either.
    #[must_use]
    pub(super) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Yes, _) | (_, Self::Yes) => Self::Yes,
            (Self::Unknown(why), _) | (_, Self::Unknown(why)) => Self::Unknown(why),
            (Self::No, Self::No) => Self::No,
        }
    }

    /// The opposite.
    #[must_use]
    pub(super) fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Unknown(why) => Self::Unknown(why),
        }
    }
}

/// Whether the statement is about the request.
pub(super) fn fits(request: &Request, statement: &Statement, version: Version, place: Place) -> Fit {
    let principals = match place {
        Place::Identity if statement.principals.is_none() => Fit::Yes(Reach::Covered),
        Place::Identity => Fit::Unknown("a policy of an identity has no `Principal`".into()),
        Place::Target { kind, bounded } => {
            principal::fits(&request.principal, statement.principals.as_ref(), statement.effect, kind, bounded)
        }
    };
    if principals == Fit::No {
        return Fit::No;
    }
    let rest = actions(request, statement, place)
        .and(resources(request, statement, version, place))
        .and(condition::all(request, &statement.conditions, version));
    match rest {
        Match::Yes => principals,
        Match::No => Fit::No,
        Match::Unknown(why) => Fit::Unknown(why),
    }
}

/// What a missing element means: KMS takes such statements and ignores them, other services refuse them.
fn missing(what: &str, place: Place) -> Match {
    match place {
        Place::Target { kind: Kind::Key, .. } => Match::No,
        _ => Match::Unknown(format!("it has no `{what}`")),
    }
}

fn actions(request: &Request, statement: &Statement, place: Place) -> Match {
    let Some(scope) = &statement.actions else { return missing("Action", place) };
    among(scope, |name| action(request, name))
}

fn action(request: &Request, name: &Name) -> Match {
    let text = name.as_str();
    let named = Pattern::plain(text).matches_ignoring_case(&request.action);
    let vendor = text.split_once(':').map_or(text, |(vendor, _)| vendor);
    if named && text != "*" && vendor.contains(['*', '?']) {
        return Match::Unknown(format!("the service of the action `{text}` is not said"));
    }
    Match::from_bool(named)
}

fn resources(request: &Request, statement: &Statement, version: Version, place: Place) -> Match {
    let in_trust_policy = matches!(place, Place::Target { kind: Kind::Role, .. });
    let scope = match &statement.resources {
        None if in_trust_policy => return Match::Yes,
        Some(_) if in_trust_policy => return Match::Unknown("a trust policy has no `Resource`".into()),
        None => return missing("Resource", place),
        Some(scope) => scope,
    };
    among(scope, |val| resource(request, val, version))
}

fn resource(request: &Request, val: &Val, version: Version) -> Match {
    let pattern = match Pattern::new(val, Syntax { wildcards: true, version }, request) {
        Ok(pattern) => pattern,
        Err(why) => return Match::Unknown(why),
    };
    if pattern.is_anything() {
        return Match::Yes;
    }
    match pattern.matches_arn(&request.resource) {
        Some(true) if pattern.is_open_at_the_service() => {
            Match::Unknown("a wildcard stands for the service of a `Resource`".into())
        }
        Some(true) if pattern.has_early_variable() => {
            Match::Unknown("a variable stands before the last part of a `Resource`".into())
        }
        Some(true) => Match::Yes,
        _ if pattern.matches(&request.resource) => {
            Match::Unknown("a wildcard in `Resource` spans fields of the ARN".into())
        }
        _ => Match::No,
    }
}

/// Whether one of a set holds, or none of those that are excepted. An empty set is in no valid document.
fn among<T>(scope: &Scope<BTreeSet<T>>, holds: impl Fn(&T) -> Match) -> Match {
    if scope.set().is_empty() {
        return Match::Unknown("one of its lists is empty".into());
    }
    let named = scope.set().iter().fold(Match::No, |found, one| found.or(holds(one)));
    match scope {
        Scope::Only(_) => named,
        Scope::AllBut(_) => named.not(),
    }
}
