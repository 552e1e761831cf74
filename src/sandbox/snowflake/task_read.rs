//! What SHOW TASKS and DESC TASK tell.

use serde_json::Value as Json;

use super::answer::ResultSet;
use super::context::Context;
use super::fail::Fallible;
use super::graph;
use super::parse::Parser;
use super::show::{Beyond, Cell, DESCRIBE, Filter, NULL, SHOW, Sheet, timestamp, true_false};
use super::state::{Id, Kind, Object};

const COLUMNS: [&str; 29] = [
    "created_on:timestamp",
    "name",
    "id",
    "database_name",
    "schema_name",
    "owner",
    "comment",
    "warehouse",
    "schedule",
    "predecessors",
    "state",
    "definition",
    "condition",
    "allow_overlapping_execution",
    "error_integration",
    "last_committed_on:timestamp",
    "last_suspended_on:timestamp",
    "owner_role_type",
    "config",
    "budget",
    "task_relations",
    "last_suspended_reason",
    "success_integration",
    "scheduling_mode",
    "target_completion_interval",
    "execute_as_user",
    "overlap_policy",
    "user_id",
    "kind",
];

/// `SHOW [TERSE] TASKS … [ROOT ONLY]`.
pub(super) fn show(cx: &Context<'_>, p: &mut Parser<'_>, terse: bool) -> Fallible<ResultSet> {
    let root_only = take_root_only(p);
    let filter = Filter::read(cx, p, Kind::Task, true)?;
    let objects = filter.objects(cx, Kind::Task, Beyond::Fail)?;
    let chosen = objects.into_iter().filter(|o| !root_only || cx.see().task(o.id).is_some_and(|task| !task.is_child()));
    if terse {
        let mut sheet =
            Sheet::new(SHOW, &["created_on:timestamp", "name", "kind", "database_name", "schema_name", "schedule"]);
        for object in chosen {
            let (database, schema) = cx.see().container_names(object);
            let schedule = cx.see().task(object.id).and_then(|task| task.schedule.clone());
            let row = [
                timestamp(object.created),
                (&object.name).into(),
                NULL,
                database.into(),
                schema.into(),
                schedule.into(),
            ];
            sheet.row(row);
        }
        return Ok(sheet.done());
    }
    let mut sheet = Sheet::new(SHOW, &COLUMNS);
    for object in chosen {
        row(cx, object, &mut sheet);
    }
    Ok(sheet.done())
}

/// ROOT ONLY stands between STARTS WITH and LIMIT; it is looked for ahead and cut out.
fn take_root_only(p: &mut Parser<'_>) -> bool {
    p.cut("ROOT ONLY")
}

/// `DESC TASK n`.
pub(super) fn describe(cx: &Context<'_>, id: Id) -> ResultSet {
    let mut sheet = Sheet::new(DESCRIBE, &COLUMNS);
    if let Some(object) = cx.see().get(id) {
        row(cx, object, &mut sheet);
    }
    sheet.done()
}

fn row(cx: &Context<'_>, object: &Object, sheet: &mut Sheet) {
    let state = cx.see();
    let Some(task) = state.task(object.id) else { return };
    let (database, schema) = state.container_names(object);
    let above: Vec<Json> = task.after.iter().map(|id| Json::from(state.full_name(*id))).collect();
    let moment = |at: Option<i64>| at.map_or(NULL, timestamp);
    let mut relations = vec![format!("\"Predecessors\":{}", Json::from(above.clone()))];
    if let Some(finalizer) = graph::finalizer(state, object.id) {
        relations.push(format!("\"FinalizerTask\":{}", Json::from(state.full_name(finalizer))));
    }
    if let Some(root) = task.finalize {
        relations.push(format!("\"FinalizedRootTask\":{}", Json::from(state.full_name(root))));
    }
    sheet.row([
        timestamp(object.created),
        (&object.name).into(),
        (&task.uuid).into(),
        database.into(),
        schema.into(),
        state.role_name(object.owner).into(),
        Cell(Some(object.comment.clone()).filter(|comment| !comment.is_empty())),
        task.warehouse.clone().into(),
        task.schedule.clone().into(),
        serde_json::to_string_pretty(&above).unwrap_or_default().into(),
        if task.started { "started".into() } else { "suspended".into() },
        (&task.body).into(),
        task.when.clone().into(),
        true_false(task.overlap.as_deref().is_some_and(|policy| policy != "NO_OVERLAP")),
        task.error_integration.as_deref().unwrap_or("null").into(),
        moment(task.last_committed),
        moment(task.last_suspended),
        "ROLE".into(),
        task.config.clone().into(),
        NULL,
        format!("{{{}}}", relations.join(",")).into(),
        task.last_suspended_reason.clone().into(),
        task.success_integration.as_deref().unwrap_or("null").into(),
        task.scheduling_mode.clone().into(),
        task.target_completion_interval.clone().into(),
        task.execute_as_user.clone().into(),
        task.overlap.as_deref().unwrap_or("NO_OVERLAP").into(),
        NULL,
        NULL,
    ]);
}
