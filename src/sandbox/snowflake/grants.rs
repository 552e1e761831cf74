//! What roles may do: GRANT and REVOKE of privileges.

use std::collections::BTreeSet;

use super::answer::ResultSet;
use super::context::{Context, executed};
use super::fail::{self, Fallible};
use super::parse::Parser;
use super::state::{ACCOUNT, Grant, Home, Id, Kind};
use super::{owning, roles};

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
        Kind::FileFormat | Kind::Role | Kind::DatabaseRole | Kind::NotificationIntegration | Kind::ExternalVolume => {
            &["USAGE"]
        }
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
pub(super) fn target(cx: &Context<'_>, p: &mut Parser<'_>) -> Fallible<Id> {
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
    if p.is("ROLE") || p.is("DATABASE ROLE") {
        return roles::membership(cx, p, "TO");
    }
    if p.eat("OWNERSHIP ON") {
        return owning::grant(cx, p);
    }
    let written = privileges(p)?;
    if p.eat("FUTURE") {
        return super::future::grant(cx, p, &written);
    }
    let targets = targets(cx, p)?;
    p.need("TO")?;
    let role = roles::grantee(cx, p)?;
    let with_option = p.eat("WITH GRANT OPTION");
    p.end()?;
    for target in targets {
        give(cx, target, written.clone(), role, with_option)?;
    }
    Ok(executed())
}

/// Gives privileges on one object.
fn give(cx: &mut Context<'_>, target: Id, written: Vec<String>, role: Id, with_option: bool) -> Fallible<()> {
    roles::within_its_database(cx, role, target)?;
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
    if p.is("ROLE") || p.is("DATABASE ROLE") {
        return roles::membership(cx, p, "FROM");
    }
    let option_only = p.eat("GRANT OPTION FOR");
    let written = privileges(p)?;
    if p.eat("FUTURE") {
        return super::future::revoke(cx, p, &written);
    }
    let targets = targets(cx, p)?;
    p.need("FROM")?;
    let role = roles::grantee(cx, p)?;
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
            // What nobody granted, as the USAGE a database role is born with, nobody can take.
            grants.retain(|g| g.role != role || g.privilege != privilege || g.by.is_none());
        }
    }
    Ok(())
}
