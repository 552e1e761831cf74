//! What becomes of a value when it is cast.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use jiff::tz::TimeZone;
use rusqlite::types::Value;
use serde_json::Value as Json;

use super::moment;
use super::types::{self, Type, unhex};
use crate::sandbox::snowflake::answer::SqlError;
use crate::sandbox::snowflake::fail::{self, Fallible};

/// What conversions and functions know beside their arguments.
#[derive(Clone, Debug)]
pub(super) struct Env {
    /// The session's TIMEZONE.
    pub(super) zone: TimeZone,
    /// Microseconds since 1970.
    pub(super) now: i64,
    /// Numbers for the inputs of FLATTEN.
    pub(super) sequence: Arc<AtomicI64>,
}

const DAY: i64 = 86_400_000_000;

/// Casts a value; what cannot be cast is refused.
pub(super) fn convert(env: &Env, value: Value, from: Type, to: Type) -> Fallible<Value> {
    if value == Value::Null || from == Type::Null {
        return Ok(Value::Null);
    }
    if from.is_json() && to != from {
        return of_json(env, value, to);
    }
    if let (Type::Time(_) | Type::Ntz(_) | Type::Ltz(_) | Type::Tz(_), Value::Text(text)) = (to, &value)
        && matches!(from, Type::Text(_))
        && is_finer(text)
    {
        return Err(fail::beyond("times finer than a microsecond"));
    }
    match to {
        Type::Null => Ok(value),
        Type::Fixed { precision, scale } => fixed(number(env, value, from)?, precision, scale),
        Type::Real => match number(env, value, from)? {
            Number::Whole(whole) => real(whole).map(Value::Real),
            Number::Fraction(number) => Ok(Value::Real(number)),
        },
        Type::Text(length) => {
            let text = text(env, &value, from)?;
            if text.chars().count() > length as usize {
                return Err(too_long(&text));
            }
            Ok(Value::Text(text))
        }
        Type::Boolean => boolean(&value),
        Type::Date => match (from, value) {
            (Type::Date, value) => Ok(value),
            (Type::Text(_), Value::Text(text)) => {
                let found = moment::read(&text, env).ok_or_else(|| not_recognised("Date", &text, "100040"))?;
                Ok(Value::Integer(found.local.div_euclid(DAY)))
            }
            (_, value) => Ok(Value::Integer(local(env, &value, from)?.div_euclid(DAY))),
        },
        Type::Time(_) => match (from, value) {
            (Type::Time(_), value) => Ok(value),
            (Type::Text(_), Value::Text(text)) => {
                let found = moment::read_time(&text).ok_or_else(|| not_recognised("Time", &text, "100108"))?;
                Ok(Value::Integer(found))
            }
            (_, value) => Ok(Value::Integer(local(env, &value, from)?.rem_euclid(DAY))),
        },
        Type::Ntz(scale) => {
            let at = match (from, &value) {
                (Type::Text(_), Value::Text(text)) => moment_of(env, text)?.local,
                _ => local(env, &value, from)?,
            };
            Ok(Value::Integer(cut(at, scale)))
        }
        Type::Ltz(scale) => Ok(Value::Integer(cut(instant(env, &value, from)?, scale))),
        Type::Tz(scale) => {
            let (at, offset) = match (from, &value) {
                (Type::Tz(_), Value::Text(text)) => tz_parts(text),
                (Type::Text(_), Value::Text(text)) => {
                    let found = moment_of(env, text)?;
                    (found.instant, found.offset)
                }
                _ => {
                    let at = instant(env, &value, from)?;
                    (at, offset_at(env, at))
                }
            };
            Ok(Value::Text(format!("{} {}", cut(at, scale), offset + 1440)))
        }
        Type::Variant => to_json(env, value, from).map(|json| Value::Text(json.to_string())),
        Type::Array => {
            let json = to_json(env, value, from)?;
            Ok(Value::Text(Json::Array(vec![json]).to_string()))
        }
        Type::Object => Err(cannot(from, to)),
        Type::Binary => match value {
            Value::Blob(bytes) => Ok(Value::Blob(bytes)),
            Value::Text(text) => unhex(&text).map(Value::Blob).ok_or_else(|| {
                let text = format!("The following string is not a legal hex-encoded value: '{text}'");
                fail::error("100115", "22000", text)
            }),
            _ => Err(cannot(from, to)),
        },
    }
}

