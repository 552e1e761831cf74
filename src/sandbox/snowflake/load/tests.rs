//! Formats: bytes and options in, records out. The writers of the files are programs of others: the `csv`, `serde_json` and `parquet`
//! crates.

use std::sync::Arc;

use proptest::prelude::*;

use super::super::file_format::FileFormat;
use super::super::parse::Parser;
use super::super::props::Props;
use super::format::Reading;
use super::json;
use super::record::{Cell, Records};
use super::variant::Variant;

fn reading(options: &str) -> Reading {
    let mut p = Parser::new(options).unwrap();
    let mut props = Props::read(&mut p).unwrap();
    p.end().unwrap();
    let format = FileFormat::read(&mut props).unwrap();
    props.finish().unwrap();
    Reading::of(&format).unwrap()
}

fn refused(options: &str) -> String {
    let mut p = Parser::new(options).unwrap();
    let mut props = Props::read(&mut p).unwrap();
    FileFormat::read(&mut props).and_then(|format| Reading::of(&format)).unwrap_err().message
}

fn records(options: &str, bytes: &[u8]) -> Records {
    let reading = reading(options);
    let bytes = reading.unpack("f", bytes.to_vec()).unwrap();
    reading.records(&bytes)
}

/// Rows of fields; NULL reads `~`, a fault `!` with its code and the byte it shows at.
fn shown(records: &Records) -> Vec<String> {
    let cell = |cell: &Cell| match cell {
        Cell::Null => "~".to_owned(),
        Cell::Text(text) => text.clone(),
        Cell::Variant(value) => value.json(),
    };
    let row = |row: &Result<super::record::Record, super::record::Fault>| match row {
        Ok(record) => record.fields.iter().map(|field| cell(&field.value)).collect::<Vec<_>>().join("|"),
        Err(fault) => format!("!{}@{}", fault.code, fault.at),
    };
    records.rows.iter().map(row).collect()
}

