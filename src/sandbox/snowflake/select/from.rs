//! FROM: joins, derived relations, and what a name can stand for.

use sqlparser::ast::{Join, JoinConstraint, JoinOperator, ObjectName, Query, TableAlias, TableFactor, TableWithJoins};

use super::compile::{Compiler, Field, Relation, Typed, folded, parts};
use super::items::comparable;
use super::parse::{STAGE, Source};
use super::query::rename_columns;
use super::types::Type;
use crate::sandbox::snowflake::answer::{ResultSet, SqlError};
use crate::sandbox::snowflake::fail::{self, Fallible};
use crate::sandbox::snowflake::parse::Name;
use crate::sandbox::snowflake::state::{Id, Kind};
use crate::sandbox::snowflake::stream;

/// A relation before it has a name: what it is in the engine, and its columns.
pub(super) struct Base {
    pub(super) sql: String,
    pub(super) columns: Vec<(String, Type)>,
    /// What it is called if nobody gives it another name.
    pub(super) path: Vec<String>,
    /// How many of its columns are data; metadata follow, which `*` leaves out.
    pub(super) visible: usize,
}

impl Base {
    pub(super) fn new(sql: String, columns: Vec<(String, Type)>, path: Vec<String>) -> Self {
        let visible = columns.len();
        Self { sql, columns, path, visible }
    }
}

impl Compiler<'_, '_> {
    /// The FROM clause; its relations go into the innermost frame.
    pub(super) fn from(&mut self, from: &[TableWithJoins], source: &Source<'_>) -> Fallible<String> {
        if from.is_empty() {
            return Ok(String::new());
        }
        let mut texts = Vec::new();
        for table in from {
            texts.push(self.table_with_joins(table, source)?);
        }
        // Relations after the first may look into those before them only if they are functions, which SQLite allows here.
        Ok(format!(" FROM {}", texts.join(", ")))
    }

    fn table_with_joins(&mut self, table: &TableWithJoins, source: &Source<'_>) -> Fallible<String> {
        let mut sql = self.factor(&table.relation, source)?;
        for join in &table.joins {
            sql.push_str(&self.join(join, source)?);
        }
        Ok(sql)
    }

    pub(super) fn join(&mut self, join: &Join, source: &Source<'_>) -> Fallible<String> {
        let (word, constraint) = match &join.join_operator {
            JoinOperator::Join(constraint) | JoinOperator::Inner(constraint) => ("JOIN", constraint),
            JoinOperator::Left(constraint) | JoinOperator::LeftOuter(constraint) => ("LEFT JOIN", constraint),
            JoinOperator::Right(constraint) | JoinOperator::RightOuter(constraint) => ("RIGHT JOIN", constraint),
            JoinOperator::FullOuter(constraint) => ("FULL JOIN", constraint),
            JoinOperator::CrossJoin(constraint) => ("CROSS JOIN", constraint),
            _ => return Err(fail::beyond("this kind of join")),
        };
        let before = self.frames.last().map_or(0, |frame| frame.sources.len());
        let right = self.factor(&join.relation, source)?;
        let condition = match constraint {
            JoinConstraint::On(expr) => Some(self.condition(expr, source)?.sql),
            JoinConstraint::None => None,
            JoinConstraint::Using(names) => {
                let names = names.iter().map(|name| Ok(parts(name)?.pop().unwrap_or_default()));
                let names = names.collect::<Fallible<Vec<String>>>()?;
                Some(self.using(&names, before, word)?)
            }
            JoinConstraint::Natural => {
                let names = self.common_names(before);
                if names.is_empty() { None } else { Some(self.using(&names, before, word)?) }
            }
        };
        if condition.is_none() && word != "JOIN" && word != "CROSS JOIN" {
            return Err(fail::syntax(1, 0, "JOIN"));
        }
        Ok(match condition {
            Some(condition) => format!(" {word} {right} ON {condition}"),
            None => format!(" CROSS JOIN {right}"),
        })
    }

    /// Columns that both sides of a join have.
    fn common_names(&self, before: usize) -> Vec<String> {
        let Some(frame) = self.frames.last() else { return Vec::new() };
        let (left, right) = frame.sources.split_at(before.min(frame.sources.len()));
        let right: Vec<&String> = right.iter().flat_map(|s| &s.fields).map(|f| &f.name).collect();
        let left = left.iter().flat_map(|s| &s.fields).filter(|f| !f.hidden && right.contains(&&f.name));
        left.map(|f| f.name.clone()).collect()
    }

