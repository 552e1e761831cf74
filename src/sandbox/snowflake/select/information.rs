//! The views of an `INFORMATION_SCHEMA`. A role sees the objects that it has a privilege on.
//!
//! Columns of which the account keeps no fact (such as `LAST_ALTERED`) are left out rather than made up.

use crate::sandbox::snowflake::answer::{Column, ResultSet};
use crate::sandbox::snowflake::context::{Context, inherited};
use crate::sandbox::snowflake::fail::{self, Fallible};
use crate::sandbox::snowflake::load;
use crate::sandbox::snowflake::params;
use crate::sandbox::snowflake::state::{ACCOUNT, Id, Kind, Object};
use crate::sandbox::snowflake::table::TableColumn;

use super::types::Type;

/// A row.
type Row = Vec<Option<String>>;

/// A view of the information schema of a database.
pub(super) fn view(cx: &Context<'_>, database: Id, name: &str) -> Fallible<ResultSet> {
    let (columns, rows): (&[&str], Vec<Row>) = match name {
        "LOAD_HISTORY" => return Ok(load::load_history(cx, &cx.see().bare_name(database))),
        "DATABASES" => (&DATABASES, databases(cx)),
        "SCHEMATA" => (&SCHEMATA, in_database(cx, database, Kind::Schema).into_iter().map(|o| schema(cx, o)).collect()),
        "TABLES" => (&TABLES, relations(cx, database).into_iter().map(|o| relation(cx, o)).collect()),
        "VIEWS" => (&VIEWS, in_database(cx, database, Kind::View).into_iter().map(|o| a_view(cx, o)).collect()),
        "COLUMNS" => (&COLUMNS, relations(cx, database).into_iter().flat_map(|o| columns_of(cx, o)).collect()),
        "STAGES" => (&STAGES, in_database(cx, database, Kind::Stage).into_iter().map(|o| stage(cx, o)).collect()),
        "FILE_FORMATS" => {
            (&FILE_FORMATS, in_database(cx, database, Kind::FileFormat).into_iter().map(|o| format(cx, o)).collect())
        }
        "ENABLED_ROLES" => (&ENABLED_ROLES, cx.roles.iter().map(|role| role_row(cx, *role)).collect()),
        "APPLICABLE_ROLES" => (&APPLICABLE_ROLES, applicable_roles(cx)),
        "OBJECT_PRIVILEGES" | "USAGE_PRIVILEGES" => (&OBJECT_PRIVILEGES, privileges(cx, database, name)),
        "TABLE_PRIVILEGES" => (&TABLE_PRIVILEGES, table_privileges(cx, database)),
        _ if KNOWN.contains(&name) => return Err(fail::beyond(&format!("INFORMATION_SCHEMA.{name}"))),
        _ => {
            let database = cx.see().bare_name(database);
            let name = format!("{database}.INFORMATION_SCHEMA.{name}");
            let text = format!("SQL compilation error:\nObject '{name}' does not exist or not authorized.");
            return Err(fail::error("002003", "42S02", text));
        }
    };
    let columns = columns.iter().map(|column| match column.split_once(':') {
        Some((name, kind)) => match kind {
            "number" => Column::new(name, "fixed"),
            _ => Column::new(name, "timestamp_ltz"),
        },
        None => Column::new(*column, "text"),
    });
    Ok(ResultSet { columns: columns.collect(), rows, statement_type: 0x1000 })
}

/// Views that Snowflake has and the sandbox has not.
const KNOWN: [&str; 22] = [
    "CLASSES",
    "COLUMN_PRIVILEGES",
    "ELEMENT_TYPES",
    "EVENT_TABLES",
    "EXTERNAL_TABLES",
    "FIELDS",
    "FUNCTIONS",
    "HYBRID_TABLES",
    "INDEXES",
    "INFORMATION_SCHEMA_CATALOG_NAME",
    "MODEL_VERSIONS",
    "OBJECT_TABLES",
    "PACKAGES",
    "PIPES",
    "PROCEDURES",
    "REFERENTIAL_CONSTRAINTS",
    "REPLICATION_DATABASES",
    "SEQUENCES",
    "SERVICES",
    "SHARES",
    "TABLE_CONSTRAINTS",
    "TABLE_STORAGE_METRICS",
];

const DATABASES: [&str; 7] =
    ["DATABASE_NAME", "DATABASE_OWNER", "IS_TRANSIENT", "COMMENT", "CREATED:time", "RETENTION_TIME:number", "TYPE"];
