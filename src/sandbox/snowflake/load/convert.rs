//! What becomes of a field in a column of a table: the cell as tables keep it, or Snowflake's error.

use base64::Engine as _;

use super::json;
use super::moments::{self, Formats, Moment};
use super::record::{BAD_JSON, Cell, Code};
use super::variant::Variant;

/// How values of files become cells.
#[derive(Clone, Debug)]
pub(super) struct Converting {
    pub(super) formats: Formats,
    /// `HEX`, `BASE64` or `UTF8`.
    pub(super) binary: String,
    /// `TRUNCATECOLUMNS`, or `ENFORCE_LENGTH = FALSE`.
    pub(super) truncate: bool,
}

/// A value that does not fit its column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Misfit {
    pub(super) code: Code,
    pub(super) message: String,
}

fn misfit<T>(code: Code, message: impl Into<String>) -> Result<T, Misfit> {
    Err(Misfit { code, message: message.into() })
}

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    Number {
        precision: usize,
        scale: usize,
    },
    Float,
    Text(usize),
    Boolean,
    Date,
    /// These with the digits of their seconds.
    Time(usize),
    Ntz(usize),
    Ltz(usize),
    Tz(usize),
    Variant,
    Object,
    Array,
    Binary(usize),
}

impl Type {
    fn of(kind: &str) -> Option<Self> {
        let (name, args) = kind.split_once('(').map_or((kind, ""), |(name, args)| (name, args.trim_end_matches(')')));
        let mut args = args.split(',').map(|arg| arg.trim().parse::<usize>().ok());
        let mut arg = |default| args.next().flatten().unwrap_or(default);
        Some(match name {
            "NUMBER" => Self::Number { precision: arg(38), scale: arg(0) },
            "FLOAT" => Self::Float,
            "VARCHAR" => Self::Text(arg(134_217_728)),
            "BOOLEAN" => Self::Boolean,
            "DATE" => Self::Date,
            "TIME" => Self::Time(arg(9)),
            "TIMESTAMP_NTZ" => Self::Ntz(arg(9)),
            "TIMESTAMP_LTZ" => Self::Ltz(arg(9)),
            "TIMESTAMP_TZ" => Self::Tz(arg(9)),
            "VARIANT" => Self::Variant,
            "OBJECT" => Self::Object,
            "ARRAY" => Self::Array,
            "BINARY" => Self::Binary(arg(67_108_864)),
            _ => return None,
        })
    }

    /// As casts of variants call it.
    fn name(self) -> &'static str {
        match self {
            Self::Number { .. } => "FIXED",
            Self::Float => "REAL",
            Self::Text(_) => "TEXT",
            Self::Boolean => "BOOLEAN",
            Self::Date => "DATE",
            Self::Time(_) => "TIME",
            Self::Ntz(_) => "TIMESTAMP_NTZ",
            Self::Ltz(_) => "TIMESTAMP_LTZ",
            Self::Tz(_) => "TIMESTAMP_TZ",
            Self::Variant => "VARIANT",
            Self::Object => "OBJECT",
            Self::Array => "ARRAY",
            Self::Binary(_) => "BINARY",
        }
    }
}

/// Whether a column can take a whole semi-structured value.
pub(super) fn takes_documents(kind: &str) -> bool {
    matches!(Type::of(kind), Some(Type::Variant | Type::Object | Type::Array))
}

impl Converting {
    /// The same, with AUTO for all formats.
    pub(super) fn plain(&self) -> Self {
        let auto = || "AUTO".to_owned();
        let formats = Formats { date: auto(), time: auto(), timestamp: auto(), zone: self.formats.zone.clone() };
        Self { formats, ..self.clone() }
    }

    /// The cell of a value in a column of this type; NULL fits every type.
    pub(super) fn cell(&self, value: &Cell, kind: &str) -> Result<Option<String>, Misfit> {
        let Some(to) = Type::of(kind) else {
            return misfit(("000002", "0A000"), format!("Unsupported feature 'loading columns of type {kind}'."));
        };
        match value {
            Cell::Null => Ok(None),
            Cell::Text(text) => self.text(text, to),
            Cell::Variant(value) => self.variant(value, to),
        }
    }

