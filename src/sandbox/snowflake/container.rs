//! Databases and schemas.

use super::answer::ResultSet;
use super::context::{Claim, Context, Create, created, executed};
use super::fail::{self, Fallible};
use super::params;
use super::parse::Parser;
use super::props::{Props, unset_keys};
use super::show::{Beyond, Cell, DESCRIBE, Filter, NULL, SHOW, Sheet, timestamp, yes_no};
use super::state::{Body, Database, Id, Kind, Object, Schema};

/// Retention of a transient container is at most one day.
fn check_retention(transient: bool, params: &std::collections::BTreeMap<String, String>) -> Fallible<()> {
    match params.get("DATA_RETENTION_TIME_IN_DAYS") {
        Some(days) if transient && days != "0" && days != "1" => {
            Err(fail::bad_value(days, "DATA_RETENTION_TIME_IN_DAYS"))
        }
        _ => Ok(()),
    }
}

/// `CREATE [OR REPLACE] [TRANSIENT] DATABASE …`: brings PUBLIC and `INFORMATION_SCHEMA` and becomes the session's database.
pub(super) fn create_database(
    cx: &mut Context<'_>,
    p: &mut Parser<'_>,
    create: Create,
    transient: bool,
) -> Fallible<ResultSet> {
    let create = create.if_not_exists(p)?;
    let name = p.name()?;
    let mut props = Props::read(p)?;
    p.end()?;
    let comment = props.text("COMMENT")?;
    let params = params::take(&mut props, Kind::Database)?;
    props.finish()?;
    check_retention(transient, &params)?;
    let slot = match cx.claim(Kind::Database, &name, create, &[])? {
        Claim::Free(slot) => slot,
        Claim::Taken(answer) => return Ok(answer),
    };
    let (role, now) = (cx.role, cx.now);
    let id = cx.put(&slot, comment, Body::Database(Database { transient }));
    let state = cx.edit();
    state.insert(id, "INFORMATION_SCHEMA", None, now, Body::Schema(Schema::default()));
    state.insert(id, "PUBLIC", Some(role), now, Body::Schema(Schema::default()));
    if let Some(object) = state.objects.get_mut(&id) {
        object.params = params;
    }
    cx.session.database = Some(slot.name.clone());
    cx.session.schema = Some("PUBLIC".to_owned());
    Ok(created("Database", &slot.name))
}

/// `CREATE [OR REPLACE] [TRANSIENT] SCHEMA … [WITH MANAGED ACCESS] …`: becomes the session's schema.
pub(super) fn create_schema(
    cx: &mut Context<'_>,
    p: &mut Parser<'_>,
    create: Create,
    transient: bool,
) -> Fallible<ResultSet> {
    let create = create.if_not_exists(p)?;
    let name = p.name()?;
    let managed_access = p.eat("WITH MANAGED ACCESS");
    let mut props = Props::read(p)?;
    p.end()?;
    let comment = props.text("COMMENT")?;
    let params = params::take(&mut props, Kind::Schema)?;
    props.finish()?;
    check_retention(transient, &params)?;
    let slot = match cx.claim(Kind::Schema, &name, create, &[])? {
        Claim::Free(slot) => slot,
        Claim::Taken(answer) => return Ok(answer),
    };
    let id = cx.put(&slot, comment, Body::Schema(Schema { transient, managed_access }));
    let state = cx.edit();
    if let Some(object) = state.objects.get_mut(&id) {
        object.params = params;
    }
    let database = state.get(slot.parent).map(|o| o.name.clone());
    cx.session.database = database;
    cx.session.schema = Some(slot.name.clone());
    Ok(created("Schema", &slot.name))
}

/// `ALTER {DATABASE|SCHEMA} n …`, after the name.
pub(super) fn alter(cx: &mut Context<'_>, p: &mut Parser<'_>, id: Id, kind: Kind) -> Fallible<ResultSet> {
    cx.demand(id, &["MODIFY"])?;
    if kind == Kind::Schema {
        let managed = if p.eat("ENABLE MANAGED ACCESS") {
            Some(true)
        } else if p.eat("DISABLE MANAGED ACCESS") {
            Some(false)
        } else {
            None
        };
        if let Some(managed) = managed {
            p.end()?;
            cx.demand(id, &[])?;
            if let Some(schema) = cx.edit().schema_mut(id) {
                schema.managed_access = managed;
            }
            return Ok(executed());
        }
    }
    if p.eat("SET") {
        let mut props = Props::read(p)?;
        if props.is_empty() {
            return Err(p.unexpected());
        }
        p.end()?;
        let comment = props.text("COMMENT")?;
        let params = params::take(&mut props, kind)?;
        props.finish()?;
        check_retention(is_transient(cx, id), &params)?;
        if let Some(object) = cx.edit().objects.get_mut(&id) {
            object.params.extend(params);
            if let Some(comment) = comment {
                object.comment = comment;
            }
        }
        return Ok(executed());
    }
    p.need("UNSET")?;
    let keys = unset_keys(p)?;
    p.end()?;
    if let Some((_, complaint)) = keys.iter().find(|(key, _)| key != "COMMENT" && !params::settable(key, kind)) {
        return Err(complaint.clone());
    }
    let keys: Vec<String> = keys.into_iter().map(|(key, _)| key).collect();
    params::unset(cx, id, kind, &keys);
    if keys.iter().any(|key| key == "COMMENT")
        && let Some(object) = cx.edit().objects.get_mut(&id)
    {
        object.comment.clear();
    }
    Ok(executed())
}

