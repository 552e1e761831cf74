//! A live role as the entry a person would write.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use super::{Gift, Props, nobody};
use crate::kind::export::Export;
use crate::kind::{Cx, Fields, iam, statements, tags};
use crate::model::{Arn, Val};
use crate::policy::{Document, Effect, Principals, Scope, Statement};

/// Somebody who may assume the role, and the external ID they must send.
type Pair = (Val, Option<Val>);

/// The fields that name a role. A managed policy is asked for, so that attached ones are read.
pub(super) fn named(name: &str) -> Result<Fields, String> {
    let fields = Export::of(iam::named(name, "role", 64)?);
    Ok(fields.field("managed_policies", json!(["arn:aws:iam::aws:policy/ReadOnlyAccess"])).done())
}

/// All fields. `cx` knows the integrations that name the role; that they may assume it follows from them.
///
/// # Errors
/// What the role has that an entry cannot say.
pub(super) fn fields(have: &Props, cx: Cx<'_>) -> Result<Fields, String> {
    let Props {
        mark: _,
        name,
        path,
        description,
        max_session_seconds,
        boundary,
        trust: _,
        policy,
        inline: _,
        foreign,
        attached,
        tags,
    } = have;
    let foreign = foreign.as_ref().ok_or("one of its inline policies cannot be read")?;
    let statements = policy.iter().flat_map(Document::statements).chain(foreign).cloned();
    let fields = Export::default().field("name", name.as_str());
    let fields = fields.unless(&iam::default_path(&cx.context.stack).as_str(), "path", path.as_str());
    let fields = fields.text("description", description).unless(&3600, "max_session_seconds", *max_session_seconds);
    let fields = fields.set("permissions_boundary", boundary.as_ref().map(|arn| json!(arn)));
    let fields = fields.filled("statements", iam::joined(statements)).filled("managed_policies", json!(attached));
    Ok(fields.set("trust", trust(have, cx)?).filled("tags", tags::exported(tags)).done())
}

/// Who may assume it beside the integrations that name it; nothing where that is nobody.
fn trust(have: &Props, cx: Cx<'_>) -> Result<Option<Json>, String> {
    if have.trust == nobody(false) {
        return Ok(None);
    }
    if have.trust == nobody(true) {
        return Ok(Some(json!([])));
    }
    let told = told(have, cx);
    let mut list = Vec::new();
    for statement in have.trust.statements() {
        let others = pairs(statement).ok_or_else(|| {
            let text = statements::written([statement.clone()]);
            format!("its trust policy has a statement that an entry cannot say: {text}")
        })?;
        for (principal, external_id) in others {
            let by_service =
                principal.as_known().filter(|_| is_service(statement)).map(|name| json!({ "service": name }));
            let mut one = by_service.unwrap_or_else(|| json!({ "principal": principal }));
            if let Some(id) = &external_id {
                one["external_id"] = json!(id);
            }
            if !told.contains(&(principal, external_id)) && !list.contains(&one) {
                list.push(one);
            }
        }
    }
    Ok((!list.is_empty()).then_some(Json::Array(list)))
}

/// Whom integrations tell it to trust.
fn told(have: &Props, cx: Cx<'_>) -> BTreeSet<Pair> {
    let arn = Arn::role(cx.context.partition, &cx.context.account, &have.path, &have.name);
    let pairs = cx.gifts.about(arn.as_str()).filter_map(|gift| match gift {
        Gift::Trust { role, principal, external_id } if role.resolve(cx.facts).as_known() == Some(arn.as_str()) => {
            Some((principal.resolve(cx.facts), Some(external_id.resolve(cx.facts))))
        }
        _ => None,
    });
    pairs.collect()
}

fn is_service(statement: &Statement) -> bool {
    let principals = statement.principals.as_ref().map(Scope::set);
    matches!(principals, Some(Principals::Of(types)) if types.keys().eq(["Service"]))
}

/// Everyone a statement lets in, if it says nothing else than that: each principal with each external ID.
fn pairs(statement: &Statement) -> Option<Vec<Pair>> {
    let Some(Scope::Only(Principals::Of(types))) = &statement.principals else { return None };
    let (sort, who) = types.iter().next().filter(|_| types.len() == 1)?;
    let ids = statement.conditions.get(&"StringEquals".into()).and_then(|keys| keys.get(&"sts:ExternalId".into()));
    let plain = Statement { sid: statement.sid.clone(), ..Statement::new(Effect::Allow, "", &["sts:AssumeRole"]) };
    let plain = plain.principals(Principals::Of(types.clone()));
    let plain = ids.iter().fold(plain, |plain, ids| plain.when("StringEquals", "sts:ExternalId", (*ids).clone()));
    if plain != *statement || !["AWS", "Service"].contains(&sort.as_str()) || (sort == "Service" && ids.is_some()) {
        return None;
    }
    let ids: Vec<Option<Val>> = ids.map_or_else(|| vec![None], |ids| ids.iter().cloned().map(Some).collect());
    Some(who.iter().flat_map(|who| ids.iter().map(|id| (who.val().clone(), id.clone()))).collect())
}
