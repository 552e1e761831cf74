//! `COPY INTO <table>`, carried out: files are asked of S3 with the integration's role, read without the account's lock, and their rows
//! go into the table all at once or not at all.

use super::super::answer::{Column, ResultSet};
use super::super::context::Context;
use super::super::fail::{self, Fallible};
use super::super::work::Worker;
use super::super::{query, select};
use super::compression::LARGEST;
use super::metadata::{Checked, Event, Known, Problem};
use super::settle::{self, Row, Settled};
use super::staged::File;
use super::statement::{Load, OnError, Source, Validation};
use crate::sandbox::door::{Assumed, ObjectInfo};

/// The files that a statement is about.
pub(super) struct Files {
    pub(super) session: Assumed,
    /// By key.
    pub(super) found: Vec<ObjectInfo>,
    /// Entries of FILES that are not there, as URLs.
    pub(super) missing: Vec<String>,
}

/// A file and what became of it.
struct Done {
    object: ObjectInfo,
    url: String,
    settled: Settled,
}

impl Worker<'_> {
    /// Lists what a statement is about.
    pub(super) async fn files_of(&self, source: &Source) -> Fallible<Files> {
        let access = &source.access;
        let (session, mut found) = self.objects(access, &source.path).await?;
        found.sort_by(|one, other| one.key.cmp(&other.key));
        let mut missing = Vec::new();
        if let Some(files) = &source.files {
            // An entry goes on where the path stopped.
            let keys: Vec<String> = files
                .iter()
                .map(|file| if source.path.is_empty() { access.key(file) } else { access.key(&source.path) + file })
                .collect();
            missing = keys
                .iter()
                .filter(|key| !found.iter().any(|object| object.key == **key))
                .map(|key| access.url_of(key))
                .collect();
            found.retain(|object| keys.contains(&object.key));
        }
        if let Some(pattern) = &source.pattern {
            found.retain(|object| pattern.is_match(&access.url_of(&object.key)));
        }
        Ok(Files { session, found, missing })
    }

    /// The bytes of a file.
    pub(super) async fn bytes_of(&self, source: &Source, session: &Assumed, object: &ObjectInfo) -> Fallible<Vec<u8>> {
        if object.size > LARGEST as u64 {
            let what =
                format!("loading files of more than {} MiB in the sandbox (file '{}')", LARGEST >> 20, object.key);
            return Err(fail::unsupported(&what));
        }
        let body = self.simulator.door().get(session, &source.access.bucket, &object.key).await;
        body.map_err(|refusal| match refusal.code.as_str() {
            "NoSuchKey" => not_found(&source.access.url_of(&object.key)),
            _ => fail::stage_refused(&refusal),
        })
    }

    pub(in crate::sandbox::snowflake) async fn load(&mut self, load: Load) -> Fallible<ResultSet> {
        let Files { session, found, missing } = self.files_of(&load.source).await?;
        if let (Some(url), OnError::Abort, None) = (missing.first(), load.options.on_error, load.validation) {
            return Err(not_found(url));
        }
        let (wanted, skipped) = self.locked(|cx| Ok(unknown(cx, &load, found)))?;
        let (blank, now) = self.locked(|cx| Ok((blank(cx, &load)?, cx.now)))?;
        let mut done: Vec<Done> = Vec::new();
        let mut read = 0_u64;
        for object in wanted {
            if load.options.size_limit.is_some_and(|limit| read > limit) {
                break;
            }
            read = read.saturating_add(object.size);
            let bytes = self.bytes_of(&load.source, &session, &object).await?;
            let bytes = load.reading.unpack(&object.key, bytes)?;
            let file = File { object: &object, now };
            let sql = load.transform.as_ref().map(|transform| transform.sql.clone()).unwrap_or_default();
            let mut project = |files: &ResultSet| self.locked(|cx| query::project(cx, &sql, files));
            match settle::file(&load, &blank, &file, &bytes, &mut project) {
                Ok(settled) => done.push(Done { url: load.source.access.url_of(&object.key), object, settled }),
                Err(aborted) => {
                    let problems = vec![aborted.problem];
                    self.locked(|cx| {
                        remember_problems(cx, &load, problems);
                        Ok(())
                    })?;
                    return Err(aborted.error);
                }
            }
            if let Some(Validation::Rows(most)) = load.validation
                && done.iter().map(|done| done.settled.rows.len()).sum::<usize>() >= most
            {
                break;
            }
        }
        if let Some(validation) = load.validation {
            return validated(&load, validation, &done, &missing);
        }
        let answer = answer(&load, &done, &skipped, &missing);
        let loaded: Vec<(String, &'static str)> =
            done.iter().map(|done| (done.object.key.clone(), done.settled.status)).collect();
        self.locked(|cx| commit(cx, &load, done))?;
        if load.options.purge {
            for (key, _) in loaded.iter().filter(|(_, status)| *status == "LOADED") {
                // A file that cannot be removed is no error of the statement.
                if let Err(refusal) = self.simulator.door().delete(&session, &load.source.access.bucket, key).await {
                    tracing::debug!(key, message = refusal.message, "a loaded file could not be removed");
                }
            }
        }
        Ok(answer)
    }
}

