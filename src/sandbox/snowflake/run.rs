//! Runs of tasks: a graph from its root to its finalizer, with the rights of the owner; what happens goes into the history.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value as Json;

use super::answer::{ResultSet, SessionState, SqlError};
use super::context::Context;
use super::expr::Val;
use super::fail::{self, Fallible};
use super::graph;
use super::history::{self, Cause, GraphRun, Progress, TaskRun};
use super::params;
use super::parse::Name;
use super::refresh::system;
use super::simulator::Simulator;
use super::state::{Id, Kind, State};
use super::statement;
use super::task;
use super::work::Outcome;

/// A run of a task, for who let time pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// Full name of the task.
    pub task: String,
    /// As `TASK_HISTORY` has it: `SUCCEEDED`, `FAILED`, `SKIPPED`, …
    pub state: String,
    /// `SCHEDULE`, `TRIGGER`, `EXECUTE_TASK`, …
    pub scheduled_from: String,
    /// When it was to start, in milliseconds since the epoch.
    pub scheduled: i64,
    /// Code and message of a failure.
    pub error: Option<(String, String)>,
}

/// What a statement in the body of a task can know of its run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InTask {
    pub(super) name: String,
    pub(super) root: String,
    pub(super) graph: GraphRun,
    /// Of the predecessors that have one, by full name.
    pub(super) returned: BTreeMap<String, Option<String>>,
    pub(super) return_value: Option<String>,
    /// Scheduled time and group of the last run of the graph that succeeded.
    pub(super) last_success: Option<(i64, String)>,
}

/// The functions that ask about the run of a task they are called in.
pub(super) const FUNCTIONS: [&str; 5] = [
    "SYSTEM$CURRENT_USER_TASK_NAME",
    "SYSTEM$TASK_RUNTIME_INFO",
    "SYSTEM$GET_TASK_GRAPH_CONFIG",
    "SYSTEM$GET_PREDECESSOR_RETURN_VALUE",
    "SYSTEM$SET_RETURN_VALUE",
];

/// Calls one of [`FUNCTIONS`].
pub(super) fn call(cx: &mut Context<'_>, name: &str, arg: Option<String>) -> Fallible<Val> {
    let or_null = |value: Option<String>| value.map_or(Val::Null, Val::Text);
    let above = match &arg {
        Some(written) if name == "SYSTEM$GET_PREDECESSOR_RETURN_VALUE" => Some(full_task_name(cx, written)?),
        _ => None,
    };
    if name == "SYSTEM$CURRENT_USER_TASK_NAME" {
        return Ok(or_null(cx.session.task.as_ref().map(|task| task.name.clone())));
    }
    // The words are the simulator's.
    let outside = || fail::error("091000", "22000", format!("{name} can be called by a task only."));
    let task = cx.session.task.as_deref_mut().ok_or_else(outside)?;
    match name {
        "SYSTEM$TASK_RUNTIME_INFO" => task.about(arg.as_deref().unwrap_or_default()),
        "SYSTEM$GET_TASK_GRAPH_CONFIG" => task.configured(arg.as_deref()),
        "SYSTEM$GET_PREDECESSOR_RETURN_VALUE" => task.returned_by(above.as_deref()).map(or_null),
        _ => {
            task.return_value = arg;
            Ok(Val::Text("Statement executed successfully.".to_owned()))
        }
    }
}

/// A task's full name, by the name that a task of the same schema calls it.
fn full_task_name(cx: &Context<'_>, written: &str) -> Fallible<String> {
    let name = Name::read(written)?;
    let parent = cx.home_of(Kind::Task, &name, "SELECT")?;
    let object = cx.see().find(parent, Kind::Task, name.last());
    object.map(|o| cx.see().full_name(o.id)).ok_or_else(|| fail::missing("Task", written))
}

impl InTask {
    /// `SYSTEM$TASK_RUNTIME_INFO(what)`.
    pub(super) fn about(&self, what: &str) -> Fallible<Val> {
        let last = || self.last_success.as_ref();
        let value = match what.to_uppercase().as_str() {
            "CURRENT_ROOT_TASK_UUID" => Some(self.graph.root_uuid.clone()),
            "CURRENT_ROOT_TASK_NAME" => Some(self.root.clone()),
            "CURRENT_TASK_GRAPH_ORIGINAL_SCHEDULED_TIMESTAMP" => Some(written(self.graph.run_id)),
            "CURRENT_TASK_GRAPH_RUN_GROUP_ID" => Some(self.graph.group.clone()),
            "LAST_SUCCESSFUL_TASK_GRAPH_ORIGINAL_SCHEDULED_TIMESTAMP" => last().map(|(at, _)| written(*at)),
            "LAST_SUCCESSFUL_TASK_GRAPH_RUN_GROUP_ID" => last().map(|(_, group)| group.clone()),
            _ => return Err(fail::bad_value(what, "SYSTEM$TASK_RUNTIME_INFO")),
        };
        Ok(value.map_or(Val::Null, Val::Text))
    }

