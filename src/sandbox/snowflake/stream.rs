//! Streams: what changed in a directory, a table or a view since it was last consumed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::answer::{Column, ResultSet, SqlError};
use super::context::{Claim, Context, Create, created, executed};
use super::fail::{self, Fallible};
use super::params;
use super::parse::Parser;
use super::props::{Props, unset_keys};
use super::show::{Beyond, Cell, DESCRIBE, Filter, NULL, SHOW, Sheet, timestamp, true_false};
use super::stage::File;
use super::state::{Body, Id, Kind, Object, State};
use super::table::TableColumn;

/// A stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stream {
    pub(super) source: Source,
    pub(super) append_only: bool,
    /// What was there when it was last consumed.
    pub(super) offset: Offset,
    /// When it was last consumed, or found empty.
    pub(super) fresh: i64,
}

/// What a stream watches, by hidden numbers: a source created again under its old name is not the source any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Source {
    Directory { stage: Id, directory: Id },
    Table(Id),
    View { view: Id, tables: Vec<Id> },
}

/// A version of the source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Offset {
    files: BTreeMap<String, File>,
    /// By table and row number.
    rows: BTreeMap<String, Vec<Option<String>>>,
    /// The next row number of each table, for streams that only append.
    next_rows: BTreeMap<Id, u64>,
}

/// A changed row.
pub(super) struct Change {
    pub(super) cells: Vec<Option<String>>,
    insert: bool,
    update: bool,
    row_id: String,
}

impl Source {
    /// The object that is watched.
    pub(super) fn object(&self) -> Id {
        match self {
            Self::Directory { stage, .. } => *stage,
            Self::Table(id) => *id,
            Self::View { view, .. } => *view,
        }
    }

    /// Whether the source is still what it was.
    pub(super) fn is_there(&self, state: &State) -> bool {
        match self {
            Self::Directory { stage, directory } => {
                state.stage(*stage).and_then(|s| s.directory.as_ref()).is_some_and(|d| d.id == *directory)
            }
            Self::Table(id) => state.table(*id).is_some(),
            Self::View { view, tables } => {
                state.view(*view).is_some() && tables.iter().all(|id| state.table(*id).is_some())
            }
        }
    }

    fn tables(&self) -> Vec<Id> {
        match self {
            Self::Directory { .. } => Vec::new(),
            Self::Table(id) => vec![*id],
            Self::View { tables, .. } => tables.clone(),
        }
    }

    /// The source as it is now.
    fn now(&self, state: &State) -> Offset {
        let mut offset = Offset::default();
        if let Self::Directory { stage, .. } = self
            && let Some(directory) = state.stage(*stage).and_then(|s| s.directory.as_ref())
        {
            offset.files.clone_from(&directory.files);
        }
        for id in self.tables() {
            if let Some(table) = state.table(id) {
                offset.next_rows.insert(id, table.next_row);
                offset
                    .rows
                    .extend(table.rows.iter().map(|row| (format!("{id}:{:020}", row.number), row.cells.clone())));
            }
        }
        offset
    }
}

/// The columns of a directory, with their types on the wire.
pub(super) const DIRECTORY: [(&str, &str); 6] = [
    ("RELATIVE_PATH", "text"),
    ("SIZE", "fixed"),
    ("LAST_MODIFIED", "timestamp_tz"),
    ("MD5", "text"),
    ("ETAG", "text"),
    ("FILE_URL", "text"),
];

/// The same, as columns of a result.
pub(super) fn directory_columns() -> Vec<Column> {
    DIRECTORY.iter().map(|(name, kind)| Column::new(*name, kind)).collect()
}

/// A row of a directory.
pub(super) fn directory_row(cx: &Context<'_>, stage: Id, path: &str, file: &File) -> Vec<Option<String>> {
    let modified = format!("{}.{:03} 1440", file.modified.div_euclid(1000), file.modified.rem_euclid(1000));
    vec![
        Some(path.to_owned()),
        Some(file.size.to_string()),
        Some(modified),
        None,
        Some(file.etag.clone()),
        Some(super::access::file_url(cx, stage, path)),
    ]
}

/// The columns of what a stream gives, without the metadata.
fn source_columns(state: &State, source: &Source) -> Vec<Column> {
    let text = |name: &String| Column::new(name.clone(), "text");
    match source {
        Source::Directory { .. } => directory_columns(),
        Source::Table(id) => {
            let typed = |c: &TableColumn| super::select::column_of(&c.name, &c.kind).unwrap_or_else(|_| text(&c.name));
            state.table(*id).map(|t| t.columns.iter().map(typed).collect()).unwrap_or_default()
        }
        Source::View { view, .. } => {
            state.view(*view).map(|v| v.columns.iter().map(text).collect()).unwrap_or_default()
        }
    }
}

