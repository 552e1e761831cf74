//! A session: statements in, rows out.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{OnceCell, Semaphore};
use uuid::Uuid;

use super::call::{Ask, Caller};
use super::in_flight::InFlight;
use super::login::Login;
use super::statement::Statement;
use super::transport::Transport;
use super::verb::{only_reads, verb};
use super::{Connection, Endpoint, Pace, Rows};
use crate::cloud::{CloudError, Stats, Which};
use crate::model::sql::From;
use crate::model::{Secret, SecretRef, Text, Vault};

/// Finds a secret when a statement that needs it is sent.
pub type Resolver = Arc<dyn Fn(&SecretRef) -> Result<Secret, String> + Send + Sync>;

/// How a session works.
#[derive(Clone)]
pub struct SessionOptions {
    /// The session's `QUERY_TAG`: what Snowflake's history of queries shows beside each statement.
    pub query_tag: Option<String>,
    /// Works as this role instead of the connection's.
    pub role: Option<String>,
    /// Statements at one time.
    pub concurrency: usize,
    /// No statement takes longer, polling and retries included. The server stops it then, too.
    pub statement_timeout: Duration,
    /// Where statements are counted.
    pub stats: Arc<Stats>,
    /// Finds the secrets of statements.
    pub secrets: Resolver,
    /// How long to wait between attempts.
    pub pace: Pace,
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self {
            query_tag: None,
            role: None,
            concurrency: 32,
            statement_timeout: Duration::from_hours(1),
            stats: Arc::default(),
            secrets: Arc::new(|from| Err(format!("{from} cannot be read here"))),
            pace: Pace::default(),
        }
    }
}

/// A session with Snowflake. It logs in with the first statement, and all statements share it.
pub struct Session {
    pub(super) inner: Inner,
    options: SessionOptions,
    room: Semaphore,
    shared: Mutex<Shared>,
}

/// Answers by statement; an empty cell stands for a statement under way.
type Shared = BTreeMap<Text, Arc<OnceCell<Result<Arc<Rows>, CloudError>>>>;

/// What a statement needs of its session.
pub(super) struct Inner {
    pub caller: Arc<Caller>,
    pub login: Login,
    pub endpoint: Endpoint,
    pub in_flight: InFlight,
}

/// How long closing may take.
const CLOSING: Duration = Duration::from_secs(5);
/// How much of a statement an error shows.
const SHOWN: usize = 120;

impl Session {
    /// Prepares a session; nothing is sent yet.
    pub fn open(
        mut connection: Connection,
        transport: &Transport,
        options: SessionOptions,
    ) -> Result<Self, CloudError> {
        if let Some(role) = &options.role {
            connection.role = Some(role.clone());
        }
        let caller = Caller::new(&connection.endpoint, transport, options.pace)
            .map_err(|why| CloudError::unexpected(Which::Snowflake, "to open a session", why))?;
        let caller = Arc::new(caller);
        let parameters = parameters(&connection, &options);
        let inner = Inner {
            endpoint: connection.endpoint.clone(),
            login: Login::new(connection, parameters, Arc::clone(&caller)),
            caller,
            in_flight: InFlight::default(),
        };
        let room = Semaphore::new(options.concurrency.clamp(1, Semaphore::MAX_PERMITS));
        Ok(Self { inner, room, options, shared: Mutex::default() })
    }

    /// Runs one statement.
    pub async fn query(&self, text: &Text) -> Result<Rows, CloudError> {
        self.query_with(text, &Vault::default()).await
    }

    /// Runs one statement, with secrets that earlier operations of its step told.
    pub async fn query_with(&self, text: &Text, vault: &Vault) -> Result<Rows, CloudError> {
        let ran = self.run(text, vault).await;
        if !only_reads(&text.to_string()) {
            // What was shared may not be so any more; also if it failed, since it may have had its effect.
            self.forget_shared();
        }
        ran
    }

    /// Runs one statement that only reads; identical ones of one observation are run once and share the answer. The answer is kept
    /// until a statement is sent by [`Session::query`] that does not only read, or until [`Session::forget_shared`]. An error is shared by those who
    /// wait for it, and not kept.
    pub async fn shared(&self, text: &Text) -> Result<Arc<Rows>, CloudError> {
        let cell = Arc::clone(self.lock().entry(text.clone()).or_default());
        let ran = cell.get_or_init(|| async { self.run(text, &Vault::default()).await.map(Arc::new) }).await.clone();
        if ran.is_err() {
            let mut shared = self.lock();
            if shared.get(text).is_some_and(|kept| Arc::ptr_eq(kept, &cell)) {
                shared.remove(text);
            }
        }
        ran
    }

    /// Forgets the answers of [`Session::shared`].
    pub fn forget_shared(&self) {
        self.lock().clear();
    }