    fn text(&self, text: &str, to: Type) -> Result<Option<String>, Misfit> {
        let unknown = |code, what: &str| misfit(code, format!("{what} '{text}' is not recognized"));
        let missing = || unknown(("100035", "22007"), "Timestamp");
        Ok(Some(match to {
            Type::Number { precision, scale } => match decimal(text.trim(), precision, scale) {
                Ok(digits) => digits,
                Err(TooWide::Not) => return unknown(("100038", "22018"), "Numeric value"),
                Err(TooWide::Wide) => {
                    return misfit(("100039", "22003"), format!("Numeric value '{text}' is out of range"));
                }
            },
            Type::Float => match real(text.trim()) {
                Some(digits) => digits,
                None => return unknown(("100038", "22018"), "Numeric value"),
            },
            Type::Text(most) => return self.fitting(text, most).map(Some),
            Type::Boolean => match text.trim().to_lowercase().as_str() {
                "true" | "t" | "yes" | "y" | "on" | "1" => "1".to_owned(),
                "false" | "f" | "no" | "n" | "off" | "0" => "0".to_owned(),
                _ => return unknown(("100037", "22018"), "Boolean value"),
            },
            Type::Date => match self.formats.date(text) {
                Some(days) => days.to_string(),
                None => return unknown(("100040", "22007"), "Date"),
            },
            Type::Time(scale) => match self.formats.time(text) {
                Some(nanos) => seconds(i128::from(nanos), scale),
                None => return unknown(("100108", "22007"), "Time"),
            },
            Type::Ntz(_) | Type::Ltz(_) | Type::Tz(_) => match self.formats.moment(text) {
                Some(moment) => return self.moment(moment, to).map_or_else(missing, |cell| Ok(Some(cell))),
                None => return missing(),
            },
            Type::Variant | Type::Object | Type::Array => match json::document(text) {
                Ok(None) => return Ok(None),
                Ok(Some(value)) => return self.variant(&value, to),
                Err(message) => return misfit(BAD_JSON, format!("Error parsing JSON: {message}")),
            },
            Type::Binary(most) => return self.bytes(text, most).map(Some),
        }))
    }

    fn fitting(&self, text: &str, most: usize) -> Result<String, Misfit> {
        if text.chars().count() <= most {
            return Ok(text.to_owned());
        }
        if self.truncate {
            return Ok(text.chars().take(most).collect());
        }
        misfit(("100074", "54000"), format!("User character length limit ({most}) exceeded by string '{text}'"))
    }

    fn bytes(&self, text: &str, most: usize) -> Result<String, Misfit> {
        let hex = |text: &str| text.len().is_multiple_of(2) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let digits = match self.binary.as_str() {
            "BASE64" => {
                let Ok(bytes) = base64::engine::general_purpose::STANDARD.decode(text) else {
                    let message = format!("The following string is not a legal base64-encoded value: '{text}'");
                    return misfit(("100116", "22000"), message);
                };
                upper_hex(&bytes)
            }
            "UTF8" => upper_hex(text.as_bytes()),
            _ if hex(text) => text.to_uppercase(),
            _ => {
                let message = format!("The following string is not a legal hex-encoded value: '{text}'");
                return misfit(("100115", "22000"), message);
            }
        };
        if digits.len() / 2 > most {
            return misfit(("100145", "22000"), format!("Binary value '{digits}' is too long and would be truncated"));
        }
        Ok(digits)
    }

    fn variant(&self, value: &Variant, to: Type) -> Result<Option<String>, Misfit> {
        let no_cast =
            || misfit(("100071", "22000"), format!("Failed to cast variant value {} to {}", value.json(), to.name()));
        match (value, to) {
            // A null within a document is a value of a VARIANT, and no value of anything else.
            (value, Type::Variant) => Ok(Some(value.json())),
            (Variant::Null, _) => Ok(None),
            (Variant::Object(_), Type::Object) | (Variant::List(_), Type::Array) => Ok(Some(value.json())),
            // What is no list becomes the only element of one.
            (value, Type::Array) => Ok(Some(Variant::List(vec![value.clone()]).json())),
            (Variant::Text(text), Type::Text(most)) => self.fitting(text, most).map(Some),
            (value, Type::Text(most)) => self.fitting(&value.text(), most).map(Some),
            (Variant::Number(digits) | Variant::Text(digits), Type::Number { .. } | Type::Float) => {
                self.text(digits, to).or_else(|_| no_cast())
            }
            (Variant::Bool(value), Type::Number { .. } | Type::Float | Type::Boolean) => {
                Ok(Some(u8::from(*value).to_string()))
            }
            (Variant::Number(digits), Type::Boolean) => {
                Ok(Some(u8::from(digits.parse::<f64>().is_ok_and(|number| number != 0.0)).to_string()))
            }
            (Variant::Number(digits), Type::Ntz(_) | Type::Ltz(_) | Type::Tz(_) | Type::Date) => {
                match digits.parse().ok().and_then(moments::epoch).and_then(|moment| self.moment(moment, to)) {
                    Some(cell) => Ok(Some(cell)),
                    None => no_cast(),
                }
            }
            (
                Variant::Text(text),
                Type::Boolean | Type::Date | Type::Time(_) | Type::Ntz(_) | Type::Ltz(_) | Type::Tz(_),
            ) => self.text(text, to).or_else(|_| no_cast()),
            (Variant::Text(text), Type::Binary(_)) => self.text(text, to),
            _ => no_cast(),
        }
    }

