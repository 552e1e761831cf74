//! Types of columns and expressions, and the two forms of a value: the cell on the wire, and what the engine computes with.
//!
//! | type | in the engine | on the wire |
//! |---|---|---|
//! | NUMBER without fraction | integer | digits |
//! | NUMBER with fraction | the nearest floating point number, rounded after every step | digits, with as many after the point |
//! | FLOAT | floating point | digits |
//! | VARCHAR | text | itself |
//! | BOOLEAN | 0, 1 | `0`, `1` |
//! | DATE | days since 1970 | the same |
//! | TIME | microseconds since midnight | seconds, with a fraction |
//! | `TIMESTAMP_NTZ`, `TIMESTAMP_LTZ` | microseconds since 1970 | seconds, with a fraction |
//! | `TIMESTAMP_TZ` | text: microseconds, blank, offset in minutes + 1440 | seconds, blank, the same |
//! | VARIANT, OBJECT, ARRAY | JSON text | the same |
//! | BINARY | bytes | hexadecimal digits |

use rusqlite::types::Value;
use sqlparser::ast::DataType;

use crate::sandbox::snowflake::answer::Column;
use crate::sandbox::snowflake::fail::{self, Fallible};
use crate::sandbox::snowflake::table;

/// The length of a VARCHAR that is given none.
pub(super) const LONGEST: u32 = 134_217_728;

/// A type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    /// Of a bare NULL: fits everything.
    Null,
    Fixed {
        precision: u8,
        scale: u8,
    },
    Real,
    /// With its greatest length in characters.
    Text(u32),
    Boolean,
    Date,
    /// These four with the digits of their fraction of a second.
    Time(u8),
    Ntz(u8),
    Ltz(u8),
    Tz(u8),
    Variant,
    Object,
    Array,
    Binary,
}

/// A whole number.
pub(super) const INTEGER: Type = Type::Fixed { precision: 38, scale: 0 };
/// A text of any length.
pub(super) const TEXT: Type = Type::Text(LONGEST);

impl Type {
    /// The type of a column of a table, from its text: `NUMBER(38,0)`.
    pub(super) fn of_kind(kind: &str) -> Fallible<Self> {
        let (name, args) = kind.split_once('(').map_or((kind, ""), |(name, args)| (name, args.trim_end_matches(')')));
        let mut args = args.split(',').map(|arg| arg.trim().parse::<u32>());
        let mut arg = |default: u32| args.next().and_then(Result::ok).unwrap_or(default);
        let digits = |value: u32| u8::try_from(value.min(38)).unwrap_or(38);
        Ok(match name.trim() {
            "NUMBER" => Self::Fixed { precision: digits(arg(38)), scale: digits(arg(0)) },
            "FLOAT" => Self::Real,
            "VARCHAR" => Self::Text(arg(LONGEST)),
            "BOOLEAN" => Self::Boolean,
            "DATE" => Self::Date,
            "TIME" => Self::Time(digits(arg(9)).min(9)),
            "TIMESTAMP_NTZ" => Self::Ntz(digits(arg(9)).min(9)),
            "TIMESTAMP_LTZ" => Self::Ltz(digits(arg(9)).min(9)),
            "TIMESTAMP_TZ" => Self::Tz(digits(arg(9)).min(9)),
            "VARIANT" => Self::Variant,
            "OBJECT" => Self::Object,
            "ARRAY" => Self::Array,
            "BINARY" => Self::Binary,
            other => return Err(fail::beyond(&format!("values of type {other}"))),
        })
    }

