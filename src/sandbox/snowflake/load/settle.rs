//! What becomes of the records of one file: rows of the table, or errors, by what `ON_ERROR` says of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::answer::{Column, ResultSet, SqlError};
use super::super::fail::{self, Fallible};
use super::convert::{Converting, Misfit};
use super::format::{Kind, Reading};
use super::json;
use super::metadata::{ERRORS, Problem};
use super::moments;
use super::record::{COLUMN_COUNT, Cell, DELIMITER, END_OF_RECORD, Fault, Places, Record};
use super::staged::{self, File};
use super::statement::{Load, Matching, OnError};
use super::transform::Transform;
use super::variant::Variant;

const NULL_IN_NOT_NULL: super::record::Code = ("100072", "22000");

/// A row of the table.
pub(super) type Row = Vec<Option<String>>;

/// What became of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Settled {
    /// `LOADED`, `PARTIALLY_LOADED` or `LOAD_FAILED`.
    pub(super) status: &'static str,
    pub(super) rows: Vec<Row>,
    pub(super) parsed: u64,
    pub(super) limit: u64,
    pub(super) errors: u64,
    /// The first errors, as many as are kept.
    pub(super) problems: Vec<Problem>,
}

/// A file that ended the statement.
pub(super) struct Aborted {
    pub(super) error: SqlError,
    pub(super) problem: Problem,
}

/// Computes the query of a transformation over rows of files.
pub(super) type Project<'a> = &'a mut (dyn FnMut(&ResultSet) -> Fallible<ResultSet> + Send);

/// Settles a file, given its unpacked bytes and the cells of the columns that it does not fill.
pub(super) fn file(
    load: &Load,
    blank: &Row,
    file: &File<'_>,
    bytes: &[u8],
    project: Project<'_>,
) -> Result<Settled, Box<Aborted>> {
    let name = file.object.key.as_str();
    let on_error = if load.validation.is_some() { OnError::Continue } else { load.options.on_error };
    let records = load.reading.records(bytes);
    let columns = Columns { load, blank, header: records.header.as_deref() };
    let mut computed = load.transform.as_ref().map(|transform| {
        let rows = records.rows.iter().flatten().map(|record| file.row(record, load.reading.width(transform.width)));
        transformed(&load.reading, transform, rows.collect(), project).into_iter()
    });
    let structured = matches!(load.reading.kind, Kind::Csv(_));
    let mut places = Places::new(bytes);
    let mut settled =
        Settled { parsed: records.rows.len() as u64 + records.blank, status: "LOADED", ..Settled::default() };
    let mut unreadable = false;
    for record in records.rows {
        let fault = match record {
            Ok(record) => match match &mut computed {
                None => columns.row(&record, bytes),
                Some(computed) => columns.computed(computed.next(), &record),
            } {
                Ok(row) => {
                    settled.rows.push(row);
                    continue;
                }
                Err(fault) => fault.of(&record),
            },
            Err(fault) => {
                unreadable = true;
                fault
            }
        };
        settled.errors += 1;
        // Values of semi-structured files that do not fit end the statement, whatever ON_ERROR says, but for SKIP_FILE.
        let ends = on_error == OnError::Abort
            || (!structured
                && fault.category == "conversion"
                && on_error != OnError::SkipFile
                && load.validation.is_none());
        if ends || settled.problems.len() < ERRORS {
            let problem = problem(load, name, bytes, &mut places, &fault);
            if ends {
                return Err(Box::new(Aborted { error: aborted(&fault, &problem), problem }));
            }
            settled.problems.push(problem);
        }
    }
    settled.limit = on_error.limit(settled.parsed);
    let skipped = match on_error {
        OnError::Abort => false,
        // A columnar file that cannot be read is skipped as a whole.
        OnError::Continue => unreadable && matches!(load.reading.kind, Kind::Parquet(_)),
        _ => settled.errors >= settled.limit,
    };
    if skipped {
        settled.rows.clear();
    }
    settled.status = match (settled.errors, settled.rows.is_empty()) {
        (_, true) if skipped => "LOAD_FAILED",
        (0, _) => "LOADED",
        (_, true) => "LOAD_FAILED",
        (_, false) => "PARTIALLY_LOADED",
    };
    Ok(settled)
}

/// The error of a statement that a record ended.
fn aborted(fault: &Fault, problem: &Problem) -> SqlError {
    let (line, character) = (problem.line.unwrap_or(1), problem.character.unwrap_or(1));
    let starts = if line == problem.row_line { String::new() } else { format!(" starts at line {}", problem.row_line) };
    let text = format!(
        "{}\n  File '{}', line {line}, character {character}\n  Row {}{starts}, column {}\n  If you would like to continue loading when \
         an error is encountered, use other values such as 'SKIP_FILE' or 'CONTINUE' for the ON_ERROR option. For more information on \
         loading options, please run 'info loading_data' in a SQL client.",
        problem.message,
        problem.file,
        problem.row,
        problem.column.as_deref().unwrap_or_default(),
    );
    fail::error(fault.code, fault.sql_state, text)
}

