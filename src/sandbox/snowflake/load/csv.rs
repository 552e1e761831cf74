//! Delimited files. The splitting is the simulator's own: Snowflake's delimiters may have many characters, its two escape characters
//! work inside and outside of enclosures, and its errors tell places that no general reader keeps.

use super::record::{
    BAD_UTF8, Cell, END_OF_RECORD, Fault, Field, NOT_A_FIELD_DELIMITER, NOT_A_RECORD_DELIMITER, Record, Records,
};

/// What separates records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RecordDelimiter {
    /// `\n`, and `\r\n` as one.
    Newline,
    Bytes(Vec<u8>),
    /// The whole file is one record.
    None,
}

/// How a delimited file is read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of the file format")]
pub(super) struct Csv {
    pub(super) record_delimiter: RecordDelimiter,
    /// None: a record is one field.
    pub(super) field_delimiter: Option<Vec<u8>>,
    pub(super) enclosure: Option<u8>,
    /// Within enclosures.
    pub(super) escape: Option<u8>,
    /// Outside of enclosures.
    pub(super) escape_unenclosed: Option<u8>,
    pub(super) skip_header: u64,
    pub(super) parse_header: bool,
    pub(super) trim_space: bool,
    pub(super) skip_blank_lines: bool,
    pub(super) multi_line: bool,
    pub(super) null_if: Vec<String>,
    pub(super) empty_is_null: bool,
    pub(super) replace_invalid: bool,
    /// What the table checks: that records have as many fields as it has columns.
    pub(super) check_count: bool,
}

/// What came after a field.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    Field,
    Record,
    File,
}

/// A field before its text is made of it.
struct Raw {
    bytes: Vec<u8>,
    /// As it stands in the file, for `NULL_IF`.
    written: std::ops::Range<usize>,
    enclosed: bool,
    at: usize,
}

impl Csv {
    /// All records of a file.
    pub(super) fn read(&self, bytes: &[u8]) -> Records {
        let mut records = Records::default();
        let mut cursor = Cursor { csv: self, bytes, at: 0 };
        for _ in 0..self.skip_header {
            cursor.skip_line();
        }
        if self.parse_header && cursor.at < bytes.len() {
            let (fields, ..) = cursor.record();
            let names =
                fields.map(|fields| fields.into_iter().map(|raw| String::from_utf8_lossy(&raw.bytes).into_owned()));
            records.header = names.ok().map(Iterator::collect);
        }
        let mut row = 0;
        while cursor.at < bytes.len() {
            row += 1;
            let start = cursor.at;
            if self.skip_blank_lines && cursor.skip_blank() {
                records.blank += 1;
                continue;
            }
            let (fields, end) = cursor.record();
            let record = Record { row, start, end, next: cursor.at, fields: Vec::new() };
            let fields = fields.and_then(|raw| {
                raw.into_iter().enumerate().map(|(field, raw)| self.field(raw, field, bytes)).collect::<Result<_, _>>()
            });
            records.rows.push(match fields {
                Ok(fields) => Ok(Record { fields, ..record }),
                Err(fault) => Err(fault.of(&record)),
            });
        }
        records
    }

    fn field(&self, raw: Raw, number: usize, file: &[u8]) -> Result<Field, Fault> {
        let at = raw.at;
        let text = match String::from_utf8(raw.bytes) {
            Ok(text) => text,
            Err(error) if self.replace_invalid => String::from_utf8_lossy(error.as_bytes()).into_owned(),
            Err(error) => return Err(Fault::parsing(BAD_UTF8, bad_utf8(error.as_bytes()), at, number)),
        };
        let written = file.get(raw.written).unwrap_or_default();
        let is_null = |null: &String| *null == text || (!raw.enclosed && null.as_bytes() == written);
        let empty = text.is_empty() && !raw.enclosed && self.empty_is_null;
        let value = if empty || self.null_if.iter().any(is_null) { Cell::Null } else { Cell::Text(text) };
        Ok(Field { value, at })
    }
}

/// `Invalid UTF8 detected in string '0xFFabc'`.
pub(super) fn bad_utf8(bytes: &[u8]) -> String {
    let mut shown = String::new();
    for chunk in bytes.get(..200).unwrap_or(bytes).utf8_chunks() {
        shown.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|byte| shown.push_str(&format!("0x{byte:02X}")));
    }
    format!("Invalid UTF8 detected in string '{shown}'")
}

