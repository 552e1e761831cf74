//! Snowflake's session protocol, in front of an [`Engine`]. Source: what Snowflake's drivers for Python and Go
//! send and expect.
//!
//! It needs no socket: requests come in as values, from the transport of our own session or from a server on loopback. What other
//! clients rely on (the Python connector, the `snow` CLI) is kept, such as all four keys in every answer and cells that are texts.

mod bindings;
mod credentials;
mod envelope;
mod fault;
mod login;
mod result;
mod session;
mod statement;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::future::Future;
use std::io::Read;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};

pub use credentials::Credentials;
pub use fault::{Fault, Faults};

use super::answer::Engine;
use crate::cloud::snowflake::transport::Handler;
use envelope::{Refused, failure, respond, success};
use session::Sessions;
use statement::Statement;

/// The HTTP side of the simulator.
pub struct Wire {
    engine: Arc<dyn Engine>,
    credentials: Credentials,
    sessions: Mutex<Sessions>,
    statements: Mutex<BTreeMap<String, Arc<Statement>>>,
    chunks: Mutex<BTreeMap<String, result::Stored>>,
    faults: Faults,
    timing: Timing,
}

/// How long things take and last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// How long a request waits for its statement before the answer is that it still runs. 45 seconds in Snowflake.
    pub hold: Duration,
    /// How long a session token is valid. An hour in Snowflake.
    pub token: Duration,
    /// How long a master token is valid. Four hours in Snowflake.
    pub master: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self { hold: Duration::from_secs(45), token: Duration::from_hours(1), master: Duration::from_hours(4) }
    }
}

/// Bodies larger than this are refused.
const LARGEST: u64 = 64 << 20;

impl Wire {
    /// A server in front of an engine.
    pub fn new(engine: Arc<dyn Engine>, credentials: Credentials) -> Self {
        Self::timed(engine, credentials, Timing::default())
    }

    /// A server with other times than Snowflake's.
    pub fn timed(engine: Arc<dyn Engine>, credentials: Credentials, timing: Timing) -> Self {
        Self {
            engine,
            credentials,
            sessions: Mutex::default(),
            statements: Mutex::default(),
            chunks: Mutex::default(),
            faults: Faults::default(),
            timing,
        }
    }

    /// What is to go wrong.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// All session tokens expire now; their sessions can be renewed.
    pub fn expire_tokens(&self) {
        self.sessions().expire_tokens();
    }

    /// All sessions end now: neither their tokens nor their master tokens are known any more.
    pub fn end_sessions(&self) {
        self.sessions().end_all();
    }

    /// How many sessions are open.
    pub fn open_sessions(&self) -> usize {
        self.sessions().open()
    }

    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(&self, request: Request<Bytes>) -> Response<Bytes> {
        let asked = match Asked::read(&request) {
            Ok(asked) => asked,
            Err(why) => return respond(StatusCode::BAD_REQUEST, &failure("390000", &why, Value::Null)),
        };
        let subject = self.subject(&asked);
        if let Some(response) = self.faults.before(&subject) {
            return response;
        }
        let answered = match self.route(&request, &asked).await {
            Ok(Answered::Json(body)) => respond(StatusCode::OK, &body),
            Ok(Answered::Response(response)) => response,
            Err(refused) => respond(StatusCode::OK, &refused.body()),
        };
        self.faults.after(&subject, answered)
    }

    /// What a fault is told by: the path, and the statement that is meant.
    fn subject(&self, asked: &Asked) -> String {
        let sql = match (asked.body.get("sqlText").and_then(Value::as_str), asked.query_id()) {
            (Some(sql), _) => sql.to_owned(),
            (None, Some(id)) => self.statement(id).map(|statement| statement.sql.clone()).unwrap_or_default(),
            (None, None) => String::new(),
        };
        format!("{} {sql}", asked.path)
    }

