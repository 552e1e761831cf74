//! Roles, and what they may do: GRANT, REVOKE, SHOW GRANTS, SHOW ROLES.

use std::collections::BTreeSet;

use super::answer::ResultSet;
use super::context::{Claim, Context, Create, created, executed, inherited};
use super::fail::{self, Fallible};
use super::parse::Parser;
use super::props::{Props, unset_keys};
use super::show::{Beyond, Filter, SHOW, Sheet, timestamp, true_false, yes_no};
use super::state::{ACCOUNT, Body, Grant, Home, Id, Kind};

const ACCOUNT_PRIVILEGES: &[&str] = &[
    "CREATE DATABASE",
    "CREATE ROLE",
    "CREATE USER",
    "CREATE WAREHOUSE",
    "CREATE INTEGRATION",
    "CREATE STORAGE INTEGRATION",
    "CREATE NOTIFICATION INTEGRATION",
    "CREATE API INTEGRATION",
    "CREATE EXTERNAL VOLUME",
    "CREATE NETWORK POLICY",
    "EXECUTE TASK",
    "EXECUTE MANAGED TASK",
    "EXECUTE ALERT",
    "EXECUTE MANAGED ALERT",
    "MANAGE GRANTS",
    "MONITOR EXECUTION",
    "MONITOR USAGE",
    "MONITOR SECURITY",
    "APPLY TAG",
    "MANAGE WAREHOUSES",
];

