//! `COPY INTO <table>`: how it is written, and everything that is checked before a file is asked for.

use regex_lite::Regex;

use super::super::access::Access;
use super::super::answer::ResultSet;
use super::super::context::Context;
use super::super::fail::{self, Fallible};
use super::super::file_format::{self, FileFormat};
use super::super::files;
use super::super::lex::Tok;
use super::super::parse::{Name, Parser};
use super::super::props::Props;
use super::super::query;
use super::super::stage::{self, Encryption, Format, Stage};
use super::super::state::{Id, Kind};
use super::super::table::TableColumn;
use super::super::work::{Job, Outcome};
use super::convert::{Converting, takes_documents};
use super::format::{Kind as FormatKind, Options, Reading};
use super::moments::Formats;
use super::staged;
use super::transform::Transform;

/// A load that has been checked and waits for its files.
#[derive(Clone, Debug)]
pub(in crate::sandbox::snowflake) struct Load {
    pub(super) table: Id,
    pub(super) table_name: String,
    /// The columns of the table, as they were when the statement was checked.
    pub(super) columns: Vec<TableColumn>,
    /// Which column each field goes to, by place in the table.
    pub(super) targets: Vec<usize>,
    /// Whether the statement names the columns: the number of fields is not checked then.
    pub(super) listed: bool,
    pub(super) source: Source,
    pub(super) reading: Reading,
    pub(super) converting: Converting,
    pub(super) options: CopyOptions,
    pub(super) validation: Option<Validation>,
    pub(super) transform: Option<Transform>,
}

impl Load {
    /// How its files are reached.
    pub(in crate::sandbox::snowflake) fn access(&self) -> &Access {
        &self.source.access
    }

    /// The path under the stage, as written.
    pub(in crate::sandbox::snowflake) fn path(&self) -> &str {
        &self.source.path
    }

    /// The table it fills.
    pub(in crate::sandbox::snowflake) fn table(&self) -> Id {
        self.table
    }
}

/// Where the files of a statement are.
#[derive(Clone, Debug)]
pub(in crate::sandbox::snowflake) struct Source {
    pub(super) access: Access,
    /// As written after the stage or in the place of it.
    pub(super) path: String,
    /// `@D.S.ST`, or the URL.
    pub(super) shown: String,
    pub(super) files: Option<Vec<String>>,
    pub(super) pattern: Option<Regex>,
}

/// What is done about a record that cannot be loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnError {
    Abort,
    Continue,
    SkipFile,
    SkipFileAfter(u64),
    SkipFileAfterPercent(u64),
}

/// How columns are found when the fields of a file have names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Matching {
    CaseSensitive,
    CaseInsensitive,
}

/// What is loaded, and what happens to the files.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a copy option")]
pub(super) struct CopyOptions {
    pub(super) on_error: OnError,
    pub(super) size_limit: Option<u64>,
    pub(super) purge: bool,
    pub(super) force: bool,
    pub(super) load_uncertain: bool,
    pub(super) failed_only: bool,
    pub(super) matching: Option<Matching>,
}

/// Nothing is loaded; this is shown instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Validation {
    Rows(usize),
    Errors,
    AllErrors,
}

/// `COPY INTO …`, after the two words: into a table, or out of one.
pub(in crate::sandbox::snowflake) fn copy_into(cx: &mut Context<'_>, p: &mut Parser<'_>) -> Fallible<Outcome> {
    match p.peek() {
        Some(Tok::Stage(_) | Tok::Text(_)) => super::unload::read(cx, p),
        _ => load(cx, p),
    }
}

