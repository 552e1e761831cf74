//! Snowflake's session protocol, in front of an [`Engine`]. Source: what Snowflake's drivers for Python and Go
//! send and expect.
//!
//! It needs no socket: requests come in as values, from the transport of our own session or from a server on loopback. What other
//! clients rely on (the Python connector, the `snow` CLI) is kept, such as all four keys in every answer and cells that are texts.

mod asked;
mod bindings;
mod credentials;
mod envelope;
mod fault;
mod literal;
mod login;
mod monitor;
mod order;
mod result;
mod session;
mod shelf;
mod split;
mod statement;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};

pub use credentials::Credentials;

use super::answer::Engine;
use crate::cloud::snowflake::transport::Handler;
use crate::sandbox::calls::Call;
use crate::sandbox::fault::{Passing, Traffic};
use asked::Asked;
use envelope::{Refused, respond, success};
use session::{Lifetimes, Session, Sessions};
use shelf::Shelf;

/// The HTTP side of the simulator.
pub struct Wire {
    engine: Arc<dyn Engine>,
    credentials: Credentials,
    sessions: Mutex<Sessions>,
    shelf: Arc<Shelf>,
    chunks: Mutex<BTreeMap<String, result::Stored>>,
    traffic: Arc<Traffic>,
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
            shelf: Arc::default(),
            chunks: Mutex::default(),
            traffic: Arc::default(),
            timing,
        }
    }

    /// The same server, with the faults and the log of this traffic.
    #[must_use]
    pub fn watched(mut self, traffic: Arc<Traffic>) -> Self {
        self.traffic = traffic;
        self
    }

    /// The requests so far, and what is to go wrong with the next ones.
    pub fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    /// All session tokens expire now; their sessions can be renewed.
    pub fn expire_tokens(&self) {
        let now = self.engine.now_ms();
        self.sessions().expire_tokens(now);
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

    /// The session of whoever asks.
    fn session(&self, asked: &Asked) -> Result<Arc<Session>, Refused> {
        self.sessions().find(&asked.token, self.engine.now_ms())
    }

    fn lifetimes(&self) -> Lifetimes {
        Lifetimes { token: self.timing.token, master: self.timing.master }
    }

    async fn answer(&self, request: Request<Bytes>) -> Response<Bytes> {
        let asked = match Asked::read(&request) {
            Ok(asked) => asked,
            Err(refused) => {
                let call = Call { path: request.uri().path().to_owned(), ..Call::snowflake("session", "?") };
                self.traffic.leave(self.traffic.enter(call), refused.outcome());
                return refused.respond();
            }
        };
        let passing = self.traffic.enter(self.call(&asked));
        let (struck, call) = (&passing.struck, passing.call());
        struck.delay().await;
        let (response, outcome) = if let Some(answer) = self.before(struck, &asked, call) {
            answer
        } else {
            let answer = match self.route(&request, &asked, &passing).await {
                Ok(answered) => {
                    let outcome = fault::outcome(&answered);
                    (answered.response(), outcome)
                }
                Err(refused) => (refused.respond(), refused.outcome()),
            };
            fault::after(struck, call, answer)
        };
        self.traffic.leave(passing, outcome);
        response
    }

    async fn route(&self, request: &Request<Bytes>, asked: &Asked, passing: &Passing) -> Result<Answered, Refused> {
        let json = |body: Value| Ok(Answered::Json(body));
        let segments: Vec<&str> = asked.path.split('/').skip(1).collect();
        let (get, post) = (asked.method == Method::GET, asked.method == Method::POST);
        match segments.as_slice() {
            ["session", "v1", "login-request"] if post => json(self.log_in(asked)?),
            ["session", "token-request"] if post => json(self.renew(asked)?),
            ["session"] if post => json(self.close(asked)?),
            ["session", "heartbeat"] if post => {
                self.session(asked)?;
                json(success(Value::Null))
            }
            ["session", "authenticator-request"] if post => Err(Refused::new(
                "390190",
                "There is no identity provider in the sandbox: log in with a password, a key pair or a token.",
            )),
            ["queries", "v1", "query-request"] if post => json(self.run(asked, passing).await?),
            ["queries", "v1", "abort-request"] if post => json(self.abort_request(asked)?),
            ["queries", id, "abort-request"] if post => json(self.abort_query(asked, id)?),
            ["queries", id, "result"] if get => json(self.result_of(asked, id, &passing.struck).await?),
            ["monitoring", "queries", id] if get => json(self.monitor(asked, id)?),
            ["telemetry", "send"] if post => json(success(json!("Log Received"))),
            ["chunks", id] if get => Ok(Answered::Response(self.chunk(request, id))),
            ["session"]
            | ["session", "v1", "login-request"]
            | ["session", "token-request" | "heartbeat" | "authenticator-request"]
            | ["queries", _, "query-request" | "abort-request" | "result"]
            | ["monitoring", "queries", _]
            | ["telemetry", "send"]
            | ["chunks", _] => {
                let text = format!("{} does not go with this path.", asked.method);
                Err(Refused::at(StatusCode::METHOD_NOT_ALLOWED, text))
            }
            _ => {
                tracing::debug!(path = asked.path, "the sandbox has no such route");
                let text = format!("The sandbox has nothing at {}.", asked.path);
                Err(Refused::at(StatusCode::NOT_FOUND, text))
            }
        }
    }

    /// Ends a session, and what it runs.
    fn close(&self, asked: &Asked) -> Result<Value, Refused> {
        if asked.query.get("delete").map(String::as_str) != Some("true") {
            return Err(Refused::malformed("Nothing can be done with a session but to delete it."));
        }
        let ended = self.sessions().end(&asked.token)?;
        self.stop_all_of(ended);
        Ok(success(Value::Null))
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

impl Answered {
    fn response(self) -> Response<Bytes> {
        match self {
            Self::Json(body) => respond(StatusCode::OK, &body),
            Self::Response(response) => response,
        }
    }
}