fn problem(load: &Load, name: &str, bytes: &[u8], places: &mut Places<'_>, fault: &Fault) -> Problem {
    let start = places.of(fault.start);
    let at = places.of(fault.at);
    // A record that another follows is shown with what delimits it.
    let end = if fault.next < bytes.len() { fault.next } else { fault.end };
    let record =
        bytes.get(fault.start..end.min(fault.start + 10_000)).map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let column = match load.targets.get(fault.field).and_then(|at| load.columns.get(*at).map(|column| (*at, column))) {
        Some((at, column)) if fault.code != COLUMN_COUNT.0 || fault.field < load.columns.len() => {
            format!("\"{}\"[\"{}\":{}]", load.table_name, column.name, at + 1)
        }
        _ => format!("\"{}\"[{}]", load.table_name, fault.field + 1),
    };
    Problem {
        message: fault.message.clone(),
        file: name.to_owned(),
        line: Some(at.line),
        character: Some(at.character),
        byte: Some(at.byte as u64),
        category: fault.category.to_owned(),
        code: fault.code.to_owned(),
        sql_state: fault.sql_state.to_owned(),
        column: Some(column),
        row: fault.row,
        row_line: start.line,
        record,
    }
}

/// How records fill the columns of the table.
struct Columns<'a> {
    load: &'a Load,
    blank: &'a Row,
    header: Option<&'a [String]>,
}

/// Rows of a transformation with the columns they are of, or why there is none.
type Computed = Result<(Arc<Vec<Column>>, Row), SqlError>;

/// Computes a transformation. If it cannot be computed over all rows, the halves are tried, until each row that is at fault is found.
fn transformed(reading: &Reading, transform: &Transform, rows: Vec<Row>, project: Project<'_>) -> Vec<Computed> {
    let mut computed = Vec::new();
    let mut open = vec![rows];
    while let Some(mut rows) = open.pop() {
        if rows.is_empty() {
            continue;
        }
        let count = rows.len();
        let columns = staged::columns(reading, reading.width(transform.width));
        let files = ResultSet { columns, rows, statement_type: 0x1000 };
        match project(&files) {
            Ok(result) if result.rows.len() == count => {
                let columns = Arc::new(result.columns);
                computed.extend(result.rows.into_iter().map(|row| Ok((Arc::clone(&columns), row))));
            }
            Ok(_) => {
                let error = fail::unsupported("a COPY that changes the number of rows");
                computed.resize(computed.len() + count, Err(error));
            }
            Err(error) if count == 1 => computed.push(Err(error)),
            Err(_) => {
                rows = files.rows;
                let later = rows.split_off(count / 2);
                open.push(later);
                open.push(rows);
            }
        }
    }
    computed
}

