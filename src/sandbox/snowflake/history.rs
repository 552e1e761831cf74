//! What tasks and directories did: kept in the account, and told by the table functions of the information schema.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::answer::{Column, ResultSet};
use super::context::Context;
use super::expr::Val;
use super::fail::{self, Fallible};
use super::refresh::Registered;
use super::scheduler;
use super::state::{ACCOUNT, Id, Kind, Object, State};

const DAY: i64 = 86_400_000;
/// How many runs, and how many registrations, are kept at most: the account is written whole with every change.
const KEPT: usize = 2_000;
/// How many rows a function gives at most.
const MOST_ROWS: usize = 10_000;

/// How far a run got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Progress {
    Scheduled,
    #[default]
    Executing,
    Succeeded,
    Failed,
    FailedAndAutoSuspended,
    Cancelled,
    Skipped,
}

impl Progress {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Scheduled => "SCHEDULED",
            Self::Executing => "EXECUTING",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::FailedAndAutoSuspended => "FAILED_AND_AUTO_SUSPENDED",
            Self::Cancelled => "CANCELLED",
            Self::Skipped => "SKIPPED",
        }
    }

    pub(super) fn failed(self) -> bool {
        matches!(self, Self::Failed | Self::FailedAndAutoSuspended)
    }
}

/// What made a task run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Cause {
    #[default]
    #[serde(rename = "SCHEDULE")]
    Schedule,
    #[serde(rename = "TRIGGER")]
    Trigger,
    #[serde(rename = "EXECUTE_TASK")]
    Execute,
    #[serde(rename = "MANUAL RETRY")]
    ManualRetry,
    #[serde(rename = "AUTOMATIC RETRY")]
    AutomaticRetry,
}

impl Cause {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Schedule => "SCHEDULE",
            Self::Trigger => "TRIGGER",
            Self::Execute => "EXECUTE_TASK",
            Self::ManualRetry => "MANUAL RETRY",
            Self::AutomaticRetry => "AUTOMATIC RETRY",
        }
    }
}

/// A run of a graph: what the runs of its tasks have in common.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct GraphRun {
    /// The task at the root, and the ID that SHOW TASKS tells of it.
    pub(super) root: Id,
    pub(super) root_uuid: String,
    pub(super) version: u64,
    /// When the root was to start, for the first time.
    pub(super) run_id: i64,
    /// The same for a run and its retries.
    pub(super) group: String,
    pub(super) attempt: u64,
    pub(super) from: Cause,
    pub(super) config: Option<String>,
}

/// A run of a task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct TaskRun {
    /// Its number among all runs.
    pub(super) number: u64,
    pub(super) task: Id,
    pub(super) graph: GraphRun,
    /// Not before it has started.
    pub(super) query_id: Option<String>,
    pub(super) name: String,
    pub(super) database: String,
    pub(super) schema: String,
    pub(super) text: String,
    pub(super) condition: Option<String>,
    pub(super) state: Progress,
    pub(super) error: Option<(String, String)>,
    pub(super) scheduled: i64,
    pub(super) started: Option<i64>,
    pub(super) completed: Option<i64>,
    pub(super) return_value: Option<String>,
}

/// A file of a directory that was registered or could not be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Registration {
    stage: Id,
    file: Registered,
}

/// Keeps a run under a new number; the oldest make room.
pub(super) fn remember_run(cx: &mut Context<'_>, mut run: TaskRun) -> u64 {
    let runs = &mut cx.edit().runs;
    run.number = runs.last().map_or(0, |last| last.number) + 1;
    let number = run.number;
    runs.push(run);
    let spare = runs.len().saturating_sub(KEPT);
    runs.drain(..spare);
    number
}

/// Changes a run that is under way.
pub(super) fn amend(cx: &mut Context<'_>, number: u64, change: impl FnOnce(&mut TaskRun)) {
    if let Some(run) = cx.edit().runs.iter_mut().rev().find(|run| run.number == number) {
        change(run);
    }
}

/// Runs of a task that are under way are cancelled: what they do still is not undone, but nothing comes after them.
pub(super) fn cancel(cx: &mut Context<'_>, task: Id) {
    let now = cx.now;
    let of = |run: &&mut TaskRun| run.state == Progress::Executing && (run.task == task || run.graph.root == task);
    for run in cx.edit().runs.iter_mut().filter(of) {
        (run.state, run.completed) = (Progress::Cancelled, Some(now));
    }
}

