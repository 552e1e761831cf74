//! What INSERT, UPDATE and DELETE are to write: computed here, written by the statement.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::types::Value;
use sqlparser::ast::{
    Assignment, AssignmentTarget, Delete, Expr, FromTable, SetExpr, Statement, TableFactor, TableWithJoins, Update,
    UpdateTableFromKind,
};

use super::compile::{Compiler, Field, Frame, Output, Reads, Relation, Typed, folded, parts};
use super::engine::Engine;
use super::from::name_of;
use super::parse::Source;
use super::types::{INTEGER, Type};
use super::{apart, env, folds};
use crate::sandbox::snowflake::answer::SqlError;
use crate::sandbox::snowflake::context::Context;
use crate::sandbox::snowflake::fail::{self, Fallible};
use crate::sandbox::snowflake::state::{Id, Kind};
use crate::sandbox::snowflake::table::TableColumn;

/// Rows of cells.
pub(in crate::sandbox::snowflake) type Rows = Vec<Vec<Option<String>>>;

/// New cells of some columns, by row.
pub(in crate::sandbox::snowflake) struct Changes {
    pub(in crate::sandbox::snowflake) places: Vec<usize>,
    pub(in crate::sandbox::snowflake) rows: BTreeMap<u64, Vec<Option<String>>>,
}

/// The cell of a DEFAULT, or of any other expression without columns, in a column of this kind.
pub(in crate::sandbox::snowflake) fn value(cx: &mut Context<'_>, text: &str, kind: &str) -> Fallible<Option<String>> {
    apart(|| value_of(cx, text, kind))
}

fn value_of(cx: &mut Context<'_>, text: &str, kind: &str) -> Fallible<Option<String>> {
    let source = Source::new(text, folds(cx))?;
    let expr = source.expr()?;
    let to = Type::of_kind(kind)?;
    let engine = Engine::new(env(cx))?;
    let mut compiler = Compiler::new(cx, engine);
    compiler.frames.push(Frame::default());
    let typed = compiler.expr(&expr, &source)?;
    let typed = compiler.cast(typed, to, false)?;
    let rows = compiler.engine.run(&format!("SELECT {}", typed.sql), &[to])?;
    Ok(rows.into_iter().flatten().next().flatten())
}

/// The rows that a query (or VALUES) gives for these columns of a table, with defaults for the others.
pub(in crate::sandbox::snowflake) fn rows_for(
    cx: &mut Context<'_>,
    table: Id,
    places: &[usize],
    sql: &str,
) -> Fallible<(Rows, Reads)> {
    apart(|| rows_of(cx, table, places, sql))
}

fn rows_of(cx: &mut Context<'_>, table: Id, places: &[usize], sql: &str) -> Fallible<(Rows, Reads)> {
    let columns = cx.see().table(table).map(|t| t.columns.clone()).unwrap_or_default();
    let mut blank = Vec::new();
    for (at, column) in columns.iter().enumerate() {
        let default = column.default.as_ref().filter(|_| !places.contains(&at));
        blank.push(match default {
            Some(text) => value(cx, text, &column.kind)?,
            None => None,
        });
    }
    let source = Source::new(sql, folds(cx))?;
    let query = source.query()?;
    let engine = Engine::new(env(cx))?;
    let mut compiler = Compiler::new(cx, engine);
    let targets = places.iter().filter_map(|place| columns.get(*place)).collect::<Vec<_>>();
    let output = match &*query.body {
        // The values of a column need not be of one type here: each is cast by itself.
        SetExpr::Values(values) if query.with.is_none() && query.order_by.is_none() && query.limit_clause.is_none() => {
            let mut texts = Vec::new();
            compiler.frames.push(Frame::default());
            for row in &values.rows {
                texts.push(format!("SELECT {}", compiler.cast_row(&row.content, &targets, &source)?));
            }
            compiler.frames.pop();
            // A chain of UNION ALL has a limit in SQLite; pieces of it do not.
            let mut rows = Vec::new();
            for piece in texts.chunks(200) {
                rows.extend(compiler.cells(&piece.join(" UNION ALL "), &targets)?);
            }
            return Ok((filled(rows, places, &blank, &columns)?, compiler.reads));
        }
        _ => compiler.query(&query, &source)?,
    };
    let sql = compiler.cast_output(&output, &targets)?;
    let rows = compiler.cells(&sql, &targets)?;
    let reads = compiler.reads;
    Ok((filled(rows, places, &blank, &columns)?, reads))
}

