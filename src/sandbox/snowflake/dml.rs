//! Statements that write rows, and by reading streams in doing so consume them.

use super::answer::{Column, ResultSet};
use super::context::{Context, Create};
use super::expr::{self, Scope};
use super::fail::{self, Fallible};
use super::parse::Parser;
use super::query;
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
        TableHead::Columns(columns) => {
            made.columns = columns;
            table::make(cx, &name, create, props, made)
        }
        TableHead::Query => {
            let sql = p.rest().to_owned();
            let result = query::run(cx, &sql)?;
            let streams = query::streams_in(cx, &sql)?;
            made.columns = table::columns_of(&result.columns);
            result.rows.into_iter().for_each(|cells| made.push(cells));
            let answer = table::make(cx, &name, create, props, made)?;
            for id in streams {
                stream::consume(cx, id);
            }
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
    let (rows, streams) = if p.eat("VALUES") {
        (values(cx, p)?, Vec::new())
    } else {
        let sql = p.rest().to_owned();
        (query::run(cx, &sql)?.rows, query::streams_in(cx, &sql)?)
    };
    if rows.iter().any(|row| row.len() != places.len()) {
        let text = "SQL compilation error:\nInsert value list does not match column list".to_owned();
        return Err(fail::error("002020", "21S01", text));
    }
    let count = rows.len();
    if let Some(table) = cx.edit().table_mut(id) {
        for row in rows {
            let mut cells = vec![None; columns.len()];
            for (at, cell) in places.iter().zip(row) {
                if let Some(target) = cells.get_mut(*at) {
                    *target = cell;
                }
            }
            table.push(cells);
        }
    }
    for id in streams {
        stream::consume(cx, id);
    }
    Ok(counted("number of rows inserted", count, 0x3100))
}

fn values(cx: &mut Context<'_>, p: &mut Parser<'_>) -> Fallible<Vec<Vec<Option<String>>>> {
    let mut rows = Vec::new();
    loop {
        p.need_mark("(")?;
        let mut row = Vec::new();
        loop {
            let value = expr::read(p)?;
            row.push(expr::eval(cx, &Scope { columns: &[], row: &[] }, &value)?.cell());
            if !p.mark(",") {
                break;
            }
        }
        p.need_mark(")")?;
        rows.push(row);
        if !p.mark(",") {
            p.end()?;
            return Ok(rows);
        }
    }
}

/// `DELETE FROM t [WHERE …]`.
pub(super) fn delete(cx: &mut Context<'_>, p: &mut Parser<'_>) -> Fallible<ResultSet> {
    p.need("FROM")?;
    let name = p.name()?;
    let filter = if p.eat("WHERE") { Some(expr::read(p)?) } else { None };
    p.end()?;
    let id = cx.object_with(Kind::Table, &name, &["DELETE"], "DELETE")?;
    let Some(table) = cx.see().table(id).cloned() else { return Err(fail::nowhere()) };
    let columns: Vec<Column> = table.columns.iter().map(|c| Column::new(c.name.clone(), "text")).collect();
    let mut kept = Vec::new();
    let before = table.rows.len();
    for row in table.rows {
        let gone = match &filter {
            Some(filter) => expr::holds(cx, &Scope { columns: &columns, row: &row.cells }, filter)?,
            None => true,
        };
        if !gone {
            kept.push(row);
        }
    }
    let count = before - kept.len();
    keep(cx, id, kept);
    Ok(counted("number of rows deleted", count, 0x3300))
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
