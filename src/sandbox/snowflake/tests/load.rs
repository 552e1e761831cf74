//! COPY INTO: what is loaded, what is refused, and what is remembered.

use super::*;

const RESULT: [&str; 10] = [
    "file",
    "status",
    "rows_parsed",
    "rows_loaded",
    "error_limit",
    "errors_seen",
    "first_error",
    "first_error_line",
    "first_error_character",
    "first_error_column_name",
];

/// A table T (A NUMBER, B VARCHAR) and a stage ST on `s3://in/p/`.
fn bench() -> Bench {
    let mut b = Bench::furnished();
    b.script(&[
        ("CREATE STAGE ST URL = 's3://in/p/' STORAGE_INTEGRATION = SI", "ok"),
        ("CREATE STAGE OUT URL = 's3://out/' STORAGE_INTEGRATION = SI", "ok"),
        ("CREATE TABLE T (A INT, B STRING)", "ok"),
    ]);
    b
}

impl Bench {
    fn table(&mut self, name: &str) -> Vec<String> {
        let rows = self.ok(&format!("SELECT * FROM {name}")).rows;
        let text = |cell: &Option<String>| cell.clone().unwrap_or_else(|| "-".into());
        rows.iter().map(|row| row.iter().map(text).collect::<Vec<_>>().join("/")).collect()
    }
}

#[test]
fn a_clean_load_tells_each_file_and_is_not_repeated() {
    let mut b = bench();
    b.cloud.file("in", "p/", "");
    b.cloud.file("in", "p/1.csv", "1,x\n2,y\n");
    b.cloud.file("in", "p/sub/2.csv", "3,z");
    b.cloud.file("in", "q/3.csv", "4,no");
    let answer = b.ok("COPY INTO T FROM @ST");
    assert_eq!(answer.statement_type, 0x3600);
    assert_eq!(answer.columns.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), RESULT);
    let text =
        |row: &Vec<Option<String>>| row.iter().map(|c| c.clone().unwrap_or("-".into())).collect::<Vec<_>>().join(" ");
    assert_eq!(
        answer.rows.iter().map(text).collect::<Vec<_>>(),
        ["s3://in/p/1.csv LOADED 2 2 1 0 - - - -", "s3://in/p/sub/2.csv LOADED 1 1 1 0 - - - -"]
    );
    assert_eq!(b.table("T"), ["1/x", "2/y", "3/z"]);
    assert_eq!(b.cell("COPY INTO T FROM @ST", "status"), "Copy executed with 0 files processed.");
    let again = b.rows("COPY INTO T FROM @ST FILES = ('1.csv')", &RESULT);
    assert_eq!(
        again,
        [["s3://in/p/1.csv", "LOAD_SKIPPED", "0", "0", "NULL", "1", "File was loaded before.", "NULL", "NULL", "NULL"]]
    );
}

#[test]
fn what_a_table_has_had_is_remembered_by_name_and_bytes() {
    let mut b = bench();
    let statuses = |b: &mut Bench, sql: &str| b.column(sql, "status").join(" ");
    let none = "Copy executed with 0 files processed.";
    b.cloud.file("in", "p/1.csv", "1,x\n");
    assert_eq!(statuses(&mut b, "COPY INTO T FROM @ST"), "LOADED");
    assert_eq!(statuses(&mut b, "COPY INTO T FROM @ST"), none, "the same file");
    b.cloud.file("in", "p/1.csv", "1,x\n");
    assert_eq!(statuses(&mut b, "COPY INTO T FROM @ST"), none, "the same bytes, put again");
    b.cloud.file("in", "p/1.csv", "2,y\n");
    assert_eq!(statuses(&mut b, "COPY INTO T FROM @ST"), "LOADED", "other bytes");
    b.cloud.file("in", "p/2.csv", "2,y\n");
    assert_eq!(statuses(&mut b, "COPY INTO T FROM @ST"), "LOADED", "the same bytes under another name");
    assert_eq!(statuses(&mut b, "COPY INTO T FROM @ST FORCE = TRUE"), "LOADED LOADED");
    assert_eq!(
        statuses(&mut b, "COPY INTO T FROM 's3://in/p/' STORAGE_INTEGRATION = SI"),
        none,
        "the URL instead of the stage"
    );
    b.ok("DELETE FROM T");
    assert_eq!(statuses(&mut b, "COPY INTO T FROM @ST"), none, "DELETE forgets nothing");
    b.ok("TRUNCATE TABLE T");
    assert_eq!(statuses(&mut b, "COPY INTO T FROM @ST"), "LOADED LOADED", "TRUNCATE does");
    b.ok("CREATE OR REPLACE TABLE T (A INT, B STRING)");
    assert_eq!(statuses(&mut b, "COPY INTO T FROM @ST"), "LOADED LOADED", "another table");
    b.ok("CREATE TABLE U (A INT, B STRING)");
    assert_eq!(statuses(&mut b, "COPY INTO U FROM @ST"), "LOADED LOADED", "each table for itself");
}