/// Puts cells into their places and checks NOT NULL.
pub(super) fn filled(
    rows: Rows,
    places: &[usize],
    blank: &[Option<String>],
    columns: &[TableColumn],
) -> Fallible<Rows> {
    let mut whole = Vec::with_capacity(rows.len());
    for row in rows {
        let mut cells = blank.to_vec();
        for (place, cell) in places.iter().zip(row) {
            if let Some(target) = cells.get_mut(*place) {
                *target = cell;
            }
        }
        check_nulls(columns.iter().zip(&cells))?;
        whole.push(cells);
    }
    Ok(whole)
}

fn check_nulls<'t>(cells: impl Iterator<Item = (&'t TableColumn, &'t Option<String>)>) -> Fallible<()> {
    for (column, cell) in cells {
        if cell.is_none() && !column.nullable {
            return Err(fail::error("100072", "22000", "NULL result in a non-nullable column"));
        }
    }
    Ok(())
}

fn wrong_count() -> SqlError {
    let text = "SQL compilation error:\nInsert value list does not match column list".to_owned();
    fail::error("002020", "21S01", text)
}

/// The target of a statement that changes rows, in the frame of its query.
pub(super) struct Target {
    pub(super) id: Id,
    /// The relation in the engine, with its alias.
    pub(super) sql: String,
    /// The number of the row.
    pub(super) number: String,
}

impl Compiler<'_, '_> {
    pub(super) fn cast_row(&mut self, row: &[Expr], targets: &[&TableColumn], source: &Source<'_>) -> Fallible<String> {
        if row.len() != targets.len() {
            return Err(wrong_count());
        }
        let mut cells = Vec::new();
        for (expr, target) in row.iter().zip(targets) {
            let typed = match expr {
                Expr::Identifier(ident)
                    if ident.quote_style.is_none() && ident.value.eq_ignore_ascii_case("DEFAULT") =>
                {
                    match &target.default {
                        Some(text) => self.default_value(text)?,
                        None => Typed::constant("NULL", Type::Null),
                    }
                }
                expr => self.expr(expr, source)?,
            };
            cells.push(self.assigned(typed, target)?.sql);
        }
        Ok(cells.join(", "))
    }

    fn default_value(&mut self, text: &str) -> Fallible<Typed> {
        let source = Source::new(text, false)?;
        let expr = source.expr()?;
        self.expr(&expr, &source)
    }

    fn cast_output(&mut self, output: &Output, targets: &[&TableColumn]) -> Fallible<String> {
        if output.columns.len() != targets.len() {
            return Err(wrong_count());
        }
        let mut items = Vec::new();
        for (at, ((_, kind), target)) in output.columns.iter().zip(targets).enumerate() {
            let column = Typed { constant: false, ..Typed::constant(format!("c{at}"), *kind) };
            items.push(self.assigned(column, target)?.sql);
        }
        Ok(format!("SELECT {} FROM ({})", items.join(", "), output.sql))
    }

    /// A value as a column of a table takes it.
    fn assigned(&mut self, typed: Typed, target: &TableColumn) -> Fallible<Typed> {
        let to = Type::of_kind(&target.kind)?;
        let from = typed.kind;
        if !super::convert::castable(from, to)
            || (matches!(from, Type::Text(_)) && matches!(to, Type::Array | Type::Object))
        {
            let text = format!(
                "SQL compilation error:\nExpression type does not match column data type, expecting {} but got {} for column {}",
                target.kind,
                from.kind(),
                target.name
            );
            return Err(fail::error("002023", "22000", text));
        }
        self.cast(typed, to, false)
    }

