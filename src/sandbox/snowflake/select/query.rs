//! SELECT, set operations, VALUES, WITH, ORDER BY and LIMIT.

use sqlparser::ast::{
    Distinct, Expr, Fetch, LimitClause, OrderBy, Query, Select, SetExpr, SetOperator, SetQuantifier, TopQuantity,
    Value, With,
};

use super::compile::{Compiler, Cte, Field, Frame, Output, Relation, Typed, folded};
use super::items::{direction_of, key_of};
use super::parse::Source;
use super::types::Type;
use crate::sandbox::snowflake::fail::{self, Fallible};

/// ORDER BY and LIMIT of a query.
struct Tail<'q> {
    order: Option<&'q OrderBy>,
    limit: String,
}

impl Compiler<'_, '_> {
    /// Compiles a query.
    pub(super) fn query(&mut self, query: &Query, source: &Source<'_>) -> Fallible<Output> {
        if query.for_clause.is_some() || !query.locks.is_empty() || !query.pipe_operators.is_empty() {
            return Err(fail::beyond("FOR and |> in queries"));
        }
        let outer = self.ctes.len();
        let compiled = self.deeper(|c| {
            let with = query.with.as_ref().map(|with| c.with(with, source)).transpose()?;
            let tail = Tail { order: query.order_by.as_ref(), limit: limit(query)? };
            let mut output = c.body(&query.body, &tail, source)?;
            if let Some(with) = with {
                output.sql = format!("{with} {}", output.sql);
            }
            Ok(output)
        });
        self.ctes.truncate(outer);
        compiled
    }

    fn with(&mut self, with: &With, source: &Source<'_>) -> Fallible<String> {
        if with.recursive {
            return Err(fail::beyond("WITH RECURSIVE"));
        }
        let mut texts = Vec::new();
        for cte in &with.cte_tables {
            let mut output = self.query(&cte.query, source)?;
            rename_columns(&mut output.columns, cte.alias.columns.iter().map(|column| folded(&column.name)))?;
            let sql = self.fresh('w');
            texts.push(format!("{sql} AS MATERIALIZED ({})", output.sql));
            self.ctes.push(Cte { name: folded(&cte.alias.name), sql, columns: output.columns });
        }
        Ok(format!("WITH {}", texts.join(", ")))
    }

    fn body(&mut self, body: &SetExpr, tail: &Tail<'_>, source: &Source<'_>) -> Fallible<Output> {
        match body {
            SetExpr::Select(select) => {
                self.frames.push(Frame::default());
                let compiled = self.select(select, tail, source);
                self.frames.pop();
                compiled
            }
            SetExpr::Query(query) => {
                let output = self.query(query, source)?;
                self.tail(output, tail, source)
            }
            SetExpr::Values(values) => {
                let rows: Vec<&Vec<Expr>> = values.rows.iter().map(|row| &row.content).collect();
                let output = self.values(&rows, source)?;
                self.tail(output, tail, source)
            }
            SetExpr::SetOperation { left, op, set_quantifier, right } => {
                let output = self.set_operation(left, *op, *set_quantifier, right, source)?;
                self.tail(output, tail, source)
            }
            _ => Err(fail::beyond("statements inside of queries")),
        }
    }

