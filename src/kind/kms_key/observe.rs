//! Finding keys: by alias, and by mark where there is no alias.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::{join_all, try_join_all};

use super::{Alias, KmsKey, Props, Spec};
use crate::cloud::aws::{KeyState, ReadTags, Tagged};
use crate::cloud::{Aws, CloudError, Which};
use crate::kind::{Entry, Kind, statements, tags};
use crate::model::mark::ADDRESS_TAG;
use crate::model::{Arn, Context, Found, LiveId, Mark, Observed, Seen};

/// How long an undeclared key can be brought back: what AWS recommends.
const WINDOW: i32 = 30;
const PENDING: &str = "PendingDeletion";

pub(super) async fn all(entries: &[Entry<Spec>], aws: &Aws, context: &Context) -> Result<Observed<Props>, CloudError> {
    let by_alias = try_join_all(entries.iter().map(|entry| async move {
        let wanted = tags::all(&entry.spec.tags, Some(&entry.mark));
        let tags = ReadTags::Listed { stack: &context.stack, wanted: &wanted };
        aws.key(entry.spec.alias.as_str(), tags).await
    }));
    let (by_alias, tagged) = futures::join!(by_alias, aws.tagged(&context.stack));
    let by_alias = by_alias?;
    let known = by_alias.iter().flatten().map(|state| &state.arn).collect();
    let mut marked = marked(aws, &context.stack, &tagged?, &known).await?;
    let mut observed = Observed::default();
    for (entry, state) in entries.iter().zip(by_alias) {
        let seen = match state {
            Some(state) => of_alias(entry, state, context),
            None => without_alias(entry, &mut marked),
        };
        observed.declared.insert(entry.at.clone(), seen);
    }
    for state in marked {
        let id = LiveId::new(KmsKey::NAME, &state.arn);
        let found =
            found(state, None, WINDOW).map_err(|why| CloudError::unexpected(Which::Aws, "kms:GetKeyPolicy", why))?;
        observed.others.insert(id, found);
    }
    Ok(observed)
}

/// All keys with this stack's mark that no alias of the spec points at and that are not on their way out.
async fn marked(
    aws: &Aws,
    stack: &str,
    tagged: &[Tagged],
    known: &BTreeSet<&Arn>,
) -> Result<Vec<KeyState>, CloudError> {
    let keys: Vec<&Arn> = tagged
        .iter()
        .map(|one| &one.arn)
        .filter(|arn| arn.service() == "kms" && arn.resource().starts_with("key/") && !known.contains(arn))
        .collect();
    let states = join_all(keys.into_iter().map(|arn| aws.key_by_arn(arn, ReadTags::Current))).await;
    let mut live = Vec::new();
    for state in states {
        let ours = |state: &KeyState| {
            Mark::take(&mut state.tags.clone()).is_some_and(|mark| mark.stack == stack) && state.state != PENDING
        };
        live.extend(state?.filter(ours));
    }
    Ok(live)
}

/// The key an entry's alias points at.
pub(super) fn of_alias(entry: &Entry<Spec>, state: KeyState, context: &Context) -> Seen<Props> {
    let ours = Mark::take(&mut state.tags.clone()).is_some_and(|mark| mark.stack == context.stack);
    if state.state == PENDING && !ours {
        return Seen::Hidden(format!(
            "{} points at {}, a key that is scheduled for deletion and does not belong to this stack: choose another alias, or delete \
             this one (`aws kms delete-alias`)",
            entry.spec.alias, state.arn
        ));
    }
    present(entry, state, Some(entry.spec.alias.clone()))
}

/// The key a run created without getting to its alias, or whose alias was deleted or is another one now.
pub(super) fn without_alias(entry: &Entry<Spec>, marked: &mut Vec<KeyState>) -> Seen<Props> {
    let address = entry.at.to_string();
    let (mine, rest): (Vec<_>, Vec<_>) =
        marked.drain(..).partition(|key| key.tags.get(ADDRESS_TAG).is_some_and(|text| *text == address));
    *marked = rest;
    let arns: Vec<String> = mine.iter().map(|key| key.arn.to_string()).collect();
    let mut mine = mine.into_iter();
    match (mine.next(), mine.next()) {
        (None, _) => Seen::Absent,
        (Some(key), None) => present(entry, key, None),
        (Some(_), Some(_)) => Seen::Hidden(format!(
            "several keys carry the mark of {address} and none has the alias {}: {}. Give the alias to the right one, and remove the \
             tag `{ADDRESS_TAG}` from the others",
            entry.spec.alias,
            arns.join(", ")
        )),
    }
}

fn present(entry: &Entry<Spec>, state: KeyState, alias: Option<Alias>) -> Seen<Props> {
    found(state, alias, entry.spec.deletion_window_days).map_or_else(Seen::Hidden, Seen::Present)
}

/// # Errors
/// A policy that cannot be read.
fn found(state: KeyState, alias: Option<Alias>, deletion_window_days: i32) -> Result<Found<Props>, String> {
    let KeyState { arn, id, state, description, multi_region, policy, rotation_days, mut tags, alias: _ } = state;
    let mark = Mark::take(&mut tags);
    let policy = statements::live(&policy).map_err(|error| format!("the policy of {arn} cannot be read: {error}"))?;
    let facts = BTreeMap::from([("arn", arn.to_string()), ("id", id)]);
    let props = Props {
        mark,
        alias,
        description,
        enabled: state == "Enabled",
        rotation_days,
        multi_region,
        policy,
        pending: state == PENDING,
        tags,
        deletion_window_days,
        key: Some(arn),
    };
    Ok(Found { props, facts })
}
