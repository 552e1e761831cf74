//! What one task alone can have wrong. Snowflake finds some of this when the task is created and the rest when its graph is resumed,
//! at the very end of an apply. Source: Snowflake documentation, "CREATE TASK", "Triggered tasks".

use super::super::Problem;
use super::body;
use super::spec::{OWN, Overlap, Setting, Spec, field_of};
use crate::kind::schedule::Schedule;
use crate::kind::words::Size;
use crate::model::val::token;

/// Everything wrong with one task.
pub(super) fn check(spec: &Spec) -> Vec<Problem> {
    let mut problems = Vec::new();
    starts(spec, &mut problems);
    compute(spec, &mut problems);
    texts(spec, &mut problems);
    ranges(spec, &mut problems);
    session(spec, &mut problems);
    problems
}

/// What starts it, and what only a root can have.
fn starts(spec: &Spec, problems: &mut Vec<Problem>) {
    let mut refuse = |field: &str, message: &str, hint: &str| problems.push(Problem::new(field, message).hint(hint));
    let child = !spec.after.is_empty();
    let finalizer = spec.finalize.is_some();
    if child && finalizer {
        refuse(
            "finalize",
            "a finalizer runs after all other tasks of its graph and has no `after`",
            "remove one of them",
        );
    }
    if spec.schedule.is_some() && (child || finalizer) {
        let message = "only a root task has a schedule; this one is started by its graph";
        refuse("schedule", message, "remove `schedule`, or what ties it to the graph");
    }
    let root_only = [
        ("config", spec.config.is_some()),
        ("overlap_policy", spec.overlap_policy != Overlap::No),
        ("task_auto_retry_attempts", spec.task_auto_retry_attempts.is_some()),
    ];
    for (field, _) in root_only.into_iter().filter(|(_, set)| *set && (child || finalizer)) {
        refuse(field, &format!("only a root task has `{field}`"), "move it to the root task of the graph");
    }
    let idle = spec.schedule.is_none() && spec.when.is_none() && !child && !finalizer;
    if idle && spec.started {
        let hint = "add `schedule`, `when` or `after`; or set `started = false` for a task that is run by hand";
        refuse("", "nothing ever starts this task", hint);
    }
    for other in &spec.after {
        if other.schema != spec.schema {
            let message = format!("{other} is in another schema: all tasks of a graph are in one");
            refuse("after", &message, "move one of the two tasks");
        }
        if *other == spec.full_name() {
            refuse("after", "a task cannot run after itself", "remove it");
        }
    }
    if let Some(root) = spec.finalize.as_ref().filter(|root| root.schema != spec.schema) {
        let message = format!("{root} is in another schema: a finalizer is in the schema of its root task");
        refuse("finalize", &message, "move one of the two tasks");
    }
    if spec.after.len() > 100 {
        refuse("after", "a task has at most 100 predecessors", "put tasks in between");
    }
}

/// Warehouse or serverless, never a bit of both.
fn compute(spec: &Spec, problems: &mut Vec<Problem>) {
    let serverless = [
        ("user_task_managed_initial_warehouse_size", spec.user_task_managed_initial_warehouse_size.is_some()),
        ("serverless_task_min_statement_size", spec.serverless_task_min_statement_size.is_some()),
        ("serverless_task_max_statement_size", spec.serverless_task_max_statement_size.is_some()),
        ("target_completion_interval", spec.target_completion_interval.is_some()),
    ];
    for (field, _) in serverless.into_iter().filter(|(_, set)| *set && spec.warehouse.is_some()) {
        let message = format!("`{field}` is for serverless tasks, and this one has a warehouse");
        problems.push(Problem::new(field, message).hint("remove it, or remove `warehouse`"));
    }
    if spec.is_triggered() && spec.warehouse.is_none() && spec.target_completion_interval.is_none() {
        let message = "a serverless triggered task needs `target_completion_interval`";
        let hint = "add it, such as `target_completion_interval = \"10 MINUTES\"`, or name a `warehouse`";
        problems.push(Problem::new("target_completion_interval", message).hint(hint));
    }
    for (field, size) in spec.sizes() {
        if size.is_some_and(|size| size > Size::XxLarge) {
            let message = "serverless tasks have at most the size XXLARGE";
            problems.push(Problem::new(field, message).hint("choose a smaller size, or name a `warehouse`"));
        }
    }
    let (min, max) = (spec.serverless_task_min_statement_size, spec.serverless_task_max_statement_size);
    if min.zip(max).is_some_and(|(min, max)| min > max) {
        let message = "the smallest size is larger than the largest";
        problems.push(Problem::new("serverless_task_min_statement_size", message).hint("swap the two"));
    }
}