impl Columns<'_> {
    /// A row of the table from a row of the transformation.
    fn computed(&self, computed: Option<Computed>, record: &Record) -> Result<Row, Fault> {
        let load = self.load;
        let (columns, row) = match computed {
            Some(Ok(computed)) => computed,
            Some(Err(error)) => {
                return Err(conversion((error.code, error.sql_state), error.message, record.start, 0));
            }
            None => return Ok(self.blank.clone()),
        };
        let mut cells = self.blank.clone();
        for (field, (target, (cell, column))) in load.targets.iter().zip(row.iter().zip(columns.iter())).enumerate() {
            let (Some(of), Some(into)) = (load.columns.get(*target), cells.get_mut(*target)) else { continue };
            let (value, computed) = value_of(cell.as_deref(), column.kind);
            let plain;
            let converting = if computed {
                plain = load.converting.plain();
                &plain
            } else {
                &load.converting
            };
            *into = converted(converting, &value, &of.kind, record.start, field)?;
        }
        self.check_nulls(record, &cells)?;
        Ok(cells)
    }

    fn row(&self, record: &Record, bytes: &[u8]) -> Result<Row, Fault> {
        let load = self.load;
        let mut cells = self.blank.clone();
        let mut put = |field: usize, target: usize, at: usize, value: &Cell| -> Result<(), Fault> {
            let (Some(column), Some(cell)) = (load.columns.get(target), cells.get_mut(target)) else { return Ok(()) };
            *cell = converted(&load.converting, value, &column.kind, at, field)?;
            Ok(())
        };
        match (load.options.matching, record.fields.first()) {
            (None, _) => {
                self.check_count(record, bytes)?;
                for (field, target) in load.targets.iter().enumerate() {
                    if let Some(value) = record.fields.get(field) {
                        put(field, *target, value.at, &value.value)?;
                    }
                }
            }
            (Some(matching), Some(first)) => {
                let named = self.named(record);
                for (field, target) in load.targets.iter().enumerate() {
                    let Some(column) = load.columns.get(*target) else { continue };
                    let found = named.iter().find(|(name, _)| match matching {
                        Matching::CaseSensitive => **name == column.name,
                        Matching::CaseInsensitive => name.to_uppercase() == column.name.to_uppercase(),
                    });
                    if let Some((_, (value, at))) = found {
                        put(field, *target, at.unwrap_or(first.at), value)?;
                    }
                }
            }
            (Some(_), None) => {}
        }
        self.check_nulls(record, &cells)?;
        Ok(cells)
    }

    /// The values of a record by their names.
    fn named(&self, record: &Record) -> BTreeMap<String, (Cell, Option<usize>)> {
        if let Some(header) = self.header {
            let fields = header.iter().zip(&record.fields);
            return fields.map(|(name, field)| (name.clone(), (field.value.clone(), Some(field.at)))).collect();
        }
        let (null_if, trim): (&[String], bool) = match &self.load.reading.kind {
            Kind::Json(documents) => (&documents.null_if, documents.trim_space),
            Kind::Parquet(columnar) => (&columnar.null_if, columnar.trim_space),
            Kind::Csv(_) => (&[], false),
        };
        let value = |value: Variant| match value {
            Variant::Null => Cell::Null,
            Variant::Text(text) => {
                let text = if trim { text.trim().to_owned() } else { text };
                if null_if.contains(&text) { Cell::Null } else { Cell::Variant(Variant::Text(text)) }
            }
            other => Cell::Variant(other),
        };
        match record.fields.first().map(|field| &field.value) {
            Some(Cell::Variant(Variant::Object(members))) => {
                members.iter().map(|(name, member)| (name.clone(), (value(member.clone()), None))).collect()
            }
            _ => BTreeMap::new(),
        }
    }

    /// A record must have as many fields as the table has columns, unless the statement or the format says otherwise.
    fn check_count(&self, record: &Record, bytes: &[u8]) -> Result<(), Fault> {
        let Kind::Csv(csv) = &self.load.reading.kind else { return Ok(()) };
        let (found, wanted) = (record.fields.len(), self.load.columns.len());
        if found == wanted || self.load.listed || !csv.check_count || self.load.transform.is_some() {
            return Ok(());
        }
        if record.row == 1 {
            let text = format!(
                "Number of columns in file ({found}) does not match that of the corresponding table ({wanted}), use file format option \
                 error_on_column_count_mismatch=false to ignore this error"
            );
            let at = if record.next < bytes.len() { record.next } else { record.end };
            return Err(Fault::parsing(COLUMN_COUNT, text, at, found - 1));
        }
        if found > wanted {
            let delimiter = csv.field_delimiter.as_deref().unwrap_or_default();
            let at = record.fields.get(wanted).map_or(record.end, |field| field.at.saturating_sub(delimiter.len()));
            let text = format!(
                "Field delimiter '{}' found while expecting record delimiter '\\n'",
                String::from_utf8_lossy(delimiter)
            );
            return Err(Fault::parsing(DELIMITER, text, at, wanted - 1));
        }
        let column = self.load.columns.get(found).map(|column| column.name.as_str()).unwrap_or_default();
        let text = format!(
            "End of record reached while expected to parse column '\"{}\"[\"{column}\":{}]'",
            self.load.table_name,
            found + 1
        );
        Err(Fault::parsing(END_OF_RECORD, text, record.end, found))
    }

    fn check_nulls(&self, record: &Record, cells: &Row) -> Result<(), Fault> {
        let columns = &self.load.columns;
        let Some(target) = columns.iter().zip(cells).position(|(column, cell)| !column.nullable && cell.is_none())
        else {
            return Ok(());
        };
        let field = self.load.targets.iter().position(|at| *at == target).unwrap_or(target);
        let at = record.fields.get(field).map_or(record.start, |field| field.at);
        Err(conversion(NULL_IN_NOT_NULL, "NULL result in a non-nullable column".to_owned(), at, field))
    }
}

fn conversion((code, sql_state): super::record::Code, message: String, at: usize, field: usize) -> Fault {
    Fault { category: "conversion", code, sql_state, ..Fault::parsing((code, sql_state), message, at, field) }
}

fn converted(
    converting: &Converting,
    value: &Cell,
    kind: &str,
    at: usize,
    field: usize,
) -> Result<Option<String>, Fault> {
    converting.cell(value, kind).map_err(|Misfit { code, message }| conversion(code, message, at, field))
}

/// The value of a cell, and whether it is a time that was computed: the formats of the file are not for it.
fn value_of(cell: Option<&str>, kind: &str) -> (Cell, bool) {
    let Some(cell) = cell else { return (Cell::Null, false) };
    let shown = |text: Option<String>| (Cell::Text(text.unwrap_or_else(|| cell.to_owned())), true);
    match kind {
        "variant" | "object" | "array" => match json::document(cell) {
            Ok(Some(value)) => (Cell::Variant(value), false),
            _ => (Cell::Text(cell.to_owned()), false),
        },
        "boolean" => (Cell::Variant(Variant::Bool(cell == "1" || cell == "true")), false),
        "date" => shown(moments::shown_date(cell)),
        "time" => shown(moments::shown_time(cell)),
        "timestamp_ntz" | "timestamp_ltz" | "timestamp_tz" => shown(moments::exact(cell, kind)),
        _ => (Cell::Text(cell.to_owned()), false),
    }
}