/// Whether a cast between these is possible at all.
#[expect(clippy::match_same_arms, reason = "one line for each group of types")]
pub(super) fn castable(from: Type, to: Type) -> bool {
    use Type::{Array, Binary, Boolean, Date, Fixed, Ltz, Ntz, Null, Object, Real, Text, Time, Tz, Variant};
    match (from, to) {
        (Null | Text(_) | Variant, _) | (_, Variant | Null) => to != Object || !matches!(from, Text(_)),
        (Object | Array, Text(_)) | (Array, Array) | (Object, Object) => true,
        (Object | Array, _) | (_, Object) => false,
        (_, Text(_) | Array) => true,
        (Fixed { .. } | Real | Boolean, Fixed { .. } | Real | Boolean) => true,
        (Fixed { .. }, Ntz(_) | Ltz(_) | Tz(_)) => true,
        (Date | Ntz(_) | Ltz(_) | Tz(_), Date | Ntz(_) | Ltz(_) | Tz(_)) => true,
        (Time(_) | Ntz(_) | Ltz(_) | Tz(_), Time(_)) => true,
        (Binary, Binary) => true,
        _ => false,
    }
}

/// Whether a time has digits behind those of a microsecond that are not 0.
pub(super) fn is_finer(text: &str) -> bool {
    let fraction = text.split_once('.').map_or("", |(_, rest)| rest);
    fraction.bytes().take_while(u8::is_ascii_digit).skip(6).any(|digit| digit != b'0')
}

/// Microseconds cut to so many digits of a second.
fn cut(micros: i64, scale: u8) -> i64 {
    let unit = 10_i64.pow(6 - u32::from(scale.min(6)));
    micros - micros.rem_euclid(unit)
}

fn cannot(from: Type, to: Type) -> SqlError {
    fail::error("002002", "42601", format!("SQL compilation error:\nCannot cast {} to {}.", from.kind(), to.kind()))
}

fn not_recognised(what: &str, text: &str, code: &'static str) -> SqlError {
    fail::error(code, if code == "100038" { "22018" } else { "22007" }, format!("{what} '{text}' is not recognized"))
}

pub(super) fn too_long(text: &str) -> SqlError {
    fail::error("100078", "22000", format!("String '{text}' is too long and would be truncated"))
}

fn moment_of(env: &Env, text: &str) -> Fallible<moment::Moment> {
    moment::read(text, env).ok_or_else(|| not_recognised("Timestamp", text, "100035"))
}

/// A number, exact as long as it is whole.
#[derive(Clone, Copy, Debug)]
pub(super) enum Number {
    Whole(i64),
    Fraction(f64),
}

fn number(_env: &Env, value: Value, from: Type) -> Fallible<Number> {
    Ok(match value {
        Value::Integer(whole) if from.is_number() || from == Type::Boolean => Number::Whole(whole),
        Value::Real(number) => Number::Fraction(number),
        Value::Text(text) => {
            let trimmed = text.trim();
            let plain = trimmed.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e' | b'E'));
            match (trimmed.parse::<i64>(), trimmed.parse::<f64>()) {
                (Ok(whole), _) => Number::Whole(whole),
                (_, Ok(number)) if plain => Number::Fraction(number),
                _ => return Err(not_recognised("Numeric value", &text, "100038")),
            }
        }
        _ => return Err(cannot(from, types::INTEGER)),
    })
}

#[expect(clippy::cast_precision_loss, reason = "numbers that would lose digits are refused")]
fn real(whole: i64) -> Fallible<f64> {
    if whole.unsigned_abs() > 1 << 53 { Err(types::too_many_digits()) } else { Ok(whole as f64) }
}

/// A number of a type: rounded to its scale, refused beyond its precision.
pub(super) fn fixed(number: Number, precision: u8, scale: u8) -> Fallible<Value> {
    let out_of_range = |shown: String| {
        let text = format!("Number out of representable range: type FIXED({precision},{scale}), value {shown}");
        fail::error("100039", "22003", text)
    };
    let most = 10_f64.powi(i32::from(precision) - i32::from(scale));
    match number {
        Number::Whole(whole) if scale == 0 => {
            if precision < 19 && whole.unsigned_abs() >= 10_u64.pow(u32::from(precision)) {
                return Err(out_of_range(whole.to_string()));
            }
            Ok(Value::Integer(whole))
        }
        Number::Whole(whole) => {
            let number = real(whole)?;
            if number.abs() >= most { Err(out_of_range(whole.to_string())) } else { Ok(Value::Real(number)) }
        }
        Number::Fraction(number) => {
            let rounded = round(number, i32::from(scale));
            if !rounded.is_finite() || rounded.abs() >= most {
                return Err(out_of_range(types::real_text(number)));
            }
            if scale > 0 {
                return Ok(Value::Real(rounded));
            }
            whole(rounded).map(Value::Integer)
        }
    }
}