    /// `USING (a, b)`: the condition; the columns of the right side are hidden behind those of the left.
    fn using(&mut self, names: &[String], before: usize, word: &str) -> Fallible<String> {
        let mut conditions = Vec::new();
        for name in names {
            let Some(frame) = self.frames.last() else { break };
            let find = |sources: &[Relation]| {
                let mut all = sources.iter().flat_map(|s| &s.fields).filter(|f| f.name == *name && !f.hidden);
                all.next().cloned()
            };
            let (left, right) = frame.sources.split_at(before.min(frame.sources.len()));
            let (Some(left), Some(right)) = (find(left), find(right)) else {
                return Err(fail::unknown_column(1, 0, name));
            };
            let typed = |field: &Field| Typed { constant: false, ..Typed::constant(&field.sql, field.kind) };
            let met = left.kind.meet(right.kind).ok_or_else(|| super::query::inconsistent(left.kind, right.kind))?;
            let (one, two) = (self.converted(typed(&left), met, false)?, self.converted(typed(&right), met, false)?);
            conditions.push(format!("{} = {}", comparable(&one), comparable(&two)));
            let merged = format!("coalesce({}, {})", one.sql, two.sql);
            for (at, source) in self.frames.last_mut().into_iter().flat_map(|f| &mut f.sources).enumerate() {
                for field in source.fields.iter_mut().filter(|f| f.name == *name && !f.hidden) {
                    if at >= before {
                        field.hidden = true;
                    } else if word == "RIGHT JOIN" || word == "FULL JOIN" {
                        (field.sql, field.kind) = (merged.clone(), met);
                    }
                }
            }
        }
        Ok(conditions.join(" AND "))
    }

    pub(super) fn factor(&mut self, factor: &TableFactor, source: &Source<'_>) -> Fallible<String> {
        match factor {
            TableFactor::Table { name, alias, args, version, sample, json_path, .. } => {
                if version.is_some() {
                    return Err(fail::beyond("AT and BEFORE in queries"));
                }
                if sample.is_some() || json_path.is_some() {
                    return Err(fail::beyond("SAMPLE in queries"));
                }
                let base = match args {
                    Some(args) => self.with_args(name, &args.args, source)?,
                    None => self.named(name)?,
                };
                self.alias_base(base, alias.as_ref())
            }
            TableFactor::Derived { lateral: false, subquery, alias, sample: None } => {
                let base = self.derived(subquery, source)?;
                self.alias_base(base, alias.as_ref())
            }
            TableFactor::Derived { .. } => Err(fail::beyond("LATERAL queries")),
            TableFactor::TableFunction { expr, alias } => {
                let base = self.table_function(expr, source)?;
                self.alias_base(base, alias.as_ref())
            }
            TableFactor::Function { name, args, alias, .. } => {
                let base = self.with_args(name, args, source)?;
                self.alias_base(base, alias.as_ref())
            }
            TableFactor::NestedJoin { table_with_joins, alias: None } => {
                Ok(format!("({})", self.deeper(|c| c.table_with_joins(table_with_joins, source))?))
            }
            _ => Err(fail::beyond("this kind of relation")),
        }
    }

    fn derived(&mut self, query: &Query, source: &Source<'_>) -> Fallible<Base> {
        // A derived relation does not see its neighbours.
        let hidden = self.frames.last_mut().map(std::mem::take);
        let output = self.query(query, source);
        if let (Some(hidden), Some(frame)) = (hidden, self.frames.last_mut()) {
            *frame = hidden;
        }
        let output = output?;
        Ok(Base::new(format!("({})", output.sql), output.columns, Vec::new()))
    }

    /// Gives a relation its names and puts it into the frame.
    fn alias_base(&mut self, mut base: Base, alias: Option<&TableAlias>) -> Fallible<String> {
        let sql = self.fresh('s');
        let path = match alias {
            Some(alias) => {
                rename_columns(&mut base.columns, alias.columns.iter().map(|column| folded(&column.name)))?;
                vec![folded(&alias.name)]
            }
            None => base.path,
        };
        let flatten = base.sql.starts_with("json_each");
        let fields = base.columns.into_iter().enumerate().map(|(at, (name, kind))| Field {
            name,
            sql: if flatten { format!("json_extract({sql}.value, '$[{at}]')") } else { format!("{sql}.c{at}") },
            kind,
            hidden: at >= base.visible,
        });
        let relation = Relation { path, fields: fields.collect() };
        if let Some(frame) = self.frames.last_mut() {
            frame.sources.push(relation);
        }
        Ok(format!("{} AS {sql}", base.sql))
    }

    /// A result as a relation; `key` tells it from others that were loaded before.
    pub(super) fn loaded(&mut self, key: String, path: Vec<String>, result: &ResultSet) -> Fallible<Base> {
        let columns: Vec<(String, Type)> =
            result.columns.iter().map(|column| (column.name.clone(), Type::of_column(column))).collect();
        self.loaded_rows(key, path, columns, &result.rows)
    }