    /// The type that a CAST names.
    pub(super) fn of_ast(data_type: &DataType) -> Fallible<Self> {
        let text = data_type.to_string().to_uppercase();
        let (name, args) = text.split_once('(').map_or((text.as_str(), ""), |(name, args)| (name, args));
        let args: Vec<String> =
            args.trim_end_matches(')').split(',').map(|a| a.trim().to_owned()).filter(|a| !a.is_empty()).collect();
        let name = match name.trim() {
            "DOUBLE PRECISION" => "DOUBLE",
            "CHARACTER VARYING" | "CHAR VARYING" => "VARCHAR",
            "BOOL" => "BOOLEAN",
            "TIMESTAMP WITHOUT TIME ZONE" => "TIMESTAMP_NTZ",
            "TIMESTAMP WITH TIME ZONE" => "TIMESTAMP_TZ",
            other => other,
        };
        let kind = table::normal_type(name, &args);
        let kind = kind.ok_or_else(|| {
            let text = format!("SQL compilation error:\nUnsupported data type '{text}'.");
            fail::error("002040", "42601", text)
        })?;
        Self::of_kind(&kind)
    }

    /// The type of a column of a result.
    pub(super) fn of_column(column: &Column) -> Self {
        let scale = column.scale.and_then(|scale| u8::try_from(scale).ok()).unwrap_or(0);
        match column.kind {
            "fixed" => {
                let precision = column.precision.and_then(|precision| u8::try_from(precision).ok()).unwrap_or(38);
                Self::Fixed { precision, scale }
            }
            "real" => Self::Real,
            "boolean" => Self::Boolean,
            "date" => Self::Date,
            "time" => Self::Time(scale),
            "timestamp_ntz" => Self::Ntz(scale),
            "timestamp_ltz" => Self::Ltz(scale),
            "timestamp_tz" => Self::Tz(scale),
            "variant" => Self::Variant,
            "object" => Self::Object,
            "array" => Self::Array,
            "binary" => Self::Binary,
            _ => Self::Text(column.length.and_then(|length| u32::try_from(length).ok()).unwrap_or(LONGEST)),
        }
    }

    /// A column of a result.
    pub(super) fn column(self, name: &str) -> Column {
        let mut column = Column::new(name, self.wire_name());
        match self {
            Self::Fixed { precision, scale } => {
                (column.precision, column.scale) = (Some(u32::from(precision)), Some(u32::from(scale)));
            }
            Self::Text(length) => column.length = Some(u64::from(length)),
            Self::Time(scale) | Self::Ntz(scale) | Self::Ltz(scale) | Self::Tz(scale) => {
                column.scale = Some(u32::from(scale));
            }
            _ => {}
        }
        column
    }