/// A floating point number without a fraction as a whole one.
#[expect(clippy::cast_possible_truncation, reason = "the bounds are checked")]
pub(super) fn whole(number: f64) -> Fallible<i64> {
    if number.abs() < 9_007_199_254_740_992.0 { Ok(number as i64) } else { Err(types::too_many_digits()) }
}

/// Rounds half away from zero, by the decimal digits of the number as it is written.
pub(super) fn round(number: f64, digits: i32) -> f64 {
    if !number.is_finite() || number == 0.0 {
        return number;
    }
    let text = format!("{number:e}");
    let Some((mantissa, power)) = text.split_once('e') else { return number };
    let (Ok(power), negative) = (power.parse::<i32>(), mantissa.starts_with('-')) else { return number };
    let figures: Vec<u8> = mantissa.bytes().filter(u8::is_ascii_digit).map(|b| b - b'0').collect();
    // How many figures stay.
    let keep = power + 1 + digits;
    let Ok(kept) = usize::try_from(keep) else { return 0.0 };
    if kept >= figures.len() {
        return number;
    }
    let mut value: u128 = figures.iter().take(kept).fold(0, |value, figure| value * 10 + u128::from(*figure));
    if figures.get(kept).is_some_and(|figure| *figure >= 5) {
        value += 1;
    }
    let sign = if negative { "-" } else { "" };
    format!("{sign}{value}e{}", -digits).parse().unwrap_or(number)
}

fn boolean(value: &Value) -> Fallible<Value> {
    Ok(Value::Integer(match value {
        Value::Integer(whole) => i64::from(*whole != 0),
        Value::Real(number) => i64::from(*number != 0.0),
        Value::Text(text) => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "t" | "yes" | "y" | "on" | "1" => 1,
            "false" | "f" | "no" | "n" | "off" | "0" => 0,
            _ => {
                let text = format!("Boolean value '{text}' is not recognized");
                return Err(fail::error("100037", "22018", text));
            }
        },
        _ => return Err(cannot(Type::Binary, Type::Boolean)),
    }))
}

/// The text of a value.
pub(super) fn text(env: &Env, value: &Value, from: Type) -> Fallible<String> {
    Ok(match (from, value) {
        (Type::Boolean, Value::Integer(value)) => if *value == 0 { "false" } else { "true" }.to_owned(),
        (Type::Fixed { .. }, value) => from.cell(value.clone())?.unwrap_or_default(),
        (Type::Date, Value::Integer(days)) => moment::format("YYYY-MM-DD", days.saturating_mul(DAY), 0),
        (Type::Time(_), Value::Integer(at)) => moment::format("HH24:MI:SS", *at, 0),
        (Type::Ntz(_), Value::Integer(at)) => moment::format("YYYY-MM-DD HH24:MI:SS.FF3", *at, 0),
        (Type::Ltz(_), Value::Integer(at)) => {
            let offset = offset_at(env, *at);
            moment::format("YYYY-MM-DD HH24:MI:SS.FF3 TZHTZM", at + offset * 60_000_000, offset)
        }
        (Type::Tz(_), Value::Text(text)) => {
            let (at, offset) = tz_parts(text);
            moment::format("YYYY-MM-DD HH24:MI:SS.FF3 TZHTZM", at + offset * 60_000_000, offset)
        }
        (_, Value::Text(text)) => text.clone(),
        (_, value) => from.cell(value.clone())?.unwrap_or_default(),
    })
}

/// The instant and the offset in minutes of a `TIMESTAMP_TZ`.
pub(super) fn tz_parts(text: &str) -> (i64, i64) {
    let (at, offset) = text.split_once(' ').unwrap_or((text, "1440"));
    (at.parse().unwrap_or(0), offset.parse().unwrap_or(1440) - 1440)
}

/// The session's offset from UTC, in minutes, at an instant.
pub(super) fn offset_at(env: &Env, micros: i64) -> i64 {
    let at = jiff::Timestamp::from_microsecond(micros).unwrap_or_default();
    i64::from(env.zone.to_offset(at).seconds() / 60)
}

/// The wall clock of a time, as microseconds.
pub(super) fn local(env: &Env, value: &Value, from: Type) -> Fallible<i64> {
    Ok(match (from, value) {
        (Type::Date, Value::Integer(days)) => days.saturating_mul(DAY),
        (Type::Time(_) | Type::Ntz(_), Value::Integer(at)) => *at,
        (Type::Ltz(_), Value::Integer(at)) => at + offset_at(env, *at) * 60_000_000,
        (Type::Tz(_), Value::Text(text)) => {
            let (at, offset) = tz_parts(text);
            at + offset * 60_000_000
        }
        (Type::Fixed { .. }, Value::Integer(at)) => epoch(*at),
        (Type::Text(_), Value::Text(text)) => moment_of(env, text)?.local,
        _ => return Err(cannot(from, Type::Ntz(9))),
    })
}