#[test]
fn delimited_files_by_their_options() {
    for (options, bytes, wanted) in [
        ("", "a,b\nc,d\n", vec!["a|b", "c|d"]),
        ("", "a,b\r\nc,d", vec!["a|b", "c|d"]),
        ("", "a,,\n", vec!["a|~|~"]),
        ("", "", vec![]),
        ("", "\n", vec!["~"]),
        ("", "\\N,x", vec!["~|x"]),
        ("", "a\\,b,c\\\\d,e\\tf\n", vec!["a,b|c\\d|e\tf"]),
        ("", "a\\\nb,c\n", vec!["a\nb|c"]),
        ("ESCAPE_UNENCLOSED_FIELD = NONE", "a\\,b\n", vec!["a\\|b"]),
        ("", "\"a,b\"\n", vec!["\"a|b\""]),
        ("FIELD_OPTIONALLY_ENCLOSED_BY = '\"'", "\"a,b\",\"c\"\"d\",\"\",e\n", vec!["a,b|c\"d||e"]),
        ("FIELD_OPTIONALLY_ENCLOSED_BY = '0x27'", "'a,b','c''d'\n", vec!["a,b|c'd"]),
        ("FIELD_OPTIONALLY_ENCLOSED_BY = '\"'", "\"a\nb\",c\nd,e\n", vec!["a\nb|c", "d|e"]),
        ("FIELD_OPTIONALLY_ENCLOSED_BY = '\"' ESCAPE = '\\\\'", "\"a\\\"b\",c\\,d\n", vec!["a\"b|c,d"]),
        ("FIELD_OPTIONALLY_ENCLOSED_BY = '\"'", "\"a\"x,b\nc,d\n", vec!["!100065@3", "c|d"]),
        ("FIELD_OPTIONALLY_ENCLOSED_BY = '\"'", "a,\"open\nb,c\n", vec!["!100068@12"]),
        ("FIELD_OPTIONALLY_ENCLOSED_BY = '\"' MULTI_LINE = FALSE", "a,\"open\nb,c\n", vec!["!100068@7", "b|c"]),
        ("FIELD_DELIMITER = '|'", "a|b,c\n", vec!["a|b,c"]),
        ("FIELD_DELIMITER = '\\t'", "a\tb\n", vec!["a|b"]),
        ("FIELD_DELIMITER = '\\\\x01'", "a\u{1}b\n", vec!["a|b"]),
        ("FIELD_DELIMITER = '0x1F'", "a\u{1f}b\n", vec!["a|b"]),
        ("FIELD_DELIMITER = '¢'", "a¢b\n", vec!["a|b"]),
        ("FIELD_DELIMITER = '||' RECORD_DELIMITER = '##'", "a||b##c||d\n##", vec!["a|b", "c|d\n"]),
        ("FIELD_DELIMITER = NONE", "a,b\nc\n", vec!["a,b", "c"]),
        ("FIELD_DELIMITER = NONE RECORD_DELIMITER = NONE", "a,b\nc\n", vec!["a,b\nc\n"]),
        ("SKIP_HEADER = 2", "h\nh\na\n", vec!["a"]),
        ("SKIP_HEADER = 9", "h\nh\na\n", vec![]),
        ("TRIM_SPACE = TRUE", " a , b \n", vec!["a|b"]),
        ("TRIM_SPACE = TRUE FIELD_OPTIONALLY_ENCLOSED_BY = '\"'", " \" a \" , b \n", vec![" a |b"]),
        ("SKIP_BLANK_LINES = TRUE", "a\n\n\nb\n", vec!["a", "b"]),
        ("EMPTY_FIELD_AS_NULL = FALSE", "a,,b\n", vec!["a||b"]),
        ("NULL_IF = ('NA', '')", "NA,\"\",x\n", vec!["~|\"\"|x"]),
        ("NULL_IF = () EMPTY_FIELD_AS_NULL = FALSE", "\\N,\n", vec!["N|"]),
        ("", "\u{feff}a\n", vec!["a"]),
        ("SKIP_BYTE_ORDER_MARK = FALSE", "\u{feff}a\n", vec!["\u{feff}a"]),
    ] {
        assert_eq!(shown(&records(&format!("TYPE = CSV {options}"), bytes.as_bytes())), wanted, "{options} {bytes:?}");
    }
}

#[test]
fn bytes_that_are_no_text() {
    assert_eq!(shown(&records("", b"a,\xff\xfeb\nc,d\n")), ["!100144@2", "c|d"]);
    assert_eq!(shown(&records("REPLACE_INVALID_CHARACTERS = TRUE", b"a,\xffb\n")), ["a|\u{fffd}b"]);
    assert_eq!(shown(&records("ENCODING = 'ISO-8859-1'", b"a,\xe9\n")), ["a|é"]);
    let fault = records("", b"\xffx\n").rows.remove(0).unwrap_err();
    assert_eq!(fault.message, "Invalid UTF8 detected in string '0xFFx'");
    assert_eq!(shown(&records("TYPE = JSON", b"{\"a\":\"\xff\"}")), ["!100144@6"]);
    assert_eq!(shown(&records("TYPE = JSON IGNORE_UTF8_ERRORS = TRUE", b"\"\xff\"")), ["\"\u{fffd}\""]);
}

#[test]
fn headers_and_blank_lines_are_told() {
    let found = records("PARSE_HEADER = TRUE SKIP_BLANK_LINES = TRUE", b"Id,\"na me\"\n\n1,2\n");
    assert_eq!(found.header.as_deref(), Some(&["Id".to_owned(), "\"na me\"".to_owned()][..]));
    assert_eq!((found.blank, found.rows.len()), (1, 1));
    assert_eq!(found.rows[0].as_ref().unwrap().row, 2, "what was passed over is counted");
}

