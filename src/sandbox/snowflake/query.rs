//! Queries, as other statements use them.

use std::collections::BTreeMap;

use super::answer::ResultSet;
use super::context::Context;
use super::expr::Val;
use super::fail::Fallible;
use super::parse::{Name, StagePath};
use super::select;
use super::state::{Id, Kind};
use super::{graph_history, history, load};

/// Runs a query.
pub(super) fn run(cx: &mut Context<'_>, sql: &str) -> Fallible<ResultSet> {
    select::run(cx, sql).map(|(result, _)| result)
}

/// Runs a query over the rows of staged files, which stand for the stage in its FROM.
pub(super) fn project(cx: &mut Context<'_>, sql: &str, files: &ResultSet) -> Fallible<ResultSet> {
    select::project(cx, sql, files)
}

/// The stage whose files a query is about: that of a directory, or of a stream on one.
pub(super) fn stage_in(cx: &Context<'_>, sql: &str) -> Fallible<Option<StagePath>> {
    let named = select::named_in(cx, sql)?;
    if let Some(stage) = named.stages.into_iter().next() {
        return Ok(Some(stage));
    }
    let streams = select::ids_of(cx, &named.relations, Kind::Stream);
    let source = streams.into_iter().find_map(|id| cx.see().stream(id)).map(|stream| stream.source.object());
    let path = source.map(|id| cx.see().path(id).into_iter().map(str::to_owned).collect());
    Ok(path.map(|parts| StagePath { stage: Name(parts), path: String::new() }))
}

/// The tables that a query reads, also through views.
pub(super) fn tables_in(cx: &Context<'_>, sql: &str) -> Fallible<Vec<Id>> {
    let named = select::named_in(cx, sql)?;
    let mut tables = select::ids_of(cx, &named.relations, Kind::Table);
    for view in select::ids_of(cx, &named.relations, Kind::View) {
        let query = cx.see().view(view).map(|view| view.query.clone()).unwrap_or_default();
        tables.extend(tables_in(cx, &query)?);
    }
    Ok(tables)
}

/// A table function of an information schema.
type TableFunction = fn(&mut Context<'_>, &BTreeMap<String, Val>) -> Fallible<ResultSet>;

/// The table function of a name, in upper case.
pub(super) fn table_function(name: &str) -> Option<TableFunction> {
    Some(match name {
        "TASK_HISTORY" => |cx, args| history::task_history(cx, args),
        "COPY_HISTORY" => |cx, args| load::copy_history(cx, args),
        "STAGE_DIRECTORY_FILE_REGISTRATION_HISTORY" => |cx, args| history::file_registrations(cx, args),
        "COMPLETE_TASK_GRAPHS" => |cx, args| graph_history::complete(cx, args),
        "CURRENT_TASK_GRAPHS" => |cx, args| graph_history::current(cx, args),
        _ => return None,
    })
}
