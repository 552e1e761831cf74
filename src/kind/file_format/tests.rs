//! What a file format's entry becomes: problems, statements, differences, read-back.

use super::*;
use crate::kind::trial::{
    altered, at, context, created, diff, entry, example, problems, replaced, rows, statements, try_entry, want,
};

type K = FileFormat;

const MARK: &str = "[snowssi:events/file_format.x]";

fn spec(kind: &str, line: &str) -> String {
    format!("schema = 'raw.ev'\nname = 'f'\ntype = '{kind}'\n{line}\n")
}

/// Every option with a value that is not its default: a type that has it, how the spec has it, how a statement has it, and how it goes
/// back to its default.
const CHANGED: [(&str, &str, &str, &str); 36] = [
    ("CSV", "compression = 'gzip'", "COMPRESSION = 'GZIP'", "COMPRESSION = 'AUTO'"),
    ("PARQUET", "compression = 'SNAPPY'", "COMPRESSION = 'SNAPPY'", "COMPRESSION = 'AUTO'"),
    ("CSV", "record_delimiter = '|'", "RECORD_DELIMITER = '|'", "RECORD_DELIMITER = '\n'"),
    ("CSV", "field_delimiter = '\\t'", "FIELD_DELIMITER = '\t'", "FIELD_DELIMITER = ','"),
    ("JSON", "file_extension = 'ndjson'", "FILE_EXTENSION = 'ndjson'", "FILE_EXTENSION = NONE"),
    ("CSV", "parse_header = true", "PARSE_HEADER = TRUE", "PARSE_HEADER = FALSE"),
    ("CSV", "skip_header = 1", "SKIP_HEADER = 1", "SKIP_HEADER = 0"),
    ("CSV", "skip_blank_lines = true", "SKIP_BLANK_LINES = TRUE", "SKIP_BLANK_LINES = FALSE"),
    ("CSV", "date_format = 'YYYY-MM-DD'", "DATE_FORMAT = 'YYYY-MM-DD'", "DATE_FORMAT = AUTO"),
    ("CSV", "time_format = 'HH24'", "TIME_FORMAT = 'HH24'", "TIME_FORMAT = AUTO"),
    ("JSON", "timestamp_format = 'YYYY'", "TIMESTAMP_FORMAT = 'YYYY'", "TIMESTAMP_FORMAT = AUTO"),
    ("CSV", "binary_format = 'base64'", "BINARY_FORMAT = 'BASE64'", "BINARY_FORMAT = 'HEX'"),
    ("CSV", "escape = '\\'", "ESCAPE = '\\\\'", "ESCAPE = NONE"),
    ("CSV", "escape_unenclosed_field = 'none'", "ESCAPE_UNENCLOSED_FIELD = NONE", "ESCAPE_UNENCLOSED_FIELD = '\\\\'"),
    ("ORC", "trim_space = true", "TRIM_SPACE = TRUE", "TRIM_SPACE = FALSE"),
    (
        "CSV",
        "field_optionally_enclosed_by = \"'\"",
        "FIELD_OPTIONALLY_ENCLOSED_BY = ''''",
        "FIELD_OPTIONALLY_ENCLOSED_BY = NONE",
    ),
    ("CSV", "null_if = ['', 'NULL']", "NULL_IF = ('', 'NULL')", "NULL_IF = ('\\\\N')"),
    ("CSV", "null_if = []", "NULL_IF = ()", "NULL_IF = ('\\\\N')"),
    ("JSON", "null_if = ['']", "NULL_IF = ('')", "NULL_IF = ()"),
    (
        "CSV",
        "error_on_column_count_mismatch = false",
        "ERROR_ON_COLUMN_COUNT_MISMATCH = FALSE",
        "ERROR_ON_COLUMN_COUNT_MISMATCH = TRUE",
    ),
    (
        "AVRO",
        "replace_invalid_characters = true",
        "REPLACE_INVALID_CHARACTERS = TRUE",
        "REPLACE_INVALID_CHARACTERS = FALSE",
    ),
    ("CSV", "empty_field_as_null = false", "EMPTY_FIELD_AS_NULL = FALSE", "EMPTY_FIELD_AS_NULL = TRUE"),
    ("XML", "skip_byte_order_mark = false", "SKIP_BYTE_ORDER_MARK = FALSE", "SKIP_BYTE_ORDER_MARK = TRUE"),
    ("CSV", "encoding = 'iso88591'", "ENCODING = 'ISO88591'", "ENCODING = 'UTF8'"),
    ("JSON", "multi_line = false", "MULTI_LINE = FALSE", "MULTI_LINE = TRUE"),
    ("JSON", "enable_octal = true", "ENABLE_OCTAL = TRUE", "ENABLE_OCTAL = FALSE"),
    ("JSON", "allow_duplicate = true", "ALLOW_DUPLICATE = TRUE", "ALLOW_DUPLICATE = FALSE"),
    ("JSON", "strip_outer_array = true", "STRIP_OUTER_ARRAY = TRUE", "STRIP_OUTER_ARRAY = FALSE"),
    ("JSON", "strip_null_values = true", "STRIP_NULL_VALUES = TRUE", "STRIP_NULL_VALUES = FALSE"),
    ("XML", "ignore_utf8_errors = true", "IGNORE_UTF8_ERRORS = TRUE", "IGNORE_UTF8_ERRORS = FALSE"),
    ("PARQUET", "binary_as_text = false", "BINARY_AS_TEXT = FALSE", "BINARY_AS_TEXT = TRUE"),
    ("PARQUET", "use_logical_type = true", "USE_LOGICAL_TYPE = TRUE", "USE_LOGICAL_TYPE = FALSE"),
    ("PARQUET", "use_vectorized_scanner = true", "USE_VECTORIZED_SCANNER = TRUE", "USE_VECTORIZED_SCANNER = FALSE"),
    ("XML", "preserve_space = true", "PRESERVE_SPACE = TRUE", "PRESERVE_SPACE = FALSE"),
    ("XML", "strip_outer_element = true", "STRIP_OUTER_ELEMENT = TRUE", "STRIP_OUTER_ELEMENT = FALSE"),
    ("XML", "disable_auto_convert = true", "DISABLE_AUTO_CONVERT = TRUE", "DISABLE_AUTO_CONVERT = FALSE"),
];