/// The changes that a stream holds, as a relation.
pub(super) fn read(cx: &Context<'_>, id: Id) -> Fallible<ResultSet> {
    let Some(stream) = cx.see().stream(id) else { return Err(fail::nowhere()) };
    check_usable(cx, id, stream)?;
    let mut columns = source_columns(cx.see(), &stream.source);
    columns.push(Column::new("METADATA$ACTION", "text"));
    columns.push(Column::new("METADATA$ISUPDATE", "boolean"));
    columns.push(Column::new("METADATA$ROW_ID", "text"));
    let rows = changes(cx, stream)
        .into_iter()
        .map(|change| {
            let mut cells = change.cells;
            cells.push(Some(if change.insert { "INSERT" } else { "DELETE" }.to_owned()));
            cells.push(Some(if change.update { "1" } else { "0" }.to_owned()));
            cells.push(Some(change.row_id));
            cells
        })
        .collect();
    Ok(ResultSet { columns, rows, statement_type: 0x1000 })
}

/// The words are the simulator's own: no public source tells those of Snowflake.
fn check_usable(cx: &Context<'_>, id: Id, stream: &Stream) -> Fallible<()> {
    let name = cx.see().bare_name(id);
    if !stream.source.is_there(cx.see()) {
        let text =
            format!("SQL compilation error:\nBase object of stream '{name}' dropped, cannot read from the stream.");
        return Err(fail::error("002003", "02000", text));
    }
    if is_stale(cx, stream) {
        return Err(fail::error("091020", "22000", format!("Stream '{name}' has become stale and must be recreated.")));
    }
    let source = stream.source.object();
    let privilege = if matches!(stream.source, Source::Directory { .. }) { "USAGE" } else { "SELECT" };
    cx.demand(source, &[privilege])?;
    cx.demand(id, &["SELECT"])
}

fn changes(cx: &Context<'_>, stream: &Stream) -> Vec<Change> {
    let now = stream.source.now(cx.see());
    let mut changes = Vec::new();
    if let Source::Directory { stage, .. } = stream.source {
        let row = |path: &str, file: &File, insert: bool, update: bool| Change {
            cells: directory_row(cx, stage, path, file),
            insert,
            update,
            row_id: String::new(),
        };
        for (path, file) in &now.files {
            match stream.offset.files.get(path) {
                Some(old) if old == file => {}
                Some(old) => changes.extend([row(path, file, true, true), row(path, old, false, true)]),
                None => changes.push(row(path, file, true, false)),
            }
        }
        let gone = stream.offset.files.iter().filter(|(path, _)| !now.files.contains_key(*path));
        changes.extend(gone.map(|(path, file)| row(path, file, false, false)));
        return changes;
    }
    let row = |key: &str, cells: &[Option<String>], insert: bool, update: bool| Change {
        cells: cells.to_vec(),
        insert,
        update,
        row_id: row_id_of(key),
    };
    for (key, cells) in &now.rows {
        match stream.offset.rows.get(key) {
            Some(old) if old == cells => {}
            Some(_) if stream.append_only => {}
            Some(old) => changes.extend([row(key, cells, true, true), row(key, old, false, true)]),
            None => changes.push(row(key, cells, true, false)),
        }
    }
    if !stream.append_only {
        let gone = stream.offset.rows.iter().filter(|(key, _)| !now.rows.contains_key(*key));
        changes.extend(gone.map(|(key, cells)| row(key, cells, false, false)));
    }
    changes
}

/// 40 hexadecimal digits that stay the same for a row.
fn row_id_of(key: &str) -> String {
    let hash = |seed: u128| {
        let start = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d_u128 ^ seed;
        key.bytes().fold(start, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(0x0100_0000_0000_0000_0000_013b))
    };
    let mut text = format!("{:032x}{:032x}", hash(0), hash(1));
    text.truncate(40);
    text
}

/// Moves the offset to now: a transaction that read the stream has been committed.
pub(super) fn consume(cx: &mut Context<'_>, id: Id) {
    let now = cx.now;
    let state = cx.edit();
    let Some(offset) = state.stream(id).map(|stream| stream.source.now(state)) else { return };
    if let Some(stream) = state.stream_mut(id) {
        stream.offset = offset;
        stream.fresh = now;
    }
}

/// `SYSTEM$STREAM_HAS_DATA`: on an empty stream it also puts off staleness.
pub(super) fn has_data(cx: &mut Context<'_>, id: Id) -> Fallible<bool> {
    let Some(stream) = cx.see().stream(id) else { return Err(fail::nowhere()) };
    check_usable(cx, id, stream)?;
    let found = !changes(cx, stream).is_empty();
    let now = cx.now;
    // Staleness is a matter of days: asking every few seconds need not write the account every time.
    if !found
        && now - stream.fresh >= 60_000
        && let Some(stream) = cx.edit().stream_mut(id)
    {
        stream.fresh = now;
    }
    Ok(found)
}

