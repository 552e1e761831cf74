//! Streams.

use super::*;

const STAGE: &str =
    "CREATE OR REPLACE STAGE D.S.A URL = 's3://in/' STORAGE_INTEGRATION = SI DIRECTORY = (ENABLE = TRUE)";

fn has_data(b: &mut Bench, stream: &str) -> bool {
    b.cell(&format!("SELECT SYSTEM$STREAM_HAS_DATA('{stream}') AS x"), "X") == "1"
}

#[test]
fn a_stream_on_a_stage_sees_files_after_a_refresh_and_until_consumed() {
    let mut b = Bench::furnished();
    b.cloud.file("in", "old.csv", "0");
    b.ok(STAGE);
    b.ok("CREATE STREAM D.S.ST ON STAGE D.S.A COMMENT = 'c'");
    assert!(!has_data(&mut b, "D.S.ST"), "what was there before does not count");
    b.cloud.file("in", "new.csv", "1");
    assert!(!has_data(&mut b, "D.S.ST"), "not before a refresh");
    b.ok("ALTER STAGE D.S.A REFRESH");
    assert!(has_data(&mut b, "D.S.ST"));
    let columns = ["RELATIVE_PATH", "METADATA$ACTION", "METADATA$ISUPDATE"];
    assert_eq!(b.rows("SELECT * FROM D.S.ST", &columns), [["new.csv", "INSERT", "0"]]);
    assert!(has_data(&mut b, "D.S.ST"), "a SELECT consumes nothing");
    b.ok("CREATE OR REPLACE TEMPORARY TABLE D.S.T AS SELECT relative_path FROM D.S.ST WHERE 1 = 0");
    assert!(!has_data(&mut b, "D.S.ST"), "reading nothing in a CTAS consumes everything");
    assert_eq!(b.cell("SELECT COUNT(*) AS n FROM D.S.T", "N"), "0");
    b.cloud.file("in", "new.csv", "22");
    b.cloud.unfile("in", "old.csv");
    b.ok("ALTER STAGE D.S.A REFRESH");
    assert_eq!(
        b.rows("SELECT * FROM D.S.ST", &columns),
        [["new.csv", "INSERT", "1"], ["new.csv", "DELETE", "1"], ["old.csv", "DELETE", "0"]]
    );
    assert_eq!(
        b.cell(
            "INSERT INTO D.S.T SELECT relative_path FROM D.S.ST WHERE METADATA$ACTION = 'INSERT'",
            "number of rows inserted"
        ),
        "1"
    );
    assert!(!has_data(&mut b, "D.S.ST"));
    assert_eq!(b.cell("SELECT * FROM D.S.T", "RELATIVE_PATH"), "new.csv");
}

#[test]
fn show_streams_tells_the_source() {
    let mut b = Bench::furnished();
    b.ok(STAGE);
    b.ok("CREATE STREAM D.S.ST ON STAGE D.S.A");
    let columns = [
        "name",
        "table_name",
        "source_type",
        "base_tables",
        "type",
        "stale",
        "mode",
        "invalid_reason",
        "owner_role_type",
    ];
    let there = ["ST", "D.S.A", "Stage", "D.S.A", "DELTA", "false", "DEFAULT", "N/A", "ROLE"];
    assert_eq!(b.rows("SHOW STREAMS IN SCHEMA D.S", &columns), [there]);
    assert_eq!(b.rows("DESC STREAM D.S.ST", &columns), [there]);
    b.simulator = b.simulator.with_switches(Switches { stream_stage_full_name: false, ..Switches::default() });
    assert_eq!(b.cell("SHOW STREAMS IN SCHEMA D.S", "table_name"), "A");
}

