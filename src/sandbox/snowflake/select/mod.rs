//! SELECT: parsed by a parser that knows Snowflake's SQL, compiled with types and privileges, and run by `SQLite` in memory.

mod aggregate;
mod call;
mod compile;
mod conversion;
mod convert;
mod dates;
mod engine;
mod expr;
mod from;
mod information;
mod items;
mod merge;
mod moment;
mod operator;
mod parse;
mod query;
mod rows;
mod scalar;
mod table_function;
mod types;
mod write;

use std::ops::ControlFlow;

use sqlparser::ast::{Expr, FunctionArg, FunctionArgExpr, Query, TableFactor, Visit, Visitor};

use self::compile::Compiler;
pub(super) use self::compile::Reads;
use self::convert::Env;
use self::engine::Engine;
pub(super) use self::merge::{Merged, to_merge};
use self::parse::Source;
use self::types::Type;
pub(super) use self::write::{Changes, rows_for, to_delete, to_update, value};
use super::answer::ResultSet;
use super::context::Context;
use super::fail::{self, Fallible};
use super::params;
use super::parse::{Name, StagePath};
use super::state::{Id, Kind};

/// How much stack the deepest query may take.
const STACK: usize = 64 << 20;

/// Works on a thread of its own with a stack for the deepest query: syntax trees are walked by recursion, and those who ask have
/// stacks of any size.
fn apart<T: Send>(work: impl FnOnce() -> Fallible<T> + Send) -> Fallible<T> {
    let broken = || fail::error("000603", "XX000", "The query could not be worked on.");
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("query".to_owned()).stack_size(STACK).spawn_scoped(scope, work);
        thread.map_err(|_| broken())?.join().map_err(|_| broken())?
    })
}

/// Runs a query and tells what it read.
pub(super) fn run(cx: &mut Context<'_>, sql: &str) -> Fallible<(ResultSet, Reads)> {
    apart(|| {
        let source = Source::new(sql, folds(cx))?;
        let query = source.query()?;
        answer(cx, &query, &source, None)
    })
}

/// Runs a query whose FROM is the files of a stage, over rows that were read from them: columns `$1`, `$2` and so on, and `METADATA$…`.
pub(super) fn project(cx: &mut Context<'_>, sql: &str, files: &ResultSet) -> Fallible<ResultSet> {
    apart(|| {
        let source = Source::new(sql, folds(cx))?;
        let query = source.query()?;
        answer(cx, &query, &source, Some(files)).map(|(result, _)| result)
    })
}

fn answer<'c>(
    cx: &'c mut Context<'_>,
    query: &Query,
    source: &Source<'_>,
    files: Option<&'c ResultSet>,
) -> Fallible<(ResultSet, Reads)> {
    let engine = Engine::new(env(cx))?;
    let mut compiler = Compiler::new(cx, engine);
    compiler.files = files;
    let output = compiler.query(query, source)?;
    let types: Vec<Type> = output.columns.iter().map(|(_, kind)| *kind).collect();
    let rows = compiler.engine.run(&output.sql, &types)?;
    let columns = output.columns.iter().map(|(name, kind)| kind.column(name)).collect();
    Ok((ResultSet { columns, rows, statement_type: 0x1000 }, compiler.reads))
}

fn folds(cx: &Context<'_>) -> bool {
    params::in_session(cx, "QUOTED_IDENTIFIERS_IGNORE_CASE") == "true"
}

fn env(cx: &Context<'_>) -> Env {
    let zone = jiff::tz::TimeZone::get(&params::in_session(cx, "TIMEZONE")).unwrap_or(jiff::tz::TimeZone::UTC);
    Env { zone, now: cx.now.saturating_mul(1000), sequence: std::sync::Arc::default() }
}

/// What a text names in its FROM clauses, subqueries included, without running it.
pub(super) struct Named {
    /// Names of relations; those of common table expressions are left out.
    pub(super) relations: Vec<Name>,
    /// Stages that are read as directories or as files.
    pub(super) stages: Vec<StagePath>,
}

/// Walks a query for what it reads.
pub(super) fn named_in(cx: &Context<'_>, sql: &str) -> Fallible<Named> {
    apart(|| walk(&Source::new(sql, folds(cx))?.query()?))
}

fn walk(query: &Query) -> Fallible<Named> {
    let mut walk = Walk { ctes: Vec::new(), found: Named { relations: Vec::new(), stages: Vec::new() } };
    match query.visit(&mut walk) {
        ControlFlow::Continue(()) => Ok(walk.found),
        ControlFlow::Break(error) => Err(error),
    }
}

struct Walk {
    ctes: Vec<String>,
    found: Named,
}

impl Walk {
    fn stage(&mut self, raw: &str) -> Fallible<()> {
        self.found.stages.push(StagePath::read(raw)?);
        Ok(())
    }

    fn factor(&mut self, factor: &TableFactor) -> Fallible<()> {
        let TableFactor::Table { name, args, .. } = factor else { return Ok(()) };
        let stage = |expr: &Expr| match expr {
            Expr::Identifier(ident) if ident.quote_style == Some(parse::STAGE) => Some(ident.value.clone()),
            Expr::Value(value) => value.value.clone().into_string()?.strip_prefix('@').map(str::to_owned),
            _ => None,
        };
        if let [part] = name.0.as_slice()
            && let Some(ident) = part.as_ident().filter(|ident| ident.quote_style == Some(parse::STAGE))
        {
            return self.stage(&ident.value);
        }
        let parts = compile::parts(name)?;
        match args {
            Some(args) if parts == ["DIRECTORY"] => {
                if let [FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))] = args.args.as_slice()
                    && let Some(raw) = stage(expr)
                {
                    self.stage(&raw)?;
                }
            }
            Some(_) => {}
            None if matches!(parts.as_slice(), [single] if self.ctes.contains(single)) => {}
            None => self.found.relations.push(from::name_of(&parts)),
        }
        Ok(())
    }
}

impl Visitor for Walk {
    type Break = super::answer::SqlError;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Self::Break> {
        let ctes = query.with.iter().flat_map(|with| &with.cte_tables);
        self.ctes.extend(ctes.map(|cte| compile::folded(&cte.alias.name)));
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Self::Break> {
        match self.factor(factor) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }
}

/// The ids of the objects of a kind among names; names of other kinds, and of what is not there, are passed over.
pub(super) fn ids_of(cx: &Context<'_>, names: &[Name], kind: Kind) -> Vec<Id> {
    names.iter().filter_map(|name| cx.object(kind, name, "SELECT").ok()).map(|object| object.id).collect()
}

/// A table's columns for the columns of a result.
pub(super) fn kind_of(column: &super::answer::Column) -> String {
    Type::of_column(column).kind()
}

/// A result's column for a column of a table.
pub(super) fn column_of(name: &str, kind: &str) -> Fallible<super::answer::Column> {
    Type::of_kind(kind).map(|kind| kind.column(name))
}
