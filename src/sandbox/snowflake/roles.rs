//! Roles, database roles, and who has them: CREATE, ALTER and SHOW of both, GRANT and REVOKE of a role.

use std::collections::BTreeSet;

use super::answer::ResultSet;
use super::context::{Claim, Context, Create, created, executed, inherited};
use super::fail::{self, Fallible};
use super::parse::Parser;
use super::props::{Props, unset_keys};
use super::show::{Beyond, Filter, SHOW, Sheet, timestamp, yes_no};
use super::state::{Body, Grant, Id, Kind};

/// `CREATE [OR REPLACE] {ROLE|DATABASE ROLE} …`. A database role is born with USAGE on its database, which nobody granted.
pub(super) fn create(cx: &mut Context<'_>, p: &mut Parser<'_>, create: Create, kind: Kind) -> Fallible<ResultSet> {
    let create = create.if_not_exists(p)?;
    let name = p.name()?;
    let mut props = Props::read(p)?;
    p.end()?;
    let comment = props.text("COMMENT")?;
    props.finish()?;
    let slot = match cx.claim(kind, &name, create, &[])? {
        Claim::Free(slot) => slot,
        Claim::Taken(answer) => return Ok(answer),
    };
    if let Some(old) = slot.replaced {
        bequeath(cx, old);
    }
    if kind == Kind::Role {
        cx.put(&slot, comment, Body::Role);
        return Ok(created("Role", &slot.name));
    }
    let role = cx.put(&slot, comment, Body::DatabaseRole);
    let usage = Grant { privilege: "USAGE".to_owned(), role, with_option: false, by: None, created: cx.now };
    cx.edit().grants.entry(slot.parent).or_default().push(usage);
    Ok(created("Database role", &slot.name))
}

/// `ALTER {ROLE|DATABASE ROLE} n SET COMMENT = … | UNSET COMMENT`, after the name.
pub(super) fn alter(cx: &mut Context<'_>, p: &mut Parser<'_>, id: Id) -> Fallible<ResultSet> {
    cx.demand(id, &[])?;
    let comment = if p.eat("SET") {
        let mut props = Props::read(p)?;
        let comment = props.text("COMMENT")?;
        props.finish()?;
        comment.ok_or_else(|| p.unexpected())?
    } else {
        p.need("UNSET")?;
        if let Some((_, complaint)) = unset_keys(p)?.into_iter().find(|(key, _)| key != "COMMENT") {
            return Err(complaint);
        }
        String::new()
    };
    p.end()?;
    if let Some(object) = cx.edit().objects.get_mut(&id) {
        object.comment = comment;
    }
    Ok(executed())
}

/// What a dropped role owned goes to the role that drops it; its privileges vanish with it.
pub(super) fn bequeath(cx: &mut Context<'_>, role: Id) {
    let heir = cx.role;
    for object in cx.edit().objects.values_mut().filter(|o| o.owner == Some(role)) {
        object.owner = Some(heir);
    }
}

/// `SHOW ROLES`.
pub(super) fn show(cx: &Context<'_>, p: &mut Parser<'_>) -> Fallible<ResultSet> {
    let filter = Filter::read(cx, p, Kind::Role, true)?;
    let columns = [
        "created_on:timestamp",
        "name",
        "is_default",
        "is_current",
        "is_inherited",
        "assigned_to_users:fixed",
        "granted_to_roles:fixed",
        "granted_roles:fixed",
        "owner",
        "comment",
    ];
    let mut sheet = Sheet::new(SHOW, &columns);
    for object in filter.objects(cx, Kind::Role, Beyond::Cut)? {
        let state = cx.see();
        let holds = |members: &&BTreeSet<Id>| members.contains(&object.id);
        sheet.row([
            timestamp(object.created),
            (&object.name).into(),
            yes_no(false),
            yes_no(object.id == cx.role),
            yes_no(object.id != cx.role && cx.roles.contains(&object.id)),
            state.user_roles.values().filter(holds).count().into(),
            state.role_members.values().filter(holds).count().into(),
            state.role_members.get(&object.id).map_or(0, BTreeSet::len).into(),
            object.owner.map(|owner| state.role_name(Some(owner))).into(),
            (&object.comment).into(),
        ]);
    }
    Ok(sheet.done())
}

