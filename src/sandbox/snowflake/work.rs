//! What a statement does outside the account: everything that asks AWS, and blocks of statements.
//!
//! The account is not locked while AWS is asked; what was read from it is in the job, and what comes back is written under a new lock.

use regex_lite::Regex;

use super::access::Access;
use super::answer::{Column, ResultSet, SessionState, SqlError};
use super::context::{Context, Slot};
use super::fail::{self, Fallible};
use super::files::{Chosen, Place};
use super::load::{Load, Unload};
use super::simulator::Simulator;
use super::stage::{self, File, Stage};
use super::state::{Id, TaskRun};
use super::{functions, graph, stream, task};
use crate::sandbox::door::{Assumed, ObjectInfo, Refusal};

/// What a statement came to.
pub(super) enum Outcome {
    Done(ResultSet),
    /// More is to be done, outside.
    Outside(Box<Job>),
}

/// Something to be done outside the account.
#[expect(clippy::large_enum_variant, reason = "one exists at a time, in the box of its outcome")]
pub(super) enum Job {
    CreateStage {
        slot: Slot,
        stage: Box<Stage>,
        comment: Option<String>,
        refresh: bool,
    },
    MoveStage {
        id: Id,
        stage: Box<Stage>,
        comment: Option<String>,
    },
    Refresh {
        stage: Id,
        subpath: String,
    },
    List {
        place: Place,
        pattern: Option<Regex>,
    },
    Remove {
        place: Place,
        pattern: Option<Regex>,
    },
    Copy {
        target: Place,
        source: Place,
        chosen: Chosen,
        pattern: Option<Regex>,
        detailed: bool,
    },
    Load(Box<Load>),
    Unload(Box<Unload>),
    /// The statements of a scripting block.
    Block(Vec<String>),
    RunTask {
        task: Id,
        from: &'static str,
    },
}

/// Who runs a job.
pub(super) struct Worker<'a> {
    pub(super) simulator: &'a Simulator,
    pub(super) session: &'a mut SessionState,
    pub(super) query_id: &'a str,
}