/// The instant of a time.
pub(super) fn instant(env: &Env, value: &Value, from: Type) -> Fallible<i64> {
    Ok(match (from, value) {
        (Type::Date | Type::Ntz(_), value) => to_instant(env, local(env, value, from)?),
        (Type::Ltz(_), Value::Integer(at)) => *at,
        (Type::Tz(_), Value::Text(text)) => tz_parts(text).0,
        (Type::Fixed { .. }, Value::Integer(at)) => epoch(*at),
        (Type::Text(_), Value::Text(text)) => moment_of(env, text)?.instant,
        _ => return Err(cannot(from, Type::Ltz(9))),
    })
}

/// The instant at which the session's wall clock shows a time.
pub(super) fn to_instant(env: &Env, local: i64) -> i64 {
    env.zone.to_zoned(moment::civil(local)).map_or(local, |zoned| zoned.timestamp().as_microsecond())
}

/// A whole number as a time: seconds, milliseconds, microseconds or nanoseconds, told apart by their size as Snowflake does.
fn epoch(number: i64) -> i64 {
    match number.unsigned_abs() {
        0..31_536_000_000 => number.saturating_mul(1_000_000),
        31_536_000_000..31_536_000_000_000 => number.saturating_mul(1000),
        31_536_000_000_000..31_536_000_000_000_000 => number,
        _ => number / 1000,
    }
}

/// A value as JSON.
pub(super) fn to_json(env: &Env, value: Value, from: Type) -> Fallible<Json> {
    Ok(match (from, value) {
        (_, Value::Null) => Json::Null,
        (Type::Variant | Type::Object | Type::Array, Value::Text(text)) => parse_json(&text)?,
        (Type::Boolean, Value::Integer(value)) => Json::Bool(value != 0),
        (Type::Fixed { .. } | Type::Real, Value::Integer(whole)) => Json::from(whole),
        (Type::Fixed { .. }, Value::Real(number)) if number.fract() == 0.0 && number.abs() < 1e15 => {
            Json::from(whole(number)?)
        }
        (_, Value::Real(number)) => Json::from(number),
        (from, value) => Json::String(text(env, &value, from)?),
    })
}

pub(super) fn parse_json(text: &str) -> Fallible<Json> {
    serde_json::from_str(text).map_err(|error| fail::error("100069", "22P02", format!("Error parsing JSON: {error}")))
}

/// A VARIANT cast to something else. A JSON null becomes NULL.
fn of_json(env: &Env, value: Value, to: Type) -> Fallible<Value> {
    let Value::Text(source) = value else { return Err(cannot(Type::Variant, to)) };
    let json = parse_json(&source)?;
    let failed = || {
        let (kind, _) = to.kind().split_once('(').map_or((to.kind(), String::new()), |(a, b)| (a.into(), b.into()));
        let kind = if kind == "NUMBER" { "FIXED".to_owned() } else { kind };
        fail::error("100071", "22000", format!("Failed to cast variant value {json} to {kind}"))
    };
    match (&json, to) {
        (_, Type::Variant) => Ok(Value::Text(source)),
        (Json::Null, _) => Ok(Value::Null),
        (Json::Object(_), Type::Object) | (Json::Array(_), Type::Array) => Ok(Value::Text(json.to_string())),
        (_, Type::Array) => Ok(Value::Text(Json::Array(vec![json]).to_string())),
        (Json::String(text), Type::Text(_)) => convert(env, Value::Text(text.clone()), types::TEXT, to),
        (_, Type::Text(_)) => convert(env, Value::Text(json.to_string()), types::TEXT, to),
        (Json::String(text), _) => convert(env, Value::Text(text.clone()), types::TEXT, to).map_err(|_| failed()),
        (Json::Bool(value), Type::Boolean | Type::Fixed { .. } | Type::Real) => {
            convert(env, Value::Integer(i64::from(*value)), Type::Boolean, to)
        }
        (Json::Number(number), _) if castable(types::INTEGER, to) => {
            let (value, from) = match (number.as_i64(), number.as_f64()) {
                (Some(whole), _) => (Value::Integer(whole), types::INTEGER),
                (_, Some(number)) => (Value::Real(number), Type::Real),
                _ => return Err(types::too_many_digits()),
            };
            convert(env, value, from, to)
        }
        _ => Err(failed()),
    }
}