#[test]
fn load_metadata_fades_after_64_days() {
    let clock = Arc::new(crate::sandbox::clock::Clock::default());
    let mut b = Bench::furnished();
    let simulator = std::mem::replace(&mut b.simulator, Simulator::in_memory(b.cloud.clone()));
    b.simulator = simulator.with_clock(clock.clone());
    b.ok("CREATE STAGE ST URL = 's3://in/p/' STORAGE_INTEGRATION = SI");
    b.ok("CREATE TABLE T (A INT)");
    // The bucket's times are of 1970: the file is older than any memory.
    b.cloud.file("in", "p/1.csv", "1\n");
    assert_eq!(b.cell("COPY INTO T FROM @ST", "status"), "LOADED");
    clock.advance(std::time::Duration::from_hours(63 * 24)).unwrap();
    assert_eq!(b.cell("COPY INTO T FROM @ST", "status"), "Copy executed with 0 files processed.");
    clock.advance(std::time::Duration::from_hours(2 * 24)).unwrap();
    assert_eq!(
        b.cell("COPY INTO T FROM @ST", "status"),
        "Copy executed with 0 files processed.",
        "nobody knows any more"
    );
    assert_eq!(b.cell("COPY INTO T FROM @ST LOAD_UNCERTAIN_FILES = TRUE", "status"), "LOADED");
}

#[test]
fn on_error_decides_what_becomes_of_a_file() {
    for (on_error, wanted, table) in [
        ("CONTINUE", "PARTIALLY_LOADED 3 2 3 1 Numeric value 'NOPE' is not recognized 2 1 \"T\"[\"A\":1]", "1/x 3/z"),
        ("SKIP_FILE", "LOAD_FAILED 3 0 1 1 Numeric value 'NOPE' is not recognized 2 1 \"T\"[\"A\":1]", ""),
        ("SKIP_FILE_1", "LOAD_FAILED 3 0 1 1 Numeric value 'NOPE' is not recognized 2 1 \"T\"[\"A\":1]", ""),
        (
            "SKIP_FILE_2",
            "PARTIALLY_LOADED 3 2 2 1 Numeric value 'NOPE' is not recognized 2 1 \"T\"[\"A\":1]",
            "1/x 3/z",
        ),
        ("'skip_file_30%'", "LOAD_FAILED 3 0 1 1 Numeric value 'NOPE' is not recognized 2 1 \"T\"[\"A\":1]", ""),
        (
            "'SKIP_FILE_70%'",
            "PARTIALLY_LOADED 3 2 2 1 Numeric value 'NOPE' is not recognized 2 1 \"T\"[\"A\":1]",
            "1/x 3/z",
        ),
    ] {
        let mut b = bench();
        b.cloud.file("in", "p/bad.csv", "1,x\nNOPE,y\n3,z\n");
        let row = b.rows(&format!("COPY INTO T FROM @ST ON_ERROR = {on_error}"), &RESULT[1..]);
        assert_eq!(row[0].join(" "), wanted, "{on_error}");
        assert_eq!(b.table("T").join(" "), table, "{on_error}");
    }
    let mut b = bench();
    b.cloud.file("in", "p/good.csv", "1,x\n");
    assert_eq!(b.column("COPY INTO T FROM @ST ON_ERROR = SKIP_FILE_0", "status"), ["LOAD_FAILED"]);
    // A file that failed may be given again; one of which a part was loaded may not.
    assert_eq!(b.column("COPY INTO T FROM @ST", "status"), ["LOADED"]);
    b.script(&[
        ("COPY INTO T FROM @ST ON_ERROR = MAYBE", "001008"),
        ("COPY INTO T FROM @ST ON_ERROR = 'SKIP_FILE_101%'", "001008"),
    ]);
}

#[test]
fn a_statement_that_aborts_loads_nothing_and_tells_the_place() {
    let mut b = bench();
    b.cloud.file("in", "p/1good.csv", "1,x\n");
    b.cloud.file("in", "p/2bad.csv", "1,x\nNOPE,y\n3,z\n");
    let error = b.fails("COPY INTO T FROM @ST");
    assert_eq!((error.code, error.sql_state), ("100038", "22018"));
    assert_eq!(
        error.message,
        "Numeric value 'NOPE' is not recognized\n  File 'p/2bad.csv', line 2, character 1\n  Row 2, column \"T\"[\"A\":1]\n  If you would \
         like to continue loading when an error is encountered, use other values such as 'SKIP_FILE' or 'CONTINUE' for the ON_ERROR \
         option. For more information on loading options, please run 'info loading_data' in a SQL client."
    );
    assert_eq!(b.table("T"), Vec::<String>::new());
    b.cloud.file("in", "p/2bad.csv", "2,y\n");
    assert_eq!(
        b.column("COPY INTO T FROM @ST", "status"),
        ["LOADED", "LOADED"],
        "the first file was not noted as loaded"
    );
}

