//! Whether a principal is meant by `Principal` or `NotPrincipal`. Source: IAM user guide, "AWS JSON policy elements: Principal",
//! "`NotPrincipal`", and "Permissions boundaries for IAM entities".

use std::collections::BTreeSet;

use super::{Kind, Principal};
use crate::policy::{Effect, Principals, Scope, Who};

/// How near a statement comes to the principal it fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    /// It means the account of the principal as a whole, which has to pass it on.
    Account,
    /// It means something the principal is part of: its role, everybody.
    Covered,
    /// It names the user or the session.
    Itself,
}

/// Whether a statement, or its principals, fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    Yes(Reach),
    No,
    /// That cannot be said, and why.
    Unknown(String),
}

impl Fit {
    fn from_bool(fits: bool, reach: Reach) -> Self {
        if fits { Self::Yes(reach) } else { Self::No }
    }

    /// Either. What covers the principal makes doubts about others idle; what only means its account does too, as it is certain.
    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Yes(one), Self::Yes(other)) => Self::Yes(one.max(other)),
            (Self::Yes(reach), _) | (_, Self::Yes(reach)) => Self::Yes(reach),
            (Self::Unknown(why), _) | (_, Self::Unknown(why)) => Self::Unknown(why),
            (Self::No, Self::No) => Self::No,
        }
    }
}

/// Whether the principals of a resource policy's statement fit. `bounded`: the principal has a permissions boundary.
pub(super) fn fits(
    principal: &Principal,
    scope: Option<&Scope<Principals>>,
    effect: Effect,
    kind: Kind,
    bounded: bool,
) -> Fit {
    match scope {
        None => Fit::Unknown("it has no `Principal`".into()),
        Some(Scope::Only(principals)) => among(principal, principals),
        Some(Scope::AllBut(_)) if kind == Kind::Role => Fit::Unknown("a trust policy has no `NotPrincipal`".into()),
        // AWS denies whoever has a boundary, whatever `NotPrincipal` holds.
        Some(Scope::AllBut(_)) if effect == Effect::Deny && bounded => Fit::Yes(Reach::Covered),
        Some(Scope::AllBut(principals)) => all_but(principal, principals),
    }
}

fn among(principal: &Principal, principals: &Principals) -> Fit {
    let Principals::Of(types) = principals else { return Fit::Yes(Reach::Covered) };
    types
        .iter()
        .fold(Fit::No, |found, (kind, set)| set.iter().fold(found, |found, who| found.or(is(principal, kind, who))))
}

fn is(principal: &Principal, kind: &str, who: &Who) -> Fit {
    let Some(text) = who.val().as_known() else {
        return Fit::Unknown("a principal in it is known only after apply".into());
    };
    match (kind, principal) {
        ("Service", Principal::Service(name)) => Fit::from_bool(name == text, Reach::Covered),
        ("AWS", Principal::Service(_)) if text == "*" => {
            Fit::Unknown("whether `{\"AWS\": \"*\"}` is about a service is not documented".into())
        }
        // Nobody who is decided here came through an identity provider.
        ("Service" | "Federated", _) | ("AWS", Principal::Service(_)) => Fit::No,
        ("AWS", _) if text == "*" => Fit::Yes(Reach::Covered),
        // The principal it stood for is gone.
        ("AWS", _) if who.is_unique_id() => Fit::No,
        ("AWS", _) => match (who.account(), principal) {
            (Some(account), Principal::Account(id)) => Fit::from_bool(account == id.to_string(), Reach::Itself),
            (Some(account), _) => Fit::from_bool(principal.account().as_deref() == Some(account), Reach::Account),
            (None, _) if !is_whole_arn(text) => Fit::Unknown(format!("`{text}` is not the whole name of a principal")),
            (None, Principal::User(arn)) => Fit::from_bool(arn.as_str() == text, Reach::Itself),
            (None, Principal::Session { session, .. }) if session.as_str() == text => Fit::Yes(Reach::Itself),
            (None, Principal::Session { role, .. }) => Fit::from_bool(role.as_str() == text, Reach::Covered),
            (None, Principal::Account(_) | Principal::Service(_)) => Fit::No,
        },
        (kind, _) => Fit::Unknown(format!("principals of type `{kind}` are not compared")),
    }
}

/// Whether a text is the ARN of a user, a role or a session. A wildcard cannot stand for a part of it.
fn is_whole_arn(text: &str) -> bool {
    let fields: Vec<&str> = text.splitn(6, ':').collect();
    let ["arn", partition, service, "", account, resource] = fields[..] else { return false };
    let digits = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<&str> = resource.split('/').collect();
    let named = match (service, &parts[..]) {
        ("iam", ["user" | "role", .., name]) | ("sts", ["assumed-role", _, name] | ["federated-user", name]) => {
            !name.is_empty()
        }
        _ => false,
    };
    partition.starts_with("aws") && digits && named && !text.contains(['*', '?'])
}

/// Whom `NotPrincipal` spares must be named with all that it is part of: a user with its account, a session with its role and its account.
/// AWS may find the account or the role denied otherwise.
fn all_but(principal: &Principal, principals: &Principals) -> Fit {
    let Principals::Of(types) = principals else { return Fit::No };
    let empty = BTreeSet::new();
    let of = |kind: &str| types.get(kind).unwrap_or(&empty).iter();
    if !matches!(principal, Principal::Service(_)) && of("AWS").any(|who| who.val().as_known() == Some("*")) {
        return Fit::No;
    }
    let named = |name: &str| of("AWS").any(|who| who.val().as_known() == Some(name));
    let account = principal.account().is_some_and(|account| of("AWS").any(|who| who.account() == Some(&account)));
    let spared = match principal {
        Principal::Account(_) => vec![account],
        Principal::User(arn) => vec![named(arn.as_str()), account],
        Principal::Session { session, role } => vec![named(session.as_str()), named(role.as_str()), account],
        Principal::Service(name) => vec![of("Service").any(|who| who.val().as_known() == Some(name))],
    };
    if spared.iter().all(|&spared| spared) {
        return Fit::No;
    }
    match (spared.contains(&true), among(principal, principals)) {
        (false, Fit::Unknown(why)) => Fit::Unknown(why),
        (false, _) => Fit::Yes(Reach::Covered),
        (true, _) => Fit::Unknown("`NotPrincipal` does not name the principal with its role and its account".into()),
    }
}
