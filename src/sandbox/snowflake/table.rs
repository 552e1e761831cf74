//! Tables and views, as far as pipelines need them: columns, rows, and the text of a query.

use serde::{Deserialize, Serialize};

use super::answer::{Column, ResultSet};
use super::context::{Claim, Context, Create, created, executed};
use super::fail::{self, Fallible};
use super::lex::Tok;
use super::params;
use super::parse::Parser;
use super::props::{Props, unset_keys};
use super::show::{Beyond, DESCRIBE, Filter, NULL, SHOW, Sheet, on_off, timestamp, true_false, yes_no};
use super::state::{Body, Id, Kind};

/// A table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Table {
    pub(super) columns: Vec<TableColumn>,
    pub(super) rows: Vec<Row>,
    /// The number of the next row.
    pub(super) next_row: u64,
    /// `TABLE`, `TRANSIENT` or `TEMPORARY`.
    pub(super) kind: String,
    pub(super) change_tracking: bool,
    /// The expressions it is clustered by, as written; empty for none.
    #[serde(default)]
    pub(super) cluster_by: String,
    #[serde(default)]
    pub(super) schema_evolution: bool,
}

/// A row with a number that no other row of its table ever had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Row {
    pub(super) number: u64,
    pub(super) cells: Vec<Option<String>>,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TableColumn {
    pub(super) name: String,
    /// As Snowflake reads it back: `NUMBER(38,0)`.
    pub(super) kind: String,
    pub(super) nullable: bool,
    pub(super) default: Option<String>,
    pub(super) comment: Option<String>,
    pub(super) primary_key: bool,
    pub(super) unique: bool,
}

impl Table {
    pub(super) fn push(&mut self, cells: Vec<Option<String>>) {
        self.rows.push(Row { number: self.next_row, cells });
        self.next_row += 1;
    }
}

/// A view.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct View {
    /// The whole statement, as submitted.
    pub(super) text: String,
    pub(super) query: String,
    pub(super) secure: bool,
    pub(super) change_tracking: bool,
    /// Its columns, as they were when it was made.
    pub(super) columns: Vec<String>,
    /// Their types.
    #[serde(default)]
    pub(super) kinds: Vec<String>,
}

/// The type as Snowflake reads it back.
pub(super) fn normal_type(name: &str, args: &[String]) -> Option<String> {
    let arg = |at: usize, default: &str| args.get(at).cloned().unwrap_or_else(|| default.to_owned());
    Some(match name {
        "NUMBER" | "DECIMAL" | "NUMERIC" | "DEC" => format!("NUMBER({},{})", arg(0, "38"), arg(1, "0")),
        "INT" | "INTEGER" | "BIGINT" | "SMALLINT" | "TINYINT" | "BYTEINT" => "NUMBER(38,0)".into(),
        "FLOAT" | "FLOAT4" | "FLOAT8" | "DOUBLE" | "REAL" => "FLOAT".into(),
        "VARCHAR" | "STRING" | "TEXT" | "NVARCHAR" | "NVARCHAR2" => format!("VARCHAR({})", arg(0, "134217728")),
        "CHAR" | "CHARACTER" | "NCHAR" => format!("VARCHAR({})", arg(0, "1")),
        "BINARY" | "VARBINARY" => format!("BINARY({})", arg(0, "67108864")),
        "BOOLEAN" | "DATE" | "VARIANT" | "OBJECT" | "ARRAY" | "GEOGRAPHY" | "GEOMETRY" => name.to_owned(),
        "TIMESTAMP" | "DATETIME" | "TIMESTAMP_NTZ" => format!("TIMESTAMP_NTZ({})", arg(0, "9")),
        "TIMESTAMP_LTZ" | "TIMESTAMP_TZ" | "TIME" => format!("{name}({})", arg(0, "9")),
        _ => return None,
    })
}

/// A type, as Snowflake reads it back.
pub(super) fn data_type(p: &mut Parser<'_>) -> Fallible<String> {
    let place = p.mark_place();
    let Some(word) = p.word() else { return Err(p.unexpected()) };
    p.advance();
    if word == "DOUBLE" {
        p.eat("PRECISION");
    }
    let mut args = Vec::new();
    if p.mark("(") {
        loop {
            args.push(p.number()?.to_string());
            if !p.mark(",") {
                break;
            }
        }
        p.need_mark(")")?;
    }
    normal_type(&word, &args).ok_or_else(|| p.unexpected_at(place))
}

