//! Statements: run once for each request, followed, asked about, stopped.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tokio::sync::watch;
use uuid::Uuid;

use super::envelope::{Refused, failure, success};
use super::fault::Fault;
use super::session::Session;
use super::{Asked, Wire, bindings};
use crate::sandbox::snowflake::answer::{ResultSet, SqlError};

/// A statement that was asked for.
pub(super) struct Statement {
    pub(super) sql: String,
    pub(super) query_id: String,
    pub(super) session: Arc<Session>,
    started_ms: u64,
    outcome: watch::Sender<Option<Arc<Result<ResultSet, SqlError>>>>,
}

impl Statement {
    /// The outcome, if there is one before the time is over.
    async fn outcome(&self, hold: Duration) -> Option<Arc<Result<ResultSet, SqlError>>> {
        let mut outcome = self.outcome.subscribe();
        let ended = tokio::time::timeout(hold, outcome.wait_for(Option::is_some)).await.ok()?.ok()?;
        ended.clone()
    }

    fn ends(&self, with: Result<ResultSet, SqlError>) -> bool {
        self.outcome.send_if_modified(|outcome| {
            let first = outcome.is_none();
            if first {
                *outcome = Some(Arc::new(with));
            }
            first
        })
    }

    fn stop(&self) -> bool {
        self.ends(Err(SqlError { code: "000604", sql_state: "57014", message: "SQL execution canceled".into() }))
    }
}

impl Wire {
    pub(super) fn statement(&self, query_id: &str) -> Option<Arc<Statement>> {
        self.statements.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get(query_id).cloned()
    }

    pub(super) async fn run(&self, asked: &Asked) -> Result<Value, Refused> {
        let session = self.sessions().find(&asked.token)?;
        let statement = self.begin(asked, &session);
        if asked.body.get("asyncExec").and_then(Value::as_bool) == Some(true) {
            return Ok(running(&statement, "333334", "Query execution in progress. Asynchronous execution."));
        }
        Ok(self.reply(asked, &statement).await)
    }

    /// The statement of a request; the one it repeats, if the session has seen its ID.
    fn begin(&self, asked: &Asked, session: &Arc<Session>) -> Arc<Statement> {
        let request = asked.request_id().map_or_else(|| Uuid::new_v4().to_string(), ToOwned::to_owned);
        let mut seen = session.asked.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(statement) = seen.get(&request) {
            return Arc::clone(statement);
        }
        let sql = asked.body.get("sqlText").and_then(Value::as_str).unwrap_or_default().to_owned();
        let statement = Arc::new(Statement {
            sql,
            query_id: Uuid::new_v4().to_string(),
            session: Arc::clone(session),
            started_ms: now_ms(),
            outcome: watch::Sender::new(None),
        });
        seen.insert(request, Arc::clone(&statement));
        drop(seen);
        let mut all = self.statements.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        all.insert(statement.query_id.clone(), Arc::clone(&statement));
        drop(all);
        match bindings::put_in(&statement.sql, asked.body.get("bindings")) {
            Ok(sql) => self.start(&statement, sql),
            Err(error) => {
                statement.ends(Err(error));
            }
        }
        statement
    }

    /// Runs a statement on its own, whether or not anybody waits for it.
    fn start(&self, statement: &Arc<Statement>, sql: String) {
        let (engine, statement) = (Arc::clone(&self.engine), Arc::clone(statement));
        tokio::spawn(async move {
            let before = statement.session.state().clone();
            let mut state = before.clone();
            let run = engine.run(&mut state, &sql, &statement.query_id);
            let mut stopped = statement.outcome.subscribe();
            let ended = tokio::select! {
                ended = run => ended,
                _ = stopped.wait_for(Option::is_some) => return,
            };
            if state != before {
                *statement.session.state() = state;
            }
            statement.ends(ended);
        });
    }

    /// What a request for a statement's outcome is told.
    async fn reply(&self, asked: &Asked, statement: &Statement) -> Value {
        let subject = format!("{} {}", asked.path, statement.sql);
        if self.faults.take(&subject, |fault| *fault == Fault::InProgress).is_some() {
            return running(statement, "333333", "Query execution in progress");
        }
        match statement.outcome(self.timing.hold).await.as_deref() {
            None => running(statement, "333334", "Query execution in progress. Asynchronous execution."),
            Some(Ok(result)) => success(self.data(&subject, statement, result)),
            Some(Err(error)) => failure(
                error.code,
                &error.message,
                json!({
                    "internalError": false,
                    "unredactedFromSecureObject": false,
                    "errorCode": error.code,
                    "age": 0,
                    "sqlState": error.sql_state,
                    "queryId": statement.query_id,
                    "line": -1,
                    "pos": -1,
                    "type": "COMPILATION",
                }),
            ),
        }
    }

    pub(super) async fn result_of(&self, asked: &Asked, query_id: &str) -> Result<Value, Refused> {
        self.sessions().find(&asked.token)?;
        match self.statement(query_id) {
            Some(statement) => Ok(self.reply(asked, &statement).await),
            None => Err(Refused::new("000612", format!("Statement {query_id} not found"))),
        }
    }

    /// Stops the statement of another request. One that is not there has ended, which is as good.
    pub(super) fn abort_request(&self, asked: &Asked) -> Result<Value, Refused> {
        let session = self.sessions().find(&asked.token)?;
        let request = asked.body.get("requestId").and_then(Value::as_str).unwrap_or_default();
        let seen = session.asked.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Ok(stopped(seen.get(request)))
    }

    pub(super) fn abort_query(&self, query_id: &str) -> Value {
        stopped(self.statement(query_id).as_ref())
    }

    /// What is known of a statement.
    pub(super) fn monitor(&self, query_id: &str) -> Value {
        let Some(statement) = self.statement(query_id) else {
            return success(json!({ "queries": [] }));
        };
        let outcome = statement.outcome.borrow().clone();
        let (status, error) = match outcome.as_deref() {
            None => ("RUNNING", None),
            Some(Ok(_)) => ("SUCCESS", None),
            Some(Err(error)) if error.code == "000604" => ("ABORTED", Some(error)),
            Some(Err(error)) => ("FAILED_WITH_ERROR", Some(error)),
        };
        success(json!({ "queries": [{
            "id": statement.query_id,
            "status": status,
            "state": status,
            "errorCode": error.map(|error| error.code),
            "errorMessage": error.map(|error| error.message.clone()),
            "sqlText": statement.sql,
            "startTime": statement.started_ms,
            "endTime": if outcome.is_some() { now_ms() } else { 0 },
            "totalDuration": now_ms().saturating_sub(statement.started_ms),
            "sessionId": statement.session.id,
            "warehouseName": statement.session.state().warehouse,
            "stats": {},
        }] }))
    }
}

fn running(statement: &Statement, code: &str, message: &str) -> Value {
    json!({
        "data": {
            "getResultUrl": format!("/queries/{}/result", statement.query_id),
            "queryId": statement.query_id,
            "queryAbortsAfterSecs": 300,
            "progressDesc": null,
        },
        "code": code,
        "message": message,
        "success": true,
    })
}

fn stopped(statement: Option<&Arc<Statement>>) -> Value {
    match statement {
        Some(statement) if statement.stop() => success(Value::Null),
        _ => failure("000605", "Identified SQL statement is not currently executing.", Value::Null),
    }
}

pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
