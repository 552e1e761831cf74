//! The compiler: turns a query of Snowflake's into one of the engine's, checks its names and privileges, and knows the type of every part.
//!
//! No text of the user's is passed on: literals are written anew, columns become numbered ones of numbered relations, and a call becomes
//! a call of a function that is in a table here.

use std::collections::{BTreeMap, BTreeSet};

use sqlparser::ast::{Ident, ObjectName, ObjectNamePart};
use sqlparser::tokenizer::Span;

use super::engine::Engine;
use super::parse::{STAGE, Source};
use super::types::Type;
use crate::sandbox::snowflake::answer::{ResultSet, SqlError};
use crate::sandbox::snowflake::context::Context;
use crate::sandbox::snowflake::fail::{self, Fallible};
use crate::sandbox::snowflake::state::Id;

/// Rows of cells.
type Rows = Vec<Vec<Option<String>>>;

/// How deep queries may be nested in each other, views included.
const DEEPEST: usize = 24;

/// What a query reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::sandbox::snowflake) struct Reads {
    /// Streams, which statements that write consume.
    pub(in crate::sandbox::snowflake) streams: BTreeSet<Id>,
    pub(in crate::sandbox::snowflake) tables: BTreeSet<Id>,
    pub(in crate::sandbox::snowflake) views: BTreeSet<Id>,
}

/// The compiler of one statement.
pub(super) struct Compiler<'c, 'a> {
    pub(super) cx: &'c mut Context<'a>,
    pub(super) engine: Engine,
    pub(super) reads: Reads,
    /// The relation that stands for the files of a stage, if it was given from outside.
    pub(super) files: Option<&'c ResultSet>,
    /// Relations that are in the engine already, by what they are.
    pub(super) loaded: BTreeMap<String, (String, Vec<(String, Type)>)>,
    pub(super) ctes: Vec<Cte>,
    pub(super) frames: Vec<Frame>,
    pub(super) depth: usize,
    pub(super) views: Vec<Id>,
    next: usize,
}

/// A common table expression that is in scope.
#[derive(Clone, Debug)]
pub(super) struct Cte {
    pub(super) name: String,
    /// What it is called in the engine.
    pub(super) sql: String,
    pub(super) columns: Vec<(String, Type)>,
}

/// What one SELECT sees.
#[derive(Clone, Debug, Default)]
pub(super) struct Frame {
    pub(super) sources: Vec<Relation>,
    /// Names given to items of the SELECT.
    pub(super) aliases: Vec<(String, Typed)>,
    /// The compiled expressions of GROUP BY, once they are known.
    pub(super) groups: Option<Vec<String>>,
}

/// A relation in FROM.
#[derive(Clone, Debug)]
pub(super) struct Relation {
    /// The name it goes by: an alias, or the parts of its own name.
    pub(super) path: Vec<String>,
    pub(super) fields: Vec<Field>,
}

/// A column of a relation.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) sql: String,
    pub(super) kind: Type,
    /// Not part of `*`: the twin of a USING column, or a column of metadata.
    pub(super) hidden: bool,
}

/// A compiled expression.
#[derive(Clone, Debug)]
pub(super) struct Typed {
    pub(super) sql: String,
    pub(super) kind: Type,
    /// Whether an aggregate is computed in it.
    pub(super) aggregate: bool,
    /// Whether it is the same for all rows.
    pub(super) constant: bool,
    /// The complaint about a column in it that is neither grouped by nor aggregated.
    pub(super) bare: Option<Box<SqlError>>,
}

impl Typed {
    /// A constant.
    pub(super) fn constant(sql: impl Into<String>, kind: Type) -> Self {
        Self { sql: sql.into(), kind, aggregate: false, constant: true, bare: None }
    }

    /// Something computed from parts.
    pub(super) fn of<'t>(sql: impl Into<String>, kind: Type, parts: impl IntoIterator<Item = &'t Self>) -> Self {
        let mut made = Self::constant(sql, kind);
        for part in parts {
            made.aggregate |= part.aggregate;
            made.constant &= part.constant;
            made.bare = made.bare.or_else(|| part.bare.clone());
        }
        made
    }
}

/// A compiled query: its columns are called `c0`, `c1` and so on in the engine.
pub(super) struct Output {
    pub(super) sql: String,
    pub(super) columns: Vec<(String, Type)>,
}

impl<'c, 'a> Compiler<'c, 'a> {
    pub(super) fn new(cx: &'c mut Context<'a>, engine: Engine) -> Self {
        Self {
            cx,
            engine,
            reads: Reads::default(),
            files: None,
            loaded: BTreeMap::new(),
            ctes: Vec::new(),
            frames: Vec::new(),
            depth: 0,
            views: Vec::new(),
            next: 0,
        }
    }

