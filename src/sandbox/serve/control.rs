//! How one `snowssi` asks another that serves a sandbox: paths under `/_snowssi/` on AWS's port, which can be no bucket's, with the token
//! of the directory in a header.

use std::time::Duration;

use axum::body::{Body, Bytes};
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::reach::{Rows, lines, told};
use super::super::{Embedded, Serving};

/// The header that holds the token. A request without it is one for AWS.
const TOKEN: &str = "x-snowssi-token";

/// One statement.
#[derive(Debug, Serialize, Deserialize)]
struct Sql {
    statement: String,
    role: String,
}

/// Where an object goes.
#[derive(Debug, Serialize, Deserialize)]
struct Place {
    bucket: String,
    key: String,
}

/// Whether a request is meant for this route.
pub(super) fn is_meant(headers: &HeaderMap) -> bool {
    headers.contains_key(TOKEN)
}

/// Answers a request of another `snowssi`.
pub(super) async fn answer(clouds: &Embedded, token: &str, request: Request<Bytes>) -> Response<Body> {
    let given = request.headers().get(TOKEN).map(http::HeaderValue::as_bytes);
    if given != Some(token.as_bytes()) {
        return reply(StatusCode::FORBIDDEN, &json!({ "error": "the token is not the one of this sandbox" }));
    }
    let outcome = match (request.method(), request.uri().path()) {
        (&Method::GET, "/_snowssi/status") => Ok(json!({ "pid": std::process::id() })),
        (&Method::POST, "/_snowssi/sql") => sql(clouds, request.body()).await,
        (&Method::POST, "/_snowssi/tick") => tick(clouds, request.body()).await,
        (&Method::PUT, "/_snowssi/object") => put(clouds, request).await,
        _ => return reply(StatusCode::NOT_FOUND, &json!({ "error": "this snowssi does not know that request" })),
    };
    match outcome {
        Ok(value) => reply(StatusCode::OK, &value),
        Err(error) => reply(StatusCode::BAD_REQUEST, &json!({ "error": error })),
    }
}

async fn sql(clouds: &Embedded, body: &Bytes) -> Result<Value, String> {
    let asked: Sql = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let rows = clouds.sql(&asked.statement, &asked.role).await.map_err(|error| told(&error))?;
    serde_json::to_value(Rows::from(rows)).map_err(|error| error.to_string())
}

/// The body is a number of milliseconds; what happened comes back line by line.
async fn tick(clouds: &Embedded, body: &Bytes) -> Result<Value, String> {
    let by: u64 = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let report = clouds.tick(Duration::from_millis(by)).await.map_err(|error| error.to_string())?;
    Ok(json!(lines(&report)))
}

async fn put(clouds: &Embedded, request: Request<Bytes>) -> Result<Value, String> {
    let (head, body) = request.into_parts();
    let place = head.headers.get("x-snowssi-place").map(http::HeaderValue::as_bytes).unwrap_or_default();
    let place: Place = serde_json::from_slice(place).map_err(|error| error.to_string())?;
    clouds.put(&place.bucket, &place.key, body).await.map(|()| json!({}))
}

fn reply(status: StatusCode, value: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(value.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}

/// The process that serves a directory, seen from another one.
#[derive(Debug)]
pub struct Remote {
    serving: Serving,
    client: reqwest::Client,
}

impl Remote {
    /// Whoever answers there as the directory says; `None` if that process is gone.
    pub(in crate::sandbox) async fn find(serving: Serving) -> Option<Self> {
        // It is this very machine: no proxy knows it. A statement may take as long as it takes.
        let client = reqwest::Client::builder().no_proxy().connect_timeout(Duration::from_secs(5)).build().ok()?;
        let remote = Self { serving, client };
        let status: Value = remote.ask(remote.request(Method::GET, "status")).await.ok()?;
        (status.get("pid").and_then(Value::as_u64) == Some(remote.serving.pid.into())).then_some(remote)
    }

    /// Runs one statement as a role.
    ///
    /// # Errors
    /// What Snowflake would refuse, or why there is no answer.
    pub async fn sql(&self, statement: &str, role: &str) -> Result<Rows, String> {
        let asked = Sql { statement: statement.to_owned(), role: role.to_owned() };
        self.ask(self.request(Method::POST, "sql").json(&asked)).await
    }

    /// Puts an object into a bucket, as the owner of the account.
    ///
    /// # Errors
    /// What S3 would refuse, or why there is no answer.
    pub async fn put(&self, bucket: &str, key: &str, body: Vec<u8>) -> Result<(), String> {
        let place = Place { bucket: bucket.to_owned(), key: key.to_owned() };
        let place = serde_json::to_vec(&place).map_err(|error| error.to_string())?;
        let request = self.request(Method::PUT, "object").header("x-snowssi-place", place).body(body);
        self.ask::<Value>(request).await.map(|_| ())
    }

    /// Lets time pass, and tells what happened, a line for each thing.
    ///
    /// # Errors
    /// The state cannot be written, or there is no answer.
    pub async fn tick(&self, by: Duration) -> Result<Vec<String>, String> {
        let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.ask(self.request(Method::POST, "tick").json(&by)).await
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let at = std::net::SocketAddr::new(self.serving.host, self.serving.aws_port);
        self.client.request(method, format!("http://{at}/_snowssi/{path}")).header(TOKEN, &self.serving.token)
    }

    async fn ask<T: DeserializeOwned>(&self, request: reqwest::RequestBuilder) -> Result<T, String> {
        let lost = |error: reqwest::Error| format!("no answer from {}: {error}", self.serving);
        let response = request.send().await.map_err(lost)?;
        let ok = response.status().is_success();
        let value: Value = response.json().await.map_err(lost)?;
        if ok {
            serde_json::from_value(value).map_err(|error| error.to_string())
        } else {
            Err(value.get("error").and_then(Value::as_str).unwrap_or("refused without a reason").to_owned())
        }
    }
}