    fn loaded_rows(
        &mut self,
        key: String,
        path: Vec<String>,
        columns: Vec<(String, Type)>,
        rows: &[Vec<Option<String>>],
    ) -> Fallible<Base> {
        let types: Vec<Type> = columns.iter().map(|(_, kind)| *kind).collect();
        let table = self.engine.load(&types, rows)?;
        self.loaded.insert(key, (table.clone(), columns.clone()));
        Ok(Base::new(table, columns, path))
    }

    pub(super) fn remembered(&self, key: &str, path: &[String]) -> Option<Base> {
        let (table, columns) = self.loaded.get(key)?.clone();
        Some(Base::new(table, columns, path.to_vec()))
    }

    // --- names -------------------------------------------------------------------------------------------------------------------

    fn named(&mut self, name: &ObjectName) -> Fallible<Base> {
        if let Some(stage) = stage_of(name) {
            return self.staged(stage, &[]);
        }
        let parts = parts(name)?;
        if let [single] = parts.as_slice()
            && let Some(cte) = self.ctes.iter().rev().find(|cte| cte.name == *single)
        {
            return Ok(Base::new(cte.sql.clone(), cte.columns.clone(), parts));
        }
        self.object(&parts)
    }

    /// A stream, a view, a table, or a view of an `INFORMATION_SCHEMA`.
    pub(super) fn object(&mut self, parts: &[String]) -> Fallible<Base> {
        if let Some(base) = self.information_schema(parts)? {
            return Ok(base);
        }
        let name = name_of(parts);
        if let Ok(id) = self.cx.object(Kind::Stream, &name, "SELECT").map(|o| o.id) {
            self.reads.streams.insert(id);
            return self.by_id(id, stream::read);
        }
        if let Ok(id) = self.cx.object(Kind::View, &name, "SELECT").map(|o| o.id) {
            self.cx.demand(id, &["SELECT"])?;
            return self.view(id);
        }
        let id = self.cx.object(Kind::Table, &name, "SELECT").map(|o| o.id).map_err(no_object)?;
        self.cx.demand(id, &["SELECT"])?;
        self.reads.tables.insert(id);
        self.by_id(id, super::rows::of_table)
    }

    fn path_of(&self, id: Id) -> Vec<String> {
        self.cx.see().path(id).into_iter().map(str::to_owned).collect()
    }

    fn by_id(
        &mut self,
        id: Id,
        read: impl FnOnce(&crate::sandbox::snowflake::context::Context<'_>, Id) -> Fallible<ResultSet>,
    ) -> Fallible<Base> {
        let (key, path) = (format!("object {id}"), self.path_of(id));
        if let Some(base) = self.remembered(&key, &path) {
            return Ok(base);
        }
        let rows = read(self.cx, id)?;
        self.loaded(key, path, &rows)
    }

    /// A view is computed with the rights of its owner, where it lies.
    pub(super) fn view(&mut self, id: Id) -> Fallible<Base> {
        let (key, path) = (format!("object {id}"), self.path_of(id));
        if let Some(base) = self.remembered(&key, &path) {
            return Ok(base);
        }
        let Some(view) = self.cx.see().view(id).cloned() else { return Err(fail::nowhere()) };
        if self.views.contains(&id) {
            let text = format!("SQL compilation error:\nView definition for '{}' is recursive.", path.join("."));
            return Err(fail::error("002057", "42601", text));
        }
        self.reads.views.insert(id);
        self.views.push(id);
        let kept = self.cx.stand_in(id);
        let computed = self.nested(&view.query);
        self.cx.stand_back(kept);
        self.views.pop();
        let (mut columns, rows) = computed?;
        if columns.len() != view.columns.len() {
            let text = format!(
                "SQL compilation error:\nView definition for '{}' declared {} column(s), but view query produces {} column(s).",
                path.join("."),
                view.columns.len(),
                columns.len()
            );
            return Err(fail::error("002057", "42601", text));
        }
        rename_columns(&mut columns, view.columns.into_iter())?;
        self.loaded_rows(key, path, columns, &rows)
    }
}

/// The stage that a name is.
pub(super) fn stage_of(name: &ObjectName) -> Option<&str> {
    match name.0.as_slice() {
        [part] => part.as_ident().filter(|ident| ident.quote_style == Some(STAGE)).map(|ident| ident.value.as_str()),
        _ => None,
    }
}

/// `db..t` leaves the schema out.
pub(super) fn name_of(parts: &[String]) -> Name {
    let parts = parts.iter().map(|part| if part.is_empty() { "PUBLIC".to_owned() } else { part.clone() });
    Name(parts.collect())
}

/// What a query may read is called an object, whatever its kind.
fn no_object(error: SqlError) -> SqlError {
    match error.code {
        "002003" => SqlError { sql_state: "42S02", message: error.message.replace("Table '", "Object '"), ..error },
        _ => error,
    }
}