const DAY_MS: i64 = 86_400_000;

/// Last consumption plus the longer of retention and extension.
fn stale_after(cx: &Context<'_>, stream: &Stream) -> i64 {
    let base = stream.source.tables().first().copied().unwrap_or_else(|| stream.source.object());
    let days = |key: &str| params::effective(cx.see(), base, key).0.parse::<i64>().unwrap_or(0);
    stream.fresh + DAY_MS * days("DATA_RETENTION_TIME_IN_DAYS").max(days("MAX_DATA_EXTENSION_TIME_IN_DAYS"))
}

fn is_stale(cx: &Context<'_>, stream: &Stream) -> bool {
    cx.now >= stale_after(cx, stream)
}

/// `CREATE [OR REPLACE] STREAM n ON …`.
pub(super) fn create(cx: &mut Context<'_>, p: &mut Parser<'_>, create: Create) -> Fallible<ResultSet> {
    let create = create.if_not_exists(p)?;
    let name = p.name()?;
    let copy_grants = p.eat("COPY GRANTS");
    p.need("ON")?;
    let Some(kind) = p.eat_one(&["STAGE", "TABLE", "VIEW"]) else { return Err(p.unexpected()) };
    let source_name = p.name()?;
    let copied = if kind != "STAGE" && (p.eat("AT") || p.eat("BEFORE")) { Some(offset_of(p)?) } else { None };
    let mut props = Props::read(p)?;
    p.end()?;
    let comment = props.text("COMMENT")?;
    let (mut append_only, mut initial) = (false, false);
    if kind != "STAGE" {
        append_only = props.boolean("APPEND_ONLY")?.unwrap_or(false);
        initial = props.boolean("SHOW_INITIAL_ROWS")?.unwrap_or(false);
    }
    props.finish()?;
    let slot = match cx.claim(Kind::Stream, &name, create, &[])? {
        Claim::Free(slot) => slot,
        Claim::Taken(answer) => return Ok(answer),
    };
    let source = match kind {
        "STAGE" => on_stage(cx, &source_name)?,
        "TABLE" => {
            let id = cx.object_with(Kind::Table, &source_name, &["SELECT"], "CREATE STREAM")?;
            track(cx, id)?;
            Source::Table(id)
        }
        _ => {
            let view = cx.object_with(Kind::View, &source_name, &["SELECT"], "CREATE STREAM")?;
            let query = cx.see().view(view).map(|v| v.query.clone()).unwrap_or_default();
            let tables = super::query::tables_in(cx, &query)?;
            for id in &tables {
                track(cx, *id)?;
            }
            Source::View { view, tables }
        }
    };
    let offset = match copied {
        Some(other) => {
            let id = cx.object(Kind::Stream, &other, "CREATE STREAM")?.id;
            cx.see().stream(id).map(|s| s.offset.clone()).unwrap_or_default()
        }
        None if initial => Offset::default(),
        None => source.now(cx.see()),
    };
    let kept = slot.replaced.filter(|_| copy_grants).and_then(|old| cx.see().grants.get(&old).cloned());
    let fresh = cx.now;
    let id = cx.put(&slot, comment, Body::Stream(Stream { source, append_only, offset, fresh }));
    if let Some(grants) = kept {
        cx.edit().grants.insert(id, grants);
    }
    Ok(created("Stream", &slot.name))
}

/// `(STREAM => 's')`; other points in time are not kept here.
fn offset_of(p: &mut Parser<'_>) -> Fallible<super::parse::Name> {
    p.need_mark("(")?;
    if !p.eat("STREAM") {
        return Err(fail::unsupported("AT and BEFORE other than STREAM"));
    }
    p.need_mark("=>")?;
    let name = super::parse::Name::read(&p.text()?)?;
    p.need_mark(")")?;
    Ok(name)
}

fn on_stage(cx: &Context<'_>, name: &super::parse::Name) -> Fallible<Source> {
    let stage = cx.object_with(Kind::Stage, name, &["USAGE", "READ"], "CREATE STREAM")?;
    match cx.see().stage(stage).and_then(|s| s.directory.as_ref()) {
        Some(directory) => Ok(Source::Directory { stage, directory: directory.id }),
        None => Err(no_directory(&cx.see().bare_name(stage))),
    }
}

/// The simulator's own words: no public source tells those of Snowflake.
pub(super) fn no_directory(stage: &str) -> SqlError {
    fail::error("091003", "22000", format!("Stage '{stage}' does not have its directory table enabled."))
}

