//! Statements: run once for each request, followed, asked about, stopped.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;
use uuid::Uuid;

use super::envelope::{Refused, failure, success};
use super::fault;
use super::order::{Order, Work};
use super::session::Session;
use super::shelf::Shelf;
use super::{Asked, Wire};
use crate::sandbox::fault::{Passing, Struck};
use crate::sandbox::snowflake::answer::{Engine, ResultSet, SessionState, SqlError};
use crate::sandbox::snowflake::shaped;

/// A statement that was asked for.
pub(super) struct Statement {
    pub(super) sql: String,
    pub(super) query_id: String,
    pub(super) session: Arc<Session>,
    pub(super) started_ms: i64,
    /// How many places for values it has.
    pub(super) binds: usize,
    /// The statements it consists of, if it is several.
    pub(super) children: Mutex<Vec<Arc<Statement>>>,
    /// How many answers are still to say that it runs.
    polls: AtomicUsize,
    outcome: watch::Sender<Option<Arc<Outcome>>>,
}

/// What became of a statement.
#[derive(Clone)]
pub(super) struct Outcome {
    pub(super) result: Result<ResultSet, SqlError>,
    /// The session as the statement left it.
    pub(super) state: SessionState,
    pub(super) ended_ms: i64,
}

impl Statement {
    fn new(sql: String, binds: usize, session: &Arc<Session>, now_ms: i64) -> Self {
        Self {
            sql,
            query_id: Uuid::new_v4().to_string(),
            session: Arc::clone(session),
            started_ms: now_ms,
            binds,
            children: Mutex::default(),
            polls: AtomicUsize::new(0),
            outcome: watch::Sender::new(None),
        }
    }

    pub(super) fn children(&self) -> Vec<Arc<Self>> {
        self.children.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The outcome, if there is one already.
    pub(super) fn ended(&self) -> Option<Arc<Outcome>> {
        self.outcome.borrow().clone()
    }

    /// The outcome, if there is one before the time is over.
    async fn outcome(&self, hold: Duration) -> Option<Arc<Outcome>> {
        let mut outcome = self.outcome.subscribe();
        let ended = tokio::time::timeout(hold, outcome.wait_for(Option::is_some)).await.ok()?.ok()?;
        ended.clone()
    }
}

/// What statements are run with, apart from the request that asked.
#[derive(Clone)]
struct Runner {
    engine: Arc<dyn Engine>,
    shelf: Arc<Shelf>,
}

impl Runner {
    /// The first outcome counts; tells whether this was it.
    fn end(&self, statement: &Statement, result: Result<ResultSet, SqlError>) -> bool {
        let bytes = result.as_ref().map_or(0, ResultSet::size);
        let (state, ended_ms) = (statement.session.state().clone(), self.engine.now_ms());
        let outcome = Outcome { result, state, ended_ms };
        let first = statement.outcome.send_if_modified(|ended| {
            let first = ended.is_none();
            if first {
                *ended = Some(Arc::new(outcome));
            }
            first
        });
        if first {
            self.shelf.ended(statement, bytes);
        }
        first
    }

    fn stop(&self, statement: &Statement) -> bool {
        let canceled =
            || Err(SqlError { code: "000604", sql_state: "57014", message: "SQL execution canceled".into() });
        let stopped = self.end(statement, canceled());
        for child in statement.children() {
            self.end(&child, canceled());
        }
        stopped
    }

    /// Runs a statement on its own, whether or not anybody waits for it.
    fn start(&self, statement: &Arc<Statement>, order: Order) {
        let (runner, statement) = (self.clone(), Arc::clone(statement));
        tokio::spawn(async move {
            let lost = EndOnDrop(&runner, &statement);
            let mut stopped = statement.outcome.subscribe();
            let ended = tokio::select! {
                ended = runner.work(&statement, order) => ended,
                _ = stopped.wait_for(Option::is_some) => return,
            };
            runner.end(&statement, ended);
            drop(lost);
        });
    }

    async fn work(&self, statement: &Arc<Statement>, order: Order) -> Result<ResultSet, SqlError> {
        let (session, with) = (&statement.session, &order.parameters);
        match order.work {
            Work::Refused(error) => Err(error),
            Work::One(sql) => self.one(session, &sql, &statement.query_id, with).await,
            Work::Described(sql) => {
                let state = session.state().clone();
                self.engine.describe(&state, &sql, &statement.query_id)
            }
            Work::Read(sql) => {
                let mut described = self.one(session, &sql, &statement.query_id, with).await?;
                described.rows.clear();
                Ok(described)
            }
            Work::Several(all) => {
                for sql in all {
                    let child = Arc::new(Statement::new(sql.clone(), 0, session, self.engine.now_ms()));
                    statement.children.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&child));
                    self.shelf.add(&child);
                    let ended = self.one(session, &sql, &child.query_id, with).await;
                    let failed = ended.as_ref().err().cloned();
                    self.end(&child, ended);
                    if let Some(error) = failed {
                        return Err(error);
                    }
                }
                Ok(ResultSet::several())
            }
        }
    }

    /// Runs one statement with parameters that hold for it alone.
    async fn one(
        &self,
        session: &Session,
        sql: &str,
        query_id: &str,
        with: &BTreeMap<String, String>,
    ) -> Result<ResultSet, SqlError> {
        let before = session.state().clone();
        let mut state = before.clone();
        state.parameters.extend(with.clone());
        let ended = self.engine.run(&mut state, sql, query_id).await;
        for (name, value) in with {
            if state.parameters.get(name) == Some(value) {
                match before.parameters.get(name) {
                    Some(own) => state.parameters.insert(name.clone(), own.clone()),
                    None => state.parameters.remove(name),
                };
            }
        }
        session.adopt(&before, state);
        ended
    }
}

