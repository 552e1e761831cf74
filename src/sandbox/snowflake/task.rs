//! Tasks.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::answer::ResultSet;
use super::context::{Claim, Context, Create, created, executed};
use super::fail::{self, Fallible};
use super::graph::{self, graph as graph_error};
use super::lex::Tok;
use super::params;
use super::parse::{Name, Parser};
use super::props::{Props, unset_keys};
use super::schedule::{self, Schedule};
use super::scheduler::Pulse;
use super::state::{ACCOUNT, Body, Id, Kind};

/// A task. Its parameters are on the object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Task {
    pub(super) uuid: String,
    /// None for a serverless task.
    pub(super) warehouse: Option<String>,
    /// As written.
    pub(super) schedule: Option<String>,
    pub(super) config: Option<String>,
    pub(super) overlap: Option<String>,
    pub(super) error_integration: Option<String>,
    pub(super) success_integration: Option<String>,
    pub(super) target_completion_interval: Option<String>,
    pub(super) execute_as_user: Option<String>,
    pub(super) scheduling_mode: Option<String>,
    pub(super) after: Vec<Id>,
    pub(super) finalize: Option<Id>,
    pub(super) when: Option<String>,
    pub(super) body: String,
    pub(super) started: bool,
    pub(super) last_committed: Option<i64>,
    pub(super) last_suspended: Option<i64>,
    pub(super) last_suspended_reason: Option<String>,
    /// Of the graph whose root it is: how often that was changed.
    pub(super) version: u64,
    pub(super) pulse: Pulse,
}

impl Task {
    /// A task that runs when its streams have data.
    pub(super) fn is_triggered(&self) -> bool {
        self.schedule.is_none()
            && self.when.as_deref().is_some_and(|when| when.to_uppercase().contains("SYSTEM$STREAM_HAS_DATA"))
    }

    /// Whether something is above it.
    pub(super) fn is_child(&self) -> bool {
        !self.after.is_empty() || self.finalize.is_some()
    }

    /// The task lost what was above it.
    pub(super) fn orphan(&mut self, reason: &str) {
        self.started = false;
        self.last_suspended_reason = Some(reason.to_owned());
    }
}

const SERVERLESS: [&str; 3] = [
    "USER_TASK_MANAGED_INITIAL_WAREHOUSE_SIZE",
    "SERVERLESS_TASK_MIN_STATEMENT_SIZE",
    "SERVERLESS_TASK_MAX_STATEMENT_SIZE",
];

/// Sets what a property list says, and gives back the parameters in it and the comment.
fn apply(
    cx: &Context<'_>,
    task: &mut Task,
    props: &mut Props,
    own: (Option<Id>, Id),
) -> Fallible<(BTreeMap<String, String>, Option<String>)> {
    if let Some(name) = props.name("WAREHOUSE")? {
        cx.object_with(Kind::Warehouse, &name, &["USAGE"], "CREATE TASK")?;
        task.warehouse = Some(name.last().to_owned());
    }
    if let Some(schedule) = props.text("SCHEDULE")? {
        Schedule::read(&schedule).ok_or_else(|| fail::bad_property(&schedule, "SCHEDULE"))?;
        task.schedule = Some(schedule);
    }
    if let Some(config) = props.text("CONFIG")? {
        if serde_json::from_str::<Json>(&config).is_err() {
            return Err(fail::bad_property(&config, "CONFIG"));
        }
        task.config = Some(config);
    }
    if let Some(policy) = props.choice("OVERLAP_POLICY", &["NO_OVERLAP", "ALLOW_CHILD_OVERLAP", "ALLOW_ALL_OVERLAP"])? {
        task.overlap = Some(policy);
    }
    if let Some(allow) = props.boolean("ALLOW_OVERLAPPING_EXECUTION")? {
        task.overlap = Some(if allow { "ALLOW_CHILD_OVERLAP" } else { "NO_OVERLAP" }.to_owned());
    }
    for key in ["ERROR_INTEGRATION", "SUCCESS_INTEGRATION"] {
        if let Some(name) = props.name(key)? {
            let found = listener(cx, &name)?;
            if key == "ERROR_INTEGRATION" {
                task.error_integration = Some(found);
            } else {
                task.success_integration = Some(found);
            }
        }
    }
    if let Some(interval) = props.text("TARGET_COMPLETION_INTERVAL")? {
        schedule::interval(&interval, &[("SECOND", 1, 10, 86_400), ("MINUTE", 60, 1, 1440), ("HOUR", 3600, 1, 24)])
            .ok_or_else(|| fail::bad_property(&interval, "TARGET_COMPLETION_INTERVAL"))?;
        task.target_completion_interval = Some(interval);
    }
    if let Some(mode) = props.choice("SCHEDULING_MODE", &["FIXED", "FLEXIBLE"])? {
        task.scheduling_mode = Some(mode);
    }
    if let Some(root) = props.name("FINALIZE")? {
        let root = cx.object(Kind::Task, &root, "CREATE TASK")?.id;
        graph::check_finalize(cx, own.0, own.1, root)?;
        task.finalize = Some(root);
    }
    let comment = props.text("COMMENT")?;
    for key in ["SEARCH_PATH"] {
        if props.has(key) {
            return Err(fail::error("001006", "22023", format!("SQL compilation error:\ninvalid parameter '{key}'")));
        }
    }
    let params = params::take(props, Kind::Task)?;
    if params.get("AUTOCOMMIT").is_some_and(|value| value == "false") {
        return Err(fail::bad_value("false", "AUTOCOMMIT"));
    }
    if let (Some(_), Some(key)) = (&task.warehouse, SERVERLESS.iter().find(|key| params.contains_key(**key))) {
        return Err(graph_error(&format!("Cannot set {key} on a non-serverless task.")));
    }
    if task.warehouse.is_some() && task.target_completion_interval.is_some() {
        let text = "SQL compilation error:\nTARGET_COMPLETION_INTERVAL is only allowed for serverless Tasks.";
        return Err(fail::error("091857", "42601", text));
    }
    check_position(task)?;
    Ok((params, comment))
}

