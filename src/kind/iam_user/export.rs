//! A live user as the entry a person would write.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use super::{Props, key};
use crate::kind::export::Export;
use crate::kind::{Cx, Fields, Gift, iam, tags};
use crate::model::ObjectName;
use crate::policy::Document;

/// Among how many stages those are looked for that hold a user's key: each more doubles the work.
const MOST_STAGES: usize = 12;

/// All fields. `cx` knows the stages that may hold its access key.
///
/// # Errors
/// What the user has that an entry cannot say.
pub(super) fn fields(have: &Props, cx: Cx<'_>) -> Result<Fields, String> {
    let Props { mark: _, name, path, boundary, policy, inline: _, foreign, attached, key: _, digest: _, kept: _, tags } =
        have;
    let foreign = foreign.as_ref().ok_or("one of its inline policies cannot be read")?;
    let statements = policy.iter().flat_map(Document::statements).chain(foreign).cloned();
    let fields = Export::default().field("name", name.as_str());
    let fields = fields.unless(&iam::default_path(&cx.context.stack).as_str(), "path", path.as_str());
    let fields = fields.set("permissions_boundary", boundary.as_ref().map(|arn| json!(arn)));
    let fields = fields.filled("statements", iam::joined(statements)).filled("managed_policies", json!(attached));
    Ok(fields.set("access_key", access_key(have, cx)).filled("tags", tags::exported(tags)).done())
}

fn access_key(have: &Props, cx: Cx<'_>) -> Option<Json> {
    let key = have.key.as_ref()?;
    let mut table = json!({ "generation": key.generation });
    let stages = have.digest.as_deref().map(|digest| stages(digest, cx)).unwrap_or_default();
    if !stages.is_empty() {
        table["stages"] = stages.iter().map(ObjectName::written).collect();
    }
    if let Some(name) = &key.secret {
        table["secret"] = name.as_str().into();
    }
    Some(table)
}

/// The stages whose names give this digest: only that is written down of where a key went.
fn stages(digest: &str, cx: Cx<'_>) -> BTreeSet<ObjectName> {
    let located = cx.gifts.iter().filter_map(|gift| match gift {
        Gift::Located { stage, .. } => stage.name.parse::<ObjectName>().ok(),
        _ => None,
    });
    let known: Vec<ObjectName> = located.collect::<BTreeSet<_>>().into_iter().take(MOST_STAGES).collect();
    let some = |bits: u32| -> BTreeSet<ObjectName> {
        known.iter().enumerate().filter(|(at, _)| bits & (1 << at) != 0).map(|(_, name)| name.clone()).collect()
    };
    (0..1u32 << known.len()).map(some).find(|stages| key::digest(stages) == digest).unwrap_or_default()
}
