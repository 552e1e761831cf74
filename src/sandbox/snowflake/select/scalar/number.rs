//! Functions of numbers.

use rusqlite::types::Value;

use super::{Scalar, Want, a_number, a_real, open, real_at, strict, the_first, whole_at};
use crate::sandbox::snowflake::fail::{self, Fallible};
use crate::sandbox::snowflake::select::convert::{self, Number};
use crate::sandbox::snowflake::select::types::{Type, too_many_digits};

const N1: &[Want] = &[Want::Number];
const N2: &[Want] = &[Want::Number, Want::Number];
const NW: &[Want] = &[Want::Number, Want::Whole];
const R1: &[Want] = &[Want::Real];
const R2: &[Want] = &[Want::Real, Want::Real];

pub(super) static FUNCTIONS: &[Scalar] = &[
    strict("ABS", N1, 1, the_first, |_, a| match a.first() {
        Some(Value::Integer(whole)) => Ok(Value::Integer(whole.checked_abs().ok_or_else(too_many_digits)?)),
        _ => Ok(Value::Real(real_at(a, 0).abs())),
    }),
    strict("SIGN", N1, 1, a_number, |_, a| {
        let number = real_at(a, 0);
        Ok(Value::Integer(if number > 0.0 { 1 } else { -i64::from(number < 0.0) }))
    }),
    strict("CEIL", NW, 1, rounded, |_, a| to_digits(a, f64::ceil)),
    strict("FLOOR", NW, 1, rounded, |_, a| to_digits(a, f64::floor)),
    strict("TRUNC", NW, 1, rounded, |_, a| to_digits(a, f64::trunc)),
    strict("ROUND", NW, 1, rounded, |_, a| match (a.first(), digits(a)) {
        (Some(Value::Integer(whole)), 0..) => Ok(Value::Integer(*whole)),
        (Some(Value::Integer(_)), digits) => convert::whole(convert::round(real_at(a, 0), digits)).map(Value::Integer),
        (_, digits) => Ok(Value::Real(convert::round(real_at(a, 0), digits))),
    }),
    strict("MOD", N2, 2, remainder_type, |_, a| match (a.first(), a.get(1)) {
        (_, Some(Value::Integer(0))) => Err(division_by_zero()),
        (Some(Value::Integer(one)), Some(Value::Integer(two))) => Ok(Value::Integer(one.wrapping_rem(*two))),
        _ if real_at(a, 1) == 0.0 => Err(division_by_zero()),
        _ => Ok(Value::Real(real_at(a, 0) % real_at(a, 1))),
    }),
    // Division, with the digits of the quotient; 255 for floating point.
    strict("$DIV", &[Want::Number, Want::Number, Want::Whole], 3, a_real, |_, a| {
        if real_at(a, 1) == 0.0 {
            return Err(division_by_zero());
        }
        divide(a)
    }),
    // A result of arithmetic, made into NUMBER(38, scale) again.
    strict("$FIXED", NW, 2, a_real, |_, a| {
        let scale = u8::try_from(whole_at(a, 1).unwrap_or(0)).unwrap_or(38);
        let number = match a.first() {
            Some(Value::Integer(whole)) => Number::Whole(*whole),
            _ => Number::Fraction(real_at(a, 0)),
        };
        if let Number::Fraction(number) = number
            && number.abs() >= 10_f64.powi(16 - i32::from(scale))
        {
            return Err(too_many_digits());
        }
        convert::fixed(number, 38, scale)
    }),
    strict("SQRT", R1, 1, a_real, |_, a| {
        if real_at(a, 0) < 0.0 { Err(invalid_argument("SQRT")) } else { Ok(Value::Real(real_at(a, 0).sqrt())) }
    }),
    strict("CBRT", R1, 1, a_real, |_, a| Ok(Value::Real(real_at(a, 0).cbrt()))),
    strict("SQUARE", R1, 1, a_real, |_, a| Ok(Value::Real(real_at(a, 0) * real_at(a, 0)))),
    strict("POWER", R2, 2, a_real, |_, a| Ok(Value::Real(real_at(a, 0).powf(real_at(a, 1))))),
    strict("EXP", R1, 1, a_real, |_, a| Ok(Value::Real(real_at(a, 0).exp()))),
    strict("LN", R1, 1, a_real, |_, a| {
        if real_at(a, 0) <= 0.0 { Err(invalid_argument("LN")) } else { Ok(Value::Real(real_at(a, 0).ln())) }
    }),
    strict("LOG", R2, 2, a_real, |_, a| {
        if real_at(a, 0) <= 0.0 || real_at(a, 1) <= 0.0 {
            return Err(invalid_argument("LOG"));
        }
        Ok(Value::Real(real_at(a, 1).ln() / real_at(a, 0).ln()))
    }),
    strict("SIN", R1, 1, a_real, |_, a| Ok(Value::Real(real_at(a, 0).sin()))),
    strict("COS", R1, 1, a_real, |_, a| Ok(Value::Real(real_at(a, 0).cos()))),
    strict("TAN", R1, 1, a_real, |_, a| Ok(Value::Real(real_at(a, 0).tan()))),
    strict("RADIANS", R1, 1, a_real, |_, a| Ok(Value::Real(real_at(a, 0).to_radians()))),
    strict("DEGREES", R1, 1, a_real, |_, a| Ok(Value::Real(real_at(a, 0).to_degrees()))),
    open("PI", &[], 0, a_real, |_, _| Ok(Value::Real(std::f64::consts::PI))),
    strict("BITAND", &[Want::Whole, Want::Whole], 2, a_number, |_, a| {
        Ok(Value::Integer(whole_at(a, 0).unwrap_or(0) & whole_at(a, 1).unwrap_or(0)))
    }),
    strict("BITOR", &[Want::Whole, Want::Whole], 2, a_number, |_, a| {
        Ok(Value::Integer(whole_at(a, 0).unwrap_or(0) | whole_at(a, 1).unwrap_or(0)))
    }),
];