#[test]
fn a_stream_loses_its_source_with_the_stage_or_its_directory() {
    for breaking in [
        STAGE,
        "DROP STAGE D.S.A",
        "ALTER STAGE D.S.A SET DIRECTORY = (ENABLE = FALSE)",
        "ALTER STAGE D.S.A SET URL = 's3://out/'",
    ] {
        let mut b = Bench::furnished();
        b.ok(STAGE);
        b.ok("CREATE STREAM D.S.ST ON STAGE D.S.A");
        b.ok(breaking);
        assert_eq!(b.cell("SHOW STREAMS IN SCHEMA D.S", "table_name"), "No privilege or table dropped", "{breaking}");
        assert_eq!(b.fails("SELECT SYSTEM$STREAM_HAS_DATA('D.S.ST')").code, "002003", "{breaking}");
        b.ok("DROP STREAM D.S.ST");
    }
}

#[test]
fn refusals() {
    let mut b = Bench::furnished();
    b.script(&[
        ("CREATE STAGE OFF URL = 's3://in/' STORAGE_INTEGRATION = SI", "ok"),
        ("CREATE STREAM X ON STAGE OFF", "091003"),
        ("CREATE STREAM X ON STAGE NOPE", "002003"),
        (STAGE, "ok"),
        ("CREATE STREAM X ON STAGE A APPEND_ONLY = TRUE", "001003"),
        ("CREATE STREAM X ON STAGE A AT (OFFSET => 1)", "001003"),
        ("CREATE OR REPLACE STREAM IF NOT EXISTS X ON STAGE A", "001003"),
        ("CREATE STREAM X ON STAGE A", "Stream X successfully created."),
        ("CREATE STREAM X ON STAGE A", "002002"),
        ("CREATE STREAM IF NOT EXISTS X ON STAGE A", "X already exists, statement succeeded."),
        ("ALTER STREAM X SET COMMENT = 'c'", "ok"),
        ("ALTER STREAM X SET APPEND_ONLY = TRUE", "001003"),
        ("ALTER STREAM X RENAME TO Y", "001003"),
        ("ALTER STREAM X UNSET COMMENT", "ok"),
    ]);
}

#[test]
fn streams_on_tables_and_views_follow_their_rows() {
    let mut b = Bench::furnished();
    b.script(&[
        ("CREATE TABLE T (A INT, B STRING)", "Table T successfully created."),
        ("INSERT INTO T VALUES (1, 'x')", "1"),
        ("CREATE VIEW V AS SELECT A FROM T", "View V successfully created."),
        ("CREATE STREAM ALL_ROWS ON TABLE T SHOW_INITIAL_ROWS = TRUE", "ok"),
        ("CREATE STREAM APPENDS ON TABLE T APPEND_ONLY = TRUE", "ok"),
        ("CREATE STREAM VIEWED ON VIEW V", "ok"),
        ("INSERT INTO T (B, A) VALUES ('y', 2)", "1"),
        ("DELETE FROM T WHERE A = 1", "1"),
    ]);
    assert_eq!(b.rows("SELECT A, B, METADATA$ACTION AS M FROM ALL_ROWS", &["A", "B", "M"]), [["2", "y", "INSERT"]]);
    assert_eq!(b.column("SELECT METADATA$ACTION AS M FROM APPENDS", "M"), ["INSERT"]);
    assert!(has_data(&mut b, "VIEWED"));
    assert_eq!(b.cell("SHOW STREAMS LIKE 'appends'", "mode"), "APPEND_ONLY");
    assert_eq!(b.rows("SHOW STREAMS LIKE 'viewed'", &["source_type", "base_tables"]), [["View", "D.S.T"]]);
    assert_eq!(b.cell("SHOW TABLES", "change_tracking"), "ON");
    b.ok("CREATE OR REPLACE STREAM COPY_OF ON TABLE T AT (STREAM => 'APPENDS')");
    assert!(has_data(&mut b, "COPY_OF"), "the offset of the other stream is kept");
    b.ok("CREATE OR REPLACE STREAM APPENDS ON TABLE T APPEND_ONLY = TRUE");
    assert!(!has_data(&mut b, "APPENDS"), "replacing resets the offset");
}