/// The SQL, and the configuration.
fn texts(spec: &Spec, problems: &mut Vec<Problem>) {
    let mut refuse = |field: &str, message: &str, hint: &str| problems.push(Problem::new(field, message).hint(hint));
    let config = spec.config.as_ref().map(ToString::to_string);
    for (field, text) in [("as", Some(&spec.body)), ("when", spec.when.as_ref()), ("config", config.as_ref())] {
        if text.is_some_and(|text| token::is_in(text)) {
            let message = "it must be known while planning, and a value in it is known only after apply";
            refuse(field, message, "refer to attributes that are known early, such as `name` or `fqn`");
        }
    }
    if spec.body.trim().is_empty() {
        refuse("as", "a task does something", "add the SQL it runs");
    }
    if spec.config.is_some() && !spec.config().is_some_and(|value| value.is_object()) {
        refuse("config", "the configuration of a graph is a JSON object", "write a table, or a JSON text in braces");
    }
    let Some(when) = &spec.when else { return };
    for call in body::calls(when) {
        let allowed = ["SYSTEM$STREAM_HAS_DATA", "SYSTEM$GET_PREDECESSOR_RETURN_VALUE"].contains(&call.as_str());
        if (call.starts_with("SYSTEM$") && !allowed) || call == "PARSE_JSON" || call == "SELECT" {
            let message = format!("`{call}` cannot stand in `when`");
            refuse("when", &message, "use SYSTEM$STREAM_HAS_DATA or SYSTEM$GET_PREDECESSOR_RETURN_VALUE");
        }
    }
    if spec.is_triggered() && body::streams(when, &spec.schema).is_empty() {
        let message = "a task without a schedule is triggered by a stream, and its `when` names none";
        refuse("when", message, "use SYSTEM$STREAM_HAS_DATA('DATABASE.SCHEMA.STREAM'), or add a `schedule`");
    }
}

fn ranges(spec: &Spec, problems: &mut Vec<Problem>) {
    let interval = match &spec.schedule {
        Some(Schedule::Every(interval)) => Some(interval.seconds()),
        Some(Schedule::Cron { .. } | Schedule::Unknown(_)) | None => None,
    };
    let table = [
        ("schedule", interval, 10, 691_200, "seconds"),
        (
            "target_completion_interval",
            spec.target_completion_interval.map(super::Interval::seconds),
            10,
            86_400,
            "seconds",
        ),
        ("user_task_timeout_ms", spec.user_task_timeout_ms, 0, 604_800_000, "milliseconds"),
        ("task_auto_retry_attempts", spec.task_auto_retry_attempts, 0, 30, "attempts"),
        (
            "user_task_minimum_trigger_interval_in_seconds",
            spec.user_task_minimum_trigger_interval_in_seconds,
            10,
            604_800,
            "seconds",
        ),
    ];
    for (field, value, least, most, unit) in table {
        if let Some(value) = value.filter(|value| !(least..=most).contains(value)) {
            let message = format!("`{field}` is {value} {unit}, and may be {least} to {most}");
            problems.push(Problem::new(field, message).hint("choose a value in between"));
        }
    }
    if spec.user_task_minimum_trigger_interval_in_seconds.is_some() && !spec.is_triggered() {
        let message =
            "only triggered tasks have a trigger interval: those with `when` and nothing else that starts them";
        let field = "user_task_minimum_trigger_interval_in_seconds";
        problems.push(Problem::new(field, message).hint("remove it"));
    }
}

fn session(spec: &Spec, problems: &mut Vec<Problem>) {
    for (name, value) in &spec.session_parameters {
        let upper = name.to_ascii_uppercase();
        let mut refuse = |message: String, hint: &str| {
            problems.push(Problem::new(&format!("session_parameters.{name}"), message).hint(hint));
        };
        let word = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        let off = match value {
            Setting::Flag(flag) => !flag,
            Setting::Number(number) => *number == 0,
            Setting::Text(text) => text.eq_ignore_ascii_case("false"),
        };
        if !word {
            refuse(format!("`{name}` is not the name of a parameter"), "use letters, digits and `_`");
        } else if OWN.contains(&upper.as_str()) {
            refuse(
                format!("`{name}` is not a parameter of the session"),
                &format!("use the field `{}`", field_of(&upper)),
            );
        } else if upper == "SEARCH_PATH" || (upper == "AUTOCOMMIT" && off) {
            refuse(format!("a task cannot set `{name}`{}", if off { " to false" } else { "" }), "remove it");
        }
    }
}
