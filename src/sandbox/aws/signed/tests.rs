//! Signatures of AWS's own examples, and requests that do not fit.

use http::HeaderValue;

use super::*;

const KEY: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn request(method: &str, uri: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Request<Bytes> {
    let mut request = Request::builder().method(method).uri(uri).body(body.into()).unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(http::HeaderName::try_from(*name).unwrap(), HeaderValue::from_str(value).unwrap());
    }
    request
}

/// What the signature of a request should be.
fn signature(request: &Request<Bytes>, secret: &str) -> String {
    let claim = Claim::read(request, "s3").unwrap();
    let payload = Payload::of(request, &claim).unwrap();
    let key = generate_signing_key(secret, claim.moment, &claim.region, &claim.service);
    let seal = Seal { claim: &claim, key: key.as_ref().to_vec() };
    let text = canonical::request(request, &claim, payload.hash()).unwrap();
    seal.sign("AWS4-HMAC-SHA256", &sha256(text.as_bytes()))
}

/// "Authenticating Requests: Using the Authorization Header" and "Using Query Parameters", S3 API reference.
#[test]
fn the_examples_of_the_s3_reference() {
    let example = |method: &str, uri: &str, more: &[(&str, &str)], signed: &str, hash: &str, expected: &str| {
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={KEY}/20130524/us-east-1/s3/aws4_request,SignedHeaders={signed},Signature={expected}"
        );
        let mut headers = vec![
            ("host", "examplebucket.s3.amazonaws.com"),
            ("x-amz-date", "20130524T000000Z"),
            ("x-amz-content-sha256", hash),
            ("authorization", &authorization),
        ];
        headers.extend(more);
        let request = request(method, uri, &headers, "");
        assert_eq!(signature(&request, SECRET), expected, "{method} {uri}");
        assert_ne!(signature(&request, "another"), expected, "{method} {uri}");
    };
    let usual = "host;x-amz-content-sha256;x-amz-date";
    let get = "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41";
    let ranged = "host;range;x-amz-content-sha256;x-amz-date";
    example("GET", "/test.txt", &[("range", "bytes=0-9")], ranged, EMPTY, get);
    let put = "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd";
    let more = [("date", "Fri, 24 May 2013 00:00:00 GMT"), ("x-amz-storage-class", "REDUCED_REDUNDANCY")];
    let signed = "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class";
    example("PUT", "/test$file.text", &more, signed, &sha256(b"Welcome to Amazon S3."), put);
    let lifecycle = "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543";
    example("GET", "/?lifecycle", &[], usual, EMPTY, lifecycle);
    let list = "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7";
    example("GET", "/?max-keys=2&prefix=J", &[], usual, EMPTY, list);

    let presigned = "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";
    let uri = format!(
        "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={KEY}%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
         &X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature={presigned}"
    );
    let request = request("GET", &uri, &[("host", "examplebucket.s3.amazonaws.com")], "");
    assert_eq!(signature(&request, SECRET), presigned);
}

/// "Transferring Payload in Multiple Chunks", S3 API reference.
#[test]
fn the_chunks_of_the_s3_reference() {
    let seed = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9";
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={KEY}/20130524/us-east-1/s3/aws4_request,SignedHeaders=content-encoding;content-length;\
         host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class,Signature={seed}"
    );
    let headers = [
        ("host", "s3.amazonaws.com"),
        ("x-amz-date", "20130524T000000Z"),
        ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
        ("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
        ("content-encoding", "aws-chunked"),
        ("x-amz-decoded-content-length", "66560"),
        ("content-length", "66824"),
        ("authorization", &authorization),
    ];
    let framed = |first: &str| {
        let chunk =
            |size: usize, signature: &str| format!("{size:x};chunk-signature={signature}\r\n{}\r\n", "a".repeat(size));
        Bytes::from(
            [
                chunk(65536, first),
                chunk(1024, "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"),
                chunk(0, "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"),
            ]
            .concat(),
        )
    };
    let good = framed("ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648");
    assert_eq!(good.len(), 66824);
    let request = request("PUT", "/examplebucket/chunkObject.txt", &headers, good.clone());
    assert_eq!(signature(&request, SECRET), seed);
    let claim = Claim::read(&request, "s3").unwrap();
    let key = generate_signing_key(SECRET, claim.moment, &claim.region, &claim.service).as_ref().to_vec();
    let seal = Seal { claim: &claim, key };
    let asked = || Asked::claimed(&request, "s3".into());
    let mut whole = asked();
    chunked::replace(&mut whole, &good, Some(&seal)).unwrap();
    assert_eq!(whole.body.len(), 66560);
    assert_eq!(whole.header("content-encoding"), None);
    let forged = framed("ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288649");
    assert_eq!(chunked::replace(&mut asked(), &forged, Some(&seal)).unwrap_err().code, "SignatureDoesNotMatch");
    let cut = good.slice(..66000);
    assert_eq!(chunked::replace(&mut asked(), &cut, Some(&seal)).unwrap_err().code, "IncompleteBody");
}

