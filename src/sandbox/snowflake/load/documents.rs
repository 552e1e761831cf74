//! Files of JSON: documents one after the other. The first fault ends a file, for nobody can tell where the next document begins.

use super::csv::bad_utf8;
use super::json::{self, Reader};
use super::record::{BAD_JSON, BAD_UTF8, Cell, Fault, Field, Record, Records};
use super::variant::Variant;

/// How a file of JSON is read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of the file format")]
pub(super) struct Documents {
    pub(super) strip_outer_array: bool,
    pub(super) strip_nulls: bool,
    pub(super) duplicates: bool,
    /// Documents may go over several lines.
    pub(super) multi_line: bool,
    /// `IGNORE_UTF8_ERRORS` and `REPLACE_INVALID_CHARACTERS` both put U+FFFD in the place of what is no UTF-8.
    pub(super) replace_invalid: bool,
    /// These two are for files that are loaded into separate columns.
    pub(super) null_if: Vec<String>,
    pub(super) trim_space: bool,
}

impl Documents {
    /// All documents of a file, up to the first fault.
    pub(super) fn read(&self, bytes: &[u8]) -> Records {
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text.into(),
            Err(_) if self.replace_invalid => String::from_utf8_lossy(bytes),
            Err(error) => {
                let at = error.valid_up_to();
                let fault = Fault::parsing(BAD_UTF8, bad_utf8(bytes.get(at..).unwrap_or_default()), at, 0);
                return Records {
                    rows: vec![Err(Fault { row: 1, end: bytes.len(), next: bytes.len(), ..fault })],
                    ..Records::default()
                };
            }
        };
        let mut rows = Rows { options: self, rows: Vec::new() };
        if self.multi_line {
            rows.documents(&text, 0);
        } else {
            let mut from = 0;
            for line in text.split_inclusive('\n') {
                if !rows.documents(line.trim_end_matches(['\n', '\r']), from) {
                    break;
                }
                from += line.len();
            }
        }
        Records { rows: rows.rows, ..Records::default() }
    }
}

struct Rows<'a> {
    options: &'a Documents,
    rows: Vec<Result<Record, Fault>>,
}

impl Rows<'_> {
    /// Reads documents to the end of a text that begins at a byte of the file; tells whether all were good.
    fn documents(&mut self, text: &str, from: usize) -> bool {
        let mut reader = Reader::new(text, self.options.duplicates);
        loop {
            // Documents that are parted by commas are read like those that are not.
            if !self.rows.is_empty() {
                reader.mark(',');
            }
            reader.blanks();
            let start = reader.at;
            if reader.peek().is_none() {
                return true;
            }
            let read = if self.options.strip_outer_array && reader.mark('[') {
                self.elements(&mut reader, from)
            } else {
                reader.value(0).map(|value| self.push(value, from + start, from + reader.at))
            };
            if let Err(json::Fault { message, at }) = read {
                let fault = Fault::parsing(BAD_JSON, format!("Error parsing JSON: {message}"), from + at, 0);
                let (row, end) = (self.rows.len() as u64 + 1, from + text.len());
                self.rows.push(Err(Fault { row, start: from + start, end, next: end, ..fault }));
                return false;
            }
        }
    }

    /// The elements of an outer list are records.
    fn elements(&mut self, reader: &mut Reader<'_>, from: usize) -> Result<(), json::Fault> {
        loop {
            reader.blanks();
            let start = from + reader.at;
            match reader.item(0)? {
                Some(value) => self.push(value, start, from + reader.at),
                None => return Ok(()),
            }
        }
    }

    fn push(&mut self, value: Variant, start: usize, end: usize) {
        let value = if self.options.strip_nulls { value.without_nulls() } else { value };
        let fields = vec![Field { value: Cell::Variant(value), at: start }];
        self.rows.push(Ok(Record { row: self.rows.len() as u64 + 1, start, end, next: end, fields }));
    }
}
