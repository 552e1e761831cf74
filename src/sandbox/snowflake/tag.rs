//! Tags. Here they are only kept: no object is given one.

use serde::{Deserialize, Serialize};

use super::answer::ResultSet;
use super::context::{Claim, Context, Create, created, executed};
use super::fail::{self, Fallible};
use super::parse::Parser;
use super::props::{Props, unset_keys};
use super::show::{Beyond, Cell, Filter, NULL, SHOW, Sheet, timestamp};
use super::state::{Body, Id, Kind};

/// A tag.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tag {
    /// Empty for any.
    pub(super) values: Vec<String>,
    pub(super) propagate: Option<String>,
}

const WAYS: [&str; 3] = ["ON_DEPENDENCY", "ON_DATA_MOVEMENT", "ON_DEPENDENCY_AND_DATA_MOVEMENT"];

fn values(p: &mut Parser<'_>) -> Fallible<Vec<String>> {
    let mut all = Vec::new();
    loop {
        let value = p.text()?;
        if value.chars().count() > 256 {
            return Err(fail::bad_value(&value, "ALLOWED_VALUES"));
        }
        if !all.contains(&value) {
            all.push(value);
        }
        if !p.mark(",") {
            return Ok(all);
        }
    }
}

/// `CREATE [OR REPLACE] TAG n [ALLOWED_VALUES 'a', 'b'] [PROPAGATE = …] [COMMENT = '…']`.
pub(super) fn create(cx: &mut Context<'_>, p: &mut Parser<'_>, create: Create) -> Fallible<ResultSet> {
    let create = create.if_not_exists(p)?;
    let name = p.name()?;
    let values = if p.eat("ALLOWED_VALUES") { values(p)? } else { Vec::new() };
    let mut props = Props::read(p)?;
    p.end()?;
    let propagate = props.choice("PROPAGATE", &WAYS)?;
    let comment = props.text("COMMENT")?;
    props.finish()?;
    let slot = match cx.claim(Kind::Tag, &name, create, &[])? {
        Claim::Free(slot) => slot,
        Claim::Taken(answer) => return Ok(answer),
    };
    cx.put(&slot, comment, Body::Tag(Tag { values, propagate }));
    Ok(created("Tag", &slot.name))
}

/// `ALTER TAG n …`, after the name.
pub(super) fn alter(cx: &mut Context<'_>, p: &mut Parser<'_>, id: Id) -> Fallible<ResultSet> {
    let Some(mut next) = cx.see().tag(id).cloned() else { return Err(fail::nowhere()) };
    let mut comment = None;
    if p.eat("ADD ALLOWED_VALUES") {
        let added = values(p)?;
        next.values.extend(added.into_iter().filter(|value| !next.values.contains(value)).collect::<Vec<_>>());
    } else if p.eat("DROP ALLOWED_VALUES") {
        let gone = values(p)?;
        next.values.retain(|value| !gone.contains(value));
    } else if p.eat("UNSET") {
        for (key, complaint) in unset_keys(p)? {
            match key.as_str() {
                "ALLOWED_VALUES" => next.values.clear(),
                "PROPAGATE" => next.propagate = None,
                "COMMENT" => comment = Some(String::new()),
                _ => return Err(complaint),
            }
        }
    } else {
        p.need("SET")?;
        let mut props = Props::read(p)?;
        if props.is_empty() {
            return Err(p.unexpected());
        }
        if let Some(way) = props.choice("PROPAGATE", &WAYS)? {
            next.propagate = Some(way);
        }
        comment = props.text("COMMENT")?;
        props.finish()?;
    }
    p.end()?;
    cx.demand(id, &[])?;
    let state = cx.edit();
    if let Some(tag) = state.tag_mut(id) {
        *tag = next;
    }
    if let (Some(comment), Some(object)) = (comment, state.objects.get_mut(&id)) {
        object.comment = comment;
    }
    Ok(executed())
}

/// `SHOW TAGS`.
pub(super) fn show(cx: &Context<'_>, p: &mut Parser<'_>) -> Fallible<ResultSet> {
    let filter = Filter::read(cx, p, Kind::Tag, false)?;
    let columns = [
        "created_on:timestamp",
        "name",
        "database_name",
        "schema_name",
        "owner",
        "comment",
        "allowed_values",
        "owner_role_type",
        "propagate",
        "on_conflict",
    ];
    let mut sheet = Sheet::new(SHOW, &columns);
    for object in filter.objects(cx, Kind::Tag, Beyond::Cut)? {
        let Some(it) = cx.see().tag(object.id) else { continue };
        let (database, schema) = cx.see().container_names(object);
        let values: Cell = if it.values.is_empty() { NULL } else { serde_json::json!(it.values).to_string().into() };
        sheet.row([
            timestamp(object.created),
            (&object.name).into(),
            database.into(),
            schema.into(),
            cx.see().role_name(object.owner).into(),
            (&object.comment).into(),
            values,
            "ROLE".into(),
            it.propagate.clone().into(),
            NULL,
        ]);
    }
    Ok(sheet.done())
}
