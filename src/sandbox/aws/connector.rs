//! Carries SDK requests to the sandbox without a network. Streaming bodies are read to their end, whatever they come from.

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

/// No answer comes back: the host is not AWS, or a fault was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unanswered(pub String);

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
            let answer = sandbox.answer(request).await.map_err(|error| ConnectorError::io(error.into()))?;
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
    builder.body(reply.body.into())
}