/// A request of the sandbox's own user, signed now.
fn ours(service: &str, method: &str, uri: &str, more: &[(&str, &str)], body: &'static str) -> Request<Bytes> {
    let now = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
    let hash = sha256(body.as_bytes());
    let mut headers = vec![("host", "127.0.0.1:4577"), ("x-amz-date", now.as_str())];
    if service == "s3" {
        headers.push(("x-amz-content-sha256", &hash));
    }
    headers.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
    headers.extend(more);
    let mut request = request(method, uri, &headers, body);
    seal(&mut request, service, crate::sandbox::aws::ACCESS_KEY_ID, crate::sandbox::aws::SECRET_ACCESS_KEY);
    request
}

fn seal(request: &mut Request<Bytes>, service: &str, key: &str, secret: &str) {
    let mut signed: Vec<String> = request.headers().keys().map(ToString::to_string).collect();
    signed.sort();
    let date = request.headers()["x-amz-date"].to_str().unwrap()[..8].to_owned();
    let mut authorize = |signature: &str| {
        let text = format!(
            "AWS4-HMAC-SHA256 Credential={key}/{date}/us-east-1/{service}/aws4_request, SignedHeaders={}, Signature={signature}",
            signed.join(";")
        );
        request.headers_mut().insert("authorization", HeaderValue::from_str(&text).unwrap());
        request.clone()
    };
    let found = signature(&authorize("?"), secret);
    authorize(&found);
}

async fn code(sandbox: &AwsSandbox, request: Request<Bytes>) -> String {
    let answer = sandbox.answer_signed(request).await.unwrap();
    let text = String::from_utf8(answer.body().to_vec()).unwrap();
    let xml = text.split("<Code>").nth(1).and_then(|rest| rest.split("</Code>").next());
    let json = text.split("\"__type\":\"").nth(1).and_then(|rest| rest.split('"').next());
    format!("{}/{}", xml.or(json).unwrap_or("OK"), answer.status().as_u16())
}

/// What is changed about a request.
type Change<'a> = &'a dyn Fn(&mut Request<Bytes>);