/// The first stream on a table switches on change tracking, which only the owner may do.
fn track(cx: &mut Context<'_>, id: Id) -> Fallible<()> {
    if cx.see().table(id).is_some_and(|table| !table.change_tracking) {
        cx.demand(id, &[])?;
        if let Some(table) = cx.edit().table_mut(id) {
            table.change_tracking = true;
        }
    }
    Ok(())
}

/// `ALTER STREAM n SET COMMENT = … | UNSET COMMENT`, after the name.
pub(super) fn alter(cx: &mut Context<'_>, p: &mut Parser<'_>, id: Id) -> Fallible<ResultSet> {
    cx.demand(id, &[])?;
    let comment = if p.eat("SET") {
        let mut props = Props::read(p)?;
        let comment = props.text("COMMENT")?;
        props.finish()?;
        comment.ok_or_else(|| p.unexpected())?
    } else {
        p.need("UNSET")?;
        if let Some((_, complaint)) = unset_keys(p)?.into_iter().find(|(key, _)| key != "COMMENT") {
            return Err(complaint);
        }
        String::new()
    };
    p.end()?;
    if let Some(object) = cx.edit().objects.get_mut(&id) {
        object.comment = comment;
    }
    Ok(executed())
}

const COLUMNS: [&str; 15] = [
    "created_on:timestamp",
    "name",
    "database_name",
    "schema_name",
    "owner",
    "comment",
    "table_name",
    "source_type",
    "base_tables",
    "type",
    "stale",
    "mode",
    "stale_after:timestamp",
    "invalid_reason",
    "owner_role_type",
];

/// `SHOW [TERSE] STREAMS`.
pub(super) fn show(cx: &Context<'_>, p: &mut Parser<'_>, terse: bool) -> Fallible<ResultSet> {
    let filter = Filter::read(cx, p, Kind::Stream, true)?;
    let objects = filter.objects(cx, Kind::Stream, Beyond::Fail)?;
    if terse {
        let mut sheet =
            Sheet::new(SHOW, &["created_on:timestamp", "name", "kind", "database_name", "schema_name", "tableOn"]);
        for object in objects {
            let Some(stream) = cx.see().stream(object.id) else { continue };
            let (database, schema) = cx.see().container_names(object);
            sheet.row([
                timestamp(object.created),
                (&object.name).into(),
                NULL,
                database.into(),
                schema.into(),
                source_name(cx, stream).into(),
            ]);
        }
        return Ok(sheet.done());
    }
    let mut sheet = Sheet::new(SHOW, &COLUMNS);
    for object in objects {
        row(cx, object, &mut sheet);
    }
    Ok(sheet.done())
}

/// `DESC STREAM n`.
pub(super) fn describe(cx: &Context<'_>, id: Id) -> ResultSet {
    let mut sheet = Sheet::new(DESCRIBE, &COLUMNS);
    if let Some(object) = cx.see().get(id) {
        row(cx, object, &mut sheet);
    }
    sheet.done()
}

const GONE: &str = "No privilege or table dropped";

/// The source, if it is still there and the role may know of it.
fn known_source<'c>(cx: &'c Context<'_>, stream: &Stream) -> Option<&'c Object> {
    cx.see().get(stream.source.object()).filter(|o| stream.source.is_there(cx.see()) && cx.visible(o))
}

fn source_name(cx: &Context<'_>, stream: &Stream) -> String {
    match (known_source(cx, stream), &stream.source) {
        (None, _) => GONE.to_owned(),
        (Some(object), Source::Directory { .. }) if !cx.switches.stream_stage_full_name => object.name.clone(),
        (Some(object), _) => cx.see().full_name(object.id),
    }
}

fn row(cx: &Context<'_>, object: &Object, sheet: &mut Sheet) {
    let state = cx.see();
    let Some(stream) = state.stream(object.id) else { return };
    let (database, schema) = state.container_names(object);
    let known = known_source(cx, stream).is_some();
    let base = match (&stream.source, known) {
        (_, false) => GONE.to_owned(),
        (Source::Directory { stage, .. }, true) => state.full_name(*stage),
        (source, true) => source.tables().into_iter().map(|id| state.full_name(id)).collect::<Vec<_>>().join(","),
    };
    let source_type = match stream.source {
        Source::Directory { .. } => "Stage",
        Source::Table(_) => "Table",
        Source::View { .. } => "View",
    };
    let stale_after: Cell = if known { timestamp(stale_after(cx, stream)) } else { NULL };
    sheet.row([
        timestamp(object.created),
        (&object.name).into(),
        database.into(),
        schema.into(),
        state.role_name(object.owner).into(),
        (&object.comment).into(),
        source_name(cx, stream).into(),
        source_type.into(),
        base.into(),
        "DELTA".into(),
        true_false(is_stale(cx, stream)),
        if stream.append_only { "APPEND_ONLY".into() } else { "DEFAULT".into() },
        stale_after,
        "N/A".into(),
        "ROLE".into(),
    ]);
}