/// The notification integration that a task or pipe names: it is there, may be used, and sends to a topic.
pub(super) fn listener(cx: &Context<'_>, name: &Name) -> Fallible<String> {
    let id = cx.object_with(Kind::NotificationIntegration, name, &["USAGE"], "CREATE TASK")?;
    match cx.see().notification(id).map(super::notification::Notification::sort) {
        Some(sort) if sort.starts_with("QUEUE") => Ok(name.last().to_owned()),
        sort => Err(fail::bad_value(sort.unwrap_or_default(), "Integration Type")),
    }
}

/// What only a root may have.
fn check_position(task: &Task) -> Fallible<()> {
    if task.finalize.is_some() && !task.after.is_empty() {
        return Err(graph_error("A finalizer task cannot have predecessors."));
    }
    if !task.is_child() {
        return Ok(());
    }
    if task.schedule.is_some() {
        return Err(graph_error("Cannot set schedule on non-root task"));
    }
    if task.overlap.as_deref().is_some_and(|policy| policy != "NO_OVERLAP") {
        return Err(graph_error("Cannot set allow_overlapping_execution on non-root task"));
    }
    if task.config.is_some() {
        return Err(graph_error("Cannot set config on non-root task"));
    }
    Ok(())
}

/// A condition may call little else than the function that asks streams.
fn check_condition(text: &str) -> Fallible<()> {
    const MAY: [&str; 14] = [
        "SYSTEM$STREAM_HAS_DATA",
        "SYSTEM$GET_PREDECESSOR_RETURN_VALUE",
        "CAST",
        "AND",
        "OR",
        "NOT",
        "TO_BOOLEAN",
        "TO_NUMBER",
        "TO_VARCHAR",
        "TO_DATE",
        "TO_TIMESTAMP",
        "IN",
        "TRY_CAST",
        "COALESCE",
    ];
    let tokens = super::lex::tokens(text)?;
    for pair in tokens.windows(2) {
        if let [first, second] = pair
            && let (Tok::Word(word), Tok::Mark("(")) = (&first.tok, &second.tok)
            && !MAY.contains(&word.to_uppercase().as_str())
        {
            return Err(graph_error(&format!("Invalid expression ({word}) for task condition expression.")));
        }
    }
    Ok(())
}

fn predecessors(cx: &Context<'_>, p: &mut Parser<'_>) -> Fallible<Vec<Id>> {
    let mut above = Vec::new();
    loop {
        let name: Name = match p.peek() {
            Some(Tok::Text(_)) => Name::read(&p.text()?)?,
            _ => p.name()?,
        };
        let id = cx.object(Kind::Task, &name, "CREATE TASK")?.id;
        if !above.contains(&id) {
            above.push(id);
        }
        if !p.mark(",") {
            return Ok(above);
        }
    }
}

