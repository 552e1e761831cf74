//! Files of stages: LIST, REMOVE, COPY FILES.

use super::*;

fn with_files() -> Bench {
    let mut b = Bench::furnished();
    b.script(&[
        ("CREATE STAGE A URL = 's3://in/p/' STORAGE_INTEGRATION = SI DIRECTORY = (ENABLE = TRUE REFRESH_ON_CREATE = FALSE)", "ok"),
        ("CREATE STAGE B URL = 's3://out/' STORAGE_INTEGRATION = SI", "ok"),
    ]);
    for key in ["p/", "p/1.csv", "p/x/2.csv", "p/x/3.txt", "q/4.csv"] {
        b.cloud.file("in", key, "body");
    }
    b
}

#[test]
fn list_and_remove() {
    let mut b = with_files();
    assert_eq!(b.column("LIST @A", "name"), ["s3://in/p/1.csv", "s3://in/p/x/2.csv", "s3://in/p/x/3.txt"]);
    assert_eq!(b.column("LS '@D.S.A/x/' PATTERN = '.*[.]csv'", "name"), ["s3://in/p/x/2.csv"]);
    assert_eq!(b.rows("REMOVE @A/x/ PATTERN = '.*txt'", &["name", "result"]), [["s3://in/p/x/3.txt", "removed"]]);
    assert_eq!(b.ok("LIST @A").statement_type, 0x4701);
    b.script(&[
        ("LIST @NOPE", "002003"),
        ("LIST @~", "000002"),
        ("LIST @A PATTERN = '('", "001422"),
        ("LIST A", "001003"),
    ]);
}

#[test]
fn copy_files_moves_bytes_and_overwrites() {
    let mut b = with_files();
    assert_eq!(b.column("COPY FILES INTO @B/done/ FROM @A", "file"), ["done/1.csv", "done/x/2.csv", "done/x/3.txt"]);
    assert_eq!(b.cloud.keys("out"), ["done/1.csv", "done/x/2.csv", "done/x/3.txt"]);
    assert_eq!(b.cell("COPY FILES INTO @B/done/ FROM @A DETAILED_OUTPUT = FALSE", "numOfFilesCopied"), "3");
    assert_eq!(b.column("COPY FILES INTO @B FROM @A FILES = ('x/2.csv', 'missing')", "file"), ["x/2.csv"]);
    assert_eq!(b.column("COPY FILES INTO @B FROM @A/x/ PATTERN = '.*txt'", "file"), ["x/3.txt"]);
    b.ok("ALTER STAGE A REFRESH");
    let sql = "COPY FILES INTO @B FROM (SELECT relative_path, 'renamed/' || relative_path FROM DIRECTORY(@A) WHERE relative_path LIKE '%.csv')";
    assert_eq!(b.column(sql, "file"), ["renamed/1.csv", "renamed/x/2.csv"]);
    b.cloud.world(|w| w.denied.insert("s3:GetObject"));
    b.script(&[("COPY FILES INTO @B FROM @A", "091003"), ("COPY INTO T FROM @A", "002003")]);
}

#[test]
fn a_block_runs_its_statements_in_order_and_stops_at_the_first_refusal() {
    let mut b = with_files();
    b.ok("BEGIN COPY FILES INTO @B FROM @A; CREATE ROLE ONE; RETURN 1; END;");
    assert_eq!(b.cloud.keys("out").len(), 3);
    b.script(&[
        ("BEGIN CREATE ROLE TWO; CREATE ROLE ONE; CREATE ROLE THREE; END", "002002"),
        ("BEGIN", "000002"),
        ("BEGIN TRANSACTION", "000002"),
        ("BEGIN SELECT 1", "001003"),
    ]);
    assert_eq!(b.ok("SHOW ROLES LIKE 'T%'").rows.len(), 1);
}

#[test]
fn copy_files_by_a_query_takes_each_file_from_its_own_stage() {
    let mut b = with_files();
    b.ok("CREATE STAGE Q URL = 's3://in/q' STORAGE_INTEGRATION = SI");
    b.cloud.file("in", "q/1.csv", "other");
    let sql = "COPY FILES INTO @B/d FROM (SELECT '@A/1.csv', 'a.csv' UNION ALL SELECT '@Q/1.csv', 'q.csv' UNION ALL SELECT '@A/1.csv', NULL)";
    assert_eq!(b.column(sql, "file"), ["d/a.csv", "d/1.csv", "d/q.csv"]);
    let body = |b: &Bench, key: &str| b.cloud.world(|w| String::from_utf8(w.buckets["out"].1[key].0.clone()).unwrap());
    assert_eq!((body(&b, "d/a.csv"), body(&b, "d/q.csv")), ("body".to_owned(), "other".to_owned()));
    // A stage without a slash at its end: the path begins after one.
    assert_eq!(b.column("COPY FILES INTO @B FROM @Q FILES = ('1.csv')", "file"), ["1.csv"]);
    assert_eq!(b.column("COPY FILES INTO @Q FROM @A FILES = ('1.csv')", "file"), ["1.csv"]);
    assert_eq!(b.column("LIST @Q/1", "name"), ["s3://in/q/1.csv"]);
    b.script(&[
        ("COPY FILES INTO @B FROM (SELECT '@A/1.csv', 'x', 'y')", "002020"),
        ("COPY FILES INTO @B FROM (SELECT '1.csv')", "000002"),
        ("COPY FILES INTO @B FROM (SELECT '@NOPE/1.csv')", "002003"),
        ("PUT file:///tmp/x @A", "091003"),
        ("GET @A file:///tmp/", "091003"),
        ("PUT file:///tmp/x @~", "000002"),
    ]);
    b.cloud.world(|w| w.denied.insert("s3:PutObject"));
    b.script(&[("COPY FILES INTO @B FROM @A", "091003")]);
}

#[test]
fn a_path_into_what_the_integration_blocks_is_refused() {
    let mut b = with_files();
    b.cloud.file("in", "p/secret/s.csv", "body");
    b.ok("ALTER STORAGE INTEGRATION SI SET STORAGE_BLOCKED_LOCATIONS = ('s3://in/p/secret/')");
    b.script(&[
        ("LIST @A/secret/", "003127"),
        ("COPY FILES INTO @B FROM @A/secret/", "003127"),
        ("COPY FILES INTO @A/secret/ FROM @B", "003127"),
        ("LIST @A/x/", "ok"),
    ]);
}