    /// `SYSTEM$GET_TASK_GRAPH_CONFIG([path])`: the whole configuration, or what is at a path of it.
    pub(super) fn configured(&self, path: Option<&str>) -> Fallible<Val> {
        let Some(config) = &self.graph.config else { return Ok(Val::Null) };
        let Some(path) = path else { return Ok(Val::Text(config.clone())) };
        let whole: Json = serde_json::from_str(config).map_err(|_| fail::bad_property(config, "CONFIG"))?;
        let found = path.split('.').try_fold(&whole, |at, key| at.get(key));
        Ok(match found {
            None | Some(Json::Null) => Val::Null,
            Some(Json::String(text)) => Val::Text(text.clone()),
            Some(other) => Val::Text(other.to_string()),
        })
    }

    /// `SYSTEM$GET_PREDECESSOR_RETURN_VALUE([task])`; a task with several predecessors must say which one it means.
    pub(super) fn returned_by(&self, task: Option<&str>) -> Fallible<Option<String>> {
        let found = match task {
            Some(name) => self.returned.get(name),
            None if self.returned.len() == 1 => self.returned.values().next(),
            None => None,
        };
        let what = task.unwrap_or("NULL");
        found.cloned().ok_or_else(|| fail::bad_value(what, "SYSTEM$GET_PREDECESSOR_RETURN_VALUE"))
    }
}

/// `2023-11-14 22:13:20.123 Z`.
fn written(ms: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(ms).unwrap_or_default();
    at.strftime("%Y-%m-%d %H:%M:%S%.3f Z").to_string()
}

/// A graph that is to run.
#[derive(Clone, Debug)]
pub(super) struct Launch {
    pub(super) root: Id,
    pub(super) from: Cause,
    /// When it was to start.
    pub(super) scheduled: i64,
    /// That the condition of the root holds is known.
    pub(super) holds: bool,
    /// What is repeated.
    pub(super) retry: Option<Retry>,
}

/// An earlier run, and what need not be done again.
#[derive(Clone, Debug)]
pub(super) struct Retry {
    graph: GraphRun,
    /// Tasks that succeeded or were skipped.
    done: BTreeMap<Id, Progress>,
}

/// Marks a graph as running, for as long as it lives.
struct Running<'a> {
    simulator: &'a Simulator,
    root: Id,
}

impl<'a> Running<'a> {
    fn begin(simulator: &'a Simulator, root: Id) -> Self {
        *simulator.running().entry(root).or_default() += 1;
        Self { simulator, root }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let mut running = self.simulator.running();
        let left = running.get(&self.root).map_or(0, |count| count.saturating_sub(1));
        if left == 0 {
            running.remove(&self.root);
        } else {
            running.insert(self.root, left);
        }
    }
}

/// A task of a graph as it was when its run began.
struct Member {
    id: Id,
    task: task::Task,
    name: String,
    full: String,
    database: String,
    schema: String,
    owner: String,
    parameters: BTreeMap<String, String>,
    timeout: Option<u64>,
    after: Vec<Id>,
}

/// What Snowflake says of a task whose condition does not hold.
const NOT_NOW: (&str, &str) = ("0040003", "Conditional expression for task evaluated to false.");

impl Simulator {
    /// `EXECUTE TASK n`.
    pub(super) async fn execute_task(&self, root: Id, retry: Option<Retry>) -> Fallible<ResultSet> {
        let (name, now) = self.with(&mut system(), "", |cx| {
            Ok((cx.see().get(root).map(|o| o.name.clone()).unwrap_or_default(), cx.now))
        })?;
        let from = if retry.is_some() { Cause::ManualRetry } else { Cause::Execute };
        self.run_graph(Launch { root, from, scheduled: now, holds: false, retry }).await?;
        Ok(ResultSet::status(format!("Task {name} is scheduled to run immediately.")))
    }