    async fn route(&self, request: &Request<Bytes>, asked: &Asked) -> Result<Answered, Refused> {
        let json = |body: Value| Ok(Answered::Json(body));
        let segments: Vec<&str> = asked.path.split('/').skip(1).collect();
        match (request.method(), segments.as_slice()) {
            (&Method::POST, ["session", "v1", "login-request"]) => json(self.log_in(asked)?),
            (&Method::POST, ["session", "token-request"]) => json(self.renew(asked)?),
            (&Method::POST, ["session"]) => {
                if let Some(ended) = self.sessions().end(&asked.token) {
                    let mut statements = self.statements.lock().unwrap_or_else(PoisonError::into_inner);
                    statements.retain(|_, statement| statement.session.id != ended);
                }
                json(success(Value::Null))
            }
            (&Method::POST, ["session", "heartbeat"]) => {
                self.sessions().find(&asked.token)?;
                json(success(Value::Null))
            }
            (&Method::POST, ["session", "authenticator-request"]) => Err(Refused::new(
                "390190",
                "There is no identity provider in the sandbox: log in with a password, a key pair or a token.",
            )),
            (&Method::POST, ["queries", "v1", "query-request"]) => json(self.run(asked).await?),
            (&Method::POST, ["queries", "v1", "abort-request"]) => json(self.abort_request(asked)?),
            (&Method::POST, ["queries", id, "abort-request"]) => {
                self.sessions().find(&asked.token)?;
                json(self.abort_query(id))
            }
            (&Method::GET, ["queries", id, "result"]) => json(self.result_of(asked, id).await?),
            (&Method::GET, ["monitoring", "queries", id]) => {
                self.sessions().find(&asked.token)?;
                json(self.monitor(id))
            }
            (&Method::POST, ["telemetry", "send"]) => json(success(json!("Log Received"))),
            (&Method::GET, ["chunks", id]) => Ok(Answered::Response(self.chunk(request, id))),
            _ => {
                tracing::debug!(path = asked.path, "the sandbox has no such route");
                let body = failure("390404", "There is nothing at this path.", Value::Null);
                Ok(Answered::Response(respond(StatusCode::NOT_FOUND, &body)))
            }
        }
    }
}

impl Handler for Wire {
    fn handle(&self, request: Request<Bytes>) -> Pin<Box<dyn Future<Output = Response<Bytes>> + Send + '_>> {
        Box::pin(self.answer(request))
    }
}

enum Answered {
    Json(Value),
    Response(Response<Bytes>),
}

/// A request, taken apart.
struct Asked {
    /// Its path with single slashes.
    path: String,
    query: BTreeMap<String, String>,
    /// `null` if there is no body.
    body: Value,
    /// What the `Authorization` header holds; empty if there is none.
    token: String,
}

impl Asked {
    fn read(request: &Request<Bytes>) -> Result<Self, String> {
        let path =
            request.uri().path().split('/').filter(|part| !part.is_empty()).fold(String::new(), |mut path, part| {
                path.push('/');
                path.push_str(part);
                path
            });
        let pairs = request.uri().query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
        let query = pairs.map(|(key, value)| (decoded(key), decoded(value))).collect();
        let token = request.headers().get(http::header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = token.and_then(|value| value.split('"').nth(1)).unwrap_or_default().to_owned();
        Ok(Self { path, query, body: body(request.body())?, token })
    }

    /// The request's ID, in either of its two spellings.
    fn request_id(&self) -> Option<&str> {
        let id = self.query.get("requestId").or_else(|| self.query.get("request_id"))?;
        (!id.is_empty()).then_some(id.as_str())
    }

    /// The query that the path names.
    fn query_id(&self) -> Option<&str> {
        let mut segments = self.path.split('/').skip(1);
        match (segments.next(), segments.next(), segments.next()) {
            (Some("queries"), Some(id), Some("result" | "abort-request")) if id != "v1" => Some(id),
            (Some("monitoring"), Some("queries"), Some(id)) => Some(id),
            _ => None,
        }
    }
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

/// The JSON of a body, which may be compressed, announced or not, and may be missing.
fn body(bytes: &Bytes) -> Result<Value, String> {
    let mut plain = Vec::new();
    let bytes: &[u8] = if bytes.starts_with(&[0x1f, 0x8b]) {
        let unpacking = flate2::read::MultiGzDecoder::new(bytes.as_ref()).take(LARGEST + 1).read_to_end(&mut plain);
        unpacking.map_err(|_| "The body cannot be decompressed.".to_owned())?;
        &plain
    } else {
        bytes
    };
    if bytes.len() as u64 > LARGEST {
        return Err("The body is too large.".to_owned());
    }
    if bytes.trim_ascii().is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(bytes).map_err(|_| "The body is not JSON.".to_owned())
}