    fn wire_name(self) -> &'static str {
        match self {
            Self::Fixed { .. } => "fixed",
            Self::Real => "real",
            Self::Null | Self::Text(_) => "text",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::Time(_) => "time",
            Self::Ntz(_) => "timestamp_ntz",
            Self::Ltz(_) => "timestamp_ltz",
            Self::Tz(_) => "timestamp_tz",
            Self::Variant => "variant",
            Self::Object => "object",
            Self::Array => "array",
            Self::Binary => "binary",
        }
    }

    /// As a table has it: `NUMBER(38,0)`.
    pub(super) fn kind(self) -> String {
        match self {
            Self::Fixed { precision, scale } => format!("NUMBER({precision},{scale})"),
            Self::Real => "FLOAT".to_owned(),
            Self::Null => format!("VARCHAR({LONGEST})"),
            Self::Text(length) => format!("VARCHAR({length})"),
            Self::Boolean => "BOOLEAN".to_owned(),
            Self::Date => "DATE".to_owned(),
            Self::Time(scale) => format!("TIME({scale})"),
            Self::Ntz(scale) => format!("TIMESTAMP_NTZ({scale})"),
            Self::Ltz(scale) => format!("TIMESTAMP_LTZ({scale})"),
            Self::Tz(scale) => format!("TIMESTAMP_TZ({scale})"),
            Self::Variant => "VARIANT".to_owned(),
            Self::Object => "OBJECT".to_owned(),
            Self::Array => "ARRAY".to_owned(),
            Self::Binary => "BINARY(67108864)".to_owned(),
        }
    }

    /// Whether values of this type are JSON texts.
    pub(super) fn is_json(self) -> bool {
        matches!(self, Self::Variant | Self::Object | Self::Array)
    }

    /// Whether values of this type are numbers.
    pub(super) fn is_number(self) -> bool {
        matches!(self, Self::Fixed { .. } | Self::Real)
    }

    /// The type that values of both types become when they meet in a CASE, a UNION or a list.
    #[expect(clippy::match_same_arms, reason = "one line for each group of types")]
    pub(super) fn meet(self, other: Self) -> Option<Self> {
        use Type::{Array, Boolean, Date, Fixed, Ltz, Ntz, Null, Object, Real, Text, Tz, Variant};
        Some(match (self, other) {
            (Null, any) | (any, Null) => any,
            (Fixed { precision: p, scale: s }, Fixed { precision: q, scale: t }) => {
                let scale = s.max(t);
                let whole = p.saturating_sub(s).max(q.saturating_sub(t));
                Fixed { precision: (whole + scale).min(38), scale }
            }
            (Fixed { .. } | Real, Fixed { .. } | Real) => Real,
            (Text(one), Text(two)) => Text(one.max(two)),
            (Variant, _) | (_, Variant) | (Object, Array) | (Array, Object) => Variant,
            // A text becomes what it meets.
            (Text(_), any) | (any, Text(_)) => any,
            (Boolean, Fixed { .. } | Real) | (Fixed { .. } | Real, Boolean) => Boolean,
            (Date, Date) => Date,
            (Date, any @ (Ntz(_) | Ltz(_) | Tz(_))) | (any @ (Ntz(_) | Ltz(_) | Tz(_)), Date) => any,
            (Tz(s), Ntz(t) | Ltz(t) | Tz(t)) | (Ntz(t) | Ltz(t), Tz(s)) => Tz(s.max(t)),
            (Ltz(s), Ntz(t) | Ltz(t)) | (Ntz(t), Ltz(s)) => Ltz(s.max(t)),
            (Ntz(s), Ntz(t)) => Ntz(s.max(t)),
            (Type::Time(s), Type::Time(t)) => Type::Time(s.max(t)),
            (one, two) if one == two => one,
            _ => return None,
        })
    }

    /// What the engine computes with, from a cell.
    pub(super) fn load(self, cell: &str) -> Fallible<Value> {
        let broken = || fail::error("000603", "XX000", format!("A cell of type {} holds '{cell}'.", self.kind()));
        Ok(match self {
            Self::Fixed { scale, .. } => match (cell.parse::<i64>(), cell.parse::<f64>()) {
                (Ok(whole), _) if scale == 0 => Value::Integer(whole),
                (_, Ok(number)) if scale > 0 && cell.bytes().filter(u8::is_ascii_digit).count() <= 17 => {
                    Value::Real(number)
                }
                (_, Ok(_)) => return Err(too_many_digits()),
                _ => return Err(broken()),
            },
            Self::Real => Value::Real(cell.parse().map_err(|_| broken())?),
            Self::Boolean => match cell {
                "1" | "true" | "TRUE" => Value::Integer(1),
                "0" | "false" | "FALSE" => Value::Integer(0),
                _ => return Err(broken()),
            },
            Self::Date => Value::Integer(cell.parse().map_err(|_| broken())?),
            Self::Time(_) | Self::Ntz(_) | Self::Ltz(_) | Self::Tz(_) if super::convert::is_finer(cell) => {
                return Err(fail::beyond("times finer than a microsecond"));
            }
            Self::Time(_) | Self::Ntz(_) | Self::Ltz(_) => Value::Integer(micros(cell).ok_or_else(broken)?),
            Self::Tz(_) => {
                let (seconds, offset) = cell.split_once(' ').unwrap_or((cell, "1440"));
                let offset: i64 = offset.parse().map_err(|_| broken())?;
                Value::Text(format!("{} {offset}", micros(seconds).ok_or_else(broken)?))
            }
            Self::Binary => Value::Blob(unhex(cell).ok_or_else(broken)?),
            Self::Null | Self::Text(_) | Self::Variant | Self::Object | Self::Array => Value::Text(cell.to_owned()),
        })
    }

    /// The cell of what the engine computed.
    #[expect(clippy::match_same_arms, reason = "types first, then what is left")]
    pub(super) fn cell(self, value: Value) -> Fallible<Option<String>> {
        Ok(Some(match (self, value) {
            (_, Value::Null) => return Ok(None),
            (Self::Fixed { scale: 0, .. }, Value::Integer(whole)) => whole.to_string(),
            (Self::Fixed { scale, .. }, Value::Integer(whole)) => {
                format!("{whole}.{:0width$}", 0, width = usize::from(scale))
            }
            (Self::Fixed { scale, .. }, Value::Real(number)) => {
                if number.abs() >= 10_f64.powi(16 - i32::from(scale)) {
                    return Err(too_many_digits());
                }
                format!("{number:.*}", usize::from(scale))
            }
            (Self::Real, Value::Real(number)) => real_text(number),
            (Self::Boolean, Value::Integer(value)) => i64::from(value != 0).to_string(),
            (Self::Time(scale) | Self::Ntz(scale) | Self::Ltz(scale), Value::Integer(at)) => seconds(at, scale),
            (Self::Tz(scale), Value::Text(text)) => {
                let (at, offset) = text.split_once(' ').unwrap_or((&text, "1440"));
                format!("{} {offset}", seconds(at.parse().unwrap_or(0), scale))
            }
            (_, Value::Blob(bytes)) => hex(&bytes),
            (_, Value::Integer(whole)) => whole.to_string(),
            (_, Value::Real(number)) => real_text(number),
            (_, Value::Text(text)) => text,
        }))
    }
}