    fn set_operation(
        &mut self,
        left: &SetExpr,
        op: SetOperator,
        quantifier: SetQuantifier,
        right: &SetExpr,
        source: &Source<'_>,
    ) -> Fallible<Output> {
        let all = match quantifier {
            SetQuantifier::All => " ALL",
            SetQuantifier::None | SetQuantifier::Distinct => "",
            _ => return Err(fail::beyond("UNION BY NAME")),
        };
        let word = match op {
            SetOperator::Union => "UNION",
            SetOperator::Intersect => "INTERSECT",
            SetOperator::Except | SetOperator::Minus => "EXCEPT",
        };
        let bare = Tail { order: None, limit: String::new() };
        // A chain of operations is deep on its left side: it is walked, not recursed into.
        let mut pieces = vec![(String::new(), right)];
        let mut first = left;
        pieces.last_mut().into_iter().for_each(|piece| piece.0 = format!("{word}{all}"));
        while let SetExpr::SetOperation { left, op: inner, set_quantifier, right } = first {
            if *inner != op || *set_quantifier != quantifier || op != SetOperator::Union {
                break;
            }
            pieces.push((format!("{word}{all}"), right.as_ref()));
            first = left.as_ref();
        }
        let mut outputs = vec![(String::new(), self.deeper(|c| c.body(first, &bare, source))?)];
        for (word, piece) in pieces.into_iter().rev() {
            outputs.push((word, self.deeper(|c| c.body(piece, &bare, source))?));
        }
        let mut columns = outputs.first().map(|(_, output)| output.columns.clone()).unwrap_or_default();
        for (_, output) in &outputs {
            if output.columns.len() != columns.len() {
                let text = format!(
                    "SQL compilation error:\ninvalid number of result columns for set operator input branches, expected {}, got {} in branch {{2}}",
                    columns.len(),
                    output.columns.len()
                );
                return Err(fail::error("001789", "42601", text));
            }
            for ((_, kind), (_, other)) in columns.iter_mut().zip(&output.columns) {
                *kind = kind.meet(*other).ok_or_else(|| inconsistent(*kind, *other))?;
            }
        }
        let mut sql = String::new();
        for (word, output) in outputs {
            let items = output
                .columns
                .iter()
                .zip(&columns)
                .enumerate()
                .map(|(at, ((_, from), (_, to)))| {
                    let column = Typed { constant: false, ..Typed::constant(format!("c{at}"), *from) };
                    self.converted(column, *to, false).map(|typed| format!("{} AS c{at}", typed.sql))
                })
                .collect::<Fallible<Vec<_>>>()?;
            sql.push_str(&format!(" {word} SELECT {} FROM ({})", items.join(", "), output.sql));
        }
        Ok(Output { sql: sql.trim().to_owned(), columns })
    }

    /// ORDER BY and LIMIT over a result that is complete.
    fn tail(&mut self, output: Output, tail: &Tail<'_>, source: &Source<'_>) -> Fallible<Output> {
        if tail.order.is_none() && tail.limit.is_empty() {
            return Ok(output);
        }
        let alias = self.fresh('s');
        let fields = output
            .columns
            .iter()
            .enumerate()
            .map(|(at, (name, kind))| Field {
                name: name.clone(),
                sql: format!("{alias}.c{at}"),
                kind: *kind,
                hidden: false,
            })
            .collect();
        let relation = Relation { path: Vec::new(), fields };
        let items: Vec<Typed> = relation.fields.iter().map(|f| Typed::constant(f.sql.clone(), f.kind)).collect();
        self.frames.push(Frame { sources: vec![relation], ..Frame::default() });
        let order = self.order(tail.order, &items, source);
        self.frames.pop();
        let columns = (0..items.len()).map(|at| format!("c{at}")).collect::<Vec<_>>().join(", ");
        let sql = format!("SELECT {columns} FROM ({}) AS {alias}{}{}", output.sql, order?, tail.limit);
        Ok(Output { sql, columns: output.columns })
    }

    pub(super) fn values(&mut self, rows: &[&Vec<Expr>], source: &Source<'_>) -> Fallible<Output> {
        let width = rows.first().map_or(0, |row| row.len());
        let mut typed_rows = Vec::new();
        let mut kinds = vec![Type::Null; width];
        for row in rows {
            if row.len() != width || width == 0 {
                return Err(fail::error("001789", "42601", "SQL compilation error:\nrows of VALUES differ in length"));
            }
            let typed = row.iter().map(|expr| self.expr(expr, source)).collect::<Fallible<Vec<_>>>()?;
            for (kind, typed) in kinds.iter_mut().zip(&typed) {
                *kind = kind.meet(typed.kind).ok_or_else(|| inconsistent(*kind, typed.kind))?;
            }
            typed_rows.push(typed);
        }
        let mut texts = Vec::new();
        for row in typed_rows {
            let cells = row
                .into_iter()
                .zip(&kinds)
                .map(|(typed, kind)| self.converted(typed, *kind, false).map(|typed| typed.sql))
                .collect::<Fallible<Vec<_>>>()?;
            texts.push(format!("({})", cells.join(", ")));
        }
        let columns = (1..=width).map(|at| format!("column{at} AS c{}", at - 1)).collect::<Vec<_>>().join(", ");
        let sql = format!("SELECT {columns} FROM (VALUES {})", texts.join(", "));
        let columns = kinds.into_iter().enumerate().map(|(at, kind)| (format!("COLUMN{}", at + 1), kind)).collect();
        Ok(Output { sql, columns })
    }

