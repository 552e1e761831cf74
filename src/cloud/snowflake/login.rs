//! Being logged in: once for all statements of a session, renewed before and when the token expires.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use tokio::sync::Mutex;
use uuid::Uuid;

use super::auth::Auth;
use super::call::{Ask, Caller, Failure, Undelivered};
use super::codes;
use super::connection::{Connection, Disk, Files};
use super::layers::APP_ID;
use super::protocol::{Envelope, Granted};
use crate::cloud::{Class, CloudError, Which};
use crate::model::Secret;

/// A token is renewed this long before it expires.
const MARGIN: Duration = Duration::from_mins(1);
/// How long a token lasts if the server does not say.
const LASTS: u64 = 3600;

/// Keeps a session logged in.
pub(super) struct Login {
    connection: Connection,
    parameters: BTreeMap<String, Value>,
    caller: Arc<Caller>,
    /// Held while logging in, so that it happens once however many statements wait for it.
    state: Mutex<State>,
    /// Logins tried so far.
    tried: AtomicU64,
}

enum State {
    Out,
    In(Tokens),
    /// The attempt of this number was refused.
    Refused(u64, CloudError),
}

/// What proves a request to be of this session.
#[derive(Clone)]
pub(super) struct Tokens {
    pub session: Secret,
    master: Secret,
    /// Grows with every renewal and login, so that of many who find a token expired only the first renews it.
    generation: u64,
    renew_at: Instant,
    expires_at: Instant,
}

impl Login {
    pub(super) fn new(connection: Connection, parameters: BTreeMap<String, Value>, caller: Arc<Caller>) -> Self {
        Self { connection, parameters, caller, state: Mutex::new(State::Out), tried: AtomicU64::new(0) }
    }

    /// Tokens that are good for a while.
    pub(super) async fn tokens(&self) -> Result<Tokens, CloudError> {
        let seen = self.tried.load(Ordering::Acquire);
        let mut state = self.state.lock().await;
        match &*state {
            State::In(tokens) if Instant::now() < tokens.renew_at => Ok(tokens.clone()),
            State::In(tokens) => {
                let tokens = tokens.clone();
                match self.renew(&tokens).await {
                    Ok(fresh) => {
                        *state = State::In(fresh.clone());
                        Ok(fresh)
                    }
                    // It is good for a little longer, and the next statement tries again.
                    Err(NotRenewed::Error(_)) if Instant::now() < tokens.expires_at => Ok(tokens),
                    Err(NotRenewed::Error(error)) => Err(error),
                    Err(NotRenewed::LogIn) => self.enter(&mut state).await,
                }
            }
            // Repeating a refused password locks the user; and those who waited for an attempt share its outcome.
            State::Refused(attempt, error) if error.class == Class::Authentication || *attempt > seen => {
                Err(error.clone())
            }
            State::Out | State::Refused(..) => self.enter(&mut state).await,
        }
    }

    /// Tokens in place of `old` ones, which the server does not accept any more: renewed, or by another login if the session is gone.
    pub(super) async fn replaced(&self, old: &Tokens, session_gone: bool) -> Result<Tokens, CloudError> {
        let mut state = self.state.lock().await;
        match &*state {
            // Somebody else was first.
            State::In(present) if present.generation > old.generation => return Ok(present.clone()),
            State::Refused(_, error) => return Err(error.clone()),
            State::In(_) | State::Out => {}
        }
        let renewed = if session_gone { Err(NotRenewed::LogIn) } else { self.renew(old).await };
        match renewed {
            Ok(fresh) => {
                *state = State::In(fresh.clone());
                Ok(fresh)
            }
            Err(NotRenewed::Error(error)) => Err(error),
            Err(NotRenewed::LogIn) => {
                tracing::debug!("the session is gone; logging in again");
                self.enter(&mut state).await
            }
        }
    }

