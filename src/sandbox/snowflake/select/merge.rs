//! What a MERGE is to write: pairs of rows that match, and rows of the source that match nothing, each taken by the first clause that
//! wants it.

use std::collections::{BTreeMap, BTreeSet};

use sqlparser::ast::{
    Expr, Merge, MergeAction, MergeClause, MergeClauseKind, MergeInsertKind, MergeUpdateKind, Statement,
};

use super::compile::{Compiler, Reads, parts};
use super::engine::Engine;
use super::parse::Source;
use super::write::{Rows, Target, filled, number};
use super::{apart, env, folds};
use crate::sandbox::snowflake::context::Context;
use crate::sandbox::snowflake::fail::{self, Fallible};
use crate::sandbox::snowflake::state::Id;
use crate::sandbox::snowflake::table::TableColumn;

/// What a MERGE is to do.
#[derive(Default)]
pub(in crate::sandbox::snowflake) struct Merged {
    pub(in crate::sandbox::snowflake) inserted: Rows,
    /// By row, the cells of some places.
    pub(in crate::sandbox::snowflake) updated: BTreeMap<u64, Vec<(usize, Option<String>)>>,
    pub(in crate::sandbox::snowflake) deleted: BTreeSet<u64>,
    /// Which of the three the statement speaks of at all.
    pub(in crate::sandbox::snowflake) speaks_of: [bool; 3],
}

/// Works out what a MERGE is to do.
pub(in crate::sandbox::snowflake) fn to_merge(cx: &mut Context<'_>, sql: &str) -> Fallible<(Id, Merged, Reads)> {
    apart(|| merged(cx, sql))
}

fn merged(cx: &mut Context<'_>, sql: &str) -> Fallible<(Id, Merged, Reads)> {
    let text = Source::new(sql, folds(cx))?;
    let Statement::Merge(Merge { table, source, on, clauses, output: None, .. }) = text.statement()? else {
        return Err(fail::beyond("this form of MERGE"));
    };
    let engine = Engine::new(env(cx))?;
    let mut compiler = Compiler::new(cx, engine);
    let wanted = |action: fn(&MergeAction) -> bool| clauses.iter().any(|clause| action(&clause.action));
    let speaks_of = [
        wanted(|action| matches!(action, MergeAction::Insert(_))),
        wanted(|action| matches!(action, MergeAction::Update(_))),
        wanted(|action| matches!(action, MergeAction::Delete { .. })),
    ];
    let privileges = ["INSERT", "UPDATE", "DELETE"];
    let needed: Vec<&str> = privileges.iter().zip(speaks_of).filter(|(_, wanted)| *wanted).map(|(p, _)| *p).collect();
    let Some((first, rest)) = needed.split_first() else { return Err(fail::beyond("MERGE without a clause")) };
    let target = compiler.target(&table, first)?;
    for privilege in rest {
        compiler.cx.demand(target.id, &[privilege])?;
    }
    let source = compiler.factor(&source, &text)?;
    let on = compiler.condition(&on, &text)?.sql;
    let columns = compiler.cx.see().table(target.id).map(|t| t.columns.clone()).unwrap_or_default();
    let mut work = Work { target, source, on, columns, merged: Merged { speaks_of, ..Merged::default() } };
    compiler.matched(&mut work, &clauses, &text)?;
    compiler.unmatched(&mut work, &clauses, &text)?;
    Ok((work.target.id, work.merged, compiler.reads))
}

/// A MERGE being worked out.
struct Work {
    target: Target,
    source: String,
    on: String,
    columns: Vec<TableColumn>,
    merged: Merged,
}

impl Compiler<'_, '_> {
    /// Which of the clauses takes a row: the number of the first whose condition holds.
    fn taker(&mut self, clauses: &[&MergeClause], text: &Source<'_>) -> Fallible<String> {
        let mut sql = "CASE".to_owned();
        for (at, clause) in clauses.iter().enumerate() {
            let condition = match &clause.predicate {
                Some(predicate) => self.condition(predicate, text)?.sql,
                None => "1".to_owned(),
            };
            sql.push_str(&format!(" WHEN {condition} THEN {at}"));
        }
        Ok(sql + " END")
    }

