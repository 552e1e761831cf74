//! What statements of one session share: answers, room, counts, and the end.

use std::sync::Arc;
use std::time::Duration;

use super::{connection, options, sql, stand, stand_with};
use crate::cloud::snowflake::SessionOptions;
use crate::model::{Secret, SecretRef};
use crate::sandbox::fault::{Kind, Rule};
use crate::sandbox::snowflake::wire::{Credentials, Timing};

#[tokio::test]
async fn identical_reads_are_run_once_until_something_changes() {
    let stand = stand();
    let text = sql("SHOW ROWS 2");
    let all = futures::future::join_all((0..20).map(|_| stand.session.shared(&text))).await;
    assert!(all.iter().all(|rows| rows.as_ref().unwrap().cells.len() == 2));
    stand.session.query(&sql("SHOW ROWS 1")).await.unwrap();
    stand.session.shared(&text).await.unwrap();
    assert_eq!(stand.engine.times("SHOW ROWS 2"), 1, "reading changes nothing");
    stand.session.query(&sql("CREATE A")).await.unwrap();
    stand.session.shared(&text).await.unwrap();
    assert_eq!(stand.engine.times("SHOW ROWS 2"), 2);
    stand.session.forget_shared();
    stand.session.shared(&text).await.unwrap();
    assert_eq!(stand.engine.times("SHOW ROWS 2"), 3);
}

#[tokio::test]
async fn errors_are_shared_by_those_who_wait_and_then_forgotten() {
    let stand = stand();
    let text = sql("SELECT fail x");
    let all = futures::future::join_all((0..10).map(|_| stand.session.shared(&text))).await;
    assert!(all.iter().all(Result::is_err));
    assert_eq!(stand.engine.times("SELECT fail"), 1);
    assert!(stand.session.shared(&text).await.is_err());
    assert_eq!(stand.engine.times("SELECT fail"), 2);
}

#[tokio::test]
async fn statements_are_counted_and_bounded() {
    let options = SessionOptions { concurrency: 3, ..options() };
    let stats = Arc::clone(&options.stats);
    let stand = stand_with(connection(), Credentials::default(), Timing::default(), options);
    stand.wire.traffic().add_fault(Rule::new(Kind::InProgress { polls: 1 }).sql("SHOW ROWS*").times(12));
    let text = sql("SHOW ROWS 1");
    futures::future::join_all((0..12).map(|_| stand.session.query(&text))).await;
    stand.session.query(&sql("CREATE STAGE \"A\"")).await.unwrap();
    let counts = stats.counts();
    assert_eq!(counts.peak, 3);
    assert_eq!(counts.calls.get("SHOW"), Some(&12));
    assert_eq!(counts.calls.get("CREATE STAGE"), Some(&1));
}

#[tokio::test]
async fn an_interrupt_stops_what_is_under_way() {
    let stand = Arc::new(stand());
    let running = tokio::spawn({
        let stand = Arc::clone(&stand);
        async move { stand.session.query(&sql("CALL sleep")).await }
    });
    while stand.engine.times("CALL sleep") == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    stand.session.abort_all().await;
    assert_eq!(running.await.unwrap().unwrap_err().code, "000604");
    // Also what nobody waits for any more.
    let waited = tokio::time::timeout(Duration::from_millis(50), stand.session.query(&sql("CALL sleep"))).await;
    assert!(waited.is_err());
    assert_eq!(stand.session.inner.in_flight.take().len(), 1);
}

#[tokio::test]
async fn secrets_are_sent_and_never_shown() {
    let secrets = Arc::new(|from: &SecretRef| match from {
        SecretRef::Env(name) if name == "HOOK" => Ok(Secret::new("s3cr3t's")),
        other => Err(format!("{other} is not set")),
    });
    let stand =
        stand_with(connection(), Credentials::default(), Timing::default(), SessionOptions { secrets, ..options() });
    let error = stand.session.query(&sql("SELECT fail").secret(&SecretRef::Env("HOOK".into()))).await.unwrap_err();
    assert_eq!(stand.engine.ran.lock().unwrap().last().unwrap(), "SELECT fail 's3cr3t''s'");
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("s3cr3t") && shown.contains("environment variable HOOK"), "{shown}");
    let missing = stand.session.query(&sql("CREATE A").secret(&SecretRef::Env("OTHER".into()))).await.unwrap_err();
    assert!(missing.message.contains("OTHER) is not set"), "{missing}");
    assert_eq!(stand.engine.times("CREATE A"), 0);
}

#[test]
fn futures_can_be_spawned() {
    fn send<T: Send>(_: T) {}
    let stand = stand();
    let text = sql("SHOW ROWS 1");
    send(stand.session.query(&text));
    send(stand.session.shared(&text));
    send(stand.session.who());
    send(stand.session.abort_all());
    send(stand.session.close());
}
