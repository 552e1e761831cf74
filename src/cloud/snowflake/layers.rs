//! The layers between `snowflake_api`'s connection and the network: the real address, the whole answer, and the short way into a
//! handler of this process.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http::Extensions;
use reqwest::header::{HeaderValue, RETRY_AFTER};
use reqwest::{Request, Response};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Middleware, Next, Result};
use uuid::Uuid;

use super::Endpoint;
use super::call::{CALL, Failure, To};
use super::transport::{Broken, Handler, NeverMade, Transport};

/// The name we go by, in logins and in Snowflake's history of queries.
pub(super) const APP_ID: &str = "snowssi";
const APP_VERSION: &str = env!("CARGO_PKG_VERSION");
const CONNECT: Duration = Duration::from_secs(10);
/// The server holds a request for 45 seconds at most before it answers that the statement is still running.
const ANSWER: Duration = Duration::from_secs(90);
/// No answer is larger, after decompression; what is, is refused rather than filling the memory.
const LARGEST: u64 = 512 << 20;
const TOO_LARGE: &str = "is too large";

/// A client for one endpoint.
pub(super) fn client(endpoint: &Endpoint, transport: &Transport) -> std::result::Result<ClientWithMiddleware, String> {
    let builder = reqwest::Client::builder()
        .user_agent(format!("{APP_ID}/{APP_VERSION} ({}; {})", std::env::consts::OS, std::env::consts::ARCH))
        .connect_timeout(CONNECT)
        .timeout(ANSWER)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false);
    // What never reaches a socket needs no certificates, and loading them takes a while.
    let builder = match transport {
        Transport::Network => builder,
        Transport::InProcess(_) => builder.tls_built_in_root_certs(false).no_proxy(),
    };
    let client = builder.build().map_err(|error| format!("the HTTP client cannot be set up: {}", chain(&error)))?;
    let layered = ClientBuilder::new(client).with(Addressed(endpoint.clone())).with(Whole);
    Ok(match transport {
        Transport::Network => layered.build(),
        Transport::InProcess(handler) => layered.with(InProcess(Arc::clone(handler))).build(),
    })
}

/// Gives a request its real address and the parameters of its attempt.
struct Addressed(Endpoint);

#[async_trait]
impl Middleware for Addressed {
    async fn handle(&self, mut request: Request, extensions: &mut Extensions, next: Next<'_>) -> Result<Response> {
        let call = CALL.try_with(Clone::clone).map_err(|_| here("bug in snowssi: a request outside a call"))?;
        let path = match &call.to {
            To::Storage => return next.run(request, extensions).await,
            To::Path(path) => path.clone(),
            // The connection writes `//session/token-request`, which not every server takes for one slash.
            To::Usual => format!("/{}", request.url().path().trim_start_matches('/')),
        };
        let url = request.url_mut();
        let kept: Vec<(String, String)> = url
            .query_pairs()
            .filter(|(key, _)| !OURS.contains(&key.as_ref()))
            .map(|(k, v)| (k.into(), v.into()))
            .collect();
        url.set_path(path.split('?').next().unwrap_or_default());
        {
            let mut pairs = url.query_pairs_mut();
            pairs.clear().extend_pairs(kept);
            pairs.append_pair("requestId", &call.request_id.to_string());
            pairs.append_pair("request_guid", &Uuid::new_v4().to_string());
            pairs.append_pair("clientStartTime", &call.since_ms.to_string());
            if call.attempt > 0 {
                pairs.append_pair("retryCount", &call.attempt.to_string());
                pairs.append_pair("retryReason", &call.reason.to_string());
            }
        }
        self.0.put_into(url).map_err(|error| here(&error))?;
        let headers = request.headers_mut();
        headers.insert("CLIENT_APP_ID", HeaderValue::from_static(APP_ID));
        headers.insert("CLIENT_APP_VERSION", HeaderValue::from_static(APP_VERSION));
        next.run(request, extensions).await
    }
}

/// Parameters this layer sets itself, whatever the connection has put there.
const OURS: [&str; 5] = ["requestId", "request_guid", "clientStartTime", "retryCount", "retryReason"];

/// Lets an answer through only if it has arrived as a whole and its status is 200.
struct Whole;

