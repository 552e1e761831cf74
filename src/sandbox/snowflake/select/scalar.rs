//! Scalar functions: their arguments, what they give, and how they are computed.

mod json;
mod number;
mod text;
mod time;

use rusqlite::types::Value;

pub(super) use self::text::like;
pub(super) use self::time::{Part, part};

use super::convert::Env;
use super::types::{INTEGER, TEXT, Type};
use crate::sandbox::snowflake::answer::SqlError;
use crate::sandbox::snowflake::fail::{self, Fallible};

/// What an argument is made into before the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Want {
    Text,
    Whole,
    /// A number of its own type; other values become numbers.
    Number,
    Real,
    Boolean,
    /// A wall clock: a `TIMESTAMP_NTZ`.
    Moment,
    /// A VARIANT; everything else becomes one.
    Json,
}

/// How a function is computed. It sees values of the types that its arguments were made into.
type Run = fn(&Env, &[Value]) -> Fallible<Value>;

/// A function.
pub(super) struct Scalar {
    pub(super) name: &'static str,
    /// The last repeats if there are `more`.
    pub(super) wants: &'static [Want],
    pub(super) least: usize,
    /// Whether any number of arguments may follow.
    pub(super) more: bool,
    /// Whether a NULL among the arguments makes the result NULL.
    pub(super) strict: bool,
    /// The type of the result, from those of the arguments.
    pub(super) gives: fn(&[Type]) -> Type,
    pub(super) run: Run,
}

/// A function that is NULL when an argument is.
const fn strict(
    name: &'static str,
    wants: &'static [Want],
    least: usize,
    gives: fn(&[Type]) -> Type,
    run: Run,
) -> Scalar {
    Scalar { name, wants, least, more: false, strict: true, gives, run }
}

/// The same, with NULLs passed on to it and any number of arguments.
const fn open(
    name: &'static str,
    wants: &'static [Want],
    least: usize,
    gives: fn(&[Type]) -> Type,
    run: Run,
) -> Scalar {
    Scalar { name, wants, least, more: true, strict: false, gives, run }
}

fn a_text(_: &[Type]) -> Type {
    TEXT
}

fn a_number(_: &[Type]) -> Type {
    INTEGER
}

fn a_real(_: &[Type]) -> Type {
    Type::Real
}

fn a_boolean(_: &[Type]) -> Type {
    Type::Boolean
}

fn a_variant(_: &[Type]) -> Type {
    Type::Variant
}

fn an_array(_: &[Type]) -> Type {
    Type::Array
}

fn an_object(_: &[Type]) -> Type {
    Type::Object
}

fn the_first(types: &[Type]) -> Type {
    types.first().copied().unwrap_or(Type::Null)
}

/// All tables of functions.
fn tables() -> [&'static [Scalar]; 4] {
    [text::FUNCTIONS, number::FUNCTIONS, time::FUNCTIONS, json::FUNCTIONS]
}

/// All functions.
pub(super) fn all() -> impl Iterator<Item = &'static Scalar> {
    tables().into_iter().flatten()
}

/// The function of a name, in upper case.
pub(super) fn find(name: &str) -> Option<&'static Scalar> {
    all().find(|function| function.name == name)
}

// --- arguments -------------------------------------------------------------------------------------------------------------------

fn text_at(args: &[Value], at: usize) -> &str {
    match args.get(at) {
        Some(Value::Text(text)) => text,
        _ => "",
    }
}

fn whole_at(args: &[Value], at: usize) -> Option<i64> {
    match args.get(at) {
        Some(Value::Integer(whole)) => Some(*whole),
        _ => None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "functions that give floating point numbers are as exact as these are")]
fn real_at(args: &[Value], at: usize) -> f64 {
    match args.get(at) {
        Some(Value::Integer(whole)) => *whole as f64,
        Some(Value::Real(number)) => *number,
        _ => 0.0,
    }
}

#[expect(clippy::unnecessary_wraps, reason = "as functions give it")]
fn given(text: impl Into<String>) -> Fallible<Value> {
    Ok(Value::Text(text.into()))
}

#[expect(clippy::unnecessary_wraps, reason = "as functions give it")]
fn truth(value: bool) -> Fallible<Value> {
    Ok(Value::Integer(i64::from(value)))
}

#[expect(clippy::unnecessary_wraps, reason = "as functions give it")]
fn count(value: usize) -> Fallible<Value> {
    Ok(Value::Integer(i64::try_from(value).unwrap_or(i64::MAX)))
}

/// Texts that functions make have an end.
const MOST_BYTES: usize = 16 * 1024 * 1024;

fn bounded(text: String) -> Fallible<Value> {
    if text.len() > MOST_BYTES { Err(fail::beyond("texts of more than 16 MB")) } else { Ok(Value::Text(text)) }
}

fn invalid(what: &str) -> SqlError {
    fail::error("100068", "22000", what.to_owned())
}
