//! The statements of a single task, without the suspending and resuming around them: that is the business of its graph.

use super::spec::{INITIAL_SIZE, MAX_SIZE, MIN_SIZE, Overlap, Setting, field_of};
use super::{Body, Props};
use crate::model::{Diff, Ident, Mark, ObjectName, Op, Text};

/// `CREATE TASK`; the new task is suspended.
pub(super) fn create(want: &Props) -> Op {
    let Props {
        name,
        mark: _,
        comment: _,
        warehouse: _,
        schedule: _,
        config: _,
        overlap: _,
        after,
        finalize,
        when,
        body,
        error_integration: _,
        success_integration: _,
        target_completion_interval: _,
        execute_as_user,
        parameters: _,
        own: _,
        started: _,
        successors: _,
    } = want;
    let clauses = settings(want, &|_| true).into_iter().fold(Text::new("CREATE TASK").name(name), Text::then);
    let text = finalize.iter().fold(clauses, |text, root| text.word("FINALIZE =").name(root));
    let text = if after.is_empty() { text } else { text.word("AFTER").then(names(after)) };
    let text = execute_as_user.iter().fold(text, |text, user| text.word("EXECUTE AS USER").name(user));
    let text = when.iter().fold(text, |text, when| text.word("WHEN").body(when));
    Op::sql(text.word("AS").body(body))
}

/// The statements that make the changed fields so, in the order in which Snowflake takes them: what must go before what replaces it
/// can come (a schedule before a condition that triggers, serverless sizes before a warehouse, root-only settings before edges).
pub(super) fn alter(want: &Props, have: &Props, changed: &Diff) -> Vec<Op> {
    let task = || Text::new("ALTER TASK").name(&want.name);
    let mut out = Vec::new();
    let gone = unset(want, have, changed);
    if !gone.is_empty() {
        out.push(task().word("UNSET").list(gone));
    }
    if changed.has("execute_as_user") && want.execute_as_user.is_none() {
        out.push(task().word("UNSET EXECUTE AS USER"));
    }
    if changed.has("finalize") && want.finalize.is_none() {
        out.push(task().word("UNSET FINALIZE"));
    }
    if changed.has("when") {
        out.push(match &want.when {
            Some(when) => task().word("MODIFY WHEN").body(when),
            None => task().word("REMOVE WHEN"),
        });
    }
    if changed.has("as") {
        out.push(task().word("MODIFY AS").body(&want.body));
    }
    // New edges come first, so that a child never is a root in between: that would suspend it.
    let added: Vec<&ObjectName> = want.after.difference(&have.after).collect();
    let removed: Vec<&ObjectName> = have.after.difference(&want.after).collect();
    if !added.is_empty() {
        out.push(task().word("ADD AFTER").then(names(added)));
    }
    if !removed.is_empty() {
        out.push(task().word("REMOVE AFTER").then(names(removed)));
    }
    if let Some(root) = want.finalize.as_ref().filter(|_| changed.has("finalize")) {
        out.push(task().word("SET FINALIZE =").name(root));
    }
    let set = settings(want, &|field| changed.has(field) || (field == "comment" && changed.has("mark")));
    if !set.is_empty() {
        out.push(task().word("SET").list(set));
    }
    if let Some(user) = want.execute_as_user.as_ref().filter(|_| changed.has("execute_as_user")) {
        out.push(task().word("SET EXECUTE AS USER").name(user));
    }
    out.into_iter().map(Op::sql).collect()
}

/// `NAME = value` of everything that is set and chosen.
fn settings(want: &Props, chosen: &dyn Fn(&str) -> bool) -> Vec<Text> {
    let mut out = Vec::new();
    let mut add = |field: &str, text: Option<Text>| out.extend(text.filter(|_| chosen(field)));
    let name = |words: &'static str, name: &Option<Ident>| name.as_ref().map(|name| Text::new(words).name(name));
    add("warehouse", name("WAREHOUSE =", &want.warehouse));
    let schedule = want.schedule.as_ref().map(|schedule| Text::new("SCHEDULE =").literal(schedule.to_string()));
    add("schedule", schedule);
    add("config", want.config.as_ref().map(|config| Text::new("CONFIG =").literal(config.as_str())));
    let overlap = (want.overlap != Overlap::No).then(|| Text::new("OVERLAP_POLICY =").word(want.overlap.word()));
    add("overlap_policy", overlap);
    for (parameter, value) in &want.parameters {
        let text = Text::default().parameter(parameter).word("=");
        add(
            &field_of(parameter),
            Some(match value {
                Setting::Flag(flag) => text.bool(*flag),
                Setting::Number(number) => text.int(*number),
                Setting::Text(value) => text.literal(value.as_str()),
            }),
        );
    }
    let target = want.target_completion_interval;
    let target = target.map(|interval| Text::new("TARGET_COMPLETION_INTERVAL =").literal(interval.to_string()));
    add("target_completion_interval", target);
    add("error_integration", name("ERROR_INTEGRATION =", &want.error_integration));
    add("success_integration", name("SUCCESS_INTEGRATION =", &want.success_integration));
    let comment = want.mark.as_ref().map_or_else(|| want.comment.clone(), |mark: &Mark| mark.comment(&want.comment));
    add("comment", Some(Text::new("COMMENT =").literal(comment)));
    out
}

/// What is set and shall not be.
fn unset(want: &Props, have: &Props, changed: &Diff) -> Vec<Text> {
    let table = [
        ("warehouse", want.warehouse.is_none(), "WAREHOUSE"),
        ("schedule", want.schedule.is_none(), "SCHEDULE"),
        ("config", want.config.is_none(), "CONFIG"),
        ("overlap_policy", want.overlap == Overlap::No, "OVERLAP_POLICY"),
        ("target_completion_interval", want.target_completion_interval.is_none(), "TARGET_COMPLETION_INTERVAL"),
        ("error_integration", want.error_integration.is_none(), "ERROR_INTEGRATION"),
        ("success_integration", want.success_integration.is_none(), "SUCCESS_INTEGRATION"),
    ];
    let mut gone: Vec<Text> = Vec::new();
    gone.extend(
        table.iter().filter(|(field, gone, _)| *gone && changed.has(field)).map(|(_, _, word)| Text::new(word)),
    );
    // A task with a warehouse cannot keep what only serverless tasks have. The sizes are not read for every task, so all are unset.
    if have.warehouse.is_none() && want.warehouse.is_some() {
        gone.extend([INITIAL_SIZE, MIN_SIZE, MAX_SIZE].map(Text::new));
    }
    gone
}

fn names<'a>(names: impl IntoIterator<Item = &'a ObjectName>) -> Text {
    Text::default().list(names.into_iter().map(|name| Text::default().name(name)))
}

/// `ALTER TASK … SUSPEND`.
pub(super) fn suspend(name: &ObjectName) -> Text {
    Text::new("ALTER TASK").name(name).word("SUSPEND")
}

/// `ALTER TASK … RESUME`.
pub(super) fn resume(name: &ObjectName) -> Text {
    Text::new("ALTER TASK").name(name).word("RESUME")
}

/// Resumes a task that may have been dropped since.
pub(super) fn resume_if_exists(name: &ObjectName) -> Text {
    Text::new("ALTER TASK IF EXISTS").name(name).word("RESUME")
}

/// `DROP TASK`.
pub(super) fn drop(name: &ObjectName) -> Op {
    Op::sql(Text::new("DROP TASK IF EXISTS").name(name))
}

/// The body of a live task, which may be hidden from the role.
pub(super) fn body(text: Option<&str>) -> Body {
    Body::new(text.unwrap_or_default())
}
