//! Records as they come out of a file, with the places that errors tell.

use super::variant::Variant;

/// A value of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cell {
    Null,
    Text(String),
    Variant(Variant),
}

/// A value and the byte at which it begins in its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) value: Cell,
    pub(super) at: usize,
}

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// Its number in the file, from 1.
    pub(super) row: u64,
    /// Its first byte, and the byte after its last (without what delimits it).
    pub(super) start: usize,
    pub(super) end: usize,
    /// The first byte of the record after it: the end of the file for the last.
    pub(super) next: usize,
    pub(super) fields: Vec<Field>,
}

/// What is wrong with a record; it becomes an error of the statement, or a row of its result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) code: &'static str,
    pub(super) sql_state: &'static str,
    /// `parsing`, `conversion` or `other`.
    pub(super) category: &'static str,
    pub(super) message: String,
    /// Where it shows.
    pub(super) at: usize,
    pub(super) row: u64,
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) next: usize,
    /// Which field it is about, from 0.
    pub(super) field: usize,
}

/// A code with its SQL state.
pub(super) type Code = (&'static str, &'static str);

pub(super) const DELIMITER: Code = ("100016", "22000");
pub(super) const NOT_A_FIELD_DELIMITER: Code = ("100065", "22000");
pub(super) const NOT_A_RECORD_DELIMITER: Code = ("100066", "22000");
pub(super) const END_OF_RECORD: Code = ("100068", "22000");
pub(super) const BAD_JSON: Code = ("100069", "22P02");
pub(super) const COLUMN_COUNT: Code = ("100080", "22000");
pub(super) const BAD_UTF8: Code = ("100144", "22000");

impl Fault {
    pub(super) fn parsing(code: Code, message: impl Into<String>, at: usize, field: usize) -> Self {
        let (code, sql_state) = code;
        let message = message.into();
        Self { code, sql_state, category: "parsing", message, at, row: 0, start: at, end: at, next: at, field }
    }

    /// The same, about a record.
    pub(super) fn of(self, record: &Record) -> Self {
        Self { row: record.row, start: record.start, end: record.end, next: record.next, ..self }
    }
}

/// What a file came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Records {
    /// The names in its first record, with `PARSE_HEADER`.
    pub(super) header: Option<Vec<String>>,
    pub(super) rows: Vec<Result<Record, Fault>>,
    /// Lines that were passed over, which count as parsed.
    pub(super) blank: u64,
}

/// A place as errors print it; lines and characters count from 1, bytes from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) line: u64,
    pub(super) character: u64,
    pub(super) byte: usize,
}

/// Finds places in a file. It remembers the last one, so that ascending questions cost one pass together.
pub(super) struct Places<'a> {
    bytes: &'a [u8],
    last: Place,
}

impl<'a> Places<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, last: Place { line: 1, character: 1, byte: 0 } }
    }

    pub(super) fn of(&mut self, byte: usize) -> Place {
        if byte < self.last.byte {
            self.last = Place { line: 1, character: 1, byte: 0 };
        }
        let passed = self.bytes.get(self.last.byte..byte.min(self.bytes.len())).unwrap_or_default();
        for byte in passed {
            match byte {
                b'\n' => (self.last.line, self.last.character) = (self.last.line + 1, 1),
                // The later bytes of a character.
                0x80..0xC0 => {}
                _ => self.last.character += 1,
            }
        }
        self.last.byte = byte;
        self.last
    }
}