    /// Runs a graph: the root, what comes after it as its predecessors succeed, again what failed as often as the root says, and the
    /// finalizer last.
    pub(super) async fn run_graph(&self, launch: Launch) -> Fallible<Vec<Ran>> {
        let Some((mut graph, members, retries)) = self.with(&mut system(), "", |cx| Ok(begin(cx, &launch)))? else {
            return Ok(Vec::new());
        };
        let _running = Running::begin(self, launch.root);
        let mut scheduled = launch.scheduled;
        let mut states: BTreeMap<Id, Progress> = BTreeMap::new();
        if let Some(retry) = &launch.retry {
            states.clone_from(&retry.done);
        }
        let (mut ran, mut values) = (Vec::new(), BTreeMap::new());
        for attempt in 0..=retries {
            if attempt > 0 {
                states.retain(|_, state| matches!(state, Progress::Succeeded | Progress::Skipped));
                graph.attempt += 1;
                graph.from = Cause::AutomaticRetry;
                scheduled = self.with(&mut system(), "", |cx| Ok(cx.now))?;
            }
            while let Some(member) = members.iter().find(|member| ready(member, launch.root, &states)) {
                let holds = launch.holds && member.id == launch.root;
                let run = self.run_task(member, &graph, scheduled, holds, &mut values, &members).await?;
                states.insert(member.id, run.state);
                ran.push((member.id, run));
            }
            if !states.values().any(|state| state.failed()) {
                break;
            }
        }
        // A root that was skipped takes its finalizer with it.
        if states.get(&launch.root).is_some_and(|state| *state != Progress::Skipped)
            && let Some(last) = members.iter().find(|member| member.task.finalize == Some(launch.root))
        {
            let run = self.run_task(last, &graph, scheduled, false, &mut values, &members).await?;
            states.insert(last.id, run.state);
            ran.push((last.id, run));
        }
        self.with(&mut system(), "", |cx| {
            count_failures(cx, &launch, &states, &mut ran);
            Ok(ran.iter().map(|(id, run)| told(cx.see(), *id, run)).collect())
        })
    }

    /// One run of one task.
    async fn run_task(
        &self,
        member: &Member,
        graph: &GraphRun,
        scheduled: i64,
        holds: bool,
        values: &mut BTreeMap<Id, Option<String>>,
        members: &[Member],
    ) -> Fallible<TaskRun> {
        let query_id = uuid::Uuid::new_v4().to_string();
        let mut run = TaskRun {
            task: member.id,
            graph: graph.clone(),
            name: member.name.clone(),
            database: member.database.clone(),
            schema: member.schema.clone(),
            text: member.task.body.clone(),
            condition: member.task.when.clone(),
            scheduled,
            ..TaskRun::default()
        };
        let named = |id: &Id| members.iter().find(|member| member.id == *id).map(|member| member.full.clone());
        let returned =
            member.after.iter().filter_map(|id| Some((named(id)?, values.get(id).cloned().flatten()))).collect();
        let mut session = member.session(InTask {
            name: member.full.clone(),
            root: named(&graph.root).unwrap_or_default(),
            graph: graph.clone(),
            returned,
            return_value: None,
            last_success: self.with(&mut system(), "", |cx| Ok(last_success(cx.see(), graph.root)))?,
        });
        let due = match &member.task.when {
            Some(condition) if !holds => self.condition(&mut session, condition),
            _ => Ok(true),
        };
        let result = match due {
            Ok(false) => {
                (run.state, run.error) = (Progress::Skipped, Some(not_now()));
                self.with(&mut system(), "", |cx| {
                    run.completed = Some(cx.now);
                    run.number = history::remember_run(cx, run.clone());
                    Ok(())
                })?;
                return Ok(run);
            }
            Ok(true) => {
                self.with(&mut system(), "", |cx| {
                    run.started = Some(cx.now);
                    run.query_id = Some(query_id.clone());
                    run.number = history::remember_run(cx, run.clone());
                    Ok(())
                })?;
                match self.with(&mut session, &query_id, |cx| graph::check_rights(cx, member.id)) {
                    Ok(()) => self.within(member, &mut session, &query_id).await,
                    Err(error) => Err(error),
                }
            }
            Err(error) => {
                run.number = self.with(&mut system(), "", |cx| Ok(history::remember_run(cx, run.clone())))?;
                Err(error)
            }
        };
        let value = session.task.and_then(|task| task.return_value);
        values.insert(member.id, value.clone());
        run.state = if result.is_ok() { Progress::Succeeded } else { Progress::Failed };
        run.error = result.err().map(|error| (error.code.to_owned(), error.message));
        run.return_value = value;
        self.with(&mut system(), "", |cx| {
            run.completed = Some(cx.now);
            let mut seen = run.clone();
            history::amend(cx, run.number, |kept| {
                // Somebody may have cancelled it meanwhile.
                if kept.state == Progress::Executing {
                    *kept = seen.clone();
                }
                seen = kept.clone();
            });
            run = seen;
            Ok(())
        })?;
        Ok(run)
    }