    /// A name that nothing else in the statement has.
    pub(super) fn fresh(&mut self, letter: char) -> String {
        self.next += 1;
        format!("{letter}{}", self.next)
    }

    /// Counts the nesting of queries.
    pub(super) fn deeper<T>(&mut self, work: impl FnOnce(&mut Self) -> Fallible<T>) -> Fallible<T> {
        if self.depth >= DEEPEST {
            return Err(fail::beyond("queries nested this deeply"));
        }
        self.depth += 1;
        let done = work(self);
        self.depth -= 1;
        done
    }

    /// Compiles and runs a text, with nothing of the surroundings in scope.
    pub(super) fn nested(&mut self, sql: &str) -> Fallible<(Vec<(String, Type)>, Rows)> {
        let source = Source::new(sql, false)?;
        let query = source.query()?;
        let (ctes, frames) = (std::mem::take(&mut self.ctes), std::mem::take(&mut self.frames));
        let compiled = self.deeper(|c| c.query(&query, &source));
        (self.ctes, self.frames) = (ctes, frames);
        let output = compiled?;
        let types: Vec<Type> = output.columns.iter().map(|(_, kind)| *kind).collect();
        let rows = self.engine.run(&output.sql, &types)?;
        Ok((output.columns, rows))
    }

    /// Looks a column up: in the relations of the innermost SELECT, among its aliases, then further out.
    pub(super) fn column(&self, parts: &[String], span: Span) -> Fallible<Typed> {
        for (out, frame) in self.frames.iter().rev().enumerate() {
            if let Some(field) = frame.field(parts)? {
                let mut typed = Typed { constant: false, ..Typed::constant(&field.sql, field.kind) };
                if out == 0 && frame.groups.is_some() {
                    typed.bare = Some(Box::new(not_grouped(parts)));
                }
                return Ok(typed);
            }
            if let [name] = parts
                && let Some((_, typed)) = frame.aliases.iter().find(|(alias, _)| alias == name)
            {
                return Ok(typed.clone());
            }
        }
        Err(unknown_column(parts, span))
    }
}

impl Frame {
    /// The column that a name means; by `$1` the first, and so on.
    pub(super) fn field(&self, parts: &[String]) -> Fallible<Option<&Field>> {
        let Some((name, qualifier)) = parts.split_last() else { return Ok(None) };
        let sources = || self.sources.iter().filter(|source| source.path.ends_with(qualifier));
        if let Some(place) = name.strip_prefix('$').and_then(|digits| digits.parse::<usize>().ok()) {
            let Some(source) = sources().next() else { return Ok(None) };
            let mut named = source.fields.iter().filter(|field| field.name == *name);
            let placed = source.fields.iter().filter(|field| !field.hidden).nth(place.wrapping_sub(1));
            return Ok(named.next().or(placed));
        }
        let mut found = sources().flat_map(|source| &source.fields).filter(|field| field.name == *name);
        let first = found.next();
        // A twin hidden by USING is not ambiguous.
        if let Some(first) = first
            && !first.hidden
            && found.any(|other| !other.hidden)
        {
            return Err(fail::error(
                "002028",
                "42601",
                format!("SQL compilation error:\nambiguous column name '{name}'"),
            ));
        }
        Ok(first)
    }
}

/// The name that an identifier means.
pub(super) fn folded(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_uppercase() }
}

/// The parts of a name; none if it is no plain name.
pub(super) fn parts(name: &ObjectName) -> Fallible<Vec<String>> {
    name.0
        .iter()
        .map(|part| match part {
            ObjectNamePart::Identifier(ident) if ident.quote_style != Some(STAGE) => Ok(folded(ident)),
            _ => Err(fail::beyond("names that are computed")),
        })
        .collect()
}

/// Where a name stands, as errors count: lines from 1, positions from 0.
pub(super) fn place(span: Span) -> (usize, usize) {
    let line = usize::try_from(span.start.line).unwrap_or(1).max(1);
    (line, usize::try_from(span.start.column).unwrap_or(1).saturating_sub(1))
}

fn unknown_column(parts: &[String], span: Span) -> SqlError {
    let (line, position) = place(span);
    fail::unknown_column(line, position, &parts.join("."))
}

fn not_grouped(parts: &[String]) -> SqlError {
    let text = format!("SQL compilation error:\n[{}] is not a valid group by expression", parts.join("."));
    fail::error("000979", "42601", text)
}