struct Cursor<'a> {
    csv: &'a Csv,
    bytes: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn rest(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// The header is made of lines, whatever separates records.
    fn skip_line(&mut self) {
        let rest = self.rest();
        self.at += rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |end| end + 1);
    }

    /// How long the record delimiter under the cursor is.
    fn record_ends(&self) -> Option<usize> {
        let rest = self.rest();
        match &self.csv.record_delimiter {
            RecordDelimiter::Newline if rest.starts_with(b"\n") => Some(1),
            RecordDelimiter::Newline if rest.starts_with(b"\r\n") => Some(2),
            RecordDelimiter::Bytes(bytes) if rest.starts_with(bytes) => Some(bytes.len()),
            _ => None,
        }
    }

    fn field_ends(&self) -> Option<usize> {
        self.csv.field_delimiter.as_ref().filter(|bytes| self.rest().starts_with(bytes)).map(Vec::len)
    }

    /// Passes a record that has nothing in it.
    fn skip_blank(&mut self) -> bool {
        match self.record_ends() {
            Some(length) => {
                self.at += length;
                true
            }
            None => false,
        }
    }

    /// The fields of the record under the cursor and where it ends; the cursor then stands at the next one.
    fn record(&mut self) -> (Result<Vec<Raw>, Fault>, usize) {
        let mut fields = Vec::new();
        loop {
            let field = self.one(fields.len());
            match field {
                Ok((raw, ended, end)) => {
                    fields.push(raw);
                    if ended != Ended::Field {
                        return (Ok(fields), end);
                    }
                }
                Err(fault) => {
                    let end = self.resume();
                    return (Err(fault), end);
                }
            }
        }
    }

    /// Goes to the next record delimiter, after a record that could not be read.
    fn resume(&mut self) -> usize {
        while self.at < self.bytes.len() {
            if let Some(length) = self.record_ends() {
                let end = self.at;
                self.at += length;
                return end;
            }
            self.at += 1;
        }
        self.at
    }

    /// Passes the delimiter under the cursor, or the end of the file.
    fn delimiter(&mut self) -> Option<(Ended, usize)> {
        let end = self.at;
        if self.at >= self.bytes.len() {
            return Some((Ended::File, end));
        }
        if let Some(length) = self.field_ends() {
            self.at += length;
            return Some((Ended::Field, end));
        }
        let length = self.record_ends()?;
        self.at += length;
        Some((Ended::Record, end))
    }

    fn one(&mut self, number: usize) -> Result<(Raw, Ended, usize), Fault> {
        let at = self.at;
        if self.csv.trim_space {
            self.skip_spaces();
        }
        if let Some(mark) = self.csv.enclosure
            && self.rest().first() == Some(&mark)
        {
            return self.enclosed(mark, at, number);
        }
        if self.csv.trim_space {
            self.at = at;
        }
        let mut bytes = Vec::new();
        loop {
            if let Some((ended, end)) = self.delimiter() {
                if self.csv.trim_space {
                    let space = |byte: &u8| byte.is_ascii_whitespace();
                    let kept = bytes.iter().rposition(|byte| !space(byte)).map_or(0, |last| last + 1);
                    bytes.truncate(kept);
                    let from = bytes.iter().position(|byte| !space(byte)).unwrap_or(0);
                    bytes.drain(..from);
                }
                return Ok((Raw { bytes, written: at..end, enclosed: false, at }, ended, end));
            }
            let escape = self.csv.escape_unenclosed;
            self.take(escape, &mut bytes);
        }
    }

    fn skip_spaces(&mut self) {
        while self.record_ends().is_none()
            && self.field_ends().is_none()
            && self.rest().first().is_some_and(u8::is_ascii_whitespace)
        {
            self.at += 1;
        }
    }

    /// One byte, or what an escape character and the bytes after it stand for.
    fn take(&mut self, escape: Option<u8>, into: &mut Vec<u8>) {
        let Some(byte) = self.rest().first().copied() else { return };
        self.at += 1;
        if Some(byte) != escape {
            into.push(byte);
            return;
        }
        // Before the delimiter of a record the escape character makes it a part of the field.
        if let Some(length) = self.record_ends() {
            into.extend_from_slice(self.rest().get(..length).unwrap_or_default());
            self.at += length;
            return;
        }
        let Some(escaped) = self.rest().first().copied() else {
            into.push(byte);
            return;
        };
        self.at += 1;
        into.push(match (byte, escaped) {
            (b'\\', b'n') => b'\n',
            (b'\\', b't') => b'\t',
            (b'\\', b'r') => b'\r',
            (b'\\', b'b') => 8,
            (b'\\', b'f') => 12,
            (b'\\', b'0') => 0,
            (_, other) => other,
        });
    }

    fn enclosed(&mut self, mark: u8, at: usize, number: usize) -> Result<(Raw, Ended, usize), Fault> {
        self.at += 1;
        let mut bytes = Vec::new();
        let from = self.at;
        loop {
            let rest = self.rest();
            let escapes = rest.first().is_some_and(|byte| Some(*byte) == self.csv.escape);
            match rest {
                [] => {
                    let text = "End of record reached while looking for the end of an enclosed field";
                    return Err(Fault::parsing(END_OF_RECORD, text, self.at, number));
                }
                [first, second, ..] if *first == mark && *second == mark && !escapes => {
                    bytes.push(mark);
                    self.at += 2;
                }
                [first, ..] if *first == mark && !escapes => break,
                _ if !self.csv.multi_line && self.record_ends().is_some() => {
                    let text = "End of record reached while looking for the end of an enclosed field";
                    return Err(Fault::parsing(END_OF_RECORD, text, self.at, number));
                }
                _ => {
                    let escape = self.csv.escape;
                    self.take(escape, &mut bytes);
                }
            }
        }
        let written = from..self.at;
        self.at += 1;
        if self.csv.trim_space {
            self.skip_spaces();
        }
        let place = self.at;
        match self.delimiter() {
            Some((ended, end)) => Ok((Raw { bytes, written, enclosed: true, at }, ended, end)),
            None => Err(self.stray(place, number)),
        }
    }

    /// Something stands between the end of an enclosure and the delimiter.
    fn stray(&self, at: usize, number: usize) -> Fault {
        let found: String =
            String::from_utf8_lossy(self.rest().get(..4).unwrap_or(self.rest())).chars().take(1).collect();
        if let Some(delimiter) = &self.csv.field_delimiter {
            let delimiter = String::from_utf8_lossy(delimiter);
            let text = format!("Found character '{found}' instead of field delimiter '{delimiter}'");
            Fault::parsing(NOT_A_FIELD_DELIMITER, text, at, number)
        } else {
            let text = format!("Found character '{found}' instead of record delimiter '\\n'");
            Fault::parsing(NOT_A_RECORD_DELIMITER, text, at, number)
        }
    }
}