    fn matched(&mut self, work: &mut Work, clauses: &[MergeClause], text: &Source<'_>) -> Fallible<()> {
        let clauses: Vec<&MergeClause> =
            clauses.iter().filter(|clause| clause.clause_kind == MergeClauseKind::Matched).collect();
        if clauses.is_empty() {
            return Ok(());
        }
        let taker = self.taker(&clauses, text)?;
        let from = format!("FROM {} JOIN {} ON {}", work.target.sql, work.source, work.on);
        let many = format!(
            "SELECT {number} {from} WHERE ({taker}) IS NOT NULL GROUP BY {number} HAVING count(*) > 1 LIMIT 1",
            number = work.target.number
        );
        if !self.engine.values(&many, 1)?.is_empty() {
            return Err(fail::error("100090", "42P18", "Duplicate row detected during DML action"));
        }
        for (at, clause) in clauses.iter().enumerate() {
            match &clause.action {
                MergeAction::Delete { .. } => {
                    let sql = format!("SELECT {} {from} WHERE ({taker}) = {at}", work.target.number);
                    let rows = self.engine.values(&sql, 1)?;
                    work.merged.deleted.extend(rows.iter().map(|row| number(row.first())));
                }
                MergeAction::Update(update) => {
                    let MergeUpdateKind::Set(assignments) = &update.kind else {
                        return Err(fail::beyond("this form of UPDATE in a MERGE"));
                    };
                    if update.update_predicate.is_some() || update.delete_predicate.is_some() {
                        return Err(fail::beyond("conditions inside of UPDATE in a MERGE"));
                    }
                    let (places, items) = self.assignments(assignments, &work.columns, text)?;
                    let sql =
                        format!("SELECT {}, {} {from} WHERE ({taker}) = {at}", work.target.number, items.join(", "));
                    for (row, cells) in self.changed(&sql, &places, &work.columns)? {
                        work.merged.updated.insert(row, places.iter().copied().zip(cells).collect());
                    }
                }
                _ => return Err(fail::beyond("this action of a MERGE")),
            }
        }
        Ok(())
    }

    fn unmatched(&mut self, work: &mut Work, clauses: &[MergeClause], text: &Source<'_>) -> Fallible<()> {
        let is_unmatched = |clause: &&MergeClause| {
            matches!(clause.clause_kind, MergeClauseKind::NotMatched | MergeClauseKind::NotMatchedByTarget)
        };
        if clauses.iter().any(|clause| clause.clause_kind == MergeClauseKind::NotMatchedBySource) {
            return Err(fail::beyond("WHEN NOT MATCHED BY SOURCE"));
        }
        let clauses: Vec<&MergeClause> = clauses.iter().filter(is_unmatched).collect();
        if clauses.is_empty() {
            return Ok(());
        }
        let taker = self.taker(&clauses, text)?;
        let from =
            format!("FROM {} WHERE NOT EXISTS (SELECT 1 FROM {} WHERE {})", work.source, work.target.sql, work.on);
        for (at, clause) in clauses.iter().enumerate() {
            let MergeAction::Insert(insert) = &clause.action else {
                return Err(fail::beyond("this action of a MERGE"));
            };
            let MergeInsertKind::Values(values) = &insert.kind else {
                return Err(fail::beyond("this form of INSERT in a MERGE"));
            };
            let [row] = values.rows.as_slice() else { return Err(fail::beyond("more than one row in a MERGE")) };
            let row: &[Expr] = &row.content;
            let mut places = Vec::new();
            for name in &insert.columns {
                let name = parts(name)?.pop().unwrap_or_default();
                let place = work.columns.iter().position(|column| column.name == name);
                places.push(place.ok_or_else(|| fail::unknown_column(1, 0, &name))?);
            }
            if insert.columns.is_empty() {
                places = (0..work.columns.len()).collect();
            }
            let columns = work.columns.clone();
            let targets: Vec<&TableColumn> = places.iter().filter_map(|place| columns.get(*place)).collect();
            let items = self.cast_row(row, &targets, text)?;
            let rows = self.cells(&format!("SELECT {items} {from} AND ({taker}) = {at}"), &targets)?;
            let mut blank = Vec::new();
            for (at, column) in columns.iter().enumerate() {
                let default = column.default.as_ref().filter(|_| !places.contains(&at));
                blank.push(default.map(|text| super::write::value(self.cx, text, &column.kind)).transpose()?.flatten());
            }
            work.merged.inserted.extend(filled(rows, &places, &blank, &columns)?);
        }
        Ok(())
    }
}
