//! Who holds what: SHOW GRANTS.

use super::answer::ResultSet;
use super::context::Context;
use super::fail::Fallible;
use super::grants::target;
use super::parse::Parser;
use super::roles::{granted_to, grantee, grantee_name};
use super::show::{SHOW, Sheet, timestamp, true_false};
use super::state::{ACCOUNT, Id};

/// `SHOW GRANTS [ON … | TO … | OF …]`.
pub(super) fn show(cx: &Context<'_>, p: &mut Parser<'_>) -> Fallible<ResultSet> {
    if p.eat("OF") {
        let of = grantee(cx, p)?;
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
    } else if p.eat("TO") {
        grantee(cx, p)?
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
            granted_to(cx, *member).into(),
            cx.see().full_name(*member).into(),
            granted_to(cx, to).into(),
            grantee_name(cx, to).into(),
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
        let (sort, owner) = (granted_to(cx, owner), grantee_name(cx, owner));
        sheet.row([
            timestamp(object.created),
            "OWNERSHIP".into(),
            kind.into(),
            (&name).into(),
            sort.into(),
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
            granted_to(cx, grant.role).into(),
            grantee_name(cx, grant.role).into(),
            true_false(grant.with_option),
            state.role_name(grant.by).into(),
        ]);
    }
}

fn members_of(cx: &Context<'_>, of: Id) -> ResultSet {
    let mut sheet = Sheet::new(SHOW, &["created_on:timestamp", "role", "granted_to", "grantee_name", "granted_by"]);
    let name = grantee_name(cx, of);
    let created = cx.see().get(of).map_or(0, |o| o.created);
    for (holder, members) in &cx.see().role_members {
        if members.contains(&of) {
            let (sort, holder) = (granted_to(cx, *holder), grantee_name(cx, *holder));
            sheet.row([timestamp(created), (&name).into(), sort.into(), holder.into(), "".into()]);
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