fn load(cx: &mut Context<'_>, p: &mut Parser<'_>) -> Fallible<Outcome> {
    let name = p.name()?;
    let listed = column_list(p)?;
    if !p.eat("FROM") {
        return Err(if p.at_end() || p.peek_at(1) == Some(&Tok::Mark("=")) {
            fail::unsupported("stages of tables (COPY INTO without FROM)")
        } else {
            p.unexpected()
        });
    }
    let transform = if p.mark("(") { Some(Transform::read(cx, &p.bracketed()?)?) } else { None };
    let place = match &transform {
        Some(transform) => Written::Stage(transform.stage.clone()),
        None => place(p)?,
    };
    let mut props = Props::read(p)?;
    p.end()?;
    let (table, columns) = target(cx, &name)?;
    let targets = targets(&columns, listed.as_deref(), p)?;
    demand_warehouse(cx)?;
    let (mut source, stage) = source(cx, place, &mut props)?;
    let named = transform.as_ref().and_then(|transform| transform.file_format.as_ref());
    let format = match (file_format::given(cx, &mut props, "COPY INTO")?, named) {
        (Some(format), _) => format,
        (None, Some(name)) => file_format::named(cx, &Name::read(name)?, "COPY INTO")?,
        (None, None) => stage_format(cx, &stage)?,
    };
    if let Some(pattern) = transform.as_ref().and_then(|transform| transform.pattern.as_ref()) {
        source.pattern = Some(files::anchored(pattern)?);
    }
    let options = CopyOptions::read(&mut props, &stage)?;
    let converting = converting(cx, &format, &mut props, &stage)?;
    let validation = validation(&mut props)?;
    props.finish()?;
    let reading = Reading::of(&format)?;
    match &transform {
        None => check_shape(&reading, &columns, &targets, &options)?,
        Some(transform) => check_transform(cx, transform, &reading, targets.len(), &options, validation.is_some())?,
    }
    let table_name = cx.see().get(table).map(|o| o.name.clone()).unwrap_or_default();
    let listed = listed.is_some();
    Ok(Outcome::Outside(Box::new(Job::Load(Box::new(Load {
        table,
        table_name,
        columns,
        targets,
        listed,
        source,
        reading,
        converting,
        options,
        validation,
        transform,
    })))))
}

/// `(a, b)`, with the place of each for the complaint.
fn column_list(p: &mut Parser<'_>) -> Fallible<Option<Vec<(usize, String)>>> {
    if !p.mark("(") {
        return Ok(None);
    }
    let mut columns = Vec::new();
    loop {
        columns.push((p.mark_place(), p.ident()?));
        if p.mark(")") {
            return Ok(Some(columns));
        }
        p.need_mark(",")?;
    }
}

fn target(cx: &Context<'_>, name: &Name) -> Fallible<(Id, Vec<TableColumn>)> {
    let id = cx.object_with(Kind::Table, name, &["INSERT"], "COPY INTO")?;
    let Some(table) = cx.see().table(id) else { return Err(fail::nowhere()) };
    Ok((id, table.columns.clone()))
}

fn targets(columns: &[TableColumn], listed: Option<&[(usize, String)]>, p: &Parser<'_>) -> Fallible<Vec<usize>> {
    let Some(listed) = listed else { return Ok((0..columns.len()).collect()) };
    let mut targets = Vec::new();
    for (place, name) in listed {
        let Some(at) = columns.iter().position(|column| column.name == *name) else {
            let (line, position, _) = p.place_of(*place);
            return Err(fail::unknown_column(line, position, name));
        };
        if targets.contains(&at) {
            return Err(fail::error(
                "002025",
                "42S21",
                format!("SQL compilation error:\nduplicate column name '{name}'"),
            ));
        }
        targets.push(at);
    }
    Ok(targets)
}

/// A COPY computes in a warehouse; a task without one brings its own.
pub(super) fn demand_warehouse(cx: &Context<'_>) -> Fallible<()> {
    if cx.session.warehouse.is_some() || cx.session.user == "SYSTEM" {
        return Ok(());
    }
    let text = "No active warehouse selected in the current session.  Select an active warehouse with the 'use warehouse' command.";
    Err(fail::error("000606", "57P03", text))
}

/// A stage with a path, or a URL.
pub(super) enum Written {
    Stage(super::super::parse::StagePath),
    Url(String),
}

pub(super) fn place(p: &mut Parser<'_>) -> Fallible<Written> {
    match p.peek() {
        Some(Tok::Text(text)) if !text.starts_with('@') => {
            let url = text.clone();
            p.advance();
            Ok(Written::Url(url))
        }
        _ => p.stage_path().map(Written::Stage),
    }
}

/// The files of a statement and the stage they are reached by, which is made up for a URL.
pub(super) fn source(cx: &Context<'_>, place: Written, props: &mut Props) -> Fallible<(Source, Stage)> {
    let files = files::listed(props)?;
    let pattern = files::pattern(props)?;
    let (access, path, shown, stage) = match place {
        Written::Url(url) => {
            let stage = stage::unnamed(cx, url.clone(), props)?;
            (stage.access(cx, 0)?, String::new(), url, stage)
        }
        Written::Stage(path) => {
            if props.has("STORAGE_INTEGRATION") || props.has("CREDENTIALS") {
                return Err(fail::bad_combination(("FROM", "@…"), ("STORAGE_INTEGRATION", "…")));
            }
            let place = files::place(cx, path, "COPY INTO")?;
            let stage = cx.see().stage(place.access.stage).cloned().unwrap_or_default();
            let shown = format!("@{}", cx.see().full_name(place.access.stage));
            (place.access, place.path, shown, stage)
        }
    };
    if matches!(&stage.encryption, Some(Encryption { kind, .. }) if kind == "AWS_CSE") {
        return Err(fail::unsupported("files encrypted by the client (AWS_CSE)"));
    }
    Ok((Source { access, path, shown, files, pattern }, stage))
}

