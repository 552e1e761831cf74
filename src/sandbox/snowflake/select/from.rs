//! FROM: joins, derived relations, and what a name can stand for.

use std::collections::BTreeMap;

use sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Join, JoinConstraint, JoinOperator, ObjectName, Query,
    TableAlias, TableFactor, TableWithJoins,
};

use super::compile::{Compiler, Field, Relation, Typed, folded, parts};
use super::engine::engine_name;
use super::parse::{STAGE, Source};
use super::query::{comparable, rename_columns};
use super::types::{INTEGER, TEXT, Type};
use crate::sandbox::snowflake::answer::{ResultSet, SqlError};
use crate::sandbox::snowflake::context::{Question, StagedFiles, Told};
use crate::sandbox::snowflake::expr::Val;
use crate::sandbox::snowflake::fail::{self, Fallible};
use crate::sandbox::snowflake::load;
use crate::sandbox::snowflake::parse::{Name, StagePath};
use crate::sandbox::snowflake::query::table_function;
use crate::sandbox::snowflake::state::{Id, Kind};
use crate::sandbox::snowflake::stream;

/// A relation before it has a name: what it is in the engine, and its columns.
struct Base {
    sql: String,
    columns: Vec<(String, Type)>,
    /// What it is called if nobody gives it another name.
    path: Vec<String>,
    /// How many of its columns are data; metadata follow, which `*` leaves out.
    visible: usize,
}

