//! Pipes: a COPY INTO that S3's messages start, file by file.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::access::Access;
use super::answer::{Column, ResultSet, SessionState};
use super::context::{Claim, Context, Create, Slot, created, executed};
use super::fail::{self, Fallible};
use super::load;
use super::parse::{Name, Parser};
use super::props::{Props, unset_keys};
use super::show::{Beyond, Filter, NULL, SHOW, Sheet, timestamp};
use super::simulator::Simulator;
use super::stage;
use super::state::{Body, Id, Kind, Object};
use super::work::{Job, Outcome, Worker};

/// A pipe.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pipe {
    /// The copy statement as submitted.
    definition: String,
    auto_ingest: bool,
    sns_topic: Option<String>,
    error_integration: Option<String>,
    paused: bool,
    /// The stage and the table it was made with, not those that may have taken their names since.
    stage: Id,
    table: Id,
    /// Where its files are: bucket and the beginning of their keys, as they were when it was made.
    bucket: String,
    prefix: String,
    /// The region of the bucket, where it was known.
    region: Option<String>,
    /// Keys that wait.
    pending: BTreeSet<String>,
    /// When the last file was loaded, and which.
    last: Option<(i64, String)>,
}

/// What became of a file that a pipe took up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ingested {
    /// Full name of the pipe.
    pub pipe: String,
    /// The key of the file.
    pub file: String,
    /// `LOADED`, `PARTIALLY_LOADED`, `LOAD_FAILED` or `LOAD_SKIPPED`.
    pub status: String,
    /// What went wrong; empty if nothing did.
    pub message: String,
}

/// How long a file may have been in its stage to be taken up by a refresh, in milliseconds.
const REFRESHED: i64 = 7 * 24 * 60 * 60 * 1000;

/// `CREATE PIPE n [options] AS COPY INTO …`.
pub(super) fn create(cx: &mut Context<'_>, p: &mut Parser<'_>, create: Create) -> Fallible<Outcome> {
    let create = create.if_not_exists(p)?;
    let name = p.name()?;
    let mut props = Props::read(p)?;
    p.need("AS")?;
    let definition = p.rest().trim().trim_end_matches(';').trim_end().to_owned();
    let auto_ingest = props.boolean("AUTO_INGEST")?.unwrap_or(false);
    let sns_topic = props.text("AWS_SNS_TOPIC")?;
    let error_integration = props.name("ERROR_INTEGRATION")?;
    let error_integration = error_integration.map(|name| super::task::listener(cx, &name)).transpose()?;
    let comment = props.text("COMMENT")?;
    if props.has("INTEGRATION") {
        return Err(fail::unsupported("pipes on Azure and Google Cloud"));
    }
    props.finish()?;
    if sns_topic.is_some() && !auto_ingest {
        return Err(fail::bad_combination(("AWS_SNS_TOPIC", "an ARN"), ("AUTO_INGEST", "FALSE")));
    }
    let slot = match cx.claim(Kind::Pipe, &name, create, &[])? {
        Claim::Free(slot) => slot,
        Claim::Taken(answer) => return Ok(Outcome::Done(answer)),
    };
    let copy = copy(cx, slot.parent, &definition)?;
    let pipe = Pipe {
        definition,
        auto_ingest,
        sns_topic,
        error_integration,
        stage: copy.access.stage,
        table: copy.table,
        bucket: copy.access.bucket.clone(),
        prefix: copy.access.key(&copy.path),
        ..Pipe::default()
    };
    Ok(Outcome::Outside(Box::new(Job::CreatePipe { slot, pipe: Box::new(pipe), comment, access: copy.access })))
}

/// What a pipe's statement reads and writes.
struct Copy {
    access: Access,
    path: String,
    table: Id,
}

/// Checks a copy statement as the pipe's schema sees it, and refuses what only a COPY by hand may ask for.
fn copy(cx: &mut Context<'_>, schema: Id, definition: &str) -> Fallible<Copy> {
    let upper = definition.to_uppercase();
    for option in ["FILES", "SIZE_LIMIT", "PURGE", "FORCE", "RETURN_FAILED_ONLY", "VALIDATION_MODE"] {
        let words = upper.split(|c: char| !(c.is_alphanumeric() || c == '_'));
        if words.into_iter().any(|word| word == option) {
            let text = format!("SQL compilation error:\nPipe copy statement may not use the option {option}.");
            return Err(fail::error("001434", "42601", text));
        }
    }
    let home = homes(cx, schema);
    let before = (cx.session.database.clone(), cx.session.schema.clone(), cx.session.warehouse.clone());
    (cx.session.database, cx.session.schema) = home;
    cx.session.warehouse = Some(String::new());
    let read = (|| {
        let mut parser = cx.parser(definition)?;
        parser.need("COPY")?;
        parser.need("INTO")?;
        load::copy_into(cx, &mut parser)
    })();
    (cx.session.database, cx.session.schema, cx.session.warehouse) = before;
    match read? {
        Outcome::Outside(job) => match *job {
            Job::Load(load) => {
                Ok(Copy { access: load.access().clone(), path: load.path().to_owned(), table: load.table() })
            }
            _ => Err(not_a_load()),
        },
        Outcome::Done(_) => Err(not_a_load()),
    }
}