const SCHEMATA: [&str; 8] = [
    "CATALOG_NAME",
    "SCHEMA_NAME",
    "SCHEMA_OWNER",
    "IS_TRANSIENT",
    "IS_MANAGED_ACCESS",
    "RETENTION_TIME:number",
    "CREATED:time",
    "COMMENT",
];
const TABLES: [&str; 12] = [
    "TABLE_CATALOG",
    "TABLE_SCHEMA",
    "TABLE_NAME",
    "TABLE_OWNER",
    "TABLE_TYPE",
    "IS_TRANSIENT",
    "ROW_COUNT:number",
    "BYTES:number",
    "RETENTION_TIME:number",
    "CREATED:time",
    "COMMENT",
    "IS_TEMPORARY",
];
const VIEWS: [&str; 8] = [
    "TABLE_CATALOG",
    "TABLE_SCHEMA",
    "TABLE_NAME",
    "TABLE_OWNER",
    "VIEW_DEFINITION",
    "IS_SECURE",
    "CREATED:time",
    "COMMENT",
];
const COLUMNS: [&str; 14] = [
    "TABLE_CATALOG",
    "TABLE_SCHEMA",
    "TABLE_NAME",
    "COLUMN_NAME",
    "ORDINAL_POSITION:number",
    "COLUMN_DEFAULT",
    "IS_NULLABLE",
    "DATA_TYPE",
    "CHARACTER_MAXIMUM_LENGTH:number",
    "CHARACTER_OCTET_LENGTH:number",
    "NUMERIC_PRECISION:number",
    "NUMERIC_SCALE:number",
    "DATETIME_PRECISION:number",
    "COMMENT",
];
const STAGES: [&str; 9] = [
    "STAGE_CATALOG",
    "STAGE_SCHEMA",
    "STAGE_NAME",
    "STAGE_URL",
    "STAGE_REGION",
    "STAGE_TYPE",
    "STAGE_OWNER",
    "COMMENT",
    "CREATED:time",
];
const FILE_FORMATS: [&str; 7] = [
    "FILE_FORMAT_CATALOG",
    "FILE_FORMAT_SCHEMA",
    "FILE_FORMAT_NAME",
    "FILE_FORMAT_OWNER",
    "FILE_FORMAT_TYPE",
    "CREATED:time",
    "COMMENT",
];
const ENABLED_ROLES: [&str; 2] = ["ROLE_NAME", "ROLE_OWNER"];
const APPLICABLE_ROLES: [&str; 4] = ["GRANTEE", "ROLE_NAME", "ROLE_OWNER", "IS_GRANTABLE"];
const OBJECT_PRIVILEGES: [&str; 9] = [
    "GRANTOR",
    "GRANTEE",
    "OBJECT_CATALOG",
    "OBJECT_SCHEMA",
    "OBJECT_NAME",
    "OBJECT_TYPE",
    "PRIVILEGE_TYPE",
    "IS_GRANTABLE",
    "CREATED:time",
];
const TABLE_PRIVILEGES: [&str; 8] = [
    "GRANTOR",
    "GRANTEE",
    "TABLE_CATALOG",
    "TABLE_SCHEMA",
    "TABLE_NAME",
    "PRIVILEGE_TYPE",
    "IS_GRANTABLE",
    "CREATED:time",
];

// --- cells -----------------------------------------------------------------------------------------------------------------------

#[expect(clippy::unnecessary_wraps, reason = "cells may be NULL")]
fn text(value: impl Into<String>) -> Option<String> {
    Some(value.into())
}

fn filled(value: &str) -> Option<String> {
    (!value.is_empty()).then(|| value.to_owned())
}

fn yes(value: bool) -> Option<String> {
    text(if value { "YES" } else { "NO" })
}

fn time(ms: i64) -> Option<String> {
    text(format!("{}.{:03}", ms.div_euclid(1000), ms.rem_euclid(1000)))
}

/// The owning role; none for what the system owns.
fn owner(cx: &Context<'_>, object: &Object) -> Option<String> {
    filled(&cx.see().role_name(object.owner))
}

fn retention(cx: &Context<'_>, object: &Object) -> Option<String> {
    text(params::effective(cx.see(), object.id, "DATA_RETENTION_TIME_IN_DAYS").0)
}

/// Database, schema and name.
fn place(cx: &Context<'_>, object: &Object) -> [Option<String>; 3] {
    let (database, schema) = cx.see().container_names(object);
    [text(database), text(schema), text(&object.name)]
}

// --- objects ---------------------------------------------------------------------------------------------------------------------