#[test]
fn a_record_with_another_number_of_fields_is_an_error_unless_the_format_says_otherwise() {
    for (body, wanted) in [
        (
            "1,a,extra\n2,b\n",
            "Number of columns in file (3) does not match that of the corresponding table (2), use file format option error_on_column_count_mismatch=false to ignore this error|2|1|\"T\"[3]",
        ),
        (
            "1\n2,b\n",
            "Number of columns in file (1) does not match that of the corresponding table (2), use file format option error_on_column_count_mismatch=false to ignore this error|2|1|\"T\"[\"A\":1]",
        ),
        (
            "1,a,extra\n",
            "Number of columns in file (3) does not match that of the corresponding table (2), use file format option error_on_column_count_mismatch=false to ignore this error|1|10|\"T\"[3]",
        ),
        ("1,a\n2,b,extra\n", "Field delimiter ',' found while expecting record delimiter '\\n'|2|4|\"T\"[\"B\":2]"),
        ("1,a\n2\n", "End of record reached while expected to parse column '\"T\"[\"B\":2]'|2|2|\"T\"[\"B\":2]"),
        ("1,a\n\n2,b\n", "End of record reached while expected to parse column '\"T\"[\"B\":2]'|2|1|\"T\"[\"B\":2]"),
    ] {
        let mut b = bench();
        b.cloud.file("in", "p/f.csv", body);
        let row = b.rows("COPY INTO T FROM @ST ON_ERROR = CONTINUE", &RESULT);
        assert_eq!(row[0][6..].join("|"), wanted, "{body:?}");
        let lenient =
            "COPY INTO T FROM @ST FILE_FORMAT = (TYPE = CSV ERROR_ON_COLUMN_COUNT_MISMATCH = FALSE) FORCE = TRUE";
        assert_eq!(b.rows(lenient, &["status", "errors_seen"]), [["LOADED", "0"]], "{body:?}");
        let listed = "COPY INTO T (A, B) FROM @ST FORCE = TRUE";
        assert_eq!(b.rows(listed, &["status", "errors_seen"]), [["LOADED", "0"]], "{body:?}");
    }
    let mut b = bench();
    b.cloud.file("in", "p/f.csv", "1,a\n\n2,b\n");
    let sql = "COPY INTO T FROM @ST FILE_FORMAT = (TYPE = CSV SKIP_BLANK_LINES = TRUE)";
    assert_eq!(b.rows(sql, &["status", "rows_parsed", "rows_loaded"]), [["LOADED", "3", "2"]]);
}

#[test]
fn files_and_patterns_choose() {
    let mut b = bench();
    for key in ["p/f1", "p/f1.csv", "p/dir/g", "p/dirx/k"] {
        b.cloud.file("in", key, &format!("1,{key}\n"));
    }
    for (from, wanted) in [
        ("@ST/f", "p/f1 p/f1.csv"),
        ("@ST/dir", "p/dir/g p/dirx/k"),
        ("@ST/dir/", "p/dir/g"),
        ("@ST FILES = ('dir/g')", "p/dir/g"),
        ("@ST/di FILES = ('r/g')", "p/dir/g"),
        ("@ST PATTERN = '.*csv'", "p/f1.csv"),
        ("@ST PATTERN = 's3://in/p/f.'", "p/f1"),
        ("@ST/DIR", ""),
        ("@ST PATTERN = 'f1.csv'", ""),
    ] {
        b.ok("TRUNCATE TABLE T");
        b.ok(&format!("COPY INTO T FROM {from}"));
        let loaded: Vec<String> = b.table("T").iter().map(|row| row.replacen("1/", "", 1)).collect();
        assert_eq!(loaded.join(" "), wanted, "{from}");
    }
    let error = b.fails("COPY INTO T FROM @ST FILES = ('f1', 'gone')");
    assert_eq!(error.code, "091016");
    assert!(error.message.starts_with("Remote file 's3://in/p/gone' was not found. If you are"), "{}", error.message);
    b.ok("TRUNCATE TABLE T");
    let rows =
        b.rows("COPY INTO T FROM @ST FILES = ('f1', 'gone') ON_ERROR = CONTINUE", &["file", "status", "error_limit"]);
    assert_eq!(rows, [["s3://in/p/f1", "LOADED", "1"], ["s3://in/p/gone", "LOAD_FAILED", "1"]]);
}

#[test]
fn size_limit_purge_and_failed_only() {
    let mut b = bench();
    b.cloud.file("in", "p/1.csv", "1,a\n2,b\n");
    b.cloud.file("in", "p/2.csv", "3,c\n4,d\n");
    b.cloud.file("in", "p/3.csv", "bad,x\n");
    assert_eq!(b.ok("COPY INTO T FROM @ST SIZE_LIMIT = 1").rows.len(), 1);
    assert_eq!(b.ok("COPY INTO T FROM @ST FORCE = TRUE SIZE_LIMIT = 8").rows.len(), 2, "reached is not passed");
    let sql = "COPY INTO T FROM @ST FORCE = TRUE ON_ERROR = CONTINUE PURGE = TRUE RETURN_FAILED_ONLY = TRUE";
    assert_eq!(b.column(sql, "file"), ["s3://in/p/3.csv"]);
    assert_eq!(b.cloud.keys("in"), ["p/3.csv"], "what failed stays");
    b.cloud.world(|w| w.denied.insert("s3:DeleteObject"));
    b.cloud.file("in", "p/4.csv", "5,e\n");
    assert_eq!(b.column("COPY INTO T FROM @ST FILES = ('4.csv') PURGE = TRUE", "status"), ["LOADED"]);
    assert_eq!(b.cloud.keys("in"), ["p/3.csv", "p/4.csv"], "a purge that is not allowed is no error");
}

