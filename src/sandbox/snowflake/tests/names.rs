//! Names, scopes, and the errors around them.

use super::*;

#[test]
fn names_fold_collide_and_resolve() {
    let mut b = Bench::new();
    b.script(&[
        ("CREATE DATABASE d1", "Database D1 successfully created."),
        ("CREATE DATABASE \"D1\"", "002002"),
        ("CREATE DATABASE \"d1\"", "Database d1 successfully created."),
        ("CREATE DATABASE IF NOT EXISTS D1", "D1 already exists, statement succeeded."),
        ("CREATE OR REPLACE DATABASE IF NOT EXISTS D1", "001003"),
        ("CREATE DATABASE select", "001003"),
        ("USE DATABASE D1", "Statement executed successfully."),
        ("CREATE FILE FORMAT D1..F1 TYPE = CSV", "File format F1 successfully created."),
        ("CREATE FILE FORMAT f1", "002002"),
        ("CREATE FILE FORMAT nowhere.s.f", "002003"),
        ("CREATE FILE FORMAT D1.nowhere.f", "002003"),
        ("DESC FILE FORMAT f2", "002003"),
        ("DROP FILE FORMAT f2", "002003"),
        ("DROP FILE FORMAT IF EXISTS f2", "Drop statement executed successfully (F2 already dropped)."),
        ("DROP FILE FORMAT IF EXISTS D1.nowhere.f2", "002003"),
        ("DROP FILE FORMAT IF EXISTS nowhere.PUBLIC.f2", "002003"),
        ("ALTER FILE FORMAT IF EXISTS f2 SET COMMENT = ''", "Statement executed successfully."),
        ("SHOW FILE FORMATS IN SCHEMA D1.nowhere", "002043"),
        ("SHOW FILE FORMATS IN DATABASE nowhere", "002043"),
        ("USE DATABASE nowhere", "002043"),
        ("USE SCHEMA nowhere", "002043"),
        ("USE WAREHOUSE nowhere", "002043"),
        ("DROP FILE FORMAT IDENTIFIER('D1.PUBLIC.\"F1\"')", "F1 successfully dropped."),
    ]);
    let long = "x".repeat(255);
    b.ok(&format!("CREATE ROLE {long}"));
    assert_eq!(b.fails(&format!("CREATE ROLE {long}x")).code, "002004");
    assert!(
        b.fails("DESC FILE FORMAT f2").message.contains("File format 'D1.PUBLIC.F2' does not exist or not authorized.")
    );
}

#[test]
fn without_a_current_database_or_schema_names_must_be_full() {
    let mut b = Bench::new();
    b.script(&[("CREATE STAGE s", "090105"), ("CREATE SCHEMA s", "090105"), ("CREATE DATABASE d", "ok")]);
    b.session.schema = None;
    b.script(&[
        ("CREATE FILE FORMAT f", "090106"),
        ("CREATE FILE FORMAT d.public.f", "ok"),
        ("CREATE FILE FORMAT public.g", "ok"),
    ]);
    b.session.database = None;
    b.script(&[("CREATE FILE FORMAT public.f", "090105"), ("SHOW FILE FORMATS IN SCHEMA s", "002043")]);
}

#[test]
fn unknown_words_are_refused_at_their_place() {
    let mut b = Bench::new();
    for (sql, at, what) in [
        ("CREAT DATABASE d", "line 1 at position 0", "CREAT"),
        ("CREATE DATABASE d BOGUS = 1", "line 1 at position 18", "BOGUS"),
        ("CREATE DATABASE d\n  COMMENT = ", "line 2 at position 12", "<EOF>"),
        ("CREATE INTEGRATION x", "line 1 at position 7", "INTEGRATION"),
        ("SHOW STAGE", "line 1 at position 5", "STAGE"),
        ("CREATE DATABASE d; SELECT 1", "line 1 at position 19", "SELECT"),
    ] {
        let error = b.fails(sql);
        assert_eq!((error.code, error.sql_state), ("001003", "42000"), "{sql}");
        let wanted = format!("SQL compilation error:\nsyntax error {at} unexpected '{what}'.");
        assert_eq!(error.message, wanted, "{sql}");
    }
    assert_eq!(b.fails("  -- nothing\n ;").code, "000900");
    b.ok("/* with */ CREATE -- a comment\n DATABASE d ;");
}

