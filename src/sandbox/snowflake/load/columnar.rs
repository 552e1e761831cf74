//! Parquet files: each row is one object.

use std::collections::BTreeMap;

use base64::Engine as _;
use bytes::Bytes;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field as Value, Row};

use super::compression::LARGEST;
use super::record::{Cell, Fault, Field, Record, Records};
use super::variant::Variant;

/// How a Parquet file is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Columnar {
    /// Binary without a logical type is text.
    pub(super) binary_as_text: bool,
    pub(super) null_if: Vec<String>,
    pub(super) trim_space: bool,
}

/// The code of a file that is not what its format says.
const CORRUPT: super::record::Code = ("100076", "22000");

impl Columnar {
    /// All rows of a file.
    pub(super) fn read(&self, bytes: &[u8]) -> Records {
        let mut rows = Vec::new();
        if let Err(message) = self.rows(bytes, &mut rows) {
            let row = rows.len() as u64 + 1;
            rows.push(Err(Fault { row, ..Fault::parsing(CORRUPT, message, 0, 0) }));
        }
        Records { rows, ..Records::default() }
    }

    fn rows(&self, bytes: &[u8], rows: &mut Vec<Result<Record, Fault>>) -> Result<(), String> {
        let told = |error: parquet::errors::ParquetError| format!("Error reading Parquet file: {error}");
        let reader = SerializedFileReader::new(Bytes::copy_from_slice(bytes)).map_err(told)?;
        // What a file says of its own size is checked before its pages are unpacked.
        let sizes =
            reader.metadata().row_groups().iter().map(parquet::file::metadata::RowGroupMetaData::total_byte_size);
        if sizes.map(|size| usize::try_from(size).unwrap_or(usize::MAX)).fold(0, usize::saturating_add) > LARGEST {
            return Err(format!("Parquet files of more than {} MiB are not loaded in the sandbox", LARGEST >> 20));
        }
        for row in reader.get_row_iter(None).map_err(told)? {
            let value = self.object(&row.map_err(told)?);
            let fields = vec![Field { value: Cell::Variant(value), at: 0 }];
            rows.push(Ok(Record { row: rows.len() as u64 + 1, start: 0, end: 0, next: 0, fields }));
        }
        Ok(())
    }

    fn object(&self, row: &Row) -> Variant {
        Variant::Object(row.get_column_iter().map(|(name, value)| (name.clone(), self.value(value))).collect())
    }

    fn value(&self, value: &Value) -> Variant {
        let number = |digits: String| Variant::Number(digits);
        match value {
            Value::Null => Variant::Null,
            Value::Bool(value) => Variant::Bool(*value),
            Value::Byte(n) => number(n.to_string()),
            Value::Short(n) => number(n.to_string()),
            Value::Int(n) | Value::TimeMillis(n) => number(n.to_string()),
            Value::Long(n) | Value::TimeMicros(n) => number(n.to_string()),
            Value::UByte(n) => number(n.to_string()),
            Value::UShort(n) => number(n.to_string()),
            Value::UInt(n) => number(n.to_string()),
            Value::ULong(n) => number(n.to_string()),
            Value::Float16(n) => Variant::double(f64::from(f32::from(*n))).unwrap_or(Variant::Null),
            Value::Float(n) => Variant::double(f64::from(*n)).unwrap_or(Variant::Null),
            Value::Double(n) => Variant::double(*n).unwrap_or(Variant::Null),
            Value::Decimal(decimal) => decimal_text(decimal.data(), decimal.scale()).map_or(Variant::Null, number),
            Value::Str(text) => Variant::Text(text.clone()),
            Value::Bytes(bytes) => self.binary(bytes.data()),
            Value::Date(days) => Variant::Text(date(*days)),
            Value::TimestampMillis(ms) => Variant::Text(timestamp(ms.checked_mul(1000))),
            Value::TimestampMicros(us) => Variant::Text(timestamp(Some(*us))),
            Value::Group(row) => self.object(row),
            Value::ListInternal(list) => Variant::List(list.elements().iter().map(|item| self.value(item)).collect()),
            Value::MapInternal(map) => {
                let entries = map.entries().iter().map(|(key, value)| (self.value(key).text(), self.value(value)));
                Variant::Object(entries.collect::<BTreeMap<_, _>>())
            }
        }
    }

    fn binary(&self, bytes: &[u8]) -> Variant {
        match std::str::from_utf8(bytes) {
            Ok(text) if self.binary_as_text => Variant::Text(text.to_owned()),
            _ => Variant::Text(base64::engine::general_purpose::STANDARD.encode(bytes)),
        }
    }
}

/// The digits of a big-endian number in two's complement, with a point before the last so many.
fn decimal_text(bytes: &[u8], scale: i32) -> Option<String> {
    let negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
    let mut wide = [if negative { 0xff } else { 0 }; 16];
    let from = wide.len().checked_sub(bytes.len())?;
    wide.get_mut(from..)?.copy_from_slice(bytes);
    let number = i128::from_be_bytes(wide);
    let scale = usize::try_from(scale).ok()?;
    let digits = format!("{:0>width$}", number.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at_checked(digits.len() - scale)?;
    let sign = if negative { "-" } else { "" };
    Some(if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") })
}

fn date(days: i32) -> String {
    let at = jiff::Timestamp::from_second(i64::from(days) * 86_400);
    at.map(|at| at.strftime("%Y-%m-%d").to_string()).unwrap_or_default()
}

fn timestamp(micros: Option<i64>) -> String {
    let at = micros.and_then(|micros| jiff::Timestamp::from_microsecond(micros).ok());
    let digits =
        if micros.is_some_and(|micros| micros % 1000 == 0) { "%Y-%m-%d %H:%M:%S%.3f" } else { "%Y-%m-%d %H:%M:%S%.6f" };
    at.map(|at| at.strftime(digits).to_string()).unwrap_or_default()
}
