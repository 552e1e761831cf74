//! Statements on the files of stages: LIST, REMOVE, COPY FILES. They are read here and carried out in AWS by [`super::work`].

use regex_lite::Regex;

use super::access::Access;
use super::context::Context;
use super::fail::{self, Fallible};
use super::lex::Tok;
use super::parse::{Parser, StagePath};
use super::props::Props;
use super::query;
use super::state::Kind;
use super::work::{Job, Outcome};

/// A stage with a path under it, checked and ready to be asked for.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) access: Access,
    pub(super) path: String,
}

/// The files that a COPY FILES takes.
#[derive(Clone, Debug)]
pub(super) enum Chosen {
    All,
    /// Paths relative to the source.
    Listed(Vec<String>),
    /// Paths relative to a stage, and new names.
    Renamed(Vec<(String, Option<String>)>),
}

fn place(cx: &Context<'_>, path: StagePath, what: &str) -> Fallible<Place> {
    let id = cx.object_with(Kind::Stage, &path.stage, &["USAGE", "READ", "WRITE"], what)?;
    let Some(stage) = cx.see().stage(id) else { return Err(fail::nowhere()) };
    Ok(Place { access: stage.access(cx, id)?, path: path.path })
}

fn pattern(props: &mut Props) -> Fallible<Option<Regex>> {
    let Some(text) = props.text("PATTERN")? else { return Ok(None) };
    Regex::new(&format!("^(?:{text})$")).map(Some).map_err(|_| fail::bad_property(&text, "PATTERN"))
}

/// `LIST @s[/path] [PATTERN = '…']`.
pub(super) fn list(cx: &Context<'_>, p: &mut Parser<'_>) -> Fallible<Outcome> {
    let path = p.stage_path()?;
    let mut props = Props::read(p)?;
    p.end()?;
    let pattern = pattern(&mut props)?;
    props.finish()?;
    Ok(Outcome::Outside(Box::new(Job::List { place: place(cx, path, "LIST")?, pattern })))
}

/// `REMOVE @s[/path] [PATTERN = '…']`.
pub(super) fn remove(cx: &Context<'_>, p: &mut Parser<'_>) -> Fallible<Outcome> {
    let path = p.stage_path()?;
    let mut props = Props::read(p)?;
    p.end()?;
    let pattern = pattern(&mut props)?;
    props.finish()?;
    Ok(Outcome::Outside(Box::new(Job::Remove { place: place(cx, path, "REMOVE")?, pattern })))
}

/// `COPY FILES INTO @t[/path/] FROM { @s[/path] | (SELECT …) } …`, after the first two words.
pub(super) fn copy_files(cx: &mut Context<'_>, p: &mut Parser<'_>) -> Fallible<Outcome> {
    p.need("INTO")?;
    let target = p.stage_path()?;
    p.need("FROM")?;
    if p.mark("(") {
        let from = p.mark_place();
        let mut depth = 0_usize;
        while let Some(tok) = p.peek() {
            match tok {
                Tok::Mark("(") => depth += 1,
                Tok::Mark(")") if depth == 0 => break,
                Tok::Mark(")") => depth -= 1,
                _ => {}
            }
            p.advance();
        }
        let sql = p.between(from, p.mark_place()).to_owned();
        p.need_mark(")")?;
        let detailed = Props::read(p)?;
        return from_query(cx, p, target, &sql, detailed);
    }
    let source = p.stage_path()?;
    let mut props = Props::read(p)?;
    p.end()?;
    let chosen = props.texts("FILES")?.map_or(Chosen::All, Chosen::Listed);
    let pattern = pattern(&mut props)?;
    let detailed = props.boolean("DETAILED_OUTPUT")?.unwrap_or(true);
    props.finish()?;
    let (target, source) = (place(cx, target, "COPY FILES")?, place(cx, source, "COPY FILES")?);
    Ok(Outcome::Outside(Box::new(Job::Copy { target, source, chosen, pattern, detailed })))
}

/// The first column tells the file (`@stage/path` or a path relative to the stage that the query reads), the second its new name.
fn from_query(
    cx: &mut Context<'_>,
    p: &mut Parser<'_>,
    target: StagePath,
    sql: &str,
    mut props: Props,
) -> Fallible<Outcome> {
    p.end()?;
    let detailed = props.boolean("DETAILED_OUTPUT")?.unwrap_or(true);
    props.finish()?;
    let result = query::run(cx, sql)?;
    let mut source = query::stage_in(cx, sql)?;
    let mut files = Vec::new();
    for row in result.rows {
        let Some(first) = row.first().cloned().flatten() else { continue };
        let relative = match first.strip_prefix('@') {
            Some(raw) => {
                let read = StagePath::read(raw)?;
                source = Some(StagePath { stage: read.stage, path: String::new() });
                read.path
            }
            None => first,
        };
        files.push((relative, row.get(1).cloned().flatten()));
    }
    let target = place(cx, target, "COPY FILES")?;
    let Some(source) = source else {
        return Err(fail::unsupported("COPY FILES from a query that names no stage"));
    };
    let source = place(cx, source, "COPY FILES")?;
    Ok(Outcome::Outside(Box::new(Job::Copy {
        target,
        source,
        chosen: Chosen::Renamed(files),
        pattern: None,
        detailed,
    })))
}
