//! A task as it is written.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::kind::schedule::{Interval, Schedule};
use crate::kind::words::{Size, words};
use crate::model::{Ident, ObjectName, SchemaName};

/// A task: SQL that runs on a schedule, after other tasks, or when a stream has data.
///
/// A new task gets what starts it from exactly one of: `schedule`; `after`; `finalize`; or `when` alone, which makes it a triggered task.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// The schema it is in: `DATABASE.SCHEMA`.
    pub schema: SchemaName,
    /// Its name.
    pub name: Ident,
    /// The warehouse it runs in. Absent: serverless, in compute that Snowflake manages.
    pub warehouse: Option<Ident>,
    /// Serverless: the size of the first runs. Left alone where absent.
    pub user_task_managed_initial_warehouse_size: Option<Size>,
    /// Serverless: the smallest size. Left alone where absent.
    pub serverless_task_min_statement_size: Option<Size>,
    /// Serverless: the largest size. Left alone where absent.
    pub serverless_task_max_statement_size: Option<Size>,
    /// Serverless: how soon a run should be done, such as `10 MINUTES`. Serverless triggered tasks need it.
    pub target_completion_interval: Option<Interval>,
    /// When it runs: `10 MINUTES`, or `USING CRON 0 9 * * MON-FRI Europe/Vienna`. For root tasks.
    pub schedule: Option<Schedule>,
    /// The condition under which a run does anything, such as `SYSTEM$STREAM_HAS_DATA('DB.S.STREAM')`. Without a schedule it is what
    /// triggers the task.
    pub when: Option<String>,
    /// What it does: one SQL statement, a call, or a scripting block. A triggered task must consume its stream, or it runs for ever.
    #[serde(rename = "as")]
    pub body: String,
    /// The tasks it runs after, all in the same schema.
    #[serde(default)]
    pub after: Vec<ObjectName>,
    /// The root task of the graph whose finalizer it is: it runs once all others are done.
    pub finalize: Option<ObjectName>,
    /// Settings the tasks of a graph can ask for, a table or a JSON text. For root tasks. Compared as JSON.
    pub config: Option<serde_json::Value>,
    /// Whether a graph may start again while it runs: `NO_OVERLAP`, `ALLOW_CHILD_OVERLAP`, `ALLOW_ALL_OVERLAP`. For root tasks. Where
    /// Snowflake tells only whether overlapping is allowed, the last two count as equal.
    #[serde(default = "no_overlap")]
    pub overlap_policy: Overlap,
    /// Parameters of the session it runs in. Those not named are left alone.
    #[serde(default)]
    pub session_parameters: BTreeMap<String, Setting>,
    /// The longest a run may take, in milliseconds, 0 to 604800000; 0 is the longest. Left alone where absent.
    pub user_task_timeout_ms: Option<u32>,
    /// Failed runs in a row after which it is suspended; 0 is never. Left alone where absent.
    pub suspend_task_after_num_failures: Option<u32>,
    /// How often a failed graph is tried again, 0 to 30. For root tasks. Left alone where absent.
    pub task_auto_retry_attempts: Option<u32>,
    /// Seconds between two runs of a triggered task at least, 10 to 604800. Left alone where absent.
    pub user_task_minimum_trigger_interval_in_seconds: Option<u32>,
    /// The notification integration that hears of errors.
    pub error_integration: Option<Ident>,
    /// The notification integration that hears of successes.
    pub success_integration: Option<Ident>,
    /// What is logged. Left alone where absent.
    pub log_level: Option<LogLevel>,
    /// The user it runs as, with that user's secondary roles, instead of the system's.
    pub execute_as_user: Option<Ident>,
    /// Whether it runs; Snowflake creates tasks suspended, and suspends them after failures.
    #[serde(default = "yes")]
    pub started: bool,
    /// A comment.
    #[serde(default)]
    pub comment: String,
}

fn yes() -> bool {
    true
}

/// The value of a session parameter.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Setting {
    /// A flag.
    Flag(bool),
    /// A number.
    Number(i64),
    /// A text.
    Text(String),
}

