//! One request and its answer, free of any protocol library: who asks which service in which region for what.

use std::collections::BTreeMap;

use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::signed;
use super::xml::Node;

/// A request, taken apart.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// `GET`, `PUT` and so on.
    pub(super) method: String,
    /// Host, without a port.
    pub(super) host: String,
    /// Path, still percent-encoded.
    pub(super) path: String,
    /// Query, decoded, in order.
    pub(super) query: Vec<(String, String)>,
    /// Headers, by lower-case name.
    pub(super) headers: BTreeMap<String, String>,
    /// The body, without `aws-chunked` framing.
    pub(super) body: Bytes,
    /// The service of the signature's scope.
    pub(super) service: String,
    /// The region of the signature's scope.
    pub(super) region: String,
    /// The access key that signed.
    pub(super) key_id: String,
    /// Why it is refused whatever it asks for.
    pub(super) refused: Option<Refused>,
    /// The ID of the request, for the answer.
    pub(super) id: String,
}

/// An answer.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    /// HTTP status.
    pub(super) status: u16,
    /// Headers.
    pub(super) headers: Vec<(String, String)>,
    /// Body.
    pub(super) body: Vec<u8>,
    /// Whether the connection breaks in the middle of the body.
    pub(super) cut: bool,
}

/// A refusal, before it is put into the words of a protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    /// HTTP status.
    pub(super) status: u16,
    /// AWS's code.
    pub(super) code: String,
    /// AWS's message.
    pub(super) message: String,
    /// More headers, such as the region of a bucket.
    pub(super) headers: Vec<(String, String)>,
}

/// What a service says.
pub(super) type Answer = Result<Reply, Refused>;

/// A refusal with a status, a code and a message.
pub(super) fn refused(status: u16, code: &str, message: impl Into<String>) -> Refused {
    Refused { status, code: code.into(), message: message.into(), headers: Vec::new() }
}

impl Reply {
    /// A status and nothing else.
    pub(super) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new(), cut: false }
    }

    /// 200 with XML.
    pub(super) fn xml(node: &Node, namespace: &str) -> Self {
        Self::empty(200).header("content-type", "application/xml").body(node.document(namespace))
    }

    /// 200 with JSON 1.1.
    pub(super) fn json(value: &serde_json::Value) -> Self {
        Self::empty(200).header("content-type", "application/x-amz-json-1.1").body(value.to_string().into_bytes())
    }

    /// This answer with one more header.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "so that numbers, flags and texts can be given as they are")]
    pub(super) fn header(mut self, name: &str, value: impl ToString) -> Self {
        self.headers.push((name.into(), value.to_string()));
        self
    }

    /// This answer with a body.
    #[must_use]
    pub(super) fn body(mut self, body: Vec<u8>) -> Self {
        self.body = body;
        self
    }
}

/// The refusal in the words of a service's protocol.
pub(super) fn render(refusal: &Refused, asked: &Asked, request_id: &str) -> Reply {
    let mut reply = Reply::empty(refusal.status);
    reply.headers.clone_from(&refusal.headers);
    let Refused { code, message, .. } = refusal;
    match asked.service.as_str() {
        "s3" if asked.method == "HEAD" => reply,
        "s3" => {
            let error = Node::new("Error").put("Code", code).put("Message", message).put("RequestId", request_id);
            reply.header("content-type", "application/xml").body(error.document(""))
        }
        "iam" | "sts" | "sns" => {
            let whose = if refusal.status < 500 { "Sender" } else { "Receiver" };
            let error = Node::new("Error").put("Type", whose).put("Code", code).put("Message", message);
            let document = Node::new("ErrorResponse").with(error).put("RequestId", request_id);
            reply.header("content-type", "text/xml").body(document.document(""))
        }
        _ => {
            let body = serde_json::json!({ "__type": code, "message": message });
            reply
                .header("content-type", "application/x-amz-json-1.1")
                .header("x-amzn-errortype", code)
                .body(body.to_string().into_bytes())
        }
    }
}