/// The raw text of a condition, up to the AS that stands outside all brackets.
fn condition(p: &mut Parser<'_>, stop_at_as: bool) -> Fallible<String> {
    let from = p.mark_place();
    let mut depth = 0_usize;
    while let Some(tok) = p.peek() {
        match tok {
            Tok::Mark("(") => depth += 1,
            Tok::Mark(")") => depth = depth.saturating_sub(1),
            Tok::Mark(";") if depth == 0 => break,
            Tok::Word(word) if stop_at_as && depth == 0 && word.eq_ignore_ascii_case("AS") => break,
            _ => {}
        }
        p.advance();
    }
    let text = p.between(from, p.mark_place()).trim().to_owned();
    if text.is_empty() {
        return Err(p.unexpected());
    }
    check_condition(&text)?;
    Ok(text)
}

/// `CREATE [OR REPLACE] TASK …`: always suspended.
pub(super) fn create(cx: &mut Context<'_>, p: &mut Parser<'_>, create: Create) -> Fallible<ResultSet> {
    let create = create.if_not_exists(p)?;
    let name = p.name()?;
    let mut task = Task { uuid: uuid::Uuid::new_v4().to_string(), version: 1, ..Task::default() };
    let mut lists = vec![Props::read(p)?];
    let mut above = None;
    loop {
        if above.is_none() && p.eat("AFTER") {
            let place = p.mark_place();
            // Names are looked up only once the whole statement is known to be well-formed.
            skip_names(p)?;
            above = Some(place);
        } else if p.eat("EXECUTE AS USER") {
            task.execute_as_user = Some(p.ident()?);
        } else {
            let more = Props::read(p)?;
            if more.is_empty() {
                break;
            }
            lists.push(more);
        }
    }
    if p.eat("WHEN") {
        task.when = Some(condition(p, true)?);
    }
    p.need("AS")?;
    if p.at_end() {
        return Err(p.unexpected());
    }
    p.rest().clone_into(&mut task.body);
    if task.body.is_empty() {
        return Err(p.unexpected());
    }

    let slot = match cx.claim(Kind::Task, &name, create, &[])? {
        Claim::Free(slot) => slot,
        Claim::Taken(answer) => return Ok(answer),
    };
    if let Some(old) = slot.replaced {
        graph::demand_suspended(cx.see(), old)?;
    }
    if let Some(place) = above {
        p.back_to(place);
        task.after = predecessors(cx, p)?;
        graph::check_predecessors(cx, slot.parent, Some(cx.role), &task.after)?;
    }
    let (mut params, mut comment) = (BTreeMap::new(), None);
    for mut props in lists {
        let (more, text) = apply(cx, &mut task, &mut props, (slot.replaced, slot.parent))?;
        props.finish()?;
        params.extend(more);
        comment = comment.or(text);
    }
    let id = cx.put(&slot, comment, Body::Task(Box::new(task)));
    graph::changed(cx.edit(), id);
    if let Some(object) = cx.edit().objects.get_mut(&id) {
        object.params = params;
    }
    Ok(created("Task", &slot.name))
}

fn skip_names(p: &mut Parser<'_>) -> Fallible<()> {
    loop {
        if matches!(p.peek(), Some(Tok::Text(_))) {
            p.advance();
        } else {
            p.name()?;
        }
        if !p.mark(",") {
            return Ok(());
        }
    }
}

