//! Logging in, renewing, closing.

use super::*;

#[tokio::test]
async fn where_a_session_begins() {
    let client = Client::new().await;
    let strict =
        json!({ "LOGIN_NAME": "sandbox", "SESSION_PARAMETERS": { "CLIENT_VALIDATE_DEFAULT_PARAMETERS": true } });
    for (query, data, code, warehouse) in [
        ("roleName=sysadmin&warehouse=wh", json!({ "LOGIN_NAME": "sandbox" }), None, json!("WH")),
        ("warehouse=%22My%20wh%22", json!({ "LOGIN_NAME": "sandbox" }), None, json!("My wh")),
        ("warehouse=&roleName=", json!({ "LOGIN_NAME": "sandbox" }), None, json!(null)),
        ("warehouse=gone", json!({ "LOGIN_NAME": "sandbox" }), None, json!(null)),
        ("warehouse=gone", strict, Some("390201"), json!(null)),
        ("roleName=nobody", json!({ "LOGIN_NAME": "sandbox" }), Some("390189"), json!(null)),
        ("", json!({ "LOGIN_NAME": "stranger", "PASSWORD": "x" }), Some("390100"), json!(null)),
        ("", json!({ "LOGIN_NAME": "x", "AUTHENTICATOR": "OAUTH", "TOKEN": "x" }), Some("390303"), json!(null)),
        (
            "",
            json!({ "LOGIN_NAME": "x", "AUTHENTICATOR": "PROGRAMMATIC_ACCESS_TOKEN", "TOKEN": "x" }),
            Some("394400"),
            json!(null),
        ),
        ("", json!({ "LOGIN_NAME": "x", "AUTHENTICATOR": "EXTERNALBROWSER" }), Some("390190"), json!(null)),
        (
            "",
            json!({ "LOGIN_NAME": "sandbox", "SESSION_PARAMETERS": { "AUTOCOMMIT": false } }),
            Some("000002"),
            json!(null),
        ),
    ] {
        let answer = client.log_in(query, data.clone()).await;
        assert_eq!(answer["code"].as_str(), code, "{query} {data}");
        assert_eq!(answer["data"]["sessionInfo"]["warehouseName"], warehouse, "{query} {data}");
    }
}

#[tokio::test]
async fn new_tokens_instead_of_the_old_or_beside_them() {
    let client = Client::new().await;
    let old = client.token.clone();
    let mut client = Client { token: client.master.clone(), ..client };
    let more = client.post("/session/token-request", json!({ "oldSessionToken": old, "requestType": "ISSUE" })).await;
    assert_eq!(more["data"]["validityInSecondsST"], 3600);
    let renewed =
        client.post("/session/token-request", json!({ "oldSessionToken": old, "requestType": "RENEW" })).await;
    assert_eq!(renewed["data"]["sessionId"], more["data"]["sessionId"]);
    let again = client.post("/session/token-request", json!({ "oldSessionToken": old, "requestType": "RENEW" })).await;
    assert_eq!(again["code"], "390113", "a master token is good for one renewal");
    for kind in [json!("CLONE"), json!(null), json!(1)] {
        let answer = client.post("/session/token-request", json!({ "requestType": kind })).await;
        assert_eq!(answer["code"], "390400", "{kind}");
    }
    client.token = old;
    assert_eq!(client.run("1", "x").await["code"], "390112");
    client.token = renewed["data"]["sessionToken"].as_str().unwrap().to_owned();
    assert_eq!(client.run("1", "x").await["success"], true);
}

#[tokio::test]
async fn closing_needs_a_session_that_is_open() {
    let mut client = Client::new().await;
    assert_eq!(client.post("/session", json!({})).await["code"], "390400", "without delete=true");
    client.wire.expire_tokens();
    assert_eq!(client.post("/session?delete=true", json!({})).await["success"], true, "an expired token will do");
    assert_eq!(client.post("/session?delete=true", json!({})).await["code"], "390111");
    client.token = "made up".into();
    assert_eq!(client.post("/session?delete=true", json!({})).await["code"], "390104");
    assert_eq!(client.wire.open_sessions(), 0);
}