/// The visible objects of a kind in a database.
fn in_database<'c>(cx: &'c Context<'_>, database: Id, kind: Kind) -> Vec<&'c Object> {
    let state = cx.see();
    let schemas = || state.of_kind(database, Kind::Schema);
    let found: Vec<&Object> = match kind {
        Kind::Schema => schemas().collect(),
        kind => schemas().flat_map(|schema| state.of_kind(schema.id, kind)).collect(),
    };
    found.into_iter().filter(|object| cx.visible(object)).collect()
}

fn relations<'c>(cx: &'c Context<'_>, database: Id) -> Vec<&'c Object> {
    let mut found = in_database(cx, database, Kind::Table);
    found.extend(in_database(cx, database, Kind::View));
    found.sort_by_key(|object| (object.parent, &object.name));
    found
}

fn databases(cx: &Context<'_>) -> Vec<Row> {
    let visible = cx.see().of_kind(ACCOUNT, Kind::Database).filter(|object| cx.visible(object));
    visible
        .map(|object| {
            vec![
                text(&object.name),
                owner(cx, object),
                yes(cx.see().database(object.id).is_some_and(|database| database.transient)),
                filled(&object.comment),
                time(object.created),
                retention(cx, object),
                text("STANDARD"),
            ]
        })
        .collect()
}

fn schema(cx: &Context<'_>, object: &Object) -> Row {
    let schema = cx.see().schema(object.id);
    vec![
        text(cx.see().bare_name(object.parent)),
        text(&object.name),
        owner(cx, object),
        yes(schema.is_some_and(|schema| schema.transient)),
        yes(schema.is_some_and(|schema| schema.managed_access)),
        retention(cx, object),
        time(object.created),
        filled(&object.comment),
    ]
}

fn relation(cx: &Context<'_>, object: &Object) -> Row {
    let table = cx.see().table(object.id);
    let temporary = table.is_some_and(|table| table.kind == "TEMPORARY");
    let kind = match (table, temporary) {
        (None, _) => "VIEW",
        (_, true) => "LOCAL TEMPORARY",
        _ => "BASE TABLE",
    };
    let bytes =
        table.map(|table| table.rows.iter().flat_map(|row| &row.cells).flatten().map(String::len).sum::<usize>());
    let mut row = place(cx, object).to_vec();
    row.extend([
        owner(cx, object),
        text(kind),
        if table.is_some() { yes(table.is_some_and(|table| table.kind == "TRANSIENT")) } else { None },
        table.map(|table| table.rows.len().to_string()),
        bytes.map(|bytes| bytes.to_string()),
        table.and_then(|_| retention(cx, object)),
        time(object.created),
        filled(&object.comment),
        if table.is_some() { yes(temporary) } else { None },
    ]);
    row
}

fn a_view(cx: &Context<'_>, object: &Object) -> Row {
    let view = cx.see().view(object.id);
    let secure = view.is_some_and(|view| view.secure);
    let owned = object.owner.is_some_and(|owner| cx.roles.contains(&owner));
    let mut row = place(cx, object).to_vec();
    row.extend([
        owner(cx, object),
        view.filter(|_| owned || !secure).map(|view| view.text.clone()),
        yes(secure),
        time(object.created),
        filled(&object.comment),
    ]);
    row
}

fn columns_of(cx: &Context<'_>, object: &Object) -> Vec<Row> {
    let of_table = cx.see().table(object.id).map(|table| table.columns.clone());
    let of_view = || {
        let view = cx.see().view(object.id).cloned().unwrap_or_default();
        let kinds = view.kinds.into_iter().chain(std::iter::repeat_with(|| super::types::TEXT.kind()));
        view.columns.into_iter().zip(kinds).map(|(name, kind)| TableColumn {
            name,
            kind,
            nullable: true,
            default: None,
            comment: None,
            primary_key: false,
            unique: false,
        })
    };
    let columns = of_table.unwrap_or_else(|| of_view().collect());
    columns.iter().enumerate().map(|(at, column)| a_column(cx, object, at, column)).collect()
}

fn a_column(cx: &Context<'_>, object: &Object, at: usize, column: &TableColumn) -> Row {
    let kind = Type::of_kind(&column.kind).ok();
    let name = match kind {
        Some(Type::Text(_)) => "TEXT",
        _ => column.kind.split('(').next().unwrap_or_default(),
    };
    let length = match kind {
        Some(Type::Text(length)) => Some(u64::from(length)),
        _ => None,
    };
    let (precision, scale) = match kind {
        Some(Type::Fixed { precision, scale }) => (Some(precision.to_string()), Some(scale.to_string())),
        _ => (None, None),
    };
    let digits = match kind {
        Some(Type::Time(digits) | Type::Ntz(digits) | Type::Ltz(digits) | Type::Tz(digits)) => Some(digits.to_string()),
        _ => None,
    };
    let mut row = place(cx, object).to_vec();
    row.extend([
        text(&column.name),
        text((at + 1).to_string()),
        column.default.clone(),
        yes(column.nullable),
        text(name),
        length.map(|length| length.to_string()),
        // A character has four bytes at most, and a text no more than all of them.
        length.map(|length| (length * 4).min(u64::from(super::types::LONGEST)).to_string()),
        precision,
        scale,
        digits,
        column.comment.clone(),
    ]);
    row
}

