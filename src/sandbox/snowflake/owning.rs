//! Who owns an object: GRANT OWNERSHIP, and what becomes of the privileges others hold on it.

use super::answer::ResultSet;
use super::context::{Context, executed};
use super::fail::{self, Fallible};
use super::grants::target;
use super::parse::Parser;
use super::roles::{grantee, within_its_database};
use super::state::{ACCOUNT, Body};

/// `GRANT OWNERSHIP ON …`: fails while others hold privileges, unless told what becomes of them.
pub(super) fn grant(cx: &mut Context<'_>, p: &mut Parser<'_>) -> Fallible<ResultSet> {
    let target = target(cx, p)?;
    p.need("TO")?;
    let role = grantee(cx, p)?;
    let current = p.eat_one(&["REVOKE CURRENT GRANTS", "COPY CURRENT GRANTS"]);
    p.end()?;
    within_its_database(cx, role, target)?;
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
