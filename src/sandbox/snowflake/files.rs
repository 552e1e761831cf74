//! Statements on the files of stages: LIST, REMOVE, COPY FILES. How they are read, and what they do in AWS.

use regex_lite::Regex;

use super::access::Access;
use super::answer::{Column, ResultSet, SqlError};
use super::context::Context;
use super::fail::{self, Fallible};
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

/// The files of one stage that a COPY FILES takes.
#[derive(Clone, Debug)]
pub(super) struct Part {
    source: Place,
    chosen: Chosen,
    pattern: Option<Regex>,
}

#[derive(Clone, Debug)]
enum Chosen {
    All,
    /// Paths relative to the source.
    Listed(Vec<String>),
    /// Paths relative to the stage, and new names.
    Renamed(Vec<Named>),
}

/// A path relative to its stage, and a new name.
type Named = (String, Option<String>);

pub(super) fn place(cx: &Context<'_>, path: StagePath, what: &str) -> Fallible<Place> {
    let id = cx.object_with(Kind::Stage, &path.stage, &["USAGE", "READ", "WRITE"], what)?;
    let Some(stage) = cx.see().stage(id) else { return Err(fail::nowhere()) };
    let access = stage.access(cx, id)?;
    // A path may lead where the integration blocks what lies beside it.
    let url = access.url_of(&access.key(&path.path));
    if let Some(link) = &stage.integration
        && cx.see().integration(link.id).is_some_and(|integration| !integration.allows(&url))
    {
        return Err(fail::location_refused(&url, &link.name));
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

/// `PUT` and `GET` move files between the client and stages of Snowflake's own; external stages have none of it.
pub(super) fn put_or_get(cx: &Context<'_>, p: &mut Parser<'_>, verb: &str) -> SqlError {
    // What stands after `file://` reads like a comment.
    let raw = p.rest().split_whitespace().find_map(|word| word.strip_prefix('@'));
    let path = raw.and_then(|raw| StagePath::read(raw).ok());
    let external = path.and_then(|path| cx.object(Kind::Stage, &path.stage, verb).ok());
    if external.and_then(|object| cx.see().stage(object.id)).is_some_and(|stage| stage.url.is_some()) {
        let text =
            "GET and PUT commands are not supported with external stage; use the S3 API of the stage's bucket instead";
        return fail::stage_failure(text);
    }
    fail::unsupported(&format!(
        "{verb} (internal stages hold no files in the sandbox; put files into the bucket of an external stage)"
    ))
}

/// `COPY FILES INTO @t[/path/] FROM { @s[/path] | (SELECT …) } …`, after the first two words.
pub(super) fn copy_files(cx: &mut Context<'_>, p: &mut Parser<'_>) -> Fallible<Outcome> {
    p.need("INTO")?;
    let target = p.stage_path()?;
    p.need("FROM")?;
    if p.mark("(") {
        let sql = p.bracketed()?;
        let mut props = Props::read(p)?;
        p.end()?;
        let detailed = props.boolean("DETAILED_OUTPUT")?.unwrap_or(true);
        props.finish()?;
        let parts = from_query(cx, &sql)?;
        let target = place(cx, target, "COPY FILES")?;
        return Ok(Outcome::Outside(Box::new(Job::Copy { target, parts, detailed })));
    }
    let source = p.stage_path()?;
    let mut props = Props::read(p)?;
    p.end()?;
    let chosen = listed(&mut props)?.map_or(Chosen::All, Chosen::Listed);
    let pattern = pattern(&mut props)?;
    let detailed = props.boolean("DETAILED_OUTPUT")?.unwrap_or(true);
    props.finish()?;
    let (target, source) = (place(cx, target, "COPY FILES")?, place(cx, source, "COPY FILES")?);
    let parts = vec![Part { source, chosen, pattern }];
    Ok(Outcome::Outside(Box::new(Job::Copy { target, parts, detailed })))
}

/// `FILES = ('a', …)`, of which there may be a thousand.
pub(super) fn listed(props: &mut Props) -> Fallible<Option<Vec<String>>> {
    let files = props.texts("FILES")?;
    match &files {
        Some(files) if files.len() > 1000 => Err(fail::bad_value(&format!("{} files", files.len()), "FILES")),
        _ => Ok(files),
    }
}

/// The first column tells the file (`@stage/path`, its URL, or a path relative to the stage that the query reads), the second its new
/// name. The files of each stage are a part of their own.
fn from_query(cx: &mut Context<'_>, sql: &str) -> Fallible<Vec<Part>> {
    let result = query::run(cx, sql)?;
    if !(1..=2).contains(&result.columns.len()) {
        let text = format!(
            "SQL compilation error:\nCOPY FILES takes a query of one or two columns (the file, its new name), not of {}.",
            result.columns.len()
        );
        return Err(fail::error("002020", "21S01", text));
    }
    let read = query::stage_in(cx, sql)?.map(|path| path.stage);
    let mut stages: Vec<(Name, Vec<Named>)> = Vec::new();
    for row in result.rows {
        let Some(first) = row.first().cloned().flatten() else { continue };
        let (stage, path) = match (first.strip_prefix('@'), first.split_once("/api/files/")) {
            (Some(raw), _) => {
                let read = StagePath::read(raw)?;
                (read.stage, read.path)
            }
            // The URL of a file: database, schema and stage, then the path.
            (None, Some((_, rest))) => {
                let mut parts = rest.splitn(4, '/');
                let mut part = || Name::read(parts.next().unwrap_or_default()).map(|name| name.shown());
                (Name(vec![part()?, part()?, part()?]), parts.next().unwrap_or_default().to_owned())
            }
            (None, None) => match &read {
                Some(stage) => (stage.clone(), first),
                None => return Err(fail::unsupported("COPY FILES of relative paths from a query that names no stage")),
            },
        };
        let file = (path, row.get(1).cloned().flatten());
        match stages.iter_mut().find(|(name, _)| *name == stage) {
            Some((_, files)) => files.push(file),
            None => stages.push((stage, vec![file])),
        }
    }
    stages
        .into_iter()
        .map(|(stage, files)| {
            let source = place(cx, StagePath { stage, path: String::new() }, "COPY FILES")?;
            Ok(Part { source, chosen: Chosen::Renamed(files), pattern: None })
        })
        .collect()
}

impl Part {
    /// The names under which a file is copied: none if it is not chosen, several if a query names it again.
    fn names(&self, relative: &str, url: &str) -> Vec<String> {
        if self.pattern.as_ref().is_some_and(|pattern| !pattern.is_match(url)) {
            return Vec::new();
        }
        match &self.chosen {
            Chosen::All => vec![relative.to_owned()],
            Chosen::Listed(files) => {
                let under =
                    relative.strip_prefix(self.source.path.as_str()).unwrap_or(relative).trim_start_matches('/');
                if files.iter().any(|file| file == under) { vec![relative.to_owned()] } else { Vec::new() }
            }
            Chosen::Renamed(files) => {
                let named = files.iter().filter(|(file, _)| file == relative);
                named.map(|(file, name)| name.clone().unwrap_or_else(|| file.clone())).collect()
            }
        }
    }
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

    pub(super) async fn copy(&mut self, target: &Place, parts: &[Part], detailed: bool) -> Fallible<ResultSet> {
        let writer = self.assume(&target.access).await?;
        let door = self.simulator.door();
        let mut copied = Vec::new();
        for part in parts {
            let Place { access, path } = &part.source;
            let (reader, found) = self.objects(access, path).await?;
            for object in found {
                let Some(relative) = object.key.strip_prefix(access.prefix.as_str()) else { continue };
                for name in part.names(relative.trim_start_matches('/'), &access.url_of(&object.key)) {
                    let body = door.get(&reader, &access.bucket, &object.key).await;
                    let body = body.map_err(|refusal| fail::stage_refused(&refusal))?;
                    let folder = if target.path.is_empty() || target.path.ends_with('/') { "" } else { "/" };
                    let file = format!("{}{folder}{name}", target.path);
                    let put = door.put(&writer, &target.access.bucket, &target.access.key(&file), body).await;
                    put.map_err(|refusal| fail::stage_refused(&refusal))?;
                    copied.push(file);
                }
            }
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
