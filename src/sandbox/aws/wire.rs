//! One request and its answer, free of any protocol library: who asks which service in which region for what.

use std::collections::BTreeMap;

use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

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
        "iam" | "sts" => {
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
    /// Takes a request apart. `Err` says why no service of the sandbox can be meant.
    pub(super) fn read(request: &http::Request<Bytes>) -> Result<Self, String> {
        let headers: BTreeMap<String, String> = request
            .headers()
            .iter()
            .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
            .collect();
        let host = request.uri().host().or_else(|| headers.get("host")?.split(':').next()).unwrap_or_default();
        let host = host.to_ascii_lowercase();
        let aws = ["amazonaws.com", "amazonaws.com.cn"].iter().any(|end| host.ends_with(&format!(".{end}")));
        if !aws && !matches!(host.as_str(), "localhost" | "127.0.0.1" | "[::1]") {
            return Err(format!("the sandbox does not reach `{host}`: it only answers for AWS"));
        }
        let scope = headers
            .get("authorization")
            .and_then(|header| header.split("Credential=").nth(1)?.split([',', ' ']).next())
            .ok_or_else(|| format!("the request to `{host}` is not signed"))?;
        let [key_id, _, region, service, ..] = scope.split('/').collect::<Vec<_>>()[..] else {
            return Err(format!("`{scope}` is not a scope of a signature"));
        };
        let query = form(request.uri().query().unwrap_or_default());
        let chunked = headers.get("content-encoding").is_some_and(|coding| coding.contains("aws-chunked"))
            || headers.get("x-amz-content-sha256").is_some_and(|hash| hash.starts_with("STREAMING-"));
        let body = if chunked { unchunk(request.body())? } else { request.body().clone() };
        Ok(Self {
            method: request.method().to_string(),
            path: request.uri().path().to_owned(),
            query,
            body,
            service: service.into(),
            region: region.into(),
            key_id: key_id.into(),
            id: uuid::Uuid::new_v4().to_string(),
            host,
            headers,
        })
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

/// Takes off `aws-chunked` framing: `size[;extensions]\r\n data \r\n … 0\r\n trailers`.
fn unchunk(body: &Bytes) -> Result<Bytes, String> {
    let broken = || "the aws-chunked body is broken".to_owned();
    let mut out = Vec::with_capacity(body.len());
    let mut rest: &[u8] = body;
    loop {
        let end = rest.windows(2).position(|two| two == b"\r\n").ok_or_else(broken)?;
        let (line, after) = rest.split_at(end);
        let line = std::str::from_utf8(line).map_err(|_| broken())?;
        let size = usize::from_str_radix(line.split(';').next().unwrap_or_default(), 16).map_err(|_| broken())?;
        if size == 0 {
            return Ok(out.into());
        }
        let (data, after) = after.get(2..).and_then(|after| after.split_at_checked(size)).ok_or_else(broken)?;
        out.extend_from_slice(data);
        rest = after.strip_prefix(b"\r\n").ok_or_else(broken)?;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn chunks_of_any_size_give_the_body_back(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..50), 0..6)) {
            let mut framed = Vec::new();
            for chunk in &chunks {
                framed.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
                framed.extend(chunk);
                framed.extend(b"\r\n");
            }
            framed.extend(b"0\r\n\r\n");
            prop_assert_eq!(unchunk(&framed.into()).unwrap(), chunks.concat());
        }

        #[test]
        fn broken_chunks_do_no_harm(body in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = unchunk(&body.into());
        }
    }

    #[test]
    fn takes_chunks_apart() {
        let body = Bytes::from_static(b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nx-amz-checksum-crc32:AAAA\r\n\r\n");
        assert_eq!(unchunk(&body).unwrap(), "abcde");
        for bad in [&b"3\r\nab"[..], b"zz\r\n", b"", b"3\r\nabcXX0\r\n", b"ffffffffffffffff\r\na\r\n"] {
            assert!(unchunk(&Bytes::from_static(bad)).is_err());
        }
    }

    #[test]
    fn a_plus_is_encoded_and_a_form_plus_is_a_space() {
        assert_eq!(percent_encode("a+b/=~ {\"é\"}"), "a%2Bb%2F%3D~%20%7B%22%C3%A9%22%7D");
        assert_eq!(
            form("a=1+2%2B3&b&c=%26"),
            [("a", "1 2+3"), ("b", ""), ("c", "&")].map(|(k, v)| (k.into(), v.into()))
        );
    }
}
