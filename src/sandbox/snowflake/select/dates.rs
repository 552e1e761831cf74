//! Calls about dates and times: parts that are words, times that keep their type, intervals, and zones.

use sqlparser::ast::{BinaryOperator, Expr, Interval, Spanned};

use super::call::{arity, take_exactly};
use super::compile::{Compiler, Typed};
use super::expr::{literal, text_constant, wrong_types};
use super::parse::Source;
use super::scalar::{self, Part};
use super::types::{INTEGER, Type};
use crate::sandbox::snowflake::answer::SqlError;
use crate::sandbox::snowflake::expr::Val;
use crate::sandbox::snowflake::fail::{self, Fallible};

impl Compiler<'_, '_> {
    pub(super) fn with_part(&mut self, name: &str, args: &[&Expr], source: &Source<'_>) -> Fallible<Typed> {
        if name == "LAST_DAY" {
            let mut typed = match args.first() {
                Some(first) => vec![self.expr(first, source)?],
                None => return Err(arity(name, 1, 0)),
            };
            if let Some(part) = args.get(1) {
                typed.push(text_constant(&word(part)?));
            }
            let day = self.scalar_by_name(name, typed)?;
            return self.cast(day, Type::Date, false);
        }
        let wanted = if matches!(name, "DATEADD" | "DATEDIFF") { 3 } else { 2 };
        if args.len() != wanted {
            return Err(arity(name, wanted, args.len()));
        }
        let Some((first, rest)) = args.split_first() else { return Err(arity(name, wanted, 0)) };
        // DATE_TRUNC takes its arguments in either order.
        let turned = name == "DATE_TRUNC" && word(first).ok().is_none_or(|word| scalar::part(&word).is_err());
        let (part, rest) = match (turned, rest) {
            (true, [part]) => (word(part)?, vec![*first]),
            _ => (word(first)?, rest.to_vec()),
        };
        scalar::part(&part)?;
        let mut typed = rest.iter().map(|arg| self.expr(arg, source)).collect::<Fallible<Vec<_>>>()?;
        match name {
            "DATEADD" => {
                let (Some(time), Some(many)) = (typed.pop(), typed.pop()) else { return Err(arity(name, 3, 0)) };
                self.date_add(&part, many, time)
            }
            "DATEDIFF" => {
                let mut all = vec![text_constant(&part)];
                all.append(&mut typed);
                self.scalar_by_name("$DATEDIFF", all)
            }
            "DATE_TRUNC" => {
                let [time] = take_exactly(name, typed)?;
                let time = self.moment(time)?;
                let cut = self.scalar_by_name("$DATE_TRUNC", vec![text_constant(&part), time.clone()])?;
                self.back(cut, &time)
            }
            _ => {
                let [time] = take_exactly(name, typed)?;
                self.date_part(&part, time)
            }
        }
    }

    /// Texts become times where a time is wanted.
    fn moment(&mut self, typed: Typed) -> Fallible<Typed> {
        match typed.kind {
            Type::Text(_) | Type::Null | Type::Variant => self.cast(typed, Type::Ntz(9), false),
            Type::Date | Type::Time(_) | Type::Ntz(_) | Type::Ltz(_) | Type::Tz(_) => Ok(typed),
            other => Err(wrong_types("DATEADD", &[other])),
        }
    }

    fn date_add(&mut self, part: &str, many: Typed, time: Typed) -> Fallible<Typed> {
        let mut time = self.moment(time)?;
        let whole_days = matches!(
            scalar::part(part)?,
            Part::Year | Part::Quarter | Part::Month | Part::Week | Part::Day | Part::DayOfYear | Part::DayOfWeek
        );
        if time.kind == Type::Date && !whole_days {
            time = self.cast(time, Type::Ntz(9), false)?;
        }
        let many = match many.kind {
            kind if kind == INTEGER => many,
            _ => self.converted(many, INTEGER, false)?,
        };
        let moved = self.scalar_by_name("$DATEADD", vec![text_constant(part), many, time.clone()])?;
        self.back(moved, &time)
    }

