//! Policy documents as AWS keeps them: users and roles are remembered by their unique ID and shown by their ARN for as long as they live.
//! A user that is deleted shows as `AIDA…` from then on, even if another of the same name is created.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::directory::Known;
use super::grammar::{self, Purpose};
use super::store::World;

/// A document that was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Document {
    text: String,
    /// Unique IDs by the ARN that stands in the text.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    bound: BTreeMap<String, String>,
}

/// Checks a document and binds its principals. `Err` is the service's message.
pub(super) fn accept(world: &World, purpose: Purpose<'_>, text: &str) -> Result<Document, String> {
    let mut policy = grammar::check(purpose, text)?;
    let mut bound = BTreeMap::new();
    let mut unknown = None;
    let changed = each_principal(&mut policy, &mut |name| match world.principal(name) {
        Some(Known::AsWritten) => None,
        Some(Known::Account(root)) => Some(root),
        Some(Known::Identity(arn, id)) => {
            bound.insert(arn.clone(), id);
            (arn != name).then_some(arn)
        }
        None => {
            unknown.get_or_insert_with(|| name.to_owned());
            None
        }
    });
    if let Some(name) = unknown {
        return Err(match purpose {
            Purpose::Trust | Purpose::Identity => format!("Invalid principal in policy: \"AWS\":\"{name}\""),
            Purpose::Bucket(_) => "Invalid principal in policy".into(),
            Purpose::Topic(_) => "PrincipalNotFound".into(),
            Purpose::Key => "Policy contains a statement with one or more invalid principals.".into(),
        });
    }
    let text = if changed { policy.to_string() } else { text.to_owned() };
    Ok(Document { text, bound })
}

impl Document {
    /// A document without users or roles, which AWS writes itself.
    pub(super) fn plain(text: String) -> Self {
        Self { text, bound: BTreeMap::new() }
    }

    /// The text, as a read shows it now.
    pub(super) fn shown(&self, world: &World) -> String {
        if self.bound.iter().all(|(arn, id)| world.unique_id_of(arn) == Some(id)) {
            return self.text.clone();
        }
        let Ok(mut policy) = serde_json::from_str::<Value>(&self.text) else { return self.text.clone() };
        each_principal(&mut policy, &mut |name| {
            let id = self.bound.get(name)?;
            (world.unique_id_of(name) != Some(id)).then(|| id.clone())
        });
        policy.to_string()
    }
}

/// Visits every AWS principal and replaces those for which `change` gives another text. Says whether any was replaced.
fn each_principal(policy: &mut Value, change: &mut dyn FnMut(&str) -> Option<String>) -> bool {
    let mut changed = false;
    let mut visit = |value: &mut Value| {
        if let Some(new) = value.as_str().and_then(&mut *change) {
            *value = Value::String(new);
            changed = true;
        }
    };
    let statements = match policy.get_mut("Statement") {
        Some(Value::Array(list)) => list.iter_mut().collect(),
        Some(one) => vec![one],
        None => Vec::new(),
    };
    for statement in statements {
        for element in ["Principal", "NotPrincipal"] {
            match statement.get_mut(element).and_then(|principal| principal.get_mut("AWS")) {
                Some(Value::Array(names)) => names.iter_mut().for_each(&mut visit),
                Some(name) => visit(name),
                None => {}
            }
        }
    }
    changed
}