    /// The body of a task, within its time.
    async fn within(&self, member: &Member, session: &mut SessionState, query_id: &str) -> Fallible<()> {
        let body = Box::pin(self.execute(session, &member.task.body, query_id));
        let timeout = member.timeout.filter(|_| tokio::runtime::Handle::try_current().is_ok());
        let Some(timeout) = timeout else { return body.await.map(|_| ()) };
        let limit = Duration::from_millis(timeout);
        if let Ok(ended) = tokio::time::timeout(self.clock().real(limit), body).await {
            return ended.map(|_| ());
        }
        let seconds = timeout.div_ceil(1000);
        let text =
            format!("Statement reached its statement or warehouse timeout of {seconds} second(s) and was canceled.");
        Err(fail::error("000630", "57014", text))
    }

    /// Whether the condition of a task holds, for its owner.
    pub(super) fn condition(&self, session: &mut SessionState, condition: &str) -> Result<bool, SqlError> {
        self.with(session, "", |cx| match statement::run(cx, &format!("SELECT {condition}"))? {
            Outcome::Done(answer) => {
                let cell = answer.rows.first().and_then(|row| row.first()).cloned().flatten();
                Ok(cell.is_some_and(|cell| cell == "1" || cell.eq_ignore_ascii_case("true")))
            }
            Outcome::Outside(_) => Err(fail::unsupported("a condition that asks more than the account")),
        })
    }
}

impl Member {
    fn session(&self, task: InTask) -> SessionState {
        SessionState { task: Some(Box::new(task)), ..owner_session(&self.owner, &self.database, &self.schema, self) }
    }
}

fn owner_session(owner: &str, database: &str, schema: &str, member: &Member) -> SessionState {
    SessionState {
        user: "SYSTEM".to_owned(),
        role: owner.to_owned(),
        warehouse: member.task.warehouse.clone(),
        database: Some(database.to_owned()),
        schema: Some(schema.to_owned()),
        parameters: member.parameters.clone(),
        ..SessionState::default()
    }
}

/// Code and words of a run whose condition does not hold.
pub(super) fn not_now() -> (String, String) {
    (NOT_NOW.0.to_owned(), NOT_NOW.1.to_owned())
}

/// The session in which Snowflake asks whether a task is due.
pub(super) fn asking_session(cx: &Context<'_>, id: Id) -> Option<SessionState> {
    let member = member(cx, id)?;
    Some(owner_session(&member.owner, &member.database, &member.schema, &member))
}

fn member(cx: &Context<'_>, id: Id) -> Option<Member> {
    let (task, object) = (cx.see().task(id)?.clone(), cx.see().get(id)?);
    let (database, schema) = cx.see().container_names(object);
    let number = |key: &str| params::effective(cx.see(), id, key).0.parse::<u64>().unwrap_or(0);
    let limits = [number("USER_TASK_TIMEOUT_MS"), number("STATEMENT_TIMEOUT_IN_SECONDS").saturating_mul(1000)];
    let session_parameter = |key: &String| params::known(key).is_some_and(params::Param::of_session);
    Some(Member {
        id,
        name: object.name.clone(),
        full: cx.see().full_name(id),
        database,
        schema,
        owner: task::owner_of(cx, id),
        parameters: object
            .params
            .iter()
            .filter(|(key, _)| session_parameter(key))
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect(),
        timeout: limits.into_iter().filter(|limit| *limit > 0).min(),
        after: task.after.clone(),
        task,
    })
}

/// The graph as it is when its run begins: the root, and what is started below it.
fn begin(cx: &Context<'_>, launch: &Launch) -> Option<(GraphRun, Vec<Member>, u64)> {
    let root = member(cx, launch.root)?;
    let retries = params::effective(cx.see(), launch.root, "TASK_AUTO_RETRY_ATTEMPTS").0.parse().unwrap_or(0);
    let graph = match &launch.retry {
        Some(Retry { graph, .. }) => GraphRun { attempt: graph.attempt + 1, from: launch.from, ..graph.clone() },
        None => GraphRun {
            root: launch.root,
            root_uuid: root.task.uuid.clone(),
            version: root.task.version,
            run_id: launch.scheduled,
            group: uuid::Uuid::new_v4().to_string(),
            attempt: 1,
            from: launch.from,
            config: root.task.config.clone(),
        },
    };
    let mut members = vec![root];
    let below = graph::dependents(cx.see(), launch.root);
    members.extend(below.into_iter().filter_map(|id| member(cx, id)).filter(|member| member.task.started));
    let takes_part: BTreeSet<Id> = members.iter().map(|member| member.id).collect();
    for member in &mut members {
        // A suspended predecessor is passed over.
        member.after.retain(|id| takes_part.contains(id));
    }
    Some((graph, members, retries))
}