/// `SHOW DATABASE ROLES [LIKE '…'] IN DATABASE d [LIMIT n]`. The database must be said.
pub(super) fn show_database_roles(cx: &Context<'_>, p: &mut Parser<'_>) -> Fallible<ResultSet> {
    let filter = Filter::read(cx, p, Kind::DatabaseRole, true)?;
    if !filter.in_database() {
        return Err(p.unexpected());
    }
    let columns = [
        "created_on:timestamp",
        "name",
        "is_default",
        "is_current",
        "is_inherited",
        "granted_to_roles:fixed",
        "granted_to_database_roles:fixed",
        "granted_database_roles:fixed",
        "owner",
        "comment",
        "owner_role_type",
    ];
    let mut sheet = Sheet::new(SHOW, &columns);
    for object in filter.objects(cx, Kind::DatabaseRole, Beyond::Cut)? {
        let state = cx.see();
        let holders = |kind: Kind| {
            let of_kind = |holder: &Id| state.get(*holder).is_some_and(|holder| holder.kind() == kind);
            state.role_members.iter().filter(|(holder, held)| of_kind(holder) && held.contains(&object.id)).count()
        };
        sheet.row([
            timestamp(object.created),
            (&object.name).into(),
            yes_no(false),
            yes_no(false),
            yes_no(cx.roles.contains(&object.id)),
            holders(Kind::Role).into(),
            holders(Kind::DatabaseRole).into(),
            state.role_members.get(&object.id).map_or(0, BTreeSet::len).into(),
            state.role_name(object.owner).into(),
            (&object.comment).into(),
            granted_to(cx, object.owner.unwrap_or_default()).into(),
        ]);
    }
    Ok(sheet.done())
}

/// As grants call the kind of role that holds something.
pub(super) fn granted_to(cx: &Context<'_>, role: Id) -> &'static str {
    match cx.see().get(role) {
        Some(object) if object.kind() == Kind::DatabaseRole => "DATABASE_ROLE",
        _ => "ROLE",
    }
}

/// As grants print who holds something: the name of a role, the full name of a database role.
pub(super) fn grantee_name(cx: &Context<'_>, role: Id) -> String {
    match cx.see().get(role) {
        Some(object) if object.kind() == Kind::DatabaseRole => cx.see().full_name(role),
        _ => cx.see().role_name(Some(role)),
    }
}

/// A role of the account, after the word ROLE if that is there.
pub(super) fn role(cx: &Context<'_>, p: &mut Parser<'_>) -> Fallible<Id> {
    let name = p.ident()?;
    cx.see().role_id(&name).ok_or_else(|| fail::missing("Role", &name))
}

/// `[ROLE] r` or `DATABASE ROLE d.r`.
pub(super) fn grantee(cx: &Context<'_>, p: &mut Parser<'_>) -> Fallible<Id> {
    if p.eat("DATABASE ROLE") {
        let name = p.name()?;
        return cx.object(Kind::DatabaseRole, &name, "GRANT").map(|role| role.id);
    }
    p.eat("ROLE");
    role(cx, p)
}

/// What a database role holds lies in its database. The words are the simulator's.
pub(super) fn within_its_database(cx: &Context<'_>, grantee: Id, target: Id) -> Fallible<()> {
    let Some(role) = cx.see().get(grantee).filter(|role| role.kind() == Kind::DatabaseRole) else { return Ok(()) };
    let mut at = target;
    while let Some(object) = cx.see().get(at) {
        if at == role.parent {
            return Ok(());
        }
        at = object.parent;
    }
    let name = cx.see().bare_name(grantee);
    let text = format!("SQL compilation error:\nDatabase role '{name}' cannot hold a privilege outside its database.");
    Err(fail::error("003042", "42601", text))
}

/// `GRANT {ROLE r|DATABASE ROLE d.r} TO …` and `REVOKE … FROM …`.
pub(super) fn membership(cx: &mut Context<'_>, p: &mut Parser<'_>, direction: &str) -> Fallible<ResultSet> {
    let granted = grantee(cx, p)?;
    let adding = direction == "TO";
    p.need(direction)?;
    let of_account = granted_to(cx, granted) == "ROLE";
    if of_account && p.eat("USER") {
        let user = p.ident()?;
        p.end()?;
        demand_role(cx, granted)?;
        let roles = cx.edit().user_roles.entry(user).or_default();
        if adding {
            roles.insert(granted);
        } else {
            roles.remove(&granted);
        }
        return Ok(executed());
    }
    if p.is("USER") {
        return Err(p.unexpected());
    }
    let to = grantee(cx, p)?;
    p.end()?;
    demand_role(cx, granted)?;
    if of_account && granted_to(cx, to) == "DATABASE_ROLE" {
        let text = "SQL compilation error:\nA role cannot be granted to a database role.";
        return Err(fail::error("003042", "42601", text));
    }
    within_its_database(cx, to, granted)?;
    if adding && inherited(cx.see(), granted).contains(&to) {
        let text = "SQL compilation error:\nCircular role grants are not allowed.";
        return Err(fail::error("003042", "42601", text));
    }
    let members = cx.edit().role_members.entry(to).or_default();
    if adding {
        members.insert(granted);
    } else {
        members.remove(&granted);
    }
    Ok(executed())
}

fn demand_role(cx: &Context<'_>, role: Id) -> Fallible<()> {
    if cx.manages_grants() { Ok(()) } else { cx.demand(role, &[]) }
}