    /// The tokens, if there are any; does not log in.
    pub(super) async fn present(&self) -> Option<Tokens> {
        match &*self.state.lock().await {
            State::In(tokens) => Some(tokens.clone()),
            State::Out | State::Refused(..) => None,
        }
    }

    /// Closes the session, if there is one. Errors do not matter: the server closes it by itself in the end.
    pub(super) async fn leave(&self) {
        let mut state = self.state.lock().await;
        if let State::In(tokens) = std::mem::replace(&mut *state, State::Out) {
            let asked = self.caller.post(
                Ask::Close,
                Uuid::new_v4(),
                Some(tokens.session.expose()),
                &[("delete", "true")],
                &|| Ok(json!({})),
            );
            if asked.await.is_err() {
                tracing::debug!("the session could not be closed");
            }
        }
    }

    async fn enter(&self, state: &mut State) -> Result<Tokens, CloudError> {
        let attempt = self.tried.fetch_add(1, Ordering::AcqRel) + 1;
        match self.log_in(attempt).await {
            Ok(tokens) => {
                *state = State::In(tokens.clone());
                Ok(tokens)
            }
            Err(error) => {
                *state = State::Refused(attempt, error.clone());
                Err(error)
            }
        }
    }

    async fn log_in(&self, generation: u64) -> Result<Tokens, CloudError> {
        let started = Instant::now();
        let mut auth = self.connection.auth.clone();
        let mut answer = self.ask_in(&auth).await?;
        // A token in a file is renewed by somebody else: an expired one is read again, once.
        if !answer.success
            && matches!(answer.code(), "390303" | "390318" | "394400")
            && let Some(fresh) = read_again(&auth)
        {
            auth = fresh;
            answer = self.ask_in(&auth).await?;
        }
        if !answer.success {
            return Err(self.refused(&answer));
        }
        let granted = granted(answer.data, generation << 32)?;
        tracing::debug!(elapsed = ?started.elapsed(), "logged in to Snowflake");
        Ok(granted)
    }

    async fn ask_in(&self, auth: &Auth) -> Result<Envelope, CloudError> {
        let c = &self.connection;
        let query = [
            ("databaseName", c.database.as_deref().unwrap_or_default()),
            ("schemaName", c.schema.as_deref().unwrap_or_default()),
            ("warehouse", c.warehouse.as_deref().unwrap_or_default()),
            ("roleName", c.role.as_deref().unwrap_or_default()),
        ];
        let body = || self.body(auth);
        let asked = self.caller.post(Ask::LogIn, Uuid::new_v4(), None, &query, &body).await;
        asked.map(|delivered| delivered.answer).map_err(|failure| self.unreachable(&failure))
    }

    fn body(&self, auth: &Auth) -> Result<Value, String> {
        let c = &self.connection;
        let mut data = auth.prove(&c.account_name, c.user.as_deref())?;
        let version = env!("CARGO_PKG_VERSION");
        data.extend(Map::from_iter([
            ("CLIENT_APP_ID".to_owned(), json!(APP_ID)),
            ("CLIENT_APP_VERSION".to_owned(), json!(version)),
            ("SVN_REVISION".to_owned(), json!("")),
            ("ACCOUNT_NAME".to_owned(), json!(c.account_name)),
            (
                "CLIENT_ENVIRONMENT".to_owned(),
                json!({ "APPLICATION": APP_ID, "OS": std::env::consts::OS, "OS_VERSION": "", "OCSP_MODE": "FAIL_OPEN" }),
            ),
            ("SESSION_PARAMETERS".to_owned(), json!(self.parameters)),
        ]));
        if let Some(user) = &c.user {
            data.insert("LOGIN_NAME".to_owned(), json!(user));
        }
        if let Some(secondary) = &c.secondary_roles {
            data.insert("SECONDARY_ROLES".to_owned(), json!(secondary));
        }
        Ok(json!({ "data": data }))
    }

