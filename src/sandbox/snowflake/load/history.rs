//! What loads tell afterwards: `COPY_HISTORY`, `LOAD_HISTORY` and `VALIDATE`.

use std::collections::BTreeMap;

use super::super::answer::{Column, ResultSet};
use super::super::context::Context;
use super::super::expr::Val;
use super::super::fail::{self, Fallible};
use super::super::parse::Name;
use super::super::state::Kind;
use super::metadata::{Checked, Event};
use super::running::{PROBLEM, problem_row};

/// How far back histories reach.
const REACH_MS: i64 = 14 * 86_400_000;

const COPY_HISTORY: [(&str, &str); 21] = [
    ("FILE_NAME", "text"),
    ("STAGE_LOCATION", "text"),
    ("LAST_LOAD_TIME", "timestamp_ltz"),
    ("ROW_COUNT", "fixed"),
    ("ROW_PARSED", "fixed"),
    ("FILE_SIZE", "fixed"),
    ("FIRST_ERROR_MESSAGE", "text"),
    ("FIRST_ERROR_LINE_NUMBER", "fixed"),
    ("FIRST_ERROR_CHARACTER_POS", "fixed"),
    ("FIRST_ERROR_COLUMN_NAME", "text"),
    ("ERROR_COUNT", "fixed"),
    ("ERROR_LIMIT", "fixed"),
    ("STATUS", "text"),
    ("TABLE_CATALOG_NAME", "text"),
    ("TABLE_SCHEMA_NAME", "text"),
    ("TABLE_NAME", "text"),
    ("PIPE_CATALOG_NAME", "text"),
    ("PIPE_SCHEMA_NAME", "text"),
    ("PIPE_NAME", "text"),
    ("PIPE_RECEIVED_TIME", "timestamp_ltz"),
    ("BYTES_BILLED", "fixed"),
];

const LOAD_HISTORY: [(&str, &str); 13] = [
    ("SCHEMA_NAME", "text"),
    ("FILE_NAME", "text"),
    ("TABLE_NAME", "text"),
    ("LAST_LOAD_TIME", "timestamp_ltz"),
    ("STATUS", "text"),
    ("ROW_COUNT", "fixed"),
    ("ROW_PARSED", "fixed"),
    ("FIRST_ERROR_MESSAGE", "text"),
    ("FIRST_ERROR_LINE_NUMBER", "fixed"),
    ("FIRST_ERROR_CHARACTER_POSITION", "fixed"),
    ("FIRST_ERROR_COL_NAME", "text"),
    ("ERROR_COUNT", "fixed"),
    ("ERROR_LIMIT", "fixed"),
];

fn moment(ms: i64) -> String {
    format!("{}.{:03}", ms.div_euclid(1000), ms.rem_euclid(1000))
}

fn columns(columns: &[(&'static str, &'static str)]) -> Vec<Column> {
    columns.iter().map(|(name, kind)| Column::new(*name, kind)).collect()
}

fn demanded(args: &BTreeMap<String, Val>, key: &str) -> Fallible<String> {
    let text = args.get(key).and_then(Val::text);
    text.ok_or_else(|| fail::error("001015", "22023", format!("SQL compilation error:\nMissing argument {key}.")))
}

/// Rows, message, line, character and column of the first error; then how many there were and how many there might have been.
fn counted(event: &Event) -> [Option<String>; 6] {
    let first = event.first.as_ref();
    [
        first.map(|problem| problem.message.clone()),
        first.and_then(|problem| problem.line).map(|line| line.to_string()),
        first.and_then(|problem| problem.character).map(|character| character.to_string()),
        first.and_then(|problem| problem.column.clone()),
        Some(event.errors.to_string()),
        event.limit.map(|limit| limit.to_string()),
    ]
}

