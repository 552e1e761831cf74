//! The rows of tables and directories.

use super::types::Type;
use crate::sandbox::snowflake::answer::ResultSet;
use crate::sandbox::snowflake::context::Context;
use crate::sandbox::snowflake::fail::{self, Fallible};
use crate::sandbox::snowflake::state::Id;
use crate::sandbox::snowflake::stream;

/// The rows of a table.
pub(super) fn of_table(cx: &Context<'_>, id: Id) -> Fallible<ResultSet> {
    let Some(table) = cx.see().table(id) else { return Err(fail::nowhere()) };
    let columns = table.columns.iter().map(|c| Type::of_kind(&c.kind).map(|kind| kind.column(&c.name)));
    Ok(ResultSet {
        columns: columns.collect::<Fallible<_>>()?,
        rows: table.rows.iter().map(|row| row.cells.clone()).collect(),
        statement_type: 0x1000,
    })
}

/// The files of a directory.
pub(super) fn of_directory(cx: &Context<'_>, id: Id) -> Fallible<ResultSet> {
    let Some(directory) = cx.see().stage(id).and_then(|s| s.directory.as_ref()) else {
        return Err(stream::no_directory(&cx.see().bare_name(id)));
    };
    Ok(ResultSet {
        columns: stream::directory_columns(),
        rows: directory.files.iter().map(|(path, file)| stream::directory_row(cx, id, path, file)).collect(),
        statement_type: 0x1000,
    })
}
