//! What the options of a file format mean for reading. An option that the sandbox cannot honour is refused by name.

use serde_json::Value as Json;

use super::super::fail::{self, Fallible};
use super::super::file_format::FileFormat;
use super::columnar::Columnar;
use super::compression::Compression;
use super::csv::{Csv, RecordDelimiter};
use super::documents::Documents;
use super::record::Records;

/// A file format, ready to read files with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::sandbox::snowflake) struct Reading {
    pub(super) kind: Kind,
    compression: Compression,
    skip_byte_order_mark: bool,
    encoding: Encoding,
}

/// How the bytes of a format become records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Csv(Csv),
    Json(Documents),
    Parquet(Columnar),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Utf8,
    Latin1,
}

/// The options of a format, asked for one by one.
pub(super) struct Options<'a>(pub(super) &'a FileFormat);

impl Options<'_> {
    pub(super) fn on(&self, key: &str) -> bool {
        self.0.option(key) == Json::Bool(true)
    }

    pub(super) fn text(&self, key: &str) -> String {
        self.0.option(key).as_str().unwrap_or_default().to_owned()
    }

    pub(super) fn texts(&self, key: &str) -> Vec<String> {
        let list = self.0.option(key);
        list.as_array().into_iter().flatten().filter_map(Json::as_str).map(str::to_owned).collect()
    }

    /// The bytes of a delimiter; none for NONE.
    pub(super) fn delimiter(&self, key: &str) -> Fallible<Option<Vec<u8>>> {
        let written = self.text(key);
        if written == "NONE" || written.is_empty() {
            return Ok(None);
        }
        let bytes = meant(&written);
        if bytes.is_empty() || bytes.len() > 20 {
            return Err(fail::bad_property(&written, key));
        }
        Ok(Some(bytes))
    }

    /// The one byte of an escape or enclosing character; none for NONE.
    pub(super) fn character(&self, key: &str) -> Fallible<Option<u8>> {
        match self.delimiter(key)?.as_deref() {
            None => Ok(None),
            Some([byte]) if byte.is_ascii() => Ok(Some(*byte)),
            Some(_) => Err(fail::bad_property(&self.text(key), key)),
        }
    }

    /// Refuses options that are set to something the sandbox cannot do.
    pub(super) fn refuse(&self, keys: &[(&str, Json)]) -> Fallible<()> {
        for (key, honoured) in keys {
            let value = self.0.option(key);
            if value != *honoured {
                let shown = value.as_str().map_or_else(|| value.to_string().to_uppercase(), |text| format!("'{text}'"));
                return Err(fail::unsupported(&format!("{key} = {shown}")));
            }
        }
        Ok(())
    }
}

/// A delimiter as it is meant: `0x1F`, and escape sequences that are still escaped once the string has been read.
fn meant(written: &str) -> Vec<u8> {
    if let Some(digits) = written.strip_prefix("0x").or_else(|| written.strip_prefix("0X"))
        && !digits.is_empty()
        && digits.len().is_multiple_of(2)
        && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    {
        let pairs = digits.as_bytes().chunks(2).filter_map(|pair| std::str::from_utf8(pair).ok());
        return pairs.filter_map(|pair| u8::from_str_radix(pair, 16).ok()).collect();
    }
    let mut bytes = Vec::new();
    let mut rest = written;
    while let Some(c) = rest.chars().next() {
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
        let escaped = if c == '\\' { rest.chars().next() } else { None };
        let meant = match escaped {
            Some('n') => '\n',
            Some('t') => '\t',
            Some('r') => '\r',
            Some('\\') => '\\',
            Some('x') => {
                let digits = rest.get(1..3).and_then(|digits| u8::from_str_radix(digits, 16).ok());
                if let Some(byte) = digits {
                    bytes.push(byte);
                    rest = rest.get(3..).unwrap_or_default();
                    continue;
                }
                c
            }
            _ => c,
        };
        if escaped.is_some() && (meant != '\\' || escaped == Some('\\')) {
            rest = rest.get(1..).unwrap_or_default();
        }
        bytes.extend_from_slice(meant.encode_utf8(&mut [0; 4]).as_bytes());
    }
    bytes
}

impl Reading {
    /// The meaning of a format. `check_count`: whether records must have as many fields as there are columns, if the format says so.
    pub(in crate::sandbox::snowflake) fn of(format: &FileFormat) -> Fallible<Self> {
        let options = Options(format);
        let kind = match format.kind.as_str() {
            "CSV" => Kind::Csv(csv(&options)?),
            "JSON" => Kind::Json(documents(&options)?),
            "PARQUET" => Kind::Parquet(columnar(&options)?),
            other => return Err(fail::unsupported(&format!("loading files of TYPE = {other}"))),
        };
        let encoding = match options.text("ENCODING").to_uppercase().replace(['-', '_'], "").as_str() {
            "" | "UTF8" => Encoding::Utf8,
            "ISO88591" => Encoding::Latin1,
            other => return Err(fail::unsupported(&format!("ENCODING = '{other}'"))),
        };
        let compression = if matches!(kind, Kind::Parquet(_)) {
            // Its pages are compressed, not the file.
            if options.text("COMPRESSION") == "LZO" {
                return Err(fail::unsupported("COMPRESSION = LZO"));
            }
            Compression::None
        } else {
            Compression::of(&options.text("COMPRESSION"))?
        };
        Ok(Self { kind, compression, skip_byte_order_mark: options.on("SKIP_BYTE_ORDER_MARK"), encoding })
    }