pub(super) fn too_many_digits() -> crate::sandbox::snowflake::answer::SqlError {
    fail::beyond("numbers of more than 18 digits, or of more than 15 with a fraction")
}

/// A floating point number as Snowflake prints it: `1.5`, `3`, `1e+20`.
pub(super) fn real_text(number: f64) -> String {
    if number.is_finite() && (number == 0.0 || (1e-5..1e15).contains(&number.abs())) {
        return number.to_string();
    }
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let text = format!("{number:e}");
    match text.split_once('e') {
        Some((digits, power)) if !power.starts_with('-') => format!("{digits}e+{power:0>2}"),
        Some((digits, power)) => format!("{digits}e-{:0>2}", power.trim_start_matches('-')),
        None => text,
    }
}

/// Microseconds, from seconds with a fraction.
fn micros(seconds: &str) -> Option<i64> {
    let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
    let negative = whole.starts_with('-');
    let whole: i64 = whole.parse().ok()?;
    let fraction: String = fraction.chars().chain("000000".chars()).take(6).collect();
    let fraction: i64 = fraction.parse().ok()?;
    whole.checked_mul(1_000_000)?.checked_add(if negative { -fraction } else { fraction })
}

/// Seconds with so many digits of a fraction.
fn seconds(micros: i64, scale: u8) -> String {
    let sign = if micros < 0 { "-" } else { "" };
    let micros = micros.unsigned_abs();
    let whole = micros / 1_000_000;
    if scale == 0 {
        return format!("{sign}{whole}");
    }
    let fraction = format!("{:06}000", micros % 1_000_000);
    format!("{sign}{whole}.{}", fraction.get(..usize::from(scale)).unwrap_or(&fraction))
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0').to_ascii_uppercase();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

pub(super) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text.chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect();
    let digits = digits?;
    let pairs = digits.chunks_exact(2);
    pairs
        .remainder()
        .is_empty()
        .then(|| digits.chunks_exact(2).filter_map(|p| Some(p.first()? << 4 | p.get(1)?)).collect())
}