/// Whether a task can run now: all of its predecessors that take part have succeeded, and at least one does.
fn ready(member: &Member, root: Id, states: &BTreeMap<Id, Progress>) -> bool {
    if states.contains_key(&member.id) || member.task.finalize.is_some() {
        return false;
    }
    member.id == root
        || !member.after.is_empty() && member.after.iter().all(|id| states.get(id) == Some(&Progress::Succeeded))
}

/// A task that failed so many times in a row that its root says so suspends the root.
fn count_failures(cx: &mut Context<'_>, launch: &Launch, states: &BTreeMap<Id, Progress>, ran: &mut [(Id, TaskRun)]) {
    let most =
        params::effective(cx.see(), launch.root, "SUSPEND_TASK_AFTER_NUM_FAILURES").0.parse::<u64>().unwrap_or(0);
    let started = cx.see().task(launch.root).is_some_and(|task| task.started);
    let now = cx.now;
    for (id, state) in states {
        let Some(before) = cx.see().task(*id).map(|task| task.pulse.failures) else { continue };
        let failures = match state {
            Progress::Succeeded => 0,
            state if state.failed() => before + 1,
            _ => before,
        };
        let enough = started && most > 0 && state.failed() && failures >= most;
        if failures != before
            && let Some(task) = cx.edit().task_mut(*id)
        {
            task.pulse.failures = if enough { 0 } else { failures };
        }
        if !enough {
            continue;
        }
        if let Some(root) = cx.edit().task_mut(launch.root) {
            root.stop(now, "SUSPENDED_DUE_TO_ERRORS");
        }
        for (_, run) in ran.iter_mut().rev().filter(|(of, _)| of == id).take(1) {
            run.state = Progress::FailedAndAutoSuspended;
            history::amend(cx, run.number, |kept| kept.state = Progress::FailedAndAutoSuspended);
        }
    }
}

fn told(state: &State, id: Id, run: &TaskRun) -> Ran {
    let full = if state.get(id).is_some() {
        state.full_name(id)
    } else {
        [&run.database, &run.schema, &run.name].map(|part| super::state::quoted_if_needed(part)).join(".")
    };
    Ran {
        task: full,
        state: run.state.name().to_owned(),
        scheduled_from: run.graph.from.name().to_owned(),
        scheduled: run.scheduled,
        error: run.error.clone(),
    }
}

/// The last run of a graph in which no task failed.
fn last_success(state: &State, root: Id) -> Option<(i64, String)> {
    let of_root = || state.runs.iter().filter(|run| run.graph.root == root);
    let spoilt: BTreeSet<&str> = of_root()
        .filter(|run| run.state != Progress::Succeeded && run.state != Progress::Skipped)
        .map(|run| run.graph.group.as_str())
        .collect();
    let last =
        of_root().rev().find(|run| run.state == Progress::Succeeded && !spoilt.contains(run.graph.group.as_str()))?;
    Some((last.graph.run_id, last.graph.group.clone()))
}

/// What `RETRY LAST` does again: what failed or was cancelled in the last run of the graph, and what did not come to run.
pub(super) fn retry_of(cx: &Context<'_>, root: Id) -> Fallible<Retry> {
    let full = cx.see().full_name(root);
    let unsuitable =
        || graph::graph(&format!("Cannot perform retry: no suitable run of graph with root task {full} to retry."));
    let newest = cx.see().runs.iter().rev().find(|run| run.graph.root == root).ok_or_else(unsuitable)?;
    let same = || cx.see().runs.iter().filter(|run| run.graph.group == newest.graph.group);
    let graph = newest.graph.clone();
    let version = cx.see().task(root).map(|task| task.version);
    if version != Some(graph.version) || cx.now - graph.run_id > 14 * 86_400_000 {
        return Err(unsuitable());
    }
    let last: BTreeMap<Id, Progress> = same().map(|run| (run.task, run.state)).collect();
    if !last.values().any(|state| state.failed() || *state == Progress::Cancelled) {
        return Err(graph::graph(&format!(
            "Cannot perform retry: last run of graph with root task {full} had no failures."
        )));
    }
    let done = last.into_iter().filter(|(_, state)| matches!(state, Progress::Succeeded | Progress::Skipped)).collect();
    Ok(Retry { graph, done })
}
