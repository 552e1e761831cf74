//! `COPY INTO <location>`: rows of a table or a query become files.

use std::io::Write as _;

use serde_json::Value as Json;

use super::super::access::Access;
use super::super::answer::{Column, ResultSet};
use super::super::context::Context;
use super::super::fail::{self, Fallible};
use super::super::file_format::{self, FileFormat};
use super::super::parse::Parser;
use super::super::props::Props;
use super::super::query;
use super::super::work::{Job, Outcome, Worker};
use super::format::Options;
use super::json;
use super::statement::{demand_warehouse, place, source, stage_format};
use super::variant::Variant;

/// Files that are ready to be written.
#[derive(Clone, Debug)]
pub(in crate::sandbox::snowflake) struct Unload {
    access: Access,
    /// The key that names begin with, or are.
    key: String,
    /// As errors show the destination.
    shown: String,
    overwrite: bool,
    single: bool,
    detailed: bool,
    rows: usize,
    input_bytes: usize,
    files: Vec<Written>,
}

#[derive(Clone, Debug)]
struct Written {
    key: String,
    body: Vec<u8>,
    rows: usize,
}

/// How rows become bytes.
struct Writing {
    kind: Kind,
    gzip: bool,
    extension: String,
}

enum Kind {
    Csv(Csv),
    Json,
}

struct Csv {
    record: Vec<u8>,
    field: Vec<u8>,
    enclosure: Option<u8>,
    escape: Option<u8>,
    /// What NULL is written as.
    null: String,
}

/// `@stage[/path] | 's3://…' FROM { table | (query) } …`, after `COPY INTO`.
pub(super) fn read(cx: &mut Context<'_>, p: &mut Parser<'_>) -> Fallible<Outcome> {
    let place = place(p)?;
    p.need("FROM")?;
    let sql = if p.mark("(") {
        p.bracketed()?
    } else {
        let from = p.mark_place();
        p.name()?;
        format!("SELECT * FROM {}", p.between(from, p.mark_place()))
    };
    if p.is("PARTITION BY") {
        return Err(fail::unsupported("PARTITION BY in COPY INTO a location"));
    }
    let mut props = Props::read(p)?;
    p.end()?;
    demand_warehouse(cx)?;
    let (to, stage) = source(cx, place, &mut props)?;
    if to.files.is_some() || to.pattern.is_some() {
        return Err(fail::bad_combination(("FILES", "…"), ("INTO", "@…")));
    }
    let format = match file_format::given(cx, &mut props, "COPY INTO")? {
        Some(format) => format,
        None => stage_format(cx, &stage)?,
    };
    let header = props.boolean("HEADER")?.unwrap_or(false);
    let single = props.boolean("SINGLE")?.unwrap_or(false);
    let overwrite = props.boolean("OVERWRITE")?.unwrap_or(false);
    let detailed = props.boolean("DETAILED_OUTPUT")?.unwrap_or(false);
    let largest = props.number("MAX_FILE_SIZE", 1..=5_368_709_120)?.unwrap_or(16_777_216);
    let query_id = props.boolean("INCLUDE_QUERY_ID")?.unwrap_or(false);
    if let Some(mode) = props.loose("VALIDATION_MODE")? {
        return Err(fail::unsupported(&format!("VALIDATION_MODE = {mode} in COPY INTO a location")));
    }
    props.finish()?;
    if query_id && (single || overwrite) {
        let other = if single { "SINGLE" } else { "OVERWRITE" };
        return Err(fail::bad_combination(("INCLUDE_QUERY_ID", "true"), (other, "true")));
    }
    let writing = Writing::of(&format)?;
    let result = query::run(cx, &sql)?;
    let key = name(&to.access, &to.path);
    let shown = if to.path.is_empty() { to.shown.clone() } else { format!("{}/{}", to.shown, to.path) };
    let id = if query_id { format!("_{}", cx.query_id) } else { String::new() };
    let chunks = writing.chunks(&result, header, if single { u64::MAX } else { largest })?;
    let input_bytes = chunks.iter().map(|(body, _)| body.len()).sum();
    let mut files = Vec::new();
    for (at, (body, rows)) in chunks.into_iter().enumerate() {
        let body = if writing.gzip { gzip(&body)? } else { body };
        let key = if single { key.clone() } else { format!("{key}{id}_0_{at}_0.{}", writing.extension) };
        files.push(Written { key, body, rows });
    }
    let rows = result.rows.len();
    let unload = Unload { access: to.access, key, shown, overwrite, single, detailed, rows, input_bytes, files };
    Ok(Outcome::Outside(Box::new(Job::Unload(Box::new(unload)))))
}

