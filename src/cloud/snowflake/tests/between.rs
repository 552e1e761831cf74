//! What goes over the wire, seen and changed on its way.

use std::pin::Pin;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Value, json};

use super::engine::Fake;
use super::{connection, options, sql};
use crate::cloud::Class;
use crate::cloud::snowflake::Session;
use crate::cloud::snowflake::transport::{Handler, Transport};
use crate::sandbox::fault::{Kind, Rule};
use crate::sandbox::snowflake::wire::{Credentials, Wire};

type Change = Box<dyn Fn(&str, &mut Value) + Send + Sync>;

/// Stands between a session and the server.
struct Between {
    wire: Wire,
    seen: Mutex<Vec<Request<Bytes>>>,
    change: Change,
}

impl Handler for Between {
    fn handle(&self, request: Request<Bytes>) -> Pin<Box<dyn Future<Output = Response<Bytes>> + Send + '_>> {
        self.seen.lock().unwrap().push(request.clone());
        Box::pin(async move {
            let path = request.uri().path().to_owned();
            let mut response = self.wire.handle(request).await;
            if let Ok(mut body) = serde_json::from_slice::<Value>(response.body()) {
                (self.change)(&path, &mut body);
                *response.body_mut() = body.to_string().into();
            }
            response
        })
    }
}

fn between(change: impl Fn(&str, &mut Value) + Send + Sync + 'static) -> (Arc<Between>, Session) {
    let wire = Wire::new(Arc::new(Fake::default()), Credentials::default());
    let between = Arc::new(Between { wire, seen: Mutex::default(), change: Box::new(change) });
    let session = Session::open(connection(), &Transport::InProcess(between.clone()), options()).unwrap();
    (between, session)
}

/// Changes the `data` of a statement's answer.
fn data(key: &'static str, value: Value) -> impl Fn(&str, &mut Value) + Send + Sync {
    move |path, body| {
        if path.ends_with("query-request") {
            body["data"][key] = value.clone();
        }
    }
}

fn parameter(request: &Request<Bytes>, name: &str) -> Option<String> {
    let mut pairs = request.uri().query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
}

#[tokio::test]
async fn repetitions_say_so() {
    let (between, session) = between(|_, _| ());
    between.wire.traffic().add_fault(Rule::status(503).sql("CREATE A*").times(2));
    session.query(&sql("CREATE A")).await.unwrap();
    let seen = between.seen.lock().unwrap();
    let asked: Vec<_> = seen.iter().filter(|request| request.uri().path().ends_with("query-request")).collect();
    assert_eq!(asked.len(), 3);
    let all = |name: &str| asked.iter().map(|request| parameter(request, name)).collect::<Vec<_>>();
    let text = |text: &str| Some(text.to_owned());
    assert!(all("requestId").windows(2).all(|pair| pair[0] == pair[1] && pair[0].is_some()));
    let mut guids = all("request_guid");
    guids.sort();
    guids.dedup();
    assert_eq!(guids.len(), 3);
    assert_eq!(all("retryCount"), [None, text("1"), text("2")]);
    assert_eq!(all("retryReason"), [None, text("503"), text("503")]);
    assert!(all("clientStartTime").iter().flatten().all(|time| time.len() == 13), "milliseconds");
    for request in seen.iter() {
        for name in ["requestId", "request_guid", "clientStartTime"] {
            let count = request
                .uri()
                .query()
                .unwrap_or_default()
                .split('&')
                .filter(|pair| pair.starts_with(&format!("{name}=")))
                .count();
            assert_eq!(count, 1, "{}", request.uri());
        }
        assert_eq!(request.uri().host(), Some("org-acct.snowflakecomputing.com"));
        assert_eq!(request.headers()["client_app_id"], "snowssi");
    }
}

#[tokio::test]
async fn renewal_uses_the_master_token_at_the_right_path() {
    let (between, session) = between(|_, _| ());
    session.query(&sql("CREATE A")).await.unwrap();
    between.wire.expire_tokens();
    session.query(&sql("CREATE B")).await.unwrap();
    let paths: Vec<_> = between.seen.lock().unwrap().iter().map(|request| request.uri().path().to_owned()).collect();
    let query = "/queries/v1/query-request";
    assert_eq!(paths, ["/session/v1/login-request", query, query, "/session/token-request", query]);
}

