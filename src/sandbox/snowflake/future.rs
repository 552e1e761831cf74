//! Future grants: what new objects are born with. Those of a schema shadow those of its database for the same kind, entirely.

use super::answer::ResultSet;
use super::context::{Context, executed};
use super::fail::{self, Fallible};
use super::grants::{plural_in, privileges_of};
use super::parse::Parser;
use super::roles::{granted_to, grantee, grantee_name, within_its_database};
use super::show::{SHOW, Sheet, timestamp, true_false};
use super::state::{FutureGrant, Grant, Id, Kind, State, quoted_if_needed};

fn check(cx: &Context<'_>, container: Id, kind: Kind, written: &[String]) -> Fallible<()> {
    if let Some(wrong) = written.iter().find(|privilege| !privileges_of(kind).contains(&privilege.as_str())) {
        let text = format!("SQL compilation error:\nInvalid object type for specified privilege '{wrong}'.");
        return Err(fail::error("003008", "42601", text));
    }
    let owns_schema = cx.see().schema(container).is_some() && cx.holds(&cx.roles, container, "OWNERSHIP");
    if owns_schema || cx.manages_grants() { Ok(()) } else { Err(cx.insufficient(container)) }
}

/// `GRANT … ON FUTURE <KINDS> IN … TO …`, after FUTURE.
pub(super) fn grant(cx: &mut Context<'_>, p: &mut Parser<'_>, written: &[String]) -> Fallible<ResultSet> {
    let (container, kind) = plural_in(cx, p)?;
    p.need("TO")?;
    let role = grantee(cx, p)?;
    within_its_database(cx, role, container)?;
    let with_option = p.eat("WITH GRANT OPTION");
    p.end()?;
    check(cx, container, kind, written)?;
    let (by, created) = (Some(cx.role), cx.now);
    for privilege in written {
        let same = |f: &&mut FutureGrant| {
            f.container == container && f.kind == kind && f.grant.role == role && f.grant.privilege == *privilege
        };
        let all = &mut cx.edit().future_grants;
        if let Some(held) = all.iter_mut().find(same) {
            held.grant.with_option |= with_option;
        } else {
            let grant = Grant { privilege: privilege.clone(), role, with_option, by, created };
            all.push(FutureGrant { container, kind, grant });
        }
    }
    Ok(executed())
}

/// `REVOKE … ON FUTURE <KINDS> IN … FROM …`, after FUTURE.
pub(super) fn revoke(cx: &mut Context<'_>, p: &mut Parser<'_>, written: &[String]) -> Fallible<ResultSet> {
    let (container, kind) = plural_in(cx, p)?;
    p.need("FROM")?;
    let role = grantee(cx, p)?;
    within_its_database(cx, role, container)?;
    p.end()?;
    check(cx, container, kind, written)?;
    cx.edit().future_grants.retain(|f| {
        f.container != container || f.kind != kind || f.grant.role != role || !written.contains(&f.grant.privilege)
    });
    Ok(executed())
}

/// Gives a new object what its schema (or else its database) promises to its kind.
pub(super) fn endow(state: &mut State, id: Id, now: i64) {
    let Some(object) = state.get(id) else { return };
    let (kind, mut container) = (object.kind(), object.parent);
    let external = state.stage(id).is_some_and(|stage| stage.url.is_some());
    let mut born_with = Vec::new();
    while let Some(place) = state.get(container) {
        let promised = state.future_grants.iter().filter(|f| f.container == container && f.kind == kind);
        born_with = promised.map(|f| Grant { created: now, ..f.grant.clone() }).collect();
        if !born_with.is_empty() {
            break;
        }
        container = place.parent;
    }
    if kind == Kind::Stage {
        born_with.retain(|grant| (grant.privilege == "USAGE") == external);
    }
    if !born_with.is_empty() {
        state.grants.entry(id).or_default().extend(born_with);
    }
}

/// `SHOW FUTURE GRANTS { IN {DATABASE|SCHEMA} n | TO ROLE r }`.
pub(super) fn show(cx: &Context<'_>, p: &mut Parser<'_>) -> Fallible<ResultSet> {
    let (mut inside, mut to) = (None, None);
    if p.eat("IN") {
        let kind = if p.eat("DATABASE") {
            Kind::Database
        } else {
            p.need("SCHEMA")?;
            Kind::Schema
        };
        let name = p.name()?;
        inside = Some(cx.object(kind, &name, "SHOW FUTURE GRANTS")?.id);
    } else {
        p.need("TO")?;
        to = Some(grantee(cx, p)?);
    }
    p.end()?;
    let columns = ["created_on:timestamp", "privilege", "grant_on", "name", "grant_to", "grantee_name", "grant_option"];
    let mut sheet = Sheet::new(SHOW, &columns);
    for FutureGrant { container, kind, grant } in &cx.see().future_grants {
        if inside.is_some_and(|id| id != *container) || to.is_some_and(|id| id != grant.role) {
            continue;
        }
        let path: Vec<String> = cx.see().path(*container).into_iter().map(quoted_if_needed).collect();
        sheet.row([
            timestamp(grant.created),
            (&grant.privilege).into(),
            kind.granted_on().into(),
            format!("{}.<{}>", path.join("."), kind.granted_on()).into(),
            granted_to(cx, grant.role).into(),
            grantee_name(cx, grant.role).into(),
            true_false(grant.with_option),
        ]);
    }
    Ok(sheet.done())
}