    /// A wall clock as a time of the type it came from.
    fn back(&mut self, moved: Typed, time: &Typed) -> Fallible<Typed> {
        match time.kind {
            Type::Tz(scale) => {
                let typed = self.scalar_by_name("$RETZ", vec![moved, time.clone()])?;
                Ok(Typed { kind: Type::Tz(scale), ..typed })
            }
            kind => self.converted(moved, kind, false),
        }
    }

    pub(super) fn date_part(&mut self, part: &str, time: Typed) -> Fallible<Typed> {
        let epoch = matches!(
            scalar::part(part)?,
            Part::EpochSecond | Part::EpochMillisecond | Part::EpochMicrosecond | Part::EpochNanosecond
        );
        let mut time = self.moment(time)?;
        if epoch && matches!(time.kind, Type::Ltz(_) | Type::Tz(_)) {
            // What counts is the instant, not what a clock shows.
            time = self.converted(time, Type::Ltz(9), false)?;
            time.kind = Type::Ntz(9);
        }
        self.scalar_by_name("$DATE_PART", vec![text_constant(part), time])
    }

    /// `time + INTERVAL '1 day, 2 hours'`.
    pub(super) fn interval(
        &mut self,
        time: Typed,
        op: &BinaryOperator,
        interval: &Interval,
        source: &Source<'_>,
    ) -> Fallible<Typed> {
        let sign = match op {
            BinaryOperator::Plus => "",
            BinaryOperator::Minus => "-",
            other => return Err(fail::beyond(&format!("INTERVAL behind {other}"))),
        };
        let value = self.expr(&interval.value, source)?;
        let Val::Text(text) = self.constant(&value)? else { return Err(fail::beyond("INTERVAL of a number")) };
        let text = match &interval.leading_field {
            Some(field) => format!("{text} {field}"),
            None => text,
        };
        let mut time = time;
        for piece in text.split(',') {
            let mut words = piece.split_whitespace();
            let many: Option<i64> = words.next().and_then(|many| many.parse().ok());
            let part = words.next().unwrap_or("second");
            let Some(many) = many.filter(|_| words.next().is_none()) else {
                let text = format!("SQL compilation error:\nInvalid interval '{text}'.");
                return Err(fail::error("001008", "22023", text));
            };
            time = self.date_add(part, Typed::constant(format!("({sign}({many}))"), INTEGER), time)?;
        }
        Ok(time)
    }

    pub(super) fn convert_timezone(&mut self, mut args: Vec<Typed>) -> Fallible<Typed> {
        let (Some(time), Some(to)) = (args.pop(), args.pop()) else { return Err(arity("CONVERT_TIMEZONE", 2, 0)) };
        let zone = |c: &mut Self, typed: &Typed| {
            let Val::Text(name) = c.constant(typed)? else { return Err(fail::nowhere()) };
            let zone = jiff::tz::TimeZone::get(&name);
            zone.map(|_| name.clone())
                .map_err(|_| fail::error("100097", "22023", format!("Unknown timezone: '{name}'")))
        };
        let to = zone(self, &to)?;
        let from = args.pop().map(|from| zone(self, &from)).transpose()?;
        let time = self.moment(time)?;
        if let Some(from) = from {
            // From a wall clock to a wall clock.
            let local = self.converted(time, Type::Ntz(9), false)?;
            let sql = format!("f_zone({}, {}, {})", local.sql, literal(&from), literal(&to));
            return Ok(Typed { sql, kind: Type::Ntz(9), ..local });
        }
        let instant = self.converted(time, Type::Ltz(9), false)?;
        let sql = format!("f_zone({}, '', {})", instant.sql, literal(&to));
        Ok(Typed { sql, kind: Type::Tz(9), ..instant })
    }
}

/// A part of a date, as a word or as a text.
fn word(expr: &Expr) -> Fallible<String> {
    match expr {
        Expr::Identifier(ident) => Ok(ident.value.clone()),
        Expr::Value(value) => value.value.clone().into_string().ok_or_else(|| not_a_part(expr)),
        _ => Err(not_a_part(expr)),
    }
}

fn not_a_part(expr: &Expr) -> SqlError {
    let (line, position) = super::compile::place(expr.span());
    let text = format!(
        "SQL compilation error: error line {line} at position {position}\n'{expr}' is not a valid date/time component"
    );
    fail::error("001008", "22023", text)
}