/// A path that ends in a slash (or is none) is a folder, and `data` the name in it.
fn name(access: &Access, path: &str) -> String {
    let key = access.key(path);
    match (path.is_empty(), key.is_empty() || key.ends_with('/')) {
        (_, true) => format!("{key}data"),
        (true, false) => format!("{key}/data"),
        (false, false) => key,
    }
}

fn gzip(body: &[u8]) -> Fallible<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    let packed = encoder.write_all(body).and_then(|()| encoder.finish());
    packed.map_err(|error| fail::stage_failure(&error.to_string()))
}

impl Writing {
    fn of(format: &FileFormat) -> Fallible<Self> {
        let options = Options(format);
        let kind = match format.kind.as_str() {
            "CSV" => {
                options.refuse(&[
                    ("DATE_FORMAT", "AUTO".into()),
                    ("TIME_FORMAT", "AUTO".into()),
                    ("TIMESTAMP_FORMAT", "AUTO".into()),
                    ("BINARY_FORMAT", "HEX".into()),
                ])?;
                let enclosure = options.character("FIELD_OPTIONALLY_ENCLOSED_BY")?;
                let escape = match options.character("ESCAPE")? {
                    Some(escape) => Some(escape),
                    None if enclosure.is_none() => options.character("ESCAPE_UNENCLOSED_FIELD")?,
                    None => None,
                };
                Kind::Csv(Csv {
                    record: options.delimiter("RECORD_DELIMITER")?.unwrap_or_default(),
                    field: options.delimiter("FIELD_DELIMITER")?.unwrap_or_default(),
                    enclosure,
                    escape,
                    null: options.texts("NULL_IF").into_iter().next().unwrap_or_default(),
                })
            }
            "JSON" => Kind::Json,
            other => return Err(fail::unsupported(&format!("unloading files of TYPE = {other}"))),
        };
        let gzip = match options.text("COMPRESSION").as_str() {
            "AUTO" | "GZIP" => true,
            "NONE" => false,
            other => return Err(fail::unsupported(&format!("unloading with COMPRESSION = {other}"))),
        };
        let extension = match options.0.option("FILE_EXTENSION") {
            Json::String(extension) => extension,
            _ => format!("{}{}", format.kind.to_lowercase(), if gzip { ".gz" } else { "" }),
        };
        Ok(Self { kind, gzip, extension })
    }

    /// The bodies of files with the number of rows of each. A file ends when it has grown to the greatest size.
    fn chunks(&self, result: &ResultSet, header: bool, largest: u64) -> Fallible<Vec<(Vec<u8>, usize)>> {
        let head = match &self.kind {
            Kind::Csv(csv) if header => {
                let names: Vec<String> = result.columns.iter().map(|column| column.name.clone()).collect();
                csv.line(names.iter().map(|name| (Some(name.as_str()), true)))
            }
            Kind::Json if header => return Err(fail::bad_combination(("HEADER", "true"), ("TYPE", "JSON"))),
            _ => Vec::new(),
        };
        if matches!(self.kind, Kind::Json) && result.columns.len() != 1 {
            let text = "SQL compilation error:\nJSON file format can unload one and only one column of type variant, object, or array. \
                        Use OBJECT_CONSTRUCT to make one of several.";
            return Err(fail::error("002019", "0A000", text));
        }
        let mut chunks: Vec<(Vec<u8>, usize)> = Vec::new();
        for row in &result.rows {
            if chunks.last().is_none_or(|(body, _)| body.len() as u64 >= largest) {
                chunks.push((head.clone(), 0));
            }
            let line = match &self.kind {
                Kind::Csv(csv) => {
                    let cells: Vec<(Option<String>, bool)> =
                        row.iter().zip(&result.columns).map(|(cell, column)| shown(cell.as_deref(), column)).collect();
                    csv.line(cells.iter().map(|(cell, text)| (cell.as_deref(), *text)))
                }
                Kind::Json => document(row.first().and_then(Option::as_deref), result.columns.first())?,
            };
            if let Some((body, rows)) = chunks.last_mut() {
                body.extend_from_slice(&line);
                *rows += 1;
            }
        }
        Ok(chunks)
    }
}