#[test]
fn what_cannot_be_honoured_is_refused_by_name() {
    for (options, named) in [
        ("TYPE = XML", "TYPE = XML"),
        ("TYPE = AVRO", "TYPE = AVRO"),
        ("TYPE = ORC", "TYPE = ORC"),
        ("COMPRESSION = BZ2", "COMPRESSION = BZ2"),
        ("COMPRESSION = ZSTD", "COMPRESSION = ZSTD"),
        ("COMPRESSION = BROTLI", "COMPRESSION = BROTLI"),
        ("ENCODING = 'SHIFTJIS'", "ENCODING = 'SHIFTJIS'"),
        ("TYPE = JSON ENABLE_OCTAL = TRUE", "ENABLE_OCTAL = TRUE"),
        ("TYPE = PARQUET USE_LOGICAL_TYPE = TRUE", "USE_LOGICAL_TYPE = TRUE"),
        ("TYPE = PARQUET COMPRESSION = LZO", "COMPRESSION = LZO"),
        ("FIELD_DELIMITER = '123456789012345678901'", "FIELD_DELIMITER"),
        ("FIELD_OPTIONALLY_ENCLOSED_BY = 'ab'", "FIELD_OPTIONALLY_ENCLOSED_BY"),
        ("FIELD_DELIMITER = 'ab' RECORD_DELIMITER = 'b'", "RECORD_DELIMITER"),
    ] {
        assert!(refused(options).contains(named), "{options}: {}", refused(options));
    }
}

#[test]
fn documents_by_their_options() {
    for (options, text, wanted) in [
        (
            "",
            "{\"b\":1,\"a\":null}\n[1, 2.50, 1e3]\n\"x\" true",
            vec!["{\"a\":null,\"b\":1}", "[1,2.50,1.000000000000000e+03]", "\"x\"", "true"],
        ),
        ("", "{\"a\":1},\n{\"a\":2}", vec!["{\"a\":1}", "{\"a\":2}"]),
        ("", "{\"a\":1,}", vec!["{\"a\":1}"]),
        ("", "  \n ", vec![]),
        ("", "{\n\"a\":\n1}", vec!["{\"a\":1}"]),
        ("MULTI_LINE = FALSE", "{\"a\":1}\n{\"a\":\n2}", vec!["{\"a\":1}", "!100069@13"]),
        ("STRIP_OUTER_ARRAY = TRUE", "[{\"a\":1},\n{\"a\":2}]", vec!["{\"a\":1}", "{\"a\":2}"]),
        ("STRIP_OUTER_ARRAY = TRUE", "[{\"a\":1}, nope]", vec!["{\"a\":1}", "!100069@14"]),
        ("STRIP_NULL_VALUES = TRUE", "{\"a\":null,\"b\":[null,{\"c\":null}]}", vec!["{\"b\":[null,{}]}"]),
        ("", "{\"a\":1,\"a\":2}", vec!["!100069@9"]),
        ("ALLOW_DUPLICATE = TRUE", "{\"a\":1,\"a\":2}", vec!["{\"a\":2}"]),
        ("", "{\"a\":1}\n{bad}\n{\"a\":3}", vec!["{\"a\":1}", "!100069@9"]),
        ("", "\"\\u00e9\\ud83d\\ude00\\n\\/\"", vec!["\"é😀\\n/\""]),
        ("", "123456789012345678901234567890.12345678", vec!["123456789012345678901234567890.12345678"]),
    ] {
        assert_eq!(shown(&records(&format!("TYPE = JSON {options}"), text.as_bytes())), wanted, "{options} {text}");
    }
}

#[test]
fn what_is_wrong_with_a_document() {
    for (text, wanted) in [
        ("cdefg", "unknown keyword \"cdefg\", pos 6"),
        ("}", "misplaced }, pos 1"),
        ("{\"a\"}", "misplaced }, pos 5"),
        ("{\"a\":}", "misplaced }, pos 6"),
        ("[1}", "misplaced }, pos 3"),
        ("{\"a\":1]", "misplaced ], pos 7"),
        ("{\"a\":1,,}", "misplaced comma, pos 8"),
        ("{", "incomplete object value, pos 2"),
        ("[", "incomplete array value, pos 2"),
        ("{\"a\":1", "incomplete object value, pos 7"),
        ("{\"a\":[1,2", "incomplete array value, pos 10"),
        ("\"abc", "unfinished string, pos 5"),
        ("[1 2]", "missing comma, pos 4"),
        ("{\"a\" 1}", "missing colon, pos 6"),
        ("{\"a\":1,\"a\":2}", "duplicate object attribute \"a\", pos 10"),
        ("#", "invalid character outside of a string: '#', pos 1"),
        ("-", "no number after a sign, pos 2"),
        ("1e", "missing decimal exponent digits: '1e', pos 3"),
        ("{} {}", "more than one document in the input"),
        ("{} 1", "garbage after valid input document"),
    ] {
        assert_eq!(json::document(text).unwrap_err(), wanted, "{text}");
    }
    assert_eq!(json::document(" ").unwrap(), None);
}