fn is_transient(cx: &Context<'_>, id: Id) -> bool {
    cx.see().database(id).is_some_and(|d| d.transient) || cx.see().schema(id).is_some_and(|s| s.transient)
}

/// The owner and its column of the kind of owner.
fn owner(cx: &Context<'_>, object: &Object) -> (Cell, Cell) {
    match object.owner {
        Some(_) => (cx.see().role_name(object.owner).into(), "ROLE".into()),
        None => ("".into(), "".into()),
    }
}

/// `SHOW [TERSE] DATABASES`.
pub(super) fn show_databases(cx: &Context<'_>, p: &mut Parser<'_>, terse: bool) -> Fallible<ResultSet> {
    let filter = Filter::read(cx, p, Kind::Database, true)?;
    let objects = filter.objects(cx, Kind::Database, Beyond::Cut)?;
    if terse {
        let mut sheet = Sheet::new(SHOW, &["created_on:timestamp", "name", "kind", "database_name", "schema_name"]);
        for object in objects {
            sheet.row([timestamp(object.created), (&object.name).into(), "STANDARD".into(), NULL, NULL]);
        }
        return Ok(sheet.done());
    }
    let columns = [
        "created_on:timestamp",
        "name",
        "is_default",
        "is_current",
        "origin",
        "owner",
        "comment",
        "options",
        "retention_time",
        "kind",
        "budget",
        "owner_role_type",
    ];
    let mut sheet = Sheet::new(SHOW, &columns);
    for object in objects {
        let (owner, owner_kind) = owner(cx, object);
        sheet.row([
            timestamp(object.created),
            (&object.name).into(),
            "N".into(),
            yes_no(cx.session.database.as_deref() == Some(&object.name)),
            "".into(),
            owner,
            (&object.comment).into(),
            if is_transient(cx, object.id) { "TRANSIENT".into() } else { "".into() },
            params::effective(cx.see(), object.id, "DATA_RETENTION_TIME_IN_DAYS").0.into(),
            "STANDARD".into(),
            NULL,
            owner_kind,
        ]);
    }
    Ok(sheet.done())
}

/// `SHOW [TERSE] SCHEMAS`.
pub(super) fn show_schemas(cx: &Context<'_>, p: &mut Parser<'_>, terse: bool) -> Fallible<ResultSet> {
    let filter = Filter::read(cx, p, Kind::Schema, true)?;
    let objects = filter.objects(cx, Kind::Schema, Beyond::Cut)?;
    if terse {
        let mut sheet = Sheet::new(SHOW, &["created_on:timestamp", "name", "kind", "database_name", "schema_name"]);
        for object in objects {
            let database = cx.see().get(object.parent).map(|o| o.name.clone());
            sheet.row([timestamp(object.created), (&object.name).into(), NULL, database.into(), (&object.name).into()]);
        }
        return Ok(sheet.done());
    }
    let columns = [
        "created_on:timestamp",
        "name",
        "is_default",
        "is_current",
        "database_name",
        "owner",
        "comment",
        "options",
        "retention_time",
        "owner_role_type",
        "budget",
    ];
    let mut sheet = Sheet::new(SHOW, &columns);
    for object in objects {
        let database = cx.see().get(object.parent).map(|o| o.name.clone()).unwrap_or_default();
        let (owner, owner_kind) = owner(cx, object);
        let current =
            cx.session.database.as_deref() == Some(&database) && cx.session.schema.as_deref() == Some(&object.name);
        let schema = cx.see().schema(object.id).cloned().unwrap_or_default();
        let mut options = Vec::new();
        if schema.transient {
            options.push("TRANSIENT");
        }
        if schema.managed_access {
            options.push("MANAGED ACCESS");
        }
        sheet.row([
            timestamp(object.created),
            (&object.name).into(),
            "N".into(),
            yes_no(current),
            database.into(),
            owner,
            (&object.comment).into(),
            options.join(", ").into(),
            params::effective(cx.see(), object.id, "DATA_RETENTION_TIME_IN_DAYS").0.into(),
            owner_kind,
            NULL,
        ]);
    }
    Ok(sheet.done())
}

/// `DESC {DATABASE|SCHEMA} n`: what is in it.
pub(super) fn describe(cx: &Context<'_>, id: Id) -> ResultSet {
    let mut sheet = Sheet::new(DESCRIBE, &["created_on:timestamp", "name", "kind"]);
    for object in cx.see().children(id).filter(|o| cx.visible(o)) {
        sheet.row([timestamp(object.created), (&object.name).into(), object.kind().granted_on().into()]);
    }
    sheet.done()
}