impl Asked {
    /// Takes a request of this process apart. `Err` says why no service of the sandbox can be meant.
    pub(super) fn read(request: &http::Request<Bytes>) -> Result<Self, String> {
        let host = host(request);
        let aws = ["amazonaws.com", "amazonaws.com.cn"].iter().any(|end| host.ends_with(&format!(".{end}")));
        if !aws && !matches!(host.as_str(), "localhost" | "127.0.0.1" | "[::1]") {
            return Err(format!("the sandbox does not reach `{host}`: it only answers for AWS"));
        }
        let scope = signed::scope(request).ok_or_else(|| format!("the request to `{host}` is not signed"))?;
        let [key_id, _, region, service, ..] = scope.split('/').collect::<Vec<_>>()[..] else {
            return Err(format!("`{scope}` is not a scope of a signature"));
        };
        let mut asked = Self::claimed(request, service.into());
        (asked.region, asked.key_id) = (region.into(), key_id.into());
        let chunked = asked.header("content-encoding").is_some_and(|coding| coding.contains("aws-chunked"))
            || asked.header("x-amz-content-sha256").is_some_and(|hash| hash.starts_with("STREAMING-"));
        if chunked {
            let whole = signed::unchunk(request.body()).ok_or("the aws-chunked body is broken")?;
            asked.body = whole.body;
            asked.headers.extend(whole.trailers);
            asked.uncode();
        }
        Ok(asked)
    }

    /// What a request for a service says, as far as it can be believed without its signature.
    pub(super) fn claimed(request: &http::Request<Bytes>, service: String) -> Self {
        let headers: BTreeMap<String, String> = request
            .headers()
            .iter()
            .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
            .collect();
        Self {
            method: request.method().to_string(),
            path: request.uri().path().to_owned(),
            query: form(request.uri().query().unwrap_or_default()),
            body: request.body().clone(),
            service,
            region: super::REGION.into(),
            key_id: String::new(),
            host: host(request),
            id: uuid::Uuid::new_v4().to_string(),
            headers,
            refused: None,
        }
    }

    /// Leaves `aws-chunked` out of the codings of the body, once it is decoded.
    pub(super) fn uncode(&mut self) {
        let Some(codings) = self.headers.remove("content-encoding") else { return };
        let rest: Vec<&str> = codings.split(',').map(str::trim).filter(|coding| *coding != "aws-chunked").collect();
        if !rest.is_empty() {
            self.headers.insert("content-encoding".into(), rest.join(","));
        }
    }

    /// The value of a query parameter; empty if it stands without one.
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A header.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// Reads a form or query string: `+` is a space, names without `=` have an empty value.
pub(super) fn form(text: &str) -> Vec<(String, String)> {
    let decode = |part: &str| percent_decode_str(&part.replace('+', " ")).decode_utf8_lossy().into_owned();
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

/// Everything but the unreserved characters of RFC 3986 is encoded, as IAM does with documents.
pub(super) fn percent_encode(text: &str) -> String {
    const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    utf8_percent_encode(text, RESERVED).to_string()
}

/// The host that a request is for, without a port.
fn host(request: &http::Request<Bytes>) -> String {
    let named = || request.headers().get(http::header::HOST)?.to_str().ok()?.parse::<http::uri::Authority>().ok();
    let host = request.uri().host().map(str::to_owned).or_else(|| Some(named()?.host().to_owned()));
    host.unwrap_or_default().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plus_is_encoded_and_a_form_plus_is_a_space() {
        assert_eq!(percent_encode("a+b/=~ {\"é\"}"), "a%2Bb%2F%3D~%20%7B%22%C3%A9%22%7D");
        assert_eq!(
            form("a=1+2%2B3&b&c=%26"),
            [("a", "1 2+3"), ("b", ""), ("c", "&")].map(|(k, v)| (k.into(), v.into()))
        );
    }
}