    /// `CSV`, `JSON` or `PARQUET`.
    pub(super) fn name(&self) -> &'static str {
        match &self.kind {
            Kind::Csv(_) => "CSV",
            Kind::Json(_) => "JSON",
            Kind::Parquet(_) => "PARQUET",
        }
    }

    /// How many fields of a record a query can name, if it names so many.
    pub(super) fn width(&self, named: usize) -> usize {
        if matches!(self.kind, Kind::Csv(_)) { named.max(1) } else { 1 }
    }

    /// The bytes of a file as its records are read from them.
    pub(super) fn unpack(&self, name: &str, bytes: Vec<u8>) -> Fallible<Vec<u8>> {
        let mut bytes = self.compression.unpack(name, bytes)?;
        if self.encoding == Encoding::Latin1 {
            bytes = bytes.into_iter().map(char::from).collect::<String>().into_bytes();
        }
        if self.skip_byte_order_mark && bytes.starts_with("\u{feff}".as_bytes()) {
            bytes.drain(..3);
        }
        Ok(bytes)
    }

    /// The records of unpacked bytes.
    pub(super) fn records(&self, bytes: &[u8]) -> Records {
        match &self.kind {
            Kind::Csv(csv) => csv.read(bytes),
            Kind::Json(documents) => documents.read(bytes),
            Kind::Parquet(columnar) => columnar.read(bytes),
        }
    }
}

fn csv(options: &Options<'_>) -> Fallible<Csv> {
    let record_delimiter = match options.delimiter("RECORD_DELIMITER")? {
        None => RecordDelimiter::None,
        Some(bytes) if matches!(bytes.as_slice(), b"\n" | b"\r\n") => RecordDelimiter::Newline,
        Some(bytes) => RecordDelimiter::Bytes(bytes),
    };
    let field_delimiter = options.delimiter("FIELD_DELIMITER")?;
    if let (RecordDelimiter::Bytes(record), Some(field)) = (&record_delimiter, &field_delimiter) {
        let within = |one: &[u8], other: &[u8]| other.windows(one.len()).any(|part| part == one);
        if within(record, field) || within(field, record) {
            let shown = |key: &str| options.text(key);
            return Err(fail::bad_combination(
                ("FIELD_DELIMITER", &shown("FIELD_DELIMITER")),
                ("RECORD_DELIMITER", &shown("RECORD_DELIMITER")),
            ));
        }
    }
    let escape = options.character("ESCAPE")?;
    Ok(Csv {
        record_delimiter,
        field_delimiter,
        enclosure: options.character("FIELD_OPTIONALLY_ENCLOSED_BY")?,
        escape,
        // One that is good for both kinds of fields overrides the one for unenclosed fields.
        escape_unenclosed: match escape {
            Some(escape) => Some(escape),
            None => options.character("ESCAPE_UNENCLOSED_FIELD")?,
        },
        skip_header: options.0.option("SKIP_HEADER").as_u64().unwrap_or(0),
        parse_header: options.on("PARSE_HEADER"),
        trim_space: options.on("TRIM_SPACE"),
        skip_blank_lines: options.on("SKIP_BLANK_LINES"),
        multi_line: options.on("MULTI_LINE"),
        null_if: options.texts("NULL_IF"),
        empty_is_null: options.on("EMPTY_FIELD_AS_NULL"),
        replace_invalid: options.on("REPLACE_INVALID_CHARACTERS"),
        check_count: options.on("ERROR_ON_COLUMN_COUNT_MISMATCH"),
    })
}

fn documents(options: &Options<'_>) -> Fallible<Documents> {
    options.refuse(&[("ENABLE_OCTAL", false.into())])?;
    Ok(Documents {
        strip_outer_array: options.on("STRIP_OUTER_ARRAY"),
        strip_nulls: options.on("STRIP_NULL_VALUES"),
        duplicates: options.on("ALLOW_DUPLICATE"),
        multi_line: options.on("MULTI_LINE"),
        replace_invalid: options.on("IGNORE_UTF8_ERRORS") || options.on("REPLACE_INVALID_CHARACTERS"),
        null_if: options.texts("NULL_IF"),
        trim_space: options.on("TRIM_SPACE"),
    })
}

fn columnar(options: &Options<'_>) -> Fallible<Columnar> {
    options.refuse(&[("USE_LOGICAL_TYPE", false.into())])?;
    Ok(Columnar {
        binary_as_text: options.on("BINARY_AS_TEXT"),
        null_if: options.texts("NULL_IF"),
        trim_space: options.on("TRIM_SPACE"),
    })
}
