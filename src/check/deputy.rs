//! A role that another account may assume without an external ID: whoever makes that account act for him gets the role too (the confused
//! deputy). Source: IAM user guide, "Access to AWS accounts owned by third parties".

use super::{Finding, Severity, World};
use crate::model::{AccountId, Arn, Shown};
use crate::policy::{Document, Effect, Principals, Scope, Statement};

pub(super) fn check(world: &World<'_>) -> Vec<Finding> {
    let own = &world.context.account;
    let mut findings = Vec::new();
    for (at, role) in world.of_kind("iam_role") {
        let Some(Shown::Lines(text)) = role.get("trust") else { continue };
        let Ok(document) = Document::parse(&text.to_string()) else { continue };
        let open = document.statements().iter().filter(|statement| is_open(statement));
        let foreign = open.flat_map(accounts).filter(|account| account != own);
        for account in foreign.collect::<std::collections::BTreeSet<_>>() {
            // Without a pin nobody knows offline which account is ours.
            let unless = if *own == AccountId::default() { ", unless that is your own account" } else { "" };
            findings.push(Finding {
                code: "trust-without-external-id",
                severity: Severity::Warning,
                at: at.clone(),
                field: "trust",
                message: format!("the account {account} may assume {at} without an external ID{unless}"),
                hint: "agree on a text that only the two of you know and set `external_id`; or pin `account` in [aws] if it is yours"
                    .into(),
            });
        }
    }
    findings
}

/// Whether a statement allows without asking for an external ID.
fn is_open(statement: &Statement) -> bool {
    let asks = statement.conditions.values().flat_map(|keys| keys.keys());
    statement.effect == Effect::Allow
        && !asks.into_iter().any(|key| key.as_str().eq_ignore_ascii_case("sts:ExternalId"))
}

/// The accounts a statement names, by themselves or with one of their users and roles.
fn accounts(statement: &Statement) -> Vec<AccountId> {
    let Some(Principals::Of(types)) = statement.principals.as_ref().map(Scope::set) else { return Vec::new() };
    let account = |text: &str| match text.parse::<Arn>() {
        Ok(arn) => arn.account().parse().ok(),
        Err(_) => text.parse().ok(),
    };
    types.get("AWS").into_iter().flatten().filter_map(|who| account(who.val().as_known()?)).collect()
}
