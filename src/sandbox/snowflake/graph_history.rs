//! Runs of whole graphs, put together from the runs of their tasks: `CURRENT_TASK_GRAPHS` and `COMPLETE_TASK_GRAPHS`.

use std::collections::BTreeMap;

use super::answer::{Column, ResultSet};
use super::context::Context;
use super::fail::Fallible;
use super::history::{Args, Progress, TaskRun, check, coming, flag, limit, may_see, text};

/// `CURRENT_TASK_GRAPHS(…)`: graphs that run, and those to come.
pub(super) fn current(cx: &Context<'_>, args: &Args) -> Fallible<ResultSet> {
    check("CURRENT_TASK_GRAPHS", args, &["RESULT_LIMIT", "ROOT_TASK_NAME"])?;
    graphs(cx, args, false)
}

/// `COMPLETE_TASK_GRAPHS(…)`: graphs that have run.
pub(super) fn complete(cx: &Context<'_>, args: &Args) -> Fallible<ResultSet> {
    check("COMPLETE_TASK_GRAPHS", args, &["RESULT_LIMIT", "ROOT_TASK_NAME", "ERROR_ONLY"])?;
    graphs(cx, args, true)
}

fn graphs(cx: &Context<'_>, args: &Args, complete: bool) -> Fallible<ResultSet> {
    let (limit, errors_only) = (limit(args)?, flag(args, "ERROR_ONLY"));
    let coming = coming(cx);
    let mut graphs: BTreeMap<(&str, u64), Vec<&TaskRun>> = BTreeMap::new();
    for run in cx.see().runs.iter().chain(&coming).filter(|run| may_see(cx, run.graph.root)) {
        graphs.entry((&run.graph.group, run.graph.attempt)).or_default().push(run);
    }
    let running = |runs: &[&TaskRun]| runs.iter().any(|run| run.completed.is_none());
    let mut found: Vec<Vec<&TaskRun>> = graphs.into_values().filter(|runs| running(runs) != complete).collect();
    found.sort_by_key(|runs| std::cmp::Reverse(runs.first().map(|run| (run.scheduled, run.number))));
    let mut columns = vec![
        ("ROOT_TASK_NAME", "text"),
        ("DATABASE_NAME", "text"),
        ("SCHEMA_NAME", "text"),
        ("STATE", "text"),
        ("SCHEDULED_FROM", "text"),
        ("FIRST_ERROR_TASK_NAME", "text"),
        ("FIRST_ERROR_CODE", "text"),
        ("FIRST_ERROR_MESSAGE", "text"),
        ("SCHEDULED_TIME", "timestamp_ltz"),
        ("QUERY_START_TIME", "timestamp_ltz"),
        ("NEXT_SCHEDULED_TIME", "timestamp_ltz"),
    ];
    if complete {
        columns.push(("COMPLETED_TIME", "timestamp_ltz"));
    }
    columns.extend([
        ("ROOT_TASK_ID", "text"),
        ("GRAPH_VERSION", "fixed"),
        ("RUN_ID", "fixed"),
        ("ATTEMPT_NUMBER", "fixed"),
        ("CONFIG", "text"),
        ("GRAPH_RUN_GROUP_ID", "text"),
    ]);
    let time = |at: Option<i64>| at.map(|ms| format!("{}.{:03}", ms.div_euclid(1000), ms.rem_euclid(1000)));
    let mut rows = Vec::new();
    for runs in found {
        let Some(first) = runs.first() else { continue };
        let root = cx.see().get(first.graph.root).map_or_else(|| first.name.clone(), |root| root.name.clone());
        let state = state(&runs);
        let wanted = text(args, "ROOT_TASK_NAME").is_none_or(|name| name.eq_ignore_ascii_case(&root));
        if !wanted || errors_only && !state.failed() && state != Progress::Cancelled {
            continue;
        }
        let failed = runs.iter().find(|run| run.state.failed());
        let error = failed.and_then(|run| run.error.as_ref());
        let next = coming.iter().find(|run| run.task == first.graph.root && state != Progress::Scheduled);
        let mut row = vec![
            Some(root),
            Some(first.database.clone()),
            Some(first.schema.clone()),
            Some(state.name().to_owned()),
            Some(first.graph.from.name().to_owned()),
            failed.map(|run| run.name.clone()),
            error.map(|(code, _)| code.clone()),
            error.map(|(_, message)| message.clone()),
            time(Some(first.scheduled)),
            time(first.started),
            time(next.map(|run| run.scheduled)),
        ];
        if complete {
            row.push(time(runs.iter().filter_map(|run| run.completed).max()));
        }
        row.extend([
            Some(first.graph.root_uuid.clone()),
            Some(first.graph.version.to_string()),
            Some(first.graph.run_id.to_string()),
            Some(first.graph.attempt.to_string()),
            first.graph.config.clone(),
            Some(first.graph.group.clone()),
        ]);
        rows.push(row);
    }
    rows.truncate(limit);
    let columns = columns.into_iter().map(|(name, kind)| Column::new(name, kind)).collect();
    Ok(ResultSet { columns, rows, statement_type: 0x1000 })
}

/// Of all states of its tasks the one that says most about the graph.
fn state(runs: &[&TaskRun]) -> Progress {
    let order = [
        Progress::Executing,
        Progress::FailedAndAutoSuspended,
        Progress::Failed,
        Progress::Cancelled,
        Progress::Scheduled,
        Progress::Succeeded,
    ];
    order.into_iter().find(|state| runs.iter().any(|run| run.state == *state)).unwrap_or(Progress::Skipped)
}
