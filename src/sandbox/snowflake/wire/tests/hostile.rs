//! Requests that nobody should send.

use std::io::Write as _;

use super::*;

const RUN: &str = "/queries/v1/query-request?requestId=1";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

#[tokio::test]
async fn bodies_that_make_no_sense() {
    let client = Client::new().await;
    let packed = gzip(br#"{"sqlText": "x"}"#);
    let (deep, bomb) = ("[".repeat(100_000), gzip(&vec![b' '; 1 << 20]).repeat(65));
    for (name, body, encoding, status) in [
        ("cut short", packed[..packed.len() / 2].to_vec(), None, 400),
        ("not what its header says", b"{}".to_vec(), Some("gzip"), 400),
        ("a packing that is not known", packed.clone(), Some("br"), 415),
        ("a bomb", bomb, Some("gzip"), 413),
        ("deep", deep.into_bytes(), None, 400),
        ("a list", b"[]".to_vec(), None, 400),
        ("a number", b"1".to_vec(), None, 400),
        ("not UTF-8", b"{\"sqlText\": \"\xff\"}".to_vec(), None, 400),
        ("half a text", b"{\"sqlText\": \"".to_vec(), None, 400),
        ("packed, as its header says", packed.clone(), Some("GZIP"), 200),
        ("packed, without a header", packed, None, 200),
    ] {
        let (told, body) = client.exchange(Method::POST, RUN, body.into(), encoding).await;
        assert_eq!(told.as_u16(), status, "{name}: {body}");
        assert_eq!(body["success"], status == 200, "{name}");
    }
}

#[tokio::test]
async fn fields_of_the_wrong_type() {
    let client = Client::new().await;
    let odd = [json!(1), json!([]), json!(true), json!("x"), json!({}), json!(1e300)];
    let fields = ["sqlText", "bindings", "parameters", "describeOnly", "asyncExec"];
    for field in fields {
        for value in &odd {
            let mut body = json!({ "sqlText": "x" });
            body[field] = value.clone();
            let (status, answer) =
                client.exchange(Method::POST, "/queries/v1/query-request", body.to_string().into(), None).await;
            let fits = match field {
                "sqlText" => value.is_string(),
                "bindings" | "parameters" => value.is_object(),
                _ => value.is_boolean(),
            };
            assert_eq!(status == StatusCode::OK, fits, "{field} = {value}: {answer}");
        }
    }
    for body in [
        json!({}),
        json!({ "sqlText": null }),
        json!({ "sqlText": "x", "parameters": { "QUERY_TAG": [] } }),
        json!({ "data": "x" }),
    ] {
        assert_eq!(client.post("/queries/v1/query-request", body.clone()).await["code"], "390400", "{body}");
    }
    for data in [
        json!("x"),
        json!({ "LOGIN_NAME": 1 }),
        json!({ "LOGIN_NAME": "sandbox", "SESSION_PARAMETERS": [] }),
        json!({ "LOGIN_NAME": "sandbox", "SESSION_PARAMETERS": { "A": {} } }),
    ] {
        assert_eq!(client.log_in("", data.clone()).await["code"], "390400", "{data}");
    }
    let abort = client.post("/queries/v1/abort-request", json!({ "requestId": 7 })).await;
    assert_eq!(abort["code"], "390400");
}

#[tokio::test]
async fn large_and_odd_statements_are_only_statements() {
    let client = Client::new().await;
    let large = format!("SELECT '{}'", "x".repeat(10 << 20));
    for (number, sql) in
        [large.as_str(), "SELECT '\0'", "\0", "", "   ", ";;;", "/*", "'", "SELECT ?", "😀"].iter().enumerate()
    {
        let answer = client.run(&number.to_string(), sql).await;
        assert_eq!(answer["success"], true, "{number}");
        assert_eq!(answer["data"]["rowset"][0][0], *sql, "{number}");
    }
}

#[tokio::test]
async fn routes_that_are_not_there() {
    let client = Client::new().await;
    for (method, path, status) in [
        (Method::GET, "/", 404),
        (Method::GET, "/session/v2/login-request", 404),
        (Method::POST, "/queries/x/result", 405),
        (Method::GET, "/session/v1/login-request", 405),
        (Method::DELETE, "/session?delete=true", 405),
        (Method::PUT, "/telemetry/send", 405),
        (Method::GET, "/queries/%00/result", 200),
        (Method::GET, "//monitoring///queries//x", 200),
        (Method::POST, "/oauth/token-request", 404),
    ] {
        let (told, body) = client.exchange(method.clone(), path, Bytes::new(), None).await;
        assert_eq!(told.as_u16(), status, "{method} {path}: {body}");
    }
}

#[tokio::test]
async fn nothing_without_a_session() {
    let client = Client::new().await;
    let client = Client { token: "none of ours".into(), ..client };
    for (method, path) in [
        (Method::POST, "/session/heartbeat"),
        (Method::POST, "/queries/v1/query-request"),
        (Method::POST, "/queries/v1/abort-request"),
        (Method::POST, "/queries/x/abort-request"),
        (Method::GET, "/queries/x/result"),
        (Method::GET, "/monitoring/queries/x"),
    ] {
        let (status, body) = client.exchange(method, path, Bytes::new(), None).await;
        assert_eq!((status, body["code"].as_str()), (StatusCode::OK, Some("390104")), "{path}");
    }
}