/// A statement whose work ends without an outcome has met an error of the sandbox's own, which its client must not wait for.
struct EndOnDrop<'a>(&'a Runner, &'a Statement);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        let message = "SQL execution internal error: the sandbox failed to run the statement.".to_owned();
        self.0.end(self.1, Err(SqlError { code: "000603", sql_state: "XX000", message }));
    }
}

impl Wire {
    fn runner(&self) -> Runner {
        Runner { engine: Arc::clone(&self.engine), shelf: Arc::clone(&self.shelf) }
    }

    pub(super) async fn run(&self, asked: &Asked, passing: &Passing) -> Result<Value, Refused> {
        let session = self.session(asked)?;
        let desired = session.state().parameters.get("MULTI_STATEMENT_COUNT").cloned();
        let mut order = Order::read(asked, desired.as_deref())?;
        if let Some(error) = shaped::hidden(&passing.struck, passing.call()) {
            order.work = Work::Refused(error);
        }
        let later = order.later;
        let statement = self.begin(asked, &session, order);
        if later {
            return Ok(running(&statement, "333334", "Query execution in progress. Asynchronous execution."));
        }
        Ok(self.reply(&statement, &passing.struck).await)
    }

    /// The statement of a request; the one it repeats, if the session has seen its ID.
    fn begin(&self, asked: &Asked, session: &Arc<Session>, order: Order) -> Arc<Statement> {
        let request = asked.request_id().map_or_else(|| Uuid::new_v4().to_string(), ToOwned::to_owned);
        let new = || Statement::new(order.sql.clone(), order.binds, session, self.engine.now_ms());
        let (statement, first) = self.shelf.asked(session.id, &request, new);
        if first {
            self.runner().start(&statement, order);
        }
        statement
    }

    /// What a request for a statement's outcome is told.
    async fn reply(&self, statement: &Statement, struck: &Struck) -> Value {
        statement.polls.fetch_add(fault::polls(struck), Ordering::Relaxed);
        let one_less = |polls: usize| polls.checked_sub(1);
        if statement.polls.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).is_ok() {
            return running(statement, "333333", "Query execution in progress");
        }
        let Some(outcome) = statement.outcome(self.timing.hold).await else {
            return running(statement, "333334", "Query execution in progress. Asynchronous execution.");
        };
        match &outcome.result {
            Ok(result) => success(self.data(struck, statement, &outcome.state, result)),
            Err(error) => {
                let (line, pos) = place(&error.message).unwrap_or((-1, -1));
                let data = json!({
                    "internalError": error.code == "000603",
                    "unredactedFromSecureObject": false,
                    "errorCode": error.code,
                    "age": 0,
                    "sqlState": error.sql_state,
                    "queryId": statement.query_id,
                    "line": line,
                    "pos": pos,
                    "type": if error.message.starts_with("SQL compilation error") { "COMPILATION" } else { "EXECUTION" },
                });
                failure(error.code, &error.message, data)
            }
        }
    }

    pub(super) async fn result_of(&self, asked: &Asked, query_id: &str, struck: &Struck) -> Result<Value, Refused> {
        match self.statement_for(asked, query_id)? {
            Some(statement) => Ok(self.reply(&statement, struck).await),
            None => Err(Refused::new("000612", format!("Statement {query_id} not found"))),
        }
    }

    /// A statement of the user who asks.
    pub(super) fn statement_for(&self, asked: &Asked, query_id: &str) -> Result<Option<Arc<Statement>>, Refused> {
        let session = self.session(asked)?;
        Ok(self.shelf.by_query(query_id).filter(|statement| statement.session.user == session.user))
    }

    /// Stops the statement of another request.
    pub(super) fn abort_request(&self, asked: &Asked) -> Result<Value, Refused> {
        let session = self.session(asked)?;
        let request = asked.text("requestId")?.unwrap_or_default();
        Ok(self.stop(self.shelf.by_request(session.id, request).as_deref()))
    }

    pub(super) fn abort_query(&self, asked: &Asked, query_id: &str) -> Result<Value, Refused> {
        Ok(self.stop(self.statement_for(asked, query_id)?.as_deref()))
    }

    fn stop(&self, statement: Option<&Statement>) -> Value {
        match statement {
            Some(statement) if self.runner().stop(statement) => success(Value::Null),
            _ => failure("000605", "Identified SQL statement is not currently executing.", Value::Null),
        }
    }

    /// Nothing of a session goes on once it has ended; what has ended can still be read by its user.
    pub(super) fn stop_all_of(&self, session: u64) {
        for statement in self.shelf.of_session(session) {
            self.runner().stop(&statement);
        }
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

/// The place that the text of an error tells.
fn place(message: &str) -> Option<(i64, i64)> {
    let (_, after) = message.split_once("error line ")?;
    let (line, after) = after.split_once(" at position ")?;
    let position = after.split(|c: char| !c.is_ascii_digit()).next()?;
    Some((line.parse().ok()?, position.parse().ok()?))
}