#[test]
fn show_filters_by_pattern_prefix_and_cursor() {
    let mut b = Bench::new();
    for name in ["ABC", "ABD", "A_D", "XYZ", "\"abc\""] {
        b.ok(&format!("CREATE DATABASE {name}"));
    }
    for (clause, wanted) in [
        ("", vec!["ABC", "ABD", "A_D", "XYZ", "abc"]),
        (" LIKE 'a_d'", vec!["ABD", "A_D"]),
        (" LIKE 'a\\\\_d'", vec!["A_D"]),
        (" LIKE 'abc'", vec!["ABC", "abc"]),
        (" STARTS WITH 'A'", vec!["ABC", "ABD", "A_D"]),
        (" STARTS WITH 'a'", vec!["abc"]),
        (" LIMIT 2", vec!["ABC", "ABD"]),
        (" LIMIT 2 FROM 'ABD'", vec!["A_D", "XYZ"]),
        (" STARTS WITH 'A' LIMIT 9 FROM 'ABC'", vec!["ABD", "A_D"]),
    ] {
        assert_eq!(b.column(&format!("SHOW DATABASES{clause}"), "name"), wanted, "{clause}");
    }
    b.script(&[("SHOW DATABASES LIMIT 10001", "001003"), ("SHOW STAGES STARTS WITH 'x'", "001003")]);
}

#[test]
fn shows_stop_at_the_cap_silently_or_loudly() {
    let mut b = Bench::with(Switches { show_cap: 2, ..Switches::default() });
    b.ok("CREATE DATABASE d");
    for n in 0..3 {
        b.ok(&format!("CREATE STAGE s{n}"));
        b.ok(&format!("CREATE TASK t{n} AS SELECT 1"));
    }
    assert_eq!(b.column("SHOW STAGES IN ACCOUNT", "name"), ["S0", "S1"]);
    let error = b.fails("SHOW TASKS IN ACCOUNT");
    assert_eq!(error.code, "090153");
    assert_eq!(b.column("SHOW TASKS IN ACCOUNT LIMIT 2 FROM 'T0'", "name"), ["T1", "T2"]);
}

#[test]
fn rows_per_resultset_cuts_shows_too() {
    let mut b = Bench::new();
    b.script(&[
        ("CREATE DATABASE a", "ok"),
        ("CREATE DATABASE b", "ok"),
        ("ALTER ACCOUNT SET ROWS_PER_RESULTSET = 1", "ok"),
    ]);
    assert_eq!(b.column("SHOW DATABASES", "name").len(), 1);
    b.ok("ALTER SESSION SET ROWS_PER_RESULTSET = 0");
    assert_eq!(b.column("SHOW DATABASES", "name").len(), 2);
}

#[test]
fn selects_answer_about_the_session() {
    let mut b = Bench::furnished();
    let answer = b.ok("SELECT CURRENT_ROLE(), current_database() AS d, CURRENT_SCHEMA() \"s\", 1, 'x', IS_ROLE_IN_SESSION('SYSADMIN')");
    let names: Vec<&str> = answer.columns.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["CURRENT_ROLE()", "D", "s", "1", "'x'", "IS_ROLE_IN_SESSION('SYSADMIN')"]);
    let cells: Vec<&str> = answer.rows[0].iter().map(|c| c.as_deref().unwrap()).collect();
    assert_eq!(cells, ["ACCOUNTADMIN", "D", "S", "1", "x", "1"]);
    assert_eq!(answer.columns[5].kind, "boolean");
    b.script(&[("SELECT SYSTEM$NOPE('x')", "001044"), ("SELECT nope", "000904"), ("SELECT 1 FROM nope", "002003")]);
}

