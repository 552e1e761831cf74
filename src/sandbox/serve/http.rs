//! Requests as they come from the network: bodies are bounded, strangers' pages are turned away, and a lost answer breaks the connection.

use std::io;
use std::sync::Arc;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State;
use http::{HeaderMap, Request, Response, StatusCode, header};

use super::control;
use crate::cloud::snowflake::transport::Broken;
use crate::sandbox::Embedded;
use crate::sandbox::fault::Cut;

/// The largest body of a request to S3, which holds a whole object or a part of one.
const LARGEST_OBJECT: usize = 256 << 20;
/// The largest body of any other request.
const LARGEST: usize = 64 << 20;

/// What answers.
pub(super) struct Side {
    pub(super) clouds: Arc<Embedded>,
    /// What other processes of ours must know.
    pub(super) token: String,
}

/// Answers as AWS.
pub(super) async fn aws(State(side): State<Arc<Side>>, request: Request<Body>) -> Response<Body> {
    if let Some(refusal) = stranger(request.headers(), &["amazonaws.com", "amazonaws.com.cn"]) {
        return refusal;
    }
    let (head, body) = request.into_parts();
    let answer = match to_bytes(body, LARGEST_OBJECT).await {
        Ok(body) if control::is_meant(&head.headers) => {
            return control::answer(&side.clouds, &side.token, Request::from_parts(head, body)).await;
        }
        _ if side.clouds.aws_beside().is_some() => {
            let text = "the sandbox's Snowflake stands beside another AWS: ask that one";
            return plain(StatusCode::MISDIRECTED_REQUEST, text);
        }
        Ok(body) => side.clouds.aws.answer_signed(Request::from_parts(head, body)).await,
        Err(_) => {
            let message = "Your proposed upload exceeds the maximum allowed size";
            side.clouds.aws.refuse(head, 400, "EntityTooLarge", message).await
        }
    };
    match answer {
        Ok(response) => sent(response),
        Err(unanswered) => {
            tracing::debug!(%unanswered, "the connection is broken off");
            broken()
        }
    }
}

/// Answers as Snowflake.
pub(super) async fn snowflake(State(side): State<Arc<Side>>, request: Request<Body>) -> Response<Body> {
    if let Some(refusal) = stranger(request.headers(), &["snowflakecomputing.com", "snowflakecomputing.cn"]) {
        return refusal;
    }
    let Ok(request) = whole(request, LARGEST).await else { return plain(StatusCode::PAYLOAD_TOO_LARGE, "too large") };
    let response = side.clouds.wire().handle(request).await;
    match response.extensions().get::<Broken>() {
        Some(Broken) if response.extensions().get::<Cut>().is_none() => broken(),
        _ => sent(response),
    }
}

/// The request with its whole body.
async fn whole(request: Request<Body>, largest: usize) -> Result<Request<Bytes>, axum::Error> {
    let (head, body) = request.into_parts();
    Ok(Request::from_parts(head, to_bytes(body, largest).await?))
}

/// The refusal of a request that a page in a browser makes, or that came by a name that somebody pointed at this machine: the credentials
/// of the sandbox are no secret, so whoever makes a browser send requests here could use them.
fn stranger(headers: &HeaderMap, domains: &[&str]) -> Option<Response<Body>> {
    if headers.contains_key(header::ORIGIN) {
        return Some(plain(StatusCode::FORBIDDEN, "the sandbox does not answer pages in a browser"));
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    (!is_ours(host, domains))
        .then(|| plain(StatusCode::MISDIRECTED_REQUEST, "the sandbox does not answer for this host"))
}

/// Whether a `Host` header means this machine, or a cloud by its own name.
fn is_ours(host: &str, domains: &[&str]) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.to_ascii_lowercase();
    let below = |domain: &str| name.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
    ["localhost", "127.0.0.1", "[::1]"].contains(&name.as_str())
        || below("localhost")
        || domains.iter().any(|domain| below(domain))
}

fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response
}

/// The answer with its body, or with half of it if the connection is to break there.
fn sent(response: Response<Bytes>) -> Response<Body> {
    if response.extensions().get::<Cut>().is_none() {
        return response.map(Body::from);
    }
    response.map(|body| {
        let half = body.slice(..body.len() / 2);
        let cut = Err(io::Error::from(io::ErrorKind::ConnectionAborted));
        Body::from_stream(futures::stream::iter([Ok(half), cut]))
    })
}

/// An answer that never leaves: its body fails before the first byte is written, upon which the server closes the connection.
fn broken() -> Response<Body> {
    let lost = futures::stream::once(async { Err::<Bytes, _>(io::Error::from(io::ErrorKind::ConnectionAborted)) });
    Response::new(Body::from_stream(lost))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        let domains = ["amazonaws.com"];
        for ours in ["127.0.0.1:4577", "localhost", "LOCALHOST:1", "[::1]:80", "b.localhost:1", "b.s3.amazonaws.com"] {
            assert!(is_ours(ours, &domains), "{ours}");
        }
        for other in
            ["", "evil.example", "127.0.0.1.evil.example:80", "evillocalhost", "notamazonaws.com", "::1", "10.0.0.1"]
        {
            assert!(!is_ours(other, &domains), "{other}");
        }
    }
}