/// A process that ended in the midst of a run has ended the run.
pub(super) fn end_cut_off(state: &mut State) {
    for run in state.runs.iter_mut().filter(|run| run.state == Progress::Executing) {
        run.state = Progress::Failed;
        run.completed = run.started;
        run.error = Some(("000603".to_owned(), "The sandbox was closed while the task was running.".to_owned()));
    }
}

/// Keeps what became of files.
pub(super) fn remember_files(cx: &mut Context<'_>, stage: Id, files: &[Registered]) {
    if files.is_empty() {
        return;
    }
    let kept = &mut cx.edit().registrations;
    kept.extend(files.iter().map(|file| Registration { stage, file: file.clone() }));
    let spare = kept.len().saturating_sub(KEPT);
    kept.drain(..spare);
}

// --- arguments -----------------------------------------------------------------------------------------------------------------------------

pub(super) type Args = BTreeMap<String, Val>;

/// Only these may be given.
pub(super) fn check(function: &str, args: &Args, known: &[&str]) -> Fallible<()> {
    match args.keys().find(|key| !known.contains(&key.as_str())) {
        Some(odd) => Err(fail::bad_value(odd, function)),
        None => Ok(()),
    }
}

pub(super) fn text(args: &Args, key: &str) -> Option<String> {
    args.get(key).and_then(Val::text)
}

/// Whether something is asked for.
pub(super) fn flag(args: &Args, key: &str) -> bool {
    text(args, key).is_some_and(|value| value.eq_ignore_ascii_case("true") || value == "1")
}

pub(super) fn limit(args: &Args) -> Fallible<usize> {
    match text(args, "RESULT_LIMIT") {
        None => Ok(100),
        Some(given) => given
            .parse()
            .ok()
            .filter(|limit| (1..=MOST_ROWS).contains(limit))
            .ok_or_else(|| fail::bad_value(&given, "RESULT_LIMIT")),
    }
}

/// A time, in milliseconds since the epoch.
fn moment(args: &Args, key: &str) -> Fallible<Option<i64>> {
    let Some(given) = text(args, key) else { return Ok(None) };
    read_moment(&given).map(Some).ok_or_else(|| fail::bad_value(&given, key))
}

/// As the wire has it (seconds since the epoch, perhaps with an offset), or as people write it; without an offset it is UTC.
fn read_moment(given: &str) -> Option<i64> {
    let first = given.split(' ').next().unwrap_or_default();
    if let Some((seconds, fraction)) = first.split_once('.')
        && let Ok(seconds) = seconds.parse::<i64>()
    {
        let digits: String = fraction.chars().chain("000".chars()).take(3).collect();
        return Some(seconds * 1000 + digits.parse::<i64>().ok()?);
    }
    let spaced = given.trim().replacen(' ', "T", 1).replace(' ', "");
    let at = spaced.parse::<jiff::Timestamp>().ok().or_else(|| {
        let local = spaced.parse::<jiff::civil::DateTime>().ok()?;
        local.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
    })?;
    Some(at.as_millisecond())
}

// --- TASK_HISTORY --------------------------------------------------------------------------------------------------------------------------

const TASK_COLUMNS: [(&str, &str); 27] = [
    ("QUERY_ID", "text"),
    ("NAME", "text"),
    ("DATABASE_NAME", "text"),
    ("SCHEMA_NAME", "text"),
    ("QUERY_TEXT", "text"),
    ("CONDITION_TEXT", "text"),
    ("STATE", "text"),
    ("ERROR_CODE", "text"),
    ("ERROR_MESSAGE", "text"),
    ("SCHEDULED_TIME", "timestamp_ltz"),
    ("QUERY_START_TIME", "timestamp_ltz"),
    ("NEXT_SCHEDULED_TIME", "timestamp_ltz"),
    ("COMPLETED_TIME", "timestamp_ltz"),
    ("ROOT_TASK_ID", "text"),
    ("GRAPH_VERSION", "fixed"),
    ("RUN_ID", "fixed"),
    ("RETURN_VALUE", "text"),
    ("SCHEDULED_FROM", "text"),
    ("ATTEMPT_NUMBER", "fixed"),
    ("CONFIG", "text"),
    ("QUERY_HASH", "text"),
    ("QUERY_HASH_VERSION", "fixed"),
    ("QUERY_PARAMETERIZED_HASH", "text"),
    ("QUERY_PARAMETERIZED_HASH_VERSION", "fixed"),
    ("GRAPH_RUN_GROUP_ID", "text"),
    ("BACKFILL_INFO", "text"),
    ("SPCS_JOB_ID", "text"),
];