    /// Logs in, if that has not happened yet.
    pub async fn log_in(&self) -> Result<(), CloudError> {
        self.inner.login.tokens().await.map(|_| ())
    }

    /// Asks the server to stop every statement that is under way, and does not wait for it.
    pub async fn abort_all(&self) {
        let aborts = self.inner.in_flight.take().into_iter().map(|request| self.abort(request));
        futures::future::join_all(aborts).await;
    }

    /// Closes the session. Errors do not matter any more.
    pub async fn close(&self) {
        if tokio::time::timeout(CLOSING, self.inner.login.leave()).await.is_err() {
            tracing::debug!("closing the session took too long");
        }
    }

    async fn run(&self, text: &Text, vault: &Vault) -> Result<Rows, CloudError> {
        let (sql, secrets) = self.rendered(text, vault)?;
        let _room = self.room.acquire().await.map_err(|_| {
            CloudError::unexpected(Which::Snowflake, &shown(text), "bug in snowssi: the session is shut")
        })?;
        let verb = verb(sql.expose());
        let _counted = self.options.stats.start(&verb);
        let request_id = Uuid::new_v4();
        let statement = Statement { inner: &self.inner, sql: &sql, shown: shown(text), secrets, request_id };
        self.inner.in_flight.begins(request_id);
        let limit = self.options.statement_timeout;
        if let Ok(ran) = tokio::time::timeout(limit, statement.run()).await {
            self.inner.in_flight.ends(request_id);
            return ran;
        }
        self.abort(request_id).await;
        self.inner.in_flight.ends(request_id);
        Err(statement.overdue(limit.as_secs()))
    }

    /// The statement with its secrets, and the secrets alone.
    fn rendered(&self, text: &Text, vault: &Vault) -> Result<(Secret, Vec<Secret>), CloudError> {
        let found = std::cell::RefCell::new(Vec::new());
        let fetch = |from: From<'_>| {
            let secret = match from {
                From::Outside(from) => (self.options.secrets)(from)?,
                From::Step(held) => vault.get(held)?.clone(),
            };
            found.borrow_mut().push(secret.clone());
            Ok(secret)
        };
        let sql = text
            .render(&fetch)
            .map_err(|error| CloudError::unexpected(Which::Snowflake, &shown(text), error.to_string()))?;
        // The server would name the files to send it.
        if matches!(verb(sql.expose()).as_str(), "PUT" | "GET") {
            let why = "PUT and GET are not statements of a session";
            return Err(CloudError::unexpected(Which::Snowflake, &shown(text), why));
        }
        Ok((sql, found.into_inner()))
    }

    async fn abort(&self, request: Uuid) {
        let abort = async {
            let tokens = self.inner.login.present().await?;
            let body = || Ok(json!({ "requestId": request.to_string() }));
            let token = Some(tokens.session.expose());
            self.inner.caller.post(Ask::Abort, Uuid::new_v4(), token, &[], &body).await.ok()
        };
        let asked = tokio::time::timeout(CLOSING, abort).await.ok().flatten();
        tracing::debug!(ok = asked.is_some(), "a statement was to be cancelled");
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Nothing of a session is to be printed.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session({})", self.inner.endpoint)
    }
}

/// What the session is told at login. The later ones are what this program relies on, and cannot be set otherwise.
fn parameters(connection: &Connection, options: &SessionOptions) -> BTreeMap<String, Value> {
    let mut parameters: BTreeMap<String, Value> =
        connection.session_parameters.iter().map(|(name, value)| (name.to_ascii_uppercase(), json!(value))).collect();
    parameters.extend(
        [
            ("CLIENT_VALIDATE_DEFAULT_PARAMETERS", json!(false)),
            ("CLIENT_SESSION_KEEP_ALIVE", json!(false)),
            ("TIMEZONE", json!("UTC")),
            ("ROWS_PER_RESULTSET", json!(0)),
            ("QUOTED_IDENTIFIERS_IGNORE_CASE", json!(false)),
            ("MULTI_STATEMENT_COUNT", json!(1)),
            ("STATEMENT_TIMEOUT_IN_SECONDS", json!(options.statement_timeout.as_secs().max(1))),
            // Which of these a server heeds depends on the client it takes us for.
            ("GO_QUERY_RESULT_FORMAT", json!("JSON")),
            ("JDBC_QUERY_RESULT_FORMAT", json!("JSON")),
            ("PYTHON_CONNECTOR_QUERY_RESULT_FORMAT", json!("JSON")),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    if let Some(tag) = &options.query_tag {
        parameters.insert("QUERY_TAG".to_owned(), json!(tag));
    }
    parameters
}

/// The beginning of a statement, on one line, with placeholders for its secrets.
fn shown(text: &Text) -> String {
    let text = text.to_string();
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}