/// The format of a stage, which holds a named one by name.
pub(super) fn stage_format(cx: &Context<'_>, stage: &Stage) -> Fallible<FileFormat> {
    match &stage.format {
        Format::Inline(format) => Ok(format.clone()),
        Format::Named(parts) => file_format::named(cx, &Name(parts.clone()), "COPY INTO"),
    }
}

impl CopyOptions {
    /// What the statement says, else the stage, else the defaults.
    fn read(props: &mut Props, stage: &Stage) -> Fallible<Self> {
        let mut boolean = |key: &str| {
            let of_stage = stage.copy_options.get(key).is_some_and(|value| value == "true");
            props.boolean(key).map(|written| written.unwrap_or(of_stage))
        };
        let (purge, force, failed_only, load_uncertain) =
            (boolean("PURGE")?, boolean("FORCE")?, boolean("RETURN_FAILED_ONLY")?, boolean("LOAD_UNCERTAIN_FILES")?);
        let on_error = props.loose("ON_ERROR")?.or_else(|| stage.copy_options.get("ON_ERROR").cloned());
        let size_limit = match props.number("SIZE_LIMIT", 1..=u64::MAX)? {
            Some(limit) => Some(limit),
            None => stage.copy_options.get("SIZE_LIMIT").and_then(|limit| limit.parse().ok()),
        };
        let matching =
            match props.choice("MATCH_BY_COLUMN_NAME", &["CASE_SENSITIVE", "CASE_INSENSITIVE", "NONE"])?.as_deref() {
                Some("CASE_SENSITIVE") => Some(Matching::CaseSensitive),
                Some("CASE_INSENSITIVE") => Some(Matching::CaseInsensitive),
                _ => None,
            };
        for key in ["INCLUDE_METADATA", "FILE_PROCESSOR", "CLUSTER_AT_INGEST_TIME"] {
            if props.has(key) {
                return Err(fail::unsupported(key));
            }
        }
        if let Some(mode) = props.choice("LOAD_MODE", &["FULL_INGEST", "ADD_FILES_COPY"])?
            && mode != "FULL_INGEST"
        {
            return Err(fail::unsupported(&format!("LOAD_MODE = {mode}")));
        }
        if force && load_uncertain {
            return Err(fail::bad_combination(("FORCE", "true"), ("LOAD_UNCERTAIN_FILES", "true")));
        }
        let on_error = on_error.map_or(Ok(OnError::Abort), |written| OnError::read(&written))?;
        Ok(Self { on_error, size_limit, purge, force, load_uncertain, failed_only, matching })
    }
}

impl OnError {
    fn read(written: &str) -> Fallible<Self> {
        let upper = written.to_uppercase();
        let bad = || fail::bad_value(written, "ON_ERROR");
        match upper.as_str() {
            "ABORT_STATEMENT" => Ok(Self::Abort),
            "CONTINUE" => Ok(Self::Continue),
            "SKIP_FILE" => Ok(Self::SkipFile),
            other => {
                let count = other.strip_prefix("SKIP_FILE_").ok_or_else(bad)?;
                let (digits, percent) = count.strip_suffix('%').map_or((count, false), |digits| (digits, true));
                let number: u64 = digits.parse().map_err(|_| bad())?;
                if percent && number > 100 {
                    return Err(bad());
                }
                Ok(if percent { Self::SkipFileAfterPercent(number) } else { Self::SkipFileAfter(number) })
            }
        }
    }

    /// How many errors a file with so many records may show before it is skipped, as the result reports it.
    pub(super) fn limit(self, parsed: u64) -> u64 {
        match self {
            Self::Abort | Self::SkipFile => 1,
            Self::Continue => parsed.max(1),
            Self::SkipFileAfter(count) => count,
            Self::SkipFileAfterPercent(percent) => (parsed.saturating_mul(percent) / 100).max(1),
        }
    }
}

