//! What an access key is brought to: stages that say why they may be reached by a key, and each place by one user only.

use std::collections::BTreeMap;

use super::{Finding, Severity, World, text};
use crate::kind::Gift;
use crate::model::{Address, LiveId, Shown};

pub(super) fn check(world: &World<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let error = |at: &Address, field, message: String, hint: String| Finding {
        code: "access-key-delivery",
        severity: Severity::Error,
        at: at.clone(),
        field,
        message,
        hint,
    };
    let mut brought: BTreeMap<&LiveId, &Address> = BTreeMap::new();
    for gift in &world.gifts {
        let Gift::Delivers { stage, by } = gift else { continue };
        let Some(user) = world.entry(by) else { continue };
        if let Some(other) = brought.insert(stage, user).filter(|other| *other != user) {
            let message = format!("{other} brings its access key to {stage} too, and a stage holds one");
            findings.push(error(user, "access_key", message, "take the stage out of one of them".into()));
            continue;
        }
        let Some(entry) = world.entry(stage) else {
            let message = format!("{stage} is not declared here, so nothing says that it may hold an access key");
            findings.push(error(user, "access_key", message, "declare the stage, with `acknowledge_risk`".into()));
            continue;
        };
        let fields = &world.fields[entry];
        let has = |name: &str| fields.contains_key(name);
        if has("storage_integration") {
            let message = format!("{user} brings its access key to a stage that has an integration");
            let hint = format!("take {entry} out of the key's `stages`: an integration needs no keys");
            findings.push(error(entry, "storage_integration", message, hint));
        } else if matches!(fields.get("credentials"), Some(Shown::Sensitive)) {
            let message = format!("{user} brings its access key to a stage that has credentials of its own");
            let hint = format!("remove the credentials, or take {entry} out of the key's `stages`");
            findings.push(error(entry, "credentials", message, hint));
        } else if !has("acknowledge_risk") {
            let message = format!(
                "{user} brings an access key here, which lives until somebody replaces it and opens the bucket to whoever finds it"
            );
            let hint =
                "use a `storage_integration`, which needs no keys; or say why not with `acknowledge_risk = \"…\"`";
            findings.push(error(entry, "", message, hint.into()));
        }
    }
    let mut named: BTreeMap<&str, &Address> = BTreeMap::new();
    for (at, user) in world.of_kind("iam_user") {
        let Some(secret) = text(user, "access_key.secret") else { continue };
        if let Some(other) = named.insert(secret, at) {
            let message = format!("{other} keeps its access key in the secret `{secret}` too");
            findings.push(error(at, "access_key", message, "give each a secret of its own".into()));
        }
    }
    findings
}