fn not_a_load() -> super::answer::SqlError {
    fail::error(
        "001434",
        "42601",
        "SQL compilation error:\nA pipe's statement must be a COPY INTO a table from a stage.",
    )
}

fn homes(cx: &Context<'_>, schema: Id) -> (Option<String>, Option<String>) {
    let name = |id: Id| cx.see().get(id).map(|o| o.name.clone());
    let database = cx.see().get(schema).map(|o| o.parent);
    (database.and_then(name), name(schema))
}

/// `ALTER PIPE n …`, after the name.
pub(super) fn alter(cx: &mut Context<'_>, p: &mut Parser<'_>, id: Id) -> Fallible<Outcome> {
    if p.eat("REFRESH") {
        let mut props = Props::read(p)?;
        p.end()?;
        let prefix = props.text("PREFIX")?.unwrap_or_default();
        let after = props.text("MODIFIED_AFTER")?;
        props.finish()?;
        if after.is_some() {
            return Err(fail::unsupported("MODIFIED_AFTER"));
        }
        cx.demand(id, &["OPERATE"])?;
        return Ok(Outcome::Outside(Box::new(Job::RefreshPipe { pipe: id, prefix })));
    }
    let unset = !p.eat("SET");
    if unset {
        p.need("UNSET")?;
        cx.demand(id, &[])?;
        for (key, complaint) in unset_keys(p)? {
            let pipe = cx.edit().pipe_mut(id);
            match (key.as_str(), pipe) {
                ("PIPE_EXECUTION_PAUSED", Some(pipe)) => pipe.paused = false,
                ("ERROR_INTEGRATION", Some(pipe)) => pipe.error_integration = None,
                ("COMMENT", _) => set_comment(cx, id, String::new()),
                _ => return Err(complaint),
            }
        }
        p.end()?;
        return Ok(Outcome::Done(executed()));
    }
    let mut props = Props::read(p)?;
    p.end()?;
    let paused = props.boolean("PIPE_EXECUTION_PAUSED")?;
    let error = props.name("ERROR_INTEGRATION")?.map(|name| super::task::listener(cx, &name)).transpose()?;
    let comment = props.text("COMMENT")?;
    props.finish()?;
    let only_paused = paused.is_some() && error.is_none() && comment.is_none();
    cx.demand(id, if only_paused { &["OPERATE"] } else { &[] })?;
    if let Some(pipe) = cx.edit().pipe_mut(id) {
        pipe.paused = paused.unwrap_or(pipe.paused);
        pipe.error_integration = error.or(pipe.error_integration.take());
    }
    if let Some(comment) = comment {
        set_comment(cx, id, comment);
    }
    Ok(Outcome::Done(executed()))
}

fn set_comment(cx: &mut Context<'_>, id: Id, comment: String) {
    if let Some(object) = cx.edit().objects.get_mut(&id) {
        object.comment = comment;
    }
}

const COLUMNS: [&str; 14] = [
    "created_on:timestamp",
    "name",
    "database_name",
    "schema_name",
    "definition",
    "owner",
    "notification_channel",
    "comment",
    "integration",
    "pattern",
    "error_integration",
    "owner_role_type",
    "invalid_reason",
    "kind",
];

/// `SHOW PIPES`.
pub(super) fn show(cx: &Context<'_>, p: &mut Parser<'_>) -> Fallible<ResultSet> {
    let filter = Filter::read(cx, p, Kind::Pipe, true)?;
    let mut sheet = Sheet::new(SHOW, &COLUMNS);
    filter.objects(cx, Kind::Pipe, Beyond::Fail)?.into_iter().for_each(|object| row(cx, object, &mut sheet));
    Ok(sheet.done())
}

/// `DESC PIPE n`.
pub(super) fn describe(cx: &Context<'_>, id: Id) -> ResultSet {
    let mut sheet = Sheet::new(SHOW, &COLUMNS);
    cx.see().get(id).into_iter().for_each(|object| row(cx, object, &mut sheet));
    sheet.done()
}