    fn moment(&self, moment: Moment, to: Type) -> Option<String> {
        let local = jiff::tz::TimeZone::UTC.to_timestamp(moment.at).ok()?.as_nanosecond();
        Some(match to {
            Type::Date => local.div_euclid(86_400_000_000_000).to_string(),
            Type::Ntz(scale) => seconds(local, scale),
            Type::Ltz(scale) => seconds(self.formats.instant(moment)?.0, scale),
            Type::Tz(scale) => {
                let (instant, offset) = self.formats.instant(moment)?;
                format!("{} {}", seconds(instant, scale), offset + 1440)
            }
            _ => return None,
        })
    }
}

fn upper_hex(bytes: &[u8]) -> String {
    let mut digits = String::with_capacity(bytes.len() * 2);
    bytes.iter().for_each(|byte| digits.push_str(&format!("{byte:02X}")));
    digits
}

/// Nanoseconds as seconds with so many digits of a fraction; finer ones are cut off.
fn seconds(nanos: i128, scale: usize) -> String {
    let scale = scale.min(9);
    let unit = 10_i128.pow(u32::try_from(9 - scale).unwrap_or(0));
    let units = nanos.div_euclid(unit);
    let per_second = 10_i128.pow(u32::try_from(scale).unwrap_or(0));
    let sign = if units < 0 { "-" } else { "" };
    let (whole, fraction) =
        (units.unsigned_abs() / per_second.unsigned_abs(), units.unsigned_abs() % per_second.unsigned_abs());
    if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction:0scale$}") }
}

enum TooWide {
    /// No number at all.
    Not,
    /// A number with too many digits before its point.
    Wide,
}

/// A decimal number rounded to a scale, half away from zero.
fn decimal(text: &str, precision: usize, scale: usize) -> Result<String, TooWide> {
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => {
            let exponent = text.get(at + 1..).and_then(|exponent| exponent.parse::<i32>().ok()).ok_or(TooWide::Not)?;
            (text.get(..at).unwrap_or_default(), exponent)
        }
        None => (text, 0),
    };
    let (negative, unsigned) = match mantissa.strip_prefix(['+', '-']) {
        Some(rest) => (mantissa.starts_with('-'), rest),
        None => (false, mantissa),
    };
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let all = format!("{whole}{fraction}");
    if all.is_empty() || !all.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(TooWide::Not);
    }
    // The number is 0.all × 10^point; what is kept are `point + scale` digits.
    let significant = all.trim_start_matches('0');
    let zeros = all.len() - significant.len();
    let point =
        i64::try_from(whole.len()).unwrap_or(i64::MAX) - i64::try_from(zeros).unwrap_or(0) + i64::from(exponent);
    let kept = point + i64::try_from(scale).unwrap_or(0);
    if significant.is_empty() || kept < 0 {
        return Ok(shown(false, "0", scale));
    }
    let kept = usize::try_from(kept).unwrap_or(usize::MAX);
    if kept > precision + 1 && kept > 77 {
        return Err(TooWide::Wide);
    }
    let mut digits: String = significant.chars().chain(std::iter::repeat('0')).take(kept).collect();
    if significant.as_bytes().get(kept).is_some_and(|next| *next >= b'5') {
        digits = plus_one(&digits);
    }
    let digits = digits.trim_start_matches('0');
    if digits.len() > precision {
        return Err(TooWide::Wide);
    }
    Ok(shown(negative, digits, scale))
}

fn plus_one(digits: &str) -> String {
    let nines = digits.bytes().rev().take_while(|digit| *digit == b'9').count();
    let (head, _) = digits.split_at(digits.len() - nines);
    let (rest, last) = head.split_at(head.len().saturating_sub(1));
    let last = last.chars().next().and_then(|c| c.to_digit(10)).map_or(1, |digit| digit + 1);
    format!("{rest}{last}{}", "0".repeat(nines))
}

fn shown(negative: bool, digits: &str, scale: usize) -> String {
    let digits = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let sign = if negative && digits.bytes().any(|digit| digit != b'0') { "-" } else { "" };
    if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

fn real(text: &str) -> Option<String> {
    let value = match text.to_lowercase().as_str() {
        "inf" | "infinity" | "+inf" => f64::INFINITY,
        "-inf" | "-infinity" => f64::NEG_INFINITY,
        "nan" => f64::NAN,
        other => other.parse().ok()?,
    };
    Some(match value {
        value if value.is_nan() => "NaN".to_owned(),
        value if value.is_infinite() => if value > 0.0 { "inf" } else { "-inf" }.to_owned(),
        value => value.to_string(),
    })
}
