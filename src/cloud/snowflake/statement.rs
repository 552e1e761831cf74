//! One statement, from being sent to its last row.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use serde_json::{Value, json};
use uuid::Uuid;

use super::call::{Ask, Delivered, Undelivered, now_ms};
use super::codes;
use super::login::Tokens;
use super::protocol::{Answer, Envelope, Turn};
use super::result::{self, Short};
use super::session::Inner;
use super::verb::{only_reads, verb};
use super::{Endpoint, Rows};
use crate::cloud::{Class, CloudError, Which};
use crate::model::Secret;

/// Renewals and logins one statement may cause before something is wrong.
const RENEWALS: u32 = 3;

/// A statement on its way.
pub(super) struct Statement<'a> {
    pub inner: &'a Inner,
    /// As it is sent.
    pub sql: &'a Secret,
    /// As it is shown: its beginning, with placeholders for secrets.
    pub shown: String,
    /// What must not appear in an error, since the server quotes what it cannot read.
    pub secrets: Vec<Secret>,
    pub request_id: Uuid,
}

/// What is asked for.
enum What<'a> {
    /// To run the statement.
    Run { sequence: u64 },
    /// What has become of it.
    Result { path: &'a str },
}

static SEQUENCE: AtomicU64 = AtomicU64::new(1);