#[test]
fn hostile_files_are_bounded() {
    let deep = "[".repeat(1_000_000);
    assert_eq!(shown(&records("TYPE = JSON", deep.as_bytes())), ["!100069@257"]);
    let bomb = {
        use std::io::Write as _;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        for _ in 0..129 {
            encoder.write_all(&vec![0; 1 << 20]).unwrap();
        }
        encoder.finish().unwrap()
    };
    assert!(bomb.len() < 2 << 20);
    let error = reading("").unpack("bomb.gz", bomb).unwrap_err();
    assert!(error.message.contains("more than 128 MiB"), "{}", error.message);
    assert_eq!(reading("COMPRESSION = GZIP").unpack("f", b"plain".to_vec()).unwrap_err().code, "100076");
    assert_eq!(reading("").unpack("f", b"BZh9...".to_vec()).unwrap_err().code, "000002");
    let line = "x,".repeat(1 << 20);
    assert_eq!(records("", line.as_bytes()).rows[0].as_ref().unwrap().fields.len(), (1 << 20) + 1);
    for garbage in [&b"PAR1"[..], b"PAR1\0\0\0\0PAR1", b"", &[0xff; 64]] {
        assert_eq!(shown(&records("TYPE = PARQUET", garbage)), ["!100076@0"]);
    }
}

#[test]
fn files_may_be_compressed() {
    use std::io::Write as _;
    let packed = |kind: &str| -> Vec<u8> {
        let level = flate2::Compression::default();
        match kind {
            "GZIP" => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
                encoder.write_all(b"a,b\n").unwrap();
                encoder.finish().unwrap()
            }
            "DEFLATE" => {
                let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), level);
                encoder.write_all(b"a,b\n").unwrap();
                encoder.finish().unwrap()
            }
            _ => {
                let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), level);
                encoder.write_all(b"a,b\n").unwrap();
                encoder.finish().unwrap()
            }
        }
    };
    for kind in ["GZIP", "DEFLATE", "RAW_DEFLATE"] {
        assert_eq!(shown(&records(&format!("COMPRESSION = {kind}"), &packed(kind))), ["a|b"], "{kind}");
    }
    let twice = [packed("GZIP"), packed("GZIP")].concat();
    assert_eq!(shown(&records("", &twice)), ["a|b", "a|b"], "AUTO sees what it is, and reads all members");
}

#[test]
fn rows_of_parquet_are_objects() {
    use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int32Type, Int64Type};
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::SerializedFileWriter;
    let schema = "message row { required int64 id; optional binary name (UTF8); required double ratio; required int32 day (DATE); \
                  required int64 at (TIMESTAMP_MILLIS); required int32 price (DECIMAL(9,2)); }";
    let schema = Arc::new(parquet::schema::parser::parse_message_type(schema).unwrap());
    let mut bytes = Vec::new();
    let properties = Arc::new(WriterProperties::builder().set_compression(parquet::basic::Compression::SNAPPY).build());
    let mut writer = SerializedFileWriter::new(&mut bytes, schema, properties).unwrap();
    let mut group = writer.next_row_group().unwrap();
    macro_rules! column {
        ($kind:ty, $values:expr, $defined:expr) => {{
            let mut column = group.next_column().unwrap().unwrap();
            column.typed::<$kind>().write_batch($values, $defined, None).unwrap();
            column.close().unwrap();
        }};
    }
    column!(Int64Type, &[1, -2], None);
    column!(ByteArrayType, &[ByteArray::from("é")], Some(&[1, 0]));
    column!(DoubleType, &[0.5, 100.0], None);
    column!(Int32Type, &[0, 19_782], None);
    column!(Int64Type, &[0, 1_738_092_600_123], None);
    column!(Int32Type, &[1234, -5], None);
    group.close().unwrap();
    writer.close().unwrap();
    assert_eq!(
        shown(&records("TYPE = PARQUET", &bytes)),
        [
            "{\"at\":\"1970-01-01 00:00:00.000\",\"day\":\"1970-01-01\",\"id\":1,\"name\":\"é\",\"price\":12.34,\"ratio\":5.000000000000000e-01}",
            "{\"at\":\"2025-01-28 19:30:00.123\",\"day\":\"2024-02-29\",\"id\":-2,\"name\":null,\"price\":-0.05,\"ratio\":1.000000000000000e+02}",
        ]
    );
}