#[tokio::test]
async fn what_is_not_signed_by_a_known_key_is_refused() {
    let sandbox = AwsSandbox::in_memory();
    let kms = [("x-amz-target", "TrentService.ListKeys"), ("content-type", "application/x-amz-json-1.1")];
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let sts = "Action=GetCallerIdentity&Version=2011-06-15";
    assert_eq!(code(&sandbox, ours("s3", "GET", "/", &[], "")).await, "OK/200");
    assert_eq!(code(&sandbox, ours("kms", "POST", "/", &kms, "{}")).await, "OK/200");
    assert_eq!(code(&sandbox, ours("sts", "POST", "/", &form, sts)).await, "OK/200");

    let with = |service: &str, change: &dyn Fn(&mut Request<Bytes>)| {
        let mut request = match service {
            "s3" => ours("s3", "PUT", "/bucket-a", &[], ""),
            "kms" => ours("kms", "POST", "/", &kms, "{}"),
            _ => ours("sts", "POST", "/", &form, sts),
        };
        change(&mut request);
        request
    };
    let replaced = |from: &'static str, to: &'static str| {
        move |request: &mut Request<Bytes>| {
            let text = request.headers()["authorization"].to_str().unwrap().replace(from, to);
            request.headers_mut().insert("authorization", HeaderValue::from_str(&text).unwrap());
        }
    };
    let key = replaced("AKIASNOWSSISANDBOX00", "AKIASNOWSSISANDBOX01");
    let forged = |request: &mut Request<Bytes>| {
        seal(request, "s3", crate::sandbox::aws::ACCESS_KEY_ID, "a guess");
    };
    let unsigned = |request: &mut Request<Bytes>| drop(request.headers_mut().remove("authorization"));
    let old = |request: &mut Request<Bytes>| {
        request.headers_mut().insert("x-amz-date", HeaderValue::from_static("20200101T000000Z"));
        let service = Claim::read(&ours("s3", "GET", "/", &[], ""), "s3").unwrap().service;
        seal(request, &service, crate::sandbox::aws::ACCESS_KEY_ID, crate::sandbox::aws::SECRET_ACCESS_KEY);
    };
    let body = |request: &mut Request<Bytes>| *request.body_mut() = Bytes::from_static(b"{\"Limit\": 1}");
    let header = |request: &mut Request<Bytes>| {
        request.headers_mut().insert("x-amz-acl", HeaderValue::from_static("public-read"));
    };
    let table: [(&str, &str, Change<'_>, &str); 19] = [
        ("no signature", "s3", &unsigned, "AccessDenied/403"),
        ("no signature", "kms", &unsigned, "MissingAuthenticationTokenException/400"),
        ("no signature", "sts", &unsigned, "MissingAuthenticationToken/403"),
        ("unknown key", "s3", &key, "InvalidAccessKeyId/403"),
        ("unknown key", "kms", &key, "UnrecognizedClientException/400"),
        ("unknown key", "sts", &key, "InvalidClientTokenId/403"),
        ("wrong secret", "s3", &forged, "SignatureDoesNotMatch/403"),
        ("wrong region", "kms", &replaced("us-east-1", "eu-west-1"), "InvalidSignatureException/400"),
        ("wrong service", "sts", &replaced("/sts/", "/iam/"), "SignatureDoesNotMatch/403"),
        ("other body", "s3", &body, "XAmzContentSHA256Mismatch/400"),
        ("other body", "kms", &body, "InvalidSignatureException/400"),
        ("other body", "sts", &body, "SignatureDoesNotMatch/403"),
        ("header that is not signed", "s3", &header, "AccessDenied/403"),
        ("old", "s3", &old, "RequestTimeTooSkewed/403"),
        ("old algorithm", "s3", &replaced("AWS4-HMAC-SHA256 ", "AWS "), "InvalidRequest/400"),
        ("garbage", "s3", &replaced("Credential=", "Credentials="), "AuthorizationHeaderMalformed/400"),
        ("short scope", "s3", &replaced("/aws4_request", ""), "AuthorizationHeaderMalformed/400"),
        ("host not signed", "s3", &replaced("host;", ""), "AuthorizationHeaderMalformed/400"),
        ("garbage", "sts", &replaced("Signature=", "Sig="), "IncompleteSignature/400"),
    ];
    for (case, service, change, expected) in table {
        assert_eq!(code(&sandbox, with(service, change)).await, expected, "{case}, {service}");
    }
    assert_eq!(code(&sandbox, ours("s3", "HEAD", "/bucket-a", &[], "")).await, "OK/404", "nothing happened");
    let calls = sandbox.traffic().calls();
    assert_eq!(calls.len(), 3 + 19 + 1, "each is in the log");
}

#[tokio::test]
async fn checksums_must_be_the_bodys() {
    let sandbox = AwsSandbox::in_memory();
    assert_eq!(code(&sandbox, ours("s3", "PUT", "/bucket-a", &[], "")).await, "OK/200");
    let put = |more: &[(&str, &str)]| ours("s3", "PUT", "/bucket-a/k", more, "123456789");
    for (more, expected) in [
        (&[("x-amz-checksum-crc32", "y/Q5Jg==")][..], "OK/200"),
        (&[("x-amz-checksum-crc32", "y/Q5Jw==")], "BadDigest/400"),
        (&[("x-amz-checksum-crc32", "y/Q5")], "InvalidRequest/400"),
        (&[("x-amz-checksum-sha1", "not base 64")], "InvalidRequest/400"),
        (&[("content-md5", "JfnnlDI7RTiF9RgfG2JNCw==")], "OK/200"),
        (&[("content-md5", "JfnnlDI7RTiF9RgfG2JNCx==")], "InvalidDigest/400"),
        (&[("content-md5", "AAAAAAAAAAAAAAAAAAAAAA==")], "BadDigest/400"),
        (&[("x-amz-sdk-checksum-algorithm", "CRC32")], "InvalidRequest/400"),
    ] {
        assert_eq!(code(&sandbox, put(more)).await, expected, "{more:?}");
    }
    let streaming = |body: &'static str, length: &str, trailer: &str| {
        let more = [
            ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
            ("content-encoding", "gzip,aws-chunked"),
            ("x-amz-decoded-content-length", length),
            ("x-amz-trailer", trailer),
        ];
        ours("s3", "PUT", "/bucket-a/streamed", &more, body)
    };
    let good = "9\r\n123456789\r\n0\r\nx-amz-checksum-crc32:y/Q5Jg==\r\n\r\n";
    let crc32 = "x-amz-checksum-crc32";
    assert_eq!(code(&sandbox, streaming(good, "9", crc32)).await, "OK/200");
    let wrong = "9\r\n123456780\r\n0\r\nx-amz-checksum-crc32:y/Q5Jg==\r\n\r\n";
    assert_eq!(code(&sandbox, streaming(wrong, "9", crc32)).await, "BadDigest/400");
    assert_eq!(code(&sandbox, streaming(good, "8", crc32)).await, "IncompleteBody/400");
    assert_eq!(code(&sandbox, streaming(good, "9", "x-amz-checksum-sha1")).await, "MalformedTrailerError/400");
    assert_eq!(code(&sandbox, streaming("9\r\n1234", "9", crc32)).await, "IncompleteBody/400");
    let read =
        sandbox.answer_signed(ours("s3", "GET", "/bucket-a/streamed", &[("x-amz-checksum-mode", "ENABLED")], "")).await;
    let read = read.unwrap();
    assert_eq!(read.headers()["x-amz-checksum-crc32"], "y/Q5Jg==");
    assert_eq!(read.headers()["content-encoding"], "gzip", "only aws-chunked is taken off");
    let part = [("x-amz-checksum-mode", "ENABLED"), ("range", "bytes=0-1")];
    let read = sandbox.answer_signed(ours("s3", "GET", "/bucket-a/streamed", &part, "")).await.unwrap();
    assert!(!read.headers().contains_key("x-amz-checksum-crc32"), "it is of the whole object");
}