impl Worker<'_> {
    pub(super) async fn run(mut self, job: Job) -> Fallible<ResultSet> {
        match job {
            Job::CreateStage { slot, stage, comment, refresh } => {
                self.create_stage(slot, *stage, comment, refresh).await
            }
            Job::MoveStage { id, mut stage, comment } => {
                stage.region = self.region_of(&stage).await;
                self.locked(|cx| Ok(stage::finish_alter(cx, id, *stage, comment)))
            }
            Job::Refresh { stage, subpath } => self.refresh(stage, &subpath).await,
            Job::List { place, pattern } => self.list(&place, pattern.as_ref()).await,
            Job::Remove { place, pattern } => self.remove(&place, pattern.as_ref()).await,
            Job::Copy { target, source, chosen, pattern, detailed } => {
                self.copy(&target, &source, &chosen, pattern.as_ref(), detailed).await
            }
            Job::Load(load) => self.load(*load).await,
            Job::Unload(unload) => self.unload(*unload).await,
            Job::Block(statements) => self.block(statements).await,
            Job::RunTask { task, from } => self.run_graph(task, from).await,
        }
    }

    /// Runs something in the account.
    pub(super) fn locked<T>(&mut self, work: impl FnOnce(&mut Context<'_>) -> Fallible<T>) -> Fallible<T> {
        self.simulator.with(self.session, self.query_id, work)
    }

    async fn region_of(&self, stage: &Stage) -> Option<String> {
        let (bucket, _) = stage.bucket()?;
        self.simulator.door().bucket_region(bucket).await
    }

    pub(super) async fn assume(&self, access: &Access) -> Fallible<Assumed> {
        let door = self.simulator.door();
        door.assume(&access.principal, &access.role_arn, &access.external_id)
            .await
            .map_err(|refusal| fail::assume_refused(&refusal))
    }

    /// The objects under a path of a stage.
    pub(super) async fn objects(&self, access: &Access, path: &str) -> Fallible<(Assumed, Vec<ObjectInfo>)> {
        let session = self.assume(access).await?;
        let prefix = access.key(path);
        let found = self.simulator.door().list(&session, &access.bucket, &prefix).await;
        let found = found.map_err(|refusal| fail::stage_refused(&refusal))?;
        // Empty objects that stand for folders are no files.
        Ok((session, found.into_iter().filter(|object| !object.key.ends_with('/')).collect()))
    }

    // --- stages ------------------------------------------------------------------------------------------------------------------

    async fn create_stage(
        &mut self,
        slot: Slot,
        mut stage: Stage,
        comment: Option<String>,
        refresh: bool,
    ) -> Fallible<ResultSet> {
        stage.region = self.region_of(&stage).await;
        if refresh {
            let access = self.locked(|cx| stage.access(cx, 0)).map_err(fail::while_refreshing)?;
            let (_, found) = self.objects(&access, "").await.map_err(fail::while_refreshing)?;
            let now = self.locked(|cx| Ok(cx.now))?;
            if let Some(directory) = &mut stage.directory {
                directory.files = found.iter().filter_map(|object| file(&access, object)).collect();
                directory.refreshed = Some(now);
            }
        }
        self.locked(|cx| {
            // Somebody may have taken the name meanwhile.
            let taken = cx.see().find(slot.parent, super::state::Kind::Stage, &slot.name).map(|o| o.id);
            if taken != slot.replaced {
                return Err(fail::already_exists(&slot.name));
            }
            Ok(stage::finish_create(cx, &slot, stage, comment))
        })
    }

    async fn refresh(&mut self, id: Id, subpath: &str) -> Fallible<ResultSet> {
        let access = self.locked(|cx| {
            let Some(stage) = cx.see().stage(id) else { return Err(fail::nowhere()) };
            if stage.directory.is_none() {
                return Err(stream::no_directory(&cx.see().bare_name(id)));
            }
            stage.access(cx, id).map_err(fail::while_refreshing)
        })?;
        let (_, found) = self.objects(&access, subpath).await.map_err(fail::while_refreshing)?;
        // A bucket made after its stage shows its region only now.
        let region = self.simulator.door().bucket_region(&access.bucket).await;
        self.locked(|cx| {
            stage::learn_region(cx, id, region);
            Ok(register(cx, id, &access, subpath, &found))
        })
    }

    // --- blocks and tasks ----------------------------------------------------------------------------------------------------------

    async fn block(&mut self, statements: Vec<String>) -> Fallible<ResultSet> {
        for statement in statements {
            Box::pin(self.simulator.execute(self.session, &statement, self.query_id)).await?;
        }
        let columns = vec![Column::new("anonymous block", "text")];
        Ok(ResultSet { columns, rows: vec![vec![None]], statement_type: 0x9000 })
    }

    /// Runs a task and, as they succeed, what comes after it.
    async fn run_graph(&mut self, root: Id, from: &'static str) -> Fallible<ResultSet> {
        let name = self.locked(|cx| Ok(cx.see().get(root).map(|o| o.name.clone()).unwrap_or_default()))?;
        let mut done = std::collections::BTreeSet::new();
        let mut open = vec![root];
        while let Some(id) = open.pop() {
            let succeeded = self.run_one(id, from).await?;
            if !succeeded {
                continue;
            }
            done.insert(id);
            let next = self.locked(|cx| {
                let ready = |child: &Id| {
                    cx.see().task(*child).is_some_and(|t| {
                        t.started
                            && t.finalize.is_none()
                            && !t.after.is_empty()
                            && t.after.iter().all(|a| done.contains(a))
                    })
                };
                let next =
                    graph::dependents(cx.see(), root).into_iter().filter(|child| !done.contains(child) && ready(child));
                Ok(next.collect::<Vec<_>>())
            })?;
            open.extend(next.into_iter().filter(|id| !open.contains(id)).collect::<Vec<_>>());
        }
        let finalizer = self.locked(|cx| Ok(graph::finalizer(cx.see(), root)))?;
        if let Some(id) = finalizer {
            self.run_one(id, from).await?;
        }
        Ok(ResultSet::status(format!("Task {name} is scheduled to run immediately.")))
    }

    /// One run of one task, with the rights of its owner; what happens goes into the history, not to the caller.
    async fn run_one(&mut self, id: Id, from: &'static str) -> Fallible<bool> {
        let found = self.locked(|cx| {
            let (Some(task), Some(object)) = (cx.see().task(id).cloned(), cx.see().get(id).cloned()) else {
                return Ok(None);
            };
            let (database, schema) = cx.see().container_names(&object);
            Ok(Some((task, object.name, database, schema, task::owner_of(cx, id), cx.now)))
        })?;
        let Some((task, name, database, schema, role, now)) = found else { return Ok(false) };
        let mut session = SessionState {
            user: "SYSTEM".to_owned(),
            role,
            warehouse: task.warehouse.clone(),
            database: Some(database.clone()),
            schema: Some(schema.clone()),
            ..SessionState::default()
        };
        let query_id = uuid::Uuid::new_v4().to_string();
        let due = match &task.when {
            None => Ok(true),
            Some(condition) => {
                let asked =
                    Box::pin(self.simulator.execute(&mut session, &format!("SELECT {condition}"), &query_id)).await;
                asked.map(|answer| {
                    answer.rows.first().and_then(|row| row.first()).is_some_and(|cell| cell.as_deref() == Some("1"))
                })
            }
        };
        let result = match due {
            Ok(false) => None,
            Ok(true) => Some(Box::pin(self.simulator.execute(&mut session, &task.body, &query_id)).await.map(|_| ())),
            Err(error) => Some(Err(error)),
        };
        let (state, error) = match &result {
            None => ("SKIPPED", None),
            Some(Ok(())) => ("SUCCEEDED", None),
            Some(Err(error)) => ("FAILED", Some((error.code.to_owned(), error.message.clone()))),
        };
        let run = TaskRun {
            query_id,
            task: name,
            database,
            schema,
            text: task.body,
            state: state.to_owned(),
            error,
            at: now,
            from: from.to_owned(),
        };
        self.locked(|cx| {
            cx.edit().runs.push(run);
            Ok(())
        })?;
        Ok(matches!(result, Some(Ok(()))))
    }
}