fn documents() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        ".{0,8}".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            proptest::collection::btree_map(".{0,6}", inner, 0..6)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_the_csv_crate_writes_is_read_back(rows in proptest::collection::vec(proptest::collection::vec("[^\u{0}]{0,10}", 3), 1..8)) {
        let mut writer = ::csv::WriterBuilder::new().quote_style(::csv::QuoteStyle::Always).from_writer(Vec::new());
        for row in &rows {
            writer.write_record(row).unwrap();
        }
        let bytes = writer.into_inner().unwrap();
        let found = records("TYPE = CSV FIELD_OPTIONALLY_ENCLOSED_BY = '\"' NULL_IF = () SKIP_BYTE_ORDER_MARK = FALSE COMPRESSION = NONE", &bytes);
        let read: Vec<Vec<String>> = found.rows.into_iter().map(|row| {
            row.unwrap().fields.into_iter().map(|field| match field.value {
                Cell::Text(text) => text,
                other => panic!("{other:?}"),
            }).collect()
        }).collect();
        prop_assert_eq!(read, rows);
    }

    #[test]
    fn what_serde_json_writes_is_read_back(values in proptest::collection::vec(documents(), 1..5), pretty: bool) {
        let text: Vec<String> = values.iter().map(|value| {
            if pretty { serde_json::to_string_pretty(value).unwrap() } else { value.to_string() }
        }).collect();
        let found = records("TYPE = JSON COMPRESSION = NONE", text.join("\n").as_bytes());
        let wanted: Vec<String> = values.iter().map(ToString::to_string).collect();
        // Both write sorted keys; where they differ in how they escape, what they mean must not.
        let meant = |text: &String| serde_json::from_str::<serde_json::Value>(text).unwrap();
        let read: Vec<String> = shown(&found);
        prop_assert_eq!(read.iter().map(meant).collect::<Vec<_>>(), wanted.iter().map(meant).collect::<Vec<_>>());
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), at in 0..6_usize) {
        let options = ["", "FIELD_OPTIONALLY_ENCLOSED_BY = '\"' TRIM_SPACE = TRUE", "ESCAPE = '\\\\' SKIP_BLANK_LINES = TRUE",
            "TYPE = JSON STRIP_OUTER_ARRAY = TRUE", "TYPE = JSON IGNORE_UTF8_ERRORS = TRUE MULTI_LINE = FALSE", "TYPE = PARQUET"][at];
        let reading = reading(options);
        if let Ok(bytes) = reading.unpack("f", bytes) {
            let found = reading.records(&bytes);
            let mut last = 0;
            for record in found.rows.iter().flatten() {
                prop_assert!(record.start <= record.end && record.end <= bytes.len().max(record.end));
                prop_assert!(record.start >= last || record.start == 0);
                last = record.start;
            }
        }
    }

    #[test]
    fn numbers_keep_their_digits(whole in any::<i64>(), fraction in 0..1_000_000_u32) {
        let literal = format!("{whole}.{fraction:06}");
        prop_assert_eq!(json::document(&literal).unwrap(), Some(Variant::Number(literal)));
    }
}