impl Setting {
    /// A live value, read as one of the same type.
    pub(super) fn like(&self, live: &str) -> Self {
        let flag = || live.to_ascii_lowercase().parse().map(Self::Flag);
        let read = match self {
            Self::Flag(_) => flag().ok(),
            Self::Number(_) => live.parse().map(Self::Number).ok(),
            // The letter case of most texts has no meaning, and sizes have synonyms.
            Self::Text(text) => {
                let same_size = Size::read(text).is_some_and(|size| Size::read(live) == Some(size));
                let same = same_size || text.eq_ignore_ascii_case(live);
                same.then(|| self.clone())
            }
        };
        read.unwrap_or_else(|| Self::Text(live.to_owned()))
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

words! {
    /// What a task logs.
    LogLevel {
        Trace = "TRACE",
        Debug = "DEBUG",
        Info = "INFO",
        Warn = "WARN",
        Error = "ERROR",
        Fatal = "FATAL",
        Off = "OFF",
    }
}

words! {
    /// Whether a graph may start again while it runs.
    Overlap {
        No = "NO_OVERLAP",
        Child = "ALLOW_CHILD_OVERLAP",
        All = "ALLOW_ALL_OVERLAP",
    }
}

fn no_overlap() -> Overlap {
    Overlap::No
}

impl Spec {
    /// Its full name.
    pub fn full_name(&self) -> ObjectName {
        self.schema.object(&self.name)
    }

    /// Whether it is triggered by streams: it has a condition, and nothing else that starts it.
    pub fn is_triggered(&self) -> bool {
        self.when.is_some() && self.schedule.is_none() && self.after.is_empty() && self.finalize.is_none()
    }

    /// The sizes of serverless compute, by field.
    pub(super) fn sizes(&self) -> [(&'static str, Option<Size>); 3] {
        [
            ("user_task_managed_initial_warehouse_size", self.user_task_managed_initial_warehouse_size),
            ("serverless_task_min_statement_size", self.serverless_task_min_statement_size),
            ("serverless_task_max_statement_size", self.serverless_task_max_statement_size),
        ]
    }

    /// The parameters it sets, by upper-case name: its own and those of the session.
    pub(super) fn parameters(&self) -> BTreeMap<String, Setting> {
        let number = |number: Option<u32>| number.map(|number| Setting::Number(number.into()));
        let size = |size: Option<Size>| size.map(|size| Setting::Text(size.word().into()));
        let own = [
            (INITIAL_SIZE, size(self.user_task_managed_initial_warehouse_size)),
            (MIN_SIZE, size(self.serverless_task_min_statement_size)),
            (MAX_SIZE, size(self.serverless_task_max_statement_size)),
            (TIMEOUT, number(self.user_task_timeout_ms)),
            (FAILURES, number(self.suspend_task_after_num_failures)),
            (RETRIES, number(self.task_auto_retry_attempts)),
            (TRIGGER_INTERVAL, number(self.user_task_minimum_trigger_interval_in_seconds)),
            (LOG_LEVEL, self.log_level.map(|level| Setting::Text(level.word().into()))),
        ];
        let own = own.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        let session = self.session_parameters.iter().map(|(name, value)| (name.to_ascii_uppercase(), value.clone()));
        session.chain(own).collect()
    }

    /// The configuration as a JSON value; `None` if it is a text that is not JSON.
    pub(super) fn config(&self) -> Option<serde_json::Value> {
        match self.config.as_ref()? {
            serde_json::Value::String(text) => serde_json::from_str(text).ok(),
            value => Some(value.clone()),
        }
    }
}

pub(super) const INITIAL_SIZE: &str = "USER_TASK_MANAGED_INITIAL_WAREHOUSE_SIZE";
pub(super) const MIN_SIZE: &str = "SERVERLESS_TASK_MIN_STATEMENT_SIZE";
pub(super) const MAX_SIZE: &str = "SERVERLESS_TASK_MAX_STATEMENT_SIZE";
const TIMEOUT: &str = "USER_TASK_TIMEOUT_MS";
const FAILURES: &str = "SUSPEND_TASK_AFTER_NUM_FAILURES";
const RETRIES: &str = "TASK_AUTO_RETRY_ATTEMPTS";
const TRIGGER_INTERVAL: &str = "USER_TASK_MINIMUM_TRIGGER_INTERVAL_IN_SECONDS";
const LOG_LEVEL: &str = "LOG_LEVEL";

/// The parameters that are fields of their own.
pub(super) const OWN: [&str; 8] =
    [INITIAL_SIZE, MIN_SIZE, MAX_SIZE, TIMEOUT, FAILURES, RETRIES, TRIGGER_INTERVAL, LOG_LEVEL];

/// The field of a parameter.
pub(super) fn field_of(parameter: &str) -> String {
    if OWN.contains(&parameter) { parameter.to_ascii_lowercase() } else { format!("session_parameters.{parameter}") }
}
