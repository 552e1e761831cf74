//! File formats.

use super::*;

#[test]
fn defaults_and_escapes_read_back() {
    let mut b = Bench::furnished();
    b.ok("CREATE FILE FORMAT f TYPE = csv FIELD_DELIMITER = '|' SKIP_HEADER = 1 NULL_IF = ('\\\\N', '\"') FIELD_OPTIONALLY_ENCLOSED_BY = '\"'");
    let rows = b.rows("DESC FILE FORMAT f", &["property", "property_type", "property_value", "property_default"]);
    let find = |name: &str| rows.iter().find(|row| row[0] == name).unwrap().clone();
    assert_eq!(rows.len(), 24);
    assert_eq!(find("TYPE"), ["TYPE", "String", "CSV", "CSV"]);
    assert_eq!(find("RECORD_DELIMITER"), ["RECORD_DELIMITER", "String", "\\n", "\\n"]);
    assert_eq!(find("FIELD_DELIMITER"), ["FIELD_DELIMITER", "String", "|", ","]);
    assert_eq!(find("ESCAPE_UNENCLOSED_FIELD")[2], "\\\\");
    assert_eq!(find("NULL_IF"), ["NULL_IF", "List", "[\\\\N, \\\"]", "[\\\\N]"]);
    assert_eq!(find("SKIP_HEADER"), ["SKIP_HEADER", "Integer", "1", "0"]);
    let json: serde_json::Value = serde_json::from_str(&b.cell("SHOW FILE FORMATS", "format_options")).unwrap();
    assert_eq!(json["NULL_IF"], serde_json::json!(["\\N", "\""]));
    assert_eq!(json["RECORD_DELIMITER"], "\n");
    assert_eq!(json["FILE_EXTENSION"], serde_json::Value::Null);
    assert_eq!(json["TRIM_SPACE"], false);
}

#[test]
fn an_empty_list_and_an_empty_text_differ_only_in_show() {
    let mut b = Bench::furnished();
    b.script(&[
        ("CREATE FILE FORMAT a TYPE = JSON NULL_IF = ()", "ok"),
        ("CREATE FILE FORMAT b TYPE = JSON NULL_IF = ('')", "ok"),
    ]);
    for (name, json) in [("a", "\"NULL_IF\":[]"), ("b", "\"NULL_IF\":[\"\"]")] {
        let rows = b.rows(&format!("DESC FILE FORMAT {name}"), &["property", "property_value"]);
        assert!(rows.contains(&vec!["NULL_IF".to_owned(), "[]".to_owned()]), "{name}");
        assert!(b.cell(&format!("SHOW FILE FORMATS LIKE '{name}'"), "format_options").contains(json), "{name}");
    }
}

#[test]
fn refusals() {
    let mut b = Bench::furnished();
    b.script(&[
        ("CREATE FILE FORMAT f TYPE = PARQUET", "ok"),
        ("CREATE FILE FORMAT g TYPE = BOGUS", "001008"),
        ("CREATE FILE FORMAT g TYPE = JSON SKIP_HEADER = 1", "001003"),
        ("CREATE FILE FORMAT g COMPRESSION = LZO", "001008"),
        ("CREATE FILE FORMAT g PARSE_HEADER = TRUE SKIP_HEADER = 1", "001425"),
        ("CREATE FILE FORMAT g TYPE = XML IGNORE_UTF8_ERRORS = TRUE REPLACE_INVALID_CHARACTERS = TRUE", "001425"),
        ("ALTER FILE FORMAT f SET TYPE = CSV", "001422"),
        ("ALTER FILE FORMAT f SET TYPE = PARQUET, COMPRESSION = SNAPPY, COMMENT = 'c'", "ok"),
        ("ALTER FILE FORMAT f UNSET COMMENT", "001003"),
        ("ALTER FILE FORMAT f RENAME TO g", "ok"),
        ("DESC FILE FORMAT f", "002003"),
    ]);
    assert_eq!(b.rows("SHOW FILE FORMATS", &["name", "type", "comment"]), [["G", "PARQUET", "c"]]);
    assert!(b.cell("SHOW FILE FORMATS", "format_options").contains("\"COMPRESSION\":\"SNAPPY\""));
}