fn division_by_zero() -> crate::sandbox::snowflake::answer::SqlError {
    fail::error("100051", "22012", "Division by zero")
}

fn invalid_argument(function: &str) -> crate::sandbox::snowflake::answer::SqlError {
    fail::error("100095", "22023", format!("Invalid floating point operation: {function}"))
}

/// Without digits the scale goes; with them it stays, as the digits are known only when it is computed.
fn rounded(types: &[Type]) -> Type {
    match (types.first(), types.len()) {
        (Some(Type::Fixed { precision, .. }), 1) => Type::Fixed { precision: (*precision).clamp(1, 37) + 1, scale: 0 },
        (Some(Type::Fixed { scale, .. }), _) => Type::Fixed { precision: 38, scale: *scale },
        _ => Type::Real,
    }
}

fn remainder_type(types: &[Type]) -> Type {
    match (types.first(), types.get(1)) {
        (Some(one), Some(two)) => one.meet(*two).unwrap_or(Type::Real),
        _ => Type::Real,
    }
}

fn digits(args: &[Value]) -> i32 {
    i32::try_from(whole_at(args, 1).unwrap_or(0).clamp(-38, 38)).unwrap_or(0)
}

/// Applies a rounding at so many digits after the point.
#[expect(clippy::unnecessary_wraps, reason = "as functions give it")]
fn to_digits(args: &[Value], apply: fn(f64) -> f64) -> Fallible<Value> {
    let digits = digits(args);
    if let (Some(Value::Integer(whole)), 0..) = (args.first(), digits) {
        return Ok(Value::Integer(*whole));
    }
    let factor = 10_f64.powi(digits);
    // The product is rounded first, so that 2.3 * 100 does not end just below 230.
    let scaled = convert::round(real_at(args, 0) * factor, 9);
    Ok(Value::Real(apply(scaled) / factor))
}

/// Whole numbers divide exactly, as far as the digits go.
fn divide(args: &[Value]) -> Fallible<Value> {
    let scale = whole_at(args, 2).unwrap_or(255);
    if scale > 38 {
        return Ok(Value::Real(real_at(args, 0) / real_at(args, 1)));
    }
    let quotient = real_at(args, 0) / real_at(args, 1);
    if quotient.abs() >= 1e15 {
        return Err(too_many_digits());
    }
    let scale = i32::try_from(scale).unwrap_or(6);
    let (Some(one), Some(two)) = (whole_at(args, 0), whole_at(args, 1)) else {
        return Ok(Value::Real(convert::round(quotient, scale)));
    };
    let power = 10_i128.pow(scale.unsigned_abs().min(18));
    let (one, two) = (i128::from(one), i128::from(two));
    let Some(scaled) = one.checked_mul(power).map(|scaled| scaled * 2) else { return Err(too_many_digits()) };
    let doubled = scaled / two;
    let nearest = i128::midpoint(doubled, doubled.signum());
    let text = format!("{nearest}e-{scale}");
    text.parse().map(Value::Real).map_err(|_| too_many_digits())
}