fn row(cx: &Context<'_>, object: &Object, sheet: &mut Sheet) {
    let Some(pipe) = cx.see().pipe(object.id) else { return };
    let (database, schema) = cx.see().container_names(object);
    let text = |text: Option<String>| text.map_or(NULL, Into::into);
    sheet.row([
        timestamp(object.created),
        (&object.name).into(),
        database.into(),
        schema.into(),
        (&pipe.definition).into(),
        cx.see().role_name(object.owner).into(),
        text(channel(cx, pipe)),
        (&object.comment).into(),
        NULL,
        text(pattern(&pipe.definition)),
        text(pipe.error_integration.clone()),
        "ROLE".into(),
        text(stopped(cx, pipe).map(str::to_owned)),
        "STAGE".into(),
    ]);
}

/// The text behind `PATTERN =`.
fn pattern(definition: &str) -> Option<String> {
    let found = regex_lite::Regex::new(r"(?i)\bPATTERN\s*=>?\s*'((?:[^']|'')*)'").ok()?.captures(definition)?;
    Some(found.get(1)?.as_str().replace("''", "'"))
}

fn channel(cx: &Context<'_>, pipe: &Pipe) -> Option<String> {
    let region = pipe.region.as_deref().filter(|_| pipe.auto_ingest)?;
    pipe.sns_topic.clone().or_else(|| stage::channel(cx.see(), region))
}

/// Why it cannot go on, if it cannot.
fn stopped(cx: &Context<'_>, pipe: &Pipe) -> Option<&'static str> {
    match (cx.see().stage(pipe.stage), cx.see().table(pipe.table)) {
        (None, _) => Some("STOPPED_STAGE_DROPPED"),
        (Some(stage), _) if stage.bucket().is_none_or(|(bucket, prefix)| !at(pipe, bucket, prefix)) => {
            Some("STOPPED_STAGE_ALTERED")
        }
        (_, None) => Some("STOPPED_MISSING_TABLE"),
        _ => None,
    }
}

fn at(pipe: &Pipe, bucket: &str, prefix: &str) -> bool {
    pipe.bucket == bucket && pipe.prefix.starts_with(prefix)
}

/// `SYSTEM$PIPE_STATUS('n')`.
pub(super) fn status(cx: &Context<'_>, name: &str) -> Fallible<String> {
    let id = cx.object_with(Kind::Pipe, &Name::read(name)?, &["MONITOR", "OPERATE"], "SYSTEM$PIPE_STATUS")?;
    let Some(pipe) = cx.see().pipe(id) else { return Err(fail::nowhere()) };
    let state = stopped(cx, pipe).unwrap_or(if pipe.paused { "PAUSED" } else { "RUNNING" });
    let mut status = json!({ "executionState": state, "pendingFileCount": pipe.pending.len() });
    if let Some(channel) = channel(cx, pipe) {
        status["notificationChannelName"] = channel.into();
        status["numOutstandingMessagesOnChannel"] = 0.into();
    }
    if let Some((at, file)) = &pipe.last {
        let at = jiff::Timestamp::from_millisecond(*at).unwrap_or_default();
        status["lastIngestedTimestamp"] = at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string().into();
        status["lastIngestedFilePath"] = file.as_str().into();
    }
    Ok(status.to_string())
}

/// An event has come: every pipe that listens puts the object into its queue.
pub(super) fn notice(cx: &mut Context<'_>, queue_arn: &str, bucket: &str, key: &str) {
    let listens = |object: &&Object| {
        let Some(pipe) = cx.see().pipe(object.id) else { return false };
        let heard = pipe.sns_topic.is_none() && channel(cx, pipe).as_deref() == Some(queue_arn);
        heard && pipe.bucket == bucket && key.starts_with(&pipe.prefix) && !key.ends_with('/')
    };
    let ids: Vec<Id> = cx.see().objects.values().filter(listens).map(|object| object.id).collect();
    for id in ids {
        if let Some(pipe) = cx.edit().pipe_mut(id) {
            pipe.pending.insert(key.to_owned());
        }
    }
}

impl Worker<'_> {
    /// Makes a pipe. One that listens to S3 assumes the role first.
    pub(super) async fn create_pipe(
        &mut self,
        slot: Slot,
        mut pipe: Pipe,
        comment: Option<String>,
        access: Access,
    ) -> Fallible<ResultSet> {
        if pipe.auto_ingest {
            self.assume(&access).await?;
            pipe.region = self.simulator.door().bucket_region(&access.bucket).await;
        }
        self.locked(|cx| {
            let taken = cx.see().find(slot.parent, Kind::Pipe, &slot.name).map(|o| o.id);
            if taken != slot.replaced {
                return Err(fail::already_exists(&slot.name));
            }
            if let Some(region) = &pipe.region {
                stage::queue(cx.edit(), region);
            }
            cx.put(&slot, comment, Body::Pipe(Box::new(pipe)));
            Ok(created("Pipe", &slot.name))
        })
    }

    /// `ALTER PIPE … REFRESH`: the files of the last seven days go into the queue.
    pub(super) async fn refresh_pipe(&mut self, id: Id, prefix: &str) -> Fallible<ResultSet> {
        let (access, begin, since) = self.locked(|cx| {
            let Some(pipe) = cx.see().pipe(id).cloned() else { return Err(fail::nowhere()) };
            let Some(stage) = cx.see().stage(pipe.stage) else {
                return Err(fail::link_broken(&cx.see().bare_name(id)));
            };
            Ok((stage.access(cx, pipe.stage)?, pipe.prefix, cx.now - REFRESHED))
        })?;
        let (_, found) = self.objects(&access, "").await?;
        let wanted = format!("{begin}{prefix}");
        let keys: Vec<String> = found
            .into_iter()
            .filter(|object| object.key.starts_with(&wanted) && object.modified_ms >= since)
            .map(|object| object.key)
            .collect();
        self.locked(|cx| {
            if let Some(pipe) = cx.edit().pipe_mut(id) {
                pipe.pending.extend(keys.iter().cloned());
            }
            Ok(())
        })?;
        let rows = keys.into_iter().map(|key| vec![Some(key), Some("SENT".to_owned())]).collect();
        let columns = ["File", "Status"].map(|name| Column::new(name, "text")).into();
        Ok(ResultSet { columns, rows, statement_type: 0x6000 })
    }
}