/// A file of a directory, by its path under the stage.
fn file(access: &Access, object: &ObjectInfo) -> Option<(String, File)> {
    let path = object.key.strip_prefix(access.prefix.as_str())?;
    Some((path.to_owned(), File { size: object.size, etag: object.etag.clone(), modified: object.modified_ms }))
}

/// Brings a directory up to date with what S3 holds under a path.
fn register(cx: &mut Context<'_>, id: Id, access: &Access, subpath: &str, found: &[ObjectInfo]) -> ResultSet {
    let now = cx.now;
    let mut rows = Vec::new();
    let mut row = |path: &str, status: &str, description: &str| {
        rows.push(vec![Some(path.to_owned()), Some(status.to_owned()), Some(description.to_owned())]);
    };
    if let Some(directory) = cx.edit().stage_mut(id).and_then(|stage| stage.directory.as_mut()) {
        let live: std::collections::BTreeMap<String, File> =
            found.iter().filter_map(|object| file(access, object)).collect();
        for (path, file) in &live {
            match directory.files.insert(path.clone(), file.clone()) {
                None => row(path, "REGISTERED_NEW", "File registered successfully."),
                Some(old) if old.etag != file.etag || old.size != file.size => {
                    row(path, "REGISTERED_UPDATE", "File registration updated successfully.");
                }
                // The same bytes, whatever their date: nothing changed.
                Some(old) => {
                    directory.files.insert(path.clone(), old);
                }
            }
        }
        let gone: Vec<String> = directory
            .files
            .keys()
            .filter(|path| path.starts_with(subpath) && !live.contains_key(*path))
            .cloned()
            .collect();
        for path in gone {
            directory.files.remove(&path);
            row(&path, "UNREGISTERED", "File unregistered successfully.");
        }
        directory.refreshed = Some(now);
    }
    let columns = ["file", "status", "description"].map(|name| Column::new(name, "text")).into();
    ResultSet { columns, rows, statement_type: 0x6000 }
}