/// A file that FILES names and that is not there.
fn not_found(url: &str) -> super::super::answer::SqlError {
    let text = format!(
        "Remote file '{url}' was not found. If you are running a copy command, please make sure files are not deleted when they are \
         being loaded or files are not being loaded into two different tables concurrently with auto purge option."
    );
    fail::error("091016", "22000", text)
}

/// Parts the files into those to load and those that the table has had.
fn unknown(cx: &Context<'_>, load: &Load, found: Vec<ObjectInfo>) -> (Vec<ObjectInfo>, Vec<ObjectInfo>) {
    let again = load.options.force || load.validation.is_some_and(|validation| validation != Validation::Errors);
    found.into_iter().partition(|object| {
        let url = load.source.access.url_of(&object.key);
        again
            || match cx.see().loads.knows(load.table, &url, &object.etag, object.modified_ms, cx.now) {
                Known::No => true,
                Known::Loaded => false,
                Known::Uncertain => load.options.load_uncertain,
            }
    })
}

/// The cells of the columns that a file does not fill: their defaults.
fn blank(cx: &mut Context<'_>, load: &Load) -> Fallible<Row> {
    let mut cells = Vec::new();
    for (at, column) in load.columns.iter().enumerate() {
        let default = column.default.as_ref().filter(|_| !load.targets.contains(&at));
        cells.push(match default {
            None => None,
            Some(text) => select::value(cx, text, &column.kind)?,
        });
    }
    Ok(cells)
}

/// Writes what was read, if the table is still the one that was checked.
fn commit(cx: &mut Context<'_>, load: &Load, done: Vec<Done>) -> Fallible<()> {
    if cx.see().table(load.table).is_none_or(|table| table.columns != load.columns) {
        let text =
            format!("SQL execution error:\nTable '{}' was changed while files were being loaded.", load.table_name);
        return Err(fail::error("000601", "55000", text));
    }
    let (now, path) = (cx.now, cx.see().path(load.table).into_iter().map(str::to_owned).collect::<Vec<_>>());
    let mut problems = Vec::new();
    for Done { object, url, settled } in done {
        let relative = object.key.strip_prefix(&load.source.access.prefix).unwrap_or(&object.key).to_owned();
        let event = Event {
            table: load.table,
            path: path.clone(),
            stage: load.source.shown.clone(),
            file: url.clone(),
            relative,
            at: now,
            size: object.size,
            status: settled.status.to_owned(),
            parsed: settled.parsed,
            loaded: settled.rows.len() as u64,
            limit: Some(settled.limit),
            errors: settled.errors,
            first: settled.problems.first().cloned(),
        };
        let state = cx.edit();
        state.loads.record(event);
        if settled.status != "LOAD_FAILED" {
            state.loads.note(load.table, &url, &object.etag, now);
        }
        if let Some(table) = state.table_mut(load.table) {
            settled.rows.into_iter().for_each(|row| table.push(row));
        }
        problems.extend(settled.problems);
    }
    remember_problems(cx, load, problems);
    Ok(())
}

fn remember_problems(cx: &mut Context<'_>, load: &Load, mut problems: Vec<Problem>) {
    problems.truncate(super::metadata::ERRORS);
    let checked = Checked { query_id: cx.query_id.to_owned(), session: cx.session.id, table: load.table, problems };
    cx.edit().loads.check(checked);
}

const RESULT: [(&str, &str); 10] = [
    ("file", "text"),
    ("status", "text"),
    ("rows_parsed", "fixed"),
    ("rows_loaded", "fixed"),
    ("error_limit", "fixed"),
    ("errors_seen", "fixed"),
    ("first_error", "text"),
    ("first_error_line", "fixed"),
    ("first_error_character", "fixed"),
    ("first_error_column_name", "text"),
];