#[tokio::test]
async fn presigned_urls_end_and_hosts_name_buckets() {
    let sandbox = AwsSandbox::in_memory();
    assert_eq!(code(&sandbox, ours("s3", "PUT", "/bucket-a", &[], "")).await, "OK/200");
    // The bucket in the name of the host.
    let host = [("host", "bucket-a.localhost:4577")];
    assert_eq!(code(&sandbox, ours("s3", "PUT", "/k", &host, "x")).await, "OK/200");
    assert_eq!(code(&sandbox, ours("s3", "GET", "/bucket-a/k", &[], "")).await, "OK/200");
    assert_eq!(code(&sandbox, ours("s3", "GET", "/bucket-a/other", &[], "")).await, "NoSuchKey/404");
    // A list of deletions that is broken in the middle deletes nothing.
    let broken = "<Delete><Object><Key>k</Key></Object><Object/></Delete>";
    assert_eq!(code(&sandbox, ours("s3", "POST", "/bucket-a?delete", &[], broken)).await, "MalformedXML/400");
    assert_eq!(code(&sandbox, ours("s3", "GET", "/bucket-a/k", &[], "")).await, "OK/200");

    let presigned = |age: i64, expires: &str| {
        let time = jiff::Timestamp::from_second(jiff::Timestamp::now().as_second() - age).unwrap();
        let time = time.strftime("%Y%m%dT%H%M%SZ").to_string();
        let uri = format!(
            "/bucket-a/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={}%2F{}%2Fus-east-1%2Fs3%2Faws4_request\
             &X-Amz-Date={time}&X-Amz-Expires={expires}&X-Amz-SignedHeaders=host&X-Amz-Signature=",
            crate::sandbox::aws::ACCESS_KEY_ID,
            &time[..8]
        );
        let at = |uri: &str| request("GET", uri, &[("host", "127.0.0.1:4577")], "");
        let claim = Claim::read(&at(&uri), "s3");
        let seal = claim.map(|_| signature(&at(&uri), crate::sandbox::aws::SECRET_ACCESS_KEY)).unwrap_or_default();
        at(&format!("{uri}{seal}"))
    };
    for (age, expires, expected) in [
        (0, "60", "OK/200"),
        (50, "60", "OK/200"),
        (3600, "7200", "OK/200"),
        (70, "60", "AccessDenied/403"),
        (-3600, "60", "AccessDenied/403"),
        (0, "0", "AuthorizationQueryParametersError/400"),
        (0, "604801", "AuthorizationQueryParametersError/400"),
        (0, "soon", "AuthorizationQueryParametersError/400"),
    ] {
        assert_eq!(code(&sandbox, presigned(age, expires)).await, expected, "{age} {expires}");
    }
}