#[async_trait]
impl Middleware for Whole {
    async fn handle(&self, request: Request, extensions: &mut Extensions, next: Next<'_>) -> Result<Response> {
        let is_json = CALL.try_with(|call| call.to != To::Storage).unwrap_or(true);
        let mut response = next.run(request, extensions).await.map_err(|error| match error {
            reqwest_middleware::Error::Reqwest(error) => failed(network(error)),
            error @ reqwest_middleware::Error::Middleware(_) => error,
        })?;
        let status = response.status().as_u16();
        let retry_after =
            response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse::<u64>().ok());
        let mut body = BytesMut::new();
        while let Some(part) = response.chunk().await.map_err(|error| failed(network(error)))? {
            body.extend_from_slice(&part);
            if body.len() as u64 > LARGEST {
                return Err(failed(Failure::Unreadable(TOO_LARGE)));
            }
        }
        let body = unpacked(body.freeze()).map_err(failed)?;
        if status != 200 {
            let said = if is_json { excerpt(&body) } else { String::new() };
            return Err(failed(Failure::Status { status, retry_after, said }));
        }
        if is_json && body.trim_ascii_end().last() != Some(&b'}') {
            let why = if body.trim_ascii_start().first() == Some(&b'{') {
                "the answer is cut off".to_owned()
            } else {
                format!("the answer is not Snowflake's: {}", excerpt(&body))
            };
            return Err(failed(Failure::Lost(why)));
        }
        Ok(http::Response::new(body).into())
    }
}

/// Decompresses what begins like gzip: parts of results are often not announced as such.
pub(super) fn unpacked(body: Bytes) -> std::result::Result<Bytes, Failure> {
    if !body.starts_with(&[0x1f, 0x8b]) {
        return Ok(body);
    }
    let mut plain = Vec::new();
    let read = flate2::read::MultiGzDecoder::new(body.as_ref()).take(LARGEST + 1).read_to_end(&mut plain);
    match read {
        Ok(_) if plain.len() as u64 <= LARGEST => Ok(plain.into()),
        Ok(_) => Err(Failure::Unreadable(TOO_LARGE)),
        Err(error) => Err(Failure::Lost(format!("it cannot be decompressed: {error}"))),
    }
}

/// The first line of what a server says, without control characters.
fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body.get(..body.len().min(400)).unwrap_or_default()).into_owned();
    let clean = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>();
    let words = clean.split_whitespace().collect::<Vec<_>>().join(" ");
    words.chars().take(160).collect()
}

/// Ends in a handler of this process.
struct InProcess(Arc<dyn Handler>);

#[async_trait]
impl Middleware for InProcess {
    async fn handle(&self, request: Request, _: &mut Extensions, _: Next<'_>) -> Result<Response> {
        let mut sent = http::Request::builder().method(request.method().clone()).uri(request.url().as_str());
        if let Some(headers) = sent.headers_mut() {
            headers.clone_from(request.headers());
        }
        let body = request.body().and_then(reqwest::Body::as_bytes).map(Bytes::copy_from_slice).unwrap_or_default();
        let sent = sent.body(body).map_err(|error| here(&error.to_string()))?;
        let answer = self.0.handle(sent).await;
        if answer.extensions().get::<NeverMade>().is_some() {
            return Err(failed(Failure::NotConnected("the connection was refused".into())));
        }
        if answer.extensions().get::<Broken>().is_some() {
            return Err(failed(Failure::Lost("the connection broke".into())));
        }
        Ok(answer.into())
    }
}

/// What a failure of the network means: whether the server may have seen the request.
pub(super) fn network(error: reqwest::Error) -> Failure {
    let connected = !error.is_connect();
    // The address may hold a signature.
    let text = chain(&error.without_url());
    if connected { Failure::Lost(text) } else { Failure::NotConnected(text) }
}

/// An error with its causes.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let said = inner.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = inner.source();
    }
    text
}

fn failed(failure: Failure) -> reqwest_middleware::Error {
    reqwest_middleware::Error::middleware(failure)
}

fn here(text: &str) -> reqwest_middleware::Error {
    failed(Failure::Here(text.to_owned()))
}