#[test]
fn each_option_alone_is_created_altered_and_reset() {
    for (kind, line, clause, reset) in CHANGED {
        let (plain, changed) = (spec(kind, ""), spec(kind, line));
        let create = format!("CREATE FILE FORMAT \"RAW\".\"EV\".\"F\" TYPE = {kind} {clause} COMMENT = '{MARK}'");
        assert_eq!(created::<K>(&changed), [create]);
        let alter = |clause: &str| format!("ALTER FILE FORMAT \"RAW\".\"EV\".\"F\" SET {clause}");
        assert_eq!(altered::<K>(&plain, &changed), [alter(clause)]);
        assert_eq!(altered::<K>(&changed, &plain), [alter(reset)]);
        assert_eq!(problems::<K>(&entry::<K>(&changed)), Vec::<String>::new(), "{line}");
    }
    let tested = |choice: &&Choice| CHANGED.iter().any(|(_, line, ..)| line.starts_with(&format!("{} ", choice.field)));
    let rest: Vec<&str> = OPTIONS.iter().filter(|choice| !tested(choice)).map(|choice| choice.field).collect();
    assert_eq!(rest, ["disable_snowflake_data"], "one more flag like the others");
}

#[test]
fn creates_replaces_and_drops() {
    let create = format!("CREATE FILE FORMAT \"RAW\".\"EV\".\"F\" TYPE = CSV COMMENT = '{MARK}'");
    assert_eq!(created::<K>("schema = 'raw.ev'\nname = 'f'"), [create]);
    let comment = altered::<K>(&spec("CSV", ""), &spec("CSV", "comment = 'hi'"));
    assert_eq!(comment, [format!("ALTER FILE FORMAT \"RAW\".\"EV\".\"F\" SET COMMENT = 'hi {MARK}'")]);
    assert!(replaced::<K>(&spec("CSV", ""), &spec("JSON", "")));
    let example = want::<K>(&example::<K>());
    assert_eq!(statements(&K::delete(&example)), ["DROP FILE FORMAT \"RAW\".\"EVENTS\".\"LINES\""]);
    let refs: Vec<String> = K::refs(&example).iter().map(|to| to.to.to_string()).collect();
    assert_eq!(refs, ["database \"RAW\"", "schema \"RAW\".\"EVENTS\""]);
}

/// What Snowflake shows of a CSV format that was created without options.
const DEFAULTS: &str = r#"{"TYPE":"CSV","RECORD_DELIMITER":"\n","FIELD_DELIMITER":",","FILE_EXTENSION":null,"SKIP_HEADER":0,"PARSE_HEADER":false,
"DATE_FORMAT":"AUTO","TIME_FORMAT":"AUTO","TIMESTAMP_FORMAT":"AUTO","BINARY_FORMAT":"HEX","ESCAPE":"NONE","ESCAPE_UNENCLOSED_FIELD":"\\",
"TRIM_SPACE":false,"FIELD_OPTIONALLY_ENCLOSED_BY":"NONE","NULL_IF":["\\N"],"COMPRESSION":"AUTO","ERROR_ON_COLUMN_COUNT_MISMATCH":true,
"VALIDATE_UTF8":true,"SKIP_BLANK_LINES":false,"REPLACE_INVALID_CHARACTERS":false,"EMPTY_FIELD_AS_NULL":true,"SKIP_BYTE_ORDER_MARK":true,
"ENCODING":"UTF8","NEW_OPTION":1}"#;

