//! Staged files as relations: the fields of their records as `$1`, `$2` and so on, and what is known of each file beside them.

use std::sync::Arc;

use super::super::answer::{Column, ResultSet, SqlError};
use super::super::context::StagedFiles;
use super::super::fail::{self, Fallible};
use super::super::file_format;
use super::super::files;
use super::super::parse::Name;
use super::super::work::Worker;
use super::compression::LARGEST;
use super::format::{Kind, Reading};
use super::record::{Cell, Fault, Places, Record};
use super::settle::Row;
use super::statement::{Source, stage_format};
use crate::sandbox::door::ObjectInfo;

/// A file, as the columns of metadata tell of it.
pub(super) struct File<'a> {
    pub(super) object: &'a ObjectInfo,
    /// When reading began, in milliseconds.
    pub(super) now: i64,
}

/// The columns of a relation of files with so many fields.
pub(super) fn columns(reading: &Reading, width: usize) -> Vec<Column> {
    let kind = if matches!(reading.kind, Kind::Csv(_)) { "text" } else { "variant" };
    let width = if kind == "text" { width } else { 1 };
    let fields = (1..=width).map(|at| Column::new(format!("${at}"), kind));
    let metadata = [
        ("METADATA$FILENAME", "text"),
        ("METADATA$FILE_ROW_NUMBER", "fixed"),
        ("METADATA$FILE_CONTENT_KEY", "text"),
        ("METADATA$FILE_LAST_MODIFIED", "timestamp_ntz"),
        ("METADATA$START_SCAN_TIME", "timestamp_ltz"),
    ];
    fields.chain(metadata.map(|(name, kind)| Column::new(name, kind))).collect()
}

impl File<'_> {
    /// A record as a row of that relation.
    pub(super) fn row(&self, record: &Record, width: usize) -> Row {
        let moment = |ms: i64| Some(format!("{}.{:03}", ms.div_euclid(1000), ms.rem_euclid(1000)));
        let cell = |cell: &Cell| match cell {
            Cell::Null => None,
            Cell::Text(text) => Some(text.clone()),
            Cell::Variant(value) => Some(value.json()),
        };
        let mut row: Row = record.fields.iter().take(width).map(|field| cell(&field.value)).collect();
        row.resize(width, None);
        row.extend([
            Some(self.object.key.clone()),
            Some(record.row.to_string()),
            Some(self.object.etag.clone()),
            moment(self.object.modified_ms),
            moment(self.now),
        ]);
        row
    }
}

impl Worker<'_> {
    /// Reads the files that a query names, with the session's rights.
    pub(in crate::sandbox::snowflake) async fn staged(&mut self, wanted: &StagedFiles) -> Fallible<Arc<ResultSet>> {
        let (source, reading, now) = self.locked(|cx| {
            let place = files::place(cx, wanted.stage.clone(), "SELECT")?;
            let stage = cx.see().stage(place.access.stage).cloned().unwrap_or_default();
            let format = match &wanted.file_format {
                Some(name) => file_format::named(cx, &Name::read(name)?, "SELECT")?,
                None => stage_format(cx, &stage)?,
            };
            let reading = Reading::of(&format)?;
            let pattern = wanted.pattern.as_deref().map(files::anchored).transpose()?;
            let shown = format!("@{}", cx.see().full_name(place.access.stage));
            Ok((Source { access: place.access, path: place.path, shown, files: None, pattern }, reading, cx.now))
        })?;
        if matches!(&reading.kind, Kind::Csv(csv) if csv.parse_header) {
            return Err(fail::unsupported("PARSE_HEADER in queries of staged files"));
        }
        let found = self.files_of(&source).await?;
        if found.found.iter().map(|object| object.size).sum::<u64>() > LARGEST as u64 {
            return Err(fail::unsupported(&format!("queries of more than {} MiB of staged files", LARGEST >> 20)));
        }
        let mut records = Vec::new();
        let mut width = 1;
        for object in found.found {
            let bytes = self.bytes_of(&source, &found.session, &object).await?;
            let bytes = reading.unpack(&object.key, bytes)?;
            let mut good = Vec::new();
            for record in reading.records(&bytes).rows {
                let record = record.map_err(|fault| refused(&fault, &object.key, &bytes))?;
                width = width.max(record.fields.len());
                good.push(record);
            }
            records.push((object, good));
        }
        let rows = records.iter().flat_map(|(object, records)| {
            let file = File { object, now };
            records.iter().map(move |record| file.row(record, width))
        });
        Ok(Arc::new(ResultSet { columns: columns(&reading, width), rows: rows.collect(), statement_type: 0x1000 }))
    }
}

/// The error of a query over a file that cannot be read.
fn refused(fault: &Fault, name: &str, bytes: &[u8]) -> SqlError {
    let mut places = Places::new(bytes);
    let (start, at) = (places.of(fault.start), places.of(fault.at));
    let starts = if at.line == start.line { String::new() } else { format!(" starts at line {}", start.line) };
    let column = fault.field + 1;
    let text = format!(
        "{}\n  File '{name}', line {}, character {}\n  Row {}{starts}, column \"TRANSIENT_STAGE_TABLE\"[\"${column}\":{column}]",
        fault.message, at.line, at.character, fault.row
    );
    fail::error(fault.code, fault.sql_state, text)
}
