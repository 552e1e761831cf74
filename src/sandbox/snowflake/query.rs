//! SELECT, as far as pipelines need it: calls and literals; one relation with a filter, an order and a limit.

use std::collections::BTreeMap;

use super::answer::{Column, ResultSet};
use super::context::Context;
use super::expr::{self, Expr, Scope, Val};
use super::fail::{self, Fallible};
use super::history;
use super::lex::Tok;
use super::parse::{Name, Parser, StagePath};
use super::state::{Id, Kind};
use super::stream;

enum Item {
    Star,
    Count(String),
    Expr(Expr, String),
}

enum Relation {
    Named(Name),
    Directory(StagePath),
    Function(String, BTreeMap<String, Val>),
}

struct Select {
    items: Vec<Item>,
    from: Option<Relation>,
    filter: Option<Expr>,
    order: Option<(Expr, bool)>,
    limit: Option<u64>,
}

/// Runs a SELECT.
pub(super) fn run(cx: &mut Context<'_>, sql: &str) -> Fallible<ResultSet> {
    let mut p = cx.parser(sql)?;
    let select = read(&mut p)?;
    p.end()?;
    evaluate(cx, &select)
}

/// The streams that a query reads, for the statements that consume them.
pub(super) fn streams_in(cx: &Context<'_>, sql: &str) -> Fallible<Vec<Id>> {
    let mut p = cx.parser(sql)?;
    let Some(Relation::Named(name)) = read(&mut p)?.from else { return Ok(Vec::new()) };
    Ok(cx.object(Kind::Stream, &name, "SELECT").map(|o| o.id).into_iter().collect())
}

/// The stage whose files a query is about: that of a directory, or of a stream on one.
pub(super) fn stage_in(cx: &Context<'_>, sql: &str) -> Fallible<Option<StagePath>> {
    let mut p = cx.parser(sql)?;
    Ok(match read(&mut p)?.from {
        Some(Relation::Directory(path)) => Some(path),
        Some(Relation::Named(name)) => cx
            .object(Kind::Stream, &name, "SELECT")
            .ok()
            .and_then(|object| cx.see().stream(object.id))
            .map(|stream| cx.see().path(stream.source.object()).into_iter().map(str::to_owned).collect())
            .map(|parts| StagePath { stage: Name(parts), path: String::new() }),
        _ => None,
    })
}

/// The tables that a query reads.
pub(super) fn tables_in(cx: &Context<'_>, sql: &str) -> Fallible<Vec<Id>> {
    let mut p = cx.parser(sql)?;
    match read(&mut p)?.from {
        Some(Relation::Named(name)) => cx.object(Kind::Table, &name, "SELECT").map(|o| vec![o.id]),
        _ => Err(fail::unsupported("streams on views without a table")),
    }
}

fn read(p: &mut Parser<'_>) -> Fallible<Select> {
    p.need("SELECT")?;
    let mut items = Vec::new();
    loop {
        items.push(item(p)?);
        if !p.mark(",") {
            break;
        }
    }
    let from = if p.eat("FROM") { Some(relation(p)?) } else { None };
    let filter = if p.eat("WHERE") { Some(expr::read(p)?) } else { None };
    let order = if p.eat("ORDER BY") {
        let by = expr::read(p)?;
        let descending = p.eat("DESC");
        p.eat("ASC");
        Some((by, descending))
    } else {
        None
    };
    let limit = if p.eat("LIMIT") { Some(p.number()?) } else { None };
    Ok(Select { items, from, filter, order, limit })
}

fn item(p: &mut Parser<'_>) -> Fallible<Item> {
    if p.mark("*") {
        return Ok(Item::Star);
    }
    let from = p.mark_place();
    let count = p.is("COUNT") && p.peek_at(1) == Some(&Tok::Mark("(")) && p.peek_at(2) == Some(&Tok::Mark("*"));
    let expr = if count {
        for _ in 0..3 {
            p.advance();
        }
        p.need_mark(")")?;
        None
    } else {
        Some(expr::read(p)?)
    };
    let written = p.between(from, p.mark_place());
    let mut name = match &expr {
        Some(Expr::Column(name, _)) => name.clone(),
        Some(Expr::Literal(Val::Text(_))) => written.to_owned(),
        _ => written.to_uppercase(),
    };
    let aliased = p.eat("AS");
    if aliased
        || matches!(p.peek(), Some(Tok::Quoted(_)))
        || matches!(p.word().as_deref(), Some(word) if !is_clause(word))
    {
        name = p.ident()?;
    }
    Ok(expr.map_or(Item::Count(name.clone()), |expr| Item::Expr(expr, name)))
}