impl Statement<'_> {
    /// Runs it and gives all its rows.
    pub(super) async fn run(&self) -> Result<Rows, CloudError> {
        let started = Instant::now();
        let ran = self.finish().await;
        let query_id = match &ran {
            Ok(rows) => rows.query_id.as_str(),
            Err(error) => error.request_id.as_deref().unwrap_or_default(),
        };
        tracing::debug!(verb = verb(self.sql.expose()), query_id, elapsed = ?started.elapsed(), ok = ran.is_ok(), "statement");
        ran
    }

    async fn finish(&self) -> Result<Rows, CloudError> {
        let mut tokens = self.inner.login.tokens().await?;
        let sequence = SEQUENCE.fetch_add(1, Ordering::Relaxed);
        let answer = self.answered(&mut tokens, &What::Run { sequence }).await?;
        let (answer, path) = self.followed(answer, &mut tokens).await?;
        self.collected(answer, path, &mut tokens).await
    }

    async fn asked(&self, token: &str, what: &What<'_>) -> Result<Delivered<Envelope>, Undelivered> {
        let caller = &self.inner.caller;
        match *what {
            What::Result { path } => caller.get(path, token).await,
            What::Run { sequence } => {
                let body = || {
                    Ok(json!({
                        "sqlText": self.sql.expose(),
                        "asyncExec": false,
                        "sequenceId": sequence,
                        "querySubmissionTime": now_ms(),
                    }))
                };
                caller.post(Ask::Run, self.request_id, Some(token), &[], &body).await
            }
        }
    }

    /// Asks until the answer is about the statement and not about the session.
    async fn answered(&self, tokens: &mut Tokens, what: &What<'_>) -> Result<Envelope, CloudError> {
        let mut renewals = 0;
        let mut repeated = false;
        loop {
            let asked = self.asked(tokens.session.expose(), what).await;
            let (turn, refusal) = match asked {
                Ok(Delivered { answer, repeated: again }) => {
                    repeated |= again;
                    match answer.turn() {
                        turn @ (Turn::Renew | Turn::LogIn) => (turn, self.refused(&answer)),
                        Turn::Final | Turn::Running => return Ok(answer),
                    }
                }
                // Some servers say it with the HTTP status.
                Err(failure) if failure.status() == 401 => (Turn::Renew, self.undelivered(&failure, repeated)),
                Err(failure) => return Err(self.undelivered(&failure, repeated)),
            };
            renewals += 1;
            if renewals > RENEWALS {
                return Err(refusal);
            }
            if turn == Turn::LogIn && repeated && !self.only_reads() {
                // Only within one session does the server know a repetition.
                return Err(self.lost("an answer was lost, and then the session"));
            }
            *tokens = self.inner.login.replaced(tokens, turn == Turn::LogIn).await?;
        }
    }

    /// Polls while the statement runs. Gives the last answer, and where it lies if it can be had again.
    async fn followed(
        &self,
        mut answer: Envelope,
        tokens: &mut Tokens,
    ) -> Result<(Envelope, Option<String>), CloudError> {
        let mut polls = 0;
        let mut at: Option<String> = None;
        while answer.turn() == Turn::Running {
            at = match (answer.text("getResultUrl"), at) {
                (Some(url), _) => Some(result_path(&self.inner.endpoint, url).map_err(|why| self.odd(why))?),
                (None, Some(known)) => Some(known),
                (None, None) => match answer.text("queryId") {
                    Some(id) => Some(path_of_result(id).map_err(|why| self.odd(why))?),
                    None => {
                        return Err(
                            self.odd("the statement runs, but the answer does not say where its result will be")
                        );
                    }
                },
            };
            tokio::time::sleep(self.inner.caller.pace().poll(polls)).await;
            polls += 1;
            let path = at.clone().unwrap_or_default();
            answer = self.answered(tokens, &What::Result { path: &path }).await?;
        }
        if answer.success { Ok((answer, at)) } else { Err(self.refused(&answer)) }
    }

    /// All rows; if the first try is short of some, the result is fetched once more.
    async fn collected(&self, answer: Envelope, at: Option<String>, tokens: &mut Tokens) -> Result<Rows, CloudError> {
        let first = self.parsed(answer.data)?;
        let query_id = first.query_id.clone();
        let short = match result::collect(&self.inner.caller, &self.inner.endpoint, first, self.only_reads()).await {
            Ok(rows) => return Ok(rows),
            Err(Short::Wrong(why)) => return Err(self.failed_after(query_id.as_deref(), &why)),
            Err(Short::Incomplete(why)) => why,
        };
        tracing::debug!(query_id = query_id.as_deref().unwrap_or_default(), "an incomplete result is fetched again");
        let path = match (at, &query_id) {
            (Some(path), _) => path,
            (None, Some(id)) => path_of_result(id).map_err(|why| self.odd(why))?,
            (None, None) => return Err(self.failed_after(query_id.as_deref(), &short)),
        };
        let again = self.answered(tokens, &What::Result { path: &path }).await?;
        let (again, _) = self.followed(again, tokens).await?;
        let again = self.parsed(again.data)?;
        match result::collect(&self.inner.caller, &self.inner.endpoint, again, self.only_reads()).await {
            Ok(rows) => Ok(rows),
            Err(Short::Wrong(why) | Short::Incomplete(why)) => {
                Err(self.failed_after(query_id.as_deref(), &format!("{why}, and so was it when fetched again")))
            }
        }
    }

    fn parsed(&self, data: Value) -> Result<Answer, CloudError> {
        if data.is_null() {
            return Err(self.odd("the answer says success but holds no data"));
        }
        serde_path_to_error::deserialize(data)
            .map_err(|error| self.odd(&format!("the answer has an unknown form at `{}`", error.path())))
    }

    fn only_reads(&self) -> bool {
        only_reads(self.sql.expose())
    }

    /// The server's refusal.
    fn refused(&self, answer: &Envelope) -> CloudError {
        let message = self.cleaned(answer.said());
        let class = codes::classify(answer.code(), &message);
        CloudError {
            code: answer.code().to_owned(),
            request_id: answer.text("queryId").map(ToOwned::to_owned),
            ..self.error(class, message)
        }
    }

    /// No answer. What changes something may have done so.
    fn undelivered(&self, failure: &Undelivered, repeated: bool) -> CloudError {
        let arrived = failure.may_have_arrived || repeated;
        let message = failure.to_string();
        match failure.status() {
            _ if arrived && !self.only_reads() => self.lost(&message),
            429 => self.error(Class::Throttle, message),
            401 => self.error(Class::Authentication, message),
            _ if matches!(failure.last, super::call::Failure::Here(_)) => self.error(Class::Permanent, message),
            _ => self.error(Class::Unreachable, message),
        }
    }

    /// The deadline has passed.
    pub(super) fn overdue(&self, seconds: u64) -> CloudError {
        let message = format!("it did not finish within {seconds} seconds and was cancelled");
        if self.only_reads() { self.error(Class::Permanent, message) } else { self.lost(&message) }
    }

    fn lost(&self, why: &str) -> CloudError {
        self.error(Class::Unknown, format!("{why}; the statement may have had its effect"))
    }

    /// The statement ran, but its result cannot be used.
    fn failed_after(&self, query_id: Option<&str>, why: &str) -> CloudError {
        CloudError { request_id: query_id.map(ToOwned::to_owned), ..self.odd(why) }
    }

    fn odd(&self, why: &str) -> CloudError {
        let class = if self.only_reads() { Class::Permanent } else { Class::Unknown };
        self.error(class, why.to_owned())
    }

    fn error(&self, class: Class, message: String) -> CloudError {
        CloudError {
            which: Which::Snowflake,
            operation: self.shown.clone(),
            object: String::new(),
            code: String::new(),
            message,
            class,
            request_id: None,
        }
    }

    fn cleaned(&self, mut message: String) -> String {
        for secret in &self.secrets {
            let plain = secret.expose();
            // As it is, and as it stands in the statement.
            let escaped = plain.replace('\\', "\\\\").replace('\'', "''");
            for form in [plain, &escaped] {
                if !form.is_empty() {
                    message = message.replace(form, "(sensitive)");
                }
            }
        }
        message
    }
}

/// The path of a result's URL. The token is sent there, so it must be of the server the user named.
fn result_path(endpoint: &Endpoint, url: &str) -> Result<String, &'static str> {
    endpoint.path_of(url).map(ToOwned::to_owned).ok_or("the answer points to a result on another server")
}

fn path_of_result(query_id: &str) -> Result<String, &'static str> {
    if query_id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        Ok(format!("/queries/{query_id}/result"))
    } else {
        Err("the answer has an odd query ID")
    }
}
