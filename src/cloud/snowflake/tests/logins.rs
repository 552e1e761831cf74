//! Ways to log in, and to be refused.

use std::sync::Arc;

use super::{connection, options, sql, stand, stand_with};
use crate::cloud::Class;
use crate::cloud::snowflake::key_pair::KeyPair;
use crate::cloud::snowflake::{Auth, SessionOptions, Token};
use crate::model::Secret;
use crate::sandbox::snowflake::wire::{Credentials, Timing};

fn password(text: &str) -> Auth {
    Auth::Password { password: Secret::new(text), passcode: None }
}

#[tokio::test]
async fn a_wrong_password_is_tried_once() {
    let credentials = Credentials::none().with_password("sandbox", "right");
    let stand = stand_with(connection(), credentials.clone(), Timing::default(), options());
    let texts = [sql("SHOW ROWS 1"), sql("SHOW ROWS 2"), sql("SHOW ROWS 3")];
    for ran in futures::future::join_all(texts.iter().map(|text| stand.session.query(text))).await {
        let error = ran.unwrap_err();
        assert_eq!((error.class, error.code.as_str()), (Class::Authentication, "390100"));
        assert!(error.to_string().contains("connection test"), "{error}");
        assert!(!error.to_string().contains("pa55word"), "{error}");
    }
    let mut right = connection();
    right.auth = password("right");
    let stand = stand_with(right, credentials, Timing::default(), options());
    stand.session.query(&sql("SHOW ROWS 1")).await.unwrap();
}

#[tokio::test]
async fn tokens_log_in() {
    let credentials = Credentials::none().with_access_token("CI", "pat").with_oauth_token("CI", "oauth");
    let token = |text: &str| Token { text: Secret::new(text), file: None };
    for (auth, code) in [
        (Auth::AccessToken(token("pat")), None),
        (Auth::AccessToken(token("oauth")), Some("394400")),
        (Auth::OAuth(token("oauth")), None),
        (Auth::OAuth(token("pat")), Some("390303")),
    ] {
        let mut connection = connection();
        connection.user = None;
        connection.auth = auth;
        let stand = stand_with(connection, credentials.clone(), Timing::default(), options());
        let ran = stand.session.query(&sql("SHOW ROWS 1")).await;
        assert_eq!(ran.err().map(|error| error.code).as_deref(), code);
    }
}

#[tokio::test]
async fn who_tells_what_the_role_sees() {
    for (role, sees_all) in
        [(None, true), (Some("DEPLOY"), true), (Some("plain"), false), (Some("\"mixed Case\""), false)]
    {
        let mut options = options();
        options.role = role.map(ToOwned::to_owned);
        let stand = stand_with(connection(), Credentials::default(), Timing::default(), options);
        let who = stand.session.who().await.unwrap();
        assert_eq!(who.sees_all, sees_all, "{role:?}");
        assert_eq!((who.account.as_str(), who.user.as_str()), ("MYORG-MYACCT", "SANDBOX"));
    }
    let mut options = options();
    options.role = Some("NOBODY".into());
    let stand = stand_with(connection(), Credentials::default(), Timing::default(), options);
    assert_eq!(stand.session.who().await.unwrap_err().code, "390189");
}

#[tokio::test]
async fn closing_ends_the_session() {
    let stand = stand();
    stand.session.query(&sql("SHOW ROWS 1")).await.unwrap();
    assert_eq!(stand.wire.open_sessions(), 1);
    stand.session.close().await;
    assert_eq!(stand.wire.open_sessions(), 0);
}

const KEY: &str = include_str!("keys/des3.p8");

#[tokio::test]
async fn an_encrypted_key_logs_in() {
    let key = KeyPair::from_pem(&Secret::new(KEY), Some(&Secret::new("correct-horse"))).unwrap();
    let public = key.public_der().unwrap();
    let mut connection = connection();
    connection.auth = Auth::KeyPair(Arc::new(key));
    for (credentials, code) in [
        (Credentials::none().with_public_key("sandbox", &public), None),
        (Credentials::none().with_public_key("sandbox", b"another"), Some("394304")),
        (Credentials::none().with_public_key("somebody", &public), Some("390144")),
    ] {
        let stand = stand_with(connection.clone(), credentials, Timing::default(), options());
        let ran = stand.session.query(&sql("SHOW ROWS 1")).await;
        assert_eq!(ran.err().map(|error| error.code).as_deref(), code);
    }
}

#[tokio::test]
async fn a_second_factor_is_asked_for() {
    let credentials = Credentials::none().with_password("sandbox", "pa55word").with_passcode("sandbox", "123456");
    let stand = stand_with(connection(), credentials.clone(), Timing::default(), options());
    assert_eq!(stand.session.log_in().await.unwrap_err().class, Class::Authentication);
    let mut with_passcode = connection();
    with_passcode.auth = Auth::Password { password: Secret::new("pa55word"), passcode: Some(Secret::new("123456")) };
    stand_with(with_passcode, credentials, Timing::default(), options()).session.log_in().await.unwrap();
}

#[tokio::test]
async fn a_token_file_is_read_again_once_the_token_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    std::fs::write(&file, "fresh\n").unwrap();
    let mut connection = connection();
    connection.auth = Auth::OAuth(Token { text: Secret::new("stale"), file: Some(file) });
    let credentials = Credentials::none().with_oauth_token("sandbox", "fresh");
    stand_with(connection, credentials, Timing::default(), options()).session.log_in().await.unwrap();
}

#[tokio::test]
async fn the_session_is_told_what_the_program_relies_on() {
    let mut connection = connection();
    connection.warehouse = Some("wh".into());
    connection.session_parameters =
        [("timezone", "Asia/Tokyo"), ("lock_timeout", "9")].map(|(k, v)| (k.into(), v.into())).into();
    let options = SessionOptions { query_tag: Some("run 1".into()), ..options() };
    let stand = stand_with(connection, Credentials::default(), Timing::default(), options);
    stand.session.query(&sql("SHOW ROWS 1")).await.unwrap();
    let session = stand.engine.sessions.lock().unwrap()[0].clone();
    assert_eq!((session.role.as_str(), session.warehouse.as_deref()), ("ACCOUNTADMIN", Some("WH")));
    for (name, value) in [
        ("TIMEZONE", "UTC"),
        ("LOCK_TIMEOUT", "9"),
        ("QUERY_TAG", "run 1"),
        ("ROWS_PER_RESULTSET", "0"),
        ("QUOTED_IDENTIFIERS_IGNORE_CASE", "false"),
        ("MULTI_STATEMENT_COUNT", "1"),
        ("CLIENT_VALIDATE_DEFAULT_PARAMETERS", "false"),
        ("STATEMENT_TIMEOUT_IN_SECONDS", "3600"),
    ] {
        assert_eq!(session.parameters.get(name).map(String::as_str), Some(value), "{name}");
    }
}