/// One column of CREATE TABLE or ADD COLUMN.
pub(super) fn column(p: &mut Parser<'_>) -> Fallible<TableColumn> {
    let name = p.ident()?;
    let kind = data_type(p)?;
    let mut column =
        TableColumn { name, kind, nullable: true, default: None, comment: None, primary_key: false, unique: false };
    loop {
        if p.eat("NOT NULL") {
            column.nullable = false;
        } else if p.eat("NULL") {
        } else if p.eat("PRIMARY KEY") {
            column.primary_key = true;
            column.nullable = false;
        } else if p.eat("UNIQUE") {
            column.unique = true;
        } else if p.eat("COMMENT") {
            column.comment = Some(p.text()?);
        } else if p.eat("DEFAULT") {
            column.default = Some(default(p)?);
        } else {
            return Ok(column);
        }
    }
}

/// One literal, or one call with its brackets.
fn default(p: &mut Parser<'_>) -> Fallible<String> {
    let from = p.mark_place();
    if p.at_end() {
        return Err(p.unexpected());
    }
    p.advance();
    let mut depth = 0_usize;
    loop {
        match p.peek() {
            Some(Tok::Mark("(")) => depth += 1,
            Some(Tok::Mark(")")) if depth > 0 => depth -= 1,
            Some(_) if depth > 0 => {}
            _ => break,
        }
        p.advance();
    }
    Ok(p.between(from, p.mark_place()).to_owned())
}

/// What stands between the name and the query or the end of a CREATE TABLE.
pub(super) enum TableHead {
    Columns(Vec<TableColumn>, String),
    /// `AS SELECT …`: the query follows.
    Query,
    /// `LIKE t`.
    Like(super::parse::Name),
}

/// Reads `( columns )` or the AS of a query; options may stand on either side.
pub(super) fn head(p: &mut Parser<'_>) -> Fallible<(TableHead, Props)> {
    if p.eat("LIKE") {
        let name = p.name()?;
        p.eat("COPY GRANTS");
        let props = Props::read(p)?;
        p.end()?;
        return Ok((TableHead::Like(name), props));
    }
    let mut columns: Vec<TableColumn> = Vec::new();
    if p.mark("(") {
        loop {
            if p.eat("PRIMARY KEY") {
                let key = super::columns::listed(p)?;
                for column in columns.iter_mut().filter(|column| key.contains(&column.name)) {
                    column.primary_key = true;
                    column.nullable = false;
                }
            } else {
                columns.push(column(p)?);
            }
            if p.mark(")") {
                break;
            }
            p.need_mark(",")?;
        }
        if let Some(double) =
            columns.iter().enumerate().find(|(at, c)| columns.iter().take(*at).any(|d| d.name == c.name))
        {
            return Err(fail::error(
                "002025",
                "42S21",
                format!("SQL compilation error:\nduplicate column name '{}'", double.1.name),
            ));
        }
    }
    p.eat("COPY GRANTS");
    let by = if p.eat("CLUSTER BY") {
        p.need_mark("(")?;
        p.bracketed()?
    } else {
        String::new()
    };
    let props = Props::read(p)?;
    if columns.is_empty() {
        p.need("AS")?;
        return Ok((TableHead::Query, props));
    }
    p.end()?;
    Ok((TableHead::Columns(columns, by), props))
}

/// Makes a table, with rows perhaps.
pub(super) fn make(
    cx: &mut Context<'_>,
    name: &super::parse::Name,
    create: Create,
    mut props: Props,
    mut table: Table,
) -> Fallible<ResultSet> {
    let comment = props.text("COMMENT")?;
    table.change_tracking = props.boolean("CHANGE_TRACKING")?.unwrap_or(false);
    table.schema_evolution = props.boolean("ENABLE_SCHEMA_EVOLUTION")?.unwrap_or(false);
    let params = params::take(&mut props, Kind::Table)?;
    props.finish()?;
    let slot = match cx.claim(Kind::Table, name, create, &[])? {
        Claim::Free(slot) => slot,
        Claim::Taken(answer) => return Ok(answer),
    };
    let id = cx.put(&slot, comment, Body::Table(table));
    if let Some(object) = cx.edit().objects.get_mut(&id) {
        object.params = params;
    }
    Ok(created("Table", &slot.name))
}

