//! Every request on its way in and out: who makes it and what it is about, what goes wrong with it, and how it ended.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode};
use serde_json::{Value, json};

use super::envelope::{failure, respond};
use super::{Answered, Asked, Wire};
use crate::cloud::snowflake::transport::{Broken, NeverMade};
use crate::sandbox::calls::{Call, Outcome};
use crate::sandbox::fault::{Cut, Kind, Struck};
use crate::sandbox::snowflake::answer::ResultSet;
use crate::sandbox::snowflake::shaped;

impl Wire {
    /// What a request is, as far as can be told before it is looked at closely.
    pub(super) fn call(&self, asked: &Asked) -> Call {
        let segments: Vec<&str> = asked.path.split('/').skip(1).collect();
        let statement = |sql: &str, operation: Option<&str>| {
            let call = Call::statement(sql);
            match operation {
                Some(operation) => Call { operation: operation.to_owned(), mutating: false, ..call },
                None => call,
            }
        };
        let of_query = |id: &str, operation: &str| match self.shelf.by_query(id) {
            Some(known) => statement(&known.sql, Some(operation)),
            None => Call { resource: id.to_owned(), ..Call::snowflake("sql", operation) },
        };
        let call = match segments.as_slice() {
            ["session", "v1", "login-request"] => Call::snowflake("session", "login"),
            ["session", "token-request"] => Call::snowflake("session", "renew"),
            ["session"] => Call::snowflake("session", "close"),
            ["session", what] => Call::snowflake("session", what),
            ["queries", "v1", "query-request"] => {
                statement(asked.text("sqlText").ok().flatten().unwrap_or_default(), None)
            }
            ["queries", "v1", "abort-request"] => Call::snowflake("sql", "abort"),
            ["queries", id, "abort-request"] => of_query(id, "abort"),
            ["queries", id, "result"] => of_query(id, "result"),
            ["monitoring", "queries", id] => of_query(id, "monitor"),
            ["chunks", _] => Call::snowflake("storage", "chunk"),
            _ => Call::snowflake("session", segments.last().copied().unwrap_or_default()),
        };
        let who = self.session(asked).map(|session| {
            let state = session.state();
            format!("{}/{}", state.user, state.role)
        });
        let login = asked.object("data").ok().flatten().and_then(|data| data.get("LOGIN_NAME")?.as_str());
        let who = who.ok().or_else(|| login.map(str::to_uppercase)).unwrap_or_default();
        Call { who, method: asked.method.to_string(), path: asked.path.clone(), ..call }
    }

    /// What is answered in the place of Snowflake, if anything is. A session that is to end does, and Snowflake answers by itself.
    pub(super) fn before(&self, struck: &Struck, asked: &Asked, call: &Call) -> Option<(Response<Bytes>, Outcome)> {
        let now = self.engine.now_ms();
        match struck.before()? {
            Kind::SessionExpired => self.sessions().expire(&asked.token, now, false),
            Kind::SessionGone { master_expired: true } => self.sessions().expire(&asked.token, now, true),
            // A session that has ended already needs no end.
            Kind::SessionGone { master_expired: false } => drop(self.sessions().end(&asked.token)),
            kind => return Some(injected(kind, call)),
        }
        None
    }
}

/// How many answers are to say that the statement still runs.
pub(super) fn polls(struck: &Struck) -> usize {
    let of = |kind: &Kind| if let Kind::InProgress { polls } = kind { Some(*polls) } else { None };
    struck.kinds().filter_map(of).max().unwrap_or(0)
}

/// The rows of an answer as they arrive, and how many there are said to be.
pub(super) fn arriving(struck: &Struck, result: &ResultSet) -> (ResultSet, usize) {
    let mut result = shaped::shaped(struck, result);
    let total = result.rows.len();
    let missing =
        struck.kinds().filter_map(|kind| if let Kind::Missing { rows, .. } = kind { Some(*rows) } else { None });
    result.rows.truncate(total.saturating_sub(missing.sum()));
    (result, total)
}

/// What a fault makes Snowflake say.
fn injected(kind: &Kind, call: &Call) -> (Response<Bytes>, Outcome) {
    let page = |status: u16| {
        let mut response = Response::new(Bytes::from_static(b"<html>injected</html>"));
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
        response
    };
    let mut response = match kind {
        Kind::Refuse { status, code, message } if !code.is_empty() => {
            // A code of the session has no more to tell; one of a statement has.
            let data = if call.service == "sql" && !code.starts_with("390") {
                json!({ "errorCode": code, "sqlState": "58000", "queryId": "", "internalError": false, "age": 0 })
            } else {
                Value::Null
            };
            let status = status.and_then(|status| StatusCode::from_u16(status).ok()).unwrap_or(StatusCode::OK);
            let outcome = Outcome::new(status.as_u16(), code.as_str());
            return (respond(status, &failure(code, message, data)), outcome);
        }
        Kind::Refuse { status, .. } => page(status.unwrap_or(503)),
        Kind::Throttle { .. } => page(429),
        Kind::Failure { status, .. } => page(*status),
        _ => page(503),
    };
    if let Kind::Throttle { retry_after: Some(seconds) } = kind {
        response.headers_mut().insert(http::header::RETRY_AFTER, HeaderValue::from(*seconds));
    }
    let status = response.status().as_u16();
    let outcome = match kind {
        Kind::Unreachable => {
            response.extensions_mut().insert(Broken);
            response.extensions_mut().insert(NeverMade);
            Outcome::lost("unreachable")
        }
        Kind::Reset => {
            response.extensions_mut().insert(Broken);
            Outcome::lost("reset")
        }
        _ => Outcome::new(status, ""),
    };
    (response, outcome)
}

/// What becomes of the answer on its way.
pub(super) fn after(
    struck: &Struck,
    call: &Call,
    (mut response, outcome): (Response<Bytes>, Outcome),
) -> (Response<Bytes>, Outcome) {
    match struck.after() {
        Some(Kind::DropAnswer) => {
            response.extensions_mut().insert(Broken);
            (response, Outcome::lost("lost"))
        }
        Some(Kind::HalfAnswer) => {
            let half = response.body().len() / 2;
            response.body_mut().truncate(half);
            (response, outcome)
        }
        Some(Kind::CutBody) => {
            // In the process there is nothing but the whole answer or none.
            response.extensions_mut().insert(Broken);
            response.extensions_mut().insert(Cut);
            (response, outcome)
        }
        Some(kind) => injected(kind, call),
        None => (response, outcome),
    }
}

/// How an answer reads in the log.
pub(super) fn outcome(answered: &Answered) -> Outcome {
    match answered {
        Answered::Json(body) => match body.get("code").and_then(Value::as_str) {
            Some("333333" | "333334") => Outcome::new(200, "running"),
            code => Outcome::new(200, code.unwrap_or_default()),
        },
        Answered::Response(response) => Outcome::new(response.status().as_u16(), ""),
    }
}