fn is_clause(word: &str) -> bool {
    matches!(word, "FROM" | "WHERE" | "ORDER" | "LIMIT" | "GROUP" | "UNION" | "QUALIFY" | "HAVING")
}

fn relation(p: &mut Parser<'_>) -> Fallible<Relation> {
    let found = if p.is("DIRECTORY") && p.peek_at(1) == Some(&Tok::Mark("(")) {
        p.advance();
        p.advance();
        let stage = p.stage_path()?;
        p.need_mark(")")?;
        Relation::Directory(stage)
    } else if p.is("TABLE") && p.peek_at(1) == Some(&Tok::Mark("(")) {
        p.advance();
        p.advance();
        function(p)?
    } else {
        Relation::Named(p.name()?)
    };
    // An alias.
    if p.eat("AS") || matches!(p.word(), Some(word) if !is_clause(&word)) {
        p.ident()?;
    }
    Ok(found)
}

/// `[db.]INFORMATION_SCHEMA.F(KEY => value, …))`.
fn function(p: &mut Parser<'_>) -> Fallible<Relation> {
    let name = p.name()?;
    p.need_mark("(")?;
    let mut args = BTreeMap::new();
    while !p.mark(")") {
        let key = p.ident()?;
        p.need_mark("=>")?;
        let Expr::Literal(value) = expr::read(p)? else { return Err(p.unexpected()) };
        args.insert(key, value);
        p.mark(",");
    }
    p.need_mark(")")?;
    Ok(Relation::Function(name.last().to_owned(), args))
}

fn rows_of(cx: &mut Context<'_>, relation: &Relation) -> Fallible<ResultSet> {
    match relation {
        Relation::Directory(path) => directory(cx, path),
        Relation::Function(name, args) => match name.as_str() {
            "TASK_HISTORY" => history::task_history(cx, args),
            "STAGE_DIRECTORY_FILE_REGISTRATION_HISTORY" => history::file_registrations(cx, args),
            _ => Err(fail::unsupported(&format!("table function {name}"))),
        },
        Relation::Named(name) => {
            if let Ok(stream) = cx.object(Kind::Stream, name, "SELECT") {
                let id = stream.id;
                return stream::read(cx, id);
            }
            if let Ok(view) = cx.object(Kind::View, name, "SELECT") {
                let id = view.id;
                cx.demand(id, &["SELECT"])?;
                let query = cx.see().view(id).map(|v| v.query.clone()).unwrap_or_default();
                return run(cx, &query);
            }
            let object = cx.object(Kind::Table, name, "SELECT").map_err(|error| match error.code {
                "002003" => super::answer::SqlError {
                    sql_state: "42S02",
                    message: error.message.replace("Table '", "Object '"),
                    ..error
                },
                _ => error,
            })?;
            let id = object.id;
            cx.demand(id, &["SELECT"])?;
            let Some(table) = cx.see().table(id) else { return Err(fail::nowhere()) };
            let kind = |kind: &str| {
                if kind.starts_with("NUMBER") {
                    "fixed"
                } else if kind == "BOOLEAN" {
                    "boolean"
                } else {
                    "text"
                }
            };
            Ok(ResultSet {
                columns: table.columns.iter().map(|c| Column::new(c.name.clone(), kind(&c.kind))).collect(),
                rows: table.rows.iter().map(|row| row.cells.clone()).collect(),
                statement_type: 0x1000,
            })
        }
    }
}

