//! Statements on the files of stages: LIST, REMOVE, COPY FILES. How they are read, and what they do in AWS.

use regex_lite::Regex;

use super::access::Access;
use super::answer::{Column, ResultSet};
use super::context::Context;
use super::fail::{self, Fallible};
use super::lex::Tok;
use super::parse::{Name, Parser, StagePath};
use super::props::Props;
use super::query;
use super::state::Kind;
use super::work::{Job, Outcome, Worker};

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

pub(super) fn place(cx: &Context<'_>, path: StagePath, what: &str) -> Fallible<Place> {
    let id = cx.object_with(Kind::Stage, &path.stage, &["USAGE", "READ", "WRITE"], what)?;
    let Some(stage) = cx.see().stage(id) else { return Err(fail::nowhere()) };
    let access = stage.access(cx, id)?;
    // A path may lead to a location that is blocked, though the stage itself is not.
    if let Some(link) = &stage.integration
        && let whole = format!("{}{}", access.url, path.path)
        && cx.see().integration(link.id).is_none_or(|integration| !integration.allows(&whole))
    {
        return Err(fail::location_refused(&whole, &link.name));
    }
    Ok(Place { access, path: path.path })
}

pub(super) fn pattern(props: &mut Props) -> Fallible<Option<Regex>> {
    props.text("PATTERN")?.as_deref().map(anchored).transpose()
}

/// A pattern, which must fit the whole of what it is held against.
pub(super) fn anchored(pattern: &str) -> Fallible<Regex> {
    Regex::new(&format!("^(?:{pattern})$")).map_err(|_| fail::bad_property(pattern, "PATTERN"))
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
            None => match first.split_once("/api/files/") {
                // The URL of a file: database, schema and stage, then the path.
                Some((_, rest)) => {
                    let mut parts = rest.splitn(4, '/');
                    let mut part = || Name::read(parts.next().unwrap_or_default()).map(|name| name.shown());
                    let stage = Name(vec![part()?, part()?, part()?]);
                    source = Some(StagePath { stage, path: String::new() });
                    parts.next().unwrap_or_default().to_owned()
                }
                None => first,
            },
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

impl Worker<'_> {
    pub(super) async fn list(&mut self, place: &Place, pattern: Option<&Regex>) -> Fallible<ResultSet> {
        let (_, found) = self.objects(&place.access, &place.path).await?;
        let columns = [("name", "text"), ("size", "fixed"), ("md5", "text"), ("last_modified", "text")];
        let rows = found
            .iter()
            .map(|object| (place.access.url_of(&object.key), object))
            .filter(|(url, _)| pattern.is_none_or(|pattern| pattern.is_match(url)))
            .map(|(url, object)| {
                vec![
                    Some(url),
                    Some(object.size.to_string()),
                    Some(object.etag.clone()),
                    Some(http_date(object.modified_ms)),
                ]
            })
            .collect();
        Ok(ResultSet {
            columns: columns.map(|(name, kind)| Column::new(name, kind)).into(),
            rows,
            statement_type: 0x4701,
        })
    }

    pub(super) async fn remove(&mut self, place: &Place, pattern: Option<&Regex>) -> Fallible<ResultSet> {
        let (session, found) = self.objects(&place.access, &place.path).await?;
        let mut rows = Vec::new();
        for object in found {
            let url = place.access.url_of(&object.key);
            if pattern.is_some_and(|pattern| !pattern.is_match(&url)) {
                continue;
            }
            let gone = self.simulator.door().delete(&session, &place.access.bucket, &object.key).await;
            gone.map_err(|refusal| fail::stage_refused(&refusal))?;
            rows.push(vec![Some(url), Some("removed".to_owned())]);
        }
        let columns = ["name", "result"].map(|name| Column::new(name, "text")).into();
        Ok(ResultSet { columns, rows, statement_type: 0x7000 })
    }

    pub(super) async fn copy(
        &mut self,
        target: &Place,
        source: &Place,
        chosen: &Chosen,
        pattern: Option<&Regex>,
        detailed: bool,
    ) -> Fallible<ResultSet> {
        let (reader, found) = self.objects(&source.access, &source.path).await?;
        let writer = self.assume(&target.access).await?;
        let mut copied = Vec::new();
        for object in found {
            let Some(relative) = object.key.strip_prefix(source.access.prefix.as_str()) else { continue };
            let under = relative.strip_prefix(source.path.as_str()).unwrap_or(relative).trim_start_matches('/');
            let name = match chosen {
                Chosen::All => Some(relative.to_owned()),
                Chosen::Listed(files) => files.iter().any(|file| file == under).then(|| relative.to_owned()),
                Chosen::Renamed(files) => files
                    .iter()
                    .find(|(file, _)| file == relative)
                    .map(|(file, name)| name.clone().unwrap_or_else(|| file.clone())),
            };
            let Some(name) = name.filter(|_| pattern.is_none_or(|p| p.is_match(&source.access.url_of(&object.key))))
            else {
                continue;
            };
            let door = self.simulator.door();
            let body = door.get(&reader, &source.access.bucket, &object.key).await;
            let body = body.map_err(|refusal| fail::stage_refused(&refusal))?;
            let folder = if target.path.is_empty() || target.path.ends_with('/') { "" } else { "/" };
            let key = format!("{}{}{folder}{name}", target.access.prefix, target.path);
            let put = door.put(&writer, &target.access.bucket, &key, body).await;
            put.map_err(|refusal| fail::stage_refused(&refusal))?;
            copied.push(format!("{}{folder}{name}", target.path));
        }
        let (column, rows) = if detailed {
            (Column::new("file", "text"), copied.into_iter().map(|file| vec![Some(file)]).collect())
        } else {
            (Column::new("numOfFilesCopied", "fixed"), vec![vec![Some(copied.len().to_string())]])
        };
        Ok(ResultSet { columns: vec![column], rows, statement_type: 0x3600 })
    }
}

/// `Mon, 11 Sep 2022 16:57:43 GMT`.
fn http_date(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms)
        .map(|at| at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())
        .unwrap_or_default()
}