/// `ALTER {TABLE|VIEW} n SET … | UNSET …`, after the name.
pub(super) fn alter(cx: &mut Context<'_>, p: &mut Parser<'_>, id: Id, kind: Kind) -> Fallible<ResultSet> {
    cx.demand(id, &[])?;
    let secure = kind == Kind::View && (p.is("SET SECURE") || p.is("UNSET SECURE"));
    if secure {
        let on = p.eat("SET SECURE");
        if !on {
            p.need("UNSET SECURE")?;
        }
        p.end()?;
        if let Some(view) = cx.edit().view_mut(id) {
            view.secure = on;
        }
        return Ok(executed());
    }
    if kind == Kind::Table
        && let Some(answer) = super::columns::alter(cx, p, id)?
    {
        return Ok(answer);
    }
    if p.eat("SET") {
        let mut props = Props::read(p)?;
        if props.is_empty() {
            return Err(p.unexpected());
        }
        p.end()?;
        let comment = props.text("COMMENT")?;
        let tracking = props.boolean("CHANGE_TRACKING")?;
        let evolution = if kind == Kind::Table { props.boolean("ENABLE_SCHEMA_EVOLUTION")? } else { None };
        let params =
            if kind == Kind::Table { params::take(&mut props, kind)? } else { std::collections::BTreeMap::new() };
        props.finish()?;
        let state = cx.edit();
        if let (Some(on), Some(table)) = (evolution, state.table_mut(id)) {
            table.schema_evolution = on;
        }
        if let Some(on) = tracking {
            if let Some(table) = state.table_mut(id) {
                table.change_tracking = on;
            }
            if let Some(view) = state.view_mut(id) {
                view.change_tracking = on;
            }
        }
        if let Some(object) = state.objects.get_mut(&id) {
            object.params.extend(params);
            if let Some(comment) = comment {
                object.comment = comment;
            }
        }
        return Ok(executed());
    }
    p.need("UNSET")?;
    let keys = unset_keys(p)?;
    p.end()?;
    if let Some((_, complaint)) = keys.iter().find(|(key, _)| key != "COMMENT" && !params::settable(key, kind)) {
        return Err(complaint.clone());
    }
    let keys: Vec<String> = keys.into_iter().map(|(key, _)| key).collect();
    params::unset(cx, id, kind, &keys);
    if keys.iter().any(|key| key == "COMMENT")
        && let Some(object) = cx.edit().objects.get_mut(&id)
    {
        object.comment.clear();
    }
    Ok(executed())
}

/// The names of columns in brackets, if there are any.
fn names(p: &mut Parser<'_>) -> Fallible<Vec<String>> {
    let mut names = Vec::new();
    if p.mark("(") {
        loop {
            names.push(p.ident()?);
            if p.mark(")") {
                break;
            }
            p.need_mark(",")?;
        }
    }
    Ok(names)
}

/// `CREATE [OR REPLACE] [SECURE] VIEW n … AS <query>`; the columns come from running the query.
pub(super) fn create_view(
    cx: &mut Context<'_>,
    p: &mut Parser<'_>,
    create: Create,
    secure: bool,
    whole: &str,
) -> Fallible<ResultSet> {
    let create = create.if_not_exists(p)?;
    let name = p.name()?;
    let names = names(p)?;
    let copy_grants = p.eat("COPY GRANTS");
    let mut props = Props::read(p)?;
    let comment = props.text("COMMENT")?;
    let change_tracking = props.boolean("CHANGE_TRACKING")?.unwrap_or(false);
    props.finish()?;
    p.need("AS")?;
    let query = p.rest().to_owned();
    let found = super::query::run(cx, &query)?.columns;
    let kinds = found.iter().map(super::select::kind_of).collect();
    let columns: Vec<String> = if names.is_empty() { found.into_iter().map(|c| c.name).collect() } else { names };
    let slot = match cx.claim(Kind::View, &name, create, &[])? {
        Claim::Free(slot) => slot,
        Claim::Taken(answer) => return Ok(answer),
    };
    let text = whole.trim().trim_end_matches(';').to_owned();
    let grants = slot.replaced.filter(|_| copy_grants).and_then(|old| cx.see().grants.get(&old).cloned());
    let id = cx.put(&slot, comment, Body::View(View { text, query, secure, change_tracking, columns, kinds }));
    if let Some(grants) = grants {
        cx.edit().grants.insert(id, grants);
    }
    Ok(created("View", &slot.name))
}

