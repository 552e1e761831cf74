//! A role that nobody may assume: IAM refuses a trust policy without a principal.

use std::collections::BTreeSet;

use super::{Finding, Severity, World};
use crate::kind::Gift;
use crate::model::Shown;

pub(super) fn check(world: &World<'_>) -> Vec<Finding> {
    let trusted: BTreeSet<String> = world
        .gifts
        .iter()
        .filter_map(|gift| match gift {
            Gift::Trust { role, .. } => role.resolve(&world.facts).as_known().map(ToOwned::to_owned),
            _ => None,
        })
        .collect();
    let mut findings = Vec::new();
    for (at, role) in world.of_kind("iam_role") {
        // An empty list of principals is a decision, too.
        let says = |document: &crate::model::Val| {
            let text = document.to_string();
            text.contains("\"Allow\"") || text.contains("\"NobodyYet\"")
        };
        let explicit = matches!(role.get("trust"), Some(Shown::Lines(document)) if says(document));
        let arn = world.ids.get(at).map(|id| id.name.clone()).unwrap_or_default();
        if !explicit && !trusted.contains(&arn) {
            findings.push(Finding {
                code: "role-nobody-assumes",
                severity: Severity::Error,
                at: at.clone(),
                field: "",
                message: format!(
                    "no storage integration or external volume names {at}, and it trusts nobody else: nobody could assume it"
                ),
                hint: format!("set `role = \"{{{{ {at}.arn }}}}\"` in a storage integration, or give a `trust` list; an empty one says that nobody may assume it yet"),
            });
        }
    }
    findings
}