#[test]
fn validation_shows_errors_and_loads_nothing() {
    let mut b = bench();
    b.cloud.file("in", "p/bad.csv", "1,x\nNOPE,y\n3,z");
    let columns = [
        "ERROR",
        "FILE",
        "LINE",
        "CHARACTER",
        "BYTE_OFFSET",
        "CATEGORY",
        "CODE",
        "SQL_STATE",
        "COLUMN_NAME",
        "ROW_NUMBER",
        "ROW_START_LINE",
        "REJECTED_RECORD",
    ];
    let rows = b.rows("COPY INTO T FROM @ST VALIDATION_MODE = RETURN_ERRORS", &columns);
    assert_eq!(
        rows,
        [[
            "Numeric value 'NOPE' is not recognized",
            "p/bad.csv",
            "2",
            "1",
            "4",
            "conversion",
            "100038",
            "22018",
            "\"T\"[\"A\":1]",
            "2",
            "2",
            "NOPE,y\n"
        ]]
    );
    assert_eq!(
        b.ok("COPY INTO T FROM @ST VALIDATION_MODE = RETURN_1_ROWS").rows,
        [[Some("1".into()), Some("x".into())]]
    );
    b.script(&[
        ("COPY INTO T FROM @ST VALIDATION_MODE = RETURN_5_ROWS", "100132"),
        ("COPY INTO T FROM @ST VALIDATION_MODE = RETURN_NOTHING", "001008"),
    ]);
    assert_eq!(b.table("T"), Vec::<String>::new());
}

#[test]
fn json_fills_one_variant_or_columns_by_name() {
    let mut b = bench();
    b.script(&[
        ("CREATE FILE FORMAT J TYPE = JSON", "ok"),
        ("CREATE TABLE V (DOC VARIANT)", "ok"),
        ("CREATE TABLE N (ID INT, NAME STRING NOT NULL, TAGS ARRAY, AT TIMESTAMP)", "ok"),
    ]);
    b.cloud.file("in", "p/1.json", "{\"b\": 1, \"a\": [true, null, \"x\"]}\n{\"id\":2}");
    assert_eq!(b.fails("COPY INTO T FROM @ST FILE_FORMAT = J").code, "002019");
    b.ok("COPY INTO V FROM @ST FILE_FORMAT = (FORMAT_NAME = 'D.S.J')");
    assert_eq!(b.column("SELECT * FROM V", "DOC"), ["{\"a\":[true,null,\"x\"],\"b\":1}", "{\"id\":2}"]);
    b.cloud.file("in", "p/1.json", "[{\"id\": 1.4, \"Name\": \"n\", \"tags\": [1], \"at\": \"2025-01-28T19:30:00Z\"},\n {\"NAME\": \"m\", \"more\": 0}]");
    let sql = "COPY INTO N FROM @ST FILE_FORMAT = (TYPE = JSON STRIP_OUTER_ARRAY = TRUE) MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE";
    b.ok(sql);
    assert_eq!(b.table("N"), ["1/n/[1]/1738092600.000000000", "-/m/-/-"]);
    let error = b.fails(&sql.replace("INSENSITIVE", "SENSITIVE FORCE = TRUE"));
    assert_eq!(error.code, "100072", "{}", error.message);
    // A document that cannot be read ends its file; what came before it is loaded.
    b.ok("TRUNCATE TABLE V");
    b.cloud.file("in", "p/1.json", "{\"a\":1}\n{\"a\":2}\n{\"a\":x}\n{\"a\":4}\n");
    let rows = b.rows("COPY INTO V FROM @ST FILE_FORMAT = J ON_ERROR = CONTINUE", &RESULT[1..]);
    assert_eq!(
        rows[0].join(" "),
        "PARTIALLY_LOADED 3 2 3 1 Error parsing JSON: unknown keyword \"x\" 3 7 \"V\"[\"DOC\":1]"
    );
    assert_eq!(b.fails("COPY INTO V FROM @ST FILE_FORMAT = J FORCE = TRUE").code, "100069");
}

#[test]
fn formats_come_from_the_statement_then_the_stage() {
    let mut b = bench();
    b.script(&[
        ("CREATE FILE FORMAT PIPED TYPE = CSV FIELD_DELIMITER = '|'", "ok"),
        ("CREATE STAGE P URL = 's3://in/p/' STORAGE_INTEGRATION = SI FILE_FORMAT = (FORMAT_NAME = PIPED) COPY_OPTIONS = (ON_ERROR = CONTINUE)", "ok"),
    ]);
    b.cloud.file("in", "p/1.csv", "1|x\nbad|y\n");
    assert_eq!(b.column("COPY INTO T FROM @P", "status"), ["PARTIALLY_LOADED"], "the stage's format and options");
    assert_eq!(b.fails("COPY INTO T FROM @P FORCE = TRUE ON_ERROR = ABORT_STATEMENT").code, "100038");
    let sql = "COPY INTO T FROM @P FORCE = TRUE FILE_FORMAT = (TYPE = CSV)";
    assert_eq!(b.cell(sql, "first_error").split(' ').next(), Some("Number"), "the statement's, as a whole");
    b.script(&[
        ("COPY INTO T FROM @ST FILE_FORMAT = NOPE", "002003"),
        ("COPY INTO T FROM @ST FILE_FORMAT = (TYPE = XML)", "000002"),
        ("COPY INTO T FROM @ST FILE_FORMAT = (TYPE = CSV COMPRESSION = ZSTD)", "000002"),
        ("COPY INTO T FROM @ST FILE_FORMAT = (TYPE = CSV ENCODING = 'UTF-16')", "000002"),
        ("COPY INTO T FROM @ST FILE_FORMAT = (TYPE = JSON ENABLE_OCTAL = TRUE)", "000002"),
        ("COPY INTO T FROM @ST BOGUS = 1", "001003"),
        ("DROP FILE FORMAT PIPED", "ok"),
        ("COPY INTO T FROM @P", "002003"),
    ]);
}