fn directory(cx: &Context<'_>, path: &StagePath) -> Fallible<ResultSet> {
    let id = cx.object_with(Kind::Stage, &path.stage, &["USAGE", "READ"], "SELECT")?;
    let Some(directory) = cx.see().stage(id).and_then(|s| s.directory.as_ref()) else {
        return Err(stream::no_directory(&cx.see().bare_name(id)));
    };
    Ok(ResultSet {
        columns: stream::DIRECTORY.iter().map(|(name, kind)| Column::new(*name, kind)).collect(),
        rows: directory.files.iter().map(|(path, file)| stream::directory_row(cx, id, path, file)).collect(),
        statement_type: 0x1000,
    })
}

fn evaluate(cx: &mut Context<'_>, select: &Select) -> Fallible<ResultSet> {
    let source = match &select.from {
        Some(relation) => rows_of(cx, relation)?,
        None => ResultSet { rows: vec![Vec::new()], ..ResultSet::default() },
    };
    let mut kept = Vec::new();
    for row in source.rows {
        let scope = Scope { columns: &source.columns, row: &row };
        let keep = match &select.filter {
            Some(filter) => expr::holds(cx, &scope, filter)?,
            None => true,
        };
        if keep {
            let key = match &select.order {
                Some((by, _)) => expr::eval(cx, &scope, by)?,
                None => Val::Null,
            };
            kept.push((key, row));
        }
    }
    if let Some((_, descending)) = select.order {
        kept.sort_by(|(one, _), (other, _)| {
            let order = expr::compare(one, other).unwrap_or(std::cmp::Ordering::Equal);
            if descending { order.reverse() } else { order }
        });
    }
    if let Some(limit) = select.limit.and_then(|limit| usize::try_from(limit).ok()) {
        kept.truncate(limit);
    }
    project(cx, select, &source.columns, &kept)
}

fn project(
    cx: &mut Context<'_>,
    select: &Select,
    source: &[Column],
    kept: &[(Val, Vec<Option<String>>)],
) -> Fallible<ResultSet> {
    if let [Item::Count(name)] = select.items.as_slice() {
        return Ok(ResultSet {
            columns: vec![Column::new(name.clone(), "fixed")],
            rows: vec![vec![Some(kept.len().to_string())]],
            statement_type: 0x1000,
        });
    }
    let mut columns = Vec::new();
    for item in &select.items {
        match item {
            Item::Star if select.from.is_none() => return Err(fail::unsupported("SELECT * without FROM")),
            Item::Star => columns.extend(source.iter().cloned()),
            Item::Count(_) => return Err(fail::unsupported("COUNT(*) beside other columns")),
            Item::Expr(expr, name) => {
                // The type of a column of the source is its own; that of everything else shows in the first row.
                let kind = match expr {
                    Expr::Column(column, _) => source.iter().find(|c| c.name == *column).map_or("text", |c| c.kind),
                    _ => "text",
                };
                columns.push(Column::new(name.clone(), kind));
            }
        }
    }
    // Names are checked even when there is no row to compute.
    if kept.is_empty() {
        let blank = vec![None; source.len()];
        for item in &select.items {
            if let Item::Expr(expr @ Expr::Column(..), _) = item {
                expr::eval(cx, &Scope { columns: source, row: &blank }, expr)?;
            }
        }
    }
    let mut rows = Vec::new();
    for (at, (_, row)) in kept.iter().enumerate() {
        let mut cells = Vec::new();
        for item in &select.items {
            match item {
                Item::Star => cells.extend(row.iter().cloned()),
                Item::Count(_) => {}
                Item::Expr(Expr::Column(name, place), _) => {
                    let Some(column) = source.iter().position(|c| c.name == *name) else {
                        return Err(fail::unknown_column(place.0, place.1, name));
                    };
                    cells.push(row.get(column).cloned().flatten());
                }
                Item::Expr(expr, _) => {
                    let value = expr::eval(cx, &Scope { columns: source, row }, expr)?;
                    if at == 0
                        && let Some(column) = columns.get_mut(cells.len())
                    {
                        column.kind = value.kind();
                    }
                    cells.push(value.cell());
                }
            }
        }
        rows.push(cells);
    }
    Ok(ResultSet { columns, rows, statement_type: 0x1000 })
}