    // --- SELECT ------------------------------------------------------------------------------------------------------------------

    fn select(&mut self, select: &Select, tail: &Tail<'_>, source: &Source<'_>) -> Fallible<Output> {
        refuse_rare(select)?;
        let from = self.from(&select.from, source)?;
        let mut items = self.items(select, source)?;
        let mut groups = self.groups(select, &items, source)?;
        let having = select.having.as_ref().map(|having| self.condition(having, source)).transpose()?;
        let aggregated = items.iter().any(|item| item.typed.aggregate) || having.as_ref().is_some_and(|h| h.aggregate);
        let grouped = aggregated || !groups.is_empty() || having.is_some();
        let mut having = having;
        if grouped {
            // The second time round every column must be grouped by or aggregated.
            if let Some(frame) = self.frames.last_mut() {
                frame.groups = Some(groups.clone());
                frame.aliases.clear();
            }
            items = self.items(select, source)?;
            having = select.having.as_ref().map(|having| self.condition(having, source)).transpose()?;
            let mut parts = items.iter().map(|item| &item.typed).chain(&having);
            if let Some(bare) = parts.find_map(|typed| typed.bare.as_ref()) {
                return Err((**bare).clone());
            }
        }
        let filter = match &select.selection {
            Some(filter) => {
                let hidden = self.frames.last_mut().and_then(|frame| frame.groups.take());
                let typed = self.condition(filter, source)?;
                if let Some(frame) = self.frames.last_mut() {
                    frame.groups = hidden;
                }
                if typed.aggregate {
                    let text = format!("SQL compilation error:\nInvalid aggregate function in where clause [{filter}]");
                    return Err(fail::error("002035", "42601", text));
                }
                format!(" WHERE {}", typed.sql)
            }
            None => String::new(),
        };
        groups.retain(|group| group.contains('.') || group.contains('('));
        let group = if groups.is_empty() { String::new() } else { format!(" GROUP BY {}", groups.join(", ")) };
        let having = having.map(|typed| format!(" HAVING {}", typed.sql)).unwrap_or_default();
        let distinct = match &select.distinct {
            None | Some(Distinct::All) => "",
            Some(Distinct::Distinct) => "DISTINCT ",
            Some(Distinct::On(_)) => return Err(fail::beyond("DISTINCT ON")),
        };
        let typed: Vec<Typed> = items.iter().map(|item| item.typed.clone()).collect();
        let order = self.order(tail.order, &typed, source)?;
        let limit = match (&select.top, tail.limit.as_str()) {
            (None, limit) => limit.to_owned(),
            (Some(top), "") if !top.with_ties && !top.percent => match &top.quantity {
                Some(TopQuantity::Constant(rows)) => format!(" LIMIT {rows}"),
                Some(TopQuantity::Expr(rows)) => format!(" LIMIT {}", whole(rows)?),
                None => String::new(),
            },
            _ => return Err(fail::beyond("this form of TOP")),
        };
        let list = typed.iter().enumerate().map(|(at, item)| format!("{} AS c{at}", item.sql)).collect::<Vec<_>>();
        let list = list.join(", ");
        let columns: Vec<(String, Type)> = items.into_iter().map(|item| (item.name, item.typed.kind)).collect();
        let sql = match &select.qualify {
            None => format!("SELECT {distinct}{list}{from}{filter}{group}{having}{order}{limit}"),
            Some(qualify) => {
                let condition = self.condition(qualify, source)?;
                let keys: Vec<String> = self.order_keys(tail.order, &typed, source)?;
                let extra = keys.iter().enumerate().map(|(at, key)| format!(", {} AS k{at}", key_of(key)));
                let extra = extra.collect::<Vec<_>>().concat();
                let outer = (0..columns.len()).map(|at| format!("c{at}")).collect::<Vec<_>>().join(", ");
                let order =
                    keys.iter().enumerate().map(|(at, key)| format!("k{at}{}", direction_of(key))).collect::<Vec<_>>();
                let order = if order.is_empty() { String::new() } else { format!(" ORDER BY {}", order.join(", ")) };
                format!(
                    "SELECT {distinct}{outer} FROM (SELECT {list}, {} AS q{extra}{from}{filter}{group}{having}) WHERE q{order}{limit}",
                    condition.sql
                )
            }
        };
        Ok(Output { sql, columns })
    }
}