/// `TASK_HISTORY(…)`: runs of the last seven days, and those to come within eight.
pub(super) fn task_history(cx: &Context<'_>, args: &Args) -> Fallible<ResultSet> {
    let known = [
        "SCHEDULED_TIME_RANGE_START",
        "SCHEDULED_TIME_RANGE_END",
        "RESULT_LIMIT",
        "TASK_NAME",
        "ERROR_ONLY",
        "ROOT_TASK_ID",
        "DATABASE_NAME",
        "SCHEMA_NAME",
    ];
    check("TASK_HISTORY", args, &known)?;
    let limit = limit(args)?;
    let (start, end) = (moment(args, "SCHEDULED_TIME_RANGE_START")?, moment(args, "SCHEDULED_TIME_RANGE_END")?);
    let oldest = cx.now - 7 * DAY;
    for (key, at) in [("SCHEDULED_TIME_RANGE_START", start), ("SCHEDULED_TIME_RANGE_END", end)] {
        if at.is_some_and(|at| at < oldest) {
            let given = text(args, key).unwrap_or_default();
            return Err(fail::error(
                "000003",
                "22023",
                format!("Cannot retrieve data from more than 7 days ago: {key} => {given}"),
            ));
        }
    }
    let errors_only = flag(args, "ERROR_ONLY");
    let same = |key: &str, value: &str| text(args, key).is_none_or(|wanted| wanted.eq_ignore_ascii_case(value));
    let wanted = |run: &&TaskRun| {
        run.scheduled >= start.unwrap_or(oldest)
            && run.scheduled <= end.unwrap_or(cx.now + 8 * DAY)
            && (!errors_only || run.state.failed() || run.state == Progress::Cancelled)
            && same("TASK_NAME", &run.name)
            && same("ROOT_TASK_ID", &run.graph.root_uuid)
            && same("DATABASE_NAME", &run.database)
            && same("SCHEMA_NAME", &run.schema)
            && may_see(cx, run.task)
    };
    let coming = coming(cx);
    let mut runs: Vec<&TaskRun> = cx.see().runs.iter().chain(&coming).filter(wanted).collect();
    // The latest first; of the same time, the one that ran last.
    runs.sort_by_key(|run| std::cmp::Reverse((run.scheduled, run.number)));
    runs.truncate(limit);
    let columns = TASK_COLUMNS.iter().map(|(name, kind)| Column::new(*name, kind)).collect();
    let next = coming.iter().map(|run| (run.task, run.scheduled)).collect();
    Ok(ResultSet { columns, rows: runs.into_iter().map(|run| row(cx, run, &next)).collect(), statement_type: 0x1000 })
}

fn row(cx: &Context<'_>, run: &TaskRun, next: &BTreeMap<Id, i64>) -> Vec<Option<String>> {
    let reached = cx.see().get(run.task).is_none_or(|task| cx.visible(task));
    let time = |at: Option<i64>| at.map(|ms| format!("{}.{:03}", ms.div_euclid(1000), ms.rem_euclid(1000)));
    let scheduled = run.state == Progress::Scheduled;
    vec![
        run.query_id.clone(),
        Some(run.name.clone()),
        Some(run.database.clone()).filter(|_| reached),
        Some(run.schema.clone()).filter(|_| reached),
        Some(run.text.clone()),
        run.condition.clone(),
        Some(run.state.name().to_owned()),
        run.error.as_ref().map(|(code, _)| code.clone()),
        run.error.as_ref().map(|(_, message)| message.clone()),
        time(Some(run.scheduled)),
        time(run.started),
        time(next.get(&run.task).copied().filter(|_| !scheduled)),
        time(run.completed),
        Some(run.graph.root_uuid.clone()),
        Some(run.graph.version.to_string()),
        Some(run.graph.run_id.to_string()),
        run.return_value.clone(),
        Some(run.graph.from.name().to_owned()),
        Some(run.graph.attempt.to_string()),
        run.graph.config.clone(),
        None,
        None,
        None,
        None,
        Some(run.graph.group.clone()),
        None,
        None,
    ]
}