fn observe(toml: &str, kind: &str, options: &str) -> Result<Seen<Props>, CloudError> {
    let columns = ["name", "database_name", "schema_name", "type", "comment", "format_options"];
    let row = |name, comment, options| [Some(name), Some("RAW"), Some("EV"), Some(kind), Some(comment), Some(options)];
    let listing = show::Listing::from(rows(&columns, &[&row("F", MARK, options), &row("FOREIGN", "", "not JSON")]));
    let mut seen = gather(&[entry::<K>(toml)], &context(), &listing.index(show::object_of)?)?;
    assert!(seen.others.keys().all(|id| id.name.ends_with("\"F\"")), "the foreign one is left out");
    Ok(seen.declared.remove(&at::<K>()).unwrap())
}

fn differences(toml: &str, kind: &str, options: &str) -> Vec<String> {
    let seen = observe(toml, kind, options).unwrap();
    let Seen::Present(found) = seen else { panic!("{seen:?}") };
    assert_eq!(K::mark(&found.props).map(ToString::to_string).as_deref(), Some(MARK));
    let changed = diff::<K>(&want::<K>(&entry::<K>(toml)), &found.props);
    changed.changes().iter().map(|change| change.field.clone()).collect()
}

#[test]
fn reads_back_what_it_wrote() {
    let none = Vec::<String>::new();
    assert_eq!(differences(&spec("CSV", ""), "csv", DEFAULTS), none);
    assert_eq!(differences(&spec("CSV", "multi_line = false"), "CSV", DEFAULTS), none, "what is not shown is unknown");
    let odd = DEFAULTS.replace(r#""RECORD_DELIMITER":"\n""#, r#""RECORD_DELIMITER":"\\n""#).replace("0,", "\"0\",");
    assert_eq!(differences(&spec("CSV", ""), "CSV", &odd), none);
    let drift =
        DEFAULTS.replace("\"SKIP_HEADER\":0", "\"SKIP_HEADER\":1").replace("\"NULL_IF\":[\"\\\\N\"]", "\"NULL_IF\":[]");
    assert_eq!(differences(&spec("CSV", ""), "CSV", &drift), ["skip_header", "null_if"]);
    assert_eq!(differences(&spec("CSV", "null_if = []\nskip_header = 1"), "CSV", &drift), none);
    assert_eq!(differences(&spec("JSON", "null_if = ['']"), "JSON", r#"{"NULL_IF":[]}"#), ["null_if"]);
    assert_eq!(differences(&spec("JSON", ""), "PARQUET", "{}"), ["type"]);
    assert!(observe(&spec("CSV", ""), "CSV", "{").is_err());
    let hidden = observe(&spec("CSV", ""), "CUSTOM", "{}").unwrap();
    assert!(matches!(hidden, Seen::Hidden(why) if why.contains("does not know")));
    assert_eq!(observe(&spec("CSV", "").replace("'f'", "'\"f\"'"), "CSV", "{}").unwrap(), Seen::Absent);
}

#[test]
fn finds_problems_offline() {
    let cases = [
        ("JSON", "field_delimiter = ','", "field_delimiter: `field_delimiter` is an option of CSV, not of JSON"),
        ("CSV", "skip_header = -1", "skip_header: a number"),
        ("CSV", "skip_header = 1\nparse_header = true", "skip_header: `parse_header` and"),
        ("CSV", "field_optionally_enclosed_by = '|'", "field_optionally_enclosed_by: `|` is not a quote"),
        ("CSV", "compression = 'SNAPPY'", "compression: CSV files are not"),
        ("PARQUET", "compression = 'GZIP'", "compression: PARQUET files are not"),
        ("JSON", "ignore_utf8_errors = true\nreplace_invalid_characters = true", "ignore_utf8_errors: `ignore"),
    ];
    for (kind, line, expected) in cases {
        let found = problems::<K>(&entry::<K>(&spec(kind, line)));
        assert!(found.len() == 1 && found[0].starts_with(expected), "{line}: {found:?}");
    }
    assert!(try_entry::<K>(&spec("CSV", "delimiter = ','")).is_err());
    assert!(try_entry::<K>(&spec("TXT", "")).is_err());
}
