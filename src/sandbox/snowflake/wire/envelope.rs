//! The form of every answer: four keys, always there.

use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::{Value, json};

use crate::sandbox::calls::Outcome;

/// A refusal of the protocol itself, before any statement.
#[derive(Debug)]
pub(super) struct Refused {
    status: StatusCode,
    code: &'static str,
    message: String,
    data: Value,
}

impl Refused {
    /// A refusal of business, which HTTP knows nothing of.
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { status: StatusCode::OK, code, message: message.into(), data: Value::Null }
    }

    /// A refusal at login, which says what the client may do next.
    pub(super) fn login(code: &'static str, message: impl Into<String>, method: &str) -> Self {
        let data = json!({ "nextAction": "RETRY_LOGIN", "authnMethod": method, "signInOptions": {} });
        Self { data, ..Self::new(code, message) }
    }

    /// A request that nobody can make sense of.
    pub(super) fn malformed(message: impl Into<String>) -> Self {
        Self::at(StatusCode::BAD_REQUEST, message)
    }

    /// A request that is refused as HTTP has it. The code is the sandbox's own: no source tells what Snowflake's is.
    pub(super) fn at(status: StatusCode, message: impl Into<String>) -> Self {
        let code = match status {
            StatusCode::NOT_FOUND => "390404",
            StatusCode::METHOD_NOT_ALLOWED => "390405",
            _ => "390400",
        };
        Self { status, ..Self::new(code, message) }
    }

    /// How it reads in the log.
    pub(super) fn outcome(&self) -> Outcome {
        Outcome::new(self.status.as_u16(), self.code)
    }

    pub(super) fn respond(&self) -> Response<Bytes> {
        respond(self.status, &failure(self.code, &self.message, self.data.clone()))
    }
}

pub(super) fn success(data: impl Into<Value>) -> Value {
    json!({ "data": data.into(), "code": null, "message": null, "success": true })
}

pub(super) fn failure(code: &str, message: &str, data: impl Into<Value>) -> Value {
    json!({ "data": data.into(), "code": code, "message": message, "success": false, "headers": null })
}

pub(super) fn respond(status: StatusCode, body: &Value) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    response
}
