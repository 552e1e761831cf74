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