/// The next run of each started root with a schedule.
pub(super) fn coming(cx: &Context<'_>) -> Vec<TaskRun> {
    let coming = |object: &Object| {
        let task = cx.see().task(object.id)?;
        let scheduled = scheduler::scheduled(task)?;
        let (database, schema) = cx.see().container_names(object);
        let graph = GraphRun {
            root: object.id,
            root_uuid: task.uuid.clone(),
            version: task.version,
            run_id: scheduled,
            group: scheduled.to_string(),
            attempt: 1,
            from: Cause::Schedule,
            config: task.config.clone(),
        };
        Some(TaskRun {
            number: u64::MAX,
            task: object.id,
            graph,
            name: object.name.clone(),
            database,
            schema,
            text: task.body.clone(),
            condition: task.when.clone(),
            state: Progress::Scheduled,
            scheduled,
            ..TaskRun::default()
        })
    };
    cx.see().objects.values().filter(|o| o.kind() == Kind::Task).filter_map(coming).collect()
}

/// Runs of a task are for its owner, for who may monitor or operate it, and for who may monitor execution.
pub(super) fn may_see(cx: &Context<'_>, task: Id) -> bool {
    let may = |target, privilege| cx.holds(&cx.roles, target, privilege);
    may(ACCOUNT, "MONITOR EXECUTION")
        || cx.see().get(task).is_some() && ["OWNERSHIP", "MONITOR", "OPERATE"].iter().any(|one| may(task, one))
}

// --- directories ---------------------------------------------------------------------------------------------------------------------------

/// `STAGE_DIRECTORY_FILE_REGISTRATION_HISTORY(STAGE_NAME => …, START_TIME => …)`: the last fourteen days.
pub(super) fn file_registrations(cx: &Context<'_>, args: &Args) -> Fallible<ResultSet> {
    check("STAGE_DIRECTORY_FILE_REGISTRATION_HISTORY", args, &["STAGE_NAME", "START_TIME"])?;
    let Some(name) = text(args, "STAGE_NAME") else { return Err(fail::bad_value("NULL", "STAGE_NAME")) };
    let name = super::parse::Name::read(name.trim_start_matches('@'))?;
    let stage = cx.object_with(Kind::Stage, &name, &["USAGE", "READ"], "SELECT")?;
    let start = moment(args, "START_TIME")?.unwrap_or(cx.now - 14 * DAY);
    let columns = [
        ("JOB_CREATED_TIME", "timestamp_ltz"),
        ("FILE_NAME", "text"),
        ("OPERATION_STATUS", "text"),
        ("MESSAGE", "text"),
        ("FILE_SIZE", "fixed"),
        ("LAST_MODIFIED", "timestamp_ltz"),
    ];
    let time = |ms: i64| format!("{}.{:03}", ms.div_euclid(1000), ms.rem_euclid(1000));
    let kept = cx.see().registrations.iter().filter(|one| one.stage == stage && one.file.at >= start);
    let rows = kept.map(|Registration { file, .. }| {
        vec![
            Some(time(file.at)),
            Some(file.file.clone()),
            Some(file.status.clone()),
            Some(file.message.clone()),
            file.size.map(|size| size.to_string()),
            file.modified.map(time),
        ]
    });
    Ok(ResultSet {
        columns: columns.iter().map(|(name, kind)| Column::new(*name, kind)).collect(),
        rows: rows.collect(),
        statement_type: 0x1000,
    })
}

#[cfg(test)]
mod tests {
    use super::read_moment;

    #[test]
    fn times_as_they_are_given() {
        for (given, wanted) in [
            ("1700000000.123", Some(1_700_000_000_123)),
            ("1700000000.123456789 1440", Some(1_700_000_000_123)),
            ("2023-11-14 22:13:20.123 Z", Some(1_700_000_000_123)),
            ("2023-11-14T22:13:20Z", Some(1_700_000_000_000)),
            ("2023-11-14 22:13:20", Some(1_700_000_000_000)),
            ("2023-11-14 23:13:20 +01:00", Some(1_700_000_000_000)),
            ("2023-11-14", Some(1_699_920_000_000)),
            ("soon", None),
        ] {
            assert_eq!(read_moment(given), wanted, "{given}");
        }
    }
}
