//! `TO_X` and `TRY_TO_X`.

use super::call::arity;
use super::compile::{Compiler, Typed};
use super::engine::engine_name;
use super::expr::wrong_types;
use super::types::{INTEGER, TEXT, Type};
use crate::sandbox::snowflake::fail::{self, Fallible};

impl Compiler<'_, '_> {
    /// `TO_X` and `TRY_TO_X`.
    pub(super) fn conversion(&mut self, name: &str, args: Vec<Typed>) -> Fallible<Option<Typed>> {
        let Some((to, quietly)) = conversion_target(name) else { return Ok(None) };
        let mut args = args.into_iter();
        let Some(value) = args.next() else { return Err(arity(name, 1, 0)) };
        let rest: Vec<Typed> = args.collect();
        if quietly && !matches!(value.kind, Type::Text(_) | Type::Null) {
            return Err(wrong_types(name, &[value.kind]));
        }
        if let (Type::Fixed { .. }, digits) = (to, rest.as_slice())
            && !digits.is_empty()
        {
            let number = |at: usize| digits.get(at).and_then(|digit| digit.sql.parse::<u8>().ok());
            let (Some(precision), scale) = (number(0), number(1).unwrap_or(0)) else {
                return Err(fail::beyond(&format!("formats in {name}")));
            };
            return self
                .cast(value, Type::Fixed { precision: precision.min(38), scale: scale.min(37) }, quietly)
                .map(Some);
        }
        let is_time = matches!(to, Type::Date | Type::Time(_) | Type::Ntz(_) | Type::Ltz(_) | Type::Tz(_));
        match (is_time, value.kind, rest.into_iter().next()) {
            (true, Type::Text(_) | Type::Null, Some(format)) => {
                let quiet = Typed::constant(i64::from(quietly).to_string(), Type::Boolean);
                let format = self.converted(format, TEXT, false)?;
                let read = self.scalar_by_name("$READ", vec![value, format, quiet])?;
                self.converted(read, to, false).map(Some)
            }
            (true, Type::Fixed { .. }, Some(scale)) => {
                // A number of parts of a second.
                let sql = format!("f_epoch({}, {})", value.sql, scale.sql);
                let at = Typed::of(sql, Type::Ntz(9), [&value, &scale]);
                self.converted(at, to, false).map(Some)
            }
            (false, kind, Some(format)) if matches!(to, Type::Text(_)) && time_like(kind) => {
                self.formatted(&value, format).map(Some)
            }
            (false, Type::Text(_), Some(format))
                if matches!(to, Type::Binary) && format.sql.eq_ignore_ascii_case("'HEX'") =>
            {
                self.cast(value, to, quietly).map(Some)
            }
            (_, _, Some(_)) => Err(fail::beyond(&format!("formats in {name}"))),
            (_, _, None) => self.cast(value, to, quietly).map(Some),
        }
    }

    /// A time in a format.
    fn formatted(&mut self, time: &Typed, format: Typed) -> Fallible<Typed> {
        let format = self.converted(format, TEXT, false)?;
        let offset = match time.kind {
            Type::Tz(_) => format!("{}({})", engine_name("$OFFSET"), time.sql),
            Type::Ltz(_) => {
                let tz = self.converted(time.clone(), Type::Tz(9), false)?;
                format!("{}({})", engine_name("$OFFSET"), tz.sql)
            }
            _ => "0".to_owned(),
        };
        let local = match time.kind {
            Type::Time(_) => time.clone(),
            _ => self.converted(time.clone(), Type::Ntz(9), false)?,
        };
        let sql = format!("{}({}, {offset}, {})", engine_name("$FORMAT"), local.sql, format.sql);
        Ok(Typed::of(sql, TEXT, [time, &format]))
    }
}

pub(super) fn taken_if_conversion(name: &str, args: &mut Vec<Typed>) -> Vec<Typed> {
    if conversion_target(name).is_some() { std::mem::take(args) } else { Vec::new() }
}

fn time_like(kind: Type) -> bool {
    matches!(kind, Type::Date | Type::Time(_) | Type::Ntz(_) | Type::Ltz(_) | Type::Tz(_))
}

/// The type that a conversion function makes, and whether it is NULL where it fails.
fn conversion_target(name: &str) -> Option<(Type, bool)> {
    let (name, quietly) = match name.strip_prefix("TRY_") {
        Some(rest) => (rest, true),
        None => (name, false),
    };
    let to = match name {
        "TO_NUMBER" | "AS_INTEGER" => INTEGER,
        "TO_DOUBLE" | "AS_DOUBLE" => Type::Real,
        "TO_VARCHAR" | "AS_VARCHAR" => TEXT,
        "TO_BOOLEAN" | "AS_BOOLEAN" => Type::Boolean,
        "TO_DATE" | "DATE" | "AS_DATE" => Type::Date,
        "TO_TIME" | "TIME" => Type::Time(9),
        "TO_TIMESTAMP_NTZ" => Type::Ntz(9),
        "TO_TIMESTAMP_LTZ" => Type::Ltz(9),
        "TO_TIMESTAMP_TZ" => Type::Tz(9),
        "TO_BINARY" => Type::Binary,
        _ => return None,
    };
    Some((to, quietly))
}