    pub(super) fn cells(&mut self, sql: &str, targets: &[&TableColumn]) -> Fallible<Rows> {
        let types = targets.iter().map(|target| Type::of_kind(&target.kind)).collect::<Fallible<Vec<_>>>()?;
        self.engine.run(sql, &types)
    }

    /// Loads the table that a statement changes.
    pub(super) fn target(&mut self, factor: &TableFactor, privilege: &str) -> Fallible<Target> {
        let TableFactor::Table { name, alias, args: None, .. } = factor else {
            return Err(fail::beyond("changing anything but a table"));
        };
        let path = parts(name)?;
        let id = self.cx.object_with(Kind::Table, &name_of(&path), &[privilege], privilege)?;
        let full: Vec<String> = self.cx.see().path(id).into_iter().map(str::to_owned).collect();
        let Some(table) = self.cx.see().table(id) else { return Err(fail::nowhere()) };
        let mut types = table.columns.iter().map(|c| Type::of_kind(&c.kind)).collect::<Fallible<Vec<_>>>()?;
        let mut names: Vec<String> = table.columns.iter().map(|c| c.name.clone()).collect();
        types.push(INTEGER);
        names.push(String::new());
        let rows: Rows = table
            .rows
            .iter()
            .map(|row| row.cells.iter().cloned().chain([Some(row.number.to_string())]).collect())
            .collect();
        let loaded = self.engine.load(&types, &rows)?;
        let sql = self.fresh('s');
        let fields = names.into_iter().zip(types).enumerate().map(|(at, (name, kind))| Field {
            hidden: name.is_empty(),
            sql: format!("{sql}.c{at}"),
            name,
            kind,
        });
        let fields: Vec<Field> = fields.collect();
        let number = fields.last().map(|field| field.sql.clone()).unwrap_or_default();
        let path = alias.as_ref().map_or(full, |alias| vec![folded(&alias.name)]);
        self.frames.push(Frame { sources: vec![Relation { path, fields }], ..Frame::default() });
        Ok(Target { id, sql: format!("{loaded} AS {sql}"), number })
    }

    /// FROM (or USING) and WHERE behind a target.
    fn matching(
        &mut self,
        target: &Target,
        others: &[TableWithJoins],
        selection: Option<&Expr>,
        source: &Source<'_>,
    ) -> Fallible<String> {
        let others = self.from(others, source)?;
        let others = others.strip_prefix(" FROM ").map(|rest| format!(", {rest}")).unwrap_or_default();
        let filter = match selection {
            Some(expr) => format!(" WHERE {}", self.condition(expr, source)?.sql),
            None => String::new(),
        };
        Ok(format!(" FROM {}{others}{filter}", target.sql))
    }
}

fn single(tables: &[TableWithJoins]) -> Fallible<&TableFactor> {
    match tables {
        [table] if table.joins.is_empty() => Ok(&table.relation),
        _ => Err(fail::beyond("changing more than one table")),
    }
}

pub(super) fn number(value: Option<&Value>) -> u64 {
    match value {
        Some(Value::Integer(whole)) => u64::try_from(*whole).unwrap_or(0),
        _ => 0,
    }
}

/// The rows that a DELETE is about.
pub(in crate::sandbox::snowflake) fn to_delete(
    cx: &mut Context<'_>,
    sql: &str,
) -> Fallible<(Id, BTreeSet<u64>, Reads)> {
    apart(|| deleted(cx, sql))
}

fn deleted(cx: &mut Context<'_>, sql: &str) -> Fallible<(Id, BTreeSet<u64>, Reads)> {
    let source = Source::new(sql, folds(cx))?;
    let Statement::Delete(Delete { from, using, selection, tables, returning, order_by, limit, .. }) =
        source.statement()?
    else {
        return Err(fail::nowhere());
    };
    if !tables.is_empty() || returning.is_some() || !order_by.is_empty() || limit.is_some() {
        return Err(fail::beyond("this form of DELETE"));
    }
    let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &from;
    let engine = Engine::new(env(cx))?;
    let mut compiler = Compiler::new(cx, engine);
    let target = compiler.target(single(from)?, "DELETE")?;
    let tail = compiler.matching(&target, using.as_deref().unwrap_or_default(), selection.as_ref(), &source)?;
    let rows = compiler.engine.values(&format!("SELECT DISTINCT {}{tail}", target.number), 1)?;
    Ok((target.id, rows.iter().map(|row| number(row.first())).collect(), compiler.reads))
}

