//! Requests that come over the network, where anybody may write anything: the signature is recomputed from what arrived, checksums are
//! compared with the body, and whatever does not fit is refused in AWS's words.
//!
//! Source: "AWS Signature Version 4 for API requests" of the IAM user guide, and "Authenticating Requests" of the S3 API reference.

mod canonical;
mod checksum;
mod chunked;
mod claim;
#[cfg(test)]
mod tests;
mod words;

use std::time::SystemTime;

use aws_lc_rs::digest::{SHA256, digest};
use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use bytes::Bytes;
use http::Request;

use super::s3::objects::hex;
use super::wire::{Asked, Refused, refused};
use super::{AwsSandbox, Unanswered, lock, sts};
use claim::{Claim, Place};

pub(super) use chunked::unchunk;
pub(super) use claim::scope;
pub(super) use words::mismatch;

/// The key of the signature of one request.
struct Seal<'a> {
    claim: &'a Claim,
    key: Vec<u8>,
}

impl Seal<'_> {
    /// The signature of a text whose first two lines are its kind, and the request's time and scope.
    fn sign(&self, kind: &str, rest: &str) -> String {
        let text = format!("{kind}\n{}\n{}\n{rest}", self.claim.time, self.claim.scope());
        calculate_signature(&self.key, text.as_bytes())
    }
}

impl AwsSandbox {
    /// Answers a request that came over the network: like [`Self::answer`], but only if it is signed by a key of the sandbox.
    pub async fn answer_signed(&self, request: Request<Bytes>) -> Result<http::Response<Bytes>, Unanswered> {
        let mut asked = Asked::claimed(&request, claim::service(&request));
        if let Err(refusal) = self.admit(&request, &mut asked) {
            asked.refused = Some(refusal);
        }
        self.answer_asked(&asked).await
    }

    /// Refuses a request of which no more than its head is known.
    pub async fn refuse(
        &self,
        head: http::request::Parts,
        status: u16,
        code: &str,
        message: &str,
    ) -> Result<http::Response<Bytes>, Unanswered> {
        let request = Request::from_parts(head, Bytes::new());
        let mut asked = Asked::claimed(&request, claim::service(&request));
        asked.refused = Some(refused(status, code, message));
        self.answer_asked(&asked).await
    }

    /// Completes what is asked, or says why it is refused.
    fn admit(&self, request: &Request<Bytes>, asked: &mut Asked) -> Result<(), Refused> {
        let claim = Claim::read(request, &asked.service)?;
        asked.service.clone_from(&claim.service);
        asked.region.clone_from(&claim.region);
        asked.key_id.clone_from(&claim.key_id);
        let secret = {
            let world = lock(&self.world);
            sts::caller(&world, asked)?;
            let (secret, token) =
                sts::secret(&world, &claim.key_id).ok_or_else(|| words::invalid_token(&asked.service))?;
            if claim.token.as_deref() != token {
                return Err(words::invalid_token(&asked.service));
            }
            secret.to_owned()
        };
        claim.in_time(SystemTime::now())?;
        let payload = Payload::of(request, &claim)?;
        let key = generate_signing_key(&secret, claim.moment, &claim.region, &claim.service);
        let seal = Seal { claim: &claim, key: key.as_ref().to_vec() };
        let text = canonical::request(request, &claim, payload.hash())?;
        if seal.sign("AWS4-HMAC-SHA256", &sha256(text.as_bytes())) != claim.signature {
            tracing::debug!(text, "what was to be signed");
            return Err(words::mismatch(&claim.service));
        }
        match &payload {
            Payload::Unsigned => {}
            Payload::Whole(hash) if *hash == sha256(request.body()) => {}
            Payload::Whole(_) => {
                let message = "The provided 'x-amz-content-sha256' header does not match what was computed.";
                return Err(refused(400, "XAmzContentSHA256Mismatch", message));
            }
            Payload::Chunked { signed, .. } => chunked::replace(asked, request.body(), signed.then_some(&seal))?,
        }
        checksum::verify(asked)
    }
}

/// What the signature says about the body.
#[derive(Debug, PartialEq, Eq)]
enum Payload {
    /// Nothing.
    Unsigned,
    /// Its SHA-256.
    Whole(String),
    /// It comes in chunks.
    Chunked {
        /// As the header says it.
        said: String,
        /// Whether each chunk is signed.
        signed: bool,
    },
}

impl Payload {
    fn of(request: &Request<Bytes>, claim: &Claim) -> Result<Self, Refused> {
        let header = request.headers().get("x-amz-content-sha256").and_then(|value| value.to_str().ok());
        if claim.service != "s3" {
            // Other services know no other way than the hash of the body.
            return Ok(Self::Whole(sha256(request.body())));
        }
        let said = match (header, claim.place) {
            (Some(said), _) => said,
            (None, Place::Query { .. }) => "UNSIGNED-PAYLOAD",
            (None, Place::Header) => {
                let message = "Missing required header for this request: x-amz-content-sha256";
                return Err(refused(400, "InvalidRequest", message));
            }
        };
        let said = said.to_owned();
        match said.as_str() {
            "UNSIGNED-PAYLOAD" => Ok(Self::Unsigned),
            "STREAMING-UNSIGNED-PAYLOAD-TRAILER" => Ok(Self::Chunked { said, signed: false }),
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" | "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER" => {
                Ok(Self::Chunked { said, signed: true })
            }
            hash if hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit()) => Ok(Self::Whole(said)),
            _ => {
                let message = "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, \
                               STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a \
                               valid sha256 value.";
                Err(refused(400, "InvalidArgument", message))
            }
        }
    }

    /// As it stands in the text to be signed.
    fn hash(&self) -> &str {
        match self {
            Self::Unsigned => "UNSIGNED-PAYLOAD",
            Self::Whole(hash) => hash,
            Self::Chunked { said, .. } => said,
        }
    }
}

/// SHA-256 in hexadecimal digits.
fn sha256(bytes: &[u8]) -> String {
    hex(digest(&SHA256, bytes).as_ref())
}
