//! The values of bind variables as SQL. Source: what Snowflake's drivers for Python and Go send for each type.

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use serde_json::Value;

use crate::sandbox::snowflake::answer::SqlError;

/// Nanoseconds of a day.
const DAY_NS: i128 = 86_400_000_000_000;

/// A value as SQL that can stand anywhere a value can.
pub(super) fn literal(binding: &Value) -> Result<String, SqlError> {
    let kind = binding.get("type").and_then(Value::as_str).unwrap_or_default().to_ascii_uppercase();
    let text = match binding.get("value") {
        None | Some(Value::Null) => return Ok("NULL".to_owned()),
        Some(Value::String(text)) => text.as_str(),
        Some(_) => return Err(unsupported(&format!("bind variable of type {kind} that is not a text"))),
    };
    let wrong = || wrong(&kind, text);
    let sql = match kind.as_str() {
        "FIXED" if is_number(text) => in_brackets(text.trim_start_matches('+')),
        "REAL" => {
            let number: f64 = text.parse().map_err(|_| wrong())?;
            // In quotes, because a bare number would be exact.
            format!("('{number}'::FLOAT)")
        }
        "BOOLEAN" => match text.to_ascii_lowercase().as_str() {
            "true" | "1" => "TRUE".to_owned(),
            "false" | "0" => "FALSE".to_owned(),
            _ => return Err(wrong()),
        },
        "TEXT" | "ANY" => quoted(text),
        "DATE" => format!("('{}'::DATE)", moment(text, 1_000_000).ok_or_else(wrong)?.strftime("%Y-%m-%d")),
        "TIME" => {
            let at = moment(text, 1).filter(|at| (0..DAY_NS).contains(&at.as_nanosecond())).ok_or_else(wrong)?;
            format!("('{}'::TIME(9))", at.strftime("%H:%M:%S.%9f"))
        }
        "TIMESTAMP_NTZ" | "TIMESTAMP" => {
            let at = moment(text, 1).ok_or_else(wrong)?;
            format!("('{}'::TIMESTAMP_NTZ(9))", at.strftime("%Y-%m-%d %H:%M:%S.%9f"))
        }
        "TIMESTAMP_LTZ" => {
            let at = moment(text, 1).ok_or_else(wrong)?;
            format!("('{} +0000'::TIMESTAMP_LTZ(9))", at.strftime("%Y-%m-%d %H:%M:%S.%9f"))
        }
        "TIMESTAMP_TZ" => {
            let (at, zone) = zoned(text).ok_or_else(wrong)?;
            format!("('{}'::TIMESTAMP_TZ(9))", at.to_zoned(zone).strftime("%Y-%m-%d %H:%M:%S.%9f %z"))
        }
        "BINARY" if text.len() % 2 == 0 && text.bytes().all(|b| b.is_ascii_hexdigit()) => {
            format!("TO_BINARY('{text}', 'HEX')")
        }
        "VARIANT" | "OBJECT" | "ARRAY" => format!("PARSE_JSON({})", quoted(text)),
        "FIXED" | "BINARY" => return Err(wrong()),
        _ => return Err(unsupported(&format!("bind variable of type {kind}"))),
    };
    Ok(sql)
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    digits.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        && digits.bytes().filter(|b| *b == b'.').count() <= 1
        && digits.bytes().any(|b| b.is_ascii_digit())
}

