//! What goes wrong between a statement and its rows.

use std::time::Duration;

use super::{connection, options, sql, stand, stand_with};
use crate::cloud::Class;
use crate::sandbox::fault::{Kind, Rule};
use crate::sandbox::snowflake::wire::{Credentials, Timing};

#[tokio::test]
async fn rows_arrive() {
    let stand = stand();
    let rows = stand.session.query(&sql("SHOW ROWS 3")).await.unwrap();
    assert_eq!(rows.columns, ["name", "comment"]);
    assert_eq!(rows.cells.len(), 3);
    assert_eq!(rows.iter().nth(2).unwrap().get("NAME"), Some("row 2"));
    assert!(!rows.query_id.is_empty());
    assert_eq!(stand.session.query(&sql("SHOW ROWS 0")).await.unwrap().columns, ["name", "comment"]);
}

#[tokio::test]
async fn refusals_keep_what_snowflake_said() {
    let stand = stand();
    let error = stand.session.query(&sql("DESC STAGE A.B.C")).await.unwrap_err();
    assert_eq!((error.class, error.code.as_str()), (Class::NotFound, "002003"));
    assert!(error.message.contains("Stage 'A.B.C' does not exist"), "{error}");
    assert!(error.request_id.is_some());
    assert_eq!(error.operation, "DESC STAGE A.B.C");
}

#[tokio::test]
async fn long_statements_are_followed() {
    let stand = stand();
    stand.wire.traffic().add_fault(Rule::new(Kind::InProgress { polls: 4 }).sql("SHOW ROWS 2").times(1));
    assert_eq!(stand.session.query(&sql("SHOW ROWS 2")).await.unwrap().cells.len(), 2);
    assert_eq!(stand.engine.times("SHOW ROWS 2"), 1);
    assert_eq!(stand.wire.traffic().waiting(), 0);
}

#[tokio::test]
async fn an_expired_token_is_renewed_once_for_all() {
    let stand = stand();
    stand.session.query(&sql("SHOW ROWS 1")).await.unwrap();
    stand.wire.expire_tokens();
    let texts = [sql("CREATE A"), sql("CREATE B"), sql("CREATE C"), sql("CREATE D")];
    let ran = futures::future::join_all(texts.iter().map(|text| stand.session.query(text))).await;
    assert!(ran.iter().all(Result::is_ok), "{ran:?}");
    assert_eq!(stand.engine.times("CREATE"), 4);
    assert_eq!(stand.wire.open_sessions(), 1);
}

#[tokio::test]
async fn a_lost_session_is_opened_again() {
    let stand = stand();
    stand.session.query(&sql("SHOW ROWS 1")).await.unwrap();
    stand.wire.end_sessions();
    assert_eq!(stand.session.query(&sql("CREATE A")).await.unwrap().cells.len(), 1);
    assert_eq!((stand.engine.times("CREATE A"), stand.wire.open_sessions()), (1, 1));
}

#[tokio::test]
async fn parts_of_a_result_are_put_together_in_order() {
    for key_only in [false, true] {
        let stand = stand();
        stand
            .wire
            .traffic()
            .add_fault(Rule::new(Kind::Chunked { inline: 2, rows: 3, key_only }).sql("SHOW ROWS*").times(1));
        let rows = stand.session.query(&sql("SHOW ROWS 12")).await.unwrap();
        let names: Vec<_> = rows.iter().filter_map(|row| row.get("name").map(ToOwned::to_owned)).collect();
        assert_eq!(names, (0..12).map(|n| format!("row {n}")).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_short_result_is_fetched_again_and_then_refused() {
    let stand = stand();
    stand.wire.traffic().add_fault(Rule::new(Kind::Missing { rows: 1, show: false }).sql("SHOW ROWS*").times(1));
    assert_eq!(stand.session.query(&sql("SHOW ROWS 5")).await.unwrap().cells.len(), 5);
    stand.wire.traffic().add_fault(Rule::new(Kind::Missing { rows: 1, show: false }).sql("SHOW ROWS*").times(2));
    let error = stand.session.query(&sql("SHOW ROWS 5")).await.unwrap_err();
    assert!(error.message.contains("4 rows arrived where the server promised 5"), "{error}");
    // A part that is gone counts as missing rows.
    stand
        .wire
        .traffic()
        .add_fault(Rule::new(Kind::Chunked { inline: 1, rows: 1, key_only: false }).sql("SHOW ROWS*").times(1));
    stand.wire.traffic().add_fault(Rule::status(403).path("*/chunks/*").times(1));
    assert_eq!(stand.session.query(&sql("SHOW ROWS 3")).await.unwrap().cells.len(), 3);
}

#[tokio::test]
async fn a_repeated_request_is_run_once() {
    for kind in [Kind::DropAnswer, Kind::HalfAnswer, Kind::CutBody] {
        let stand = stand();
        stand.wire.traffic().add_fault(Rule::new(kind).sql("CREATE A*").times(3));
        stand.session.query(&sql("CREATE A")).await.unwrap();
        assert_eq!((stand.engine.times("CREATE A"), stand.wire.traffic().waiting()), (1, 0));
    }
}

#[tokio::test]
async fn busy_servers_are_asked_again() {
    let stand = stand();
    let throttled = Rule::new(Kind::Throttle { retry_after: Some(2) });
    for rule in [Rule::status(503), throttled, Rule::status(500), Rule::status(307)] {
        stand.wire.traffic().add_fault(rule.sql("CREATE A*").times(1));
    }
    stand.session.query(&sql("CREATE A")).await.unwrap();
    assert_eq!((stand.engine.times("CREATE A"), stand.wire.traffic().waiting()), (1, 0));
}

#[tokio::test]
async fn a_lost_answer_is_unknown_unless_it_only_reads() {
    let stand = stand();
    stand.wire.traffic().add_fault(Rule::new(Kind::DropAnswer).sql("CREATE A*").times(100));
    let error = stand.session.query(&sql("CREATE A")).await.unwrap_err();
    assert_eq!(error.class, Class::Unknown, "{error}");
    assert!(error.message.contains("may have had its effect"), "{error}");
    assert_eq!(stand.engine.times("CREATE A"), 1);
    stand.wire.traffic().add_fault(Rule::new(Kind::DropAnswer).sql("SHOW ROWS*").times(100));
    assert_eq!(stand.session.query(&sql("SHOW ROWS 1")).await.unwrap_err().class, Class::Unreachable);
    stand.wire.traffic().add_fault(Rule::status(429).sql("CREATE B*").times(100));
    assert_eq!(stand.session.query(&sql("CREATE B")).await.unwrap_err().class, Class::Throttle);
}

#[tokio::test]
async fn a_statement_past_its_deadline_is_cancelled() {
    let mut options = options();
    options.statement_timeout = Duration::from_millis(80);
    let stand = stand_with(connection(), Credentials::default(), Timing::default(), options);
    let error = stand.session.query(&sql("CALL sleep")).await.unwrap_err();
    assert_eq!(error.class, Class::Unknown);
    assert!(error.message.contains("did not finish"), "{error}");
}