fn answer(load: &Load, done: &[Done], skipped: &[ObjectInfo], missing: &[String]) -> ResultSet {
    let number = |number: u64| Some(number.to_string());
    let mut rows = Vec::new();
    for Done { url, settled, .. } in done {
        let first = settled.problems.first();
        rows.push(vec![
            Some(url.clone()),
            Some(settled.status.to_owned()),
            number(settled.parsed),
            number(settled.rows.len() as u64),
            number(settled.limit),
            number(settled.errors),
            first.map(|problem| problem.message.clone()),
            first.and_then(|problem| problem.line).map(|line| line.to_string()),
            first.and_then(|problem| problem.character).map(|character| character.to_string()),
            first.and_then(|problem| problem.column.clone()),
        ]);
    }
    let odd = |url: String, status: &str, limit: Option<u64>, error: String| {
        let texts = [
            Some(url),
            Some(status.to_owned()),
            number(0),
            number(0),
            limit.map(|n| n.to_string()),
            number(1),
            Some(error),
        ];
        texts.into_iter().chain([None, None, None]).collect::<Vec<_>>()
    };
    if load.source.files.is_some() {
        // Only files that the statement names are reported as passed over.
        for object in skipped {
            let url = load.source.access.url_of(&object.key);
            rows.push(odd(url, "LOAD_SKIPPED", None, "File was loaded before.".to_owned()));
        }
        for url in missing {
            rows.push(odd(url.clone(), "LOAD_FAILED", Some(load.options.on_error.limit(0)), lost(url)));
        }
    }
    if rows.is_empty() {
        let mut answer = ResultSet::status("Copy executed with 0 files processed.");
        answer.statement_type = 0x3600;
        return answer;
    }
    if load.options.failed_only {
        rows.retain(|row| matches!(row.get(1), Some(Some(status)) if status != "LOADED"));
    }
    ResultSet { columns: RESULT.map(|(name, kind)| Column::new(name, kind)).into(), rows, statement_type: 0x3600 }
}

/// The words for a missing file in a result, which are more than those of the error.
fn lost(url: &str) -> String {
    format!(
        "Remote file '{url}' was not found. There are several potential causes. The file might not exist. The required credentials may \
         be missing or invalid. If you are running a copy command, please make sure files are not deleted when they are being loaded or \
         files are not being loaded into two different tables concurrently with auto purge option."
    )
}

pub(super) const PROBLEM: [(&str, &str); 12] = [
    ("ERROR", "text"),
    ("FILE", "text"),
    ("LINE", "fixed"),
    ("CHARACTER", "fixed"),
    ("BYTE_OFFSET", "fixed"),
    ("CATEGORY", "text"),
    ("CODE", "fixed"),
    ("SQL_STATE", "text"),
    ("COLUMN_NAME", "text"),
    ("ROW_NUMBER", "fixed"),
    ("ROW_START_LINE", "fixed"),
    ("REJECTED_RECORD", "text"),
];

/// A row of `VALIDATION_MODE` and `VALIDATE`.
pub(super) fn problem_row(problem: &Problem) -> Row {
    let number = |number: Option<u64>| number.map(|number| number.to_string());
    vec![
        Some(problem.message.clone()),
        Some(problem.file.clone()),
        number(problem.line),
        number(problem.character),
        number(problem.byte),
        Some(problem.category.clone()),
        Some(problem.code.clone()),
        Some(problem.sql_state.clone()),
        problem.column.clone(),
        number(Some(problem.row)),
        number(Some(problem.row_line)),
        problem.record.clone(),
    ]
}

/// What `VALIDATION_MODE` shows in the place of loading.
fn validated(load: &Load, validation: Validation, done: &[Done], missing: &[String]) -> Fallible<ResultSet> {
    let problems = done.iter().flat_map(|done| &done.settled.problems);
    if let Validation::Rows(most) = validation {
        let first = done.iter().flat_map(|done| &done.settled.problems).next();
        if let Some(problem) = first
            && problem.row <= most as u64
        {
            let (line, character) = (problem.line.unwrap_or(1), problem.character.unwrap_or(1));
            let text = format!(
                "{}\n  File '{}', line {line}, character {character}\n  Row {}, column {}",
                problem.message,
                problem.file,
                problem.row,
                problem.column.as_deref().unwrap_or_default()
            );
            return Err(fail::error("100132", "22000", text));
        }
        let columns = load.columns.iter().map(|column| Column::new(&column.name, wire(&column.kind))).collect();
        let rows = done.iter().flat_map(|done| done.settled.rows.clone()).take(most).collect();
        return Ok(ResultSet { columns, rows, statement_type: 0x3600 });
    }
    let mut rows: Vec<Row> = problems.map(problem_row).collect();
    rows.extend(missing.iter().map(|url| {
        let (category, code, state) = ("other".to_owned(), "100112".to_owned(), "22000".to_owned());
        let file = url.clone();
        problem_row(&Problem { message: lost(url), file, category, code, sql_state: state, ..Problem::default() })
    }));
    Ok(ResultSet { columns: PROBLEM.map(|(name, kind)| Column::new(name, kind)).into(), rows, statement_type: 0x3600 })
}

/// The wire's type of a column of a table.
pub(super) fn wire(kind: &str) -> &'static str {
    match kind.split('(').next().unwrap_or(kind) {
        "NUMBER" => "fixed",
        "FLOAT" => "real",
        "BOOLEAN" => "boolean",
        "DATE" => "date",
        "TIME" => "time",
        "TIMESTAMP_NTZ" => "timestamp_ntz",
        "TIMESTAMP_LTZ" => "timestamp_ltz",
        "TIMESTAMP_TZ" => "timestamp_tz",
        "VARIANT" => "variant",
        "OBJECT" => "object",
        "ARRAY" => "array",
        "BINARY" => "binary",
        _ => "text",
    }
}
