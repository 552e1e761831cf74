//! The parameters that databases and schemas share. Each is inherited: account, database, schema.
//!
//! A parameter that the spec sets is set on the object itself, even if it inherits the same value; one that the spec does not mention is
//! left alone. Source: Snowflake documentation, "CREATE DATABASE", "CREATE SCHEMA", "SHOW PARAMETERS".

use std::collections::BTreeSet;

use super::setting::{Form, Setting, Values};
use super::show::Parameters;
use super::words::{Size, words};
use super::{Field, OnReplace, Problem, Ref, setting};
use crate::model::{Diff, LiveId, Mark, Shown, Text};

words! {
    /// How Iceberg tables encode their files.
    SerializationPolicy { Compatible = "COMPATIBLE", Optimized = "OPTIMIZED" }
}

words! {
    /// The least severe message that is kept.
    LogLevel { Trace = "TRACE", Debug = "DEBUG", Info = "INFO", Warn = "WARN", Error = "ERROR", Fatal = "FATAL", Off = "OFF" }
}

words! {
    /// Which trace events are kept.
    TraceLevel { Always = "ALWAYS", OnEvent = "ON_EVENT", Propagate = "PROPAGATE", Off = "OFF" }
}

words! {
    /// Which metrics are kept.
    MetricLevel { All = "ALL", None = "NONE" }
}

/// The parameters of a schema; a database has all but the last.
pub(super) const PARAMETERS: [Setting; 17] = [
    Setting::new("data_retention_time_in_days", Form::Int(0, 90)),
    Setting::new("max_data_extension_time_in_days", Form::Int(0, 90)),
    Setting::new("external_volume", Form::Name),
    Setting::new("catalog", Form::Name),
    Setting::new("replace_invalid_characters", Form::Bool),
    Setting::new("default_ddl_collation", Form::Text),
    Setting::new("storage_serialization_policy", Form::Word(serialization)),
    Setting::new("log_level", Form::Upper),
    Setting::new("trace_level", Form::Upper),
    Setting::new("metric_level", Form::Upper),
    Setting::new("suspend_task_after_num_failures", Form::Int(0, i64::MAX)),
    Setting::new("task_auto_retry_attempts", Form::Int(0, 30)),
    Setting::new("user_task_managed_initial_warehouse_size", Form::Word(size)),
    Setting::new("user_task_timeout_ms", Form::Int(0, 604_800_000)),
    Setting::new("user_task_minimum_trigger_interval_in_seconds", Form::Int(10, 604_800)),
    Setting::new("quoted_identifiers_ignore_case", Form::Bool),
    Setting::new("pipe_execution_paused", Form::Bool),
];

fn serialization(text: &str) -> Option<&'static str> {
    SerializationPolicy::read(text).map(SerializationPolicy::word)
}

fn size(text: &str) -> Option<&'static str> {
    Size::read(text).map(Size::word)
}

/// The external volume that new tables use, which must be there to be named.
pub(super) fn refs(values: &Values) -> Option<Ref> {
    match values.get("external_volume") {
        Some(setting::Value::Name(name)) => Some(Ref {
            to: LiveId::new("external_volume", name),
            why: "the external volume of its tables",
            on_replace: OnReplace::Nothing,
        }),
        _ => None,
    }
}

/// The parameters set on a live object.
pub(super) fn live(parameters: &Parameters) -> Values {
    let value = |setting: &Setting| {
        let text = parameters.get(&setting.field.to_ascii_uppercase())?;
        Some((setting.field, setting.read(text)))
    };
    PARAMETERS.iter().filter_map(value).collect()
}

/// Checks bounds, and that what is transient does not ask for more retention than it can have.
pub(super) fn check(values: &Values, transient: Option<bool>) -> Vec<Problem> {
    let mut out = setting::check(&PARAMETERS, values);
    let field = "data_retention_time_in_days";
    if transient == Some(true) && values.get(field).is_some_and(|days| *days > setting::Value::Int(1)) {
        let problem = Problem::new(field, "a transient object keeps its history for at most 1 day");
        out.push(problem.hint("lower it to 0 or 1, or make the object permanent"));
    }
    out
}

/// All parameters and the comment, for CREATE.
pub(super) fn clauses(values: &Values, comment: &str, mark: Option<&Mark>) -> Text {
    setting::clauses(&PARAMETERS, values).then(comment_clause(comment, mark))
}

/// Those that changed, for ALTER … SET; empty if none did.
pub(super) fn changed(values: &Values, comment: &str, mark: Option<&Mark>, changed: &Diff) -> Text {
    let these: Values = values.iter().filter(|(field, _)| changed.has(field)).map(|(k, v)| (*k, v.clone())).collect();
    let text = setting::clauses(&PARAMETERS, &these);
    let comment_too = changed.has("comment") || changed.has("mark");
    if comment_too { text.then(comment_clause(comment, mark)) } else { text }
}

/// `COMMENT = 'text [mark]'`.
pub(super) fn comment_clause(comment: &str, mark: Option<&Mark>) -> Text {
    let text = mark.map_or_else(|| comment.to_owned(), |mark| mark.comment(comment));
    Text::new("COMMENT =").literal(text)
}

/// A comment as a field.
pub(super) fn comment_field(comment: &str) -> Field {
    Field::in_place("comment", (!comment.is_empty()).then(|| Shown::from(comment)))
}

/// The words of SHOW's column `options`, such as `TRANSIENT, MANAGED ACCESS`.
pub(super) fn options(text: Option<&str>) -> BTreeSet<String> {
    text.unwrap_or_default().split(',').map(|word| word.trim().to_ascii_uppercase()).collect()
}