#[test]
fn nothing_is_read_without_the_right_to() {
    let mut b = bench();
    b.cloud.file("in", "p/1.csv", "1,x\n");
    b.ok("CREATE ROLE R");
    b.ok("GRANT ROLE R TO USER ANNA");
    for grant in ["USAGE ON DATABASE D", "USAGE ON SCHEMA D.S"] {
        b.ok(&format!("GRANT {grant} TO ROLE R"));
    }
    let tries = |b: &mut Bench| {
        b.as_role("R");
        let answer = b.run("COPY INTO D.S.T FROM @D.S.ST");
        b.as_role("ACCOUNTADMIN");
        answer.map(|_| ()).map_err(|error| error.code)
    };
    assert_eq!(tries(&mut b), Err("002003"), "the table is not even seen");
    b.ok("GRANT SELECT ON TABLE T TO ROLE R");
    assert_eq!(tries(&mut b), Err("003001"), "INSERT is needed");
    b.ok("GRANT INSERT ON TABLE T TO ROLE R");
    assert_eq!(tries(&mut b), Err("002003"), "the stage is not seen");
    b.ok("GRANT USAGE ON STAGE ST TO ROLE R");
    assert_eq!(tries(&mut b), Ok(()));
    let again = |b: &mut Bench, denied: &'static str, wanted: &str| {
        b.cloud.world(|w| w.denied = BTreeSet::from([denied]));
        let error = b.fails("COPY INTO T FROM @ST FORCE = TRUE");
        assert_eq!(error.code, wanted, "{denied}: {}", error.message);
        assert!(error.message.contains(denied), "{}", error.message);
        b.cloud.world(|w| w.denied.clear());
    };
    again(&mut b, "s3:ListBucket", "091003");
    again(&mut b, "s3:GetObject", "091003");
    b.cloud.world(|w| w.trust.clear());
    assert_eq!(b.fails("COPY INTO T FROM @ST FORCE = TRUE").code, "003167");
    b.trust();
    b.script(&[
        ("COPY INTO T FROM 's3://elsewhere/' STORAGE_INTEGRATION = SI", "003127"),
        ("COPY INTO T FROM 's3://in/p/'", "091003"),
        ("COPY INTO T FROM 's3://in/p/' STORAGE_INTEGRATION = NOPE", "002003"),
        ("COPY INTO T FROM 'in/p'", "001011"),
        ("COPY INTO T FROM @~/x", "000002"),
        ("COPY INTO T", "000002"),
        ("COPY INTO NOPE FROM @ST", "002003"),
        ("COPY INTO T (A, NOPE) FROM @ST", "000904"),
        ("COPY INTO T (A, A) FROM @ST", "002025"),
    ]);
    b.session.warehouse = None;
    assert_eq!(b.fails("COPY INTO T FROM @ST").code, "000606");
}

#[test]
fn values_become_what_their_columns_hold() {
    let mut b = bench();
    b.ok("CREATE TABLE ALL_TYPES (N NUMBER(5,2), F FLOAT, S STRING(3), L BOOLEAN, D DATE, T TIME, Z TIMESTAMP_TZ, V VARIANT, X BINARY)");
    let good = "1.005,1e3,abc,yes,2024-02-29,13:05:06.5,2024-02-29 01:00:00 +0100,\"{\"\"k\"\": [1, 2.50]}\",0aFF\n\
                ,,,,,,,,\n";
    b.cloud.file("in", "p/1.csv", good);
    let format = "FILE_FORMAT = (TYPE = CSV FIELD_OPTIONALLY_ENCLOSED_BY = '\"')";
    b.ok(&format!("COPY INTO ALL_TYPES FROM @ST {format}"));
    assert_eq!(
        b.table("ALL_TYPES"),
        ["1.01/1000/abc/1/19782/47106.500000000/1709164800.000000000 1500/{\"k\":[1,2.50]}/0AFF", "-/-/-/-/-/-/-/-/-"]
    );
    for (column, value, code, message) in [
        (0, "12345", "100039", "Numeric value '12345' is out of range"),
        (0, "x", "100038", "Numeric value 'x' is not recognized"),
        (1, "y", "100038", "Numeric value 'y' is not recognized"),
        (2, "abcd", "100074", "User character length limit (3) exceeded by string 'abcd'"),
        (3, "maybe", "100037", "Boolean value 'maybe' is not recognized"),
        (4, "2023-02-29", "100040", "Date '2023-02-29' is not recognized"),
        (5, "25:00:00", "100108", "Time '25:00:00' is not recognized"),
        (6, "soon", "100035", "Timestamp 'soon' is not recognized"),
        (7, "{", "100069", "Error parsing JSON: incomplete object value, pos 2"),
        (8, "0g", "100115", "The following string is not a legal hex-encoded value: '0g'"),
    ] {
        let fields: Vec<&str> = (0..9).map(|at| if at == column { value } else { "" }).collect();
        b.cloud.file("in", "p/1.csv", &fields.join(","));
        let error = b.fails(&format!("COPY INTO ALL_TYPES FROM @ST {format}"));
        assert_eq!(error.code, code, "{value}");
        assert!(error.message.starts_with(message), "{}", error.message);
    }
    b.cloud.file("in", "p/1.csv", ",,abcdef,,,,,,\n");
    b.ok(&format!("COPY INTO ALL_TYPES FROM @ST {format} TRUNCATECOLUMNS = TRUE"));
    assert_eq!(b.table("ALL_TYPES").last().map(String::as_str), Some("-/-/abc/-/-/-/-/-/-"));
    let sql = format!("COPY INTO ALL_TYPES FROM @ST {format} TRUNCATECOLUMNS = TRUE ENFORCE_LENGTH = TRUE");
    assert_eq!(b.fails(&sql).code, "001425");
}

