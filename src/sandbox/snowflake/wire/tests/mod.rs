//! What other clients rely on.

mod hostile;
mod sessions;
mod statements;

use std::io::Write;
use std::pin::Pin;

use super::*;
use crate::sandbox::snowflake::answer::{Column, ResultSet, SessionState, SqlError};

/// Answers everything with its own text; a few words do something else.
#[derive(Default)]
struct Echo {
    ran: Mutex<Vec<String>>,
}

impl Engine for Echo {
    fn run<'a>(
        &'a self,
        session: &'a mut SessionState,
        sql: &'a str,
        _query_id: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<ResultSet, SqlError>> + Send + 'a>> {
        Box::pin(async move {
            self.ran.lock().unwrap().push(sql.to_owned());
            match sql {
                "wait" => std::future::pending::<()>().await,
                "soon" => tokio::time::sleep(Duration::from_millis(60)).await,
                "panic" => panic!("for a test"),
                "fail" => {
                    let message =
                        "SQL compilation error:\nsyntax error line 2 at position 7 unexpected 'x'.".to_owned();
                    return Err(SqlError { code: "001003", sql_state: "42000", message });
                }
                "settings" => return Ok(ResultSet::status(format!("{:?}", session.parameters))),
                "INSERT" => {
                    let columns = vec![Column::new("number of rows inserted", "fixed")];
                    return Ok(ResultSet { columns, rows: vec![vec![Some("3".into())]], statement_type: 0x3100 });
                }
                _ => {}
            }
            if let Some(database) = sql.strip_prefix("USE DATABASE ") {
                session.database = Some(database.to_owned());
            }
            if let Some((name, value)) = sql.strip_prefix("ALTER SESSION SET ").and_then(|set| set.split_once(" = ")) {
                session.parameters.insert(name.to_owned(), value.to_owned());
            }
            Ok(ResultSet::status(sql))
        })
    }

    fn role_granted(&self, _: &str, role: &str) -> bool {
        role != "NOBODY"
    }

    fn begin(&self, session: &mut SessionState) -> Vec<&'static str> {
        if session.warehouse.as_deref() == Some("GONE") {
            session.warehouse = None;
            return vec!["warehouse"];
        }
        Vec::new()
    }
}

/// A client that knows nothing of ours.
struct Client {
    wire: Wire,
    engine: Arc<Echo>,
    token: String,
    master: String,
}

impl Client {
    async fn new() -> Self {
        let timing = Timing { hold: Duration::from_millis(20), ..Timing::default() };
        let engine = Arc::new(Echo::default());
        let wire = Wire::timed(Arc::<Echo>::clone(&engine), Credentials::default(), timing);
        let mut client = Self { wire, engine, token: "None".into(), master: String::new() };
        let login = client.log_in("request_id=1", json!({ "LOGIN_NAME": "sandbox" })).await;
        let data = &login["data"];
        for key in ["sessionId", "validityInSeconds", "masterValidityInSeconds", "serverVersion", "parameters"] {
            assert!(!data[key].is_null(), "{key}");
        }
        assert!(data["sessionInfo"]["roleName"].is_string());
        client.token = data["token"].as_str().unwrap().to_owned();
        client.master = data["masterToken"].as_str().unwrap().to_owned();
        client
    }

    async fn log_in(&self, query: &str, data: Value) -> Value {
        self.post(&format!("/session/v1/login-request?{query}"), json!({ "data": data })).await
    }

    /// How often the engine ran a statement.
    fn times(&self, sql: &str) -> usize {
        self.engine.ran.lock().unwrap().iter().filter(|ran| *ran == sql).count()
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        self.send(Method::POST, path, body.to_string().into()).await
    }

    async fn get(&self, path: &str) -> Value {
        self.send(Method::GET, path, Bytes::new()).await
    }

    async fn send(&self, method: Method, path: &str, body: Bytes) -> Value {
        self.exchange(method, path, body, None).await.1
    }

    async fn exchange(&self, method: Method, path: &str, body: Bytes, encoding: Option<&str>) -> (StatusCode, Value) {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("http://127.0.0.1:1{path}"))
            .header("authorization", format!("Snowflake Token=\"{}\"", self.token));
        if let Some(encoding) = encoding {
            request = request.header("content-encoding", encoding);
        }
        let response = self.wire.handle(request.body(body).unwrap()).await;
        let status = response.status();
        let body: Value = serde_json::from_slice(response.body()).unwrap();
        for key in ["data", "code", "message", "success"] {
            assert!(body.get(key).is_some(), "{path}: {key} is missing");
        }
        assert!(body["code"].is_null() || body["code"].is_string());
        (status, body)
    }

    async fn run(&self, request: &str, sql: &str) -> Value {
        self.post(&format!("/queries/v1/query-request?requestId={request}"), json!({ "sqlText": sql })).await
    }
}