#[tokio::test]
async fn a_token_about_to_expire_is_renewed_before_it_is_used() {
    let (between, session) = between(|path, body| {
        if path.ends_with("login-request") {
            body["data"]["validityInSeconds"] = json!(0);
        }
    });
    session.query(&sql("CREATE A")).await.unwrap();
    session.query(&sql("CREATE B")).await.unwrap();
    let renewals =
        between.seen.lock().unwrap().iter().filter(|request| request.uri().path() == "/session/token-request").count();
    assert_eq!(renewals, 1);
}

#[tokio::test]
async fn a_result_on_another_server_is_not_followed() {
    for url in [
        "https://evil.example/queries/1/result",
        "//evil.example/queries/1/result",
        "http://org-acct.snowflakecomputing.com/x",
    ] {
        let (between, session) = between(data("getResultUrl", json!(url)));
        between.wire.traffic().add_fault(Rule::new(Kind::InProgress { polls: 1 }).sql("CREATE A*").times(1));
        let error = session.query(&sql("CREATE A")).await.unwrap_err();
        assert!(error.message.contains("on another server"), "{error}");
        assert_eq!(between.seen.lock().unwrap().len(), 2, "nothing but the login and the statement was sent");
    }
}

#[tokio::test]
async fn arrow_is_refused() {
    let (_, session) = between(data("queryResultFormat", json!("arrow")));
    let error = session.query(&sql("SHOW ROWS 1")).await.unwrap_err();
    assert!(error.message.contains("Arrow"), "{error}");
    let (_, session) = between(data("rowsetBase64", json!("QQ==")));
    assert!(session.query(&sql("SHOW ROWS 1")).await.unwrap_err().message.contains("Arrow"));
}

#[tokio::test]
async fn odd_answers_are_errors() {
    for (key, value) in [
        ("rowset", json!([["one cell"]])),
        ("rowset", json!("text")),
        ("rowtype", json!([{ "name": 5 }])),
        ("total", json!(2)),
        ("total", Value::Null),
        ("chunks", json!([{ "url": "http://storage.example/x", "rowCount": 1 }])),
        ("chunks", json!([{ "url": "https://results.sandbox.invalid/chunks/none", "rowCount": 1 }])),
    ] {
        let changed = move |path: &str, body: &mut Value| {
            if path.starts_with("/queries/") {
                body["data"][key] = value.clone();
            }
        };
        let (_, session) = between(changed);
        let error = session.query(&sql("SHOW ROWS 1")).await.unwrap_err();
        assert_eq!(error.class, Class::Permanent, "{error}");
    }
    // Headers that cannot be sent are not sent.
    let (between, session) = between(data("chunkHeaders", json!({ "a b": "c" })));
    between
        .wire
        .traffic()
        .add_fault(Rule::new(Kind::Chunked { inline: 0, rows: 1, key_only: false }).sql("SHOW ROWS*").times(1));
    assert_eq!(session.query(&sql("SHOW ROWS 1")).await.unwrap().cells.len(), 1, "the second fetch has no parts");
}

#[tokio::test]
async fn a_statement_with_an_unreadable_answer_may_have_run() {
    let (_, session) = between(|path, body| {
        if path.ends_with("query-request") {
            body["data"] = Value::Null;
        }
    });
    assert_eq!(session.query(&sql("CREATE A")).await.unwrap_err().class, Class::Unknown);
}

#[tokio::test]
async fn lost_answers_and_lost_sessions_do_not_run_a_statement_twice() {
    let (between, session) = between(|_, _| ());
    session.query(&sql("SHOW ROWS 1")).await.unwrap();
    between.wire.traffic().add_fault(Rule::new(Kind::DropAnswer).sql("CREATE A*").times(1));
    between.wire.traffic().add_fault(Rule::refuse("390111", "Injected.").sql("CREATE A*").times(1));
    // The first attempt is refused for its session, which is opened again; the answer of the second is lost, and it is repeated.
    session.query(&sql("CREATE A")).await.unwrap();
    assert_eq!(between.wire.traffic().waiting(), 0);
}