/// `SHOW TABLES`.
pub(super) fn show_tables(cx: &Context<'_>, p: &mut Parser<'_>) -> Fallible<ResultSet> {
    let filter = Filter::read(cx, p, Kind::Table, true)?;
    let columns = [
        "created_on:timestamp",
        "name",
        "database_name",
        "schema_name",
        "kind",
        "comment",
        "cluster_by",
        "rows:fixed",
        "bytes:fixed",
        "owner",
        "retention_time",
        "automatic_clustering",
        "change_tracking",
        "search_optimization",
        "search_optimization_progress",
        "search_optimization_bytes",
        "is_external",
        "enable_schema_evolution",
        "owner_role_type",
        "is_event",
        "budget",
        "is_hybrid",
        "is_iceberg",
        "is_dynamic",
    ];
    let mut sheet = Sheet::new(SHOW, &columns);
    for object in filter.objects(cx, Kind::Table, Beyond::Cut)? {
        let Some(table) = cx.see().table(object.id) else { continue };
        let (database, schema) = cx.see().container_names(object);
        sheet.row([
            timestamp(object.created),
            (&object.name).into(),
            database.into(),
            schema.into(),
            (&table.kind).into(),
            (&object.comment).into(),
            if table.cluster_by.is_empty() { "".into() } else { format!("LINEAR({})", table.cluster_by).into() },
            table.rows.len().into(),
            table.rows.iter().flat_map(|row| &row.cells).flatten().map(String::len).sum::<usize>().into(),
            cx.see().role_name(object.owner).into(),
            params::effective(cx.see(), object.id, "DATA_RETENTION_TIME_IN_DAYS").0.into(),
            on_off(!table.cluster_by.is_empty()),
            on_off(table.change_tracking),
            on_off(false),
            NULL,
            NULL,
            yes_no(false),
            yes_no(table.schema_evolution),
            "ROLE".into(),
            yes_no(false),
            NULL,
            yes_no(false),
            yes_no(false),
            yes_no(false),
        ]);
    }
    Ok(sheet.done())
}

/// `SHOW VIEWS`.
pub(super) fn show_views(cx: &Context<'_>, p: &mut Parser<'_>) -> Fallible<ResultSet> {
    let filter = Filter::read(cx, p, Kind::View, true)?;
    let columns = [
        "created_on:timestamp",
        "name",
        "reserved",
        "database_name",
        "schema_name",
        "owner",
        "comment",
        "text",
        "is_secure",
        "is_materialized",
        "owner_role_type",
        "change_tracking",
    ];
    let mut sheet = Sheet::new(SHOW, &columns);
    for object in filter.objects(cx, Kind::View, Beyond::Cut)? {
        let Some(view) = cx.see().view(object.id) else { continue };
        let (database, schema) = cx.see().container_names(object);
        let hidden = view.secure && !object.owner.is_some_and(|owner| cx.roles.contains(&owner));
        sheet.row([
            timestamp(object.created),
            (&object.name).into(),
            "".into(),
            database.into(),
            schema.into(),
            cx.see().role_name(object.owner).into(),
            (&object.comment).into(),
            if hidden { "".into() } else { (&view.text).into() },
            true_false(view.secure),
            true_false(false),
            "ROLE".into(),
            on_off(view.change_tracking),
        ]);
    }
    Ok(sheet.done())
}

/// `DESC {TABLE|VIEW} n`.
pub(super) fn describe(cx: &Context<'_>, id: Id) -> ResultSet {
    let columns =
        ["name", "type", "kind", "null?", "default", "primary key", "unique key", "check", "expression", "comment"];
    let mut sheet = Sheet::new(DESCRIBE, &columns);
    if let Some(table) = cx.see().table(id) {
        for column in &table.columns {
            sheet.row([
                (&column.name).into(),
                (&column.kind).into(),
                "COLUMN".into(),
                yes_no(column.nullable),
                column.default.clone().into(),
                yes_no(column.primary_key),
                yes_no(column.unique),
                NULL,
                NULL,
                column.comment.clone().into(),
            ]);
        }
    }
    if let Some(view) = cx.see().view(id) {
        for (at, column) in view.columns.iter().enumerate() {
            sheet.row([
                column.into(),
                view.kinds.get(at).map_or("VARCHAR(134217728)", String::as_str).into(),
                "COLUMN".into(),
                yes_no(true),
                NULL,
                yes_no(false),
                yes_no(false),
                NULL,
                NULL,
                NULL,
            ]);
        }
    }
    sheet.done()
}

/// The columns of a result, as a table takes them over.
pub(super) fn columns_of(columns: &[Column]) -> Vec<TableColumn> {
    columns
        .iter()
        .map(|column| TableColumn {
            name: column.name.clone(),
            kind: super::select::kind_of(column),
            nullable: true,
            default: None,
            comment: None,
            primary_key: false,
            unique: false,
        })
        .collect()
}
