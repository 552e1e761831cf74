//! Statements that write rows, and by reading streams in doing so consume them.

use super::answer::{Column, ResultSet};
use super::context::{Context, Create};
use super::fail::{self, Fallible};
use super::parse::Parser;
use super::select;
use super::state::{Id, Kind};
use super::stream;
use super::table::{self, Table, TableHead};

/// `CREATE [OR REPLACE] [TRANSIENT | TEMPORARY] TABLE …`, with columns or from a query.
pub(super) fn create_table(
    cx: &mut Context<'_>,
    p: &mut Parser<'_>,
    create: Create,
    kind: &str,
) -> Fallible<ResultSet> {
    let create = create.if_not_exists(p)?;
    let name = p.name()?;
    let (head, props) = table::head(p)?;
    let mut made = Table { kind: kind.to_owned(), ..Table::default() };
    match head {
        TableHead::Columns(columns, cluster_by) => {
            made.columns = columns;
            made.cluster_by = cluster_by;
            table::make(cx, &name, create, props, made)
        }
        TableHead::Like(other) => {
            let id = cx.object_with(Kind::Table, &other, &["SELECT"], "CREATE TABLE")?;
            made.columns = cx.see().table(id).map(|table| table.columns.clone()).unwrap_or_default();
            table::make(cx, &name, create, props, made)
        }
        TableHead::Query => {
            let sql = p.padded_rest();
            let (result, reads) = select::run(cx, &sql)?;
            made.columns = table::columns_of(&result.columns);
            result.rows.into_iter().for_each(|cells| made.push(cells));
            let answer = table::make(cx, &name, create, props, made)?;
            consume(cx, &reads);
            Ok(answer)
        }
    }
}

/// `INSERT INTO t [(columns)] { VALUES … | SELECT … }`.
pub(super) fn insert(cx: &mut Context<'_>, p: &mut Parser<'_>) -> Fallible<ResultSet> {
    p.need("INTO")?;
    let name = p.name()?;
    let mut named = Vec::new();
    if p.mark("(") {
        loop {
            named.push((p.mark_place(), p.ident()?));
            if !p.mark(",") {
                break;
            }
        }
        p.need_mark(")")?;
    }
    let id = cx.object_with(Kind::Table, &name, &["INSERT"], "INSERT")?;
    let columns: Vec<String> =
        cx.see().table(id).map(|t| t.columns.iter().map(|c| c.name.clone()).collect()).unwrap_or_default();
    let mut places = Vec::new();
    for (place, column) in &named {
        let Some(at) = columns.iter().position(|c| c == column) else {
            let (line, position, _) = p.place_of(*place);
            return Err(fail::unknown_column(line, position, column));
        };
        places.push(at);
    }
    if named.is_empty() {
        places = (0..columns.len()).collect();
    }
    let sql = p.padded_rest();
    let (rows, reads) = select::rows_for(cx, id, &places, &sql)?;
    let count = rows.len();
    add(cx, id, rows);
    consume(cx, &reads);
    Ok(counted("number of rows inserted", count, 0x3100))
}

/// `DELETE FROM t [USING …] [WHERE …]`.
pub(super) fn delete(cx: &mut Context<'_>, sql: &str) -> Fallible<ResultSet> {
    let (id, numbers, reads) = select::to_delete(cx, sql)?;
    if let Some(table) = cx.edit().table_mut(id) {
        table.rows.retain(|row| !numbers.contains(&row.number));
    }
    consume(cx, &reads);
    Ok(counted("number of rows deleted", numbers.len(), 0x3300))
}

/// `UPDATE t SET … [FROM …] [WHERE …]`.
pub(super) fn update(cx: &mut Context<'_>, sql: &str) -> Fallible<ResultSet> {
    let (id, changes, reads) = select::to_update(cx, sql)?;
    let count = changes.rows.len();
    change(cx, id, &changes);
    consume(cx, &reads);
    let columns = vec![
        Column::new("number of rows updated", "fixed"),
        Column::new("number of multi-joined rows updated", "fixed"),
    ];
    let rows = vec![vec![Some(count.to_string()), Some("0".to_owned())]];
    Ok(ResultSet { columns, rows, statement_type: 0x3200 })
}

/// `MERGE INTO t USING s ON … WHEN MATCHED THEN … WHEN NOT MATCHED THEN …`.
pub(super) fn merge(cx: &mut Context<'_>, sql: &str) -> Fallible<ResultSet> {
    let (id, merged, reads) = select::to_merge(cx, sql)?;
    let select::Merged { inserted, updated, deleted, speaks_of } = merged;
    let counts = [inserted.len(), updated.len(), deleted.len()];
    if let Some(table) = cx.edit().table_mut(id) {
        for row in &mut table.rows {
            for (place, cell) in updated.get(&row.number).into_iter().flatten() {
                if let Some(old) = row.cells.get_mut(*place) {
                    old.clone_from(cell);
                }
            }
        }
        table.rows.retain(|row| !deleted.contains(&row.number));
    }
    add(cx, id, inserted);
    consume(cx, &reads);
    let names = ["number of rows inserted", "number of rows updated", "number of rows deleted"];
    let told = names.iter().zip(counts).zip(speaks_of).filter(|(_, told)| *told).map(|(told, _)| told);
    let (columns, row) = told.map(|(name, count)| (Column::new(*name, "fixed"), Some(count.to_string()))).unzip();
    Ok(ResultSet { columns, rows: vec![row], statement_type: 0x3400 })
}

fn change(cx: &mut Context<'_>, id: Id, changes: &select::Changes) {
    let Some(table) = cx.edit().table_mut(id) else { return };
    for row in &mut table.rows {
        let Some(new) = changes.rows.get(&row.number) else { continue };
        for (place, cell) in changes.places.iter().zip(new) {
            if let Some(old) = row.cells.get_mut(*place) {
                old.clone_from(cell);
            }
        }
    }
}

fn add(cx: &mut Context<'_>, id: Id, rows: Vec<Vec<Option<String>>>) {
    if let Some(table) = cx.edit().table_mut(id) {
        rows.into_iter().for_each(|cells| table.push(cells));
    }
}

/// The statement has succeeded: the streams it read move on.
fn consume(cx: &mut Context<'_>, reads: &select::Reads) {
    for id in &reads.streams {
        stream::consume(cx, *id);
    }
}

/// `TRUNCATE [TABLE] t`.
pub(super) fn truncate(cx: &mut Context<'_>, p: &mut Parser<'_>) -> Fallible<ResultSet> {
    p.eat("TABLE");
    let name = p.name()?;
    p.end()?;
    let id = cx.object_with(Kind::Table, &name, &["TRUNCATE"], "TRUNCATE")?;
    keep(cx, id, Vec::new());
    // The table may be given the same files again.
    cx.edit().loads.forget(id);
    Ok(super::context::executed())
}

fn keep(cx: &mut Context<'_>, id: Id, rows: Vec<table::Row>) {
    if let Some(table) = cx.edit().table_mut(id) {
        table.rows = rows;
    }
}

fn counted(column: &str, count: usize, statement_type: u32) -> ResultSet {
    ResultSet { columns: vec![Column::new(column, "fixed")], rows: vec![vec![Some(count.to_string())]], statement_type }
}