/// `ALTER TASK n …`, after the name.
pub(super) fn alter(cx: &mut Context<'_>, p: &mut Parser<'_>, id: Id) -> Fallible<ResultSet> {
    if p.eat("RESUME") {
        p.end()?;
        cx.demand(id, &["OPERATE"])?;
        resume(cx, id)?;
        return Ok(executed());
    }
    if p.eat("SUSPEND") {
        p.end()?;
        cx.demand(id, &["OPERATE"])?;
        suspend(cx, id)?;
        return Ok(executed());
    }
    let (Some(mut task), Some(object)) = (cx.see().task(id).cloned(), cx.see().get(id).cloned()) else {
        return Err(fail::nowhere());
    };
    let mut set = BTreeMap::new();
    let mut unset = Vec::new();
    let mut comment = None;
    if p.eat("SET") {
        if p.eat("EXECUTE AS USER") {
            task.execute_as_user = Some(p.ident()?);
            p.end()?;
        } else {
            let mut props = Props::read(p)?;
            if props.is_empty() {
                return Err(p.unexpected());
            }
            p.end()?;
            cx.demand(id, &[])?;
            graph::demand_suspended(cx.see(), id)?;
            (set, comment) = apply(cx, &mut task, &mut props, (Some(id), object.parent))?;
            props.finish()?;
        }
    } else if p.eat("UNSET") {
        if p.eat("EXECUTE AS USER") {
            task.execute_as_user = None;
        } else {
            (unset, comment) = unset_all(p, &mut task)?;
        }
        p.end()?;
    } else if p.eat("MODIFY AS") {
        p.rest().clone_into(&mut task.body);
        if task.body.is_empty() {
            return Err(p.unexpected());
        }
    } else if p.eat("MODIFY WHEN") {
        task.when = Some(condition(p, false)?);
        p.end()?;
    } else if p.eat("REMOVE WHEN") {
        p.end()?;
        task.when = None;
    } else if p.eat("ADD AFTER") {
        let above = predecessors(cx, p)?;
        p.end()?;
        graph::check_predecessors(cx, object.parent, object.owner, &above)?;
        task.after.extend(above.into_iter().filter(|id| !task.after.contains(id)).collect::<Vec<_>>());
        check_position(&task)?;
    } else if p.eat("REMOVE AFTER") {
        let gone = predecessors(cx, p)?;
        p.end()?;
        let had = !task.after.is_empty();
        task.after.retain(|id| !gone.contains(id));
        if had && task.after.is_empty() {
            task.orphan("CHILD_BECAME_ROOT");
        }
    } else {
        return Err(p.unexpected());
    }
    cx.demand(id, &[])?;
    graph::demand_suspended(cx.see(), id)?;
    let state = cx.edit();
    if let Some(old) = state.task_mut(id) {
        *old = task;
    }
    graph::changed(cx.edit(), id);
    params::unset(cx, id, Kind::Task, &unset);
    if let Some(object) = cx.edit().objects.get_mut(&id) {
        object.params.extend(set);
        if let Some(comment) = comment {
            object.comment = comment;
        }
    }
    Ok(executed())
}

/// The keys of an UNSET: parameters to be removed, and whether the comment goes.
fn unset_all(p: &mut Parser<'_>, task: &mut Task) -> Fallible<(Vec<String>, Option<String>)> {
    let (mut unset, mut comment) = (Vec::new(), None);
    for (key, complaint) in unset_keys(p)? {
        match key.as_str() {
            "WAREHOUSE" => task.warehouse = None,
            "SCHEDULE" => task.schedule = None,
            "CONFIG" => task.config = None,
            "OVERLAP_POLICY" | "ALLOW_OVERLAPPING_EXECUTION" => task.overlap = None,
            "ERROR_INTEGRATION" => task.error_integration = None,
            "SUCCESS_INTEGRATION" => task.success_integration = None,
            "TARGET_COMPLETION_INTERVAL" => task.target_completion_interval = None,
            "SCHEDULING_MODE" => task.scheduling_mode = None,
            "FINALIZE" => {
                if task.finalize.take().is_some() {
                    task.orphan("FINALIZER_BECAME_ROOT");
                }
            }
            "COMMENT" => comment = Some(String::new()),
            key if params::settable(key, Kind::Task) => unset.push(key.to_owned()),
            _ => return Err(complaint),
        }
    }
    Ok((unset, comment))
}

/// Starts a task; nothing happens if it runs already.
pub(super) fn resume(cx: &mut Context<'_>, id: Id) -> Fallible<()> {
    let Some(task) = cx.see().task(id) else { return Err(fail::nowhere()) };
    if task.started {
        return Ok(());
    }
    graph::demand_suspended(cx.see(), id)?;
    graph::check_resume(cx, id)?;
    let now = cx.now;
    if let Some(task) = cx.edit().task_mut(id) {
        task.start(now);
    }
    Ok(())
}

fn suspend(cx: &mut Context<'_>, id: Id) -> Fallible<()> {
    let Some(task) = cx.see().task(id) else { return Err(fail::nowhere()) };
    if !task.started {
        return Ok(());
    }
    if task.is_child() {
        graph::demand_suspended(cx.see(), id)?;
    }
    let now = cx.now;
    if let Some(task) = cx.edit().task_mut(id) {
        task.stop(now, "USER_SUSPENDED");
    }
    Ok(())
}

/// A task of a running graph cannot be dropped, unless it is the root.
pub(super) fn check_drop(cx: &Context<'_>, id: Id) -> Fallible<()> {
    match cx.see().task(id) {
        Some(task) if task.is_child() => graph::demand_suspended(cx.see(), id),
        _ => Ok(()),
    }
}

/// The owner of a task, for its runs.
pub(super) fn owner_of(cx: &Context<'_>, id: Id) -> String {
    cx.see().role_name(cx.see().get(id).and_then(|o| o.owner).or(cx.see().role_id("PUBLIC")).or(Some(ACCOUNT)))
}
