//! Relations with arguments: files and directories of stages, FLATTEN, GENERATOR, `RESULT_SCAN`, and the information schema.

use std::collections::BTreeMap;

use sqlparser::ast::{Expr, FunctionArg, FunctionArgExpr, FunctionArguments, ObjectName};

use super::compile::{Compiler, folded, parts};
use super::engine::engine_name;
use super::from::{Base, name_of, stage_of};
use super::parse::{STAGE, Source};
use super::types::{INTEGER, TEXT, Type};
use crate::sandbox::snowflake::context::{Question, StagedFiles, Told};
use crate::sandbox::snowflake::expr::Val;
use crate::sandbox::snowflake::fail::{self, Fallible};
use crate::sandbox::snowflake::load;
use crate::sandbox::snowflake::parse::{Name, StagePath};
use crate::sandbox::snowflake::query::table_function;
use crate::sandbox::snowflake::state::Kind;

impl Compiler<'_, '_> {
    /// `TABLE(…)`.
    pub(super) fn table_function(&mut self, expr: &Expr, source: &Source<'_>) -> Fallible<Base> {
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
    pub(super) fn with_args(&mut self, name: &ObjectName, args: &[FunctionArg], source: &Source<'_>) -> Fallible<Base> {
        if let Some(stage) = stage_of(name) {
            return self.staged(stage, args);
        }
        let parts = parts(name)?;
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        match parts.as_slice() {
            ["DIRECTORY"] => self.directory(args),
            ["FLATTEN"] => self.flatten(args, source),
            ["GENERATOR"] => self.generator(args, source),
            ["RESULT_SCAN"] => self.result_scan(args, source),
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
        if let Some(base) = self.remembered(&key, &["DIRECTORY".to_owned()]) {
            return Ok(base);
        }
        let rows = super::rows::of_directory(self.cx, id)?;
        self.loaded(key, vec!["DIRECTORY".to_owned()], &rows)
    }

    /// `GENERATOR(ROWCOUNT => n)`: rows without columns.
    fn generator(&mut self, args: &[FunctionArg], source: &Source<'_>) -> Fallible<Base> {
        let mut args = self.constants(args, source)?;
        let rows = match (args.remove("ROWCOUNT"), args.is_empty()) {
            (Some(Val::Number(rows)), true) if (0.0..=1_000_000.0).contains(&rows) => rows,
            _ => return Err(fail::beyond("GENERATOR with anything but a ROWCOUNT of up to a million")),
        };
        let sql = format!(
            "(WITH RECURSIVE n(c0) AS (SELECT 1 WHERE {rows} > 0 UNION ALL SELECT c0 + 1 FROM n WHERE c0 < {rows}) SELECT c0 FROM n)"
        );
        Ok(Base { visible: 0, ..Base::new(sql, vec![(String::new(), INTEGER)], vec!["GENERATOR".to_owned()]) })
    }

    /// What a statement answered before, by its ID.
    fn result_scan(&mut self, args: &[FunctionArg], source: &Source<'_>) -> Fallible<Base> {
        let Some(Val::Text(id)) = self.constants(args, source)?.remove("$1") else {
            return Err(super::call::arity("RESULT_SCAN", 1, args.len()));
        };
        let found = self.cx.results.of(&self.cx.session.user, &id, self.cx.now);
        let found = found.ok_or_else(|| fail::error("000709", "02000", format!("Statement {id} not found")))?;
        self.loaded(format!("result {id}"), vec!["RESULT_SCAN".to_owned()], &found)
    }

    /// The files of a stage. They are read outside of the account: the first time round the question is noted.
    pub(super) fn staged(&mut self, raw: &str, args: &[FunctionArg]) -> Fallible<Base> {
        let path = vec![format!("@{raw}")];
        let result = if let Some(given) = self.files {
            given.clone()
        } else {
            let question = Question::Files(staged_files(raw, args)?);
            let Some(Told::Rows(rows)) = self.cx.outside.get(&question) else {
                self.cx.asked.push(question);
                return Err(fail::beyond("reading staged files here"));
            };
            rows.as_ref().clone()
        };
        let key = self.fresh('f');
        let visible = result.columns.iter().filter(|column| column.name.starts_with('$')).count();
        let base = self.loaded(key, path, &result)?;
        Ok(Base { visible, ..base })
    }

    /// `FLATTEN(INPUT => v, PATH => 'a', OUTER => TRUE, RECURSIVE => TRUE, MODE => 'BOTH')`.
    pub(super) fn flatten(&mut self, args: &[FunctionArg], source: &Source<'_>) -> Fallible<Base> {
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

    /// A view of an `INFORMATION_SCHEMA`, if the name means one.
    pub(super) fn information_schema(&mut self, parts: &[String]) -> Fallible<Option<Base>> {
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

/// The files that a stage in FROM means, by its path and its options.
fn staged_files(raw: &str, args: &[FunctionArg]) -> Fallible<StagedFiles> {
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