#[tokio::test]
async fn answers_have_what_connectors_look_for() {
    let client = Client::new().await;
    let answer = client.run("1", "hello").await;
    let data = &answer["data"];
    assert_eq!((&data["total"], &data["returned"], &data["rowset"]), (&json!(1), &json!(1), &json!([["hello"]])));
    assert_eq!(data["queryResultFormat"], "json");
    for key in ["name", "type", "nullable", "length", "precision", "scale"] {
        assert!(data["rowtype"][0].get(key).is_some(), "{key}");
    }
    let after = client.run("2", "USE DATABASE D").await;
    assert_eq!(after["data"]["finalDatabaseName"], "D");
    assert_eq!(client.run("3", "x").await["data"]["finalDatabaseName"], "D", "the session keeps it");
}

#[tokio::test]
async fn bodies_may_be_compressed_or_missing() {
    let client = Client::new().await;
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(br#"{"sqlText": "packed"}"#).unwrap();
    let answer =
        client.send(Method::POST, "/queries/v1/query-request?requestId=9", packer.finish().unwrap().into()).await;
    assert_eq!(answer["data"]["rowset"], json!([["packed"]]));
    for body in ["", "null", "{}"] {
        assert_eq!(client.send(Method::POST, "/session/heartbeat", body.into()).await["success"], true);
    }
    assert_eq!(client.send(Method::POST, "/telemetry/send", "{\"logs\": []}".into()).await["data"], "Log Received");
    assert_eq!(client.send(Method::POST, "//session//heartbeat", "".into()).await["success"], true);
    assert_eq!(client.send(Method::POST, "/nowhere", "".into()).await["success"], false);
    assert_eq!(client.send(Method::POST, "/session/heartbeat", "{".into()).await["success"], false);
    assert_eq!(client.send(Method::POST, "/session?delete=true", "".into()).await["success"], true);
    assert_eq!(client.run("1", "x").await["code"], "390111");
}

#[tokio::test]
async fn statements_outlive_their_requests_and_can_be_stopped() {
    let client = Client::new().await;
    let status = async |id: &str| {
        client.send(Method::GET, &format!("/monitoring/queries/{id}"), "".into()).await["data"]["queries"].clone()
    };
    for by_request in [true, false] {
        let request = if by_request { "a" } else { "b" };
        let answer = client.run(request, "wait").await;
        assert_eq!((answer["code"].as_str(), &answer["success"]), (Some("333334"), &json!(true)));
        let id = answer["data"]["queryId"].as_str().unwrap();
        let url = answer["data"]["getResultUrl"].as_str().unwrap();
        assert_eq!(url, format!("/queries/{id}/result"));
        assert_eq!(client.run(request, "wait").await["data"]["queryId"], id, "a repetition is the same statement");
        assert_eq!(status(id).await[0]["status"], "RUNNING");
        let stop = if by_request {
            client
                .post("/queries/v1/abort-request?requestId=z", json!({ "sqlText": "wait", "requestId": request }))
                .await
        } else {
            client.post(&format!("/queries/{id}/abort-request"), json!({})).await
        };
        assert_eq!(stop["success"], true);
        let stopped = client.send(Method::GET, url, "".into()).await;
        assert_eq!((stopped["code"].as_str(), stopped["data"]["sqlState"].as_str()), (Some("000604"), Some("57014")));
        assert_eq!(status(id).await[0]["status"], "ABORTED");
        let again = client.post(&format!("/queries/{id}/abort-request"), json!({})).await;
        assert_eq!(again["code"], "000605");
    }
    let body = json!({ "sqlText": "later", "asyncExec": true });
    let answer = client.post("/queries/v1/query-request?requestId=c", body).await;
    assert_eq!(answer["code"], "333334");
    let url = answer["data"]["getResultUrl"].as_str().unwrap();
    assert_eq!(client.send(Method::GET, url, "".into()).await["data"]["rowset"], json!([["later"]]));
    assert_eq!(status("unknown").await, json!([]));
}

#[tokio::test]
async fn tokens_are_renewed_with_the_master_token_only() {
    let mut client = Client::new().await;
    client.wire.expire_tokens();
    assert_eq!(client.run("1", "x").await["code"], "390112");
    let renew = json!({ "oldSessionToken": client.token, "requestType": "RENEW" });
    assert_eq!(client.post("/session/token-request?requestId=1", renew).await["code"], "390113");
    client.token = "None".into();
    assert_eq!(client.run("1", "x").await["code"], "390103");
    client.token = "made up".into();
    assert_eq!(client.run("1", "x").await["code"], "390104");
}