#[test]
fn columns_without_fields_get_their_defaults() {
    let mut b = bench();
    b.ok(
        "CREATE TABLE DEF (A INT, N INT DEFAULT 7, S STRING DEFAULT 'x', AT TIMESTAMP_NTZ DEFAULT CURRENT_TIMESTAMP())",
    );
    b.cloud.file("in", "p/1.csv", "1\n");
    b.ok("COPY INTO DEF (A) FROM @ST");
    let row = b.table("DEF").remove(0);
    assert!(row.starts_with("1/7/x/17"), "{row}");
}

#[test]
fn what_is_unloaded_loads_again() {
    let mut b = bench();
    b.cloud.file("in", "p/1.csv", "1,plain\n2,\"quoted, \\\\ and \"\"\"\n3,\n4,\"\"\n5,\"line\nbreak\"\n");
    let format = "FILE_FORMAT = (TYPE = CSV FIELD_OPTIONALLY_ENCLOSED_BY = '\"')";
    b.ok(&format!("COPY INTO T FROM @ST {format}"));
    let before = b.table("T");
    assert_eq!(before, ["1/plain", "2/quoted, \\\\ and \"", "3/-", "4/", "5/line\nbreak"]);
    let answer = b.rows(&format!("COPY INTO @OUT/dump/ FROM T {format}"), &["rows_unloaded"]);
    assert_eq!(answer, [["5"]]);
    assert_eq!(b.cloud.keys("out"), ["dump/data_0_0_0.csv.gz"]);
    let error = b.fails(&format!("COPY INTO @OUT/dump/ FROM T {format}"));
    assert!(
        error.message.starts_with("Files already existing at the unload destination: @D.S.OUT/dump/."),
        "{}",
        error.message
    );
    b.ok(&format!("COPY INTO @OUT/dump/ FROM T {format} OVERWRITE = TRUE"));
    b.ok("CREATE TABLE BACK (A INT, B STRING)");
    b.ok(&format!("COPY INTO BACK FROM @OUT/dump/ {format}"));
    assert_eq!(b.table("BACK"), before);
    b.ok("COPY INTO @OUT/one.txt FROM (SELECT A FROM T WHERE A < 3) FILE_FORMAT = (TYPE = CSV COMPRESSION = NONE) SINGLE = TRUE HEADER = TRUE");
    let body = b.cloud.world(|w| String::from_utf8(w.buckets["out"].1["one.txt"].0.clone()).unwrap());
    assert_eq!(body, "A\n1\n2\n");
    b.cloud.world(|w| w.denied.insert("s3:PutObject"));
    b.script(&[
        ("COPY INTO @OUT/new FROM T", "091003"),
        ("COPY INTO @OUT/new FROM T FILE_FORMAT = (TYPE = PARQUET)", "000002"),
        ("COPY INTO @OUT/new FROM T PARTITION BY (A)", "000002"),
        ("COPY INTO @OUT/new FROM T FILE_FORMAT = (TYPE = JSON)", "002019"),
        ("COPY INTO @NOPE/new FROM T", "002003"),
    ]);
}

#[test]
fn queries_read_staged_files() {
    let mut b = bench();
    b.ok("CREATE FILE FORMAT J TYPE = JSON");
    b.ok("CREATE FILE FORMAT C TYPE = CSV FIELD_OPTIONALLY_ENCLOSED_BY = '\"'");
    b.cloud.file("in", "p/1.csv", "1,\"x,y\"\n2,z,more\n");
    b.cloud.file("in", "p/a.json", "{\"id\": 7, \"in\": {\"k\": \"v\"}}\n{\"id\": 8}");
    let rows = |b: &mut Bench, sql: &str| {
        let rows = b.ok(sql).rows;
        let text = |cell: &Option<String>| cell.clone().unwrap_or_else(|| "-".into());
        rows.iter().map(|row| row.iter().map(text).collect::<Vec<_>>().join("/")).collect::<Vec<_>>()
    };
    assert_eq!(
        rows(
            &mut b,
            "SELECT $1, t.$2, $3, METADATA$FILENAME, METADATA$FILE_ROW_NUMBER FROM @ST/1.csv (FILE_FORMAT => 'C') t"
        ),
        ["1/x,y/-/p/1.csv/1", "2/z/more/p/1.csv/2"]
    );
    assert_eq!(
        rows(
            &mut b,
            "SELECT $1:id::INT AS ID, $1:in.k::STRING FROM @ST (FILE_FORMAT => 'D.S.J', PATTERN => '.*json') ORDER BY ID DESC"
        ),
        ["8/-", "7/v"]
    );
    b.ok("INSERT INTO T SELECT $1::INT, $2 FROM @ST/1.csv (FILE_FORMAT => 'C')");
    assert_eq!(b.table("T"), ["1/x,y", "2/z"]);
    b.cloud.world(|w| w.denied.insert("s3:GetObject"));
    b.script(&[
        ("SELECT $1 FROM @ST (FILE_FORMAT => 'C')", "091003"),
        ("SELECT $1 FROM @ST (FILE_FORMAT => 'NOPE')", "002003"),
        ("SELECT $1 FROM @NOPE", "002003"),
    ]);
    b.cloud.world(|w| w.denied.clear());
    b.cloud.file("in", "p/bad.json", "{\"a\": oops}");
    let error = b.fails("SELECT $1 FROM @ST/bad.json (FILE_FORMAT => J)");
    assert!(
        error.message.contains("unknown keyword \"oops\"\n  File 'p/bad.json', line 1, character 11\n  Row 1"),
        "{}",
        error.message
    );
}