/// A minus could otherwise make a comment with the one before it.
fn in_brackets(number: &str) -> String {
    if number.starts_with('-') { format!("({number})") } else { number.to_owned() }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

/// A count of units of so many nanoseconds since the epoch.
fn moment(text: &str, unit_ns: i128) -> Option<Timestamp> {
    Timestamp::from_nanosecond(text.parse::<i128>().ok()?.checked_mul(unit_ns)?).ok()
}

/// Nanoseconds since the epoch, and minutes east of Greenwich plus a day; the newest drivers leave these out and mean UTC.
fn zoned(text: &str) -> Option<(Timestamp, TimeZone)> {
    let (at, minutes) = text.split_once(' ').unwrap_or((text, "1440"));
    let minutes = minutes.parse::<i32>().ok()?.checked_sub(1440)?;
    let offset = Offset::from_seconds(minutes.checked_mul(60)?).ok()?;
    Some((moment(at, 1)?, TimeZone::fixed(offset)))
}

fn unsupported(feature: &str) -> SqlError {
    SqlError { code: "000002", sql_state: "0A000", message: format!("Unsupported feature '{feature}'.") }
}

fn wrong(kind: &str, text: &str) -> SqlError {
    let (code, sql_state, what) = match kind {
        "FIXED" | "REAL" => ("100038", "22018", "Numeric value"),
        "BOOLEAN" => ("100037", "22018", "Boolean value"),
        "DATE" => ("100040", "22007", "Date"),
        "TIME" => ("100108", "22007", "Time"),
        "BINARY" => ("100115", "22000", "Binary value"),
        _ => ("100035", "22007", "Timestamp"),
    };
    SqlError { code, sql_state, message: format!("{what} '{text}' is not recognized") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_type_has_its_form() {
        for (kind, value, expected) in [
            ("FIXED", "42", "42"),
            ("FIXED", "-12.50", "(-12.50)"),
            ("REAL", "1.5", "('1.5'::FLOAT)"),
            ("REAL", "-inf", "('-inf'::FLOAT)"),
            ("BOOLEAN", "true", "TRUE"),
            ("BOOLEAN", "0", "FALSE"),
            ("TEXT", "it's \\n", r"'it''s \\n'"),
            ("DATE", "1704153600000", "('2024-01-02'::DATE)"),
            ("DATE", "-86400000", "('1969-12-31'::DATE)"),
            ("TIME", "3723000000001", "('01:02:03.000000001'::TIME(9))"),
            ("TIMESTAMP_NTZ", "1704164645678000000", "('2024-01-02 03:04:05.678000000'::TIMESTAMP_NTZ(9))"),
            ("TIMESTAMP_LTZ", "0", "('1970-01-01 00:00:00.000000000 +0000'::TIMESTAMP_LTZ(9))"),
            ("TIMESTAMP_TZ", "1704164645678000000 1530", "('2024-01-02 04:34:05.678000000 +0130'::TIMESTAMP_TZ(9))"),
            ("TIMESTAMP_TZ", "0 1140", "('1969-12-31 19:00:00.000000000 -0500'::TIMESTAMP_TZ(9))"),
            ("TIMESTAMP_TZ", "0", "('1970-01-01 00:00:00.000000000 +0000'::TIMESTAMP_TZ(9))"),
            ("BINARY", "DEADbeef", "TO_BINARY('DEADbeef', 'HEX')"),
            ("VARIANT", "{\"a\": 1}", "PARSE_JSON('{\"a\": 1}')"),
            ("fixed", "1", "1"),
        ] {
            assert_eq!(literal(&json!({ "type": kind, "value": value })).unwrap(), expected, "{kind} {value}");
        }
    }

    #[test]
    fn wrong_values_are_refused() {
        for (kind, value, code) in [
            ("FIXED", json!("1; DROP"), "100038"),
            ("FIXED", json!("-"), "100038"),
            ("REAL", json!("x"), "100038"),
            ("BOOLEAN", json!("yes"), "100037"),
            ("DATE", json!("1e400"), "100040"),
            ("DATE", json!("170141183460469231731687303715884105727"), "100040"),
            ("TIME", json!("-1"), "100108"),
            ("TIME", json!("86400000000000"), "100108"),
            ("TIMESTAMP_TZ", json!(""), "100035"),
            ("TIMESTAMP_TZ", json!("0 -2147483648"), "100035"),
            ("BINARY", json!("0g"), "100115"),
            ("GEOGRAPHY", json!("x"), "000002"),
            ("FIXED", json!(1), "000002"),
            ("TEXT", json!({"a": 1}), "000002"),
        ] {
            let error = literal(&json!({ "type": kind, "value": value })).unwrap_err();
            assert_eq!(error.code, code, "{kind} {value}: {}", error.message);
        }
        assert_eq!(literal(&json!({ "type": 7, "value": null })).unwrap(), "NULL");
        assert_eq!(literal(&json!("x")).unwrap(), "NULL");
    }
}