pub(super) fn inconsistent(one: Type, other: Type) -> crate::sandbox::snowflake::answer::SqlError {
    let text =
        format!("SQL compilation error:\ninconsistent data type for result columns: {}, {}", one.kind(), other.kind());
    fail::error("001790", "42601", text)
}

/// Gives the columns of a derived relation the names of a list behind its alias.
pub(super) fn rename_columns(
    columns: &mut [(String, Type)],
    names: impl ExactSizeIterator<Item = String>,
) -> Fallible<()> {
    if names.len() > columns.len() {
        let text = format!("SQL compilation error:\n{} column names for {} columns", names.len(), columns.len());
        return Err(fail::error("002020", "21S01", text));
    }
    for ((column, _), name) in columns.iter_mut().zip(names) {
        *column = name;
    }
    Ok(())
}

fn refuse_rare(select: &Select) -> Fallible<()> {
    let rare = [
        (select.into.is_some(), "SELECT INTO"),
        (!select.lateral_views.is_empty(), "LATERAL VIEW"),
        (select.prewhere.is_some(), "PREWHERE"),
        (!select.connect_by.is_empty(), "CONNECT BY"),
        (!select.cluster_by.is_empty(), "CLUSTER BY"),
        (!select.distribute_by.is_empty(), "DISTRIBUTE BY"),
        (!select.sort_by.is_empty(), "SORT BY"),
        (!select.named_window.is_empty(), "WINDOW"),
        (select.value_table_mode.is_some(), "SELECT AS"),
        (select.exclude.is_some(), "EXCLUDE outside of *"),
    ];
    match rare.iter().find(|(found, _)| *found) {
        Some((_, what)) => Err(fail::beyond(what)),
        None => Ok(()),
    }
}

/// A whole number that is written out.
fn whole(expr: &Expr) -> Fallible<i64> {
    let found = match expr {
        Expr::Value(value) => match &value.value {
            Value::Number(digits, _) => digits.parse().ok(),
            _ => None,
        },
        _ => None,
    };
    found.ok_or_else(|| {
        fail::error("001013", "42601", format!("SQL compilation error:\nInvalid row count '{expr}' in limit clause"))
    })
}

fn is_null(expr: &Expr) -> bool {
    matches!(expr, Expr::Value(value) if value.value == Value::Null)
}

/// LIMIT, OFFSET and FETCH in the engine's words.
fn limit(query: &Query) -> Fallible<String> {
    let (mut rows, mut skip) = (None, None);
    match &query.limit_clause {
        Some(LimitClause::LimitOffset { limit, offset, limit_by }) if limit_by.is_empty() => {
            rows = limit.as_ref().filter(|limit| !is_null(limit)).map(whole).transpose()?;
            skip = offset.as_ref().map(|offset| &offset.value).filter(|o| !is_null(o)).map(whole).transpose()?;
        }
        Some(_) => return Err(fail::beyond("this form of LIMIT")),
        None => {}
    }
    match &query.fetch {
        Some(Fetch { with_ties: false, percent: false, quantity }) => {
            rows = Some(quantity.as_ref().map_or(Ok(1), whole)?);
        }
        Some(_) => return Err(fail::beyond("this form of FETCH")),
        None => {}
    }
    Ok(match (rows, skip) {
        (None, None) => String::new(),
        (rows, skip) => format!(" LIMIT {} OFFSET {}", rows.unwrap_or(-1), skip.unwrap_or(0)),
    })
}