impl Simulator {
    /// Loads what waits in the queues of pipes that run, each file by itself. Which files a table has had already, it knows.
    ///
    /// # Errors
    /// When the account cannot be read or written.
    pub async fn ingest(&self) -> Fallible<Vec<Ingested>> {
        let mut system = super::refresh::system();
        let due: Vec<(Id, Pipe, String, SessionState)> = self.with(&mut system, "", |cx| {
            let ready = |object: &&Object| {
                cx.see().pipe(object.id).is_some_and(|p| !p.paused && !p.pending.is_empty() && stopped(cx, p).is_none())
            };
            let of = |object: &Object| {
                let (database, schema) = homes(cx, object.parent);
                let role = cx.see().role_name(object.owner).clone();
                let session = SessionState { role, database, schema, ..super::refresh::system() };
                Some((object.id, cx.see().pipe(object.id)?.clone(), cx.see().full_name(object.id), session))
            };
            Ok(cx.see().objects.values().filter(ready).filter_map(of).collect())
        })?;
        let mut done = Vec::new();
        for (id, pipe, name, mut session) in due {
            for key in &pipe.pending {
                let path = key.strip_prefix(&pipe.prefix).unwrap_or(key);
                let skip =
                    if pipe.definition.to_uppercase().contains("ON_ERROR") { "" } else { " ON_ERROR = SKIP_FILE" };
                let quoted = path.replace('\\', "\\\\").replace('\'', "''");
                let statement = format!("{} FILES = ('{quoted}'){skip}", pipe.definition);
                let loaded = Box::pin(self.execute(&mut session, &statement, "")).await;
                let (status, message) = outcome(loaded);
                done.push(Ingested { pipe: name.clone(), file: key.clone(), status, message });
                self.with(&mut system, "", |cx| {
                    let now = cx.now;
                    if let Some(pipe) = cx.edit().pipe_mut(id) {
                        pipe.pending.remove(key);
                        pipe.last = Some((now, key.clone()));
                    }
                    Ok(())
                })?;
            }
        }
        Ok(done)
    }
}

/// Status and first error of the one file of a load.
fn outcome(answer: Fallible<ResultSet>) -> (String, String) {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return ("LOAD_FAILED".to_owned(), error.message),
    };
    let cell = |name: &str| {
        let at = answer.columns.iter().position(|column| column.name.eq_ignore_ascii_case(name))?;
        answer.rows.first()?.get(at)?.clone()
    };
    // A file that the table has had is not listed.
    let status = cell("status").filter(|_| !answer.rows.is_empty() && answer.columns.len() > 1);
    (status.unwrap_or_else(|| "LOAD_SKIPPED".to_owned()), cell("first_error").unwrap_or_default())
}
