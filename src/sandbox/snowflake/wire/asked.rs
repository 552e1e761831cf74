//! A request, taken apart: its path, its parameters, its body however it is packed, and the token it shows.

use std::collections::BTreeMap;
use std::io::Read;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_ENCODING};
use http::{Method, Request, StatusCode};
use serde_json::{Map, Value};

use super::envelope::Refused;

/// Bodies larger than this, unpacked, are refused.
const LARGEST: u64 = 64 << 20;

/// A request, taken apart.
pub(super) struct Asked {
    pub(super) method: Method,
    /// Its path with single slashes.
    pub(super) path: String,
    pub(super) query: BTreeMap<String, String>,
    /// Empty if there is no body.
    pub(super) body: Map<String, Value>,
    /// What the `Authorization` header holds; empty if there is none.
    pub(super) token: String,
}

impl Asked {
    pub(super) fn read(request: &Request<Bytes>) -> Result<Self, Refused> {
        let parts = request.uri().path().split('/').filter(|part| !part.is_empty());
        let path = parts.fold(String::new(), |path, part| path + "/" + part);
        let pairs = request.uri().query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
        let query = pairs.map(|(key, value)| (decoded(key), decoded(value))).collect();
        let token = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = token.and_then(|value| value.split('"').nth(1)).unwrap_or_default().to_owned();
        Ok(Self { method: request.method().clone(), path, query, body: body(request)?, token })
    }

    /// The request's ID, in either of its two spellings.
    pub(super) fn request_id(&self) -> Option<&str> {
        let id = self.query.get("requestId").or_else(|| self.query.get("request_id"))?;
        (!id.is_empty()).then_some(id.as_str())
    }

    /// A text in the body; one that is missing or null is none.
    pub(super) fn text(&self, key: &str) -> Result<Option<&str>, Refused> {
        text(&self.body, key)
    }

    /// A truth value in the body; one that is missing or null does not hold.
    pub(super) fn flag(&self, key: &str) -> Result<bool, Refused> {
        match self.body.get(key) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(Refused::malformed(format!("'{key}' must be true or false."))),
        }
    }

    /// An object in the body; one that is missing or null is none.
    pub(super) fn object(&self, key: &str) -> Result<Option<&Map<String, Value>>, Refused> {
        match self.body.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(object)) => Ok(Some(object)),
            Some(_) => Err(Refused::malformed(format!("'{key}' must be an object."))),
        }
    }
}

/// A text in an object; one that is missing or null is none.
pub(super) fn text<'a>(object: &'a Map<String, Value>, key: &str) -> Result<Option<&'a str>, Refused> {
    match object.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Refused::malformed(format!("'{key}' must be a text."))),
    }
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

/// The JSON of a body, which may be compressed, announced or not, and may be missing.
fn body(request: &Request<Bytes>) -> Result<Map<String, Value>, Refused> {
    let too_large = || Refused::at(StatusCode::PAYLOAD_TOO_LARGE, "The body is too large.");
    let mut plain = Vec::new();
    let mut bytes: &[u8] = request.body();
    if packed(request)? {
        let unpacking = flate2::read::MultiGzDecoder::new(bytes).take(LARGEST + 1).read_to_end(&mut plain);
        unpacking.map_err(|_| Refused::malformed("The body cannot be decompressed."))?;
        bytes = &plain;
    }
    if bytes.len() as u64 > LARGEST {
        return Err(too_large());
    }
    if bytes.trim_ascii().is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(body)) => Ok(body),
        Ok(Value::Null) => Ok(Map::new()),
        Ok(_) => Err(Refused::malformed("The body must be an object.")),
        Err(_) => Err(Refused::malformed("The body is not JSON.")),
    }
}

/// Whether the body is compressed: by its first bytes, since not everyone says so.
fn packed(request: &Request<Bytes>) -> Result<bool, Refused> {
    let magic = request.body().starts_with(&[0x1f, 0x8b]);
    match request.headers().get(CONTENT_ENCODING).map(|value| value.to_str().unwrap_or_default().to_ascii_lowercase()) {
        None => Ok(magic),
        Some(encoding) if matches!(encoding.as_str(), "" | "identity") => Ok(magic),
        Some(encoding) if matches!(encoding.as_str(), "gzip" | "x-gzip") => {
            if magic || request.body().is_empty() {
                Ok(magic)
            } else {
                Err(Refused::malformed("The body is not compressed as its header says."))
            }
        }
        Some(encoding) => {
            let text = format!("Bodies compressed with {encoding} are not understood.");
            Err(Refused::at(StatusCode::UNSUPPORTED_MEDIA_TYPE, text))
        }
    }
}
