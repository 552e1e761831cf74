//! Carries SDK requests to the sandbox without a network. Streaming bodies are read to their end, whatever they come from.

use std::io;
use std::sync::Arc;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use bytes::Bytes;

use super::AwsSandbox;
use super::wire::Reply;
use crate::sandbox::fault::Cut;

/// No answer comes back: the host is not AWS, or a fault was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Unanswered {
    kind: io::ErrorKind,
    why: String,
}

impl Unanswered {
    pub(super) fn new(kind: io::ErrorKind, why: &str) -> Self {
        Self { kind, why: why.to_owned() }
    }

    /// For the log of calls.
    pub(super) fn word(&self) -> &'static str {
        match self.kind {
            io::ErrorKind::ConnectionRefused => "unreachable",
            io::ErrorKind::ConnectionReset => "reset",
            _ => "lost",
        }
    }
}

impl From<String> for Unanswered {
    fn from(why: String) -> Self {
        Self { kind: io::ErrorKind::Other, why }
    }
}

impl From<Unanswered> for io::Error {
    fn from(unanswered: Unanswered) -> Self {
        Self::new(unanswered.kind, unanswered.why)
    }
}

/// The HTTP client of the SDK.
#[derive(Clone, Debug)]
pub(super) struct InProcess {
    sandbox: Arc<AwsSandbox>,
}

impl InProcess {
    pub(super) fn new(sandbox: Arc<AwsSandbox>) -> Self {
        Self { sandbox }
    }
}

impl HttpClient for InProcess {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for InProcess {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let sandbox = Arc::clone(&self.sandbox);
        HttpConnectorFuture::new(async move {
            let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
            let (head, body) = request.into_parts();
            let body = ByteStream::new(body).collect().await.map_err(|error| ConnectorError::user(error.into()))?;
            let request = http::Request::from_parts(head, body.into_bytes());
            let lost = |unanswered: Unanswered| ConnectorError::io(io::Error::from(unanswered).into());
            let answer = sandbox.answer(request).await.map_err(lost)?;
            if answer.extensions().get::<Cut>().is_some() {
                let why = "the connection was closed in the middle of the answer";
                return Err(lost(Unanswered::new(io::ErrorKind::UnexpectedEof, why)));
            }
            HttpResponse::try_from(answer.map(SdkBody::from)).map_err(|error| ConnectorError::user(error.into()))
        })
    }
}

/// The answer as HTTP has it.
pub(super) fn response(reply: Reply, request_id: &str) -> http::Result<http::Response<Bytes>> {
    let mut builder = http::Response::builder().status(reply.status).header("x-amz-request-id", request_id);
    for (name, value) in &reply.headers {
        builder = builder.header(name, value);
    }
    if reply.cut {
        builder = builder.extension(Cut);
    }
    builder.body(reply.body.into())
}