    async fn renew(&self, old: &Tokens) -> Result<Tokens, NotRenewed> {
        let body = || Ok(json!({ "oldSessionToken": old.session.expose(), "requestType": "RENEW" }));
        let asked = self.caller.post(Ask::Renew, Uuid::new_v4(), Some(old.master.expose()), &[], &body).await;
        let answer = asked.map_err(|failure| NotRenewed::Error(self.unreachable(&failure)))?.answer;
        if !answer.success {
            tracing::debug!(code = answer.code(), "the session token was not renewed");
            return Err(NotRenewed::LogIn);
        }
        granted(answer.data, old.generation + 1).map_err(NotRenewed::Error)
    }

    fn refused(&self, answer: &Envelope) -> CloudError {
        let next = answer.text("nextAction").filter(|next| next.starts_with("EXT_AUTHN") || *next == "PWD_CHANGE");
        let said = match next {
            Some("PWD_CHANGE") => "the password has to be changed first: log in to Snowsight to do it".to_owned(),
            Some(_) => "a second factor is asked for: give `passcode` in the connection, or use a key pair".to_owned(),
            None => answer.said(),
        };
        CloudError {
            which: Which::Snowflake,
            operation: "to log in".into(),
            object: self.target(),
            code: answer.code().to_owned(),
            class: match codes::classify(answer.code(), &said) {
                Class::Permanent => Class::Authentication,
                class => class,
            },
            message: said,
            request_id: None,
        }
    }

    fn unreachable(&self, failure: &Undelivered) -> CloudError {
        let message = match failure.status() {
            403 | 404 => format!("{failure}; check `account` and `host` of the connection"),
            _ => failure.to_string(),
        };
        CloudError {
            which: Which::Snowflake,
            operation: "to log in".into(),
            object: format!("{} at {}", self.target(), self.connection.endpoint),
            code: String::new(),
            message,
            class: match failure.last {
                Failure::Status { status: 429, .. } => Class::Throttle,
                Failure::Here(_) => Class::Permanent,
                _ => Class::Unreachable,
            },
            request_id: None,
        }
    }

    /// What an error names: the connection, its account and user.
    fn target(&self) -> String {
        let c = &self.connection;
        let name = if c.name.is_empty() { "from the environment" } else { &c.name };
        match &c.user {
            Some(user) => format!("connection {name} (account {}, user {user})", c.account),
            None => format!("connection {name} (account {})", c.account),
        }
    }
}

/// The tokens of an answer.
fn granted(data: Value, generation: u64) -> Result<Tokens, CloudError> {
    // The parser's own words may hold pieces of the answer, and so of a token.
    let granted: Granted = serde_json::from_value(data).map_err(|_| {
        CloudError::unexpected(Which::Snowflake, "log in", "the answer has no session token and master token")
    })?;
    let lasts = Duration::from_secs(granted.validity_in_seconds.unwrap_or(LASTS));
    let now = Instant::now();
    Ok(Tokens {
        session: granted.token,
        master: granted.master_token,
        generation,
        renew_at: now + lasts.saturating_sub(MARGIN.min(lasts / 2)),
        expires_at: now + lasts,
    })
}

enum NotRenewed {
    /// The master token is of no use any more.
    LogIn,
    Error(CloudError),
}

/// The same method with the token its file holds now, if that is another one.
fn read_again(auth: &Auth) -> Option<Auth> {
    let (Auth::AccessToken(old) | Auth::OAuth(old)) = auth else { return None };
    let file = old.file.as_ref()?;
    let kept = Disk.read(file).ok().flatten()?;
    if kept.foreign || kept.mode.is_some_and(|mode| mode & 0o022 != 0) {
        // Somebody else could have put it there.
        return None;
    }
    let text = kept.text.expose().trim();
    if text.is_empty() || text == old.text.expose() {
        return None;
    }
    let token = super::auth::Token { text: Secret::new(text), file: Some(file.clone()) };
    Some(if matches!(auth, Auth::OAuth(_)) { Auth::OAuth(token) } else { Auth::AccessToken(token) })
}