/// How values become cells, by the format and the two options about lengths.
pub(super) fn converting(
    cx: &Context<'_>,
    format: &FileFormat,
    props: &mut Props,
    stage: &Stage,
) -> Fallible<Converting> {
    let of_stage = |key: &str, default: bool| stage.copy_options.get(key).map_or(default, |value| value == "true");
    let truncate = props.boolean("TRUNCATECOLUMNS")?;
    let enforce = props.boolean("ENFORCE_LENGTH")?;
    // The two are opposites of each other.
    let truncate = match (truncate, enforce) {
        (Some(one), Some(other)) if one == other => {
            let shown = |value: bool| if value { "true" } else { "false" };
            return Err(fail::bad_combination(("TRUNCATECOLUMNS", shown(one)), ("ENFORCE_LENGTH", shown(other))));
        }
        (Some(truncate), _) => truncate,
        (None, Some(enforce)) => !enforce,
        (None, None) => of_stage("TRUNCATECOLUMNS", false) || !of_stage("ENFORCE_LENGTH", true),
    };
    let options = Options(format);
    let or_auto =
        |key: &str| Some(options.text(key)).filter(|text| !text.is_empty()).unwrap_or_else(|| "AUTO".to_owned());
    let zone = super::super::params::in_session(cx, "TIMEZONE");
    let zone = jiff::tz::TimeZone::get(&zone).map_err(|_| fail::bad_value(&zone, "TIMEZONE"))?;
    let formats = Formats {
        date: or_auto("DATE_FORMAT"),
        time: or_auto("TIME_FORMAT"),
        timestamp: or_auto("TIMESTAMP_FORMAT"),
        zone,
    };
    Ok(Converting { formats, binary: options.text("BINARY_FORMAT"), truncate })
}

fn validation(props: &mut Props) -> Fallible<Option<Validation>> {
    let Some(written) = props.loose("VALIDATION_MODE")? else { return Ok(None) };
    let upper = written.to_uppercase();
    let rows = || upper.strip_prefix("RETURN_")?.strip_suffix("_ROWS")?.parse().ok();
    match upper.as_str() {
        "RETURN_ERRORS" => Ok(Some(Validation::Errors)),
        "RETURN_ALL_ERRORS" => Ok(Some(Validation::AllErrors)),
        _ => rows().map(Validation::Rows).map(Some).ok_or_else(|| fail::bad_value(&written, "VALIDATION_MODE")),
    }
}

/// A query is computed once without rows: its names and its number of columns show before a file is read.
fn check_transform(
    cx: &mut Context<'_>,
    transform: &Transform,
    reading: &Reading,
    targets: usize,
    options: &CopyOptions,
    validation: bool,
) -> Fallible<()> {
    if options.matching.is_some() {
        let text = "SQL compilation error:\nmatch_by_column_name is not supported with copy transform.";
        return Err(fail::error("002098", "0A000", text));
    }
    if validation {
        return Err(fail::unsupported("VALIDATION_MODE in a COPY from a query"));
    }
    if matches!(&reading.kind, FormatKind::Csv(csv) if csv.parse_header) {
        return Err(fail::unsupported("PARSE_HEADER in a COPY from a query"));
    }
    let columns = staged::columns(reading, reading.width(transform.width));
    let none = ResultSet { columns, rows: Vec::new(), statement_type: 0x1000 };
    let found = query::project(cx, &transform.sql, &none)?.columns.len();
    if found != targets {
        let text = format!(
            "SQL compilation error:\nInsert value list does not match column list expecting {targets} but got {found}"
        );
        return Err(fail::error("002020", "21S01", text));
    }
    Ok(())
}

/// Files whose records are one value fill one column, unless their members are matched with columns by name.
fn check_shape(reading: &Reading, columns: &[TableColumn], targets: &[usize], options: &CopyOptions) -> Fallible<()> {
    if let FormatKind::Csv(csv) = &reading.kind {
        if options.matching.is_some() && !csv.parse_header {
            return Err(fail::bad_combination(("MATCH_BY_COLUMN_NAME", "…"), ("PARSE_HEADER", "false")));
        }
        return Ok(());
    }
    let one = match targets {
        [only] => columns.get(*only).is_some_and(|column| takes_documents(&column.kind)),
        _ => false,
    };
    if one || options.matching.is_some() {
        return Ok(());
    }
    let text = format!(
        "SQL compilation error:\n{} file format can produce one and only one column of type variant, object, or array. Load data into \
         separate columns using the MATCH_BY_COLUMN_NAME copy option or copy with transformation.",
        reading.name()
    );
    Err(fail::error("002019", "0A000", text))
}
