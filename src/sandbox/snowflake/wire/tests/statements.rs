//! Statements: once for each request, several at once, for one user, to the end.

use super::*;

const RUN: &str = "/queries/v1/query-request";

impl Client {
    async fn order(&self, request: &str, body: Value) -> Value {
        self.post(&format!("{RUN}?requestId={request}"), body).await
    }
}

#[tokio::test]
async fn a_repeated_request_runs_nothing() {
    let client = Client::new().await;
    let (first, second) = tokio::join!(client.run("1", "soon"), client.run("1", "soon"));
    assert_eq!(first["data"]["queryId"], second["data"]["queryId"], "while the first is still running");
    let url = first["data"]["getResultUrl"].as_str().unwrap().to_owned();
    let id = first["data"]["queryId"].clone();
    let mut ended = client.get(&url).await;
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while ended["code"] == "333334" && std::time::Instant::now() < deadline {
        ended = client.get(&url).await;
    }
    assert_eq!(ended["data"]["rowset"], json!([["soon"]]));
    let again = client.post(&format!("{RUN}?request_id=1&retry=true"), json!({ "sqlText": "something else" })).await;
    assert_eq!((&again["data"]["queryId"], &again["data"]["rowset"]), (&id, &json!([["soon"]])));
    assert_eq!(client.times("soon"), 1);
    // A session of its own has requests of its own.
    let login = client.log_in("", json!({ "LOGIN_NAME": "sandbox" })).await;
    let other = Client { token: login["data"]["token"].as_str().unwrap().to_owned(), ..client };
    assert_ne!(other.run("1", "x").await["data"]["queryId"], id);
}

#[tokio::test]
async fn several_statements_must_be_announced() {
    let client = Client::new().await;
    for (number, (sql, count, wanted)) in [
        ("a; b", json!(null), "000008"),
        ("a; b", json!(1), "000008"),
        ("a; b", json!("3"), "000008"),
        ("a", json!(2), "000008"),
        ("a; b", json!("many"), "001008"),
        ("a;", json!(1), "ok"),
        ("a", json!(0), "ok"),
        ("BEGIN a; b; END;", json!(null), "ok"),
        ("a; b", json!(2), "several"),
        ("a; b;", json!("0"), "several"),
    ]
    .into_iter()
    .enumerate()
    {
        let body = json!({ "sqlText": sql, "parameters": { "MULTI_STATEMENT_COUNT": count } });
        let answer = client.order(&number.to_string(), body).await;
        match wanted {
            "ok" => {
                assert!(answer["success"] == true && answer["data"]["resultIds"].is_null(), "{sql} {count}: {answer}");
            }
            "several" => {
                let ids = answer["data"]["resultIds"].as_str().unwrap();
                assert_eq!(answer["data"]["resultTypes"], "24576,24576");
                assert_eq!(answer["data"]["statementTypeId"], 0xA000);
                for (id, sql) in ids.split(',').zip(["a", "b"]) {
                    let child = client.get(&format!("/queries/{id}/result")).await;
                    assert_eq!(child["data"]["rowset"], json!([[sql]]));
                }
            }
            code => {
                assert_eq!(answer["code"], code, "{sql} {count}");
                assert_eq!(answer["data"]["queryId"].as_str().map(str::len), Some(36));
            }
        }
    }
    // The session can say so once for all, and what comes after a failure does not run.
    client.run("set", "ALTER SESSION SET MULTI_STATEMENT_COUNT = 0").await;
    let failed = client.run("failing", "before; fail; after").await;
    assert_eq!(failed["code"], "001003");
    assert_eq!((client.times("before"), client.times("after")), (1, 0));
}

#[tokio::test]
async fn parameters_of_a_request_hold_for_it_alone() {
    let client = Client::new().await;
    client.run("1", "ALTER SESSION SET TIMEZONE = UTC").await;
    let with = json!({ "sqlText": "settings", "parameters": { "timezone": "Asia/Tokyo", "QUERY_TAG": "t", "X": 1 } });
    let inside = client.order("2", with).await;
    let text = inside["data"]["rowset"][0][0].as_str().unwrap();
    assert!(text.contains("Asia/Tokyo") && text.contains("QUERY_TAG"), "{text}");
    let after = client.run("3", "settings").await;
    assert_eq!(after["data"]["rowset"], json!([["{\"TIMEZONE\": \"UTC\"}"]]));
    let told = |answer: &Value, name: &str| {
        let all = answer["data"]["parameters"].as_array().unwrap().clone();
        all.into_iter().find(|one| one["name"] == name).map(|one| one["value"].clone())
    };
    assert_eq!(told(&after, "TIMEZONE"), Some(json!("UTC")));
    let lasting = client.order("4", json!({ "sqlText": "ALTER SESSION SET LOCK_TIMEOUT = 9", "parameters": {} })).await;
    assert_eq!(told(&lasting, "LOCK_TIMEOUT"), Some(json!(9)), "with its type");
    assert_eq!(told(&lasting, "CLIENT_TELEMETRY_ENABLED"), Some(json!(false)));
}

