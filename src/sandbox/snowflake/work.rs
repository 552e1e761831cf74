//! What a statement does outside the account: everything that asks AWS, and blocks of statements.
//!
//! The account is not locked while AWS is asked; what was read from it is in the job, and what comes back is written under a new lock.

use regex_lite::Regex;

use super::access::{Access, By};
use super::answer::{Column, ResultSet, SessionState, SqlError};
use super::context::{Context, Question, Slot, Told};
use super::fail::{self, Fallible};
use super::files::{Part, Place};
use super::functions;
use super::load::{Load, Unload};
use super::refresh::file;
use super::run::Retry;
use super::simulator::Simulator;
use super::stage::{self, Stage};
use super::state::Id;
use crate::sandbox::door::{Assumed, ObjectInfo, Refusal};

/// What a statement came to.
pub(super) enum Outcome {
    Done(ResultSet),
    /// More is to be done, outside.
    Outside(Box<Job>),
}

/// Something to be done outside the account.
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
        parts: Vec<Part>,
        detailed: bool,
    },
    Load(Box<Load>),
    CreatePipe {
        slot: Slot,
        pipe: Box<super::pipe::Pipe>,
        comment: Option<String>,
        access: Access,
    },
    RefreshPipe {
        pipe: Id,
        prefix: String,
    },
    Unload(Box<Unload>),
    /// The statements of a scripting block.
    Block(Vec<String>),
    RunTask {
        task: Id,
        retry: Option<Retry>,
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
            Job::Copy { target, parts, detailed } => self.copy(&target, &parts, detailed).await,
            Job::Load(load) => self.load(*load).await,
            Job::CreatePipe { slot, pipe, comment, access } => self.create_pipe(slot, *pipe, comment, access).await,
            Job::RefreshPipe { pipe, prefix } => self.refresh_pipe(pipe, &prefix).await,
            Job::Unload(unload) => self.unload(*unload).await,
            Job::Block(statements) => self.block(statements).await,
            Job::RunTask { task, retry } => Box::pin(self.simulator.execute_task(task, retry)).await,
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
        match &access.by {
            By::Role { principal, role_arn, external_id } => {
                let assumed = door.assume(principal, role_arn, external_id).await;
                assumed.map_err(|refusal| fail::assume_refused(&refusal))
            }
            By::Key { id, digest } => door.user(id, digest).await.map_err(|refusal| fail::stage_refused(&refusal)),
        }
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

    // --- blocks and tasks ----------------------------------------------------------------------------------------------------------

    async fn block(&mut self, statements: Vec<String>) -> Fallible<ResultSet> {
        for statement in statements {
            Box::pin(self.simulator.execute(self.session, &statement, self.query_id)).await?;
        }
        let columns = vec![Column::new("anonymous block", "text")];
        Ok(ResultSet { columns, rows: vec![vec![None]], statement_type: 0x9000 })
    }
}

// --- SYSTEM$VALIDATE_STORAGE_INTEGRATION -----------------------------------------------------------------------------------------------

/// Asks what a statement needs to know.
pub(super) async fn ask(
    simulator: &Simulator,
    session: &mut SessionState,
    query_id: &str,
    question: &Question,
) -> Fallible<Told> {
    match question {
        Question::Integration(args) => validate(simulator, session, query_id, args).await.map(Told::Text),
        Question::Volume(name) => {
            super::external_volume::verify(simulator, session, query_id, name).await.map(Told::Text)
        }
        Question::Files(files) => Worker { simulator, session, query_id }.staged(files).await.map(Told::Rows),
    }
}

/// Answers one question of `SYSTEM$VALIDATE_STORAGE_INTEGRATION(name, location, file, action)`.
async fn validate(
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