/// A cell as a file shows it, and whether it is a text (which enclosures are for).
fn shown(cell: Option<&str>, column: &Column) -> (Option<String>, bool) {
    let Some(cell) = cell else { return (None, false) };
    match column.kind {
        "boolean" => (Some(if cell == "1" || cell == "true" { "true" } else { "false" }.to_owned()), false),
        "fixed" | "real" => (Some(cell.to_owned()), false),
        "date" => (Some(super::moments::shown_date(cell).unwrap_or_else(|| cell.to_owned())), true),
        "timestamp_ntz" | "timestamp_ltz" | "timestamp_tz" => {
            (Some(super::moments::shown_moment(cell, column.kind).unwrap_or_else(|| cell.to_owned())), true)
        }
        _ => (Some(cell.to_owned()), true),
    }
}

/// One line of a file of JSON.
fn document(cell: Option<&str>, column: Option<&Column>) -> Fallible<Vec<u8>> {
    let kind = column.map_or("text", |column| column.kind);
    let value = match (cell, kind) {
        (None, _) => Variant::Null,
        (Some(cell), "variant" | "object" | "array") => {
            let read = json::document(cell).map_err(|message| fail::error("100069", "22P02", message))?;
            read.unwrap_or(Variant::Null)
        }
        _ => {
            let text = "SQL compilation error:\nJSON file format can unload one and only one column of type variant, object, or array.";
            return Err(fail::error("002019", "0A000", text));
        }
    };
    let mut line = value.json().into_bytes();
    line.push(b'\n');
    Ok(line)
}

impl Csv {
    fn line<'a>(&self, cells: impl Iterator<Item = (Option<&'a str>, bool)>) -> Vec<u8> {
        let mut line = Vec::new();
        for (at, (cell, text)) in cells.enumerate() {
            if at > 0 {
                line.extend_from_slice(&self.field);
            }
            match (cell, self.enclosure) {
                (None, _) => line.extend_from_slice(self.null.as_bytes()),
                (Some(cell), Some(mark)) if text => {
                    line.push(mark);
                    for byte in cell.bytes() {
                        if byte == mark {
                            line.push(mark);
                        } else if Some(byte) == self.escape {
                            line.push(byte);
                        }
                        line.push(byte);
                    }
                    line.push(mark);
                }
                (Some(cell), _) => self.escaped(cell.as_bytes(), &mut line),
            }
        }
        line.extend_from_slice(&self.record);
        line
    }

    /// Outside of enclosures what would end a field gets the escape character before it.
    fn escaped(&self, mut cell: &[u8], line: &mut Vec<u8>) {
        let starts = |cell: &[u8], mark: &[u8]| !mark.is_empty() && cell.starts_with(mark);
        while let Some((byte, rest)) = cell.split_first() {
            if let Some(escape) = self.escape
                && (*byte == escape || starts(cell, &self.field) || starts(cell, &self.record))
            {
                line.push(escape);
            }
            line.push(*byte);
            cell = rest;
        }
    }
}

impl Worker<'_> {
    pub(in crate::sandbox::snowflake) async fn unload(&mut self, unload: Unload) -> Fallible<ResultSet> {
        let Unload { access, key, shown, overwrite, single, detailed, rows, input_bytes, files } = unload;
        let session = self.assume(&access).await?;
        let door = self.simulator.door();
        if !overwrite {
            let there = door.list(&session, &access.bucket, &key).await;
            let there = there.map_err(|refusal| fail::stage_refused(&refusal))?;
            if there.iter().any(|object| !single || object.key == key) {
                let text = format!(
                    "Files already existing at the unload destination: {shown}. Use overwrite option to force unloading."
                );
                return Err(fail::error("100088", "22000", text));
            }
        }
        let (mut output_bytes, mut details) = (0, Vec::new());
        for Written { key, body, rows } in files {
            output_bytes += body.len();
            let name = key.strip_prefix(&access.prefix).unwrap_or(&key).to_owned();
            details.push(vec![Some(name), Some(body.len().to_string()), Some(rows.to_string())]);
            let put = door.put(&session, &access.bucket, &key, body).await;
            put.map_err(|refusal| fail::stage_refused(&refusal))?;
        }
        let (columns, rows) = if detailed {
            (
                vec![
                    Column::new("FILE_NAME", "text"),
                    Column::new("FILE_SIZE", "fixed"),
                    Column::new("ROW_COUNT", "fixed"),
                ],
                details,
            )
        } else {
            let counts = [rows, input_bytes, output_bytes].map(|number| Some(number.to_string()));
            (
                ["rows_unloaded", "input_bytes", "output_bytes"].map(|name| Column::new(name, "fixed")).into(),
                vec![counts.into()],
            )
        };
        Ok(ResultSet { columns, rows, statement_type: 0x3700 })
    }
}