#[test]
fn a_load_may_transform() {
    let mut b = bench();
    b.cloud.file("in", "p/1.csv", "1,x,2024-01-02\nbad,y,\n3,z,2024-01-04\n");
    b.ok("CREATE TABLE W (A INT, F STRING, N INT, D DATE, C STRING DEFAULT 'c')");
    let sql = "COPY INTO W (A, F, N, D) FROM (SELECT t.$1::INT, METADATA$FILENAME || ':' || $2, METADATA$FILE_ROW_NUMBER, TO_DATE($3) FROM @ST t)";
    let error = b.fails(sql);
    assert_eq!(error.code, "100038", "{}", error.message);
    assert!(error.message.contains("File 'p/1.csv', line 2, character 1"), "{}", error.message);
    let row = b.rows(&format!("{sql} ON_ERROR = CONTINUE"), &RESULT[1..]);
    assert_eq!(row[0].join(" "), "PARTIALLY_LOADED 3 2 3 1 Numeric value 'bad' is not recognized 2 1 \"W\"[\"A\":1]");
    assert_eq!(b.table("W"), ["1/p/1.csv:x/1/19724/c", "3/p/1.csv:z/3/19726/c"]);
    assert_eq!(b.cell(sql, "status"), "Copy executed with 0 files processed.");
    b.script(&[
        ("COPY INTO T FROM (SELECT $1 FROM @ST)", "002020"),
        ("COPY INTO T FROM (SELECT $1, UPPER($2) FROM @ST)", "002099"),
        ("COPY INTO T FROM (SELECT $1, $2 * 2 FROM @ST)", "002099"),
        ("COPY INTO T FROM (SELECT $1, $2 FROM @ST WHERE $1 > 1)", "002098"),
        ("COPY INTO T FROM (SELECT $1, $2 FROM @ST t LIMIT 1)", "002098"),
        ("COPY INTO T FROM (SELECT * FROM @ST)", "002098"),
        ("COPY INTO T FROM (SELECT A, B FROM T)", "002098"),
        ("COPY INTO T FROM (SELECT $1, NOPE FROM @ST)", "000904"),
        ("COPY INTO T FROM (SELECT $1, $2 FROM @ST) VALIDATION_MODE = RETURN_ERRORS", "000002"),
        ("COPY INTO T FROM (SELECT $1, $2 FROM @ST) FILE_FORMAT = (TYPE = JSON) MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE", "002098"),
    ]);
}