impl Base {
    fn new(sql: String, columns: Vec<(String, Type)>, path: Vec<String>) -> Self {
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

    fn join(&mut self, join: &Join, source: &Source<'_>) -> Fallible<String> {
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

    fn factor(&mut self, factor: &TableFactor, source: &Source<'_>) -> Fallible<String> {
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
    fn loaded(&mut self, key: String, path: Vec<String>, result: &ResultSet) -> Fallible<Base> {
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

    fn remembered(&self, key: &str, path: &[String]) -> Option<Base> {
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

    /// A stream, a view, a table, or a view of an INFORMATION_SCHEMA.
    fn object(&mut self, parts: &[String]) -> Fallible<Base> {
        if let Some(base) = self.information_schema(parts)? {
            return Ok(base);
        }
        let name = name_of(parts);
        if let Ok(id) = self.cx.object(Kind::Stream, &name, "SELECT").map(|o| o.id) {
            self.reads.streams.insert(id);
            return self.by_id(id, |cx, id| stream::read(cx, id));
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
    fn view(&mut self, id: Id) -> Fallible<Base> {
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

    // --- functions ---------------------------------------------------------------------------------------------------------------

    /// `TABLE(…)`.
    fn table_function(&mut self, expr: &Expr, source: &Source<'_>) -> Fallible<Base> {
        match expr {
            Expr::Function(function) => match &function.args {
                FunctionArguments::List(list) => self.with_args(&function.name, &list.args, source),
                _ => self.with_args(&function.name, &[], source),
            },
            Expr::Identifier(ident) => self.object(&[folded(ident)]),
            Expr::CompoundIdentifier(idents) => self.object(&idents.iter().map(folded).collect::<Vec<_>>()),
            Expr::Value(_) => {
                let typed = self.expr(expr, source)?;
                match self.constant(&typed)? {
                    Val::Text(text) => self.object(&Name::read(&text)?.0),
                    _ => Err(fail::beyond("this kind of TABLE()")),
                }
            }
            _ => Err(fail::beyond("this kind of TABLE()")),
        }
    }

    /// A relation with arguments: files of a stage, a directory, a table function.
    fn with_args(&mut self, name: &ObjectName, args: &[FunctionArg], source: &Source<'_>) -> Fallible<Base> {
        if let Some(stage) = stage_of(name) {
            return self.staged(stage, args);
        }
        let parts = parts(name)?;
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        match parts.as_slice() {
            ["DIRECTORY"] => self.directory(args),
            ["FLATTEN"] => self.flatten(args, source),
            ["TABLE"] => match args {
                [FunctionArg::Unnamed(FunctionArgExpr::Expr(inner))] => self.table_function(inner, source),
                _ => Err(fail::beyond("this kind of TABLE()")),
            },
            ["IDENTIFIER"] => {
                let mut args = self.constants(args, source)?;
                match args.remove("$1") {
                    Some(Val::Text(text)) => self.object(&Name::read(&text)?.0),
                    _ => Err(fail::beyond("IDENTIFIER of anything but a text")),
                }
            }
            ["INFORMATION_SCHEMA", function] => {
                let database = self.cx.session.database.clone();
                let database = database.ok_or_else(|| fail::no_database("SELECT"))?;
                self.information_function(&database, function, args, source)
            }
            [database, "INFORMATION_SCHEMA", function] => self.information_function(database, function, args, source),
            ["VALIDATE"] => self.validate(args, source),
            [function] | [.., function] => Err(fail::error(
                "002141",
                "42601",
                format!("SQL compilation error:\nUnknown user-defined table function {function}"),
            )),
            [] => Err(fail::nowhere()),
        }
    }

    /// `VALIDATE(t, JOB_ID => '_last')`: its first argument is the name of a table.
    fn validate(&mut self, args: &[FunctionArg], source: &Source<'_>) -> Fallible<Base> {
        let Some((FunctionArg::Unnamed(FunctionArgExpr::Expr(table)), rest)) = args.split_first() else {
            return Err(fail::beyond("VALIDATE without a table"));
        };
        let name: Vec<String> = match table {
            Expr::Identifier(ident) => vec![folded(ident)],
            Expr::CompoundIdentifier(idents) => idents.iter().map(folded).collect(),
            _ => return Err(fail::beyond("VALIDATE of anything but a table")),
        };
        let rest = self.constants(rest, source)?;
        let result = load::validate(self.cx, &name_of(&name), &rest)?;
        let key = self.fresh('f');
        self.loaded(key, vec!["VALIDATE".to_owned()], &result)
    }

    fn information_function(
        &mut self,
        database: &str,
        function: &str,
        args: &[FunctionArg],
        source: &Source<'_>,
    ) -> Fallible<Base> {
        self.cx.database(database)?;
        let args = self.constants(args, source)?;
        let result = match table_function(function) {
            Some(run) => run(self.cx, &args)?,
            None => return Err(fail::beyond(&format!("table function {function}"))),
        };
        let key = self.fresh('f');
        self.loaded(key, vec![function.to_owned()], &result)
    }

    /// Arguments that are the same for all rows, by their names; unnamed ones are `$1`, `$2` and so on.
    fn constants(&mut self, args: &[FunctionArg], source: &Source<'_>) -> Fallible<BTreeMap<String, Val>> {
        let mut found = BTreeMap::new();
        for (at, arg) in args.iter().enumerate() {
            let (name, expr) = match arg {
                FunctionArg::Named { name, arg: FunctionArgExpr::Expr(expr), .. } => (folded(name), expr),
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => (format!("${}", at + 1), expr),
                _ => return Err(fail::beyond("this kind of argument")),
            };
            let typed = self.expr(expr, source)?;
            found.insert(name, self.constant(&typed)?);
        }
        Ok(found)
    }

    fn directory(&mut self, args: &[FunctionArg]) -> Fallible<Base> {
        let raw = match args {
            [FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Identifier(ident)))]
                if ident.quote_style == Some(STAGE) =>
            {
                ident.value.clone()
            }
            [FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(value)))] => {
                match value.value.clone().into_string().and_then(|text| text.strip_prefix('@').map(str::to_owned)) {
                    Some(raw) => raw,
                    None => return Err(fail::beyond("DIRECTORY of anything but a stage")),
                }
            }
            _ => return Err(fail::beyond("DIRECTORY of anything but a stage")),
        };
        let path = StagePath::read(&raw)?;
        let id = self.cx.object_with(Kind::Stage, &path.stage, &["USAGE", "READ"], "SELECT")?;
        let key = format!("directory {id}");
        match self.remembered(&key, &["DIRECTORY".to_owned()]) {
            Some(base) => Ok(base),
            None => {
                let rows = super::rows::of_directory(self.cx, id)?;
                self.loaded(key, vec!["DIRECTORY".to_owned()], &rows)
            }
        }
    }

    /// The files of a stage. They are read outside of the account: the first time round the question is noted.
    fn staged(&mut self, raw: &str, args: &[FunctionArg]) -> Fallible<Base> {
        let path = vec![format!("@{raw}")];
        let given = self.files.cloned();
        let result = match given {
            Some(given) => given,
            None => {
                let question = Question::Files(self.staged_files(raw, args)?);
                match self.cx.outside.get(&question) {
                    Some(Told::Rows(rows)) => rows.as_ref().clone(),
                    _ => {
                        self.cx.asked.push(question);
                        return Err(fail::beyond("reading staged files here"));
                    }
                }
            }
        };
        let key = self.fresh('f');
        let visible = result.columns.iter().filter(|column| column.name.starts_with('$')).count();
        let base = self.loaded(key, path, &result)?;
        Ok(Base { visible, ..base })
    }

    fn staged_files(&mut self, raw: &str, args: &[FunctionArg]) -> Fallible<StagedFiles> {
        let mut files = StagedFiles { stage: StagePath::read(raw)?, file_format: None, pattern: None };
        for arg in args {
            let FunctionArg::Named { name, arg: FunctionArgExpr::Expr(expr), .. } = arg else {
                return Err(fail::beyond("this option of a stage in FROM"));
            };
            let value = match expr {
                Expr::Value(value) => value.value.clone().into_string(),
                Expr::Identifier(ident) => Some(format!("\"{}\"", folded(ident).replace('"', "\"\""))),
                Expr::CompoundIdentifier(idents) => {
                    let parts = idents.iter().map(|i| format!("\"{}\"", folded(i).replace('"', "\"\"")));
                    Some(parts.collect::<Vec<_>>().join("."))
                }
                _ => None,
            };
            match (folded(name).as_str(), value) {
                ("FILE_FORMAT", Some(value)) => files.file_format = Some(value),
                ("PATTERN", Some(value)) => files.pattern = Some(value),
                (other, _) => return Err(fail::beyond(&format!("the option {other} of a stage in FROM"))),
            }
        }
        Ok(files)
    }

    /// `FLATTEN(INPUT => v, PATH => 'a', OUTER => TRUE, RECURSIVE => TRUE, MODE => 'BOTH')`.
    fn flatten(&mut self, args: &[FunctionArg], source: &Source<'_>) -> Fallible<Base> {
        let mut input = None;
        let mut options: BTreeMap<String, String> = BTreeMap::new();
        for arg in args {
            match arg {
                FunctionArg::Named { name, arg: FunctionArgExpr::Expr(expr), .. } if folded(name) != "INPUT" => {
                    let typed = self.expr(expr, source)?;
                    let text = match self.constant(&typed)? {
                        Val::Bool(value) => i64::from(value).to_string(),
                        other => super::expr::literal(&other.text().unwrap_or_default()),
                    };
                    options.insert(folded(name), text);
                }
                FunctionArg::Named { arg: FunctionArgExpr::Expr(expr), .. }
                | FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => input = Some(self.expr(expr, source)?),
                _ => return Err(fail::beyond("this kind of argument of FLATTEN")),
            }
        }
        let Some(input) = input else { return Err(fail::missing_options(&["INPUT"])) };
        let input = self.converted(input, Type::Variant, false)?;
        let option = |name: &str, default: &str| options.get(name).cloned().unwrap_or_else(|| default.to_owned());
        let sql = format!(
            "json_each({}({}, {}, {}, {}, {}))",
            engine_name("$FLATTEN"),
            input.sql,
            option("PATH", "''"),
            option("OUTER", "0"),
            option("RECURSIVE", "0"),
            option("MODE", "'BOTH'"),
        );
        let columns = [
            ("SEQ", INTEGER),
            ("KEY", TEXT),
            ("PATH", TEXT),
            ("INDEX", INTEGER),
            ("VALUE", Type::Variant),
            ("THIS", Type::Variant),
        ];
        let columns = columns.map(|(name, kind)| (name.to_owned(), kind)).to_vec();
        Ok(Base::new(sql, columns, vec!["FLATTEN".to_owned()]))
    }

    /// A view of an INFORMATION_SCHEMA, if the name means one.
    fn information_schema(&mut self, parts: &[String]) -> Fallible<Option<Base>> {
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let (database, view) = match parts.as_slice() {
            ["SNOWFLAKE", schema, _] => return Err(fail::beyond(&format!("SNOWFLAKE.{schema}"))),
            ["INFORMATION_SCHEMA", view] => {
                let database = self.cx.session.database.clone();
                (database.ok_or_else(|| fail::no_database("SELECT"))?, *view)
            }
            [database, "INFORMATION_SCHEMA", view] => ((*database).to_owned(), *view),
            _ => return Ok(None),
        };
        let id = self.cx.database(&database)?.id;
        let path = vec![database, "INFORMATION_SCHEMA".to_owned(), view.to_owned()];
        let key = path.join(".");
        if let Some(base) = self.remembered(&key, &path) {
            return Ok(Some(base));
        }
        let rows = super::information::view(self.cx, id, view)?;
        self.loaded(key, path, &rows).map(Some)
    }
}

/// The stage that a name is.
fn stage_of(name: &ObjectName) -> Option<&str> {
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