fn stage(cx: &Context<'_>, object: &Object) -> Row {
    let stage = cx.see().stage(object.id);
    let url = stage.and_then(|stage| stage.url.clone());
    let mut row = place(cx, object).to_vec();
    row.extend([
        url.clone(),
        stage.and_then(|stage| stage.region.clone()),
        text(if url.is_some() { "External Named" } else { "Internal Named" }),
        owner(cx, object),
        filled(&object.comment),
        time(object.created),
    ]);
    row
}

fn format(cx: &Context<'_>, object: &Object) -> Row {
    let mut row = place(cx, object).to_vec();
    row.extend([
        owner(cx, object),
        cx.see().file_format(object.id).map(|format| format.kind.clone()),
        time(object.created),
        filled(&object.comment),
    ]);
    row
}

// --- roles and privileges ----------------------------------------------------------------------------------------------------------

fn role_row(cx: &Context<'_>, role: Id) -> Row {
    match cx.see().get(role) {
        Some(object) => vec![text(&object.name), owner(cx, object)],
        None => vec![None, None],
    }
}

/// The roles that the user has been granted, and those that these have.
fn applicable_roles(cx: &Context<'_>) -> Vec<Row> {
    let state = cx.see();
    let user = &cx.session.user;
    let mut rows = Vec::new();
    let own: Vec<Id> = state.user_roles.get(user).into_iter().flatten().copied().collect();
    for role in &own {
        rows.push((user.clone(), *role));
    }
    for role in own.iter().flat_map(|role| inherited(state, *role)) {
        for member in state.role_members.get(&role).into_iter().flatten() {
            let pair = (state.role_name(Some(role)), *member);
            if !rows.contains(&pair) {
                rows.push(pair);
            }
        }
    }
    rows.into_iter()
        .map(|(grantee, role)| [vec![text(grantee)], role_row(cx, role), vec![yes(false)]].concat())
        .collect()
}

/// Grants on the objects of a database that the role may see.
fn grants<'c>(
    cx: &'c Context<'_>,
    database: Id,
) -> impl Iterator<Item = (&'c Object, &'c crate::sandbox::snowflake::state::Grant)> {
    let state = cx.see();
    let inside = move |object: &Object| {
        let mut at = object.id;
        while let Some(found) = state.get(at) {
            if found.id == database {
                return true;
            }
            at = found.parent;
        }
        false
    };
    let targets = state.grants.iter().filter_map(|(id, grants)| state.get(*id).map(|object| (object, grants)));
    targets
        .filter(move |(object, _)| inside(object) && cx.visible(object))
        .flat_map(|(object, grants)| grants.iter().map(move |grant| (object, grant)))
}

fn privileges(cx: &Context<'_>, database: Id, view: &str) -> Vec<Row> {
    grants(cx, database)
        .filter(|(_, grant)| view == "OBJECT_PRIVILEGES" || grant.privilege == "USAGE")
        .map(|(object, grant)| {
            let path = cx.see().path(object.id);
            let within =
                |at: usize| (at + 1 < path.len()).then(|| path.get(at).map(|part| (*part).to_owned())).flatten();
            vec![
                filled(&cx.see().role_name(grant.by)),
                text(cx.see().role_name(Some(grant.role))),
                within(0),
                within(1),
                text(&object.name),
                text(object.kind().words()),
                text(&grant.privilege),
                yes(grant.with_option),
                time(grant.created),
            ]
        })
        .collect()
}

fn table_privileges(cx: &Context<'_>, database: Id) -> Vec<Row> {
    grants(cx, database)
        .filter(|(object, _)| matches!(object.kind(), Kind::Table | Kind::View))
        .map(|(object, grant)| {
            let mut row = vec![filled(&cx.see().role_name(grant.by)), text(cx.see().role_name(Some(grant.role)))];
            row.extend(place(cx, object));
            row.extend([text(&grant.privilege), yes(grant.with_option), time(grant.created)]);
            row
        })
        .collect()
}