/// The statements of a public guide to loading an application's sessions from S3.
#[test]
fn sessions_are_loaded_as_their_guide_says() {
    let mut b = Bench::furnished();
    b.cloud.world(|w| w.buckets.insert("voice".into(), ("us-west-1".into(), BTreeMap::new())));
    let sql = format!(
        "CREATE STORAGE INTEGRATION voice_analytics_s3 TYPE = EXTERNAL_STAGE STORAGE_PROVIDER = S3 ENABLED = TRUE STORAGE_AWS_ROLE_ARN = \
         '{ROLE_ARN}' STORAGE_ALLOWED_LOCATIONS = ('s3://voice/sessions/')"
    );
    b.ok(&sql);
    let name = "voice_analytics_s3";
    let (arn, id) = (b.property(name, "STORAGE_AWS_IAM_USER_ARN"), b.property(name, "STORAGE_AWS_EXTERNAL_ID"));
    b.cloud.world(|w| w.trust.insert(ROLE_ARN.into(), (arn, id)));
    b.script(&[
        ("CREATE DATABASE IF NOT EXISTS ANALYTICS", "ok"),
        ("CREATE SCHEMA IF NOT EXISTS ANALYTICS.VOICE", "ok"),
        (
            "CREATE STAGE voice_analytics_stage STORAGE_INTEGRATION = voice_analytics_s3 URL = 's3://voice/sessions/' FILE_FORMAT = ( TYPE = \
             JSON COMPRESSION = GZIP )",
            "ok",
        ),
        (
            "CREATE TABLE ANALYTICS.VOICE.SESSIONS ( raw_data VARIANT, _event_type STRING, _timestamp TIMESTAMP, _session_id STRING, \
             duration_seconds NUMBER, discovered_signals VARIANT, tool_calls VARIANT, metrics_summary VARIANT, load_timestamp TIMESTAMP \
             DEFAULT CURRENT_TIMESTAMP() )",
            "ok",
        ),
    ]);
    let body = "{\"_event_type\":\"session\",\"_timestamp\":1738092600,\"_session_id\":\"s1\",\"duration_seconds\":12,\"discovered_signals\":[\"a\"],\"tool_calls\":null,\"metrics_summary\":{\"n\":1}}\n";
    let packed = {
        use std::io::Write as _;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(body.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let key = "sessions/year=2025/month=01/day=28/voice-1-2025-01-28-19-30-00-abc123.gz";
    b.cloud.world(|w| w.buckets.get_mut("voice").unwrap().1.insert(key.into(), (packed, 1000)));
    let copy = "COPY INTO ANALYTICS.VOICE.SESSIONS ( raw_data, _event_type, _timestamp, _session_id, duration_seconds, discovered_signals, \
                tool_calls, metrics_summary ) FROM ( SELECT $1 as raw_data, $1:_event_type::STRING, TO_TIMESTAMP($1:_timestamp::NUMBER), \
                $1:_session_id::STRING, $1:duration_seconds::NUMBER, $1:discovered_signals, $1:tool_calls, $1:metrics_summary FROM \
                @voice_analytics_stage ) FILE_FORMAT = (TYPE = JSON COMPRESSION = GZIP) PATTERN = '.*year=.*/month=.*/day=.*/.*\\\\.gz'";
    let rows = b.rows(copy, &["file", "status", "rows_loaded"]);
    assert_eq!(rows, [[&format!("s3://voice/{key}"), "LOADED", "1"]]);
    let row = b.table("ANALYTICS.VOICE.SESSIONS").remove(0);
    assert!(row.contains("/session/1738092600.000000000/s1/12/[\"a\"]/null/{\"n\":1}/1"), "{row}");
    b.ok(&format!("CREATE TASK voice_analytics_incremental_load WAREHOUSE = W SCHEDULE = '60 MINUTE' AS {copy}"));
    b.ok("ALTER TASK voice_analytics_incremental_load RESUME");
    // Without a query the whole document would have to fit nine columns.
    let plain =
        "COPY INTO ANALYTICS.VOICE.SESSIONS FROM @voice_analytics_stage FILE_FORMAT = (TYPE = JSON COMPRESSION = GZIP)";
    assert_eq!(b.fails(plain).code, "002019");
}

/// The custom processing that a public module suggests for its task.
#[test]
fn a_block_loads_and_then_moves_files() {
    let mut b = bench();
    b.cloud.file("in", "p/1.csv", "1,x\nbad,y\n");
    b.cloud.file("in", "p/2.txt", "other");
    b.ok(
        "BEGIN COPY INTO T FROM @ST FILE_FORMAT = (TYPE = 'CSV' FIELD_DELIMITER = ',') PATTERN = '.*[.]csv' ON_ERROR = 'CONTINUE'; COPY FILES \
         INTO @OUT FROM @ST; END",
    );
    assert_eq!(b.table("T"), ["1/x"]);
    assert_eq!(b.cloud.keys("out"), ["1.csv", "2.txt"]);
}

#[test]
fn loads_tell_their_history() {
    let mut b = bench();
    b.cloud.file("in", "p/1.csv", "1,x\n2,y\n");
    b.cloud.file("in", "p/2.csv", "bad,y\n3,z\n");
    b.ok("COPY INTO T FROM @ST ON_ERROR = CONTINUE");
    let history = "SELECT * FROM TABLE(INFORMATION_SCHEMA.COPY_HISTORY(TABLE_NAME => 'T', START_TIME => DATEADD(HOURS, -1, CURRENT_TIMESTAMP())))";
    b.session.database = Some("D".into());
    let columns = [
        "FILE_NAME",
        "STAGE_LOCATION",
        "ROW_COUNT",
        "ROW_PARSED",
        "FILE_SIZE",
        "ERROR_COUNT",
        "STATUS",
        "TABLE_NAME",
        "PIPE_NAME",
    ];
    assert_eq!(
        b.rows(history, &columns),
        [
            ["1.csv", "@D.S.ST", "2", "2", "8", "0", "Loaded", "T", "NULL"],
            ["2.csv", "@D.S.ST", "1", "2", "10", "1", "Partially loaded", "T", "NULL"]
        ]
    );
    assert_eq!(
        b.rows(
            "SELECT * FROM D.INFORMATION_SCHEMA.LOAD_HISTORY",
            &["SCHEMA_NAME", "FILE_NAME", "STATUS", "FIRST_ERROR_LINE_NUMBER"]
        ),
        [["S", "s3://in/p/1.csv", "LOADED", "NULL"], ["S", "s3://in/p/2.csv", "PARTIALLY LOADED", "1"]]
    );
    let problems =
        b.rows("SELECT * FROM TABLE(VALIDATE(T, JOB_ID => '_last'))", &["FILE", "LINE", "CODE", "REJECTED_RECORD"]);
    assert_eq!(problems, [["p/2.csv", "1", "100038", "bad,y\n"]]);
    assert_eq!(b.ok("SELECT * FROM TABLE(VALIDATE(D.S.T, JOB_ID => '01b0-0000'))").rows.len(), 1);
    b.script(&[
        ("SELECT * FROM TABLE(VALIDATE(T, JOB_ID => 'nope'))", "002003"),
        ("SELECT * FROM TABLE(INFORMATION_SCHEMA.COPY_HISTORY(TABLE_NAME => 'NOPE', START_TIME => CURRENT_TIMESTAMP()))", "002003"),
        ("SELECT * FROM TABLE(INFORMATION_SCHEMA.COPY_HISTORY(TABLE_NAME => 'T', START_TIME => DATEADD(DAYS, -15, CURRENT_TIMESTAMP())))", "001003"),
    ]);
    b.ok("DROP TABLE T");
    assert_eq!(
        b.ok("SELECT * FROM D.INFORMATION_SCHEMA.LOAD_HISTORY").rows.len(),
        0,
        "a table takes its history with it"
    );
}
