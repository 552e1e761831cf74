//! Graphs of tasks: roots, edges, finalizers, and what is checked before anything in a graph changes.

use std::collections::BTreeSet;

use super::answer::SqlError;
use super::context::{Context, inherited};
use super::fail::{self, Fallible, GRAPH};
use super::state::{ACCOUNT, Id, Kind, State};

/// The roots above a task; itself if it has nothing above it. Empty when all ways up run in circles.
pub(super) fn roots(state: &State, task: Id) -> BTreeSet<Id> {
    let (mut roots, mut seen, mut open) = (BTreeSet::new(), BTreeSet::new(), vec![task]);
    while let Some(id) = open.pop() {
        if !seen.insert(id) {
            continue;
        }
        let Some(body) = state.task(id) else { continue };
        match (body.finalize, body.after.as_slice()) {
            (Some(root), _) => open.push(root),
            (None, []) => {
                roots.insert(id);
            }
            (None, above) => open.extend(above),
        }
    }
    roots
}

/// Tasks whose predecessors contain this one, and its finalizer.
fn below(state: &State, task: Id) -> Vec<Id> {
    let Some(object) = state.get(task) else { return Vec::new() };
    let depends = |id: Id| state.task(id).is_some_and(|t| t.after.contains(&task) || t.finalize == Some(task));
    state.of_kind(object.parent, Kind::Task).map(|o| o.id).filter(|id| depends(*id)).collect()
}

/// Everything below a task, without itself.
pub(super) fn dependents(state: &State, task: Id) -> BTreeSet<Id> {
    let (mut all, mut open) = (BTreeSet::new(), below(state, task));
    while let Some(id) = open.pop() {
        if all.insert(id) {
            open.extend(below(state, id));
        }
    }
    all
}

/// The finalizer of a root.
pub(super) fn finalizer(state: &State, root: Id) -> Option<Id> {
    below(state, root).into_iter().find(|id| state.task(*id).is_some_and(|t| t.finalize == Some(root)))
}

/// Every root above a task must be suspended; else 091421.
pub(super) fn demand_suspended(state: &State, task: Id) -> Fallible<()> {
    match roots(state, task).into_iter().find(|root| state.task(*root).is_some_and(|t| t.started)) {
        Some(root) => Err(fail::root_not_suspended(&state.full_name(root))),
        None => Ok(()),
    }
}

/// The checks of an edge: same schema, same owner.
pub(super) fn check_predecessors(cx: &Context<'_>, schema: Id, owner: Option<Id>, above: &[Id]) -> Fallible<()> {
    for id in above {
        let Some(object) = cx.see().get(*id) else { continue };
        if object.parent != schema {
            return Err(graph("A task and its predecessors must be in the same schema."));
        }
        if object.owner != owner {
            return Err(graph("Task cannot have the given predecessor since they do not share the same owner role."));
        }
        demand_suspended(cx.see(), *id)?;
        if cx.see().task(*id).is_some_and(|t| t.finalize.is_some()) {
            return Err(graph("A finalizer task cannot have child tasks."));
        }
    }
    if above.len() > 100 {
        return Err(graph("A task can have at most 100 predecessors."));
    }
    Ok(())
}

/// The checks of a finalizer's link.
pub(super) fn check_finalize(cx: &Context<'_>, task: Option<Id>, schema: Id, root: Id) -> Fallible<()> {
    let Some(target) = cx.see().task(root) else { return Err(fail::nowhere()) };
    if !target.after.is_empty() || target.finalize.is_some() || task == Some(root) {
        return Err(graph(&format!("Task {} cannot finalize a non-root task.", cx.see().full_name(root))));
    }
    if cx.see().get(root).is_some_and(|o| o.parent != schema) {
        return Err(graph("A finalizer task and its root must be in the same schema."));
    }
    if finalizer(cx.see(), root).is_some_and(|other| Some(other) != task) {
        return Err(graph("A root task can have only one finalizer task."));
    }
    demand_suspended(cx.see(), root)
}

pub(super) fn graph(text: &str) -> SqlError {
    fail::error(GRAPH, "22000", text)
}

/// The graphs that a task is in have been changed.
pub(super) fn changed(state: &mut State, task: Id) {
    for root in roots(state, task) {
        if let Some(root) = state.task_mut(root) {
            root.version += 1;
        }
    }
}

/// The rights that the owner of a task needs when it is resumed and whenever it runs.
pub(super) fn check_rights(cx: &Context<'_>, task: Id) -> Fallible<()> {
    let state = cx.see();
    let (Some(body), Some(object)) = (state.task(task), state.get(task)) else { return Err(fail::nowhere()) };
    let owner = inherited(state, object.owner.unwrap_or(cx.role));
    if !cx.holds(&owner, ACCOUNT, "EXECUTE TASK") {
        let text = "Cannot execute task, EXECUTE TASK privilege must be granted to owner role";
        return Err(fail::error("091089", "23001", text));
    }
    match &body.warehouse {
        None if !cx.holds(&owner, ACCOUNT, "EXECUTE MANAGED TASK") => {
            let text = "Cannot execute task, EXECUTE MANAGED TASK privilege must be granted to owner role";
            return Err(fail::error("091089", "23001", text));
        }
        Some(name) => {
            let usable = state.find(ACCOUNT, Kind::Warehouse, name).is_some_and(|w| cx.holds(&owner, w.id, "USAGE"));
            if !usable {
                let text = "Cannot execute task, USAGE privilege on the task's warehouse must be granted to owner role";
                return Err(fail::error("091089", "23001", text));
            }
        }
        None => {}
    }
    Ok(())
}

/// What is checked when a task is resumed: rights of its owner, and for a root the whole graph below it.
pub(super) fn check_resume(cx: &Context<'_>, task: Id) -> Fallible<()> {
    check_rights(cx, task)?;
    let state = cx.see();
    let Some(body) = state.task(task) else { return Err(fail::nowhere()) };
    if circular(state, task) {
        return Err(graph(&format!("Graph has at least one cycle containing task {}.", state.full_name(task))));
    }
    let is_root = body.after.is_empty() && body.finalize.is_none();
    if !is_root {
        return Ok(());
    }
    if body.is_triggered() && body.warehouse.is_none() && body.target_completion_interval.is_none() {
        // Required by the documentation of triggered tasks; the words and the number are the simulator's.
        return Err(graph("A serverless triggered task needs TARGET_COMPLETION_INTERVAL."));
    }
    for member in dependents(state, task) {
        if circular(state, member) {
            return Err(graph(&format!("Graph has at least one cycle containing task {}.", state.full_name(member))));
        }
        if roots(state, member).len() > 1 {
            return Err(graph("The graph has more than one root task (one without predecessors)."));
        }
    }
    Ok(())
}

fn circular(state: &State, task: Id) -> bool {
    dependents(state, task).contains(&task)
}

/// Edges to tasks that are gone vanish; a task that loses its last one becomes a suspended root.
pub(super) fn sever_lost_edges(state: &mut State) {
    let alive: BTreeSet<Id> = state.objects.values().filter(|o| o.kind() == Kind::Task).map(|o| o.id).collect();
    for id in &alive {
        let Some(task) = state.task_mut(*id) else { continue };
        let had = !task.after.is_empty();
        task.after.retain(|above| alive.contains(above));
        if had && task.after.is_empty() {
            task.orphan("CHILD_BECAME_ROOT");
        }
        if task.finalize.is_some_and(|root| !alive.contains(&root)) {
            task.finalize = None;
            task.orphan("FINALIZER_BECAME_ROOT");
        }
    }
}