/// The cells that an UPDATE is to write.
pub(in crate::sandbox::snowflake) fn to_update(cx: &mut Context<'_>, sql: &str) -> Fallible<(Id, Changes, Reads)> {
    apart(|| updated(cx, sql))
}

fn updated(cx: &mut Context<'_>, sql: &str) -> Fallible<(Id, Changes, Reads)> {
    let source = Source::new(sql, folds(cx))?;
    let Statement::Update(Update { table, assignments, from, selection, returning, .. }) = source.statement()? else {
        return Err(fail::nowhere());
    };
    if returning.is_some() {
        return Err(fail::beyond("this form of UPDATE"));
    }
    let engine = Engine::new(env(cx))?;
    let mut compiler = Compiler::new(cx, engine);
    let target = compiler.target(single(std::slice::from_ref(&table))?, "UPDATE")?;
    let others = match &from {
        Some(UpdateTableFromKind::BeforeSet(tables) | UpdateTableFromKind::AfterSet(tables)) => tables.as_slice(),
        None => &[],
    };
    let tail = compiler.matching(&target, others, selection.as_ref(), &source)?;
    let columns = compiler.cx.see().table(target.id).map(|t| t.columns.clone()).unwrap_or_default();
    let (places, items) = compiler.assignments(&assignments, &columns, &source)?;
    let rows = compiler.changed(&format!("SELECT {}, {}{tail}", target.number, items.join(", ")), &places, &columns)?;
    Ok((target.id, Changes { places, rows: rows.into_iter().collect() }, compiler.reads))
}

impl Compiler<'_, '_> {
    /// The columns that are set, and what to.
    pub(super) fn assignments(
        &mut self,
        assignments: &[Assignment],
        columns: &[TableColumn],
        source: &Source<'_>,
    ) -> Fallible<(Vec<usize>, Vec<String>)> {
        let (mut places, mut items) = (Vec::new(), Vec::new());
        for Assignment { target, value } in assignments {
            let AssignmentTarget::ColumnName(name) = target else {
                return Err(fail::beyond("setting rows of columns"));
            };
            let name = parts(name)?.pop().unwrap_or_default();
            let found = columns.iter().enumerate().find(|(_, column)| column.name == name);
            let Some((place, column)) = found else { return Err(fail::unknown_column(1, 0, &name)) };
            if places.contains(&place) {
                let text = format!("SQL compilation error:\nduplicate column name '{name}'");
                return Err(fail::error("002025", "42S21", text));
            }
            let typed = self.expr(value, source)?;
            items.push(self.assigned(typed, column)?.sql);
            places.push(place);
        }
        Ok((places, items))
    }

    /// Runs a query whose first column is the number of a row and whose others are its new cells.
    pub(super) fn changed(
        &mut self,
        sql: &str,
        places: &[usize],
        columns: &[TableColumn],
    ) -> Fallible<Vec<(u64, Vec<Option<String>>)>> {
        let targets: Vec<&TableColumn> = places.iter().filter_map(|place| columns.get(*place)).collect();
        let types = targets.iter().map(|target| Type::of_kind(&target.kind)).collect::<Fallible<Vec<_>>>()?;
        let mut changed = Vec::new();
        for row in self.engine.values(sql, types.len() + 1)? {
            let mut values = row.into_iter();
            let number = number(values.next().as_ref());
            let cells = types.iter().zip(values).map(|(kind, value)| kind.cell(value)).collect::<Fallible<Vec<_>>>()?;
            check_nulls(targets.iter().copied().zip(&cells))?;
            changed.push((number, cells));
        }
        Ok(changed)
    }
}