#[tokio::test]
async fn values_and_counts() {
    let client = Client::new().await;
    let bound = json!({ "sqlText": "SELECT ?, :2", "bindings": {
        "1": { "type": "TEXT", "value": "a'b" }, "2": { "type": "FIXED", "value": "-1" },
    } });
    let answer = client.order("1", bound).await;
    assert_eq!(answer["data"]["rowset"], json!([["SELECT 'a''b', (-1)"]]));
    assert_eq!(answer["data"]["numberOfBinds"], 2);
    let missing = json!({ "sqlText": "SELECT ?, ?", "bindings": { "1": { "type": "TEXT", "value": "a" } } });
    assert_eq!(client.order("2", missing).await["code"], "002049");
    let inserted = client.run("3", "INSERT").await;
    assert_eq!(inserted["data"]["stats"]["numRowsInserted"], 3);
    assert_eq!(inserted["data"]["arrayBindSupported"], true);
    let number = &inserted["data"]["rowtype"][0];
    assert_eq!((&number["precision"], &number["scale"], &number["type"]), (&json!(38), &json!(0), &json!("fixed")));
    let described = client.order("4", json!({ "sqlText": "SELECT 1", "describeOnly": true })).await;
    assert_eq!((&described["data"]["rowset"], &described["data"]["total"]), (&json!([]), &json!(0)));
    assert_eq!(described["data"]["rowtype"][0]["name"], "status");
    let written = client.order("5", json!({ "sqlText": "INSERT", "describeOnly": true })).await;
    assert_eq!((written["code"].as_str(), client.times("INSERT")), (Some("000002"), 1), "it must not run");
}

#[tokio::test]
async fn what_fails_is_told_with_its_place() {
    let client = Client::new().await;
    let failed = client.run("1", "fail").await;
    let data = &failed["data"];
    assert_eq!(
        (&data["errorCode"], &data["sqlState"], &data["type"]),
        (&json!("001003"), &json!("42000"), &json!("COMPILATION"))
    );
    assert_eq!((&data["line"], &data["pos"]), (&json!(2), &json!(7)));
    let mut lost = client.run("2", "panic").await;
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while lost["code"] == "333334" && std::time::Instant::now() < deadline {
        lost = client.run("2", "panic").await;
    }
    assert_eq!((lost["code"].as_str(), &lost["data"]["internalError"]), (Some("000603"), &json!(true)));
    for (number, (failed, status)) in [(failed, "FAILED_WITH_ERROR"), (lost, "FAILED_WITH_INCIDENT")].iter().enumerate()
    {
        let id = failed["data"]["queryId"].as_str().unwrap();
        let told = client.get(&format!("/monitoring/queries/{id}")).await["data"]["queries"][0].clone();
        assert_eq!(told["status"], *status, "{number}");
        assert_eq!(told["errorCode"], failed["code"]);
    }
    let done = client.run("3", "fine").await;
    let id = done["data"]["queryId"].as_str().unwrap();
    let told = client.get(&format!("/monitoring/queries/{id}")).await["data"]["queries"][0].clone();
    assert_eq!((&told["status"], &told["sqlText"]), (&json!("SUCCESS"), &json!("fine")));
    assert!(told["endTime"].as_i64() >= told["startTime"].as_i64());
}

#[tokio::test]
async fn results_are_for_their_user_and_outlive_their_session() {
    let client = Client::new().await;
    let done = client.run("1", "mine").await;
    let waiting = client.run("2", "wait").await;
    let path = |answer: &Value| format!("/queries/{}/result", answer["data"]["queryId"].as_str().unwrap());
    client.post("/session?delete=true", json!({})).await;
    let credentials = Credentials::default().with_password("other", "p");
    let Client { wire, engine, .. } = client;
    let wire = Wire { credentials, ..wire };
    let nobody = Client { wire, engine, token: "None".into(), master: String::new() };
    let login = nobody.log_in("", json!({ "LOGIN_NAME": "sandbox" })).await;
    let same = Client { token: login["data"]["token"].as_str().unwrap().to_owned(), ..nobody };
    assert_eq!(same.get(&path(&done)).await["data"]["rowset"], json!([["mine"]]));
    assert_eq!(same.get(&path(&waiting)).await["code"], "000604", "its session has ended");
    let login = same.log_in("", json!({ "LOGIN_NAME": "other", "PASSWORD": "p" })).await;
    let other = Client { token: login["data"]["token"].as_str().unwrap().to_owned(), ..same };
    assert_eq!(other.get(&path(&done)).await["code"], "000612");
}

#[tokio::test]
async fn what_is_kept_is_bounded() {
    let client = Client::new().await;
    let first = client.run("first", "x").await;
    let id = first["data"]["queryId"].as_str().unwrap();
    for number in 0..2000 {
        client.run(&number.to_string(), "x").await;
    }
    assert_eq!(client.get(&format!("/queries/{id}/result")).await["code"], "000612");
    assert_eq!(client.get("/monitoring/queries/none").await["data"]["queries"], json!([]));
}