#[test]
fn a_stream_without_retention_is_stale() {
    let mut b = Bench::furnished();
    b.ok(STAGE);
    b.ok("CREATE STREAM ST ON STAGE A");
    b.ok("ALTER SCHEMA D.S SET DATA_RETENTION_TIME_IN_DAYS = 0 MAX_DATA_EXTENSION_TIME_IN_DAYS = 0");
    assert_eq!(b.cell("SHOW STREAMS", "stale"), "true");
    b.script(&[("SELECT * FROM ST", "091020")]);
}

#[test]
fn events_reach_directories_that_listen_on_the_queue() {
    let mut b = Bench::furnished();
    b.ok("CREATE STAGE A URL = 's3://in/p/' STORAGE_INTEGRATION = SI DIRECTORY = (ENABLE = TRUE AUTO_REFRESH = TRUE REFRESH_ON_CREATE = FALSE)");
    b.ok("CREATE STREAM ST ON STAGE A");
    let queue = b.cell("SHOW STAGES", "notification_channel");
    b.cloud.file("in", "p/1.csv", "x");
    let event = |b: &Bench, queue: &str, key: &str| {
        let done = futures::executor::block_on(b.simulator.object_event(queue, "in", key)).unwrap();
        done.into_iter().map(|file| format!("{} {}", file.file, file.status)).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(event(&b, &queue, "p/1.csv"), "", "not before the first refresh");
    b.ok("ALTER STAGE A REFRESH SUBPATH = 'nothing/'");
    assert_eq!(event(&b, "arn:aws:sqs:eu-central-1:1:other", "p/1.csv"), "");
    assert_eq!(event(&b, &queue, "q/1.csv"), "");
    assert!(!has_data(&mut b, "ST"));
    b.cloud.file("in", "p/1.csv.gz", "x");
    assert_eq!(event(&b, &queue, "p/1.csv"), "1.csv REGISTERED_NEW", "nothing but the object of the event");
    assert_eq!(event(&b, &queue, "p/1.csv"), "", "again makes no difference");
    assert_eq!(b.column("SELECT * FROM ST", "RELATIVE_PATH"), ["1.csv"]);
    b.cloud.unfile("in", "p/1.csv");
    assert_eq!(event(&b, &queue, "p/1.csv"), "1.csv UNREGISTERED");
    assert!(!has_data(&mut b, "ST"));
    b.cloud.world(|w| w.trust.clear());
    assert_eq!(event(&b, &queue, "p/1.csv.gz"), "1.csv.gz REGISTER_FAILED", "a role that does not trust any more");
    assert!(!has_data(&mut b, "ST"));
    let history =
        "SELECT * FROM TABLE(D.INFORMATION_SCHEMA.STAGE_DIRECTORY_FILE_REGISTRATION_HISTORY(STAGE_NAME => 'D.S.A'))";
    let rows = b.rows(history, &["FILE_NAME", "OPERATION_STATUS", "MESSAGE"]);
    assert_eq!(rows.len(), 3);
    assert!(rows[2][2].contains("Error assuming AWS_ROLE"), "{rows:?}");
}

#[test]
fn a_bucket_made_after_its_stage_gives_the_channel_on_the_first_refresh() {
    let mut b = Bench::furnished();
    b.ok("ALTER INTEGRATION SI SET STORAGE_ALLOWED_LOCATIONS = ('*')");
    b.ok("CREATE STAGE A URL = 's3://late/' STORAGE_INTEGRATION = SI DIRECTORY = (ENABLE = TRUE AUTO_REFRESH = TRUE REFRESH_ON_CREATE = FALSE)");
    assert_eq!(b.rows("SHOW STAGES", &["region", "notification_channel"]), [["NULL", "NULL"]]);
    b.cloud.bucket("late", "us-east-1");
    b.ok("ALTER STAGE A REFRESH");
    let rows = b.rows("SHOW STAGES", &["region", "notification_channel"]);
    assert_eq!(rows[0][0], "us-east-1");
    assert!(rows[0][1].starts_with("arn:aws:sqs:us-east-1:"), "{rows:?}");
}