// --- SYSTEM$VALIDATE_STORAGE_INTEGRATION -----------------------------------------------------------------------------------------------

/// Answers one question of `SYSTEM$VALIDATE_STORAGE_INTEGRATION(name, location, file, action)`.
pub(super) async fn validate(
    simulator: &Simulator,
    session: &mut SessionState,
    query_id: &str,
    args: &[String],
) -> Fallible<String> {
    let [name, location, file, action] = args else { return Err(fail::nowhere()) };
    let wanted: &[&str] = match action.to_lowercase().as_str() {
        "read" => &["READ"],
        "write" => &["WRITE"],
        "list" => &["LIST"],
        "delete" => &["DELETE"],
        "all" => &["READ", "DELETE", "LIST", "WRITE"],
        _ => return Err(fail::bad_value(action, "action")),
    };
    let (access, principal) = simulator.with(session, query_id, |cx| {
        let integration = functions::integration_for_check(cx, name)?;
        if !integration.enabled {
            return Err(stage::disabled(name));
        }
        if !integration.allows(location) {
            return Err(fail::location_refused(location, name));
        }
        Ok((integration, cx.see().iam_user_arn()))
    })?;
    let Some((bucket, prefix)) = location.split_once("://").map(|(_, rest)| rest.split_once('/').unwrap_or((rest, "")))
    else {
        return Err(fail::bad_url(location));
    };
    let door = simulator.door();
    let assumed = door.assume(&principal, &access.role_arn, &access.external_id).await;
    let folder = if prefix.is_empty() || prefix.ends_with('/') { "" } else { "/" };
    let key = format!("{prefix}{folder}{file}");
    let mut actions = std::collections::BTreeMap::new();
    // Writing first and deleting last lets the others meet the file.
    for action in ["WRITE", "READ", "LIST", "DELETE"].into_iter().filter(|action| wanted.contains(action)) {
        let outcome = match &assumed {
            Err(refusal) => Err(fail::assume_refused(refusal).message),
            Ok(session) => check_action(simulator, session, bucket, prefix, &key, action).await,
        };
        actions.insert(action, outcome);
    }
    let failed = actions.values().any(Result::is_err);
    let shown: serde_json::Map<String, serde_json::Value> = actions
        .into_iter()
        .map(|(action, outcome)| {
            let outcome = match outcome {
                Ok(()) => serde_json::json!({"status": "success"}),
                Err(message) => serde_json::json!({"status": "failure", "message": message}),
            };
            (action.to_owned(), outcome)
        })
        .collect();
    let mut answer = serde_json::json!({"status": if failed { "failure" } else { "success" }, "actions": shown});
    if failed && let Some(answer) = answer.as_object_mut() {
        let text = "Some of the integration checks failed. Check the Snowflake documentation for more information.";
        answer.insert("message".to_owned(), text.into());
    }
    Ok(answer.to_string())
}

/// One check; the error is the text that Snowflake shows. Reading needs the file to be there, writing needs it not to be.
async fn check_action(
    simulator: &Simulator,
    session: &Assumed,
    bucket: &str,
    prefix: &str,
    key: &str,
    action: &str,
) -> Result<(), String> {
    let door = simulator.door();
    let told = |refusal: Refusal| fail::cause(&refusal);
    match action {
        "LIST" => door.list(session, bucket, prefix).await.map(|_| ()).map_err(told),
        "READ" => door.get(session, bucket, key).await.map(|_| ()).map_err(told),
        "DELETE" => door.delete(session, bucket, key).await.map_err(told),
        _ => {
            if door.get(session, bucket, key).await.is_ok() {
                return Err("The file already exists; choose a name that is not there yet.".to_owned());
            }
            door.put(session, bucket, key, b"snowflake storage integration check".to_vec()).await.map_err(told)
        }
    }
}

/// The error of a state that could not be written.
pub(super) fn not_saved(error: &std::io::Error) -> SqlError {
    fail::error("000603", "XX000", format!("The state of the sandbox account could not be written: {error}"))
}