/// `COPY_HISTORY(TABLE_NAME => 't', START_TIME => … [, END_TIME => …])`, for who may see the table.
pub(in crate::sandbox::snowflake) fn copy_history(
    cx: &Context<'_>,
    args: &BTreeMap<String, Val>,
) -> Fallible<ResultSet> {
    let name = Name::read(&demanded(args, "TABLE_NAME")?)?;
    let table = cx.object(Kind::Table, &name, "COPY_HISTORY")?.id;
    let (from, to) = (time(args, "START_TIME")?, time(args, "END_TIME")?);
    let Some(from) = from else { return Err(demanded(args, "START_TIME").err().unwrap_or_else(fail::nowhere)) };
    if from < cx.now - REACH_MS {
        let text = "SQL compilation error:\nCannot retrieve data from more than 14 days ago.";
        return Err(fail::error("001003", "22023", text));
    }
    let to = to.unwrap_or(cx.now);
    let events = cx.see().loads.history.iter().filter(|event| event.table == table && (from..=to).contains(&event.at));
    let rows = events.map(|event| {
        let status = match event.status.as_str() {
            "LOADED" => "Loaded",
            "PARTIALLY_LOADED" => "Partially loaded",
            "LOAD_FAILED" => "Load failed",
            _ => "Load skipped",
        };
        let mut row = vec![
            Some(event.relative.clone()),
            Some(event.stage.clone()),
            Some(moment(event.at)),
            Some(event.loaded.to_string()),
            Some(event.parsed.to_string()),
            Some(event.size.to_string()),
        ];
        row.extend(counted(event));
        row.push(Some(status.to_owned()));
        row.extend(event.path.iter().cloned().map(Some));
        row.extend([None, None, None, None, None]);
        row
    });
    Ok(ResultSet { rows: rows.collect(), columns: columns(&COPY_HISTORY), statement_type: 0x1000 })
}

/// A point in time among the arguments, as milliseconds; texts are read as AUTO reads them.
fn time(args: &BTreeMap<String, Val>, key: &str) -> Fallible<Option<i64>> {
    let Some(value) = args.get(key) else { return Ok(None) };
    let formats = super::moments::Formats {
        date: "AUTO".to_owned(),
        time: "AUTO".to_owned(),
        timestamp: "AUTO".to_owned(),
        zone: jiff::tz::TimeZone::UTC,
    };
    let text = value.text().unwrap_or_default();
    let nanos = formats.moment(&text).and_then(|moment| formats.instant(moment)).map(|(nanos, _)| nanos);
    // As a cell of a time: seconds with a fraction, and the offset of the zone perhaps.
    let cell = || {
        let seconds = text.split(' ').next()?.parse().ok()?;
        i64::try_from(jiff::SignedDuration::try_from_secs_f64(seconds).ok()?.as_millis()).ok()
    };
    let ms = nanos.and_then(|nanos| i64::try_from(nanos / 1_000_000).ok()).or_else(cell);
    ms.map(Some).ok_or_else(|| fail::error("100035", "22007", format!("Timestamp '{text}' is not recognized")))
}

/// The view `LOAD_HISTORY` of a database: loads into tables that the role may see.
pub(in crate::sandbox::snowflake) fn load_history(cx: &Context<'_>, database: &str) -> ResultSet {
    let seen = |event: &&Event| {
        event.path.first().is_some_and(|name| name == database)
            && event.at >= cx.now - REACH_MS
            && cx.see().get(event.table).is_some_and(|object| cx.visible(object))
    };
    let rows = cx.see().loads.history.iter().filter(seen).map(|event| {
        let mut row = vec![
            event.path.get(1).cloned(),
            Some(event.file.clone()),
            event.path.get(2).cloned(),
            Some(moment(event.at)),
            Some(event.status.replace('_', " ")),
            Some(event.loaded.to_string()),
            Some(event.parsed.to_string()),
        ];
        row.extend(counted(event));
        row
    });
    ResultSet { rows: rows.collect(), columns: columns(&LOAD_HISTORY), statement_type: 0x1000 }
}

/// `VALIDATE(t, JOB_ID => '_last' | '<query id>')`: the errors of a statement that loaded into the table.
pub(in crate::sandbox::snowflake) fn validate(
    cx: &Context<'_>,
    table: &Name,
    args: &BTreeMap<String, Val>,
) -> Fallible<ResultSet> {
    let table = cx.object_with(Kind::Table, table, &["INSERT", "SELECT"], "VALIDATE")?;
    let job = demanded(args, "JOB_ID")?;
    let session = cx.session.id;
    let wanted = |checked: &&Checked| {
        checked.table == table
            && if job.eq_ignore_ascii_case("_last") { checked.session == session } else { checked.query_id == job }
    };
    let Some(found) = cx.see().loads.jobs.iter().rev().find(wanted) else {
        let text = format!(
            "SQL compilation error:\nInvalid argument [{job}] for table function: no COPY INTO of this table has that ID."
        );
        return Err(fail::error("002003", "22023", text));
    };
    let rows = found.problems.iter().map(problem_row).collect();
    Ok(ResultSet { rows, columns: columns(&PROBLEM), statement_type: 0x1000 })
}