#[test]
fn the_account_survives_in_its_file() {
    let dir = tempfile::tempdir().unwrap();
    let cloud = Arc::new(Cloud::default());
    let session = SessionState { role: "ACCOUNTADMIN".into(), ..SessionState::default() };
    let open = || Bench {
        simulator: Simulator::open(dir.path(), cloud.clone()).unwrap(),
        session: session.clone(),
        cloud: cloud.clone(),
        clock: Arc::default(),
    };
    let mut b = open();
    b.integration();
    b.script(&[
        ("CREATE DATABASE d", "ok"),
        ("CREATE TASK t AS SELECT 1", "ok"),
        ("CREATE FILE FORMAT f NULL_IF = ('a')", "ok"),
    ]);
    let id = b.property("SI", "STORAGE_AWS_EXTERNAL_ID");
    let before = b.ok("SHOW TASKS IN ACCOUNT");
    b.cloud.world(|w| w.principals.clear());
    let mut again = open();
    assert_eq!(again.property("SI", "STORAGE_AWS_EXTERNAL_ID"), id);
    assert_eq!(again.ok("SHOW TASKS IN ACCOUNT"), before);
    assert_eq!(again.cloud.world(|w| w.principals.len()), 1, "the IAM user is made known again");
    assert!(again.simulator.role_granted("ANNA", "SYSADMIN") && !again.simulator.role_granted("ANNA", "NOBODY"));
    std::fs::write(dir.path().join("snowflake.json"), "{").unwrap();
    assert!(Simulator::open(dir.path(), Arc::new(Cloud::default())).is_err());
}

#[test]
fn quoted_names_fold_when_the_account_says_so() {
    let mut b = Bench::new();
    b.script(&[("ALTER ACCOUNT SET QUOTED_IDENTIFIERS_IGNORE_CASE = TRUE", "ok"), ("CREATE DATABASE \"low\"", "ok")]);
    assert_eq!(b.column("SHOW DATABASES", "name"), ["LOW"]);
    b.script(&[
        ("ALTER SESSION SET QUOTED_IDENTIFIERS_IGNORE_CASE = FALSE", "ok"),
        ("DESC DATABASE \"low\"", "002003"),
        ("DESC DATABASE low", "ok"),
    ]);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(300))]

    #[test]
    fn no_text_is_too_odd(words in proptest::collection::vec(
        "[(),;.=@'\"$*a-z0-9 ]{0,6}|CREATE|ALTER|DROP|SHOW|TASK|STAGE|STREAM|SELECT|BEGIN|END|SET|AS|ON|IN|LIKE|COPY FILES|GRANT|TABLE",
        0..12,
    )) {
        let mut b = Bench::new();
        // Whatever it is, it is answered or refused; it never brings the account down.
        let _ = b.run(&words.join(" "));
        assert!(b.run("SHOW ROLES").is_ok());
    }

    #[test]
    fn any_text_survives_as_a_comment_and_a_name(text in "[^\\x00]{1,40}") {
        let mut b = Bench::new();
        let literal = text.replace('\\', "\\\\").replace('\'', "''");
        b.ok(&format!("CREATE DATABASE \"{}\" COMMENT = '{literal}'", text.replace('"', "\"\"")));
        assert_eq!(b.rows("SHOW DATABASES", &["name", "comment"]), [[text.as_str(), text.as_str()]]);
    }
}

#[test]
fn what_the_sandbox_does_not_have_is_refused_by_name() {
    let mut bench = Bench::furnished();
    for (sql, named) in [
        ("CREATE OR REPLACE USER U", "CREATE USER"),
        ("CREATE PASSWORD POLICY P", "CREATE PASSWORD POLICY"),
        ("ALTER MASKING POLICY P SET COMMENT = ''", "ALTER MASKING POLICY"),
        ("DROP SHARE A", "DROP SHARE"),
        ("DESC USER U", "DESC USER"),
        ("SHOW TERSE SEQUENCES IN ACCOUNT", "SHOW SEQUENCES"),
        ("SHOW MASKING POLICIES", "SHOW MASKING POLICIES"),
        ("SHOW OBJECTS", "SHOW OBJECTS"),
        ("START TRANSACTION", "START"),
        ("BEGIN NAME T", "transactions"),
        ("ALTER SESSION SET AUTOCOMMIT = FALSE", "AUTOCOMMIT = FALSE"),
    ] {
        let error = bench.fails(sql);
        assert_eq!((error.code, error.sql_state), ("000002", "0A000"), "{sql}: {}", error.message);
        assert!(error.message.contains(named), "{sql}: {}", error.message);
    }
    bench.script(&[
        ("CREATE GIZMO G", "001003"),
        ("SHOW GIZMOS", "001003"),
        ("COMMIT", "Statement executed successfully."),
        ("ROLLBACK WORK", "Statement executed successfully."),
        ("COMMIT NOW", "001003"),
        ("SHOW WAREHOUSES IN ACCOUNT", "W"),
    ]);
}
