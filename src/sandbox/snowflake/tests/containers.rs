//! Databases, schemas and parameters.

use super::*;

#[test]
fn a_database_brings_public_and_becomes_current() {
    let mut b = Bench::new();
    b.ok("CREATE TRANSIENT DATABASE d DATA_RETENTION_TIME_IN_DAYS = 0 COMMENT = 'it''s'");
    assert_eq!(b.session.database.as_deref(), Some("D"));
    assert_eq!(b.session.schema.as_deref(), Some("PUBLIC"));
    assert_eq!(
        b.rows("SHOW DATABASES", &["name", "is_current", "owner", "comment", "options", "retention_time", "kind"]),
        [["D", "Y", "ACCOUNTADMIN", "it's", "TRANSIENT", "0", "STANDARD"]]
    );
    assert_eq!(
        b.rows("SHOW SCHEMAS IN DATABASE d", &["name", "owner"]),
        [["INFORMATION_SCHEMA", ""], ["PUBLIC", "ACCOUNTADMIN"]]
    );
    b.ok("CREATE SCHEMA s WITH MANAGED ACCESS");
    assert_eq!(b.session.schema.as_deref(), Some("S"));
    assert_eq!(b.cell("SHOW SCHEMAS LIKE 's'", "options"), "MANAGED ACCESS");
    b.ok("ALTER SCHEMA s DISABLE MANAGED ACCESS");
    assert_eq!(b.cell("SHOW SCHEMAS LIKE 's'", "options"), "");
    b.script(&[
        ("CREATE SCHEMA PUBLIC", "002002"),
        ("ALTER DATABASE d SET DATA_RETENTION_TIME_IN_DAYS = 2", "001008"),
        ("ALTER DATABASE d SET DATA_RETENTION_TIME_IN_DAYS = 91", "001008"),
        ("DROP SCHEMA d.INFORMATION_SCHEMA", "003001"),
        ("DROP DATABASE d RESTRICT", "002008"),
        ("DROP SCHEMA s RESTRICT", "S successfully dropped."),
        ("DROP DATABASE d", "D successfully dropped."),
        ("DROP DATABASE d", "002003"),
    ]);
    assert_eq!(b.session.database, None);
}

#[test]
fn parameters_come_from_the_nearest_level() {
    let mut b = Bench::furnished();
    let read = |b: &mut Bench, place: &str| {
        let sql = format!("SHOW PARAMETERS LIKE 'data_retention_time_in_days' IN {place}");
        b.rows(&sql, &["value", "level", "default", "type"]).remove(0)
    };
    assert_eq!(read(&mut b, "SCHEMA D.S"), ["1", "", "1", "NUMBER"]);
    b.ok("ALTER ACCOUNT SET DATA_RETENTION_TIME_IN_DAYS = 2");
    assert_eq!(read(&mut b, "SCHEMA D.S"), ["2", "ACCOUNT", "1", "NUMBER"]);
    b.ok("ALTER DATABASE D SET DATA_RETENTION_TIME_IN_DAYS = 7");
    assert_eq!(read(&mut b, "SCHEMA D.S"), ["7", "DATABASE", "1", "NUMBER"]);
    b.ok("ALTER SCHEMA D.S SET DATA_RETENTION_TIME_IN_DAYS = 7");
    assert_eq!(read(&mut b, "SCHEMA D.S"), ["7", "SCHEMA", "1", "NUMBER"]);
    b.ok("ALTER SCHEMA D.S UNSET DATA_RETENTION_TIME_IN_DAYS");
    assert_eq!(read(&mut b, "SCHEMA D.S"), ["7", "DATABASE", "1", "NUMBER"]);
    b.script(&[
        ("ALTER SCHEMA D.S UNSET BOGUS", "001003"),
        ("ALTER SCHEMA D.S SET LOG_LEVEL = info, COMMENT = 'x'", "ok"),
        ("ALTER SESSION SET QUOTED_IDENTIFIERS_IGNORE_CASE = FALSE", "Statement executed successfully."),
        ("ALTER SESSION SET BOGUS = 1", "001006"),
        ("SHOW PARAMETERS IN SCHEMA D.NOWHERE", "002003"),
    ]);
    assert_eq!(b.cell("SHOW PARAMETERS LIKE 'LOG_LEVEL' IN SCHEMA D.S", "value"), "INFO");
    assert_eq!(b.cell("SHOW PARAMETERS LIKE 'QUOTED_IDENTIFIERS_IGNORE_CASE'", "level"), "SESSION");
}

#[test]
fn replacing_a_database_drops_what_was_in_it() {
    let mut b = Bench::furnished();
    b.ok("CREATE FILE FORMAT D.S.F");
    b.ok("CREATE OR REPLACE DATABASE D");
    b.script(&[("DESC FILE FORMAT D.S.F", "002003"), ("SHOW STAGES IN SCHEMA D.S", "002043")]);
    b.ok("ALTER DATABASE D RENAME TO E");
    b.script(&[("DESC DATABASE D", "002003"), ("DESC DATABASE E", "ok"), ("COMMENT ON DATABASE E IS 'c'", "ok")]);
    assert_eq!(b.cell("SHOW DATABASES LIKE 'E'", "comment"), "c");
}
