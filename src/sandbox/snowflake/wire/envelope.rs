//! The form of every answer: four keys, always there.

use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::{Value, json};

/// A refusal of the protocol itself, before any statement.
#[derive(Debug)]
pub(super) struct Refused {
    code: &'static str,
    message: String,
    data: Value,
}

impl Refused {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: Value::Null }
    }

    /// A refusal at login, which says what the client may do next.
    pub(super) fn login(code: &'static str, message: impl Into<String>, method: &str) -> Self {
        let data = json!({ "nextAction": "RETRY_LOGIN", "authnMethod": method, "signInOptions": {} });
        Self { code, message: message.into(), data }
    }

    pub(super) fn body(&self) -> Value {
        failure(self.code, &self.message, self.data.clone())
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