/// The privileges that exist on a kind of object.
fn privileges_on(cx: &Context<'_>, target: Id) -> &'static [&'static str] {
    let Some(object) = cx.see().get(target) else { return ACCOUNT_PRIVILEGES };
    match object.kind() {
        Kind::Stage if cx.see().stage(target).is_some_and(|s| s.url.is_none()) => &["READ", "WRITE"],
        Kind::Stage => &["USAGE"],
        kind => privileges_of(kind),
    }
}

/// The privileges that a kind of object may have; stages of both sorts together.
pub(super) fn privileges_of(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Database => {
            &["USAGE", "MODIFY", "MONITOR", "CREATE SCHEMA", "CREATE DATABASE ROLE", "REFERENCE_USAGE", "APPLYBUDGET"]
        }
        Kind::Schema => &[
            "USAGE",
            "MODIFY",
            "MONITOR",
            "CREATE TABLE",
            "CREATE VIEW",
            "CREATE STAGE",
            "CREATE FILE FORMAT",
            "CREATE STREAM",
            "CREATE TASK",
            "CREATE PIPE",
            "CREATE ALERT",
            "CREATE TAG",
            "CREATE NETWORK RULE",
            "CREATE EXTERNAL TABLE",
            "ADD SEARCH OPTIMIZATION",
        ],
        Kind::Warehouse => &["USAGE", "OPERATE", "MODIFY", "MONITOR", "APPLYBUDGET"],
        Kind::Integration => &["USAGE", "USE_ANY_ROLE"],
        Kind::Stage => &["USAGE", "READ", "WRITE"],
        Kind::FileFormat | Kind::Role | Kind::NotificationIntegration | Kind::ExternalVolume => &["USAGE"],
        Kind::Stream => &["SELECT"],
        Kind::Pipe | Kind::Alert => &["MONITOR", "OPERATE"],
        Kind::Task => &["MONITOR", "OPERATE", "APPLYBUDGET"],
        Kind::Table => {
            &["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "EVOLVE SCHEMA", "APPLYBUDGET"]
        }
        Kind::View => &["SELECT", "REFERENCES"],
        Kind::ResourceMonitor => &["MODIFY", "MONITOR"],
        Kind::Tag => &["APPLY", "READ"],
    }
}

/// The words of a privilege list, up to ON.
fn privileges(p: &mut Parser<'_>) -> Fallible<Vec<String>> {
    let mut all = Vec::new();
    loop {
        let mut words = Vec::new();
        while let Some(word) = p.word().filter(|word| word != "ON") {
            words.push(word);
            p.advance();
        }
        if words.is_empty() {
            return Err(p.unexpected());
        }
        all.push(words.join(" "));
        if !p.mark(",") {
            p.need("ON")?;
            return Ok(all);
        }
    }
}

/// The target after ON; 0 for the account.
fn target(cx: &Context<'_>, p: &mut Parser<'_>) -> Fallible<Id> {
    if p.eat("ACCOUNT") {
        return Ok(ACCOUNT);
    }
    if p.is("FUTURE") || p.is("ALL") {
        return Err(fail::unsupported("transfer of many objects at once"));
    }
    for kind in Kind::ALL {
        if p.eat(kind.words()) {
            let name = p.name()?;
            let kind = super::statement::which_integration(cx, kind, &name);
            return cx.object(kind, &name, "GRANT").map(|o| o.id);
        }
    }
    Err(p.unexpected())
}

/// One target, or every visible object of a kind: `ALL TABLES IN SCHEMA d.s`.
fn targets(cx: &Context<'_>, p: &mut Parser<'_>) -> Fallible<Vec<Id>> {
    if !p.eat("ALL") {
        return target(cx, p).map(|id| vec![id]);
    }
    let (container, kind) = plural_in(cx, p)?;
    let schemas: Vec<Id> = cx.see().of_kind(container, Kind::Schema).map(|o| o.id).collect();
    let places = std::iter::once(container).chain(schemas);
    let found = places.flat_map(|place| cx.see().of_kind(place, kind)).filter(|o| o.owner.is_some() && cx.visible(o));
    Ok(found.map(|o| o.id).collect())
}

/// `<KINDS> IN {DATABASE|SCHEMA} n`.
pub(super) fn plural_in(cx: &Context<'_>, p: &mut Parser<'_>) -> Fallible<(Id, Kind)> {
    let inside = Kind::ALL.into_iter().filter(|kind| kind.home() != Home::Account);
    let Some(kind) = inside.into_iter().find(|kind| p.eat(&format!("{}S", kind.words()))) else {
        return Err(p.unexpected());
    };
    p.need("IN")?;
    let Some(container) = p.eat_one(&["DATABASE", "SCHEMA"]) else { return Err(p.unexpected()) };
    let container = if container == "DATABASE" { Kind::Database } else { Kind::Schema };
    if kind == container {
        return Err(p.unexpected());
    }
    let name = p.name()?;
    Ok((cx.object(container, &name, "GRANT")?.id, kind))
}

pub(super) fn role(cx: &Context<'_>, p: &mut Parser<'_>) -> Fallible<Id> {
    let name = p.ident()?;
    cx.see().role_id(&name).ok_or_else(|| fail::missing("Role", &name))
}

/// Who may hand a privilege on: the owner (in a schema with managed access its owner), a holder with the option, MANAGE GRANTS.
fn may_grant(cx: &Context<'_>, target: Id, privilege: &str) -> Fallible<()> {
    let managed = cx.see().get(target).and_then(|o| cx.see().schema(o.parent).map(|s| (o.parent, s.managed_access)));
    let owner = match managed {
        Some((schema, true)) => cx.holds(&cx.roles, schema, "OWNERSHIP"),
        _ => cx.holds(&cx.roles, target, "OWNERSHIP"),
    };
    let with_option = cx.see().grants.get(&target).is_some_and(|grants| {
        grants.iter().any(|g| g.with_option && g.privilege == privilege && cx.roles.contains(&g.role))
    });
    if owner || with_option || cx.manages_grants() { Ok(()) } else { Err(cx.insufficient(target)) }
}

/// ALL stands for every privilege of the kind.
fn expand(cx: &Context<'_>, target: Id, written: Vec<String>) -> Fallible<Vec<String>> {
    let known = privileges_on(cx, target);
    let mut all = Vec::new();
    for privilege in written {
        match privilege.as_str() {
            "ALL" | "ALL PRIVILEGES" => all.extend(known.iter().map(|p| (*p).to_owned())),
            one if known.contains(&one) => all.push(privilege),
            one => {
                let text = format!("SQL compilation error:\nInvalid object type for specified privilege '{one}'.");
                return Err(fail::error("003008", "42601", text));
            }
        }
    }
    Ok(all)
}

/// `GRANT …`, after the word.
pub(super) fn grant(cx: &mut Context<'_>, p: &mut Parser<'_>) -> Fallible<ResultSet> {
    if p.is("ROLE") && !p.is("ROLE ON") {
        return membership(cx, p, "TO");
    }
    if p.eat("OWNERSHIP ON") {
        return ownership(cx, p);
    }
    let written = privileges(p)?;
    if p.eat("FUTURE") {
        return super::future::grant(cx, p, &written);
    }
    let targets = targets(cx, p)?;
    p.need("TO")?;
    p.eat("ROLE");
    let role = role(cx, p)?;
    let with_option = p.eat("WITH GRANT OPTION");
    p.end()?;
    for target in targets {
        give(cx, target, written.clone(), role, with_option)?;
    }
    Ok(executed())
}

/// Gives privileges on one object.
fn give(cx: &mut Context<'_>, target: Id, written: Vec<String>, role: Id, with_option: bool) -> Fallible<()> {
    for privilege in expand(cx, target, written)? {
        may_grant(cx, target, &privilege)?;
        if privilege == "WRITE" && !cx.holds(&BTreeSet::from([role]), target, "READ") {
            return Err(fail::error("003011", "42501", "Grant partially executed: privileges [WRITE] not granted."));
        }
        let (by, created) = (Some(cx.role), cx.now);
        let grants = cx.edit().grants.entry(target).or_default();
        match grants.iter_mut().find(|g| g.role == role && g.privilege == privilege) {
            Some(held) => held.with_option |= with_option,
            None => grants.push(Grant { privilege, role, with_option, by, created }),
        }
    }
    Ok(())
}

/// `REVOKE …`, after the word.
pub(super) fn revoke(cx: &mut Context<'_>, p: &mut Parser<'_>) -> Fallible<ResultSet> {
    if p.is("ROLE") {
        return membership(cx, p, "FROM");
    }
    let option_only = p.eat("GRANT OPTION FOR");
    let written = privileges(p)?;
    if p.eat("FUTURE") {
        return super::future::revoke(cx, p, &written);
    }
    let targets = targets(cx, p)?;
    p.need("FROM")?;
    p.eat("ROLE");
    let role = role(cx, p)?;
    p.eat_one(&["CASCADE", "RESTRICT"]);
    p.end()?;
    for target in targets {
        take(cx, target, written.clone(), role, option_only)?;
    }
    Ok(executed())
}

/// Takes privileges on one object away.
fn take(cx: &mut Context<'_>, target: Id, written: Vec<String>, role: Id, option_only: bool) -> Fallible<()> {
    for privilege in expand(cx, target, written)? {
        may_grant(cx, target, &privilege)?;
        if privilege == "READ"
            && cx.see().grants.get(&target).is_some_and(|g| g.iter().any(|g| g.role == role && g.privilege == "WRITE"))
        {
            return Err(fail::error("003011", "42501", "Revoke of READ not executed: WRITE must be revoked first."));
        }
        let grants = cx.edit().grants.entry(target).or_default();
        if option_only {
            grants
                .iter_mut()
                .filter(|g| g.role == role && g.privilege == privilege)
                .for_each(|g| g.with_option = false);
        } else {
            grants.retain(|g| g.role != role || g.privilege != privilege);
        }
    }
    Ok(())
}

/// `GRANT ROLE r TO …` and `REVOKE ROLE r FROM …`.
fn membership(cx: &mut Context<'_>, p: &mut Parser<'_>, direction: &str) -> Fallible<ResultSet> {
    p.need("ROLE")?;
    let granted = role(cx, p)?;
    p.need(direction)?;
    let to_user = p.eat("USER");
    if !to_user {
        p.eat("ROLE");
    }
    let adding = direction == "TO";
    if to_user {
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
    let to = role(cx, p)?;
    p.end()?;
    demand_role(cx, granted)?;
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

/// `GRANT OWNERSHIP ON …`: fails while others hold privileges, unless told what becomes of them.
fn ownership(cx: &mut Context<'_>, p: &mut Parser<'_>) -> Fallible<ResultSet> {
    let target = target(cx, p)?;
    p.need("TO")?;
    p.eat("ROLE");
    let role = role(cx, p)?;
    let current = p.eat_one(&["REVOKE CURRENT GRANTS", "COPY CURRENT GRANTS"]);
    p.end()?;
    if target == ACCOUNT {
        return Err(cx.insufficient(target));
    }
    if !cx.manages_grants() {
        cx.demand(target, &[])?;
    }
    if current.is_none() && cx.see().grants.get(&target).is_some_and(|grants| !grants.is_empty()) {
        let text = "SQL execution error: Dependent privilege grants must be revoked or copied with the ownership.";
        return Err(fail::error("003011", "42501", text));
    }
    if let Some(task) = cx.see().task(target)
        && task.started
    {
        return Err(fail::root_not_suspended(&cx.see().full_name(target)));
    }
    let state = cx.edit();
    if current == Some("REVOKE CURRENT GRANTS") {
        state.grants.remove(&target);
    }
    if let Some(object) = state.objects.get_mut(&target) {
        object.owner = Some(role);
    }
    if let Some(task) = state.task_mut(target) {
        if !task.after.is_empty() || task.finalize.is_some() {
            task.orphan("GRANT_OWNERSHIP");
        }
        task.after.clear();
        task.finalize = None;
        for object in state.objects.values_mut() {
            if let Body::Task(other) = &mut object.body {
                let had = !other.after.is_empty();
                other.after.retain(|above| *above != target);
                if had && other.after.is_empty() {
                    other.orphan("CHILD_BECAME_ROOT");
                }
            }
        }
    }
    Ok(executed())
}

/// `SHOW GRANTS [ON … | TO … | OF …]`.
pub(super) fn show(cx: &Context<'_>, p: &mut Parser<'_>) -> Fallible<ResultSet> {
    if p.eat("OF ROLE") {
        let of = role(cx, p)?;
        p.end()?;
        return Ok(members_of(cx, of));
    }
    let columns = [
        "created_on:timestamp",
        "privilege",
        "granted_on",
        "name",
        "granted_to",
        "grantee_name",
        "grant_option",
        "granted_by",
    ];
    let mut sheet = Sheet::new(SHOW, &columns);
    if p.eat("ON") {
        let target = target(cx, p)?;
        p.end()?;
        on_target(cx, target, None, &mut sheet);
        return Ok(sheet.done());
    }
    let to = if p.eat("TO USER") {
        let user = p.ident()?;
        p.end()?;
        return Ok(roles_of_user(cx, &user));
    } else if p.eat("TO ROLE") || p.eat("TO") {
        role(cx, p)?
    } else {
        cx.role
    };
    p.end()?;
    for target in std::iter::once(ACCOUNT).chain(cx.see().objects.keys().copied()) {
        on_target(cx, target, Some(to), &mut sheet);
    }
    for member in cx.see().role_members.get(&to).into_iter().flatten() {
        sheet.row([
            timestamp(cx.see().get(*member).map_or(0, |o| o.created)),
            "USAGE".into(),
            "ROLE".into(),
            cx.see().full_name(*member).into(),
            "ROLE".into(),
            cx.see().role_name(Some(to)).into(),
            true_false(false),
            "".into(),
        ]);
    }
    Ok(sheet.done())
}

/// The rows of one target, for one role or for all.
fn on_target(cx: &Context<'_>, target: Id, to: Option<Id>, sheet: &mut Sheet) {
    let state = cx.see();
    let (kind, name) = match state.get(target) {
        Some(object) => (object.kind().granted_on(), state.full_name(target)),
        None => ("ACCOUNT", state.locator.clone()),
    };
    if let Some(object) = state.get(target)
        && let Some(owner) = object.owner
        && to.is_none_or(|to| to == owner)
    {
        let owner = state.role_name(Some(owner));
        sheet.row([
            timestamp(object.created),
            "OWNERSHIP".into(),
            kind.into(),
            (&name).into(),
            "ROLE".into(),
            (&owner).into(),
            true_false(true),
            (&owner).into(),
        ]);
    }
    for grant in state.grants.get(&target).into_iter().flatten().filter(|g| to.is_none_or(|to| to == g.role)) {
        sheet.row([
            timestamp(grant.created),
            (&grant.privilege).into(),
            kind.into(),
            (&name).into(),
            "ROLE".into(),
            state.role_name(Some(grant.role)).into(),
            true_false(grant.with_option),
            state.role_name(grant.by).into(),
        ]);
    }
}

fn members_of(cx: &Context<'_>, of: Id) -> ResultSet {
    let mut sheet = Sheet::new(SHOW, &["created_on:timestamp", "role", "granted_to", "grantee_name", "granted_by"]);
    let name = cx.see().role_name(Some(of));
    let created = cx.see().get(of).map_or(0, |o| o.created);
    for (holder, members) in &cx.see().role_members {
        if members.contains(&of) {
            let holder = cx.see().role_name(Some(*holder));
            sheet.row([timestamp(created), (&name).into(), "ROLE".into(), holder.into(), "".into()]);
        }
    }
    for (user, roles) in &cx.see().user_roles {
        if roles.contains(&of) {
            sheet.row([timestamp(created), (&name).into(), "USER".into(), user.into(), "".into()]);
        }
    }
    sheet.done()
}

fn roles_of_user(cx: &Context<'_>, user: &str) -> ResultSet {
    let mut sheet = Sheet::new(SHOW, &["created_on:timestamp", "role", "granted_to", "grantee_name", "granted_by"]);
    for role in cx.see().user_roles.get(user).into_iter().flatten() {
        let created = cx.see().get(*role).map_or(0, |o| o.created);
        sheet.row([timestamp(created), cx.see().role_name(Some(*role)).into(), "USER".into(), user.into(), "".into()]);
    }
    sheet.done()
}

/// `CREATE [OR REPLACE] ROLE …`.
pub(super) fn create_role(cx: &mut Context<'_>, p: &mut Parser<'_>, create: Create) -> Fallible<ResultSet> {
    let create = create.if_not_exists(p)?;
    let name = p.name()?;
    let mut props = Props::read(p)?;
    p.end()?;
    let comment = props.text("COMMENT")?;
    props.finish()?;
    let slot = match cx.claim(Kind::Role, &name, create, &[])? {
        Claim::Free(slot) => slot,
        Claim::Taken(answer) => return Ok(answer),
    };
    if let Some(old) = slot.replaced {
        forget_role(cx, old);
    }
    cx.put(&slot, comment, Body::Role);
    Ok(created("Role", &slot.name))
}

/// `ALTER ROLE n SET COMMENT = … | UNSET COMMENT`, after the name.
pub(super) fn alter_role(cx: &mut Context<'_>, p: &mut Parser<'_>, id: Id) -> Fallible<ResultSet> {
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

/// What a dropped role owned goes to the role that drops it; its privileges vanish.
pub(super) fn forget_role(cx: &mut Context<'_>, role: Id) {
    let heir = cx.role;
    let state = cx.edit();
    for object in state.objects.values_mut().filter(|o| o.owner == Some(role)) {
        object.owner = Some(heir);
    }
    for grants in state.grants.values_mut() {
        grants.retain(|grant| grant.role != role);
    }
    state.future_grants.retain(|future| future.grant.role != role);
    state.role_members.remove(&role);
    for members in state.role_members.values_mut().chain(state.user_roles.values_mut()) {
        members.remove(&role);
    }
}

/// `SHOW ROLES`.
pub(super) fn show_roles(cx: &Context<'_>, p: &mut Parser<'_>) -> Fallible<ResultSet> {
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
